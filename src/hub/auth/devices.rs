//! Browsers that users have logged in with: strangers' failures do not slow them (`backoff`).
//!
//! A browser is named by a random cookie, of which only the hash is stored.

use std::time::Duration;

use http::HeaderMap;

use crate::base::Timestamp;
use crate::base::id::random_hex;
use crate::hub::auth::console::{cookie, hash};
use crate::hub::store::{StoreError, Tx};

pub const COOKIE_NAME: &str = "roadstead_device";
/// A browser is known this long after its last login.
pub const LIFETIME: Duration = Duration::from_secs(180 * 24 * 3600);
/// Of one user; the oldest give way.
const MOST: u32 = 100;

/// The request's browser, when this user has logged in with it before.
pub fn known(tx: &Tx<'_>, headers: &HeaderMap, user_name: &str, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(hash) = cookie(headers, COOKIE_NAME).map(hash) else {
        return Ok(None);
    };
    Ok(sql::knows(tx, user_name, &hash, now)?.then_some(hash))
}

/// Notes the request's browser as the user's; makes a cookie for one that has none yet.
pub fn remember(tx: &Tx<'_>, headers: &HeaderMap, user_name: &str, now: Timestamp) -> Result<Option<String>, StoreError> {
    sql::delete_old(tx, user_name, now)?;
    let given = cookie(headers, COOKIE_NAME).filter(|token| token.len() == 64);
    let made = given.is_none().then(|| random_hex(64));
    if let Some(token) = given.or(made.as_deref()) {
        sql::remember(tx, user_name, &hash(token), now)?;
    }
    Ok(made)
}

pub fn forget(tx: &Tx<'_>, user_name: &str) -> Result<(), StoreError> {
    sql::forget(tx, user_name)
}

mod sql {
    use super::*;

    pub fn knows(tx: &Tx<'_>, user: &str, hash: &[u8], now: Timestamp) -> Result<bool, StoreError> {
        let sql = "SELECT count(*) FROM known_device WHERE user_name = :user AND token_hash = :hash AND seen_at >= :old";
        let params = [(":user", user.into()), (":hash", hash.into()), (":old", (now - LIFETIME).into())];
        Ok(tx.count(sql, &params)? > 0)
    }

    pub fn remember(tx: &Tx<'_>, user: &str, hash: &[u8], now: Timestamp) -> Result<(), StoreError> {
        let params = [(":user", user.into()), (":hash", hash.into()), (":now", now.into())];
        tx.execute(
            "INSERT INTO known_device (user_name, token_hash, seen_at) VALUES (:user, :hash, :now)
             ON CONFLICT (user_name, token_hash) DO UPDATE SET seen_at = excluded.seen_at",
            &params,
        )
        .map(|_| ())
    }

    /// Those of everybody that are too old, and of this user those that leave no room for one more.
    pub fn delete_old(tx: &Tx<'_>, user: &str, now: Timestamp) -> Result<(), StoreError> {
        let old = [(":old", (now - LIFETIME).into())];
        tx.execute("DELETE FROM known_device WHERE seen_at < :old", &old)?;
        let params = [(":user", user.into()), (":kept", (MOST - 1).into())];
        tx.execute(
            "DELETE FROM known_device WHERE user_name = :user AND token_hash NOT IN
                (SELECT token_hash FROM known_device WHERE user_name = :user ORDER BY seen_at DESC LIMIT :kept)",
            &params,
        )
        .map(|_| ())
    }

    pub fn forget(tx: &Tx<'_>, user: &str) -> Result<(), StoreError> {
        tx.execute("DELETE FROM known_device WHERE user_name = :user", &[(":user", user.into())])
            .map(|_| ())
    }
}
