//! Passwords: what makes a good enough one, and argon2id with the crate's recommended cost, computed off the runtime.

use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use crate::base::{ApiError, ApiResult, Secret, count};

pub const MIN_LENGTH: usize = 10;
const MAX_LENGTH: usize = 1024;
/// Fewer different characters than this make no password, however long it is.
const MIN_DIFFERENT: usize = 5;

/// What a hash of today begins with; others are made anew at the next login.
const CURRENT: &str = "$argon2id$v=19$m=19456,t=2,p=1$";
/// Hashes computed at once: each takes 19 MiB and a core for some milliseconds. Who is known has a turn of their own,
/// so that a flood of strangers cannot keep them waiting.
static STRANGERS: Semaphore = Semaphore::const_new(2);
static KNOWN: Semaphore = Semaphore::const_new(1);
/// Longer than this nobody waits for a turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    Strangers,
    Known,
}

/// Whether `password` may become the password of `user_name`.
///
/// *Errors*: `ValidationException` saying what it lacks.
pub fn check(password: &Secret<String>, user_name: &str) -> ApiResult<()> {
    let password = password.expose();
    let length = password.chars().count();
    if length < MIN_LENGTH {
        return refuse(format!(
            "the password has {}; at least {MIN_LENGTH} are needed",
            count(length as u64, "character")
        ));
    }
    if length > MAX_LENGTH {
        return refuse(format!("the password has more than {MAX_LENGTH} characters"));
    }
    let lower = password.to_lowercase();
    if user_name.len() >= 3 && lower.contains(&user_name.to_lowercase()) {
        return refuse("the password contains the user name; choose one that does not");
    }
    let mut different: Vec<char> = lower.chars().collect();
    different.sort_unstable();
    different.dedup();
    if different.len() < MIN_DIFFERENT {
        return refuse(format!("the password has fewer than {MIN_DIFFERENT} different characters"));
    }
    if is_common(&lower) {
        return refuse("the password is one of those that are tried first; choose another");
    }
    Ok(())
}

fn refuse(why: impl Into<String>) -> ApiResult<()> {
    Err(ApiError::validation(why.into()))
}

/// Whether it is one of the worst, under the usual disguises: digits and signs around it, digits for letters.
fn is_common(lower: &str) -> bool {
    let bare = |text: &str| text.trim_matches(|c: char| !c.is_alphabetic()).to_owned();
    let undisguised = |text: &str| -> String { text.chars().map(letter).collect() };
    let is_worst = |word: String| WORST.contains(&word.as_str());
    let doubled = |text: &str| {
        let half = text.len() / 2;
        text.is_char_boundary(half) && text[..half] == text[half..]
    };
    let digits: String = lower.chars().filter(char::is_ascii_digit).collect();
    let is_row = |row: &str| digits.len() == lower.len() && row.contains(&digits);
    is_worst(bare(lower))
        || is_worst(undisguised(&bare(lower)))
        || is_worst(bare(&undisguised(lower)))
        || (doubled(lower) && is_worst(lower[..lower.len() / 2].to_owned()))
        || is_row("12345678901234567890")
        || is_row("09876543210987654321")
}

/// What a digit or sign stands for.
fn letter(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        c => c,
    }
}

/// Stems of the passwords that every list of guesses begins with.
const WORST: &[&str] = &[
    "abcdefgh",
    "abcdefghij",
    "abcdefghijk",
    "abcdefghijkl",
    "access",
    "admin",
    "administrator",
    "adminadmin",
    "america",
    "baseball",
    "basketball",
    "batman",
    "changeit",
    "changeme",
    "changemenow",
    "chocolate",
    "computer",
    "default",
    "dragon",
    "flower",
    "football",
    "freedom",
    "hello",
    "helloworld",
    "hunter",
    "iloveyou",
    "iloveyouso",
    "internet",
    "letmein",
    "letmeinnow",
    "liverpool",
    "login",
    "loveyou",
    "manager",
    "master",
    "michael",
    "microsoft",
    "monkey",
    "mypassword",
    "ninja",
    "operator",
    "pass",
    "passphrase",
    "passw",
    "passwd",
    "password",
    "passwordpassword",
    "passwort",
    "passpass",
    "princess",
    "qazwsx",
    "qazwsxedc",
    "qwer",
    "qwerty",
    "qwertyqwerty",
    "qwertyui",
    "qwertyuiop",
    "qwertyuiopasdf",
    "qwertz",
    "qwertzuiop",
    "roadstead",
    "root",
    "rootroot",
    "secret",
    "secretsecret",
    "server",
    "service",
    "shadow",
    "starwars",
    "summer",
    "sunshine",
    "superman",
    "superuser",
    "supervisor",
    "support",
    "sysadmin",
    "system",
    "temppassword",
    "test",
    "testing",
    "testpassword",
    "testtest",
    "thisisapassword",
    "toor",
    "trustno",
    "trustnoone",
    "unknown",
    "user",
    "username",
    "welcome",
    "welcometo",
    "whatever",
    "winter",
    "zxcvbnm",
    "qwertyasdf",
    "asdfghjkl",
    "asdfghjklasdf",
    "asdfasdf",
    "onetwothree",
    "opensesame",
    "p@ssw0rd",
];

