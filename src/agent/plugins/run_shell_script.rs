//! `aws:runShellScript`: lines of a script, run by `sh` or by the interpreter that the first line names.
//!
//! *Source*: AWS docs, "Command document plugin reference", aws:runShellScript (`runCommand`, `timeoutSeconds`,
//! `workingDirectory`). The lines are joined and run as one file, so that `cd` and variables carry over.

use serde_json::Value;

use super::{Context, Plugin, shell_order};
use crate::agent::step_host::record::StepOrder;
use crate::model::document::Step;
use crate::model::document::script::text_of;

pub struct RunShellScript;

impl Plugin for RunShellScript {
    fn action(&self) -> &'static str {
        "aws:runShellScript"
    }

    fn order(&self, step: &Step, context: &Context<'_>) -> Result<StepOrder, String> {
        let script = script(step.inputs.get("runCommand"))?;
        // A script that names its interpreter is executed as it is.
        let is_plain = !script.starts_with("#!");
        let order = shell_order(script, step, context)?;
        Ok(StepOrder {
            interpreter: order.interpreter.filter(|_| is_plain),
            ..order
        })
    }
}

pub(super) fn script(input: Option<&Value>) -> Result<String, String> {
    let text = input.and_then(text_of);
    text.map(|text| text + "\n")
        .ok_or_else(|| "input `runCommand` must be a text or a list of texts".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::plugins::Limits;
    use crate::base::id::CommandId;
    use crate::platform::users::User;
    use serde_json::json;
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    fn order(inputs: Value) -> Result<StepOrder, String> {
        let step = Step {
            timeout: Duration::from_secs(7),
            ..Step::plain("one", "aws:runShellScript", inputs.as_object().unwrap().clone())
        };
        let user = User {
            name: "u".into(),
            uid: 1,
            home: "/".into(),
            shell: "/bin/sh".into(),
        };
        let context = Context {
            run: &CommandId::random(),
            node: None,
            user: &user,
            settings: &crate::model::run_settings::RunSettings::default(),
            environment: &BTreeMap::from([("SSM_a".to_owned(), "b".to_owned())]),
            limits: &Limits::default(),
            downloads: Path::new("/run-of-a-test/downloads"),
            has_downloads: false,
            documents: &BTreeMap::new(),
            depth: 0,
        };
        RunShellScript.order(&step, &context)
    }

    #[test]
    fn lines_become_one_script_for_sh() {
        let order = order(json!({"runCommand": ["cd /tmp", "pwd"], "workingDirectory": "srv"})).unwrap();
        assert_eq!(order.script, "cd /tmp\npwd\n");
        assert_eq!(order.interpreter, Some("/bin/sh".into()));
        assert_eq!(order.working_directory, PathBuf::from("/srv"));
        assert_eq!(order.timeout_ms, 7000);
        assert!(order.environment.contains(&("SSM_a".into(), "b".into())));
    }

    #[test]
    fn a_script_may_name_its_interpreter() {
        let order = order(json!({"runCommand": "#!/usr/bin/env python3\nprint(1)"})).unwrap();
        assert_eq!(order.interpreter, None);
    }

    #[test]
    fn what_yaml_takes_for_something_else_is_a_line_all_the_same() {
        let order = order(json!({"runCommand": ["echo a", null, true, 5]})).unwrap();
        assert_eq!(order.script, "echo a\n\ntrue\n5\n");
    }

    #[test]
    fn wrong_inputs_are_named() {
        assert!(order(json!({})).unwrap_err().contains("`runCommand`"));
        assert!(
            order(json!({"runCommand": [{"echo a": "b"}]}))
                .unwrap_err()
                .contains("`runCommand`")
        );
        assert!(
            order(json!({"runCommand": ["x"], "workingDirectory": 1}))
                .unwrap_err()
                .contains("`workingDirectory`")
        );
    }
}
