//! What a Command document may say and better would not: above all, text of a caller put into a shell.

use std::collections::BTreeSet;

use super::checker::Checker;
use super::problem::{Path, nearest};
use super::substitute::{self, Found};
use super::text::{Node, Part, Position};
use super::{Body, Document, ParameterType, actions, script};

/// The members of a step in which references are replaced.
const REPLACED: &[&str] = &[
    "inputs",
    "precondition",
    "timeoutSeconds",
    "maxAttempts",
    "onFailure",
    "onSuccess",
    "finallyStep",
    "isEnd",
];

pub fn check(checker: &mut Checker, document: &Document, root: &Node) {
    let Body::Command(_) = &document.body else { return };
    each_inputs(root, &mut |action, inputs, path| {
        if let Some(script) = inputs.member("runCommand")
            && matches!(action, actions::SHELL | actions::POWERSHELL)
        {
            let lines = lines(script);
            let path = path.key("runCommand");
            check_script(checker, document, &lines, &path);
            if action == actions::SHELL {
                check_quotes(checker, document, &lines, &path);
            }
        }
    });
    check_references(checker, document, root);
}

/// Calls `see` with each step's action and inputs as they were written.
fn each_inputs<'n>(root: &'n Node, see: &mut dyn FnMut(&'n str, &'n Node, &Path<'_>)) {
    let path = Path::ROOT.key("mainSteps");
    for (index, step) in items(root.member("mainSteps")).iter().enumerate() {
        if let (Some(action), Some(inputs)) = (step.member("action").and_then(Node::as_text), step.member("inputs")) {
            see(action.trim(), inputs, &path.index(index).key("inputs"));
        }
    }
    let path = Path::ROOT.key("runtimeConfig");
    let Some(Part::Map(plugins)) = root.member("runtimeConfig").map(|node| &node.part) else {
        return;
    };
    for plugin in plugins {
        let path = path.key(&plugin.key);
        let path = path.key("properties");
        match plugin.node.member("properties") {
            Some(list @ Node { part: Part::List(_), .. }) => {
                let each = items(Some(list)).iter().enumerate();
                each.for_each(|(index, inputs)| see(&plugin.key, inputs, &path.index(index)));
            }
            Some(inputs) => see(&plugin.key, inputs, &path),
            None => {}
        }
    }
}

fn items(node: Option<&Node>) -> &[Node] {
    match node.map(|node| &node.part) {
        Some(Part::List(items)) => items,
        _ => &[],
    }
}

fn lines(script: &Node) -> Vec<&Node> {
    match &script.part {
        Part::List(items) => items.iter().collect(),
        _ => vec![script],
    }
}

/// A caller who may fill in such a parameter may run anything.
fn check_script(checker: &mut Checker, document: &Document, lines: &[&Node], path: &Path<'_>) {
    let mut told = BTreeSet::new();
    for line in lines {
        let text = line.as_text().unwrap_or_default();
        // A parameter that *is* the script has no other way in.
        if substitute::sole_reference(text).is_some() {
            continue;
        }
        for found in substitute::found(text) {
            let name = found.name;
            let Some(spec) = document.parameters.get(name) else { continue };
            let is_bounded = spec.is_environment || spec.allowed_pattern.is_some() || !spec.allowed_values.is_empty();
            let is_text = !matches!(spec.kind, ParameterType::Boolean | ParameterType::Integer);
            if is_text && !is_bounded && told.insert(name) {
                checker.warn(
                    line.place_of(found.start),
                    path,
                    format!(
                        "`{{{{ {name} }}}}` is put into the script as text, so its value can be a command; give the parameter `interpolationType: ENV_VAR` or an `allowedPattern`"
                    ),
                );
            }
        }
    }
}

/// A variable between single quotes is its name and nothing more.
fn check_quotes(checker: &mut Checker, document: &Document, lines: &[&Node], path: &Path<'_>) {
    let variables = document.parameters.iter().filter(|(_, spec)| spec.is_environment);
    let variables: BTreeSet<String> = variables.map(|(name, _)| name.to_owned()).collect();
    let texts: Vec<&str> = lines.iter().map(|line| line.as_text().unwrap_or_default()).collect();
    let script = texts.join("\n");
    let mut told = BTreeSet::new();
    for found in script::unexpanded(&script, &variables) {
        if told.insert(found.name) {
            let message = format!(
                "`{{{{ {} }}}}` stands in single quotes, where the shell replaces no variable, so the script gets the variable's name and not its value; use double quotes",
                found.name
            );
            checker.warn(place_in(lines, found.start), path, message);
        }
    }
}

/// The place of a byte of the lines' common text.
fn place_in(lines: &[&Node], offset: usize) -> Position {
    let mut left = offset;
    for line in lines {
        let length = line.as_text().unwrap_or_default().len();
        if left <= length {
            return line.place_of(left);
        }
        left -= length + 1;
    }
    Position::default()
}

fn check_references(checker: &mut Checker, document: &Document, root: &Node) {
    let mut used: BTreeSet<&str> = BTreeSet::new();
    each_reference(root, &mut |node, path, found| {
        let name = found.name;
        let is_known = document.parameters.get(name).is_some() || name.contains(':') || name == "platformType";
        if used.insert(name) && !is_known {
            let meant = match nearest(name, document.parameters.names()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "it stays in the text as it is written".to_owned(),
            };
            let message = format!("`{{{{ {name} }}}}` names no parameter; {meant}");
            checker.warn(node.place_of(found.start), path, message);
        }
    });
    check_unused(checker, document, &used, root);
}

fn check_unused(checker: &mut Checker, document: &Document, used: &BTreeSet<&str>, root: &Node) {
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
}

/// Calls `see` with each reference of the steps, the text that it stands in and the way there.
fn each_reference<'n>(root: &'n Node, see: &mut dyn FnMut(&'n Node, &Path<'_>, Found<'n>)) {
    let path = Path::ROOT.key("mainSteps");
    for (index, step) in items(root.member("mainSteps")).iter().enumerate() {
        let path = path.index(index);
        for key in REPLACED {
            if let Some(node) = step.member(key) {
                each_reference_in(node, &path.key(key), see);
            }
        }
    }
    each_inputs(root, &mut |_, inputs, path| {
        if root.member("mainSteps").is_none() {
            each_reference_in(inputs, path, see);
        }
    });
}

fn each_reference_in<'n>(node: &'n Node, path: &Path<'_>, see: &mut dyn FnMut(&'n Node, &Path<'_>, Found<'n>)) {
    match &node.part {
        Part::Text(text) => substitute::found(text).for_each(|found| see(node, path, found)),
        Part::List(items) => {
            let each = items.iter().enumerate();
            each.for_each(|(index, item)| each_reference_in(item, &path.index(index), see));
        }
        Part::Map(members) => {
            let each = members.iter();
            each.for_each(|member| each_reference_in(&member.node, &path.key(&member.key), see));
        }
        _ => {}
    }
}
