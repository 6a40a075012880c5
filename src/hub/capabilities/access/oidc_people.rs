//! Whom a single sign-on provider's people are here: each is bound to one user by the provider's own word for them (issuer and
//! subject), never by a name that somebody may choose.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult};
use crate::hub::api::{Cx, Declare, Service, Target, constraint};
use crate::hub::auth::accounts::{self, Account};
use crate::hub::auth::{ConsoleSessions, setup};
use crate::hub::capabilities::access::{guard, oidc, users};
use crate::hub::events::Event;
use crate::hub::store::{StoreError, Tx};

pub fn operations(api: &mut Declare<'_>) {
    api.write(
        Service::Roadstead,
        "LinkOidcUser",
        |r: &LinkOidcUserRequest| Target::Resource("user", r.user_name.clone()),
        link_oidc_user,
    )
    .write(
        Service::Roadstead,
        "UnlinkOidcUser",
        |r: &UnlinkOidcUserRequest| Target::Resource("user", r.user_name.clone()),
        unlink_oidc_user,
    );
}

#[derive(Serialize, JsonSchema)]
struct Empty {}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct LinkOidcUserRequest {
    user_name: String,
    /// What the provider calls them (`sub`); the audit log has it of whoever was refused.
    subject: String,
}

/// Lets somebody of the provider log in as a user that is there already.
async fn link_oidc_user(cx: Cx, request: LinkOidcUserRequest) -> ApiResult<Empty> {
    constraint::at_most(&request.subject, "subject", 255)?;
    if request.subject.is_empty() {
        return Err(ApiError::validation("`Subject` is what the provider calls the person (`sub`)"));
    }
    let asked = cx.clone();
    cx.write_saying(format!("subject `{}`", request.subject), move |tx| {
        guard::may_change(tx, &asked, &request.user_name)?;
        users::require(tx, &request.user_name)?;
        let issuer = oidc::existing(tx)?.settings.issuer;
        if let Some(other) = sql::bound(tx, &issuer, &request.subject)? {
            let words = format!(
                "the provider's `{}` is user `{other}` already: unlink that one first",
                request.subject
            );
            return Err(ApiError::new("AlreadyExistsException", words));
        }
        sql::unbind(tx, &request.user_name)?;
        sql::bind(tx, &issuer, &request.subject, &request.user_name)?;
        Ok(Empty {})
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct UnlinkOidcUserRequest {
    user_name: String,
}

/// Ends their logins, too.
async fn unlink_oidc_user(cx: Cx, request: UnlinkOidcUserRequest) -> ApiResult<Empty> {
    let asked = cx.clone();
    cx.write(move |tx| {
        guard::may_change(tx, &asked, &request.user_name)?;
        users::require(tx, &request.user_name)?;
        match sql::unbind(tx, &request.user_name)? {
            0 => Err(ApiError::new(
                "ResourceNotFoundException",
                format!("user `{}` does not come from the provider", request.user_name),
            )),
            _ => {
                ConsoleSessions::revoke_all(tx, &request.user_name, None)?;
                asked.services.bus.emit(tx, Event::LoginsChanged);
                Ok(Empty {})
            }
        }
    })
    .await
}

/// Somebody whom the provider has vouched for.
#[derive(Clone, Debug)]
pub struct Person {
    pub subject: String,
    /// What the user claim says.
    pub name: String,
    /// Of the provider's groups; `None` when roles are given by hand.
    pub roles: Option<Vec<String>>,
}

impl Person {
    /// Their roles that there are. `None`: roles are given by hand.
    fn roles(&self, tx: &Tx<'_>) -> Result<Option<Vec<String>>, StoreError> {
        let Some(given) = &self.roles else { return Ok(None) };
        let mut known = Vec::new();
        for role in given {
            if users::is_role(tx, role)? {
                known.push(role.clone());
            }
        }
        Ok(Some(known))
    }

    /// As messages and the audit log show them.
    pub fn shown(&self) -> String {
        self.subject.chars().filter(|c| !c.is_control()).collect()
    }
}

/// The user of a person for whom nothing has to be written; `None` when [`welcome`] must decide.
///
/// *Errors*: `AccessDeniedException` when the user is disabled.
pub fn recognise(tx: &Tx<'_>, settings: &oidc::Settings, person: &Person) -> ApiResult<Option<Account>> {
    let Some(name) = sql::bound(tx, &settings.issuer, &person.subject)? else {
        return Ok(None);
    };
    let account = accounts::find(tx, &name)?.ok_or_else(|| no_user(person))?;
    Ok(match person.roles(tx)? {
        Some(roles) if roles.is_empty() || roles != account.roles => None,
        _ => Some(account),
    })
}

/// The user of a person, with the roles that their groups give now. `None`: they have no role here, and those they had are gone.
///
/// *Errors*: `AccessDeniedException`.
pub fn welcome(tx: &Tx<'_>, cx: &Cx, settings: &oidc::Settings, person: &Person) -> ApiResult<Option<Account>> {
    let roles = person.roles(tx)?;
    let has_none = roles.as_ref().is_some_and(Vec::is_empty);
    let name = match sql::bound(tx, &settings.issuer, &person.subject)? {
        Some(name) => name,
        None if has_none => return Ok(None),
        None => become_user(tx, cx, settings, person)?,
    };
    accounts::find(tx, &name)?.ok_or_else(|| no_user(person))?;
    if let Some(roles) = roles {
        let had_admin = guard::has_admin(tx)?;
        accounts::set_roles(tx, &name, &roles)?;
        guard::keeps_admin(tx, had_admin)?;
    }
    cx.rights_changed(tx)?;
    match has_none {
        true => Ok(None),
        false => accounts::existing(tx, &name).map(Some),
    }
}

/// A name that exists already is somebody's: the provider may not hand it to whom it likes.
fn become_user(tx: &Tx<'_>, cx: &Cx, settings: &oidc::Settings, person: &Person) -> ApiResult<String> {
    if !settings.creates_users {
        return Err(no_user(person));
    }
    let name = &person.name;
    setup::check_new_user_name(name).map_err(|_| {
        denied(format!(
            "the provider's claim `{}` is no user name for `{}`: an admin chooses another claim",
            settings.user_claim,
            person.shown()
        ))
    })?;
    if let Some(taken) = accounts::namesake(tx, name)? {
        return Err(denied(format!(
            "there is a user `{taken}` already who does not belong to the provider's `{}`: an admin links or renames one of the two",
            person.shown()
        )));
    }
    accounts::create(tx, name, cx.now())?;
    sql::bind(tx, &settings.issuer, &person.subject, name)?;
    Ok(name.clone())
}

fn no_user(person: &Person) -> ApiError {
    denied(format!(
        "the provider knows you (`{}`), this hub does not: ask an admin for access",
        person.shown()
    ))
}

pub fn denied(why: String) -> ApiError {
    ApiError::new("AccessDeniedException", why)
}

mod sql {
    use super::*;

    pub fn bound(tx: &Tx<'_>, issuer: &str, subject: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT user_name FROM oidc_identity WHERE issuer = :issuer AND subject = :subject";
        tx.row(sql, &[(":issuer", issuer.into()), (":subject", subject.into())], |row| {
            row.get("user_name")
        })
    }

    pub fn bind(tx: &Tx<'_>, issuer: &str, subject: &str, user: &str) -> Result<(), StoreError> {
        let params = [(":issuer", issuer.into()), (":subject", subject.into()), (":user", user.into())];
        let sql = "INSERT INTO oidc_identity (issuer, subject, user_name) VALUES (:issuer, :subject, :user)";
        tx.execute(sql, &params).map(|_| ())
    }

    pub fn unbind(tx: &Tx<'_>, user: &str) -> Result<usize, StoreError> {
        tx.execute("DELETE FROM oidc_identity WHERE user_name = :user", &[(":user", user.into())])
    }
}
