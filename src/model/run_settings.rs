//! How a command's processes run on a node: as whom, where, with which variables and below which ceilings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::document::secrets;

const MAX_VARIABLES: usize = 50;
const MAX_VALUE: usize = 4096;
const MAX_PATH: usize = 1024;

/// Absent members leave things as they are: the agent's user, their home, no variables, no ceilings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct RunSettings {
    /// Its name, as the node's `/etc/passwd` has it. Only an agent that runs as root can use another than its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Where steps start that name no working directory of their own; an absolute path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// 0 to 19: how far others go first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nice: Option<u8>,
    /// Of all processes of a step together where the agent has a cgroup of its own, of each one otherwise.
    #[serde(rename = "MemoryMiB", skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u32>,
    /// 100 is one whole processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<u32>,
}

impl RunSettings {
    /// All members, as a sender writes them.
    pub const MEMBERS: [&str; 6] = ["User", "Directory", "Environment", "Nice", "MemoryMiB", "CpuPercent"];

    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Whether they could make a document do something else than it says.
    pub fn change_what_is_executed(&self) -> bool {
        self.user.is_some() || self.directory.is_some() || !self.environment.is_empty()
    }

    /// Why an agent that runs as `own` cannot run commands with them, if so.
    pub fn refused_by(&self, own: &str, is_root: bool) -> Option<String> {
        let name = self.user.as_deref().filter(|name| *name != own && !is_root)?;
        Some(format!(
            "the agent runs as `{own}`, and only root can run a command as `{name}`: leave the user out"
        ))
    }

    /// *Errors*: what is wrong, for a person.
    pub fn check(&self) -> Result<(), String> {
        if let Some(user) = &self.user
            && !is_user_name(user)
        {
            return Err("`User` is a user's name: 1 to 32 letters, digits, `.`, `_` or `-`, not beginning with `-`".into());
        }
        if let Some(directory) = &self.directory
            && (!directory.starts_with('/') || directory.len() > MAX_PATH || directory.chars().any(char::is_control))
        {
            return Err(format!("`Directory` is an absolute path of at most {MAX_PATH} characters"));
        }
        if self.environment.len() > MAX_VARIABLES {
            return Err(format!("`Environment` has at most {MAX_VARIABLES} variables"));
        }
        for (name, value) in &self.environment {
            check_variable(name, value)?;
        }
        self.check_secrets()?;
        if self.nice.is_some_and(|nice| nice > 19) {
            return Err("`Nice` is a number from 0 to 19".into());
        }
        if self.memory_mib.is_some_and(|mib| !(16..=16 * 1024 * 1024).contains(&mib)) {
            return Err("`MemoryMiB` is a number from 16 to 16777216".into());
        }
        if self.cpu_percent.is_some_and(|percent| !(1..=100_000).contains(&percent)) {
            return Err("`CpuPercent` is a number from 1 to 100000; 100 is one whole processor".into());
        }
        Ok(())
    }

    /// Settings are kept with the command for everybody to see who may see it.
    fn check_secrets(&self) -> Result<(), String> {
        let directory = self.directory.iter().map(|text| ("Directory", text));
        let variables = self.environment.values().map(|text| ("Environment", text));
        for (member, text) in directory.chain(variables) {
            if let Some(name) = secrets::names_in(text).next() {
                return Err(format!(
                    "`{{{{{name}}}}}` cannot stand in `{member}`, where it would be seen: name it in the script, or in a parameter"
                ));
            }
        }
        Ok(())
    }
}

