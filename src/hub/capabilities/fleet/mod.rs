//! Nodes: who they are, whether they are there, and which of them a request means.
//!
//! ```text
//!             enrol                      link lost (why is kept)
//! (nothing) ────────► Offline ⇄ Online ─────────────────────────► Offline …   removed: key refused, id never used again
//!             hello ──────────►
//! ```
//!
//! The agent half is `agent/gather` (facts) and `agent/home` (the link). A node is its key: nothing it says of itself
//! selects another node's row.

pub mod describe;
pub mod filters;
pub mod hub_key;
pub mod nodes;
pub mod presence;
pub mod preview;
pub mod quarantine;
pub mod role;
pub mod search;
pub mod targets;

use crate::hub::api::Capability;
use crate::hub::api::registry::no_jobs;

pub const CAPABILITY: Capability = Capability {
    name: "fleet",
    operations: |api| {
        describe::operations(api);
        hub_key::operations(api);
        preview::operations(api);
        role::operations(api);
        search::operations(api);
    },
    reports: |reports| {
        presence::reports(reports);
        hub_key::reports(reports);
    },
    jobs: no_jobs,
    streams: presence::streams,
};
