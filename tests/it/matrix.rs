//! Every operation as every built-in role, on the caller's own part of the fleet and on another (`matrix.txt`).

use rusqlite::{Connection, params};
use serde_json::json;

use crate::support::{Answer, Key, TestHub};

/// One line of `matrix.txt`.
pub struct Row {
    pub operation: String,
    roles: String,
    request: String,
}

pub fn table() -> Vec<Row> {
    let lines = include_str!("matrix.txt")
        .lines()
        .filter(|l| !l.starts_with('#') && !l.trim().is_empty());
    let row = |line: &str| {
        let mut words = line.splitn(2, ' ');
        let operation = words.next().unwrap().to_owned();
        let (roles, request) = words.next().unwrap().trim().split_once(' ').unwrap();
        Row {
            operation,
            roles: roles.to_owned(),
            request: request.trim().to_owned(),
        }
    };
    lines.map(row).collect()
}

const ROLES: &[(&str, char)] = &[
    ("admin", 'A'),
    ("operator", 'O'),
    ("patcher", 'P'),
    ("auditor", 'U'),
    ("viewer", 'V'),
];

impl Row {
    fn is_open(&self) -> bool {
        self.roles == "open"
    }

    /// What a key may of it is the login's own affair and tested there; that it is refused in order is tested here.
    fn is_own(&self) -> bool {
        self.roles == "own"
    }

    fn may(&self, letter: char) -> bool {
        self.roles == "*" || self.is_open() || self.roles.contains(letter)
    }

    fn about(&self, part: &Part) -> String {
        self.request
            .replace("$NODE", part.node)
            .replace("$NAME", part.name)
            .replace("$COMMAND", part.command)
            .replace("$SESSION", part.session)
            .replace("$ACTIVATION", part.activation)
    }

    fn is_about_a_part(&self) -> bool {
        self.request.contains('$')
    }
}

/// A node and what was done on it by somebody else than the caller.
struct Part {
    tag: &'static str,
    node: &'static str,
    name: &'static str,
    command: &'static str,
    session: &'static str,
    activation: &'static str,
}

const OWN: Part = Part {
    tag: "own",
    node: "mi-000000000000000aa",
    name: "own-node",
    command: "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa",
    session: "somebody-000000000000000aa",
    activation: "aaaaaaaa-1111-4111-8111-aaaaaaaaaaaa",
};
const FOREIGN: Part = Part {
    tag: "foreign",
    node: "mi-000000000000000ff",
    name: "foreign-node",
    command: "ffffffff-ffff-4fff-8fff-ffffffffffff",
    session: "somebody-000000000000000ff",
    activation: "ffffffff-1111-4111-8111-ffffffffffff",
};

