//! The agent as a whole, with a real zygote and real processes, but without a link: frames in, frames out.

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
use crate::agent::plugins::Limits;
use crate::agent::session::Sessions;
use crate::agent::zygote::{self, Spawner};
use crate::base::id::CommandId;
use crate::base::{Clock, Timestamp};
use crate::platform::files::{Directory, LockFile};
use crate::wire::control::{Rejection, ToAgent, ToHub};
use crate::wire::run::{Outcome, OutputQuery, Report, Run, StepReport, StreamName, Work};
use crate::wire::warrant::{Class, Draft, Payload, Signer, Terms, Warranted};

const LONG: Duration = Duration::from_secs(20);

struct Node {
    agent: Agent<NodeExecutor, FileStore>,
    frames: mpsc::Receiver<ToHub>,
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
        let executor = NodeExecutor::open(data, spawner, limits, node_lock).unwrap().in_boot(boot_name);
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
        self.agent.deliver(signed(&run)).await;
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
    Signer::new(&HUB_SEED).warrant(draft, &Payload::new(&run.work), &NODE_KEY)
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

#[tokio::test]
async fn a_cancel_ends_the_process_group_and_names_what_was_left() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let ready = data.path().join("ready");
    // One child that ignores the polite signal, one that leaves the group.
    let order = run(&[
        "(trap '' TERM; sleep 60) &",
        "setsid sleep 61 &",
        &format!("sleep 0.2; echo begun; touch {}", ready.display()),
        "sleep 62",
    ]);
    node.agent.deliver(signed(&order)).await;
    node.accepted().await;
    until(|| ready.exists()).await;
    assert_eq!(node.agent.running(), std::slice::from_ref(&order.id));
    node.agent.deliver(ToAgent::Cancel { run: order.id.clone() }).await;
    let step = node.report().await.steps.remove(0);
    assert_eq!((step.outcome, step.exit_code), (Outcome::Cancelled, None));
    assert!(
        step.message
            .starts_with("cancelled; its process group was ended; left running: sleep (pid "),
        "{}",
        step.message
    );
    assert_eq!(head(&step.stdout), "begun\n");
    assert!(
        !step.message.contains(" and ") && step.message.matches("pid").count() == 1,
        "{}",
        step.message
    );
    assert!(node.agent.running().is_empty());
    let left: i32 = step.message.split("pid ").nth(1).unwrap().trim_end_matches(')').parse().unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_raw(left).unwrap(), rustix::process::Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_time_out_kills_the_process_group() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let step = node.run(run_within(&["trap '' TERM", "sleep 60 & echo $!", "sleep 60"], "1")).await;
    assert_eq!((step.outcome, step.exit_code), (Outcome::TimedOut, None));
    assert_eq!(step.message, "the execution time-out of 1 s was over; its process group was killed");
    let child: i32 = head(&step.stdout).trim().parse().unwrap();
    assert!(crate::platform::processes::process(child).is_none_or(|p| p.state == b'Z'));
}

#[tokio::test]
async fn a_command_that_leaves_a_process_behind_ends_with_its_own_result() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    // Gave its output another place: it was meant to stay.
    let step = node.run(run(&["sleep 63 >/dev/null 2>&1 & echo $!"])).await;
    assert_eq!(step.outcome, Outcome::Success);
    let stayed: i32 = head(&step.stdout).trim().parse().unwrap();
    assert_eq!(step.message, format!("left running: sleep (pid {stayed})"));
    rustix::process::kill_process(rustix::process::Pid::from_raw(stayed).unwrap(), rustix::process::Signal::KILL).unwrap();
    // Holds the output: it would die at its next word.
    let step = node.run(run(&["sleep 64 & echo $!; exit 4"])).await;
    assert_eq!((step.outcome, step.exit_code), (Outcome::Failed, Some(4)));
    assert!(
        step.message
            .starts_with("background processes that still held its output were ended: sleep (pid "),
        "{}",
        step.message
    );
}

