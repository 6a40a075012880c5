//! What the CLI remembers, in `$XDG_CONFIG_HOME/roadstead/config.json` (mode 0600): hubs with their pinned identity and the
//! access key of this device, and which hub is meant when none is named.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::base::Secret;
use crate::base::id::random_hex;

#[derive(Default, Serialize, Deserialize)]
pub struct Config {
    /// URL of the hub that is meant when none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    #[serde(default)]
    pub hubs: BTreeMap<String, KnownHub>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
pub struct KnownHub {
    /// The hub's own CA; nothing else is trusted for this hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The key of this device, made at login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<StoredKey>,
    /// A key made for other programs by `aws-env`, where the CLI itself needs none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_key: Option<StoredKey>,
}

/// An access key as it lies in a file of mode 0600.
#[derive(Clone, Serialize, Deserialize)]
pub struct StoredKey {
    pub access_key_id: String,
    secret_access_key: String,
}

impl StoredKey {
    pub fn new(access_key_id: String, secret: &Secret<String>) -> Self {
        Self {
            access_key_id,
            secret_access_key: secret.expose().clone(),
        }
    }

    pub fn secret(&self) -> Secret<String> {
        Secret::new(self.secret_access_key.clone())
    }
}

/// Where the configuration lies; `None` when the environment names no home.
pub fn folder() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let base = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))?;
    Some(base.join("roadstead"))
}

impl Config {
    pub fn load() -> Result<Self> {
        match folder() {
            Some(folder) => Self::load_from(&folder),
            None => Ok(Self::default()),
        }
    }

    fn load_from(folder: &Path) -> Result<Self> {
        let path = folder.join("config.json");
        let text = match fs::read_to_string(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            text => text.with_context(|| format!("could not read {}", path.display()))?,
        };
        serde_json::from_str(&text).with_context(|| format!("{} is damaged; move it away and log in again", path.display()))
    }

    /// Writes beside the old file and puts the new one in its place.
    pub fn save(&self) -> Result<()> {
        let folder = folder().context("neither HOME nor XDG_CONFIG_HOME is set, so there is no place to remember the hub")?;
        self.save_to(&folder)
    }

    fn save_to(&self, folder: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        write_private(&folder.join("config.json"), text.as_bytes())
    }
}

/// A file only its owner can read, replaced as a whole; folders above it are made, private too.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().context("a file has a folder")?;
    let wrote = || -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let beside = path.with_extension(format!("{}.new", random_hex(8)));
        let mut file = fs::File::options().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    wrote().with_context(|| format!("could not write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_saved_is_read_back_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("a/roadstead");
        assert!(Config::load_from(&folder).unwrap().hubs.is_empty());
        let mut config = Config {
            current: Some("https://h:7400".into()),
            ..Config::default()
        };
        let key = StoredKey::new("AKIA1".into(), &Secret::new("s3cret".to_owned()));
        let hub = KnownHub {
            key: Some(key),
            ..KnownHub::default()
        };
        config.hubs.insert("https://h:7400".into(), hub);
        config.save_to(&folder).unwrap();
        config.save_to(&folder).unwrap();
        let back = Config::load_from(&folder).unwrap();
        let key = back.hubs["https://h:7400"].key.clone().unwrap();
        assert_eq!((key.access_key_id.as_str(), key.secret().expose().as_str()), ("AKIA1", "s3cret"));
        let mode = fs::metadata(folder.join("config.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn a_damaged_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.json"), "{").unwrap();
        let error = Config::load_from(folder.path()).err().unwrap();
        assert!(error.to_string().contains("config.json"));
    }
}
