//! Releases held invocations as `rate` says, and terminates them when a command has had its errors.
//!
//! One place releases, and it does so in the transaction that counts: whatever is killed in between, rows say who may be told,
//! and a node that comes back is told again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;

use crate::base::id::{CommandId, NodeId};
use crate::base::{ApiResult, Timestamp};
use crate::hub::api::Services;
use crate::hub::capabilities::commands::dispatch::{self, Addressee};
use crate::hub::capabilities::commands::notices;
use crate::hub::capabilities::commands::rate::{Limits, Next, Tally, next_batch};
use crate::hub::capabilities::commands::rows::{self, Extras};
use crate::hub::capabilities::commands::state::State;
use crate::hub::events::Event;
use crate::hub::jobs::Job;
use crate::hub::store::{StoreError, Tx};

/// Nodes released in one write; the next tick goes on at once.
const BATCH: u64 = 1000;

pub fn job() -> Job<Arc<Services>> {
    Job {
        name: "rate control",
        period: Duration::from_secs(5),
        wakes: |event| matches!(event, Event::CommandCreated(_) | Event::CommandChanged(_) | Event::FreezeChanged),
        tick: |services| run(services).boxed(),
    }
}

/// Whether certainly no command holds nodes back: then a tick is over at once, for every answer of every node wakes this job.
#[derive(Default)]
struct Idle(AtomicBool);

/// There will be held invocations once this transaction is durable.
pub fn expect(tx: &Tx<'_>, services: &Services) {
    let idle = services.state::<Idle>();
    tx.after_commit(move || idle.0.store(false, Ordering::SeqCst));
}

async fn run(services: Arc<Services>) {
    let idle = services.state::<Idle>();
    // Whoever commits held rows after this says so after its commit; whatever was committed before is read below.
    if services.freeze.is_on() || idle.0.swap(true, Ordering::SeqCst) {
        return;
    }
    match tick(&services, &idle).await {
        Ok(released) => {
            for (command, nodes) in released {
                let worker = services.clone();
                services
                    .tasks
                    .spawn(async move { dispatch::released(&worker, &command, nodes).await });
            }
        }
        Err(error) => {
            idle.0.store(false, Ordering::SeqCst);
            tracing::error!(error = %error, "held invocations could not be released");
        }
    }
}

/// Takes every command that holds nodes back one step further; answers whom to tell of which.
async fn tick(services: &Services, idle: &Idle) -> ApiResult<Vec<(CommandId, Vec<Addressee>)>> {
    let (is_any_held, ready) = services.read(|tx| Ok((sql::is_any_held(tx)?, ready(tx)?))).await?;
    if is_any_held {
        idle.0.store(false, Ordering::SeqCst);
    }
    if ready.is_empty() {
        return Ok(Vec::new());
    }
    let (now, link, bus) = (services.now(), services.link().clone(), services.bus.clone());
    services
        .write(move |tx| {
            let mut released = Vec::new();
            for id in ready {
                let Some(next) = sql::next(tx, &id)? else { continue };
                let nodes = advance(tx, &id, next, |node| link.is_connected(node), now)?;
                if matches!(next, Next::Stop(_)) || nodes.len() as u64 == BATCH {
                    bus.emit(tx, Event::CommandChanged(id.clone()));
                }
                released.push((id, nodes));
            }
            Ok(released)
        })
        .await
}

/// Commands of which something can be released or terminated now; most often none.
fn ready(tx: &Tx<'_>) -> Result<Vec<CommandId>, StoreError> {
    let mut ready = Vec::new();
    for id in sql::holding(tx)? {
        let is_ready = match sql::next(tx, &id)? {
            Some(Next::Begin(0)) | None => false,
            Some(Next::Begin(_)) => !sql::reachable(tx, &id, 1)?.is_empty(),
            Some(Next::Stop(_)) => true,
        };
        if is_ready {
            ready.push(id);
        }
    }
    Ok(ready)
}

fn advance(
    tx: &Tx<'_>,
    id: &CommandId,
    next: Next,
    is_connected: impl Fn(&NodeId) -> bool,
    now: Timestamp,
) -> Result<Vec<Addressee>, StoreError> {
    let room = match next {
        Next::Begin(room) => room.min(BATCH),
        Next::Stop(why) => {
            sql::terminate(tx, id, why.sentence(), now)?;
            return Ok(Vec::new());
        }
    };
    let mut nodes = sql::reachable(tx, id, room)?;
    nodes.retain(|addressee| is_connected(&addressee.node));
    for addressee in &nodes {
        sql::release(tx, id, &addressee.node, now)?;
    }
    sql::count_released(tx, id, nodes.len() as u64)?;
    Ok(nodes)
}

mod sql {
    use super::*;

