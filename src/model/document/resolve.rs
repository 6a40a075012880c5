//! A document bound to values: what is to be run, step by step, on one platform.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, Value};

use super::actions::{self, Platform};
use super::command::StepSpec;
use super::{Body, Document, DocumentError, GivenParameters, ParameterError, Schema, parameters, secrets, substitute};
use crate::model::parameter::{ParameterKey, Reference};

/// How long a step may run when nothing says otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3600);
/// The longest execution time-out, upstream's.
pub const MAX_TIMEOUT_SECONDS: u64 = 172_800;
pub(super) const MAX_ATTEMPTS: u32 = 100;

/// What stands behind `{{ssm:…}}` and `{{global:…}}`, by the name inside the braces.
pub type References = BTreeMap<String, String>;

/// A document whose references are replaced, secrets excepted ([`super::secrets`]): what is to be run.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    pub steps: Vec<Step>,
    /// Parameters with `interpolationType: ENV_VAR`, as `SSM_<name>`.
    pub environment: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub name: String,
    /// `aws:runShellScript` …
    pub action: String,
    pub inputs: Map<String, Value>,
    pub timeout: Duration,
    pub max_attempts: u32,
    pub on_failure: OnFailure,
    /// The following steps are left out when this one succeeds.
    pub exits_on_success: bool,
    /// Runs in any case, last.
    pub is_finally: bool,
    /// The following steps are left out whatever comes of this one.
    pub is_end: bool,
    pub verdict: Verdict,
    /// The secrets that its processes need, by what stands between the braces.
    pub secrets: BTreeSet<String>,
    /// Variables that are to have secrets as their values: the reference, in braces.
    pub variables: BTreeMap<String, String>,
}

/// What a step's failure means for the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// The next steps run all the same; the document has failed.
    Continue,
    /// The next steps are left out.
    Exit,
    /// The same, and the step counts as a success.
    SuccessAndExit,
}

/// Whether a step is to be run at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Run,
    Skip(String),
    Fail(String),
}

impl Step {
    /// A step without anything special, for what is not made from a document.
    pub fn plain(name: &str, action: &str, inputs: Map<String, Value>) -> Self {
        Self {
            name: name.to_owned(),
            action: action.to_owned(),
            inputs,
            timeout: DEFAULT_TIMEOUT,
            max_attempts: 1,
            on_failure: OnFailure::Continue,
            exits_on_success: false,
            is_finally: false,
            is_end: false,
            verdict: Verdict::Run,
            secrets: BTreeSet::new(),
            variables: BTreeMap::new(),
        }
    }
}

/// The references that somebody else must look up before [`Document::resolve`]: `ssm:…`, `ssm-secure:…`, `global:…`.
pub fn wanted_references(document: &Document, given: &GivenParameters) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut see = |text: &str| names.extend(substitute::references(text).filter(|name| is_outside(name)).map(str::to_owned));
    if let Body::Command(steps) = &document.body {
        steps.iter().for_each(|step| step.each_text(&mut see));
    }
    for (name, spec) in document.parameters.iter() {
        match (given.get(name), &spec.default) {
            (Some(texts), _) => texts.iter().for_each(|text| see(text)),
            (None, Some(default)) => substitute::each_text(default, &mut see),
            (None, None) => {}
        }
    }
    names
}

/// What stands between the braces where a document's text refers to a parameter, in whatever version.
pub fn references_to(content: &str, key: &ParameterKey) -> BTreeSet<String> {
    let is_meant = |name: &&str| {
        let parameter = name.strip_prefix("ssm:").or_else(|| secrets::parameter_of(name));
        parameter.is_some_and(|name| Reference::parse(name).is_ok_and(|reference| reference.key == *key))
    };
    substitute::references(content).filter(is_meant).map(str::to_owned).collect()
}

/// Whether a reference is to something that somebody else must look up, whatever the document declares.
pub fn is_outside(name: &str) -> bool {
    name.starts_with("ssm:") || secrets::is_secret(name) || name.starts_with("global:")
}

