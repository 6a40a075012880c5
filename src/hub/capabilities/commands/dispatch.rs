//! Tells connected nodes what they shall run or stop. Nothing here is remembered: rows say what is still open.
//!
//! What is to be run is written and hashed once for all nodes of a command, and signed for each node by itself.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::base::id::{CommandId, NodeId};
use crate::base::{ApiResult, Timestamp};
use crate::hub::api::Services;
use crate::hub::capabilities::commands::pull;
use crate::hub::capabilities::commands::rows;
use crate::hub::capabilities::commands::state::State;
use crate::hub::capabilities::fleet::{nodes, quarantine};
use crate::hub::events::Event;
use crate::hub::jobs::Job;
use crate::hub::link::NotSent;
use crate::hub::store::{Row, StoreError, Tx};
use crate::wire::control::ToAgent;
use crate::wire::run;
use crate::wire::warrant::{Class, Draft, Payload, Warrant, Written};

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

/// Tells every connected node of a command whose share is released; nobody while the hub is frozen.
pub async fn command(services: &Arc<Services>, id: &CommandId) {
    if services.freeze.is_on() {
        return;
    }
    let wanted = id.clone();
    let open = services
        .read(move |tx| Ok((sql::orders(tx, &wanted)?, sql::waiting_nodes(tx, &wanted)?)))
        .await;
    match open {
        Ok((Some(order), nodes)) => order.tell_all(services, nodes).await,
        Ok((None, _)) => {}
        Err(error) => tracing::error!(command_id = %id, error = %error, "a command could not be dispatched"),
    }
}

/// Tells nodes whose shares were released just now.
pub async fn released(services: &Services, id: &CommandId, nodes: Vec<Addressee>) {
    if nodes.is_empty() {
        return;
    }
    let wanted = id.clone();
    match services.read(move |tx| Ok(sql::orders(tx, &wanted)?)).await {
        Ok(Some(order)) => order.tell_all(services, nodes).await,
        Ok(None) => {}
        Err(error) => tracing::error!(command_id = %id, error = %error, "released nodes could not be told"),
    }
}

/// Sends to a node if it is connected; one that is not is told when it connects.
pub async fn tell(services: &Services, node: &NodeId, frame: &ToAgent) {
    while services.link().send(node, frame) == Err(NotSent::Full) {
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
    let (key, open, held, unwanted) = services
        .read(move |tx| {
            // Two systems with one key: a run would begin on whichever was here first.
            let is_held = quarantine::sql::is_quarantined(tx, &id)?;
            let key = if is_held { None } else { nodes::sql::key_of(tx, &id)? };
            let open = sql::open_of(tx, &id)?;
            let mut unwanted = Vec::new();
            for run in running {
                if rows::sql::state(tx, &run, &id)?.is_none_or(State::is_ended) {
                    unwanted.push(run);
                }
            }
            Ok((key, open, sql::held_of(tx, &id)?, unwanted))
        })
        .await?;
    for run in unwanted {
        tell(services, node, &ToAgent::Cancel { run }).await;
    }
    let Some(key) = key else { return Ok(()) };
    // Its turn may have come: whoever releases looks.
    for command in held {
        services.bus.send(Event::CommandChanged(command));
    }
    for (run, state) in open {
        if state == State::Cancelling {
            tell(services, node, &ToAgent::Cancel { run }).await;
            continue;
        }
        // One after the other: many long orders may wait for a node.
        let id = node.clone();
        if let Some(order) = services.read(move |tx| Ok(sql::order_for(tx, &id, &run)?)).await? {
            let addressee = Addressee { node: node.clone(), key };
            order.tell_all(services, vec![addressee]).await;
        }
    }
    Ok(())
}

/// What a command's nodes are told, read once for all of them.
pub struct Order {
    id: CommandId,
    start_before: Timestamp,
    payload: Payload,
    written: Written,
}

/// A node with the key that its orders are bound to.
pub struct Addressee {
    pub node: NodeId,
    key: [u8; 32],
}

impl Addressee {
    /// From `node_id` and `key_hash`.
    pub fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            node: row.get("node_id")?,
            key: nodes::sql::key(row)?,
        })
    }
}

impl Order {
    /// Tells those of the nodes that are connected, until the hub is frozen. One that takes no more for now is asked again when
    /// the others have been told.
    async fn tell_all(&self, services: &Services, mut nodes: Vec<Addressee>) {
        while !nodes.is_empty() {
            let mut full = Vec::new();
            for addressee in nodes {
                if services.freeze.is_on() {
                    return;
                }
                match self.tell(services, &addressee) {
                    Err(NotSent::Full) => full.push(addressee),
                    Err(NotSent::TooLong) => tracing::error!(command_id = %self.id, "an order is longer than nodes take"),
                    Ok(()) | Err(NotSent::NotConnected) => {}
                }
            }
            nodes = full;
            if !nodes.is_empty() {
                tokio::time::sleep(FULL_PAUSE).await;
            }
        }
    }

