//! What nodes have of parameters: which versions they were given, and what they make of them.
//!
//! Written after a node has taken its values and said so; read from both ends, by node ([`describe_node_parameters`]) and by
//! parameter ([`list_parameter_uses`]).

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::id::NodeId;
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Services, Target};
use crate::hub::capabilities::parameters::node_access::{self, AccessRule, Grants};
use crate::hub::capabilities::parameters::{KIND, named, not_found};
use crate::hub::events::Event;
use crate::hub::labels;
use crate::hub::store::{Condition, Row, Select, StoreError, Tx, Value};
use crate::model::parameter::ParameterKey;
use crate::wire::parameters::{FileState, FileStates, MAX_FILES, MAX_NAMES_BYTES};

/// Nodes that are named for one parameter; the count says how many there are.
const NODES_SHOWN: usize = 200;
/// Longest path and longest sentence that a node may give.
const TEXT_BYTES: usize = 1024;

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Roadstead,
        "DescribeNodeParameters",
        |r: &DescribeRequest| Target::Resource("node", r.node_id.to_string()),
        describe_node_parameters,
    )
    .read(
        Service::Roadstead,
        "ListParameterUses",
        |r: &UsesRequest| Target::Resource(KIND, super::id_of(&r.name)),
        list_parameter_uses,
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DescribeRequest {
    node_id: NodeId,
}

/// What a node may have, has, and makes of it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct NodeParameters {
    /// The rules that name this node.
    rules: Vec<AccessRule>,
    parameters: Vec<Held>,
    files: Vec<File>,
}

/// A parameter on a node.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct Held {
    name: String,
    version: i64,
    /// The newest version at the hub; absent when the parameter was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_version: Option<i64>,
    /// When the node took this version.
    given_at: Timestamp,
}

/// A file that a node makes of parameters.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct File {
    target: String,
    /// The parameters in its template that the caller may see.
    names: Vec<String>,
    /// Why it is not up to date.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    said_at: Timestamp,
}

