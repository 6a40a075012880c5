//! What a Command document may say and better would not: above all, text of a caller put into a shell.

use std::collections::BTreeSet;

use super::checker::Checker;
use super::problem::{Path, nearest};
use super::resolve::{self, MAX_ATTEMPTS, MAX_TIMEOUT_SECONDS};
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
        check_numbers(checker, inputs, path);
        check_interpolation(checker, inputs, path);
        if let Some(script) = script_of(action, inputs) {
            let lines = lines(script);
            let path = path.key("runCommand");
            check_lines(checker, &lines, &path);
            check_script(checker, document, &lines, &path);
            if action == actions::SHELL {
                check_quotes(checker, document, &lines, &path);
            }
        }
    });
    let path = Path::ROOT.key("mainSteps");
    let steps = items(root.member("mainSteps")).iter().enumerate();
    steps.for_each(|(index, step)| check_numbers(checker, step, &path.index(index)));
    check_references(checker, document, root);
    check_defaults(checker, document, root);
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

fn script_of<'n>(action: &str, inputs: &'n Node) -> Option<&'n Node> {
    let script = inputs.member("runCommand")?;
    matches!(action, actions::SHELL | actions::POWERSHELL).then_some(script)
}

fn lines(script: &Node) -> Vec<&Node> {
    match &script.part {
        Part::List(items) => items.iter().collect(),
        _ => vec![script],
    }
}

/// What is written there and can never be, so that nobody can run the document.
fn check_numbers(checker: &mut Checker, members: &Node, path: &Path<'_>) {
    for (key, most) in [("timeoutSeconds", MAX_TIMEOUT_SECONDS), ("maxAttempts", u64::from(MAX_ATTEMPTS))] {
        let Some(node) = members.member(key) else { continue };
        let text = node.scalar().unwrap_or_default();
        let number = resolve::whole_number(&node.to_value());
        if !text.is_empty() && !text.contains("{{") && !number.is_some_and(|number| (1..=most).contains(&number)) {
            let message = format!("must be a whole number from 1 to {most}; with `{text}` no command can be sent");
            checker.warn(node.at, &path.key(key), message);
        }
    }
}

fn check_interpolation(checker: &mut Checker, inputs: &Node, path: &Path<'_>) {
    if let Some(node) = inputs.member("interpolationType") {
        let message = "does nothing here: it belongs into the declaration of each parameter that is to be a variable";
        checker.warn(node.at, &path.key("interpolationType"), message);
    }
}

/// YAML makes a map of `echo a: b`.
fn check_lines(checker: &mut Checker, lines: &[&Node], path: &Path<'_>) {
    for (index, line) in lines.iter().enumerate() {
        let remedy = match line.part {
            Part::Map(_) => "; in YAML a line with `: ` in it needs quotes",
            Part::List(_) => "",
            _ => continue,
        };
        let message = format!("a line must be a text, not {}, so the step will fail{remedy}", line.kind());
        checker.warn(line.at, &path.index(index), message);
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
    let declared = root.member("parameters");
    each_reference(root, &mut |node, path, found| {
        let name = found.name;
        // One that is declared wrongly has been told of already.
        let is_declared = declared.is_some_and(|parameters| parameters.member(name).is_some());
        let is_known = is_declared || name.contains(':') || name == "platformType";
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
    for (name, spec) in document.parameters.iter().filter(|(name, _)| !used.contains(name)) {
        if !(spec.is_environment && is_variable_read(root, &resolve::environment_name(name))) {
            let at = block.and_then(|node| node.member(name)).map_or(Position::default(), |node| node.at);
            checker.warn(at, &path.key(name), "no step uses this parameter");
        }
    }
}

/// Scripts may read a variable by its own name, without a reference.
fn is_variable_read(root: &Node, variable: &str) -> bool {
    let mut is_read = false;
    let is_sign = |c: char| c.is_ascii_alphanumeric() || c == '_';
    each_inputs(root, &mut |action, inputs, _| {
        let lines = script_of(action, inputs).map(lines).unwrap_or_default();
        is_read |= lines.iter().filter_map(|line| line.as_text()).any(|text| {
            let mut places = text.match_indices(variable);
            places.any(|(at, _)| !text[..at].ends_with(is_sign) && !text[at + variable.len()..].starts_with(is_sign))
        });
    });
    is_read
}

/// One parameter's default cannot be made of another's value.
fn check_defaults(checker: &mut Checker, document: &Document, root: &Node) {
    let path = Path::ROOT.key("parameters");
    for (name, spec) in document.parameters.iter() {
        let mut other = None;
        if let Some(default) = &spec.default {
            substitute::each_text(default, &mut |text| {
                let mut declared = substitute::references(text).filter(|name| document.parameters.get(name).is_some());
                other = other.or_else(|| declared.next());
            });
        }
        let default = root.member("parameters").and_then(|node| node.member(name)?.member("default"));
        if let (Some(other), Some(default)) = (other, default) {
            let message = format!("`{{{{ {other} }}}}` stays as it is written: a default is made of no other parameter");
            checker.warn(default.at, &path.key(name).key("default"), message);
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
