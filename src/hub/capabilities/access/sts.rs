//! Upstream's security token service: who am I, and keys that end by themselves.
//!
//! Client tools call it at the same address, in upstream's query protocol (`hub/api/query.rs`) as well as in JSON.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE32_NOPAD;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::base::arn::partition;
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target, constraint};
use crate::hub::auth::temporary_keys::{NewTemporaryKey, TemporaryKey};
use crate::hub::auth::{AssumedRole, Proof};
use crate::hub::capabilities::access::{step_up, users};

const SESSION_SECONDS: Range = Range {
    least: 900,
    usual: 43_200,
    most: 129_600,
};
const ROLE_SECONDS: Range = Range {
    least: 900,
    usual: 3600,
    most: 43_200,
};

pub fn operations(api: &mut Declare<'_>) {
    api.own(Service::Sts, "GetCallerIdentity", get_caller_identity)
        .own(Service::Sts, "GetSessionToken", get_session_token)
        .write(
            Service::Sts,
            "AssumeRole",
            |r: &AssumeRoleRequest| Target::Resource("role", role_name(&r.role_arn).to_owned()),
            assume_role,
        );
}

#[derive(Deserialize, JsonSchema)]
struct Empty {}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct CallerIdentity {
    user_id: String,
    account: String,
    arn: String,
}

