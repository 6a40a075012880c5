//! Access keys: what signs API requests. Their secrets lie sealed in the database.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::AUTHORIZATION;

use crate::base::id::random_hex;
use crate::base::{ApiError, ApiResult, Secret, Timestamp};
use crate::hub::auth::vault::Vault;
use crate::hub::auth::{Caller, Proof, unauthenticated};
use crate::hub::store::{Condition, Row, Select, Store, StoreError, Tx};
use crate::platform::sigv4::{self, Authorization, SignatureError, SignedParts, SigningKey};

/// How far a caller's clock may be off, either way.
const CLOCK_WINDOW: Duration = Duration::from_secs(300);
/// The last use of a key is written at most this often.
const LAST_USE_STEP: Duration = Duration::from_secs(60);
/// Derived signing keys kept in memory; a caller has one per day, region and service.
const SIGNING_KEYS: usize = 1024;

/// All access keys, in memory as they were when last used, and dropped from there when their row changes.
pub struct AccessKeys {
    store: Store,
    vault: Arc<Vault>,
    known: Mutex<HashMap<String, Known>>,
    signing: Mutex<HashMap<(String, String, String, String), SigningKey>>,
    /// Exists only in this process's memory and in `DATA/local.json`.
    local: (String, Secret<String>),
}

#[derive(Clone)]
struct Known {
    secret: Arc<Secret<String>>,
    user_name: String,
    is_active: bool,
    last_used_at: Option<Timestamp>,
}

/// One key as it is listed; the secret is shown only once, when it is made.
#[derive(Clone, Debug)]
pub struct AccessKey {
    pub id: String,
    pub user_name: String,
    pub description: String,
    pub status: String,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

impl AccessKeys {
    pub fn new(store: Store, vault: Arc<Vault>) -> Self {
        let local = (format!("LOCAL{}", random_hex(16).to_uppercase()), Secret::new(random_hex(40)));
        Self {
            store,
            vault,
            known: Mutex::default(),
            signing: Mutex::default(),
            local,
        }
    }

    /// Id and secret of the key for the hub's own user on this host.
    pub fn local(&self) -> (&str, &Secret<String>) {
        (&self.local.0, &self.local.1)
    }

    /// The caller behind a signed request.
    ///
    /// *Errors*, as upstream: `IncompleteSignatureException`, `UnrecognizedClientException`, `InvalidSignatureException`
    /// (wrong signature, or a clock more than five minutes off, with both times so that an SDK can correct itself).
    pub async fn authenticate(&self, request: &Request<Bytes>, now: Timestamp) -> ApiResult<(Caller, String)> {
        let header = request.headers().get(AUTHORIZATION).ok_or_else(unauthenticated)?;
        let header = header.to_str().map_err(|_| incomplete("the Authorization header is not ASCII"))?;
        let authorization = Authorization::parse(header).map_err(|e| incomplete(e.to_string()))?;
        let known = self
            .find(&authorization.access_key_id)
            .await?
            .filter(|k| k.is_active)
            .ok_or_else(unrecognized)?;
        let key = self.signing_key(&authorization, &known);
        check_clock(request, now)?;
        let body_sha256 = sigv4::sha256_hex(request.body());
        let parts = SignedParts {
            method: request.method().as_str(),
            path: request.uri().path(),
            query: request.uri().query().unwrap_or(""),
            headers: request.headers(),
            body_sha256: &body_sha256,
        };
        sigv4::verify(&authorization, &key, &parts).map_err(|e| match e {
            SignatureError::Malformed(_) | SignatureError::MissingHeader(_) => incomplete(e.to_string()),
            other => invalid(other.to_string()),
        })?;
        let proof = if authorization.access_key_id == self.local.0 {
            Proof::Local
        } else {
            Proof::AccessKey(authorization.access_key_id.clone())
        };
        self.note_use(&authorization.access_key_id, &known, now);
        Ok((Caller::new(known.user_name, proof), authorization.region))
    }

