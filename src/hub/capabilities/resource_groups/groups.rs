//! A group as a whole: `CreateGroup`, `GetGroup`, `UpdateGroup`, `DeleteGroup`, `ListGroups`.

use std::collections::BTreeMap;

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::ApiResult;
use crate::hub::api::{Cx, Declare, Service, Target, page};
use crate::hub::capabilities::access::group_rows::{self, Facts, Group};
use crate::hub::capabilities::resource_groups::named::{KIND, arn, bad, check_new_name, name, renamed, require, size, target, token};
use crate::hub::capabilities::resource_groups::queries::{NODE_TYPE, ResourceQuery, query_of};
use crate::hub::capabilities::resource_groups::settings::{Configuration, ConfigurationItem, GENERIC};
use crate::hub::capabilities::resource_groups::tags;
use crate::hub::labels::groups::Members;
use crate::hub::store::Condition;

const SERVICE: Service = Service::ResourceGroups;

pub fn operations(api: &mut Declare<'_>) {
    let of = |r: &NameRequest| target(r.group.as_ref(), r.group_name.as_ref());
    api.write(
        SERVICE,
        "CreateGroup",
        |r: &CreateRequest| target(Some(&r.name), None),
        create_group,
    )
    .rest(Method::POST, "/groups")
    .read(SERVICE, "GetGroup", of, get_group)
    .rest(Method::POST, "/get-group")
    .write(
        SERVICE,
        "UpdateGroup",
        |r: &UpdateRequest| target(r.group.as_ref(), r.group_name.as_ref()),
        update_group,
    )
    .rest(Method::POST, "/update-group")
    .write(SERVICE, "DeleteGroup", of, delete_group)
    .rest(Method::POST, "/delete-group")
    .read(SERVICE, "ListGroups", |_: &ListRequest| Target::Rows(KIND), list_groups)
    .rest(Method::POST, "/groups-list");
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "CreateResourceGroupRequest")]
struct CreateRequest {
    name: String,
    #[serde(default)]
    description: String,
    resource_query: Option<ResourceQuery>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    configuration: Option<Vec<ConfigurationItem>>,
    criticality: Option<i64>,
    owner: Option<String>,
    display_name: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ResourceGroup")]
pub struct GroupView {
    group_arn: String,
    name: String,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    criticality: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
}

impl GroupView {
    fn of(cx: &Cx, group: Group) -> Self {
        Self {
            group_arn: arn(cx, &group.name),
            name: group.name,
            description: group.description,
            criticality: group.facts.criticality,
            owner: group.facts.owner,
            display_name: group.facts.display_name,
        }
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "CreateResourceGroupResult")]
struct CreateResult {
    group: GroupView,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_query: Option<ResourceQuery>,
    tags: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_configuration: Option<Configuration>,
}

/// *Errors*: `BadRequestException`, also for a name that is taken, as upstream.
async fn create_group(cx: Cx, request: CreateRequest) -> ApiResult<CreateResult> {
    cx.require_whole()?;
    check_new_name(&request.name)?;
    check_description(&request.description)?;
    let facts = Facts {
        criticality: request.criticality,
        owner: request.owner,
        display_name: request.display_name,
    };
    check_facts(&facts)?;
    request.resource_query.as_ref().map(ResourceQuery::parse).transpose()?;
    match (&request.resource_query, &request.configuration) {
        (Some(_), Some(_)) => return Err(bad("a group has either a `ResourceQuery` or a `Configuration`")),
        (None, None) => {
            return Err(bad(
                "give a `ResourceQuery`, or the `Configuration` `AWS::ResourceGroups::Generic` for a listed group",
            ));
        }
        _ => {}
    }
    let configuration = request.configuration.map(Configuration::checked).transpose()?;
    let group = Group {
        name: request.name,
        description: request.description,
        rule: None,
        query: request.resource_query.as_ref().map(|given| given.query.clone()),
        facts,
        created_at: cx.now(),
    };
    let (asked, wanted_tags) = (cx.clone(), request.tags);
    cx.write(move |tx| {
        group_rows::insert(tx, &group).map_err(renamed)?;
        tags::add(tx, &group.name, &wanted_tags)?;
        asked.rights_changed(tx)?;
        Ok(CreateResult {
            group: GroupView::of(&asked, group),
            resource_query: request.resource_query,
            tags: wanted_tags,
            group_configuration: configuration,
        })
    })
    .await
}

/// *Errors*: `BadRequestException`.
fn check_description(text: &str) -> ApiResult<()> {
    match text.chars().count() <= 1024 && !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        true => Ok(()),
        false => Err(bad("a description has at most 1024 characters, none of them a control character")),
    }
}

