//! One node's output: pulled by offset, printed as whole lines with the node's name, or as it comes when there is one node.
//!
//! Steps run one after the other, and their output is printed in that order. The hub hears at the end only how far a node is, so a
//! step is over as soon as a later one has written something; what the later one writes waits until all of the former is read.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::id::{CommandId, NodeId};
use crate::cli::client::{CallError, Client};
use crate::cli::output::{self, Column, Kind, Paint, Show, say};
use crate::cli::steps::Step;
use crate::cli::text;
use crate::wire::run::{Cut, StreamName};

const CHUNK_BYTES: u64 = 256 * 1024;
/// One turn prints at most so much of a stream, so that the other nodes get theirs.
const TURN_BYTES: u64 = 4 * 1024 * 1024;
/// A node that has ended but whose output does not come (it went offline) is waited for so long.
const LATE: Duration = Duration::from_secs(10);
/// Streams of later steps that are looked at in one turn, when the step that runs is silent.
const LOOK_AHEAD: usize = 8;

pub const OUTPUTS: &[Column] = &[
    Column::new("node_id", Kind::Text),
    Column::new("name", Kind::Text),
    Column::new("step", Kind::Text),
    Column::new("stream", Kind::Text),
    Column::new("text", Kind::Long),
    Column::hidden("omitted_bytes", Kind::Text),
];

/// Which of the two streams are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Streams {
    #[default]
    Both,
    Stdout,
    Stderr,
}

pub struct Reader {
    node: NodeId,
    prefix: Option<String>,
    /// What stands above each step's output, if anything does.
    titles: Vec<Option<String>>,
    /// In the order in which they are printed.
    cursors: Vec<Cursor>,
    /// The step that is printed now.
    at: usize,
    /// How many streams of later steps were looked at.
    looked: usize,
    /// What was printed last to stdout and to stderr.
    printed: [Printed; 2],
    /// A turn's share was used up; there is more to be read.
    is_full: bool,
    /// Since when the node has ended without giving more.
    late_since: Option<Instant>,
}

struct Cursor {
    step: usize,
    stream: StreamName,
    offset: u64,
    pending: String,
    done: bool,
    cut: Option<Cut>,
}

