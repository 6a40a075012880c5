//! `SearchOutputs` over a whole hub: what is found, in which order and by whom. The outputs are put into the database as reports
//! leave them there.

use std::collections::BTreeSet;

use roadstead::hub::store::blobs::{self, Blobs};
use rusqlite::{Connection, params};
use serde_json::{Value, json};

use crate::support::{Answer, TestHub};

const COMMAND: &str = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";
/// Nothing expires, and nothing is too old to be kept.
const LATER: i64 = 9_000_000_000_000;

struct Archive {
    hub: TestHub,
    database: Connection,
}

impl Archive {
    async fn start() -> Self {
        let hub = TestHub::start().await;
        let database = Connection::open(hub.data.path().join("hub.db")).unwrap();
        database.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        database.pragma_update(None, "synchronous", "off").unwrap();
        database
            .execute(
                "INSERT INTO command (id, document_name, document_version, document, parameters, comment, instance_ids, targets,
                    requested_by, requested_at, start_before, expires_at, timeout_s, max_concurrency, max_errors, extras, status,
                    target_count, completed_count, error_count, delivery_timed_out_count)
                 VALUES (?1, 'Nightly', '1', '{}', '{}', '', '[]', '[]', 'somebody', ?2, ?2, ?2, 3600, '50', '0', '{}', 'Success/Success',
                    1, 1, 0, 0)",
                params![COMMAND, LATER],
            )
            .unwrap();
        Self { hub, database }
    }

    fn node(&self, number: usize, status: &str) -> String {
        let node = format!("mi-{number:017x}");
        let ended_at = (status != "InProgress").then_some(LATER);
        self.database
            .execute(
                "INSERT INTO invocation (command_id, node_id, node_name, computer_name, requested_at, start_before, expires_at, status,
                    ended_at, response_code, message, output_hash) VALUES (?1, ?2, ?3, ?3, ?6, ?6, ?6, ?4, ?5, 0, '', x'01')",
                params![COMMAND, node, format!("node-{number}"), status, ended_at, LATER],
            )
            .unwrap();
        self.database
            .execute(
                "INSERT INTO step (command_id, node_id, position, name, action, outcome, exit_code, message, started_at, ended_at)
                 VALUES (?1, ?2, 0, 'check', 'aws:runShellScript', 'Success', 0, '', 1, 2)",
                params![COMMAND, node],
            )
            .unwrap();
        node
    }

    fn output(&self, node: &str, stream: &str, hash: &[u8], size: i64) {
        self.database
            .execute(
                "INSERT INTO step_output (command_id, node_id, position, stream, hash, stored_bytes, head, wanted)
                 VALUES (?1, ?2, 0, ?3, ?4, ?5, x'', 0)",
                params![COMMAND, node, stream, hash, size],
            )
            .unwrap();
    }

    fn says(&self, node: &str, stream: &str, text: &str) {
        let hash = blobs::hash(text.as_bytes());
        self.database
            .execute(
                "INSERT OR IGNORE INTO blob (hash, size, content) VALUES (?1, ?2, ?3)",
                params![hash.as_slice(), text.len() as i64, text.as_bytes()],
            )
            .unwrap();
        self.output(node, stream, &hash, text.len() as i64);
    }

    /// A node that ended so and wrote this.
    fn wrote(&self, number: usize, status: &str, stdout: &str) -> String {
        let node = self.node(number, status);
        self.says(&node, "stdout", stdout);
        node
    }

    async fn search(&self, members: Value) -> Answer {
        self.hub.call("Roadstead.SearchOutputs", &request(members)).await
    }
}

fn request(members: Value) -> Value {
    let mut request = json!({"CommandId": COMMAND});
    request.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    request
}

fn nodes(answer: &Value) -> Vec<&str> {
    let nodes = answer["Nodes"].as_array().unwrap();
    nodes.iter().map(|node| node["NodeId"].as_str().unwrap()).collect()
}

fn totals(answer: &Value) -> (u64, u64, bool, u64) {
    let number = |member: &str| answer[member].as_u64().unwrap();
    (
        number("NodesSearched"),
        number("NodesMatched"),
        answer["Whole"].as_bool().unwrap(),
        number("NodesOpen"),
    )
}

