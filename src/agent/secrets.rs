//! Secrets that runs name: asked of the hub when a step needs them, held while the run goes on.

use crate::agent::desk::Desk;
use crate::base::id::CommandId;
use crate::model::document::secrets::Secrets;
use crate::wire::parameters::RunSecrets;

/// By run, since all its steps get theirs together.
pub type SecretsDesk = Desk<CommandId, Secrets>;

/// The hub's answer.
pub fn take(desk: &SecretsDesk, answer: RunSecrets) {
    let answered = match answer.problem {
        Some(problem) => Err(problem),
        None => {
            let pairs = answer.secrets.into_iter().map(|secret| (secret.reference, secret.value));
            Ok(pairs.collect())
        }
    };
    desk.take(answer.run, answered);
}
