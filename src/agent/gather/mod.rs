//! What the agent finds out about its node: one file per kind.

pub mod facts;
