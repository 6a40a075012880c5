//! What nodes may read of parameters, as a caller of the API sees it; that they get it is tested with real agents.

use serde_json::{Value, json};

use crate::support::{Answer, Key, TestHub};

const NODE: &str = "mi-000000000000000aa";

async fn call(hub: &TestHub, operation: &str, body: Value) -> Answer {
    hub.call(&format!("Roadstead.{operation}"), &body).await
}

async fn call_as(hub: &TestHub, key: &Key, operation: &str, body: Value) -> Answer {
    hub.call_as(key, &format!("Roadstead.{operation}"), &body.to_string()).await
}

fn rule(name: &str, path: &str) -> Value {
    json!({"Name": name, "Path": path, "WithDecryption": true, "Nodes": {"Tags": [{"Key": "role", "Value": "app"}]}})
}

#[tokio::test]
async fn rules_are_put_replaced_listed_and_deleted() {
    let hub = TestHub::start().await;
    call(&hub, "PutNodeParameterAccess", rule("app", "/app/")).await.ok();
    call(&hub, "PutNodeParameterAccess", rule("app", "/app/prod")).await.ok();
    let listed = call(&hub, "ListNodeParameterAccess", json!({})).await.ok();
    let mut expected = rule("app", "/app/prod");
    expected["Nodes"]["All"] = json!(false);
    expected["Nodes"]["NodeIds"] = json!([]);
    assert_eq!(listed["Rules"], json!([expected]));
    call(&hub, "DeleteNodeParameterAccess", json!({"Name": "app"})).await.ok();
    let gone = call(&hub, "DeleteNodeParameterAccess", json!({"Name": "app"})).await;
    assert_eq!(gone.code(), "ResourceNotFoundException");
}

#[tokio::test]
async fn a_rule_without_a_path_a_name_or_nodes_is_refused() {
    let hub = TestHub::start().await;
    let all = json!({"All": true});
    for bad in [
        json!({"Name": "bad", "Path": "app", "Nodes": all}),
        json!({"Name": "bad", "Path": "/a b", "Nodes": all}),
        json!({"Name": "", "Path": "/app", "Nodes": all}),
        json!({"Name": "bad", "Nodes": all}),
        json!({"Name": "bad", "Path": "/app"}),
        json!({"Name": "bad", "Path": "/app", "Nodes": {"NodeIds": ["x"]}}),
        json!({"Name": "bad", "Path": "/app", "Nodes": {"Tags": [{"Key": "", "Value": "x"}]}}),
        json!({"Name": "bad", "Path": "/app", "Nodes": {"NodeIds": vec![NODE; 101]}}),
    ] {
        let refused = call(&hub, "PutNodeParameterAccess", bad.clone()).await;
        assert_eq!((refused.status, refused.code()), (400, "ValidationException"), "{bad}");
    }
    let none = call(&hub, "ListNodeParameterAccess", json!({})).await.ok();
    assert_eq!(none["Rules"], json!([]));
}

