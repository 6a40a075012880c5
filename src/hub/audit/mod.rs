//! Who did what: one row for every write, denial, login and read of a secret, chained so that no change to them goes unseen.
//!
//! * [`row`]: a row and its hash · [`chain`]: is the log what was written? · [`heads`]: how far it reached, signed each
//!   minute · [`denials`]: a flood of denials becomes few rows · [`filing`]: rows come into the indexes · [`node_read`]: what a
//!   run was given · [`archive`]: old rows in files · [`offline`]: the check on files.
//!
//! *Invariants*: a write's row lies in the write's own transaction, so when the row cannot be written, the act it describes
//! is not done either. Rows are written at that transaction's end, and the place that they follow is read there: what was rolled
//! back leaves no hole. Rows are added and, at the operator's wish, archived from the old end; nothing ever changes one.

pub mod archive;
pub mod chain;
pub mod denials;
pub mod filing;
pub mod heads;
pub mod node_read;
pub mod offline;
pub mod row;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::base::{Timestamp, id::random_hex};
use crate::hub::keys::HubKeys;
use crate::hub::store::{Notes, Store, StoreError, Tx};
use chain::{DATABASE, Finding, Link, Problem};
use denials::{Denials, Due};
use row::Row;

use crate::wire::audit::SignedHead;

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Denied,
}

impl Outcome {
    pub const ALL: [Self; 2] = [Self::Done, Self::Denied];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Denied => "denied",
        }
    }
}

/// One line of the audit log.
#[derive(Clone, Debug)]
pub struct Entry {
    pub at: Timestamp,
    pub request_id: String,
    /// `user:NAME`, `user:NAME/key:ID`, `local`, `node:ID`, `hub` or `anonymous`.
    pub caller: String,
    pub address: String,
    pub operation: String,
    pub target: String,
    pub outcome: Outcome,
    /// One short sentence or empty; never a secret, a script or a parameter value.
    pub detail: String,
}

impl Entry {
    /// Something that the hub does or finds by itself.
    pub fn by_hub(at: Timestamp, operation: &str, target: String, detail: String) -> Self {
        Self {
            at,
            request_id: request_id(at),
            caller: "hub".into(),
            address: String::new(),
            operation: operation.to_owned(),
            target,
            outcome: Outcome::Done,
            detail,
        }
    }
}

/// What the log costs, for `/metrics`: rows written and the time that took, of the whole process.
pub static ROWS: AtomicU64 = AtomicU64::new(0);
pub static SPENT_NS: AtomicU64 = AtomicU64::new(0);

/// Adds a row as part of this transaction's end, behind the rows of the writes before it.
pub fn record(tx: &Tx<'_>, entry: Entry) {
    record_repeated(tx, entry, 1);
}

/// Adds a row that stands for several equal attempts.
pub fn record_repeated(tx: &Tx<'_>, entry: Entry, repeats: i64) {
    let notes = tx.take_notes();
    tx.before_commit(move |tx| {
        let last = tx.handed_on().map_or_else(|| sql::last(tx), Ok)?;
        let end = append(tx, last, entry, notes, repeats)?;
        tx.hand_on(end);
        Ok(())
    });
}

/// Adds a row at once, where what follows in this write builds on it.
pub fn record_now(tx: &Tx<'_>, entry: Entry) -> Result<(), StoreError> {
    append(tx, sql::last(tx)?, entry, tx.take_notes(), 1).map(drop)
}

/// Answers where the chain ends with it.
fn append(tx: &Tx<'_>, last: Link, entry: Entry, notes: Notes, repeats: i64) -> Result<Link, StoreError> {
    let begun = Instant::now();
    let row = Row::new(last.seq + 1, &last.hash, entry, notes, repeats);
    let hash = row::Hash::try_from(row.hash.as_slice()).expect("a row is made with its hash");
    let end = Link { seq: row.seq, hash };
    sql::insert(tx, row)?;
    filing::added(tx, end.seq)?;
    ROWS.fetch_add(1, Ordering::Relaxed);
    SPENT_NS.fetch_add(begun.elapsed().as_nanos() as u64, Ordering::Relaxed);
    Ok(end)
}

/// Where the chain ends now.
pub fn last(tx: &Tx<'_>) -> Result<Link, StoreError> {
    sql::last(tx)
}

/// A fresh id for one request, shown to the caller and found again in log and audit.
///
/// It begins with the time in milliseconds, so that its rows are found by the index of times and need none of their own.
pub fn request_id(now: Timestamp) -> String {
    format!("{:012x}{}", now.millis().max(0), random_hex(20))
}

/// When a request began, by its id; `None` for a text that is no id of ours.
pub fn begun_at(request_id: &str) -> Option<Timestamp> {
    let is_ours = request_id.len() == 32 && request_id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let time = request_id.get(..12).filter(|_| is_ours)?;
    i64::from_str_radix(time, 16).ok().map(Timestamp::from_millis)
}

