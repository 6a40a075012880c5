//! The journal: which runs this node has accepted, started and ended; the memory that no run is ever started twice.
//!
//! ```text
//! (unknown) ─► Accepted ─► Started ─► Ended ─► Stored ─► (slot reused)
//!     │            └──────────────────►▲
//!     └───────────────► Started, Ended ┘   a free place skips Accepted; a cancel before the start skips Started
//! ```
//!
//! Fixed slots on disk are overwritten in place, each as two halves written in turn: a torn write can only lose the transition
//! that was not acknowledged, never the state before it. `Started` is durable before anything is spawned, `Ended` before the
//! report is sent. A slot is reused, oldest first, only when the hub has the report and no late copy of the order can still
//! be accepted. The core is the only caller and makes the transitions of one run one after the other.

mod record;
mod store;

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use record::{BootId, Entry, RECORD_BYTES, RecordBytes, State};
pub use store::{FileStore, JournalStore, MemoryStore, Sync, Write};

use crate::base::Timestamp;
use crate::base::id::CommandId;

/// Slots of a node's journal: 4 MiB on disk.
pub const SLOTS: u32 = 8192;
/// How long after its delivery time a stored run is remembered: more than any clock is off.
const REMEMBER_MS: i64 = 24 * 3600 * 1000;

#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("the journal is full: all its slots hold runs that may still be repeated; it has room again when their delivery time is over")]
    Full,
    #[error("the journal cannot be written")]
    Io(#[from] io::Error),
}

/// The journal with its index in memory.
#[derive(Debug)]
pub struct Journal<S> {
    store: S,
    index: Mutex<Index>,
}

#[derive(Debug, Default)]
struct Index {
    runs: HashMap<u128, Slot>,
    /// Slots whose run is stored, by the moment from which they may be reused.
    reusable: BTreeSet<(i64, u32)>,
    /// Who sits in a reusable slot.
    stored: HashMap<u32, u128>,
    /// Slots below `unused_from` whose records were unreadable.
    holes: Vec<u32>,
    unused_from: u32,
    slots: u32,
    sequence: u64,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    number: u32,
    /// Which half holds the newest record.
    half: u32,
    entry: Entry,
}

/// A transition's place: where it is written, and which run had to be forgotten for it.
struct Placed {
    write: Write,
    forgotten: Option<CommandId>,
}

impl<S: JournalStore> Journal<S> {
    /// Reads what the store holds. Blocks.
    pub fn open(mut store: S) -> io::Result<Self> {
        let mut newest: HashMap<u32, (u64, Slot)> = HashMap::new();
        let slots = store.slots();
        store.load(&mut |position, bytes| {
            let Some((sequence, entry)) = record::decode(bytes) else { return };
            let (number, half) = (position / 2, position % 2);
            if newest.get(&number).is_none_or(|(seen, _)| *seen < sequence) {
                newest.insert(number, (sequence, Slot { number, half, entry }));
            }
        })?;
        let unused_from = newest.keys().max().map_or(0, |highest| highest + 1);
        let mut index = Index {
            holes: (0..unused_from).filter(|number| !newest.contains_key(number)).collect(),
            unused_from,
            slots,
            ..Index::default()
        };
        for (sequence, slot) in newest.into_values() {
            index.sequence = index.sequence.max(sequence);
            index.insert(slot);
        }
        Ok(Self {
            store,
            index: Mutex::new(index),
        })
    }

    /// What is known of a run.
    pub fn entry(&self, run: &CommandId) -> Option<Entry> {
        self.lock().runs.get(&record::key(run)).map(|slot| slot.entry)
    }

