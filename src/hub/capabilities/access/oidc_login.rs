//! A login through the single sign-on provider.
//!
//! ```text
//! BeginOidcLogin ─► the browser goes to the provider ─► /login/oidc?code&state ─► FinishOidcLogin ─► second factor, or session
//! ```
//!
//! What a login must remember (state, nonce, PKCE verifier) travels sealed in a cookie of the browser that began it, so that
//! strangers cannot fill the hub's memory and no other browser can finish the login. It is good for one try.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE64URL_NOPAD;
use http::HeaderMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::id::random_hex;
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service};
use crate::hub::audit::Outcome;
use crate::hub::auth::accounts::Account;
use crate::hub::auth::backoff::Source;
use crate::hub::auth::console::{Method, cookie};
use crate::hub::auth::devices;
use crate::hub::auth::jwt::{self, Claims, Expected, TokenError};
use crate::hub::auth::provider::{Exchange, ProviderCache, Wanted, form_text, unusable};
use crate::hub::capabilities::access::entrance::{self, LoggedIn};
use crate::hub::capabilities::access::login;
use crate::hub::capabilities::access::oidc::{self, GroupRole, Settings, Stored};
use crate::hub::capabilities::access::oidc_people::{self, Person, denied};

const COOKIE_NAME: &str = "roadstead_oidc";
const ATTEMPT_CONTEXT: &str = "oidc-attempt";
/// How long somebody may take at the provider.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
const MAX_GROUPS: usize = 5000;

pub fn operations(api: &mut Declare<'_>) {
    api.open(Service::Roadstead, "BeginOidcLogin", begin_oidc_login)
        .open(Service::Roadstead, "FinishOidcLogin", finish_oidc_login);
}

#[derive(Deserialize, JsonSchema)]
struct Empty {}

/// What a login remembers between its two halves.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Attempt {
    state: String,
    nonce: String,
    verifier: String,
    redirect_uri: String,
    until_ms: i64,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct BeginOidcResult {
    /// Where the browser goes.
    url: String,
}

