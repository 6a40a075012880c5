//! Documents of several steps.

use super::*;

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
    assert!(report.steps[0].message.contains("unsatisfied preconditions"));
    assert!(report.steps[3].message.contains("onFailure: exit"));
    assert_eq!(head(&report.steps[4].stdout), "cleaned\n");
    // Made again from what the steps left, it says the same.
    let again = node.agent.executor().report(&report.run).await.unwrap();
    assert_eq!(outcomes(&again), outcomes(&report));
}

#[tokio::test]
async fn while_a_document_runs_its_node_says_which_steps_are_over() {
    use serde_json::json;
    let data = tempfile::tempdir().unwrap();
    let gate = data.path().join("gate");
    let mut node = Node::start(data.path(), quick());
    let run = steps(&[
        (
            "windows",
            "true",
            json!({"precondition": {"StringEquals": ["platformType", "Windows"]}}),
        ),
        ("says", "echo said; exit 3", json!({})),
        ("waits", &waits_for(&gate), json!({})),
        ("last", "true", json!({})),
    ]);
    assert!(node.agent.progress(&run.id).await.is_none());
    node.agent.deliver(signed(&run)).await;
    let over = async {
        loop {
            match node.agent.progress(&run.id).await {
                Some(report) if report.steps.len() >= 2 => return report,
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    let so_far = tokio::time::timeout(LONG, over).await.expect("two steps are over");
    assert_eq!(outcomes(&so_far), [("windows", Outcome::Skipped), ("says", Outcome::Failed)]);
    assert_eq!(
        (so_far.steps[1].exit_code, head(&so_far.steps[1].stdout)),
        (Some(3), "said\n".into())
    );
    std::fs::write(&gate, "").unwrap();
    let report = node.report().await;
    assert_eq!(report.steps.len(), 4);
    let whole = node.agent.progress(&run.id).await.unwrap();
    assert_eq!(outcomes(&whole), outcomes(&report));
}

#[tokio::test]
async fn a_step_that_is_tried_again_is_not_over() {
    use serde_json::json;
    let data = tempfile::tempdir().unwrap();
    let (tried, gate) = (data.path().join("tried"), data.path().join("gate"));
    let again = format!("[ -e {0} ] || {{ touch {0}; exit 1; }}; {1}", tried.display(), waits_for(&gate));
    let mut node = Node::start(data.path(), quick());
    let run = steps(&[("again", &again, json!({"maxAttempts": 2})), ("last", "true", json!({}))]);
    node.agent.deliver(signed(&run)).await;
    let set_aside = data.path().join(format!("runs/{}/0.a1", run.id));
    until(|| set_aside.exists()).await;
    assert!(node.agent.progress(&run.id).await.unwrap().steps.is_empty());
    std::fs::write(&gate, "").unwrap();
    assert_eq!(
        outcomes(&node.report().await),
        [("again", Outcome::Success), ("last", Outcome::Success)]
    );
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
