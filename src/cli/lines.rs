//! One node's output: pulled by offset, printed as whole lines with the node's name, or as it comes when there is one node.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use crate::base::id::{CommandId, NodeId};
use crate::cli::client::{CallError, Client};
use crate::cli::output::{self, Paint, Show, say};
use crate::cli::text;
use crate::wire::run::{Cut, StreamName};

const CHUNK_BYTES: u64 = 256 * 1024;
/// One turn prints at most so much of a stream, so that the other nodes get theirs.
const TURN_BYTES: u64 = 4 * 1024 * 1024;
/// A node that has ended but whose output does not come (it went offline) is waited for so long.
const LATE: Duration = Duration::from_secs(10);

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
    cursors: Vec<Cursor>,
    /// Since when the node has ended without giving more.
    late_since: Option<Instant>,
}

struct Cursor {
    stream: StreamName,
    offset: u64,
    pending: String,
    done: bool,
    cut: Option<Cut>,
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
    pub fn new(node: NodeId, prefix: Option<String>, streams: Streams) -> Self {
        let cursor = |stream| Cursor {
            stream,
            offset: 0,
            pending: String::new(),
            done: false,
            cut: None,
        };
        let wanted = match streams {
            Streams::Both => vec![StreamName::Stdout, StreamName::Stderr],
            Streams::Stdout => vec![StreamName::Stdout],
            Streams::Stderr => vec![StreamName::Stderr],
        };
        Self {
            node,
            prefix,
            cursors: wanted.into_iter().map(cursor).collect(),
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

    /// Reads what is new; `over` when the node has reported its end. Says whether there was something.
    pub async fn read(&mut self, client: &Client, command: &CommandId, over: bool) -> Result<bool, CallError> {
        let mut news = false;
        for cursor in self.cursors.iter_mut().filter(|cursor| !cursor.done) {
            news |= cursor.read(client, command, &self.node, over).await?;
        }
        if !over || news {
            self.late_since = None;
        } else if self.late_since.get_or_insert_with(Instant::now).elapsed() > LATE {
            for cursor in self.cursors.iter_mut().filter(|cursor| !cursor.done) {
                cursor.done = true;
                let name = cursor.stream.as_str();
                say(&format!(
                    "note: the rest of {name} of {} has not reached the hub; it is fetched when the node is online",
                    self.node
                ));
            }
        }
        Ok(news)
    }

    /// Prints whole lines, or everything when no prefix is wanted.
    pub fn print(&mut self, show: &Show, width: usize) -> Result<()> {
        for cursor in &mut self.cursors {
            let end = match self.prefix {
                Some(_) => cursor.pending.rfind('\n').map_or(0, |at| at + 1),
                None => cursor.pending.len(),
            };
            let ready: String = cursor.pending.drain(..end).collect();
            emit(cursor.stream, &self.prefix, width, &ready, show)?;
        }
        Ok(())
    }

    /// Prints what is left and where something was cut out.
    pub fn finish(&mut self, show: &Show, width: usize) -> Result<()> {
        for cursor in &mut self.cursors {
            let mut rest = std::mem::take(&mut cursor.pending);
            if self.prefix.is_some() && !rest.is_empty() {
                rest.push('\n');
            }
            emit(cursor.stream, &self.prefix, width, &rest, show)?;
            if let Some(cut) = cursor.cut.take() {
                say(&format!(
                    "note: {} of {} was longer than the cap: {} are missing after the first {}",
                    cursor.stream.as_str(),
                    self.prefix.as_deref().unwrap_or(self.node.as_str()),
                    text::bytes(cut.omitted_bytes),
                    text::bytes(cut.head_bytes),
                ));
            }
        }
        Ok(())
    }
}

impl Cursor {
    async fn read(&mut self, client: &Client, command: &CommandId, node: &NodeId, over: bool) -> Result<bool, CallError> {
        let start = self.offset;
        loop {
            let request = json!({
                "CommandId": command, "NodeId": node, "Step": 0, "Stream": self.stream, "Offset": self.offset, "MaxBytes": CHUNK_BYTES,
            });
            let chunk: Chunk = match client.hub("GetOutput", request).await {
                Ok(chunk) => chunk,
                // Nothing is stored yet and the node cannot be asked now.
                Err(error) if matches!(error.code(), Some("TargetNotConnected" | "InvocationDoesNotExist")) => return Ok(false),
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
                return Ok(self.offset > start);
            }
            if self.offset - start >= TURN_BYTES {
                return Ok(true);
            }
        }
    }
}

fn emit(stream: StreamName, prefix: &Option<String>, width: usize, ready: &str, show: &Show) -> Result<()> {
    if ready.is_empty() {
        return Ok(());
    }
    let shown = match show.raw {
        true => ready.to_owned(),
        false => text::escape_output(ready),
    };
    let shown = match prefix {
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
}
