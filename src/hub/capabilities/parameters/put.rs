//! `PutParameter`: makes a parameter, or with `Overwrite` its next version.

use regex_lite::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::base::{ApiError, ApiResult, Secret, Timestamp};
use crate::hub::api::constraint::Violations;
use crate::hub::api::{Cx, Declare, Service, tag_new};
use crate::hub::capabilities::parameters::data_types::DataType;
use crate::hub::capabilities::parameters::kinds::{self, ArnHead, Kind, LARGEST_BYTES, Tier, TierFacts, WantedTier};
use crate::hub::capabilities::parameters::policies::{self, Policy};
use crate::hub::capabilities::parameters::rows::{self, MAX_VERSIONS, Version};
use crate::hub::capabilities::parameters::sealing::{Sealer, place_of};
use crate::hub::capabilities::parameters::{keys, malformed_name, target};
use crate::hub::events::Event;
use crate::hub::labels::{self, Tag, form};
use crate::hub::store::Tx;
use crate::model::parameter::{MAX_LEVELS, NameError, ParameterKey};

pub fn operations(api: &mut Declare<'_>) {
    api.write(
        Service::Ssm,
        "PutParameter",
        |r: &PutParameterRequest| target(r.name.as_ref()),
        put_parameter,
    );
}

/// A value on its way in; it may be a secret.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct GivenValue(#[schemars(with = "String")] Secret<String>);

impl<'de> Deserialize<'de> for GivenValue {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d).map(|text| Self(Secret::new(text)))
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct PutParameterRequest {
    name: Option<String>,
    description: Option<String>,
    value: Option<GivenValue>,
    #[serde(rename = "Type")]
    kind: Option<String>,
    key_id: Option<String>,
    overwrite: Option<bool>,
    allowed_pattern: Option<String>,
    tags: Option<Vec<Tag>>,
    tier: Option<String>,
    policies: Option<String>,
    data_type: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct PutParameterResult {
    version: i64,
    tier: Tier,
}

/// A request that is well-formed in itself.
struct Wish {
    key: ParameterKey,
    name: String,
    value: Secret<String>,
    description: Option<String>,
    kind: Option<Kind>,
    key_id: Option<String>,
    overwrite: bool,
    allowed_pattern: Option<String>,
    tags: Vec<Tag>,
    tier: Option<WantedTier>,
    policies: Option<Vec<Policy>>,
    data_type: Option<DataType>,
}

async fn put_parameter(cx: Cx, request: PutParameterRequest) -> ApiResult<PutParameterResult> {
    check_members(&request)?;
    let wish = wish(request, &ArnHead::of(&cx))?;
    if let Some(key_id) = &wish.key_id {
        keys::check_account(key_id, &cx.services.config.account_id)?;
    }
    let (sealer, bus) = (Sealer::of(&cx.services), cx.services.bus.clone());
    let (now, by, asked) = (cx.now(), cx.caller().name.clone(), cx.clone());
    cx.write(move |tx| {
        let stored = store(tx, &sealer, &wish, now, by)?;
        tag_new(&asked, tx, labels::Kind::Parameter, wish.key.as_str(), &wish.tags)?;
        bus.emit(tx, Event::ParameterChanged(wish.key.as_str().to_owned()));
        Ok(stored)
    })
    .await
}

/// What the service model says of each member.
fn check_members(request: &PutParameterRequest) -> ApiResult<()> {
    let mut broken = Violations::default();
    broken.required(request.name.as_ref(), "name");
    broken.length(request.name.as_ref(), "name", 1..=2048);
    broken.length(request.description.as_ref(), "description", 0..=1024);
    broken.required(request.value.as_ref(), "value");
    match request.value.as_ref().map(|v| v.0.expose().len()) {
        Some(0) => broken.add("", "value", "have length greater than or equal to 1."),
        Some(n) if n > LARGEST_BYTES => broken.add_hidden("value", &format!("have length less than or equal to {LARGEST_BYTES}")),
        _ => {}
    }
    broken.one_of(request.kind.as_ref(), "type", Kind::NAMES);
    broken.length(request.key_id.as_ref(), "keyId", 1..=256);
    if let Some(key_id) = request.key_id.as_ref().filter(|k| !k.is_empty() && !k.bytes().all(is_key_id)) {
        broken.add(key_id, "keyId", "satisfy regular expression pattern: ^([a-zA-Z0-9:/_-]+)$");
    }
    broken.length(request.allowed_pattern.as_ref(), "allowedPattern", 0..=1024);
    form::judge(&mut broken, "tags", request.tags.as_deref().unwrap_or_default());
    broken.one_of(request.tier.as_ref(), "tier", WantedTier::NAMES);
    broken.length(request.policies.as_ref(), "policies", 1..=4096);
    broken.length(request.data_type.as_ref(), "dataType", 0..=128);
    broken.check()
}

fn is_key_id(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'/' | b'_' | b'-')
}

