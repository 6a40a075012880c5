//! What one user may do, compiled from their roles and policies, and kept until any of those rows changes.
//!
//! *Invariant*: whatever changes a user, role, policy, attachment or group calls [`RightsCache::changed`] in the same
//! transaction. That raises the revision; rights of an older revision are never used again, and open sockets hear of it.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use crate::base::{ApiError, ApiResult};
use crate::hub::auth::{Caller, Proof};
use crate::hub::events::{Bus, Event};
use crate::hub::labels::groups::{self, Members};
use crate::hub::store::{Store, StoreError, Tx};
use crate::model::access::{Grants, Policy, Scope, Thing, roles};

const ASSUME: &str = "sts:AssumeRole";
/// Users whose compiled rights are kept.
const KEPT: usize = 10_000;

/// What one caller may do.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    pub user: String,
    pub roles: Vec<String>,
    pub grants: Grants,
    /// The groups that the grants name.
    pub groups: BTreeMap<String, Members>,
    /// Acts as admin and holds that role: whoever only assumes it gives it to nobody.
    is_admin: bool,
    revision: i64,
}

impl Rights {
    /// Nobody has logged in.
    pub fn none() -> Self {
        Self::default()
    }

    /// The hub's own user on the hub's own host.
    pub fn unlimited(user: &str) -> Self {
        let mut rights = Self {
            user: user.to_owned(),
            roles: vec![roles::ADMIN.to_owned()],
            is_admin: true,
            ..Self::default()
        };
        if let Some(policy) = roles::policy(roles::ADMIN) {
            rights.grants.add(&policy, roles::ADMIN, "the hub's own shell", user);
        }
        rights
    }

    pub fn is_admin(&self) -> bool {
        self.is_admin
    }

    /// Whether the user may act in this role; asked at each request of a key that does.
    fn may_assume(&self, role: &str) -> bool {
        let role = Thing {
            kind: "role".into(),
            id: role.to_owned(),
            ..Thing::default()
        };
        self.grants.decide(ASSUME, &role).is_allowed()
    }
}

/// Compiled rights by user name.
#[derive(Default)]
pub struct RightsCache {
    revision: AtomicI64,
    known: Mutex<HashMap<String, Arc<Rights>>>,
}

impl RightsCache {
    /// Call once, while the hub opens its data.
    pub async fn open(store: &Store) -> Result<Self, StoreError> {
        let revision = store.read(sql::revision).await?;
        Ok(Self {
            revision: AtomicI64::new(revision),
            known: Mutex::default(),
        })
    }

    /// Gives a caller who proved who they are the rights they have now.
    ///
    /// *Errors*: `UnrecognizedClientException` when the user is gone or disabled, or may no longer assume the key's role.
    pub async fn equip(&self, store: &Store, mut caller: Caller) -> ApiResult<Caller> {
        caller.rights = match (&caller.proof, &caller.assumed) {
            (Proof::Local, _) => Arc::new(Rights::unlimited(&caller.name)),
            (Proof::None, _) => Arc::new(Rights::none()),
            (_, None) => self.of(store, &caller.name).await?.ok_or_else(gone)?,
            (_, Some(role)) => {
                let own = self.of(store, &caller.name).await?.ok_or_else(gone)?;
                if !own.may_assume(&role.name) {
                    return Err(gone());
                }
                let (user, role) = (caller.name.clone(), role.name.clone());
                let loaded = store
                    .read(move |tx| load_as(tx, &user, Some(&role)))
                    .await
                    .map_err(ApiError::from)?;
                Arc::new(loaded.ok_or_else(gone)?)
            }
        };
        Ok(caller)
    }

    /// A user's rights; `None` when there is no such user or they are disabled.
    pub async fn of(&self, store: &Store, user: &str) -> ApiResult<Option<Arc<Rights>>> {
        let current = self.revision.load(Ordering::Acquire);
        if let Some(rights) = self.known().get(user).filter(|r| r.revision == current) {
            return Ok(Some(rights.clone()));
        }
        let wanted = user.to_owned();
        let loaded = store.read(move |tx| load(tx, &wanted)).await.map_err(ApiError::from)?;
        let rights = loaded.map(Arc::new);
        let mut known = self.known();
        if known.len() >= KEPT {
            known.clear();
        }
        match &rights {
            Some(rights) => drop(known.insert(user.to_owned(), rights.clone())),
            None => drop(known.remove(user)),
        }
        Ok(rights)
    }

