//! SendCommand, and RerunCommand, which sends the same again.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::base::id::{CommandId, NodeId};
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Services, Target as Subject, constraint};
use crate::hub::capabilities::commands::dispatch;
use crate::hub::capabilities::commands::enclosed::Enclosed;
use crate::hub::capabilities::commands::list::CommandView;
use crate::hub::capabilities::commands::plan::{Planned, plan};
use crate::hub::capabilities::commands::rows::{self, Command, Extras, Parameters};
use crate::hub::capabilities::commands::state::State;
use crate::hub::capabilities::documents;
use crate::hub::capabilities::documents::lookup::{self, Found};
use crate::hub::capabilities::fleet::nodes::{self, Node, NodeStatus};
use crate::hub::capabilities::fleet::targets::{DEFAULT_TIMEOUT_S, SEND, Selection, Target};
use crate::hub::events::Event;
use crate::hub::store::{Select, StoreError, Tx, Value};
use crate::model::approval::{Approval, Approved};
use crate::model::document::References;
use crate::model::lock::Act;
use crate::wire::control::ToAgent;
use crate::wire::frame;
use crate::wire::run;
use crate::wire::warrant::{Class, Draft, Payload, Signer};

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
    /// Ours: the signature that nodes with an operator lock ask for; see `docs/node-lock.md`.
    operator_approval: Option<Approval>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct SendResult {
    command: CommandView,
}

async fn send_command(cx: Cx, request: SendRequest) -> ApiResult<SendResult> {
    let (name, version) = (request.document_name.clone(), request.document_version.clone());
    let basics = check_basics(&request)?;
    let found = cx.read(move |tx| lookup::document(tx, &name, version.as_deref())).await?;
    let order = check(&cx, request, basics, found).await?;
    let command = create(&cx, order).await?;
    Ok(SendResult {
        command: CommandView::from(command),
    })
}

/// A checked request: what to run, on what, until when.
struct Order {
    selection: Selection,
    document_name: String,
    document_version: String,
    document: Json,
    parameters: Parameters,
    lookups: References,
    documents: Enclosed,
    comment: String,
    timeout: Duration,
    execution: Duration,
    max_concurrency: String,
    max_errors: String,
    extras: Extras,
    rerun_of: Option<CommandId>,
}

/// What can be judged without the document.
struct Basics {
    timeout: Duration,
    max_concurrency: String,
    max_errors: String,
}

