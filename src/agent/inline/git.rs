//! `aws:downloadContent` from a Git repository, by the node's own `git` and `ssh`.
//!
//! *Invariant*: no key, password or token is an argument of a program; a key is a file of its user alone and gone when the step
//! ends, and so is the clone, however it ends.
//!
//! *Source*: AWS docs, "Command document plugin reference", aws:downloadContent, sourceType Git and GitHub.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value};

use super::download::{is_true, optional, user};
use super::{Task, place, quoted, tell};

/// Fetches `repository`, or what lies at `inner` in it, to `target`, without its history.
pub fn fetch(task: &Task, info: &Map<String, Value>, repository: &str, inner: &str, target: &Path) -> Result<(), String> {
    let wanted = Wanted::of(optional(info, "getOptions"))?;
    if Path::new(inner).components().any(|part| !matches!(part, Component::Normal(_))) {
        return Err(format!("path `{inner}` must lie inside the repository"));
    }
    fs::create_dir_all(target).map_err(|error| format!("`{}` cannot be made: {error}", target.display()))?;
    let clone = Folder::fresh(target.join(".roadstead-clone"));
    let place = clone.0.to_string_lossy();
    let mut arguments = vec!["clone", "--quiet"];
    match wanted {
        Wanted::Latest => arguments.extend(["--depth", "1"]),
        Wanted::Branch(name) => arguments.extend(["--depth", "1", "--branch", name]),
        Wanted::Revision(_) => {}
    }
    arguments.extend(["--", repository, &place]);
    let key = Key::of(task, info)?;
    let git = |arguments: &[&str]| git(task, info, key.as_ref(), arguments);
    git(&arguments)?;
    if let Wanted::Revision(revision) = wanted {
        git(&["-C", &place, "checkout", "--quiet", revision])?;
    }
    bring(&clone.0, inner, target)?;
    tell(&format!("Content downloaded to {}", target.display()));
    Ok(())
}

/// Which state of the repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted<'i> {
    Latest,
    /// A branch, or a tag that no branch shares its name with.
    Branch(&'i str),
    /// What only a clone of all that there is has for certain.
    Revision(&'i str),
}

/// A branch's name where a repository has it, and where its clones have it.
const BRANCH_PREFIXES: &[&str] = &["refs/heads/", "refs/remotes/origin/"];
const TAG_PREFIX: &str = "refs/tags/";

impl<'i> Wanted<'i> {
    fn of(options: &'i str) -> Result<Self, String> {
        if options.is_empty() {
            return Ok(Self::Latest);
        }
        match options.split_once(':').map(|(kind, value)| (kind.trim(), value.trim())) {
            Some(("branch", name)) => Ok(Self::branch(name)),
            Some(("commitID", hash)) if !hash.is_empty() && hash.bytes().all(|b| b.is_ascii_hexdigit()) => Ok(Self::Revision(hash)),
            Some(("commitID", other)) => Err(format!("commitID `{other}` is not a hash")),
            _ => Err(format!(
                "getOptions `{options}` does not exist: use `branch:name` or `commitID:hash`"
            )),
        }
    }

    fn branch(name: &'i str) -> Self {
        if name.starts_with(TAG_PREFIX) {
            return Self::Revision(name);
        }
        let short = BRANCH_PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix));
        Self::Branch(short.unwrap_or(name))
    }
}

/// A folder that is gone with this.
struct Folder(PathBuf);

impl Folder {
    /// What is left there of a step that was killed goes at once.
    fn fresh(path: PathBuf) -> Self {
        let _there_may_be_none = fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _there_may_be_none = fs::remove_dir_all(&self.0);
    }
}

/// A private key where `ssh` can read it. It lies below the run's own folder: if this process is killed, the folder goes with the run.
struct Key {
    file: PathBuf,
    _folder: Folder,
}

impl Key {
    fn of(task: &Task, info: &Map<String, Value>) -> Result<Option<Self>, String> {
        let key = optional(info, "privateSSHKey");
        if key.is_empty() {
            return Ok(None);
        }
        let folder = Folder::fresh(task.downloads.join(".roadstead-key"));
        let file = folder.0.join("key");
        let failed = |error: std::io::Error| format!("the key for the repository cannot be put down: {error}");
        fs::DirBuilder::new().mode(0o700).create(&folder.0).map_err(failed)?;
        let mut written = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&file)
            .map_err(failed)?;
        // `ssh` wants the line ends of its own system, the last one too; a form or a parameter may have lost them.
        written.write_all((key.replace("\r\n", "\n") + "\n").as_bytes()).map_err(failed)?;
        Ok(Some(Self { file, _folder: folder }))
    }
}

