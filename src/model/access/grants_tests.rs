//! The rules of the decision, one by one.

use serde_json::json;

use super::*;
use crate::model::access::roles;

fn grants(statements: serde_json::Value) -> Grants {
    let policy: Policy = serde_json::from_value(json!({ "Statements": statements })).unwrap();
    policy.check().unwrap();
    let mut grants = Grants::default();
    grants.add(&policy, "test", "user", "ann");
    grants
}

fn node(id: &str, tags: &[(&str, &str)]) -> Thing {
    Thing {
        kind: NODE.into(),
        id: id.into(),
        tags: tags.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
        ..Thing::default()
    }
}

fn thing(kind: &str, id: &str) -> Thing {
    Thing {
        kind: kind.into(),
        id: id.into(),
        ..Thing::default()
    }
}

fn over(grants: &Grants, action: &str, thing: &Thing, nodes: &[Thing]) -> bool {
    let nodes = nodes.iter().map(|n| Ok::<_, ()>(n.clone()));
    grants.decide_over(action, thing, nodes).unwrap().is_allowed()
}

#[test]
fn nothing_is_allowed_that_nobody_allowed_and_a_denial_wins() {
    let none = Grants::default();
    assert!(!none.decide("ssm:SendCommand", &node("mi-1", &[])).is_allowed());
    let some = grants(json!([
        {"Effect": "Allow", "Actions": ["ssm:*"], "Resources": [{"Kind": "node"}]},
        {"Sid": "NotProd", "Effect": "Deny", "Actions": ["ssm:SendCommand"], "Resources": [{"Kind": "node", "Tags": [{"Key": "env", "Values": ["prod*"]}]}]},
    ]));
    assert!(some.decide("ssm:SendCommand", &node("mi-1", &[("env", "test")])).is_allowed());
    assert!(
        some.decide("SSM:sendcommand", &node("mi-1", &[])).is_allowed(),
        "an action's case does not count"
    );
    let Decision::Denied(origin) = some.decide("ssm:SendCommand", &node("mi-1", &[("env", "prod-1")])) else {
        panic!("a denial wins")
    };
    assert_eq!(origin.statement, "NotProd");
    assert!(some.decide("ssm:StartSession", &node("mi-1", &[("env", "prod-1")])).is_allowed());
    assert!(!some.decide("ssm:GetDocument", &thing("document", "x")).is_allowed());
}

#[test]
fn all_actions_but_some() {
    let some = grants(json!([{"Effect": "Allow", "NotActions": ["ssm:Delete*", "roadstead:*"], "Resources": [{"Kind": "*"}]}]));
    assert!(some.decide("ssm:PutParameter", &thing("parameter", "/a")).is_allowed());
    assert!(!some.decide("ssm:DeleteParameter", &thing("parameter", "/a")).is_allowed());
    assert!(!some.decide("roadstead:CreateUser", &thing("user", "a")).is_allowed());
}

#[test]
fn conditions_on_tags_follow_iam_when_the_tag_is_absent() {
    let not_prod = grants(json!([{"Effect": "Allow", "Actions": ["*"], "Resources": [{"Kind": "node"}],
        "Conditions": [{"Key": "tag:env", "Operator": "NotEquals", "Values": ["prod"]}]}]));
    assert!(not_prod.decide("ssm:X", &node("a", &[])).is_allowed());
    assert!(!not_prod.decide("ssm:X", &node("a", &[("env", "prod")])).is_allowed());
    let like = grants(json!([{"Effect": "Allow", "Actions": ["*"], "Resources": [{"Kind": "node"}],
        "Conditions": [{"Key": "tag:env", "Operator": "Equals", "Values": ["dev*"]}]}]));
    assert!(
        !like.decide("ssm:X", &node("a", &[("env", "dev1")])).is_allowed(),
        "Equals takes a star as a star"
    );
}

