//! CancelCommand: what has not reached its node ends at once, what has is killed there, and ends when the node says so.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::id::{CommandId, NodeId};
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target, constraint};
use crate::hub::capabilities::commands::send::{KIND, unknown};
use crate::hub::capabilities::commands::state::{Happening, State};
use crate::hub::capabilities::commands::{dispatch, rows};
use crate::hub::events::Event;
use crate::hub::store::{Select, StoreError, Tx, Value};
use crate::wire::control::ToAgent;

pub fn operations(api: &mut Declare<'_>) {
    api.write(
        Service::Ssm,
        "CancelCommand",
        |r: &CancelRequest| Target::Resource(KIND, r.command_id.clone()),
        cancel_command,
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct CancelRequest {
    command_id: String,
    #[serde(default)]
    instance_ids: Vec<String>,
}

/// What the cancel found, by node; for those who ask for our members: upstream answers nothing.
#[derive(Default, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct CancelResult {
    /// Certainly not begun, and now never will be.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_begun_count: Option<u64>,
    /// They have it, or may have it: told to stop, and ended when they say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopping_count: Option<u64>,
    /// They had ended before.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_count: Option<u64>,
}

/// A command that has ended stays as it is; that is no error.
async fn cancel_command(cx: Cx, request: CancelRequest) -> ApiResult<CancelResult> {
    constraint::count_at_most(&request.instance_ids, "instanceIds", 50)?;
    let mut seen = BTreeSet::new();
    if let Some(twice) = request.instance_ids.iter().find(|id| !seen.insert(id.as_str())) {
        return Err(ApiError::new("DuplicateInstanceId", format!("`{twice}` is named twice")));
    }
    let id: CommandId = request.command_id.parse().map_err(|_| unknown(&request.command_id))?;
    let (now, bus, link, command) = (cx.now(), cx.services.bus.clone(), cx.services.link().clone(), id.clone());
    let done = cx.write(move |tx| {
        let whole = rows::sql::command(tx, &command)?.ok_or_else(|| unknown(command.as_str()))?;
        let (mut told, mut not_begun) = (Vec::new(), 0);
        for open in sql::open(tx, &command, &request.instance_ids)? {
            // Only a node that was not told, or is away and never took it, certainly does not run it.
            if !open.is_released || (!open.is_accepted && !link.is_connected(&open.node)) {
                end(tx, &command, &open.node, open.state, "cancelled before the node took it", now)?;
                not_begun += 1;
            } else if let Ok(next) = open.state.next(Happening::CancelAsked) {
                rows::sql::set_state(tx, &command, &open.node, next)?;
                told.push(open.node);
            }
        }
        let asked = match request.instance_ids.len() {
            0 => whole.target_count as u64,
            some => some as u64,
        };
        let found = CancelResult {
            not_begun_count: Some(not_begun),
            stopping_count: Some(told.len() as u64),
            ended_count: Some(asked.saturating_sub(not_begun + told.len() as u64)),
        };
        if request.instance_ids.is_empty() {
            sql::set_cancelled(tx, &command, now)?;
        }
        bus.emit(tx, Event::CommandChanged(command));
        Ok((told, found))
    });
    let (told, found) = done.await?;
    for node in told {
        dispatch::tell(&cx.services, &node, &ToAgent::Cancel { run: id.clone() }).await;
    }
    match cx.wants_our_members() {
        true => Ok(found),
        false => Ok(CancelResult::default()),
    }
}

/// Cancels a command that no node has been told of.
pub fn all(tx: &Tx<'_>, command: &CommandId, message: &str, now: Timestamp) -> ApiResult<()> {
    sql::set_cancelled(tx, command, now)?;
    for open in sql::open(tx, command, &[])? {
        end(tx, command, &open.node, open.state, message, now)?;
    }
    Ok(())
}

fn end(tx: &Tx<'_>, command: &CommandId, node: &NodeId, state: State, message: &str, at: Timestamp) -> Result<(), StoreError> {
    let Ok(state) = state.next(Happening::CancelledBeforeDelivery) else {
        return Ok(());
    };
    rows::sql::end(
        tx,
        &rows::sql::End {
            command,
            node,
            state,
            at,
            began_at: None,
            response_code: -1,
            message,
            output_hash: None,
        },
    )
}

/// An invocation that has not ended.
struct Open {
    node: NodeId,
    state: State,
    is_released: bool,
    is_accepted: bool,
}

mod sql {
    use super::*;

    /// Invocations that have not ended, of the named nodes or of all.
    ///
    /// *Errors*: `InvalidInstanceId` for a node that is not in the command.
    pub fn open(tx: &Tx<'_>, command: &CommandId, nodes: &[String]) -> ApiResult<Vec<Open>> {
        for node in nodes {
            let found = match node.parse::<NodeId>() {
                Ok(id) => rows::sql::state(tx, command, &id)?,
                Err(_) => None,
            };
            found.ok_or_else(|| ApiError::new("InvalidInstanceId", format!("`{node}` is not a node of this command")))?;
        }
        let head = "SELECT node_id, status, released_at IS NOT NULL AS released, accepted_at IS NOT NULL AS accepted FROM invocation";
        let mut select = Select::new(head)
            .and("command_id = ?", [command.into()])
            .and("ended_at IS NULL", []);
        if !nodes.is_empty() {
            select = select.and_in("node_id", nodes.iter().map(Value::from));
        }
        let open = select.rows(tx, |row| {
            Ok(Open {
                node: row.get("node_id")?,
                state: row.parsed("status")?,
                is_released: row.get("released")?,
                is_accepted: row.get("accepted")?,
            })
        });
        Ok(open?)
    }

    /// Remembers that the whole command was cancelled; one that has ended keeps its state.
    pub fn set_cancelled(tx: &Tx<'_>, command: &CommandId, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE command SET cancelled_at = coalesce(cancelled_at, :now) WHERE id = :id
                   AND (completed_count < target_count OR status LIKE 'InProgress/%' OR status LIKE 'Pending/%')";
        tx.execute(sql, &[(":now", now.into()), (":id", command.into())])?;
        let approval =
            "UPDATE command_approval SET decision = 'Rejected', decided_by = '', decided_at = :now, reason = 'the command was cancelled'
                        WHERE command_id = :id AND decision IS NULL";
        tx.execute(approval, &[(":now", now.into()), (":id", command.into())])?;
        rows::sql::settle(tx, command, now)
    }
}
