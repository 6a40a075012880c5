//! One shell's task: it owns terminal, scroll-back and the one attachment, and decides when all this ends.
//!
//! ```text
//!            ┌─ attach (the one before is told `TakenOver`) ─┐
//! Detached ◄─┤                                               ├─► Attached
//!     │      └─ the line broke ──────────────────────────────┘      │
//!     └── 10 min: Abandoned ─┐     exit, End, idle, max time ───────┘
//!                            ▼              ▼
//!                       Ending (SIGHUP, after a second SIGKILL) ─► Ended: kept for whoever comes back, then forgotten
//! ```
//!
//! The shell is paused (its output is not read) while the attached reader is behind; a detached shell is never paused, its
//! output goes into the scroll-back alone. So nothing that an attached reader has not seen ever falls out of the window.

use std::io;
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::pty::{Exit, Pty};
use super::scrollback::Scrollback;
use crate::wire::session::{Attached, EndReason, Ended, Frame, Open, SCROLLBACK_BYTES};

/// Output read ahead of the attached reader.
const AHEAD_BYTES: u64 = 64 * 1024;
/// Payload of one output frame.
const CHUNK_BYTES: usize = 32 * 1024;
/// Input kept while the shell does not read.
const INPUT_BYTES: usize = 64 * 1024;
/// From the polite signal to the last one.
const KILL_GRACE: Duration = Duration::from_secs(1);
/// How long output is awaited after the shell's exit.
const DRAIN: Duration = Duration::from_millis(500);

/// Somebody at the shell. `done` is dropped when the attachment is over.
pub struct Attachment {
    pub open: Open,
    pub from_hub: mpsc::Receiver<Frame>,
    pub to_hub: mpsc::Sender<Frame>,
    pub done: oneshot::Sender<()>,
}

/// The attachment in place.
struct Here {
    from_hub: mpsc::Receiver<Frame>,
    to_hub: mpsc::Sender<Frame>,
    /// Offset up to which output was sent.
    sent: u64,
    _done: oneshot::Sender<()>,
}

pub struct Shell {
    pty: Pty,
    scrollback: Scrollback,
    here: Option<Here>,
    input: Bytes,
    limits: Limits,
    started_at: Instant,
    last_input: Instant,
    detached_since: Instant,
    phase: Phase,
    buffer: Vec<u8>,
    tasks: TaskTracker,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    idle: Option<Duration>,
    max: Option<Duration>,
    detached: Duration,
}

enum Phase {
    Running,
    /// It was told to go.
    Ending {
        reason: EndReason,
    },
    /// The shell is gone, its last output may not be read yet.
    Exited {
        ended: Ended,
        until: Instant,
    },
    /// All is read; the word is for whoever is or comes here.
    Ended(Ended),
}

enum Event {
    Attach(Box<Attachment>),
    Frame(Frame),
    Detached,
    Readable,
    Writable,
    Room,
    Exited,
    Time,
    Stop,
}

impl Shell {
    /// `tasks` is where what outlives the shell's own task is counted.
    pub fn new(pty: Pty, detached: Duration, tasks: TaskTracker) -> Self {
        let now = Instant::now();
        Self {
            pty,
            scrollback: Scrollback::new(SCROLLBACK_BYTES),
            here: None,
            input: Bytes::new(),
            limits: Limits {
                idle: None,
                max: None,
                detached,
            },
            started_at: now,
            last_input: now,
            detached_since: now,
            phase: Phase::Running,
            buffer: vec![0; 16 * 1024],
            tasks,
        }
    }

    /// Until the shell is over and nobody needs to be told of it any more.
    pub async fn serve(mut self, first: Attachment, mut attachments: mpsc::Receiver<Attachment>, stopping: CancellationToken) {
        self.attach(first, true).await;
        loop {
            self.pump();
            if self.is_told().await {
                return;
            }
            match self.next_event(&mut attachments, &stopping).await {
                Event::Attach(attachment) => self.attach(*attachment, false).await,
                Event::Frame(frame) => self.take(frame),
                Event::Detached => self.detach(),
                Event::Readable => self.read(),
                Event::Writable => self.write(),
                Event::Room => {}
                Event::Exited => self.exited(),
                Event::Time if self.is_forgotten() => return,
                Event::Time => self.look_at_time(),
                Event::Stop => {
                    self.pty.hang_up();
                    return;
                }
            }
        }
    }

