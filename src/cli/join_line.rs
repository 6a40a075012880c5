//! `roadstead join-line`: one line to paste on a new node.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::cli::args::{Tag, tags_to_api};
use crate::cli::output::{self, Column, Kind, Listing, Paint, Show};
use crate::cli::{context, rows, text};

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  roadstead join-line\n  roadstead join-line --tags env=prod,role=web --count 20 --expires 2h\n  \
    roadstead join-line -o json | jq -r .token"
)]
pub struct JoinLineArgs {
    /// Tags that nodes joined by this line get
    #[arg(long, value_delimiter = ',', value_name = "K=V,…")]
    tags: Vec<Tag>,
    /// How many nodes may join by it
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// How long it is good for
    #[arg(long, default_value = "24h", value_parser = text::parse_duration, value_name = "DURATION")]
    expires: Duration,
    /// The name that the node gets instead of its own
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    name: Option<String>,
    /// Who joins by it waits until somebody approves: `roadstead join-request`
    #[arg(long)]
    approval: bool,
    /// The line for a node without a network to this hub's web port: binary and token are carried by file
    #[arg(long)]
    offline: bool,
}

const COLUMNS: &[Column] = &[
    Column::new("activation_id", Kind::Text),
    Column::new("expires_at", Kind::Time),
    Column::new("line", Kind::Text),
    Column::hidden("offline_line", Kind::Text),
    Column::hidden("token", Kind::Text),
    Column::hidden("addresses", Kind::Text),
];

pub async fn run(args: JoinLineArgs, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    let mut request = json!({"Count": args.count, "ExpiresInSeconds": args.expires.as_secs(), "NeedsApproval": args.approval});
    if !args.tags.is_empty() {
        request["Tags"] = tags_to_api(&args.tags);
    }
    if let Some(name) = &args.name {
        request["Name"] = json!(name);
    }
    let made: Value = client.hub("CreateJoinLine", request).await?;
    let row = rows::from_api(made);
    if !show.is_table() {
        let listing = Listing {
            columns: COLUMNS,
            rows: vec![row],
        };
        return show.record(listing, Clock::system().now());
    }
    let (line, place) = match args.offline {
        true => (&row["offline_line"], carry(&client.url().to_string())),
        false => (
            &row["line"],
            "Run this on the node. It becomes root, by sudo where needed; with `SUDO= ` before it commands will run as the user that you are:"
                .to_owned(),
        ),
    };
    let paint = Paint::for_stderr();
    output::say(&paint.bold(place));
    output::write(&format!("{}\n", line.as_str().unwrap_or_default()))?;
    output::say(&paint.dim(format!(
        "good for {} during {}; revoke it: roadstead activation delete {}",
        text::count(args.count, "node"),
        text::duration_words(args.expires),
        row["activation_id"].as_str().unwrap_or_default(),
    )));
    Ok(())
}

/// Both files that the offline line looks for beside itself.
fn carry(hub: &str) -> String {
    format!(
        "Carry {hub}/join.sh and {hub}/binaries/ARCH/roadstead (ARCH as `uname -m` says it there) into one folder of the node, and run in it:"
    )
}
