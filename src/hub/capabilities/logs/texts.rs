//! One stream's bytes and the times of its lines, wherever the bytes are: stored whole, or still coming piece by piece.

use super::lines::{self, Event};
use super::streams::{Share, Stream};
use crate::hub::capabilities::commands::log_pieces::{self, Pieces};
use crate::hub::capabilities::commands::rows::{self, OutputRow};
use crate::hub::capabilities::commands::stored_lines::{MAX_LINE_BYTES, PAGE_BYTES, Source};
use crate::hub::store::blobs::Blobs;
use crate::hub::store::{StoreError, Tx};

pub struct Text<'a, 't> {
    tx: &'a Tx<'t>,
    blobs: &'a Blobs,
    /// What is stored of it; `None` while the share is open, and of one that never reported.
    row: Option<OutputRow>,
    pieces: Pieces,
    ended_at: Option<i64>,
    /// Nothing more will come.
    is_over: bool,
}

impl<'a, 't> Text<'a, 't> {
    pub fn of(tx: &'a Tx<'t>, blobs: &'a Blobs, share: &Share, stream: &Stream) -> Result<Self, StoreError> {
        let position = i64::from(stream.position);
        let pieces = log_pieces::pieces(tx, &share.command, &share.node, position, stream.stream)?;
        let row = rows::sql::output(tx, &share.command, &share.node, position, stream.stream.as_str())?;
        let is_wanted = row.as_ref().is_some_and(|row| row.is_wanted);
        Ok(Self {
            tx,
            blobs,
            // While the rest lies on the node there may be more here than in its report.
            row: row.filter(|row| !row.is_wanted || row.head.len() > pieces.bytes.len()),
            pieces,
            ended_at: share.ended_at,
            is_over: share.ended_at.is_some() && !is_wanted,
        })
    }

    /// Bytes that can be read now: while more may come, up to the end of a line.
    pub fn available(&self) -> u64 {
        if let Some(source) = self.source() {
            return source.available();
        }
        let bytes = &self.pieces.bytes;
        let line = match self.is_over {
            true => Some(bytes.len()),
            false => bytes.iter().rposition(|b| *b == b'\n').map(|end| end + 1),
        };
        let length = line.unwrap_or(bytes.len() / MAX_LINE_BYTES * MAX_LINE_BYTES);
        length as u64
    }

    /// Events from an offset on, of at most a page's bytes.
    pub fn forward(&self, offset: u64, most: usize) -> Result<Vec<Event>, StoreError> {
        if let Some(source) = self.source() {
            let page = source.page(offset)?;
            return Ok(lines::forward(&page.bytes, page.at, page.is_end, most));
        }
        let bytes = self.range(offset, PAGE_BYTES)?;
        let is_end = self.is_over && offset + bytes.len() as u64 >= self.available();
        Ok(lines::forward(&bytes, offset, is_end, most))
    }

    /// The last events before an offset.
    pub fn backward(&self, offset: u64, most: usize) -> Result<Vec<Event>, StoreError> {
        let until = offset.min(self.available());
        let start = until.saturating_sub(PAGE_BYTES as u64);
        let bytes = self.range(start, (until - start) as usize)?;
        Ok(lines::backward(&bytes, start, most))
    }

    /// When an event reached the hub: the end of it, if that was noted, or else with the end of the share.
    pub fn time(&self, event: &Event) -> i64 {
        let times = &self.pieces.times;
        let noted = times.get(times.partition_point(|(until, _)| *until < event.until));
        let last = || times.last().map_or(0, |(_, at)| *at);
        noted.map(|(_, at)| *at).or(self.ended_at).unwrap_or_else(last)
    }

    /// Whether events may have other times than that of the share's end.
    pub fn has_times(&self) -> bool {
        !self.pieces.times.is_empty()
    }

    fn source(&self) -> Option<Source<'_, 't>> {
        self.row.as_ref().map(|row| Source {
            tx: self.tx,
            blobs: self.blobs,
            row,
        })
    }

    fn range(&self, offset: u64, limit: usize) -> Result<Vec<u8>, StoreError> {
        if let Some(source) = self.source() {
            return source.range(offset, limit);
        }
        let until = (self.available() as usize).min((offset as usize).saturating_add(limit));
        let bytes = self.pieces.bytes.get(offset as usize..until);
        Ok(bytes.unwrap_or_default().to_vec())
    }
}
