//! ListCommands: commands as upstream's clients see them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::base::id::{CommandId, NodeId};
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target as Subject, constraint, page};
use crate::hub::capabilities::commands::configurations;
use crate::hub::capabilities::commands::logging;
use crate::hub::capabilities::commands::rate::OfflineNodes;
use crate::hub::capabilities::commands::rows::{self, Command, Parameters};
use crate::hub::capabilities::commands::send::{KIND, SHARE, unknown};
use crate::hub::capabilities::fleet::targets::Target;
use crate::hub::store::{Select, Tx, Value};
use crate::model::run_settings::RunSettings;

pub fn operations(api: &mut Declare<'_>) {
    api.read(Service::Ssm, "ListCommands", |_: &ListRequest| Subject::Rows(KIND), list_commands);
}

/// *Source*: `Command` of the service model.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct CommandView {
    pub command_id: CommandId,
    document_name: String,
    document_version: String,
    comment: String,
    expires_after: Timestamp,
    parameters: Parameters,
    instance_ids: Vec<String>,
    targets: Vec<Target>,
    requested_date_time: Timestamp,
    status: String,
    status_details: String,
    #[serde(rename = "OutputS3Region")]
    output_s3_region: String,
    #[serde(rename = "OutputS3BucketName")]
    output_s3_bucket_name: String,
    #[serde(rename = "OutputS3KeyPrefix")]
    output_s3_key_prefix: String,
    max_concurrency: String,
    max_errors: String,
    target_count: i64,
    completed_count: i64,
    error_count: i64,
    delivery_timed_out_count: i64,
    service_role: String,
    notification_config: Json,
    cloud_watch_output_config: Json,
    timeout_seconds: i64,
    alarm_configuration: Json,
    /// There are none here that could go off.
    triggered_alarms: Vec<Json>,
}

impl From<Command> for CommandView {
    fn from(command: Command) -> Self {
        let (status, details) = command.status_pair();
        let (status, status_details) = (status.to_owned(), details.to_owned());
        Self {
            command_id: command.id,
            document_name: command.document_name,
            document_version: command.document_version,
            comment: command.comment,
            expires_after: command.expires_at,
            parameters: command.parameters,
            instance_ids: command.instance_ids,
            targets: command.targets,
            requested_date_time: command.requested_at,
            status,
            status_details,
            output_s3_region: command.extras.output_s3_region.unwrap_or_default(),
            output_s3_bucket_name: command.extras.output_s3_bucket_name.unwrap_or_default(),
            output_s3_key_prefix: command.extras.output_s3_key_prefix.unwrap_or_default(),
            max_concurrency: command.max_concurrency,
            max_errors: command.max_errors,
            target_count: command.target_count,
            completed_count: command.completed_count,
            error_count: command.error_count,
            delivery_timed_out_count: command.delivery_timed_out_count,
            service_role: command.extras.service_role_arn.unwrap_or_default(),
            notification_config: configurations::notification(command.extras.notification_config.as_ref()),
            cloud_watch_output_config: configurations::cloud_watch_output(command.extras.cloud_watch_output_config.as_ref()),
            timeout_seconds: command.timeout_s,
            alarm_configuration: configurations::alarm(command.extras.alarm_configuration.as_ref()),
            triggered_alarms: Vec::new(),
        }
    }
}

/// A command as our own operations show it: upstream's have no place for what is ours.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct WholeCommandView {
    #[serde(flatten)]
    command: CommandView,
    /// Who sent it, and of which command it is a repetition.
    requested_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rerun_of: Option<CommandId>,
    /// How many nodes had to succeed before the others were begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    canary: Option<String>,
    /// What became of nodes that were offline.
    offline_nodes: OfflineNodes,
    /// As whom and below which ceilings its processes run.
    #[serde(skip_serializing_if = "RunSettings::is_plain")]
    run_settings: RunSettings,
    /// Nodes that wait for their turn, because `MaxConcurrency` are under way or they are offline.
    held_count: i64,
    /// In which log group its output is shown, if it is in one: also when the sender named none.
    #[serde(skip_serializing_if = "Option::is_none")]
    log_group: Option<String>,
}

impl From<Command> for WholeCommandView {
    fn from(mut command: Command) -> Self {
        let extras = &mut command.extras;
        let log_group = logging::group(extras.cloud_watch_output_config.as_ref(), &command.document_name);
        Self {
            requested_by: std::mem::take(&mut command.requested_by),
            rerun_of: command.rerun_of.take(),
            canary: extras.canary.take(),
            offline_nodes: extras.offline_nodes,
            run_settings: std::mem::take(&mut extras.run_settings),
            held_count: command.held_count,
            log_group,
            command: command.into(),
        }
    }
}

/// One filter of a list, with upstream's lower-case members.
#[derive(Deserialize, JsonSchema)]
pub struct Filter {
    pub key: String,
    pub value: String,
}

