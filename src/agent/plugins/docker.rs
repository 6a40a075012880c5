//! `aws:configureDocker` and `aws:runDockerAction`.
//!
//! *Source*: AWS docs, "Command document plugin reference", aws:configureDocker, aws:runDockerAction.

use serde_json::Value;

use super::{Context, Plugin, shell_order};
use crate::agent::inline::quoted;
use crate::agent::step_host::record::StepOrder;
use crate::model::document::Step;

pub struct ConfigureDocker;
pub struct RunDockerAction;

const INSTALL: &str = r#"set -eu
if command -v docker >/dev/null; then
  echo "Docker is installed: $(docker --version)"
elif command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y -o DPkg::Lock::Timeout=300 docker.io
elif command -v dnf >/dev/null; then dnf install -y docker
elif command -v zypper >/dev/null; then zypper --non-interactive install docker
elif command -v apk >/dev/null; then apk add docker
else echo 'this node has no package manager that is known here' >&2; exit 1; fi
if [ -d /run/systemd/system ]; then systemctl enable --now docker; fi
"#;

const UNINSTALL: &str = r#"set -eu
if ! command -v docker >/dev/null; then echo 'Docker is not installed'; exit 0; fi
if command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get remove -y -o DPkg::Lock::Timeout=300 docker.io
elif command -v dnf >/dev/null; then dnf remove -y docker
elif command -v zypper >/dev/null; then zypper --non-interactive remove docker
elif command -v apk >/dev/null; then apk del docker
else echo 'this node has no package manager that is known here' >&2; exit 1; fi
"#;

impl Plugin for ConfigureDocker {
    fn action(&self) -> &'static str {
        "aws:configureDocker"
    }

    fn order(&self, step: &Step, context: &Context<'_>) -> Result<StepOrder, String> {
        let script = match text(step, "action") {
            "Install" => INSTALL,
            "Uninstall" => UNINSTALL,
            other => return Err(format!("action `{other}` does not exist: use Install or Uninstall")),
        };
        shell_order(script.to_owned(), step, context)
    }
}

impl Plugin for RunDockerAction {
    fn action(&self) -> &'static str {
        "aws:runDockerAction"
    }

    fn order(&self, step: &Step, context: &Context<'_>) -> Result<StepOrder, String> {
        let words: Vec<String> = arguments(step)?.iter().map(|word| quoted(word)).collect();
        shell_order(format!("exec docker {}\n", words.join(" ")), step, context)
    }
}

fn text<'s>(step: &'s Step, name: &str) -> &'s str {
    step.inputs.get(name).and_then(Value::as_str).map(str::trim).unwrap_or_default()
}

/// What `docker` is called with.
fn arguments(step: &Step) -> Result<Vec<String>, String> {
    let needed = |name: &str| match text(step, name) {
        "" => Err(format!("action `{}` needs the input `{name}`", text(step, "action"))),
        text => Ok(text.to_owned()),
    };
    let mut words: Vec<String> = Vec::new();
    match text(step, "action") {
        "Create" | "Run" => {
            words.push(if text(step, "action") == "Run" { "run" } else { "create" }.into());
            if text(step, "action") == "Run" {
                words.push("-d".into());
            }
            words.extend(options(step));
            words.push(needed("image")?);
            words.extend(text(step, "cmd").split_whitespace().map(str::to_owned));
        }
        "Exec" => {
            words.push("exec".into());
            if !text(step, "user").is_empty() {
                words.extend(["--user".into(), text(step, "user").to_owned()]);
            }
            words.push(needed("container")?);
            words.extend(needed("cmd")?.split_whitespace().map(str::to_owned));
        }
        action @ ("Start" | "Stop" | "Rm" | "Inspect" | "Logs" | "Stats") => {
            words.push(action.to_ascii_lowercase());
            if action == "Stats" {
                words.push("--no-stream".into());
            }
            words.push(needed("container")?);
        }
        action @ ("Pull" | "Rmi") => words.extend([action.to_ascii_lowercase(), needed("image")?]),
        "Ps" => words.extend(["ps".into(), "--all".into()]),
        "Images" => words.push("images".into()),
        other => {
            return Err(format!(
                "action `{other}` does not exist: use Create, Run, Start, Stop, Rm, Exec, Inspect, Logs, Stats, Ps, Pull, Rmi or Images"
            ));
        }
    }
    Ok(words)
}

fn options(step: &Step) -> Vec<String> {
    let mut words = Vec::new();
    for (input, option) in [
        ("container", "--name"),
        ("memory", "--memory"),
        ("cpuShares", "--cpu-shares"),
        ("user", "--user"),
        ("publish", "--publish"),
    ] {
        if !text(step, input).is_empty() {
            words.extend([option.to_owned(), text(step, input).to_owned()]);
        }
    }
    for (input, option) in [("volume", "--volume"), ("env", "--env")] {
        let values: Vec<&str> = match step.inputs.get(input) {
            Some(Value::String(text)) => text.split(',').map(str::trim).collect(),
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        for value in values.into_iter().filter(|value| !value.is_empty()) {
            words.extend([option.to_owned(), value.to_owned()]);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn words(inputs: Value) -> Result<String, String> {
        let step = Step::plain("a", "aws:runDockerAction", inputs.as_object().unwrap().clone());
        arguments(&step).map(|words| words.join(" "))
    }

    #[test]
    fn inputs_become_arguments_and_never_a_shells_text() {
        assert_eq!(
            words(
                json!({"action": "Run", "container": "web", "image": "nginx", "cmd": "nginx -g x", "volume": ["/a:/b"], "env": "A=1, B=2"})
            ),
            Ok("run -d --name web --volume /a:/b --env A=1 --env B=2 nginx nginx -g x".into())
        );
        assert_eq!(words(json!({"action": "Stop", "container": "web"})), Ok("stop web".into()));
        assert!(words(json!({"action": "Pull"})).unwrap_err().contains("`image`"));
        assert!(words(json!({"action": "Dance"})).unwrap_err().contains("`Dance` does not exist"));
    }
}
