//! The documents that a document's steps name, sent along with it: an agent asks the hub for nothing while it runs.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use crate::base::{ApiError, ApiResult};
use crate::hub::api::Cx;
use crate::hub::capabilities::documents::{lookup, names};
use crate::hub::capabilities::fleet::targets::SEND;
use crate::hub::store::Tx;
use crate::model::document::secrets::RUN_DOCUMENT;
use crate::model::document::sources::{self, DOWNLOAD, MAX_DEPTH, inner_parameters};
use crate::model::document::{Document, GivenParameters, References, Step};

/// By the name they are named with; the language of documents in JSON, members in their author's order.
pub type Enclosed = BTreeMap<String, String>;

const MAX_DOCUMENTS: usize = 20;
/// A document is looked through for each set of parameters that it is run with.
const MAX_LOOKS: usize = 200;

/// *Errors*: `InvalidDocument`, `InvalidDocumentVersion` for one that is not there, `AccessDeniedException` for one the caller may
/// not run.
pub async fn collect(cx: &Cx, steps: &[Step]) -> ApiResult<Enclosed> {
    let wanted = wanted_by(steps.iter().map(|step| (step.action.as_str(), &step.inputs)));
    if wanted.is_empty() {
        return Ok(Enclosed::new());
    }
    let rights = cx.clone();
    cx.read(move |tx| {
        let mut search = Search {
            cx: &rights,
            tx,
            found: Enclosed::new(),
            looked: HashMap::new(),
        };
        for wish in wanted {
            search.add(wish, 1)?;
        }
        Ok(search.found)
    })
    .await
}

/// A document of the hub that a step names, and what it is run with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Wish {
    name: String,
    given: GivenParameters,
}

/// What is downloaded is run by a later step, with that one's parameters.
fn wanted_by<'s>(steps: impl Iterator<Item = (&'s str, &'s Map<String, Value>)>) -> Vec<Wish> {
    let mut wanted: Vec<Wish> = Vec::new();
    let mut downloaded = 0..0;
    for (action, inputs) in steps {
        let given = || inner_parameters(inputs).unwrap_or_default();
        match action {
            RUN_DOCUMENT if text(inputs, "documentType") == Some("SSMDocument") => {
                let name = text(inputs, "documentPath").map(str::to_owned);
                wanted.extend(name.map(|name| Wish { name, given: given() }));
            }
            RUN_DOCUMENT => wanted[downloaded.clone()].iter_mut().for_each(|wish| wish.given = given()),
            DOWNLOAD if text(inputs, "sourceType") == Some("SSMDocument") => {
                let info = sources::map(inputs, "sourceInfo").unwrap_or_default();
                let name = info.get("name").and_then(Value::as_str).map(str::to_owned);
                downloaded = wanted.len()..wanted.len() + usize::from(name.is_some());
                wanted.extend(name.map(|name| Wish {
                    name,
                    given: GivenParameters::new(),
                }));
            }
            _ => {}
        }
    }
    wanted
}

fn text<'i>(inputs: &'i Map<String, Value>, name: &str) -> Option<&'i str> {
    inputs.get(name).and_then(Value::as_str).map(str::trim)
}

/// The document's own name. `account` is the hub's own.
///
/// *Errors*: `ValidationException`, `InvalidDocument` for what names none.
pub fn name_of(wanted: &str, account: &str) -> ApiResult<String> {
    names::named(apart(wanted).0, account)
}

/// Name or ARN, and the version behind it.
fn apart(wanted: &str) -> (&str, Option<&str>) {
    match wanted.rsplit_once(':') {
        Some((name, version)) if !name.starts_with("arn:") || name.contains('/') => (name, Some(version)),
        _ => (wanted, None),
    }
}

struct Search<'s> {
    cx: &'s Cx,
    tx: &'s Tx<'s>,
    found: Enclosed,
    /// How deep inside others: what stands deeper than before has been looked through further already.
    looked: HashMap<Wish, u32>,
}

