//! A step's stored output as a stream of bytes, while it runs and after.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;

use super::blocking;
use crate::agent::core::OutputBody;
use crate::agent::spool::{Layout, SpoolReader};
use crate::agent::step_host::record;
use crate::platform::files::Directory;
use crate::wire::run::{OutputQuery, StreamName};

const PIECE_BYTES: usize = 64 * 1024;
/// How often a quiet step is asked for more; it doubles up to the longest.
const FIRST_LOOK: Duration = Duration::from_millis(20);
const LONGEST_LOOK: Duration = Duration::from_millis(200);
/// How long a follower waits for a step that is about to start.
const START_LOOKS: u32 = 50;

/// A stream's bytes from the offset on; `None` when there is no such spool.
pub async fn open(runs: Arc<Directory>, query: OutputQuery) -> Option<OutputBody> {
    let mut looks = if query.follow { START_LOOKS } else { 1 };
    let reader = loop {
        match open_reader(runs.clone(), &query).await {
            Ok(reader) => break reader,
            Err(_) if looks > 1 => tokio::time::sleep(FIRST_LOOK).await,
            Err(_) => return None,
        }
        looks -= 1;
    };
    let tail = Tail {
        offset: query.offset,
        runs,
        query,
        reader,
        pause: FIRST_LOOK,
    };
    let body = stream::unfold(Some(tail), |tail| async move {
        match tail?.next().await {
            Ok(Some((bytes, tail))) => Some((Ok(bytes), Some(tail))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    });
    Some(body.boxed())
}

struct Tail {
    runs: Arc<Directory>,
    query: OutputQuery,
    reader: Reader,
    offset: u64,
    pause: Duration,
}

#[derive(Clone)]
struct Reader {
    spool: Arc<SpoolReader>,
    has_ended: bool,
}

impl Tail {
    async fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        loop {
            let (spool, offset) = (self.reader.spool.clone(), self.offset);
            let piece = blocking(self.runs.clone(), move |_| spool.read(offset, PIECE_BYTES)).await?;
            if !piece.is_empty() {
                self.offset += piece.len() as u64;
                self.pause = FIRST_LOOK;
                return Ok(Some((piece.into(), self)));
            }
            if self.reader.has_ended || !self.query.follow {
                return Ok(None);
            }
            tokio::time::sleep(self.pause).await;
            self.pause = (self.pause * 2).min(LONGEST_LOOK);
            // Whether it has ended is asked before the next read, so that nothing written before the end is missed.
            self.reader = open_reader(self.runs.clone(), &self.query).await?;
            if self.reader.has_ended && !self.reader.spool.continues_at(self.offset) {
                // What was sent are the stream's own bytes beyond the head; the tail does not follow on them. The report tells
                // the cut, and who wants the tail asks again.
                return Ok(None);
            }
        }
    }
}

async fn open_reader(runs: Arc<Directory>, query: &OutputQuery) -> io::Result<Reader> {
    let (run, path, stream) = (query.run.clone(), format!("{}/{}", query.run, query.step), query.stream);
    blocking(runs, move |runs| {
        let directory = runs.directory(&path)?;
        let ended = record::read_exit(&directory, run.as_str());
        let file = match directory.open_file(stream.as_str()) {
            // It is made with the first byte.
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            opened => Some(opened?),
        };
        let spool = match &ended {
            Some(end) => {
                let tally = match stream {
                    StreamName::Stdout => end.stdout,
                    StreamName::Stderr => end.stderr,
                };
                // Released in this moment, the folder may be the next run's by now, and the file its output.
                let is_still_ours = record::read_exit(&directory, run.as_str()).is_some();
                if !is_still_ours || (file.is_none() && tally.total > 0) {
                    return Err(io::ErrorKind::NotFound.into());
                }
                SpoolReader::ended(file, Layout::new(end.cap_bytes), tally)
            }
            None => {
                let mark = record::read_host(&directory, run.as_str()).ok_or(io::ErrorKind::NotFound)?;
                SpoolReader::live(file, Layout::new(mark.cap_bytes))
            }
        };
        Ok(Reader {
            spool: Arc::new(spool),
            has_ended: ended.is_some(),
        })
    })
    .await
}
