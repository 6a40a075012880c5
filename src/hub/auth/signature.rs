//! From a signed request to its caller: whose key, is it alive, is the signature right.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::AUTHORIZATION;

use crate::base::{ApiError, ApiResult, Secret, Timestamp};
use crate::hub::auth::access_keys::{AccessKeys, context, scope};
use crate::hub::auth::accounts::{self, LoginRule};
use crate::hub::auth::temporary_keys::{AssumedRole, PREFIX, token_hash};
use crate::hub::auth::{Caller, Proof, Scope, unauthenticated};
use crate::hub::store::{StoreError, Tx};
use crate::platform::sigv4::{self, Authorization, SignatureError, SignedParts, SigningKey, X_AMZ_SECURITY_TOKEN};

/// How far a caller's clock may be off, either way.
const CLOCK_WINDOW: Duration = Duration::from_secs(300);
/// The last use of a key is written at most this often.
const LAST_USE_STEP: Duration = Duration::from_secs(60);
/// Keys in memory; with more than that they begin anew.
const MAX_SEEN: usize = 1000;

/// A key as one request found it.
struct Found {
    sealed: Vec<u8>,
    user_name: String,
    is_active: bool,
    scope: Option<Scope>,
    expires_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
    temporary: Option<Temporary>,
    stepped_up_until: Option<Timestamp>,
    rule: LoginRule,
}

struct Temporary {
    token_hash: Vec<u8>,
    role: Option<AssumedRole>,
}

/// A signed request whose signer is known.
pub struct Signed {
    pub caller: Caller,
    /// The region that it was signed for.
    pub region: String,
}

impl AccessKeys {
    /// The caller behind a request that is signed for `service`.
    ///
    /// *Errors*, as upstream: `IncompleteSignatureException`, `UnrecognizedClientException`, `ExpiredTokenException`,
    /// `InvalidSignatureException` (another service, wrong signature, or a clock more than five minutes off, with both times so that
    /// an SDK can correct itself).
    pub async fn authenticate(&self, request: &Request<Bytes>, service: &str, address: &str, now: Timestamp) -> ApiResult<Signed> {
        let header = request.headers().get(AUTHORIZATION).ok_or_else(unauthenticated)?;
        let header = header.to_str().map_err(|_| incomplete("the Authorization header is not ASCII"))?;
        let authorization = Authorization::parse(header).map_err(|e| incomplete(e.to_string()))?;
        if authorization.service != service {
            return Err(invalid(format!("Credential should be scoped to correct service: '{service}'.")));
        }
        if authorization.access_key_id == self.local().0 {
            check_clock(request, now)?;
            check_signature(request, &authorization, self.local().1)?;
            return Ok(Signed {
                caller: Caller::local(),
                region: authorization.region,
            });
        }
        let known = self.known(&authorization).await?;
        let found = &known.found;
        check_token(request, found)?;
        check_clock(request, now)?;
        check_with(request, &authorization, &known.key)?;
        check_expiry(found, now)?;
        self.note_use(&authorization, found, address, now);
        let caller = found.caller(&authorization.access_key_id);
        self.seen.keep(&authorization, known);
        Ok(Signed {
            caller,
            region: authorization.region,
        })
    }

    /// The key behind a signature, as it is in the database now.
    async fn known(&self, authorization: &Authorization) -> ApiResult<Arc<Known>> {
        // Asked for before the rows are read: a commit in between makes it old at once.
        let generation = self.store.generation();
        if let Some(known) = self.seen.find(authorization, generation) {
            return Ok(known);
        }
        let (found, secret) = self.find(&authorization.access_key_id).await?.ok_or_else(unrecognized)?;
        let key = signing_key(authorization, &secret);
        Ok(Arc::new(Known { generation, found, key }))
    }

    /// Whether a key that signed earlier still counts.
    pub async fn is_alive(&self, id: &str, now: Timestamp) -> ApiResult<bool> {
        let found = self.find(id).await?;
        Ok(found.is_some_and(|(found, _)| check_expiry(&found, now).is_ok()))
    }

