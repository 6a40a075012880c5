//! Passkeys: registered by a login of the console, then a login by themselves.

use data_encoding::BASE64URL_NOPAD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, constraint};
use crate::hub::audit::Outcome;
use crate::hub::auth::accounts;
use crate::hub::auth::console::Method;
use crate::hub::auth::factors;
use crate::hub::auth::passkeys::{self, Answered, PROVING, Passkey, Place, Proof, Registration};
use crate::hub::auth::webauthn::{self, Assertion};
use crate::hub::capabilities::access::entrance::{self, LoggedIn, Welcome};
use crate::hub::capabilities::access::factors::{Confirmed, fresh_session};

pub fn operations(api: &mut Declare<'_>) {
    api.own(Service::Roadstead, "BeginPasskey", begin_passkey)
        .own(Service::Roadstead, "ConfirmPasskey", confirm_passkey)
        .own(Service::Roadstead, "RemovePasskey", remove_passkey)
        .open(Service::Roadstead, "BeginPasskeyLogin", begin_passkey_login)
        .open(Service::Roadstead, "FinishPasskeyLogin", finish_passkey_login);
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Empty {}

/// One passkey as it is shown. Bytes are base64url in every shape of this file.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct PasskeyView {
    passkey_id: String,
    name: String,
    /// The hub's name that it works under.
    rp_id: String,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Timestamp>,
}

impl PasskeyView {
    pub fn new(passkey: Passkey) -> Self {
        Self {
            passkey_id: BASE64URL_NOPAD.encode(&passkey.id),
            name: passkey.name,
            rp_id: passkey.rp_id,
            created_at: passkey.created_at,
            last_used_at: passkey.last_used_at,
        }
    }
}

/// Where the caller's page is, when passkeys work there.
///
/// *Errors*: `UnsupportedOperationException` with the reason.
fn place(cx: &Cx) -> ApiResult<Place> {
    Place::of(&cx.request().origin).map_err(|why| ApiError::new("UnsupportedOperationException", why))
}

/// Why passkeys do not work where the caller's page is.
pub fn obstacle(cx: &Cx) -> Option<&'static str> {
    Place::of(&cx.request().origin).err()
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct BeginResult {
    challenge: String,
    rp_id: String,
    /// Names the user to the authenticator, without being their name.
    user_handle: String,
    user_name: String,
    /// COSE numbers of the kinds of key that are taken, best first.
    algorithms: Vec<i64>,
    exclude_ids: Vec<String>,
}

