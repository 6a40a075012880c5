//! What a Session document asks for, once the caller's parameters are in it.
//!
//! Differs: upstream keeps, encrypts and runs as another user what a Session document says; none of that is here yet, so a document
//! that asks for it starts nothing, and the error names the element.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::base::{ApiError, ApiResult};
use crate::hub::capabilities::documents::lookup::Found;
use crate::model::document::{BoundSession, Document, DocumentError, GivenParameters, SessionBody};
use crate::wire::session::{Port, Script, Streams, Work};

const MINUTE_MS: i64 = 60_000;
/// A session without input for so long is ended (upstream's default); there is no longest duration.
const IDLE_MINUTES: i64 = 20;
/// Texts of `inputs` whose effect is missing here, so that they must be empty.
const NOT_HERE: &[&str] = &["s3BucketName", "cloudWatchLogGroupName", "kmsKeyId"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub work: Work,
    pub idle_timeout_ms: i64,
    /// Zero: none.
    pub max_duration_ms: i64,
}

/// *Errors*: `InvalidDocument` when it is none for sessions, or asks for what there is not; `InvalidParameters`.
pub fn plan(found: &Found, given: &GivenParameters) -> ApiResult<Plan> {
    let invalid = |why: String| ApiError::new("InvalidDocument", format!("document `{}` {why}", found.name));
    if found.kind != "Session" {
        let kind = &found.kind;
        return Err(invalid(format!(
            "is of the type `{kind}`: a session is started by one of the type `Session`"
        )));
    }
    let document = Document::parse(&found.content).map_err(|why| invalid(format!("cannot be used: {why}")))?;
    let bound = document.bind_session(given).map_err(|why| match why {
        DocumentError::Parameter(why) => ApiError::new("InvalidParameters", format!("document `{}`: {why}", found.name)),
        why => invalid(format!("cannot be used: {why}")),
    })?;
    let BoundSession { body, environment } = bound;
    refuse_what_is_not_here(&body.inputs).map_err(invalid)?;
    Ok(Plan {
        idle_timeout_ms: minutes(&body.inputs, "idleSessionTimeout", 60)
            .map_err(invalid)?
            .unwrap_or(IDLE_MINUTES)
            * MINUTE_MS,
        max_duration_ms: minutes(&body.inputs, "maxSessionDuration", 1440).map_err(invalid)?.unwrap_or(0) * MINUTE_MS,
        work: work(&body, environment).map_err(invalid)?,
    })
}

fn refuse_what_is_not_here(inputs: &Map<String, Value>) -> Result<(), String> {
    for name in NOT_HERE {
        if inputs.get(*name).is_some_and(|value| !text(value).is_empty()) {
            return Err(format!("has the input `{name}`, which this hub does not have: leave it empty"));
        }
    }
    match inputs.get("runAsEnabled").is_some_and(is_true) {
        true => Err("has the input `runAsEnabled`: a session runs as the agent's user here, and as no other".into()),
        false => Ok(()),
    }
}

fn minutes(inputs: &Map<String, Value>, name: &str, most: i64) -> Result<Option<i64>, String> {
    let given = inputs.get(name).map(text).unwrap_or_default();
    if given.is_empty() {
        return Ok(None);
    }
    let number = given.parse().ok().filter(|number| (1..=most).contains(number));
    let wrong = || format!("has the input `{name}`, which must be a number of minutes from 1 to {most}");
    number.map(Some).ok_or_else(wrong)
}

fn work(body: &SessionBody, environment: BTreeMap<String, String>) -> Result<Work, String> {
    match body.session_type.as_str() {
        "Standard_Stream" => {
            let profile = body.inputs.get("shellProfile").and_then(|profile| profile.get("linux"));
            Ok(Work::Shell {
                profile: profile.map(text).unwrap_or_default(),
            })
        }
        "InteractiveCommands" => Ok(Work::Interactive(script(body, environment)?)),
        "NonInteractiveCommands" => Ok(Work::NonInteractive {
            script: script(body, environment)?,
            streams: streams(body)?,
        }),
        "Port" => port(&body.properties).map(Work::Port),
        other => Err(format!("has the session type `{other}`, which does not exist")),
    }
}

fn script(body: &SessionBody, variables: BTreeMap<String, String>) -> Result<Script, String> {
    let commands = body.properties.get("linux").and_then(|linux| linux.get("commands"));
    let commands = match commands {
        Some(Value::Array(lines)) => lines.iter().map(text).collect::<Vec<_>>().join("\n"),
        Some(value) => text(value),
        None => String::new(),
    };
    match commands.trim().is_empty() {
        true => Err("has no commands in `properties.linux.commands`".into()),
        false => Ok(Script { commands, variables }),
    }
}

fn streams(body: &SessionBody) -> Result<Streams, String> {
    let linux = body.properties.get("linux");
    let member = |name: &str| linux.and_then(|linux| linux.get(name)).or_else(|| body.properties.get(name));
    for name in ["stdoutSeparatorPrefix", "stderrSeparatorPrefix"] {
        if member(name).is_some_and(|value| !text(value).is_empty()) {
            return Err(format!("has the property `{name}`, which this hub does not have: leave it empty"));
        }
    }
    Ok(match member("separateOutputStream").is_some_and(is_true) {
        true => Streams::Apart,
        false => Streams::Together,
    })
}

