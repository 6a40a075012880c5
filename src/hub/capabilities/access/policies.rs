//! Policies: written, read, attached to roles and users, imported from IAM's JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::base::{ApiError, ApiResult, Timestamp, count};
use crate::hub::api::{Cx, Declare, Service, Target, constraint, page};
use crate::hub::capabilities::access::{groups, guard, roles, users};
use crate::hub::store::{Row, Select, StoreError, Tx, Value};
use crate::model::access::{Policy, PolicyError, Words, cedar, iam, roles as built_in};

pub const KIND: &str = "policy";
/// Bytes of one policy's text.
const MAX_BYTES: usize = 64 * 1024;
/// Policies of a hub.
const MAX_POLICIES: i64 = 10_000;
/// So many words that do not exist are named in one refusal.
const MOST_NAMED: usize = 5;
/// Policies of one role or user: all of them are compiled for each caller.
pub const MAX_HELD: i64 = 20;

pub fn operations(api: &mut Declare<'_>) {
    api.write(Service::Roadstead, "PutPolicy", |r: &PutRequest| one(&r.policy_name), put_policy)
        .read(Service::Roadstead, "GetPolicy", |r: &NameRequest| one(&r.policy_name), get_policy)
        .read(
            Service::Roadstead,
            "ListPolicies",
            |_: &ListRequest| Target::Rows(KIND),
            list_policies,
        )
        .write(
            Service::Roadstead,
            "DeletePolicy",
            |r: &NameRequest| one(&r.policy_name),
            delete_policy,
        )
        .write(
            Service::Roadstead,
            "AttachPolicy",
            |r: &AttachRequest| one(&r.policy_name),
            attach_policy,
        )
        .write(
            Service::Roadstead,
            "DetachPolicy",
            |r: &AttachRequest| one(&r.policy_name),
            detach_policy,
        )
        .write(
            Service::Roadstead,
            "ImportPolicy",
            |r: &ImportRequest| one(&r.policy_name),
            import_policy,
        );
}

fn one(name: &str) -> Target {
    Target::Resource(KIND, name.to_owned())
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct PolicyView {
    policy_name: String,
    description: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    updated_by: String,
    attached_to: Vec<Holder>,
}

/// Who has a policy.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "PolicyHolder")]
struct Holder {
    /// `role` or `user`.
    kind: String,
    name: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "PutPolicyRequest")]
