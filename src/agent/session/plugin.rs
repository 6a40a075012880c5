//! The plugin's end of a session, kept over all its lines: the machine of [`channel`](super::channel), its clock, and the way onto
//! the line.

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant};
use uuid::Uuid;

use super::channel::{Channel, Heard, WINDOW};
use crate::base::Clock;
use crate::wire::session::{DETACH_LIMIT, Frame, Work};

/// Messages that may wait for the line: a window, and as many acknowledgements. Nothing is read of a client that lets them pile up.
const MAX_OUT: usize = 2 * WINDOW;
/// How long a client that reads may take to acknowledge the last output.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long a client may take for the handshake when the session is over already.
const LATE_HANDSHAKE: Duration = Duration::from_secs(60);

pub struct Plugin {
    channel: Channel,
    began: Instant,
    /// Offset up to which the session's output is in messages.
    pub packed: u64,
}

impl Plugin {
    pub fn new(work: &Work) -> Self {
        let now_ms = Clock::system().now().millis();
        Self {
            channel: Channel::new(work, Uuid::new_v4(), now_ms.max(1).unsigned_abs()),
            began: Instant::now(),
            packed: 0,
        }
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    pub fn line_up(&mut self) {
        self.channel.line_up(self.now());
    }

    pub fn take(&mut self, bytes: Bytes) -> Vec<Heard> {
        self.channel.take(bytes, self.now())
    }

    /// Whether more of the client's messages may be taken.
    pub fn has_room(&self) -> bool {
        self.channel.out_len() < MAX_OUT
    }

    /// How many pieces may be sent.
    pub fn room(&self) -> usize {
        match self.has_room() {
            true => self.channel.room(),
            false => 0,
        }
    }

    pub fn send(&mut self, payload_type: u32, piece: Bytes) {
        self.channel.send(payload_type, piece, self.now());
    }

    pub fn is_multiplexing(&self) -> bool {
        self.channel.is_multiplexing()
    }

    /// Puts on the line what it takes now.
    pub fn pass(&mut self, to_hub: &mpsc::Sender<Frame>) {
        self.channel.tick(self.now());
        while self.channel.out_len() > 0 {
            let Ok(room) = to_hub.try_reserve() else { return };
            let Some(bytes) = self.channel.next_out() else { return };
            room.send(Frame::Plugin(bytes));
        }
    }

    /// Whether something waits for the line.
    pub fn has_out(&self) -> bool {
        self.channel.out_len() > 0
    }

    pub fn next_tick(&self) -> Option<Instant> {
        Some(self.began + Duration::from_millis(self.channel.next_tick()?))
    }

    /// When the last word may be said although not everything is acknowledged; the session ended at `over`.
    pub fn patience(&self, over: Instant) -> Instant {
        match self.channel.is_received() {
            true => over + FAREWELL,
            false => over + LATE_HANDSHAKE,
        }
    }

    /// Whether the client has heard all that there is to hear, which `is_packed` when it is in messages.
    pub fn is_told(&self, over: Instant, is_packed: bool) -> bool {
        let is_late = Instant::now() >= self.patience(over);
        match self.channel.is_received() {
            _ if self.channel.is_refused() || Instant::now() >= over + DETACH_LIMIT => true,
            true => is_packed && (self.channel.is_all_acknowledged() || (is_late && !self.has_out())),
            // It may not be able to take anything, ever.
            false => is_late,
        }
    }
}
