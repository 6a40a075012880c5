//! The pure domain both processes share: no I/O, no async, no clock.

pub mod access;
pub mod document;
pub mod filter;
pub mod parameter;
