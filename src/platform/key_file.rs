//! Small files that must never be half written: the identity key and the agent's note about its hub.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use zeroize::Zeroize;

use crate::base::Secret;
use crate::base::id::random_hex;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("`{}` cannot be read", .0.display())]
    Read(PathBuf, #[source] io::Error),
    #[error("`{}` cannot be written", .0.display())]
    Write(PathBuf, #[source] io::Error),
    #[error("`{}` is not a key of 64 hexadecimal digits; restore it from a backup", .0.display())]
    Malformed(PathBuf),
    #[error("`{}` can be read by other users, so the key may be known; run `chmod 600 {}` if it is not", .0.display(), .0.display())]
    Exposed(PathBuf),
}

/// The 32-byte seed in a key file, made when there is none yet.
///
/// *Shape*: 64 hexadecimal digits and a newline, mode 0600. A new file is whole and on disk before this returns, and two
/// processes that race agree on one key. Blocking.
pub fn load_or_create_seed(path: &Path) -> Result<Secret<[u8; 32]>, KeyFileError> {
    if let Some(seed) = load_seed(path)? {
        return Ok(seed);
    }
    let mut seed = [0u8; 32];
    aws_lc_rs::rand::fill(&mut seed).expect("the kernel's random source does not fail once seeded");
    let mut text = HEXLOWER.encode(&seed) + "\n";
    let made = create_durably(path, text.as_bytes());
    text.zeroize();
    match made {
        Ok(()) => Ok(Secret::new(seed)),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            seed.zeroize();
            load_seed(path)?.ok_or_else(|| KeyFileError::Malformed(path.to_owned()))
        }
        Err(e) => Err(KeyFileError::Write(path.to_owned(), e)),
    }
}

/// The seed in a key file; `None` when there is no such file. Blocking.
pub fn load_seed(path: &Path) -> Result<Option<Secret<[u8; 32]>>, KeyFileError> {
    let mut text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(KeyFileError::Read(path.to_owned(), e)),
    };
    let mode = fs::metadata(path).map_err(|e| KeyFileError::Read(path.to_owned(), e))?.mode();
    let bytes = HEXLOWER.decode(text.trim().as_bytes());
    text.zeroize();
    let seed = bytes.ok().and_then(|b| <[u8; 32]>::try_from(b).ok());
    let seed = seed.map(Secret::new).ok_or_else(|| KeyFileError::Malformed(path.to_owned()))?;
    match mode & 0o077 {
        0 => Ok(Some(seed)),
        _ => Err(KeyFileError::Exposed(path.to_owned())),
    }
}

/// Replaces a file's content: after a crash it holds the old bytes or the new ones, never a mixture. Mode 0600. Blocking.
pub fn replace_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = write_beside(path, content)?;
    let done = fs::rename(&temporary, path).and_then(|()| sync_parent(path));
    if done.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    done
}

/// Makes a file whole or not at all; fails with `AlreadyExists` when there is one.
fn create_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = write_beside(path, content)?;
    // A hard link, unlike a rename, never replaces what another process has just made.
    let linked = fs::hard_link(&temporary, path);
    let removed = fs::remove_file(&temporary);
    linked.and(removed)?;
    sync_parent(path)
}

fn write_beside(path: &Path, content: &[u8]) -> io::Result<PathBuf> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", random_hex(8)));
    let temporary = path.with_file_name(name);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    if let Err(e) = written {
        let _ = fs::remove_file(&temporary);
        return Err(e);
    }
    Ok(temporary)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_made_once_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity.key");
        let first = load_or_create_seed(&path).unwrap();
        assert_eq!(load_or_create_seed(&path).unwrap().expose(), first.expose());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_race_ends_with_one_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity.key");
        let seeds: Vec<_> = std::thread::scope(|s| {
            let racers: Vec<_> = (0..8).map(|_| s.spawn(|| *load_or_create_seed(&path).unwrap().expose())).collect();
            racers.into_iter().map(|r| r.join().unwrap()).collect()
        });
        assert!(seeds.iter().all(|s| *s == seeds[0]));
    }

    #[test]
    fn a_damaged_or_open_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity.key");
        replace_durably(&path, b"short").unwrap();
        assert!(matches!(load_or_create_seed(&path), Err(KeyFileError::Malformed(_))));
        replace_durably(&path, "0".repeat(64).as_bytes()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(load_or_create_seed(&path), Err(KeyFileError::Exposed(_))));
    }
}
