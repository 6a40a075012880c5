//! `parameters.yaml` in the agent's folder: what this node wants, the files that are made of it, and who here may ask for it.
//!
//! ```yaml
//! paths: [/app/prod]
//! files:
//!   - template: /etc/app/app.conf.in      # {{ /app/prod/db/host }} stands for a value
//!     target: /etc/app/app.conf
//!     mode: "0640"
//!     owner: app:app
//!     reload: [systemctl, reload, app]
//! socket: /run/roadstead/parameters.sock
//! readers:
//!   - user: app
//!     paths: [/app/prod]
//! ```

use std::path::PathBuf;

use serde::Deserialize;

use crate::model::parameter::Path;
use crate::wire::parameters::{MAX_FILES, MAX_PATHS};

/// More local users than this share a group of their own.
const MAX_READERS: usize = 64;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default)]
    pub paths: Vec<String>,
    #[serde(default)]
    pub files: Vec<FileConfig>,
    /// Where local programs ask; a file in the agent's folder unless said.
    pub socket: Option<PathBuf>,
    /// Who may ask besides the agent's own user and root.
    #[serde(default)]
    pub readers: Vec<Reader>,
}

/// One file that follows the parameters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileConfig {
    pub template: PathBuf,
    pub target: PathBuf,
    /// Octal; 0600 unless said.
    #[serde(default = "private")]
    pub mode: String,
    /// `user` or `user:group`; the agent's own unless said.
    pub owner: Option<String>,
    /// What to start when the file has changed, word by word.
    #[serde(default)]
    pub reload: Vec<String>,
}

/// A local user and what they may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reader {
    pub user: String,
    pub paths: Vec<String>,
}

fn private() -> String {
    "0600".into()
}

impl FileConfig {
    pub fn mode_bits(&self) -> Option<u32> {
        u32::from_str_radix(&self.mode, 8).ok().filter(|bits| *bits <= 0o777)
    }

    fn check(&self) -> Result<(), String> {
        if self.mode_bits().is_none() {
            return Err(format!("`{}` is not a mode such as \"0640\"", self.mode));
        }
        if !self.target.is_absolute() || !self.template.is_absolute() {
            return Err(format!("`{}` and its template must be absolute paths", self.target.display()));
        }
        match self.target.file_name() {
            Some(name) if name.to_str().is_some() && !self.target.to_string_lossy().ends_with('/') => Ok(()),
            _ => Err(format!("`{}` does not name a file", self.target.display())),
        }
    }
}

impl Config {
    /// *Errors*: one sentence of what is wrong. An empty text is an empty configuration.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let config: Self = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        for (count, limit, of) in [
            (self.paths.len(), MAX_PATHS, "paths"),
            (self.files.len(), MAX_FILES, "files"),
            (self.readers.len(), MAX_READERS, "readers"),
        ] {
            if count > limit {
                return Err(format!("it names {count} {of}; {limit} are possible"));
            }
        }
        let paths = self.paths.iter().chain(self.readers.iter().flat_map(|reader| &reader.paths));
        if let Some(bad) = paths.into_iter().find(|path| Path::parse(path).is_none()) {
            return Err(format!("`{bad}` is not a path such as /app/prod"));
        }
        self.files.iter().try_for_each(FileConfig::check)?;
        for (at, file) in self.files.iter().enumerate() {
            if self.files[..at].iter().any(|before| before.target == file.target) {
                return Err(format!("`{}` is named twice", file.target.display()));
            }
        }
        match &self.socket {
            None if !self.readers.is_empty() => Err("`readers` need a `socket` at a path that they can reach".into()),
            Some(socket) if !socket.is_absolute() || socket.file_name().is_none() => {
                Err(format!("`{}` must be an absolute path", socket.display()))
            }
            _ => Ok(()),
        }
    }

    /// Whether what is wanted covers this parameter.
    pub fn wants(&self, name: &str) -> bool {
        covers(&self.paths, name)
    }
}

/// A path covers the parameter of its own name and everything below it.
pub fn covers(paths: &[String], name: &str) -> bool {
    let below = |path: &String| name.strip_prefix(path.trim_end_matches('/'));
    paths.iter().filter_map(below).any(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_checked_whole() {
        let good = "paths: [/app/prod]\nfiles:\n  - template: /t\n    target: /x\n    reload: [\"true\"]\n";
        let config = Config::parse(good).unwrap();
        assert_eq!((config.paths.len(), config.files[0].mode_bits()), (1, Some(0o600)));
        assert_eq!(Config::parse("\n").unwrap(), Config::default());
        for bad in [
            "paths: [app]",
            "path: [/a]",
            "files: [{template: /t, target: x}]",
            "files: [{template: /t, target: /x/}]",
            "files: [{template: /t, target: /x, mode: \"9\"}]",
            "files: [{template: /t, target: /x, mode: \"4755\"}]",
            "files: [{template: /t, target: /x}, {template: /u, target: /x}]",
            "readers: [{user: app, paths: [/a]}]",
            "socket: s",
            "{socket: /s, readers: [{user: app, paths: [a]}]}",
        ] {
            assert!(Config::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_covers_itself_and_what_is_below_it() {
        let covers = |path: &str, name| covers(&[path.to_owned()], name);
        assert!(covers("/a", "/a") && covers("/a", "/a/b") && covers("/a/", "/a/b") && covers("/", "/a"));
        assert!(!covers("/a", "/ab") && !covers("/a/b", "/a"));
        assert!(!super::covers(&[], "/a"));
    }
}
