//! `/live`: one WebSocket that carries all of a console's subscriptions.
//!
//! ```text
//! → {"Subscribe": {"Id": 1, "Topic": "command", "Args": {…}}}      → {"Unsubscribe": {"Id": 1}}
//! ← {"Id": 1, "Event": {…}}      ← {"Id": 1, "Error": {"Code": …, "Message": …}}
//! ```
//!
//! Every subscription is authorised like an operation. A slow reader slows its own feeds only.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::base::{ApiError, ApiResult};
use crate::hub::api::routes::{Message, Socket};
use crate::hub::api::{Cx, Streams, Target, dispatch};
use crate::hub::events::Event;

/// Events that may wait for one reader, all its feeds together.
const QUEUE: usize = 64;
const MAX_SUBSCRIPTIONS: usize = 64;
/// Many tags may change at once: what goes by them is looked at so often at most.
const LABELS_STEP: Duration = Duration::from_secs(1);
/// Logins and keys also end by time, of which nobody tells.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
enum Demand {
    #[serde(rename_all = "PascalCase")]
    Subscribe {
        id: u64,
        topic: String,
        #[serde(default)]
        args: Value,
    },
    #[serde(rename_all = "PascalCase")]
    Unsubscribe { id: u64 },
}

/// A subscription that runs.
struct Running {
    task: AbortHandle,
    wish: Wish,
}

/// What a reader asked for.
#[derive(Clone)]
struct Wish {
    topic: String,
    args: Value,
    /// What it was authorised for, once it has been.
    target: Arc<OnceLock<Target>>,
}

/// Where a subscription's events go.
#[derive(Clone)]
pub struct Feed {
    id: u64,
    out: mpsc::Sender<String>,
}

impl Feed {
    /// Waits while the reader is slow.
    ///
    /// *Errors*: the reader is gone; the subscription ends.
    pub async fn send<T: Serialize>(&self, event: &T) -> ApiResult<()> {
        let text = json!({ "Id": self.id, "Event": event }).to_string();
        self.out
            .send(text)
            .await
            .map_err(|_| ApiError::new("StreamClosedException", "the reader is gone"))
    }

    async fn fail(&self, error: &ApiError) {
        let _reader_may_be_gone = self.out.send(error_text(self.id, error)).await;
    }
}

