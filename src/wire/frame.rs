//! A frame: four bytes of big-endian length, then that many bytes of JSON.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// No frame is longer; the length is checked before anything is allocated.
pub const MAX_FRAME_BYTES: usize = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("a frame of {0} bytes is over the limit of {MAX_FRAME_BYTES}")]
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

/// Collects received bytes and gives back whole messages.
#[derive(Default)]
pub struct Decoder {
    buffer: BytesMut,
}

impl Decoder {
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message, `None` until more bytes arrive. After an error the stream is of no use.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot say that more bytes are needed")]
    pub fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, FrameError> {
        let Some(length) = self.buffer.first_chunk::<4>().map(|b| u32::from_be_bytes(*b) as usize) else {
            return Ok(None);
        };
        if length > MAX_FRAME_BYTES {
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
    fn a_declared_length_over_the_limit_is_refused_before_it_is_read() {
        let mut decoder = Decoder::default();
        decoder.push(&u32::MAX.to_be_bytes());
        assert!(matches!(decoder.next::<String>(), Err(FrameError::TooLong(_))));
    }
}
