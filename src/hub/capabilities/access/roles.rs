//! Roles: named sets of policies. The built-in ones cannot be changed; roles of one's own are made of policies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult, Timestamp, count};
use crate::hub::api::{Cx, Declare, Service, Target, constraint, page};
use crate::hub::capabilities::access::{guard, policies, users};
use crate::hub::store::{Select, StoreError, Tx};
use crate::model::access::{Policy, roles};

pub const KIND: &str = "role";
/// Roles of one's own; more would not be told apart by anybody.
const MAX_ROLES: i64 = 500;

pub fn operations(api: &mut Declare<'_>) {
    api.write(
        Service::Roadstead,
        "CreateRole",
        |r: &CreateRequest| Target::Resource(KIND, r.role_name.clone()),
        create_role,
    )
    .read(Service::Roadstead, "ListRoles", |_: &ListRequest| Target::Rows(KIND), list_roles)
    .write(
        Service::Roadstead,
        "UpdateRole",
        |r: &UpdateRequest| Target::Resource(KIND, r.role_name.clone()),
        update_role,
    )
    .write(
        Service::Roadstead,
        "DeleteRole",
        |r: &DeleteRequest| Target::Resource(KIND, r.role_name.clone()),
        delete_role,
    );
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct RoleView {
    role_name: String,
    description: String,
    built_in: bool,
    /// Policies it is made of; empty for a built-in role, which has its own document.
    policies: Vec<String>,
    /// What a built-in role says.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<Policy>,
    users: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<Timestamp>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "CreateRoleRequest")]