#[derive(Clone, Copy, Default)]
struct Printed {
    step: Option<usize>,
    is_within_line: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Chunk {
    text: String,
    next_offset: u64,
    complete: bool,
    cut: Option<CutAnswer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CutAnswer {
    head_bytes: u64,
    omitted_bytes: u64,
}

impl Reader {
    /// *Shape*: `titles` has an entry for each step.
    pub fn new(node: NodeId, prefix: Option<String>, streams: Streams, titles: Vec<Option<String>>) -> Self {
        let wanted: &[StreamName] = match streams {
            Streams::Both => &[StreamName::Stdout, StreamName::Stderr],
            Streams::Stdout => &[StreamName::Stdout],
            Streams::Stderr => &[StreamName::Stderr],
        };
        let cursors = (0..titles.len()).flat_map(|step| wanted.iter().map(move |stream| Cursor::new(step, *stream)));
        Self {
            node,
            prefix,
            cursors: cursors.collect(),
            titles,
            at: 0,
            looked: 0,
            printed: Default::default(),
            is_full: false,
            late_since: None,
        }
    }

    pub fn node(&self) -> &NodeId {
        &self.node
    }

    pub fn prefix_width(&self) -> Option<usize> {
        self.prefix.as_deref().map(text::width)
    }

    pub fn is_done(&self) -> bool {
        self.cursors.iter().all(|cursor| cursor.done)
    }

    /// Whether there is certainly more to be read now.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Reads what is new; `over` when the node has reported its end. Says whether there was something.
    pub async fn read(&mut self, client: &Client, command: &CommandId, over: bool) -> Result<bool, CallError> {
        let before = self.position();
        self.is_full = false;
        match over {
            true => self.read_rest(client, command).await?,
            false => {
                self.late_since = None;
                self.read_running(client, command).await?;
            }
        }
        Ok(self.position() != before)
    }

    /// How far it has come: the step that is printed, and the bytes of all.
    fn position(&self) -> (usize, u64) {
        (self.at, self.cursors.iter().map(|cursor| cursor.offset).sum())
    }

    /// One stream to its end, then the next.
    async fn read_rest(&mut self, client: &Client, command: &CommandId) -> Result<(), CallError> {
        while let Some(cursor) = self.cursors.iter_mut().find(|cursor| !cursor.done) {
            self.at = cursor.step;
            let came = cursor.read(client, command, &self.node, true).await?;
            if came != Came::Nothing {
                self.late_since = None;
            }
            self.is_full = came == Came::Full;
            if cursor.done {
                continue;
            }
            let late = self.late_since.get_or_insert_with(Instant::now).elapsed();
            if came != Came::Nothing || late <= LATE {
                return Ok(());
            }
            cursor.give_up(&self.node);
        }
        Ok(())
    }

    async fn read_running(&mut self, client: &Client, command: &CommandId) -> Result<(), CallError> {
        loop {
            // Asked before the step is read: then nothing was written after what is read now.
            let is_over = self.cursors.iter().any(|cursor| cursor.step > self.at && cursor.offset > 0);
            let mut is_silent = true;
            for cursor in self.cursors.iter_mut().filter(|cursor| cursor.step == self.at) {
                let came = cursor.read(client, command, &self.node, false).await?;
                is_silent &= came == Came::Nothing;
                self.is_full |= came == Came::Full;
            }
            match (is_silent, is_over) {
                (false, _) => return Ok(()),
                (true, true) => self.at += 1,
                (true, false) if self.look_ahead(client, command).await? => {}
                (true, false) => return Ok(()),
            }
        }
    }

    /// Whether a later step has written something. Of many steps some are looked at in each turn.
    async fn look_ahead(&mut self, client: &Client, command: &CommandId) -> Result<bool, CallError> {
        let first = self.cursors.iter().position(|cursor| cursor.step > self.at);
        let later = first.map_or(&mut [][..], |first| &mut self.cursors[first..]);
        for _ in 0..later.len().min(LOOK_AHEAD) {
            let cursor = &mut later[self.looked % later.len()];
            self.looked += 1;
            if cursor.read(client, command, &self.node, false).await? != Came::Nothing {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Prints whole lines, or everything when no prefix is wanted.
    pub fn print(&mut self, show: &Show, width: usize) -> Result<()> {
        for index in 0..self.cursors.len() {
            let cursor = &mut self.cursors[index];
            if cursor.step > self.at {
                break;
            }
            let is_past = cursor.step < self.at || cursor.done;
            let end = match is_past || self.prefix.is_none() {
                true => cursor.pending.len(),
                false => cursor.pending.rfind('\n').map_or(0, |at| at + 1),
            };
            let ready = cursor.pending.drain(..end).collect();
            self.emit(index, ready, show, width)?;
        }
        Ok(())
    }

    /// Prints what is left and where something was cut out.
    pub fn finish(&mut self, show: &Show, width: usize) -> Result<()> {
        for index in 0..self.cursors.len() {
            let rest = std::mem::take(&mut self.cursors[index].pending);
            self.emit(index, rest, show, width)?;
            let cursor = &mut self.cursors[index];
            if let Some(cut) = cursor.cut.take() {
                let node = self.prefix.as_deref().unwrap_or(self.node.as_str());
                say(&format!(
                    "note: {} of {node} {}",
                    cursor.stream.as_str(),
                    why_cut(cut, cursor.offset)
                ));
            }
        }
        Ok(())
    }

    /// What was read and not printed, a row for each stream that has something in it.
    pub fn rows(&self, name: &str, steps: &[Step]) -> Vec<Value> {
        let row = |cursor: &Cursor| {
            let step = steps.get(cursor.step).map_or("", |step| step.name.as_str());
            let mut row = json!({
                "node_id": self.node, "name": name, "step": step, "stream": cursor.stream.as_str(), "text": cursor.pending,
            });
            if let Some(cut) = &cursor.cut {
                row["omitted_bytes"] = json!(cut.omitted_bytes);
            }
            row
        };
        let written = self.cursors.iter().filter(|cursor| !cursor.pending.is_empty());
        written.map(row).collect()
    }

    fn emit(&mut self, index: usize, ready: String, show: &Show, width: usize) -> Result<()> {
        if ready.is_empty() {
            return Ok(());
        }
        let Cursor { step, stream, .. } = self.cursors[index];
        let title = self.titles[step].as_deref();
        let ready = match show.raw {
            true => ready,
            false => text::escape_output(&ready),
        };
        let mut shown = self.printed[place(stream)].above(step, title);
        shown.push_str(&ready);
        if self.prefix.is_some() && !shown.ends_with('\n') {
            shown.push('\n');
        }
        self.printed[place(stream)].is_within_line = !shown.ends_with('\n');
        let shown = match &self.prefix {
            Some(prefix) => with_prefix(&text::pad(prefix, width), &shown),
            None => shown,
        };
        match stream {
            StreamName::Stdout => output::write(&shown),
            StreamName::Stderr => {
                let _ = std::io::stderr().lock().write_all(shown.as_bytes());
                Ok(())
            }
        }
    }
}

/// Where a stream is printed: to a person both are one.
fn place(stream: StreamName) -> usize {
    let is_one = || std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
    usize::from(stream == StreamName::Stderr && !is_one())
}

impl Printed {
    /// What has to stand above a step's output: its title, once.
    fn above(&mut self, step: usize, title: Option<&str>) -> String {
        let is_same = self.step.replace(step) == Some(step);
        match title {
            Some(title) if !is_same => {
                let end = if self.is_within_line { "\n" } else { "" };
                format!("{end}{}\n", Paint::for_stdout().dim(title.to_owned()))
            }
            _ => String::new(),
        }
    }
}

/// What a reading gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    Nothing,
    Something,
    /// As much as one turn may.
    Full,
}

impl Cursor {
    fn new(step: usize, stream: StreamName) -> Self {
        Self {
            step,
            stream,
            offset: 0,
            pending: String::new(),
            done: false,
            cut: None,
        }
    }

    async fn read(&mut self, client: &Client, command: &CommandId, node: &NodeId, over: bool) -> Result<Came, CallError> {
        let start = self.offset;
        loop {
            let request = json!({
                "CommandId": command, "NodeId": node, "Step": self.step, "Stream": self.stream, "Offset": self.offset,
                "MaxBytes": CHUNK_BYTES,
            });
            let chunk: Chunk = match client.hub("GetOutput", request).await {
                Ok(chunk) => chunk,
                // Nothing is stored yet and the node cannot be asked now.
                Err(error) if matches!(error.code(), Some("TargetNotConnected" | "InvocationDoesNotExist")) => return Ok(Came::Nothing),
                Err(error) => return Err(error),
            };
            let moved = chunk.next_offset > self.offset;
            self.offset = chunk.next_offset;
            self.pending.push_str(&chunk.text);
            self.cut = chunk.cut.map(|cut| Cut {
                head_bytes: cut.head_bytes,
                omitted_bytes: cut.omitted_bytes,
            });
            if !moved {
                self.done = over && chunk.complete;
                return Ok(if self.offset > start { Came::Something } else { Came::Nothing });
            }
            if self.offset - start >= TURN_BYTES {
                return Ok(Came::Full);
            }
        }
    }

    /// What has not come by now is not waited for.
    fn give_up(&mut self, node: &NodeId) {
        self.done = true;
        // How the stream was cut cannot be told of a part of it.
        self.cut = None;
        let name = self.stream.as_str();
        say(&format!(
            "note: the rest of {name} of {node} has not reached the hub; it is fetched when the node is online"
        ));
    }
}

/// Of what was over the cap the end was kept, so that something follows on the gap; of what found no room the end is what is missing.
fn why_cut(cut: Cut, stored_bytes: u64) -> String {
    let (omitted, head) = (text::bytes(cut.omitted_bytes), text::bytes(cut.head_bytes));
    match stored_bytes > cut.head_bytes {
        true => format!("was longer than the cap: {omitted} are missing after the first {head}"),
        false => format!("could not be kept whole: {omitted} after the first {head} found no room on the node's disk"),
    }
}

fn with_prefix(prefix: &str, lines: &str) -> String {
    let prefix = Paint::for_stdout().dim(format!("{prefix} | "));
    lines.split_inclusive('\n').map(|line| format!("{prefix}{line}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_gets_its_nodes_name() {
        assert_eq!(with_prefix("web", "a\nb\n"), "web | a\nweb | b\n");
    }

    #[test]
    fn the_disk_is_blamed_when_the_end_is_missing_and_the_cap_when_it_is_there() {
        let cut = Cut {
            head_bytes: 8 << 20,
            omitted_bytes: 2 << 20,
        };
        assert_eq!(
            why_cut(cut, 16 << 20),
            "was longer than the cap: 2.0 MiB are missing after the first 8.0 MiB"
        );
        assert_eq!(
            why_cut(cut, 8 << 20),
            "could not be kept whole: 2.0 MiB after the first 8.0 MiB found no room on the node's disk"
        );
    }

    #[test]
    fn a_title_stands_once_above_its_steps_output() {
        let mut printed = Printed::default();
        assert_eq!(printed.above(0, Some("-- one")), "-- one\n");
        assert_eq!(printed.above(0, Some("-- one")), "");
        printed.is_within_line = true;
        assert_eq!(printed.above(1, Some("-- two")), "\n-- two\n");
        assert_eq!(printed.above(2, None), "");
    }
}