fn git(task: &Task, info: &Map<String, Value>, key: Option<&Key>, arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new("git");
    command.args(arguments).stdin(Stdio::null()).env("GIT_TERMINAL_PROMPT", "0");
    if let Some(ssh) = ssh(is_true(info, "skipHostKeyChecking"), key) {
        command.env("GIT_SSH_COMMAND", ssh);
    }
    for name in task.secret_variables() {
        command.env_remove(name);
    }
    if let Some(authorization) = authorization(info) {
        // In the environment, because arguments are there for every user to see.
        command
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "http.extraHeader")
            .env("GIT_CONFIG_VALUE_0", format!("Authorization: {authorization}"));
    }
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("git ended with {status}")),
        Err(error) => Err(format!("git cannot be run on this node: {error}")),
    }
}

/// Nobody is there to answer a question. A host that is not checked is not remembered either, or the next step would trust it.
/// `None`: as git is set up on the node.
fn ssh(trusts_any_host: bool, key: Option<&Key>) -> Option<String> {
    if !trusts_any_host && key.is_none() {
        return None;
    }
    let mut command = "ssh -o BatchMode=yes".to_owned();
    if trusts_any_host {
        command.push_str(" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null");
    }
    if let Some(key) = key {
        command.push_str(" -o IdentitiesOnly=yes -i ");
        command.push_str(&quoted(&key.file.to_string_lossy()));
    }
    Some(command)
}

/// What a private repository asks for over HTTPS: GitHub's `tokenInfo`, or a user and `password`.
fn authorization(info: &Map<String, Value>) -> Option<String> {
    let (user, password) = match (optional(info, "tokenInfo"), optional(info, "password")) {
        ("", "") => return None,
        ("", password) => (user(info), password),
        (token, _) => ("x-access-token", token),
    };
    Some(format!(
        "Basic {}",
        data_encoding::BASE64.encode(format!("{user}:{password}").as_bytes())
    ))
}

/// Moves what was cloned to where it is wanted. What else lies there stays.
///
/// *Errors*: nothing was moved where something else than a folder stands in a folder's place, or a folder in a file's.
fn bring(clone: &Path, inner: &str, target: &Path) -> Result<(), String> {
    let wanted = clone.join(inner);
    let failed = |error: std::io::Error| format!("`{}` cannot be brought to `{}`: {error}", wanted.display(), target.display());
    // The history is not wanted, by no path.
    fs::remove_dir_all(clone.join(".git")).map_err(failed)?;
    let source = wanted.canonicalize().map_err(failed)?;
    if !source.starts_with(clone.canonicalize().map_err(failed)?) {
        return Err(format!("path `{inner}` leads out of the repository"));
    }
    let moves = match source.is_file() {
        true => vec![Move {
            to: target.join(wanted.file_name().unwrap_or_default()),
            from: source,
            is_folder: false,
        }],
        false => moves(&source, target).map_err(failed)?,
    };
    if let Some(blocked) = moves.iter().find(|one| one.is_blocked()) {
        return Err(blocked.refusal());
    }
    moves.iter().try_for_each(Move::carry_out).map_err(failed)
}

/// A file or folder of the repository, and its place.
struct Move {
    from: PathBuf,
    to: PathBuf,
    is_folder: bool,
}

/// All that a folder holds, each folder before what is in it.
fn moves(from: &Path, to: &Path) -> std::io::Result<Vec<Move>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let one = Move {
            from: entry.path(),
            to: to.join(entry.file_name()),
            is_folder: entry.file_type()?.is_dir(),
        };
        let inside = match one.is_folder {
            true => moves(&one.from, &one.to)?,
            false => Vec::new(),
        };
        found.push(one);
        found.extend(inside);
    }
    Ok(found)
}

impl Move {
    /// A symbolic link is no folder: what a repository holds must not go where one leads.
    fn is_blocked(&self) -> bool {
        fs::symlink_metadata(&self.to).is_ok_and(|there| there.is_dir() != self.is_folder)
    }

    fn refusal(&self) -> String {
        let kind = if self.is_folder { "folder" } else { "file" };
        format!(
            "`{}` is in the way of a {kind} of the repository; nothing was brought",
            self.to.display()
        )
    }

