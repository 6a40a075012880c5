//! Access keys: what programs sign requests with. Their secrets lie sealed in the database.
//!
//! What a request found out about a key is kept in memory only until the next commit (`auth/signature.rs`), so that a key that
//! was switched off, deleted or whose user is gone is refused at the next request.

use std::sync::Arc;

use crate::base::id::random_hex;
use crate::base::{ApiError, ApiResult, Secret, Timestamp};
use crate::hub::auth::Scope;
use crate::hub::auth::signature::Seen;
use crate::hub::auth::vault::Vault;
use crate::hub::store::{Condition, Row, Select, Store, StoreError, Tx};

/// Makes keys and knows how to check what was signed with one.
pub struct AccessKeys {
    pub(super) store: Store,
    pub(super) vault: Arc<Vault>,
    /// Exists only in this process's memory and in `DATA/local.json`.
    local: (String, Secret<String>),
    pub(super) seen: Seen,
}

/// One key as it is listed; the secret is shown only once, when it is made.
#[derive(Clone, Debug)]
pub struct AccessKey {
    pub id: String,
    pub user_name: String,
    pub description: String,
    pub status: String,
    pub scope: Option<Scope>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub last_use: Option<LastUse>,
}

/// When, from where and for what a key was used last; at most a minute old.
#[derive(Clone, Debug)]
pub struct LastUse {
    pub at: Timestamp,
    pub address: String,
    pub service: String,
}

impl AccessKeys {
    pub fn new(store: Store, vault: Arc<Vault>) -> Self {
        let local = (format!("LOCAL{}", random_hex(16).to_uppercase()), Secret::new(random_hex(40)));
        let seen = Seen::default();
        Self { store, vault, local, seen }
    }

    /// Id and secret of the key for the hub's own user on this host.
    pub fn local(&self) -> (&str, &Secret<String>) {
        (&self.local.0, &self.local.1)
    }

    /// What seals secrets, those of second factors too.
    pub fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    /// Makes a key, ready to be inserted.
    ///
    /// *Errors*: `ValidationException` when a given id is ill-formed.
    pub fn prepare(&self, new: NewKey) -> ApiResult<SealedKey> {
        let (id, secret) = new.credentials.clone().unwrap_or_else(random_key);
        if !(16..=128).contains(&id.len()) || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(ApiError::validation("an access key id has 16 to 128 letters, digits or `_`"));
        }
        let sealed = self.vault.seal(&context(&id), secret.expose().as_bytes());
        Ok(SealedKey { id, secret, sealed, new })
    }

    pub fn list(tx: &Tx<'_>, visible: &Condition) -> Result<Vec<AccessKey>, StoreError> {
        sql::list(tx, visible)
    }

    /// `false` when there is no such key.
    pub fn delete(tx: &Tx<'_>, id: &str) -> Result<bool, StoreError> {
        sql::delete(tx, id)
    }

    /// Lets the key's user do for a while what takes a fresh proof.
    pub fn step_up(tx: &Tx<'_>, id: &str, until: Timestamp) -> Result<(), StoreError> {
        sql::step_up(tx, id, until)
    }

    /// `false` when there is no such key. Who switches it off is kept.
    pub fn set_status(tx: &Tx<'_>, id: &str, status: &str, by: &str) -> Result<bool, StoreError> {
        sql::set_status(tx, id, status, by)
    }
}

/// What a sealed secret belongs to.
pub(super) fn context(id: &str) -> String {
    format!("access-key:{id}")
}

/// What [`AccessKeys::prepare`] needs to know.
pub struct NewKey {
    pub user_name: String,
    pub description: String,
    pub at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub scope: Option<Scope>,
    /// Given in advance; otherwise made here.
    pub credentials: Option<(String, Secret<String>)>,
}

/// A key that is not in the database yet.
pub struct SealedKey {
    pub id: String,
    pub secret: Secret<String>,
    sealed: Vec<u8>,
    new: NewKey,
}

