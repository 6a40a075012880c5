//! Parameters on their way to a node: what it wants, what it may have, and what it makes of them.
//!
//! The agent says in a control frame which paths it wants ([`Want`]). The hub answers, and again whenever anything of it
//! changes, by a stream of its own (`POST /parameters`) whose body is [`Values`]: everything the node may have of what it
//! wants, so that what is no longer in it is gone.
//!
//! Secrets that one run names come the same way (`POST /secrets`), once, when the agent asks for them: [`RunSecrets`]. Which
//! they are says the order that the hub keeps, never the agent.

use serde::{Deserialize, Serialize};

use crate::base::Secret;
use crate::base::id::CommandId;

/// Longest body of values.
pub const MAX_VALUES_BYTES: usize = 16 * 1024 * 1024;
/// Most values that one node gets.
pub const MAX_VALUES: usize = 2000;
/// Most paths that one node may want.
pub const MAX_PATHS: usize = 64;
/// Most files that one node may make of values.
pub const MAX_FILES: usize = 64;
/// All names in [`FileStates`] together: they fit into one frame.
pub const MAX_NAMES_BYTES: usize = 32 * 1024;
/// The header that every question to the agent's own socket carries, with the value `true`.
pub const LOCAL_MARK: &str = "roadstead-local";

/// The paths a node wants: each means the parameter of that name and everything below it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Want {
    pub paths: Vec<String>,
    /// The fingerprint of what the node has already; the hub sends only what differs from it.
    pub has: Option<String>,
}

/// Everything a node may have of what it wants.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Values {
    pub values: Vec<Value>,
    /// Names that exist and that this node may not have in the clear.
    pub refused: Vec<String>,
    /// Stands for all of the above; says nothing of any value.
    pub fingerprint: String,
}

/// One parameter in its newest version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Value {
    /// With its slash.
    pub name: String,
    pub version: i64,
    /// `String`, `StringList` or `SecureString`.
    pub kind: String,
    #[serde(with = "secret_text")]
    pub value: Secret<String>,
}

/// Everything that a run names of secrets, or why it gets none of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunSecrets {
    pub run: CommandId,
    pub secrets: Vec<RunSecret>,
    /// For whoever sent the command; then there are no secrets.
    pub problem: Option<String>,
}

/// What stands behind one reference.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunSecret {
    /// What stands between the braces: `ssm-secure:/app/password`.
    pub reference: String,
    #[serde(with = "secret_text")]
    pub value: Secret<String>,
}

/// The files that a node makes of parameters, all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStates {
    pub files: Vec<FileState>,
}

/// One file, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileState {
    pub target: String,
    /// The parameters in its template.
    pub names: Vec<String>,
    /// Why it is not up to date, in one sentence without any value.
    pub problem: Option<String>,
}

/// The one place where a secret is written out: into the encrypted line to the node it is for, its sealed cache, and memory
/// that its agent hands to a step's host.
pub(super) mod secret_text {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::base::Secret;

    pub fn serialize<S: Serializer>(secret: &Secret<String>, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(secret.expose())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Secret<String>, D::Error> {
        String::deserialize(d).map(Secret::new)
    }
}
