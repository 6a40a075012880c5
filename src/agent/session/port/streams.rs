//! The connections of one port session: which there are, what goes to them, what comes of them. Decides; runs nothing but the
//! connections' tasks.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::mux::{self, Decoder, Event, NotSmux};
use super::target::{self, Share, Target, Told};
use crate::wire::channel::content::Flag;
use crate::wire::channel::{PIECE_BYTES, payload_type};
use crate::wire::session::Port;

/// Connections at once.
const MAX_STREAMS: usize = 128;
/// What lies between the client and all connections of a session; upstream's client and agent keep as much for each other.
const BUFFER_BYTES: usize = 4 * 1024 * 1024;
/// Pieces on the way to one connection.
const PIECES: usize = 1024;
/// Before a connection is made again that its target has closed.
const AGAIN: Duration = Duration::from_secs(1);

/// How connections are told apart.
#[derive(Debug)]
enum Mode {
    /// By frames in the stream.
    Many(Decoder),
    /// There is one after the other; a new one when the old one has gone.
    One,
    /// There is one, and the session ends with it.
    Single,
}

struct Stream {
    /// `None` when the client has finished.
    to_target: Option<mpsc::Sender<Share>>,
    is_finished: bool,
}

/// What does not fit at the moment.
struct Held {
    id: u32,
    bytes: Bytes,
}

pub struct Streams {
    port: Port,
    mode: Mode,
    open: HashMap<u32, Stream>,
    budget: Arc<Semaphore>,
    held: Option<Held>,
    /// The one connection of a session that has only one at a time.
    only: u32,
    told: mpsc::Sender<(u32, Told)>,
    /// Pieces for the client, with their payload types.
    out: VecDeque<(u32, Bytes)>,
    tasks: TaskTracker,
    stopping: CancellationToken,
    /// Why the session is over, when its only connection is.
    pub over: Option<Result<(), String>>,
}

impl Streams {
    /// `is_multiplexing` is whether the client can do it; a client that forwards no local port has one connection only.
    /// What connections say goes to `told`.
    pub fn new(port: Port, is_multiplexing: bool, told: mpsc::Sender<(u32, Told)>, tasks: TaskTracker) -> Self {
        let is_forwarding = port.properties.contains_key("type");
        let mode = match (is_forwarding, is_multiplexing) {
            (true, true) => Mode::Many(Decoder::default()),
            (true, false) => Mode::One,
            (false, _) => Mode::Single,
        };
        let mut streams = Self {
            port,
            mode,
            open: HashMap::new(),
            budget: Arc::new(Semaphore::new(BUFFER_BYTES)),
            held: None,
            only: 0,
            told,
            out: VecDeque::new(),
            tasks,
            stopping: CancellationToken::new(),
            over: None,
        };
        if !matches!(streams.mode, Mode::Many(_)) {
            streams.start(streams.only, Duration::ZERO);
        }
        streams
    }

    /// Whether more of the client's bytes may be taken.
    pub fn has_room(&self) -> bool {
        self.held.is_none()
    }

    pub fn take(&mut self, bytes: Bytes) -> Result<(), NotSmux> {
        match &mut self.mode {
            Mode::Many(decoder) => decoder.push(bytes),
            Mode::One | Mode::Single => self.give(self.only, bytes),
        }
        self.go_on()
    }

    /// The client's local connection is gone.
    pub fn disconnect(&mut self) {
        if matches!(self.mode, Mode::One) {
            // Its target hears the end, and a fresh one is there for the next.
            self.held = None;
            self.renew(Duration::ZERO);
        }
    }

    /// What the one before still says is nobody's.
    fn renew(&mut self, after: Duration) {
        self.open.remove(&self.only);
        self.only += 1;
        self.start(self.only, after);
    }

    /// Passes on what has been taken, until something does not fit.
    pub fn go_on(&mut self) -> Result<(), NotSmux> {
        while self.held.is_none() {
            let Mode::Many(decoder) = &mut self.mode else { return Ok(()) };
            match decoder.next()? {
                None => return Ok(()),
                Some(Event::Opened(id)) if self.open.contains_key(&id) => {}
                Some(Event::Opened(id)) if self.open.len() >= MAX_STREAMS => self.say(payload_type::OUTPUT, mux::finish(id)),
                Some(Event::Opened(id)) => self.start(id, Duration::ZERO),
                Some(Event::Data(id, bytes)) => self.give(id, bytes),
                Some(Event::Finished(id)) => self.client_finished(id),
            }
        }
        Ok(())
    }

