//! Users, roles, policies and scopes as callers meet them.

use serde_json::{Value, json};

use crate::support::{Answer, Key, PASSWORD, TestHub};

async fn call(hub: &TestHub, key: &Key, target: &str, body: Value) -> Answer {
    hub.call_as(key, target, &body.to_string()).await
}

#[tokio::test]
async fn a_user_is_made_shown_changed_and_deleted() {
    let hub = TestHub::start().await;
    let ann = hub.user("ann", "viewer", &json!({})).await;
    let twice = hub.call("Roadstead.CreateUser", &json!({"UserName": "ann"})).await;
    assert_eq!(twice.code(), "AlreadyExistsException");
    let unknown = hub
        .call("Roadstead.CreateUser", &json!({"UserName": "bob", "Roles": ["king"]}))
        .await;
    assert_eq!(unknown.code(), "ValidationException");
    let weak = hub
        .call("Roadstead.CreateUser", &json!({"UserName": "bob", "Password": "short"}))
        .await;
    assert_eq!(weak.code(), "ValidationException");
    let caller = call(&hub, &ann, "Roadstead.GetCaller", json!({})).await.ok();
    assert_eq!((&caller["UserName"], &caller["Roles"]), (&json!("ann"), &json!(["viewer"])));
    let shown = hub.call("Roadstead.DescribeUser", &json!({"UserName": "ann"})).await.ok();
    assert_eq!(shown["User"]["AccessKeys"], 1);
    assert_eq!(shown["User"]["HasPassword"], false);
    let denied = call(&hub, &ann, "AmazonSSM.CreateActivation", json!({"IamRole": "r"})).await;
    assert_eq!(denied.code(), "AccessDeniedException");
    let set = json!({"UserName": "ann", "Roles": ["operator", "auditor"], "Description": "on call"});
    let user = hub.call("Roadstead.UpdateUser", &set).await.ok();
    assert_eq!(user["User"]["Roles"], json!(["auditor", "operator"]));
    // The very next request has the new rights.
    call(&hub, &ann, "AmazonSSM.CreateActivation", json!({"IamRole": "r"})).await.ok();
    hub.call("Roadstead.DeleteUser", &json!({"UserName": "ann"})).await.ok();
    let gone = call(&hub, &ann, "Roadstead.GetCaller", json!({})).await;
    assert_eq!(gone.code(), "UnrecognizedClientException");
    let missing = hub.call("Roadstead.DescribeUser", &json!({"UserName": "ann"})).await;
    assert_eq!(missing.code(), "ResourceNotFoundException");
}

#[tokio::test]
async fn a_disabled_user_is_refused_at_the_next_request_and_may_come_back() {
    let hub = TestHub::start().await;
    let made = json!({"UserName": "ann", "Roles": ["viewer"], "Password": PASSWORD});
    hub.call("Roadstead.CreateUser", &made).await.ok();
    let ann = hub.key_of("ann").await;
    let login = json!({"UserName": "ann", "Password": PASSWORD}).to_string();
    let entered = hub.call_unsigned("Roadstead.Login", &login).await;
    let cookie = entered.cookie();
    let set = |status: &str| json!({"UserName": "ann", "Status": status});
    hub.call("Roadstead.UpdateUser", &set("Disabled")).await.ok();
    let refused = call(&hub, &ann, "Roadstead.SearchNodes", json!({})).await;
    assert_eq!(refused.code(), "UnrecognizedClientException");
    let session = hub.call_with("Roadstead.GetCaller", &json!({}), &cookie, None, None).await;
    assert_eq!(session.code(), "MissingAuthenticationTokenException");
    assert_eq!(
        hub.call_unsigned("Roadstead.Login", &login).await.code(),
        "InvalidCredentialsException"
    );
    hub.call("Roadstead.UpdateUser", &set("Active")).await.ok();
    call(&hub, &ann, "Roadstead.SearchNodes", json!({})).await.ok();
}

#[tokio::test]
async fn the_last_admin_cannot_be_locked_out() {
    let hub = TestHub::start().await;
    for change in [
        json!({"UserName": "admin", "Roles": ["viewer"]}),
        json!({"UserName": "admin", "Status": "Disabled"}),
        json!({"UserName": "admin", "Scope": {"Tags": [{"Key": "env"}]}}),
    ] {
        let refused = hub.call("Roadstead.UpdateUser", &change).await;
        assert_eq!(refused.code(), "LastAdminException", "{change}");
    }
    let refused = hub.call("Roadstead.DeleteUser", &json!({"UserName": "admin"})).await;
    assert_eq!(refused.code(), "LastAdminException");
    // An admin who has nothing to log in with is none.
    hub.call("Roadstead.CreateUser", &json!({"UserName": "ann", "Roles": ["admin"]}))
        .await
        .ok();
    let refused = hub.call("Roadstead.DeleteUser", &json!({"UserName": "admin"})).await;
    assert_eq!(refused.code(), "LastAdminException");
    let ann = hub.key_of("ann").await;
    call(&hub, &ann, "Roadstead.DeleteUser", json!({"UserName": "admin"})).await.ok();
    let last = call(&hub, &ann, "Roadstead.UpdateUser", json!({"UserName": "ann", "Roles": []})).await;
    assert_eq!(last.code(), "LastAdminException");
}

#[tokio::test]
async fn everybody_has_what_is_their_own_and_nothing_of_others() {
    let hub = TestHub::start().await;
    let ann = hub.user("ann", "viewer", &json!({})).await;
    hub.user("bob", "viewer", &json!({})).await;
    let own = call(&hub, &ann, "Roadstead.CreateAccessKey", json!({})).await.ok();
    assert_eq!(own["UserName"], "ann");
    let listed = call(&hub, &ann, "Roadstead.ListAccessKeys", json!({})).await.ok();
    let users: Vec<&Value> = listed["AccessKeys"].as_array().unwrap().iter().map(|k| &k["UserName"]).collect();
    assert_eq!(users, ["ann", "ann"]);
    let foreign = call(&hub, &ann, "Roadstead.CreateAccessKey", json!({"UserName": "bob"})).await;
    assert_eq!(foreign.code(), "AccessDeniedException");
    call(&hub, &ann, "Roadstead.DescribeUser", json!({"UserName": "ann"})).await.ok();
    let foreign = call(&hub, &ann, "Roadstead.DescribeUser", json!({"UserName": "bob"})).await;
    assert_eq!(foreign.code(), "AccessDeniedException");
    let deleted = json!({"AccessKeyId": own["AccessKeyId"]});
    call(&hub, &ann, "Roadstead.DeleteAccessKey", deleted).await.ok();
    let admins = json!({"AccessKeyId": crate::support::KEY_ID});
    let foreign = call(&hub, &ann, "Roadstead.DeleteAccessKey", admins).await;
    assert_eq!(foreign.code(), "AccessDeniedException");
}

