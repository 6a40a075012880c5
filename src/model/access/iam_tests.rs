//! The policies that people paste, and what becomes of them.

use serde_json::json;

use super::*;
use crate::model::access::{Grants, SHELL_DOCUMENT, Thing};

fn read(document: Json) -> Result<Imported, PolicyError> {
    let here = [
        "CancelCommand",
        "DeleteParameter",
        "DescribeInstanceInformation",
        "DescribeSessions",
        "GetParameter",
        "GetParameters",
        "ListCommands",
        "PutParameter",
        "ResumeSession",
        "SendCommand",
        "StartSession",
        "TerminateSession",
    ];
    let of_others = [
        "logs:DescribeLogGroups",
        "roadstead:CreateUser",
        "sts:AssumeRole",
        "tag:TagResources",
    ]
    .map(str::to_owned);
    import(
        &document,
        &Words::new(here.map(|name| format!("ssm:{name}")).into_iter().chain(of_others)),
    )
}

fn imported(document: Json) -> Imported {
    read(document).unwrap()
}

fn places(errors: &[PolicyError]) -> Vec<&str> {
    errors.iter().map(|e| e.place.as_str()).collect()
}

fn said(errors: &[PolicyError]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

/// Whether a user `ann` with this policy may do it to a thing with a tag or two.
fn may(imported: &Imported, action: &str, kind: &str, id: &str, tags: &[(&str, &str)]) -> bool {
    let mut grants = Grants::default();
    grants.add(&imported.policy, "imported", "user", "ann");
    let thing = Thing {
        kind: kind.into(),
        id: id.into(),
        own: id.starts_with("ann-"),
        tags: tags.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
        ..Thing::default()
    };
    grants.decide(action, &thing).is_allowed()
}

#[test]
fn full_access_is_all_of_systems_manager_and_nothing_of_users() {
    let full = imported(json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["cloudwatch:PutMetricData", "ds:CreateComputer", "ds:DescribeDirectories",
            "ec2:DescribeInstanceStatus", "logs:*", "ssm:*", "ec2messages:*"], "Resource": "*"},
        {"Effect": "Allow", "Action": "iam:CreateServiceLinkedRole", "Resource": "arn:aws:iam::*:role/aws-service-role/ssm.amazonaws.com/x*",
            "Condition": {"StringLike": {"iam:AWSServiceName": "ssm.amazonaws.com"}}},
        {"Effect": "Allow", "Action": ["ssmmessages:CreateControlChannel", "ssmmessages:OpenDataChannel"], "Resource": "*"}]}));
    assert_eq!(full.unsupported, []);
    assert_eq!(
        places(&full.notes),
        ["Statement[0].Action", "Statement[1].Action", "Statement[2].Action"]
    );
    assert!(may(&full, "ssm:SendCommand", "node", "mi-1", &[]) && may(&full, "ssm:PutParameter", "parameter", "/a", &[]));
    assert!(!may(&full, "roadstead:CreateUser", "user", "x", &[]));
}

#[test]
fn read_only_access_reads_only() {
    let read = imported(json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow",
        "Action": ["ssm:Describe*", "ssm:Get*", "ssm:List*"], "Resource": "*"}}));
    assert!(may(&read, "ssm:ListCommands", "command", "c", &[]) && !may(&read, "ssm:SendCommand", "node", "mi-1", &[]));
}

#[test]
fn a_shell_on_tagged_instances_and_ones_own_sessions() {
    let policy = imported(json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["ssm:StartSession"], "Resource": ["arn:aws:ec2:us-west-2:123456789012:instance/*"],
            "Condition": {"StringLike": {"ssm:resourceTag/Finance": ["WebServers"]}}},
        {"Effect": "Allow", "Action": ["ssm:TerminateSession", "ssm:ResumeSession"],
            "Resource": ["arn:aws:ssm:*:*:session/${aws:username}-*"]},
        {"Effect": "Allow", "Action": ["ssm:DescribeSessions", "ec2:DescribeInstances"], "Resource": "*"},
        {"Effect": "Allow", "Action": ["kms:GenerateDataKey"], "Resource": "key-name"}]}));
    assert_eq!(policy.unsupported, []);
    assert!(may(&policy, "ssm:StartSession", "node", "mi-1", &[("Finance", "WebServers")]));
    assert!(!may(&policy, "ssm:StartSession", "node", "mi-1", &[]));
    assert!(
        may(&policy, "ssm:StartSession", "document", SHELL_DOCUMENT, &[]),
        "upstream asks for no document here"
    );
    assert!(!may(&policy, "ssm:StartSession", "document", "Other", &[]));
    assert!(may(&policy, "ssm:ResumeSession", "session", "ann-1", &[]));
    assert!(!may(&policy, "ssm:ResumeSession", "session", "bob-1", &[]));
    let by_tag = imported(
        json!({"Statement": [{"Effect": "Allow", "Action": "ssm:TerminateSession", "Resource": "*",
        "Condition": {"StringLike": {"ssm:resourceTag/aws:ssmmessages:session-id": ["${aws:userid}"]}}}]}),
    );
    assert!(may(&by_tag, "ssm:TerminateSession", "session", "ann-1", &[]));
    assert!(!may(&by_tag, "ssm:TerminateSession", "session", "bob-1", &[]));
}

