//! The states of an invocation and of a command, as pure rules.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::wire::control::Rejection;
use crate::wire::run::Outcome;

/// Where one invocation stands; its text is upstream's `StatusDetails`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    Pending,
    /// Waits for its node to come back.
    Delayed,
    InProgress,
    Cancelling,
    Success,
    Failed,
    ExecutionTimedOut,
    DeliveryTimedOut,
    Cancelled,
    Undeliverable,
    InvalidPlatform,
    /// The node's owner does not let it run there.
    AccessDenied,
    /// Never started, because the command had failed often enough.
    Terminated,
}

/// What can happen to an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    Accepted,
    Ended(Outcome),
    Rejected(Rejection),
    /// A cancel for a node that certainly does not have it.
    CancelledBeforeDelivery,
    /// A cancel that the node must carry out.
    CancelAsked,
    /// Nobody took it in time.
    DeliveryExpired,
    /// The node took it and never answered.
    AnswerExpired,
    /// The node was removed before it took it.
    NodeRemoved,
}

/// The invocation has ended; what came too late changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended;

impl State {
    pub const ALL: [Self; 13] = [
        Self::Pending,
        Self::Delayed,
        Self::InProgress,
        Self::Cancelling,
        Self::Success,
        Self::Failed,
        Self::ExecutionTimedOut,
        Self::DeliveryTimedOut,
        Self::Cancelled,
        Self::Undeliverable,
        Self::InvalidPlatform,
        Self::AccessDenied,
        Self::Terminated,
    ];

    /// Upstream's `StatusDetails`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Delayed => "Delayed",
            Self::InProgress => "InProgress",
            Self::Cancelling => "Cancelling",
            Self::Success => "Success",
            Self::Failed => "Failed",
            Self::ExecutionTimedOut => "ExecutionTimedOut",
            Self::DeliveryTimedOut => "DeliveryTimedOut",
            Self::Cancelled => "Cancelled",
            Self::Undeliverable => "Undeliverable",
            Self::InvalidPlatform => "InvalidPlatform",
            Self::AccessDenied => "AccessDenied",
            Self::Terminated => "Terminated",
        }
    }

    /// Upstream's `Status`.
    pub fn status(self) -> &'static str {
        match self {
            Self::ExecutionTimedOut | Self::DeliveryTimedOut => "TimedOut",
            Self::Undeliverable | Self::InvalidPlatform | Self::AccessDenied => "Failed",
            Self::Terminated => "Cancelled",
            other => other.as_str(),
        }
    }

    /// How what ended so is seen.
    pub fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Success | Outcome::Skipped => Self::Success,
            Outcome::Failed | Outcome::Interrupted => Self::Failed,
            Outcome::TimedOut => Self::ExecutionTimedOut,
            Outcome::Cancelled => Self::Cancelled,
        }
    }

    pub fn is_ended(self) -> bool {
        !matches!(self, Self::Pending | Self::Delayed | Self::InProgress | Self::Cancelling)
    }

    /// Whether it counts against `MaxErrors`.
    pub fn is_error(self) -> bool {
        matches!(self, Self::Failed | Self::ExecutionTimedOut)
    }

    /// *Errors*: [`Ended`], because an end is final.
    pub fn next(self, happening: Happening) -> Result<Self, Ended> {
        if self.is_ended() {
            return Err(Ended);
        }
        Ok(match happening {
            Happening::Accepted if self == Self::Cancelling => Self::Cancelling,
            Happening::Accepted => Self::InProgress,
            Happening::Ended(outcome) => Self::of(outcome),
            Happening::Rejected(Rejection::Expired) => Self::DeliveryTimedOut,
            Happening::Rejected(Rejection::Unsupported) => Self::InvalidPlatform,
            Happening::Rejected(Rejection::NoRoom) => Self::Undeliverable,
            Happening::Rejected(Rejection::Unwarranted) => Self::Failed,
            Happening::Rejected(Rejection::Locked) => Self::AccessDenied,
            Happening::CancelledBeforeDelivery => Self::Cancelled,
            Happening::CancelAsked => Self::Cancelling,
            Happening::DeliveryExpired if self == Self::Cancelling => Self::Cancelled,
            Happening::DeliveryExpired => Self::DeliveryTimedOut,
            Happening::NodeRemoved => Self::Undeliverable,
            Happening::AnswerExpired if self == Self::Cancelling => Self::Cancelled,
            Happening::AnswerExpired => Self::ExecutionTimedOut,
        })
    }
}