/// What keeping the log needs beside the database.
pub struct Keeper {
    keys: HubKeys,
    data: PathBuf,
    denials: Mutex<Denials>,
    newest: Mutex<Option<SignedHead>>,
}

impl Keeper {
    /// The hub's identity key signs the heads.
    pub fn new(keys: HubKeys, data: PathBuf) -> Self {
        Self {
            keys,
            data,
            denials: Mutex::default(),
            newest: Mutex::default(),
        }
    }

    /// Writes a denial, or counts it when an equal one was written in this minute.
    pub async fn deny(&self, store: &Store, entry: Entry) -> Result<(), StoreError> {
        let due = self.denials().take(entry);
        self.write_due(store, due).await
    }

    /// The denial of a request that is counted and not written yet.
    pub fn counted(&self, request_id: &str) -> Option<Entry> {
        self.denials().counted(request_id).cloned()
    }

    /// Writes what was only counted, once its minute is over.
    pub async fn close_minute(&self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        let due = self.denials().close_minute(now);
        self.write_due(store, due).await
    }

    /// Writes all that was only counted: the hub stops.
    pub async fn close(&self, store: &Store) -> Result<(), StoreError> {
        let due = self.denials().close();
        self.write_due(store, due).await
    }

    /// What cannot be written is counted again, and due with the next minute.
    async fn write_due(&self, store: &Store, due: Due) -> Result<(), StoreError> {
        if due.rows.is_empty() {
            return Ok(());
        }
        let due = Arc::new(due);
        let rows = due.clone();
        let written = store.write(move |tx| {
            for row in &rows.rows {
                record_repeated(tx, row.entry(), row.count);
            }
            Ok(())
        });
        let written = written.await;
        if written.is_err() {
            self.denials().put_back(&due);
        }
        written
    }

    fn denials(&self) -> std::sync::MutexGuard<'_, Denials> {
        self.denials.lock().expect("no code panics while it holds the denials")
    }
}

/// Rows after a number, in order, with their nodes; at most `limit`.
pub fn rows_after(tx: &Tx<'_>, after: i64, limit: usize) -> Result<Vec<Row>, StoreError> {
    let mut rows = sql::rows_after(tx, after, limit)?;
    add_nodes(tx, &mut rows)?;
    Ok(rows)
}

/// The next rows of a walk that has come to `after`; with the place that they follow when what lies between was archived, and
/// signed by one of `keys`, since the walk began.
pub fn next_rows(tx: &Tx<'_>, after: i64, limit: usize, keys: &[String]) -> Result<(Option<Link>, Vec<Row>), StoreError> {
    let anchor = sql::anchor(tx)?;
    if anchor.seq > after && archive::is_signed(tx, keys)? {
        return Ok((Some(anchor), rows_after(tx, anchor.seq, limit)?));
    }
    Ok((None, rows_after(tx, after, limit)?))
}

/// Adds the nodes to rows that were read without, in either order.
pub fn add_nodes(tx: &Tx<'_>, rows: &mut [Row]) -> Result<(), StoreError> {
    let (Some(first), Some(last)) = (rows.iter().map(|r| r.seq).min(), rows.iter().map(|r| r.seq).max()) else {
        return Ok(());
    };
    // Rows of a filtered list lie far apart: only theirs are read then.
    let is_dense = last - first < 4 * rows.len() as i64;
    if is_dense {
        let mut nodes = sql::nodes_between(tx, first, last)?.into_iter().peekable();
        let mut in_order: Vec<&mut Row> = rows.iter_mut().collect();
        in_order.sort_by_key(|row| row.seq);
        for row in in_order {
            while nodes.next_if(|(seq, _)| *seq < row.seq).is_some() {}
            while let Some((_, node)) = nodes.next_if(|(seq, _)| *seq == row.seq) {
                row.nodes.push(node);
            }
        }
        return Ok(());
    }
    for row in rows {
        row.nodes = sql::nodes_between(tx, row.seq, row.seq)?
            .into_iter()
            .map(|(_, node)| node)
            .collect();
    }
    Ok(())
}

/// The hash of one row; `None` when it is not there.
pub fn hash_of(tx: &Tx<'_>, seq: i64) -> Result<Option<Vec<u8>>, StoreError> {
    sql::hash_of(tx, seq)
}

