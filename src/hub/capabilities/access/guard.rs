//! What no change of rights may do: lock the last admin out, or let somebody who is no admin make or unmake one.
//!
//! A policy that allows changing users, roles or policies is as good as the admin role in all but this (`docs/access.md`).

use crate::base::{ApiError, ApiResult};
use crate::hub::api::Cx;
use crate::hub::auth::rights;
use crate::hub::store::{StoreError, Tx};
use crate::model::access::{Thing, roles};

/// What an admin must be able to do, so that the hub stays in somebody's hands.
const NEEDED: &[(&str, &str)] = &[
    ("roadstead:UpdateUser", "user"),
    ("roadstead:UpdateRole", "role"),
    ("roadstead:DetachPolicy", "policy"),
    ("roadstead:DeletePolicy", "policy"),
];

/// Whether somebody can log in (by password or key) who may change every user and policy.
pub fn has_admin(tx: &Tx<'_>) -> Result<bool, StoreError> {
    for name in sql::admins(tx)? {
        let Some(rights) = rights::load(tx, &name)? else { continue };
        let may = |(action, kind): &(&str, &str)| {
            let thing = Thing {
                kind: (*kind).to_owned(),
                id: "x".into(),
                ..Thing::default()
            };
            rights.grants.decide(action, &thing).is_allowed()
        };
        if rights.grants.layers.is_empty() && NEEDED.iter().all(may) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// To be asked after a change, with what [`has_admin`] said before it.
///
/// *Errors*: `LastAdminException`; the change is then rolled back.
pub fn keeps_admin(tx: &Tx<'_>, had_admin: bool) -> ApiResult<()> {
    if !had_admin || has_admin(tx)? {
        return Ok(());
    }
    Err(ApiError::new(
        "LastAdminException",
        "nobody who can log in could change users and policies any more: give another user the role `admin` first",
    ))
}

/// What decides who comes in and as what is an admin's.
///
/// *Errors*: `AccessDeniedException`.
pub fn is_admin(cx: &Cx) -> ApiResult<()> {
    cx.require_whole()?;
    match cx.caller().rights.is_admin() {
        true => Ok(()),
        false => Err(ApiError::new("AccessDeniedException", "only an admin changes how people come in")),
    }
}

/// *Errors*: `AccessDeniedException` when somebody who is no admin gives the admin role.
pub fn may_give(cx: &Cx, wanted: &[String]) -> ApiResult<()> {
    cx.require_whole()?;
    if !wanted.iter().any(|role| role == roles::ADMIN) || cx.caller().rights.is_admin() {
        return Ok(());
    }
    Err(ApiError::new("AccessDeniedException", "only an admin gives the role `admin`"))
}

/// *Errors*: `AccessDeniedException` when somebody who is no admin changes one.
pub fn may_change(tx: &Tx<'_>, cx: &Cx, user: &str) -> ApiResult<()> {
    cx.require_whole()?;
    let is_admin = rights::sql::roles(tx, user)?.iter().any(|role| role == roles::ADMIN);
    if !is_admin || cx.caller().rights.is_admin() {
        return Ok(());
    }
    Err(ApiError::new(
        "AccessDeniedException",
        format!("`{user}` is an admin: only an admin changes them"),
    ))
}

mod sql {
    use super::*;

    /// Admins who have something to log in with, neither limited nor about to end.
    pub fn admins(tx: &Tx<'_>) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT u.name FROM user_role r JOIN user u ON u.name = r.user_name
                   WHERE r.role_name = 'admin' AND u.status = 'Active' AND
                     (u.password_hash IS NOT NULL OR EXISTS (SELECT 1 FROM access_key k
                        WHERE k.user_name = u.name AND k.status = 'Active' AND k.scope IS NULL AND k.expires_at IS NULL))
                   ORDER BY u.name";
        tx.rows(sql, &[], |row| row.get("name"))
    }
}