#[tokio::test]
async fn nobody_gives_nodes_what_they_may_not_read_themselves() {
    let hub = TestHub::start().await;
    let policy = json!({"Statements": [
        {"Effect": "Allow", "Actions": ["roadstead:*NodeParameterAccess"], "Resources": [{"Kind": "parameter-access"}]},
        {"Effect": "Allow", "Actions": ["ssm:GetParameter*"], "Resources": [{"Kind": "parameter", "Ids": ["/app", "/app/*"]}]},
    ]});
    let put = json!({"PolicyName": "rules", "Document": policy});
    call(&hub, "PutPolicy", put).await.ok();
    let user = hub.user("rae", "viewer", &json!({})).await;
    call(&hub, "AttachPolicy", json!({"PolicyName": "rules", "UserName": "rae"}))
        .await
        .ok();
    call_as(&hub, &user, "PutNodeParameterAccess", rule("own", "/app/x")).await.ok();
    for path in ["/", "/other"] {
        let refused = call_as(&hub, &user, "PutNodeParameterAccess", rule("more", path)).await;
        assert_eq!(refused.code(), "AccessDeniedException", "{path}");
    }
    // What is denied to them below the path stays denied.
    hub.call(
        "AmazonSSM.PutParameter",
        &json!({"Name": "/app/y/secret/k", "Value": "v", "Type": "String"}),
    )
    .await
    .ok();
    let denial = json!({"Statements": [
        {"Effect": "Deny", "Actions": ["ssm:GetParameter*"], "Resources": [{"Kind": "parameter", "Ids": ["/app/y/secret/*"]}]},
    ]});
    call(&hub, "PutPolicy", json!({"PolicyName": "denial", "Document": denial}))
        .await
        .ok();
    call(&hub, "AttachPolicy", json!({"PolicyName": "denial", "UserName": "rae"}))
        .await
        .ok();
    let refused = call_as(&hub, &user, "PutNodeParameterAccess", rule("more", "/app")).await;
    assert_eq!(refused.code(), "AccessDeniedException");
    call_as(&hub, &user, "PutNodeParameterAccess", rule("more", "/app/y/open"))
        .await
        .ok();
    let operator = hub.user("oli", "operator", &json!({})).await;
    let refused = call_as(&hub, &operator, "PutNodeParameterAccess", rule("more", "/app")).await;
    assert_eq!(
        refused.code(),
        "AccessDeniedException",
        "who tags nodes and reads parameters makes no rules yet"
    );
    let listed = call(&hub, "ListNodeParameterAccess", json!({})).await.ok();
    let paths: Vec<_> = listed["Rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["Path"].as_str().unwrap())
        .collect();
    assert_eq!(paths, ["/app/y/open", "/app/x"]);
}

#[tokio::test]
async fn uses_and_holdings_are_of_what_is_there() {
    let hub = TestHub::start().await;
    let put = json!({"Name": "/app/host", "Value": "db1", "Type": "String"});
    hub.call("AmazonSSM.PutParameter", &put).await.ok();
    let uses = call(&hub, "ListParameterUses", json!({"Name": "/app/host"})).await.ok();
    assert_eq!(uses, json!({"Nodes": [], "NodeCount": 0}));
    let arn = json!({"Name": "arn:aws:ssm:eu-central-1:000000000000:parameter/app/host"});
    assert_eq!(call(&hub, "ListParameterUses", arn).await.ok()["NodeCount"], 0);
    for missing in ["/none", "/app/host:1"] {
        let refused = call(&hub, "ListParameterUses", json!({"Name": missing})).await;
        assert_eq!(refused.code(), "ParameterNotFound", "{missing}");
    }
    let unknown = call(&hub, "DescribeNodeParameters", json!({"NodeId": NODE})).await;
    assert_eq!(unknown.code(), "InvalidInstanceId");
}

/// Rows as an agent's answers leave them, shown to callers with and without rights on what is in them.
#[tokio::test]
async fn holdings_show_only_what_the_caller_may_see() {
    let hub = TestHub::start().await;
    let database = rusqlite::Connection::open(hub.data.path().join("hub.db")).unwrap();
    database.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    for (name, value) in [("/app/host", "db1"), ("/other/x", "y")] {
        let put = json!({"Name": name, "Value": value, "Type": "String"});
        hub.call("AmazonSSM.PutParameter", &put).await.ok();
    }
    for (node, tag) in [(NODE, "own"), ("mi-000000000000000ff", "foreign")] {
        let rows = format!(
            "INSERT INTO node (id, key_hash, name, iam_role, joined_at, status, source_address, computer_name, platform_id,
                platform_name, platform_version, architecture, agent_version, addresses, facts)
             VALUES ('{node}', CAST('{node}' AS BLOB), '{tag}', '', 0, 'Offline', '', 'c', 'p', 'p', '1', 'a', '1', '', '{{}}');
             INSERT INTO tag (kind, id, key, value) VALUES ('ManagedInstance', '{node}', 'part', '{tag}');
             INSERT INTO node_parameter (node_id, key, version, given_at) VALUES ('{node}', '/app/host', 1, 5000), ('{node}', '/other/x', 1, 0);
             INSERT INTO node_parameter_file (node_id, target, names, problem, said_at)
                VALUES ('{node}', '/etc/app.conf', '[\"/app/host\",\"/other/x\"]', NULL, 0);"
        );
        database.execute_batch(&rows).unwrap();
    }
    let scope = json!({"Tags": [{"Key": "part", "Values": ["own"]}]});
    let narrow = hub.user("nat", "viewer", &scope).await;
    let uses = call_as(&hub, &narrow, "ListParameterUses", json!({"Name": "/app/host"})).await.ok();
    assert_eq!((&uses["NodeCount"], &uses["Nodes"][0]["NodeId"]), (&json!(1), &json!(NODE)));
    assert_eq!(uses["Nodes"][0]["Files"], json!(["/etc/app.conf"]));
    let whole = call(&hub, "ListParameterUses", json!({"Name": "/app/host"})).await.ok();
    assert_eq!(whole["NodeCount"], 2);

    let policy = json!({"Statements": [
        {"Effect": "Deny", "Actions": ["ssm:DescribeParameters"], "Resources": [{"Kind": "parameter", "Ids": ["/other/*"]}]},
    ]});
    call(&hub, "PutPolicy", json!({"PolicyName": "less", "Document": policy}))
        .await
        .ok();
    call(&hub, "AttachPolicy", json!({"PolicyName": "less", "UserName": "nat"}))
        .await
        .ok();
    let held = call_as(&hub, &narrow, "DescribeNodeParameters", json!({"NodeId": NODE})).await.ok();
    assert_eq!(held["Parameters"].as_array().unwrap().len(), 1);
    assert_eq!(held["Files"][0]["Names"], json!(["/app/host"]));
    assert_eq!(held["Parameters"][0]["LatestVersion"], 1);
    let all = call(&hub, "DescribeNodeParameters", json!({"NodeId": NODE})).await.ok();
    assert_eq!(all["Parameters"].as_array().unwrap().len(), 2);
}
