//! A run's way from the order to the end in the journal.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Agent, Executor, Order, Stop, ended, unstarted};
use crate::agent::journal::{Entry, JournalStore, State, Sync as Durable};
use crate::base::id::CommandId;
use crate::platform::files::Durability;
use crate::wire::control::{Rejection, ToHub};
use crate::wire::run::{Report, Run};

/// A run that ends sooner is not said to be accepted: its report says that, too, and costs the hub one row instead of two.
const BRIEF: Duration = Duration::from_millis(100);
/// Before the end of a run's delivery time.
const NEARLY_LATE: Duration = Duration::from_secs(10);

impl<E: Executor, J: JournalStore> Agent<E, J> {
    /// A new run from here to its report.
    pub(super) async fn lead(self, run: Box<Run>, cancel: CancellationToken) {
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
            .keep(&run, durability, self.hub_now())
            .await
            .map_err(|error| no_room(&error))?;
        if let Some(place) = free {
            self.journal(self.started(entry)).await?;
            self.now_durable(&run.id);
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
    pub(super) async fn resume(self, entry: Entry, cancel: CancellationToken) {
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
        let untold_for = match order {
            Order::Fresh(_) if self.is_nearly_late(entry) => Some(Duration::ZERO),
            Order::Fresh(_) => Some(BRIEF),
            Order::Kept { .. } => None,
        };
        let mut executing = pin!(self.0.parts.executor.execute(order, cancel));
        let report = match untold_for {
            None => executing.await,
            Some(brief) => match timeout(brief, &mut executing).await {
                Ok(report) => report,
                Err(_) => {
                    self.tell_accepted(&entry.id());
                    executing.await
                }
            },
        };
        drop(place);
        self.conclude(entry, report).await;
    }

    /// A hub that has not heard of it soon would take it for undelivered.
    fn is_nearly_late(&self, entry: Entry) -> bool {
        entry.start_before_ms - self.hub_now().millis() < NEARLY_LATE.as_millis() as i64
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
                if self.0.parts.journal.entry(&run).is_some() {
                    let forgotten = Entry {
                        state: State::Stored,
                        ..entry
                    };
                    self.note(forgotten).await;
                }
                self.0.parts.executor.release(&run).await;
                // Only now: an order that comes again meanwhile must not be begun in files that are on their way out.
                self.runs().live.remove(&run);
                self.give_up(&run, stop).await;
            }
        }
    }

    pub(super) async fn give_up(&self, run: &CommandId, stop: Stop) {
        if let Stop::Rejected(reason, message) = stop {
            let run = run.clone();
            self.send(ToHub::Rejected { run, reason, message }).await;
        }
    }

    /// Makes the end durable and tells the hub.
    pub(super) async fn conclude(&self, entry: Entry, report: Report) {
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

    async fn journal(&self, entry: Entry) -> Result<(), Stop> {
        self.record(entry, Durable::Now).await.map_err(|error| no_room(&error))
    }
}

fn no_room(error: &dyn std::error::Error) -> Stop {
    let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    Stop::Rejected(Rejection::NoRoom, format!("the node cannot keep the run: {error}{cause}"))
}
