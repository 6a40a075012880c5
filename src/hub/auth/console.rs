//! Console sessions: kept on the hub, named by a random cookie of which only the hash is stored.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use http::HeaderMap;
use http::header::COOKIE;

use crate::base::id::random_hex;
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::auth::{Caller, Proof};
use crate::hub::store::{Store, StoreError, Tx};

pub const COOKIE_NAME: &str = "roadstead_session";
pub const CSRF_HEADER: &str = "x-roadstead-csrf";
/// A session ends this long after the login, whatever happens in it.
pub const LIFETIME: Duration = Duration::from_secs(12 * 3600);
/// Failed logins of one name or one address that cost nothing yet.
const FREE_FAILURES: u32 = 5;
/// The longest wait after failed logins: it slows a guesser down and locks nobody out for long.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Names and addresses remembered for back-off.
const REMEMBERED: usize = 10_000;

/// A live session of the console.
#[derive(Clone, Debug)]
pub struct ConsoleSession {
    pub user_name: String,
    pub csrf_token: String,
}

/// A session just made: the cookie's value leaves the hub this once.
pub struct NewSession {
    pub cookie: String,
    pub csrf_token: String,
}

pub struct ConsoleSessions {
    store: Store,
    failures: Mutex<HashMap<String, (u32, Timestamp)>>,
}

impl ConsoleSessions {
    pub fn new(store: Store) -> Self {
        Self {
            store,
            failures: Mutex::default(),
        }
    }

    /// The session behind a request's cookie; `None` without one, or when it is over.
    pub async fn find(&self, headers: &HeaderMap, now: Timestamp) -> ApiResult<Option<ConsoleSession>> {
        let Some(token) = cookie(headers) else { return Ok(None) };
        let hash = hash(token);
        self.store.read(move |tx| Ok(sql::find(tx, &hash, now)?)).await
    }

    /// Starts a session inside `tx`.
    pub fn create(tx: &Tx<'_>, user_name: &str, address: &str, now: Timestamp) -> Result<NewSession, StoreError> {
        let session = NewSession {
            cookie: random_hex(64),
            csrf_token: random_hex(48),
        };
        sql::delete_expired(tx, now)?;
        sql::insert(tx, &hash(&session.cookie), user_name, &session.csrf_token, address, now)?;
        Ok(session)
    }

    /// Ends the session of a request, if it has one.
    pub fn end(tx: &Tx<'_>, headers: &HeaderMap) -> Result<(), StoreError> {
        cookie(headers).map_or(Ok(()), |token| sql::delete(tx, &hash(token)))
    }

    /// Whether a login may be tried now. Both the name and the address slow down by themselves; neither is locked.
    ///
    /// *Errors*: `TooManyAttemptsException` with the seconds to wait.
    pub fn admit(&self, name: &str, address: &str, now: Timestamp) -> ApiResult<()> {
        let failures = self.failures();
        let wait = [format!("{name}@{address}"), format!("@{address}")]
            .iter()
            .filter_map(|key| failures.get(key))
            .map(|(count, last)| remaining(*count, *last, now))
            .max();
        match wait {
            Some(wait) if !wait.is_zero() => {
                let seconds = wait.as_secs() + 1;
                Err(ApiError::new(
                    "TooManyAttemptsException",
                    format!("too many failed logins from this address: try again in {seconds} s"),
                ))
            }
            _ => Ok(()),
        }
    }

    pub fn note(&self, name: &str, address: &str, succeeded: bool, now: Timestamp) {
        let mut failures = self.failures();
        if failures.len() > REMEMBERED {
            failures.retain(|_, (_, last)| now.since(*last) < LONGEST_WAIT);
        }
        let pair = format!("{name}@{address}");
        if succeeded {
            failures.remove(&pair);
            return;
        }
        for key in [pair, format!("@{address}")] {
            let entry = failures.entry(key).or_insert((0, now));
            *entry = (
                if now.since(entry.1) > Duration::from_secs(3600) {
                    1
                } else {
                    entry.0 + 1
                },
                now,
            );
        }
    }

