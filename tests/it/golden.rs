//! What the hub promises others, written down: a change shows in review. `UPDATE_GOLDEN=1 cargo test golden` rewrites it.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use roadstead::hub::api::registry::Access;
use roadstead::hub::{api, capabilities, registry, store};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn holds(path: &str, now: &str) {
    let path = root().join(path);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, now).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == now,
        "{} is not what the code says now; look at the change and run UPDATE_GOLDEN=1 cargo test golden",
        path.display()
    );
}

#[test]
fn the_list_of_operations() {
    let mut list = String::new();
    for operation in registry().operations() {
        let access = match operation.access {
            Access::Open => "open",
            Access::Own => "own",
            Access::Read => "read",
            Access::Write => "write",
        };
        writeln!(
            list,
            "{}.{} {access} {}",
            operation.service.target_prefix(),
            operation.name,
            operation.capability
        )
        .unwrap();
    }
    holds("tests/it/golden/operations.txt", &list);
}

// Shapes are known to builds with debug assertions only.
#[cfg(debug_assertions)]
#[test]
fn the_shapes_of_the_api_as_typescript() {
    holds("web/src/api/types.gen.ts", &api::typescript::render(&registry()));
}

#[cfg(debug_assertions)]
#[test]
fn the_words_of_policies_as_typescript() {
    holds("web/src/api/words.gen.ts", &api::typescript::words(&registry()));
}

#[test]
fn the_schema_of_the_database() {
    holds("tests/it/golden/schema.sql", &store::schema().unwrap());
}

/// Where we differ from upstream on purpose, collected from the code.
#[test]
fn the_list_of_differences() {
    let mut found: Vec<(String, String)> = Vec::new();
    for file in crate::tidy::files("src", "rs") {
        let text = std::fs::read_to_string(&file).unwrap();
        let place = file.strip_prefix(root()).unwrap().display().to_string();
        let mut lines = text
            .lines()
            .map(|l| l.trim().trim_start_matches('/').trim_start_matches('!').trim())
            .peekable();
        while let Some(line) = lines.next() {
            let Some(start) = line.strip_prefix("Differs:") else { continue };
            let mut words = start.trim().to_owned();
            while !words.ends_with('.')
                && let Some(next) = lines.next_if(|l| !l.is_empty())
            {
                words.push(' ');
                words.push_str(next);
            }
            found.push((place.clone(), words));
        }
    }
    found.sort();
    let mut page = String::from(
        "# Where Roadstead differs from AWS Systems Manager on purpose\n\nCollected from the code by a test; each entry stands where it is done.\n\n",
    );
    for (place, words) in found {
        writeln!(page, "- {words} (`{place}`)").unwrap();
    }
    holds("docs/differences.md", &page);
}

#[test]
fn who_answers_for_what() {
    holds("docs/responsibilities.md", &capabilities::audit_log::responsibilities::page());
}

/// What the library holds, read where the documents are written.
#[test]
fn the_list_of_the_library() {
    let folder = root().join("src/hub/capabilities/documents/library");
    let mut rows: Vec<(String, String)> = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let description = text.lines().find_map(|line| line.strip_prefix("description: ")).unwrap();
        rows.push((path.file_stem().unwrap().to_string_lossy().into_owned(), description.to_owned()));
    }
    rows.sort();
    let mut page = String::from(LIBRARY);
    for (name, description) in rows {
        writeln!(page, "| `{name}` | {description} |").unwrap();
    }
    holds("docs/library.md", &page);
}

const LIBRARY: &str = "# The library of documents

What every hub has from the start, without a network. `roadstead document show NAME` says which parameters a document takes;
[documents](documents.md) says how one is run. Collected from the documents by a test.

| document | what it does |
|---|---|
";
