//! Actions that this program does itself, in a process of its own; see [`crate::agent::inline`].

use super::{Context, Plugin, shell_order};
use crate::agent::inline::Task;
use crate::agent::step_host::record::StepOrder;
use crate::model::document::{Step, secrets, sources};

pub struct Inline(pub &'static str);

impl Plugin for Inline {
    fn action(&self) -> &'static str {
        self.0
    }

    fn order(&self, step: &Step, context: &Context<'_>) -> Result<StepOrder, String> {
        let step = &with_inner_secrets(step, context);
        let sources = sources::of_step(step, context.documents);
        let task = Task {
            action: step.action.clone(),
            inputs: step.inputs.clone(),
            run: context.run.clone(),
            downloads: context.downloads.to_owned(),
            documents: context.documents.clone(),
            depth: context.depth,
            settings: context.settings.clone(),
            secrets: step.secrets.clone(),
            wants_objects: !sources.is_empty(),
        };
        let order = shell_order(task.script()?, step, context)?;
        Ok(StepOrder {
            wants_objects: task.wants_objects,
            wants_files: sources.iter().any(|source| source.hub_path().is_some()),
            tells_time_out: step.action == secrets::RUN_DOCUMENT,
            ..order
        })
    }
}

/// A step that runs a document is given what the documents sent along name, too.
fn with_inner_secrets(step: &Step, context: &Context<'_>) -> Step {
    let mut step = step.clone();
    if step.action == secrets::RUN_DOCUMENT {
        step.secrets.extend(secrets::of_enclosed(context.documents.values()));
    }
    // It reads each by its own variable.
    let variable = |name: &String| (secrets::variable(name), format!("{{{{{name}}}}}"));
    step.variables = step.secrets.iter().map(variable).collect();
    step
}
