//! Output of commands as logs: groups, streams, events and their pages, over a whole hub with an agent that says what the test says.

use data_encoding::{BASE64, HEXLOWER};
use roadstead::base::id::CommandId;
use roadstead::wire::control::{ToAgent, ToHub};
use roadstead::wire::run::{Outcome, Output, Report, StepReport};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::link::support::{TestAgent, facts, soon};
use crate::support::{Answer, TestHub};

const GROUP: &str = "/aws/ssm/AWS-RunShellScript";

struct Logged {
    hub: TestHub,
    agent: TestAgent,
    node: String,
    _data: TempDir,
}

fn output(text: &str) -> Output {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    Output {
        stored_bytes: text.len() as u64,
        cut: None,
        sha256: if text.is_empty() {
            String::new()
        } else {
            HEXLOWER.encode(hash.as_ref())
        },
        head: BASE64.encode(text.as_bytes()),
    }
}

impl Logged {
    async fn start() -> Self {
        let hub = TestHub::start().await;
        let line = hub.call("Roadstead.CreateJoinLine", &json!({"Count": 1})).await.ok();
        let data = tempfile::tempdir().unwrap();
        let token = line["Token"].as_str().unwrap().parse().unwrap();
        let agent = TestAgent::start_as(data.path(), Some(token), facts("boot-1"));
        agent.welcomed(1).await;
        let nodes = soon(async {
            loop {
                let nodes = hub.call("AmazonSSM.DescribeInstanceInformation", &json!({})).await.ok();
                if nodes["InstanceInformationList"][0]["PingStatus"] == "Online" {
                    return nodes;
                }
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        })
        .await;
        let node = nodes["InstanceInformationList"][0]["InstanceId"].as_str().unwrap().to_owned();
        Self {
            hub,
            agent,
            node,
            _data: data,
        }
    }

    async fn call(&self, operation: &str, body: Value) -> Answer {
        self.hub.call(&format!("Logs_20140328.{operation}"), &body).await
    }

    /// Runs a command with this output to its end; its id.
    async fn run(&mut self, config: Value, stdout: &str, stderr: &str) -> String {
        let request = json!({
            "DocumentName": "AWS-RunShellScript", "InstanceIds": [self.node], "Parameters": {"commands": ["true"]},
            "CloudWatchOutputConfig": config,
        });
        let sent = self.hub.call("AmazonSSM.SendCommand", &request).await.ok();
        for (member, given) in config.as_object().unwrap() {
            assert_eq!(
                &sent["Command"]["CloudWatchOutputConfig"][member], given,
                "the answer has it as it was given"
            );
        }
        let id = sent["Command"]["CommandId"].as_str().unwrap().to_owned();
        while !matches!(self.agent.order().await, ToAgent::Run(order) if order.warrant.id == id) {}
        let run: CommandId = id.parse().unwrap();
        let step = StepReport {
            name: "runShellScript".into(),
            action: "aws:runShellScript".into(),
            outcome: Outcome::Success,
            exit_code: Some(0),
            message: String::new(),
            started_at_ms: 0,
            ended_at_ms: 0,
            stdout: output(stdout),
            stderr: output(stderr),
        };
        let steps = vec![step];
        self.agent.say.send(ToHub::Accepted { run: run.clone() }).await.unwrap();
        self.agent.say.send(ToHub::Report(Box::new(Report { run, steps }))).await.unwrap();
        soon(async {
            let described = json!({ "CommandId": id });
            while self.hub.call("Roadstead.DescribeCommand", &described).await.ok()["Command"]["CompletedCount"] != 1 {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        })
        .await;
        id
    }

    fn stream(&self, command: &str, name: &str) -> String {
        format!("{command}/{}/aws-runShellScript/{name}", self.node)
    }
}

fn wanted() -> Value {
    json!({"CloudWatchOutputEnabled": true})
}

fn messages(answer: &Value) -> Vec<&str> {
    let events = answer["events"].as_array().unwrap();
    events.iter().map(|event| event["message"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn only_commands_that_ask_for_it_are_shown_and_under_their_group() {
    let mut logged = Logged::start().await;
    logged.run(json!({"CloudWatchOutputEnabled": false}), "unseen\n", "").await;
    assert_eq!(logged.call("DescribeLogGroups", json!({})).await.ok()["logGroups"], json!([]));
    let command = logged.run(wanted(), "one\ntwo\n", "bad\n").await;
    logged
        .run(
            json!({"CloudWatchOutputEnabled": true, "CloudWatchLogGroupName": "mine/a"}),
            "x\n",
            "",
        )
        .await;
    let groups = logged.call("DescribeLogGroups", json!({})).await.ok();
    let names: Vec<&str> = groups["logGroups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|g| g["logGroupName"].as_str().unwrap())
        .collect();
    assert_eq!(names, [GROUP, "mine/a"]);
    assert_eq!(
        groups["logGroups"][0]["arn"],
        format!("arn:aws:logs:eu-test-1:000000000000:log-group:{GROUP}:*")
    );
    let first = logged.call("DescribeLogGroups", json!({"limit": 1})).await.ok();
    let rest = logged
        .call("DescribeLogGroups", json!({"limit": 1, "nextToken": first["nextToken"]}))
        .await
        .ok();
    assert_eq!(
        (&rest["logGroups"][0]["logGroupName"], rest.get("nextToken")),
        (&json!("mine/a"), None)
    );
    for (member, value, count) in [
        ("logGroupNamePrefix", "mine", 1),
        ("logGroupNamePattern", "ssm", 1),
        ("logGroupNamePrefix", "ssm", 0),
    ] {
        let found = logged.call("DescribeLogGroups", json!({ member: value })).await.ok();
        assert_eq!(found["logGroups"].as_array().unwrap().len(), count, "{member} {value}");
    }
    let streams = logged.call("DescribeLogStreams", json!({"logGroupName": GROUP})).await.ok();
    let names: Vec<&str> = streams["logStreams"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["logStreamName"].as_str().unwrap())
        .collect();
    assert_eq!(names, [logged.stream(&command, "stderr"), logged.stream(&command, "stdout")]);
    assert_eq!(streams["logStreams"][1]["storedBytes"], 8);
    let invocation = json!({"CommandId": command, "InstanceId": logged.node});
    let invocation = logged.hub.call("AmazonSSM.GetCommandInvocation", &invocation).await.ok();
    assert_eq!(
        invocation["CloudWatchOutputConfig"],
        json!({"CloudWatchOutputEnabled": true, "CloudWatchLogGroupName": ""}),
        "what was not given is empty"
    );
}

#[tokio::test]
async fn streams_are_paged_in_either_order() {
    let mut logged = Logged::start().await;
    let mut commands = Vec::new();
    for n in 0..3 {
        commands.push(logged.run(wanted(), &format!("{n}\n"), "e\n").await);
    }
    for (order, descending) in [
        ("LogStreamName", false),
        ("LogStreamName", true),
        ("LastEventTime", false),
        ("LastEventTime", true),
    ] {
        let request = json!({"logGroupName": GROUP, "orderBy": order, "descending": descending});
        let whole = logged.call("DescribeLogStreams", request.clone()).await.ok();
        let whole: Vec<Value> = whole["logStreams"].as_array().unwrap().clone();
        assert_eq!(whole.len(), 6);
        let (mut paged, mut page): (Vec<Value>, Value) = (Vec::new(), request);
        page["limit"] = json!(1);
        loop {
            let answer = logged.call("DescribeLogStreams", page.clone()).await.ok();
            paged.extend(answer["logStreams"].as_array().unwrap().clone());
            match answer.get("nextToken") {
                Some(token) => page["nextToken"] = token.clone(),
                None => break,
            }
        }
        assert_eq!(paged, whole, "{order} {descending}");
        let key = if order == "LogStreamName" {
            "logStreamName"
        } else {
            "lastEventTimestamp"
        };
        let keys: Vec<String> = whole.iter().map(|s| s[key].to_string()).collect();
        let mut sorted = keys.clone();
        sorted.sort();
        if descending {
            sorted.reverse();
        }
        assert_eq!(keys, sorted, "{order} {descending}");
    }
    let prefix = json!({"logGroupName": GROUP, "logStreamNamePrefix": format!("{}/", commands[1])});
    let found = logged.call("DescribeLogStreams", prefix).await.ok();
    assert_eq!(found["logStreams"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_lines_of_a_stream_are_read_from_either_end() {
    let mut logged = Logged::start().await;
    let command = logged.run(wanted(), "one\n\nthree\nfour", "").await;
    let stream = logged.stream(&command, "stdout");
    let request = |more: Value| {
        let mut request = json!({"logGroupName": GROUP, "logStreamName": stream});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    let whole = logged.call("GetLogEvents", request(json!({"startFromHead": true}))).await.ok();
    assert_eq!(messages(&whole), ["one", " ", "three", "four"]);
    let at = whole["events"][0]["timestamp"].as_i64().unwrap();
    let end = logged
        .call("GetLogEvents", request(json!({"nextToken": whole["nextForwardToken"]})))
        .await
        .ok();
    assert_eq!(
        (messages(&end).len(), &end["nextForwardToken"]),
        (0, &whole["nextForwardToken"]),
        "the end says the same token"
    );
    let head = logged
        .call("GetLogEvents", request(json!({"startFromHead": true, "limit": 2})))
        .await
        .ok();
    assert_eq!(messages(&head), ["one", " "]);
    let next = logged
        .call("GetLogEvents", request(json!({"limit": 9, "nextToken": head["nextForwardToken"]})))
        .await
        .ok();
    assert_eq!(messages(&next), ["three", "four"]);
    let last = logged.call("GetLogEvents", request(json!({"limit": 1}))).await.ok();
    assert_eq!(messages(&last), ["four"]);
    let before = logged
        .call("GetLogEvents", request(json!({"limit": 2, "nextToken": last["nextBackwardToken"]})))
        .await
        .ok();
    assert_eq!(messages(&before), [" ", "three"]);
    let start = logged.call("GetLogEvents", request(json!({"nextToken": "b/0"}))).await.ok();
    assert_eq!((messages(&start).len(), &start["nextBackwardToken"]), (0, &json!("b/0")));
    for (times, count) in [
        (json!({"startTime": at}), 4),
        (json!({"startTime": at + 1}), 0),
        (json!({"endTime": at}), 0),
        (json!({"endTime": at + 1}), 4),
    ] {
        assert_eq!(
            messages(&logged.call("GetLogEvents", request(times.clone())).await.ok()).len(),
            count,
            "{times}"
        );
    }
}

#[tokio::test]
async fn lines_of_many_streams_are_filtered_and_paged() {
    let mut logged = Logged::start().await;
    let first = logged.run(wanted(), "an ERROR\nfine\n", "ERROR on stderr\n").await;
    let second = logged.run(wanted(), "ERROR retry\nlast ERROR\n", "").await;
    let filter = |more: Value| {
        let mut request = json!({"logGroupName": GROUP});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    let all = logged.call("FilterLogEvents", filter(json!({}))).await.ok();
    assert_eq!(messages(&all), ["ERROR on stderr", "an ERROR", "fine", "ERROR retry", "last ERROR"]);
    let found = logged
        .call("FilterLogEvents", filter(json!({"filterPattern": "ERROR -retry"})))
        .await
        .ok();
    assert_eq!(messages(&found), ["ERROR on stderr", "an ERROR", "last ERROR"]);
    let (mut paged, mut request) = (Vec::new(), filter(json!({"filterPattern": "ERROR", "limit": 1})));
    loop {
        let page = logged.call("FilterLogEvents", request.clone()).await.ok();
        paged.extend(messages(&page).into_iter().map(str::to_owned));
        match page.get("nextToken") {
            Some(token) => request["nextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(paged, ["ERROR on stderr", "an ERROR", "ERROR retry", "last ERROR"]);
    let named = json!({"logStreamNames": [logged.stream(&first, "stdout")]});
    assert_eq!(
        messages(&logged.call("FilterLogEvents", filter(named)).await.ok()),
        ["an ERROR", "fine"]
    );
    let begun = json!({"logStreamNamePrefix": second});
    assert_eq!(messages(&logged.call("FilterLogEvents", filter(begun)).await.ok()).len(), 2);
    let at = all["events"][4]["timestamp"].as_i64().unwrap();
    assert_eq!(
        messages(&logged.call("FilterLogEvents", filter(json!({"startTime": at + 1}))).await.ok()).len(),
        0
    );
    assert_eq!(
        messages(&logged.call("FilterLogEvents", filter(json!({"endTime": at}))).await.ok()).len(),
        5
    );
}

#[tokio::test]
async fn what_is_not_there_or_not_well_formed_is_said_in_the_services_words() {
    let mut logged = Logged::start().await;
    let command = logged.run(wanted(), "x\n", "").await;
    let stream = logged.stream(&command, "stdout");
    for (operation, request, code) in [
        ("DescribeLogStreams", json!({"logGroupName": "none"}), "ResourceNotFoundException"),
        ("FilterLogEvents", json!({"logGroupName": "none"}), "ResourceNotFoundException"),
        (
            "GetLogEvents",
            json!({"logGroupName": "none", "logStreamName": stream}),
            "ResourceNotFoundException",
        ),
        (
            "GetLogEvents",
            json!({"logGroupName": GROUP, "logStreamName": "none"}),
            "ResourceNotFoundException",
        ),
        (
            "FilterLogEvents",
            json!({"logGroupName": GROUP, "logStreamNames": ["none"]}),
            "ResourceNotFoundException",
        ),
        ("GetLogEvents", json!({"logGroupName": GROUP}), "InvalidParameterException"),
        ("GetLogEvents", json!({"logStreamName": stream}), "InvalidParameterException"),
        (
            "GetLogEvents",
            json!({"logGroupName": GROUP, "logStreamName": stream, "nextToken": "x"}),
            "InvalidParameterException",
        ),
        (
            "GetLogEvents",
            json!({"logGroupName": GROUP, "logStreamName": stream, "limit": 10001}),
            "InvalidParameterException",
        ),
        (
            "DescribeLogStreams",
            json!({"logGroupName": GROUP, "orderBy": "Name"}),
            "InvalidParameterException",
        ),
        (
            "DescribeLogStreams",
            json!({"logGroupName": GROUP, "orderBy": "LastEventTime", "logStreamNamePrefix": "a"}),
            "InvalidParameterException",
        ),
        ("DescribeLogGroups", json!({"limit": 51}), "InvalidParameterException"),
        ("DescribeLogGroups", json!({"nextToken": "x"}), "InvalidParameterException"),
        (
            "DescribeLogGroups",
            json!({"logGroupNamePrefix": "a", "logGroupNamePattern": "b"}),
            "InvalidParameterException",
        ),
        (
            "FilterLogEvents",
            json!({"logGroupName": GROUP, "filterPattern": "{ $.a = 1 }"}),
            "InvalidParameterException",
        ),
        (
            "FilterLogEvents",
            json!({"logGroupName": GROUP, "logStreamNames": [stream], "logStreamNamePrefix": "a"}),
            "InvalidParameterException",
        ),
    ] {
        let refused = logged.call(operation, request.clone()).await;
        assert_eq!(
            (refused.status, refused.code()),
            (400, code),
            "{operation} {request}: {}",
            refused.body
        );
    }
    let bad = json!({"CloudWatchOutputEnabled": true, "CloudWatchLogGroupName": "a b"});
    let request = json!({"DocumentName": "AWS-RunShellScript", "InstanceIds": [logged.node], "Parameters": {"commands": ["x"]}, "CloudWatchOutputConfig": bad});
    assert_eq!(
        logged.hub.call("AmazonSSM.SendCommand", &request).await.code(),
        "ValidationException"
    );
}

#[tokio::test]
async fn who_does_not_see_the_node_sees_no_logs_of_it() {
    let mut logged = Logged::start().await;
    let command = logged.run(wanted(), "x\n", "").await;
    let stream = logged.stream(&command, "stdout");
    let tags = json!({"ResourceType": "ManagedInstance", "ResourceId": logged.node, "Tags": [{"Key": "part", "Value": "own"}]});
    logged.hub.call("AmazonSSM.AddTagsToResource", &tags).await.ok();
    for (part, sees) in [("own", true), ("foreign", false)] {
        let scope = json!({"Tags": [{"Key": "part", "Values": [part]}]});
        let user = logged.hub.user(&format!("v{part}"), "viewer", &scope).await;
        let call = async |operation: &str, body: Value| {
            logged
                .hub
                .call_as(&user, &format!("Logs_20140328.{operation}"), &body.to_string())
                .await
        };
        let groups = call("DescribeLogGroups", json!({})).await.ok();
        assert_eq!(!groups["logGroups"].as_array().unwrap().is_empty(), sees, "{part}");
        assert_eq!(
            call("DescribeLogStreams", json!({"logGroupName": GROUP})).await.status == 200,
            sees,
            "{part}"
        );
        assert_eq!(
            call("FilterLogEvents", json!({"logGroupName": GROUP})).await.status == 200,
            sees,
            "{part}"
        );
        let events = call("GetLogEvents", json!({"logGroupName": GROUP, "logStreamName": stream})).await;
        assert_eq!(events.code(), if sees { "ok" } else { "AccessDeniedException" }, "{part}");
    }
}
