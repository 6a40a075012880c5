//! Who may come in and what they may do: the first admin, console login, single sign-on, access keys, temporary keys ([`login`],
//! [`oidc`], [`keys`], [`sts`]); [`users`], [`roles`], [`policies`] and [`groups`]; [`explain`] shows decisions;
//! [`limits`] and [`freeze`] bound the damage. What a policy means is
//! `model/access`; how it is asked is `auth/policy`; what no change may do is [`guard`].

pub mod entrance;
pub mod explain;
pub mod factors;
pub mod freeze;
pub mod group_rows;
pub mod groups;
pub mod guard;
pub mod keys;
pub mod limits;
pub mod login;
pub mod login_sessions;
pub mod oidc;
pub mod oidc_login;
pub mod oidc_people;
pub mod passkeys;
pub mod passwords;
pub mod policies;
pub mod recovery;
pub mod roles;
pub mod step_up;
pub mod sts;
pub mod users;

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
        oidc::operations(api);
        oidc_login::operations(api);
        oidc_people::operations(api);
        step_up::operations(api);
        recovery::operations(api);
        keys::operations(api);
        sts::operations(api);
        users::operations(api);
        roles::operations(api);
        policies::operations(api);
        groups::operations(api);
        explain::operations(api);
        limits::operations(api);
        freeze::operations(api);
    },
    reports: no_reports,
    jobs: no_jobs,
    streams: no_streams,
};
