//! Which agents are connected: key and node → the handle of the connection.
//!
//! A connection first *claims* its key, then is admitted by the inbox, then *published* under its node. The claim is given
//! back by drop, whatever ends the connection.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::base::id::NodeId;
use crate::hub::link::{Gone, LinkLimits, NodeKey, NotSent};
use crate::platform::http2::Pulse;
use crate::wire::frame::Parcel;

/// A lock that a panicking holder does not spoil: what it guards is changed by single statements only.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One connection, as the rest of the hub holds it. Kept small: ten thousand of them are idle.
pub(super) struct Handle {
    pub(super) key: NodeKey,
    /// From where it connects: the kernel's boot id with the agent's folder, and the machine's id.
    pub(super) boot_id: String,
    pub(super) machine_id: String,
    node: OnceLock<NodeId>,
    pub(super) queue: SendQueue,
    pub(super) requests: SendRequest<Bytes>,
    pub(super) streams: AtomicUsize,
    pub(super) pulse: Arc<Pulse>,
    stop: OnceLock<Gone>,
    stopped: Notify,
    pub(super) ended: CancellationToken,
}

impl Handle {
    pub(super) fn new(key: NodeKey, place: (String, String), requests: SendRequest<Bytes>, pulse: Arc<Pulse>) -> Arc<Self> {
        let (boot_id, machine_id) = place;
        Arc::new(Self {
            key,
            boot_id,
            machine_id,
            node: OnceLock::new(),
            queue: SendQueue::default(),
            requests,
            streams: AtomicUsize::new(0),
            pulse,
            stop: OnceLock::new(),
            stopped: Notify::new(),
            ended: CancellationToken::new(),
        })
    }

    pub(super) fn is_same_place(&self, other: &Handle) -> bool {
        self.boot_id == other.boot_id && self.machine_id == other.machine_id
    }

    /// Tells the connection to end; the first reason counts.
    pub(super) fn stop(&self, why: Gone) {
        let _ = self.stop.set(why);
        self.stopped.notify_one();
    }

    /// Resolves when the connection has been told to end. One waiter: its own task.
    pub(super) async fn stopped(&self) -> Gone {
        loop {
            if let Some(why) = self.stop.get() {
                return why.clone();
            }
            self.stopped.notified().await;
        }
    }
}

/// Frames on their way to one agent; takes no memory while it is empty.
#[derive(Default)]
pub(super) struct SendQueue {
    waiting: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Default)]
struct Waiting {
    frames: VecDeque<Parcel>,
    bytes: usize,
}

impl SendQueue {
    pub(super) fn push(&self, frame: Parcel, limits: &LinkLimits) -> Result<(), NotSent> {
        let mut waiting = lock(&self.waiting);
        let is_too_much = !waiting.frames.is_empty() && waiting.bytes + frame.len() > limits.queue_bytes;
        if waiting.frames.len() >= limits.queue_frames || is_too_much {
            return Err(NotSent::Full);
        }
        waiting.bytes += frame.len();
        waiting.frames.push_back(frame);
        drop(waiting);
        self.filled.notify_one();
        Ok(())
    }

    /// The next frame, when there is one. One waiter: the connection's task. *Cancel*: nothing is lost.
    pub(super) async fn next(&self) -> Parcel {
        loop {
            if let Some(frame) = self.pop() {
                return frame;
            }
            self.filled.notified().await;
        }
    }

    fn pop(&self) -> Option<Parcel> {
        let mut waiting = lock(&self.waiting);
        let frame = waiting.frames.pop_front()?;
        waiting.bytes -= frame.len();
        if waiting.frames.is_empty() {
            waiting.frames = VecDeque::new();
        }
        Some(frame)
    }
}

#[derive(Default)]
pub(super) struct Registry {
    maps: Mutex<Maps>,
    left: Notify,
}

#[derive(Default)]
struct Maps {
    by_key: HashMap<NodeKey, Arc<Handle>>,
    by_node: HashMap<NodeId, Arc<Handle>>,
}

/// A key taken by one connection until this is dropped.
pub(super) struct Claim {
    registry: Arc<Registry>,
    pub(super) handle: Arc<Handle>,
}

/// Why a key cannot be claimed.
pub(super) enum NotClaimed {
    /// This connection has it.
    Taken(Arc<Handle>),
    Full,
}

impl Registry {
    pub(super) fn claim(self: &Arc<Self>, handle: &Arc<Handle>, limit: usize) -> Result<Claim, NotClaimed> {
        let mut maps = lock(&self.maps);
        if let Some(holder) = maps.by_key.get(&handle.key) {
            return Err(NotClaimed::Taken(holder.clone()));
        }
        if maps.by_key.len() >= limit {
            return Err(NotClaimed::Full);
        }
        maps.by_key.insert(handle.key, handle.clone());
        let (registry, handle) = (self.clone(), handle.clone());
        Ok(Claim { registry, handle })
    }

    pub(super) fn node(&self, node: &NodeId) -> Option<Arc<Handle>> {
        lock(&self.maps).by_node.get(node).cloned()
    }

    pub(super) fn nodes(&self) -> usize {
        lock(&self.maps).by_node.len()
    }

    pub(super) fn stop_all(&self, why: &Gone) {
        for handle in lock(&self.maps).by_key.values() {
            handle.stop(why.clone());
        }
    }

    /// Resolves when no connection holds a key.
    pub(super) async fn emptied(&self) {
        loop {
            let left = self.left.notified();
            if lock(&self.maps).by_key.is_empty() {
                return;
            }
            left.await;
        }
    }
}

impl Claim {
    /// Makes the connection the node's one, from now on reachable by [`Registry::node`].
    pub(super) fn publish(&self, node: NodeId) {
        let _ = self.handle.node.set(node.clone());
        let before = lock(&self.registry.maps).by_node.insert(node, self.handle.clone());
        // A node has one key, so this is a node that was given a new key while its old one was connected.
        if let Some(before) = before {
            before.stop(Gone::Replaced);
        }
    }
}

impl Claim {
    /// The node cannot be found here any more; its key stays taken.
    pub(super) fn withdraw(&self) {
        self.withdraw_from(&mut lock(&self.registry.maps));
    }

    fn withdraw_from(&self, maps: &mut Maps) {
        if let Some(node) = self.handle.node.get()
            && maps.by_node.get(node).is_some_and(|h| Arc::ptr_eq(h, &self.handle))
        {
            maps.by_node.remove(node);
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut maps = lock(&self.registry.maps);
        maps.by_key.remove(&self.handle.key);
        self.withdraw_from(&mut maps);
        let is_idle = maps.by_key.is_empty();
        drop(maps);
        self.handle.ended.cancel();
        if is_idle {
            self.registry.left.notify_waiters();
        }
    }
}

/// One of the streams a connection may have open.
pub(super) struct StreamSlot(Arc<Handle>);

impl StreamSlot {
    pub(super) fn take(handle: &Arc<Handle>, limit: usize) -> Option<Self> {
        let taken = handle
            .streams
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| (n < limit).then_some(n + 1));
        taken.is_ok().then(|| Self(handle.clone()))
    }
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::SeqCst);
    }
}
