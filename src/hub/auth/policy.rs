//! May this caller do this to that? Asked by dispatch for every operation and stream, and again inside a transaction for what
//! is known only there.
//!
//! Kinds of things, and what a policy may select them by:
//!
//! * `node`: id, tags, groups. A caller's scope narrows these.
//! * `command`, `invocation` (a node's share of one) and `session`: own, or by the nodes they touch. One is visible when it is
//!   the caller's own or when the caller may do the same to *every* node of it; so a person who sees half of a command's nodes
//!   sees their shares and not the command.
//! * `document`, `parameter`, `activation` …: id (a path for parameters) and tags.
//! * account-like things (`user`, `role`, `policy`, `group`, `access-key`, `limits`, `audit`, `parameter-access`, `hub`): id,
//!   and own where they have an owner.
//!
//! A thing that is not there is judged like one without tags, so that a refusal does not tell the two apart.

use crate::base::ApiError;
use crate::hub::auth::{Caller, Stage, facts, visible};
use crate::hub::store::{Condition, StoreError, Tx};
use crate::model::access::Decision;
use crate::model::access::kinds::{self, touches_nodes};

/// The kind that stands for things of every kind, in operations over all of them at once: whoever may do it to anything may ask,
/// and finds what they may see.
pub const ANY: &str = "resource";

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

impl Target {
    fn kind(&self) -> &'static str {
        match self {
            Self::Hub => "hub",
            Self::Resource(kind, _) | Self::Resources(kind, _) | Self::Rows(kind) => kind,
        }
    }
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

/// Why a caller may not.
#[derive(Clone, Debug)]
pub struct Denial {
    pub code: &'static str,
    /// For the caller.
    pub error: String,
    /// For the audit log and for whoever asks why.
    pub reason: String,
}

impl From<Denial> for ApiError {
    fn from(denial: Denial) -> Self {
        Self::new(denial.code, denial.error)
    }
}

/// A login that is not finished, a key that does not reach so far.
impl From<ApiError> for Denial {
    fn from(error: ApiError) -> Self {
        Self {
            code: error.code,
            reason: error.message.clone(),
            error: error.message,
        }
    }
}

/// What belongs to a caller themselves; a statement that denies may name any of them.
const OWN_KINDS: [&str; 4] = ["user", "access-key", "login-session", "hub"];
/// Whoever came in may ask who they are, and leave.
const NEVER_TAKEN: [&str; 3] = ["roadstead:GetCaller", "roadstead:Logout", "sts:GetCallerIdentity"];

/// What a caller does to themselves alone: everybody may who is known, as far as their key goes, and unless a policy denies it
/// or a scope names other actions. The steps of a login that is not finished are taken from nobody.
pub fn decide_own(caller: &Caller, action: &str) -> Result<(), Denial> {
    check_login(caller, action)?;
    let grants = &caller.rights.grants;
    let decision = match caller.stage {
        _ if caller.is_anonymous() => Decision::Unmentioned,
        Stage::NewPassword | Stage::Enrol | Stage::RecoveryCodes => return Ok(()),
        Stage::Full if NEVER_TAKEN.contains(&action) => return Ok(()),
        Stage::Full if !grants.layers_leave(action) => Decision::OutOfScope,
        Stage::Full => match grants.denied_own(action, &OWN_KINDS, &caller.name) {
            Some(origin) => Decision::Denied(origin),
            None => return Ok(()),
        },
    };
    judge(caller, action, &Target::Hub, decision)
}

/// Whether the caller may do this to anything at all: what a malformed request is judged by.
pub fn decide_ever(caller: &Caller, action: &str, target: &Target) -> Result<(), Denial> {
    check_login(caller, action)?;
    match may_ever(caller, action) {
        true => Ok(()),
        false => judge(caller, action, target, Decision::Unmentioned),
    }
}

fn check_login(caller: &Caller, action: &str) -> Result<(), Denial> {
    caller.check_stage(action)?;
    Ok(caller.check_scope(action)?)
}

