//! Groups of nodes: a list, or a rule that is looked at anew each time. Policies, scopes and targets use them by name.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::id::NodeId;
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target, constraint, page};
use crate::hub::capabilities::access::group_rows::{self, Facts, Group, require};
use crate::hub::capabilities::access::roles;
use crate::hub::labels::groups::{self, NODE_FILTER_KEYS, node_column};
use crate::hub::store::{Select, Tx, Value};
use crate::model::filter::Filter;

pub const KIND: &str = "group";
/// Nodes of one listed group.
pub const MAX_LISTED: usize = 10_000;

pub fn operations(api: &mut Declare<'_>) {
    api.write(
        Service::Roadstead,
        "CreateGroup",
        |r: &CreateRequest| one(&r.group_name),
        create_group,
    )
    .read(
        Service::Roadstead,
        "DescribeGroup",
        |r: &NameRequest| one(&r.group_name),
        describe_group,
    )
    .read(Service::Roadstead, "ListGroups", |_: &ListRequest| Target::Rows(KIND), list_groups)
    .write(
        Service::Roadstead,
        "UpdateGroup",
        |r: &UpdateRequest| one(&r.group_name),
        update_group,
    )
    .write(
        Service::Roadstead,
        "DeleteGroup",
        |r: &NameRequest| one(&r.group_name),
        delete_group,
    );
}

