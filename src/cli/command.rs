//! `roadstead command …`: commands that were sent.

use anyhow::Result;
use clap::Subcommand;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::base::id::CommandId;
use crate::cli::args::ListArgs;
use crate::cli::client::Client;
use crate::cli::follow::{self, CommandState, Follow, INVOCATIONS};
use crate::cli::groups::{Names, print_groups};
use crate::cli::lines::Streams;
use crate::cli::node;
use crate::cli::offline;
use crate::cli::output::{self, Column, Format, Kind, Listing, Show, say};
use crate::cli::search::{self, SearchArgs};
use crate::cli::{context, rows, structured, text};

#[derive(Subcommand)]
pub enum CommandVerb {
    /// List commands, the newest first
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        list: ListArgs,
    },
    /// A command, what it ran, and how it went on each node
    Show {
        id: CommandId,
        /// Also the output, equal ones once
        #[arg(long)]
        outputs: bool,
    },
    /// The output of a command
    Logs {
        id: CommandId,
        /// Of this node only, repeatable
        #[arg(long, short, value_name = "NODE")]
        node: Vec<String>,
        /// Go on until the command has ended
        #[arg(long, short)]
        follow: bool,
        #[arg(long, value_enum, default_value_t)]
        stream: Streams,
    },
    /// The nodes whose output has a line with this text
    Search(SearchArgs),
    /// Run a command again, on the nodes where it did not succeed
    Rerun {
        id: CommandId,
        /// On all its nodes
        #[arg(long)]
        all: bool,
        /// So many nodes are meant, where a limit asks for the number
        #[arg(long, value_name = "N")]
        confirm_targets: Option<u64>,
        /// Print the new command's id and do not wait
        #[arg(long)]
        no_wait: bool,
    },
    /// Stop a command: on nodes that have not started it, and where it runs
    Cancel {
        id: CommandId,
        /// On this node only, repeatable
        #[arg(long, short, value_name = "NODE")]
        node: Vec<String>,
    },
}

const LIST: &[Column] = &[
    Column::new("command_id", Kind::Text),
    Column::new("status_details", Kind::Status),
    Column::new("target_count", Kind::Text),
    Column::new("completed_count", Kind::Text),
    Column::new("error_count", Kind::Text),
    Column::new("requested_date_time", Kind::Age),
    Column::new("preview", Kind::Text),
    Column::hidden("comment", Kind::Text),
    Column::hidden("document_name", Kind::Text),
    Column::hidden("status", Kind::Status),
    Column::hidden("expires_after", Kind::Time),
];

const SHOW: &[Column] = &[
    Column::new("command_id", Kind::Text),
    Column::new("status_details", Kind::Status),
    Column::new("document_name", Kind::Text),
    Column::new("preview", Kind::Text),
    Column::new("comment", Kind::Text),
    Column::new("requested_date_time", Kind::Time),
    Column::new("expires_after", Kind::Time),
    Column::new("target_count", Kind::Text),
    Column::new("completed_count", Kind::Text),
    Column::new("error_count", Kind::Text),
    Column::hidden("status", Kind::Status),
];

pub async fn run(verb: CommandVerb, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    match verb {
        CommandVerb::List { list } => list_commands(&client, &list, show).await,
        CommandVerb::Show { id, outputs } => show_command(&client, &id, outputs, show).await,
        CommandVerb::Logs { id, node, follow, stream } => {
            let mut nodes = Vec::new();
            for given in &node {
                nodes.push(node::resolve(&client, given).await?.id);
            }
            Follow::new(&client, &id).only(nodes, stream).logs(show, follow).await
        }
        CommandVerb::Search(args) => search::search(&client, &args, show).await,
        CommandVerb::Rerun {
            id,
            all,
            confirm_targets,
            no_wait,
        } => {
            let scope = if all { "all" } else { "failed" };
            let request = json!({"CommandId": id, "Scope": scope, "ConfirmedTargets": confirm_targets});
            rerun(&client, request, no_wait, show).await
        }
        CommandVerb::Cancel { id, node } => cancel(&client, &id, &node).await,
    }
}

async fn list_commands(client: &Client, list: &ListArgs, show: &Show) -> Result<()> {
    let limit = match list.filter {
        Some(_) => usize::MAX,
        None => list.limit(),
    };
    let found: Vec<Value> = client
        .pages("AmazonSSM.ListCommands", json!({"MaxResults": 50}), "Commands", limit)
        .await?;
    let mut rows: Vec<Value> = found.into_iter().map(command_row).collect();
    output::retain(&mut rows, list.filter.as_ref(), LIST)?;
    rows.truncate(list.limit());
    show.listing(&Listing { columns: LIST, rows }, Clock::system().now())
}