impl Document {
    /// Fills in the caller's values and the defaults, and replaces every reference but those to secrets.
    ///
    /// *Errors*: a parameter that is wrong, a reference that nobody looked up, a secret out of place, a time-out out of range.
    pub fn resolve(&self, given: &GivenParameters, references: &References) -> Result<Resolved, DocumentError> {
        let Body::Command(specs) = &self.body else {
            return Err(DocumentError::NotACommand(self.schema));
        };
        if let Some(missing) = wanted_references(self, given)
            .into_iter()
            .find(|name| !references.contains_key(name) && !secrets::is_secret(name))
        {
            return Err(DocumentError::Reference(missing));
        }
        if let Some((name, _)) = references.iter().find(|(_, text)| secrets::names_in(text).next().is_some()) {
            return Err(DocumentError::Smuggled(name.clone()));
        }
        let secrets = secrets::named(self, given);
        let outside = |name: &str| references.get(name).cloned().map(Value::String);
        let given: GivenParameters = given
            .iter()
            .map(|(name, texts)| (name.clone(), texts.iter().map(|text| replaced(text, &outside)).collect()))
            .collect();
        for texts in given.values() {
            refuse_pieced(texts, &secrets)?;
        }
        let mut values = self.parameters.bind(&given)?;
        for (name, value) in values.iter_mut().filter(|(name, _)| !given.contains_key(*name)) {
            let filled = substitute::replace(value, &outside);
            // What comes from outside is judged as a caller's value is: the pattern holds for whoever writes the store, too.
            if filled != *value
                && let Some(spec) = self.parameters.get(name)
            {
                let texts = parameters::texts(&filled);
                refuse_pieced(&texts, &secrets)?;
                let judged = spec.judge(&texts);
                *value = judged.map_err(|problem| ParameterError {
                    name: name.clone(),
                    problem,
                })?;
            }
        }
        let environment: BTreeMap<String, String> = values
            .iter()
            .filter(|(name, _)| self.parameters.get(name).is_some_and(|spec| spec.is_environment))
            .map(|(name, value)| (environment_name(name), substitute::as_text(value)))
            .collect();
        let binding = Binding {
            document: self,
            values: &values,
            references,
            secrets: &secrets,
            environment: &environment,
        };
        let steps = specs.iter().map(|spec| binding.step(spec)).collect::<Result<_, _>>()?;
        Ok(Resolved { steps, environment })
    }
}

/// A name that falls together from pieces would be taken for a secret that the node is still to judge, and nobody would judge it.
fn refuse_pieced(texts: &[String], secrets: &BTreeSet<String>) -> Result<(), DocumentError> {
    let mut names = texts.iter().flat_map(|text| secrets::names_in(text));
    match names.find(|name| !secrets.contains(*name)) {
        Some(pieced) => Err(DocumentError::Reference(pieced.to_owned())),
        None => Ok(()),
    }
}

pub(super) fn replaced(text: &str, lookup: &dyn Fn(&str) -> Option<Value>) -> String {
    substitute::as_text(&substitute::replace(&Value::String(text.to_owned()), lookup))
}

struct Binding<'a> {
    document: &'a Document,
    values: &'a BTreeMap<String, Value>,
    references: &'a References,
    /// The secrets that the document and its caller name.
    secrets: &'a BTreeSet<String>,
    environment: &'a BTreeMap<String, String>,
}

