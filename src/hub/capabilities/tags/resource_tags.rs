//! Tags of one resource, by upstream's three operations of Systems Manager.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult};
use crate::hub::api::constraint::Violations;
use crate::hub::api::{Cx, Declare, Service, Target, relabel};
use crate::hub::capabilities::tags::changes::said;
use crate::hub::events::Event;
use crate::hub::labels::{self, Kind, Tag, form};
use crate::hub::store::Tx;
use crate::model::parameter::Reference;

pub fn operations(api: &mut Declare<'_>) {
    api.write(
        Service::Ssm,
        "AddTagsToResource",
        |r: &AddRequest| target(r.resource_type.as_deref(), r.resource_id.as_deref()),
        add_tags_to_resource,
    )
    .write(
        Service::Ssm,
        "RemoveTagsFromResource",
        |r: &RemoveRequest| target(r.resource_type.as_deref(), r.resource_id.as_deref()),
        remove_tags_from_resource,
    )
    .read(
        Service::Ssm,
        "ListTagsForResource",
        |r: &ListRequest| target(r.resource_type.as_deref(), r.resource_id.as_deref()),
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

fn target(kind: Option<&str>, id: Option<&str>) -> Target {
    let (kind, id) = (kind.unwrap_or(""), id.unwrap_or(""));
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
    Err(ApiError::new(
        "InvalidResourceId",
        format!("there is no {kind} `{id}` of this account"),
    ))
}

/// The type and id that a request names, and must name.
fn named(broken: &mut Violations, kind: Option<String>, id: Option<String>) -> (String, String) {
    broken.required(kind.as_ref(), "resourceType");
    broken.required(id.as_ref(), "resourceId");
    (kind.unwrap_or_default(), id.unwrap_or_default())
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct AddRequest {
    resource_type: Option<String>,
    resource_id: Option<String>,
    tags: Option<Vec<Tag>>,
}

#[derive(Serialize, JsonSchema)]
struct Empty {}

async fn add_tags_to_resource(cx: Cx, request: AddRequest) -> ApiResult<Empty> {
    let (mut broken, tags) = (Violations::default(), request.tags.as_deref());
    let named = named(&mut broken, request.resource_type, request.resource_id);
    broken.required(tags, "tags");
    form::judge(&mut broken, "tags", tags.unwrap_or_default());
    broken.check()?;
    let tags = request.tags.unwrap_or_default();
    change(cx, named, move |tx, kind, id| labels::add(tx, kind, id, &tags)).await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct RemoveRequest {
    resource_type: Option<String>,
    resource_id: Option<String>,
    tag_keys: Option<Vec<String>>,
}

async fn remove_tags_from_resource(cx: Cx, request: RemoveRequest) -> ApiResult<Empty> {
    let (mut broken, keys) = (Violations::default(), request.tag_keys.as_deref());
    let named = named(&mut broken, request.resource_type, request.resource_id);
    broken.required(keys, "tagKeys");
    form::judge_keys(&mut broken, "tagKeys", keys.unwrap_or_default());
    broken.check()?;
    let keys = request.tag_keys.unwrap_or_default();
    change(cx, named, move |tx, kind, id| Ok(labels::remove(tx, kind, id, &keys)?)).await
}

async fn change(
    cx: Cx,
    (kind, id): (String, String),
    work: impl FnOnce(&Tx<'_>, Kind, &str) -> ApiResult<()> + Send + 'static,
) -> ApiResult<Empty> {
    let asked = cx.clone();
    cx.write(move |tx| {
        let (kind, id) = resource(tx, &kind, &id)?;
        relabel(&asked, tx, (kind, &id), |tx| work(tx, kind, &id))?;
        asked.services.bus.emit(tx, Event::LabelsChanged);
        said(&asked, tx, kind, &id);
        Ok(Empty {})
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ListRequest {
    resource_type: Option<String>,
    resource_id: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ListResult {
    tag_list: Vec<Tag>,
}

async fn list_tags_for_resource(cx: Cx, request: ListRequest) -> ApiResult<ListResult> {
    let mut broken = Violations::default();
    let (kind, id) = named(&mut broken, request.resource_type, request.resource_id);
    broken.check()?;
    cx.read(move |tx| {
        let (kind, id) = resource(tx, &kind, &id)?;
        Ok(ListResult {
            tag_list: labels::list(tx, kind, &id)?,
        })
    })
    .await
}