impl Part {
    /// Puts everything back as it was, whatever the last call did to it.
    fn restore(&self, database: &Connection) {
        database
            .execute(
                "INSERT OR REPLACE INTO node (id, key_hash, name, iam_role, joined_at, status, source_address, computer_name, platform_id,
                    platform_name, platform_version, architecture, agent_version, addresses, facts)
                 VALUES (?1, CAST(?1 AS BLOB), ?2, '', 0, 'Offline', '', ?2, 'p', 'p', '1', 'a', '1', '', '{}')",
                params![self.node, self.name],
            )
            .unwrap();
        database
            .execute(
                "INSERT OR REPLACE INTO tag (kind, id, key, value) VALUES ('ManagedInstance', ?1, 'part', ?2)",
                params![self.node, self.tag],
            )
            .unwrap();
        database
            .execute(
                "INSERT OR REPLACE INTO activation (id, code_hash, description, iam_role, registration_limit, registrations, created_by,
                    created_at, expires_at)
                 VALUES (?1, X'00', ?2, 'r', 1, 0, 'somebody', 0, 9000000000000)",
                params![self.activation, self.name],
            )
            .unwrap();
        database
            .execute(
                "INSERT OR REPLACE INTO tag (kind, id, key, value) VALUES ('Activation', ?1, 'part', ?2)",
                params![self.activation, self.tag],
            )
            .unwrap();
        let document = json!({"schemaVersion": "2.2", "mainSteps": []}).to_string();
        database
            .execute(
                "INSERT OR REPLACE INTO command (id, document_name, document_version, document, parameters, comment, instance_ids, targets,
                    requested_by, requested_at, start_before, expires_at, timeout_s, max_concurrency, max_errors, extras, status,
                    target_count, completed_count, error_count, delivery_timed_out_count)
                 VALUES (?1, 'AWS-RunShellScript', '1', ?2, '{\"commands\":[\"true\"]}', ?3, '[]', '[]', 'somebody', 9000000000000, 9000000000000,
                    9000000000000, 3600, '50', '0', '{}', 'Pending/Pending', 1, 0, 0, 0)",
                params![self.command, document, self.name],
            )
            .unwrap();
        database
            .execute(
                "INSERT OR REPLACE INTO invocation (command_id, node_id, node_name, computer_name, requested_at, start_before, expires_at,
                    status, response_code, message) VALUES (?1, ?2, ?3, ?3, 9000000000000, 9000000000000, 9000000000000, 'Pending', -1, '')",
                params![self.command, self.node, self.name],
            )
            .unwrap();
        database
            .execute(
                "INSERT OR REPLACE INTO session (id, node_id, owner, reason, document, status, shell, details, started_at, idle_timeout_ms,
                    max_duration_ms) VALUES (?1, ?2, 'somebody', ?3, 'SSM-SessionManagerRunShell', 'Connecting', 'Unopened', '', 0, 0, 0)",
                params![self.session, self.node, self.name],
            )
            .unwrap();
    }

    fn is_in(&self, answer: &Answer) -> bool {
        let text = answer.body.to_string();
        [self.name, self.command, self.session, self.activation]
            .iter()
            .any(|word| text.contains(word))
            || text.contains(self.node)
    }
}

#[tokio::test]
async fn every_operation_as_every_role_on_own_and_foreign_things() {
    let hub = TestHub::start().await;
    let database = Connection::open(hub.data.path().join("hub.db")).unwrap();
    database.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    database.pragma_update(None, "synchronous", "off").unwrap();
    let scope = json!({"Tags": [{"Key": "part", "Values": ["own"]}]});
    let everything = json!({"GroupName": "all", "Rule": "name^own or name^foreign"});
    hub.call("Roadstead.CreateGroup", &everything).await.ok();
    let mut wrong = Vec::new();
    for (role, letter) in ROLES {
        hub.user(&format!("{role}-narrow"), role, &scope).await;
        let whole = hub.user(&format!("{role}-whole"), role, &json!({})).await;
        for row in table() {
            // A call may have deleted the key that made it.
            let narrow = hub.key_of(&format!("{role}-narrow")).await;
            wrong.extend(check(&hub, &database, &row, *letter, &narrow, &whole).await);
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of the matrix are not as written:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

async fn check(hub: &TestHub, database: &Connection, row: &Row, letter: char, narrow: &Key, whole: &Key) -> Vec<String> {
    let restore = || {
        let batch = database.unchecked_transaction().unwrap();
        OWN.restore(database);
        FOREIGN.restore(database);
        batch.commit().unwrap();
    };
    let mut wrong = Vec::new();
    let mut expect = |what: &str, answer: &Answer, is_allowed: bool| {
        if row.is_own() && answer.status != 500 {
            return;
        }
        if answer.status == 500 || (answer.code() != "AccessDeniedException") != is_allowed {
            let words = answer.body["message"].as_str().unwrap_or("");
            wrong.push(format!("{} as {letter} {what}: {} {words}", row.operation, answer.code()));
        }
    };
    restore();
    let answer = hub.call_as(whole, &row.operation, &row.about(&OWN)).await;
    expect("without a scope", &answer, row.may(letter));
    restore();
    let answer = hub.call_as(narrow, &row.operation, &row.about(&OWN)).await;
    expect("on its own part", &answer, row.may(letter) && !row.roles.ends_with('!'));
    let told = FOREIGN.is_in(&answer);
    restore();
    let answer = hub.call_as(narrow, &row.operation, &row.about(&FOREIGN)).await;
    if row.is_about_a_part() {
        expect("on a foreign part", &answer, false);
    }
    if told || (!row.is_about_a_part() && FOREIGN.is_in(&answer)) {
        wrong.push(format!("{} as {letter} tells of the foreign part", row.operation));
    }
    wrong
}
