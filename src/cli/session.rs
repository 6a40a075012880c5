//! `roadstead session …`: shells that are open, and those that were.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::base::id::SessionId;
use crate::cli::args::ListArgs;
use crate::cli::client::Client;
use crate::cli::each::each;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{self, Column, Kind, Listing, Show};
use crate::cli::{context, rows};

#[derive(Subcommand)]
pub enum SessionVerb {
    /// List the open sessions, or the ended ones
    #[command(visible_alias = "ls")]
    List {
        /// The ended ones instead
        #[arg(long)]
        history: bool,
        #[command(flatten)]
        list: ListArgs,
    },
    /// End sessions: their shells are killed
    End {
        #[arg(required = true, value_name = "SESSION")]
        ids: Vec<SessionId>,
    },
}

const COLUMNS: &[Column] = &[
    Column::new("session_id", Kind::Text),
    Column::new("target", Kind::Text),
    Column::new("status", Kind::Status),
    Column::new("owner", Kind::Text),
    Column::new("start_date", Kind::Age),
    Column::new("end_date", Kind::Age),
    Column::hidden("details", Kind::Text),
    Column::hidden("reason", Kind::Text),
];

pub async fn run(verb: SessionVerb, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    match verb {
        SessionVerb::List { history, list } => {
            let state = if history { "History" } else { "Active" };
            let limit = match list.filter {
                Some(_) => usize::MAX,
                None => list.limit(),
            };
            let request = json!({"State": state, "MaxResults": 200});
            let found: Vec<Value> = client.pages("AmazonSSM.DescribeSessions", request, "Sessions", limit).await?;
            let mut rows: Vec<Value> = found.into_iter().map(rows::from_api).collect();
            output::retain(&mut rows, list.filter.as_ref(), COLUMNS)?;
            rows.truncate(list.limit());
            show.listing(&Listing { columns: COLUMNS, rows }, Clock::system().now())
        }
        SessionVerb::End { ids } => each(&ids, async |id| end(&client, id).await).await,
    }
}

/// Upstream's operation says nothing of a session that is not there, or over: a person wants to know.
async fn end(client: &Client, id: &SessionId) -> Result<()> {
    let is_there = async |state: &str| {
        let request = json!({"State": state, "Filters": [{"key": "SessionId", "value": id}]});
        let found: Value = client.ssm("DescribeSessions", request).await?;
        anyhow::Ok(found["Sessions"].as_array().is_some_and(|sessions| !sessions.is_empty()))
    };
    if !is_there("Active").await? {
        if is_there("History").await? {
            output::say(&format!("session {id} had ended before"));
            return Ok(());
        }
        return Err(Failure::new(Exit::NotFound, format!("there is no session `{id}`"))
            .hint("which there are: roadstead session list")
            .into());
    }
    let _: Value = client.ssm("TerminateSession", json!({"SessionId": id})).await?;
    output::say(&format!("session {id} is ended"));
    Ok(())
}
