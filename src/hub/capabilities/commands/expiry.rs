//! Ends what nobody will answer: a node that never came back in time, one that took the work and fell silent, one that was
//! removed.

use std::collections::BTreeSet;
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
use crate::wire::run::Outcome;

/// Invocations ended in one write; the next tick goes on.
const BATCH: usize = 1000;
/// A node's "last seen" may be this much older than the truth after a crash of the hub.
const LAST_SEEN_SLACK: Duration = Duration::from_secs(60);

pub fn job() -> Job<Arc<Services>> {
    Job {
        name: "command expiry",
        period: Duration::from_secs(1),
        wakes: |event| matches!(event, Event::NodeRemoved(_)),
        tick: |services| run(services).boxed(),
    }
}

async fn run(services: Arc<Services>) {
    if let Err(error) = tick(&services, services.now()).await {
        tracing::error!(error = %error, "expired invocations could not be ended");
    }
}

/// Ends every invocation whose time is over, or whose node is gone for good.
pub async fn tick(services: &Services, now: Timestamp) -> ApiResult<()> {
    if services.read(move |tx| Ok(due(tx, now)?.is_empty())).await? {
        return Ok(());
    }
    let bus = services.bus.clone();
    services
        .write(move |tx| {
            for (due, happening, words) in due(tx, now)? {
                end(tx, &due, happening, words, now)?;
                bus.emit(tx, Event::CommandChanged(due.command));
            }
            Ok(())
        })
        .await
}

/// What is to be ended, how, and the sentence that explains it. An invocation stands in it once.
fn due(tx: &Tx<'_>, now: Timestamp) -> Result<Vec<(Due, Happening, &'static str)>, StoreError> {
    let removed = sql::of_removed_nodes(tx)?.into_iter().map(|due| match due.is_accepted {
        true => (due, Happening::Ended(Outcome::Interrupted), "the node was removed while it ran"),
        false => (due, Happening::NodeRemoved, "the node was removed before it took the command"),
    });
    let undelivered = sql::undelivered(tx, now)?.into_iter().map(|(due, is_offline)| match is_offline {
        true => (due, Happening::DeliveryExpired, "the node was offline until the time-out"),
        false => (due, Happening::DeliveryExpired, "the node's turn had not come by the time-out"),
    });
    let unanswered = sql::unanswered(tx, now)?.into_iter().map(|due| match due.is_accepted {
        true => (
            due,
            Happening::AnswerExpired,
            "the node took the command and sent no result before it expired",
        ),
        false => (
            due,
            Happening::DeliveryExpired,
            "the node did not take the command before it expired",
        ),
    });
    let mut seen = BTreeSet::new();
    let all = removed.chain(undelivered).chain(unanswered);
    Ok(all
        .filter(|(due, ..)| seen.insert((due.command.clone(), due.node.clone())))
        .collect())
}

fn end(tx: &Tx<'_>, due: &Due, happening: Happening, message: &str, at: Timestamp) -> Result<(), StoreError> {
    let Ok(state) = due.state.next(happening) else { return Ok(()) };
    let end = rows::sql::End {
        command: &due.command,
        node: &due.node,
        state,
        at,
        began_at: None,
        response_code: -1,
        message,
        output_hash: None,
    };
    rows::sql::end(tx, &end)
}

struct Due {
    command: CommandId,
    node: NodeId,
    state: State,
    is_accepted: bool,
}

mod sql {
    use super::*;

    fn from_row(row: &Row<'_>) -> Result<Due, StoreError> {
        Ok(Due {
            command: row.get("command_id")?,
            node: row.get("node_id")?,
            state: row.parsed("status")?,
            is_accepted: row.get("accepted")?,
        })
    }

    /// Whatever is still open for nodes that are no more.
    pub fn of_removed_nodes(tx: &Tx<'_>) -> Result<Vec<Due>, StoreError> {
        let sql = "SELECT i.command_id, i.node_id, i.status, i.accepted_at IS NOT NULL AS accepted
                   FROM node n JOIN invocation i ON i.node_id = n.id AND i.ended_at IS NULL
                   WHERE n.removed_at IS NOT NULL LIMIT :limit";
        tx.rows(sql, &[(":limit", (BATCH as i64).into())], from_row)
    }

    /// Start time over, and the node was not told, or not connected since the request: it certainly does not have it. And
    /// whether it is offline.
    ///
    /// Differs: upstream leaves such a share waiting until the execution time is over, too, although it cannot begin any more.
    pub fn undelivered(tx: &Tx<'_>, now: Timestamp) -> Result<Vec<(Due, bool)>, StoreError> {
        let sql = "SELECT i.command_id, i.node_id, i.status, 0 AS accepted, coalesce(n.status, 'Offline') = 'Offline' AS offline
                   FROM invocation i LEFT JOIN node n ON n.id = i.node_id
                   WHERE i.ended_at IS NULL AND i.accepted_at IS NULL AND i.start_before <= :now
                     AND NOT EXISTS (SELECT 1 FROM command_approval a WHERE a.command_id = i.command_id AND a.decision IS NULL)
                     AND (n.id IS NULL OR i.released_at IS NULL OR (n.status = 'Offline' AND coalesce(n.last_seen_at, 0) + :slack < i.requested_at))
                   ORDER BY i.start_before LIMIT :limit";
        let slack = LAST_SEEN_SLACK.as_millis() as u64;
        tx.rows(
            sql,
            &[(":now", now.into()), (":slack", slack.into()), (":limit", (BATCH as i64).into())],
            |row| Ok((from_row(row)?, row.get("offline")?)),
        )
    }

    /// Everything is over: delivery and execution time together.
    pub fn unanswered(tx: &Tx<'_>, now: Timestamp) -> Result<Vec<Due>, StoreError> {
        let sql = "SELECT command_id, node_id, status, accepted_at IS NOT NULL AS accepted FROM invocation
                   WHERE ended_at IS NULL AND expires_at <= :now ORDER BY expires_at LIMIT :limit";
        tx.rows(sql, &[(":now", now.into()), (":limit", (BATCH as i64).into())], from_row)
    }
}
