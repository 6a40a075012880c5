//! `GetLogEvents`: the lines of one stream, from either end.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lines::Event;
use super::texts::Text;
use super::{groups, invalid, no_stream, size, streams};
use crate::base::ApiResult;
use crate::hub::api::{Cx, Declare, Service};
use crate::hub::capabilities::commands::send::share;
use crate::hub::store::Condition;

/// Upstream's numbers of one answer.
pub const MAX_EVENTS: i64 = 10_000;
pub const MAX_BYTES: usize = 1024 * 1024;

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Logs,
        "GetLogEvents",
        |r: &GetRequest| {
            let named = r.log_stream_name.as_deref().and_then(streams::share_of);
            named.map_or_else(|| share("", ""), |(command, node)| share(command, node))
        },
        get_log_events,
    );
}

/// *Source*: `GetLogEventsRequest` of the service model.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "GetLogEventsRequest")]
struct GetRequest {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_name: Option<String>,
    start_time: Option<i64>,
    end_time: Option<i64>,
    #[serde(default)]
    start_from_head: bool,
    limit: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "GetLogEventsResult")]
struct GetResult {
    events: Vec<OutputLogEvent>,
    next_forward_token: String,
    next_backward_token: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OutputLogEvent {
    timestamp: i64,
    message: String,
    ingestion_time: i64,
}

/// Which way a page goes, and from where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Forward(u64),
    Backward(u64),
}

impl Turn {
    fn parse(text: &str) -> Option<Self> {
        let (way, offset) = text.split_once('/')?;
        let offset = offset.parse().ok()?;
        match way {
            "f" => Some(Self::Forward(offset)),
            "b" => Some(Self::Backward(offset)),
            _ => None,
        }
    }
}

impl std::fmt::Display for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Forward(offset) => write!(f, "f/{offset}"),
            Self::Backward(offset) => write!(f, "b/{offset}"),
        }
    }
}

async fn get_log_events(cx: Cx, request: GetRequest) -> ApiResult<GetResult> {
    let group = groups::named(request.log_group_name.as_ref(), request.log_group_identifier.as_ref())?;
    let most = size(request.limit, MAX_EVENTS)?;
    let Some(name) = request.log_stream_name else {
        return Err(invalid(
            "1 validation error detected: Value null at 'logStreamName' failed to satisfy constraint: Member must not be null",
        ));
    };
    let given = request.next_token.as_deref().filter(|token| !token.is_empty());
    let turn = given.map(|token| Turn::parse(token).ok_or_else(|| invalid("The specified nextToken is invalid.")));
    let turn = turn.transpose()?;
    let blobs = cx.services.blobs.clone();
    cx.read(move |tx| {
        let (share, stream) = streams::find(tx, &group, &name, &Condition::Always)?.ok_or_else(no_stream)?;
        let text = Text::of(tx, &blobs, &share, &stream)?;
        let turn = turn.unwrap_or(match request.start_from_head {
            true => Turn::Forward(0),
            false => Turn::Backward(text.available()),
        });
        let events = match turn {
            Turn::Forward(offset) => text.forward(offset, most)?,
            Turn::Backward(offset) => text.backward(offset, most)?,
        };
        let (from, until) = match (events.first(), events.last(), turn) {
            (Some(first), Some(last), _) => (first.from, last.until),
            (.., Turn::Forward(offset) | Turn::Backward(offset)) => (offset, offset),
        };
        let is_in_time = |at: i64| request.start_time.is_none_or(|from| from <= at) && request.end_time.is_none_or(|until| at < until);
        let event = |event: Event| {
            let at = text.time(&event);
            is_in_time(at).then_some(OutputLogEvent {
                timestamp: at,
                message: event.message,
                ingestion_time: at,
            })
        };
        Ok(GetResult {
            events: events.into_iter().filter_map(event).collect(),
            next_forward_token: Turn::Forward(until).to_string(),
            next_backward_token: Turn::Backward(from).to_string(),
        })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_the_way_and_the_place() {
        for turn in [Turn::Forward(0), Turn::Backward(1 << 40)] {
            assert_eq!(Turn::parse(&turn.to_string()), Some(turn));
        }
        for bad in ["", "f", "f/", "x/1", "f/-1", "f/1/s"] {
            assert_eq!(Turn::parse(bad), None, "{bad}");
        }
    }
}
