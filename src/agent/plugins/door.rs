//! Actions whose other half the hub does not have yet: the step fails and says so, instead of doing as if.

use super::{Context, Plugin};
use crate::agent::step_host::record::StepOrder;
use crate::model::document::Step;

pub struct Door {
    pub action: &'static str,
    /// What is missing, as the end of a sentence.
    pub missing: &'static str,
}

impl Plugin for Door {
    fn action(&self) -> &'static str {
        self.action
    }

    fn order(&self, _: &Step, _: &Context<'_>) -> Result<StepOrder, String> {
        Err(format!("`{}` cannot be done: this hub {}", self.action, self.missing))
    }
}