/// *Errors*: `BadRequestException`.
fn check_facts(facts: &Facts) -> ApiResult<()> {
    if facts.criticality.is_some_and(|n| !(1..=10).contains(&n)) {
        return Err(bad("`Criticality` is 1 to 10"));
    }
    let is_long = |text: &Option<String>| {
        text.as_ref()
            .is_some_and(|text| text.chars().count() > 300 || text.chars().any(char::is_control))
    };
    match is_long(&facts.owner) || is_long(&facts.display_name) {
        true => Err(bad(
            "`Owner` and `DisplayName` have at most 300 characters, none of them a control character",
        )),
        false => Ok(()),
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ResourceGroupRequest")]
struct NameRequest {
    group: Option<String>,
    group_name: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ResourceGroupResult")]
struct GroupResult {
    group: GroupView,
}

async fn get_group(cx: Cx, request: NameRequest) -> ApiResult<GroupResult> {
    let name = name(request.group, request.group_name)?;
    let group = cx.read(move |tx| require(tx, &name)).await?;
    Ok(GroupResult {
        group: GroupView::of(&cx, group),
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "UpdateResourceGroupRequest")]
struct UpdateRequest {
    group: Option<String>,
    group_name: Option<String>,
    description: Option<String>,
    criticality: Option<i64>,
    owner: Option<String>,
    display_name: Option<String>,
}

async fn update_group(cx: Cx, request: UpdateRequest) -> ApiResult<GroupResult> {
    cx.require_whole()?;
    let name = name(request.group, request.group_name)?;
    let asked = cx.clone();
    cx.write(move |tx| {
        let mut group = require(tx, &name)?;
        group.description = request.description.unwrap_or(group.description);
        group.facts = Facts {
            criticality: request.criticality.or(group.facts.criticality),
            owner: request.owner.or(group.facts.owner),
            display_name: request.display_name.or(group.facts.display_name),
        };
        check_description(&group.description)?;
        check_facts(&group.facts)?;
        group_rows::update(tx, &group)?;
        Ok(GroupResult {
            group: GroupView::of(&asked, group),
        })
    })
    .await
}

async fn delete_group(cx: Cx, request: NameRequest) -> ApiResult<GroupResult> {
    cx.require_whole()?;
    let name = name(request.group, request.group_name)?;
    let asked = cx.clone();
    cx.write(move |tx| {
        let group = require(tx, &name)?;
        group_rows::remove(tx, &name).map_err(renamed)?;
        asked.rights_changed(tx)?;
        Ok(GroupResult {
            group: GroupView::of(&asked, group),
        })
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ResourceGroupFilter")]
struct GroupFilter {
    name: String,
    values: Vec<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListResourceGroupsRequest")]
struct ListRequest {
    #[serde(default)]
    filters: Vec<GroupFilter>,
    /// From the query of the address: a text.
    #[serde(rename = "maxResults")]
    max_results: Option<String>,
    #[serde(rename = "nextToken")]
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListResourceGroupsResult")]
struct ListResult {
    group_identifiers: Vec<Identifier>,
    groups: Vec<GroupView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ResourceGroupIdentifier")]
struct Identifier {
    group_name: String,
    group_arn: String,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    criticality: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
}

impl Identifier {
    fn of(cx: &Cx, group: &Group) -> Self {
        Self {
            group_name: group.name.clone(),
            group_arn: arn(cx, &group.name),
            description: group.description.clone(),
            criticality: group.facts.criticality,
            owner: group.facts.owner.clone(),
            display_name: group.facts.display_name.clone(),
        }
    }
}

const FILTERS: &[&str] = &["resource-type", "configuration-type", "owner", "display-name", "criticality"];

async fn list_groups(cx: Cx, request: ListRequest) -> ApiResult<ListResult> {
    let wish = request.max_results.map(|text| text.parse::<i64>()).transpose();
    let size = size(wish.map_err(|_| bad("`maxResults` is a number from 1 to 50"))?)?;
    let after: Option<String> = token(request.next_token.as_deref())?;
    for filter in &request.filters {
        if !FILTERS.contains(&filter.name.as_str()) || !(1..=5).contains(&filter.values.len()) {
            return Err(bad(format!(
                "a filter has one of the names {} and 1 to 5 values",
                FILTERS.join(", ")
            )));
        }
    }
    let visible = cx.visible(KIND, "node_group.name");
    let asked = cx.clone();
    cx.read(move |tx| {
        let facts = request.filters.iter().filter_map(fact);
        let wanted = Condition::all(std::iter::once(visible).chain(facts));
        let (mut kept, mut after) = (Vec::new(), after);
        // Whom a group is about is known only from its query: pages are read until one is full.
        loop {
            let read = group_rows::list(tx, &wanted, after.as_deref(), size + 1)?;
            let Some(last) = read.last().map(|group| group.name.clone()) else {
                break;
            };
            let is_last = read.len() <= size;
            for group in read {
                if is_about(&group, &request.filters)? {
                    kept.push(group);
                }
            }
            if is_last || kept.len() > size {
                break;
            }
            after = Some(last);
        }
        let (groups, next_token) = page::cut(kept, size, |group| group.name.clone());
        Ok(ListResult {
            group_identifiers: groups.iter().map(|group| Identifier::of(&asked, group)).collect(),
            groups: groups.into_iter().map(|group| GroupView::of(&asked, group)).collect(),
            next_token,
        })
    })
    .await
}

/// A filter over what stands in the group's row.
fn fact(filter: &GroupFilter) -> Option<Condition> {
    let texts = || filter.values.iter().map(Into::into).collect();
    Some(match filter.name.as_str() {
        "owner" => Condition::OneOf("node_group.owner", texts()),
        "display-name" => Condition::OneOf("node_group.display_name", texts()),
        "criticality" => {
            let numbers = filter.values.iter().filter_map(|value| value.parse::<i64>().ok());
            Condition::OneOf("node_group.criticality", numbers.map(Into::into).collect())
        }
        _ => return None,
    })
}

/// A filter over what the group is made of.
fn is_about(group: &Group, filters: &[GroupFilter]) -> ApiResult<bool> {
    let members = group.members()?;
    let holds = |filter: &GroupFilter| match (filter.name.as_str(), &members) {
        ("resource-type", members) => match query_of(members) {
            Some(query) => filter.values.iter().any(|kind| query.resource_type_filters.contains(kind)),
            None => filter.values.iter().any(|kind| kind == NODE_TYPE),
        },
        ("configuration-type", Members::Listed) => filter.values.iter().any(|kind| kind == GENERIC),
        ("configuration-type", _) => false,
        _ => true,
    };
    Ok(filters.iter().all(holds))
}
