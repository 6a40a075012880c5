//! What a document and its versions may be called, and what is answered when there is none of that name.

use regex_lite::Regex;
use std::sync::LazyLock;

use crate::base::arn::Arn;
use crate::base::{ApiError, ApiResult};
use crate::hub::api::constraint;

pub const KIND: &str = "document";

const NAME: &str = r"^[a-zA-Z0-9_\-.]{3,128}$";
const ARN: &str = r"^[a-zA-Z0-9_\-.:/]{3,128}$";
const VERSION: &str = r"([$]LATEST|[$]DEFAULT|^[1-9][0-9]*$)";
const VERSION_NAME: &str = r"^[a-zA-Z0-9_\-.]{1,128}$";
const TARGET_TYPE: &str = r"^\/[\w\.\-\:\/]*$";
const DISPLAY_NAME: &str = r"^[\w\.\-\:\/ ]*$";

/// Beginnings that the library keeps for itself. Differs: ours is upstream's list and our own prefix.
const RESERVED: &[&str] = &["aws", "amazon", "amzn", "roadstead-"];

/// Which version is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Default,
    Latest,
    Number(i64),
}

fn matches(pattern: &'static LazyLock<Regex>, text: &str) -> bool {
    pattern.is_match(text)
}

fn must_match(text: &str, member: &str, is_fine: bool, pattern: &str) -> ApiResult<()> {
    if is_fine {
        return Ok(());
    }
    let must = format!("satisfy regular expression pattern: {pattern}");
    Err(constraint::violated(text, member, &must))
}

/// *Errors*: `ValidationException`.
pub fn check_name(name: &str) -> ApiResult<()> {
    check_name_at(name, "name")
}

/// The same for a name that stands at another member.
pub fn check_name_at(name: &str, member: &str) -> ApiResult<()> {
    static REGEX: LazyLock<Regex> = LazyLock::new(|| Regex::new(NAME).expect("a constant"));
    must_match(name, member, matches(&REGEX, name), NAME)
}

/// A name that a caller may give to a new document.
///
/// *Errors*: `ValidationException`.
pub fn check_new_name(name: &str) -> ApiResult<()> {
    check_name(name)?;
    let lower = name.to_ascii_lowercase();
    match RESERVED.iter().find(|prefix| lower.starts_with(**prefix)) {
        None => Ok(()),
        Some(prefix) => Err(ApiError::validation(format!(
            "Invalid document name {name}: names that begin with `{prefix}` belong to the built-in library"
        ))),
    }
}

/// The name out of a name or an ARN. `account` is the hub's own; the ARNs of upstream's own documents name none.
///
/// *Errors*: `ValidationException`; `InvalidDocument` for the ARN of something else, or of another account's document.
pub fn named(name_or_arn: &str, account: &str) -> ApiResult<String> {
    named_at(name_or_arn, account, "name")
}

/// The same for a name that stands at another member.
pub fn named_at(name_or_arn: &str, account: &str, member: &str) -> ApiResult<String> {
    check_name_or_arn(name_or_arn, member)?;
    if !name_or_arn.contains([':', '/']) {
        return Ok(name_or_arn.to_owned());
    }
    let is_here = |arn: &Arn| arn.service == "ssm" && (arn.account.is_empty() || arn.account == account);
    let arn: Option<Arn> = name_or_arn.parse().ok().filter(is_here);
    let name = arn.as_ref().and_then(|arn| arn.resource.strip_prefix("document/"));
    name.map(str::to_owned).ok_or_else(no_document)
}

/// *Errors*: `ValidationException`.
pub fn check_name_or_arn(text: &str, member: &str) -> ApiResult<()> {
    static REGEX: LazyLock<Regex> = LazyLock::new(|| Regex::new(ARN).expect("a constant"));
    must_match(text, member, matches(&REGEX, text), ARN)
}

/// For targets: what stands behind the last slash, unchecked.
pub fn short(name_or_arn: &str) -> &str {
    name_or_arn.rsplit('/').next().unwrap_or(name_or_arn)
}

/// *Errors*: `ValidationException`.
pub fn version(text: Option<&str>) -> ApiResult<Option<Version>> {
    version_at(text, "documentVersion")
}

