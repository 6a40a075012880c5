//! The traces of one step, and its report.

use std::io;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags};

use super::{NodeExecutor, blocking};
use crate::agent::spool::{Layout, SpoolReader, Tally};
use crate::agent::step_host::{self, record, record::ExitRecord, record::HostMark};
use crate::base::Clock;
use crate::base::id::CommandId;
use crate::model::document::Step;
use crate::platform::files::{Directory, Durability};
use crate::wire::run::{Outcome, Output, StepReport, StreamName};

/// Read at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// What a step has left behind.
#[derive(Debug)]
pub enum Trace {
    None,
    /// Its host lives; `None` never occurs here but for a host that ended while it was looked at.
    Running(Option<OwnedFd>),
    Ended(ExitRecord),
    /// There was a host, and it left no record.
    Vanished,
}

impl NodeExecutor {
    pub(super) async fn trace(&self, run: &CommandId, index: usize) -> Trace {
        let name = format!("{run}/{index}");
        let traced = blocking(self.runs.clone(), move |runs| Ok(trace(&runs.directory(&name)?)));
        // No directory, no trace.
        traced.await.unwrap_or(Trace::None)
    }

    /// Nobody saw the end. A record is left all the same, so that readers of the output know that nothing more will come.
    pub(super) async fn interrupted(&self, run: &CommandId, index: usize, message: &'static str) -> ExitRecord {
        let name = format!("{run}/{index}");
        let written = blocking(self.runs.clone(), move |runs| {
            let directory = runs.directory(&name)?;
            let record = interrupted(&directory, message);
            directory.replace(record::EXIT, &record::seal(&record)?, 0o600, Durability::Cached)?;
            Ok(record)
        });
        written.await.unwrap_or_else(|_| super::unseen(Outcome::Interrupted, message))
    }

    /// Hashes the output and takes its beginning along.
    pub(super) async fn report_step(
        &self,
        run: &CommandId,
        index: usize,
        step: &Step,
        mut record: ExitRecord,
        inline_left: &mut usize,
    ) -> StepReport {
        let (name, left) = (format!("{run}/{index}"), *inline_left);
        let (stdout_tally, stderr_tally, cap_bytes) = (record.stdout, record.stderr, record.cap_bytes);
        let collected = blocking(self.runs.clone(), move |runs| {
            if (stdout_tally, stderr_tally) == Default::default() {
                return Ok((Collected::default(), Collected::default()));
            }
            let directory = runs.directory(&name)?;
            let stderr = collect(&directory, StreamName::Stderr, stderr_tally, cap_bytes)?;
            let stdout = collect(&directory, StreamName::Stdout, stdout_tally, cap_bytes)?;
            Ok((stdout, stderr))
        });
        let (mut stdout, mut stderr) = collected.await.unwrap_or_else(|error| {
            record.message = joined(&record.message, &format!("its output cannot be read on the node: {error}"));
            Default::default()
        });
        if stdout.is_short || stderr.is_short {
            record.message = joined(&record.message, "some of its output was lost when the node was cut off");
        }
        // Each may have half; what one does not need the other may have.
        let half = left / 2;
        let for_stderr = stderr.beginning.len().min(left - stdout.beginning.len().min(half));
        stderr.beginning.truncate(for_stderr);
        stdout.beginning.truncate(left - for_stderr);
        *inline_left -= stdout.beginning.len() + stderr.beginning.len();
        told(step, record, stdout.output(), stderr.output())
    }
}

/// A step's report from its record.
pub fn told(step: &Step, record: ExitRecord, stdout: Output, stderr: Output) -> StepReport {
    StepReport {
        name: step.name.clone(),
        action: step.action.clone(),
        outcome: record.outcome,
        exit_code: record.exit_code,
        message: record.message,
        started_at_ms: record.started_at_ms,
        ended_at_ms: record.ended_at_ms,
        stdout,
        stderr,
    }
}

/// A stream as it lies there after the end.
#[derive(Default)]
struct Collected {
    output: Output,
    beginning: Vec<u8>,
    /// Less is there than was written.
    is_short: bool,
}

