//! Which nodes may read which paths: rules of an administrator, each naming nodes by id, by a tag, or all of them.
//!
//! *Invariants*: what no rule allows, no node gets. A secret needs a rule that says so. Who makes a rule may read the path
//! themselves and is narrowed to no part of the fleet, so that nobody reads through a node what they may not read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::id::NodeId;
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::constraint::Violations;
use crate::hub::api::{Cx, Declare, Service, Target};
use crate::hub::events::Event;
use crate::hub::labels::{self, Tag};
use crate::hub::store::{Row, Select, StoreError, Tx, Value};
use crate::model::parameter::{ParameterKey, Path};

pub const KIND: &str = "parameter-access";
/// Each node's rules are looked through for each of its parameters.
const MAX_RULES: i64 = 500;

pub fn operations(api: &mut Declare<'_>) {
    api.write(
        Service::Roadstead,
        "PutNodeParameterAccess",
        |r: &PutRequest| Target::Resource(KIND, r.name.clone().unwrap_or_default()),
        put_node_parameter_access,
    )
    .read(
        Service::Roadstead,
        "ListNodeParameterAccess",
        |_: &ListRequest| Target::Rows(KIND),
        list_node_parameter_access,
    )
    .write(
        Service::Roadstead,
        "DeleteNodeParameterAccess",
        |r: &DeleteRequest| Target::Resource(KIND, r.name.clone()),
        delete_node_parameter_access,
    );
}

/// A rule: these nodes may read what lies at and below this path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct AccessRule {
    pub name: String,
    pub path: String,
    /// Whether secrets are given out in the clear; without it they are not given out.
    pub with_decryption: bool,
    pub nodes: Nodes,
}

/// The nodes of a rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Nodes {
    /// Every node, whatever else is said.
    #[serde(default)]
    pub all: bool,
    #[serde(default)]
    pub node_ids: Vec<NodeId>,
    /// Nodes that carry at least one of these tags.
    #[serde(default)]
    pub tags: Vec<Tag>,
}

impl Nodes {
    fn has(&self, node: &NodeId, tags: &[Tag]) -> bool {
        self.all || self.node_ids.contains(node) || self.tags.iter().any(|tag| tags.contains(tag))
    }
}

/// What a node may have of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    Nothing,
    Plain,
    Secrets,
}

/// The rules that concern one node.
pub struct Grants(Vec<AccessRule>);

impl Grants {
    pub fn of(tx: &Tx<'_>, node: &NodeId) -> Result<Self, StoreError> {
        Ok(Self(Self::among(tx, node, sql::all(tx)?)?))
    }

    /// Those of these rules that name the node.
    pub fn among(tx: &Tx<'_>, node: &NodeId, mut rules: Vec<AccessRule>) -> Result<Vec<AccessRule>, StoreError> {
        let tags = labels::list(tx, labels::Kind::Node, node.as_str())?;
        rules.retain(|rule| rule.nodes.has(node, &tags));
        Ok(rules)
    }

    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|rule| rule.path.as_str())
    }

    pub fn on(&self, key: &ParameterKey) -> Grant {
        let mut grant = Grant::Nothing;
        for rule in self.0.iter().filter(|rule| covers(&rule.path, key)) {
            if rule.with_decryption {
                return Grant::Secrets;
            }
            grant = Grant::Plain;
        }
        grant
    }
}

