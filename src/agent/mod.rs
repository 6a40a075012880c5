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

pub struct AgentConfig {
    pub data: std::path::PathBuf,
    pub join: Option<crate::wire::token::JoinToken>,
}

pub async fn run(_c: AgentConfig, _z: zygote::Zygote, _s: tokio_util::sync::CancellationToken) -> Result<(), std::io::Error> {
    Err(std::io::Error::other("not yet"))
}
