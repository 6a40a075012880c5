//! Denials, folded: a flood of them costs the caller's time and not the hub's disk.
//!
//! The first denial of a kind in a minute is a row at once. Equal ones within the minute are counted and become one row with
//! their number when the minute is over. A caller who varies what he tries gets [`KINDS_PER_CALLER`] rows a minute, then one
//! that says "several"; all callers together get [`KINDS`].
//!
//! Whoever was refused asks by the id of any of these requests, so the row of repetitions names the last ones: the very last as
//! its own, up to [`REQUESTS`] earlier ones in its words.

use std::collections::{HashMap, VecDeque};

use crate::base::Timestamp;
use crate::hub::audit::Entry;
use crate::hub::audit::row::bounded;

const MINUTE_MS: i64 = 60_000;
/// Different denials of one caller at one address that are told apart within a minute.
const KINDS_PER_CALLER: u32 = 60;
/// Different denials that are told apart within a minute, all callers together.
const KINDS: usize = 1000;
/// Earlier requests that a row of repetitions names: as many as somebody tries before asking why.
const REQUESTS: usize = 8;
/// What stands before their ids.
const ALSO: &str = "; also requests ";
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

/// Equal denials, of which each but the first waits to be written.
#[derive(Debug)]
pub struct Repeated {
    last: Entry,
    /// How many attempts wait.
    pub count: i64,
    /// Ids of the requests before the last, the newest at the end.
    earlier: VecDeque<String>,
}

impl Repeated {
    fn new(entry: Entry, count: i64) -> Self {
        Self {
            last: entry,
            count,
            earlier: VecDeque::new(),
        }
    }

    fn add(&mut self, entry: Entry) {
        let before = std::mem::replace(&mut self.last, entry);
        if self.count > 0 {
            self.earlier.push_back(before.request_id);
        }
        if self.earlier.len() > REQUESTS {
            self.earlier.pop_front();
        }
        self.count += 1;
    }

    fn is_of(&self, request_id: &str) -> bool {
        self.last.request_id == request_id || self.earlier.iter().any(|id| id == request_id)
    }

    /// As it is written.
    pub fn entry(&self) -> Entry {
        let mut entry = self.last.clone();
        if !self.earlier.is_empty() {
            let earlier: Vec<&str> = self.earlier.iter().map(String::as_str).collect();
            entry.detail = format!("{}{ALSO}{}", entry.detail, earlier.join(", "));
        }
        entry
    }
}

/// Why it was denied, without the requests that a row of repetitions names.
pub fn reason(detail: &str) -> &str {
    detail.split(ALSO).next().unwrap_or_default()
}

/// What has to be written now.
#[derive(Default, Debug)]
pub struct Due {
    pub rows: Vec<Repeated>,
}

impl Denials {
    /// Takes one denial in; what is due includes it when it is the first of its kind.
    pub fn take(&mut self, entry: Entry) -> Due {
        let mut due = self.close_minute(entry.at);
        let (entry, kind) = self.fold(entry);
        match self.kinds.get_mut(&kind) {
            Some(known) => known.add(entry),
            None => {
                self.kinds.insert(kind, Repeated::new(entry.clone(), 0));
                due.rows.push(Repeated::new(entry, 1));
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
        let repeated = self.kinds.drain().map(|(_, repeated)| repeated);
        let mut rows: Vec<Repeated> = repeated.filter(|repeated| repeated.count > 0).collect();
        rows.sort_by_key(|repeated| repeated.last.at);
        Due { rows }
    }

    /// Takes back what could not be written.
    pub fn put_back(&mut self, due: &Due) {
        for repeated in &due.rows {
            let last = || Repeated::new(repeated.last.clone(), 0);
            let known = self.kinds.entry(kind_of(&repeated.last)).or_insert_with(last);
            known.count += repeated.count;
        }
    }

    /// The denial of a request that is only counted so far.
    pub fn counted(&self, request_id: &str) -> Option<&Entry> {
        let mut waiting = self.kinds.values().filter(|repeated| repeated.count > 0);
        waiting.find(|repeated| repeated.is_of(request_id)).map(|repeated| &repeated.last)
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

    fn counts(due: &Due) -> Vec<i64> {
        due.rows.iter().map(|row| row.count).collect()
    }

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
        let first = denials.take(denial(MINUTE_MS, "user:a", "node/1"));
        assert_eq!(counts(&first), [1]);
        for _ in 0..1000 {
            assert!(denials.take(denial(MINUTE_MS + 5, "user:a", "node/1")).rows.is_empty());
        }
        assert!(denials.close_minute(Timestamp::from_millis(MINUTE_MS + 9)).rows.is_empty());
        let later = denials.take(denial(2 * MINUTE_MS, "user:a", "node/1"));
        assert_eq!(counts(&later), [1000, 1]);
        assert_eq!(later.rows[0].entry().at, Timestamp::from_millis(MINUTE_MS + 5));
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
        let waiting: i64 = counts(&denials.close()).iter().sum();
        assert_eq!(waiting as usize, 200_000 - KINDS_PER_CALLER as usize - 1 - rows);
    }

    #[test]
    fn what_could_not_be_written_is_due_again() {
        let mut denials = Denials::default();
        let due = denials.take(denial(MINUTE_MS, "user:a", "node/1"));
        denials.put_back(&due);
        denials.take(denial(MINUTE_MS, "user:a", "node/1"));
        let due = denials.close();
        assert_eq!(counts(&due), [2]);
        denials.put_back(&due);
        assert_eq!(counts(&denials.close()), [2]);
    }

    #[test]
    fn a_long_target_is_not_kept_whole() {
        let mut denials = Denials::default();
        let rows = denials.take(denial(MINUTE_MS, "user:a", &"x".repeat(1_000_000))).rows;
        assert!(rows[0].entry().target.len() < 10_000);
        assert!(denials.kinds.keys().flatten().all(|text| text.len() < 10_000));
    }

    #[test]
    fn the_last_requests_are_known_while_they_are_counted_and_named_when_they_are_written() {
        let mut denials = Denials::default();
        let mut first = Vec::new();
        for n in 0..30 {
            let request_id = format!("request-{n}");
            let entry = Entry {
                request_id: request_id.clone(),
                detail: "no policy allows it".into(),
                ..denial(MINUTE_MS + n, "user:a", "node/1")
            };
            first.extend(denials.take(entry).rows);
            assert_eq!(denials.counted(&request_id).is_some(), n > 0, "the first is a row of its own");
        }
        assert_eq!(first[0].entry().detail, "no policy allows it");
        assert!(denials.counted("request-1").is_none(), "so many are kept and no more");
        let row = denials.close().rows[0].entry();
        assert_eq!(row.request_id, "request-29");
        let ids: Vec<String> = (21..29).map(|n| format!("request-{n}")).collect();
        assert_eq!(row.detail, format!("no policy allows it; also requests {}", ids.join(", ")));
        assert_eq!(reason(&row.detail), "no policy allows it");
    }
}