#[tokio::test]
async fn a_restarted_agent_finds_the_command_running() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let go = data.path().join("go");
    let order = run(&[&format!(
        "echo begun; while ! [ -e {0} ]; do sleep 0.05; done; echo over",
        go.display()
    )]);
    node.agent.deliver(signed(&order)).await;
    node.accepted().await;
    until(|| {
        data.path()
            .join(format!("runs/{}/0/stdout", order.id))
            .metadata()
            .is_ok_and(|m| m.len() > 0)
    })
    .await;
    node.agent.stop().await;
    drop(node);

    let mut node = Node::restart(data.path()).await;
    assert_eq!(node.agent.running(), std::slice::from_ref(&order.id));
    std::fs::write(go, "").unwrap();
    let step = node.report().await.steps.remove(0);
    assert_eq!((step.outcome, step.exit_code), (Outcome::Success, Some(0)));
    assert_eq!(head(&step.stdout), "begun\nover\n");
    assert_eq!(node.all_output(&order.id, StreamName::Stdout, false).await, b"begun\nover\n");
}

#[tokio::test]
async fn a_result_that_no_agent_saw_is_found_later_and_repeated_until_stored() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let order = run(&["sleep 0.3; echo late; exit 5"]);
    node.agent.deliver(signed(&order)).await;
    node.accepted().await;
    let step_directory = data.path().join(format!("runs/{}/0", order.id));
    until(|| step_directory.join("host").exists()).await;
    node.agent.stop().await;
    drop(node);
    let directory = Directory::open(&step_directory).unwrap();
    until(|| crate::agent::step_host::record::read_exit(&directory, order.id.as_str()).is_some()).await;

    let mut node = Node::restart(data.path()).await;
    let first = node.report().await;
    assert_eq!(first.steps[0].exit_code, Some(5));
    node.agent.connected(&node_id(), Clock::system().now().millis());
    assert_eq!(node.report().await, first);
    node.agent.deliver(ToAgent::ReportStored { run: order.id.clone() }).await;
    node.agent.connected(&node_id(), Clock::system().now().millis());
    node.agent.deliver(ToAgent::Release { run: order.id.clone() }).await;
    until(|| !step_directory.exists()).await;
    assert!(node.frames.try_recv().is_err());
}

#[tokio::test]
async fn a_killed_step_host_makes_the_run_interrupted() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let order = run(&["echo $$; exec sleep 65"]);
    node.agent.deliver(signed(&order)).await;
    node.accepted().await;
    let step_directory = data.path().join(format!("runs/{}/0", order.id));
    until(|| step_directory.join("stdout").metadata().is_ok_and(|m| m.len() > 0)).await;
    let directory = Directory::open(&step_directory).unwrap();
    let host = crate::agent::step_host::record::read_host(&directory, order.id.as_str()).unwrap();
    let kill = |pid: i32| rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), rustix::process::Signal::KILL);
    kill(host.pid).unwrap();
    let step = node.report().await.steps.remove(0);
    assert_eq!((step.outcome, step.exit_code), (Outcome::Interrupted, None));
    assert!(step.message.starts_with("its step host was killed"), "{}", step.message);
    let command: i32 = head(&step.stdout).trim().parse().unwrap();
    kill(command).unwrap();
}

#[tokio::test]
async fn a_run_that_cannot_start_says_why() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let mut nowhere = run(&["true"]);
    nowhere
        .work
        .parameters
        .insert("workingDirectory".into(), vec!["/no/such/place".into()]);
    let step = node.run(nowhere).await;
    assert_eq!((step.outcome, step.exit_code), (Outcome::Failed, None));
    assert_eq!(
        step.message,
        "the command could not be started: the working directory `/no/such/place` does not exist"
    );
    let step = node.run(run(&["#!/no/such/interpreter -x", "true"])).await;
    assert!(
        step.message
            .starts_with("the command could not be started: `/no/such/interpreter -x` could not be executed"),
        "{}",
        step.message
    );
}

