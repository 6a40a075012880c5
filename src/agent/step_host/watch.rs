//! The host's loop: output to the spools, signals and time to decisions.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

use super::command::{Started, Stream};
use super::record::{ExitRecord, StepOrder};
use crate::base::{Clock, Timestamp};
use crate::platform::processes::{self, Process};
use crate::wire::run::Outcome;

/// How long output is awaited after the command itself has ended: who holds it then was left in the background.
const DRAIN: Duration = Duration::from_secs(2);
/// How long the dead are awaited after SIGKILL.
const KILLED: Duration = Duration::from_secs(2);
/// How often the group is looked at while it is being ended; its members need not be our children.
const LOOK: Duration = Duration::from_millis(20);

/// Why the command was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Cancelled,
    TimedOut,
    /// Not by the host: the command has said so of a step of its own.
    StepTimedOut,
    Stopped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    /// The command has ended by itself; its output is not closed yet.
    Draining {
        until: Instant,
    },
    /// The group was asked to end.
    Terminating {
        until: Instant,
    },
    /// The group was killed.
    Killing {
        until: Instant,
    },
    Over,
}

pub struct Watch {
    pid: Pid,
    streams: [Stream; 2],
    signals: OwnedFd,
    timeout: Duration,
    deadline: Instant,
    grace: Duration,
    cap_bytes: u64,
    tells_time_out: bool,
    started_at: Timestamp,
    status: Option<WaitStatus>,
    cause: Option<Cause>,
    /// Members of the group that were ended because they held the output of a command that was over.
    ended_leftovers: Vec<Process>,
    phase: Phase,
    buffer: Vec<u8>,
}

impl Watch {
    pub fn new(started: Started, order: &StepOrder) -> io::Result<Self> {
        let timeout = Duration::from_millis(order.timeout_ms);
        Ok(Self {
            pid: Pid::from_raw(started.pid).ok_or_else(|| io::Error::other("a child has no pid"))?,
            streams: started.streams,
            signals: super::signal_reader()?,
            timeout,
            deadline: Instant::now() + timeout,
            grace: Duration::from_millis(order.kill_grace_ms),
            cap_bytes: order.cap_bytes,
            tells_time_out: order.tells_time_out,
            started_at: Clock::system().now(),
            status: None,
            cause: None,
            ended_leftovers: Vec::new(),
            phase: Phase::Running,
            buffer: Vec::with_capacity(64 * 1024),
        })
    }

    pub fn until_over(mut self) -> io::Result<ExitRecord> {
        // A child may have ended before its signal could be seen.
        self.reap();
        loop {
            self.advance(Instant::now());
            if self.phase == Phase::Over {
                return Ok(self.record());
            }
            self.wait()?;
        }
    }

    /// Sleeps until there is output, a signal, or a time to look again.
    fn wait(&mut self) -> io::Result<()> {
        let wait = self.next_look().saturating_duration_since(Instant::now());
        let timeout = Timespec {
            tv_sec: wait.as_secs() as i64,
            tv_nsec: wait.subsec_nanos().into(),
        };
        let mut fds = vec![PollFd::new(&self.signals, PollFlags::IN)];
        for stream in &self.streams {
            fds.extend(stream.pipe.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        }
        match rustix::event::poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let signalled = !fds[0].revents().is_empty();
        drop(fds);
        for stream in &mut self.streams {
            read_some(stream, &mut self.buffer);
        }
        if signalled {
            self.read_signals();
        }
        Ok(())
    }

    fn next_look(&self) -> Instant {
        match self.phase {
            Phase::Running => self.deadline,
            Phase::Draining { until } => until,
            Phase::Terminating { until } | Phase::Killing { until } => until.min(Instant::now() + LOOK),
            Phase::Over => Instant::now(),
        }
    }

    fn read_signals(&mut self) {
        let mut bytes = [0u8; 16 * size_of::<libc::signalfd_siginfo>()];
        let read = rustix::io::read(&self.signals, &mut bytes[..]).unwrap_or(0);
        for info in bytes[..read].chunks_exact(size_of::<libc::signalfd_siginfo>()) {
            // `ssi_signo` is the structure's first field.
            let number = u32::from_ne_bytes(info[..4].try_into().expect("the chunk is longer")) as i32;
            match number {
                libc::SIGCHLD => self.reap(),
                libc::SIGUSR1 => self.end(Cause::Cancelled),
                _ => self.end(Cause::Stopped),
            }
        }
    }

    fn reap(&mut self) {
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            if pid == self.pid {
                self.status = Some(status);
                let is_told = self.tells_time_out && status.terminating_signal() == Some(libc::SIGALRM);
                self.cause = self.cause.or(is_told.then_some(Cause::StepTimedOut));
            }
        }
    }