async fn get_caller_identity(cx: Cx, _request: Empty) -> ApiResult<CallerIdentity> {
    let (caller, account) = (cx.caller(), cx.services.config.account_id.clone());
    let partition = partition(&cx.request().region);
    let (user_id, arn) = match &caller.assumed {
        Some(role) => assumed(partition, &account, role),
        None if caller.proof == Proof::Local => (account.clone(), format!("arn:{partition}:iam::{account}:root")),
        None => (
            unique_id("AIDA", &caller.name),
            format!("arn:{partition}:iam::{account}:user/{}", caller.name),
        ),
    };
    Ok(CallerIdentity { user_id, account, arn })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct SessionTokenRequest {
    #[serde(default, deserialize_with = "number")]
    #[schemars(with = "Option<u64>")]
    duration_seconds: Option<u64>,
    /// Any: a user has one code generator.
    serial_number: Option<String>,
    token_code: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct SessionTokenResult {
    credentials: Credentials,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct Credentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    /// ISO 8601, as this protocol has it.
    expiration: String,
}

async fn get_session_token(cx: Cx, request: SessionTokenRequest) -> ApiResult<SessionTokenResult> {
    let lifetime = SESSION_SECONDS.check(request.duration_seconds)?;
    let is_stepped_up = match request.token_code {
        Some(code) => {
            step_up::prove_by_code(&cx, code).await?;
            true
        }
        None if request.serial_number.is_some() => return Err(ApiError::validation("`SerialNumber` comes with a `TokenCode`")),
        None => false,
    };
    let credentials = make(&cx, None, lifetime, is_stepped_up).await?;
    Ok(SessionTokenResult { credentials })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct AssumeRoleRequest {
    role_arn: String,
    role_session_name: String,
    #[serde(default, deserialize_with = "number")]
    #[schemars(with = "Option<u64>")]
    duration_seconds: Option<u64>,
    /// Everything else of upstream's request narrows or describes the session in ways that the hub does not know.
    #[serde(flatten)]
    #[schemars(skip)]
    others: serde_json::Map<String, serde_json::Value>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct AssumeRoleResult {
    credentials: Credentials,
    assumed_role_user: AssumedRoleUser,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct AssumedRoleUser {
    assumed_role_id: String,
    arn: String,
}

async fn assume_role(cx: Cx, request: AssumeRoleRequest) -> ApiResult<AssumeRoleResult> {
    if let Some(other) = request.others.keys().next() {
        let other: String = other.chars().take(80).collect();
        return Err(ApiError::validation(format!(
            "`{other}` is not taken: the hub would have to ignore it, and the session would be wider than asked for"
        )));
    }
    let name = role_name(&request.role_arn);
    let wanted = name.to_owned();
    if !cx.read(move |tx| Ok(users::is_role(tx, &wanted)?)).await? {
        return Err(ApiError::validation(format!(
            "there is no role `{name}`: `RoleArn` ends in `:role/NAME`"
        )));
    }
    check_session_name(&request.role_session_name)?;
    let lifetime = ROLE_SECONDS.check(request.duration_seconds)?;
    let role = AssumedRole {
        name: name.to_owned(),
        session: request.role_session_name,
    };
    let (assumed_role_id, arn) = assumed(partition(&cx.request().region), &cx.services.config.account_id, &role);
    let credentials = make(&cx, Some(role), lifetime, false).await?;
    Ok(AssumeRoleResult {
        credentials,
        assumed_role_user: AssumedRoleUser { assumed_role_id, arn },
    })
}

async fn make(cx: &Cx, role: Option<AssumedRole>, lifetime: Duration, is_stepped_up: bool) -> ApiResult<Credentials> {
    let (services, caller, at) = (cx.services.clone(), cx.caller().clone(), cx.now());
    let new = NewTemporaryKey {
        role,
        at,
        expires_at: at + lifetime,
        is_stepped_up,
    };
    let key = cx.write(move |tx| services.keys.make_temporary(tx, &caller, new)).await?;
    Ok(credentials(&key))
}

fn credentials(key: &TemporaryKey) -> Credentials {
    Credentials {
        access_key_id: key.id.clone(),
        secret_access_key: key.secret.expose().clone(),
        session_token: key.token.clone(),
        expiration: whole_seconds(key.expires_at).to_string(),
    }
}

fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_millis(at.millis() / 1000 * 1000)
}

fn assumed(partition: &str, account: &str, role: &AssumedRole) -> (String, String) {
    let AssumedRole { name, session } = role;
    (
        format!("{}:{session}", unique_id("AROA", name)),
        format!("arn:{partition}:sts::{account}:assumed-role/{name}/{session}"),
    )
}

/// The same for the same name: upstream's form, four letters and seventeen more.
fn unique_id(prefix: &str, name: &str) -> String {
    let hash = BASE32_NOPAD.encode(digest(&SHA256, name.as_bytes()).as_ref());
    format!("{prefix}{}", &hash[..17])
}

/// `arn:aws:iam::ACCOUNT:role/PATH/NAME` or the bare name.
fn role_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn check_session_name(name: &str) -> ApiResult<()> {
    let is_fine = (2..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b));
    if is_fine {
        return Ok(());
    }
    Err(constraint::violated(
        name,
        "roleSessionName",
        "satisfy regular expression pattern: [\\w+=,.@-]* and have length between 2 and 64",
    ))
}

struct Range {
    least: u64,
    usual: u64,
    most: u64,
}

impl Range {
    fn check(&self, seconds: Option<u64>) -> ApiResult<Duration> {
        let seconds = seconds.unwrap_or(self.usual);
        let must = match seconds {
            s if s < self.least => format!("have value greater than or equal to {}", self.least),
            s if s > self.most => format!("have value less than or equal to {}", self.most),
            s => return Ok(Duration::from_secs(s)),
        };
        Err(constraint::violated(&seconds.to_string(), "durationSeconds", &must))
    }
}

/// A number, or the text of one: a form knows texts only.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u64),
        Text(String),
    }
    match Option::<Either>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Either::Number(number)) => Ok(Some(number)),
        Some(Either::Text(text)) => text
            .parse()
            .map(Some)
            .map_err(|_| serde::de::Error::custom("`DurationSeconds` is a number of seconds")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_keep_to_upstreams_limits() {
        assert_eq!(SESSION_SECONDS.check(None).unwrap().as_secs(), 43_200);
        assert!(SESSION_SECONDS.check(Some(899)).is_err() && SESSION_SECONDS.check(Some(129_601)).is_err());
        assert!(ROLE_SECONDS.check(Some(43_200)).is_ok() && ROLE_SECONDS.check(Some(43_201)).is_err());
    }

    #[test]
    fn a_role_is_named_by_the_end_of_its_arn() {
        assert_eq!(role_name("arn:aws:iam::000000000000:role/path/operator"), "operator");
        assert_eq!(role_name("operator"), "operator");
    }

    #[test]
    fn a_session_name_keeps_to_the_pattern() {
        assert!(check_session_name("ci@build-1").is_ok());
        assert!(check_session_name("x").is_err() && check_session_name("a/b").is_err());
    }
}
