//! Time: facts are [`Timestamp`]s (UTC milliseconds), waiting is `std::time::Duration`.
//!
//! The hub and the agent read the wall clock only through a [`Clock`], so that a test can set it. It also has the system's
//! uptime, which nobody can set: what must hold through a jump of the wall clock is measured by that.

use std::fmt;
use std::ops::{Add, Sub};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
///
/// *Shape*: over the API it is a JSON number of epoch seconds with a fraction, as upstream sends it;
/// in the database and on the agent link it is the plain integer (see [`Timestamp::millis`]).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms)
    }

    pub const fn millis(self) -> i64 {
        self.0
    }

    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// `None` when the number is not a time this program can hold (NaN, infinite, beyond year ±9999).
    pub fn from_seconds(seconds: f64) -> Option<Self> {
        const YEAR_9999_S: f64 = 253_402_300_799.0;
        (seconds.is_finite() && seconds.abs() <= YEAR_9999_S).then(|| Self((seconds * 1000.0).round() as i64))
    }

    /// How long after `earlier` this moment is; zero when it is not after it.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0).max(0) as u64)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Timestamp;
    fn add(self, by: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Timestamp;
    fn sub(self, by: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// RFC 3339 with milliseconds, UTC: `2026-01-31T09:05:00.123Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(t) => write!(f, "{t:.3}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_f64(self.as_seconds())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(d)?;
        Self::from_seconds(seconds).ok_or_else(|| serde::de::Error::custom("a time is a number of epoch seconds"))
    }
}

impl schemars::JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "number", "format": "epoch-seconds" })
    }

    fn inline_schema() -> bool {
        true
    }
}

/// Where `now` comes from: the system, or a test that sets it.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<Manual>>);

#[derive(Debug)]
struct Manual {
    wall_ms: AtomicI64,
    uptime_ms: AtomicI64,
}

impl Clock {
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still at `start` until it is moved.
    pub fn manual(start: Timestamp) -> Self {
        Self(Some(Arc::new(Manual {
            wall_ms: AtomicI64::new(start.0),
            uptime_ms: AtomicI64::new(0),
        })))
    }

    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Some(manual) => Timestamp(manual.wall_ms.load(Ordering::SeqCst)),
            None => Timestamp(since_epoch_ms()),
        }
    }

    /// How long the system has been up, sleep included. Setting the wall clock does not move it.
    pub fn uptime(&self) -> Duration {
        match &self.0 {
            Some(manual) => Duration::from_millis(manual.uptime_ms.load(Ordering::SeqCst).unsigned_abs()),
            None => system_uptime(),
        }
    }

    /// Lets time pass on a manual clock; the system's clock is not ours to move.
    pub fn advance(&self, by: Duration) {
        if let Some(manual) = &self.0 {
            manual.wall_ms.fetch_add(by.as_millis() as i64, Ordering::SeqCst);
            manual.uptime_ms.fetch_add(by.as_millis() as i64, Ordering::SeqCst);
        }
    }

    /// Sets a manual clock, as somebody sets a system's: no time passes.
    pub fn set(&self, to: Timestamp) {
        if let Some(manual) = &self.0 {
            manual.wall_ms.store(to.0, Ordering::SeqCst);
        }
    }
}

fn system_uptime() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // The kernel writes the whole struct; a clock that it does not have leaves zero.
    unsafe {
        libc::clock_gettime(libc::CLOCK_BOOTTIME, &mut time);
    }
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

fn since_epoch_ms() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(d) => d.as_millis() as i64,
        Err(before) => -(before.duration().as_millis() as i64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_travels_as_epoch_seconds_with_fraction() {
        let t = Timestamp::from_millis(1_700_000_000_250);
        assert_eq!(serde_json::to_string(&t).unwrap(), "1700000000.25");
        assert_eq!(serde_json::from_str::<Timestamp>("1700000000.25").unwrap(), t);
        assert!(serde_json::from_str::<Timestamp>("1e300").is_err());
    }

    #[test]
    fn since_never_goes_negative() {
        let t = Timestamp::from_millis(5);
        assert_eq!(t.since(Timestamp::from_millis(9)), Duration::ZERO);
    }

    #[test]
    fn a_manual_clock_stands_until_moved() {
        let clock = Clock::manual(Timestamp::from_millis(1));
        clock.advance(Duration::from_secs(1));
        assert_eq!(clock.now(), Timestamp::from_millis(1001));
        clock.set(Timestamp::from_millis(-5));
        assert_eq!((clock.now(), clock.uptime()), (Timestamp::from_millis(-5), Duration::from_secs(1)));
    }

    #[test]
    fn the_systems_uptime_goes_on() {
        let clock = Clock::system();
        let before = clock.uptime();
        assert!(!before.is_zero() && clock.uptime() >= before);
    }
}
