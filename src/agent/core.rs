//! The agent's state machine: orders in, reports out, nothing twice.
//!
//! It knows neither the link nor how a run is executed nor where the journal lies, so that the fleet simulator runs the very
//! same code with all three in memory. A run's way through it:
//!
//! ```text
//! Run ─► known? ── yes ─► answered again: Accepted, and the Report when there is one
//!          │ no
//!          ├─ too late, not possible here, no room ─► Rejected (and forgotten)
//!          ├─ no free place ─► journal: Accepted ─► waits ─┐
//!          └─ free place ──────────────────────────────────┴► journal: Started ─► executed ─► journal: Ended ─► Report
//! ReportStored ─► journal: Stored        Release ─► its files go        Cancel ─► ended early, or never started
//! ```
//!
//! Invariant: `Started` is durable before the executor is asked, and a run that the journal knows as started is only ever
//! resumed, never begun again ([`Executor::execute`] with [`Order::Kept`] looks for traces first).

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::agent::journal::{BootId, Entry, Journal, JournalError, JournalStore, State, Sync as Durable};
use crate::agent::session::Sessions;
use crate::base::id::{CommandId, NodeId};
use crate::base::{Clock, Timestamp};
use crate::platform::files::Durability;
use crate::wire::control::{Rejection, ToAgent, ToHub};
use crate::wire::run::{Outcome, Output, OutputQuery, Report, Run, StepReport};
use crate::wire::session::Frame as SessionFrame;

/// Runs that are executed at once; more wait.
pub const MAX_ACTIVE: usize = 64;
/// Frames on their way to the link: each active run has at most two, so that none waits while the link is quick.
pub const OUTGOING_FRAMES: usize = 2 * MAX_ACTIVE;
/// How long a cancel for a run that never came is remembered.
const UNKNOWN_CANCEL_MS: i64 = 30 * 24 * 3600 * 1000;
/// A clock that is less wrong than this is not corrected in reports.
const TOLERATED_SKEW_MS: i64 = 2000;

/// The raw bytes of a stored stream, in pieces.
pub type OutputBody = BoxStream<'static, io::Result<Bytes>>;

/// What is to be executed.
#[derive(Debug)]
pub enum Order {
    /// Came just now and has never been begun.
    Fresh(Box<Run>),
    /// Was kept with [`Executor::keep`]. It may have been begun: in this boot, where every trace of it can be trusted, or in
    /// an earlier one, where the absence of a trace says nothing.
    Kept { run: CommandId, same_boot: bool },
}

/// How runs are executed on this node.
pub trait Executor: Send + Sync + 'static {
    /// Whether this node can execute the run; otherwise why not, for a person.
    fn check(&self, run: &Run) -> Result<(), String>;

    /// Keeps the run where a restarted agent finds it.
    fn keep(&self, run: &Run, durability: Durability) -> impl Future<Output = io::Result<()>> + Send;

    /// Executes to the end, or to the end that `cancel` asks for. Keeps the report too.
    ///
    /// *Cancel* (of the future): what runs goes on without the agent.
    fn execute(&self, order: Order, cancel: CancellationToken) -> impl Future<Output = Report> + Send;

    /// The report of a run that has ended, `None` when its files are gone or damaged.
    fn report(&self, run: &CommandId) -> impl Future<Output = Option<Report>> + Send;

    /// A stream's stored bytes, see [`OutputQuery`].
    fn output(&self, query: OutputQuery) -> impl Future<Output = Option<OutputBody>> + Send;

    /// The run's files are of no use any more.
    fn release(&self, run: &CommandId) -> impl Future<Output = ()> + Send;

    /// The hub has said which node this is.
    fn node_is(&self, node: &NodeId);
}

/// What an agent is made of.
pub struct Parts<E, J> {
    pub executor: E,
    pub journal: Journal<J>,
    pub sessions: Sessions,
    pub clock: Clock,
    pub boot: BootId,
}

/// The agent; clones are the same one.
pub struct Agent<E, J>(Arc<Inner<E, J>>);

