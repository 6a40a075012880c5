//! The audit log as people and programs see it: searched, followed, checked, carried elsewhere.
//!
//! ```text
//!  a write, a denial, a login … ─► row in the chain (hub/audit) ─► head, signed each minute ─► head.json
//!                                      │                              ├─► file, syslog, webhook   (shipping)
//!                                      └─► after the kept days        └─► agents                  (witnesses)
//!                                          a signed segment file
//!                                          (retention)
//! ```
//!
//! * [`events`]: lists and the live topic · [`verification`]: is the log what was written? · [`upkeep`]: heads each minute,
//!   agents as witnesses · [`shipping`], [`delivery`], [`sinks`]: out of the hub's reach · [`retention`]: old rows into files ·
//!   [`responsibilities`]: who answers for what.
//!
//! The agent half is `agent/witness`: it keeps the newest head that it was given and hands it back at every connection.

pub mod delivery;
pub mod events;
pub mod responsibilities;
pub mod retention;
pub mod shipping;
pub mod sinks;
pub mod upkeep;
pub mod verification;

use crate::base::ApiResult;
use crate::hub::api::{Capability, Cx};

pub const CAPABILITY: Capability = Capability {
    name: "audit_log",
    operations: |api| {
        events::operations(api);
        verification::operations(api);
        retention::operations(api);
        shipping::operations(api);
        responsibilities::operations(api);
    },
    reports: upkeep::reports,
    jobs: || {
        [upkeep::jobs(), retention::jobs(), delivery::jobs()]
            .into_iter()
            .flatten()
            .collect()
    },
    streams: events::topics,
};

/// What `kind` is called in targets of rights.
pub const KIND: &str = "audit";

/// The log is of the whole hub and cannot be shown in part: a row may name what lies outside a caller's part of the fleet.
///
/// *Errors*: `AccessDeniedException` for a caller whom a scope narrows to some nodes.
pub fn is_whole(cx: &Cx) -> ApiResult<()> {
    cx.require_fleet("the audit log is of the whole hub: a user or key that is narrowed to some nodes does not see it")
}
