//! Which of a document's steps come next: pure, and the same when a run is executed and when its report is made again.
//!
//! ```text
//! goes on ─ step failed, `onFailure: exit` ──────────► left: only a `finallyStep` still runs
//!         ─ step failed, `onFailure: successAndExit` ► left, and the step counts as a success
//!         ─ step succeeded, `onSuccess: exit` ───────► left
//!         ─ `isEnd` ─────────────────────────────────► left
//!         ─ a script ends with 168 ──────────────────► left, as a success; with 169: left, as a failure
//!         ─ cancelled ───────────────────────────────► stopped: all that follows counts as cancelled, too
//!         ─ nobody saw the end ──────────────────────► stopped: nothing runs any more
//! ```
//!
//! *Source*: AWS docs, "Data elements and parameters", onFailure, onSuccess, finallyStep, isEnd; "Exit codes" of amazon-ssm-agent
//! for 168 and 169.

use crate::model::document::{OnFailure, Step, Verdict};
use crate::wire::run::Outcome;

/// A script's last words about the steps after it.
const EXIT_WITH_SUCCESS: i32 = 168;
const EXIT_WITH_FAILURE: i32 = 169;

/// Whether an exit code says what becomes of the rest: such a step is not tried again.
pub fn is_last_word(exit_code: i32) -> bool {
    matches!(exit_code, EXIT_WITH_SUCCESS | EXIT_WITH_FAILURE)
}

#[derive(Debug, Default)]
pub struct Flow {
    left: Option<String>,
    stopped: Option<Stop>,
}

/// Why nothing runs any more.
#[derive(Clone, Copy, Debug)]
enum Stop {
    Cancelled,
    Unseen,
}

/// What is to be done about a step.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    Run,
    Skip(String),
    /// Without having been begun.
    Fail(String),
    /// What is cancelled before it is begun.
    Cancel,
}

impl Flow {
    pub fn next(&self, step: &Step) -> Next {
        match self.stopped {
            Some(Stop::Cancelled) => return Next::Cancel,
            Some(Stop::Unseen) => return Next::Skip("an earlier step did not come to its end".into()),
            None => {}
        }
        if let Some(why) = &self.left
            && !step.is_finally
        {
            return Next::Skip(why.clone());
        }
        match &step.verdict {
            Verdict::Run => Next::Run,
            Verdict::Skip(why) => Next::Skip(why.clone()),
            Verdict::Fail(why) => Next::Fail(why.clone()),
        }
    }

    /// Takes note of how the step ended; answers how it counts.
    pub fn ended(&mut self, step: &Step, outcome: Outcome, exit_code: Option<i32>) -> Outcome {
        let name = &step.name;
        if let (Outcome::Failed, Some(code)) = (outcome, exit_code.filter(|code| is_last_word(*code))) {
            self.leave(format!("step `{name}` ended with {code}, which leaves the others out"));
            return match code {
                EXIT_WITH_SUCCESS => Outcome::Success,
                _ => Outcome::Failed,
            };
        }
        match outcome {
            Outcome::Cancelled => self.stopped = Some(Stop::Cancelled),
            Outcome::Interrupted => self.stopped = Some(Stop::Unseen),
            Outcome::Failed | Outcome::TimedOut => match step.on_failure {
                OnFailure::Continue => {}
                OnFailure::Exit => self.leave(format!("step `{name}` failed, and it says `onFailure: exit`")),
                OnFailure::SuccessAndExit => {
                    self.leave(format!("step `{name}` failed, and it says `onFailure: successAndExit`"));
                    return Outcome::Success;
                }
            },
            Outcome::Success if step.exits_on_success => self.leave(format!("step `{name}` succeeded, and it says `onSuccess: exit`")),
            Outcome::Success | Outcome::Skipped => {}
        }
        if step.is_end && outcome != Outcome::Skipped {
            self.leave(format!("step `{name}` is the end"));
        }
        outcome
    }

