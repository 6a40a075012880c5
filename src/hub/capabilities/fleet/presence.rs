//! Agents come and go: admission of known keys, facts, and why a node is offline.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};

use crate::base::id::NodeId;
use crate::base::{ApiResult, Timestamp};
use crate::hub::api::live::Feed;
use crate::hub::api::{Cx, Reports, Services, Streams, Target};
use crate::hub::capabilities::fleet::hub_key;
use crate::hub::capabilities::fleet::nodes::{self, KIND, NodeStatus, OfflineReason};
use crate::hub::events::Event;
use crate::hub::link::{Admission, Gone, NodeKey, Refused};
use crate::hub::store::{Condition, Select, StoreError, Tx, Value};
use crate::wire::control::{Goodbye, Hello, Refusal, ToHub};
use crate::wire::node::NodeFacts;
use crate::wire::token::is_fingerprint;

/// Changes are told to browsers at most this often.
const LIVE_STEP: Duration = Duration::from_millis(300);
/// More changed nodes than this are told as "read the list again".
const LIVE_MAX_NODES: usize = 100;

pub fn reports(reports: &mut Reports) {
    reports.on_frame(
        |frame| matches!(frame, ToHub::Facts(_)),
        |services, node, frame| facts(services, node, frame).boxed(),
    );
}

pub fn streams(streams: &mut Streams) {
    streams.topic("nodes", "roadstead:SearchNodes", |_: &NodesTopic| Target::Rows(KIND), follow);
}

/// Admits a key that has joined, and writes down that it is here.
///
/// *Errors*: `UnknownKey` when no node has it, or the node was removed.
pub async fn hello(services: &Arc<Services>, key: NodeKey, hello: Hello) -> Result<Admission, Refused> {
    let facts = hello.facts.bounded();
    let boot_id = facts.boot_id.clone();
    let now = services.now();
    let hub_key = hello.hub_key.clone();
    let ahead_ms = (hello.now_ms != 0).then(|| hello.now_ms.saturating_sub(now.millis()));
    let bus = services.bus.clone();
    let found = services.write(move |tx| {
        let Some((node, false)) = nodes::sql::find_by_key(tx, &key.0)? else {
            return Ok(None);
        };
        set_online(tx, &node, &facts, now)?;
        sql::set_clock(tx, &node, ahead_ms)?;
        if is_fingerprint(&hub_key) {
            hub_key::sql::set_hub_key(tx, &node, &hub_key)?;
        }
        bus.emit(tx, Event::NodeChanged(node.clone()));
        bus.emit(tx, Event::NodeConnected(node.clone()));
        Ok(Some(node))
    });
    match found.await {
        Ok(Some(node)) => Ok(Admission { node, boot_id }),
        Ok(None) => Err(Refused {
            code: Refusal::UnknownKey,
            message: "no node of this hub has this key: it was removed, or it joined another hub. Join it again with a line from `roadstead join-line`".into(),
        }),
        Err(error) => {
            tracing::error!(error = %error, "a node could not be admitted");
            Err(Refused { code: Refusal::Busy, message: "the hub could not read or write its database".into() })
        }
    }
}

/// Marks a node as connected with fresh facts.
pub fn set_online(tx: &Tx<'_>, node: &NodeId, facts: &NodeFacts, now: Timestamp) -> Result<(), StoreError> {
    nodes::sql::set_facts(tx, node, facts)?;
    sql::set_online(tx, node, now)
}

async fn facts(services: Arc<Services>, node: NodeId, frame: ToHub) {
    let ToHub::Facts(facts) = frame else { return };
    let (facts, bus, id) = (facts.bounded(), services.bus.clone(), node.clone());
    let written = services.write(move |tx| {
        nodes::sql::set_facts(tx, &id, &facts)?;
        bus.emit(tx, Event::NodeChanged(id.clone()));
        Ok(())
    });
    if let Err(error) = written.await {
        tracing::warn!(node_id = %node, error = %error, "a node's facts were not stored");
    }
}

/// Writes down that a node's connection is gone, and why.
pub async fn gone(services: &Arc<Services>, node: NodeId, why: Gone) {
    // A replaced connection leaves its successor online; a stopping hub says so at its next start.
    let Some(reason) = reason_of(&why) else { return };
    let (now, bus, link, id) = (services.now(), services.bus.clone(), services.link().clone(), node.clone());
    let written = services.write(move |tx| {
        // It may have come back while this write was waiting.
        if link.is_connected(&id) {
            return Ok(());
        }
        sql::set_offline(tx, &id, reason, now)?;
        bus.emit(tx, Event::NodeChanged(id.clone()));
        Ok(())
    });
    match written.await {
        Ok(()) => tracing::info!(node_id = %node, reason = reason.as_str(), "node went offline"),
        Err(error) => tracing::warn!(node_id = %node, error = %error, "a node's going offline was not stored"),
    }
}