/// What can be said without looking at the rows, in the order in which upstream says it.
fn wish(request: PutParameterRequest, arns: &ArnHead) -> ApiResult<Wish> {
    let overwrite = request.overwrite.unwrap_or(false);
    let tags = request.tags.unwrap_or_default();
    if overwrite && !tags.is_empty() {
        return Err(ApiError::validation(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. \
             To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.",
        ));
    }
    let name = request.name.unwrap_or_default().trim_matches(' ').to_owned();
    let key = ParameterKey::for_writing(&name).map_err(|error| name_error(error, &name))?;
    ParameterKey::check_arn(&arns.parameter(&key)).map_err(|error| name_error(error, &name))?;
    tags.iter().try_for_each(|tag| form::check_free(&tag.key))?;
    let value = request.value.map_or_else(|| Secret::new(String::new()), |v| v.0);
    if nests(value.expose()) {
        return Err(ApiError::validation(
            "Parameter value can't nest another parameter. Do not use \"{{}}\" in the value.",
        ));
    }
    let data_type = request.data_type.filter(|d| !d.is_empty()).map(|d| {
        d.parse().map_err(|()| {
            ApiError::validation(format!(
                "The following data type is not supported: {d} (Data type names are all lowercase.)"
            ))
        })
    });
    Ok(Wish {
        key,
        name,
        value,
        description: request.description,
        kind: request.kind.and_then(|k| k.parse().ok()),
        key_id: request.key_id,
        overwrite,
        allowed_pattern: request.allowed_pattern,
        tags,
        tier: request.tier.and_then(|t| t.parse().ok()),
        policies: request.policies.as_deref().map(policies::parse).transpose()?,
        data_type: data_type.transpose()?,
    })
}

fn name_error(error: NameError, name: &str) -> ApiError {
    match error {
        NameError::Malformed => malformed_name(),
        NameError::NotFullyQualified => ApiError::validation("Parameter name must be a fully qualified name."),
        NameError::ReservedPrefix => ApiError::validation("Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive)."),
        NameError::ReservedPath => ApiError::new("AccessDeniedException", format!("No access to reserved parameter name: {name}.")),
        NameError::TooDeep => ApiError::new(
            "HierarchyLevelLimitExceededException",
            format!(
                "A hierarchy can have a maximum of {MAX_LEVELS} levels. For more information, see Requirements and constraints for \
                 parameter names in the AWS Systems Manager User Guide."
            ),
        ),
        NameError::TooLong => {
            ApiError::validation("Parameter name: can't be longer than 1011 characters, those before it in its ARN included.")
        }
    }
}

/// Whether the value refers to a parameter; such a reference would never be followed.
pub fn nests(value: &str) -> bool {
    value.split_once("{{").is_some_and(|(_, rest)| rest.contains("}}"))
}

fn store(tx: &Tx<'_>, sealer: &Sealer, wish: &Wish, now: Timestamp, by: String) -> ApiResult<PutParameterResult> {
    let before = rows::sql::newest(tx, &wish.key)?;
    let kind = kind(wish, before.as_ref())?;
    let policies = match &wish.policies {
        Some(policies) => policies.clone(),
        None => before
            .as_ref()
            .and_then(|b| b.policies.as_deref())
            .map_or(Ok(Vec::new()), policies::parse)?,
    };
    let tier = kinds::tier(TierFacts {
        wanted: wish.tier,
        current: before.as_ref().map(|b| b.tier),
        value_bytes: wish.value.expose().len(),
        has_policies: !policies.is_empty(),
    })?;
    let data_type = wish.data_type.or(before.as_ref().map(|b| b.data_type)).unwrap_or(DataType::Text);
    data_type.check(kind, wish.value.expose())?;
    let kept = before.as_ref().map(|b| (b.allowed_pattern.clone(), b.description.clone()));
    let (pattern, description) = kept.unwrap_or_default();
    let allowed_pattern = wish.allowed_pattern.clone().unwrap_or(pattern);
    check_pattern(&allowed_pattern, wish.value.expose())?;
    let mut version = Version {
        key: wish.key.clone(),
        name: wish.name.clone(),
        version: before.as_ref().map_or(1, |b| b.version + 1),
        kind,
        value: String::new(),
        data_type,
        tier,
        description: wish.description.clone().unwrap_or(description),
        allowed_pattern,
        policies: policies::to_text(&policies),
        key_id: None,
        sealed_by: None,
        modified_at: now,
        modified_by: by,
    };
    fill_value(tx, sealer, wish, before.as_ref(), &mut version)?;
    make_room(tx, wish, before.as_ref())?;
    rows::sql::insert(tx, &version)?;
    if !policies.is_empty() || before.is_some_and(|b| b.policies.is_some()) {
        policies::enforce(tx, &wish.key, &policies, now)?;
    }
    Ok(PutParameterResult {
        version: version.version,
        tier,
    })
}

