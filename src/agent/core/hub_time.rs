//! The hub's time, as it was told at the last connect and carried on by this system's uptime.
//!
//! By it orders expire. Setting this system's clock changes nothing; until a hub has told its time, this clock is all there is.

use std::sync::Mutex;
use std::sync::PoisonError;

use crate::base::{Clock, Timestamp};

#[derive(Debug, Default)]
pub struct HubTime(Mutex<Option<Told>>);

#[derive(Clone, Copy, Debug)]
struct Told {
    hub: Timestamp,
    uptime: std::time::Duration,
}

impl HubTime {
    pub fn set(&self, hub: Timestamp, clock: &Clock) {
        let uptime = clock.uptime();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Told { hub, uptime });
    }

    pub fn now(&self, clock: &Clock) -> Timestamp {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(told) => told.hub + clock.uptime().saturating_sub(told.uptime),
            None => clock.now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn it_goes_on_with_the_uptime_whatever_the_clock_is_set_to() {
        let ten_years = Duration::from_secs(10 * 365 * 86_400);
        let clock = Clock::manual(Timestamp::from_millis(5_000));
        let time = HubTime::default();
        assert_eq!(time.now(&clock), clock.now());
        time.set(Timestamp::from_millis(1_000_000), &clock);
        for wrong in [
            clock.now() + ten_years,
            clock.now() - ten_years,
            clock.now() - Duration::from_secs(3600),
        ] {
            clock.set(wrong);
            assert_eq!(time.now(&clock), Timestamp::from_millis(1_000_000));
        }
        clock.advance(Duration::from_secs(7));
        assert_eq!(time.now(&clock), Timestamp::from_millis(1_007_000));
    }
}