fn reason_of(why: &Gone) -> Option<OfflineReason> {
    match why {
        Gone::Goodbye(Goodbye::Stopping) => Some(OfflineReason::CleanStop),
        Gone::Goodbye(Goodbye::Updating) => Some(OfflineReason::Updating),
        Gone::TimedOut => Some(OfflineReason::HeartbeatLost),
        Gone::Closed | Gone::ProtocolError(_) | Gone::Removed => Some(OfflineReason::ConnectionLost),
        Gone::Replaced | Gone::HubStopping => None,
    }
}

/// At start nobody is connected: whoever was, is told apart from who had gone before.
/// `alive_at` is when the hub last knew itself to be alive.
pub fn after_restart(tx: &Tx<'_>, alive_at: Timestamp) -> Result<(), StoreError> {
    sql::set_all_offline(tx, alive_at)
}

#[derive(Deserialize, JsonSchema)]
struct NodesTopic {}

/// Which nodes changed.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
enum NodesEvent {
    NodeIds(Vec<NodeId>),
    Reload(bool),
}

async fn follow(cx: Cx, _topic: NodesTopic, feed: Feed) -> ApiResult<()> {
    let mut events = cx.services.bus.subscribe();
    loop {
        let first = match events.recv().await {
            Ok(event) => changed(&event),
            Err(RecvError::Lagged(_)) => return_reload(&feed).await?,
            Err(RecvError::Closed) => return Ok(()),
        };
        let Some(first) = first else { continue };
        let mut ids = vec![first];
        let until = Instant::now() + LIVE_STEP;
        while let Ok(Ok(event)) = timeout_at(until, events.recv()).await {
            ids.extend(changed(&event));
        }
        ids.sort();
        ids.dedup();
        let ids = seen_by(&cx, ids).await?;
        match ids.len() {
            0 => {}
            n if n > LIVE_MAX_NODES => feed.send(&NodesEvent::Reload(true)).await?,
            _ => feed.send(&NodesEvent::NodeIds(ids)).await?,
        }
    }
}

/// Of these nodes, those that the follower may see.
async fn seen_by(cx: &Cx, ids: Vec<NodeId>) -> ApiResult<Vec<NodeId>> {
    let visible = cx.visible(KIND, "node.id");
    if visible == Condition::Always {
        return Ok(ids);
    }
    let select = Select::new("SELECT node.id FROM node")
        .and_in("node.id", ids.iter().map(Value::from))
        .and_condition(&visible);
    cx.read(move |tx| Ok(select.rows(tx, |row| row.get("id"))?)).await
}

async fn return_reload(feed: &Feed) -> ApiResult<Option<NodeId>> {
    feed.send(&NodesEvent::Reload(true)).await.map(|()| None)
}

fn changed(event: &Event) -> Option<NodeId> {
    match event {
        Event::NodeChanged(node) | Event::NodeRemoved(node) | Event::NodeJoined { node, .. } => Some(node.clone()),
        _ => None,
    }
}

/// Whether a node is connected, from its row.
pub fn is_online(node: &nodes::Node) -> bool {
    node.status == NodeStatus::Online
}

mod sql {
    use super::*;

    pub fn set_online(tx: &Tx<'_>, node: &NodeId, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE node SET status = 'Online', offline_reason = NULL, connected_at = :now, last_seen_at = :now WHERE id = :id";
        tx.execute(sql, &[(":id", node.into()), (":now", now.into())]).map(|_| ())
    }

    pub fn set_clock(tx: &Tx<'_>, node: &NodeId, ahead_ms: Option<i64>) -> Result<(), StoreError> {
        let sql = "UPDATE node SET clock_ahead_ms = :ahead WHERE id = :id";
        tx.execute(sql, &[(":id", node.into()), (":ahead", ahead_ms.into())]).map(|_| ())
    }

    pub fn set_offline(tx: &Tx<'_>, node: &NodeId, reason: OfflineReason, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE node SET status = 'Offline', offline_reason = :reason, last_seen_at = :now WHERE id = :id AND status = 'Online'";
        tx.execute(
            sql,
            &[(":id", node.into()), (":reason", reason.as_str().into()), (":now", now.into())],
        )
        .map(|_| ())
    }

    pub fn set_all_offline(tx: &Tx<'_>, alive_at: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE node SET status = 'Offline', offline_reason = 'HubRestarted', last_seen_at = max(last_seen_at, :alive_at)
                   WHERE status = 'Online'";
        tx.execute(sql, &[(":alive_at", alive_at.into())]).map(|_| ())
    }
}
