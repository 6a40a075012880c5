//! The agent's state machine: orders in, reports out, nothing twice.
//!
//! It knows neither the link nor how a run is executed nor where the journal lies, so that the fleet simulator runs the very
//! same code with all three in memory. A run's way through it:
//!
//! ```text
//! Run ─► known? ── yes ─► answered again: Accepted, and the Report when there is one
//!          │ no
//!          ├─ no good warrant, too late, not possible here, no room ─► Rejected (and forgotten)
//!          ├─ no free place ─► journal: Accepted ─► waits ─┐
//!          └─ free place ──────────────────────────────────┴► journal: Started ─► executed ─► journal: Ended ─► Report
//! `Accepted` is said of what waits, and of what has run for a moment: a run that ends at once is reported only.
//! ReportStored ─► journal: Stored        Release ─► its files go        Cancel ─► ended early, or never started
//! ```
//!
//! Invariant: `Started` is durable before the executor is asked, and a run that the journal knows as started is only ever
//! resumed, never begun again ([`Executor::execute`] with [`Order::Kept`] looks for traces first).

mod executor;
mod hub_time;
mod lead;
mod report;

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::agent::journal::{BootId, Entry, Journal, JournalError, JournalStore, State, Sync as Durable};
use crate::agent::session::{NotOpened, Sessions};
use crate::base::id::{CommandId, NodeId, SessionId};
use crate::base::{Clock, Timestamp};
use crate::wire::control::{Rejection, ToAgent, ToHub};
use crate::wire::run::{OutputQuery, Report, Run};
use crate::wire::session::{EndReason, Ended, Frame as SessionFrame, Open};
use crate::wire::warrant::{Class, Terms, Unwarranted, Warranted};

pub use executor::{Executor, Order, OutputBody, Refused};
use hub_time::HubTime;
use report::{ended, told_by_journal, unstarted};

