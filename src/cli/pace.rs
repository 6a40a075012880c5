//! How fast a command goes over its nodes, and when it stops.

use serde_json::{Value, json};

use crate::cli::output::say;

#[derive(clap::Args)]
pub struct Pace {
    /// Nodes at the same time, as a number or a percentage
    #[arg(long, value_name = "N|N%", default_value = "50")]
    concurrency: String,
    /// Failures that are borne: one more, and no further node is begun
    #[arg(long, value_name = "N|N%", default_value = "0")]
    max_errors: String,
    /// So many nodes first; the others follow when all of these have succeeded
    #[arg(long, value_name = "N|N%")]
    canary: Option<String>,
    /// What becomes of nodes that are offline
    #[arg(long, value_enum, default_value_t)]
    pub offline: Offline,
}

/// As `OfflineNodes` of SendCommand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Offline {
    /// The command waits for them until its time-out
    #[default]
    Wait,
    /// They are left out
    Skip,
    /// They count as failed
    Fail,
}

impl Pace {
    /// Adds its members to a SendCommand.
    pub fn name(&self, request: &mut Value) {
        request["MaxConcurrency"] = json!(self.concurrency);
        request["MaxErrors"] = json!(self.max_errors);
        if let Some(canary) = &self.canary {
            request["Canary"] = json!(canary);
        }
        request["OfflineNodes"] = json!(match self.offline {
            Offline::Wait => "Wait",
            Offline::Skip => "Skip",
            Offline::Fail => "Fail",
        });
    }

    /// For a person, before several nodes are touched.
    pub fn say(&self, nodes: u64) {
        if let Some(words) = self.words(nodes) {
            say(&words);
        }
    }

    fn words(&self, nodes: u64) -> Option<String> {
        if nodes < 2 {
            return None;
        }
        let first = match &self.canary {
            Some(canary) => format!("First on {canary}, then on {}", self.concurrency),
            None => format!("On {}", self.concurrency),
        };
        let stop = match self.max_errors.as_str() {
            "0" => "the first failure stops it".to_owned(),
            "100%" => "no failure stops it".to_owned(),
            borne => format!("more than {borne} failures stop it"),
        };
        Some(format!("{first} at a time; {stop}."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_said_before_several_nodes_are_touched() {
        let pace = |canary: Option<&str>, max_errors: &str| Pace {
            concurrency: "10%".into(),
            max_errors: max_errors.into(),
            canary: canary.map(str::to_owned),
            offline: Offline::Skip,
        };
        assert_eq!(pace(None, "0").words(1), None);
        assert_eq!(pace(None, "0").words(2).unwrap(), "On 10% at a time; the first failure stops it.");
        let words = pace(Some("1"), "2").words(9).unwrap();
        assert_eq!(words, "First on 1, then on 10% at a time; more than 2 failures stop it.");
        let mut request = json!({});
        pace(Some("1"), "2").name(&mut request);
        let wanted = json!({"MaxConcurrency": "10%", "MaxErrors": "2", "Canary": "1", "OfflineNodes": "Skip"});
        assert_eq!(request, wanted);
    }
}
