//! Tags of many resources changed at once: upstream's `TagResources` and `UntagResources`, the same tags on each, and our
//! `ChangeTags`, with what each resource needs.
//!
//! Each resource stands for itself: what fails is named in the answer, the others are changed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::id::NodeId;
use crate::base::{ApiError, ApiResult};
use crate::hub::api::constraint::Violations;
use crate::hub::api::{Cx, Declare, Service, Target, relabel};
use crate::hub::capabilities::tags::names::{KIND, invalid, of_type, required};
use crate::hub::events::Event;
use crate::hub::labels::{self, Kind, Tag, form};
use crate::hub::store::Tx;

/// Upstream's limits.
const MAX_ARNS: usize = 20;
const MAX_TAGS: usize = 50;
const MAX_ARN: usize = 1011;
/// Resources of one `ChangeTags`: as many as do not keep other writers waiting for long.
const MAX_CHANGES: usize = 500;

pub fn operations(api: &mut Declare<'_>) {
    api.write(Service::Tagging, "TagResources", |_: &TagRequest| Target::Rows(KIND), tag_resources)
        .write(
            Service::Tagging,
            "UntagResources",
            |_: &UntagRequest| Target::Rows(KIND),
            untag_resources,
        )
        .write(
            Service::Roadstead,
            "ChangeTags",
            |_: &ChangeRequest| Target::Rows(KIND),
            change_tags,
        );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "TagResourcesRequest")]
struct TagRequest {
    #[serde(rename = "ResourceARNList")]
    resource_arns: Vec<String>,
    tags: BTreeMap<String, String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "UntagResourcesRequest")]
struct UntagRequest {
    #[serde(rename = "ResourceARNList")]
    resource_arns: Vec<String>,
    tag_keys: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "TagResourcesResult")]
struct FailuresResult {
    failed_resources_map: BTreeMap<String, Failure>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "FailureInfo")]
struct Failure {
    status_code: u16,
    error_code: &'static str,
    error_message: String,
}

async fn tag_resources(cx: Cx, request: TagRequest) -> ApiResult<FailuresResult> {
    if request.tags.is_empty() || request.tags.len() > MAX_TAGS {
        return Err(invalid(format!("`Tags` has 1 to {MAX_TAGS} entries")));
    }
    let set = form::of_map(&request.tags)?;
    same_on_all(cx, request.resource_arns, set, Vec::new()).await
}

async fn untag_resources(cx: Cx, request: UntagRequest) -> ApiResult<FailuresResult> {
    if request.tag_keys.is_empty() || request.tag_keys.len() > MAX_TAGS {
        return Err(invalid(format!("`TagKeys` has 1 to {MAX_TAGS} entries")));
    }
    let mut broken = Violations::default();
    form::judge_keys(&mut broken, "tagKeys", &request.tag_keys);
    broken.check()?;
    same_on_all(cx, request.resource_arns, Vec::new(), request.tag_keys).await
}

async fn same_on_all(cx: Cx, arns: Vec<String>, set: Vec<Tag>, remove: Vec<String>) -> ApiResult<FailuresResult> {
    if arns.is_empty() || arns.len() > MAX_ARNS {
        return Err(invalid(format!("`ResourceARNList` has 1 to {MAX_ARNS} entries")));
    }
    if arns.iter().any(|arn| !(1..=MAX_ARN).contains(&arn.chars().count())) {
        return Err(invalid(format!("an ARN has 1 to {MAX_ARN} characters")));
    }
    let context = cx.clone();
    let failed = make(cx, arns, move |tx, arn| {
        let (kind, id) = required(&context, arn)?;
        one(&context, tx, (kind, &id), (&set, &remove))
    });
    let failed = failed.await?;
    Ok(FailuresResult {
        failed_resources_map: failed.into_iter().map(|(arn, error)| (arn, Failure::of(error))).collect(),
    })
}

impl Failure {
    /// Upstream's shape knows two codes only.
    fn of(error: ApiError) -> Self {
        let (status_code, error_code) = match error.status() {
            500.. => (500, "InternalServiceException"),
            _ if error.code == "AccessDeniedException" => (403, "InvalidParameterException"),
            _ => (400, "InvalidParameterException"),
        };
        Self {
            status_code,
            error_code,
            error_message: error.message,
        }
    }
}

