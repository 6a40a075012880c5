//! Single sign-on by OpenID Connect: which provider, and what its groups give. A login through it is [`oidc_login`], whom it
//! knows here is [`oidc_people`].
//!
//! Whoever sets the provider decides who comes in, as an admin too; so only an admin does.
//!
//! [`oidc_login`]: crate::hub::capabilities::access::oidc_login
//! [`oidc_people`]: crate::hub::capabilities::access::oidc_people

use data_encoding::HEXLOWER;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult, Secret};
use crate::hub::api::{Cx, Declare, Service, Target, constraint};
use crate::hub::auth::provider::{Provider, ProviderCache};
use crate::hub::capabilities::access::{guard, users};
use crate::hub::store::{StoreError, Tx};
use crate::platform::outgoing::Allowed;

/// Where the provider sends browsers back to, below the hub's address.
pub const RETURN_PATH: &str = "/login/oidc";
const SECRET_CONTEXT: &str = "oidc-client-secret";
const MAX_GROUPS: usize = 200;
const MAX_NETWORKS: usize = 50;
const MAX_SCOPES: usize = 20;
const MAX_PEM: usize = 64 * 1024;

pub fn operations(api: &mut Declare<'_>) {
    api.read(Service::Roadstead, "GetOidc", |_: &Empty| Target::Hub, get_oidc)
        .write(Service::Roadstead, "PutOidc", |_: &PutOidcRequest| Target::Hub, put_oidc)
        .write(Service::Roadstead, "DeleteOidc", |_: &Empty| Target::Hub, delete_oidc);
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Empty {}

/// What is set; the secret is kept apart and sealed.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "OidcSettings")]
pub struct Settings {
    /// `https://…`, exactly as the provider calls itself.
    pub issuer: String,
    /// What the provider knows this hub by.
    pub client_id: String,
    /// What the button of the login page says.
    #[serde(default = "usual_label")]
    pub label: String,
    #[serde(default = "usual_scopes")]
    pub scopes: Vec<String>,
    /// The claim that names the user; a path of members is written with dots.
    #[serde(default = "usual_user_claim")]
    pub user_claim: String,
    #[serde(default = "usual_groups_claim")]
    pub groups_claim: String,
    /// Without any, roles are given by hand here.
    #[serde(default)]
    pub roles: Vec<GroupRole>,
    /// Whether somebody whom the provider knows becomes a user at their first login.
    #[serde(default)]
    pub creates_users: bool,
    /// The provider asks for a second factor itself: none of the hub's is asked for.
    #[serde(default)]
    pub is_second_factor: bool,
    /// Networks that the provider may lie in although they are not public.
    #[serde(default)]
    pub allowed_networks: Allowed,
    /// One more authority to trust, as PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
}

/// Members of the group hold the role.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct GroupRole {
    pub group: String,
    pub role: String,
}

fn usual_label() -> String {
    "Single sign-on".into()
}

fn usual_scopes() -> Vec<String> {
    ["openid", "profile", "email"].map(str::to_owned).into()
}

fn usual_user_claim() -> String {
    "preferred_username".into()
}

fn usual_groups_claim() -> String {
    "groups".into()
}

/// As it is stored.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Stored {
    pub settings: Settings,
    sealed_secret: Option<String>,
}

impl Stored {
    pub fn provider(&self, cx: &Cx) -> ApiResult<Provider> {
        let client_secret = match &self.sealed_secret {
            Some(sealed) => {
                let sealed = HEXLOWER.decode(sealed.as_bytes()).map_err(ApiError::internal)?;
                let secret = cx.services.vault.open_sealed(SECRET_CONTEXT, &sealed).map_err(ApiError::internal)?;
                Some(Secret::new(String::from_utf8(secret.take()).map_err(ApiError::internal)?))
            }
            None => None,
        };
        let Settings { issuer, client_id, .. } = &self.settings;
        Ok(Provider {
            issuer: issuer.clone(),
            client_id: client_id.clone(),
            client_secret,
            allowed: self.settings.allowed_networks.clone(),
            root: self.settings.ca_pem.clone(),
        })
    }
}

/// *Errors*: `ResourceNotFoundException` while there is no provider.
pub fn existing(tx: &Tx<'_>) -> ApiResult<Stored> {
    sql::stored(tx)?.ok_or_else(|| ApiError::new("ResourceNotFoundException", "no single sign-on provider is set up"))
}

/// What the button of the login page says; `None` while there is no provider.
pub fn label(tx: &Tx<'_>) -> Result<Option<String>, StoreError> {
    Ok(sql::stored(tx)?.map(|stored| stored.settings.label))
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct OidcResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<Settings>,
    has_client_secret: bool,
    /// What the provider must know as the address to send browsers back to, from where the caller is.
    redirect_uri: String,
}

pub fn redirect_uri(cx: &Cx) -> String {
    format!("{}{RETURN_PATH}", cx.request().origin)
}

