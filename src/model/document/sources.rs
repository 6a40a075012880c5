//! What a step downloads with the hub's help, from object stores and from the hub's own folder: read from the step as it will run,
//! by hub and agent alike.
//!
//! *Invariant*: only what the document and its sender wrote is a source. A path that holds a reference (a secret, say) is none,
//! and is fetched as anybody could.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::secrets::RUN_DOCUMENT;
use super::{Document, Format, GivenParameters, References, Step, Verdict, text};

pub const DOWNLOAD: &str = "aws:downloadContent";
/// The `sourceType` of files of the hub.
pub const HUB: &str = "Hub";
/// How the address of a file of the hub begins.
pub const HUB_SCHEME: &str = "hub://";
/// Documents inside documents: as deep as this, and no deeper.
pub const MAX_DEPTH: u32 = 3;
/// Most inner documents that one step is looked through for.
const MAX_LOOKS: u32 = 200;

/// Where something lies, as a document says it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Source {
    /// `https://STORE/BUCKET/KEY`, `https://BUCKET.STORE/KEY`, or `s3://BUCKET/KEY`; `hub://PATH` for files of the hub.
    pub path: String,
    /// `https://STORE`, for a path that does not name it; else empty.
    pub endpoint: String,
}

impl Source {
    /// Of a download's `sourceInfo`.
    pub fn of(info: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| info.get(name).and_then(Value::as_str).map(str::trim).unwrap_or_default().to_owned();
        let source = Self {
            path: text("path"),
            endpoint: text("endpoint"),
        };
        let is_plain = !source.path.contains("{{") && !source.endpoint.contains("{{");
        (is_plain && !source.path.is_empty()).then_some(source)
    }

    /// Of a download's `sourceInfo` that names a file or folder of the hub.
    pub fn of_hub(info: &Map<String, Value>) -> Option<Self> {
        let path = info.get("path").and_then(Value::as_str)?.trim();
        let path = path.strip_prefix(HUB_SCHEME).unwrap_or(path).trim_end_matches('/');
        (!path.is_empty() && !path.contains("{{")).then(|| Self {
            path: format!("{HUB_SCHEME}{path}"),
            endpoint: String::new(),
        })
    }

    /// The path below the hub's folder, when it is of the hub.
    pub fn hub_path(&self) -> Option<&str> {
        self.path.strip_prefix(HUB_SCHEME)
    }
}

/// What the step downloads, by itself or in the documents that it runs; those are looked for among the enclosed ones (in JSON).
pub fn of_step(step: &Step, enclosed: &BTreeMap<String, String>) -> BTreeSet<Source> {
    let mut look = Look {
        enclosed,
        looks: 0,
        found: BTreeSet::new(),
    };
    look.add(step, 0);
    look.found
}

struct Look<'e> {
    enclosed: &'e BTreeMap<String, String>,
    looks: u32,
    found: BTreeSet<Source>,
}

impl Look<'_> {
    fn add(&mut self, step: &Step, depth: u32) {
        if step.verdict != Verdict::Run {
            return;
        }
        let text = |name: &str| step.inputs.get(name).and_then(Value::as_str).map(str::trim);
        match step.action.as_str() {
            DOWNLOAD => {
                let of = match text("sourceType") {
                    Some("S3") => Source::of,
                    Some(HUB) => Source::of_hub,
                    _ => return,
                };
                let info = map(&step.inputs, "sourceInfo").ok();
                self.found.extend(info.and_then(|info| of(&info)));
            }
            RUN_DOCUMENT if text("documentType") == Some("SSMDocument") && depth < MAX_DEPTH => {
                for inner in self.inner(&step.inputs, text("documentPath").unwrap_or_default()) {
                    self.add(&inner, depth + 1);
                }
            }
            _ => {}
        }
    }

    /// The steps of an inner document; none of one that the agent will refuse.
    fn inner(&mut self, inputs: &Map<String, Value>, name: &str) -> Vec<Step> {
        self.looks += 1;
        if self.looks > MAX_LOOKS {
            return Vec::new();
        }
        let content = self.enclosed.get(name).and_then(|json| serde_json::from_str(json).ok());
        let document = content.and_then(|content: Value| Document::parse(&content).ok());
        let bound = document.zip(inner_parameters(inputs).ok());
        let resolved = bound.and_then(|(document, given)| document.resolve(&given, &References::new()).ok());
        resolved.map(|resolved| resolved.steps).unwrap_or_default()
    }
}

/// The parameters of an inner document as the API would have them: every value a list of texts.
///
/// *Errors*: they are no map, nor a text that holds one in JSON or YAML.
pub fn inner_parameters(inputs: &Map<String, Value>) -> Result<GivenParameters, String> {
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let listed = |(name, value): (String, Value)| match value {
        Value::Array(items) => (name, items.iter().map(plain).collect()),
        other => (name, vec![plain(&other)]),
    };
    let given = match inputs.get(PARAMETERS) {
        Some(Value::String(text)) if !text.trim().is_empty() && serde_json::from_str::<IgnoredAny>(text).is_err() => in_yaml(text)?,
        _ => map(inputs, PARAMETERS)?,
    };
    Ok(given.into_iter().map(listed).collect())
}

const PARAMETERS: &str = "documentParameters";

/// Values are texts in the end: they are taken as they were written, so that `1.10` stays a version and `no` a word.
fn in_yaml(text: &str) -> Result<Map<String, Value>, String> {
    match text::parse_as_written(text, Format::Yaml).map(|root| root.to_value()) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(format!("input `{PARAMETERS}` is no map")),
        Err(problem) => Err(format!("input `{PARAMETERS}` is neither JSON nor YAML: {problem}")),
    }
}

