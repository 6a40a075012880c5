//! `roadstead freeze …`: stop everything that the hub would do to nodes, and go on.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::cli::output::{Column, Kind, Listing, Show};
use crate::cli::{context, rows};

#[derive(Subcommand)]
pub enum FreezeVerb {
    /// Send nothing to nodes and open no shell until `freeze off`
    On {
        /// Why; everybody who is refused reads it
        #[arg(long, default_value = "", value_name = "TEXT")]
        reason: String,
    },
    /// Go on: what waited is sent now
    Off,
    /// Whether the hub is frozen, by whom, and why
    Status,
}

const COLUMNS: &[Column] = &[
    Column::new("frozen", Kind::Text),
    Column::new("by", Kind::Text),
    Column::new("at", Kind::Time),
    Column::new("reason", Kind::Text),
];

pub async fn run(verb: FreezeVerb, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    let state: Value = match verb {
        FreezeVerb::On { reason } => client.hub("SetFreeze", json!({ "Frozen": true, "Reason": reason })).await?,
        FreezeVerb::Off => client.hub("SetFreeze", json!({ "Frozen": false })).await?,
        FreezeVerb::Status => client.hub("GetFreeze", json!({})).await?,
    };
    let rows = vec![rows::from_api(state)];
    show.record(Listing { columns: COLUMNS, rows }, Clock::system().now())
}
