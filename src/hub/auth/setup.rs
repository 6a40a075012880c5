//! The first admin: by a one-time token, or by credentials given in advance. Only while no admin exists, decided in the
//! transaction that makes one.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use subtle::ConstantTimeEq;

use crate::base::id::random_hex;
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::store::{StoreError, Tx};
use crate::model::access::roles;

fn token_path(data: &Path) -> PathBuf {
    data.join("setup-token")
}

/// The token that opens set-up, made when there is none. Call only while no admin exists.
pub fn token(data: &Path) -> io::Result<String> {
    match fs::read_to_string(token_path(data)) {
        Ok(token) if token.len() >= 32 => Ok(token),
        Ok(_) => make_token(data),
        Err(e) if e.kind() == io::ErrorKind::NotFound => make_token(data),
        Err(e) => Err(e),
    }
}

fn make_token(data: &Path) -> io::Result<String> {
    let token = random_hex(40);
    let mut file = fs::File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(token_path(data))?;
    file.write_all(token.as_bytes())?;
    file.sync_all()?;
    Ok(token)
}

/// Removes the token; set-up is over.
pub fn close(data: &Path) {
    match fs::remove_file(token_path(data)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => tracing::warn!(error = %e, "the set-up token's file could not be removed"),
        _ => {}
    }
}

/// *Errors*: `InvalidTokenException`.
pub fn check_token(data: &Path, given: &str) -> ApiResult<()> {
    let kept = fs::read_to_string(token_path(data)).unwrap_or_default();
    if kept.len() >= 32 && bool::from(kept.as_bytes().ct_eq(given.as_bytes())) {
        return Ok(());
    }
    Err(ApiError::new(
        "InvalidTokenException",
        "the set-up token is wrong: open the link that `roadstead setup-link` prints on the hub's host",
    ))
}

pub fn has_admin(tx: &Tx<'_>) -> Result<bool, StoreError> {
    Ok(tx.count("SELECT count(*) FROM user_role WHERE role_name = 'admin'", &[])? > 0)
}

/// *Errors*: `SetupClosedException` when an admin exists already.
pub fn create_admin(tx: &Tx<'_>, name: &str, password_hash: Option<String>, now: Timestamp) -> ApiResult<()> {
    if has_admin(tx)? {
        return Err(ApiError::new(
            "SetupClosedException",
            "this hub has an admin already: log in, or ask them for access",
        ));
    }
    check_new_user_name(name)?;
    let params = [(":name", name.into()), (":hash", password_hash.into()), (":now", now.into())];
    tx.execute(
        "INSERT INTO user (name, password_hash, created_at, password_changed_at) VALUES (:name, :hash, :now, CASE WHEN :hash IS NULL THEN NULL ELSE :now END)",
        &params,
    )?;
    let held = [(":name", name.into()), (":role", roles::ADMIN.into())];
    tx.execute("INSERT INTO user_role (user_name, role_name) VALUES (:name, :role)", &held)?;
    Ok(())
}

/// How the audit log and decisions call whoever is no user.
const RESERVED: &[&str] = &["local", "anonymous", "hub", "node", "several", roles::EVERYBODY];

/// The name of a user who is to be made.
///
/// *Errors*: `ValidationException`.
pub fn check_new_user_name(name: &str) -> ApiResult<()> {
    check_user_name(name)?;
    if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
        return Err(ApiError::validation(format!(
            "`{name}` is what the hub calls somebody else: choose another name"
        )));
    }
    Ok(())
}

/// *Errors*: `ValidationException`.
pub fn check_user_name(name: &str) -> ApiResult<()> {
    let is_fine = (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.@+=,-".contains(&b));
    if is_fine {
        return Ok(());
    }
    Err(ApiError::validation("a user name has 1 to 64 letters, digits or `_.@+=,-`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_called_as_the_audit_log_calls_others() {
        for name in ["local", "anonymous", "hub", "HUB", "Several", "everybody"] {
            assert!(check_new_user_name(name).is_err(), "{name}");
            assert!(check_user_name(name).is_ok(), "who is called so already logs in");
        }
        assert!(check_new_user_name("hub-2").is_ok());
    }

    #[test]
    fn the_token_is_stable_until_set_up_is_over_and_then_worthless() {
        let dir = tempfile::tempdir().unwrap();
        let first = token(dir.path()).unwrap();
        assert_eq!(token(dir.path()).unwrap(), first);
        assert!(check_token(dir.path(), &first).is_ok());
        close(dir.path());
        assert!(check_token(dir.path(), &first).is_err());
        assert!(check_token(dir.path(), "").is_err());
    }
}
