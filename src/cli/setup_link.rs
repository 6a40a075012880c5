//! `roadstead setup-link`: the one-time link that makes the first admin, printed again.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::cli::context;
use crate::cli::data;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output;

#[derive(clap::Args)]
pub struct SetupLinkArgs {
    /// The hub's data
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Only the hub's own user on its own host can read the token, so this asks nobody else.
pub async fn run(args: SetupLinkArgs) -> Result<()> {
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
    output::write(&format!("{}\n", links.join("\n")))
}

fn link(address: &str, token: &str) -> String {
    format!("https://{address}/setup#token={token}")
}
