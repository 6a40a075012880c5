//! `DescribeLogStreams`: one stream for each step's stdout and stderr that has something in it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::groups::{self, Arns};
use super::{checked, invalid, range, size, token};
use crate::base::id::{CommandId, NodeId};
use crate::base::{ApiResult, Timestamp};
use crate::hub::api::constraint::Violations;
use crate::hub::api::{Cx, Declare, Service, Target, page};
use crate::hub::capabilities::commands::log_pieces;
use crate::hub::capabilities::commands::send::SHARE;
use crate::hub::store::{Condition, Row, Select, StoreError, Tx, Value};
use crate::wire::run::StreamName;

const PER_PAGE: i64 = 50;
/// Shares that one request looks through.
pub const SHARES_PER_REQUEST: usize = 500;
/// Shares that are read at a time.
pub const BATCH: usize = 50;

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Logs,
        "DescribeLogStreams",
        |_: &DescribeRequest| Target::Rows(SHARE),
        describe_log_streams,
    );
}

/// *Source*: `DescribeLogStreamsRequest` of the service model.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "DescribeLogStreamsRequest")]
struct DescribeRequest {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_name_prefix: Option<String>,
    order_by: Option<String>,
    #[serde(default)]
    descending: bool,
    limit: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "DescribeLogStreamsResult")]
struct DescribeResult {
    log_streams: Vec<LogStream>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct LogStream {
    log_stream_name: String,
    creation_time: i64,
    first_event_timestamp: i64,
    last_event_timestamp: i64,
    last_ingestion_time: i64,
    arn: String,
    stored_bytes: u64,
}

/// A node's share of a command, as the log sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Share {
    /// `None` while it is open.
    pub ended_at: Option<i64>,
    pub command: CommandId,
    pub node: NodeId,
}

impl PartialEq for Share {
    /// It stays the same share when it ends.
    fn eq(&self, other: &Self) -> bool {
        (&self.command, &self.node) == (&other.command, &other.node)
    }
}

/// Which shares a list walks through at a time. By time those that are open come after all that have ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    All,
    Ended,
    Open,
}

impl Phase {
    pub fn condition(self) -> &'static str {
        match self {
            Self::All => "1",
            Self::Ended => "invocation.ended_at IS NOT NULL",
            Self::Open => "invocation.ended_at IS NULL",
        }
    }

    fn of(share: &Share) -> Self {
        if share.ended_at.is_some() { Self::Ended } else { Self::Open }
    }
}

/// Where a list goes on: after this stream of this share, or with it when none of its streams was shown.
#[derive(Serialize, Deserialize)]
struct Place {
    share: Share,
    after: Option<String>,
}

/// One stream with something in it.
#[derive(Debug)]
pub struct Stream {
    pub name: String,
    pub position: u32,
    pub stream: StreamName,
    pub stored_bytes: u64,
    /// Of its first line, and of its last one as long as the share is open.
    pub times: (i64, i64),
}

async fn describe_log_streams(cx: Cx, request: DescribeRequest) -> ApiResult<DescribeResult> {
    let mut broken = Violations::default();
    broken.length(request.log_stream_name_prefix.as_ref(), "logStreamNamePrefix", 1..=512);
    broken.one_of(request.order_by.as_ref(), "orderBy", &["LogStreamName", "LastEventTime"]);
    checked(broken.check())?;
    let by_time = request.order_by.as_deref() == Some("LastEventTime");
    if by_time && request.log_stream_name_prefix.is_some() {
        return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
    }
    let group = groups::named(request.log_group_name.as_ref(), request.log_group_identifier.as_ref())?;
    let size = size(request.limit, PER_PAGE)?;
    let place: Option<Place> = token(request.next_token.as_deref())?;
    let arns = Arns::of(&cx);
    let asked = cx.clone();
    cx.read(move |tx| {
        groups::require(tx, &asked, &group)?;
        let list = List {
            cx: &asked,
            group: &group,
            prefix: request.log_stream_name_prefix.as_deref().unwrap_or_default(),
            by_time,
            descending: request.descending,
        };
        let (found, next) = list.page(tx, place, size)?;
        let view = |(share, stream): (Share, Stream)| {
            let last = share.ended_at.unwrap_or(stream.times.1);
            LogStream {
                arn: arns.stream(&group, &stream.name),
                log_stream_name: stream.name,
                creation_time: stream.times.0,
                first_event_timestamp: stream.times.0,
                last_event_timestamp: last,
                last_ingestion_time: last,
                stored_bytes: stream.stored_bytes,
            }
        };
        Ok(DescribeResult {
            log_streams: found.into_iter().map(view).collect(),
            next_token: next.map(|place| page::token(&place)),
        })
    })
    .await
}

