//! Rate control: on how many more nodes a command may be begun. Pure rules over counts; `release` acts on them.
//!
//! *Source*: AWS docs, "Send commands at scale": `MaxConcurrency` bounds what is under way, and once more than `MaxErrors`
//! invocations have failed nothing further is begun, while what is under way ends as it may.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Upstream's defaults.
pub const DEFAULT_CONCURRENCY: &str = "50";
pub const DEFAULT_ERRORS: &str = "0";

/// What a sender asked for, as counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Nodes that are under way at once, at least one.
    pub concurrency: u64,
    /// Errors that are borne; one more stops the command.
    pub max_errors: u64,
    /// Nodes that are begun first and must all succeed before any other is begun; 0 for none.
    pub canaries: u64,
}

impl Limits {
    pub fn new(max_concurrency: &str, max_errors: &str, canaries: Option<&str>, targets: u64) -> Self {
        Self {
            concurrency: count_of(max_concurrency, targets).max(1),
            max_errors: count_of(max_errors, targets),
            canaries: canaries.map_or(0, |text| count_of(text, targets).max(1)),
        }
    }
}

/// What has come of a command so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Invocations that were ever released.
    pub released: u64,
    /// Released and not ended.
    pub in_flight: u64,
    /// Ended in a state that counts against `MaxErrors`.
    pub errors: u64,
    /// Released and ended otherwise than in success; looked at only while the canaries are the last that were released.
    pub unsuccessful: u64,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Begin on up to so many more nodes; 0 is to wait.
    Begin(u64),
    /// Begin on no other node ever.
    Stop(Why),
}

/// Why nothing more is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    Errors,
    Canary,
}

impl Why {
    /// The sentence that a node's share says when it was not begun.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Errors => "not begun: more nodes had failed than `MaxErrors` allows",
            Self::Canary => "not begun: one of the first nodes did not succeed",
        }
    }
}

/// The decision, from nothing but counts: a hub that was killed decides the same again.
pub fn next_batch(limits: &Limits, tally: &Tally) -> Next {
    if tally.errors > limits.max_errors {
        return Next::Stop(Why::Errors);
    }
    let room = limits.concurrency.saturating_sub(tally.in_flight);
    // Beyond their number nothing is released before all of them have succeeded.
    if tally.released > limits.canaries || limits.canaries == 0 {
        return Next::Begin(room);
    }
    if tally.unsuccessful > 0 {
        return Next::Stop(Why::Canary);
    }
    match limits.canaries - tally.released {
        0 if tally.in_flight == 0 => Next::Begin(room),
        left => Next::Begin(room.min(left)),
    }
}

/// A number, or a percentage of the targets, rounded down.
pub fn count_of(text: &str, targets: u64) -> u64 {
    match text.strip_suffix('%') {
        Some(percent) => targets * percent.parse::<u64>().unwrap_or(0) / 100,
        None => text.parse().unwrap_or(0),
    }
}