#[tokio::test]
async fn users_come_in_pages() {
    let hub = TestHub::start().await;
    for name in ["c", "a", "b"] {
        hub.call("Roadstead.CreateUser", &json!({ "UserName": name })).await.ok();
    }
    let first = hub.call("Roadstead.ListUsers", &json!({"MaxResults": 3})).await.ok();
    let names = |answer: &Value| -> Vec<String> {
        let users = answer["Users"].as_array().unwrap();
        users.iter().map(|u| u["UserName"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&first), ["a", "admin", "b"]);
    let next = json!({"MaxResults": 3, "NextToken": first["NextToken"]});
    let second = hub.call("Roadstead.ListUsers", &next).await.ok();
    assert_eq!(names(&second), ["c"]);
    assert!(second.get("NextToken").is_none());
}

#[tokio::test]
async fn a_malformed_call_of_somebody_who_may_not_is_refused_before_it_is_read() {
    let hub = TestHub::start().await;
    let ann = hub.user("ann", "viewer", &json!({})).await;
    assert_eq!(hub.call_as(&ann, "Roadstead.CreateUser", "{").await.code(), "AccessDeniedException");
    assert_eq!(
        hub.call_as(&ann, "Roadstead.DescribeNode", "{").await.code(),
        "SerializationException"
    );
}

fn allow(actions: &[&str], resource: Value) -> Value {
    json!({"Statements": [{"Effect": "Allow", "Actions": actions, "Resources": [resource]}]})
}

#[tokio::test]
async fn a_role_of_policies_counts_at_the_next_request() {
    let hub = TestHub::start().await;
    let policy = json!({"PolicyName": "activations", "Document": allow(&["ssm:*Activation*"], json!({"Kind": "*"}))});
    let put = hub.call("Roadstead.PutPolicy", &policy).await.ok();
    assert!(put["Cedar"].as_str().unwrap().contains("permit"));
    let role = json!({"RoleName": "joiner", "Policies": ["activations"]});
    hub.call("Roadstead.CreateRole", &role).await.ok();
    let ann = hub.user("ann", "joiner", &json!({})).await;
    call(&hub, &ann, "AmazonSSM.CreateActivation", json!({"IamRole": "r"})).await.ok();
    assert_eq!(
        call(&hub, &ann, "AmazonSSM.ListCommands", json!({})).await.code(),
        "AccessDeniedException"
    );
    // The policy changes under them.
    let fewer = json!({"PolicyName": "activations", "Document": allow(&["ssm:DescribeActivations"], json!({"Kind": "activation"}))});
    hub.call("Roadstead.PutPolicy", &fewer).await.ok();
    let denied = call(&hub, &ann, "AmazonSSM.CreateActivation", json!({"IamRole": "r"})).await;
    assert_eq!(denied.code(), "AccessDeniedException");
    call(&hub, &ann, "AmazonSSM.DescribeActivations", json!({})).await.ok();
    let used = hub.call("Roadstead.DeletePolicy", &json!({"PolicyName": "activations"})).await;
    assert_eq!(used.code(), "ResourceInUseException");
    let used = hub.call("Roadstead.DeleteRole", &json!({"RoleName": "joiner"})).await;
    assert_eq!(used.code(), "ResourceInUseException");
    let roles = hub.call("Roadstead.ListRoles", &json!({})).await.ok();
    let names: Vec<&str> = roles["Roles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["RoleName"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["admin", "auditor", "joiner", "operator", "patcher", "viewer"]);
    let fixed = hub
        .call("Roadstead.UpdateRole", &json!({"RoleName": "viewer", "Description": "x"}))
        .await;
    assert_eq!(fixed.code(), "ValidationException");
}

#[tokio::test]
async fn a_policy_of_a_user_denies_what_their_role_allows() {
    let hub = TestHub::start().await;
    let ann = hub.user("ann", "viewer", &json!({})).await;
    let deny = json!({"Statements": [{"Sid": "No", "Effect": "Deny", "Actions": ["ssm:List*"], "Resources": [{"Kind": "command"}]}]});
    hub.call("Roadstead.PutPolicy", &json!({"PolicyName": "deny", "Document": deny}))
        .await
        .ok();
    let attach = json!({"PolicyName": "deny", "UserName": "ann"});
    hub.call("Roadstead.AttachPolicy", &attach).await.ok();
    let refused = call(&hub, &ann, "AmazonSSM.ListCommands", json!({})).await;
    assert_eq!(refused.code(), "AccessDeniedException");
    let id = refused.headers["x-amzn-requestid"].to_str().unwrap().to_owned();
    let why = call(&hub, &ann, "Roadstead.ExplainAccess", json!({ "RequestId": id })).await.ok();
    assert_eq!(
        (&why["Action"], &why["Verdict"]["Allowed"]),
        (&json!("ssm:ListCommands"), &json!(false))
    );
    let asked = json!({"Action": "ssm:ListCommands", "Resource": {"Kind": "command", "Id": "x"}});
    let why = call(&hub, &ann, "Roadstead.ExplainAccess", asked.clone()).await.ok();
    assert_eq!(
        (&why["Verdict"]["Policy"], &why["Verdict"]["Statement"]),
        (&json!("deny"), &json!("No"))
    );
    let who = hub.call("Roadstead.SimulateAccess", &asked).await.ok();
    let verdicts: Vec<(&str, bool)> = who["Users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|u| (u["UserName"].as_str().unwrap(), u["Allowed"].as_bool().unwrap()))
        .collect();
    assert_eq!(verdicts, [("admin", true), ("ann", false)]);
    hub.call("Roadstead.DetachPolicy", &attach).await.ok();
    call(&hub, &ann, "AmazonSSM.ListCommands", json!({})).await.ok();
}

#[tokio::test]
async fn what_is_ones_own_is_denied_by_a_policy_and_by_a_scope_of_other_actions() {
    let hub = TestHub::start().await;
    let ann = hub.user("ann", "operator", &json!({})).await;
    let bob = hub.user("bob", "operator", &json!({"Actions": ["ssm:*"]})).await;
    let deny = json!({"Statements": [{"Effect": "Deny", "Actions": ["roadstead:CreateAccessKey"], "Resources": [{"Kind": "access-key"}]}]});
    hub.call("Roadstead.PutPolicy", &json!({"PolicyName": "no-keys", "Document": deny}))
        .await
        .ok();
    call(&hub, &ann, "Roadstead.CreateAccessKey", json!({})).await.ok();
    hub.call("Roadstead.AttachPolicy", &json!({"PolicyName": "no-keys", "UserName": "ann"}))
        .await
        .ok();
    for (who, key) in [("ann", &ann), ("bob", &bob)] {
        let refused = call(&hub, key, "Roadstead.CreateAccessKey", json!({})).await;
        assert_eq!(refused.code(), "AccessDeniedException", "{who}");
        call(&hub, key, "Roadstead.GetCaller", json!({})).await.ok();
    }
    call(&hub, &ann, "Roadstead.ListAccessKeys", json!({})).await.ok();
}

#[tokio::test]
async fn a_new_user_of_a_deleted_ones_name_owns_nothing_of_theirs() {
    let hub = TestHub::start().await;
    add_node(&hub, "mi-00000000000000001", "mine");
    let ann = hub.user("ann", "operator", &json!({})).await;
    let database = rusqlite::Connection::open(hub.data.path().join("hub.db")).unwrap();
    database.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    let insert = "INSERT INTO session (id, node_id, owner, reason, document, status, shell, details, started_at, idle_timeout_ms,
        max_duration_ms) VALUES ('ann-0000000000000001a', 'mi-00000000000000001', 'ann', '', 'SSM-SessionManagerRunShell', 'Connecting',
        'Unopened', '', 9000000000000, 0, 0)";
    database.execute(insert, []).unwrap();
    let resume = json!({"SessionId": "ann-0000000000000001a"});
    let own = call(&hub, &ann, "AmazonSSM.ResumeSession", resume.clone()).await;
    assert_eq!(own.code(), "ok");
    hub.call("Roadstead.DeleteUser", &json!({"UserName": "ann"})).await.ok();
    let ann = hub.user("ann", "operator", &json!({})).await;
    let foreign = call(&hub, &ann, "AmazonSSM.ResumeSession", resume).await;
    assert_eq!(foreign.code(), "AccessDeniedException");
}

#[tokio::test]
async fn login_rules_are_listed_for_the_roles_that_the_caller_sees() {
    let hub = TestHub::start().await;
    for role in ["*", "viewer", "admin"] {
        hub.call("Roadstead.PutLoginRule", &json!({"Role": role, "StepUpForShell": true}))
            .await
            .ok();
    }
    let document = allow(&["roadstead:ListLoginRules"], json!({"Kind": "role", "Ids": ["viewer"]}));
    hub.call("Roadstead.PutPolicy", &json!({"PolicyName": "rules", "Document": document}))
        .await
        .ok();
    hub.call("Roadstead.CreateUser", &json!({"UserName": "ann"})).await.ok();
    hub.call("Roadstead.AttachPolicy", &json!({"PolicyName": "rules", "UserName": "ann"}))
        .await
        .ok();
    let ann = hub.key_of("ann").await;
    let listed = call(&hub, &ann, "Roadstead.ListLoginRules", json!({})).await.ok();
    let roles: Vec<&Value> = listed["LoginRules"].as_array().unwrap().iter().map(|rule| &rule["Role"]).collect();
    assert_eq!(roles, ["*", "viewer"]);
}

#[tokio::test]
async fn a_login_rule_goes_with_its_role() {
    let hub = TestHub::start().await;
    hub.call("Roadstead.CreateRole", &json!({"RoleName": "night"})).await.ok();
    let rule = json!({"Role": "night", "RequireSecondFactor": true});
    hub.call("Roadstead.PutLoginRule", &rule).await.ok();
    hub.call("Roadstead.DeleteRole", &json!({"RoleName": "night"})).await.ok();
    hub.call("Roadstead.CreateRole", &json!({"RoleName": "night"})).await.ok();
    let listed = hub.call("Roadstead.ListLoginRules", &json!({})).await.ok();
    assert_eq!(listed["LoginRules"], json!([]));
}

#[tokio::test]
async fn no_policy_locks_the_last_admin_out() {
    let hub = TestHub::start().await;
    let deny = json!({"Statements": [{"Effect": "Deny", "Actions": ["roadstead:*"], "Resources": [{"Kind": "*"}]}]});
    hub.call("Roadstead.PutPolicy", &json!({"PolicyName": "deny", "Document": deny}))
        .await
        .ok();
    let refused = hub
        .call("Roadstead.AttachPolicy", &json!({"PolicyName": "deny", "UserName": "admin"}))
        .await;
    assert_eq!(refused.code(), "LastAdminException");
    let wrong =
        json!({"PolicyName": "wrong", "Document": {"Statements": [{"Effect": "Allow", "Actions": ["x"], "Resources": [{"Kind": "*"}]}]}});
    let refused = hub.call("Roadstead.PutPolicy", &wrong).await;
    assert!(
        refused.body["message"].as_str().unwrap().contains("Statements[0].Actions"),
        "{}",
        refused.body
    );
}

#[tokio::test]
async fn only_an_admin_makes_or_changes_an_admin() {
    let hub = TestHub::start().await;
    let document = allow(&["roadstead:*"], json!({"Kind": "*"}));
    hub.call("Roadstead.PutPolicy", &json!({"PolicyName": "clerk", "Document": document}))
        .await
        .ok();
    hub.call("Roadstead.CreateUser", &json!({"UserName": "ann"})).await.ok();
    hub.call("Roadstead.AttachPolicy", &json!({"PolicyName": "clerk", "UserName": "ann"}))
        .await
        .ok();
    let ann = hub.key_of("ann").await;
    call(&hub, &ann, "Roadstead.CreateUser", json!({"UserName": "bob", "Roles": ["viewer"]}))
        .await
        .ok();
    for (target, body) in [
        ("Roadstead.CreateUser", json!({"UserName": "eve", "Roles": ["admin"]})),
        ("Roadstead.UpdateUser", json!({"UserName": "bob", "Roles": ["admin"]})),
        (
            "Roadstead.UpdateUser",
            json!({"UserName": "admin", "Password": "a new password of mine"}),
        ),
        ("Roadstead.CreateAccessKey", json!({"UserName": "admin"})),
        ("Roadstead.DeleteUser", json!({"UserName": "admin"})),
    ] {
        assert_eq!(call(&hub, &ann, target, body).await.code(), "AccessDeniedException", "{target}");
    }
}

#[tokio::test]
async fn a_group_by_rule_is_a_scope_and_stays_while_it_is_one() {
    let hub = TestHub::start().await;
    let group = json!({"GroupName": "web", "Rule": "tag:role=web"});
    hub.call("Roadstead.CreateGroup", &group).await.ok();
    let wrong = hub
        .call("Roadstead.CreateGroup", &json!({"GroupName": "x", "Rule": "colour=red"}))
        .await;
    assert_eq!(wrong.code(), "ValidationException");
    let ann = hub.user("ann", "operator", &json!({"Groups": ["web"]})).await;
    let seen = call(&hub, &ann, "Roadstead.SearchNodes", json!({})).await.ok();
    assert_eq!(seen["Total"], 0);
    let nowhere = hub
        .call("Roadstead.UpdateUser", &json!({"UserName": "ann", "Scope": {"Groups": ["wbe"]}}))
        .await;
    assert_eq!(nowhere.code(), "ValidationException");
    let used = hub.call("Roadstead.DeleteGroup", &json!({"GroupName": "web"})).await;
    assert_eq!(used.code(), "ResourceInUseException");
    hub.call("Roadstead.UpdateUser", &json!({"UserName": "ann", "Scope": {}}))
        .await
        .ok();
    hub.call("Roadstead.DeleteGroup", &json!({"GroupName": "web"})).await.ok();
}

#[tokio::test]
async fn an_iam_policy_is_stored_whole_or_not_at_all() {
    let hub = TestHub::start().await;
    let iam =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["ssm:Describe*", "s3:GetObject"], "Resource": "*"}]});
    let dry = json!({"PolicyName": "iam", "Document": iam, "DryRun": true});
    let seen = hub.call("Roadstead.ImportPolicy", &dry).await.ok();
    assert_eq!((&seen["Stored"], seen["Notes"].as_array().unwrap().len()), (&json!(false), 1));
    let missing = hub.call("Roadstead.GetPolicy", &json!({"PolicyName": "iam"})).await;
    assert_eq!(missing.code(), "ResourceNotFoundException");
    let stored = hub
        .call("Roadstead.ImportPolicy", &json!({"PolicyName": "iam", "Document": iam.to_string()}))
        .await
        .ok();
    assert_eq!(stored["Stored"], true);
    let condition = json!({"Statement": {"Effect": "Allow", "Action": "ssm:*", "Resource": "*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}});
    let refused = hub
        .call("Roadstead.ImportPolicy", &json!({"PolicyName": "half", "Document": condition}))
        .await;
    assert_eq!(refused.code(), "ValidationException");
    assert!(refused.body["message"].as_str().unwrap().contains("aws:MultiFactorAuthPresent"));
}

/// A node's row, written beside the hub, and tags on it.
pub fn add_node(hub: &TestHub, id: &str, tag: &str) {
    let database = rusqlite::Connection::open(hub.data.path().join("hub.db")).unwrap();
    database.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    let node = "INSERT INTO node (id, key_hash, name, iam_role, joined_at, status, source_address, computer_name, platform_id,
            platform_name, platform_version, architecture, agent_version, addresses, facts)
        VALUES (?1, CAST(?1 AS BLOB), ?1, '', 0, 'Offline', '', '', '', '', '', '', '', '', '{}')";
    database.execute(node, [id]).unwrap();
    let sql = "INSERT INTO tag (kind, id, key, value) VALUES ('ManagedInstance', ?1, 'part', ?2)";
    database.execute(sql, [id, tag]).unwrap();
}

fn command(targets: Value) -> Value {
    json!({"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}, "Targets": [targets]})
}

#[tokio::test]
async fn who_may_send_one_document_cannot_make_it_do_something_else() {
    let hub = TestHub::start().await;
    add_node(&hub, "mi-00000000000000001", "all");
    let document = json!({"Statements": [
        {"Effect": "Allow", "Actions": ["ssm:SendCommand"], "Resources": [{"Kind": "node"}]},
        {"Effect": "Allow", "Actions": ["ssm:SendCommand"], "Resources": [{"Kind": "document", "Ids": ["Roadstead-CheckReboot"]}]},
    ]});
    hub.call("Roadstead.PutPolicy", &json!({"PolicyName": "one", "Document": document}))
        .await
        .ok();
    hub.call("Roadstead.CreateRole", &json!({"RoleName": "checker", "Policies": ["one"]}))
        .await
        .ok();
    let ann = hub.user("ann", "checker", &json!({})).await;
    let with = |settings: Value| {
        let targets = json!([{"Key": "tag:part", "Values": ["all"]}]);
        json!({"DocumentName": "Roadstead-CheckReboot", "Targets": targets, "RunSettings": settings})
    };
    for settings in [json!({}), json!({"Nice": 5, "MemoryMiB": 64, "CpuPercent": 50})] {
        let sent = call(&hub, &ann, "AmazonSSM.SendCommand", with(settings)).await.ok();
        assert_eq!(sent["Command"]["TargetCount"], 1);
    }
    for settings in [
        json!({"Environment": {"PERL5OPT": "-Mx"}}),
        json!({"Directory": "/tmp/mine"}),
        json!({"User": "root"}),
    ] {
        let refused = call(&hub, &ann, "AmazonSSM.SendCommand", with(settings.clone())).await;
        assert_eq!(refused.code(), "AccessDeniedException", "{settings}");
        // Whoever may send any script loses nothing by it.
        hub.call("AmazonSSM.SendCommand", &with(settings)).await.ok();
    }
}

#[tokio::test]
async fn limits_bound_a_command_and_ask_for_its_number() {
    let hub = TestHub::start().await;
    for n in 0..3 {
        add_node(&hub, &format!("mi-0000000000000000{n}"), "all");
    }
    let ann = hub.user("ann", "operator", &json!({})).await;
    let everywhere = command(json!({"Key": "tag:part", "Values": ["all"]}));
    let limit = |limits: Value| json!({"Holder": "role", "HolderName": "operator", "Limits": limits});
    hub.call("Roadstead.PutLimits", &limit(json!({"MaxTargets": 2}))).await.ok();
    let refused = call(&hub, &ann, "AmazonSSM.SendCommand", everywhere.clone()).await;
    assert_eq!(refused.code(), "TargetLimitExceededException");
    hub.call("Roadstead.PutLimits", &limit(json!({"ConfirmAbove": 2}))).await.ok();
    let own = call(&hub, &ann, "Roadstead.GetLimits", json!({})).await.ok();
    assert_eq!(own["Limits"], json!({"ConfirmAbove": 2}));
    let refused = call(&hub, &ann, "AmazonSSM.SendCommand", everywhere.clone()).await;
    assert_eq!(refused.code(), "ConfirmationRequiredException");
    let mut wrong = everywhere.clone();
    wrong["ConfirmedTargets"] = json!(2);
    let refused = call(&hub, &ann, "AmazonSSM.SendCommand", wrong).await;
    assert_eq!(refused.code(), "ConfirmationRequiredException");
    let mut right = everywhere.clone();
    right["ConfirmedTargets"] = json!(3);
    call(&hub, &ann, "AmazonSSM.SendCommand", right).await.ok();
    // A limit of the user's own stands for those of their roles.
    let lifted = json!({"Holder": "user", "HolderName": "ann", "Limits": {"MaxTargets": 100}});
    hub.call("Roadstead.PutLimits", &lifted).await.ok();
    call(&hub, &ann, "AmazonSSM.SendCommand", everywhere).await.ok();
    let listed = hub.call("Roadstead.ListLimits", &json!({})).await.ok();
    assert_eq!(listed["Limits"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn limits_and_approvals_are_found_by_the_tokens_of_other_lists() {
    let hub = TestHub::start().await;
    for n in 0..2 {
        add_node(&hub, &format!("mi-0000000000000000{n}"), "all");
    }
    for (holder, name) in [("default", None), ("role", Some("operator")), ("user", Some("ann"))] {
        if let Some("ann") = name {
            hub.user("ann", "operator", &json!({})).await;
        }
        let limits = json!({"Holder": holder, "HolderName": name, "Limits": {"ApproveAbove": 1}});
        hub.call("Roadstead.PutLimits", &limits).await.ok();
    }
    let filter = |key: &str, op: &str, value: &str| json!({"Filter": {"Terms": [{"Key": key, "Op": op, "Value": value}]}});
    for (asked, found) in [
        (filter("holder", "eq", "role"), 1),
        (filter("holder", "ne", "role"), 2),
        (filter("holder_name", "prefix", "AN"), 1),
        (filter("text", "contains", "operator"), 1),
    ] {
        let listed = hub.call("Roadstead.ListLimits", &asked).await.ok();
        assert_eq!(listed["Limits"].as_array().unwrap().len(), found, "{asked}");
    }
    let sent = command(json!({"Key": "tag:part", "Values": ["all"]}));
    let sent = hub.call("AmazonSSM.SendCommand", &sent).await.ok();
    assert_eq!(sent["AwaitsApproval"], true);
    for (asked, found) in [
        (filter("decision", "eq", "Open"), 1),
        (filter("decision", "eq", "approved"), 0),
        (filter("document_name", "prefix", "aws-run"), 1),
        (filter("decided_by", "ne", "ann"), 1),
        (filter("text", "contains", "nothing like it"), 0),
    ] {
        let listed = hub.call("Roadstead.ListApprovals", &asked).await.ok();
        assert_eq!(listed["Approvals"].as_array().unwrap().len(), found, "{asked}");
    }
    for operation in ["Roadstead.ListLimits", "Roadstead.ListApprovals"] {
        let refused = hub.call(operation, &filter("colour", "eq", "red")).await;
        assert_eq!(refused.code(), "ValidationException");
    }
}

#[tokio::test]
async fn a_large_command_waits_for_a_second_person() {
    let hub = TestHub::start().await;
    for n in 0..2 {
        add_node(&hub, &format!("mi-0000000000000000{n}"), "all");
    }
    let (ann, bob) = (
        hub.user("ann", "operator", &json!({})).await,
        hub.user("bob", "operator", &json!({})).await,
    );
    let limits = json!({"Holder": "default", "Limits": {"ApproveAbove": 1}});
    hub.call("Roadstead.PutLimits", &limits).await.ok();
    let everywhere = command(json!({"Key": "tag:part", "Values": ["all"]}));
    let sent = call(&hub, &ann, "AmazonSSM.SendCommand", everywhere.clone()).await.ok();
    assert_eq!(
        (&sent["AwaitsApproval"], &sent["Command"]["Status"]),
        (&json!(true), &json!("Pending"))
    );
    let id = json!({"CommandId": sent["Command"]["CommandId"]});
    let own = call(&hub, &ann, "Roadstead.ApproveCommand", id.clone()).await;
    assert_eq!(own.code(), "AccessDeniedException");
    let open = call(&hub, &bob, "Roadstead.ListApprovals", json!({"OnlyOpen": true})).await.ok();
    assert_eq!(
        (&open["Approvals"][0]["RequestedBy"], &open["Approvals"][0]["NodeCount"]),
        (&json!("ann"), &json!(2))
    );
    let approved = call(&hub, &bob, "Roadstead.ApproveCommand", id.clone()).await.ok();
    assert_eq!(approved["Approval"]["Decision"], "Approved");
    let again = call(&hub, &bob, "Roadstead.ApproveCommand", id).await;
    assert_eq!(again.code(), "ResourceNotFoundException");
    // One that is rejected ends at once, on every node.
    let sent = call(&hub, &ann, "AmazonSSM.SendCommand", everywhere.clone()).await.ok();
    let id = json!({"CommandId": sent["Command"]["CommandId"], "Reason": "not today"});
    call(&hub, &bob, "Roadstead.RejectCommand", id.clone()).await.ok();
    let ended = call(&hub, &ann, "Roadstead.DescribeCommand", json!({"CommandId": id["CommandId"]}))
        .await
        .ok();
    assert_eq!(ended["Command"]["Status"], "Cancelled");
    // One that is cancelled waits for nobody any more.
    let sent = call(&hub, &ann, "AmazonSSM.SendCommand", everywhere.clone()).await.ok();
    let id = json!({"CommandId": sent["Command"]["CommandId"]});
    call(&hub, &ann, "AmazonSSM.CancelCommand", id.clone()).await.ok();
    let open = call(&hub, &bob, "Roadstead.ListApprovals", json!({"OnlyOpen": true})).await.ok();
    assert_eq!(open["Approvals"], json!([]));
    assert_eq!(
        call(&hub, &bob, "Roadstead.ApproveCommand", id).await.code(),
        "ResourceNotFoundException"
    );
    // Whoever lost the right meanwhile sends nothing.
    let sent = call(&hub, &ann, "AmazonSSM.SendCommand", everywhere).await.ok();
    hub.call("Roadstead.UpdateUser", &json!({"UserName": "ann", "Roles": ["viewer"]}))
        .await
        .ok();
    let id = json!({"CommandId": sent["Command"]["CommandId"]});
    assert_eq!(
        call(&hub, &bob, "Roadstead.ApproveCommand", id).await.code(),
        "AccessDeniedException"
    );
}

#[tokio::test]
async fn a_frozen_hub_sends_nothing_until_it_is_thawed() {
    let hub = TestHub::start().await;
    add_node(&hub, "mi-00000000000000000", "all");
    let ann = hub.user("ann", "operator", &json!({})).await;
    let viewer = hub.user("vic", "viewer", &json!({})).await;
    let freeze = json!({"Frozen": true, "Reason": "looking into it"});
    assert_eq!(
        call(&hub, &viewer, "Roadstead.SetFreeze", freeze.clone()).await.code(),
        "AccessDeniedException"
    );
    call(&hub, &ann, "Roadstead.SetFreeze", freeze).await.ok();
    let state = call(&hub, &viewer, "Roadstead.GetFreeze", json!({})).await.ok();
    assert_eq!((&state["By"], &state["Reason"]), (&json!("ann"), &json!("looking into it")));
    let one = json!({"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}, "InstanceIds": ["mi-00000000000000000"]});
    for (target, body) in [
        ("AmazonSSM.SendCommand", one.clone()),
        ("AmazonSSM.StartSession", json!({"Target": "mi-00000000000000000"})),
    ] {
        let refused = hub.call(target, &body).await;
        assert_eq!(refused.code(), "FrozenException");
        assert!(refused.body["message"].as_str().unwrap().contains("looking into it"));
    }
    call(&hub, &ann, "Roadstead.SetFreeze", json!({"Frozen": false})).await.ok();
    hub.call("AmazonSSM.SendCommand", &one).await.ok();
}

#[tokio::test]
async fn a_tag_moves_no_node_into_or_out_of_a_scope() {
    let hub = TestHub::start().await;
    add_node(&hub, "mi-00000000000000001", "mine");
    add_node(&hub, "mi-00000000000000002", "other");
    let ann = hub
        .user("ann", "operator", &json!({"Tags": [{"Key": "part", "Values": ["mine"]}]}))
        .await;
    let tag =
        |node: &str, value: &str| json!({"ResourceType": "ManagedInstance", "ResourceId": node, "Tags": [{"Key": "part", "Value": value}]});
    for refused in [tag("mi-00000000000000002", "mine"), tag("mi-00000000000000001", "other")] {
        assert_eq!(
            call(&hub, &ann, "AmazonSSM.AddTagsToResource", refused).await.code(),
            "AccessDeniedException"
        );
    }
    let untag = json!({"ResourceType": "ManagedInstance", "ResourceId": "mi-00000000000000001", "TagKeys": ["part"]});
    assert_eq!(
        call(&hub, &ann, "AmazonSSM.RemoveTagsFromResource", untag).await.code(),
        "AccessDeniedException"
    );
    call(&hub, &ann, "AmazonSSM.AddTagsToResource", tag("mi-00000000000000001", "mine"))
        .await
        .ok();
    let seen = call(&hub, &ann, "Roadstead.SearchNodes", json!({})).await.ok();
    assert_eq!(seen["Total"], 1);
    // Tags and filters mean what the sender may use; an id must be one of it.
    let everywhere = call(
        &hub,
        &ann,
        "AmazonSSM.SendCommand",
        command(json!({"Key": "tag-key", "Values": ["part"]})),
    )
    .await
    .ok();
    assert_eq!(everywhere["Command"]["TargetCount"], 1);
    let by_id = command(json!({"Key": "InstanceIds", "Values": ["mi-00000000000000002"]}));
    assert_eq!(
        call(&hub, &ann, "AmazonSSM.SendCommand", by_id).await.code(),
        "AccessDeniedException"
    );
    let outside = json!({"IamRole": "r", "Tags": [{"Key": "part", "Value": "other"}]});
    assert_eq!(
        call(&hub, &ann, "AmazonSSM.CreateActivation", outside).await.code(),
        "AccessDeniedException"
    );
}

/// Gives a user a policy of their own.
async fn attach(hub: &TestHub, user: &str, policy: &str, statements: Value) {
    let put = json!({"PolicyName": policy, "Document": {"Statements": statements}});
    hub.call("Roadstead.PutPolicy", &put).await.ok();
    let attached = json!({"PolicyName": policy, "UserName": user});
    hub.call("Roadstead.AttachPolicy", &attached).await.ok();
}

#[tokio::test]
async fn nobody_tags_a_denial_away_or_a_right_into_their_hands() {
    const NODE: &str = "mi-00000000000000001";
    let hub = TestHub::start().await;
    add_node(&hub, NODE, "vault");
    hub.call("Roadstead.CreateGroup", &json!({"GroupName": "vault", "Rule": "tag:part=vault"}))
        .await
        .ok();
    let ann = hub.user("ann", "operator", &json!({})).await;
    let hands_off = json!([{"Effect": "Deny", "Actions": ["ssm:*"], "Resources": [{"Kind": "node", "Groups": ["vault"]}]}]);
    attach(&hub, "ann", "hands-off", hands_off).await;
    let arn = format!("arn:aws:ssm:eu-1:000000000000:managed-instance/{NODE}");
    let tagging = |operation: &str| format!("ResourceGroupsTaggingAPI_20170126.{operation}");
    let change = |change: Value| {
        let mut all = json!({"ResourceType": "ManagedInstance", "ResourceId": NODE});
        all.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        json!({"Changes": [all]})
    };
    let part = |value: &str| change(json!({"Set": [{"Key": "part", "Value": value}]}));
    for (target, body) in [
        (tagging("UntagResources"), json!({"ResourceARNList": [arn], "TagKeys": ["part"]})),
        (tagging("TagResources"), json!({"ResourceARNList": [arn], "Tags": {"part": "free"}})),
        ("Roadstead.ChangeTags".into(), change(json!({"Remove": ["part"]}))),
        ("Roadstead.ChangeTags".into(), part("free")),
    ] {
        let answer = call(&hub, &ann, &target, body).await.ok().to_string();
        assert!(answer.contains("ssm:") && answer.contains("somebody else"), "{target}: {answer}");
    }
    let send = json!({"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}, "InstanceIds": [NODE]});
    let refused = call(&hub, &ann, "AmazonSSM.SendCommand", send.clone()).await;
    assert_eq!(refused.code(), "AccessDeniedException");
    let other = change(json!({"Set": [{"Key": "rack", "Value": "7"}]}));
    let told = call(&hub, &ann, "Roadstead.ChangeTags", other).await.ok();
    assert_eq!(told["Changed"], 1, "what decides about nothing is anybody's: {told}");
    // Whom the denial does not bind takes it away.
    hub.call("Roadstead.ChangeTags", &part("free")).await.ok();
    call(&hub, &ann, "AmazonSSM.SendCommand", send.clone()).await.ok();
    // A tag by which a policy gives a right is not for those to set who would have it.
    let bob = hub.user("bob", "viewer", &json!({})).await;
    let on_dev = json!([
        {"Effect": "Allow", "Actions": ["ssm:SendCommand"], "Resources": [{"Kind": "document"}, {"Kind": "node", "Tags": [{"Key": "part", "Values": ["dev"]}]}]},
        {"Effect": "Allow", "Actions": ["roadstead:ChangeTags", "roadstead:RenameNode"], "Resources": [{"Kind": "node"}, {"Kind": "resource"}]},
    ]);
    attach(&hub, "bob", "on-dev", on_dev).await;
    assert_eq!(call(&hub, &bob, "Roadstead.ChangeTags", part("dev")).await.ok()["Changed"], 0);
    call(&hub, &ann, "Roadstead.ChangeTags", part("dev")).await.ok();
    call(&hub, &bob, "AmazonSSM.SendCommand", send).await.ok();
    assert_eq!(call(&hub, &bob, "Roadstead.ChangeTags", part("prod")).await.ok()["Changed"], 1);
}

#[tokio::test]
async fn a_denial_goes_by_names_and_through_roles_as_well() {
    const NODE: &str = "mi-00000000000000001";
    let hub = TestHub::start().await;
    add_node(&hub, NODE, "all");
    hub.call("Roadstead.RenameNode", &json!({"NodeId": NODE, "Name": "vault-1"}))
        .await
        .ok();
    hub.call("Roadstead.CreateGroup", &json!({"GroupName": "vault", "Rule": "name^vault"}))
        .await
        .ok();
    let ann = hub.user("ann", "operator", &json!({})).await;
    let denied = json!([
        {"Effect": "Deny", "Actions": ["ssm:*"], "Resources": [{"Kind": "node", "Groups": ["vault"]}]},
        {"Effect": "Allow", "Actions": ["sts:AssumeRole"], "Resources": [{"Kind": "role", "Ids": ["operator"]}]},
    ]);
    attach(&hub, "ann", "denied", denied).await;
    let role = json!({"RoleArn": "arn:aws:iam::000000000000:role/operator", "RoleSessionName": "me"});
    let made = call(&hub, &ann, "AWSSecurityTokenServiceV20110615.AssumeRole", role).await.ok();
    for key in [ann, Key::from_answer(&made["Credentials"])] {
        let refused = call(&hub, &key, "Roadstead.RenameNode", json!({"NodeId": NODE, "Name": "free"})).await;
        assert_eq!(refused.code(), "AccessDeniedException");
        call(&hub, &key, "Roadstead.RenameNode", json!({"NodeId": NODE, "Name": "vault-2"}))
            .await
            .ok();
    }
}

#[tokio::test]
async fn a_hidden_document_is_refused_as_one_that_is_not_there() {
    const NODE: &str = "mi-00000000000000001";
    let hub = TestHub::start().await;
    add_node(&hub, NODE, "all");
    let document =
        |parameters: Value, step: Value| json!({"schemaVersion": "2.2", "parameters": parameters, "mainSteps": [step]}).to_string();
    let inner = |path: &str| {
        let inputs = json!({"documentType": "SSMDocument", "documentPath": path});
        document(json!({}), json!({"action": "aws:runDocument", "name": "inner", "inputs": inputs}))
    };
    let script = json!({"action": "aws:runShellScript", "name": "s", "inputs": {"runCommand": ["true"]}});
    let secret = document(json!({"secretName": {"type": "String", "allowedValues": ["red"]}}), script);
    for (name, content) in [
        ("Hidden", secret.as_str()),
        ("Outer-Hidden", &inner("Hidden")),
        ("Outer-Absent", &inner("Absent")),
    ] {
        let made = json!({"Name": name, "Content": content, "DocumentType": "Command"});
        hub.call("AmazonSSM.CreateDocument", &made).await.ok();
    }
    let ann = hub.user("ann", "viewer", &json!({})).await;
    let outer = json!([{"Effect": "Allow", "Actions": ["ssm:SendCommand"], "Resources": [{"Kind": "node"}, {"Kind": "document", "Ids": ["Outer-*"]}]}]);
    attach(&hub, "ann", "outer", outer).await;
    for more in [
        json!({}),
        json!({"DocumentVersion": "7"}),
        json!({"DocumentHash": "00", "DocumentHashType": "Sha256"}),
        json!({"Parameters": {"none": ["x"]}}),
        json!({"Parameters": {"secretName": ["blue"]}}),
    ] {
        let mut said = Vec::new();
        for (name, inner) in [
            ("Hidden", "Hidden"),
            ("Absent", "Absent"),
            ("Outer-Hidden", "Hidden"),
            ("Outer-Absent", "Absent"),
        ] {
            let mut body = json!({"DocumentName": name, "InstanceIds": [NODE]});
            if !name.starts_with("Outer") {
                body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            }
            let refused = call(&hub, &ann, "AmazonSSM.SendCommand", body).await;
            assert_eq!(refused.code(), "AccessDeniedException", "{name} {more}");
            said.push(refused.body.to_string().replace(inner, "X"));
        }
        said.dedup();
        assert_eq!(said.len(), 1, "{said:?}");
    }
    // Whoever may use it hears what is wrong.
    let absent = json!({"DocumentName": "Absent", "InstanceIds": [NODE]});
    assert_eq!(hub.call("AmazonSSM.SendCommand", &absent).await.code(), "InvalidDocument");
}

#[tokio::test]
async fn what_is_counted_of_the_hub_is_counted_within_the_scope() {
    let hub = TestHub::start().await;
    add_node(&hub, "mi-00000000000000001", "mine");
    add_node(&hub, "mi-00000000000000002", "other");
    let ann = hub
        .user("ann", "viewer", &json!({"Tags": [{"Key": "part", "Values": ["mine"]}]}))
        .await;
    let counts = |hub: Value| (hub["NodesTotal"].clone(), hub["NodesOnline"].clone());
    let whole = hub.call("Roadstead.DescribeHub", &json!({})).await.ok();
    assert_eq!(counts(whole), (json!(2), json!(0)));
    let own = call(&hub, &ann, "Roadstead.DescribeHub", json!({})).await.ok();
    assert_eq!(counts(own), (json!(1), json!(0)));
}

#[tokio::test]
async fn an_approval_looks_again_at_all_that_the_sender_needs() {
    let hub = TestHub::start().await;
    for n in 0..2 {
        add_node(&hub, &format!("mi-0000000000000000{n}"), "all");
    }
    hub.call(
        "AmazonSSM.PutParameter",
        &json!({"Name": "/app/host", "Value": "db", "Type": "String"}),
    )
    .await
    .ok();
    hub.call(
        "AmazonSSM.PutParameter",
        &json!({"Name": "/app/pass", "Value": "s", "Type": "SecureString"}),
    )
    .await
    .ok();
    let store = json!({"Name": "minio", "SecretAccessKey": "s",
        "Settings": {"Endpoint": "https://store.invalid", "AccessKeyId": "a", "OutputPlaces": ["logs"], "DownloadPlaces": ["tools"]}});
    hub.call("Roadstead.PutObjectStore", &store).await.ok();
    let fetch = json!({"schemaVersion": "2.2", "mainSteps": [{"action": "aws:downloadContent", "name": "d", "inputs": {
        "sourceType": "S3", "sourceInfo": {"path": "https://store.invalid/tools/x"}, "destinationPath": "/tmp/x"}}]});
    let run = json!({"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runDocument", "name": "r", "inputs": {
        "documentType": "SSMDocument", "documentPath": "Fetch"}}]});
    for (name, content) in [("Fetch", fetch), ("Run-Fetch", run)] {
        let made = json!({"Name": name, "Content": content.to_string(), "DocumentType": "Command"});
        hub.call("AmazonSSM.CreateDocument", &made).await.ok();
    }
    let ann = hub.user("ann", "operator", &json!({})).await;
    let limits = json!({"Holder": "user", "HolderName": "ann", "Limits": {"ApproveAbove": 1}});
    hub.call("Roadstead.PutLimits", &limits).await.ok();
    let everywhere = |document: &str, line: &str| {
        let mut request = json!({"DocumentName": document, "Targets": [{"Key": "tag:part", "Values": ["all"]}]});
        if !line.is_empty() {
            request["Parameters"] = json!({"commands": [line]});
        }
        request
    };
    let with = |mut request: Value, more: Value| {
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    let shell = "AWS-RunShellScript";
    let logs = json!({"OutputS3BucketName": "logs"});
    let settings = json!({"RunSettings": {"Directory": "/tmp"}});
    for (request, action, resource) in [
        (
            everywhere(shell, "echo {{ssm:/app/host}}"),
            "ssm:GetParameter",
            json!({"Kind": "parameter"}),
        ),
        (
            everywhere(shell, "echo '{{ssm-secure:/app/pass}}'"),
            "ssm:GetParameter",
            json!({"Kind": "parameter", "Ids": ["/app/pass"]}),
        ),
        (
            with(everywhere(shell, "true"), logs),
            "ssm:SendCommand",
            json!({"Kind": "object-store"}),
        ),
        (everywhere("Fetch", ""), "ssm:SendCommand", json!({"Kind": "object-store"})),
        (
            everywhere("Run-Fetch", ""),
            "ssm:SendCommand",
            json!({"Kind": "document", "Ids": ["Fetch"]}),
        ),
        (
            with(everywhere("Fetch", ""), settings),
            "ssm:SendCommand",
            json!({"Kind": "document", "Ids": [shell]}),
        ),
    ] {
        let sent = call(&hub, &ann, "AmazonSSM.SendCommand", request.clone()).await.ok();
        let id = json!({"CommandId": sent["Command"]["CommandId"]});
        let denial = json!([{"Effect": "Deny", "Actions": [action], "Resources": [resource]}]);
        attach(&hub, "ann", "taken", denial).await;
        let refused = hub.call("Roadstead.ApproveCommand", &id).await;
        assert_eq!(refused.code(), "AccessDeniedException", "{request}");
        let detached = json!({"PolicyName": "taken", "UserName": "ann"});
        hub.call("Roadstead.DetachPolicy", &detached).await.ok();
        hub.call("Roadstead.ApproveCommand", &id).await.ok();
    }
}

#[tokio::test]
async fn a_group_that_is_hidden_is_answered_like_one_that_is_not_there() {
    let hub = TestHub::start().await;
    add_node(&hub, "mi-00000000000000001", "mine");
    for group in ["secret", "named"] {
        let made = json!({"GroupName": group, "Rule": "tag:part=mine"});
        hub.call("Roadstead.CreateGroup", &made).await.ok();
    }
    hub.call("Roadstead.CreateUser", &json!({"UserName": "ann"})).await.ok();
    let ann = hub.key_of("ann").await;
    let see = json!({"Effect": "Allow", "Actions": ["roadstead:SearchNodes", "roadstead:ResolveTargets"], "Resources": [{"Kind": "node"}]});
    let run = json!({"Effect": "Allow", "Actions": ["ssm:SendCommand"],
        "Resources": [{"Kind": "document"}, {"Kind": "node", "Groups": ["named"]}]});
    attach(&hub, "ann", "own", json!([see, run])).await;
    let filter = |group: &str, op: &str| json!({"Filter": {"Join": "and", "Terms": [{"Key": "group", "Op": op, "Value": group}]}});
    let targets = |group: &str| json!([{"Key": "resource-groups:Name", "Values": [group]}]);
    let asked = |group: &str| {
        let send = json!({"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}, "Targets": targets(group)});
        [
            ("Roadstead.SearchNodes", filter(group, "eq")),
            ("Roadstead.SearchNodes", filter(group, "ne")),
            ("Roadstead.ResolveTargets", json!({"Targets": targets(group)})),
            ("AmazonSSM.SendCommand", send),
        ]
    };
    for (hidden, absent) in asked("secret").into_iter().zip(asked("absent")) {
        let one = call(&hub, &ann, hidden.0, hidden.1).await;
        let other = call(&hub, &ann, absent.0, absent.1).await;
        assert_eq!(one.code(), "ValidationException", "{}", hidden.0);
        assert_eq!(one.body.to_string().replace("secret", "absent"), other.body.to_string());
    }
    // One that their own policy speaks of they may name.
    for (target, body) in asked("named") {
        call(&hub, &ann, target, body).await.ok();
    }
    let sees = json!([{"Effect": "Allow", "Actions": ["roadstead:DescribeGroup"], "Resources": [{"Kind": "group"}]}]);
    attach(&hub, "ann", "sees", sees).await;
    for (target, body) in asked("secret") {
        call(&hub, &ann, target, body).await.ok();
    }
}
