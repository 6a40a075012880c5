//! Who is calling, and may they?
//!
//! [`Callers`] turns the head of a request into a [`Caller`]: a signed request by its access key ([`access_keys`]), a browser
//! by its session cookie ([`console`]). [`policy`] then decides about one action on one target. Rights are read again on
//! every request; nothing here is remembered across requests except what a change of the rows also drops.

pub mod access_keys;
pub mod console;
pub mod passwords;
pub mod policy;
pub mod setup;
pub mod vault;

use std::fmt;
use std::str::FromStr;

use crate::base::ApiError;

pub use access_keys::AccessKeys;
pub use console::ConsoleSessions;

/// What a caller may do as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Admin,
    /// Nobody has logged in; only the operations that are open to everybody may run.
    Anonymous,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Anonymous => "anonymous",
        }
    }
}

impl FromStr for Role {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "admin" => Ok(Self::Admin),
            _ => Err(()),
        }
    }
}

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub name: String,
    pub role: Role,
    pub proof: Proof,
}

impl Caller {
    pub fn anonymous() -> Self {
        Self {
            name: "anonymous".into(),
            role: Role::Anonymous,
            proof: Proof::None,
        }
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
