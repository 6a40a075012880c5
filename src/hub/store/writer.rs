//! The one task that changes rows: it takes every waiting write, runs each in a savepoint of its own, commits once, answers all.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::hub::store::totals::{Totals, Touched};
use crate::hub::store::values::Endings;
use crate::hub::store::{StoreError, Tx, Work, caught, step};

/// Writes combined into one commit.
const MAX_COMBINED: usize = 2048;
/// A lazy write waits so long for one that is not, to share its commit.
const LAZY: Duration = Duration::from_millis(15);

/// How soon a write is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    Now,
    Lazy,
}

/// One queued write.
pub struct Write {
    pace: Pace,
    work: Option<Work>,
    is_kept: bool,
    panicked: Option<StoreError>,
    endings: Endings,
    touched: Touched,
    reply: oneshot::Sender<Result<(), StoreError>>,
}

impl Write {
    /// The answer comes after the commit. It is `Ok` also when the work itself failed, which its own result says.
    pub fn new(pace: Pace, work: Work) -> (Self, oneshot::Receiver<Result<(), StoreError>>) {
        let (reply, answer) = oneshot::channel();
        let write = Self {
            pace,
            work: Some(work),
            is_kept: false,
            panicked: None,
            endings: Endings::default(),
            touched: Touched::default(),
            reply,
        };
        (write, answer)
    }

    /// *Errors*: none for work that fails or panics, which is rolled back alone.
    fn run(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let Some(work) = self.work.take() else { return Ok(()) };
        step(connection, "SAVEPOINT job")?;
        let tx = Tx::new(connection);
        match caught(|| Ok(work(&tx))) {
            Ok(is_kept) => self.is_kept = is_kept,
            Err(panicked) => self.panicked = Some(panicked),
        }
        let (endings, touched) = tx.into_parts();
        self.touched = touched;
        if self.is_kept {
            self.endings = endings;
        } else {
            // A full disk can end the whole transaction under us; this then fails and ends the batch.
            step(connection, "ROLLBACK TO job")?;
        }
        step(connection, "RELEASE job")
    }

    /// What the write put off to the end of the transaction.
    fn last_words(&mut self, tx: &Tx<'_>) -> Result<(), StoreError> {
        self.endings.before_commit.drain(..).try_for_each(|work| work(tx))
    }

    fn answer(self, commit: Result<(), StoreError>) {
        let answer = match (self.panicked, self.is_kept, commit) {
            (Some(panicked), ..) => Err(panicked),
            (None, true, Ok(())) => {
                self.endings.after_commit.into_iter().for_each(take_effect);
                Ok(())
            }
            (None, true, Err(error)) => Err(error),
            (None, false, commit) if self.work.is_some() => commit.and(Err(StoreError::Closed)),
            (None, false, _) => Ok(()),
        };
        let _caller_may_be_gone = self.reply.send(answer);
    }
}

/// A panic ends this effect alone: the rows are durable, and the writer has others to serve.
fn take_effect(effect: Box<dyn FnOnce() + Send>) {
    let happened = caught(|| {
        effect();
        Ok(())
    });
    if let Err(panicked) = happened {
        tracing::error!(error = %panicked, "what was to follow a commit did not happen");
    }
}

/// Runs until nobody can queue a write any more. `trouble` says what kept the last commit from happening.
pub async fn run(mut connection: Connection, mut queue: mpsc::Receiver<Write>, trouble: Arc<Mutex<Option<String>>>, totals: Arc<Totals>) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, MAX_COMBINED).await > 0 {
        let deadline = Instant::now() + LAZY;
        while batch.len() < MAX_COMBINED && batch.iter().all(|write| write.pace == Pace::Lazy) {
            match timeout_at(deadline, queue.recv_many(&mut batch, MAX_COMBINED)).await {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
        let (writes, totals) = (std::mem::take(&mut batch), totals.clone());
        let ran = tokio::task::spawn_blocking(move || {
            let done = run_batch(&connection, writes, &totals);
            (connection, done)
        });
        match ran.await {
            Ok((back, done)) => {
                connection = back;
                *trouble.lock().expect("no code panics while it holds the words") = done.trouble();
                // Here and not on the blocking thread: to wake tasks from outside of the runtime costs several times as much.
                done.answer();
            }
            Err(lost) => {
                tracing::error!(error = %lost, "the database writer was lost");
                return;
            }
        }
    }
}

/// Writes whose transaction is over, and how it ended.
struct Done {
    writes: Vec<Write>,
    commit: Result<(), StoreError>,
}

impl Done {
    fn trouble(&self) -> Option<String> {
        self.commit.as_ref().err().map(ToString::to_string)
    }

    fn answer(self) {
        for write in self.writes {
            let commit = match &self.commit {
                Ok(()) => Ok(()),
                Err(error) => Err(error.again()),
            };
            write.answer(commit);
        }
    }
}

/// Runs all writes in one transaction.
fn run_batch(connection: &Connection, mut writes: Vec<Write>, totals: &Totals) -> Done {
    let mut touched_last = Touched::default();
    let commit = commit_batch(connection, &mut writes, &mut touched_last);
    totals.committed(writes.iter().map(|write| &write.touched).chain([&touched_last]));
    if let Err(error) = &commit {
        if !connection.is_autocommit() {
            let _best_effort = connection.execute_batch("ROLLBACK");
        }
        tracing::error!(error = %error, writes = writes.len(), "a commit failed");
    }
    Done { writes, commit }
}

fn commit_batch(connection: &Connection, writes: &mut [Write], touched_last: &mut Touched) -> Result<(), StoreError> {
    step(connection, "BEGIN IMMEDIATE")?;
    for write in writes.iter_mut() {
        write.run(connection)?;
    }
    let tx = Tx::new(connection);
    let said = caught(|| writes.iter_mut().try_for_each(|write| write.last_words(&tx)));
    *touched_last = tx.into_parts().1;
    said?;
    step(connection, "COMMIT")
}
