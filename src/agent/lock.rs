//! The lock files of this node: what its owner lets no hub do here.
//!
//! Two places are looked at, and what either forbids is forbidden: `/etc/roadstead/lock.yaml`, and `lock.yaml` in the agent's
//! data directory. The agent only reads them. They are looked at before every decision (one `stat` each while nothing
//! changed), so a change counts from the next order on.
//!
//! Invariant: a file that cannot be trusted or understood locks everything. It is there, so somebody wanted something
//! forbidden.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;

use crate::model::lock::{Act, DocumentName, Lock, MAX_ENTRIES, OperatorClass, OperatorLock};
use crate::model::run_settings::RunSettings;
use crate::platform::sshsig::Signer;
use crate::wire::node::LockFacts;

/// Where root keeps the lock of this system's agents.
pub const SYSTEM_FILE: &str = "/etc/roadstead/lock.yaml";
/// Its name in an agent's data directory.
pub const OWN_FILE: &str = "lock.yaml";
const MAX_BYTES: u64 = 64 * 1024;

/// The lock of this node, read anew when a file has changed. Clones are the same.
#[derive(Clone, Debug)]
pub struct NodeLock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    paths: Vec<PathBuf>,
    uid: u32,
    read: Mutex<Option<Read>>,
}

/// What was read, and how the files looked then.
#[derive(Debug)]
struct Read {
    seen: Vec<Option<Stamp>>,
    standing: Arc<Standing>,
}

/// What counts now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub lock: Lock,
    /// The files it was read from.
    pub files: Vec<PathBuf>,
    /// Why everything is locked, when a file cannot be used.
    pub trouble: Option<String>,
}

/// What tells a file from the same file after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl NodeLock {
    /// The system's file and that of this agent's data directory.
    pub fn of(data: &Path) -> Self {
        Self::at(vec![PathBuf::from(SYSTEM_FILE), data.join(OWN_FILE)])
    }

    pub fn at(paths: Vec<PathBuf>) -> Self {
        Self(Arc::new(Inner {
            paths,
            uid: rustix::process::geteuid().as_raw(),
            read: Mutex::default(),
        }))
    }

    /// What counts now. Blocks for as long as a `stat` takes.
    pub fn standing(&self) -> Arc<Standing> {
        let stamps: Vec<Option<Stamp>> = self.0.paths.iter().map(|path| stamp(path)).collect();
        let mut read = self.0.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = &*read
            && before.seen == stamps
        {
            return before.standing.clone();
        }
        let standing = Arc::new(read_all(&self.0.paths, self.0.uid));
        if let Some(trouble) = &standing.trouble {
            tracing::error!("{trouble}; until this is put right nothing is run on this node");
        }
        *read = Some(Read {
            seen: stamps,
            standing: standing.clone(),
        });
        standing
    }

    /// *Errors*: why the act is not done on this node, naming the file.
    pub fn allows(&self, act: Act<'_>) -> Result<(), String> {
        let standing = self.standing();
        match standing.lock.forbids(act, self.is_root()) {
            Some(why) => Err(standing.refusal(&why)),
            None => Ok(()),
        }
    }

    /// *Errors*: why it is not done on this node with these settings, naming the file.
    pub fn allows_with(&self, act: Act<'_>, settings: &RunSettings) -> Result<(), String> {
        let standing = self.standing();
        let forbidden = standing.lock.forbids(act, self.is_root());
        match forbidden.or_else(|| standing.lock.forbids_settings(settings)) {
            Some(why) => Err(standing.refusal(&why)),
            None => Ok(()),
        }
    }

    /// Whether what runs here runs as root.
    pub fn is_root(&self) -> bool {
        self.0.uid == 0
    }
}

impl Standing {
    /// A reason with the file that gives it.
    pub fn refusal(&self, why: &str) -> String {
        match &self.trouble {
            Some(trouble) => format!("the node's owner has locked it: {trouble}"),
            None => format!("the node's owner has locked it: {why} ({})", self.named()),
        }
    }

    fn named(&self) -> String {
        let files: Vec<String> = self.files.iter().map(|file| file.display().to_string()).collect();
        files.join(", ")
    }

