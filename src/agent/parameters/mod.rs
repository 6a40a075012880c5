//! Parameters on the node: what the hub gives of the paths that this node wants, kept sealed on disk, written into files, and
//! served to local programs.
//!
//! ```text
//! parameters.yaml ──► Want ──► hub ──► Values ──► parameters.cache (sealed) ──► files (template, mode, owner, reload)
//!                                                            └──► parameters.sock (HTTP, users by the kernel's word)
//! ```
//!
//! *Invariants*: what the hub no longer gives is gone from cache and endpoint as soon as the hub has said so, and what the
//! configuration no longer wants as soon as it is read; while the hub is away everything else stays as it was, also over a
//! restart; no value lies on this disk in the clear except in files that the operator's own templates ask for.

mod cache;
mod config;
mod endpoint;
mod files;

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use crate::platform::files::Directory;
use crate::wire::control::ToHub;
use crate::wire::parameters::{FileStates, Value, Values, Want};

use cache::{Marks, Sealed};
use config::Config;
use files::Files;

/// How often the configuration is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
const CONFIG: &str = "parameters.yaml";
const MAX_CONFIG_BYTES: u64 = 256 * 1024;

/// What the node has, by name with its slash.
pub type Held = Arc<BTreeMap<String, Value>>;

/// The node's parameters; clones are the same.
#[derive(Clone)]
pub struct NodeParameters(Arc<Inner>);

struct Inner {
    directory: PathBuf,
    cache: Sealed,
    has: Mutex<Has>,
    config: watch::Sender<Config>,
    /// Counts changes of values, for whoever writes files.
    changed: watch::Sender<u64>,
    files: Files,
}

#[derive(Default)]
struct Has {
    held: Held,
    /// What the hub called it; `None` when it is not all of that.
    fingerprint: Option<String>,
}

impl NodeParameters {
    /// Reads what was kept. `seed` is the node's own key: the cache can be opened on this node only. Blocking.
    pub fn open(directory: PathBuf, seed: &[u8; 32]) -> Self {
        let cache = Sealed::new(directory.join("parameters.cache"), "parameters.cache", seed);
        let kept: Option<Values> = cache.read().unwrap_or_else(|error| {
            tracing::warn!(%error, "the kept parameters cannot be used; the hub is asked for them anew");
            None
        });
        let files = Files {
            marks: Arc::new(Marks::new(seed)),
            told: Arc::new(Sealed::new(directory.join("parameters.told"), "parameters.told", seed)),
            states: watch::Sender::default(),
        };
        let this = Self(Arc::new(Inner {
            directory,
            cache,
            has: Mutex::new(kept.map(Has::of).unwrap_or_default()),
            config: watch::Sender::default(),
            changed: watch::Sender::new(0),
            files,
        }));
        // Before the first connection, so that nothing is wanted there by mistake and nothing asked for twice.
        if let Ok(config) = this.read_config().and_then(|text| Config::parse(&text)) {
            this.0.config.send_replace(config);
        }
        this
    }

    /// What the hub is told at each connection: nothing where nobody ever wanted anything.
    pub fn introduction(&self) -> Vec<ToHub> {
        let want = self.want();
        if want.paths.is_empty() && !self.0.cache.is_there() {
            return Vec::new();
        }
        // A configuration that cannot be read wants nothing by mistake: what is kept stays until it can be.
        if want.paths.is_empty() && self.read_config().and_then(|text| Config::parse(&text)).is_err() {
            return Vec::new();
        }
        let files = self.0.files.states.borrow().clone();
        vec![ToHub::WantParameters(want), ToHub::ParameterFiles(files)]
    }

    /// What the hub is to be told next, because it changed. *Cancel*: nothing is lost that [`Self::introduction`] does not say.
    pub async fn news(&self, told: &mut Told) -> ToHub {
        tokio::select! {
            // The senders live as long as `self`.
            _ = told.config.wait_for(|config| config.paths != told.paths) => {}
            _ = told.files.changed() => return ToHub::ParameterFiles(told.files.borrow_and_update().clone()),
        }
        told.paths.clone_from(&told.config.borrow().paths);
        ToHub::WantParameters(self.want())
    }

    pub fn told(&self) -> Told {
        let config = self.0.config.subscribe();
        let paths = config.borrow().paths.clone();
        let files = self.0.files.states.subscribe();
        Told { config, paths, files }
    }

