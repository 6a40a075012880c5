//! Sealing bytes: AES-256-GCM under a key of 32 bytes, a random nonce in front of what it made.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};

use crate::base::Secret;

/// A key that seals.
pub struct SealingKey(RandomizedNonceKey);

/// The bytes were not sealed by this key in this context.
#[derive(Debug, thiserror::Error)]
#[error("what was sealed cannot be opened: another key or another context sealed it")]
pub struct NotOurs;

impl SealingKey {
    pub const BYTES: usize = 32;
    /// How much longer the sealed form is.
    pub const OVERHEAD: usize = NONCE_LEN + 16;

    /// `None` unless there are exactly [`SealingKey::BYTES`].
    pub fn new(bytes: &[u8]) -> Option<Self> {
        RandomizedNonceKey::new(&AES_256_GCM, bytes).ok().map(Self)
    }

    /// `context` says what the bytes belong to; only the same context opens them again.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Vec<u8> {
        // Room for everything from the start: growing would leave a copy of the plain text behind in freed memory.
        let mut bytes = Vec::with_capacity(plain.len() + AES_256_GCM.tag_len());
        bytes.extend_from_slice(plain);
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(context.as_bytes()), &mut bytes)
            .expect("what is sealed is far shorter than the cipher's limit");
        let mut sealed = Vec::with_capacity(NONCE_LEN + bytes.len());
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut bytes);
        sealed
    }

    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, NotOurs> {
        let (nonce, bytes) = sealed.split_at_checked(NONCE_LEN).ok_or(NotOurs)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| NotOurs)?;
        let mut bytes = bytes.to_vec();
        let length = self
            .0
            .open_in_place(nonce, Aad::from(context.as_bytes()), &mut bytes)
            .map_err(|_| NotOurs)?
            .len();
        bytes.truncate(length);
        Ok(Secret::new(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_and_context_open_it() {
        let key = SealingKey::new(&[7; 32]).unwrap();
        let sealed = key.seal("a", b"plain text");
        assert_eq!(sealed.len(), 10 + SealingKey::OVERHEAD);
        assert_eq!(key.open("a", &sealed).unwrap().expose(), b"plain text");
        assert!(key.open("b", &sealed).is_err());
        assert!(SealingKey::new(&[8; 32]).unwrap().open("a", &sealed).is_err());
        assert!(key.open("a", &sealed[..5]).is_err());
        assert!(SealingKey::new(&[7; 31]).is_none());
    }
}
