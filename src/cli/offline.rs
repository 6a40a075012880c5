//! Nodes that are offline when a command is sent: which, since when, and until when they are waited for.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::id::{CommandId, NodeId};
use crate::base::{Clock, Timestamp};
use crate::cli::client::Client;
use crate::cli::node::NodeRef;
use crate::cli::output::say;
use crate::cli::text;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OfflineNode {
    #[serde(flatten)]
    node: NodeRef,
    offline_reason: Option<String>,
    last_seen_at: Option<Timestamp>,
}

/// How many are named.
const NAMED: usize = 10;

/// Names the first of `count` nodes.
pub fn say_which(nodes: &[OfflineNode], count: u64) {
    let now = Clock::system().now();
    for offline in nodes.iter().take(NAMED) {
        say(&format!("  {}", words(offline, now)));
    }
    if count > NAMED as u64 {
        say(&format!("  and {} more", count - NAMED as u64));
    }
}

fn words(offline: &OfflineNode, now: Timestamp) -> String {
    let since = match offline.last_seen_at {
        Some(at) => format!("offline since {} ({})", text::moment(at), text::relative(at, now)),
        None => "never connected".to_owned(),
    };
    let why = offline
        .offline_reason
        .as_deref()
        .map_or_else(String::new, |why| format!(", {}", text::escape_line(why)));
    format!("{}  {}  {since}{why}", offline.node.id, offline.node.shown())
}

pub fn say_until(wait_ends_at: Timestamp) {
    say(&format!(
        "The command waits for them until {} ({}).",
        text::moment(wait_ends_at),
        text::relative(wait_ends_at, Clock::system().now())
    ));
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    command: Sent,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sent {
    requested_date_time: Timestamp,
    timeout_seconds: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NotBegun {
    node_id: NodeId,
}

/// For a command that was sent without a look at its nodes: which of them it waits for.
pub async fn say_waited_for(client: &Client, command: &CommandId) -> Result<()> {
    let request = json!({"CommandId": command, "Status": ["Pending", "Delayed"], "MaxResults": 100});
    let not_begun: Vec<NotBegun> = client
        .pages("Roadstead.SearchInvocations", request, "Invocations", usize::MAX)
        .await?;
    if not_begun.is_empty() {
        return Ok(());
    }
    let not_begun: BTreeSet<NodeId> = not_begun.into_iter().map(|one| one.node_id).collect();
    let mut offline: Vec<OfflineNode> = client.pages("Roadstead.SearchNodes", offline_nodes(), "Nodes", usize::MAX).await?;
    offline.retain(|one| not_begun.contains(&one.node.id));
    if offline.is_empty() {
        return Ok(());
    }
    let Described { command } = client.hub("DescribeCommand", json!({"CommandId": command})).await?;
    say(&format!("{} offline:", text::count(offline.len() as u64, "node")));
    say_which(&offline, offline.len() as u64);
    say_until(command.requested_date_time + Duration::from_secs(command.timeout_seconds));
    Ok(())
}

fn offline_nodes() -> Value {
    json!({"Filter": {"Join": "and", "Terms": [{"Key": "status", "Op": "eq", "Value": "Offline"}]}, "MaxResults": 100})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_told_with_since_when_and_why() {
        let at = Timestamp::from_millis(1_700_000_000_000);
        let node = |more: Value| -> OfflineNode {
            let mut node = json!({"NodeId": format!("mi-{:017}", 1), "Name": "web"});
            node.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            serde_json::from_value(node).unwrap()
        };
        let told = words(
            &node(json!({"LastSeenAt": at, "OfflineReason": "Stopped"})),
            at + Duration::from_secs(60),
        );
        assert!(told.contains("web  offline since ") && told.ends_with(", Stopped"), "{told}");
        assert!(words(&node(json!({})), at).ends_with("web  never connected"));
    }
}
