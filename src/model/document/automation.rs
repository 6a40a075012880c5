//! The body of runbooks (schema 0.3) as far as it can be judged without running it: names, actions, where steps lead.

use serde_json::{Map, Value};

use super::actions;
use super::checker::{Checker, find};
use super::problem::{Path, Severity, nearest};
use super::text::{Node, Part, to_map};
use super::ways;

/// One step of a runbook; what its members mean is the automation engine's affair.
#[derive(Clone, Debug, PartialEq)]
pub struct AutomationStep {
    pub name: String,
    pub action: String,
    pub members: Map<String, Value>,
}

pub(super) const STEP_MEMBERS: &[&str] = &[
    "name",
    "action",
    "description",
    "inputs",
    "timeoutSeconds",
    "maxAttempts",
    "onFailure",
    "onCancel",
    "isCritical",
    "isEnd",
    "nextStep",
    "outputs",
];
const MAX_STEPS: usize = 500;

pub fn read(checker: &mut Checker, root: &Node) -> Vec<AutomationStep> {
    let Some(node) = checker.required(root, &Path::ROOT, "mainSteps", "it is the list of what the runbook does") else {
        return Vec::new();
    };
    let path = Path::ROOT.key("mainSteps");
    let Some(items) = checker.list(node, &path) else {
        return Vec::new();
    };
    if items.is_empty() || items.len() > MAX_STEPS {
        let count = items.len();
        checker.error(node.at, &path, format!("there are {count} steps; a runbook has 1 to {MAX_STEPS}"));
    }
    let mut steps: Vec<AutomationStep> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let path = path.index(index);
        let Some(step) = read_step(checker, item, &path) else { continue };
        if steps.iter().any(|other| other.name == step.name) {
            checker.error(
                item.at,
                &path,
                format!("the name `{}` occurs twice; every step has one of its own", step.name),
            );
        }
        steps.push(step);
    }
    ways::check(checker, items, &steps);
    steps
}

fn read_step(checker: &mut Checker, node: &Node, path: &Path<'_>) -> Option<AutomationStep> {
    let members = checker.map(node, path)?;
    checker.only_known(members, path, STEP_MEMBERS, Severity::Warning);
    let name = checker.required(node, path, "name", "every step has a name of its own")?;
    let action = checker.required(node, path, "action", "it says what the step does, such as `aws:executeScript`")?;
    let name_text = name.scalar().unwrap_or_default();
    if name_text.is_empty() || !name_text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        checker.error(name.at, &path.key("name"), "a step's name is made of letters, digits and `_`");
    }
    let action_text = checker.text(action, &path.key("action"))?.trim().to_owned();
    if !actions::automation().contains(&action_text.as_str()) {
        let meant = match nearest(&action_text, actions::automation().iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "see the list of automation actions".to_owned(),
        };
        let shown: String = action_text.chars().take(80).collect();
        checker.warn(
            action.at,
            &path.key("action"),
            format!("there is no action `{shown}`, so the step will fail; {meant}"),
        );
    }
    if let Some(inputs) = find(members, "inputs").filter(|inputs| inputs.part != Part::Null) {
        checker.map(inputs, &path.key("inputs"));
    }
    Some(AutomationStep {
        name: name_text,
        action: action_text,
        members: to_map(members),
    })
}