#[tokio::test]
async fn a_node_is_listed_with_its_first_matching_lines_and_how_many_there_are() {
    let archive = Archive::start().await;
    let node = archive.wrote(1, "Failed", &"line\nno space left\r\n".repeat(7));
    archive.says(&node, "stderr", "no space either\n");
    archive.wrote(2, "Success", "all well\n");
    archive.node(3, "InProgress");
    let found = archive.search(json!({"Text": "no space"})).await.ok();
    assert_eq!((nodes(&found), totals(&found)), (vec![node.as_str()], (2, 1, true, 1)));
    let one = &found["Nodes"][0];
    assert_eq!(
        (&one["Name"], &one["StatusDetails"], &one["MatchingLines"]),
        (&json!("node-1"), &json!("Failed"), &json!(8))
    );
    let lines = one["Lines"].as_array().unwrap();
    let numbers: Vec<u64> = lines.iter().map(|line| line["Number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [2, 4, 6, 8, 10]);
    let first = json!({"Step": 0, "StepName": "check", "Stream": "stdout", "Number": 2, "Text": "no space left", "Cut": false});
    assert_eq!(lines[0], first);
    let errors = archive.search(json!({"Text": "no space", "Stream": "stderr"})).await.ok();
    assert_eq!(errors["Nodes"][0]["Lines"][0]["Text"], "no space either");
    assert_eq!(errors["NextToken"], Value::Null);
}

#[tokio::test]
async fn nodes_are_found_by_what_their_output_lacks_and_by_how_they_ended() {
    let archive = Archive::start().await;
    let fine = archive.wrote(1, "Success", "check: OK\n");
    let odd = archive.wrote(2, "Success", "check: hm\n");
    let failed = archive.wrote(3, "Failed", "check: ok, but not really\n");
    let silent = archive.node(4, "DeliveryTimedOut");
    for (members, expected) in [
        (json!({"Text": "OK"}), vec![&fine]),
        (json!({"Text": "OK", "WithoutMatch": true}), vec![&odd, &failed, &silent]),
        (json!({"Text": "ok", "IgnoreCase": true}), vec![&fine, &failed]),
        (json!({"Text": "OK", "WithoutMatch": true, "Status": ["Success"]}), vec![&odd]),
        (json!({"Text": "^check: [a-z]+$", "Regex": true}), vec![&odd]),
        (json!({"Text": "^check: [a-z]+$"}), vec![]),
        (
            json!({"Text": "OK$", "Regex": true, "IgnoreCase": true, "Status": ["Failed", "Success"]}),
            vec![&fine],
        ),
    ] {
        let found = archive.search(members.clone()).await.ok();
        assert_eq!(nodes(&found), expected, "{members}");
        assert_eq!(found["NodesMatched"], expected.len(), "{members}");
    }
}

#[tokio::test]
async fn the_first_page_has_the_totals_and_the_pages_have_every_node_once() {
    let archive = Archive::start().await;
    let batch = archive.database.unchecked_transaction().unwrap();
    for number in 0..1200 {
        let word = if number % 3 == 0 { "match" } else { "other" };
        archive.wrote(number, "Success", &format!("{word} {}\n", number % 10));
    }
    batch.commit().unwrap();
    let (mut seen, mut pages, mut token) = (BTreeSet::new(), 0, Value::Null);
    loop {
        let mut members = json!({"Text": "match", "MaxResults": 100});
        if token.is_string() {
            members["NextToken"] = token;
        }
        let found = archive.search(members).await.ok();
        pages += 1;
        // A slow machine needs more than one request to count them.
        if found["Whole"] == true {
            assert_eq!(totals(&found), (1200, 400, true, 0));
        }
        for node in nodes(&found) {
            assert!(seen.insert(node.to_owned()), "{node} comes twice");
        }
        token = found["NextToken"].clone();
        if token.is_null() {
            assert_eq!(found["Whole"], true);
            break;
        }
    }
    assert_eq!(seen.len(), 400);
    assert!(pages >= 4);
}

#[tokio::test]
async fn a_long_output_is_searched_to_its_end_over_several_requests() {
    let archive = Archive::start().await;
    let mut writer = Blobs::new(archive.hub.data.path()).writer().unwrap();
    let line = [vec![b'.'; 1023], b"\n".to_vec()].concat();
    let piece = line.repeat(1024);
    for _ in 0..40 {
        writer.write(&piece).unwrap();
    }
    writer.write(b"the needle\n").unwrap();
    let (hash, size) = writer.finish().unwrap();
    archive
        .database
        .execute(
            "INSERT INTO blob (hash, size) VALUES (?1, ?2)",
            params![hash.as_slice(), size as i64],
        )
        .unwrap();
    let same: Vec<String> = (1..=3).map(|number| archive.node(number, "Success")).collect();
    for node in &same {
        archive.output(node, "stdout", &hash, size as i64);
    }
    let (mut requests, mut token, mut found) = (0, Value::Null, Vec::new());
    while requests == 0 || token.is_string() {
        let mut members = json!({"Text": "needle"});
        if token.is_string() {
            members["NextToken"] = token;
        }
        let answer = archive.search(members).await.ok();
        found.extend(answer["Nodes"].as_array().unwrap().clone());
        token = answer["NextToken"].clone();
        requests += 1;
    }
    assert!(requests > 1, "it is longer than what one request looks through");
    assert_eq!(found.len(), 3);
    for node in &found {
        assert_eq!(
            (&node["MatchingLines"], &node["Lines"][0]["Number"]),
            (&json!(1), &json!(40 * 1024 + 1))
        );
    }
}

#[tokio::test]
async fn who_does_not_see_a_node_neither_finds_nor_counts_it() {
    let archive = Archive::start().await;
    let own = archive.wrote(1, "Success", "a secret word\n");
    archive.wrote(2, "Success", "a secret word\n");
    archive.node(3, "InProgress");
    archive
        .database
        .execute(
            "INSERT INTO tag (kind, id, key, value) VALUES ('ManagedInstance', ?1, 'part', 'own')",
            params![own],
        )
        .unwrap();
    let scope = |part: &str| json!({"Tags": [{"Key": "part", "Values": [part]}]});
    let call = async |key, text: &str| {
        let body = request(json!({"Text": text})).to_string();
        archive.hub.call_as(key, "Roadstead.SearchOutputs", &body).await
    };
    let narrow = archive.hub.user("narrow", "viewer", &scope("own")).await;
    let found = call(&narrow, "secret").await.ok();
    assert_eq!((nodes(&found), totals(&found)), (vec![own.as_str()], (1, 1, true, 0)));
    let stranger = archive.hub.user("stranger", "viewer", &scope("foreign")).await;
    assert_eq!(call(&stranger, "secret").await.code(), "InvalidCommandId");
}

#[tokio::test]
async fn what_cannot_be_searched_is_said() {
    let archive = Archive::start().await;
    let unknown = json!({"CommandId": "01234567-89ab-4def-8123-456789abcdef", "Text": "x"});
    let answer = archive.hub.call("Roadstead.SearchOutputs", &unknown).await;
    assert_eq!(answer.code(), "InvalidCommandId");
    for wrong in [
        json!({"Text": ""}),
        json!({"Text": "x".repeat(1001)}),
        json!({"Text": "two\nlines"}),
        json!({"Text": "(", "Regex": true}),
        json!({"Text": ".{1,400}x", "Regex": true}),
        json!({"Text": "x", "Status": ["Fine"]}),
        json!({"Text": "x", "MaxResults": 101}),
    ] {
        assert_eq!(archive.search(wrong.clone()).await.code(), "ValidationException", "{wrong}");
    }
    let answer = archive.search(json!({"Text": "x", "NextToken": "made up"})).await;
    assert_eq!(answer.code(), "InvalidNextToken");
    let fine = archive.search(json!({"Text": "é".repeat(1000)})).await.ok();
    assert_eq!((nodes(&fine), totals(&fine)), (vec![], (0, 0, true, 0)));
}
