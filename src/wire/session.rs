//! A shell session: binary frames, the same between browser and hub (one per WebSocket message) and between hub and agent.
//!
//! ```text
//! frame     = kind (1 byte) · payload
//! on HTTP/2 = length of kind and payload (4 bytes, big-endian) · frame
//! ```
//!
//! The shell and its scroll-back belong to the agent: it keeps the last [`SCROLLBACK_BYTES`] of output with their absolute
//! offsets. Who attaches says how far it has read; the agent replays from there, then goes on live. A shell nobody is
//! attached to is ended after [`DETACH_LIMIT`]. A second attachment replaces the first, which is told so.
//!
//! An attachment `via_plugin` carries messages of the data channel ([`crate::wire::channel`]) instead: after `Attached` both
//! sides send `Plugin` frames only, until `Ended`. The hub passes them on unread.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use crate::base::id::SessionId;
use crate::model::approval::Approval;
use crate::wire::warrant::{Class, Warranted};

pub const SCROLLBACK_BYTES: usize = 256 * 1024;
pub const DETACH_LIMIT: Duration = Duration::from_secs(600);
/// No frame is longer than this; longer input is sent in pieces.
pub const MAX_SESSION_FRAME_BYTES: usize = 64 * 1024;

/// One frame. Towards the agent: `Open`, `Input`, `Resize`, `End`. From the agent: `Attached`, `Output`, `Ended`. Both ways, on an
/// attachment of the plugin's: `Plugin`.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// 0: starts the shell, or attaches to it when it runs already. First frame towards the agent; the warrant's payload is
    /// an [`Open`].
    Open(Box<Warranted>),
    /// 1: bytes for the shell, as typed.
    Input(Bytes),
    /// 2: the terminal's size changed.
    Resize(Size),
    /// 3: end the shell now.
    End,
    /// 4: one message of the data channel.
    Plugin(Bytes),
    /// 16: the answer to `Open`.
    Attached(Attached),
    /// 17: bytes from the shell that start at this absolute offset (8 bytes, big-endian, before the bytes).
    Output { offset: u64, bytes: Bytes },
    /// 18: nothing more follows on this attachment.
    Ended(Ended),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Open {
    pub session: SessionId,
    pub size: Size,
    /// Absolute offset up to which the caller has the output; `None` for a caller that has nothing.
    pub from: Option<u64>,
    /// Start the shell when the agent does not know the session; otherwise answer `Ended(Unknown)`.
    pub start: bool,
    /// Ended when there was no input for so long; zero: never.
    pub idle_timeout_ms: u64,
    /// Ended after so long in any case; zero: never.
    pub max_duration_ms: u64,
    /// For nodes whose owners ask for an operator's signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    #[serde(default, skip_serializing_if = "Work::is_plain_shell")]
    pub work: Work,
    /// Whoever attaches speaks the protocol of Amazon's plugin.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub via_plugin: bool,
}

/// What a session is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Work {
    /// The login shell on a terminal; the profile is typed into it first.
    Shell {
        #[serde(default, skip_serializing_if = "String::is_empty")]
        profile: String,
    },
    /// Commands on a terminal.
    Interactive(Script),
    /// Commands on pipes.
    NonInteractive { script: Script, streams: Streams },
    /// Connections to a port of the node, or of a host that the node reaches.
    Port(Port),
}

/// What a shell is given to run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Script {
    pub commands: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
}

/// How the outputs of commands on pipes are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Streams {
    /// As one, as they come.
    Together,
    /// Each by itself, and the exit code at the end.
    Apart,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Port {
    /// `None`: the node itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    pub port: u16,
    /// What the client is told of it, as the document has it: `portNumber`, `localPortNumber`, `type` …
    pub properties: BTreeMap<String, String>,
}

impl Default for Work {
    fn default() -> Self {
        Self::Shell { profile: String::new() }
    }
}

impl Work {
    fn is_plain_shell(&self) -> bool {
        *self == Self::default()
    }

    /// As upstream names them.
    pub fn session_type(&self) -> &'static str {
        match self {
            Self::Shell { .. } => "Standard_Stream",
            Self::Interactive(_) => "InteractiveCommands",
            Self::NonInteractive { .. } => "NonInteractiveCommands",
            Self::Port(_) => "Port",
        }
    }
}