    pub fn is_any_held(tx: &Tx<'_>) -> Result<bool, StoreError> {
        let found = tx.row("SELECT 1 AS one FROM command WHERE held_count > 0 LIMIT 1", &[], |row| {
            row.get::<i64>("one")
        })?;
        Ok(found.is_some())
    }

    /// Commands with nodes that wait for their turn, unless they themselves wait for an approval.
    pub fn holding(tx: &Tx<'_>) -> Result<Vec<CommandId>, StoreError> {
        let sql = "SELECT c.id FROM command c WHERE c.held_count > 0
                     AND NOT EXISTS (SELECT 1 FROM command_approval a WHERE a.command_id = c.id AND coalesce(a.decision, '') <> 'Approved')
                   ORDER BY c.id";
        tx.rows(sql, &[], |row| row.get("id"))
    }

    pub fn next(tx: &Tx<'_>, id: &CommandId) -> Result<Option<Next>, StoreError> {
        let sql = "SELECT max_concurrency, max_errors, extras, target_count, released_count, in_flight_count, error_count FROM command
                   WHERE id = :id AND held_count > 0";
        let found = tx.row(sql, &[(":id", id.into())], |row| {
            let number = |column| row.get::<i64>(column).map(|n| n as u64);
            let (concurrency, errors): (String, String) = (row.get("max_concurrency")?, row.get("max_errors")?);
            let canaries = row.json::<Extras>("extras")?.canary;
            let tally = Tally {
                released: number("released_count")?,
                in_flight: number("in_flight_count")?,
                errors: number("error_count")?,
                unsuccessful: 0,
            };
            Ok((
                Limits::new(&concurrency, &errors, canaries.as_deref(), number("target_count")?),
                tally,
            ))
        })?;
        let Some((limits, mut tally)) = found else { return Ok(None) };
        if limits.canaries > 0 && tally.released <= limits.canaries {
            let sql = "SELECT count(*) FROM invocation
                       WHERE command_id = :id AND released_at IS NOT NULL AND ended_at IS NOT NULL AND status <> 'Success'";
            tally.unsuccessful = tx.count(sql, &[(":id", id.into())])? as u64;
        }
        Ok(Some(next_batch(&limits, &tally)))
    }

    /// The first held nodes that are online.
    pub fn reachable(tx: &Tx<'_>, id: &CommandId, most: u64) -> Result<Vec<Addressee>, StoreError> {
        let sql = "SELECT i.node_id, n.key_hash FROM invocation i JOIN node n ON n.id = i.node_id
                   WHERE i.command_id = :id AND i.released_at IS NULL AND i.ended_at IS NULL AND n.status = 'Online'
                     AND n.removed_at IS NULL AND n.quarantined_at IS NULL
                   ORDER BY i.node_id LIMIT :most";
        tx.rows(sql, &[(":id", id.into()), (":most", most.into())], Addressee::from_row)
    }

    pub fn release(tx: &Tx<'_>, id: &CommandId, node: &NodeId, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE invocation SET released_at = :now, status = :status WHERE command_id = :id AND node_id = :node";
        let params = [
            (":now", now.into()),
            (":status", State::Pending.as_str().into()),
            (":id", id.into()),
            (":node", node.into()),
        ];
        tx.execute(sql, &params).map(|_| ())
    }

    pub fn count_released(tx: &Tx<'_>, id: &CommandId, count: u64) -> Result<(), StoreError> {
        let sql = "UPDATE command SET held_count = held_count - :n, released_count = released_count + :n,
                     in_flight_count = in_flight_count + :n WHERE id = :id";
        tx.execute(sql, &[(":n", count.into()), (":id", id.into())]).map(|_| ())
    }

    /// Ends all that is held.
    pub fn terminate(tx: &Tx<'_>, id: &CommandId, why: &str, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE invocation SET status = :status, ended_at = :now, message = :why
                   WHERE command_id = :id AND released_at IS NULL AND ended_at IS NULL RETURNING node_id";
        let params = [
            (":status", State::Terminated.as_str().into()),
            (":now", now.into()),
            (":why", why.into()),
            (":id", id.into()),
        ];
        let ended: Vec<NodeId> = tx.rows(sql, &params, |row| row.get("node_id"))?;
        let sql = "UPDATE command SET held_count = 0, completed_count = completed_count + :n WHERE id = :id
                   RETURNING completed_count = target_count AS done, coalesce(notify, '') = 'Invocation' AS tells";
        let found = tx.row(sql, &[(":n", (ended.len() as i64).into()), (":id", id.into())], |row| {
            Ok((row.get::<bool>("done")?, row.get::<bool>("tells")?))
        })?;
        if let Some((_, true)) = found {
            for node in &ended {
                notices::invocation(tx, id, node, State::Terminated, now)?;
            }
        }
        match found.map(|(is_done, _)| is_done) {
            Some(true) => rows::sql::settle(tx, id, now),
            _ => Ok(()),
        }
    }
}