/// What one resource needs.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "TagChange")]
struct Change {
    resource_type: String,
    resource_id: String,
    /// Added, or overwritten.
    #[serde(default)]
    set: Vec<Tag>,
    /// Keys that go; one that is not there is no error.
    #[serde(default)]
    remove: Vec<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ChangeTagsRequest")]
struct ChangeRequest {
    changes: Vec<Change>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ChangeTagsResult")]
struct ChangeResult {
    changed: usize,
    failed: Vec<FailedChange>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "FailedTagChange")]
struct FailedChange {
    resource_type: String,
    resource_id: String,
    code: &'static str,
    message: String,
}

async fn change_tags(cx: Cx, request: ChangeRequest) -> ApiResult<ChangeResult> {
    let count = request.changes.len();
    if !(1..=MAX_CHANGES).contains(&count) {
        return Err(ApiError::validation(format!("`Changes` has 1 to {MAX_CHANGES} entries")));
    }
    for (number, change) in (1..).zip(&request.changes) {
        check(number, change)?;
    }
    let context = cx.clone();
    let failed = make(cx, request.changes, move |tx, change| {
        let (kind, id) = of_type(&change.resource_type, &change.resource_id)?;
        one(&context, tx, (kind, &id), (&change.set, &change.remove))
    });
    let failed = failed.await?.into_iter().map(|(change, error)| FailedChange {
        resource_type: change.resource_type,
        resource_id: change.resource_id,
        code: error.code,
        message: error.message,
    });
    let failed: Vec<FailedChange> = failed.collect();
    Ok(ChangeResult {
        changed: count - failed.len(),
        failed,
    })
}

/// *Errors*: `ValidationException` for too many tags, and for what no tag can be.
fn check(number: usize, change: &Change) -> ApiResult<()> {
    if change.set.len() > MAX_TAGS || change.remove.len() > MAX_TAGS {
        return Err(ApiError::validation(format!("one change sets and removes at most {MAX_TAGS} tags")));
    }
    let (mut broken, member) = (Violations::default(), format!("changes.{number}.member"));
    form::judge(&mut broken, &format!("{member}.set"), &change.set);
    form::judge_keys(&mut broken, &format!("{member}.remove"), &change.remove);
    broken.check()?;
    change.set.iter().try_for_each(|tag| form::check_free(&tag.key))
}

/// Changes all resources in one transaction; those that could not be changed undo nothing of the others.
async fn make<R: Send + 'static>(
    cx: Cx,
    resources: Vec<R>,
    change: impl Fn(&Tx<'_>, &R) -> ApiResult<()> + Send + 'static,
) -> ApiResult<Vec<(R, ApiError)>> {
    let bus = cx.services.bus.clone();
    cx.write(move |tx| {
        let (count, mut failed) = (resources.len(), Vec::new());
        for resource in resources {
            match tx.within(|tx| change(tx, &resource)) {
                // What is wrong with the hub is not said of a resource.
                Err(error) if error.source.is_some() => return Err(error),
                Err(error) => failed.push((resource, error)),
                Ok(()) => {}
            }
        }
        tx.note(|notes| notes.detail = format!("{} of {count} resources", count - failed.len()));
        bus.emit(tx, Event::LabelsChanged);
        Ok(failed)
    })
    .await
}

/// *Errors*: of this one resource.
fn one(cx: &Cx, tx: &Tx<'_>, (kind, id): (Kind, &str), (set, remove): (&[Tag], &[String])) -> ApiResult<()> {
    if kind == Kind::Group {
        cx.require_whole()?;
    }
    relabel(cx, tx, (kind, id), |tx| {
        if !labels::exists(tx, kind, id)? {
            return Err(invalid(format!("there is no {} `{id}` of this account", kind.as_str())));
        }
        labels::remove(tx, kind, id, remove)?;
        labels::add(tx, kind, id, set)
    })?;
    said(cx, tx, kind, id);
    Ok(())
}

/// Tells whoever watches the resource, and the audit log which node it is.
pub fn said(cx: &Cx, tx: &Tx<'_>, kind: Kind, id: &str) {
    if let (Kind::Node, Ok(node)) = (kind, id.parse::<NodeId>()) {
        tx.note(|notes| notes.nodes.push(node.clone()));
        cx.services.bus.emit(tx, Event::NodeChanged(node));
    }
}