/// What becomes of nodes that are offline when a command is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OfflineNodes {
    /// They are told when they come back, until the time-out.
    #[default]
    Wait,
    /// They are left out, and count as no error.
    Skip,
    /// They count as failed.
    Fail,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_percentage_becomes_a_count_of_the_targets() {
        assert_eq!(count_of("10%", 50), 5);
        assert_eq!(count_of("7", 50), 7);
        assert_eq!(count_of("1%", 50), 0);
    }

    #[test]
    fn one_node_is_always_allowed_and_no_error_is() {
        let limits = Limits::new("1%", "1%", Some("1%"), 50);
        assert_eq!((limits.concurrency, limits.max_errors, limits.canaries), (1, 0, 1));
    }

    #[test]
    fn the_error_after_the_last_that_is_borne_stops() {
        let limits = Limits::new("10", "10%", None, 50);
        let of = |errors| {
            next_batch(
                &limits,
                &Tally {
                    errors,
                    ..Tally::default()
                },
            )
        };
        assert_eq!(of(5), Next::Begin(10));
        assert_eq!(of(6), Next::Stop(Why::Errors));
    }

    #[test]
    fn nothing_follows_the_canaries_before_all_have_succeeded() {
        let limits = Limits::new("10", "5", Some("2"), 50);
        let of = |released, in_flight, unsuccessful| {
            next_batch(
                &limits,
                &Tally {
                    released,
                    in_flight,
                    unsuccessful,
                    errors: 0,
                },
            )
        };
        assert_eq!(of(0, 0, 0), Next::Begin(2));
        assert_eq!(of(1, 1, 0), Next::Begin(1));
        assert_eq!(of(2, 2, 0), Next::Begin(0));
        assert_eq!(of(2, 1, 0), Next::Begin(0));
        assert_eq!(of(2, 0, 0), Next::Begin(10));
        assert_eq!(of(2, 1, 1), Next::Stop(Why::Canary));
        assert_eq!(of(1, 0, 1), Next::Stop(Why::Canary));
        assert_eq!(of(12, 9, 1), Next::Begin(1));
    }

    /// A command's nodes as the rows have them.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Share {
        Held,
        Running,
        Ended { is_error: bool, is_success: bool },
        Terminated,
    }

    struct Run {
        limits: Limits,
        shares: Vec<Share>,
        released: BTreeSet<usize>,
    }

    impl Run {
        fn tally(&self) -> Tally {
            let of = |test: fn(&Share) -> bool| self.shares.iter().filter(|s| test(s)).count() as u64;
            let unsuccessful = |n: &&usize| matches!(self.shares[**n], Share::Ended { is_success: false, .. });
            Tally {
                released: self.released.len() as u64,
                in_flight: of(|s| *s == Share::Running),
                errors: of(|s| matches!(s, Share::Ended { is_error: true, .. })),
                unsuccessful: self.released.iter().filter(unsuccessful).count() as u64,
            }
        }

        /// What `release` does; each node changes its state only from held.
        fn advance(&mut self, is_reachable: impl Fn(usize) -> bool) -> Next {
            let next = next_batch(&self.limits, &self.tally());
            let held: Vec<usize> = (0..self.shares.len()).filter(|n| self.shares[*n] == Share::Held).collect();
            match next {
                Next::Stop(_) => held.into_iter().for_each(|n| self.shares[n] = Share::Terminated),
                Next::Begin(room) => {
                    for n in held.into_iter().filter(|n| is_reachable(*n)).take(room as usize) {
                        self.shares[n] = Share::Running;
                        assert!(self.released.insert(n), "begun twice");
                    }
                }
            }
            next
        }
    }

    proptest! {
        /// Whatever nodes answer, in whatever order and however many are away at first.
        #[test]
        fn no_limit_is_passed_and_every_node_ends_in_one_state(
            concurrency in 1u64..8, max_errors in 0u64..6, canaries in 0u64..4,
            away in proptest::collection::vec(any::<bool>(), 1..40),
            answers in proptest::collection::vec((any::<prop::sample::Index>(), 0u8..4), 200),
        ) {
            let limits = Limits { concurrency, max_errors, canaries };
            let mut run = Run { limits, shares: vec![Share::Held; away.len()], released: BTreeSet::new() };
            let mut has_stopped = false;
            for (round, (which, how)) in answers.iter().enumerate() {
                let before = run.tally();
                let next = run.advance(|n| !away[n] || round > 20);
                let after = run.tally();
                prop_assert!(after.in_flight <= concurrency, "more under way than allowed");
                if before.errors > max_errors || has_stopped {
                    prop_assert_eq!(after.released, before.released, "begun after the stop");
                }
                if after.released > canaries && before.released <= canaries {
                    prop_assert!(canaries == 0 || (before.released == canaries && before.in_flight == 0 && before.unsuccessful == 0));
                }
                has_stopped |= matches!(next, Next::Stop(_));
                let running: Vec<usize> = (0..run.shares.len()).filter(|n| run.shares[*n] == Share::Running).collect();
                if running.is_empty() {
                    continue;
                }
                run.shares[*which.get(&running)] = Share::Ended { is_error: *how == 0, is_success: *how > 1 };
            }
            for _ in 0..2 * away.len() {
                run.advance(|_| true);
                for share in run.shares.iter_mut().filter(|s| **s == Share::Running) {
                    *share = Share::Ended { is_error: false, is_success: true };
                }
            }
            let is_over = run.shares.iter().all(|s| matches!(s, Share::Ended { .. } | Share::Terminated));
            prop_assert!(is_over, "{:?}", run.shares);
            let ended = run.shares.iter().filter(|s| matches!(s, Share::Ended { .. })).count();
            prop_assert_eq!(ended, run.released.len());
        }
    }
}
