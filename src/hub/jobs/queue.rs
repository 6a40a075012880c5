//! Queues of rows that are brought to receivers outside: one turn a receiver, so that one that is slow or away holds up no other;
//! what fails is tried again, ever later, and given up after a day.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::base::Timestamp;
use crate::base::id::random_hex;

const FIRST_WAIT: Duration = Duration::from_secs(10);
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// After so long it is given up.
pub const GIVEN_UP: Duration = Duration::from_secs(24 * 3600);
/// Longest reason that is kept.
pub const MAX_ERROR: usize = 500;

/// The receivers of one queue that are being served, each with whether it was called meanwhile; there are at most as many as
/// receivers.
pub struct Busy<Queue>(Mutex<BTreeMap<String, bool>>, PhantomData<fn() -> Queue>);

impl<Queue> Default for Busy<Queue> {
    fn default() -> Self {
        Self(Mutex::default(), PhantomData)
    }
}

impl<Queue> Busy<Queue> {
    fn served(&self) -> MutexGuard<'_, BTreeMap<String, bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A receiver's turn: while it lasts, it gets no other.
pub struct Turn<Queue> {
    busy: Arc<Busy<Queue>>,
    pub receiver: String,
    is_over: bool,
}

impl<Queue> Turn<Queue> {
    /// `None` while the receiver has a turn already, which hears of it ([`Turn::goes_on`]).
    pub fn begin(busy: Arc<Busy<Queue>>, receiver: String) -> Option<Self> {
        match busy.served().entry(receiver.clone()) {
            Entry::Vacant(free) => free.insert(false),
            Entry::Occupied(taken) => {
                *taken.into_mut() = true;
                return None;
            }
        };
        Some(Self {
            busy,
            receiver,
            is_over: false,
        })
    }

    /// Whether there is more to do: the receiver was called since the turn began, or since this was asked. Otherwise the turn is
    /// over, with nothing in between that could be missed.
    pub fn goes_on(&mut self) -> bool {
        let mut served = self.busy.served();
        let was_called = served.get_mut(&self.receiver).is_some_and(std::mem::take);
        if !was_called {
            served.remove(&self.receiver);
            self.is_over = true;
        }
        was_called
    }
}

impl<Queue> Drop for Turn<Queue> {
    fn drop(&mut self) {
        // Once it is over, the receiver may have another turn already.
        if !self.is_over {
            self.busy.served().remove(&self.receiver);
        }
    }
}

/// When it is tried again what has failed so often since then; `None` once it is too old.
pub fn again_at(since: Timestamp, failures: i64, now: Timestamp) -> Option<Timestamp> {
    let random = u32::from_str_radix(&random_hex(4), 16).unwrap_or(0);
    let wait = (FIRST_WAIT * (1 << (failures - 1).clamp(0, 12))).min(LONGEST_WAIT);
    let wait = wait * 3 / 4 + wait / 2 * random / 0xffff;
    (now.since(since) < GIVEN_UP).then(|| now + wait)
}

/// A reason of somebody else's, fit to be kept and shown.
pub fn reason(text: &str) -> String {
    text.chars().take(MAX_ERROR).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Here;

    #[test]
    fn a_receiver_has_one_turn_at_a_time_and_others_have_theirs() {
        let busy = Arc::new(Busy::<Here>::default());
        let begin = |receiver: &str| Turn::begin(busy.clone(), receiver.to_owned());
        let first = begin("a").unwrap();
        assert!(begin("a").is_none() && begin("b").is_some());
        assert!(begin("a").is_none(), "a turn that was refused frees nothing");
        drop(first);
        assert!(begin("a").is_some());
    }

    #[test]
    fn who_is_called_during_a_turn_is_served_again_in_it() {
        let busy = Arc::new(Busy::<Here>::default());
        let begin = || Turn::begin(busy.clone(), "a".to_owned());
        let mut turn = begin().unwrap();
        assert!(begin().is_none() && begin().is_none());
        assert!(turn.goes_on(), "two calls are answered by looking once more");
        assert!(!turn.goes_on());
        let next = begin().unwrap();
        drop(turn);
        assert!(begin().is_none(), "the end of a turn that is over frees nothing");
        drop(next);
        assert!(begin().is_some());
    }

    #[test]
    fn waiting_grows_and_ends() {
        let queued = Timestamp::from_millis(0);
        for failures in 1..40 {
            let wait = again_at(queued, failures, queued).unwrap().since(queued);
            assert!(wait >= FIRST_WAIT * 3 / 4 && wait <= LONGEST_WAIT * 5 / 4, "{failures}: {wait:?}");
        }
        assert!(again_at(queued, 1, queued).unwrap().since(queued) <= FIRST_WAIT * 5 / 4);
        assert_eq!(again_at(queued, 9, queued + GIVEN_UP), None);
    }
}