    async fn next_event(&mut self, attachments: &mut mpsc::Receiver<Attachment>, stopping: &CancellationToken) -> Event {
        let may_read = self.may_read();
        let is_running = matches!(self.phase, Phase::Running | Phase::Ending { .. });
        let deadline = self.deadline();
        let (pty, has_input, has_room) = (&self.pty, !self.input.is_empty(), self.input.len() < INPUT_BYTES);
        let end = self.scrollback.end();
        let here = async {
            match &mut self.here {
                None => std::future::pending().await,
                Some(Here {
                    from_hub, to_hub, sent, ..
                }) => tokio::select! {
                    // What was typed before the line broke is not lost.
                    biased;
                    frame = from_hub.recv(), if has_room => frame.map_or(Event::Detached, Event::Frame),
                    room = to_hub.reserve(), if *sent < end => room.map_or(Event::Detached, |_| Event::Room),
                    () = to_hub.closed() => Event::Detached,
                },
            }
        };
        tokio::select! {
            event = here => event,
            () = pty.readable(), if may_read => Event::Readable,
            () = pty.writable(), if has_input => Event::Writable,
            () = pty.ended(), if is_running => Event::Exited,
            Some(attachment) = attachments.recv() => Event::Attach(Box::new(attachment)),
            () = tokio::time::sleep_until(deadline) => Event::Time,
            () = stopping.cancelled() => Event::Stop,
        }
    }

    fn may_read(&self) -> bool {
        let is_open = !matches!(self.phase, Phase::Ended(_));
        is_open
            && self
                .here
                .as_ref()
                .is_none_or(|here| self.scrollback.end() - here.sent < AHEAD_BYTES)
    }

    /// Somebody comes; who was here is told.
    async fn attach(&mut self, attachment: Attachment, started: bool) {
        if let Some(before) = self.here.take() {
            // He may be the very line that hangs: the word is left if there is room for it.
            let _ = before
                .to_hub
                .try_send(Frame::Ended(ended(EndReason::TakenOver, "another attachment took over")));
        }
        let Attachment {
            open,
            from_hub,
            to_hub,
            done,
        } = attachment;
        self.pty.resize(open.size);
        self.limits.idle = limit(open.idle_timeout_ms);
        self.limits.max = limit(open.max_duration_ms);
        self.last_input = Instant::now();
        let start = self.scrollback.start();
        let offset = open.from.unwrap_or(start).clamp(start, self.scrollback.end());
        // The channel is fresh and has room.
        let _ = to_hub.send(Frame::Attached(Attached { offset, started })).await;
        self.here = Some(Here {
            from_hub,
            to_hub,
            sent: offset,
            _done: done,
        });
    }

    fn detach(&mut self) {
        self.here = None;
        self.detached_since = Instant::now();
    }

    fn take(&mut self, frame: Frame) {
        match frame {
            Frame::Input(bytes) => {
                self.last_input = Instant::now();
                self.input = match self.input.is_empty() {
                    true => bytes,
                    false => [&self.input[..], &bytes[..]].concat().into(),
                };
                self.write();
            }
            Frame::Resize(size) => self.pty.resize(size),
            Frame::End => self.end(EndReason::Terminated),
            // Not for a shell that runs; a later version of the hub may know better.
            Frame::Open(_) | Frame::Attached(_) | Frame::Output { .. } | Frame::Ended(_) => {}
        }
    }

    fn write(&mut self) {
        while !self.input.is_empty() {
            match self.pty.write(&self.input) {
                Ok(written) => self.input.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // Nobody reads it any more.
                Err(_) => self.input.clear(),
            }
        }
    }