impl Search<'_> {
    fn add(&mut self, wish: Wish, depth: u32) -> ApiResult<()> {
        // A name that is made of secrets is known on the node only, and missing there.
        let is_looked_through = self.looked.get(&wish).is_some_and(|before| *before <= depth);
        if depth > MAX_DEPTH || wish.name.contains("{{") || is_looked_through {
            return Ok(());
        }
        let (name, version) = apart(&wish.name);
        let document = lookup::permitted(self.cx, self.tx, SEND, name, version)?;
        if !self.found.contains_key(&wish.name) {
            self.found.insert(wish.name.clone(), document.written()?);
        }
        let inner = wanted_within(&document.content, &wish.given);
        self.looked.insert(wish, depth);
        if self.found.len() > MAX_DOCUMENTS || self.looked.len() > MAX_LOOKS {
            let most = format!("at most {MAX_DOCUMENTS}, run with at most {MAX_LOOKS} sets of parameters");
            return Err(ApiError::new(
                "InvalidDocument",
                format!("the document runs too many others: {most}"),
            ));
        }
        inner.into_iter().try_for_each(|wish| self.add(wish, depth + 1))
    }
}

/// As the document will run; as it is written, where its parameters do not fit or are known on the node only.
fn wanted_within(content: &Value, given: &GivenParameters) -> Vec<Wish> {
    let Ok(document) = Document::parse(content) else {
        return Vec::new();
    };
    match document.resolve(given, &References::new()) {
        Ok(resolved) => wanted_by(resolved.steps.iter().map(|step| (step.action.as_str(), &step.inputs))),
        Err(_) => wanted_by(document.steps().iter().map(|step| (step.action.as_str(), &step.inputs))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn named(content: &Value, given: &Value) -> Vec<(String, Value)> {
        let given = serde_json::from_value(given.clone()).unwrap();
        let wanted = wanted_within(content, &given).into_iter();
        wanted.map(|wish| (wish.name, serde_json::to_value(wish.given).unwrap())).collect()
    }

    fn document(parameters: &Value, steps: &[Value]) -> Value {
        json!({"schemaVersion": "2.2", "parameters": parameters, "mainSteps": steps})
    }

    #[test]
    fn names_are_those_that_the_document_will_run_with() {
        let parameters = json!({"which": {"type": "String"}, "what": {"type": "StringMap", "default": {}}});
        let run = json!({"name": "run", "action": RUN_DOCUMENT, "inputs": {
            "documentType": "SSMDocument", "documentPath": "{{which}}", "documentParameters": "{{what}}"}});
        let given = json!({"which": ["Inner:2"], "what": ["{\"a\": \"b\"}"]});
        let content = document(&parameters, &[run]);
        assert_eq!(named(&content, &given), [("Inner:2".to_owned(), json!({"a": ["b"]}))]);
        // Without its parameter it will not run; what it names is not known.
        assert_eq!(named(&content, &json!({})), [("{{which}}".to_owned(), json!({}))]);
    }

    #[test]
    fn what_is_downloaded_is_run_with_the_parameters_of_the_step_that_runs_it() {
        let fetch =
            json!({"name": "fetch", "action": DOWNLOAD, "inputs": {"sourceType": "SSMDocument", "sourceInfo": "{\"name\": \"Inner\"}"}});
        let run = json!({"name": "run", "action": RUN_DOCUMENT, "inputs": {
            "documentType": "LocalPath", "documentPath": "x", "documentParameters": {"a": "b"}}});
        assert_eq!(
            named(&document(&json!({}), &[run.clone(), fetch.clone()]), &json!({})),
            [("Inner".to_owned(), json!({}))]
        );
        assert_eq!(
            named(&document(&json!({}), &[fetch, run]), &json!({})),
            [("Inner".to_owned(), json!({"a": ["b"]}))]
        );
    }
}
