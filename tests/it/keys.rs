//! Access keys and temporary keys: whose, for how long, for what.

use roadstead::base::Clock;
use serde_json::{Value, json};

use crate::link::support::soon;
use crate::support::{Browser, Key, PASSWORD, TestHub};

const STS: &str = "AWSSecurityTokenServiceV20110615";

async fn make(hub: &TestHub, request: Value) -> Key {
    Key::from_answer(&hub.call("Roadstead.CreateAccessKey", &request).await.ok())
}

async fn code(hub: &TestHub, key: &Key, target: &str) -> String {
    hub.call_as(key, target, "{}").await.code().to_owned()
}

#[tokio::test]
async fn a_key_does_only_what_its_scope_names() {
    let hub = TestHub::start().await;
    let key = make(&hub, json!({"Scope": ["ssm:List*", "roadstead:CreateAccessKey"]})).await;
    assert_eq!(code(&hub, &key, "AmazonSSM.ListCommands").await, "ok");
    assert_eq!(
        code(&hub, &key, "AmazonSSM.DescribeInstanceInformation").await,
        "AccessDeniedException"
    );
    assert_eq!(code(&hub, &key, "Roadstead.GetCaller").await, "ok");
    // Not even a key of its own, which would not be limited.
    assert_eq!(code(&hub, &key, "Roadstead.CreateAccessKey").await, "AccessDeniedException");
    let wrong = hub.call("Roadstead.CreateAccessKey", &json!({"Scope": ["everything"]})).await;
    assert_eq!(wrong.code(), "ValidationException");
}

#[tokio::test]
async fn a_key_that_is_switched_off_is_refused_until_it_is_on_again() {
    let hub = TestHub::start().await;
    let key = make(&hub, json!({})).await;
    let temporary = hub.call_as(&key, &format!("{STS}.GetSessionToken"), "{}").await.ok();
    let temporary = Key::from_answer(&temporary["Credentials"]);
    for (status, expected) in [("Inactive", "UnrecognizedClientException"), ("Active", "ok")] {
        let request = json!({"AccessKeyId": key.id, "Status": status});
        hub.call("Roadstead.UpdateAccessKey", &request).await.ok();
        assert_eq!(code(&hub, &key, "Roadstead.GetCaller").await, expected);
        assert_eq!(
            code(&hub, &temporary, "Roadstead.GetCaller").await,
            expected,
            "and what came from it"
        );
    }
    let request = json!({"AccessKeyId": key.id});
    hub.call("Roadstead.DeleteAccessKey", &request).await.ok();
    assert_eq!(code(&hub, &temporary, "Roadstead.GetCaller").await, "UnrecognizedClientException");
    let gone = hub
        .call("Roadstead.UpdateAccessKey", &json!({"AccessKeyId": key.id, "Status": "Active"}))
        .await;
    assert_eq!(gone.code(), "ResourceNotFoundException");
}