#[test]
fn the_document_check_is_kept() {
    let policy = imported(json!({"Statement": [{"Effect": "Allow", "Action": "ssm:StartSession",
        "Resource": ["arn:aws:ec2:*:*:instance/*", "arn:aws:ssm:*:*:document/AWS-StartPortForwardingSession"],
        "Condition": {"BoolIfExists": {"ssm:SessionDocumentAccessCheck": "true"}}}]}));
    assert_eq!(policy.unsupported, []);
    assert!(may(&policy, "ssm:StartSession", "document", "AWS-StartPortForwardingSession", &[]));
    assert!(!may(&policy, "ssm:StartSession", "document", SHELL_DOCUMENT, &[]));
}

#[test]
fn commands_by_document_and_tag() {
    let policy = imported(json!({"Statement": [
        {"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "arn:aws:ssm:*:*:document/AWS-Run*"},
        {"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "arn:aws:ssm:*:1:managed-instance/mi-0*",
            "Condition": {"StringEquals": {"aws:ResourceTag/Env": ["dev", "test"]}, "StringNotEquals": {"aws:ResourceTag/Locked": "yes"}}}]}));
    assert!(may(&policy, "ssm:SendCommand", "document", "AWS-RunShellScript", &[]));
    assert!(may(&policy, "ssm:SendCommand", "node", "mi-01", &[("Env", "dev")]));
    assert!(!may(
        &policy,
        "ssm:SendCommand",
        "node",
        "mi-01",
        &[("Env", "dev"), ("Locked", "yes")]
    ));
    assert!(!may(&policy, "ssm:SendCommand", "node", "mi-11", &[("Env", "dev")]));
}

#[test]
fn parameters_by_path() {
    let policy = imported(json!({"Statement": [{"Effect": "Allow", "Action": "ssm:GetParameter*",
        "Resource": ["arn:aws:ssm:us-east-1:1:parameter/app/*", "arn:aws:ssm:us-east-1:1:parameter/plain"]}]}));
    assert!(may(&policy, "ssm:GetParameters", "parameter", "/app/db", &[]) && may(&policy, "ssm:GetParameter", "parameter", "plain", &[]));
    assert!(!may(&policy, "ssm:GetParameter", "parameter", "/other", &[]));
}

#[test]
fn all_actions_but_some_are_still_systems_managers_only() {
    let policy = imported(json!({"Statement": [{"Effect": "Allow", "NotAction": ["ssm:Delete*", "iam:*"], "Resource": "*"}]}));
    assert!(may(&policy, "ssm:PutParameter", "parameter", "/a", &[]) && !may(&policy, "ssm:DeleteParameter", "parameter", "/a", &[]));
    for (action, kind) in [
        ("roadstead:CreateUser", "user"),
        ("tag:TagResources", "node"),
        ("logs:DescribeLogGroups", "hub"),
        ("resource-groups:CreateGroup", "group"),
    ] {
        assert!(!may(&policy, action, kind, "x", &[]), "{action}");
    }
    assert_eq!(
        said(&policy.notes),
        [
            "Statement[0].NotAction: `iam:*` are of other services: left out",
            "Statement[0].NotAction: is taken as the 11 other actions of Systems Manager that this hub has; `logs:*`, `roadstead:*`, \
             `sts:*`, `tag:*` are left out",
        ]
    );
    let all = imported(json!({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}));
    assert!(may(&all, "ssm:SendCommand", "node", "x", &[]) && !may(&all, "roadstead:CreateUser", "user", "x", &[]));
}

#[test]
fn a_grant_of_all_but_what_there_is_gives_nothing() {
    let statements = json!([
        {"Effect": "Allow", "NotAction": ["ssm:*", "ssm:CreateAssociation"], "Resource": "*"},
        {"Effect": "Allow", "Action": "ssm:ListCommands", "Resource": "*"}]);
    let policy = imported(json!({"Statement": statements}));
    assert_eq!(policy.policy.statements.len(), 1);
    assert_eq!(
        said(&policy.notes),
        ["Statement[0].NotAction: leaves no action of Systems Manager: the statement is left out"]
    );
}

#[test]
fn a_denial_of_all_but_some_stays_as_wide_as_it_is_written() {
    let policy = imported(json!({"Statement": [
        {"Effect": "Allow", "Action": "ssm:*", "Resource": "*"},
        {"Effect": "Deny", "NotAction": ["ssm:SendCommand", "ssm:CreateAssociation"], "Resource": "*"}]}));
    assert_eq!(
        policy.policy.statements[1].not_actions,
        ["ssm:SendCommand", "ssm:CreateAssociation", "roadstead:*", "sts:*"]
    );
}

/// Whether `ann` may open a plain shell on a node with these tags.
fn opens_shell(policy: &Imported, tags: &[(&str, &str)]) -> bool {
    may(policy, "ssm:StartSession", "node", "mi-1", tags) && may(policy, "ssm:StartSession", "document", SHELL_DOCUMENT, &[])
}

#[test]
fn a_shell_on_whatever_carries_a_tag_is_one_on_nodes_that_do() {
    for operator in ["StringLike", "StringEquals"] {
        let policy = imported(
            json!({"Statement": [{"Effect": "Allow", "Action": ["ssm:StartSession", "ssm:SendCommand"], "Resource": "*",
            "Condition": {operator: {"ssm:resourceTag/part": "mine"}}}]}),
        );
        assert!(opens_shell(&policy, &[("part", "mine")]) && !opens_shell(&policy, &[("part", "theirs")]));
        assert!(!may(&policy, "ssm:StartSession", "document", "Other", &[]));
        assert!(!may(&policy, "ssm:SendCommand", "document", SHELL_DOCUMENT, &[]));
        assert_eq!(
            said(&policy.notes),
            [
                "Statement[0].Condition: holds for documents, too: where they do not carry the tag, allow `ssm:SendCommand` on them by \
                 a statement of its own",
                "Statement: a right on document `SSM-SessionManagerRunShell` was added: upstream asks for none when a shell is opened \
                 without a document",
            ]
        );
    }
}

#[test]
fn documents_that_are_named_are_held_to_the_tag() {
    let policy = imported(json!({"Statement": [{"Effect": "Allow", "Action": "ssm:StartSession",
        "Resource": ["arn:aws:ec2:*:*:instance/*", "arn:aws:ssm:*:*:document/SSM-SessionManagerRunShell"],
        "Condition": {"StringLike": {"ssm:resourceTag/part": "mine"}}}]}));
    assert!(!opens_shell(&policy, &[("part", "mine")]));
    assert_eq!(
        said(&policy.notes),
        [
            "Statement[0].Condition: holds for documents, too: where they do not carry the tag, allow `ssm:StartSession` on them by a statement of its own"
        ]
    );
}

#[test]
fn a_denial_of_what_does_not_carry_a_tag_is_one_of_nodes() {
    let denied = |action: Json| {
        imported(json!({"Statement": [{"Effect": "Allow", "Action": "ssm:*", "Resource": "*"},
            {"Sid": "Mine", "Effect": "Deny", "Action": action, "Resource": "*",
                "Condition": {"StringNotLike": {"aws:ResourceTag/part": ["mine*"]}, "StringNotEquals": {"aws:username": "root"}}}]}))
    };
    let policy = denied(json!("ssm:StartSession"));
    assert!(opens_shell(&policy, &[("part", "mine-1")]) && !opens_shell(&policy, &[]));
    assert_eq!(policy.policy.statements.len(), 2);
    assert_eq!(
        said(&policy.notes),
        ["Statement[1].Condition: is asked of nodes alone where it denies `ssm:StartSession`: documents do not carry the tags of nodes"]
    );
    let policy = denied(json!(["ssm:startsession", "ssm:GetParameter"]));
    assert!(opens_shell(&policy, &[("part", "mine-1")]) && !opens_shell(&policy, &[]));
    assert!(!may(&policy, "ssm:GetParameter", "parameter", "/a", &[]));
    let wide = denied(json!("ssm:S*"));
    assert!(!opens_shell(&wide, &[("part", "mine-1")]), "a denial stays as wide as it is");
    let words = said(&wide.notes).join("\n");
    assert!(
        words.contains("denies every `ssm:StartSession`") && words.contains("denies every `ssm:SendCommand`"),
        "{words}"
    );
}

#[test]
fn a_tag_that_sessions_cannot_carry_is_no_condition() {
    let policy = imported(
        json!({"Statement": [{"Effect": "Deny", "Action": "ssm:TerminateSession", "Resource": "arn:aws:ssm:*:*:session/*",
        "Condition": {"StringEquals": {"ssm:resourceTag/part": "mine"}}}]}),
    );
    assert_eq!(places(&policy.unsupported), ["Statements[0].Conditions[0]"]);
}

#[test]
fn what_cannot_be_translated_is_named_with_its_place() {
    let policy = imported(json!({"Statement": [
        {"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": ["*", "arn:aws:s3:::bucket/*"],
            "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "StringEquals": {"aws:PrincipalTag/team": "x"}}},
        {"Effect": "Deny", "Action": "ssm:*", "NotResource": "*", "Principal": "*"},
        {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "arn:aws:ssm:*:*:parameter/${aws:PrincipalTag/team}/*"}]}));
    assert_eq!(
        places(&policy.unsupported),
        [
            "Statement[0].Condition.IpAddress.aws:SourceIp",
            "Statement[0].Condition.StringEquals.aws:PrincipalTag/team",
            "Statement[0].Resource",
            "Statement[1].NotResource",
            "Statement[1].Principal",
            "Statement[1].Resource",
            "Statement[2].Resource",
            "Statement[2].Resource",
        ]
    );
    assert!(read(json!("{")).is_err() && read(json!({"Statement": []})).is_err() && read(json!([])).is_err());
    assert!(read(json!({"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}})).is_err());
}

#[test]
fn an_action_that_there_is_nowhere_is_named_and_the_rest_is_read() {
    let policy = imported(json!({"Statement": [
        {"Effect": "Deny", "Action": ["ssm:StartSesion", "ssm:SendCommand", "ssm:Nope", "*:Start*"], "Resource": "*"},
        {"Effect": "Allow", "NotAction": ["ssm:*Sesion", "iam:*"], "Resource": "*"}]}));
    assert_eq!(
        policy.unsupported.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "Statement[0].Action: there is no action `ssm:StartSesion`; did you mean `ssm:StartSession`?",
            "Statement[0].Action: there is no action `ssm:Nope`",
            "Statement[0].Action: `*:Start*` does not say which service it means: write `ssm:…`",
            "Statement[1].NotAction: no action matches `ssm:*Sesion`",
        ]
    );
    assert_eq!(policy.policy.statements[0].actions, ["ssm:SendCommand"]);
    assert_eq!(policy.policy.statements.len(), 2);
}

#[test]
fn of_other_services_that_are_here_too_a_grant_is_left_out_and_nothing_else() {
    let policy = imported(json!({"Statement": [
        {"Effect": "Allow", "Action": ["ssm:SendCommand", "logs:*", "s3:GetObject"], "Resource": "*"},
        {"Effect": "Deny", "Action": ["ssm:GetParameter", "tag:TagResources", "s3:*"], "Resource": "*"},
        {"Effect": "Deny", "NotAction": ["tag:*", "iam:*", "ssm:PutParameter"], "Resource": "*"}]}));
    assert_eq!(
        policy.unsupported.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["Statement[1].Action: `tag:TagResources` is of another service that this hub has: deny it by a policy of its own"]
    );
    assert_eq!(policy.policy.statements[0].actions, ["ssm:SendCommand"]);
    assert_eq!(
        policy.policy.statements[2].not_actions,
        ["tag:*", "ssm:PutParameter", "roadstead:*", "sts:*"]
    );
}

#[test]
fn what_this_hub_has_not_is_kept_for_the_day_it_has() {
    let policy = imported(json!({"Statement": [
        {"Effect": "Allow", "Action": "ssm:*", "Resource": "*"},
        {"Effect": "Deny", "Action": ["ssm:CreateAssociation", "ssm:UpdateInstanceInformation"],
            "Resource": ["arn:aws:ssm:*:*:association/*", "*"]}]}));
    assert_eq!(policy.unsupported, []);
    assert_eq!(
        policy.notes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "Statement[1].Action: this hub has no `ssm:CreateAssociation`, `ssm:UpdateInstanceInformation`: \
             kept, and without effect as long as it is so",
            "Statement[1].Resource: this hub has nothing like `arn:aws:ssm:*:*:association/*`: \
             kept, and without effect as long as it is so",
        ]
    );
    assert!(!may(&policy, "ssm:CreateAssociation", "association", "a", &[]));
}

#[test]
fn a_policy_may_come_as_text() {
    let text = r#"{"Statement": {"Effect": "Allow", "Action": "ssm:Get*", "Resource": "*"}}"#;
    assert_eq!(imported(json!(text)).policy.statements.len(), 1);
}
