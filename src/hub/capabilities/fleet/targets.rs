//! Which nodes a request means: ids, tags, or a filter. The same rule for the preview of a command and for the command itself.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::base::id::NodeId;
use crate::base::{ApiError, ApiResult};
use crate::hub::api::{Cx, Target as Subject, constraint};
use crate::hub::capabilities::fleet::nodes::{self, KIND, Node};
use crate::hub::capabilities::fleet::search::{in_group, narrowed};
use crate::hub::labels::{Kind, form};
use crate::hub::store::{Condition, Select, Tx, Value};
use crate::model::filter::Filter;

/// Upstream's limits of one request.
const MAX_IDS: usize = 50;
const MAX_TARGETS: usize = 5;
const MAX_VALUES: usize = 50;
const MAX_KEY: usize = 163;

const IDS_KEY: &str = "InstanceIds";
const TAG_KEY: &str = "tag-key";
const TAG_PREFIX: &str = "tag:";
/// Upstream's key for groups, and the one that narrows what they hold to some types.
const GROUP_KEY: &str = "resource-groups:Name";
const TYPES_KEY: &str = "resource-groups:ResourceTypeFilters";
/// Our key: its one value is a filter in the console's words.
pub const FILTER_KEY: &str = "roadstead:filter";

/// The action whose targets are resolved.
pub const SEND: &str = "ssm:SendCommand";
/// Upstream's default of SendCommand.
pub const DEFAULT_TIMEOUT_S: u64 = 3600;

/// One entry of `Targets`, as upstream spells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Target {
    #[serde(deserialize_with = "spelled")]
    pub key: String,
    #[serde(default)]
    pub values: Vec<String>,
}

/// Upstream's clients write the key of ids in small letters as well, and are answered with the one spelling.
///
/// *Source*: send-command and create-association among the examples of aws-cli.
fn spelled<'de, D: Deserializer<'de>>(reader: D) -> Result<String, D::Error> {
    let key = String::deserialize(reader)?;
    Ok(match key.eq_ignore_ascii_case(IDS_KEY) {
        true => IDS_KEY.to_owned(),
        false => key,
    })
}

/// Which nodes are meant; either ids or targets.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    pub instance_ids: Vec<String>,
    pub targets: Vec<Target>,
}

impl Selection {
    /// *Errors*, as upstream: `ValidationException`, `DuplicateInstanceId`.
    pub fn check(&self) -> ApiResult<()> {
        if self.instance_ids.len() > MAX_IDS {
            return Err(constraint::violated(
                &self.instance_ids.join(", "),
                "instanceIds",
                &format!("have length less than or equal to {MAX_IDS}"),
            ));
        }
        constraint::count_at_most(&self.targets, "targets", MAX_TARGETS)?;
        for (at, target) in self.targets.iter().enumerate() {
            target.check(&format!("targets.{}.member", at + 1))?;
        }
        if !self.instance_ids.is_empty() && !self.targets.is_empty() {
            return Err(ApiError::validation("use either `InstanceIds` or `Targets`, not both"));
        }
        if self.instance_ids.is_empty() && self.targets.is_empty() {
            return Err(ApiError::validation("no nodes are named: give `InstanceIds` or `Targets`"));
        }
        if self.has(TYPES_KEY) && !self.has(GROUP_KEY) {
            return Err(ApiError::validation(format!(
                "target key `{TYPES_KEY}` narrows a group: name the group with `{GROUP_KEY}`, too"
            )));
        }
        each_once(&self.instance_ids)
    }

    fn has(&self, key: &str) -> bool {
        self.targets.iter().any(|target| target.key == key)
    }

    /// The nodes meant on which the caller may do `action`, each once. Call [`Selection::check`] first.
    ///
    /// Every target must hold. Tags, groups and filters mean only nodes that the caller may use; a node named by its id must be
    /// one of them.
    ///
    /// *Errors*: `AccessDeniedException`, `InvalidInstanceId` for an id that is no node (the whole request is refused),
    /// `ValidationException` for a key that targets do not have, or a group that there is not.
    pub fn resolve(&self, tx: &Tx<'_>, cx: &Cx, action: &str) -> ApiResult<Vec<Node>> {
        if !self.instance_ids.is_empty() {
            return by_ids(tx, cx, action, &self.instance_ids);
        }
        let select = self.select(tx, cx, action, nodes::sql::SELECT)?;
        Ok(select.order("node.id").rows(tx, Node::from_row)?)
    }

