//! Passkeys of users: their rows, the challenges that are handed out, and where they work at all.
//!
//! A challenge is its own proof of having come from this hub lately: strangers who ask for many fill nothing. One that has
//! been answered rightly is remembered until it would have expired, so that no answer counts twice.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::auth::vault::Vault;
use crate::hub::auth::webauthn::{self, Assertion, Expected, Registered};
use crate::hub::store::{StoreError, Tx};

/// How long somebody may look for their phone.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// Of one user.
const MOST: i64 = 20;

/// Where passkeys of a page are bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub rp_id: String,
    pub origin: String,
}

impl Place {
    /// *Errors*: why a page of this origin has no passkeys, as a sentence for its user.
    pub fn of(origin: &str) -> Result<Self, &'static str> {
        let (scheme, authority) = origin.split_once("://").unwrap_or(("", origin));
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => authority,
        };
        let is_address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        if is_address || host.is_empty() {
            return Err("passkeys are bound to a name: open the console under a DNS name with a certificate that your browser trusts");
        }
        if scheme != "https" && host != "localhost" {
            return Err("passkeys take https with a certificate that your browser trusts");
        }
        Ok(Self {
            rp_id: host.to_ascii_lowercase(),
            origin: origin.to_ascii_lowercase(),
        })
    }
}

/// One passkey as it is listed.
#[derive(Clone, Debug)]
pub struct Passkey {
    pub id: Vec<u8>,
    pub name: String,
    pub rp_id: String,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

/// What a challenge is for: an answer to one purpose is none to another.
fn context(purpose: &str) -> String {
    format!("passkey-challenge:{purpose}")
}

pub fn challenge(vault: &Vault, purpose: &str, now: Timestamp) -> Vec<u8> {
    vault.seal(&context(purpose), &(now + PATIENCE).millis().to_be_bytes())
}

/// *Errors*: `LoginExpiredException` when this hub did not hand it out for this purpose, or too long ago.
fn check_challenge(vault: &Vault, purpose: &str, challenge: &[u8], now: Timestamp) -> ApiResult<()> {
    let until = vault.open_sealed(&context(purpose), challenge).ok();
    let until = until
        .and_then(|until| <[u8; 8]>::try_from(until.expose().as_slice()).ok())
        .map(i64::from_be_bytes);
    match until {
        Some(until) if now < Timestamp::from_millis(until) => Ok(()),
        _ => Err(ApiError::new("LoginExpiredException", "this took too long: begin again")),
    }
}

/// Challenges that have been answered rightly.
#[derive(Default)]
pub struct Answered(Mutex<HashMap<Vec<u8>, Timestamp>>);

impl Answered {
    fn note(&self, challenge: &[u8], now: Timestamp) -> ApiResult<()> {
        let mut answered = self.0.lock().expect("no code panics while it holds the map");
        answered.retain(|_, at| now.since(*at) < PATIENCE);
        match answered.insert(challenge.to_vec(), now) {
            None => Ok(()),
            Some(_) => Err(ApiError::new("LoginExpiredException", "this answer was used already: begin again")),
        }
    }
}

/// A new passkey as the page hands it over.
pub struct Registration<'r> {
    pub user: &'r str,
    pub name: &'r str,
    pub place: &'r Place,
    pub challenge: &'r [u8],
    pub client_data: &'r [u8],
    pub attestation: &'r [u8],
    pub now: Timestamp,
}

/// The purpose of a challenge for a new passkey.
pub fn registering(user: &str) -> String {
    format!("register:{user}")
}

pub const PROVING: &str = "prove";

pub fn register(tx: &Tx<'_>, vault: &Vault, new: &Registration<'_>) -> ApiResult<()> {
    check_challenge(vault, &registering(new.user), new.challenge, new.now)?;
    let expected = Expected {
        rp_id: &new.place.rp_id,
        origin: &new.place.origin,
        challenge: new.challenge,
    };
    let registered = webauthn::register(new.client_data, new.attestation, &expected).map_err(|e| refused(&e))?;
    if sql::count(tx, new.user)? >= MOST {
        return Err(ApiError::new(
            "LimitExceededException",
            format!("a user has {MOST} passkeys at most"),
        ));
    }
    match sql::insert(tx, new, &registered)? {
        0 => Err(ApiError::validation("this passkey is registered already")),
        _ => Ok(()),
    }
}

/// A proof as the page hands it over.
pub struct Proof<'p> {
    pub id: &'p [u8],
    pub place: &'p Place,
    pub challenge: &'p [u8],
    pub assertion: Assertion<'p>,
    pub now: Timestamp,
}

/// Whose proof it is.
///
/// *Errors*: `InvalidCredentialsException`, `LoginExpiredException`.
pub fn prove(tx: &Tx<'_>, vault: &Vault, answered: &Answered, proof: &Proof<'_>) -> ApiResult<String> {
    check_challenge(vault, PROVING, proof.challenge, proof.now)?;
    let unknown = || ApiError::new("InvalidCredentialsException", "this passkey is not known to this hub");
    let (user, registered) = sql::find(tx, proof.id, &proof.place.rp_id)?.ok_or_else(unknown)?;
    let expected = Expected {
        rp_id: &proof.place.rp_id,
        origin: &proof.place.origin,
        challenge: proof.challenge,
    };
    let counter = webauthn::prove(&proof.assertion, &registered, &expected).map_err(|e| refused(&e))?;
    answered.note(proof.challenge, proof.now)?;
    sql::note_use(tx, proof.id, counter, proof.now)?;
    Ok(user)
}

