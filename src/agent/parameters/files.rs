//! Files made of templates: written whole and only when they differ, then the service that reads them is told.
//!
//! ```text
//! differs ──mark "not told"──► replace ──► reload ──mark "told of this text"──► as it shall be
//!    ▲                                        │ failed: again, each time later
//!    └──── values, template, mode, owner or the file itself changed
//! ```
//!
//! *Invariants*: a reader sees the old file or the new one, never a part. A text that was written is told to its service at
//! least once, whenever this process dies: before a file is replaced the mark of what was told goes. What whoever owns a
//! directory does meanwhile leads nowhere else: no symbolic link on the way to template or target is followed.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::agent::parameters::cache::{Marks, Sealed, Told};
use crate::agent::parameters::config::{Config, FileConfig};
use crate::agent::parameters::{Held, NodeParameters};
use crate::base::Secret;
use crate::platform::files::Directory;
use crate::platform::users;
use crate::wire::parameters::{FileState, FileStates, MAX_NAMES_BYTES, Value};

/// How long a reload may take.
const RELOAD_LIMIT: Duration = Duration::from_secs(60);
/// Without any change templates and targets are looked at so often.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// After a failed reload the next one waits so long, and twice as long each further time.
const FIRST_RETRY: Duration = Duration::from_secs(30);
const LAST_RETRY: Duration = Duration::from_secs(15 * 60);
const MAX_TEMPLATE_BYTES: u64 = 1024 * 1024;
const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;

/// What the writer of files works with.
pub struct Files {
    pub marks: Arc<Marks>,
    pub told: Arc<Sealed>,
    pub states: watch::Sender<FileStates>,
}

/// What one look at a file came to.
struct Look {
    names: Vec<String>,
    /// The reader is to be told of the text with this mark.
    tell: Option<String>,
}

/// Reloads that failed, by target: how often, and when the next one is due.
type Failures = BTreeMap<String, (u32, Instant)>;

impl Files {
    /// Brings every file up to date, now and after each change of values, configuration or template.
    pub async fn keep(
        &self,
        parameters: &NodeParameters,
        mut config: watch::Receiver<Config>,
        mut changed: watch::Receiver<u64>,
    ) -> std::convert::Infallible {
        let mut failures = Failures::new();
        loop {
            let files = config.borrow_and_update().files.clone();
            let has_templates = !files.is_empty();
            changed.borrow_and_update();
            failures.retain(|target, _| files.iter().any(|file| named(file) == *target));
            let mut states = Vec::new();
            for file in files {
                states.push(self.bring_up_to_date(parameters.held(), file, &mut failures).await);
            }
            self.say(states);
            tokio::select! {
                _ = config.changed() => {}
                _ = changed.changed() => {}
                () = tokio::time::sleep(LOOK_EVERY), if has_templates => {}
            }
        }
    }

    fn say(&self, files: Vec<FileState>) {
        let mut now = FileStates { files };
        let mut room = MAX_NAMES_BYTES;
        for file in &mut now.files {
            file.names.retain(|name| {
                let fits = name.len() <= room;
                room -= if fits { name.len() } else { 0 };
                fits
            });
        }
        self.states.send_if_modified(|said| std::mem::replace(said, now.clone()) != now);
    }

    async fn bring_up_to_date(&self, held: Held, file: FileConfig, failures: &mut Failures) -> FileState {
        let target = named(&file);
        let (mut names, mut problem) = (Vec::new(), None);
        match self.looked(held, file.clone()).await {
            Ok(look) => {
                names = look.names;
                if let Some(mark) = look.tell {
                    problem = self.tell(&file, mark, failures).await.err();
                }
            }
            Err(error) => {
                tracing::error!(target_file = %target, %error, "a file was not written from parameters; it stays as it is");
                problem = Some(error.to_string());
            }
        }
        FileState { target, names, problem }
    }

    async fn looked(&self, held: Held, file: FileConfig) -> io::Result<Look> {
        let (marks, told) = (self.marks.clone(), self.told.clone());
        let look = tokio::task::spawn_blocking(move || look(&held, &file, &marks, &told)).await;
        look.map_err(io::Error::other)?
    }

    /// *Errors*: one sentence.
    async fn tell(&self, file: &FileConfig, mark: String, failures: &mut Failures) -> Result<(), String> {
        let target = named(file);
        let (times, due) = failures.get(&target).copied().unwrap_or((0, Instant::now()));
        let words = file.reload.join(" ");
        if due > Instant::now() {
            return Err(format!("the reload `{words}` has failed; it is tried again"));
        }
        if let Err(error) = reload(&file.reload).await {
            tracing::error!(command = %words, %error, "a reload failed; it is tried again");
            let wait = LAST_RETRY.min(FIRST_RETRY * 2u32.saturating_pow(times));
            failures.insert(target, (times + 1, Instant::now() + wait));
            return Err(format!("the reload `{words}` failed: {error}"));
        }
        failures.remove(&target);
        let told = self.told.clone();
        let written = tokio::task::spawn_blocking(move || remember(&told, &target, Some(mark))).await;
        written.map_err(io::Error::other).flatten().map_err(|error| error.to_string())
    }
}

