//! What the tagging API calls resources: their ARNs, and `ssm:parameter` for a type.

use crate::base::{ApiError, ApiResult, Arn};
use crate::hub::api::Cx;
use crate::hub::labels::Kind;

/// The right's kind for what spans all kinds.
pub const KIND: &str = crate::hub::auth::policy::ANY;

/// Upstream's limits of `ResourceTypeFilters`.
const MAX_TYPES: usize = 100;
const MAX_TYPE: usize = 256;

/// The kinds that have a part in the tagging API.
pub fn taggable() -> impl Iterator<Item = Kind> {
    Kind::ALL.iter().copied().filter(|kind| kind.arn_type().is_some())
}

/// `SERVICE:TYPE`, as filters and summaries name a kind.
pub fn type_name(kind: Kind) -> Option<String> {
    Some(format!("{}:{}", kind.arn_service(), kind.arn_type()?))
}

/// The kinds that `ResourceTypeFilters` mean: `ssm`, `ssm:parameter` …; none at all means every kind.
pub fn kinds(filters: &[String]) -> Vec<Kind> {
    let is_meant = |kind: &Kind| {
        let is_named = |filter: &String| filter == kind.arn_service() || type_name(*kind).is_some_and(|name| *filter == name);
        filters.is_empty() || filters.iter().any(is_named)
    };
    taggable().filter(is_meant).collect()
}

/// *Errors*: `InvalidParameterException` for more `ResourceTypeFilters`, or longer ones, than upstream takes.
pub fn check_kinds(filters: &[String]) -> ApiResult<()> {
    if filters.len() > MAX_TYPES {
        return Err(invalid(format!("at most {MAX_TYPES} `ResourceTypeFilters` are possible")));
    }
    match filters.iter().all(|filter| filter.chars().count() <= MAX_TYPE) {
        true => Ok(()),
        false => Err(invalid(format!("a resource type has at most {MAX_TYPE} characters"))),
    }
}

/// The ARN of a resource as this caller is told it.
pub fn arn(cx: &Cx, kind: Kind, id: &str) -> String {
    let word = kind.arn_type().unwrap_or("resource");
    let arn = Arn {
        service: kind.arn_service().into(),
        region: cx.request().region.clone(),
        account: cx.services.config.account_id.clone(),
        resource: match kind {
            // Its key begins with the slash.
            Kind::Parameter => format!("{word}{id}"),
            _ => format!("{word}/{id}"),
        },
    };
    arn.to_string()
}

/// Which resource an ARN names, whether it is there or not; `None` for one that is not of this hub or of no kind it has.
///
/// *Errors*: `InvalidParameterException` for what is no ARN.
pub fn located(cx: &Cx, text: &str) -> ApiResult<Option<(Kind, String)>> {
    let shown: String = text.chars().take(200).collect();
    let arn: Arn = text
        .parse()
        .map_err(|()| invalid(format!("`{shown}` is not an ARN: `arn:aws:ssm:REGION:ACCOUNT:TYPE/ID`")))?;
    if arn.account != cx.services.config.account_id {
        return Ok(None);
    }
    Ok(of_resource(&arn.service, &arn.resource))
}

fn of_resource(service: &str, resource: &str) -> Option<(Kind, String)> {
    let (word, id) = resource.split_once('/').filter(|(_, id)| !id.is_empty())?;
    let kind = taggable().find(|kind| kind.arn_service() == service && kind.arn_type() == Some(word))?;
    let id = match kind {
        Kind::Parameter => format!("/{id}"),
        _ => id.to_owned(),
    };
    Some((kind, id))
}

/// The resource that must be one of this hub.
///
/// *Errors*: `InvalidParameterException`.
pub fn required(cx: &Cx, text: &str) -> ApiResult<(Kind, String)> {
    located(cx, text)?.ok_or_else(|| {
        let shown: String = text.chars().take(200).collect();
        let types: Vec<String> = taggable().filter_map(type_name).collect();
        invalid(format!(
            "`{shown}` names no resource of this hub: its account is `{}`, its types are {}",
            cx.services.config.account_id,
            types.join(", ")
        ))
    })
}

/// The resource of a kind that a type's name and an id mean, whether it is there or not.
///
/// *Errors*: `InvalidParameterException`.
pub fn of_type(name: &str, id: &str) -> ApiResult<(Kind, String)> {
    let kind = taggable().find(|kind| kind.as_str() == name).ok_or_else(|| {
        let known: Vec<&str> = taggable().map(Kind::as_str).collect();
        let shown: String = name.chars().take(80).collect();
        invalid(format!(
            "`{shown}` is not a resource type with tags: use one of {}",
            known.join(", ")
        ))
    })?;
    Ok((kind, id.to_owned()))
}

pub fn invalid(why: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterException", why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_found_in_its_arn() {
        assert_eq!(of_resource("ssm", "parameter/app/db"), Some((Kind::Parameter, "/app/db".into())));
        assert_eq!(of_resource("ssm", "managed-instance/mi-1"), Some((Kind::Node, "mi-1".into())));
        assert_eq!(of_resource("ssm", "document/web"), Some((Kind::Document, "web".into())));
        for other in ["parameter", "parameter/", "bucket/x", "activation/x"] {
            assert_eq!(of_resource("ssm", other), None, "{other}");
        }
        assert_eq!(of_resource("resource-groups", "group/web"), Some((Kind::Group, "web".into())));
        assert_eq!(of_resource("s3", "parameter/x"), None);
    }

    #[test]
    fn a_type_filter_means_a_service_or_one_kind() {
        assert_eq!(kinds(&["ssm:document".into()]), [Kind::Document]);
        assert_eq!(kinds(&["ssm".into(), "ec2".into()]), [Kind::Document, Kind::Node, Kind::Parameter]);
        assert_eq!(kinds(&["ec2:instance".into()]), []);
        assert_eq!(kinds(&[]), taggable().collect::<Vec<_>>());
    }
}
