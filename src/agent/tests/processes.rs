//! How the processes of a run come to their end.

use super::*;

/// Goes on when what was begun last in the background is `sleep`, and no shell any more that is about to become it.
const SLEEPS: &str = "until [ \"$(cat /proc/$!/comm)\" = sleep ]; do sleep 0.02; done";

#[tokio::test]
async fn a_cancel_ends_the_process_group_and_names_what_was_left() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let (ready, deaf) = (data.path().join("ready"), data.path().join("deaf"));
    // One child that ignores the polite signal, one that leaves the group.
    let order = run(&[
        &format!("(trap '' TERM; touch {}; sleep 60) &", deaf.display()),
        "setsid sleep 61 &",
        SLEEPS,
        &waits_for(&deaf),
        &format!("echo begun; touch {}", ready.display()),
        "sleep 62",
    ]);
    node.agent.deliver(signed(&order)).await;
    until(|| ready.exists()).await;
    assert_eq!(node.agent.running(), std::slice::from_ref(&order.id));
    node.agent.deliver(ToAgent::Cancel { run: order.id.clone() }).await;
    let step = node.report().await.steps.remove(0);
    assert_eq!((step.outcome, step.exit_code), (Outcome::Cancelled, Some(137)));
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
    // The script has said all that it has to say long before.
    let step = node.run(run_within(&["trap '' TERM", "sleep 60 & echo $!", "sleep 60"], "3")).await;
    assert_eq!((step.outcome, step.exit_code), (Outcome::TimedOut, Some(137)));
    assert_eq!(step.message, "the execution time-out of 3 s was over; its process group was killed");
    let child: i32 = head(&step.stdout).trim().parse().unwrap();
    until(|| crate::platform::processes::process(child).is_none_or(|p| p.state == b'Z')).await;
}

#[tokio::test]
async fn a_command_that_leaves_a_process_behind_ends_with_its_own_result() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    // Gave its output another place: it was meant to stay.
    let step = node.run(run(&["sleep 63 >/dev/null 2>&1 &", SLEEPS, "echo $!"])).await;
    assert_eq!(step.outcome, Outcome::Success);
    let stayed: i32 = head(&step.stdout).trim().parse().unwrap();
    assert_eq!(step.message, format!("left running: sleep (pid {stayed})"));
    rustix::process::kill_process(rustix::process::Pid::from_raw(stayed).unwrap(), rustix::process::Signal::KILL).unwrap();
    // Holds the output: it would die at its next word.
    let step = node.run(run(&["sleep 64 &", SLEEPS, "echo $!; exit 4"])).await;
    assert_eq!((step.outcome, step.exit_code), (Outcome::Failed, Some(4)));
    assert!(
        step.message
            .starts_with("background processes that still held its output were ended: sleep (pid "),
        "{}",
        step.message
    );
}

#[tokio::test]
async fn a_killed_step_host_makes_the_run_interrupted() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let order = run(&["echo $$; exec sleep 65"]);
    node.agent.deliver(signed(&order)).await;
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
