//! `FilterLogEvents`: the lines of many streams that match, share by share: those that have ended by the time of their end, then
//! those that are open. One that ends while it is paged through keeps its place, so that no line is met twice and none missed.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::events::{MAX_BYTES, MAX_EVENTS};
use super::pattern::Pattern;
use super::streams::{self, BATCH, Phase, SHARES_PER_REQUEST, Share, Stream};
use super::texts::Text;
use super::{checked, groups, invalid, no_stream, range, size, token};
use crate::base::ApiResult;
use crate::hub::api::constraint::{self, Violations};
use crate::hub::api::{Cx, Declare, Service, Target, page};
use crate::hub::capabilities::commands::send::SHARE;
use crate::hub::store::blobs::Blobs;
use crate::hub::store::{Select, StoreError, Tx, Value};

/// Stored bytes that one request looks through.
const SCANNED_BYTES: u64 = 8 * 1024 * 1024;

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Logs,
        "FilterLogEvents",
        |_: &FilterRequest| Target::Rows(SHARE),
        filter_log_events,
    );
}

/// *Source*: `FilterLogEventsRequest` of the service model.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "FilterLogEventsRequest")]
struct FilterRequest {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_names: Option<Vec<String>>,
    log_stream_name_prefix: Option<String>,
    start_time: Option<i64>,
    end_time: Option<i64>,
    filter_pattern: Option<String>,
    limit: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "FilterLogEventsResult")]
struct FilterResult {
    events: Vec<FilteredLogEvent>,
    /// Empty, as upstream has it.
    searched_log_streams: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct FilteredLogEvent {
    log_stream_name: String,
    timestamp: i64,
    message: String,
    ingestion_time: i64,
    event_id: String,
}

/// Where the next page goes on: in this stream of this share, at this byte.
#[derive(Clone, Serialize, Deserialize)]
struct Place {
    share: Share,
    stream: String,
    offset: u64,
    /// When those that were open then were begun with.
    open_since: Option<i64>,
}

async fn filter_log_events(cx: Cx, request: FilterRequest) -> ApiResult<FilterResult> {
    let group = groups::named(request.log_group_name.as_ref(), request.log_group_identifier.as_ref())?;
    check(&request)?;
    let most = size(request.limit, MAX_EVENTS)?;
    let pattern = Pattern::parse(request.filter_pattern.as_deref().unwrap_or_default())
        .map_err(|why| invalid(format!("Invalid filter pattern: {why}")))?;
    let place: Option<Place> = token(request.next_token.as_deref())?;
    let blobs = cx.services.blobs.clone();
    let asked = cx.clone();
    cx.read(move |tx| {
        groups::require(tx, &asked, &group)?;
        let names: Option<BTreeSet<String>> = request.log_stream_names.map(|names| names.into_iter().collect());
        for name in names.iter().flatten() {
            streams::find(tx, &group, name, &asked.visible(SHARE, "invocation"))?.ok_or_else(no_stream)?;
        }
        let mut scan = Scan {
            cx: &asked,
            blobs: &blobs,
            group: &group,
            names,
            prefix: request.log_stream_name_prefix.unwrap_or_default(),
            times: (request.start_time.unwrap_or(i64::MIN), request.end_time.unwrap_or(i64::MAX)),
            now: asked.now().millis(),
            pattern,
            most,
            events: Vec::new(),
            shown_bytes: 0,
            scanned_bytes: 0,
        };
        let next = scan.run(tx, place)?;
        Ok(FilterResult {
            events: scan.events,
            searched_log_streams: Vec::new(),
            next_token: next.map(|place| page::token(&place)),
        })
    })
    .await
}

fn check(request: &FilterRequest) -> ApiResult<()> {
    let mut broken = Violations::default();
    broken.length(request.filter_pattern.as_ref(), "filterPattern", 0..=1024);
    broken.length(request.log_stream_name_prefix.as_ref(), "logStreamNamePrefix", 1..=512);
    checked(broken.check())?;
    let Some(names) = &request.log_stream_names else {
        return Ok(());
    };
    if names.is_empty() {
        return Err(invalid("`logStreamNames` holds 1 to 100 names"));
    }
    checked(constraint::count_at_most(names, "logStreamNames", 100))?;
    match request.log_stream_name_prefix.is_some() {
        true => Err(invalid(
            "logStreamNames and logStreamNamePrefix cannot be specified at the same time.",
        )),
        false => Ok(()),
    }
}

/// One request's way through the shares of a group.
struct Scan<'a> {
    cx: &'a Cx,
    blobs: &'a Blobs,
    group: &'a str,
    names: Option<BTreeSet<String>>,
    prefix: String,
    times: (i64, i64),
    now: i64,
    pattern: Pattern,
    most: usize,
    events: Vec<FilteredLogEvent>,
    shown_bytes: usize,
    scanned_bytes: u64,
}

