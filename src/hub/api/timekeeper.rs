//! Watches the wall clock against the system's uptime, which nobody can set.
//!
//! Deadlines are rows with wall-clock times. When the clock is set by more than [`JUMP`], they are moved along
//! (`capabilities/clock`), so that what had an hour left still has an hour. What is removed because of its age waits until
//! the clock has stood for [`SETTLING`]: a clock that is ten years ahead for a minute must not cost the history.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::base::{Clock, Timestamp};

/// Smaller corrections are the time service's daily work.
const JUMP: Duration = Duration::from_secs(30);
/// A jump by more than this makes ages doubtful.
const DOUBTFUL: Duration = Duration::from_secs(3600);
const SETTLING: Duration = Duration::from_secs(24 * 3600);
/// A hub that was away for longer than this looks at its clock twice.
const LONG_AWAY: Duration = Duration::from_secs(30 * 24 * 3600);

#[derive(Debug)]
pub struct Timekeeper(Mutex<State>);

#[derive(Clone, Copy, Debug)]
struct State {
    wall: Timestamp,
    uptime: Duration,
    /// By uptime: until then ages are doubtful.
    doubtful_until: Duration,
}

impl Timekeeper {
    pub fn new(clock: &Clock) -> Self {
        Self(Mutex::new(State {
            wall: clock.now(),
            uptime: clock.uptime(),
            doubtful_until: Duration::ZERO,
        }))
    }

    /// To be told at start when the hub was last alive.
    pub fn was_alive_at(&self, alive_at: Timestamp, clock: &Clock) {
        let now = clock.now();
        let is_new = alive_at.millis() == 0;
        if !is_new && (alive_at > now + DOUBTFUL || now.since(alive_at) > LONG_AWAY) {
            self.lock().doubtful_until = clock.uptime() + SETTLING;
        }
    }

    /// By how many milliseconds the clock was set since the last call; 0 when it was not.
    pub fn jump_ms(&self, clock: &Clock) -> i64 {
        let (wall, uptime) = (clock.now(), clock.uptime());
        let mut state = self.lock();
        let expected = state.wall + uptime.saturating_sub(state.uptime);
        let jump = wall.millis().saturating_sub(expected.millis());
        (state.wall, state.uptime) = (wall, uptime);
        if jump.unsigned_abs() < JUMP.as_millis() as u64 {
            return 0;
        }
        if jump.unsigned_abs() >= DOUBTFUL.as_millis() as u64 {
            state.doubtful_until = uptime + SETTLING;
        }
        jump
    }

    /// Whether things may be removed because of their age.
    pub fn is_settled(&self, clock: &Clock) -> bool {
        clock.uptime() >= self.lock().doubtful_until
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_764_000_000_000);
    const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 86_400);

    #[test]
    fn a_set_clock_is_noticed_once_and_passing_time_is_not() {
        let clock = Clock::manual(START);
        let keeper = Timekeeper::new(&clock);
        clock.advance(Duration::from_secs(86_400));
        assert_eq!(keeper.jump_ms(&clock), 0);
        let before = clock.now();
        clock.set(before + TEN_YEARS);
        assert_eq!(keeper.jump_ms(&clock), TEN_YEARS.as_millis() as i64);
        assert_eq!(keeper.jump_ms(&clock), 0);
        clock.set(before);
        assert_eq!(keeper.jump_ms(&clock), -(TEN_YEARS.as_millis() as i64));
        clock.set(before + Duration::from_secs(10));
        assert_eq!(keeper.jump_ms(&clock), 0);
    }

    #[test]
    fn ages_are_doubtful_for_a_day_after_a_large_jump() {
        let clock = Clock::manual(START);
        let keeper = Timekeeper::new(&clock);
        assert!(keeper.is_settled(&clock));
        clock.set(START + TEN_YEARS);
        keeper.jump_ms(&clock);
        assert!(!keeper.is_settled(&clock));
        clock.advance(SETTLING);
        assert!(keeper.is_settled(&clock));
        for alive_at in [START + TEN_YEARS * 3, START - TEN_YEARS] {
            let keeper = Timekeeper::new(&clock);
            keeper.was_alive_at(alive_at, &clock);
            assert!(!keeper.is_settled(&clock));
        }
        let keeper = Timekeeper::new(&clock);
        keeper.was_alive_at(Timestamp::from_millis(0), &clock);
        assert!(keeper.is_settled(&clock), "a new hub has no past");
    }
}
