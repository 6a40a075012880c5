//! Tags on resources of every kind: upstream's three operations on one resource ([`resource_tags`]), its tagging API over all
//! resources at once ([`search`], [`changes`], [`compliance`]), and what its Tag Editor is made of: a search that finds untagged
//! resources too ([`editor`]) and rules about which tags there must be ([`rules`]). The table of tags and what a tag may look like are `hub/labels`.

mod changes;
mod compliance;
mod editor;
pub mod names;
mod resource_tags;
mod rules;
mod search;

use crate::hub::api::Capability;
use crate::hub::api::registry::{no_jobs, no_reports, no_streams};

pub const CAPABILITY: Capability = Capability {
    name: "tags",
    operations: |api| {
        resource_tags::operations(api);
        search::operations(api);
        changes::operations(api);
        compliance::operations(api);
        editor::operations(api);
        rules::operations(api);
    },
    reports: no_reports,
    jobs: no_jobs,
    streams: no_streams,
};
