//! The last bytes of a shell's output, addressed by their absolute offset.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// A window that moves over an endless stream.
#[derive(Debug)]
pub struct Scrollback {
    bytes: VecDeque<u8>,
    /// Offset of the first byte that is still there.
    start: u64,
    limit: usize,
}

impl Scrollback {
    /// Takes memory only as it fills.
    pub fn new(limit: usize) -> Self {
        Self {
            bytes: VecDeque::new(),
            start: 0,
            limit,
        }
    }

    pub fn start(&self) -> u64 {
        self.start
    }

    /// Offset of the next byte to come.
    pub fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    pub fn push(&mut self, new: &[u8]) {
        let kept = &new[new.len().saturating_sub(self.limit)..];
        let overflow = (self.bytes.len() + kept.len()).saturating_sub(self.limit);
        // First out, then in: so that the memory never grows beyond the limit.
        self.bytes.drain(..overflow);
        self.bytes.extend(kept);
        self.start += (overflow + new.len() - kept.len()) as u64;
    }

    /// Up to `most` bytes from `offset` on, which must lie inside the window.
    pub fn copy(&self, offset: u64, most: usize) -> Bytes {
        let from = offset.saturating_sub(self.start) as usize;
        let to = self.bytes.len().min(from + most);
        let (first, second) = self.bytes.as_slices();
        let mut copy = BytesMut::with_capacity(to.saturating_sub(from));
        copy.extend_from_slice(first.get(from..to.min(first.len())).unwrap_or_default());
        let (from, to) = (from.saturating_sub(first.len()), to.saturating_sub(first.len()));
        copy.extend_from_slice(second.get(from..to).unwrap_or_default());
        copy.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_holds_the_end_of_the_stream(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..30), 0..20),
            limit in 1usize..50,
            most in 1usize..20,
        ) {
            let mut scrollback = Scrollback::new(limit);
            let mut stream = Vec::new();
            for piece in &pieces {
                scrollback.push(piece);
                stream.extend_from_slice(piece);
                prop_assert_eq!(scrollback.end(), stream.len() as u64);
                prop_assert_eq!(scrollback.start() as usize, stream.len().saturating_sub(limit));
                let mut at = scrollback.start();
                let mut seen = Vec::new();
                while at < scrollback.end() {
                    let copy = scrollback.copy(at, most);
                    prop_assert!(!copy.is_empty() && copy.len() <= most);
                    at += copy.len() as u64;
                    seen.extend_from_slice(&copy);
                }
                prop_assert_eq!(&seen[..], &stream[scrollback.start() as usize..]);
            }
        }
    }

    #[test]
    fn memory_stays_within_the_limit() {
        let mut scrollback = Scrollback::new(256 * 1024);
        for _ in 0..100 {
            scrollback.push(&[0; 60_000]);
        }
        assert!(scrollback.bytes.capacity() <= 512 * 1024);
    }
}
