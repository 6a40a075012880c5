//! One shell's (or command's) task: it owns process, scroll-back and the one attachment, and decides when all this ends.
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
//! Commands on pipes, whose output somebody may be storing, are paused while detached too, so that nothing is ever missing.

mod times;

use std::io;
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::channel::Heard;
use super::plugin::Plugin;
use super::process::{Exit, Process, Source};
use super::scrollback::Scrollback;
use crate::wire::channel::content::Flag;
use crate::wire::channel::{PIECE_BYTES, payload_type};
use crate::wire::session::{Attached, EndReason, Ended, Frame, Open, SCROLLBACK_BYTES, Streams, Work};

/// Output read ahead of the attached reader.
const AHEAD_BYTES: u64 = 64 * 1024;
/// Payload of one output frame.
const CHUNK_BYTES: usize = 32 * 1024;
/// Input kept while the shell does not read.
const INPUT_BYTES: usize = 64 * 1024;
/// From the polite signal to the last one.
const KILL_GRACE: Duration = Duration::from_secs(1);
/// Between two looks at whether the plugin has heard the last output.
const TURN: Duration = Duration::from_millis(50);
/// How long output is awaited after the shell's exit.
const DRAIN: Duration = Duration::from_millis(500);

use times::{Alarm, sentence};
pub use times::{ended, limit};

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
    via_plugin: bool,
    _done: oneshot::Sender<()>,
}

pub struct Shell {
    work: Work,
    process: Process,
    scrollback: Scrollback,
    here: Option<Here>,
    /// Since the first time that somebody came with it.
    plugin: Option<Plugin>,
    input: Bytes,
    limits: Limits,
    started_at: Instant,
    last_input: Instant,
    detached_since: Instant,
    phase: Phase,
    /// When there was nothing more to read.
    over_since: Option<Instant>,
    is_output_closed: bool,
    /// For the plugin, when it is still to be told.
    exit_code: Option<Bytes>,
    /// Why the session is ended, when its reason alone does not say it.
    why: Option<String>,
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
    Readable(Source),
    Writable,
    Room,
    Exited,
    Time,
    Stop,
}

impl Shell {
    /// `tasks` is where what outlives the shell's own task is counted.
    pub fn new(work: Work, process: Process, detached: Duration, tasks: TaskTracker) -> Self {
        let now = Instant::now();
        let input = match &work {
            Work::Shell { profile } if !profile.is_empty() => format!("{profile}\n").into(),
            _ => Bytes::new(),
        };
        Self {
            work,
            process,
            scrollback: Scrollback::new(SCROLLBACK_BYTES),
            here: None,
            plugin: None,
            input,
            limits: Limits {
                idle: None,
                max: None,
                detached,
            },
            started_at: now,
            last_input: now,
            detached_since: now,
            phase: Phase::Running,
            over_since: None,
            is_output_closed: false,
            exit_code: None,
            why: None,
            buffer: vec![0; 16 * 1024],
            tasks,
        }
    }

    /// Until the shell is over and nobody needs to be told of it any more.
    pub async fn serve(mut self, first: Attachment, mut attachments: mpsc::Receiver<Attachment>, stopping: CancellationToken) {
        let mut alarm = Alarm::default();
        self.attach(first, true).await;
        loop {
            self.pump();
            if self.is_told().await {
                return;
            }
            match self.next_event(&mut attachments, &mut alarm, &stopping).await {
                Event::Attach(attachment) => self.attach(*attachment, false).await,
                Event::Frame(frame) => self.take(frame),
                Event::Detached => self.detach(),
                Event::Readable(source) => self.read(source),
                Event::Writable => self.write(),
                Event::Room => {}
                Event::Exited => self.exited(),
                Event::Time if self.is_forgotten() => return,
                Event::Time => self.look_at_time(),
                Event::Stop => {
                    self.process.hang_up();
                    return;
                }
            }
        }
    }

    async fn next_event(&mut self, attachments: &mut mpsc::Receiver<Attachment>, alarm: &mut Alarm, stopping: &CancellationToken) -> Event {
        let (may_read, may_read_errors) = (self.may_read(), self.may_read_errors());
        let is_running = matches!(self.phase, Phase::Running | Phase::Ending { .. });
        let deadline = self.deadline();
        let (has_input, has_room, has_output) = (!self.input.is_empty(), self.has_room(), self.has_output());
        let process = &self.process;
        let here = async {
            match &mut self.here {
                None => std::future::pending().await,
                Some(Here { from_hub, to_hub, .. }) => tokio::select! {
                    // What was typed before the line broke is not lost.
                    biased;
                    frame = from_hub.recv(), if has_room => frame.map_or(Event::Detached, Event::Frame),
                    room = to_hub.reserve(), if has_output => room.map_or(Event::Detached, |_| Event::Room),
                    () = to_hub.closed() => Event::Detached,
                },
            }
        };
        tokio::select! {
            event = here => event,
            () = process.readable(Source::Output), if may_read => Event::Readable(Source::Output),
            () = process.readable(Source::Errors), if may_read_errors => Event::Readable(Source::Errors),
            () = process.writable(), if has_input => Event::Writable,
            () = process.ended(), if is_running => Event::Exited,
            Some(attachment) = attachments.recv() => Event::Attach(Box::new(attachment)),
            () = alarm.at(deadline) => Event::Time,
            () = stopping.cancelled() => Event::Stop,
        }
    }

