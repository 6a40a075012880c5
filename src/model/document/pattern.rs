//! `allowedPattern`: the whole value must match.
//!
//! Documents of the field are written for a backtracking engine; ours is linear in time. What it lacks, documents use in one way
//! mostly: assertions at the beginning of an alternative, `^$|^(?!aws).+$`. Those are taken apart and judged one by one.

use std::sync::{Arc, OnceLock};

use regex_lite::{Regex, RegexBuilder};

/// A parameter's pattern as it was written, compiled when it is first wanted and then kept.
#[derive(Clone, Debug)]
pub struct AllowedPattern {
    text: String,
    compiled: Arc<OnceLock<Result<Pattern, String>>>,
}

impl AllowedPattern {
    pub fn new(text: String) -> Self {
        Self {
            text,
            compiled: Arc::default(),
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// *Errors*: a sentence for the document's author.
    pub fn compiled(&self) -> Result<&Pattern, &str> {
        let compiled = self.compiled.get_or_init(|| Pattern::new(&self.text));
        compiled.as_ref().map_err(String::as_str)
    }
}

impl PartialEq for AllowedPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// A compiled pattern: one of its alternatives must match.
#[derive(Debug)]
pub struct Pattern(Vec<Alternative>);

#[derive(Debug)]
struct Alternative {
    /// What must, or must not, match from the beginning on.
    assertions: Vec<(Regex, bool)>,
    whole: Regex,
}

impl Pattern {
    /// *Errors*: a sentence for the document's author.
    pub fn new(text: &str) -> Result<Self, String> {
        let has_assertions = text.contains("(?!") || text.contains("(?=");
        let alternatives = match has_assertions {
            true => alternatives(text),
            false => vec![text],
        };
        alternatives.into_iter().map(Alternative::new).collect::<Result<_, _>>().map(Self)
    }

    pub fn is_match(&self, value: &str) -> bool {
        self.0.iter().any(|alternative| alternative.is_match(value))
    }
}

impl Alternative {
    fn new(text: &str) -> Result<Self, String> {
        let mut assertions = Vec::new();
        let mut rest = text.strip_prefix('^').unwrap_or(text);
        while let Some((inside, wanted, after)) = assertion(rest) {
            assertions.push((compile(&format!("^(?:{inside})"))?, wanted));
            rest = after;
        }
        let whole = match assertions.is_empty() {
            true => text,
            false => rest,
        };
        Ok(Self {
            assertions,
            whole: compile(&format!("^(?:{whole})$"))?,
        })
    }

    fn is_match(&self, value: &str) -> bool {
        self.assertions.iter().all(|(regex, wanted)| regex.is_match(value) == *wanted) && self.whole.is_match(value)
    }
}

/// The time of a match grows with the compiled size; `[a-zA-Z0-9_.-]{1,2048}` needs an eighth of this.
const MAX_COMPILED_BYTES: usize = 2 * 1024 * 1024;

fn compile(text: &str) -> Result<Regex, String> {
    let compiled = RegexBuilder::new(text).size_limit(MAX_COMPILED_BYTES).build();
    compiled.map_err(|e| format!("is no regular expression that this engine knows: {e}"))
}

/// What stands between the bars that are in no group and no class.
fn alternatives(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut depth = Depth::default();
    for (at, byte) in text.bytes().enumerate() {
        if byte == b'|' && depth.is_outside() {
            parts.push(&text[start..at]);
            start = at + 1;
        }
        depth.take(byte);
    }
    parts.push(&text[start..]);
    parts
}

/// `(?!inside)after` or `(?=inside)after` at the beginning.
fn assertion(text: &str) -> Option<(&str, bool, &str)> {
    let (inner, wanted) = match (text.strip_prefix("(?!"), text.strip_prefix("(?=")) {
        (Some(inner), _) => (inner, false),
        (_, Some(inner)) => (inner, true),
        _ => return None,
    };
    let mut depth = Depth::default();
    for (at, byte) in inner.bytes().enumerate() {
        if byte == b')' && depth.is_outside() {
            return Some((&inner[..at], wanted, &inner[at + 1..]));
        }
        depth.take(byte);
    }
    None
}

/// Where in an expression one is.
#[derive(Default)]
struct Depth {
    groups: i32,
    in_class: bool,
    is_escaped: bool,
}

impl Depth {
    fn is_outside(&self) -> bool {
        self.groups == 0 && !self.in_class && !self.is_escaped
    }

    fn take(&mut self, byte: u8) {
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' => self.is_escaped = true,
            b'[' => self.in_class = true,
            b']' => self.in_class = false,
            b'(' if !self.in_class => self.groups += 1,
            b')' if !self.in_class => self.groups -= 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_value_must_match() {
        let pattern = Pattern::new("a|b").unwrap();
        assert!(pattern.is_match("b") && !pattern.is_match("ab"));
        assert!(Pattern::new("^[a-z]{1,3}$").unwrap().is_match("abc"));
    }

    #[test]
    fn assertions_at_the_beginning_are_understood() {
        let pattern = Pattern::new("^(?!aws|[)(]x)(?=.*\\d)[a-z0-9]+$").unwrap();
        for (value, is_fine) in [("web1", true), ("aws1", false), ("web", false), ("WEB1", false)] {
            assert_eq!(pattern.is_match(value), is_fine, "{value}");
        }
        let optional = Pattern::new("^$|^(?!(aws|amazon))[a-z|]+$").unwrap();
        for (value, is_fine) in [("", true), ("web", true), ("awsx", false), ("a|b", true)] {
            assert_eq!(optional.is_match(value), is_fine, "{value}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_said() {
        assert!(Pattern::new("(").unwrap_err().contains("no regular expression"));
        assert!(Pattern::new("a(?!b)").is_err());
        assert!(Pattern::new("(.{0,1000}){0,1000}").is_err());
        assert!(Pattern::new("[a-zA-Z0-9_.-]{1,2048}").is_ok());
    }
}
