//! How one key of the hub follows on another: each new one is signed by the one before it.
//!
//! ```text
//! signed = "roadstead succession v1\0" · old key (32) · new key (32) · time (8)
//! ```
//!
//! An agent that pins an old key and meets a hub with a newer one is shown the links in between; when they lead from what it
//! pins to what the hub has proved in TLS, it pins the new one. Whoever has an old key can make a link from it, so the old key
//! counts for an agent only until it has learnt the new one (and for as long as a change is not finished).

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use serde::{Deserialize, Serialize};

use crate::base::Timestamp;
use crate::platform::tls;
use crate::wire::warrant::{Signer, is_signed_by};

const CONTEXT: &[u8] = b"roadstead succession v1\0";
/// The header of the control request that carries the links: an agent reads it before it says a word.
pub const HEADER: &str = "roadstead-succession";
/// So many that they fit into the header; a hub that has changed its key more often shows the latest.
pub const MAX_LINKS: usize = 16;

/// One change of the hub's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyLink {
    /// Public keys, hexadecimal.
    pub from: String,
    pub to: String,
    pub at_ms: i64,
    /// By the key `from`; base64.
    pub signature: String,
}

impl KeyLink {
    pub fn new(old: &Signer, new: &[u8; 32], at: Timestamp) -> Self {
        let message = message(&old.public(), new, at.millis());
        Self {
            from: HEXLOWER.encode(&old.public()),
            to: HEXLOWER.encode(new),
            at_ms: at.millis(),
            signature: BASE64.encode(&old.sign(&message)),
        }
    }

    /// Old and new key, when the signature is the old one's.
    pub fn keys(&self) -> Option<([u8; 32], [u8; 32])> {
        let (from, to) = (key(&self.from)?, key(&self.to)?);
        let signature = BASE64.decode(self.signature.as_bytes()).ok()?;
        is_signed_by(&from, &message(&from, &to, self.at_ms), &signature).then_some((from, to))
    }
}

/// Where the links lead from the key with this fingerprint; `None` when none begins there.
pub fn follow(links: &[KeyLink], pinned: &str) -> Option<[u8; 32]> {
    let mut at = pinned.to_owned();
    let mut reached = None;
    for link in links.iter().take(MAX_LINKS) {
        let Some((from, to)) = link.keys() else { continue };
        if tls::fingerprint_of(&from) == at {
            at = tls::fingerprint_of(&to);
            reached = Some(to);
        }
    }
    reached
}

pub fn to_header(links: &[KeyLink]) -> String {
    let latest = &links[links.len().saturating_sub(MAX_LINKS)..];
    BASE64URL_NOPAD.encode(&serde_json::to_vec(latest).expect("plain structs serialise"))
}

pub fn from_header(text: &[u8]) -> Option<Vec<KeyLink>> {
    let links: Vec<KeyLink> = serde_json::from_slice(&BASE64URL_NOPAD.decode(text).ok()?).ok()?;
    (links.len() <= MAX_LINKS).then_some(links)
}

fn key(text: &str) -> Option<[u8; 32]> {
    HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}

fn message(from: &[u8; 32], to: &[u8; 32], at_ms: i64) -> Vec<u8> {
    [CONTEXT, from, to, &at_ms.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_millis(5);

    fn signer(seed: u8) -> Signer {
        Signer::new(&[seed; 32])
    }

    fn chain(seeds: &[u8]) -> Vec<KeyLink> {
        seeds
            .windows(2)
            .map(|pair| KeyLink::new(&signer(pair[0]), &signer(pair[1]).public(), AT))
            .collect()
    }

    fn pin(seed: u8) -> String {
        tls::fingerprint_of(&signer(seed).public())
    }

    #[test]
    fn links_lead_from_any_earlier_key_to_the_latest() {
        let links = chain(&[1, 2, 3]);
        for earlier in [1, 2] {
            assert_eq!(follow(&links, &pin(earlier)), Some(signer(3).public()));
        }
        assert_eq!(follow(&links, &pin(3)), None);
        assert_eq!(follow(&links, &pin(9)), None);
        assert_eq!(from_header(to_header(&links).as_bytes()), Some(links));
    }

    #[test]
    fn a_link_that_the_old_key_did_not_sign_leads_nowhere() {
        let mut links = chain(&[1, 2]);
        links[0].to = HEXLOWER.encode(&signer(9).public());
        assert_eq!(follow(&links, &pin(1)), None);
        let mut links = chain(&[1, 2]);
        links[0].from = HEXLOWER.encode(&signer(3).public());
        assert_eq!(follow(&links, &pin(3)), None);
        assert_eq!(from_header(b"%%"), None);
    }

    #[test]
    fn a_header_fits_into_what_an_agent_reads() {
        let links = vec![chain(&[1, 2]).remove(0); 100];
        assert!(to_header(&links).len() < 8 * 1024);
    }
}
