//! The hub's warrant: what makes an order one that this node may carry out.
//!
//! ```text
//! signed = "roadstead order v1\0" · class · node's key (32) · id · issued (8) · expires (8) · SHA-256 of the payload (32)
//! ```
//!
//! Class and id stand with their length (4 bytes, big-endian) in front, so that no two orders have the same bytes. The key is
//! the hub's identity key, which also proves the hub in TLS; the context in front keeps the two uses apart (TLS signs texts
//! that begin with 64 spaces). The payload travels as the exact text that was hashed: who checks it never writes it anew.
//!
//! An agent that holds [`Terms`] opens an order with [`Terms::open`]; nothing unopened is ever executed.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};

use crate::base::Timestamp;

const CONTEXT: &[u8] = b"roadstead order v1\0";

/// What sort of order a warrant is for. One of another sort opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Run a document.
    Command,
    /// Open, join or end a shell.
    Session,
    /// The same for a session that is no plain shell, or that the plugin's protocol is spoken in.
    Channel,
}

impl Class {
    pub const ALL: [Self; 3] = [Self::Command, Self::Session, Self::Channel];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Session => "session",
            Self::Channel => "channel",
        }
    }
}

impl std::str::FromStr for Class {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|c| c.as_str() == text).ok_or(())
    }
}

/// The proof that the hub wants this order carried out by this node, now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warrant {
    pub class: String,
    /// Fingerprint of the node's key, lower-case hexadecimal.
    pub node: String,
    /// Id of the command or session.
    pub id: String,
    /// Hub's clock, epoch milliseconds.
    pub issued_ms: i64,
    /// After this moment nothing may be started by it.
    pub expires_ms: i64,
    /// Base64 of the 64 bytes.
    pub signature: String,
}

/// An order as it travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warranted {
    pub warrant: Warrant,
    /// JSON; what it holds depends on the class.
    pub payload: String,
}

/// A payload with its hash, which all nodes of one command share.
#[derive(Clone, Debug)]
pub struct Payload {
    text: String,
    sha256: [u8; 32],
}

/// A payload as it stands in the frames of orders.
#[derive(Clone, Debug)]
pub struct Written(Bytes);

impl Written {
    pub fn new(payload: &Payload) -> Self {
        Self(serde_json::to_vec(&payload.text).expect("a text is JSON").into())
    }

    pub fn json(&self) -> &Bytes {
        &self.0
    }
}

impl Payload {
    pub fn new<T: Serialize>(content: &T) -> Self {
        let text = serde_json::to_string(content).expect("orders are plain structs with text keys");
        Self {
            sha256: sha256(text.as_bytes()),
            text,
        }
    }
}

/// What is the same for every node that gets the order.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    pub class: Class,
    pub id: &'a str,
    pub issued: Timestamp,
    pub expires: Timestamp,
}

/// The hub's identity key, as it signs orders.
pub struct Signer {
    key: Ed25519KeyPair,
}

impl Signer {
    pub fn new(seed: &[u8; 32]) -> Self {
        let key = Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are an ed25519 seed");
        Self { key }
    }

    /// The public half.
    pub fn public(&self) -> [u8; 32] {
        let bytes = self.key.public_key().as_ref();
        bytes.try_into().expect("an ed25519 public key has 32 bytes")
    }

    /// Signs any text of ours; its context must stand in front of it.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let signature = self.key.sign(message);
        signature.as_ref().try_into().expect("an ed25519 signature has 64 bytes")
    }

    /// The order for one node.
    pub fn order(&self, draft: Draft<'_>, payload: &Payload, node_key: &[u8; 32]) -> Warranted {
        Warranted {
            warrant: self.warrant(draft, payload, node_key),
            payload: payload.text.clone(),
        }
    }

    pub fn warrant(&self, draft: Draft<'_>, payload: &Payload, node_key: &[u8; 32]) -> Warrant {
        let message = message(
            draft.class.as_str(),
            node_key,
            draft.id,
            draft.issued.millis(),
            draft.expires.millis(),
            &payload.sha256,
        );
        Warrant {
            class: draft.class.as_str().to_owned(),
            node: HEXLOWER.encode(node_key),
            id: draft.id.to_owned(),
            issued_ms: draft.issued.millis(),
            expires_ms: draft.expires.millis(),
            signature: BASE64.encode(&self.sign(&message)),
        }
    }
}

