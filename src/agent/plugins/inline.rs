//! Actions that this program does itself, in a process of its own; see [`crate::agent::inline`].

use super::{Context, Plugin, shell_order};
use crate::agent::inline::Task;
use crate::agent::step_host::record::StepOrder;
use crate::model::document::Step;

pub struct Inline(pub &'static str);

impl Plugin for Inline {
    fn action(&self) -> &'static str {
        self.0
    }

    fn order(&self, step: &Step, context: &Context<'_>) -> Result<StepOrder, String> {
        let task = Task {
            action: step.action.clone(),
            inputs: step.inputs.clone(),
            run: context.run.clone(),
            downloads: context.downloads.to_owned(),
            documents: context.documents.clone(),
            depth: context.depth,
            settings: context.settings.clone(),
        };
        shell_order(task.script()?, step, context)
    }
}
