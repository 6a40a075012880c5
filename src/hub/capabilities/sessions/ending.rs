//! What happens to sessions nobody is attached to: they are left, forgotten, ended; and the node is told.
//!
//! The job reads rows only, so it also does this for what happened before the hub was restarted.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, Sink, SinkExt, Stream, StreamExt, stream};
use tokio::time::timeout;

use crate::base::id::{NodeId, SessionId};
use crate::base::{ApiResult, Timestamp};
use crate::hub::api::{Reports, Services};
use crate::hub::audit;
use crate::hub::capabilities::fleet::nodes;
use crate::hub::capabilities::sessions::lifecycle::{self, Event};
use crate::hub::capabilities::sessions::{KIND, Live, relay};
use crate::hub::events::{self, Bus};
use crate::hub::jobs::Job;
use crate::hub::store::{StoreError, Tx};
use crate::wire::session::{DETACH_LIMIT, EndReason, Ended, Frame, Open};

const PERIOD: Duration = Duration::from_secs(15);
/// A node takes the end of a shell and confirms it within this time, or is told again later.
const DELIVERY_LIMIT: Duration = Duration::from_secs(10);
/// Nodes told at once.
const AT_ONCE: usize = 16;
/// Ended sessions are shown for so long (upstream's limit); the audit log keeps what matters of them.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

pub fn reports(reports: &mut Reports) {
    reports.on_connected(|services, node, _| {
        // Not in the way of the connection's own start.
        services
            .tasks
            .clone()
            .spawn(async move { deliver_all(&services, Some(node)).await });
        std::future::ready(()).boxed()
    });
}

pub fn jobs() -> Vec<Job<Arc<Services>>> {
    vec![Job {
        name: "sessions",
        period: PERIOD,
        wakes: |event| matches!(event, events::Event::SessionChanged(_) | events::Event::NodeRemoved(_)),
        tick: |services| tick(services).boxed(),
    }]
}

async fn tick(services: Arc<Services>) {
    let (live, bus, now) = (services.state::<Live>(), services.bus.clone(), services.now());
    // What is old goes only while it is certain that it is.
    let forget = services.ages_are_certain().then(|| now - KEPT);
    let settled = services.write(move |tx| Ok(settle(tx, &bus, &live, now, forget)?));
    if let Err(error) = settled.await {
        tracing::warn!(error = %error, "sessions could not be settled");
    }
    deliver_all(&services, None).await;
}

/// Moves every session that nobody holds to where it belongs.
fn settle(tx: &Tx<'_>, bus: &Bus, live: &Live, now: Timestamp, forget: Option<Timestamp>) -> Result<(), StoreError> {
    let nobody = |id: &SessionId| !live.seats.is_taken(id);
    for id in sql::attached(tx)?.into_iter().filter(nobody) {
        // Its attachment went down with an earlier run of the hub.
        lifecycle::advance(tx, bus, &id, Event::Detached, "", now)?;
    }
    for id in sql::detached_before(tx, now - DETACH_LIMIT)?.into_iter().filter(nobody) {
        end(tx, bus, &id, "nobody came back within 10 minutes", now)?;
    }
    for (id, is_over) in sql::of_removed_nodes(tx)? {
        if !is_over {
            end(tx, bus, &id, "the node was removed from the hub", now)?;
        }
        // There is no node left that could be told.
        lifecycle::advance(tx, bus, &id, Event::NodeEnded(EndReason::Unknown), "", now)?;
    }
    forget.map_or(Ok(()), |limit| sql::forget_before(tx, limit))
}

/// Ends a session for the hub's own reasons.
fn end(tx: &Tx<'_>, bus: &Bus, id: &SessionId, why: &str, now: Timestamp) -> Result<(), StoreError> {
    let Some(session) = lifecycle::advance(tx, bus, id, Event::HubEnded, why, now)? else {
        return Ok(());
    };
    tx.note(|notes| notes.nodes.push(session.node));
    let entry = audit::Entry::by_hub(now, "roadstead:EndShell", format!("{KIND}/{id}"), why.into());
    audit::record(tx, entry);
    Ok(())
}

