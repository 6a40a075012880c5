//! Tells connected nodes what they shall run or stop. Nothing here is remembered: rows say what is still open.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::base::id::{CommandId, NodeId};
use crate::base::{ApiResult, Timestamp};
use crate::hub::api::Services;
use crate::hub::capabilities::commands::pull;
use crate::hub::capabilities::commands::rows::{self, Parameters};
use crate::hub::capabilities::commands::state::State;
use crate::hub::events::Event;
use crate::hub::jobs::Job;
use crate::hub::link::NotSent;
use crate::hub::store::{StoreError, Tx};
use crate::wire::control::ToAgent;
use crate::wire::run::Run;

/// How long an agent with a full queue is given before it is asked again.
const FULL_PAUSE: Duration = Duration::from_millis(50);

/// When the freeze ends, everything that waited is told; and now and then, in case an event was lost.
pub fn job() -> Job<Arc<Services>> {
    Job {
        name: "dispatch after a freeze",
        period: Duration::from_secs(3600),
        wakes: |event| matches!(event, Event::FreezeChanged),
        tick: |services| resume(services).boxed(),
    }
}

async fn resume(services: Arc<Services>) {
    match services.read(|tx| Ok(sql::waiting_commands(tx)?)).await {
        Ok(waiting) => {
            for id in waiting {
                command(&services, &id).await;
            }
        }
        Err(error) => tracing::error!(error = %error, "commands that wait could not be read"),
    }
}

/// Tells every connected node of a new command; nobody while the hub is frozen.
pub async fn command(services: &Arc<Services>, id: &CommandId) {
    if services.freeze.is_on() {
        return;
    }
    let wanted = id.clone();
    let open = services
        .read(move |tx| Ok((sql::orders(tx, &wanted)?, sql::waiting_nodes(tx, &wanted)?)))
        .await;
    match open {
        Ok((Some(order), nodes)) => {
            for node in nodes {
                tell(services, &node, &ToAgent::Run(Box::new(order.run()))).await;
            }
        }
        Ok((None, _)) => {}
        Err(error) => tracing::error!(command_id = %id, error = %error, "a command could not be dispatched"),
    }
}

/// Sends to a node if it is connected; one that is not is told when it connects.
pub async fn tell(services: &Services, node: &NodeId, frame: &ToAgent) {
    while services.link().send(node, frame.clone()) == Err(NotSent::Full) {
        tokio::time::sleep(FULL_PAUSE).await;
    }
}

/// A node has connected: everything open for it is told again, and what it has and nobody wants any more is cancelled.
pub fn connected(services: Arc<Services>, node: NodeId, running: Vec<CommandId>) -> BoxFuture<'static, ()> {
    async move {
        if let Err(error) = catch_up(&services, &node, running).await {
            tracing::error!(node_id = %node, error = %error, "a node's open work could not be read");
        }
        pull::wanted(services, node).await;
    }
    .boxed()
}

async fn catch_up(services: &Services, node: &NodeId, running: Vec<CommandId>) -> ApiResult<()> {
    let id = node.clone();
    let (open, unwanted) = services
        .read(move |tx| {
            let open = sql::open_of(tx, &id)?;
            let mut unwanted = Vec::new();
            for run in running {
                if rows::sql::state(tx, &run, &id)?.is_none_or(State::is_ended) {
                    unwanted.push(run);
                }
            }
            Ok((open, unwanted))
        })
        .await?;
    for run in unwanted {
        tell(services, node, &ToAgent::Cancel { run }).await;
    }
    for (order, state, is_accepted) in open {
        if state == State::Cancelling {
            tell(services, node, &ToAgent::Cancel { run: order.id.clone() }).await;
        } else if !is_accepted && !services.freeze.is_on() {
            tell(services, node, &ToAgent::Run(Box::new(order.run()))).await;
        }
    }
    Ok(())
}

/// What a command's nodes are told, read once for all of them.
pub struct Order {
    id: CommandId,
    start_before: Timestamp,
    document: serde_json::Value,
    parameters: Parameters,
}

impl Order {
    fn run(&self) -> Run {
        Run {
            id: self.id.clone(),
            start_before_ms: self.start_before.millis(),
            document: self.document.clone(),
            parameters: self.parameters.clone(),
        }
    }
}

mod sql {
    use super::*;
    use crate::hub::store::Row;

    fn order(row: &Row<'_>) -> Result<Order, StoreError> {
        Ok(Order {
            id: row.get("id")?,
            start_before: row.get("start_before")?,
            document: row.json("document")?,
            parameters: row.json("parameters")?,
        })
    }

    pub fn orders(tx: &Tx<'_>, id: &CommandId) -> Result<Option<Order>, StoreError> {
        tx.row(
            "SELECT c.id, c.start_before, c.document, c.parameters FROM command c WHERE c.id = :id
               AND NOT EXISTS (SELECT 1 FROM command_approval a WHERE a.command_id = c.id AND coalesce(a.decision, '') <> 'Approved')",
            &[(":id", id.into())],
            order,
        )
    }

    pub fn waiting_commands(tx: &Tx<'_>) -> Result<Vec<CommandId>, StoreError> {
        let sql = "SELECT DISTINCT command_id FROM invocation WHERE ended_at IS NULL AND accepted_at IS NULL ORDER BY command_id";
        tx.rows(sql, &[], |row| row.get("command_id"))
    }

    pub fn waiting_nodes(tx: &Tx<'_>, id: &CommandId) -> Result<Vec<NodeId>, StoreError> {
        let sql = "SELECT node_id FROM invocation WHERE command_id = :id AND ended_at IS NULL AND accepted_at IS NULL ORDER BY node_id";
        tx.rows(sql, &[(":id", id.into())], |row| row.get("node_id"))
    }

    pub fn open_of(tx: &Tx<'_>, node: &NodeId) -> Result<Vec<(Order, State, bool)>, StoreError> {
        let sql = "SELECT c.id, c.start_before, c.document, c.parameters, i.status, i.accepted_at IS NOT NULL AS accepted
                   FROM invocation i JOIN command c ON c.id = i.command_id
                   WHERE i.node_id = :node AND i.ended_at IS NULL
                     AND NOT EXISTS (SELECT 1 FROM command_approval a WHERE a.command_id = c.id AND coalesce(a.decision, '') <> 'Approved')
                   ORDER BY i.requested_at";
        tx.rows(sql, &[(":node", node.into())], |row| {
            Ok((order(row)?, row.parsed("status")?, row.get("accepted")?))
        })
    }
}
