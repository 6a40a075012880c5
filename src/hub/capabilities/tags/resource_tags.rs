//! Tags of one resource, by upstream's three operations of Systems Manager.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult};
use crate::hub::api::{Cx, Declare, Service, Target, constraint};
use crate::hub::capabilities::tags::changes::said;
use crate::hub::events::Event;
use crate::hub::labels::{self, Kind, Tag};
use crate::hub::store::Tx;
use crate::model::parameter::Reference;

pub fn operations(api: &mut Declare<'_>) {
    api.write(
        Service::Ssm,
        "AddTagsToResource",
        |r: &AddRequest| target(&r.resource_type, &r.resource_id),
        add_tags_to_resource,
    )
    .write(
        Service::Ssm,
        "RemoveTagsFromResource",
        |r: &RemoveRequest| target(&r.resource_type, &r.resource_id),
        remove_tags_from_resource,
    )
    .read(
        Service::Ssm,
        "ListTagsForResource",
        |r: &ListRequest| target(&r.resource_type, &r.resource_id),
        list_tags_for_resource,
    );
}

/// Upstream's resource types; those whose capability is not there have no resource yet.
const TYPES: &[&str] = &[
    "Document",
    "ManagedInstance",
    "MaintenanceWindow",
    "Parameter",
    "PatchBaseline",
    "OpsItem",
    "OpsMetadata",
    "Automation",
    "Association",
    "CloudConnector",
];

fn target(kind: &str, id: &str) -> Target {
    match kind {
        "ManagedInstance" => Target::Resource("node", id.to_owned()),
        "Document" => Target::Resource("document", id.to_owned()),
        "Parameter" => Target::Resource("parameter", parameter_id(id).unwrap_or_else(|| id.to_owned())),
        _ => Target::Resource("resource", format!("{kind}/{id}")),
    }
}

/// A parameter is known by its key, however the caller spells its name.
fn parameter_id(name: &str) -> Option<String> {
    let reference = Reference::parse(name).ok().filter(|r| r.selector.is_none());
    reference.map(|r| r.key.to_string())
}

/// What is tagged, and the id that its tags lie under.
///
/// *Errors*: `InvalidResourceType`, `InvalidResourceId`.
fn resource(tx: &Tx<'_>, kind: &str, id: &str) -> ApiResult<(Kind, String)> {
    if !TYPES.contains(&kind) {
        return Err(ApiError::new(
            "InvalidResourceType",
            format!("`{kind}` is not a resource type: use one of {}", TYPES.join(", ")),
        ));
    }
    let found = match kind {
        "ManagedInstance" => Some((Kind::Node, id.to_owned())),
        "Document" => Some((Kind::Document, id.to_owned())),
        "Parameter" => parameter_id(id).map(|id| (Kind::Parameter, id)),
        _ => None,
    };
    if let Some((kind, id)) = found
        && labels::exists(tx, kind, &id)?
    {
        return Ok((kind, id));
    }
    Err(ApiError::new("InvalidResourceId", format!("there is no {kind} `{id}`")))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct AddRequest {
    resource_type: String,
    resource_id: String,
    tags: Vec<Tag>,
}

#[derive(Serialize, JsonSchema)]
struct Empty {}

async fn add_tags_to_resource(cx: Cx, request: AddRequest) -> ApiResult<Empty> {
    constraint::count_at_most(&request.tags, "tags", 1000)?;
    change(cx, request.resource_type, request.resource_id, move |tx, kind, id| {
        labels::add(tx, kind, id, &request.tags)
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct RemoveRequest {
    resource_type: String,
    resource_id: String,
    tag_keys: Vec<String>,
}

async fn remove_tags_from_resource(cx: Cx, request: RemoveRequest) -> ApiResult<Empty> {
    change(cx, request.resource_type, request.resource_id, move |tx, kind, id| {
        Ok(labels::remove(tx, kind, id, &request.tag_keys)?)
    })
    .await
}

async fn change(
    cx: Cx,
    kind: String,
    id: String,
    work: impl FnOnce(&Tx<'_>, Kind, &str) -> ApiResult<()> + Send + 'static,
) -> ApiResult<Empty> {
    let asked = cx.clone();
    cx.write(move |tx| {
        let subject = target(&kind, &id);
        let (kind, id) = resource(tx, &kind, &id)?;
        // With the tags as they were when this transaction began, and as they are after it: nobody tags a thing into their
        // hands, or out of them.
        asked.permit(tx, &subject)?;
        work(tx, kind, &id)?;
        asked.permit(tx, &subject)?;
        asked.services.bus.emit(tx, Event::LabelsChanged);
        said(&asked, tx, kind, &id);
        Ok(Empty {})
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ListRequest {
    resource_type: String,
    resource_id: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ListResult {
    tag_list: Vec<Tag>,
}

async fn list_tags_for_resource(cx: Cx, request: ListRequest) -> ApiResult<ListResult> {
    cx.read(move |tx| {
        let (kind, id) = resource(tx, &request.resource_type, &request.resource_id)?;
        Ok(ListResult {
            tag_list: labels::list(tx, kind, &id)?,
        })
    })
    .await
}
