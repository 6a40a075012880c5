//! Orders that are refused, and cancels.

use super::*;

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
            other_hub.order(draft, &Payload::new(&order.work), &NODE_KEY),
            "not signed by this node's hub",
        ),
        (
            Signer::new(&HUB_SEED).order(shell, &Payload::new(&order.work), &NODE_KEY),
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
