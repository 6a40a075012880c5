//! A stored output line by line, a page of bytes at a time: what a search looks through and what logs show.

use crate::hub::capabilities::commands::outputs;
use crate::hub::capabilities::commands::rows::OutputRow;
use crate::hub::store::blobs::Blobs;
use crate::hub::store::{StoreError, Tx};

/// A longer line becomes several. Upstream's longest log event.
pub const MAX_LINE_BYTES: usize = 256 * 1024;
/// Bytes that are read at a time; the longest line fits in.
pub const PAGE_BYTES: usize = 1024 * 1024;

/// A line without its end, and where it begins and the next one may.
#[derive(Debug, PartialEq, Eq)]
pub struct Line<'b> {
    pub from: u64,
    pub until: u64,
    pub text: &'b [u8],
    /// It is not the beginning of a longer one.
    pub is_ended: bool,
}

/// Whole lines from the beginning of `bytes`, which lie at `at`; a last one without an end only when nothing follows.
pub fn split(bytes: &[u8], at: u64, is_end: bool) -> impl Iterator<Item = Line<'_>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let rest = &bytes[from..];
        let line = rest.iter().position(|b| *b == b'\n').map(|end| end + 1);
        let length = match line {
            Some(length) if length <= MAX_LINE_BYTES => length,
            None if rest.is_empty() => return None,
            None if rest.len() <= MAX_LINE_BYTES && is_end => rest.len(),
            None if rest.len() < MAX_LINE_BYTES => return None,
            _ => MAX_LINE_BYTES,
        };
        let begins = at + from as u64;
        from += length;
        Some(whole(&rest[..length], begins))
    })
}

fn whole(line: &[u8], from: u64) -> Line<'_> {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    Line {
        from,
        until: from + line.len() as u64,
        text: text.strip_suffix(b"\r").unwrap_or(text),
        is_ended: text.len() < line.len(),
    }
}

/// One stored output.
pub struct Source<'a, 't> {
    pub tx: &'a Tx<'t>,
    pub blobs: &'a Blobs,
    pub row: &'a OutputRow,
}

/// Bytes of an output, and whether it ends with them.
pub struct Page {
    pub bytes: Vec<u8>,
    pub at: u64,
    pub is_end: bool,
}

impl Source<'_, '_> {
    /// Bytes that can be read now; the rest may still lie on the node.
    pub fn available(&self) -> u64 {
        match self.row.is_wanted {
            true => self.row.head.len() as u64,
            false => self.row.stored_bytes,
        }
    }

    /// The bytes from an offset on, at most [`PAGE_BYTES`].
    pub fn page(&self, at: u64) -> Result<Page, StoreError> {
        let bytes = self.range(at, PAGE_BYTES)?;
        let is_end = !self.row.is_wanted && at + bytes.len() as u64 >= self.available();
        Ok(Page { bytes, at, is_end })
    }

    pub fn range(&self, at: u64, limit: usize) -> Result<Vec<u8>, StoreError> {
        outputs::range(self.tx, self.blobs, self.row, at, limit)
    }
}

impl Page {
    pub fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        split(&self.bytes, self.at, self.is_end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_becomes_several() {
        let long = [vec![b'x'; MAX_LINE_BYTES + 5], b"\n".to_vec()].concat();
        let lines: Vec<(usize, bool)> = split(&long, 0, true).map(|line| (line.text.len(), line.is_ended)).collect();
        assert_eq!(lines, [(MAX_LINE_BYTES, false), (5, true)]);
        assert_eq!(split(&long[..MAX_LINE_BYTES + 5], 0, false).count(), 1);
    }

    #[test]
    fn a_line_knows_where_it_lies_and_is_without_its_end() {
        let lines: Vec<Line> = split(b"a\r\n\nb", 10, true).collect();
        let line = |from, until, text, is_ended| Line {
            from,
            until,
            text,
            is_ended,
        };
        assert_eq!(
            lines,
            [line(10, 13, &b"a"[..], true), line(13, 14, b"", true), line(14, 15, b"b", false)]
        );
        assert_eq!(split(b"a\nb", 0, false).count(), 1);
    }
}
