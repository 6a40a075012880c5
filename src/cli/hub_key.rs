//! `roadstead hub-key …`: the key by which agents know the hub.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::cli::output::{self, Column, Kind, Listing, Show};
use crate::cli::{context, rows};

#[derive(Subcommand)]
pub enum HubKeyVerb {
    /// The present key, and how many nodes have it
    Status,
    /// Make a new key, signed by the present one; agents take both until `finish`
    Rotate,
    /// Agents take the old key no more
    Finish {
        /// Although some nodes do not have the new key yet; they learn it when they connect
        #[arg(long)]
        anyway: bool,
    },
}

const COLUMNS: &[Column] = &[
    Column::new("fingerprint", Kind::Text),
    Column::new("old_fingerprint", Kind::Text),
    Column::new("nodes_with_it", Kind::Text),
    Column::new("nodes_without_it", Kind::Text),
    Column::new("changes", Kind::Text),
];

pub async fn run(verb: HubKeyVerb, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    let key: Value = match verb {
        HubKeyVerb::Status => client.hub("DescribeHubKey", json!({})).await?,
        HubKeyVerb::Rotate => {
            let key = client.hub("RotateHubKey", json!({})).await?;
            output::say("The hub has a new key. When the nodes have it: roadstead hub-key finish");
            key
        }
        HubKeyVerb::Finish { anyway } => client.hub("FinishHubKeyRotation", json!({"Anyway": anyway})).await?,
    };
    let listing = Listing {
        columns: COLUMNS,
        rows: vec![rows::from_api(key)],
    };
    show.record(listing, Clock::system().now())
}
