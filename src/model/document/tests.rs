//! The language as its authors meet it: what is said about a document, and what becomes of it with values.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::text::parse;
use super::*;

fn given(pairs: &[(&str, &[&str])]) -> GivenParameters {
    pairs
        .iter()
        .map(|(k, v)| ((*k).into(), v.iter().map(|s| (*s).into()).collect()))
        .collect()
}

fn bound(content: &Value, pairs: &[(&str, &[&str])]) -> Result<Resolved, DocumentError> {
    check(content, &given(pairs), &References::new())
}

fn document(parameters: Value, inputs: Value) -> Value {
    with_step(parameters, json!({"action": "aws:runShellScript", "name": "one", "inputs": inputs}))
}

fn with_step(parameters: Value, step: Value) -> Value {
    json!({"schemaVersion": "2.2", "parameters": parameters, "mainSteps": [step]})
}

/// Everything that is said about a text.
fn said(yaml: &str) -> String {
    let reading = match parse(yaml, Format::Yaml) {
        Ok(node) => Document::read(&node),
        Err(problem) => return problem.to_string(),
    };
    let lines: Vec<String> = reading.problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[test]
fn a_finding_names_line_column_path_and_remedy() {
    let text = "schemaVersion: '2.2'\nmainSteps:\n- name: one\n  acton: aws:runShellScript\n  inputs:\n    runCommand: [id]\n";
    assert_eq!(
        said(text),
        "line 3, column 3, at `mainSteps[0]`: `action` is missing: it names the plugin, such as `aws:runShellScript`\n\
         line 4, column 3, at `mainSteps[0]`: `acton` has no meaning here; did you mean `action`?"
    );
}

#[test]
fn every_kind_of_fault_is_found_and_says_what_would_be_right() {
    for (text, expected) in [
        ("[1]", "must be a map, not a list"),
        ("a: 1", "`schemaVersion` is missing"),
        (
            "schemaVersion: '9'",
            "schema version `9` does not exist: use 0.3, 1.0, 1.2, 2.0 or 2.2",
        ),
        ("schemaVersion: 2.2", "`mainSteps` is missing"),
        ("schemaVersion: 2.2\nmainSteps: []", "there are 0 steps"),
        ("schemaVersion: 2.2\nmainSteps: {}", "must be a list, not a map"),
        ("schemaVersion: 2.2\nmainStep: []", "did you mean `mainSteps`?"),
        (
            "schemaVersion: 2.2\nmainSteps: [{name: a, action: aws:x}, {name: a, action: aws:y}]",
            "`a` occurs twice",
        ),
        (
            "schemaVersion: 2.2\nmainSteps: [{name: a b, action: aws:x}]",
            "a step's name is made of",
        ),
        (
            "schemaVersion: 2.2\nmainSteps: [{name: a, action: aws:runShellscript}]",
            "did you mean `aws:runShellScript`?",
        ),
        (
            "schemaVersion: 2.2\nmainSteps: [{name: a, action: aws:runShellScript, inputs: {commands: [a]}}]",
            "needs the input `runCommand`",
        ),
        (
            "schemaVersion: 2.2\nmainSteps: [{name: a, action: aws:runShellScript, inputs: [a]}]",
            "at `mainSteps[0].inputs`: must be a map, not a list",
        ),
        (
            "schemaVersion: 2.2\nmainSteps: [{name: a, action: aws:x, precondition: {StringEquals: [a]}}]",
            "takes a list of two texts",
        ),
        (
            "schemaVersion: 2.2\nmainSteps: [{name: a, action: aws:x, precondition: {Equals: [a, b]}}]",
            "the operator `Equals` does not exist",
        ),
        (
            "schemaVersion: 2.2\nmainSteps: [{name: a, action: aws:x, finallyStep: true}, {name: b, action: aws:x}]",
            "must be the last one",
        ),
        ("schemaVersion: '1.2'", "`runtimeConfig` is missing"),
        ("schemaVersion: '1.2'\nruntimeConfig: {}", "there are 0 steps"),
        ("schemaVersion: '1.0'", "`sessionType` is missing"),
        ("schemaVersion: '1.0'\nsessionType: Shell", "`Shell` is no session type"),
        (
            "schemaVersion: '1.0'\nsessionType: Standard_Stream\ninputs: {idleSessionTimeout: 61}",
            "a number of minutes from 1 to 60",
        ),
        (
            "schemaVersion: '0.3'\nmainSteps: [{name: a-b, action: aws:sleep}]",
            "letters, digits and `_`",
        ),
        (
            "schemaVersion: '0.3'\nmainSteps: [{name: a, action: aws:sleep, nextStep: c}, {name: b, action: aws:sleep}]",
            "there is no step `c`",
        ),
        (
            "schemaVersion: '0.3'\nmainSteps: [{name: a, action: aws:executeAPI}]",
            "there is no action `aws:executeAPI`",
        ),
    ] {
        let said = said(text);
        assert!(said.contains(expected), "{text}\n→ {said}");
    }
}

#[test]
fn text_put_into_a_shell_is_warned_about_where_it_stands() {
    let text = |extra: &str| {
        format!(
            "schemaVersion: '2.2'\nparameters:\n  who:\n    type: String\n{extra}mainSteps:\n- name: one\n  action: aws:runShellScript\n  inputs:\n    runCommand:\n    - true\n    - echo {{{{ who }}}}\n"
        )
    };
    let warned = said(&text(""));
    assert!(
        warned.starts_with("line 11, column 7, at `mainSteps[0].inputs.runCommand`: `{{ who }}` is put into the script"),
        "{warned}"
    );
    assert_eq!(said(&text("    interpolationType: ENV_VAR\n")), "");
    assert_eq!(said(&text("    allowedPattern: '[a-z]+'\n")), "");
}

#[test]
fn unused_and_unknown_names_are_warned_about() {
    let text = "schemaVersion: '2.2'\nparameters:\n  name: {type: String, interpolationType: ENV_VAR}\nmainSteps:\n- {name: a, action: aws:runShellScript, inputs: {runCommand: ['echo {{ nam }}']}}\n";
    let said = said(text);
    assert!(said.contains("no step uses this parameter"), "{said}");
    assert!(said.contains("`{{ nam }}` names no parameter; did you mean `name`?"), "{said}");
}

#[test]
fn an_unknown_name_is_found_where_it_stands() {
    let yaml = "schemaVersion: '2.2'\nmainSteps:\n- name: a\n  action: aws:runShellScript\n  inputs:\n    runCommand:\n    - |\n      id\n      echo {{ nam }}\n    workingDirectory: /{{ dir }}\n";
    let lines = "line 9, column 12, at `mainSteps[0].inputs.runCommand[0]`: `{{ nam }}` names no parameter; it stays in the text as it is written\n\
        line 10, column 23, at `mainSteps[0].inputs.workingDirectory`: `{{ dir }}` names no parameter; it stays in the text as it is written";
    assert_eq!(said(yaml), lines);
    let older = "schemaVersion: '1.2'\nparameters:\n  x: {type: String}\nruntimeConfig:\n  aws:runShellScript:\n    properties:\n    - id: a\n      runCommand: ['echo {{ x }}']\n";
    assert!(
        said(older).starts_with("line 8, column 20, at `runtimeConfig.aws:runShellScript.properties[0].runCommand`: `{{ x }}` is put"),
        "{}",
        said(older)
    );
}

#[test]
fn a_variable_in_single_quotes_is_warned_about() {
    let text = |script: &str| {
        format!(
            "schemaVersion: '2.2'\nparameters:\n  who: {{type: String, interpolationType: ENV_VAR}}\nmainSteps:\n- name: one\n  action: aws:runShellScript\n  inputs:\n    runCommand:\n    - true\n    - {script}\n"
        )
    };
    let warned = said(&text("\"echo '{{ who }}'\""));
    assert!(
        warned.starts_with("line 10, column 7, at `mainSteps[0].inputs.runCommand`: `{{ who }}` stands in single quotes"),
        "{warned}"
    );
    assert_eq!(said(&text("echo \"{{ who }}\" {{ who }}")), "");
    // What begins in one item of the list goes on in the next.
    assert!(said(&text("\"echo 'it\"\n    - \"{{ who }}'\"")).starts_with("line 11, column 7"));
}

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
fn an_error_behind_many_warnings_is_not_lost() {
    let names: Vec<String> = (0..120).map(|n| format!("p{n}")).collect();
    let unused: serde_json::Map<String, Value> = names
        .iter()
        .map(|name| (name.clone(), json!({"type": "String", "allowedPattern": "("})))
        .collect();
    let content = json!({"schemaVersion": "2.2", "parameters": unused, "mainSteps": []});
    assert!(Document::parse(&content).is_err());
}

#[test]
fn a_time_out_outside_the_limits_is_refused_by_name() {
    for wrong in [json!(0), json!("172801"), json!("soon"), json!([1])] {
        let content = document(json!({}), json!({"runCommand": ["true"], "timeoutSeconds": wrong}));
        let refused = bound(&content, &[]).unwrap_err().to_string();
        assert!(refused.starts_with("step `one` has the `timeoutSeconds`"), "{refused}");
    }
    let content = document(json!({}), json!({"runCommand": ["true"], "timeoutSeconds": "60"}));
    assert_eq!(bound(&content, &[]).unwrap().steps[0].timeout.as_secs(), 60);
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

/// Documents as they are met in the field, and inputs that once were trouble: all are read without a panic, and the good ones
/// without an error.
#[test]
fn the_corpus_is_read() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/documents");
    let mut count = 0;
    for folder in ["good", "bad"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            let reading = parse(&text, text::guess(&text)).map(|node| Document::read(&node));
            match folder {
                "good" => {
                    let reading = reading.unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
                    assert!(reading.document.is_some(), "{}: {:?}", path.display(), reading.problems);
                }
                _ => assert!(reading.is_err() || reading.unwrap().document.is_none(), "{}", path.display()),
            }
            count += 1;
        }
    }
    assert!(count >= 12, "the corpus has only {count} files");
}

