//! Tags of groups: `GetTags`, `Tag`, `Untag`.

use std::collections::BTreeMap;

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::ApiResult;
use crate::hub::api::constraint::Violations;
use crate::hub::api::{Cx, Declare, Service, relabel};
use crate::hub::capabilities::resource_groups::named::{arn, name, renamed, require, target};
use crate::hub::events::Event;
use crate::hub::labels::{self, Kind, form};
use crate::hub::store::Tx;

const SERVICE: Service = Service::ResourceGroups;
const ADDRESS: &str = "/resources/{Arn}/tags";

pub fn operations(api: &mut Declare<'_>) {
    api.read(SERVICE, "GetTags", |r: &GetRequest| target(Some(&r.arn), None), get_tags)
        .rest(Method::GET, ADDRESS)
        .write(SERVICE, "Tag", |r: &TagRequest| target(Some(&r.arn), None), tag)
        .rest(Method::PUT, ADDRESS)
        .write(SERVICE, "Untag", |r: &UntagRequest| target(Some(&r.arn), None), untag)
        .rest(Method::PATCH, ADDRESS);
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GetGroupTagsRequest")]
struct GetRequest {
    arn: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GroupTagsResult")]
struct TagsResult {
    arn: String,
    tags: BTreeMap<String, String>,
}

async fn get_tags(cx: Cx, request: GetRequest) -> ApiResult<TagsResult> {
    let name = name(Some(request.arn), None)?;
    let asked = cx.clone();
    cx.read(move |tx| {
        require(tx, &name)?;
        let tags = labels::list(tx, Kind::Group, &name)?;
        Ok(TagsResult {
            arn: arn(&asked, &name),
            tags: tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
        })
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "TagGroupRequest")]
struct TagRequest {
    arn: String,
    tags: BTreeMap<String, String>,
}

async fn tag(cx: Cx, request: TagRequest) -> ApiResult<TagsResult> {
    cx.require_whole()?;
    let name = name(Some(request.arn), None)?;
    let asked = cx.clone();
    cx.write(move |tx| {
        require(tx, &name)?;
        relabel(&asked, tx, (Kind::Group, &name), |tx| add(tx, &name, &request.tags))?;
        asked.services.bus.emit(tx, Event::LabelsChanged);
        Ok(TagsResult {
            arn: arn(&asked, &name),
            tags: request.tags,
        })
    })
    .await
}

/// *Errors*: `ValidationException`, `BadRequestException`.
pub fn add(tx: &Tx<'_>, group: &str, tags: &BTreeMap<String, String>) -> ApiResult<()> {
    labels::add(tx, Kind::Group, group, &form::of_map(tags)?).map_err(renamed)
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "UntagGroupRequest")]
struct UntagRequest {
    arn: String,
    keys: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "UntagGroupResult")]
struct UntagResult {
    arn: String,
    keys: Vec<String>,
}

async fn untag(cx: Cx, request: UntagRequest) -> ApiResult<UntagResult> {
    cx.require_whole()?;
    let name = name(Some(request.arn), None)?;
    let mut broken = Violations::default();
    form::judge_keys(&mut broken, "keys", &request.keys);
    broken.check()?;
    let asked = cx.clone();
    cx.write(move |tx| {
        require(tx, &name)?;
        let remove = |tx: &Tx<'_>| Ok(labels::remove(tx, Kind::Group, &name, &request.keys)?);
        relabel(&asked, tx, (Kind::Group, &name), remove)?;
        asked.services.bus.emit(tx, Event::LabelsChanged);
        Ok(UntagResult {
            arn: arn(&asked, &name),
            keys: request.keys,
        })
    })
    .await
}
