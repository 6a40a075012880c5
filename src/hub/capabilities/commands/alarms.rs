//! `AlarmConfiguration`: kept with the command and shown again.
//!
//! Differs: an `AlarmConfiguration` is kept and shown, and stops nothing: there are no alarms here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::violations::Violations;

const MAX_NAME: usize = 255;

/// As upstream's member of the same name.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct AlarmConfiguration {
    #[serde(skip_serializing_if = "Option::is_none")]
    ignore_poll_alarm_failure: Option<bool>,
    alarms: Vec<Alarm>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct Alarm {
    name: String,
}

impl AlarmConfiguration {
    /// Adds what the service model does not allow.
    pub fn judge(&self, broken: &mut Violations) {
        let list = "alarmConfiguration.alarms";
        let count = format!("[{} entries]", self.alarms.len());
        match self.alarms.len() {
            0 => broken.add(&count, list, "have length greater than or equal to 1"),
            1 => {}
            _ => broken.add(&count, list, "have length less than or equal to 1"),
        }
        for (number, Alarm { name }) in (1..).zip(&self.alarms) {
            let member = format!("{list}.{number}.member.name");
            broken.length(Some(name), &member, 1..=MAX_NAME);
            if name.trim().is_empty() || name.contains(['\n', '\r']) {
                broken.add(name, &member, r"satisfy regular expression pattern: ^(?!\s*$).+");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn there_is_one_alarm_with_a_name() {
        let is_fine = |alarms: serde_json::Value| {
            let given: AlarmConfiguration = serde_json::from_value(json!({ "Alarms": alarms })).unwrap();
            let mut broken = Violations::default();
            given.judge(&mut broken);
            broken.check().is_ok()
        };
        assert!(is_fine(json!([{"Name": "disk full"}])) && is_fine(json!([{"Name": "x".repeat(255)}])));
        for wrong in [
            json!([]),
            json!([{"Name": "a"}, {"Name": "b"}]),
            json!([{"Name": ""}]),
            json!([{"Name": "  "}]),
            json!([{"Name": "x".repeat(256)}]),
        ] {
            assert!(!is_fine(wrong.clone()), "{wrong}");
        }
    }
}
