//! The pure domain that hub and agent share: no I/O, no async.

pub mod document;
