//! Which nodes a request means: ids, tags, or a filter. The same rule for the preview and for the command itself.

use std::collections::BTreeSet;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::id::NodeId;
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target as Subject, constraint};
use crate::hub::auth::policy;
use crate::hub::capabilities::fleet::nodes::{self, KIND, Node, NodeStatus, NodeSummary, OfflineReason};
use crate::hub::capabilities::fleet::search::{matching, with_tags};
use crate::hub::labels::groups;
use crate::hub::store::{Condition, Select, Tx, Value};
use crate::model::approval::MAX_TARGETS as MAX_TARGETS_SIGNED;
use crate::model::filter::Filter;

/// Upstream's limits of one request.
const MAX_IDS: usize = 50;
const MAX_TARGETS: usize = 5;
const MAX_VALUES: usize = 50;
/// Our key: its one value is a filter in the console's words.
pub const FILTER_KEY: &str = "roadstead:filter";
/// Upstream's key for groups.
const GROUP_KEY: &str = "resource-groups:Name";

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Roadstead,
        "ResolveTargets",
        |_: &ResolveRequest| Subject::Rows(KIND),
        resolve_targets,
    );
}

/// One entry of `Targets`, as upstream spells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Target {
    pub key: String,
    #[serde(default)]
    pub values: Vec<String>,
}

/// Which nodes are meant; either ids or targets.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    pub instance_ids: Vec<String>,
    pub targets: Vec<Target>,
}

impl Selection {
    /// *Errors*, as upstream: `ValidationException`, `DuplicateInstanceId`, `InvalidInstanceId`.
    pub fn check(&self) -> ApiResult<()> {
        if self.instance_ids.len() > MAX_IDS {
            return Err(constraint::violated(
                &self.instance_ids.join(", "),
                "instanceIds",
                &format!("have length less than or equal to {MAX_IDS}"),
            ));
        }
        constraint::count_at_most(&self.targets, "targets", MAX_TARGETS)?;
        for target in &self.targets {
            constraint::count_at_most(&target.values, "targets.1.member.values", MAX_VALUES)?;
        }
        if !self.instance_ids.is_empty() && !self.targets.is_empty() {
            return Err(ApiError::validation("use either `InstanceIds` or `Targets`, not both"));
        }
        if self.instance_ids.is_empty() && self.targets.is_empty() {
            return Err(ApiError::validation("no nodes are named: give `InstanceIds` or `Targets`"));
        }
        let mut seen = BTreeSet::new();
        match self.instance_ids.iter().find(|id| !seen.insert(id.as_str())) {
            Some(twice) => Err(ApiError::new("DuplicateInstanceId", format!("`{twice}` is named twice"))),
            None => Ok(()),
        }
    }

    /// The nodes meant, by id, on which the caller may do `action`. Call [`Selection::check`] first.
    ///
    /// Tags and filters mean only nodes that the caller may use; a node named by its id must be one of them.
    ///
    /// *Errors*: `AccessDeniedException`, `InvalidInstanceId` for an id that is no node (the whole request is refused),
    /// `ValidationException` for a key that targets do not have.
    pub fn resolve(&self, tx: &Tx<'_>, cx: &Cx, action: &str) -> ApiResult<Vec<Node>> {
        if !self.instance_ids.is_empty() {
            return by_ids(tx, cx, action, &self.instance_ids);
        }
        let usable = cx.visible_for(action, KIND, "node.id");
        let mut select = Select::new(nodes::sql::SELECT)
            .and("node.removed_at IS NULL", [])
            .and_condition(&usable);
        for target in &self.targets {
            select = match target.key.as_str() {
                FILTER_KEY => return self.by_filter(tx, &usable),
                "InstanceIds" => return by_ids(tx, cx, action, &target.values),
                GROUP_KEY => {
                    let known = groups::find(tx, target.values.iter().map(String::as_str))?;
                    let any = known.iter().map(|(name, members)| groups::condition(name, members, "node.id"));
                    select.and_condition(&Condition::any(any))
                }
                key => narrow(select, key, &target.values)?,
            };
        }
        Ok(select.order("node.id").rows(tx, Node::from_row)?)
    }

    fn by_filter(&self, tx: &Tx<'_>, usable: &Condition) -> ApiResult<Vec<Node>> {
        let [Target { values, .. }] = self.targets.as_slice() else {
            return Err(ApiError::validation(format!("target key `{FILTER_KEY}` stands alone")));
        };
        let [text] = values.as_slice() else {
            return Err(ApiError::validation(format!("target key `{FILTER_KEY}` has one value: the filter")));
        };
        let filter: Filter = text
            .parse()
            .map_err(|e| ApiError::validation(format!("target key `{FILTER_KEY}`: {e}")))?;
        let select = matching(nodes::sql::SELECT, &filter)?.and_condition(usable);
        Ok(select.order("node.id").rows(tx, Node::from_row)?)
    }
}

