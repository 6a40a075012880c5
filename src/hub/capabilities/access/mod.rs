//! Who may come in: the first admin, console login, access keys. Users, roles and policies join them here.

pub mod keys;
pub mod login;

use crate::hub::api::Capability;
use crate::hub::api::registry::{no_jobs, no_reports, no_streams};

pub const CAPABILITY: Capability = Capability {
    name: "access",
    operations: |api| {
        login::operations(api);
        keys::operations(api);
    },
    reports: no_reports,
    jobs: no_jobs,
    streams: no_streams,
};
