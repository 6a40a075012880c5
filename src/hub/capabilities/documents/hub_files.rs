//! Files that an operator lays below `DATA/files` on the hub: attachments are made of them, and steps download them.
//!
//! *Invariants*: a path is spelled in one way only, so that a right on it is a right on that file. No symbolic link is followed.

use std::fs::File;
use std::io;
use std::path::{Component, Path};

use crate::hub::api::Target;
use crate::platform::files::Directory;
use crate::wire::objects::{MAX_DOWNLOAD_BYTES, MAX_OBJECTS};

pub const KIND: &str = "hub-file";
const FOLDER: &str = "files";
/// Folders in folders.
const MAX_DEPTH: usize = 32;

/// What a path names.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// Its files belong below a folder by their names; otherwise it is one file.
    pub is_folder: bool,
    pub files: Vec<Listed>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Listed {
    /// Below the folder; of a single file its last name.
    pub name: String,
    /// Below `DATA/files`.
    pub path: String,
}

pub fn target(path: &str) -> Target {
    Target::Resource(KIND, path.to_owned())
}

/// *Errors*: why it is no path, in words.
pub fn check(path: &str) -> Result<(), String> {
    let parts: Vec<&str> = path.split('/').collect();
    let is_plain = |part: &&str| matches!(Path::new(part).components().next(), Some(Component::Normal(name)) if name == *part);
    match parts.iter().all(is_plain) && !path.chars().any(char::is_control) {
        true => Ok(()),
        false => Err(format!(
            "`{}` is no path below the hub's folder `{FOLDER}`: write it like `tools/set-up.sh`",
            path.escape_debug()
        )),
    }
}

/// Blocking.
///
/// *Errors*: why there is none, in words.
pub fn open(data: &Path, path: &str) -> Result<File, String> {
    check(path)?;
    let opened = Directory::open(&data.join(FOLDER)).and_then(|root| regular(&root, path));
    opened.map_err(|error| missing(path, &error))
}

fn regular(folder: &Directory, name: &str) -> io::Result<File> {
    let file = folder.open_file(name)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is no file")),
    }
}

fn missing(path: &str, error: &io::Error) -> String {
    let why = match error.kind() {
        io::ErrorKind::Other => error.to_string(),
        kind => kind.to_string(),
    };
    format!("the hub's folder `{FOLDER}` has no readable `{path}`: {why}")
}

/// A file, or a folder with all files below it. Blocking.
///
/// *Errors*: there is none, or it is more than one step may download.
pub fn find(data: &Path, path: &str) -> Result<Found, String> {
    check(path)?;
    let root = Directory::open(&data.join(FOLDER)).map_err(|error| missing(path, &error))?;
    let Ok(folder) = root.directory(path) else {
        regular(&root, path).map_err(|error| missing(path, &error))?;
        let name = path.rsplit('/').next().unwrap_or(path).to_owned();
        let only = Listed {
            name,
            path: path.to_owned(),
        };
        return Ok(Found {
            is_folder: false,
            files: vec![only],
        });
    };
    let mut walk = Walk {
        root: path,
        files: Vec::new(),
        bytes: 0,
    };
    walk.add(&folder, "", 0)?;
    walk.files.sort_by(|a, b| a.name.cmp(&b.name));
    match walk.files.is_empty() {
        true => Err(format!("the hub's folder `{FOLDER}` has no file below `{path}`")),
        false => Ok(Found {
            is_folder: true,
            files: walk.files,
        }),
    }
}

struct Walk<'p> {
    root: &'p str,
    files: Vec<Listed>,
    bytes: u64,
}

impl Walk<'_> {
    fn add(&mut self, folder: &Directory, below: &str, depth: usize) -> Result<(), String> {
        let at = |name: &str| format!("{}/{below}{name}", self.root);
        let names = folder.names().map_err(|error| missing(&at(""), &error))?;
        for name in names {
            let path = format!("{}/{below}{name}", self.root);
            check(&path)?;
            if let Ok(inner) = folder.directory(&name) {
                if depth == MAX_DEPTH {
                    return Err(format!("`{path}` lies deeper than {MAX_DEPTH} folders"));
                }
                self.add(&inner, &format!("{below}{name}/"), depth + 1)?;
                continue;
            }
            let file = regular(folder, &name).map_err(|error| missing(&path, &error))?;
            self.bytes += file.metadata().map_err(|error| missing(&path, &error))?.len();
            self.files.push(Listed {
                name: format!("{below}{name}"),
                path,
            });
            if self.files.len() > MAX_OBJECTS || self.bytes > MAX_DOWNLOAD_BYTES {
                let gigabytes = MAX_DOWNLOAD_BYTES >> 30;
                return Err(format!(
                    "below `{}` lies more than one step may download: {MAX_OBJECTS} files, {gigabytes} GB",
                    self.root
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_path_has_one_spelling() {
        for good in ["a", "tools/set-up.sh", "tools/a b/今日.txt", "a/.hidden"] {
            assert_eq!(check(good), Ok(()));
        }
        for bad in ["", "/", "/etc/passwd", "a/", "a//b", "a/./b", "../a", "a/../b", "a\nb", "."] {
            assert!(check(bad).unwrap_err().contains("no path below"), "{bad}");
        }
    }

    #[test]
    fn a_folder_is_all_files_below_it_and_links_lead_nowhere() {
        let data = tempfile::tempdir().unwrap();
        let files = data.path().join("files");
        fs::create_dir_all(files.join("tools/inner")).unwrap();
        fs::create_dir_all(files.join("empty")).unwrap();
        fs::write(files.join("tools/b"), "b").unwrap();
        fs::write(files.join("tools/inner/a"), "a").unwrap();
        let found = find(data.path(), "tools").unwrap();
        let names: Vec<&str> = found.files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!((found.is_folder, names), (true, vec!["b", "inner/a"]));
        let one = find(data.path(), "tools/inner/a").unwrap();
        assert_eq!((one.is_folder, one.files[0].name.as_str()), (false, "a"));
        for (path, why) in [
            ("none", "has no readable `none`"),
            ("empty", "no file below"),
            ("tools/b/x", "no readable"),
        ] {
            let refused = find(data.path(), path).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
        std::os::unix::fs::symlink("/etc/hostname", files.join("tools/link")).unwrap();
        assert!(find(data.path(), "tools/link").is_err() && open(data.path(), "tools/link").is_err());
        assert!(find(data.path(), "tools").unwrap_err().contains("tools/link"));
    }
}
