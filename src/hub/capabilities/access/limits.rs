//! Limits of one command: how many nodes at most, above how many the number must be typed, above how many a second person
//! must approve. Set for a user, a role, or everybody.
//!
//! A user's own limit stands for all others. Without one the strictest of their roles' limits counts, member by member, and
//! without any of those the default. The hub's own shell has none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult, count};
use crate::hub::api::{Cx, Declare, Service, Target};
use crate::hub::auth::{Caller, Proof, rights};
use crate::hub::capabilities::access::{guard, users};
use crate::hub::store::{Column, Select, StoreError, Tx};
use crate::model::filter::Filter;

const KIND: &str = "limits";

/// All keys that a filter may use, for messages.
const FILTER_KEYS: &str = "holder, holder_name, text";

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Roadstead,
        "GetLimits",
        // Without a name it is the caller's own.
        |r: &GetRequest| Target::Resource(users::KIND, r.user_name.clone().unwrap_or_default()),
        get_limits,
    )
    .read(Service::Roadstead, "ListLimits", |_: &ListRequest| Target::Rows(KIND), list_limits)
    .write(
        Service::Roadstead,
        "PutLimits",
        |r: &PutRequest| Target::Resource(KIND, r.holder_name.clone().unwrap_or_default()),
        put_limits,
    );
}

/// An absent member is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Limits {
    /// Nodes of one command at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_targets: Option<u32>,
    /// Above so many nodes the caller must say the number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_above: Option<u32>,
    /// Above so many nodes a second person must approve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approve_above: Option<u32>,
}

impl Limits {
    /// Member by member the smaller of both.
    fn stricter(self, other: Self) -> Self {
        let smaller = |a: Option<u32>, b: Option<u32>| match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (one, other) => one.or(other),
        };
        Self {
            max_targets: smaller(self.max_targets, other.max_targets),
            confirm_above: smaller(self.confirm_above, other.confirm_above),
            approve_above: smaller(self.approve_above, other.approve_above),
        }
    }
}

/// What counts for a caller.
pub fn of_caller(tx: &Tx<'_>, caller: &Caller) -> Result<Limits, StoreError> {
    match caller.proof {
        Proof::Local => Ok(Limits::default()),
        _ => of_user(tx, &caller.name, &caller.rights.roles),
    }
}

fn of_user(tx: &Tx<'_>, name: &str, roles: &[String]) -> Result<Limits, StoreError> {
    if let Some(own) = sql::find(tx, Holder::User, name)? {
        return Ok(own);
    }
    let mut found: Option<Limits> = None;
    for role in roles {
        if let Some(limits) = sql::find(tx, Holder::Role, role)? {
            found = Some(found.map_or(limits, |before| before.stricter(limits)));
        }
    }
    match found {
        Some(limits) => Ok(limits),
        None => Ok(sql::find(tx, Holder::Default, "")?.unwrap_or_default()),
    }
}

