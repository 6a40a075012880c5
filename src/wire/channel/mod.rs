//! The data channel: what Amazon's session-manager-plugin speaks on a session's WebSocket.
//!
//! ```text
//! plugin ── text: OpenDataChannel ──► hub                        the token, checked there
//! plugin ⇄ hub ⇄ agent    binary: one [`Message`] per WebSocket message, passed through the hub unread
//! plugin ◄── channel_closed ── hub                               the last word
//! ```
//!
//! Sequence numbers, acknowledgements and retransmission belong to the two ends, which are the plugin and the *agent*
//! (`agent/session/channel`): so a message survives the loss of any line between them, and a restart of the hub.
//!
//! *Source*: the open-source session-manager-plugin and amazon-ssm-agent (behaviour only).

pub mod content;
pub mod message;

pub use message::{Kind, MAX_MESSAGE_BYTES, Message, MessageError, payload_type};

/// Payload of one message; both programs of upstream cut their streams into pieces of this size.
pub const PIECE_BYTES: usize = 1024;
