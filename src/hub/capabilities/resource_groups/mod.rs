//! Upstream's groups of resources (`resource-groups`), over the groups that rights and targets name.
//!
//! | upstream's group | ours |
//! |---|---|
//! | with a `ResourceQuery` | by query: nodes, parameters and documents with these tags |
//! | with the configuration `AWS::ResourceGroups::Generic` | listed: the nodes that were put in |
//!
//! A group by rule of our own is shown as well; its rule as a query, where upstream's words can say it. As a target and in
//! rights every group means its nodes.

mod groups;
mod members;
mod named;
mod queries;
mod settings;
mod sync_tasks;
mod tags;

use crate::hub::api::Capability;
use crate::hub::api::registry::{no_jobs, no_reports, no_streams};

pub const CAPABILITY: Capability = Capability {
    name: "resource_groups",
    operations: |api| {
        groups::operations(api);
        queries::operations(api);
        members::operations(api);
        tags::operations(api);
        settings::operations(api);
        sync_tasks::operations(api);
    },
    reports: no_reports,
    jobs: no_jobs,
    streams: no_streams,
};
