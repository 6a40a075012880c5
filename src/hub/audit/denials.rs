//! Denials, folded: a flood of them costs the caller's time and not the hub's disk.
//!
//! The first denial of a kind in a minute is a row at once. Equal ones within the minute are counted and become one row with
//! their number when the minute is over. A caller who varies what he tries gets [`KINDS_PER_CALLER`] rows a minute, then one
//! that says "several"; all callers together get [`KINDS`].

use std::collections::HashMap;

use crate::base::Timestamp;
use crate::hub::audit::Entry;
use crate::hub::audit::row::bounded;

const MINUTE_MS: i64 = 60_000;
/// Different denials of one caller at one address that are told apart within a minute.
const KINDS_PER_CALLER: u32 = 60;
/// Different denials that are told apart within a minute, all callers together.
const KINDS: usize = 1000;
/// What stands where too many different values would have to.
const SEVERAL: &str = "several";

type Kind = [String; 5];

/// Denials of the running minute.
#[derive(Default)]
pub struct Denials {
    minute: i64,
    kinds: HashMap<Kind, Repeated>,
    per_caller: HashMap<(String, String), u32>,
}

struct Repeated {
    last: Entry,
    count: i64,
}

/// What has to be written now.
#[derive(Default, Debug)]
pub struct Due {
    /// With how many attempts each stands for.
    pub rows: Vec<(Entry, i64)>,
}

impl Denials {
    /// Takes one denial in; what is due includes it when it is the first of its kind.
    pub fn take(&mut self, entry: Entry) -> Due {
        let mut due = self.close_minute(entry.at);
        let (entry, kind) = self.fold(entry);
        match self.kinds.get_mut(&kind) {
            Some(known) => {
                known.count += 1;
                known.last = entry;
            }
            None => {
                self.kinds.insert(
                    kind,
                    Repeated {
                        last: entry.clone(),
                        count: 0,
                    },
                );
                due.rows.push((entry, 1));
            }
        }
        due
    }

    /// Repetitions of a minute that is over at `now`.
    pub fn close_minute(&mut self, now: Timestamp) -> Due {
        let minute = now.millis().div_euclid(MINUTE_MS);
        if minute == self.minute {
            return Due::default();
        }
        self.minute = minute;
        self.close()
    }

    /// Everything that was only counted so far.
    pub fn close(&mut self) -> Due {
        self.per_caller.clear();
        let repeated = self
            .kinds
            .drain()
            .map(|(_, repeated)| repeated)
            .filter(|repeated| repeated.count > 0);
        let mut rows: Vec<(Entry, i64)> = repeated.map(|repeated| (repeated.last, repeated.count)).collect();
        rows.sort_by_key(|(entry, _)| entry.at);
        Due { rows }
    }

    /// Takes back what could not be written.
    pub fn put_back(&mut self, due: &Due) {
        for (entry, repeats) in &due.rows {
            let known = self.kinds.entry(kind_of(entry)).or_insert_with(|| Repeated {
                last: entry.clone(),
                count: 0,
            });
            known.count += repeats;
        }
    }

    /// The entry and its kind, made coarser when there are too many.
    fn fold(&mut self, mut entry: Entry) -> (Entry, Kind) {
        // What is counted lies in memory; whoever is refused must not choose how much.
        for text in [
            &mut entry.caller,
            &mut entry.address,
            &mut entry.operation,
            &mut entry.target,
            &mut entry.detail,
        ] {
            *text = bounded(std::mem::take(text));
        }
        let kind = kind_of(&entry);
        if self.kinds.contains_key(&kind) {
            return (entry, kind);
        }
        if self.kinds.len() >= KINDS {
            entry.caller = SEVERAL.into();
            entry.address = SEVERAL.into();
        }
        let caller = (entry.caller.clone(), entry.address.clone());
        let kinds = self.per_caller.entry(caller).or_default();
        if *kinds >= KINDS_PER_CALLER || entry.caller == SEVERAL {
            entry.operation = SEVERAL.into();
            entry.target = SEVERAL.into();
            entry.detail = "further denials of this minute, of different kinds".into();
        } else {
            *kinds += 1;
        }
        let kind = kind_of(&entry);
        (entry, kind)
    }
}

fn kind_of(entry: &Entry) -> Kind {
    [&entry.caller, &entry.address, &entry.operation, &entry.target, &entry.detail].map(Clone::clone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::audit::Outcome;

    fn denial(at: i64, caller: &str, target: &str) -> Entry {
        Entry {
            at: Timestamp::from_millis(at),
            request_id: String::new(),
            caller: caller.into(),
            address: "192.0.2.1".into(),
            operation: "ssm:SendCommand".into(),
            target: target.into(),
            outcome: Outcome::Denied,
            detail: String::new(),
        }
    }

    #[test]
    fn the_first_is_written_at_once_and_its_repetitions_once_a_minute() {
        let mut denials = Denials::default();
        let first = denials.take(denial(MINUTE_MS, "user:a", "node/1")).rows;
        assert_eq!((first.len(), first[0].1), (1, 1));
        for _ in 0..1000 {
            assert!(denials.take(denial(MINUTE_MS + 5, "user:a", "node/1")).rows.is_empty());
        }
        assert!(denials.close_minute(Timestamp::from_millis(MINUTE_MS + 9)).rows.is_empty());
        let later = denials.take(denial(2 * MINUTE_MS, "user:a", "node/1")).rows;
        assert_eq!(later.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [1000, 1]);
        assert_eq!(later[0].0.at, Timestamp::from_millis(MINUTE_MS + 5));
        assert!(denials.close().rows.is_empty());
    }

    #[test]
    fn nobody_can_fill_the_log_by_varying_what_he_tries() {
        let mut denials = Denials::default();
        let rows = (0..100_000)
            .map(|n| denials.take(denial(MINUTE_MS, "user:a", &format!("node/{n}"))).rows.len())
            .sum::<usize>();
        assert_eq!(rows, KINDS_PER_CALLER as usize + 1);
        let rows = (0..100_000)
            .map(|n| denials.take(denial(MINUTE_MS, &format!("user:{n}"), "x")).rows.len())
            .sum::<usize>();
        assert!(rows <= KINDS, "{rows}");
        let closed = denials.close().rows;
        assert_eq!(
            closed.iter().map(|(_, n)| n).sum::<i64>() as usize,
            200_000 - KINDS_PER_CALLER as usize - 1 - rows
        );
    }

    #[test]
    fn what_could_not_be_written_is_due_again() {
        let mut denials = Denials::default();
        let due = denials.take(denial(MINUTE_MS, "user:a", "node/1"));
        denials.put_back(&due);
        denials.take(denial(MINUTE_MS, "user:a", "node/1"));
        let due = denials.close();
        assert_eq!(due.rows.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [2]);
        denials.put_back(&due);
        assert_eq!(denials.close().rows[0].1, 2);
    }

    #[test]
    fn a_long_target_is_not_kept_whole() {
        let mut denials = Denials::default();
        let rows = denials.take(denial(MINUTE_MS, "user:a", &"x".repeat(1_000_000))).rows;
        assert!(rows[0].0.target.len() < 10_000);
        assert!(denials.kinds.keys().flatten().all(|text| text.len() < 10_000));
    }
}