fn named(file: &FileConfig) -> String {
    file.target.display().to_string()
}

/// Writes the file if it is not as it shall be. Blocking.
fn look(held: &Held, file: &FileConfig, marks: &Marks, told: &Sealed) -> io::Result<Look> {
    let template = template(&file.template)?;
    let (text, names) = render(&template, held).map_err(io::Error::other)?;
    let text = text.expose().as_bytes();
    let (target, mark) = (named(file), marks.of(text));
    let owner = file.owner.as_deref().map(users::owner).transpose().map_err(io::Error::other)?;
    let (folder, name) = place(&file.target)?;
    // Of a writer that died here.
    folder.remove(&temporary(name))?;
    let now = Now::of(&folder, name, text);
    if !now.is_same_text {
        remember(told, &target, None)?;
    }
    let mode = file.mode_bits().unwrap_or(0o600);
    if !now.is_as(mode, owner) {
        replace(&folder, name, text, mode, owner)?;
        tracing::info!(target_file = %target, "a file was written from parameters");
    }
    let known = told.read::<Told>().ok().flatten().unwrap_or_default();
    let is_told = known.get(&target) == Some(&mark);
    Ok(Look {
        names,
        tell: (!is_told).then_some(mark),
    })
}

/// The target's folder, opened by its real path, and its name there.
fn place(target: &Path) -> io::Result<(Directory, &str)> {
    let folder = target.parent().unwrap_or(Path::new("/"));
    let name = target.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| io::Error::other("the target does not name a file"))?;
    Ok((opened(folder)?, name))
}

fn opened(folder: &Path) -> io::Result<Directory> {
    Directory::open_real(folder).map_err(|error| {
        let shown = folder.display();
        io::Error::other(match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
            Some(rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR) => {
                format!("`{shown}` leads over a symbolic link; write its real path")
            }
            _ => format!("`{shown}` cannot be opened: {error}"),
        })
    })
}

/// The template's text. It decides where secrets go, so nobody but root and the agent's user may own it.
fn template(path: &Path) -> io::Result<String> {
    let (folder, name) = place(path)?;
    let shown = path.display();
    let file = folder
        .open_file(name)
        .map_err(|error| io::Error::other(format!("`{shown}` cannot be read: {error}")))?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other(format!("`{shown}` is not a file")));
    }
    if metadata.uid() != 0 && metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other(format!(
            "`{shown}` belongs to another user, who could have any secret of this node written"
        )));
    }
    let mut text = String::new();
    file.take(MAX_TEMPLATE_BYTES + 1).read_to_string(&mut text)?;
    match text.len() as u64 > MAX_TEMPLATE_BYTES {
        true => Err(io::Error::other(format!("`{shown}` has more than {MAX_TEMPLATE_BYTES} bytes"))),
        false => Ok(text),
    }
}

/// The target as it lies there.
struct Now {
    is_same_text: bool,
    mode_and_owner: Option<(u32, u32, u32)>,
}

impl Now {
    fn of(folder: &Directory, name: &str, text: &[u8]) -> Self {
        let mode_and_owner = folder.open_file(name).and_then(|file| file.metadata()).ok();
        Self {
            is_same_text: folder
                .read(name, text.len() as u64)
                .is_ok_and(|now| Secret::new(now).expose() == text),
            mode_and_owner: mode_and_owner.map(|m| (m.mode() & 0o7777, m.uid(), m.gid())),
        }
    }

    fn is_as(&self, mode: u32, owner: Option<(u32, u32)>) -> bool {
        let fits = |(now, uid, gid): (u32, u32, u32)| now == mode && owner.is_none_or(|owner| owner == (uid, gid));
        self.is_same_text && self.mode_and_owner.is_some_and(fits)
    }
}

fn temporary(name: &str) -> String {
    format!(".{name}.roadstead-new")
}

/// The new text under a name of its own, with its mode and owner before its first byte, then in place of the old one.
fn replace(folder: &Directory, name: &str, text: &[u8], mode: u32, owner: Option<(u32, u32)>) -> io::Result<()> {
    let fresh = temporary(name);
    let made = folder.create_new(&fresh, 0o600).and_then(|mut file| {
        if let Some((uid, gid)) = owner {
            std::os::unix::fs::fchown(&file, Some(uid), Some(gid))?;
        }
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
        file.write_all(text)?;
        file.sync_all()?;
        folder.rename(&fresh, name)
    });
    if made.is_err() {
        let _nothing_half_written_stays = folder.remove(&fresh);
    }
    made.and_then(|()| folder.sync())
}

