//! Actions that are more than a script: they run in a process of their own, `roadstead agent-step FILE`, under the step's host
//! like any command, so that time-outs, cancel, output and the journal need to know nothing of them.
//!
//! The file is the step's script: its first line is for the shell and executes this program, the rest is a [`Task`] in JSON.

mod digest;
mod download;
mod git;
mod http;
mod nested;
mod place;
mod process;
mod quote;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::agent::step_host::secrets::objects_on_input;
use crate::base::Secret;
use crate::base::id::CommandId;
use crate::model::document::secrets::{self, Secrets};
use crate::model::document::sources;
use crate::model::run_settings::RunSettings;
use crate::platform::memory::keep_private;
use crate::wire::objects::Granted;

pub use quote::quoted;

/// What such a process is to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub action: String,
    pub inputs: Map<String, Value>,
    pub run: CommandId,
    /// Where downloads go, and what a local path is relative to.
    pub downloads: PathBuf,
    /// The contents of the hub's documents that may be named, by the name they are named with.
    pub documents: BTreeMap<String, String>,
    pub depth: u32,
    /// For the steps of the document that it runs.
    pub settings: RunSettings,
    /// What inputs and inner documents may name of secrets. Their values are in the environment, never in this file.
    #[serde(default)]
    pub secrets: BTreeSet<String>,
    /// What the hub lets it fetch from object stores, or has sent along, is to be read from standard input.
    #[serde(default)]
    pub wants_objects: bool,
}

impl Task {
    /// The script that makes a shell execute this program on the script itself.
    pub fn script(&self) -> Result<String, String> {
        let program = std::env::current_exe().map_err(|error| format!("the agent cannot find its own program: {error}"))?;
        let task = serde_json::to_string(self).map_err(|error| error.to_string())?;
        Ok(format!("exec {} agent-step \"$0\"\n{task}\n", quoted(&program.to_string_lossy())))
    }

    fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
        let (_, task) = text.split_once('\n').ok_or("the step's file holds no task")?;
        serde_json::from_str(task).map_err(|error| format!("the step's file holds no task: {error}"))
    }

    /// The values of its secrets.
    fn secrets(&self) -> Secrets {
        let value = |name: &String| Some((name.clone(), Secret::new(std::env::var(secrets::variable(name)).ok()?)));
        self.secrets.iter().filter_map(value).collect()
    }

    /// The variables that no program of others needs to see.
    fn secret_variables(&self) -> impl Iterator<Item = String> {
        self.secrets.iter().map(|name| secrets::variable(name))
    }

    /// What the hub lets it fetch from object stores.
    fn objects(&self) -> Result<Vec<Granted>, String> {
        match self.wants_objects {
            true => objects_on_input().map_err(|error| format!("what it may download was not handed over: {error}")),
            false => Ok(Vec::new()),
        }
    }

    /// An input that must be there, as text.
    fn text(&self, name: &str) -> Result<&str, String> {
        match self.inputs.get(name).and_then(Value::as_str).map(str::trim) {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err(format!("input `{name}` is missing or not a text")),
        }
    }

    /// An input that is a map, or a text that holds one in JSON.
    fn map(&self, name: &str) -> Result<Map<String, Value>, String> {
        sources::map(&self.inputs, name)
    }
}

/// `roadstead agent-step FILE`: what went wrong goes to stderr; answers the exit code.
pub fn main(file: &Path) -> u8 {
    keep_private();
    let result = Task::read(file).and_then(|task| {
        let objects = task.objects()?;
        match task.action.as_str() {
            sources::DOWNLOAD => download::run(&task, &objects).map(|()| 0),
            secrets::RUN_DOCUMENT => nested::run(&task, file, &objects),
            other => Err(format!("`{other}` is not done here")),
        }
    });
    match result {
        Ok(code) => code,
        Err(message) => {
            let _nobody_reads_it = writeln!(std::io::stderr(), "{message}");
            1
        }
    }
}

/// Tells on stdout what was done.
fn tell(line: &str) {
    let _nobody_reads_it = writeln!(std::io::stdout(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_task_is_read_from_its_own_script() {
        let task = Task {
            action: "aws:runDocument".into(),
            inputs: json!({"documentPath": "it's", "documentParameters": "{\"a\": \"b\"}"})
                .as_object()
                .unwrap()
                .clone(),
            run: CommandId::random(),
            downloads: "/x/downloads".into(),
            documents: BTreeMap::from([("A".into(), "{}\n\"".into())]),
            depth: 1,
            settings: Default::default(),
            secrets: BTreeSet::from(["ssm-secure:/a".into()]),
            wants_objects: true,
        };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("script");
        std::fs::write(&file, task.script().unwrap()).unwrap();
        assert_eq!(Task::read(&file).unwrap(), task);
        assert_eq!(task.map("documentParameters").unwrap()["a"], "b");
        assert!(task.text("missing").unwrap_err().contains("`missing`"));
    }
}
