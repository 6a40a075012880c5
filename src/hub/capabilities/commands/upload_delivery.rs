//! Brings stored output to the buckets it is wanted in. The same bytes under the same keys however often, so a crash costs an upload
//! that is done again and nothing else.
//!
//! A store is served in a task of its own, a few shares at a time, with a part of an object in memory for each.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};

use crate::base::id::{CommandId, NodeId};
use crate::base::{ApiResult, Timestamp};
use crate::hub::api::Services;
use crate::hub::capabilities::commands::outputs::stored_bytes;
use crate::hub::capabilities::commands::sender;
use crate::hub::capabilities::commands::uploads::{State, Wish};
use crate::hub::capabilities::fleet::targets::SEND;
use crate::hub::capabilities::object_stores::client::{Client, Failure, PART_BYTES};
use crate::hub::capabilities::object_stores::stores::{self, Store};
use crate::hub::events::Event;
use crate::hub::jobs::Job;
use crate::hub::jobs::queue::{self, Busy, GIVEN_UP, again_at};
use crate::hub::store::{Row, StoreError, Tx, Value};
use crate::wire::run::StreamName;

/// Shares read at once in a store's turn.
const BATCH: usize = 100;
/// Shares of one store under way at once.
const AT_ONCE: usize = 2;

/// Names this queue among others.
struct Uploads;

type Turn = queue::Turn<Uploads>;

pub fn job() -> Job<Arc<Services>> {
    Job {
        name: "output uploads",
        period: Duration::from_secs(5),
        wakes: |event| matches!(event, Event::CommandChanged(_)),
        tick: |services| run(services).boxed(),
    }
}

async fn run(services: Arc<Services>) {
    if let Err(error) = turn(&services).await {
        tracing::warn!(error = %error, "uploads of output could not be read or written");
    }
}

async fn turn(services: &Arc<Services>) -> ApiResult<()> {
    let now = services.now();
    let (mut due, changed_at) = services
        .read(move |tx| {
            let changed_at = stores::sql::changed_at(tx)?;
            let is_news = changed_at.map(|at| sql::may_go_now(tx, at, now)).transpose()?.unwrap_or(false);
            Ok((sql::due_stores(tx, now)?, changed_at.filter(|_| is_news)))
        })
        .await?;
    if let Some(changed_at) = changed_at {
        services.write(move |tx| Ok(sql::try_now(tx, changed_at, now)?)).await?;
        due = services.read(move |tx| Ok(sql::due_stores(tx, now)?)).await?;
    }
    for store in due {
        let Some(turn) = Turn::begin(services.state::<Busy<Uploads>>(), store) else {
            continue;
        };
        let (services, shutdown) = (services.clone(), services.shutdown.clone());
        let tasks = services.tasks.clone();
        tasks.spawn(async move { shutdown.run_until_cancelled(serve(&services, turn)).await });
    }
    Ok(())
}

async fn serve(services: &Arc<Services>, mut turn: Turn) {
    loop {
        if let Err(error) = deliver(services, &turn.receiver).await {
            tracing::warn!(object_store = %turn.receiver, error = %error, "uploads of output could not be read or written");
        }
        if !turn.goes_on() {
            return;
        }
    }
}

/// Everything that is due for a store, until one says that the store is not well: the others wait for their own time.
async fn deliver(services: &Arc<Services>, store: &str) -> ApiResult<()> {
    let is_unwell = AtomicBool::new(false);
    loop {
        let (now, lane) = (services.now(), store.to_owned());
        let due = services.read(move |tx| Ok(sql::due(tx, &lane, now, BATCH)?)).await?;
        if due.is_empty() || is_unwell.load(Ordering::Relaxed) {
            return Ok(());
        }
        let attempts = due.into_iter().map(|(command, node)| {
            let is_unwell = &is_unwell;
            async move {
                if is_unwell.load(Ordering::Relaxed) {
                    return Ok(());
                }
                let is_well = attempt(services, command, node).await?;
                is_unwell.fetch_or(!is_well, Ordering::Relaxed);
                ApiResult::Ok(())
            }
        });
        let mut attempts = stream::iter(attempts).buffer_unordered(AT_ONCE);
        while let Some(done) = attempts.next().await {
            done?;
        }
    }
}

