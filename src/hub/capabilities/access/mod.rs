//! Who may come in: the first admin, console login, access keys, temporary keys. Users, roles and policies join them here.

pub mod entrance;
pub mod factors;
pub mod keys;
pub mod login;
pub mod login_sessions;
pub mod passkeys;
pub mod passwords;
pub mod recovery;
pub mod step_up;
pub mod sts;

use crate::hub::api::Capability;
use crate::hub::api::registry::{no_jobs, no_reports, no_streams};

pub const CAPABILITY: Capability = Capability {
    name: "access",
    operations: |api| {
        login::operations(api);
        login_sessions::operations(api);
        passwords::operations(api);
        factors::operations(api);
        passkeys::operations(api);
        step_up::operations(api);
        recovery::operations(api);
        keys::operations(api);
        sts::operations(api);
    },
    reports: no_reports,
    jobs: no_jobs,
    streams: no_streams,
};
