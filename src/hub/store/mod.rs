//! The database: the only module that names rusqlite.
//!
//! `write` combines: one task takes every waiting closure and runs them in one transaction, each inside its own savepoint,
//! commits once with `synchronous=FULL`, and only then answers all of them. An error or a panic rolls back only the closure
//! it came from. A write whose caller went away still commits. `write_lazily` may wait a moment for company. `read` runs on a
//! small pool of read-only connections, each call in one snapshot; `glance` does so on the caller's own thread. Measured
//! reasons: `docs/decisions/0002-combined-writes.md`, `docs/decisions/0018-glances.md`.
//!
//! *Invariant*: whoever saw `Ok` from `write` finds the rows after kill -9 and after a power cut.

pub mod blobs;
mod open;
mod query;
mod totals;
mod values;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

pub use open::{ReadOnly, schema};
pub use query::{Column, Compare, Condition, Select};
use totals::{Totals, Touched};
pub use values::{Notes, Params, Row, Tx, Value};

/// Writes that may wait for the writer; more callers than that wait before they are queued.
const WRITE_QUEUE: usize = 4096;
/// Writes combined into one commit.
const MAX_COMBINED: usize = 2048;
/// A lazy write waits so long for one that is not, to share its commit.
const LAZY: Duration = Duration::from_millis(15);
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
    writer: mpsc::Sender<Box<dyn Job>>,
    readers: Arc<Readers>,
    trouble: Arc<Mutex<Option<String>>>,
}

struct Readers {
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
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
        tokio::spawn(run_writer(writer, receive, trouble.clone(), totals.clone()));
        let readers = Readers {
            permits: Semaphore::new(readers.len()),
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
        let (reply, answer) = oneshot::channel();
        let job = Write {
            pace,
            work: Some(work),
            result: None,
            effects: Vec::new(),
            touched: Touched::default(),
            reply: Some(reply),
        };
        self.writer.send(Box::new(job)).await.map_err(|_| StoreError::Closed)?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
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
            Ok(_permit) => self.readers.run(work),
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
        let _permit = self.readers.permits.acquire().await.map_err(|_| StoreError::Closed)?;
        let readers = self.readers.clone();
        tokio::task::spawn_blocking(move || readers.run(work))
            .await
            .unwrap_or_else(|e| Err(StoreError::Panicked(e.to_string()).into()))
    }
}

impl Readers {
    fn run<T, E: From<StoreError>>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        let connection = self
            .idle
            .lock()
            .expect("no code panics while it holds the list")
            .pop()
            .ok_or(StoreError::Closed)?;
        let result = catch_unwind(AssertUnwindSafe(|| {
            let began = self.totals.commits();
            step(&connection, "BEGIN DEFERRED").map_err(StoreError::from)?;
            work(&Tx::reading(&connection, &self.totals, began))
        }));
        let ended = if connection.is_autocommit() {
            Ok(())
        } else {
            step(&connection, "ROLLBACK")
        };
        self.idle.lock().expect("no code panics while it holds the list").push(connection);
        ended.map_err(StoreError::from)?;
        result.unwrap_or_else(|panic| Err(StoreError::Panicked(panic_text(&*panic)).into()))
    }
}

/// How soon a write is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    Now,
    Lazy,
}

/// One queued write, its types erased.
trait Job: Send {
    fn pace(&self) -> Pace;
    /// Runs the closure; `false` asks for a rollback to before it.
    fn run(&mut self, connection: &Connection) -> bool;
    /// The tables it wrote to.
    fn touched(&self) -> &Touched;
    /// Called once after the commit, or with the reason there was none.
    fn answer(self: Box<Self>, commit: Result<(), StoreError>);
}

struct Write<T, E, F> {
    pace: Pace,
    work: Option<F>,
    result: Option<Result<T, E>>,
    effects: Vec<Box<dyn FnOnce() + Send>>,
    touched: Touched,
    reply: Option<oneshot::Sender<Result<T, E>>>,
}

