//! The shape of the code, held by a test: who may import whom, how long a file may be, what must not stand in it.

use std::path::{Path, PathBuf};

/// All files below a folder with this ending, sorted.
pub fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, ending: &str, all: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, ending, all);
            } else if path.extension().is_some_and(|e| e == ending) {
                all.push(path);
            }
        }
    }
    let mut all = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), ending, &mut all);
    all.sort();
    all
}

fn source() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let read = |path: PathBuf| {
        (
            path.strip_prefix(&root).unwrap().display().to_string(),
            std::fs::read_to_string(&path).unwrap(),
        )
    };
    files("src", "rs").into_iter().map(read).collect()
}

/// The lines of a file that are not its tests.
fn without_tests(text: &str) -> impl Iterator<Item = &str> {
    text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"))
}

fn is_test_file(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("tests.rs")
}

/// A module may name those with a larger number, and itself.
fn layer(path: &str) -> Option<u32> {
    const HUB: &[(&str, u32)] = &[
        ("hub/front", 21),
        ("hub/web", 21),
        ("hub/certificates", 21),
        ("hub/capabilities", 22),
        ("hub/api", 23),
        ("hub/link", 24),
        ("hub/jobs", 24),
        ("hub/audit", 25),
        ("hub/auth", 25),
        ("hub/labels", 26),
        ("hub/events", 26),
        ("hub/store", 27),
        ("hub/keys", 27),
        ("hub/config", 28),
        ("hub", 20),
    ];
    const ALL: &[(&str, u32)] = &[
        ("main", 0),
        ("lib", 0),
        ("cli", 10),
        ("agent", 20),
        ("wire", 30),
        ("platform", 40),
        ("model", 50),
        ("base", 60),
    ];
    HUB.iter()
        .chain(ALL)
        .find(|(prefix, _)| path == *prefix || path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(['/', '.'])))
        .map(|(_, layer)| *layer)
}

#[test]
fn imports_point_only_downwards() {
    let mut wrong = Vec::new();
    for (path, text) in source() {
        let Some(own) = layer(&path) else {
            panic!("{path} lies in no known module")
        };
        for line in without_tests(&text).filter(|l| !l.trim_start().starts_with("//")) {
            let line = line.replace("in crate::", "");
            for name in line.match_indices("crate::").map(|(at, _)| &line[at + 7..]) {
                let name: String = name.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':')).collect();
                let named = name.replace("::", "/");
                let Some(other) = layer(named.trim_end_matches('/')) else {
                    continue;
                };
                let is_same_room = own == other && (own != 20 || path.starts_with("agent") == named.starts_with("agent"));
                // The front and the console's files may lean on each other; capabilities are ordered by their own test.
                let is_down = other > own && !(own == 21 && other == 22);
                if !is_same_room && !is_down && !is_test_file(&path) {
                    wrong.push(format!("{path} names {name}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "imports against the order:\n{}", wrong.join("\n"));
}

#[test]
fn capabilities_call_each_other_only_downwards() {
    const LEVELS: &[(&str, u32)] = &[
        ("tags", 0),
        ("settings", 0),
        ("access", 0),
        ("audit_log", 0),
        ("notifications", 1),
        ("object_stores", 1),
        ("parameters", 0),
        ("documents", 1),
        ("fleet", 1),
        ("activations", 2),
        ("commands", 2),
        ("logs", 3),
        ("resource_groups", 2),
        ("sessions", 2),
        ("explorer", 7),
        ("clock", 7),
    ];
    let level = |name: &str| LEVELS.iter().find(|(n, _)| *n == name).map(|(_, l)| *l);
    for (path, text) in source() {
        let Some(own) = path
            .strip_prefix("hub/capabilities/")
            .and_then(|rest| rest.split_once('/'))
            .map(|(name, _)| name.to_owned())
        else {
            continue;
        };
        let own_level = level(&own).unwrap_or_else(|| panic!("capability {own} has no level: add it to this test"));
        for line in without_tests(&text) {
            let Some((_, rest)) = line.split_once("crate::hub::capabilities::") else {
                continue;
            };
            let other: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let Some(other_level) = level(&other) else { continue };
            assert!(
                other == own || other_level < own_level,
                "{path}: {own} names {other}, which is not below it"
            );
        }
    }
}

#[test]
fn only_the_store_names_rusqlite() {
    for (path, text) in source().iter().filter(|(path, _)| !path.starts_with("hub/store/")) {
        assert!(!text.contains("rusqlite::"), "{path} names rusqlite");
    }
}

#[test]
fn only_the_cli_prints() {
    for (path, text) in source()
        .iter()
        .filter(|(path, _)| !path.starts_with("cli/") && !path.starts_with("main"))
    {
        for line in without_tests(text).filter(|_| !is_test_file(path)) {
            assert!(!line.contains("println!(") && !line.contains("eprintln!("), "{path} prints: {line}");
        }
    }
}

#[test]
fn no_file_outgrows_five_hundred_lines() {
    for (path, text) in source().iter().filter(|(path, _)| !is_test_file(path)) {
        let lines = without_tests(text).count();
        assert!(lines <= 500, "{path} has {lines} lines without its tests: split it by noun");
    }
}

#[test]
fn every_module_says_what_it_is() {
    for (path, text) in source() {
        assert!(text.starts_with("//!"), "{path} does not begin with `//!`");
    }
}

#[test]
fn nothing_is_marked_unfinished() {
    let marks = ["TODO", "FIXME", "XXX", "todo!(", "unimplemented!(", "not yet implemented"];
    for (path, text) in source() {
        for mark in marks {
            assert!(!text.contains(mark), "{path} holds `{mark}`");
        }
    }
}

#[test]
fn sql_is_never_built_from_values() {
    for (path, text) in source()
        .iter()
        .filter(|(path, _)| path.starts_with("hub/") && !path.starts_with("hub/store/"))
    {
        let text = text.to_uppercase();
        for verb in ["FORMAT!(\"SELECT", "FORMAT!(\"UPDATE", "FORMAT!(\"INSERT", "FORMAT!(\"DELETE"] {
            assert!(!text.contains(verb), "{path} formats SQL");
        }
    }
}
