//! `roadstead setup-link`: the one-time link that makes the first admin, printed again.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::base::Clock;
use crate::cli::context;
use crate::cli::data;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{self, Column, Kind, Listing, Show};

#[derive(clap::Args)]
pub struct SetupLinkArgs {
    /// The hub's data
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

const COLUMNS: &[Column] = &[Column::new("link", Kind::Text)];

/// Only the hub's own user on its own host can read the token, so this asks nobody else.
pub async fn run(args: SetupLinkArgs, show: &Show) -> Result<()> {
    let folder = args.data.unwrap_or_else(data::hub_folder);
    let client = context::connect_local(&folder).await?;
    let state: Value = client.hub("GetSetupState", json!({})).await?;
    if state["NeedsAdmin"] != json!(true) {
        return Err(
            Failure::new(Exit::Conflict, "this hub has an admin already, so there is no set-up link any more")
                .hint(format!("log in: {}", client.url()))
                .into(),
        );
    }
    let path = folder.join("setup-token");
    let token = std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    let hub: Value = client.hub("DescribeHub", json!({})).await?;
    let addresses = hub["Addresses"].as_array().cloned().unwrap_or_default();
    let links: Vec<String> = addresses
        .iter()
        .filter_map(Value::as_str)
        .map(|address| link(address, token.trim()))
        .collect();
    if show.is_table() {
        return output::write(&format!("{}\n", links.join("\n")));
    }
    let rows = links.iter().map(|link| json!({"link": link})).collect();
    show.listing(&Listing { columns: COLUMNS, rows }, Clock::system().now())
}

fn link(address: &str, token: &str) -> String {
    format!("https://{address}/setup#token={token}")
}
