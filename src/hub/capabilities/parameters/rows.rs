//! A parameter's rows: the parameter itself, which knows its newest version, and one row a version.

use crate::base::Timestamp;
use crate::hub::capabilities::parameters::data_types::DataType;
use crate::hub::capabilities::parameters::kinds::{Kind, Tier};
use crate::hub::store::{Row, Select, StoreError, Tx};
use crate::model::parameter::{ParameterKey, Selector};

/// Versions that are kept (upstream's number).
pub const MAX_VERSIONS: i64 = 100;

/// One version, with the name of its parameter.
#[derive(Clone)]
pub struct Version {
    pub key: ParameterKey,
    /// As it was spelled when the parameter was made.
    pub name: String,
    pub version: i64,
    pub kind: Kind,
    /// Of a `SecureString` the sealed form, in base64.
    pub value: String,
    pub data_type: DataType,
    pub tier: Tier,
    pub description: String,
    pub allowed_pattern: String,
    /// The JSON array of its policies.
    pub policies: Option<String>,
    /// The key of a secret, as the writer named it.
    pub key_id: Option<String>,
    /// The version of that key (`secret_key_version.id`).
    pub sealed_by: Option<i64>,
    pub modified_at: Timestamp,
    /// The name of the user who wrote it.
    pub modified_by: String,
}

impl Version {
    pub fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            key: ParameterKey::from_row(row.get("key")?),
            name: row.get("name")?,
            version: row.get("version")?,
            kind: row.parsed("type")?,
            value: row.get("value")?,
            data_type: row.parsed("data_type")?,
            tier: row.parsed("tier")?,
            description: row.get("description")?,
            allowed_pattern: row.get("allowed_pattern")?,
            policies: row.get("policies")?,
            key_id: row.get("key_id")?,
            sealed_by: row.get("sealed_by")?,
            modified_at: row.get("modified_at")?,
            modified_by: row.get("modified_by")?,
        })
    }
}

/// What a lookup found.
pub enum Found {
    Version(Box<Version>),
    /// The parameter is there; the version or label is not.
    NoSuchVersion(String),
    Nothing,
}

/// The version that a reference means; the newest one without a selector.
pub fn find(tx: &Tx<'_>, key: &ParameterKey, selector: Option<&Selector>) -> Result<Found, StoreError> {
    let version = match selector {
        None => sql::newest(tx, key)?,
        Some(Selector::Version(number)) => sql::numbered(tx, key, *number)?,
        Some(Selector::Label(label)) => sql::labelled(tx, key, label)?,
    };
    if let Some(version) = version {
        return Ok(Found::Version(Box::new(version)));
    }
    Ok(match sql::name(tx, key)? {
        Some(name) => Found::NoSuchVersion(name),
        None => Found::Nothing,
    })
}

pub mod sql {
    use super::*;

    /// The newest version of every parameter; for lists.
    pub const NEWEST: &str = "SELECT parameter.key, parameter.name, v.version, v.type, v.value, v.data_type, v.tier, v.description,
            v.allowed_pattern, v.policies, v.key_id, v.sealed_by, v.modified_at, v.modified_by
         FROM parameter JOIN parameter_version v ON v.key = parameter.key AND v.version = parameter.version";

    /// The versions that carry a label; for lists.
    pub const LABELLED: &str = "SELECT parameter.key, parameter.name, v.version, v.type, v.value, v.data_type, v.tier, v.description,
            v.allowed_pattern, v.policies, v.key_id, v.sealed_by, v.modified_at, v.modified_by, l.label
         FROM parameter JOIN parameter_label l ON l.key = parameter.key
         JOIN parameter_version v ON v.key = parameter.key AND v.version = l.version";

    /// All versions of a parameter; for its history.
    pub const EVERY: &str = "SELECT parameter.key, parameter.name, v.version, v.type, v.value, v.data_type, v.tier, v.description,
            v.allowed_pattern, v.policies, v.key_id, v.sealed_by, v.modified_at, v.modified_by
         FROM parameter JOIN parameter_version v ON v.key = parameter.key";

