//! What a document may say and better would not: above all, text of a caller put into a shell.

use std::collections::BTreeSet;

use serde_json::Value;

use super::checker::Checker;
use super::problem::{Path, nearest};
use super::substitute;
use super::text::{Node, Part, Position};
use super::{Body, Document, actions};

pub fn check(checker: &mut Checker, document: &Document, root: &Node) {
    let Body::Command(steps) = &document.body else { return };
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for (index, step) in steps.iter().enumerate() {
        step.each_text(&mut |text| used.extend(substitute::references(text)));
        if matches!(step.action.as_str(), actions::SHELL | actions::POWERSHELL) {
            check_script(checker, document, index, &step.inputs, root);
        }
    }
    check_references(checker, document, &used, root);
}

/// A caller who may fill in such a parameter may run anything.
fn check_script(checker: &mut Checker, document: &Document, index: usize, inputs: &serde_json::Map<String, Value>, root: &Node) {
    let Some(script) = inputs.get("runCommand") else { return };
    let lines: Vec<&str> = match script {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().map(|item| item.as_str().unwrap_or_default()).collect(),
        _ => return,
    };
    let mut told = BTreeSet::new();
    for (number, line) in lines.iter().enumerate() {
        // A parameter that *is* the script has no other way in.
        if substitute::sole_reference(line).is_some() {
            continue;
        }
        for name in substitute::references(line) {
            let Some(spec) = document.parameters.get(name) else { continue };
            let is_bounded = spec.is_environment || spec.allowed_pattern.is_some() || !spec.allowed_values.is_empty();
            let is_text = matches!(
                spec.kind,
                super::ParameterType::String
                    | super::ParameterType::StringList
                    | super::ParameterType::StringMap
                    | super::ParameterType::MapList
            );
            if is_text && !is_bounded && told.insert(name) {
                let steps = Path::ROOT.key("mainSteps");
                let step = steps.index(index);
                let at = place_of_line(root, index, number);
                checker.warn(
                    at,
                    &step.key("inputs").key("runCommand"),
                    format!(
                        "`{{{{ {name} }}}}` is put into the script as text, so its value can be a command; give the parameter `interpolationType: ENV_VAR` or an `allowedPattern`"
                    ),
                );
            }
        }
    }
}

fn place_of_line(root: &Node, index: usize, number: usize) -> Position {
    let script = root.member("mainSteps").and_then(|steps| match &steps.part {
        Part::List(items) => items.get(index)?.member("inputs")?.member("runCommand"),
        _ => None,
    });
    match script.map(|node| (&node.part, node.at)) {
        Some((Part::List(lines), at)) => lines.get(number).map_or(at, |line| line.at),
        Some((_, at)) => at,
        None => Position::default(),
    }
}

fn check_references(checker: &mut Checker, document: &Document, used: &BTreeSet<&str>, root: &Node) {
    let block = root.member("parameters");
    let path = Path::ROOT.key("parameters");
    for (name, _) in document.parameters.iter().filter(|(name, _)| !used.contains(name)) {
        let is_used_in_defaults = document.parameters.iter().any(|(_, spec)| {
            let mut found = false;
            if let Some(default) = &spec.default {
                substitute::each_text(default, &mut |text| {
                    found |= substitute::references(text).any(|other| other == name)
                });
            }
            found
        });
        if !is_used_in_defaults {
            let at = block.and_then(|node| node.member(name)).map_or(Position::default(), |node| node.at);
            checker.warn(at, &path.key(name), "no step uses this parameter");
        }
    }
    let has_prefix = |name: &str| name.contains(':') || name == "platformType";
    for name in used
        .iter()
        .filter(|name| document.parameters.get(name).is_none() && !has_prefix(name))
    {
        let meant = match nearest(name, document.parameters.names()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "it stays in the text as it is written".to_owned(),
        };
        let at = root.member("mainSteps").map_or(Position::default(), |node| node.at);
        checker.warn(
            at,
            &Path::ROOT.key("mainSteps"),
            format!("`{{{{ {name} }}}}` names no parameter; {meant}"),
        );
    }
}
