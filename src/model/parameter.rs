//! Names of parameters: how they are spelled, which one parameter two spellings mean, and where it hangs in the tree.
//!
//! ```text
//! name      = simple | "/" simple ("/" simple)*      at most 15 levels
//! reference = (name | ARN) [":" (version | label)]
//! ```
//!
//! `db` and `/db` are one parameter. Its *key* always begins with a slash; keys sort as the tree does, so that a path is a
//! range of keys. Rights, tags and rows know the key; answers show the name as the caller spelled it.

use std::fmt;

/// Upstream's deepest hierarchy.
pub const MAX_LEVELS: usize = 15;
/// Upstream's longest name, together with what stands before it in its ARN.
const MAX_LENGTH: usize = 1011;

/// Why a text is no name for a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("each level of a name has letters, digits and `.`, `-`, `_`, and a path does not begin with `ssm`")]
    Malformed,
    /// `a/b`: more than one level and no slash in front.
    #[error("a name of several levels begins with `/`")]
    NotFullyQualified,
    /// Begins with `aws` or `ssm`.
    #[error("a name does not begin with `aws` or `ssm`")]
    ReservedPrefix,
    /// A path below something that begins with `aws`.
    #[error("a path does not begin with `aws`")]
    ReservedPath,
    #[error("a name has at most {} levels", MAX_LEVELS)]
    TooDeep,
    #[error("a name has at most {} characters, those before it in its ARN included", MAX_LENGTH)]
    TooLong,
}

/// The one spelling of a parameter that rows, rights and tags use.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ParameterKey(String);

/// Which version of a parameter is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    Version(i64),
    Label(String),
}

/// What a reader asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub key: ParameterKey,
    /// As the caller wrote it; `None` when the caller gave an ARN.
    pub name: Option<String>,
    pub selector: Option<Selector>,
}

/// Why a text refers to no parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceError {
    Malformed,
    /// Well-formed, but nothing can bear this name.
    Nothing,
}

impl ParameterKey {
    /// The key of a name that is about to be written; [`ParameterKey::check_arn`] has the last word on its length.
    pub fn for_writing(name: &str) -> Result<Self, NameError> {
        let bare = name.strip_prefix('/').unwrap_or(name);
        check_prefix(name, bare)?;
        if !is_spelled_well(bare) {
            return Err(NameError::Malformed);
        }
        let levels = bare.split('/').count();
        if levels > 1 && bare.len() == name.len() {
            return Err(NameError::NotFullyQualified);
        }
        if levels > MAX_LEVELS {
            return Err(NameError::TooDeep);
        }
        if name.len() > MAX_LENGTH {
            return Err(NameError::TooLong);
        }
        Ok(Self(format!("/{bare}")))
    }

    /// The same for a name whose ARN is known, which counts in full.
    pub fn check_arn(arn: &str) -> Result<(), NameError> {
        if arn.len() > MAX_LENGTH { Err(NameError::TooLong) } else { Ok(()) }
    }

    /// The key of a name that is looked up; whatever cannot be a name is `None`.
    pub fn for_reading(name: &str) -> Option<Self> {
        let bare = name.strip_prefix('/').unwrap_or(name);
        let is_name = is_spelled_well(bare) && (bare.len() != name.len() || !bare.contains('/'));
        is_name.then(|| Self(format!("/{bare}")))
    }

    /// A key as a row has it.
    pub fn from_row(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path it hangs below: `/a/b` for `/a/b/c`, `/` for `/a`.
    pub fn parent(&self) -> &str {
        match self.0.rsplit_once('/') {
            Some(("", _)) | None => "/",
            Some((parent, _)) => parent,
        }
    }
}

impl fmt::Display for ParameterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Reference {
    /// Reads `name`, `name:3`, `name:label` or an ARN of any of these. Which account and region an ARN names is not looked at.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let text = text.trim_matches(' ');
        let (rest, is_arn) = match name_of_arn(text) {
            Some(name) => (name, true),
            None => (text, false),
        };
        let mut parts = rest.split(':');
        let name = parts.next().unwrap_or_default();
        let selector = parts.next();
        if parts.next().is_some() {
            return Err(ReferenceError::Nothing);
        }
        let key = ParameterKey::for_reading(name).ok_or(ReferenceError::Malformed)?;
        let selector = selector.map(Selector::parse).transpose()?;
        Ok(Self {
            key,
            name: (!is_arn).then(|| name.to_owned()),
            selector,
        })
    }
}

