//! What the readers of the schemas share: they walk the tree, and every finding is kept with its place and path.

use super::problem::{Path, Problem, Severity, nearest};
use super::text::{Member, Node, Part, Position};

/// More findings than a person reads.
const MAX_PROBLEMS: usize = 100;

/// Collects findings.
#[derive(Debug, Default)]
pub struct Checker {
    pub problems: Vec<Problem>,
}

impl Checker {
    pub fn error(&mut self, at: Position, path: &Path<'_>, message: impl Into<String>) {
        self.add(Severity::Error, at, path, message.into());
    }

    pub fn warn(&mut self, at: Position, path: &Path<'_>, message: impl Into<String>) {
        self.add(Severity::Warning, at, path, message.into());
    }

    fn add(&mut self, severity: Severity, at: Position, path: &Path<'_>, message: String) {
        // However many warnings stand before it, an error is never lost: it decides whether the document can be used.
        let is_first_error = severity == Severity::Error && !self.has_errors();
        if self.problems.len() < MAX_PROBLEMS || is_first_error {
            self.problems.push(Problem {
                severity,
                at,
                path: path.to_string(),
                message,
            });
        }
    }

    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }

    pub fn map<'n>(&mut self, node: &'n Node, path: &Path<'_>) -> Option<&'n [Member]> {
        match &node.part {
            Part::Map(members) => Some(members),
            _ => self.wrong_kind(node, path, "a map"),
        }
    }

    pub fn list<'n>(&mut self, node: &'n Node, path: &Path<'_>) -> Option<&'n [Node]> {
        match &node.part {
            Part::List(items) => Some(items),
            _ => self.wrong_kind(node, path, "a list"),
        }
    }

    pub fn text<'n>(&mut self, node: &'n Node, path: &Path<'_>) -> Option<&'n str> {
        match &node.part {
            Part::Text(text) => Some(text),
            _ => self.wrong_kind(node, path, "a text"),
        }
    }

    fn wrong_kind<T>(&mut self, node: &Node, path: &Path<'_>, wanted: &str) -> Option<T> {
        self.error(node.at, path, format!("must be {wanted}, not {}", node.kind()));
        None
    }

    /// A text that may be absent or empty: real documents write `description:` and nothing behind it.
    pub fn optional_text(&mut self, members: &[Member], path: &Path<'_>, key: &str) -> Option<String> {
        let node = find(members, key)?;
        match &node.part {
            Part::Null => None,
            Part::List(_) | Part::Map(_) => self.wrong_kind(node, &path.key(key), "a text"),
            _ => node.scalar(),
        }
    }

    pub fn required<'n>(&mut self, map: &'n Node, path: &Path<'_>, key: &str, what: &str) -> Option<&'n Node> {
        let found = map.member(key).filter(|node| node.part != Part::Null);
        if found.is_none() {
            let meant = match spelled_otherwise(map, key) {
                Some(other) => format!(" (`{other}` is there instead)"),
                None => String::new(),
            };
            self.error(map.at, path, format!("`{key}` is missing{meant}: {what}"));
        }
        found
    }

    /// Finds members that mean nothing here.
    pub fn only_known(&mut self, members: &[Member], path: &Path<'_>, known: &[&str], severity: Severity) {
        for member in members.iter().filter(|member| !known.contains(&member.key.as_str())) {
            let meant = match nearest(&member.key, known.iter().copied()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("known here are: {}", known.join(", ")),
            };
            let key: String = member.key.chars().take(60).collect();
            self.add(severity, member.at, path, format!("`{key}` has no meaning here; {meant}"));
        }
    }
}

/// The member whose key differs in nothing but its capitals.
fn spelled_otherwise<'n>(map: &'n Node, key: &str) -> Option<&'n str> {
    let Part::Map(members) = &map.part else { return None };
    let is_meant = |member: &&Member| member.key != key && member.key.eq_ignore_ascii_case(key);
    members.iter().find(is_meant).map(|member| member.key.as_str())
}

pub fn find<'n>(members: &'n [Member], key: &str) -> Option<&'n Node> {
    members.iter().find(|member| member.key == key).map(|member| &member.node)
}
