//! The hub's identity: the key that agents pin. It proves the hub in TLS and signs every order.
//!
//! The key lies in `identity.key` beside the database and never in it, so that a stolen database moves no node. It can be
//! changed while the hub runs:
//!
//! ```text
//! rotate   identity.next.key written ─► link old→new in succession.json ─► identity.key replaced, the old key is gone
//! finish   succession.json says that the change is over: agents take the old key no more
//! ```
//!
//! Each step is durable before the next, and [`HubKeys::open`] goes on where a hub was killed: without the link the new key
//! is dropped, with it the change is carried out. A change that was cut off while the hub runs (the request was given up, a file
//! could not be written) is carried out by the next `rotate`, and not finished before. The links stay for ever: they lead agents that were away to the present key.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::base::{Secret, Timestamp};
use crate::platform::key_file::{KeyFileError, load_or_create_seed, load_seed, replace_durably};
use crate::platform::tls::{self, HubCertificate};
use crate::wire::succession::KeyLink;
use crate::wire::warrant::Signer;

pub const KEY_FILE: &str = "identity.key";
const NEXT_FILE: &str = "identity.next.key";
const LINKS_FILE: &str = "succession.json";

/// The hub's identity key; clones are the same one.
#[derive(Clone)]
pub struct HubKeys(Arc<Inner>);

struct Inner {
    /// `None` for a key that no file keeps.
    data: Option<PathBuf>,
    state: RwLock<State>,
    certificate: Arc<HubCertificate>,
}

struct State {
    signer: Arc<Signer>,
    succession: Succession,
    /// Prepared and not in use yet.
    next: Option<Secret<[u8; 32]>>,
}

/// How the present key came to be; the content of `succession.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Succession {
    pub links: Vec<KeyLink>,
    /// The last change is not finished: agents take the key before it too.
    pub is_open: bool,
}

/// Why the key was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error("the change of {0} is not finished yet")]
    Open(String),
    #[error("no change of the key is open")]
    NotOpen,
    #[error("the new key is not in use yet: change the key again, which carries this change out")]
    NotCarriedOut,
    #[error("the key files could not be written")]
    Io(#[from] io::Error),
}

impl HubKeys {
    /// Reads the key, makes it at the first start, and ends a change that was cut off. Blocking.
    pub fn open(data: &Path) -> Result<Self, KeyFileError> {
        let mut seed = load_or_create_seed(&data.join(KEY_FILE))?;
        let links_file = data.join(LINKS_FILE);
        let succession = load_succession(&links_file)?;
        if let Some(next) = load_seed(&data.join(NEXT_FILE))? {
            let new = HEXLOWER.encode(&Signer::new(next.expose()).public());
            let is_linked = succession.links.last().is_some_and(|link| link.to == new);
            let carried_out = match is_linked {
                true => replace_key(data, &next).map(|()| seed = next),
                false => remove(&data.join(NEXT_FILE)),
            };
            carried_out.map_err(|error| KeyFileError::Write(data.join(NEXT_FILE), error))?;
        }
        Ok(Self::new(Some(data.to_owned()), seed.expose(), succession))
    }

    /// The key that grows from `seed`, which no file keeps.
    pub fn of_seed(seed: &[u8; 32]) -> Self {
        Self::new(None, seed, Succession::default())
    }

    fn new(data: Option<PathBuf>, seed: &[u8; 32], succession: Succession) -> Self {
        let signer = Arc::new(Signer::new(seed));
        Self(Arc::new(Inner {
            data,
            state: RwLock::new(State {
                signer,
                succession,
                next: None,
            }),
            certificate: Arc::new(HubCertificate::new(seed)),
        }))
    }

    /// What signs orders now.
    pub fn signer(&self) -> Arc<Signer> {
        self.state().signer.clone()
    }

    /// How join tokens name the key: SHA-256 of its SPKI, lower-case hexadecimal.
    pub fn fingerprint(&self) -> String {
        tls::fingerprint_of(&self.state().signer.public())
    }

    /// The fingerprint of the key before the present one, while agents take both.
    pub fn old_fingerprint(&self) -> Option<String> {
        let state = self.state();
        let link = state.succession.links.last().filter(|_| state.succession.is_open)?;
        let (old, _) = link.keys()?;
        Some(tls::fingerprint_of(&old))
    }

    pub fn succession(&self) -> Succession {
        self.state().succession.clone()
    }

    /// For the agents' door: proves the key that is the present one at each handshake.
    pub fn tls_config(&self) -> Arc<rustls::ServerConfig> {
        tls::hub_server_config_of(self.0.certificate.clone())
    }

    /// Makes a new key, signed by the present one, unless one is there that was never put to use. Agents may be told of it;
    /// [`HubKeys::switch`] puts it to use. Blocking.
    pub fn prepare(&self, now: Timestamp) -> Result<(), ChangeError> {
        let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.next.is_some() {
            return Ok(());
        }
        if state.succession.is_open {
            return Err(ChangeError::Open(tls::fingerprint_of(&state.signer.public())));
        }
        let mut seed = [0u8; 32];
        aws_lc_rs::rand::fill(&mut seed).expect("the kernel's random source does not fail once seeded");
        let seed = Secret::new(seed);
        let new = Signer::new(seed.expose()).public();
        let mut succession = state.succession.clone();
        succession.links.push(KeyLink::new(&state.signer, &new, now));
        succession.is_open = true;
        if let Some(data) = &self.0.data {
            write_seed(&data.join(NEXT_FILE), &seed)?;
            write_succession(data, &succession)?;
        }
        state.succession = succession;
        state.next = Some(seed);
        Ok(())
    }

