//! Who this agent is and which hub it belongs to: `identity.key` and `hub.json` in its data directory.
//!
//! The key is made once, before the first contact; the note about the hub is written when the hub has taken the agent in,
//! durably and before anything else happens, so that a crash between the two costs one more `Hello` and nothing else.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::Secret;
use crate::base::id::{ActivationId, NodeId};
use crate::platform::key_file::{KeyFileError, load_or_create_seed, replace_durably};
use crate::platform::tls::{public_key, spki_fingerprint};
use crate::wire::token::{JoinToken, is_fingerprint, split_address};

const KEY_FILE: &str = "identity.key";
const HUB_FILE: &str = "hub.json";
/// A token on the way to a new identity or to an approval; gone once the agent has joined by it.
const TOKEN_FILE: &str = "join.token";

/// The hub an agent has joined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownHub {
    /// `host:port` each; the one that answered last stands first.
    pub addresses: Vec<String>,
    /// Fingerprint of the hub's key: SHA-256 of its SPKI, lower-case hexadecimal.
    pub hub_key: String,
    /// Fingerprints it had before, the latest last: a token that names one of them is for this hub.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_keys: Vec<String>,
    /// The change of its key is not finished: the latest former key counts too.
    #[serde(default)]
    pub takes_former: bool,
    pub node_id: NodeId,
    /// Whose token the hub last let this node in with. Once the node was removed it is spent, however often the agent starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined_by: Option<ActivationId>,
}

