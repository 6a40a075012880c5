//! The way back in for an admin who has lost password or factors: from the hub's own shell, and from nowhere else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::id::random_hex;
use crate::base::{ApiError, ApiResult, Secret};
use crate::hub::api::{Cx, Declare, Service, Target};
use crate::hub::auth::accounts::{self, NewPassword};
use crate::hub::auth::{Proof, devices, factors, passwords};
use crate::hub::events::Event;

pub fn operations(api: &mut Declare<'_>) {
    api.write(
        Service::Roadstead,
        "RecoverUser",
        |r: &RecoverRequest| Target::Resource("user", r.user_name.clone()),
        recover_user,
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct RecoverRequest {
    user_name: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct RecoverResult {
    user_name: String,
    /// Good for one login, which sets a new one; shown this once.
    password: String,
}

/// Gives the user a one-time password, takes their second factors away and ends all their logins.
async fn recover_user(cx: Cx, request: RecoverRequest) -> ApiResult<RecoverResult> {
    if cx.caller().proof != Proof::Local {
        return Err(ApiError::new(
            "AccessDeniedException",
            "this takes the hub's own shell: run `roadstead admin reset NAME` there",
        ));
    }
    let password = random_hex(20);
    let new = NewPassword {
        hash: Some(passwords::hash(Secret::new(password.clone())).await?),
        must_change: true,
        at: cx.now(),
    };
    let bus = cx.services.bus.clone();
    cx.write_saying("password, second factors and logins were reset".into(), move |tx| {
        let account = accounts::existing(tx, &request.user_name)?;
        accounts::set_password(tx, &account.name, &new, None)?;
        factors::clear(tx, &account.name)?;
        devices::forget(tx, &account.name)?;
        bus.emit(tx, Event::LoginsChanged);
        Ok(RecoverResult {
            user_name: account.name,
            password,
        })
    })
    .await
}
