//! Executes runs on this node: document → steps → plugin → step host → report.
//!
//! Everything about a run lies in `runs/<run id>/`: `run` (the order), a directory per step (see [`crate::agent::step_host::record`]) and
//! `report`. What blocks goes through `spawn_blocking`; nothing here waits for a command except on its step host's pidfd.

mod output;
mod step;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use std::os::fd::OwnedFd;
use tokio::io::Interest;
use tokio_util::sync::CancellationToken;

use crate::agent::core::{Executor, Order, OutputBody};
use crate::agent::plugins::{self, Context, Limits};
use crate::agent::step_host;
use crate::agent::step_host::record::{self, ExitRecord};
use crate::agent::zygote::Spawner;
use crate::base::Clock;
use crate::base::id::{CommandId, NodeId};
use crate::model::document::{self, Resolved, Step};
use crate::platform::descriptors::watched;
use crate::platform::files::{Directory, Durability};
use crate::platform::users::User;
use crate::wire::run::{INLINE_OUTPUT_BYTES, Outcome, Output, OutputQuery, Report, Run, StepReport};
use step::Trace;

const RUN: &str = "run";
const REPORT: &str = "report";
/// A run came in one frame; a report goes in one.
const MAX_KEPT_BYTES: u64 = 4 * 1024 * 1024;

/// For the messages of all steps together: the report must fit into one frame.
const MESSAGE_CHARS: usize = 8 * 1024;

/// The executor of a real node.
pub struct NodeExecutor {
    runs: Arc<Directory>,
    /// The same directory by name, absolute, for the zygote.
    path: PathBuf,
    spawner: Spawner,
    limits: Limits,
    user: User,
    node: OnceLock<NodeId>,
}

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
    /// `path` is the absolute path of the directory for runs; it is created.
    pub fn open(path: PathBuf, spawner: Spawner, limits: Limits) -> io::Result<Self> {
        Ok(Self {
            runs: Arc::new(Directory::create_private(&path)?),
            path,
            spawner,
            limits,
            user: User::current(),
            node: OnceLock::new(),
        })
    }

    /// Returns when nothing can be started any more, because the zygote has died.
    pub async fn lost(&self) {
        self.spawner.lost().await;
    }

    /// Removes what lies there of runs that nobody knows any more.
    pub async fn tidy(&self, is_known: impl Fn(&CommandId) -> bool + Send + 'static) {
        let tidied = blocking(self.runs.clone(), move |runs| {
            for name in runs.names()? {
                if name.parse().is_ok_and(|run| !is_known(&run)) {
                    runs.remove(&name)?;
                }
            }
            Ok(())
        });
        if let Err(error) = tidied.await {
            tracing::warn!(%error, "files of forgotten runs could not be removed");
        }
    }

    async fn execute_steps(&self, run: &Run, resolved: &Resolved, begun: Begun, cancel: &CancellationToken) -> Vec<StepReport> {
        let mut reports: Vec<StepReport> = Vec::new();
        let mut inline_left = INLINE_OUTPUT_BYTES;
        let message_chars = MESSAGE_CHARS / resolved.steps.len().max(1);
        for (index, step) in resolved.steps.iter().enumerate() {
            let is_over = reports
                .iter()
                .any(|r| matches!(r.outcome, Outcome::Cancelled | Outcome::Interrupted));
            if is_over {
                reports.push(unstarted(step, Outcome::Skipped, "an earlier step did not come to its end"));
                continue;
            }
            let record = self.execute_step(run, resolved, index, begun, cancel).await;
            let mut report = self.report_step(&run.id, index, step, record, &mut inline_left).await;
            if let Some((at, _)) = report.message.char_indices().nth(message_chars) {
                report.message.truncate(at);
            }
            reports.push(report);
        }
        reports
    }

    /// The step's end, whoever saw it.
    async fn execute_step(&self, run: &Run, resolved: &Resolved, index: usize, begun: Begun, cancel: &CancellationToken) -> ExitRecord {
        let trace = match begun {
            Begun::No => Trace::None,
            Begun::Traced | Begun::Unknown => self.trace(&run.id, index).await,
        };
        let host = match trace {
            Trace::Ended(record) => return record,
            Trace::Running(host) => host,
            Trace::Vanished => return self.interrupted(&run.id, index, VANISHED).await,
            Trace::None if begun == Begun::Unknown => return self.interrupted(&run.id, index, RESTARTED).await,
            Trace::None if cancel.is_cancelled() => return unseen(Outcome::Cancelled, "cancelled before it started"),
            Trace::None => match self.begin(run, resolved, index).await {
                Ok(host) => host,
                Err(message) => return unseen(Outcome::Failed, &message),
            },
        };
        if let Some(host) = host
            && let Err(error) = until_ended(host, cancel).await
        {
            tracing::warn!(run = %run.id, %error, "a step host cannot be watched");
        }
        match self.trace(&run.id, index).await {
            Trace::Ended(record) => record,
            _ => self.interrupted(&run.id, index, VANISHED).await,
        }
    }

    /// Asks for a step host. `None`: it has ended already.
    async fn begin(&self, run: &Run, resolved: &Resolved, index: usize) -> Result<Option<OwnedFd>, String> {
        let step = &resolved.steps[index];
        let context = Context {
            run: &run.id,
            node: self.node.get(),
            user: &self.user,
            environment: &resolved.environment,
            limits: &self.limits,
        };
        let plugin = plugins::find(&step.action).ok_or_else(|| unknown_action(&step.action))?;
        let order = plugin.order(step, &context)?;
        let (id, name) = (run.id.clone(), index.to_string());
        let prepared = blocking(self.runs.clone(), move |runs| {
            let directory = runs.directory(id.as_str())?.create_directory(&name)?;
            directory.replace(record::ORDER, &record::seal(&order)?, 0o600, Durability::Cached)
        });
        prepared
            .await
            .map_err(|error| format!("the step could not be prepared on the node's disk: {error}"))?;
        let path = self.path.join(run.id.as_str()).join(index.to_string());
        self.spawner
            .spawn(&path)
            .await
            .map_err(|error| format!("the step host could not be started: {error}"))
    }

    async fn load<T: serde::de::DeserializeOwned + Send + 'static>(&self, run: &CommandId, name: &'static str) -> Option<T> {
        let run = run.clone();
        let loaded = blocking(self.runs.clone(), move |runs| {
            record::unseal(&runs.directory(run.as_str())?.read(name, MAX_KEPT_BYTES)?)
        });
        loaded.await.ok()
    }

    async fn save<T: serde::Serialize>(&self, run: &CommandId, name: &'static str, value: &T, durability: Durability) -> io::Result<()> {
        let (run, bytes) = (run.clone(), record::seal(value)?);
        blocking(self.runs.clone(), move |runs| {
            let directory = runs.create_directory(run.as_str())?;
            directory.replace(name, &bytes, 0o600, durability)?;
            if durability == Durability::Synced {
                runs.sync()?;
            }
            Ok(())
        })
        .await
    }
}