    /// Asks the group to end, once; a command that has ended already keeps its own result.
    fn end(&mut self, cause: Cause) {
        if !matches!(self.phase, Phase::Running | Phase::Draining { .. }) {
            return;
        }
        if self.status.is_none() {
            self.cause = Some(cause);
        }
        self.signal_group(Signal::TERM);
        // A stopped process would not see it.
        self.signal_group(Signal::CONT);
        self.phase = Phase::Terminating {
            until: Instant::now() + self.grace,
        };
    }

    fn signal_group(&self, signal: Signal) {
        // It fails when nobody is left, which is what we want.
        let _ = rustix::process::kill_process_group(self.pid, signal);
    }

    /// The group is gone when the command was reaped and no other member is left.
    fn is_gone(&self) -> bool {
        self.status.is_some() && rustix::process::test_kill_process_group(self.pid).is_err()
    }

    fn is_closed(&self) -> bool {
        self.streams.iter().all(|stream| stream.pipe.is_none())
    }

    /// The transitions that need no signal; see the module's picture.
    fn advance(&mut self, now: Instant) {
        match self.phase {
            Phase::Running if self.status.is_some() => {
                self.phase = Phase::Draining { until: now + DRAIN };
                self.advance(now);
            }
            Phase::Running if now >= self.deadline => {
                self.cause = Some(Cause::TimedOut);
                self.kill(now);
            }
            Phase::Draining { .. } if self.is_closed() => self.phase = Phase::Over,
            Phase::Draining { until } if now >= until => self.end_leftovers(now),
            Phase::Terminating { .. } | Phase::Killing { .. } if self.is_gone() => self.finish(),
            Phase::Terminating { until } if now >= until => self.kill(now),
            Phase::Killing { until } if now >= until => self.finish(),
            _ => {}
        }
    }

    fn kill(&mut self, now: Instant) {
        self.signal_group(Signal::KILL);
        self.phase = Phase::Killing { until: now + KILLED };
    }

    /// Members of the group that still hold the pipes would die at their next write, when nobody reads any more. They are
    /// ended now, and named. Who gave his output another place (`nohup … >log &`) is not among them and lives on.
    fn end_leftovers(&mut self, now: Instant) {
        let group = self.pid.as_raw_nonzero().get();
        let left = processes::living(group, own_pid());
        self.ended_leftovers = left.into_iter().filter(|process| process.group == group).collect();
        if self.ended_leftovers.is_empty() {
            return self.finish();
        }
        self.signal_group(Signal::TERM);
        self.signal_group(Signal::CONT);
        self.phase = Phase::Terminating { until: now + self.grace };
    }

    /// Takes what is still in the pipes and closes them.
    fn finish(&mut self) {
        for stream in &mut self.streams {
            while read_some(stream, &mut self.buffer) > 0 {}
            stream.close();
        }
        self.reap();
        self.phase = Phase::Over;
    }

    fn record(&self) -> ExitRecord {
        let [stdout, stderr] = &self.streams;
        ExitRecord {
            outcome: self.outcome(),
            exit_code: self.exit_code(),
            message: self.message(),
            started_at_ms: self.started_at.millis(),
            ended_at_ms: Clock::system().now().millis(),
            stdout: stdout.spool.tally(),
            stderr: stderr.spool.tally(),
            cap_bytes: self.cap_bytes,
        }
    }

