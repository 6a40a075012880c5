//! SendCommand, and RerunCommand, which sends the same again.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::base::id::CommandId;
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target as Subject};
use crate::hub::capabilities::commands::list::CommandView;
use crate::hub::capabilities::commands::order::{Order, create};
use crate::hub::capabilities::commands::plan::{Planned, plan};
use crate::hub::capabilities::commands::request::{Basics, SendRequest};
use crate::hub::capabilities::commands::rows::{self, Extras, Parameters};
use crate::hub::capabilities::documents;
use crate::hub::capabilities::documents::lookup::{self, Found};
use crate::hub::capabilities::fleet::nodes;
use crate::hub::capabilities::fleet::targets::{SEND, Selection};
use crate::hub::store::{Select, StoreError, Tx};
use crate::model::approval::Approval;
use crate::model::run_settings::RunSettings;
use crate::wire::control::ToAgent;
use crate::wire::run;
use crate::wire::warrant::{Class, Draft, Payload, Signer, Written};

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

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct SendResult {
    command: CommandView,
    /// Ours: the command waits until a second person approves it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    awaits_approval: bool,
}

async fn send_command(cx: Cx, request: SendRequest) -> ApiResult<SendResult> {
    let (name, version) = (request.document_name.clone(), request.document_version.clone());
    let basics = request.check()?;
    let asked = cx.clone();
    let find = move |tx: &Tx<'_>| lookup::permitted(&asked, tx, SEND, &name, version.as_deref());
    let found = cx.read(find).await?;
    let order = check(&cx, request, basics, found).await?;
    let (command, awaits_approval) = create(&cx, order).await?;
    Ok(SendResult {
        command: CommandView::from(command),
        awaits_approval,
    })
}

/// *Errors*, as upstream: `InvalidDocument`, `InvalidParameters`, `UnsupportedPlatformType`, `MaxDocumentSizeExceeded`.
async fn check(cx: &Cx, request: SendRequest, basics: Basics, found: Found) -> ApiResult<Order> {
    if let Some(hash) = &request.document_hash {
        found.check_hash(hash, request.document_hash_type.as_deref() == Some("Sha1"))?;
    }
    let planned = plan(cx, &found, &request.parameters).await?;
    check_size(
        &found.name,
        &found.content,
        &request.parameters,
        &planned,
        (request.operator_approval.as_ref(), &request.run_settings),
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
            notification_config: as_json(request.notification_config)?,
            cloud_watch_output_config: request.cloud_watch_output_config,
            alarm_configuration: as_json(request.alarm_configuration)?,
            canary: request.canary,
            offline_nodes: request.offline_nodes,
            run_settings: request.run_settings,
            download_stores: planned.download_stores,
            output_store: None,
            operator_approval: request.operator_approval,
        },
        rerun_of: None,
        confirmed: request.confirmed_targets,
    })
}

/// As it is kept and shown again.
fn as_json(given: Option<impl Serialize>) -> ApiResult<Option<Json>> {
    given.map(serde_json::to_value).transpose().map_err(ApiError::internal)
}

/// Upstream's limit of a document holds for the parameters, too.
const MAX_PARAMETER_BYTES: usize = 64 * 1024;

/// The order must fit into one frame to the node.
fn check_size(
    name: &str,
    document: &Json,
    parameters: &Parameters,
    planned: &Planned,
    more: (Option<&Approval>, &RunSettings),
) -> ApiResult<()> {
    let given: usize = parameters
        .iter()
        .map(|(name, values)| name.len() + values.iter().map(String::len).sum::<usize>())
        .sum();
    if given > MAX_PARAMETER_BYTES {
        return Err(ApiError::new(
            "MaxDocumentSizeExceeded",
            "the parameters together are larger than 64 KB: put what is long into a file of the hub or on the node",
        ));
    }
    let payload = Payload::new(&run::Work {
        document_name: name.to_owned(),
        document: document.clone(),
        parameters: parameters.clone(),
        approval: more.0.cloned(),
        settings: more.1.clone(),
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
    let warrant = Signer::new(&[0; 32]).warrant(draft, &payload, &[0; 32]);
    ToAgent::run(warrant, &Written::new(&payload)).map(|_| ()).map_err(|_| {
        ApiError::new(
            "MaxDocumentSizeExceeded",
            "the document with those that it runs and the parameters is larger than 1 MB: put what is long into files of the hub",
        )
    })
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
    let asked = cx.clone();
    let (before, nodes) = cx
        .read(move |tx| {
            let before = rows::sql::command(tx, &id)?.ok_or_else(|| unknown(id.as_str()))?;
            asked.permit_for(tx, SEND, &Subject::Resource(documents::KIND, before.document_name.clone()))?;
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
            download_stores: planned.download_stores,
            ..before.extras
        },
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

    use crate::hub::capabilities::commands::enclosed::Enclosed;
    use crate::model::document::References;

    #[test]
    fn an_oversized_order_is_refused() {
        let parameters = BTreeMap::from([("commands".to_owned(), vec!["x".repeat(70_000)])]);
        let planned = Planned {
            lookups: References::new(),
            documents: Enclosed::new(),
            download_stores: Default::default(),
            execution: Duration::ZERO,
        };
        assert_eq!(
            check_size("x", &Json::Null, &parameters, &planned, (None, &RunSettings::default()))
                .unwrap_err()
                .code,
            "MaxDocumentSizeExceeded"
        );
    }
}
