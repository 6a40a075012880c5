//! Run Command: a document sent to nodes, one invocation a node, one result each.
//!
//! ```text
//! invocation   Pending ─accepted─► InProgress ─report─► Success · Failed · ExecutionTimedOut · Cancelled
//!                │  ▲ connects        │ cancel ▲
//!              offline │               ▼        │ (the real result when the node was faster)
//!              Delayed ┘           Cancelling ──┘
//!                ├─ time-out ─► DeliveryTimedOut          cancel before delivery ─► Cancelled
//!                └─ too many errors, and not released yet ─► Terminated
//! ```
//!
//! Rows are the queue: [`send`] checks what was asked and [`order`] commits it; an invocation is held until [`rate`] lets
//! [`release`] release it; [`dispatch`] tells connected nodes what is released, [`reports`] commits what they answer,
//! [`expiry`] ends what never was answered. The agent half is `agent/core` and `agent/executor`; it drops what it has seen
//! before, so telling a node twice is harmless and a hub that crashed simply tells again. Output that is wanted in a bucket goes
//! there from the hub's own store: [`uploads`], [`upload_delivery`]. What a run needs of the hub while it goes on it asks for, and
//! gets by what its [`open order`](open_orders) says: [`secrets`], [`objects`].

pub mod alarms;
pub mod approvals;
pub mod cancel;
pub mod configurations;
pub mod dispatch;
pub mod enclosed;
pub mod expiry;
pub mod files;
pub mod groups;
pub mod invocations;
pub mod list;
pub mod live;
pub mod log_pieces;
pub mod logging;
pub mod node_output;
pub mod notices;
pub mod objects;
pub mod open_orders;
pub mod order;
pub mod outputs;
pub mod plan;
pub mod plugins;
pub mod pull;
pub mod rate;
pub mod references;
pub mod release;
pub mod reports;
pub mod request;
pub mod retention;
pub mod rows;
pub mod search;
pub mod search_outputs;
pub mod secrets;
pub mod send;
pub mod sender;
pub mod state;
pub mod stored_lines;
pub mod text_search;
pub mod under_way;
pub mod upload_delivery;
pub mod uploads;

use crate::hub::api::Capability;

pub const CAPABILITY: Capability = Capability {
    name: "commands",
    operations: |api| {
        send::operations(api);
        list::operations(api);
        invocations::operations(api);
        cancel::operations(api);
        approvals::operations(api);
        search::operations(api);
        outputs::operations(api);
        groups::operations(api);
        search_outputs::operations(api);
        uploads::operations(api);
    },
    reports: |reports| {
        reports::reports(reports);
        secrets::reports(reports);
        objects::reports(reports);
    },
    jobs: || {
        vec![
            expiry::job(),
            retention::job(),
            approvals::job(),
            dispatch::job(),
            release::job(),
            upload_delivery::job(),
            log_pieces::job(),
        ]
    },
    streams: live::streams,
};
