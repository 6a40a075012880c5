//! What stands behind the references of a document that name something outside it, looked up when a command is sent.
//!
//! *Source*: AWS docs, "Data elements and parameters", system variables `global:…`.

use std::collections::BTreeSet;

use crate::base::arn::partition;
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Target};
use crate::hub::capabilities::parameters;
use crate::hub::capabilities::parameters::kinds::Kind;
use crate::hub::capabilities::parameters::rows::{self, Found};
use crate::model::document::References;
use crate::model::parameter::Reference;

/// *Errors*: `InvalidParameters` naming the reference that leads nowhere.
pub async fn look_up(cx: &Cx, wanted: BTreeSet<String>) -> ApiResult<References> {
    let mut found = References::new();
    for name in wanted {
        let value = match name.split_once(':') {
            // What these mean only the node learns.
            Some(("ssm-secure", _)) => continue,
            Some(("global", variable)) => global(cx, variable)?,
            Some(("ssm", parameter)) => stored(cx, parameter).await?,
            _ => return Err(unknown(&name)),
        };
        found.insert(name, value);
    }
    Ok(found)
}

fn global(cx: &Cx, variable: &str) -> ApiResult<String> {
    Ok(match variable {
        "DATE" => date(cx.now()),
        "DATE_TIME" => date_time(cx.now()),
        "REGION" => cx.request().region.clone(),
        "ACCOUNT_ID" => cx.services.config.account_id.clone(),
        "AWS_PARTITION" => partition(&cx.request().region).to_owned(),
        _ => return Err(unknown(&format!("global:{variable}"))),
    })
}

/// A plain parameter of the store, as it is now. A secret is none: it would lie in the command's row for everybody to read.
///
/// *Errors*: `InvalidParameters`, `AccessDeniedException`.
async fn stored(cx: &Cx, name: &str) -> ApiResult<String> {
    let refused = |why: &str| ApiError::new("InvalidParameters", format!("the reference `{{{{ssm:{name}}}}}` {why}"));
    let reference = Reference::parse(name).map_err(|_| refused("is not the name of a parameter"))?;
    let (rights, id) = (cx.clone(), parameters::id_of(name));
    let found = cx.read(move |tx| {
        rights.permit_for(tx, "ssm:GetParameter", &Target::Resource(parameters::KIND, id))?;
        Ok(rows::find(tx, &reference.key, reference.selector.as_ref())?)
    });
    match found.await? {
        Found::Version(version) if version.kind != Kind::SecureString => Ok(version.value),
        Found::Version(_) => Err(refused(
            "names a secret, which is not put into a command: name it with `ssm-secure:`",
        )),
        Found::NoSuchVersion(_) => Err(refused("names a version or label that is not there")),
        Found::Nothing => Err(refused("names a parameter that is not there")),
    }
}

fn date(now: Timestamp) -> String {
    now.to_string().chars().take(10).collect()
}

/// `yyyy-MM-dd_HH.mm.ss`, UTC.
fn date_time(now: Timestamp) -> String {
    let text: String = now.to_string().chars().take(19).collect();
    text.replace('T', "_").replace(':', ".")
}

fn unknown(name: &str) -> ApiError {
    let shown: String = name.chars().take(120).collect();
    ApiError::new(
        "InvalidParameters",
        format!(
            "the reference `{{{{{shown}}}}}` cannot be resolved: known are ssm:<parameter>, ssm-secure:<secret> and global:DATE, DATE_TIME, REGION, ACCOUNT_ID and AWS_PARTITION"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_upstreams_form() {
        let at = Timestamp::from_millis(1_700_000_000_000);
        assert_eq!((date(at).as_str(), date_time(at).as_str()), ("2023-11-14", "2023-11-14_22.13.20"));
    }
}