#[test]
fn conditions_on_the_caller_are_settled_at_once() {
    let ann = json!([{"Effect": "Allow", "Actions": ["*"], "Resources": [{"Kind": "node"}],
        "Conditions": [{"Key": "user", "Operator": "Like", "Values": ["a*"]}]}]);
    assert!(grants(ann).decide("ssm:X", &node("a", &[])).is_allowed());
    let bob = json!([{"Effect": "Allow", "Actions": ["*"], "Resources": [{"Kind": "node"}],
        "Conditions": [{"Key": "user", "Operator": "Equals", "Values": ["bob"]}]}]);
    assert!(!grants(bob).decide("ssm:X", &node("a", &[])).is_allowed());
}

#[test]
fn a_scope_takes_nodes_away_whatever_a_policy_gives() {
    let mut admin = Grants::default();
    admin.add(&roles::policy("admin").unwrap(), "admin", "role", "ann");
    let scope: Scope = serde_json::from_value(json!({"Tags": [{"Key": "env", "Values": ["dev"]}]})).unwrap();
    admin.narrow(&scope, "ann");
    assert!(admin.decide("ssm:SendCommand", &node("a", &[("env", "dev")])).is_allowed());
    assert!(matches!(
        admin.decide("ssm:SendCommand", &node("a", &[("env", "prod")])),
        Decision::OutOfScope
    ));
    assert!(admin.decide("ssm:PutParameter", &thing("parameter", "/a")).is_allowed());
    let activation = |env: &str| Thing {
        kind: "activation".into(),
        ..node("x", &[("env", env)])
    };
    assert!(admin.decide("ssm:DeleteActivation", &activation("dev")).is_allowed());
    assert!(matches!(
        admin.decide("ssm:DeleteActivation", &activation("prod")),
        Decision::OutOfScope
    ));
    assert!(!admin.decide("roadstead:ListJoinRequests", &thing("join-request", "r")).is_allowed());
    let (own, foreign) = (node("a", &[("env", "dev")]), node("b", &[]));
    let command = thing("command", "c");
    assert!(over(&admin, "ssm:ListCommands", &command, std::slice::from_ref(&own)));
    assert!(!over(&admin, "ssm:ListCommands", &command, &[own, foreign.clone()]));
    assert!(!over(&admin, "ssm:ListCommands", &command, &[]));
    let mine = Thing { own: true, ..command };
    assert!(over(&admin, "ssm:ListCommands", &mine, &[foreign]));
}

#[test]
fn a_command_is_seen_by_whoever_sees_all_its_nodes_and_denied_by_one() {
    let some = grants(json!([
        {"Effect": "Allow", "Actions": ["ssm:*"], "Resources": [{"Kind": "node", "Ids": ["a", "b", "secret"]}]},
        {"Effect": "Deny", "Actions": ["ssm:*"], "Resources": [{"Kind": "node", "Ids": ["secret"]}]},
    ]));
    let command = thing("command", "c");
    let nodes = |ids: &[&str]| ids.iter().map(|id| node(id, &[])).collect::<Vec<_>>();
    assert!(over(&some, "ssm:ListCommands", &command, &nodes(&["a", "b"])));
    assert!(!over(&some, "ssm:ListCommands", &command, &nodes(&["a", "c"])));
    assert!(!over(&some, "ssm:ListCommands", &command, &nodes(&["a", "secret"])));
    let all = grants(json!([
        {"Effect": "Allow", "Actions": ["ssm:*"], "Resources": [{"Kind": "command"}]},
        {"Effect": "Deny", "Actions": ["ssm:*"], "Resources": [{"Kind": "node", "Ids": ["secret"]}]},
    ]));
    assert!(over(&all, "ssm:ListCommands", &command, &nodes(&["a"])) && over(&all, "ssm:ListCommands", &command, &[]));
    assert!(!over(&all, "ssm:ListCommands", &command, &nodes(&["a", "secret"])));
}

#[test]
fn own_things_are_the_callers_alone() {
    let some = grants(json!([{"Effect": "Allow", "Actions": ["ssm:ResumeSession"], "Resources": [{"Kind": "session", "Own": true}]}]));
    let mine = Thing {
        own: true,
        ..thing("session", "ann-1")
    };
    assert!(over(&some, "ssm:ResumeSession", &mine, &[]));
    assert!(!over(&some, "ssm:ResumeSession", &thing("session", "bob-1"), &[node("a", &[])]));
}

