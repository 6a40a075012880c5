//! Secrets that runs name: asked of the hub when a step needs them, kept in memory while the run goes on, and nowhere else.
//!
//! ```text
//! step ─ask─► waiting ─next─► WantSecrets ─► hub ─► RunSecrets ─take─► held until the run is over
//!                ▲ ask_again: the line broke, and with it maybe the question or the answer
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use crate::base::id::CommandId;
use crate::model::document::secrets::Secrets;
use crate::wire::parameters::RunSecrets;

/// Where steps ask and answers arrive; clones are the same.
#[derive(Clone, Default)]
pub struct SecretsDesk(Arc<Inner>);

#[derive(Default)]
struct Inner {
    runs: Mutex<BTreeMap<CommandId, Run>>,
    /// Somebody has come to wait.
    came: Notify,
}

enum Run {
    Waiting { is_asked: bool, answer: oneshot::Sender<Answer> },
    Held(Arc<Secrets>),
}

/// Forgets a run's secrets when it goes.
pub struct Forgotten(SecretsDesk, CommandId);

impl Drop for Forgotten {
    fn drop(&mut self) {
        self.0.lock().remove(&self.1);
    }
}

/// The run's secrets, or why it gets none.
pub type Answer = Result<Arc<Secrets>, String>;

impl SecretsDesk {
    /// What the run names, asked for once. Waits as long as the hub does not answer; whoever asks limits that.
    ///
    /// *Cancel*: the next to ask asks the hub again.
    pub async fn ask(&self, run: &CommandId) -> Answer {
        let answer = {
            let mut runs = self.lock();
            if let Some(Run::Held(secrets)) = runs.get(run) {
                return Ok(secrets.clone());
            }
            let (answer, answered) = oneshot::channel();
            runs.insert(run.clone(), Run::Waiting { is_asked: false, answer });
            answered
        };
        self.0.came.notify_one();
        answer
            .await
            .unwrap_or_else(|_| Err("another step of the run has asked for them".into()))
    }

    /// Nothing is held of the run any more once this is dropped.
    pub fn while_it_runs(&self, run: &CommandId) -> Forgotten {
        Forgotten(self.clone(), run.clone())
    }

    /// The next run that the hub is to be asked for.
    pub async fn next(&self) -> CommandId {
        loop {
            // Before the look, so that who comes after it is not missed.
            let came = self.0.came.notified();
            if let Some(run) = self.unasked() {
                return run;
            }
            came.await;
        }
    }

    fn unasked(&self) -> Option<CommandId> {
        self.lock().iter_mut().find_map(|(run, state)| match state {
            Run::Waiting { is_asked, .. } if !*is_asked => {
                *is_asked = true;
                Some(run.clone())
            }
            _ => None,
        })
    }

    /// At each connection: what was said on the line before may be lost.
    pub fn ask_again(&self) {
        for state in self.lock().values_mut() {
            if let Run::Waiting { is_asked, .. } = state {
                *is_asked = false;
            }
        }
        self.0.came.notify_one();
    }

    /// The hub's answer. One that nobody waits for is dropped.
    pub fn take(&self, answer: RunSecrets) {
        let mut runs = self.lock();
        if !matches!(runs.get(&answer.run), Some(Run::Waiting { .. })) {
            return;
        }
        let Some(Run::Waiting { answer: waiting, .. }) = runs.remove(&answer.run) else {
            return;
        };
        let answered = match answer.problem {
            Some(problem) => Err(problem),
            None => {
                let pairs = answer.secrets.into_iter().map(|secret| (secret.reference, secret.value));
                Ok(Arc::new(pairs.collect::<Secrets>()))
            }
        };
        if let Ok(secrets) = &answered {
            runs.insert(answer.run, Run::Held(secrets.clone()));
        }
        let _who_asked_may_be_gone = waiting.send(answered);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<CommandId, Run>> {
        // A plain map, changed in one go.
        self.0.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;
    use crate::wire::parameters::RunSecret;

    fn answer(run: &CommandId, problem: Option<&str>) -> RunSecrets {
        let secret = RunSecret {
            reference: "ssm-secure:/a".into(),
            value: Secret::new("v".into()),
        };
        RunSecrets {
            run: run.clone(),
            secrets: vec![secret],
            problem: problem.map(str::to_owned),
        }
    }

    #[tokio::test]
    async fn a_run_is_asked_for_once_and_again_after_a_new_connection() {
        let desk = SecretsDesk::default();
        let run = CommandId::random();
        let running = desk.while_it_runs(&run);
        let asking = tokio::spawn({
            let (desk, run) = (desk.clone(), run.clone());
            async move { desk.ask(&run).await }
        });
        assert_eq!(desk.next().await, run);
        assert_eq!(desk.unasked(), None);
        desk.ask_again();
        assert_eq!(desk.next().await, run);
        desk.take(answer(&run, None));
        assert_eq!(asking.await.unwrap().unwrap()["ssm-secure:/a"].expose(), "v");
        // Held: nobody is asked any more until the run is over.
        assert!(desk.ask(&run).await.is_ok() && desk.unasked().is_none());
        drop(running);
        desk.take(answer(&run, None));
        assert!(desk.lock().is_empty(), "an answer that nobody waits for is kept nowhere");
    }

    #[tokio::test]
    async fn a_refusal_is_told_and_not_kept() {
        let desk = SecretsDesk::default();
        let run = CommandId::random();
        let asking = desk.ask(&run);
        let answering = async {
            desk.next().await;
            desk.take(answer(&run, Some("no rule")));
        };
        assert_eq!(tokio::join!(asking, answering).0.unwrap_err(), "no rule");
        assert!(desk.lock().is_empty());
    }
}
