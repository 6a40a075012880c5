//! Ends what nobody answered: a node that never came back in time, a node that took the work and fell silent.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use crate::base::id::{CommandId, NodeId};
use crate::base::{ApiResult, Timestamp};
use crate::hub::api::Services;
use crate::hub::capabilities::commands::rows;
use crate::hub::capabilities::commands::state::{Happening, State};
use crate::hub::events::Event;
use crate::hub::jobs::Job;
use crate::hub::store::{Row, StoreError, Tx};

/// Invocations ended in one write; the next tick goes on.
const BATCH: usize = 1000;
/// A node's "last seen" may be this much older than the truth after a crash of the hub.
const LAST_SEEN_SLACK: Duration = Duration::from_secs(60);

pub fn job() -> Job<Arc<Services>> {
    Job {
        name: "command expiry",
        period: Duration::from_secs(1),
        wakes: |_| false,
        tick: |services| run(services).boxed(),
    }
}

async fn run(services: Arc<Services>) {
    if let Err(error) = tick(&services, services.now()).await {
        tracing::error!(error = %error, "expired invocations could not be ended");
    }
}

/// Ends every invocation whose time is over.
pub async fn tick(services: &Services, now: Timestamp) -> ApiResult<()> {
    let is_due = services
        .read(move |tx| Ok(!sql::undelivered(tx, now)?.is_empty() || !sql::unanswered(tx, now)?.is_empty()))
        .await?;
    if !is_due {
        return Ok(());
    }
    let bus = services.bus.clone();
    services
        .write(move |tx| {
            for due in sql::undelivered(tx, now)? {
                end(tx, &due, Happening::DeliveryExpired, "the node was offline until the time-out", now)?;
                bus.emit(tx, Event::CommandChanged(due.command));
            }
            for due in sql::unanswered(tx, now)? {
                let (happening, words) = match due.is_accepted {
                    true => (
                        Happening::AnswerExpired,
                        "the node took the command and sent no result before it expired",
                    ),
                    false => (Happening::DeliveryExpired, "the node did not take the command before it expired"),
                };
                end(tx, &due, happening, words, now)?;
                bus.emit(tx, Event::CommandChanged(due.command));
            }
            Ok(())
        })
        .await
}

fn end(tx: &Tx<'_>, due: &Due, happening: Happening, message: &str, at: Timestamp) -> Result<(), StoreError> {
    let Ok(state) = due.state.next(happening) else { return Ok(()) };
    rows::sql::end(
        tx,
        &rows::sql::End {
            command: &due.command,
            node: &due.node,
            state,
            at,
            response_code: -1,
            message,
            output_hash: None,
        },
    )
}

struct Due {
    command: CommandId,
    node: NodeId,
    state: State,
    is_accepted: bool,
}

mod sql {
    use super::*;

    fn due(row: &Row<'_>) -> Result<Due, StoreError> {
        Ok(Due {
            command: row.get("command_id")?,
            node: row.get("node_id")?,
            state: row.parsed("status")?,
            is_accepted: row.get("accepted")?,
        })
    }

    /// Start time over, and the node was not connected since the request: it certainly does not have it.
    pub fn undelivered(tx: &Tx<'_>, now: Timestamp) -> Result<Vec<Due>, StoreError> {
        let sql = "SELECT i.command_id, i.node_id, i.status, 0 AS accepted FROM invocation i LEFT JOIN node n ON n.id = i.node_id
                   WHERE i.ended_at IS NULL AND i.accepted_at IS NULL AND i.start_before <= :now
                     AND (n.id IS NULL OR (n.status = 'Offline' AND coalesce(n.last_seen_at, 0) + :slack < i.requested_at))
                   ORDER BY i.start_before LIMIT :limit";
        let slack = LAST_SEEN_SLACK.as_millis() as u64;
        tx.rows(
            sql,
            &[(":now", now.into()), (":slack", slack.into()), (":limit", (BATCH as i64).into())],
            due,
        )
    }

    /// Everything is over: delivery and execution time together.
    pub fn unanswered(tx: &Tx<'_>, now: Timestamp) -> Result<Vec<Due>, StoreError> {
        let sql = "SELECT command_id, node_id, status, accepted_at IS NOT NULL AS accepted FROM invocation
                   WHERE ended_at IS NULL AND expires_at <= :now ORDER BY expires_at LIMIT :limit";
        tx.rows(sql, &[(":now", now.into()), (":limit", (BATCH as i64).into())], due)
    }
}
