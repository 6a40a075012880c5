//! A run: one document on one node, and the report of what came of it.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::base::id::CommandId;
use crate::model::approval::Approval;
use crate::model::run_settings::RunSettings;

/// Bytes of output that ride inside a report, both streams of all steps together.
pub const INLINE_OUTPUT_BYTES: usize = 8 * 1024;

/// What the nodes of one command are told to run: the payload of a warrant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// What the hub calls the document; nothing is concluded from it.
    #[serde(default)]
    pub document_name: String,
    /// The document's content, as the hub stores it (JSON).
    pub document: serde_json::Value,
    /// As the caller gave them, defaults not yet filled in.
    pub parameters: BTreeMap<String, Vec<String>>,
    /// For nodes whose owners ask for an operator's signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// What stands behind `{{ssm:…}}` and `{{global:…}}`, looked up by the hub when the command was sent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lookups: BTreeMap<String, String>,
    /// Documents that steps of this one run or download, by the name they are named with: in JSON, other types as they are kept.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub documents: BTreeMap<String, String>,
    /// As whom, where and below which ceilings its processes run.
    #[serde(default, skip_serializing_if = "RunSettings::is_plain")]
    pub settings: RunSettings,
}

/// An order whose warrant was found good: a document to be run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub id: CommandId,
    /// After this moment (hub's clock, epoch milliseconds) the run must not start any more.
    pub start_before_ms: i64,
    pub work: Work,
}

/// What came of a run; sent once it has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub run: CommandId,
    pub steps: Vec<StepReport>,
}

impl Report {
    /// What came of the whole run.
    pub fn outcome(&self) -> Outcome {
        Outcome::of_all(self.steps.iter().map(|step| step.outcome))
    }

    /// 0 for a run that went well; otherwise of the first step that ended as badly as the whole, if that has one.
    pub fn exit_code(&self) -> Option<i32> {
        match self.outcome() {
            Outcome::Success | Outcome::Skipped => Some(0),
            bad => self.steps.iter().find(|step| step.outcome == bad)?.exit_code,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    pub name: String,
    /// `aws:runShellScript` …
    pub action: String,
    pub outcome: Outcome,
    /// What the process left behind; `None` when it ended by a signal or never ran.
    pub exit_code: Option<i32>,
    /// One sentence for a person when there is more to say than the exit code: the signal, why it was interrupted …
    pub message: String,
    pub started_at_ms: i64,
    pub ended_at_ms: i64,
    pub stdout: Output,
    pub stderr: Output,
}

/// How a step ended. All of them are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    Success,
    Failed,
    /// The execution time-out killed it.
    TimedOut,
    Cancelled,
    /// Nobody saw the end: power cut, or the step host was killed. It may have run in part or whole.
    Interrupted,
    /// Not run: its precondition, or an earlier step, said so.
    Skipped,
}

impl Outcome {
    pub const ALL: [Self; 6] = [
        Self::Success,
        Self::Failed,
        Self::TimedOut,
        Self::Cancelled,
        Self::Interrupted,
        Self::Skipped,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::Failed => "Failed",
            Self::TimedOut => "TimedOut",
            Self::Cancelled => "Cancelled",
            Self::Interrupted => "Interrupted",
            Self::Skipped => "Skipped",
        }
    }

    /// The worst of the parts is that of the whole: without another rule later steps run, but a failure stays one.
    pub fn of_all(parts: impl IntoIterator<Item = Self>) -> Self {
        let badness = |outcome: &Self| match outcome {
            Self::Skipped => 0,
            Self::Success => 1,
            Self::Failed => 2,
            Self::Interrupted => 3,
            Self::TimedOut => 4,
            Self::Cancelled => 5,
        };
        parts.into_iter().max_by_key(badness).unwrap_or(Self::Success)
    }
}

impl FromStr for Outcome {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text).ok_or(())
    }
}

/// One output stream of a step, as it lies in the agent's spool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// Bytes that can be pulled: head and tail together when it was cut.
    pub stored_bytes: u64,
    /// Set when the stream was longer than the cap.
    pub cut: Option<Cut>,
    /// SHA-256 of the stored bytes, hexadecimal; empty when there are none.
    pub sha256: String,
    /// Base64 of the first bytes; all of them when `stored_bytes` says so.
    pub head: String,
}

/// Where a stream was cut: the stored bytes are `head_bytes` of its beginning, then its end; between them lay `omitted_bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    pub head_bytes: u64,
    pub omitted_bytes: u64,
}

/// The JSON body of `POST /output`: the answer's body is the raw bytes from `offset` on.
///
/// Answer: 200 and bytes; 404 when the run or step has no spool. With `follow` the body goes on until the step has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputQuery {
    pub run: CommandId,
    /// Index of the step, from 0.
    pub step: u32,
    pub stream: StreamName,
    pub offset: u64,
    pub follow: bool,
}

impl OutputQuery {
    /// From the first byte, as far as it is there now.
    pub fn beginning(run: CommandId, step: u32, stream: StreamName) -> Self {
        Self {
            run,
            step,
            stream,
            offset: 0,
            follow: false,
        }
    }
}

/// The JSON body of `POST /progress`: how far a run has come that goes on.
///
/// Answer: 200 and a [`Report`] in JSON of the steps that are over, each with the beginning of its outputs; the one behind them is
/// under way. 404 when nothing is known of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProgressQuery {
    pub run: CommandId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub enum StreamName {
    #[serde(rename = "stdout")]
    Stdout,
    #[serde(rename = "stderr")]
    Stderr,
}

impl StreamName {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

impl FromStr for StreamName {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Stdout, Self::Stderr].into_iter().find(|s| s.as_str() == text).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_reads_back() {
        for outcome in Outcome::ALL {
            assert_eq!(outcome.as_str().parse(), Ok(outcome));
        }
    }

    #[test]
    fn the_code_of_a_run_is_that_of_the_step_that_decided_about_it() {
        use Outcome::{Failed, Skipped, Success, TimedOut};
        let code = |steps: &[(Outcome, Option<i32>)]| {
            let step = |(outcome, exit_code): &(Outcome, Option<i32>)| StepReport {
                name: String::new(),
                action: String::new(),
                outcome: *outcome,
                exit_code: *exit_code,
                message: String::new(),
                started_at_ms: 0,
                ended_at_ms: 0,
                stdout: Output::default(),
                stderr: Output::default(),
            };
            let report = Report {
                run: CommandId::random(),
                steps: steps.iter().map(step).collect(),
            };
            report.exit_code()
        };
        assert_eq!(
            code(&[(Success, Some(0)), (Failed, Some(3)), (Failed, Some(4)), (Success, Some(0))]),
            Some(3)
        );
        assert_eq!(code(&[(Failed, Some(3)), (TimedOut, Some(137))]), Some(137));
        assert_eq!(
            code(&[(Failed, None), (Success, Some(0))]),
            None,
            "ended by a signal, or never begun"
        );
        // `onFailure: successAndExit`: the step counts as a success, and so does the run.
        assert_eq!(code(&[(Success, Some(3)), (Skipped, None)]), Some(0));
        assert_eq!(code(&[]), Some(0));
    }
}
