//! One attachment to a shell: the keys and the screen on our side, the WebSocket on the other.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use futures_util::stream::SplitSink;
use futures_util::{FutureExt, SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{self, Message};

use crate::base::id::SessionId;
use crate::cli::client::{CallError, Client};
use crate::cli::connection::WebSocket;
use crate::cli::failure::{Exit, Failure};
use crate::cli::ssh::escape::{Escapes, Key};
use crate::cli::ssh::terminal::{Keyboard, Screen, size};
use crate::cli::text;
use crate::wire::session::{Ended, Frame};

const PROTOCOL: &str = "roadstead.session.v1";
/// A line on which nothing comes back for so long after we asked is dead.
const DEAD_AFTER: Duration = Duration::from_secs(25);
const PING_EVERY: Duration = Duration::from_secs(10);
/// From the token to the first byte of the shell.
const ATTACH_TIMEOUT: Duration = Duration::from_secs(20);
/// Typed ahead while the line is down; more is refused with a bell.
const MAX_PENDING_BYTES: usize = 1024 * 1024;
/// How soon the end of a pipe is said again.
const FIRST_END: Duration = Duration::from_millis(250);
const LONGEST_END: Duration = Duration::from_secs(30);

/// How an attachment came to its end.
#[derive(Debug)]
pub enum Outcome {
    Ended(Ended),
    /// By `~.`, or a signal.
    Left,
    /// The line, not the shell: worth another attempt.
    Dropped(String),
}

/// The caller's side of a session; it outlives its attachments.
pub struct Shell {
    session: SessionId,
    keys: Keyboard,
    /// Whether stdin is a terminal: then tildes mean something, and the end of stdin is none of the shell's.
    is_terminal: bool,
    /// When its end is said again, and after how long once more.
    end_again: Option<(tokio::time::Instant, Duration)>,
    escapes: Escapes,
    pending: VecDeque<Bytes>,
    pending_bytes: usize,
    screen: Screen,
    /// Output up to this offset has been shown; `None` before the first attachment.
    shown: Option<u64>,
    attached: bool,
    told: mpsc::Receiver<Told>,
    /// The node has not been told of the terminal's size.
    has_new_size: bool,
}

#[derive(Deserialize)]
enum Answer {
    Attached(AttachedAnswer),
    Error(Refusal),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AttachedAnswer {
    offset: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Refusal {
    code: String,
    message: String,
}

impl Shell {
    pub fn new(session: SessionId, is_terminal: bool) -> Result<Self> {
        Ok(Self {
            session,
            keys: Keyboard::open(),
            is_terminal,
            end_again: None,
            escapes: Escapes::new(),
            pending: VecDeque::new(),
            pending_bytes: 0,
            screen: Screen::open(),
            shown: None,
            attached: false,
            has_new_size: false,
            told: listen()?,
        })
    }

    pub fn session(&self) -> &SessionId {
        &self.session
    }

    /// Whether the last attempt reached the shell.
    pub fn was_attached(&self) -> bool {
        self.attached
    }

    /// Whether the shell has drawn on the caller's terminal.
    pub fn has_shown(&self) -> bool {
        self.shown.is_some()
    }

    pub async fn close(self, limit: Duration) {
        self.screen.close(limit).await;
    }

    /// A word of our own on the caller's terminal, apart from what the shell prints.
    pub fn tell(&self, words: &str) {
        use std::io::Write;
        let _ = write!(std::io::stderr().lock(), "\r\n[roadstead: {}]\r\n", text::escape_line(words));
    }

    /// Until the shell ends, the caller leaves or the line is cut. *Errors*: the hub refuses, for good.
    pub async fn attach(&mut self, client: &Client, token: String, take_over: bool) -> Result<Outcome> {
        self.attached = false;
        let path = format!("/stream/{}", self.session);
        let opening = tokio::time::timeout(ATTACH_TIMEOUT, open(client, &path, token, self.shown, take_over));
        let opened = tokio::select! {
            opened = opening => opened,
            outcome = self.watch_keys() => return Ok(outcome),
        };
        let socket = match opened {
            Ok(Ok((socket, offset))) => {
                self.note_gap(offset);
                socket
            }
            Ok(Err(Refused::Passing(why))) => return Ok(Outcome::Dropped(why)),
            Ok(Err(Refused::Final(failure))) => return Err(failure),
            Err(_) => return Ok(Outcome::Dropped("no answer".into())),
        };
        self.attached = true;
        Ok(self.relay(socket).await)
    }

    /// Says so when the scroll-back no longer reached back to where we were.
    fn note_gap(&mut self, offset: u64) {
        if let Some(shown) = self.shown.filter(|shown| *shown < offset) {
            self.tell(&format!("{} of output were lost meanwhile", text::bytes(offset - shown)));
        }
        self.shown = Some(self.shown.map_or(offset, |shown| shown.max(offset)));
    }

    async fn relay(&mut self, socket: WebSocket) -> Outcome {
        let (to_hub, mut from_hub) = socket.split();
        let mut to_hub = Outgoing {
            sink: to_hub,
            is_busy: false,
        };
        let mut to_show = Bytes::new();
        let mut heard = Instant::now();
        let mut ping = tokio::time::interval(PING_EVERY);
        loop {
            // Before anything else is looked at: a key's way to the node begins here.
            if let Err(error) = self.send_pending(&mut to_hub) {
                return Outcome::Dropped(words(&error));
            }
            let may_type = self.may_type();
            let end_again = self.end_again.map(|(at, _)| at);
            tokio::select! {
                shown = self.screen.show(&mut to_show), if !to_show.is_empty() => if shown.is_err() {
                    return Outcome::Left;
                },
                message = from_hub.next(), if to_show.is_empty() => {
                    heard = Instant::now();
                    match self.heard(message) {
                        Ok(bytes) => to_show = bytes,
                        Err(outcome) => return outcome,
                    }
                    // At once, as far as the terminal takes it.
                    if let Some(Err(_)) = self.screen.show(&mut to_show).now_or_never() {
                        return Outcome::Left;
                    }
                }
                sent = to_hub.finish(), if to_hub.is_busy => if let Err(error) = sent {
                    return Outcome::Dropped(words(&error));
                },
                typed = self.keys.next(), if may_type => if let Some(outcome) = self.typed(typed) {
                    return outcome;
                },
                () = tokio::time::sleep_until(end_again.unwrap_or_else(tokio::time::Instant::now)), if end_again.is_some() => self.say_end(),
                _ = ping.tick() => {
                    if heard.elapsed() > DEAD_AFTER && to_show.is_empty() {
                        return Outcome::Dropped("nothing came for too long".to_owned());
                    }
                    if !to_hub.is_busy && let Err(error) = to_hub.begin(Message::Ping(Bytes::new())) {
                        return Outcome::Dropped(words(&error));
                    }
                }
                Some(told) = self.told.recv() => match told {
                    Told::Resized => self.has_new_size = true,
                    Told::Leave => return Outcome::Left,
                },
            }
        }
    }

    /// Sends what waits, as far as the line takes it.
    fn send_pending(&mut self, to_hub: &mut Outgoing) -> Result<(), tungstenite::Error> {
        while !to_hub.is_busy && (self.has_new_size || !self.pending.is_empty()) {
            let frame = match std::mem::take(&mut self.has_new_size) {
                true => Frame::Resize(size()),
                false => Frame::Input(self.next_pending()),
            };
            to_hub.begin(Message::Binary(frame.encode()))?;
        }
        Ok(())
    }

    /// What a message from the hub means: bytes to show, nothing, or the end.
    fn heard(&mut self, message: Option<Result<Message, tungstenite::Error>>) -> Result<Bytes, Outcome> {
        match message {
            Some(Ok(Message::Binary(frame))) => match Frame::decode(frame) {
                Ok(Frame::Output { offset, bytes }) => Ok(self.fresh(offset, bytes)),
                Ok(Frame::Ended(ended)) => Err(Outcome::Ended(ended)),
                Ok(_) => Ok(Bytes::new()),
                Err(error) => Err(Outcome::Dropped(error.to_string())),
            },
            Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                Ok(Answer::Error(refusal)) => Err(Outcome::Dropped(refusal.message)),
                _ => Ok(Bytes::new()),
            },
            Some(Ok(Message::Close(_))) | None => Err(Outcome::Dropped("the hub closed it".to_owned())),
            Some(Ok(_)) => Ok(Bytes::new()),
            Some(Err(error)) => Err(Outcome::Dropped(words(&error))),
        }
    }

    /// A terminal is always listened to, for `~.`; a pipe waits until the node has taken what it gave.
    fn may_type(&self) -> bool {
        self.end_again.is_none() && (self.is_terminal || self.pending_bytes < MAX_PENDING_BYTES)
    }

    /// The part of an output that has not been shown yet.
    fn fresh(&mut self, offset: u64, bytes: Bytes) -> Bytes {
        let (shown, fresh) = unseen(self.shown.unwrap_or(offset), offset, bytes);
        self.shown = Some(shown);
        fresh
    }

    fn next_pending(&mut self) -> Bytes {
        let bytes = self.pending.pop_front().unwrap_or_default();
        self.pending_bytes -= bytes.len();
        bytes
    }

    fn typed(&mut self, typed: Option<Bytes>) -> Option<Outcome> {
        let Some(bytes) = typed else {
            // A terminal that is gone takes the session's user with it.
            if self.is_terminal {
                return Some(Outcome::Left);
            }
            self.say_end();
            return None;
        };
        if !self.is_terminal {
            self.push(bytes);
            return None;
        }
        for key in self.escapes.feed(&bytes) {
            match key {
                Key::Typed(typed) => self.push(typed.into()),
                Key::Leave => return Some(Outcome::Left),
                Key::Help => self.tell("~. leaves, ~~ types a tilde, ~? shows this"),
            }
        }
        None
    }

    /// The end of a pipe is Ctrl-D to the shell. It is said until the shell ends: a program on the terminal may take one for itself,
    /// and a shell that has not set its terminal up yet loses it.
    fn say_end(&mut self) {
        if self.pending.is_empty() {
            self.push(Bytes::from_static(b"\x04"));
        }
        let pause = self.end_again.map_or(FIRST_END, |(_, pause)| (pause * 2).min(LONGEST_END));
        self.end_again = Some((tokio::time::Instant::now() + pause, pause));
    }

    fn push(&mut self, bytes: Bytes) {
        if self.is_terminal && self.pending_bytes + bytes.len() > MAX_PENDING_BYTES {
            use std::io::Write;
            let _ = std::io::stderr().lock().write_all(b"\x07");
            return;
        }
        self.pending_bytes += bytes.len();
        self.pending.push_back(bytes);
    }

    /// While there is no line: keeps what is typed and ends when the caller leaves.
    pub async fn watch_keys(&mut self) -> Outcome {
        loop {
            let may_type = self.may_type();
            tokio::select! {
                typed = self.keys.next(), if may_type => if let Some(outcome) = self.typed(typed) {
                    return outcome;
                },
                Some(told) = self.told.recv() => match told {
                    Told::Resized => self.has_new_size = true,
                    Told::Leave => return Outcome::Left,
                },
            }
        }
    }
}

/// The way to the hub, one message at a time: what follows waits in `pending`, where leaving does not wait for it.
struct Outgoing {
    sink: SplitSink<WebSocket, Message>,
    /// A message is on its way, of which the line has not taken all.
    is_busy: bool,
}

impl Outgoing {
    /// Sends as much as the line takes now; only while it is not busy.
    fn begin(&mut self, message: Message) -> Result<(), tungstenite::Error> {
        let sent = self.sink.send(message).now_or_never();
        self.is_busy = sent.is_none();
        sent.unwrap_or(Ok(()))
    }

    /// Sends the rest. *Cancel*: nothing is lost.
    async fn finish(&mut self) -> Result<(), tungstenite::Error> {
        self.sink.flush().await?;
        self.is_busy = false;
        Ok(())
    }
}

/// The WebSocket and the offset at which the shell's output goes on.
async fn open(client: &Client, path: &str, token: String, from: Option<u64>, take_over: bool) -> Result<(WebSocket, u64), Refused> {
    let mut socket = client.websocket(path, PROTOCOL).await?;
    let size = size();
    let hello = json!({"Token": token, "Cols": size.cols, "Rows": size.rows, "From": from, "TakeOver": take_over});
    socket.send(Message::text(hello.to_string())).await?;
    loop {
        let text = match socket.next().await {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Ok(_)) | None => return Err(Refused::Passing("the hub closed it".into())),
            Some(Err(error)) => return Err(error.into()),
        };
        return match serde_json::from_str(&text) {
            Ok(Answer::Attached(attached)) => Ok((socket, attached.offset)),
            Ok(Answer::Error(refusal)) => Err(refusal.into()),
            Err(_) => Err(Refused::Passing("an answer that is not the protocol's".into())),
        };
    }
}

/// How far the output has been shown after this piece, and the part of it that is new.
fn unseen(shown: u64, offset: u64, mut bytes: Bytes) -> (u64, Bytes) {
    let end = offset + bytes.len() as u64;
    if end <= shown {
        return (shown, Bytes::new());
    }
    let seen = shown.saturating_sub(offset) as usize;
    (end, bytes.split_off(seen))
}

/// A cut line has many names; to the caller they are one.
fn words(error: &tungstenite::Error) -> String {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    match error {
        tungstenite::Error::Io(cause) if matches!(cause.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof) => {
            "the hub went away".to_owned()
        }
        other => other.to_string(),
    }
}

/// What the system tells this program.
#[derive(Clone, Copy, Debug)]
enum Told {
    Resized,
    Leave,
}

/// All signals by one channel: at every key it is looked at one thing instead of four.
fn listen() -> Result<mpsc::Receiver<Told>> {
    let mut resized = signal(SignalKind::window_change())?;
    let mut ended = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let (tell, told) = mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            let heard = tokio::select! {
                _ = resized.recv() => Told::Resized,
                _ = ended.recv() => Told::Leave,
                _ = hung_up.recv() => Told::Leave,
                _ = interrupted.recv() => Told::Leave,
            };
            if tell.send(heard).await.is_err() {
                return;
            }
        }
    });
    Ok(told)
}

