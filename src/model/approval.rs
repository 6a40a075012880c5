//! An operator's approval: the text that an operator signs so that a locked node does what a hub asks.
//!
//! The text is made to be read before it is signed, and it says everything that matters: what, with which parameters, on which
//! nodes, until when, once. There is one spelling of it, so that what was read is what is checked.
//!
//! ```text
//! roadstead operator approval v1
//! act: run                                   or: shell
//! document: AWS-RunShellScript               only for run, as the next two
//! document-sha256: 64 digits
//! parameters-sha256: 64 digits
//! targets: mi-… mi-…
//! not-after: 2026-01-31T09:05:00.000Z
//! nonce: 32 digits
//! ```

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::Timestamp;
use crate::base::id::{NodeId, random_hex};
use crate::model::document::GivenParameters;
use crate::model::lock::content_hash;

const TITLE: &str = "roadstead operator approval v1";
/// The namespace of the signature.
pub const NAMESPACE: &str = "roadstead";
/// A nonce is remembered until its approval is over: the bound keeps what is remembered small.
pub const LONGEST: Duration = Duration::from_secs(31 * 24 * 3600);
pub const MAX_TARGETS: usize = 1000;
const NONCE_DIGITS: usize = 32;

/// A statement with its signature, as it travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Approval {
    /// The signed text, see [`Statement`].
    pub text: String,
    /// What `ssh-keygen -Y sign -n roadstead` printed for it.
    pub signature: String,
}

/// What an operator says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub act: Approved,
    pub targets: Vec<NodeId>,
    pub not_after: Timestamp,
    pub nonce: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approved {
    Run {
        document_name: String,
        document_sha256: String,
        parameters_sha256: String,
    },
    Shell,
}

impl Approved {
    pub fn run(name: &str, document: &Value, parameters: &GivenParameters) -> Self {
        Self::Run {
            document_name: name.to_owned(),
            document_sha256: content_hash(document),
            parameters_sha256: parameters_hash(parameters),
        }
    }
}

/// SHA-256 of the parameters as compact JSON with sorted names, hexadecimal.
pub fn parameters_hash(parameters: &GivenParameters) -> String {
    let text = serde_json::to_string(parameters).expect("a map of texts serialises");
    HEXLOWER.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()).as_ref())
}

impl Statement {
    pub fn new(act: Approved, targets: Vec<NodeId>, not_after: Timestamp) -> Self {
        Self {
            act,
            targets,
            not_after,
            nonce: random_hex(NONCE_DIGITS),
        }
    }

    /// *Errors*: why it does not cover this act on this node, for a person.
    pub fn covers(&self, wanted: &Approved, node: &NodeId) -> Result<(), String> {
        if self.act != *wanted {
            return Err(match (&self.act, wanted) {
                (Approved::Run { .. }, Approved::Run { .. }) => {
                    "the operator signed another document, or other parameters, than what was sent".into()
                }
                _ => "the operator signed another act than what was asked for".into(),
            });
        }
        match self.targets.contains(node) {
            true => Ok(()),
            false => Err(format!("the operator's signature is not for node `{node}`")),
        }
    }

    /// *Errors*: why its time is not now. Both clocks must agree that it has not passed: a hub could lie.
    pub fn is_timely(&self, own: Timestamp, hub: Timestamp) -> Result<(), String> {
        for (clock, now) in [("this node's clock", own), ("the hub's clock", hub)] {
            if now > self.not_after {
                return Err(format!(
                    "the operator's approval ended at {}; by {clock} it is {now}",
                    self.not_after
                ));
            }
        }
        match self.not_after > own + LONGEST {
            true => Err("the operator's approval is for longer than 31 days".into()),
            false => Ok(()),
        }
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{TITLE}")?;
        match &self.act {
            Approved::Run {
                document_name,
                document_sha256,
                parameters_sha256,
            } => {
                writeln!(f, "act: run\ndocument: {document_name}\ndocument-sha256: {document_sha256}")?;
                writeln!(f, "parameters-sha256: {parameters_sha256}")?;
            }
            Approved::Shell => writeln!(f, "act: shell")?,
        }
        let targets: Vec<&str> = self.targets.iter().map(NodeId::as_str).collect();
        writeln!(f, "targets: {}", targets.join(" "))?;
        writeln!(f, "not-after: {}", self.not_after)?;
        writeln!(f, "nonce: {}", self.nonce)
    }
}

