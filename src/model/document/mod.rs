//! Documents: what a command does, as steps with parameters.
//!
//! The hub checks a document with the caller's parameters before it accepts a command, the agent resolves it again before it
//! runs: one function, [`check`], so that both agree. Here lives schema 2.2 (documents of type Command); another schema is
//! another variant beside [`Document`]'s parse, with the same [`parameters`] and [`substitute`].
//!
//! *Source*: AWS docs, "Command document plugin reference" and "Data elements and parameters".

pub mod parameters;
pub mod stock;
mod substitute;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

pub use parameters::{ParameterError, ParameterSpec};

/// What the caller gave: every value is a list of texts, as in the API.
pub type GivenParameters = BTreeMap<String, Vec<String>>;

/// How long a step may run when nothing says otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3600);
/// The longest execution time-out, upstream's.
pub const MAX_TIMEOUT_SECONDS: u64 = 172_800;

/// So many that the report of all of them fits into one frame.
const MAX_STEPS: usize = 50;
const MAX_PARAMETERS: usize = 200;
const MAX_STEP_NAME_CHARS: usize = 128;

/// A parsed document of schema 2.2, not yet bound to values.
#[derive(Clone, Debug)]
pub struct Document {
    pub description: String,
    pub parameters: BTreeMap<String, ParameterSpec>,
    pub steps: Vec<StepSpec>,
}

/// One entry of `mainSteps` as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepSpec {
    pub name: String,
    pub action: String,
    #[serde(default)]
    pub inputs: Map<String, Value>,
    #[serde(default)]
    pub timeout_seconds: Option<Value>,
}

/// A document whose references are replaced: what is to be run.
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
}

/// Why a document cannot be run with these parameters; every text names the thing and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    #[error("the document is malformed: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("schema version `{0}` is not supported here; use `2.2`")]
    UnsupportedSchema(String),
    #[error("the document has {0} steps; it must have 1 to {MAX_STEPS}")]
    StepCount(usize),
    #[error("the document declares {0} parameters; it may have {MAX_PARAMETERS}")]
    ParameterCount(usize),
    #[error("step `{0}` occurs twice; every step needs a name of its own")]
    DuplicateStep(String),
    #[error("`{0}` is not a step name: 1 to {MAX_STEP_NAME_CHARS} letters, digits, `_`, `-`, `.` and `:`")]
    StepName(String),
    #[error("step `{step}` has the time-out `{given}`; it must be a whole number of seconds from 1 to {MAX_TIMEOUT_SECONDS}")]
    Timeout { step: String, given: String },
    #[error(transparent)]
    Parameter(#[from] ParameterError),
}

/// Parses `content` and binds it to the caller's parameters: the rule by which hub and agent judge a command.
pub fn check(content: &Value, given: &GivenParameters) -> Result<Resolved, DocumentError> {
    Document::parse(content)?.resolve(given)
}

impl Document {
    pub fn parse(content: &Value) -> Result<Self, DocumentError> {
        /// The outer object; members we do not know yet are refused, because to ignore one could change what runs.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct Content {
            #[serde(rename = "schemaVersion")]
            _schema_version: String,
            #[serde(default)]
            description: String,
            #[serde(default)]
            parameters: BTreeMap<String, ParameterSpec>,
            main_steps: Vec<StepSpec>,
        }
        let version = content.get("schemaVersion").and_then(Value::as_str).unwrap_or("");
        if version != "2.2" {
            return Err(DocumentError::UnsupportedSchema(version.chars().take(20).collect()));
        }
        let content = Content::deserialize(content)?;
        check_steps(&content.main_steps)?;
        if content.parameters.len() > MAX_PARAMETERS {
            return Err(DocumentError::ParameterCount(content.parameters.len()));
        }
        for (name, spec) in &content.parameters {
            spec.check(name)?;
        }
        Ok(Self {
            description: content.description,
            parameters: content.parameters,
            steps: content.main_steps,
        })
    }

    /// Fills in the caller's values and the defaults, and replaces every reference.
    pub fn resolve(&self, given: &GivenParameters) -> Result<Resolved, DocumentError> {
        let values = parameters::bind(&self.parameters, given)?;
        let environment = values
            .iter()
            .filter(|(name, _)| self.parameters[*name].is_environment())
            .map(|(name, value)| (environment_name(name), substitute::as_text(value)))
            .collect();
        let steps = self
            .steps
            .iter()
            .map(|step| self.resolve_step(step, &values))
            .collect::<Result<_, _>>()?;
        Ok(Resolved { steps, environment })
    }

    fn resolve_step(&self, step: &StepSpec, values: &BTreeMap<String, Value>) -> Result<Step, DocumentError> {
        let plain = |name: &str| values.get(name).cloned();
        let in_script = |name: &str| match self.parameters.get(name)?.is_environment() {
            true => Some(Value::String(format!("${{{}}}", environment_name(name)))),
            false => plain(name),
        };
        let inputs: Map<String, Value> = step
            .inputs
            .iter()
            .map(|(key, value)| {
                // Only a script can read a variable; any other input gets the value itself.
                let replaced = match key.as_str() {
                    "runCommand" => substitute::replace(value, &in_script),
                    _ => substitute::replace(value, &plain),
                };
                (key.clone(), replaced)
            })
            .collect();
        let own = step.timeout_seconds.as_ref().map(|value| substitute::replace(value, &plain));
        let timeout = match inputs.get("timeoutSeconds").or(own.as_ref()) {
            None => DEFAULT_TIMEOUT,
            Some(value) => seconds(value).ok_or_else(|| DocumentError::Timeout {
                step: step.name.clone(),
                given: substitute::as_text(value).chars().take(40).collect(),
            })?,
        };
        Ok(Step {
            name: step.name.clone(),
            action: step.action.clone(),
            inputs,
            timeout,
        })
    }
}