fn by_ids(tx: &Tx<'_>, cx: &Cx, action: &str, ids: &[String]) -> ApiResult<Vec<Node>> {
    cx.permit_for(tx, action, &Subject::Resources(KIND, ids.to_vec()))?;
    let unknown = |id: &str| ApiError::new("InvalidInstanceId", format!("`{id}` is not a managed node of this hub"));
    ids.iter()
        .map(|id| {
            let node: NodeId = id.parse().map_err(|_| unknown(id))?;
            nodes::sql::find(tx, &node)?.ok_or_else(|| unknown(id))
        })
        .collect()
}

/// Several tag keys are ANDed, the values of one are ORed.
fn narrow(select: Select, key: &str, values: &[String]) -> ApiResult<Select> {
    if let Some(tag) = key.strip_prefix("tag:") {
        let head = "node.id IN (SELECT id FROM tag WHERE kind = 'ManagedInstance' AND key = ? AND value = ?)";
        let any: Vec<_> = values.iter().map(|v| (head, vec![Value::from(tag), v.into()])).collect();
        return Ok(if any.is_empty() { select.and("0", []) } else { select.and_any(any) });
    }
    if key == "tag-key" {
        let head = "node.id IN (SELECT id FROM tag WHERE kind = 'ManagedInstance' AND key = ?)";
        return Ok(select.and_any(values.iter().map(|v| (head, vec![v.into()])).collect()));
    }
    Err(ApiError::validation(format!(
        "target key `{key}` is not known: use InstanceIds, tag:KEY, tag-key, {GROUP_KEY} or {FILTER_KEY}"
    )))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ResolveRequest {
    #[serde(default)]
    instance_ids: Vec<String>,
    #[serde(default)]
    targets: Vec<Target>,
    filter: Option<Filter>,
    timeout_seconds: Option<u64>,
    /// Answer the ids of all of them, as far as one signature may name.
    #[serde(default)]
    with_ids: bool,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ResolveResult {
    total: usize,
    online: usize,
    offline: usize,
    offline_nodes: Vec<OfflineNode>,
    sample: Vec<NodeSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    node_ids: Option<Vec<NodeId>>,
    /// Until when a command sent now would wait for the nodes that are offline.
    wait_ends_at: Timestamp,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct OfflineNode {
    node_id: NodeId,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    offline_reason: Option<OfflineReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen_at: Option<Timestamp>,
}

/// The action whose targets are resolved.
pub const SEND: &str = "ssm:SendCommand";
const SHOWN_OFFLINE: usize = 50;
const SHOWN_SAMPLE: usize = 10;
/// Upstream's default of SendCommand.
pub const DEFAULT_TIMEOUT_S: u64 = 3600;

async fn resolve_targets(cx: Cx, request: ResolveRequest) -> ApiResult<ResolveResult> {
    let now = cx.now();
    let wait = Duration::from_secs(request.timeout_seconds.unwrap_or(DEFAULT_TIMEOUT_S));
    // The preview of a command shows whom the command would reach; whoever sends none sees what they may see.
    let action = match policy::may_ever(cx.caller(), SEND) {
        true => SEND,
        false => cx.request().action.as_str(),
    };
    let action = action.to_owned();
    cx.clone()
        .read(move |tx| {
            let found = match &request.filter {
                Some(filter) => matching(nodes::sql::SELECT, filter)?
                    .and_condition(&cx.visible_for(&action, KIND, "node.id"))
                    .order("node.id")
                    .rows(tx, Node::from_row)?,
                None => {
                    let selection = Selection {
                        instance_ids: request.instance_ids,
                        targets: request.targets,
                    };
                    selection.check()?;
                    selection.resolve(tx, &cx, &action)?
                }
            };
            let total = found.len();
            let node_ids = request
                .with_ids
                .then(|| found.iter().take(MAX_TARGETS_SIGNED).map(|node| node.id.clone()).collect());
            let offline: Vec<&Node> = found.iter().filter(|n| n.status == NodeStatus::Offline).collect();
            let offline_nodes = offline.iter().take(SHOWN_OFFLINE).map(|n| OfflineNode {
                node_id: n.id.clone(),
                name: n.name.clone(),
                offline_reason: n.offline_reason,
                last_seen_at: n.last_seen_at,
            });
            let (offline_nodes, offline) = (offline_nodes.collect(), offline.len());
            let sample = with_tags(tx, found.into_iter().take(SHOWN_SAMPLE).collect(), now)?;
            Ok(ResolveResult {
                total,
                online: total - offline,
                offline,
                offline_nodes,
                sample,
                node_ids,
                wait_ends_at: now + wait,
            })
        })
        .await
}
