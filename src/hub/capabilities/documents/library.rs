//! The documents that every hub has from the start, offline, written by us.
//!
//! They lie in `library/` as YAML, are part of the binary, and become rows at each start of the hub, so that lists, rights, tags
//! and commands treat them as any other. One whose text has changed since gets a new version, which is its default: a command
//! that ran an earlier one still shows what it ran.
//!
//! A line `#include NAME` stands for the lines of `library/shared/NAME.sh`: what several scripts do is written once, and still every
//! document that a node or a reader gets is whole.

use rust_embed::RustEmbed;

use crate::base::Timestamp;
use crate::hub::capabilities::documents::content;
use crate::hub::capabilities::documents::names::Version;
use crate::hub::capabilities::documents::rows::{self, AMAZON, DocumentRow, ROADSTEAD, VersionRow};
use crate::hub::store::blobs::hash;
use crate::hub::store::{StoreError, Tx};
use crate::model::document::{Format, Node, text};

#[derive(RustEmbed)]
#[folder = "src/hub/capabilities/documents/library"]
struct Files;

/// What upstream has each account make for itself, with its own settings for shells: a document of ours stands in until somebody does.
const STANDS_IN: &str = "SSM-SessionManagerRunShell";

/// One document of the library.
struct Builtin {
    name: String,
    text: String,
}

fn all() -> Vec<Builtin> {
    Files::iter()
        .filter_map(|file| {
            let name = file.strip_suffix(".yaml")?.to_owned();
            let text = whole(&read(&file)?);
            Some(Builtin { name, text })
        })
        .collect()
}

fn read(file: &str) -> Option<String> {
    String::from_utf8(Files::get(file)?.data.into_owned()).ok()
}

/// The text with its `#include` lines filled in, each as deep as the line stands.
fn whole(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let included = line.trim_start().strip_prefix("#include ");
        match included.and_then(|name| read(&format!("shared/{name}.sh"))) {
            None => lines.push(line.to_owned()),
            Some(part) => {
                let depth = &line[..line.len() - line.trim_start().len()];
                lines.extend(part.lines().map(|inner| format!("{depth}{inner}").trim_end().to_owned()));
            }
        }
    }
    lines.join("\n") + "\n"
}

/// Puts the library into the rows. To be called once, before the hub listens.
pub fn install(tx: &Tx<'_>, now: Timestamp) -> Result<(), StoreError> {
    for builtin in all() {
        install_one(tx, &builtin, now)?;
    }
    Ok(())
}

/// Makes room for a document of the caller's own where ours only stands in.
pub fn step_aside(tx: &Tx<'_>, document: &DocumentRow) -> Result<bool, StoreError> {
    let is_asked = document.name == STANDS_IN && document.is_builtin();
    if is_asked {
        rows::delete(tx, &document.name)?;
    }
    Ok(is_asked)
}

/// The other way round, when the caller's own is gone.
pub fn stand_in_again(tx: &Tx<'_>, name: &str, now: Timestamp) -> Result<(), StoreError> {
    let mut missing = all().into_iter().filter(|builtin| name == STANDS_IN && builtin.name == name);
    missing.try_for_each(|builtin| install_one(tx, &builtin, now))
}

fn install_one(tx: &Tx<'_>, builtin: &Builtin, now: Timestamp) -> Result<(), StoreError> {
    let before = rows::document(tx, &builtin.name)?;
    if before.as_ref().is_some_and(|document| !document.is_builtin()) {
        return Ok(());
    }
    let sha256 = data_encoding::HEXLOWER.encode(&hash(builtin.text.as_bytes()));
    let latest = match &before {
        Some(document) => rows::version(tx, document, Some(Version::Latest), None)?,
        None => None,
    };
    if latest.is_some_and(|version| version.sha256 == sha256) {
        return Ok(());
    }
    let number = before.as_ref().map_or(0, |document| document.last_version) + 1;
    let kind = kind_of(&builtin.text);
    let version = version(builtin, kind, sha256, number, now)?;
    match before {
        None => rows::insert(tx, kind, owner_of(&builtin.name), &version),
        Some(_) => {
            rows::insert_version(tx, &version)?;
            rows::set_latest(tx, &version.name, number, number)?;
            rows::set_default(tx, &version.name, number)
        }
    }
}

/// Names of upstream's are upstream's documents, for clients filter by that.
fn owner_of(name: &str) -> &'static str {
    match name.starts_with("Roadstead-") {
        true => ROADSTEAD,
        false => AMAZON,
    }
}

fn kind_of(text: &str) -> &'static str {
    let schema = text::parse(text, Format::Yaml)
        .ok()
        .and_then(|root| root.member("schemaVersion").and_then(Node::scalar));
    match schema.as_deref() {
        Some("1.0") => "Session",
        Some("0.3") => "Automation",
        _ => "Command",
    }
}

fn version(builtin: &Builtin, kind: &str, sha256: String, number: i64, now: Timestamp) -> Result<VersionRow, StoreError> {
    let judged = content::judge(kind, Format::Yaml, &builtin.text)
        .map_err(|error| StoreError::Malformed(format!("library document {}: {}", builtin.name, error.message)))?;
    Ok(VersionRow {
        name: builtin.name.clone(),
        version: number,
        version_name: None,
        display_name: None,
        format: Format::Yaml,
        content: builtin.text.clone(),
        sha256,
        schema_version: judged.schema_version,
        description: judged.description,
        target_type: None,
        requires: Vec::new(),
        platforms: judged.platforms,
        author: String::new(),
        review: None,
        created_at: now,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::document::{Document, ParameterType};

    #[test]
    fn every_document_of_the_library_is_good_and_says_what_it_does() {
        assert!(all().len() >= 60);
        for builtin in all() {
            assert!(!builtin.text.contains("#include"), "{} includes what there is not", builtin.name);
            let root = text::parse(&builtin.text, Format::Yaml).unwrap_or_else(|problem| panic!("{}: {problem}", builtin.name));
            let reading = Document::read(&root);
            assert!(reading.problems.is_empty(), "{}: {:?}", builtin.name, reading.problems);
            let document = reading.document.unwrap();
            assert!(document.description.is_some_and(|text| text.len() > 20), "{}", builtin.name);
            for (name, spec) in document.parameters.iter() {
                assert!(spec.description.is_some(), "{}: {name} has no description", builtin.name);
            }
        }
    }

    #[test]
    fn what_is_included_stands_as_deep_as_its_line() {
        let text = whole("a: |\n  #include gone\n  b\n");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].starts_with("  gone() {") && lines.last() == Some(&"  b"), "{text}");
        assert_eq!(whole("#include nothing\n"), "#include nothing\n");
    }

    /// A caller's text reaches a shell as a variable only, unless it is the script itself.
    #[test]
    fn no_document_of_ours_puts_a_text_into_a_shell() {
        for builtin in all().iter().filter(|builtin| builtin.name.starts_with("Roadstead-")) {
            let root = text::parse(&builtin.text, Format::Yaml).unwrap();
            let document = Document::read(&root).document.unwrap();
            for (name, spec) in document.parameters.iter().filter(|(_, spec)| spec.kind == ParameterType::String) {
                assert!(spec.is_environment, "{}: {name}", builtin.name);
            }
        }
    }
}
