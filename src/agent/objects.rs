//! Objects that steps download from stores whose keys the hub has: asked of the hub when a step is begun, forgotten when it has
//! been, since the addresses are good for minutes only.

use crate::agent::desk::Desk;
use crate::base::id::CommandId;
use crate::wire::objects::{Granted, StepObjects};

/// By run and the step's place in it.
pub type ObjectsDesk = Desk<(CommandId, u32), Vec<Granted>>;

/// The hub's answer.
pub fn take(desk: &ObjectsDesk, answer: StepObjects) {
    let answered = match answer.problem {
        Some(problem) => Err(problem),
        None => Ok(answer.granted),
    };
    desk.take((answer.run, answer.step), answered);
}