    /// As the hub is told; `None` when there is no lock.
    pub fn facts(&self) -> Option<LockFacts> {
        let is_there = !self.files.is_empty() || self.trouble.is_some();
        is_there.then(|| LockFacts {
            lock: self.lock.clone(),
            files: self.files.iter().map(|file| file.display().to_string()).collect(),
            trouble: self.trouble.clone(),
        })
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let found = std::fs::symlink_metadata(path).ok()?;
    Some(Stamp {
        inode: found.ino(),
        size: found.size(),
        modified: (found.mtime(), found.mtime_nsec()),
        changed: (found.ctime(), found.ctime_nsec()),
    })
}

/// Everything the files say together.
pub fn read_all(paths: &[PathBuf], uid: u32) -> Standing {
    let mut all = Standing::default();
    for path in paths {
        match read(path, uid) {
            Ok(None) => {}
            Ok(Some(lock)) => {
                all.files.push(path.clone());
                all.lock = if all.files.len() == 1 { lock } else { all.lock.and(lock) };
            }
            Err(why) => {
                all.files.push(path.clone());
                all.lock.monitor_only = true;
                all.trouble.get_or_insert(why);
            }
        }
    }
    all
}

/// One file; `None` when there is none.
fn read(path: &Path, uid: u32) -> Result<Option<Lock>, String> {
    let named = path.display();
    let unreadable = |error: io::Error| format!("`{named}` cannot be read: {error}");
    // Not through a link: whoever owns the link would own the lock.
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    check_owner(path, &file, uid)?;
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(format!("`{named}` is longer than {MAX_BYTES} bytes"));
    }
    parse(&text)
        .map(Some)
        .map_err(|why| format!("`{named}` cannot be understood: {why}"))
}

/// Whoever may write the file, or put another in its place, must be root or the agent's own user.
fn check_owner(path: &Path, file: &File, uid: u32) -> Result<(), String> {
    let look = |what: &Path, found: io::Result<Metadata>| -> Result<(), String> {
        let found = found.map_err(|error| format!("`{}` cannot be looked at: {error}", what.display()))?;
        if found.uid() != 0 && found.uid() != uid {
            return Err(format!(
                "`{0}` belongs to another user, who could lift the lock; run `chown root {0}`",
                what.display()
            ));
        }
        match found.mode() & 0o022 {
            0 => Ok(()),
            _ => Err(format!(
                "`{0}` can be written by other users, who could lift the lock; run `chmod go-w {0}`",
                what.display()
            )),
        }
    };
    let found = file
        .metadata()
        .map_err(|error| format!("`{}` cannot be looked at: {error}", path.display()))?;
    if !found.is_file() {
        return Err(format!("`{}` is not a file", path.display()));
    }
    look(path, Ok(found))?;
    let parent = path.parent().unwrap_or(Path::new("/"));
    look(parent, std::fs::metadata(parent))
}

