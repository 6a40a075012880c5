//! Files below a directory handle: nothing a name contains can lead outside of it.
//!
//! Every open goes through `openat2` with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS; where the kernel or a sandbox has no
//! `openat2`, each component is opened by itself with O_NOFOLLOW, which gives the same. All calls block: async code wraps them.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Component, Path};

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// Whether a write has to survive a power cut before the call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It survives the death of the process, not a power cut.
    Cached,
    /// File and directory are synced.
    Synced,
}

/// An open directory.
#[derive(Debug)]
pub struct Directory {
    handle: OwnedFd,
}

impl Directory {
    /// Opens `path`, which the operator chose: symbolic links in it are his business.
    pub fn open(path: &Path) -> io::Result<Self> {
        let handle = rustix::fs::open(path, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { handle })
    }

    /// Opens the absolute `path` with every symbolic link in it refused: whoever owns a directory on the way cannot point it
    /// elsewhere.
    pub fn open_real(path: &Path) -> io::Result<Self> {
        let root = Self::open(Path::new("/"))?;
        let below = path.strip_prefix("/").map_err(|_| outside(&path.display().to_string()))?;
        match below.to_str() {
            Some("") => Ok(root),
            Some(below) => root.directory(below),
            None => Err(outside(&path.display().to_string())),
        }
    }

    /// Creates `path` with mode 0700 when it is missing, and opens it.
    pub fn create_private(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        Self::open(path)
    }

    /// The directory `name` below this one.
    pub fn directory(&self, name: &str) -> io::Result<Self> {
        let handle = self.open_at(name, OFlags::DIRECTORY | OFlags::RDONLY, Mode::empty())?;
        Ok(Self { handle })
    }

    /// Creates the directory `name` (0700); it may exist already.
    pub fn create_directory(&self, name: &str) -> io::Result<Self> {
        match rustix::fs::mkdirat(&self.handle, single(name)?, Mode::from_raw_mode(0o700)) {
            Ok(()) | Err(Errno::EXIST) => self.directory(name),
            Err(error) => Err(error.into()),
        }
    }

    pub fn open_file(&self, name: &str) -> io::Result<File> {
        // Where a pipe was laid in its place, opening it must not wait for a writer.
        Ok(self.open_at(name, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty())?.into())
    }

    /// A file for reading and writing, created with `mode` when it is missing.
    pub fn create_file(&self, name: &str, mode: u32) -> io::Result<File> {
        Ok(self.open_at(name, OFlags::RDWR | OFlags::CREATE, Mode::from_raw_mode(mode))?.into())
    }