    /// The plugin's end, when it is the plugin that is attached.
    fn attached_plugin(&self) -> Option<&Plugin> {
        self.plugin
            .as_ref()
            .filter(|_| self.here.as_ref().is_some_and(|here| here.via_plugin))
    }

    /// Whether what the attached one says may be taken.
    fn has_room(&self) -> bool {
        self.input.len() < INPUT_BYTES && self.attached_plugin().is_none_or(Plugin::has_room)
    }

    /// Whether something waits for the line.
    fn has_output(&self) -> bool {
        let is_behind = self.here.as_ref().is_some_and(|here| here.sent < self.scrollback.end());
        self.attached_plugin().map_or(is_behind, Plugin::has_out)
    }

    fn may_read(&self) -> bool {
        let is_open = !self.is_output_closed && !matches!(self.phase, Phase::Ended(_));
        is_open && !self.is_behind()
    }

    /// Whether reading on would lose something, or fill memory.
    fn is_behind(&self) -> bool {
        match &self.here {
            Some(here) => self.scrollback.end() - here.sent >= AHEAD_BYTES,
            None => matches!(self.work, Work::NonInteractive { .. }),
        }
    }

    fn may_read_errors(&self) -> bool {
        let is_open = self.process.has_errors() && !matches!(self.phase, Phase::Ended(_));
        is_open && !self.is_behind() && self.attached_plugin().is_none_or(|plugin| plugin.room() > 0)
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
        if started || !open.via_plugin {
            // The plugin tells its size later.
            self.process.resize(open.size);
        }
        self.limits.idle = limit(open.idle_timeout_ms);
        self.limits.max = limit(open.max_duration_ms);
        self.last_input = Instant::now();
        let start = self.scrollback.start();
        let from = match open.via_plugin {
            true => Some(self.plugin_back()),
            false => open.from,
        };
        let offset = from.unwrap_or(start).clamp(start, self.scrollback.end());
        // The channel is fresh and has room.
        let _ = to_hub.send(Frame::Attached(Attached { offset, started })).await;
        self.here = Some(Here {
            from_hub,
            to_hub,
            sent: offset,
            via_plugin: open.via_plugin,
            _done: done,
        });
    }

    /// The plugin has a fresh line; answers how far it has the output.
    fn plugin_back(&mut self) -> u64 {
        let plugin = self.plugin.get_or_insert_with(|| Plugin::new(&self.work));
        plugin.line_up();
        plugin.packed
    }

    fn detach(&mut self) {
        self.here = None;
        self.detached_since = Instant::now();
    }

    fn take(&mut self, frame: Frame) {
        match frame {
            Frame::Input(bytes) => self.type_in(bytes),
            Frame::Plugin(bytes) => self.take_from_plugin(bytes),
            Frame::Resize(size) => self.process.resize(size),
            Frame::End => self.end(EndReason::Terminated),
            // Not for a shell that runs; a later version of the hub may know better.
            Frame::Open(_) | Frame::Attached(_) | Frame::Output { .. } | Frame::Ended(_) => {}
        }
    }

    fn take_from_plugin(&mut self, bytes: Bytes) {
        let Some(plugin) = &mut self.plugin else { return };
        for heard in plugin.take(bytes) {
            match heard {
                Heard::Input(bytes) => self.type_in(bytes),
                Heard::Size(size) => self.process.resize(size),
                Heard::Flag(Flag::TerminateSession) => self.end(EndReason::Terminated),
                Heard::Refused(why) => {
                    self.why = Some(why);
                    self.end(EndReason::Refused);
                }
                // Of port sessions; the node's own.
                Heard::Flag(Flag::DisconnectToPort | Flag::ConnectToPortError) | Heard::Open => {}
            }
        }
    }

    fn type_in(&mut self, bytes: Bytes) {
        self.last_input = Instant::now();
        self.input = match self.input.is_empty() {
            true => bytes,
            false => [&self.input[..], &bytes[..]].concat().into(),
        };
        self.write();
    }

