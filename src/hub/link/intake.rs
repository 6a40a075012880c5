//! What an agent says: read no faster than allowed, handled several at once.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::base::id::NodeId;
use crate::hub::link::Inbox;
use crate::hub::link::limits::{FrameRate, Meter};
use crate::wire::control::ToHub;
use crate::wire::stream::{MessageSource, StreamError};

/// The frames of one agent, metered. Each comes with its share of what the hub handles at once.
pub(super) struct Intake {
    source: MessageSource<ToHub>,
    meter: Meter,
    budget: Arc<Semaphore>,
    /// Read, but not yet allowed. Kept here, so that an abandoned `next` loses nothing.
    held: Option<Box<ToHub>>,
}

impl Intake {
    pub(super) fn new(source: MessageSource<ToHub>, rate: FrameRate, budget: Arc<Semaphore>) -> Self {
        Self {
            source,
            meter: Meter::new(rate),
            budget,
            held: None,
        }
    }

    /// The next frame; `None` when the agent has ended its side. *Cancel*: no frame is lost.
    pub(super) async fn next(&mut self) -> Result<Option<(ToHub, OwnedSemaphorePermit)>, StreamError> {
        if self.held.is_none() {
            self.held = self.source.next().await?.map(Box::new);
        }
        if self.held.is_none() {
            return Ok(None);
        }
        self.meter.ready().await;
        let permit = self.budget.clone().acquire_owned().await.expect("nobody closes the budget");
        Ok(self.held.take().map(|frame| (*frame, permit)))
    }
}

/// The handlers of one agent's frames that have not ended.
pub(super) struct Handlers<'a> {
    inbox: &'a dyn Inbox,
    node: NodeId,
    running: FuturesUnordered<BoxFuture<'a, ()>>,
}

impl<'a> Handlers<'a> {
    pub(super) fn new(inbox: &'a dyn Inbox, node: NodeId) -> Self {
        let running = FuturesUnordered::new();
        Self { inbox, node, running }
    }

    pub(super) fn len(&self) -> usize {
        self.running.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    pub(super) fn start_connected(&mut self, running: Vec<crate::base::id::CommandId>) {
        let handler = self.inbox.connected(self.node.clone(), running);
        self.start(handler, None);
    }

    pub(super) fn start_frame(&mut self, frame: ToHub, permit: OwnedSemaphorePermit) {
        let handler = self.inbox.frame(self.node.clone(), frame);
        self.start(handler, Some(permit));
    }

    fn start(&mut self, handler: BoxFuture<'a, ()>, permit: Option<OwnedSemaphorePermit>) {
        let node = self.node.clone();
        self.running.push(Box::pin(async move {
            // One frame that a handler cannot bear must not keep the agent's other frames from arriving.
            if AssertUnwindSafe(handler).catch_unwind().await.is_err() {
                tracing::error!(%node, "a frame's handler panicked; the frame was dropped");
            }
            drop(permit);
        }));
    }

    /// Resolves when one handler has ended; at once when there is none.
    pub(super) async fn one_ended(&mut self) {
        self.running.next().await;
    }

    pub(super) async fn all_ended(&mut self) {
        while self.running.next().await.is_some() {}
    }
}
