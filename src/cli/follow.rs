//! Watching a command to its end: output of its nodes as it comes, progress on a terminal, then what came of it.
//!
//! The hub tells how far the command is ([`Live`]); the output of nodes that run is asked for, soon after something came and
//! more slowly while nothing does. Without the hub's word all is asked for. A hub that restarts or a line that is cut meanwhile
//! is waited for: the command does not depend on who watches.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::base::id::{CommandId, NodeId};
use crate::cli::client::{CallError, Client};
use crate::cli::failure::{Exit, Failure};
use crate::cli::groups::print_groups;
use crate::cli::lines::{OUTPUTS, Reader, Streams};
use crate::cli::live::Live;
use crate::cli::output::{Column, Format, Kind, Listing, Show, say};
use crate::cli::progress::Progress;
use crate::cli::steps::{Step, titles};
use crate::cli::{rows, structured, text};

/// Up to so many nodes are shown live, each line with its node's name; more are folded at the end.
pub const LIVE_NODES: u64 = 16;
/// How long a hub may be out of reach before we give up.
const PATIENCE: Duration = Duration::from_secs(120);
const SOON: Duration = Duration::from_millis(25);
const SELDOM: Duration = Duration::from_millis(500);
/// How often the state is asked for although the hub tells it: a word may be lost on a line that died in silence.
const DOUBT: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CommandState {
    pub command: Command,
    #[serde(default)]
    pub states: Vec<StateCount>,
    #[serde(default)]
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Command {
    pub status: String,
    #[serde(default)]
    pub target_count: u64,
    #[serde(default)]
    pub completed_count: u64,
    #[serde(default)]
    pub error_count: u64,
}

impl Command {
    fn is_over(&self) -> bool {
        !matches!(self.status.as_str(), "Pending" | "InProgress" | "Cancelling")
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StateCount {
    pub status_details: String,
    pub count: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Invocation {
    pub node_id: NodeId,
    #[serde(default)]
    pub name: String,
    pub status: String,
    pub status_details: String,
    pub exit_code: Option<i64>,
    pub message: Option<String>,
}

impl Invocation {
    pub fn is_over(&self) -> bool {
        !matches!(self.status.as_str(), "Pending" | "InProgress" | "Delayed" | "Cancelling")
    }

    fn has_started(&self) -> bool {
        self.is_over() || self.status == "InProgress" || self.status == "Cancelling"
    }

    pub fn shown(&self) -> String {
        match self.name.is_empty() {
            true => self.node_id.to_string(),
            false => text::escape_line(&self.name),
        }
    }
}

/// A command that is over.
pub struct Ended {
    pub state: CommandState,
    /// Empty when there are more nodes than a person reads.
    pub invocations: Vec<Invocation>,
    /// Whether the summary is for a person who has seen the output live.
    shown_live: bool,
    structured: bool,
}

pub struct Follow<'a> {
    client: &'a Client,
    command: &'a CommandId,
    only: Vec<NodeId>,
    streams: Streams,
    readers: Vec<Reader>,
    progress: Progress,
}

impl<'a> Follow<'a> {
    pub fn new(client: &'a Client, command: &'a CommandId) -> Self {
        Self {
            client,
            command,
            only: Vec::new(),
            streams: Streams::Both,
            readers: Vec::new(),
            progress: Progress::default(),
        }
    }

    /// Only these nodes' output; of all nodes when empty.
    pub fn only(mut self, nodes: Vec<NodeId>, streams: Streams) -> Self {
        self.only = nodes;
        self.streams = streams;
        self
    }

    /// Shows what there is now, or with `follow` all until the end: as it comes, or as rows once all of it is there.
    pub async fn logs(mut self, show: &Show, follow: bool) -> Result<()> {
        self.check_only().await?;
        loop {
            let state = self.state().await?;
            let over = state.command.is_over();
            let pulled = self.pull(show, &state).await?;
            if (over && !pulled.pending) || (!follow && !pulled.full) {
                return match show.is_table() {
                    true => self.finish(show),
                    false => self.rows(show, &state).await,
                };
            }
            if !pulled.full {
                tokio::time::sleep(SELDOM / 2).await;
            }
        }
    }

    /// *Errors*: the command did not go to a node that is named.
    async fn check_only(&self) -> Result<()> {
        if self.only.is_empty() {
            return Ok(());
        }
        let found = self.invocations(usize::MAX).await?;
        match self.only.iter().find(|node| found.iter().all(|one| &one.node_id != *node)) {
            None => Ok(()),
            Some(node) => Err(
                Failure::new(Exit::NotFound, format!("command {} did not go to node {node}", self.command))
                    .hint(format!("its nodes: roadstead command show {}", self.command))
                    .into(),
            ),
        }
    }

    /// *Errors*: those of calls, with the way back to the command.
    pub async fn until_end(self, show: &Show) -> Result<Ended> {
        let command = self.command;
        self.watch(show).await.map_err(|error| match error.downcast_ref::<CallError>() {
            Some(call) => detached(call.to_failure(), command).into(),
            None => error,
        })
    }

    async fn watch(mut self, show: &Show) -> Result<Ended> {
        let mut live = Live::command(self.client, self.command).await;
        let mut pause = SOON;
        let mut last = None;
        let mut trouble: Option<Instant> = None;
        // The hub's first word comes at once; to ask beside it would only be slower.
        let mut told = tokio::time::timeout(SELDOM, live.next()).await.ok().flatten();
        loop {
            let (state, pulled) = match self.turn(show, told.take()).await {
                Ok(done) => {
                    if trouble.take().is_some() {
                        live = Live::command(self.client, self.command).await;
                    }
                    done
                }
                Err(error) => {
                    self.wait_out(error, &mut trouble).await?;
                    continue;
                }
            };
            if state.command.is_over() && !pulled.pending {
                self.finish(show)?;
                return self.ended(state, show).await;
            }
            self.progress.show(&state);
            let changed = pulled.news || last.as_ref() != Some(&state.states);
            pause = match changed {
                true => SOON * 2,
                false => (pause * 3 / 2).min(SELDOM),
            };
            last = Some(state.states);
            let wait = if live.is_open() && !pulled.pending { DOUBT } else { pause };
            told = tokio::select! {
                told = live.next() => told,
                () = tokio::time::sleep(wait) => None,
            };
        }
    }

    /// Reads what is new; `told` is the state when the hub has said it already.
    async fn turn(&mut self, show: &Show, told: Option<CommandState>) -> Result<(CommandState, Pulled)> {
        let state = match told {
            Some(state) => state,
            None => self.state().await?,
        };
        let live = show.is_table() && state.command.target_count <= LIVE_NODES;
        let pulled = match live {
            true => self.pull(show, &state).await?,
            false => Pulled::default(),
        };
        Ok((state, pulled))
    }

    async fn wait_out(&mut self, error: anyhow::Error, trouble: &mut Option<Instant>) -> Result<()> {
        let passing = error.downcast_ref::<CallError>().is_some_and(CallError::is_passing);
        let since = *trouble.get_or_insert_with(|| {
            if passing {
                self.progress.clear();
                say(&format!(
                    "note: the hub is out of reach; command {} goes on, trying again",
                    self.command
                ));
            }
            Instant::now()
        });
        if !passing || since.elapsed() > PATIENCE {
            return Err(error);
        }
        tokio::time::sleep(SELDOM * 2).await;
        Ok(())
    }

    async fn state(&self) -> Result<CommandState, CallError> {
        self.client.hub("DescribeCommand", json!({"CommandId": self.command})).await
    }

    async fn invocations(&self, limit: usize) -> Result<Vec<Invocation>, CallError> {
        let request = json!({"CommandId": self.command, "MaxResults": 100});
        self.client
            .pages("Roadstead.SearchInvocations", request, "Invocations", limit)
            .await
    }

    /// Prints what is new on every node that has started.
    async fn pull(&mut self, show: &Show, state: &CommandState) -> Result<Pulled> {
        let found = self.invocations(usize::MAX).await?;
        let prefixed = state.command.target_count > 1 && self.only.len() != 1;
        for one in found.iter().filter(|one| self.only.is_empty() || self.only.contains(&one.node_id)) {
            if one.has_started() && !self.readers.iter().any(|r| r.node() == &one.node_id) {
                let prefix = prefixed.then(|| one.shown());
                let reader = Reader::new(one.node_id.clone(), prefix, self.streams, titles(&state.steps));
                self.readers.push(reader);
            }
        }
        let width = self.readers.iter().filter_map(Reader::prefix_width).max().unwrap_or(0);
        let (client, command) = (self.client, self.command);
        let over = |node: &NodeId| found.iter().any(|one| &one.node_id == node && one.is_over());
        let reads = self.readers.iter_mut().filter(|r| !r.is_done()).map(|reader| {
            let over = over(reader.node());
            async move { reader.read(client, command, over).await }
        });
        let mut pulled = Pulled::default();
        for news in join_all(reads).await {
            pulled.news |= news?;
        }
        if pulled.news {
            self.progress.clear();
        }
        if show.is_table() {
            self.readers.iter_mut().try_for_each(|reader| reader.print(show, width))?;
        }
        pulled.pending = self.readers.iter().any(|reader| !reader.is_done());
        pulled.full = self.readers.iter().any(Reader::is_full);
        Ok(pulled)
    }

    fn finish(&mut self, show: &Show) -> Result<()> {
        self.progress.clear();
        let width = self.readers.iter().filter_map(Reader::prefix_width).max().unwrap_or(0);
        self.readers.iter_mut().try_for_each(|reader| reader.finish(show, width))
    }

    /// What was read, a row for each stream that has something in it.
    async fn rows(&self, show: &Show, state: &CommandState) -> Result<()> {
        let found = self.invocations(usize::MAX).await?;
        let name = |node: &NodeId| found.iter().find(|one| &one.node_id == node).map(|one| one.name.as_str());
        let rows = self
            .readers
            .iter()
            .flat_map(|reader| reader.rows(name(reader.node()).unwrap_or_default(), &state.steps));
        let listing = Listing {
            columns: OUTPUTS,
            rows: rows.collect(),
        };
        show.listing(&listing, Clock::system().now())
    }

    /// Prints what formats other than the live one show, and collects the summary.
    async fn ended(&self, state: CommandState, show: &Show) -> Result<Ended> {
        const MANY: u64 = 1000;
        let few = state.command.target_count <= MANY;
        let invocations = match few {
            true => self.invocations(MANY as usize).await?,
            false => Vec::new(),
        };
        let shown_live = show.is_table() && state.command.target_count <= LIVE_NODES;
        match show.output {
            Format::Table if !shown_live => {
                let names = invocations.iter().map(|one| (one.node_id.clone(), one.shown())).collect();
                print_groups(self.client, self.command, &names, show).await?;
            }
            Format::Json | Format::Yaml => structured::print(self.client, self.command, &state.steps, show).await?,
            Format::Csv => {
                let rows = invocation_rows(self.client, self.command).await?;
                show.listing(
                    &Listing {
                        columns: INVOCATIONS,
                        rows,
                    },
                    Clock::system().now(),
                )?;
            }
            Format::Table | Format::Name => {}
        }
        Ok(Ended {
            state,
            invocations,
            shown_live,
            structured: show.is_structured(),
        })
    }
}

#[derive(Default)]
struct Pulled {
    news: bool,
    /// Some output is still to come.
    pending: bool,
    /// Some of it is there already.
    full: bool,
}

pub const INVOCATIONS: &[Column] = &[
    Column::new("node_id", Kind::Text),
    Column::new("name", Kind::Text),
    Column::new("status_details", Kind::Status),
    Column::new("exit_code", Kind::Text),
    Column::new("started_at", Kind::Age),
    Column::new("ended_at", Kind::Age),
    Column::new("stdout_bytes", Kind::Bytes),
    Column::new("stderr_bytes", Kind::Bytes),
    Column::new("message", Kind::Text),
    Column::hidden("status", Kind::Status),
    Column::hidden("output_hash", Kind::Text),
];

pub async fn invocation_rows(client: &Client, command: &CommandId) -> Result<Vec<Value>, CallError> {
    let request = json!({"CommandId": command, "MaxResults": 100});
    let found: Vec<Value> = client
        .pages("Roadstead.SearchInvocations", request, "Invocations", usize::MAX)
        .await?;
    Ok(found.into_iter().map(rows::from_api).collect())
}

/// Who no longer watches a command is told which it is, and how to go on.
pub fn detached(why: Failure, command: &CommandId) -> Failure {
    why.hint(format!(
        "command {command} goes on; follow it: roadstead command logs --follow {command}"
    ))
    .hint(format!("cancel it: roadstead command cancel {command}"))
}

/// What came of it, for a person; nothing to say when one node did well.
pub fn say_summary(ended: &Ended) {
    if ended.structured {
        return;
    }
    if let [one] = ended.invocations.as_slice() {
        if one.status != "Success" {
            say(&format!("{}: {}", one.shown(), result_words(one)));
        }
        return;
    }
    let counts: Vec<String> = ended
        .state
        .states
        .iter()
        .map(|s| format!("{} {}", s.count, text::escape_line(&s.status_details)))
        .collect();
    say(&format!(
        "{}: {}",
        text::count(ended.state.command.target_count, "node"),
        counts.join(", ")
    ));
    if !ended.shown_live {
        return;
    }
    for one in ended.invocations.iter().filter(|one| one.status != "Success") {
        say(&format!("  {}  {}", one.shown(), result_words(one)));
    }
}

fn result_words(one: &Invocation) -> String {
    let mut words = text::escape_line(&one.status_details);
    if let Some(code) = one.exit_code.filter(|_| one.status == "Failed") {
        words.push_str(&format!(", exit code {code}"));
    }
    if let Some(message) = one.message.as_deref().filter(|m| !m.is_empty()) {
        words.push_str(&format!(": {}", text::escape_line(message)));
    }
    words
}

impl Ended {
    /// The documented exit code of a run.
    pub fn verdict(&self) -> Result<()> {
        match verdict(&self.state) {
            None => Ok(()),
            Some(exit) => Err(Failure::silent(exit).into()),
        }
    }
}

/// `None` when every node did well.
fn verdict(state: &CommandState) -> Option<Exit> {
    let count = |wanted: fn(&str) -> bool| -> u64 {
        let of = state.states.iter().filter(|s| wanted(&s.status_details));
        of.map(|s| s.count).sum()
    };
    let all = count(|_| true);
    let good = count(|details| details == "Success");
    let late = count(|details| matches!(details, "DeliveryTimedOut" | "ExecutionTimedOut" | "TimedOut"));
    match (all, good, late) {
        (0, _, _) if state.command.status == "Success" => None,
        (0, _, _) => Some(Exit::Failed),
        _ if good == all => None,
        _ if good > 0 => Some(Exit::PartlyFailed),
        _ if late == all => Some(Exit::TimedOut),
        _ => Some(Exit::Failed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(states: &[(&str, u64)]) -> CommandState {
        let states = states.iter().map(|(details, count)| StateCount {
            status_details: details.to_string(),
            count: *count,
        });
        CommandState {
            command: Command {
                status: "Failed".into(),
                target_count: 3,
                completed_count: 3,
                error_count: 0,
            },
            states: states.collect(),
            steps: Vec::new(),
        }
    }

    #[test]
    fn the_verdict_is_the_documented_exit_code() {
        let code = |states: &[(&str, u64)]| verdict(&state(states)).map(Exit::code);
        assert_eq!(code(&[("Success", 3)]), None);
        assert_eq!(code(&[("Success", 2), ("Failed", 1)]), Some(6));
        assert_eq!(code(&[("Success", 2), ("DeliveryTimedOut", 1)]), Some(6));
        assert_eq!(code(&[("DeliveryTimedOut", 2), ("ExecutionTimedOut", 1)]), Some(7));
        assert_eq!(code(&[("Failed", 2), ("ExecutionTimedOut", 1)]), Some(1));
        assert_eq!(code(&[("Cancelled", 1)]), Some(1));
    }

    #[test]
    fn who_lost_the_hub_is_told_the_command_and_how_to_go_on() {
        let command = CommandId::random();
        let lost = detached(Failure::new(Exit::Unreachable, "no hub"), &command);
        assert_eq!(lost.exit, Exit::Unreachable);
        assert!(lost.hints[0].ends_with(&format!("roadstead command logs --follow {command}")));
    }

    #[test]
    fn a_result_says_code_and_reason() {
        let one = Invocation {
            node_id: format!("mi-{:017}", 1).parse().unwrap(),
            name: "web".into(),
            status: "Failed".into(),
            status_details: "Failed".into(),
            exit_code: Some(-1),
            message: Some("the step was interrupted".into()),
        };
        assert_eq!(result_words(&one), "Failed, exit code -1: the step was interrupted");
    }
}
