//! What is said about a text.

use super::*;

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
fn an_error_behind_many_warnings_is_not_lost() {
    let names: Vec<String> = (0..120).map(|n| format!("p{n}")).collect();
    let unused: serde_json::Map<String, Value> = names
        .iter()
        .map(|name| (name.clone(), json!({"type": "String", "allowedPattern": "("})))
        .collect();
    let content = json!({"schemaVersion": "2.2", "parameters": unused, "mainSteps": []});
    assert!(Document::parse(&content).is_err());
}