/// Whether `signature` is this key's under this text.
pub fn is_signed_by(public: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public).verify(message, signature).is_ok()
}

/// Whose orders an agent carries out, and who it is itself. Known once the hub has let it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Public keys of the hub: one, or two while its key is being changed.
    pub hub_keys: Vec<[u8; 32]>,
    /// SHA-256 of this node's own public key.
    pub node_key: [u8; 32],
}

/// Why an order is not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwarranted {
    #[error("the order is of class `{0}`, which this agent does not know")]
    UnknownClass(String),
    #[error("the order is of class `{found}` where one of class `{}` belongs", .wanted.as_str())]
    WrongClass { wanted: Class, found: String },
    #[error("the order is for the node with the key {0}, which is not this one")]
    WrongNode(String),
    #[error("the order was altered on its way, or is not signed by this node's hub")]
    Forged,
    #[error("the order expired at {0}, by the hub's clock")]
    Expired(Timestamp),
}

impl Terms {
    /// Checks an order and hands out its payload.
    pub fn open<'o>(&self, order: &'o Warranted, wanted: Class, hub_now: Timestamp) -> Result<&'o str, Unwarranted> {
        let warrant = &order.warrant;
        match warrant.class.parse::<Class>() {
            Ok(class) if class == wanted => {}
            Ok(_) => {
                let found = warrant.class.clone();
                return Err(Unwarranted::WrongClass { wanted, found });
            }
            Err(()) => return Err(Unwarranted::UnknownClass(shown(&warrant.class))),
        }
        if warrant.node != HEXLOWER.encode(&self.node_key) {
            return Err(Unwarranted::WrongNode(shown(&warrant.node)));
        }
        let signature = BASE64.decode(warrant.signature.as_bytes()).map_err(|_| Unwarranted::Forged)?;
        let message = message(
            &warrant.class,
            &self.node_key,
            &warrant.id,
            warrant.issued_ms,
            warrant.expires_ms,
            &sha256(order.payload.as_bytes()),
        );
        if !self.hub_keys.iter().any(|key| is_signed_by(key, &message, &signature)) {
            return Err(Unwarranted::Forged);
        }
        let expires = Timestamp::from_millis(warrant.expires_ms);
        match hub_now > expires {
            true => Err(Unwarranted::Expired(expires)),
            false => Ok(&order.payload),
        }
    }
}

