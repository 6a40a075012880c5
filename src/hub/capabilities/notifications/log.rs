//! What was to be said, and what came of it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target, page};
use crate::hub::capabilities::notifications::channels::is_whole;
use crate::hub::events::Event;
use crate::hub::store::{Column, Row, Select, StoreError, Tx, Value};
use crate::model::filter::Filter;

/// What may wait for one channel. More is given up at once: the log says so, and it can be tried again by hand.
const MAX_WAITING: i64 = 10_000;
/// How long the log is kept.
pub const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
const FILTER_KEYS: &str = "channel, state, subject, error, text";

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Roadstead,
        "GetNotificationLog",
        |_: &LogRequest| Target::Hub,
        get_notification_log,
    )
    .write(
        Service::Roadstead,
        "RetryNotification",
        |_: &RetryRequest| Target::Hub,
        retry_notification,
    );
}

/// Something to be said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub subject: String,
    pub text: String,
    /// For programs: what a webhook gets.
    pub details: Json,
}

/// What `event` of a test's details is; other messages have no such member.
const TEST: &str = "Test";

impl Message {
    /// A word that tries out a channel.
    pub fn test(channel: &str, by: &str) -> Self {
        Self {
            subject: "Roadstead: a test".into(),
            text: format!("`{by}` tries out the channel `{channel}`. If this is read, it works."),
            details: json!({"event": TEST, "channel": channel, "by": by}),
        }
    }

    /// Who tries out a channel waits for the answer: an attempt later would say nothing to anybody.
    pub fn is_tried_once(&self) -> bool {
        self.details["event"] == TEST
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "NotificationState")]
pub enum State {
    Waiting,
    Delivered,
    /// Given up.
    Failed,
}

impl State {
    const ALL: [Self; 3] = [Self::Waiting, Self::Delivered, Self::Failed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "Waiting",
            Self::Delivered => "Delivered",
            Self::Failed => "Failed",
        }
    }
}

impl std::str::FromStr for State {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|s| s.as_str() == text).ok_or(())
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct NotificationView {
    id: i64,
    channel: String,
    subject: String,
    text: String,
    state: State,
    queued_at: Timestamp,
    attempts: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "String::is_empty")]
    last_error: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GetNotificationLogRequest")]
struct LogRequest {
    channel: Option<String>,
    state: Option<State>,
    #[serde(default)]
    filter: Filter,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GetNotificationLogResult")]
struct LogResult {
    notifications: Vec<NotificationView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// *Errors*: `ValidationException` for a filter by what a notification does not have.
async fn get_notification_log(cx: Cx, request: LogRequest) -> ApiResult<LogResult> {
    is_whole(&cx)?;
    request.filter.check().map_err(|e| ApiError::validation(e.to_string()))?;
    let size = page::size(request.max_results, 1, 100, 50)?;
    let before: Option<i64> = page::parse(request.next_token.as_deref())?;
    let mut select = Select::new(sql::SELECT)
        .and_filter(&request.filter, sql::column)
        .map_err(|key| ApiError::validation(format!("`{key}` is not a filter key of notifications: use {FILTER_KEYS}")))?;
    if let Some(channel) = &request.channel {
        select = select.and("channel = ?", [Value::from(channel)]);
    }
    if let Some(state) = request.state {
        select = select.and("state = ?", [Value::from(state.as_str())]);
    }
    if let Some(id) = before {
        select = select.and("id < ?", [id.into()]);
    }
    let select = select.order("id DESC").limit(size + 1);
    let found = cx.read(move |tx| Ok(select.rows(tx, sql::from_row)?)).await?;
    let (notifications, next_token) = page::cut(found, size, |n| n.id);
    Ok(LogResult { notifications, next_token })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "RetryNotificationRequest")]
struct RetryRequest {
    id: i64,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RetryNotificationResult")]
struct Empty {}

/// One that waits is tried at once, one that was given up once more.
async fn retry_notification(cx: Cx, request: RetryRequest) -> ApiResult<Empty> {
    is_whole(&cx)?;
    let (now, bus) = (cx.now(), cx.services.bus.clone());
    cx.write(move |tx| match sql::retry(tx, request.id, now)? {
        0 => Err(ApiError::new(
            "ResourceNotFoundException",
            format!("there is no notification {} that was not delivered", request.id),
        )),
        _ => {
            bus.emit(tx, Event::NotificationDue);
            Ok(Empty {})
        }
    })
    .await
}

/// Says something through a channel, in the transaction of what it is about. Nothing is said through one that was removed.
pub fn queue(tx: &Tx<'_>, channel: &str, message: &Message, now: Timestamp) -> Result<(), StoreError> {
    if super::channels::sql::find(tx, channel)?.is_none() {
        return Ok(());
    }
    let is_full = sql::count(tx, channel, State::Waiting)? >= MAX_WAITING;
    let id = sql::insert(tx, channel, message, now, now)?;
    match is_full {
        true => sql::failed(
            tx,
            id,
            &format!("{MAX_WAITING} notifications waited for the channel already"),
            None,
            now,
        ),
        false => Ok(()),
    }
}

pub mod sql {
    use super::*;

    pub const SELECT: &str =
        "SELECT id, channel, message, state, queued_at, attempts, next_attempt_at, ended_at, last_error FROM notification";

