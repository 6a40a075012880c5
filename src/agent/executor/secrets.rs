//! A step's secrets, between the hub that gives them and the host that gets them.

use std::os::fd::OwnedFd;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::NodeExecutor;
use crate::agent::step_host::record::StepOrder;
use crate::agent::step_host::secrets::in_memory;
use crate::model::document::secrets::{Secrets, judge};
use crate::model::document::{self, Document};
use crate::wire::run::{Outcome, Run};

/// A hub that is away this long leaves a step that needs secrets undone: whoever waits for it shall hear of it.
const PATIENCE: Duration = Duration::from_secs(300);

/// Why a step was not begun, and how that counts.
pub struct Unbegun {
    pub outcome: Outcome,
    pub message: String,
}

impl From<String> for Unbegun {
    fn from(message: String) -> Self {
        let outcome = Outcome::Failed;
        Self { outcome, message }
    }
}

impl NodeExecutor {
    /// What the step's host must be given; `None` when its order names no secret.
    pub(super) async fn secrets_for(
        &self,
        run: &Run,
        timeout: Duration,
        order: &StepOrder,
        cancel: &CancellationToken,
    ) -> Result<Option<OwnedFd>, Unbegun> {
        if order.secrets.is_empty() {
            return Ok(None);
        }
        let patience = timeout.min(PATIENCE);
        let asked = tokio::time::timeout(patience, self.secrets.ask(&run.id));
        let secrets = match cancel.run_until_cancelled(asked).await {
            None => {
                return Err(Unbegun {
                    outcome: Outcome::Cancelled,
                    message: super::CANCELLED.into(),
                });
            }
            Some(Err(_)) => {
                let seconds = patience.as_secs();
                return Err(Unbegun {
                    outcome: Outcome::TimedOut,
                    message: format!("the hub could not be asked for its secrets within {seconds} s; it was not begun"),
                });
            }
            Some(Ok(answer)) => answer?,
        };
        judged(run, &secrets)?;
        in_memory(order.secrets.iter(), &secrets)
            .map(Some)
            .map_err(|error| format!("its secrets could not be handed over: {error}").into())
    }
}

/// Patterns and limits of the document hold for secrets, too.
fn judged(run: &Run, secrets: &Secrets) -> Result<(), String> {
    let work = &run.work;
    let document = Document::parse(&work.document).map_err(|error: document::DocumentError| error.to_string())?;
    judge(&document, &work.parameters, &work.lookups, secrets).map_err(|error| error.to_string())
}