    fn carry_out(&self) -> std::io::Result<()> {
        match self.is_folder {
            true if self.to.is_dir() => Ok(()),
            true => fs::create_dir(&self.to),
            false => place::put(&self.from, &self.to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::CommandId;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn task(downloads: &Path, info: Value) -> Task {
        let inputs = json!({"sourceType": "Git", "destinationPath": "here", "sourceInfo": info});
        Task {
            action: "aws:downloadContent".into(),
            inputs: inputs.as_object().unwrap().clone(),
            run: CommandId::random(),
            downloads: downloads.to_owned(),
            documents: BTreeMap::new(),
            depth: 0,
            settings: Default::default(),
            secrets: Default::default(),
            wants_objects: false,
        }
    }

    fn run(downloads: &Path, info: Value) -> Result<(), String> {
        super::super::download::run(&task(downloads, info), &[])
    }

    /// A repository of one commit; answers its place.
    fn origin(folder: &Path) -> PathBuf {
        let origin = folder.join("origin");
        let script = format!(
            "set -e; git init -q {0}; cd {0}; mkdir sub; echo one >sub/a.sh; git add .; git -c user.name=x -c user.email=x@x commit -qm one",
            origin.display()
        );
        assert!(Command::new("sh").arg("-c").arg(script).status().unwrap().success());
        origin
    }

    #[test]
    fn a_repository_is_brought_without_its_history() {
        let folder = tempfile::tempdir().unwrap();
        let repository = format!("file://{}", origin(folder.path()).display());
        run(folder.path(), json!({"repository": repository})).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("here/sub/a.sh")).unwrap(), "one\n");
        assert_eq!(fs::read_dir(folder.path().join("here")).unwrap().count(), 1);
    }

    fn mode(path: &Path) -> u32 {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_lies_in_its_folders_already_stays() {
        let folder = tempfile::tempdir().unwrap();
        let repository = format!("file://{}", origin(folder.path()).display());
        let sub = folder.path().join("here/sub");
        fs::create_dir_all(sub.join("own")).unwrap();
        fs::write(sub.join("mine.conf"), "precious").unwrap();
        fs::write(sub.join("a.sh"), "before").unwrap();
        run(folder.path(), json!({"repository": repository})).unwrap();
        assert_eq!(fs::read_to_string(sub.join("mine.conf")).unwrap(), "precious");
        assert_eq!(fs::read_to_string(sub.join("a.sh")).unwrap(), "one\n");
        assert_eq!(
            mode(&sub.join("a.sh")) & 0o700,
            0o700,
            "as it was committed, its owner could not run it"
        );
        assert!(sub.join("own").is_dir());
    }

    #[test]
    fn a_folder_in_a_files_place_and_the_other_way_round_is_named_and_nothing_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let repository = format!("file://{}", origin(folder.path()).display());
        let here = folder.path().join("here");
        fs::create_dir_all(here.join("sub/a.sh/inside")).unwrap();
        let refused = || run(folder.path(), json!({"repository": repository})).unwrap_err();
        let message = refused();
        assert!(message.contains("here/sub/a.sh` is in the way of a file"), "{message}");
        assert!(here.join("sub/a.sh/inside").is_dir());
        fs::remove_dir_all(&here).unwrap();
        fs::create_dir(&here).unwrap();
        for make in [
            |place: &Path| fs::write(place, "mine"),
            |place: &Path| std::os::unix::fs::symlink("/", place),
        ] {
            make(&here.join("sub")).unwrap();
            let message = refused();
            assert!(message.contains("here/sub` is in the way of a folder"), "{message}");
            assert_eq!(fs::read_dir(&here).unwrap().count(), 1);
            fs::remove_file(here.join("sub")).unwrap();
        }
    }

    #[test]
    fn a_path_brings_what_lies_there_and_leads_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let clone = folder.path().join("clone");
        let target = folder.path().join("target");
        let fresh = || {
            let _there_may_be_none = (fs::remove_dir_all(&clone), fs::remove_dir_all(&target));
            fs::create_dir_all(clone.join("sub")).unwrap();
            fs::create_dir_all(clone.join(".git")).unwrap();
            fs::create_dir(&target).unwrap();
            fs::write(clone.join("sub/a.sh"), "one").unwrap();
            std::os::unix::fs::symlink("/etc", clone.join("out")).unwrap();
            std::os::unix::fs::symlink("sub/a.sh", clone.join("same")).unwrap();
        };
        let names = || {
            let names = fs::read_dir(&target)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let mut names: Vec<String> = names.collect();
            names.sort();
            names
        };
        for (inner, expected) in [
            ("", &["out", "same", "sub"][..]),
            ("sub", &["a.sh"]),
            ("sub/a.sh", &["a.sh"]),
            ("same", &["same"]),
        ] {
            fresh();
            bring(&clone, inner, &target).unwrap();
            assert_eq!(names(), expected, "{inner}");
        }
        for inner in ["out", "out/passwd", ".git", "none"] {
            fresh();
            assert!(bring(&clone, inner, &target).is_err(), "{inner}");
            assert!(names().is_empty(), "{inner}");
        }
    }