    fn want(&self) -> Want {
        Want {
            paths: self.0.config.borrow().paths.clone(),
            has: self.lock().fingerprint.clone(),
        }
    }

    fn held(&self) -> Held {
        self.lock().held.clone()
    }

    /// Everything the hub gives this node now, in place of what it gave before; durable when this returns.
    ///
    /// *Errors*: it could not be kept; the old ones stay.
    pub async fn take(&self, values: Values) -> io::Result<()> {
        let refused = values.refused.len();
        if refused > 0 {
            tracing::warn!(
                refused,
                "the hub keeps back what this node wants: no rule gives these secrets in the clear"
            );
        }
        let this = self.clone();
        let kept = tokio::task::spawn_blocking(move || this.keep(values));
        kept.await.map_err(io::Error::other).flatten().inspect_err(|error| {
            tracing::error!(%error, "parameters could not be kept; the old ones stay");
        })
    }

    /// Blocking.
    fn keep(&self, values: Values) -> io::Result<()> {
        let mut has = self.lock();
        match values.values.is_empty() && self.0.config.borrow().paths.is_empty() {
            true => self.0.cache.remove()?,
            false => self.0.cache.write(&values)?,
        }
        *has = Has::of(values);
        drop(has);
        self.0.changed.send_modify(|n| *n += 1);
        Ok(())
    }

    /// Follows the configuration, writes files, serves local programs; never ends by itself.
    pub async fn run(&self) -> std::convert::Infallible {
        let config = &self.0.config;
        tokio::join!(
            self.follow(),
            self.0.files.keep(self, config.subscribe(), self.0.changed.subscribe()),
            endpoint::serve(self, self.0.directory.join("parameters.sock"), config.subscribe()),
        )
        .0
    }

