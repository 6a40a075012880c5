//! `roadstead logs …`: output of commands as log groups and streams.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::{Clock, Timestamp};
use crate::cli::args::ListArgs;
use crate::cli::client::Client;
use crate::cli::output::{self, Column, Kind, Listing, Paint, Show};
use crate::cli::{context, text};

/// How often a follower asks for more.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A follower asks again for what is not older than this: the rest of a long output comes after its beginning.
const OVERLAP_MS: i64 = 60_000;
/// Lines of the overlap that are known to have been printed.
const REMEMBERED: usize = 100_000;

#[derive(Subcommand)]
pub enum LogsVerb {
    /// List log groups
    #[command(visible_alias = "groups")]
    Group {
        /// Whose names begin so
        prefix: Option<String>,
    },
    /// List the streams of a group, the newest first
    #[command(visible_alias = "streams")]
    Stream {
        group: String,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Print the lines of a group
    Tail(TailArgs),
}

#[derive(Args)]
pub struct TailArgs {
    group: String,
    /// Go on with what comes
    #[arg(long, short)]
    follow: bool,
    /// What is not older than this
    #[arg(long, default_value = "1h", value_parser = text::parse_duration, value_name = "DURATION")]
    since: Duration,
    /// Only streams whose names begin so: COMMAND/NODE/STEP/stdout
    #[arg(long, value_name = "PREFIX")]
    stream: Option<String>,
    /// Only lines with these terms: 'ERROR -retry', '?one ?two', '"no space left"'
    #[arg(long, value_name = "PATTERN")]
    pattern: Option<String>,
}

/// Whether the output of a command is shown as a log, too.
#[derive(Args)]
pub struct ToLogGroup {
    /// Show the output as a log group, too, by default that of the document; see `roadstead logs`
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    log_group: Option<String>,
}

impl ToLogGroup {
    /// Adds its member to a SendCommand.
    pub fn name(&self, request: &mut Value) {
        let Some(name) = &self.log_group else { return };
        request["CloudWatchOutputConfig"] = json!({"CloudWatchOutputEnabled": true});
        if !name.is_empty() {
            request["CloudWatchOutputConfig"]["CloudWatchLogGroupName"] = json!(name);
        }
    }
}

const GROUPS: &[Column] = &[
    Column::new("log_group_name", Kind::Text),
    Column::new("created_at", Kind::Age),
    Column::new("stored_bytes", Kind::Bytes),
    Column::hidden("arn", Kind::Text),
];
const STREAMS: &[Column] = &[
    Column::new("log_stream_name", Kind::Text),
    Column::new("last_event_at", Kind::Age),
    Column::new("stored_bytes", Kind::Text),
    Column::hidden("arn", Kind::Text),
];

const EVENTS: &[Column] = &[
    Column::new("log_stream_name", Kind::Text),
    Column::new("timestamp", Kind::Time),
    Column::new("message", Kind::Text),
    Column::hidden("event_id", Kind::Text),
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default)]
    events: Vec<Event>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    log_stream_name: String,
    timestamp: i64,
    message: String,
    event_id: String,
}

pub async fn run(verb: LogsVerb, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    match verb {
        LogsVerb::Group { prefix } => {
            let mut request = json!({});
            if let Some(prefix) = prefix {
                request["logGroupNamePrefix"] = json!(prefix);
            }
            let groups = all(&client, "DescribeLogGroups", request, "logGroups", usize::MAX).await?;
            let row = |group: Value| {
                json!({
                    "log_group_name": group["logGroupName"], "created_at": time(&group["creationTime"]),
                    "stored_bytes": group["storedBytes"], "arn": group["logGroupArn"],
                })
            };
            let rows = groups.into_iter().map(row).collect();
            show.listing(&Listing { columns: GROUPS, rows }, Clock::system().now())
        }
        LogsVerb::Stream { group, list } => {
            let request = json!({"logGroupName": group, "orderBy": "LastEventTime", "descending": true});
            let limit = if list.filter.is_some() { usize::MAX } else { list.limit() };
            let streams = all(&client, "DescribeLogStreams", request, "logStreams", limit).await?;
            let row = |stream: Value| {
                json!({
                    "log_stream_name": stream["logStreamName"], "last_event_at": time(&stream["lastEventTimestamp"]),
                    "stored_bytes": stream["storedBytes"], "arn": stream["arn"],
                })
            };
            let mut rows: Vec<Value> = streams.into_iter().map(row).collect();
            output::retain(&mut rows, list.filter.as_ref(), STREAMS)?;
            rows.truncate(list.limit());
            show.listing(&Listing { columns: STREAMS, rows }, Clock::system().now())
        }
        LogsVerb::Tail(args) => tail(&client, args, show).await,
    }
}

