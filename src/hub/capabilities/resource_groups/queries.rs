//! What a group's query finds: `GetGroupQuery`, `UpdateGroupQuery`, `ListGroupResources`, `SearchResources`.

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::ApiResult;
use crate::hub::api::{Cx, Declare, Service, Target, page};
use crate::hub::capabilities::access::group_rows::{self, Group};
use crate::hub::capabilities::resource_groups::named::{bad, name, require, size, target, token};
use crate::hub::capabilities::tags::names;
use crate::hub::labels::Kind;
use crate::hub::labels::groups::{self, Members};
use crate::hub::store::{Compare, Condition, Select, Tx};
use crate::model::tag_query::TagQuery;

/// What upstream calls a node.
pub const NODE_TYPE: &str = "AWS::SSM::ManagedInstance";
const TAG_FILTERS: &str = "TAG_FILTERS_1_0";
const STACK: &str = "CLOUDFORMATION_STACK_1_0";
const SERVICE: Service = Service::ResourceGroups;

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        SERVICE,
        "GetGroupQuery",
        |r: &QueryRequest| target(r.group.as_ref(), r.group_name.as_ref()),
        get_group_query,
    )
    .rest(Method::POST, "/get-group-query")
    .write(
        SERVICE,
        "UpdateGroupQuery",
        |r: &UpdateRequest| target(r.group.as_ref(), r.group_name.as_ref()),
        update_group_query,
    )
    .rest(Method::POST, "/update-group-query")
    .read(
        SERVICE,
        "ListGroupResources",
        |r: &ListRequest| target(r.group.as_ref(), r.group_name.as_ref()),
        list_group_resources,
    )
    .rest(Method::POST, "/list-group-resources")
    .read(
        SERVICE,
        "SearchResources",
        |_: &SearchRequest| Target::Rows(names::KIND),
        search_resources,
    )
    .rest(Method::POST, "/resources/search");
}

#[derive(Clone, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceQuery {
    #[serde(rename = "Type")]
    kind: String,
    /// As its maker wrote it; it is stored so and given back so.
    pub query: String,
}

impl ResourceQuery {
    /// `None` for a group that no query says: a listed one, or one by a rule that upstream's words cannot say.
    fn of(group: &Group) -> ApiResult<Option<Self>> {
        let text = match &group.query {
            Some(text) => Some(text.clone()),
            None => query_of(&group.members()?).map(|query| query.to_string()),
        };
        let kind = TAG_FILTERS.to_owned();
        Ok(text.map(|query| Self { kind, query }))
    }

    /// *Errors*: `BadRequestException`.
    pub fn parse(&self) -> ApiResult<TagQuery> {
        match self.kind.as_str() {
            TAG_FILTERS => TagQuery::parse(&self.query).map_err(|error| bad(error.to_string())),
            STACK => Err(bad("this hub has no CloudFormation stacks: make a query of type `TAG_FILTERS_1_0`")),
            _ => Err(bad(format!("the `Type` of a query is `{TAG_FILTERS}`"))),
        }
    }
}