async fn begin_oidc_login(cx: Cx, _request: Empty) -> ApiResult<BeginOidcResult> {
    let stored = cx.read(oidc::existing).await?;
    let provider = stored.provider(&cx)?;
    let discovery = provider.discovery(&cx.services.state::<ProviderCache>()).await?;
    let attempt = Attempt {
        state: random_hex(64),
        nonce: random_hex(64),
        verifier: random_hex(64),
        redirect_uri: oidc::redirect_uri(&cx),
        until_ms: (cx.now() + PATIENCE).millis(),
    };
    let challenge = BASE64URL_NOPAD.encode(digest(&SHA256, attempt.verifier.as_bytes()).as_ref());
    let query = form_text(&[
        ("response_type", "code"),
        ("client_id", &provider.client_id),
        ("redirect_uri", &attempt.redirect_uri),
        ("scope", &stored.settings.scopes.join(" ")),
        ("state", &attempt.state),
        ("nonce", &attempt.nonce),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]);
    let plain = serde_json::to_vec(&attempt).map_err(ApiError::internal)?;
    let sealed = BASE64URL_NOPAD.encode(&cx.services.vault.seal(ATTEMPT_CONTEXT, &plain));
    cx.set_cookie(entrance::cookie(&cx, COOKIE_NAME, &sealed, PATIENCE));
    let mark = if discovery.authorization_endpoint.contains('?') { '&' } else { '?' };
    Ok(BeginOidcResult {
        url: format!("{}{mark}{query}", discovery.authorization_endpoint),
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct FinishOidcLoginRequest {
    code: String,
    state: String,
    /// As the provider may name itself in the address it sends the browser to.
    issuer: Option<String>,
}

async fn finish_oidc_login(cx: Cx, request: FinishOidcLoginRequest) -> ApiResult<LoggedIn> {
    let stored = cx.read(oidc::existing).await?;
    let source = stranger(&cx);
    cx.services.backoff.admit(&source, Instant::now())?;
    cx.set_cookie(entrance::cookie(&cx, COOKIE_NAME, "", Duration::ZERO));
    let recognised = async {
        let attempt = attempt(&cx, &request.state)?;
        let person = person(&cx, &stored, &attempt, &request).await?;
        welcome(&cx, &stored.settings, person).await
    };
    let account = match recognised.await {
        Ok(account) => account,
        Err(error) if error.source.is_some() => return Err(error),
        Err(error) => {
            cx.services.backoff.failed(&source, Instant::now());
            cx.audit(Outcome::Denied, error.message.clone()).await?;
            return Err(error);
        }
    };
    cx.services.backoff.succeeded(&source);
    let (headers, name, now) = (cx.request().headers.clone(), account.name.clone(), cx.now());
    let source = Source {
        user: name.clone(),
        device: cx.read(move |tx| Ok(devices::known(tx, &headers, &name, now)?)).await?,
        ..source
    };
    login::after_first_proof(&cx, source, account, Method::Provider).await
}

/// Nobody yet. What one address does wrong here slows that address alone.
fn stranger(cx: &Cx) -> Source {
    let address = cx.request().address.clone();
    Source {
        user: format!("single sign-on from {address}"),
        address,
        device: None,
    }
}

/// What this browser began.
fn attempt(cx: &Cx, state: &str) -> ApiResult<Attempt> {
    let foreign = || {
        ApiError::new(
            "LoginExpiredException",
            "this browser did not begin this login, or took too long: begin again",
        )
    };
    let attempt = opened(cx, &cx.request().headers).ok_or_else(foreign)?;
    let is_same: bool = subtle::ConstantTimeEq::ct_eq(attempt.state.as_bytes(), state.as_bytes()).into();
    match is_same && cx.now() < Timestamp::from_millis(attempt.until_ms) {
        true => Ok(attempt),
        false => Err(foreign()),
    }
}

fn opened(cx: &Cx, headers: &HeaderMap) -> Option<Attempt> {
    let sealed = BASE64URL_NOPAD.decode(cookie(headers, COOKIE_NAME)?.as_bytes()).ok()?;
    let plain = cx.services.vault.open_sealed(ATTEMPT_CONTEXT, &sealed).ok()?;
    serde_json::from_slice(plain.expose()).ok()
}

/// Logins that the provider has vouched for, so that its answer counts once, whatever it makes of its codes.
#[derive(Default)]
struct Answered(Mutex<HashMap<String, Timestamp>>);

impl Answered {
    /// *Errors*: `LoginExpiredException` when the attempt was answered before.
    fn note(&self, attempt: &Attempt, now: Timestamp) -> ApiResult<()> {
        let mut answered = self.0.lock().expect("no code panics while it holds the map");
        answered.retain(|_, until| now < *until);
        match answered.insert(attempt.state.clone(), Timestamp::from_millis(attempt.until_ms)) {
            None => Ok(()),
            Some(_) => Err(ApiError::new("LoginExpiredException", "this answer was used already: begin again")),
        }
    }
}

/// Who came back from the provider.
///
/// *Errors*: `IdentityProviderException`.
async fn person(cx: &Cx, stored: &Stored, attempt: &Attempt, request: &FinishOidcLoginRequest) -> ApiResult<Person> {
    let provider = stored.provider(cx)?;
    if request.issuer.as_ref().is_some_and(|issuer| *issuer != provider.issuer) {
        return Err(unusable("the answer comes from another provider"));
    }
    let cache = cx.services.state::<ProviderCache>();
    let exchange = Exchange {
        code: &request.code,
        redirect_uri: &attempt.redirect_uri,
        verifier: &attempt.verifier,
    };
    let tokens = provider.exchange(&cache, &exchange).await?;
    let expected = Expected {
        issuer: &provider.issuer,
        client_id: &provider.client_id,
        nonce: &attempt.nonce,
        now: cx.now(),
    };
    let known = jwt::verify(&tokens.id_token, &provider.keys(&cache, Wanted::Known).await?, &expected);
    let verdict = match known {
        Err(TokenError::UnknownKey | TokenError::Signature) => {
            jwt::verify(&tokens.id_token, &provider.keys(&cache, Wanted::Newer).await?, &expected)
        }
        known => known,
    };
    let mut claims = verdict.map_err(|e| unusable(&e.to_string()))?;
    cx.services.state::<Answered>().note(attempt, cx.now())?;
    let settings = &stored.settings;
    let lacks = |name: &str| claim(&claims, name).is_none();
    let is_short = lacks(&settings.user_claim) || (!settings.roles.is_empty() && lacks(&settings.groups_claim));
    if let Some(token) = tokens.access_token.filter(|_| is_short)
        && let Some(more) = provider.person(&cache, &token).await?
    {
        // Only of the same person, and nothing of it in the place of what was signed.
        if more.get("sub") != claims.get("sub") {
            return Err(unusable("it tells of somebody else than it vouches for"));
        }
        for (name, value) in more {
            claims.entry(name).or_insert(value);
        }
    }
    Ok(described(settings, &claims))
}

fn described(settings: &Settings, claims: &Claims) -> Person {
    let text = |name: &str| claim(claims, name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let given = |roles: &[GroupRole]| roles_of(roles, &groups(claims, &settings.groups_claim));
    Person {
        subject: text("sub"),
        name: text(&settings.user_claim),
        roles: (!settings.roles.is_empty()).then(|| given(&settings.roles)),
    }
}

/// A claim by its name, or by a path of members written with dots.
fn claim<'c>(claims: &'c Claims, name: &str) -> Option<&'c Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let mut parts = name.split('.');
    let first = claims.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}

fn groups(claims: &Claims, name: &str) -> Vec<String> {
    match claim(claims, name) {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => {
            let texts = several.iter().filter_map(Value::as_str);
            texts.take(MAX_GROUPS).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

/// Sorted, each once.
fn roles_of(given: &[GroupRole], groups: &[String]) -> Vec<String> {
    let mut roles: Vec<String> = given
        .iter()
        .filter(|one| groups.contains(&one.group))
        .map(|one| one.role.clone())
        .collect();
    roles.sort();
    roles.dedup();
    roles
}

/// The user, after what the provider's word changes here was written, with a row in the audit log.
async fn welcome(cx: &Cx, settings: &Settings, person: Person) -> ApiResult<Account> {
    let (of, person) = (settings.clone(), Arc::new(person));
    let asked = person.clone();
    let known = cx.read(move |tx| oidc_people::recognise(tx, &of, &asked)).await?;
    let account = match known {
        Some(account) => Some(account),
        None => {
            let roles = person.roles.clone().unwrap_or_default().join(", ");
            let detail = format!("the provider's `{}` with the roles `{roles}`", person.shown());
            let (asked, of) = (cx.clone(), settings.clone());
            cx.write_saying(detail, move |tx| oidc_people::welcome(tx, &asked, &of, &person))
                .await?
        }
    };
    let account = account.ok_or_else(|| denied("none of your groups at the provider has a role on this hub: ask an admin".into()))?;
    Ok(Account {
        // The password was not what let them in.
        must_change_password: false,
        has_second_factor_elsewhere: settings.is_second_factor,
        ..account
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_become_roles() {
        let claims: Claims = serde_json::from_str(r#"{"groups": ["ops", "dev", 5], "team": "ops", "realm": {"roles": ["root"]}}"#).unwrap();
        let map = [("ops", "operator"), ("dev", "viewer"), ("oncall", "operator"), ("root", "admin")];
        let map: Vec<GroupRole> = map
            .iter()
            .map(|(group, role)| GroupRole {
                group: (*group).into(),
                role: (*role).into(),
            })
            .collect();
        assert_eq!(roles_of(&map, &groups(&claims, "groups")), ["operator", "viewer"]);
        assert_eq!(roles_of(&map, &groups(&claims, "team")), ["operator"]);
        assert_eq!(roles_of(&map, &groups(&claims, "realm.roles")), ["admin"]);
        assert!(roles_of(&map, &groups(&claims, "absent")).is_empty());
    }

    #[test]
    fn an_answer_counts_once() {
        let now = Timestamp::from_millis(1000);
        let attempt = |state: &str| Attempt {
            state: state.into(),
            nonce: String::new(),
            verifier: String::new(),
            redirect_uri: String::new(),
            until_ms: (now + PATIENCE).millis(),
        };
        let answered = Answered::default();
        assert!(answered.note(&attempt("a"), now).is_ok() && answered.note(&attempt("b"), now).is_ok());
        assert_eq!(answered.note(&attempt("a"), now).unwrap_err().code, "LoginExpiredException");
        answered.note(&attempt("c"), now + PATIENCE).unwrap();
        assert_eq!(answered.0.lock().unwrap().len(), 1, "what has expired is forgotten");
    }
}
