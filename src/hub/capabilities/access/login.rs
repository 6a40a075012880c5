//! Set-up, login and logout of the console, and who a caller is.
//!
//! ```text
//! Login ─right─► no second factor ─► session          wrong ─► audited, the source slows down
//!        └─────► has one ─► ticket ─► ContinueLogin ─► session
//! ```

use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult, Secret, Timestamp};
use crate::hub::api::{Cx, Declare, Service};
use crate::hub::audit::Outcome;
use crate::hub::auth::accounts::{self, Account};
use crate::hub::auth::backoff::Source;
use crate::hub::auth::console::{COOKIE_NAME, ConsoleSessions, Method, Second};
use crate::hub::auth::passwords::Queue;
use crate::hub::auth::tickets::Tickets;
use crate::hub::auth::{devices, factors, passwords, setup};
use crate::hub::capabilities::access::entrance::{self, LoggedIn, Welcome};
use crate::hub::capabilities::access::{oidc, passkeys};
use crate::hub::events::Event;
use crate::hub::store::Tx;

pub fn operations(api: &mut Declare<'_>) {
    api.open(Service::Roadstead, "GetSetupState", get_setup_state)
        .open(Service::Roadstead, "CreateFirstAdmin", create_first_admin)
        .open(Service::Roadstead, "Login", login)
        .open(Service::Roadstead, "ContinueLogin", continue_login)
        .own(Service::Roadstead, "Logout", logout)
        .own(Service::Roadstead, "GetCaller", get_caller);
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Empty {}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct SetupState {
    needs_admin: bool,
    version: &'static str,
    hub_name: String,
    /// Whether passkeys can be used where this page is.
    passkeys: bool,
    /// What the button for single sign-on says, when there is a provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    single_sign_on: Option<String>,
}

async fn get_setup_state(cx: Cx, _request: Empty) -> ApiResult<SetupState> {
    let (has_admin, single_sign_on) = cx.read(|tx| Ok((setup::has_admin(tx)?, oidc::label(tx)?))).await?;
    let hub_name = cx.services.facts.addresses.first().cloned().unwrap_or_default();
    Ok(SetupState {
        needs_admin: !has_admin,
        version: env!("CARGO_PKG_VERSION"),
        hub_name,
        passkeys: passkeys::obstacle(&cx).is_none(),
        single_sign_on,
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct FirstAdminRequest {
    token: String,
    user_name: String,
    password: String,
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
    setup::check_new_user_name(&request.user_name)?;
    let password = Secret::new(request.password);
    passwords::check(&password, &request.user_name)?;
    let hash = passwords::hash(password).await?;
    let (name, now) = (request.user_name.clone(), cx.now());
    let (welcome, changed) = (Welcome::new(&cx, Method::Password.as_str()), cx.clone());
    let session = cx.write_saying(format!("user `{name}` is the first admin"), move |tx| {
        setup::create_admin(tx, &name, Some(hash), now)?;
        changed.rights_changed(tx)?;
        let account = accounts::existing(tx, &name)?;
        Ok(welcome.enter(tx, &account)?)
    });
    let session = session.await?;
    setup::close(&cx.services.config.data);
    Ok(entrance::answer(&cx, request.user_name, session))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct LoginRequest {
    user_name: String,
    password: String,
}

async fn login(cx: Cx, request: LoginRequest) -> ApiResult<LoggedIn> {
    let password = Secret::new(request.password);
    let (source, account) = recognise(&cx, request.user_name).await?;
    cx.services.backoff.admit(&source, Instant::now())?;
    let hash = account.as_ref().and_then(|account| account.password_hash.clone());
    let is_right = passwords::verify(password.clone(), hash, queue(&source)).await?;
    let account = match account.filter(|_| is_right) {
        Some(account) => account,
        None => return Err(fail(&cx, &source, "wrong user name or password").await?),
    };
    renew_hash(&cx, &account, password).await;
    after_first_proof(&cx, source, account, Method::Password).await
}

/// Asks for the second factor of a user who has one; the others are in.
pub async fn after_first_proof(cx: &Cx, source: Source, account: Account, first: Method) -> ApiResult<LoggedIn> {
    let name = account.name.clone();
    let has_factor = cx.read(move |tx| Ok(factors::of(tx, &name)?.is_any())).await?;
    if has_factor && !account.has_second_factor_elsewhere {
        let ticket = cx.services.state::<Tickets>().issue(source, first, Instant::now());
        return Ok(entrance::second_factor(account.name, ticket));
    }
    enter(cx, &source, account, first).await
}

/// Where the attempt comes from and whose account it aims at. An impossible name is nobody's.
async fn recognise(cx: &Cx, user: String) -> ApiResult<(Source, Option<Account>)> {
    let (address, headers, now) = (cx.request().address.clone(), cx.request().headers.clone(), cx.now());
    let user: String = user.chars().take(64).collect();
    let (name, is_possible) = (user.clone(), setup::check_user_name(&user).is_ok());
    let found = cx.read(move |tx: &Tx<'_>| {
        if !is_possible {
            return Ok((None, None));
        }
        let account = accounts::find(tx, &name)?;
        let device = devices::known(tx, &headers, &name, now)?;
        Ok((account, device))
    });
    let (account, device) = found.await?;
    let source = Source { user, address, device };
    Ok((source, account))
}

fn queue(source: &Source) -> Queue {
    match source.device {
        Some(_) => Queue::Known,
        None => Queue::Strangers,
    }
}

/// Notes a wrong proof, in the audit log too; hands over what to answer.
async fn fail(cx: &Cx, source: &Source, why: &str) -> ApiResult<ApiError> {
    cx.services.backoff.failed(source, Instant::now());
    let user = match setup::check_user_name(&source.user) {
        Ok(()) => source.user.as_str(),
        Err(_) => "?",
    };
    cx.audit(Outcome::Denied, format!("user `{user}`: {why}")).await?;
    Ok(ApiError::new("InvalidCredentialsException", "user name or password is wrong"))
}

/// Makes the hash anew when the cost has changed since. A login does not fail over it.
async fn renew_hash(cx: &Cx, account: &Account, password: Secret<String>) {
    let Some(old) = account.password_hash.clone().filter(|hash| passwords::is_outdated(hash)) else {
        return;
    };
    let renewed = async {
        let new = passwords::hash(password).await?;
        let name = account.name.clone();
        cx.services.write(move |tx| Ok(accounts::rehash(tx, &name, &old, &new)?)).await
    };
    if let Err(error) = renewed.await {
        tracing::warn!(error = %error, "a password's hash was not renewed");
    }
}

async fn enter(cx: &Cx, source: &Source, account: Account, method: Method) -> ApiResult<LoggedIn> {
    let name = account.name.clone();
    let session = Welcome::new(cx, method.as_str()).log_in(cx, account).await?;
    cx.services.backoff.succeeded(source);
    Ok(entrance::answer(cx, name, session))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ContinueRequest {
    ticket: String,
    /// Of the code generator.
    code: Option<String>,
    recovery_code: Option<String>,
}

/// The second step of a login.
async fn continue_login(cx: Cx, request: ContinueRequest) -> ApiResult<LoggedIn> {
    let tickets = cx.services.state::<Tickets>();
    let ticket = tickets.attempt(&request.ticket, Instant::now())?;
    cx.services.backoff.admit_code(&ticket.source, Instant::now())?;
    let method = match (&request.code, &request.recovery_code) {
        (Some(_), None) => ticket.first.and(Second::Code),
        (None, Some(_)) => ticket.first.and(Second::RecoveryCode),
        _ => return Err(ApiError::validation("give either `Code` or `RecoveryCode`")),
    };
    let (user, services, now) = (ticket.source.user.clone(), cx.services.clone(), cx.now());
    let checked = cx.services.write(move |tx| {
        let is_right = match (request.code, request.recovery_code) {
            (Some(code), _) => factors::use_totp(tx, services.keys.vault(), &user, &code, now)?,
            (None, Some(code)) => factors::use_recovery_code(tx, &user, &code, now)?,
            (None, None) => false,
        };
        Ok(match is_right {
            true => accounts::find(tx, &user)?,
            false => None,
        })
    });
    let Some(account) = checked.await? else {
        cx.services.backoff.failed_code(&ticket.source, Instant::now());
        let _answered_otherwise = fail(&cx, &ticket.source, "wrong second factor").await?;
        return Err(factors::wrong_code());
    };
    tickets.spend(&request.ticket);
    enter(&cx, &ticket.source, account, method).await
}

async fn logout(cx: Cx, _request: Empty) -> ApiResult<Empty> {
    let (headers, bus) = (cx.request().headers.clone(), cx.services.bus.clone());
    cx.write(move |tx| {
        ConsoleSessions::end(tx, &headers)?;
        bus.emit(tx, Event::LoginsChanged);
        Ok(())
    })
    .await?;
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
    /// What a login still lacks: `NewPassword`, `Enrol`, `RecoveryCodes`, or `Done`.
    next: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    login_session_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stepped_up_until: Option<Timestamp>,
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
        narrowed: !rights.grants.layers.is_empty() || cx.caller().scope.is_some(),
        account_id: cx.services.config.account_id.clone(),
        region: cx.request().region.clone(),
        csrf_token: session.as_ref().map(|s| s.csrf_token.clone()),
        next: entrance::next(cx.caller().stage),
        login_session_id: session.map(|s| s.id),
        stepped_up_until: cx.caller().stepped_up_until,
        version: env!("CARGO_PKG_VERSION"),
    })
}