/// What the reader of a target was told of last; `None` when it is to be told anew.
fn remember(told: &Sealed, target: &str, mark: Option<String>) -> io::Result<()> {
    let mut known = told.read::<Told>().ok().flatten().unwrap_or_default();
    let before = known.get(target).cloned();
    if before == mark {
        return Ok(());
    }
    match mark {
        Some(mark) => known.insert(target.to_owned(), mark),
        None => known.remove(target),
    };
    told.write(&known)
}

/// `{{ /app/db/host }}` stands for a value; nothing else is special, nothing is executed. Answers with the names, each once.
///
/// *Errors*: the first name that the node does not have, or a brace that is not closed.
fn render(template: &str, held: &BTreeMap<String, Value>) -> Result<(Secret<String>, Vec<String>), String> {
    let mut names = Vec::new();
    let mut pieces: Vec<&str> = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after
            .split_once("}}")
            .ok_or_else(|| "a `{{` of the template is not closed".to_owned())?;
        let name = name.trim();
        let key = format!("/{}", name.strip_prefix('/').unwrap_or(name));
        let value = held.get(&key).ok_or_else(|| format!("the node has no parameter `{name}`"))?;
        pieces.extend([before, value.value.expose()]);
        if !names.contains(&key) {
            names.push(key);
        }
        rest = after;
    }
    pieces.push(rest);
    // All of it at once: growing would leave copies of secrets behind.
    let length: usize = pieces.iter().map(|piece| piece.len()).sum();
    if length > MAX_FILE_BYTES {
        return Err(format!("the file would have more than {MAX_FILE_BYTES} bytes"));
    }
    Ok((Secret::new(pieces.concat()), names))
}

/// *Errors*: one sentence.
async fn reload(words: &[String]) -> Result<(), String> {
    let Some((program, arguments)) = words.split_first() else {
        return Ok(());
    };
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).stdin(Stdio::null()).process_group(0).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| format!("it cannot be started: {error}"))?;
    let group = child.id().and_then(|id| Pid::from_raw(id as i32));
    match tokio::time::timeout(RELOAD_LIMIT, child.wait()).await {
        Ok(Ok(status)) => ended(status),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => {
            if let Some(group) = group {
                let _it_may_have_ended = kill_process_group(group, Signal::KILL);
            }
            Err(format!("it took more than {} seconds and was ended", RELOAD_LIMIT.as_secs()))
        }
    }
}

