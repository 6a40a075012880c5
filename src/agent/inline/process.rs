//! The process of an inner step: its end, and the end of all that it has begun when its time is over.
//!
//! *Invariant*: an inner step has no process group of its own, or what ends the outer step would not reach it. What it has begun is
//! told from what earlier steps left behind by descent, for which the orphans of all steps must be adopted by this process.

use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

use super::tell;
use crate::agent::step_host::record::StepOrder;
use crate::platform::processes::{self, Process};
use crate::wire::run::Outcome;

/// How often an inner step is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// How long the dead are awaited.
const DEATH: Duration = Duration::from_secs(2);
/// The exit code of what was killed for its time-out, as shells have it.
const KILLED: u8 = 137;
/// No process group: only descent counts.
const NO_GROUP: i32 = -1;

/// How an inner step ended, or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    pub outcome: Outcome,
    pub code: u8,
}

impl End {
    pub const SUCCESS: Self = Self {
        outcome: Outcome::Success,
        code: 0,
    };
    pub const FAILED: Self = Self {
        outcome: Outcome::Failed,
        code: 1,
    };
    pub const TIMED_OUT: Self = Self {
        outcome: Outcome::TimedOut,
        code: KILLED,
    };

    fn of(status: WaitStatus, tells_time_out: bool) -> Self {
        let signal = status.terminating_signal();
        if tells_time_out && signal == Some(Signal::ALARM.as_raw()) {
            return Self::TIMED_OUT;
        }
        let code = status.exit_status().or(signal.map(|signal| 128 + signal));
        match code.and_then(|code| u8::try_from(code).ok()) {
            Some(0) => Self::SUCCESS,
            code => Self {
                code: code.unwrap_or(1),
                ..Self::FAILED
            },
        }
    }

    /// The first of those that are worst.
    pub fn and(self, next: Self) -> Self {
        match Outcome::of_all([self.outcome, next.outcome]) == self.outcome {
            true => self,
            false => next,
        }
    }
}

/// Ends this process as a step does in which an inner step's time was over: an exit code cannot say it, for a script may end with
/// any. Comes back only where the signal does not.
pub fn die_of_time_out() {
    let _then_the_code_has_to_do = rustix::process::kill_process(rustix::process::getpid(), Signal::ALARM);
}

/// To be called once, before the first inner step.
pub fn adopt_orphans() -> Result<(), String> {
    let adopted = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    adopted.map_err(|error| format!("orphans of its steps cannot be adopted: {error}"))
}

/// What runs below this process: to be looked at before an inner step is begun.
pub fn descendants() -> Vec<Process> {
    processes::living(NO_GROUP, rustix::process::getpid().as_raw_nonzero().get())
}

/// The end of a step's process. When its time is over it is killed, with all that it has begun since `before`.
pub fn wait(child: Child, order: &StepOrder, before: &[Process]) -> End {
    let timeout = Duration::from_millis(order.timeout_ms);
    let until = Instant::now() + timeout;
    let child = Pid::from_child(&child);
    loop {
        if let Some(status) = reaped(child) {
            return End::of(status, order.tells_time_out);
        }
        if Instant::now() >= until {
            kill_begun_since(before);
            tell(&format!("the execution time-out of {} s was over", timeout.as_secs()));
            return End::TIMED_OUT;
        }
        std::thread::sleep(LOOK);
    }
}

/// The child's end once it has come. Adopted orphans are reaped, too: nobody else would.
fn reaped(child: Pid) -> Option<WaitStatus> {
    let mut end = None;
    while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
        if pid == child {
            end = Some(status);
        }
    }
    end
}

/// Whoever has left the process group lives on, as when a step that stands in no other is killed.
fn kill_begun_since(before: &[Process]) {
    let group = rustix::process::getpgrp().as_raw_nonzero().get();
    let until = Instant::now() + DEATH;
    loop {
        let now = descendants();
        let mut begun = begun_since(before, &now);
        begun.retain(|process| process.group == group);
        if begun.is_empty() || Instant::now() >= until {
            return;
        }
        // Parents first: a shell that saw its child die would go on to its next line.
        begun.sort_by_key(|process| (process.start_ticks, process.pid));
        for pid in begun.iter().filter_map(|process| Pid::from_raw(process.pid)) {
            let _it_may_have_ended = rustix::process::kill_process(pid, Signal::KILL);
        }
        std::thread::sleep(LOOK);
    }
}

/// Those of now that were not there before, nor descend from one that was.
fn begun_since<'p>(before: &[Process], now: &'p [Process]) -> Vec<&'p Process> {
    let was_there = |one: &Process| {
        let same = |old: &Process| (old.pid, old.start_ticks) == (one.pid, one.start_ticks);
        before.iter().any(same)
    };
    let parent = |one: &&'p Process| now.iter().find(|other| other.pid == one.parent);
    // The snapshot is not taken in one moment, so that parents might form a circle.
    let line = |one: &'p Process| std::iter::successors(Some(one), parent).take(now.len());
    now.iter().filter(|one| !line(one).any(was_there)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: i32, parent: i32) -> Process {
        Process {
            pid,
            name: String::new(),
            state: b'S',
            parent,
            group: 1,
            session: 1,
            start_ticks: 7,
        }
    }

    #[test]
    fn what_an_earlier_step_left_is_not_taken_for_the_steps_own() {
        let before = [process(10, 1), process(11, 1)];
        let again = Process {
            start_ticks: 8,
            ..process(11, 1)
        };
        let now = [
            process(10, 1),
            process(12, 10),
            process(13, 12),
            again,
            process(20, 1),
            process(21, 20),
            process(22, 1),
        ];
        let begun: Vec<i32> = begun_since(&before, &now).iter().map(|one| one.pid).collect();
        assert_eq!(begun, [11, 20, 21, 22], "a number that is given again names another process");
        let circle = [process(5, 6), process(6, 5)];
        assert_eq!(begun_since(&before, &circle).len(), 2);
    }

    #[test]
    fn the_first_of_the_worst_is_the_end_of_all() {
        let failed = |code| End { code, ..End::FAILED };
        assert_eq!(End::SUCCESS.and(failed(3)).and(failed(4)).and(End::SUCCESS), failed(3));
        assert_eq!(failed(3).and(End::TIMED_OUT).and(failed(4)), End::TIMED_OUT);
    }
}
