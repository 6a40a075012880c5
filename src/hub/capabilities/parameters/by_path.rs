//! `GetParametersByPath`: values below a path, one level or all.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::ApiResult;
use crate::hub::api::constraint::Violations;
use crate::hub::api::{Cx, Declare, Service, Target, page};
use crate::hub::capabilities::parameters::filters::{self, List, StringFilter};
use crate::hub::capabilities::parameters::read::{Parameter, Reader};
use crate::hub::capabilities::parameters::rows::{self, Version};
use crate::hub::capabilities::parameters::{KIND, reads};
use crate::hub::store::Select;
use crate::model::parameter::Path;

/// Upstream's default and largest page.
const PAGE: i64 = 10;

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Ssm,
        "GetParametersByPath",
        |_: &ByPathRequest| Target::Rows(KIND),
        get_parameters_by_path,
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ByPathRequest {
    path: Option<String>,
    recursive: Option<bool>,
    parameter_filters: Option<Vec<StringFilter>>,
    with_decryption: Option<bool>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ByPathResult {
    parameters: Vec<Parameter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

async fn get_parameters_by_path(cx: Cx, request: ByPathRequest) -> ApiResult<ByPathResult> {
    let wanted = request.parameter_filters.unwrap_or_default();
    let mut broken = Violations::default();
    broken.required(request.path.as_ref(), "path");
    broken.length(request.path.as_ref(), "path", 1..=2048);
    filters::check_members(&wanted, &mut broken);
    filters::check_page_size(request.max_results, PAGE, &mut broken);
    broken.check()?;
    let path = Path::parse(&request.path.unwrap_or_default()).filter(|p| p.begins_with_reserved() != Some("ssm"));
    let path = path.ok_or_else(filters::malformed_path)?;
    let size = request.max_results.unwrap_or(PAGE) as usize;
    let after: Option<(String, i64, String)> = page::parse(request.next_token.as_deref())?;
    let is_labelled = filters::asks_for_label(&wanted);
    let head = if is_labelled { rows::sql::LABELLED } else { rows::sql::NEWEST };
    let (condition, values) = match request.recursive.unwrap_or(false) {
        true => filters::below(&path),
        false => ("parameter.parent = ?", vec![path.as_parent().into()]),
    };
    let mut select = filters::narrow(Select::new(head).and(condition, values), List::ByPath, &wanted)?;
    if let Some((key, version, label)) = after {
        select = match is_labelled {
            // A parameter may come once for each of its labels.
            true => select.and(
                "(parameter.key, v.version, l.label) > (?, ?, ?)",
                [key.into(), version.into(), label.into()],
            ),
            false => select.and("parameter.key > ?", [key.into()]),
        };
    }
    let order = if is_labelled {
        "parameter.key, v.version, l.label"
    } else {
        "parameter.key"
    };
    let select = select
        .and_condition(&cx.visible(KIND, "parameter.key"))
        .order(order)
        .limit(size + 1);
    let reader = Reader::new(&cx, request.with_decryption);
    let read = cx.read(move |tx| {
        let found = select.rows(tx, |row| {
            let label: Option<String> = if is_labelled { Some(row.get("label")?) } else { None };
            Ok((Version::from_row(row)?, label))
        })?;
        let (found, next_token) = page::cut(found, size, |(v, label)| {
            (v.key.to_string(), v.version, label.clone().unwrap_or_default())
        });
        let mut result = ByPathResult {
            parameters: Vec::with_capacity(found.len()),
            next_token,
        };
        let mut revealed = Vec::new();
        for (version, label) in found {
            if reader.reveals(version.kind) {
                revealed.push(version.key.clone());
            }
            let selector = label.map(|l| format!(":{l}"));
            result.parameters.push(reader.parameter(tx, version, None, selector)?);
        }
        Ok((result, revealed))
    });
    let (result, revealed) = read.await?;
    reads::note(&cx, revealed).await?;
    Ok(result)
}
