//! What is wrong with a document: where, and what would be right.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::text::Position;
pub use crate::model::nearest::nearest;

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    /// Zero when the document had no text.
    pub at: Position,
    /// `mainSteps[0].inputs.runCommand`; empty for the document as a whole.
    pub path: String,
    /// One sentence that says what would be right.
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The document cannot be used.
    Error,
    /// It can, and somebody should look at it.
    Warning,
}

impl Problem {
    pub fn error(at: Position, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            at,
            path: String::new(),
            message: message.into(),
        }
    }
}

/// `line 3, column 5, at `mainSteps[0].name`: …`
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.at.line > 0, self.path.is_empty()) {
            (true, true) => write!(f, "{}: ", self.at)?,
            (true, false) => write!(f, "{}, at `{}`: ", self.at, self.path)?,
            (false, true) => {}
            (false, false) => write!(f, "at `{}`: ", self.path)?,
        }
        f.write_str(&self.message)
    }
}

/// The way from the root to a part, on the stack of whoever walks: it costs nothing until it must be shown.
#[derive(Clone, Copy, Debug)]
pub struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    link: Link<'p>,
}

#[derive(Clone, Copy, Debug)]
enum Link<'p> {
    Root,
    Key(&'p str),
    Index(usize),
}

impl<'p> Path<'p> {
    pub const ROOT: Path<'static> = Path {
        parent: None,
        link: Link::Root,
    };

    pub fn key(&'p self, key: &'p str) -> Path<'p> {
        Path {
            parent: Some(self),
            link: Link::Key(key),
        }
    }

    pub fn index(&'p self, index: usize) -> Path<'p> {
        Path {
            parent: Some(self),
            link: Link::Index(index),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.link {
            Link::Root => Ok(()),
            Link::Key(key) if self.parent.is_some_and(|parent| parent.parent.is_some()) => write!(f, ".{key}"),
            Link::Key(key) => f.write_str(key),
            Link::Index(index) => write!(f, "[{index}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_one_would_write_it() {
        let steps = Path::ROOT.key("mainSteps");
        let step = steps.index(2);
        let inputs = step.key("inputs");
        assert_eq!(inputs.to_string(), "mainSteps[2].inputs");
        assert_eq!(Path::ROOT.to_string(), "");
    }
}
