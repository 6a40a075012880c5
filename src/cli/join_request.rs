//! `roadstead join-request …`: systems that wait to be let in.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::cli::args::ListArgs;
use crate::cli::client::Client;
use crate::cli::failure::Failure;
use crate::cli::output::{self, Column, Kind, Listing, Show};
use crate::cli::{context, rows, text};
use crate::model::filter::Filter;

#[derive(Subcommand)]
pub enum JoinRequestVerb {
    /// List the requests that wait
    #[command(visible_alias = "ls")]
    List {
        /// Those that were decided too
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Let systems in; one that was installed anew takes over its old record
    Approve {
        #[command(flatten)]
        which: Which,
        /// A system installed anew becomes a node of its own instead
        #[arg(long)]
        as_new_node: bool,
    },
    /// Refuse systems: their keys are not let in
    Reject {
        #[command(flatten)]
        which: Which,
    },
}

/// Which requests.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// Every request that waits and matches, e.g. 'name^web- address:10.1.'
    #[arg(long, value_name = "FILTER")]
    filter: Option<Filter>,
}

const COLUMNS: &[Column] = &[
    Column::new("request_id", Kind::Text),
    Column::new("state", Kind::Status),
    Column::new("computer_name", Kind::Text),
    Column::new("platform", Kind::Text),
    Column::new("address", Kind::Text),
    Column::new("node_id", Kind::Text),
    Column::new("requested_at", Kind::Age),
    Column::new("last_seen_at", Kind::Age),
    Column::hidden("machine_id", Kind::Text),
    Column::hidden("key_fingerprint", Kind::Text),
    Column::hidden("activation_id", Kind::Text),
    Column::hidden("decided_by", Kind::Text),
    Column::hidden("decided_at", Kind::Time),
];

pub async fn run(verb: JoinRequestVerb, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    match verb {
        JoinRequestVerb::List { all, list } => {
            let mut request = json!({"MaxResults": 100});
            if !all {
                request["State"] = json!("Pending");
            }
            let found: Vec<Value> = client
                .pages("Roadstead.ListJoinRequests", request, "JoinRequests", usize::MAX)
                .await?;
            let mut rows: Vec<Value> = found.into_iter().map(rows::from_api).collect();
            output::retain(&mut rows, list.filter.as_ref(), COLUMNS)?;
            rows.truncate(list.limit());
            show.listing(&Listing { columns: COLUMNS, rows }, Clock::system().now())
        }
        JoinRequestVerb::Approve { which, as_new_node } => {
            let mut request = which.request()?;
            request["AsNewNode"] = json!(as_new_node);
            decide(&client, "ApproveJoin", request, "let in").await
        }
        JoinRequestVerb::Reject { which } => decide(&client, "RejectJoin", which.request()?, "refused").await,
    }
}

impl Which {
    fn request(self) -> Result<Value> {
        match self.filter {
            Some(filter) if filter.is_empty() => Err(Failure::usage("--filter is empty, which would mean every request")
                .hint("every one that waits: --filter 'id^jr-'")
                .into()),
            Some(filter) => Ok(json!({"Filter": filter})),
            None => Ok(json!({"RequestIds": self.ids})),
        }
    }
}

async fn decide(client: &Client, operation: &str, request: Value, done: &str) -> Result<()> {
    let decided: Value = client.hub(operation, request).await?;
    let ids = decided["RequestIds"].as_array().map_or(0, Vec::len);
    output::say(&format!(
        "{} {done}; each hears it within ten seconds",
        text::count(ids as u64, "system")
    ));
    Ok(())
}
