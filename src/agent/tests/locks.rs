//! The lock of the node's owner.

use super::*;

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

#[tokio::test]
async fn an_allowed_document_takes_ceilings_of_the_senders_but_no_variables() {
    use crate::model::run_settings::RunSettings;
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    std::fs::write(data.path().join("lock.yaml"), "allowed-documents: [AWS-RunShellScript]\n").unwrap();
    let mut order = run(&["true"]);
    order.work.settings = RunSettings {
        nice: Some(5),
        ..RunSettings::default()
    };
    assert_eq!(node.run(order).await.outcome, Outcome::Success);
    let mut order = run(&["true"]);
    order.work.settings = RunSettings {
        environment: [("PERL5OPT".to_owned(), "-Mx".to_owned())].into(),
        ..RunSettings::default()
    };
    node.agent.deliver(signed(&order)).await;
    match node.next().await {
        ToHub::Rejected { reason, message, .. } => {
            assert_eq!(reason, Rejection::Locked);
            assert!(message.contains("allowed-documents"), "{message}");
        }
        other => panic!("{other:?}"),
    }
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
    let wait = waits_for(&go);
    for _ in 0..crate::agent::core::MAX_ACTIVE {
        node.agent.deliver(signed(&run(&[&wait]))).await;
    }
    for _ in 0..crate::agent::core::MAX_ACTIVE {
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