impl Binding<'_> {
    fn plain(&self, name: &str) -> Option<Value> {
        let outside = || self.references.get(name).cloned().map(Value::String);
        self.values.get(name).cloned().or_else(outside)
    }

    fn in_script(&self, action: &str, name: &str) -> Option<Value> {
        match self.document.parameters.get(name) {
            Some(spec) if spec.is_environment => Some(Value::String(match action {
                actions::POWERSHELL => format!("${{env:{}}}", environment_name(name)),
                _ => format!("${{{}}}", environment_name(name)),
            })),
            _ => self.plain(name),
        }
    }

    fn step(&self, spec: &StepSpec) -> Result<Step, DocumentError> {
        let plain = |name: &str| self.plain(name);
        let in_script = |name: &str| self.in_script(&spec.action, name);
        let mut inputs: Map<String, Value> = Map::new();
        for (key, value) in &spec.inputs {
            // Only a script can read a variable; any other input gets the value itself.
            let replaced = match key.as_str() {
                "runCommand" => substitute::replace(value, &in_script),
                _ => substitute::replace(value, &plain),
            };
            inputs.insert(key.clone(), replaced);
        }
        let verdict = self.verdict(spec);
        let used = self.secrets_of(spec, &mut inputs, &verdict)?;
        let own = |value: &Option<Value>| value.as_ref().map(|value| substitute::replace(value, &plain));
        // The field writes these beside the inputs and among them.
        let mut flow = |value: &Option<Value>, key: &str| own(value).or_else(|| inputs.remove(key).filter(|value| !value.is_null()));
        let on_failure = flow(&spec.on_failure, "onFailure");
        let exits_on_success =
            flow(&spec.on_success, "onSuccess").is_some_and(|value| substitute::as_text(&value).eq_ignore_ascii_case("exit"));
        let is_finally = is_true(flow(&spec.finally_step, "finallyStep"));
        let is_end = is_true(flow(&spec.is_end, "isEnd"));
        let max_attempts = match flow(&spec.max_attempts, "maxAttempts") {
            None => 1,
            Some(value) => self.number(spec, "maxAttempts", &value, 1, u64::from(MAX_ATTEMPTS))? as u32,
        };
        let timeout = match inputs.get("timeoutSeconds").cloned().or_else(|| own(&spec.timeout_seconds)) {
            None => DEFAULT_TIMEOUT,
            Some(value) if value.is_null() || substitute::as_text(&value).is_empty() => DEFAULT_TIMEOUT,
            Some(value) => Duration::from_secs(self.number(spec, "timeoutSeconds", &value, 1, MAX_TIMEOUT_SECONDS)?),
        };
        Ok(Step {
            name: spec.name.clone(),
            action: spec.action.clone(),
            inputs,
            timeout,
            max_attempts,
            on_failure: on_failure.map_or(OnFailure::Continue, |value| failure_of(&value)),
            exits_on_success,
            is_finally,
            is_end,
            verdict,
            secrets: used.names,
            variables: used.variables,
        })
    }

    /// What the step needs of secrets, its variables among it; a step that is not run needs nothing.
    fn secrets_of(&self, spec: &StepSpec, inputs: &mut Map<String, Value>, verdict: &Verdict) -> Result<secrets::Use, DocumentError> {
        if self.secrets.is_empty() {
            return Ok(secrets::Use::default());
        }
        for (member, value) in [
            ("precondition", &spec.precondition),
            ("timeoutSeconds", &spec.timeout_seconds),
            ("maxAttempts", &spec.max_attempts),
            ("onFailure", &spec.on_failure),
            ("onSuccess", &spec.on_success),
            ("finallyStep", &spec.finally_step),
            ("isEnd", &spec.is_end),
        ] {
            let value = value.as_ref().map(|value| substitute::replace(value, &|name| self.plain(name)));
            secrets::refuse_in(&spec.name, member, value.as_ref(), self.secrets)?;
        }
        if *verdict != Verdict::Run {
            return Ok(secrets::Use::default());
        }
        let mut used = secrets::place(&spec.name, &spec.action, inputs, self.secrets)?;
        for text in self.environment.values() {
            used.names.extend(
                secrets::names_in(text)
                    .filter(|name| self.secrets.contains(*name))
                    .map(str::to_owned),
            );
        }
        Ok(used)
    }

    /// Real documents write the number as a number or as a text.
    fn number(&self, spec: &StepSpec, member: &'static str, value: &Value, least: u64, most: u64) -> Result<u64, DocumentError> {
        whole_number(value)
            .filter(|n| (least..=most).contains(n))
            .ok_or_else(|| DocumentError::Number {
                step: spec.name.clone(),
                member,
                given: substitute::as_text(value).chars().take(40).collect(),
                least,
                most,
            })
    }

    /// Only from 2.2 on may a document be for several platforms: there a step that does not fit is left out, before it fails.
    ///
    /// *Source*: runpluginutil/run.go of upstream's agent. The sentences are upstream's: people search outputs for them.
    fn verdict(&self, spec: &StepSpec) -> Verdict {
        let (action, step) = (&spec.action, &spec.name);
        let is_foreign = actions::find(action).is_some_and(|known| !known.platforms.contains(&Platform::Linux));
        let is_empty = |precondition: &Value| precondition.as_object().is_some_and(Map::is_empty);
        let precondition = spec.precondition.as_ref().filter(|precondition| !is_empty(precondition));
        match (self.document.schema, precondition) {
            (Schema::V2_2, _) if is_foreign => Verdict::Skip(format!(
                "Step execution skipped due to unsupported plugin: {action}. Step name: {step}"
            )),
            (Schema::V2_2, Some(precondition)) => self.precondition(step, precondition),
            (Schema::V2_2, None) => Verdict::Run,
            _ if is_foreign => Verdict::Fail(format!(
                "Plugin with name {action} is not supported in current platform. Step name: {step}"
            )),
            (_, Some(_)) => Verdict::Fail(format!(
                "Precondition is not supported for document schema version prior to 2.2. Step name: {step}"
            )),
            (_, None) => Verdict::Run,
        }
    }

    /// *Source*: AWS docs, "precondition", and what amazon-ssm-agent makes of it; `platformType` stands without braces.
    fn precondition(&self, step: &str, precondition: &Value) -> Verdict {
        let Some(members) = precondition.as_object() else {
            return Verdict::Fail("its precondition is not a map".into());
        };
        for (operator, sides) in members {
            if operator != "StringEquals" {
                return Verdict::Fail(format!(
                    "its precondition has the operator `{operator}`; the only one is `StringEquals`"
                ));
            }
            let Some([left, right]) = sides.as_array().and_then(|sides| <&[Value; 2]>::try_from(sides.as_slice()).ok()) else {
                return Verdict::Fail("its precondition does not compare two texts".into());
            };
            let (left, right) = (self.side(left), self.side(right));
            if let Some(why) = Side::incomparable(&left, &right) {
                return Verdict::Fail(format!("its precondition {why}"));
            }
            let is_equal = match left.is_platform || right.is_platform {
                true => left.text.eq_ignore_ascii_case(&right.text),
                false => left.text == right.text,
            };
            if !is_equal {
                return Verdict::Skip(format!(
                    "Step execution skipped due to unsatisfied preconditions: '\"StringEquals\": [{}, {}]'. Step name: {step}",
                    left.written, right.written
                ));
            }
        }
        Verdict::Run
    }

    fn side(&self, side: &Value) -> Side {
        let written = substitute::as_text(side);
        let is_platform = matches!(substitute::sole_reference(&written).unwrap_or(written.trim()), "platformType");
        Side {
            text: match is_platform {
                true => Platform::Linux.as_str().to_owned(),
                false => replaced(&written, &|name| self.plain(name)),
            },
            has_parameter: !is_platform && substitute::references(&written).next().is_some(),
            is_platform,
            written,
        }
    }
}

