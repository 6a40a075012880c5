//! The agent as a whole, with a real zygote and real processes, but without a link: frames in, frames out.

mod documents;
mod locks;
mod objects;
mod orders;
mod output;
mod processes;
mod restarts;
mod runs;
mod secrets;
mod settings;

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::mpsc;

use crate::agent::core::{Agent, Executor, Parts};
use crate::agent::executor::NodeExecutor;
use crate::agent::journal::{FileStore, Journal};
use crate::agent::lock::NodeLock;
use crate::agent::objects::ObjectsDesk;
use crate::agent::plugins::Limits;
use crate::agent::secrets::SecretsDesk;
use crate::agent::session::Sessions;
use crate::agent::zygote::{self, Spawner};
use crate::base::id::CommandId;
use crate::base::{Clock, Timestamp};
use crate::platform::files::{Directory, LockFile};
use crate::wire::control::{Rejection, ToAgent, ToHub};
use crate::wire::run::{Outcome, OutputQuery, Report, Run, StepReport, StreamName, Work};
use crate::wire::warrant::{Class, Draft, Payload, Signer, Terms, Warranted};

const LONG: Duration = Duration::from_secs(60);

struct Node {
    agent: Agent<NodeExecutor, FileStore>,
    frames: mpsc::Receiver<ToHub>,
    desk: SecretsDesk,
    objects: ObjectsDesk,
    _lock: LockFile,
}

impl Node {
    fn start(data: &Path, limits: Limits) -> Self {
        Self::start_with(data, limits, 64)
    }

    /// As a new process would: when the old one's zygote and youngest hosts have let go of the lock.
    async fn restart(data: &Path) -> Self {
        let directory = Directory::open(data).unwrap();
        until(|| LockFile::take(&directory, "lock").is_ok()).await;
        Self::start(data, quick())
    }

    fn start_with(data: &Path, limits: Limits, slots: u32) -> Self {
        Self::start_in(data, limits, slots, "one", [1; 16])
    }

    fn start_in(data: &Path, limits: Limits, slots: u32, boot_name: &str, boot: [u8; 16]) -> Self {
        let directory = Directory::open(data).unwrap();
        let lock = LockFile::take(&directory, "lock").unwrap();
        let spawner = Spawner::new(zygote::start_beside_threads().unwrap(), Some(lock.as_fd())).unwrap();
        let node_lock = NodeLock::at(vec![data.join(crate::agent::lock::OWN_FILE)]);
        let (desk, objects) = (SecretsDesk::default(), ObjectsDesk::default());
        let executor = NodeExecutor::open(data, spawner, limits, node_lock).unwrap();
        let executor = executor.in_boot(boot_name).asking(desk.clone(), objects.clone());
        let journal = Journal::open(FileStore::open(&directory, "journal", slots).unwrap()).unwrap();
        let (agent, frames) = Agent::new(Parts {
            executor,
            journal,
            sessions: Sessions::default(),
            clock: Clock::system(),
            boot,
        });
        agent.obey(&node_id(), terms());
        agent.recover();
        Self {
            agent,
            frames,
            desk,
            objects,
            _lock: lock,
        }
    }

    async fn next(&mut self) -> ToHub {
        tokio::time::timeout(LONG, self.frames.recv())
            .await
            .expect("a frame in time")
            .expect("an agent that lives")
    }

    async fn accepted(&mut self) -> CommandId {
        match self.next().await {
            ToHub::Accepted { run } => run,
            other => panic!("{other:?}"),
        }
    }

    /// The end of a run, which is told with or without its beginning.
    async fn report(&mut self) -> Report {
        loop {
            match self.next().await {
                ToHub::Accepted { .. } => {}
                ToHub::Report(report) => return *report,
                other => panic!("{other:?}"),
            }
        }
    }

    /// Runs to the end; the only step's report.
    async fn run(&mut self, run: Run) -> StepReport {
        let id = run.id.clone();
        self.agent.deliver(signed(&run)).await;
        let mut report = self.report().await;
        assert_eq!((report.run, report.steps.len()), (id, 1));
        report.steps.remove(0)
    }