/// Why there is no attachment.
enum Refused {
    Passing(String),
    Final(anyhow::Error),
}

impl From<CallError> for Refused {
    fn from(error: CallError) -> Self {
        match error.is_passing() {
            true => Self::Passing(error.to_string()),
            false => Self::Final(error.into()),
        }
    }
}

impl From<tungstenite::Error> for Refused {
    fn from(error: tungstenite::Error) -> Self {
        Self::Passing(words(&error))
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        match refusal.code.as_str() {
            "InUse" => Self::Final(
                Failure::new(Exit::Conflict, refusal.message)
                    .hint("take it over: --take-over")
                    .into(),
            ),
            "NotConnected" => Self::Passing(refusal.message),
            code => Self::Final(Failure::new(Exit::of_api_code(code), format!("{} ({code})", refusal.message)).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replayed_output_is_shown_once() {
        let piece = |text: &'static str| Bytes::from_static(text.as_bytes());
        assert_eq!(unseen(10, 10, piece("abc")), (13, piece("abc")));
        assert_eq!(unseen(12, 10, piece("abc")), (13, piece("c")));
        assert_eq!(unseen(13, 10, piece("abc")), (13, Bytes::new()));
        assert_eq!(unseen(10, 20, piece("abc")), (23, piece("abc")));
    }
}