    fn tell(&self, services: &Services, to: &Addressee) -> Result<(), NotSent> {
        let link = services.link();
        if !link.is_connected(&to.node) {
            return Err(NotSent::NotConnected);
        }
        let frame = ToAgent::run(self.warrant(services, &to.key), &self.written);
        link.send_parcel(&to.node, frame.map_err(|_| NotSent::TooLong)?)
    }

    fn warrant(&self, services: &Services, node_key: &[u8; 32]) -> Warrant {
        let draft = Draft {
            class: Class::Command,
            id: self.id.as_str(),
            issued: services.now(),
            expires: self.start_before,
        };
        services.hub_keys.signer().warrant(draft, &self.payload, node_key)
    }
}

mod sql {
    use super::*;

    fn order(row: &Row<'_>) -> Result<Order, StoreError> {
        let extras: rows::Extras = row.json("extras")?;
        let work = run::Work {
            document_name: row.get("document_name")?,
            document: row.json("document")?,
            parameters: row.json("parameters")?,
            lookups: row.json("lookups")?,
            documents: row.json("documents")?,
            approval: extras.operator_approval,
            settings: extras.run_settings,
        };
        let payload = Payload::new(&work);
        Ok(Order {
            id: row.get("id")?,
            start_before: row.get("start_before")?,
            written: Written::new(&payload),
            payload,
        })
    }

    pub fn orders(tx: &Tx<'_>, id: &CommandId) -> Result<Option<Order>, StoreError> {
        tx.row(
            "SELECT c.id, c.start_before, c.document_name, c.document, c.parameters, c.lookups, c.documents, c.extras
             FROM command c WHERE c.id = :id
               AND NOT EXISTS (SELECT 1 FROM command_approval a WHERE a.command_id = c.id AND coalesce(a.decision, '') <> 'Approved')",
            &[(":id", id.into())],
            order,
        )
    }

    pub fn waiting_commands(tx: &Tx<'_>) -> Result<Vec<CommandId>, StoreError> {
        let sql = "SELECT DISTINCT command_id FROM invocation WHERE ended_at IS NULL AND accepted_at IS NULL AND released_at IS NOT NULL ORDER BY command_id";
        tx.rows(sql, &[], |row| row.get("command_id"))
    }

    pub fn waiting_nodes(tx: &Tx<'_>, id: &CommandId) -> Result<Vec<Addressee>, StoreError> {
        let sql = "SELECT i.node_id, n.key_hash FROM invocation i JOIN node n ON n.id = i.node_id
                   WHERE i.command_id = :id AND i.ended_at IS NULL AND i.accepted_at IS NULL AND i.released_at IS NOT NULL
                     AND i.status <> 'Cancelling' AND n.removed_at IS NULL AND n.quarantined_at IS NULL ORDER BY i.node_id";
        tx.rows(sql, &[(":id", id.into())], Addressee::from_row)
    }

    /// Commands that wait for a turn of this node.
    pub fn held_of(tx: &Tx<'_>, node: &NodeId) -> Result<Vec<CommandId>, StoreError> {
        let sql = "SELECT command_id FROM invocation WHERE node_id = :node AND ended_at IS NULL AND released_at IS NULL";
        tx.rows(sql, &[(":node", node.into())], |row| row.get("command_id"))
    }

    /// What the node has not accepted yet, or shall stop.
    pub fn open_of(tx: &Tx<'_>, node: &NodeId) -> Result<Vec<(CommandId, State)>, StoreError> {
        let sql = "SELECT i.command_id, i.status FROM invocation i
                   WHERE i.node_id = :node AND i.ended_at IS NULL AND i.released_at IS NOT NULL
                     AND (i.accepted_at IS NULL OR i.status = 'Cancelling')
                     AND NOT EXISTS (SELECT 1 FROM command_approval a WHERE a.command_id = i.command_id AND coalesce(a.decision, '') <> 'Approved')
                   ORDER BY i.requested_at";
        tx.rows(sql, &[(":node", node.into())], |row| {
            Ok((row.get("command_id")?, row.parsed("status")?))
        })
    }

    /// Nothing when the node is not to begin on it any more.
    pub fn order_for(tx: &Tx<'_>, node: &NodeId, id: &CommandId) -> Result<Option<Order>, StoreError> {
        tx.row(
            "SELECT c.id, c.start_before, c.document_name, c.document, c.parameters, c.lookups, c.documents, c.extras
             FROM invocation i JOIN command c ON c.id = i.command_id
             WHERE i.node_id = :node AND i.command_id = :id AND i.ended_at IS NULL AND i.accepted_at IS NULL AND i.status <> 'Cancelling'",
            &[(":node", node.into()), (":id", id.into())],
            order,
        )
    }
}
