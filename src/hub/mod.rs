//! The hub.
pub mod audit;
pub mod auth;
pub mod config;
pub mod events;
pub mod labels;
pub mod store;
