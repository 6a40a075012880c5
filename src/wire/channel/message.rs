//! One message of the data channel, byte by byte. Everything is big-endian.
//!
//! ```text
//!   0  4  HeaderLength      116: where PayloadLength stands
//!   4 32  MessageType       ASCII, padded with spaces
//!  36  4  SchemaVersion     1
//!  40  8  CreatedDate       epoch milliseconds, never 0
//!  48  8  SequenceNumber    signed, counted per direction from 0
//!  56  8  Flags             1 first, 2 last; 3 in acknowledgements
//!  64 16  MessageId         a UUID, its second half first
//!  80 32  PayloadDigest     SHA-256
//! 112  4  PayloadType
//! 116  4  PayloadLength
//! 120  n  Payload
//! ```

use bytes::{Buf, BufMut, Bytes, BytesMut};
use uuid::Uuid;

use crate::wire::warrant::sha256;

/// Longer ones are nobody's: data comes in pieces of 1 KiB, a handshake has a few hundred bytes.
pub const MAX_MESSAGE_BYTES: usize = 32 * 1024;

const HEADER_LENGTH: u32 = 116;
const PAYLOAD_AT: usize = HEADER_LENGTH as usize + 4;
const KIND_BYTES: usize = 32;
const SCHEMA_VERSION: u32 = 1;

/// What a payload is.
pub mod payload_type {
    /// Bytes of a terminal or of a tunnel, both ways.
    pub const OUTPUT: u32 = 1;
    pub const SIZE: u32 = 3;
    pub const HANDSHAKE_REQUEST: u32 = 5;
    pub const HANDSHAKE_RESPONSE: u32 = 6;
    pub const HANDSHAKE_COMPLETE: u32 = 7;
    pub const FLAG: u32 = 10;
    pub const STDERR: u32 = 11;
    pub const EXIT_CODE: u32 = 12;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// From the client.
    InputStreamData,
    /// To the client.
    OutputStreamData,
    Acknowledge,
    ChannelClosed,
    StartPublication,
    PausePublication,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub kind: Kind,
    pub created_ms: u64,
    pub sequence: i64,
    pub flags: u64,
    pub id: Uuid,
    pub payload_type: u32,
    pub payload: Bytes,
}

/// Why bytes are no message. Whoever gets them drops them, as upstream's programs do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    #[error("a message of {0} bytes is too short or too long")]
    Length(usize),
    #[error("a message's head is not of 116 bytes, or its payload is not as long as it says")]
    Layout,
    #[error("a message is of no known type")]
    UnknownKind,
    #[error("a message has another schema version than 1, or no date")]
    Malformed,
    #[error("a message's payload is not the one that its digest is of")]
    Digest,
}

impl Kind {
    pub const ALL: [Self; 6] = [
        Self::InputStreamData,
        Self::OutputStreamData,
        Self::Acknowledge,
        Self::ChannelClosed,
        Self::StartPublication,
        Self::PausePublication,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::InputStreamData => "input_stream_data",
            Self::OutputStreamData => "output_stream_data",
            Self::Acknowledge => "acknowledge",
            Self::ChannelClosed => "channel_closed",
            Self::StartPublication => "start_publication",
            Self::PausePublication => "pause_publication",
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(())
    }
}

