//! What a sender is told of a command: upstream's `NotificationConfig`, through a channel of ours.
//!
//! `NotificationArn` names a topic, `arn:aws:sns:REGION:ACCOUNT:TOPIC`; ours is the channel of that name. Words are put into the
//! log in the transaction that changes the state, so that none is missing and none tells of what did not happen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::base::id::{CommandId, NodeId};
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::constraint;
use crate::hub::capabilities::commands::rows::{self, Command};
use crate::hub::capabilities::commands::state::State;
use crate::hub::capabilities::notifications::channels;
use crate::hub::capabilities::notifications::log::{self, Message};
use crate::hub::store::{StoreError, Tx};

const EVENTS: &[&str] = &["All", "InProgress", "Success", "TimedOut", "Cancelled", "Failed"];
const KINDS: &[&str] = &["Command", "Invocation"];

/// As upstream's member of the same name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
#[schemars(rename = "NotificationConfig")]
pub struct Config {
    #[serde(skip_serializing_if = "String::is_empty")]
    notification_arn: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notification_events: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notification_type: Option<String>,
}

impl Config {
    /// What was kept with a command; `None` for one that wants nothing.
    fn kept(given: Option<&Json>) -> Option<Self> {
        let config: Self = serde_json::from_value(given?.clone()).ok()?;
        (config != Self::default()).then_some(config)
    }

    /// What can be judged without the channels.
    ///
    /// *Errors*: `ValidationException`, `InvalidNotificationConfig`.
    pub fn check(&self) -> ApiResult<()> {
        let invalid = |why: &str| Err(ApiError::new("InvalidNotificationConfig", why));
        if *self == Self::default() {
            return Ok(());
        }
        for event in &self.notification_events {
            constraint::one_of(event, "notificationConfig.notificationEvents", EVENTS)?;
        }
        if let Some(kind) = &self.notification_type {
            constraint::one_of(kind, "notificationConfig.notificationType", KINDS)?;
        }
        if self.topic().is_none() {
            return invalid(
                "`NotificationArn` is the ARN of a topic, arn:aws:sns:REGION:ACCOUNT:TOPIC; the topic is a channel of this hub",
            );
        }
        if self.notification_events.is_empty() {
            return invalid("`NotificationEvents` names at least one event, or All");
        }
        Ok(())
    }

    /// The channel's name.
    fn topic(&self) -> Option<&str> {
        let parts: Vec<&str> = self.notification_arn.split(':').collect();
        match parts[..] {
            ["arn", _, "sns", _, _, topic] if !topic.is_empty() => Some(topic),
            _ => None,
        }
    }

    fn kind(&self) -> &str {
        self.notification_type.as_deref().unwrap_or("Command")
    }

    fn wants(&self, status: &str) -> bool {
        self.notification_events.iter().any(|event| event == "All" || event == status)
    }
}

/// Whether the channel that a sender named is there.
///
/// *Errors*: `InvalidNotificationConfig`.
pub fn check(tx: &Tx<'_>, given: Option<&Json>) -> ApiResult<()> {
    let Some(config) = Config::kept(given) else {
        return Ok(());
    };
    let topic = config.topic().unwrap_or_default();
    match channels::sql::find(tx, topic)? {
        Some(_) => Ok(()),
        None => {
            let shown: String = topic.chars().filter(|c| !c.is_control()).take(64).collect();
            Err(ApiError::new(
                "InvalidNotificationConfig",
                format!("there is no notification channel `{shown}` on this hub"),
            ))
        }
    }
}

/// For the column by which a change of state knows at once whether anybody is to be told: `Command`, `Invocation`, or nothing.
pub fn kind(given: Option<&Json>) -> Option<String> {
    Some(Config::kept(given)?.kind().to_owned())
}

/// Tells that the whole command has come to this state.
pub fn command(tx: &Tx<'_>, command: &Command, at: Timestamp) -> Result<(), StoreError> {
    let Some(config) = wanted(command, "Command") else { return Ok(()) };
    let (status, details) = command.status_pair();
    if !config.wants(status) {
        return Ok(());
    }
    let name = title(command);
    let text = format!(
        "{name}\nStatus: {status} ({details})\nNodes: {} of {} done, {} failed, {} not reached\nSent by {}\nCommand: {}\n",
        command.completed_count,
        command.target_count,
        command.error_count,
        command.delivery_timed_out_count,
        command.requested_by,
        command.id
    );
    let mut details = details_of(command, status, at);
    details["instanceIds"] = json!(command.instance_ids);
    say(tx, &config, format!("{status}: {name}"), text, details, at)
}