impl Selector {
    fn parse(text: &str) -> Result<Self, ReferenceError> {
        if text.is_empty() {
            return Err(ReferenceError::Nothing);
        }
        if text.bytes().all(|b| b.is_ascii_digit()) {
            return text.parse().map(Self::Version).map_err(|_| ReferenceError::Nothing);
        }
        Ok(Self::Label(text.to_owned()))
    }
}

/// As answers show it: with its colon.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(number) => write!(f, ":{number}"),
            Self::Label(label) => write!(f, ":{label}"),
        }
    }
}

/// The name, with its slash, that an ARN such as `arn:aws:ssm:eu-west-1:123456789012:parameter/db` carries.
pub fn name_of_arn(text: &str) -> Option<&str> {
    let mut parts = text.splitn(6, ':');
    if parts.next()? != "arn" || !parts.next()?.starts_with("aws") || parts.next()? != "ssm" {
        return None;
    }
    let (_region, _account) = (parts.next()?, parts.next()?);
    parts.next()?.strip_prefix("parameter").filter(|name| name.starts_with('/'))
}

/// A path of the tree as a range of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(String);

impl Path {
    /// `/`, `/a`, `/a/`, `/a/b` …
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_matches(' ');
        let bare = text.strip_prefix('/')?;
        let bare = bare.strip_suffix('/').unwrap_or(bare);
        let is_root = bare.is_empty() && text == "/";
        (is_root || is_spelled_well(bare)).then(|| Self(if is_root { String::new() } else { format!("/{bare}") }))
    }

    /// What the children's `parent` is.
    pub fn as_parent(&self) -> &str {
        if self.0.is_empty() { "/" } else { &self.0 }
    }

    /// Every key below it lies from the first of these on and before the second.
    pub fn range(&self) -> (String, String) {
        // `0` is the character after `/`.
        (format!("{}/", self.0), format!("{}0", self.0))
    }

    /// Whether the path's first level begins with one of these, letters compared without case.
    pub fn begins_with_reserved(&self) -> Option<&'static str> {
        let first = self.0.strip_prefix('/')?.to_ascii_lowercase();
        ["aws", "ssm"].into_iter().find(|word| first.starts_with(word))
    }
}

fn check_prefix(name: &str, bare: &str) -> Result<(), NameError> {
    let lower = bare.to_ascii_lowercase();
    let is_path = name.matches('/').count() > 1;
    match (lower.starts_with("aws"), lower.starts_with("ssm"), is_path) {
        (false, false, _) => Ok(()),
        (_, _, false) => Err(NameError::ReservedPrefix),
        (true, _, true) => Err(NameError::ReservedPath),
        (false, true, true) => Err(NameError::Malformed),
    }
}