impl<E, J> Clone for Agent<E, J> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Inner<E, J> {
    parts: Parts<E, J>,
    runs: Mutex<Runs>,
    places: Arc<Semaphore>,
    outgoing: mpsc::Sender<ToHub>,
    /// Hub's clock minus ours.
    hub_ahead_ms: AtomicI64,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

#[derive(Default)]
struct Runs {
    /// Accepted or started, not ended.
    live: HashMap<CommandId, Live>,
    /// Their report is on its way into `outgoing`.
    reporting: HashSet<CommandId>,
}

struct Live {
    cancel: CancellationToken,
    /// It is in the journal, so that the hub may be told of it.
    is_durable: bool,
}

/// Why a run does not go on.
enum Stop {
    Rejected(Rejection, String),
    Cancelled,
}

impl<E: Executor, J: JournalStore> Agent<E, J> {
    /// An agent, and the frames it has for the hub.
    pub fn new(parts: Parts<E, J>) -> (Self, mpsc::Receiver<ToHub>) {
        let (outgoing, frames) = mpsc::channel(OUTGOING_FRAMES);
        let inner = Inner {
            parts,
            runs: Mutex::default(),
            places: Arc::new(Semaphore::new(MAX_ACTIVE)),
            outgoing,
            hub_ahead_ms: AtomicI64::new(0),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
        };
        (Self(Arc::new(inner)), frames)
    }

    /// Goes on with what the journal knows: once, before anything is delivered.
    pub fn recover(&self) {
        for entry in self.0.parts.journal.entries() {
            if matches!(entry.state, State::Accepted | State::Started) {
                let cancel = self.enlist(&entry.id(), true);
                let agent = self.clone();
                self.spawn(async move { agent.resume(entry, cancel).await });
            }
        }
    }

    /// A frame from the hub. Returns at once; the work goes on in a task of its own.
    pub async fn deliver(&self, frame: ToAgent) {
        match frame {
            ToAgent::Run(run) => self.admit(run).await,
            ToAgent::Cancel { run } => self.cancel(run),
            ToAgent::ReportStored { run } => self.stored(&run).await,
            ToAgent::Release { run } => self.release(run),
            ToAgent::Welcome { .. } | ToAgent::Enrolled { .. } | ToAgent::Refused { .. } => {}
        }
    }

    /// To be called after each `Welcome` (or `Enrolled`): sets the hub's time and repeats what was not acknowledged.
    pub fn connected(&self, node: &NodeId, hub_now_ms: i64) {
        let ahead = hub_now_ms - self.0.parts.clock.now().millis();
        self.0.hub_ahead_ms.store(ahead, Ordering::Relaxed);
        self.0.parts.executor.node_is(node);
        let ended = self
            .0
            .parts
            .journal
            .entries()
            .into_iter()
            .filter(|entry| entry.state == State::Ended);
        let unsent: Vec<Entry> = {
            let mut runs = self.runs();
            ended
                .filter(|e| !runs.live.contains_key(&e.id()) && runs.reporting.insert(e.id()))
                .collect()
        };
        let agent = self.clone();
        self.spawn(async move {
            for entry in unsent {
                let report = agent.remembered(&entry).await;
                agent.send_report(report).await;
            }
        });
    }

    pub fn executor(&self) -> &E {
        &self.0.parts.executor
    }

    /// Whether anything is known of the run.
    pub fn knows(&self, run: &CommandId) -> bool {
        self.runs().live.contains_key(run) || self.0.parts.journal.entry(run).is_some()
    }

    /// Runs that are on this node's disk and not ended, for `Hello`.
    pub fn running(&self) -> Vec<CommandId> {
        let runs = self.runs();
        runs.live
            .iter()
            .filter(|(_, live)| live.is_durable)
            .map(|(run, _)| run.clone())
            .collect()
    }

    pub async fn output(&self, query: OutputQuery) -> Option<OutputBody> {
        self.0.parts.executor.output(query).await
    }

    /// One attachment to a shell, until it ends.
    pub async fn session(&self, from_hub: mpsc::Receiver<SessionFrame>, to_hub: mpsc::Sender<SessionFrame>) {
        self.0.parts.sessions.attach(from_hub, to_hub).await;
    }

    /// Queues a frame of the agent's own (facts); waits while the link is slow.
    pub async fn send(&self, frame: ToHub) {
        // The receiver is gone only when the agent stops.
        let _ = self.0.outgoing.send(frame).await;
    }

