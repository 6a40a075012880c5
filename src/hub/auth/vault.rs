//! Secrets at rest: sealed with AES-256-GCM under a key that lies in a file of its own, never in the database.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use data_encoding::HEXLOWER;

use crate::base::Secret;
use crate::base::id::random_hex;
use crate::platform::seal::SealingKey;

/// The master key, ready to use.
pub struct Vault(SealingKey);

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("the master key file {path} could not be read or made")]
    File { path: String, source: io::Error },
    #[error("the master key file {path} is malformed: 64 hexadecimal digits are expected; restore it from a backup")]
    Malformed { path: String },
    #[error("a sealed secret cannot be opened: the master key is not the one that sealed it")]
    Sealed,
}

impl Vault {
    /// Reads `DATA/master.key`, making it at first start.
    pub fn open(data: &Path) -> Result<Self, VaultError> {
        let path = data.join("master.key");
        let shown = path.display().to_string();
        let text = match fs::read_to_string(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => create(&path),
            other => other,
        };
        let text = Secret::new(text.map_err(|source| VaultError::File {
            path: shown.clone(),
            source,
        })?);
        let bytes = HEXLOWER.decode(text.expose().trim().as_bytes()).ok().filter(|b| b.len() == 32);
        let bytes = Secret::new(bytes.ok_or(VaultError::Malformed { path: shown.clone() })?);
        let key = SealingKey::new(bytes.expose()).ok_or(VaultError::Malformed { path: shown })?;
        Ok(Self(key))
    }

    /// `context` says what the secret belongs to; only the same context opens it again.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Vec<u8> {
        self.0.seal(context, plain)
    }

    pub fn open_sealed(&self, context: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, VaultError> {
        self.0.open(context, sealed).map_err(|_| VaultError::Sealed)
    }
}

fn create(path: &Path) -> io::Result<String> {
    let text = random_hex(64);
    let mut file = fs::File::options().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    if let Some(folder) = path.parent() {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_opens_only_in_its_own_context_and_with_its_own_key() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open(dir.path()).unwrap();
        let sealed = vault.seal("key:A", b"secret");
        assert_eq!(
            Vault::open(dir.path()).unwrap().open_sealed("key:A", &sealed).unwrap().expose(),
            b"secret"
        );
        assert!(vault.open_sealed("key:B", &sealed).is_err());
        assert!(
            Vault::open(tempfile::tempdir().unwrap().path())
                .unwrap()
                .open_sealed("key:A", &sealed)
                .is_err()
        );
        assert!(!sealed.windows(6).any(|w| w == b"secret"));
    }
}
