//! Rights name only what there is: a word that nobody has is refused wherever it is written or asked about.

use roadstead::hub::registry;
use roadstead::model::access::{Words, roles};
use serde_json::{Value, json};

use crate::support::{Answer, TestHub};

fn policy(effect: &str, actions: &[&str], kind: &str) -> Value {
    json!({"Statements": [{"Effect": effect, "Actions": actions, "Resources": [{"Kind": kind}]}]})
}

async fn put(hub: &TestHub, name: &str, document: Value) -> Answer {
    hub.call("Roadstead.PutPolicy", &json!({"PolicyName": name, "Document": document}))
        .await
}

fn message(answer: &Answer) -> &str {
    assert_eq!(answer.code(), "ValidationException", "{}", answer.body);
    answer.body["message"].as_str().unwrap()
}

/// Each with its place, as one line.
fn lines(elements: &Value) -> Vec<String> {
    let line = |element: &Value| format!("{}: {}", element["Place"].as_str().unwrap(), element["Problem"].as_str().unwrap());
    elements.as_array().unwrap().iter().map(line).collect()
}

#[test]
fn built_in_roles_speak_of_what_this_hub_or_upstream_has() {
    let words = Words::new(registry().actions());
    for document in roles::BUILT_IN
        .map(|role| roles::policy(role).unwrap())
        .iter()
        .chain([&roles::everybody()])
    {
        let nobodys: Vec<String> = words
            .idle(document)
            .filter(|idle| !idle.is_upstreams)
            .map(|idle| idle.error.to_string())
            .collect();
        assert!(nobodys.is_empty(), "{nobodys:?}");
    }
}

#[tokio::test]
async fn a_policy_of_words_that_nobody_has_is_refused_with_their_places_and_what_was_meant() {
    let hub = TestHub::start().await;
    let wrong = put(
        &hub,
        "deny",
        policy("Deny", &["ssm:SendCommand", "ssm:StartSesion", "foo:Bar"], "nodez"),
    )
    .await;
    let words = message(&wrong);
    for part in [
        "Statements[0].Actions[1]: there is no action `ssm:StartSesion`; did you mean `ssm:StartSession`?",
        "Statements[0].Actions[2]: there is no action `foo:Bar`: the services are ",
        "Statements[0].Resources[0].Kind: there is no kind `nodez`; did you mean `node`?",
    ] {
        assert!(words.contains(part), "{words}");
    }
    let wrong = put(&hub, "deny", policy("Deny", &["ssm:Strat*"], "*")).await;
    assert!(
        message(&wrong).contains("no action matches `ssm:Strat*`; did you mean `ssm:Start*`?"),
        "{}",
        wrong.body
    );
    let missing = hub.call("Roadstead.GetPolicy", &json!({"PolicyName": "deny"})).await;
    assert_eq!(missing.code(), "ResourceNotFoundException");
}

#[tokio::test]
async fn what_only_upstream_has_is_stored_and_named() {
    let hub = TestHub::start().await;
    let document = policy("Deny", &["ssm:StartSession", "ssm:CreateAssociation"], "window");
    let stored = put(&hub, "later", document).await.ok();
    let expected = [
        "Statements[0].Actions[1]: this hub has no `ssm:CreateAssociation`: it is upstream's and changes nothing here",
        "Statements[0].Resources[0].Kind: this hub has no `window`: it is upstream's and changes nothing here",
    ];
    assert_eq!(lines(&stored["Notes"]), expected);
    let shown = hub.call("Roadstead.GetPolicy", &json!({"PolicyName": "later"})).await.ok();
    assert_eq!(lines(&shown["Notes"]), expected);
}

#[tokio::test]
async fn a_built_in_role_may_be_written_again_as_a_policy_of_ones_own() {
    let hub = TestHub::start().await;
    let listed = hub.call("Roadstead.ListRoles", &json!({})).await.ok();
    for role in listed["Roles"].as_array().unwrap() {
        put(
            &hub,
            &format!("my-{}", role["RoleName"].as_str().unwrap()),
            role["Document"].clone(),
        )
        .await
        .ok();
    }
}