/// The row of a command, with the first line of what it ran.
fn command_row(command: Value) -> Value {
    let mut row = rows::from_api(command);
    let preview = preview(&row["parameters"]["commands"]);
    row["preview"] = json!(preview);
    row
}

fn preview(commands: &Value) -> String {
    const CHARS: usize = 60;
    let lines = commands
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .flat_map(str::lines);
    let mut lines = lines.map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("#!"));
    let first = lines.next().unwrap_or_default();
    let cut: String = first.chars().take(CHARS).collect();
    match cut.len() < first.len() || lines.next().is_some() {
        true => format!("{cut} …"),
        false => cut,
    }
}

async fn show_command(client: &Client, id: &CommandId, outputs: bool, show: &Show) -> Result<()> {
    let now = Clock::system().now();
    let mut described: Value = client.hub("DescribeCommand", json!({"CommandId": id})).await?;
    let mut row = command_row(described["Command"].take());
    let mut invocations = follow::invocation_rows(client, id).await?;
    match show.output {
        Format::Table => {
            let listing = Listing {
                columns: SHOW,
                rows: vec![row],
            };
            let plain = Show {
                columns: Vec::new(),
                ..show.clone()
            };
            plain.record(listing, now)?;
            output::write("\n")?;
            let names = names(&invocations);
            let listing = Listing {
                columns: INVOCATIONS,
                rows: invocations,
            };
            show.listing(&listing, now)?;
            match outputs {
                true => print_groups(client, id, &names, show).await,
                false => Ok(()),
            }
        }
        Format::Csv => {
            let listing = Listing {
                columns: INVOCATIONS,
                rows: invocations,
            };
            show.listing(&listing, now)
        }
        Format::Json | Format::Yaml | Format::Name => {
            if outputs && show.is_structured() {
                let state: CommandState = client.hub("DescribeCommand", json!({"CommandId": id})).await?;
                structured::add_outputs(client, id, &state.steps, &mut invocations).await?;
            }
            row["invocations"] = Value::Array(invocations);
            let listing = Listing {
                columns: SHOW,
                rows: vec![row],
            };
            show.record(listing, now)
        }
    }
}

fn names(invocations: &[Value]) -> Names {
    let named = |row: &Value| Some((row["node_id"].as_str()?.parse().ok()?, text::escape_line(row["name"].as_str()?)));
    invocations.iter().filter_map(named).collect()
}

async fn cancel(client: &Client, id: &CommandId, nodes: &[String]) -> Result<()> {
    let mut request = json!({"CommandId": id});
    let mut ids = Vec::new();
    for given in nodes {
        ids.push(node::resolve(client, given).await?.id);
    }
    if !ids.is_empty() {
        request["InstanceIds"] = json!(ids);
    }
    let found: Cancelled = client.ssm("CancelCommand", request).await?;
    say(&found.words());
    if found.stopping_count > 0 {
        say(&format!("watch it: roadstead command show {id}"));
    }
    Ok(())
}

/// What a cancel found.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Cancelled {
    not_begun_count: u64,
    stopping_count: u64,
    ended_count: u64,
}

impl Cancelled {
    fn words(&self) -> String {
        let parts = [
            (self.not_begun_count, "not begun, and never will be"),
            (self.stopping_count, "told to stop"),
            (self.ended_count, "ended before"),
        ];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts
            .map(|(count, what)| format!("{} {what}", text::count(*count, "node")))
            .collect();
        parts.join("; ")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Rerun {
    command_id: CommandId,
    #[serde(default)]
    awaits_approval: bool,
}

async fn rerun(client: &Client, request: Value, no_wait: bool, show: &Show) -> Result<()> {
    let again: Rerun = client.hub("RerunCommand", request).await?;
    if again.awaits_approval {
        let id = &again.command_id;
        say(&format!(
            "it waits until another person approves it: roadstead approval approve {id}"
        ));
    }
    // Only words, and of nodes that the caller may see: the command goes its way without them.
    let _unsaid = offline::say_waited_for(client, &again.command_id).await;
    if no_wait {
        return structured::print_id(&again.command_id, show);
    }
    let ended = Follow::new(client, &again.command_id).until_end(show).await?;
    follow::say_summary(&ended);
    ended.verdict()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancel_says_what_it_found() {
        let found = Cancelled {
            not_begun_count: 2,
            stopping_count: 1,
            ended_count: 0,
        };
        assert_eq!(found.words(), "2 nodes not begun, and never will be; 1 node told to stop");
    }

    #[test]
    fn the_preview_is_the_first_line_that_says_something() {
        assert_eq!(preview(&json!(["#!/bin/sh\n\nuptime"])), "uptime");
        assert_eq!(preview(&json!(["a", "b"])), "a …");
        assert_eq!(preview(&json!(["x".repeat(61)])), format!("{} …", "x".repeat(60)));
        assert_eq!(preview(&Value::Null), "");
    }
}
