//! A fresh proof of who is there: for shells and root where a rule asks for it, and for changes of one's own factors.

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult, Secret, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target};
use crate::hub::audit::Outcome;
use crate::hub::auth::accounts::{self, LoginRule};
use crate::hub::auth::backoff::Source;
use crate::hub::auth::console::ConsoleSessions;
use crate::hub::auth::{AccessKeys, Proof, factors};
use crate::hub::capabilities::access::passkeys::{self, PasskeyProof};
use crate::hub::capabilities::access::{passwords, roles, users};
use crate::hub::store::Condition;

/// How long a fresh proof counts.
const VALID: Duration = Duration::from_secs(10 * 60);

pub fn operations(api: &mut Declare<'_>) {
    api.own(Service::Roadstead, "StepUp", step_up)
        .read(
            Service::Roadstead,
            "ListLoginRules",
            |_: &Empty| Target::Rows("role"),
            list_login_rules,
        )
        .write(
            Service::Roadstead,
            "PutLoginRule",
            |r: &PutRuleRequest| Target::Resource("role", r.role.clone()),
            put_login_rule,
        );
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Empty {}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct StepUpRequest {
    /// For a user without a second factor.
    password: Option<String>,
    /// Of the code generator.
    code: Option<String>,
    passkey: Option<PasskeyProof>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct SteppedUp {
    stepped_up_until: Timestamp,
}

/// Proves the caller anew, for this login session or this access key.
async fn step_up(cx: Cx, request: StepUpRequest) -> ApiResult<SteppedUp> {
    let id = match &cx.caller().proof {
        Proof::Session(id) | Proof::AccessKey(id) => id.clone(),
        _ => {
            return Err(ApiError::new(
                "AccessDeniedException",
                "only a login of the console or an access key proves itself anew",
            ));
        }
    };
    let name = cx.caller().name.clone();
    let user = name.clone();
    let has_factor = cx.read(move |tx| Ok(factors::of(tx, &user)?.is_any())).await?;
    match (request.code, request.password) {
        _ if request.passkey.is_some() => prove_by_passkey(&cx, &name, request.passkey).await?,
        (Some(code), _) if has_factor => prove_by_code(&cx, code).await?,
        (_, Some(password)) if !has_factor => passwords::prove(&cx, &name, &id, Secret::new(password)).await?,
        _ if has_factor => return Err(ApiError::validation("give `Code` or `Passkey`: you have a second factor")),
        _ => return Err(ApiError::validation("give `Password`: you have no second factor")),
    }
    let (until, proof) = (cx.now() + VALID, cx.caller().proof.clone());
    cx.write(move |tx| {
        match proof {
            Proof::Session(id) => ConsoleSessions::step_up(tx, &id, until)?,
            _ => AccessKeys::step_up(tx, &id, until)?,
        }
        Ok(SteppedUp { stepped_up_until: until })
    })
    .await
}

async fn prove_by_passkey(cx: &Cx, name: &str, proof: Option<PasskeyProof>) -> ApiResult<()> {
    let proof = proof.ok_or_else(|| ApiError::validation("give `Passkey`"))?;
    match passkeys::prove(cx, proof).await? == name {
        true => Ok(()),
        false => Err(ApiError::new("InvalidCredentialsException", "this passkey is another user's")),
    }
}

/// The caller's current code; wrong ones slow this session or key down, and nobody else.
pub async fn prove_by_code(cx: &Cx, code: String) -> ApiResult<()> {
    let (Proof::Session(id) | Proof::AccessKey(id)) = &cx.caller().proof else {
        return Err(ApiError::new(
            "AccessDeniedException",
            "a code comes with a login of the console or an access key",
        ));
    };
    let name = cx.caller().name.clone();
    let source = Source {
        user: name.clone(),
        address: cx.request().address.clone(),
        device: Some(id.as_bytes().to_vec()),
    };
    cx.services.backoff.admit(&source, Instant::now())?;
    let (services, now) = (cx.services.clone(), cx.now());
    let is_right = cx
        .services
        .write(move |tx| factors::use_totp(tx, services.keys.vault(), &name, &code, now));
    if is_right.await? {
        cx.services.backoff.succeeded(&source);
        return Ok(());
    }
    cx.services.backoff.failed(&source, Instant::now());
    cx.audit(Outcome::Denied, "wrong code".into()).await?;
    Err(factors::wrong_code())
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct RulesResult {
    login_rules: Vec<RuleView>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct RuleView {
    /// `*` stands for every role.
    role: String,
    require_second_factor: bool,
    require_recovery_codes: bool,
    step_up_for_shell: bool,
    step_up_for_root: bool,
}

async fn list_login_rules(cx: Cx, _request: Empty) -> ApiResult<RulesResult> {
    let everybody = Condition::OneOf("login_rule.role", vec![accounts::EVERY_ROLE.into()]);
    let visible = Condition::any([cx.visible(roles::KIND, "login_rule.role"), everybody]);
    let rules = cx.read(move |tx| Ok(accounts::rules(tx, &visible)?)).await?;
    let login_rules = rules.into_iter().map(|(role, rule)| RuleView {
        role,
        require_second_factor: rule.require_second_factor,
        require_recovery_codes: rule.require_recovery_codes,
        step_up_for_shell: rule.step_up_for_shell,
        step_up_for_root: rule.step_up_for_root,
    });
    Ok(RulesResult {
        login_rules: login_rules.collect(),
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct PutRuleRequest {
    /// `*` stands for every role.
    role: String,
    #[serde(default)]
    require_second_factor: bool,
    /// Whoever has a second factor has recovery codes left, too.
    #[serde(default)]
    require_recovery_codes: bool,
    #[serde(default)]
    step_up_for_shell: bool,
    #[serde(default)]
    step_up_for_root: bool,
}

/// Says what the logins of a role's users must bring; what is left out is not asked for.
async fn put_login_rule(cx: Cx, request: PutRuleRequest) -> ApiResult<Empty> {
    let is_name = (1..=128).contains(&request.role.len()) && request.role.bytes().all(|b| b.is_ascii_graphic());
    if !is_name {
        return Err(ApiError::validation("`Role` is the name of a role, or `*` for every role"));
    }
    cx.require_whole()?;
    let rule = LoginRule {
        require_second_factor: request.require_second_factor,
        require_recovery_codes: request.require_recovery_codes,
        step_up_for_shell: request.step_up_for_shell,
        step_up_for_root: request.step_up_for_root,
    };
    let detail = format!(
        "second factor {}, recovery codes {}, step-up for shell {}, step-up for root {}",
        rule.require_second_factor, rule.require_recovery_codes, rule.step_up_for_shell, rule.step_up_for_root
    );
    cx.write_saying(detail, move |tx| {
        if request.role != accounts::EVERY_ROLE && !users::is_role(tx, &request.role)? {
            return Err(ApiError::validation(format!(
                "there is no role `{}`: `*` stands for every role",
                request.role
            )));
        }
        accounts::set_rule(tx, &request.role, rule)?;
        Ok(Empty {})
    })
    .await
}