fn is_user_name(name: &str) -> bool {
    (1..=32).contains(&name.len()) && !name.starts_with('-') && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// Names that change what a shell or a program does before its first line are not taken.
fn check_variable(name: &str, value: &str) -> Result<(), String> {
    const TAKEN: &[&str] = &["PATH", "IFS", "BASH_ENV", "ENV", "SHELLOPTS", "BASHOPTS", "PS4"];
    let shown: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
    let is_name = !name.is_empty()
        && name.len() <= 128
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !is_name {
        return Err(format!(
            "`{shown}` is no name of a variable: letters, digits and `_`, not beginning with a digit"
        ));
    }
    let is_taken = TAKEN.contains(&name) || ["LD_", "BASH_FUNC_", "ROADSTEAD_"].iter().any(|prefix| name.starts_with(prefix));
    if is_taken {
        return Err(format!("the variable `{shown}` cannot be set: it would change what is executed"));
    }
    match value.len() > MAX_VALUE || value.contains('\0') {
        true => Err(format!(
            "the value of `{shown}` has at most {MAX_VALUE} bytes and no null byte among them"
        )),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn with_variable(name: &str, value: &str) -> RunSettings {
        RunSettings {
            environment: BTreeMap::from([(name.to_owned(), value.to_owned())]),
            ..RunSettings::default()
        }
    }

    #[test]
    fn absent_members_stay_absent() {
        assert_eq!(serde_json::to_string(&RunSettings::default()).unwrap(), "{}");
        assert!(serde_json::from_str::<RunSettings>("{}").unwrap().is_plain());
    }

    #[test]
    fn what_would_change_what_is_executed_is_not_a_variable() {
        for fine in ["A", "_x", "http_proxy", "LC_ALL", "PATHS"] {
            assert_eq!(with_variable(fine, "v w").check(), Ok(()), "{fine}");
        }
        for wrong in [
            "",
            "1A",
            "A-B",
            "A=B",
            "PATH",
            "LD_PRELOAD",
            "BASH_ENV",
            "BASH_FUNC_ls",
            "IFS",
            "ENV",
            "ROADSTEAD_NODE_ID",
            "É",
        ] {
            assert!(with_variable(wrong, "v").check().is_err(), "{wrong}");
        }
        assert!(with_variable("A", "a\0b").check().is_err());
        assert!(with_variable("A", &"x".repeat(4097)).check().is_err());
    }

    #[test]
    fn a_secret_is_no_setting() {
        let directory = RunSettings {
            directory: Some("/srv/{{ssm-secure:/app/pass}}".into()),
            ..RunSettings::default()
        };
        for settings in [directory, with_variable("A", "x{{ ssm-secure:/app/pass:3 }}")] {
            assert!(settings.check().unwrap_err().contains("{{ssm-secure:/app/pass"), "{settings:?}");
        }
        assert_eq!(with_variable("A", "{{ other }} ssm-secure:x").check(), Ok(()));
    }

    #[test]
    fn all_members_are_named() {
        let all = RunSettings {
            user: Some("a".into()),
            directory: Some("/".into()),
            environment: BTreeMap::from([("A".to_owned(), "b".to_owned())]),
            nice: Some(1),
            memory_mib: Some(16),
            cpu_percent: Some(1),
        };
        let written = serde_json::to_value(&all).unwrap();
        let written: BTreeSet<&str> = written.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(written, BTreeSet::from(RunSettings::MEMBERS));
    }

    #[test]
    fn only_root_runs_as_somebody_else() {
        let named = |name: &str| RunSettings {
            user: Some(name.into()),
            ..RunSettings::default()
        };
        assert_eq!(named("daemon").refused_by("root", true), None);
        assert_eq!(named("ops").refused_by("ops", false), None);
        assert_eq!(RunSettings::default().refused_by("ops", false), None);
        assert!(named("root").refused_by("ops", false).unwrap().contains("only root"));
    }

    #[test]
    fn every_member_has_its_range() {
        let plain = RunSettings::default;
        for wrong in [
            RunSettings {
                user: Some("-x".into()),
                ..plain()
            },
            RunSettings {
                user: Some("a:b".into()),
                ..plain()
            },
            RunSettings {
                user: Some(String::new()),
                ..plain()
            },
            RunSettings {
                directory: Some("srv".into()),
                ..plain()
            },
            RunSettings { nice: Some(20), ..plain() },
            RunSettings {
                memory_mib: Some(15),
                ..plain()
            },
            RunSettings {
                cpu_percent: Some(0),
                ..plain()
            },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
        let fine = RunSettings {
            user: Some("www-data".into()),
            directory: Some("/srv".into()),
            nice: Some(19),
            memory_mib: Some(16),
            cpu_percent: Some(150),
            ..plain()
        };
        assert_eq!(fine.check(), Ok(()));
    }
}
