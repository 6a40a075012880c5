//! The language as its authors meet it.

mod any;
mod findings;
mod resolved;

use serde_json::{Value, json};

use super::text::parse;
use super::*;

fn given(pairs: &[(&str, &[&str])]) -> GivenParameters {
    pairs
        .iter()
        .map(|(k, v)| ((*k).into(), v.iter().map(|s| (*s).into()).collect()))
        .collect()
}

fn bound(content: &Value, pairs: &[(&str, &[&str])]) -> Result<Resolved, DocumentError> {
    check(content, &given(pairs), &References::new())
}

fn document(parameters: Value, inputs: Value) -> Value {
    with_step(parameters, json!({"action": "aws:runShellScript", "name": "one", "inputs": inputs}))
}

fn with_step(parameters: Value, step: Value) -> Value {
    json!({"schemaVersion": "2.2", "parameters": parameters, "mainSteps": [step]})
}