/// A share's upload as an attempt finds it.
struct Upload {
    command: CommandId,
    node: NodeId,
    wish: Wish,
    store: Option<Store>,
    /// The sender of the command may use the store.
    is_permitted: bool,
    attempts: i64,
    failing_since: Option<Timestamp>,
    done_count: usize,
    multipart: Option<String>,
    objects: Vec<Object>,
}

/// One stream of a step, and its key.
struct Object {
    position: u32,
    stream: StreamName,
    size: u64,
    key: String,
}

/// One attempt, and what came of it; whether the store is well.
async fn attempt(services: &Arc<Services>, command: CommandId, node: NodeId) -> ApiResult<bool> {
    let begun = services.now();
    let found = services.read(move |tx| Ok(sql::waiting(tx, &command, &node)?)).await?;
    let Some(upload) = found else { return Ok(true) };
    let done = bring(services, &upload).await;
    let (now, bus) = (services.now(), services.bus.clone());
    let is_well = done.as_ref().err().is_none_or(|failure| failure.is_final);
    services
        .write(move |tx| {
            let outcome = Outcome::of(&upload, done.err(), begun, now);
            sql::settle(tx, &upload, &outcome, now)?;
            bus.emit(tx, Event::CommandChanged(upload.command));
            Ok(())
        })
        .await?;
    Ok(is_well)
}

/// What an attempt leaves behind.
struct Outcome {
    state: State,
    why: String,
    begun: Timestamp,
    failing_since: Option<Timestamp>,
    again_at: Option<Timestamp>,
}

impl Outcome {
    fn of(upload: &Upload, failure: Option<Failure>, begun: Timestamp, now: Timestamp) -> Self {
        let Some(failure) = failure else {
            return Self {
                state: State::Uploaded,
                why: String::new(),
                begun,
                failing_since: None,
                again_at: None,
            };
        };
        tracing::warn!(command_id = %upload.command, node_id = %upload.node, error = %failure.why, "output was not uploaded");
        let since = upload.failing_since.unwrap_or(begun);
        let again_at = match failure.is_final {
            true => None,
            false => again_at(since, upload.attempts + 1, now),
        };
        Self {
            state: if again_at.is_some() { State::Waiting } else { State::Failed },
            why: queue::reason(&failure.why),
            begun,
            failing_since: Some(since),
            again_at,
        }
    }
}

async fn bring(services: &Services, upload: &Upload) -> Result<(), Failure> {
    let Wish { bucket, prefix } = &upload.wish;
    let store = upload.store.as_ref().ok_or_else(|| {
        let place = if prefix.is_empty() {
            bucket.clone()
        } else {
            format!("{bucket}/{prefix}")
        };
        Failure::lasting(format!(
            "no object store of this hub takes output to `{place}`: one must name it in its output places"
        ))
    })?;
    if !upload.is_permitted {
        return Err(Failure::lasting(format!(
            "who sent the command has no right to the object store `{}`: it takes `{SEND}` on it",
            store.name
        )));
    }
    let client = Client::new(services, store, bucket)?;
    let mut left = upload.multipart.as_deref();
    for (index, object) in upload.objects.iter().enumerate().skip(upload.done_count) {
        if let Some(id) = left.take() {
            let _it_may_be_gone = client.abort(&object.key, id).await;
        }
        put(services, &client, upload, object).await?;
        note(services, upload, index + 1, None).await?;
    }
    Ok(())
}

async fn put(services: &Services, client: &Client<'_>, upload: &Upload, object: &Object) -> Result<(), Failure> {
    if object.size <= PART_BYTES {
        return client.put(&object.key, read(services, upload, object, 0).await?).await;
    }
    let id = client.begin(&object.key).await?;
    let done_count = upload.objects.iter().position(|other| other.key == object.key).unwrap_or_default();
    // Written down before its first part, so that whoever comes after a crash can have it forgotten.
    note(services, upload, done_count, Some(&id)).await?;
    let done = put_parts(services, client, upload, object, &id).await;
    if done.is_err() {
        let _the_next_attempt_does_it_again = client.abort(&object.key, &id).await;
    }
    done
}

async fn put_parts(services: &Services, client: &Client<'_>, upload: &Upload, object: &Object, id: &str) -> Result<(), Failure> {
    let mut tags = Vec::new();
    let mut offset = 0;
    while offset < object.size {
        let part = read(services, upload, object, offset).await?;
        offset += part.len() as u64;
        tags.push(client.part(&object.key, id, tags.len() + 1, part).await?);
    }
    client.complete(&object.key, id, &tags).await
}

