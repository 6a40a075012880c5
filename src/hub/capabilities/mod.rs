//! What the hub can do, one folder each.

pub mod sessions;
