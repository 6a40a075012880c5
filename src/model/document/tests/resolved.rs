//! What becomes of a document with values.

use super::*;

#[test]
fn a_reference_that_is_the_whole_value_keeps_its_type() {
    let content = document(
        json!({"lines": {"type": "StringList"}, "on": {"type": "Boolean"}}),
        json!({"runCommand": "{{ lines }}", "flag": "{{on}}", "text": "is {{ on }}: {{ lines }}"}),
    );
    let resolved = bound(&content, &[("lines", &["a", "b"]), ("on", &["true"])]).unwrap();
    let inputs = &resolved.steps[0].inputs;
    assert_eq!(inputs["runCommand"], json!(["a", "b"]));
    assert_eq!(inputs["flag"], json!(true));
    assert_eq!(inputs["text"], json!(r#"is true: ["a","b"]"#));
}

#[test]
fn an_environment_parameter_reaches_the_script_as_a_variable_only() {
    let content = document(
        json!({"who": {"type": "String", "interpolationType": "ENV_VAR"}}),
        json!({"runCommand": ["echo \"{{ who }}\""], "workingDirectory": "{{ who }}"}),
    );
    let resolved = bound(&content, &[("who", &["$(reboot)"])]).unwrap();
    assert_eq!(resolved.steps[0].inputs["runCommand"], json!(["echo \"${SSM_who}\""]));
    assert_eq!(resolved.steps[0].inputs["workingDirectory"], json!("$(reboot)"));
    assert_eq!(resolved.environment["SSM_who"], "$(reboot)");
}

#[test]
fn a_value_that_looks_like_a_reference_is_not_expanded() {
    let content = document(
        json!({"a": {"type": "String"}, "b": {"type": "String"}}),
        json!({"runCommand": ["{{a}} {{ .Names }}"]}),
    );
    let resolved = bound(&content, &[("a", &["{{ b }}"]), ("b", &["no"])]).unwrap();
    assert_eq!(resolved.steps[0].inputs["runCommand"], json!(["{{ b }} {{ .Names }}"]));
}

#[test]
fn what_stands_outside_the_document_is_put_in_from_what_was_looked_up() {
    let content = document(
        json!({"port": {"type": "String", "default": "{{ssm:/web/port}}"}, "host": {"type": "String"}}),
        json!({"runCommand": ["{{ host }}:{{ port }} {{ global:DATE }}"]}),
    );
    let given = given(&[("host", &["{{ ssm:host:2 }}"])]);
    let parsed = Document::parse(&content).unwrap();
    let wanted: Vec<String> = wanted_references(&parsed, &given).into_iter().collect();
    assert_eq!(wanted, ["global:DATE", "ssm:/web/port", "ssm:host:2"]);
    let refused = parsed.resolve(&given, &References::new()).unwrap_err().to_string();
    assert_eq!(refused, "`{{global:DATE}}` is not resolved here");
    let references = wanted.into_iter().map(|name| (name.clone(), format!("<{name}>"))).collect();
    let resolved = parsed.resolve(&given, &references).unwrap();
    assert_eq!(
        resolved.steps[0].inputs["runCommand"],
        json!(["<ssm:host:2>:<ssm:/web/port> <global:DATE>"])
    );
}

#[test]
fn what_was_looked_up_is_judged_as_a_callers_value_is() {
    let content = document(
        json!({"port": {"type": "String", "allowedPattern": "[0-9]+", "default": "{{ssm:/web/port}}"}}),
        json!({"runCommand": ["listen {{ port }}"]}),
    );
    let parsed = Document::parse(&content).unwrap();
    let resolve = |stored: &str| {
        parsed.resolve(
            &GivenParameters::new(),
            &References::from([("ssm:/web/port".into(), stored.into())]),
        )
    };
    assert_eq!(resolve("80").unwrap().steps[0].inputs["runCommand"], json!(["listen 80"]));
    let refused = resolve("80; reboot").unwrap_err().to_string();
    assert!(
        refused.contains("parameter `port`") && refused.contains("does not match"),
        "{refused}"
    );
}

#[test]
fn a_time_out_outside_the_limits_is_refused_by_name() {
    for wrong in [json!(0), json!("172801"), json!("soon"), json!([1])] {
        let content = document(json!({}), json!({"runCommand": ["true"], "timeoutSeconds": wrong}));
        let refused = bound(&content, &[]).unwrap_err().to_string();
        assert!(refused.starts_with("step `one` has the `timeoutSeconds`"), "{refused}");
    }
    for (given, seconds) in [(json!("60"), 60), (json!(60.0), 60), (json!(null), 3600), (json!(""), 3600)] {
        let content = document(
            json!({}),
            json!({"runCommand": ["true"], "timeoutSeconds": given, "maxAttempts": null}),
        );
        assert_eq!(bound(&content, &[]).unwrap().steps[0].timeout.as_secs(), seconds);
    }
    let beside = with_step(
        json!({}),
        json!({"action": "aws:x", "name": "a", "timeoutSeconds": 5, "maxAttempts": "3"}),
    );
    let step = bound(&beside, &[]).unwrap().steps.remove(0);
    assert_eq!((step.timeout.as_secs(), step.max_attempts), (5, 3));
}

#[test]
fn flow_is_read_beside_the_inputs_and_among_them() {
    let step = |value: Value| bound(&with_step(json!({}), value), &[]).unwrap().steps.remove(0);
    let among = step(json!({"action": "aws:x", "name": "a",
        "inputs": {"onFailure": "exit", "onSuccess": "exit", "finallyStep": true, "k": 1}}));
    assert_eq!(
        (among.on_failure, among.exits_on_success, among.is_finally),
        (OnFailure::Exit, true, true)
    );
    assert_eq!(among.inputs, json!({"k": 1}).as_object().unwrap().clone());
    let beside = step(json!({"action": "aws:x", "name": "a", "onFailure": "successAndExit", "isEnd": "true"}));
    assert_eq!((beside.on_failure, beside.is_end), (OnFailure::SuccessAndExit, true));
    assert_eq!(
        step(json!({"action": "aws:x", "name": "a", "onFailure": "Abort"})).on_failure,
        OnFailure::Exit
    );
    assert_eq!(step(json!({"action": "aws:x", "name": "a"})).on_failure, OnFailure::Continue);
}

#[test]
fn preconditions_compare_the_platform_and_parameters() {
    let verdict = |precondition: Value| {
        let parameters = json!({"mode": {"type": "String", "default": "fast"}});
        let content = with_step(
            parameters,
            json!({"action": "aws:runShellScript", "name": "a", "precondition": precondition}),
        );
        bound(&content, &[]).unwrap().steps.remove(0).verdict
    };
    assert_eq!(verdict(json!({"StringEquals": ["platformType", "Linux"]})), Verdict::Run);
    assert_eq!(verdict(json!({"StringEquals": ["Linux", "platformType"]})), Verdict::Run);
    assert_eq!(verdict(json!({"StringEquals": ["{{ mode }}", "fast"]})), Verdict::Run);
    let skipped = "Step execution skipped due to unsatisfied preconditions: '\"StringEquals\": [platformType, Windows]'. Step name: a";
    assert_eq!(
        verdict(json!({"StringEquals": ["platformType", "Windows"]})),
        Verdict::Skip(skipped.into())
    );
    for sides in [
        ["platformType", "platformType"],
        ["{{ platformType }}", "platformType"],
        ["platformType", "{{ mode }}"],
        ["{{ mode }}", "{{ mode }}"],
        ["a", "a"],
        ["a", "b"],
    ] {
        assert!(matches!(verdict(json!({ "StringEquals": sides })), Verdict::Fail(_)), "{sides:?}");
    }
    assert!(matches!(verdict(json!({"StringEquals": ["{{ mode }}", "slow"]})), Verdict::Skip(_)));
    assert!(matches!(verdict(json!({"StringLike": ["a", "b"]})), Verdict::Fail(why) if why.contains("`StringLike`")));
}

#[test]
fn a_plugin_of_another_platform_is_skipped_in_2_2_and_fails_before() {
    let mut newer = with_step(json!({}), json!({"action": "aws:psModule", "name": "a", "inputs": {"source": "x"}}));
    let verdict = |content: &Value| bound(content, &[]).unwrap().steps.remove(0).verdict;
    let skipped = Verdict::Skip("Step execution skipped due to unsupported plugin: aws:psModule. Step name: a".into());
    assert_eq!(verdict(&newer), skipped);
    // Whatever its precondition says.
    newer["mainSteps"][0]["precondition"] = json!({"StringEquals": ["platformType", "Linux"]});
    assert_eq!(verdict(&newer), skipped);
    let failed = Verdict::Fail("Plugin with name aws:psModule is not supported in current platform. Step name: a".into());
    for version in ["2.0", "2.0.3"] {
        newer["schemaVersion"] = json!(version);
        assert_eq!(verdict(&newer), failed, "{version}");
    }
    let older = json!({"schemaVersion": "1.2", "runtimeConfig": {"aws:psModule": {"properties": [{"id": "0", "source": "x"}]}}});
    assert!(matches!(bound(&older, &[]).unwrap().steps[0].verdict, Verdict::Fail(_)));
}

#[test]
fn a_precondition_fails_the_step_before_2_2_and_an_empty_one_says_nothing() {
    let step = json!({"action": "aws:runShellScript", "name": "a", "inputs": {"runCommand": ["id"]},
        "precondition": {"StringEquals": ["platformType", "Linux"]}});
    let mut content = with_step(json!({}), step);
    content["schemaVersion"] = json!("2.0");
    let verdict = |content: &Value| bound(content, &[]).unwrap().steps.remove(0).verdict;
    let failed = "Precondition is not supported for document schema version prior to 2.2. Step name: a";
    assert_eq!(verdict(&content), Verdict::Fail(failed.into()));
    let said = Document::read(&Node::from_value(&content)).problems;
    assert!(
        said.iter().any(|problem| problem.message.contains("from schema version 2.2 on")),
        "{said:?}"
    );
    content["mainSteps"][0]["precondition"] = json!({});
    assert_eq!(verdict(&content), Verdict::Run);
}

#[test]
fn plugins_of_schema_1_2_become_steps() {
    let content = json!({
        "schemaVersion": "1.2",
        "description": "two plugins",
        "parameters": {"commands": {"type": "StringList"}},
        "runtimeConfig": {
            "aws:runShellScript": {"properties": [
                {"id": "0.aws:runShellScript", "runCommand": "{{ commands }}", "timeoutSeconds": "7"},
                {"id": "second", "runCommand": ["id"]}
            ]},
            "aws:softwareInventory": {"properties": {"applications": "Enabled"}}
        }
    });
    let resolved = bound(&content, &[("commands", &["uptime"])]).unwrap();
    let names: Vec<&str> = resolved.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "aws:runShellScript:0.aws:runShellScript",
            "aws:runShellScript:second",
            "aws:softwareInventory"
        ]
    );
    assert_eq!(resolved.steps[0].inputs["runCommand"], json!(["uptime"]));
    assert_eq!(resolved.steps[0].timeout.as_secs(), 7);
    let one = json!({"schemaVersion": "1.2", "runtimeConfig": {"aws:runShellScript": {"properties": [{"id": "0", "runCommand": ["id"]}]}}});
    assert_eq!(bound(&one, &[]).unwrap().steps[0].name, "aws:runShellScript");
}

