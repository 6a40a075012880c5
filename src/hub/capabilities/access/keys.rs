//! Access keys: made, listed, deleted. The secret is shown once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target, constraint};
use crate::hub::auth::access_keys::NewKey;
use crate::hub::auth::{AccessKeys, Proof};
use crate::hub::capabilities::access::guard;

const KIND: &str = "access-key";

pub fn operations(api: &mut Declare<'_>) {
    api.write(
        Service::Roadstead,
        "CreateAccessKey",
        // Without a name it is the caller's own.
        |r: &CreateRequest| Target::Resource("user", r.user_name.clone().unwrap_or_default()),
        create_access_key,
    )
    .read(
        Service::Roadstead,
        "ListAccessKeys",
        |_: &Empty| Target::Rows(KIND),
        list_access_keys,
    )
    .write(
        Service::Roadstead,
        "DeleteAccessKey",
        |r: &DeleteRequest| Target::Resource(KIND, r.access_key_id.clone()),
        delete_access_key,
    );
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Empty {}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct CreateRequest {
    user_name: Option<String>,
    #[serde(default)]
    description: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct CreateResult {
    access_key_id: String,
    secret_access_key: String,
    user_name: String,
    created_at: Timestamp,
}

async fn create_access_key(cx: Cx, request: CreateRequest) -> ApiResult<CreateResult> {
    constraint::at_most(&request.description, "description", 256)?;
    let (services, now, caller, asked) = (cx.services.clone(), cx.now(), cx.caller().clone(), cx.clone());
    let made = cx.write(move |tx| {
        let user_name = match request.user_name {
            Some(name) => name,
            // Whoever works on the hub's own host acts as an admin; a key needs a real user behind it.
            None if caller.proof == Proof::Local => first_admin(tx)?,
            None => caller.name.clone(),
        };
        if user_name != caller.name {
            guard::may_change(tx, &asked, &user_name)?;
        }
        if tx.count("SELECT count(*) FROM user WHERE name = :name", &[(":name", (&user_name).into())])? == 0 {
            return Err(ApiError::validation(format!("there is no user `{user_name}`")));
        }
        let new = NewKey {
            user_name: user_name.clone(),
            description: request.description,
            at: now,
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
    })
}

fn first_admin(tx: &crate::hub::store::Tx<'_>) -> ApiResult<String> {
    let sql = "SELECT u.name FROM user u JOIN user_role r ON r.user_name = u.name
               WHERE r.role_name = 'admin' AND u.status = 'Active' ORDER BY u.created_at, u.name LIMIT 1";
    tx.row(sql, &[], |row| row.get("name"))?.ok_or_else(|| {
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
    last_used_at: Option<Timestamp>,
    status: String,
}

async fn list_access_keys(cx: Cx, _request: Empty) -> ApiResult<ListResult> {
    let visible = cx.visible(KIND, "access_key.id");
    let keys = cx.read(move |tx| Ok(AccessKeys::list(tx, &visible)?)).await?;
    let access_keys = keys.into_iter().map(|key| KeyView {
        access_key_id: key.id,
        user_name: key.user_name,
        description: key.description,
        created_at: key.created_at,
        last_used_at: key.last_used_at,
        status: key.status,
    });
    Ok(ListResult {
        access_keys: access_keys.collect(),
    })
}

fn owner(tx: &crate::hub::store::Tx<'_>, id: &str) -> ApiResult<Option<String>> {
    let sql = "SELECT user_name FROM access_key WHERE id = :id";
    Ok(tx.row(sql, &[(":id", id.into())], |row| row.get("user_name"))?)
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DeleteRequest {
    access_key_id: String,
}

async fn delete_access_key(cx: Cx, request: DeleteRequest) -> ApiResult<Empty> {
    let id = request.access_key_id.clone();
    let (services, forgotten, asked) = (cx.services.clone(), request.access_key_id, cx.clone());
    cx.write(move |tx| {
        match owner(tx, &id)? {
            Some(owner) if owner == asked.caller().name => {}
            Some(owner) => guard::may_change(tx, &asked, &owner)?,
            None => guard::is_whole(&asked)?,
        }
        if !AccessKeys::delete(tx, &id)? {
            return Err(ApiError::new("ResourceNotFoundException", format!("there is no access key `{id}`")));
        }
        tx.after_commit(move || services.keys.forget(&forgotten));
        Ok(Empty {})
    })
    .await
}
