//! What a browser follows: a command's progress, and a node's output while it is written.

use std::time::Duration;

use data_encoding::BASE64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::sleep;

use crate::base::ApiResult;
use crate::base::id::{CommandId, NodeId};
use crate::hub::api::live::Feed;
use crate::hub::api::{Cx, Streams, Target};
use crate::hub::capabilities::commands::node_output::{self, NodeOutputTopic};
use crate::hub::capabilities::commands::search::{DescribeRequest, progress};
use crate::hub::capabilities::commands::send::{KIND, share};
use crate::hub::capabilities::commands::state::State;
use crate::hub::capabilities::commands::{outputs, rows};
use crate::hub::events::Event;
use crate::wire::run::{OutputQuery, StreamName};

/// Progress is told at most this often in the long run; the first words come closer together, so that the end of a command
/// that takes no time is not held back.
const STEP: Duration = Duration::from_millis(200);
const FIRST_STEP: Duration = Duration::from_millis(5);
/// How long a follower waits before it asks again for a run that has not started.
const RETRY: Duration = Duration::from_millis(500);
/// Bytes of one event.
const MAX_PIECE: usize = 32 * 1024;

pub fn streams(streams: &mut Streams) {
    streams
        .topic(
            "command",
            "roadstead:DescribeCommand",
            |r: &DescribeRequest| Target::Resource(KIND, r.command_id.to_string()),
            follow_command,
        )
        .topic(
            "output",
            "roadstead:GetOutput",
            |r: &OutputTopic| share(&r.command_id, &r.node_id),
            follow_output,
        )
        .topic(
            "node-output",
            "roadstead:GetOutput",
            |r: &NodeOutputTopic| share(&r.command_id, &r.node_id),
            node_output::follow,
        );
}

async fn follow_command(cx: Cx, request: DescribeRequest, feed: Feed) -> ApiResult<()> {
    let mut events = cx.services.bus.subscribe();
    let mut step = FIRST_STEP;
    loop {
        let id = request.command_id.clone();
        feed.send(&cx.read(move |tx| progress(tx, &id)).await?).await?;
        sleep(step).await;
        step = (step * 2).min(STEP);
        loop {
            match events.recv().await {
                Ok(Event::CommandChanged(changed)) if changed == request.command_id => break,
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return Ok(()),
            }
        }
        // What came together is told together.
        while events.try_recv().is_ok() {}
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct OutputTopic {
    command_id: CommandId,
    node_id: NodeId,
    #[serde(default)]
    step: u32,
    stream: StreamName,
    #[serde(default)]
    offset: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Piece {
    offset: u64,
    text: String,
    /// Base64 of the bytes behind `text`.
    data: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct End {
    end: bool,
}

/// Sends what there is from `offset` on and what is added, until the run has ended: from the node while it runs, the rest
/// from what the hub has stored, so that nothing is missing however the two meet.
async fn follow_output(cx: Cx, topic: OutputTopic, feed: Feed) -> ApiResult<()> {
    let mut follower = Follower {
        offset: topic.offset,
        topic,
        feed,
    };
    loop {
        let (command, node) = (follower.topic.command_id.clone(), follower.topic.node_id.clone());
        let state = cx.read(move |tx| Ok(rows::sql::state(tx, &command, &node)?)).await?;
        if state.is_none_or(State::is_ended) {
            follower.rest(&cx).await?;
            return follower.feed.send(&End { end: true }).await;
        }
        let before = follower.offset;
        follower.while_it_runs(&cx).await?;
        if follower.offset == before {
            sleep(RETRY).await;
        }
    }
}

/// One reader of one stream, and how far it has read.
struct Follower {
    topic: OutputTopic,
    offset: u64,
    feed: Feed,
}

impl Follower {
    async fn while_it_runs(&mut self, cx: &Cx) -> ApiResult<()> {
        let OutputTopic {
            command_id,
            node_id,
            step,
            stream,
            ..
        } = &self.topic;
        let query = OutputQuery {
            run: command_id.clone(),
            step: *step,
            stream: *stream,
            offset: self.offset,
            follow: true,
        };
        let Ok(mut body) = cx.services.link().output(node_id, query).await else {
            return Ok(());
        };
        while let Some(Ok(bytes)) = body.next().await {
            self.send(&bytes).await?;
        }
        Ok(())
    }

    async fn rest(&mut self, cx: &Cx) -> ApiResult<()> {
        loop {
            let OutputTopic {
                command_id,
                node_id,
                step,
                stream,
                ..
            } = &self.topic;
            let bytes = outputs::stored_bytes(&cx.services, command_id, node_id, *step, *stream, self.offset, MAX_PIECE).await?;
            if bytes.is_empty() {
                return Ok(());
            }
            self.send(&bytes).await?;
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> ApiResult<()> {
        for piece in bytes.chunks(MAX_PIECE) {
            let text = String::from_utf8_lossy(piece).into_owned();
            self.feed
                .send(&Piece {
                    offset: self.offset,
                    text,
                    data: BASE64.encode(piece),
                })
                .await?;
            self.offset += piece.len() as u64;
        }
        Ok(())
    }
}
