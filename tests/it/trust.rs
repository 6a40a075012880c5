//! Trust between hub and agent: who is let in as whom, what is signed, what a node's lock forbids. A whole hub, agents with a
//! real link and recorded orders.

use std::path::Path;

use roadstead::agent::home::HomeError;
use roadstead::base::{Clock, Timestamp};
use roadstead::model::lock::Lock;
use roadstead::wire::control::ToAgent;
use roadstead::wire::node::{LockFacts, NodeFacts};
use roadstead::wire::run::Work;
use roadstead::wire::warrant::Class;
use serde_json::{Value, json};

use crate::link::support::{TestAgent, facts, soon};
use crate::support::{Browser, TestHub};

async fn token(hub: &TestHub, extra: Value) -> String {
    let mut request = json!({"Count": 10});
    request.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    let made = hub.call("Roadstead.CreateJoinLine", &request).await.ok();
    made["Token"].as_str().unwrap().to_owned()
}

fn start(data: &Path, token: &str, facts: NodeFacts) -> TestAgent {
    TestAgent::start_as(data, Some(token.parse().unwrap()), facts)
}

async fn nodes(hub: &TestHub, filter: &str) -> Vec<Value> {
    let filter: roadstead::model::filter::Filter = filter.parse().unwrap();
    let found = hub
        .call("Roadstead.SearchNodes", &json!({"Filter": filter, "MaxResults": 100}))
        .await
        .ok();
    found["Nodes"].as_array().unwrap().clone()
}

