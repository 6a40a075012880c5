//! GetCommandInvocation and ListCommandInvocations: one node's share of a command, with upstream's lengths.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::base::id::{CommandId, NodeId};
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target, constraint, page};
use crate::hub::capabilities::commands::configurations;
use crate::hub::capabilities::commands::list::{Filter, known, moment, parse_command, parse_node};
use crate::hub::capabilities::commands::plugins::{self, Plugin};
use crate::hub::capabilities::commands::rows::{self, Command, Invocation};
use crate::hub::capabilities::commands::send::{SHARE, share};
use crate::hub::capabilities::commands::state::State;
use crate::hub::capabilities::commands::under_way::{self, SoFar};
use crate::hub::capabilities::commands::uploads;
use crate::hub::store::blobs::Blobs;
use crate::hub::store::{Select, StoreError, Tx, Value};

/// Characters of each stream that upstream's members carry; all of it is kept and shown elsewhere.
const STDOUT_CHARS: usize = 24_000;
const STDERR_CHARS: usize = 8_000;
const PLUGIN_CHARS: usize = 2_500;

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Ssm,
        "GetCommandInvocation",
        |r: &GetRequest| share(&r.command_id, &r.instance_id),
        get_command_invocation,
    )
    .read(
        Service::Ssm,
        "ListCommandInvocations",
        |_: &ListRequest| Target::Rows(SHARE),
        list_command_invocations,
    );
}

#[derive(Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct GetRequest {
    command_id: String,
    instance_id: String,
    plugin_name: Option<String>,
}

/// *Source*: `GetCommandInvocationResult` of the service model; its three times are text.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct GetResult {
    command_id: CommandId,
    instance_id: NodeId,
    comment: String,
    document_name: String,
    document_version: String,
    plugin_name: String,
    response_code: i64,
    execution_start_date_time: String,
    execution_elapsed_time: String,
    execution_end_date_time: String,
    status: &'static str,
    status_details: &'static str,
    standard_output_content: String,
    standard_output_url: String,
    standard_error_content: String,
    standard_error_url: String,
    cloud_watch_output_config: Json,
}

async fn get_command_invocation(cx: Cx, request: GetRequest) -> ApiResult<GetResult> {
    let first = look(&cx, request.clone(), SoFar::default()).await?;
    let Some((invocation, steps)) = first.open else {
        return Ok(first.answer);
    };
    let so_far = under_way::ask_one(&cx, &invocation, &steps, STDOUT_CHARS * 4).await?;
    match so_far.is_empty() {
        true => Ok(first.answer),
        false => Ok(look(&cx, request, so_far).await?.answer),
    }
}

/// What there is to answer from the hub's own rows and from what the node has said.
struct Look {
    answer: GetResult,
    /// A share of whose steps the node knows more, and which of these are shown.
    open: Option<(Invocation, Vec<i64>)>,
}

async fn look(cx: &Cx, request: GetRequest, so_far: SoFar) -> ApiResult<Look> {
    let command = parse_command(&request.command_id)?;
    let node: NodeId = request.instance_id.parse().map_err(|_| does_not_exist(&request))?;
    let blobs = cx.services.blobs.clone();
    cx.glance(move |tx| {
        let invocation = rows::sql::invocation(tx, &command, &node)?.ok_or_else(|| does_not_exist(&request))?;
        let command = rows::sql::command(tx, &command)?.ok_or_else(|| does_not_exist(&request))?;
        let plugins = plugins::of(tx, &command, &invocation, so_far.of(&invocation))?;
        let is_open = plugins.len() > 1 && under_way::is_under_way(&invocation);
        let plugin = plugins::chosen(plugins, request.plugin_name.as_deref())?;
        let (standard_output_url, standard_error_url) = urls(tx, &command, &invocation, &plugin)?;
        let steps = plugin.positions.clone();
        let answer = GetResult {
            response_code: plugin.response_code(),
            execution_start_date_time: plugin.started_at().map_or_else(String::new, |at| at.to_string()),
            execution_elapsed_time: elapsed(&plugin),
            execution_end_date_time: plugin.ended_at().map_or_else(String::new, |at| at.to_string()),
            status: plugin.state().status(),
            status_details: plugin.state().as_str(),
            standard_output_content: plugin.stdout(tx, &blobs, &invocation, STDOUT_CHARS)?,
            standard_error_content: plugin.stderr(tx, &blobs, &invocation, STDERR_CHARS)?,
            plugin_name: plugin.name,
            standard_output_url,
            standard_error_url,
            comment: command.comment,
            document_name: command.document_name,
            document_version: command.document_version,
            cloud_watch_output_config: configurations::cloud_watch_output(command.extras.cloud_watch_output_config.as_ref()),
            command_id: command.id,
            instance_id: node,
        };
        Ok(Look {
            answer,
            open: is_open.then_some((invocation, steps)),
        })
    })
    .await
}