fn check_steps(steps: &[StepSpec]) -> Result<(), DocumentError> {
    if steps.is_empty() || steps.len() > MAX_STEPS {
        return Err(DocumentError::StepCount(steps.len()));
    }
    let mut seen = std::collections::BTreeSet::new();
    for step in steps {
        if !is_step_name(&step.name) {
            return Err(DocumentError::StepName(step.name.chars().take(80).collect()));
        }
        if !seen.insert(step.name.as_str()) {
            return Err(DocumentError::DuplicateStep(step.name.clone()));
        }
    }
    Ok(())
}

fn is_step_name(name: &str) -> bool {
    (1..=MAX_STEP_NAME_CHARS).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':'))
}

fn environment_name(parameter: &str) -> String {
    format!("SSM_{parameter}")
}

/// Real documents write the number as a number or as a text.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = match value {
        Value::Number(number) => number.as_u64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (1..=MAX_TIMEOUT_SECONDS).contains(&seconds).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn given(pairs: &[(&str, &[&str])]) -> GivenParameters {
        pairs
            .iter()
            .map(|(k, v)| ((*k).into(), v.iter().map(|s| (*s).into()).collect()))
            .collect()
    }

    fn document(parameters: Value, inputs: Value) -> Value {
        json!({"schemaVersion": "2.2", "parameters": parameters,
               "mainSteps": [{"action": "aws:runShellScript", "name": "one", "inputs": inputs}]})
    }

    #[test]
    fn a_reference_that_is_the_whole_value_keeps_its_type() {
        let content = document(
            json!({"lines": {"type": "StringList"}, "on": {"type": "Boolean"}}),
            json!({"runCommand": "{{ lines }}", "flag": "{{on}}", "text": "is {{ on }}: {{ lines }}"}),
        );
        let resolved = check(&content, &given(&[("lines", &["a", "b"]), ("on", &["true"])])).unwrap();
        let inputs = &resolved.steps[0].inputs;
        assert_eq!(inputs["runCommand"], json!(["a", "b"]));
        assert_eq!(inputs["flag"], json!(true));
        assert_eq!(inputs["text"], json!(r#"is true: ["a","b"]"#));
    }

    #[test]
    fn an_environment_parameter_reaches_the_script_as_a_variable_only() {
        let content = document(
            json!({"who": {"type": "String", "interpolationType": "ENV_VAR"}}),
            json!({"runCommand": ["echo \"{{ who }}\""], "workingDirectory": "{{ who }}"}),
        );
        let resolved = check(&content, &given(&[("who", &["$(reboot)"])])).unwrap();
        assert_eq!(resolved.steps[0].inputs["runCommand"], json!(["echo \"${SSM_who}\""]));
        assert_eq!(resolved.steps[0].inputs["workingDirectory"], json!("$(reboot)"));
        assert_eq!(resolved.environment["SSM_who"], "$(reboot)");
    }

    #[test]
    fn a_value_that_looks_like_a_reference_is_not_expanded() {
        let content = document(
            json!({"a": {"type": "String"}, "b": {"type": "String"}}),
            json!({"runCommand": ["{{a}} {{ .Names }}"]}),
        );
        let resolved = check(&content, &given(&[("a", &["{{ b }}"]), ("b", &["no"])])).unwrap();
        assert_eq!(resolved.steps[0].inputs["runCommand"], json!(["{{ b }} {{ .Names }}"]));
    }

    #[test]
    fn a_time_out_outside_the_limits_is_refused_by_name() {
        for wrong in [json!(0), json!("172801"), json!("soon"), json!([1])] {
            let content = document(json!({}), json!({"runCommand": ["true"], "timeoutSeconds": wrong}));
            let refused = check(&content, &given(&[])).unwrap_err().to_string();
            assert!(refused.starts_with("step `one` has the time-out"), "{refused}");
        }
        let content = document(json!({}), json!({"timeoutSeconds": "60"}));
        assert_eq!(check(&content, &given(&[])).unwrap().steps[0].timeout, Duration::from_secs(60));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let mut unknown_member = document(json!({}), json!({}));
        unknown_member["mainSteps"][0]["onFailure"] = json!("exit");
        for (content, expected) in [
            (json!({"schemaVersion": "0.3"}), "schema version `0.3`"),
            (json!([]), "schema version ``"),
            (json!({"schemaVersion": "2.2", "mainSteps": []}), "the document has 0 steps"),
            (json!({"schemaVersion": "2.2"}), "missing field `mainSteps`"),
            (unknown_member, "unknown field `onFailure`"),
        ] {
            let refused = check(&content, &given(&[])).unwrap_err().to_string();
            assert!(refused.contains(expected), "{refused}");
        }
    }
}
