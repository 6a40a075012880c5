//! `/live`, topic `node-output`: all that one node writes for a command, step after step and both streams, by one subscription.
//!
//! Who looks at many nodes at once takes one of these for each. The hub hears of a step only when the whole run has ended, so the
//! node itself is asked which one is running: the streams of one step are followed to its end, then those of the next. What the run
//! has left when it is over comes from what the hub has stored, from the place on that was reached; nothing is told twice.
//!
//! *Invariant*: offsets are places in the stream as it was written. Stored bytes lie elsewhere once the middle is cut out.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::base::id::{CommandId, NodeId};
use crate::base::{ApiError, ApiResult};
use crate::hub::api::live::Feed;
use crate::hub::api::{Cx, constraint};
use crate::hub::capabilities::commands::send::unknown;
use crate::hub::capabilities::commands::state::State;
use crate::hub::capabilities::commands::{outputs, plugins, rows};
use crate::hub::link::{LinkError, OutputPull};
use crate::hub::store::{StoreError, Tx};
use crate::wire::run::{OutputQuery, StreamName};

/// Bytes of one event.
const MAX_PIECE: usize = 32 * 1024;
/// After a full piece: what writes without end must not fill a reader's time.
const PACE: Duration = Duration::from_millis(100);
/// How long a follower waits before it asks a silent node again, at first and in the long run.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// How often it looks whether the hub has fetched an output that was too long for the report.
const LATE_LOOKS: u32 = 20;
/// Steps behind one that has not begun which are looked at: it may have been left out.
const LOOK_AHEAD: u32 = 8;
/// Places that a reader may go on from: two streams of each of so many steps.
const MAX_PLACES: usize = 400;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NodeOutputTopic {
    pub command_id: CommandId,
    pub node_id: NodeId,
    /// Where a reader goes on that was cut off; every other stream is told from its beginning.
    #[serde(default)]
    from: Vec<Place>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Place {
    step: u32,
    stream: StreamName,
    offset: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Piece<'a> {
    step: u32,
    stream: StreamName,
    text: &'a str,
    next_offset: u64,
}

/// So many bytes are kept by nobody.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Gap {
    step: u32,
    stream: StreamName,
    omitted_bytes: u64,
    next_offset: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct End {
    end: bool,
    status_details: &'static str,
    /// The rest is still at the node.
    incomplete: bool,
}

type Stream = (u32, StreamName);

/// *Errors*: `InvocationDoesNotExist`, `ValidationException`.
pub async fn follow(cx: Cx, topic: NodeOutputTopic, feed: Feed) -> ApiResult<()> {
    constraint::count_at_most(&topic.from, "from", MAX_PLACES)?;
    let command = topic.command_id.clone();
    let steps = cx.read(move |tx| steps(tx, &command)).await?;
    let mut follower = Follower::new(topic, feed, steps);
    let mut wait = FIRST_WAIT;
    loop {
        let state = follower.state(&cx).await?;
        if state.is_ended() {
            let is_whole = follower.rest(&cx).await?;
            return follower.end(state, is_whole).await;
        }
        match follower.step(&cx).await? {
            true => wait = FIRST_WAIT,
            false => {
                sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }
}

fn steps(tx: &Tx<'_>, id: &CommandId) -> ApiResult<u32> {
    let command = rows::sql::command(tx, id)?.ok_or_else(|| unknown(id.as_str()))?;
    let count = plugins::planned(tx, &command)?.len().max(1);
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// One reader of one node, and how far it has read.
struct Follower {
    command: CommandId,
    node: NodeId,
    feed: Feed,
    steps: u32,
    /// The step that is followed.
    at: u32,
    offsets: BTreeMap<Stream, u64>,
    /// Pieces so far.
    told: u64,
}

impl Follower {
    fn new(topic: NodeOutputTopic, feed: Feed, steps: u32) -> Self {
        Self {
            at: topic.from.iter().map(|place| place.step).max().unwrap_or(0).min(steps - 1),
            offsets: topic.from.iter().map(|p| ((p.step, p.stream), p.offset)).collect(),
            command: topic.command_id,
            node: topic.node_id,
            feed,
            steps,
            told: 0,
        }
    }

    async fn state(&self, cx: &Cx) -> ApiResult<State> {
        let (command, node) = (self.command.clone(), self.node.clone());
        let found = cx.read(move |tx| Ok(rows::sql::state(tx, &command, &node)?)).await?;
        found.ok_or_else(|| {
            let (command, node) = (&self.command, &self.node);
            ApiError::new(
                "InvocationDoesNotExist",
                format!("command `{command}` has no invocation on `{node}`"),
            )
        })
    }

    /// Follows the step that runs to its end. Says whether there is reason to go on at once.
    async fn step(&mut self, cx: &Cx) -> ApiResult<bool> {
        let opened = tokio::join!(
            self.open(cx, self.at, StreamName::Stdout, true),
            self.open(cx, self.at, StreamName::Stderr, true)
        );
        let before = self.told;
        let is_over = match opened {
            (Ok(stdout), Ok(stderr)) => self.pump(stdout, stderr).await?,
            (Err(LinkError::NotFound), _) => return Ok(self.look_ahead(cx).await),
            _ => return Ok(false),
        };
        if is_over && self.at + 1 < self.steps {
            self.at += 1;
            return Ok(true);
        }
        Ok(self.told != before)
    }

    async fn open(&self, cx: &Cx, step: u32, stream: StreamName, follow: bool) -> Result<OutputPull, LinkError> {
        let query = OutputQuery {
            run: self.command.clone(),
            step,
            stream,
            offset: self.offset((step, stream)),
            follow,
        };
        cx.services.link().output(&self.node, query).await
    }

    fn offset(&self, stream: Stream) -> u64 {
        self.offsets.get(&stream).copied().unwrap_or(0)
    }

    /// Whether a later step has begun; then this one was left out.
    async fn look_ahead(&mut self, cx: &Cx) -> bool {
        for step in (self.at + 1..self.steps).take(LOOK_AHEAD as usize) {
            if self.open(cx, step, StreamName::Stdout, false).await.is_ok() {
                self.at = step;
                return true;
            }
        }
        false
    }

    /// Tells both streams as they come. Says whether they came to their end; a line that was cut is not one.
    async fn pump(&mut self, stdout: OutputPull, stderr: OutputPull) -> ApiResult<bool> {
        let mut streams = [Open::new(stdout), Open::new(stderr)];
        while streams.iter().any(|one| one.body.is_some()) {
            let [out, err] = &mut streams;
            let (open, stream, came) = tokio::select! {
                came = out.next() => (out, StreamName::Stdout, came),
                came = err.next() => (err, StreamName::Stderr, came),
            };
            let stream = (self.at, stream);
            match came {
                Some(Ok(bytes)) => {
                    open.untold.extend_from_slice(&bytes);
                    self.tell(stream, &mut open.untold, Rest::Follows).await?;
                }
                Some(Err(_)) => return Ok(false),
                None => {
                    open.body = None;
                    self.tell(stream, &mut open.untold, Rest::IsNone).await?;
                }
            }
        }
        Ok(true)
    }

    /// What is stored beyond what was told. Says whether that was all.
    async fn rest(&mut self, cx: &Cx) -> ApiResult<bool> {
        let (command, node) = (self.command.clone(), self.node.clone());
        let streams = cx.read(move |tx| Ok(sql::streams(tx, &command, &node)?)).await?;
        let mut is_whole = true;
        for stream in streams {
            is_whole &= self.rest_of(cx, stream).await?;
        }
        Ok(is_whole)
    }

    async fn rest_of(&mut self, cx: &Cx, stream: Stream) -> ApiResult<bool> {
        let mut untold = Vec::new();
        let mut looks = 0..LATE_LOOKS;
        loop {
            let stored = self.stored(cx, stream, self.offset(stream) + untold.len() as u64).await?;
            if stored.is_wanted && looks.next().is_some() {
                sleep(FIRST_WAIT).await;
                continue;
            }
            let rest = if stored.bytes.is_empty() { Rest::IsNone } else { Rest::Follows };
            untold.extend_from_slice(&stored.bytes);
            self.tell(stream, &mut untold, rest).await?;
            match (rest, stored.omitted_bytes) {
                (Rest::Follows, _) => {}
                (Rest::IsNone, 0) => return Ok(!stored.is_wanted),
                (Rest::IsNone, omitted) => self.tell_gap(stream, omitted).await?,
            }
        }
    }

    async fn stored(&self, cx: &Cx, (step, stream): Stream, at: u64) -> ApiResult<Stored> {
        let (command, node, blobs) = (self.command.clone(), self.node.clone(), cx.services.blobs.clone());
        cx.read(move |tx| {
            let Some(row) = rows::sql::output(tx, &command, &node, step.into(), stream.as_str())? else {
                return Ok(Stored::default());
            };
            let lies = lies_at(row.cut, at);
            let bytes = outputs::range(tx, &blobs, &row, lies.offset, lies.limit)?;
            Ok(Stored {
                bytes,
                omitted_bytes: lies.omitted_bytes,
                is_wanted: row.is_wanted,
            })
        })
        .await
    }

    /// Tells what is whole of `untold` and takes it out.
    async fn tell(&mut self, (step, stream): Stream, untold: &mut Vec<u8>, rest: Rest) -> ApiResult<()> {
        loop {
            let used = whole(untold, rest);
            if used == 0 {
                return Ok(());
            }
            let next_offset = self.offset((step, stream)) + used as u64;
            let text = String::from_utf8_lossy(&untold[..used]);
            let piece = Piece {
                step,
                stream,
                text: &text,
                next_offset,
            };
            self.feed.send(&piece).await?;
            untold.drain(..used);
            self.told += 1;
            self.offsets.insert((step, stream), next_offset);
            if used + 3 >= MAX_PIECE {
                sleep(PACE).await;
            }
        }
    }

    async fn tell_gap(&mut self, (step, stream): Stream, omitted_bytes: u64) -> ApiResult<()> {
        let next_offset = self.offset((step, stream)) + omitted_bytes;
        self.offsets.insert((step, stream), next_offset);
        let gap = Gap {
            step,
            stream,
            omitted_bytes,
            next_offset,
        };
        self.feed.send(&gap).await
    }

    async fn end(&self, state: State, is_whole: bool) -> ApiResult<()> {
        let end = End {
            end: true,
            status_details: state.as_str(),
            incomplete: !is_whole,
        };
        self.feed.send(&end).await
    }
}

/// A stream of the step that runs, while it is open.
struct Open {
    body: Option<OutputPull>,
    untold: Vec<u8>,
}

impl Open {
    fn new(body: OutputPull) -> Self {
        Self {
            body: Some(body),
            untold: Vec::new(),
        }
    }

    /// *Cancel*: nothing is lost. Waits for ever once it is over.
    async fn next(&mut self) -> Option<Result<bytes::Bytes, LinkError>> {
        match &mut self.body {
            Some(body) => body.next().await,
            None => std::future::pending().await,
        }
    }
}

#[derive(Default)]
struct Stored {
    bytes: Vec<u8>,
    /// When there are no bytes: how many were left out here.
    omitted_bytes: u64,
    /// The hub has only the beginning so far.
    is_wanted: bool,
}

/// Where the stream's byte `at` lies among those stored.
#[derive(Debug, PartialEq, Eq)]
struct Lies {
    offset: u64,
    /// Bytes that may be read from there on, up to the cut; none where the cut is.
    limit: usize,
    omitted_bytes: u64,
}

fn lies_at(cut: Option<(u64, u64)>, at: u64) -> Lies {
    let lies = |offset, limit, omitted_bytes| Lies {
        offset,
        limit,
        omitted_bytes,
    };
    match cut {
        Some((head, _)) if at < head => lies(at, usize::try_from(head - at).map_or(MAX_PIECE, |left| left.min(MAX_PIECE)), 0),
        Some((head, omitted)) if at < head + omitted => lies(head, 0, head + omitted - at),
        Some((_, omitted)) => lies(at - omitted, MAX_PIECE, 0),
        None => lies(at, MAX_PIECE, 0),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Follows,
    IsNone,
}

/// How many bytes make one event: no more than it may hold, and no part of a character that may still become whole.
fn whole(bytes: &[u8], rest: Rest) -> usize {
    let end = bytes.len().min(MAX_PIECE);
    if rest == Rest::IsNone && end == bytes.len() {
        return end;
    }
    let last = bytes[..end].utf8_chunks().last().map_or(&[][..], |chunk| chunk.invalid());
    let is_begun = std::str::from_utf8(last).is_err_and(|error| error.error_len().is_none());
    if is_begun { end - last.len() } else { end }
}

mod sql {
    use super::*;

    /// The streams of a node that have something in them, in the order in which they are told.
    pub fn streams(tx: &Tx<'_>, command: &CommandId, node: &NodeId) -> Result<Vec<Stream>, StoreError> {
        let sql = "SELECT position, stream FROM step_output WHERE command_id = :command AND node_id = :node
                   ORDER BY position, stream DESC";
        tx.rows(sql, &[(":command", command.into()), (":node", node.into())], |row| {
            Ok((row.get("position")?, row.parsed("stream")?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cut_stream_is_read_up_to_the_cut_told_of_it_and_read_on_behind_it() {
        let cut = Some((10, 100));
        let lies = |at| {
            let Lies {
                offset,
                limit,
                omitted_bytes,
            } = lies_at(cut, at);
            (offset, limit, omitted_bytes)
        };
        assert_eq!(lies(4), (4, 6, 0));
        assert_eq!(lies(10), (10, 0, 100));
        // What was read while it ran went beyond the beginning that was kept.
        assert_eq!(lies(30), (10, 0, 80));
        assert_eq!(lies(110), (10, MAX_PIECE, 0));
        assert_eq!(lies(115), (15, MAX_PIECE, 0));
        assert_eq!(lies_at(None, 7).offset, 7);
    }

    #[test]
    fn a_begun_character_waits_for_its_rest_and_bytes_that_are_no_text_do_not() {
        assert_eq!(whole("aあ".as_bytes(), Rest::Follows), 4);
        assert_eq!(whole(&"aあ".as_bytes()[..3], Rest::Follows), 1);
        assert_eq!(whole(&"あ".as_bytes()[..1], Rest::Follows), 0);
        assert_eq!(whole(&"あ".as_bytes()[..1], Rest::IsNone), 1);
        assert_eq!(whole(&[b'a', 0xFF], Rest::Follows), 2);
        assert_eq!(whole(&vec![b'x'; MAX_PIECE + 5], Rest::IsNone), MAX_PIECE);
    }

    proptest! {
        #[test]
        fn pieces_join_to_the_whole_text(text in "\\PC{0,60}", at in 1usize..9) {
            let (mut untold, mut told) = (Vec::new(), String::new());
            for bytes in text.as_bytes().chunks(at) {
                untold.extend_from_slice(bytes);
                let used = whole(&untold, Rest::Follows);
                told.push_str(&String::from_utf8_lossy(&untold[..used]));
                untold.drain(..used);
            }
            prop_assert!(untold.is_empty());
            prop_assert_eq!(told, text);
        }
    }
}