    async fn follow(&self) -> std::convert::Infallible {
        let path = self.0.directory.join(CONFIG);
        let (mut last, mut seen) = (None, None);
        loop {
            // Where nothing has changed a look costs one system call and no thread.
            let state = State::of(&path);
            if state.is_none() || state != seen {
                let this = self.clone();
                let read = tokio::task::spawn_blocking(move || this.read_config()).await;
                let read = read.unwrap_or_else(|lost| Err(lost.to_string()));
                if last.as_ref() != Some(&read) {
                    match read.clone().and_then(|text| Config::parse(&text)) {
                        Ok(config) => self.configure(config).await,
                        Err(error) => tracing::error!(%error, "{CONFIG} is not used; what it said before stays"),
                    }
                    last = Some(read);
                }
                seen = state;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// A file that is not there is an empty one. Blocking.
    fn read_config(&self) -> Result<String, String> {
        let read = Directory::open(&self.0.directory).and_then(|folder| folder.read(CONFIG, MAX_CONFIG_BYTES));
        match read {
            Ok(text) => String::from_utf8(text).map_err(|_| "it is no text".to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// What is no longer wanted goes at once, hub or no hub.
    async fn configure(&self, config: Config) {
        let this = self.clone();
        let wanted = config.clone();
        let dropped = tokio::task::spawn_blocking(move || this.drop_unwanted(&wanted)).await;
        if let Err(error) = dropped.map_err(io::Error::other).flatten() {
            tracing::error!(%error, "parameters that are no longer wanted could not be dropped");
        }
        self.0
            .config
            .send_if_modified(|known| std::mem::replace(known, config.clone()) != config);
    }

    /// Blocking.
    fn drop_unwanted(&self, config: &Config) -> io::Result<()> {
        let mut has = self.lock();
        if has.held.keys().all(|name| config.wants(name)) {
            return Ok(());
        }
        let left = has.held.values().filter(|value| config.wants(&value.name)).cloned().collect();
        let left = Values {
            values: left,
            ..Values::default()
        };
        self.0.cache.write(&left)?;
        *has = Has::of(left);
        drop(has);
        self.0.changed.send_modify(|n| *n += 1);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Has> {
        self.0.has.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What tells one content of a file from another without reading it.
#[derive(PartialEq, Eq)]
enum State {
    Absent,
    Written { inode: u64, bytes: u64, changed: (i64, i64) },
}

impl State {
    /// `None` when a further change might look the same: the file changed just now, or it cannot be looked at.
    fn of(path: &Path) -> Option<Self> {
        let found = match path.symlink_metadata() {
            Ok(found) => found,
            Err(error) => return (error.kind() == io::ErrorKind::NotFound).then_some(Self::Absent),
        };
        let changed = (found.ctime(), found.ctime_nsec());
        let age = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .ok()?
            .as_secs()
            .checked_signed_diff(u64::try_from(changed.0).ok()?)?;
        (age > 1).then(|| Self::Written {
            inode: found.ino(),
            bytes: found.len(),
            changed,
        })
    }
}

/// What the hub was told last.
pub struct Told {
    config: watch::Receiver<Config>,
    paths: Vec<String>,
    files: watch::Receiver<FileStates>,
}

impl Has {
    fn of(values: Values) -> Self {
        let by_name = values.values.into_iter().map(|value| (value.name.clone(), value));
        Self {
            held: Arc::new(by_name.collect()),
            fingerprint: (!values.fingerprint.is_empty()).then_some(values.fingerprint),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;

    fn values(names: &[&str], fingerprint: &str) -> Values {
        let value = |name: &&str| Value {
            name: (*name).into(),
            version: 1,
            kind: "SecureString".into(),
            value: Secret::new("v".into()),
        };
        Values {
            values: names.iter().map(value).collect(),
            refused: Vec::new(),
            fingerprint: fingerprint.into(),
        }
    }

    fn names(parameters: &NodeParameters) -> Vec<String> {
        parameters.held().keys().cloned().collect()
    }

    #[tokio::test]
    async fn what_was_taken_is_there_after_a_restart_and_not_asked_for_again() {
        let dir = tempfile::tempdir().unwrap();
        let open = || NodeParameters::open(dir.path().to_owned(), &[1; 32]);
        assert!(
            open().introduction().is_empty(),
            "where nobody wants anything the hub hears nothing"
        );
        std::fs::write(dir.path().join(CONFIG), "paths: [/a]").unwrap();
        let parameters = open();
        assert!(matches!(&parameters.introduction()[0], ToHub::WantParameters(w) if w.paths == ["/a"] && w.has.is_none()));
        parameters.take(values(&["/a/x"], "f1")).await.unwrap();
        let again = open();
        assert_eq!(names(&again), ["/a/x"]);
        assert_eq!(again.want().has.as_deref(), Some("f1"));
        let damaged = dir.path().join("parameters.cache");
        std::fs::write(&damaged, b"damaged").unwrap();
        assert_eq!((names(&open()).len(), open().want().has), (0, None));
    }

    #[tokio::test]
    async fn what_is_no_longer_wanted_goes_without_the_hub() {
        let dir = tempfile::tempdir().unwrap();
        let open = || NodeParameters::open(dir.path().to_owned(), &[1; 32]);
        std::fs::write(dir.path().join(CONFIG), "paths: [/a, /b]").unwrap();
        let parameters = open();
        parameters.take(values(&["/a/x", "/b/x"], "f1")).await.unwrap();
        parameters.configure(Config::parse("paths: [/b]").unwrap()).await;
        assert_eq!(names(&parameters), ["/b/x"]);
        assert_eq!(parameters.want().has, None, "it is not what the hub gave");
        assert_eq!(names(&open()), ["/b/x"]);
        parameters.configure(Config::default()).await;
        assert_eq!(names(&parameters).len(), 0);
        assert_eq!(
            parameters.introduction().len(),
            2,
            "the hub is to hear that nothing is wanted any more"
        );
        parameters.take(values(&[], "f0")).await.unwrap();
        assert!(parameters.introduction().is_empty());
    }

    #[tokio::test]
    async fn news_are_changed_wants_and_changed_files() {
        let dir = tempfile::tempdir().unwrap();
        let parameters = NodeParameters::open(dir.path().to_owned(), &[1; 32]);
        let mut told = parameters.told();
        parameters.configure(Config::parse("paths: [/b]").unwrap()).await;
        assert!(matches!(parameters.news(&mut told).await, ToHub::WantParameters(want) if want.paths == ["/b"]));
        parameters.0.files.states.send_replace(FileStates::default());
        assert!(matches!(parameters.news(&mut told).await, ToHub::ParameterFiles(_)));
        assert!(
            tokio::time::timeout(Duration::from_millis(1), parameters.news(&mut told))
                .await
                .is_err()
        );
    }
}