    fn read(&mut self) {
        // As much as one turn may take, so that small writes of a busy command travel together.
        while self.may_read() {
            match self.pty.read(&mut self.buffer) {
                Ok(0) => return self.closed(),
                Ok(read) => self.scrollback.push(&self.buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.closed(),
            }
            if self.here.is_none() {
                // A detached shell may write for ever; others want a turn.
                return;
            }
        }
    }

    /// The terminal is closed; a shell that closed it without ending is told to end.
    fn closed(&mut self) {
        self.exited();
        match std::mem::replace(&mut self.phase, Phase::Running) {
            Phase::Exited { ended, .. } => self.phase = Phase::Ended(ended),
            Phase::Running => self.end(EndReason::Exited),
            other => self.phase = other,
        }
    }

    fn exited(&mut self) {
        let reason = match self.phase {
            Phase::Running => EndReason::Exited,
            Phase::Ending { reason } => reason,
            Phase::Exited { .. } | Phase::Ended(_) => return,
        };
        let Some(Exit { code, message }) = self.pty.reap() else { return };
        let ended = Ended {
            reason,
            exit_code: code,
            message: if message.is_empty() { sentence(reason).into() } else { message },
        };
        self.phase = Phase::Exited {
            ended,
            until: Instant::now() + DRAIN,
        };
    }

    /// Asks the shell to go.
    fn end(&mut self, reason: EndReason) {
        if matches!(self.phase, Phase::Running) {
            let kill = self.pty.killer(self.pty.hang_up());
            self.tasks.spawn(async move {
                // Beside the shell's own task, which may be over before: what ignores the hang-up often outlives its shell.
                tokio::time::sleep(KILL_GRACE).await;
                let _ = tokio::task::spawn_blocking(kill).await;
            });
            self.phase = Phase::Ending { reason };
        }
    }

    fn deadline(&self) -> Instant {
        let far = Instant::now() + Duration::from_secs(3600);
        let detached = self.here.is_none().then(|| self.detached_since + self.limits.detached);
        match &self.phase {
            Phase::Running => {
                let idle = self.limits.idle.map(|idle| self.last_input + idle);
                let max = self.limits.max.map(|max| self.started_at + max);
                [idle, max, detached].into_iter().flatten().min().unwrap_or(far).min(far)
            }
            Phase::Ending { .. } => far,
            Phase::Exited { until, .. } => *until,
            Phase::Ended(_) => detached.unwrap_or(far),
        }
    }

    fn look_at_time(&mut self) {
        let now = Instant::now();
        let is_over = |limit: Option<Duration>, since: Instant| limit.is_some_and(|limit| now >= since + limit);
        match &mut self.phase {
            Phase::Running if is_over(self.limits.max, self.started_at) => self.end(EndReason::MaxDuration),
            Phase::Running if is_over(self.limits.idle, self.last_input) => self.end(EndReason::IdleTimeout),
            Phase::Running if self.here.is_none() && is_over(Some(self.limits.detached), self.detached_since) => {
                self.end(EndReason::Abandoned);
            }
            Phase::Exited { ended, until } if now >= *until => self.phase = Phase::Ended(ended.clone()),
            _ => {}
        }
    }

    /// Nobody came back for the last word.
    fn is_forgotten(&self) -> bool {
        matches!(self.phase, Phase::Ended(_)) && self.here.is_none() && Instant::now() >= self.detached_since + self.limits.detached
    }

    /// Sends as much as the line takes now.
    fn pump(&mut self) {
        let Some(here) = &mut self.here else { return };
        while here.sent < self.scrollback.end() {
            let Ok(room) = here.to_hub.try_reserve() else { return };
            let bytes = self.scrollback.copy(here.sent, CHUNK_BYTES);
            let offset = here.sent;
            here.sent += bytes.len() as u64;
            room.send(Frame::Output { offset, bytes });
        }
    }

    /// Whether the last word was said: then all is over.
    async fn is_told(&mut self) -> bool {
        let (Phase::Ended(ended), Some(here)) = (&self.phase, &self.here) else {
            return matches!(&self.phase, Phase::Ended(ended) if ended.reason == EndReason::Abandoned);
        };
        if here.sent < self.scrollback.end() {
            return false;
        }
        let told = here.to_hub.send(Frame::Ended(ended.clone())).await.is_ok();
        if !told {
            self.detach();
        }
        told
    }
}

pub fn ended(reason: EndReason, message: &str) -> Ended {
    Ended {
        reason,
        exit_code: None,
        message: message.to_owned(),
    }
}

fn limit(ms: u64) -> Option<Duration> {
    (ms > 0).then(|| Duration::from_millis(ms))
}

fn sentence(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Exited => "the shell exited",
        EndReason::Terminated => "the session was ended",
        EndReason::IdleTimeout => "there was no input for the session's idle time",
        EndReason::MaxDuration => "the session's maximum time was over",
        EndReason::Abandoned => "nobody came back to the session",
        EndReason::TakenOver => "another attachment took over",
        EndReason::Unknown => "the node does not have this session",
        EndReason::StartFailed => "the shell could not be started",
        EndReason::Refused => "the node refuses it",
    }
}