    fn start(&mut self, id: u32, after: Duration) {
        let (to_target, from_client) = mpsc::channel(PIECES);
        let stream = Stream {
            to_target: Some(to_target),
            is_finished: false,
        };
        self.open.insert(id, stream);
        let target = Target {
            host: self.port.host.clone(),
            port: self.port.port,
            after,
        };
        let told = self.told.clone();
        let stopping = self.stopping.clone();
        self.tasks.spawn(async move {
            stopping.run_until_cancelled(target::run(id, target, from_client, told)).await;
        });
    }

    fn give(&mut self, id: u32, bytes: Bytes) {
        let Some(to_target) = self.open.get(&id).and_then(|stream| stream.to_target.as_ref()) else {
            return;
        };
        let share = self.budget.clone().try_acquire_many_owned(bytes.len() as u32);
        let Ok(share) = share else {
            self.held = Some(Held { id, bytes });
            return;
        };
        if let Err(mpsc::error::TrySendError::Full((bytes, _))) = to_target.try_send((bytes, share)) {
            self.held = Some(Held { id, bytes });
        }
    }

    /// Waits until what is held fits. *Cancel*: nothing is lost.
    pub async fn room(&self) {
        let Some(held) = &self.held else {
            return std::future::pending().await;
        };
        let to_target = self.open.get(&held.id).and_then(|stream| stream.to_target.clone());
        let Some(to_target) = to_target else { return };
        let share = self.budget.clone().acquire_many_owned(held.bytes.len() as u32).await;
        // A connection that is gone takes everything, to no effect.
        let _place = to_target.reserve().await;
        drop(share);
    }

    /// Tries again what was held.
    pub fn retry(&mut self) -> Result<(), NotSmux> {
        if let Some(Held { id, bytes }) = self.held.take() {
            self.give(id, bytes);
        }
        self.go_on()
    }

    fn client_finished(&mut self, id: u32) {
        let Some(stream) = self.open.get_mut(&id) else { return };
        stream.to_target = None;
        if stream.is_finished {
            self.open.remove(&id);
        }
    }

    pub fn hear(&mut self, id: u32, told: Told) {
        match (&self.mode, told) {
            (Mode::Many(_), Told::Data(bytes)) => self.say(payload_type::OUTPUT, mux::data(id, &bytes)),
            (Mode::One | Mode::Single, _) if id != self.only => {}
            (Mode::One | Mode::Single, Told::Data(bytes)) => self.say(payload_type::OUTPUT, bytes),
            (Mode::Many(_), Told::Finished) => self.target_finished(id),
            (Mode::Many(_), Told::Failed(why)) => {
                tracing::info!(why, "a connection of a port session failed");
                self.say(payload_type::FLAG, Flag::ConnectToPortError.payload());
                self.say(payload_type::OUTPUT, mux::finish(id));
                self.open.remove(&id);
            }
            (Mode::One, Told::Finished) => self.renew(AGAIN),
            (Mode::Single, Told::Finished) => self.over = Some(Ok(())),
            (Mode::One | Mode::Single, Told::Failed(why)) => self.over = Some(Err(why)),
        }
    }

    fn target_finished(&mut self, id: u32) {
        let Some(stream) = self.open.get_mut(&id) else { return };
        stream.is_finished = true;
        if stream.to_target.is_none() {
            self.open.remove(&id);
        }
        self.say(payload_type::OUTPUT, mux::finish(id));
    }

    /// In pieces that a message takes.
    fn say(&mut self, payload_type: u32, mut bytes: Bytes) {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE_BYTES));
            self.out.push_back((payload_type, piece));
        }
    }

    pub fn next_out(&mut self) -> Option<(u32, Bytes)> {
        self.out.pop_front()
    }

    pub fn has_out(&self) -> bool {
        !self.out.is_empty()
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}