async fn get_oidc(cx: Cx, _request: Empty) -> ApiResult<OidcResult> {
    let stored = cx.read(|tx| Ok(sql::stored(tx)?)).await?;
    Ok(OidcResult {
        has_client_secret: stored.as_ref().is_some_and(|stored| stored.sealed_secret.is_some()),
        settings: stored.map(|stored| stored.settings),
        redirect_uri: redirect_uri(&cx),
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct PutOidcRequest {
    settings: Settings,
    /// One set before stays when this is absent, and goes when it is empty.
    client_secret: Option<String>,
}

/// Asks the provider for its description first: what cannot work is not kept.
async fn put_oidc(cx: Cx, request: PutOidcRequest) -> ApiResult<Empty> {
    guard::is_admin(&cx)?;
    check(&request.settings)?;
    let before = cx.read(|tx| Ok(sql::stored(tx)?)).await?;
    let stored = Stored {
        sealed_secret: match request.client_secret.map(Secret::new) {
            Some(secret) if secret.expose().is_empty() => None,
            Some(secret) => Some(HEXLOWER.encode(&cx.services.vault.seal(SECRET_CONTEXT, secret.expose().as_bytes()))),
            None => before.and_then(|before| before.sealed_secret),
        },
        settings: request.settings,
    };
    stored.provider(&cx)?.probe().await?;
    cx.write_saying(format!("issuer `{}`", stored.settings.issuer), move |tx| {
        for given in &stored.settings.roles {
            users::check_role(tx, &given.role)?;
        }
        Ok(sql::keep(tx, &stored)?)
    })
    .await?;
    cx.services.state::<ProviderCache>().clear();
    Ok(Empty {})
}

/// *Errors*: `ValidationException` naming the first member that is wrong.
fn check(settings: &Settings) -> ApiResult<()> {
    constraint::count_at_most(&settings.roles, "roles", MAX_GROUPS)?;
    constraint::count_at_most(&settings.scopes, "scopes", MAX_SCOPES)?;
    constraint::count_at_most(&settings.allowed_networks.0, "allowedNetworks", MAX_NETWORKS)?;
    constraint::at_most(&settings.label, "label", 80)?;
    constraint::at_most(settings.ca_pem.as_deref().unwrap_or_default(), "caPem", MAX_PEM)?;
    for (text, name) in [
        (&settings.client_id, "ClientId"),
        (&settings.label, "Label"),
        (&settings.user_claim, "UserClaim"),
        (&settings.groups_claim, "GroupsClaim"),
    ] {
        if text.trim().is_empty() || text.len() > 512 {
            return Err(ApiError::validation(format!("`{name}` is empty or too long")));
        }
    }
    if settings.issuer.len() > 512 || settings.issuer.contains(['?', '#']) || !settings.issuer.starts_with("https://") {
        return Err(ApiError::validation(
            "`Issuer` is the address `https://…` that the provider calls itself by, without a query",
        ));
    }
    let is_scope = |scope: &String| (1..=200).contains(&scope.len()) && scope.bytes().all(|b| b.is_ascii_graphic());
    if !settings.scopes.iter().any(|scope| scope == "openid") || !settings.scopes.iter().all(is_scope) {
        return Err(ApiError::validation("`Scopes` are words among which `openid` is"));
    }
    match settings
        .roles
        .iter()
        .find(|given| given.group.is_empty() || given.group.len() > 512)
    {
        Some(_) => Err(ApiError::validation("a `Group` of `Roles` is empty or too long")),
        None => Ok(()),
    }
}

/// Nobody comes in by it any more; whoever came in before keeps their user and their login.
async fn delete_oidc(cx: Cx, _request: Empty) -> ApiResult<Empty> {
    guard::is_admin(&cx)?;
    cx.write(|tx| {
        existing(tx)?;
        Ok(sql::forget(tx)?)
    })
    .await?;
    cx.services.state::<ProviderCache>().clear();
    Ok(Empty {})
}

mod sql {
    use super::*;
    use crate::hub::store::Value;

    const SETTING: &str = "oidc";

    pub fn stored(tx: &Tx<'_>) -> Result<Option<Stored>, StoreError> {
        tx.row(
            "SELECT value FROM setting WHERE name = :name",
            &[(":name", SETTING.into())],
            |row| row.json("value"),
        )
    }

    pub fn keep(tx: &Tx<'_>, stored: &Stored) -> Result<(), StoreError> {
        let params = [(":name", SETTING.into()), (":value", Value::json(stored))];
        tx.execute(
            "INSERT INTO setting (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            &params,
        )
        .map(|_| ())
    }

    pub fn forget(tx: &Tx<'_>) -> Result<(), StoreError> {
        tx.execute("DELETE FROM setting WHERE name = :name", &[(":name", SETTING.into())])
            .map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(more: serde_json::Value) -> Settings {
        let mut all = serde_json::json!({"Issuer": "https://id.example", "ClientId": "roadstead"});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    #[test]
    fn what_cannot_be_a_provider_is_refused() {
        assert!(check(&settings(serde_json::json!({}))).is_ok());
        for wrong in [
            serde_json::json!({"Issuer": "http://id.example"}),
            serde_json::json!({"Issuer": "https://id.example/?x"}),
            serde_json::json!({"ClientId": ""}),
            serde_json::json!({"Label": " "}),
            serde_json::json!({"Scopes": ["profile"]}),
            serde_json::json!({"Scopes": ["openid", "a b"]}),
            serde_json::json!({"Roles": [{"Group": "", "Role": "viewer"}]}),
        ] {
            assert!(check(&settings(wrong.clone())).is_err(), "{wrong}");
        }
    }
}
