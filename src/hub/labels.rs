//! Tags of every kind of resource, in one table, and their SQL; their [`form`]; [`groups`] of nodes.
//!
//! They lie below the capabilities because rights and targets need them. Tags die with their resource.

pub mod form;
pub mod groups;

pub use form::check;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult};
use crate::hub::store::{Condition, Select, StoreError, Tx, Value};

/// Tags a resource may carry (upstream's limit).
pub const MAX_TAGS: usize = 50;

/// One tag, as upstream spells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    pub key: String,
    pub value: String,
}

/// The kinds of resource that carry tags, by upstream's `ResourceType` name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Node,
    Activation,
    Parameter,
    Document,
    Group,
}

/// Where the resources of a kind lie.
pub struct Rows {
    /// Their ids and names, as `id` and `name`.
    pub select: &'static str,
    pub count: &'static str,
    /// The column of the id, qualified by its table.
    pub id: &'static str,
    /// The column of what people call it.
    pub name: &'static str,
    /// The order of their ids, and what comes after one of them.
    pub by: &'static str,
    /// What holds for those that are there.
    pub is_live: Condition,
}

impl Kind {
    /// Those that [`Kind::rows`] knows come first, by name.
    pub const ALL: &[Self] = &[Self::Document, Self::Group, Self::Node, Self::Parameter, Self::Activation];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Node => "ManagedInstance",
            Self::Activation => "Activation",
            Self::Parameter => "Parameter",
            Self::Document => "Document",
            Self::Group => "Group",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    /// The kind's name among rights.
    pub fn right(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Activation => "activation",
            Self::Parameter => "parameter",
            Self::Document => "document",
            Self::Group => "group",
        }
    }

    /// `TYPE` in `arn:aws:ssm:REGION:ACCOUNT:TYPE/ID`; `None` for what has no ARN and so no part in the tagging API.
    pub fn arn_type(self) -> Option<&'static str> {
        match self {
            Self::Node => Some("managed-instance"),
            Self::Parameter => Some("parameter"),
            Self::Document => Some("document"),
            Self::Group => Some("group"),
            Self::Activation => None,
        }
    }

    /// The service in its ARN.
    pub fn arn_service(self) -> &'static str {
        match self {
            Self::Group => "resource-groups",
            _ => "ssm",
        }
    }

    /// What upstream's groups call the type; `None` for what is in no group.
    pub fn cloud_type(self) -> Option<&'static str> {
        match self {
            Self::Node => Some("AWS::SSM::ManagedInstance"),
            Self::Parameter => Some("AWS::SSM::Parameter"),
            Self::Document => Some("AWS::SSM::Document"),
            Self::Group | Self::Activation => None,
        }
    }

    /// `None` for what has no part in the tagging API.
    pub fn rows(self) -> Option<Rows> {
        match self {
            Self::Node => Some(Rows {
                select: "SELECT node.id AS id, node.name AS name FROM node",
                count: "SELECT count(*) FROM node",
                id: "node.id",
                name: "node.name",
                by: "node.id",
                is_live: Condition::Plain("node.removed_at IS NULL"),
            }),
            Self::Parameter => Some(Rows {
                select: "SELECT parameter.key AS id, parameter.key AS name FROM parameter",
                count: "SELECT count(*) FROM parameter",
                id: "parameter.key",
                name: "parameter.key",
                by: "parameter.key",
                is_live: Condition::Always,
            }),
            Self::Document => Some(Rows {
                select: "SELECT document.name AS id, document.name AS name FROM document",
                count: "SELECT count(*) FROM document",
                id: "document.name",
                name: "document.name",
                by: "document.name",
                // The hub's own library is nobody's to tag, as upstream's documents are no customer's.
                is_live: Condition::Plain("document.owner = ''"),
            }),
            Self::Group => Some(Rows {
                select: "SELECT node_group.name AS id, node_group.name AS name FROM node_group",
                count: "SELECT count(*) FROM node_group",
                id: "node_group.name",
                name: "node_group.name",
                by: "node_group.name",
                is_live: Condition::Always,
            }),
            Self::Activation => None,
        }
    }
}

