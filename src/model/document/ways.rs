//! Where the steps of a runbook lead: each way must end at a step, and each step should lie on one.
//!
//! *Source*: AWS docs, "Data elements and parameters" (nextStep, isEnd, onFailure, onCancel) and "aws:branch".

use super::automation::AutomationStep;
use super::checker::Checker;
use super::problem::{Path, nearest};
use super::text::{Node, Part, Position};

/// `items` are the steps as they were written.
pub fn check(checker: &mut Checker, items: &[Node], steps: &[AutomationStep]) {
    let path = Path::ROOT.key("mainSteps");
    let mut map: Vec<Vec<usize>> = Vec::with_capacity(items.len());
    let mut is_certain = steps.len() == items.len();
    for (index, item) in items.iter().enumerate() {
        let path = path.index(index);
        let mut ends = Vec::new();
        each_way(item, &path, &mut |at, path, target| {
            let end = steps.iter().position(|step| step.name == target);
            is_certain &= end.is_some();
            ends.extend(end);
            if end.is_none() && !target.contains("{{") {
                let meant = nearest(target, steps.iter().map(|step| step.name.as_str()));
                let meant = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
                checker.error(at, path, format!("there is no step `{target}`{meant}"));
            }
        });
        if goes_on(item) {
            ends.push(index + 1);
        }
        map.push(ends);
        check_end(checker, item, &path);
    }
    if is_certain {
        warn_of_unreached(checker, items, steps, &map);
    }
}

/// Every name of a step that this one may go on with.
fn each_way(step: &Node, path: &Path<'_>, see: &mut dyn FnMut(Position, &Path<'_>, &str)) {
    let mut member = |node: Option<&Node>, path: &Path<'_>, key: &str, mark: Option<&str>| {
        let Some(node) = node.and_then(|node| node.member(key)) else {
            return;
        };
        let target = node.as_text().and_then(|text| match mark {
            Some(mark) => text.rsplit_once(mark).map(|(_, name)| name.trim()),
            None => Some(text),
        });
        if let Some(target) = target {
            see(node.at, &path.key(key), target);
        }
    };
    member(Some(step), path, "nextStep", None);
    member(Some(step), path, "onFailure", Some("step:"));
    member(Some(step), path, "onCancel", Some("step:"));
    if !is_branch(step) {
        return;
    }
    let inputs = step.member("inputs");
    let path = path.key("inputs");
    member(inputs, &path, "Default", None);
    if let Some(Part::List(choices)) = inputs.and_then(|inputs| inputs.member("Choices")).map(|choices| &choices.part) {
        let path = path.key("Choices");
        for (index, choice) in choices.iter().enumerate() {
            member(Some(choice), &path.index(index), "NextStep", None);
        }
    }
}

fn is_branch(step: &Node) -> bool {
    step.member("action")
        .and_then(Node::as_text)
        .is_some_and(|action| action.trim() == "aws:branch")
}

fn is_end(step: &Node) -> bool {
    step.member("isEnd")
        .and_then(Node::scalar)
        .is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

/// Whether the step below may be next. A branch of which no choice fits goes on, too, unless it has a `Default`.
fn goes_on(step: &Node) -> bool {
    let has_default = is_branch(step) && step.member("inputs").is_some_and(|inputs| inputs.member("Default").is_some());
    !is_end(step) && step.member("nextStep").is_none() && !has_default
}

fn check_end(checker: &mut Checker, step: &Node, path: &Path<'_>) {
    if let Some(next) = step.member("nextStep").filter(|_| is_end(step)) {
        let message = "the step says `isEnd: true`, so nothing follows it; leave out one of the two";
        checker.warn(next.at, &path.key("nextStep"), message);
    }
}

fn warn_of_unreached(checker: &mut Checker, items: &[Node], steps: &[AutomationStep], map: &[Vec<usize>]) {
    let mut is_reached = vec![false; items.len()];
    let mut to_see = vec![0];
    while let Some(index) = to_see.pop() {
        if index < items.len() && !std::mem::replace(&mut is_reached[index], true) {
            to_see.extend(&map[index]);
        }
    }
    let path = Path::ROOT.key("mainSteps");
    for (index, step) in steps.iter().enumerate().filter(|(index, _)| !is_reached[*index]) {
        let message = format!("no way leads to the step `{}`, so it never runs", step.name);
        checker.warn(items[index].at, &path.index(index), message);
    }
}

#[cfg(test)]
mod tests {
    use crate::model::document::text::{Format, parse};
    use crate::model::document::{Document, Severity};

    /// What is said about a runbook with these steps.
    fn said(steps: &str) -> Vec<String> {
        let text = format!("schemaVersion: '0.3'\nmainSteps:\n{steps}");
        let reading = Document::read(&parse(&text, Format::Yaml).unwrap());
        let is_usable = reading.problems.iter().all(|problem| problem.severity == Severity::Warning);
        assert_eq!(reading.document.is_some(), is_usable);
        reading.problems.iter().map(ToString::to_string).collect()
    }

    const CHOICES: &str = "inputs: {Choices: [{NextStep: b, Variable: x, StringEquals: y}";

    #[test]
    fn a_way_leads_to_a_step_that_is_there() {
        let ask = format!("- {{name: ask, action: aws:branch, {CHOICES}, {{NextStep: missing}}], Default: bb}}}}\n");
        let wrong = said(&(ask + "- {name: b, action: aws:sleep, onFailure: 'Abort, step:c'}\n"));
        assert_eq!(
            wrong,
            [
                "line 3, column 110, at `mainSteps[0].inputs.Choices[1].NextStep`: there is no step `missing`",
                "line 3, column 130, at `mainSteps[0].inputs.Default`: there is no step `bb`; did you mean `b`?",
                "line 4, column 43, at `mainSteps[1].onFailure`: there is no step `c`; did you mean `b`?",
            ]
        );
    }

    #[test]
    fn a_step_to_which_no_way_leads_is_named() {
        let unreached = |steps: &str| -> Vec<String> {
            let names = |text: String| text.split('`').nth(3).unwrap().to_owned();
            said(steps)
                .into_iter()
                .filter(|text| text.contains("no way leads"))
                .map(names)
                .collect()
        };
        let sleep = |name: &str, more: &str| format!("- {{name: {name}, action: aws:sleep{more}}}\n");
        let jump = sleep("a", ", nextStep: c") + &sleep("b", "") + &sleep("c", "");
        assert_eq!(unreached(&jump), ["b"]);
        let end = sleep("a", ", isEnd: 'true', onFailure: step:c") + &sleep("b", "") + &sleep("c", "");
        assert_eq!(unreached(&end), ["b"]);
        let branch = |default: &str| format!("- {{name: a, action: aws:branch, {CHOICES}]{default}}}}}\n");
        let steps = sleep("c", ", isEnd: true") + &sleep("b", "");
        assert!(unreached(&(branch("") + &steps)).is_empty(), "no choice may fit");
        assert_eq!(unreached(&(branch(", Default: b") + &steps)), ["c"]);
        let chosen = sleep("a", ", nextStep: '{{ where }}'") + &sleep("b", "");
        assert!(unreached(&chosen).is_empty(), "nobody knows before it runs");
    }

    #[test]
    fn an_end_has_nothing_behind_it() {
        let said = said("- {name: a, action: aws:sleep, isEnd: true, nextStep: b}\n- {name: b, action: aws:sleep}\n");
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("line 3") && said[0].contains("`isEnd: true`"), "{said:?}");
    }
}