/// What is listed, and in which order.
struct List<'a> {
    cx: &'a Cx,
    group: &'a str,
    prefix: &'a str,
    by_time: bool,
    descending: bool,
}

type Page = (Vec<(Share, Stream)>, Option<Place>);

impl List<'_> {
    /// At most `size` streams of at most [`SHARES_PER_REQUEST`] shares.
    fn page(&self, tx: &Tx<'_>, mut place: Option<Place>, size: usize) -> ApiResult<Page> {
        let mut found = Vec::new();
        let mut looked = 0;
        for phase in self.phases(place.as_ref()) {
            loop {
                let shares = self.shares(tx, *phase, place.as_ref())?;
                let is_last = shares.len() < BATCH;
                looked += shares.len();
                for share in shares {
                    let after = place.take_if(|place| place.share == share).and_then(|place| place.after);
                    for stream in self.of_share(tx, &share, after.as_deref())? {
                        if found.len() == size {
                            let next = found.last().map(|(share, last): &(Share, Stream)| Place {
                                share: share.clone(),
                                after: Some(last.name.clone()),
                            });
                            return Ok((found, next));
                        }
                        found.push((share.clone(), stream));
                    }
                    // Nothing of it is left: the next page begins behind its last name.
                    place = Some(Place {
                        share,
                        after: Some(if self.descending { String::new() } else { "\u{10FFFF}".into() }),
                    });
                }
                if is_last {
                    break;
                }
                if looked >= SHARES_PER_REQUEST {
                    return Ok((found, place));
                }
            }
            place = None;
        }
        Ok((found, None))
    }

    /// The phases from that of the place on.
    fn phases(&self, place: Option<&Place>) -> &'static [Phase] {
        let phases: &[Phase] = match (self.by_time, self.descending) {
            (false, _) => &[Phase::All],
            (true, false) => &[Phase::Ended, Phase::Open],
            (true, true) => &[Phase::Open, Phase::Ended],
        };
        let reached = place.map(|place| Phase::of(&place.share));
        let done = phases.iter().position(|phase| Some(*phase) == reached).unwrap_or_default();
        &phases[done..]
    }

    /// The streams of a share that are meant, behind the one with this name.
    fn of_share(&self, tx: &Tx<'_>, share: &Share, after: Option<&str>) -> Result<Vec<Stream>, StoreError> {
        let mut streams = of_share(tx, share)?;
        if self.descending {
            streams.reverse();
        }
        streams.retain(|stream| {
            stream.name.starts_with(self.prefix)
                && match after {
                    None => true,
                    Some(after) if self.descending => stream.name.as_str() < after,
                    Some(after) => stream.name.as_str() > after,
                }
        });
        Ok(streams)
    }

    /// The next shares of a phase, that of the place among them.
    fn shares(&self, tx: &Tx<'_>, phase: Phase, place: Option<&Place>) -> Result<Vec<Share>, StoreError> {
        let mut select = Select::new(sql::SHARES)
            .and("invocation.log_group = ?", [self.group.into()])
            .and(phase.condition(), [])
            .and_condition(&self.cx.visible(SHARE, "invocation"));
        // The first part of a stream's name is the command's id.
        if let Some(id) = self.prefix.split('/').next().filter(|id| !id.is_empty()) {
            let (from, until) = range(id);
            select = select.and(
                "invocation.command_id >= ? AND invocation.command_id < ?",
                [from.into(), until.into()],
            );
        }
        let by_time = phase == Phase::Ended;
        if let Some(Place { share, .. }) = place {
            let (command, node) = (Value::from(&share.command), Value::from(&share.node));
            select = match (by_time, self.descending) {
                (true, false) => select.and(sql::FROM_TIME, [share.ended_at.into(), command, node]),
                (true, true) => select.and(sql::UNTIL_TIME, [share.ended_at.into(), command, node]),
                (false, false) => select.and("(invocation.command_id, invocation.node_id) >= (?, ?)", [command, node]),
                (false, true) => select.and("(invocation.command_id, invocation.node_id) <= (?, ?)", [command, node]),
            };
        }
        let order = match (by_time, self.descending) {
            (true, false) => sql::BY_TIME,
            (true, true) => "invocation.ended_at DESC, invocation.command_id DESC, invocation.node_id DESC",
            (false, false) => sql::BY_NAME,
            (false, true) => "invocation.command_id DESC, invocation.node_id DESC",
        };
        select.order(order).limit(BATCH).rows(tx, Share::from_row)
    }
}

impl Share {
    pub fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            ended_at: row.get::<Option<Timestamp>>("ended_at")?.map(Timestamp::millis),
            command: row.get("command_id")?,
            node: row.get("node_id")?,
        })
    }
}

