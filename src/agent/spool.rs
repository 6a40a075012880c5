//! The spool: one output stream of a step on disk, capped.
//!
//! ```text
//! stream ≤ cap:  [ the stream ]
//! stream > cap:  [ head: cap/2 ][ ring with the last bytes: the rest ] + one byte, which says that the ring has wrapped
//! ```
//!
//! The step host writes, the agent reads, at the same time and without a word between them: a file no longer than the cap is
//! the stream's beginning as it was; once it is longer, its middle is gone and only the head may be read until the end record
//! tells the total. Offsets in the stored bytes (head, then tail) equal offsets in the stream as long as nothing was cut.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::platform::files::Directory;
use crate::wire::run::Cut;

/// Kept of each stream, unless the executor is told otherwise.
pub const DEFAULT_CAP_BYTES: u64 = 256 * 1024 * 1024;

/// How much of a stream there was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Bytes that went through the spool.
    pub total: u64,
    /// Bytes after those that could not be written, because the disk was full.
    pub lost: u64,
}

/// Where the bytes of a stream lie in a file with this cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    cap: u64,
}

impl Layout {
    pub fn new(cap: u64) -> Self {
        // Below two bytes there would be no head or no ring.
        Self { cap: cap.max(2) }
    }

    fn head(self) -> u64 {
        self.cap / 2
    }

    fn ring(self) -> u64 {
        self.cap - self.head()
    }

    /// Where in the file the stream's byte `at` is written.
    fn position(self, at: u64) -> u64 {
        match at < self.head() {
            true => at,
            false => self.head() + (at - self.head()) % self.ring(),
        }
    }

    /// Bytes kept of a stream of `total`.
    pub fn stored(self, total: u64) -> u64 {
        total.min(self.cap)
    }

    /// How it was cut, when it was.
    pub fn cut(self, tally: Tally) -> Option<Cut> {
        if tally.total > self.cap {
            return Some(Cut {
                head_bytes: self.head(),
                omitted_bytes: tally.total - self.cap + tally.lost,
            });
        }
        (tally.lost > 0).then_some(Cut {
            head_bytes: tally.total,
            omitted_bytes: tally.lost,
        })
    }

    /// Which byte of the stream the stored byte `offset` is.
    fn stream_offset(self, total: u64, offset: u64) -> u64 {
        match total > self.cap && offset >= self.head() {
            true => offset + (total - self.cap),
            false => offset,
        }
    }
}

/// The writing end. It never fails: what cannot be written is counted.
#[derive(Debug)]
pub struct SpoolWriter {
    place: Place,
    layout: Layout,
    tally: Tally,
}

