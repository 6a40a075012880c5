//! `/live`: one WebSocket that carries all of a console's subscriptions.
//!
//! ```text
//! → {"Subscribe": {"Id": 1, "Topic": "command", "Args": {…}}}      → {"Unsubscribe": {"Id": 1}}
//! ← {"Id": 1, "Event": {…}}      ← {"Id": 1, "Error": {"Code": …, "Message": …}}
//! ```
//!
//! Every subscription is authorised like an operation. A slow reader slows its own feeds only.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::base::{ApiError, ApiResult};
use crate::hub::api::routes::{Message, Socket};
use crate::hub::api::{Cx, Streams, dispatch};
use crate::hub::auth::Proof;
use crate::hub::events::Event;

/// Events that may wait for one reader, all its feeds together.
const QUEUE: usize = 64;
const MAX_SUBSCRIPTIONS: usize = 64;
/// A login also ends by time, of which nobody tells.
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

/// Where a subscription's events go.
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
        let text = json!({ "Id": self.id, "Error": { "Code": error.code, "Message": error.message } }).to_string();
        let _reader_may_be_gone = self.out.send(text).await;
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
    let mut running: HashMap<u64, AbortHandle> = HashMap::new();
    let mut events = cx.services.bus.subscribe();
    let mut looks = tokio::time::interval(LOOK_AGAIN);
    loop {
        tokio::select! {
            () = cx.services.shutdown.cancelled() => break,
            Some(text) = queue.recv() => if to_reader.send(Message::text(text)).await.is_err() { break },
            event = events.recv() => match event {
                Ok(Event::LoginsChanged) | Err(RecvError::Lagged(_)) if !still_counts(&cx).await => break,
                Err(RecvError::Closed) => break,
                _ => {}
            },
            _ = looks.tick() => if !still_counts(&cx).await { break },
            message = from_reader.next() => match message {
                Some(Ok(Message::Text(text))) => obey(&cx, &streams, &out, &mut running, &text),
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
        }
    }
    running.values().for_each(AbortHandle::abort);
    let _may_be_gone = to_reader.close().await;
}

/// Whether the login that opened the socket is still one; a key is asked at each subscription.
async fn still_counts(cx: &Cx) -> bool {
    match &cx.caller().proof {
        Proof::Session(id) => cx.services.console.is_alive(id, cx.services.now()).await.unwrap_or(false),
        _ => true,
    }
}

fn obey(cx: &Cx, streams: &Arc<Streams>, out: &mpsc::Sender<String>, running: &mut HashMap<u64, AbortHandle>, text: &str) {
    running.retain(|_, task| !task.is_finished());
    match serde_json::from_str(text) {
        Ok(Demand::Subscribe { id, topic, args }) => {
            let feed = Feed { id, out: out.clone() };
            let is_full = running.len() >= MAX_SUBSCRIPTIONS;
            let task = cx
                .services
                .tasks
                .spawn(subscribe(cx.clone(), streams.clone(), topic, args, feed, is_full));
            if let Some(before) = running.insert(id, task.abort_handle()) {
                before.abort();
            }
        }
        Ok(Demand::Unsubscribe { id }) => {
            if let Some(task) = running.remove(&id) {
                task.abort();
            }
        }
        Err(error) => tracing::debug!(error = %error, "a demand on /live was not understood"),
    }
}

async fn subscribe(cx: Cx, streams: Arc<Streams>, topic: String, args: Value, feed: Feed, is_full: bool) {
    let refusal = Feed {
        id: feed.id,
        out: feed.out.clone(),
    };
    let ran = async {
        if is_full {
            return Err(ApiError::validation(format!(
                "more than {MAX_SUBSCRIPTIONS} subscriptions on one socket"
            )));
        }
        let known = streams
            .topics
            .get(topic.as_str())
            .ok_or_else(|| ApiError::validation(format!("there is no topic `{topic}`")))?;
        let subscription = known(args)?;
        dispatch::authorise(&cx, &subscription.target()).await?;
        subscription.run(cx.clone(), feed).await
    };
    if let Err(error) = ran.await {
        refusal.fail(&error).await;
    }
}