impl FromStr for Statement {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let statement = parse(text).ok_or("the operator's text is not an approval, or is damaged")?;
        // One spelling only: nothing may stand there that was not understood.
        match statement.to_string() == text {
            true => Ok(statement),
            false => Err("the operator's text is not an approval in its one spelling".into()),
        }
    }
}

fn parse(text: &str) -> Option<Statement> {
    let mut lines = text.lines();
    if lines.next()? != TITLE {
        return None;
    }
    let mut member = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned);
    let act = match member("act")?.as_str() {
        "run" => Approved::Run {
            document_name: member("document")?,
            document_sha256: member("document-sha256")?,
            parameters_sha256: member("parameters-sha256")?,
        },
        "shell" => Approved::Shell,
        _ => return None,
    };
    let targets: Vec<NodeId> = member("targets")?.split(' ').map(|id| id.parse().ok()).collect::<Option<_>>()?;
    let moment: jiff::Timestamp = member("not-after")?.parse().ok()?;
    let nonce = member("nonce")?;
    let is_nonce = nonce.len() == NONCE_DIGITS && nonce.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (is_nonce && targets.len() <= MAX_TARGETS).then_some(Statement {
        act,
        targets,
        not_after: Timestamp::from_millis(moment.as_millisecond()),
        nonce,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: Timestamp = Timestamp::from_millis(1_764_000_000_000);

    fn wanted(line: &str) -> Approved {
        let parameters = GivenParameters::from([("commands".into(), vec![line.into()])]);
        Approved::run("AWS-RunShellScript", &json!({"a": 1}), &parameters)
    }

    fn statement(act: Approved) -> Statement {
        Statement::new(act, vec![NodeId::random(), NodeId::random()], NOW + Duration::from_secs(60))
    }

    #[test]
    fn a_statement_reads_back_in_its_one_spelling() {
        for act in [wanted("uptime"), Approved::Shell] {
            let statement = statement(act);
            let text = statement.to_string();
            assert_eq!(text.parse(), Ok(statement));
            for changed in [
                text.trim_end().to_owned(),
                text.replace("act:", "act: "),
                format!("{text}targets: mi-00000000000000000\n"),
                text.replace("v1", "v2"),
                text.replace("000Z", "0Z"),
                String::new(),
            ] {
                assert!(changed.parse::<Statement>().is_err(), "{changed}");
            }
        }
    }

    #[test]
    fn it_covers_exactly_what_was_signed() {
        let statement = statement(wanted("uptime"));
        let node = &statement.targets[1];
        assert_eq!(statement.covers(&wanted("uptime"), node), Ok(()));
        assert!(statement.covers(&wanted("reboot"), node).unwrap_err().contains("other parameters"));
        assert!(statement.covers(&Approved::Shell, node).unwrap_err().contains("another act"));
        assert!(statement.covers(&wanted("uptime"), &NodeId::random()).is_err());
    }

    #[test]
    fn its_time_is_over_when_either_clock_says_so() {
        let statement = statement(Approved::Shell);
        let late = NOW + Duration::from_secs(61);
        assert_eq!(statement.is_timely(NOW, NOW), Ok(()));
        assert!(statement.is_timely(late, NOW).unwrap_err().contains("this node's clock"));
        assert!(statement.is_timely(NOW, late).unwrap_err().contains("the hub's clock"));
        assert!(statement.is_timely(NOW - LONGEST, NOW).is_err());
    }
}