#[tokio::test]
async fn what_must_not_start_is_rejected() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let mut late = run(&["true"]);
    late.start_before_ms = Clock::system().now().millis() - 1;
    let mut foreign = run(&["true"]);
    foreign.work.document["schemaVersion"] = "0.3".into();
    foreign.work.document["mainSteps"] = serde_json::json!([{"name": "a", "action": "aws:sleep"}]);
    let mut wrong = run(&["true"]);
    wrong.work.parameters.insert("nonsense".into(), vec![]);
    for (order, expected, word) in [
        (late, Rejection::Expired, "delivery time"),
        (foreign, Rejection::Unsupported, "schema version `0.3`"),
        (wrong, Rejection::Unsupported, "`nonsense`"),
    ] {
        node.agent.deliver(signed(&order)).await;
        match node.next().await {
            ToHub::Rejected { run, reason, message } => {
                assert_eq!((run, reason), (order.id, expected));
                assert!(message.contains(word), "{message}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_order_without_a_good_warrant_is_reported_and_leaves_no_trace() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let marker = data.path().join("ran");
    let order = run(&[&format!("touch {}", marker.display())]);
    let changed = |change: &dyn Fn(&mut Warranted)| {
        let mut order = warranted(&order);
        change(&mut order);
        order
    };
    let other_hub = Signer::new(&[9; 32]);
    let draft = Draft {
        class: Class::Command,
        id: order.id.as_str(),
        issued: Timestamp::from_millis(0),
        expires: Timestamp::from_millis(order.start_before_ms),
    };
    let shell = Draft {
        class: Class::Session,
        ..draft
    };
    for (bad, word) in [
        (changed(&|o| o.payload = o.payload.replace("touch", "rm -f")), "altered"),
        (changed(&|o| o.warrant.expires_ms += 1), "altered"),
        (changed(&|o| o.warrant.class = "anything".into()), "class `anything`"),
        (changed(&|o| o.warrant.node = "ab".repeat(32)), "not this one"),
        (
            other_hub.warrant(draft, &Payload::new(&order.work), &NODE_KEY),
            "not signed by this node's hub",
        ),
        (
            Signer::new(&HUB_SEED).warrant(shell, &Payload::new(&order.work), &NODE_KEY),
            "class `session`",
        ),
    ] {
        node.agent.deliver(ToAgent::Run(Box::new(bad))).await;
        match node.next().await {
            ToHub::Rejected { run, reason, message } => {
                assert_eq!((&run, reason), (&order.id, Rejection::Unwarranted));
                assert!(message.contains(word), "{message}");
            }
            other => panic!("{other:?}"),
        }
        assert!(!node.agent.knows(&order.id), "nothing is kept of it");
    }
    assert!(!marker.exists() && std::fs::read_dir(data.path().join("runs")).unwrap().count() == 0);
}

#[tokio::test]
async fn a_locked_node_refuses_what_its_owner_forbids_and_names_the_file() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let lock = data.path().join("lock.yaml");
    for text in ["monitor-only: true", "no-shell: true", "allowed-documents: []", "nonsense: true"] {
        std::fs::write(&lock, text).unwrap();
        let order = run(&["true"]);
        node.agent.deliver(signed(&order)).await;
        match node.next().await {
            ToHub::Rejected { run, reason, message } => {
                assert_eq!((run, reason), (order.id, Rejection::Locked));
                assert!(message.contains(lock.to_str().unwrap()), "{message}");
            }
            other => panic!("{other:?}"),
        }
    }
    std::fs::write(&lock, "allowed-documents: [AWS-RunShellScript]\nno-shell: true\n").unwrap();
    assert_eq!(node.run(run(&["true"])).await.outcome, Outcome::Success);
    let mut changed = run(&["true"]);
    changed.work.document["runtimeConfig"]["aws:runShellScript"]["properties"][0]["workingDirectory"] = "/".into();
    node.agent.deliver(signed(&changed)).await;
    assert!(matches!(
        node.next().await,
        ToHub::Rejected {
            reason: Rejection::Locked,
            ..
        }
    ));
}

/// The hub's key and database are in other hands: everything is signed as the hub signs it.
#[tokio::test]
async fn a_stolen_hub_runs_nothing_that_needs_an_operators_signature() {
    use crate::agent::approvals::tests::{operator_line, operator_signs};
    use crate::model::approval::{Approved, Statement};
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let lock = format!("operator-lock:\n  classes: [shell]\n  keys: ['{}']\n", operator_line(5));
    std::fs::write(data.path().join("lock.yaml"), lock).unwrap();
    let marker = data.path().join("ran");
    let line = format!("echo x >> {}", marker.display());
    let statement = |run: &Run, node| {
        let work = &run.work;
        let act = Approved::run(&work.document_name, &work.document, &work.parameters);
        Statement::new(act, vec![node], Clock::system().now() + Duration::from_secs(60)).to_string()
    };
    let approved = |approval| {
        let mut order = run(&[&line]);
        order.work.approval = approval;
        order
    };
    let honest = approved(None);
    let signed_text = statement(&honest, node_id());
    let elsewhere = statement(&honest, crate::base::id::NodeId::random());
    let mut other_script = run(&["rm -rf /nowhere"]);
    other_script.work.approval = Some(operator_signs(5, &signed_text));
    for (order, word) in [
        (approved(None), "needs an operator's signature for shell"),
        (approved(Some(operator_signs(1, &signed_text))), "not one of those that may sign"),
        (approved(Some(operator_signs(5, &elsewhere))), "is not for node"),
        (other_script, "other parameters"),
    ] {
        node.agent.deliver(signed(&order)).await;
        match node.next().await {
            ToHub::Rejected { reason, message, .. } => {
                assert_eq!(reason, Rejection::Locked);
                assert!(message.contains(word), "{message}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(!marker.exists());
    let good = approved(Some(operator_signs(5, &signed_text)));
    assert_eq!(node.run(good.clone()).await.outcome, Outcome::Success);
    // The same order again is answered, the same signature under another id is refused, also by the agent's next life.
    assert_eq!(node.run(good).await.outcome, Outcome::Success);
    node.agent.stop().await;
    drop(node);
    let mut node = Node::restart(data.path()).await;
    let repeated = approved(Some(operator_signs(5, &signed_text)));
    loop {
        node.agent.deliver(signed(&repeated)).await;
        match node.next().await {
            ToHub::Rejected { message, .. } => {
                assert!(message.contains("used here before"), "{message}");
                break;
            }
            ToHub::Report(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(std::fs::read_to_string(marker).unwrap(), "x\n");
}

#[tokio::test]
async fn a_lock_that_is_set_while_a_run_waits_counts_for_it() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start_with(data.path(), quick(), 256);
    let (go, marker) = (data.path().join("go"), data.path().join("ran"));
    let wait = format!("while ! [ -e {} ]; do sleep 0.02; done", go.display());
    for _ in 0..crate::agent::core::MAX_ACTIVE {
        node.agent.deliver(signed(&run(&[&wait]))).await;
        node.accepted().await;
    }
    let waiting = run(&[&format!("touch {}", marker.display())]);
    node.agent.deliver(signed(&waiting)).await;
    node.accepted().await;
    std::fs::write(data.path().join("lock.yaml"), "monitor-only: true").unwrap();
    std::fs::write(go, "").unwrap();
    loop {
        let report = node.report().await;
        if report.run == waiting.id {
            assert_eq!(report.steps[0].outcome, Outcome::Failed);
            assert!(report.steps[0].message.contains("`monitor-only`"), "{}", report.steps[0].message);
            break;
        }
    }
    assert!(!marker.exists());
}

#[tokio::test]
async fn an_order_is_not_run_again_after_a_restart_however_often_it_comes() {
    let data = tempfile::tempdir().unwrap();
    let count = data.path().join("count");
    let order = run(&[&format!("echo x >> {}", count.display())]);
    for life in 0..3 {
        let mut node = match life {
            0 => Node::start(data.path(), quick()),
            _ => Node::restart(data.path()).await,
        };
        assert_eq!(node.run(order.clone()).await.outcome, Outcome::Success);
        node.agent.deliver(ToAgent::ReportStored { run: order.id.clone() }).await;
        node.agent.stop().await;
    }
    assert_eq!(std::fs::read_to_string(count).unwrap(), "x\n");
}

#[tokio::test]
async fn a_cancel_that_overtakes_its_order_wins() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let marker = data.path().join("ran");
    let order = run(&[&format!("touch {}", marker.display())]);
    node.agent.deliver(ToAgent::Cancel { run: order.id.clone() }).await;
    assert_eq!(node.report().await.steps[0].outcome, Outcome::Cancelled);
    let step = node.run(order).await;
    assert_eq!(step.outcome, Outcome::Cancelled);
    assert!(!marker.exists());
}

#[tokio::test]
async fn more_runs_than_places_all_come_to_their_end() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start_with(data.path(), quick(), 256);
    let orders: Vec<Run> = (0..100).map(|n| run(&[&format!("sleep 0.2; exit {}", n % 3)])).collect();
    for order in &orders {
        node.agent.deliver(signed(order)).await;
    }
    let mut codes = BTreeMap::new();
    while codes.len() < orders.len() {
        if let ToHub::Report(report) = node.next().await {
            codes.insert(report.run.clone(), report.steps[0].exit_code);
        }
    }
    assert!(orders.iter().enumerate().all(|(n, order)| codes[&order.id] == Some(n as i32 % 3)));
}

#[tokio::test]
async fn the_environment_is_clean_and_the_signals_are_fresh() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    node.agent.connected(&node_id(), Clock::system().now().millis());
    let order = run(&[
        "env | sort",
        "grep -E 'Sig(Blk|Ign)' /proc/self/status",
        "umask",
        "ls -l /proc/self/fd | wc -l",
        "cat /proc/$$/oom_score_adj",
    ]);
    let id = order.id.clone();
    let text = head(&node.run(order).await.stdout);
    assert!(text.contains(&format!("ROADSTEAD_COMMAND_ID={id}\n")), "{text}");
    assert!(
        text.contains("AWS_SSM_INSTANCE_ID=mi-0123456789abcdef0\n") && text.contains("LANG=C.UTF-8\n"),
        "{text}"
    );
    assert!(!text.contains("CARGO"), "{text}");
    assert!(text.contains("SigBlk:\t0000000000000000\n"), "{text}");
    // Signal 32 is libc's own: its posix_spawn leaves it ignored, and nobody can undo that.
    let ignored = text.split("SigIgn:\t").nth(1).unwrap().split('\n').next().unwrap();
    assert_eq!(u64::from_str_radix(ignored, 16).unwrap() & !(1 << 31), 0, "{text}");
    // total, stdin, stdout, stderr, the listing's own
    assert!(text.contains("\n0022\n5\n"), "{text}");
}

#[tokio::test]
async fn output_is_followed_while_it_grows_and_cut_when_it_is_too_long() {
    let data = tempfile::tempdir().unwrap();
    let limits = Limits {
        cap_bytes: 1000,
        ..quick()
    };
    let mut node = Node::start(data.path(), limits);
    let slow = run(&["for i in 1 2 3 4 5; do echo line $i; sleep 0.05; done; echo bad >&2"]);
    node.agent.deliver(signed(&slow)).await;
    let (stdout, stderr) = tokio::join!(
        node.all_output(&slow.id, StreamName::Stdout, true),
        node.all_output(&slow.id, StreamName::Stderr, true)
    );
    assert_eq!(String::from_utf8(stdout).unwrap(), "line 1\nline 2\nline 3\nline 4\nline 5\n");
    assert_eq!(stderr, b"bad\n");
    node.accepted().await;
    node.report().await;

    let long = run(&["seq 1 100000"]);
    let id = long.id.clone();
    let step = node.run(long).await;
    let all: String = (1..=100_000).map(|n| format!("{n}\n")).collect();
    let cut = step.stdout.cut.unwrap();
    assert_eq!((step.stdout.stored_bytes, cut.head_bytes), (1000, 500));
    assert_eq!(cut.omitted_bytes, all.len() as u64 - 1000);
    let stored = node.all_output(&id, StreamName::Stdout, false).await;
    assert_eq!(stored, [&all.as_bytes()[..500], &all.as_bytes()[all.len() - 500..]].concat());
    let sha = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &stored);
    assert_eq!(step.stdout.sha256, data_encoding::HEXLOWER.encode(sha.as_ref()));
}

#[tokio::test]
async fn a_report_never_carries_more_than_the_inline_limit() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let step = node
        .run(run(&[
            "head -c 20000 /dev/zero | tr '\\0' o; head -c 3000 /dev/zero | tr '\\0' e >&2",
        ]))
        .await;
    assert_eq!((step.stdout.stored_bytes, step.stderr.stored_bytes), (20_000, 3000));
    assert_eq!((head(&step.stdout).len(), head(&step.stderr).len()), (8192 - 3000, 3000));
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

#[tokio::test]
async fn a_second_agent_on_the_same_data_is_refused_and_told_by_whom() {
    let data = tempfile::tempdir().unwrap();
    let directory = Directory::open(data.path()).unwrap();
    let held = LockFile::take(&directory, "lock").unwrap();
    let mut other = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    std::fs::write(data.path().join("lock"), other.id().to_string()).unwrap();
    let refused = super::settled_lock(&directory, data.path()).await.unwrap_err();
    other.kill().unwrap();
    other.wait().unwrap();
    let expected = format!("an agent runs already on `{}`: process {}", data.path().display(), other.id());
    assert_eq!(refused.to_string(), expected);

    // The one that holds it is gone: what it started is awaited.
    let waiting = super::settled_lock(&directory, data.path());
    let settling = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(held);
    };
    tokio::join!(waiting, settling).0.unwrap();
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
        self.accepted().await;
        self.report().await
    }
}

#[tokio::test]
async fn a_document_goes_the_way_its_steps_say() {
    use serde_json::json;
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let report = node
        .whole(steps(&[
            (
                "windows",
                "exit 9",
                json!({"precondition": {"StringEquals": ["platformType", "Windows"]}}),
            ),
            ("fails", "exit 3", json!({})),
            ("exits", "exit 4", json!({"onFailure": "exit"})),
            ("left", "true", json!({})),
            ("always", "echo cleaned", json!({"finallyStep": true})),
        ]))
        .await;
    use Outcome::{Failed, Skipped, Success};
    assert_eq!(
        outcomes(&report),
        [
            ("windows", Skipped),
            ("fails", Failed),
            ("exits", Failed),
            ("left", Skipped),
            ("always", Success)
        ]
    );
    assert!(report.steps[0].message.contains("`Linux` is not `Windows`"));
    assert!(report.steps[3].message.contains("onFailure: exit"));
    assert_eq!(head(&report.steps[4].stdout), "cleaned\n");
    // Made again from what the steps left, it says the same.
    let again = node.agent.executor().report(&report.run).await.unwrap();
    assert_eq!(outcomes(&again), outcomes(&report));
}

#[tokio::test]
async fn an_action_that_nobody_knows_fails_by_its_name() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let mut run = steps(&[("typo", "", serde_json::json!({})), ("next", "true", serde_json::json!({}))]);
    run.work.document["mainSteps"][0]["action"] = "aws:runShelScript".into();
    let report = node.whole(run).await;
    assert_eq!(outcomes(&report), [("typo", Outcome::Failed), ("next", Outcome::Success)]);
    assert!(
        report.steps[0].message.contains("`aws:runShelScript`"),
        "{}",
        report.steps[0].message
    );
}

#[tokio::test]
async fn a_step_is_tried_as_often_as_it_says() {
    let data = tempfile::tempdir().unwrap();
    let tries = data.path().join("tries");
    let mut node = Node::start(data.path(), quick());
    let script = format!("echo try >>{0}; test $(wc -l <{0}) -ge 3", tries.display());
    let report = node
        .whole(steps(&[("stubborn", &script, serde_json::json!({"maxAttempts": 5}))]))
        .await;
    assert_eq!(outcomes(&report), [("stubborn", Outcome::Success)]);
    assert_eq!(report.steps[0].message, "attempt 3 of 5");
    assert_eq!(std::fs::read_to_string(&tries).unwrap().lines().count(), 3);
}

#[tokio::test]
async fn exit_code_194_restarts_the_node_and_runs_the_same_step_again() {
    use serde_json::json;
    let data = tempfile::tempdir().unwrap();
    let (reboots, marks) = (data.path().join("reboots"), data.path().join("marks"));
    let limits = || Limits {
        reboot: vec!["sh".into(), "-c".into(), format!("echo now >>{}", reboots.display())],
        ..quick()
    };
    let script = format!("echo step >>{0}; test $(wc -l <{0}) -ge 2 || exit 194; echo back", marks.display());
    let before = format!("echo first >>{}.first", marks.display());
    let run = steps(&[
        ("before", &before, json!({})),
        ("reboots", &script, json!({})),
        ("after", "echo after", json!({})),
    ]);
    let node = Node::start_in(data.path(), limits(), 64, "one", [1; 16]);
    node.agent.deliver(signed(&run)).await;
    until(|| reboots.exists()).await;
    node.agent.stop().await;
    drop(node);
    let directory = Directory::open(data.path()).unwrap();
    until(|| LockFile::take(&directory, "lock").is_ok()).await;
    let mut node = Node::start_in(data.path(), limits(), 64, "two", [2; 16]);
    let report = node.report().await;
    assert_eq!(
        outcomes(&report),
        [
            ("before", Outcome::Success),
            ("reboots", Outcome::Success),
            ("after", Outcome::Success)
        ]
    );
    assert_eq!(head(&report.steps[1].stdout), "back\n");
    assert_eq!(std::fs::read_to_string(&reboots).unwrap(), "now\n");
    let first = std::fs::read_to_string(format!("{}.first", marks.display())).unwrap();
    assert_eq!(first, "first\n", "a step that was over is not run again");
}

#[tokio::test]
async fn a_restart_that_nobody_asked_for_is_an_interruption() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start_in(data.path(), quick(), 64, "one", [1; 16]);
    let mark = data.path().join("started");
    let script = format!("touch {}; sleep 5", mark.display());
    let run = steps(&[("long", &script, serde_json::json!({})), ("next", "true", serde_json::json!({}))]);
    node.agent.deliver(signed(&run)).await;
    until(|| mark.exists()).await;
    node.agent.stop().await;
    drop(node);
    // The node's restart ends what ran; here its step host stands for all of it.
    let runs = std::fs::read_dir(data.path().join("runs")).unwrap().next().unwrap().unwrap().path();
    let id = runs.file_name().unwrap().to_string_lossy().into_owned();
    let host = crate::agent::step_host::record::read_host(&Directory::open(&runs.join("0")).unwrap(), &id).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_raw(host.pid).unwrap(), rustix::process::Signal::KILL).unwrap();
    let directory = Directory::open(data.path()).unwrap();
    until(|| LockFile::take(&directory, "lock").is_ok()).await;
    let mut node = Node::start_in(data.path(), quick(), 64, "two", [2; 16]);
    let report = node.report().await;
    assert_eq!(outcomes(&report), [("long", Outcome::Interrupted), ("next", Outcome::Skipped)]);
}