    /// The same for who wants less of many nodes than all of each: `head` is what is read of `node`.
    pub fn select(&self, tx: &Tx<'_>, cx: &Cx, action: &str, head: &'static str) -> ApiResult<Select> {
        let mut select = usable(cx, action, head);
        if !self.instance_ids.is_empty() {
            by_ids(tx, cx, action, &self.instance_ids)?;
            select = select.and_in("node.id", self.instance_ids.iter().map(Value::from));
        }
        for target in &self.targets {
            if target.key == IDS_KEY {
                by_ids(tx, cx, action, &target.values)?;
            }
            select = target.narrow(cx, tx, select)?;
        }
        Ok(select)
    }
}

impl Target {
    /// *Errors*, as upstream: `ValidationException`, `DuplicateInstanceId`.
    fn check(&self, member: &str) -> ApiResult<()> {
        let key = format!("{member}.key");
        let mut broken = constraint::Violations::default();
        broken.length(Some(&self.key), &key, 1..=MAX_KEY);
        // Upstream's pattern has no `+`, with which a tag's key may be written all the same.
        if !form::has_form(&self.key) {
            let pattern = r"^[\p{L}\p{Z}\p{N}_.:/=\-@]*$|resource-groups:ResourceTypeFilters|resource-groups:Name";
            broken.add(&self.key, &key, &format!("satisfy regular expression pattern: {pattern}"));
        }
        broken.check()?;
        constraint::count_at_most(&self.values, &format!("{member}.values"), MAX_VALUES)?;
        if self.values.is_empty() {
            return Err(ApiError::validation(format!(
                "target `{}` has no values, so it means no node: say which",
                self.key
            )));
        }
        match self.key.as_str() {
            IDS_KEY => each_once(&self.values),
            _ => Ok(()),
        }
    }

    /// One of its values must hold.
    fn narrow(&self, cx: &Cx, tx: &Tx<'_>, select: Select) -> ApiResult<Select> {
        let values = || self.values.iter().map(Value::from);
        Ok(match self.key.as_str() {
            IDS_KEY => select.and_in("node.id", values()),
            FILTER_KEY => narrowed(cx, tx, select, &self.filter()?)?,
            GROUP_KEY => select.and_condition(&self.groups(cx, tx)?),
            TYPES_KEY if self.values.iter().any(|name| is_node_type(name)) => select,
            TYPES_KEY => select.and_condition(&Condition::Never),
            TAG_KEY => {
                let head = "node.id IN (SELECT id FROM tag WHERE kind = 'ManagedInstance' AND key = ?)";
                select.and_any(values().map(|key| (head, vec![key])).collect())
            }
            other => {
                let tag = other.strip_prefix(TAG_PREFIX).filter(|tag| !tag.is_empty());
                let tag = tag.ok_or_else(|| unknown_key(other))?;
                let head = "node.id IN (SELECT id FROM tag WHERE kind = 'ManagedInstance' AND key = ? AND value = ?)";
                select.and_any(values().map(|value| (head, vec![tag.into(), value])).collect())
            }
        })
    }

    fn filter(&self) -> ApiResult<Filter> {
        let [text] = self.values.as_slice() else {
            return Err(ApiError::validation(format!("target key `{FILTER_KEY}` has one value: the filter")));
        };
        text.parse()
            .map_err(|e| ApiError::validation(format!("target key `{FILTER_KEY}`: {e}")))
    }

    fn groups(&self, cx: &Cx, tx: &Tx<'_>) -> ApiResult<Condition> {
        let conditions: ApiResult<Vec<Condition>> = self.values.iter().map(|name| in_group(cx, tx, name)).collect();
        Ok(Condition::any(conditions?))
    }
}

/// Upstream's guide writes types in capitals, too.
fn is_node_type(name: &str) -> bool {
    Kind::Node.cloud_type().is_some_and(|own| name.eq_ignore_ascii_case(own))
}

