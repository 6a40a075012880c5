//! What a node says of itself.

use serde::{Deserialize, Serialize};

use crate::model::lock::{Lock, MAX_ENTRIES};

/// Facts an agent reports in its first frame and again when one of them changed.
///
/// The hub treats every text as hostile: it is bounded on arrival ([`NodeFacts::bounded`]) and shown as text only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeFacts {
    pub computer_name: String,
    /// `/etc/machine-id`, or empty when the system has none.
    pub machine_id: String,
    /// The kernel's boot id: another one means the node was rebooted.
    pub boot_id: String,
    /// The folder that the agent's key lies in, told from its copies on the same system by device and inode. Said in the first
    /// frame; empty when it is in no folder, or the agent is older.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub folder: String,
    /// `NAME` of os-release, e.g. `Debian GNU/Linux`.
    pub platform_name: String,
    /// `VERSION_ID` of os-release, e.g. `12`.
    pub platform_version: String,
    /// `ID` of os-release, e.g. `debian`.
    pub platform_id: String,
    pub kernel: String,
    /// As the kernel names it: `x86_64`, `aarch64` …
    pub architecture: String,
    pub agent_version: String,
    /// Global addresses, the one used to reach the hub first.
    pub addresses: Vec<String>,
    /// When the system booted, epoch milliseconds.
    pub booted_at_ms: i64,
    pub cpu_count: u32,
    pub memory_bytes: u64,
    /// The user that commands run as: `root` or the agent's own.
    pub runs_as: String,
    /// What the node's owner forbids, when there is a lock file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<LockFacts>,
}

/// The lock of a node as its agent enforces it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct LockFacts {
    pub lock: Lock,
    /// Where it stands, on the node.
    pub files: Vec<String>,
    /// Why everything is locked, when a file cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

impl LockFacts {
    fn bound(&mut self) {
        self.files.truncate(4);
        for text in self.files.iter_mut().chain(&mut self.trouble) {
            *text = bounded_text(text);
        }
        if let Some(documents) = &mut self.lock.allowed_documents {
            documents.truncate(MAX_ENTRIES);
        }
        if let Some(operators) = &mut self.lock.operator_lock {
            operators.classes.truncate(MAX_ENTRIES);
            operators.keys.truncate(MAX_ENTRIES);
            for key in &mut operators.keys {
                *key = key.chars().filter(|c| !c.is_control()).take(1024).collect();
            }
        }
    }
}

impl NodeFacts {
    /// Boot id and folder in one: where an agent with this key runs, apart from the machine's id.
    pub fn boot_and_folder(&self) -> String {
        match self.folder.as_str() {
            "" => self.boot_id.clone(),
            folder => format!("{}/{folder}", self.boot_id),
        }
    }

    /// The same facts with every text cut to 256 characters, control characters removed, and at most 16 addresses.
    pub fn bounded(mut self) -> Self {
        let texts = [
            &mut self.computer_name,
            &mut self.machine_id,
            &mut self.boot_id,
            &mut self.folder,
            &mut self.platform_name,
            &mut self.platform_version,
            &mut self.platform_id,
            &mut self.kernel,
            &mut self.architecture,
            &mut self.agent_version,
            &mut self.runs_as,
        ];
        for text in texts {
            *text = bounded_text(text);
        }
        self.addresses.truncate(16);
        for address in &mut self.addresses {
            *address = bounded_text(address);
        }
        if let Some(lock) = &mut self.lock {
            lock.bound();
        }
        self
    }
}

fn bounded_text(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(256).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_text_is_cut_and_cleaned() {
        let facts = NodeFacts {
            computer_name: format!("a\u{1b}[31m{}", "x".repeat(10_000)),
            lock: Some(LockFacts {
                trouble: Some("\u{1b}[2J".into()),
                files: vec![String::new(); 100],
                ..LockFacts::default()
            }),
            ..NodeFacts::default()
        }
        .bounded();
        let lock = facts.lock.unwrap();
        assert_eq!((lock.trouble.as_deref(), lock.files.len()), (Some("[2J"), 4));
        assert_eq!(facts.computer_name.chars().count(), 256);
        assert!(!facts.computer_name.contains('\u{1b}'));
    }
}