    async fn find(&self, id: &str) -> ApiResult<Option<Known>> {
        if id == self.local.0 {
            let secret = Arc::new(self.local.1.clone());
            return Ok(Some(Known {
                secret,
                user_name: "local".into(),
                is_active: true,
                last_used_at: None,
            }));
        }
        if let Some(known) = self.known().get(id) {
            return Ok(Some(known.clone()));
        }
        let (wanted, vault) = (id.to_owned(), self.vault.clone());
        let found = self.store.read(move |tx| load(tx, &vault, &wanted)).await?;
        if let Some(known) = &found {
            self.known().insert(id.to_owned(), known.clone());
        }
        Ok(found)
    }

    /// Forgets what is in memory about a key whose row changed.
    pub fn forget(&self, id: &str) {
        self.known().remove(id);
        self.signing
            .lock()
            .expect("no code panics while it holds the map")
            .retain(|(key, ..), _| key != id);
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().expect("no code panics while it holds the map")
    }

    fn signing_key(&self, authorization: &Authorization, known: &Known) -> SigningKey {
        let Authorization {
            access_key_id,
            date,
            region,
            service,
            ..
        } = authorization;
        let name = (access_key_id.clone(), date.clone(), region.clone(), service.clone());
        let mut keys = self.signing.lock().expect("no code panics while it holds the map");
        if let Some(key) = keys.get(&name) {
            return key.clone();
        }
        if keys.len() >= SIGNING_KEYS {
            keys.clear();
        }
        let key = SigningKey::derive(&known.secret, date, region, service);
        keys.insert(name, key.clone());
        key
    }

    /// Writes the time of use now and then, without making the caller wait for it.
    fn note_use(&self, id: &str, known: &Known, now: Timestamp) {
        let is_due = known.last_used_at.is_none_or(|last| now.since(last) >= LAST_USE_STEP);
        if !is_due || id == self.local.0 {
            return;
        }
        if let Some(entry) = self.known().get_mut(id) {
            entry.last_used_at = Some(now);
        }
        let (store, id) = (self.store.clone(), id.to_owned());
        tokio::spawn(async move {
            let written = store.write(move |tx| sql::note_use(tx, &id, now)).await;
            if let Err(error) = written {
                tracing::warn!(error = %error, "the last use of an access key was not written");
            }
        });
    }

    /// Makes a key, ready to be inserted.
    ///
    /// *Errors*: `ValidationException` when a given id is ill-formed.
    pub fn prepare(&self, new: NewKey) -> ApiResult<SealedKey> {
        let (id, secret) = new.credentials.unwrap_or_else(random_key);
        if !(16..=128).contains(&id.len()) || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(ApiError::validation("an access key id has 16 to 128 letters, digits or `_`"));
        }
        let sealed = self.vault.seal(&format!("access-key:{id}"), secret.expose().as_bytes());
        Ok(SealedKey {
            id,
            secret,
            sealed,
            user_name: new.user_name,
            description: new.description,
            at: new.at,
        })
    }

    pub fn list(tx: &Tx<'_>, visible: &Condition) -> Result<Vec<AccessKey>, StoreError> {
        sql::list(tx, visible)
    }

    /// Forgets every key of a user: who was disabled or deleted is refused at once.
    pub fn forget_user(&self, user: &str) {
        let gone: Vec<String> = {
            let mut known = self.known();
            let of_user = known.iter().filter(|(_, key)| key.user_name == user);
            let gone = of_user.map(|(id, _)| id.clone()).collect();
            known.retain(|_, key| key.user_name != user);
            gone
        };
        gone.iter().for_each(|id| self.forget(id));
    }

    /// `false` when there is no such key. Call [`AccessKeys::forget`] after the commit.
    pub fn delete(tx: &Tx<'_>, id: &str) -> Result<bool, StoreError> {
        sql::delete(tx, id)
    }
}

/// What [`AccessKeys::prepare`] needs to know.
pub struct NewKey {
    pub user_name: String,
    pub description: String,
    pub at: Timestamp,
    /// Given in advance; otherwise made here.
    pub credentials: Option<(String, Secret<String>)>,
}