/// The bytes of a part, all of them.
async fn read(services: &Services, upload: &Upload, object: &Object, offset: u64) -> Result<Bytes, Failure> {
    let wanted = (object.size - offset).min(PART_BYTES);
    let read = stored_bytes(
        services,
        &upload.command,
        &upload.node,
        object.position,
        object.stream,
        offset,
        wanted as usize,
    );
    match read.await {
        Ok(bytes) if bytes.len() as u64 == wanted => Ok(Bytes::from(bytes)),
        Ok(_) => Err(Failure::lasting("the hub has not all of this output any more")),
        Err(error) => Err(Failure::passing(format!("the hub could not read this output: {}", error.message))),
    }
}

/// Writes down how far it has come.
async fn note(services: &Services, upload: &Upload, done_count: usize, multipart: Option<&str>) -> Result<(), Failure> {
    let (command, node, multipart) = (upload.command.clone(), upload.node.clone(), multipart.map(str::to_owned));
    let written = services.write(move |tx| Ok(sql::progress(tx, &command, &node, done_count, multipart.as_deref())?));
    written.await.map_err(|error| Failure::passing(error.message))
}

mod sql {
    use super::*;

    /// Waiting shares whose whole output is here; the store may be none.
    pub fn due_stores(tx: &Tx<'_>, now: Timestamp) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT DISTINCT store FROM output_upload WHERE state = 'Waiting' AND next_attempt_at <= :now";
        tx.rows(sql, &[(":now", now.into())], |row| row.get("store"))
    }

    pub fn due(tx: &Tx<'_>, store: &str, now: Timestamp, most: usize) -> Result<Vec<(CommandId, NodeId)>, StoreError> {
        let sql = "SELECT u.command_id, u.node_id FROM output_upload u
                   WHERE u.store = :store AND u.state = 'Waiting' AND u.next_attempt_at <= :now
                     AND NOT EXISTS (SELECT 1 FROM step_output o WHERE o.command_id = u.command_id AND o.node_id = u.node_id AND o.wanted = 1)
                   ORDER BY u.next_attempt_at, u.command_id, u.node_id LIMIT :most";
        let params = [(":store", store.into()), (":now", now.into()), (":most", (most as i64).into())];
        tx.rows(sql, &params, |row| Ok((row.get("command_id")?, row.get("node_id")?)))
    }

    /// Whether something failed before the stores were changed and could be tried now.
    pub fn may_go_now(tx: &Tx<'_>, changed_at: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "SELECT count(*) FROM output_upload WHERE state <> 'Uploaded' AND attempted_at < :changed
                     AND (state = 'Waiting' AND next_attempt_at > :now OR state = 'Failed' AND queued_at > :young)";
        Ok(tx.count(sql, &newly(changed_at, now))? > 0)
    }

    pub fn try_now(tx: &Tx<'_>, changed_at: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE output_upload SET state = 'Waiting', next_attempt_at = :now, failing_since = NULL, ended_at = NULL
                   WHERE state <> 'Uploaded' AND attempted_at < :changed
                     AND (state = 'Waiting' AND next_attempt_at > :now OR state = 'Failed' AND queued_at > :young)";
        tx.execute(sql, &newly(changed_at, now)).map(|_| ())
    }