fn time(millis: &Value) -> Value {
    match millis.as_i64() {
        Some(millis) => json!(Timestamp::from_millis(millis).to_string()),
        None => Value::Null,
    }
}

/// Upstream's lists of this service say `nextToken` in small letters.
async fn all(client: &Client, operation: &str, mut request: Value, member: &str, limit: usize) -> Result<Vec<Value>> {
    let mut items = Vec::new();
    loop {
        let mut page: Value = client.call(&format!("Logs_20140328.{operation}"), request.clone()).await?;
        if let Value::Array(rows) = page[member].take() {
            items.extend(rows);
        }
        match page["nextToken"].take() {
            Value::String(token) if items.len() < limit => request["nextToken"] = json!(token),
            _ => break,
        }
    }
    items.truncate(limit);
    Ok(items)
}

async fn tail(client: &Client, args: TailArgs, show: &Show) -> Result<()> {
    if args.follow {
        show.check_is_plain("what has no end")?;
    }
    let since = Clock::system().now().millis() - i64::try_from(args.since.as_millis()).unwrap_or(i64::MAX);
    let mut request = json!({"logGroupName": args.group, "startTime": since.max(0)});
    if let Some(prefix) = &args.stream {
        request["logStreamNamePrefix"] = json!(prefix);
    }
    if let Some(pattern) = &args.pattern {
        request["filterPattern"] = json!(pattern);
    }
    let (mut printed, mut rows) = (Printed::default(), Vec::new());
    loop {
        let mut page: Page = client.call("Logs_20140328.FilterLogEvents", request.clone()).await?;
        for event in page.events.drain(..).filter(|event| printed.is_new(event)) {
            match show.is_table() {
                true => print(&event, show)?,
                false => rows.push(row(event)),
            }
        }
        if let Some(token) = page.next_token {
            request["nextToken"] = json!(token);
            continue;
        }
        if !args.follow {
            return match show.is_table() {
                true => Ok(()),
                false => show.listing(&Listing { columns: EVENTS, rows }, Clock::system().now()),
            };
        }
        if let Value::Object(members) = &mut request {
            members.remove("nextToken");
        }
        request["startTime"] = json!(since.max(printed.newest - OVERLAP_MS).max(0));
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Which lines were printed, as far as they can come again.
#[derive(Default)]
struct Printed {
    ids: BTreeSet<String>,
    order: VecDeque<String>,
    newest: i64,
}

impl Printed {
    fn is_new(&mut self, event: &Event) -> bool {
        self.newest = self.newest.max(event.timestamp);
        if !self.ids.insert(event.event_id.clone()) {
            return false;
        }
        self.order.push_back(event.event_id.clone());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

fn row(event: Event) -> Value {
    json!({
        "log_stream_name": event.log_stream_name, "timestamp": time(&json!(event.timestamp)), "message": event.message,
        "event_id": event.event_id,
    })
}

/// Node, step and stream in front; the command's id is the same for so many lines that it only takes room.
fn print(event: &Event, show: &Show) -> Result<()> {
    let message = match show.raw {
        true => event.message.clone(),
        false => text::escape_line(&event.message),
    };
    let from = event
        .log_stream_name
        .split_once('/')
        .map_or(event.log_stream_name.as_str(), |(_, rest)| rest);
    let prefix = Paint::for_stdout().dim(format!("{from} | "));
    output::write(&format!("{prefix}{message}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_printed_once_however_often_it_comes() {
        let mut printed = Printed::default();
        let event = |id: &str, timestamp| Event {
            log_stream_name: "c/n/s/stdout".into(),
            timestamp,
            message: "m".into(),
            event_id: id.into(),
        };
        assert!(printed.is_new(&event("a", 5)) && printed.is_new(&event("b", 9)));
        assert!(!printed.is_new(&event("a", 5)));
        assert_eq!(printed.newest, 9);
    }
}