async fn begin_passkey(cx: Cx, _request: Empty) -> ApiResult<BeginResult> {
    fresh_session(&cx)?;
    let place = place(&cx)?;
    let name = cx.caller().name.clone();
    let user = name.clone();
    let known = cx.read(move |tx| Ok(passkeys::list(tx, &user)?)).await?;
    let challenge = passkeys::challenge(cx.services.keys.vault(), &passkeys::registering(&name), cx.now());
    Ok(BeginResult {
        challenge: BASE64URL_NOPAD.encode(&challenge),
        rp_id: place.rp_id,
        user_handle: BASE64URL_NOPAD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, name.as_bytes()).as_ref()),
        user_name: name,
        algorithms: vec![webauthn::ES256, webauthn::EDDSA],
        exclude_ids: known.iter().map(|passkey| BASE64URL_NOPAD.encode(&passkey.id)).collect(),
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ConfirmRequest {
    challenge: String,
    /// What the user calls it.
    name: String,
    client_data: String,
    attestation: String,
}

async fn confirm_passkey(cx: Cx, request: ConfirmRequest) -> ApiResult<Confirmed> {
    fresh_session(&cx)?;
    constraint::at_most(&request.name, "name", 80)?;
    let place = place(&cx)?;
    let (name, services, now) = (cx.caller().name.clone(), cx.services.clone(), cx.now());
    let before = cx.services.console.find(&cx.request().headers, now).await?;
    let welcome = Welcome::new(&cx, &before.map(|session| session.method).unwrap_or_default());
    let (challenge, client_data, attestation) = (
        decoded(&request.challenge)?,
        decoded(&request.client_data)?,
        decoded(&request.attestation)?,
    );
    let user = name.clone();
    let done = cx.write_saying("a passkey was registered".into(), move |tx| {
        let registration = Registration {
            user: &user,
            name: &request.name,
            place: &place,
            challenge: &challenge,
            client_data: &client_data,
            attestation: &attestation,
            now,
        };
        passkeys::register(tx, services.keys.vault(), &registration)?;
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

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct RemoveRequest {
    passkey_id: String,
}

async fn remove_passkey(cx: Cx, request: RemoveRequest) -> ApiResult<Empty> {
    fresh_session(&cx)?;
    let (name, id) = (cx.caller().name.clone(), decoded(&request.passkey_id)?);
    let is_required = cx.caller().rule.require_second_factor;
    cx.write_saying("a passkey was removed".into(), move |tx| {
        if !passkeys::remove(tx, &name, &id)? {
            return Err(ApiError::new("ResourceNotFoundException", "you have no such passkey"));
        }
        if is_required && !factors::of(tx, &name)?.is_any() {
            return Err(ApiError::validation("your role asks for a second factor: set up another one first"));
        }
        Ok(Empty {})
    })
    .await
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct BeginLoginResult {
    challenge: String,
    rp_id: String,
}

async fn begin_passkey_login(cx: Cx, _request: Empty) -> ApiResult<BeginLoginResult> {
    let place = place(&cx)?;
    let challenge = passkeys::challenge(cx.services.keys.vault(), PROVING, cx.now());
    Ok(BeginLoginResult {
        challenge: BASE64URL_NOPAD.encode(&challenge),
        rp_id: place.rp_id,
    })
}

/// What an authenticator said.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct PasskeyProof {
    challenge: String,
    passkey_id: String,
    client_data: String,
    authenticator_data: String,
    signature: String,
}

async fn finish_passkey_login(cx: Cx, proof: PasskeyProof) -> ApiResult<LoggedIn> {
    let name = prove(&cx, proof).await?;
    let user = name.clone();
    let account = cx.read(move |tx| accounts::existing(tx, &user)).await?;
    let session = Welcome::new(&cx, Method::Passkey.as_str()).log_in(&cx, account).await?;
    Ok(entrance::answer(&cx, name, session))
}

/// Whose passkey it is. A wrong proof by a known one leaves a row in the audit log.
pub async fn prove(cx: &Cx, proof: PasskeyProof) -> ApiResult<String> {
    let place = place(cx)?;
    let (id, challenge) = (decoded(&proof.passkey_id)?, decoded(&proof.challenge)?);
    let (client_data, data, signature) = (
        decoded(&proof.client_data)?,
        decoded(&proof.authenticator_data)?,
        decoded(&proof.signature)?,
    );
    let (services, now) = (cx.services.clone(), cx.now());
    let answered = cx.services.state::<Answered>();
    let proved = cx.services.write(move |tx| {
        let proof = Proof {
            id: &id,
            place: &place,
            challenge: &challenge,
            assertion: Assertion {
                client_data: &client_data,
                authenticator_data: &data,
                signature: &signature,
            },
            now,
        };
        passkeys::prove(tx, services.keys.vault(), &answered, &proof)
    });
    match proved.await {
        Err(error) if error.code == "InvalidCredentialsException" => {
            cx.audit(Outcome::Denied, format!("passkey: {}", error.message)).await?;
            Err(error)
        }
        other => other,
    }
}

fn decoded(text: &str) -> ApiResult<Vec<u8>> {
    BASE64URL_NOPAD
        .decode(text.trim_end_matches('=').as_bytes())
        .map_err(|_| ApiError::validation("bytes are written in base64url"))
}
