//! Nodes as the console and our CLI see them: search with the token filter, one node whole, its name, value suggestions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::id::{ActivationId, NodeId};
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target, constraint, page, relabel};
use crate::hub::auth::policy;
use crate::hub::capabilities::fleet::nodes::{self, FILTER_KEYS, KIND, Node, NodeSummary, require};
use crate::hub::capabilities::fleet::quarantine;
use crate::hub::events::Event;
use crate::hub::labels::{self, Kind, groups};
use crate::hub::store::{Condition, Row, Select, StoreError, Tx, Value};
use crate::model::filter::{Filter, Join, Op, Term};
use crate::model::lock::DocumentName;
use crate::model::privilege::lost_as;
use crate::wire::node::LockFacts;

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Roadstead,
        "SearchNodes",
        |_: &SearchRequest| Target::Rows(KIND),
        search_nodes,
    )
    .read(
        Service::Roadstead,
        "DescribeNode",
        |r: &DescribeRequest| Target::Resource(KIND, r.node_id.to_string()),
        describe_node,
    )
    .write(
        Service::Roadstead,
        "RenameNode",
        |r: &RenameRequest| Target::Resource(KIND, r.node_id.to_string()),
        rename_node,
    )
    .read(
        Service::Roadstead,
        "SuggestValues",
        |_: &SuggestRequest| Target::Rows(KIND),
        suggest_values,
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct SearchRequest {
    #[serde(default)]
    filter: Filter,
    sort: Option<Sort>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct Sort {
    key: String,
    #[serde(default)]
    descending: bool,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct SearchResult {
    nodes: Vec<NodeSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
    total: i64,
}

/// So many rows that a page of them is sooner found by looking at one after the other than by all of them being put together.
const MANY: i64 = 1000;

async fn search_nodes(cx: Cx, request: SearchRequest) -> ApiResult<SearchResult> {
    let size = page::size(request.max_results, 1, 100, 20)?;
    let order = Order::parse(request.sort.as_ref())?;
    let after: Option<(String, NodeId)> = page::parse(request.next_token.as_deref())?;
    let now = cx.now();
    let visible = cx.visible(KIND, "node.id");
    let asked = cx.clone();
    cx.read(move |tx| {
        let total = matching(&asked, tx, "SELECT count(*) FROM node", &request.filter)?
            .and_condition(&visible)
            .count(tx)?;
        let is_common = total >= MANY;
        let mut select = matching(&asked, tx, order.select, &request.filter)?
            .probing(is_common)
            .and_condition(&visible);
        if let Some((value, id)) = after {
            select = select.and(order.after, [value.into(), (&id).into()]);
        }
        let found = select
            .order(order.by)
            .limit(size + 1)
            .rows(tx, |row| Ok((Node::from_row(row)?, row.get::<String>("sort_value")?)))?;
        let (found, next_token) = page::cut(found, size, |(node, value)| (value.clone(), node.id.clone()));
        Ok(SearchResult {
            nodes: with_tags(tx, found.into_iter().map(|(node, _)| node).collect(), now)?,
            next_token,
            total,
        })
    })
    .await
}

/// Nodes that are there and match, for any head.
///
/// *Errors*: `ValidationException` naming the key that nodes do not have.
pub fn matching(cx: &Cx, tx: &Tx<'_>, head: &'static str, filter: &Filter) -> ApiResult<Select> {
    narrowed(cx, tx, Select::new(head).and("node.removed_at IS NULL", []), filter)
}

/// The key of the groups that a node is in. What a group holds is known only by its row, so the rules of groups, which are read
/// without looking further, do not have it.
const GROUP: &str = "group";
/// What whoever names a group must be allowed to do to it.
const SEE_GROUP: &str = "roadstead:DescribeGroup";

/// The same for a selection that there is already.
///
/// *Errors*: `ValidationException` naming the key that nodes do not have, or the group that there is not.
pub fn narrowed(cx: &Cx, tx: &Tx<'_>, select: Select, filter: &Filter) -> ApiResult<Select> {
    filter.check().map_err(|e| ApiError::validation(e.to_string()))?;
    let conditions: ApiResult<Vec<Condition>> = filter.terms.iter().map(|term| condition(cx, tx, term)).collect();
    Ok(select.and_condition(&match filter.join {
        Join::Or if !filter.is_empty() => Condition::any(conditions?),
        _ => Condition::all(conditions?),
    }))
}

fn condition(cx: &Cx, tx: &Tx<'_>, term: &Term) -> ApiResult<Condition> {
    if term.key == GROUP {
        return match term.op {
            Op::Eq => in_group(cx, tx, &term.value),
            Op::Ne => Ok(in_group(cx, tx, &term.value)?.negated()),
            _ => Err(ApiError::validation(
                "`group` takes a group's whole name: use `group=NAME` or `group!=NAME`",
            )),
        };
    }
    match nodes::column(&term.key) {
        Some(column) => Ok(Condition::Term(column, term.clone())),
        None => Err(unknown_key(&term.key)),
    }
}

/// The nodes of one group that the caller may see, or that their own policies or scope speak of.
///
/// *Errors*: `ValidationException` for one that there is not: it would mean no node, and everything when it is negated. The same
/// for one that is hidden: which of the caller's nodes are in it would tell of it.
pub fn in_group(cx: &Cx, tx: &Tx<'_>, name: &str) -> ApiResult<Condition> {
    let caller = cx.caller();
    // Not by the actions that a key is limited to: they say what it does, not what its user knows.
    let may_know = caller.rights.groups.contains_key(name) || policy::decide_one(tx, caller, SEE_GROUP, "group", name)?.is_allowed();
    match groups::find(tx, [name])?.get(name).filter(|_| may_know) {
        Some(members) => Ok(groups::condition(name, members, "node.id")),
        None => {
            let shown: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
            Err(ApiError::validation(format!("there is no group `{shown}`")))
        }
    }
}

fn unknown_key(key: &str) -> ApiError {
    ApiError::validation(format!("`{key}` is not a filter key of nodes: use {FILTER_KEYS} or {GROUP}"))
}

/// Adds each node's tags.
pub fn with_tags(tx: &Tx<'_>, found: Vec<Node>, now: Timestamp) -> Result<Vec<NodeSummary>, StoreError> {
    let mut tags = labels::of_many(tx, Kind::Node, found.iter().map(|n| n.id.to_string()))?;
    Ok(found
        .into_iter()
        .map(|node| {
            let own = tags.remove(node.id.as_str()).unwrap_or_default();
            node.summary(own, now)
        })
        .collect())
}

/// The SQL of one sort order: text values, so that a page token is one text and one id.
struct Order {
    select: &'static str,
    by: &'static str,
    after: &'static str,
}

/// One order's SQL from the expression of its value.
macro_rules! order {
    ($value:literal, $descending:expr) => {
        Order {
            select: concat!(
                "SELECT node.id, node.name, node.status, node.offline_reason, node.activation_id, node.iam_role, node.joined_at,
                 node.connected_at, node.last_seen_at, node.quarantined_at, node.clock_ahead_ms, node.facts, ",
                $value,
                " AS sort_value FROM node"
            ),
            by: if $descending {
                concat!($value, " DESC, node.id DESC")
            } else {
                concat!($value, ", node.id")
            },
            after: if $descending {
                concat!("(", $value, ", node.id) < (?, ?)")
            } else {
                concat!("(", $value, ", node.id) > (?, ?)")
            },
        }
    };
}

impl Order {
    fn parse(sort: Option<&Sort>) -> ApiResult<Self> {
        let (key, descending) = sort.map_or(("name", false), |s| (s.key.as_str(), s.descending));
        Ok(match key {
            "name" => order!("node.name", descending),
            "id" => order!("node.id", descending),
            "status" => order!("node.status", descending),
            "platform" => order!("node.platform_name", descending),
            "version" => order!("node.platform_version", descending),
            "agent" => order!("node.agent_version", descending),
            "last_seen" => order!("printf('%016d', coalesce(node.last_seen_at, 0))", descending),
            "joined" => order!("printf('%016d', node.joined_at)", descending),
            other => {
                return Err(ApiError::validation(format!(
                    "nodes cannot be sorted by `{other}`: use name, id, status, platform, version, agent, last_seen or joined"
                )));
            }
        })
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DescribeRequest {
    node_id: NodeId,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct NodeDetail {
    #[serde(flatten)]
    summary: NodeSummary,
    computer_name: String,
    machine_id: String,
    boot_id: String,
    kernel: String,
    platform_id: String,
    cpu_count: u32,
    memory_bytes: u64,
    runs_as: String,
    /// What the node cannot do because its agent does not run as root.
    lost_without_root: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    activation_id: Option<ActivationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connected_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offline_sentence: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    node_lock: Option<NodeLock>,
    /// Systems that use the node's identity at the same time; empty unless it is quarantined.
    quarantine: Vec<quarantine::System>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_ahead_ms: Option<i64>,
}

/// The lock of a node, see `docs/node-lock.md`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct NodeLock {
    monitor_only: bool,
    no_shell: bool,
    no_update: bool,
    no_root: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_documents: Option<Vec<String>>,
    /// Classes that need the signature of an operator.
    operator_classes: Vec<String>,
    /// Who may sign: lines of OpenSSH's allowed-signers format.
    operator_keys: Vec<String>,
    files: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
}

impl From<LockFacts> for NodeLock {
    fn from(facts: LockFacts) -> Self {
        let LockFacts { lock, files, trouble } = facts;
        let operators = lock.operator_lock.unwrap_or_default();
        let texts = |list: Vec<DocumentName>| -> Vec<String> { list.iter().map(ToString::to_string).collect() };
        Self {
            monitor_only: lock.monitor_only,
            no_shell: lock.no_shell,
            no_update: lock.no_update,
            no_root: lock.no_root,
            allowed_documents: lock.allowed_documents.map(texts),
            operator_classes: operators.classes.iter().map(ToString::to_string).collect(),
            operator_keys: operators.keys,
            files,
            trouble,
        }
    }
}

async fn describe_node(cx: Cx, request: DescribeRequest) -> ApiResult<NodeDetail> {
    let now = cx.now();
    cx.read(move |tx| {
        let node = require(tx, &request.node_id)?;
        let tags = labels::list(tx, Kind::Node, node.id.as_str())?;
        let facts = node.facts.clone();
        let quarantine = match node.quarantined_at {
            Some(_) => quarantine::sql::systems(tx, &node.id)?,
            None => Vec::new(),
        };
        let clock_ahead_ms = node.clock_ahead_ms;
        Ok(NodeDetail {
            activation_id: node.activation_id.clone(),
            connected_at: node.connected_at,
            offline_sentence: node.offline_reason.map(|r| r.sentence()),
            summary: node.summary(tags, now),
            computer_name: facts.computer_name,
            machine_id: facts.machine_id,
            boot_id: facts.boot_id,
            kernel: facts.kernel,
            platform_id: facts.platform_id,
            cpu_count: facts.cpu_count,
            memory_bytes: facts.memory_bytes,
            lost_without_root: lost_as(&facts.runs_as),
            runs_as: facts.runs_as,
            node_lock: facts.lock.map(NodeLock::from),
            quarantine,
            clock_ahead_ms,
        })
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct RenameRequest {
    node_id: NodeId,
    name: String,
}

#[derive(Serialize, JsonSchema)]
struct Empty {}

async fn rename_node(cx: Cx, request: RenameRequest) -> ApiResult<Empty> {
    let name = request.name.trim().to_owned();
    constraint::at_most(&name, "name", 255)?;
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(ApiError::validation(
            "a node's name has 1 to 255 characters and no control characters",
        ));
    }
    let (bus, asked) = (cx.services.bus.clone(), cx.clone());
    cx.write(move |tx| {
        require(tx, &request.node_id)?;
        let params = [(":name", name.into()), (":id", (&request.node_id).into())];
        // A group's rule may look at names.
        relabel(&asked, tx, (Kind::Node, request.node_id.as_str()), |tx| {
            Ok(tx.execute("UPDATE node SET name = :name WHERE id = :id", &params)?)
        })?;
        bus.emit(tx, Event::LabelsChanged);
        bus.emit(tx, Event::NodeChanged(request.node_id.clone()));
        Ok(Empty {})
    })
    .await
}

/// Most suggestions given at once.
const MAX_SUGGESTIONS: usize = 50;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct SuggestRequest {
    collection: String,
    key: String,
    #[serde(default)]
    prefix: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct SuggestResult {
    values: Vec<String>,
}

/// Values that a filter key has, for completion. With key `tag` the tag keys themselves.
async fn suggest_values(cx: Cx, request: SuggestRequest) -> ApiResult<SuggestResult> {
    if request.collection != "node" {
        return Err(ApiError::validation(format!(
            "there is no collection `{}`: use `node`",
            request.collection
        )));
    }
    let head = match request.key.as_str() {
        "name" => "SELECT DISTINCT name AS value FROM node",
        "id" => "SELECT DISTINCT id AS value FROM node",
        "status" => "SELECT DISTINCT status AS value FROM node",
        "platform" => "SELECT DISTINCT platform_name AS value FROM node",
        "version" => "SELECT DISTINCT platform_version AS value FROM node",
        "arch" => "SELECT DISTINCT architecture AS value FROM node",
        "agent" => "SELECT DISTINCT agent_version AS value FROM node",
        "reason" => "SELECT DISTINCT offline_reason AS value FROM node",
        "tag" => "SELECT DISTINCT key AS value FROM tag",
        key if key.starts_with("tag:") => "SELECT DISTINCT value FROM tag",
        "lock" => {
            let all = [
                "monitor-only",
                "no-shell",
                "no-update",
                "no-root",
                "allowed-documents",
                "operator-lock",
            ];
            let values = all.iter().filter(|word| word.starts_with(&request.prefix)).map(ToString::to_string);
            return Ok(SuggestResult { values: values.collect() });
        }
        "address" | "text" | "activation" | GROUP => return Ok(SuggestResult { values: Vec::new() }),
        other => return Err(unknown_key(other)),
    };
    let tagged = || {
        Select::new(head)
            .and("kind = 'ManagedInstance'", [])
            .and_condition(&cx.visible(KIND, "tag.id"))
    };
    let select = match request.key.split_once(':') {
        Some((_, tag)) => tagged().and("key = ?", [Value::from(tag)]),
        None if request.key == "tag" => tagged(),
        None => Select::new(head)
            .and("removed_at IS NULL", [])
            .and_condition(&cx.visible(KIND, "node.id")),
    };
    let prefix = Value::Text(request.prefix.to_ascii_lowercase());
    let select = select
        .and("substr(lower(value), 1, length(?)) = ?", [prefix.clone(), prefix])
        .order("value")
        .limit(MAX_SUGGESTIONS);
    let values = cx.read(move |tx| Ok(select.rows(tx, |row: &Row<'_>| row.get("value"))?)).await?;
    Ok(SuggestResult { values })
}
