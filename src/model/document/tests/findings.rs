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
        (
            "schemaVersion: '0.3'\nmainSteps: [{Name: a, action: aws:sleep}]",
            "`name` is missing (`Name` is there instead): every step",
        ),
        (
            "schemaVersion: 2.2\nmainSteps: [{name: a, action: aws:x, timeoutSeconds: '0'}]",
            "at `mainSteps[0].timeoutSeconds`: must be a whole number from 1 to 172800; with `0` no command can be sent",
        ),
        (
            "schemaVersion: '1.2'\nruntimeConfig: {aws:x: {properties: {timeoutSeconds: 200000}}}",
            "at `runtimeConfig.aws:x.properties.timeoutSeconds`: must be a whole number from 1 to 172800",
        ),
        (
            "schemaVersion: 2.2\nmainSteps: [{name: a, action: aws:x, inputs: {maxAttempts: 1.5}}]",
            "at `mainSteps[0].inputs.maxAttempts`: must be a whole number from 1 to 100",
        ),
        (
            "schemaVersion: 2.2\nmainSteps:\n- name: a\n  action: aws:runShellScript\n  inputs:\n    runCommand:\n    - id\n    - echo Found: one",
            "line 8, column 7, at `mainSteps[0].inputs.runCommand[1]`: a line must be a text, not a map, so the step will fail; in YAML a line with `: `",
        ),
        (
            "schemaVersion: 2.2\nmainSteps: [{name: a, action: aws:runShellScript, inputs: {runCommand: [id], interpolationType: ENV_VAR}}]",
            "at `mainSteps[0].inputs.interpolationType`: does nothing here",
        ),
        (
            "schemaVersion: 2.2\nparameters:\n  a: {type: String, default: x}\n  b: {type: StringList, default: [y, '{{ a }}']}\nmainSteps: [{name: a, action: aws:x, inputs: {b: '{{ b }}'}}]",
            "line 4, column 34, at `parameters.b.default`: `{{ a }}` stays as it is written",
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
fn a_variable_that_a_script_reads_by_its_name_is_used() {
    let text = |line: &str| {
        format!(
            "schemaVersion: '2.2'\nparameters:\n  who: {{type: String, interpolationType: ENV_VAR}}\nmainSteps:\n- name: a\n  action: aws:runShellScript\n  inputs:\n    runCommand:\n    - id\n    - '{line}'\n"
        )
    };
    for line in ["echo $SSM_who", "test \"${SSM_who:?}\" = x"] {
        assert_eq!(said(&text(line)), "", "{line}");
    }
    for line in ["echo $SSM_whom", "echo $MY_SSM_who", "echo who"] {
        assert!(said(&text(line)).contains("no step uses this parameter"), "{line}");
    }
}

#[test]
fn lines_and_numbers_as_yaml_reads_them_are_no_fault() {
    let text = "schemaVersion: '2.2'\nmainSteps:\n- name: a\n  action: aws:runShellScript\n  maxAttempts: '{{ssm:tries}}'\n  inputs:\n    timeoutSeconds: 60.0\n    runCommand:\n    - true\n    -\n    - 5\n- {name: b, action: aws:runShellScript, inputs: {timeoutSeconds: '', maxAttempts: , runCommand: id}}\n";
    assert_eq!(said(text), "");
}

#[test]
fn what_a_change_template_says_is_known_there_and_nowhere_else() {
    let template = "schemaVersion: '0.3'\ntemplateInformation: why\nexecutableRunBooks: [{name: Restart, version: '1'}]\nemergencyChange: false\nautoApprovable: true\nmainSteps: [{name: a, action: aws:approve}]\n";
    assert_eq!(said(template), "");
    let runbook = "schemaVersion: '0.3'\ntemplateInformation: why\nmainSteps: [{name: a, action: aws:sleep}]\n";
    assert!(said(runbook).contains("`templateInformation` has no meaning here"));
}

#[test]
fn a_parameter_of_a_wrong_type_is_told_of_once() {
    let text = "schemaVersion: '2.2'\nparameters: {a: {type: string}}\nmainSteps: [{name: a, action: aws:runShellScript, inputs: {runCommand: 'echo {{ a }}'}}]\n";
    assert_eq!(
        said(text),
        "line 2, column 24, at `parameters.a.type`: `string` is no type: did you mean `String`?"
    );
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
