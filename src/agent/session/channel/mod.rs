//! The node's end of a data channel: a pure state machine between the plugin's messages and a session.
//!
//! ```text
//!              take(bytes) ──► Heard: input, size, flag …
//!   line ⇄                                                    ⇄ session
//!              next_out()  ◄── send(payload type, piece)
//!
//!   Offered ── response: this session type is done ──► Open        (anything else: Heard::Refused, and nothing is ever sent)
//! ```
//!
//! It outlives every line: what was sent and not acknowledged is sent again on the next one ([`Channel::line_up`]), so a session
//! goes on exactly where it stood. Nothing here waits, sleeps or fails: bad input is dropped, unacknowledged.
//!
//! Invariants: what is heard is heard once and in order; at most [`WINDOW`] messages are on their way; what waits for one before
//! it is bounded too ([`receiver`]).

mod receiver;
mod sender;

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::wire::channel::content::{
    self, Acknowledge, Flag, HandshakeComplete, HandshakeRequest, HandshakeResponse, RequestedAction, SESSION_TYPE,
};
use crate::wire::channel::{Kind, Message, payload_type};
use crate::wire::session::{Size, Work};

use receiver::{Arrival, Receiver};
use sender::Sender;
pub use sender::WINDOW;

/// What the plugin decides by: above the versions that upstream's agent learned things with (to end by a flag, many streams
/// on one connection, no keep-alive in them). Not our version; that is none of the plugin's business.
const AGENT_VERSION: &str = "3.3.4000.0";
const SYN: u64 = 1;
const ACK_FLAGS: u64 = 3;
/// From this version on a client multiplexes.
const MULTIPLEXING: [u32; 3] = [1, 1, 70];

/// What a client said, once and in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    Input(Bytes),
    Size(Size),
    Flag(Flag),
    /// The handshake is done: from now on data may be sent.
    Open,
    /// The client cannot do what the session is.
    Refused(String),
}

/// Milliseconds since the session began.
pub type Now = u64;

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    Offered { at: Now },
    Open,
    Refused,
}

#[derive(Debug)]
pub struct Channel {
    stage: Stage,
    client_version: String,
    sender: Sender,
    receiver: Receiver,
    out: VecDeque<Bytes>,
    is_paused: bool,
    head: Head,
}

/// What goes into every message's head.
#[derive(Debug)]
struct Head {
    /// Ids count from here, so that nothing random is needed later.
    first_id: Uuid,
    began_ms: u64,
}

impl Head {
    fn message(&self, kind: Kind, now: Now, sequence: i64, number: u64) -> Message {
        Message {
            kind,
            created_ms: self.began_ms.max(1) + now,
            sequence,
            flags: 0,
            id: Uuid::from_u128(self.first_id.as_u128().wrapping_add(number.into())),
            payload_type: 0,
            payload: Bytes::new(),
        }
    }
}

impl Channel {
    /// Offers the session. `began_ms` is the wall clock, epoch milliseconds.
    pub fn new(work: &Work, first_id: Uuid, began_ms: u64) -> Self {
        let mut channel = Self {
            stage: Stage::Offered { at: 0 },
            client_version: String::new(),
            sender: Sender::default(),
            receiver: Receiver::default(),
            out: VecDeque::new(),
            is_paused: false,
            head: Head { first_id, began_ms },
        };
        let properties = match work {
            Work::Port(port) => json!(port.properties),
            Work::Shell { .. } | Work::Interactive(_) | Work::NonInteractive { .. } => Value::Null,
        };
        let request = HandshakeRequest {
            agent_version: AGENT_VERSION.into(),
            requested_client_actions: vec![RequestedAction {
                action_type: SESSION_TYPE.into(),
                action_parameters: json!({ "SessionType": work.session_type(), "Properties": properties }),
            }],
        };
        channel.push(payload_type::HANDSHAKE_REQUEST, json_of(&request), 0);
        channel
    }

    /// A fresh line: what may not have arrived on the one before is sent again, in order.
    pub fn line_up(&mut self, now: Now) {
        self.out.clear();
        self.is_paused = false;
        if let Stage::Offered { at } = &mut self.stage {
            *at = now;
        }
        self.out.extend(self.sender.all_again(now));
    }

    /// How many pieces may be sent now.
    pub fn room(&self) -> usize {
        match self.stage == Stage::Open && !self.is_paused {
            true => self.sender.room(),
            false => 0,
        }
    }

    /// Sends a piece; there must be room for it.
    pub fn send(&mut self, payload_type: u32, piece: Bytes, now: Now) {
        self.push(payload_type, piece, now);
    }

    fn push(&mut self, payload_type: u32, payload: Bytes, now: Now) {
        let sequence = self.sender.next_sequence();
        let mut message = self.head.message(Kind::OutputStreamData, now, sequence, sequence.unsigned_abs());
        message.flags = if sequence == 0 { SYN } else { 0 };
        message.payload_type = payload_type;
        message.payload = payload;
        let is_data = !matches!(payload_type, payload_type::HANDSHAKE_REQUEST | payload_type::HANDSHAKE_COMPLETE);
        let bytes = message.encode();
        self.sender.sent(bytes.clone(), is_data, now);
        self.out.push_back(bytes);
    }

    /// What goes on the line next.
    pub fn next_out(&mut self) -> Option<Bytes> {
        self.out.pop_front()
    }

