//! Who is calling, and may they?
//!
//! [`Callers`] turns the head of a request into a [`Caller`]: a signed request by its access key ([`access_keys`]), a browser
//! by its session cookie ([`console`]). [`rights`] says what they may, and [`policy`] decides about one action on one target.
//! Rights are looked up on every request; nothing here is remembered across requests except what a change of the rows drops.

pub mod access_keys;
pub mod accounts;
pub mod backoff;
pub mod cbor;
pub mod console;
pub mod devices;
pub mod factors;
pub mod facts;
pub mod freeze;
pub mod jwt;
pub mod passkeys;
pub mod passwords;
pub mod policy;
pub mod provider;
pub mod rights;
pub mod scope;
pub mod setup;
pub mod signature;
pub mod temporary_keys;
pub mod tickets;
pub mod totp;
pub mod vault;
mod visible;
pub mod webauthn;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::base::{ApiError, ApiResult, Timestamp};

pub use access_keys::AccessKeys;
pub use accounts::LoginRule;
pub use console::{ConsoleSessions, Stage};
pub use rights::{Rights, RightsCache};
pub use scope::Scope;
pub use temporary_keys::AssumedRole;

/// How the caller proved who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A login session of the console, by its id.
    Session(String),
    AccessKey(String),
    /// A key that ends by itself, with its token.
    Temporary(String),
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
    /// What the key narrows its user's rights to.
    pub scope: Option<Scope>,
    /// The role that a temporary key acts in, instead of the user's own.
    pub assumed: Option<AssumedRole>,
    /// How far their login has come; only a full one has rights.
    pub stage: Stage,
    /// Since when they are logged in; a key is not.
    pub logged_in_at: Option<Timestamp>,
    /// Until when a fresh proof of who they are counts.
    pub stepped_up_until: Option<Timestamp>,
    /// What their roles ask of a login.
    pub rule: LoginRule,
}

/// A login counts as a fresh proof for so long.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// What a rule may ask a fresh proof for: the actions that open a shell, and those that run as the agent's own user.
const SHELL: [&str; 2] = ["ssm:StartSession", "ssm:ResumeSession"];
const ROOT: [&str; 2] = ["ssm:SendCommand", "roadstead:RerunCommand"];

impl Caller {
    pub fn new(name: impl Into<String>, proof: Proof) -> Self {
        Self {
            name: name.into(),
            proof,
            rights: Arc::new(Rights::none()),
            scope: None,
            assumed: None,
            stage: Stage::Full,
            logged_in_at: None,
            stepped_up_until: None,
            rule: LoginRule::default(),
        }
    }

    pub fn anonymous() -> Self {
        Self::new("anonymous", Proof::None)
    }

    /// The hub's own user on the hub's own host.
    pub fn local() -> Self {
        Self::new("local", Proof::Local)
    }

    pub fn is_anonymous(&self) -> bool {
        self.proof == Proof::None
    }

    /// *Errors*: `LoginIncompleteException` while a step of the login is missing, unless `action` is that step.
    pub fn check_stage(&self, action: &str) -> ApiResult<()> {
        let (steps, missing) = match self.stage {
            Stage::Full => return Ok(()),
            Stage::NewPassword => (&["ChangePassword"][..], "a new password must be set first"),
            Stage::Enrol => (
                &["BeginTotp", "ConfirmTotp", "BeginPasskey", "ConfirmPasskey", "GetFactors"][..],
                "your role asks for a second factor: set one up first",
            ),
            Stage::RecoveryCodes => (
                &["MakeRecoveryCodes", "GetFactors"][..],
                "your role asks for recovery codes, and yours are used up: make new ones first",
            ),
        };
        let operation = action.strip_prefix("roadstead:").unwrap_or(action);
        if steps.contains(&operation) || ["GetCaller", "Logout"].contains(&operation) {
            return Ok(());
        }
        Err(ApiError::new("LoginIncompleteException", missing))
    }

    /// *Errors*: `StepUpRequiredException` when a rule asks for a fresh proof and there is none.
    pub fn check_step_up(&self, action: &str, now: Timestamp) -> ApiResult<()> {
        let is_asked = (self.rule.step_up_for_shell && SHELL.contains(&action)) || (self.rule.step_up_for_root && ROOT.contains(&action));
        if !is_asked || self.proof == Proof::Local || self.stepped_up_until.is_some_and(|until| now < until) {
            return Ok(());
        }
        Err(step_up_required())
    }

    /// For changes of one's own login: a login just made is proof enough.
    ///
    /// *Errors*: `StepUpRequiredException`.
    pub fn check_fresh(&self, now: Timestamp) -> ApiResult<()> {
        let is_new = self.logged_in_at.is_some_and(|at| now.since(at) < FRESH);
        if is_new || self.stepped_up_until.is_some_and(|until| now < until) {
            return Ok(());
        }
        Err(step_up_required())
    }

    /// *Errors*: `AccessDeniedException` when the key's own limits leave the action out.
    pub fn check_scope(&self, action: &str) -> ApiResult<()> {
        if self.scope.as_ref().is_none_or(|scope| scope.allows(action)) {
            return Ok(());
        }
        Err(ApiError::new(
            "AccessDeniedException",
            format!(
                "the access key of `{}` is limited to actions among which `{action}` is not",
                self.name
            ),
        ))
    }

    pub fn kind(&self) -> &'static str {
        match self.proof {
            Proof::Session(_) => "user",
            Proof::AccessKey(_) | Proof::Temporary(_) => "access-key",
            Proof::Local => "local",
            Proof::None => "anonymous",
        }
    }
}

/// As the audit log names them.
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.proof {
            Proof::Session(_) => write!(f, "user:{}", self.name),
            Proof::AccessKey(id) => write!(f, "user:{}/key:{id}", self.name),
            Proof::Temporary(id) => match &self.assumed {
                Some(role) => write!(f, "user:{}/key:{id}/role:{}", self.name, role.name),
                None => write!(f, "user:{}/key:{id}", self.name),
            },
            Proof::Local => f.write_str("local"),
            Proof::None => f.write_str("anonymous"),
        }
    }
}

fn step_up_required() -> ApiError {
    ApiError::new(
        "StepUpRequiredException",
        "this takes a fresh proof of who you are: call `StepUp` with a code of your generator, or with your password if you have none",
    )
}

pub(in crate::hub) fn unauthenticated() -> ApiError {
    ApiError::new(
        "MissingAuthenticationTokenException",
        "the request is not signed: sign it with an access key, or log in to the console",
    )
}
