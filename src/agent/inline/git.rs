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

use super::download::{is_true, optional};
use super::{Task, quoted, tell};

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
        Wanted::Commit(_) => {}
    }
    arguments.extend(["--", repository, &place]);
    let key = Key::of(task, info)?;
    let git = |arguments: &[&str]| git(task, info, key.as_ref(), arguments);
    git(&arguments)?;
    if let Wanted::Commit(commit) = wanted {
        git(&["-C", &place, "checkout", "--quiet", commit])?;
    }
    bring(&clone.0, inner, target)?;
    tell(&format!("Content downloaded to {}", target.display()));
    Ok(())
}

/// Which state of the repository.
#[derive(Clone, Copy)]
enum Wanted<'i> {
    Latest,
    Branch(&'i str),
    Commit(&'i str),
}

impl<'i> Wanted<'i> {
    fn of(options: &'i str) -> Result<Self, String> {
        match options.split_once(':').map(|(kind, value)| (kind.trim(), value.trim())) {
            None => Ok(Self::Latest),
            Some(("branch", name)) => Ok(Self::Branch(name)),
            Some(("commitID", hash)) if !hash.is_empty() && hash.bytes().all(|b| b.is_ascii_hexdigit()) => Ok(Self::Commit(hash)),
            Some(("commitID", other)) => Err(format!("commitID `{other}` is not a hash")),
            Some((kind, _)) => Err(format!("getOptions `{kind}` does not exist: use `branch:name` or `commitID:hash`")),
        }
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

/// What a private repository asks for over HTTPS: GitHub's `tokenInfo`, or `username` and `password`.
fn authorization(info: &Map<String, Value>) -> Option<String> {
    let (user, password) = match (optional(info, "tokenInfo"), optional(info, "password")) {
        ("", "") => return None,
        ("", password) => (optional(info, "username"), password),
        (token, _) => ("x-access-token", token),
    };
    Some(format!(
        "Basic {}",
        data_encoding::BASE64.encode(format!("{user}:{password}").as_bytes())
    ))
}

/// Moves what was cloned to where it is wanted; what was there under the same name goes.
fn bring(clone: &Path, inner: &str, target: &Path) -> Result<(), String> {
    let source = clone.join(inner);
    let failed = |error: std::io::Error| format!("`{}` cannot be brought to `{}`: {error}", source.display(), target.display());
    if source.is_file() {
        let name = source.file_name().unwrap_or_default();
        return fs::rename(&source, target.join(name)).map_err(failed);
    }
    for entry in fs::read_dir(&source).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name() == ".git" {
            continue;
        }
        let place = target.join(entry.file_name());
        if place.is_dir() {
            fs::remove_dir_all(&place).map_err(failed)?;
        }
        fs::rename(entry.path(), &place).map_err(failed)?;
    }
    Ok(())
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
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let task = task(folder.path(), json!({}));
        let info = json!({"privateSSHKey": "-----BEGIN\r\nabc\r\n-----END\r\n"});
        let key = Key::of(&task, info.as_object().unwrap()).unwrap().unwrap();
        assert_eq!(fs::read_to_string(&key.file).unwrap(), "-----BEGIN\nabc\n-----END\n");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
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
