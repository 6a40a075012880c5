//! A user's own password, and one that an admin sets for them.

use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::id::random_hex;
use crate::base::{ApiError, ApiResult, Secret};
use crate::hub::api::{Cx, Declare, Service, Target};
use crate::hub::audit::Outcome;
use crate::hub::auth::accounts::{self, NewPassword};
use crate::hub::auth::backoff::Source;
use crate::hub::auth::passwords::{self, Queue};
use crate::hub::auth::{Proof, devices};
use crate::hub::capabilities::access::entrance::{self, LoggedIn, Welcome};
use crate::hub::capabilities::access::guard;
use crate::hub::events::Event;

pub fn operations(api: &mut Declare<'_>) {
    api.own(Service::Roadstead, "ChangePassword", change_password).write(
        Service::Roadstead,
        "ResetPassword",
        |r: &ResetRequest| Target::Resource("user", r.user_name.clone()),
        reset_password,
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ChangeRequest {
    current_password: String,
    new_password: String,
}

/// Changes the caller's own password; ends their other logins and goes on in a new session.
async fn change_password(cx: Cx, request: ChangeRequest) -> ApiResult<LoggedIn> {
    let Proof::Session(session_id) = cx.caller().proof.clone() else {
        return Err(ApiError::new(
            "AccessDeniedException",
            "a password is changed from a login of the console, not by a key",
        ));
    };
    let name = cx.caller().name.clone();
    let is_new = request.new_password != request.current_password;
    prove(&cx, &name, &session_id, Secret::new(request.current_password)).await?;
    let new = Secret::new(request.new_password);
    passwords::check(&new, &name)?;
    if !is_new {
        // One that an admin has set would go on being known to both.
        return Err(ApiError::validation("the new password is the present one; choose another"));
    }
    let new = NewPassword {
        hash: Some(passwords::hash(new).await?),
        must_change: false,
        at: cx.now(),
    };
    let before = cx.services.console.find(&cx.request().headers, cx.now()).await?;
    let method = before.map(|session| session.method).unwrap_or_default();
    let (welcome, bus, user) = (Welcome::new(&cx, &method), cx.services.bus.clone(), name.clone());
    let session = cx.write(move |tx| {
        accounts::set_password(tx, &user, &new, Some(&session_id))?;
        bus.emit(tx, Event::LoginsChanged);
        let account = accounts::existing(tx, &user)?;
        Ok(welcome.enter(tx, &account)?)
    });
    let session = session.await?;
    Ok(entrance::answer(&cx, name, session))
}

/// The caller's password once more; wrong ones slow this session or key down, and nobody else.
pub async fn prove(cx: &Cx, name: &str, id: &str, password: Secret<String>) -> ApiResult<()> {
    let source = Source {
        user: name.to_owned(),
        address: cx.request().address.clone(),
        device: Some(id.as_bytes().to_vec()),
    };
    cx.services.backoff.admit(&source, Instant::now())?;
    let user = name.to_owned();
    let account = cx.read(move |tx| Ok(accounts::find(tx, &user)?)).await?;
    let hash = account.and_then(|account| account.password_hash);
    if passwords::verify(password, hash, Queue::Known).await? {
        cx.services.backoff.succeeded(&source);
        return Ok(());
    }
    cx.services.backoff.failed(&source, Instant::now());
    cx.audit(Outcome::Denied, "wrong password".into()).await?;
    Err(ApiError::new("InvalidCredentialsException", "the password is wrong"))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ResetRequest {
    user_name: String,
    /// Made here when absent.
    password: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ResetResult {
    /// Shown this once, when it was made here.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

/// Sets a password that its user must change at the next login, and ends all their logins.
async fn reset_password(cx: Cx, request: ResetRequest) -> ApiResult<ResetResult> {
    let made = request.password.is_none().then(|| random_hex(20));
    let password = Secret::new(request.password.or_else(|| made.clone()).unwrap_or_default());
    passwords::check(&password, &request.user_name)?;
    let new = NewPassword {
        hash: Some(passwords::hash(password).await?),
        must_change: true,
        at: cx.now(),
    };
    let (bus, asked) = (cx.services.bus.clone(), cx.clone());
    cx.write(move |tx| {
        guard::may_change(tx, &asked, &request.user_name)?;
        let account = accounts::existing(tx, &request.user_name)?;
        accounts::set_password(tx, &account.name, &new, None)?;
        devices::forget(tx, &account.name)?;
        bus.emit(tx, Event::LoginsChanged);
        Ok(ResetResult { password: made })
    })
    .await
}
