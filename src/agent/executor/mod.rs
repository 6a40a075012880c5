//! Executes runs on this node: document → steps → plugin → step host → report.
//!
//! Everything about a run lies in `runs/<run id>/`: `run` (the order) and a directory per step ([`crate::agent::step_host::record`]). What blocks goes through `spawn_blocking`; nothing here waits for a command except on its step host's pidfd.

mod account;
pub(in crate::agent) mod flow;
mod folders;
mod judged;
mod output;
mod permission;
mod reboot;
mod secrets;
mod so_far;
mod step;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use std::os::fd::OwnedFd;
use tokio::io::Interest;
use tokio_util::sync::CancellationToken;

use crate::agent::approvals::Approvals;
use crate::agent::core::{Executor, Order, OutputBody, Refused};
use crate::agent::lock::NodeLock;
use crate::agent::objects::ObjectsDesk;
use crate::agent::plugins::{self, Context, Limits};
use crate::agent::secrets::SecretsDesk;
use crate::agent::step_host;
use crate::agent::step_host::record::{self, StepOrder};
use crate::agent::zygote::Spawner;
use crate::base::id::{CommandId, NodeId};
use crate::base::{Clock, Timestamp};
use crate::model::document::{Resolved, Step};
use crate::platform::descriptors::watched;
use crate::platform::files::{Directory, Durability};
use crate::platform::users::User;
use crate::wire::control::Rejection;
use crate::wire::run::{Outcome, OutputQuery, Report, Run, StepReport};
use crate::wire::session::Open;
use flow::{Flow, Next};
use judged::Judged;
use permission::now;
use reboot::Resumed;
use secrets::Unbegun;
use step::{Budget, End, Trace};

const RUN: &str = "run";
/// Below a run's directory: what its steps have fetched.
const DOWNLOADS: &str = "downloads";
/// A run came in one frame; a report goes in one.
const MAX_KEPT_BYTES: u64 = 4 * 1024 * 1024;

/// The executor of a real node.
pub struct NodeExecutor {
    runs: Arc<Directory>,
    /// The same directory by name, absolute, for the zygote.
    path: PathBuf,
    spawner: Spawner,
    limits: Limits,
    user: User,
    lock: NodeLock,
    approvals: Arc<Approvals>,
    judged: Judged,
    secrets: SecretsDesk,
    objects: ObjectsDesk,
    /// Another one after this system was a copy and got an identity of its own.
    node: RwLock<Option<NodeId>>,
    /// The kernel's boot id.
    boot: String,
}

/// How often a step host is looked at that cannot be watched.
const UNWATCHED_LOOK: Duration = Duration::from_secs(1);

/// How a step is to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begun {
    /// It certainly was not begun.
    No,
    /// Its traces say, and their absence means that it was not.
    Traced,
    /// Its traces say, but their absence means nothing: the node was restarted since.
    Unknown,
}

impl NodeExecutor {
    /// `data` is the absolute path of the agent's directory; that for runs is created in it.
    pub fn open(data: &Path, spawner: Spawner, limits: Limits, lock: NodeLock) -> io::Result<Self> {
        let path = data.join("runs");
        let runs = Directory::create_private(&path)?;
        folders::clear(&runs)?;
        Ok(Self {
            approvals: Arc::new(Approvals::open(data)?),
            runs: Arc::new(runs),
            path,
            spawner,
            limits,
            user: User::current(),
            judged: Judged::default(),
            secrets: SecretsDesk::default(),
            objects: ObjectsDesk::default(),
            lock,
            node: RwLock::default(),
            boot: step_host::boot_id(),
        })
    }

    /// Where runs ask for the secrets that they name, and steps for the objects that they download.
    pub fn asking(self, secrets: SecretsDesk, objects: ObjectsDesk) -> Self {
        Self { secrets, objects, ..self }
    }

    /// The folder of the runs' folders.
    pub fn runs(&self) -> &Path {
        &self.path
    }

    /// As in another boot, for tests.
    #[cfg(test)]
    pub fn in_boot(self, boot: &str) -> Self {
        Self {
            boot: boot.to_owned(),
            ..self
        }
    }