    fn write(&mut self) {
        while !self.input.is_empty() {
            match self.process.write(&self.input) {
                Ok(written) => self.input.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // Nobody reads it any more.
                Err(_) => self.input.clear(),
            }
        }
    }

    fn read(&mut self, source: Source) {
        // As much as one turn may take, so that small writes of a busy command travel together.
        loop {
            let most = match (source, self.attached_plugin()) {
                (Source::Output, _) if !self.may_read() => return,
                (Source::Errors, _) if !self.may_read_errors() => return,
                (Source::Errors, Some(_)) => PIECE_BYTES,
                _ => self.buffer.len(),
            };
            match self.process.read(source, &mut self.buffer[..most]) {
                Ok(0) => return self.closed(source),
                Ok(read) => self.keep(source, read),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.closed(source),
            }
            if self.here.is_none() {
                // A detached shell may write for ever; others want a turn.
                return;
            }
        }
    }

    /// Only the plugin has a word for errors; for others they are output.
    fn keep(&mut self, source: Source, read: usize) {
        let via_plugin = self.attached_plugin().is_some();
        match &mut self.plugin {
            Some(plugin) if source == Source::Errors && via_plugin => {
                plugin.send(payload_type::STDERR, Bytes::copy_from_slice(&self.buffer[..read]));
            }
            _ => self.scrollback.push(&self.buffer[..read]),
        }
    }

    /// Nothing more comes from there; a shell that closed its terminal without ending is told to end.
    fn closed(&mut self, source: Source) {
        match source {
            Source::Output => self.is_output_closed = true,
            Source::Errors => self.process.close_errors(),
        }
        if !self.is_output_closed || self.process.has_errors() {
            return;
        }
        self.exited();
        match std::mem::replace(&mut self.phase, Phase::Running) {
            Phase::Exited { ended, .. } => self.over(ended),
            Phase::Running => self.end(EndReason::Exited),
            other => self.phase = other,
        }
    }

    /// All is read.
    fn over(&mut self, ended: Ended) {
        if let Work::NonInteractive {
            streams: Streams::Apart, ..
        } = self.work
        {
            // Upstream's words.
            self.exit_code = ended.exit_code.map(|code| format!("EXIT_CODE: {code}").into());
        }
        self.over_since = Some(Instant::now());
        self.phase = Phase::Ended(ended);
    }

    fn exited(&mut self) {
        let reason = match self.phase {
            Phase::Running => EndReason::Exited,
            Phase::Ending { reason } => reason,
            Phase::Exited { .. } | Phase::Ended(_) => return,
        };
        let Some(Exit { code, message }) = self.process.reap() else {
            return;
        };
        let message = if message.is_empty() { sentence(reason).into() } else { message };
        let ended = Ended {
            reason,
            exit_code: code,
            message: self.why.take().unwrap_or(message),
        };
        self.phase = Phase::Exited {
            ended,
            until: Instant::now() + DRAIN,
        };
    }

    /// Asks the shell to go.
    fn end(&mut self, reason: EndReason) {
        if matches!(self.phase, Phase::Running) {
            let kill = self.process.killer(self.process.hang_up());
            self.tasks.spawn(async move {
                // Beside the shell's own task, which may be over before: what ignores the hang-up often outlives its shell.
                tokio::time::sleep(KILL_GRACE).await;
                let _ = tokio::task::spawn_blocking(kill).await;
            });
            self.phase = Phase::Ending { reason };
        }
    }

    /// Sends as much as the line takes now.
    fn pump(&mut self) {
        let Some(here) = &mut self.here else { return };
        if let (true, Some(plugin)) = (here.via_plugin, &mut self.plugin) {
            while here.sent < self.scrollback.end() && plugin.room() > 0 {
                let piece = self.scrollback.copy(here.sent, PIECE_BYTES);
                here.sent += piece.len() as u64;
                plugin.packed = here.sent;
                plugin.send(payload_type::OUTPUT, piece);
            }
            if here.sent == self.scrollback.end() && plugin.room() > 0 {
                let last = self.exit_code.take();
                last.into_iter().for_each(|code| plugin.send(payload_type::EXIT_CODE, code));
            }
            return plugin.pass(&here.to_hub);
        }
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
        let is_told = match self.attached_plugin().zip(self.over_since) {
            Some((plugin, over)) => plugin.is_told(over, here.sent == self.scrollback.end() && self.exit_code.is_none()),
            None => here.sent == self.scrollback.end(),
        };
        if !is_told {
            return false;
        }
        let told = here.to_hub.send(Frame::Ended(ended.clone())).await.is_ok();
        if !told {
            self.detach();
        }
        told
    }
}
