//! Who is still there: processes of a group, and descendants that left it, read from `/proc`.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;

/// Names shown in a message; more are counted.
const SHOWN: usize = 8;

/// One line of `/proc/<pid>/stat`, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    pub name: String,
    pub state: u8,
    pub parent: i32,
    pub group: i32,
    pub session: i32,
    pub start_ticks: u64,
}

/// The process with this pid, `None` when there is none.
pub fn process(pid: i32) -> Option<Process> {
    // All of it at once: piece by piece it would be read in many.
    let mut text = String::with_capacity(1024);
    File::open(format!("/proc/{pid}/stat")).ok()?.read_to_string(&mut text).ok()?;
    parse_stat(&text)
}

/// Every process there is.
pub fn all() -> impl Iterator<Item = Process> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten();
    entries.filter_map(|entry| process(entry.ok()?.file_name().to_str()?.parse().ok()?))
}

/// Living processes that are in `group` or descend from `ancestor`, without `ancestor` itself.
pub fn living(group: i32, ancestor: i32) -> Vec<Process> {
    let all: HashMap<i32, Process> = all().map(|process| (process.pid, process)).collect();
    let mut found: Vec<Process> = all
        .values()
        .filter(|p| p.pid != ancestor && !matches!(p.state, b'Z' | b'X'))
        .filter(|p| p.group == group || descends(&all, p, ancestor))
        .cloned()
        .collect();
    found.sort_by_key(|p| p.pid);
    found
}

fn descends(all: &HashMap<i32, Process>, process: &Process, ancestor: i32) -> bool {
    let mut at = process.parent;
    // Parents cannot form a circle, but the snapshot is not taken in one moment.
    for _ in 0..all.len() {
        if at == ancestor {
            return true;
        }
        match all.get(&at) {
            Some(parent) => at = parent.parent,
            None => return false,
        }
    }
    false
}

/// `sleep (pid 12), nginx (pid 14) and 3 more`
pub fn listed(processes: &[Process]) -> String {
    let shown: Vec<String> = processes
        .iter()
        .take(SHOWN)
        .map(|p| format!("{} (pid {})", p.name, p.pid))
        .collect();
    match processes.len() {
        0..=SHOWN => shown.join(", "),
        more => format!("{} and {} more", shown.join(", "), more - SHOWN),
    }
}

/// The name stands in brackets and may hold anything, brackets and blanks too.
fn parse_stat(text: &str) -> Option<Process> {
    let open = text.find('(')?;
    let close = text.rfind(')')?;
    let fields: Vec<&str> = text.get(close + 1..)?.split_ascii_whitespace().collect();
    Some(Process {
        pid: text[..open].trim().parse().ok()?,
        // A process names itself; nothing in it may act on a terminal.
        name: text.get(open + 1..close)?.chars().filter(|c| !c.is_control()).collect(),
        state: *fields.first()?.as_bytes().first()?,
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        start_ticks: fields.get(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_is_read() {
        let line = "42 (a) b (c) S 1 40 39 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 20 18446744073709551615";
        let process = parse_stat(line).unwrap();
        assert_eq!((process.pid, process.parent, process.group, process.session), (42, 1, 40, 39));
        assert_eq!(
            (process.name.as_str(), process.state, process.start_ticks),
            ("a) b (c", b'S', 987_654)
        );
        assert_eq!(parse_stat("garbage"), None);
    }

    #[test]
    fn a_child_is_found_below_its_ancestor() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let me = std::process::id() as i32;
        let found = living(-1, me);
        child.kill().unwrap();
        child.wait().unwrap();
        let process = found.iter().find(|p| p.pid == child.id() as i32).unwrap();
        assert_eq!(process.parent, me);
        assert!(!living(-1, me).iter().any(|p| p.pid == child.id() as i32));
    }

    #[test]
    fn a_long_list_is_counted() {
        let one = process(std::process::id() as i32).unwrap();
        assert!(listed(&vec![one; 11]).ends_with(" and 3 more"));
    }
}
