//! A desk between steps that need something of the hub and the line on which it is asked: questions are repeated at each new
//! connection, answers are kept in memory while they are needed, and nowhere else.
//!
//! ```text
//! step ─ask─► waiting ─next─► a frame ─► hub ─► its answer ─take─► held until the guard is dropped
//!                ▲ ask_again: the line broke, and with it maybe the question or the answer
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

/// Where steps ask and answers arrive; clones are the same.
pub struct Desk<K, A>(Arc<Inner<K, A>>);

struct Inner<K, A> {
    questions: Mutex<BTreeMap<K, State<A>>>,
    /// Somebody has come to wait.
    came: Notify,
}

enum State<A> {
    Waiting {
        is_asked: bool,
        answer: oneshot::Sender<Answer<A>>,
    },
    Held(Arc<A>),
}

/// What was asked for, or why there is none.
pub type Answer<A> = Result<Arc<A>, String>;

/// Forgets a question and its answer when it goes.
pub struct Forgotten<K: Ord, A>(Desk<K, A>, K);

impl<K: Ord, A> Drop for Forgotten<K, A> {
    fn drop(&mut self) {
        self.0.lock().remove(&self.1);
    }
}

impl<K, A> Clone for Desk<K, A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, A> Default for Desk<K, A> {
    fn default() -> Self {
        Self(Arc::new(Inner {
            questions: Mutex::default(),
            came: Notify::default(),
        }))
    }
}

impl<K: Ord, A> Desk<K, A> {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<K, State<A>>> {
        // A plain map, changed in one go.
        self.0.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Ord, A> Desk<K, A> {
    /// Asked for once; whoever asks the same later gets what is held. Waits as long as the hub does not answer; whoever asks
    /// limits that.
    ///
    /// *Cancel*: the next to ask asks the hub again.
    pub async fn ask(&self, question: &K) -> Answer<A> {
        let answer = {
            let mut questions = self.lock();
            if let Some(State::Held(held)) = questions.get(question) {
                return Ok(held.clone());
            }
            let (answer, answered) = oneshot::channel();
            questions.insert(question.clone(), State::Waiting { is_asked: false, answer });
            answered
        };
        self.0.came.notify_one();
        answer
            .await
            .unwrap_or_else(|_| Err("another step of the run has asked for the same".into()))
    }

    /// Nothing is held of the question any more once this is dropped.
    pub fn until_dropped(&self, question: &K) -> Forgotten<K, A> {
        Forgotten(self.clone(), question.clone())
    }

    /// The next question for the hub.
    pub async fn next(&self) -> K {
        loop {
            // Before the look, so that who comes after it is not missed.
            let came = self.0.came.notified();
            if let Some(question) = self.unasked() {
                return question;
            }
            came.await;
        }
    }

    fn unasked(&self) -> Option<K> {
        self.lock().iter_mut().find_map(|(question, state)| match state {
            State::Waiting { is_asked, .. } if !*is_asked => {
                *is_asked = true;
                Some(question.clone())
            }
            _ => None,
        })
    }

    /// At each connection: what was said on the line before may be lost.
    pub fn ask_again(&self) {
        for state in self.lock().values_mut() {
            if let State::Waiting { is_asked, .. } = state {
                *is_asked = false;
            }
        }
        self.0.came.notify_one();
    }

    /// Whether somebody waits for the answer to it.
    pub fn is_waiting(&self, question: &K) -> bool {
        matches!(self.lock().get(question), Some(State::Waiting { .. }))
    }

    /// The hub's answer. One that nobody waits for is dropped.
    pub fn take(&self, question: K, answer: Result<A, String>) {
        let mut questions = self.lock();
        if !matches!(questions.get(&question), Some(State::Waiting { .. })) {
            return;
        }
        let Some(State::Waiting { answer: waiting, .. }) = questions.remove(&question) else {
            return;
        };
        let answer = answer.map(Arc::new);
        if let Ok(held) = &answer {
            questions.insert(question, State::Held(held.clone()));
        }
        let _who_asked_may_be_gone = waiting.send(answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_question_is_asked_once_and_again_after_a_new_connection() {
        let desk = Desk::<u32, &str>::default();
        let needed = desk.until_dropped(&7);
        let asking = tokio::spawn({
            let desk = desk.clone();
            async move { desk.ask(&7).await }
        });
        assert_eq!(desk.next().await, 7);
        assert_eq!(desk.unasked(), None);
        desk.ask_again();
        assert_eq!(desk.next().await, 7);
        desk.take(7, Ok("v"));
        assert_eq!(*asking.await.unwrap().unwrap(), "v");
        // Held: nobody is asked any more until it is not needed.
        assert!(desk.ask(&7).await.is_ok() && desk.unasked().is_none());
        drop(needed);
        desk.take(7, Ok("v"));
        assert!(desk.lock().is_empty(), "an answer that nobody waits for is kept nowhere");
    }

    #[tokio::test]
    async fn a_refusal_is_told_and_not_kept() {
        let desk = Desk::<u32, &str>::default();
        let asking = desk.ask(&7);
        let answering = async {
            desk.next().await;
            desk.take(7, Err("no rule".into()));
        };
        assert_eq!(tokio::join!(asking, answering).0.unwrap_err(), "no rule");
        assert!(desk.lock().is_empty());
    }
}
