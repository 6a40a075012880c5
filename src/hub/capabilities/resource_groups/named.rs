//! How upstream's clients name a group, and what its errors are called there.

use serde::de::DeserializeOwned;

use crate::base::{ApiError, ApiResult, Arn};
use crate::hub::api::{Cx, Target, page};
use crate::hub::capabilities::access::group_rows::{self, Group};
use crate::hub::capabilities::tags::names;
use crate::hub::labels::Kind;
use crate::hub::store::Tx;

/// The right's kind.
pub const KIND: &str = "group";
const MAX_NAME: usize = 300;

/// What an operation about one group acts on; a name that is none is refused by the operation itself.
pub fn target(group: Option<&String>, group_name: Option<&String>) -> Target {
    let name = group.or(group_name).map_or("", String::as_str);
    Target::Resource(KIND, of_text(name).to_owned())
}

/// A name, or the end of an ARN.
fn of_text(text: &str) -> &str {
    match text.parse::<Arn>() {
        Ok(arn) if arn.service == "resource-groups" => text.split_once(":group/").map_or(text, |(_, name)| name),
        _ => text,
    }
}

/// The name in `Group` or, as older clients send it, in `GroupName`.
///
/// *Errors*: `BadRequestException`.
pub fn name(group: Option<String>, group_name: Option<String>) -> ApiResult<String> {
    let text = match (group, group_name) {
        (Some(_), Some(_)) => return Err(bad("give either `Group` or `GroupName`")),
        (Some(text), None) | (None, Some(text)) => text,
        (None, None) => return Err(bad("no group is named: give `Group`, its name or its ARN")),
    };
    let name = of_text(&text);
    check_name(name)?;
    Ok(name.to_owned())
}

/// *Errors*: `BadRequestException`.
pub fn check_name(name: &str) -> ApiResult<()> {
    let is_fine = (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.@+=-".contains(&b));
    match is_fine {
        true => Ok(()),
        false => Err(bad(format!(
            "the name of a group has 1 to {MAX_NAME} letters, digits, `_`, `.` or `-`"
        ))),
    }
}

/// The name of a group that is to be made: upstream keeps some for itself.
///
/// *Errors*: `BadRequestException`.
pub fn check_new_name(name: &str) -> ApiResult<()> {
    check_name(name)?;
    match name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("aws")) {
        true => Err(bad("Resource group names cannot start with AWS")),
        false => Ok(()),
    }
}

/// *Errors*: `NotFoundException`.
pub fn require(tx: &Tx<'_>, name: &str) -> ApiResult<Group> {
    group_rows::find(tx, name)?.ok_or_else(|| ApiError::new("NotFoundException", format!("there is no group `{name}`")))
}

pub fn arn(cx: &Cx, group: &str) -> String {
    names::arn(cx, Kind::Group, group)
}

pub fn bad(why: impl Into<String>) -> ApiError {
    ApiError::new("BadRequestException", why)
}

/// What another capability refused, under the name that it has here.
pub fn renamed(error: ApiError) -> ApiError {
    match error.code {
        "InvalidNextToken"
        | "AlreadyExistsException"
        | "LimitExceededException"
        | "ResourceInUseException"
        | "InvalidParameterException"
        | "TooManyTagsError"
        | "InvalidInstanceId" => bad(error.message),
        "ResourceNotFoundException" => ApiError::new("NotFoundException", error.message),
        _ => error,
    }
}

/// *Errors*: `ValidationException`.
pub fn size(wish: Option<i64>) -> ApiResult<usize> {
    page::size(wish, 1, 50, 50)
}

/// *Errors*: `BadRequestException`.
pub fn token<K: DeserializeOwned>(token: Option<&str>) -> ApiResult<Option<K>> {
    page::parse(token).map_err(renamed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_named_by_its_name_or_its_arn() {
        let by = |group: &str| name(Some(group.into()), None).unwrap();
        assert_eq!(by("web"), "web");
        assert_eq!(by("arn:aws:resource-groups:eu-1:000000000000:group/web"), "web");
        assert_eq!(name(None, Some("web".into())).unwrap(), "web");
        for (group, group_name) in [
            (None, None),
            (Some("a"), Some("b")),
            (Some(""), None),
            (Some("a/b"), None),
            (Some("a:b"), None),
        ] {
            let refused = name(group.map(str::to_owned), group_name.map(str::to_owned)).unwrap_err();
            assert_eq!(refused.code, "BadRequestException");
        }
    }

    #[test]
    fn a_new_group_takes_no_name_of_upstreams() {
        for taken in ["aws", "AWS-web", "Awsome"] {
            assert_eq!(check_new_name(taken).unwrap_err().code, "BadRequestException", "{taken}");
        }
        for free in ["aw", "my-aws", "web"] {
            assert!(check_new_name(free).is_ok(), "{free}");
        }
    }
}