/// The streams of a share, by name: those that its report brought, and those of which something came before it did.
pub fn of_share(tx: &Tx<'_>, share: &Share) -> Result<Vec<Stream>, StoreError> {
    let mut streams = sql::streams(tx, share)?;
    for live in sql::live_streams(tx, share)? {
        let is_same = |stream: &&mut Stream| (stream.position, stream.stream) == (live.position, live.stream);
        match streams.iter_mut().find(is_same) {
            // It keeps the name under which it was followed.
            Some(stream) => (stream.name, stream.times) = (live.name, live.times),
            None => streams.push(live),
        }
    }
    streams.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(streams)
}

/// Command and node in a stream's name.
pub fn share_of(name: &str) -> Option<(CommandId, NodeId)> {
    let mut parts = name.split('/');
    let (command, node) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some((command, node))
}

/// The share that a stream's name means, where it is shown in this group and to this caller, and the stream.
pub fn find(tx: &Tx<'_>, group: &str, name: &str, visible: &Condition) -> Result<Option<(Share, Stream)>, StoreError> {
    let Some((command, node)) = share_of(name) else { return Ok(None) };
    let select = Select::new(sql::SHARES)
        .and(
            "invocation.command_id = ? AND invocation.node_id = ?",
            [Value::from(&command), Value::from(&node)],
        )
        .and("invocation.log_group = ?", [group.into()])
        .and_condition(visible);
    let Some(share) = select.rows(tx, Share::from_row)?.pop() else {
        return Ok(None);
    };
    let stream = of_share(tx, &share)?.into_iter().find(|stream| stream.name == name);
    Ok(stream.map(|stream| (share, stream)))
}

pub mod sql {
    use super::*;

    pub const SHARES: &str = "SELECT invocation.ended_at, invocation.command_id, invocation.node_id FROM invocation";
    pub const BY_TIME: &str = "invocation.ended_at, invocation.command_id, invocation.node_id";
    pub const BY_NAME: &str = "invocation.command_id, invocation.node_id";
    pub const FROM_TIME: &str = "(invocation.ended_at, invocation.command_id, invocation.node_id) >= (?, ?, ?)";
    pub const UNTIL_TIME: &str = "(invocation.ended_at, invocation.command_id, invocation.node_id) <= (?, ?, ?)";

    pub fn streams(tx: &Tx<'_>, share: &Share) -> Result<Vec<Stream>, StoreError> {
        let sql = "SELECT c.document_name, s.position, s.name, s.action, o.stream, o.stored_bytes,
                     (SELECT count(*) FROM step t WHERE t.command_id = s.command_id AND t.node_id = s.node_id) AS steps
                   FROM step s JOIN step_output o ON o.command_id = s.command_id AND o.node_id = s.node_id AND o.position = s.position
                   JOIN command c ON c.id = s.command_id
                   WHERE s.command_id = :command AND s.node_id = :node";
        let params = [(":command", (&share.command).into()), (":node", (&share.node).into())];
        tx.rows(sql, &params, |row| {
            let (document, steps): (String, i64) = (row.get("document_name")?, row.get("steps")?);
            let (name, action): (String, String) = (row.get("name")?, row.get("action")?);
            let step = log_pieces::step_name(&document, steps as usize, &name, &action);
            let ended_at = share.ended_at.unwrap_or_default();
            stream(share, &step, (ended_at, ended_at), row)
        })
    }

    /// Those of which something came while they were written.
    pub fn live_streams(tx: &Tx<'_>, share: &Share) -> Result<Vec<Stream>, StoreError> {
        let sql = "SELECT position, stream, step, min(at) AS first_at, max(at) AS last_at, max(until) AS stored_bytes FROM log_piece
                   WHERE command_id = :command AND node_id = :node GROUP BY position, stream";
        let params = [(":command", (&share.command).into()), (":node", (&share.node).into())];
        tx.rows(sql, &params, |row| {
            let step: String = row.get("step")?;
            let times: (Timestamp, Timestamp) = (row.get("first_at")?, row.get("last_at")?);
            stream(share, &step, (times.0.millis(), times.1.millis()), row)
        })
    }

    fn stream(share: &Share, step: &str, times: (i64, i64), row: &Row<'_>) -> Result<Stream, StoreError> {
        let stream: StreamName = row.parsed("stream")?;
        Ok(Stream {
            name: format!("{}/{}/{step}/{}", share.command, share.node, stream.as_str()),
            position: row.get::<i64>("position")? as u32,
            stream,
            stored_bytes: row.get::<i64>("stored_bytes")? as u64,
            times,
        })
    }
}
