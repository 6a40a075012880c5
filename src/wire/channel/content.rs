//! The payloads that are JSON, and the two words around the binary messages.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::base::Timestamp;
use crate::wire::channel::message::{Kind, Message};
use crate::wire::session::Size;

/// What the plugin says first, as text: the token, and who it is on this and every later connection of the session.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OpenDataChannel {
    pub token_value: String,
    #[serde(default)]
    pub client_id: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledge {
    #[serde(rename = "AcknowledgedMessageType")]
    pub kind: String,
    #[serde(rename = "AcknowledgedMessageId")]
    pub id: String,
    #[serde(rename = "AcknowledgedMessageSequenceNumber")]
    pub sequence: i64,
    #[serde(rename = "IsSequentialMessage")]
    pub is_sequential: bool,
}

impl Acknowledge {
    pub fn of(message: &Message) -> Self {
        Self {
            kind: message.kind.as_str().to_owned(),
            id: message.id.to_string(),
            sequence: message.sequence,
            is_sequential: true,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HandshakeRequest {
    pub agent_version: String,
    pub requested_client_actions: Vec<RequestedAction>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RequestedAction {
    pub action_type: String,
    pub action_parameters: Value,
}

pub const SESSION_TYPE: &str = "SessionType";

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HandshakeResponse {
    #[serde(default)]
    pub client_version: String,
    #[serde(default)]
    pub processed_client_actions: Option<Vec<ProcessedAction>>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProcessedAction {
    pub action_type: String,
    /// 1: done.
    #[serde(default)]
    pub action_status: i64,
    #[serde(default)]
    pub error: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HandshakeComplete {
    /// Nanoseconds.
    pub handshake_time_to_complete: u64,
    /// Shown to the person when there is one.
    pub customer_message: String,
}

/// What a payload of the type `FLAG` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// The client's local connection is gone.
    DisconnectToPort,
    TerminateSession,
    /// The agent could not connect to the port.
    ConnectToPortError,
}

impl Flag {
    pub fn of(payload: &[u8]) -> Option<Self> {
        Some(match u32::from_be_bytes(payload.try_into().ok()?) {
            1 => Self::DisconnectToPort,
            2 => Self::TerminateSession,
            3 => Self::ConnectToPortError,
            _ => return None,
        })
    }

    pub fn payload(self) -> Bytes {
        let number: u32 = match self {
            Self::DisconnectToPort => 1,
            Self::TerminateSession => 2,
            Self::ConnectToPortError => 3,
        };
        Bytes::copy_from_slice(&number.to_be_bytes())
    }
}

/// A terminal's size as it is sent; `None` when it is none.
pub fn size(payload: &[u8]) -> Option<Size> {
    #[derive(Deserialize)]
    struct Told {
        cols: u32,
        rows: u32,
    }
    let told: Told = serde_json::from_slice(payload).ok()?;
    let side = |number: u32| u16::try_from(number).ok().filter(|number| *number > 0);
    Some(Size {
        cols: side(told.cols)?,
        rows: side(told.rows)?,
    })
}

/// The hub's last word: the plugin shows `output` (when it is empty, that the session is over) and exits.
pub fn channel_closed(session: &str, output: &str, now: Timestamp) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct ChannelClosed<'a> {
        message_id: String,
        created_date: String,
        destination_id: &'a str,
        session_id: &'a str,
        message_type: &'static str,
        schema_version: u32,
        output: &'a str,
    }
    let id = Uuid::new_v4();
    let content = ChannelClosed {
        message_id: id.to_string(),
        created_date: now.to_string(),
        destination_id: session,
        session_id: session,
        message_type: Kind::ChannelClosed.as_str(),
        schema_version: 1,
        output,
    };
    let message = Message {
        kind: Kind::ChannelClosed,
        created_ms: now.millis().max(1).unsigned_abs(),
        sequence: 0,
        flags: 3,
        id,
        payload_type: 0,
        payload: serde_json::to_vec(&content).expect("a plain struct serialises").into(),
    };
    message.encode()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_read_back_and_nothing_else_is_one() {
        for flag in [Flag::DisconnectToPort, Flag::TerminateSession, Flag::ConnectToPortError] {
            assert_eq!(Flag::of(&flag.payload()), Some(flag));
        }
        assert_eq!(Flag::TerminateSession.payload()[..], [0, 0, 0, 2]);
        assert_eq!([Flag::of(&[0, 0, 0, 9]), Flag::of(&[1]), Flag::of(&[2, 0, 0, 0])], [None; 3]);
    }

    #[test]
    fn a_size_that_no_terminal_has_is_none() {
        assert_eq!(size(br#"{"cols":132,"rows":50}"#), Some(Size { cols: 132, rows: 50 }));
        for bad in [
            &br#"{"cols":0,"rows":50}"#[..],
            br#"{"cols":1,"rows":70000}"#,
            br#"{"cols":-1,"rows":1}"#,
            b"{}",
            b"",
        ] {
            assert_eq!(size(bad), None);
        }
    }

    #[test]
    fn the_last_word_is_a_message_that_the_plugin_reads() {
        let bytes = channel_closed("ann-1", "it is over", Timestamp::from_millis(1500));
        let message = Message::decode(bytes).unwrap();
        assert_eq!(message.kind, Kind::ChannelClosed);
        let content: Value = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!(
            (&content["SessionId"], &content["Output"], &content["SchemaVersion"]),
            (&"ann-1".into(), &"it is over".into(), &1.into())
        );
        assert_eq!(content["MessageId"], message.id.to_string());
    }
}