fn does_not_exist(request: &GetRequest) -> ApiError {
    ApiError::new(
        "InvocationDoesNotExist",
        format!("command `{}` has no invocation on `{}`", request.command_id, request.instance_id),
    )
}

/// `PT1.25S`, as upstream writes it; empty as long as it is not known.
fn elapsed(plugin: &Plugin) -> String {
    let Some((from, to)) = plugin.started_at().zip(plugin.ended_at()) else {
        return String::new();
    };
    let ms = to.since(from).as_millis();
    format!("PT{}.{:03}S", ms / 1000, ms % 1000)
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ListRequest {
    command_id: Option<String>,
    instance_id: Option<String>,
    filters: Option<Vec<Filter>>,
    #[serde(default)]
    details: bool,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ListResult {
    command_invocations: Vec<InvocationView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// *Source*: `CommandInvocation` of the service model.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct InvocationView {
    command_id: CommandId,
    instance_id: NodeId,
    instance_name: String,
    comment: String,
    document_name: String,
    document_version: String,
    requested_date_time: Timestamp,
    status: &'static str,
    status_details: &'static str,
    trace_output: String,
    standard_output_url: String,
    standard_error_url: String,
    command_plugins: Vec<PluginView>,
    service_role: String,
    notification_config: Json,
    cloud_watch_output_config: Json,
}

/// *Source*: `CommandPlugin` of the service model.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct PluginView {
    name: String,
    status: &'static str,
    status_details: String,
    response_code: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_start_date_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_finish_date_time: Option<Timestamp>,
    output: String,
    standard_output_url: String,
    standard_error_url: String,
    #[serde(rename = "OutputS3Region")]
    output_s3_region: String,
    #[serde(rename = "OutputS3BucketName")]
    output_s3_bucket_name: String,
    #[serde(rename = "OutputS3KeyPrefix")]
    output_s3_key_prefix: String,
}

async fn list_command_invocations(cx: Cx, request: ListRequest) -> ApiResult<ListResult> {
    let size = page::size(request.max_results, 1, 50, 50)?;
    let after: Option<(i64, CommandId, NodeId)> = page::parse(request.next_token.as_deref())?;
    let command = request.command_id.as_deref().map(parse_command).transpose()?;
    let node = request.instance_id.as_deref().map(parse_node).transpose()?;
    let filters = Filter::checked(request.filters)?;
    let visible = cx.visible(SHARE, "invocation");
    let mut select = Select::new(rows::sql::SELECT_INVOCATION).and_condition(&visible);
    for (number, filter) in (1..).zip(&filters) {
        select = narrow(select, filter, number)?;
    }
    if let Some(command) = &command {
        select = select.and("command_id = ?", [command.into()]);
    }
    if let Some(node) = &node {
        select = select.and("node_id = ?", [node.into()]);
    }
    if let Some((at, command, node)) = &after {
        select = select.and(
            "(requested_at, command_id, node_id) < (?, ?, ?)",
            [(*at).into(), command.into(), node.into()],
        );
    }
    let select = select.order("requested_at DESC, command_id DESC, node_id DESC").limit(size + 1);
    let (asked, blobs) = (cx.clone(), cx.services.blobs.clone());
    let (found, mut list) = cx
        .read(move |tx| {
            known(tx, &asked, command.as_ref(), node.as_ref())?;
            let found = select.rows(tx, Invocation::from_row)?;
            let (found, next_token) = page::cut(found, size, |i| (i.requested_at.millis(), i.command_id.clone(), i.node_id.clone()));
            let command_invocations = views(tx, &blobs, &found, request.details, &SoFar::default())?;
            Ok((
                found,
                ListResult {
                    command_invocations,
                    next_token,
                },
            ))
        })
        .await?;
    if !request.details {
        return Ok(list);
    }
    let so_far = under_way::ask(&cx, &found).await?;
    if !so_far.is_empty() {
        let blobs = cx.services.blobs.clone();
        list.command_invocations = cx.read(move |tx| views(tx, &blobs, &found, true, &so_far)).await?;
    }
    Ok(list)
}

fn views(tx: &Tx<'_>, blobs: &Blobs, found: &[Invocation], with_details: bool, so_far: &SoFar) -> ApiResult<Vec<InvocationView>> {
    let views = found.iter().cloned();
    views.map(|invocation| view(tx, blobs, invocation, with_details, so_far)).collect()
}

/// *Errors*: `InvalidFilterKey`, `ValidationException`.
fn narrow(select: Select, filter: &Filter, number: usize) -> ApiResult<Select> {
    const STATES: &[&str] = &[
        "Pending",
        "InProgress",
        "Delayed",
        "Success",
        "Cancelled",
        "TimedOut",
        "Failed",
        "Cancelling",
        "DeliveryTimedOut",
        "ExecutionTimedOut",
        "Undeliverable",
        "InvalidPlatform",
        "Terminated",
        "AccessDenied",
    ];
    Ok(match filter.key.as_str() {
        "InvokedAfter" => select.and("requested_at > ?", [moment(filter)?]),
        "InvokedBefore" => select.and("requested_at < ?", [moment(filter)?]),
        "Status" => {
            constraint::one_of(&filter.value, &format!("filters.{number}.member.value"), STATES)?;
            let details: Vec<Value> = State::ALL
                .into_iter()
                .filter(|s| s.status() == filter.value || s.as_str() == filter.value)
                .map(|s| Value::from(s.as_str()))
                .collect();
            select.and_in("status", details)
        }
        "DocumentName" => select.and(
            "command_id IN (SELECT id FROM command WHERE document_name = ?)",
            [Value::from(&filter.value)],
        ),
        other => {
            return Err(ApiError::new(
                "InvalidFilterKey",
                format!("`{other}` is not a filter key of invocations"),
            ));
        }
    })
}

fn view(tx: &Tx<'_>, blobs: &Blobs, invocation: Invocation, with_details: bool, so_far: &SoFar) -> ApiResult<InvocationView> {
    let command = rows::sql::command(tx, &invocation.command_id)?.ok_or_else(|| ApiError::internal("an invocation without its command"))?;
    let plugins = match with_details || command.extras.output_s3_bucket_name.is_some() {
        true => plugins::of(tx, &command, &invocation, so_far.of(&invocation))?,
        false => Vec::new(),
    };
    let (standard_output_url, standard_error_url) = match plugins.as_slice() {
        // Upstream fills these where there is one plugin.
        [only] => urls(tx, &command, &invocation, only)?,
        _ => Default::default(),
    };
    let shown = plugins.iter().filter(|_| with_details);
    let command_plugins = shown.map(|plugin| plugin_view(tx, blobs, &command, &invocation, plugin));
    let command_plugins = command_plugins.collect::<ApiResult<_>>()?;
    Ok(InvocationView {
        instance_name: invocation.computer_name,
        comment: command.comment,
        document_name: command.document_name,
        document_version: command.document_version,
        requested_date_time: invocation.requested_at,
        status: invocation.state.status(),
        status_details: invocation.state.as_str(),
        trace_output: invocation.message.chars().take(PLUGIN_CHARS).collect(),
        standard_output_url,
        standard_error_url,
        command_plugins,
        service_role: command.extras.service_role_arn.unwrap_or_default(),
        notification_config: configurations::notification(command.extras.notification_config.as_ref()),
        cloud_watch_output_config: configurations::cloud_watch_output(command.extras.cloud_watch_output_config.as_ref()),
        command_id: invocation.command_id,
        instance_id: invocation.node_id,
    })
}

fn plugin_view(tx: &Tx<'_>, blobs: &Blobs, command: &Command, invocation: &Invocation, plugin: &Plugin) -> ApiResult<PluginView> {
    let (standard_output_url, standard_error_url) = urls(tx, command, invocation, plugin)?;
    Ok(PluginView {
        name: plugin.name.clone(),
        // Upstream's states of a plugin are fewer than those of a node's share.
        status: match plugin.state() {
            State::Delayed => "Pending",
            State::Cancelling => "InProgress",
            state => state.status(),
        },
        status_details: plugin.state().as_str().into(),
        response_code: plugin.response_code(),
        response_start_date_time: plugin.started_at(),
        response_finish_date_time: plugin.ended_at(),
        output: plugin.output(tx, blobs, invocation, PLUGIN_CHARS)?,
        standard_output_url,
        standard_error_url,
        output_s3_region: command.extras.output_s3_region.clone().unwrap_or_default(),
        output_s3_bucket_name: command.extras.output_s3_bucket_name.clone().unwrap_or_default(),
        output_s3_key_prefix: command.extras.output_s3_key_prefix.clone().unwrap_or_default(),
    })
}

/// Where its output lies in the command's bucket.
fn urls(tx: &Tx<'_>, command: &Command, invocation: &Invocation, plugin: &Plugin) -> Result<(String, String), StoreError> {
    match plugin.rows.first() {
        Some(step) => uploads::urls(tx, command, &invocation.node_id, step),
        None => Ok(Default::default()),
    }
}
