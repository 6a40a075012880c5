//! Login sessions of the console: kept on the hub, named by a random cookie of which only the hash is stored.
//!
//! ```text
//! password, passkey or provider ──► NewPassword ──► Enrol ──► RecoveryCodes ──► Full ──► gone: logged out, revoked, idle, or too old
//! ```
//!
//! Every step to the right makes a session of its own with a new cookie and a new token, and ends the one before, so that
//! whoever knew an earlier cookie gains nothing. What the user may do is read anew at each request.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use http::HeaderMap;
use http::header::{COOKIE, USER_AGENT};

use crate::base::id::random_hex;
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::auth::accounts::{self, LoginRule};
use crate::hub::auth::{Caller, Proof, devices};
use crate::hub::store::{Condition, Row, Select, Store, StoreError, Tx, Value};

pub const COOKIE_NAME: &str = "roadstead_session";
pub const CSRF_HEADER: &str = "x-roadstead-csrf";
/// A session ends this long after the login, whatever happens in it.
pub const LIFETIME: Duration = Duration::from_secs(12 * 3600);
/// And this long after the last request in it.
pub const IDLE: Duration = Duration::from_secs(2 * 3600);
/// A login that still lacks a step is not kept longer.
const UNFINISHED: Duration = Duration::from_secs(15 * 60);
/// The last request's time is written at most this often.
const SEEN_STEP: Duration = Duration::from_secs(60);
/// Sessions of one user; the oldest give way.
const MAX_SESSIONS: u32 = 100;
const AGENT_CHARS: usize = 200;

/// How far a login has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A new password must be set first.
    NewPassword,
    /// A second factor must be enrolled first.
    Enrol,
    /// New recovery codes must be made first.
    RecoveryCodes,
    Full,
}

/// In the order in which a login comes to them.
const STAGES: [Stage; 4] = [Stage::NewPassword, Stage::Enrol, Stage::RecoveryCodes, Stage::Full];

impl Stage {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NewPassword => "new-password",
            Self::Enrol => "enrol",
            Self::RecoveryCodes => "recovery-codes",
            Self::Full => "full",
        }
    }
}

impl FromStr for Stage {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        STAGES.into_iter().find(|stage| stage.as_str() == text).ok_or(())
    }
}

