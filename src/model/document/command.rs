//! The body of Command documents: `mainSteps` of schema 2.x, `runtimeConfig` of 1.2.

use serde_json::{Map, Value};

use super::Schema;
use super::actions;
use super::checker::{Checker, find};
use super::problem::{Path, Severity, nearest};
use super::substitute::each_text;
use super::text::{Member, Node, Part, to_map};

/// So many that the report of all of them fits into one frame.
pub const MAX_STEPS: usize = 50;
const MAX_STEP_NAME_CHARS: usize = 128;

/// One step as written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepSpec {
    pub name: String,
    pub action: String,
    pub inputs: Map<String, Value>,
    pub precondition: Option<Value>,
    pub timeout_seconds: Option<Value>,
    pub max_attempts: Option<Value>,
    pub on_failure: Option<Value>,
    pub on_success: Option<Value>,
    pub finally_step: Option<Value>,
    pub is_end: Option<Value>,
}

pub(super) const STEP_MEMBERS: &[&str] = &[
    "name",
    "action",
    "inputs",
    "description",
    "precondition",
    "timeoutSeconds",
    "maxAttempts",
    "onFailure",
    "onSuccess",
    "finallyStep",
    "isEnd",
    "settings",
    "nextStep",
    "isCritical",
    "onCancel",
    "outputs",
];
/// Members of runbook steps that Command documents of the field carry without effect.
pub(super) const WITHOUT_EFFECT: &[&str] = &["nextStep", "isCritical", "onCancel", "outputs"];
/// Of a plugin in `runtimeConfig`.
pub(super) const PLUGIN_MEMBERS: &[&str] = &["properties", "settings", "description"];

pub fn read(checker: &mut Checker, root: &Node, schema: Schema) -> Vec<StepSpec> {
    match schema {
        Schema::V1_2 => read_plugins(checker, root),
        _ => read_steps(checker, root, schema),
    }
}

fn read_steps(checker: &mut Checker, root: &Node, schema: Schema) -> Vec<StepSpec> {
    let what = "it is the list of what the document does";
    let Some(node) = checker.required(root, &Path::ROOT, "mainSteps", what) else {
        return Vec::new();
    };
    let path = Path::ROOT.key("mainSteps");
    let Some(items) = checker.list(node, &path) else {
        return Vec::new();
    };
    if items.is_empty() || items.len() > MAX_STEPS {
        let count = items.len();
        checker.error(node.at, &path, format!("there are {count} steps; a document has 1 to {MAX_STEPS}"));
    }
    let mut steps: Vec<StepSpec> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let path = path.index(index);
        let Some(step) = read_step(checker, item, &path, schema) else {
            continue;
        };
        if steps.iter().any(|other| other.name == step.name) {
            checker.error(
                item.at,
                &path,
                format!("the name `{}` occurs twice; every step has one of its own", step.name),
            );
        }
        steps.push(step);
    }
    check_order(checker, items, &steps);
    steps
}

fn read_step(checker: &mut Checker, node: &Node, path: &Path<'_>, schema: Schema) -> Option<StepSpec> {
    let members = checker.map(node, path)?;
    checker.only_known(members, path, STEP_MEMBERS, Severity::Error);
    for member in members.iter().filter(|m| WITHOUT_EFFECT.contains(&m.key.as_str())) {
        checker.warn(
            member.at,
            path,
            format!("`{}` has an effect in runbooks only; here it is ignored", member.key),
        );
    }
    let name = checker.required(node, path, "name", "every step has a name of its own")?;
    let action = checker.required(node, path, "action", "it names the plugin, such as `aws:runShellScript`")?;
    let name_path = path.key("name");
    let name_text = name.scalar().unwrap_or_default();
    if !is_step_name(&name_text) {
        let must = format!("a step's name is made of 1 to {MAX_STEP_NAME_CHARS} letters, digits, `_`, `-`, `.` and `:`");
        checker.error(name.at, &name_path, must);
    }
    let action_text = checker.text(action, &path.key("action"))?.trim().to_owned();
    let inputs = inputs(checker, members, path);
    check_action(checker, &action_text, action, node, path, &inputs);
    let value = |key: &str| find(members, key).map(Node::to_value).filter(|value| !value.is_null());
    let step = StepSpec {
        name: name_text,
        action: action_text,
        inputs,
        precondition: value("precondition"),
        timeout_seconds: value("timeoutSeconds"),
        max_attempts: value("maxAttempts"),
        on_failure: value("onFailure"),
        on_success: value("onSuccess"),
        finally_step: value("finallyStep"),
        is_end: value("isEnd"),
    };
    if let Some(node) = find(members, "precondition") {
        check_precondition(checker, node, &path.key("precondition"), schema);
    }
    Some(step)
}

fn inputs(checker: &mut Checker, members: &[Member], path: &Path<'_>) -> Map<String, Value> {
    let Some(node) = find(members, "inputs").filter(|node| node.part != Part::Null) else {
        return Map::new();
    };
    checker.map(node, &path.key("inputs")).map(to_map).unwrap_or_default()
}

