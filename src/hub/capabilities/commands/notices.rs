//! What a sender is told of a command: upstream's `NotificationConfig`, through a channel of ours.
//!
//! `NotificationArn` names a topic, `arn:aws:sns:REGION:ACCOUNT:TOPIC`; ours is the channel of that name. Words are put into the
//! log in the transaction that changes the state, so that none is missing and none tells of what did not happen.

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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    notification_arn: String,
    notification_events: Vec<String>,
    notification_type: Option<String>,
}

impl Config {
    /// *Errors*: `ValidationException`, `InvalidNotificationConfig`.
    fn parse(given: &Json) -> ApiResult<Option<Self>> {
        let invalid = |why: &str| ApiError::new("InvalidNotificationConfig", why);
        let config: Self = serde_json::from_value(given.clone())
            .map_err(|_| ApiError::validation("`NotificationConfig` has NotificationArn, NotificationEvents and NotificationType"))?;
        if config == Self::default() {
            return Ok(None);
        }
        for event in &config.notification_events {
            constraint::one_of(event, "notificationConfig.notificationEvents", EVENTS)?;
        }
        if let Some(kind) = &config.notification_type {
            constraint::one_of(kind, "notificationConfig.notificationType", KINDS)?;
        }
        if config.topic().is_none() {
            return Err(invalid(
                "`NotificationArn` is the ARN of a topic, arn:aws:sns:REGION:ACCOUNT:TOPIC; the topic is a channel of this hub",
            ));
        }
        if config.notification_events.is_empty() {
            return Err(invalid("`NotificationEvents` names at least one event, or All"));
        }
        Ok(Some(config))
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

/// Judges what a sender asked for.
///
/// *Errors*: `ValidationException`, `InvalidNotificationConfig`, also for a channel that is not there.
pub fn check(tx: &Tx<'_>, given: Option<&Json>) -> ApiResult<()> {
    let Some(config) = given.map(Config::parse).transpose()?.flatten() else {
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
    let config = given.map(Config::parse)?.ok()??;
    Some(config.kind().to_owned())
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
    let config = Config::parse(command.extras.notification_config.as_ref()?).ok()??;
    (config.kind() == kind).then_some(config)
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
        let config = Config::parse(&given(json!(["Failed"]), "Invocation")).unwrap().unwrap();
        assert_eq!((config.topic(), config.kind()), (Some("ops"), "Invocation"));
        assert!(config.wants("Failed") && !config.wants("Success"));
        assert!(Config::parse(&given(json!(["All"]), "Command")).unwrap().unwrap().wants("Success"));
        let code = |given: Json| Config::parse(&given).unwrap_err().code;
        assert_eq!(code(given(json!(["Sometimes"]), "Command")), "ValidationException");
        assert_eq!(code(given(json!(["All"]), "Node")), "ValidationException");
        assert_eq!(code(given(json!([]), "Command")), "InvalidNotificationConfig");
        assert_eq!(
            code(json!({"NotificationArn": "ops", "NotificationEvents": ["All"]})),
            "InvalidNotificationConfig"
        );
        assert_eq!(Config::parse(&json!({})).unwrap(), None);
        assert_eq!(
            Config::parse(&json!({"NotificationArn": "", "NotificationEvents": []})).unwrap(),
            None
        );
    }
}
