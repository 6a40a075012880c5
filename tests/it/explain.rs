//! Who can, and why not, as the hub answers it.

use serde_json::{Value, json};

use crate::rights::add_node;
use crate::support::{Key, TestHub};

const NODE: &str = "mi-00000000000000001";

async fn why(hub: &TestHub, key: &Key, question: Value) -> Value {
    hub.call_as(key, "Roadstead.ExplainAccess", &question.to_string()).await.ok()
}

/// Gives `ann` a policy of these statements in place of the one before.
async fn put(hub: &TestHub, statements: Value) {
    let document = json!({"PolicyName": "shells", "Document": {"Statements": statements}});
    hub.call("Roadstead.PutPolicy", &document).await.ok();
    hub.call("Roadstead.AttachPolicy", &json!({"PolicyName": "shells", "UserName": "ann"}))
        .await
        .ok();
}

/// The verdict about `ann` that both questions agree on.
async fn verdict(hub: &TestHub, action: &str, kind: &str, id: &str) -> Value {
    let question = json!({"Action": action, "Resource": {"Kind": kind, "Id": id}});
    let who = hub.call("Roadstead.SimulateAccess", &question).await.ok();
    let users = who["Users"].as_array().unwrap();
    let found = users.iter().find(|user| user["UserName"] == "ann").unwrap().clone();
    let mut of_ann = question.clone();
    of_ann["UserName"] = json!("ann");
    let explained = why(hub, &Key::of_the_admin(), of_ann).await;
    assert_eq!(explained["Verdict"], found);
    found
}

#[tokio::test]
async fn each_of_equal_refusals_is_explained_by_its_own_id() {
    let hub = TestHub::start().await;
    let ann = hub.user("ann", "viewer", &json!({})).await;
    let bob = hub.user("bob", "viewer", &json!({})).await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        let refused = hub.call_as(&ann, "AmazonSSM.GetParameter", r#"{"Name": "/why/a"}"#).await;
        assert_eq!(refused.code(), "AccessDeniedException");
        ids.push(refused.headers["x-amzn-requestid"].to_str().unwrap().to_owned());
    }
    let expected = (
        json!("ssm:GetParameter"),
        json!({"Kind": "parameter", "Id": "/why/a"}),
        json!("no policy allows it"),
    );
    for id in &ids {
        let said = why(&hub, &ann, json!({ "RequestId": id })).await;
        assert_eq!(
            (&said["Action"], &said["Resource"], &said["RecordedReason"]),
            (&expected.0, &expected.1, &expected.2)
        );
        let foreign = json!({ "RequestId": id }).to_string();
        let refused = hub.call_as(&bob, "Roadstead.ExplainAccess", &foreign).await;
        assert_eq!(refused.code(), "ResourceNotFoundException");
    }
    let hub = TestHub::start_on(hub.stop_and_keep().await, None).await;
    for id in &ids {
        let said = why(&hub, &ann, json!({ "RequestId": id })).await;
        assert_eq!(
            (&said["Action"], &said["Resource"], &said["RecordedReason"]),
            (&expected.0, &expected.1, &expected.2)
        );
    }
}

#[tokio::test]
async fn who_may_open_a_shell_on_a_node_may_use_its_document_too() {
    let hub = TestHub::start().await;
    add_node(&hub, NODE, "mine");
    hub.user("ann", "viewer", &json!({})).await;
    let allow = |resources: Value| json!({"Effect": "Allow", "Actions": ["ssm:StartSession"], "Resources": resources});
    put(&hub, json!([allow(json!([{"Kind": "node"}]))])).await;
    let node_only = verdict(&hub, "ssm:StartSession", "node", NODE).await;
    assert_eq!(node_only["Allowed"], false);
    assert_eq!(
        node_only["Reason"],
        "it needs document `SSM-SessionManagerRunShell` besides: no policy allows it"
    );
    put(&hub, json!([allow(json!([{"Kind": "document"}]))])).await;
    let document_only = verdict(&hub, "ssm:StartSession", "document", "SSM-SessionManagerRunShell").await;
    assert_eq!(document_only["Reason"], "it needs a node besides, and is allowed on none");
    let both = allow(json!([{"Kind": "node"}, {"Kind": "document", "Ids": ["SSM-SessionManagerRunShell"]}]));
    put(&hub, json!([both])).await;
    assert_eq!(verdict(&hub, "ssm:StartSession", "node", NODE).await["Allowed"], true);
    let no_documents = json!({"Sid": "None", "Effect": "Deny", "Actions": ["ssm:StartSession"], "Resources": [{"Kind": "document"}]});
    put(&hub, json!([both, no_documents])).await;
    let denied = verdict(&hub, "ssm:StartSession", "node", NODE).await;
    assert_eq!((&denied["Allowed"], &denied["Statement"]), (&json!(false), &json!("None")));
    let question = json!({"UserName": "ann", "Action": "ssm:StartSession", "Resource": {"Kind": "node", "Id": NODE}});
    let said = why(&hub, &Key::of_the_admin(), question).await;
    let statements = said["Statements"].as_array().unwrap();
    assert!(
        statements.iter().any(|s| s["Statement"] == "None" && s["Matches"] == true),
        "{said}"
    );
}

#[tokio::test]
async fn who_may_send_a_command_may_use_some_document() {
    let hub = TestHub::start().await;
    add_node(&hub, NODE, "mine");
    hub.user("ann", "viewer", &json!({})).await;
    let allow = |kinds: Value| json!([{"Effect": "Allow", "Actions": ["ssm:SendCommand"], "Resources": kinds}]);
    put(&hub, allow(json!([{"Kind": "node"}]))).await;
    let node_only = verdict(&hub, "ssm:SendCommand", "node", NODE).await;
    assert_eq!(node_only["Reason"], "it needs a document besides, and is allowed on none");
    put(
        &hub,
        allow(json!([{"Kind": "node"}, {"Kind": "document", "Ids": ["AWS-RunShellScript"]}])),
    )
    .await;
    assert_eq!(verdict(&hub, "ssm:SendCommand", "node", NODE).await["Allowed"], true);
}