impl SealedKey {
    /// *Errors*: `ValidationException` when the id is taken.
    pub fn insert(&self, tx: &Tx<'_>) -> ApiResult<()> {
        if sql::insert(tx, self)? == 0 {
            return Err(ApiError::validation(format!("access key `{}` exists already", self.id)));
        }
        Ok(())
    }
}

fn random_key() -> (String, Secret<String>) {
    (format!("RSAK{}", random_hex(16).to_uppercase()), Secret::new(random_hex(40)))
}

mod sql {
    use super::*;

    pub fn insert(tx: &Tx<'_>, key: &SealedKey) -> Result<usize, StoreError> {
        let params = [
            (":id", (&key.id).into()),
            (":user", (&key.new.user_name).into()),
            (":sealed", key.sealed.clone().into()),
            (":description", (&key.new.description).into()),
            (":scope", key.new.scope.as_ref().map(Scope::to_string).into()),
            (":at", key.new.at.into()),
            (":expires", key.new.expires_at.into()),
        ];
        tx.execute(
            "INSERT INTO access_key (id, user_name, sealed_secret, description, status, scope, created_at, expires_at)
             VALUES (:id, :user, :sealed, :description, 'Active', :scope, :at, :expires) ON CONFLICT (id) DO NOTHING",
            &params,
        )
    }

    pub fn list(tx: &Tx<'_>, visible: &Condition) -> Result<Vec<AccessKey>, StoreError> {
        let head = "SELECT id, user_name, description, status, scope, created_at, expires_at,
                           last_used_at, last_used_from, last_used_service
                    FROM access_key";
        let select = Select::new(head).and_condition(visible).order("created_at, id");
        select.rows(tx, |row: &Row<'_>| {
            Ok(AccessKey {
                id: row.get("id")?,
                user_name: row.get("user_name")?,
                description: row.get("description")?,
                status: row.get("status")?,
                scope: scope(row)?,
                created_at: row.get("created_at")?,
                expires_at: row.get("expires_at")?,
                last_use: last_use(row)?,
            })
        })
    }

    fn last_use(row: &Row<'_>) -> Result<Option<LastUse>, StoreError> {
        let Some(at) = row.get("last_used_at")? else { return Ok(None) };
        Ok(Some(LastUse {
            at,
            address: row.get::<Option<String>>("last_used_from")?.unwrap_or_default(),
            service: row.get::<Option<String>>("last_used_service")?.unwrap_or_default(),
        }))
    }

    pub fn delete(tx: &Tx<'_>, id: &str) -> Result<bool, StoreError> {
        Ok(tx.execute("DELETE FROM access_key WHERE id = :id", &[(":id", id.into())])? > 0)
    }

    pub fn step_up(tx: &Tx<'_>, id: &str, until: Timestamp) -> Result<(), StoreError> {
        let params = [(":id", id.into()), (":until", until.into())];
        tx.execute("UPDATE access_key SET stepped_up_until = :until WHERE id = :id", &params)
            .map(|_| ())
    }

    /// A key that is off already stays somebody else's doing.
    pub fn set_status(tx: &Tx<'_>, id: &str, status: &str, by: &str) -> Result<bool, StoreError> {
        let params = [(":id", id.into()), (":status", status.into()), (":by", by.into())];
        let sql = "UPDATE access_key SET status = :status, disabled_by = CASE WHEN :status = 'Active' THEN NULL
                       WHEN status = 'Active' OR disabled_by = user_name THEN :by ELSE disabled_by END WHERE id = :id";
        Ok(tx.execute(sql, &params)? > 0)
    }
}

/// The `scope` column of a row.
pub(super) fn scope(row: &Row<'_>) -> Result<Option<Scope>, StoreError> {
    match row.get::<Option<String>>("scope")? {
        Some(_) => row.parsed("scope").map(Some),
        None => Ok(None),
    }
}