fn message(class: &str, node_key: &[u8; 32], id: &str, issued_ms: i64, expires_ms: i64, payload: &[u8; 32]) -> Vec<u8> {
    let mut out = Vec::with_capacity(192);
    out.extend_from_slice(CONTEXT);
    text(&mut out, class);
    out.extend_from_slice(node_key);
    text(&mut out, id);
    out.extend_from_slice(&issued_ms.to_be_bytes());
    out.extend_from_slice(&expires_ms.to_be_bytes());
    out.extend_from_slice(payload);
    out
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u32).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().expect("a SHA-256 has 32 bytes")
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HUB: [u8; 32] = [1; 32];
    const NODE: [u8; 32] = [2; 32];
    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn terms() -> Terms {
        Terms {
            hub_keys: vec![Signer::new(&HUB).public()],
            node_key: NODE,
        }
    }

    fn order(class: Class) -> Warranted {
        let draft = Draft {
            class,
            id: "an-id",
            issued: NOW,
            expires: Timestamp::from_millis(1_060_000),
        };
        Signer::new(&HUB).order(draft, &Payload::new(&["what to do"]), &NODE)
    }

    #[test]
    fn an_order_of_the_hub_for_this_node_opens() {
        assert_eq!(terms().open(&order(Class::Command), Class::Command, NOW), Ok(r#"["what to do"]"#));
    }

    #[test]
    fn each_reason_to_refuse_is_named() {
        let refused = |change: fn(&mut Warranted), at_ms: i64| {
            let mut order = order(Class::Command);
            change(&mut order);
            terms().open(&order, Class::Command, Timestamp::from_millis(at_ms)).unwrap_err()
        };
        let now = NOW.millis();
        assert_eq!(
            refused(|o| o.warrant.class = "reboot".into(), now),
            Unwarranted::UnknownClass("reboot".into())
        );
        assert!(matches!(
            refused(|o| o.warrant.class = "session".into(), now),
            Unwarranted::WrongClass { .. }
        ));
        assert_eq!(
            refused(|o| o.warrant.node = "ab".repeat(32), now),
            Unwarranted::WrongNode("ab".repeat(32))
        );
        assert_eq!(refused(|o| o.payload.push(' '), now), Unwarranted::Forged);
        assert_eq!(refused(|o| o.warrant.id.push('x'), now), Unwarranted::Forged);
        assert_eq!(refused(|o| o.warrant.expires_ms += 1, now), Unwarranted::Forged);
        assert_eq!(refused(|o| o.warrant.issued_ms += 1, now), Unwarranted::Forged);
        assert_eq!(refused(|o| o.warrant.signature.clear(), now), Unwarranted::Forged);
        assert_eq!(refused(|_| (), 1_060_001), Unwarranted::Expired(Timestamp::from_millis(1_060_000)));
    }

    #[test]
    fn a_warrant_for_a_shell_runs_no_command_even_when_its_class_is_renamed() {
        let mut shell = order(Class::Session);
        assert!(terms().open(&shell, Class::Command, NOW).is_err());
        shell.warrant.class = "command".into();
        assert_eq!(terms().open(&shell, Class::Command, NOW), Err(Unwarranted::Forged));
    }

    #[test]
    fn an_order_for_another_node_does_not_open_here_even_when_its_name_is_changed() {
        let draft = Draft {
            class: Class::Command,
            id: "an-id",
            issued: NOW,
            expires: NOW,
        };
        let mut other = Signer::new(&HUB).order(draft, &Payload::new(&()), &[3; 32]);
        assert!(matches!(terms().open(&other, Class::Command, NOW), Err(Unwarranted::WrongNode(_))));
        other.warrant.node = HEXLOWER.encode(&NODE);
        assert_eq!(terms().open(&other, Class::Command, NOW), Err(Unwarranted::Forged));
    }

    #[test]
    fn another_hub_is_not_obeyed_and_either_key_is_while_it_is_changed() {
        let mut terms = Terms {
            hub_keys: vec![Signer::new(&[9; 32]).public()],
            node_key: NODE,
        };
        assert_eq!(terms.open(&order(Class::Command), Class::Command, NOW), Err(Unwarranted::Forged));
        terms.hub_keys.push(Signer::new(&HUB).public());
        assert!(terms.open(&order(Class::Command), Class::Command, NOW).is_ok());
    }

    proptest! {
        #[test]
        fn no_two_orders_have_the_same_bytes(a in ".{0,6}", b in ".{0,6}", c in ".{0,6}", d in ".{0,6}") {
            let bytes = |class: &str, id: &str| message(class, &NODE, id, 1, 2, &[0; 32]);
            prop_assert_eq!(bytes(&a, &b) == bytes(&c, &d), (a, b) == (c, d));
        }

        #[test]
        fn any_changed_byte_closes_it(at in 0usize..400, by in 1u8..) {
            let mut json = serde_json::to_vec(&order(Class::Command)).unwrap();
            let at = at % json.len();
            json[at] = json[at].wrapping_add(by);
            // Base64 and JSON have several spellings of one thing; what counts is that nothing else opens.
            if let Ok(changed) = serde_json::from_slice::<Warranted>(&json)
                && changed != order(Class::Command)
                && let Ok(payload) = terms().open(&changed, Class::Command, NOW)
            {
                prop_assert_eq!(payload, order(Class::Command).payload);
            }
        }
    }
}
