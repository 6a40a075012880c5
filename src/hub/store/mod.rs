//! The database: the only module that names rusqlite.
//!
//! `write` combines: one task takes every waiting closure and runs them in one transaction, each inside its own savepoint,
//! commits once with `synchronous=FULL`, and only then answers all of them. An error or a panic rolls back only the closure
//! it came from. What writes put off to the end of the transaction ([`Tx::before_commit`]) runs before the commit, behind all of
//! them: when that fails, none of them happened. A write whose caller went away still commits. `write_lazily` may wait a moment for
//! company. `read` runs on a small pool of read-only connections, each call in one snapshot; `glance` does so on the caller's own
//! thread. Measured reasons: `docs/decisions/0002-combined-writes.md`, `docs/decisions/0018-glances.md`.
//!
//! *Invariant*: whoever saw `Ok` from `write` finds the rows after kill -9 and after a power cut.

pub mod blobs;
mod open;
mod query;
mod totals;
mod values;
mod writer;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::{Semaphore, mpsc};

pub use open::{ReadOnly, schema};
pub use query::{Column, Compare, Condition, Select};
use totals::Totals;
pub use values::{Notes, Params, Row, Tx, Value};
use writer::{Pace, Write};

/// Writes that may wait for the writer; more callers than that wait before they are queued.
const WRITE_QUEUE: usize = 4096;
/// Read-only connections: two cores keep about this many busy.
const READERS: usize = 4;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database of {path} could not be opened")]
    Open {
        path: String,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error(
        "{path} was written by a newer Roadstead (schema {found}, this build knows {known}): install that version, or restore the backup taken before it"
    )]
    TooNew { path: String, found: i64, known: i64 },
    #[error("{path} is damaged ({detail}): stop the hub and restore a backup")]
    Damaged { path: String, detail: String },
    #[error("a database statement failed")]
    Sql(#[from] rusqlite::Error),
    #[error("the disk that holds the database is full")]
    Full,
    #[error("a stored value is malformed: {0}")]
    Malformed(String),
    #[error("a write panicked: {0}")]
    Panicked(String),
    #[error("the store is closed")]
    Closed,
    #[error("a blob file could not be read or written")]
    Blob(#[from] std::io::Error),
}

/// The hub's database; cheap to clone.
#[derive(Clone)]
pub struct Store {
    writer: mpsc::Sender<Write>,
    readers: Arc<Readers>,
    trouble: Arc<Mutex<Option<String>>>,
}

struct Readers {
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
    /// One fewer: what nobody waits for leaves a reader to who does.
    aside: Semaphore,
    totals: Arc<Totals>,
}

impl Store {
    /// Opens (creates, migrates, checks) `DATA/hub.db` and starts the writer.
    pub async fn open(data: &Path) -> Result<Self, StoreError> {
        let path = data.join("hub.db");
        let (writer, readers) = tokio::task::spawn_blocking(move || open::connections(&path, READERS))
            .await
            .map_err(|e| StoreError::Panicked(e.to_string()))??;
        let (send, receive) = mpsc::channel(WRITE_QUEUE);
        let (trouble, totals) = (Arc::new(Mutex::new(None)), Arc::new(Totals::default()));
        tokio::spawn(writer::run(writer, receive, trouble.clone(), totals.clone()));
        let readers = Readers {
            permits: Semaphore::new(readers.len()),
            aside: Semaphore::new(readers.len() - 1),
            idle: Mutex::new(readers),
            totals,
        };
        Ok(Self {
            writer: send,
            readers: Arc::new(readers),
            trouble,
        })
    }

    /// Runs `work` in a write transaction and answers after it is durable.
    ///
    /// *Errors*: whatever `work` answers (its changes are then gone), or a [`StoreError`] from the commit.
    /// *Cancel*: dropping the future does not undo a write that was queued.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.write_when(Pace::Now, work).await
    }

    /// As [`Store::write`], for what nobody waits for: a commit costs the same for one row as for thirty, so this one waits a
    /// few milliseconds for others. Writes keep their order.
    pub async fn write_lazily<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.write_when(Pace::Lazy, work).await
    }

    async fn write_when<T, E, F>(&self, pace: Pace, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (work, slot) = parcel(work);
        self.queue(pace, work).await?;
        slot.take()
    }

    async fn queue(&self, pace: Pace, work: Work) -> Result<(), StoreError> {
        let (write, answer) = Write::new(pace, work);
        self.writer.send(write).await.map_err(|_| StoreError::Closed)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// What kept the last commit from happening, until one succeeds again.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().expect("no code panics while it holds the words").clone()
    }

    /// A number that is another one after every commit, from before its callers are answered. What was read after asking for
    /// it is as it was while the number is the same.
    pub fn generation(&self) -> u64 {
        self.readers.totals.commits()
    }

    /// As [`Store::read`], on the caller's own thread, for what looks a few rows up by their keys: two changes of thread cost
    /// several times what such a lookup does. Where all readers are busy it waits its turn as [`Store::read`] does.
    pub async fn glance<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        match self.readers.permits.try_acquire() {
            Ok(_permit) => {
                let (work, slot) = parcel(work);
                self.readers.run(work)?;
                slot.take()
            }
            Err(_) => self.read(work).await,
        }
    }

    /// Runs `work` on one snapshot of the database.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (work, slot) = parcel(work);
        self.look(work).await?;
        slot.take()
    }

    /// The same for the hub's own work, of which there may be any amount: it takes all readers but one.
    pub async fn read_aside<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let _permit = self.readers.aside.acquire().await.map_err(|_| StoreError::Closed)?;
        self.read(work).await
    }

    async fn look(&self, work: Work) -> Result<(), StoreError> {
        let _permit = self.readers.permits.acquire().await.map_err(|_| StoreError::Closed)?;
        let readers = self.readers.clone();
        let ran = tokio::task::spawn_blocking(move || readers.run(work)).await;
        ran.unwrap_or_else(|e| Err(StoreError::Panicked(e.to_string())))
    }
}

