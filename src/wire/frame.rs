//! A frame: four bytes of big-endian length, then that many bytes of JSON.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// No frame is longer, but an order; the length is checked before anything is allocated.
pub const MAX_FRAME_BYTES: usize = 64 * 1024;
/// An order to an agent: a document with those that it runs.
pub const MAX_ORDER_BYTES: usize = 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("a frame of {0} bytes is over the limit")]
    TooLong(usize),
    #[error("a frame is not a known message")]
    Malformed(#[from] serde_json::Error),
}

/// One message as the bytes of one frame.
///
/// *Errors*: [`FrameError::TooLong`] when the message does not fit; the caller chose what to put in it.
pub fn encode<T: Serialize>(message: &T) -> Result<Bytes, FrameError> {
    let json = serde_json::to_vec(message)?;
    if json.len() > MAX_FRAME_BYTES {
        return Err(FrameError::TooLong(json.len()));
    }
    let mut frame = BytesMut::with_capacity(4 + json.len());
    frame.put_u32(json.len() as u32);
    frame.extend_from_slice(&json);
    Ok(frame.freeze())
}

/// The bytes of one frame in their order. Those in the middle may be the same as another frame's, and are in memory once.
#[derive(Clone, Debug, Default)]
pub struct Parcel([Bytes; 3]);

impl From<Bytes> for Parcel {
    fn from(frame: Bytes) -> Self {
        Self([frame, Bytes::new(), Bytes::new()])
    }
}

impl Parcel {
    /// A frame of `head`, `shared` and `tail`, which together are one message in JSON.
    ///
    /// *Errors*: [`FrameError::TooLong`] when it is no order that an agent takes.
    pub fn of(head: &[u8], shared: &Bytes, tail: &'static [u8]) -> Result<Self, FrameError> {
        let length = head.len() + shared.len() + tail.len();
        if length > MAX_ORDER_BYTES {
            return Err(FrameError::TooLong(length));
        }
        let is_short = length <= COPIED_BYTES;
        let mut first = BytesMut::with_capacity(4 + if is_short { length } else { head.len() });
        first.put_u32(length as u32);
        first.extend_from_slice(head);
        if is_short {
            first.extend_from_slice(shared);
            first.extend_from_slice(tail);
            return Ok(first.freeze().into());
        }
        Ok(Self([first.freeze(), shared.clone(), Bytes::from_static(tail)]))
    }

    pub fn len(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn pieces_mut(&mut self) -> &mut [Bytes; 3] {
        &mut self.0
    }
}

/// As much is sooner copied than sent in pieces.
const COPIED_BYTES: usize = 8 * 1024;

/// Collects received bytes and gives back whole messages.
pub struct Decoder {
    buffer: BytesMut,
    limit: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::up_to(MAX_FRAME_BYTES)
    }
}

impl Decoder {
    /// Of frames that are no longer than this.
    pub fn up_to(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            limit,
        }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message, `None` until more bytes arrive. After an error the stream is of no use.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot say that more bytes are needed")]
    pub fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, FrameError> {
        let Some(length) = self.buffer.first_chunk::<4>().map(|b| u32::from_be_bytes(*b) as usize) else {
            return Ok(None);
        };
        if length > self.limit {
            return Err(FrameError::TooLong(length));
        }
        if self.buffer.len() < 4 + length {
            return Ok(None);
        }
        self.buffer.advance(4);
        let json = self.buffer.split_to(length);
        if self.buffer.is_empty() {
            // An idle connection keeps no buffer: ten thousand of them are idle most of the time.
            self.buffer = BytesMut::new();
        }
        Ok(Some(serde_json::from_slice(&json)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn frames_survive_any_fragmentation(messages in proptest::collection::vec(".{0,80}", 0..8), cut in 1usize..20) {
            let mut bytes = Vec::new();
            for message in &messages {
                bytes.extend_from_slice(&encode(message).unwrap());
            }
            let mut decoder = Decoder::default();
            let mut seen: Vec<String> = Vec::new();
            for piece in bytes.chunks(cut) {
                decoder.push(piece);
                while let Some(message) = decoder.next().unwrap() {
                    seen.push(message);
                }
            }
            prop_assert_eq!(seen, messages);
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut decoder = Decoder::default();
            decoder.push(&bytes);
            while let Ok(Some(_)) = decoder.next::<serde_json::Value>() {}
        }
    }

    #[test]
    fn a_frame_in_pieces_is_one_message_and_its_middle_is_there_once() {
        let shared = Bytes::from(format!("\"{}\"", "x".repeat(COPIED_BYTES)));
        let mut parcel = Parcel::of(b"[1,", &shared, b"]").unwrap();
        assert!(parcel.pieces_mut().iter().any(|piece| piece.as_ptr() == shared.as_ptr()));
        let mut decoder = Decoder::default();
        parcel.pieces_mut().iter().for_each(|piece| decoder.push(piece));
        let (one, text): (u8, String) = decoder.next().unwrap().unwrap();
        assert_eq!((one, text.len()), (1, COPIED_BYTES));
        let short = Parcel::of(b"[", &Bytes::from_static(b"2"), b"]").unwrap();
        assert_eq!((short.len(), short.0[0].len()), (7, 7));
        let long = Bytes::from(vec![b'1'; MAX_ORDER_BYTES]);
        assert!(Parcel::of(b"", &long, b"").is_ok());
        assert!(matches!(Parcel::of(b"1", &long, b""), Err(FrameError::TooLong(_))));
    }

    #[test]
    fn a_declared_length_over_the_limit_is_refused_before_it_is_read() {
        let mut decoder = Decoder::default();
        decoder.push(&u32::MAX.to_be_bytes());
        assert!(matches!(decoder.next::<String>(), Err(FrameError::TooLong(_))));
    }
}