/// *Errors*: `ParameterAlreadyExists`; `HierarchyTypeMismatchException` for another type than before; `ValidationException`
/// for a new parameter without a type, or a key for what is no secret.
fn kind(wish: &Wish, before: Option<&Version>) -> ApiResult<Kind> {
    let kind = match (before, wish.kind) {
        (Some(_), _) if !wish.overwrite => {
            return Err(ApiError::new(
                "ParameterAlreadyExists",
                "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
            ));
        }
        (None, None) => {
            return Err(ApiError::validation("A parameter type is required when you create a parameter."));
        }
        (Some(before), Some(kind)) if before.kind != kind => {
            return Err(ApiError::new(
                "HierarchyTypeMismatchException",
                format!(
                    "Parameter Store doesn't support changing a parameter type. The parameter {} is a {}. You must create a new, unique \
                     parameter.",
                    before.name,
                    before.kind.as_str()
                ),
            ));
        }
        (Some(before), _) => before.kind,
        (None, Some(kind)) => kind,
    };
    if wish.key_id.is_some() && kind != Kind::SecureString {
        return Err(ApiError::validation(format!(
            "KeyId is not required for {} type parameter.",
            kind.as_str()
        )));
    }
    Ok(kind)
}

/// Differs: upstream runs Java's regular expressions; ours run in linear time and so know no look-around, no
/// back-references and no classes of Unicode.
fn check_pattern(pattern: &str, value: &str) -> ApiResult<()> {
    if pattern.is_empty() {
        return Ok(());
    }
    let whole = Regex::new(&format!("^(?:{pattern})$")).map_err(|_| {
        ApiError::new(
            "InvalidAllowedPatternException",
            format!("The request doesn't meet the regular expression requirement: {pattern} is not a valid pattern."),
        )
    })?;
    if whole.is_match(value) {
        return Ok(());
    }
    Err(ApiError::new(
        "ParameterPatternMismatchException",
        format!("Parameter value, cannot be validated against allowedPattern: {pattern}"),
    ))
}

fn fill_value(tx: &Tx<'_>, sealer: &Sealer, wish: &Wish, before: Option<&Version>, version: &mut Version) -> ApiResult<()> {
    if version.kind != Kind::SecureString {
        version.value = wish.value.expose().clone();
        return Ok(());
    }
    let key_id = wish.key_id.clone().or_else(|| before.and_then(|b| b.key_id.clone()));
    let key_id = key_id.unwrap_or_else(|| keys::DEFAULT_ALIAS.to_owned());
    keys::ensure(tx, sealer, &key_id, version.modified_at)?;
    let sealed = sealer.seal(tx, &key_id, &place_of(&version.key, version.version), &wish.value)?;
    version.value = sealed.text;
    version.sealed_by = Some(sealed.sealed_by);
    version.key_id = Some(key_id);
    Ok(())
}

/// Drops the oldest version when there are as many as are kept.
///
/// *Errors*: `ParameterMaxVersionLimitExceeded` when a label lies on it.
fn make_room(tx: &Tx<'_>, wish: &Wish, before: Option<&Version>) -> ApiResult<()> {
    let Some(before) = before.filter(|b| b.version >= MAX_VERSIONS) else {
        return Ok(());
    };
    match rows::sql::oldest(tx, &wish.key)? {
        Some((oldest, _)) if before.version - oldest + 1 < MAX_VERSIONS => Ok(()),
        Some((oldest, true)) => Err(ApiError::new(
            "ParameterMaxVersionLimitExceeded",
            format!(
                "You attempted to create a new version of {} by calling the PutParameter API with the overwrite flag. Version {oldest}, \
                 the oldest version, can't be deleted because it has a label associated with it. Move the label to another version of the \
                 parameter, and try again.",
                wish.name
            ),
        )),
        Some((oldest, false)) => Ok(rows::sql::delete_version(tx, &wish.key, oldest)?),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_judges_the_whole_value() {
        let code = |pattern, value| check_pattern(pattern, value).map_or_else(|e| e.code, |()| "ok");
        assert_eq!(code(r"\d{1,4}", "1234"), "ok");
        assert_eq!(code(r"\d{1,4}", "10,000"), "ParameterPatternMismatchException");
        assert_eq!(code("a|b", "ab"), "ParameterPatternMismatchException");
        assert_eq!(code(".*", "one line"), "ok");
        assert_eq!(code("(", "x"), "InvalidAllowedPatternException");
        assert_eq!(code("", "anything"), "ok");
    }

    #[test]
    fn a_reference_in_double_braces_is_seen() {
        assert!(nests("{{ssm:x}}") && nests("a {{b}} c"));
        assert!(!nests("{a}") && !nests("}} {{") && !nests("{{"));
    }
}