/// *Errors*: `ServiceUnavailableException` when too many others are being hashed.
pub async fn hash(password: Secret<String>) -> ApiResult<String> {
    let _turn = turn(Queue::Known).await?;
    let hashed = tokio::task::spawn_blocking(move || Argon2::default().hash_password(password.expose().as_bytes()).map(|h| h.to_string()));
    hashed
        .await
        .map_err(ApiError::internal)?
        .map_err(|e| ApiError::internal(e.to_string()))
}

/// Whether `password` is the one behind `hash`. Without a hash it takes as long and says no, so that the time
/// it takes does not tell whether a user exists.
pub async fn verify(password: Secret<String>, hash: Option<String>, queue: Queue) -> ApiResult<bool> {
    if password.expose().len() > MAX_LENGTH * 4 {
        return Ok(false);
    }
    let _turn = turn(queue).await?;
    let verified = tokio::task::spawn_blocking(move || {
        let exists = hash.is_some();
        let hash = hash.unwrap_or_else(|| DECOY.to_owned());
        let parsed = PasswordHash::new(&hash).ok();
        exists & parsed.is_some_and(|parsed| Argon2::default().verify_password(password.expose().as_bytes(), &parsed).is_ok())
    });
    verified.await.map_err(ApiError::internal)
}

/// Whether a hash was made with another cost than today's.
pub fn is_outdated(hash: &str) -> bool {
    !hash.starts_with(CURRENT)
}

async fn turn(queue: Queue) -> ApiResult<tokio::sync::SemaphorePermit<'static>> {
    let turns = match queue {
        Queue::Strangers => &STRANGERS,
        Queue::Known => &KNOWN,
    };
    let waited = tokio::time::timeout(PATIENCE, turns.acquire()).await;
    let busy = |_| {
        ApiError::new(
            "ServiceUnavailableException",
            "too many logins are being checked: try again in some seconds",
        )
    };
    waited.map_err(busy)?.map_err(ApiError::internal)
}

/// A hash of nobody's password, with the cost of a real one.
const DECOY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$kFqrZxqFZOqTHPMvl9qZ1wZ0yOWq3iOYw9xFuRxNzQk";

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(password: &str) -> Result<(), String> {
        check(&password.to_owned().into(), "ann-lee").map_err(|e| e.message)
    }

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_only() {
        let hashed = hash("correct horse".to_owned().into()).await.unwrap();
        assert!(hashed.starts_with(CURRENT) && !hashed.contains("correct") && !is_outdated(&hashed));
        assert!(
            verify("correct horse".to_owned().into(), Some(hashed.clone()), Queue::Known)
                .await
                .unwrap()
        );
        assert!(!verify("wrong horse".to_owned().into(), Some(hashed), Queue::Known).await.unwrap());
        assert!(!verify("anything at all".to_owned().into(), None, Queue::Strangers).await.unwrap());
    }

    #[test]
    fn a_hash_of_another_cost_is_to_be_made_anew() {
        assert!(is_outdated("$argon2id$v=19$m=4096,t=3,p=1$c29tZXNhbHQ$AAAA") && is_outdated("$argon2i$v=19$m=19456,t=2,p=1$x$y"));
        assert!(!is_outdated(DECOY));
    }

    #[test]
    fn a_bad_password_is_refused_with_what_it_lacks() {
        assert!(verdict("short").unwrap_err().contains("at least 10"));
        assert!(verdict("my Ann-Lee 2026").unwrap_err().contains("user name"));
        assert!(verdict("abababababab").unwrap_err().contains("different"));
        for common in [
            "Password123!",
            "P@ssw0rd2026",
            "qwertyuiop",
            "1234567890",
            "9876543210",
            "Administrator1",
            "changeme!!",
            "welcome2026",
            "iloveyou1234",
            "adminadmin",
            "letmein2024!",
        ] {
            assert!(verdict(common).unwrap_err().contains("tried first"), "{common}");
        }
        assert!(verdict(&"x1y2z3".repeat(300)).unwrap_err().contains("more than"));
        for good in [
            "correct horse battery",
            "tidal-marsh-7-lamp",
            "日本語の合い言葉です、とても長い",
            "8273645190",
        ] {
            assert_eq!(verdict(good), Ok(()), "{good}");
        }
    }
}