/// Whether a command for so many nodes may be sent now; `true` when a second person must approve it first.
///
/// *Errors*: `TargetLimitExceededException`, `ConfirmationRequiredException` with the number to say.
pub fn check(tx: &Tx<'_>, caller: &Caller, nodes: usize, confirmed: Option<u32>) -> ApiResult<bool> {
    let limits = of_caller(tx, caller)?;
    let exceeds = |limit: Option<u32>| limit.filter(|limit| nodes > *limit as usize);
    if let Some(most) = exceeds(limits.max_targets) {
        return Err(ApiError::new(
            "TargetLimitExceededException",
            format!(
                "the command would reach {}; `{}` may reach {most} at once",
                count(nodes as u64, "node"),
                caller.name
            ),
        ));
    }
    if exceeds(limits.confirm_above).is_some() && confirmed.map(|n| n as usize) != Some(nodes) {
        return Err(ApiError::new(
            "ConfirmationRequiredException",
            format!(
                "the command would reach {}: confirm it with `ConfirmedTargets` {nodes}, or the header `X-Roadstead-Confirm: {nodes}`",
                count(nodes as u64, "node")
            ),
        ));
    }
    Ok(exceeds(limits.approve_above).is_some())
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GetLimitsRequest")]
struct GetRequest {
    user_name: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GetLimitsResult")]
struct GetResult {
    /// What counts for the user.
    limits: Limits,
}

async fn get_limits(cx: Cx, request: GetRequest) -> ApiResult<GetResult> {
    let caller = cx.caller().clone();
    cx.read(move |tx| {
        let limits = match request.user_name.filter(|name| *name != caller.name) {
            None => of_caller(tx, &caller)?,
            Some(name) => {
                users::require(tx, &name)?;
                of_user(tx, &name, &rights::sql::roles(tx, &name)?)?
            }
        };
        Ok(GetResult { limits })
    })
    .await
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "LimitHolder")]
enum Holder {
    Default,
    Role,
    User,
}

impl Holder {
    fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Role => "role",
            Self::User => "user",
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListLimitsRequest")]
struct ListRequest {
    #[serde(default)]
    filter: Filter,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListLimitsResult")]
struct ListResult {
    limits: Vec<HeldLimits>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct HeldLimits {
    holder: String,
    holder_name: String,
    limits: Limits,
}

/// All that are set: no more than there are users and roles with one.
///
/// *Errors*: `ValidationException` for a key that they do not have.
async fn list_limits(cx: Cx, request: ListRequest) -> ApiResult<ListResult> {
    request.filter.check().map_err(|e| ApiError::validation(e.to_string()))?;
    let select = Select::new(sql::LIST)
        .and_condition(&cx.visible(KIND, "rights_limit.holder"))
        .and_filter(&request.filter, column)
        .map_err(|key| ApiError::validation(format!("`{key}` is not a filter key of limits: use {FILTER_KEYS}")))?
        .order("rights_limit.holder_kind, rights_limit.holder");
    let limits = cx.read(move |tx| Ok(select.rows(tx, sql::held)?)).await?;
    Ok(ListResult { limits })
}

fn column(key: &str) -> Option<Column> {
    Some(Column::plain(match key {
        "holder" => "rights_limit.holder_kind",
        "holder_name" => "rights_limit.holder",
        "text" => "rights_limit.holder_kind || ' ' || rights_limit.holder",
        _ => return None,
    }))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "PutLimitsRequest")]
struct PutRequest {
    holder: Holder,
    /// The role's or user's name; none for the default.
    holder_name: Option<String>,
    /// Replaces what was set; all absent takes it away.
    limits: Limits,
}

#[derive(Serialize, JsonSchema)]
struct Empty {}

async fn put_limits(cx: Cx, request: PutRequest) -> ApiResult<Empty> {
    cx.require_whole()?;
    let asked = cx.clone();
    cx.write(move |tx| {
        let name = request.holder_name.unwrap_or_default();
        match request.holder {
            Holder::Default if name.is_empty() => {}
            Holder::Default => return Err(ApiError::validation("the default has no `HolderName`")),
            Holder::User => {
                users::require(tx, &name)?;
                guard::may_change(tx, &asked, &name)?;
            }
            Holder::Role if users::is_role(tx, &name)? => {}
            Holder::Role => {
                let shown: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
                return Err(ApiError::new("ResourceNotFoundException", format!("there is no role `{shown}`")));
            }
        }
        sql::put(tx, request.holder, &name, request.limits)?;
        Ok(Empty {})
    })
    .await
}

mod sql {
    use super::*;
    use crate::hub::store::Row;

    fn from_row(row: &Row<'_>) -> Result<Limits, StoreError> {
        Ok(Limits {
            max_targets: row.get("max_targets")?,
            confirm_above: row.get("confirm_above")?,
            approve_above: row.get("approve_above")?,
        })
    }

    pub fn find(tx: &Tx<'_>, holder: Holder, name: &str) -> Result<Option<Limits>, StoreError> {
        let sql = "SELECT max_targets, confirm_above, approve_above FROM rights_limit WHERE holder_kind = :kind AND holder = :name";
        tx.row(sql, &[(":kind", holder.as_str().into()), (":name", name.into())], from_row)
    }

    pub const LIST: &str = "SELECT holder_kind, holder, max_targets, confirm_above, approve_above FROM rights_limit";

    pub fn held(row: &Row<'_>) -> Result<HeldLimits, StoreError> {
        Ok(HeldLimits {
            holder: row.get("holder_kind")?,
            holder_name: row.get("holder")?,
            limits: from_row(row)?,
        })
    }

    pub fn put(tx: &Tx<'_>, holder: Holder, name: &str, limits: Limits) -> Result<(), StoreError> {
        let key = [(":kind", holder.as_str().into()), (":name", name.into())];
        tx.execute("DELETE FROM rights_limit WHERE holder_kind = :kind AND holder = :name", &key)?;
        if limits == Limits::default() {
            return Ok(());
        }
        let params = [
            (":kind", holder.as_str().into()),
            (":name", name.into()),
            (":max", limits.max_targets.into()),
            (":confirm", limits.confirm_above.into()),
            (":approve", limits.approve_above.into()),
        ];
        tx.execute(
            "INSERT INTO rights_limit (holder_kind, holder, max_targets, confirm_above, approve_above)
             VALUES (:kind, :name, :max, :confirm, :approve)",
            &params,
        )
        .map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stricter_of_two_limits_counts_member_by_member() {
        let one = Limits {
            max_targets: Some(10),
            confirm_above: None,
            approve_above: Some(5),
        };
        let other = Limits {
            max_targets: Some(20),
            confirm_above: Some(3),
            approve_above: None,
        };
        let both = Limits {
            max_targets: Some(10),
            confirm_above: Some(3),
            approve_above: Some(5),
        };
        assert_eq!(one.stricter(other), both);
        assert_eq!(other.stricter(one), both);
    }
}
