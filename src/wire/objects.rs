//! Objects of a store that a step downloads: the hub finds them and signs an address for each, the node fetches them from the
//! store itself.
//!
//! The agent says which step of which run is about to begin ([`super::control::ToHub::WantObjects`]), never which object: that
//! says the order that the hub keeps. The answer comes as a stream of its own (`POST /objects`), once: [`StepObjects`].

use serde::{Deserialize, Serialize};

use crate::base::Secret;
use crate::base::id::CommandId;
use crate::model::document::sources::Source;
use crate::wire::parameters::secret_text;

/// Most objects that one step is given.
pub const MAX_OBJECTS: usize = 1000;
/// Most that one download may bring, all its objects together: more than any file that a script should bring along.
pub const MAX_DOWNLOAD_BYTES: u64 = 4 << 30;

/// All that a step may fetch, or why it gets nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StepObjects {
    pub run: CommandId,
    /// Its place in the run, from 0.
    pub step: u32,
    /// What is not among it belongs to no store of the hub's: the node fetches it as anybody could.
    pub granted: Vec<Granted>,
    /// For whoever sent the command; then nothing is granted.
    pub problem: Option<String>,
}

/// What stands behind one source.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Granted {
    pub source: Source,
    /// The hub's name for the store.
    pub store: String,
    /// Its objects belong below a folder by their names; otherwise it is one object.
    pub is_folder: bool,
    pub objects: Vec<Object>,
    /// One more authority to trust for this store, as PEM.
    pub ca_pem: Option<String>,
}

/// One object.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Object {
    /// Of the file, below the folder.
    pub name: String,
    /// With its signature: whoever has it may read the object until it expires.
    #[serde(with = "secret_text")]
    pub url: Secret<String>,
}
