//! Plugins: what a step's action means on this node. One file per action, one line here.

mod docker;
mod door;
mod inline;
mod run_power_shell_script;
mod run_shell_script;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::agent::step_host::record::{Ceilings, StepOrder};
use crate::base::id::{CommandId, NodeId};
use crate::model::document::Step;
use crate::model::run_settings::RunSettings;
use crate::platform::users::User;

/// Every action this agent can execute.
const ALL: &[&dyn Plugin] = &[
    &run_shell_script::RunShellScript,
    &run_power_shell_script::RunPowerShellScript,
    &inline::Inline("aws:downloadContent"),
    &inline::Inline("aws:runDocument"),
    &docker::ConfigureDocker,
    &docker::RunDockerAction,
    &door::Door {
        action: "aws:configurePackage",
        missing: "distributes no packages",
    },
    &door::Door {
        action: "aws:softwareInventory",
        missing: "gathers no inventory",
    },
    &door::Door {
        action: "aws:refreshAssociation",
        missing: "keeps no associations",
    },
    &door::Door {
        action: "aws:updateSsmAgent",
        missing: "updates no agents; replace the binary and restart it",
    },
];

/// One action.
pub trait Plugin: Sync {
    /// `aws:runShellScript` …
    fn action(&self) -> &'static str;

    /// What a step host shall run for the step; otherwise what is wrong with its inputs, for a person.
    fn order(&self, step: &Step, context: &Context<'_>) -> Result<StepOrder, String>;
}

/// What a plugin may know besides its step.
#[derive(Debug)]
pub struct Context<'a> {
    pub run: &'a CommandId,
    pub node: Option<&'a NodeId>,
    pub user: &'a User,
    /// What the sender set for all steps.
    pub settings: &'a RunSettings,
    /// The document's parameters with `interpolationType: ENV_VAR`.
    pub environment: &'a BTreeMap<String, String>,
    pub limits: &'a Limits,
    /// The run's own folder for what it downloads.
    pub downloads: &'a Path,
    /// Whether the document downloads anything: its scripts then start there.
    pub has_downloads: bool,
    /// The hub's documents that the run may name, by the name they are named with.
    pub documents: &'a BTreeMap<String, String>,
    /// How deep inside other documents this one stands.
    pub depth: u32,
}

/// What the executor grants every step.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Kept of each output stream.
    pub cap_bytes: u64,
    /// Between SIGTERM and SIGKILL when a run is cancelled.
    pub kill_grace: Duration,
    /// What restarts the node.
    pub reboot: Vec<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cap_bytes: crate::agent::spool::DEFAULT_CAP_BYTES,
            kill_grace: Duration::from_secs(5),
            reboot: vec!["reboot".into()],
        }
    }
}

pub fn find(action: &str) -> Option<&'static dyn Plugin> {
    ALL.iter().find(|plugin| plugin.action() == action).copied()
}

/// The actions' names, for a refusal.
pub fn actions() -> String {
    let names: Vec<&str> = ALL.iter().map(|plugin| plugin.action()).collect();
    names.join(", ")
}

/// A script for `sh` with what every step of a document may say.
fn shell_order(script: String, step: &Step, context: &Context<'_>) -> Result<StepOrder, String> {
    Ok(StepOrder {
        interpreter: Some(PathBuf::from("/bin/sh")),
        script,
        environment: context.command_environment(&step.variables),
        working_directory: working_directory(step.inputs.get("workingDirectory"), context)?,
        timeout_ms: step.timeout.as_millis() as u64,
        kill_grace_ms: context.limits.kill_grace.as_millis() as u64,
        cap_bytes: context.limits.cap_bytes,
        identity: None,
        ceilings: ceilings(context.settings),
        secrets: step.secrets.clone(),
        wants_objects: false,
        wants_files: false,
        tells_time_out: false,
    })
}

fn ceilings(settings: &RunSettings) -> Option<Ceilings> {
    let ceilings = Ceilings {
        nice: settings.nice,
        memory_bytes: settings.memory_mib.map(|mib| u64::from(mib) * 1024 * 1024),
        cpu_percent: settings.cpu_percent,
    };
    let is_any = ceilings.nice.is_some() || ceilings.memory_bytes.is_some() || ceilings.cpu_percent.is_some();
    is_any.then_some(ceilings)
}

/// Differs: upstream starts in a directory of the agent's own when none is given; the user's home is what a person expects. A
/// document that downloads something starts where that lies, as upstream's.
fn working_directory(input: Option<&Value>, context: &Context<'_>) -> Result<PathBuf, String> {
    let start = || match (&context.settings.directory, context.has_downloads) {
        (Some(directory), _) => PathBuf::from(directory),
        (None, true) => context.downloads.to_owned(),
        (None, false) if context.user.home.is_dir() => context.user.home.clone(),
        (None, false) => PathBuf::from("/"),
    };
    match input {
        None | Some(Value::Null) => Ok(start()),
        Some(Value::String(text)) if text.is_empty() => Ok(start()),
        // A relative path is one below that, for the agent's own directory means nothing to anybody.
        Some(Value::String(text)) => Ok(start().join(text)),
        Some(_) => Err("input `workingDirectory` must be a text".into()),
    }
}

impl Context<'_> {
    /// A command's environment: nothing of the agent's own, the names scripts written for upstream's agent expect, and the
    /// document's variables, in which secrets stand by name.
    fn command_environment(&self, own: &BTreeMap<String, String>) -> Vec<(String, String)> {
        let home = self.user.home.to_string_lossy();
        let node = self.node.map(NodeId::as_str).unwrap_or_default();
        let fixed = [
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("HOME", &home),
            ("USER", &self.user.name),
            ("LOGNAME", &self.user.name),
            ("SHELL", "/bin/sh"),
            ("LANG", "C.UTF-8"),
            ("AWS_SSM_INSTANCE_ID", node),
            ("ROADSTEAD_NODE_ID", node),
            ("ROADSTEAD_COMMAND_ID", self.run.as_str()),
        ];
        let fixed = fixed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let owned = |(name, value): (&String, &String)| (name.clone(), value.clone());
        let all: BTreeMap<String, String> = fixed
            .chain(self.settings.environment.iter().map(owned))
            // The document's have been checked against its patterns, and nobody replaces them.
            .chain(self.environment.iter().map(owned))
            .chain(own.iter().map(owned))
            .collect();
        all.into_iter().collect()
    }
}