#[test]
fn platforms_follow_plugins_and_preconditions() {
    let platforms = |content: Value| {
        let document = Document::parse(&content).unwrap();
        document.platforms().iter().map(|p| p.as_str()).collect::<Vec<_>>().join(" ")
    };
    let step = |action: &str| with_step(json!({}), json!({"action": action, "name": "a", "inputs": {"runCommand": ["x"]}}));
    assert_eq!(platforms(step("aws:runShellScript")), "Linux MacOS");
    assert_eq!(platforms(step("aws:runPowerShellScript")), "Windows Linux MacOS");
    assert_eq!(platforms(step("aws:applications")), "Windows");
    let mut only = step("aws:runPowerShellScript");
    only["mainSteps"][0]["precondition"] = json!({"StringEquals": ["platformType", "Windows"]});
    assert_eq!(platforms(only), "Windows");
    assert_eq!(
        platforms(json!({"schemaVersion": "0.3", "mainSteps": [{"name": "a", "action": "aws:sleep"}]})),
        "Windows Linux MacOS"
    );
}

#[test]
fn a_runbook_is_no_command() {
    let runbook = json!({"schemaVersion": "0.3", "mainSteps": [{"name": "a", "action": "aws:sleep"}]});
    assert!(
        bound(&runbook, &[])
            .unwrap_err()
            .to_string()
            .contains("schema version `0.3` is not run as a command")
    );
}