    /// Stops everything that is the agent's own; step hosts go on, shells end.
    pub async fn stop(&self) {
        self.0.stopping.cancel();
        self.0.parts.sessions.stop().await;
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    fn runs(&self) -> MutexGuard<'_, Runs> {
        // Plain maps, changed in one go: a panic elsewhere does not spoil them.
        self.0.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stopping = self.0.stopping.clone();
        self.0.tasks.spawn(async move {
            stopping.run_until_cancelled(task).await;
        });
    }

    fn enlist(&self, run: &CommandId, is_durable: bool) -> CancellationToken {
        let cancel = CancellationToken::new();
        let live = Live {
            cancel: cancel.clone(),
            is_durable,
        };
        self.runs().live.insert(run.clone(), live);
        cancel
    }

    fn hub_now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.parts.clock.now().millis() + self.0.hub_ahead_ms.load(Ordering::Relaxed))
    }

    /// The first question to a run: is it known? If not, may it start?
    async fn admit(&self, run: Box<Run>) {
        let live = self.runs().live.get(&run.id).map(|live| live.is_durable);
        match live {
            Some(true) => return self.send(ToHub::Accepted { run: run.id }).await,
            // Its own task says so when it is.
            Some(false) => return,
            None => {}
        }
        let known = self.0.parts.journal.entry(&run.id).filter(|entry| entry.state != State::Accepted);
        if let Some(entry) = known {
            return self.repeat(entry);
        }
        if let Err(stop) = self.judge(&run) {
            return self.give_up(&run.id, stop).await;
        }
        let cancel = self.enlist(&run.id, false);
        let agent = self.clone();
        self.spawn(async move { agent.lead(run, cancel).await });
    }

    fn judge(&self, run: &Run) -> Result<(), Stop> {
        self.in_time(run.start_before_ms)?;
        self.0
            .parts
            .executor
            .check(run)
            .map_err(|why| Stop::Rejected(Rejection::Unsupported, why))
    }

    fn in_time(&self, start_before_ms: i64) -> Result<(), Stop> {
        let limit = Timestamp::from_millis(start_before_ms);
        if self.hub_now() <= limit {
            return Ok(());
        }
        Err(Stop::Rejected(Rejection::Expired, format!("its delivery time was over at {limit}")))
    }

    /// A run that has ended already was sent again: the hub has missed the answer.
    fn repeat(&self, entry: Entry) {
        if entry.outcome.is_none() {
            let agent = self.clone();
            let stop = Stop::Rejected(Rejection::Expired, "its delivery time was over while it waited".into());
            return self.spawn(async move { agent.give_up(&entry.id(), stop).await });
        }
        if !self.runs().reporting.insert(entry.id()) {
            return;
        }
        let agent = self.clone();
        self.spawn(async move {
            agent.send(ToHub::Accepted { run: entry.id() }).await;
            let report = agent.remembered(&entry).await;
            agent.send_report(report).await;
        });
    }

    /// A new run from here to its report.
    async fn lead(self, run: Box<Run>, cancel: CancellationToken) {
        let id = run.id.clone();
        let entry = Entry::new(&id, run.start_before_ms);
        match self.start(run, entry, &cancel).await {
            Ok((order, place)) => self.execute(order, entry, cancel, place).await,
            Err(stop) => self.end_unstarted(entry, stop).await,
        }
    }

    /// Until the moment before the execution: files kept, a place found, `Started` durable.
    async fn start(&self, run: Box<Run>, entry: Entry, cancel: &CancellationToken) -> Result<(Order, OwnedSemaphorePermit), Stop> {
        let free = self.0.places.clone().try_acquire_owned().ok();
        // What is started at once is needed again only if the agent dies; what waits must come through a power cut too.
        let durability = if free.is_some() { Durability::Cached } else { Durability::Synced };
        self.0
            .parts
            .executor
            .keep(&run, durability)
            .await
            .map_err(|error| no_room(&error))?;
        if let Some(place) = free {
            self.journal(self.started(entry)).await?;
            self.now_durable(&run.id);
            self.tell_accepted(&run.id);
            return Ok((Order::Fresh(run), place));
        }
        self.journal(entry).await?;
        self.now_durable(&run.id);
        self.tell_accepted(&run.id);
        // What waits is on the disk, not in memory.
        let run = run.id;
        let place = self.place(entry, cancel).await?;
        Ok((Order::Kept { run, same_boot: true }, place))
    }

    /// Waits for a free place and makes `Started` durable.
    async fn place(&self, entry: Entry, cancel: &CancellationToken) -> Result<OwnedSemaphorePermit, Stop> {
        let acquire = self.0.places.clone().acquire_owned();
        let place = match cancel.run_until_cancelled(acquire).await {
            Some(Ok(place)) => place,
            Some(Err(_)) | None => return Err(Stop::Cancelled),
        };
        self.in_time(entry.start_before_ms)?;
        self.journal(self.started(entry)).await?;
        Ok(place)
    }

    fn started(&self, entry: Entry) -> Entry {
        Entry {
            state: State::Started,
            boot: self.0.parts.boot,
            started_at_ms: self.0.parts.clock.now().millis(),
            ..entry
        }
    }

    /// What a restarted agent does with a run that is not ended.
    async fn resume(self, entry: Entry, cancel: CancellationToken) {
        if entry.state == State::Accepted {
            return match self.place(entry, &cancel).await {
                Ok(place) => {
                    let run = entry.id();
                    self.execute(Order::Kept { run, same_boot: true }, entry, cancel, place).await;
                }
                Err(stop) => self.end_unstarted(entry, stop).await,
            };
        }
        // It has its place already, in a manner of speaking: it may be running.
        let Ok(place) = self.0.places.clone().acquire_owned().await else {
            return;
        };
        let order = Order::Kept {
            run: entry.id(),
            same_boot: entry.boot == self.0.parts.boot,
        };
        self.execute(order, entry, cancel, place).await;
    }

    async fn execute(&self, order: Order, entry: Entry, cancel: CancellationToken, place: OwnedSemaphorePermit) {
        let report = self.0.parts.executor.execute(order, cancel).await;
        drop(place);
        self.conclude(entry, report).await;
    }

    /// The run will never be started.
    async fn end_unstarted(&self, entry: Entry, stop: Stop) {
        let run = entry.id();
        match stop {
            Stop::Cancelled => {
                self.conclude(entry, unstarted(&run, "cancelled before it started", self.0.parts.clock.now()))
                    .await
            }
            Stop::Rejected(..) => {
                self.runs().live.remove(&run);
                if self.0.parts.journal.entry(&run).is_some() {
                    let forgotten = Entry {
                        state: State::Stored,
                        ..entry
                    };
                    self.note(forgotten).await;
                }
                self.0.parts.executor.release(&run).await;
                self.give_up(&run, stop).await;
            }
        }
    }

    async fn give_up(&self, run: &CommandId, stop: Stop) {
        if let Stop::Rejected(reason, message) = stop {
            let run = run.clone();
            self.send(ToHub::Rejected { run, reason, message }).await;
        }
    }

    /// Makes the end durable and tells the hub.
    async fn conclude(&self, entry: Entry, report: Report) {
        let ended = ended(entry, &report);
        if let Err(error) = self.record(ended, Durable::Now).await {
            // The hub's copy of the report is as good; only a repetition of the order would find no trace of it.
            tracing::error!(run = %report.run, error = &error as &dyn std::error::Error, "a run's end could not be written to the journal");
        }
        {
            let mut runs = self.runs();
            runs.reporting.insert(report.run.clone());
            runs.live.remove(&report.run);
        }
        self.send_report(report).await;
    }

    /// The caller has put the run into `reporting`.
    async fn send_report(&self, mut report: Report) {
        let run = report.run.clone();
        let ahead = self.0.hub_ahead_ms.load(Ordering::Relaxed);
        if ahead.abs() > TOLERATED_SKEW_MS {
            for step in &mut report.steps {
                step.started_at_ms += ahead;
                step.ended_at_ms += ahead;
            }
        }
        self.send(ToHub::Report(Box::new(report))).await;
        self.runs().reporting.remove(&run);
    }

    fn tell_accepted(&self, run: &CommandId) {
        let frame = ToHub::Accepted { run: run.clone() };
        // A slow link must not hold up what is about to start.
        if let Err(mpsc::error::TrySendError::Full(frame)) = self.0.outgoing.try_send(frame) {
            let agent = self.clone();
            self.spawn(async move { agent.send(frame).await });
        }
    }

    fn now_durable(&self, run: &CommandId) {
        if let Some(live) = self.runs().live.get_mut(run) {
            live.is_durable = true;
        }
    }

    fn cancel(&self, run: CommandId) {
        if let Some(live) = self.runs().live.get(&run) {
            return live.cancel.cancel();
        }
        if let Some(entry) = self.0.parts.journal.entry(&run).filter(|entry| entry.state != State::Accepted) {
            return self.repeat(entry);
        }
        // The order never came. Its cancel ends it here, so that a late copy of the order does not start it after all.
        let agent = self.clone();
        self.enlist(&run, false);
        self.spawn(async move {
            let entry = Entry::new(&run, agent.hub_now().millis() + UNKNOWN_CANCEL_MS);
            let report = unstarted(&run, "cancelled before it arrived", agent.0.parts.clock.now());
            agent.conclude(entry, report).await;
        });
    }

    async fn stored(&self, run: &CommandId) {
        if let Some(entry) = self.0.parts.journal.entry(run).filter(|entry| entry.state == State::Ended) {
            let stored = Entry {
                state: State::Stored,
                ..entry
            };
            self.note(stored).await;
        }
    }

    fn release(&self, run: CommandId) {
        if self.runs().live.contains_key(&run) {
            return;
        }
        let agent = self.clone();
        self.spawn(async move { agent.0.parts.executor.release(&run).await });
    }

    /// A transition whose loss only costs a repetition.
    async fn note(&self, entry: Entry) {
        if let Err(error) = self.record(entry, Durable::Later).await {
            tracing::warn!(run = %entry.id(), error = &error as &dyn std::error::Error, "a run's state could not be noted in the journal");
        }
    }

    async fn journal(&self, entry: Entry) -> Result<(), Stop> {
        self.record(entry, Durable::Now).await.map_err(|error| no_room(&error))
    }

    async fn record(&self, entry: Entry, durable: Durable) -> Result<(), JournalError> {
        if let Some(forgotten) = self.0.parts.journal.record(entry, self.hub_now(), durable).await? {
            self.0.parts.executor.release(&forgotten).await;
        }
        Ok(())
    }

    /// The report as it was kept, or what the journal alone can tell.
    async fn remembered(&self, entry: &Entry) -> Report {
        match self.0.parts.executor.report(&entry.id()).await {
            Some(report) => report,
            None => told_by_journal(entry),
        }
    }
}

