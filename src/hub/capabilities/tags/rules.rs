//! Which tags there must be and which values they may have: `PutTagRule`, `ListTagRules`, `DeleteTagRule`.
//!
//! A rule tells; it does not refuse. A resource whose tags break it goes on, and is shown: by [`super::editor`] one by one, by
//! [`super::compliance`] as upstream counts them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult};
use crate::hub::api::constraint::{self, Violations};
use crate::hub::api::{Cx, Declare, Service, Target};
use crate::hub::capabilities::tags::names::{of_type, taggable};
use crate::hub::labels::{Kind, Tag, form};
use crate::hub::store::{Condition, StoreError, Tx};

/// The right's kind.
const KIND: &str = "tag-rule";
/// Rules of one hub.
const MAX_RULES: i64 = 200;
const MAX_ALLOWED: usize = 100;
const NOT_YOURS: &str = "tag rules are of the whole hub: a user or key that is narrowed to some nodes does not change them";

pub fn operations(api: &mut Declare<'_>) {
    api.write(
        Service::Roadstead,
        "PutTagRule",
        |r: &PutRequest| Target::Resource(KIND, r.key.clone()),
        put_tag_rule,
    )
    .read(
        Service::Roadstead,
        "ListTagRules",
        |_: &ListRequest| Target::Rows(KIND),
        list_tag_rules,
    )
    .write(
        Service::Roadstead,
        "DeleteTagRule",
        |r: &DeleteRequest| Target::Resource(KIND, r.key.clone()),
        delete_tag_rule,
    );
}

/// One rule: on resources of one kind, this key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "TagRule")]
pub struct Rule {
    pub key: String,
    /// Upstream's `ResourceType`: `ManagedInstance`, `Parameter` …
    pub resource_type: String,
    /// Every resource of the kind must carry the key.
    pub is_required: bool,
    /// Values that the key may have; none at all means any.
    pub allowed_values: Vec<String>,
}

/// All rules, to judge many resources by.
#[derive(Default)]
pub struct Rules(pub Vec<Rule>);

/// What the rules say of one resource, in upstream's shape.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ComplianceDetails")]
pub struct Verdict {
    /// Required, and not there.
    pub noncompliant_keys: Vec<String>,
    pub keys_with_noncompliant_values: Vec<String>,
    /// The same as the first, in the words of newer clients; older ones know no such member.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing_tag_keys: Vec<String>,
    pub compliance_status: bool,
}

pub fn load(tx: &Tx<'_>) -> Result<Rules, StoreError> {
    sql::all(tx).map(Rules)
}

impl Rules {
    pub fn judge(&self, kind: Kind, tags: &[Tag]) -> Verdict {
        let (mut missing, mut wrong) = (Vec::new(), Vec::new());
        for rule in self.0.iter().filter(|rule| rule.resource_type == kind.as_str()) {
            match tags.iter().find(|tag| tag.key == rule.key) {
                None if rule.is_required => missing.push(rule.key.clone()),
                Some(tag) if !rule.allowed_values.is_empty() && !rule.allowed_values.contains(&tag.value) => {
                    wrong.push(rule.key.clone());
                }
                _ => {}
            }
        }
        Verdict {
            compliance_status: missing.is_empty() && wrong.is_empty(),
            noncompliant_keys: missing.clone(),
            missing_tag_keys: missing,
            keys_with_noncompliant_values: wrong,
        }
    }

    /// Resources of a kind that break a rule, as a condition on the column of their id.
    pub fn broken(&self, kind: Kind, id: &'static str) -> Condition {
        let tagged = |key: &str, values: &[String]| Condition::Tagged {
            id,
            kind: kind.as_str(),
            key: key.to_owned(),
            values: values.to_vec(),
        };
        let mut any = Vec::new();
        for rule in self.0.iter().filter(|rule| rule.resource_type == kind.as_str()) {
            if rule.is_required {
                any.push(tagged(&rule.key, &[]).negated());
            }
            if !rule.allowed_values.is_empty() {
                let is_allowed = tagged(&rule.key, &rule.allowed_values);
                any.push(Condition::all([tagged(&rule.key, &[]), is_allowed.negated()]));
            }
        }
        Condition::any(any)
    }
}

#[derive(Serialize, JsonSchema)]
struct Empty {}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "PutTagRuleRequest")]
struct PutRequest {
    key: String,
    /// Kinds the rule is about; none at all means every kind that carries tags.
    #[serde(default)]
    resource_types: Vec<String>,
    #[serde(default)]
    is_required: bool,
    #[serde(default)]
    allowed_values: Vec<String>,
}

