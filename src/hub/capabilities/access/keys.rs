//! Access keys: made, listed, switched off, deleted. The secret is shown once.
//!
//! Everybody looks after their own keys; those of others take a right on the user (to make one) or on the key.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target, constraint, dispatch};
use crate::hub::auth::access_keys::NewKey;
use crate::hub::auth::{AccessKeys, Caller, Proof, Scope};
use crate::hub::capabilities::access::guard;
use crate::hub::events::Event;
use crate::hub::store::{Condition, StoreError, Tx};

const KIND: &str = "access-key";
/// An expiry further away is none.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 3600);
const STATUSES: [&str; 2] = ["Active", "Inactive"];

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
    may_make(cx.caller())?;
    if let Some(name) = request.user_name.as_ref().filter(|name| **name != cx.caller().name) {
        dispatch::authorise(&cx, &Target::Resource("user", name.clone())).await?;
        let (asked, name) = (cx.clone(), name.clone());
        cx.read(move |tx| guard::may_change(tx, &asked, &name)).await?;
    }
    let (now, expires_at) = (cx.now(), request.expires_at);
    check_expiry(expires_at, now)?;
    if request.user_name.as_ref().is_none_or(|name| *name == cx.caller().name) {
        ends_with_its_maker(&cx, expires_at).await?;
    }
    let scope = request.scope.map(Scope::parse).transpose()?;
    let (services, caller) = (cx.services.clone(), cx.caller().clone());
    let made = cx.write(move |tx| {
        let user_name = match request.user_name {
            Some(name) => name,
            // Whoever works on the hub's own host acts as an admin; a key needs a real user behind it.
            None if caller.proof == Proof::Local => first_admin(tx)?,
            None => caller.name,
        };
        if sql::users(tx, &user_name)? == 0 {
            return Err(ApiError::validation(format!("there is no user `{user_name}`")));
        }
        let new = NewKey {
            user_name: user_name.clone(),
            description: request.description,
            at: now,
            expires_at,
            scope,
            credentials: None,
        };
        let key = services.keys.prepare(new)?;
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

/// A key that is narrower than its user must not make one that is not.
fn may_make(caller: &Caller) -> ApiResult<()> {
    let why = match &caller.proof {
        Proof::Temporary(_) => "temporary credentials make no access keys: use the user's own key or login",
        _ if caller.scope.is_some() => "a key that is limited to some actions makes no keys: use the user's own login",
        _ => return Ok(()),
    };
    Err(ApiError::new("AccessDeniedException", why))
}

/// A key that ends by itself must not live on in another one of its user.
async fn ends_with_its_maker(cx: &Cx, expires_at: Option<Timestamp>) -> ApiResult<()> {
    let Proof::AccessKey(id) = cx.caller().proof.clone() else {
        return Ok(());
    };
    match cx.read(move |tx| Ok(sql::expiry(tx, &id)?)).await? {
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
    may_touch(&cx, &request.access_key_id).await?;
    let bus = cx.services.bus.clone();
    cx.write(move |tx| {
        if !AccessKeys::set_status(tx, &request.access_key_id, &request.status)? {
            return Err(no_such_key(&request.access_key_id));
        }
        bus.emit(tx, Event::LoginsChanged);
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
    may_touch(&cx, &request.access_key_id).await?;
    let bus = cx.services.bus.clone();
    cx.write(move |tx| {
        if !AccessKeys::delete(tx, &request.access_key_id)? {
            return Err(no_such_key(&request.access_key_id));
        }
        bus.emit(tx, Event::LoginsChanged);
        Ok(Empty {})
    })
    .await
}

/// One's own key, or the right to this one. Whoever has neither does not learn whether it exists.
async fn may_touch(cx: &Cx, id: &str) -> ApiResult<()> {
    let wanted = id.to_owned();
    let owner = cx.read(move |tx| Ok(sql::owner(tx, &wanted)?)).await?;
    match owner {
        Some(owner) if owner == cx.caller().name && cx.caller().proof != Proof::Local => Ok(()),
        owner => {
            dispatch::authorise(cx, &Target::Resource(KIND, id.to_owned())).await?;
            let asked = cx.clone();
            cx.read(move |tx| guard::may_change(tx, &asked, owner.as_deref().unwrap_or_default()))
                .await
        }
    }
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

    pub fn owner(tx: &Tx<'_>, id: &str) -> Result<Option<String>, StoreError> {
        tx.row("SELECT user_name FROM access_key WHERE id = :id", &[(":id", id.into())], |row| {
            row.get("user_name")
        })
    }
}
