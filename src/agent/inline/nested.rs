//! `aws:runDocument`: a document inside a document, the hub's or one that was downloaded before.
//!
//! Its steps run here one after the other, in the process group of the step that asked, so that a cancel or the time-out of that
//! step ends all of them. The step ends as the worst of the inner steps did, with the exit code of the first such.
//!
//! *Source*: AWS docs, "Command document plugin reference", aws:runDocument; `MergeResultStatus` of amazon-ssm-agent.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use zeroize::Zeroizing;

use super::process::{self, End};
use super::{Task, tell};
use crate::agent::executor::flow::{self, Flow, Next};
use crate::agent::plugins::{self, Context, Limits};
use crate::agent::step_host::record::StepOrder;
use crate::agent::step_host::secrets::input_of;
use crate::base::id::NodeId;
use crate::model::document::secrets::{self, Secrets};
use crate::model::document::sources::{MAX_DEPTH, inner_parameters};
use crate::model::document::{Document, References, Resolved, Step, text};
use crate::platform::users::User;
use crate::wire::objects::Granted;
use crate::wire::run::Outcome;

/// The exit code that asks for a restart of the node.
const RESTART: u8 = 194;

pub fn run(task: &Task, file: &Path, objects: &[Granted]) -> Result<u8, String> {
    if task.depth >= MAX_DEPTH {
        return Err(format!("documents stand more than {MAX_DEPTH} deep inside each other"));
    }
    let content = content(task)?;
    let given = inner_parameters(&task.inputs)?;
    let secrets = task.secrets();
    let document = Document::parse(&content).map_err(|error| error.to_string())?;
    let resolved = document.resolve(&given, &References::new()).map_err(|error| error.to_string())?;
    secrets::judge(&document, &given, &References::new(), &secrets).map_err(|error| error.to_string())?;
    let node: Option<NodeId> = std::env::var("ROADSTEAD_NODE_ID").ok().and_then(|id| id.parse().ok());
    let inner = Inner {
        task,
        file,
        resolved: &resolved,
        secrets,
        objects,
        node,
        user: User::current(),
    };
    process::adopt_orphans()?;
    let end = inner.run_all();
    if end.outcome == Outcome::TimedOut {
        process::die_of_time_out();
    }
    Ok(end.code)
}

fn content(task: &Task) -> Result<Value, String> {
    let (name, source) = match task.text("documentType")? {
        "SSMDocument" => {
            let name = task.text("documentPath")?;
            let found = task.documents.get(name);
            let found = found.ok_or_else(|| format!("the hub sent no document `{name}` along"))?;
            (name.to_owned(), found.clone())
        }
        "LocalPath" => {
            let place = local(task)?;
            let name = place.display().to_string();
            let read = std::fs::read_to_string(&place).map_err(|error| format!("document `{name}` cannot be read: {error}"))?;
            (name, read)
        }
        other => return Err(format!("documentType `{other}` does not exist: use SSMDocument or LocalPath")),
    };
    let root = text::parse(&source, text::guess(&source)).map_err(|problem| format!("document `{name}`: {problem}"))?;
    Ok(root.to_value())
}

/// Where the document lies. Not named, it is the only file that was downloaded: whoever names it in `sourceInfo` need not say again
/// where it came to lie.
fn local(task: &Task) -> Result<PathBuf, String> {
    if let Ok(named) = task.text("documentPath") {
        return Ok(task.downloads.join(named));
    }
    let there = std::fs::read_dir(&task.downloads).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    match there.unwrap_or_default().as_slice() {
        [only] if only.path().is_file() => Ok(only.path()),
        _ => Err("input `documentPath` is missing: not exactly one file was downloaded, so it says which one is the document".into()),
    }
}

struct Inner<'a> {
    task: &'a Task,
    file: &'a Path,
    resolved: &'a Resolved,
    secrets: Secrets,
    objects: &'a [Granted],
    node: Option<NodeId>,
    user: User,
}