    fn failures(&self) -> std::sync::MutexGuard<'_, HashMap<String, (u32, Timestamp)>> {
        self.failures.lock().expect("no code panics while it holds the map")
    }
}

impl ConsoleSession {
    pub fn caller(&self) -> Caller {
        Caller::new(self.user_name.clone(), Proof::Session)
    }

    /// Cross-site requests carry the cookie but cannot know this token.
    ///
    /// *Errors*: `AccessDeniedException`.
    pub fn check_csrf(&self, headers: &HeaderMap) -> ApiResult<()> {
        let given = headers.get(CSRF_HEADER).map(|v| v.as_bytes()).unwrap_or_default();
        if subtle::ConstantTimeEq::ct_eq(given, self.csrf_token.as_bytes()).into() {
            return Ok(());
        }
        Err(ApiError::new(
            "AccessDeniedException",
            "the request lacks the console's `X-Roadstead-Csrf` token: reload the page",
        ))
    }
}

/// How long after its last failure a name or address still has to wait.
fn remaining(failures: u32, last: Timestamp, now: Timestamp) -> Duration {
    let Some(over) = failures.checked_sub(FREE_FAILURES) else {
        return Duration::ZERO;
    };
    let wait = Duration::from_secs(1 << over.min(5)).min(LONGEST_WAIT);
    wait.saturating_sub(now.since(last))
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let mut pairs = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='))
}

fn hash(token: &str) -> Vec<u8> {
    digest(&SHA256, token.as_bytes()).as_ref().to_vec()
}

mod sql {
    use super::*;

    pub fn find(tx: &Tx<'_>, hash: &[u8], now: Timestamp) -> Result<Option<ConsoleSession>, StoreError> {
        let sql = "SELECT user_name, csrf_token FROM console_session WHERE token_hash = :hash AND expires_at > :now";
        tx.row(sql, &[(":hash", hash.into()), (":now", now.into())], |row| {
            Ok(ConsoleSession {
                user_name: row.get("user_name")?,
                csrf_token: row.get("csrf_token")?,
            })
        })
    }

    pub fn insert(tx: &Tx<'_>, hash: &[u8], user: &str, csrf: &str, address: &str, now: Timestamp) -> Result<(), StoreError> {
        let params = [
            (":hash", hash.into()),
            (":user", user.into()),
            (":csrf", csrf.into()),
            (":address", address.into()),
            (":now", now.into()),
            (":expires", (now + LIFETIME).into()),
        ];
        tx.execute(
            "INSERT INTO console_session (token_hash, user_name, csrf_token, address, created_at, expires_at)
             VALUES (:hash, :user, :csrf, :address, :now, :expires)",
            &params,
        )
        .map(|_| ())
    }

    pub fn delete(tx: &Tx<'_>, hash: &[u8]) -> Result<(), StoreError> {
        tx.execute("DELETE FROM console_session WHERE token_hash = :hash", &[(":hash", hash.into())])
            .map(|_| ())
    }

    pub fn delete_expired(tx: &Tx<'_>, now: Timestamp) -> Result<(), StoreError> {
        tx.execute("DELETE FROM console_session WHERE expires_at <= :now", &[(":now", now.into())])
            .map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_slow_down_and_never_lock_out() {
        let now = Timestamp::from_millis(0);
        assert_eq!(remaining(4, now, now), Duration::ZERO);
        assert_eq!(remaining(5, now, now), Duration::from_secs(1));
        assert_eq!(remaining(1000, now, now), LONGEST_WAIT);
        assert_eq!(remaining(1000, now, now + LONGEST_WAIT), Duration::ZERO);
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, "a=b; roadstead_session=abc; c=d".parse().unwrap());
        assert_eq!(cookie(&headers), Some("abc"));
    }
}