/// Waits until exactly so many nodes match.
async fn until_nodes(hub: &TestHub, filter: &str, count: usize) -> Vec<Value> {
    soon(async {
        loop {
            let found = nodes(hub, filter).await;
            if found.len() == count {
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await
}

async fn pending(hub: &TestHub, count: usize) -> Vec<Value> {
    soon(async {
        loop {
            let found = hub.call("Roadstead.ListJoinRequests", &json!({"State": "Pending"})).await.ok();
            let found = found["JoinRequests"].as_array().unwrap().clone();
            if found.len() == count {
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await
}

fn id(value: &Value) -> &str {
    value["NodeId"].as_str().unwrap()
}

async fn send(hub: &TestHub, ids: &[&str]) -> crate::support::Answer {
    let request = json!({"InstanceIds": ids, "DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}});
    hub.call("AmazonSSM.SendCommand", &request).await
}

#[tokio::test]
async fn an_order_is_signed_for_its_node() {
    let hub = TestHub::start().await;
    let data = tempfile::tempdir().unwrap();
    let mut agent = start(data.path(), &token(&hub, json!({})).await, facts("boot-1"));
    let node = until_nodes(&hub, "status=online", 1).await.remove(0);
    send(&hub, &[id(&node)]).await.ok();
    let ToAgent::Run(order) = agent.order().await else {
        panic!("an order")
    };
    let terms = agent.duties.terms.lock().unwrap().clone().unwrap();
    let payload = terms.open(&order, Class::Command, Clock::system().now()).unwrap();
    let work: Work = serde_json::from_str(payload).unwrap();
    assert_eq!(
        (work.document_name.as_str(), &work.parameters["commands"][0]),
        ("AWS-RunShellScript", &"true".to_owned())
    );
    assert!(terms.open(&order, Class::Session, Clock::system().now()).is_err());
    assert!(terms.open(&order, Class::Command, Timestamp::from_millis(i64::MAX)).is_err());
}

#[tokio::test]
async fn who_waits_for_approval_is_let_in_by_it() {
    let hub = TestHub::start().await;
    let token = token(&hub, json!({"NeedsApproval": true})).await;
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _first = start(first.path(), &token, facts("boot-1"));
    let request = pending(&hub, 1).await.remove(0);
    assert!(nodes(&hub, "id^mi-").await.is_empty());
    assert_eq!(request["ComputerName"], "test");
    let named = json!({"RequestIds": [request["RequestId"]]});
    hub.call("Roadstead.ApproveJoin", &named).await.ok();
    until_nodes(&hub, "status=online", 1).await;
    assert!(
        hub.call("Roadstead.ListJoinRequests", &json!({})).await.ok()["JoinRequests"]
            .as_array()
            .unwrap()
            .is_empty()
    );

    let second = start(second.path(), &token, facts("boot-1"));
    pending(&hub, 1).await;
    let by_rule = json!({"Filter": {"Terms": [{"Key": "name", "Op": "eq", "Value": "test"}]}});
    assert_eq!(
        hub.call("Roadstead.RejectJoin", &by_rule).await.ok()["RequestIds"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert!(matches!(second.ended().await, Err(HomeError::Rejected { .. })));
    let unknown = hub.call("Roadstead.ApproveJoin", &json!({"RequestIds": ["jr-nobody"]})).await;
    assert_eq!(unknown.code(), "DoesNotExistException");
    assert_eq!(hub.call("Roadstead.ApproveJoin", &json!({})).await.code(), "ValidationException");
}

#[tokio::test]
async fn a_system_installed_anew_gets_its_record_back_when_somebody_says_so() {
    let hub = TestHub::start().await;
    let token = token(&hub, json!({})).await;
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let agent = start(old.path(), &token, facts("boot-1"));
    let node = until_nodes(&hub, "status=online", 1).await.remove(0);
    send(&hub, &[id(&node)]).await.ok();
    agent.shutdown.cancel();
    agent.ended().await.unwrap();
    until_nodes(&hub, "status=offline", 1).await;

    let _new = start(new.path(), &token, facts("boot-2"));
    let request = pending(&hub, 1).await.remove(0);
    assert_eq!(request["NodeId"], node["NodeId"]);
    hub.call("Roadstead.ApproveJoin", &json!({"RequestIds": [request["RequestId"]]}))
        .await
        .ok();
    let again = until_nodes(&hub, "status=online", 1).await.remove(0);
    assert_eq!((id(&again), nodes(&hub, "id^mi-").await.len()), (id(&node), 1));
    let history = hub
        .call("AmazonSSM.ListCommandInvocations", &json!({"InstanceId": id(&node)}))
        .await
        .ok();
    assert_eq!(history["CommandInvocations"].as_array().unwrap().len(), 1);
    // The key that the record had is nobody any more.
    let old = TestAgent::start(old.path(), None);
    assert!(matches!(old.ended().await, Err(HomeError::UnknownKey { .. })));
}

#[tokio::test]
async fn a_second_agent_on_a_running_system_is_a_node_of_its_own() {
    let hub = TestHub::start().await;
    let token = token(&hub, json!({})).await;
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let agent = start(first.path(), &token, facts("boot-1"));
    until_nodes(&hub, "status=online", 1).await;
    agent.shutdown.cancel();
    agent.ended().await.unwrap();
    until_nodes(&hub, "status=offline", 1).await;
    let _second = start(second.path(), &token, facts("boot-1"));
    until_nodes(&hub, "status=online", 1).await;
    assert_eq!(nodes(&hub, "id^mi-").await.len(), 2);
}

#[tokio::test]
async fn a_copied_identity_is_quarantined_until_the_copy_gets_its_own() {
    a_copy_is_quarantined_on("boot-2").await;
}

#[tokio::test]
async fn so_is_a_copied_folder_on_the_same_system() {
    a_copy_is_quarantined_on("boot-1").await;
}

/// The original runs on `boot-1`.
async fn a_copy_is_quarantined_on(boot_of_copy: &str) {
    let hub = TestHub::start().await;
    let token = token(&hub, json!({})).await;
    let (original, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _original = start(original.path(), &token, facts("boot-1"));
    let node = until_nodes(&hub, "status=online", 1).await.remove(0);
    // The hub sees the node online before the node has written down whom it joined.
    soon(async {
        while !original.path().join("hub.json").exists() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await;
    for file in ["identity.key", "hub.json"] {
        std::fs::copy(original.path().join(file), copy.path().join(file)).unwrap();
    }
    let _copy = TestAgent::start_as(copy.path(), None, facts(boot_of_copy));
    let described = soon(async {
        loop {
            let described = hub.call("Roadstead.DescribeNode", &json!({"NodeId": id(&node)})).await.ok();
            if described["Quarantine"].as_array().is_some_and(|systems| systems.len() == 2) {
                return described;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await;
    assert!(described["Warnings"][0].as_str().unwrap().contains("two systems"), "{described}");
    assert_eq!(send(&hub, &[id(&node)]).await.code(), "AccessDeniedException");
    assert_eq!(
        hub.call("AmazonSSM.StartSession", &json!({"Target": id(&node)})).await.code(),
        "AccessDeniedException"
    );

    hub.call("Roadstead.RenewNodeIdentity", &json!({"NodeId": id(&node)})).await.ok();
    until_nodes(&hub, "status=online", 2).await;
    let described = hub.call("Roadstead.DescribeNode", &json!({"NodeId": id(&node)})).await.ok();
    assert!(
        described["Quarantine"].as_array().unwrap().is_empty() && described["Status"] == "Online",
        "{described}"
    );
    send(&hub, &[id(&node)]).await.ok();
    let again = hub.call("Roadstead.RenewNodeIdentity", &json!({"NodeId": id(&node)})).await;
    assert_eq!(again.code(), "ValidationException");
    let key = |data: &Path| std::fs::read_to_string(data.join("identity.key")).unwrap();
    assert_ne!(key(original.path()), key(copy.path()));
    assert!(!copy.path().join("join.token").exists());
}

#[tokio::test]
async fn a_locked_node_is_shown_found_and_not_asked() {
    let hub = TestHub::start().await;
    let token = token(&hub, json!({})).await;
    let (open, locked) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _open = start(open.path(), &token, facts("boot-1"));
    let lock = LockFacts {
        lock: Lock {
            no_shell: true,
            ..Lock::default()
        },
        files: vec!["/etc/roadstead/lock.yaml".into()],
        trouble: None,
    };
    let shut = NodeFacts {
        lock: Some(lock),
        ..facts("boot-1")
    };
    let _locked = start(locked.path(), &token, shut);
    until_nodes(&hub, "status=online", 2).await;
    let node = until_nodes(&hub, "lock:no-shell", 1).await.remove(0);
    let described = hub.call("Roadstead.DescribeNode", &json!({"NodeId": id(&node)})).await.ok();
    assert_eq!(described["NodeLock"]["NoShell"], true);
    for refused in [
        send(&hub, &[id(&node)]).await,
        hub.call("AmazonSSM.StartSession", &json!({"Target": id(&node)})).await,
    ] {
        assert_eq!(refused.code(), "AccessDeniedException");
        let words = refused.body.to_string();
        assert!(
            words.contains("`no-shell`") && words.contains("/etc/roadstead/lock.yaml"),
            "{words}"
        );
    }
    let everywhere = json!({"Targets": [{"Key": "roadstead:filter", "Values": ["status=online"]}],
        "DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}});
    let sent = hub.call("AmazonSSM.SendCommand", &everywhere).await.ok();
    let command = sent["Command"]["CommandId"].as_str().unwrap();
    let one = json!({"CommandId": command, "InstanceId": id(&node)});
    let invocation = hub.call("AmazonSSM.GetCommandInvocation", &one).await.ok();
    assert_eq!(invocation["Status"], "Failed");
    assert!(
        invocation["StandardErrorContent"].as_str().unwrap().contains("`no-shell`"),
        "{invocation}"
    );
}

#[tokio::test]
async fn the_hubs_key_is_changed_under_connected_agents_and_learnt_by_those_that_were_away() {
    let hub = TestHub::start().await;
    let token = token(&hub, json!({})).await;
    let (here, away, late) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let mut present = start(here.path(), &token, facts("boot-1"));
    let absent = start(away.path(), &token, facts("boot-1"));
    until_nodes(&hub, "status=online", 2).await;
    absent.shutdown.cancel();
    absent.ended().await.unwrap();
    let before = hub.call("Roadstead.DescribeHubKey", &json!({})).await.ok();
    assert_eq!(before["NodesWithIt"], 2);

    let after = hub.call("Roadstead.RotateHubKey", &json!({})).await.ok();
    assert_ne!(after["Fingerprint"], before["Fingerprint"]);
    assert_eq!(after["OldFingerprint"], before["Fingerprint"]);
    assert_eq!(hub.call("Roadstead.RotateHubKey", &json!({})).await.code(), "ValidationException");
    let with_it = |count: i64| {
        let hub = &hub;
        async move {
            soon(async {
                while hub.call("Roadstead.DescribeHubKey", &json!({})).await.ok()["NodesWithIt"] != count {
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                }
            })
            .await
        }
    };
    with_it(1).await;
    // The connected one obeys the new key without a new connection.
    let online = until_nodes(&hub, "status=online", 1).await.remove(0);
    send(&hub, &[id(&online)]).await.ok();
    let ToAgent::Run(order) = present.order().await else {
        panic!("an order")
    };
    let terms = present.duties.terms.lock().unwrap().clone().unwrap();
    terms.open(&order, Class::Command, Clock::system().now()).unwrap();

    assert_eq!(
        hub.call("Roadstead.FinishHubKeyRotation", &json!({})).await.code(),
        "ValidationException"
    );
    hub.call("Roadstead.FinishHubKeyRotation", &json!({"Anyway": true})).await.ok();
    let note = std::fs::read_to_string(away.path().join("hub.json")).unwrap();
    assert!(note.contains(before["Fingerprint"].as_str().unwrap()));
    let _back = TestAgent::start(away.path(), None);
    until_nodes(&hub, "status=online", 2).await;
    with_it(2).await;
    // A token made before the change still leads to this hub.
    let _late = start(late.path(), &token, facts("boot-1"));
    until_nodes(&hub, "status=online", 3).await;
    present.shutdown.cancel();
}

/// Somebody sets the hub's clock: nobody is logged out, nothing that waits is given up, nothing that is old is removed.
#[tokio::test]
async fn a_clock_that_is_set_ends_nothing() {
    let clock = Clock::manual(Clock::system().now());
    let hub = TestHub::start_by(clock.clone()).await;
    let token = token(&hub, json!({})).await;
    let (here, away) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut present = start(here.path(), &token, facts("boot-1"));
    let absent = start(away.path(), &token, facts("boot-1"));
    let both = until_nodes(&hub, "status=online", 2).await;
    absent.shutdown.cancel();
    absent.ended().await.unwrap();
    let waiting = until_nodes(&hub, "status=offline", 1).await.remove(0);
    let here = both.iter().find(|node| id(node) != id(&waiting)).unwrap();
    let mut browser = Browser::logged_in(&hub, "admin", crate::support::PASSWORD).await;
    let sent = send(&hub, &[id(&waiting)]).await.ok();
    let command = sent["Command"]["CommandId"].as_str().unwrap().to_owned();

    let ten_years = std::time::Duration::from_secs(10 * 365 * 86_400);
    let start_of_test = clock.now();
    for set in [
        start_of_test + ten_years,
        start_of_test,
        start_of_test - ten_years,
        start_of_test,
        start_of_test - std::time::Duration::from_secs(3600),
    ] {
        clock.set(set);
        // The agent that is here is told, and by that everything before the next tick is done.
        let told = present.order().await;
        assert!(matches!(told, ToAgent::Time { now_ms } if now_ms == set.millis()), "{told:?}");
        let caller = browser.call("GetCaller", json!({})).await;
        assert_eq!(caller.status, 200, "still logged in at {set}");
        let one = json!({"CommandId": command, "InstanceId": id(&waiting)});
        let invocation = hub.call("AmazonSSM.GetCommandInvocation", &one).await.ok();
        assert_eq!(invocation["StatusDetails"], "Delayed", "at {set}");
        assert_eq!(nodes(&hub, "status=online").await.len(), 1);
        send(&hub, &[id(here)]).await.ok();
        assert!(matches!(present.order().await, ToAgent::Run(_)));
    }
}

/// Rule: an agent speaks about itself only. Whatever ids, names and addresses its frames hold, no other node's rows change.
#[tokio::test]
async fn what_an_agent_says_changes_its_own_rows_only() {
    use roadstead::wire::control::{Rejection, ToHub};
    use roadstead::wire::run::{Outcome, Output, Report, StepReport};
    let hub = TestHub::start().await;
    let token = token(&hub, json!({})).await;
    let (liar, honest) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let liar = start(liar.path(), &token, facts("boot-1"));
    let own = until_nodes(&hub, "status=online", 1).await.remove(0);
    let mut honest = start(honest.path(), &token, facts("boot-1"));
    let both = until_nodes(&hub, "status=online", 2).await;
    let victim = both.iter().find(|node| id(node) != id(&own)).unwrap();
    let sent = send(&hub, &[id(victim)]).await.ok();
    let command: roadstead::base::id::CommandId = sent["Command"]["CommandId"].as_str().unwrap().parse().unwrap();
    assert!(matches!(honest.order().await, ToAgent::Run(_)));
    let described = async || {
        let mut described = hub.call("Roadstead.DescribeNode", &json!({"NodeId": id(victim)})).await.ok();
        described.as_object_mut().unwrap().remove("LastSeenAt");
        let one = json!({"CommandId": command, "InstanceId": id(victim)});
        (described, hub.call("AmazonSSM.GetCommandInvocation", &one).await.ok())
    };
    let before = described().await;

    let step = StepReport {
        name: "a".into(),
        action: "aws:runShellScript".into(),
        outcome: Outcome::Success,
        exit_code: Some(0),
        message: id(victim).to_owned(),
        started_at_ms: 0,
        ended_at_ms: 0,
        stdout: Output::default(),
        stderr: Output::default(),
    };
    let run = command.clone();
    let lies = NodeFacts {
        computer_name: "the-victim".into(),
        machine_id: id(victim).to_owned(),
        addresses: vec![id(victim).to_owned()],
        ..facts("boot-1")
    };
    for frame in [
        ToHub::Accepted { run: run.clone() },
        ToHub::Report(Box::new(Report {
            run: run.clone(),
            steps: vec![step],
        })),
        ToHub::Rejected {
            run,
            reason: Rejection::Locked,
            message: "not mine".into(),
        },
        ToHub::Trusts { hub_key: "ab".repeat(32) },
        ToHub::Facts(lies),
    ] {
        liar.say.send(frame).await.unwrap();
    }
    // Its own facts come last; when they are there, the rest was heard.
    soon(async {
        while hub.call("Roadstead.DescribeNode", &json!({"NodeId": id(&own)})).await.ok()["ComputerName"] != "the-victim" {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await;
    assert_eq!(described().await, before);
}
