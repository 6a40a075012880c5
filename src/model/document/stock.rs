//! The documents that every hub has from the start.

use serde_json::{Value, json};

/// The name of the shell document, upstream's.
pub const RUN_SHELL_SCRIPT: &str = "AWS-RunShellScript";

/// All of them, in the order in which they are listed.
pub const NAMES: &[&str] = &[RUN_SHELL_SCRIPT];

/// The content of a stock document, `None` when the name is not one.
pub fn content(name: &str) -> Option<Value> {
    match name {
        RUN_SHELL_SCRIPT => Some(run_shell_script()),
        _ => None,
    }
}

/// Differs: upstream's is schema 1.2; ours is 2.2, so that there is one schema to run, and the API answers to upstream's
/// plugin name whatever the step is called.
fn run_shell_script() -> Value {
    json!({
        "schemaVersion": "2.2",
        "description": "Run a shell script or specify the commands to run.",
        "parameters": {
            "commands": {
                "type": "StringList",
                "description": "(Required) Specify a shell script or a command to run.",
                "minItems": 1,
                "displayType": "textarea"
            },
            "workingDirectory": {
                "type": "String",
                "default": "",
                "description": "(Optional) The path to the working directory on your instance.",
                "maxChars": 4096
            },
            "executionTimeout": {
                "type": "String",
                "default": "3600",
                "description": "(Optional) The time in seconds for a command to complete before it is considered to have failed. Default is 3600 (1 hour). Maximum is 172800 (48 hours).",
                // 1 to 172800
                "allowedPattern": "([1-9][0-9]{0,4})|(1[0-6][0-9]{4})|(17[0-1][0-9]{3})|(172[0-7][0-9]{2})|(172800)"
            }
        },
        "mainSteps": [{
            "action": "aws:runShellScript",
            "name": "runShellScript",
            "inputs": {
                "runCommand": "{{ commands }}",
                "workingDirectory": "{{ workingDirectory }}",
                "timeoutSeconds": "{{ executionTimeout }}"
            }
        }]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::document::{GivenParameters, check};
    use std::time::Duration;

    fn given(timeout: &str) -> GivenParameters {
        GivenParameters::from([
            ("commands".into(), vec!["id".into(), "uptime".into()]),
            ("executionTimeout".into(), vec![timeout.into()]),
        ])
    }

    #[test]
    fn every_stock_document_parses() {
        for name in NAMES {
            crate::model::document::Document::parse(&content(name).unwrap()).unwrap();
        }
        assert!(content("AWS-Nothing").is_none());
    }

    #[test]
    fn the_shell_document_takes_commands_and_a_time_out() {
        let resolved = check(&run_shell_script(), &given("172800")).unwrap();
        let step = &resolved.steps[0];
        assert_eq!(step.action, "aws:runShellScript");
        assert_eq!(step.inputs["runCommand"], json!(["id", "uptime"]));
        assert_eq!(step.inputs["workingDirectory"], json!(""));
        assert_eq!(step.timeout, Duration::from_secs(172_800));
    }

    #[test]
    fn the_shell_document_refuses_a_wrong_time_out() {
        for wrong in ["0", "172801", "-1", "1h", ""] {
            let refused = check(&run_shell_script(), &given(wrong)).unwrap_err().to_string();
            assert!(refused.starts_with("parameter `executionTimeout`"), "{refused}");
        }
    }
}