/// An input that is a map, or a text that holds one in JSON.
///
/// *Errors*: it is neither.
pub fn map(inputs: &Map<String, Value>, name: &str) -> Result<Map<String, Value>, String> {
    match inputs.get(name) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(map)) => Ok(map.clone()),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(Map::new()),
        Some(Value::String(text)) => serde_json::from_str(text).map_err(|error| format!("input `{name}` is not a map in JSON: {error}")),
        Some(_) => Err(format!("input `{name}` must be a map")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::document::check;
    use serde_json::json;

    fn download(info: Value) -> Value {
        json!({"name": "fetch", "action": DOWNLOAD, "inputs": {"sourceType": "S3", "sourceInfo": info}})
    }

    fn document(parameters: Value, steps: &[Value]) -> Value {
        json!({"schemaVersion": "2.2", "parameters": parameters, "mainSteps": steps})
    }

    /// The paths that the document's first step downloads.
    fn paths(document: &Value, given: Value, enclosed: &[(&str, &Value)]) -> Vec<String> {
        let given: GivenParameters = serde_json::from_value(given).unwrap();
        let resolved = check(document, &given, &References::new()).unwrap();
        let enclosed = enclosed.iter().map(|(name, content)| ((*name).to_owned(), content.to_string()));
        let sources = of_step(&resolved.steps[0], &enclosed.collect());
        sources.into_iter().map(|source| source.path).collect()
    }

    #[test]
    fn a_download_names_its_source_as_it_will_run() {
        let parameters = json!({"info": {"type": "StringMap"}, "name": {"type": "String", "default": "b/k"}});
        let given = json!({"info": ["{\"path\": \" s3://bucket/tool.sh \", \"endpoint\": \"https://store\"}"]});
        let by_map = document(parameters.clone(), &[download(json!("{{info}}"))]);
        assert_eq!(paths(&by_map, given.clone(), &[]), ["s3://bucket/tool.sh"]);
        let by_name = document(parameters, &[download(json!("{\"path\": \"https://store/{{name}}\"}"))]);
        assert_eq!(paths(&by_name, given, &[]), ["https://store/b/k"]);
        for none in [
            json!({}),
            json!("no json"),
            json!({"path": "https://s/b/{{ssm-secure:/a}}"}),
            json!({"path": 7}),
        ] {
            assert_eq!(paths(&document(json!({}), &[download(none)]), json!({}), &[]), [] as [&str; 0]);
        }
        let mut web = download(json!({"path": "https://s/b/k"}));
        web["inputs"]["sourceType"] = json!("HTTP");
        assert!(paths(&document(json!({}), &[web]), json!({}), &[]).is_empty());
    }

    #[test]
    fn parameters_of_an_inner_document_may_be_a_text_in_json_or_yaml() {
        let given = |parameters: Value| inner_parameters(json!({"documentParameters": parameters}).as_object().unwrap());
        let expected = GivenParameters::from([
            ("keep".into(), vec!["1.10".into()]),
            ("on".into(), vec!["no".into()]),
            ("list".into(), vec!["a".into(), "007".into()]),
        ]);
        for same in [
            json!({"keep": "1.10", "on": "no", "list": ["a", "007"]}),
            json!("{\"keep\": \"1.10\", \"on\": \"no\", \"list\": [\"a\", \"007\"]}"),
            json!("keep: 1.10\non: no\nlist:\n- a\n- 007\n"),
            json!("{keep: 1.10, on: no, list: [a, 007]}"),
        ] {
            assert_eq!(given(same.clone()), Ok(expected.clone()), "{same}");
        }
        for none in [json!(null), json!(" "), json!("{}")] {
            assert_eq!(given(none.clone()), Ok(GivenParameters::new()), "{none}");
        }
        for (wrong, why) in [
            (json!("a: [b"), "neither JSON nor YAML"),
            (json!("a, b"), "no map"),
            (json!("[1]"), "not a map"),
            (json!(7), "must be a map"),
        ] {
            assert!(given(wrong.clone()).unwrap_err().contains(why), "{wrong}");
        }
    }

    #[test]
    fn inner_documents_are_looked_into_with_their_parameters_and_not_for_ever() {
        let inner = document(json!({"key": {"type": "String"}}), &[download(json!({"path": "s3://b/{{key}}"}))]);
        let run = |name: &str, parameters: Value| {
            json!({"name": "run", "action": RUN_DOCUMENT,
                "inputs": {"documentType": "SSMDocument", "documentPath": name, "documentParameters": parameters}})
        };
        let outer = document(json!({}), &[run("Inner", json!({"key": "x"}))]);
        assert_eq!(paths(&outer, json!({}), &[("Inner", &inner)]), ["s3://b/x"]);
        assert_eq!(paths(&outer, json!({}), &[]), [] as [&str; 0]);
        // What the agent would refuse names nothing.
        let unbound = document(json!({}), &[run("Inner", json!({}))]);
        assert!(paths(&unbound, json!({}), &[("Inner", &inner)]).is_empty());
        // Each of forty runs all of them again.
        let mut many: Vec<Value> = (0..40).map(|_| run("Again", json!({}))).collect();
        for (number, step) in many.iter_mut().enumerate() {
            step["name"] = json!(format!("run{number}"));
        }
        let again = document(json!({}), &many);
        assert!(paths(&again, json!({}), &[("Again", &again)]).is_empty());
    }
}
