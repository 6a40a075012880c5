//! The rows of documents and their versions, and the SQL that reads and writes them.

use serde::{Deserialize, Serialize};

use crate::base::Timestamp;
use crate::hub::store::{Row, StoreError, Tx, Value};
use crate::model::document::Format;
use crate::model::document::actions::Platform;

use super::names::Version;

/// The owner that upstream's own documents have.
pub const AMAZON: &str = "Amazon";
/// The owner of the library's documents that upstream does not have.
pub const ROADSTEAD: &str = "Roadstead";

/// What a document needs besides itself, as upstream spells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Requires {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_name: Option<String>,
}

/// A document's row.
#[derive(Clone, Debug)]
pub struct DocumentRow {
    pub name: String,
    pub kind: String,
    /// `Amazon`, `Roadstead`, or empty for the hub's own account.
    pub owner: String,
    pub default_version: i64,
    pub latest_version: i64,
    /// The highest number ever given.
    pub last_version: i64,
}

impl DocumentRow {
    pub fn is_builtin(&self) -> bool {
        !self.owner.is_empty()
    }

    /// The owner as the API shows it.
    pub fn owner(&self, account: &str) -> String {
        match self.owner.is_empty() {
            true => account.to_owned(),
            false => self.owner.clone(),
        }
    }
}

/// A version's row.
#[derive(Clone, Debug)]
pub struct VersionRow {
    pub name: String,
    pub version: i64,
    pub version_name: Option<String>,
    pub display_name: Option<String>,
    pub format: Format,
    pub content: String,
    pub sha256: String,
    pub schema_version: String,
    pub description: String,
    pub target_type: Option<String>,
    pub requires: Vec<Requires>,
    pub platforms: Vec<Platform>,
    pub author: String,
    pub review: Option<String>,
    pub created_at: Timestamp,
}

impl VersionRow {
    pub fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let format: String = row.get("format")?;
        Ok(Self {
            name: row.get("name")?,
            version: row.get("version")?,
            version_name: row.get("version_name")?,
            display_name: row.get("display_name")?,
            format: format
                .parse()
                .map_err(|()| StoreError::Malformed(format!("column format holds `{format}`")))?,
            content: row.get("content")?,
            sha256: row.get("sha256")?,
            schema_version: row.get("schema_version")?,
            description: row.get("description")?,
            target_type: row.get("target_type")?,
            requires: row.json("requires")?,
            platforms: platforms(row)?,
            author: row.get("author")?,
            review: row.get("review")?,
            created_at: row.get("created_at")?,
        })
    }
}

pub fn platforms(row: &Row<'_>) -> Result<Vec<Platform>, StoreError> {
    let mut found = Vec::new();
    for (column, platform) in [
        ("on_windows", Platform::Windows),
        ("on_linux", Platform::Linux),
        ("on_macos", Platform::MacOs),
    ] {
        if row.get::<bool>(column)? {
            found.push(platform);
        }
    }
    Ok(found)
}

pub fn document(tx: &Tx<'_>, name: &str) -> Result<Option<DocumentRow>, StoreError> {
    let sql = "SELECT name, type, owner, default_version, latest_version, last_version FROM document WHERE name = :name";
    tx.row(sql, &[(":name", name.into())], |row| {
        Ok(DocumentRow {
            name: row.get("name")?,
            kind: row.get("type")?,
            owner: row.get("owner")?,
            default_version: row.get("default_version")?,
            latest_version: row.get("latest_version")?,
            last_version: row.get("last_version")?,
        })
    })
}

/// The version that is meant, by number and by name where both are given.
pub fn version(
    tx: &Tx<'_>,
    document: &DocumentRow,
    wanted: Option<Version>,
    version_name: Option<&str>,
) -> Result<Option<VersionRow>, StoreError> {
    let number = match (wanted, version_name) {
        (Some(Version::Latest), _) => Some(document.latest_version),
        (Some(Version::Number(number)), _) => Some(number),
        (Some(Version::Default), _) | (None, None) => Some(document.default_version),
        (None, Some(_)) => None,
    };
    tx.row(
        "SELECT name, version, version_name, display_name, format, content, sha256, schema_version, description, target_type, requires,
            on_windows, on_linux, on_macos, author, review, created_at
         FROM document_version
         WHERE name = :name AND (:version IS NULL OR version = :version) AND (:version_name IS NULL OR version_name = :version_name)",
        &[
            (":name", (&document.name).into()),
            (":version", number.into()),
            (":version_name", version_name.into()),
        ],
        VersionRow::from_row,
    )
}

