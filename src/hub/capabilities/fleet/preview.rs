//! ResolveTargets: which nodes a command would reach, before it is sent.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::id::NodeId;
use crate::base::{ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target as Subject};
use crate::hub::auth::policy;
use crate::hub::capabilities::fleet::nodes::{self, KIND, Node, NodeStatus, NodeSummary, OfflineReason};
use crate::hub::capabilities::fleet::search::{narrowed, with_tags};
use crate::hub::capabilities::fleet::targets::{DEFAULT_TIMEOUT_S, SEND, Selection, Target, usable};
use crate::hub::store::Tx;
use crate::model::approval::MAX_TARGETS as MAX_TARGETS_SIGNED;
use crate::model::filter::Filter;

const SHOWN_OFFLINE: usize = 50;
const SHOWN_SAMPLE: usize = 10;

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Roadstead,
        "ResolveTargets",
        |_: &ResolveRequest| Subject::Rows(KIND),
        resolve_targets,
    );
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

async fn resolve_targets(cx: Cx, request: ResolveRequest) -> ApiResult<ResolveResult> {
    let now = cx.now();
    let wait = Duration::from_secs(request.timeout_seconds.unwrap_or(DEFAULT_TIMEOUT_S));
    // The preview of a command shows whom the command would reach; whoever sends none sees what they may see.
    let action = match policy::may_ever(cx.caller(), SEND) {
        true => SEND.to_owned(),
        false => cx.request().action.clone(),
    };
    cx.clone()
        .read(move |tx| {
            let with_ids = request.with_ids;
            let meant = meant(tx, &cx, &action, request)?;
            let offline = || meant.iter().filter(|(_, status)| *status == NodeStatus::Offline);
            let shown = |id: &NodeId| nodes::require(tx, id);
            let sample: ApiResult<Vec<Node>> = meant.iter().take(SHOWN_SAMPLE).map(|(id, _)| shown(id)).collect();
            let offline_nodes: ApiResult<Vec<Node>> = offline().take(SHOWN_OFFLINE).map(|(id, _)| shown(id)).collect();
            Ok(ResolveResult {
                total: meant.len(),
                online: meant.len() - offline().count(),
                offline: offline().count(),
                offline_nodes: offline_nodes?.into_iter().map(OfflineNode::from).collect(),
                sample: with_tags(tx, sample?, now)?,
                node_ids: with_ids.then(|| meant.iter().take(MAX_TARGETS_SIGNED).map(|(id, _)| id.clone()).collect()),
                wait_ends_at: now + wait,
            })
        })
        .await
}

/// Of a whole fleet no more is read than what is counted.
fn meant(tx: &Tx<'_>, cx: &Cx, action: &str, request: ResolveRequest) -> ApiResult<Vec<(NodeId, NodeStatus)>> {
    const HEAD: &str = "SELECT node.id, node.status FROM node";
    let select = match &request.filter {
        Some(filter) => narrowed(cx, tx, usable(cx, action, HEAD), filter)?,
        None => {
            let selection = Selection {
                instance_ids: request.instance_ids,
                targets: request.targets,
            };
            selection.check()?;
            selection.select(tx, cx, action, HEAD)?
        }
    };
    Ok(select
        .order("node.id")
        .rows(tx, |row| Ok((row.get("id")?, row.parsed("status")?)))?)
}

impl From<Node> for OfflineNode {
    fn from(node: Node) -> Self {
        Self {
            node_id: node.id,
            name: node.name,
            offline_reason: node.offline_reason,
            last_seen_at: node.last_seen_at,
        }
    }
}
