//! `{{ssm-secure:…}}` in commands, as senders and nodes meet it; what runs make of it is tested with real agents.

use roadstead::base::id::CommandId;
use roadstead::wire::control::{ToAgent, ToHub};
use roadstead::wire::parameters::RunSecrets;
use serde_json::{Value, json};

use crate::link::support::{TestAgent, facts, soon};
use crate::support::{Answer, Key, TestHub};

const PLAIN: &str = "open sesame 4711";
const NOBODY: &str = "mi-000000000000000aa";

async fn hub() -> TestHub {
    let hub = TestHub::start().await;
    put(&hub, "/app/pass", PLAIN, "SecureString").await;
    put(&hub, "/app/host", "db1", "String").await;
    hub
}

async fn put(hub: &TestHub, name: &str, value: &str, kind: &str) {
    let put = json!({"Name": name, "Value": value, "Type": kind, "Overwrite": true});
    hub.call("AmazonSSM.PutParameter", &put).await.ok();
}

async fn allow(hub: &TestHub, with_decryption: bool) {
    let rule = json!({"Name": "app", "Path": "/app", "WithDecryption": with_decryption, "Nodes": {"All": true}});
    hub.call("Roadstead.PutNodeParameterAccess", &rule).await.ok();
}

/// A script to a node, or where nobody is.
async fn send_as(hub: &TestHub, key: &Key, line: &str) -> Answer {
    let targets = json!([{"Key": "roadstead:filter", "Values": ["id^mi-"]}]);
    let request = json!({"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": [line]}, "Targets": targets});
    hub.call_as(key, "AmazonSSM.SendCommand", &request.to_string()).await
}

/// The hub's word to a run that asks; `count` is how many there have been with it.
async fn ask(agent: &TestAgent, run: &CommandId, count: usize) -> RunSecrets {
    agent.say.send(ToHub::WantSecrets { run: run.clone() }).await.unwrap();
    let mut told = agent.duties.secrets.subscribe();
    soon(told.wait_for(|all| all.len() >= count)).await.unwrap()[count - 1].clone()
}

