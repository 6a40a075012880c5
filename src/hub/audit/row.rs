//! One row of the audit log, and what its hash is made of.
//!
//! *Shape*: row hash = SHA-256(hash of the row before ‖ content). The content is a version word and then every member in the
//! order of [`Row`], numbers as 8 bytes big-endian, texts and lists with their length in front, so that no two rows have the
//! same content.

use aws_lc_rs::digest::{Context, SHA256};

use crate::base::Timestamp;
use crate::base::id::{CommandId, NodeId};
use crate::hub::audit::Entry;
use crate::hub::store::{Notes, Row as Stored, StoreError};

const VERSION: &[u8] = b"roadstead audit row v1";
/// Longest text of a row, in characters: a caller chooses targets, and must not choose how large the log grows.
const MAX_TEXT: usize = 1024;

pub type Hash = [u8; 32];

/// A row as it is stored. Texts are whatever the database holds, so that a row that was tampered with can be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub seq: i64,
    pub at: Timestamp,
    pub request_id: String,
    pub caller: String,
    /// The user behind the caller, or empty.
    pub user_name: String,
    pub address: String,
    pub operation: String,
    pub target: String,
    pub command_id: String,
    pub outcome: String,
    /// How many equal attempts this row stands for.
    pub repeats: i64,
    pub detail: String,
    /// Sorted, each once.
    pub nodes: Vec<String>,
    pub hash: Vec<u8>,
}

impl Row {
    /// The next row of the chain after `previous`.
    pub fn new(seq: i64, previous: &Hash, entry: Entry, notes: Notes, repeats: i64) -> Self {
        let named = |prefix: &str, text: &str| text.strip_prefix(prefix).map(str::to_owned);
        let mut nodes: Vec<String> = notes.nodes.iter().map(ToString::to_string).collect();
        for text in [named("node/", &entry.target), named("node:", &entry.caller)].into_iter().flatten() {
            nodes.extend(text.parse::<NodeId>().map(|node| node.to_string()));
        }
        nodes.sort();
        nodes.dedup();
        let command = named("command/", &entry.target).and_then(|text| text.parse::<CommandId>().ok());
        let detail = if notes.detail.is_empty() { entry.detail } else { notes.detail };
        let mut row = Self {
            seq,
            at: entry.at,
            request_id: bounded(entry.request_id),
            user_name: bounded(user_of(&entry.caller).to_owned()),
            caller: bounded(entry.caller),
            address: bounded(entry.address),
            operation: bounded(entry.operation),
            target: bounded(entry.target),
            command_id: notes.command.or(command).map(|id| id.to_string()).unwrap_or_default(),
            outcome: entry.outcome.as_str().to_owned(),
            repeats,
            detail: bounded(detail),
            nodes,
            hash: Vec::new(),
        };
        row.hash = row.hash_after(previous).to_vec();
        row
    }

    /// What the hash must be when the row before has the hash `previous`.
    pub fn hash_after(&self, previous: &Hash) -> Hash {
        let mut digest = Context::new(&SHA256);
        digest.update(previous);
        digest.update(VERSION);
        digest.update(&self.seq.to_be_bytes());
        digest.update(&self.at.millis().to_be_bytes());
        digest.update(&self.repeats.to_be_bytes());
        self.texts().into_iter().for_each(|text| add(&mut digest, text));
        digest.update(&(self.nodes.len() as u64).to_be_bytes());
        self.nodes.iter().for_each(|node| add(&mut digest, node));
        let mut hash = [0; 32];
        hash.copy_from_slice(digest.finish().as_ref());
        hash
    }

    /// In the order in which they are hashed.
    fn texts(&self) -> [&str; 9] {
        [
            &self.request_id,
            &self.caller,
            &self.user_name,
            &self.address,
            &self.operation,
            &self.target,
            &self.command_id,
            &self.outcome,
            &self.detail,
        ]
    }

