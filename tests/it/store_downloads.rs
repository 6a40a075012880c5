//! Downloads from object stores, as senders and nodes meet them; what nodes make of it is tested with real agents and a real store.

use std::sync::{Arc, Mutex};

use roadstead::base::id::CommandId;
use roadstead::wire::control::{ToAgent, ToHub};
use roadstead::wire::node::NodeFacts;
use roadstead::wire::objects::StepObjects;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::link::support::{TestAgent, facts, soon};
use crate::support::{Answer, Key, TestHub};

const SECRET_KEY: &str = "the stores own secret 4711";

/// A store with a few objects, which remembers what it was asked.
struct Store {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Store {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let remembered = asked.clone();
        tokio::spawn(async move {
            while let Ok((mut line, _)) = listener.accept().await {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") && line.read_buf(&mut request).await.unwrap_or(0) > 0 {}
                let text = String::from_utf8_lossy(&request).into_owned();
                let first = text.lines().next().unwrap_or_default().to_owned();
                let answer = answer(&first);
                remembered.lock().unwrap().push(first);
                let _the_hub_may_be_gone = line.write_all(answer.as_bytes()).await;
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(request: &str) -> String {
    let body = |status: &str, body: &str| {
        format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    let key = |key: &str| format!("<Contents><Key>{key}</Key><Size>5</Size></Contents>");
    match request.split(' ').collect::<Vec<_>>()[..] {
        ["HEAD", "/tools/one.sh", _] => "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\n".into(),
        ["HEAD", "/tools/huge", _] => "HTTP/1.1 200 OK\r\ncontent-length: 5000000000\r\nconnection: close\r\n\r\n".into(),
        ["HEAD", "/locked/x", _] => "HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n".into(),
        ["HEAD", ..] => "HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n".into(),
        ["GET", path, _] if path.starts_with("/locked/?") => body("403 Forbidden", "<Error><Code>SignatureDoesNotMatch</Code></Error>"),
        ["GET", path, _] if path.ends_with("&prefix=set%2F") && !path.contains("token") => {
            let more = "<IsTruncated>true</IsTruncated><NextContinuationToken>more/+</NextContinuationToken>";
            body("200 OK", &format!("<R>{more}{}{}</R>", key("set/"), key("set/a")))
        }
        ["GET", path, _] if path.contains("continuation-token=more%2F%2B&") => body("200 OK", &format!("<R>{}</R>", key("set/b/c"))),
        _ => body("200 OK", "<R></R>"),
    }
}

async fn put_store(hub: &TestHub, store: &Store, readable: &[&str]) {
    let settings = json!({"Endpoint": store.url, "AccessKeyId": "AKSTORE", "OutputPlaces": ["logs"], "DownloadPlaces": readable,
                          "AllowedNetworks": ["127.0.0.0/8"]});
    let request = json!({"Name": "minio", "Settings": settings, "SecretAccessKey": SECRET_KEY});
    hub.call("Roadstead.PutObjectStore", &request).await.ok();
}

/// The library's document that fetches a script, sent to whoever is there.
async fn send(hub: &TestHub, key: &Key, path: &str) -> Answer {
    let info = json!({"path": path, "allowInsecureDownload": true}).to_string();
    let request = json!({"DocumentName": "AWS-RunRemoteScript", "Targets": [{"Key": "roadstead:filter", "Values": ["id^mi-"]}],
                         "Parameters": {"sourceType": ["S3"], "sourceInfo": [info], "commandLine": ["sh one.sh"]}});
    hub.call_as(key, "AmazonSSM.SendCommand", &request.to_string()).await
}

async fn sent(hub: &TestHub, path: &str) -> CommandId {
    let sent = send(hub, &Key::of_the_admin(), path).await.ok();
    sent["Command"]["CommandId"].as_str().unwrap().parse().unwrap()
}

/// The hub's word to a step that asks.
async fn ask(agent: &TestAgent, run: &CommandId, step: u32) -> StepObjects {
    let before = agent.duties.objects.borrow().len();
    agent.say.send(ToHub::WantObjects { run: run.clone(), step }).await.unwrap();
    let mut told = agent.duties.objects.subscribe();
    soon(told.wait_for(|all| all.len() > before)).await.unwrap()[before].clone()
}

async fn refused(agent: &TestAgent, run: &CommandId, step: u32) -> String {
    let answer = ask(agent, run, step).await;
    assert!(answer.granted.is_empty());
    answer.problem.expect("a reason")
}

async fn audited(hub: &TestHub) -> Vec<Value> {
    let filter = json!({"Join": "and", "Terms": [{"Key": "operation", "Op": "eq", "Value": "roadstead:NodeReadObjects"}]});
    let events = hub.call("Roadstead.ListAuditEvents", &json!({"Filter": filter})).await.ok();
    events["Events"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_step_gets_an_address_for_each_object_that_its_document_names() {
    let (hub, store) = (TestHub::start().await, Store::start().await);
    put_store(&hub, &store, &["tools"]).await;
    let (mut agent, _data) = hub.joined(facts("boot-1")).await;
    let path = format!("{}/tools/one.sh", store.url);
    let run = sent(&hub, &path).await;
    let ToAgent::Run(order) = agent.order().await else {
        panic!("an order")
    };
    assert!(!order.payload.contains("X-Amz"), "the order holds the path alone");

    let given = ask(&agent, &run, 0).await;
    assert_eq!((given.run.clone(), given.step, given.problem.clone()), (run.clone(), 0, None));
    let one = &given.granted[0];
    assert_eq!(
        (one.source.path.as_str(), one.store.as_str(), one.is_folder),
        (path.as_str(), "minio", false)
    );
    assert_eq!((one.objects.len(), one.objects[0].name.as_str()), (1, "one.sh"));
    let url = one.objects[0].url.expose();
    assert!(
        url.starts_with(&format!("{path}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKSTORE%2F")),
        "{url}"
    );
    assert!(url.contains("&X-Amz-Expires=900&"), "{url}");
    assert!(!format!("{given:?}").contains("X-Amz"), "nobody logs it by accident");
    let events = audited(&hub).await;
    assert_eq!(events.len(), 1);
    assert_eq!(
        (&events[0]["Outcome"], &events[0]["Target"]),
        (&json!("done"), &json!("object-store/minio"))
    );
    assert_eq!(events[0]["CommandId"], run.as_str());
    assert!(events[0]["Caller"].as_str().unwrap().starts_with("node:mi-"));
    assert!(events[0]["Detail"].as_str().unwrap().contains("`tools/one.sh`"), "{}", events[0]);

    let run = sent(&hub, &format!("{}/tools/set", store.url)).await;
    let folder = &ask(&agent, &run, 0).await.granted[0];
    let names: Vec<&str> = folder.objects.iter().map(|object| object.name.as_str()).collect();
    assert_eq!((folder.is_folder, names), (true, vec!["a", "b/c"]));
    assert!(folder.objects[1].url.expose().contains("/tools/set/b/c?"));
    assert!(
        audited(&hub).await[0]["Detail"]
            .as_str()
            .unwrap()
            .contains("2 objects below `tools/set`")
    );
    assert!(
        store.asked().iter().all(|line| !line.contains("Signature")),
        "the hub signs its own requests in their head"
    );

    agent.shutdown.cancel();
    agent.ended().await.unwrap();
    let folder = hub.stop_and_keep().await;
    for secret in ["X-Amz-Signature", SECRET_KEY] {
        assert_eq!(holders(folder.path(), secret), Vec::<std::path::PathBuf>::new(), "{secret}");
    }
}

#[tokio::test]
async fn what_is_not_there_too_large_or_refused_by_the_store_is_said() {
    let (hub, store) = (TestHub::start().await, Store::start().await);
    put_store(&hub, &store, &["tools", "locked"]).await;
    let (agent, _data) = hub.joined(facts("boot-1")).await;
    for (path, expected) in [
        ("tools/none", "there is no object `tools/none` at the object store `minio`"),
        ("tools/none/", "there is no object `tools/none/`"),
        ("tools/huge", "larger than the 4 GB"),
        ("locked/x", "its secret is another"),
    ] {
        let run = sent(&hub, &format!("{}/{path}", store.url)).await;
        let why = refused(&agent, &run, 0).await;
        assert!(why.contains(expected), "{path}: {why}");
    }
    assert_eq!(audited(&hub).await.len(), 0, "nothing was given");
    // What no store of the hub has is fetched as anybody could; the hub does not even knock.
    let before = store.asked().len();
    let run = sent(&hub, &format!("{}/of-somebody-else/x", store.url)).await;
    let answer = ask(&agent, &run, 0).await;
    assert_eq!((answer.granted.len(), answer.problem), (0, None));
    assert_eq!(store.asked().len(), before);
}

#[tokio::test]
async fn nodes_read_only_what_the_store_says_and_for_a_run_that_they_have() {
    let (hub, store) = (TestHub::start().await, Store::start().await);
    put_store(&hub, &store, &["tools"]).await;
    let (mut agent, _data) = hub.joined(facts("boot-1")).await;
    let run = sent(&hub, &format!("{}/logs/one.sh", store.url)).await;
    let why = refused(&agent, &run, 0).await;
    assert!(
        why.contains("`minio` does not let nodes read `logs/one.sh`") && why.contains("--readable logs"),
        "{why}"
    );
    let denied = audited(&hub).await;
    assert_eq!(
        (&denied[0]["Outcome"], &denied[0]["Target"]),
        (&json!("denied"), &json!("object-store/minio"))
    );

    // The record counts when the node asks, the sender's right when the command is sent.
    let late = sent(&hub, &format!("{}/mine/one.sh", store.url)).await;
    let run = sent(&hub, &format!("{}/tools/one.sh", store.url)).await;
    put_store(&hub, &store, &["mine"]).await;
    assert!(refused(&agent, &late, 0).await.contains("send it again"));
    let answer = ask(&agent, &run, 0).await;
    assert_eq!((answer.granted.len(), answer.problem), (0, None), "nobody of the hub's any more");
    put_store(&hub, &store, &["tools", "mine"]).await;
    assert_eq!(ask(&agent, &run, 0).await.granted.len(), 1);

    assert!(refused(&agent, &run, 99).await.contains("no such step"));
    let answer = ask(&agent, &run, 1).await;
    assert!(
        answer.granted.is_empty() && answer.problem.is_none(),
        "its second step downloads nothing"
    );
    assert!(refused(&agent, &CommandId::random(), 0).await.contains("waits for nothing"));
    let (other, _other_data) = hub.joined(others()).await;
    assert!(refused(&other, &run, 0).await.contains("waits for nothing"), "another node's run");

    hub.call("AmazonSSM.CancelCommand", &json!({"CommandId": run.as_str()})).await.ok();
    while !matches!(agent.order().await, ToAgent::Cancel { run: cancelled } if cancelled == run) {}
    let reason = roadstead::wire::control::Rejection::Expired;
    let (id, message) = (run.clone(), String::new());
    agent.say.send(ToHub::Rejected { run: id, reason, message }).await.unwrap();
    soon(async {
        let described = json!({"CommandId": run.as_str()});
        while hub.call("Roadstead.DescribeCommand", &described).await.ok()["Command"]["CompletedCount"] != 1 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(refused(&agent, &run, 0).await.contains("waits for nothing"), "a run that is over");
}

/// Of a second node.
fn others() -> NodeFacts {
    NodeFacts {
        machine_id: "another".into(),
        ..facts("boot-2")
    }
}

#[tokio::test]
async fn who_may_not_use_a_store_sends_no_command_that_downloads_from_it() {
    let (hub, store) = (TestHub::start().await, Store::start().await);
    put_store(&hub, &store, &["tools"]).await;
    let (_agent, _data) = hub.joined(facts("boot-1")).await;
    let oli = hub.user("oli", "operator", &json!({})).await;
    send(&hub, &oli, &format!("{}/tools/one.sh", store.url)).await.ok();
    let denial = json!({"Statements": [{"Effect": "Deny", "Actions": ["ssm:SendCommand"], "Resources": [{"Kind": "object-store", "Ids": ["minio"]}]}]});
    let policy = json!({"PolicyName": "no", "Document": denial});
    hub.call("Roadstead.PutPolicy", &policy).await.ok();
    let attached = json!({"PolicyName": "no", "UserName": "oli"});
    hub.call("Roadstead.AttachPolicy", &attached).await.ok();
    for path in ["tools/one.sh", "tools/none"] {
        let refused = send(&hub, &oli, &format!("{}/{path}", store.url)).await;
        assert_eq!(refused.code(), "AccessDeniedException", "nor is {path} told from what is not there");
    }
    send(&hub, &oli, "https://files.example/tools/one.sh").await.ok();
}

#[tokio::test]
async fn a_test_of_a_store_lists_what_nodes_may_read() {
    let (hub, store) = (TestHub::start().await, Store::start().await);
    put_store(&hub, &store, &["tools/set", "locked", "open-*"]).await;
    let tried = hub
        .call("Roadstead.TestObjectStore", &json!({"Name": "minio", "Place": "tools/set"}))
        .await
        .ok();
    assert_eq!(tried["Places"], json!([{"Place": "tools/set", "Purpose": "download"}]));
    let tried = hub
        .call("Roadstead.TestObjectStore", &json!({"Name": "minio", "Place": "locked"}))
        .await
        .ok();
    assert!(tried["Places"][0]["Error"].as_str().unwrap().contains("secret"), "{tried}");
    let refused = hub
        .call("Roadstead.TestObjectStore", &json!({"Name": "minio", "Place": "tools"}))
        .await;
    assert_eq!(refused.code(), "ValidationException");
}

fn holders(folder: &std::path::Path, text: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(holders(&path, text));
        } else if std::fs::read(&path)
            .unwrap()
            .windows(text.len())
            .any(|part| part == text.as_bytes())
        {
            found.push(path);
        }
    }
    found
}