    /// A script that was stopped before it could give one has that of upstream's agent, 128 and SIGKILL.
    fn exit_code(&self) -> Option<i32> {
        let given = self.status.and_then(WaitStatus::exit_status);
        match self.cause {
            Some(Cause::TimedOut | Cause::StepTimedOut | Cause::Cancelled) => given.or(Some(137)),
            Some(Cause::Stopped) | None => given,
        }
    }

    fn outcome(&self) -> Outcome {
        match (self.cause, self.status.and_then(WaitStatus::exit_status)) {
            (Some(Cause::Cancelled), _) => Outcome::Cancelled,
            (Some(Cause::TimedOut | Cause::StepTimedOut), _) => Outcome::TimedOut,
            (Some(Cause::Stopped), _) => Outcome::Interrupted,
            (None, Some(0)) => Outcome::Success,
            (None, _) => Outcome::Failed,
        }
    }

    fn message(&self) -> String {
        let mut parts = Vec::new();
        match self.cause {
            Some(Cause::Cancelled) => parts.push("cancelled; its process group was ended".to_owned()),
            Some(Cause::TimedOut) => parts.push(format!(
                "the execution time-out of {} was over; its process group was killed",
                shown_duration(self.timeout)
            )),
            Some(Cause::StepTimedOut) => parts.push("the execution time-out of a step of its document was over".to_owned()),
            Some(Cause::Stopped) => parts.push("its step host was told to stop, as when the node shuts down".to_owned()),
            None => parts.extend(self.status.and_then(WaitStatus::terminating_signal).map(signal_sentence)),
        }
        if !self.ended_leftovers.is_empty() {
            let listed = processes::listed(&self.ended_leftovers);
            parts.push(format!("background processes that still held its output were ended: {listed}"));
        }
        parts.extend(self.left_sentence());
        for (stream, name) in self.streams.iter().zip(["stdout", "stderr"]) {
            if stream.spool.tally().lost > 0 {
                let lost = stream.spool.tally().lost;
                parts.push(format!(
                    "{name} could not be kept whole: the last {lost} bytes found no room on the node's disk"
                ));
            }
        }
        parts.join("; ")
    }

    fn left_sentence(&self) -> Option<String> {
        // The usual case costs two system calls: no child of ours is left and the group is empty.
        let has_children = !matches!(rustix::process::wait(WaitOptions::NOHANG), Err(Errno::CHILD));
        if !has_children && self.is_gone() {
            return None;
        }
        let left = processes::living(self.pid.as_raw_nonzero().get(), own_pid());
        (!left.is_empty()).then(|| format!("left running: {}", processes::listed(&left)))
    }
}

/// Reads once; answers how much. At the end of the stream the pipe is closed.
/// The buffer's memory is not zeroed first: most commands say little, and each page that is touched costs the host a fault.
fn read_some(stream: &mut Stream, buffer: &mut Vec<u8>) -> usize {
    let Some(pipe) = &stream.pipe else { return 0 };
    buffer.clear();
    match rustix::io::read(pipe.as_fd(), spare_capacity(buffer)) {
        Ok(0) => stream.close(),
        Ok(read) => {
            stream.take(buffer);
            return read;
        }
        Err(Errno::AGAIN | Errno::INTR) => {}
        Err(_) => stream.close(),
    }
    0
}

fn own_pid() -> i32 {
    rustix::process::getpid().as_raw_nonzero().get()
}

fn signal_sentence(number: i32) -> String {
    let name = match number {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGTERM => "SIGTERM",
        _ => return format!("ended by signal {number}"),
    };
    format!("ended by signal {number} ({name})")
}

fn shown_duration(duration: Duration) -> String {
    match duration.subsec_millis() {
        0 => format!("{} s", duration.as_secs()),
        _ => format!("{} ms", duration.as_millis()),
    }
}
