//! agent

pub mod core;
#[cfg(test)]
mod crash_tests;
pub mod executor;
pub mod journal;
pub mod plugins;
pub mod session;
pub mod spool;
pub mod step_host;
#[cfg(test)]
mod tests;
pub mod zygote;
