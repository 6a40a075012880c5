//! What a node says of itself.

use serde::{Deserialize, Serialize};

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
}

impl NodeFacts {
    /// The same facts with every text cut to 256 characters, control characters removed, and at most 16 addresses.
    pub fn bounded(mut self) -> Self {
        let texts = [
            &mut self.computer_name,
            &mut self.machine_id,
            &mut self.boot_id,
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
            ..NodeFacts::default()
        }
        .bounded();
        assert_eq!(facts.computer_name.chars().count(), 256);
        assert!(!facts.computer_name.contains('\u{1b}'));
    }
}
