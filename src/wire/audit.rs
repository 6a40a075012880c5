//! The signed head of the hub's audit chain: how far the log reached at a moment, in the hub's own hand.
//!
//! Whoever has kept one can tell later that the log was cut or rewritten: the row with this number must still be there, with
//! this hash. The hub gives heads to agents, which keep the newest and hand it back at every connection.

use data_encoding::HEXLOWER;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::Timestamp;
use crate::platform::tls;
use crate::wire::warrant::{self, Signer};

const CONTEXT: &[u8] = b"roadstead audit head v1\0";

/// A head with its signature. Bytes travel as lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct SignedHead {
    /// The number of the last row.
    pub seq: i64,
    /// That row's hash.
    pub hash: String,
    pub at: Timestamp,
    /// The signer's public key, its 32 bytes.
    pub key: String,
    pub signature: String,
}

impl SignedHead {
    pub fn sign(signer: &Signer, seq: i64, hash: &[u8; 32], at: Timestamp) -> Self {
        Self {
            seq,
            hash: HEXLOWER.encode(hash),
            at,
            key: HEXLOWER.encode(&signer.public()),
            signature: HEXLOWER.encode(&signer.sign(&message(seq, hash, at))),
        }
    }

    /// Whether the key that it names has signed it.
    pub fn is_genuine(&self) -> bool {
        let (Some(key), Some(signature), Some(hash)) = (self.key_bytes(), bytes(&self.signature), self.hash_bytes()) else {
            return false;
        };
        warrant::is_signed_by(&key, &message(self.seq, &hash, self.at), &signature)
    }

    /// How people and join tokens name the signer's key.
    pub fn fingerprint(&self) -> String {
        self.key_bytes().map(|key| tls::fingerprint_of(&key)).unwrap_or_default()
    }

    fn key_bytes(&self) -> Option<[u8; 32]> {
        bytes(&self.key)?.try_into().ok()
    }

    pub fn hash_bytes(&self) -> Option<[u8; 32]> {
        bytes(&self.hash)?.try_into().ok()
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    HEXLOWER.decode(hex.as_bytes()).ok()
}

fn message(seq: i64, hash: &[u8; 32], at: Timestamp) -> Vec<u8> {
    [CONTEXT, &seq.to_be_bytes()[..], hash, &at.millis().to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_genuine_until_any_of_it_is_changed() {
        let signer = Signer::new(&[3; 32]);
        let head = SignedHead::sign(&signer, 9, &[1; 32], Timestamp::from_millis(1_700_000_000_123));
        assert!(head.is_genuine());
        assert_eq!(head.fingerprint(), tls::fingerprint_of(&signer.public()));
        let text = serde_json::to_string(&head).unwrap();
        assert_eq!(serde_json::from_str::<SignedHead>(&text).unwrap(), head);
        let changes: [fn(&mut SignedHead); 4] = [
            |h| h.seq += 1,
            |h| h.hash = HEXLOWER.encode(&[2; 32]),
            |h| h.at = Timestamp::from_millis(5),
            |h| h.key = HEXLOWER.encode(&Signer::new(&[4; 32]).public()),
        ];
        for change in changes {
            let mut changed = head.clone();
            change(&mut changed);
            assert!(!changed.is_genuine(), "{changed:?}");
        }
    }
}
