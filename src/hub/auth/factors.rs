//! Second factors of a user: a code generator, recovery codes; [`passkeys`] count as one, too.
//!
//! *Invariants*: a code's time step counts once; a recovery code counts once; neither can be read from the database.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use data_encoding::{BASE32_NOPAD, Specification};

use crate::base::{ApiError, ApiResult, Secret, Timestamp};
use crate::hub::auth::passkeys;
use crate::hub::auth::totp;
use crate::hub::auth::vault::Vault;
use crate::hub::store::{StoreError, Tx};

const RECOVERY_CODES: usize = 10;
/// Eighty bits: too many to be guessed from their hashes.
const RECOVERY_BYTES: usize = 10;
/// An enrolment that was begun is finished by then, or begun anew.
const PENDING: Duration = Duration::from_secs(15 * 60);

/// What a user has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Factors {
    pub totp_since: Option<Timestamp>,
    pub passkeys: i64,
    pub recovery_codes_left: i64,
}

impl Factors {
    /// Whether a login takes more than the password.
    pub fn is_any(&self) -> bool {
        self.totp_since.is_some() || self.passkeys > 0
    }
}

pub fn of(tx: &Tx<'_>, user: &str) -> Result<Factors, StoreError> {
    Ok(Factors {
        totp_since: sql::totp(tx, user)?.and_then(|row| row.confirmed_at),
        passkeys: passkeys::count(tx, user)?,
        recovery_codes_left: sql::recovery_codes_left(tx, user)?,
    })
}

fn context(user: &str) -> String {
    format!("totp:{user}")
}

/// Begins the enrolment of a code generator; the one in use stays until the new one is confirmed.
pub fn begin_totp(tx: &Tx<'_>, vault: &Vault, user: &str, now: Timestamp) -> Result<Secret<Vec<u8>>, StoreError> {
    let secret = totp::new_secret();
    sql::set_pending(tx, user, &vault.seal(&context(user), secret.expose()), now)?;
    Ok(secret)
}

/// Confirms an enrolment by a code of it.
///
/// *Errors*: `ValidationException` when none was begun; `InvalidCodeException`.
pub fn confirm_totp(tx: &Tx<'_>, vault: &Vault, user: &str, code: &str, now: Timestamp) -> ApiResult<()> {
    let pending = sql::totp(tx, user)?.and_then(|row| row.pending.filter(|(_, at)| now.since(*at) < PENDING));
    let (sealed, _) = pending.ok_or_else(|| ApiError::validation("no code generator is being set up: begin again"))?;
    let secret = vault.open_sealed(&context(user), &sealed).map_err(ApiError::internal)?;
    let step = totp::verify(&secret, code, now, 0).ok_or_else(wrong_code)?;
    Ok(sql::confirm(tx, user, step, now)?)
}

/// Whether `code` is the user's current one; it then never is again.
pub fn use_totp(tx: &Tx<'_>, vault: &Vault, user: &str, code: &str, now: Timestamp) -> ApiResult<bool> {
    let Some(row) = sql::totp(tx, user)? else { return Ok(false) };
    let Some(sealed) = row.sealed else { return Ok(false) };
    let secret = vault.open_sealed(&context(user), &sealed).map_err(ApiError::internal)?;
    let Some(step) = totp::verify(&secret, code, now, row.last_step) else {
        return Ok(false);
    };
    sql::use_step(tx, user, step)?;
    Ok(true)
}

pub fn remove_totp(tx: &Tx<'_>, user: &str) -> Result<bool, StoreError> {
    sql::remove_totp(tx, user)
}

/// New recovery codes in place of all earlier ones; shown this once.
pub fn make_recovery_codes(tx: &Tx<'_>, user: &str) -> Result<Vec<String>, StoreError> {
    sql::remove_recovery_codes(tx, user)?;
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| new_recovery_code()).collect();
    for code in &codes {
        sql::insert_recovery_code(tx, user, &recovery_hash(code))?;
    }
    Ok(codes)
}

/// Whether `code` is one of the user's unused ones; it is then used.
pub fn use_recovery_code(tx: &Tx<'_>, user: &str, code: &str, now: Timestamp) -> Result<bool, StoreError> {
    sql::use_recovery_code(tx, user, &recovery_hash(code), now)
}

/// Takes every factor from a user.
pub fn clear(tx: &Tx<'_>, user: &str) -> Result<(), StoreError> {
    sql::remove_totp(tx, user)?;
    passkeys::clear(tx, user)?;
    sql::remove_recovery_codes(tx, user)
}

pub fn wrong_code() -> ApiError {
    ApiError::new(
        "InvalidCodeException",
        "the code is wrong, or was used already: wait for the next one, and check the clock of your phone",
    )
}