fn no_room(error: &dyn std::error::Error) -> Stop {
    let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    Stop::Rejected(Rejection::NoRoom, format!("the node cannot keep the run: {error}{cause}"))
}

fn ended(entry: Entry, report: &Report) -> Entry {
    Entry {
        state: State::Ended,
        outcome: Some(worst(report.steps.iter().map(|step| step.outcome))),
        exit_code: report.steps.iter().rev().find_map(|step| step.exit_code),
        started_at_ms: report.steps.first().map_or(0, |step| step.started_at_ms),
        ended_at_ms: report.steps.last().map_or(0, |step| step.ended_at_ms),
        ..entry
    }
}

/// The outcome of the whole: as good as its worst step.
fn worst(outcomes: impl Iterator<Item = Outcome>) -> Outcome {
    let badness = |outcome: &Outcome| match outcome {
        Outcome::Skipped => 0,
        Outcome::Success => 1,
        Outcome::Failed => 2,
        Outcome::TimedOut => 3,
        Outcome::Cancelled => 4,
        Outcome::Interrupted => 5,
    };
    outcomes.max_by_key(badness).unwrap_or(Outcome::Success)
}

fn unstarted(run: &CommandId, message: &str, now: Timestamp) -> Report {
    let entry = Entry {
        outcome: Some(Outcome::Cancelled),
        started_at_ms: now.millis(),
        ended_at_ms: now.millis(),
        ..Entry::new(run, 0)
    };
    let mut report = told_by_journal(&entry);
    report.steps[0].message = message.into();
    report
}

fn told_by_journal(entry: &Entry) -> Report {
    let step = StepReport {
        name: String::new(),
        action: String::new(),
        outcome: entry.outcome.unwrap_or(Outcome::Interrupted),
        exit_code: entry.exit_code,
        message: "the node has lost the output and details of this run".into(),
        started_at_ms: entry.started_at_ms,
        ended_at_ms: entry.ended_at_ms,
        stdout: Output::default(),
        stderr: Output::default(),
    };
    Report {
        run: entry.id(),
        steps: vec![step],
    }
}