async fn audited(hub: &TestHub) -> Vec<Value> {
    let filter = json!({"Join": "and", "Terms": [{"Key": "operation", "Op": "eq", "Value": "roadstead:NodeGetSecret"}]});
    let events = hub.call("Roadstead.ListAuditEvents", &json!({"Filter": filter})).await.ok();
    events["Events"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_sender_hears_what_is_wrong_with_a_secret() {
    let hub = hub().await;
    let admin = Key::of_the_admin();
    for (line, expected) in [
        ("{{ssm-secure:/app/none}}", "not there"),
        ("{{ssm-secure:/app/pass:7}}", "version or label"),
        ("{{ssm-secure:/app/pass:live}}", "version or label"),
        ("{{ssm-secure:/app/host}}", "no SecureString"),
        ("{{ssm-secure:a/b}}", "not the name"),
        ("{{ssm:/app/pass}}", "`ssm-secure:`"),
        ("#!/usr/bin/python3\nprint('{{ssm-secure:/app/pass}}')", "ENV_VAR"),
    ] {
        let refused = send_as(&hub, &admin, line).await;
        assert_eq!((refused.status, refused.code()), (400, "InvalidParameters"), "{line}");
        assert!(refused.body.to_string().contains(expected), "{line}: {}", refused.body);
    }
    let sent = send_as(&hub, &admin, "use '{{ssm-secure:/app/pass:1}}'").await.ok();
    assert_eq!(
        sent["Command"]["Parameters"]["commands"],
        json!(["use '{{ssm-secure:/app/pass:1}}'"])
    );
    let many: String = (0..51).map(|n| format!("{{{{ssm-secure:/app/p{n}}}}} ")).collect();
    assert!(send_as(&hub, &admin, &many).await.body.to_string().contains("51 secrets"));
}

#[tokio::test]
async fn a_secret_out_of_place_is_refused() {
    let hub = hub().await;
    for parameters in [
        json!({"commands": ["true"], "workingDirectory": ["/{{ssm-secure:/app/pass}}"]}),
        json!({"commands": ["true"], "executionTimeout": ["{{ssm-secure:/app/pass}}"]}),
    ] {
        let request = json!({"DocumentName": "AWS-RunShellScript", "Parameters": parameters, "InstanceIds": [NOBODY]});
        let refused = hub.call("AmazonSSM.SendCommand", &request).await;
        assert_eq!(refused.code(), "InvalidParameters", "{parameters}");
    }
}

#[tokio::test]
async fn who_may_not_read_a_secret_sends_no_command_that_names_it() {
    let hub = hub().await;
    let oli = hub.user("oli", "operator", &json!({})).await;
    let denial = json!({"Statements": [{"Effect": "Deny", "Actions": ["ssm:GetParameter"], "Resources": [{"Kind": "parameter", "Ids": ["/app/*"]}]}]});
    hub.call("Roadstead.PutPolicy", &json!({"PolicyName": "no", "Document": denial}))
        .await
        .ok();
    hub.call("Roadstead.AttachPolicy", &json!({"PolicyName": "no", "UserName": "oli"}))
        .await
        .ok();
    for line in ["{{ssm-secure:/app/pass}}", "{{ssm-secure:/app/none}}"] {
        let refused = send_as(&hub, &oli, line).await;
        assert_eq!(refused.code(), "AccessDeniedException", "nor is {line} told from what is not there");
    }
    send_as(&hub, &oli, "true").await.ok();
}

#[tokio::test]
async fn a_node_gets_a_runs_secrets_only_by_a_rule_and_only_while_it_runs() {
    let hub = hub().await;
    let (mut agent, _data) = hub.joined(facts("boot-1")).await;
    let admin = Key::of_the_admin();
    let sent = send_as(&hub, &admin, "use {{ssm-secure:/app/pass}} {{ssm-secure:/app/pass:1}}")
        .await
        .ok();
    let run: CommandId = sent["Command"]["CommandId"].as_str().unwrap().parse().unwrap();
    let ToAgent::Run(order) = agent.order().await else {
        panic!("an order")
    };
    assert!(order.payload.contains("{{ssm-secure:/app/pass}}") && !order.payload.contains(PLAIN));

    let refused = ask(&agent, &run, 1).await;
    assert!(refused.secrets.is_empty() && refused.problem.unwrap().contains("no rule"));
    allow(&hub, false).await;
    assert!(
        ask(&agent, &run, 2).await.problem.unwrap().contains("no rule"),
        "a rule without decryption gives none"
    );
    let denied = audited(&hub).await;
    assert_eq!((denied.len(), &denied[0]["Outcome"]), (1, &json!("denied")), "{denied:?}");

    allow(&hub, true).await;
    let given = ask(&agent, &run, 3).await;
    assert_eq!(given.problem, None);
    let values: Vec<(&str, &str)> = given
        .secrets
        .iter()
        .map(|s| (s.reference.as_str(), s.value.expose().as_str()))
        .collect();
    assert_eq!(values, [("ssm-secure:/app/pass", PLAIN), ("ssm-secure:/app/pass:1", PLAIN)]);
    let read = audited(&hub).await;
    assert_eq!(read[0]["Target"], "parameter//app/pass");
    assert_eq!(
        (&read[0]["Outcome"], &read[0]["CommandId"]),
        (&json!("done"), &json!(run.as_str())),
        "{}",
        read[0]
    );
    assert!(read[0]["Caller"].as_str().unwrap().starts_with("node:mi-"));

    put(&hub, "/app/pass", "another", "SecureString").await;
    hub.call("AmazonSSM.DeleteParameter", &json!({"Name": "/app/pass"})).await.ok();
    assert!(ask(&agent, &run, 4).await.problem.unwrap().contains("no such parameter any more"));
    let stranger = CommandId::random();
    assert!(ask(&agent, &stranger, 5).await.problem.unwrap().contains("waits for nothing"));
    hub.call("AmazonSSM.CancelCommand", &json!({"CommandId": run.as_str()})).await.ok();
    agent
        .say
        .send(ToHub::Rejected {
            run: run.clone(),
            reason: roadstead::wire::control::Rejection::Expired,
            message: String::new(),
        })
        .await
        .unwrap();
    soon(async {
        let described = json!({"CommandId": run.as_str()});
        while hub.call("Roadstead.DescribeCommand", &described).await.ok()["Command"]["CompletedCount"] != 1 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(
        ask(&agent, &run, 6).await.problem.unwrap().contains("waits for nothing"),
        "a run that is over gets nothing"
    );
}

#[tokio::test]
async fn the_plain_text_is_nowhere_on_the_hubs_disk() {
    let hub = hub().await;
    let (mut agent, _data) = hub.joined(facts("boot-1")).await;
    allow(&hub, true).await;
    let sent = send_as(&hub, &Key::of_the_admin(), "use {{ssm-secure:/app/pass}}").await.ok();
    let run: CommandId = sent["Command"]["CommandId"].as_str().unwrap().parse().unwrap();
    agent.order().await;
    assert_eq!(ask(&agent, &run, 1).await.secrets.len(), 1);
    agent.shutdown.cancel();
    agent.ended().await.unwrap();
    let folder = hub.stop_and_keep().await;
    let mut looked = 0;
    for entry in walk(folder.path()) {
        let bytes = std::fs::read(&entry).unwrap();
        looked += 1;
        assert!(
            !bytes.windows(PLAIN.len()).any(|part| part == PLAIN.as_bytes()),
            "{}",
            entry.display()
        );
    }
    assert!(looked > 3);
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] })
        .collect()
}
