//! Many connections on one stream of bytes: smux version 1, from the side that is connected to. A pure decoder and its frames.
//!
//! ```text
//! frame = version (1) · command · length (2) · stream id (4) · data            numbers little-endian
//! command   0 SYN opens · 1 FIN nothing more of this side · 2 PSH data · 3 NOP keeps alive
//! ```
//!
//! There are no windows: who does not want more reads no more, of all streams.

use std::collections::VecDeque;

use bytes::{Buf, BufMut, Bytes, BytesMut};

const VERSION: u8 = 1;
const HEAD_BYTES: usize = 8;
const SYN: u8 = 0;
const FIN: u8 = 1;
const PSH: u8 = 2;
const NOP: u8 = 3;
/// Data of one frame; what upstream's library sends at most.
pub const MAX_DATA_BYTES: usize = 32 * 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Opened(u32),
    /// Never empty; a frame's data may come in parts.
    Data(u32, Bytes),
    Finished(u32),
}

/// The stream is not smux: nothing of it can be understood any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client sent what is not smux version 1")]
pub struct NotSmux;

#[derive(Debug, Default)]
pub struct Decoder {
    input: VecDeque<Bytes>,
    head: BytesMut,
    /// The frame whose data is being read, and how much is left of it.
    data: Option<(u32, usize)>,
}

impl Decoder {
    pub fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.input.push_back(bytes);
        }
    }

    /// The next event; `None` when more bytes are needed.
    pub fn next(&mut self) -> Result<Option<Event>, NotSmux> {
        loop {
            if let Some((id, left)) = self.data.take_if(|(_, left)| *left > 0) {
                let Some(part) = self.take(left) else {
                    self.data = Some((id, left));
                    return Ok(None);
                };
                self.data = Some((id, left - part.len()));
                return Ok(Some(Event::Data(id, part)));
            }
            while self.head.len() < HEAD_BYTES {
                let Some(part) = self.take(HEAD_BYTES - self.head.len()) else {
                    return Ok(None);
                };
                self.head.extend_from_slice(&part);
            }
            if let Some(event) = self.read_head()? {
                return Ok(Some(event));
            }
        }
    }

    fn read_head(&mut self) -> Result<Option<Event>, NotSmux> {
        let mut head = self.head.split();
        let (version, command, length, id) = (head.get_u8(), head.get_u8(), head.get_u16_le(), head.get_u32_le());
        if version != VERSION {
            return Err(NotSmux);
        }
        match command {
            PSH => {
                self.data = Some((id, length.into()));
                Ok(None)
            }
            // Only data has a length.
            _ if length != 0 => Err(NotSmux),
            SYN => Ok(Some(Event::Opened(id))),
            FIN => Ok(Some(Event::Finished(id))),
            NOP => Ok(None),
            _ => Err(NotSmux),
        }
    }

    /// Up to `most` of the bytes that are here, as they lie.
    fn take(&mut self, most: usize) -> Option<Bytes> {
        let front = self.input.front_mut()?;
        let part = front.split_to(most.min(front.len()));
        if front.is_empty() {
            self.input.pop_front();
        }
        Some(part)
    }
}

/// Data for a stream; at most [`MAX_DATA_BYTES`].
pub fn data(id: u32, bytes: &[u8]) -> Bytes {
    frame(PSH, id, bytes)
}

pub fn finish(id: u32) -> Bytes {
    frame(FIN, id, &[])
}

fn frame(command: u8, id: u32, bytes: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(HEAD_BYTES + bytes.len());
    out.put_u8(VERSION);
    out.put_u8(command);
    out.put_u16_le(bytes.len() as u16);
    out.put_u32_le(id);
    out.put_slice(bytes);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn events(decoder: &mut Decoder) -> Result<Vec<Event>, NotSmux> {
        let mut all = Vec::new();
        while let Some(event) = decoder.next()? {
            all.push(event);
        }
        Ok(all)
    }

    #[test]
    fn bytes_seen_on_the_wire_are_understood() {
        let mut decoder = Decoder::default();
        decoder.push(Bytes::from_static(
            b"\x01\x00\x00\x00\x03\x00\x00\x00\x01\x02\x03\x00\x03\x00\x00\x00GET\x01\x03\x00\x00\x00\x00\x00\x00",
        ));
        decoder.push(Bytes::from_static(b"\x01\x01\x00\x00\x03\x00\x00\x00"));
        let expected = [Event::Opened(3), Event::Data(3, Bytes::from_static(b"GET")), Event::Finished(3)];
        assert_eq!(events(&mut decoder).unwrap(), expected);
        assert_eq!(data(3, b"GET")[..], *b"\x01\x02\x03\x00\x03\x00\x00\x00GET");
        assert_eq!(finish(0x0102)[..], *b"\x01\x01\x00\x00\x02\x01\x00\x00");
    }

    #[test]
    fn another_version_an_unknown_command_or_a_length_out_of_place_is_not_smux() {
        for bad in [
            &b"\x02\x00\x00\x00\x03\x00\x00\x00"[..],
            b"\x01\x04\x08\x00\x03\x00\x00\x00",
            b"\x01\x00\x01\x00\x03\x00\x00\x00",
            b"SSH-2.0-x",
        ] {
            let mut decoder = Decoder::default();
            decoder.push(Bytes::copy_from_slice(bad));
            assert_eq!(events(&mut decoder), Err(NotSmux));
        }
    }

    proptest! {
        #[test]
        fn data_survives_any_cutting(
            frames in proptest::collection::vec((1u32..5, proptest::collection::vec(any::<u8>(), 0..100)), 0..20),
            cut in 1usize..40,
        ) {
            let whole: Vec<u8> = frames.iter().flat_map(|(id, bytes)| data(*id, bytes)).collect();
            let mut decoder = Decoder::default();
            let mut seen = vec![Vec::new(); 5];
            for part in whole.chunks(cut) {
                decoder.push(Bytes::copy_from_slice(part));
                for event in events(&mut decoder).unwrap() {
                    let Event::Data(id, bytes) = event else { panic!("{event:?}") };
                    prop_assert!(!bytes.is_empty());
                    seen[id as usize].extend_from_slice(&bytes);
                }
            }
            for id in 1..5 {
                let sent: Vec<u8> = frames.iter().filter(|(own, _)| *own == id).flat_map(|(_, bytes)| bytes.clone()).collect();
                prop_assert_eq!(&seen[id as usize], &sent);
            }
        }

        #[test]
        fn garbage_never_panics(parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..10)) {
            let mut decoder = Decoder::default();
            for part in parts {
                decoder.push(part.into());
                if events(&mut decoder).is_err() {
                    break;
                }
            }
        }
    }
}
