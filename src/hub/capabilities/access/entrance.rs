//! How a login ends, however it began: a session, its cookies, and the row in the audit log.

use std::time::Duration;

use http::HeaderMap;
use schemars::JsonSchema;
use serde::Serialize;

use crate::base::{ApiResult, Timestamp};
use crate::hub::api::Cx;
use crate::hub::auth::accounts::Account;
use crate::hub::auth::console::{COOKIE_NAME, ConsoleSessions, Entrance, LIFETIME, NewSession};
use crate::hub::auth::{Caller, Proof, Stage, devices};
use crate::hub::store::{StoreError, Tx};

/// What a step of a login answers.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct LoggedIn {
    pub user_name: String,
    /// `Done`, or what comes next: `SecondFactor` (go on with the ticket), `NewPassword`, `Enrol`,
    /// `RecoveryCodes`.
    pub next: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csrf_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

pub fn next(stage: Stage) -> &'static str {
    match stage {
        Stage::NewPassword => "NewPassword",
        Stage::Enrol => "Enrol",
        Stage::RecoveryCodes => "RecoveryCodes",
        Stage::Full => "Done",
    }
}

pub fn second_factor(user_name: String, ticket: String) -> LoggedIn {
    LoggedIn {
        user_name,
        next: "SecondFactor",
        csrf_token: None,
        ticket: Some(ticket),
    }
}

/// The facts of a request that a new session keeps.
pub struct Welcome {
    method: String,
    address: String,
    headers: HeaderMap,
    now: Timestamp,
}

impl Welcome {
    pub fn new(cx: &Cx, method: &str) -> Self {
        Self {
            method: method.to_owned(),
            address: cx.request().address.clone(),
            headers: cx.request().headers.clone(),
            now: cx.now(),
        }
    }

    /// Makes the session inside a write of the caller's.
    pub fn enter(&self, tx: &Tx<'_>, account: &Account) -> Result<NewSession, StoreError> {
        let entrance = Entrance {
            user_name: &account.name,
            method: &self.method,
            stage: account.stage(tx)?,
            address: &self.address,
            headers: &self.headers,
            now: self.now,
        };
        ConsoleSessions::create(tx, &entrance)
    }

    /// The same in a write of its own, audited as the user's.
    pub async fn log_in(self, cx: &Cx, account: Account) -> ApiResult<NewSession> {
        let user = Caller::new(account.name.clone(), Proof::Session(String::new()));
        let detail = format!("logged in by {}", self.method);
        cx.with_caller(user)
            .write_saying(detail, move |tx| Ok(self.enter(tx, &account)?))
            .await
    }
}

/// Sends the session's cookies with the answer.
pub fn answer(cx: &Cx, user_name: String, session: NewSession) -> LoggedIn {
    cx.set_cookie(cookie(cx, COOKIE_NAME, &session.cookie, LIFETIME));
    if let Some(device) = &session.device {
        cx.set_cookie(cookie(cx, devices::COOKIE_NAME, device, devices::LIFETIME));
    }
    LoggedIn {
        user_name,
        next: next(session.stage),
        csrf_token: Some(session.csrf_token),
        ticket: None,
    }
}

/// `Set-Cookie` for a cookie of the console's; a lifetime of zero takes it away.
pub fn cookie(cx: &Cx, name: &str, value: &str, lifetime: Duration) -> String {
    let is_tls = cx.request().origin.starts_with("https://");
    let secure = if is_tls { "; Secure" } else { "" };
    format!(
        "{name}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={}{secure}",
        lifetime.as_secs()
    )
}
