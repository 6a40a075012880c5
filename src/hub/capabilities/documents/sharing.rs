//! With which accounts a document is shared. One hub is one account: what is kept here is shown again, and a document that is
//! shared is not deleted.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target, constraint, page};
use crate::hub::capabilities::documents::edit::{found, own};
use crate::hub::capabilities::documents::names::{self, KIND};
use crate::hub::store::{Select, StoreError, Tx};

/// Upstream's limits: of one call, and of all.
const MAX_PER_CALL: usize = 20;
const MAX_SHARES: i64 = 1000;

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Ssm,
        "DescribeDocumentPermission",
        |r: &DescribeRequest| Target::Resource(KIND, r.name.clone()),
        describe_document_permission,
    )
    .write(
        Service::Ssm,
        "ModifyDocumentPermission",
        |r: &ModifyRequest| Target::Resource(KIND, r.name.clone()),
        modify_document_permission,
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DescribeRequest {
    name: String,
    permission_type: String,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DescribeResult {
    account_ids: Vec<String>,
    account_sharing_info_list: Vec<SharingInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct SharingInfo {
    account_id: String,
    shared_document_version: String,
    #[serde(skip)]
    position: i64,
}

/// *Errors*: `ValidationException`, `InvalidPermissionType`, `InvalidDocument`, `InvalidNextToken`.
async fn describe_document_permission(cx: Cx, request: DescribeRequest) -> ApiResult<DescribeResult> {
    names::check_name(&request.name)?;
    check_type(&request.permission_type)?;
    let size = page::size(request.max_results, 1, 200, 200)?;
    let after: Option<i64> = page::parse(request.next_token.as_deref())?;
    cx.read(move |tx| {
        found(tx, &request.name)?;
        let shares = sql::shares(tx, &request.name, after.unwrap_or(0), size + 1)?;
        let (shares, next_token) = page::cut(shares, size, |share| share.position);
        Ok(DescribeResult {
            account_ids: shares.iter().map(|share| share.account_id.clone()).collect(),
            account_sharing_info_list: shares,
            next_token,
        })
    })
    .await
}

fn check_type(permission: &str) -> ApiResult<()> {
    if permission == "Share" {
        return Ok(());
    }
    Err(ApiError::new(
        "InvalidPermissionType",
        format!("Value '{permission}' at 'permissionType' failed to satisfy constraint: Member must satisfy enum value set: [Share]."),
    ))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ModifyRequest {
    name: String,
    permission_type: String,
    #[serde(default)]
    account_ids_to_add: Vec<String>,
    #[serde(default)]
    account_ids_to_remove: Vec<String>,
    shared_document_version: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Empty {}

/// *Errors*: `ValidationException`, `InvalidPermissionType`, `InvalidDocument`, `DocumentPermissionLimit`.
async fn modify_document_permission(cx: Cx, request: ModifyRequest) -> ApiResult<Empty> {
    names::check_name(&request.name)?;
    let version = request.shared_document_version.unwrap_or_else(|| "$DEFAULT".into());
    if !["$LATEST", "$DEFAULT", "$ALL"].contains(&version.as_str()) {
        let must = "satisfy regular expression pattern: ([$]LATEST|[$]DEFAULT|[$]ALL)";
        return Err(constraint::violated(&version, "sharedDocumentVersion", must));
    }
    let add = accounts(&request.account_ids_to_add, "accountIdsToAdd")?;
    let remove = accounts(&request.account_ids_to_remove, "accountIdsToRemove")?;
    check_type(&request.permission_type)?;
    let now = cx.now();
    cx.write(move |tx| {
        own(tx, &request.name, "InvalidDocument")?;
        change(tx, &request.name, &add, &remove, &version, now)?;
        Ok(Empty {})
    })
    .await
}

/// *Errors*: `ValidationException`, `DocumentPermissionLimit`.
fn accounts(ids: &[String], member: &str) -> ApiResult<Vec<String>> {
    constraint::count_at_most(ids, member, MAX_PER_CALL)?;
    let mut all = Vec::with_capacity(ids.len());
    for id in ids {
        let is_everybody = id.eq_ignore_ascii_case("all");
        let is_account = id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit());
        if !is_everybody && !is_account {
            let must = "satisfy regular expression pattern: (?i)all|[0-9]{12}";
            return Err(constraint::violated(&format!("[{id}]"), member, must));
        }
        all.push(if is_everybody { "all".to_owned() } else { id.clone() });
    }
    if all.len() > 1 && all.iter().any(|id| id == "all") {
        return Err(ApiError::new(
            "DocumentPermissionLimit",
            "Accounts can either be all or a group of AWS accounts",
        ));
    }
    Ok(all)
}

/// Everybody and single accounts exclude each other: what is added last wins.
fn change(tx: &Tx<'_>, name: &str, add: &[String], remove: &[String], version: &str, now: Timestamp) -> ApiResult<()> {
    let is_everybody = |ids: &[String]| ids.iter().any(|id| id == "all");
    if is_everybody(add) || is_everybody(remove) {
        sql::remove_all(tx, name)?;
    } else if !add.is_empty() {
        sql::remove(tx, name, "all")?;
    }
    for account in add.iter().collect::<BTreeSet<_>>() {
        sql::add(tx, name, account, version, now)?;
    }
    for account in remove {
        sql::remove(tx, name, account)?;
    }
    if sql::count(tx, name)? > MAX_SHARES {
        return Err(ApiError::new(
            "DocumentPermissionLimit",
            format!("document `{name}` can be shared with {MAX_SHARES} accounts at most"),
        ));
    }
    Ok(())
}

mod sql {
    use super::*;

    pub fn shares(tx: &Tx<'_>, name: &str, after: i64, limit: usize) -> Result<Vec<SharingInfo>, StoreError> {
        Select::new("SELECT account_id, shared_version, position FROM document_share")
            .and("name = ?", [name.into()])
            .and("position > ?", [after.into()])
            .order("position")
            .limit(limit)
            .rows(tx, |row| {
                Ok(SharingInfo {
                    account_id: row.get("account_id")?,
                    shared_document_version: row.get("shared_version")?,
                    position: row.get("position")?,
                })
            })
    }

    pub fn add(tx: &Tx<'_>, name: &str, account: &str, version: &str, now: Timestamp) -> Result<(), StoreError> {
        tx.execute(
            "INSERT INTO document_share (name, account_id, shared_version, shared_at, position)
             VALUES (:name, :account, :version, :now,
                (SELECT coalesce(max(position), 0) + 1 FROM document_share WHERE name = :name))
             ON CONFLICT (name, account_id) DO UPDATE SET shared_version = excluded.shared_version",
            &[
                (":name", name.into()),
                (":account", account.into()),
                (":version", version.into()),
                (":now", now.into()),
            ],
        )
        .map(|_| ())
    }

    pub fn remove(tx: &Tx<'_>, name: &str, account: &str) -> Result<(), StoreError> {
        tx.execute(
            "DELETE FROM document_share WHERE name = :name AND account_id = :account",
            &[(":name", name.into()), (":account", account.into())],
        )
        .map(|_| ())
    }

    pub fn remove_all(tx: &Tx<'_>, name: &str) -> Result<(), StoreError> {
        tx.execute("DELETE FROM document_share WHERE name = :name", &[(":name", name.into())])
            .map(|_| ())
    }

    pub fn count(tx: &Tx<'_>, name: &str) -> Result<i64, StoreError> {
        tx.count("SELECT count(*) FROM document_share WHERE name = :name", &[(":name", name.into())])
    }
}