    fn node(&self) -> Option<NodeId> {
        self.node.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns when nothing can be started any more, because the zygote has died.
    pub async fn lost(&self) {
        self.spawner.lost().await;
    }

    /// Removes what lies there of runs that nobody knows any more.
    pub async fn tidy(&self, is_known: impl Fn(&CommandId) -> bool + Send + 'static) {
        let tidied = blocking(self.runs.clone(), move |runs| {
            for name in runs.names()? {
                if let Ok(run) = name.parse::<CommandId>()
                    && !is_known(&run)
                {
                    folders::remove(runs, &run)?;
                }
            }
            Ok(())
        });
        if let Err(error) = tidied.await {
            tracing::warn!(%error, "files of forgotten runs could not be removed");
        }
    }

    async fn execute_steps(&self, run: &Run, resolved: &Resolved, begun: Begun, cancel: &CancellationToken) -> Vec<StepReport> {
        let begun = self.trusted(run, begun).await;
        let mut reports: Vec<StepReport> = Vec::new();
        let mut budget = Budget::new(resolved.steps.len());
        let mut flow = Flow::default();
        for (index, step) in resolved.steps.iter().enumerate() {
            let mut report = match without_a_run(&flow, step) {
                Some(report) => report,
                None => {
                    let end = self.execute_step(run, resolved, index, begun, cancel).await;
                    end.report(step, &mut budget)
                }
            };
            report.outcome = flow.ended(step, report.outcome, report.exit_code);
            reports.push(report);
        }
        reports
    }

    /// A restart that a step asked for leaves traces that can be trusted.
    async fn trusted(&self, run: &Run, begun: Begun) -> Begun {
        match begun {
            Begun::Unknown if self.resumed(&run.id).await == Resumed::Here => Begun::Traced,
            begun => begun,
        }
    }

    /// The step's end, after as many attempts and restarts of the node as it needs.
    async fn execute_step(&self, run: &Run, resolved: &Resolved, index: usize, begun: Begun, cancel: &CancellationToken) -> End {
        let step = &resolved.steps[index];
        let mut begun = begun;
        let mut attempt = match begun {
            Begun::No => 1,
            Begun::Traced | Begun::Unknown => self.attempts(&run.id, index).await + 1,
        };
        loop {
            let end = self.execute_attempt(run, resolved, index, begun, cancel).await;
            if reboot::is_asked(&step.action, end.record()) {
                let noted = match begun {
                    Begun::No => Resumed::No,
                    Begun::Traced | Begun::Unknown => self.resumed(&run.id).await,
                };
                let (outcome, message) = self.reboot(&run.id, index, noted, cancel).await;
                return end.instead(outcome, &message);
            }
            if !may_be_repeated(end.record()) || attempt >= step.max_attempts || cancel.is_cancelled() {
                return match attempt {
                    1 => end,
                    _ => end.noted(&format!("attempt {attempt} of {}", step.max_attempts)),
                };
            }
            let (name, aside) = (run.id.clone(), format!("a{attempt}"));
            let moved = blocking(self.runs.clone(), move |runs| {
                reboot::set_aside(&runs.directory(name.as_str())?, index, &aside)
            });
            if let Err(error) = moved.await {
                return end.noted(&format!("it cannot be tried again: {error}"));
            }
            attempt += 1;
            // What is not there now was certainly not begun, whatever happened before.
            begun = Begun::Traced;
        }
    }

    /// How many attempts of the step are over and set aside.
    async fn attempts(&self, run: &CommandId, index: usize) -> u32 {
        let (name, prefix) = (run.clone(), format!("{index}.a"));
        let counted = blocking(self.runs.clone(), move |runs| {
            let names = runs.directory(name.as_str())?.names()?;
            Ok(names.iter().filter(|name| name.starts_with(&prefix)).count() as u32)
        });
        counted.await.unwrap_or(0)
    }

    /// One attempt's end, whoever saw it.
    async fn execute_attempt(&self, run: &Run, resolved: &Resolved, index: usize, begun: Begun, cancel: &CancellationToken) -> End {
        let trace = match begun {
            Begun::No => Trace::None,
            Begun::Traced | Begun::Unknown => self.trace(&run.id, index).await,
        };
        let host = match trace {
            Trace::Ended | Trace::Vanished => None,
            Trace::Running(host) => Some(host),
            Trace::None if begun == Begun::Unknown => return self.end(&run.id, index, RESTARTED).await,
            Trace::None if cancel.is_cancelled() => return self.unseen(run, index, Outcome::Cancelled, CANCELLED).await,
            Trace::None => match self.begin(run, resolved, index, begun, cancel).await {
                Ok(host) => host,
                Err(Unbegun { outcome, message }) => return self.unseen(run, index, outcome, &message).await,
            },
        };
        if let Some(host) = host
            && let Err(error) = until_ended(host, cancel).await
        {
            tracing::warn!(run = %run.id, %error, "a step host cannot be watched; it is looked at");
            // Its folder must not become another run's while it writes there.
            while let Trace::Running(_) = self.trace(&run.id, index).await {
                tokio::time::sleep(UNWATCHED_LOOK).await;
            }
        }
        self.end(&run.id, index, VANISHED).await
    }

    /// Asks for a step host. `None`: it has ended already.
    async fn begin(
        &self,
        run: &Run,
        resolved: &Resolved,
        index: usize,
        begun: Begun,
        cancel: &CancellationToken,
    ) -> Result<Option<OwnedFd>, Unbegun> {
        // The lock may have been set while the run waited, or between two steps.
        self.allows(run)?;
        if index == 0 {
            self.approval_of(run, now(Clock::system().now()))?;
        }
        let order = self.order(run, resolved, index)?;
        let given = self.given_for(run, index, resolved.steps[index].timeout, &order, cancel).await?;
        // A fresh run's first order was written when the run was kept.
        if begun != Begun::No || index > 0 {
            let id = run.id.clone();
            let prepared = blocking(self.runs.clone(), move |runs| {
                prepare(&runs.directory(id.as_str())?, &id, index, &order)
            });
            prepared
                .await
                .map_err(|error| format!("the step could not be prepared on the node's disk: {error}"))?;
        }
        let path = self.path.join(run.id.as_str()).join(index.to_string());
        self.spawner
            .spawn(&path, given)
            .await
            .map_err(|error| format!("the step host could not be started: {error}").into())
    }

    fn order(&self, run: &Run, resolved: &Resolved, index: usize) -> Result<StepOrder, String> {
        let step = &resolved.steps[index];
        let downloads = self.path.join(run.id.as_str()).join(DOWNLOADS);
        let (node, settings) = (self.node(), &run.work.settings);
        let account = account::chosen(settings, &self.user, &step.action)?;
        let context = Context {
            settings,
            run: &run.id,
            downloads: &downloads,
            has_downloads: downloads.is_dir(),
            documents: &run.work.documents,
            depth: 0,
            node: node.as_ref(),
            user: account.as_ref().map_or(&self.user, |account| &account.user),
            environment: &resolved.environment,
            limits: &self.limits,
        };
        let plugin = plugins::find(&step.action).ok_or_else(|| unknown_action(&step.action))?;
        let order = plugin.order(step, &context)?;
        Ok(account::as_whom(order, account.as_ref()))
    }

    async fn load(&self, run: &CommandId) -> Option<Run> {
        let run = run.clone();
        let loaded = blocking(self.runs.clone(), move |runs| {
            record::unseal(run.as_str(), &runs.directory(run.as_str())?.read(RUN, MAX_KEPT_BYTES)?)
        });
        loaded.await.ok()
    }
}

/// Whether another attempt may come to a better end.
fn may_be_repeated(end: &record::ExitRecord) -> bool {
    matches!(end.outcome, Outcome::Failed | Outcome::TimedOut) && !end.exit_code.is_some_and(flow::is_last_word)
}

/// The report of a step that does not come to be begun; `None` for one that runs.
fn without_a_run(flow: &Flow, step: &Step) -> Option<StepReport> {
    Some(match flow.next(step) {
        Next::Skip(why) => unbegun(step, Outcome::Skipped, &why),
        Next::Fail(why) => unbegun(step, Outcome::Failed, &why),
        Next::Cancel => unbegun(step, Outcome::Cancelled, CANCELLED),
        Next::Run => return None,
    })
}

/// The report of a step that was never begun.
fn unbegun(step: &Step, outcome: Outcome, why: &str) -> StepReport {
    End::unseen(outcome, why).report(step, &mut Budget::new(1))
}

fn prepare(directory: &Directory, run: &CommandId, index: usize, order: &StepOrder) -> io::Result<()> {
    let directory = directory.create_directory(&index.to_string())?;
    directory.write(record::ORDER, &record::seal(run.as_str(), order)?, 0o600)
}

const CANCELLED: &str = "cancelled before it started";
const VANISHED: &str = "its step host was killed; the command may have run in part or whole";
const RESTARTED: &str = "the node was restarted while it ran; the command may have run in part or whole";

impl Executor for NodeExecutor {
    fn check(&self, run: &Run, hub_now: Timestamp) -> Result<(), Refused> {
        let unsupported = |why| (Rejection::Unsupported, why);
        self.judged.anew(run).map_err(|error| unsupported(error.to_string()))?;
        self.allows(run).map_err(|why| (Rejection::Locked, why))?;
        let judged = self.approval_of(run, now(hub_now));
        judged.map(drop).map_err(|why| (Rejection::Locked, why))
    }

