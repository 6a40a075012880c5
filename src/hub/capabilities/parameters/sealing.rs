//! How a secret lies in the database: sealed under a data key of its own, which is sealed under a version of its key.
//!
//! *Shape* of the sealed text, in base64: one byte 1, the sealed data key (60 bytes), the sealed value. The same text is what
//! a reader without `WithDecryption` gets. A key's versions are sealed by the hub's master key, which lies in a file outside
//! the database; moving a secret to another version of its key changes the data key's seal only ([`super::rewrap`]).

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use data_encoding::BASE64;

use crate::base::{ApiError, ApiResult, Secret};
use crate::hub::api::Services;
use crate::hub::auth::vault::Vault;
use crate::hub::capabilities::parameters::keys::{self, KeyVersion};
use crate::hub::capabilities::parameters::rows::Version;
use crate::hub::store::Tx;
use crate::model::parameter::ParameterKey;
use crate::platform::seal::SealingKey;

const FORMAT: u8 = 1;
const SEALED_KEY_BYTES: usize = SealingKey::BYTES + SealingKey::OVERHEAD;

/// Key versions in memory, by their row's id, with the sealed bytes they came from. An id whose transaction was rolled back
/// may come again with other bytes, so both must fit. They are never written anywhere in the clear.
#[derive(Default)]
pub struct KeyRing(Mutex<HashMap<i64, (Vec<u8>, Arc<SealingKey>)>>);

/// What sealing and opening need, for use inside a transaction.
#[derive(Clone)]
pub struct Sealer {
    vault: Arc<Vault>,
    ring: Arc<KeyRing>,
}

/// A sealed value and the key version that opens it.
#[derive(Debug, PartialEq)]
pub struct Sealed {
    pub text: String,
    pub sealed_by: i64,
}

impl Sealer {
    pub fn of(services: &Services) -> Self {
        Self {
            vault: services.keys.vault().clone(),
            ring: services.state(),
        }
    }

    /// Seals under the newest version of a key; `place` is what the secret belongs to.
    ///
    /// *Errors*: `InvalidKeyId` when the key is unknown or disabled.
    pub fn seal(&self, tx: &Tx<'_>, key_id: &str, place: &str, plain: &Secret<String>) -> ApiResult<Sealed> {
        let newest = keys::newest_version(tx, key_id)?;
        let key = self.key(&newest)?;
        let data_key = random_key()?;
        let mut bytes = vec![FORMAT];
        bytes.extend(key.seal(place, data_key.expose()));
        bytes.extend(sealing_key(data_key.expose())?.seal(place, plain.expose().as_bytes()));
        Ok(Sealed {
            text: BASE64.encode(&bytes),
            sealed_by: newest.id,
        })
    }

    /// The plain text of a secret.
    ///
    /// *Errors*: `InvalidKeyId` when its key is disabled.
    pub fn open(&self, tx: &Tx<'_>, version: &Version) -> ApiResult<Secret<String>> {
        let key = keys::version(tx, version.sealed_by.ok_or_else(damaged)?)?;
        key.check_enabled()?;
        let bytes = BASE64.decode(version.value.as_bytes()).map_err(|_| damaged())?;
        let place = place_of(&version.key, version.version);
        let (data_key, rest) = self.data_key(&key, &place, &bytes)?;
        let plain = sealing_key(data_key.expose())?.open(&place, rest).map_err(ApiError::internal)?;
        String::from_utf8(plain.take()).map(Secret::new).map_err(ApiError::internal)
    }

    /// The same secret with its data key sealed by another key version.
    pub fn rewrap(&self, tx: &Tx<'_>, place: &str, text: &str, from: i64, to: i64) -> ApiResult<Sealed> {
        let bytes = BASE64.decode(text.as_bytes()).map_err(|_| damaged())?;
        let (data_key, rest) = self.data_key(&keys::version(tx, from)?, place, &bytes)?;
        let mut moved = vec![FORMAT];
        moved.extend(self.key(&keys::version(tx, to)?)?.seal(place, data_key.expose()));
        moved.extend_from_slice(rest);
        Ok(Sealed {
            text: BASE64.encode(&moved),
            sealed_by: to,
        })
    }

    /// A fresh key version, sealed by the master key.
    pub fn new_key(&self, key_id: &str) -> ApiResult<Vec<u8>> {
        Ok(self.vault.seal(&master_place(key_id), random_key()?.expose()))
    }

    fn data_key<'b>(&self, key: &KeyVersion, place: &str, bytes: &'b [u8]) -> ApiResult<(Secret<Vec<u8>>, &'b [u8])> {
        let (&format, rest) = bytes.split_first().ok_or_else(damaged)?;
        let (head, rest) = rest.split_at_checked(SEALED_KEY_BYTES).ok_or_else(damaged)?;
        if format != FORMAT {
            return Err(damaged());
        }
        let data_key = self.key(key)?.open(place, head).map_err(ApiError::internal)?;
        Ok((data_key, rest))
    }

    fn key(&self, version: &KeyVersion) -> ApiResult<Arc<SealingKey>> {
        if let Some((sealed, key)) = self.ring.known().get(&version.id)
            && *sealed == version.sealed
        {
            return Ok(key.clone());
        }
        let plain = self
            .vault
            .open_sealed(&master_place(&version.key_id), &version.sealed)
            .map_err(ApiError::internal)?;
        let key = Arc::new(sealing_key(plain.expose())?);
        self.ring.known().insert(version.id, (version.sealed.clone(), key.clone()));
        Ok(key)
    }
}

impl KeyRing {
    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<i64, (Vec<u8>, Arc<SealingKey>)>> {
        self.0.lock().expect("no code panics while it holds the map")
    }

    /// Drops a version that nothing is sealed under any more.
    pub fn forget(&self, version: i64) {
        self.known().remove(&version);
    }
}

/// What a secret is bound to: it opens nowhere else, so that rows cannot be swapped.
pub fn place_of(key: &ParameterKey, version: i64) -> String {
    format!("parameter:{key}:{version}")
}

fn master_place(key_id: &str) -> String {
    format!("secret-key:{key_id}")
}

fn random_key() -> ApiResult<Secret<Vec<u8>>> {
    let mut bytes = vec![0u8; SealingKey::BYTES];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| ApiError::internal("the kernel gave no random bytes"))?;
    Ok(Secret::new(bytes))
}

fn sealing_key(bytes: &[u8]) -> ApiResult<SealingKey> {
    SealingKey::new(bytes).ok_or_else(damaged)
}

fn damaged() -> ApiError {
    ApiError::internal("a sealed value is damaged")
}
