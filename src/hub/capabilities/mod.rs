//! Everything the hub can do: the table of contents.

pub mod access;
pub mod activations;
pub mod audit_log;
pub mod clock;
pub mod commands;
pub mod documents;
pub mod explorer;
pub mod fleet;
pub mod logs;
pub mod notifications;
pub mod object_stores;
pub mod parameters;
pub mod resource_groups;
pub mod sessions;
pub mod settings;
pub mod tags;

use crate::hub::api::Capability;

/// All capabilities, in the order in which they may call each other: downwards only.
pub const ALL: &[Capability] = &[
    tags::CAPABILITY,
    settings::CAPABILITY,
    access::CAPABILITY,
    audit_log::CAPABILITY,
    notifications::CAPABILITY,
    object_stores::CAPABILITY,
    parameters::CAPABILITY,
    documents::CAPABILITY,
    fleet::CAPABILITY,
    activations::CAPABILITY,
    commands::CAPABILITY,
    logs::CAPABILITY,
    sessions::CAPABILITY,
    resource_groups::CAPABILITY,
    explorer::CAPABILITY,
];