    async fn check_shell(&self, open: &Open, hub_now: Timestamp) -> Result<(), String> {
        self.may_open(open, hub_now).await
    }

    /// Prepares the first step too: one way to the disk instead of two.
    async fn keep(&self, run: &Run, durability: Durability, hub_now: Timestamp) -> io::Result<()> {
        // Judged again: another order with the same signature may have been kept meanwhile.
        if let Some(approvable) = self.approval_of(run, now(hub_now)).map_err(io::Error::other)? {
            self.use_up(approvable, hub_now).await?;
        }
        let (id, kept) = (run.id.clone(), record::seal(run.id.as_str(), run)?);
        let resolved = self.judged.of(run).ok();
        // What is wrong with an order shows when the step is begun; one that is left out needs none.
        let order = resolved
            .filter(|resolved| Flow::default().next(&resolved.steps[0]) == Next::Run)
            .and_then(|resolved| self.order(run, &resolved, 0).ok());
        blocking(self.runs.clone(), move |runs| {
            let directory = folders::make(runs, &id, durability)?;
            match durability {
                Durability::Cached => directory.write(RUN, &kept, 0o600)?,
                Durability::Synced => {
                    directory.replace(RUN, &kept, 0o600, durability)?;
                    runs.sync()?;
                }
            }
            order.map_or(Ok(()), |order| prepare(&directory, &id, 0, &order))
        })
        .await
    }

