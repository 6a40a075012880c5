//! `aws:runPowerShellScript`, where `pwsh` is installed.
//!
//! *Source*: AWS docs, "Command document plugin reference", aws:runPowerShellScript; the text for its absence is that of
//! upstream's agent.

use super::{Context, Plugin, shell_order};
use crate::agent::inline::quoted;
use crate::agent::plugins::run_shell_script::script;
use crate::agent::step_host::record::StepOrder;
use crate::model::document::Step;

pub struct RunPowerShellScript;

impl Plugin for RunPowerShellScript {
    fn action(&self) -> &'static str {
        "aws:runPowerShellScript"
    }

    fn order(&self, step: &Step, context: &Context<'_>) -> Result<StepOrder, String> {
        let script = script(step.inputs.get("runCommand"))?;
        // PowerShell executes a file only under its own ending.
        let wrapped = format!(
            "command -v pwsh >/dev/null || {{ echo 'failed to run commands: exec: \"pwsh\": executable file not found in $PATH' >&2; exit 1; }}\n\
             printf '%s' {} >\"$0.ps1\"\n\
             exec pwsh -NoLogo -NonInteractive -ExecutionPolicy Unrestricted -File \"$0.ps1\"\n",
            quoted(&script)
        );
        shell_order(wrapped, step, context)
    }
}