fn one(name: &str) -> Target {
    Target::Resource(KIND, name.to_owned())
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct GroupView {
    group_name: String,
    description: String,
    /// The filter that its nodes match; absent for a listed group.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    /// Upstream's query for its resources; absent for a listed group and one by rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    /// Of its nodes, those that the caller may see.
    node_count: i64,
    created_at: Timestamp,
}

impl GroupView {
    fn of(tx: &Tx<'_>, cx: &Cx, group: Group) -> ApiResult<Self> {
        Ok(Self {
            node_count: count(tx, cx, &group)?,
            group_name: group.name,
            description: group.description,
            rule: group.rule,
            query: group.query,
            created_at: group.created_at,
        })
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "CreateGroupRequest")]
struct CreateRequest {
    group_name: String,
    #[serde(default)]
    description: String,
    /// The nodes of a listed group; either these or a `Rule`.
    #[serde(default)]
    node_ids: Vec<NodeId>,
    /// A filter such as `tag:env=prod platform:debian`.
    rule: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct GroupResult {
    group: GroupView,
    /// The nodes of a listed group that the caller may see.
    node_ids: Vec<NodeId>,
}

async fn create_group(cx: Cx, request: CreateRequest) -> ApiResult<GroupResult> {
    cx.require_whole()?;
    roles::check_name(&request.group_name, KIND)?;
    constraint::at_most(&request.description, "description", 256)?;
    if request.rule.is_some() && !request.node_ids.is_empty() {
        return Err(ApiError::validation("give either `NodeIds` or a `Rule`"));
    }
    let rule = request.rule.as_deref().map(check_rule).transpose()?;
    let (now, asked) = (cx.now(), cx.clone());
    cx.write(move |tx| {
        let name = &request.group_name;
        let group = Group {
            name: name.clone(),
            description: request.description,
            rule,
            query: None,
            facts: Facts::default(),
            created_at: now,
        };
        group_rows::insert(tx, &group)?;
        set_nodes(tx, name, &request.node_ids)?;
        asked.rights_changed(tx)?;
        result(tx, &asked, name)
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GroupNameRequest")]
struct NameRequest {
    group_name: String,
}

async fn describe_group(cx: Cx, request: NameRequest) -> ApiResult<GroupResult> {
    let asked = cx.clone();
    cx.read(move |tx| result(tx, &asked, &request.group_name)).await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListGroupsRequest")]
struct ListRequest {
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListGroupsResult")]
struct ListResult {
    groups: Vec<GroupView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

async fn list_groups(cx: Cx, request: ListRequest) -> ApiResult<ListResult> {
    let size = page::size(request.max_results, 1, 100, 50)?;
    let after: Option<String> = page::parse(request.next_token.as_deref())?;
    let visible = cx.visible(KIND, "node_group.name");
    let asked = cx.clone();
    cx.read(move |tx| {
        let found = group_rows::list(tx, &visible, after.as_deref(), size + 1)?;
        let (found, next_token) = page::cut(found, size, |group| group.name.clone());
        let groups = found.into_iter().map(|group| GroupView::of(tx, &asked, group));
        Ok(ListResult {
            groups: groups.collect::<ApiResult<_>>()?,
            next_token,
        })
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "UpdateGroupRequest")]
struct UpdateRequest {
    group_name: String,
    description: Option<String>,
    /// Replaces the nodes; a group by rule becomes a listed one.
    node_ids: Option<Vec<NodeId>>,
    /// Replaces the rule; a listed group becomes one by rule.
    rule: Option<String>,
}

async fn update_group(cx: Cx, request: UpdateRequest) -> ApiResult<GroupResult> {
    cx.require_whole()?;
    if let Some(description) = &request.description {
        constraint::at_most(description, "description", 256)?;
    }
    if request.rule.is_some() && request.node_ids.is_some() {
        return Err(ApiError::validation("give either `NodeIds` or a `Rule`"));
    }
    let rule = request.rule.as_deref().map(check_rule).transpose()?;
    let asked = cx.clone();
    cx.write(move |tx| {
        let name = &request.group_name;
        let mut group = require(tx, name)?;
        if let Some(description) = request.description {
            group.description = description;
        }
        if rule.is_some() {
            (group.rule, group.query) = (rule, None);
            set_nodes(tx, name, &[])?;
        }
        if let Some(nodes) = &request.node_ids {
            (group.rule, group.query) = (None, None);
            set_nodes(tx, name, nodes)?;
        }
        group_rows::update(tx, &group)?;
        asked.rights_changed(tx)?;
        result(tx, &asked, name)
    })
    .await
}

#[derive(Serialize, JsonSchema)]
struct Empty {}

async fn delete_group(cx: Cx, request: NameRequest) -> ApiResult<Empty> {
    cx.require_whole()?;
    let asked = cx.clone();
    cx.write(move |tx| {
        require(tx, &request.group_name)?;
        group_rows::remove(tx, &request.group_name)?;
        asked.rights_changed(tx)?;
        Ok(Empty {})
    })
    .await
}

/// The rule in its own printed form.
///
/// *Errors*: `ValidationException`.
fn check_rule(text: &str) -> ApiResult<String> {
    let filter: Filter = text.parse().map_err(|e| ApiError::validation(format!("the rule: {e}")))?;
    if filter.is_empty() {
        return Err(ApiError::validation(
            "the rule is empty and would mean every node: leave the group out instead",
        ));
    }
    match filter.terms.iter().find(|term| node_column(&term.key).is_none()) {
        Some(unknown) => Err(ApiError::validation(format!(
            "the rule: `{}` is not a filter key of nodes: use {NODE_FILTER_KEYS}",
            unknown.key
        ))),
        None => Ok(filter.to_string()),
    }
}

/// For policies and scopes: a denial that names a group that there is not would deny nothing.
///
/// *Errors*: `ValidationException`.
pub fn check_named(tx: &Tx<'_>, names: &[String]) -> ApiResult<()> {
    for name in names {
        if group_rows::find(tx, name)?.is_none() {
            let shown: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
            return Err(ApiError::validation(format!("there is no group `{shown}`: make it first")));
        }
    }
    Ok(())
}

fn set_nodes(tx: &Tx<'_>, group: &str, nodes: &[NodeId]) -> ApiResult<()> {
    constraint::count_at_most(nodes, "nodeIds", MAX_LISTED)?;
    let nodes: BTreeSet<&NodeId> = nodes.iter().collect();
    group_rows::clear(tx, group)?;
    for node in nodes {
        if !group_rows::add(tx, group, node)? {
            return Err(ApiError::new(
                "InvalidInstanceId",
                format!("`{node}` is not a managed node of this hub"),
            ));
        }
    }
    Ok(())
}

fn result(tx: &Tx<'_>, cx: &Cx, name: &str) -> ApiResult<GroupResult> {
    let group = GroupView::of(tx, cx, require(tx, name)?)?;
    let listed = Select::new("SELECT node_group_member.node_id FROM node_group_member JOIN node ON node.id = node_group_member.node_id")
        .and("node_group_member.group_name = ?", [Value::from(name)])
        .and("node.removed_at IS NULL", [])
        .and_condition(&cx.visible_for("roadstead:SearchNodes", "node", "node.id"))
        .order("node_group_member.node_id");
    Ok(GroupResult {
        node_ids: listed.rows(tx, |row| row.get("node_id"))?,
        group,
    })
}

/// Its nodes that are there and that the caller may see.
fn count(tx: &Tx<'_>, cx: &Cx, group: &Group) -> ApiResult<i64> {
    let select = Select::new("SELECT count(*) FROM node")
        .and("node.removed_at IS NULL", [])
        .and_condition(&groups::condition(&group.name, &group.members()?, "node.id"))
        .and_condition(&cx.visible_for("roadstead:SearchNodes", "node", "node.id"));
    Ok(select.count(tx)?)
}
