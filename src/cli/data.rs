//! Where hub and agent keep their data on this host, and what their files tell the user they belong to.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The hub's folder unless told otherwise: `/var/lib/roadstead` for root, else in the user's state folder.
pub fn hub_folder() -> PathBuf {
    if let Some(given) = set("ROADSTEAD_DATA") {
        return given;
    }
    if rustix::process::geteuid().is_root() {
        return PathBuf::from("/var/lib/roadstead");
    }
    let state = set("XDG_STATE_HOME").or_else(|| set("HOME").map(|home| home.join(".local/state")));
    state.unwrap_or_else(|| PathBuf::from(".")).join("roadstead")
}

/// The agent's folder unless told otherwise.
pub fn agent_folder() -> PathBuf {
    hub_folder().join("agent")
}

fn set(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// `local.json`: how the hub's own user reaches it without a login. Written anew at each start of the hub.
#[derive(Deserialize)]
pub struct LocalHub {
    pub url: String,
    pub ca_fingerprint: String,
    pub access_key_id: String,
    pub secret_access_key: String,
}

impl LocalHub {
    /// `None` when there is no hub on that data, or it belongs to somebody else.
    pub fn read(data: &Path) -> Option<Self> {
        let text = fs::read_to_string(data.join("local.json")).ok()?;
        serde_json::from_str(&text).ok()
    }
}

/// Whether a process holds the lock of this data folder.
pub fn is_locked(data: &Path) -> bool {
    use rustix::fs::{FlockOperation, flock};
    let Ok(file) = fs::File::open(data.join("lock")) else {
        return false;
    };
    flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(rustix::io::Errno::WOULDBLOCK)
}
