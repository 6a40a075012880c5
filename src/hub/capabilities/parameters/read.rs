//! `GetParameter` and `GetParameters`, and the shape in which every reader gets a value.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use crate::base::{ApiError, ApiResult, Secret, Timestamp};
use crate::hub::api::constraint::Violations;
use crate::hub::api::{Cx, Declare, Service, Target};
use crate::hub::capabilities::parameters::kinds::{ArnHead, Kind};
use crate::hub::capabilities::parameters::rows::{self, Found, Version};
use crate::hub::capabilities::parameters::sealing::Sealer;
use crate::hub::capabilities::parameters::{KIND, id_of, malformed_name, not_found, reads, target, version_not_found};
use crate::hub::store::Tx;
use crate::model::parameter::{Reference, ReferenceError};

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Ssm,
        "GetParameter",
        |r: &GetRequest| target(r.name.as_ref()),
        get_parameter,
    )
    .read(
        Service::Ssm,
        "GetParameters",
        |r: &GetManyRequest| Target::Resources(KIND, r.names.iter().flatten().map(|n| id_of(n)).collect()),
        get_parameters,
    );
}

/// *Source*: `Parameter` of the service model.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Parameter {
    name: String,
    #[serde(rename = "Type")]
    kind: Kind,
    value: ShownValue,
    version: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    selector: Option<String>,
    last_modified_date: Timestamp,
    #[serde(rename = "ARN")]
    arn: String,
    data_type: &'static str,
}

/// A value on its way out; it may be a secret.
#[derive(JsonSchema)]
#[schemars(transparent)]
pub struct ShownValue(#[schemars(with = "String")] Secret<String>);

impl Serialize for ShownValue {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.0.expose())
    }
}

/// How a reader wants secrets: opened, or as they lie.
#[derive(Clone)]
pub struct Reader {
    pub head: ArnHead,
    sealer: Option<Sealer>,
}

impl Reader {
    pub fn new(cx: &Cx, with_decryption: Option<bool>) -> Self {
        Self {
            head: ArnHead::of(cx),
            sealer: with_decryption.unwrap_or(false).then(|| Sealer::of(&cx.services)),
        }
    }

    /// Whether showing this version tells a secret.
    pub fn reveals(&self, kind: Kind) -> bool {
        self.sealer.is_some() && kind == Kind::SecureString
    }

    /// *Errors*: `InvalidKeyId` when the key of a secret is disabled.
    pub fn value(&self, tx: &Tx<'_>, version: &mut Version) -> ApiResult<ShownValue> {
        match &self.sealer {
            Some(sealer) if version.kind == Kind::SecureString => sealer.open(tx, version).map(ShownValue),
            _ => Ok(ShownValue(Secret::new(std::mem::take(&mut version.value)))),
        }
    }

