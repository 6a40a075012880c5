//! Putting a fetched file where it is wanted: whole or not at all, and such that its owner can run it.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A file that is not whole yet, beside its place; gone with this unless it is [`put`](Part::put).
///
/// *Invariant*: its name is a hidden one, which nobody takes for the file's who reads all of a folder: not even where this process
/// is killed before it can remove it.
pub struct Part {
    file: File,
    path: PathBuf,
    target: PathBuf,
}

impl Part {
    pub fn of(target: &Path) -> io::Result<Self> {
        let mut name = OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        // Not what another file of the same folder may be called.
        name.push(".roadstead-part");
        let path = target.with_file_name(name);
        Ok(Self {
            file: File::create(&path)?,
            path,
            target: target.to_owned(),
        })
    }

    pub fn put(self) -> io::Result<()> {
        self.file.sync_all()?;
        put(&self.path, &self.target)
    }
}

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Once it is put there is none of this name.
        let _what_is_left = fs::remove_file(&self.path);
    }
}

/// Writes what is read; answers how much it was.
pub fn write(mut content: impl Read, target: &Path) -> io::Result<u64> {
    let mut part = Part::of(target)?;
    let size = io::copy(&mut content, &mut part)?;
    part.put()?;
    Ok(size)
}

/// Moves a file to its place, where another one may be.
///
/// Its owner may read, write and execute it, for scripts that were fetched are called by their names. Everybody else may do with it
/// what could be done with the file that was there before, else what the umask and a repository say.
///
/// *Source*: `ReadWriteExecuteAccess` of amazon-ssm-agent, which every downloaded file has.
pub fn put(file: &Path, target: &Path) -> io::Result<()> {
    // What a symbolic link leads to is not ours to change.
    if let Some(own) = mode(file) {
        let others = mode(target).unwrap_or(own) & 0o077;
        fs::set_permissions(file, Permissions::from_mode(0o700 | others))?;
    }
    fs::rename(file, target)
}

/// `None` for what is no plain file.
fn mode(path: &Path) -> Option<u32> {
    let there = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some(there.permissions().mode())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(path: &Path, mode: u32) {
        fs::write(path, "old").unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn an_owner_can_run_it_and_nobody_else_may_do_more_than_before() {
        let folder = tempfile::tempdir().unwrap();
        let (fetched, target) = (folder.path().join("fetched"), folder.path().join("target"));
        for (own, before, expected) in [
            (0o644, None, 0o744),
            (0o755, None, 0o755),
            (0o644, Some(0o600), 0o700),
            (0o644, Some(0o755), 0o755),
            (0o644, Some(0o4755), 0o755),
        ] {
            make(&fetched, own);
            match before {
                Some(before) => make(&target, before),
                None => drop(fs::remove_file(&target)),
            }
            put(&fetched, &target).unwrap();
            assert_eq!(mode(&target).unwrap() & 0o7777, expected, "{own:o} {before:?}");
        }
    }

    #[test]
    fn what_a_link_leads_to_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (outside, link) = (folder.path().join("outside"), folder.path().join("link"));
        make(&outside, 0o640);
        std::os::unix::fs::symlink(&outside, &link).unwrap();
        put(&link, &folder.path().join("moved")).unwrap();
        assert_eq!(mode(&outside).unwrap() & 0o777, 0o640);
        std::os::unix::fs::symlink(&outside, &link).unwrap();
        write(&b"new"[..], &link).unwrap();
        assert_eq!(
            (fs::read(&outside).unwrap(), fs::read(&link).unwrap()),
            (b"old".to_vec(), b"new".to_vec())
        );
    }

    #[test]
    fn nothing_is_left_of_a_file_that_does_not_become_whole() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("job");
        make(&target, 0o644);
        let mut part = Part::of(&target).unwrap();
        part.write_all(b"half").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        drop(part);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(
            (fs::read_to_string(&target).unwrap(), mode(&target).unwrap() & 0o777),
            ("old".into(), 0o644)
        );
        fs::create_dir(folder.path().join("folder")).unwrap();
        assert!(write(&b"x"[..], &folder.path().join("folder")).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
