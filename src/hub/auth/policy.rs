//! May this caller do this to that? One function, asked by dispatch for every operation and stream.

use crate::base::{ApiError, ApiResult};
use crate::hub::auth::{Caller, Role};
use crate::hub::store::{Condition, Tx};

/// What an operation acts on; every operation must name one, so that no check can be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The hub as a whole: its settings, keys, join tokens.
    Hub,
    /// One thing, by kind and id.
    Resource(&'static str, String),
    /// Several things of one kind.
    Resources(&'static str, Vec<String>),
    /// Whatever of this kind the caller may see.
    Rows(&'static str),
}

/// As the audit log shows it.
impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Hub => f.write_str("hub"),
            Self::Resource(kind, id) => write!(f, "{kind}/{id}"),
            Self::Resources(kind, ids) => match ids.as_slice() {
                [] => write!(f, "{kind}/"),
                [only] => write!(f, "{kind}/{only}"),
                [first, rest @ ..] => write!(f, "{kind}/{first} and {} more", rest.len()),
            },
            Self::Rows(kind) => write!(f, "{kind}/*"),
        }
    }
}

/// What a caller does to themselves alone: everybody may who is known, as far as their key goes.
///
/// *Errors*: `AccessDeniedException`.
pub fn decide_own(caller: &Caller, action: &str) -> ApiResult<()> {
    caller.check_stage(action)?;
    caller.check_scope(action)?;
    match caller.role {
        Role::Anonymous => Err(denied(caller, action, &Target::Hub)),
        _ => Ok(()),
    }
}

/// *Errors*: `AccessDeniedException` naming action and target.
pub fn decide(caller: &Caller, action: &str, target: &Target) -> ApiResult<()> {
    caller.check_stage(action)?;
    caller.check_scope(action)?;
    match caller.role {
        Role::Admin => Ok(()),
        Role::Anonymous => Err(denied(caller, action, target)),
    }
}

/// The rows of a kind on which this caller may do this, as a condition for the list's SQL. `id` is the column of the row's id.
pub fn visible(caller: &Caller, action: &str, _kind: &'static str, _id: &'static str) -> Condition {
    if caller.check_stage(action).and_then(|()| caller.check_scope(action)).is_err() {
        return Condition::Never;
    }
    match caller.role {
        Role::Admin => Condition::Always,
        Role::Anonymous => Condition::Never,
    }
}

/// The same decision as [`decide`] inside a transaction, for what is known only there.
///
/// *Errors*: `AccessDeniedException` naming action and target.
pub fn decide_in(_tx: &Tx<'_>, caller: &Caller, action: &str, target: &Target) -> ApiResult<()> {
    decide(caller, action, target)
}

/// Upstream's answer to a caller without the right.
fn denied(caller: &Caller, action: &str, target: &Target) -> ApiError {
    let message = format!("`{}` is not authorised to perform `{action}` on `{target}`", caller.name);
    ApiError::new("AccessDeniedException", message)
}