    async fn all_output(&self, run: &CommandId, stream: StreamName, follow: bool) -> Vec<u8> {
        let query = OutputQuery {
            run: run.clone(),
            step: 0,
            stream,
            offset: 0,
            follow,
        };
        let body = self.agent.output(query).await.expect("a spool");
        body.map(|piece| piece.unwrap().to_vec()).collect::<Vec<_>>().await.concat()
    }
}

fn run(lines: &[&str]) -> Run {
    run_within(lines, "3600")
}

fn run_within(lines: &[&str], timeout: &str) -> Run {
    let lines: Vec<String> = lines.iter().map(|line| (*line).into()).collect();
    Run {
        id: CommandId::random(),
        start_before_ms: Clock::system().now().millis() + 60_000,
        work: Work {
            document_name: "AWS-RunShellScript".into(),
            document: crate::model::document::stock::content("AWS-RunShellScript").unwrap(),
            parameters: BTreeMap::from([("commands".into(), lines), ("executionTimeout".into(), vec![timeout.into()])]),
            ..Work::default()
        },
    }
}

/// The key of these tests' hub; every node of theirs has the key that is all 2.
pub const HUB_SEED: [u8; 32] = [1; 32];
pub const NODE_KEY: [u8; 32] = [2; 32];

pub fn terms() -> Terms {
    Terms {
        hub_keys: vec![Signer::new(&HUB_SEED).public()],
        node_key: NODE_KEY,
    }
}

/// A run as the hub orders it.
pub fn signed(run: &Run) -> ToAgent {
    ToAgent::Run(Box::new(warranted(run)))
}

pub fn warranted(run: &Run) -> Warranted {
    let draft = Draft {
        class: Class::Command,
        id: run.id.as_str(),
        issued: Timestamp::from_millis(run.start_before_ms - 60_000),
        expires: Timestamp::from_millis(run.start_before_ms),
    };
    Signer::new(&HUB_SEED).order(draft, &Payload::new(&run.work), &NODE_KEY)
}

fn head(output: &crate::wire::run::Output) -> String {
    String::from_utf8(data_encoding::BASE64.decode(output.head.as_bytes()).unwrap()).unwrap()
}

fn quick() -> Limits {
    Limits {
        kill_grace: Duration::from_millis(300),
        ..Limits::default()
    }
}

/// A line that waits for the file, and fails once its folder is gone: what a test that failed has left behind ends by itself.
fn waits_for(file: &Path) -> String {
    let (file, folder) = (file.display(), file.parent().unwrap().display());
    format!("while ! [ -e {file} ]; do [ -d {folder} ] || exit 1; sleep 0.02; done")
}

fn node_id() -> crate::base::id::NodeId {
    "mi-0123456789abcdef0".parse().unwrap()
}

async fn until(is_so: impl Fn() -> bool) {
    let looked = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, looked).await.expect("it becomes so in time");
}

/// A document of shell steps; each is its script and what stands beside its inputs.
fn steps(steps: &[(&str, &str, serde_json::Value)]) -> Run {
    let step = |(name, script, more): &(&str, &str, serde_json::Value)| {
        let mut step = serde_json::json!({"name": name, "action": "aws:runShellScript", "inputs": {"runCommand": [script]}});
        for (key, value) in more.as_object().unwrap() {
            step[key] = value.clone();
        }
        step
    };
    let steps: Vec<serde_json::Value> = steps.iter().map(step).collect();
    Run {
        work: Work {
            document: serde_json::json!({"schemaVersion": "2.2", "mainSteps": steps}),
            ..Work::default()
        },
        ..run(&[])
    }
}

fn outcomes(report: &Report) -> Vec<(&str, Outcome)> {
    report.steps.iter().map(|step| (step.name.as_str(), step.outcome)).collect()
}

impl Node {
    async fn whole(&mut self, run: Run) -> Report {
        self.agent.deliver(signed(&run)).await;
        self.report().await
    }
}
