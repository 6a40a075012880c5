//! `roadstead command search`: which nodes said something, or did not say it.

use anyhow::Result;
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::base::id::CommandId;
use crate::cli::client::Client;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{self, Column, Kind, Listing, Paint, Show, say};
use crate::cli::{rows, text};

/// Nodes of one request, the most that the hub gives.
const PER_PAGE: usize = 100;

#[derive(Args)]
pub struct SearchArgs {
    id: CommandId,
    /// What a line must have
    text: String,
    /// TEXT is a regular expression
    #[arg(long, short = 'E')]
    regex: bool,
    /// Small and capital letters are the same
    #[arg(long, short)]
    ignore_case: bool,
    /// In the output only
    #[arg(long, conflicts_with = "stderr")]
    stdout: bool,
    /// In the error output only
    #[arg(long)]
    stderr: bool,
    /// The nodes that have no such line
    #[arg(long)]
    without: bool,
    /// Only nodes that ended so, e.g. Success or Failed,ExecutionTimedOut
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    status: Vec<String>,
    /// At most so many nodes; 0 for all
    #[arg(long, default_value_t = 1000, value_name = "N")]
    limit: usize,
}

const FOUND: &[Column] = &[
    Column::new("node_id", Kind::Text),
    Column::new("name", Kind::Text),
    Column::new("status_details", Kind::Status),
    Column::new("matching_lines", Kind::Text),
    Column::hidden("status", Kind::Status),
    Column::hidden("incomplete", Kind::Text),
    Column::hidden("output_hash", Kind::Text),
];

const MISSING: &[Column] = &[
    Column::new("node_id", Kind::Text),
    Column::new("name", Kind::Text),
    Column::new("status_details", Kind::Status),
    Column::hidden("status", Kind::Status),
    Column::hidden("incomplete", Kind::Text),
    Column::hidden("output_hash", Kind::Text),
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    nodes: Vec<Value>,
    #[serde(flatten)]
    totals: Totals,
    next_token: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Totals {
    nodes_searched: u64,
    nodes_matched: u64,
    whole: bool,
    nodes_open: u64,
}

/// Exits as `grep` does: with 1 when nothing was found.
pub async fn search(client: &Client, args: &SearchArgs, show: &Show) -> Result<()> {
    let limit = if args.limit == 0 { usize::MAX } else { args.limit };
    let as_lines = show.is_table() && show.columns.is_empty() && !args.without;
    let mut request = args.request();
    let mut found = Vec::new();
    let totals = loop {
        request["MaxResults"] = json!(PER_PAGE.min(limit - found.len()));
        let page: Page = client.hub("SearchOutputs", request.clone()).await?;
        for node in page.nodes {
            if as_lines {
                output::write(&lines(&serde_json::from_value(node.clone())?, show))?;
            }
            found.push(rows::from_api(node));
        }
        match page.next_token {
            Some(token) if found.len() < limit => request["NextToken"] = json!(token),
            _ => break page.totals,
        }
    };
    let (shown, incomplete) = (found.len(), count_incomplete(&found));
    if !as_lines {
        let columns = if args.without { MISSING } else { FOUND };
        show.listing(&Listing { columns, rows: found }, Clock::system().now())?;
    }
    for line in totals.words(args.without, incomplete) {
        say(&line);
    }
    if (shown as u64) < totals.nodes_matched {
        say(&format!("{shown} of them shown; --limit 0 shows all"));
    }
    match shown {
        0 => Err(Failure::silent(Exit::Failed).into()),
        _ => Ok(()),
    }
}

impl SearchArgs {
    fn request(&self) -> Value {
        let mut request = json!({
            "CommandId": self.id, "Text": self.text, "Regex": self.regex, "IgnoreCase": self.ignore_case,
            "WithoutMatch": self.without, "Status": self.status,
        });
        if self.stdout || self.stderr {
            request["Stream"] = json!(if self.stdout { "stdout" } else { "stderr" });
        }
        request
    }
}

fn count_incomplete(rows: &[Value]) -> u64 {
    rows.iter().filter(|row| row["incomplete"] == true).count() as u64
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Node {
    node_id: String,
    name: String,
    matching_lines: u64,
    lines: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Line {
    step_name: String,
    stream: String,
    number: u64,
    text: String,
    cut: bool,
}

/// The lines of a node, each with where it stands in front.
fn lines(node: &Node, show: &Show) -> String {
    let escaped = |text: &str| if show.raw { text.to_owned() } else { text::escape_line(text) };
    let name = escaped(if node.name.is_empty() { &node.node_id } else { &node.name });
    let paint = Paint::for_stdout();
    let mut out = String::new();
    for line in &node.lines {
        let place = format!("{name}/{}/{}:{} | ", escaped(&line.step_name), line.stream, line.number);
        let rest = if line.cut { " …" } else { "" };
        out.push_str(&format!("{}{}{rest}\n", paint.dim(place), escaped(&line.text)));
    }
    let more = node.matching_lines.saturating_sub(node.lines.len() as u64);
    if more > 0 {
        let more = format!("{name} | … {} more", text::count(more, "line"));
        out.push_str(&format!("{}\n", paint.dim(more)));
    }
    out
}

impl Totals {
    /// What there is to know beside the nodes themselves.
    fn words(&self, without: bool, incomplete: u64) -> Vec<String> {
        let (of, so_far) = (text::count(self.nodes_searched, "node"), if self.whole { "" } else { " so far" });
        let what = if without { "not found" } else { "found" };
        let mut words = vec![format!("{what} on {} of {of}{so_far}", self.nodes_matched)];
        if self.nodes_open > 0 {
            let open = text::count(self.nodes_open, "node");
            words.push(format!("not searched, because they have not ended: {open}"));
        }
        if incomplete > 0 {
            let incomplete = text::count(incomplete, "node");
            words.push(format!(
                "searched in part, because the rest is not at the hub or was not kept: {incomplete}"
            ));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_where_it_stands_and_how_many_more_there_are() {
        let node = json!({
            "NodeId": "mi-1", "Name": "web\u{1b}1", "MatchingLines": 7, "Lines": [
                {"StepName": "build", "Stream": "stderr", "Number": 12, "Text": "no space \u{1b}[31mleft", "Cut": true},
            ],
        });
        let shown = lines(&serde_json::from_value(node).unwrap(), &Show::default());
        assert!(
            shown.contains("/build/stderr:12 | no space ") && shown.contains("left …\n"),
            "{shown}"
        );
        assert!(shown.ends_with("| … 6 lines more\n"), "{shown}");
        assert!(!shown.contains('\u{1b}'), "{shown}");
    }

    #[test]
    fn the_totals_say_what_was_not_searched() {
        let totals = Totals {
            nodes_searched: 10,
            nodes_matched: 1,
            whole: true,
            nodes_open: 2,
        };
        assert_eq!(
            totals.words(false, 0),
            ["found on 1 of 10 nodes", "not searched, because they have not ended: 2 nodes"]
        );
        let totals = Totals {
            whole: false,
            nodes_open: 0,
            ..totals
        };
        assert_eq!(totals.words(true, 1)[0], "not found on 1 of 10 nodes so far");
        assert!(totals.words(true, 1)[1].ends_with("1 node"));
    }
}
