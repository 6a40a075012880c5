//! The API's machinery: what an operation is, how a request reaches it, what it may use. Knows no capability.
//!
//! A request goes [`edge`] (bytes, headers, who is calling) → [`dispatch`] (decode, authorise, audit, run) → the
//! operation's function with its [`Cx`]. A capability declares its four doors in one [`registry::Capability`].

pub mod constraint;
pub mod context;
pub mod dispatch;
pub mod edge;
pub mod json;
pub mod live;
pub mod metrics;
pub mod page;
pub mod protocol;
pub mod registry;
pub mod routes;
mod tagging;
pub mod timekeeper;
#[cfg(debug_assertions)]
pub mod typescript;

pub use context::{Cx, Services};
pub use registry::{Capability, Declare, Registry, Reports, Service, Streams};
pub use tagging::{relabel, tag_new};

pub use crate::hub::auth::policy::Target;
