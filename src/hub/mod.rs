//! hub

pub mod link;