    pub fn column(key: &str) -> Option<Column> {
        Some(Column::plain(match key {
            "channel" => "channel",
            "state" => "state",
            "subject" => "message ->> 'subject'",
            "error" => "last_error",
            "text" => "channel || ' ' || (message ->> 'subject') || ' ' || coalesce(last_error, '')",
            _ => return None,
        }))
    }

    pub fn from_row(row: &Row<'_>) -> Result<NotificationView, StoreError> {
        let message: Message = row.json("message")?;
        let state: State = row.parsed("state")?;
        Ok(NotificationView {
            id: row.get("id")?,
            channel: row.get("channel")?,
            subject: message.subject,
            text: message.text,
            state,
            queued_at: row.get("queued_at")?,
            attempts: row.get("attempts")?,
            next_attempt_at: row.get::<Option<Timestamp>>("next_attempt_at")?.filter(|_| state == State::Waiting),
            ended_at: row.get("ended_at")?,
            last_error: row.get("last_error")?,
        })
    }

    pub fn view(tx: &Tx<'_>, id: i64) -> Result<Option<NotificationView>, StoreError> {
        let select = Select::new(SELECT).and("id = ?", [id.into()]);
        Ok(select.rows(tx, from_row)?.pop())
    }

    pub fn count(tx: &Tx<'_>, channel: &str, state: State) -> Result<i64, StoreError> {
        tx.count(
            "SELECT count(*) FROM notification WHERE channel = :channel AND state = :state",
            &[(":channel", channel.into()), (":state", state.as_str().into())],
        )
    }

    /// The job looks at it from `due` on.
    pub fn insert(tx: &Tx<'_>, channel: &str, message: &Message, now: Timestamp, due: Timestamp) -> Result<i64, StoreError> {
        let params = [
            (":channel", channel.into()),
            (":message", Value::json(message)),
            (":now", now.into()),
            (":due", due.into()),
        ];
        let sql = "INSERT INTO notification (channel, message, state, queued_at, attempts, next_attempt_at, last_error)
                   VALUES (:channel, :message, 'Waiting', :now, 0, :due, '') RETURNING id";
        let id = tx.row(sql, &params, |row| row.get("id"))?;
        id.ok_or_else(|| StoreError::Malformed("a notification without an id".into()))
    }

    /// What is due in a channel, the oldest first.
    pub fn due(tx: &Tx<'_>, channel: &str, now: Timestamp, most: usize) -> Result<Vec<i64>, StoreError> {
        let sql = "SELECT id FROM notification WHERE channel = :channel AND state = 'Waiting' AND next_attempt_at <= :now
                   ORDER BY next_attempt_at, id LIMIT :most";
        let params = [(":channel", channel.into()), (":now", now.into()), (":most", (most as i64).into())];
        tx.rows(sql, &params, |row| row.get("id"))
    }

    /// Channel, message, time of queueing and attempts so far of one that waits.
    pub fn waiting(tx: &Tx<'_>, id: i64) -> Result<Option<(String, Message, Timestamp, i64)>, StoreError> {
        let sql = "SELECT channel, message, queued_at, attempts FROM notification WHERE id = :id AND state = 'Waiting'";
        tx.row(sql, &[(":id", id.into())], |row| {
            Ok((
                row.get("channel")?,
                row.json("message")?,
                row.get("queued_at")?,
                row.get("attempts")?,
            ))
        })
    }

    pub fn delivered(tx: &Tx<'_>, id: i64, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE notification SET state = 'Delivered', attempts = attempts + 1, ended_at = :now, last_error = '' WHERE id = :id";
        tx.execute(sql, &[(":now", now.into()), (":id", id.into())]).map(|_| ())
    }

    /// `again_at` is when it is tried again; without, it is given up.
    pub fn failed(tx: &Tx<'_>, id: i64, why: &str, again_at: Option<Timestamp>, now: Timestamp) -> Result<(), StoreError> {
        let params = [
            (":id", id.into()),
            (":why", why.into()),
            (":again", again_at.unwrap_or(now).into()),
            (
                ":state",
                if again_at.is_some() { State::Waiting } else { State::Failed }.as_str().into(),
            ),
            (":ended", again_at.is_none().then_some(now).into()),
        ];
        let sql = "UPDATE notification SET state = :state, attempts = attempts + 1, next_attempt_at = :again, ended_at = :ended,
                       last_error = :why WHERE id = :id";
        tx.execute(sql, &params).map(|_| ())
    }

    pub fn retry(tx: &Tx<'_>, id: i64, now: Timestamp) -> Result<usize, StoreError> {
        let sql =
            "UPDATE notification SET state = 'Waiting', next_attempt_at = :now, ended_at = NULL WHERE id = :id AND state <> 'Delivered'";
        tx.execute(sql, &[(":now", now.into()), (":id", id.into())])
    }

    pub fn has_ended_before(tx: &Tx<'_>, before: Timestamp) -> Result<bool, StoreError> {
        let sql = "SELECT count(*) FROM notification WHERE queued_at < :before AND state <> 'Waiting'";
        Ok(tx.count(sql, &[(":before", before.into())])? > 0)
    }

    pub fn forget(tx: &Tx<'_>, before: Timestamp) -> Result<usize, StoreError> {
        let sql = "DELETE FROM notification WHERE id IN
                     (SELECT id FROM notification WHERE queued_at < :before AND state <> 'Waiting' ORDER BY queued_at LIMIT 1000)";
        tx.execute(sql, &[(":before", before.into())])
    }
}
