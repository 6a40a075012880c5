//! Parameter Store: values by name, in a tree, with versions; secrets sealed under keys of their own.
//!
//! ```text
//! (nothing) ──put──► version 1 ──put with Overwrite──► version 2 … (the 100 newest are kept)
//!                        │ label, unlabel: a label lies on one version at a time
//!                        └──delete, or its Expiration policy──► (nothing)
//! ```
//!
//! Nouns: [`kinds`] (types and tiers), [`data_types`], [`rows`] (a version's row), [`put`], [`read`], [`by_path`], [`describe`] with
//! [`filters`], [`history`], [`delete`], [`label`], [`policies`] (what happens to a parameter on time), [`sealing`] and
//! [`keys`] (what secrets are sealed under), [`rewrap`] (moves secrets to a key's newest version), [`node_access`],
//! [`node_push`] and [`node_holdings`] (what nodes may read, how it reaches them, and what they have; the agent half is
//! `agent/parameters`), [`run_secrets`] (what the runs of commands get), [`reads`] (who was shown a secret).
//!
//! *Invariant*: the plain text of a `SecureString` exists in memory only, and an audit row stands before it is answered.

pub mod by_path;
pub mod data_types;
pub mod delete;
pub mod describe;
pub mod filters;
pub mod history;
pub mod keys;
pub mod kinds;
pub mod label;
pub mod node_access;
pub mod node_holdings;
pub mod node_push;
pub mod policies;
pub mod put;
pub mod read;
pub mod reads;
pub mod rewrap;
pub mod rows;
pub mod run_secrets;
pub mod sealing;

use crate::base::ApiError;
use crate::hub::api::registry::no_streams;
use crate::hub::api::{Capability, Target};
use crate::model::parameter::{ParameterKey, Reference};

/// What parameters are called in targets of rights and in the audit log. Their id is the key, with its slash.
pub const KIND: &str = "parameter";

pub const CAPABILITY: Capability = Capability {
    name: "parameters",
    operations: |api| {
        put::operations(api);
        read::operations(api);
        by_path::operations(api);
        describe::operations(api);
        history::operations(api);
        delete::operations(api);
        label::operations(api);
        keys::operations(api);
        node_access::operations(api);
        node_holdings::operations(api);
    },
    reports: node_push::reports,
    jobs: || vec![policies::job(), reads::job(), rewrap::job(), node_push::job()],
    streams: no_streams,
};

/// What a caller needs a right on who names a parameter in any of its spellings.
pub fn target(name: Option<&String>) -> Target {
    Target::Resource(KIND, id_of(name.map_or("", String::as_str)))
}

/// The id that rights know a parameter by; of what cannot be a parameter, the text itself.
pub fn id_of(name: &str) -> String {
    match Reference::parse(name) {
        Ok(reference) => reference.key.as_str().to_owned(),
        Err(_) => ParameterKey::for_writing(name.trim_matches(' ')).map_or_else(|_| name.to_owned(), |key| key.to_string()),
    }
}

fn not_found(name: &str) -> ApiError {
    ApiError::new("ParameterNotFound", format!("Parameter {name} not found."))
}

fn version_not_found(version: &dyn std::fmt::Display, name: &str) -> ApiError {
    ApiError::new(
        "ParameterVersionNotFound",
        format!("Systems Manager could not find version {version} of {name}. Verify the version and try again."),
    )
}

/// Upstream's words for a name it cannot read.
fn malformed_name() -> ApiError {
    ApiError::validation(
        "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of sub-paths divided \
         by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_",
    )
}

/// The parameter that an operation without selectors is about: a name, or with `ARN` its ARN.
///
/// *Errors*: `ValidationException` for what no parameter can be called, `ParameterNotFound` for a name with a selector.
fn named(name: &str) -> Result<Reference, ApiError> {
    match Reference::parse(name) {
        Ok(reference) if reference.selector.is_none() => Ok(reference),
        Ok(_) => Err(not_found(name)),
        Err(crate::model::parameter::ReferenceError::Nothing) => Err(not_found(name)),
        Err(crate::model::parameter::ReferenceError::Malformed) => Err(malformed_name()),
    }
}
