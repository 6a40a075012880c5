//! A list shows exactly the rows on which a point decision says yes: over random policies and every kind of row.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value as Json, json};

use super::*;
use crate::hub::auth::policy::decide_one;
use crate::hub::auth::{Caller, Proof};
use crate::hub::labels::groups::find;
use crate::hub::store::{Select, Store, StoreError, Tx};
use crate::model::access::Grants;

const NODES: &[(&str, &[(&str, &str)])] = &[
    ("n1", &[("env", "prod"), ("team", "red")]),
    ("n2", &[("env", "prod")]),
    ("n3", &[("env", "dev"), ("team", "blue")]),
    ("n4", &[]),
];
const COMMANDS: &[(&str, &str, &[&str])] = &[
    ("c1", "ann", &["n1", "n2"]),
    ("c2", "bob", &["n1", "n3"]),
    ("c3", "bob", &["n3"]),
    ("c4", "bob", &[]),
    ("c5", "ann", &["n4", "gone"]),
];
const SESSIONS: &[(&str, &str, &str)] = &[("s1", "ann", "n1"), ("s2", "bob", "n3"), ("s3", "bob", "gone")];
const PARAMETERS: &[(&str, &[(&str, &str)])] = &[("/app/a", &[("env", "prod")]), ("/app/b", &[]), ("/[x]", &[("team", "red")])];

fn fill(tx: &Tx<'_>) -> Result<(), StoreError> {
    let tag = |kind: &str, id: &str, tags: &[(&str, &str)]| {
        tags.iter().try_for_each(|(key, value)| {
            let params = [
                (":kind", kind.into()),
                (":id", id.into()),
                (":key", (*key).into()),
                (":value", (*value).into()),
            ];
            tx.execute("INSERT INTO tag (kind, id, key, value) VALUES (:kind, :id, :key, :value)", &params)
                .map(|_| ())
        })
    };
    for (id, tags) in NODES {
        let sql = "INSERT INTO node (id, key_hash, name, iam_role, joined_at, status, source_address, computer_name, platform_id,
                platform_name, platform_version, architecture, agent_version, addresses, facts)
            VALUES (:id, CAST(:id AS BLOB), 'name-' || :id, '', 0, 'Online', '', '', '', '', '', '', '', '', '{}')";
        tx.execute(sql, &[(":id", (*id).into())])?;
        tag("ManagedInstance", id, tags)?;
    }
    for (id, tags) in PARAMETERS {
        tag("Parameter", id, tags)?;
    }
    for (id, owner, nodes) in COMMANDS {
        let sql = "INSERT INTO command (id, document_name, document_version, document, parameters, comment, instance_ids, targets,
                requested_by, requested_at, start_before, expires_at, timeout_s, max_concurrency, max_errors, extras, status,
                target_count, completed_count, error_count, delivery_timed_out_count)
            VALUES (:id, '', '', '', '', '', '', '', :owner, 0, 0, 0, 0, '', '', '', '', 0, 0, 0, 0)";
        tx.execute(sql, &[(":id", (*id).into()), (":owner", (*owner).into())])?;
        for node in *nodes {
            let sql = "INSERT INTO invocation (command_id, node_id, node_name, computer_name, requested_at, start_before, expires_at,
                    status, response_code, message) VALUES (:id, :node, '', '', 0, 0, 0, '', 0, '')";
            tx.execute(sql, &[(":id", (*id).into()), (":node", (*node).into())])?;
        }
    }
    for (id, owner, node) in SESSIONS {
        let sql = "INSERT INTO session (id, node_id, owner, reason, document, status, shell, details, started_at, idle_timeout_ms,
                max_duration_ms) VALUES (:id, :node, :owner, '', '', '', '', '', 0, 0, 0)";
        tx.execute(
            sql,
            &[(":id", (*id).into()), (":node", (*node).into()), (":owner", (*owner).into())],
        )?;
    }
    for (name, rule) in [("listed", None), ("ruled", Some("tag:env=prod"))] {
        let sql = "INSERT INTO node_group (name, description, rule, created_at) VALUES (:name, '', :rule, 0)";
        tx.execute(sql, &[(":name", name.into()), (":rule", rule.into())])?;
    }
    tx.execute("INSERT INTO node_group_member (group_name, node_id) VALUES ('listed', 'n4')", &[])?;
    Ok(())
}

fn text(all: &'static [&'static str]) -> impl Strategy<Value = Json> {
    proptest::collection::vec(proptest::sample::select(all), 0..2).prop_map(|texts| json!(texts))
}

