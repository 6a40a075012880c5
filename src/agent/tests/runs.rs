//! Runs from their order to their report.

use super::*;

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