/// The first version of a new document.
pub fn insert(tx: &Tx<'_>, kind: &str, owner: &str, first: &VersionRow) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO document (name, type, owner, default_version, latest_version, last_version, created_at)
         VALUES (:name, :type, :owner, :version, :version, :version, :now)",
        &[
            (":name", (&first.name).into()),
            (":type", kind.into()),
            (":owner", owner.into()),
            (":version", first.version.into()),
            (":now", first.created_at.into()),
        ],
    )?;
    insert_version(tx, first)
}

pub fn insert_version(tx: &Tx<'_>, version: &VersionRow) -> Result<(), StoreError> {
    let on = |platform| Value::from(version.platforms.contains(&platform));
    let params = [
        (":name", (&version.name).into()),
        (":version", version.version.into()),
        (":version_name", version.version_name.clone().into()),
        (":display_name", version.display_name.clone().into()),
        (":format", version.format.as_str().into()),
        (":content", (&version.content).into()),
        (":sha256", (&version.sha256).into()),
        (":schema_version", (&version.schema_version).into()),
        (":description", (&version.description).into()),
        (":target_type", version.target_type.clone().into()),
        (":requires", Value::json(&version.requires)),
        (":on_windows", on(Platform::Windows)),
        (":on_linux", on(Platform::Linux)),
        (":on_macos", on(Platform::MacOs)),
        (":author", (&version.author).into()),
        (":review", version.review.clone().into()),
        (":created_at", version.created_at.into()),
    ];
    tx.execute(
        "INSERT INTO document_version (name, version, version_name, display_name, format, content, sha256, schema_version, description,
            target_type, requires, on_windows, on_linux, on_macos, author, review, created_at)
         VALUES (:name, :version, :version_name, :display_name, :format, :content, :sha256, :schema_version, :description,
            :target_type, :requires, :on_windows, :on_linux, :on_macos, :author, :review, :created_at)",
        &params,
    )
    .map(|_| ())
}

pub fn set_latest(tx: &Tx<'_>, name: &str, latest: i64, last: i64) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE document SET latest_version = :latest, last_version = :last WHERE name = :name",
        &[(":name", name.into()), (":latest", latest.into()), (":last", last.into())],
    )
    .map(|_| ())
}

pub fn set_default(tx: &Tx<'_>, name: &str, version: i64) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE document SET default_version = :version WHERE name = :name",
        &[(":name", name.into()), (":version", version.into())],
    )
    .map(|_| ())
}

/// Whether another version of the document says the very same for the same kind of target.
pub fn has_content(tx: &Tx<'_>, name: &str, sha256: &str, target_type: Option<&str>) -> Result<bool, StoreError> {
    let sql = "SELECT count(*) FROM document_version
               WHERE name = :name AND sha256 = :sha256 AND (:target_type IS NULL OR target_type = :target_type)";
    let params = [
        (":name", name.into()),
        (":sha256", sha256.into()),
        (":target_type", target_type.into()),
    ];
    Ok(tx.count(sql, &params)? > 0)
}

pub fn has_version_name(tx: &Tx<'_>, name: &str, version_name: &str) -> Result<bool, StoreError> {
    let sql = "SELECT count(*) FROM document_version WHERE name = :name AND version_name = :version_name";
    let params = [(":name", name.into()), (":version_name", version_name.into())];
    Ok(tx.count(sql, &params)? > 0)
}

pub fn count_versions(tx: &Tx<'_>, name: &str) -> Result<i64, StoreError> {
    tx.count(
        "SELECT count(*) FROM document_version WHERE name = :name",
        &[(":name", name.into())],
    )
}

/// The highest number that is left.
pub fn highest_version(tx: &Tx<'_>, name: &str) -> Result<i64, StoreError> {
    tx.count(
        "SELECT coalesce(max(version), 0) FROM document_version WHERE name = :name",
        &[(":name", name.into())],
    )
}

pub fn delete_version(tx: &Tx<'_>, name: &str, version: i64) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM document_version WHERE name = :name AND version = :version",
        &[(":name", name.into()), (":version", version.into())],
    )
    .map(|_| ())
}

pub fn delete(tx: &Tx<'_>, name: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM document WHERE name = :name", &[(":name", name.into())])
        .map(|_| ())
}

pub fn is_shared(tx: &Tx<'_>, name: &str) -> Result<bool, StoreError> {
    Ok(tx.count("SELECT count(*) FROM document_share WHERE name = :name", &[(":name", name.into())])? > 0)
}
