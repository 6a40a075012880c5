//! Steps that download from object stores: what they wait for. What they fetch is tested in [`crate::agent::inline`], and whole by
//! the clients' suite.

use super::*;
use crate::agent::objects;
use crate::wire::objects::StepObjects;
use serde_json::json;

/// A step that downloads from a store.
fn downloading() -> Run {
    let mut run = steps(&[("none", "true", json!({}))]);
    run.work.document["mainSteps"] = json!([{"name": "fetch", "action": "aws:downloadContent", "inputs": {
        "sourceType": "S3", "sourceInfo": {"path": "s3://tools/x"}}}]);
    run
}

#[tokio::test]
async fn what_the_hub_refuses_fails_the_step_with_the_reason() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let run = downloading();
    node.agent.deliver(signed(&run)).await;
    let asked = tokio::time::timeout(LONG, node.objects.next()).await.expect("a question");
    assert_eq!(asked, (run.id.clone(), 0));
    let answer = StepObjects {
        run: run.id,
        step: 0,
        granted: Vec::new(),
        problem: Some("the object store `minio` does not let nodes read `tools/x`".into()),
    };
    objects::take(&node.objects, answer);
    let report = node.report().await;
    assert_eq!(report.steps[0].outcome, Outcome::Failed);
    assert!(report.steps[0].message.contains("`minio` does not let"), "{report:?}");
}

#[tokio::test]
async fn who_waits_for_the_hub_can_be_cancelled_and_does_not_wait_for_ever() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let run = downloading();
    node.agent.deliver(signed(&run)).await;
    node.objects.next().await;
    node.agent.deliver(ToAgent::Cancel { run: run.id }).await;
    assert_eq!(node.report().await.steps[0].outcome, Outcome::Cancelled);
    let mut run = downloading();
    run.work.document["mainSteps"][0]["inputs"]["timeoutSeconds"] = json!(1);
    let report = node.whole(run).await;
    assert_eq!(report.steps[0].outcome, Outcome::TimedOut);
    assert!(report.steps[0].message.contains("within 1 s"), "{}", report.steps[0].message);
}
