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
use crate::wire::run::{INLINE_OUTPUT_BYTES, Outcome, Output, Run, StepReport, StreamName};

/// Read at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// What a step has left behind.
#[derive(Debug)]
pub enum Trace {
    None,
    Running(OwnedFd),
    Ended,
    /// There was a host, and it left no record.
    Vanished,
}

/// How a step ended, and what it wrote.
pub struct End {
    record: ExitRecord,
    stdout: Collected,
    stderr: Collected,
}

/// What is left of a report's room for the steps to come.
pub struct Budget {
    inline_bytes: usize,
    message_chars: usize,
}

impl Budget {
    /// The report must fit into one frame, however many steps it tells of.
    pub fn new(steps: usize) -> Self {
        const MESSAGE_CHARS: usize = 8 * 1024;
        Self {
            inline_bytes: INLINE_OUTPUT_BYTES,
            message_chars: MESSAGE_CHARS / steps.max(1),
        }
    }
}

impl NodeExecutor {
    pub(super) async fn trace(&self, run: &CommandId, index: usize) -> Trace {
        let (run, name) = (run.clone(), format!("{run}/{index}"));
        let traced = blocking(self.runs.clone(), move |runs| Ok(trace(&runs.directory(&name)?, &run)));
        // No directory, no trace.
        traced.await.unwrap_or(Trace::None)
    }

    /// Reads the record and the output. Where nobody saw the end, for the reason given, a record is left all the same, so that
    /// readers of the output know that nothing more will come.
    pub(super) async fn end(&self, run: &CommandId, index: usize, unless_seen: &'static str) -> End {
        let (run, name) = (run.clone(), index.to_string());
        let ended = blocking(self.runs.clone(), move |runs| {
            let directory = runs.create_directory(run.as_str())?.create_directory(&name)?;
            let record = match record::read_exit(&directory, run.as_str()) {
                Some(record) => record,
                None => leave(&directory, &run, interrupted(&directory, &run, unless_seen))?,
            };
            Ok(collect_all(&directory, record, Extent::Whole))
        });
        ended.await.unwrap_or_else(|_| End::unseen(Outcome::Interrupted, unless_seen))
    }

    /// The end that is on record, with the output; nothing is left where there is none.
    pub(super) async fn recorded(&self, run: &CommandId, index: usize) -> Option<End> {
        self.collected(run, index, Extent::Whole).await
    }

    /// The same with only the beginning of the output, unhashed: it may be asked for again and again.
    pub(super) async fn beginning(&self, run: &CommandId, index: usize) -> Option<End> {
        self.collected(run, index, Extent::Beginning).await
    }

    async fn collected(&self, run: &CommandId, index: usize, extent: Extent) -> Option<End> {
        let (run, name) = (run.clone(), format!("{run}/{index}"));
        let recorded = blocking(self.runs.clone(), move |runs| {
            let directory = runs.directory(&name)?;
            let end = record::read_exit(&directory, run.as_str()).map(|record| collect_all(&directory, record, extent));
            // Released in this moment, the folder may be the next run's by now, and what was collected its output.
            Ok(end.filter(|_| record::read_exit(&directory, run.as_str()).is_some()))
        });
        recorded.await.ok().flatten()
    }

    /// The end of a step that never had a host; on record, so that the report can be made again.
    pub(super) async fn unseen(&self, run: &Run, index: usize, outcome: Outcome, message: &str) -> End {
        let record = unseen(outcome, message);
        let (run, name, copy) = (run.id.clone(), index.to_string(), record.clone());
        let left = blocking(self.runs.clone(), move |runs| {
            leave(&runs.create_directory(run.as_str())?.create_directory(&name)?, &run, copy)
        });
        if let Err(error) = left.await {
            tracing::warn!(%error, "the end of a step that was not begun could not be kept");
        }
        End::silent(record)
    }
}

impl End {
    /// An end that left nothing.
    pub fn unseen(outcome: Outcome, message: &str) -> Self {
        Self::silent(unseen(outcome, message))
    }

    pub fn record(&self) -> &ExitRecord {
        &self.record
    }

    /// The same output with more to say about it.
    pub fn noted(mut self, more: &str) -> Self {
        self.record.message = joined(&self.record.message, more);
        self
    }

    /// The same output with another end.
    pub fn instead(mut self, outcome: Outcome, message: &str) -> Self {
        self.record.outcome = outcome;
        self.noted(message)
    }

    fn silent(record: ExitRecord) -> Self {
        Self {
            record,
            stdout: Collected::default(),
            stderr: Collected::default(),
        }
    }

