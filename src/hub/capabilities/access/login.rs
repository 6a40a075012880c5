//! Set-up, login and logout of the console, and who a caller is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult, Secret};
use crate::hub::api::{Cx, Declare, Service, Target};
use crate::hub::audit::Outcome;
use crate::hub::auth::console::{COOKIE_NAME, ConsoleSessions, LIFETIME, NewSession};
use crate::hub::auth::{passwords, setup};

pub fn operations(api: &mut Declare<'_>) {
    api.open(Service::Roadstead, "GetSetupState", get_setup_state)
        .open(Service::Roadstead, "CreateFirstAdmin", create_first_admin)
        .open(Service::Roadstead, "Login", login)
        .write(Service::Roadstead, "Logout", |_: &Empty| Target::Hub, logout)
        .read(Service::Roadstead, "GetCaller", |_: &Empty| Target::Hub, get_caller);
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Empty {}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct SetupState {
    needs_admin: bool,
    version: &'static str,
    hub_name: String,
}

async fn get_setup_state(cx: Cx, _request: Empty) -> ApiResult<SetupState> {
    let needs_admin = !cx.read(|tx| Ok(setup::has_admin(tx)?)).await?;
    let hub_name = cx.services.facts.addresses.first().cloned().unwrap_or_default();
    Ok(SetupState {
        needs_admin,
        version: env!("CARGO_PKG_VERSION"),
        hub_name,
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct FirstAdminRequest {
    token: String,
    user_name: String,
    password: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct LoggedIn {
    user_name: String,
    csrf_token: String,
}

/// Makes the first admin and logs them in. Only while there is none, decided in the transaction itself.
async fn create_first_admin(cx: Cx, request: FirstAdminRequest) -> ApiResult<LoggedIn> {
    if cx.read(|tx| Ok(setup::has_admin(tx)?)).await? {
        return Err(ApiError::new(
            "SetupClosedException",
            "this hub has an admin already: log in, or ask them for access",
        ));
    }
    setup::check_token(&cx.services.config.data, &request.token)?;
    setup::check_user_name(&request.user_name)?;
    let hash = passwords::hash(request.password.into()).await?;
    let (name, address, now, changed) = (request.user_name.clone(), cx.request().address.clone(), cx.now(), cx.clone());
    let session = cx.write(move |tx| {
        setup::create_admin(tx, &name, Some(hash), now)?;
        changed.rights_changed(tx)?;
        Ok(ConsoleSessions::create(tx, &name, &address, now)?)
    });
    let session = session.await?;
    setup::close(&cx.services.config.data);
    Ok(enter(&cx, request.user_name, session))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct LoginRequest {
    user_name: String,
    password: String,
}

async fn login(cx: Cx, request: LoginRequest) -> ApiResult<LoggedIn> {
    let (name, address, now) = (request.user_name, cx.request().address.clone(), cx.now());
    let console = &cx.services.console;
    console.admit(&name, &address, now)?;
    let wanted = name.clone();
    let hash = cx.read(move |tx| Ok(setup::password_hash(tx, &wanted)?)).await?;
    let is_right = passwords::verify(Secret::new(request.password), hash).await?;
    console.note(&name, &address, is_right, now);
    if !is_right {
        cx.audit(Outcome::Denied, "wrong user name or password".into()).await?;
        return Err(ApiError::new("InvalidCredentialsException", "user name or password is wrong"));
    }
    let user = name.clone();
    let session = cx.write(move |tx| Ok(ConsoleSessions::create(tx, &user, &address, now)?)).await?;
    Ok(enter(&cx, name, session))
}

/// Sends the session's cookie with the answer.
fn enter(cx: &Cx, user_name: String, session: NewSession) -> LoggedIn {
    let secure = if cx.request().origin.starts_with("https://") {
        "; Secure"
    } else {
        ""
    };
    let seconds = LIFETIME.as_secs();
    cx.set_cookie(format!(
        "{COOKIE_NAME}={}; HttpOnly; SameSite=Strict; Path=/; Max-Age={seconds}{secure}",
        session.cookie
    ));
    LoggedIn {
        user_name,
        csrf_token: session.csrf_token,
    }
}

async fn logout(cx: Cx, _request: Empty) -> ApiResult<Empty> {
    let headers = cx.request().headers.clone();
    cx.write(move |tx| Ok(ConsoleSessions::end(tx, &headers)?)).await?;
    cx.set_cookie(format!("{COOKIE_NAME}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0"));
    Ok(Empty {})
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct CallerView {
    user_name: String,
    kind: &'static str,
    /// The first of `Roles`; `none` without one.
    role: String,
    roles: Vec<String>,
    /// What narrows this caller to some nodes or actions.
    narrowed: bool,
    account_id: String,
    region: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_token: Option<String>,
    version: &'static str,
}

async fn get_caller(cx: Cx, _request: Empty) -> ApiResult<CallerView> {
    let session = cx.services.console.find(&cx.request().headers, cx.now()).await?;
    let rights = &cx.caller().rights;
    Ok(CallerView {
        user_name: cx.caller().name.clone(),
        kind: cx.caller().kind(),
        role: rights.roles.first().cloned().unwrap_or_else(|| "none".into()),
        roles: rights.roles.clone(),
        narrowed: !rights.grants.layers.is_empty(),
        account_id: cx.services.config.account_id.clone(),
        region: cx.request().region.clone(),
        csrf_token: session.map(|s| s.csrf_token),
        version: env!("CARGO_PKG_VERSION"),
    })
}
