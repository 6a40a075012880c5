//! Login sessions: everybody sees and ends their own; those of others take a right on the user.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target, dispatch};
use crate::hub::auth::Proof;
use crate::hub::auth::console::{ConsoleSessions, ListedSession};
use crate::hub::capabilities::access::guard;
use crate::hub::events::Event;
use crate::hub::store::Condition;

pub const KIND: &str = "login-session";

pub fn operations(api: &mut Declare<'_>) {
    api.own(Service::Roadstead, "ListLoginSessions", list_login_sessions)
        .own(Service::Roadstead, "RevokeLoginSession", revoke_login_session)
        .own(Service::Roadstead, "RevokeLoginSessions", revoke_login_sessions);
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ListRequest {
    /// Only this user's; all that the caller may see when absent.
    user_name: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ListResult {
    login_sessions: Vec<SessionView>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct SessionView {
    login_session_id: String,
    user_name: String,
    method: String,
    address: String,
    agent: String,
    created_at: Timestamp,
    last_seen_at: Timestamp,
    expires_at: Timestamp,
    /// The one that asks.
    is_current: bool,
}

async fn list_login_sessions(cx: Cx, request: ListRequest) -> ApiResult<ListResult> {
    let me = cx.caller().name.clone();
    let wanted = request.user_name;
    if wanted.as_ref().is_some_and(|name| *name != me) {
        dispatch::authorise(&cx, &Target::Rows(KIND)).await?;
    }
    let own = Condition::OneOf("login_session.user_name", vec![me.into()]);
    let visible = Condition::any([cx.visible(KIND, "login_session.id"), own]);
    let (current, now) = (current(&cx), cx.now());
    let sessions = cx
        .read(move |tx| Ok(ConsoleSessions::list(tx, &visible, wanted.as_deref(), now)?))
        .await?;
    let login_sessions = sessions.into_iter().map(|session| view(session, current.as_deref())).collect();
    Ok(ListResult { login_sessions })
}

fn view(session: ListedSession, current: Option<&str>) -> SessionView {
    SessionView {
        is_current: current == Some(session.id.as_str()),
        login_session_id: session.id,
        user_name: session.user_name,
        method: session.method,
        address: session.address,
        agent: session.agent,
        created_at: session.created_at,
        last_seen_at: session.last_seen_at,
        expires_at: session.expires_at,
    }
}

fn current(cx: &Cx) -> Option<String> {
    match &cx.caller().proof {
        Proof::Session(id) => Some(id.clone()),
        _ => None,
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct RevokeRequest {
    login_session_id: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct Empty {}

async fn revoke_login_session(cx: Cx, request: RevokeRequest) -> ApiResult<Empty> {
    let id = request.login_session_id;
    let wanted = id.clone();
    let owner = cx.read(move |tx| Ok(ConsoleSessions::owner(tx, &wanted)?)).await?;
    let is_own = owner.as_ref() == Some(&cx.caller().name);
    if !is_own {
        dispatch::authorise(&cx, &Target::Resource(KIND, id.clone())).await?;
    }
    let (asked, owner) = (cx.clone(), owner.unwrap_or_default());
    let bus = cx.services.bus.clone();
    cx.write_saying(format!("login session `{id}`"), move |tx| {
        if !is_own {
            guard::may_change(tx, &asked, &owner)?;
        }
        if !ConsoleSessions::revoke(tx, &id)? {
            let message = format!("there is no login session `{id}`: it may have ended by itself");
            return Err(ApiError::new("ResourceNotFoundException", message));
        }
        bus.emit(tx, Event::LoginsChanged);
        Ok(Empty {})
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct RevokeAllRequest {
    /// The caller's own but the one that asks, when absent.
    user_name: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct RevokeAllResult {
    revoked: usize,
}

async fn revoke_login_sessions(cx: Cx, request: RevokeAllRequest) -> ApiResult<RevokeAllResult> {
    let me = cx.caller().name.clone();
    let (user, spared) = match request.user_name {
        Some(name) if name != me => {
            dispatch::authorise(&cx, &Target::Resource("user", name.clone())).await?;
            (name, None)
        }
        _ => (me.clone(), current(&cx)),
    };
    let (asked, bus) = (cx.clone(), cx.services.bus.clone());
    cx.write_saying(format!("all login sessions of user `{user}`"), move |tx| {
        if user != me {
            guard::may_change(tx, &asked, &user)?;
        }
        let revoked = ConsoleSessions::revoke_all(tx, &user, spared.as_deref())?;
        bus.emit(tx, Event::LoginsChanged);
        Ok(RevokeAllResult { revoked })
    })
    .await
}
