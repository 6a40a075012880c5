//! Members of a command that upstream's answers always carry whole, whatever of them the sender gave.
//!
//! *Source*: the recorded answers among the examples of aws-cli: scripts read `c["NotificationConfig"]["NotificationArn"]` of commands
//! that tell nobody.

use serde_json::{Value as Json, json};

/// Without a `NotificationType` of nobody's choice: the model has no empty one.
pub fn notification(given: Option<&Json>) -> Json {
    let whole = json!({"NotificationArn": "", "NotificationEvents": []});
    filled(whole, &["NotificationArn", "NotificationEvents", "NotificationType"], given)
}

pub fn cloud_watch_output(given: Option<&Json>) -> Json {
    let whole = json!({"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": false});
    filled(whole, &["CloudWatchLogGroupName", "CloudWatchOutputEnabled"], given)
}

pub fn alarm(given: Option<&Json>) -> Json {
    let whole = json!({"IgnorePollAlarmFailure": false, "Alarms": []});
    filled(whole, &["IgnorePollAlarmFailure", "Alarms"], given)
}

/// With those of the model's members that were given.
fn filled(mut whole: Json, members: &[&str], given: Option<&Json>) -> Json {
    let given = |name: &str| given.and_then(|given| given.get(name)).filter(|value| !value.is_null());
    for name in members {
        if let Some(value) = given(name) {
            whole[*name] = value.clone();
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_stands_in_its_place_and_the_rest_is_empty() {
        assert_eq!(notification(None), json!({"NotificationArn": "", "NotificationEvents": []}));
        let given = json!({"CloudWatchOutputEnabled": true, "CloudWatchLogGroupName": null});
        assert_eq!(
            cloud_watch_output(Some(&given)),
            json!({"CloudWatchOutputEnabled": true, "CloudWatchLogGroupName": ""})
        );
        assert_eq!(
            alarm(Some(&json!({"Alarms": [{"Name": "full"}]}))),
            json!({"IgnorePollAlarmFailure": false, "Alarms": [{"Name": "full"}]})
        );
        assert_eq!(alarm(Some(&Json::Null)), alarm(None));
        assert_eq!(cloud_watch_output(Some(&json!({"Colour": "red"}))), cloud_watch_output(None));
    }
}