/// The file's content. An unknown word is refused: to ignore it would leave open what was meant to be shut.
pub fn parse(text: &str) -> Result<Lock, String> {
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
    struct Text {
        monitor_only: bool,
        no_shell: bool,
        no_update: bool,
        no_root: bool,
        allowed_documents: Option<Vec<DocumentName>>,
        operator_lock: Option<OperatorText>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
    struct OperatorText {
        classes: Vec<String>,
        keys: Vec<String>,
    }
    let is_empty = text
        .lines()
        .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
    if is_empty {
        return Ok(Lock::default());
    }
    let text: Text = serde_saphyr::from_str(text).map_err(|error| error.to_string().lines().next().unwrap_or_default().to_owned())?;
    let operator_lock = match text.operator_lock {
        None => None,
        Some(operator) => {
            let classes = operator
                .classes
                .iter()
                .map(|class| class.parse())
                .collect::<Result<Vec<_>, String>>()?;
            let open = classes.iter().find_map(OperatorClass::is_evaded);
            if let Some(why) = open {
                return Err(why);
            }
            let keys = operator.keys;
            for key in &keys {
                key.parse::<Signer>().map_err(|error| error.to_string())?;
            }
            Some(OperatorLock { classes, keys })
        }
    };
    let lists = [
        text.allowed_documents.as_ref().map_or(0, Vec::len),
        operator_lock.as_ref().map_or(0, |lock| lock.classes.len().max(lock.keys.len())),
    ];
    if lists.iter().any(|length| *length > MAX_ENTRIES) {
        return Err(format!("a list has more than {MAX_ENTRIES} entries"));
    }
    Ok(Lock {
        monitor_only: text.monitor_only,
        no_shell: text.no_shell,
        no_scripts: false,
        no_update: text.no_update,
        no_root: text.no_root,
        allowed_documents: text.allowed_documents,
        operator_lock,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    struct Bed {
        directory: tempfile::TempDir,
        lock: NodeLock,
    }

    fn bed() -> Bed {
        let directory = tempfile::tempdir().unwrap();
        let lock = NodeLock::at(vec![directory.path().join("system.yaml"), directory.path().join(OWN_FILE)]);
        Bed { directory, lock }
    }

    impl Bed {
        fn write(&self, name: &str, text: &str) -> PathBuf {
            let path = self.directory.path().join(name);
            // As an editor does it: a new file in the place of the old one.
            std::fs::write(path.with_extension("new"), text).unwrap();
            std::fs::rename(path.with_extension("new"), &path).unwrap();
            path
        }
    }

    #[test]
    fn a_change_counts_at_once() {
        let bed = bed();
        assert_eq!(bed.lock.allows(Act::Shell), Ok(()));
        assert_eq!(bed.lock.standing().facts(), None);
        let path = bed.write(OWN_FILE, "no-shell: true\n");
        let why = bed.lock.allows(Act::Shell).unwrap_err();
        assert!(why.contains("`no-shell`") && why.contains(path.to_str().unwrap()), "{why}");
        bed.write(OWN_FILE, "# nothing\n");
        assert_eq!(bed.lock.allows(Act::Shell), Ok(()));
        std::fs::remove_file(path).unwrap();
        assert_eq!(bed.lock.standing().facts(), None);
    }

    #[test]
    fn either_file_locks() {
        let bed = bed();
        bed.write("system.yaml", "no-update: true\n");
        bed.write(OWN_FILE, "no-shell: true\n");
        assert!(bed.lock.allows(Act::Shell).is_err() && bed.lock.allows(Act::Update).is_err());
        assert_eq!(bed.lock.standing().files.len(), 2);
    }

    #[test]
    fn what_cannot_be_understood_or_trusted_locks_everything() {
        let everything_is_locked = |bed: &Bed, word: &str| {
            for act in [Act::Shell, Act::Update] {
                let why = bed.lock.allows(act).unwrap_err();
                assert!(why.contains(word), "{why}");
            }
        };
        for text in [
            "no-shel: true\n",
            "no-shell: perhaps\n",
            "- a\n",
            "operator-lock: {classes: [root]}\n",
            // A hub would send it under another name.
            "operator-lock: {classes: ['document:Mine']}\n",
            "a: [\n",
        ] {
            let bed = bed();
            bed.write(OWN_FILE, text);
            everything_is_locked(&bed, "cannot be understood");
        }
        let bed = bed();
        let path = bed.write(OWN_FILE, "no-shell: true\n");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        everything_is_locked(&bed, "chmod go-w");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        std::fs::set_permissions(bed.directory.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        // The directory is looked at when the file is read.
        bed.write(OWN_FILE, "no-shell: true\n");
        everything_is_locked(&bed, "chmod go-w");
        std::fs::set_permissions(bed.directory.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        everything_is_locked(&bed, "cannot be read");
    }

    #[test]
    fn a_whole_file_is_read() {
        let text = "# by hand\nmonitor-only: false\nno-shell: true\nno-update: true\nno-root: true\n\
                    allowed-documents: [AWS-RunShellScript]\noperator-lock:\n  classes: [shell, 'document:AWS-RunShellScript', 'document:A@sha256:5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d']\n  keys:\n    - ann ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB\n";
        let lock = parse(text).unwrap();
        assert_eq!(
            lock.words(),
            ["no-shell", "no-update", "no-root", "allowed-documents", "operator-lock"]
        );
        let written = serde_saphyr::to_string(&lock).unwrap();
        assert_eq!(parse(&written).unwrap(), lock);
    }
}
