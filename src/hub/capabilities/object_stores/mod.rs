//! Object stores: servers that speak S3, and what of them this hub may use.
//!
//! A [`stores`] entry says where one is, with which key its requests are signed, and for which buckets it is used; nothing else is
//! ever written there. [`client`] speaks to it. What is brought there is for others to say: the output of commands is
//! `commands/uploads`. Nodes hold no keys of a store; what they may read there says [`reading`], and [`finding`] signs an address
//! for each object that a step of theirs downloads (`commands/objects`).

pub mod client;
pub mod finding;
pub mod places;
pub mod reading;
pub mod stores;

use crate::hub::api::Capability;
use crate::hub::api::registry::{no_jobs, no_reports, no_streams};

pub const CAPABILITY: Capability = Capability {
    name: "object_stores",
    operations: stores::operations,
    reports: no_reports,
    jobs: no_jobs,
    streams: no_streams,
};