/// How a user came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Password,
    PasswordAndCode,
    PasswordAndRecoveryCode,
    Passkey,
    Provider,
    ProviderAndCode,
    ProviderAndRecoveryCode,
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::PasswordAndCode => "password and code",
            Self::PasswordAndRecoveryCode => "password and recovery code",
            Self::Passkey => "passkey",
            Self::Provider => "single sign-on",
            Self::ProviderAndCode => "single sign-on and code",
            Self::ProviderAndRecoveryCode => "single sign-on and recovery code",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Method {
    /// A login that began by this way went on by a code of the generator, or by a recovery code.
    pub fn and(self, second: Second) -> Self {
        match (self, second) {
            (Self::Provider, Second::Code) => Self::ProviderAndCode,
            (Self::Provider, Second::RecoveryCode) => Self::ProviderAndRecoveryCode,
            (_, Second::Code) => Self::PasswordAndCode,
            (_, Second::RecoveryCode) => Self::PasswordAndRecoveryCode,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Second {
    Code,
    RecoveryCode,
}

/// A live session, as a request found it.
#[derive(Clone, Debug)]
pub struct ConsoleSession {
    pub id: String,
    pub user_name: String,
    pub csrf_token: String,
    pub stage: Stage,
    pub method: String,
    pub last_seen_at: Timestamp,
    pub stepped_up_until: Option<Timestamp>,
    pub created_at: Timestamp,
    pub rule: LoginRule,
}

/// What a session is made of.
pub struct Entrance<'a> {
    pub user_name: &'a str,
    pub method: &'a str,
    pub stage: Stage,
    pub address: &'a str,
    pub headers: &'a HeaderMap,
    pub now: Timestamp,
}

/// A session just made: the cookies' values leave the hub this once.
pub struct NewSession {
    pub id: String,
    pub cookie: String,
    /// For a browser that was not known yet.
    pub device: Option<String>,
    pub csrf_token: String,
    pub stage: Stage,
}

/// One session as it is listed.
#[derive(Clone, Debug)]
pub struct ListedSession {
    pub id: String,
    pub user_name: String,
    pub method: String,
    pub stage: Stage,
    pub address: String,
    pub agent: String,
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub expires_at: Timestamp,
}

pub struct ConsoleSessions {
    store: Store,
}

impl ConsoleSessions {
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// The session behind a request's cookie; `None` without one, or when it is over.
    pub async fn find(&self, headers: &HeaderMap, now: Timestamp) -> ApiResult<Option<ConsoleSession>> {
        let Some(token) = cookie(headers, COOKIE_NAME) else {
            return Ok(None);
        };
        let hash = hash(token);
        let found = self.store.read(move |tx| {
            let Some(mut session) = sql::find(tx, &hash, now)? else {
                return Ok(None);
            };
            if let Some(account) = accounts::find(tx, &session.user_name)? {
                session.rule = account.rule(tx)?;
            }
            Ok(Some(session))
        });
        let found: Option<ConsoleSession> = found.await.map_err(|e: StoreError| ApiError::from(e))?;
        if let Some(session) = &found {
            self.note_seen(session, now);
        }
        Ok(found)
    }

    /// Whether a session that was found earlier still counts.
    pub async fn is_alive(&self, id: &str, now: Timestamp) -> ApiResult<bool> {
        let id = id.to_owned();
        let alive = self.store.read(move |tx| sql::is_alive(tx, &id, now)).await;
        alive.map_err(|e: StoreError| ApiError::from(e))
    }

    fn note_seen(&self, session: &ConsoleSession, now: Timestamp) {
        if now.since(session.last_seen_at) < SEEN_STEP {
            return;
        }
        let (store, id) = (self.store.clone(), session.id.clone());
        tokio::spawn(async move {
            if let Err(error) = store.write(move |tx| sql::note_seen(tx, &id, now)).await {
                tracing::warn!(error = %error, "the last use of a login was not written");
            }
        });
    }

    /// Starts a session inside `tx`, in place of the one that the request came with.
    pub fn create(tx: &Tx<'_>, entrance: &Entrance<'_>) -> Result<NewSession, StoreError> {
        let now = entrance.now;
        let before = match cookie(entrance.headers, COOKIE_NAME) {
            Some(before) => sql::delete_by_token(tx, &hash(before))?,
            None => None,
        };
        sql::delete_expired(tx, now)?;
        sql::delete_oldest(tx, entrance.user_name)?;
        let session = NewSession {
            id: format!("ls-{}", random_hex(17)),
            cookie: random_hex(64),
            device: devices::remember(tx, entrance.headers, entrance.user_name, now)?,
            csrf_token: random_hex(48),
            stage: entrance.stage,
        };
        sql::insert(tx, &session, entrance)?;
        if let Some(before) = before {
            // The keys that it made go on with the login that takes its place, if that is the same user's.
            sql::hand_keys_over(tx, &before, &session.id, entrance.user_name)?;
            sql::delete_keys_of(tx, &before)?;
        }
        Ok(session)
    }

    /// Ends the session of a request, if it has one, and the temporary keys that it made.
    pub fn end(tx: &Tx<'_>, headers: &HeaderMap) -> Result<(), StoreError> {
        let ended = match cookie(headers, COOKIE_NAME) {
            Some(token) => sql::delete_by_token(tx, &hash(token))?,
            None => None,
        };
        ended.map_or(Ok(()), |id| sql::delete_keys_of(tx, &id))
    }

    /// Of one user, or of everybody, as far as they are visible (`login_session.…`); live ones only, newest first.
    pub fn list(tx: &Tx<'_>, visible: &Condition, user_name: Option<&str>, now: Timestamp) -> Result<Vec<ListedSession>, StoreError> {
        sql::list(tx, visible, user_name, now)
    }

    pub fn owner(tx: &Tx<'_>, id: &str) -> Result<Option<String>, StoreError> {
        sql::owner(tx, id)
    }

    /// Ends a session and the temporary keys that it made; `false` when there is no such session.
    pub fn revoke(tx: &Tx<'_>, id: &str) -> Result<bool, StoreError> {
        sql::delete_keys_of(tx, id)?;
        Ok(sql::delete(tx, id)? > 0)
    }

    /// Ends all sessions of a user but `spared`, and the temporary keys that those made; says how many sessions.
    pub fn revoke_all(tx: &Tx<'_>, user_name: &str, spared: Option<&str>) -> Result<usize, StoreError> {
        sql::delete_their_keys(tx, user_name, spared)?;
        sql::delete_all(tx, user_name, spared)
    }

    /// Lets the session's user do for a while what takes a fresh proof.
    pub fn step_up(tx: &Tx<'_>, id: &str, until: Timestamp) -> Result<(), StoreError> {
        sql::step_up(tx, id, until)
    }
}

impl ConsoleSession {
    pub fn caller(&self) -> Caller {
        Caller {
            stage: self.stage,
            logged_in_at: Some(self.created_at),
            rule: self.rule,
            stepped_up_until: self.stepped_up_until,
            ..Caller::new(self.user_name.clone(), Proof::Session(self.id.clone()))
        }
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

/// A cookie's value.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut pairs = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

fn agent(headers: &HeaderMap) -> String {
    let agent = headers.get(USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    agent.chars().take(AGENT_CHARS).collect()
}

pub(super) fn hash(token: &str) -> Vec<u8> {
    digest(&SHA256, token.as_bytes()).as_ref().to_vec()
}

mod sql {
    use super::*;

    /// A session counts until its end, and until it was idle for too long.
    fn alive(now: Timestamp) -> [(&'static str, Value); 2] {
        [(":now", now.into()), (":idle", (now - IDLE - SEEN_STEP).into())]
    }

    pub fn find(tx: &Tx<'_>, hash: &[u8], now: Timestamp) -> Result<Option<ConsoleSession>, StoreError> {
        let sql = "SELECT s.id, s.user_name, s.csrf_token, s.stage, s.method, s.last_seen_at, s.created_at, s.stepped_up_until
                   FROM login_session s
                   WHERE s.token_hash = :hash AND s.expires_at > :now AND s.last_seen_at > :idle";
        let [now, idle] = alive(now);
        tx.row(sql, &[(":hash", hash.into()), now, idle], |row| {
            Ok(ConsoleSession {
                id: row.get("id")?,
                user_name: row.get("user_name")?,
                csrf_token: row.get("csrf_token")?,
                stage: row.parsed("stage")?,
                method: row.get("method")?,
                last_seen_at: row.get("last_seen_at")?,
                stepped_up_until: row.get("stepped_up_until")?,
                created_at: row.get("created_at")?,
                rule: LoginRule::default(),
            })
        })
    }

    pub fn is_alive(tx: &Tx<'_>, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "SELECT count(*) FROM login_session WHERE id = :id AND expires_at > :now AND last_seen_at > :idle";
        let [now, idle] = alive(now);
        Ok(tx.count(sql, &[(":id", id.into()), now, idle])? > 0)
    }

    pub fn note_seen(tx: &Tx<'_>, id: &str, now: Timestamp) -> Result<(), StoreError> {
        let params = [(":id", id.into()), (":now", now.into())];
        tx.execute("UPDATE login_session SET last_seen_at = :now WHERE id = :id", &params)
            .map(|_| ())
    }

    pub fn insert(tx: &Tx<'_>, session: &NewSession, entrance: &Entrance<'_>) -> Result<(), StoreError> {
        let lifetime = if entrance.stage == Stage::Full { LIFETIME } else { UNFINISHED };
        let params = [
            (":id", (&session.id).into()),
            (":hash", hash(&session.cookie).into()),
            (":user", entrance.user_name.into()),
            (":csrf", (&session.csrf_token).into()),
            (":stage", entrance.stage.as_str().into()),
            (":method", entrance.method.into()),
            (":address", entrance.address.into()),
            (":agent", agent(entrance.headers).into()),
            (":now", entrance.now.into()),
            (":expires", (entrance.now + lifetime).into()),
        ];
        tx.execute(
            "INSERT INTO login_session (id, token_hash, user_name, csrf_token, stage, method, address, agent,
                                        created_at, last_seen_at, expires_at)
             VALUES (:id, :hash, :user, :csrf, :stage, :method, :address, :agent, :now, :now, :expires)",
            &params,
        )
        .map(|_| ())
    }

    pub fn list(tx: &Tx<'_>, visible: &Condition, user: Option<&str>, now: Timestamp) -> Result<Vec<ListedSession>, StoreError> {
        let head = "SELECT id, user_name, method, stage, address, agent, created_at, last_seen_at, expires_at FROM login_session";
        let [(_, now), (_, idle)] = alive(now);
        let mut select = Select::new(head)
            .and("expires_at > ? AND last_seen_at > ?", [now, idle])
            .and_condition(visible);
        if let Some(user) = user {
            select = select.and("user_name = ?", [user.into()]);
        }
        select.order("last_seen_at DESC, id").rows(tx, |row: &Row<'_>| {
            Ok(ListedSession {
                id: row.get("id")?,
                user_name: row.get("user_name")?,
                method: row.get("method")?,
                stage: row.parsed("stage")?,
                address: row.get("address")?,
                agent: row.get("agent")?,
                created_at: row.get("created_at")?,
                last_seen_at: row.get("last_seen_at")?,
                expires_at: row.get("expires_at")?,
            })
        })
    }

    pub fn owner(tx: &Tx<'_>, id: &str) -> Result<Option<String>, StoreError> {
        tx.row("SELECT user_name FROM login_session WHERE id = :id", &[(":id", id.into())], |row| {
            row.get("user_name")
        })
    }

    pub fn delete(tx: &Tx<'_>, id: &str) -> Result<usize, StoreError> {
        tx.execute("DELETE FROM login_session WHERE id = :id", &[(":id", id.into())])
    }

    pub fn delete_all(tx: &Tx<'_>, user: &str, spared: Option<&str>) -> Result<usize, StoreError> {
        let params = [(":user", user.into()), (":spared", spared.map(str::to_owned).into())];
        tx.execute("DELETE FROM login_session WHERE user_name = :user AND id IS NOT :spared", &params)
    }

    /// Temporary keys without a lasting one behind them were made by a login.
    pub fn delete_their_keys(tx: &Tx<'_>, user: &str, spared: Option<&str>) -> Result<(), StoreError> {
        let params = [(":user", user.into()), (":spared", spared.map(str::to_owned).into())];
        let sql = "DELETE FROM temporary_key WHERE user_name = :user AND parent_id IS NULL
                     AND (:spared IS NULL OR login_session_id IS NOT :spared)";
        tx.execute(sql, &params).map(|_| ())
    }

    /// The id of the session that is gone now.
    pub fn delete_by_token(tx: &Tx<'_>, hash: &[u8]) -> Result<Option<String>, StoreError> {
        let sql = "DELETE FROM login_session WHERE token_hash = :hash RETURNING id";
        tx.row(sql, &[(":hash", hash.into())], |row| row.get("id"))
    }

    pub fn hand_keys_over(tx: &Tx<'_>, from: &str, to: &str, user: &str) -> Result<(), StoreError> {
        let params = [(":from", from.into()), (":to", to.into()), (":user", user.into())];
        let sql = "UPDATE temporary_key SET login_session_id = :to WHERE login_session_id = :from AND user_name = :user";
        tx.execute(sql, &params).map(|_| ())
    }

    pub fn delete_keys_of(tx: &Tx<'_>, id: &str) -> Result<(), StoreError> {
        tx.execute("DELETE FROM temporary_key WHERE login_session_id = :id", &[(":id", id.into())])
            .map(|_| ())
    }

    pub fn delete_expired(tx: &Tx<'_>, now: Timestamp) -> Result<(), StoreError> {
        let [now_param, idle] = alive(now);
        tx.execute(
            "DELETE FROM login_session WHERE expires_at <= :now OR last_seen_at <= :idle",
            &[now_param, idle],
        )
        .map(|_| ())
    }

    /// Makes room for one more.
    pub fn delete_oldest(tx: &Tx<'_>, user: &str) -> Result<(), StoreError> {
        let params = [(":user", user.into()), (":kept", (MAX_SESSIONS - 1).into())];
        tx.execute(
            "DELETE FROM login_session WHERE user_name = :user AND id NOT IN
                (SELECT id FROM login_session WHERE user_name = :user ORDER BY last_seen_at DESC LIMIT :kept)",
            &params,
        )
        .map(|_| ())
    }

    pub fn step_up(tx: &Tx<'_>, id: &str, until: Timestamp) -> Result<(), StoreError> {
        let params = [(":id", id.into()), (":until", until.into())];
        tx.execute("UPDATE login_session SET stepped_up_until = :until WHERE id = :id", &params)
            .map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, "a=b; roadstead_session=abc; c=d".parse().unwrap());
        assert_eq!(cookie(&headers, COOKIE_NAME), Some("abc"));
        assert_eq!(cookie(&headers, "roadstead_device"), None);
    }

    #[test]
    fn a_stage_survives_being_stored() {
        for stage in STAGES {
            assert_eq!(stage.as_str().parse(), Ok(stage));
        }
    }
}
