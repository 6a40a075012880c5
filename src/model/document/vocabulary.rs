//! What the console's editor completes is what documents are judged by: its list of words (`vocabulary.json`) is held against the
//! tables of this folder. Optional inputs of actions stand there alone, because nothing here judges by them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Schema, actions, automation, command, parameters, session};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Vocabulary {
    members: BTreeMap<String, Vec<String>>,
    parameter_members: Vec<String>,
    parameter_types: Vec<String>,
    step_members: BTreeMap<String, Vec<String>>,
    plugin_members: Vec<String>,
    actions: BTreeMap<String, Inputs>,
    runbook_actions: Vec<String>,
    session_types: Vec<String>,
    platforms: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Inputs {
    required: Vec<String>,
    optional: Vec<String>,
}

fn vocabulary() -> Vocabulary {
    serde_json::from_str(include_str!("../../../web/src/capabilities/documents/vocabulary.json")).unwrap()
}

#[test]
fn the_editor_completes_the_members_that_documents_have() {
    let said = vocabulary();
    assert_eq!(said.members.len(), 4);
    for (schema, members) in &said.members {
        let (known, _) = Schema::of(schema).unwrap().members();
        assert_eq!(members, known, "{schema}");
    }
    assert_eq!(said.parameter_members, parameters::MEMBERS);
    let kinds = parameters::ParameterType::NAMED.map(|(name, _)| name);
    assert_eq!(said.parameter_types, kinds);
    assert_eq!(said.plugin_members, command::PLUGIN_MEMBERS);
    assert_eq!(said.session_types, session::TYPES);
    assert_eq!(said.platforms, actions::Platform::ALL.map(actions::Platform::as_str));
}

#[test]
fn the_editor_completes_the_members_of_steps_that_do_something() {
    let said = vocabulary().step_members;
    let with_effect = |member: &&&str| !command::WITHOUT_EFFECT.contains(*member);
    let of_commands: Vec<&str> = command::STEP_MEMBERS.iter().filter(with_effect).copied().collect();
    assert_eq!(said["2.2"], of_commands);
    assert_eq!(said["0.3"], automation::STEP_MEMBERS);
}

#[test]
fn the_editor_completes_every_action_and_what_it_needs() {
    let said = vocabulary();
    assert_eq!(said.runbook_actions, actions::automation());
    assert_eq!(said.actions.len(), actions::names().count());
    for name in actions::names() {
        let (inputs, known) = (&said.actions[name], actions::find(name).unwrap());
        assert_eq!(inputs.required, known.required, "{name}");
        let is_twice = inputs.optional.iter().any(|input| inputs.required.contains(input));
        assert!(!is_twice, "{name}");
    }
}