/// Whether a resource of this kind is there to be tagged.
pub fn exists(tx: &Tx<'_>, kind: Kind, id: &str) -> Result<bool, StoreError> {
    let select = match kind.rows() {
        Some(rows) => Select::new(rows.count)
            .and_condition(&Condition::OneOf(rows.id, vec![id.into()]))
            .and_condition(&rows.is_live),
        None => Select::new("SELECT count(*) FROM activation").and("activation.id = ?", [id.into()]),
    };
    Ok(select.count(tx)? > 0)
}

/// All tags of one resource, sorted by key.
pub fn list(tx: &Tx<'_>, kind: Kind, id: &str) -> Result<Vec<Tag>, StoreError> {
    let params = [(":kind", kind.as_str().into()), (":id", id.into())];
    tx.rows(
        "SELECT key, value FROM tag WHERE kind = :kind AND id = :id ORDER BY key",
        &params,
        |row| {
            Ok(Tag {
                key: row.get("key")?,
                value: row.get("value")?,
            })
        },
    )
}

/// Adds or overwrites tags.
///
/// *Errors*: `TooManyTagsError` when the resource would carry more than [`MAX_TAGS`]; `ValidationException` for an ill-formed tag.
pub fn add(tx: &Tx<'_>, kind: Kind, id: &str, tags: &[Tag]) -> ApiResult<()> {
    check(tags)?;
    for tag in tags {
        let params = [
            (":kind", kind.as_str().into()),
            (":id", id.into()),
            (":key", (&tag.key).into()),
            (":value", (&tag.value).into()),
        ];
        tx.execute(
            "INSERT INTO tag (kind, id, key, value) VALUES (:kind, :id, :key, :value)
             ON CONFLICT (kind, id, key) DO UPDATE SET value = excluded.value",
            &params,
        )?;
    }
    let params = [(":kind", kind.as_str().into()), (":id", id.into())];
    let count = tx.count("SELECT count(*) FROM tag WHERE kind = :kind AND id = :id", &params)?;
    if count as usize > MAX_TAGS {
        return Err(ApiError::new(
            "TooManyTagsError",
            format!("`{id}` would carry {count} tags; at most {MAX_TAGS} are possible"),
        ));
    }
    Ok(())
}

/// Removes tags by key; keys that are not there are no error.
pub fn remove(tx: &Tx<'_>, kind: Kind, id: &str, keys: &[String]) -> Result<(), StoreError> {
    for key in keys {
        let params = [(":kind", kind.as_str().into()), (":id", id.into()), (":key", key.into())];
        tx.execute("DELETE FROM tag WHERE kind = :kind AND id = :id AND key = :key", &params)?;
    }
    Ok(())
}

/// Removes every tag of a resource that goes away.
pub fn remove_all(tx: &Tx<'_>, kind: Kind, id: &str) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM tag WHERE kind = :kind AND id = :id",
        &[(":kind", kind.as_str().into()), (":id", id.into())],
    )
    .map(|_| ())
}

/// Tags of many resources at once, for a page of a list.
pub fn of_many(tx: &Tx<'_>, kind: Kind, ids: impl IntoIterator<Item = String>) -> Result<BTreeMap<String, Vec<Tag>>, StoreError> {
    let select = Select::new("SELECT id, key, value FROM tag")
        .and("kind = ?", [Value::from(kind.as_str())])
        .and_in("id", ids.into_iter().map(Value::from))
        .order("id, key");
    let mut all: BTreeMap<String, Vec<Tag>> = BTreeMap::new();
    for (id, tag) in select.rows(tx, |row| {
        Ok((
            row.get::<String>("id")?,
            Tag {
                key: row.get("key")?,
                value: row.get("value")?,
            },
        ))
    })? {
        all.entry(id).or_default().push(tag);
    }
    Ok(all)
}
