//! The body of Session documents (schema 1.0): preferences, port forwarding, fixed commands.

use serde_json::{Map, Value};

use super::checker::{Checker, find};
use super::problem::Path;
use super::text::{Node, Part, to_map};

pub const TYPES: &[&str] = &["Standard_Stream", "InteractiveCommands", "NonInteractiveCommands", "Port"];

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionBody {
    pub session_type: String,
    pub inputs: Map<String, Value>,
    pub properties: Value,
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