fn ended(status: ExitStatus) -> Result<(), String> {
    match status.success() {
        true => Ok(()),
        false => Err(format!("it ended with {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn value(name: &str, text: &str) -> (String, Value) {
        let value = Value {
            name: name.into(),
            version: 1,
            kind: "String".into(),
            value: Secret::new(text.into()),
        };
        (name.into(), value)
    }

    fn held(port: &str) -> Held {
        Arc::new([value("/app/host", "db1"), value("/port", port)].into())
    }

    struct Place {
        dir: tempfile::TempDir,
        file: FileConfig,
        marks: Arc<Marks>,
        told: Arc<Sealed>,
    }

    impl Place {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let real = dir.path().canonicalize().unwrap();
            let file = FileConfig {
                template: real.join("in"),
                target: real.join("out"),
                mode: "0640".into(),
                owner: None,
                reload: vec!["sh".into(), "-c".into(), format!("echo x >> {}/reloads", real.display())],
            };
            fs::write(&file.template, "h={{ /app/host }}:{{port}}\n").unwrap();
            let told = Arc::new(Sealed::new(real.join("told"), "t", &[1; 32]));
            let marks = Arc::new(Marks::new(&[1; 32]));
            Self { dir, file, marks, told }
        }

        fn look(&self, held: &Held) -> io::Result<Look> {
            look(held, &self.file, &self.marks, &self.told)
        }

        fn files(&self) -> Files {
            Files {
                marks: self.marks.clone(),
                told: self.told.clone(),
                states: watch::Sender::default(),
            }
        }

        fn reloads(&self) -> usize {
            fs::read_to_string(self.dir.path().join("reloads")).map_or(0, |text| text.lines().count())
        }

        fn text(&self) -> String {
            fs::read_to_string(&self.file.target).unwrap()
        }
    }

    #[test]
    fn names_in_braces_become_values_and_nothing_else_does() {
        let (text, names) = render("a={{ /app/host }}:{{port}} {x} $(y) {{/port}}", &held("80")).unwrap();
        assert_eq!(text.expose(), "a=db1:80 {x} $(y) 80");
        assert_eq!(names, ["/app/host", "/port"]);
        assert!(render("{{ /none }}", &held("80")).unwrap_err().contains("/none"));
        assert!(render("{{ open", &held("80")).is_err());
        assert_eq!(render("{{port}}", &held("{{ /app/host }}")).unwrap().0.expose(), "{{ /app/host }}");
    }

    #[tokio::test]
    async fn a_file_is_written_and_told_once_and_again_when_it_differs() {
        let place = Place::new();
        let (files, mut failures) = (place.files(), Failures::new());
        let mut bring = async |port| files.bring_up_to_date(held(port), place.file.clone(), &mut failures).await;
        let state = bring("80").await;
        assert_eq!((state.names.len(), state.problem), (2, None));
        assert_eq!((place.text().as_str(), place.reloads()), ("h=db1:80\n", 1));
        assert_eq!(fs::metadata(&place.file.target).unwrap().permissions().mode() & 0o777, 0o640);
        bring("80").await;
        assert_eq!(place.reloads(), 1);
        bring("81").await;
        assert_eq!((place.text().as_str(), place.reloads()), ("h=db1:81\n", 2));
        fs::write(&place.file.target, "edited").unwrap();
        bring("81").await;
        assert_eq!((place.text().as_str(), place.reloads()), ("h=db1:81\n", 3));
        fs::set_permissions(&place.file.target, fs::Permissions::from_mode(0o666)).unwrap();
        bring("81").await;
        assert_eq!(fs::metadata(&place.file.target).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(place.reloads(), 3, "the text is the one it was told of");
    }

    #[tokio::test]
    async fn a_writer_that_died_before_the_reload_is_followed_by_one_that_reloads() {
        let place = Place::new();
        assert!(place.look(&held("80")).unwrap().tell.is_some());
        fs::write(place.dir.path().join(".out.roadstead-new"), "half a sec").unwrap();
        let again = place.look(&held("80")).unwrap();
        assert!(again.tell.is_some(), "nobody was told yet");
        assert!(!place.dir.path().join(".out.roadstead-new").exists());
        remember(&place.told, &named(&place.file), again.tell).unwrap();
        assert!(place.look(&held("80")).unwrap().tell.is_none());
    }

    #[tokio::test]
    async fn a_failed_reload_is_said_and_tried_again_later() {
        let mut place = Place::new();
        place.file.reload = vec!["false".into()];
        let (files, mut failures) = (place.files(), Failures::new());
        let state = files.bring_up_to_date(held("80"), place.file.clone(), &mut failures).await;
        assert!(state.problem.unwrap().contains("`false` failed"));
        place.file.reload = vec!["true".into()];
        let state = files.bring_up_to_date(held("80"), place.file.clone(), &mut failures).await;
        assert!(state.problem.unwrap().contains("tried again"), "its time has not come");
        failures.clear();
        let state = files.bring_up_to_date(held("80"), place.file.clone(), &mut failures).await;
        assert_eq!(state.problem, None);
    }

    #[test]
    fn what_cannot_be_written_leaves_the_old_file() {
        let place = Place::new();
        place.look(&held("80")).unwrap();
        fs::write(&place.file.template, "{{ /gone }}").unwrap();
        assert!(place.look(&held("80")).is_err());
        assert_eq!(place.text(), "h=db1:80\n");
    }

    #[test]
    fn no_symbolic_link_is_followed_to_template_or_target() {
        let mut place = Place::new();
        let real = place.dir.path().canonicalize().unwrap();
        fs::create_dir(real.join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(real.join("elsewhere"), real.join("link")).unwrap();
        let target = std::mem::replace(&mut place.file.target, real.join("link/out"));
        let refused = place.look(&held("80")).err().unwrap();
        assert!(refused.to_string().contains("real path"), "{refused}");
        assert_eq!(fs::read_dir(real.join("elsewhere")).unwrap().count(), 0);
        place.file.target = target;
        std::os::unix::fs::symlink("/etc/hostname", real.join("linked-in")).unwrap();
        place.file.template = real.join("linked-in");
        assert!(place.look(&held("80")).is_err());
    }

    #[test]
    fn a_link_in_the_targets_place_is_replaced_and_not_written_through() {
        let place = Place::new();
        let victim = place.dir.path().join("victim");
        fs::write(&victim, "untouched").unwrap();
        std::os::unix::fs::symlink(&victim, &place.file.target).unwrap();
        place.look(&held("80")).unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
        assert_eq!(place.text(), "h=db1:80\n");
    }
}
