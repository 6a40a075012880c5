//! Half-finished logins: the first proof was right, the second is awaited. In memory: a restart means logging in again.
//!
//! Only a right first proof makes one, so strangers cannot fill the memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};

use crate::base::id::random_hex;
use crate::base::{ApiError, ApiResult};
use crate::hub::auth::backoff::Source;
use crate::hub::auth::console::Method;

const LIFETIME: Duration = Duration::from_secs(5 * 60);
/// Wrong second proofs after which the first one is asked for again.
const ATTEMPTS: u32 = 5;
/// Of all users together; the oldest give way.
const MOST: usize = 1000;

#[derive(Clone, Debug)]
pub struct Ticket {
    pub source: Source,
    /// How the login began.
    pub first: Method,
    attempts: u32,
    until: Instant,
}

/// All of the hub's.
#[derive(Default)]
pub struct Tickets(Mutex<HashMap<Vec<u8>, Ticket>>);

impl Tickets {
    /// What the login goes on with.
    pub fn issue(&self, source: Source, first: Method, now: Instant) -> String {
        let word = random_hex(64);
        let mut all = self.all();
        all.retain(|_, ticket| now < ticket.until);
        if all.len() >= MOST
            && let Some(oldest) = all.iter().min_by_key(|(_, ticket)| ticket.until).map(|(key, _)| key.clone())
        {
            all.remove(&oldest);
        }
        let ticket = Ticket {
            source,
            first,
            attempts: 0,
            until: now + LIFETIME,
        };
        all.insert(key(&word), ticket);
        word
    }

    /// Counts an attempt.
    ///
    /// *Errors*: `LoginExpiredException` when there is no such ticket, or no attempt left.
    pub fn attempt(&self, word: &str, now: Instant) -> ApiResult<Ticket> {
        let mut all = self.all();
        let expired = || {
            ApiError::new(
                "LoginExpiredException",
                "this login has taken too long or too many tries: begin again",
            )
        };
        let ticket = all.get_mut(&key(word)).filter(|ticket| now < ticket.until).ok_or_else(expired)?;
        ticket.attempts += 1;
        let found = ticket.clone();
        if found.attempts >= ATTEMPTS {
            all.remove(&key(word));
        }
        Ok(found)
    }

    pub fn spend(&self, word: &str) {
        self.all().remove(&key(word));
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Ticket>> {
        self.0.lock().expect("no code panics while it holds the map")
    }
}

fn key(word: &str) -> Vec<u8> {
    digest(&SHA256, word.as_bytes()).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        Source {
            user: "ann".into(),
            address: "192.0.2.1".into(),
            device: None,
        }
    }

    #[test]
    fn a_ticket_ends_by_use_by_time_and_by_wrong_tries() {
        let (tickets, now) = (Tickets::default(), Instant::now());
        let word = tickets.issue(source(), Method::Password, now);
        for _ in 0..ATTEMPTS {
            assert_eq!(tickets.attempt(&word, now).unwrap().source.user, "ann");
        }
        assert!(tickets.attempt(&word, now).is_err());
        let late = tickets.issue(source(), Method::Password, now);
        assert!(tickets.attempt(&late, now + LIFETIME).is_err());
        let spent = tickets.issue(source(), Method::Password, now);
        tickets.spend(&spent);
        assert!(tickets.attempt(&spent, now).is_err() && tickets.attempt("", now).is_err());
    }
}
