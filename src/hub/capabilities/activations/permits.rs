//! The activation's row and upstream's operations on it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::id::{ActivationId, NodeId, random_hex};
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::constraint::Violations;
use crate::hub::api::{Cx, Declare, Service, Target, constraint, page};
use crate::hub::auth::Caller;
use crate::hub::labels::{self, Kind, Tag, form};
use crate::hub::store::blobs::hash;
use crate::hub::store::{Condition, Row, Select, StoreError, Tx, Value};
use crate::model::access::Thing;
use crate::model::access::kinds::NODE;

pub const KIND: &str = "activation";

/// Upstream's default life of an activation.
pub const DEFAULT_LIFE: Duration = Duration::from_secs(24 * 3600);
/// Upstream's longest.
const LONGEST_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);
/// Differs: upstream stops at 1,000; a fleet of ours may be larger and costs nothing.
pub const MAX_REGISTRATIONS: i64 = 1_000_000;

pub fn operations(api: &mut Declare<'_>) {
    api.write(Service::Ssm, "CreateActivation", |_: &CreateRequest| Target::Hub, create_activation)
        .read(
            Service::Ssm,
            "DescribeActivations",
            |_: &DescribeRequest| Target::Rows(KIND),
            describe_activations,
        )
        .write(
            Service::Ssm,
            "DeleteActivation",
            |r: &DeleteRequest| Target::Resource(KIND, r.activation_id.clone()),
            delete_activation,
        );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct CreateRequest {
    #[serde(default)]
    description: String,
    default_instance_name: Option<String>,
    iam_role: String,
    registration_limit: Option<i64>,
    expiration_date: Option<Timestamp>,
    #[serde(default)]
    tags: Vec<Tag>,
    /// Upstream keeps it for itself: judged, and then forgotten.
    #[serde(default)]
    registration_metadata: Vec<Metadata>,
    /// Ours: who joins by it waits until somebody approves.
    #[serde(default)]
    needs_approval: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    key: Option<String>,
    value: Option<String>,
}

impl CreateRequest {
    /// *Errors*: `ValidationException`.
    fn check(&self) -> ApiResult<()> {
        let mut broken = Violations::default();
        broken.length(Some(&self.iam_role), "iamRole", 0..=64);
        broken.length(Some(&self.description), "description", 0..=256);
        for (number, Metadata { key, value }) in (1..).zip(&self.registration_metadata) {
            for (word, text, most) in [("key", key, 128), ("value", value, 2048)] {
                let member = format!("registrationMetadata.{number}.member.{word}");
                broken.required(text.as_ref(), &member);
                broken.length(text.as_ref(), &member, 1..=most);
                if let Some(blank) = text.as_ref().filter(|text| text.trim().is_empty()) {
                    broken.add(blank, &member, r"satisfy regular expression pattern: ^(?!\s*$).+");
                }
            }
        }
        broken.check()
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct CreateResult {
    activation_id: ActivationId,
    activation_code: String,
}

async fn create_activation(cx: Cx, request: CreateRequest) -> ApiResult<CreateResult> {
    request.check()?;
    let now = cx.now();
    let expires_at = request.expiration_date.unwrap_or(now + DEFAULT_LIFE);
    if expires_at <= now || expires_at > now + LONGEST_LIFE {
        return Err(ApiError::new(
            "InvalidParameters",
            "the expiration date must lie in the future, at most 30 days from now",
        ));
    }
    let permit = NewPermit {
        default_name: request.default_instance_name.filter(|n| !n.is_empty()),
        description: request.description,
        iam_role: request.iam_role,
        registration_limit: request.registration_limit.unwrap_or(1),
        expires_at,
        tags: request.tags,
        needs_approval: request.needs_approval,
        twin_of: None,
    };
    let (activation_id, activation_code) = create(&cx, permit).await?;
    Ok(CreateResult {
        activation_id,
        activation_code,
    })
}

/// What an activation allows.
pub struct NewPermit {
    pub default_name: Option<String>,
    pub description: String,
    pub iam_role: String,
    pub registration_limit: i64,
    pub expires_at: Timestamp,
    pub tags: Vec<Tag>,
    /// A person decides on each join.
    pub needs_approval: bool,
    /// The node whose copy joins by it, to be a node of its own.
    pub twin_of: Option<NodeId>,
}

/// Makes an activation; its code is shown this once.
pub async fn create(cx: &Cx, permit: NewPermit) -> ApiResult<(ActivationId, String)> {
    if !(1..=MAX_REGISTRATIONS).contains(&permit.registration_limit) {
        let value = permit.registration_limit.to_string();
        return Err(constraint::violated(
            &value,
            "registrationLimit",
            &format!("have value between 1 and {MAX_REGISTRATIONS}"),
        ));
    }
    if let Some(name) = &permit.default_name {
        constraint::at_most(name, "defaultInstanceName", 256)?;
        if !form::has_form(name) {
            let must = r"satisfy regular expression pattern: ^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$";
            return Err(constraint::violated(name, "defaultInstanceName", must));
        }
    }
    labels::check(&permit.tags)?;
    let (id, code) = (ActivationId::random(), random_hex(40));
    let (now, by, made, secret) = (cx.now(), cx.caller().name.clone(), id.clone(), hash(code.as_bytes()));
    check_scope(cx.caller(), &permit.tags)?;
    cx.write(move |tx| {
        sql::insert(tx, &made, &secret, &permit, &by, now)?;
        labels::add(tx, Kind::Activation, made.as_str(), &permit.tags)
    })
    .await?;
    Ok((id, code))
}

/// A caller with a scope brings only nodes into the fleet that lie inside it.
///
/// *Errors*: `AccessDeniedException`.
fn check_scope(caller: &Caller, tags: &[Tag]) -> ApiResult<()> {
    let coming = Thing {
        kind: NODE.into(),
        tags: tags.iter().map(|t| (t.key.clone(), t.value.clone())).collect(),
        ..Thing::default()
    };
    if caller.rights.grants.in_scope(&coming) {
        return Ok(());
    }
    Err(ApiError::new(
        "AccessDeniedException",
        "nodes with these tags would lie outside your scope: give the activation the tags that your scope names",
    ))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DescribeRequest {
    #[serde(default)]
    filters: Vec<Filter>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    filter_key: String,
    #[serde(default)]
    filter_values: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DescribeResult {
    activation_list: Vec<Activation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// *Source*: `Activation` of the service model.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct Activation {
    activation_id: ActivationId,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_instance_name: Option<String>,
    iam_role: String,
    registration_limit: i64,
    registrations_count: i64,
    expiration_date: Timestamp,
    expired: bool,
    created_date: Timestamp,
    tags: Vec<Tag>,
    /// Ours, and only there when it is so: who joins by it waits until somebody approves.
    #[serde(skip_serializing_if = "Option::is_none")]
    needs_approval: Option<bool>,
}

async fn describe_activations(cx: Cx, request: DescribeRequest) -> ApiResult<DescribeResult> {
    let size = page::size(request.max_results, 1, 50, 50)?;
    let after: Option<(i64, ActivationId)> = page::parse(request.next_token.as_deref())?;
    let mut select = Select::new(sql::SELECT).and_condition(&cx.visible(KIND, "activation.id"));
    for filter in &request.filters {
        let column = match filter.filter_key.as_str() {
            "ActivationIds" => "id",
            "DefaultInstanceName" => "coalesce(default_name, '')",
            "IamRole" => "iam_role",
            other => {
                return Err(ApiError::new(
                    "InvalidFilter",
                    format!("`{other}` is not a filter key: use ActivationIds, DefaultInstanceName or IamRole"),
                ));
            }
        };
        select = select.and_in(column, filter.filter_values.iter().map(Value::from));
    }
    if let Some((at, id)) = &after {
        select = select.and("(created_at, id) < (?, ?)", [(*at).into(), id.into()]);
    }
    let select = select.order("created_at DESC, id DESC").limit(size + 1);
    let now = cx.now();
    cx.read(move |tx| {
        let found = select.rows(tx, |row| activation(row, now))?;
        let (mut found, next_token) = page::cut(found, size, |a| (a.created_date.millis(), a.activation_id.clone()));
        let mut tags = labels::of_many(tx, Kind::Activation, found.iter().map(|a| a.activation_id.to_string()))?;
        for one in &mut found {
            one.tags = tags.remove(one.activation_id.as_str()).unwrap_or_default();
        }
        Ok(DescribeResult {
            activation_list: found,
            next_token,
        })
    })
    .await
}

fn activation(row: &Row<'_>, now: Timestamp) -> Result<Activation, StoreError> {
    let expiration_date: Timestamp = row.get("expires_at")?;
    Ok(Activation {
        activation_id: row.get("id")?,
        description: row.get("description")?,
        default_instance_name: row.get("default_name")?,
        iam_role: row.get("iam_role")?,
        registration_limit: row.get("registration_limit")?,
        registrations_count: row.get("registrations")?,
        expiration_date,
        expired: expiration_date <= now,
        created_date: row.get("created_at")?,
        tags: Vec::new(),
        needs_approval: row.get::<bool>("needs_approval")?.then_some(true),
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DeleteRequest {
    activation_id: String,
}

#[derive(Serialize, JsonSchema)]
struct Empty {}

/// Revokes it: nobody joins with it any more; who has joined stays.
async fn delete_activation(cx: Cx, request: DeleteRequest) -> ApiResult<Empty> {
    let id: ActivationId = request
        .activation_id
        .parse()
        .map_err(|e| ApiError::new("InvalidActivationId", format!("{e}")))?;
    cx.write(move |tx| {
        labels::remove_all(tx, Kind::Activation, id.as_str())?;
        if tx.execute("DELETE FROM activation WHERE id = :id", &[(":id", (&id).into())])? == 0 {
            return Err(ApiError::new("InvalidActivation", format!("there is no activation `{id}`")));
        }
        Ok(Empty {})
    })
    .await
}

/// How many joins are still possible, over all activations that the caller may see.
pub fn count_open(tx: &Tx<'_>, visible: &Condition, now: Timestamp) -> Result<i64, StoreError> {
    Select::new("SELECT count(*) FROM activation")
        .and("expires_at > ?", [now.into()])
        .and("registrations < registration_limit", [])
        .and_condition(visible)
        .count(tx)
}

/// What enrolment reads of an activation.
pub struct Permit {
    pub code_hash: Vec<u8>,
    pub default_name: Option<String>,
    pub iam_role: String,
    pub registration_limit: i64,
    pub registrations: i64,
    pub expires_at: Timestamp,
    pub needs_approval: bool,
    pub twin_of: Option<NodeId>,
}

pub mod sql {
    use super::*;

    pub const SELECT: &str = "SELECT id, description, default_name, iam_role, registration_limit, registrations, expires_at, created_at,
         needs_approval FROM activation";

    pub fn insert(
        tx: &Tx<'_>,
        id: &ActivationId,
        code_hash: &[u8],
        permit: &NewPermit,
        by: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let params = [
            (":id", id.into()),
            (":code_hash", code_hash.into()),
            (":default_name", permit.default_name.clone().into()),
            (":description", (&permit.description).into()),
            (":iam_role", (&permit.iam_role).into()),
            (":registration_limit", permit.registration_limit.into()),
            (":created_by", by.into()),
            (":now", now.into()),
            (":expires_at", permit.expires_at.into()),
            (":needs_approval", permit.needs_approval.into()),
            (":twin_of", permit.twin_of.as_ref().map(Value::from).into()),
        ];
        tx.execute(
            "INSERT INTO activation (id, code_hash, default_name, description, iam_role, registration_limit, registrations, created_by, created_at, expires_at,
                 needs_approval, twin_of)
             VALUES (:id, :code_hash, :default_name, :description, :iam_role, :registration_limit, 0, :created_by, :now, :expires_at,
                 :needs_approval, :twin_of)",
            &params,
        )
        .map(|_| ())
    }

    pub fn find(tx: &Tx<'_>, id: &ActivationId) -> Result<Option<Permit>, StoreError> {
        let sql = "SELECT code_hash, default_name, iam_role, registration_limit, registrations, expires_at, needs_approval, twin_of
                   FROM activation WHERE id = :id";
        tx.row(sql, &[(":id", id.into())], |row| {
            Ok(Permit {
                code_hash: row.get("code_hash")?,
                default_name: row.get("default_name")?,
                iam_role: row.get("iam_role")?,
                registration_limit: row.get("registration_limit")?,
                registrations: row.get("registrations")?,
                expires_at: row.get("expires_at")?,
                needs_approval: row.get("needs_approval")?,
                twin_of: row.get("twin_of")?,
            })
        })
    }

    pub fn count_registration(tx: &Tx<'_>, id: &ActivationId) -> Result<(), StoreError> {
        tx.execute(
            "UPDATE activation SET registrations = registrations + 1 WHERE id = :id",
            &[(":id", id.into())],
        )
        .map(|_| ())
    }
}
