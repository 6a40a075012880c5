//! A user's own second factors: a code generator and recovery codes; and what an admin may take away.
//!
//! Changes take a fresh proof (`step_up.rs`), so that a session left open cannot be turned against its user.

use qrcode::{Color, EcLevel, QrCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target};
use crate::hub::auth::accounts;
use crate::hub::auth::console::ConsoleSessions;
use crate::hub::auth::{Proof, Stage, factors, passkeys, totp};
use crate::hub::capabilities::access::entrance::{self, LoggedIn, Welcome};
use crate::hub::capabilities::access::guard;
use crate::hub::capabilities::access::passkeys::{PasskeyView, obstacle};
use crate::hub::events::Event;

pub fn operations(api: &mut Declare<'_>) {
    api.own(Service::Roadstead, "GetFactors", get_factors)
        .own(Service::Roadstead, "BeginTotp", begin_totp)
        .own(Service::Roadstead, "ConfirmTotp", confirm_totp)
        .own(Service::Roadstead, "RemoveTotp", remove_totp)
        .own(Service::Roadstead, "MakeRecoveryCodes", make_recovery_codes)
        .write(
            Service::Roadstead,
            "ClearFactors",
            |r: &ClearRequest| Target::Resource("user", r.user_name.clone()),
            clear_factors,
        );
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Empty {}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct FactorsView {
    #[serde(skip_serializing_if = "Option::is_none")]
    totp_since: Option<Timestamp>,
    recovery_codes_left: i64,
    passkeys: Vec<PasskeyView>,
    /// Why no passkey can be made or used where this page is.
    #[serde(skip_serializing_if = "Option::is_none")]
    passkeys_unusable: Option<&'static str>,
    /// Whether a role of the user asks for a second factor.
    is_required: bool,
}

async fn get_factors(cx: Cx, _request: Empty) -> ApiResult<FactorsView> {
    let name = cx.caller().name.clone();
    let is_required = cx.caller().rule.require_second_factor;
    let found = cx.read(move |tx| Ok((factors::of(tx, &name)?, passkeys::list(tx, &name)?)));
    let (found, passkeys) = found.await?;
    Ok(FactorsView {
        passkeys: passkeys.into_iter().map(PasskeyView::new).collect(),
        passkeys_unusable: obstacle(&cx),
        totp_since: found.totp_since,
        recovery_codes_left: found.recovery_codes_left,
        is_required,
    })
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct Enrolment {
    /// To be typed where no code can be scanned.
    secret: String,
    uri: String,
    /// The QR code of the URI, a row a text, `1` for dark.
    qr_rows: Vec<String>,
}

async fn begin_totp(cx: Cx, _request: Empty) -> ApiResult<Enrolment> {
    fresh_session(&cx)?;
    let (name, services, now) = (cx.caller().name.clone(), cx.services.clone(), cx.now());
    let user = name.clone();
    let secret = cx
        .write(move |tx| Ok(factors::begin_totp(tx, services.keys.vault(), &user, now)?))
        .await?;
    let host = cx.request().origin.rsplit('/').next().unwrap_or_default().to_owned();
    let uri = totp::uri(&secret, &format!("Roadstead {host}"), &name);
    Ok(Enrolment {
        secret: totp::manual_key(&secret),
        qr_rows: qr_rows(&uri)?,
        uri,
    })
}

fn qr_rows(text: &str) -> ApiResult<Vec<String>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(ApiError::internal)?;
    let width = code.width();
    let row = |row: &[Color]| row.iter().map(|c| if *c == Color::Dark { '1' } else { '0' }).collect();
    Ok(code.to_colors().chunks(width).map(row).collect())
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ConfirmRequest {
    code: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Confirmed {
    /// For a user who had none; shown this once.
    pub recovery_codes: Vec<String>,
    pub login: LoggedIn,
}

/// Confirms the enrolment; the login goes on in a new session.
async fn confirm_totp(cx: Cx, request: ConfirmRequest) -> ApiResult<Confirmed> {
    fresh_session(&cx)?;
    let (name, services, now) = (cx.caller().name.clone(), cx.services.clone(), cx.now());
    let before = cx.services.console.find(&cx.request().headers, now).await?;
    let welcome = Welcome::new(&cx, &before.map(|session| session.method).unwrap_or_default());
    let user = name.clone();
    let done = cx.write_saying("a code generator was enrolled".into(), move |tx| {
        factors::confirm_totp(tx, services.keys.vault(), &user, &request.code, now)?;
        let recovery_codes = match factors::of(tx, &user)?.recovery_codes_left {
            0 => factors::make_recovery_codes(tx, &user)?,
            _ => Vec::new(),
        };
        let account = accounts::existing(tx, &user)?;
        Ok((recovery_codes, welcome.enter(tx, &account)?))
    });
    let (recovery_codes, session) = done.await?;
    Ok(Confirmed {
        recovery_codes,
        login: entrance::answer(&cx, name, session),
    })
}

async fn remove_totp(cx: Cx, _request: Empty) -> ApiResult<Empty> {
    fresh_session(&cx)?;
    let is_required = cx.caller().rule.require_second_factor;
    let name = cx.caller().name.clone();
    cx.write_saying("the code generator was removed".into(), move |tx| {
        if !factors::remove_totp(tx, &name)? {
            return Err(ApiError::new("ResourceNotFoundException", "there is no code generator to remove"));
        }
        if is_required && !factors::of(tx, &name)?.is_any() {
            return Err(ApiError::validation(
                "your role asks for a second factor: set up another code generator, it takes the place of this one",
            ));
        }
        Ok(Empty {})
    })
    .await
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct RecoveryCodes {
    recovery_codes: Vec<String>,
    /// Of a login that lacked them: it goes on in a new session.
    #[serde(skip_serializing_if = "Option::is_none")]
    login: Option<LoggedIn>,
}

async fn make_recovery_codes(cx: Cx, _request: Empty) -> ApiResult<RecoveryCodes> {
    fresh_session(&cx)?;
    let name = cx.caller().name.clone();
    let before = cx.services.console.find(&cx.request().headers, cx.now()).await?;
    let unfinished = before.filter(|session| session.stage == Stage::RecoveryCodes);
    let welcome = unfinished.map(|session| Welcome::new(&cx, &session.method));
    let user = name.clone();
    let done = cx.write_saying("new recovery codes were made".into(), move |tx| {
        if !factors::of(tx, &user)?.is_any() {
            return Err(ApiError::validation(
                "recovery codes stand in for a second factor: set one up first",
            ));
        }
        let recovery_codes = factors::make_recovery_codes(tx, &user)?;
        let account = accounts::existing(tx, &user)?;
        let session = welcome.map(|welcome| welcome.enter(tx, &account)).transpose()?;
        Ok((recovery_codes, session))
    });
    let (recovery_codes, session) = done.await?;
    Ok(RecoveryCodes {
        recovery_codes,
        login: session.map(|session| entrance::answer(&cx, name, session)),
    })
}

/// *Errors*: `AccessDeniedException` for a key; `StepUpRequiredException` when the last proof is too old.
pub fn fresh_session(cx: &Cx) -> ApiResult<()> {
    if !matches!(cx.caller().proof, Proof::Session(_)) {
        return Err(ApiError::new(
            "AccessDeniedException",
            "second factors are changed from a login of the console, not by a key",
        ));
    }
    match cx.caller().stage {
        Stage::Full => cx.caller().check_fresh(cx.now()),
        Stage::NewPassword | Stage::Enrol | Stage::RecoveryCodes => Ok(()),
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ClearRequest {
    user_name: String,
}

/// For a user who has lost everything: their next login takes the password alone, or enrols anew where a role asks for it.
async fn clear_factors(cx: Cx, request: ClearRequest) -> ApiResult<Empty> {
    let (bus, asked) = (cx.services.bus.clone(), cx.clone());
    cx.write(move |tx| {
        guard::may_change(tx, &asked, &request.user_name)?;
        let account = accounts::existing(tx, &request.user_name)?;
        factors::clear(tx, &account.name)?;
        ConsoleSessions::revoke_all(tx, &account.name, None)?;
        bus.emit(tx, Event::LoginsChanged);
        Ok(Empty {})
    })
    .await
}
