//! Everything the hub can do: the table of contents.

pub mod fleet;

use crate::hub::api::Capability;

/// All capabilities, in the order in which they may call each other: downwards only.
pub const ALL: &[Capability] = &[fleet::CAPABILITY];
