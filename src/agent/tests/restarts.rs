//! What an agent finds after its own restart, or after the node's.

use super::*;

#[tokio::test]
async fn a_restarted_agent_finds_the_command_running() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start(data.path(), quick());
    let go = data.path().join("go");
    let order = run(&["echo begun", &waits_for(&go), "echo over"]);
    node.agent.deliver(signed(&order)).await;
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
    let node = Node::start(data.path(), quick());
    let order = run(&["sleep 0.3; echo late; exit 5"]);
    node.agent.deliver(signed(&order)).await;
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
async fn a_second_agent_on_the_same_data_is_refused_and_told_by_whom() {
    let data = tempfile::tempdir().unwrap();
    let directory = Directory::open(data.path()).unwrap();
    let held = LockFile::take(&directory, "lock").unwrap();
    let mut other = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    std::fs::write(data.path().join("lock"), other.id().to_string()).unwrap();
    let refused = crate::agent::settled_lock(&directory, data.path()).await.unwrap_err();
    other.kill().unwrap();
    other.wait().unwrap();
    let expected = format!("an agent runs already on `{}`: process {}", data.path().display(), other.id());
    assert_eq!(refused.to_string(), expected);

    // The one that holds it is gone: what it started is awaited.
    let waiting = crate::agent::settled_lock(&directory, data.path());
    let settling = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(held);
    };
    tokio::join!(waiting, settling).0.unwrap();
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
    let script = format!("touch {}; {}", mark.display(), waits_for(&data.path().join("never")));
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