    async fn execute(&self, order: Order, cancel: CancellationToken) -> Report {
        let (run, begun) = match order {
            Order::Fresh(run) => (*run, Begun::No),
            Order::Kept { run, same_boot } => match self.load(&run).await {
                Some(kept) => (kept, if same_boot { Begun::Traced } else { Begun::Unknown }),
                None => return lost(run, LOST),
            },
        };
        match self.judged.take(&run) {
            Ok(resolved) => {
                let _forgotten_at_the_end = self.secrets.until_dropped(&run.id);
                Report {
                    steps: self.execute_steps(&run, &resolved, begun, &cancel).await,
                    run: run.id,
                }
            }
            // It was checked before it was accepted; another version of the agent may judge differently.
            Err(error) => lost(run.id, &error.to_string()),
        }
    }

    /// Made anew from what the steps left.
    async fn report(&self, run: &CommandId) -> Option<Report> {
        let kept = self.load(run).await?;
        let resolved = self.judged.of(&kept).ok()?;
        let mut budget = Budget::new(resolved.steps.len());
        let mut reports = Vec::new();
        let mut flow = Flow::default();
        for (index, step) in resolved.steps.iter().enumerate() {
            let mut report = match without_a_run(&flow, step) {
                Some(report) => report,
                None => self.recorded(run, index).await?.report(step, &mut budget),
            };
            report.outcome = flow.ended(step, report.outcome, report.exit_code);
            reports.push(report);
        }
        Some(Report {
            run: run.clone(),
            steps: reports,
        })
    }

    async fn progress(&self, run: &CommandId) -> Option<Report> {
        self.so_far(run).await
    }

    async fn output(&self, query: OutputQuery) -> Option<OutputBody> {
        output::open(self.runs.clone(), query).await
    }

    async fn release(&self, run: &CommandId) {
        let name = run.clone();
        if let Err(error) = blocking(self.runs.clone(), move |runs| folders::release(runs, &name)).await {
            tracing::warn!(%run, %error, "a run's files could not be removed");
        }
    }

    fn node_is(&self, node: &NodeId) {
        *self.node.write().unwrap_or_else(PoisonError::into_inner) = Some(node.clone());
    }
}

/// Waits for the host's end; a cancel is passed on to it once.
async fn until_ended(host: OwnedFd, cancel: &CancellationToken) -> io::Result<()> {
    let host = watched(host, Interest::READABLE)?;
    tokio::select! {
        ended = host.readable() => return ended.map(drop),
        () = cancel.cancelled() => {}
    }
    // It fails when the host has ended in this moment.
    let _ = rustix::process::pidfd_send_signal(host.get_ref(), step_host::CANCEL);
    host.readable().await.map(drop)
}

/// Runs a file operation off the runtime's thread.
async fn blocking<T: Send + 'static>(
    directory: Arc<Directory>,
    work: impl FnOnce(&Directory) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(move || work(&directory))
        .await
        .map_err(io::Error::other)?
}

fn unknown_action(action: &str) -> String {
    let shown: String = action.chars().take(80).collect();
    format!(
        "the node's agent does not know the action `{shown}`; it knows: {}",
        plugins::actions()
    )
}

const LOST: &str = "the node has lost the order before its end; the command may have run in part or whole";

/// A run about whose steps nothing can be told.
fn lost(run: CommandId, message: &str) -> Report {
    let step = Step::plain("", "", Default::default());
    let report = End::unseen(Outcome::Interrupted, message).report(&step, &mut Budget::new(1));
    Report { run, steps: vec![report] }
}
