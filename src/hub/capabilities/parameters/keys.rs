//! The keys that secrets are sealed under: each has an alias, may be disabled, and is rotated by a new version.
//!
//! `alias/aws/ssm` is the default, as upstream; it comes into being with the first secret.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::arn::Arn;
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::constraint::Violations;
use crate::hub::api::{Cx, Declare, Service, Target};
use crate::hub::capabilities::parameters::kinds::ArnHead;
use crate::hub::capabilities::parameters::sealing::Sealer;
use crate::hub::events::Event;
use crate::hub::store::{Select, StoreError, Tx};

pub const KIND: &str = "secret-key";
/// Upstream's default key.
pub const DEFAULT_ALIAS: &str = "alias/aws/ssm";

pub fn operations(api: &mut Declare<'_>) {
    api.write(
        Service::Roadstead,
        "CreateSecretKey",
        |r: &CreateRequest| Target::Resource(KIND, r.alias.clone().unwrap_or_default()),
        create_secret_key,
    )
    .read(
        Service::Roadstead,
        "ListSecretKeys",
        |_: &ListRequest| Target::Rows(KIND),
        list_secret_keys,
    )
    .write(Service::Roadstead, "EnableSecretKey", NamedRequest::target, enable_secret_key)
    .write(Service::Roadstead, "DisableSecretKey", NamedRequest::target, disable_secret_key)
    .write(Service::Roadstead, "RotateSecretKey", NamedRequest::target, rotate_secret_key);
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct CreateRequest {
    alias: Option<String>,
    description: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct CreateResult {
    key: SecretKey,
}

/// A key as lists show it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct SecretKey {
    key_id: String,
    #[serde(rename = "ARN")]
    arn: String,
    alias: String,
    description: String,
    /// `Enabled` or `Disabled`.
    status: String,
    created_at: Timestamp,
    created_by: String,
    /// When its newest version was made.
    rotated_at: Timestamp,
    /// Versions of parameters that are sealed under it.
    value_count: i64,
    /// Those that are still sealed under an older version of the key.
    pending_count: i64,
}

async fn create_secret_key(cx: Cx, request: CreateRequest) -> ApiResult<CreateResult> {
    let mut broken = Violations::default();
    broken.required(request.alias.as_ref(), "alias");
    broken.length(request.alias.as_ref(), "alias", 1..=256);
    broken.length(request.description.as_ref(), "description", 0..=1024);
    broken.check()?;
    let alias = request.alias.unwrap_or_default();
    if !is_alias(&alias) {
        return Err(ApiError::validation(format!(
            "`{}` is not an alias: write `alias/` and letters, digits, `/`, `_` or `-`, not beginning with `alias/aws/`",
            alias.chars().take(80).collect::<String>()
        )));
    }
    let new = NewKey {
        alias,
        description: request.description.unwrap_or_default(),
        by: cx.caller().name.clone(),
        at: cx.now(),
    };
    let (sealer, head) = (Sealer::of(&cx.services), ArnHead::of(&cx));
    cx.write(move |tx| {
        if sql::find(tx, &new.alias)?.is_some() {
            return Err(ApiError::new(
                "AlreadyExistsException",
                format!("there is a key `{}` already", new.alias),
            ));
        }
        let id = insert(tx, &sealer, &new)?;
        let key = list(tx, &head, Select::new(sql::LIST).and("k.id = ?", [id.into()]))?.pop();
        Ok(CreateResult {
            key: key.ok_or_else(|| ApiError::internal("a key vanished"))?,
        })
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
struct ListRequest {}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ListResult {
    keys: Vec<SecretKey>,
}

/// All of them: a hub has a handful.
async fn list_secret_keys(cx: Cx, _: ListRequest) -> ApiResult<ListResult> {
    let select = Select::new(sql::LIST).and_condition(&cx.visible(KIND, "k.alias")).order("k.alias");
    let head = ArnHead::of(&cx);
    cx.read(move |tx| {
        Ok(ListResult {
            keys: list(tx, &head, select)?,
        })
    })
    .await
}

fn list(tx: &Tx<'_>, head: &ArnHead, select: Select) -> Result<Vec<SecretKey>, StoreError> {
    select.rows(tx, |row| {
        let key_id: String = row.get("id")?;
        Ok(SecretKey {
            arn: head.key(&key_id),
            key_id,
            alias: row.get("alias")?,
            description: row.get("description")?,
            status: row.get("status")?,
            created_at: row.get("created_at")?,
            created_by: row.get("created_by")?,
            rotated_at: row.get("rotated_at")?,
            value_count: row.get("value_count")?,
            pending_count: row.get("pending_count")?,
        })
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct NamedRequest {
    /// A key's id, alias or ARN.
    key_id: String,
}

impl NamedRequest {
    fn target(&self) -> Target {
        Target::Resource(KIND, without_arn(&self.key_id).to_owned())
    }
}

#[derive(Serialize, JsonSchema)]
struct Empty {}

async fn enable_secret_key(cx: Cx, request: NamedRequest) -> ApiResult<Empty> {
    set_status(cx, request, "Enabled").await
}

/// From now on nothing is sealed or opened with it, whoever asks.
async fn disable_secret_key(cx: Cx, request: NamedRequest) -> ApiResult<Empty> {
    set_status(cx, request, "Disabled").await
}

async fn set_status(cx: Cx, request: NamedRequest, status: &'static str) -> ApiResult<Empty> {
    let (inner, bus) = (cx.clone(), cx.services.bus.clone());
    cx.write(move |tx| {
        let key = permitted(&inner, tx, &request.key_id)?;
        tx.execute(
            "UPDATE secret_key SET status = :status WHERE id = :id",
            &[(":status", status.into()), (":id", (&key.id).into())],
        )?;
        bus.emit(tx, Event::NodeParametersChanged);
        Ok(Empty {})
    })
    .await
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct RotateResult {
    /// Values that are now moved to the new version, while everything goes on.
    pending_count: i64,
}

async fn rotate_secret_key(cx: Cx, request: NamedRequest) -> ApiResult<RotateResult> {
    let (sealer, bus, now, inner) = (Sealer::of(&cx.services), cx.services.bus.clone(), cx.now(), cx.clone());
    cx.write(move |tx| {
        let key = permitted(&inner, tx, &request.key_id)?;
        sql::insert_version(tx, &key.id, &sealer.new_key(&key.id)?, now)?;
        bus.emit(tx, Event::SecretKeyRotated);
        Ok(RotateResult {
            pending_count: sql::count_values(tx, &key.id)?,
        })
    })
    .await
}

/// The key that a request names, after the right on it was checked under its alias.
fn permitted(cx: &Cx, tx: &Tx<'_>, named: &str) -> ApiResult<Key> {
    check_account(named, &cx.services.config.account_id)?;
    let key = sql::find(tx, without_arn(named))?.ok_or_else(|| unknown(named))?;
    cx.permit(tx, &Target::Resource(KIND, key.alias.clone()))?;
    Ok(key)
}

/// What the other nouns need to know of a key.
pub struct Key {
    pub id: String,
    pub alias: String,
}

struct NewKey {
    alias: String,
    description: String,
    by: String,
    at: Timestamp,
}

/// Makes the default key when a secret asks for it and it is not there.
pub fn ensure(tx: &Tx<'_>, sealer: &Sealer, named: &str, at: Timestamp) -> ApiResult<()> {
    if without_arn(named) != DEFAULT_ALIAS || sql::find(tx, DEFAULT_ALIAS)?.is_some() {
        return Ok(());
    }
    let new = NewKey {
        alias: DEFAULT_ALIAS.into(),
        description: "Default key of parameters".into(),
        by: "hub".into(),
        at,
    };
    insert(tx, sealer, &new).map(|_| ())
}

fn insert(tx: &Tx<'_>, sealer: &Sealer, new: &NewKey) -> ApiResult<String> {
    let id = uuid::Uuid::new_v4().to_string();
    sql::insert(tx, &id, new)?;
    sql::insert_version(tx, &id, &sealer.new_key(&id)?, new.at)?;
    Ok(id)
}

/// One version of a key, still sealed by the master key.
pub struct KeyVersion {
    pub id: i64,
    pub key_id: String,
    pub sealed: Vec<u8>,
    alias: String,
    is_enabled: bool,
}

impl KeyVersion {
    /// *Errors*: `InvalidKeyId` when its key is disabled.
    pub fn check_enabled(&self) -> ApiResult<()> {
        if self.is_enabled { Ok(()) } else { Err(disabled(&self.alias)) }
    }
}

/// The version that seals from now on.
///
/// *Errors*: `InvalidKeyId` when the key is unknown or disabled.
pub fn newest_version(tx: &Tx<'_>, named: &str) -> ApiResult<KeyVersion> {
    let key = sql::find(tx, without_arn(named))?.ok_or_else(|| unknown(named))?;
    let sql = "SELECT id FROM secret_key_version WHERE key_id = :id ORDER BY id DESC LIMIT 1";
    let newest: Option<i64> = tx.row(sql, &[(":id", (&key.id).into())], |row| row.get("id"))?;
    let newest = version(tx, newest.ok_or_else(|| unknown(named))?)?;
    newest.check_enabled()?;
    Ok(newest)
}

/// *Errors*: `InvalidKeyId` when it is gone.
pub fn version(tx: &Tx<'_>, id: i64) -> ApiResult<KeyVersion> {
    const SQL: &str = "SELECT v.id, v.key_id, v.sealed, k.alias, k.status
         FROM secret_key_version v JOIN secret_key k ON k.id = v.key_id WHERE v.id = :id";
    let found = tx.row(SQL, &[(":id", id.into())], |row| {
        Ok(KeyVersion {
            id: row.get("id")?,
            key_id: row.get("key_id")?,
            sealed: row.get("sealed")?,
            alias: row.get("alias")?,
            is_enabled: row.get::<String>("status")? == "Enabled",
        })
    })?;
    found.ok_or_else(|| ApiError::new("InvalidKeyId", "the key that sealed this value is gone"))
}

fn unknown(named: &str) -> ApiError {
    let named: String = named.chars().take(80).collect();
    ApiError::new(
        "InvalidKeyId",
        format!("there is no key `{named}`: `roadstead key list` shows those that there are"),
    )
}

fn disabled(alias: &str) -> ApiError {
    ApiError::new("InvalidKeyId", format!("key `{alias}` is disabled: enable it, or choose another"))
}

fn is_alias(text: &str) -> bool {
    let is_char = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-');
    text.strip_prefix("alias/")
        .is_some_and(|name| !name.is_empty() && !name.starts_with("aws/") && name.bytes().all(is_char))
}

/// A key of another account is none of ours, whatever it is called; the region in an ARN is a label.
///
/// *Errors*: `InvalidKeyId`, as for a key that does not exist.
pub fn check_account(named: &str, account: &str) -> ApiResult<()> {
    match named.parse::<Arn>() {
        Ok(arn) if arn.service == "kms" && arn.account != account => Err(unknown(named)),
        _ => Ok(()),
    }
}

/// `alias/x` or an id, from either or from an ARN of either.
fn without_arn(named: &str) -> &str {
    let mut parts = named.splitn(6, ':');
    let is_arn = parts.next() == Some("arn") && parts.nth(1) == Some("kms");
    match parts.nth(2) {
        Some(resource) if is_arn => resource.strip_prefix("key/").unwrap_or(resource),
        _ => named,
    }
}

mod sql {
    use super::*;

    pub const LIST: &str = "SELECT k.id, k.alias, k.description, k.status, k.created_at, k.created_by,
            (SELECT max(v.created_at) FROM secret_key_version v WHERE v.key_id = k.id) AS rotated_at,
            (SELECT count(*) FROM secret_key_version v JOIN parameter_version p ON p.sealed_by = v.id WHERE v.key_id = k.id) AS value_count,
            (SELECT count(*) FROM secret_key_version v JOIN parameter_version p ON p.sealed_by = v.id
                WHERE v.key_id = k.id AND v.id < (SELECT max(n.id) FROM secret_key_version n WHERE n.key_id = k.id)) AS pending_count
         FROM secret_key k";

    pub fn find(tx: &Tx<'_>, named: &str) -> Result<Option<Key>, StoreError> {
        let sql = if named.starts_with("alias/") {
            "SELECT id, alias FROM secret_key WHERE alias = :named"
        } else {
            "SELECT id, alias FROM secret_key WHERE id = :named"
        };
        tx.row(sql, &[(":named", named.into())], |row| {
            Ok(Key {
                id: row.get("id")?,
                alias: row.get("alias")?,
            })
        })
    }

    pub fn insert(tx: &Tx<'_>, id: &str, new: &NewKey) -> Result<(), StoreError> {
        let params = [
            (":id", id.into()),
            (":alias", (&new.alias).into()),
            (":description", (&new.description).into()),
            (":at", new.at.into()),
            (":by", (&new.by).into()),
        ];
        tx.execute(
            "INSERT INTO secret_key (id, alias, description, status, created_at, created_by)
             VALUES (:id, :alias, :description, 'Enabled', :at, :by)",
            &params,
        )
        .map(|_| ())
    }

    pub fn insert_version(tx: &Tx<'_>, key_id: &str, sealed: &[u8], at: Timestamp) -> Result<(), StoreError> {
        let params = [(":key_id", key_id.into()), (":sealed", sealed.into()), (":at", at.into())];
        tx.execute(
            "INSERT INTO secret_key_version (key_id, sealed, created_at) VALUES (:key_id, :sealed, :at)",
            &params,
        )
        .map(|_| ())
    }

    pub fn count_values(tx: &Tx<'_>, key_id: &str) -> Result<i64, StoreError> {
        let sql = "SELECT count(*) FROM secret_key_version v JOIN parameter_version p ON p.sealed_by = v.id WHERE v.key_id = :key_id";
        tx.count(sql, &[(":key_id", key_id.into())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_named_by_id_alias_or_arn() {
        assert_eq!(without_arn("alias/app"), "alias/app");
        assert_eq!(without_arn("arn:aws:kms:eu-west-1:123456789012:alias/app"), "alias/app");
        assert_eq!(without_arn("arn:aws-cn:kms:cn-north-1:123456789012:key/01-23"), "01-23");
        assert_eq!(without_arn("key:10"), "key:10");
    }

    #[test]
    fn a_key_of_another_account_does_not_exist_here() {
        let code = |named: &str| check_account(named, "123456789012").map_or_else(|e| e.code, |()| "ok");
        for ours in ["alias/app", "arn:aws:kms:us-east-1:123456789012:alias/app", "key:10"] {
            assert_eq!(code(ours), "ok", "{ours}");
        }
        for other in ["arn:aws:kms:us-east-1:210987654321:alias/app", "arn:aws:kms:us-east-1::key/01-23"] {
            assert_eq!(code(other), "InvalidKeyId", "{other}");
        }
    }

    #[test]
    fn an_alias_is_not_upstreams_own() {
        assert!(is_alias("alias/app/db-1"));
        for bad in ["app", "alias/", "alias/aws/x", "alias/ä", "alias/a b"] {
            assert!(!is_alias(bad), "{bad}");
        }
    }
}
