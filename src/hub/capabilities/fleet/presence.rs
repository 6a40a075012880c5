//! Agents come and go: admission of known keys, facts, and why a node is offline.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::Receiver;
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
    NodeIds(BTreeSet<NodeId>),
    Reload(bool),
}

async fn follow(cx: Cx, _topic: NodesTopic, feed: Feed) -> ApiResult<()> {
    let mut events = cx.services.bus.subscribe();
    // What changed since the follower read its list is told by nobody else.
    feed.send(&NodesEvent::Reload(true)).await?;
    while let Some(Changes { ids, are_all }) = gather(&mut events).await {
        let ids = seen_by(&cx, ids).await?;
        if !are_all || ids.len() > LIVE_MAX_NODES {
            feed.send(&NodesEvent::Reload(true)).await?;
        } else if !ids.is_empty() {
            feed.send(&NodesEvent::NodeIds(ids)).await?;
        }
    }
    Ok(())
}

/// The nodes that changed about together.
struct Changes {
    ids: BTreeSet<NodeId>,
    /// Whether none was lost on the way here.
    are_all: bool,
}

/// Waits for a change and for those that come soon after it; `None` when the hub ends.
async fn gather(events: &mut Receiver<Event>) -> Option<Changes> {
    let mut seen = Changes {
        ids: BTreeSet::new(),
        are_all: true,
    };
    let mut until = None;
    loop {
        let next = match until {
            None => events.recv().await,
            Some(at) => match timeout_at(at, events.recv()).await {
                Ok(next) => next,
                Err(_over) => return Some(seen),
            },
        };
        match next {
            Ok(event) => seen.ids.extend(changed(&event)),
            Err(RecvError::Lagged(_)) => seen.are_all = false,
            Err(RecvError::Closed) => return None,
        }
        if !seen.are_all || !seen.ids.is_empty() {
            until.get_or_insert_with(|| Instant::now() + LIVE_STEP);
        }
    }
}

/// Of these nodes, those that the follower may see.
async fn seen_by(cx: &Cx, ids: BTreeSet<NodeId>) -> ApiResult<BTreeSet<NodeId>> {
    let visible = cx.visible(KIND, "node.id");
    if visible == Condition::Always {
        return Ok(ids);
    }
    let select = Select::new("SELECT node.id FROM node")
        .and_in("node.id", ids.iter().map(Value::from))
        .and_condition(&visible);
    let seen: Vec<NodeId> = cx.read(move |tx| Ok(select.rows(tx, |row| row.get("id"))?)).await?;
    Ok(seen.into_iter().collect())
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

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast::channel;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn changes_are_told_together_and_a_loss_among_them_is_not_hidden() {
        let (sender, mut events) = channel(4);
        let (early, late) = (NodeId::random(), NodeId::random());
        let change = |node: &NodeId| sender.send(Event::NodeChanged(node.clone())).unwrap();
        for node in [&early, &late, &early] {
            change(node);
        }
        let seen = gather(&mut events).await.unwrap();
        assert!(seen.are_all);
        assert_eq!(seen.ids, BTreeSet::from([early.clone(), late.clone()]));

        // More than there is room for, after the first has begun the wait.
        let gathering = async { gather(&mut events).await.unwrap() };
        let flooding = async {
            change(&early);
            tokio::task::yield_now().await;
            for _ in 0..9 {
                change(&late);
            }
        };
        let (seen, ()) = tokio::join!(gathering, flooding);
        assert!(!seen.are_all);
        drop(sender);
        assert!(gather(&mut events).await.is_none());
    }
}
