//! A port session: connections from the node, through the plugin's data channel, to local connections of whoever started it.
//!
//! ```text
//! plugin ⇄ channel (one ordered stream of bytes) ⇄ [`mux`]: many connections, or one ⇄ [`target`]: a task per connection
//! ```
//!
//! It belongs to the node, as a shell does: a line that breaks stops everything where it stands, and the next one goes on there. A
//! connection whose target does not read stops the client when [`streams`] holds too much for it; a client that does not read
//! stops the reading from all targets.

mod mux;
mod streams;
mod target;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::channel::Heard;
use super::plugin::Plugin;
use super::shell::{Attachment, ended, limit};
use crate::wire::channel::content::Flag;
use crate::wire::session::{Attached, EndReason, Ended, Frame, Port, Work};

use streams::Streams;
use target::Told;

/// Words of all connections that wait to be passed on: each reads on only when it has been heard.
const TOLD: usize = 8;
/// Between two looks at whether the plugin has heard the last output.
const TURN: Duration = Duration::from_millis(50);

struct Here {
    from_hub: mpsc::Receiver<Frame>,
    to_hub: mpsc::Sender<Frame>,
    via_plugin: bool,
    _done: oneshot::Sender<()>,
}

pub struct PortSession {
    port: Port,
    plugin: Plugin,
    /// From the handshake on.
    streams: Option<Streams>,
    words: mpsc::Receiver<(u32, Told)>,
    told: mpsc::Sender<(u32, Told)>,
    here: Option<Here>,
    idle: Option<Duration>,
    max: Option<Duration>,
    detached: Duration,
    started_at: Instant,
    last_traffic: Instant,
    detached_since: Instant,
    over: Option<(Ended, Instant)>,
    tasks: TaskTracker,
}

enum Event {
    Attach(Box<Attachment>),
    Frame(Frame),
    Detached,
    Told(u32, Told),
    /// What was held fits now.
    Fits,
    Line,
    Time,
    Stop,
}

impl PortSession {
    /// One nobody is attached to lives for `detached`; `tasks` is where its connections are counted.
    pub fn new(port: Port, detached: Duration, tasks: TaskTracker) -> Self {
        let now = Instant::now();
        let (told, words) = mpsc::channel(TOLD);
        Self {
            plugin: Plugin::new(&Work::Port(port.clone())),
            port,
            streams: None,
            words,
            told,
            here: None,
            idle: None,
            max: None,
            detached,
            started_at: now,
            last_traffic: now,
            detached_since: now,
            over: None,
            tasks,
        }
    }