/// The node's agent has these shells and no others: what it had opened besides went down with the agent, or with the node.
///
/// Called before the agent is let in, so nothing can have been opened since it wrote the list. A shell that it was only asked for
/// may not have begun, and is asked for again by whoever comes back.
pub async fn end_lost(services: &Arc<Services>, node: &NodeId, shells: Vec<SessionId>) {
    let id = node.clone();
    let open = match services.read(move |tx| Ok(sql::open_on(tx, &id)?)).await {
        Ok(open) => open,
        Err(error) => return tracing::warn!(node_id = %node, error = %error, "the sessions of a node could not be read"),
    };
    let lost: Vec<SessionId> = open.into_iter().filter(|id| !shells.contains(id)).collect();
    if lost.is_empty() {
        return;
    }
    let (bus, now) = (services.bus.clone(), services.now());
    let ended = services.write(move |tx| Ok(lost.iter().try_for_each(|id| note_lost(tx, &bus, id, now))?));
    if let Err(error) = ended.await {
        tracing::warn!(node_id = %node, error = %error, "the end of a node's sessions was not stored");
    }
}

fn note_lost(tx: &Tx<'_>, bus: &Bus, id: &SessionId, now: Timestamp) -> Result<(), StoreError> {
    let why = lifecycle::words(&Ended {
        reason: EndReason::Unknown,
        exit_code: None,
        message: String::new(),
    });
    let Some(session) = lifecycle::advance(tx, bus, id, Event::NodeEnded(EndReason::Unknown), &why, now)? else {
        return Ok(());
    };
    tx.note(|notes| notes.nodes.push(session.node));
    audit::record(tx, audit::Entry::by_hub(now, "roadstead:EndShell", format!("{KIND}/{id}"), why));
    Ok(())
}

/// Tells connected nodes which shells are over; whoever is attached does that itself.
async fn deliver_all(services: &Arc<Services>, only: Option<NodeId>) {
    let due = match services.read(|tx| Ok(sql::ending(tx)?)).await {
        Ok(due) => due,
        Err(error) => return tracing::warn!(error = %error, "sessions to end could not be read"),
    };
    let live = services.state::<Live>();
    let due = due.into_iter().filter(|(id, node)| {
        let is_wanted = only.as_ref().is_none_or(|only| only == node);
        is_wanted && services.link().is_connected(node) && !live.seats.is_taken(id)
    });
    let tell = |(id, _)| async move { deliver(services, &id).await };
    stream::iter(due).for_each_concurrent(AT_ONCE, tell).await;
}

/// Tells the node that a session is over, and notes when it has confirmed that.
pub async fn deliver(services: &Arc<Services>, session: &SessionId) {
    match timeout(DELIVERY_LIMIT, tell(services, session)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(session_id = %session, error = %error, "the end of a session was not stored"),
        Err(_) => tracing::warn!(session_id = %session, "the node did not confirm the end of a session; it is told again"),
    }
}

async fn tell(services: &Arc<Services>, session: &SessionId) -> ApiResult<()> {
    let id = session.clone();
    let found = services.read(move |tx| {
        let Some(row) = lifecycle::sql::find(tx, &id)? else {
            return Ok(None);
        };
        let key = nodes::sql::key_of(tx, &row.node)?;
        Ok(key.map(|key| (row, key)))
    });
    let Some((row, key)) = found.await? else {
        return Ok(());
    };
    let Ok(line) = relay::line(services.link(), &row.node).await else {
        return Ok(());
    };
    let open = Open::existing(session.clone());
    let opening = relay::opening(services, &key, &open);
    if !end_shell(line.to_agent, line.from_agent, opening).await {
        return Ok(());
    }
    let (bus, now) = (services.bus.clone(), services.now());
    let event = Event::NodeEnded(EndReason::Terminated);
    services
        .write(move |tx| Ok(lifecycle::advance(tx, &bus, &row.id, event, "", now)?))
        .await?;
    Ok(())
}

/// `true` once the node has said that the shell is over or that it knows of none.
async fn end_shell<K, S, E>(mut to_agent: K, mut from_agent: S, opening: Bytes) -> bool
where
    K: Sink<Bytes> + Unpin,
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    for frame in [opening, Frame::End.encode()] {
        // A node without this shell hangs up before it has heard everything; what it said is still to be read.
        if to_agent.send(frame).await.is_err() {
            break;
        }
    }
    while let Some(Ok(frame)) = from_agent.next().await {
        if let Ok(Frame::Ended(ended)) = Frame::decode(frame) {
            return ended.reason != EndReason::TakenOver;
        }
    }
    false
}

mod sql {
    use super::*;

