//! `SearchOutputs`: which of a command's nodes said something, or did not say it.
//!
//! Equal contents are stored once, so each is looked through once however many nodes gave it. A request looks through a bounded
//! number of nodes and bytes for a bounded time, a short slice of it in each read, and says where the next goes on; it counts on
//! behind a page that is full, so that the first answer says how many there are, as far as it gets.
//!
//! *Invariants*: who may see a node's share of a command may search it, and nobody else: all that is listed and all that is counted
//! is chosen by that. Every node is counted once, and listed on one page at most.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::id::{CommandId, NodeId};
use crate::base::{ApiError, ApiResult};
use crate::hub::api::constraint::{self, Violations};
use crate::hub::api::{Cx, Declare, Service, Target, page};
use crate::hub::capabilities::commands::list::known;
use crate::hub::capabilities::commands::rows::{self, Invocation, OutputRow};
use crate::hub::capabilities::commands::send::SHARE;
use crate::hub::capabilities::commands::state::State;
use crate::hub::capabilities::commands::stored_lines::Source;
use crate::hub::capabilities::commands::text_search::{FIRST_LINES, Mark, Matcher, Memory, Progress, Wanted};
use crate::hub::store::blobs::{Blobs, Hash, INLINE_BYTES};
use crate::hub::store::{Select, StoreError, Tx, Value};
use crate::wire::run::StreamName;

/// Nodes that one request looks at.
const NODES_PER_REQUEST: usize = 20_000;
/// Stored bytes that one request looks through.
const BYTES_PER_REQUEST: u64 = 32 * 1024 * 1024;
/// What one request takes, where an expression makes every byte dear.
const TIME_PER_REQUEST: Duration = Duration::from_secs(1);
/// How long a search keeps a reader of the database before it lets others have it.
const SLICE: Duration = Duration::from_millis(50);
/// Nodes that are read at a time.
const BATCH: usize = 500;
/// Characters that are shown of a line.
const SHOWN_CHARS: usize = 300;

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Roadstead,
        "SearchOutputs",
        |_: &SearchRequest| Target::Rows(SHARE),
        search_outputs,
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "SearchOutputsRequest")]
struct SearchRequest {
    command_id: CommandId,
    /// What is looked for in each line.
    text: String,
    /// The text is a regular expression.
    #[serde(default)]
    regex: bool,
    #[serde(default)]
    ignore_case: bool,
    /// One of the two; both where it is absent.
    stream: Option<StreamName>,
    /// Only nodes that ended so.
    #[serde(default)]
    status: Vec<String>,
    /// The nodes whose output has no such line.
    #[serde(default)]
    without_match: bool,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "SearchOutputsResult")]