impl FromStr for State {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|s| s.as_str() == text).ok_or(())
    }
}

/// Where a command stands: upstream's `Status` and `StatusDetails`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandState {
    pub status: &'static str,
    pub details: &'static str,
}

/// The command's state from its invocations.
///
/// *Shape*: `counts` by state; `max_errors` as a count; `is_cancelled` when a cancel of the whole command was asked for.
/// *Source*: the roll-up table of the Run Command status pages.
pub fn roll_up(counts: &BTreeMap<State, u64>, max_errors: u64, is_cancelled: bool) -> CommandState {
    let of = |state: State| counts.get(&state).copied().unwrap_or(0);
    let total: u64 = counts.values().sum();
    if total == 0 {
        return CommandState {
            status: "Success",
            details: "NoInstancesInTag",
        };
    }
    if counts.iter().any(|(state, n)| *n > 0 && !state.is_ended()) {
        let is_begun = of(State::Pending) + of(State::Delayed) < total;
        return match (is_cancelled, is_begun) {
            (true, _) => same("Cancelling"),
            (false, true) => same("InProgress"),
            (false, false) => same("Pending"),
        };
    }
    if is_cancelled {
        return CommandState {
            status: "Cancelled",
            details: "Canceled",
        };
    }
    // Some were stopped: the errors were enough, or the first nodes did not succeed.
    let threshold = if of(State::Terminated) > 0 { 0 } else { max_errors.max(1) };
    let (timed_out, undelivered) = (of(State::ExecutionTimedOut), of(State::DeliveryTimedOut));
    let errors = of(State::Failed) + timed_out;
    let refused = of(State::Undeliverable) + of(State::InvalidPlatform) + of(State::AccessDenied);
    match () {
        () if of(State::Success) == total => same("Success"),
        () if refused == total => same("Failed"),
        () if errors >= threshold && timed_out == errors && errors > 0 => CommandState {
            status: "TimedOut",
            details: "ExecutionTimedOut",
        },
        () if errors >= threshold => same("Failed"),
        () if errors > 0 => CommandState {
            status: "Failed",
            details: "Incomplete",
        },
        () if undelivered >= threshold => CommandState {
            status: "TimedOut",
            details: "DeliveryTimedOut",
        },
        () if undelivered > 0 => CommandState {
            status: "TimedOut",
            details: "Incomplete",
        },
        () if of(State::Cancelled) == total => CommandState {
            status: "Cancelled",
            details: "Canceled",
        },
        () => same("Success"),
    }
}

