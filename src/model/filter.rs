//! The filter language: tokens such as `status=online tag:env=prod web`, the same in the console's search field, in a URL,
//! on the command line and as a command's target.
//!
//! ```text
//! filter   = term ([" and"] " " term)*   all must hold
//!          | term (" or " term)*         one must hold
//! term     = key operator value | word   a bare word is searched in the text of the row (key `text`)
//! operator = "=" | "!=" | ":" (contains) | "!:" | "^" (begins with) | ">=" | "<="
//! key      = letters, digits, "_", "-", "." | "tag:" tag key
//! ```
//!
//! A value, a word or a tag key that holds a space, a quote or an operator stands in double quotes, with `\` before `"` and
//! `\` inside. `tag:env` alone means that the tag is there. Which keys exist is the collection's own affair: the hub
//! refuses an unknown one. Printing and parsing are inverse to each other (property test).

use std::fmt::{self, Write};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// More terms than a person would type; bounds the SQL that a filter becomes.
pub const MAX_TERMS: usize = 32;
/// Longest value, in bytes.
pub const MAX_VALUE_BYTES: usize = 1024;

/// The key that a bare word stands for.
pub const TEXT_KEY: &str = "text";
/// What the key of a tag starts with.
pub const TAG_PREFIX: &str = "tag:";

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Filter {
    #[serde(default)]
    pub join: Join,
    pub terms: Vec<Term>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Join {
    #[default]
    And,
    Or,
}

impl Join {
    /// The join that an unquoted word between two terms means, in any case.
    fn from_word(word: &str) -> Option<Self> {
        match word {
            word if word.eq_ignore_ascii_case("and") => Some(Self::And),
            word if word.eq_ignore_ascii_case("or") => Some(Self::Or),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Term {
    pub key: String,
    pub op: Op,
    pub value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    Eq,
    Ne,
    Contains,
    Ncontains,
    Prefix,
    Ge,
    Le,
}

impl Op {
    pub const ALL: [Op; 7] = [Op::Eq, Op::Ne, Op::Contains, Op::Ncontains, Op::Prefix, Op::Ge, Op::Le];

    /// As it is typed between key and value.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::Ne => "!=",
            Self::Contains => ":",
            Self::Ncontains => "!:",
            Self::Prefix => "^",
            Self::Ge => ">=",
            Self::Le => "<=",
        }
    }

    /// The operator that `text` starts with; no symbol is the beginning of another.
    fn at_start(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|op| text.starts_with(op.symbol()))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    #[error("the filter has a quote (\") that is never closed")]
    OpenQuote,
    #[error("`{0}` has no key before its operator; write `key=value`, or quote it to search for the text")]
    NoKey(String),
    #[error("`{0}` is no filter key; a key is letters, digits, `_`, `-`, `.`, or `tag:` and a tag's key")]
    BadKey(String),
    #[error("`or` and `and` must stand between two terms; quote the word to search for it")]
    LooseJoin,
    #[error("a filter joins its terms either all by `or` or all by nothing (and)")]
    MixedJoin,
    #[error("a filter has at most {MAX_TERMS} terms")]
    TooManyTerms,
    #[error("the value of `{0}` is longer than {MAX_VALUE_BYTES} bytes")]
    ValueTooLong(String),
}

impl Filter {
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The same rules that parsing applies, for a filter that arrived as JSON.
    pub fn check(&self) -> Result<(), FilterError> {
        if self.terms.len() > MAX_TERMS {
            return Err(FilterError::TooManyTerms);
        }
        self.terms.iter().try_for_each(Term::check)
    }

    /// Whether a row holds the filter; `value` gives a row's value for a key, `None` when it has none.
    pub fn matches<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> bool {
        let mut held = self.terms.iter().map(|term| term.matches(value(&term.key)));
        match self.join {
            Join::And => held.all(|h| h),
            Join::Or => self.terms.is_empty() || held.any(|h| h),
        }
    }
}

impl Term {
    pub fn new(key: impl Into<String>, op: Op, value: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            op,
            value: value.into(),
        }
    }

    fn check(&self) -> Result<(), FilterError> {
        let plain = |key: &str| key.chars().all(is_key_char);
        let known_form = match self.key.strip_prefix(TAG_PREFIX) {
            Some(tag) => !tag.is_empty(),
            None => !self.key.is_empty() && plain(&self.key),
        };
        if !known_form {
            return Err(FilterError::BadKey(self.key.clone()));
        }
        if self.value.len() > MAX_VALUE_BYTES {
            return Err(FilterError::ValueTooLong(self.key.clone()));
        }
        Ok(())
    }

    /// Letters compare without case. An absent value equals nothing, so that only the negated operators hold for it.
    pub fn matches(&self, value: Option<&str>) -> bool {
        let Some(value) = value else {
            return matches!(self.op, Op::Ne | Op::Ncontains);
        };
        let (have, want) = (value.to_lowercase(), self.value.to_lowercase());
        match self.op {
            Op::Eq => have == want,
            Op::Ne => have != want,
            Op::Contains => have.contains(&want),
            Op::Ncontains => !have.contains(&want),
            Op::Prefix => have.starts_with(&want),
            Op::Ge => compare(&have, &want).is_ge(),
            Op::Le => compare(&have, &want).is_le(),
        }
    }
}

/// Numbers by value, everything else by character: right for RFC 3339 times too.
fn compare(have: &str, want: &str) -> std::cmp::Ordering {
    match (have.parse::<f64>(), want.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => have.cmp(want),
    }
}

fn is_key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let mut filter = Filter::default();
        let mut ors = 0;
        let mut open = true;
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (word, after) = split_word(rest)?;
            rest = after.trim_start();
            if let Some(join) = Join::from_word(word) {
                if open {
                    return Err(FilterError::LooseJoin);
                }
                ors += usize::from(join == Join::Or);
                open = true;
                continue;
            }
            filter.terms.push(word.parse()?);
            open = false;
        }
        if open && !filter.terms.is_empty() {
            return Err(FilterError::LooseJoin);
        }
        filter.join = join_of(ors, filter.terms.len())?;
        filter.check()?;
        Ok(filter)
    }
}

