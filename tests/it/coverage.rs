//! Walks the registry: no operation answers a stranger, none falls over a malformed body.

use roadstead::hub::api::registry::Access;
use roadstead::hub::registry;

use crate::support::TestHub;

/// Every operation's target header and who may call it.
fn operations() -> Vec<(String, Access)> {
    registry()
        .operations()
        .map(|o| (format!("{}.{}", o.service.target_prefix(), o.name), o.access))
        .collect()
}

#[tokio::test]
async fn every_operation_refuses_a_caller_without_credentials() {
    let hub = TestHub::start().await;
    for (target, access) in operations() {
        let answer = hub.call_unsigned(&target, "{}").await;
        match access {
            Access::Open => assert_ne!(answer.code(), "MissingAuthenticationTokenException", "{target}"),
            _ => assert_eq!(
                (answer.status, answer.code()),
                (400, "MissingAuthenticationTokenException"),
                "{target}"
            ),
        }
    }
}

#[tokio::test]
async fn every_operation_answers_a_malformed_body_with_a_modelled_error() {
    let hub = TestHub::start().await;
    let deep = "[".repeat(5000);
    for (target, _) in operations() {
        for body in [
            "{",
            "[]",
            "\"x\"",
            "{\"InstanceIds\": 5, \"NodeId\": 5, \"CommandId\": 5}",
            "\u{0}",
            deep.as_str(),
        ] {
            let answer = hub.call_text(&target, body).await;
            let is_modelled = answer.status == 200 || (answer.status == 400 && answer.body["message"].is_string());
            assert!(is_modelled, "{target} answered {} to {body:.20}: {}", answer.status, answer.body);
        }
        assert_eq!(hub.call_text(&target, "{").await.code(), "SerializationException", "{target}");
    }
}

/// Who may call an operation is decided when it is made, and written down.
#[test]
fn every_operation_stands_in_the_matrix_of_rights() {
    let listed: Vec<String> = crate::matrix::table().into_iter().map(|row| row.operation).collect();
    let known: Vec<String> = operations().into_iter().map(|(target, _)| target).collect();
    let missing: Vec<&String> = known.iter().filter(|target| !listed.contains(target)).collect();
    assert!(
        missing.is_empty(),
        "add a line to tests/it/matrix.txt, where its head says how: {missing:?}"
    );
    let gone: Vec<&String> = listed.iter().filter(|target| !known.contains(target)).collect();
    assert!(gone.is_empty(), "tests/it/matrix.txt names operations that there are not: {gone:?}");
}

#[tokio::test]
async fn an_unknown_operation_is_named() {
    let hub = TestHub::start().await;
    let answer = hub.call_text("AmazonSSM.Nothing", "{}").await;
    assert_eq!(answer.code(), "UnknownOperationException");
    assert!(answer.body["message"].as_str().unwrap().contains("AmazonSSM.Nothing"));
    assert!(answer.headers.contains_key("x-amzn-requestid"));
}
