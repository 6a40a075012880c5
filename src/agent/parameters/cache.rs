//! What is kept on disk, sealed under keys that come from the node's own: the values, and which text each service knows.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::hmac;
use data_encoding::HEXLOWER;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::Secret;
use crate::platform::key_file::replace_durably;
use crate::platform::seal::SealingKey;

/// One sealed file. What it holds opens on this node and as this file only.
pub struct Sealed {
    path: PathBuf,
    context: &'static str,
    key: SealingKey,
}

/// Texts by a mark that tells two of them apart and says nothing else.
pub struct Marks(hmac::Key);

/// The mark of the text that a target's reader was last told of, by target.
pub type Told = BTreeMap<String, String>;

struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        SealingKey::BYTES
    }
}

fn derived(seed: &[u8; 32], context: &str) -> Secret<[u8; SealingKey::BYTES]> {
    let secret = Salt::new(HKDF_SHA256, b"roadstead").extract(seed);
    let mut bytes = [0u8; SealingKey::BYTES];
    let info = [context.as_bytes()];
    let filled = secret.expand(&info, Length).and_then(|okm| okm.fill(&mut bytes));
    filled.expect("32 bytes are within what HKDF can give");
    Secret::new(bytes)
}

impl Sealed {
    pub fn new(path: PathBuf, context: &'static str, seed: &[u8; 32]) -> Self {
        let key = SealingKey::new(derived(seed, context).expose()).expect("the derived key has the right length");
        Self { path, context, key }
    }

    /// What was kept last; `None` when there is no file. Blocking.
    pub fn read<T: DeserializeOwned>(&self) -> io::Result<Option<T>> {
        let sealed = match fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let plain = self.key.open(self.context, &sealed).map_err(io::Error::other)?;
        serde_json::from_slice(plain.expose()).map(Some).map_err(io::Error::other)
    }

    /// Durable when this returns. Blocking.
    pub fn write<T: Serialize>(&self, value: &T) -> io::Result<()> {
        let plain = Secret::new(serde_json::to_vec(value).map_err(io::Error::other)?);
        replace_durably(&self.path, &self.key.seal(self.context, plain.expose()))
    }

    /// Blocking.
    pub fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    pub fn is_there(&self) -> bool {
        self.path.exists()
    }
}

impl Marks {
    pub fn new(seed: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived(seed, "parameters.marks").expose()))
    }

    pub fn of(&self, text: &[u8]) -> String {
        HEXLOWER.encode(hmac::sign(&self.0, text).as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::parameters::{Value, Values};

    #[test]
    fn what_is_kept_is_read_back_on_this_node_only_and_lies_nowhere_in_the_clear() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cache");
        let cache = Sealed::new(path.clone(), "a", &[1; 32]);
        assert!(cache.read::<Values>().unwrap().is_none());
        let value = Value {
            name: "/a".into(),
            version: 3,
            kind: "SecureString".into(),
            value: Secret::new("open sesame".into()),
        };
        let values = Values {
            values: vec![value],
            ..Values::default()
        };
        cache.write(&values).unwrap();
        let back: Values = cache.read().unwrap().unwrap();
        assert_eq!(back.values[0].value.expose(), "open sesame");
        assert!(!fs::read(&path).unwrap().windows(11).any(|w| w == b"open sesame"));
        assert!(Sealed::new(path.clone(), "a", &[2; 32]).read::<Values>().is_err());
        assert!(Sealed::new(path.clone(), "b", &[1; 32]).read::<Values>().is_err());
        cache.remove().unwrap();
        cache.remove().unwrap();
        assert!(!cache.is_there());
    }

    #[test]
    fn a_mark_tells_texts_and_nodes_apart() {
        let marks = Marks::new(&[1; 32]);
        assert_eq!(marks.of(b"x"), marks.of(b"x"));
        assert_ne!(marks.of(b"x"), marks.of(b"y"));
        assert_ne!(marks.of(b"x"), Marks::new(&[2; 32]).of(b"x"));
    }
}
