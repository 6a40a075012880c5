//! A checked order to run a document, and how it becomes a command: rows first, then the nodes are told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

use crate::base::id::{CommandId, NodeId};
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Services, Target};
use crate::hub::capabilities::access::limits;
use crate::hub::capabilities::commands::enclosed::Enclosed;
use crate::hub::capabilities::commands::rate::{Limits, Next, OfflineNodes, Tally, next_batch};
use crate::hub::capabilities::commands::rows::{self, Command, Extras, Parameters};
use crate::hub::capabilities::commands::state::State;
use crate::hub::capabilities::commands::{approvals, dispatch, logging, notices, release, uploads};
use crate::hub::capabilities::documents;
use crate::hub::capabilities::fleet::nodes::{Node, NodeStatus};
use crate::hub::capabilities::fleet::targets::{SEND, Selection};
use crate::hub::events::Event;
use crate::hub::store::{StoreError, Tx, Value};
use crate::model::approval::Approved;
use crate::model::document::{References, stock};
use crate::model::lock::{Act, Ordered, Sent};

/// A checked request: what to run, on what, until when.
pub struct Order {
    pub selection: Selection,
    pub document_name: String,
    pub document_version: String,
    pub document: Json,
    pub parameters: Parameters,
    pub lookups: References,
    pub documents: Enclosed,
    pub comment: String,
    pub timeout: Duration,
    pub execution: Duration,
    pub max_concurrency: String,
    pub max_errors: String,
    pub extras: Extras,
    pub rerun_of: Option<CommandId>,
    pub confirmed: Option<u32>,
}

/// Commits the command and its invocations, then tells the nodes that are connected, unless a second person must approve it.
pub async fn create(cx: &Cx, mut order: Order) -> ApiResult<(Command, bool)> {
    cx.services.freeze.check()?;
    // Upstream's answers always name one; it chooses no store here.
    let region = &mut order.extras.output_s3_region;
    region.get_or_insert_with(|| cx.request().region.clone());
    let confirmed = order.confirmed.or_else(|| confirmed_by_header(cx));
    let (now, by, bus, asked) = (cx.now(), cx.caller().name.clone(), cx.services.bus.clone(), cx.clone());
    let link = cx.services.link().clone();
    let command = cx.write(move |tx| {
        asked.permit_for(tx, SEND, &Target::Resource(documents::KIND, order.document_name.clone()))?;
        if order.extras.run_settings.change_what_is_executed() {
            // Who may send only some documents could make them do anything: it takes the right to any script.
            asked.permit_for(tx, SEND, &Target::Resource(documents::KIND, stock::RUN_SHELL_SCRIPT.into()))?;
        }
        let targets = order.selection.resolve(tx, &asked, SEND)?;
        let document = order.document_name.clone();
        notices::check(tx, order.extras.notification_config.as_ref())?;
        order.extras.output_store = uploads::permitted(tx, &asked, &order.extras)?;
        let refused = refused(&order, &targets)?;
        // Where every node is left out, there is nothing to approve.
        let awaits_approval = limits::check(tx, asked.caller(), targets.len(), confirmed)? && refused.len() < targets.len();
        let begun = match awaits_approval {
            true => BTreeSet::new(),
            false => first_batch(&order, &targets, &refused, |node| link.is_connected(node)),
        };
        let command = sql::insert(tx, order, targets.len(), begun.len(), &by, now)?;
        if awaits_approval {
            approvals::request(tx, &command.id, &by, targets.len(), now, command.start_before)?;
        }
        for node in &targets {
            sql::insert_invocation(tx, &command, node, begun.contains(&node.id).then_some(now))?;
        }
        tx.note(|notes| {
            notes.nodes.extend(targets.iter().map(|node| node.id.clone()));
            notes.command = Some(command.id.clone());
            notes.detail = format!("`{document}`, nodes: {}", targets.len());
        });
        for (node, (state, why)) in &refused {
            sql::refuse(tx, &command, node, *state, why, now)?;
        }
        if begun.len() < targets.len() {
            release::expect(tx, &asked.services);
        }
        if targets.is_empty() {
            rows::sql::settle(tx, &command.id, now)?;
        }
        bus.emit(tx, Event::CommandCreated(command.id.clone()));
        let made = rows::sql::command(tx, &command.id)?.ok_or_else(|| ApiError::internal("the command just made is not there"))?;
        Ok((made, awaits_approval))
    });
    let (command, awaits_approval) = command.await?;
    if !awaits_approval {
        start(&cx.services, &command.id);
    }
    Ok((command, awaits_approval))
}

