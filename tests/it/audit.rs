//! The audit log over HTTP and in the file: what leaves a row, what is found when rows are touched.

use std::path::Path;

use http::header::AUTHORIZATION;
use roadstead::hub::audit::chain::Problem;
use roadstead::hub::audit::offline;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::{PASSWORD, TestHub};

/// Something that changes rows.
async fn write(hub: &TestHub) {
    hub.call("AmazonSSM.CreateActivation", &json!({"IamRole": "r"})).await.ok();
}

async fn events(hub: &TestHub, filter: &str) -> Vec<Value> {
    let filter: roadstead::model::filter::Filter = filter.parse().unwrap();
    let found = hub.call("Roadstead.ListAuditEvents", &json!({"Filter": filter})).await.ok();
    found["Events"].as_array().unwrap().clone()
}

async fn verdict(hub: &TestHub) -> Value {
    hub.call("Roadstead.VerifyAudit", &json!({})).await.ok()
}

fn database(data: &Path) -> Connection {
    Connection::open(data.join("hub.db")).unwrap()
}

#[tokio::test]
async fn writes_logins_and_refusals_leave_a_row_each() {
    let hub = TestHub::start().await;
    write(&hub).await;
    let made = events(&hub, "operation=CreateActivation").await;
    assert_eq!(made.len(), 1);
    assert_eq!((&made[0]["UserName"], &made[0]["Outcome"]), (&json!("admin"), &json!("done")));
    assert!(made[0]["Caller"].as_str().unwrap().starts_with("user:admin/key:"));

    let login = |password: &str| json!({"UserName": "admin", "Password": password}).to_string();
    hub.call_unsigned("Roadstead.Login", &login("wrong password")).await;
    let answer = hub.call_unsigned("Roadstead.Login", &login(PASSWORD)).await;
    let (cookie, csrf) = (answer.cookie(), answer.ok()["CsrfToken"].as_str().unwrap().to_owned());
    let logins = events(&hub, "operation=Login").await;
    let outcomes: Vec<&Value> = logins.iter().map(|event| &event["Outcome"]).collect();
    assert_eq!(outcomes, ["done", "denied"]);

    let foreign = hub
        .call_with("Roadstead.Logout", &json!({}), &cookie, Some(&csrf), Some("https://evil.example"))
        .await;
    assert_eq!(foreign.code(), "AccessDeniedException");
    assert_eq!(events(&hub, "operation=Logout outcome=denied").await.len(), 1);
}

#[tokio::test]
async fn a_forged_signature_leaves_one_row_however_often_it_is_tried() {
    let hub = TestHub::start().await;
    for _ in 0..30 {
        let mut request = http::Request::post("/")
            .body(http_body_util::Full::new(bytes::Bytes::from("{}")))
            .unwrap();
        let headers = request.headers_mut();
        headers.insert("host", hub.address().parse().unwrap());
        headers.insert("x-amz-target", "AmazonSSM.ListCommands".parse().unwrap());
        let scope = "AKIANOBODYKNOWSTHIS/20260101/x/ssm/aws4_request";
        let signature = "0".repeat(64);
        let forged = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-target, Signature={signature}");
        headers.insert(AUTHORIZATION, forged.parse().unwrap());
        assert_eq!(hub.send(request).await.code(), "UnrecognizedClientException");
    }
    let refused = events(&hub, "outcome=denied").await;
    assert_eq!(refused.len(), 1);
    assert!(refused[0]["Detail"].as_str().unwrap().contains("AKIANOBODYKNOWSTHIS"));
}

#[tokio::test]
async fn when_the_row_cannot_be_written_nothing_is_done() {
    let hub = TestHub::start().await;
    let fault = "CREATE TRIGGER fault BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'fault'); END";
    database(hub.data.path()).execute_batch(fault).unwrap();
    let answer = hub.call("AmazonSSM.CreateActivation", &json!({"IamRole": "r"})).await;
    assert_eq!(answer.status, 500);
    let login = json!({"UserName": "admin", "Password": PASSWORD}).to_string();
    assert_eq!(hub.call_unsigned("Roadstead.Login", &login).await.status, 500);
    database(hub.data.path()).execute_batch("DROP TRIGGER fault").unwrap();
    let listed = hub.call("AmazonSSM.DescribeActivations", &json!({})).await.ok();
    assert_eq!(listed["ActivationList"], json!([]));
    write(&hub).await;
    assert_eq!(verdict(&hub).await["Healthy"], true);
}

