//! agent

pub mod core;
pub mod executor;
pub mod home;
pub mod identity;
pub mod journal;
pub mod plugins;
pub mod session;
pub mod spool;
pub mod step_host;
#[cfg(test)]
mod tests;
pub mod zygote;