    /// Active sessions that somebody is attached to, if the row is right.
    pub const ATTACHED: &str = "SELECT id FROM session WHERE ended_at IS NULL AND detached_at IS NULL";
    /// Shells that the node has said it opened.
    pub const OPEN_ON: &str = "SELECT id FROM session WHERE node_id = :node AND ended_at IS NULL AND shell = 'Open'";
    pub const DETACHED: &str = "SELECT id FROM session WHERE ended_at IS NULL AND detached_at <= :limit";
    /// A few at a time, so that no tick is long.
    pub const OVER: &str = "SELECT id FROM session WHERE ended_at < :limit LIMIT 500";
    /// Sessions whose node must still be told.
    pub const ENDING: &str = "SELECT id, node_id FROM session WHERE shell = 'Ending'";
    /// Sessions that wait for a node that will never come, and whether they have ended.
    pub const OF_REMOVED_NODES: &str = "SELECT session.id, 0 AS is_over FROM session JOIN node ON node.id = session.node_id
          WHERE session.ended_at IS NULL AND node.removed_at IS NOT NULL
        UNION ALL
        SELECT session.id, 1 AS is_over FROM session JOIN node ON node.id = session.node_id
          WHERE session.shell = 'Ending' AND node.removed_at IS NOT NULL";

    pub fn attached(tx: &Tx<'_>) -> Result<Vec<SessionId>, StoreError> {
        tx.rows(ATTACHED, &[], |row| row.get("id"))
    }

    pub fn open_on(tx: &Tx<'_>, node: &NodeId) -> Result<Vec<SessionId>, StoreError> {
        tx.rows(OPEN_ON, &[(":node", node.into())], |row| row.get("id"))
    }

    pub fn detached_before(tx: &Tx<'_>, limit: Timestamp) -> Result<Vec<SessionId>, StoreError> {
        tx.rows(DETACHED, &[(":limit", limit.into())], |row| row.get("id"))
    }

    pub fn of_removed_nodes(tx: &Tx<'_>) -> Result<Vec<(SessionId, bool)>, StoreError> {
        tx.rows(OF_REMOVED_NODES, &[], |row| Ok((row.get("id")?, row.get("is_over")?)))
    }

    pub fn forget_before(tx: &Tx<'_>, limit: Timestamp) -> Result<(), StoreError> {
        for id in tx.rows(OVER, &[(":limit", limit.into())], |row| row.get::<SessionId>("id"))? {
            tx.execute("DELETE FROM session WHERE id = :id", &[(":id", (&id).into())])?;
        }
        Ok(())
    }