/// Runs that are executed at once; more wait.
pub const MAX_ACTIVE: usize = 64;
/// Frames on their way to the link: each active run has at most two, so that none waits while the link is quick.
pub const OUTGOING_FRAMES: usize = 2 * MAX_ACTIVE;
/// How long a cancel for a run that never came is remembered.
const UNKNOWN_CANCEL_MS: i64 = 30 * 24 * 3600 * 1000;
/// A clock that is less wrong than this is not corrected in reports.
const TOLERATED_SKEW_MS: i64 = 2000;

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
    /// Whose orders count; `None` until a hub has let this agent in.
    terms: Mutex<Option<Arc<Terms>>>,
    hub_time: HubTime,
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
            terms: Mutex::default(),
            hub_time: HubTime::default(),
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
            ToAgent::Run(order) => self.admit(&order).await,
            ToAgent::Time { now_ms } => self.0.hub_time.set(Timestamp::from_millis(now_ms), &self.0.parts.clock),
            ToAgent::Cancel { run } => self.cancel(run),
            ToAgent::ReportStored { run } => self.stored(&run).await,
            ToAgent::Release { run } => self.release(run),
            // The line's own business, and the witness's.
            ToAgent::Welcome(_) | ToAgent::Enrolled(_) | ToAgent::Refused { .. } | ToAgent::Succession { .. } | ToAgent::AuditHead(_) => {}
        }
    }

    /// To be called after each `Welcome` (or `Enrolled`): sets the hub's time and repeats what was not acknowledged.
    pub fn connected(&self, node: &NodeId, hub_now_ms: i64) {
        self.0.hub_time.set(Timestamp::from_millis(hub_now_ms), &self.0.parts.clock);
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

    /// To be called before the first order of a connection is delivered, and when the hub's keys have changed.
    pub fn obey(&self, node: &NodeId, terms: Terms) {
        self.0.parts.executor.node_is(node);
        *self.0.terms.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(terms));
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

    /// Shells that are here, for `Hello`.
    pub fn shells(&self) -> Vec<SessionId> {
        self.0.parts.sessions.ids()
    }

    pub async fn output(&self, query: OutputQuery) -> Option<OutputBody> {
        self.0.parts.executor.output(query).await
    }

    /// How far a run has come; `None` when nothing is known of it.
    pub async fn progress(&self, run: &CommandId) -> Option<Report> {
        self.0.parts.executor.progress(run).await
    }

    /// One attachment to a shell, until it ends.
    pub async fn session(&self, mut from_hub: mpsc::Receiver<SessionFrame>, to_hub: mpsc::Sender<SessionFrame>) {
        let sessions = &self.0.parts.sessions;
        let admitted = match Sessions::opening(&mut from_hub).await {
            Some(order) => self.open_session(&order).await,
            None => Err(NotOpened::out_of_turn()),
        };
        match admitted {
            Ok(open) => sessions.attach(open, from_hub, to_hub).await,
            Err(refused) => sessions.refuse(refused, to_hub).await,
        }
    }

    /// What the hub asks of a shell's door, when its warrant is good.
    async fn open_session(&self, order: &Warranted) -> Result<Open, NotOpened> {
        let refused = |why: &dyn std::fmt::Display| NotOpened {
            ended: Ended {
                reason: EndReason::Refused,
                exit_code: None,
                message: why.to_string(),
            },
            must_end: None,
        };
        let class = match order.warrant.class.parse() {
            Ok(Class::Channel) => Class::Channel,
            _ => Class::Session,
        };
        let payload = self.unseal(order, class).map_err(|why| refused(&why))?;
        let mut open: Open = serde_json::from_str(payload).map_err(|_| refused(&Unwarranted::Forged))?;
        if open.session.as_str() != order.warrant.id || open.class() != class {
            return Err(refused(&Unwarranted::Forged));
        }
        // A shell that is here is joined, without a second signature; one that ends in this moment is not started again by that.
        open.start &= !self.0.parts.sessions.has(&open.session);
        match self.0.parts.executor.check_shell(&open, self.hub_now()).await {
            Ok(()) => Ok(open),
            // What was opened before the node was locked goes too.
            Err(why) => Err(NotOpened {
                must_end: Some(open.session),
                ..refused(&why)
            }),
        }
    }

    fn unseal<'o>(&self, order: &'o Warranted, class: Class) -> Result<&'o str, Unwarranted> {
        let terms = self.0.terms.lock().unwrap_or_else(PoisonError::into_inner).clone();
        terms.ok_or(Unwarranted::Forged)?.open(order, class, self.hub_now())
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
        self.0.hub_time.now(&self.0.parts.clock)
    }

    /// The first question to a run: is it known? If not, may it start?
    async fn admit(&self, order: &Warranted) {
        let Ok(id) = order.warrant.id.parse::<CommandId>() else {
            return tracing::warn!("an order without an id was dropped");
        };
        let live = self.runs().live.get(&id).map(|live| live.is_durable);
        match live {
            Some(true) => return self.send(ToHub::Accepted { run: id }).await,
            // Its own task says so when it is.
            Some(false) => return,
            None => {}
        }
        let known = self.0.parts.journal.entry(&id).filter(|entry| entry.state != State::Accepted);
        if let Some(entry) = known {
            return self.repeat(entry);
        }
        let run = match self.judge(&id, order) {
            Ok(run) => run,
            Err(stop) => return self.give_up(&id, stop).await,
        };
        let cancel = self.enlist(&id, false);
        let agent = self.clone();
        self.spawn(async move { agent.lead(run, cancel).await });
    }

    /// What an order says, when its warrant is good and it can be carried out here.
    fn judge(&self, id: &CommandId, order: &Warranted) -> Result<Box<Run>, Stop> {
        let payload = self.unseal(order, Class::Command).map_err(|why| match why {
            Unwarranted::Expired(limit) => too_late(limit),
            why => Stop::Rejected(Rejection::Unwarranted, why.to_string()),
        })?;
        let run = Box::new(Run {
            id: id.clone(),
            start_before_ms: order.warrant.expires_ms,
            work: serde_json::from_str(payload)
                .map_err(|error| Stop::Rejected(Rejection::Unsupported, format!("the order cannot be read: {error}")))?,
        });
        let judged = self.0.parts.executor.check(&run, self.hub_now());
        judged.map_err(|(reason, why)| Stop::Rejected(reason, why))?;
        Ok(run)
    }

    fn in_time(&self, start_before_ms: i64) -> Result<(), Stop> {
        let limit = Timestamp::from_millis(start_before_ms);
        if self.hub_now() <= limit {
            return Ok(());
        }
        Err(too_late(limit))
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

    /// The caller has put the run into `reporting`.
    async fn send_report(&self, mut report: Report) {
        let run = report.run.clone();
        let ahead = self.hub_now().millis() - self.0.parts.clock.now().millis();
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

fn too_late(limit: Timestamp) -> Stop {
    Stop::Rejected(Rejection::Expired, format!("its delivery time was over at {limit}"))
}