/// The decision when it needs no row; `None` when [`decide_in`] must look.
pub fn decide_early(caller: &Caller, action: &str, target: &Target) -> Option<Result<(), Denial>> {
    debug_assert!(
        kinds::HERE.contains(&kinds::named_kind(target.kind())),
        "no policy can name `{target}`"
    );
    if let Err(denial) = check_login(caller, action) {
        return Some(Err(denial));
    }
    let grants = &caller.rights.grants;
    let one = |kind: &str, id: &str| Some(judge(caller, action, target, grants.decide_early(action, kind, id)?));
    match target {
        Target::Hub => one("hub", ""),
        Target::Resource(kind, id) => one(kind, id),
        Target::Resources(kind, ids) if !ids.is_empty() => {
            for id in ids {
                if let Err(denial) = one(kind, id)? {
                    return Some(Err(denial));
                }
            }
            Some(Ok(()))
        }
        Target::Resources(kind, _) | Target::Rows(kind) => Some(match grants.may_ever(action, (*kind != ANY).then_some(kind)) {
            true => Ok(()),
            false => judge(caller, action, target, Decision::Unmentioned),
        }),
    }
}

/// The decision inside a transaction: of the rows as they are there.
pub fn decide_in(tx: &Tx<'_>, caller: &Caller, action: &str, target: &Target) -> Result<Result<(), Denial>, StoreError> {
    if let Some(decided) = decide_early(caller, action, target) {
        return Ok(decided);
    }
    let (kind, ids) = match target {
        Target::Resource(kind, id) => (*kind, std::slice::from_ref(id)),
        Target::Resources(kind, ids) => (*kind, ids.as_slice()),
        Target::Hub => ("hub", &[String::new()][..]),
        Target::Rows(kind) => (*kind, &[][..]),
    };
    for id in ids {
        if let Err(denial) = judge(caller, action, target, decide_one(tx, caller, action, kind, id)?) {
            return Ok(Err(denial));
        }
    }
    Ok(Ok(()))
}

/// The decision about one thing, with the statement that made it.
pub fn decide_one<'c>(tx: &Tx<'_>, caller: &'c Caller, action: &str, kind: &str, id: &str) -> Result<Decision<'c>, StoreError> {
    let rights = &caller.rights;
    if let Some(decision) = rights.grants.decide_early(action, kind, id) {
        return Ok(decision);
    }
    let thing = facts::thing(tx, rights, kind, id)?;
    if !touches_nodes(kind) {
        return Ok(rights.grants.decide(action, &thing));
    }
    let nodes = facts::nodes_of(tx, kind, id)?.into_iter();
    rights
        .grants
        .decide_over(action, &thing, nodes.map(|node| facts::thing(tx, rights, "node", &node)))
}

/// The rows of a kind on which this caller may do this, as a condition for the list's SQL. `id` is the column of the row's id.
pub fn visible(caller: &Caller, action: &str, kind: &'static str, id: &'static str) -> Condition {
    if check_login(caller, action).is_err() {
        return Condition::Never;
    }
    visible::condition(&caller.rights, action, kind, id)
}

/// Whether the caller may do this to anything at all.
pub fn may_ever(caller: &Caller, action: &str) -> bool {
    caller.rights.grants.may_ever(action, None)
}

/// Why not, in words.
pub fn reason(decision: &Decision<'_>) -> String {
    match decision {
        Decision::Allowed(origin) => format!(
            "statement `{}` of policy `{}` ({}) allows it",
            origin.statement, origin.policy, origin.via
        ),
        Decision::Denied(origin) => format!(
            "statement `{}` of policy `{}` ({}) denies it",
            origin.statement, origin.policy, origin.via
        ),
        Decision::Unmentioned => "no policy allows it".into(),
        Decision::OutOfScope => "it lies outside the scope of the user or key".into(),
    }
}

fn judge(caller: &Caller, action: &str, target: &Target, decision: Decision<'_>) -> Result<(), Denial> {
    if decision.is_allowed() {
        return Ok(());
    }
    Err(Denial {
        code: "AccessDeniedException",
        error: format!("`{}` is not authorised to perform `{action}` on `{target}`", caller.name),
        reason: reason(&decision),
    })
}