    fn leave(&mut self, why: String) {
        self.left.get_or_insert(why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn step(change: impl FnOnce(&mut Step)) -> Step {
        let mut step = Step::plain("s", "aws:x", Default::default());
        change(&mut step);
        step
    }

    #[test]
    fn a_failed_step_lets_the_next_run_unless_it_says_otherwise() {
        let mut flow = Flow::default();
        assert_eq!(flow.ended(&step(|_| ()), Outcome::Failed, None), Outcome::Failed);
        assert_eq!(flow.next(&step(|_| ())), Next::Run);
        assert_eq!(
            flow.ended(&step(|s| s.on_failure = OnFailure::Exit), Outcome::TimedOut, None),
            Outcome::TimedOut
        );
        assert!(matches!(flow.next(&step(|_| ())), Next::Skip(why) if why.contains("onFailure: exit")));
        assert_eq!(flow.next(&step(|s| s.is_finally = true)), Next::Run);
    }

    #[test]
    fn success_and_exit_turns_a_failure_into_a_success() {
        let mut flow = Flow::default();
        let lenient = step(|s| s.on_failure = OnFailure::SuccessAndExit);
        assert_eq!(flow.ended(&lenient, Outcome::Failed, None), Outcome::Success);
        assert!(matches!(flow.next(&step(|_| ())), Next::Skip(_)));
    }

    #[test]
    fn two_exit_codes_leave_the_rest_out() {
        for (code, counts_as) in [(168, Outcome::Success), (169, Outcome::Failed)] {
            let mut flow = Flow::default();
            assert_eq!(flow.ended(&step(|_| ()), Outcome::Failed, Some(code)), counts_as);
            assert!(matches!(flow.next(&step(|_| ())), Next::Skip(_)));
            assert_eq!(flow.next(&step(|s| s.is_finally = true)), Next::Run);
        }
        // What was killed did not say so itself.
        let mut flow = Flow::default();
        assert_eq!(flow.ended(&step(|_| ()), Outcome::TimedOut, Some(168)), Outcome::TimedOut);
        assert_eq!(flow.next(&step(|_| ())), Next::Run);
    }

    #[test]
    fn nothing_runs_after_an_end_that_nobody_saw() {
        let mut flow = Flow::default();
        flow.ended(&step(|_| ()), Outcome::Interrupted, None);
        assert!(matches!(flow.next(&step(|s| s.is_finally = true)), Next::Skip(_)));
    }

    #[test]
    fn an_end_and_a_success_may_leave_the_rest_out() {
        for last in [step(|s| s.is_end = true), step(|s| s.exits_on_success = true)] {
            let mut flow = Flow::default();
            flow.ended(&last, Outcome::Success, None);
            assert!(matches!(flow.next(&step(|_| ())), Next::Skip(_)));
        }
        let mut flow = Flow::default();
        flow.ended(&step(|s| s.is_end = true), Outcome::Skipped, None);
        assert_eq!(flow.next(&step(|_| ())), Next::Run);
    }

    proptest! {
        /// After a cancel everything is cancelled, even what always runs or was to be left out.
        #[test]
        fn nothing_runs_after_a_cancel(outcomes in proptest::collection::vec(0usize..4, 0..6), is_finally: bool) {
            let all = [Outcome::Success, Outcome::Failed, Outcome::TimedOut, Outcome::Skipped];
            let mut flow = Flow::default();
            for outcome in outcomes {
                flow.ended(&step(|_| ()), all[outcome], None);
            }
            flow.ended(&step(|_| ()), Outcome::Cancelled, None);
            prop_assert_eq!(flow.next(&step(|s| s.is_finally = is_finally)), Next::Cancel);
            flow.ended(&step(|_| ()), Outcome::Cancelled, None);
            prop_assert_eq!(flow.next(&step(|s| s.verdict = Verdict::Skip("no".into()))), Next::Cancel);
        }
    }
}
