//! A second person's word: a command that reaches more nodes than its sender may reach alone waits here.
//!
//! ```text
//! SendCommand ──► open ── ApproveCommand ──► approved: dispatched, its times counted anew
//!                  ├───── RejectCommand ───► rejected: every invocation cancelled
//!                  └───── start time over ─► expired: the same
//! ```
//!
//! The command stays Pending meanwhile; dispatch skips whatever has an approval that was not given.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::id::CommandId;
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Services, Target, constraint, page};
use crate::hub::auth::{Proof, policy};
use crate::hub::capabilities::commands::open_orders::OpenOrder;
use crate::hub::capabilities::commands::send::KIND;
use crate::hub::capabilities::commands::{cancel, order, sender};
use crate::hub::capabilities::fleet::nodes;
use crate::hub::capabilities::fleet::targets::SEND;
use crate::hub::events::Event;
use crate::hub::jobs::Job;
use crate::hub::store::{Column, Row, Select, StoreError, Tx, Value};
use crate::model::filter::Filter;

/// All keys that a filter may use, for messages.
const FILTER_KEYS: &str = "command_id, document_name, requested_by, decision, decided_by, comment, reason, text";

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Roadstead,
        "ListApprovals",
        |_: &ListRequest| Target::Rows(KIND),
        list_approvals,
    )
    .write(
        Service::Roadstead,
        "ApproveCommand",
        |r: &DecideRequest| Target::Resource(KIND, r.command_id.to_string()),
        approve_command,
    )
    .write(
        Service::Roadstead,
        "RejectCommand",
        |r: &DecideRequest| Target::Resource(KIND, r.command_id.to_string()),
        reject_command,
    );
}

