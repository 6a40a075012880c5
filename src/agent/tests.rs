//! The agent as a whole, with a real zygote and real processes, but without a link: frames in, frames out.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::json;
use tokio::sync::mpsc;

use crate::agent::core::{Agent, Parts};
use crate::agent::executor::NodeExecutor;
use crate::agent::journal::{FileStore, Journal};
use crate::agent::plugins::Limits;
use crate::agent::session::Sessions;
use crate::agent::zygote::{self, Spawner};
use crate::base::Clock;
use crate::base::id::CommandId;
use crate::platform::files::{Directory, LockFile};
use crate::wire::control::{Rejection, ToAgent, ToHub};
use crate::wire::run::{Outcome, OutputQuery, Report, Run, StepReport, StreamName};

const LONG: Duration = Duration::from_secs(20);

struct Node {
    agent: Agent<NodeExecutor, FileStore>,
    frames: mpsc::Receiver<ToHub>,
    _lock: LockFile,
}

impl Node {
    fn start(data: &Path, limits: Limits) -> Self {
        let directory = Directory::open(data).unwrap();
        let lock = LockFile::take(&directory, "lock").unwrap();
        let spawner = Spawner::new(zygote::start_beside_threads().unwrap(), Some(lock.as_fd())).unwrap();
        let executor = NodeExecutor::open(data.join("runs"), spawner, limits).unwrap();
        let journal = Journal::open(FileStore::open(&directory, "journal", 64).unwrap()).unwrap();
        let (agent, frames) = Agent::new(Parts {
            executor,
            journal,
            sessions: Sessions::default(),
            clock: Clock::system(),
            boot: [1; 16],
        });
        agent.recover();
        Self {
            agent,
            frames,
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

    async fn report(&mut self) -> Report {
        match self.next().await {
            ToHub::Report(report) => *report,
            other => panic!("{other:?}"),
        }
    }

    /// Runs to the end; the only step's report.
    async fn run(&mut self, run: Run) -> StepReport {
        let id = run.id.clone();
        self.agent.deliver(ToAgent::Run(Box::new(run))).await;
        assert_eq!(self.accepted().await, id);
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
        document: crate::model::document::stock::content("AWS-RunShellScript").unwrap(),
        parameters: BTreeMap::from([("commands".into(), lines), ("executionTimeout".into(), vec![timeout.into()])]),
    }
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

#[tokio::test]
async fn a_run_becomes_a_report() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let step = node.run(run(&["echo out", "echo err >&2", "exit 3"])).await;
    assert_eq!((step.outcome, step.exit_code), (Outcome::Failed, Some(3)));
    assert_eq!((head(&step.stdout).as_str(), head(&step.stderr).as_str()), ("out\n", "err\n"));
    assert_eq!(step.stdout.stored_bytes, 4);
    assert_eq!(step.action, "aws:runShellScript");
    let sha = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"out\n");
    assert_eq!(step.stdout.sha256, data_encoding::HEXLOWER.encode(sha.as_ref()));
    assert!(step.ended_at_ms >= step.started_at_ms);
    node.agent.stop().await;
}

#[tokio::test]
async fn a_repeated_order_is_answered_and_not_run_again() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let count = data.path().join("count");
    let order = run(&[&format!("echo x >> {}", count.display())]);
    let first = node.run(order.clone()).await;
    let second = node.run(order.clone()).await;
    assert_eq!(first, second);
    node.agent.deliver(ToAgent::ReportStored { run: order.id.clone() }).await;
    let third = node.run(order).await;
    assert_eq!(first, third);
    assert_eq!(std::fs::read_to_string(count).unwrap(), "x\n");
}