impl Readers {
    /// Blocking.
    fn run(&self, work: Work) -> Result<(), StoreError> {
        let connection = self
            .idle
            .lock()
            .expect("no code panics while it holds the list")
            .pop()
            .ok_or(StoreError::Closed)?;
        let ran = caught(|| {
            let began = self.totals.commits();
            step(&connection, "BEGIN DEFERRED")?;
            work(&Tx::reading(&connection, &self.totals, began));
            Ok(())
        });
        let ended = if connection.is_autocommit() {
            Ok(())
        } else {
            step(&connection, "ROLLBACK")
        };
        self.idle.lock().expect("no code panics while it holds the list").push(connection);
        ended.and(ran)
    }
}

/// What is to be done in a transaction, its types erased so that all of this is compiled once and not for every statement of the
/// program; `false` asks for a rollback.
type Work = Box<dyn FnOnce(&Tx<'_>) -> bool + Send>;

/// Where the result of a [`Work`] is left for who waits for it.
struct Slot<T, E>(Arc<Mutex<Option<Result<T, E>>>>);

fn parcel<T, E, F>(work: F) -> (Work, Slot<T, E>)
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
{
    let slot = Slot(Arc::default());
    let filled = slot.0.clone();
    let work = move |tx: &Tx<'_>| {
        let result = work(tx);
        let keep = result.is_ok();
        *filled.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        keep
    };
    (Box::new(work), slot)
}

impl<T, E: From<StoreError>> Slot<T, E> {
    fn take(self) -> Result<T, E> {
        let result = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        result.unwrap_or_else(|| Err(StoreError::Closed.into()))
    }
}

/// A panic is an error of the work it came from.
fn caught<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(StoreError::Panicked(panic_text(&*panic))))
}

/// One of the few statements around every transaction; parsed once, not each time.
fn step(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    let done = connection.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
    done.map(drop).map_err(StoreError::from_sql)
}

