//! `{{ssm-secure:NAME}}`: what only the node that runs a document learns, for that run alone.
//!
//! Whoever resolves a document leaves these references as they were written; the hub never puts a secret into an order. A
//! script gets a variable in place of the reference ([`super::script`]), every other input keeps it, and the processes of the
//! step find the value in their environment ([`variable`]). So no script, no file and no argument holds it.
//!
//! *Invariant*: only what the document and its sender wrote is a reference. A looked-up text that looks like one is refused
//! ([`super::DocumentError::Smuggled`]), and what falls together from pieces is not among the wanted names.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{
    Body, Document, GivenParameters, ParameterError, ParameterType, References, Resolved, actions, parameters, script, substitute,
};
use super::{DocumentError, resolve};
use crate::base::Secret;

const PREFIX: &str = "ssm-secure:";
/// A run that needs more than this is a program with a configuration of its own.
pub const MAX_SECRETS: usize = 50;
/// A variable of a process holds no more than 128 KiB; one value may stand in several.
pub const MAX_VALUE_BYTES: usize = 32 * 1024;

/// Where a step may name a secret. Everything else would show it: in a process list, in a folder's name, in a report.
///
/// Differs: upstream takes such references in downloads and inner documents only; here scripts may have them too, as variables.
const PLACES: &[(&str, &str)] = &[
    (actions::SHELL, "runCommand"),
    (actions::POWERSHELL, "runCommand"),
    ("aws:downloadContent", "sourceInfo"),
    (RUN_DOCUMENT, "documentParameters"),
];
/// The plugin whose processes need what inner documents name.
pub const RUN_DOCUMENT: &str = "aws:runDocument";

/// Values by what stands between the braces: `ssm-secure:/app/password:3`.
pub type Secrets = BTreeMap<String, Secret<String>>;

/// The parameter that a reference names, with its version or label; `None` for what is no such reference.
pub fn parameter_of(reference: &str) -> Option<&str> {
    reference.strip_prefix(PREFIX)
}

pub fn is_secret(reference: &str) -> bool {
    reference.starts_with(PREFIX)
}

/// The variable in which a step's processes find it. No two references share one, `/db` and `db` excepted, which are the same.
pub fn variable(reference: &str) -> String {
    let name = parameter_of(reference).unwrap_or(reference);
    let mut out = "SSM_SECURE_".to_owned();
    for byte in name.strip_prefix('/').unwrap_or(name).bytes() {
        match byte {
            b'/' => out.push_str("__"),
            byte if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            byte => out.push_str(&format!("_{byte:02X}")),
        }
    }
    out
}

/// The names of secrets in a text.
pub fn names_in(text: &str) -> impl Iterator<Item = &str> {
    substitute::references(text).filter(|name| is_secret(name))
}

fn is_in(text: &str) -> bool {
    names_in(text).next().is_some()
}

/// Whether one of a caller's texts holds a secret, so that only the node can judge it.
pub(super) fn are_in(texts: &[String]) -> bool {
    texts.iter().any(|text| is_in(text))
}

/// The text with every known secret in its place.
pub fn fill(text: &str, secrets: &Secrets) -> Zeroizing<String> {
    Zeroizing::new(substitute::filled(text, &|name| {
        secrets.get(name).map(|value| value.expose().as_str())
    }))
}

/// The same in every text of a value.
pub fn fill_value(value: &Value, secrets: &Secrets) -> Value {
    match value {
        Value::String(text) => Value::String(std::mem::take(&mut *fill(text, secrets))),
        Value::Array(items) => items.iter().map(|item| fill_value(item, secrets)).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| (key.clone(), fill_value(value, secrets)))
            .collect(),
        other => other.clone(),
    }
}

/// Every secret that a run of this needs: of its steps, and of the enclosed documents (in JSON) when a step runs documents.
pub fn wanted<'d>(resolved: &Resolved, enclosed: impl Iterator<Item = &'d String>) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = resolved.steps.iter().flat_map(|step| step.secrets.iter().cloned()).collect();
    let runs = |step: &resolve::Step| step.action == RUN_DOCUMENT && step.verdict == resolve::Verdict::Run;
    if resolved.steps.iter().any(runs) {
        names.extend(of_enclosed(enclosed));
    }
    names
}

