//! `roadstead node …`, and how every verb finds the node that its caller means.

use std::fmt;

use anyhow::Result;
use clap::Subcommand;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::base::id::NodeId;
use crate::cli::args::{ListArgs, Tag, confirm_by_word, say_more, tags_to_api};
use crate::cli::client::{CallError, Client};
use crate::cli::each::each;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{self, Column, Kind, Listing, Show};
use crate::cli::{context, rows, text};

#[derive(Subcommand)]
pub enum NodeVerb {
    /// List the nodes
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        list: ListArgs,
        /// Sort by name, id, status, platform, version, agent, last-seen or joined; with a `-` in front the other way round
        #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
        sort: Option<String>,
    },
    /// Everything known of one node, and why it is offline
    Show { node: String },
    /// Remove nodes for good: their keys are refused from then on
    #[command(visible_alias = "rm")]
    Remove {
        #[arg(required = true)]
        nodes: Vec<String>,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Set (key=value) and remove (key-) tags
    Tag {
        node: String,
        #[arg(required = true, value_name = "KEY=VALUE|KEY-")]
        changes: Vec<TagChange>,
    },
    /// Give a node another name
    Rename { node: String, name: String },
    /// Two systems use one identity: make the copy a node of its own
    NewIdentity {
        node: String,
        /// The one that was connected first is the copy
        #[arg(long)]
        connected: bool,
    },
    /// Two systems used one identity, and the copy is gone: let work go on
    Release { node: String },
}

/// `key=value` sets, `key-` removes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagChange {
    Set(Tag),
    Remove(String),
}

impl std::str::FromStr for TagChange {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_suffix('-') {
            Some(key) if !key.contains('=') && !key.is_empty() => Ok(Self::Remove(key.to_owned())),
            _ => text.parse().map(Self::Set).map_err(|e| format!("{e}, or key- to remove it")),
        }
    }
}

const LIST: &[Column] = &[
    Column::new("node_id", Kind::Text),
    Column::new("name", Kind::Text),
    Column::new("status", Kind::Status),
    Column::new("last_seen_at", Kind::Age),
    Column::new("platform", Kind::Text),
    Column::new("platform_version", Kind::Text),
    Column::new("agent_version", Kind::Text),
    Column::new("addresses", Kind::Text),
    Column::new("tags", Kind::Text),
    Column::hidden("architecture", Kind::Text),
    Column::hidden("offline_reason", Kind::Text),
    Column::hidden("lock", Kind::Text),
    Column::hidden("joined_at", Kind::Time),
    Column::hidden("booted_at", Kind::Time),
];

const SHOW: &[Column] = &[
    Column::new("node_id", Kind::Text),
    Column::new("name", Kind::Text),
    Column::new("status", Kind::Status),
    Column::new("warnings", Kind::Text),
    Column::new("offline_sentence", Kind::Text),
    Column::new("last_seen_at", Kind::Time),
    Column::new("connected_at", Kind::Time),
    Column::new("joined_at", Kind::Time),
    Column::new("booted_at", Kind::Time),
    Column::new("computer_name", Kind::Text),
    Column::new("platform", Kind::Text),
    Column::new("platform_version", Kind::Text),
    Column::new("kernel", Kind::Text),
    Column::new("architecture", Kind::Text),
    Column::new("cpu_count", Kind::Text),
    Column::new("memory_bytes", Kind::Bytes),
    Column::new("addresses", Kind::Text),
    Column::new("agent_version", Kind::Text),
    Column::new("runs_as", Kind::Text),
    Column::new("node_lock", Kind::Text),
    Column::hidden("quarantine", Kind::Text),
    Column::hidden("clock_ahead_ms", Kind::Text),
    Column::new("machine_id", Kind::Text),
    Column::new("boot_id", Kind::Text),
    Column::new("activation_id", Kind::Text),
    Column::new("tags", Kind::Text),
    Column::hidden("offline_reason", Kind::Text),
    Column::hidden("platform_id", Kind::Text),
];