impl<T, E, F> Job for Write<T, E, F>
where
    T: Send,
    E: From<StoreError> + Send,
    F: FnOnce(&Tx<'_>) -> Result<T, E> + Send,
{
    fn pace(&self) -> Pace {
        self.pace
    }

    fn run(&mut self, connection: &Connection) -> bool {
        let Some(work) = self.work.take() else { return false };
        let tx = Tx::new(connection);
        let result =
            catch_unwind(AssertUnwindSafe(|| work(&tx))).unwrap_or_else(|panic| Err(StoreError::Panicked(panic_text(&*panic)).into()));
        let keep = result.is_ok();
        let (effects, touched) = tx.into_parts();
        self.touched = touched;
        if keep {
            self.effects = effects;
        }
        self.result = Some(result);
        keep
    }

    fn touched(&self) -> &Touched {
        &self.touched
    }

    fn answer(mut self: Box<Self>, commit: Result<(), StoreError>) {
        let result = match (self.result.take(), commit) {
            (Some(Ok(value)), Ok(())) => {
                for effect in self.effects.drain(..) {
                    effect();
                }
                Ok(value)
            }
            (Some(Err(error)), _) => Err(error),
            (_, Err(error)) => Err(error.into()),
            (None, Ok(())) => Err(StoreError::Closed.into()),
        };
        if let Some(reply) = self.reply.take() {
            let _caller_may_be_gone = reply.send(result);
        }
    }
}

async fn run_writer(
    mut connection: Connection,
    mut queue: mpsc::Receiver<Box<dyn Job>>,
    trouble: Arc<Mutex<Option<String>>>,
    totals: Arc<Totals>,
) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, MAX_COMBINED).await > 0 {
        let deadline = Instant::now() + LAZY;
        while batch.len() < MAX_COMBINED && batch.iter().all(|job| job.pace() == Pace::Lazy) {
            match timeout_at(deadline, queue.recv_many(&mut batch, MAX_COMBINED)).await {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
        let (jobs, totals) = (std::mem::take(&mut batch), totals.clone());
        let ran = tokio::task::spawn_blocking(move || {
            let words = run_batch(&connection, jobs, &totals);
            (connection, words)
        });
        match ran.await {
            Ok((back, words)) => {
                connection = back;
                *trouble.lock().expect("no code panics while it holds the words") = words;
            }
            Err(lost) => {
                tracing::error!(error = %lost, "the database writer was lost");
                return;
            }
        }
    }
}

/// Runs all jobs in one transaction and answers them; says what went wrong when there was no commit.
fn run_batch(connection: &Connection, mut jobs: Vec<Box<dyn Job>>, totals: &Totals) -> Option<String> {
    let committed = commit_batch(connection, &mut jobs);
    totals.committed(jobs.iter().map(|job| job.touched()));
    match committed {
        Ok(()) => {
            jobs.into_iter().for_each(|job| job.answer(Ok(())));
            None
        }
        Err(error) => {
            if !connection.is_autocommit() {
                let _best_effort = connection.execute_batch("ROLLBACK");
            }
            let error = StoreError::from_sql(error);
            let words = error.to_string();
            answer_all(jobs, &error);
            Some(words)
        }
    }
}

fn commit_batch(connection: &Connection, jobs: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    step(connection, "BEGIN IMMEDIATE")?;
    for job in jobs {
        run_in_savepoint(connection, &mut **job)?;
    }
    step(connection, "COMMIT")
}

/// One of the few statements around every write; parsed once, not each time.
fn step(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

fn run_in_savepoint(connection: &Connection, job: &mut dyn Job) -> rusqlite::Result<()> {
    step(connection, "SAVEPOINT job")?;
    if !job.run(connection) {
        // A full disk can end the whole transaction under us; the rollback below then fails and ends the batch.
        step(connection, "ROLLBACK TO job")?;
    }
    step(connection, "RELEASE job")
}

fn answer_all(jobs: Vec<Box<dyn Job>>, error: &StoreError) {
    tracing::error!(error = %error, writes = jobs.len(), "a commit failed");
    for job in jobs {
        job.answer(Err(error.again()));
    }
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