impl Message {
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(PAYLOAD_AT + self.payload.len());
        out.put_u32(HEADER_LENGTH);
        let kind = self.kind.as_str().as_bytes();
        out.put_slice(kind);
        out.put_bytes(b' ', KIND_BYTES - kind.len());
        out.put_u32(SCHEMA_VERSION);
        out.put_u64(self.created_ms);
        out.put_i64(self.sequence);
        out.put_u64(self.flags);
        let (first, second) = self.id.as_bytes().split_at(8);
        out.put_slice(second);
        out.put_slice(first);
        out.put_slice(&sha256(&self.payload));
        out.put_u32(self.payload_type);
        out.put_u32(self.payload.len() as u32);
        out.put_slice(&self.payload);
        out.freeze()
    }

    pub fn decode(mut bytes: Bytes) -> Result<Self, MessageError> {
        if !(PAYLOAD_AT..=MAX_MESSAGE_BYTES).contains(&bytes.len()) {
            return Err(MessageError::Length(bytes.len()));
        }
        let payload = bytes.split_off(PAYLOAD_AT);
        if bytes.get_u32() != HEADER_LENGTH {
            return Err(MessageError::Layout);
        }
        let kind = bytes.split_to(KIND_BYTES);
        let kind = std::str::from_utf8(&kind).map_err(|_| MessageError::UnknownKind)?;
        let kind = kind.trim_matches('\0').trim().parse().map_err(|()| MessageError::UnknownKind)?;
        let schema = bytes.get_u32();
        let created_ms = bytes.get_u64();
        if schema != SCHEMA_VERSION || created_ms == 0 {
            return Err(MessageError::Malformed);
        }
        let (sequence, flags) = (bytes.get_i64(), bytes.get_u64());
        let (second, first) = (bytes.get_u64(), bytes.get_u64());
        let digest = bytes.split_to(32);
        let (payload_type, length) = (bytes.get_u32(), bytes.get_u32());
        if length as usize != payload.len() {
            return Err(MessageError::Layout);
        }
        // Nothing to be guarded in an empty payload; some programs leave its digest out.
        if !payload.is_empty() && digest[..] != sha256(&payload) {
            return Err(MessageError::Digest);
        }
        Ok(Self {
            kind,
            created_ms,
            sequence,
            flags,
            id: Uuid::from_u64_pair(first, second),
            payload_type,
            payload,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_message() -> impl Strategy<Value = Message> {
        let head = (
            proptest::sample::select(Kind::ALL.to_vec()),
            1..=u64::MAX,
            any::<i64>(),
            any::<u64>(),
            any::<u128>(),
        );
        let rest = (any::<u32>(), proptest::collection::vec(any::<u8>(), 0..2000));
        (head, rest).prop_map(|((kind, created_ms, sequence, flags, id), (payload_type, payload))| Message {
            kind,
            created_ms,
            sequence,
            flags,
            id: Uuid::from_u128(id),
            payload_type,
            payload: payload.into(),
        })
    }

    #[test]
    fn every_byte_stands_where_upstreams_programs_look_for_it() {
        let message = Message {
            kind: Kind::Acknowledge,
            created_ms: 0x0102_0304_0506_0708,
            sequence: -2,
            flags: 3,
            id: Uuid::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff),
            payload_type: 1,
            payload: Bytes::from_static(b"abc"),
        };
        let bytes = message.encode();
        assert_eq!(bytes.len(), 123);
        assert_eq!(bytes[..4], [0, 0, 0, 116]);
        assert_eq!(bytes[4..36], *b"acknowledge                     ");
        assert_eq!(bytes[36..40], [0, 0, 0, 1]);
        assert_eq!(bytes[40..48], [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(bytes[48..56], [255, 255, 255, 255, 255, 255, 255, 254]);
        assert_eq!(bytes[56..64], [0, 0, 0, 0, 0, 0, 0, 3]);
        assert_eq!(data_encoding::HEXLOWER.encode(&bytes[64..80]), "8899aabbccddeeff0011223344556677");
        assert_eq!(data_encoding::HEXLOWER.encode(&bytes[80..84]), "ba7816bf");
        assert_eq!(bytes[112..], [0, 0, 0, 1, 0, 0, 0, 3, b'a', b'b', b'c']);
    }

    #[test]
    fn what_is_out_of_place_is_no_message() {
        let good = Message {
            kind: Kind::InputStreamData,
            created_ms: 1,
            sequence: 0,
            flags: 0,
            id: Uuid::nil(),
            payload_type: 1,
            payload: Bytes::from_static(b"x"),
        };
        let bytes = good.encode();
        let with = |at: usize, byte: u8| {
            let mut bytes = bytes.to_vec();
            bytes[at] = byte;
            Message::decode(bytes.into())
        };
        assert_eq!(with(4, 0), Err(MessageError::UnknownKind));
        assert_eq!(with(5, 0xff), Err(MessageError::UnknownKind));
        assert_eq!(with(3, 115), Err(MessageError::Layout));
        assert_eq!(with(0, 0xff), Err(MessageError::Layout));
        assert_eq!(with(39, 2), Err(MessageError::Malformed));
        assert_eq!(with(47, 0), Err(MessageError::Malformed));
        assert_eq!(with(120, b'y'), Err(MessageError::Digest));
        assert_eq!(with(119, 2), Err(MessageError::Layout));
        assert_eq!(Message::decode(bytes.slice(..119)), Err(MessageError::Length(119)));
        assert_eq!(
            Message::decode(vec![0; MAX_MESSAGE_BYTES + 1].into()),
            Err(MessageError::Length(MAX_MESSAGE_BYTES + 1))
        );
        // Padding with zeros is read as well.
        let mut zeros = bytes.to_vec();
        zeros[4 + good.kind.as_str().len()..36].fill(0);
        assert_eq!(Message::decode(zeros.into()), Ok(good));
    }

    proptest! {
        #[test]
        fn a_message_reads_back(message in any_message()) {
            prop_assert_eq!(Message::decode(message.encode()), Ok(message));
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Message::decode(bytes.into());
        }

        #[test]
        fn a_damaged_message_never_passes_for_another_payload(message in any_message(), at in 0usize..2200, bit in 0u8..8) {
            let mut bytes = message.encode().to_vec();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            if let Ok(read) = Message::decode(bytes.into()) {
                prop_assert_eq!(read.payload, message.payload);
            }
        }
    }
}