    /// Every known run, in no order.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().runs.values().map(|slot| slot.entry).collect()
    }

    /// Records a run's state; with [`Sync::Now`] it is durable when this returns.
    ///
    /// Answers the run whose slot was taken for it, whose files are of no use any more.
    /// *Errors*: after a failed write nothing may be concluded about what is on disk: the transition must not be acted upon.
    /// *Cancel*: the write may or may not happen.
    pub async fn record(&self, entry: Entry, now: Timestamp, sync: Sync) -> Result<Option<CommandId>, JournalError> {
        let placed = self.lock().place(entry, now)?;
        self.store.write(placed.write, sync).await?;
        Ok(placed.forgotten)
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        // The index is changed in one go under the lock; a panic elsewhere does not spoil it.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    fn place(&mut self, entry: Entry, now: Timestamp) -> Result<Placed, JournalError> {
        let mut forgotten = None;
        let (number, half) = match self.runs.get(&entry.run) {
            Some(slot) => (slot.number, 1 - slot.half),
            None => {
                let (number, evicted) = self.free_slot(now).ok_or(JournalError::Full)?;
                forgotten = evicted.map(|slot| slot.entry.id());
                // The half that does not hold the old run's newest record, so that a torn write leaves that one whole.
                (number, evicted.map_or(0, |slot| 1 - slot.half))
            }
        };
        self.sequence += 1;
        self.insert(Slot { number, half, entry });
        Ok(Placed {
            write: Write {
                position: number * 2 + half,
                bytes: record::encode(self.sequence, &entry),
            },
            forgotten,
        })
    }

    fn free_slot(&mut self, now: Timestamp) -> Option<(u32, Option<Slot>)> {
        if let Some(number) = self.holes.pop() {
            return Some((number, None));
        }
        if self.unused_from < self.slots {
            self.unused_from += 1;
            return Some((self.unused_from - 1, None));
        }
        let (reusable_from, number) = *self.reusable.first()?;
        if reusable_from > now.millis() {
            return None;
        }
        self.reusable.pop_first();
        let evicted = self.stored.remove(&number).and_then(|run| self.runs.remove(&run));
        Some((number, evicted))
    }

    fn insert(&mut self, slot: Slot) {
        if slot.entry.state == State::Stored {
            self.reusable
                .insert((slot.entry.start_before_ms.saturating_add(REMEMBER_MS), slot.number));
            self.stored.insert(slot.number, slot.entry.run);
        }
        self.runs.insert(slot.entry.run, slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(run: &CommandId, state: State, start_before_ms: i64) -> Entry {
        Entry {
            state,
            ..Entry::new(run, start_before_ms)
        }
    }

    async fn record(journal: &Journal<MemoryStore>, entry: Entry, now_ms: i64) -> Result<Option<CommandId>, JournalError> {
        journal.record(entry, Timestamp::from_millis(now_ms), Sync::Now).await
    }

    #[tokio::test]
    async fn a_run_survives_a_restart_with_its_last_state() {
        let store = MemoryStore::new(4);
        let run = CommandId::random();
        let journal = Journal::open(store.clone()).unwrap();
        for state in [State::Accepted, State::Started, State::Ended] {
            record(&journal, entry(&run, state, 7), 0).await.unwrap();
        }
        let again = Journal::open(store).unwrap();
        assert_eq!(again.entry(&run), Some(entry(&run, State::Ended, 7)));
        assert_eq!(again.entries().len(), 1);
    }

    #[tokio::test]
    async fn a_torn_write_leaves_the_state_before_it() {
        let store = MemoryStore::new(1);
        let run = CommandId::random();
        let journal = Journal::open(store.clone()).unwrap();
        record(&journal, entry(&run, State::Started, 7), 0).await.unwrap();
        record(&journal, entry(&run, State::Ended, 7), 0).await.unwrap();
        store.damage(1, 40);
        let again = Journal::open(store).unwrap();
        assert_eq!(again.entry(&run).unwrap().state, State::Started);
    }

    #[tokio::test]
    async fn a_full_journal_reuses_only_stored_runs_that_cannot_come_again() {
        let store = MemoryStore::new(2);
        let journal = Journal::open(store.clone()).unwrap();
        let (old, new, third) = (CommandId::random(), CommandId::random(), CommandId::random());
        record(&journal, entry(&old, State::Stored, 1000), 0).await.unwrap();
        record(&journal, entry(&new, State::Ended, 10), 0).await.unwrap();
        let late = 1000 + REMEMBER_MS;
        let refused = record(&journal, entry(&third, State::Started, late), late - 1).await;
        assert!(matches!(refused, Err(JournalError::Full)));
        assert_eq!(
            record(&journal, entry(&third, State::Started, late), late).await.unwrap(),
            Some(old.clone())
        );
        assert!(journal.entry(&old).is_none());
        let again = Journal::open(store).unwrap();
        assert!(again.entry(&old).is_none());
        assert_eq!(again.entry(&third).unwrap().state, State::Started);
    }
}