    #[test]
    fn a_branch_and_a_tag_may_be_named_in_full() {
        for (options, expected) in [
            ("", Ok(Wanted::Latest)),
            ("branch:feat/x", Ok(Wanted::Branch("feat/x"))),
            ("branch: refs/heads/feat/x", Ok(Wanted::Branch("feat/x"))),
            ("branch:refs/remotes/origin/feat/x", Ok(Wanted::Branch("feat/x"))),
            ("branch:refs/tags/v1", Ok(Wanted::Revision("refs/tags/v1"))),
            ("commitID:0abc", Ok(Wanted::Revision("0abc"))),
            ("commitID:", Err("is not a hash")),
            ("main", Err("getOptions `main` does not exist")),
            ("tag:v1", Err("getOptions `tag:v1` does not exist")),
        ] {
            match (Wanted::of(options), expected) {
                (Ok(wanted), Ok(expected)) => assert_eq!(wanted, expected, "{options}"),
                (Err(message), Err(expected)) => assert!(message.contains(expected), "{message}"),
                (got, _) => panic!("{options}: {got:?}"),
            }
        }
    }

    #[test]
    fn a_tag_in_full_is_not_mistaken_for_the_branch_of_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let origin = origin(folder.path());
        let script = format!(
            "set -e; cd {}; commit() {{ git add .; git -c user.name=x -c user.email=x@x commit -qm \"$1\"; }}; git tag twin; \
             git checkout -qb twin; echo two >sub/a.sh; commit two",
            origin.display()
        );
        assert!(Command::new("sh").arg("-c").arg(script).status().unwrap().success());
        for (options, expected) in [
            ("branch:refs/heads/twin", "two\n"),
            ("branch:refs/remotes/origin/twin", "two\n"),
            ("branch:refs/tags/twin", "one\n"),
        ] {
            let info = json!({"repository": format!("file://{}", origin.display()), "getOptions": options});
            run(folder.path(), info).unwrap();
            assert_eq!(
                fs::read_to_string(folder.path().join("here/sub/a.sh")).unwrap(),
                expected,
                "{options}"
            );
        }
    }

    #[test]
    fn a_user_is_named_in_either_spelling() {
        let expected = Some(format!("Basic {}", data_encoding::BASE64.encode(b"bob:word")));
        for member in ["username", "userName"] {
            let info = json!({member: "bob", "password": "word"});
            assert_eq!(authorization(info.as_object().unwrap()), expected, "{member}");
        }
    }

    #[test]
    fn nothing_is_left_of_a_clone_that_failed() {
        let folder = tempfile::tempdir().unwrap();
        let repository = format!("file://{}", origin(folder.path()).display());
        for options in ["commitID:0123456789abcdef0123456789abcdef01234567", "commitID:xyz", "branch:none"] {
            let refused = run(
                folder.path(),
                json!({"repository": repository, "getOptions": options, "privateSSHKey": "k"}),
            );
            assert!(refused.is_err(), "{options}");
            let left = fs::read_dir(folder.path().join("here")).map_or(0, Iterator::count);
            assert_eq!((left, folder.path().join(".roadstead-key").exists()), (0, false), "{options}");
        }
    }

    #[test]
    fn a_key_is_its_users_alone_while_it_is_needed() {
        let folder = tempfile::tempdir().unwrap();
        let task = task(folder.path(), json!({}));
        let info = json!({"privateSSHKey": "-----BEGIN\r\nabc\r\n-----END\r\n"});
        let key = Key::of(&task, info.as_object().unwrap()).unwrap().unwrap();
        assert_eq!(fs::read_to_string(&key.file).unwrap(), "-----BEGIN\nabc\n-----END\n");
        assert_eq!((mode(&key.file), mode(key.file.parent().unwrap())), (0o600, 0o700));
        let command = ssh(false, Some(&key)).unwrap();
        assert!(
            command.ends_with("/.roadstead-key/key'") && !command.contains("StrictHostKeyChecking"),
            "{command}"
        );
        let trusting = ssh(true, None).unwrap();
        assert!(trusting.ends_with("-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"));
        assert_eq!(ssh(false, None), None);
        drop(key);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(Key::of(&task, &Map::new()).unwrap().is_none());
    }
}
