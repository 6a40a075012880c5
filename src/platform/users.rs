//! The user this process runs as, from `/etc/passwd`.
//!
//! Never through the name service switch: a static binary would have to load the modules of a foreign libc for it.

use std::path::PathBuf;

/// What is used when the file does not say.
const DEFAULT_SHELL: &str = "/bin/sh";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub uid: u32,
    pub home: PathBuf,
    /// An absolute path; not checked to exist.
    pub shell: PathBuf,
}

impl User {
    /// The effective user; one that is not listed is known by number, with `/` as home.
    pub fn current() -> Self {
        let uid = rustix::process::geteuid().as_raw();
        let passwd = std::fs::read("/etc/passwd").unwrap_or_default();
        find(&String::from_utf8_lossy(&passwd), uid).unwrap_or_else(|| Self {
            name: if uid == 0 { "root".into() } else { uid.to_string() },
            uid,
            home: if uid == 0 { "/root".into() } else { "/".into() },
            shell: DEFAULT_SHELL.into(),
        })
    }
}

fn find(passwd: &str, uid: u32) -> Option<User> {
    passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, number, _, _, home, shell] = fields[..] else {
            return None;
        };
        (number.parse() == Ok(uid)).then(|| User {
            name: name.to_owned(),
            uid,
            home: if home.starts_with('/') { home.into() } else { "/".into() },
            shell: if shell.starts_with('/') {
                shell.into()
            } else {
                DEFAULT_SHELL.into()
            },
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\nbroken\nww:x:33:33:www,,,:/var/www:\nno:x:7:7::relative:zsh\n";

    #[test]
    fn a_user_is_found_by_number() {
        let root = find(PASSWD, 0).unwrap();
        assert_eq!((root.name.as_str(), root.shell.to_str()), ("root", Some("/bin/bash")));
        assert_eq!(find(PASSWD, 33).unwrap().shell, PathBuf::from("/bin/sh"));
        let odd = find(PASSWD, 7).unwrap();
        assert_eq!((odd.home, odd.shell), ("/".into(), PathBuf::from("/bin/sh")));
        assert_eq!(find(PASSWD, 1), None);
    }

    #[test]
    fn the_current_user_has_absolute_paths() {
        let user = User::current();
        assert!(user.home.is_absolute() && user.shell.is_absolute());
    }
}
