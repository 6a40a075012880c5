//! What goes to the client: kept until it is acknowledged, sent again when that takes too long.
//!
//! A line is ordered and loses nothing while it is up, but the client has two habits: it is silent about a message that comes
//! before its session is ready (it wants that again), and about one that it has had already (it wants that never again). So
//!
//! * what went over a line that broke is sent again on the next; if the client had it, it will never say so;
//! * once the client has acknowledged data *in order*, or sent some, it is ready; what goes over the line from then on is never passed
//!   over, so an acknowledgement stands for all of that which went before it;
//! * messages of the handshake are never passed over, so for them that holds from the beginning.

use std::collections::VecDeque;

use bytes::Bytes;

use super::Now;

/// Messages on their way; with pieces of 1 KiB half a mebibyte. The client has room for 10,000.
pub const WINDOW: usize = 512;

/// Upstream's estimator, which is TCP's.
const FIRST_TIMEOUT_MS: f64 = 200.0;
const FIRST_ROUND_TRIP_MS: f64 = 100.0;
const LONGEST_TIMEOUT_MS: f64 = 1000.0;
const LEAST_VARIATION_MS: f64 = 10.0;
/// Times that a client which is ready gets the same message on one line: it has it, or it reads nothing at all.
const ATTEMPTS: u32 = 10;

#[derive(Debug)]
struct Sent {
    sequence: i64,
    bytes: Bytes,
    is_data: bool,
    /// Its place among everything that was sent, by its first sending on this line.
    first: u64,
    /// The same by the first sending that the client cannot have passed over.
    sure: Option<u64>,
    at: Now,
    /// On this line; from the sure one on, when there is one.
    times: u32,
}

#[derive(Debug)]
pub struct Sender {
    next: i64,
    place: u64,
    unacknowledged: VecDeque<Sent>,
    is_ready: bool,
    round_trip_ms: f64,
    variation_ms: f64,
    timeout_ms: f64,
}

impl Default for Sender {
    fn default() -> Self {
        Self {
            next: 0,
            place: 0,
            unacknowledged: VecDeque::new(),
            is_ready: false,
            round_trip_ms: FIRST_ROUND_TRIP_MS,
            variation_ms: 0.0,
            timeout_ms: FIRST_TIMEOUT_MS,
        }
    }
}

impl Sender {
    pub fn room(&self) -> usize {
        WINDOW.saturating_sub(self.unacknowledged.len())
    }

    pub fn is_empty(&self) -> bool {
        self.unacknowledged.is_empty()
    }

    /// See [`super::Channel::is_received`].
    pub fn is_received(&self) -> bool {
        self.unacknowledged.iter().all(|sent| sent.sure.is_some())
    }

    pub fn next_sequence(&self) -> i64 {
        self.next
    }

    /// The message of [`Sender::next_sequence`] goes out.
    pub fn sent(&mut self, bytes: Bytes, is_data: bool, now: Now) {
        self.unacknowledged.push_back(Sent {
            sequence: self.next,
            bytes,
            is_data,
            first: self.place,
            sure: (self.is_ready || !is_data).then_some(self.place),
            at: now,
            times: 1,
        });
        self.next += 1;
        self.place += 1;
    }

    pub fn acknowledged(&mut self, sequence: i64, now: Now) {
        let Some(at) = self.unacknowledged.iter().position(|sent| sent.sequence == sequence) else {
            return;
        };
        let Some(sent) = self.unacknowledged.remove(at) else { return };
        if sent.times == 1 {
            self.measure(now.saturating_sub(sent.at) as f64);
        }
        self.unacknowledged
            .retain(|other| other.sure.is_none_or(|place| place > sent.first));
        let is_oldest = self.unacknowledged.front().is_none_or(|other| other.sequence > sequence);
        self.is_ready |= sent.is_data && is_oldest;
    }

    /// It has sent something that only a session that is ready sends.
    pub fn client_is_ready(&mut self) {
        self.is_ready = true;
    }

    fn measure(&mut self, sample_ms: f64) {
        self.variation_ms = 0.75 * self.variation_ms + 0.25 * (self.round_trip_ms - sample_ms).abs();
        self.round_trip_ms = 0.875 * self.round_trip_ms + 0.125 * sample_ms;
        let timeout = self.round_trip_ms + (4.0 * self.variation_ms).max(LEAST_VARIATION_MS);
        self.timeout_ms = timeout.min(LONGEST_TIMEOUT_MS);
    }

    /// Everything that may be lost, in order, for a fresh line.
    pub fn all_again(&mut self, now: Now) -> Vec<Bytes> {
        for sent in &mut self.unacknowledged {
            (sent.first, sent.at, sent.times) = (self.place, now, 1);
            sent.sure = (self.is_ready || !sent.is_data).then_some(self.place);
            self.place += 1;
        }
        self.unacknowledged.iter().map(|sent| sent.bytes.clone()).collect()
    }

    /// The oldest one, when it is due again. Only that: if it is lost, what follows waits at the client.
    pub fn overdue(&mut self, now: Now) -> Option<Bytes> {
        if self.next_overdue()? > now {
            return None;
        }
        let oldest = self.unacknowledged.front_mut()?;
        oldest.at = now;
        oldest.times += 1;
        if self.is_ready && oldest.sure.is_none() {
            (oldest.sure, oldest.times) = (Some(self.place), 1);
        }
        self.place += 1;
        Some(oldest.bytes.clone())
    }

    pub fn next_overdue(&self) -> Option<Now> {
        let oldest = self.unacknowledged.front()?;
        let is_given_up = self.is_ready && oldest.sure.is_some() && oldest.times >= ATTEMPTS;
        (!is_given_up).then(|| oldest.at + self.timeout_ms.ceil() as u64)
    }
}