impl Open {
    /// What opens nothing new, to end or to join what is there.
    pub fn existing(session: SessionId) -> Self {
        Self {
            session,
            size: Size { cols: 80, rows: 24 },
            from: None,
            start: false,
            idle_timeout_ms: 0,
            max_duration_ms: 0,
            approval: None,
            work: Work::default(),
            via_plugin: false,
        }
    }

    /// Its warrant's class: an agent that does not know what else there is than a shell does not know the class either, and
    /// opens no shell instead.
    pub fn class(&self) -> Class {
        match self.via_plugin || !matches!(&self.work, Work::Shell { profile } if profile.is_empty()) {
            true => Class::Channel,
            false => Class::Session,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    pub cols: u16,
    pub rows: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// Where the replay starts; larger than the caller's `from` when the scroll-back no longer reaches that far.
    pub offset: u64,
    /// Whether this attachment started the shell.
    pub started: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    pub reason: EndReason,
    pub exit_code: Option<i32>,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndReason {
    /// The shell exited by itself.
    Exited,
    /// Somebody ended it.
    Terminated,
    IdleTimeout,
    MaxDuration,
    /// Nobody came back within the detach limit.
    Abandoned,
    /// Another attachment took over; the shell lives on.
    TakenOver,
    /// The agent does not have this session (any more).
    Unknown,
    /// The shell could not be started.
    StartFailed,
    /// The agent does not do what it was asked: no good warrant, or its node's owner forbids it.
    Refused,
}

#[derive(Debug, thiserror::Error)]
pub enum SessionFrameError {
    #[error("session frame kind {0} is unknown")]
    UnknownKind(u8),
    #[error("a session frame is empty or cut short")]
    Short,
    #[error("a session frame of {0} bytes is over the limit")]
    TooLong(usize),
    #[error("a session frame's content is malformed")]
    Malformed(#[from] serde_json::Error),
}

impl Frame {
    /// Kind and payload, without a length: one WebSocket message.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        self.encode_into(&mut out);
        out.freeze()
    }

    /// With the length in front: for a byte stream.
    pub fn encode_with_length(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_u32(0);
        self.encode_into(&mut out);
        let length = (out.len() - 4) as u32;
        out[..4].copy_from_slice(&length.to_be_bytes());
        out.freeze()
    }

    fn encode_into(&self, out: &mut BytesMut) {
        let json = |out: &mut BytesMut, kind: u8, json: serde_json::Result<Vec<u8>>| {
            out.put_u8(kind);
            out.extend_from_slice(&json.expect("a plain struct serialises"));
        };
        match self {
            Self::Open(open) => json(out, 0, serde_json::to_vec(open)),
            Self::Input(bytes) => {
                out.reserve(1 + bytes.len());
                out.put_u8(1);
                out.extend_from_slice(bytes);
            }
            Self::Resize(size) => json(out, 2, serde_json::to_vec(size)),
            Self::End => out.put_u8(3),
            Self::Plugin(bytes) => {
                out.reserve(1 + bytes.len());
                out.put_u8(4);
                out.extend_from_slice(bytes);
            }
            Self::Attached(attached) => json(out, 16, serde_json::to_vec(attached)),
            Self::Output { offset, bytes } => {
                out.reserve(9 + bytes.len());
                out.put_u8(17);
                out.put_u64(*offset);
                out.extend_from_slice(bytes);
            }
            Self::Ended(ended) => json(out, 18, serde_json::to_vec(ended)),
        }
    }

    /// One frame without its length.
    pub fn decode(mut frame: Bytes) -> Result<Self, SessionFrameError> {
        if frame.len() > MAX_SESSION_FRAME_BYTES {
            return Err(SessionFrameError::TooLong(frame.len()));
        }
        if frame.is_empty() {
            return Err(SessionFrameError::Short);
        }
        match frame.get_u8() {
            0 => Ok(Self::Open(serde_json::from_slice(&frame)?)),
            1 => Ok(Self::Input(frame)),
            2 => Ok(Self::Resize(serde_json::from_slice(&frame)?)),
            3 => Ok(Self::End),
            4 => Ok(Self::Plugin(frame)),
            16 => Ok(Self::Attached(serde_json::from_slice(&frame)?)),
            17 if frame.len() >= 8 => Ok(Self::Output {
                offset: frame.get_u64(),
                bytes: frame,
            }),
            17 => Err(SessionFrameError::Short),
            18 => Ok(Self::Ended(serde_json::from_slice(&frame)?)),
            kind => Err(SessionFrameError::UnknownKind(kind)),
        }
    }
}

/// Collects the bytes of an HTTP/2 body and gives back whole frames.
#[derive(Default)]
pub struct FrameReader {
    buffer: BytesMut,
}

impl FrameReader {
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame's bytes (kind and payload), `None` until more arrive.
    pub fn next_raw(&mut self) -> Result<Option<Bytes>, SessionFrameError> {
        let Some(length) = self.buffer.first_chunk::<4>().map(|b| u32::from_be_bytes(*b) as usize) else {
            return Ok(None);
        };
        if length > MAX_SESSION_FRAME_BYTES {
            return Err(SessionFrameError::TooLong(length));
        }
        if self.buffer.len() < 4 + length {
            return Ok(None);
        }
        self.buffer.advance(4);
        Ok(Some(self.buffer.split_to(length).freeze()))
    }

    #[expect(clippy::should_implement_trait, reason = "an iterator cannot say that more bytes are needed")]
    pub fn next(&mut self) -> Result<Option<Frame>, SessionFrameError> {
        self.next_raw()?.map(Frame::decode).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_frame() -> impl Strategy<Value = Frame> {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200).prop_map(|b| Frame::Input(b.into())),
            (any::<u64>(), proptest::collection::vec(any::<u8>(), 0..200))
                .prop_map(|(offset, b)| Frame::Output { offset, bytes: b.into() }),
            (1u16..500, 1u16..500).prop_map(|(cols, rows)| Frame::Resize(Size { cols, rows })),
            Just(Frame::End),
            proptest::collection::vec(any::<u8>(), 0..200).prop_map(|b| Frame::Plugin(b.into())),
            (any::<u64>(), any::<bool>()).prop_map(|(offset, started)| Frame::Attached(Attached { offset, started })),
        ]
    }

    #[test]
    fn a_plain_shell_is_opened_as_ever_and_everything_else_by_another_class() {
        let open = Open::existing(SessionId::random("a"));
        assert_eq!(open.class(), Class::Session);
        let json = serde_json::to_value(&open).unwrap();
        assert!(json.get("work").is_none() && json.get("via_plugin").is_none());
        let via_plugin = Open {
            via_plugin: true,
            ..open.clone()
        };
        let works = [
            Work::Shell { profile: "id".into() },
            Work::Interactive(Script {
                commands: "top".into(),
                variables: BTreeMap::from([("SSM_a".to_owned(), "b".to_owned())]),
            }),
            Work::NonInteractive {
                script: Script {
                    commands: "df".into(),
                    ..Script::default()
                },
                streams: Streams::Apart,
            },
            Work::Port(Port {
                host: Some("db".into()),
                port: 5432,
                properties: BTreeMap::new(),
            }),
        ];
        let others = works.into_iter().map(|work| Open { work, ..open.clone() });
        for other in others.chain([via_plugin]) {
            assert_eq!(other.class(), Class::Channel);
            let json = serde_json::to_string(&other).unwrap();
            assert_eq!(serde_json::from_str::<Open>(&json).unwrap(), other);
        }
    }

    proptest! {
        #[test]
        fn frames_survive_a_byte_stream(frames in proptest::collection::vec(any_frame(), 0..8), cut in 1usize..64) {
            let bytes: Vec<u8> = frames.iter().flat_map(|f| f.encode_with_length()).collect();
            let mut reader = FrameReader::default();
            let mut seen = Vec::new();
            for piece in bytes.chunks(cut) {
                reader.push(piece);
                while let Some(frame) = reader.next().unwrap() {
                    seen.push(frame);
                }
            }
            prop_assert_eq!(seen, frames);
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Frame::decode(bytes.clone().into());
            let mut reader = FrameReader::default();
            reader.push(&bytes);
            while let Ok(Some(_)) = reader.next() {}
        }
    }
}