    async fn find(&self, id: &str) -> ApiResult<Option<(Found, Secret<String>)>> {
        let wanted = id.to_owned();
        let found = self.store.glance(move |tx| {
            let found = match wanted.starts_with(PREFIX) {
                true => sql::temporary(tx, &wanted)?,
                false => sql::lasting(tx, &wanted)?,
            };
            let Some(mut found) = found else { return Ok(None) };
            if let Some(account) = accounts::find(tx, &found.user_name)? {
                found.rule = account.rule(tx)?;
            }
            if let Some(role) = found.temporary.as_ref().and_then(|temporary| temporary.role.as_ref()) {
                found.rule = found.rule.and(accounts::rule(tx, &role.name)?);
            }
            Ok(Some(found))
        });
        let found = found.await.map_err(|e: StoreError| ApiError::from(e))?;
        let Some(found) = found.filter(|found| found.is_active) else {
            return Ok(None);
        };
        let secret = self.vault.open_sealed(&context(id), &found.sealed).map_err(ApiError::internal)?;
        let secret = String::from_utf8(secret.expose().clone()).map_err(ApiError::internal)?;
        Ok(Some((found, Secret::new(secret))))
    }

    /// Writes the time and place of use now and then, without making the caller wait for it.
    fn note_use(&self, authorization: &Authorization, found: &Found, address: &str, now: Timestamp) {
        let is_due = found.last_used_at.is_none_or(|last| now.since(last) >= LAST_USE_STEP);
        if !is_due || found.temporary.is_some() {
            return;
        }
        let (store, id) = (self.store.clone(), authorization.access_key_id.clone());
        let service: String = authorization.service.chars().take(40).collect();
        let address = address.to_owned();
        tokio::spawn(async move {
            let written = store.write(move |tx| sql::note_use(tx, &id, &address, &service, now)).await;
            if let Err(error) = written {
                tracing::warn!(error = %error, "the last use of an access key was not written");
            }
        });
    }
}

impl Found {
    fn caller(&self, key_id: &str) -> Caller {
        let key_id = key_id.to_owned();
        let (proof, assumed) = match &self.temporary {
            Some(temporary) => (Proof::Temporary(key_id), temporary.role.clone()),
            None => (Proof::AccessKey(key_id), None),
        };
        Caller {
            scope: self.scope.clone(),
            assumed,
            stepped_up_until: self.stepped_up_until,
            rule: self.rule,
            ..Caller::new(self.user_name.clone(), proof)
        }
    }
}

/// A key and what its secret comes to for one day, region and service.
pub(super) struct Known {
    /// The database's, from before the key was looked up.
    generation: u64,
    found: Found,
    key: SigningKey,
}

/// Keys that signed well, by id, day, region and service. Each counts until the next commit: callers that only read sign
/// against memory, and whatever is changed about a key, its user or a rule counts at the next request.
#[derive(Default)]
pub(super) struct Seen(Mutex<HashMap<[String; 4], Arc<Known>>>);

impl Seen {
    fn find(&self, authorization: &Authorization, generation: u64) -> Option<Arc<Known>> {
        let known = self.lock();
        let known = known.get(&place(authorization))?;
        (known.generation == generation).then(|| known.clone())
    }