    /// Proves and signs with the key that was prepared, from now on. Blocking.
    pub fn switch(&self) -> Result<(), ChangeError> {
        let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
        let seed = state.next.as_ref().ok_or(ChangeError::NotOpen)?;
        if let Some(data) = &self.0.data {
            // What fails here is carried out by the next try, or at the next start: the link is on disk.
            replace_key(data, seed)?;
        }
        let signer = Signer::new(seed.expose());
        self.0.certificate.set(seed.expose());
        state.signer = Arc::new(signer);
        state.next = None;
        Ok(())
    }

    /// The old key counts no more. Blocking.
    pub fn finish(&self) -> Result<(), ChangeError> {
        let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
        if !state.succession.is_open {
            return Err(ChangeError::NotOpen);
        }
        // Agents would drop the key that the hub still proves.
        if state.next.is_some() {
            return Err(ChangeError::NotCarriedOut);
        }
        let succession = Succession {
            is_open: false,
            ..state.succession.clone()
        };
        if let Some(data) = &self.0.data {
            write_succession(data, &succession)?;
        }
        state.succession = succession;
        Ok(())
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.0.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts the new key in the old one's place, which is gone by that: what it signed is all that is needed of it.
fn replace_key(data: &Path, new: &Secret<[u8; 32]>) -> io::Result<()> {
    write_seed(&data.join(KEY_FILE), new)?;
    remove(&data.join(NEXT_FILE))
}

fn write_seed(path: &Path, seed: &Secret<[u8; 32]>) -> io::Result<()> {
    replace_durably(path, (HEXLOWER.encode(seed.expose()) + "\n").as_bytes())
}

fn write_succession(data: &Path, succession: &Succession) -> io::Result<()> {
    replace_durably(&data.join(LINKS_FILE), &serde_json::to_vec_pretty(succession)?)
}

/// How the key of a data folder came to be, for whoever only looks at it. Blocking.
pub fn succession_in(data: &Path) -> Result<Succession, KeyFileError> {
    load_succession(&data.join(LINKS_FILE))
}

fn load_succession(path: &Path) -> Result<Succession, KeyFileError> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text).map_err(|_| KeyFileError::Malformed(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Succession::default()),
        Err(error) => Err(KeyFileError::Read(path.to_owned(), error)),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::succession::follow;

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    #[test]
    fn a_changed_key_is_found_again_and_the_links_lead_to_it() {
        let data = tempfile::tempdir().unwrap();
        let keys = HubKeys::open(data.path()).unwrap();
        let first = keys.fingerprint();
        keys.prepare(NOW).unwrap();
        assert_eq!(keys.fingerprint(), first, "not in use before the agents were told");
        keys.switch().unwrap();
        let second = keys.fingerprint();
        assert_ne!(first, second);
        assert_eq!(keys.old_fingerprint(), Some(first.clone()));
        assert!(matches!(keys.prepare(NOW), Err(ChangeError::Open(_))));
        let again = HubKeys::open(data.path()).unwrap();
        assert_eq!((again.fingerprint(), again.succession()), (second.clone(), keys.succession()));
        again.finish().unwrap();
        assert!(matches!(again.finish(), Err(ChangeError::NotOpen)));
        let again = HubKeys::open(data.path()).unwrap();
        assert_eq!((again.fingerprint(), again.old_fingerprint()), (second, None));
        assert_eq!(follow(&again.succession().links, &first), Some(again.signer().public()));
    }

    #[test]
    fn a_change_that_was_given_up_halfway_is_carried_out_by_the_next() {
        let data = tempfile::tempdir().unwrap();
        let keys = HubKeys::open(data.path()).unwrap();
        keys.prepare(NOW).unwrap();
        assert!(matches!(keys.finish(), Err(ChangeError::NotCarriedOut)));
        keys.prepare(NOW).unwrap();
        assert_eq!(keys.succession().links.len(), 1);
        keys.switch().unwrap();
        assert!(matches!(keys.switch(), Err(ChangeError::NotOpen)));
        assert_eq!(keys.succession().links[0].keys().unwrap().1, keys.signer().public());
        keys.finish().unwrap();
    }

    /// Every state of the files that a hub can be killed in.
    #[test]
    fn a_change_that_was_cut_off_is_dropped_or_carried_out() {
        for killed_after in 0..3 {
            let data = tempfile::tempdir().unwrap();
            let keys = HubKeys::open(data.path()).unwrap();
            let old = keys.signer();
            let new_seed = Secret::new([7; 32]);
            let new = Signer::new(new_seed.expose());
            let succession = Succession {
                links: vec![KeyLink::new(&old, &new.public(), NOW)],
                is_open: true,
            };
            write_seed(&data.path().join(NEXT_FILE), &new_seed).unwrap();
            if killed_after >= 1 {
                write_succession(data.path(), &succession).unwrap();
            }
            if killed_after >= 2 {
                write_seed(&data.path().join(KEY_FILE), &new_seed).unwrap();
            }
            let again = HubKeys::open(data.path()).unwrap();
            let expected = if killed_after == 0 { old.public() } else { new.public() };
            assert_eq!(again.signer().public(), expected, "killed after step {killed_after}");
            assert!(!data.path().join(NEXT_FILE).exists());
            assert_eq!(again.succession().is_open, killed_after > 0);
        }
    }
}
