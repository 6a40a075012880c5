//! Whether a token leads to its hub: asked before anything is stopped or changed for its sake.

use super::dial::dial;
use super::learn::learn;
use super::verdict::{Attempt, judge};
use super::{Home, HomeError};
use crate::agent::identity::Identity;
use crate::platform::tls::agent_client_config_of;
use crate::wire::token::JoinToken;

/// Why a token leads nowhere.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error("{0}")]
    NotReached(String),
    #[error(transparent)]
    Home(#[from] HomeError),
}

/// Dials the hub that `token` names until its key is proved, and answers at which address that was. Nothing is said there, so
/// whether the hub takes the token remains open.
pub async fn check(token: JoinToken) -> Result<String, CheckError> {
    let mut home = Home::new(Identity::in_memory(), Some(token))?;
    loop {
        let tls = agent_client_config_of(home.identity.seed(), home.pins());
        let failed = match dial(&home.addresses, tls, &home.timing).await {
            Ok(reached) => return Ok(reached.address),
            Err(failed) => failed,
        };
        let unknown_key = failed.wrong_key().map(|(address, _)| address.to_owned());
        if let Some(address) = unknown_key
            && learn(&mut home, &address).await?
        {
            continue;
        }
        let (trouble, _) = judge(Attempt::NotReached(failed), &mut home).await?;
        return Err(CheckError::NotReached(trouble));
    }
}
