//! The lock of the node's owner.

use super::*;
use crate::model::lock::content_hash;
use serde_json::{Value, json};

impl Node {
    /// Why the lock forbids it.
    async fn refusal(&mut self, order: &Run) -> String {
        self.agent.deliver(signed(order)).await;
        match self.next().await {
            ToHub::Rejected { reason, message, .. } => {
                assert_eq!(reason, Rejection::Locked, "{message}");
                message
            }
            other => panic!("{other:?}"),
        }
    }
}

/// An order for a document with one step.
fn order_of(name: &str, action: &str, inputs: Value) -> Run {
    let parameters = json!({"word": {"type": "String", "default": "{{ssm:/look/x}}", "interpolationType": "ENV_VAR"}});
    Run {
        work: Work {
            document_name: name.into(),
            document: json!({"schemaVersion": "2.2", "parameters": parameters,
                "mainSteps": [{"name": "one", "action": action, "inputs": inputs}]}),
            lookups: BTreeMap::from([("ssm:/look/x".into(), "$(id)".into())]),
            ..Work::default()
        },
        ..run(&[])
    }
}

fn scripted(name: &str, line: &str) -> Run {
    order_of(name, "aws:runShellScript", json!({"runCommand": [line]}))
}

/// An order for `Outer`, which runs `Inner`.
fn nested(inner: &Value) -> Run {
    let inputs = json!({"documentType": "SSMDocument", "documentPath": "Inner", "documentParameters": {"word": "w"}});
    let mut order = order_of("Outer", "aws:runDocument", inputs);
    order.work.documents.insert("Inner".into(), inner.to_string());
    order
}

fn pinned(name: &str, document: &Value) -> String {
    format!("{name}@sha256:{}", content_hash(document))
}

/// Each of these is what a stolen hub would send so that an allowed document does something else.
#[tokio::test]
async fn who_has_the_hub_decides_parameters_of_allowed_documents_and_nothing_else() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let honest = scripted("Inner", "echo \"<{{ word }}>\"");
    let (outer, reference) = (nested(&honest.work.document), scripted("Reference", "echo {{ssm:/look/x}}"));
    let store = order_of(
        "Store",
        "aws:downloadContent",
        json!({"sourceType": "S3", "sourceInfo": {"path": "https://s/b/k"}}),
    );
    let local = order_of(
        "Local",
        "aws:runDocument",
        json!({"documentType": "LocalPath", "documentPath": "/tmp/x.json"}),
    );
    let templated = scripted("Templated", "printf '{{ Names }}'");
    let all = [&honest, &outer, &reference, &store, &local, &templated];
    let names: Vec<String> = all
        .iter()
        .map(|order| pinned(&order.work.document_name, &order.work.document))
        .collect();
    let lock = json!({"no-shell": true, "allowed-documents": names});
    std::fs::write(data.path().join("lock.yaml"), lock.to_string()).unwrap();

    let changed = scripted("Inner", "id").work.document;
    let why = node.refusal(&nested(&changed)).await;
    assert!(why.contains(&pinned("Inner", &changed)), "{why}");
    let mut filled = templated.clone();
    filled.work.lookups.insert("Names".into(), "'; id; '".into());
    for (order, word) in [
        (&reference, "`{{ssm:/look/x}}`"),
        (&filled, "`{{Names}}`"),
        (&store, "downloads"),
        (&local, "lies on the node"),
    ] {
        let why = node.refusal(order).await;
        assert!(why.contains(word), "{why}");
    }
    // What an inner document prints is seen from outside only: this program here is no agent.
    assert_eq!(node.run(outer).await.outcome, Outcome::Success);
    let report = node.run(honest).await;
    assert_eq!((report.outcome, head(&report.stdout).as_str()), (Outcome::Success, "<$(id)>\n"));
    assert_eq!(node.run(templated).await.outcome, Outcome::Success);
}

#[tokio::test]
async fn spaces_around_an_action_hide_no_script() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    std::fs::write(data.path().join("lock.yaml"), "no-shell: true\n").unwrap();
    let why = node
        .refusal(&order_of("Any", " aws:runShellScript ", json!({"runCommand": ["id"]})))
        .await;
    assert!(why.contains("`no-shell`"), "{why}");
}

#[tokio::test]
async fn a_document_that_wants_a_signature_wants_it_inside_another_too() {
    use crate::agent::approvals::tests::operator_line;
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let guarded = scripted("Guarded", "echo \"{{ word }}\"").work.document;
    let stock = run(&["true"]).work.document;
    let lock = json!({"operator-lock": {"keys": [operator_line(5)],
        "classes": [format!("document:{}", pinned("Guarded", &guarded)), "document:AWS-RunShellScript"]}});
    std::fs::write(data.path().join("lock.yaml"), lock.to_string()).unwrap();
    let local = order_of(
        "Local",
        "aws:runDocument",
        json!({"documentType": "LocalPath", "documentPath": "/tmp/x.json"}),
    );
    for (order, word) in [
        (nested(&guarded), "document:Guarded"),
        (nested(&stock), "document:AWS-RunShellScript"),
        (local, "document:Guarded"),
    ] {
        let why = node.refusal(&order).await;
        assert!(why.contains("signature for document:") && why.contains(word), "{why}");
    }
    let other = nested(&scripted("Other", "echo \"{{ word }}\" again").work.document);
    assert_eq!(node.run(other).await.outcome, Outcome::Success);
}

#[tokio::test]
async fn an_operators_signature_does_not_cover_what_a_hub_gives_to_download() {
    use crate::agent::approvals::tests::{operator_line, operator_signs};
    use crate::model::approval::{Approved, Statement};
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let lock = format!("operator-lock:\n  classes: [shell]\n  keys: ['{}']\n", operator_line(5));
    std::fs::write(data.path().join("lock.yaml"), lock).unwrap();
    let mut order = order_of(
        "Store",
        "aws:downloadContent",
        json!({"sourceType": "S3", "sourceInfo": {"path": "https://s/b/k"}}),
    );
    order.work.document.as_object_mut().unwrap().remove("parameters");
    order.work.lookups.clear();
    let work = &order.work;
    let act = Approved::run(&work.document_name, &work.document, &work.parameters);
    let statement = Statement::new(act, vec![node_id()], Clock::system().now() + Duration::from_secs(60));
    order.work.approval = Some(operator_signs(5, &statement.to_string()));
    let why = node.refusal(&order).await;
    assert!(why.contains("step `one` downloads"), "{why}");
}

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