/// A path covers the parameter of its own name and everything below it.
fn covers(path: &str, key: &ParameterKey) -> bool {
    let path = path.trim_end_matches('/');
    key.as_str()
        .strip_prefix(path)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct PutRequest {
    name: Option<String>,
    path: Option<String>,
    #[serde(default)]
    with_decryption: bool,
    #[serde(default)]
    nodes: Nodes,
}

#[derive(Serialize, JsonSchema)]
struct Empty {}

async fn put_node_parameter_access(cx: Cx, request: PutRequest) -> ApiResult<Empty> {
    let mut broken = Violations::default();
    broken.required(request.name.as_ref(), "name");
    broken.length(request.name.as_ref(), "name", 1..=128);
    broken.required(request.path.as_ref(), "path");
    broken.check()?;
    let (name, path) = (request.name.unwrap_or_default(), request.path.unwrap_or_default());
    let Some((from, until)) = Path::parse(&path).map(|path| path.range()) else {
        return Err(ApiError::validation("`Path` is a path such as `/app/prod`, or `/` for everything"));
    };
    if request.nodes == Nodes::default() {
        return Err(ApiError::validation("a rule names nodes: `NodeIds`, `Tags`, or `All`"));
    }
    if request.nodes.node_ids.len() > 100 || request.nodes.tags.len() > 100 {
        return Err(ApiError::validation(
            "a rule names at most 100 nodes and 100 tags; give the nodes a tag in common",
        ));
    }
    labels::check(&request.nodes.tags)?;
    let rule = AccessRule {
        name,
        path: canonical(&path),
        with_decryption: request.with_decryption,
        nodes: request.nodes,
    };
    cx.require_whole()?;
    let (bus, by, now, inner) = (cx.services.bus.clone(), cx.caller().name.clone(), cx.now(), cx.clone());
    cx.write(move |tx| {
        let read = Target::Resource(super::KIND, rule.path.clone());
        inner.permit_for(tx, "ssm:GetParametersByPath", &read)?;
        // What a denial or a tag keeps from them below the path, no node reads for them.
        let hidden = Select::new("SELECT count(*) FROM parameter")
            .and("(parameter.key >= ? AND parameter.key < ?)", [from.into(), until.into()])
            .and_condition(&inner.visible_for("ssm:GetParametersByPath", super::KIND, "parameter.key").negated());
        if hidden.count(tx)? > 0 {
            return Err(ApiError::new(
                "AccessDeniedException",
                "below this path lie parameters that you may not read: name narrower paths",
            ));
        }
        if sql::count(tx)? >= MAX_RULES && sql::find(tx, &rule.name)?.is_none() {
            return Err(ApiError::new(
                "LimitExceededException",
                format!("there are {MAX_RULES} rules already; one rule can name many nodes by a tag"),
            ));
        }
        sql::put(tx, &rule, &by, now)?;
        bus.emit(tx, Event::NodeParametersChanged);
        Ok(Empty {})
    })
    .await
}

/// One spelling, so that rights compare it: no slash at the end, `/` alone for the root.
fn canonical(path: &str) -> String {
    match path.trim_matches(' ').trim_end_matches('/') {
        "" => "/".to_owned(),
        path => path.to_owned(),
    }
}

#[derive(Deserialize, JsonSchema)]
struct ListRequest {}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ListResult {
    rules: Vec<AccessRule>,
}

async fn list_node_parameter_access(cx: Cx, _: ListRequest) -> ApiResult<ListResult> {
    let select = Select::new(sql::SELECT)
        .and_condition(&cx.visible(KIND, "node_parameter_access.name"))
        .order("name");
    cx.read(move |tx| {
        Ok(ListResult {
            rules: select.rows(tx, sql::rule)?,
        })
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DeleteRequest {
    name: String,
}

async fn delete_node_parameter_access(cx: Cx, request: DeleteRequest) -> ApiResult<Empty> {
    cx.require_whole()?;
    let bus = cx.services.bus.clone();
    cx.write(move |tx| {
        if !sql::delete(tx, &request.name)? {
            return Err(ApiError::new(
                "ResourceNotFoundException",
                format!("there is no rule `{}`", request.name.chars().take(128).collect::<String>()),
            ));
        }
        bus.emit(tx, Event::NodeParametersChanged);
        Ok(Empty {})
    })
    .await
}

pub mod sql {
    use super::*;

    pub const SELECT: &str = "SELECT name, path, with_decryption, nodes FROM node_parameter_access";

    pub fn rule(row: &Row<'_>) -> Result<AccessRule, StoreError> {
        Ok(AccessRule {
            name: row.get("name")?,
            path: row.get("path")?,
            with_decryption: row.get("with_decryption")?,
            nodes: row.json("nodes")?,
        })
    }

    pub fn count(tx: &Tx<'_>) -> Result<i64, StoreError> {
        tx.count("SELECT count(*) FROM node_parameter_access", &[])
    }

    pub fn find(tx: &Tx<'_>, name: &str) -> Result<Option<AccessRule>, StoreError> {
        Select::new(SELECT)
            .and("name = ?", [name.into()])
            .rows(tx, rule)
            .map(|mut found| found.pop())
    }

    pub fn all(tx: &Tx<'_>) -> Result<Vec<AccessRule>, StoreError> {
        tx.rows(SELECT, &[], rule)
    }

    pub fn put(tx: &Tx<'_>, rule: &AccessRule, by: &str, at: Timestamp) -> Result<(), StoreError> {
        let params = [
            (":name", (&rule.name).into()),
            (":path", (&rule.path).into()),
            (":with_decryption", rule.with_decryption.into()),
            (":nodes", Value::json(&rule.nodes)),
            (":by", by.into()),
            (":at", at.into()),
        ];
        tx.execute(
            "INSERT INTO node_parameter_access (name, path, with_decryption, nodes, changed_by, changed_at)
             VALUES (:name, :path, :with_decryption, :nodes, :by, :at)
             ON CONFLICT (name) DO UPDATE SET path = excluded.path, with_decryption = excluded.with_decryption,
                nodes = excluded.nodes, changed_by = excluded.changed_by, changed_at = excluded.changed_at",
            &params,
        )
        .map(|_| ())
    }

    pub fn delete(tx: &Tx<'_>, name: &str) -> Result<bool, StoreError> {
        Ok(tx.execute("DELETE FROM node_parameter_access WHERE name = :name", &[(":name", name.into())])? > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(path: &str, with_decryption: bool) -> AccessRule {
        AccessRule {
            name: "r".into(),
            path: path.into(),
            with_decryption,
            nodes: Nodes::default(),
        }
    }

    #[test]
    fn a_rule_covers_its_path_and_nothing_beside_it() {
        let key = |name: &str| ParameterKey::for_writing(name).unwrap();
        for (path, name, is_covered) in [
            ("/app", "/app/x/y", true),
            ("/app/", "/app/x", true),
            ("/app", "/app", true),
            ("/app", "/apple/x", false),
            ("/app/x", "/app", false),
            ("/", "any", true),
        ] {
            assert_eq!(covers(path, &key(name)), is_covered, "{path} {name}");
        }
        let grants = Grants(vec![rule("/app", false), rule("/app/secret", true)]);
        assert_eq!(grants.on(&key("/app/x")), Grant::Plain);
        assert_eq!(grants.on(&key("/app/secret/x")), Grant::Secrets);
        assert_eq!(grants.on(&key("/other/x")), Grant::Nothing);
    }

    #[test]
    fn nodes_are_named_by_id_tag_or_all() {
        let node = NodeId::random();
        let tag = |key: &str, value: &str| Tag {
            key: key.into(),
            value: value.into(),
        };
        let carried = [tag("env", "prod")];
        let nodes = |all, node_ids, tags| Nodes { all, node_ids, tags };
        assert!(nodes(true, vec![], vec![]).has(&node, &[]));
        assert!(nodes(false, vec![node.clone()], vec![]).has(&node, &[]));
        assert!(nodes(false, vec![], vec![tag("env", "prod")]).has(&node, &carried));
        assert!(!nodes(false, vec![], vec![tag("env", "test")]).has(&node, &carried));
        assert!(!Nodes::default().has(&node, &carried));
    }
}
