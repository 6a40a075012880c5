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
