//! Users: who they are, which roles they have, what narrows them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult, Secret, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target, constraint, page};
use crate::hub::auth::{ConsoleSessions, accounts, facts, passwords, rights, setup};
use crate::hub::capabilities::access::{groups, guard};
use crate::hub::events::Event;
use crate::hub::store::{Row, Select, StoreError, Tx, Value};
use crate::model::access::{PolicyError, Scope, Words, roles};

pub const KIND: &str = "user";
/// Roles of one user.
const MAX_ROLES: usize = 20;

pub fn operations(api: &mut Declare<'_>) {
    api.write(
        Service::Roadstead,
        "CreateUser",
        |r: &CreateRequest| Target::Resource(KIND, r.user_name.clone()),
        create_user,
    )
    .read(
        Service::Roadstead,
        "DescribeUser",
        |r: &DescribeRequest| Target::Resource(KIND, r.user_name.clone()),
        describe_user,
    )
    .read(Service::Roadstead, "ListUsers", |_: &ListRequest| Target::Rows(KIND), list_users)
    .write(
        Service::Roadstead,
        "UpdateUser",
        |r: &UpdateRequest| Target::Resource(KIND, r.user_name.clone()),
        update_user,
    )
    .write(
        Service::Roadstead,
        "DeleteUser",
        |r: &DescribeRequest| Target::Resource(KIND, r.user_name.clone()),
        delete_user,
    );
}

/// A user as lists show them.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct UserView {
    user_name: String,
    description: String,
    roles: Vec<String>,
    /// Policies attached to the user, beside those of the roles.
    policies: Vec<String>,
    status: Status,
    scope: Scope,
    has_password: bool,
    /// When the password was set, by whomever.
    #[serde(skip_serializing_if = "Option::is_none")]
    password_changed_at: Option<Timestamp>,
    access_keys: i64,
    created_at: Timestamp,
    /// What the single sign-on provider calls them, when they may come in by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    oidc_subject: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "UserStatus")]