    /// The step's report, with as much of its output as there is room for.
    pub fn report(self, step: &Step, budget: &mut Budget) -> StepReport {
        let Self {
            mut record,
            mut stdout,
            mut stderr,
        } = self;
        for stream in [&stdout, &stderr] {
            if let Some(problem) = &stream.problem {
                record.message = joined(&record.message, problem);
            }
        }
        if let Some((at, _)) = record.message.char_indices().nth(budget.message_chars) {
            record.message.truncate(at);
        }
        // Each may have half; what one does not need the other may have.
        let room = budget.inline_bytes;
        let for_stderr = stderr.beginning.len().min(room - stdout.beginning.len().min(room / 2));
        stderr.beginning.truncate(for_stderr);
        stdout.beginning.truncate(room - for_stderr);
        budget.inline_bytes -= stdout.beginning.len() + stderr.beginning.len();
        StepReport {
            name: step.name.clone(),
            action: step.action.clone(),
            outcome: record.outcome,
            exit_code: record.exit_code,
            message: record.message,
            started_at_ms: record.started_at_ms,
            ended_at_ms: record.ended_at_ms,
            stdout: stdout.output(),
            stderr: stderr.output(),
        }
    }
}

fn unseen(outcome: Outcome, message: &str) -> ExitRecord {
    let now = Clock::system().now().millis();
    ExitRecord {
        outcome,
        exit_code: None,
        message: message.to_owned(),
        started_at_ms: now,
        ended_at_ms: now,
        stdout: Tally::default(),
        stderr: Tally::default(),
        cap_bytes: 0,
    }
}

fn leave(directory: &Directory, run: &CommandId, record: ExitRecord) -> io::Result<ExitRecord> {
    directory.replace(record::EXIT, &record::seal(run.as_str(), &record)?, 0o600, Durability::Cached)?;
    Ok(record)
}

/// A stream as it lies there after the end.
#[derive(Default)]
struct Collected {
    output: Output,
    beginning: Vec<u8>,
    /// Why it is not what was written.
    problem: Option<String>,
}

impl Collected {
    fn output(self) -> Output {
        Output {
            head: data_encoding::BASE64.encode(&self.beginning),
            ..self.output
        }
    }
}

/// How much of a stream is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Whole,
    /// What rides inside a report.
    Beginning,
}

fn collect_all(directory: &Directory, record: ExitRecord, extent: Extent) -> End {
    let stream = |name, tally| {
        let collected = collect(directory, (name, tally), record.cap_bytes, extent);
        collected.unwrap_or_else(|error| Collected {
            problem: Some(format!("its {} cannot be read on the node: {error}", name.as_str())),
            ..Collected::default()
        })
    };
    End {
        stdout: stream(StreamName::Stdout, record.stdout),
        stderr: stream(StreamName::Stderr, record.stderr),
        record,
    }
}

fn collect(directory: &Directory, (name, mut tally): (StreamName, Tally), cap_bytes: u64, extent: Extent) -> io::Result<Collected> {
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
    let reader = SpoolReader::ended(Some(file), layout, tally);
    let (stored_bytes, sha256, beginning) = match extent {
        Extent::Whole => read_whole(&reader)?,
        Extent::Beginning => (layout.stored(tally.total), String::new(), reader.read(0, INLINE_OUTPUT_BYTES)?),
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
        problem: is_short.then(|| format!("some of its {} was lost when the node was cut off", name.as_str())),
    })
}

/// How much it is, its hash, and its beginning.
fn read_whole(reader: &SpoolReader) -> io::Result<(u64, String, Vec<u8>)> {
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
        let wanted = INLINE_OUTPUT_BYTES - beginning.len();
        beginning.extend_from_slice(&piece[..piece.len().min(wanted)]);
    }
    let sha256 = match stored_bytes {
        0 => String::new(),
        _ => data_encoding::HEXLOWER.encode(hash.finish().as_ref()),
    };
    Ok((stored_bytes, sha256, beginning))
}

fn trace(directory: &Directory, run: &CommandId) -> Trace {
    let mark = record::read_host(directory, run.as_str());
    if let Some(host) = mark.as_ref().and_then(living) {
        return Trace::Running(host);
    }
    match (record::read_exit(directory, run.as_str()), mark) {
        (Some(_), _) => Trace::Ended,
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

fn interrupted(directory: &Directory, run: &CommandId, message: &str) -> ExitRecord {
    let mark = record::read_host(directory, run.as_str());
    let cap_bytes = mark.as_ref().map_or(0, |mark| mark.cap_bytes);
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
    let started_at_ms = mark.and_then(|_| started_at(directory)).unwrap_or(now);
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
