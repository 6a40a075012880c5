//! Set-up, login, cookies and keys, as a browser and a client see them.

use serde_json::json;

use crate::support::{PASSWORD, TestHub};

#[tokio::test]
async fn the_set_up_link_makes_one_admin_and_is_then_worthless() {
    let hub = TestHub::start_fresh().await;
    let link = hub.started.setup_link.clone().unwrap();
    let token = link.split_once("#token=").unwrap().1.to_owned();
    assert_eq!(hub.call_unsigned("Roadstead.GetSetupState", "{}").await.ok()["NeedsAdmin"], true);
    let wrong = json!({"Token": "0".repeat(40), "UserName": "ann", "Password": PASSWORD});
    assert_eq!(
        hub.call_unsigned("Roadstead.CreateFirstAdmin", &wrong.to_string()).await.code(),
        "InvalidTokenException"
    );
    let short = json!({"Token": token, "UserName": "ann", "Password": "short"});
    assert_eq!(
        hub.call_unsigned("Roadstead.CreateFirstAdmin", &short.to_string()).await.code(),
        "ValidationException"
    );
    let right = json!({"Token": token, "UserName": "ann", "Password": PASSWORD}).to_string();
    let (first, second) = tokio::join!(
        hub.call_unsigned("Roadstead.CreateFirstAdmin", &right),
        hub.call_unsigned("Roadstead.CreateFirstAdmin", &right)
    );
    let mut codes = [first.code(), second.code()];
    codes.sort_unstable();
    assert!(
        codes == ["SetupClosedException", "ok"] || codes == ["InvalidTokenException", "ok"],
        "{codes:?}"
    );
    assert_eq!(
        hub.call_unsigned("Roadstead.CreateFirstAdmin", &right).await.code(),
        "SetupClosedException"
    );
    assert_eq!(hub.call_unsigned("Roadstead.GetSetupState", "{}").await.ok()["NeedsAdmin"], false);
}

#[tokio::test]
async fn a_cookie_alone_changes_nothing_and_a_foreign_page_gets_nothing() {
    let hub = TestHub::start().await;
    let login = json!({"UserName": "admin", "Password": PASSWORD}).to_string();
    let answer = hub.call_unsigned("Roadstead.Login", &login).await;
    let cookie = answer.cookie();
    let attributes = answer.headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(
        attributes.contains("HttpOnly") && attributes.contains("SameSite=Strict"),
        "{attributes}"
    );
    let csrf = answer.ok()["CsrfToken"].as_str().unwrap().to_owned();
    let own = format!("http://{}", hub.address());
    let make = json!({"Description": "x"});
    let call = |csrf, origin| hub.call_with("Roadstead.CreateAccessKey", &make, &cookie, csrf, origin);
    assert_eq!(call(None, Some(own.as_str())).await.code(), "AccessDeniedException");
    assert_eq!(call(Some("0"), Some(own.as_str())).await.code(), "AccessDeniedException");
    assert_eq!(
        call(Some(&csrf), Some("https://evil.example")).await.code(),
        "AccessDeniedException"
    );
    assert_eq!(call(Some(&csrf), Some("null")).await.code(), "AccessDeniedException");
    assert_eq!(call(Some(&csrf), Some(own.as_str())).await.code(), "ok");
    let out = hub
        .call_with("Roadstead.Logout", &json!({}), &cookie, Some(&csrf), Some(own.as_str()))
        .await;
    assert_eq!(out.code(), "ok");
    assert_eq!(
        call(Some(&csrf), Some(own.as_str())).await.code(),
        "MissingAuthenticationTokenException"
    );
}

#[tokio::test]
async fn a_deleted_key_is_refused_at_its_next_request() {
    let hub = TestHub::start().await;
    let made = hub.call("Roadstead.CreateAccessKey", &json!({"Description": "laptop"})).await.ok();
    let listed = hub.call("Roadstead.ListAccessKeys", &json!({})).await.ok();
    assert_eq!(listed["AccessKeys"].as_array().unwrap().len(), 2);
    assert!(!listed.to_string().contains(made["SecretAccessKey"].as_str().unwrap()));
    let gone = json!({"AccessKeyId": crate::support::KEY_ID});
    hub.call("Roadstead.DeleteAccessKey", &gone).await.ok();
    assert_eq!(
        hub.call("Roadstead.GetCaller", &json!({})).await.code(),
        "UnrecognizedClientException"
    );
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let hub = TestHub::start().await;
    let made = hub
        .call("AmazonSSM.CreateActivation", &json!({"IamRole": "r", "Description": "kept"}))
        .await
        .ok();
    let data = hub.data.path().join("hub.db");
    let before = std::fs::metadata(&data).unwrap().len();
    assert!(before > 0 && made["ActivationCode"].as_str().unwrap().len() >= 20);
    hub.stop().await;
}
