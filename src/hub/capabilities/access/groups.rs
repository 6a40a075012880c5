//! Groups of nodes: a list, or a rule that is looked at anew each time. Policies, scopes and targets use them by name.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::id::NodeId;
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target, constraint, page};
use crate::hub::capabilities::access::{guard, roles};
use crate::hub::labels::groups::{self, Members, NODE_FILTER_KEYS, node_column};
use crate::hub::store::{Row, Select, StoreError, Tx, Value};
use crate::model::access::{Policy, Scope};
use crate::model::filter::Filter;

pub const KIND: &str = "group";
/// Nodes of one listed group.
const MAX_LISTED: usize = 10_000;
/// Groups of a hub.
const MAX_GROUPS: i64 = 1_000;

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
    /// Of its nodes, those that the caller may see.
    node_count: i64,
    created_at: Timestamp,
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
    guard::is_whole(&cx)?;
    roles::check_name(&request.group_name, KIND)?;
    constraint::at_most(&request.description, "description", 256)?;
    if request.rule.is_some() && !request.node_ids.is_empty() {
        return Err(ApiError::validation("give either `NodeIds` or a `Rule`"));
    }
    let rule = request.rule.as_deref().map(check_rule).transpose()?;
    let (now, asked) = (cx.now(), cx.clone());
    cx.write(move |tx| {
        let name = &request.group_name;
        if tx.count("SELECT count(*) FROM node_group", &[])? >= MAX_GROUPS {
            return Err(ApiError::new(
                "LimitExceededException",
                format!("a hub has at most {MAX_GROUPS} groups"),
            ));
        }
        if sql::insert(tx, name, &request.description, rule.as_deref(), now)? == 0 {
            return Err(ApiError::new(
                "AlreadyExistsException",
                format!("there is a group `{name}` already"),
            ));
        }
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
    let mut select = Select::new(sql::SELECT).and_condition(&cx.visible(KIND, "node_group.name"));
    if let Some(after) = &after {
        select = select.and("node_group.name > ?", [after.into()]);
    }
    let select = select.order("node_group.name").limit(size + 1);
    let asked = cx.clone();
    cx.read(move |tx| {
        let found = select.rows(tx, sql::from_row)?;
        let (found, next_token) = page::cut(found, size, |group| group.group_name.clone());
        let groups = found.into_iter().map(|mut group| {
            group.node_count = count(tx, &asked, &group)?;
            Ok(group)
        });
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
    guard::is_whole(&cx)?;
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
        require(tx, name)?;
        if let Some(description) = &request.description {
            sql::describe(tx, name, description)?;
        }
        if let Some(rule) = &rule {
            sql::set_rule(tx, name, Some(rule))?;
            set_nodes(tx, name, &[])?;
        }
        if let Some(nodes) = &request.node_ids {
            sql::set_rule(tx, name, None)?;
            set_nodes(tx, name, nodes)?;
        }
        asked.rights_changed(tx)?;
        result(tx, &asked, name)
    })
    .await
}

#[derive(Serialize, JsonSchema)]
struct Empty {}

/// Without its group a policy or a scope that names it would mean something else: a denial would deny nothing.
async fn delete_group(cx: Cx, request: NameRequest) -> ApiResult<Empty> {
    guard::is_whole(&cx)?;
    let asked = cx.clone();
    cx.write(move |tx| {
        let name = &request.group_name;
        require(tx, name)?;
        if let Some(user) = sql::used_by(tx, name)? {
            return Err(ApiError::new(
                "ResourceInUseException",
                format!("group `{name}` is named by {user}: change that first"),
            ));
        }
        tx.execute("DELETE FROM node_group WHERE name = :name", &[(":name", name.into())])?;
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
        if !sql::exists(tx, name)? {
            let shown: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
            return Err(ApiError::validation(format!("there is no group `{shown}`: make it first")));
        }
    }
    Ok(())
}

/// *Errors*: `ResourceNotFoundException`.
fn require(tx: &Tx<'_>, name: &str) -> ApiResult<()> {
    if sql::exists(tx, name)? {
        return Ok(());
    }
    let shown: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
    Err(ApiError::new("ResourceNotFoundException", format!("there is no group `{shown}`")))
}

fn set_nodes(tx: &Tx<'_>, group: &str, nodes: &[NodeId]) -> ApiResult<()> {
    constraint::count_at_most(nodes, "nodeIds", MAX_LISTED)?;
    let nodes: BTreeSet<&NodeId> = nodes.iter().collect();
    sql::clear(tx, group)?;
    for node in nodes {
        if sql::add(tx, group, node)? == 0 {
            return Err(ApiError::new(
                "InvalidInstanceId",
                format!("`{node}` is not a managed node of this hub"),
            ));
        }
    }
    Ok(())
}

fn result(tx: &Tx<'_>, cx: &Cx, name: &str) -> ApiResult<GroupResult> {
    require(tx, name)?;
    let select = Select::new(sql::SELECT).and("node_group.name = ?", [Value::from(name)]);
    let group = select.rows(tx, sql::from_row)?.pop();
    let mut group = group.ok_or_else(|| ApiError::internal("a group that was just there"))?;
    group.node_count = count(tx, cx, &group)?;
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
fn count(tx: &Tx<'_>, cx: &Cx, group: &GroupView) -> ApiResult<i64> {
    let members = match &group.rule {
        None => Members::Listed,
        Some(rule) => Members::Rule(rule.parse().map_err(|e| ApiError::internal(format!("{e}")))?),
    };
    let select = Select::new("SELECT count(*) FROM node")
        .and("node.removed_at IS NULL", [])
        .and_condition(&groups::condition(&group.group_name, &members, "node.id"))
        .and_condition(&cx.visible_for("roadstead:SearchNodes", "node", "node.id"));
    Ok(select.count(tx)?)
}

mod sql {
    use super::*;

    pub const SELECT: &str = "SELECT node_group.name, node_group.description, node_group.rule, node_group.created_at FROM node_group";

    pub fn from_row(row: &Row<'_>) -> Result<GroupView, StoreError> {
        Ok(GroupView {
            group_name: row.get("name")?,
            description: row.get("description")?,
            rule: row.get("rule")?,
            node_count: 0,
            created_at: row.get("created_at")?,
        })
    }

    pub fn exists(tx: &Tx<'_>, name: &str) -> Result<bool, StoreError> {
        let sql = "SELECT count(*) FROM node_group WHERE name = :name";
        Ok(tx.count(sql, &[(":name", name.into())])? > 0)
    }

    pub fn insert(tx: &Tx<'_>, name: &str, description: &str, rule: Option<&str>, now: Timestamp) -> Result<usize, StoreError> {
        let params = [
            (":name", name.into()),
            (":description", description.into()),
            (":rule", rule.into()),
            (":now", now.into()),
        ];
        tx.execute(
            "INSERT INTO node_group (name, description, rule, created_at) VALUES (:name, :description, :rule, :now)
             ON CONFLICT (name) DO NOTHING",
            &params,
        )
    }

    pub fn describe(tx: &Tx<'_>, name: &str, description: &str) -> Result<(), StoreError> {
        tx.execute(
            "UPDATE node_group SET description = :description WHERE name = :name",
            &[(":name", name.into()), (":description", description.into())],
        )
        .map(|_| ())
    }

    pub fn set_rule(tx: &Tx<'_>, name: &str, rule: Option<&str>) -> Result<(), StoreError> {
        tx.execute(
            "UPDATE node_group SET rule = :rule WHERE name = :name",
            &[(":name", name.into()), (":rule", rule.into())],
        )
        .map(|_| ())
    }

    pub fn clear(tx: &Tx<'_>, group: &str) -> Result<(), StoreError> {
        tx.execute(
            "DELETE FROM node_group_member WHERE group_name = :group",
            &[(":group", group.into())],
        )
        .map(|_| ())
    }

    /// Zero when there is no such node.
    pub fn add(tx: &Tx<'_>, group: &str, node: &NodeId) -> Result<usize, StoreError> {
        tx.execute(
            "INSERT INTO node_group_member (group_name, node_id) SELECT :group, id FROM node WHERE id = :node AND removed_at IS NULL",
            &[(":group", group.into()), (":node", node.into())],
        )
    }

    /// The first policy or user that names the group.
    pub fn used_by(tx: &Tx<'_>, group: &str) -> Result<Option<String>, StoreError> {
        let policies = tx.rows("SELECT name, document FROM policy ORDER BY name", &[], |row| {
            Ok((row.get::<String>("name")?, row.json::<Policy>("document")?))
        })?;
        let names = |policy: &Policy| {
            let mut resources = policy.statements.iter().flat_map(|s| &s.resources);
            resources.any(|r| r.groups.iter().any(|g| g == group))
        };
        if let Some((policy, _)) = policies.iter().find(|(_, policy)| names(policy)) {
            return Ok(Some(format!("policy `{policy}`")));
        }
        let users = tx.rows("SELECT name, scope FROM user WHERE scope <> '{}' ORDER BY name", &[], |row| {
            Ok((row.get::<String>("name")?, row.json::<Scope>("scope")?))
        })?;
        let user = users.iter().find(|(_, scope)| scope.groups.iter().any(|g| g == group));
        Ok(user.map(|(user, _)| format!("the scope of user `{user}`")))
    }
}