struct CreateRequest {
    role_name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    policies: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct RoleResult {
    role: RoleView,
}

async fn create_role(cx: Cx, request: CreateRequest) -> ApiResult<RoleResult> {
    cx.require_whole()?;
    check_name(&request.role_name, "role")?;
    constraint::at_most(&request.description, "description", 256)?;
    constraint::count_at_most(&request.policies, "policies", policies::MAX_HELD as usize)?;
    let (now, asked) = (cx.now(), cx.clone());
    cx.write(move |tx| {
        let name = &request.role_name;
        if users::is_role(tx, name)? {
            return Err(ApiError::new("AlreadyExistsException", format!("there is a role `{name}` already")));
        }
        check_new_name(name, "role")?;
        if tx.count("SELECT count(*) FROM role", &[])? >= MAX_ROLES {
            return Err(ApiError::new(
                "LimitExceededException",
                format!("a hub has at most {MAX_ROLES} roles of its own"),
            ));
        }
        sql::insert(tx, name, &request.description, now)?;
        set_policies(tx, name, &request.policies)?;
        asked.rights_changed(tx)?;
        result(tx, name)
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListRolesRequest")]
struct ListRequest {
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListRolesResult")]
struct ListResult {
    roles: Vec<RoleView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// Built-in roles and one's own, by name.
async fn list_roles(cx: Cx, request: ListRequest) -> ApiResult<ListResult> {
    let size = page::size(request.max_results, 1, 100, 50)?;
    let after: Option<String> = page::parse(request.next_token.as_deref())?;
    let asked = cx.clone();
    cx.read(move |tx| {
        let mut names = Vec::new();
        for name in roles::BUILT_IN {
            if asked.permit(tx, &Target::Resource(KIND, name.to_owned())).is_ok() {
                names.push(name.to_owned());
            }
        }
        let own = Select::new("SELECT role.name FROM role").and_condition(&asked.visible(KIND, "role.name"));
        names.extend(own.rows(tx, |row| row.get("name"))?);
        names.retain(|name| after.as_ref().is_none_or(|after| name > after));
        names.sort();
        names.truncate(size + 1);
        let (names, next_token) = page::cut(names, size, Clone::clone);
        let roles = names.iter().map(|name| view(tx, name)).collect::<ApiResult<_>>()?;
        Ok(ListResult { roles, next_token })
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "UpdateRoleRequest")]
struct UpdateRequest {
    role_name: String,
    description: Option<String>,
    /// Replaces all policies of the role.
    policies: Option<Vec<String>>,
}

async fn update_role(cx: Cx, request: UpdateRequest) -> ApiResult<RoleResult> {
    cx.require_whole()?;
    if let Some(description) = &request.description {
        constraint::at_most(description, "description", 256)?;
    }
    let asked = cx.clone();
    cx.write(move |tx| {
        let name = &request.role_name;
        require_own(tx, name)?;
        let had_admin = guard::has_admin(tx)?;
        if let Some(description) = &request.description {
            sql::describe(tx, name, description)?;
        }
        if let Some(wanted) = &request.policies {
            constraint::count_at_most(wanted, "policies", policies::MAX_HELD as usize)?;
            set_policies(tx, name, wanted)?;
        }
        guard::keeps_admin(tx, had_admin)?;
        asked.rights_changed(tx)?;
        result(tx, name)
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "DeleteRoleRequest")]
struct DeleteRequest {
    role_name: String,
}

#[derive(Serialize, JsonSchema)]
struct Empty {}

async fn delete_role(cx: Cx, request: DeleteRequest) -> ApiResult<Empty> {
    cx.require_whole()?;
    let asked = cx.clone();
    cx.write(move |tx| {
        let name = &request.role_name;
        require_own(tx, name)?;
        let users = sql::users(tx, name)?;
        if users > 0 {
            let (users, whom) = (count(users.unsigned_abs(), "user"), if users == 1 { "that user" } else { "them" });
            return Err(ApiError::new(
                "ResourceInUseException",
                format!("role `{name}` has {users}: give {whom} other roles first"),
            ));
        }
        sql::delete(tx, name)?;
        asked.rights_changed(tx)?;
        Ok(Empty {})
    })
    .await
}

/// Names of roles, policies and groups.
///
/// *Errors*: `ValidationException`.
pub fn check_name(name: &str, what: &str) -> ApiResult<()> {
    let is_fine = (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.@+=-".contains(&b));
    if is_fine {
        return Ok(());
    }
    Err(ApiError::validation(format!(
        "the name of a {what} has 1 to 64 letters, digits or `_.@+=-`"
    )))
}

/// The name of a role or policy that is to be made.
///
/// *Errors*: `ValidationException`.
pub fn check_new_name(name: &str, what: &str) -> ApiResult<()> {
    check_name(name, what)?;
    if !roles::is_reserved(name) {
        return Ok(());
    }
    Err(ApiError::validation(format!(
        "`{name}` is what decisions call rights that are built in: choose another name for the {what}"
    )))
}

/// *Errors*: `ResourceNotFoundException`, or `ValidationException` for a built-in role.
pub fn require_own(tx: &Tx<'_>, name: &str) -> ApiResult<()> {
    if roles::BUILT_IN.contains(&name) {
        return Err(ApiError::validation(format!(
            "`{name}` is a built-in role and stays as it is: make a role of your own"
        )));
    }
    if users::is_role(tx, name)? {
        return Ok(());
    }
    let shown: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
    Err(ApiError::new("ResourceNotFoundException", format!("there is no role `{shown}`")))
}

fn set_policies(tx: &Tx<'_>, role: &str, wanted: &[String]) -> ApiResult<()> {
    for policy in wanted {
        policies::require(tx, policy)?;
    }
    Ok(sql::set_policies(tx, role, wanted)?)
}

fn result(tx: &Tx<'_>, name: &str) -> ApiResult<RoleResult> {
    Ok(RoleResult { role: view(tx, name)? })
}

fn view(tx: &Tx<'_>, name: &str) -> ApiResult<RoleView> {
    let users = sql::users(tx, name)?;
    if let Some(document) = roles::policy(name) {
        return Ok(RoleView {
            role_name: name.to_owned(),
            description: roles::description(name).unwrap_or_default().to_owned(),
            built_in: true,
            policies: Vec::new(),
            document: Some(document),
            users,
            created_at: None,
        });
    }
    let (description, created_at) = sql::find(tx, name)?.ok_or_else(|| ApiError::internal("a role that was just there"))?;
    Ok(RoleView {
        role_name: name.to_owned(),
        description,
        built_in: false,
        policies: sql::policies(tx, name)?,
        document: None,
        users,
        created_at: Some(created_at),
    })
}

mod sql {
    use super::*;

    pub fn insert(tx: &Tx<'_>, name: &str, description: &str, now: Timestamp) -> Result<(), StoreError> {
        let params = [(":name", name.into()), (":description", description.into()), (":now", now.into())];
        tx.execute(
            "INSERT INTO role (name, description, created_at) VALUES (:name, :description, :now)",
            &params,
        )
        .map(|_| ())
    }

    pub fn find(tx: &Tx<'_>, name: &str) -> Result<Option<(String, Timestamp)>, StoreError> {
        tx.row(
            "SELECT description, created_at FROM role WHERE name = :name",
            &[(":name", name.into())],
            |row| Ok((row.get("description")?, row.get("created_at")?)),
        )
    }

    pub fn describe(tx: &Tx<'_>, name: &str, description: &str) -> Result<(), StoreError> {
        tx.execute(
            "UPDATE role SET description = :description WHERE name = :name",
            &[(":name", name.into()), (":description", description.into())],
        )
        .map(|_| ())
    }

    pub fn delete(tx: &Tx<'_>, name: &str) -> Result<(), StoreError> {
        let name = [(":name", name.into())];
        tx.execute("DELETE FROM policy_attachment WHERE holder_kind = 'role' AND holder = :name", &name)?;
        tx.execute("DELETE FROM rights_limit WHERE holder_kind = 'role' AND holder = :name", &name)?;
        tx.execute("DELETE FROM login_rule WHERE role = :name", &name)?;
        tx.execute("DELETE FROM role WHERE name = :name", &name).map(|_| ())
    }

    pub fn users(tx: &Tx<'_>, name: &str) -> Result<i64, StoreError> {
        tx.count("SELECT count(*) FROM user_role WHERE role_name = :name", &[(":name", name.into())])
    }

    pub fn policies(tx: &Tx<'_>, role: &str) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT policy_name FROM policy_attachment WHERE holder_kind = 'role' AND holder = :role ORDER BY policy_name";
        tx.rows(sql, &[(":role", role.into())], |row| row.get("policy_name"))
    }

    pub fn set_policies(tx: &Tx<'_>, role: &str, wanted: &[String]) -> Result<(), StoreError> {
        tx.execute(
            "DELETE FROM policy_attachment WHERE holder_kind = 'role' AND holder = :role",
            &[(":role", role.into())],
        )?;
        for policy in wanted {
            tx.execute(
                "INSERT INTO policy_attachment (holder_kind, holder, policy_name) VALUES ('role', :role, :policy)
                 ON CONFLICT (holder_kind, holder, policy_name) DO NOTHING",
                &[(":role", role.into()), (":policy", policy.into())],
            )?;
        }
        Ok(())
    }
}