fn refused(error: &webauthn::PasskeyError) -> ApiError {
    ApiError::new("InvalidCredentialsException", error.to_string())
}

pub fn list(tx: &Tx<'_>, user: &str) -> Result<Vec<Passkey>, StoreError> {
    sql::list(tx, user)
}

pub fn count(tx: &Tx<'_>, user: &str) -> Result<i64, StoreError> {
    sql::count(tx, user)
}

/// `false` when the user has no such passkey.
pub fn remove(tx: &Tx<'_>, user: &str, id: &[u8]) -> Result<bool, StoreError> {
    sql::remove(tx, user, id)
}

pub fn clear(tx: &Tx<'_>, user: &str) -> Result<(), StoreError> {
    sql::clear(tx, user)
}

mod sql {
    use super::*;

    pub fn insert(tx: &Tx<'_>, new: &Registration<'_>, registered: &Registered) -> Result<usize, StoreError> {
        let params = [
            (":id", registered.id.clone().into()),
            (":user", new.user.into()),
            (":rp_id", (&new.place.rp_id).into()),
            (":name", new.name.into()),
            (":key", registered.public_key.clone().into()),
            (":counter", registered.counter.into()),
            (":now", new.now.into()),
        ];
        tx.execute(
            "INSERT INTO passkey (id, user_name, rp_id, name, public_key, counter, created_at)
             VALUES (:id, :user, :rp_id, :name, :key, :counter, :now) ON CONFLICT (id) DO NOTHING",
            &params,
        )
    }

    pub fn find(tx: &Tx<'_>, id: &[u8], rp_id: &str) -> Result<Option<(String, Registered)>, StoreError> {
        let sql = "SELECT user_name, public_key, counter FROM passkey WHERE id = :id AND rp_id = :rp_id";
        tx.row(sql, &[(":id", id.into()), (":rp_id", rp_id.into())], |row| {
            let registered = Registered {
                id: id.to_vec(),
                public_key: row.get("public_key")?,
                counter: row.get("counter")?,
            };
            Ok((row.get("user_name")?, registered))
        })
    }

    pub fn note_use(tx: &Tx<'_>, id: &[u8], counter: u32, now: Timestamp) -> Result<(), StoreError> {
        let params = [(":id", id.into()), (":counter", counter.into()), (":now", now.into())];
        tx.execute("UPDATE passkey SET counter = :counter, last_used_at = :now WHERE id = :id", &params)
            .map(|_| ())
    }

    pub fn list(tx: &Tx<'_>, user: &str) -> Result<Vec<Passkey>, StoreError> {
        let sql = "SELECT id, name, rp_id, created_at, last_used_at FROM passkey WHERE user_name = :user ORDER BY created_at, id";
        tx.rows(sql, &[(":user", user.into())], |row| {
            Ok(Passkey {
                id: row.get("id")?,
                name: row.get("name")?,
                rp_id: row.get("rp_id")?,
                created_at: row.get("created_at")?,
                last_used_at: row.get("last_used_at")?,
            })
        })
    }

    pub fn count(tx: &Tx<'_>, user: &str) -> Result<i64, StoreError> {
        tx.count("SELECT count(*) FROM passkey WHERE user_name = :user", &[(":user", user.into())])
    }

    pub fn remove(tx: &Tx<'_>, user: &str, id: &[u8]) -> Result<bool, StoreError> {
        let params = [(":user", user.into()), (":id", id.into())];
        Ok(tx.execute("DELETE FROM passkey WHERE user_name = :user AND id = :id", &params)? > 0)
    }

    pub fn clear(tx: &Tx<'_>, user: &str) -> Result<(), StoreError> {
        tx.execute("DELETE FROM passkey WHERE user_name = :user", &[(":user", user.into())])
            .map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_work_under_a_name_and_nowhere_else() {
        let rp_id = |origin| Place::of(origin).map(|place| place.rp_id);
        assert_eq!(rp_id("https://Hub.Example:7400").unwrap(), "hub.example");
        assert_eq!(rp_id("http://localhost:7400").unwrap(), "localhost");
        assert!(rp_id("https://192.0.2.1:7400").unwrap_err().contains("DNS name"));
        assert!(rp_id("https://[2001:db8::1]:7400").unwrap_err().contains("DNS name"));
        assert!(rp_id("https://[2001:db8::1]").unwrap_err().contains("DNS name"));
        assert!(rp_id("http://hub.example").unwrap_err().contains("https"));
        assert!(rp_id("").is_err());
    }

    #[test]
    fn a_challenge_is_good_for_its_purpose_for_a_while_and_once() {
        let dir = tempfile::tempdir().unwrap();
        let (vault, now) = (Vault::open(dir.path()).unwrap(), Timestamp::from_millis(1_000_000));
        let given = challenge(&vault, PROVING, now);
        assert!(check_challenge(&vault, PROVING, &given, now).is_ok());
        assert!(check_challenge(&vault, &registering("ann"), &given, now).is_err());
        assert!(check_challenge(&vault, PROVING, &given, now + PATIENCE).is_err());
        assert!(check_challenge(&vault, PROVING, b"made up", now).is_err());
        let answered = Answered::default();
        assert!(answered.note(&given, now).is_ok() && answered.note(&given, now).is_err());
    }
}