const VANISHED: &str = "its step host was killed; the command may have run in part or whole";
const RESTARTED: &str = "the node was restarted while it ran; the command may have run in part or whole";

impl Executor for NodeExecutor {
    fn check(&self, run: &Run) -> Result<(), String> {
        let resolved = document::check(&run.document, &run.parameters).map_err(|error| error.to_string())?;
        match resolved.steps.iter().find(|step| plugins::find(&step.action).is_none()) {
            None => Ok(()),
            Some(step) => Err(unknown_action(&step.action)),
        }
    }

    async fn keep(&self, run: &Run, durability: Durability) -> io::Result<()> {
        self.save(&run.id, RUN, run, durability).await
    }

    async fn execute(&self, order: Order, cancel: CancellationToken) -> Report {
        let (run, begun) = match order {
            Order::Fresh(run) => (*run, Begun::No),
            Order::Kept { run, same_boot } => match self.load::<Run>(&run, RUN).await {
                Some(kept) => (kept, if same_boot { Begun::Traced } else { Begun::Unknown }),
                None => return lost(run),
            },
        };
        let steps = match document::check(&run.document, &run.parameters) {
            Ok(resolved) => self.execute_steps(&run, &resolved, begun, &cancel).await,
            // It was checked before it was accepted; another version of the agent may judge differently.
            Err(error) => vec![StepReport {
                message: error.to_string(),
                ..lost(run.id.clone()).steps.remove(0)
            }],
        };
        let report = Report { run: run.id, steps };
        if let Err(error) = self.save(&report.run, REPORT, &report, Durability::Cached).await {
            // It is about to be sent; only a repetition would lack its details.
            tracing::warn!(run = %report.run, %error, "a report could not be kept");
        }
        report
    }

    async fn report(&self, run: &CommandId) -> Option<Report> {
        self.load(run, REPORT).await
    }

    async fn output(&self, query: OutputQuery) -> Option<OutputBody> {
        output::open(self.runs.clone(), query).await
    }

    async fn release(&self, run: &CommandId) {
        let name = run.clone();
        if let Err(error) = blocking(self.runs.clone(), move |runs| runs.remove(name.as_str())).await {
            tracing::warn!(%run, %error, "a run's files could not be removed");
        }
    }

    fn node_is(&self, node: &NodeId) {
        // It never becomes another one: that would be another data directory.
        let _ = self.node.set(node.clone());
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

/// An end that left no record.
fn unseen(outcome: Outcome, message: &str) -> ExitRecord {
    let now = Clock::system().now().millis();
    ExitRecord {
        outcome,
        exit_code: None,
        message: message.to_owned(),
        started_at_ms: now,
        ended_at_ms: now,
        stdout: Default::default(),
        stderr: Default::default(),
        cap_bytes: 0,
    }
}

fn unstarted(step: &Step, outcome: Outcome, message: &str) -> StepReport {
    step::told(step, unseen(outcome, message), Output::default(), Output::default())
}

/// A run whose order is not on the disk any more.
fn lost(run: CommandId) -> Report {
    let step = Step {
        name: String::new(),
        action: String::new(),
        inputs: Default::default(),
        timeout: document::DEFAULT_TIMEOUT,
    };
    let message = "the node has lost the order before its end; the command may have run in part or whole";
    Report {
        run,
        steps: vec![unstarted(&step, Outcome::Interrupted, message)],
    }
}