fn statement() -> impl Strategy<Value = Json> {
    let tags = prop_oneof![
        3 => Just(json!([])),
        1 => text(&["prod", "p*", "dev"]).prop_map(|values| json!([{"Key": "env", "Values": values}])),
        1 => Just(json!([{"Key": "team"}])),
    ];
    let conditions = prop_oneof![
        4 => Just(json!([])),
        1 => Just(json!([{"Key": "tag:env", "Operator": "NotEquals", "Values": ["prod"]}])),
        1 => Just(json!([{"Key": "tag:team", "Operator": "Like", "Values": ["b*"]}])),
        1 => Just(json!([{"Key": "tag:team", "Operator": "NotLike", "Values": ["r?d"]}])),
    ];
    let resource = (
        proptest::sample::select(&["*", "node", "node", "command", "session", "parameter"][..]),
        text(&["n1", "n?", "c*", "/app/*", "/[x]", "s2", "*"]),
        tags,
        prop_oneof![4 => Just(json!([])), 1 => text(&["listed", "ruled", "gone"])],
        prop::bool::weighted(0.2),
    );
    (
        prop::bool::weighted(0.7),
        proptest::sample::select(&["ssm:*", "ssm:Do", "ssm:Other"][..]),
        proptest::collection::vec(resource, 1..3),
        conditions,
    )
        .prop_map(|(allow, action, resources, conditions)| {
            let resources: Vec<Json> = resources
                .into_iter()
                .map(|(kind, ids, tags, groups, own)| json!({"Kind": kind, "Ids": ids, "Tags": tags, "Groups": groups, "Own": own}))
                .collect();
            json!({"Effect": if allow { "Allow" } else { "Deny" }, "Actions": [action], "Resources": resources, "Conditions": conditions})
        })
}

fn caller(tx: &Tx<'_>, statements: &[Json], scope: &Json) -> Result<Caller, StoreError> {
    let policy = serde_json::from_value(json!({ "Statements": statements })).unwrap();
    let mut grants = Grants::default();
    grants.add(&policy, "test", "user", "ann");
    grants.narrow(&serde_json::from_value(scope.clone()).unwrap(), "ann");
    let mut rights = Rights::none();
    rights.user = "ann".into();
    rights.groups = find(tx, grants.groups())?;
    rights.grants = grants;
    let mut caller = Caller::new("ann", Proof::Session(String::new()));
    caller.rights = std::sync::Arc::new(rights);
    Ok(caller)
}

/// Ids of a kind that its list shows, and those that the point decision allows.
fn both(tx: &Tx<'_>, caller: &Caller, kind: &str) -> Result<(Vec<String>, Vec<String>), StoreError> {
    let (head, id, order) = match kind {
        "node" => ("SELECT node.id AS id FROM node", "node.id", "node.id"),
        "command" => ("SELECT command.id AS id FROM command", "command.id", "command.id"),
        "session" => ("SELECT session.id AS id FROM session", "session.id", "session.id"),
        "invocation" => (
            "SELECT command_id || '/' || node_id AS id FROM invocation",
            "invocation",
            "command_id, node_id",
        ),
        _ => ("SELECT DISTINCT tag.id AS id FROM tag", "tag.id", "tag.id"),
    };
    let mut select = Select::new(head).order(order);
    let mut all = Select::new(head).order(order);
    if kind == "parameter" {
        select = select.and("tag.kind = 'Parameter'", []);
        all = all.and("tag.kind = 'Parameter'", []);
    }
    let listed = select
        .and_condition(&condition(&caller.rights, "ssm:Do", kind, id))
        .rows(tx, |row| row.get("id"))?;
    let mut decided = Vec::new();
    for id in all.rows(tx, |row| row.get::<String>("id"))? {
        if decide_one(tx, caller, "ssm:Do", kind, &id)?.is_allowed() {
            decided.push(id);
        }
    }
    Ok((listed, decided))
}

#[test]
fn a_list_and_a_point_decision_agree() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let store = runtime.block_on(Store::open(dir.path())).unwrap();
    runtime.block_on(store.write(fill)).map_err(|e: StoreError| e).unwrap();
    let scopes = prop_oneof![
        3 => Just(json!({})),
        1 => Just(json!({"Tags": [{"Key": "env", "Values": ["prod"]}]})),
        1 => Just(json!({"Groups": ["listed", "ruled"]})),
    ];
    let cases = (proptest::collection::vec(statement(), 1..5), scopes);
    let config = Config {
        cases: 400,
        failure_persistence: None,
        ..Config::default()
    };
    let ran = TestRunner::new(config).run(&cases, |(statements, scope)| {
        let shown = json!({ "statements": &statements, "scope": &scope });
        let pairs = runtime.block_on(store.read(move |tx| {
            let caller = caller(tx, &statements, &scope)?;
            ["node", "command", "session", "invocation", "parameter"]
                .into_iter()
                .map(|kind| Ok((kind, both(tx, &caller, kind)?)))
                .collect::<Result<Vec<_>, StoreError>>()
        }));
        for (kind, (listed, decided)) in pairs.unwrap() {
            prop_assert_eq!(listed, decided, "{}: {}", kind, shown);
        }
        Ok(())
    });
    ran.unwrap();
}
