//! Who is calling, and may they?
//!
//! [`Callers`] turns the head of a request into a [`Caller`]: a signed request by its access key ([`access_keys`]), a browser
//! by its session cookie ([`console`]). [`rights`] says what they may, and [`policy`] decides about one action on one target.
//! Rights are looked up on every request; nothing here is remembered across requests except what a change of the rows drops.

pub mod access_keys;
pub mod console;
pub mod facts;
pub mod passwords;
pub mod policy;
pub mod rights;
pub mod setup;
pub mod vault;
mod visible;

use std::fmt;
use std::sync::Arc;

use crate::base::ApiError;

pub use access_keys::AccessKeys;
pub use console::ConsoleSessions;
pub use rights::{Rights, RightsCache};

/// How the caller proved who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A console session.
    Session,
    AccessKey(String),
    /// The key that only the hub's own user on the hub's own host can read.
    Local,
    None,
}

/// An authenticated caller.
#[derive(Clone, Debug)]
pub struct Caller {
    pub name: String,
    pub proof: Proof,
    /// None until [`RightsCache::equip`] has looked them up.
    pub rights: Arc<Rights>,
}

impl Caller {
    pub fn new(name: impl Into<String>, proof: Proof) -> Self {
        Self {
            name: name.into(),
            proof,
            rights: Arc::new(Rights::none()),
        }
    }

    pub fn anonymous() -> Self {
        Self::new("anonymous", Proof::None)
    }

    pub fn is_anonymous(&self) -> bool {
        self.proof == Proof::None
    }

    pub fn kind(&self) -> &'static str {
        match self.proof {
            Proof::Session => "user",
            Proof::AccessKey(_) => "access-key",
            Proof::Local => "local",
            Proof::None => "anonymous",
        }
    }
}

/// As the audit log names them.
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.proof {
            Proof::Session => write!(f, "user:{}", self.name),
            Proof::AccessKey(id) => write!(f, "user:{}/key:{id}", self.name),
            Proof::Local => f.write_str("local"),
            Proof::None => f.write_str("anonymous"),
        }
    }
}

pub(in crate::hub) fn unauthenticated() -> ApiError {
    ApiError::new(
        "MissingAuthenticationTokenException",
        "the request is not signed: sign it with an access key, or log in to the console",
    )
}