impl Scan<'_> {
    /// Answers where to go on when there may be more.
    fn run(&mut self, tx: &Tx<'_>, mut place: Option<Place>) -> Result<Option<Place>, StoreError> {
        let mut open_since = place.as_ref().and_then(|place| place.open_since);
        let mut looked = 0;
        loop {
            let shares = self.shares(tx, open_since, place.as_ref())?;
            let is_last = shares.len() < BATCH;
            looked += shares.len();
            for share in shares {
                let from = place.take_if(|place| place.share == share);
                if let Some((stream, offset)) = self.share(tx, &share, from.as_ref())? {
                    return Ok(Some(Place {
                        share,
                        stream,
                        offset,
                        open_since,
                    }));
                }
                // Behind its last stream.
                place = Some(Place {
                    share,
                    stream: "\u{10FFFF}".into(),
                    offset: 0,
                    open_since,
                });
            }
            match (is_last, open_since) {
                (true, Some(_)) => return Ok(None),
                (true, None) => (place, open_since) = (None, Some(self.now)),
                (false, _) if looked >= SHARES_PER_REQUEST => return Ok(place),
                (false, _) => {}
            }
        }
    }

    /// Takes what matches of a share; answers stream and offset to go on from when this request has had enough.
    fn share(&mut self, tx: &Tx<'_>, share: &Share, from: Option<&Place>) -> Result<Option<(String, u64)>, StoreError> {
        for stream in &streams::of_share(tx, share)? {
            let is_older = share.ended_at.is_none() && stream.times.1 < self.times.0;
            if is_older || !self.is_meant(&stream.name) {
                continue;
            }
            let offset = match from {
                Some(from) if stream.name < from.stream => continue,
                Some(from) if stream.name == from.stream => from.offset,
                _ => 0,
            };
            if let Some(offset) = self.stream(tx, share, stream, offset)? {
                return Ok(Some((stream.name.clone(), offset)));
            }
        }
        Ok(None)
    }

    fn is_meant(&self, name: &str) -> bool {
        name.starts_with(&self.prefix) && self.names.as_ref().is_none_or(|names| names.contains(name))
    }

    /// Takes what matches; answers the offset to go on from when this request has had enough.
    fn stream(&mut self, tx: &Tx<'_>, share: &Share, stream: &Stream, mut offset: u64) -> Result<Option<u64>, StoreError> {
        let text = Text::of(tx, self.blobs, share, stream)?;
        let (from, until) = self.times;
        if !text.has_times() && share.ended_at.is_some_and(|at| at > until) {
            return Ok(None);
        }
        while offset < text.available() {
            if self.scanned_bytes >= SCANNED_BYTES {
                return Ok(Some(offset));
            }
            let page = text.forward(offset, usize::MAX)?;
            let Some(last) = page.last() else { break };
            self.scanned_bytes += last.until - offset;
            let end = last.until;
            for event in page.into_iter().filter(|event| self.pattern.matches(&event.message)) {
                let at = text.time(&event);
                if !(from..=until).contains(&at) {
                    continue;
                }
                if self.events.len() >= self.most || self.shown_bytes >= MAX_BYTES {
                    return Ok(Some(event.from));
                }
                self.shown_bytes += event.message.len();
                self.events.push(FilteredLogEvent {
                    event_id: format!("{}/{}", stream.name, event.from),
                    log_stream_name: stream.name.clone(),
                    timestamp: at,
                    ingestion_time: at,
                    message: event.message,
                });
            }
            offset = end;
        }
        Ok(None)
    }

    /// The next shares, that of the place among them: those that have ended, or those that had not at a time.
    fn shares(&self, tx: &Tx<'_>, open_since: Option<i64>, place: Option<&Place>) -> Result<Vec<Share>, StoreError> {
        let (from, until) = self.times;
        let mut select = Select::new(streams::sql::SHARES)
            .and(
                "invocation.log_group = ? AND invocation.requested_at <= ?",
                [self.group.into(), until.into()],
            )
            .and_condition(&self.cx.visible(SHARE, "invocation"));
        select = match (open_since, place) {
            (None, _) => select.and("invocation.ended_at >= ?", [from.into()]),
            (Some(_), None) => select.and(Phase::Open.condition(), []),
            (Some(since), Some(_)) => select.and("(invocation.ended_at IS NULL OR invocation.ended_at >= ?)", [since.into()]),
        };
        if let Some(Place { share, .. }) = place {
            let (command, node) = (Value::from(&share.command), Value::from(&share.node));
            select = match open_since {
                None => select.and(streams::sql::FROM_TIME, [share.ended_at.into(), command, node]),
                Some(_) => select.and("(invocation.command_id, invocation.node_id) >= (?, ?)", [command, node]),
            };
        }
        if let Some(id) = self.prefix.split('/').next().filter(|id| !id.is_empty()) {
            let (from, until) = range(id);
            select = select.and(
                "invocation.command_id >= ? AND invocation.command_id < ?",
                [from.into(), until.into()],
            );
        }
        if let Some(names) = &self.names {
            let shares = names.iter().filter_map(|name| streams::share_of(name));
            let one = "(invocation.command_id = ? AND invocation.node_id = ?)";
            select = select.and_any(
                shares
                    .map(|(command, node)| (one, vec![(&command).into(), (&node).into()]))
                    .collect(),
            );
        }
        let order = match open_since {
            None => streams::sql::BY_TIME,
            Some(_) => streams::sql::BY_NAME,
        };
        select.order(order).limit(BATCH).rows(tx, Share::from_row)
    }
}
