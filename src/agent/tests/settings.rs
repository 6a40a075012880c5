//! As whom, with which variables and below which ceilings a command's processes run.

use super::*;
use crate::model::run_settings::RunSettings;

fn with(settings: RunSettings, lines: &[&str]) -> Run {
    let mut run = run(lines);
    run.work.settings = settings;
    run
}

#[tokio::test]
async fn variables_and_a_folder_are_what_the_sender_set() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let settings = RunSettings {
        directory: Some("/usr".into()),
        environment: BTreeMap::from([("A".into(), "b c".into())]),
        ..RunSettings::default()
    };
    let done = node.run(with(settings, &["echo \"$A\"; pwd"])).await;
    assert_eq!((head(&done.stdout).as_str(), done.message.as_str()), ("b c\n/usr\n", ""));
    let settings = RunSettings {
        environment: BTreeMap::from([("LD_PRELOAD".into(), "/x".into())]),
        ..RunSettings::default()
    };
    let refused = node.run(with(settings, &["true"])).await;
    assert_eq!(refused.outcome, Outcome::Failed);
    assert!(refused.message.contains("LD_PRELOAD"), "{}", refused.message);
}

#[tokio::test]
async fn ceilings_without_a_cgroup_are_held_by_limits_and_the_result_says_so() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let nice = RunSettings {
        nice: Some(7),
        ..RunSettings::default()
    };
    let script = "cut -d' ' -f5,19 /proc/$$/stat | tr ' ' '\\n'; ulimit -v; echo $$; grep Sig[BI] /proc/self/status; cat";
    let done = node.run(with(nice, &[script])).await;
    let said = head(&done.stdout);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!((lines[1], lines[2]), ("7", "unlimited"));
    assert_eq!(lines[0], lines[3], "a group of its own");
    assert_eq!(lines[4..], ["SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000"]);
    assert_eq!(done.message, "niceness 7");

    let both = RunSettings {
        memory_mib: Some(64),
        cpu_percent: Some(50),
        ..RunSettings::default()
    };
    let done = node.run(with(both, &["ulimit -v; nice"])).await;
    // A developer's own session may have a cgroup delegated to it.
    match done.message.as_str() {
        "its ceilings were held by a cgroup" => assert_eq!(head(&done.stdout), "unlimited\n0\n"),
        message => {
            assert_eq!(head(&done.stdout), "65536\n10\n");
            assert!(
                message.contains("more than 64 MiB of memory (rlimit)") && message.contains("niceness 10 instead"),
                "{message}"
            );
        }
    }
    assert_eq!(done.outcome, Outcome::Success);
}

#[tokio::test]
async fn what_wants_more_memory_than_its_ceiling_ends_and_the_result_says_why() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    // It has no newline, so that `tail` must keep all of it.
    let script = "head -c 200000000 /dev/zero | tail -n 1 | wc -c; echo after";
    let free = node.run(run(&[script])).await;
    assert_eq!(
        (free.outcome, head(&free.stdout).as_str()),
        (Outcome::Success, "200000000\nafter\n")
    );
    let ceiling = RunSettings {
        memory_mib: Some(64),
        ..RunSettings::default()
    };
    let done = node.run(with(ceiling, &[script])).await;
    assert_eq!(head(&done.stdout), "0\nafter\n", "{}", done.message);
    let said = done.message.contains("64 MiB of memory (rlimit)") || done.message.contains("killed a process");
    assert!(said, "{}", done.message);
}

#[tokio::test]
async fn a_command_runs_as_another_user_with_none_of_the_agents_rights() {
    if !rustix::process::geteuid().is_root() {
        // Only root can; what others are told stands beside the rule.
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let daemon = |directory: Option<&str>| RunSettings {
        user: Some("daemon".into()),
        directory: directory.map(str::to_owned),
        ..RunSettings::default()
    };
    let script = "id -un; id -Gn; echo $HOME $USER; cat /etc/shadow; grep -c . \"$0\"; grep Groups /proc/self/status; echo x >/dev/stdout";
    let done = node.run(with(daemon(Some("/")), &[script])).await;
    let said = head(&done.stdout);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!((lines[0], lines[1], lines[2]), ("daemon", "daemon", "/usr/sbin daemon"), "{said}");
    assert_eq!(lines[3], "1", "it can read its own script");
    assert_eq!(lines[4].split_whitespace().collect::<Vec<_>>(), ["Groups:", "1"]);
    assert_eq!(lines[5..], ["x"], "it may open its own output");
    assert!(head(&done.stderr).contains("/etc/shadow"), "{}", head(&done.stderr));

    // A script that names its interpreter is executed as it is.
    let done = node.run(with(daemon(Some("/")), &["#!/bin/sh", "id -un"])).await;
    assert_eq!((done.outcome, head(&done.stdout).as_str()), (Outcome::Success, "daemon\n"));

    let closed = data.path().join("closed");
    std::os::unix::fs::DirBuilderExt::mode(&mut std::fs::DirBuilder::new(), 0o700)
        .create(&closed)
        .unwrap();
    let closed = closed.display().to_string();
    let refused = node.run(with(daemon(Some(&closed)), &["true"])).await;
    assert_eq!(refused.outcome, Outcome::Failed);
    assert!(
        refused.message.contains("may not enter the working directory"),
        "{}",
        refused.message
    );

    // It is killed like any other.
    let mut slow = with(daemon(Some("/")), &["sleep 600 & sleep 600"]);
    slow.work.parameters.insert("executionTimeout".into(), vec!["1".into()]);
    let done = node.run(slow).await;
    assert_eq!(done.outcome, Outcome::TimedOut);
}