impl Collected {
    fn output(self) -> Output {
        Output {
            head: data_encoding::BASE64.encode(&self.beginning),
            ..self.output
        }
    }
}

fn collect(directory: &Directory, name: StreamName, mut tally: Tally, cap_bytes: u64) -> io::Result<Collected> {
    if tally == Tally::default() {
        return Ok(Collected::default());
    }
    let layout = Layout::new(cap_bytes);
    let file = directory.open_file(name.as_str())?;
    let there = file.metadata()?.len();
    let is_short = there < layout.stored(tally.total);
    if is_short {
        tally = Tally {
            total: there,
            lost: tally.lost + tally.total - there,
        };
    }
    let reader = SpoolReader::ended(file, layout, tally);
    let mut hash = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    let mut stored_bytes = 0;
    let mut beginning = Vec::new();
    loop {
        let piece = reader.read(stored_bytes, PIECE_BYTES)?;
        if piece.is_empty() {
            break;
        }
        hash.update(&piece);
        stored_bytes += piece.len() as u64;
        let wanted = crate::wire::run::INLINE_OUTPUT_BYTES - beginning.len();
        beginning.extend_from_slice(&piece[..piece.len().min(wanted)]);
    }
    let sha256 = match stored_bytes {
        0 => String::new(),
        _ => data_encoding::HEXLOWER.encode(hash.finish().as_ref()),
    };
    let output = Output {
        stored_bytes,
        cut: layout.cut(tally),
        sha256,
        head: String::new(),
    };
    Ok(Collected {
        output,
        beginning,
        is_short,
    })
}

fn trace(directory: &Directory) -> Trace {
    let mark = record::read_host(directory);
    if let Some(host) = mark.as_ref().and_then(living) {
        return Trace::Running(Some(host));
    }
    match (record::read_exit(directory), mark) {
        (Some(record), _) => Trace::Ended(record),
        (None, Some(_)) => Trace::Vanished,
        (None, None) => Trace::None,
    }
}

/// The host's pidfd, when it is the very process that made the mark.
fn living(mark: &HostMark) -> Option<OwnedFd> {
    if mark.boot_id != step_host::boot_id() {
        return None;
    }
    let pidfd = rustix::process::pidfd_open(Pid::from_raw(mark.pid)?, PidfdFlags::empty()).ok()?;
    // Looked at after the pidfd was taken, so that it is the same process that both speak of.
    let process = crate::platform::processes::process(mark.pid)?;
    (process.start_ticks == mark.start_ticks && process.state != b'Z').then_some(pidfd)
}

fn interrupted(directory: &Directory, message: &str) -> ExitRecord {
    let cap_bytes = record::read_host(directory).map_or(0, |mark| mark.cap_bytes);
    let tally = |name: StreamName| {
        let length = directory
            .open_file(name.as_str())
            .and_then(|file| file.metadata())
            .map_or(0, |m| m.len());
        // A wrapped ring whose turn nobody knows: its head is all that can be told.
        let is_wrapped = length > cap_bytes;
        match is_wrapped {
            true => Tally {
                total: cap_bytes / 2,
                lost: cap_bytes - cap_bytes / 2,
            },
            false => Tally { total: length, lost: 0 },
        }
    };
    let now = Clock::system().now().millis();
    let started_at_ms = started_at(directory).unwrap_or(now);
    ExitRecord {
        outcome: Outcome::Interrupted,
        exit_code: None,
        message: message.to_owned(),
        started_at_ms,
        ended_at_ms: now,
        stdout: tally(StreamName::Stdout),
        stderr: tally(StreamName::Stderr),
        cap_bytes,
    }
}

/// The host's mark is its first deed.
fn started_at(directory: &Directory) -> Option<i64> {
    let written = directory.open_file(record::HOST).ok()?.metadata().ok()?.modified().ok()?;
    let since_epoch = written.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since_epoch.as_millis()).ok()
}

fn joined(message: &str, more: &str) -> String {
    match message.is_empty() {
        true => more.to_owned(),
        false => format!("{message}; {more}"),
    }
}
