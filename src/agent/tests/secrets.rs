//! Runs that name secrets: what their processes see, what nobody else does.

use super::*;
use crate::agent::secrets;
use crate::base::Secret;
use crate::wire::parameters::{RunSecret, RunSecrets};
use serde_json::json;

const PLAIN: &str = "open \"sesame\" it's";

/// A script as a document of its own, with a parameter that is a variable.
fn naming(script: &str) -> Run {
    let mut run = steps(&[("one", script, json!({}))]);
    run.work.document["parameters"] = json!({"pass": {"type": "String", "interpolationType": "ENV_VAR", "default": ""}});
    run
}

fn answer(run: &CommandId, values: &[(&str, &str)]) -> RunSecrets {
    let secret = |(reference, value): &(&str, &str)| RunSecret {
        reference: (*reference).into(),
        value: Secret::new((*value).into()),
    };
    RunSecrets {
        run: run.clone(),
        secrets: values.iter().map(secret).collect(),
        problem: None,
    }
}

impl Node {
    /// Runs to the end; the hub answers as it is said here.
    async fn run_given(&mut self, run: Run, values: &[(&str, &str)]) -> Report {
        self.agent.deliver(signed(&run)).await;
        let asked = tokio::time::timeout(LONG, self.desk.next()).await.expect("a question");
        assert_eq!(asked, run.id);
        secrets::take(&self.desk, answer(&run.id, values));
        self.report().await
    }
}

/// Every file below a folder that holds the text.
fn files_with(folder: &Path, text: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if std::fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes())) {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn a_secret_reaches_the_script_whole_and_no_file_or_report_has_it() {
    let data = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let proof = outside.path().join("proof");
    let mut node = Node::start(data.path(), quick());
    let script = format!(
        "printf '%s' '{{{{ssm-secure:/app/pass}}}}' >{0}; printf '%s|' \"${{pass}}\" {{{{pass}}}} >>{0}; echo \"said {{{{ssm-secure:/app/pass}}}}\"; echo {{{{pass}}}} >&2; tr '\\0' ' ' </proc/$$/cmdline",
        proof.display()
    );
    let mut run = naming(&script);
    run.work.parameters = BTreeMap::from([("pass".into(), vec!["<{{ssm-secure:/app/pass}}>".into()])]);
    let report = node.run_given(run.clone(), &[("ssm-secure:/app/pass", PLAIN)]).await;
    assert_eq!(outcomes(&report), [("one", Outcome::Success)], "{report:?}");
    let seen = std::fs::read_to_string(&proof).unwrap();
    assert!(seen.starts_with(PLAIN), "{seen}");
    assert!(
        head(&report.steps[0].stdout).starts_with("said ****\n"),
        "{}",
        head(&report.steps[0].stdout)
    );
    assert!(!head(&report.steps[0].stdout).contains("sesame"));
    assert_eq!(files_with(data.path(), "sesame"), Vec::<std::path::PathBuf>::new());
    let order = std::fs::read_to_string(data.path().join(format!("runs/{}/0/order", run.id))).unwrap();
    assert!(order.contains("{{ssm-secure:/app/pass}}"), "the files say which secret it is");
    // Asked once for all steps, and not held when the run is over.
    assert!(tokio::time::timeout(Duration::from_millis(20), node.desk.next()).await.is_err());
}

#[tokio::test]
async fn output_is_masked_in_whatever_pieces_it_comes() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let script = "printf 'a hun'; sleep 0.1; printf 'ter2 b'; sleep 0.1; printf ' hunt'; exit 3";
    let run = naming(&format!(": {{{{ssm-secure:/p}}}}; {script}"));
    let report = node.run_given(run, &[("ssm-secure:/p", "hunter2")]).await;
    assert_eq!(head(&report.steps[0].stdout), "a **** b hunt", "what is held back comes at the end");
    assert_eq!((report.steps[0].outcome, report.steps[0].exit_code), (Outcome::Failed, Some(3)));
}

