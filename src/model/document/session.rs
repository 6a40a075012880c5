//! The body of Session documents (schema 1.0): preferences, port forwarding, fixed commands.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::checker::{Checker, find};
use super::problem::Path;
use super::resolve::{environment_name, is_outside};
use super::substitute;
use super::text::{Node, Part, to_map};
use super::{Body, Document, DocumentError, GivenParameters};

pub const TYPES: &[&str] = &["Standard_Stream", "InteractiveCommands", "NonInteractiveCommands", "Port"];

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionBody {
    pub session_type: String,
    pub inputs: Map<String, Value>,
    pub properties: Value,
}

/// A Session document with the caller's values in it.
#[derive(Clone, Debug, PartialEq)]
pub struct BoundSession {
    pub body: SessionBody,
    /// Parameters with `interpolationType: ENV_VAR`, as `SSM_<name>`.
    pub environment: BTreeMap<String, String>,
}

impl Document {
    /// Fills in the caller's values and the defaults. Members of `properties` named `commands` get the name of the variable where a
    /// parameter is one.
    ///
    /// *Errors*: a parameter that is wrong, a reference to a stored one (which sessions do not have), another kind of document.
    pub fn bind_session(&self, given: &GivenParameters) -> Result<BoundSession, DocumentError> {
        let Body::Session(body) = &self.body else {
            return Err(DocumentError::NotASession(self.schema));
        };
        let values = self.parameters.bind(given)?;
        let mut outside = None;
        let mut see = |text: &str| {
            outside = outside
                .take()
                .or(substitute::references(text).find(|name| is_outside(name)).map(str::to_owned))
        };
        substitute::each_text(&body.properties, &mut see);
        values.values().for_each(|value| substitute::each_text(value, &mut see));
        if let Some(name) = outside {
            return Err(DocumentError::Reference(name));
        }
        let is_environment = |name: &str| self.parameters.get(name).is_some_and(|spec| spec.is_environment);
        let plain = |name: &str| values.get(name).cloned();
        let in_script = |name: &str| match is_environment(name) {
            true => Some(Value::String(format!("${{{}}}", environment_name(name)))),
            false => plain(name),
        };
        let environment = values.iter().filter(|(name, _)| is_environment(name));
        Ok(BoundSession {
            body: SessionBody {
                session_type: body.session_type.clone(),
                inputs: body
                    .inputs
                    .iter()
                    .map(|(key, value)| (key.clone(), substitute::replace(value, &plain)))
                    .collect(),
                properties: filled(&body.properties, &plain, &in_script),
            },
            environment: environment
                .map(|(name, value)| (environment_name(name), substitute::as_text(value)))
                .collect(),
        })
    }
}

type Lookup<'a> = &'a dyn Fn(&str) -> Option<Value>;

fn filled(value: &Value, plain: Lookup<'_>, in_script: Lookup<'_>) -> Value {
    let Value::Object(members) = value else {
        return substitute::replace(value, plain);
    };
    let fill = |(key, value): (&String, &Value)| {
        let value = match key.as_str() {
            "commands" => substitute::replace(value, in_script),
            _ => filled(value, plain, in_script),
        };
        (key.clone(), value)
    };
    members.iter().map(fill).collect()
}

pub fn read(checker: &mut Checker, root: &Node) -> SessionBody {
    let mut body = SessionBody::default();
    let Part::Map(members) = &root.part else { return body };
    let what = format!("it is one of {}", TYPES.join(", "));
    if let Some(node) = checker.required(root, &Path::ROOT, "sessionType", &what) {
        let path = Path::ROOT.key("sessionType");
        body.session_type = checker.text(node, &path).unwrap_or_default().to_owned();
        if !TYPES.contains(&body.session_type.as_str()) {
            let message = format!("`{}` is no session type: use one of {}", body.session_type, TYPES.join(", "));
            checker.error(node.at, &path, message);
        }
    }
    if let Some(node) = find(members, "inputs").filter(|node| node.part != Part::Null) {
        body.inputs = checker.map(node, &Path::ROOT.key("inputs")).map(to_map).unwrap_or_default();
        for (key, limit) in [("idleSessionTimeout", 60), ("maxSessionDuration", 1440)] {
            check_minutes(checker, node, key, limit);
        }
    }
    body.properties = find(members, "properties").map(Node::to_value).unwrap_or(Value::Null);
    body
}

fn check_minutes(checker: &mut Checker, inputs: &Node, key: &str, limit: u32) {
    let Some(node) = inputs.member(key) else { return };
    let text = node.scalar().unwrap_or_default();
    let is_fine = text.is_empty() || text.contains("{{") || text.parse().is_ok_and(|minutes: u32| (1..=limit).contains(&minutes));
    if !is_fine {
        let path = Path::ROOT.key("inputs");
        checker.error(node.at, &path.key(key), format!("must be a number of minutes from 1 to {limit}"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(properties: Value) -> Document {
        let content = json!({
            "schemaVersion": "1.0",
            "sessionType": "InteractiveCommands",
            "inputs": {"idleSessionTimeout": "{{ minutes }}"},
            "parameters": {
                "minutes": {"type": "String", "default": "5", "allowedPattern": "^[0-9]+$"},
                "file": {"type": "String", "interpolationType": "ENV_VAR", "default": "/etc/motd"},
                "list": {"type": "StringList", "default": ["a", "b"]},
            },
            "properties": properties,
        });
        Document::parse(&content).unwrap()
    }

    fn given(name: &str, value: &str) -> GivenParameters {
        GivenParameters::from([(name.to_owned(), vec![value.to_owned()])])
    }

    #[test]
    fn values_are_filled_in_and_a_variable_stays_one_in_commands() {
        let document =
            document(json!({"linux": {"commands": "tail -f {{ file }}", "runAsElevated": true}, "note": "{{ file }} {{minutes}}"}));
        let bound = document.bind_session(&given("file", "x; reboot")).unwrap();
        assert_eq!(bound.body.properties["linux"]["commands"], "tail -f ${SSM_file}");
        assert_eq!(bound.body.properties["note"], "x; reboot 5");
        assert_eq!(bound.body.inputs["idleSessionTimeout"], "5");
        assert_eq!(bound.environment, BTreeMap::from([("SSM_file".to_owned(), "x; reboot".to_owned())]));
    }

    #[test]
    fn a_wrong_value_an_unknown_name_and_a_stored_parameter_are_refused() {
        let plain = document(json!({"linux": {"commands": "id"}}));
        let why = |document: &Document, given: &GivenParameters| document.bind_session(given).unwrap_err().to_string();
        assert!(why(&plain, &given("minutes", "soon")).contains("`minutes`"));
        assert!(why(&plain, &given("colour", "red")).contains("`colour`"));
        assert!(why(&plain, &given("minutes", "{{ssm:/a}}")).contains("`minutes`"));
        assert!(why(&plain, &given("file", "{{ssm:/a}}")).contains("ssm:/a"));
        let stored = document(json!({"linux": {"commands": "echo {{ssm:/a/b}}"}}));
        assert!(why(&stored, &GivenParameters::new()).contains("ssm:/a/b"));
    }

    #[test]
    fn a_command_document_is_no_session() {
        let content =
            json!({"schemaVersion": "2.2", "mainSteps": [{"name": "a", "action": "aws:runShellScript", "inputs": {"runCommand": ["id"]}}]});
        let why = Document::parse(&content)
            .unwrap()
            .bind_session(&GivenParameters::new())
            .unwrap_err();
        assert!(matches!(why, DocumentError::NotASession(_)));
    }
}