fn any_step() -> impl Strategy<Value = Value> {
    let action = prop_oneof![Just("aws:runShellScript"), Just("aws:runDocument"), Just("aws:none")];
    (
        action,
        "[a-z]{1,6}",
        proptest::collection::btree_map("[a-zA-Z]{1,12}", any_input(), 0..5),
    )
        .prop_map(|(action, name, inputs)| json!({"action": action, "name": name, "inputs": inputs}))
}

fn any_input() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i32>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        r"[a-z{} $]{0,20}".prop_map(Value::from),
        proptest::collection::vec(r"\{\{ ?[a-c] ?\}\}|[a-z ]{0,9}", 0..4).prop_map(Value::from),
    ]
}

proptest! {
    /// A document means the same in JSON, in YAML and as a value.
    #[test]
    fn a_document_means_the_same_in_every_format(steps in proptest::collection::vec(any_step(), 1..4), text in "[ -~é日]{0,30}") {
        let content = json!({"schemaVersion": "2.2", "description": text, "mainSteps": steps});
        let plain = Document::read(&Node::from_value(&content));
        let json = Document::read(&parse(&content.to_string(), Format::Json).unwrap());
        let yaml = Document::read(&parse(&serde_saphyr::to_string(&content).unwrap(), Format::Yaml).unwrap());
        prop_assert_eq!(&plain.document, &json.document);
        prop_assert_eq!(&plain.document, &yaml.document);
        let messages = |reading: &Reading| {
            let mut all: Vec<String> = reading.problems.iter().map(|p| p.message.clone()).collect();
            all.sort();
            all
        };
        prop_assert_eq!(messages(&plain), messages(&json));
    }

    /// Whatever the caller gives, no environment parameter's value ever stands in a script.
    #[test]
    fn an_environment_value_never_stands_in_a_script(value in r"[a-z$`;]{6,20}") {
        let content = document(
            json!({"a": {"type": "String", "interpolationType": "ENV_VAR"}}),
            json!({"runCommand": ["echo {{a}} and {{ a }}", "{{ a }}"]}),
        );
        let resolved = bound(&content, &[("a", &[&value])]).unwrap();
        prop_assert!(!resolved.steps[0].inputs["runCommand"].to_string().contains(&value));
        prop_assert_eq!(&resolved.environment["SSM_a"], &value);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in r"(schemaVersion: '(2.2|1.2|0.3|1.0)'\n)?((mainSteps|parameters|runtimeConfig|inputs|properties|a):( \[a\]| \{a: \{\}\}| x|\n( )*- name: a\n| *)\n){0,8}") {
        if let Ok(node) = parse(&text, Format::Yaml) {
            let _ = Document::read(&node);
        }
    }
}
