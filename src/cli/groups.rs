//! Equal outputs folded: each once, with how many nodes gave it.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use crate::base::id::{CommandId, NodeId};
use crate::cli::client::Client;
use crate::cli::output::{self, Show};
use crate::cli::text;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Group {
    status_details: String,
    exit_code: Option<i64>,
    count: u64,
    #[serde(default)]
    node_ids: Vec<NodeId>,
    #[serde(default)]
    stdout: String,
    #[serde(default)]
    stderr: String,
    #[serde(default)]
    truncated: bool,
}

/// What nodes are called, for people.
pub type Names = BTreeMap<NodeId, String>;

/// Equal outputs once, with how many nodes gave them.
pub async fn print_groups(client: &Client, command: &CommandId, names: &Names, show: &Show) -> Result<()> {
    let groups: Vec<Group> = client
        .pages("Roadstead.GroupOutputs", json!({"CommandId": command}), "Groups", usize::MAX)
        .await?;
    let mut out = String::new();
    for group in groups {
        out.push_str(&group_title(&group, names));
        for stream in [&group.stdout, &group.stderr] {
            let shown = if show.raw { stream.clone() } else { text::escape_output(stream) };
            out.push_str(&shown);
            if !shown.is_empty() && !shown.ends_with('\n') {
                out.push('\n');
            }
        }
        if group.truncated {
            out.push_str(&format!(
                "… (whole: roadstead command logs {command} --node {})\n",
                first_of(&group.node_ids)
            ));
        }
    }
    output::write(&out)
}

fn first_of(nodes: &[NodeId]) -> String {
    nodes.first().map_or_else(|| "NODE".to_owned(), NodeId::to_string)
}

fn group_title(group: &Group, names: &Names) -> String {
    let code = group.exit_code.map_or_else(String::new, |code| format!(", exit code {code}"));
    let shown: Vec<&str> = group
        .node_ids
        .iter()
        .take(3)
        .map(|id| names.get(id).map_or(id.as_str(), String::as_str))
        .collect();
    let more = if group.count > shown.len() as u64 { ", …" } else { "" };
    format!(
        "== {}: {}{code} ({}{more})\n",
        text::count(group.count, "node"),
        text::escape_line(&group.status_details),
        shown.join(", ")
    )
}