fn unknown_key(key: &str) -> ApiError {
    ApiError::validation(format!(
        "target key `{key}` is not known: use {IDS_KEY}, tag:KEY, {TAG_KEY}, {GROUP_KEY}, {TYPES_KEY} or {FILTER_KEY}"
    ))
}

/// The nodes on which the caller may do `action`.
pub fn usable(cx: &Cx, action: &str, head: &'static str) -> Select {
    Select::new(head)
        .and("node.removed_at IS NULL", [])
        .and_condition(&cx.visible_for(action, KIND, "node.id"))
}

/// *Errors*: `DuplicateInstanceId`.
fn each_once(ids: &[String]) -> ApiResult<()> {
    let mut seen = BTreeSet::new();
    match ids.iter().find(|id| !seen.insert(id.as_str())) {
        Some(twice) => Err(ApiError::new("DuplicateInstanceId", format!("`{twice}` is named twice"))),
        None => Ok(()),
    }
}

/// *Errors*: `AccessDeniedException`, `InvalidInstanceId`.
fn by_ids(tx: &Tx<'_>, cx: &Cx, action: &str, ids: &[String]) -> ApiResult<Vec<Node>> {
    cx.permit_for(tx, action, &Subject::Resources(KIND, ids.to_vec()))?;
    ids.iter()
        .map(|id| {
            let node: NodeId = id.parse().map_err(|_| nodes::unknown(id))?;
            nodes::require(tx, &node)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(targets: &[(&str, &[&str])]) -> Option<ApiError> {
        let target = |(key, values): &(&str, &[&str])| Target {
            key: (*key).to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let selection = Selection {
            instance_ids: Vec::new(),
            targets: targets.iter().map(target).collect(),
        };
        selection.check().err()
    }

    #[test]
    fn a_target_without_values_is_refused_whatever_its_key() {
        for key in [TAG_KEY, "tag:role", IDS_KEY, GROUP_KEY, FILTER_KEY] {
            assert_eq!(refusal(&[(key, &[])]).unwrap().code, "ValidationException", "{key}");
        }
        assert!(refusal(&[("tag:role", &["web"]), (TAG_KEY, &["env"])]).is_none());
    }

    #[test]
    fn keys_have_upstreams_form() {
        let long = format!("tag:{}", "k".repeat(200));
        for wrong in ["", "tag:!!x", long.as_str()] {
            assert_eq!(
                refusal(&[("tag:a", &["x"]), (wrong, &["x"])]).unwrap().code,
                "ValidationException",
                "{wrong}"
            );
            assert!(
                refusal(&[("tag:a", &["x"]), (wrong, &["x"])])
                    .unwrap()
                    .message
                    .contains("'targets.2.member.key'")
            );
        }
        for fine in ["tag:a b", "tag:役割", "tag:a+b", "resource-groups:Name"] {
            assert!(refusal(&[(fine, &["x"])]).is_none(), "{fine}");
        }
    }

    #[test]
    fn an_id_stands_once_in_a_target_too() {
        assert_eq!(refusal(&[(IDS_KEY, &["a", "a"])]).unwrap().code, "DuplicateInstanceId");
        assert!(refusal(&[(IDS_KEY, &["a", "b"]), (IDS_KEY, &["a"])]).is_none());
    }

    #[test]
    fn the_key_of_ids_is_one_key_in_small_and_in_capital_letters() {
        let read = |key: &str| {
            let target: Target = serde_json::from_value(serde_json::json!({"Key": key, "Values": ["x"]})).unwrap();
            target.key
        };
        for spelling in ["instanceids", "instanceIds", "INSTANCEIDS", IDS_KEY] {
            assert_eq!(read(spelling), IDS_KEY, "{spelling}");
        }
        assert_eq!(read("tag:InstanceIds"), "tag:InstanceIds");
        assert_eq!(read("TAG-KEY"), "TAG-KEY", "no other key is known in more than one spelling");
    }

    #[test]
    fn types_alone_would_mean_every_node_and_need_a_group() {
        let types: (&str, &[&str]) = (TYPES_KEY, &["AWS::SSM::ManagedInstance"]);
        assert_eq!(refusal(&[types]).unwrap().code, "ValidationException");
        assert!(refusal(&[types, (GROUP_KEY, &["web"])]).is_none());
    }
}
