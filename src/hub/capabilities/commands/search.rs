//! Commands as the console and our CLI see them: progress by state, invocations by state.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::id::{CommandId, NodeId};
use crate::base::{ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target, constraint, page};
use crate::hub::capabilities::commands::list::WholeCommandView;
use crate::hub::capabilities::commands::plugins;
use crate::hub::capabilities::commands::rows::{self, Invocation};
use crate::hub::capabilities::commands::send::{KIND, unknown};
use crate::hub::capabilities::commands::state::State;
use crate::hub::store::{Select, StoreError, Tx, Value};
use crate::model::document::StepSpec;
use crate::model::document::actions::Platform;

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Roadstead,
        "DescribeCommand",
        |r: &DescribeRequest| Target::Resource(KIND, r.command_id.to_string()),
        describe_command,
    )
    .read(
        Service::Roadstead,
        "SearchInvocations",
        |r: &SearchRequest| Target::Resource(KIND, r.command_id.to_string()),
        search_invocations,
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeRequest {
    pub command_id: CommandId,
}

/// A command and how far it is.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Progress {
    command: WholeCommandView,
    states: Vec<StateCount>,
    /// What its document has each node do, in order: `Step` of GetOutput counts them from 0.
    steps: Vec<StepView>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "CommandStep")]
struct StepView {
    name: String,
    action: String,
    /// Where it runs; elsewhere it is left out.
    platforms: Vec<&'static str>,
}

impl From<StepSpec> for StepView {
    fn from(step: StepSpec) -> Self {
        Self {
            platforms: step.platforms().map(Platform::as_str).collect(),
            name: step.name,
            action: step.action,
        }
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct StateCount {
    status_details: &'static str,
    count: u64,
}

async fn describe_command(cx: Cx, request: DescribeRequest) -> ApiResult<Progress> {
    cx.read(move |tx| progress(tx, &request.command_id)).await
}

/// *Errors*: `InvalidCommandId`.
pub fn progress(tx: &Tx<'_>, id: &CommandId) -> ApiResult<Progress> {
    let command = rows::sql::command(tx, id)?.ok_or_else(|| unknown(id.as_str()))?;
    let counts = rows::sql::counts(tx, id)?;
    let states = counts.into_iter().map(|(state, count)| StateCount {
        status_details: state.as_str(),
        count,
    });
    let steps = plugins::planned(tx, &command)?;
    Ok(Progress {
        steps: steps.into_iter().map(StepView::from).collect(),
        command: command.into(),
        states: states.collect(),
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct SearchRequest {
    command_id: CommandId,
    #[serde(default)]
    status: Vec<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct SearchResult {
    invocations: Vec<InvocationSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct InvocationSummary {
    node_id: NodeId,
    name: String,
    status: &'static str,
    status_details: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    message: String,
    stdout_bytes: i64,
    stderr_bytes: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_hash: Option<String>,
}

async fn search_invocations(cx: Cx, request: SearchRequest) -> ApiResult<SearchResult> {
    let size = page::size(request.max_results, 1, 100, 20)?;
    let after: Option<NodeId> = page::parse(request.next_token.as_deref())?;
    for status in &request.status {
        constraint::one_of(status, "status", &State::ALL.map(State::as_str))?;
    }
    let mut select = Select::new(rows::sql::SELECT_INVOCATION).and("command_id = ?", [(&request.command_id).into()]);
    if !request.status.is_empty() {
        select = select.and_in("status", request.status.iter().map(Value::from));
    }
    if let Some(after) = &after {
        select = select.and("node_id > ?", [after.into()]);
    }
    let select = select.order("node_id").limit(size + 1);
    cx.read(move |tx| {
        rows::sql::command(tx, &request.command_id)?.ok_or_else(|| unknown(request.command_id.as_str()))?;
        let found = select.rows(tx, Invocation::from_row)?;
        let (found, next_token) = page::cut(found, size, |i| i.node_id.clone());
        let invocations = found
            .into_iter()
            .map(|invocation| summary(tx, invocation))
            .collect::<Result<_, StoreError>>()?;
        Ok(SearchResult { invocations, next_token })
    })
    .await
}

fn summary(tx: &Tx<'_>, invocation: Invocation) -> Result<InvocationSummary, StoreError> {
    let (stdout_bytes, stderr_bytes) = sql::sizes(tx, &invocation.command_id, &invocation.node_id)?;
    Ok(InvocationSummary {
        node_id: invocation.node_id,
        name: invocation.node_name,
        status: invocation.state.status(),
        status_details: invocation.state.as_str(),
        exit_code: (invocation.response_code >= 0).then_some(invocation.response_code),
        started_at: invocation.accepted_at,
        ended_at: invocation.ended_at,
        message: invocation.message,
        stdout_bytes,
        stderr_bytes,
        output_hash: invocation.output_hash.map(|h| data_encoding::HEXLOWER.encode(&h)),
    })
}

mod sql {
    use super::*;

    pub fn sizes(tx: &Tx<'_>, command: &CommandId, node: &NodeId) -> Result<(i64, i64), StoreError> {
        let sql = "SELECT coalesce(sum(CASE stream WHEN 'stdout' THEN stored_bytes END), 0) AS stdout,
                          coalesce(sum(CASE stream WHEN 'stderr' THEN stored_bytes END), 0) AS stderr
                   FROM step_output WHERE command_id = :command AND node_id = :node";
        let found = tx.row(sql, &[(":command", command.into()), (":node", node.into())], |row| {
            Ok((row.get("stdout")?, row.get("stderr")?))
        })?;
        Ok(found.unwrap_or((0, 0)))
    }
}
