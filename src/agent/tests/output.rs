//! What a run wrote.

use super::*;

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