/// Many commands say nothing, or nothing on one of their streams: the file is made with the first byte.
#[derive(Debug)]
enum Place {
    ToMake(Arc<Directory>, &'static str),
    Made(File),
}

impl Place {
    fn file(&mut self) -> io::Result<&File> {
        if let Self::ToMake(directory, name) = self {
            *self = Self::Made(directory.create_file(name, 0o600)?);
        }
        match self {
            Self::Made(file) => Ok(file),
            Self::ToMake(..) => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

impl SpoolWriter {
    pub fn new(directory: Arc<Directory>, name: &'static str, layout: Layout) -> Self {
        Self::at(Place::ToMake(directory, name), layout)
    }

    fn at(place: Place, layout: Layout) -> Self {
        Self {
            place,
            layout,
            tally: Tally::default(),
        }
    }

    pub fn write(&mut self, mut bytes: &[u8]) {
        // After a gap nothing more is stored, so that offsets keep their meaning.
        while !bytes.is_empty() && self.tally.lost == 0 {
            match self.write_piece(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(_) => break,
            }
        }
        self.tally.lost += bytes.len() as u64;
    }

    fn write_piece(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let at = self.tally.total;
        let file = self.place.file()?;
        if at == self.layout.cap {
            // From here on the ring's oldest bytes are overwritten: say so first.
            file.set_len(self.layout.cap + 1)?;
        }
        let position = self.layout.position(at);
        let region_end = if at < self.layout.head() {
            self.layout.head()
        } else {
            self.layout.cap
        };
        let piece = bytes.len().min((region_end - position) as usize);
        file.write_all_at(&bytes[..piece], position)?;
        self.tally.total += piece as u64;
        Ok(piece)
    }

    pub fn tally(&self) -> Tally {
        self.tally
    }
}

/// The reading end.
#[derive(Debug)]
pub struct SpoolReader {
    /// `None` while nothing was written.
    file: Option<File>,
    layout: Layout,
    /// Known once the step has ended.
    total: Option<u64>,
}

impl SpoolReader {
    pub fn live(file: Option<File>, layout: Layout) -> Self {
        Self { file, layout, total: None }
    }

    pub fn ended(file: Option<File>, layout: Layout, tally: Tally) -> Self {
        Self {
            file,
            layout,
            total: Some(tally.total),
        }
    }

    /// Whether the stored bytes of the ended stream are, up to `offset`, the ones that could be read while it was live.
    pub fn continues_at(&self, offset: u64) -> bool {
        let is_cut = self.total.is_some_and(|total| total > self.layout.cap);
        !is_cut || offset <= self.layout.head()
    }

    /// Some of the stored bytes from `offset` on; empty at the end, and for a live stream that has nothing more (yet).
    pub fn read(&self, offset: u64, limit: usize) -> io::Result<Vec<u8>> {
        match self.total {
            Some(total) => self.read_ended(total, offset, limit),
            None => self.read_live(offset, limit),
        }
    }

    fn read_ended(&self, total: u64, offset: u64, limit: usize) -> io::Result<Vec<u8>> {
        let stored = self.layout.stored(total);
        if offset >= stored {
            return Ok(Vec::new());
        }
        let position = self.layout.position(self.layout.stream_offset(total, offset));
        let region_end = if position < self.layout.head() {
            self.layout.head()
        } else {
            self.layout.cap
        };
        let piece = (stored - offset).min(region_end - position).min(limit as u64);
        self.read_at(position, piece as usize)
    }

    fn read_live(&self, offset: u64, limit: usize) -> io::Result<Vec<u8>> {
        if offset >= self.layout.cap {
            return Ok(Vec::new());
        }
        let piece = (self.layout.cap - offset).min(limit as u64);
        let mut bytes = self.read_at(offset, piece as usize)?;
        // Judged after the read: if the ring has not wrapped by now, it had not when the bytes were read.
        let length = self
            .file
            .as_ref()
            .map_or(Ok(0), |file| Ok::<_, io::Error>(file.metadata()?.len()))?;
        if length > self.layout.cap {
            let head_left = self.layout.head().saturating_sub(offset);
            bytes.truncate(head_left as usize);
        }
        Ok(bytes)
    }

    fn read_at(&self, position: u64, length: usize) -> io::Result<Vec<u8>> {
        let Some(file) = &self.file else {
            return Ok(Vec::new());
        };
        let mut bytes = vec![0; length];
        let mut filled = 0;
        while filled < length {
            match file.read_at(&mut bytes[filled..], position + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stored(reader: &SpoolReader, limit: usize) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let piece = reader.read(all.len() as u64, limit).unwrap();
            if piece.is_empty() {
                return all;
            }
            all.extend(piece);
        }
    }

    fn spool(cap: u64, pieces: &[Vec<u8>]) -> (SpoolReader, SpoolReader, Tally) {
        let file = tempfile::tempfile().unwrap();
        let layout = Layout::new(cap);
        let mut writer = SpoolWriter::at(Place::Made(file.try_clone().unwrap()), layout);
        pieces.iter().for_each(|piece| writer.write(piece));
        let tally = writer.tally();
        let live = SpoolReader::live(file.try_clone().ok(), layout);
        (SpoolReader::ended(Some(file), layout, tally), live, tally)
    }

    proptest! {
        #[test]
        fn a_stream_is_kept_whole_or_as_head_and_tail(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..12),
            cap in 2u64..120,
            limit in 1usize..50,
        ) {
            let stream: Vec<u8> = pieces.concat();
            let (ended, live, tally) = spool(cap, &pieces);
            prop_assert_eq!(tally, Tally { total: stream.len() as u64, lost: 0 });
            let head = (cap / 2) as usize;
            let kept = stored(&ended, limit);
            if stream.len() as u64 <= cap {
                prop_assert_eq!(Layout::new(cap).cut(tally), None);
                prop_assert_eq!(&kept, &stream);
                prop_assert_eq!(stored(&live, limit), stream);
            } else {
                let cut = Layout::new(cap).cut(tally).unwrap();
                prop_assert_eq!(cut.head_bytes as usize, head);
                prop_assert_eq!(kept.len() as u64 + cut.omitted_bytes, stream.len() as u64);
                prop_assert_eq!(&kept[..head], &stream[..head]);
                prop_assert_eq!(&kept[head..], &stream[stream.len() - (cap as usize - head)..]);
                prop_assert_eq!(&stored(&live, limit)[..], &stream[..head]);
            }
        }
    }

    #[test]
    fn a_full_disk_keeps_the_beginning_and_counts_the_rest() {
        // /dev/full answers every write with ENOSPC.
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut writer = SpoolWriter::at(Place::Made(full), Layout::new(100));
        writer.write(b"abc");
        writer.write(b"de");
        assert_eq!(writer.tally(), Tally { total: 0, lost: 5 });
        let cut = Layout::new(100).cut(writer.tally()).unwrap();
        assert_eq!((cut.head_bytes, cut.omitted_bytes), (0, 5));
    }
}
