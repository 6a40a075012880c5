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

/// Numbers of `user` or `user:group`; each may be a number already. Without a group it is the user's own.
///
/// *Errors*: which of the two this system does not know.
pub fn owner(text: &str) -> Result<(u32, u32), String> {
    let passwd = std::fs::read("/etc/passwd").unwrap_or_default();
    let groups = std::fs::read("/etc/group").unwrap_or_default();
    owner_in(text, &String::from_utf8_lossy(&passwd), &String::from_utf8_lossy(&groups))
}

/// The number of a user, who may be named by it.
pub fn uid(user: &str) -> Option<u32> {
    let passwd = std::fs::read("/etc/passwd").unwrap_or_default();
    known(&String::from_utf8_lossy(&passwd), user)
        .map(|(uid, _)| uid)
        .or_else(|| user.parse().ok())
}

fn owner_in(text: &str, passwd: &str, groups: &str) -> Result<(u32, u32), String> {
    let (user, group) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
    let listed = known(passwd, user);
    let uid = listed.map(|(uid, _)| uid).or_else(|| user.parse().ok());
    let uid = uid.ok_or_else(|| format!("there is no user `{user}`"))?;
    let gid = match group {
        Some(group) => known(groups, group).map(|(gid, _)| gid).or_else(|| group.parse().ok()),
        None => listed.map(|(_, gid)| gid),
    };
    let missing = || match group {
        Some(group) => format!("there is no group `{group}`"),
        None => format!("user `{user}` has no group of its own; write `{user}:GROUP`"),
    };
    Ok((uid, gid.ok_or_else(missing)?))
}

/// The two numbers of the line that begins with this name or has it as its number; a group's line has only one.
fn known(lines: &str, name: &str) -> Option<(u32, u32)> {
    lines.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [listed, _, number, rest @ ..] = fields.as_slice() else {
            return None;
        };
        if *listed != name && *number != name {
            return None;
        }
        let number = number.parse().ok()?;
        Some((number, rest.first().and_then(|gid| gid.parse().ok()).unwrap_or(number)))
    })
}

/// A user with the groups that are theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub user: User,
    pub gid: u32,
    /// All of them, that of the user itself among them.
    pub groups: Vec<u32>,
}

impl Account {
    /// As `/etc/passwd` and `/etc/group` have it.
    pub fn named(name: &str) -> Option<Self> {
        let read = |path| std::fs::read(path).unwrap_or_default();
        let (passwd, group) = (read("/etc/passwd"), read("/etc/group"));
        account(&String::from_utf8_lossy(&passwd), &String::from_utf8_lossy(&group), name)
    }
}

fn account(passwd: &str, group: &str, name: &str) -> Option<Account> {
    let (user, gid) = entries(passwd).find(|(user, _)| user.name == name)?;
    let listed = group.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [_, _, number, members] = fields[..] else {
            return None;
        };
        let is_member = members.split(',').any(|member| member.trim() == name);
        number.parse().ok().filter(|_| is_member)
    });
    let mut groups: Vec<u32> = listed.chain([gid]).collect();
    groups.sort_unstable();
    groups.dedup();
    Some(Account { user, gid, groups })
}

fn find(passwd: &str, uid: u32) -> Option<User> {
    entries(passwd).map(|(user, _)| user).find(|user| user.uid == uid)
}

/// Users with their own group.
fn entries(passwd: &str) -> impl Iterator<Item = (User, u32)> + '_ {
    passwd.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, uid, gid, _, home, shell] = fields[..] else {
            return None;
        };
        let user = User {
            name: name.to_owned(),
            uid: uid.parse().ok()?,
            home: if home.starts_with('/') { home.into() } else { "/".into() },
            shell: if shell.starts_with('/') {
                shell.into()
            } else {
                DEFAULT_SHELL.into()
            },
        };
        Some((user, gid.parse().ok()?))
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
    fn a_name_and_a_number_are_both_an_owner() {
        let owner = |text| {
            owner_in(
                text,
                "root:x:0:0::/root:/bin/sh\nww:x:33:34::/:/bin/sh\n",
                "root:x:0:\nadm:x:4:ww\n",
            )
        };
        assert_eq!(owner("root"), Ok((0, 0)));
        assert_eq!(owner("ww"), Ok((33, 34)));
        assert_eq!(owner("33"), Ok((33, 34)));
        assert_eq!(owner("ww:adm"), Ok((33, 4)));
        assert_eq!(owner("1234:5"), Ok((1234, 5)));
        assert!(owner("1234").is_err() && owner("nobody-here").is_err() && owner("ww:none").is_err());
        assert_eq!(uid("0"), Some(0));
    }

    #[test]
    fn an_account_has_all_its_groups_and_is_found_by_its_whole_name() {
        let group = "root:x:0:\nadm:x:4:ww,other\nww:x:33:\nx:x:9:www\nbroken\n";
        let found = account(PASSWD, group, "ww").unwrap();
        assert_eq!((found.user.uid, found.gid, found.groups), (33, 33, vec![4, 33]));
        assert_eq!(account(PASSWD, group, "w"), None);
    }

    #[test]
    fn the_current_user_has_absolute_paths() {
        let user = User::current();
        assert!(user.home.is_absolute() && user.shell.is_absolute());
    }
}