#[tokio::test]
async fn the_end_and_the_last_use_of_a_key_are_listed() {
    let clock = Clock::manual(crate::support::now());
    let hub = TestHub::start_by(clock.clone()).await;
    let past = hub.call("Roadstead.CreateAccessKey", &json!({"ExpiresAt": 1})).await;
    assert_eq!(past.code(), "ValidationException");
    let minute = std::time::Duration::from_secs(60);
    let key = make(&hub, json!({"ExpiresAt": clock.now() + minute, "Description": "short"})).await;
    assert_eq!(code(&hub, &key, "Roadstead.GetCaller").await, "ok");
    let shown = async || {
        let listed = hub.call("Roadstead.ListAccessKeys", &json!({})).await.ok();
        let listed = listed["AccessKeys"].as_array().unwrap().iter();
        listed.clone().find(|k| k["Description"] == "short").unwrap().clone()
    };
    // That it was used is written down beside the answer.
    let used = soon(async {
        loop {
            let shown = shown().await;
            if shown["LastUsedFrom"].is_string() {
                return shown;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    });
    let used = used.await;
    assert_eq!(
        (&used["LastUsedFrom"], &used["LastUsedService"]),
        (&json!("127.0.0.1"), &json!("ssm"))
    );
    clock.advance(minute);
    assert_eq!(code(&hub, &key, "Roadstead.GetCaller").await, "ExpiredTokenException");
    assert_eq!(shown().await["Status"], "Expired");
}

#[tokio::test]
async fn a_key_that_ends_makes_none_that_lives_longer() {
    let hub = TestHub::start().await;
    let end = crate::support::now() + std::time::Duration::from_secs(3600);
    let key = make(&hub, json!({ "ExpiresAt": end })).await;
    for (wish, expected) in [
        (json!({}), "AccessDeniedException"),
        (
            json!({"ExpiresAt": end + std::time::Duration::from_secs(60)}),
            "AccessDeniedException",
        ),
        (
            json!({"ExpiresAt": crate::support::now() + std::time::Duration::from_secs(60)}),
            "ok",
        ),
    ] {
        let answer = hub.call_as(&key, "Roadstead.CreateAccessKey", &wish.to_string()).await;
        assert_eq!(answer.code(), expected, "{wish}");
    }
}

#[tokio::test]
async fn a_limited_or_temporary_key_leaves_the_users_other_keys_alone() {
    let hub = TestHub::start().await;
    let other = make(&hub, json!({})).await;
    let limited = make(&hub, json!({"Scope": ["roadstead:*"]})).await;
    let temporary = hub.call(&format!("{STS}.GetSessionToken"), &json!({})).await.ok();
    let temporary = Key::from_answer(&temporary["Credentials"]);
    for key in [&limited, &temporary] {
        let switch = json!({"AccessKeyId": other.id, "Status": "Inactive"}).to_string();
        let refused = hub.call_as(key, "Roadstead.UpdateAccessKey", &switch).await;
        assert_eq!(refused.code(), "AccessDeniedException");
        let delete = json!({"AccessKeyId": other.id}).to_string();
        let refused = hub.call_as(key, "Roadstead.DeleteAccessKey", &delete).await;
        assert_eq!(refused.code(), "AccessDeniedException");
    }
    assert_eq!(code(&hub, &other, "Roadstead.GetCaller").await, "ok");
    let itself = json!({"AccessKeyId": limited.id}).to_string();
    hub.call_as(&limited, "Roadstead.DeleteAccessKey", &itself).await.ok();
}

#[tokio::test]
async fn a_key_that_an_admin_switched_off_is_not_switched_on_by_its_user() {
    let hub = TestHub::start().await;
    let ann = hub.user("ann", "operator", &json!({})).await;
    let second = hub.key_of("ann").await;
    let set = |key: &Key, status: &str| json!({"AccessKeyId": key.id, "Status": status});
    hub.call("Roadstead.UpdateAccessKey", &set(&second, "Inactive")).await.ok();
    for status in ["Inactive", "Active"] {
        let answer = hub
            .call_as(&ann, "Roadstead.UpdateAccessKey", &set(&second, status).to_string())
            .await;
        let expected = if status == "Active" { "AccessDeniedException" } else { "ok" };
        assert_eq!(answer.code(), expected, "{status}");
    }
    assert_eq!(code(&hub, &second, "Roadstead.GetCaller").await, "UnrecognizedClientException");
    hub.call("Roadstead.UpdateAccessKey", &set(&second, "Active")).await.ok();
    // What ann switched off is ann's to switch on.
    for status in ["Inactive", "Active"] {
        let body = set(&second, status).to_string();
        hub.call_as(&ann, "Roadstead.UpdateAccessKey", &body).await.ok();
    }
    assert_eq!(code(&hub, &second, "Roadstead.GetCaller").await, "ok");
}

#[tokio::test]
async fn the_last_way_in_of_the_last_admin_is_not_taken() {
    let hub = TestHub::start().await;
    let ann = hub.user("ann", "admin", &json!({})).await;
    hub.call_as(&ann, "Roadstead.DeleteUser", r#"{"UserName": "admin"}"#).await.ok();
    let delete = json!({"AccessKeyId": ann.id}).to_string();
    assert_eq!(
        hub.call_as(&ann, "Roadstead.DeleteAccessKey", &delete).await.code(),
        "LastAdminException"
    );
    let switch = json!({"AccessKeyId": ann.id, "Status": "Inactive"}).to_string();
    assert_eq!(
        hub.call_as(&ann, "Roadstead.UpdateAccessKey", &switch).await.code(),
        "LastAdminException"
    );
    assert_eq!(code(&hub, &ann, "Roadstead.GetCaller").await, "ok");
}

#[tokio::test]
async fn a_login_that_ends_takes_the_temporary_keys_it_made_along() {
    let hub = TestHub::start().await;
    let mut here = Browser::logged_in(&hub, "admin", PASSWORD).await;
    let mut there = Browser::logged_in(&hub, "admin", PASSWORD).await;
    let get = format!("{STS}.GetSessionToken");
    let temporary = |answer: &Value| Key::from_answer(&answer["Credentials"]);
    let (first, second) = (
        temporary(&here.call(&get, json!({})).await.ok()),
        temporary(&there.call(&get, json!({})).await.ok()),
    );
    let id = there.call("GetCaller", json!({})).await.ok()["LoginSessionId"].clone();
    here.call("RevokeLoginSession", json!({ "LoginSessionId": id })).await.ok();
    assert_eq!(code(&hub, &second, "Roadstead.GetCaller").await, "UnrecognizedClientException");
    assert_eq!(code(&hub, &first, "Roadstead.GetCaller").await, "ok");
    // A login in the place of another goes on with its keys.
    here.login("admin", PASSWORD).await.ok();
    assert_eq!(code(&hub, &first, "Roadstead.GetCaller").await, "ok");
    here.call("Logout", json!({})).await.ok();
    assert_eq!(code(&hub, &first, "Roadstead.GetCaller").await, "UnrecognizedClientException");
}

#[tokio::test]
async fn a_limited_key_changes_no_accounts() {
    let hub = TestHub::start().await;
    let key = make(&hub, json!({"Scope": ["roadstead:*"]})).await;
    let made = hub.call_as(&key, "Roadstead.CreateUser", r#"{"UserName": "eve"}"#).await;
    assert_eq!(made.code(), "AccessDeniedException");
    assert_eq!(code(&hub, &key, "Roadstead.ListUsers").await, "ok");
}

#[tokio::test]
async fn a_temporary_key_counts_with_its_token_only() {
    let hub = TestHub::start().await;
    let made = hub
        .call(&format!("{STS}.GetSessionToken"), &json!({"DurationSeconds": "900"}))
        .await
        .ok();
    let key = Key::from_answer(&made["Credentials"]);
    assert!(key.id.starts_with("ASIA"));
    assert_eq!(code(&hub, &key, "AmazonSSM.ListCommands").await, "ok");
    for token in [None, Some("0".repeat(128)), Some(String::new())] {
        let other = Key { token, ..key.clone() };
        assert_eq!(code(&hub, &other, "AmazonSSM.ListCommands").await, "UnrecognizedClientException");
    }
    let with_token = Key {
        token: key.token.clone(),
        ..Key::of_the_admin()
    };
    assert_eq!(
        code(&hub, &with_token, "AmazonSSM.ListCommands").await,
        "UnrecognizedClientException"
    );
    assert_eq!(code(&hub, &key, &format!("{STS}.GetSessionToken")).await, "AccessDeniedException");
    assert_eq!(code(&hub, &key, "Roadstead.CreateAccessKey").await, "AccessDeniedException");
}

#[tokio::test]
async fn a_role_is_assumed_under_a_name_and_shown_so() {
    let hub = TestHub::start().await;
    let role = json!({"RoleArn": "arn:aws:iam::000000000000:role/admin", "RoleSessionName": "deploy"});
    let made = hub.call(&format!("{STS}.AssumeRole"), &role).await.ok();
    let key = Key::from_answer(&made["Credentials"]);
    let who = hub.call_as(&key, &format!("{STS}.GetCallerIdentity"), "{}").await.ok();
    assert_eq!(who["Arn"], "arn:aws:sts::000000000000:assumed-role/admin/deploy");
    assert_eq!(who["Arn"], made["AssumedRoleUser"]["Arn"]);
    for wrong in [
        json!({"RoleArn": "arn:aws:iam::000000000000:role/nobody", "RoleSessionName": "deploy"}),
        json!({"RoleArn": "arn:aws:iam::000000000000:role/admin", "RoleSessionName": "a/b"}),
        json!({"RoleArn": "arn:aws:iam::000000000000:role/admin", "RoleSessionName": "deploy", "DurationSeconds": 10}),
        // Ignoring it would widen what was asked for.
        json!({"RoleArn": "arn:aws:iam::000000000000:role/admin", "RoleSessionName": "deploy", "Policy": "{}"}),
    ] {
        assert_eq!(
            hub.call(&format!("{STS}.AssumeRole"), &wrong).await.code(),
            "ValidationException",
            "{wrong}"
        );
    }
}