impl Inner<'_> {
    fn run_all(&self) -> End {
        let mut flow = Flow::default();
        let mut all = End::SUCCESS;
        for (index, step) in self.resolved.steps.iter().enumerate() {
            let end = match flow.next(step) {
                Next::Skip(why) => {
                    tell(&format!("step {}: left out, {why}", step.name));
                    continue;
                }
                Next::Fail(why) => self.failed(step, &why),
                // A cancel ends this whole process.
                Next::Cancel => return all,
                Next::Run => self.run_step(index, step),
            };
            // A restart of the node: the whole step runs again afterwards.
            if end.code == RESTART {
                return end;
            }
            let outcome = flow.ended(step, end.outcome, Some(end.code.into()));
            all = all.and(End { outcome, ..end });
        }
        all
    }

    fn run_step(&self, index: usize, step: &Step) -> End {
        let ordered = self.order(step);
        let mut end = End::FAILED;
        for _ in 0..step.max_attempts {
            end = match &ordered {
                Ok(order) => self.execute(index, order).unwrap_or_else(|message| self.failed(step, &message)),
                Err(message) => self.failed(step, message),
            };
            if end == End::SUCCESS || end.code == RESTART || flow::is_last_word(end.code.into()) {
                break;
            }
        }
        end
    }

    fn failed(&self, step: &Step, message: &str) -> End {
        tell(&format!("step {}: {message}", step.name));
        End::FAILED
    }

    fn order(&self, step: &Step) -> Result<StepOrder, String> {
        let context = Context {
            run: &self.task.run,
            node: self.node.as_ref(),
            user: &self.user,
            settings: &self.task.settings,
            environment: &self.resolved.environment,
            limits: &Limits::default(),
            downloads: &self.task.downloads,
            has_downloads: self.task.downloads.is_dir(),
            documents: &self.task.documents,
            depth: self.task.depth + 1,
        };
        let plugin = plugins::find(&step.action).ok_or_else(|| format!("no agent knows the action `{}`", step.action))?;
        plugin.order(step, &context)
    }

    /// A download is handed on what the hub lets this run fetch; everything else reads nothing.
    fn input(&self, order: &StepOrder) -> Result<Stdio, String> {
        match order.wants_objects {
            true => input_of(self.objects).map(Stdio::from).map_err(|error| error.to_string()),
            false => Ok(Stdio::null()),
        }
    }

    fn execute(&self, index: usize, order: &StepOrder) -> Result<End, String> {
        if let Some(missing) = order.secrets.iter().find(|name| !self.secrets.contains_key(*name)) {
            return Err(format!(
                "`{{{{{missing}}}}}` was not given to this run: a document of the hub, or the parameters of the step that runs this one, must name it"
            ));
        }
        let script = self.file.with_file_name(format!("nested-{}-{index}", self.task.depth));
        std::fs::write(&script, &order.script).map_err(|error| format!("its script cannot be written: {error}"))?;
        let mut command = match &order.interpreter {
            Some(interpreter) => {
                let mut command = Command::new(interpreter);
                command.arg(&script);
                command
            }
            None => {
                use std::os::unix::fs::PermissionsExt;
                let mode = std::fs::Permissions::from_mode(0o700);
                std::fs::set_permissions(&script, mode).map_err(|error| error.to_string())?;
                Command::new(&script)
            }
        };
        let filled = order.environment.iter().map(|(name, value)| match order.secrets.is_empty() {
            true => (name, Zeroizing::new(value.clone())),
            false => (name, secrets::fill(value, &self.secrets)),
        });
        command
            .env_clear()
            .envs(filled.map(|(name, value)| (name, value.to_string())))
            .current_dir(&order.working_directory)
            .stdin(self.input(order)?);
        let before = process::descendants();
        let child = command.spawn().map_err(|error| format!("it cannot be started: {error}"))?;
        Ok(process::wait(child, order, &before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::CommandId;
    use serde_json::json;

    #[test]
    fn a_document_without_a_path_is_the_only_file_that_was_downloaded() {
        let folder = tempfile::tempdir().unwrap();
        let task = |inputs: Value| Task {
            action: secrets::RUN_DOCUMENT.into(),
            inputs: inputs.as_object().unwrap().clone(),
            run: CommandId::random(),
            downloads: folder.path().to_owned(),
            documents: Default::default(),
            depth: 0,
            settings: Default::default(),
            secrets: Default::default(),
            wants_objects: false,
        };
        let unnamed = task(json!({"documentType": "LocalPath", "documentPath": " "}));
        assert!(content(&unnamed).unwrap_err().contains("`documentPath` is missing"));
        std::fs::write(folder.path().join("Inner.json"), "{\"a\": 1}").unwrap();
        assert_eq!(content(&unnamed).unwrap(), json!({"a": 1}));
        std::fs::write(folder.path().join("Other.json"), "{\"a\": 2}").unwrap();
        assert!(content(&unnamed).unwrap_err().contains("`documentPath` is missing"));
        let named = task(json!({"documentType": "LocalPath", "documentPath": "Other.json"}));
        assert_eq!(content(&named).unwrap(), json!({"a": 2}));
    }
}