impl StoreError {
    pub(in crate::hub::store) fn from_sql(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full,
            _ => Self::Sql(error),
        }
    }

    /// The same error for the next caller of a failed commit.
    fn again(&self) -> Self {
        match self {
            Self::Full => Self::Full,
            other => Self::Malformed(format!("the commit failed: {other}")),
        }
    }
}

impl From<StoreError> for crate::base::ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Self::new(
                "InsufficientStorageException",
                "the disk that holds the hub's data is full: free space there, nothing of this request was stored",
            ),
            other => Self::internal(other),
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        (dir, store)
    }

    fn insert(tx: &Tx<'_>, name: &str) -> Result<(), StoreError> {
        tx.execute("INSERT INTO setting (name, value) VALUES (:name, 'x')", &[(":name", name.into())])
            .map(|_| ())
    }

    async fn names(store: &Store) -> Vec<String> {
        store
            .read(|tx| tx.rows("SELECT name FROM setting ORDER BY name", &[], |row| row.get("name")))
            .await
            .map_err(|e: StoreError| e)
            .unwrap()
    }

    #[tokio::test]
    async fn a_failed_or_panicking_write_takes_no_neighbour_with_it() {
        let (_dir, store) = store().await;
        let (a, b, c) = tokio::join!(
            store.write(|tx| insert(tx, "a")),
            store.write(|tx| {
                insert(tx, "b")?;
                Err::<(), _>(StoreError::Malformed("no".into()))
            }),
            store.write(|tx| -> Result<(), StoreError> {
                insert(tx, "c")?;
                panic!("a bug")
            }),
        );
        assert!(a.is_ok() && b.is_err());
        assert!(matches!(c, Err(StoreError::Panicked(text)) if text == "a bug"));
        store.write(|tx| insert(tx, "d")).await.unwrap();
        assert_eq!(names(&store).await, ["a", "d"]);
    }

    #[tokio::test]
    async fn the_generation_is_another_one_before_a_write_is_answered_and_the_same_without_writes() {
        let (_dir, store) = store().await;
        let before = store.generation();
        store.write(|tx| insert(tx, "a")).await.unwrap();
        let after = store.generation();
        assert_ne!(before, after);
        let glanced: Result<_, StoreError> = store.glance(|tx| tx.count("SELECT count(*) FROM setting", &[])).await;
        assert_eq!((glanced.unwrap(), store.generation()), (1, after));
    }

    #[tokio::test]
    async fn a_glance_waits_when_every_reader_is_busy_and_survives_a_panic() {
        let (_dir, store) = store().await;
        let busy: Vec<_> = (0..READERS).map(|_| store.readers.permits.try_acquire().unwrap()).collect();
        let mut glance = Box::pin(store.glance(|tx| tx.count("SELECT count(*) FROM setting", &[])));
        assert!(futures_util::poll!(&mut glance).is_pending());
        drop(busy);
        let glanced: Result<_, StoreError> = glance.await;
        assert_eq!(glanced.unwrap(), 0);
        let panicked: Result<(), StoreError> = store.glance(|_| panic!("a bug")).await;
        assert!(matches!(panicked, Err(StoreError::Panicked(text)) if text == "a bug"));
        assert!(names(&store).await.is_empty());
    }

    #[tokio::test]
    async fn a_caller_does_not_wait_behind_the_hubs_own_reads() {
        let (_dir, store) = store().await;
        let (go, _) = tokio::sync::broadcast::channel::<()>(1);
        let slow: Vec<_> = (0..100)
            .map(|_| {
                let (store, mut wait) = (store.clone(), go.subscribe());
                tokio::spawn(async move {
                    let waited = store.read_aside(move |_| {
                        let _ended = wait.blocking_recv();
                        Ok::<_, StoreError>(())
                    });
                    waited.await
                })
            })
            .collect();
        while store.readers.aside.available_permits() > 0 || store.readers.permits.available_permits() > 1 {
            tokio::task::yield_now().await;
        }
        let asked: Result<_, StoreError> = store.read(|tx| tx.count("SELECT count(*) FROM setting", &[])).await;
        assert_eq!(asked.unwrap(), 0);
        drop(go);
        for one in slow {
            one.await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn effects_run_after_the_commit_and_only_then() {
        let (_dir, store) = store().await;
        let (seen, mut effects) = mpsc::unbounded_channel();
        let failing = seen.clone();
        let _refused = store
            .write(move |tx| {
                tx.after_commit(move || failing.send("failed").unwrap());
                Err::<(), _>(StoreError::Closed)
            })
            .await;
        store
            .write(move |tx| {
                tx.after_commit(move || seen.send("committed").unwrap());
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
        assert_eq!(effects.recv().await, Some("committed"));
    }

    /// What a failed part asked for is dropped; the rest is written in the order of the writes, and when one of it fails nothing is.
    #[tokio::test]
    async fn last_words_are_the_end_of_the_transaction_or_there_is_none() {
        let (_dir, store) = store().await;
        let count = |tx: &Tx<'_>| tx.count("SELECT count(*) FROM setting", &[]);
        let say = move |name: &'static str, is_kept: bool| {
            move |tx: &Tx<'_>| {
                insert(tx, name)?;
                let seen = count(tx)?;
                tx.before_commit(move |tx| insert(tx, &format!("{name} {seen}, {} at the end", count(tx)?)));
                let part = tx.within(|tx| {
                    tx.before_commit(|tx| insert(tx, "of a failed part"));
                    Err::<(), _>(crate::base::ApiError::validation("no"))
                });
                assert!(part.is_err());
                if is_kept { Ok(()) } else { Err(StoreError::Closed) }
            }
        };
        let (a, b, c) = tokio::join!(
            store.write(say("a", true)),
            store.write(say("b", false)),
            store.write(say("c", true))
        );
        assert!(a.is_ok() && b.is_err() && c.is_ok());
        assert_eq!(names(&store).await, ["a", "a 1, 2 at the end", "c", "c 2, 3 at the end"]);
        let (plain, failing) = tokio::join!(
            store.write(|tx| insert(tx, "d")),
            store.write(|tx| {
                tx.before_commit(|tx| insert(tx, "a"));
                Ok::<_, StoreError>(())
            })
        );
        assert!(plain.is_err() && failing.is_err());
        let panicking = store.write(|tx| {
            tx.before_commit(|_| panic!("a bug"));
            insert(tx, "e")
        });
        assert!(panicking.await.is_err());
        assert_eq!(names(&store).await.len(), 4);
        store.write(|tx| insert(tx, "f")).await.unwrap();
    }

    #[tokio::test]
    async fn a_lazy_write_keeps_its_place_and_is_not_forgotten() {
        let (_dir, store) = store().await;
        let (seen, mut committed) = mpsc::unbounded_channel();
        let note = |name: &'static str| {
            let seen = seen.clone();
            move |tx: &Tx<'_>| {
                tx.after_commit(move || seen.send(name).unwrap());
                insert(tx, name)
            }
        };
        let (lazy, now) = tokio::join!(store.write_lazily(note("lazy")), store.write(note("now")));
        lazy.and(now).unwrap();
        assert_eq!((committed.recv().await, committed.recv().await), (Some("lazy"), Some("now")));
        store.write_lazily(note("alone")).await.unwrap();
        assert_eq!(names(&store).await, ["alone", "lazy", "now"]);
    }

    #[tokio::test]
    async fn a_write_whose_caller_went_away_still_commits() {
        let (_dir, store) = store().await;
        let mut write = Box::pin(store.write(|tx| insert(tx, "kept")));
        assert!(futures_util::poll!(&mut write).is_pending());
        drop(write);
        store.write(|tx| insert(tx, "later")).await.unwrap();
        assert_eq!(names(&store).await, ["kept", "later"]);
    }
}
