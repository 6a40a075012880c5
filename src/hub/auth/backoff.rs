//! Slowing down who guesses passwords, in a way that no stranger can turn into a lock-out.
//!
//! ```text
//! a device that this user has logged in from    its own failures alone slow it
//! any other source (user, network address)      its own failures, and a first wait while its user or its
//!                                                address is under attack
//! ```
//!
//! Nobody's failures make a source wait that has waited already: a stranger can make a first attempt from a new place
//! take half a minute, once, and nothing more. Addresses count as networks (IPv6: /64), because one machine has a whole one.
//! Waiting is measured on the monotonic clock, so that a jump of the wall clock locks nobody out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::base::{ApiError, ApiResult};

/// Failures of one source that cost nothing yet.
const FREE_FAILURES: u32 = 5;
/// Failures against one user, and from one network, after which a new source waits before its first attempt.
const CALM_USER: u32 = 50;
const CALM_NETWORK: u32 = 20;
/// Wrong codes against one user in an hour after which no new source may try one. Who gets so far knows the password.
const MAX_CODES: u32 = 30;
/// The longest wait: it slows a guesser down and keeps nobody out for long.
pub const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Failures are forgotten so long after the last one.
const MEMORY: Duration = Duration::from_secs(3600);
/// Sources remembered; the oldest are forgotten first.
const REMEMBERED: usize = 20_000;

/// Where a login attempt comes from.
#[derive(Clone, Debug)]
pub struct Source {
    pub user: String,
    pub address: String,
    /// The hash of the device's cookie, when this user has logged in with it before.
    pub device: Option<Vec<u8>>,
}

#[derive(Clone, Copy)]
struct Seen {
    failures: u32,
    last: Instant,
    not_before: Instant,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Key {
    Device(Vec<u8>),
    Pair(String, String),
    User(String),
    Codes(String),
    Network(String),
}

/// The failures of the last hour, in memory: a restart forgives them.
#[derive(Default)]
pub struct Backoff {
    seen: Mutex<HashMap<Key, Seen>>,
}

impl Source {
    fn own(&self) -> Key {
        match &self.device {
            Some(device) => Key::Device(device.clone()),
            None => Key::Pair(self.user.clone(), network(&self.address)),
        }
    }
}

impl Backoff {
    /// Whether an attempt may be made now.
    ///
    /// *Errors*: `TooManyAttemptsException` with the seconds to wait.
    pub fn admit(&self, source: &Source, now: Instant) -> ApiResult<()> {
        let mut seen = self.seen();
        let own = source.own();
        let wait = match alive(&seen, &own, now) {
            Some(entry) => entry.not_before.saturating_duration_since(now),
            None if source.device.is_some() => Duration::ZERO,
            None => first_wait(&seen, source, now),
        };
        if wait.is_zero() {
            return Ok(());
        }
        // Who waited once is served afterwards, whatever others do meanwhile.
        seen.entry(own).or_insert(Seen {
            failures: 0,
            last: now,
            not_before: now + wait,
        });
        forget_oldest(&mut seen, now);
        Err(ApiError::new(
            "TooManyAttemptsException",
            format!("too many failed logins: try again in {} s", wait.as_secs() + 1),
        ))
    }

    pub fn failed(&self, source: &Source, now: Instant) {
        let mut seen = self.seen();
        let mut keys = vec![source.own()];
        if source.device.is_none() {
            keys.extend([Key::User(source.user.clone()), Key::Network(network(&source.address))]);
        }
        for key in keys {
            let failures = alive(&seen, &key, now).map_or(0, |entry| entry.failures) + 1;
            let entry = Seen {
                failures,
                last: now,
                not_before: now + wait_after(failures),
            };
            seen.insert(key, entry);
        }
        forget_oldest(&mut seen, now);
    }

    /// Whether a second factor may be tried: only a device that its user has logged in from may go on for ever.
    ///
    /// *Errors*: `TooManyAttemptsException`.
    pub fn admit_code(&self, source: &Source, now: Instant) -> ApiResult<()> {
        let wrong = alive(&self.seen(), &Key::Codes(source.user.clone()), now).map_or(0, |entry| entry.failures);
        if source.device.is_some() || wrong < MAX_CODES {
            return self.admit(source, now);
        }
        Err(ApiError::new(
            "TooManyAttemptsException",
            "too many wrong codes: log in from a device that you have used before, or in an hour",
        ))
    }

    /// Counts a wrong second factor, beside [`Backoff::failed`].
    pub fn failed_code(&self, source: &Source, now: Instant) {
        if source.device.is_some() {
            return;
        }
        let mut seen = self.seen();
        let key = Key::Codes(source.user.clone());
        let failures = alive(&seen, &key, now).map_or(0, |entry| entry.failures) + 1;
        let entry = Seen {
            failures,
            last: now,
            not_before: now,
        };
        seen.insert(key, entry);
    }