/// What enclosed documents name by themselves; whatever cannot be read names nothing and fails when it is run.
pub fn of_enclosed<'d>(enclosed: impl Iterator<Item = &'d String>) -> BTreeSet<String> {
    let parsed = enclosed.filter_map(|json| Document::parse(&serde_json::from_str(json).ok()?).ok());
    let names = parsed.flat_map(|document| resolve::wanted_references(&document, &GivenParameters::new()));
    names.filter(|name| is_secret(name)).collect()
}

/// Judges the parameters that hold secrets as they are with the values: patterns and limits hold for them, too.
///
/// *Errors*: never with the value in the text.
pub fn judge(document: &Document, given: &GivenParameters, references: &References, secrets: &Secrets) -> Result<(), ParameterError> {
    let outside = |name: &str| references.get(name).cloned().map(Value::String);
    for (name, spec) in document.parameters.iter() {
        if !matches!(spec.kind, ParameterType::String | ParameterType::StringList) {
            continue;
        }
        let texts = match (given.get(name), &spec.default) {
            (Some(texts), _) => texts.clone(),
            (None, Some(default)) => parameters::texts(default),
            (None, None) => continue,
        };
        if !are_in(&texts) {
            continue;
        }
        let whole = |text: &String| std::mem::take(&mut *fill(&resolve::replaced(text, &outside), secrets));
        let filled = Zeroizing::new(texts.iter().map(whole).collect::<Vec<String>>());
        spec.judge_filled(&filled).map_err(|_| ParameterError {
            name: name.to_owned(),
            problem: "is not what the document allows (pattern, values or length) once its secret is filled in".into(),
        })?;
    }
    Ok(())
}

/// What a step needs of secrets, and how it gets them.
#[derive(Debug, Default)]
pub(super) struct Use {
    pub names: BTreeSet<String>,
    /// Variable → the reference, in braces, whose value it is to have.
    pub variables: BTreeMap<String, String>,
}

/// Looks at a step's inputs, in which everything else is replaced, and puts variables into its script.
///
/// *Errors*: a secret where none may stand.
pub(super) fn place(step: &str, action: &str, inputs: &mut Map<String, Value>, known: &BTreeSet<String>) -> Result<Use, DocumentError> {
    let mut used = Use::default();
    if known.is_empty() {
        return Ok(used);
    }
    for (member, value) in inputs.iter_mut() {
        let names = known_in(value, known);
        let Some(first) = names.iter().next() else { continue };
        if !PLACES.contains(&(action, member.as_str())) {
            return Err(misplaced(first, step, member));
        }
        if member == "runCommand" {
            // What is no script fails when it is to be run.
            let Some(script) = script::text_of(value) else { continue };
            let text = script::with_variables(action, &script, known).map_err(|why| DocumentError::SecretInScript {
                reference: first.clone(),
                step: step.to_owned(),
                why,
            })?;
            *value = Value::String(text);
        }
        used.names.extend(names);
    }
    used.variables = used.names.iter().map(|name| (variable(name), format!("{{{{{name}}}}}"))).collect();
    Ok(used)
}

/// *Errors*: a secret in what decides about a step.
pub(super) fn refuse_in(step: &str, member: &str, value: Option<&Value>, known: &BTreeSet<String>) -> Result<(), DocumentError> {
    match value.and_then(|value| known_in(value, known).into_iter().next()) {
        Some(name) => Err(misplaced(&name, step, member)),
        None => Ok(()),
    }
}

fn misplaced(reference: &str, step: &str, member: &str) -> DocumentError {
    DocumentError::SecretPlace {
        reference: reference.to_owned(),
        step: step.to_owned(),
        member: member.to_owned(),
    }
}

pub(super) fn known_in(value: &Value, known: &BTreeSet<String>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    substitute::each_text(value, &mut |text| {
        names.extend(names_in(text).filter(|name| known.contains(*name)).map(str::to_owned));
    });
    names
}

/// The secrets that a document and its caller name.
pub(super) fn named(document: &Document, given: &GivenParameters) -> BTreeSet<String> {
    match document.body {
        Body::Command(_) => resolve::wanted_references(document, given)
            .into_iter()
            .filter(|name| is_secret(name))
            .collect(),
        _ => BTreeSet::new(),
    }
}