    fn keep(&self, authorization: &Authorization, fresh: Arc<Known>) {
        let place = place(authorization);
        let mut known = self.lock();
        if known.get(&place).is_some_and(|known| Arc::ptr_eq(known, &fresh)) {
            return;
        }
        if known.len() >= MAX_SEEN {
            known.clear();
        }
        known.insert(place, fresh);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[String; 4], Arc<Known>>> {
        self.0.lock().expect("no code panics while it holds the map")
    }
}

fn place(authorization: &Authorization) -> [String; 4] {
    let Authorization {
        access_key_id,
        date,
        region,
        service,
        ..
    } = authorization;
    [access_key_id, date, region, service].map(String::clone)
}

/// A temporary key counts with its token only, a lasting one without any.
fn check_token(request: &Request<Bytes>, found: &Found) -> ApiResult<()> {
    let given = request
        .headers()
        .get(X_AMZ_SECURITY_TOKEN)
        .map(|token| token.to_str().unwrap_or_default());
    let fits = match (&found.temporary, given) {
        (Some(temporary), Some(token)) => subtle::ConstantTimeEq::ct_eq(&temporary.token_hash[..], &token_hash(token)[..]).into(),
        (None, None) => true,
        // Some clients send an empty token along.
        (None, Some(token)) => token.is_empty(),
        (Some(_), None) => false,
    };
    if fits { Ok(()) } else { Err(unrecognized()) }
}

fn check_expiry(found: &Found, now: Timestamp) -> ApiResult<()> {
    if found.expires_at.is_none_or(|at| now < at) {
        return Ok(());
    }
    Err(ApiError::new(
        "ExpiredTokenException",
        "The security token included in the request is expired",
    ))
}

fn check_signature(request: &Request<Bytes>, authorization: &Authorization, secret: &Secret<String>) -> ApiResult<()> {
    check_with(request, authorization, &signing_key(authorization, secret))
}

fn signing_key(authorization: &Authorization, secret: &Secret<String>) -> SigningKey {
    SigningKey::derive(secret, &authorization.date, &authorization.region, &authorization.service)
}

fn check_with(request: &Request<Bytes>, authorization: &Authorization, key: &SigningKey) -> ApiResult<()> {
    let parts = SignedParts {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or(""),
        headers: request.headers(),
        body_sha256: &sigv4::sha256_hex(request.body()),
    };
    sigv4::verify(authorization, key, &parts).map_err(|e| match e {
        SignatureError::Malformed(_) | SignatureError::MissingHeader(_) => incomplete(e.to_string()),
        other => invalid(other.to_string()),
    })
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

    pub fn lasting(tx: &Tx<'_>, id: &str) -> Result<Option<Found>, StoreError> {
        let sql = "SELECT k.sealed_secret, k.user_name, k.status, k.scope, k.expires_at, k.last_used_at, k.stepped_up_until
                   FROM access_key k WHERE k.id = :id";
        tx.row(sql, &[(":id", id.into())], |row| {
            Ok(Found {
                sealed: row.get("sealed_secret")?,
                user_name: row.get("user_name")?,
                is_active: row.get::<String>("status")? == "Active",
                scope: scope(row)?,
                expires_at: row.get("expires_at")?,
                last_used_at: row.get("last_used_at")?,
                temporary: None,
                stepped_up_until: row.get("stepped_up_until")?,
                rule: LoginRule::default(),
            })
        })
    }

    /// Alive as long as the key it came from.
    pub fn temporary(tx: &Tx<'_>, id: &str) -> Result<Option<Found>, StoreError> {
        let sql = "SELECT t.sealed_secret, t.token_hash, t.user_name, t.role AS assumed, t.session_name, t.scope,
                          min(t.expires_at, coalesce(k.expires_at, t.expires_at)) AS expires_at,
                          coalesce(k.status, 'Active') AS status, t.is_stepped_up
                   FROM temporary_key t LEFT JOIN access_key k ON k.id = t.parent_id
                   WHERE t.id = :id";
        tx.row(sql, &[(":id", id.into())], |row| {
            let assumed = row.get::<Option<String>>("assumed")?;
            let session = row.get::<Option<String>>("session_name")?;
            let role = assumed.zip(session).map(|(name, session)| AssumedRole { name, session });
            Ok(Found {
                sealed: row.get("sealed_secret")?,
                user_name: row.get("user_name")?,
                is_active: row.get::<String>("status")? == "Active",
                scope: scope(row)?,
                expires_at: row.get("expires_at")?,
                last_used_at: None,
                temporary: Some(Temporary {
                    token_hash: row.get("token_hash")?,
                    role,
                }),
                stepped_up_until: match row.get("is_stepped_up")? {
                    true => row.get("expires_at")?,
                    false => None,
                },
                rule: LoginRule::default(),
            })
        })
    }

    pub fn note_use(tx: &Tx<'_>, id: &str, address: &str, service: &str, at: Timestamp) -> Result<(), StoreError> {
        let params = [
            (":id", id.into()),
            (":at", at.into()),
            (":address", address.into()),
            (":service", service.into()),
        ];
        tx.execute(
            "UPDATE access_key SET last_used_at = :at, last_used_from = :address, last_used_service = :service WHERE id = :id",
            &params,
        )
        .map(|_| ())
    }
}