/// The query that says what a group holds, where upstream's words can say it.
pub fn query_of(members: &Members) -> Option<TagQuery> {
    match members {
        Members::Query(query) => Some(query.clone()),
        Members::Rule(filter) => TagQuery::of_filter(filter, NODE_TYPE),
        Members::Listed => None,
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GetGroupQueryRequest")]
struct QueryRequest {
    group: Option<String>,
    group_name: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GroupQueryResult")]
struct QueryResult {
    group_query: GroupQuery,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct GroupQuery {
    group_name: String,
    resource_query: ResourceQuery,
}

async fn get_group_query(cx: Cx, request: QueryRequest) -> ApiResult<QueryResult> {
    let name = name(request.group, request.group_name)?;
    cx.read(move |tx| {
        let group = require(tx, &name)?;
        let resource_query = ResourceQuery::of(&group)?.ok_or_else(|| match &group.rule {
            None => bad(format!("group `{name}` lists its nodes and has no query")),
            Some(rule) => bad(format!("group `{name}` is by the rule `{rule}`, which no query can say")),
        })?;
        Ok(QueryResult {
            group_query: GroupQuery {
                group_name: name,
                resource_query,
            },
        })
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "UpdateGroupQueryRequest")]
struct UpdateRequest {
    group: Option<String>,
    group_name: Option<String>,
    resource_query: ResourceQuery,
}

/// A group by rule becomes one by query; one that lists its nodes stays as it is, as upstream's does.
async fn update_group_query(cx: Cx, request: UpdateRequest) -> ApiResult<QueryResult> {
    cx.require_whole()?;
    let name = name(request.group, request.group_name)?;
    request.resource_query.parse()?;
    let asked = cx.clone();
    cx.write(move |tx| {
        let mut group = require(tx, &name)?;
        if group.rule.is_none() && group.query.is_none() {
            return Err(bad(format!("group `{name}` lists its nodes and has no query")));
        }
        (group.rule, group.query) = (None, Some(request.resource_query.query.clone()));
        group_rows::update(tx, &group)?;
        asked.rights_changed(tx)?;
        Ok(QueryResult {
            group_query: GroupQuery {
                group_name: name,
                resource_query: request.resource_query,
            },
        })
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ResourceFilter")]
struct ResourceFilter {
    name: String,
    values: Vec<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListGroupResourcesRequest")]
struct ListRequest {
    group: Option<String>,
    group_name: Option<String>,
    #[serde(default)]
    filters: Vec<ResourceFilter>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListGroupResourcesResult")]
struct ListResult {
    resources: Vec<Item>,
    resource_identifiers: Vec<Identifier>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
    query_errors: Vec<QueryError>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GroupResource")]
struct Item {
    identifier: Identifier,
}

#[derive(Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ResourceIdentifier")]
struct Identifier {
    resource_arn: String,
    resource_type: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct QueryError {
    error_code: &'static str,
    message: String,
}

/// *Errors*: `BadRequestException`.
fn check_filters(filters: &[ResourceFilter]) -> ApiResult<()> {
    let is_fine = |filter: &ResourceFilter| filter.name == "resource-type" && (1..=5).contains(&filter.values.len());
    match filters.iter().all(is_fine) {
        true => Ok(()),
        false => Err(bad("the one filter is `resource-type`, with 1 to 5 values")),
    }
}

/// Of its resources, those that the caller may see.
async fn list_group_resources(cx: Cx, request: ListRequest) -> ApiResult<ListResult> {
    let name = name(request.group, request.group_name)?;
    check_filters(&request.filters)?;
    let (size, after) = (size(request.max_results)?, token(request.next_token.as_deref())?);
    let asked = cx.clone();
    cx.read(move |tx| {
        let group = require(tx, &name)?;
        let members = group.members()?;
        let wanted = |kind: &str| request.filters.iter().all(|filter| filter.values.iter().any(|value| value == kind));
        let within = |kind: Kind, id: &'static str| match (&members, kind) {
            (Members::Query(query), kind) => groups::query(query, kind, id),
            (members, Kind::Node) => groups::condition(&name, members, id),
            _ => Condition::Never,
        };
        let (found, next_token) = found(tx, &asked, &wanted, &within, Page { size, after })?;
        let resources = found.iter().cloned().map(|identifier| Item { identifier });
        Ok(ListResult {
            resources: resources.collect(),
            resource_identifiers: found,
            next_token,
            query_errors: query_of(&members).map_or_else(Vec::new, |query| unsupported(&query)),
        })
    })
    .await
}

/// Types that this hub has no resources of.
fn unsupported(query: &TagQuery) -> Vec<QueryError> {
    let known: Vec<&str> = names::taggable().filter_map(Kind::cloud_type).collect();
    let unknown = query.named_types().filter(|name| !known.contains(&name.as_str()));
    let error = |name: &String| QueryError {
        error_code: "RESOURCE_TYPE_NOT_SUPPORTED",
        message: format!("this hub has no resources of the type `{name}`"),
    };
    unknown.map(error).collect()
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "SearchByQueryRequest")]
struct SearchRequest {
    resource_query: ResourceQuery,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "SearchByQueryResult")]
struct SearchResult {
    resource_identifiers: Vec<Identifier>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
    query_errors: Vec<QueryError>,
}

async fn search_resources(cx: Cx, request: SearchRequest) -> ApiResult<SearchResult> {
    let query = request.resource_query.parse()?;
    let (size, after) = (size(request.max_results)?, token(request.next_token.as_deref())?);
    let asked = cx.clone();
    cx.read(move |tx| {
        let within = |kind: Kind, id: &'static str| groups::query(&query, kind, id);
        let (found, next_token) = found(tx, &asked, &|_| true, &within, Page { size, after })?;
        Ok(SearchResult {
            resource_identifiers: found,
            next_token,
            query_errors: unsupported(&query),
        })
    })
    .await
}

/// Which part of a list is wanted: after this kind and id.
struct Page {
    size: usize,
    after: Option<(String, String)>,
}

/// By kind, then by id; `within` says which of a kind belong to it.
fn found(
    tx: &Tx<'_>,
    cx: &Cx,
    wanted: &dyn Fn(&str) -> bool,
    within: &dyn Fn(Kind, &'static str) -> Condition,
    page: Page,
) -> ApiResult<(Vec<Identifier>, Option<String>)> {
    let mut all: Vec<(Kind, String)> = Vec::new();
    for kind in names::taggable() {
        let (Some(rows), Some(word)) = (kind.rows(), kind.cloud_type()) else {
            continue;
        };
        if all.len() > page.size || !wanted(word) {
            continue;
        }
        let mut select = Select::new(rows.select)
            .and_condition(&rows.is_live)
            .and_condition(&within(kind, rows.id))
            .and_condition(&cx.visible(kind.right(), rows.id));
        match &page.after {
            Some((last, id)) if *last == kind.as_str() => select = select.and_compare(rows.id, Compare::Greater, [id.into()]),
            Some((last, _)) if kind.as_str() < last.as_str() => continue,
            _ => {}
        }
        let select = select.order(rows.by).limit(page.size + 1 - all.len());
        all.extend(select.rows(tx, |row| Ok((kind, row.get("id")?)))?);
    }
    let (all, next) = page::cut(all, page.size, |(kind, id)| (kind.as_str(), id.clone()));
    let identifier = |(kind, id): (Kind, String)| Identifier {
        resource_arn: names::arn(cx, kind, &id),
        resource_type: kind.cloud_type().unwrap_or_default().to_owned(),
    };
    Ok((all.into_iter().map(identifier).collect(), next))
}