/// A script as its plugin would join it.
#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    use crate::model::document::check;

    fn secrets(pairs: &[(&str, &str)]) -> Secrets {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), Secret::new((*value).to_owned()));
        pairs.iter().map(pair).collect()
    }

    fn given(pairs: &[(&str, &str)]) -> GivenParameters {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()]))
            .collect()
    }

    fn document(parameters: Value, action: &str, inputs: Value) -> Value {
        json!({"schemaVersion": "2.2", "parameters": parameters, "mainSteps": [{"name": "one", "action": action, "inputs": inputs}]})
    }

    fn resolved(content: &Value, values: &[(&str, &str)]) -> Result<Resolved, String> {
        check(content, &given(values), &References::new()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_script_gets_a_variable_and_the_step_says_what_it_needs() {
        let content = document(
            json!({}),
            "aws:runShellScript",
            json!({"runCommand": ["a", "login {{ ssm-secure:/app/pass:3 }}"]}),
        );
        let resolved = resolved(&content, &[]).unwrap();
        let step = &resolved.steps[0];
        assert_eq!(step.inputs["runCommand"], "a\nlogin \"${SSM_SECURE_app__pass_3A3}\"");
        assert_eq!(step.secrets, BTreeSet::from(["ssm-secure:/app/pass:3".to_owned()]));
        assert_eq!(step.variables["SSM_SECURE_app__pass_3A3"], "{{ssm-secure:/app/pass:3}}");
    }

    #[test]
    fn a_callers_value_may_name_one_and_reaches_script_and_variable_by_name_only() {
        let parameters =
            json!({"line": {"type": "String"}, "pass": {"type": "String", "interpolationType": "ENV_VAR", "allowedPattern": "[a-z]+"}});
        let content = document(parameters, "aws:runShellScript", json!({"runCommand": "{{line}}; use {{pass}}"}));
        let values = [("line", "x '{{ssm-secure:/a}}'"), ("pass", "{{ssm-secure:/b}}")];
        let resolved = resolved(&content, &values).unwrap();
        assert_eq!(resolved.steps[0].inputs["runCommand"], "x ''\"${SSM_SECURE_a}\"''; use ${SSM_pass}");
        assert_eq!(resolved.environment["SSM_pass"], "{{ssm-secure:/b}}");
        assert_eq!(resolved.steps[0].secrets.len(), 2);
        let parsed = Document::parse(&content).unwrap();
        let judged = |value| {
            judge(
                &parsed,
                &given(&values),
                &References::new(),
                &secrets(&[("ssm-secure:/b", value), ("ssm-secure:/a", "x")]),
            )
        };
        assert!(judged("good").is_ok());
        // A secret that looks like a reference to one is judged as it is.
        for wrong in ["B-A-D", "{{ssm-secure:/b}}"] {
            let refused = judged(wrong).unwrap_err().to_string();
            assert!(refused.contains("`pass`") && !refused.contains(wrong), "{refused}");
        }
        let nothing = judge(&parsed, &given(&values), &References::new(), &Secrets::new());
        assert!(nothing.is_err(), "a hub that gives no secret gives no leave");
    }

    #[test]
    fn a_secrets_name_that_falls_together_from_pieces_is_none() {
        let parameters = json!({"unit": {"type": "String", "allowedPattern": "[a-z]+", "default": "{{ssm:/x}}{{ssm:/y}}"}});
        let content = document(parameters, "aws:runShellScript", json!({"runCommand": "restart {{unit}}"}));
        let pieces = [("ssm:/x", "{{ssm-"), ("ssm:/y", "secure:/a}}; id")];
        let pieces: References = pieces.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        for values in [&[][..], &[("unit", "{{ssm-{{ssm:/y}}")]] {
            let refused = check(&content, &given(values), &pieces).unwrap_err();
            assert!(refused.to_string().contains("`{{ssm-secure:/a}}` is not resolved"), "{refused}");
        }
    }

    #[test]
    fn a_secret_stands_only_where_nothing_shows_it() {
        let reference = "{{ssm-secure:/a}}";
        for (action, inputs) in [
            ("aws:runShellScript", json!({"runCommand": "true", "workingDirectory": reference})),
            ("aws:runShellScript", json!({"runCommand": "true", "timeoutSeconds": reference})),
            ("aws:runDockerAction", json!({"action": "Run", "env": [reference]})),
            (
                "aws:downloadContent",
                json!({"sourceType": "HTTP", "sourceInfo": {}, "destinationPath": reference}),
            ),
            ("aws:runDocument", json!({"documentType": "SSMDocument", "documentPath": reference})),
        ] {
            let refused = resolved(&document(json!({}), action, inputs), &[]).unwrap_err();
            assert!(refused.contains("`{{ssm-secure:/a}}`") && refused.contains("`one`"), "{refused}");
        }
        for (action, inputs) in [
            (
                "aws:downloadContent",
                json!({"sourceType": "HTTP", "sourceInfo": {"password": reference}}),
            ),
            (
                "aws:runDocument",
                json!({"documentType": "SSMDocument", "documentPath": "x", "documentParameters": {"a": reference}}),
            ),
        ] {
            let resolved = resolved(&document(json!({}), action, inputs.clone()), &[]).unwrap();
            assert_eq!(
                (resolved.steps[0].secrets.len(), &Value::Object(resolved.steps[0].inputs.clone())),
                (1, &inputs)
            );
        }
        let mut content = document(json!({}), "aws:runShellScript", json!({"runCommand": "true"}));
        content["mainSteps"][0]["precondition"] = json!({"StringEquals": ["a", reference]});
        assert!(resolved(&content, &[]).unwrap_err().contains("`precondition`"));
    }

    #[test]
    fn a_step_that_is_left_out_needs_nothing() {
        let content = document(json!({}), "aws:psModule", json!({"source": "{{ssm-secure:/a}}"}));
        assert!(resolved(&content, &[]).unwrap().steps[0].secrets.is_empty());
    }

    #[test]
    fn no_looked_up_text_becomes_a_reference() {
        let content = document(
            json!({}),
            "aws:runShellScript",
            json!({"runCommand": "echo {{ssm:/plain}} {{ssm-secure:/a}}"}),
        );
        let stored = References::from([("ssm:/plain".to_owned(), "{{ssm-secure:/a}}".to_owned())]);
        let refused = check(&content, &given(&[]), &stored).unwrap_err().to_string();
        assert!(refused.contains("`{{ssm:/plain}}`"), "{refused}");
        // What falls together from pieces names nothing.
        let content = document(
            json!({"n": {"type": "String"}}),
            "aws:runShellScript",
            json!({"runCommand": "echo {{ssm-secure:{{n}}}}"}),
        );
        let resolved = resolved(&content, &[("n", "/a")]).unwrap();
        assert!(resolved.steps[0].secrets.is_empty());
        assert_eq!(resolved.steps[0].inputs["runCommand"], "echo {{ssm-secure:/a}}");
    }

    #[test]
    fn inner_documents_are_looked_into_when_one_is_run() {
        let inner = document(
            json!({"p": {"type": "String", "default": "{{ssm-secure:/d}}"}}),
            "aws:runShellScript",
            json!({"runCommand": "{{ssm-secure:/i}}"}),
        );
        let enclosed = [inner.to_string(), "no document".to_owned()];
        let outer = |action: &str| {
            document(
                json!({}),
                action,
                json!({"documentType": "SSMDocument", "documentPath": "x", "sourceType": "SSMDocument", "sourceInfo": "{}"}),
            )
        };
        let names = |action| wanted(&resolved(&outer(action), &[]).unwrap(), enclosed.iter()).len();
        assert_eq!((names("aws:runDocument"), names("aws:downloadContent")), (2, 0));
    }

    proptest! {
        #[test]
        fn two_names_never_share_a_variable(a in "[a-zA-Z0-9_./:-]{1,8}", b in "[a-zA-Z0-9_./:-]{1,8}") {
            let bare = |text: &str| text.strip_prefix('/').unwrap_or(text).to_owned();
            let name = |text: &str| variable(&format!("{PREFIX}{text}"));
            prop_assert_eq!(name(&a) == name(&b), bare(&a) == bare(&b));
            prop_assert!(name(&a).bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
        }

        #[test]
        fn what_is_filled_in_is_never_read_again(value in r"[{} a-z:/-]{0,30}") {
            let known = secrets(&[("ssm-secure:/a", &value)]);
            let filled = fill("<{{ssm-secure:/a}}{{ssm-secure:/b}}>", &known);
            prop_assert_eq!(filled.as_str(), format!("<{value}{{{{ssm-secure:/b}}}}>"));
        }
    }
}
