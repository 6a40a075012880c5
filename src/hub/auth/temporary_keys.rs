//! Temporary keys: an id, a secret and a token that end by themselves, made by `sts`.
//!
//! *Invariant*: a temporary key can do no more than the key or user it came from, and ends with it.

use aws_lc_rs::digest::{SHA256, digest};

use crate::base::id::random_hex;
use crate::base::{ApiError, ApiResult, Secret, Timestamp};
use crate::hub::auth::access_keys::{AccessKeys, context};
use crate::hub::auth::{Caller, Proof, Scope};
use crate::hub::store::{StoreError, Tx};

/// Live ones of one user; a client that asks for a new one before each call is at fault.
const MAX_LIVE: i64 = 1000;
pub(super) const PREFIX: &str = "ASIA";

/// What is handed over, this once.
pub struct TemporaryKey {
    pub id: String,
    pub secret: Secret<String>,
    pub token: String,
    pub expires_at: Timestamp,
}

/// The role that a temporary key acts in instead of its user's own rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssumedRole {
    pub name: String,
    pub session: String,
}

pub struct NewTemporaryKey {
    pub role: Option<AssumedRole>,
    pub at: Timestamp,
    pub expires_at: Timestamp,
    /// A second factor was given along: what takes a fresh proof is open to it until it ends.
    pub is_stepped_up: bool,
}

/// The key or the login that a temporary key came from.
struct Source {
    parent_id: Option<String>,
    login_id: Option<String>,
}

impl AccessKeys {
    /// Makes a temporary key for the caller, inside `tx`.
    ///
    /// *Errors*: `AccessDeniedException` for a caller without a user behind it; `LimitExceededException`.
    pub fn make_temporary(&self, tx: &Tx<'_>, caller: &Caller, new: NewTemporaryKey) -> ApiResult<TemporaryKey> {
        let (parent_id, login_id) = match &caller.proof {
            Proof::AccessKey(id) => (Some(id.clone()), None),
            Proof::Session(id) => (None, Some(id.clone())),
            Proof::Temporary(_) => return Err(no_keys("temporary credentials get no further ones: ask with an access key")),
            Proof::Local | Proof::None => return Err(no_keys("a temporary key belongs to a user: ask with an access key")),
        };
        sql::delete_expired(tx, new.at)?;
        if sql::live(tx, &caller.name, new.at)? >= MAX_LIVE {
            return Err(ApiError::new(
                "LimitExceededException",
                format!(
                    "user `{}` has {MAX_LIVE} temporary keys that have not expired: use one until it ends",
                    caller.name
                ),
            ));
        }
        let key = TemporaryKey {
            id: format!("{PREFIX}{}", random_hex(16).to_uppercase()),
            secret: Secret::new(random_hex(40)),
            token: random_hex(128),
            expires_at: new.expires_at,
        };
        let sealed = self.vault.seal(&context(&key.id), key.secret.expose().as_bytes());
        let source = Source { parent_id, login_id };
        sql::insert(tx, &key, &sealed, caller, source, &new)?;
        Ok(key)
    }
}

fn no_keys(why: &str) -> ApiError {
    ApiError::new("AccessDeniedException", why)
}

pub(super) fn token_hash(token: &str) -> Vec<u8> {
    digest(&SHA256, token.as_bytes()).as_ref().to_vec()
}

mod sql {
    use super::*;

    pub fn insert(
        tx: &Tx<'_>,
        key: &TemporaryKey,
        sealed: &[u8],
        caller: &Caller,
        source: Source,
        new: &NewTemporaryKey,
    ) -> Result<(), StoreError> {
        let params = [
            (":id", (&key.id).into()),
            (":sealed", sealed.into()),
            (":token", token_hash(&key.token).into()),
            (":user", (&caller.name).into()),
            (":parent", source.parent_id.into()),
            (":login", source.login_id.into()),
            (":role", new.role.as_ref().map(|r| r.name.clone()).into()),
            (":session", new.role.as_ref().map(|r| r.session.clone()).into()),
            (":scope", caller.scope.as_ref().map(Scope::to_string).into()),
            (":at", new.at.into()),
            (":expires", new.expires_at.into()),
            (":stepped_up", new.is_stepped_up.into()),
        ];
        tx.execute(
            "INSERT INTO temporary_key (id, sealed_secret, token_hash, user_name, parent_id, login_session_id, role, session_name, scope,
                                        created_at, expires_at, is_stepped_up)
             VALUES (:id, :sealed, :token, :user, :parent, :login, :role, :session, :scope, :at, :expires, :stepped_up)",
            &params,
        )
        .map(|_| ())
    }

    pub fn live(tx: &Tx<'_>, user: &str, now: Timestamp) -> Result<i64, StoreError> {
        tx.count(
            "SELECT count(*) FROM temporary_key WHERE user_name = :user AND expires_at > :now",
            &[(":user", user.into()), (":now", now.into())],
        )
    }

    /// A day late: until then the holder is told that the key has expired rather than that it never was.
    pub fn delete_expired(tx: &Tx<'_>, now: Timestamp) -> Result<(), StoreError> {
        let limit = now - std::time::Duration::from_secs(24 * 3600);
        tx.execute("DELETE FROM temporary_key WHERE expires_at < :limit", &[(":limit", limit.into())])
            .map(|_| ())
    }
}
