//! The document that every program of ours knows by heart, hub or no hub: the one that a lock may allow by name, and that an
//! operator signs without asking a hub what it says. Its text is the library's.

use std::sync::LazyLock;

use serde_json::Value;

use super::text::{Format, parse};

/// The name of the shell document, upstream's.
pub const RUN_SHELL_SCRIPT: &str = "AWS-RunShellScript";

/// All of them, in the order in which they are listed.
pub const NAMES: &[&str] = &[RUN_SHELL_SCRIPT];

const SHELL_TEXT: &str = include_str!("../../hub/capabilities/documents/library/AWS-RunShellScript.yaml");

/// The content of a stock document, `None` when the name is not one.
pub fn content(name: &str) -> Option<Value> {
    static SHELL: LazyLock<Value> = LazyLock::new(|| {
        let root = parse(SHELL_TEXT, Format::Yaml).expect("a test reads every document of the library");
        root.to_value()
    });
    (name == RUN_SHELL_SCRIPT).then(|| SHELL.clone())
}