impl KnownHub {
    /// Whether this is, or was, the hub's key.
    pub fn has_key(&self, fingerprint: &str) -> bool {
        self.hub_key == fingerprint || self.former_keys.iter().any(|key| key == fingerprint)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error(transparent)]
    Key(#[from] KeyFileError),
    #[error("`{}` cannot be read", .0.display())]
    Read(PathBuf, #[source] io::Error),
    #[error("`{}` cannot be written", .0.display())]
    Write(PathBuf, #[source] io::Error),
    #[error("`{}` is damaged; restore it, or delete it and join again with a new token", .0.display())]
    Malformed(PathBuf),
}

/// An agent's key and note, in a directory or (for simulated agents) in memory only.
pub struct Identity {
    seed: Secret<[u8; 32]>,
    known: Option<KnownHub>,
    token: Option<JoinToken>,
    directory: Option<PathBuf>,
    folder: String,
}

impl Identity {
    /// Reads both files; makes the key when there is none. Blocking.
    pub fn load(directory: &Path) -> Result<Self, IdentityError> {
        let seed = load_or_create_seed(&directory.join(KEY_FILE))?;
        let known = load_hub(&directory.join(HUB_FILE))?;
        let token = fs::read_to_string(directory.join(TOKEN_FILE))
            .ok()
            .and_then(|text| text.parse().ok());
        let folder = fs::metadata(directory).map_err(|e| IdentityError::Read(directory.to_owned(), e))?;
        let directory = Some(directory.to_owned());
        Ok(Self {
            seed,
            known,
            token,
            directory,
            folder: format!("{:x}:{:x}", folder.dev(), folder.ino()),
        })
    }

    /// A fresh key that no file keeps.
    pub fn in_memory() -> Self {
        Self {
            seed: Secret::new(fresh_seed()),
            known: None,
            token: None,
            directory: None,
            folder: String::new(),
        }
    }

    pub fn seed(&self) -> &[u8; 32] {
        self.seed.expose()
    }

    /// How the hub names this agent's key.
    pub fn fingerprint(&self) -> String {
        spki_fingerprint(&public_key(self.seed()))
    }

    /// What tells the directory from a copy of it, as long as the system runs; empty without one.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// The hub, once it has been joined.
    pub fn hub(&self) -> Option<&KnownHub> {
        self.known.as_ref()
    }

    /// Notes the hub; on disk before this returns. Does nothing when the note says so already.
    pub async fn remember(&mut self, hub: KnownHub) -> Result<(), IdentityError> {
        if self.known.as_ref() == Some(&hub) {
            return Ok(());
        }
        if let Some(directory) = &self.directory {
            let path = directory.join(HUB_FILE);
            let mut text = serde_json::to_vec_pretty(&hub).expect("a plain struct serialises");
            text.push(b'\n');
            write(path, text).await?;
        }
        self.known = Some(hub);
        Ok(())
    }

    /// A token that this agent, maybe in an earlier life, was to join by.
    pub fn kept_token(&self) -> Option<&JoinToken> {
        self.token.as_ref()
    }

    /// Keeps a token through a crash, until [`Identity::drop_token`].
    pub async fn keep_token(&mut self, token: &JoinToken) -> Result<(), IdentityError> {
        if let Some(directory) = &self.directory {
            write(directory.join(TOKEN_FILE), token.to_string().into_bytes()).await?;
        }
        self.token = Some(token.clone());
        Ok(())
    }

    pub async fn drop_token(&mut self) -> Result<(), IdentityError> {
        let Some(directory) = self.directory.as_ref().filter(|_| self.token.is_some()) else {
            return Ok(());
        };
        let path = directory.join(TOKEN_FILE);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(IdentityError::Write(path, e)),
            _ => {}
        }
        self.token = None;
        Ok(())
    }

    /// Begins again with a new key: the hub has removed the node that the old one was.
    pub async fn renew(&mut self) -> Result<(), IdentityError> {
        let seed = fresh_seed();
        if let Some(directory) = &self.directory {
            let note = directory.join(HUB_FILE);
            match fs::remove_file(&note) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(IdentityError::Write(note, e)),
                _ => {}
            }
            let text = data_encoding::HEXLOWER.encode(&seed) + "\n";
            write(directory.join(KEY_FILE), text.into_bytes()).await?;
        }
        self.seed = Secret::new(seed);
        self.known = None;
        Ok(())
    }
}

fn fresh_seed() -> [u8; 32] {
    let mut seed = [0; 32];
    aws_lc_rs::rand::fill(&mut seed).expect("the kernel's random source does not fail once seeded");
    seed
}

async fn write(path: PathBuf, content: Vec<u8>) -> Result<(), IdentityError> {
    let target = path.clone();
    let written = tokio::task::spawn_blocking(move || replace_durably(&target, &content)).await;
    written
        .unwrap_or_else(|e| Err(io::Error::other(e)))
        .map_err(|e| IdentityError::Write(path, e))
}

fn load_hub(path: &Path) -> Result<Option<KnownHub>, IdentityError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(IdentityError::Read(path.to_owned(), e)),
    };
    let hub: Option<KnownHub> = serde_json::from_slice(&text).ok();
    let usable = |hub: &KnownHub| {
        !hub.addresses.is_empty() && hub.addresses.iter().all(|a| split_address(a).is_some()) && is_fingerprint(&hub.hub_key)
    };
    let hub = hub.filter(usable).ok_or_else(|| IdentityError::Malformed(path.to_owned()))?;
    Ok(Some(hub))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub() -> KnownHub {
        KnownHub {
            addresses: vec!["127.0.0.1:7400".into()],
            hub_key: "0f".repeat(32),
            former_keys: Vec::new(),
            takes_former: false,
            node_id: NodeId::random(),
            joined_by: None,
        }
    }

    #[tokio::test]
    async fn key_and_hub_are_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = Identity::load(dir.path()).unwrap();
        assert!(first.hub().is_none());
        first.remember(hub()).await.unwrap();
        let again = Identity::load(dir.path()).unwrap();
        assert_eq!((again.fingerprint(), again.hub()), (first.fingerprint(), first.hub()));
    }

    #[tokio::test]
    async fn renewing_forgets_both() {
        let dir = tempfile::tempdir().unwrap();
        let mut identity = Identity::load(dir.path()).unwrap();
        identity.remember(hub()).await.unwrap();
        let old = identity.fingerprint();
        identity.renew().await.unwrap();
        let again = Identity::load(dir.path()).unwrap();
        assert_ne!(again.fingerprint(), old);
        assert_eq!((again.fingerprint(), again.hub()), (identity.fingerprint(), None));
    }

    #[test]
    fn a_damaged_note_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(HUB_FILE), "{\"addresses\":[]}").unwrap();
        let error = Identity::load(dir.path()).err().unwrap();
        assert!(error.to_string().contains("hub.json"), "{error}");
    }
}
