//! The nodes of a listed group: `GroupResources`, `UngroupResources`, `ListGroupingStatuses`.

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::id::NodeId;
use crate::base::{ApiError, ApiResult};
use crate::hub::api::{Cx, Declare, Service, page};
use crate::hub::capabilities::access::{group_rows, groups};
use crate::hub::capabilities::resource_groups::named::{bad, name, require, size, target, token};
use crate::hub::capabilities::tags::names;
use crate::hub::labels::Kind;
use crate::hub::labels::groups::{Members, condition};
use crate::hub::store::{Compare, Select, Tx};

/// Resources of one call.
const MAX_ARNS: usize = 10;
const SERVICE: Service = Service::ResourceGroups;
const STATUSES: &[&str] = &["SUCCESS", "FAILED", "IN_PROGRESS", "SKIPPED"];

pub fn operations(api: &mut Declare<'_>) {
    let of = |r: &ChangeRequest| target(Some(&r.group), None);
    api.write(SERVICE, "GroupResources", of, group_resources)
        .rest(Method::POST, "/group-resources")
        .write(SERVICE, "UngroupResources", of, ungroup_resources)
        .rest(Method::POST, "/ungroup-resources")
        .read(
            SERVICE,
            "ListGroupingStatuses",
            |r: &StatusesRequest| target(Some(&r.group), None),
            list_grouping_statuses,
        )
        .rest(Method::POST, "/list-grouping-statuses");
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GroupResourcesRequest")]
struct ChangeRequest {
    group: String,
    resource_arns: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GroupResourcesResult")]
struct ChangeResult {
    succeeded: Vec<String>,
    failed: Vec<FailedResource>,
    /// Everything is done at once; nothing waits.
    pending: Vec<Pending>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct FailedResource {
    resource_arn: String,
    error_message: String,
    error_code: &'static str,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "PendingResource")]
struct Pending {
    resource_arn: String,
}

async fn group_resources(cx: Cx, request: ChangeRequest) -> ApiResult<ChangeResult> {
    change(cx, request, |tx, group, node| match group_rows::add(tx, group, node)? {
        true => Ok(()),
        false if group_rows::lists(tx, group, node)? => Ok(()),
        false => Err(ApiError::new("NotFoundException", format!("there is no node `{node}`"))),
    })
    .await
}

async fn ungroup_resources(cx: Cx, request: ChangeRequest) -> ApiResult<ChangeResult> {
    change(cx, request, |tx, group, node| match group_rows::take_away(tx, group, node)? {
        true => Ok(()),
        false => Err(ApiError::new("NotFoundException", format!("node `{node}` is not in the group"))),
    })
    .await
}

async fn change(cx: Cx, request: ChangeRequest, work: fn(&Tx<'_>, &str, &NodeId) -> ApiResult<()>) -> ApiResult<ChangeResult> {
    cx.require_whole()?;
    let (group, arns) = (name(Some(request.group), None)?, request.resource_arns);
    if !(1..=MAX_ARNS).contains(&arns.len()) {
        return Err(bad(format!("`ResourceArns` has 1 to {MAX_ARNS} entries")));
    }
    let asked = cx.clone();
    cx.write(move |tx| {
        require_listed(tx, &group)?;
        let (mut succeeded, mut failed) = (Vec::new(), Vec::new());
        for arn in arns {
            match node_of(&asked, &arn).and_then(|node| work(tx, &group, &node)) {
                Ok(()) => succeeded.push(arn),
                Err(error) if error.source.is_some() => return Err(error),
                Err(error) => failed.push(FailedResource {
                    resource_arn: arn,
                    error_code: error.code,
                    error_message: error.message,
                }),
            }
        }
        if group_rows::count_listed(tx, &group)? > groups::MAX_LISTED as i64 {
            return Err(bad(format!("a group lists at most {} nodes", groups::MAX_LISTED)));
        }
        asked.rights_changed(tx)?;
        Ok(ChangeResult {
            succeeded,
            failed,
            pending: Vec::new(),
        })
    })
    .await
}

/// *Errors*: `NotFoundException`; `BadRequestException` for a group that knows its nodes by a query or rule.
fn require_listed(tx: &Tx<'_>, name: &str) -> ApiResult<()> {
    match require(tx, name)?.members()? {
        Members::Listed => Ok(()),
        Members::Rule(_) | Members::Query(_) => Err(bad(format!("group `{name}` knows its resources by a query: change that"))),
    }
}

/// *Errors*: `BadRequestException`: only nodes can be listed.
fn node_of(cx: &Cx, arn: &str) -> ApiResult<NodeId> {
    let found = names::located(cx, arn).ok().flatten();
    let node = found.filter(|(kind, _)| *kind == Kind::Node).and_then(|(_, id)| id.parse().ok());
    node.ok_or_else(|| bad("a listed group holds nodes: `arn:aws:ssm:REGION:ACCOUNT:managed-instance/ID`"))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GroupingStatusFilter")]
struct StatusFilter {
    name: String,
    values: Vec<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListGroupingStatusesRequest")]
struct StatusesRequest {
    group: String,
    #[serde(default)]
    filters: Vec<StatusFilter>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListGroupingStatusesResult")]
struct StatusesResult {
    group: String,
    grouping_statuses: Vec<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GroupingStatus")]
struct Status {
    resource_arn: String,
    action: &'static str,
    status: &'static str,
}

/// Grouping is done when it is answered, so that whatever is listed has succeeded.
async fn list_grouping_statuses(cx: Cx, request: StatusesRequest) -> ApiResult<StatusesResult> {
    let group = name(Some(request.group), None)?;
    let is_fine = |filter: &StatusFilter| {
        let is_known = match filter.name.as_str() {
            "status" => filter.values.iter().all(|value| STATUSES.contains(&value.as_str())),
            name => name == "resource-arn",
        };
        is_known && (1..=10).contains(&filter.values.len())
    };
    if !request.filters.iter().all(is_fine) {
        return Err(bad("a filter is `status` or `resource-arn`, with 1 to 10 values"));
    }
    let (size, after): (usize, Option<String>) = (size(request.max_results)?, token(request.next_token.as_deref())?);
    let asked = cx.clone();
    cx.read(move |tx| {
        // Its model has no word for a group that is not there.
        require_listed(tx, &group).map_err(|error| bad(error.message))?;
        let mut select = Select::new("SELECT node.id FROM node")
            .and("node.removed_at IS NULL", [])
            .and_condition(&condition(&group, &Members::Listed, "node.id"))
            .and_condition(&asked.visible("node", "node.id"));
        for filter in &request.filters {
            select = match filter.name.as_str() {
                "status" if filter.values.iter().any(|value| value == "SUCCESS") => select,
                "status" => select.and("0", []),
                _ => {
                    let nodes = filter.values.iter().filter_map(|arn| node_of(&asked, arn).ok());
                    select.and_in("node.id", nodes.map(|node| (&node).into()))
                }
            };
        }
        if let Some(after) = after {
            select = select.and_compare("node.id", Compare::Greater, [after.into()]);
        }
        let nodes: Vec<String> = select.order("node.id").limit(size + 1).rows(tx, |row| row.get("id"))?;
        let (nodes, next_token) = page::cut(nodes, size, Clone::clone);
        let status = |node: String| Status {
            resource_arn: names::arn(&asked, Kind::Node, &node),
            action: "GROUP",
            status: "SUCCESS",
        };
        Ok(StatusesResult {
            grouping_statuses: nodes.into_iter().map(status).collect(),
            group,
            next_token,
        })
    })
    .await
}
