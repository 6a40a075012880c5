//! Run Command over a whole hub: who is told when, what stops a command, and how it is summed up. Agents have a real link and
//! answer what the test says.

use std::time::Duration;

use roadstead::base::Clock;
use roadstead::base::id::CommandId;
use roadstead::wire::control::{ToAgent, ToHub};
use roadstead::wire::run::{Outcome, Output, Report, StepReport};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::link::support::{TestAgent, facts, soon};
use crate::support::TestHub;

/// A hub and nodes that are online.
struct Fleet {
    hub: TestHub,
    agents: Vec<(TestAgent, TempDir)>,
}

impl Fleet {
    async fn of(count: usize) -> Self {
        Self::on(TestHub::start().await, count).await
    }

    async fn on(hub: TestHub, count: usize) -> Self {
        let line = hub.call("Roadstead.CreateJoinLine", &json!({"Count": count})).await.ok();
        let token = line["Token"].as_str().unwrap().to_owned();
        let mut agents = Vec::new();
        for _ in 0..count {
            let data = tempfile::tempdir().unwrap();
            let agent = TestAgent::start_as(data.path(), Some(token.parse().unwrap()), facts("boot-1"));
            agent.welcomed(1).await;
            agents.push((agent, data));
        }
        let fleet = Self { hub, agents };
        fleet.until_online(count).await;
        fleet
    }