fn port(properties: &Value) -> Result<Port, String> {
    let members = properties.as_object().cloned().unwrap_or_default();
    let mut texts = BTreeMap::new();
    for (name, value) in members {
        match value {
            // Both programs of upstream fail at anything else than a text here.
            Value::Array(_) | Value::Object(_) | Value::Null => return Err(format!("has the property `{name}`, which must be a text")),
            value => texts.insert(name, text(&value)),
        };
    }
    let number = texts.get("portNumber").and_then(|text| text.parse().ok()).filter(|port| *port != 0);
    let port = number.ok_or("has no `properties.portNumber` from 1 to 65535")?;
    if let Some(kind) = texts.get("type").filter(|kind| *kind != "LocalPortForwarding") {
        return Err(format!("has the port type `{kind}`; there is `LocalPortForwarding`, or none"));
    }
    let host = texts.get("host").filter(|host| !host.is_empty()).cloned();
    Ok(Port {
        host,
        port,
        properties: texts,
    })
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn is_true(value: &Value) -> bool {
    text(value).eq_ignore_ascii_case("true")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn planned(content: Value, given: &[(&str, &str)]) -> Result<Plan, (&'static str, String)> {
        let mut found = Found::kept("Mine", content);
        found.kind = "Session".into();
        let given = given
            .iter()
            .map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()]))
            .collect();
        plan(&found, &given).map_err(|error| (error.code, error.message))
    }

    fn shell(inputs: Value) -> Value {
        json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs})
    }

    #[test]
    fn a_shell_has_its_times_and_its_profile() {
        let plan = planned(
            shell(json!({"idleSessionTimeout": "5", "maxSessionDuration": 60, "shellProfile": {"linux": "cd /tmp"}})),
            &[],
        );
        let profile = "cd /tmp".to_owned();
        let expected = Plan {
            work: Work::Shell { profile },
            idle_timeout_ms: 300_000,
            max_duration_ms: 3_600_000,
        };
        assert_eq!(plan, Ok(expected));
        let bare = planned(
            shell(json!({"idleSessionTimeout": "", "kmsKeyId": "", "runAsEnabled": false, "runAsDefaultUser": "x"})),
            &[],
        )
        .unwrap();
        assert_eq!(
            (bare.work, bare.idle_timeout_ms, bare.max_duration_ms),
            (Work::default(), 1_200_000, 0)
        );
    }

    #[test]
    fn what_there_is_not_is_named() {
        for (inputs, word) in [
            (json!({"s3BucketName": "b"}), "`s3BucketName`"),
            (json!({"cloudWatchLogGroupName": "g"}), "`cloudWatchLogGroupName`"),
            (json!({"kmsKeyId": "k"}), "`kmsKeyId`"),
            (json!({"runAsEnabled": true}), "`runAsEnabled`"),
            (json!({"runAsEnabled": "true"}), "`runAsEnabled`"),
        ] {
            let (code, message) = planned(shell(inputs), &[]).unwrap_err();
            assert!(code == "InvalidDocument" && message.contains(word), "{message}");
        }
    }

    #[test]
    fn commands_are_a_text_or_lines_and_never_missing() {
        let document = |kind: &str, properties: Value| json!({"schemaVersion": "1.0", "sessionType": kind, "properties": properties});
        let lines = planned(document("InteractiveCommands", json!({"linux": {"commands": ["a", "b"]}})), &[]).unwrap();
        assert!(matches!(lines.work, Work::Interactive(script) if script.commands == "a\nb"));
        let apart = json!({"linux": {"commands": "id", "separateOutputStream": "true"}});
        let apart = planned(document("NonInteractiveCommands", apart), &[]).unwrap();
        assert!(matches!(
            apart.work,
            Work::NonInteractive {
                streams: Streams::Apart,
                ..
            }
        ));
        for bad in [
            json!({}),
            json!({"windows": {"commands": "dir"}}),
            json!({"linux": {"commands": " "}}),
        ] {
            assert_eq!(planned(document("InteractiveCommands", bad), &[]).unwrap_err().0, "InvalidDocument");
        }
        let prefix = json!({"linux": {"commands": "id", "stderrSeparatorPrefix": "E:"}});
        let (_, message) = planned(document("NonInteractiveCommands", prefix), &[]).unwrap_err();
        assert!(message.contains("`stderrSeparatorPrefix`"));
    }

    fn port_document() -> Value {
        json!({
            "schemaVersion": "1.0", "sessionType": "Port",
            "parameters": {"port": {"type": "String", "default": "80"}, "host": {"type": "String", "default": ""}},
            "properties": {"portNumber": "{{ port }}", "host": "{{ host }}", "type": "LocalPortForwarding"},
        })
    }

    #[test]
    fn a_port_is_a_number_and_its_properties_are_texts() {
        let plan = planned(port_document(), &[("port", "5432"), ("host", "db.lan")]).unwrap();
        let Work::Port(port) = plan.work else { panic!("{plan:?}") };
        assert_eq!((port.host.as_deref(), port.port), (Some("db.lan"), 5432));
        assert_eq!(port.properties["portNumber"], "5432");
        let local = planned(port_document(), &[]).unwrap();
        assert!(matches!(local.work, Work::Port(Port { host: None, port: 80, .. })));
        for bad in ["0", "65536", "http", "-1", ""] {
            assert_eq!(planned(port_document(), &[("port", bad)]).unwrap_err().0, "InvalidDocument");
        }
        let mut listed = port_document();
        listed["properties"]["localPortNumber"] = json!(["1"]);
        assert!(planned(listed, &[]).unwrap_err().1.contains("must be a text"));
        let mut other = port_document();
        other["properties"]["type"] = json!("RemotePortForwarding");
        assert!(planned(other, &[]).unwrap_err().1.contains("`RemotePortForwarding`"));
    }

    #[test]
    fn another_documents_name_or_parameters_start_nothing() {
        let found = Found::kept("AWS-RunShellScript", json!({}));
        assert_eq!(plan(&found, &GivenParameters::new()).unwrap_err().code, "InvalidDocument");
        assert_eq!(planned(port_document(), &[("colour", "red")]).unwrap_err().0, "InvalidParameters");
    }
}
