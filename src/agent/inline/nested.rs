//! `aws:runDocument`: a document inside a document, the hub's or one that was downloaded before.
//!
//! Its steps run here one after the other, in the process group of the step that asked, so that a cancel or the time-out of that
//! step ends all of them. The step's exit code is the first bad one of the inner steps.
//!
//! *Source*: AWS docs, "Command document plugin reference", aws:runDocument.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use zeroize::Zeroizing;

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

/// How often an inner step is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// The exit code of what was killed for its time-out, as shells have it.
const KILLED: u8 = 137;

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
    Ok(inner.run_all())
}

fn content(task: &Task) -> Result<Value, String> {
    let path = task.text("documentPath")?;
    let source = match task.text("documentType")? {
        "SSMDocument" => {
            let found = task.documents.get(path);
            found.cloned().ok_or_else(|| format!("the hub sent no document `{path}` along"))?
        }
        "LocalPath" => {
            let place = task.downloads.join(path);
            std::fs::read_to_string(&place).map_err(|error| format!("document `{}` cannot be read: {error}", place.display()))?
        }
        other => return Err(format!("documentType `{other}` does not exist: use SSMDocument or LocalPath")),
    };
    let root = text::parse(&source, text::guess(&source)).map_err(|problem| format!("document `{path}`: {problem}"))?;
    Ok(root.to_value())
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
    fn run_all(&self) -> u8 {
        let mut flow = Flow::default();
        let mut verdict = 0;
        for (index, step) in self.resolved.steps.iter().enumerate() {
            match flow.next(step) {
                Next::Skip(why) => tell(&format!("step {}: left out, {why}", step.name)),
                Next::Fail(why) => {
                    tell(&format!("step {}: {why}", step.name));
                    if flow.ended(step, Outcome::Failed, None) == Outcome::Failed && verdict == 0 {
                        verdict = 1;
                    }
                }
                // A cancel ends this whole process.
                Next::Cancel => return verdict,
                Next::Run => {
                    let code = self.run_step(index, step);
                    // A restart of the node: the whole step runs again afterwards.
                    if code == 194 {
                        return code;
                    }
                    let outcome = if code == 0 { Outcome::Success } else { Outcome::Failed };
                    if flow.ended(step, outcome, Some(code.into())) == Outcome::Failed && verdict == 0 {
                        verdict = code;
                    }
                }
            }
        }
        verdict
    }

    fn run_step(&self, index: usize, step: &Step) -> u8 {
        let ordered = self.order(step);
        let mut code = 1;
        for _ in 0..step.max_attempts {
            code = match &ordered {
                Ok(order) => self.execute(index, order).unwrap_or_else(|message| self.say(step, &message)),
                Err(message) => self.say(step, message),
            };
            if code == 0 || code == 194 || flow::is_last_word(code.into()) {
                break;
            }
        }
        code
    }

    fn say(&self, step: &Step, message: &str) -> u8 {
        tell(&format!("step {}: {message}", step.name));
        1
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

    fn execute(&self, index: usize, order: &StepOrder) -> Result<u8, String> {
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
        let child = command.spawn().map_err(|error| format!("it cannot be started: {error}"))?;
        wait(child, Duration::from_millis(order.timeout_ms))
    }
}

fn wait(mut child: Child, timeout: Duration) -> Result<u8, String> {
    let until = Instant::now() + timeout;
    loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => {
                let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
                return Ok(u8::try_from(code).unwrap_or(1));
            }
            None if Instant::now() >= until => {
                child.kill().and_then(|()| child.wait()).map_err(|error| error.to_string())?;
                tell(&format!("the execution time-out of {} s was over", timeout.as_secs()));
                return Ok(KILLED);
            }
            None => std::thread::sleep(LOOK),
        }
    }
}