/// The number of nodes that a client without our member says in a header.
fn confirmed_by_header(cx: &Cx) -> Option<u32> {
    let value = cx.request().headers.get("x-roadstead-confirm")?;
    value.to_str().ok()?.trim().parse().ok()
}

/// The nodes that are never told, in which state their share ends at once, and why.
type Refused = BTreeMap<NodeId, (State, String)>;

/// *Errors*: when a node that is named by its id cannot do it (`ValidationException`) or its owner forbids it (`AccessDeniedException`).
fn refused(order: &Order, targets: &[Node]) -> ApiResult<Refused> {
    let away = match order.extras.offline_nodes {
        OfflineNodes::Wait => None,
        OfflineNodes::Skip => Some((State::Undeliverable, "left out: the node was offline when the command was sent")),
        OfflineNodes::Fail => Some((State::Failed, "the node was offline when the command was sent")),
    };
    let mut refused = Refused::new();
    for node in targets.iter().filter(|node| node.status == NodeStatus::Offline) {
        if let Some((state, why)) = away {
            refused.insert(node.id.clone(), (state, why.to_owned()));
        }
    }
    for (node, why) in unable(order, targets)? {
        refused.insert(node, (State::Failed, why));
    }
    for (node, why) in locked(order, targets)? {
        refused.insert(node, (State::AccessDenied, why));
    }
    Ok(refused)
}

/// The nodes that are begun on at once; the others are held.
fn first_batch(order: &Order, targets: &[Node], refused: &Refused, is_connected: impl Fn(&NodeId) -> bool) -> BTreeSet<NodeId> {
    let limits = Limits::new(
        &order.max_concurrency,
        &order.max_errors,
        order.extras.canary.as_deref(),
        targets.len() as u64,
    );
    let tally = Tally {
        errors: refused.values().filter(|(state, _)| state.is_error()).count() as u64,
        ..Tally::default()
    };
    let Next::Begin(room) = next_batch(&limits, &tally) else {
        return BTreeSet::new();
    };
    let ready = targets
        .iter()
        .map(|node| &node.id)
        .filter(|id| !refused.contains_key(*id) && is_connected(id));
    ready.take(room as usize).cloned().collect()
}

/// The nodes whose agents cannot run as whom the sender says, and why.
///
/// *Errors*: `ValidationException` when such a node was named by its id.
fn unable(order: &Order, targets: &[Node]) -> ApiResult<Vec<(NodeId, String)>> {
    let why = |node: &Node| Some((node.id.clone(), node.cannot_run_with(&order.extras.run_settings)?));
    let found: Vec<_> = targets.iter().filter_map(why).collect();
    match found.first() {
        Some((_, why)) if !order.selection.instance_ids.is_empty() => Err(ApiError::validation(why.clone())),
        _ => Ok(found),
    }
}

/// The nodes whose owners forbid this document or how it is to run, and why.
///
/// *Errors*: `AccessDeniedException` when such a node was named by its id; one that a tag or filter found just gets its refusal.
fn locked(order: &Order, targets: &[Node]) -> ApiResult<Vec<(NodeId, String)>> {
    let ordered = Ordered::new(Sent {
        name: &order.document_name,
        document: &order.document,
        parameters: &order.parameters,
        settings: &order.extras.run_settings,
        lookups: &order.lookups,
        enclosed: &order.documents,
    });
    let act = Act::Run(&ordered);
    let wanted = Approved::run(&order.document_name, &order.document, &order.parameters);
    let approval = order.extras.operator_approval.as_ref();
    let why = |node: &Node| {
        node.forbids(act)
            .or_else(|| node.forbids_settings(&order.extras.run_settings))
            .or_else(|| node.wants_approval(act, &wanted, approval))
    };
    let found: Vec<_> = targets.iter().filter_map(|node| Some((node.id.clone(), why(node)?))).collect();
    match found.first() {
        Some((_, why)) if !order.selection.instance_ids.is_empty() => Err(ApiError::new("AccessDeniedException", why.clone())),
        _ => Ok(found),
    }
}

/// Tells the nodes that are connected; the others are told when they connect.
pub fn start(services: &Arc<Services>, command: &CommandId) {
    let (services, command) = (services.clone(), command.clone());
    let tasks = services.tasks.clone();
    tasks.spawn(async move { dispatch::command(&services, &command).await });
}

mod sql {
    use super::*;

