//! Passwords: argon2id with the crate's recommended cost, computed off the runtime.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use crate::base::{ApiError, ApiResult, Secret};

pub const MIN_LENGTH: usize = 10;
const MAX_LENGTH: usize = 1024;

/// Hashes computed at once: each takes 19 MiB and a core for some milliseconds.
static TURNS: Semaphore = Semaphore::const_new(2);

/// *Errors*: `ValidationException` when the password is too short or absurdly long.
pub async fn hash(password: Secret<String>) -> ApiResult<String> {
    let length = password.expose().chars().count();
    if !(MIN_LENGTH..=MAX_LENGTH).contains(&length) {
        return Err(ApiError::validation(format!(
            "the password has {length} characters; at least {MIN_LENGTH} are needed"
        )));
    }
    let _turn = TURNS.acquire().await.map_err(ApiError::internal)?;
    let hashed = tokio::task::spawn_blocking(move || Argon2::default().hash_password(password.expose().as_bytes()).map(|h| h.to_string()));
    hashed
        .await
        .map_err(ApiError::internal)?
        .map_err(|e| ApiError::internal(e.to_string()))
}

/// Whether `password` is the one behind `hash`. Without a hash it takes as long and says no, so that the time
/// it takes does not tell whether a user exists.
pub async fn verify(password: Secret<String>, hash: Option<String>) -> ApiResult<bool> {
    let _turn = TURNS.acquire().await.map_err(ApiError::internal)?;
    let verified = tokio::task::spawn_blocking(move || {
        let exists = hash.is_some();
        let hash = hash.unwrap_or_else(|| DECOY.to_owned());
        let parsed = PasswordHash::new(&hash).ok();
        exists & parsed.is_some_and(|parsed| Argon2::default().verify_password(password.expose().as_bytes(), &parsed).is_ok())
    });
    verified.await.map_err(ApiError::internal)
}

/// A hash of nobody's password, with the cost of a real one.
const DECOY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$kFqrZxqFZOqTHPMvl9qZ1wZ0yOWq3iOYw9xFuRxNzQk";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_only() {
        let hashed = hash("correct horse".to_owned().into()).await.unwrap();
        assert!(hashed.starts_with("$argon2id$") && !hashed.contains("correct"));
        assert!(verify("correct horse".to_owned().into(), Some(hashed.clone())).await.unwrap());
        assert!(!verify("wrong horse".to_owned().into(), Some(hashed)).await.unwrap());
        assert!(!verify("anything at all".to_owned().into(), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_short_password_is_refused_with_the_length_needed() {
        assert!(hash("short".to_owned().into()).await.unwrap_err().message.contains("at least 10"));
    }
}
