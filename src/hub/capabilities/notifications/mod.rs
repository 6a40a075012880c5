//! Notifications: words to people and programs outside, by webhook, mail (SMTP) or ntfy.
//!
//! ```text
//! Waiting ── delivered ──► Delivered
//!    │ ▲ failed: again later
//!    └─┴── failed for a day, or refused for good ──► Failed ── retried by hand ──► Waiting
//! ```
//!
//! A [`channels`] is where words go. Whoever has something to say puts it into the [`log`] in the transaction of what it is
//! about ([`log::queue`]); [`delivery`] brings it there, at least once, and the log says what came of it. No agent takes part.

pub mod channels;
pub mod delivery;
pub mod log;
mod senders;
mod smtp;
mod undelivered;

use crate::hub::api::Capability;
use crate::hub::api::registry::{no_reports, no_streams};

pub const CAPABILITY: Capability = Capability {
    name: "notifications",
    operations: |api| {
        channels::operations(api);
        log::operations(api);
    },
    reports: no_reports,
    jobs: || vec![delivery::job()],
    streams: no_streams,
};
