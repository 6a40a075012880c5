//! What happened, for whoever waits: jobs that continue work, browsers that show it.
//!
//! Rows are the truth and events are hints: an event is sent after the commit that caused it, may be lost by a slow
//! listener or a crash, and everything that acts on one also acts from rows at start and on a period
//! (`docs/decisions/0004-events-are-hints.md`).

use tokio::sync::broadcast;

use crate::base::id::{ActivationId, CommandId, NodeId, SessionId};
use crate::hub::store::Tx;

/// Events a listener may lag behind before it is told to start over.
const CAPACITY: usize = 4096;

#[derive(Clone, Debug)]
pub enum Event {
    NodeJoined {
        node: NodeId,
        name: String,
        activation: ActivationId,
    },
    NodeConnected(NodeId),
    /// Anything shown about the node changed: status, facts, name, tags.
    NodeChanged(NodeId),
    NodeRemoved(NodeId),
    /// A join request came, or was decided.
    JoinRequestsChanged,
    CommandCreated(CommandId),
    CommandChanged(CommandId),
    SessionChanged(SessionId),
    /// One that was not delivered is to be tried again.
    NotificationDue,
    /// Users, roles, policies or groups changed: whoever holds something open asks again whether it may.
    RightsChanged,
    /// A tag or a node's name changed: whose rights go by them asks again.
    LabelsChanged,
    /// The freeze switch was turned.
    FreezeChanged,
    /// Written, labelled or deleted; by its key.
    ParameterChanged(String),
    /// What nodes may read of parameters changed.
    NodeParametersChanged,
    /// A key that seals secrets was rotated.
    SecretKeyRotated,
    /// A login was revoked, a password changed, or a key switched off: open sockets look whether theirs still counts.
    LoginsChanged,
}

/// Hands events to all listeners of this process.
#[derive(Clone)]
pub struct Bus {
    sender: broadcast::Sender<Event>,
}

impl Default for Bus {
    fn default() -> Self {
        Self {
            sender: broadcast::channel(CAPACITY).0,
        }
    }
}

impl Bus {
    /// Sends `event` once the transaction is durable.
    pub fn emit(&self, tx: &Tx<'_>, event: Event) {
        let bus = self.clone();
        tx.after_commit(move || bus.send(event));
    }

    /// Sends at once: for what has no row.
    pub fn send(&self, event: Event) {
        let _nobody_may_listen = self.sender.send(event);
    }

    /// *Errors* of the receiver: `Lagged` means that events were lost and the listener must read rows again.
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.sender.subscribe()
    }
}
