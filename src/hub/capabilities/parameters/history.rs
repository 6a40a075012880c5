//! `GetParameterHistory`: the versions of a parameter that are kept, oldest first, with their labels.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiResult, Timestamp};
use crate::hub::api::constraint::Violations;
use crate::hub::api::{Cx, Declare, Service, page};
use crate::hub::capabilities::parameters::filters::check_page_size;
use crate::hub::capabilities::parameters::kinds::{Kind, Tier};
use crate::hub::capabilities::parameters::policies::{self, InlinePolicy};
use crate::hub::capabilities::parameters::read::{Reader, ShownValue};
use crate::hub::capabilities::parameters::rows::{self, Version};
use crate::hub::capabilities::parameters::{label, named, not_found, reads, target};
use crate::hub::store::{Select, Tx};

const PAGE: i64 = 50;

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Ssm,
        "GetParameterHistory",
        |r: &HistoryRequest| target(r.name.as_ref()),
        get_parameter_history,
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct HistoryRequest {
    name: Option<String>,
    with_decryption: Option<bool>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct HistoryResult {
    parameters: Vec<ParameterHistory>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// *Source*: `ParameterHistory` of the service model.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ParameterHistory {
    name: String,
    #[serde(rename = "Type")]
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
    last_modified_date: Timestamp,
    last_modified_user: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    value: ShownValue,
    #[serde(skip_serializing_if = "String::is_empty")]
    allowed_pattern: String,
    version: i64,
    labels: Vec<String>,
    tier: Tier,
    policies: Vec<InlinePolicy>,
    data_type: &'static str,
}

async fn get_parameter_history(cx: Cx, request: HistoryRequest) -> ApiResult<HistoryResult> {
    let mut broken = Violations::default();
    broken.required(request.name.as_ref(), "name");
    broken.length(request.name.as_ref(), "name", 1..=2048);
    check_page_size(request.max_results, PAGE, &mut broken);
    broken.check()?;
    let name = request.name.unwrap_or_default();
    let reference = named(&name)?;
    let size = request.max_results.unwrap_or(PAGE) as usize;
    let after: i64 = page::parse(request.next_token.as_deref())?.unwrap_or(0);
    let reader = Reader::new(&cx, request.with_decryption);
    let (key, spelled) = (reference.key.clone(), reference.name);
    let read = cx.read(move |tx| {
        let Some(newest) = rows::sql::newest(tx, &key)? else {
            return Err(not_found(&name));
        };
        let select = Select::new(rows::sql::EVERY)
            .and("parameter.key = ? AND v.version > ?", [key.as_str().into(), after.into()])
            .order("v.version")
            .limit(size + 1);
        let (found, next_token) = page::cut(select.rows(tx, Version::from_row)?, size, |v| v.version);
        let mut labels = label::of_versions(tx, &key)?;
        let in_force = policies::of_many(tx, [key.to_string()])?.remove(key.as_str()).unwrap_or_default();
        let mut page = Page {
            reader: &reader,
            labels: &mut labels,
            newest: newest.version,
            in_force,
        };
        let reveals = found.iter().any(|v| reader.reveals(v.kind));
        let parameters = found
            .into_iter()
            .map(|version| page.entry(tx, version, spelled.clone()))
            .collect::<ApiResult<_>>()?;
        Ok((HistoryResult { parameters, next_token }, reveals))
    });
    let (result, reveals) = read.await?;
    if reveals {
        reads::note(&cx, vec![reference.key]).await?;
    }
    Ok(result)
}

/// What the entries of one page have in common.
struct Page<'p> {
    reader: &'p Reader,
    labels: &'p mut BTreeMap<i64, Vec<String>>,
    newest: i64,
    in_force: Vec<InlinePolicy>,
}

impl Page<'_> {
    fn entry(&mut self, tx: &Tx<'_>, mut version: Version, spelled: Option<String>) -> ApiResult<ParameterHistory> {
        let policies = match version.version == self.newest {
            true => std::mem::take(&mut self.in_force),
            false => policies::of_older(version.policies.as_deref()),
        };
        Ok(ParameterHistory {
            value: self.reader.value(tx, &mut version)?,
            name: spelled.unwrap_or(version.name),
            kind: version.kind,
            key_id: version.key_id,
            last_modified_date: version.modified_at,
            last_modified_user: self.reader.head.user(&version.modified_by),
            description: version.description,
            allowed_pattern: version.allowed_pattern,
            version: version.version,
            labels: self.labels.remove(&version.version).unwrap_or_default(),
            tier: version.tier,
            policies,
            data_type: version.data_type.as_str(),
        })
    }
}
