//! The programs a joining node can fetch: the hub's own for its own CPU architecture, others from `DATA/binaries/<arch>/roadstead`.
//!
//! `SHA256SUMS` lists them all and stays the same, byte for byte, while the set does: a join line carries its hash. A file that
//! is not a program of the architecture it lies under is not offered. Files are hashed once and again when they change.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{Context, SHA256, digest};
use data_encoding::HEXLOWER;

/// No build of ours is longer, symbols included; more is a mistake or a trap.
const MAX_BINARY_BYTES: u64 = 1 << 30;

/// The binaries of one hub. Cheap to clone.
#[derive(Clone)]
pub struct Binaries(Arc<Inner>);

struct Inner {
    own: PathBuf,
    folder: PathBuf,
    hashes: Mutex<HashMap<PathBuf, (Stamp, String)>>,
}

/// What changes when a file does.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

/// The text of `SHA256SUMS` and its own hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums {
    /// One line for each binary, `<sha256>  <arch>/roadstead`, in the order of the names.
    pub text: String,
    pub sha256: String,
}

/// Why there is no binary.
#[derive(Debug, thiserror::Error)]
pub enum NoBinary {
    #[error("`{0}` is not the name of a CPU architecture: `uname -m` prints it, for example `aarch64`")]
    BadName(String),
    #[error(
        "this hub has no binary for {0}: put the one of the same version into DATA/binaries/{0}/roadstead on the hub, \
         then make a new join line (the list of checksums changes with the file)"
    )]
    Missing(String),
    #[error("DATA/binaries/{architecture}/roadstead on the hub is refused: {why}; replace it with the binary for {architecture}")]
    Refused { architecture: String, why: &'static str },
    #[error("the hub could not read its binary for {0}")]
    Unreadable(String, #[source] io::Error),
}

impl Binaries {
    /// Its own binary is the file this process runs, even after an upgrade has replaced it on disk.
    pub fn new(data: &Path) -> Self {
        Self::with_own(PathBuf::from("/proc/self/exe"), data)
    }

    pub(super) fn with_own(own: PathBuf, data: &Path) -> Self {
        Self(Arc::new(Inner {
            own,
            folder: data.join("binaries"),
            hashes: Mutex::default(),
        }))
    }

    /// The hub's own architecture, as `uname -m` spells it.
    pub fn own_architecture() -> &'static str {
        match std::env::consts::ARCH {
            "arm" => "armv7l",
            "x86" => "i686",
            "powerpc64" => "ppc64le",
            other => other,
        }
    }

    /// Architectures on offer, sorted.
    pub async fn architectures(&self) -> Vec<String> {
        self.blocking(|inner| inner.offered().into_iter().map(|(name, _)| name).collect())
            .await
    }

    pub async fn sums(&self) -> Sums {
        self.blocking(|inner| {
            let mut text = String::new();
            for (architecture, hash) in inner.offered() {
                text.push_str(&format!("{hash}  {architecture}/roadstead\n"));
            }
            let sha256 = HEXLOWER.encode(digest(&SHA256, text.as_bytes()).as_ref());
            Sums { text, sha256 }
        })
        .await
    }

    /// The file of one architecture and its length.
    pub(super) async fn open(&self, architecture: &str) -> Result<(File, u64), NoBinary> {
        let architecture = architecture.to_owned();
        self.blocking(move |inner| inner.open(&architecture)).await
    }

    async fn blocking<R: Send + 'static>(&self, f: impl FnOnce(&Inner) -> R + Send + 'static) -> R {
        let inner = Arc::clone(&self.0);
        match tokio::task::spawn_blocking(move || f(&inner)).await {
            Ok(result) => result,
            Err(e) => std::panic::resume_unwind(e.into_panic()),
        }
    }
}

impl Inner {
    /// Every binary that can be had, with its hash, sorted by name. What cannot is logged and left out.
    fn offered(&self) -> Vec<(String, String)> {
        let mut names = self.names();
        names.push(Binaries::own_architecture().to_owned());
        names.sort();
        names.dedup();
        let mut offered = Vec::with_capacity(names.len());
        for name in names {
            match self.open(&name).and_then(|(file, _)| self.hash(&name, file)) {
                Ok(hash) => offered.push((name, hash)),
                Err(why) => tracing::warn!(architecture = %name, error = %why, "binary left out"),
            }
        }
        offered
    }

    fn names(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.filter(|name| is_architecture(name)).collect()
    }

    fn path(&self, architecture: &str) -> PathBuf {
        match architecture == Binaries::own_architecture() {
            true => self.own.clone(),
            false => self.folder.join(architecture).join("roadstead"),
        }
    }

