//! Runs that take a while and end, without a process.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use data_encoding::{BASE64, HEXLOWER};
use futures_util::{StreamExt, stream};
use roadstead::agent::core::{Executor, Order, OutputBody, Refused};
use roadstead::base::id::{CommandId, NodeId};
use roadstead::base::{Clock, Timestamp};
use roadstead::platform::files::Durability;
use roadstead::wire::run::{Outcome, Output, OutputQuery, Report, Run, StepReport, StreamName};
use tokio_util::sync::CancellationToken;

use crate::counts::{Counts, one_more};

/// What every run writes, unless each node is to write something of its own.
const OUTPUT: &[u8] = b"simulated\n";
/// One node in so many writes one line that the others do not.
const ODD_ONE_IN: u64 = 100;

#[derive(Clone, Copy)]
pub struct Behaviour {
    pub latency: Duration,
    pub fail_percent: u8,
    pub distinct_output: bool,
}

pub struct SimulatedExecutor {
    pub behaviour: Behaviour,
    pub counts: Arc<Counts>,
    output: Arc<[u8]>,
}

impl SimulatedExecutor {
    pub fn new(behaviour: Behaviour, counts: Arc<Counts>, name: &str) -> Self {
        let output = match behaviour.distinct_output {
            true => report_of(name).into_bytes().into(),
            false => OUTPUT.into(),
        };
        Self { behaviour, counts, output }
    }

    /// Spread evenly over the fleet's runs, and the same in every simulation.
    fn will_fail(&self) -> bool {
        static RUN: AtomicU64 = AtomicU64::new(0);
        let share = u64::from(self.behaviour.fail_percent);
        let run = RUN.fetch_add(1, Ordering::Relaxed);
        (run + 1) * share / 100 > run * share / 100
    }

    async fn end(&self, cancel: &CancellationToken) -> (Outcome, Option<i32>) {
        if cancel
            .run_until_cancelled(tokio::time::sleep(self.behaviour.latency))
            .await
            .is_none()
        {
            return (Outcome::Cancelled, None);
        }
        match self.will_fail() {
            true => (Outcome::Failed, Some(1)),
            false => (Outcome::Success, Some(0)),
        }
    }
}

impl Executor for SimulatedExecutor {
    fn check(&self, _: &Run, _: Timestamp) -> Result<(), Refused> {
        Ok(())
    }

    async fn keep(&self, _: &Run, _: Durability, _: Timestamp) -> io::Result<()> {
        Ok(())
    }

    async fn execute(&self, order: Order, cancel: CancellationToken) -> Report {
        let run = match order {
            Order::Fresh(run) => run.id.clone(),
            Order::Kept { run, .. } => run,
        };
        let started_at_ms = Clock::system().now().millis();
        let (outcome, exit_code) = self.end(&cancel).await;
        one_more(&self.counts.runs);
        if outcome != Outcome::Success {
            one_more(&self.counts.failed);
        }
        let step = StepReport {
            name: "simulated".into(),
            action: "aws:runShellScript".into(),
            outcome,
            exit_code,
            message: String::new(),
            started_at_ms,
            ended_at_ms: Clock::system().now().millis(),
            stdout: output(&self.output),
            stderr: Output::default(),
        };
        Report { run, steps: vec![step] }
    }

    async fn report(&self, _: &CommandId) -> Option<Report> {
        None
    }

    async fn output(&self, query: OutputQuery) -> Option<OutputBody> {
        if query.step != 0 {
            return None;
        }
        let bytes = match query.stream {
            StreamName::Stdout => self.output.get(query.offset as usize..).unwrap_or_default(),
            StreamName::Stderr => &[],
        };
        Some(stream::iter([Ok(bytes.to_vec().into())]).boxed())
    }

    async fn release(&self, _: &CommandId) {}

    fn node_is(&self, _: &NodeId) {}
}

fn output(bytes: &[u8]) -> Output {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    Output {
        stored_bytes: bytes.len() as u64,
        cut: None,
        sha256: HEXLOWER.encode(digest.as_ref()),
        head: BASE64.encode(bytes),
    }
}

/// A few hundred bytes as a check of a system prints them, with the node's own name and figures.
fn report_of(name: &str) -> String {
    let seed = name.bytes().fold(7u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let number: u64 = name.rsplit('-').next().and_then(|digits| digits.parse().ok()).unwrap_or(seed);
    let mut report = format!("report of {name}\n");
    for (line, disk) in ["/", "/boot", "/home", "/srv", "/tmp", "/var", "/var/lib", "/var/log"]
        .iter()
        .enumerate()
    {
        let used = (seed >> (4 * line)) % 90;
        report.push_str(&format!("/dev/vda{line}  {}G  {used}%  {disk}\n", 10 + seed % 89));
    }
    let verdict = if number.is_multiple_of(ODD_ONE_IN) {
        "WARNING: the clock is off"
    } else {
        "OK"
    };
    report.push_str(&format!("checked in {} ms: {verdict}\n", seed % 997));
    report
}