/// The same for a version that stands at another member.
pub fn version_at(text: Option<&str>, member: &str) -> ApiResult<Option<Version>> {
    let Some(text) = text else { return Ok(None) };
    let number = || (!text.starts_with(['0', '+'])).then(|| text.parse::<i64>().ok())?;
    let parsed = match text {
        "$DEFAULT" => Some(Version::Default),
        "$LATEST" => Some(Version::Latest),
        // A number of more digits than we count to is well-formed and names no version.
        _ if text.len() > 18 && text.bytes().all(|b| b.is_ascii_digit()) => Some(Version::Number(i64::MAX)),
        _ => number().filter(|n| *n > 0).map(Version::Number),
    };
    must_match(text, member, parsed.is_some(), VERSION)?;
    Ok(parsed)
}

/// *Errors*: `ValidationException`.
pub fn check_version_name(name: Option<&str>) -> ApiResult<()> {
    check_word_at(name, "versionName")
}

/// What has the form of a version's name, at another member.
pub fn check_word_at(word: Option<&str>, member: &str) -> ApiResult<()> {
    static REGEX: LazyLock<Regex> = LazyLock::new(|| Regex::new(VERSION_NAME).expect("a constant"));
    let Some(word) = word else { return Ok(()) };
    must_match(word, member, matches(&REGEX, word), VERSION_NAME)
}

/// *Errors*: `ValidationException`.
pub fn check_target_type(text: Option<&str>) -> ApiResult<()> {
    static REGEX: LazyLock<Regex> = LazyLock::new(|| Regex::new(TARGET_TYPE).expect("a constant"));
    let Some(text) = text else { return Ok(()) };
    constraint::at_most(text, "targetType", 200)?;
    must_match(text, "targetType", matches(&REGEX, text), TARGET_TYPE)
}

/// *Errors*: `ValidationException`.
pub fn check_display_name(text: Option<&str>) -> ApiResult<()> {
    static REGEX: LazyLock<Regex> = LazyLock::new(|| Regex::new(DISPLAY_NAME).expect("a constant"));
    let Some(text) = text else { return Ok(()) };
    constraint::at_most(text, "displayName", 1024)?;
    must_match(text, "displayName", matches(&REGEX, text), DISPLAY_NAME)
}

/// Upstream's sentence.
pub fn no_document() -> ApiError {
    ApiError::new("InvalidDocument", "The specified document does not exist.")
}

pub fn no_version(name: &str, wanted: &str, latest: i64) -> ApiError {
    ApiError::new(
        "InvalidDocumentVersion",
        format!("document `{name}` has no version `{wanted}`; its latest is {latest}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_arns_are_told_apart() {
        let named = |text| named(text, "000000000000");
        assert_eq!(named("arn:aws:ssm:eu-1:000000000000:document/web").unwrap(), "web");
        assert_eq!(
            named("arn:aws:ssm:eu-1::document/AWS-RunShellScript").unwrap(),
            "AWS-RunShellScript"
        );
        assert_eq!(named("web").unwrap(), "web");
        assert_eq!(named("a b").unwrap_err().code, "ValidationException");
        for elsewhere in [
            "arn:aws:ssm:eu-1:111122223333:document/web",
            "arn:aws:s3:eu-1:000000000000:document/web",
        ] {
            assert_eq!(named(elsewhere).unwrap_err().code, "InvalidDocument", "{elsewhere}");
        }
        assert!(check_name("a/b").is_err() && check_name("ab").is_err() && check_name("web-1_x.y").is_ok());
        for taken in ["AWS-Mine", "awsome", "Amazon-x", "AMZN", "Roadstead-Mine"] {
            assert_eq!(check_new_name(taken).unwrap_err().code, "ValidationException", "{taken}");
        }
    }

    #[test]
    fn versions_are_selectors_or_numbers() {
        assert_eq!(version(None).unwrap(), None);
        assert_eq!(version(Some("$LATEST")).unwrap(), Some(Version::Latest));
        assert_eq!(version(Some("12")).unwrap(), Some(Version::Number(12)));
        for wrong in ["0", "01", "+1", "-1", "latest", "1.0", ""] {
            assert!(version(Some(wrong)).is_err(), "{wrong}");
        }
        assert_eq!(version(Some(&"9".repeat(30))).unwrap(), Some(Version::Number(i64::MAX)));
    }
}