async fn describe_node_parameters(cx: Cx, request: DescribeRequest) -> ApiResult<NodeParameters> {
    let parameters = cx.visible_for("ssm:DescribeParameters", KIND, "node_parameter.key");
    let rules = cx.visible_for("roadstead:ListNodeParameterAccess", node_access::KIND, "node_parameter_access.name");
    let node = request.node_id;
    cx.read(move |tx| {
        if !labels::exists(tx, labels::Kind::Node, node.as_str())? {
            return Err(ApiError::new(
                "InvalidInstanceId",
                format!("`{node}` is not a managed node of this hub"),
            ));
        }
        let rules = Select::new(node_access::sql::SELECT).and_condition(&rules).order("name");
        let parameters = sql::held_by(tx, &node, &parameters)?;
        // A name in a template that the caller may not see is not shown to them either.
        let seen: BTreeSet<&str> = parameters.iter().map(|held| held.name.as_str()).collect();
        let files = sql::files_of(tx, &node)?.into_iter().map(|mut file| {
            file.names.retain(|name| seen.contains(name.as_str()));
            file
        });
        Ok(NodeParameters {
            files: files.collect(),
            rules: Grants::among(tx, &node, rules.rows(tx, node_access::sql::rule)?)?,
            parameters,
        })
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct UsesRequest {
    /// A name or an ARN, without a version.
    name: String,
}

/// Where a parameter is used.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct UsesResult {
    /// The first of the nodes that have it.
    nodes: Vec<NodeUse>,
    node_count: i64,
}

/// A node that has the parameter.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct NodeUse {
    node_id: NodeId,
    node_name: String,
    version: i64,
    given_at: Timestamp,
    /// The files there whose template names it.
    files: Vec<String>,
}

async fn list_parameter_uses(cx: Cx, request: UsesRequest) -> ApiResult<UsesResult> {
    let reference = named(&request.name)?;
    let nodes = cx.visible_for("roadstead:SearchNodes", "node", "node_parameter.node_id");
    cx.read(move |tx| {
        if tx.count(
            "SELECT count(*) FROM parameter WHERE key = :key",
            &[(":key", reference.key.as_str().into())],
        )? == 0
        {
            return Err(not_found(&request.name));
        }
        let node_count = sql::holders(sql::HOLDER_COUNT, &reference.key, &nodes).count(tx)?;
        let select = sql::holders(sql::HOLDERS, &reference.key, &nodes).order("node_parameter.node_id");
        let mut nodes = select.limit(NODES_SHOWN).rows(tx, sql::node_use)?;
        for node in &mut nodes {
            let files = sql::files_of(tx, &node.node_id)?.into_iter();
            let using = files.filter(|file| file.names.iter().any(|name| name == reference.key.as_str()));
            node.files = using.map(|file| file.target).collect();
        }
        Ok(UsesResult { nodes, node_count })
    })
    .await
}

/// The node has exactly these now. `wants_any`: whether it goes on asking for parameters.
pub async fn note_values(services: &Services, node: &NodeId, held: Vec<(ParameterKey, i64)>, wants_any: bool) -> ApiResult<()> {
    let (known, asked, now) = (node.clone(), node.clone(), services.now());
    let before = services.read(move |tx| Ok(sql::versions_of(tx, &known)?)).await?;
    let held: BTreeMap<String, i64> = held.into_iter().map(|(key, version)| (key.to_string(), version)).collect();
    let has_files = !wants_any && services.read(move |tx| Ok(!sql::files_of(tx, &asked)?.is_empty())).await?;
    if before == held && !has_files {
        return Ok(());
    }
    let (node, bus) = (node.clone(), services.bus.clone());
    services
        .write(move |tx| {
            let before = sql::versions_of(tx, &node)?;
            for key in before.keys().filter(|key| !held.contains_key(*key)) {
                sql::forget(tx, &node, key)?;
            }
            for (key, version) in held.iter().filter(|(key, version)| before.get(*key) != Some(*version)) {
                sql::note(tx, &node, key, *version, now)?;
            }
            if has_files {
                sql::set_files(tx, &node, &[], now)?;
            }
            bus.emit(tx, Event::NodeChanged(node.clone()));
            Ok(())
        })
        .await
}

/// What a node says of its files, in place of what it said before.
pub async fn note_files(services: &Services, node: &NodeId, said: FileStates) -> ApiResult<()> {
    let mut room = MAX_NAMES_BYTES;
    let mut files: Vec<FileState> = said.files.into_iter().take(MAX_FILES).collect();
    for file in &mut files {
        cut(&mut file.target);
        file.problem.iter_mut().for_each(cut);
        file.names.retain(|name| {
            let fits = name.len() <= room && ParameterKey::for_reading(name).is_some();
            room -= if fits { name.len() } else { 0 };
            fits
        });
    }
    let (node, now) = (node.clone(), services.now());
    let asked = node.clone();
    let before = services.read(move |tx| Ok(sql::files_of(tx, &asked)?)).await?;
    let is_same = before.len() == files.len() && files.iter().all(|file| before.iter().any(|known| known.is(file)));
    if is_same {
        return Ok(());
    }
    services.write(move |tx| Ok(sql::set_files(tx, &node, &files, now)?)).await
}

fn cut(text: &mut String) {
    let end = (0..=TEXT_BYTES.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.truncate(end.unwrap_or(0));
}

impl File {
    fn is(&self, said: &FileState) -> bool {
        self.target == said.target && self.names == said.names && self.problem == said.problem
    }
}

mod sql {
    use super::*;

    pub fn held_by(tx: &Tx<'_>, node: &NodeId, visible: &Condition) -> Result<Vec<Held>, StoreError> {
        let select = Select::new(
            "SELECT node_parameter.key, node_parameter.version, node_parameter.given_at, parameter.version AS latest
             FROM node_parameter LEFT JOIN parameter ON parameter.key = node_parameter.key",
        );
        let select = select.and("node_parameter.node_id = ?", [node.into()]).and_condition(visible);
        select.order("node_parameter.key").rows(tx, |row| {
            Ok(Held {
                name: row.get("key")?,
                version: row.get("version")?,
                latest_version: row.get("latest")?,
                given_at: row.get("given_at")?,
            })
        })
    }

    pub const HOLDERS: &str = "SELECT node_parameter.node_id, node.name, node.computer_name, node_parameter.version,
            node_parameter.given_at FROM node_parameter JOIN node ON node.id = node_parameter.node_id";
    pub const HOLDER_COUNT: &str = "SELECT count(*) FROM node_parameter JOIN node ON node.id = node_parameter.node_id";

    pub fn holders(head: &'static str, key: &ParameterKey, visible: &Condition) -> Select {
        Select::new(head)
            .and("node_parameter.key = ?", [key.as_str().into()])
            .and("node.removed_at IS NULL", [])
            .and_condition(visible)
    }

    pub fn node_use(row: &Row<'_>) -> Result<NodeUse, StoreError> {
        let (given, own): (String, String) = (row.get("name")?, row.get("computer_name")?);
        Ok(NodeUse {
            node_id: row.parsed("node_id")?,
            node_name: if given.is_empty() { own } else { given },
            version: row.get("version")?,
            given_at: row.get("given_at")?,
            files: Vec::new(),
        })
    }

    pub fn versions_of(tx: &Tx<'_>, node: &NodeId) -> Result<BTreeMap<String, i64>, StoreError> {
        let sql = "SELECT key, version FROM node_parameter WHERE node_id = :node";
        let rows = tx.rows(sql, &[(":node", node.into())], |row| Ok((row.get("key")?, row.get("version")?)))?;
        Ok(rows.into_iter().collect())
    }

    pub fn note(tx: &Tx<'_>, node: &NodeId, key: &str, version: i64, at: Timestamp) -> Result<(), StoreError> {
        tx.execute(
            "INSERT OR REPLACE INTO node_parameter (node_id, key, version, given_at) VALUES (:node, :key, :version, :at)",
            &[
                (":node", node.into()),
                (":key", key.into()),
                (":version", version.into()),
                (":at", at.into()),
            ],
        )
        .map(drop)
    }

    pub fn forget(tx: &Tx<'_>, node: &NodeId, key: &str) -> Result<(), StoreError> {
        let params = [(":node", node.into()), (":key", key.into())];
        tx.execute("DELETE FROM node_parameter WHERE node_id = :node AND key = :key", &params)
            .map(drop)
    }

    pub fn files_of(tx: &Tx<'_>, node: &NodeId) -> Result<Vec<File>, StoreError> {
        let sql = "SELECT target, names, problem, said_at FROM node_parameter_file WHERE node_id = :node ORDER BY target";
        tx.rows(sql, &[(":node", node.into())], |row| {
            Ok(File {
                target: row.get("target")?,
                names: row.json("names")?,
                problem: row.get("problem")?,
                said_at: row.get("said_at")?,
            })
        })
    }

    pub fn set_files(tx: &Tx<'_>, node: &NodeId, files: &[FileState], at: Timestamp) -> Result<(), StoreError> {
        tx.execute("DELETE FROM node_parameter_file WHERE node_id = :node", &[(":node", node.into())])?;
        for file in files {
            tx.execute(
                "INSERT OR REPLACE INTO node_parameter_file (node_id, target, names, problem, said_at)
                 VALUES (:node, :target, :names, :problem, :at)",
                &[
                    (":node", node.into()),
                    (":target", (&file.target).into()),
                    (":names", Value::json(&file.names)),
                    (":problem", file.problem.clone().map_or(Value::Null, Value::Text)),
                    (":at", at.into()),
                ],
            )?;
        }
        Ok(())
    }
}