enum Status {
    Active,
    /// Is refused everywhere, with every key; nothing of theirs is lost.
    Disabled,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Disabled => "Disabled",
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "CreateUserRequest")]
struct CreateRequest {
    user_name: String,
    #[serde(default)]
    roles: Vec<String>,
    /// Without one the user can only use access keys.
    password: Option<String>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    scope: Scope,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct UserResult {
    user: UserView,
}

async fn create_user(cx: Cx, request: CreateRequest) -> ApiResult<UserResult> {
    setup::check_new_user_name(&request.user_name)?;
    constraint::at_most(&request.description, "description", 256)?;
    check_scope(&cx, &request.scope)?;
    let hash = hash(request.password.clone(), &request.user_name).await?;
    let (now, asked) = (cx.now(), cx.clone());
    cx.write(move |tx| {
        check_roles(tx, &request.roles)?;
        groups::check_named(tx, &request.scope.groups)?;
        guard::may_give(&asked, &request.roles)?;
        if let Some(taken) = accounts::namesake(tx, &request.user_name)? {
            return Err(ApiError::new("AlreadyExistsException", taken_words(&request.user_name, &taken)));
        }
        sql::insert(tx, &request, hash, now)?;
        accounts::set_roles(tx, &request.user_name, &request.roles)?;
        asked.rights_changed(tx)?;
        result(tx, &request.user_name)
    })
    .await
}

fn taken_words(name: &str, taken: &str) -> String {
    let words = format!("there is a user `{taken}` already");
    match name == taken {
        true => words,
        false => format!("{words}: a name must differ in more than case"),
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "DescribeUserRequest")]
struct DescribeRequest {
    user_name: String,
}

async fn describe_user(cx: Cx, request: DescribeRequest) -> ApiResult<UserResult> {
    cx.read(move |tx| result(tx, &request.user_name)).await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListUsersRequest")]
struct ListRequest {
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListUsersResult")]
struct ListResult {
    users: Vec<UserView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

async fn list_users(cx: Cx, request: ListRequest) -> ApiResult<ListResult> {
    let size = page::size(request.max_results, 1, 100, 50)?;
    let after: Option<String> = page::parse(request.next_token.as_deref())?;
    let mut select = Select::new(sql::SELECT).and_condition(&cx.visible(KIND, "user.name"));
    if let Some(after) = &after {
        select = select.and("user.name > ?", [after.into()]);
    }
    let select = select.order("user.name").limit(size + 1);
    cx.read(move |tx| {
        let found = select.rows(tx, sql::from_row)?;
        let (found, next_token) = page::cut(found, size, |user| user.user_name.clone());
        let users = found.into_iter().map(|user| complete(tx, user));
        Ok(ListResult {
            users: users.collect::<Result<_, StoreError>>()?,
            next_token,
        })
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "UpdateUserRequest")]
struct UpdateRequest {
    user_name: String,
    /// Replaces all roles.
    roles: Option<Vec<String>>,
    description: Option<String>,
    status: Option<Status>,
    /// Replaces the scope; an empty one lifts it.
    scope: Option<Scope>,
}

async fn update_user(cx: Cx, request: UpdateRequest) -> ApiResult<UserResult> {
    if let Some(description) = &request.description {
        constraint::at_most(description, "description", 256)?;
    }
    if let Some(scope) = &request.scope {
        check_scope(&cx, scope)?;
    }
    let asked = cx.clone();
    cx.write(move |tx| {
        let name = &request.user_name;
        guard::may_change(tx, &asked, name)?;
        require(tx, name)?;
        let had_admin = guard::has_admin(tx)?;
        if let Some(wanted) = &request.roles {
            check_roles(tx, wanted)?;
            guard::may_give(&asked, wanted)?;
            accounts::set_roles(tx, name, wanted)?;
        }
        if let Some(scope) = &request.scope {
            groups::check_named(tx, &scope.groups)?;
        }
        sql::update(tx, &request)?;
        if request.status == Some(Status::Disabled) {
            ConsoleSessions::revoke_all(tx, name, None)?;
            asked.services.bus.emit(tx, Event::LoginsChanged);
        }
        guard::keeps_admin(tx, had_admin)?;
        asked.rights_changed(tx)?;
        result(tx, name)
    })
    .await
}

#[derive(Serialize, JsonSchema)]
struct Empty {}

/// What they did stays on record under their name, marked so that a new user of the same name does not own it. To the audit
/// log's reader the two differ by time only.
async fn delete_user(cx: Cx, request: DescribeRequest) -> ApiResult<Empty> {
    let asked = cx.clone();
    cx.write(move |tx| {
        let name = request.user_name;
        guard::may_change(tx, &asked, &name)?;
        require(tx, &name)?;
        let had_admin = guard::has_admin(tx)?;
        sql::delete(tx, &name)?;
        facts::disown(tx, &name)?;
        guard::keeps_admin(tx, had_admin)?;
        asked.rights_changed(tx)?;
        asked.services.bus.emit(tx, Event::LoginsChanged);
        Ok(Empty {})
    })
    .await
}

/// *Errors*: `ValidationException` for a password that is none.
async fn hash(password: Option<String>, user: &str) -> ApiResult<Option<String>> {
    let Some(password) = password.map(Secret::new) else {
        return Ok(None);
    };
    passwords::check(&password, user)?;
    passwords::hash(password).await.map(Some)
}

fn check_scope(cx: &Cx, scope: &Scope) -> ApiResult<()> {
    scope.check().map_err(|e| ApiError::validation(e.to_string()))?;
    check_actions(&cx.services.words, &scope.actions, "Scope.Actions")
}

/// Whether there is each of the actions to which somebody shall be narrowed, or one that its pattern matches.
///
/// *Errors*: `ValidationException` naming the first that there is not, with its place.
pub fn check_actions(words: &Words, actions: &[String], place: &str) -> ApiResult<()> {
    actions.iter().enumerate().try_for_each(|(at, action)| {
        let known = words.action(action).here();
        known.map_err(|problem| ApiError::validation(PolicyError::new(format!("{place}[{at}]"), problem).to_string()))
    })
}

fn check_roles(tx: &Tx<'_>, wanted: &[String]) -> ApiResult<()> {
    constraint::count_at_most(wanted, "roles", MAX_ROLES)?;
    wanted.iter().try_for_each(|role| check_role(tx, role))
}

/// *Errors*: `ValidationException` naming the role that there is not.
pub fn check_role(tx: &Tx<'_>, role: &str) -> ApiResult<()> {
    if is_role(tx, role)? {
        return Ok(());
    }
    let own = tx.rows("SELECT name FROM role ORDER BY name LIMIT 20", &[], |row| row.get::<String>("name"))?;
    let all: Vec<&str> = roles::BUILT_IN.into_iter().chain(own.iter().map(String::as_str)).collect();
    let shown: String = role.chars().filter(|c| !c.is_control()).take(80).collect();
    Err(ApiError::validation(format!(
        "there is no role `{shown}`: use one of {}",
        all.join(", ")
    )))
}

pub fn is_role(tx: &Tx<'_>, name: &str) -> Result<bool, StoreError> {
    let own = "SELECT count(*) FROM role WHERE name = :name";
    Ok(roles::BUILT_IN.contains(&name) || tx.count(own, &[(":name", name.into())])? > 0)
}

/// *Errors*: `ResourceNotFoundException`.
pub fn require(tx: &Tx<'_>, name: &str) -> ApiResult<()> {
    if tx.count("SELECT count(*) FROM user WHERE name = :name", &[(":name", name.into())])? > 0 {
        return Ok(());
    }
    let shown: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
    Err(ApiError::new("ResourceNotFoundException", format!("there is no user `{shown}`")))
}

fn result(tx: &Tx<'_>, name: &str) -> ApiResult<UserResult> {
    require(tx, name)?;
    let select = Select::new(sql::SELECT).and("user.name = ?", [Value::from(name)]);
    let user = select.rows(tx, sql::from_row)?.pop();
    let user = user.ok_or_else(|| ApiError::internal("a user that was just there"))?;
    Ok(UserResult { user: complete(tx, user)? })
}

/// Adds what stands in other tables.
fn complete(tx: &Tx<'_>, mut user: UserView) -> Result<UserView, StoreError> {
    user.roles = rights::sql::roles(tx, &user.user_name)?;
    user.policies = sql::policies(tx, &user.user_name)?;
    Ok(user)
}

mod sql {
    use super::*;

    pub const SELECT: &str = "SELECT user.name, user.description, user.status, user.scope, user.password_hash IS NOT NULL AS has_password,
        user.password_changed_at, user.created_at, (SELECT count(*) FROM access_key WHERE access_key.user_name = user.name) AS keys,
        (SELECT subject FROM oidc_identity WHERE oidc_identity.user_name = user.name) AS oidc_subject FROM user";

    pub fn from_row(row: &Row<'_>) -> Result<UserView, StoreError> {
        let status: String = row.get("status")?;
        Ok(UserView {
            user_name: row.get("name")?,
            description: row.get("description")?,
            roles: Vec::new(),
            policies: Vec::new(),
            status: if status == Status::Active.as_str() {
                Status::Active
            } else {
                Status::Disabled
            },
            scope: row.json("scope")?,
            has_password: row.get("has_password")?,
            password_changed_at: row.get("password_changed_at")?,
            access_keys: row.get("keys")?,
            created_at: row.get("created_at")?,
            oidc_subject: row.get("oidc_subject")?,
        })
    }

    pub fn insert(tx: &Tx<'_>, request: &CreateRequest, hash: Option<String>, now: Timestamp) -> Result<(), StoreError> {
        let params = [
            (":name", (&request.user_name).into()),
            (":hash", hash.into()),
            (":description", (&request.description).into()),
            (":scope", Value::json(&request.scope)),
            (":now", now.into()),
        ];
        tx.execute(
            "INSERT INTO user (name, password_hash, password_changed_at, description, scope, created_at)
             VALUES (:name, :hash, CASE WHEN :hash IS NULL THEN NULL ELSE :now END, :description, :scope, :now)",
            &params,
        )
        .map(|_| ())
    }

    /// Members that are absent stay as they are.
    pub fn update(tx: &Tx<'_>, request: &UpdateRequest) -> Result<(), StoreError> {
        let params = [
            (":name", (&request.user_name).into()),
            (":description", request.description.clone().into()),
            (":status", request.status.map(Status::as_str).into()),
            (":scope", request.scope.as_ref().map(Value::json).into()),
        ];
        tx.execute(
            "UPDATE user SET description = coalesce(:description, description), status = coalesce(:status, status),
                scope = coalesce(:scope, scope) WHERE name = :name",
            &params,
        )
        .map(|_| ())
    }

    pub fn delete(tx: &Tx<'_>, name: &str) -> Result<(), StoreError> {
        let name = [(":name", name.into())];
        tx.execute("DELETE FROM policy_attachment WHERE holder_kind = 'user' AND holder = :name", &name)?;
        tx.execute("DELETE FROM rights_limit WHERE holder_kind = 'user' AND holder = :name", &name)?;
        tx.execute("DELETE FROM user WHERE name = :name", &name).map(|_| ())
    }

    pub fn policies(tx: &Tx<'_>, user: &str) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT policy_name FROM policy_attachment WHERE holder_kind = 'user' AND holder = :user ORDER BY policy_name";
        tx.rows(sql, &[(":user", user.into())], |row| row.get("policy_name"))
    }
}
