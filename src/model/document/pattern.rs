//! `allowedPattern`: the whole value must match.
//!
//! Documents of the field are written for a backtracking engine; ours is linear in time. What it lacks, documents use in one way
//! mostly: assertions at a place that is the same in every value, `^$|^(?!aws).+$` and `^[a-z](?!.*--)[a-z-]*(?<!-)$`. Those are taken apart
//! and judged one by one.

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
    /// What must, or must not, match from the beginning on or up to the end; the rest of the expression stands without them.
    assertions: Vec<(Regex, bool)>,
    whole: Regex,
}

impl Pattern {
    /// *Errors*: a sentence for the document's author.
    pub fn new(text: &str) -> Result<Self, String> {
        let has_assertions = ["(?!", "(?=", "(?<!", "(?<="].iter().any(|sign| text.contains(sign));
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
        let mut before = String::new();
        let mut rest = text.strip_prefix('^').unwrap_or(text);
        // Of one length only: so the assertion is about one place, whatever comes behind it.
        loop {
            let (fixed, behind) = rest.split_at(fixed_length(rest));
            let Some((inside, wanted, after)) = assertion(behind) else { break };
            before.push_str(fixed);
            assertions.push((compile(&format!("^{before}(?:{inside})"))?, wanted));
            rest = after;
        }
        if let Some((until, inside, wanted)) = last_assertion(rest) {
            assertions.push((compile(&format!("(?:{inside})$"))?, wanted));
            rest = until;
        }
        let whole = match assertions.is_empty() {
            true => text.to_owned(),
            false => before + rest,
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
    let compiled = RegexBuilder::new(&with_plain_hyphens(text)).size_limit(MAX_COMPILED_BYTES).build();
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

/// `[\w-.]` as `[\w\-.]`: behind a set a hyphen begins no range, and this engine minds.
fn with_plain_hyphens(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut depth = Depth::default();
    let mut is_behind_set = false;
    for (at, sign) in text.char_indices() {
        if sign == '-' && is_behind_set && !text[at + 1..].starts_with(']') {
            out.push('\\');
        }
        out.push(sign);
        is_behind_set = depth.in_class && depth.is_escaped && "wdsWDS".contains(sign);
        depth.take(u8::try_from(sign).unwrap_or(b' '));
    }
    out
}

/// The length of what stands for a certain number of characters, no more and no fewer.
fn fixed_length(text: &str) -> usize {
    let mut length = 0;
    while let Some(sign) = one_character(&text[length..]) {
        let behind = &text[length + sign..];
        let times = match behind.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            Some((count, _)) if count.bytes().all(|b| b.is_ascii_digit()) => count.len() + 2,
            _ if behind.starts_with(['*', '+', '?', '{']) => break,
            _ => 0,
        };
        length += sign + times;
    }
    length
}

/// The length of a class, an escaped sign or a plain one; nothing when something else begins here.
fn one_character(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    match first {
        '[' => {
            let mut depth = Depth::default();
            let end = text.bytes().position(|byte| {
                depth.take(byte);
                !depth.in_class
            });
            end.map(|end| end + 1)
        }
        '\\' => {
            let escaped = text[1..].chars().next()?;
            let is_one = !escaped.is_alphanumeric() || "wdsWDStnr".contains(escaped);
            is_one.then_some(1 + escaped.len_utf8())
        }
        _ if "()|*+?{}^$".contains(first) => None,
        _ => Some(first.len_utf8()),
    }
}

/// `(?!inside)after` or `(?=inside)after` at the beginning.
fn assertion(text: &str) -> Option<(&str, bool, &str)> {
    let (inner, wanted) = match (text.strip_prefix("(?!"), text.strip_prefix("(?=")) {
        (Some(inner), _) => (inner, false),
        (_, Some(inner)) => (inner, true),
        _ => return None,
    };
    let at = closing(inner)?;
    Some((&inner[..at], wanted, &inner[at + 1..]))
}

/// `until(?<!inside)$` or `until(?<=inside)$`.
fn last_assertion(text: &str) -> Option<(&str, &str, bool)> {
    let (until, rest) = text.split_at(text.rfind("(?<")?);
    let (inner, wanted) = match (rest.strip_prefix("(?<!"), rest.strip_prefix("(?<=")) {
        (Some(inner), _) => (inner, false),
        (_, Some(inner)) => (inner, true),
        _ => return None,
    };
    let at = closing(inner)?;
    matches!(&inner[at + 1..], "" | "$").then_some((until, &inner[..at], wanted))
}

/// Where the group ends in which a text begins.
fn closing(text: &str) -> Option<usize> {
    let mut depth = Depth::default();
    text.bytes().position(|byte| {
        let is_end = byte == b')' && depth.is_outside();
        depth.take(byte);
        is_end
    })
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
    fn assertions_behind_what_has_one_length_are_understood() {
        let pattern = Pattern::new("^[a-z]{1}(?!.*--)\\d(?!.*-$)[a-z0-9-]*$").unwrap();
        for (value, is_fine) in [
            ("w1-a", true),
            ("w1", true),
            ("w1a--b", false),
            ("w1-", false),
            ("wa", false),
            ("1", false),
        ] {
            assert_eq!(pattern.is_match(value), is_fine, "{value}");
        }
        let accent = Pattern::new("^é.(?=b)[a-z]+$").unwrap();
        assert!(accent.is_match("éüb") && !accent.is_match("éüa"));
    }

    #[test]
    fn assertions_at_the_end_are_understood() {
        let pattern = Pattern::new("^(?!-)[a-z0-9-]{1,9}(?<!-|[)]x)$").unwrap();
        for (value, is_fine) in [("web-1", true), ("web-", false), ("-web", false), ("web", true)] {
            assert_eq!(pattern.is_match(value), is_fine, "{value}");
        }
        let wanted = Pattern::new("[a-z.]+(?<=\\.log)").unwrap();
        assert!(wanted.is_match("a.log") && !wanted.is_match("a.txt"));
    }

    #[test]
    fn a_hyphen_behind_a_set_is_a_hyphen() {
        let pattern = Pattern::new("^[\\w-.]+\\[[\\d-]{2}x$").unwrap();
        assert!(pattern.is_match("a-b.c[1-x") && !pattern.is_match("a,b[11x"));
        assert!(Pattern::new("\\w-[a-c]").unwrap().is_match("x-b"));
    }

    #[test]
    fn what_cannot_be_understood_is_said() {
        assert!(Pattern::new("(").unwrap_err().contains("no regular expression"));
        assert!(Pattern::new("a+(?!b)").is_err());
        assert!(Pattern::new("a(?<!b)c").is_err());
        assert!(Pattern::new("(.{0,1000}){0,1000}").is_err());
        assert!(Pattern::new("[a-zA-Z0-9_.-]{1,2048}").is_ok());
    }
}