#[tokio::test]
async fn steps_get_what_they_name_and_are_asked_for_together() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let count = "env | grep -c ^SSM_SECURE_";
    let run = steps(&[
        ("none", "env | grep -c ^SSM_SECURE_ || true", json!({})),
        ("first", &format!(": {{{{ssm-secure:/a}}}}; {count}"), json!({})),
        (
            "both",
            &format!(": {{{{ssm-secure:/a}}}} {{{{ssm-secure:/b}}}}; {count}"),
            json!({}),
        ),
    ]);
    let report = node.run_given(run, &[("ssm-secure:/a", "aaaa"), ("ssm-secure:/b", "bbbb")]).await;
    let said: Vec<String> = report.steps.iter().map(|step| head(&step.stdout)).collect();
    assert_eq!(said, ["0\n", "1\n", "2\n"]);
}

#[tokio::test]
async fn a_run_without_its_secrets_fails_with_the_reason() {
    let data = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let mark = outside.path().join("began");
    let mut node = Node::start(data.path(), quick());
    let run = naming(&format!("touch {}; : {{{{ssm-secure:/a}}}}", mark.display()));
    node.agent.deliver(signed(&run)).await;
    node.desk.next().await;
    let mut refused = answer(&run.id, &[]);
    refused.problem = Some("no rule lets it".into());
    secrets::take(&node.desk, refused);
    let report = node.report().await;
    assert_eq!(
        (report.steps[0].outcome, report.steps[0].message.as_str()),
        (Outcome::Failed, "no rule lets it")
    );
    // A hub that leaves one out gives none.
    let report = node.run_given(naming(": {{ssm-secure:/a}}"), &[("ssm-secure:/b", "x")]).await;
    assert!(
        report.steps[0].message.contains("`{{ssm-secure:/a}}` was not handed over"),
        "{report:?}"
    );
    assert!(!mark.exists());
}

#[tokio::test]
async fn the_documents_pattern_holds_for_the_secret_and_does_not_tell_it() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let mut run = naming("echo {{pass}}");
    run.work.document["parameters"]["pass"]["allowedPattern"] = "[a-z]*".into();
    run.work.parameters = BTreeMap::from([("pass".into(), vec!["{{ssm-secure:/a}}".into()])]);
    let report = node.run_given(run, &[("ssm-secure:/a", "NOT-SUCH")]).await;
    assert_eq!(report.steps[0].outcome, Outcome::Failed);
    let message = &report.steps[0].message;
    assert!(message.contains("`pass`") && !message.contains("NOT-SUCH"), "{message}");
}

#[tokio::test]
async fn who_waits_for_the_hub_can_be_cancelled_and_does_not_wait_for_ever() {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path(), quick());
    let run = naming(": {{ssm-secure:/a}}");
    node.agent.deliver(signed(&run)).await;
    node.desk.next().await;
    node.agent.deliver(ToAgent::Cancel { run: run.id }).await;
    assert_eq!(node.report().await.steps[0].outcome, Outcome::Cancelled);
    let report = node
        .whole(steps(&[("one", ": {{ssm-secure:/a}}", json!({"timeoutSeconds": 1}))]))
        .await;
    assert_eq!(report.steps[0].outcome, Outcome::TimedOut);
    assert!(report.steps[0].message.contains("within 1 s"), "{}", report.steps[0].message);
}

#[tokio::test]
async fn an_agent_that_dies_while_it_waits_asks_again() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start(data.path(), quick());
    let run = naming("echo done; : {{ssm-secure:/a}}");
    node.agent.deliver(signed(&run)).await;
    node.desk.next().await;
    node.agent.stop().await;
    drop(node);
    let mut node = Node::restart(data.path()).await;
    assert_eq!(node.desk.next().await, run.id);
    secrets::take(&node.desk, answer(&run.id, &[("ssm-secure:/a", "aaaa")]));
    let report = node.report().await;
    assert_eq!(
        (report.steps[0].outcome, head(&report.steps[0].stdout)),
        (Outcome::Success, "done\n".into())
    );
}