#[tokio::test]
async fn pages_go_back_to_the_first_row_without_a_gap() {
    let hub = TestHub::start().await;
    for _ in 0..7 {
        write(&hub).await;
    }
    let (mut seqs, mut token) = (Vec::new(), Value::Null);
    loop {
        let mut request = json!({"MaxResults": 3});
        if token.is_string() {
            request["NextToken"] = token;
        }
        let page = hub.call("Roadstead.ListAuditEvents", &request).await.ok();
        seqs.extend(
            page["Events"]
                .as_array()
                .unwrap()
                .iter()
                .map(|event| event["Seq"].as_i64().unwrap()),
        );
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(seqs, (1..=8).rev().collect::<Vec<i64>>());
    let oldest = hub
        .call("Roadstead.ListAuditEvents", &json!({"OldestFirst": true, "MaxResults": 1}))
        .await
        .ok();
    assert_eq!(oldest["Events"][0]["Seq"], 1);
}

#[tokio::test]
async fn a_running_hub_finds_a_changed_row_and_checks_in_stretches() {
    let hub = TestHub::start().await;
    for _ in 0..5 {
        write(&hub).await;
    }
    let healthy = verdict(&hub).await;
    assert_eq!(
        (&healthy["Healthy"], &healthy["Rows"], &healthy["LastSeq"]),
        (&json!(true), &json!(6), &json!(6))
    );
    let part = hub.call("Roadstead.VerifyAudit", &json!({"FromSeq": 2, "MaxRows": 2})).await.ok();
    assert_eq!(
        (&part["Healthy"], &part["FirstSeq"], &part["NextSeq"]),
        (&json!(true), &json!(2), &json!(4))
    );
    let changed = "UPDATE audit SET caller = 'user:somebody' WHERE seq = 3";
    database(hub.data.path()).execute_batch(changed).unwrap();
    let broken = verdict(&hub).await;
    assert_eq!(broken["Healthy"], false);
    assert_eq!(
        (&broken["Findings"][0]["Seq"], &broken["Findings"][0]["Problem"]),
        (&json!(3), &json!("Changed"))
    );
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_a_finding_and_no_fault() {
    let hub = TestHub::start().await;
    for _ in 0..5 {
        write(&hub).await;
    }
    let damage = "UPDATE audit SET detail = CAST(x'ff' AS TEXT) WHERE seq = 4";
    database(hub.data.path()).execute_batch(damage).unwrap();
    let broken = verdict(&hub).await;
    assert_eq!(
        (&broken["Healthy"], &broken["FindingCount"]),
        (&json!(false), &json!(1)),
        "{broken}"
    );
    assert_eq!(
        (&broken["Findings"][0]["Seq"], &broken["Findings"][0]["Problem"], &broken["LastSeq"]),
        (&json!(4), &json!("Unreadable"), &json!(3))
    );
    let data = hub.stop_and_keep().await;
    let offline = offline::verify(data.path(), Vec::new(), &[]).unwrap();
    assert_eq!((offline.findings[0].seq, offline.findings[0].problem), (4, Problem::Unreadable));
}

#[tokio::test]
async fn a_hub_whose_last_row_was_damaged_goes_on_writing_and_the_row_is_found() {
    let hub = TestHub::start().await;
    for _ in 0..3 {
        write(&hub).await;
    }
    let damage = "UPDATE audit SET hash = x'00' WHERE seq = (SELECT max(seq) FROM audit)";
    database(hub.data.path()).execute_batch(damage).unwrap();
    write(&hub).await;
    write(&hub).await;
    let broken = verdict(&hub).await;
    assert_eq!((&broken["Rows"], &broken["FindingCount"]), (&json!(6), &json!(1)), "{broken}");
    assert_eq!(
        (&broken["Findings"][0]["Seq"], &broken["Findings"][0]["Problem"]),
        (&json!(4), &json!("Changed"))
    );
}

/// P19 on the file itself: whatever is done to it while the hub is away is found without a hub.
#[tokio::test]
async fn whatever_is_done_to_the_file_is_found_offline() {
    let hub = TestHub::start().await;
    for _ in 0..12 {
        write(&hub).await;
    }
    let data = hub.stop_and_keep().await;
    let healthy = offline::verify(data.path(), Vec::new(), &[]).unwrap();
    assert!(healthy.healthy && healthy.rows == 13 && healthy.heads >= 1, "{healthy:?}");
    database(data.path())
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    let attacks = [
        ("UPDATE audit SET target = 'hub2' WHERE seq = 4", Problem::Changed),
        ("UPDATE audit SET at = at + 1 WHERE seq = 1", Problem::Changed),
        ("UPDATE audit SET hash = zeroblob(32) WHERE seq = 12", Problem::Changed),
        ("UPDATE audit SET hash = x'00' WHERE seq = 5", Problem::Changed),
        ("INSERT INTO audit_node VALUES (3, 'mi-00000000000000000')", Problem::Changed),
        ("DELETE FROM audit WHERE seq = 1", Problem::Missing),
        ("DELETE FROM audit WHERE seq BETWEEN 5 AND 7", Problem::Missing),
        ("DELETE FROM audit WHERE seq > 10", Problem::Truncated),
        ("DELETE FROM audit WHERE seq > 10; DELETE FROM audit_head", Problem::Truncated),
        ("DELETE FROM audit; DELETE FROM audit_head", Problem::Truncated),
        (
            "UPDATE audit SET seq = -2 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = -2",
            Problem::Changed,
        ),
        ("UPDATE audit SET seq = 14 WHERE seq = 6", Problem::Missing),
        (
            "INSERT INTO audit SELECT -1, at, request_id, caller, user_name, address, operation, target, command_id, outcome, repeats,
             detail, hash, 0 FROM audit WHERE seq = 3",
            Problem::Unsigned,
        ),
        ("UPDATE audit_head SET signature = zeroblob(64)", Problem::ForgedHead),
        (
            "INSERT INTO audit_segment SELECT seq, 1, hash, at, 'x', zeroblob(32), key, signature FROM audit_head;
             DELETE FROM audit WHERE seq < (SELECT max(seq) FROM audit_head)",
            Problem::Missing,
        ),
    ];
    for (attack, problem) in attacks {
        let copy = tempfile::tempdir().unwrap();
        std::fs::create_dir(copy.path().join("audit")).unwrap();
        for file in ["hub.db", "identity.key", "audit/head.json"] {
            std::fs::copy(data.path().join(file), copy.path().join(file)).unwrap();
        }
        database(copy.path()).execute_batch(attack).unwrap();
        let verdict = offline::verify(copy.path(), Vec::new(), &[]).unwrap();
        assert!(!verdict.healthy, "{attack}");
        assert!(
            verdict.findings.iter().any(|finding| finding.problem == problem),
            "{attack}: {verdict:?}"
        );
    }
}

#[tokio::test]
async fn a_cut_log_is_written_down_at_the_next_start_and_never_healthy_again() {
    let hub = TestHub::start().await;
    for _ in 0..6 {
        write(&hub).await;
    }
    let data = hub.stop_and_keep().await;
    let cut = "DELETE FROM audit WHERE seq > 4; DELETE FROM audit_head";
    database(data.path()).execute_batch(cut).unwrap();
    let hub = TestHub::start_on(data, None).await;
    let noted = events(&hub, "operation=AuditContradiction").await;
    assert_eq!(noted.len(), 1);
    for _ in 0..6 {
        write(&hub).await;
    }
    let verdict = verdict(&hub).await;
    assert_eq!(
        (&verdict["Healthy"], &verdict["Findings"][0]["Problem"]),
        (&json!(false), &json!("Rewritten"))
    );
}

#[tokio::test]
async fn an_export_is_checked_without_a_hub_and_against_a_head_kept_elsewhere() {
    let hub = TestHub::start().await;
    for _ in 0..4 {
        write(&hub).await;
    }
    let data = hub.stop_and_keep().await;
    let hub = TestHub::start_on(data, None).await;
    let head = hub.call("Roadstead.GetAuditHead", &json!({})).await.ok();
    assert_eq!(head["Head"]["Seq"], 5);
    let listed = hub.call("Roadstead.ListAuditEvents", &json!({"OldestFirst": true})).await.ok();
    let lines: Vec<String> = listed["Events"].as_array().unwrap().iter().map(Value::to_string).collect();
    let folder = tempfile::tempdir().unwrap();
    let (export, kept) = (folder.path().join("export.jsonl"), folder.path().join("head.json"));
    std::fs::write(&kept, head["Head"].to_string()).unwrap();
    let check = |lines: &[String]| {
        std::fs::write(&export, lines.join("\n")).unwrap();
        offline::verify(&export, offline::heads_of(&kept).unwrap(), &[]).unwrap()
    };
    assert!(check(&lines).healthy);
    assert_eq!(check(&lines[..3]).findings[0].problem, Problem::Truncated);
    assert!(check(&lines[2..]).healthy, "a stretch that ends at the head");
    assert!(!check(&[lines[0].clone(), lines[2].clone(), lines[3].clone()]).healthy);
    let delivered_twice = [&lines[..], &lines[1..]].concat();
    assert!(check(&delivered_twice).healthy, "what is shipped comes at least once");
    let swapped = [&lines[..], &[lines[2].replace("CreateActivation", "DeleteActivation")]].concat();
    assert!(!check(&swapped).healthy, "another row under the same number is no repetition");
    assert!(!check(&[lines.join("\n").replace("CreateActivation", "DeleteActivation")]).healthy);
}

#[tokio::test]
async fn a_setting_of_how_long_rows_are_kept_is_checked_and_noted() {
    let hub = TestHub::start().await;
    let kept = hub.call("Roadstead.GetAuditRetention", &json!({})).await.ok();
    assert!(kept.get("KeepDays").is_none());
    assert_eq!(
        hub.call("Roadstead.PutAuditRetention", &json!({"KeepDays": 1})).await.code(),
        "ValidationException"
    );
    hub.call("Roadstead.PutAuditRetention", &json!({"KeepDays": 90})).await.ok();
    let kept = hub.call("Roadstead.GetAuditRetention", &json!({})).await.ok();
    assert_eq!(kept["KeepDays"], 90);
    let noted = events(&hub, "operation=PutAuditRetention").await;
    assert_eq!(noted[0]["Detail"], "rows are archived after 90 days");
}