pub async fn run(verb: NodeVerb, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    match verb {
        NodeVerb::List { list, sort } => list_nodes(&client, &list, sort.as_deref(), show).await,
        NodeVerb::Show { node } => show_node(&client, &node, show).await,
        NodeVerb::Remove { nodes, yes } => remove(&client, &nodes, yes).await,
        NodeVerb::Tag { node, changes } => tag(&client, &node, &changes).await,
        NodeVerb::Rename { node, name } => {
            let node = resolve(&client, &node).await?;
            let _: Value = client.hub("RenameNode", json!({"NodeId": node.id, "Name": name})).await?;
            output::say(&format!("{} is named {} now", node.id, text::escape_line(&name)));
            Ok(())
        }
        NodeVerb::NewIdentity { node, connected } => {
            let node = resolve(&client, &node).await?;
            let which = if connected { "Connected" } else { "Refused" };
            let _: Value = client.hub("RenewNodeIdentity", json!({"NodeId": node.id, "Which": which})).await?;
            output::say(&format!(
                "the copy of {} becomes a node of its own when it calls again, within a minute",
                node.shown()
            ));
            Ok(())
        }
        NodeVerb::Release { node } => {
            let node = resolve(&client, &node).await?;
            let _: Value = client.hub("ReleaseNode", json!({"NodeId": node.id})).await?;
            output::say(&format!("{} is no longer quarantined", node.shown()));
            Ok(())
        }
    }
}

async fn list_nodes(client: &Client, list: &ListArgs, sort: Option<&str>, show: &Show) -> Result<()> {
    let mut request = json!({"MaxResults": list.limit().min(100)});
    if let Some(filter) = &list.filter {
        request["Filter"] = serde_json::to_value(filter)?;
    }
    if let Some(sort) = sort {
        let key = sort.trim_start_matches('-');
        request["Sort"] = json!({"Key": sort_key(key), "Descending": key.len() != sort.len()});
    }
    let mut total = 0;
    let mut found: Vec<Value> = Vec::new();
    loop {
        let mut page: Value = client.hub("SearchNodes", request.clone()).await?;
        total = page["Total"].as_u64().unwrap_or(total);
        if let Value::Array(nodes) = page["Nodes"].take() {
            found.extend(nodes.into_iter().map(rows::from_api));
        }
        match page["NextToken"].take() {
            Value::String(token) if found.len() < list.limit() => request["NextToken"] = json!(token),
            _ => break,
        }
    }
    found.truncate(list.limit());
    let shown = found.len();
    let listing = Listing {
        columns: LIST,
        rows: found,
    };
    show.listing(&listing, Clock::system().now())?;
    say_more(shown, total);
    Ok(())
}

/// The API's own spelling of a sort key: a column's name is accepted too.
fn sort_key(key: &str) -> String {
    match key.replace('-', "_").as_str() {
        "node_id" => "id".to_owned(),
        "agent_version" => "agent".to_owned(),
        "platform_version" => "version".to_owned(),
        key => key.trim_end_matches("_at").to_owned(),
    }
}

async fn show_node(client: &Client, node: &str, show: &Show) -> Result<()> {
    let node = resolve(client, node).await?;
    let known: Value = client.hub("DescribeNode", json!({"NodeId": node.id})).await?;
    let listing = Listing {
        columns: SHOW,
        rows: vec![rows::from_api(known)],
    };
    show.record(listing, Clock::system().now())
}

async fn remove(client: &Client, nodes: &[String], yes: bool) -> Result<()> {
    let mut found = Vec::new();
    for node in nodes {
        found.push(resolve(client, node).await?);
    }
    let word = match found.as_slice() {
        [one] => one.id.to_string(),
        many => many.len().to_string(),
    };
    let names: Vec<String> = found.iter().map(NodeRef::shown).collect();
    confirm_by_word(yes, &format!("this removes {} for good", names.join(", ")), &word)?;
    let remove = async |node: &NodeRef| {
        let _: Value = client.ssm("DeregisterManagedInstance", json!({"InstanceId": node.id})).await?;
        output::say(&format!("{node} is removed"));
        Ok(())
    };
    each(&found, remove).await
}

async fn tag(client: &Client, node: &str, changes: &[TagChange]) -> Result<()> {
    let node = resolve(client, node).await?;
    let resource = json!({"ResourceType": "ManagedInstance", "ResourceId": node.id});
    let mut set = Vec::new();
    let mut removed = Vec::new();
    for change in changes {
        match change {
            TagChange::Set(tag) => set.push(tag.clone()),
            TagChange::Remove(key) => removed.push(key.as_str()),
        }
    }
    if !removed.is_empty() {
        let mut request = resource.clone();
        request["TagKeys"] = json!(removed);
        let _: Value = client.ssm("RemoveTagsFromResource", request).await?;
    }
    if !set.is_empty() {
        let mut request = resource;
        request["Tags"] = tags_to_api(&set);
        let _: Value = client.ssm("AddTagsToResource", request).await?;
    }
    Ok(())
}

/// A node that a caller named.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NodeRef {
    #[serde(rename = "NodeId")]
    pub id: NodeId,
    #[serde(default)]
    pub name: String,
}

