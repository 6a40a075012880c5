//! Sessions: a shell on a node, in a browser or a terminal, through the hub.
//!
//! ```text
//!  StartSession         the agent has the shell      nobody attached
//! ────────────► Connecting ──────► Connected ⇄ Disconnected
//!                   │                  │             │
//!                   └──────────────────┴─────────────┴──► Terminated   the shell ended, TerminateSession, time limits
//!                   └───────────────────────────────────► Failed       the node could not start the shell
//! ```
//!
//! The shell and its scroll-back belong to the agent (`agent/session`), the row to the hub; what lives in the hub's memory
//! ([`Live`]) is only who is attached now and which tokens are out. So a drop of the browser's line, of the agent's line or
//! of the hub itself is the same thing: the row becomes Disconnected, and whoever asks ResumeSession for a token and says how
//! far it has read goes on in the same shell, until [`DETACH_LIMIT`](crate::wire::session::DETACH_LIMIT) is over.
//!
//! * [`operations`], [`listing`]: the operations · [`plans`]: what a document asks for · [`lifecycle`]: the row and its states · [`attachment`]: `/stream/<id>` ·
//!   [`dialect`]: how the console and Amazon's plugin speak there · [`relay`]: bytes both ways · [`seats`], [`tokens`]: who may attach · [`ending`]: shells that must still be told to end ·
//!   [`watch`]: whether whoever is attached still may be.
//!
//! Invariants: at most one attachment of a session at a time; before a byte flows the audit row that says who opened the
//! shell is durable; a session that has ended here is ended at the node too, as soon as the node can be told.

pub mod attachment;
pub mod dialect;
pub mod ending;
pub mod lifecycle;
pub mod listing;
pub mod operations;
pub mod plans;
pub mod relay;
pub mod seats;
pub mod tokens;
pub mod watch;

use futures_util::FutureExt;

use crate::hub::api::Capability;

pub const CAPABILITY: Capability = Capability {
    name: "sessions",
    operations: operations::operations,
    reports: ending::reports,
    jobs: || ending::jobs().into_iter().chain([watch::job()]).collect(),
    streams: |streams| {
        operations::topics(streams);
        streams.socket(|services, id, socket| attachment::serve(services, id, socket).boxed());
    },
};

/// What `kind` is called in targets of rights and in the audit log.
pub const KIND: &str = "session";

/// What the hub remembers of sessions while it runs; losing it costs every client one ResumeSession.
#[derive(Default)]
pub struct Live {
    pub tokens: tokens::Tokens,
    pub seats: seats::Seats,
}
