//! `roadstead admin …`: what only the hub's own user on its own host may do.

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::cli::output::{self, Column, Kind, Listing, Show};
use crate::cli::{context, data, rows};

#[derive(Subcommand)]
pub enum AdminVerb {
    /// Let a user in again who has lost password or second factors: prints a password for one login
    Reset {
        /// The user
        name: String,
        /// The hub's data
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
}

const COLUMNS: &[Column] = &[Column::new("user_name", Kind::Text), Column::new("password", Kind::Text)];

pub async fn run(verb: AdminVerb, show: &Show) -> Result<()> {
    let AdminVerb::Reset { name, data } = verb;
    let client = context::connect_local(&data.unwrap_or_else(data::hub_folder)).await?;
    let answer: Value = client.hub("RecoverUser", json!({"UserName": name})).await?;
    output::say("Second factors and logins are gone; the password is good for one login, which sets a new one.");
    let listing = Listing {
        columns: COLUMNS,
        rows: vec![rows::from_api(answer)],
    };
    show.record(listing, Clock::system().now())
}