pub fn job() -> Job<Arc<Services>> {
    Job {
        name: "approval expiry",
        period: Duration::from_secs(5),
        wakes: |_| false,
        tick: |services| run(services).boxed(),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
enum Decision {
    Open,
    Approved,
    Rejected,
    Expired,
}

impl Decision {
    fn as_str(self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::Approved => "Approved",
            Self::Rejected => "Rejected",
            Self::Expired => "Expired",
        }
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ApprovalView {
    command_id: CommandId,
    document_name: String,
    comment: String,
    requested_by: String,
    node_count: i64,
    requested_at: Timestamp,
    /// Until when it can be decided.
    expires_at: Timestamp,
    decision: Decision,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_at: Option<Timestamp>,
    reason: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListApprovalsRequest")]
struct ListRequest {
    /// Only those that wait.
    #[serde(default)]
    only_open: bool,
    /// Only that of one command.
    command_id: Option<CommandId>,
    #[serde(default)]
    filter: Filter,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListApprovalsResult")]
struct ListResult {
    approvals: Vec<ApprovalView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// *Errors*: `ValidationException` for a filter key that approvals do not have, `InvalidNextToken`.
async fn list_approvals(cx: Cx, request: ListRequest) -> ApiResult<ListResult> {
    let size = page::size(request.max_results, 1, 100, 50)?;
    let after: Option<(i64, CommandId)> = page::parse(request.next_token.as_deref())?;
    request.filter.check().map_err(|e| ApiError::validation(e.to_string()))?;
    let mut select = Select::new(sql::SELECT)
        .and_condition(&cx.visible(KIND, "command_approval.command_id"))
        .and_filter(&request.filter, column)
        .map_err(|key| ApiError::validation(format!("`{key}` is not a filter key of approvals: use {FILTER_KEYS}")))?;
    if request.only_open {
        select = select.and("command_approval.decision IS NULL", []);
    }
    if let Some(id) = &request.command_id {
        select = select.and("command_approval.command_id = ?", [id.into()]);
    }
    if let Some((at, id)) = &after {
        select = select.and(
            "(command_approval.requested_at, command_approval.command_id) < (?, ?)",
            [(*at).into(), id.into()],
        );
    }
    let select = select
        .order("command_approval.requested_at DESC, command_approval.command_id DESC")
        .limit(size + 1);
    let found = cx.read(move |tx| Ok(select.rows(tx, sql::from_row)?)).await?;
    let (approvals, next_token) = page::cut(found, size, |a| (a.requested_at.millis(), a.command_id.clone()));
    Ok(ListResult { approvals, next_token })
}

fn column(key: &str) -> Option<Column> {
    Some(Column::plain(match key {
        "command_id" => "command_approval.command_id",
        "document_name" => "command.document_name",
        "requested_by" => "command_approval.requested_by",
        "decision" => "coalesce(command_approval.decision, 'Open')",
        "decided_by" => "command_approval.decided_by",
        "comment" => "command.comment",
        "reason" => "command_approval.reason",
        "text" => {
            "command_approval.command_id || ' ' || command.document_name || ' ' || command_approval.requested_by || ' ' ||
             coalesce(command_approval.decided_by, '') || ' ' || command.comment || ' ' || command_approval.reason"
        }
        _ => return None,
    }))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "DecideCommandRequest")]
struct DecideRequest {
    command_id: CommandId,
    #[serde(default)]
    reason: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "DecideCommandResult")]
struct DecideResult {
    approval: ApprovalView,
}

/// Never by its sender, and only while the sender may still send it.
async fn approve_command(cx: Cx, request: DecideRequest) -> ApiResult<DecideResult> {
    constraint::at_most(&request.reason, "reason", 256)?;
    let (asked, id) = (cx.clone(), request.command_id.clone());
    let result = cx.write(move |tx| {
        let open = open(tx, &id)?;
        if open.requested_by == asked.caller().name && asked.caller().proof != Proof::Local {
            return Err(ApiError::new(
                "AccessDeniedException",
                "the sender of a command does not approve it: another person must",
            ));
        }
        check_sender(tx, &asked.services.config.account_id, &open)?;
        let waited = asked.now().since(open.requested_at).as_millis() as i64;
        sql::decide(tx, &id, Decision::Approved, &asked.caller().name, &request.reason, asked.now())?;
        sql::postpone(tx, &id, waited)?;
        asked.services.bus.emit(tx, Event::CommandChanged(id.clone()));
        result(tx, &id)
    });
    let result = result.await?;
    order::start(&cx.services, &request.command_id);
    Ok(result)
}

/// Also by its sender, who takes it back.
async fn reject_command(cx: Cx, request: DecideRequest) -> ApiResult<DecideResult> {
    constraint::at_most(&request.reason, "reason", 256)?;
    let (asked, id) = (cx.clone(), request.command_id);
    cx.write(move |tx| {
        open(tx, &id)?;
        let by = asked.caller().name.clone();
        sql::decide(tx, &id, Decision::Rejected, &by, &request.reason, asked.now())?;
        cancel::all(tx, &id, &format!("`{by}` rejected the command"), asked.now())?;
        asked.services.bus.emit(tx, Event::CommandChanged(id.clone()));
        result(tx, &id)
    })
    .await
}

/// Writes down that a command waits for a second person, in its own transaction.
pub fn request(tx: &Tx<'_>, command: &CommandId, by: &str, nodes: usize, now: Timestamp, until: Timestamp) -> Result<(), StoreError> {
    sql::insert(tx, command, by, nodes, now, until)
}

/// *Errors*: `ResourceNotFoundException` when nothing waits, or no longer.
fn open(tx: &Tx<'_>, id: &CommandId) -> ApiResult<ApprovalView> {
    let found = sql::find(tx, id)?.filter(|a| a.decision == Decision::Open);
    found.ok_or_else(|| {
        ApiError::new(
            "ResourceNotFoundException",
            format!("command `{id}` waits for no approval: it needs none, or it was decided or expired"),
        )
    })
}

/// What the sender may do is looked at again: rights that were taken away meanwhile send nothing. `account` is the hub's own.
///
/// *Errors*: `AccessDeniedException`.
fn check_sender(tx: &Tx<'_>, account: &str, approval: &ApprovalView) -> ApiResult<()> {
    let lost = || {
        ApiError::new(
            "AccessDeniedException",
            format!(
                "`{}` may no longer send this command, with all that it names, to all its nodes: reject it",
                approval.requested_by
            ),
        )
    };
    let sender = sender::of(tx, &approval.requested_by)?.ok_or_else(lost)?;
    let order = OpenOrder::waiting(tx, &approval.command_id)?.ok_or_else(lost)?;
    let allowed = Select::new("SELECT count(*) FROM invocation JOIN node ON node.id = invocation.node_id")
        .and("invocation.command_id = ?", [(&approval.command_id).into()])
        .and_condition(&policy::visible(&sender, SEND, nodes::KIND, "invocation.node_id"));
    if sender::may_use(tx, &sender, account, &order)? && allowed.count(tx)? == approval.node_count {
        return Ok(());
    }
    Err(lost())
}

fn result(tx: &Tx<'_>, id: &CommandId) -> ApiResult<DecideResult> {
    let approval = sql::find(tx, id)?.ok_or_else(|| ApiError::internal("an approval that was just there"))?;
    Ok(DecideResult { approval })
}

async fn run(services: Arc<Services>) {
    if let Err(error) = tick(&services, services.now()).await {
        tracing::error!(error = %error, "expired approvals could not be ended");
    }
}

/// Cancels what nobody approved in time.
pub async fn tick(services: &Services, now: Timestamp) -> ApiResult<()> {
    if services.read(move |tx| Ok(sql::due(tx, now)?.is_empty())).await? {
        return Ok(());
    }
    let bus = services.bus.clone();
    services
        .write(move |tx| {
            for id in sql::due(tx, now)? {
                sql::decide(tx, &id, Decision::Expired, "", "", now)?;
                cancel::all(tx, &id, "nobody approved the command in time", now)?;
                bus.emit(tx, Event::CommandChanged(id));
            }
            Ok(())
        })
        .await
}

mod sql {
    use super::*;

    pub const SELECT: &str = "SELECT command_approval.command_id, command_approval.requested_by, command_approval.node_count,
        command_approval.requested_at, command_approval.expires_at, command_approval.decision, command_approval.decided_at,
        command_approval.decided_by, command_approval.reason, command.document_name, command.comment
        FROM command_approval JOIN command ON command.id = command_approval.command_id";

    pub fn from_row(row: &Row<'_>) -> Result<ApprovalView, StoreError> {
        let decision: Option<String> = row.get("decision")?;
        let all = [Decision::Approved, Decision::Rejected, Decision::Expired];
        Ok(ApprovalView {
            command_id: row.get("command_id")?,
            document_name: row.get("document_name")?,
            comment: row.get("comment")?,
            requested_by: row.get("requested_by")?,
            node_count: row.get("node_count")?,
            requested_at: row.get("requested_at")?,
            expires_at: row.get("expires_at")?,
            decision: decision
                .and_then(|text| all.into_iter().find(|d| d.as_str() == text))
                .unwrap_or(Decision::Open),
            decided_by: row.get::<Option<String>>("decided_by")?.filter(|by| !by.is_empty()),
            decided_at: row.get("decided_at")?,
            reason: row.get("reason")?,
        })
    }

    pub fn find(tx: &Tx<'_>, id: &CommandId) -> Result<Option<ApprovalView>, StoreError> {
        let select = Select::new(SELECT).and("command_approval.command_id = ?", [id.into()]);
        Ok(select.rows(tx, from_row)?.pop())
    }

    pub fn insert(tx: &Tx<'_>, command: &CommandId, by: &str, nodes: usize, now: Timestamp, until: Timestamp) -> Result<(), StoreError> {
        let params = [
            (":command", command.into()),
            (":by", by.into()),
            (":nodes", (nodes as i64).into()),
            (":now", now.into()),
            (":until", until.into()),
        ];
        tx.execute(
            "INSERT INTO command_approval (command_id, requested_by, node_count, requested_at, expires_at)
             VALUES (:command, :by, :nodes, :now, :until)",
            &params,
        )
        .map(|_| ())
    }

    pub fn decide(tx: &Tx<'_>, id: &CommandId, decision: Decision, by: &str, reason: &str, now: Timestamp) -> Result<(), StoreError> {
        let params = [
            (":id", id.into()),
            (":decision", decision.as_str().into()),
            (":by", by.into()),
            (":reason", reason.into()),
            (":now", now.into()),
        ];
        tx.execute(
            "UPDATE command_approval SET decision = :decision, decided_by = :by, decided_at = :now, reason = :reason WHERE command_id = :id",
            &params,
        )
        .map(|_| ())
    }

    /// The time that a command waited for its approval does not count against it.
    pub fn postpone(tx: &Tx<'_>, id: &CommandId, by_ms: i64) -> Result<(), StoreError> {
        let params = [(":id", Value::from(id)), (":by", by_ms.into())];
        let command = "UPDATE command SET start_before = start_before + :by, expires_at = expires_at + :by WHERE id = :id";
        tx.execute(command, &params)?;
        let shares = "UPDATE invocation SET start_before = start_before + :by, expires_at = expires_at + :by WHERE command_id = :id";
        tx.execute(shares, &params).map(|_| ())
    }

    pub fn due(tx: &Tx<'_>, now: Timestamp) -> Result<Vec<CommandId>, StoreError> {
        let sql = "SELECT command_id FROM command_approval WHERE decision IS NULL AND expires_at <= :now ORDER BY expires_at LIMIT 100";
        tx.rows(sql, &[(":now", now.into())], |row| row.get("command_id"))
    }
}
