//! SendCommand, and RerunCommand, which sends the same again.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::base::id::CommandId;
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Services, Target as Subject, constraint};
use crate::hub::capabilities::access::limits;
use crate::hub::capabilities::commands::list::CommandView;
use crate::hub::capabilities::commands::rows::{self, Command, Extras, Parameters};
use crate::hub::capabilities::commands::state::State;
use crate::hub::capabilities::commands::{approvals, dispatch};
use crate::hub::capabilities::fleet::nodes::{self, Node, NodeStatus};
use crate::hub::capabilities::fleet::targets::{DEFAULT_TIMEOUT_S, SEND, Selection, Target};
use crate::hub::events::Event;
use crate::hub::store::{Select, StoreError, Tx, Value};
use crate::model::document::{self, stock};
use crate::wire::control::ToAgent;
use crate::wire::frame;
use crate::wire::run::Run;

pub const KIND: &str = "command";
/// What rights call a node's share of a command: seen by whoever may see the command, or the node.
pub const SHARE: &str = "invocation";

/// A node's share of a command as a target.
pub fn share(command: impl std::fmt::Display, node: impl std::fmt::Display) -> Subject {
    Subject::Resource(SHARE, format!("{command}/{node}"))
}

pub fn operations(api: &mut Declare<'_>) {
    api.write(
        Service::Ssm,
        "SendCommand",
        |r: &SendRequest| Subject::Resources(nodes::KIND, r.instance_ids.clone()),
        send_command,
    )
    .write(
        Service::Roadstead,
        "RerunCommand",
        |r: &RerunRequest| Subject::Resource(KIND, r.command_id.to_string()),
        rerun_command,
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct SendRequest {
    #[serde(default)]
    instance_ids: Vec<String>,
    #[serde(default)]
    targets: Vec<Target>,
    document_name: String,
    document_version: Option<String>,
    document_hash: Option<String>,
    document_hash_type: Option<String>,
    timeout_seconds: Option<i64>,
    comment: Option<String>,
    #[serde(default)]
    parameters: Parameters,
    #[serde(rename = "OutputS3Region")]
    output_s3_region: Option<String>,
    #[serde(rename = "OutputS3BucketName")]
    output_s3_bucket_name: Option<String>,
    #[serde(rename = "OutputS3KeyPrefix")]
    output_s3_key_prefix: Option<String>,
    max_concurrency: Option<String>,
    max_errors: Option<String>,
    service_role_arn: Option<String>,
    notification_config: Option<Json>,
    cloud_watch_output_config: Option<Json>,
    alarm_configuration: Option<Json>,
    /// Ours: how many nodes the caller means to reach, where their limits ask for it.
    confirmed_targets: Option<u32>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct SendResult {
    command: CommandView,
    /// Ours: the command waits until a second person approves it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    awaits_approval: bool,
}

async fn send_command(cx: Cx, request: SendRequest) -> ApiResult<SendResult> {
    let order = check(request)?;
    let (command, awaits_approval) = create(&cx, order).await?;
    Ok(SendResult {
        command: CommandView::from(command),
        awaits_approval,
    })
}

/// A checked request: what to run, on what, until when.
struct Order {
    selection: Selection,
    document_name: String,
    document_version: String,
    document: Json,
    parameters: Parameters,
    comment: String,
    timeout: Duration,
    execution: Duration,
    max_concurrency: String,
    max_errors: String,
    extras: Extras,
    rerun_of: Option<CommandId>,
    confirmed: Option<u32>,
}

/// *Errors*, as upstream: `ValidationException`, `DuplicateInstanceId`, `InvalidDocument`, `InvalidDocumentVersion`,
/// `InvalidParameters`, `MaxDocumentSizeExceeded`.
fn check(request: SendRequest) -> ApiResult<Order> {
    let selection = Selection {
        instance_ids: request.instance_ids,
        targets: request.targets,
    };
    selection.check()?;
    let timeout = request.timeout_seconds.unwrap_or(DEFAULT_TIMEOUT_S as i64);
    if !(30..=2_592_000).contains(&timeout) {
        return Err(constraint::violated(
            &timeout.to_string(),
            "timeoutSeconds",
            "have value between 30 and 2592000",
        ));
    }
    let comment = request.comment.unwrap_or_default();
    constraint::at_most(&comment, "comment", 100)?;
    let max_concurrency = request.max_concurrency.unwrap_or_else(|| "50".into());
    let max_errors = request.max_errors.unwrap_or_else(|| "0".into());
    check_rate(&max_concurrency, "maxConcurrency", 1)?;
    check_rate(&max_errors, "maxErrors", 0)?;
    let (document_name, document) = find_document(&request.document_name)?;
    let document_version = check_version(request.document_version.as_deref())?;
    check_hash(&document, request.document_hash.as_deref(), request.document_hash_type.as_deref())?;
    let resolved = document::check(&document, &request.parameters).map_err(|e| ApiError::new("InvalidParameters", e.to_string()))?;
    check_size(&document, &request.parameters)?;
    Ok(Order {
        selection,
        document_name,
        document_version,
        document,
        parameters: request.parameters,
        comment,
        timeout: Duration::from_secs(timeout as u64),
        execution: resolved.steps.iter().map(|s| s.timeout).sum(),
        max_concurrency,
        max_errors,
        extras: Extras {
            output_s3_region: request.output_s3_region,
            output_s3_bucket_name: request.output_s3_bucket_name,
            output_s3_key_prefix: request.output_s3_key_prefix,
            service_role_arn: request.service_role_arn,
            notification_config: request.notification_config,
            cloud_watch_output_config: request.cloud_watch_output_config,
            alarm_configuration: request.alarm_configuration,
        },
        rerun_of: None,
        confirmed: request.confirmed_targets,
    })
}

/// A number, or a percentage up to 100.
fn check_rate(text: &str, member: &str, least: u64) -> ApiResult<()> {
    let is_plain = text.len() <= 7 && !text.starts_with('+') && (text == "0" || text == "0%" || !text.starts_with('0'));
    let is_fine = match text.strip_suffix('%') {
        Some(percent) => percent.parse::<u64>().is_ok_and(|n| (least..=100).contains(&n)),
        None => text.parse::<u64>().is_ok_and(|n| n >= least),
    };
    if is_plain && is_fine {
        return Ok(());
    }
    let pattern = if least == 0 {
        "^([1-9][0-9]*|[0]|[1-9][0-9]%|[0-9]%|100%)$"
    } else {
        "^([1-9][0-9]*|[1-9][0-9]%|[1-9]%|100%)$"
    };
    Err(constraint::violated(
        text,
        member,
        &format!("satisfy regular expression pattern: {pattern}"),
    ))
}

/// By name, or by ARN.
fn find_document(name: &str) -> ApiResult<(String, Json)> {
    let short = name.rsplit('/').next().unwrap_or(name);
    let content = stock::content(short);
    content
        .map(|content| (short.to_owned(), content))
        .ok_or_else(|| ApiError::new("InvalidDocument", format!("there is no document `{short}`")))
}

fn check_version(version: Option<&str>) -> ApiResult<String> {
    match version {
        None | Some("") => Ok("$DEFAULT".into()),
        Some(known @ ("$DEFAULT" | "$LATEST" | "1")) => Ok(known.into()),
        Some(other) => Err(ApiError::new(
            "InvalidDocumentVersion",
            format!("the document has no version `{other}`: its only version is 1"),
        )),
    }
}

fn check_hash(document: &Json, hash: Option<&str>, kind: Option<&str>) -> ApiResult<()> {
    let Some(hash) = hash else { return Ok(()) };
    constraint::one_of(kind.unwrap_or("Sha256"), "documentHashType", &["Sha256", "Sha1"])?;
    let bytes = document.to_string();
    let ours = match kind {
        Some("Sha1") => aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes.as_bytes()),
        _ => aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes.as_bytes()),
    };
    if data_encoding::HEXLOWER.encode(ours.as_ref()).eq_ignore_ascii_case(hash) {
        return Ok(());
    }
    Err(ApiError::new(
        "InvalidDocument",
        "the document's hash is not the given `DocumentHash`: it was changed since you read it",
    ))
}

/// The order must fit into one frame to the node.
fn check_size(document: &Json, parameters: &Parameters) -> ApiResult<()> {
    let run = Run {
        id: CommandId::random(),
        start_before_ms: i64::MAX,
        document: document.clone(),
        parameters: parameters.clone(),
    };
    frame::encode(&ToAgent::Run(Box::new(run))).map(|_| ()).map_err(|_| {
        ApiError::new(
            "MaxDocumentSizeExceeded",
            "document and parameters together are larger than 64 KB: put the script into a file on the node",
        )
    })
}

/// The number of nodes that a client without our member says in a header.
fn confirmed_by_header(cx: &Cx) -> Option<u32> {
    let value = cx.request().headers.get("x-roadstead-confirm")?;
    value.to_str().ok()?.trim().parse().ok()
}

/// Commits the command and its invocations, then tells the nodes that are connected, unless a second person must approve it.
async fn create(cx: &Cx, order: Order) -> ApiResult<(Command, bool)> {
    cx.services.freeze.check()?;
    let confirmed = order.confirmed.or_else(|| confirmed_by_header(cx));
    let (now, by, bus, asked) = (cx.now(), cx.caller().name.clone(), cx.services.bus.clone(), cx.clone());
    let command = cx.write(move |tx| {
        asked.permit_for(tx, SEND, &Subject::Resource("document", order.document_name.clone()))?;
        let targets = order.selection.resolve(tx, &asked, SEND)?;
        let awaits_approval = limits::check(tx, asked.caller(), targets.len(), confirmed)?;
        let command = sql::insert(tx, order, targets.len(), &by, now)?;
        if awaits_approval {
            approvals::request(tx, &command.id, &by, targets.len(), now, command.start_before)?;
        }
        for node in &targets {
            sql::insert_invocation(tx, &command, node)?;
        }
        if targets.is_empty() {
            rows::sql::settle(tx, &command.id)?;
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

pub fn start(services: &Arc<Services>, command: &CommandId) {
    let (services, command) = (services.clone(), command.clone());
    let tasks = services.tasks.clone();
    tasks.spawn(async move { dispatch::command(&services, &command).await });
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct RerunRequest {
    command_id: CommandId,
    scope: Scope,
    /// How many nodes the caller means to reach, where their limits ask for it.
    confirmed_targets: Option<u32>,
}

/// Which nodes of the first command run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Scope {
    /// Those that did not end in success.
    Failed,
    All,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct RerunResult {
    command_id: CommandId,
    /// The command waits until a second person approves it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    awaits_approval: bool,
}

async fn rerun_command(cx: Cx, request: RerunRequest) -> ApiResult<RerunResult> {
    let id = request.command_id.clone();
    let (before, nodes) = cx
        .read(move |tx| {
            let before = rows::sql::command(tx, &id)?.ok_or_else(|| unknown(id.as_str()))?;
            Ok((before, sql::nodes_of(tx, &id, request.scope)?))
        })
        .await?;
    if nodes.is_empty() {
        return Err(ApiError::validation(
            "no node of this command is left to run it again: all of them succeeded or were removed",
        ));
    }
    let (document_name, document) = find_document(&before.document_name)?;
    let resolved = document::check(&document, &before.parameters).map_err(|e| ApiError::new("InvalidParameters", e.to_string()))?;
    let order = Order {
        selection: Selection {
            instance_ids: nodes,
            targets: Vec::new(),
        },
        document_name,
        document_version: before.document_version,
        document,
        parameters: before.parameters,
        comment: before.comment,
        timeout: Duration::from_secs(before.timeout_s as u64),
        execution: resolved.steps.iter().map(|s| s.timeout).sum(),
        max_concurrency: before.max_concurrency,
        max_errors: before.max_errors,
        extras: before.extras,
        rerun_of: Some(before.id),
        confirmed: request.confirmed_targets,
    };
    let (command, awaits_approval) = create(&cx, order).await?;
    Ok(RerunResult {
        command_id: command.id,
        awaits_approval,
    })
}

pub fn unknown(id: &str) -> ApiError {
    ApiError::new("InvalidCommandId", format!("there is no command `{id}`"))
}

mod sql {
    use super::*;

    pub fn insert(tx: &Tx<'_>, order: Order, targets: usize, by: &str, now: Timestamp) -> Result<Inserted, StoreError> {
        let id = CommandId::random();
        let start_before = now + order.timeout;
        let expires_at = start_before + order.execution;
        let params = [
            (":id", (&id).into()),
            (":document_name", order.document_name.into()),
            (":document_version", order.document_version.into()),
            (":document", Value::json(&order.document)),
            (":parameters", Value::json(&order.parameters)),
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
        ];
        tx.execute(
            "INSERT INTO command (id, document_name, document_version, document, parameters, comment, instance_ids, targets, requested_by,
                requested_at, start_before, expires_at, timeout_s, max_concurrency, max_errors, extras, rerun_of, status, target_count,
                completed_count, error_count, delivery_timed_out_count)
             VALUES (:id, :document_name, :document_version, :document, :parameters, :comment, :instance_ids, :targets, :requested_by,
                :requested_at, :start_before, :expires_at, :timeout_s, :max_concurrency, :max_errors, :extras, :rerun_of,
                'Pending/Pending', :target_count, 0, 0, 0)",
            &params,
        )?;
        Ok(Inserted {
            id,
            requested_at: now,
            start_before,
            expires_at,
        })
    }

    /// What the invocations of a new command share.
    pub struct Inserted {
        pub id: CommandId,
        requested_at: Timestamp,
        pub start_before: Timestamp,
        expires_at: Timestamp,
    }

    pub fn insert_invocation(tx: &Tx<'_>, command: &Inserted, node: &Node) -> Result<(), StoreError> {
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
        ];
        tx.execute(
            "INSERT INTO invocation (command_id, node_id, node_name, computer_name, requested_at, start_before, expires_at, status, response_code, message)
             VALUES (:command, :node, :node_name, :computer_name, :requested_at, :start_before, :expires_at, :status, -1, '')",
            &params,
        )
        .map(|_| ())
    }

    /// Nodes of a command that are still there.
    pub fn nodes_of(tx: &Tx<'_>, id: &CommandId, scope: Scope) -> Result<Vec<String>, StoreError> {
        let head = "SELECT i.node_id FROM invocation i JOIN node n ON n.id = i.node_id";
        let mut select = Select::new(head)
            .and("i.command_id = ?", [id.into()])
            .and("n.removed_at IS NULL", []);
        if scope == Scope::Failed {
            select = select.and("i.ended_at IS NOT NULL AND i.status <> 'Success'", []);
        }
        select.order("i.node_id").rows(tx, |row| row.get("node_id"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn rates_follow_upstreams_pattern() {
        for fine in ["1", "50", "10%", "100%"] {
            assert!(check_rate(fine, "maxConcurrency", 1).is_ok(), "{fine}");
        }
        for bad in ["0", "0%", "101%", "-1", "a", "", "1.5", "+5", "007", "12345678"] {
            assert!(check_rate(bad, "maxConcurrency", 1).is_err(), "{bad}");
        }
        assert!(check_rate("0", "maxErrors", 0).is_ok());
    }

    #[test]
    fn an_oversized_order_is_refused() {
        let parameters = BTreeMap::from([("commands".to_owned(), vec!["x".repeat(70_000)])]);
        let (_, document) = find_document("AWS-RunShellScript").unwrap();
        assert_eq!(check_size(&document, &parameters).unwrap_err().code, "MaxDocumentSizeExceeded");
    }
}