fn check_action(checker: &mut Checker, name: &str, action: &Node, step: &Node, path: &Path<'_>, inputs: &Map<String, Value>) {
    let Some(known) = actions::find(name) else {
        let meant = match nearest(name, actions::names()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("known are: {}", actions::names().collect::<Vec<_>>().join(", ")),
        };
        let shown: String = name.chars().take(80).collect();
        let message = format!("no agent knows the action `{shown}`, so the step will fail; {meant}");
        checker.warn(action.at, &path.key("action"), message);
        return;
    };
    for input in known.required.iter().filter(|input| !inputs.contains_key(**input)) {
        let meant = match nearest(input, inputs.keys().map(String::as_str)) {
            Some(other) => format!(" (`{other}` is there instead)"),
            None => String::new(),
        };
        let at = step.member("inputs").map_or(step.at, |node| node.at);
        checker.warn(
            at,
            &path.key("inputs"),
            format!("`{name}` needs the input `{input}`{meant}, so the step will fail"),
        );
    }
}

/// *Source*: AWS docs, "Schema version 2.2 document: precondition".
fn check_precondition(checker: &mut Checker, node: &Node, path: &Path<'_>, schema: Schema) {
    let Some(members) = checker.map(node, path) else { return };
    if schema != Schema::V2_2 && !members.is_empty() {
        checker.warn(
            node.at,
            path,
            "preconditions are known from schema version 2.2 on, so the step will fail",
        );
    }
    for member in members {
        if member.key != "StringEquals" {
            let message = format!(
                "the operator `{}` does not exist, so the step will fail; use `StringEquals`",
                member.key
            );
            checker.warn(member.at, path, message);
            continue;
        }
        let path = path.key("StringEquals");
        let Some(sides) = checker.list(&member.node, &path) else { continue };
        if sides.len() != 2 || sides.iter().any(|side| side.scalar().is_none()) {
            checker.error(member.node.at, &path, "takes a list of two texts, such as `[platformType, Linux]`");
        }
    }
}

/// What is never reached, and what must come last.
fn check_order(checker: &mut Checker, items: &[Node], steps: &[StepSpec]) {
    let path = Path::ROOT.key("mainSteps");
    let is_true = |value: Option<&Value>| value.is_some_and(|value| super::substitute::as_text(value) == "true");
    let is_finally = |step: &StepSpec| is_true(step.finally_step.as_ref()) || is_true(step.inputs.get("finallyStep"));
    for (index, step) in steps.iter().enumerate() {
        if is_finally(step) && index + 1 != steps.len() {
            checker.error(
                items[index].at,
                &path.index(index),
                "a step with `finallyStep: true` must be the last one",
            );
        }
    }
}

/// `runtimeConfig`: plugin → its properties; one step per entry of `properties`.
fn read_plugins(checker: &mut Checker, root: &Node) -> Vec<StepSpec> {
    let what = "it says which plugins run, such as `aws:runShellScript`";
    let Some(node) = checker.required(root, &Path::ROOT, "runtimeConfig", what) else {
        return Vec::new();
    };
    let path = Path::ROOT.key("runtimeConfig");
    let Some(plugins) = checker.map(node, &path) else {
        return Vec::new();
    };
    let mut steps = Vec::new();
    for plugin in plugins {
        let path = path.key(&plugin.key);
        read_plugin(checker, plugin, &path, &mut steps);
    }
    if steps.is_empty() || steps.len() > MAX_STEPS {
        let count = steps.len();
        checker.error(node.at, &path, format!("there are {count} steps; a document has 1 to {MAX_STEPS}"));
    }
    steps
}

fn read_plugin(checker: &mut Checker, plugin: &Member, path: &Path<'_>, steps: &mut Vec<StepSpec>) {
    let Some(members) = checker.map(&plugin.node, path) else { return };
    checker.only_known(members, path, PLUGIN_MEMBERS, Severity::Warning);
    let path = path.key("properties");
    let properties = find(members, "properties");
    let step = |id: Option<String>, inputs| StepSpec {
        name: id.map_or_else(|| plugin.key.clone(), |id| format!("{}:{id}", plugin.key)),
        action: plugin.key.clone(),
        inputs,
        ..StepSpec::default()
    };
    match properties.map(|node| (&node.part, node)) {
        Some((Part::List(items), _)) => {
            let is_only = items.len() == 1;
            for (index, item) in items.iter().enumerate() {
                let path = path.index(index);
                let Some(members) = checker.map(item, &path) else { continue };
                let id = find(members, "id").and_then(Node::scalar).unwrap_or_else(|| index.to_string());
                let inputs = without_id(members);
                check_action(checker, &plugin.key, item, item, &path, &inputs);
                steps.push(step((!is_only).then_some(id), inputs));
            }
        }
        Some((Part::Map(members), node)) => {
            let inputs = without_id(members);
            check_action(checker, &plugin.key, node, node, &path, &inputs);
            steps.push(step(None, inputs));
        }
        // A text: a reference to a parameter that holds the whole configuration.
        Some((_, node)) => steps.push(step(None, Map::from_iter([("properties".to_owned(), node.to_value())]))),
        None => steps.push(step(None, Map::new())),
    }
}

fn without_id(members: &[Member]) -> Map<String, Value> {
    let mut inputs = to_map(members);
    inputs.remove("id");
    inputs
}

fn is_step_name(name: &str) -> bool {
    (1..=MAX_STEP_NAME_CHARS).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':'))
}

impl StepSpec {
    /// Every text of the step in which a reference is replaced.
    pub fn each_text<'s>(&'s self, see: &mut impl FnMut(&'s str)) {
        self.inputs.values().for_each(|value| each_text(value, see));
        let rest = [
            &self.precondition,
            &self.timeout_seconds,
            &self.max_attempts,
            &self.on_failure,
            &self.on_success,
            &self.finally_step,
            &self.is_end,
        ];
        rest.into_iter().flatten().for_each(|value| each_text(value, see));
    }
}