fn is_spelled_well(bare: &str) -> bool {
    let is_char = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    bare.split('/').all(|level| !level.is_empty() && level.bytes().all(is_char))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_refused_for_the_reason_upstream_gives() {
        let reason = |name: &str| ParameterKey::for_writing(name).unwrap_err();
        for name in ["a b", "a:1", "//a", "/a//b", "/a/", "/", "", "/ssm_x/y", "ä"] {
            assert_eq!(reason(name), NameError::Malformed, "{name}");
        }
        for name in ["ssm_x", "/SSM_x", "aws_x", "/AWSx"] {
            assert_eq!(reason(name), NameError::ReservedPrefix, "{name}");
        }
        assert_eq!(reason("/aws_x/y"), NameError::ReservedPath);
        assert_eq!(reason("a/b"), NameError::NotFullyQualified);
        assert_eq!(reason(&"/a".repeat(16)), NameError::TooDeep);
        assert!(ParameterKey::for_writing(&"/a".repeat(15)).is_ok());
        assert_eq!(reason(&"a".repeat(1012)), NameError::TooLong);
        let arn = |length: usize| format!("arn:aws:ssm:us-east-2:111122223333:parameter/{}", "a".repeat(length));
        assert_eq!(ParameterKey::check_arn(&arn(1011 - 45)), Ok(()));
        assert_eq!(ParameterKey::check_arn(&arn(1011 - 44)), Err(NameError::TooLong));
    }

    #[test]
    fn one_level_with_and_without_slash_is_one_parameter() {
        let key = |name: &str| ParameterKey::for_writing(name).unwrap();
        assert_eq!(key("db"), key("/db"));
        assert_eq!((key("db").as_str(), key("db").parent()), ("/db", "/"));
        assert_eq!(key("/a/b/c").parent(), "/a/b");
    }

    #[test]
    fn references_are_names_arns_and_selectors() {
        let parse = |text: &str| Reference::parse(text);
        let of = |text: &str| parse(text).unwrap();
        assert_eq!(of("db:3").selector, Some(Selector::Version(3)));
        assert_eq!(of("/a/b:prod").selector, Some(Selector::Label("prod".into())));
        let arn = of("arn:aws-cn:ssm:cn-north-1:123456789012:parameter/a/b:7");
        assert_eq!(
            (arn.key.as_str(), arn.name, arn.selector),
            ("/a/b", None, Some(Selector::Version(7)))
        );
        assert_eq!(parse("a:1:2"), Err(ReferenceError::Nothing));
        assert_eq!(parse("a/b"), Err(ReferenceError::Malformed));
        assert_eq!(parse("//a"), Err(ReferenceError::Malformed));
        assert_eq!(of(" db ").name.as_deref(), Some("db"));
    }

    #[test]
    fn paths_are_what_the_tree_has() {
        for good in ["/", "/a", "/a/", "/a/b.c-_d"] {
            assert!(Path::parse(good).is_some(), "{good}");
        }
        for bad in ["", "a", "//", "/a//b", "/###", "/a b"] {
            assert!(Path::parse(bad).is_none(), "{bad}");
        }
        assert_eq!(Path::parse("/AWS/x").unwrap().begins_with_reserved(), Some("aws"));
    }

    fn level() -> impl Strategy<Value = String> {
        "[a-zA-Z0-9_.-]{1,6}".prop_filter("reserved", |l| {
            let l = l.to_ascii_lowercase();
            !l.starts_with("aws") && !l.starts_with("ssm")
        })
    }

    proptest! {
        #[test]
        fn a_key_lies_in_the_range_of_exactly_the_paths_above_it(
            levels in prop::collection::vec(level(), 1..6), others in prop::collection::vec(level(), 0..4)
        ) {
            let key = ParameterKey::for_writing(&format!("/{}", levels.join("/"))).unwrap();
            let path = Path::parse(&format!("/{}", others.join("/"))).unwrap();
            let (from, until) = path.range();
            let is_below = levels.len() > others.len() && levels[..others.len()] == others[..];
            prop_assert_eq!(key.as_str() >= from.as_str() && key.as_str() < until.as_str(), is_below);
            prop_assert_eq!(key.parent() == path.as_parent(), is_below && levels.len() == others.len() + 1);
        }

        #[test]
        fn a_written_name_reads_back_with_any_selector(levels in prop::collection::vec(level(), 1..6), version in 1i64..1_000_000, label in "[a-zA-Z_][a-zA-Z0-9_.-]{0,8}") {
            let name = format!("/{}", levels.join("/"));
            let key = ParameterKey::for_writing(&name).unwrap();
            for selector in [Selector::Version(version), Selector::Label(label)] {
                for text in [format!("{name}{selector}"), format!("arn:aws:ssm:x:000000000000:parameter{name}{selector}")] {
                    let reference = Reference::parse(&text).unwrap();
                    prop_assert_eq!(&reference.key, &key);
                    prop_assert_eq!(reference.selector, Some(selector.clone()));
                }
            }
        }

        #[test]
        fn no_text_makes_the_parsers_panic(text in "\\PC{0,60}") {
            let _ = (ParameterKey::for_writing(&text), Reference::parse(&text), Path::parse(&text));
        }
    }
}
