//! What comes from the client: put into order, each message once.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::wire::channel::Message;

/// Messages that may wait for one before them. After a line broke a client sends what is new at once and what was lost one by
/// one, ten a second; what is not kept here it would have to send again as slowly.
pub const EARLY: usize = 8192;
/// And their bytes together.
const EARLY_BYTES: usize = 4 * 1024 * 1024;

#[derive(Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Kept, or known already: to be acknowledged.
    Taken,
    /// Too far ahead; the client sends it again.
    NoRoom,
}

#[derive(Debug, Default)]
pub struct Receiver {
    expected: i64,
    early: BTreeMap<i64, (u32, Bytes)>,
    early_bytes: usize,
}

impl Receiver {
    pub fn take(&mut self, message: &Message) -> Arrival {
        let ahead = message.sequence.saturating_sub(self.expected);
        if ahead < 0 {
            return Arrival::Taken;
        }
        if self.early.contains_key(&message.sequence) {
            return Arrival::Taken;
        }
        // The next one always has room: it does not stay.
        let is_full = self.early_bytes + message.payload.len() > EARLY_BYTES;
        if ahead > 0 && (ahead >= EARLY as i64 || is_full) {
            return Arrival::NoRoom;
        }
        self.early_bytes += message.payload.len();
        self.early.insert(message.sequence, (message.payload_type, message.payload.clone()));
        Arrival::Taken
    }

    /// The next one in order, if it is here.
    pub fn next(&mut self) -> Option<(u32, Bytes)> {
        let next = self.early.remove(&self.expected)?;
        self.expected += 1;
        self.early_bytes -= next.1.len();
        Some(next)
    }
}
