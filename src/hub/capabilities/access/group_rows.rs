//! The table of groups: reading and changing it, for our own operations and for upstream's.

use crate::base::id::NodeId;
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::labels::groups::Members;
use crate::hub::labels::{self, Kind};
use crate::hub::store::{Condition, Row, Select, StoreError, Tx, Value};
use crate::model::access::{Policy, Scope};

/// Groups of a hub.
const MAX_GROUPS: i64 = 1_000;

/// A group, without its listed nodes.
#[derive(Clone, Debug)]
pub struct Group {
    pub name: String,
    pub description: String,
    /// The filter of a group by rule, as text.
    pub rule: Option<String>,
    /// Upstream's query of a group by query, as text.
    pub query: Option<String>,
    pub facts: Facts,
    pub created_at: Timestamp,
}

/// What upstream's groups say of themselves besides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    pub criticality: Option<i64>,
    pub owner: Option<String>,
    pub display_name: Option<String>,
}

impl Group {
    /// *Errors*: a stored rule that does not parse.
    pub fn members(&self) -> Result<Members, StoreError> {
        Members::read(&self.name, self.rule.as_deref(), self.query.as_deref())
    }

    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            name: row.get("name")?,
            description: row.get("description")?,
            rule: row.get("rule")?,
            query: row.get("query")?,
            facts: Facts {
                criticality: row.get("criticality")?,
                owner: row.get("owner")?,
                display_name: row.get("display_name")?,
            },
            created_at: row.get("created_at")?,
        })
    }
}

/// Groups that meet a condition, by name, after one of them.
pub fn list(tx: &Tx<'_>, wanted: &Condition, after: Option<&str>, limit: usize) -> Result<Vec<Group>, StoreError> {
    let mut select = Select::new(sql::SELECT).and_condition(wanted);
    if let Some(after) = after {
        select = select.and("node_group.name > ?", [after.into()]);
    }
    select.order("node_group.name").limit(limit).rows(tx, Group::from_row)
}

pub fn find(tx: &Tx<'_>, name: &str) -> Result<Option<Group>, StoreError> {
    let select = Select::new(sql::SELECT).and("node_group.name = ?", [Value::from(name)]);
    Ok(select.rows(tx, Group::from_row)?.pop())
}

/// *Errors*: `ResourceNotFoundException`.
pub fn require(tx: &Tx<'_>, name: &str) -> ApiResult<Group> {
    find(tx, name)?.ok_or_else(|| {
        let shown: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
        ApiError::new("ResourceNotFoundException", format!("there is no group `{shown}`"))
    })
}

/// *Errors*: `LimitExceededException`, `AlreadyExistsException`.
pub fn insert(tx: &Tx<'_>, group: &Group) -> ApiResult<()> {
    if tx.count("SELECT count(*) FROM node_group", &[])? >= MAX_GROUPS {
        return Err(ApiError::new(
            "LimitExceededException",
            format!("a hub has at most {MAX_GROUPS} groups"),
        ));
    }
    match sql::insert(tx, group)? {
        0 => Err(ApiError::new(
            "AlreadyExistsException",
            format!("there is a group `{}` already", group.name),
        )),
        _ => Ok(()),
    }
}

/// Writes all but its nodes.
pub fn update(tx: &Tx<'_>, group: &Group) -> Result<(), StoreError> {
    sql::update(tx, group)
}

/// Without its group a policy or a scope that names it would mean something else: a denial would deny nothing.
///
/// *Errors*: `ResourceInUseException`.
pub fn remove(tx: &Tx<'_>, name: &str) -> ApiResult<()> {
    if let Some(user) = sql::used_by(tx, name)? {
        return Err(ApiError::new(
            "ResourceInUseException",
            format!("group `{name}` is named by {user}: change that first"),
        ));
    }
    labels::remove_all(tx, Kind::Group, name)?;
    tx.execute("DELETE FROM node_group WHERE name = :name", &[(":name", name.into())])?;
    Ok(())
}

pub fn clear(tx: &Tx<'_>, group: &str) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM node_group_member WHERE group_name = :group",
        &[(":group", group.into())],
    )
    .map(|_| ())
}

/// False when there is no such node, or it is listed already.
pub fn add(tx: &Tx<'_>, group: &str, node: &NodeId) -> Result<bool, StoreError> {
    let added = tx.execute(
        "INSERT INTO node_group_member (group_name, node_id) SELECT :group, id FROM node WHERE id = :node AND removed_at IS NULL
         ON CONFLICT DO NOTHING",
        &[(":group", group.into()), (":node", node.into())],
    );
    Ok(added? > 0)
}

/// False when it was not listed.
pub fn take_away(tx: &Tx<'_>, group: &str, node: &NodeId) -> Result<bool, StoreError> {
    let sql = "DELETE FROM node_group_member WHERE group_name = :group AND node_id = :node";
    Ok(tx.execute(sql, &[(":group", group.into()), (":node", node.into())])? > 0)
}

pub fn lists(tx: &Tx<'_>, group: &str, node: &NodeId) -> Result<bool, StoreError> {
    let sql = "SELECT count(*) FROM node_group_member WHERE group_name = :group AND node_id = :node";
    Ok(tx.count(sql, &[(":group", group.into()), (":node", node.into())])? > 0)
}

pub fn count_listed(tx: &Tx<'_>, group: &str) -> Result<i64, StoreError> {
    let sql = "SELECT count(*) FROM node_group_member WHERE group_name = :group";
    tx.count(sql, &[(":group", group.into())])
}

mod sql {
    use super::*;

    pub const SELECT: &str = "SELECT node_group.name, node_group.description, node_group.rule, node_group.query, node_group.criticality,
        node_group.owner, node_group.display_name, node_group.created_at FROM node_group";

    fn params(group: &Group) -> [(&str, Value); 8] {
        [
            (":name", (&group.name).into()),
            (":description", (&group.description).into()),
            (":rule", group.rule.as_deref().into()),
            (":query", group.query.as_deref().into()),
            (":criticality", group.facts.criticality.into()),
            (":owner", group.facts.owner.as_deref().into()),
            (":display_name", group.facts.display_name.as_deref().into()),
            (":now", group.created_at.into()),
        ]
    }

    pub fn insert(tx: &Tx<'_>, group: &Group) -> Result<usize, StoreError> {
        tx.execute(
            "INSERT INTO node_group (name, description, rule, query, criticality, owner, display_name, created_at)
             VALUES (:name, :description, :rule, :query, :criticality, :owner, :display_name, :now) ON CONFLICT (name) DO NOTHING",
            &params(group),
        )
    }

    pub fn update(tx: &Tx<'_>, group: &Group) -> Result<(), StoreError> {
        tx.execute(
            "UPDATE node_group SET description = :description, rule = :rule, query = :query, criticality = :criticality, owner = :owner,
             display_name = :display_name, created_at = :now WHERE name = :name",
            &params(group),
        )
        .map(|_| ())
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