/// Replaces what was said of the key.
async fn put_tag_rule(cx: Cx, request: PutRequest) -> ApiResult<Empty> {
    cx.require_fleet(NOT_YOURS)?;
    constraint::count_at_most(&request.allowed_values, "allowedValues", MAX_ALLOWED)?;
    let mut broken = Violations::default();
    form::judge_key(&mut broken, "key", &request.key);
    for (number, value) in (1..).zip(&request.allowed_values) {
        form::judge_value(&mut broken, &format!("allowedValues.{number}.member"), value);
    }
    broken.check()?;
    form::check_free(&request.key)?;
    if !request.is_required && request.allowed_values.is_empty() {
        return Err(ApiError::validation(
            "a rule requires the key, or names the values it may have, or both: this one does neither",
        ));
    }
    let kinds = kinds(&request.resource_types)?;
    cx.write(move |tx| {
        sql::delete(tx, &request.key)?;
        for kind in kinds {
            sql::put(
                tx,
                &Rule {
                    key: request.key.clone(),
                    resource_type: kind.as_str().to_owned(),
                    is_required: request.is_required,
                    allowed_values: request.allowed_values.clone(),
                },
            )?;
        }
        match tx.count("SELECT count(*) FROM tag_rule", &[])? > MAX_RULES {
            true => Err(ApiError::validation(format!("a hub has at most {MAX_RULES} tag rules"))),
            false => Ok(Empty {}),
        }
    })
    .await
}

/// *Errors*: `ValidationException` naming what is no kind.
fn kinds(names: &[String]) -> ApiResult<Vec<Kind>> {
    if names.is_empty() {
        return Ok(taggable().collect());
    }
    let find = |name: &String| {
        of_type(name, "")
            .map(|(kind, _)| kind)
            .map_err(|error| ApiError::validation(error.message))
    };
    names.iter().map(find).collect()
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "ListTagRulesRequest")]
struct ListRequest {}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListTagRulesResult")]
struct ListResult {
    /// By key, then by kind.
    rules: Vec<Rule>,
}

async fn list_tag_rules(cx: Cx, _request: ListRequest) -> ApiResult<ListResult> {
    let visible = cx.visible(KIND, "tag_rule.key");
    let rules = cx.read(move |tx| Ok(sql::seen(tx, &visible)?)).await?;
    Ok(ListResult { rules })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "DeleteTagRuleRequest")]
struct DeleteRequest {
    key: String,
}

async fn delete_tag_rule(cx: Cx, request: DeleteRequest) -> ApiResult<Empty> {
    cx.require_fleet(NOT_YOURS)?;
    cx.write(move |tx| match sql::delete(tx, &request.key)? {
        0 => Err(ApiError::new(
            "ResourceNotFoundException",
            format!("there is no tag rule on `{}`", request.key.chars().take(128).collect::<String>()),
        )),
        _ => Ok(Empty {}),
    })
    .await
}

mod sql {
    use super::*;
    use crate::hub::store::{Select, Value};

    const SELECT: &str = "SELECT tag_rule.key, tag_rule.kind, tag_rule.allowed, tag_rule.is_required FROM tag_rule";

    pub fn all(tx: &Tx<'_>) -> Result<Vec<Rule>, StoreError> {
        seen(tx, &Condition::Always)
    }

    pub fn seen(tx: &Tx<'_>, visible: &Condition) -> Result<Vec<Rule>, StoreError> {
        let select = Select::new(SELECT).and_condition(visible).order("tag_rule.key, tag_rule.kind");
        select.rows(tx, |row| {
            Ok(Rule {
                key: row.get("key")?,
                resource_type: row.get("kind")?,
                is_required: row.get("is_required")?,
                allowed_values: row.json("allowed")?,
            })
        })
    }

    pub fn put(tx: &Tx<'_>, rule: &Rule) -> Result<(), StoreError> {
        let params = [
            (":key", (&rule.key).into()),
            (":kind", (&rule.resource_type).into()),
            (":allowed", Value::json(&rule.allowed_values)),
            (":is_required", rule.is_required.into()),
        ];
        tx.execute(
            "INSERT INTO tag_rule (key, kind, allowed, is_required) VALUES (:key, :kind, :allowed, :is_required)
             ON CONFLICT (key, kind) DO UPDATE SET allowed = excluded.allowed, is_required = excluded.is_required",
            &params,
        )
        .map(|_| ())
    }

    pub fn delete(tx: &Tx<'_>, key: &str) -> Result<usize, StoreError> {
        tx.execute("DELETE FROM tag_rule WHERE key = :key", &[(":key", key.into())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> Tag {
        Tag {
            key: key.into(),
            value: value.into(),
        }
    }

    #[test]
    fn a_resource_is_judged_by_the_rules_of_its_kind() {
        let rules = Rules(vec![Rule {
            key: "env".into(),
            resource_type: Kind::Node.as_str().into(),
            is_required: true,
            allowed_values: vec!["prod".into(), "test".into()],
        }]);
        assert!(rules.judge(Kind::Node, &[tag("env", "prod")]).compliance_status);
        assert_eq!(rules.judge(Kind::Node, &[]).noncompliant_keys, ["env"]);
        assert_eq!(rules.judge(Kind::Node, &[tag("env", "dev")]).keys_with_noncompliant_values, ["env"]);
        assert!(rules.judge(Kind::Parameter, &[]).compliance_status);
        assert_eq!(rules.broken(Kind::Parameter, "parameter.key"), Condition::Never);
    }
}