/// Runs one `/live` socket to its end.
pub async fn serve(cx: Cx, streams: Arc<Streams>, socket: Socket) {
    let Socket {
        incoming: mut from_reader,
        outgoing: mut to_reader,
        ..
    } = socket;
    let (out, mut queue) = mpsc::channel::<String>(QUEUE);
    let mut events = cx.services.bus.subscribe();
    let mut looks = tokio::time::interval(LOOK_AGAIN);
    // When to look at labels that have changed, and when that was done last.
    let (mut labels_due, mut labels_seen) = (None, None);
    let mut desk = Desk {
        cx,
        streams,
        out,
        running: HashMap::new(),
    };
    loop {
        tokio::select! {
            () = desk.cx.services.shutdown.cancelled() => break,
            Some(text) = queue.recv() => if to_reader.send(Message::text(text)).await.is_err() { break },
            event = events.recv() => match event {
                Ok(Event::LoginsChanged) if !desk.still_counts().await => break,
                Ok(Event::RightsChanged) if !desk.reconsider().await => break,
                Ok(Event::LabelsChanged) if desk.goes_by_labels() => {
                    let soonest = labels_seen.map_or_else(Instant::now, |seen: Instant| seen + LABELS_STEP);
                    labels_due.get_or_insert(soonest);
                }
                Err(RecvError::Lagged(_)) if !desk.still_counts().await || !desk.reconsider().await => break,
                Err(RecvError::Closed) => break,
                _ => {}
            },
            () = until(labels_due) => {
                (labels_due, labels_seen) = (None, Some(Instant::now()));
                if !desk.reconsider().await { break }
            }
            _ = looks.tick() => if !desk.still_counts().await { break },
            message = from_reader.next() => match message {
                Some(Ok(Message::Text(text))) => desk.obey(&text),
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
        }
    }
    desk.running.values().for_each(|one| one.task.abort());
    let _may_be_gone = to_reader.close().await;
}

/// For ever when nothing is due.
async fn until(due: Option<Instant>) {
    match due {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// One reader and what they follow.
struct Desk {
    cx: Cx,
    streams: Arc<Streams>,
    out: mpsc::Sender<String>,
    running: HashMap<u64, Running>,
}

impl Desk {
    /// Whether the login or key that opened the socket is still one. What cannot be told counts as no.
    async fn still_counts(&self) -> bool {
        match self.cx.services.still_counts(self.cx.caller()).await {
            Ok(counts) => counts,
            Err(error) => {
                tracing::error!(error = %error, "whether a login still counts could not be read");
                false
            }
        }
    }

    fn goes_by_labels(&self) -> bool {
        self.cx.caller().rights.grants.go_by_labels()
    }

    fn obey(&mut self, text: &str) {
        self.running.retain(|_, one| !one.task.is_finished());
        match serde_json::from_str(text) {
            Ok(Demand::Subscribe { id, topic, args }) => {
                let target = Arc::default();
                self.start(id, Wish { topic, args, target });
            }
            Ok(Demand::Unsubscribe { id }) => self.stop(id),
            Err(error) => tracing::debug!(error = %error, "a demand on /live was not understood"),
        }
    }

    fn start(&mut self, id: u64, wish: Wish) {
        self.stop(id);
        let feed = Feed { id, out: self.out.clone() };
        let is_full = self.running.len() >= MAX_SUBSCRIPTIONS;
        let follow = subscribe(self.cx.clone(), self.streams.clone(), wish.clone(), feed, is_full);
        let task = self.cx.services.tasks.spawn(follow).abort_handle();
        self.running.insert(id, Running { task, wish });
    }

    fn stop(&mut self, id: u64) {
        if let Some(one) = self.running.remove(&id) {
            one.task.abort();
        }
    }

    /// Rights have changed: what the reader may no longer see ends, with the reason, and what shows rows starts anew, because
    /// it may have to show others. `false` when the reader may not be here at all.
    async fn reconsider(&mut self) -> bool {
        let services = self.cx.services.clone();
        let Ok(caller) = services.rights.equip(&services.store, self.cx.caller().clone()).await else {
            return false;
        };
        let action = self.cx.request().action.clone();
        self.cx = self.cx.for_action(&action, caller);
        // What was refused or has ended is over, and is not said again.
        self.running.retain(|_, one| !one.task.is_finished());
        let followed: Vec<(u64, Wish)> = self.running.iter().map(|(id, one)| (*id, one.wish.clone())).collect();
        for (id, wish) in followed {
            match wish.target.get() {
                // Not authorised yet: it may have been asked with the old rights.
                None | Some(Target::Rows(_)) => self.start(id, wish),
                Some(target) => {
                    let topic = self.streams.topics.get(wish.topic.as_str());
                    let cx = self.cx.for_action(topic.map_or("", |t| t.action), self.cx.caller().clone());
                    if let Err(error) = dispatch::authorise(&cx, target).await {
                        self.stop(id);
                        // Our own loop empties the queue: it must not be waited for here.
                        let _a_slow_reader_learns_by_silence = self.out.try_send(error_text(id, &error));
                    }
                }
            }
        }
        true
    }
}

fn error_text(id: u64, error: &ApiError) -> String {
    json!({ "Id": id, "Error": { "Code": error.code, "Message": error.message } }).to_string()
}

async fn subscribe(cx: Cx, streams: Arc<Streams>, wish: Wish, feed: Feed, is_full: bool) {
    let refusal = feed.clone();
    let ran = async {
        if is_full {
            return Err(ApiError::validation(format!(
                "more than {MAX_SUBSCRIPTIONS} subscriptions on one socket"
            )));
        }
        let topic = &wish.topic;
        let known = streams
            .topics
            .get(topic.as_str())
            .ok_or_else(|| ApiError::validation(format!("there is no topic `{topic}`")))?;
        let subscription = (known.subscribe)(wish.args)?;
        let cx = cx.for_action(known.action, cx.caller().clone());
        let target = subscription.target();
        dispatch::authorise(&cx, &target).await?;
        let _once = wish.target.set(target);
        subscription.run(cx, feed).await
    };
    if let Err(error) = ran.await {
        refusal.fail(&error).await;
    }
}