struct PutRequest {
    policy_name: String,
    description: Option<String>,
    document: Policy,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct PolicyResult {
    policy: PolicyView,
    document: Policy,
    /// The same as Cedar's text, for tools that read it.
    cedar: String,
    /// What of it is without effect: actions and kinds that only upstream has, or that nobody has any more, and selectors that
    /// nothing can match.
    notes: Vec<Unsupported>,
}

/// Makes a policy or replaces it; whoever has it attached has the new one with their next request.
async fn put_policy(cx: Cx, request: PutRequest) -> ApiResult<PolicyResult> {
    put(cx, &request.policy_name, request.description, request.document).await
}

async fn put(cx: Cx, name: &str, description: Option<String>, document: Policy) -> ApiResult<PolicyResult> {
    cx.require_whole()?;
    roles::check_new_name(name, KIND)?;
    if let Some(description) = &description {
        constraint::at_most(description, "description", 256)?;
    }
    document.check().map_err(|e| ApiError::validation(format!("the policy: {e}")))?;
    let text = serde_json::to_string(&document).map_err(ApiError::internal)?;
    if text.len() > MAX_BYTES {
        return Err(ApiError::validation(format!("a policy has at most {MAX_BYTES} bytes")));
    }
    check_words(&cx.services.words, &document)?;
    let resources = document.statements.iter().flat_map(|s| &s.resources);
    let named: Vec<String> = resources.flat_map(|r| &r.groups).cloned().collect();
    let (name, now, asked) = (name.to_owned(), cx.now(), cx.clone());
    cx.write(move |tx| {
        groups::check_named(tx, &named)?;
        let had_admin = guard::has_admin(tx)?;
        sql::put(tx, &name, description, &text, &asked.caller().name, now)?;
        if tx.count("SELECT count(*) FROM policy", &[])? > MAX_POLICIES {
            return Err(ApiError::new(
                "LimitExceededException",
                format!("a hub has at most {MAX_POLICIES} policies"),
            ));
        }
        guard::keeps_admin(tx, had_admin)?;
        asked.rights_changed(tx)?;
        result(tx, &name, &asked.services.words)
    })
    .await
}

/// *Errors*: `ValidationException` naming actions and kinds that there are nowhere, and selectors that nothing can match, each
/// with its place.
fn check_words(words: &Words, document: &Policy) -> ApiResult<()> {
    let nobodys = words.idle(document).filter(|idle| !idle.is_upstreams).take(MOST_NAMED);
    let said: Vec<String> = nobodys.map(|idle| idle.error.to_string()).collect();
    match said.is_empty() {
        true => Ok(()),
        false => Err(ApiError::validation(format!("the policy: {}", said.join("; ")))),
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "PolicyNameRequest")]
struct NameRequest {
    policy_name: String,
}

async fn get_policy(cx: Cx, request: NameRequest) -> ApiResult<PolicyResult> {
    let services = cx.services.clone();
    cx.read(move |tx| result(tx, &request.policy_name, &services.words)).await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListPoliciesRequest")]
struct ListRequest {
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListPoliciesResult")]
struct ListResult {
    policies: Vec<PolicyView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

async fn list_policies(cx: Cx, request: ListRequest) -> ApiResult<ListResult> {
    let size = page::size(request.max_results, 1, 100, 50)?;
    let after: Option<String> = page::parse(request.next_token.as_deref())?;
    let mut select = Select::new(sql::SELECT).and_condition(&cx.visible(KIND, "policy.name"));
    if let Some(after) = &after {
        select = select.and("policy.name > ?", [after.into()]);
    }
    let select = select.order("policy.name").limit(size + 1);
    cx.read(move |tx| {
        let found = select.rows(tx, sql::from_row)?;
        let (found, next_token) = page::cut(found, size, |(policy, _)| policy.policy_name.clone());
        let policies = found.into_iter().map(|(mut policy, _)| {
            policy.attached_to = sql::holders(tx, &policy.policy_name)?;
            Ok(policy)
        });
        Ok(ListResult {
            policies: policies.collect::<Result<_, StoreError>>()?,
            next_token,
        })
    })
    .await
}

#[derive(Serialize, JsonSchema)]
struct Empty {}

async fn delete_policy(cx: Cx, request: NameRequest) -> ApiResult<Empty> {
    cx.require_whole()?;
    let asked = cx.clone();
    cx.write(move |tx| {
        let name = &request.policy_name;
        require(tx, name)?;
        if let Some(holder) = sql::holders(tx, name)?.first() {
            return Err(ApiError::new(
                "ResourceInUseException",
                format!("policy `{name}` is attached to {} `{}`: detach it first", holder.kind, holder.name),
            ));
        }
        tx.execute("DELETE FROM policy WHERE name = :name", &[(":name", name.into())])?;
        asked.rights_changed(tx)?;
        Ok(Empty {})
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "AttachPolicyRequest")]
struct AttachRequest {
    policy_name: String,
    /// A role of your own; either this or `UserName`.
    role_name: Option<String>,
    user_name: Option<String>,
}

async fn attach_policy(cx: Cx, request: AttachRequest) -> ApiResult<Empty> {
    attachment(cx, request, attach).await
}

async fn detach_policy(cx: Cx, request: AttachRequest) -> ApiResult<Empty> {
    attachment(cx, request, detach).await
}

type Change = fn(&Tx<'_>, &str, &str, &str) -> ApiResult<()>;

fn attach(tx: &Tx<'_>, kind: &str, holder: &str, policy: &str) -> ApiResult<()> {
    sql::attach(tx, kind, holder, policy)?;
    if sql::held(tx, kind, holder)? > MAX_HELD {
        return Err(ApiError::new(
            "LimitExceededException",
            format!("a role or user has at most {MAX_HELD} policies"),
        ));
    }
    Ok(())
}

fn detach(tx: &Tx<'_>, kind: &str, holder: &str, policy: &str) -> ApiResult<()> {
    Ok(sql::detach(tx, kind, holder, policy)?)
}

async fn attachment(cx: Cx, request: AttachRequest, change: Change) -> ApiResult<Empty> {
    cx.require_whole()?;
    let asked = cx.clone();
    cx.write(move |tx| {
        require(tx, &request.policy_name)?;
        let had_admin = guard::has_admin(tx)?;
        let (kind, holder) = match (&request.role_name, &request.user_name) {
            (Some(role), None) => {
                roles::require_own(tx, role)?;
                ("role", role)
            }
            (None, Some(user)) => {
                users::require(tx, user)?;
                guard::may_change(tx, &asked, user)?;
                ("user", user)
            }
            _ => return Err(ApiError::validation("give either `RoleName` or `UserName`")),
        };
        change(tx, kind, holder, &request.policy_name)?;
        guard::keeps_admin(tx, had_admin)?;
        asked.rights_changed(tx)?;
        Ok(Empty {})
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ImportPolicyRequest")]
struct ImportRequest {
    policy_name: String,
    description: Option<String>,
    /// An IAM policy, as JSON or as the text of one.
    document: Json,
    /// Only say what it would become.
    #[serde(default)]
    dry_run: bool,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ImportPolicyResult")]
struct ImportResult {
    document: Policy,
    /// What could not be translated, each with its place. Nothing is stored while there is any.
    unsupported: Vec<Unsupported>,
    /// What was left out because it means nothing here, or is worth knowing.
    notes: Vec<Unsupported>,
    stored: bool,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "UnsupportedElement")]
struct Unsupported {
    place: String,
    problem: String,
}

/// A policy of which a part was left out could allow more than its author meant: either all of it is translated, or none of
/// it is stored.
async fn import_policy(cx: Cx, request: ImportRequest) -> ApiResult<ImportResult> {
    roles::check_new_name(&request.policy_name, KIND)?;
    let imported = iam::import(&request.document, &cx.services.words).map_err(|e| ApiError::validation(format!("the IAM policy: {e}")))?;
    let problems = imported.unsupported;
    if !request.dry_run {
        if let [first, rest @ ..] = problems.as_slice() {
            let more = if rest.is_empty() {
                String::new()
            } else {
                format!(", and {}", count(rest.len() as u64, "more place"))
            };
            let words = format!("the IAM policy cannot be translated whole: {first}{more}; `DryRun` lists them all");
            return Err(ApiError::validation(words));
        }
        put(cx, &request.policy_name, request.description, imported.policy.clone()).await?;
    }
    Ok(ImportResult {
        document: imported.policy,
        stored: !request.dry_run,
        unsupported: problems.into_iter().map(Into::into).collect(),
        notes: imported.notes.into_iter().map(Into::into).collect(),
    })
}

impl From<PolicyError> for Unsupported {
    fn from(error: PolicyError) -> Self {
        Self {
            place: error.place,
            problem: error.problem,
        }
    }
}

/// *Errors*: `ResourceNotFoundException`.
pub fn require(tx: &Tx<'_>, name: &str) -> ApiResult<()> {
    if tx.count("SELECT count(*) FROM policy WHERE name = :name", &[(":name", name.into())])? > 0 {
        return Ok(());
    }
    let shown: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
    let words = match built_in::BUILT_IN.contains(&name) {
        true => format!("there is no policy `{shown}`: it is a built-in role, and `roadstead role show {shown}` prints what it says"),
        false => format!("there is no policy `{shown}`"),
    };
    Err(ApiError::new("ResourceNotFoundException", words))
}

fn result(tx: &Tx<'_>, name: &str, words: &Words) -> ApiResult<PolicyResult> {
    require(tx, name)?;
    let select = Select::new(sql::SELECT).and("policy.name = ?", [Value::from(name)]);
    let found = select.rows(tx, sql::from_row)?.pop();
    let (mut policy, document) = found.ok_or_else(|| ApiError::internal("a policy that was just there"))?;
    policy.attached_to = sql::holders(tx, name)?;
    Ok(PolicyResult {
        cedar: cedar::text(name, &document),
        notes: words.idle(&document).map(|idle| idle.error.into()).collect(),
        policy,
        document,
    })
}

mod sql {
    use super::*;

    pub const SELECT: &str = "SELECT policy.name, policy.description, policy.document, policy.created_at, policy.updated_at,
        policy.updated_by FROM policy";

    pub fn from_row(row: &Row<'_>) -> Result<(PolicyView, Policy), StoreError> {
        let view = PolicyView {
            policy_name: row.get("name")?,
            description: row.get("description")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            updated_by: row.get("updated_by")?,
            attached_to: Vec::new(),
        };
        Ok((view, row.json("document")?))
    }

    pub fn put(tx: &Tx<'_>, name: &str, description: Option<String>, document: &str, by: &str, now: Timestamp) -> Result<(), StoreError> {
        let params = [
            (":name", name.into()),
            (":description", description.into()),
            (":document", document.into()),
            (":now", now.into()),
            (":by", by.into()),
        ];
        tx.execute(
            "INSERT INTO policy (name, description, document, created_at, updated_at, updated_by)
             VALUES (:name, coalesce(:description, ''), :document, :now, :now, :by)
             ON CONFLICT (name) DO UPDATE SET description = coalesce(:description, policy.description),
                document = excluded.document, updated_at = excluded.updated_at, updated_by = excluded.updated_by",
            &params,
        )
        .map(|_| ())
    }

    pub fn holders(tx: &Tx<'_>, policy: &str) -> Result<Vec<Holder>, StoreError> {
        let sql = "SELECT holder_kind, holder FROM policy_attachment WHERE policy_name = :policy ORDER BY holder_kind, holder";
        tx.rows(sql, &[(":policy", policy.into())], |row| {
            Ok(Holder {
                kind: row.get("holder_kind")?,
                name: row.get("holder")?,
            })
        })
    }

    pub fn held(tx: &Tx<'_>, kind: &str, holder: &str) -> Result<i64, StoreError> {
        let sql = "SELECT count(*) FROM policy_attachment WHERE holder_kind = :kind AND holder = :holder";
        tx.count(sql, &[(":kind", kind.into()), (":holder", holder.into())])
    }

    pub fn attach(tx: &Tx<'_>, kind: &str, holder: &str, policy: &str) -> Result<(), StoreError> {
        let params = [(":kind", kind.into()), (":holder", holder.into()), (":policy", policy.into())];
        tx.execute(
            "INSERT INTO policy_attachment (holder_kind, holder, policy_name) VALUES (:kind, :holder, :policy)
             ON CONFLICT (holder_kind, holder, policy_name) DO NOTHING",
            &params,
        )
        .map(|_| ())
    }

    pub fn detach(tx: &Tx<'_>, kind: &str, holder: &str, policy: &str) -> Result<(), StoreError> {
        let params = [(":kind", kind.into()), (":holder", holder.into()), (":policy", policy.into())];
        tx.execute(
            "DELETE FROM policy_attachment WHERE holder_kind = :kind AND holder = :holder AND policy_name = :policy",
            &params,
        )
        .map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use crate::hub::auth::facts::tag_kind;
    use crate::model::access::kinds::{HERE, carries_tags};

    #[test]
    fn a_policy_may_select_by_tags_what_the_hub_can_tag() {
        for kind in HERE {
            assert_eq!(carries_tags(kind), tag_kind(kind).is_some(), "{kind}");
        }
    }
}