    /// About what the row's text takes.
    pub fn size_bytes(&self) -> usize {
        let nodes = self.nodes.iter().map(|node| node.len() + 3);
        400 + self.texts().iter().map(|text| text.len()).sum::<usize>() + nodes.sum::<usize>()
    }

    /// All but the nodes, which lie in a table of their own.
    pub fn from_stored(row: &Stored<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            seq: row.get("seq")?,
            at: row.get("at")?,
            request_id: row.get("request_id")?,
            caller: row.get("caller")?,
            user_name: row.get("user_name")?,
            address: row.get("address")?,
            operation: row.get("operation")?,
            target: row.get("target")?,
            command_id: row.get("command_id")?,
            outcome: row.get("outcome")?,
            repeats: row.get("repeats")?,
            detail: row.get("detail")?,
            nodes: Vec::new(),
            hash: row.get("hash")?,
        })
    }
}

fn add(digest: &mut Context, text: &str) {
    digest.update(&(text.len() as u64).to_be_bytes());
    digest.update(text.as_bytes());
}

/// The text, or its beginning and `…`; cutting twice changes nothing more.
pub fn bounded(text: String) -> String {
    let cut = if text.len() > MAX_TEXT {
        text.char_indices().nth(MAX_TEXT)
    } else {
        None
    };
    match cut {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// `user:ann/key:AKIA…` → `ann`; callers that are no users have none.
fn user_of(caller: &str) -> &str {
    match caller.strip_prefix("user:") {
        Some(rest) => rest.split('/').next().unwrap_or_default(),
        None if caller == "local" => "local",
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::audit::Outcome;
    use proptest::prelude::*;

    fn entry(caller: &str, target: &str) -> Entry {
        Entry {
            at: Timestamp::from_millis(1),
            request_id: "r".into(),
            caller: caller.into(),
            address: "192.0.2.1".into(),
            operation: "ssm:SendCommand".into(),
            target: target.into(),
            outcome: Outcome::Done,
            detail: String::new(),
        }
    }

    #[test]
    fn who_and_what_is_touched_is_read_from_caller_and_target() {
        let node = NodeId::random();
        let by_user = Row::new(
            1,
            &[0; 32],
            entry("user:ann/key:AKIA1", &format!("node/{node}")),
            Notes::default(),
            1,
        );
        assert_eq!((by_user.user_name.as_str(), by_user.nodes), ("ann", vec![node.to_string()]));
        let command = CommandId::random();
        let by_node = Row::new(
            1,
            &[0; 32],
            entry(&format!("node:{node}"), &format!("command/{command}")),
            Notes::default(),
            1,
        );
        assert_eq!((by_node.user_name.as_str(), by_node.nodes), ("", vec![node.to_string()]));
        assert_eq!(by_node.command_id, command.to_string());
    }

    #[test]
    fn a_callers_text_cannot_make_a_row_large() {
        let row = Row::new(1, &[0; 32], entry("user:a", &"é".repeat(100_000)), Notes::default(), 1);
        assert_eq!(row.target.chars().count(), MAX_TEXT + 1);
    }

    proptest! {
        /// A character moved from one member to the next makes another content.
        #[test]
        fn no_two_rows_share_their_content(texts in proptest::collection::vec("[ab]{0,3}", 9), at in 0usize..8) {
            let row = |texts: &[String]| {
                let mut row = Row::new(1, &[0; 32], entry("user:a", "hub"), Notes::default(), 1);
                let members = [
                    &mut row.request_id, &mut row.caller, &mut row.user_name, &mut row.address, &mut row.operation,
                    &mut row.target, &mut row.command_id, &mut row.outcome, &mut row.detail,
                ];
                members.into_iter().zip(texts).for_each(|(member, text)| member.clone_from(text));
                row
            };
            let mut moved = texts.clone();
            if let Some(last) = moved[at].pop() {
                moved[at + 1].insert(0, last);
            }
            let (one, other) = (row(&texts), row(&moved));
            prop_assert_eq!(one == other, one.hash_after(&[0; 32]) == other.hash_after(&[0; 32]));
        }
    }
}