    fn newly(changed_at: Timestamp, now: Timestamp) -> [(&'static str, Value); 3] {
        [
            (":changed", changed_at.into()),
            (":now", now.into()),
            (":young", (now - GIVEN_UP).into()),
        ]
    }

    pub fn waiting(tx: &Tx<'_>, command: &CommandId, node: &NodeId) -> Result<Option<Upload>, StoreError> {
        let sql = "SELECT bucket, prefix, attempts, failing_since, done_count, multipart FROM output_upload
                   WHERE command_id = :command AND node_id = :node AND state = 'Waiting'";
        let found = tx.row(sql, &[(":command", command.into()), (":node", node.into())], |row| {
            Ok(Upload {
                command: command.clone(),
                node: node.clone(),
                wish: Wish {
                    bucket: row.get("bucket")?,
                    prefix: row.get("prefix")?,
                },
                store: None,
                is_permitted: false,
                attempts: row.get("attempts")?,
                failing_since: row.get("failing_since")?,
                done_count: row.get::<i64>("done_count")? as usize,
                multipart: row.get("multipart")?,
                objects: Vec::new(),
            })
        })?;
        let Some(mut upload) = found else { return Ok(None) };
        upload.store = stores::for_output(tx, &upload.wish.bucket, &upload.wish.prefix)?;
        if let Some(store) = &upload.store {
            upload.is_permitted = sender::may_fill(tx, command, &store.name)?;
        }
        upload.objects = objects(tx, &upload)?;
        Ok(Some(upload))
    }

    fn objects(tx: &Tx<'_>, upload: &Upload) -> Result<Vec<Object>, StoreError> {
        let sql = "SELECT s.position, s.name, s.action, o.stream, o.stored_bytes FROM step_output o
                   JOIN step s ON s.command_id = o.command_id AND s.node_id = o.node_id AND s.position = o.position
                   WHERE o.command_id = :command AND o.node_id = :node ORDER BY o.position, o.stream";
        let params = [(":command", (&upload.command).into()), (":node", (&upload.node).into())];
        tx.rows(sql, &params, |row| object(upload, row))
    }

    fn object(upload: &Upload, row: &Row<'_>) -> Result<Object, StoreError> {
        let (name, action): (String, String) = (row.get("name")?, row.get("action")?);
        let stream = match row.get::<String>("stream")?.as_str() {
            "stdout" => StreamName::Stdout,
            _ => StreamName::Stderr,
        };
        Ok(Object {
            position: row.get::<i64>("position")? as u32,
            stream,
            size: row.get::<i64>("stored_bytes")? as u64,
            key: upload.wish.key(&upload.command, &upload.node, (&name, &action), stream),
        })
    }

    pub fn progress(tx: &Tx<'_>, command: &CommandId, node: &NodeId, done_count: usize, multipart: Option<&str>) -> Result<(), StoreError> {
        let sql = "UPDATE output_upload SET done_count = :done, multipart = :multipart WHERE command_id = :command AND node_id = :node";
        let params = [
            (":done", (done_count as i64).into()),
            (":multipart", multipart.into()),
            (":command", command.into()),
            (":node", node.into()),
        ];
        tx.execute(sql, &params).map(|_| ())
    }

    pub fn settle(tx: &Tx<'_>, upload: &Upload, outcome: &Outcome, now: Timestamp) -> Result<(), StoreError> {
        let store = upload.store.as_ref().map(|store| store.name.as_str()).unwrap_or_default();
        let params = [
            (":state", outcome.state.as_str().into()),
            (":store", store.into()),
            (":begun", outcome.begun.into()),
            (":since", outcome.failing_since.into()),
            (":again", outcome.again_at.unwrap_or(now).into()),
            (":ended", (outcome.state != State::Waiting).then_some(now).into()),
            (":why", (&outcome.why).into()),
            (":command", (&upload.command).into()),
            (":node", (&upload.node).into()),
        ];
        let sql = "UPDATE output_upload SET state = :state, store = :store, attempts = attempts + 1, attempted_at = :begun,
                       failing_since = :since, next_attempt_at = :again, ended_at = :ended, last_error = :why
                   WHERE command_id = :command AND node_id = :node";
        tx.execute(sql, &params).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(failing_since: Option<Timestamp>) -> Upload {
        Upload {
            command: CommandId::random(),
            node: "mi-0123456789abcdef0".parse().unwrap(),
            wish: Wish {
                bucket: "logs".into(),
                prefix: String::new(),
            },
            store: None,
            is_permitted: true,
            attempts: 3,
            failing_since,
            done_count: 0,
            multipart: None,
            objects: Vec::new(),
        }
    }

    #[test]
    fn what_fails_is_tried_for_a_day_and_what_is_refused_is_not() {
        let at = |hours: u64| Timestamp::from_millis(0) + Duration::from_secs(hours * 3600);
        let outcome = |since, failure, now| Outcome::of(&upload(since), failure, now, now);
        let away = || Some(Failure::passing("away"));
        let first = outcome(None, away(), at(100));
        assert_eq!(
            (first.state, first.failing_since),
            (State::Waiting, Some(at(100))),
            "however long ago it was queued"
        );
        assert_eq!(outcome(Some(at(1)), away(), at(24)).state, State::Waiting);
        assert_eq!(outcome(Some(at(1)), away(), at(25)).state, State::Failed);
        assert_eq!(outcome(None, Some(Failure::lasting("no")), at(1)).state, State::Failed);
        let done = outcome(Some(at(1)), None, at(2));
        assert_eq!((done.state, done.why.as_str()), (State::Uploaded, ""));
    }
}
