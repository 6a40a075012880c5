//! Hybrid activations: a permission to join, counted and dated, and the line that uses it.
//!
//! ```text
//! open ──joins──► used up        open ──time──► expired        open ──delete──► gone (joined nodes stay)
//! ```
//!
//! The agent half is `agent/home` (it sends `Enrol`) and the script `/join.sh`.

pub mod enrol;
pub mod join_line;
pub mod permits;
pub mod requests;
pub mod twins;

use crate::hub::api::Capability;
use crate::hub::api::registry::{no_jobs, no_reports};

pub const CAPABILITY: Capability = Capability {
    name: "activations",
    operations: |api| {
        permits::operations(api);
        join_line::operations(api);
        requests::operations(api);
        twins::operations(api);
    },
    reports: no_reports,
    jobs: no_jobs,
    streams: |streams| {
        enrol::streams(streams);
        requests::streams(streams);
    },
};