#[tokio::test]
async fn a_policy_that_was_stored_before_goes_on_and_is_shown_with_what_is_idle_in_it() {
    let hub = TestHub::start().await;
    let ann = hub.user("ann", "viewer", &json!({})).await;
    put(&hub, "old", policy("Deny", &["ssm:ListCommands"], "*")).await.ok();
    hub.call("Roadstead.AttachPolicy", &json!({"PolicyName": "old", "UserName": "ann"}))
        .await
        .ok();
    let data = hub.stop_and_keep().await;
    let before = policy("Deny", &["foo:Bar", "ssm:DescribeSessions"], "*").to_string();
    rusqlite::Connection::open(data.path().join("hub.db"))
        .unwrap()
        .execute("UPDATE policy SET document = ?1", [before])
        .unwrap();
    let hub = TestHub::start_on(data, None).await;
    let refused = hub.call_as(&ann, "AmazonSSM.DescribeSessions", r#"{"State": "Active"}"#).await;
    assert_eq!(refused.code(), "AccessDeniedException");
    hub.call_as(&ann, "AmazonSSM.ListCommands", "{}").await.ok();
    let shown = hub.call("Roadstead.GetPolicy", &json!({"PolicyName": "old"})).await.ok();
    let notes = lines(&shown["Notes"]);
    assert!(
        matches!(notes.as_slice(), [one] if one.starts_with("Statements[0].Actions[0]: there is no action `foo:Bar`")),
        "{notes:?}"
    );
}

#[tokio::test]
async fn a_selector_that_nothing_can_match_is_refused_and_noted_where_it_was_stored_before() {
    let hub = TestHub::start().await;
    hub.call("Roadstead.CreateGroup", &json!({"GroupName": "vault", "Rule": "tag:role=vault"}))
        .await
        .ok();
    let of = |resource: Value| json!({"Statements": [{"Effect": "Deny", "Actions": ["ssm:*"], "Resources": [resource]}]});
    let in_group = of(json!({"Kind": "document", "Groups": ["vault"]}));
    for (document, words) in [
        (in_group.clone(), "Statements[0].Resources[0].Groups: only nodes are in groups"),
        (
            of(json!({"Kind": "node", "Own": true})),
            "Statements[0].Resources[0].Own: nothing of kind `node` is anybody's own",
        ),
        (
            of(json!({"Kind": "session", "Tags": [{"Key": "env"}]})),
            "Statements[0].Resources[0].Tags: nothing of kind `session` carries tags",
        ),
    ] {
        let refused = put(&hub, "deny", document).await;
        assert!(message(&refused).contains(words), "{}", refused.body);
    }
    put(&hub, "old", of(json!({"Kind": "document"}))).await.ok();
    let data = hub.stop_and_keep().await;
    rusqlite::Connection::open(data.path().join("hub.db"))
        .unwrap()
        .execute("UPDATE policy SET document = ?1", [in_group.to_string()])
        .unwrap();
    let hub = TestHub::start_on(data, None).await;
    let shown = hub.call("Roadstead.GetPolicy", &json!({"PolicyName": "old"})).await.ok();
    let notes = lines(&shown["Notes"]);
    assert!(
        matches!(notes.as_slice(), [one] if one.starts_with("Statements[0].Resources[0].Groups: only nodes are in groups")),
        "{notes:?}"
    );
}

#[tokio::test]
async fn policies_and_roles_are_not_called_as_what_is_built_in() {
    let hub = TestHub::start().await;
    let words = "is what decisions call rights that are built in";
    for name in ["admin", "viewer", "Operator", "everybody"] {
        let refused = put(&hub, name, policy("Allow", &["ssm:*"], "*")).await;
        assert!(message(&refused).contains(words), "{}", refused.body);
        let iam =
            json!({"PolicyName": name, "DryRun": true, "Document": {"Statement": {"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}}});
        let refused = hub.call("Roadstead.ImportPolicy", &iam).await;
        assert!(message(&refused).contains(words), "{}", refused.body);
    }
    let role = hub.call("Roadstead.CreateRole", &json!({"RoleName": "Admin"})).await;
    assert!(message(&role).contains(words), "{}", role.body);
}

#[tokio::test]
async fn a_user_is_not_called_nearly_as_another_or_as_what_is_no_user() {
    let hub = TestHub::start().await;
    for name in ["Admin", "ADMIN"] {
        let refused = hub.call("Roadstead.CreateUser", &json!({"UserName": name})).await;
        assert_eq!(
            (refused.code(), refused.body["message"].as_str().unwrap()),
            (
                "AlreadyExistsException",
                "there is a user `admin` already: a name must differ in more than case"
            )
        );
    }
    for name in ["hub", "Local", "several"] {
        let refused = hub.call("Roadstead.CreateUser", &json!({"UserName": name})).await;
        assert!(
            message(&refused).contains("is what the hub calls somebody else"),
            "{}",
            refused.body
        );
    }
}

#[tokio::test]
async fn a_grant_of_all_actions_but_some_gives_nothing_of_which_rights_are_made() {
    let hub = TestHub::start().await;
    let ann = hub.user("ann", "viewer", &json!({})).await;
    let iam =
        json!({"PolicyName": "others", "Document": {"Statement": {"Effect": "Allow", "NotAction": "ssm:StartSession", "Resource": "*"}}});
    let read = hub.call("Roadstead.ImportPolicy", &iam).await.ok();
    let notes = lines(&read["Notes"]);
    assert!(
        matches!(notes.as_slice(), [one] if one.contains("`logs:*`, `resource-groups:*`, `roadstead:*`, `sts:*`, `tag:*` are left out")),
        "{notes:?}"
    );
    hub.call("Roadstead.AttachPolicy", &json!({"PolicyName": "others", "UserName": "ann"}))
        .await
        .ok();
    let group = json!({"Name": "mine", "ResourceQuery": {"Type": "TAG_FILTERS_1_0", "Query": "{}"}}).to_string();
    let refused = hub.call_as(&ann, "Ardi.CreateGroup", &group).await;
    assert_eq!(refused.code(), "AccessDeniedException", "{}", refused.body);
    let granted = hub.call_as(&ann, "AmazonSSM.CreateActivation", r#"{"IamRole": "r"}"#).await;
    granted.ok();
}

#[tokio::test]
async fn an_iam_policy_is_read_to_the_end_and_each_word_that_is_not_here_is_named() {
    let hub = TestHub::start().await;
    let iam = |deny: &[&str]| {
        json!({"PolicyName": "pasted", "DryRun": true, "Document": {"Statement": [
            {"Effect": "Allow", "Action": ["ssm:*", "ec2:DescribeInstances", "ssmmessages:*"], "Resource": "*"},
            {"Effect": "Deny", "Action": deny, "Resource": "*"}]}})
    };
    let read = hub
        .call(
            "Roadstead.ImportPolicy",
            &iam(&["ssm:Nope", "ssm:CreateAssociation", "ssm:SendComand"]),
        )
        .await
        .ok();
    assert_eq!(
        lines(&read["Unsupported"]),
        [
            "Statement[1].Action: there is no action `ssm:Nope`",
            "Statement[1].Action: there is no action `ssm:SendComand`; did you mean `ssm:SendCommand`?",
        ]
    );
    assert_eq!(
        lines(&read["Notes"]),
        [
            "Statement[0].Action: `ec2:DescribeInstances`, `ssmmessages:*` are of other services: left out",
            "Statement[1].Action: this hub has no `ssm:CreateAssociation`: kept, and without effect as long as it is so",
        ]
    );
    let mut whole = iam(&["ssm:CreateAssociation"]);
    whole["DryRun"] = json!(false);
    hub.call("Roadstead.ImportPolicy", &whole).await.ok();
    let stored = hub.call("Roadstead.GetPolicy", &json!({"PolicyName": "pasted"})).await.ok();
    assert_eq!(stored["Document"]["Statements"][1]["Actions"], json!(["ssm:CreateAssociation"]));
}

#[tokio::test]
async fn a_question_about_what_there_is_not_is_refused() {
    let hub = TestHub::start().await;
    let ask = |action: &str, kind: &str| json!({"Action": action, "Resource": {"Kind": kind, "Id": "x"}});
    for operation in ["Roadstead.SimulateAccess", "Roadstead.ExplainAccess"] {
        for (action, kind, words) in [
            (
                "ssm:SendComand",
                "node",
                "there is no action `ssm:SendComand`; did you mean `ssm:SendCommand`?",
            ),
            ("ssm:CreateAssociation", "node", "this hub has no `ssm:CreateAssociation`"),
            ("ssm:SendCommand", "nodez", "there is no kind `nodez`; did you mean `node`?"),
        ] {
            let refused = hub.call(operation, &ask(action, kind)).await;
            assert!(message(&refused).starts_with(words), "{}", refused.body);
        }
        for kind in ["command", "invocation"] {
            hub.call(operation, &ask("ssm:CancelCommand", kind)).await.ok();
        }
    }
}

#[tokio::test]
async fn nobody_is_narrowed_to_actions_that_there_are_not() {
    let hub = TestHub::start().await;
    hub.call("Roadstead.CreateUser", &json!({"UserName": "ann"})).await.ok();
    let scope = json!({"Actions": ["ssm:Get*", "ssm:StartSesion"]});
    for (operation, request, place) in [
        (
            "Roadstead.CreateAccessKey",
            json!({"Scope": ["ssm:Get*", "ssm:StartSesion"]}),
            "Scope[1]",
        ),
        (
            "Roadstead.CreateUser",
            json!({"UserName": "bob", "Scope": scope}),
            "Scope.Actions[1]",
        ),
        (
            "Roadstead.UpdateUser",
            json!({"UserName": "ann", "Scope": scope}),
            "Scope.Actions[1]",
        ),
    ] {
        let refused = hub.call(operation, &request).await;
        let words = format!("{place}: there is no action `ssm:StartSesion`; did you mean `ssm:StartSession`?");
        assert_eq!(message(&refused), words, "{operation}");
    }
}

#[tokio::test]
async fn who_asks_for_a_built_in_role_as_a_policy_is_told_where_it_is() {
    let hub = TestHub::start().await;
    let missing = hub.call("Roadstead.GetPolicy", &json!({"PolicyName": "operator"})).await;
    assert_eq!(missing.code(), "ResourceNotFoundException");
    let words = missing.body["message"].as_str().unwrap();
    assert!(
        words.contains("built-in role") && words.contains("roadstead role show operator"),
        "{words}"
    );
}
