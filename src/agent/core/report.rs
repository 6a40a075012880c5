//! Reports and journal entries from each other; pure.

use crate::agent::journal::{Entry, State};
use crate::base::Timestamp;
use crate::base::id::CommandId;
use crate::wire::run::{Outcome, Output, Report, StepReport};

/// The journal's entry for a run with this report.
pub(super) fn ended(entry: Entry, report: &Report) -> Entry {
    Entry {
        state: State::Ended,
        outcome: Some(report.outcome()),
        exit_code: report.exit_code(),
        started_at_ms: report.steps.first().map_or(0, |step| step.started_at_ms),
        ended_at_ms: report.steps.last().map_or(0, |step| step.ended_at_ms),
        ..entry
    }
}

/// The report of a run that was cancelled before it began.
pub(super) fn unstarted(run: &CommandId, message: &str, now: Timestamp) -> Report {
    let entry = Entry {
        outcome: Some(Outcome::Cancelled),
        started_at_ms: now.millis(),
        ended_at_ms: now.millis(),
        ..Entry::new(run, 0)
    };
    let mut report = told_by_journal(&entry);
    report.steps[0].message = message.into();
    report
}

/// What can be said of a run when its files are gone.
pub(super) fn told_by_journal(entry: &Entry) -> Report {
    let step = StepReport {
        name: String::new(),
        action: String::new(),
        outcome: entry.outcome.unwrap_or(Outcome::Interrupted),
        exit_code: entry.exit_code,
        message: "the node has lost the output and details of this run".into(),
        started_at_ms: entry.started_at_ms,
        ended_at_ms: entry.ended_at_ms,
        stdout: Output::default(),
        stderr: Output::default(),
    };
    Report {
        run: entry.id(),
        steps: vec![step],
    }
}