    fn open(&self, architecture: &str) -> Result<(File, u64), NoBinary> {
        if !is_architecture(architecture) {
            return Err(NoBinary::BadName(architecture.chars().take(40).collect()));
        }
        let missing = |e: io::Error| match e.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => NoBinary::Missing(architecture.to_owned()),
            _ => NoBinary::Unreadable(architecture.to_owned(), e),
        };
        let file = File::open(self.path(architecture)).map_err(missing)?;
        let metadata = file.metadata().map_err(missing)?;
        let refused = |why| NoBinary::Refused {
            architecture: architecture.to_owned(),
            why,
        };
        if !metadata.is_file() {
            return Err(refused("it is not a file"));
        }
        if metadata.len() > MAX_BINARY_BYTES {
            return Err(refused("it is longer than 1 GiB"));
        }
        if architecture != Binaries::own_architecture() {
            let mut head = [0; 20];
            let read = file.read_at(&mut head, 0).map_err(missing)?;
            check_program(&head[..read], architecture).map_err(refused)?;
        }
        Ok((file, metadata.len()))
    }

    fn hash(&self, architecture: &str, file: File) -> Result<String, NoBinary> {
        let unreadable = |e| NoBinary::Unreadable(architecture.to_owned(), e);
        let stamp = Stamp::of(&file).map_err(unreadable)?;
        let path = self.path(architecture);
        let known = self.hashes.lock().unwrap_or_else(PoisonError::into_inner).get(&path).cloned();
        if let Some((then, hash)) = known
            && then == stamp
        {
            return Ok(hash);
        }
        let hash = hash(file).map_err(unreadable)?;
        let mut hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        hashes.insert(path, (stamp, hash.clone()));
        Ok(hash)
    }
}

impl Stamp {
    fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        })
    }
}

fn hash(mut file: File) -> io::Result<String> {
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(HEXLOWER.encode(context.finish().as_ref())),
            read => context.update(&buffer[..read]),
        }
    }
}

fn is_architecture(name: &str) -> bool {
    (1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Reads what an ELF header says of its machine. An architecture we have no number for is taken on its word.
fn check_program(head: &[u8], architecture: &str) -> Result<(), &'static str> {
    let [0x7f, b'E', b'L', b'F', _class, order, ..] = *head else {
        return Err("it is not an ELF program");
    };
    let Some(&[first, second]) = head.get(18..20) else {
        return Err("it is cut short");
    };
    let machine = match order {
        2 => u16::from_be_bytes([first, second]),
        _ => u16::from_le_bytes([first, second]),
    };
    let expected = match architecture {
        "x86_64" => 62,
        "aarch64" => 183,
        "riscv64" => 243,
        "loongarch64" => 258,
        "s390x" => 22,
        "ppc64le" => 21,
        "i686" | "i586" | "i386" => 3,
        _ if architecture.starts_with("armv") => 40,
        _ => return Ok(()),
    };
    match machine == expected {
        true => Ok(()),
        false => Err("it is a program for another CPU architecture"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first bytes of a program for this machine number.
    fn elf(machine: u16) -> Vec<u8> {
        let mut head = b"\x7fELF\x02\x01\x01".to_vec();
        head.resize(18, 0);
        head.extend_from_slice(&machine.to_le_bytes());
        head
    }

    fn other() -> (&'static str, u16) {
        match Binaries::own_architecture() {
            "aarch64" => ("x86_64", 62),
            _ => ("aarch64", 183),
        }
    }

    fn place(data: &Path, architecture: &str, content: &[u8]) {
        let folder = data.join("binaries").join(architecture);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("roadstead"), content).unwrap();
    }

    #[tokio::test]
    async fn sums_are_stable_and_follow_the_files() {
        let data = tempfile::tempdir().unwrap();
        let (name, machine) = other();
        place(data.path(), name, &elf(machine));
        let binaries = Binaries::new(data.path());
        let first = binaries.sums().await;
        assert_eq!(first, binaries.sums().await);
        assert_eq!(first.text.lines().count(), 2);
        let mut longer = elf(machine);
        longer.push(0);
        place(data.path(), name, &longer);
        assert_ne!(first.sha256, binaries.sums().await.sha256);
    }

    #[tokio::test]
    async fn a_program_for_another_architecture_is_not_offered() {
        let data = tempfile::tempdir().unwrap();
        let (name, _) = other();
        place(data.path(), name, &elf(2));
        place(data.path(), "sparc64", b"#!/bin/sh\n");
        let binaries = Binaries::new(data.path());
        assert_eq!(binaries.architectures().await, [Binaries::own_architecture()]);
        let refused = binaries.open(name).await.unwrap_err().to_string();
        assert!(refused.contains("another CPU architecture"), "{refused}");
        assert!(matches!(binaries.open("sparc64").await, Err(NoBinary::Refused { .. })));
    }

    #[tokio::test]
    async fn a_missing_binary_names_the_remedy_and_a_path_is_no_name() {
        let data = tempfile::tempdir().unwrap();
        let binaries = Binaries::new(data.path());
        let missing = binaries.open("riscv64").await.unwrap_err().to_string();
        assert!(missing.contains("DATA/binaries/riscv64/roadstead"), "{missing}");
        assert!(matches!(binaries.open("../etc").await, Err(NoBinary::BadName(_))));
    }
}