    pub fn succeeded(&self, source: &Source) {
        self.seen().remove(&source.own());
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<Key, Seen>> {
        self.seen.lock().expect("no code panics while it holds the map")
    }
}

fn alive(seen: &HashMap<Key, Seen>, key: &Key, now: Instant) -> Option<Seen> {
    seen.get(key)
        .copied()
        .filter(|entry| now.saturating_duration_since(entry.last) < MEMORY)
}

/// How long a source that nobody knows waits before its first attempt.
fn first_wait(seen: &HashMap<Key, Seen>, source: &Source, now: Instant) -> Duration {
    let failures = |key| alive(seen, &key, now).map_or(0, |entry| entry.failures);
    let user = failures(Key::User(source.user.clone())).saturating_sub(CALM_USER);
    let network = failures(Key::Network(network(&source.address))).saturating_sub(CALM_NETWORK);
    match user.max(network) {
        0 => Duration::ZERO,
        over => Duration::from_secs(over.into()).min(LONGEST_WAIT),
    }
}

fn wait_after(failures: u32) -> Duration {
    match failures.checked_sub(FREE_FAILURES) {
        None => Duration::ZERO,
        Some(over) => Duration::from_secs(1 << over.min(5)).min(LONGEST_WAIT),
    }
}

fn forget_oldest(seen: &mut HashMap<Key, Seen>, now: Instant) {
    if seen.len() <= REMEMBERED {
        return;
    }
    seen.retain(|_, entry| now.saturating_duration_since(entry.last) < MEMORY);
    if seen.len() > REMEMBERED * 3 / 4 {
        let mut times: Vec<Instant> = seen.values().map(|entry| entry.last).collect();
        let middle = times.len() / 2;
        let (_, cut, _) = times.select_nth_unstable(middle);
        let cut = *cut;
        seen.retain(|_, entry| entry.last > cut);
    }
}

fn network(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(ip)) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(user: &str, address: &str) -> Source {
        Source {
            user: user.into(),
            address: address.into(),
            device: None,
        }
    }

    fn attack(backoff: &Backoff, user: &str, now: Instant) {
        for n in 0..500 {
            backoff.failed(&from(user, &format!("203.0.113.{}", n % 250)), now);
        }
    }

    #[test]
    fn a_source_is_slowed_by_its_own_failures_and_never_locked_out() {
        let (backoff, now) = (Backoff::default(), Instant::now());
        let source = from("ann", "192.0.2.1");
        for _ in 0..FREE_FAILURES {
            backoff.admit(&source, now).unwrap();
            backoff.failed(&source, now);
        }
        assert!(backoff.admit(&source, now).is_err());
        for _ in 0..1000 {
            backoff.failed(&source, now);
        }
        backoff.admit(&source, now + LONGEST_WAIT).unwrap();
    }

    #[test]
    fn a_known_device_does_not_notice_an_attack_on_its_user_or_from_its_address() {
        let (backoff, now) = (Backoff::default(), Instant::now());
        attack(&backoff, "ann", now);
        let mut device = from("ann", "203.0.113.7");
        device.device = Some(vec![1]);
        backoff.admit(&device, now).unwrap();
    }

    #[test]
    fn a_new_place_waits_once_under_attack_and_is_then_served_whatever_strangers_do() {
        let (backoff, now) = (Backoff::default(), Instant::now());
        attack(&backoff, "ann", now);
        let place = from("ann", "192.0.2.1");
        assert!(backoff.admit(&place, now).is_err());
        let later = now + LONGEST_WAIT;
        attack(&backoff, "ann", later);
        backoff.admit(&place, later).unwrap();
        backoff.admit(&from("bob", "192.0.2.1"), later).unwrap();
    }

    #[test]
    fn who_tries_many_users_from_one_network_waits_before_each() {
        let (backoff, now) = (Backoff::default(), Instant::now());
        for n in 0..60 {
            backoff.failed(&from(&format!("user{n}"), &format!("2001:db8::{n:x}")), now);
        }
        assert!(backoff.admit(&from("another", "2001:db8::ffff"), now).is_err());
        backoff.admit(&from("another", "2001:db8:0:1::1"), now).unwrap();
    }

    #[test]
    fn codes_cannot_be_guessed_from_many_places() {
        let (backoff, now) = (Backoff::default(), Instant::now());
        for n in 0..MAX_CODES {
            let place = from("ann", &format!("203.0.113.{n}"));
            backoff.admit_code(&place, now).unwrap();
            backoff.failed_code(&place, now);
        }
        let mut place = from("ann", "192.0.2.1");
        assert!(backoff.admit_code(&place, now).is_err());
        backoff.admit_code(&place, now + MEMORY).unwrap();
        place.device = Some(vec![1]);
        backoff.admit_code(&place, now).unwrap();
    }

    #[test]
    fn memory_is_bounded_and_short() {
        let (backoff, now) = (Backoff::default(), Instant::now());
        for n in 0..u32::try_from(REMEMBERED).unwrap() * 2 {
            backoff.failed(&from(&n.to_string(), "192.0.2.1"), now + Duration::from_micros(n.into()));
        }
        assert!(backoff.seen().len() <= REMEMBERED);
        let source = from("ann", "198.51.100.1");
        (0..20).for_each(|_| backoff.failed(&source, now));
        backoff.admit(&source, now + MEMORY).unwrap();
    }
}
