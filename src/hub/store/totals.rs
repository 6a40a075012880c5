//! Counts that are kept until a commit touches a table they were counted in.
//!
//! A list shows how many rows there are in all, and to count what a narrowed caller may see means to look at every row. Between
//! two writes to those tables the answer is the same.
//!
//! *Invariant*: whoever saw `Ok` from `write` never gets a count from before it. Commits are numbered; the numbers of the tables
//! that one touched are raised after it is durable and before its callers are answered, and a count is as old as the number that
//! stood *before* its snapshot began.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::hub::store::Params;

/// Of the statements whose counts are kept, in all; those of a caller with many policies are long.
const KEPT_BYTES: usize = 4 * 1024 * 1024;

/// What commits have touched, and the counts that are still true.
#[derive(Default)]
pub struct Totals {
    commits: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The last commit that touched a table, by its name.
    touched: HashMap<String, u64>,
    /// The last commit that may have touched any.
    touched_all: u64,
    counts: HashMap<String, Count>,
    /// Of the keys in `counts`.
    bytes: usize,
}

struct Count {
    rows: i64,
    as_of: u64,
    tables: Vec<String>,
}

/// The tables that a transaction writes to.
#[derive(Default)]
pub struct Touched {
    tables: RefCell<BTreeSet<String>>,
    all: Cell<bool>,
}

impl Totals {
    /// A number that is another one after every commit, from before its callers are answered.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Acquire)
    }

    /// To be called after each commit, also after one that failed: whether something of it is there is then the database's secret.
    pub fn committed<'t>(&self, touched: impl Iterator<Item = &'t Touched>) {
        let mut state = self.lock();
        let number = self.commits.load(Ordering::Acquire) + 1;
        for one in touched {
            if one.all.get() {
                state.touched_all = number;
            }
            for table in one.tables.borrow().iter() {
                match state.touched.get_mut(table) {
                    Some(last) => *last = number,
                    None => drop(state.touched.insert(table.clone(), number)),
                }
            }
        }
        drop(state);
        self.commits.store(number, Ordering::Release);
    }

    /// The count of a statement, counted now if it is not known; `began` is [`Totals::commits`] before the snapshot.
    pub fn count<E>(&self, began: u64, sql: &str, params: Params<'_>, count: impl FnOnce() -> Result<i64, E>) -> Result<i64, E> {
        let key = key(sql, params);
        if let Some(rows) = self.lock().known(&key) {
            return Ok(rows);
        }
        let rows = count()?;
        if let Some(tables) = tables_read(sql) {
            let as_of = began;
            self.lock().keep(key, Count { rows, as_of, tables });
        }
        Ok(rows)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn keep(&mut self, key: String, count: Count) {
        let bytes = key.len();
        if self.bytes + bytes > KEPT_BYTES {
            self.counts.clear();
            self.bytes = 0;
        }
        if bytes <= KEPT_BYTES && self.counts.insert(key, count).is_none() {
            self.bytes += bytes;
        }
    }

    fn known(&self, key: &str) -> Option<i64> {
        let count = self.counts.get(key)?;
        let touched = count.tables.iter().filter_map(|table| self.touched.get(table)).max();
        let last = touched.copied().unwrap_or_default().max(self.touched_all);
        (last <= count.as_of).then_some(count.rows)
    }
}

impl Touched {
    /// Notes what a statement writes to. What is deleted may take rows of other tables along, so that counts as all of them.
    pub fn note(&self, sql: &str) {
        match table_written(sql) {
            Written::Nothing => {}
            Written::Table(table) if self.tables.borrow().contains(table) => {}
            Written::Table(table) => drop(self.tables.borrow_mut().insert(table.to_owned())),
            Written::Any => self.all.set(true),
        }
    }
}

fn key(sql: &str, params: Params<'_>) -> String {
    let mut key = sql.to_owned();
    for (_, value) in params {
        let _never_fails = write!(key, "\u{0}{value:?}");
    }
    key
}

#[derive(Debug, PartialEq, Eq)]
enum Written<'s> {
    Nothing,
    Table(&'s str),
    Any,
}

/// What a statement writes to, by its first words.
fn table_written(sql: &str) -> Written<'_> {
    let mut tokens = tokens(sql);
    let first = tokens.next().unwrap_or_default().to_ascii_lowercase();
    let table = match first.as_str() {
        "select" | "explain" | "pragma" | "" => return Written::Nothing,
        "insert" => tokens.skip_while(|token| !token.eq_ignore_ascii_case("into")).nth(1),
        "update" => tokens.next().filter(|token| !token.eq_ignore_ascii_case("or")),
        _ => None,
    };
    table.map_or(Written::Any, Written::Table)
}