/// *Errors*, as upstream: `ValidationException`, `DuplicateInstanceId`.
fn check_basics(request: &SendRequest) -> ApiResult<Basics> {
    let selection = Selection {
        instance_ids: request.instance_ids.clone(),
        targets: request.targets.clone(),
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
    constraint::at_most(request.comment.as_deref().unwrap_or_default(), "comment", 100)?;
    let max_concurrency = request.max_concurrency.clone().unwrap_or_else(|| "50".into());
    let max_errors = request.max_errors.clone().unwrap_or_else(|| "0".into());
    check_rate(&max_concurrency, "maxConcurrency", 1)?;
    check_rate(&max_errors, "maxErrors", 0)?;
    Ok(Basics {
        timeout: Duration::from_secs(timeout as u64),
        max_concurrency,
        max_errors,
    })
}

/// *Errors*, as upstream: `InvalidDocument`, `InvalidParameters`, `UnsupportedPlatformType`, `MaxDocumentSizeExceeded`.
async fn check(cx: &Cx, request: SendRequest, basics: Basics, found: Found) -> ApiResult<Order> {
    if let Some(hash) = &request.document_hash {
        let kind = request.document_hash_type.as_deref().unwrap_or("Sha256");
        constraint::one_of(kind, "documentHashType", &["Sha256", "Sha1"])?;
        found.check_hash(hash, kind == "Sha1")?;
    }
    let planned = plan(cx, &found, &request.parameters).await?;
    check_size(
        &found.name,
        &found.content,
        &request.parameters,
        &planned,
        request.operator_approval.as_ref(),
    )?;
    Ok(Order {
        selection: Selection {
            instance_ids: request.instance_ids,
            targets: request.targets,
        },
        document_name: found.name,
        document_version: request
            .document_version
            .filter(|v| !v.is_empty())
            .unwrap_or_else(|| "$DEFAULT".into()),
        document: found.content,
        parameters: request.parameters,
        lookups: planned.lookups,
        documents: planned.documents,
        comment: request.comment.unwrap_or_default(),
        timeout: basics.timeout,
        execution: planned.execution,
        max_concurrency: basics.max_concurrency,
        max_errors: basics.max_errors,
        extras: Extras {
            output_s3_region: request.output_s3_region,
            output_s3_bucket_name: request.output_s3_bucket_name,
            output_s3_key_prefix: request.output_s3_key_prefix,
            service_role_arn: request.service_role_arn,
            notification_config: request.notification_config,
            cloud_watch_output_config: request.cloud_watch_output_config,
            alarm_configuration: request.alarm_configuration,
            operator_approval: request.operator_approval,
        },
        rerun_of: None,
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

/// The order must fit into one frame to the node.
fn check_size(name: &str, document: &Json, parameters: &Parameters, planned: &Planned, approval: Option<&Approval>) -> ApiResult<()> {
    let payload = Payload::new(&run::Work {
        document_name: name.to_owned(),
        document: document.clone(),
        parameters: parameters.clone(),
        approval: approval.cloned(),
        lookups: planned.lookups.clone(),
        documents: planned.documents.clone(),
    });
    let longest = Timestamp::from_millis(i64::MAX);
    let id = CommandId::random();
    let draft = Draft {
        class: Class::Command,
        id: id.as_str(),
        issued: longest,
        expires: longest,
    };
    let order = Signer::new(&[0; 32]).warrant(draft, &payload, &[0; 32]);
    frame::encode(&ToAgent::Run(Box::new(order))).map(|_| ()).map_err(|_| {
        ApiError::new(
            "MaxDocumentSizeExceeded",
            "document and parameters together are larger than 64 KB: put the script into a file on the node",
        )
    })
}

/// Commits the command and its invocations, then tells the nodes that are connected.
async fn create(cx: &Cx, order: Order) -> ApiResult<Command> {
    let (now, by, bus, asked) = (cx.now(), cx.caller().name.clone(), cx.services.bus.clone(), cx.clone());
    let command = cx.write(move |tx| {
        asked.permit_for(tx, SEND, &Subject::Resource(documents::KIND, order.document_name.clone()))?;
        let targets = order.selection.resolve(tx, &asked, SEND)?;
        let document = order.document_name.clone();
        let locked = locked(&order, &targets)?;
        let command = sql::insert(tx, order, targets.len(), &by, now)?;
        for node in &targets {
            sql::insert_invocation(tx, &command, node)?;
        }
        tx.note(|notes| {
            notes.nodes.extend(targets.iter().map(|node| node.id.clone()));
            notes.command = Some(command.id.clone());
            notes.detail = format!("`{document}`, nodes: {}", targets.len());
        });
        for (node, why) in &locked {
            sql::refuse(tx, &command, node, why, now)?;
        }
        if targets.is_empty() {
            rows::sql::settle(tx, &command.id)?;
        }
        bus.emit(tx, Event::CommandCreated(command.id.clone()));
        rows::sql::command(tx, &command.id)?.ok_or_else(|| ApiError::internal("the command just made is not there"))
    });
    let command = command.await?;
    start(&cx.services, &command.id);
    Ok(command)
}

/// The nodes whose owners forbid this document, and why.
///
/// *Errors*: `AccessDeniedException` when such a node was named by its id; one that a tag or filter found just gets its refusal.
fn locked(order: &Order, targets: &[Node]) -> ApiResult<Vec<(NodeId, String)>> {
    let act = Act::Run {
        name: &order.document_name,
        document: &order.document,
    };
    let wanted = Approved::run(&order.document_name, &order.document, &order.parameters);
    let approval = order.extras.operator_approval.as_ref();
    let why = |node: &Node| node.forbids(act).or_else(|| node.wants_approval(act, &wanted, approval));
    let found: Vec<_> = targets.iter().filter_map(|node| Some((node.id.clone(), why(node)?))).collect();
    match found.first() {
        Some((_, why)) if !order.selection.instance_ids.is_empty() => Err(ApiError::new("AccessDeniedException", why.clone())),
        _ => Ok(found),
    }
}

fn start(services: &Arc<Services>, command: &CommandId) {
    let (services, command) = (services.clone(), command.clone());
    let tasks = services.tasks.clone();
    tasks.spawn(async move { dispatch::command(&services, &command).await });
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct RerunRequest {
    command_id: CommandId,
    scope: Scope,
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
    // The very content that ran, whatever has become of the document since.
    let id = before.id.clone();
    let content = cx.read(move |tx| Ok(rows::sql::document(tx, &id)?)).await?;
    let found = Found::kept(&before.document_name, content.ok_or_else(|| unknown(before.id.as_str()))?);
    let planned = plan(&cx, &found, &before.parameters).await?;
    let order = Order {
        selection: Selection {
            instance_ids: nodes,
            targets: Vec::new(),
        },
        document_name: found.name,
        document_version: before.document_version,
        document: found.content,
        parameters: before.parameters,
        lookups: planned.lookups,
        documents: planned.documents,
        comment: before.comment,
        timeout: Duration::from_secs(before.timeout_s as u64),
        execution: planned.execution,
        max_concurrency: before.max_concurrency,
        max_errors: before.max_errors,
        // A signature is for one time.
        extras: Extras {
            operator_approval: None,
            ..before.extras
        },
        rerun_of: Some(before.id),
    };
    Ok(RerunResult {
        command_id: create(&cx, order).await?.id,
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
        ];
        tx.execute(
            "INSERT INTO command (id, document_name, document_version, document, parameters, lookups, documents, comment, instance_ids, targets, requested_by,
                requested_at, start_before, expires_at, timeout_s, max_concurrency, max_errors, extras, rerun_of, status, target_count,
                completed_count, error_count, delivery_timed_out_count)
             VALUES (:id, :document_name, :document_version, :document, :parameters, :lookups, :documents, :comment, :instance_ids, :targets, :requested_by,
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
        start_before: Timestamp,
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

    /// Ends the invocation of a node that would not run it.
    pub fn refuse(tx: &Tx<'_>, command: &Inserted, node: &NodeId, why: &str, now: Timestamp) -> Result<(), StoreError> {
        let end = rows::sql::End {
            command: &command.id,
            node,
            state: State::Failed,
            at: now,
            response_code: -1,
            message: why,
            output_hash: None,
        };
        rows::sql::end(tx, &end)
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
        let planned = Planned {
            lookups: References::new(),
            documents: Enclosed::new(),
            execution: Duration::ZERO,
        };
        assert_eq!(
            check_size("x", &Json::Null, &parameters, &planned, None).unwrap_err().code,
            "MaxDocumentSizeExceeded"
        );
    }
}