struct SearchResult {
    nodes: Vec<FoundNode>,
    /// Nodes that were looked at so far, over all pages.
    nodes_searched: u64,
    /// Those among them that the whole list has.
    nodes_matched: u64,
    /// Both numbers are of all nodes that have ended.
    whole: bool,
    /// Nodes that have not ended and are not searched.
    nodes_open: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct FoundNode {
    node_id: NodeId,
    name: String,
    status: &'static str,
    status_details: &'static str,
    matching_lines: u64,
    /// The first of them.
    lines: Vec<FoundLine>,
    /// Some of its output could not be searched: it is still on its way from the node, or was more than is kept.
    incomplete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_hash: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct FoundLine {
    step: i64,
    step_name: String,
    stream: StreamName,
    /// Of the line in its stream, from 1.
    number: u64,
    text: String,
    /// The line is longer than the text.
    cut: bool,
}

/// Where the next page goes on.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Place {
    /// Nodes up to this one are on pages that were shown, as far as they match.
    shown: Option<NodeId>,
    counted: Counted,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Counted {
    /// Up to this node.
    until: Option<NodeId>,
    whole: bool,
    searched: u64,
    matched: u64,
}

async fn search_outputs(cx: Cx, request: SearchRequest) -> ApiResult<SearchResult> {
    let size = page::size(request.max_results, 1, 100, 20)?;
    let place: Place = page::parse(request.next_token.as_deref())?.unwrap_or_default();
    let (wanted, matcher) = wanted(&request)?;
    let budget = Budget {
        nodes: NODES_PER_REQUEST,
        bytes: BYTES_PER_REQUEST,
        until: Instant::now() + TIME_PER_REQUEST,
    };
    let mut search = Search {
        blobs: cx.services.blobs.clone(),
        memory: cx.services.state(),
        key: wanted.key(),
        matcher,
        size,
        looked_at: place.shown.clone(),
        place,
        nodes: Vec::new(),
        is_more: false,
        is_at_end: false,
        budget,
        found: HashMap::new(),
        request,
        cx: cx.clone(),
    };
    let (command, asked) = (search.request.command_id.clone(), cx.clone());
    let open = search.shares(sql::COUNT).and("invocation.ended_at IS NULL", []);
    let nodes_open = cx
        .read(move |tx| {
            known(tx, &asked, Some(&command), None)?;
            Ok(open.count(tx)?)
        })
        .await?;
    loop {
        let (next, turn) = cx
            .read(move |tx| {
                let turn = search.slice(tx)?;
                Ok((search, turn))
            })
            .await?;
        search = next;
        match turn {
            Turn::Over => return Ok(search.answer(nodes_open)),
            Turn::Again => {}
        }
    }
}

/// *Errors*: `ValidationException`.
fn wanted(request: &SearchRequest) -> ApiResult<(Wanted, Matcher)> {
    let mut broken = Violations::default();
    broken.length(Some(&request.text), "text", 1..=1000);
    broken.check()?;
    for status in &request.status {
        constraint::one_of(status, "status", &State::ALL.map(State::as_str))?;
    }
    if request.text.contains('\n') {
        return Err(ApiError::validation(
            "outputs are searched line by line: give a `Text` without line breaks",
        ));
    }
    let wanted = Wanted {
        text: request.text.clone(),
        is_regex: request.regex,
        ignores_case: request.ignore_case,
    };
    let matcher = wanted
        .compiled()
        .map_err(|why| ApiError::validation(format!("`{}` is no regular expression that is known here: {why}", request.text)))?;
    Ok((wanted, matcher))
}

/// What a request may still do.
struct Budget {
    nodes: usize,
    bytes: u64,
    until: Instant,
}

impl Budget {
    fn is_spent(&self) -> bool {
        self.nodes == 0 || self.bytes == 0 || Instant::now() >= self.until
    }
}

enum Turn {
    /// There is more to do, and others may come first.
    Again,
    Over,
}

/// One request's way through the nodes of a command.
struct Search {
    cx: Cx,
    request: SearchRequest,
    blobs: Blobs,
    memory: Arc<Memory>,
    /// What is wanted, for the memory.
    key: Hash,
    matcher: Matcher,
    size: usize,
    place: Place,
    looked_at: Option<NodeId>,
    nodes: Vec<FoundNode>,
    /// There is a node for the next page.
    is_more: bool,
    /// All nodes have been looked at.
    is_at_end: bool,
    budget: Budget,
    /// By content.
    found: HashMap<Hash, Arc<Progress>>,
}

/// A node's output and what was found in it.
type Searched = Vec<(sql::Stored, Arc<Progress>)>;

impl Search {
    fn slice(&mut self, tx: &Tx<'_>) -> Result<Turn, StoreError> {
        let late = self.budget.until.min(Instant::now() + SLICE);
        let batch = self.next_nodes(tx)?;
        let is_last = batch.len() < BATCH;
        // However late it is, each slice comes further.
        for node in batch {
            let Some(searched) = self.outputs(tx, &node.node_id, late)? else {
                return Ok(self.pause());
            };
            self.budget.nodes -= 1;
            self.take(tx, node, &searched)?;
            if self.budget.is_spent() || self.is_answered() || Instant::now() >= late {
                return Ok(self.pause());
            }
        }
        if !is_last {
            return Ok(Turn::Again);
        }
        self.place.counted.whole = true;
        self.is_at_end = true;
        Ok(Turn::Over)
    }

    fn pause(&self) -> Turn {
        match self.budget.is_spent() || self.is_answered() {
            true => Turn::Over,
            false => Turn::Again,
        }
    }

    /// Nothing more of the answer is open: the page is full, another follows, and all was counted before.
    fn is_answered(&self) -> bool {
        self.is_more && self.place.counted.whole
    }

    fn next_nodes(&self, tx: &Tx<'_>) -> Result<Vec<Invocation>, StoreError> {
        let mut select = self.shares(rows::sql::SELECT_INVOCATION).and("invocation.ended_at IS NOT NULL", []);
        if let Some(after) = &self.looked_at {
            select = select.and("invocation.node_id > ?", [after.into()]);
        }
        select.order("invocation.node_id").limit(BATCH).rows(tx, Invocation::from_row)
    }

    /// The command's shares that are meant and that the caller sees.
    fn shares(&self, head: &'static str) -> Select {
        let select = Select::new(head)
            .probing(true)
            .and("invocation.command_id = ?", [(&self.request.command_id).into()])
            .and_condition(&self.cx.visible(SHARE, "invocation"));
        match self.request.status.is_empty() {
            true => select,
            // Not by the index of states: what is read in the order of nodes need not be sorted for every batch.
            false => select.and_in("+invocation.status", self.request.status.iter().map(Value::from)),
        }
    }

    /// What a node's outputs have of it; `None` when this has to wait for the next slice or request.
    fn outputs(&mut self, tx: &Tx<'_>, node: &NodeId, late: Instant) -> Result<Option<Searched>, StoreError> {
        let stored = sql::stored(tx, &self.request.command_id, node)?;
        let mut searched = Vec::with_capacity(stored.len());
        for output in stored {
            if self.request.stream.is_some_and(|stream| stream != output.stream) {
                continue;
            }
            let Some(progress) = self.output(tx, &output.row, late)? else {
                return Ok(None);
            };
            searched.push((output, progress));
        }
        Ok(Some(searched))
    }

    fn output(&mut self, tx: &Tx<'_>, row: &OutputRow, late: Instant) -> Result<Option<Arc<Progress>>, StoreError> {
        if row.is_wanted {
            // Its hash is the node's word yet, and what there is of it is short.
            let mut progress = Progress::default();
            self.look_through(tx, row, &mut progress, None)?;
            return Ok(Some(Arc::new(progress)));
        }
        if let Some(found) = self.found.get(&row.hash) {
            return Ok(Some(found.clone()));
        }
        let is_long = row.stored_bytes > INLINE_BYTES as u64;
        let mut progress = match is_long {
            true => self.memory.progress(&(row.hash, self.key)),
            false => Progress::default(),
        };
        let is_through = self.look_through(tx, row, &mut progress, is_long.then_some(late))?;
        if is_long {
            self.memory.keep((row.hash, self.key), progress.clone());
        }
        if !is_through {
            return Ok(None);
        }
        let progress = Arc::new(progress);
        self.found.insert(row.hash, progress.clone());
        Ok(Some(progress))
    }

    /// Goes on to the end; where it may stop before that, until it is late or the request's bytes are spent. Answers whether it
    /// came to the end.
    fn look_through(&mut self, tx: &Tx<'_>, row: &OutputRow, progress: &mut Progress, late: Option<Instant>) -> Result<bool, StoreError> {
        let blobs = &self.blobs;
        let source = Source { tx, blobs, row };
        while progress.offset < source.available() {
            let before = progress.offset;
            progress.take(&self.matcher, source.page(before)?.lines(), late);
            if progress.offset == before {
                return Ok(true);
            }
            self.budget.bytes = self.budget.bytes.saturating_sub(progress.offset - before);
            if late.is_some_and(|late| self.budget.bytes == 0 || Instant::now() >= late) {
                return Ok(progress.offset >= source.available());
            }
        }
        Ok(true)
    }

    /// Counts a node, and puts it on the page where there is room.
    fn take(&mut self, tx: &Tx<'_>, node: Invocation, searched: &Searched) -> Result<(), StoreError> {
        let has_match = searched.iter().any(|(_, progress)| progress.matching > 0);
        let is_found = has_match != self.request.without_match;
        let counted = &mut self.place.counted;
        if !counted.whole && counted.until.as_ref().is_none_or(|until| *until < node.node_id) {
            // They came with a token, which says what its bearer likes.
            counted.searched = counted.searched.saturating_add(1);
            counted.matched = counted.matched.saturating_add(u64::from(is_found));
            counted.until = Some(node.node_id.clone());
        }
        let is_full = self.nodes.len() >= self.size;
        self.is_more |= is_found && is_full;
        self.looked_at = Some(node.node_id.clone());
        if !self.is_more {
            self.place.shown = Some(node.node_id.clone());
        }
        if is_found && !is_full {
            let node = self.view(tx, node, searched)?;
            self.nodes.push(node);
        }
        Ok(())
    }

    fn view(&self, tx: &Tx<'_>, node: Invocation, searched: &Searched) -> Result<FoundNode, StoreError> {
        let marks = searched
            .iter()
            .flat_map(|(output, progress)| progress.first.iter().map(move |mark| (output, mark)));
        let marks: Vec<_> = marks.take(FIRST_LINES).collect();
        let steps = match marks.is_empty() {
            true => Vec::new(),
            false => rows::sql::steps(tx, &self.request.command_id, &node.node_id)?,
        };
        let mut lines = Vec::with_capacity(marks.len());
        for (output, mark) in marks {
            let (blobs, row) = (&self.blobs, &output.row);
            let (text, cut) = shown(&Source { tx, blobs, row }, mark)?;
            let step = steps.iter().find(|step| step.position == output.position);
            lines.push(FoundLine {
                step: output.position,
                step_name: step.map(|step| step.name.clone()).unwrap_or_default(),
                stream: output.stream,
                number: mark.number,
                text,
                cut,
            });
        }
        Ok(FoundNode {
            status: node.state.status(),
            status_details: node.state.as_str(),
            matching_lines: searched.iter().map(|(_, progress)| progress.matching).sum(),
            lines,
            incomplete: searched.iter().any(|(output, _)| output.row.is_wanted || output.row.cut.is_some()),
            output_hash: node.output_hash.map(|hash| data_encoding::HEXLOWER.encode(&hash)),
            node_id: node.node_id,
            name: node.node_name,
        })
    }

    fn answer(self, nodes_open: i64) -> SearchResult {
        let Counted {
            whole, searched, matched, ..
        } = self.place.counted;
        let is_over = self.is_at_end && !self.is_more;
        SearchResult {
            nodes: self.nodes,
            nodes_searched: searched,
            nodes_matched: matched,
            whole,
            nodes_open,
            next_token: (!is_over).then(|| page::token(&self.place)),
        }
    }
}

/// What an answer shows of a line, and whether that is not all of it.
fn shown(source: &Source<'_, '_>, mark: &Mark) -> Result<(String, bool), StoreError> {
    let bytes = source.range(mark.at, SHOWN_CHARS * 4 + 2)?;
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let line = &bytes[..end.unwrap_or(bytes.len())];
    let text = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
    let mut chars = text.chars();
    let shown: String = chars.by_ref().take(SHOWN_CHARS).collect();
    Ok((shown, mark.is_begun || chars.next().is_some()))
}

mod sql {
    use super::*;

    pub const COUNT: &str = "SELECT count(*) FROM invocation";

    /// One stream of a step.
    pub struct Stored {
        pub position: i64,
        pub stream: StreamName,
        pub row: OutputRow,
    }

    /// In the order in which a person reads them: of each step stdout, then stderr.
    pub fn stored(tx: &Tx<'_>, command: &CommandId, node: &NodeId) -> Result<Vec<Stored>, StoreError> {
        let sql = "SELECT position, stream, stored_bytes, hash, head, cut_head_bytes, cut_omitted_bytes, wanted FROM step_output
                   WHERE command_id = :command AND node_id = :node ORDER BY position, stream DESC";
        tx.rows(sql, &[(":command", command.into()), (":node", node.into())], |row| {
            Ok(Stored {
                position: row.get("position")?,
                stream: row.parsed("stream")?,
                row: OutputRow::from_row(row)?,
            })
        })
    }
}