fn join_of(ors: usize, terms: usize) -> Result<Join, FilterError> {
    match ors {
        0 => Ok(Join::And),
        _ if ors + 1 == terms => Ok(Join::Or),
        _ => Err(FilterError::MixedJoin),
    }
}

/// The first word, quotes and all, and what follows it.
fn split_word(text: &str) -> Result<(&str, &str), FilterError> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => return Ok((&text[..at], &text[at..])),
            _ => {}
        }
    }
    if quoted {
        return Err(FilterError::OpenQuote);
    }
    Ok((text, ""))
}

impl FromStr for Term {
    type Err = FilterError;

    /// One word of a filter, without spaces outside quotes.
    fn from_str(word: &str) -> Result<Self, FilterError> {
        let (prefix, after) = match word.strip_prefix(TAG_PREFIX) {
            Some(after) => (TAG_PREFIX, after),
            None => ("", word),
        };
        let (key, operator) = split_key(after);
        let Some(op) = operator.and_then(Op::at_start) else {
            return match prefix {
                "" => Ok(Term::new(TEXT_KEY, Op::Contains, unquote(word))),
                _ => Ok(Term::new(format!("{TAG_PREFIX}{}", unquote(key)), Op::Prefix, "")),
            };
        };
        if key.is_empty() {
            return Err(FilterError::NoKey(word.to_owned()));
        }
        let value = &operator.unwrap_or_default()[op.symbol().len()..];
        Ok(Term::new(format!("{prefix}{}", unquote(key)), op, unquote(value)))
    }
}

/// What stands before the first operator outside quotes, and the rest from the operator on.
fn split_key(text: &str) -> (&str, Option<&str>) {
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if !quoted && Op::at_start(&text[at..]).is_some() => return (&text[..at], Some(&text[at..])),
            _ => {}
        }
    }
    (text, None)
}

fn unquote(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut quoted = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' if quoted => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    out
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let between = match self.join {
            Join::And => " ",
            Join::Or => " or ",
        };
        for (at, term) in self.terms.iter().enumerate() {
            if at > 0 {
                f.write_str(between)?;
            }
            write!(f, "{term}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key == TEXT_KEY && self.op == Op::Contains {
            let reserved = Join::from_word(&self.value).is_some() || self.value.is_empty() || has_operator(&self.value);
            return write_value(f, &self.value, reserved);
        }
        match self.key.strip_prefix(TAG_PREFIX) {
            Some(tag) => {
                f.write_str(TAG_PREFIX)?;
                write_value(f, tag, has_operator(tag))?;
            }
            None => f.write_str(&self.key)?,
        }
        f.write_str(self.op.symbol())?;
        write_value(f, &self.value, false)
    }
}

/// Whether some of `text` would be read as an operator, alone or together with one that follows it.
fn has_operator(text: &str) -> bool {
    text.contains(['=', '!', ':', '^', '<', '>'])
}

