//! agent

pub mod home;
pub mod identity;