/// `xxxx-xxxx-xxxx-xxxx`, without letters that look like others.
fn new_recovery_code() -> String {
    let mut bytes = [0; RECOVERY_BYTES];
    SystemRandom::new().fill(&mut bytes).expect("the kernel hands out random bytes");
    let mut letters = Specification::new();
    letters.symbols.push_str("abcdefghjkmnpqrstuvwxyz123456789");
    let text = letters
        .encoding()
        .map(|e| e.encode(&bytes))
        .unwrap_or_else(|_| BASE32_NOPAD.encode(&bytes));
    text.as_bytes()
        .chunks(4)
        .map(|part| String::from_utf8_lossy(part).into_owned())
        .collect::<Vec<_>>()
        .join("-")
}

/// However it was typed.
fn recovery_hash(code: &str) -> Vec<u8> {
    let plain: String = code
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    digest(&SHA256, plain.as_bytes()).as_ref().to_vec()
}

/// One user's row.
struct TotpRow {
    sealed: Option<Vec<u8>>,
    confirmed_at: Option<Timestamp>,
    last_step: i64,
    pending: Option<(Vec<u8>, Timestamp)>,
}

mod sql {
    use super::*;

    pub fn totp(tx: &Tx<'_>, user: &str) -> Result<Option<TotpRow>, StoreError> {
        let sql = "SELECT sealed_secret, confirmed_at, last_step, pending_secret, pending_at FROM totp WHERE user_name = :user";
        tx.row(sql, &[(":user", user.into())], |row| {
            let pending: (Option<Vec<u8>>, Option<Timestamp>) = (row.get("pending_secret")?, row.get("pending_at")?);
            Ok(TotpRow {
                sealed: row.get("sealed_secret")?,
                confirmed_at: row.get("confirmed_at")?,
                last_step: row.get("last_step")?,
                pending: pending.0.zip(pending.1),
            })
        })
    }

    pub fn set_pending(tx: &Tx<'_>, user: &str, sealed: &[u8], now: Timestamp) -> Result<(), StoreError> {
        let params = [(":user", user.into()), (":sealed", sealed.into()), (":now", now.into())];
        tx.execute(
            "INSERT INTO totp (user_name, last_step, pending_secret, pending_at) VALUES (:user, 0, :sealed, :now)
             ON CONFLICT (user_name) DO UPDATE SET pending_secret = excluded.pending_secret, pending_at = excluded.pending_at",
            &params,
        )
        .map(|_| ())
    }

    pub fn confirm(tx: &Tx<'_>, user: &str, step: i64, now: Timestamp) -> Result<(), StoreError> {
        let params = [(":user", user.into()), (":step", step.into()), (":now", now.into())];
        tx.execute(
            "UPDATE totp SET sealed_secret = pending_secret, confirmed_at = :now, last_step = :step,
                             pending_secret = NULL, pending_at = NULL WHERE user_name = :user",
            &params,
        )
        .map(|_| ())
    }

    pub fn use_step(tx: &Tx<'_>, user: &str, step: i64) -> Result<(), StoreError> {
        let params = [(":user", user.into()), (":step", step.into())];
        tx.execute("UPDATE totp SET last_step = :step WHERE user_name = :user", &params)
            .map(|_| ())
    }

    pub fn remove_totp(tx: &Tx<'_>, user: &str) -> Result<bool, StoreError> {
        Ok(tx.execute("DELETE FROM totp WHERE user_name = :user", &[(":user", user.into())])? > 0)
    }

    pub fn recovery_codes_left(tx: &Tx<'_>, user: &str) -> Result<i64, StoreError> {
        let sql = "SELECT count(*) FROM recovery_code WHERE user_name = :user AND used_at IS NULL";
        tx.count(sql, &[(":user", user.into())])
    }

    pub fn remove_recovery_codes(tx: &Tx<'_>, user: &str) -> Result<(), StoreError> {
        tx.execute("DELETE FROM recovery_code WHERE user_name = :user", &[(":user", user.into())])
            .map(|_| ())
    }

    pub fn insert_recovery_code(tx: &Tx<'_>, user: &str, hash: &[u8]) -> Result<(), StoreError> {
        let params = [(":user", user.into()), (":hash", hash.into())];
        tx.execute("INSERT INTO recovery_code (user_name, code_hash) VALUES (:user, :hash)", &params)
            .map(|_| ())
    }

    pub fn use_recovery_code(tx: &Tx<'_>, user: &str, hash: &[u8], now: Timestamp) -> Result<bool, StoreError> {
        let params = [(":user", user.into()), (":hash", hash.into()), (":now", now.into())];
        let used = tx.execute(
            "UPDATE recovery_code SET used_at = :now WHERE user_name = :user AND code_hash = :hash AND used_at IS NULL",
            &params,
        )?;
        Ok(used > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovery_code_is_the_same_however_it_is_typed() {
        let code = new_recovery_code();
        assert_eq!((code.len(), code.matches('-').count()), (19, 3), "{code}");
        assert_ne!(code, new_recovery_code());
        assert_eq!(
            recovery_hash(&code),
            recovery_hash(&format!(" {} ", code.to_uppercase().replace('-', " ")))
        );
    }
}