    /// To be called in the transaction of any change of rows that rights are made of.
    pub fn changed(self: &Arc<Self>, tx: &Tx<'_>, bus: &Bus) -> Result<(), StoreError> {
        let revision = sql::raise(tx)?;
        let (cache, bus) = (self.clone(), bus.clone());
        tx.after_commit(move || {
            cache.revision.fetch_max(revision, Ordering::AcqRel);
            bus.send(Event::RightsChanged);
        });
        Ok(())
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Rights>>> {
        self.known.lock().expect("no code panics while it holds the map")
    }
}

fn gone() -> ApiError {
    ApiError::new(
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    )
}

/// Compiles a user's rights from the rows of one snapshot.
pub fn load(tx: &Tx<'_>, user: &str) -> Result<Option<Rights>, StoreError> {
    load_as(tx, user, None)
}

/// The same for a user who acts in one role instead of their own rights; their scope narrows that too.
fn load_as(tx: &Tx<'_>, user: &str, assumed: Option<&str>) -> Result<Option<Rights>, StoreError> {
    let Some((status, scope)) = sql::user(tx, user)? else {
        return Ok(None);
    };
    if status != "Active" {
        return Ok(None);
    }
    let mut grants = Grants::default();
    grants.add(&roles::everybody(), roles::EVERYBODY, roles::EVERYBODY, user);
    let own = sql::roles(tx, user)?;
    let is_admin = own.iter().any(|role| role == roles::ADMIN) && assumed.is_none_or(|role| role == roles::ADMIN);
    let held = match assumed {
        Some(role) => vec![role.to_owned()],
        None => own,
    };
    for role in &held {
        let via = format!("role `{role}`");
        if let Some(policy) = roles::policy(role) {
            grants.add(&policy, role, &via, user);
        }
        for (name, policy) in sql::attached(tx, "role", role)? {
            grants.add(&policy, &name, &via, user);
        }
    }
    if assumed.is_none() {
        for (name, policy) in sql::attached(tx, "user", user)? {
            grants.add(&policy, &name, "user", user);
        }
    }
    grants.narrow(&scope, user);
    let groups = groups::find(tx, grants.groups())?;
    Ok(Some(Rights {
        user: user.to_owned(),
        roles: held,
        grants,
        groups,
        is_admin,
        revision: sql::revision(tx)?,
    }))
}

pub mod sql {
    use super::*;

    pub fn revision(tx: &Tx<'_>) -> Result<i64, StoreError> {
        tx.count("SELECT CAST(value AS INTEGER) FROM setting WHERE name = 'rights_revision'", &[])
    }

    pub fn raise(tx: &Tx<'_>) -> Result<i64, StoreError> {
        let sql = "INSERT INTO setting (name, value) VALUES ('rights_revision', '1')
                   ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(setting.value AS INTEGER) + 1 AS TEXT)
                   RETURNING CAST(value AS INTEGER) AS revision";
        Ok(tx.row(sql, &[], |row| row.get("revision"))?.unwrap_or(1))
    }

    pub fn user(tx: &Tx<'_>, name: &str) -> Result<Option<(String, Scope)>, StoreError> {
        tx.row(
            "SELECT status, scope FROM user WHERE name = :name",
            &[(":name", name.into())],
            |row| Ok((row.get("status")?, row.json("scope")?)),
        )
    }

    pub fn roles(tx: &Tx<'_>, user: &str) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT role_name FROM user_role WHERE user_name = :user ORDER BY role_name";
        tx.rows(sql, &[(":user", user.into())], |row| row.get("role_name"))
    }

    pub fn attached(tx: &Tx<'_>, holder_kind: &str, holder: &str) -> Result<Vec<(String, Policy)>, StoreError> {
        let sql = "SELECT p.name, p.document FROM policy_attachment a JOIN policy p ON p.name = a.policy_name
                   WHERE a.holder_kind = :kind AND a.holder = :holder ORDER BY p.name";
        tx.rows(sql, &[(":kind", holder_kind.into()), (":holder", holder.into())], |row| {
            Ok((row.get("name")?, row.json("document")?))
        })
    }
}