    pub fn newest(tx: &Tx<'_>, key: &ParameterKey) -> Result<Option<Version>, StoreError> {
        first(tx, Select::new(NEWEST).and("parameter.key = ?", [key.as_str().into()]))
    }

    pub fn numbered(tx: &Tx<'_>, key: &ParameterKey, version: i64) -> Result<Option<Version>, StoreError> {
        let values = [key.as_str().into(), version.into()];
        first(tx, Select::new(EVERY).and("parameter.key = ? AND v.version = ?", values))
    }

    fn first(tx: &Tx<'_>, select: Select) -> Result<Option<Version>, StoreError> {
        Ok(select.rows(tx, Version::from_row)?.into_iter().next())
    }

    pub fn labelled(tx: &Tx<'_>, key: &ParameterKey, label: &str) -> Result<Option<Version>, StoreError> {
        let params = [(":key", key.as_str().into()), (":label", label.into())];
        let version = tx.row(
            "SELECT version FROM parameter_label WHERE key = :key AND label = :label",
            &params,
            |row| row.get("version"),
        )?;
        version.map_or(Ok(None), |version| numbered(tx, key, version))
    }

    /// The name of a parameter that is there.
    pub fn name(tx: &Tx<'_>, key: &ParameterKey) -> Result<Option<String>, StoreError> {
        tx.row(
            "SELECT name FROM parameter WHERE key = :key",
            &[(":key", key.as_str().into())],
            |row| row.get("name"),
        )
    }

    pub fn insert(tx: &Tx<'_>, version: &Version) -> Result<(), StoreError> {
        let head = [
            (":key", version.key.as_str().into()),
            (":name", (&version.name).into()),
            (":parent", version.key.parent().into()),
            (":version", version.version.into()),
        ];
        tx.execute(
            "INSERT INTO parameter (key, name, parent, version) VALUES (:key, :name, :parent, :version)
             ON CONFLICT (key) DO UPDATE SET version = excluded.version",
            &head,
        )?;
        let params = [
            (":key", version.key.as_str().into()),
            (":version", version.version.into()),
            (":type", version.kind.as_str().into()),
            (":value", (&version.value).into()),
            (":data_type", version.data_type.as_str().into()),
            (":tier", version.tier.as_str().into()),
            (":description", (&version.description).into()),
            (":allowed_pattern", (&version.allowed_pattern).into()),
            (":policies", version.policies.clone().into()),
            (":key_id", version.key_id.clone().into()),
            (":sealed_by", version.sealed_by.into()),
            (":modified_at", version.modified_at.into()),
            (":modified_by", (&version.modified_by).into()),
        ];
        tx.execute(
            "INSERT INTO parameter_version (key, version, type, value, data_type, tier, description, allowed_pattern, policies, key_id,
                sealed_by, modified_at, modified_by)
             VALUES (:key, :version, :type, :value, :data_type, :tier, :description, :allowed_pattern, :policies, :key_id, :sealed_by,
                :modified_at, :modified_by)",
            &params,
        )
        .map(|_| ())
    }

    /// The oldest version that is kept, and whether a label lies on it.
    pub fn oldest(tx: &Tx<'_>, key: &ParameterKey) -> Result<Option<(i64, bool)>, StoreError> {
        const SQL: &str = "SELECT v.version,
                EXISTS (SELECT 1 FROM parameter_label l WHERE l.key = v.key AND l.version = v.version) AS is_labelled
             FROM parameter_version v WHERE v.key = :key ORDER BY v.version LIMIT 1";
        tx.row(SQL, &[(":key", key.as_str().into())], |row| {
            Ok((row.get("version")?, row.get("is_labelled")?))
        })
    }

    pub fn delete_version(tx: &Tx<'_>, key: &ParameterKey, version: i64) -> Result<(), StoreError> {
        let params = [(":key", key.as_str().into()), (":version", version.into())];
        tx.execute("DELETE FROM parameter_version WHERE key = :key AND version = :version", &params)
            .map(|_| ())
    }

    /// With all that hangs on it.
    pub fn delete(tx: &Tx<'_>, key: &ParameterKey) -> Result<bool, StoreError> {
        Ok(tx.execute("DELETE FROM parameter WHERE key = :key", &[(":key", key.as_str().into())])? > 0)
    }
}
