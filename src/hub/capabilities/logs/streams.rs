//! `DescribeLogStreams`: one stream for each step's stdout and stderr that has something in it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::groups::{self, Arns};
use super::{checked, invalid, range, size, token};
use crate::base::id::{CommandId, NodeId};
use crate::base::{ApiResult, Timestamp};
use crate::hub::api::constraint::Violations;
use crate::hub::api::{Cx, Declare, Service, Target, page};
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    pub ended_at: i64,
    pub command: CommandId,
    pub node: NodeId,
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
        let view = |(share, stream): (Share, Stream)| LogStream {
            arn: arns.stream(&group, &stream.name),
            log_stream_name: stream.name,
            creation_time: share.ended_at,
            first_event_timestamp: share.ended_at,
            last_event_timestamp: share.ended_at,
            last_ingestion_time: share.ended_at,
            stored_bytes: stream.stored_bytes,
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
        loop {
            let shares = self.shares(tx, place.as_ref())?;
            let is_last = shares.len() < BATCH;
            looked += shares.len();
            for share in shares {
                let after = place.take_if(|place| place.share == share).and_then(|place| place.after);
                let mut streams = of_share(tx, &share)?;
                if self.descending {
                    streams.reverse();
                }
                let is_after = |name: &String| match &after {
                    None => true,
                    Some(after) if self.descending => name < after,
                    Some(after) => name > after,
                };
                for stream in streams.into_iter().filter(|s| s.name.starts_with(self.prefix) && is_after(&s.name)) {
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
                return Ok((found, None));
            }
            if looked >= SHARES_PER_REQUEST {
                return Ok((found, place));
            }
        }
    }

    /// The next shares, that of the place among them.
    fn shares(&self, tx: &Tx<'_>, place: Option<&Place>) -> Result<Vec<Share>, StoreError> {
        let mut select = Select::new(sql::SHARES)
            .and("invocation.log_group = ? AND invocation.ended_at IS NOT NULL", [self.group.into()])
            .and_condition(&self.cx.visible(SHARE, "invocation"));
        // The first part of a stream's name is the command's id.
        if let Some(id) = self.prefix.split('/').next().filter(|id| !id.is_empty()) {
            let (from, until) = range(id);
            select = select.and(
                "invocation.command_id >= ? AND invocation.command_id < ?",
                [from.into(), until.into()],
            );
        }
        if let Some(Place { share, .. }) = place {
            let (command, node) = (Value::from(&share.command), Value::from(&share.node));
            select = match (self.by_time, self.descending) {
                (true, false) => select.and(sql::FROM_TIME, [share.ended_at.into(), command, node]),
                (true, true) => select.and(sql::UNTIL_TIME, [share.ended_at.into(), command, node]),
                (false, false) => select.and("(invocation.command_id, invocation.node_id) >= (?, ?)", [command, node]),
                (false, true) => select.and("(invocation.command_id, invocation.node_id) <= (?, ?)", [command, node]),
            };
        }
        let order = match (self.by_time, self.descending) {
            (true, false) => sql::BY_TIME,
            (true, true) => "invocation.ended_at DESC, invocation.command_id DESC, invocation.node_id DESC",
            (false, false) => "invocation.command_id, invocation.node_id",
            (false, true) => "invocation.command_id DESC, invocation.node_id DESC",
        };
        select.order(order).limit(BATCH).rows(tx, Share::from_row)
    }
}

impl Share {
    pub fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            ended_at: row.get::<Timestamp>("ended_at")?.millis(),
            command: row.get("command_id")?,
            node: row.get("node_id")?,
        })
    }
}

/// The streams of a share, by name.
pub fn of_share(tx: &Tx<'_>, share: &Share) -> Result<Vec<Stream>, StoreError> {
    let mut streams = sql::streams(tx, share)?;
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
        .and("invocation.log_group = ? AND invocation.ended_at IS NOT NULL", [group.into()])
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
            let step = step_name(&document, steps, row.get("name")?, row.get("action")?);
            let stream: StreamName = row.parsed("stream")?;
            Ok(Stream {
                name: format!("{}/{}/{step}/{}", share.command, share.node, stream.as_str()),
                position: row.get::<i64>("position")? as u32,
                stream,
                stored_bytes: row.get::<i64>("stored_bytes")? as u64,
            })
        })
    }

    /// As upstream names it: stock documents by their one action, the others by their steps; no colon in it.
    fn step_name(document: &str, steps: i64, name: String, action: String) -> String {
        let named = if document.starts_with("AWS-") && steps == 1 { action } else { name };
        named.replace([':', '*', '/'], "-")
    }
}
