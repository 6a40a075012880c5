//! What the end of an attempt means: try again, how soon, or never.

use std::time::Duration;

use crate::agent::home::dial::NotReached;
use crate::agent::home::line::Broken;
use crate::agent::home::{Home, HomeError};
use crate::wire::control::Refusal;
use crate::wire::token::JoinToken;

/// How one attempt ended.
pub(super) enum Attempt {
    NotReached(NotReached),
    /// Broke before the welcome, or after it and so long.
    Broken(Broken, Option<Duration>),
}

/// How soon to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    AtOnce,
    /// The line was a good one: the next trouble is a new one.
    Lived,
    /// The hub had let this agent in, but not for long.
    Brief,
    Normal,
    /// Until a person has decided.
    Waiting,
    Slow,
}

/// What an attempt means: words for the log and when to try again, or the end.
pub(super) async fn judge(attempt: Attempt, home: &mut Home) -> Result<(String, Pace), HomeError> {
    match attempt {
        Attempt::NotReached(failed) => match failed.wrong_key() {
            Some((address, wrong)) if home.node().is_none() => Err(HomeError::WrongHub {
                address: address.to_owned(),
                expected: wrong.expected.clone(),
                found: wrong.found.clone(),
            }),
            Some(_) => Ok((failed.to_string(), Pace::Slow)),
            None => Ok((failed.to_string(), Pace::Normal)),
        },
        Attempt::Broken(Broken::Refused { code, message }, _) => refused(code, message, home).await,
        Attempt::Broken(broken, lived) => {
            let pace = match lived {
                Some(lived) if lived >= home.timing.lived => Pace::Lived,
                Some(_) => Pace::Brief,
                None => Pace::Normal,
            };
            Ok((broken.to_string(), pace))
        }
    }
}

async fn refused(code: Refusal, message: String, home: &mut Home) -> Result<(String, Pace), HomeError> {
    match code {
        Refusal::AlreadyJoined if home.enrolling => {
            // The hub took this key in, but its answer was lost before it was noted here.
            home.enrolling = false;
            Ok((
                format!("the hub knows this key already ({message}); saying hello instead"),
                Pace::AtOnce,
            ))
        }
        Refusal::AlreadyJoined => Err(HomeError::AlreadyJoined { message }),
        // Somebody has started a removed node's agent with a new token: a new key joins in its place.
        Refusal::UnknownKey if home.node().is_some() && home.has_fresh_token() => {
            home.identity.renew().await?;
            home.enrolling = true;
            Ok((format!("the hub no longer knows this node ({message}); joining anew"), Pace::AtOnce))
        }
        Refusal::UnknownKey => Err(HomeError::UnknownKey { message }),
        Refusal::ActivationInvalid => Err(HomeError::ActivationInvalid { message }),
        Refusal::AwaitingApproval => {
            home.keep_token().await?;
            Ok((
                format!("the hub lets this agent in once somebody approves it ({message})"),
                Pace::Waiting,
            ))
        }
        Refusal::Rejected => Err(HomeError::Rejected { message }),
        Refusal::NewIdentity => match message.parse::<JoinToken>() {
            Ok(token) => {
                home.become_another(token).await?;
                Ok((
                    "the hub gives this copy of a node an identity of its own; joining anew".into(),
                    Pace::AtOnce,
                ))
            }
            Err(error) => Ok((format!("the hub's token for a new identity cannot be used: {error}"), Pace::Slow)),
        },
        Refusal::Quarantined | Refusal::VersionUnsupported => Ok((format!("the hub does not admit this agent: {message}"), Pace::Slow)),
        Refusal::Busy => Ok((format!("the hub is busy: {message}"), Pace::Normal)),
    }
}
