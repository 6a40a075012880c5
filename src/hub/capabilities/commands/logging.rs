//! `CloudWatchOutputConfig`: in which log group a command's output is shown; the capability `logs` shows it.

use serde_json::Value as Json;

use crate::base::{ApiError, ApiResult};
use crate::hub::api::constraint;

/// Where upstream puts it when no group is named.
const DEFAULT_PREFIX: &str = "/aws/ssm/";
const NAME: &str = "cloudWatchOutputConfig.cloudWatchLogGroupName";

/// *Errors*: `ValidationException` for what the service model does not allow.
pub fn check(config: Option<&Json>) -> ApiResult<()> {
    let Some(config) = config.filter(|config| !config.is_null()) else {
        return Ok(());
    };
    let wrong = |member: &str| ApiError::new("SerializationException", format!("`{member}` has the wrong type"));
    let members = config.as_object().ok_or_else(|| wrong("CloudWatchOutputConfig"))?;
    if members
        .get("CloudWatchOutputEnabled")
        .is_some_and(|flag| !flag.is_boolean() && !flag.is_null())
    {
        return Err(wrong("CloudWatchOutputEnabled"));
    }
    match members.get("CloudWatchLogGroupName") {
        None | Some(Json::Null) => Ok(()),
        Some(Json::String(name)) => check_name(name),
        Some(_) => Err(wrong("CloudWatchLogGroupName")),
    }
}

fn check_name(name: &str) -> ApiResult<()> {
    constraint::at_most(name, NAME, 512)?;
    if name.is_empty() {
        return Err(constraint::violated(name, NAME, "have length greater than or equal to 1"));
    }
    match name.chars().all(is_sign) {
        true => Ok(()),
        false => Err(constraint::violated(
            name,
            NAME,
            "satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+",
        )),
    }
}

fn is_sign(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-/#".contains(c)
}

/// The group, when the sender wants one.
pub fn group(config: Option<&Json>, document_name: &str) -> Option<String> {
    let config = config?;
    if config["CloudWatchOutputEnabled"] != Json::Bool(true) {
        return None;
    }
    let given = config["CloudWatchLogGroupName"].as_str();
    Some(given.map_or_else(|| default_group(document_name), str::to_owned))
}

fn default_group(document_name: &str) -> String {
    let name = document_name.chars().map(|c| if is_sign(c) { c } else { '-' });
    DEFAULT_PREFIX.chars().chain(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_group_is_the_named_one_or_that_of_the_document_and_only_when_wanted() {
        let of = |config: Json| group(Some(&config), "AWS-RunShellScript");
        assert_eq!(of(json!({"CloudWatchOutputEnabled": true})).unwrap(), "/aws/ssm/AWS-RunShellScript");
        assert_eq!(
            of(json!({"CloudWatchOutputEnabled": true, "CloudWatchLogGroupName": "mine"})).unwrap(),
            "mine"
        );
        assert_eq!(
            of(json!({"CloudWatchOutputEnabled": false, "CloudWatchLogGroupName": "mine"})),
            None
        );
        assert_eq!(of(json!({"CloudWatchLogGroupName": "mine"})), None);
        assert_eq!(group(None, "x"), None);
    }

    #[test]
    fn what_the_model_does_not_allow_is_refused() {
        assert!(check(None).is_ok() && check(Some(&json!({"CloudWatchLogGroupName": "a/b#c._-1"}))).is_ok());
        for bad in [
            json!({"CloudWatchLogGroupName": "a b"}),
            json!({"CloudWatchLogGroupName": ""}),
            json!({"CloudWatchLogGroupName": "x".repeat(513)}),
        ] {
            assert_eq!(check(Some(&bad)).unwrap_err().code, "ValidationException", "{bad}");
        }
        for bad in [
            json!({"CloudWatchOutputEnabled": "yes"}),
            json!("x"),
            json!({"CloudWatchLogGroupName": 1}),
        ] {
            assert_eq!(check(Some(&bad)).unwrap_err().code, "SerializationException", "{bad}");
        }
    }
}