fn write_value(f: &mut fmt::Formatter<'_>, value: &str, reserved: bool) -> fmt::Result {
    if !reserved && !value.contains(|c: char| c.is_whitespace() || c == '"') {
        return f.write_str(value);
    }
    f.write_char('"')?;
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    f.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn terms(text: &str) -> Vec<(String, Op, String)> {
        let filter: Filter = text.parse().unwrap();
        filter.terms.into_iter().map(|t| (t.key, t.op, t.value)).collect()
    }

    fn one(key: &str, op: Op, value: &str) -> Vec<(String, Op, String)> {
        vec![(key.into(), op, value.into())]
    }

    #[test]
    fn every_operator_is_read() {
        for op in Op::ALL {
            assert_eq!(terms(&format!("version{}12", op.symbol())), one("version", op, "12"));
        }
    }

    #[test]
    fn a_bare_word_searches_the_text() {
        assert_eq!(terms("web"), one("text", Op::Contains, "web"));
        assert_eq!(terms("\"a=b c\""), one("text", Op::Contains, "a=b c"));
        assert_eq!(terms("東京"), one("text", Op::Contains, "東京"));
    }

    #[test]
    fn a_tag_key_ends_at_the_first_operator_outside_quotes() {
        assert_eq!(terms("tag:env=prod"), one("tag:env", Op::Eq, "prod"));
        assert_eq!(terms("tag:env:pro"), one("tag:env", Op::Contains, "pro"));
        assert_eq!(terms("tag:\"a:b c\"!=\"x y\""), one("tag:a:b c", Op::Ne, "x y"));
        assert_eq!(terms("tag:env"), one("tag:env", Op::Prefix, ""));
    }

    #[test]
    fn terms_are_joined_by_and_or_by_or_never_mixed() {
        let filter: Filter = "status=online OR web".parse().unwrap();
        assert_eq!((filter.join, filter.terms.len()), (Join::Or, 2));
        assert_eq!("a=1 b=2 or c=3".parse::<Filter>(), Err(FilterError::MixedJoin));
        assert_eq!(terms("a=1 and web").len(), 2);
        assert_eq!("or a=1".parse::<Filter>(), Err(FilterError::LooseJoin));
        assert_eq!("a=1 or".parse::<Filter>(), Err(FilterError::LooseJoin));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert_eq!("=x".parse::<Filter>(), Err(FilterError::NoKey("=x".into())));
        assert_eq!("a b=\"c".parse::<Filter>(), Err(FilterError::OpenQuote));
        assert_eq!("名前=x".parse::<Filter>(), Err(FilterError::BadKey("名前".into())));
        assert_eq!("a ".repeat(33).parse::<Filter>(), Err(FilterError::TooManyTerms));
    }

    #[test]
    fn it_travels_in_pascal_case() {
        let filter: Filter = "status=online".parse().unwrap();
        let json = r#"{"Join":"and","Terms":[{"Key":"status","Op":"eq","Value":"online"}]}"#;
        assert_eq!(serde_json::to_string(&filter).unwrap(), json);
        assert_eq!(serde_json::from_str::<Filter>(json).unwrap(), filter);
    }

    #[test]
    fn rows_are_matched_without_case() {
        let row = |key: &str| match key {
            "name" => Some("Web-1"),
            "cpu" => Some("16"),
            _ => None,
        };
        for held in [
            "name=web-1",
            "name^WEB",
            "cpu>=9",
            "tag:x!=1",
            "name:EB",
            "cpu<=16 name!:db",
            "name=x or cpu=16",
            "",
        ] {
            assert!(held.parse::<Filter>().unwrap().matches(row), "{held}");
        }
        for not in ["name=web", "cpu>=17", "tag:x=1", "name=x or cpu=1"] {
            assert!(!not.parse::<Filter>().unwrap().matches(row), "{not}");
        }
    }

    fn any_term() -> impl Strategy<Value = Term> {
        let key = prop_oneof!["[a-zA-Z0-9_.-]{1,8}", "\\PC{1,8}".prop_map(|k| format!("tag:{k}"))];
        let value = prop_oneof![
            any::<String>(),
            "[ -~]{0,12}",
            proptest::sample::select(vec!["or".to_owned(), "And".to_owned()])
        ];
        (key, proptest::sample::select(&Op::ALL[..]), value).prop_map(|(key, op, value)| Term::new(key, op, value))
    }

    proptest! {
        #[test]
        fn printing_and_parsing_are_inverse(terms in proptest::collection::vec(any_term(), 0..6), or in any::<bool>()) {
            let join = if or && terms.len() > 1 { Join::Or } else { Join::And };
            let filter = Filter { join, terms };
            prop_assert_eq!(filter.to_string().parse::<Filter>(), Ok(filter));
        }

        #[test]
        fn any_text_is_read_or_refused_and_never_panics(text in any::<String>()) {
            if let Ok(filter) = text.parse::<Filter>() {
                prop_assert_eq!(filter.to_string().parse::<Filter>(), Ok(filter));
            }
        }
    }
}