/// One side of a comparison.
struct Side {
    written: String,
    text: String,
    is_platform: bool,
    has_parameter: bool,
}

impl Side {
    /// Why the two cannot be compared: what the author meant is then unknown, and the step fails.
    fn incomparable(left: &Self, right: &Self) -> Option<&'static str> {
        if left.written == right.written || (left.is_platform && right.is_platform) {
            return Some("compares something with itself");
        }
        match (left.is_platform || right.is_platform, left.has_parameter || right.has_parameter) {
            (true, true) => Some("compares `platformType` with a parameter; it takes a plain word, such as `Linux`"),
            (false, false) => Some("compares two plain texts; one of them must be `platformType` or have a parameter"),
            _ => None,
        }
    }
}

/// `60`, `60.0` or `"60"`.
pub(super) fn whole_number(value: &Value) -> Option<u64> {
    let whole = |number: f64| (number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number)).then_some(number as u64);
    match value {
        Value::Number(number) => number.as_u64().or_else(|| number.as_f64().and_then(whole)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn is_true(value: Option<Value>) -> bool {
    value.is_some_and(|value| substitute::as_text(&value).eq_ignore_ascii_case("true"))
}

fn failure_of(value: &Value) -> OnFailure {
    match substitute::as_text(value).to_ascii_lowercase().as_str() {
        "exit" | "abort" => OnFailure::Exit,
        "successandexit" => OnFailure::SuccessAndExit,
        _ => OnFailure::Continue,
    }
}

/// A variable's name: what may stand in a parameter's name and not in a variable's becomes `_`.
pub fn environment_name(parameter: &str) -> String {
    let name: String = parameter.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("SSM_{name}")
}