    /// How many messages wait for the line.
    pub fn out_len(&self) -> usize {
        self.out.len()
    }

    /// Sends again what has waited too long for its acknowledgement.
    pub fn tick(&mut self, now: Now) {
        if !self.is_paused {
            self.out.extend(self.sender.overdue(now));
        }
    }

    /// When [`Channel::tick`] has something to do.
    pub fn next_tick(&self) -> Option<Now> {
        if self.is_paused {
            return None;
        }
        self.sender.next_overdue()
    }

    /// Whether the client has everything, as far as it can be known: on an ordered line it has what was sent as soon as it
    /// reads at all.
    pub fn is_received(&self) -> bool {
        self.out.is_empty() && self.sender.is_received()
    }

    pub fn is_all_acknowledged(&self) -> bool {
        self.out.is_empty() && self.sender.is_empty()
    }

    /// Whether the client has said that it cannot do the session: nothing is ever sent to it.
    pub fn is_refused(&self) -> bool {
        self.stage == Stage::Refused
    }

    /// Whether the client knows how to carry many connections on one channel.
    pub fn is_multiplexing(&self) -> bool {
        let mut parts = self.client_version.split('.').map(|part| part.parse().unwrap_or(0));
        let version: [u32; 3] = std::array::from_fn(|_| parts.next().unwrap_or(0));
        version >= MULTIPLEXING
    }

    /// One message of the client's.
    pub fn take(&mut self, bytes: Bytes, now: Now) -> Vec<Heard> {
        let Ok(message) = Message::decode(bytes) else {
            return Vec::new();
        };
        match message.kind {
            Kind::Acknowledge => {
                if let Ok(acknowledged) = serde_json::from_slice::<Acknowledge>(&message.payload) {
                    self.sender.acknowledged(acknowledged.sequence, now);
                }
                Vec::new()
            }
            Kind::PausePublication => {
                self.is_paused = true;
                Vec::new()
            }
            Kind::StartPublication => {
                self.is_paused = false;
                Vec::new()
            }
            Kind::InputStreamData => self.arrived(&message, now),
            // Of the other direction.
            Kind::OutputStreamData | Kind::ChannelClosed => Vec::new(),
        }
    }

    fn arrived(&mut self, message: &Message, now: Now) -> Vec<Heard> {
        let arrival = self.receiver.take(message);
        if arrival != Arrival::NoRoom {
            let mut acknowledge = self
                .head
                .message(Kind::Acknowledge, now, 0, u64::MAX - message.sequence.unsigned_abs());
            acknowledge.flags = ACK_FLAGS;
            acknowledge.payload = json_of(&Acknowledge::of(message));
            self.out.push_back(acknowledge.encode());
        }
        let mut heard = Vec::new();
        while let Some((payload_type, payload)) = self.receiver.next() {
            heard.extend(self.hear(payload_type, payload, now));
        }
        heard
    }

    fn hear(&mut self, payload_type: u32, payload: Bytes, now: Now) -> Option<Heard> {
        if self.stage == Stage::Open && matches!(payload_type, payload_type::OUTPUT | payload_type::SIZE) {
            self.sender.client_is_ready();
        }
        match (payload_type, &self.stage) {
            (payload_type::HANDSHAKE_RESPONSE, Stage::Offered { at }) => {
                let took_ms = now.saturating_sub(*at);
                Some(self.answered(&payload, took_ms, now))
            }
            // Nothing counts before the handshake.
            (_, Stage::Offered { .. } | Stage::Refused) => None,
            (payload_type::OUTPUT, Stage::Open) => Some(Heard::Input(payload)),
            (payload_type::SIZE, Stage::Open) => content::size(&payload).map(Heard::Size),
            (payload_type::FLAG, Stage::Open) => Flag::of(&payload).map(Heard::Flag),
            _ => None,
        }
    }

    fn answered(&mut self, payload: &[u8], took_ms: u64, now: Now) -> Heard {
        if let Err(why) = accepted(payload).map(|version| self.client_version = version) {
            self.stage = Stage::Refused;
            return Heard::Refused(why);
        }
        self.stage = Stage::Open;
        // Whoever answers has the question.
        self.sender.acknowledged(0, now);
        let complete = HandshakeComplete {
            handshake_time_to_complete: took_ms.saturating_mul(1_000_000),
            customer_message: String::new(),
        };
        self.push(payload_type::HANDSHAKE_COMPLETE, json_of(&complete), now);
        Heard::Open
    }
}

/// The client's version when it has accepted the session's type, or why it has not.
fn accepted(payload: &[u8]) -> Result<String, String> {
    let response: HandshakeResponse =
        serde_json::from_slice(payload).map_err(|_| "the client's answer to the handshake cannot be read".to_owned())?;
    let actions = response.processed_client_actions.unwrap_or_default();
    match actions.into_iter().find(|action| action.action_type == SESSION_TYPE) {
        Some(action) if action.action_status == 1 => Ok(response.client_version),
        Some(action) => Err(format!(
            "the client does not do this type of session: {}",
            action.error.unwrap_or_default()
        )),
        None => Err("the client's handshake says nothing of the session's type".to_owned()),
    }
}

fn json_of<T: serde::Serialize>(content: &T) -> Bytes {
    serde_json::to_vec(content).expect("plain structs serialise").into()
}

#[cfg(test)]
mod tests;