/// What is wrong at and before the place that the oldest row follows, where the walk along the rows does not come by: archives
/// that the hub did not make, what came to light about rows that were archived since, rows that were put there.
pub fn look_before(tx: &Tx<'_>, keys: &[String]) -> Result<Vec<Finding>, StoreError> {
    let anchor = sql::anchor(tx)?.seq;
    let mut findings = archive::forged_segment(tx, keys)?;
    findings.extend(filing::hidden(tx, anchor, sql::last(tx)?.seq)?.map(|seq| Finding {
        seq,
        problem: Problem::Changed,
        expected: "a row that searches find".into(),
        found: "a row that they do not".into(),
        source: DATABASE.into(),
    }));
    findings.extend(heads::contradictions_before(tx, anchor)?);
    findings.extend(sql::first_until(tx, anchor)?.map(|seq| Finding {
        seq,
        problem: Problem::Unsigned,
        expected: format!("no row before row {}", anchor + 1),
        found: format!("row {seq}"),
        source: DATABASE.into(),
    }));
    Ok(findings)
}

/// The place that the oldest row follows: the start, or the end of what was archived.
pub fn anchor(tx: &Tx<'_>) -> Result<Link, StoreError> {
    sql::anchor(tx)
}

mod sql {
    use super::*;
    use crate::hub::audit::row::Hash;

    pub fn last(tx: &Tx<'_>) -> Result<Link, StoreError> {
        let last = tx.row("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", &[], |row| {
            Ok((row.get::<i64>("seq")?, row.get::<Vec<u8>>("hash")?))
        })?;
        let Some((seq, hash)) = last else { return anchor(tx) };
        match Hash::try_from(hash.as_slice()) {
            Ok(hash) => Ok(Link { seq, hash }),
            Err(_) => damaged_end(tx, seq),
        }
    }

    /// The last row's hash was cut off. What the row is worth every check says, as of any changed row; the hub goes on from
    /// what its hash ought to be, as the check does, because a hub that can write nothing can also stop nobody.
    fn damaged_end(tx: &Tx<'_>, seq: i64) -> Result<Link, StoreError> {
        tracing::error!(seq, "the last row of the audit log was changed: see `roadstead audit verify`");
        let anchor = anchor(tx)?;
        let before = match seq - 1 {
            before if before == anchor.seq => Some(anchor.hash),
            before => super::hash_of(tx, before)?.and_then(|hash| Hash::try_from(hash.as_slice()).ok()),
        };
        let row = super::rows_after(tx, seq - 1, 1)?.pop();
        let hash = row.map(|row| row.hash_after(&before.unwrap_or_default()));
        Ok(Link {
            seq,
            hash: hash.unwrap_or_default(),
        })
    }

    pub fn anchor(tx: &Tx<'_>) -> Result<Link, StoreError> {
        let sql = "SELECT last_seq AS seq, hash FROM audit_segment ORDER BY last_seq DESC LIMIT 1";
        Ok(tx.row(sql, &[], link)?.unwrap_or(Link::START))
    }

    fn link(row: &crate::hub::store::Row<'_>) -> Result<Link, StoreError> {
        let hash: Vec<u8> = row.get("hash")?;
        let hash = Hash::try_from(hash.as_slice()).map_err(|_| StoreError::Malformed("an audit row's hash has not 32 bytes".into()))?;
        Ok(Link {
            seq: row.get("seq")?,
            hash,
        })
    }

    pub fn hash_of(tx: &Tx<'_>, seq: i64) -> Result<Option<Vec<u8>>, StoreError> {
        tx.row("SELECT hash FROM audit WHERE seq = :seq", &[(":seq", seq.into())], |row| {
            row.get("hash")
        })
    }

    pub fn first_until(tx: &Tx<'_>, seq: i64) -> Result<Option<i64>, StoreError> {
        tx.row(
            "SELECT seq FROM audit WHERE seq <= :seq ORDER BY seq LIMIT 1",
            &[(":seq", seq.into())],
            |row| row.get("seq"),
        )
    }