    pub fn insert(tx: &Tx<'_>, order: Order, targets: usize, begun: usize, by: &str, now: Timestamp) -> Result<Inserted, StoreError> {
        let id = CommandId::random();
        let log_group = logging::group(order.extras.cloud_watch_output_config.as_ref(), &order.document_name);
        let start_before = now + order.timeout;
        let expires_at = start_before + order.execution;
        let params = [
            (":id", (&id).into()),
            (":document_name", order.document_name.into()),
            (":document_version", order.document_version.into()),
            (":document", Value::json(&order.document)),
            (":parameters", Value::json(&order.parameters)),
            (":lookups", Value::json(&order.lookups)),
            (":documents", Value::json(&order.documents)),
            (":comment", order.comment.into()),
            (":instance_ids", Value::json(&order.selection.instance_ids)),
            (":targets", Value::json(&order.selection.targets)),
            (":requested_by", by.into()),
            (":requested_at", now.into()),
            (":start_before", start_before.into()),
            (":expires_at", expires_at.into()),
            (":timeout_s", order.timeout.as_secs().into()),
            (":max_concurrency", order.max_concurrency.into()),
            (":max_errors", order.max_errors.into()),
            (":extras", Value::json(&order.extras)),
            (":rerun_of", order.rerun_of.as_ref().map(Value::from).into()),
            (":target_count", (targets as i64).into()),
            (":begun", (begun as i64).into()),
            (":uploads", Value::from(uploads::Wish::of(&order.extras).is_some())),
            (":notify", notices::kind(order.extras.notification_config.as_ref()).into()),
            (":log_group", log_group.as_ref().map(Value::from).into()),
        ];
        tx.execute(
            "INSERT INTO command (id, document_name, document_version, document, parameters, lookups, documents, comment, instance_ids, targets, requested_by,
                requested_at, start_before, expires_at, timeout_s, max_concurrency, max_errors, extras, rerun_of, status, target_count,
                completed_count, error_count, delivery_timed_out_count, held_count, released_count, in_flight_count, notify, uploads, log_group)
             VALUES (:id, :document_name, :document_version, :document, :parameters, :lookups, :documents, :comment, :instance_ids, :targets, :requested_by,
                :requested_at, :start_before, :expires_at, :timeout_s, :max_concurrency, :max_errors, :extras, :rerun_of,
                'Pending/Pending', :target_count, 0, 0, 0, :target_count - :begun, :begun, :begun, :notify, :uploads, :log_group)",
            &params,
        )?;
        Ok(Inserted {
            id,
            requested_at: now,
            start_before,
            expires_at,
            log_group,
        })
    }

    /// What the invocations of a new command share.
    pub struct Inserted {
        pub id: CommandId,
        requested_at: Timestamp,
        pub start_before: Timestamp,
        expires_at: Timestamp,
        log_group: Option<String>,
    }

    /// Held, unless it is released from the beginning.
    pub fn insert_invocation(tx: &Tx<'_>, command: &Inserted, node: &Node, released_at: Option<Timestamp>) -> Result<(), StoreError> {
        let state = if node.status == NodeStatus::Online {
            State::Pending
        } else {
            State::Delayed
        };
        let params = [
            (":command", (&command.id).into()),
            (":node", (&node.id).into()),
            (":node_name", (&node.name).into()),
            (":computer_name", (&node.facts.computer_name).into()),
            (":requested_at", command.requested_at.into()),
            (":start_before", command.start_before.into()),
            (":expires_at", command.expires_at.into()),
            (":status", state.as_str().into()),
            (":released_at", released_at.into()),
            (":log_group", command.log_group.as_ref().map(Value::from).into()),
        ];
        tx.execute(
            "INSERT INTO invocation (command_id, node_id, node_name, computer_name, requested_at, start_before, expires_at, status, released_at,
                response_code, message, log_group)
             VALUES (:command, :node, :node_name, :computer_name, :requested_at, :start_before, :expires_at, :status, :released_at, -1, '', :log_group)",
            &params,
        )
        .map(|_| ())
    }

    /// Ends the invocation of a node that is not told.
    pub fn refuse(tx: &Tx<'_>, command: &Inserted, node: &NodeId, state: State, why: &str, now: Timestamp) -> Result<(), StoreError> {
        let end = rows::sql::End {
            command: &command.id,
            node,
            state,
            at: now,
            began_at: None,
            response_code: -1,
            message: why,
            output_hash: None,
        };
        rows::sql::end(tx, &end)
    }
}
