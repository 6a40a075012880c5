//! What a step needs of the hub when it begins (secrets, objects of a store), between the hub that gives it and the host that
//! gets it.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::NodeExecutor;
use crate::agent::desk::Answer;
use crate::agent::step_host::record::StepOrder;
use crate::agent::step_host::secrets::in_memory;
use crate::model::document::secrets::{Secrets, judge};
use crate::model::document::{self, Document};
use crate::wire::run::{Outcome, Run};

/// A hub that is away this long leaves a step that needs something of it undone: whoever waits for it shall hear of it.
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
    /// What the step's host must be given; `None` when its order needs nothing.
    pub(super) async fn given_for(
        &self,
        run: &Run,
        index: usize,
        timeout: Duration,
        order: &StepOrder,
        cancel: &CancellationToken,
    ) -> Result<Option<OwnedFd>, Unbegun> {
        if order.secrets.is_empty() && !order.wants_objects {
            return Ok(None);
        }
        let patience = timeout.min(PATIENCE);
        let secrets = match order.secrets.is_empty() {
            true => Arc::default(),
            false => {
                let secrets = answered(self.secrets.ask(&run.id), patience, "its secrets", cancel).await?;
                judged(run, &secrets)?;
                secrets
            }
        };
        let objects = match order.wants_objects {
            true => {
                let question = (run.id.clone(), index as u32);
                // Another attempt needs fresh addresses.
                let _forgotten_when_handed_over = self.objects.until_dropped(&question);
                // What the hub sends along takes as long as the line needs for it.
                let patience = if order.wants_files { timeout } else { patience };
                answered(self.objects.ask(&question), patience, "what it may download", cancel).await?
            }
            false => Arc::default(),
        };
        in_memory(order.secrets.iter(), &secrets, &objects)
            .map(Some)
            .map_err(|error| format!("what it needs could not be handed over: {error}").into())
    }
}

/// The hub's answer, unless the hub takes too long or the run is cancelled.
async fn answered<A>(
    asked: impl Future<Output = Answer<A>>,
    patience: Duration,
    what: &str,
    cancel: &CancellationToken,
) -> Result<Arc<A>, Unbegun> {
    let asked = tokio::time::timeout(patience, asked);
    match cancel.run_until_cancelled(asked).await {
        None => Err(Unbegun {
            outcome: Outcome::Cancelled,
            message: super::CANCELLED.into(),
        }),
        Some(Err(_)) => {
            let seconds = patience.as_secs();
            Err(Unbegun {
                outcome: Outcome::TimedOut,
                message: format!("the hub could not be asked for {what} within {seconds} s; it was not begun"),
            })
        }
        Some(Ok(answer)) => Ok(answer?),
    }
}

/// Patterns and limits of the document hold for secrets, too.
fn judged(run: &Run, secrets: &Secrets) -> Result<(), String> {
    let work = &run.work;
    let document = Document::parse(&work.document).map_err(|error: document::DocumentError| error.to_string())?;
    judge(&document, &work.parameters, &work.lookups, secrets).map_err(|error| error.to_string())
}
