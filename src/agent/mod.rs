//! agent

pub mod journal;