    pub fn insert(tx: &Tx<'_>, row: Row) -> Result<(), StoreError> {
        let params = [
            (":seq", row.seq.into()),
            (":at", row.at.into()),
            (":request_id", row.request_id.into()),
            (":caller", row.caller.into()),
            (":user_name", row.user_name.into()),
            (":address", row.address.into()),
            (":operation", row.operation.into()),
            (":target", row.target.into()),
            (":command_id", row.command_id.into()),
            (":outcome", row.outcome.into()),
            (":repeats", row.repeats.into()),
            (":detail", row.detail.into()),
            (":hash", row.hash.as_slice().into()),
        ];
        let sql = "INSERT INTO audit (seq, at, request_id, caller, user_name, address, operation, target, command_id, outcome,
                                      repeats, detail, hash)
                   VALUES (:seq, :at, :request_id, :caller, :user_name, :address, :operation, :target, :command_id, :outcome,
                           :repeats, :detail, :hash)";
        tx.execute(sql, &params)?;
        for node in &row.nodes {
            let params = [(":seq", row.seq.into()), (":node", node.into())];
            tx.execute("INSERT INTO audit_node (seq, node_id) VALUES (:seq, :node)", &params)?;
        }
        Ok(())
    }

    pub fn rows_after(tx: &Tx<'_>, after: i64, limit: usize) -> Result<Vec<Row>, StoreError> {
        let sql = "SELECT seq, at, request_id, caller, user_name, address, operation, target, command_id, outcome, repeats,
                          detail, hash FROM audit WHERE seq > :after ORDER BY seq LIMIT :limit";
        let params = [(":after", after.into()), (":limit", (limit as i64).into())];
        tx.rows(sql, &params, Row::from_stored)
    }

    pub fn nodes_between(tx: &Tx<'_>, first: i64, last: i64) -> Result<Vec<(i64, String)>, StoreError> {
        let sql = "SELECT seq, node_id FROM audit_node WHERE seq BETWEEN :first AND :last ORDER BY seq, node_id";
        tx.rows(sql, &[(":first", first.into()), (":last", last.into())], |row| {
            Ok((row.get("seq")?, row.get("node_id")?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::audit::chain::{Extent, Verifier};
    use proptest::prelude::*;

    fn entry(at: i64) -> Entry {
        Entry::by_hub(Timestamp::from_millis(at), "roadstead:Test", "hub".into(), String::new())
    }

    async fn verdict(store: &Store) -> chain::Verdict {
        let rows = store.read(|tx| rows_after(tx, 0, 10_000)).await.unwrap();
        let mut verifier = Verifier::new(Link::START, Vec::new(), &[]);
        rows.iter().for_each(|row| verifier.push(row));
        verifier.finish(Extent::Part)
    }

    #[derive(Clone, Copy, Debug)]
    enum Fate {
        Commit(u8),
        Fail(u8),
        Panic(u8),
    }

    fn fate() -> impl Strategy<Value = Fate> {
        prop_oneof![
            (0u8..4).prop_map(Fate::Commit),
            (0u8..4).prop_map(Fate::Fail),
            (0u8..4).prop_map(Fate::Panic)
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        /// Many writes share a commit; what is rolled back leaves neither a hole nor a wrong place to follow.
        #[test]
        fn writes_that_fail_beside_others_leave_the_chain_whole(fates in proptest::collection::vec(fate(), 1..20)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let dir = tempfile::tempdir().unwrap();
                let store = Store::open(dir.path()).await.unwrap();
                let writes = fates.iter().map(|fate| {
                    let fate = *fate;
                    store.write(move |tx| {
                        let (Fate::Commit(rows) | Fate::Fail(rows) | Fate::Panic(rows)) = fate;
                        for at in 0..rows {
                            record(tx, entry(at.into()));
                        }
                        match fate {
                            Fate::Commit(_) => Ok(()),
                            Fate::Fail(_) => Err(StoreError::Closed),
                            Fate::Panic(_) => panic!("a bug"),
                        }
                    })
                });
                let _some_fail = futures_util::future::join_all(writes).await;
                let expected: i64 = fates.iter().map(|fate| if let Fate::Commit(rows) = fate { i64::from(*rows) } else { 0 }).sum();
                let verdict = verdict(&store).await;
                assert!(verdict.healthy, "{verdict:?}");
                assert_eq!((verdict.rows as i64, verdict.last_seq), (expected, expected));
            });
        }
    }

    #[tokio::test]
    async fn nodes_are_part_of_the_row() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        let written = store.write(|tx| {
            for count in [0, 3, 1] {
                tx.note(|notes| notes.nodes.extend((0..count).map(|_| crate::base::id::NodeId::random())));
                record(tx, entry(1));
            }
            Ok::<_, StoreError>(())
        });
        written.await.unwrap();
        assert!(verdict(&store).await.healthy);
        let gone = store.write(|tx| tx.execute("DELETE FROM audit_node WHERE seq = 3", &[]));
        gone.await.unwrap();
        let verdict = verdict(&store).await;
        assert_eq!((verdict.finding_count, verdict.findings[0].seq), (1, 3));
    }

    #[tokio::test]
    async fn denials_that_repeat_are_counted() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        let keeper = Keeper::new(HubKeys::of_seed(&[1; 32]), dir.path().to_owned());
        for _ in 0..50 {
            let denial = Entry {
                outcome: Outcome::Denied,
                ..entry(1)
            };
            keeper.deny(&store, denial).await.unwrap();
        }
        keeper.close(&store).await.unwrap();
        let rows = store.read(|tx| rows_after(tx, 0, 10)).await.map_err(|e: StoreError| e).unwrap();
        assert_eq!(rows.iter().map(|row| row.repeats).collect::<Vec<_>>(), [1, 49]);
    }
}
