//! Where a value comes from: a file, a pipe, or a person who is asked without echo.

use std::io::{IsTerminal, Read};
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::cli::failure::Failure;
use crate::cli::prompt;

/// The value from `file`, else from stdin. One line break at the end belongs to the editor, not to the value.
pub fn value(given: Option<&Path>, is_secret: bool) -> Result<String> {
    if let Some(path) = given {
        return Ok(without_last_break(file(path)?));
    }
    if !std::io::stdin().is_terminal() {
        return Ok(without_last_break(file(Path::new("-"))?));
    }
    if is_secret {
        return Ok(prompt::ask_hidden("Value: ")?.take());
    }
    Err(Failure::usage("there is no value")
        .hint("give it after the name, with --file, or on stdin")
        .into())
}

/// A whole file; `-` is stdin.
pub fn file(path: &Path) -> Result<String> {
    if path != Path::new("-") {
        return std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()));
    }
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text).context("could not read stdin")?;
    Ok(text)
}

fn without_last_break(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}