/// A key that is not in the database yet.
pub struct SealedKey {
    pub id: String,
    pub secret: Secret<String>,
    sealed: Vec<u8>,
    user_name: String,
    description: String,
    at: Timestamp,
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

fn load(tx: &Tx<'_>, vault: &Vault, id: &str) -> ApiResult<Option<Known>> {
    let Some((sealed, mut known)) = sql::find(tx, id)? else {
        return Ok(None);
    };
    let secret = vault
        .open_sealed(&format!("access-key:{id}"), &sealed)
        .map_err(ApiError::internal)?;
    let secret = String::from_utf8(secret.expose().clone()).map_err(ApiError::internal)?;
    known.secret = Arc::new(Secret::new(secret));
    Ok(Some(known))
}

fn check_clock(request: &Request<Bytes>, now: Timestamp) -> ApiResult<()> {
    let (text, at) = sigv4::request_date(request.headers()).ok_or_else(|| incomplete("the request carries no usable X-Amz-Date"))?;
    let (word, limit) = if at > now {
        ("not yet current", now + CLOCK_WINDOW)
    } else {
        ("expired", now - CLOCK_WINDOW)
    };
    if now.since(at).max(at.since(now)) <= CLOCK_WINDOW {
        return Ok(());
    }
    let (limit, now) = (sigv4::format_date(limit), sigv4::format_date(now));
    // Clients look for these words and times to correct their own clock.
    Err(invalid(match word {
        "expired" => format!("Signature expired: {text} is now earlier than {limit} ({now} - 5 min.)"),
        _ => format!("Signature not yet current: {text} is still later than {limit} ({now} + 5 min.)"),
    }))
}

fn incomplete(why: impl Into<String>) -> ApiError {
    ApiError::new("IncompleteSignatureException", why)
}

fn invalid(why: impl Into<String>) -> ApiError {
    ApiError::new("InvalidSignatureException", why)
}

fn unrecognized() -> ApiError {
    ApiError::new(
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    )
}

mod sql {
    use super::*;

    pub fn find(tx: &Tx<'_>, id: &str) -> Result<Option<(Vec<u8>, Known)>, StoreError> {
        let sql = "SELECT sealed_secret, user_name, status, last_used_at FROM access_key WHERE id = :id";
        tx.row(sql, &[(":id", id.into())], |row| {
            let known = Known {
                secret: Arc::new(Secret::new(String::new())),
                user_name: row.get("user_name")?,
                is_active: row.get::<String>("status")? == "Active",
                last_used_at: row.get("last_used_at")?,
            };
            Ok((row.get("sealed_secret")?, known))
        })
    }

    pub fn insert(tx: &Tx<'_>, key: &SealedKey) -> Result<usize, StoreError> {
        let params = [
            (":id", (&key.id).into()),
            (":user", (&key.user_name).into()),
            (":sealed", key.sealed.clone().into()),
            (":description", (&key.description).into()),
            (":at", key.at.into()),
        ];
        tx.execute(
            "INSERT INTO access_key (id, user_name, sealed_secret, description, status, created_at)
             VALUES (:id, :user, :sealed, :description, 'Active', :at) ON CONFLICT (id) DO NOTHING",
            &params,
        )
    }

    pub fn list(tx: &Tx<'_>, visible: &Condition) -> Result<Vec<AccessKey>, StoreError> {
        let select = Select::new("SELECT id, user_name, description, status, created_at, last_used_at FROM access_key")
            .and_condition(visible)
            .order("created_at, id");
        select.rows(tx, |row: &Row<'_>| {
            Ok(AccessKey {
                id: row.get("id")?,
                user_name: row.get("user_name")?,
                description: row.get("description")?,
                status: row.get("status")?,
                created_at: row.get("created_at")?,
                last_used_at: row.get("last_used_at")?,
            })
        })
    }

    pub fn delete(tx: &Tx<'_>, id: &str) -> Result<bool, StoreError> {
        Ok(tx.execute("DELETE FROM access_key WHERE id = :id", &[(":id", id.into())])? > 0)
    }

    pub fn note_use(tx: &Tx<'_>, id: &str, at: Timestamp) -> Result<(), StoreError> {
        tx.execute(
            "UPDATE access_key SET last_used_at = :at WHERE id = :id",
            &[(":id", id.into()), (":at", at.into())],
        )
        .map(|_| ())
    }
}