    pub fn ending(tx: &Tx<'_>) -> Result<Vec<(SessionId, NodeId)>, StoreError> {
        tx.rows(ENDING, &[], |row| Ok((row.get("id")?, row.get("node_id")?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::auth::{Caller, Proof};
    use crate::hub::capabilities::sessions::lifecycle::{Session, Shell, State, Status};
    use crate::hub::capabilities::sessions::seats::Wish;
    use crate::hub::capabilities::sessions::tokens::TokenHash;
    use crate::hub::store::{Store, Value};
    use std::convert::Infallible;
    use tokio_util::sync::PollSender;

    const START: Timestamp = Timestamp::from_millis(1_000_000);

    /// A store with one session that has lived through `events` at [`START`].
    async fn store_with(events: &'static [Event]) -> (tempfile::TempDir, Store, SessionId) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        let id = SessionId::random("ann");
        let session = Session {
            id: id.clone(),
            node: NodeId::random(),
            owner: "ann".into(),
            reason: String::new(),
            document: String::new(),
            state: State::FIRST,
            details: String::new(),
            started_at: START,
            ended_at: None,
            idle_timeout_ms: 0,
            max_duration_ms: 0,
            approval: None,
            work: crate::wire::session::Work::default(),
        };
        let filled = store.write(move |tx| {
            lifecycle::sql::insert(tx, &session)?;
            for event in events {
                lifecycle::advance(tx, &Bus::default(), &session.id, *event, "", START)?;
            }
            Ok::<_, StoreError>(())
        });
        filled.await.unwrap();
        (dir, store, id)
    }

    #[tokio::test]
    async fn an_ended_session_is_forgotten_after_thirty_days() {
        let (_dir, store, id) = store_with(&[Event::HubEnded]).await;
        let live = Arc::new(Live::default());
        settled(&store, &live, &id, START + KEPT).await;
        let later = START + KEPT + Duration::from_millis(1);
        let left = store.write(move |tx| {
            settle(tx, &Bus::default(), &live, later, Some(later - KEPT))?;
            tx.count("SELECT count(*) FROM session", &[])
        });
        assert_eq!(left.await.map_err(|e: StoreError| e).unwrap(), 0);
    }

    async fn settled(store: &Store, live: &Arc<Live>, id: &SessionId, now: Timestamp) -> Session {
        let (live, id) = (live.clone(), id.clone());
        let session = store.write(move |tx| {
            settle(tx, &Bus::default(), &live, now, None)?;
            Ok::<_, StoreError>(lifecycle::sql::find(tx, &id)?.unwrap())
        });
        session.await.unwrap()
    }

    #[tokio::test]
    async fn a_session_whose_attachment_died_with_the_hub_waits_again_and_is_then_abandoned() {
        let (_dir, store, id) = store_with(&[Event::Opening, Event::Attached]).await;
        let live = Arc::new(Live::default());
        let restarted = START + Duration::from_secs(3600);
        let waiting = settled(&store, &live, &id, restarted).await;
        assert_eq!(waiting.state.status, Status::Disconnected);
        let waiting = settled(&store, &live, &id, restarted + DETACH_LIMIT - Duration::from_secs(1)).await;
        assert_eq!(waiting.state.status, Status::Disconnected);
        let over = settled(&store, &live, &id, restarted + DETACH_LIMIT).await;
        assert_eq!((over.state.status, over.state.shell), (Status::Terminated, Shell::Ending));
        assert_eq!(over.details, "nobody came back within 10 minutes");
    }

    #[tokio::test]
    async fn a_session_that_nobody_ever_attached_to_ends_without_a_word_to_the_node() {
        let (_dir, store, id) = store_with(&[]).await;
        let over = settled(&store, &Arc::new(Live::default()), &id, START + DETACH_LIMIT).await;
        assert_eq!((over.state.status, over.state.shell), (Status::Terminated, Shell::Gone));
    }

    #[tokio::test]
    async fn whoever_is_attached_is_left_alone() {
        let (_dir, store, id) = store_with(&[Event::Opening, Event::Attached]).await;
        let live = Arc::new(Live::default());
        let wish = Wish {
            token: TokenHash::of("1"),
            caller: Caller::new("ann", Proof::Local),
            take_over: false,
            before: None,
        };
        let held = live.seats.take(&id, &wish).await.unwrap();
        let later = START + DETACH_LIMIT * 100;
        assert_eq!(settled(&store, &live, &id, later).await.state.status, Status::Connected);
        drop(held);
        assert_eq!(settled(&store, &live, &id, later).await.state.status, Status::Disconnected);
    }

    #[tokio::test]
    async fn a_tick_reads_open_sessions_and_not_the_history() {
        let (_dir, store, _id) = store_with(&[]).await;
        for sql in [sql::ATTACHED, sql::DETACHED, sql::ENDING, sql::OF_REMOVED_NODES, sql::OVER] {
            let limit = sql.contains(":limit").then_some((":limit", Value::Null));
            let plan = store.read(move |tx| tx.query_plan(sql, limit.as_slice())).await;
            let plan = plan.map_err(|e: StoreError| e).unwrap();
            let reads = plan.iter().filter(|step| step.contains("session"));
            for step in reads {
                assert!(step.contains("INDEX session_"), "{plan:?}");
            }
        }
    }

    async fn end_against(reason: EndReason) -> bool {
        let opening = Bytes::from_static(b"opening");
        let (to_agent, mut heard) = tokio::sync::mpsc::channel(4);
        let ended = Ended {
            reason,
            exit_code: None,
            message: String::new(),
        };
        let output = Frame::Output {
            offset: 0,
            bytes: Bytes::from_static(b"scroll-back"),
        };
        let said = [output.encode(), Frame::Ended(ended).encode()].map(Ok::<_, Infallible>);
        let is_over = end_shell(PollSender::new(to_agent), stream::iter(said), opening.clone()).await;
        assert_eq!(heard.recv().await.unwrap(), opening);
        assert_eq!(Frame::decode(heard.recv().await.unwrap()).unwrap(), Frame::End);
        is_over
    }

    #[tokio::test]
    async fn a_shell_is_over_when_the_node_says_so_in_whatever_way() {
        for reason in [EndReason::Terminated, EndReason::Exited, EndReason::Unknown] {
            assert!(end_against(reason).await);
        }
        assert!(!end_against(EndReason::TakenOver).await);
    }
}
