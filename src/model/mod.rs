//! The pure domain both processes share: no I/O, no async, no clock.

pub mod access;
pub mod approval;
pub mod document;
pub mod filter;
pub mod lock;
pub mod nearest;
pub mod parameter;
pub mod privilege;
pub mod run_settings;
pub mod tag_query;