    async fn until_online(&self, count: usize) {
        soon(async {
            while self.hub.call("Roadstead.DescribeHub", &json!({})).await.ok()["NodesOnline"] != count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }

    /// Stops the agent with this number.
    async fn leaves(&mut self, number: usize) -> TempDir {
        let (agent, data) = self.agents.remove(number);
        agent.shutdown.cancel();
        agent.ended().await.unwrap();
        self.until_online(self.agents.len()).await;
        data
    }

    /// A script to all nodes.
    async fn send(&self, members: Value) -> String {
        let mut request = json!({
            "DocumentName": "AWS-RunShellScript",
            "Parameters": {"commands": ["true"]},
            "Targets": [{"Key": "roadstead:filter", "Values": ["id^mi-"]}],
        });
        request.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let sent = self.hub.call("AmazonSSM.SendCommand", &request).await.ok();
        sent["Command"]["CommandId"].as_str().unwrap().to_owned()
    }

    async fn described(&self, command: &str) -> Value {
        self.hub
            .call("Roadstead.DescribeCommand", &json!({ "CommandId": command }))
            .await
            .ok()
    }

    /// How many shares there are of each state, as `[["Success", 2], …]`.
    async fn states(&self, command: &str) -> Vec<(String, u64)> {
        let described = self.described(command).await;
        let states = described["States"].as_array().unwrap().iter();
        states
            .map(|s| (s["StatusDetails"].as_str().unwrap().to_owned(), s["Count"].as_u64().unwrap()))
            .collect()
    }

    async fn until(&self, command: &str, what: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let reached = soon(async {
            loop {
                let described = self.described(command).await;
                if what(&described["Command"]) {
                    return described["Command"].clone();
                }
                last = described;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        reached.await
    }

    /// The number of the one agent that is told next, of those who were not told yet.
    async fn next_told(&mut self, command: &str, told: &[usize]) -> usize {
        let waiting = self.agents.iter_mut().enumerate().filter(|(n, _)| !told.contains(n));
        let orders = waiting.map(|(n, (agent, _))| {
            Box::pin(async move {
                loop {
                    if let ToAgent::Run(order) = agent.order().await {
                        return (n, order.warrant.id.clone());
                    }
                }
            })
        });
        let ((number, id), ..) = soon(futures_util::future::select_all(orders)).await;
        assert_eq!(id, command);
        number
    }

    async fn answers(&self, number: usize, command: &str, outcome: Outcome) {
        let step = StepReport {
            name: "script".into(),
            action: "aws:runShellScript".into(),
            outcome,
            exit_code: Some(if outcome == Outcome::Success { 0 } else { 1 }),
            message: String::new(),
            started_at_ms: 0,
            ended_at_ms: 0,
            stdout: Output::default(),
            stderr: Output::default(),
        };
        let run: CommandId = command.parse().unwrap();
        let steps = vec![step];
        let (agent, _) = &self.agents[number];
        agent.say.send(ToHub::Accepted { run: run.clone() }).await.unwrap();
        agent.say.send(ToHub::Report(Box::new(Report { run, steps }))).await.unwrap();
    }

    /// Nobody but these has been told: whoever reads a later order first has read no earlier one.
    async fn nobody_else_was_told(&mut self, told: &[usize]) {
        let unlimited = self.send(json!({"MaxConcurrency": "100%", "MaxErrors": "100%"})).await;
        for (number, (agent, _)) in self.agents.iter_mut().enumerate() {
            loop {
                match agent.order().await {
                    ToAgent::Run(order) if order.warrant.id == unlimited => break,
                    ToAgent::Run(order) => panic!("agent {number} was told of {}, and only {told:?} should be", order.warrant.id),
                    _ => {}
                }
            }
        }
    }
}

fn status(command: &Value) -> (&str, &str) {
    (command["Status"].as_str().unwrap(), command["StatusDetails"].as_str().unwrap())
}

fn is_over(command: &Value) -> bool {
    command["CompletedCount"] == command["TargetCount"]
}

#[tokio::test]
async fn no_more_nodes_are_told_than_max_concurrency() {
    let mut fleet = Fleet::of(5).await;
    let command = fleet.send(json!({"MaxConcurrency": "2"})).await;
    let mut told = vec![fleet.next_told(&command, &[]).await];
    told.push(fleet.next_told(&command, &told).await);
    assert_eq!(fleet.described(&command).await["Command"]["HeldCount"], 3);
    fleet.nobody_else_was_told(&told).await;
    for answered in 0..5 {
        fleet.answers(told[answered], &command, Outcome::Success).await;
        if told.len() < 5 {
            told.push(fleet.next_told(&command, &told).await);
        }
    }
    let ended = fleet.until(&command, is_over).await;
    assert_eq!(status(&ended), ("Success", "Success"));
    assert_eq!((&ended["HeldCount"], &ended["TargetCount"]), (&json!(0), &json!(5)));
    fleet.nobody_else_was_told(&told).await;
}

#[tokio::test]
async fn the_first_error_stops_what_is_not_begun() {
    let mut fleet = Fleet::of(4).await;
    let command = fleet.send(json!({"MaxConcurrency": "1"})).await;
    let first = fleet.next_told(&command, &[]).await;
    fleet.answers(first, &command, Outcome::Success).await;
    let second = fleet.next_told(&command, &[first]).await;
    fleet.answers(second, &command, Outcome::Failed).await;
    let ended = fleet.until(&command, is_over).await;
    assert_eq!(status(&ended), ("Failed", "Failed"));
    assert_eq!((&ended["ErrorCount"], &ended["DeliveryTimedOutCount"]), (&json!(1), &json!(0)));
    let states = fleet.states(&command).await;
    assert_eq!(states, [("Success".into(), 1), ("Failed".into(), 1), ("Terminated".into(), 2)]);
    let listed = json!({"CommandId": command, "Filters": [{"key": "Status", "value": "Cancelled"}]});
    let listed = fleet.hub.call("AmazonSSM.ListCommandInvocations", &listed).await.ok();
    let stopped = &listed["CommandInvocations"][1];
    assert_eq!(status(stopped), ("Cancelled", "Terminated"));
    assert!(stopped["TraceOutput"].as_str().unwrap().contains("MaxErrors"), "{stopped}");
    fleet.nobody_else_was_told(&[first, second]).await;
}

#[tokio::test]
async fn errors_are_borne_up_to_max_errors_and_summed_up_as_upstream_does() {
    let mut fleet = Fleet::of(4).await;
    for (max_errors, failing, wanted, states) in [
        ("2", 2, ("Failed", "Failed"), vec![("Success", 2), ("Failed", 2)]),
        ("3", 2, ("Failed", "Incomplete"), vec![("Success", 2), ("Failed", 2)]),
        ("25%", 2, ("Failed", "Failed"), vec![("Failed", 2), ("Terminated", 2)]),
    ] {
        let command = fleet.send(json!({"MaxConcurrency": "25%", "MaxErrors": max_errors})).await;
        let mut told = Vec::new();
        for number in 0..states.iter().filter(|(s, _)| *s != "Terminated").map(|(_, n)| *n).sum() {
            let next = fleet.next_told(&command, &told).await;
            told.push(next);
            let outcome = if number < failing { Outcome::Failed } else { Outcome::Success };
            fleet.answers(next, &command, outcome).await;
        }
        let ended = fleet.until(&command, is_over).await;
        assert_eq!(status(&ended), wanted, "MaxErrors {max_errors}");
        let states: Vec<_> = states.into_iter().map(|(state, n)| (state.to_owned(), n as u64)).collect();
        assert_eq!(fleet.states(&command).await, states, "MaxErrors {max_errors}");
    }
}

#[tokio::test]
async fn the_others_follow_when_the_first_nodes_have_succeeded() {
    let mut fleet = Fleet::of(4).await;
    let limits = json!({"Canary": "1", "MaxConcurrency": "100%", "MaxErrors": "100%"});
    let command = fleet.send(limits.clone()).await;
    let first = fleet.next_told(&command, &[]).await;
    assert_eq!(fleet.described(&command).await["Command"]["HeldCount"], 3);
    fleet.answers(first, &command, Outcome::Success).await;
    let mut told = vec![first];
    while told.len() < 4 {
        let next = fleet.next_told(&command, &told).await;
        fleet.answers(next, &command, Outcome::Failed).await;
        told.push(next);
    }
    assert_eq!(status(&fleet.until(&command, is_over).await), ("Failed", "Incomplete"));

    let command = fleet.send(limits).await;
    let first = fleet.next_told(&command, &[]).await;
    fleet.answers(first, &command, Outcome::Failed).await;
    assert_eq!(status(&fleet.until(&command, is_over).await), ("Failed", "Failed"));
    assert_eq!(fleet.states(&command).await, [("Failed".into(), 1), ("Terminated".into(), 3)]);
    fleet.nobody_else_was_told(&[first]).await;
}

#[tokio::test]
async fn nodes_that_are_offline_wait_or_are_left_out_or_count_as_failed() {
    let mut fleet = Fleet::of(2).await;
    let away = fleet.leaves(0).await;

    let skipping = fleet.send(json!({"OfflineNodes": "Skip"})).await;
    let there = fleet.next_told(&skipping, &[]).await;
    fleet.answers(there, &skipping, Outcome::Success).await;
    assert_eq!(status(&fleet.until(&skipping, is_over).await), ("Success", "Success"));
    assert_eq!(fleet.states(&skipping).await, [("Success".into(), 1), ("Undeliverable".into(), 1)]);

    let failing = fleet.send(json!({"OfflineNodes": "Fail"})).await;
    assert_eq!(status(&fleet.until(&failing, is_over).await), ("Failed", "Failed"));
    assert_eq!(fleet.states(&failing).await, [("Failed".into(), 1), ("Terminated".into(), 1)]);

    // One that waits takes no place of those that are there, and has its turn when it comes back.
    let waiting = fleet.send(json!({"OfflineNodes": "Wait", "MaxConcurrency": "1"})).await;
    let there = fleet.next_told(&waiting, &[]).await;
    fleet.answers(there, &waiting, Outcome::Success).await;
    fleet.until(&waiting, |c| c["CompletedCount"] == 1).await;
    assert_eq!(fleet.states(&waiting).await, [("Delayed".into(), 1), ("Success".into(), 1)]);
    let back = TestAgent::start_as(away.path(), None, facts("boot-1"));
    fleet.agents.push((back, away));
    assert_eq!(fleet.next_told(&waiting, &[0]).await, 1);
    fleet.answers(1, &waiting, Outcome::Success).await;
    assert_eq!(status(&fleet.until(&waiting, is_over).await), ("Success", "Success"));
}

#[tokio::test]
async fn a_node_that_comes_back_after_the_errors_is_not_told() {
    let mut fleet = Fleet::of(2).await;
    let away = fleet.leaves(0).await;
    let command = fleet.send(json!({"MaxConcurrency": "100%"})).await;
    let there = fleet.next_told(&command, &[]).await;
    fleet.answers(there, &command, Outcome::Failed).await;
    let ended = fleet.until(&command, is_over).await;
    assert_eq!(status(&ended), ("Failed", "Failed"));
    assert_eq!(fleet.states(&command).await, [("Failed".into(), 1), ("Terminated".into(), 1)]);
    let back = TestAgent::start_as(away.path(), None, facts("boot-1"));
    fleet.agents.push((back, away));
    fleet.until_online(2).await;
    fleet.nobody_else_was_told(&[0]).await;
}

#[tokio::test]
async fn whoever_waits_for_its_turn_is_cancelled_at_once() {
    let mut fleet = Fleet::of(3).await;
    let command = fleet.send(json!({"MaxConcurrency": "1"})).await;
    let first = fleet.next_told(&command, &[]).await;
    let cancel = json!({ "CommandId": command });
    let found = fleet.hub.call("AmazonSSM.CancelCommand", &cancel).await.ok();
    assert_eq!(found, json!({"NotBegunCount": 2, "StoppingCount": 1, "EndedCount": 0}));
    assert_eq!(fleet.states(&command).await, [("Cancelling".into(), 1), ("Cancelled".into(), 2)]);
    let told = soon(fleet.agents[first].0.order()).await;
    assert!(matches!(told, ToAgent::Cancel { .. }), "{told:?}");
    fleet.answers(first, &command, Outcome::Cancelled).await;
    assert_eq!(status(&fleet.until(&command, is_over).await), ("Cancelled", "Canceled"));
    let found = fleet.hub.call("AmazonSSM.CancelCommand", &cancel).await.ok();
    assert_eq!(found, json!({"NotBegunCount": 0, "StoppingCount": 0, "EndedCount": 3}));
    fleet.nobody_else_was_told(&[first]).await;
}

#[tokio::test]
async fn a_turn_that_does_not_come_in_time_is_a_delivery_time_out_and_no_error() {
    let clock = Clock::manual(Clock::system().now());
    let mut fleet = Fleet::on(TestHub::start_by(clock.clone()).await, 3).await;
    let command = fleet
        .send(json!({"MaxConcurrency": "1", "MaxErrors": "1", "TimeoutSeconds": 30}))
        .await;
    let first = fleet.next_told(&command, &[]).await;
    fleet.agents[first]
        .0
        .say
        .send(ToHub::Accepted {
            run: command.parse().unwrap(),
        })
        .await
        .unwrap();
    // Of the one that has begun the hub must know it before time passes.
    soon(async {
        while !fleet.states(&command).await.contains(&("InProgress".into(), 1)) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    clock.advance(Duration::from_secs(31));
    fleet.until(&command, |c| c["DeliveryTimedOutCount"] == 2).await;
    fleet.answers(first, &command, Outcome::Success).await;
    let ended = fleet.until(&command, is_over).await;
    assert_eq!(status(&ended), ("TimedOut", "DeliveryTimedOut"));
    assert_eq!(ended["ErrorCount"], 0);
    assert_eq!(
        fleet.states(&command).await,
        [("Success".into(), 1), ("DeliveryTimedOut".into(), 2)]
    );
}

#[tokio::test]
async fn an_approved_command_keeps_to_its_limits() {
    let mut fleet = Fleet::of(3).await;
    let ann = fleet.hub.user("ann", "operator", &json!({})).await;
    let limits = json!({"Holder": "default", "Limits": {"ApproveAbove": 2}});
    fleet.hub.call("Roadstead.PutLimits", &limits).await.ok();
    let command = fleet.send(json!({"MaxConcurrency": "1"})).await;
    assert_eq!(fleet.described(&command).await["Command"]["HeldCount"], 3);
    let id = json!({ "CommandId": command }).to_string();
    fleet.hub.call_as(&ann, "Roadstead.ApproveCommand", &id).await.ok();
    let mut told = Vec::new();
    for _ in 0..3 {
        told.push(fleet.next_told(&command, &told).await);
        assert_eq!(fleet.described(&command).await["Command"]["HeldCount"], 3 - told.len());
        fleet.answers(told[told.len() - 1], &command, Outcome::Success).await;
    }
    assert_eq!(status(&fleet.until(&command, is_over).await), ("Success", "Success"));
}

#[tokio::test]
async fn settings_of_processes_are_checked_shown_and_kept_by_a_rerun() {
    let mut fleet = Fleet::of(1).await;
    let wanted = json!({"Environment": {"A": "b c"}, "Directory": "/srv", "Nice": 5, "MemoryMiB": 64, "CpuPercent": 50});
    let command = fleet.send(json!({ "RunSettings": wanted })).await;
    assert_eq!(fleet.described(&command).await["Command"]["RunSettings"], wanted);
    fleet.next_told(&command, &[]).await;
    fleet.answers(0, &command, Outcome::Failed).await;
    fleet.until(&command, is_over).await;
    let again = json!({"CommandId": command, "Scope": "failed"});
    let again = fleet.hub.call("Roadstead.RerunCommand", &again).await.ok();
    let again = again["CommandId"].as_str().unwrap();
    assert_eq!(fleet.described(again).await["Command"]["RunSettings"], wanted);

    let plain = fleet.send(json!({})).await;
    assert_eq!(fleet.described(&plain).await["Command"].get("RunSettings"), None);
    let approval = json!({"Text": "x", "Signature": "y"});
    for members in [
        json!({"RunSettings": {"Nice": 20}}),
        json!({"RunSettings": {"Nice": -1}}),
        json!({"RunSettings": {"User": "a:b"}}),
        json!({"RunSettings": {"Environment": {"LD_PRELOAD": "x"}}}),
        json!({"RunSettings": {"MemoryMiB": 1}}),
        json!({"RunSettings": {"Nice": 5}, "OperatorApproval": approval}),
    ] {
        let mut request = json!({"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]},
            "Targets": [{"Key": "tag-key", "Values": ["x"]}]});
        request.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let refused = fleet.hub.call("AmazonSSM.SendCommand", &request).await;
        assert!(
            ["ValidationException", "SerializationException"].contains(&refused.code()),
            "{members}: {}",
            refused.body
        );
    }
}

#[tokio::test]
async fn a_node_that_cannot_run_as_the_sender_says_is_not_told() {
    let hub = TestHub::start().await;
    let id = "mi-00000000000000001";
    crate::rights::add_node(&hub, id, "all");
    let database = rusqlite::Connection::open(hub.data.path().join("hub.db")).unwrap();
    database.busy_timeout(Duration::from_secs(10)).unwrap();
    let lock = json!({"files": ["/etc/roadstead/lock.yaml"], "lock": {"allowed-documents": ["AWS-RunShellScript"]}});
    let says = |facts: Value| {
        let sql = "UPDATE node SET facts = ?1 WHERE id = ?2";
        assert_eq!(database.execute(sql, [facts.to_string(), id.to_owned()]).unwrap(), 1);
    };
    let request = |settings: Value, members: Value| {
        let mut request = json!({"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}, "RunSettings": settings});
        request.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        request
    };
    let named = json!({"InstanceIds": [id]});
    let found = json!({"Targets": [{"Key": "tag:part", "Values": ["all"]}]});

    says(json!({"runs_as": "ops"}));
    let refused = hub
        .call("AmazonSSM.SendCommand", &request(json!({"User": "daemon"}), named.clone()))
        .await;
    assert_eq!(refused.code(), "ValidationException");
    let message = refused.body["message"].as_str().unwrap();
    assert!(message.contains(id) && message.contains("only root"), "{message}");
    let sent = hub
        .call("AmazonSSM.SendCommand", &request(json!({"User": "daemon"}), found))
        .await
        .ok();
    assert_eq!(status(&sent["Command"]), ("Failed", "Failed"), "{sent}");
    hub.call("AmazonSSM.SendCommand", &request(json!({"User": "ops"}), named.clone()))
        .await
        .ok();

    says(json!({"runs_as": "root", "lock": lock}));
    let refused = hub
        .call("AmazonSSM.SendCommand", &request(json!({"Environment": {"A": "b"}}), named.clone()))
        .await;
    assert_eq!(refused.code(), "AccessDeniedException");
    assert!(refused.body["message"].as_str().unwrap().contains("allowed-documents"));
    hub.call("AmazonSSM.SendCommand", &request(json!({"Nice": 5}), named)).await.ok();
}

#[tokio::test]
async fn limits_that_are_none_are_named() {
    let fleet = Fleet::of(1).await;
    let body = |members: Value| {
        let mut request = json!({"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]},
            "Targets": [{"Key": "tag-key", "Values": ["x"]}]});
        request.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        request
    };
    for members in [
        json!({"MaxConcurrency": "0"}),
        json!({"MaxConcurrency": "0%"}),
        json!({"MaxErrors": "101%"}),
        json!({"MaxErrors": "-1"}),
        json!({"Canary": "0"}),
        json!({"OfflineNodes": "Ignore"}),
    ] {
        let refused = fleet.hub.call("AmazonSSM.SendCommand", &body(members.clone())).await;
        assert_eq!(refused.code(), "ValidationException", "{members}");
    }
    let sent = fleet.hub.call("AmazonSSM.SendCommand", &body(json!({}))).await.ok();
    let command = &sent["Command"];
    assert_eq!((&command["MaxConcurrency"], &command["MaxErrors"]), (&json!("50"), &json!("0")));
    assert_eq!(status(command), ("Success", "NoInstancesInTag"));
}
