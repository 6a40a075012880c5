//! Whom to tell of a command, and of what.

use serde_json::{Value, json};

#[derive(clap::Args)]
#[command(next_help_heading = "Notifications")]
pub struct Notify {
    /// Tell this channel; see `roadstead channel`
    #[arg(long = "notify", value_name = "CHANNEL")]
    channel: Option<String>,
    /// Of these states only, repeatable
    #[arg(long = "notify-on", value_name = "STATE", value_enum, requires = "channel")]
    states: Vec<State>,
    /// Of each node's share, not of the command as a whole
    #[arg(long = "notify-each", requires = "channel")]
    each: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum State {
    InProgress,
    Success,
    TimedOut,
    Cancelled,
    Failed,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "InProgress",
            Self::Success => "Success",
            Self::TimedOut => "TimedOut",
            Self::Cancelled => "Cancelled",
            Self::Failed => "Failed",
        }
    }
}

impl Notify {
    /// Adds its member to a SendCommand, in upstream's words: a channel is a topic.
    pub fn name(&self, request: &mut Value) {
        let Some(channel) = &self.channel else { return };
        let events: Vec<&str> = match self.states.is_empty() {
            true => vec!["All"],
            false => self.states.iter().map(|state| state.as_str()).collect(),
        };
        request["NotificationConfig"] = json!({
            "NotificationArn": format!("arn:aws:sns:local:000000000000:{channel}"),
            "NotificationEvents": events,
            "NotificationType": if self.each { "Invocation" } else { "Command" },
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_named_as_a_topic() {
        let mut request = json!({});
        let notify = Notify {
            channel: Some("ops".into()),
            states: vec![State::TimedOut],
            each: true,
        };
        notify.name(&mut request);
        let wanted = json!({"NotificationArn": "arn:aws:sns:local:000000000000:ops", "NotificationEvents": ["TimedOut"], "NotificationType": "Invocation"});
        assert_eq!(request["NotificationConfig"], wanted);
    }
}