    /// A file for writing that is not there yet.
    pub fn create_new(&self, name: &str, mode: u32) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        Ok(self.open_at(name, flags, Mode::from_raw_mode(mode))?.into())
    }

    /// The whole file; an error when it is longer than `limit`.
    pub fn read(&self, name: &str, limit: u64) -> io::Result<Vec<u8>> {
        // Most files here are short: room for all of them at once saves asking piece by piece.
        let mut bytes = Vec::with_capacity(1024);
        self.open_file(name)?.take(limit + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("`{name}` is longer than {limit} bytes"),
            ));
        }
        Ok(bytes)
    }

    /// Writes the file where nobody reads it meanwhile, or can tell a whole one from a part.
    ///
    /// What is there already is written over, not cut off first: to free its blocks and to take others, and to flush those at once
    /// as some file systems do after a file was cut to nothing, costs many times what a short file does.
    pub fn write(&self, name: &str, bytes: &[u8], mode: u32) -> io::Result<()> {
        let mut file = File::from(self.open_at(name, OFlags::WRONLY | OFlags::CREATE, Mode::from_raw_mode(mode))?);
        file.write_all(bytes)?;
        let length = bytes.len() as u64;
        if file.metadata()?.len() > length {
            file.set_len(length)?;
        }
        Ok(())
    }

    /// Fills a file of ours with zeros, so that it can be written again. `false`: it is to be removed rather than used again, because
    /// somebody else may still have it open or run it, or have it under another name or as his own, or it is longer than `limit`.
    pub fn blank(&self, name: &str, limit: u64) -> bool {
        use std::os::unix::fs::MetadataExt;
        let blanked = || {
            let mut file = File::from(self.open_at(name, OFlags::WRONLY | OFlags::NONBLOCK, Mode::empty())?);
            let found = file.metadata()?;
            let is_ours = found.is_file() && found.nlink() == 1 && found.uid() == rustix::process::geteuid().as_raw();
            if !is_ours || found.len() > limit || !is_alone_with(&file) {
                return Ok(false);
            }
            let length = usize::try_from(found.len()).unwrap_or_default();
            file.write_all(&vec![0; length])?;
            io::Result::Ok(true)
        };
        blanked().unwrap_or(false)
    }

    /// Replaces the file in one step: a reader sees the old content or the new, never a part.
    pub fn replace(&self, name: &str, bytes: &[u8], mode: u32, durability: Durability) -> io::Result<()> {
        let temporary = format!("{name}.new");
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
        let mut file = File::from(self.open_at(&temporary, flags, Mode::from_raw_mode(mode))?);
        file.write_all(bytes)?;
        if durability == Durability::Synced {
            file.sync_all()?;
        }
        self.rename(&temporary, name)?;
        if durability == Durability::Synced {
            self.sync()?;
        }
        Ok(())
    }

    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.handle, single(from)?, &self.handle, single(to)?)?)
    }

    /// What the file system has left for everybody.
    pub fn free_bytes(&self) -> io::Result<u64> {
        let found = rustix::fs::fstatvfs(&self.handle)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }

    /// Makes the names in this directory survive a power cut.
    pub fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.handle)?)
    }

    /// The names in this directory, in no order.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.handle)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Removes the directory or file `name` and all below it; links are removed, not followed. It may be missing.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.handle, single(name)?, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(Errno::ISDIR | Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
        let removed = self.directory(name).and_then(|inner| {
            for below in inner.names()? {
                inner.remove(&below)?;
            }
            Ok(rustix::fs::unlinkat(&self.handle, name, AtFlags::REMOVEDIR)?)
        });
        match removed {
            // Somebody else was at it too.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    fn open_at(&self, name: &str, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        let flags = flags | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match rustix::fs::openat2(&self.handle, name, flags, mode, resolve) {
            Err(Errno::NOSYS | Errno::PERM) => self.open_stepwise(name, flags, mode),
            Err(error) => Err(error.into()),
            Ok(handle) => Ok(handle),
        }
    }

    fn open_stepwise(&self, name: &str, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        let components: Vec<Component<'_>> = Path::new(name).components().collect();
        if components.is_empty() || !components.iter().all(|c| matches!(c, Component::Normal(_))) {
            return Err(outside(name));
        }
        let (last, parents) = components.split_last().expect("it was found not to be empty");
        let step_flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut at = self.handle.try_clone()?;
        for parent in parents {
            at = rustix::fs::openat(&at, parent.as_os_str(), step_flags, Mode::empty())?;
        }
        Ok(rustix::fs::openat(&at, last.as_os_str(), flags | OFlags::NOFOLLOW, mode)?)
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

/// Whether nobody else has the file open, which stays so until it is closed here: whoever opens it meanwhile waits for that. It is
/// what the kernel grants a write lease for; `false` as well where the file system knows no leases.
fn is_alone_with(file: &File) -> bool {
    const F_SETSIG: i32 = 10;
    // What tells of one who waits must not be SIGIO, which would end this process; nobody needs to be told.
    // SAFETY: both calls take numbers and change only what belongs to the open file.
    unsafe {
        libc::fcntl(file.as_raw_fd(), F_SETSIG, libc::SIGURG) == 0 && libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, libc::F_WRLCK) == 0
    }
}

