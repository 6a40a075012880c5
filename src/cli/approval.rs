//! `roadstead approval …`: commands that wait for a second person.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::base::id::CommandId;
use crate::cli::args::ListArgs;
use crate::cli::output::{Column, Kind, Listing, Show};
use crate::cli::{context, rows};

#[derive(Subcommand)]
pub enum ApprovalVerb {
    /// List commands that wait, or with --all also those that were decided
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        list: ListArgs,
        #[arg(long)]
        all: bool,
    },
    /// Let a command of somebody else go out
    Approve {
        #[arg(value_name = "COMMAND")]
        id: CommandId,
        #[arg(long, default_value = "", value_name = "TEXT")]
        reason: String,
    },
    /// Cancel a command that waits
    Reject {
        #[arg(value_name = "COMMAND")]
        id: CommandId,
        #[arg(long, default_value = "", value_name = "TEXT")]
        reason: String,
    },
}

const COLUMNS: &[Column] = &[
    Column::new("command_id", Kind::Text),
    Column::new("requested_by", Kind::Text),
    Column::new("node_count", Kind::Text),
    Column::new("document_name", Kind::Text),
    Column::new("decision", Kind::Status),
    Column::new("requested_at", Kind::Age),
    Column::new("expires_at", Kind::Time),
    Column::new("decided_by", Kind::Text),
    Column::new("reason", Kind::Text),
    Column::hidden("comment", Kind::Text),
    Column::hidden("decided_at", Kind::Time),
];

pub async fn run(verb: ApprovalVerb, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    let now = Clock::system().now();
    let (operation, id, reason) = match verb {
        ApprovalVerb::List { list, all } => {
            let mut request = json!({ "OnlyOpen": !all });
            if let Some(filter) = &list.filter {
                request["Filter"] = serde_json::to_value(filter)?;
            }
            let found: Vec<Value> = client.pages("Roadstead.ListApprovals", request, "Approvals", list.limit()).await?;
            let rows: Vec<Value> = found.into_iter().map(rows::from_api).collect();
            return show.listing(&Listing { columns: COLUMNS, rows }, now);
        }
        ApprovalVerb::Approve { id, reason } => ("ApproveCommand", id, reason),
        ApprovalVerb::Reject { id, reason } => ("RejectCommand", id, reason),
    };
    let decided: Value = client.hub(operation, json!({ "CommandId": id, "Reason": reason })).await?;
    let rows = vec![rows::from_api(decided["Approval"].clone())];
    show.record(Listing { columns: COLUMNS, rows }, now)
}