/// The tables that a query reads: what stands after each FROM and JOIN. `None` when they cannot be told.
fn tables_read(sql: &str) -> Option<Vec<String>> {
    let mut tables = BTreeSet::new();
    let mut tokens = tokens(sql).peekable();
    while let Some(token) = tokens.next() {
        if !["from", "join"].iter().any(|word| token.eq_ignore_ascii_case(word)) {
            continue;
        }
        let Some(table) = tokens.next_if(|token| *token != "(") else {
            continue;
        };
        tables.insert(table.to_owned());
        tokens.next_if(|token| token.eq_ignore_ascii_case("as"));
        tokens.next_if(|token| is_name(token) && !AFTER_TABLE.iter().any(|word| token.eq_ignore_ascii_case(word)));
        if tokens.peek() == Some(&",") {
            return None;
        }
    }
    Some(tables.into_iter().collect())
}

/// Keywords that may follow a table where an alias could stand.
const AFTER_TABLE: &[&str] = &[
    "where", "join", "left", "inner", "cross", "on", "using", "indexed", "not", "group", "order", "limit", "union",
];

/// Names, keywords and parameters whole, everything else sign by sign.
fn tokens(sql: &str) -> impl Iterator<Item = &str> {
    let mut rest = sql;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let first = rest.chars().next()?;
        let end = match is_name_char(first) {
            true => rest.find(|c| !is_name_char(c)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        let (token, after) = rest.split_at(end);
        rest = after;
        Some(token)
    })
}

fn is_name(token: &str) -> bool {
    token.starts_with(is_name_char)
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_statement_says_what_it_writes_to() {
        assert_eq!(table_written("INSERT INTO tag (kind) VALUES (1)"), Written::Table("tag"));
        assert_eq!(table_written("INSERT OR IGNORE INTO tag(kind) SELECT 1"), Written::Table("tag"));
        assert_eq!(
            table_written("\n  UPDATE node SET name = 'delete from tag'"),
            Written::Table("node")
        );
        assert_eq!(table_written("SELECT count(*) FROM node"), Written::Nothing);
        for any in [
            "DELETE FROM node",
            "WITH x AS (SELECT 1) UPDATE node SET a = 1",
            "UPDATE OR IGNORE node SET a = 1",
        ] {
            assert_eq!(table_written(any), Written::Any, "{any}");
        }
    }

    #[test]
    fn a_query_says_what_it_reads() {
        let read = |sql| tables_read(sql).map(|tables| tables.join(" "));
        assert_eq!(
            read("SELECT count(*) FROM node WHERE id IN (SELECT tag.id FROM tag INDEXED BY i WHERE a IN (:p, :q)) AND EXISTS (SELECT 1 FROM command AS related WHERE x)").as_deref(),
            Some("command node tag")
        );
        assert_eq!(read("select count(*) from a left join b on b.x = a.x, c").as_deref(), Some("a b"));
        assert_eq!(read("SELECT count(*) FROM (SELECT 1 FROM a x GROUP BY p, q)").as_deref(), Some("a"));
        assert_eq!(read("SELECT count(*) FROM a AS x, b"), None);
        assert_eq!(read("SELECT count(*) FROM a, b"), None);
    }

    #[test]
    fn what_is_kept_is_bounded_by_its_bytes() {
        let totals = Totals::default();
        for n in 0..20 {
            let sql = format!("SELECT count(*) FROM a WHERE x = '{n}{}'", "y".repeat(KEPT_BYTES / 8));
            assert_eq!(totals.count(0, &sql, &[], || Ok::<_, ()>(n)), Ok(n));
            let state = totals.lock();
            assert!(state.bytes <= KEPT_BYTES && state.bytes == state.counts.keys().map(String::len).sum::<usize>());
        }
        let huge = "SELECT count(*) FROM a".to_owned() + &" ".repeat(KEPT_BYTES);
        assert_eq!(totals.count(0, &huge, &[], || Ok::<_, ()>(1)), Ok(1));
        assert_eq!(totals.lock().bytes, 0);
    }

    proptest! {
        /// Whatever commits touch, and whenever counts begin: one that is given is no older than the last commit that touched
        /// its table.
        #[test]
        fn no_count_is_given_from_before_a_commit(steps in prop::collection::vec((0..3_u8, any::<bool>(), any::<bool>()), 1..60)) {
            let (totals, mut truth) = (Totals::default(), [0_i64; 2]);
            let mut began = totals.commits();
            for (step, which, is_all) in steps {
                let table = usize::from(which);
                let sql = ["SELECT count(*) FROM a", "SELECT count(*) FROM b"][table];
                match step {
                    0 => {
                        truth[table] += 1;
                        let touched = Touched::default();
                        touched.note(match (is_all, which) {
                            (true, _) => "DELETE FROM c",
                            (false, false) => "UPDATE a SET x = 1",
                            (false, true) => "INSERT INTO b (x) VALUES (1)",
                        });
                        totals.committed(std::iter::once(&touched));
                    }
                    1 => began = totals.commits(),
                    // A snapshot that began then or later.
                    _ => prop_assert_eq!(totals.count(began, sql, &[], || Ok::<_, ()>(truth[table])), Ok(truth[table])),
                }
            }
        }
    }
}