/// Tells that a node's share has come to this state.
pub fn invocation(tx: &Tx<'_>, id: &CommandId, node: &NodeId, state: State, at: Timestamp) -> Result<(), StoreError> {
    let Some(command) = rows::sql::command(tx, id)? else {
        return Ok(());
    };
    let Some(config) = wanted(&command, "Invocation") else {
        return Ok(());
    };
    let status = state.status();
    if !config.wants(status) {
        return Ok(());
    }
    let found = rows::sql::invocation(tx, id, node)?;
    let (shown, message) = found.map_or_else(
        || (node.to_string(), String::new()),
        |found| (format!("{} ({node})", found.node_name), found.message),
    );
    let name = title(&command);
    let text = format!(
        "{name}\nNode: {shown}\nStatus: {status} ({})\n{message}\nCommand: {}\n",
        state.as_str(),
        command.id
    );
    let mut details = details_of(&command, status, at);
    details["instanceId"] = json!(node);
    details["detailedStatus"] = json!(state.as_str());
    say(tx, &config, format!("{status} on {shown}: {name}"), text, details, at)
}

fn wanted(command: &Command, kind: &str) -> Option<Config> {
    Config::kept(command.extras.notification_config.as_ref()).filter(|config| config.kind() == kind)
}

fn title(command: &Command) -> String {
    match command.comment.is_empty() {
        true => command.document_name.clone(),
        false => format!("{} ({})", command.comment, command.document_name),
    }
}

/// *Source*: AWS docs, "Example SNS notifications for Run Command": the members a topic's readers know.
fn details_of(command: &Command, status: &str, at: Timestamp) -> Json {
    json!({
        "commandId": command.id,
        "documentName": command.document_name,
        "requestedDateTime": command.requested_at.to_string(),
        "expiresAfter": command.expires_at.to_string(),
        "outputS3BucketName": command.extras.output_s3_bucket_name.clone().unwrap_or_default(),
        "outputS3KeyPrefix": command.extras.output_s3_key_prefix.clone().unwrap_or_default(),
        "status": status,
        "eventTime": at.to_string(),
        "comment": command.comment,
        "requestedBy": command.requested_by,
    })
}

fn say(tx: &Tx<'_>, config: &Config, subject: String, text: String, details: Json, at: Timestamp) -> Result<(), StoreError> {
    let subject: String = subject.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    let message = Message { subject, text, details };
    log::queue(tx, config.topic().unwrap_or_default(), &message, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_read_as_upstream_reads_it() {
        let given = |events: Json, kind: &str| json!({"NotificationArn": "arn:aws:sns:eu-x:1:ops", "NotificationEvents": events, "NotificationType": kind});
        let kept = |given: Json| Config::kept(Some(&given));
        let config = kept(given(json!(["Failed"]), "Invocation")).unwrap();
        assert_eq!((config.topic(), config.kind()), (Some("ops"), "Invocation"));
        assert!(config.wants("Failed") && !config.wants("Success") && config.check().is_ok());
        assert!(kept(given(json!(["All"]), "Command")).unwrap().wants("Success"));
        let code = |given: Json| kept(given).unwrap().check().unwrap_err().code;
        assert_eq!(code(given(json!(["Sometimes"]), "Command")), "ValidationException");
        assert_eq!(code(given(json!(["All"]), "Node")), "ValidationException");
        assert_eq!(code(given(json!([]), "Command")), "InvalidNotificationConfig");
        assert_eq!(
            code(json!({"NotificationArn": "ops", "NotificationEvents": ["All"]})),
            "InvalidNotificationConfig"
        );
        for nothing in [json!({}), json!({"NotificationArn": "", "NotificationEvents": []})] {
            assert_eq!(kept(nothing), None);
        }
        assert!(Config::default().check().is_ok());
    }
}
