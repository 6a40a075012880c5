//! The facts of `Hello`: identity, system, addresses. Read from `/proc` and `/etc`, without a child process and without NSS.

use std::collections::HashMap;

use crate::base::{Clock, Timestamp};
use crate::platform::addresses::local_addresses;
use crate::platform::users::User;
use crate::wire::node::NodeFacts;

/// Reads them all; some files and one list of interfaces. Blocks.
pub fn node_facts() -> NodeFacts {
    let system = rustix::system::uname();
    let text = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    let release = os_release();
    let of_release = |key: &str| release.get(key).cloned().unwrap_or_default();
    NodeFacts {
        computer_name: text(system.nodename()),
        machine_id: read_line("/etc/machine-id"),
        boot_id: crate::agent::step_host::boot_id(),
        // The line knows it.
        folder: String::new(),
        platform_name: of_release("NAME"),
        platform_version: of_release("VERSION_ID"),
        platform_id: of_release("ID"),
        kernel: text(system.release()),
        architecture: text(system.machine()),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        addresses: local_addresses().iter().map(ToString::to_string).collect(),
        booted_at_ms: booted_at().millis(),
        cpu_count: std::thread::available_parallelism().map_or(1, |count| count.get() as u32),
        memory_bytes: memory_bytes(&std::fs::read_to_string("/proc/meminfo").unwrap_or_default()),
        runs_as: User::current().name,
        lock: None,
    }
    .bounded()
}

fn read_line(path: &str) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// *Source*: os-release(5): the second file is for systems that have no `/etc` of their own.
fn os_release() -> HashMap<String, String> {
    let read = |path| std::fs::read_to_string(path);
    parse_os_release(&read("/etc/os-release").or_else(|_| read("/usr/lib/os-release")).unwrap_or_default())
}

fn parse_os_release(text: &str) -> HashMap<String, String> {
    let assignment = |line: &str| {
        let (key, value) = line.trim().split_once('=')?;
        Some((key.to_owned(), unquote(value)))
    };
    text.lines().filter(|line| !line.starts_with('#')).filter_map(assignment).collect()
}

/// Shell quoting, as far as the file may use it.
fn unquote(value: &str) -> String {
    let inner = ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    let mut out = String::new();
    let mut characters = inner.unwrap_or(value).chars();
    while let Some(c) = characters.next() {
        out.extend(if c == '\\' { characters.next() } else { Some(c) });
    }
    out
}

/// From the kernel's own count, so that a clock set since does not move it between two readings.
fn booted_at() -> Timestamp {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let seconds = stat
        .lines()
        .find_map(|line| line.strip_prefix("btime ")?.trim().parse::<i64>().ok());
    seconds.map_or_else(|| Clock::system().now(), |seconds| Timestamp::from_millis(seconds * 1000))
}

fn memory_bytes(meminfo: &str) -> u64 {
    let kilobytes = meminfo.lines().find_map(|line| {
        line.strip_prefix("MemTotal:")?
            .trim()
            .strip_suffix("kB")?
            .trim()
            .parse::<u64>()
            .ok()
    });
    kilobytes.unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn os_release_is_read_with_its_quotes() {
        let text = "# comment\nNAME=\"Debian GNU/Linux\"\nVERSION_ID='12'\nID=debian\nPRETTY_NAME=\"a \\\"b\\\" \\$c\"\n";
        let release = parse_os_release(text);
        assert_eq!(release["NAME"], "Debian GNU/Linux");
        assert_eq!((release["VERSION_ID"].as_str(), release["ID"].as_str()), ("12", "debian"));
        assert_eq!(release["PRETTY_NAME"], "a \"b\" $c");
    }

    #[test]
    fn memory_is_in_bytes() {
        assert_eq!(memory_bytes("MemTotal:       1024 kB\nMemFree: 1 kB\n"), 1 << 20);
        assert_eq!(memory_bytes(""), 0);
    }

    #[test]
    fn this_node_has_facts_and_they_do_not_change_by_themselves() {
        let facts = node_facts();
        assert!(!facts.computer_name.is_empty() && !facts.boot_id.is_empty() && !facts.kernel.is_empty());
        assert!(facts.memory_bytes > 0 && facts.cpu_count > 0 && facts.booted_at_ms > 0);
        assert_eq!(facts, node_facts());
    }
}
