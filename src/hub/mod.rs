//! The hub.
pub mod store;
