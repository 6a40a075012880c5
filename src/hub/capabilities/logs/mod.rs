//! Output of commands as logs, for clients of upstream's CloudWatch Logs: groups, streams, events.
//!
//! ```text
//! group   CloudWatchLogGroupName of the command, or /aws/ssm/DOCUMENT
//! stream  COMMAND/NODE/STEP/stdout|stderr      there once something of it has come
//! event   a line; its time is when its end reached the hub
//! ```
//!
//! A view: nothing is stored but the name of the group at the command and its shares, and what has come of outputs that are still
//! written (`commands::log_pieces`). Nouns: [`groups`], [`streams`], [`events`], [`texts`] (a stream's bytes and times); rules
//! without rows: [`lines`](mod@lines) (bytes to events) and [`pattern`] (which events are meant).
//!
//! *Invariants*: who may see a node's share of a command sees its streams, and nobody else; a request reads a bounded number of
//! shares and bytes and says where the next goes on.

mod events;
mod filter;
mod groups;
mod lines;
mod pattern;
mod streams;
mod texts;

use crate::base::{ApiError, ApiResult};
use crate::hub::api::registry::{no_jobs, no_reports, no_streams};
use crate::hub::api::{Capability, page};
use serde::de::DeserializeOwned;

pub const CAPABILITY: Capability = Capability {
    name: "logs",
    operations: |api| {
        groups::operations(api);
        streams::operations(api);
        events::operations(api);
        filter::operations(api);
    },
    reports: no_reports,
    jobs: no_jobs,
    streams: no_streams,
};

/// This service's word for everything that is wrong with a request.
fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterException", message)
}

/// What breaks the model's constraints, under this service's code.
fn checked<T>(result: ApiResult<T>) -> ApiResult<T> {
    result.map_err(|error| match error.code {
        "ValidationException" | "InvalidNextToken" => invalid(error.message),
        _ => error,
    })
}

/// How many there are on a page.
fn size(wish: Option<i64>, most: i64) -> ApiResult<usize> {
    let size = wish.unwrap_or(most);
    if (1..=most).contains(&size) {
        return Ok(size as usize);
    }
    let bound = if size < 1 {
        "greater than or equal to 1".to_owned()
    } else {
        format!("less than or equal to {most}")
    };
    Err(invalid(format!(
        "1 validation error detected: Value '{size}' at 'limit' failed to satisfy constraint: Member must have value {bound}"
    )))
}

fn token<K: DeserializeOwned>(token: Option<&str>) -> ApiResult<Option<K>> {
    page::parse(token).map_err(|_| invalid("The specified nextToken is invalid."))
}

fn no_group() -> ApiError {
    ApiError::new("ResourceNotFoundException", "The specified log group does not exist.")
}

fn no_stream() -> ApiError {
    ApiError::new("ResourceNotFoundException", "The specified log stream does not exist.")
}

/// A name that begins so lies from the first of these on and before the second.
fn range(prefix: &str) -> (String, String) {
    (prefix.to_owned(), format!("{prefix}\u{10FFFF}"))
}