impl Filter {
    /// *Errors*: `ValidationException`: whoever filters by nothing does not name the member.
    pub fn checked(filters: Option<Vec<Self>>) -> ApiResult<Vec<Self>> {
        constraint::not_empty(filters.as_deref(), "filters")?;
        let filters = filters.unwrap_or_default();
        constraint::count_at_most(&filters, "filters", 5)?;
        Ok(filters)
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ListRequest {
    command_id: Option<String>,
    instance_id: Option<String>,
    filters: Option<Vec<Filter>>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ListResult {
    commands: Vec<CommandView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

async fn list_commands(cx: Cx, request: ListRequest) -> ApiResult<ListResult> {
    let size = page::size(request.max_results, 1, 50, 50)?;
    let after: Option<(i64, CommandId)> = page::parse(request.next_token.as_deref())?;
    let command = request.command_id.as_deref().map(parse_command).transpose()?;
    let node = request.instance_id.as_deref().map(parse_node).transpose()?;
    let filters = Filter::checked(request.filters)?;
    let mut select = Select::new(rows::sql::SELECT_COMMAND).and_condition(&cx.visible(KIND, "command.id"));
    for (number, filter) in (1..).zip(&filters) {
        select = narrow(select, filter, number)?;
    }
    if let Some(command) = &command {
        select = select.and("id = ?", [command.into()]);
    }
    if let Some(node) = &node {
        select = select.and("id IN (SELECT command_id FROM invocation WHERE node_id = ?)", [node.into()]);
    }
    if let Some((at, id)) = &after {
        select = select.and("(requested_at, id) < (?, ?)", [(*at).into(), id.into()]);
    }
    let select = select.order("requested_at DESC, id DESC").limit(size + 1);
    let found = cx
        .clone()
        .read(move |tx| {
            known(tx, &cx, command.as_ref(), node.as_ref())?;
            Ok(select.rows(tx, Command::from_row)?)
        })
        .await?;
    let (found, next_token) = page::cut(found, size, |c| (c.requested_at.millis(), c.id.clone()));
    Ok(ListResult {
        commands: found.into_iter().map(CommandView::from).collect(),
        next_token,
    })
}

/// *Errors*: `InvalidCommandId`.
pub fn parse_command(text: &str) -> ApiResult<CommandId> {
    text.parse()
        .map_err(|_| ApiError::new("InvalidCommandId", format!("`{text}` is not a command id: a UUID of 36 characters")))
}

/// *Errors*: `InvalidInstanceId`.
pub fn parse_node(text: &str) -> ApiResult<NodeId> {
    text.parse()
        .map_err(|_| ApiError::new("InvalidInstanceId", format!("`{text}` is not an instance id of this hub")))
}

/// *Errors*: `InvalidCommandId`, `InvalidInstanceId` when a list is asked for something that never was, or that the caller
/// sees nothing of.
pub fn known(tx: &Tx<'_>, cx: &Cx, command: Option<&CommandId>, node: Option<&NodeId>) -> ApiResult<()> {
    let (shares, commands) = (cx.visible(SHARE, "invocation"), cx.visible(KIND, "command.id"));
    if let Some(id) = command {
        let whole = Select::new("SELECT count(*) FROM command")
            .and("command.id = ?", [id.into()])
            .and_condition(&commands);
        let share = Select::new("SELECT count(*) FROM invocation")
            .and("invocation.command_id = ?", [id.into()])
            .and_condition(&shares);
        if whole.count(tx)? == 0 && share.count(tx)? == 0 {
            return Err(unknown(id.as_str()));
        }
    }
    let Some(id) = node else { return Ok(()) };
    // A node is known to whoever may see it, or something that ran on it.
    let seen = Select::new("SELECT count(*) FROM node")
        .and("node.id = ?", [id.into()])
        .and_condition(&cx.visible("node", "node.id"));
    let share = Select::new("SELECT count(*) FROM invocation")
        .and("invocation.node_id = ?", [id.into()])
        .and_condition(&shares);
    if seen.count(tx)? == 0 && share.count(tx)? == 0 {
        return Err(ApiError::new(
            "InvalidInstanceId",
            format!("`{id}` is not a managed node of this hub"),
        ));
    }
    Ok(())
}

/// *Errors*: `InvalidFilterKey`, `ValidationException`.
fn narrow(select: Select, filter: &Filter, number: usize) -> ApiResult<Select> {
    Ok(match filter.key.as_str() {
        "InvokedAfter" => select.and("requested_at > ?", [moment(filter)?]),
        "InvokedBefore" => select.and("requested_at < ?", [moment(filter)?]),
        "DocumentName" => select.and("document_name = ?", [Value::from(&filter.value)]),
        "Status" => {
            const STATES: &[&str] = &[
                "Pending",
                "InProgress",
                "Success",
                "Cancelled",
                "Failed",
                "TimedOut",
                "Cancelling",
                "AccessDenied",
                "DeliveryTimedOut",
                "ExecutionTimedOut",
                "Incomplete",
                "NoInstancesInTag",
                "LimitExceeded",
            ];
            constraint::one_of(&filter.value, &format!("filters.{number}.member.value"), STATES)?;
            select.and(
                "(substr(status, 1, instr(status, '/') - 1) = ? OR substr(status, instr(status, '/') + 1) = ?)",
                [Value::from(&filter.value), Value::from(&filter.value)],
            )
        }
        "ExecutionStage" => match filter.value.as_str() {
            "Executing" => select.and(
                "(status LIKE 'Pending/%' OR status LIKE 'InProgress/%' OR status LIKE 'Cancelling/%')",
                [],
            ),
            "Complete" => select.and(
                "NOT (status LIKE 'Pending/%' OR status LIKE 'InProgress/%' OR status LIKE 'Cancelling/%')",
                [],
            ),
            other => {
                return Err(ApiError::validation(format!(
                    "`{other}` is not an execution stage: use Executing or Complete"
                )));
            }
        },
        other => {
            return Err(ApiError::new(
                "InvalidFilterKey",
                format!("`{other}` is not a filter key of commands"),
            ));
        }
    })
}

/// A filter's value as a time: ISO 8601, as upstream's.
///
/// *Errors*: `ValidationException`.
pub fn moment(filter: &Filter) -> ApiResult<Value> {
    let parsed: Result<jiff::Timestamp, _> = filter.value.parse();
    parsed.map(|at| Value::Integer(at.as_millisecond())).map_err(|_| {
        ApiError::validation(format!(
            "the value `{}` of filter `{}` is not a time such as 2026-01-31T09:05:00Z",
            filter.value, filter.key
        ))
    })
}