#[test]
fn a_scope_of_actions_leaves_only_what_it_names() {
    let mut admin = Grants::default();
    admin.add(&roles::policy("admin").unwrap(), "admin", "role", "ann");
    let scope: Scope = serde_json::from_value(json!({"Actions": ["ssm:*", "roadstead:*"]})).unwrap();
    admin.narrow(&scope, "ann");
    assert!(admin.decide("ssm:SendCommand", &node("a", &[])).is_allowed());
    assert!(admin.decide("roadstead:ListUsers", &thing("user", "a")).is_allowed());
    assert!(!admin.decide("sts:X", &thing("hub", "")).is_allowed());
    assert!(!admin.may_ever("sts:X", None));
}

#[test]
fn whoever_may_nothing_of_a_kind_may_not_even_list_it() {
    let some = grants(json!([
        {"Effect": "Allow", "Actions": ["ssm:*"], "Resources": [{"Kind": "node", "Tags": [{"Key": "x"}]}]},
        {"Effect": "Deny", "Actions": ["ssm:Describe*"], "Resources": [{"Kind": "node"}]},
    ]));
    assert!(some.may_ever("ssm:SendCommand", Some(NODE)) && some.may_ever("ssm:ListCommands", Some("command")));
    assert!(!some.may_ever("ssm:DescribeInstanceInformation", Some(NODE)));
    assert!(!some.may_ever("ssm:GetParameter", Some("parameter")));
}

mod early {
    use proptest::prelude::*;

    use super::*;

    fn statements() -> impl Strategy<Value = serde_json::Value> {
        let resource = (
            prop_oneof![Just("*"), Just("node"), Just("command"), Just("parameter")],
            prop_oneof![Just(json!([])), Just(json!(["a*"])), Just(json!(["b"]))],
            prop_oneof![Just(json!([])), Just(json!([{"Key": "t", "Values": ["1"]}]))],
            any::<bool>(),
        );
        let statement = (any::<bool>(), prop_oneof![Just("ssm:*"), Just("ssm:A"), Just("ssm:B*")], resource).prop_map(
            |(allow, action, (kind, ids, tags, own))| {
                json!({"Effect": if allow { "Allow" } else { "Deny" }, "Actions": [action],
                    "Resources": [{"Kind": kind, "Ids": ids, "Tags": tags, "Own": own}]})
            },
        );
        proptest::collection::vec(statement, 1..5).prop_map(serde_json::Value::Array)
    }

    proptest! {
        /// What is said early is what is said once everything is known.
        #[test]
        fn an_early_decision_is_the_final_one(
            statements in statements(),
            kind in prop_oneof![Just("node"), Just("command"), Just("parameter"), Just("session"), Just("activation"), Just("join-request")],
            id in prop_oneof![Just("a1"), Just("b"), Just("c")],
            tagged in any::<bool>(), own in any::<bool>(), scoped in any::<bool>(),
            nodes in proptest::collection::vec((prop_oneof![Just("a1"), Just("b")], any::<bool>()), 0..3),
        ) {
            let mut grants = grants(statements);
            if scoped {
                let scope = serde_json::from_value(json!({"Tags": [{"Key": "t"}]})).unwrap();
                grants.narrow(&scope, "ann");
            }
            let tags = |is: bool| if is { vec![("t", "1")] } else { vec![] };
            let thing = match kind {
                "node" | "activation" => Thing { own, kind: kind.into(), ..node(id, &tags(tagged)) },
                _ => Thing { own, ..thing(kind, id) },
            };
            let nodes: Vec<Thing> = nodes.iter().map(|(id, tagged)| node(id, &tags(*tagged))).collect();
            let found = over(&grants, "ssm:A", &thing, &nodes);
            if let Some(early) = grants.decide_early("ssm:A", kind, id) {
                prop_assert_eq!(early.is_allowed(), found);
            }
            if found {
                prop_assert!(grants.may_ever("ssm:A", Some(kind)));
            }
        }
    }
}