impl fmt::Display for NodeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl NodeRef {
    /// For people: the name, or the id of a node without one.
    pub fn shown(&self) -> String {
        match self.name.is_empty() {
            true => self.id.to_string(),
            false => text::escape_line(&self.name),
        }
    }
}

/// The node that an id or a name means.
///
/// An id is taken as it is: the operation that follows says when it is unknown. A name must mean exactly one node.
pub async fn resolve(client: &Client, given: &str) -> Result<NodeRef> {
    if let Ok(id) = given.parse() {
        return Ok(NodeRef { id, name: String::new() });
    }
    let named = find(client, "name", "eq", given).await?;
    match pick(given, named) {
        Pick::One(node) => Ok(node),
        Pick::Several(nodes) => Err(ambiguous(given, &nodes).into()),
        Pick::None => Err(unknown(client, given).await?.into()),
    }
}

async fn find(client: &Client, key: &str, op: &str, value: &str) -> Result<Vec<NodeRef>, CallError> {
    let filter = json!({"Join": "and", "Terms": [{"Key": key, "Op": op, "Value": value}]});
    client
        .pages("Roadstead.SearchNodes", json!({"Filter": filter, "MaxResults": 100}), "Nodes", 100)
        .await
}

#[derive(Debug, PartialEq, Eq)]
enum Pick {
    One(NodeRef),
    Several(Vec<NodeRef>),
    None,
}

/// Names may differ in case alone: the one written exactly so is meant.
fn pick(given: &str, mut named: Vec<NodeRef>) -> Pick {
    if named.iter().any(|node| node.name == given) {
        named.retain(|node| node.name == given);
    }
    match named.len() {
        0 => Pick::None,
        1 => Pick::One(named.remove(0)),
        _ => Pick::Several(named),
    }
}

fn ambiguous(given: &str, nodes: &[NodeRef]) -> Failure {
    let mut failure = Failure::usage(format!("{} nodes are named `{given}`; say which by its id", nodes.len()));
    for node in nodes.iter().take(20) {
        failure = failure.hint(format!("{}  {}", node.id, node.shown()));
    }
    failure
}

async fn unknown(client: &Client, given: &str) -> Result<Failure, CallError> {
    let failure = Failure::new(Exit::NotFound, format!("there is no node `{given}`"));
    let start: String = given.chars().take(2).collect();
    let mut near = find(client, "name", "contains", given).await?;
    near.extend(find(client, "name", "prefix", &start).await?);
    let close = text::suggestions(given, near.iter().map(|node| node.name.as_str()));
    let close = match close.is_empty() {
        true => near
            .iter()
            .filter(|n| n.name.contains(given))
            .take(3)
            .map(|n| n.name.clone())
            .collect(),
        false => close,
    };
    Ok(match close.is_empty() {
        true => failure.hint("known nodes: roadstead node list"),
        false => failure.hint(format!(
            "did you mean {}?",
            close.iter().map(|c| text::escape_line(c)).collect::<Vec<_>>().join(", ")
        )),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: u8, name: &str) -> NodeRef {
        NodeRef {
            id: format!("mi-{id:017}").parse().unwrap(),
            name: name.into(),
        }
    }

    #[test]
    fn a_name_means_one_node_or_none() {
        assert_eq!(pick("web", vec![node(1, "web")]), Pick::One(node(1, "web")));
        assert_eq!(pick("web", vec![node(1, "web"), node(2, "Web")]), Pick::One(node(1, "web")));
        assert_eq!(pick("web", vec![]), Pick::None);
        let two = vec![node(1, "web"), node(2, "web")];
        assert_eq!(pick("web", two.clone()), Pick::Several(two.clone()));
        let failure = ambiguous("web", &two);
        assert_eq!((failure.exit, failure.hints.len()), (Exit::Usage, 2));
    }

    #[test]
    fn tag_changes_set_and_remove() {
        assert_eq!("env-".parse(), Ok(TagChange::Remove("env".into())));
        let set = Tag {
            key: "env".into(),
            value: "a-".into(),
        };
        assert_eq!("env=a-".parse(), Ok(TagChange::Set(set)));
        assert!("env".parse::<TagChange>().is_err());
    }

    #[test]
    fn sort_keys_are_spelled_as_the_api_does() {
        assert_eq!(sort_key("last-seen"), "last_seen");
        assert_eq!(sort_key("last_seen_at"), "last_seen");
        assert_eq!(sort_key("node_id"), "id");
        assert_eq!(sort_key("name"), "name");
    }
}