fn same(word: &'static str) -> CommandState {
    CommandState {
        status: word,
        details: word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counts(pairs: &[(State, u64)]) -> BTreeMap<State, u64> {
        pairs.iter().copied().collect()
    }

    fn rolled(pairs: &[(State, u64)], max_errors: u64) -> (&'static str, &'static str) {
        let state = roll_up(&counts(pairs), max_errors, false);
        (state.status, state.details)
    }

    #[test]
    fn the_roll_up_table_of_upstream_holds() {
        use State::*;
        assert_eq!(rolled(&[(Success, 10)], 5), ("Success", "Success"));
        assert_eq!(rolled(&[(Failed, 1), (Success, 9)], 0), ("Failed", "Failed"));
        assert_eq!(rolled(&[(Failed, 3), (Success, 7)], 3), ("Failed", "Failed"));
        assert_eq!(rolled(&[(Failed, 2), (Success, 8)], 3), ("Failed", "Incomplete"));
        assert_eq!(rolled(&[(DeliveryTimedOut, 4), (Success, 6)], 3), ("TimedOut", "DeliveryTimedOut"));
        assert_eq!(rolled(&[(DeliveryTimedOut, 2), (Success, 8)], 3), ("TimedOut", "Incomplete"));
        assert_eq!(rolled(&[(Undeliverable, 3)], 0), ("Failed", "Failed"));
        assert_eq!(rolled(&[(Undeliverable, 3), (Success, 1)], 0), ("Success", "Success"));
        assert_eq!(rolled(&[(ExecutionTimedOut, 1)], 0), ("TimedOut", "ExecutionTimedOut"));
        assert_eq!(rolled(&[], 0), ("Success", "NoInstancesInTag"));
        assert_eq!(rolled(&[(AccessDenied, 3)], 0), ("Failed", "Failed"));
        assert_eq!(rolled(&[(AccessDenied, 3), (Success, 1)], 0), ("Success", "Success"));
        assert_eq!(rolled(&[(Undeliverable, 1), (AccessDenied, 1)], 0), ("Failed", "Failed"));
        assert_eq!(rolled(&[(Failed, 1), (Terminated, 9)], 0), ("Failed", "Failed"));
        assert_eq!(rolled(&[(Failed, 1), (Success, 4), (Terminated, 5)], 0), ("Failed", "Failed"));
        assert_eq!(
            rolled(&[(ExecutionTimedOut, 1), (Terminated, 9)], 0),
            ("TimedOut", "ExecutionTimedOut")
        );
        // A first node that did not succeed stops the others, however many errors are borne.
        assert_eq!(rolled(&[(Failed, 1), (Terminated, 9)], 5), ("Failed", "Failed"));
        assert_eq!(rolled(&[(DeliveryTimedOut, 1), (Terminated, 9)], 5), ("Failed", "Failed"));
        assert_eq!(rolled(&[(Pending, 2), (Delayed, 1)], 0), ("Pending", "Pending"));
        assert_eq!(rolled(&[(Pending, 2), (Success, 1)], 0), ("InProgress", "InProgress"));
        let cancelled = roll_up(&counts(&[(Cancelled, 1), (Success, 1)]), 0, true);
        assert_eq!((cancelled.status, cancelled.details), ("Cancelled", "Canceled"));
    }

    #[test]
    fn every_state_reads_back() {
        for state in State::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
    }

    fn any_happening() -> impl Strategy<Value = Happening> {
        prop_oneof![
            Just(Happening::Accepted),
            Just(Happening::Ended(Outcome::Success)),
            Just(Happening::Ended(Outcome::Failed)),
            Just(Happening::Ended(Outcome::TimedOut)),
            Just(Happening::Ended(Outcome::Cancelled)),
            Just(Happening::Ended(Outcome::Interrupted)),
            Just(Happening::Rejected(Rejection::Expired)),
            Just(Happening::Rejected(Rejection::Unsupported)),
            Just(Happening::Rejected(Rejection::NoRoom)),
            Just(Happening::Rejected(Rejection::Locked)),
            Just(Happening::CancelledBeforeDelivery),
            Just(Happening::CancelAsked),
            Just(Happening::DeliveryExpired),
            Just(Happening::AnswerExpired),
            Just(Happening::NodeRemoved),
        ]
    }

    proptest! {
        #[test]
        fn an_end_is_final(happenings in proptest::collection::vec(any_happening(), 0..12)) {
            let mut state = State::Pending;
            for happening in happenings {
                match state.next(happening) {
                    Ok(next) => { prop_assert!(!state.is_ended()); state = next; }
                    Err(Ended) => prop_assert!(state.is_ended()),
                }
            }
        }
    }
}