    /// `name` is how the caller called it.
    pub fn parameter(&self, tx: &Tx<'_>, mut version: Version, name: Option<String>, selector: Option<String>) -> ApiResult<Parameter> {
        Ok(Parameter {
            value: self.value(tx, &mut version)?,
            name: name.unwrap_or(version.name),
            kind: version.kind,
            version: version.version,
            selector,
            last_modified_date: version.modified_at,
            arn: self.head.parameter(&version.key),
            data_type: version.data_type.as_str(),
        })
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct GetRequest {
    name: Option<String>,
    with_decryption: Option<bool>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct GetResult {
    parameter: Parameter,
}

async fn get_parameter(cx: Cx, request: GetRequest) -> ApiResult<GetResult> {
    let mut broken = Violations::default();
    broken.required(request.name.as_ref(), "name");
    broken.length(request.name.as_ref(), "name", 1..=2048);
    broken.check()?;
    let name = request.name.unwrap_or_default();
    let reference = Reference::parse(&name).map_err(|error| match error {
        ReferenceError::Malformed => malformed_name(),
        ReferenceError::Nothing => not_found(&name),
    })?;
    if name.starts_with(SECRETS_MANAGER) && request.with_decryption != Some(true) {
        return Err(ApiError::validation(
            "WithDecryption flag must be True for retrieving a Secret Manager secret.",
        ));
    }
    let reader = Reader::new(&cx, request.with_decryption);
    let key = reference.key.clone();
    let read = cx.glance(move |tx| {
        let Reference {
            key,
            name: spelled,
            selector,
        } = reference;
        match rows::find(tx, &key, selector.as_ref())? {
            Found::Version(version) => {
                let reveals = reader.reveals(version.kind);
                let selector = selector.map(|s| s.to_string());
                Ok((reader.parameter(tx, *version, spelled, selector)?, reveals))
            }
            Found::NoSuchVersion(stored) => {
                let selector = selector.map_or_else(String::new, |s| s.to_string());
                let shown = spelled.unwrap_or(stored);
                Err(version_not_found(&selector.trim_start_matches(':'), &shown))
            }
            Found::Nothing => Err(nothing(&name)),
        }
    });
    let (parameter, reveals) = read.await?;
    if reveals {
        reads::note(&cx, vec![key]).await?;
    }
    Ok(GetResult { parameter })
}

/// Where upstream shows the secrets of Secrets Manager; they are read in the clear or not at all, and here there are none.
const SECRETS_MANAGER: &str = "/aws/reference/secretsmanager/";

/// Upstream's other words for that tree.
fn nothing(name: &str) -> ApiError {
    if name.starts_with(SECRETS_MANAGER) {
        return ApiError::new(
            "ParameterNotFound",
            format!("An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret {name} not found."),
        );
    }
    not_found(name)
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct GetManyRequest {
    names: Option<Vec<String>>,
    with_decryption: Option<bool>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct GetManyResult {
    parameters: Vec<Parameter>,
    invalid_parameters: Vec<String>,
}

async fn get_parameters(cx: Cx, request: GetManyRequest) -> ApiResult<GetManyResult> {
    check_names(request.names.as_ref())?;
    let reader = Reader::new(&cx, request.with_decryption);
    // Each name once, in alphabetical order, as upstream answers.
    let names: BTreeMap<String, Option<Reference>> = request
        .names
        .unwrap_or_default()
        .into_iter()
        .map(|name| (name.clone(), Reference::parse(&name).ok()))
        .collect();
    let read = cx.read(move |tx| {
        let (mut parameters, mut invalid_parameters, mut revealed) = (Vec::new(), Vec::new(), Vec::new());
        for (name, reference) in names {
            let Some(Reference {
                key,
                name: spelled,
                selector,
            }) = reference
            else {
                invalid_parameters.push(name);
                continue;
            };
            let Found::Version(version) = rows::find(tx, &key, selector.as_ref())? else {
                invalid_parameters.push(name);
                continue;
            };
            if reader.reveals(version.kind) {
                revealed.push(key);
            }
            parameters.push(reader.parameter(tx, *version, spelled, selector.map(|s| s.to_string()))?);
        }
        let result = GetManyResult {
            parameters,
            invalid_parameters,
        };
        Ok((result, revealed))
    });
    let (result, revealed) = read.await?;
    reads::note(&cx, revealed).await?;
    Ok(result)
}

/// Upstream's limits of a list of names.
pub fn check_names(names: Option<&Vec<String>>) -> ApiResult<()> {
    let mut broken = Violations::default();
    broken.required(names, "names");
    if let Some(names) = names {
        let shown = format!("[{}]", names.join(", "));
        if names.is_empty() {
            broken.add(&shown, "names", "have length greater than or equal to 1");
        }
        if names.len() > 10 {
            broken.add(&shown, "names", "have length less than or equal to 10.");
        }
        if names.iter().any(|n| n.is_empty() || n.chars().count() > 2048) {
            broken.add(
                &shown,
                "names",
                "satisfy constraint: [Member must have length less than or equal to 2048, Member must have length greater than or equal to 1]",
            );
        }
    }
    broken.check()
}