/// A name without a way into another directory, for the calls that `openat2` does not guard.
fn single(name: &str) -> io::Result<&str> {
    let mut components = Path::new(name).components();
    match (components.next(), components.next()) {
        (Some(Component::Normal(only)), None) if only == name => Ok(name),
        _ => Err(outside(name)),
    }
}

fn outside(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("`{name}` is not a name below the directory"))
}

/// A lock that one process holds on a data directory; its file says which process.
#[derive(Debug)]
pub struct LockFile {
    file: File,
}

/// Why a lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("process {0} holds the lock")]
    Held(u32),
    #[error("the lock file cannot be used")]
    Io(#[from] io::Error),
}

impl LockFile {
    /// Takes the lock `name` in `directory` or says who has it (0: it did not say).
    pub fn take(directory: &Directory, name: &str) -> Result<Self, LockError> {
        let mut file = directory.create_file(name, 0o600)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let mut text = String::new();
                let _ = (&mut file).take(20).read_to_string(&mut text);
                return Err(LockError::Held(text.trim().parse().unwrap_or(0)));
            }
            Err(error) => return Err(LockError::Io(error.into())),
        }
        file.set_len(0)?;
        file.write_all(format!("{}\n", std::process::id()).as_bytes())?;
        Ok(Self { file })
    }
}

impl AsFd for LockFile {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.file.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> (tempfile::TempDir, Directory) {
        let temporary = tempfile::tempdir().unwrap();
        let directory = Directory::open(temporary.path()).unwrap();
        (temporary, directory)
    }

    #[test]
    fn a_pipe_in_the_place_of_a_file_is_not_waited_for() {
        let (temporary, directory) = directory();
        let pipe = temporary.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        assert!(!directory.open_file("pipe").unwrap().metadata().unwrap().is_file());
    }

    #[test]
    fn a_name_cannot_lead_outside() {
        let (temporary, directory) = directory();
        std::os::unix::fs::symlink("/etc", temporary.path().join("link")).unwrap();
        for name in ["../x", "/etc/passwd", "link/passwd", "link", "..", ""] {
            assert!(directory.open_file(name).is_err(), "{name}");
            assert!(directory.open_stepwise(name, OFlags::RDONLY, Mode::empty()).is_err(), "{name}");
        }
        assert!(Directory::open_real(&temporary.path().join("link")).is_err());
        assert!(Directory::open_real(Path::new("relative")).is_err());
        let real = temporary.path().canonicalize().unwrap();
        Directory::open_real(&real).unwrap().create_new("fresh", 0o600).unwrap();
        assert!(directory.create_new("fresh", 0o600).is_err());
        for name in ["../x", "a/b", "..", ".", "", "a/"] {
            assert!(directory.rename(name, "y").is_err(), "{name}");
            assert!(directory.create_directory(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_replaced_file_is_read_back() {
        let (_temporary, directory) = directory();
        directory.replace("a", b"one", 0o600, Durability::Cached).unwrap();
        directory.replace("a", b"two", 0o600, Durability::Synced).unwrap();
        assert_eq!(directory.read("a", 3).unwrap(), b"two");
        assert_eq!(directory.read("a", 2).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(directory.names().unwrap(), ["a"]);
    }

    #[test]
    fn removal_takes_the_tree_and_leaves_what_links_point_at() {
        let (temporary, directory) = directory();
        std::fs::create_dir_all(temporary.path().join("a/b")).unwrap();
        std::fs::write(temporary.path().join("keep"), "x").unwrap();
        std::os::unix::fs::symlink("../keep", temporary.path().join("a/link")).unwrap();
        directory.remove("a").unwrap();
        directory.remove("a").unwrap();
        assert_eq!(directory.names().unwrap(), ["keep"]);
    }

    #[test]
    fn a_second_lock_names_the_holder() {
        let (_temporary, directory) = directory();
        let held = LockFile::take(&directory, "lock").unwrap();
        let refused = LockFile::take(&directory, "lock").unwrap_err();
        assert!(matches!(refused, LockError::Held(pid) if pid == std::process::id()));
        drop(held);
        LockFile::take(&directory, "lock").unwrap();
    }
}