    /// Until the session is over and nobody needs to be told of it any more.
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
                Event::Told(id, told) => self.hear(id, told),
                Event::Fits => self.with_streams(Streams::retry),
                Event::Line => {}
                Event::Time if self.is_forgotten() => return,
                Event::Time => self.look_at_time(),
                Event::Stop => return,
            }
        }
    }

    async fn next_event(&mut self, attachments: &mut mpsc::Receiver<Attachment>, stopping: &CancellationToken) -> Event {
        let deadline = self.deadline();
        let has_room = self.plugin.has_room() && self.streams.as_ref().is_none_or(Streams::has_room);
        let (has_out, may_hear) = (
            self.plugin.has_out(),
            self.streams.as_ref().is_none_or(|streams| !streams.has_out()),
        );
        let fits = async {
            match &self.streams {
                Some(streams) => streams.room().await,
                None => std::future::pending().await,
            }
        };
        let here = async {
            match &mut self.here {
                None => std::future::pending().await,
                Some(here) => tokio::select! {
                    biased;
                    frame = here.from_hub.recv(), if has_room || !here.via_plugin => frame.map_or(Event::Detached, Event::Frame),
                    room = here.to_hub.reserve(), if has_out && here.via_plugin => room.map_or(Event::Detached, |_| Event::Line),
                    () = here.to_hub.closed() => Event::Detached,
                },
            }
        };
        tokio::select! {
            event = here => event,
            () = fits => Event::Fits,
            Some((id, told)) = self.words.recv(), if may_hear => Event::Told(id, told),
            Some(attachment) = attachments.recv() => Event::Attach(Box::new(attachment)),
            () = tokio::time::sleep_until(deadline) => Event::Time,
            () = stopping.cancelled() => Event::Stop,
        }
    }

    async fn attach(&mut self, attachment: Attachment, started: bool) {
        if let Some(before) = self.here.take() {
            // It may be the very line that hangs: the word is left if there is room for it.
            let word = ended(EndReason::TakenOver, "another attachment took over");
            let _ = before.to_hub.try_send(Frame::Ended(word));
        }
        let Attachment {
            open,
            from_hub,
            to_hub,
            done,
        } = attachment;
        if open.via_plugin {
            (self.idle, self.max) = (limit(open.idle_timeout_ms), limit(open.max_duration_ms));
            self.plugin.line_up();
        }
        // The channel is fresh and has room.
        let _ = to_hub.send(Frame::Attached(Attached { offset: 0, started })).await;
        self.here = Some(Here {
            from_hub,
            to_hub,
            via_plugin: open.via_plugin,
            _done: done,
        });
    }

    fn detach(&mut self) {
        self.here = None;
        self.detached_since = Instant::now();
    }

    fn take(&mut self, frame: Frame) {
        match frame {
            Frame::Plugin(bytes) => {
                for heard in self.plugin.take(bytes) {
                    self.obey(heard);
                }
            }
            Frame::End => self.end(ended(EndReason::Terminated, "the session was ended")),
            // Of shells; a later version of the hub may know better.
            Frame::Input(_) | Frame::Resize(_) | Frame::Open(_) | Frame::Attached(_) | Frame::Output { .. } | Frame::Ended(_) => {}
        }
    }

    fn obey(&mut self, heard: Heard) {
        match heard {
            Heard::Open => {
                let (told, tasks) = (self.told.clone(), self.tasks.clone());
                self.streams = Some(Streams::new(self.port.clone(), self.plugin.is_multiplexing(), told, tasks));
            }
            Heard::Input(bytes) => {
                self.last_traffic = Instant::now();
                self.with_streams(|streams| streams.take(bytes));
            }
            Heard::Flag(Flag::DisconnectToPort) => {
                if let Some(streams) = &mut self.streams {
                    streams.disconnect();
                }
            }
            Heard::Flag(Flag::TerminateSession) => self.end(ended(EndReason::Terminated, "the session was ended")),
            Heard::Refused(why) => self.end(ended(EndReason::Refused, &why)),
            // Of terminals; the node's own.
            Heard::Size(_) | Heard::Flag(Flag::ConnectToPortError) => {}
        }
    }

    fn with_streams(&mut self, act: impl FnOnce(&mut Streams) -> Result<(), mux::NotSmux>) {
        let Some(streams) = &mut self.streams else { return };
        if let Err(why) = act(streams) {
            self.end(ended(EndReason::Refused, &why.to_string()));
        }
    }

    fn hear(&mut self, id: u32, told: Told) {
        self.last_traffic = Instant::now();
        let Some(streams) = &mut self.streams else { return };
        streams.hear(id, told);
        match streams.over.take() {
            None => {}
            Some(Ok(())) => self.end(Ended {
                exit_code: Some(0),
                ..ended(EndReason::Exited, "the connection was closed")
            }),
            Some(Err(why)) => self.end(ended(EndReason::StartFailed, &why)),
        }
    }

    /// Only what has been said already is still passed on.
    fn end(&mut self, word: Ended) {
        if self.over.is_none() {
            self.over = Some((word, Instant::now()));
        }
    }

    fn pump(&mut self) {
        if let Some(streams) = &mut self.streams {
            while self.plugin.room() > 0
                && let Some((payload_type, piece)) = streams.next_out()
            {
                self.plugin.send(payload_type, piece);
            }
        }
        if let Some(here) = self.here.as_ref().filter(|here| here.via_plugin) {
            self.plugin.pass(&here.to_hub);
        }
    }

    /// Whether the last word was said: then all is over.
    async fn is_told(&mut self) -> bool {
        let (Some((word, since)), Some(here)) = (&self.over, &self.here) else {
            return matches!(&self.over, Some((word, _)) if word.reason == EndReason::Abandoned);
        };
        let is_packed = self.streams.as_ref().is_none_or(|streams| !streams.has_out());
        let waits = here.via_plugin && word.reason == EndReason::Exited;
        if waits && !self.plugin.is_told(*since, is_packed) {
            return false;
        }
        let told = here.to_hub.send(Frame::Ended(word.clone())).await.is_ok();
        if !told {
            self.detach();
        }
        told
    }

    fn deadline(&self) -> Instant {
        let far = Instant::now() + Duration::from_secs(3600);
        let detached = self.here.is_none().then(|| self.detached_since + self.detached);
        let own = match &self.over {
            None => {
                let idle = self.idle.map(|idle| self.last_traffic + idle);
                let max = self.max.map(|max| self.started_at + max);
                [idle, max, detached].into_iter().flatten().min()
            }
            // A moment later, so that it is not looked at too early again and again.
            Some((_, since)) => detached.or(Some(self.plugin.patience(*since).max(Instant::now()) + TURN)),
        };
        let resend = self.here.as_ref().and_then(|_| self.plugin.next_tick());
        [own, resend].into_iter().flatten().min().unwrap_or(far).min(far)
    }

    fn look_at_time(&mut self) {
        let now = Instant::now();
        let is_over = |limit: Option<Duration>, since: Instant| limit.is_some_and(|limit| now >= since + limit);
        if is_over(self.max, self.started_at) {
            self.end(ended(EndReason::MaxDuration, "the session's maximum time was over"));
        } else if is_over(self.idle, self.last_traffic) {
            self.end(ended(EndReason::IdleTimeout, "there was no traffic for the session's idle time"));
        } else if self.here.is_none() && is_over(Some(self.detached), self.detached_since) {
            self.end(ended(EndReason::Abandoned, "nobody came back to the session"));
        }
    }

    /// Nobody came back for the last word.
    fn is_forgotten(&self) -> bool {
        self.over.is_some() && self.here.is_none() && Instant::now() >= self.detached_since + self.detached
    }
}
