//! Plugins: what a step's action means on this node. One file per action, one line here.

mod run_shell_script;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::agent::step_host::record::StepOrder;
use crate::base::id::{CommandId, NodeId};
use crate::model::document::Step;
use crate::platform::users::User;

/// Every action this agent can execute.
const ALL: &[&dyn Plugin] = &[&run_shell_script::RunShellScript];

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
    /// The document's parameters with `interpolationType: ENV_VAR`.
    pub environment: &'a BTreeMap<String, String>,
    pub limits: &'a Limits,
}

/// What the executor grants every step.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Kept of each output stream.
    pub cap_bytes: u64,
    /// Between SIGTERM and SIGKILL when a run is cancelled.
    pub kill_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cap_bytes: crate::agent::spool::DEFAULT_CAP_BYTES,
            kill_grace: Duration::from_secs(5),
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

impl Context<'_> {
    /// A command's environment: nothing of the agent's own, the names scripts written for upstream's agent expect, and the
    /// document's variables.
    fn command_environment(&self) -> Vec<(String, String)> {
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
        fixed
            .chain(self.environment.iter().map(|(name, value)| (name.clone(), value.clone())))
            .collect()
    }
}
