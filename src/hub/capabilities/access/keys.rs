//! Access keys: made, listed, switched off, deleted. The secret is shown once.
//!
//! Everybody looks after their own keys; those of others take a right on the user (to make one) or on the key.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target, constraint, dispatch};
use crate::hub::auth::access_keys::NewKey;
use crate::hub::auth::{AccessKeys, Caller, Proof, Scope, policy};
use crate::hub::capabilities::access::{guard, users};
use crate::hub::events::Event;
use crate::hub::store::{Condition, StoreError, Tx};
use crate::model::access::Decision;

const KIND: &str = "access-key";
/// An expiry further away is none.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 3600);
const ACTIVE: &str = "Active";
const STATUSES: [&str; 2] = [ACTIVE, "Inactive"];

pub fn operations(api: &mut Declare<'_>) {
    api.own(Service::Roadstead, "CreateAccessKey", create_access_key)
        .own(Service::Roadstead, "ListAccessKeys", list_access_keys)
        .own(Service::Roadstead, "UpdateAccessKey", update_access_key)
        .own(Service::Roadstead, "DeleteAccessKey", delete_access_key);
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Empty {}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct CreateRequest {
    /// The caller's own when absent.
    user_name: Option<String>,
    #[serde(default)]
    description: String,
    expires_at: Option<Timestamp>,
    /// Actions that the key is limited to, such as `ssm:Get*`; everything its user may do when absent.
    scope: Option<Vec<String>>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct CreateResult {
    access_key_id: String,
    secret_access_key: String,
    user_name: String,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

async fn create_access_key(cx: Cx, request: CreateRequest) -> ApiResult<CreateResult> {
    constraint::at_most(&request.description, "description", 256)?;
    looks_after_keys(cx.caller())?;
    // Whoever works on the hub's own host is no user.
    let is_other = |name: &String| *name != cx.caller().name || cx.caller().proof == Proof::Local;
    let other = request.user_name.filter(is_other);
    if let Some(name) = &other {
        dispatch::authorise(&cx, &Target::Resource("user", name.clone())).await?;
    }
    let (now, expires_at) = (cx.now(), request.expires_at);
    check_expiry(expires_at, now)?;
    let scope = request.scope.map(Scope::parse).transpose()?;
    if let Some(scope) = &scope {
        users::check_actions(&cx.services.words, scope.patterns(), "Scope")?;
    }
    let asked = cx.clone();
    let made = cx.write(move |tx| {
        let user_name = whose(tx, &asked, other, expires_at)?;
        let new = NewKey {
            user_name: user_name.clone(),
            description: request.description,
            at: now,
            expires_at,
            scope,
            credentials: None,
        };
        let key = asked.services.keys.prepare(new)?;
        key.insert(tx)?;
        Ok((key.id, key.secret, user_name))
    });
    let (access_key_id, secret, user_name) = made.await?;
    Ok(CreateResult {
        access_key_id,
        secret_access_key: secret.expose().clone(),
        user_name,
        created_at: now,
        expires_at,
    })
}

/// The user who gets a key, judged by the rows as they are in the transaction that makes it.
fn whose(tx: &Tx<'_>, cx: &Cx, other: Option<String>, expires_at: Option<Timestamp>) -> ApiResult<String> {
    let Some(name) = other else {
        // The hub's own user acts as an admin; a key needs a real user behind it.
        if cx.caller().proof == Proof::Local {
            return first_admin(tx);
        }
        ends_with_its_maker(tx, cx.caller(), expires_at)?;
        return Ok(cx.caller().name.clone());
    };
    guard::may_change(tx, cx, &name)?;
    match sql::users(tx, &name)? {
        0 => Err(ApiError::validation(format!("there is no user `{name}`"))),
        _ => Ok(name),
    }
}

/// A key that is narrower than its user, or ends soon, must not make or free one that is not.
fn looks_after_keys(caller: &Caller) -> ApiResult<()> {
    let why = match &caller.proof {
        Proof::Temporary(_) => "temporary credentials make and change no access keys: use the user's own key or login",
        _ if caller.scope.is_some() => "a key that is limited to some actions makes and changes no other keys: use the user's own login",
        _ => return Ok(()),
    };
    Err(ApiError::new("AccessDeniedException", why))
}

/// A key that ends by itself must not live on in another one of its user.
fn ends_with_its_maker(tx: &Tx<'_>, caller: &Caller, expires_at: Option<Timestamp>) -> ApiResult<()> {
    let Proof::AccessKey(id) = &caller.proof else {
        return Ok(());
    };
    match sql::expiry(tx, id)? {
        Some(end) if expires_at.is_none_or(|at| at > end) => Err(ApiError::new(
            "AccessDeniedException",
            "a key that ends by itself makes no key that lives longer: give an earlier `ExpiresAt`, or use the user's own login",
        )),
        _ => Ok(()),
    }
}

fn check_expiry(expires_at: Option<Timestamp>, now: Timestamp) -> ApiResult<()> {
    match expires_at {
        Some(at) if at <= now => Err(ApiError::validation("`ExpiresAt` lies in the past: a key's end lies ahead")),
        Some(at) if at > now + LONGEST => Err(ApiError::validation(
            "`ExpiresAt` is more than ten years away: leave it out for a key that does not expire",
        )),
        _ => Ok(()),
    }
}

fn first_admin(tx: &Tx<'_>) -> ApiResult<String> {
    sql::first_admin(tx)?.ok_or_else(|| {
        ApiError::validation(
            "there is no user yet that a key could belong to: open the link that `roadstead setup-link` prints, then try again",
        )
    })
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ListResult {
    access_keys: Vec<KeyView>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct KeyView {
    access_key_id: String,
    user_name: String,
    description: String,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_service: Option<String>,
    /// `Active`, `Inactive` or `Expired`.
    status: String,
}

async fn list_access_keys(cx: Cx, _request: Empty) -> ApiResult<ListResult> {
    let now = cx.now();
    let own = Condition::OneOf("access_key.user_name", vec![(&cx.caller().name).into()]);
    let visible = Condition::any([cx.visible(KIND, "access_key.id"), own]);
    let keys = cx.read(move |tx| Ok(AccessKeys::list(tx, &visible)?)).await?;
    let access_keys = keys.into_iter().map(|key| KeyView {
        status: match key.expires_at {
            Some(at) if at <= now => "Expired".into(),
            _ => key.status,
        },
        access_key_id: key.id,
        user_name: key.user_name,
        description: key.description,
        created_at: key.created_at,
        expires_at: key.expires_at,
        scope: key.scope.map(|scope| scope.patterns().to_vec()),
        last_used_at: key.last_use.as_ref().map(|used| used.at),
        last_used_service: key.last_use.as_ref().map(|used| used.service.clone()),
        last_used_from: key.last_use.map(|used| used.address),
    });
    Ok(ListResult {
        access_keys: access_keys.collect(),
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct UpdateRequest {
    access_key_id: String,
    /// `Active` or `Inactive`.
    status: String,
}

async fn update_access_key(cx: Cx, request: UpdateRequest) -> ApiResult<Empty> {
    constraint::one_of(&request.status, "status", &STATUSES)?;
    let asked = cx.clone();
    cx.write(move |tx| {
        let (id, status) = (&request.access_key_id, &request.status);
        let act = if status == ACTIVE { Act::SwitchOn } else { Act::TakeAway };
        may_touch(tx, &asked, id, act)?;
        let had_admin = guard::has_admin(tx)?;
        if !AccessKeys::set_status(tx, id, status, &asked.caller().name)? {
            return Err(no_such_key(id));
        }
        guard::keeps_admin(tx, had_admin)?;
        asked.services.bus.emit(tx, Event::LoginsChanged);
        Ok(Empty {})
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DeleteRequest {
    access_key_id: String,
}

async fn delete_access_key(cx: Cx, request: DeleteRequest) -> ApiResult<Empty> {
    let asked = cx.clone();
    cx.write(move |tx| {
        let id = &request.access_key_id;
        may_touch(tx, &asked, id, Act::TakeAway)?;
        let had_admin = guard::has_admin(tx)?;
        if !AccessKeys::delete(tx, id)? {
            return Err(no_such_key(id));
        }
        guard::keeps_admin(tx, had_admin)?;
        asked.services.bus.emit(tx, Event::LoginsChanged);
        Ok(Empty {})
    })
    .await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    SwitchOn,
    /// Switch off or delete.
    TakeAway,
}

/// One's own key, or the right to this one. Whoever has neither does not learn whether it exists.
///
/// Of one's own keys, what a policy denies is denied, and what somebody else switched off takes their right to switch on.
fn may_touch(tx: &Tx<'_>, cx: &Cx, id: &str, act: Act) -> ApiResult<()> {
    let caller = cx.caller();
    if caller.proof != Proof::AccessKey(id.to_owned()) {
        looks_after_keys(caller)?;
    }
    let whose = sql::owner(tx, id)?;
    let (owner, disabled_by) = whose.unwrap_or_default();
    if owner == caller.name && caller.proof != Proof::Local {
        let is_denied = matches!(policy::decide_one(tx, caller, &cx.request().action, KIND, id)?, Decision::Denied(_));
        let is_theirs = disabled_by.is_none_or(|by| by == caller.name);
        if !is_denied && (is_theirs || act == Act::TakeAway) {
            return Ok(());
        }
    }
    cx.permit(tx, &Target::Resource(KIND, id.to_owned()))?;
    guard::may_change(tx, cx, &owner)
}

fn no_such_key(id: &str) -> ApiError {
    ApiError::new("ResourceNotFoundException", format!("there is no access key `{id}`"))
}

mod sql {
    use super::*;

    pub fn users(tx: &Tx<'_>, name: &str) -> Result<i64, StoreError> {
        tx.count("SELECT count(*) FROM user WHERE name = :name", &[(":name", name.into())])
    }

    pub fn expiry(tx: &Tx<'_>, id: &str) -> Result<Option<Timestamp>, StoreError> {
        let found = tx.row("SELECT expires_at FROM access_key WHERE id = :id", &[(":id", id.into())], |row| {
            row.get::<Option<Timestamp>>("expires_at")
        })?;
        Ok(found.flatten())
    }

    pub fn first_admin(tx: &Tx<'_>) -> Result<Option<String>, StoreError> {
        let sql = "SELECT u.name FROM user u JOIN user_role r ON r.user_name = u.name
                   WHERE r.role_name = 'admin' AND u.status = 'Active' ORDER BY u.created_at, u.name LIMIT 1";
        tx.row(sql, &[], |row| row.get("name"))
    }

    /// Whose key it is, and who has switched it off.
    pub fn owner(tx: &Tx<'_>, id: &str) -> Result<Option<(String, Option<String>)>, StoreError> {
        let sql = "SELECT user_name, disabled_by FROM access_key WHERE id = :id";
        tx.row(sql, &[(":id", id.into())], |row| {
            Ok((row.get("user_name")?, row.get("disabled_by")?))
        })
    }
}
