//! Passkeys: what an authenticator says when it is registered and when it proves itself.
//!
//! Pure: no clock, no rows. Taken are ES256 and Ed25519 keys, and attestation is not asked for: who made a phone is no
//! business of a hub's. Whatever an authenticator claims must be about this hub's name, this page, and this challenge.
//! *Source*: Web Authentication Level 2, sections 7.1 and 7.2. Why not a library: `docs/decisions/0014-passkeys.md`.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey};
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;

use crate::hub::auth::cbor::Item;

/// A credential id is at most so long.
const MAX_ID_BYTES: usize = 1023;
const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const HAS_CREDENTIAL: u8 = 0x40;

pub const ES256: i64 = -7;
pub const EDDSA: i64 = -8;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyError {
    #[error("the authenticator's answer is malformed")]
    Malformed,
    #[error("the authenticator's answer belongs to another page, hub or attempt")]
    Foreign,
    #[error("the authenticator did not ask its owner")]
    NotVerified,
    #[error("this kind of key is not known here")]
    Algorithm,
    #[error("the authenticator's signature is wrong")]
    Signature,
    #[error("the authenticator seems to have been copied: its counter went back")]
    Copied,
}

type Verdict<T> = Result<T, PasskeyError>;

/// What an answer must be about.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'e> {
    /// The host name that passkeys are bound to.
    pub rp_id: &'e str,
    /// The page: `https://host:port`.
    pub origin: &'e str,
    pub challenge: &'e [u8],
}

/// A public key as it is stored: its COSE form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    pub id: Vec<u8>,
    pub public_key: Vec<u8>,
    pub counter: u32,
}

struct AuthenticatorData<'d> {
    flags: u8,
    counter: u32,
    rest: &'d [u8],
}

/// Checks a registration.
pub fn register(client_data: &[u8], attestation: &[u8], expected: &Expected<'_>) -> Verdict<Registered> {
    check_client_data(client_data, "webauthn.create", expected)?;
    let (object, _) = Item::read(attestation).map_err(|_| PasskeyError::Malformed)?;
    let data = object.named("authData").and_then(Item::bytes).ok_or(PasskeyError::Malformed)?;
    let data = authenticator_data(data, expected)?;
    if data.flags & HAS_CREDENTIAL == 0 {
        return Err(PasskeyError::Malformed);
    }
    let (length, rest) = data
        .rest
        .get(16..)
        .and_then(|rest| rest.split_at_checked(2))
        .ok_or(PasskeyError::Malformed)?;
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    if length == 0 || length > MAX_ID_BYTES {
        return Err(PasskeyError::Malformed);
    }
    let (id, rest) = rest.split_at_checked(length).ok_or(PasskeyError::Malformed)?;
    let (_, after) = Item::read(rest).map_err(|_| PasskeyError::Malformed)?;
    let public_key = rest[..rest.len() - after.len()].to_vec();
    PublicKey::parse(&public_key)?;
    Ok(Registered {
        id: id.to_vec(),
        public_key,
        counter: data.counter,
    })
}

/// What a page hands over of a proof.
#[derive(Clone, Copy, Debug)]
pub struct Assertion<'a> {
    pub client_data: &'a [u8],
    pub authenticator_data: &'a [u8],
    pub signature: &'a [u8],
}

/// Checks a proof by a registered key; the new counter comes back.
pub fn prove(assertion: &Assertion<'_>, registered: &Registered, expected: &Expected<'_>) -> Verdict<u32> {
    check_client_data(assertion.client_data, "webauthn.get", expected)?;
    let data = authenticator_data(assertion.authenticator_data, expected)?;
    let mut message = assertion.authenticator_data.to_vec();
    message.extend_from_slice(digest(&SHA256, assertion.client_data).as_ref());
    PublicKey::parse(&registered.public_key)?.verify(&message, assertion.signature)?;
    // Synchronised passkeys do not count: both are zero for ever.
    if (data.counter != 0 || registered.counter != 0) && data.counter <= registered.counter {
        return Err(PasskeyError::Copied);
    }
    Ok(data.counter)
}

#[derive(Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    cross_origin: bool,
}

fn check_client_data(bytes: &[u8], kind: &str, expected: &Expected<'_>) -> Verdict<()> {
    let data: ClientData = serde_json::from_slice(bytes).map_err(|_| PasskeyError::Malformed)?;
    let challenge = BASE64URL_NOPAD
        .decode(data.challenge.as_bytes())
        .map_err(|_| PasskeyError::Malformed)?;
    let is_same: bool = subtle::ConstantTimeEq::ct_eq(&challenge[..], expected.challenge).into();
    match data.kind == kind && is_same && data.origin == expected.origin && !data.cross_origin {
        true => Ok(()),
        false => Err(PasskeyError::Foreign),
    }
}

fn authenticator_data<'d>(bytes: &'d [u8], expected: &Expected<'_>) -> Verdict<AuthenticatorData<'d>> {
    let (hash, rest) = bytes.split_at_checked(32).ok_or(PasskeyError::Malformed)?;
    let ([flags, c0, c1, c2, c3], rest) = rest.split_first_chunk::<5>().ok_or(PasskeyError::Malformed)?;
    if hash != digest(&SHA256, expected.rp_id.as_bytes()).as_ref() {
        return Err(PasskeyError::Foreign);
    }
    // A passkey stands for password and second factor together, so its owner must have shown that it is them.
    if flags & PRESENT == 0 || flags & VERIFIED == 0 {
        return Err(PasskeyError::NotVerified);
    }
    Ok(AuthenticatorData {
        flags: *flags,
        counter: u32::from_be_bytes([*c0, *c1, *c2, *c3]),
        rest,
    })
}

enum PublicKey {
    /// An uncompressed point of P-256.
    Es256(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl PublicKey {
    fn parse(cose: &[u8]) -> Verdict<Self> {
        let (key, _) = Item::read(cose).map_err(|_| PasskeyError::Malformed)?;
        let number = |name| key.numbered(name).and_then(Item::number);
        let part = |name| key.numbered(name).and_then(Item::bytes).filter(|bytes| bytes.len() == 32);
        match (number(1), number(3), number(-1)) {
            (Some(2), Some(ES256), Some(1)) => {
                let (x, y) = part(-2).zip(part(-3)).ok_or(PasskeyError::Malformed)?;
                Ok(Self::Es256([&[4], x, y].concat()))
            }
            (Some(1), Some(EDDSA), Some(6)) => Ok(Self::Ed25519(part(-2).ok_or(PasskeyError::Malformed)?.to_vec())),
            _ => Err(PasskeyError::Algorithm),
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Verdict<()> {
        let verified = match self {
            Self::Es256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature),
            Self::Ed25519(point) => UnparsedPublicKey::new(&ED25519, point).verify(message, signature),
        };
        verified.map_err(|_| PasskeyError::Signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

    const CHALLENGE: &[u8] = b"a challenge of this very attempt";
    const EXPECTED: Expected<'static> = Expected {
        rp_id: "hub.example",
        origin: "https://hub.example:7400",
        challenge: CHALLENGE,
    };

    /// An authenticator with one key.
    struct Authenticator {
        key: Ed25519KeyPair,
        counter: u32,
        flags: u8,
    }

    impl Authenticator {
        fn new() -> Self {
            Self {
                key: Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap(),
                counter: 1,
                flags: PRESENT | VERIFIED,
            }
        }

        fn client_data(kind: &str, expected: &Expected<'_>) -> Vec<u8> {
            let challenge = BASE64URL_NOPAD.encode(expected.challenge);
            serde_json::json!({"type": kind, "challenge": challenge, "origin": expected.origin})
                .to_string()
                .into_bytes()
        }

        fn data(&self, rp_id: &str, flags: u8) -> Vec<u8> {
            let mut data = digest(&SHA256, rp_id.as_bytes()).as_ref().to_vec();
            data.push(flags);
            data.extend(self.counter.to_be_bytes());
            data
        }

        fn register(&self, expected: &Expected<'_>) -> Verdict<Registered> {
            let mut data = self.data(expected.rp_id, self.flags | HAS_CREDENTIAL);
            data.extend([0; 16]);
            data.extend([0, 4, 1, 2, 3, 4]);
            data.extend([0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 32]);
            data.extend(self.key.public_key().as_ref());
            let mut object = vec![0xa3, 0x63];
            object.extend(b"fmt\x64none\x67attStmt\xa0\x68authData\x58");
            object.push(u8::try_from(data.len()).unwrap());
            object.extend(data);
            register(&Self::client_data("webauthn.create", expected), &object, &EXPECTED)
        }

        fn prove(&self, registered: &Registered, expected: &Expected<'_>) -> Verdict<u32> {
            let (client_data, data) = (Self::client_data("webauthn.get", expected), self.data(expected.rp_id, self.flags));
            let mut message = data.clone();
            message.extend_from_slice(digest(&SHA256, &client_data).as_ref());
            let signature = self.key.sign(&message);
            let assertion = Assertion {
                client_data: &client_data,
                authenticator_data: &data,
                signature: signature.as_ref(),
            };
            prove(&assertion, registered, &EXPECTED)
        }
    }

    #[test]
    fn a_registered_key_proves_itself() {
        let mut authenticator = Authenticator::new();
        let registered = authenticator.register(&EXPECTED).unwrap();
        assert_eq!((registered.id.as_slice(), registered.counter), (&[1, 2, 3, 4][..], 1));
        authenticator.counter = 2;
        assert_eq!(authenticator.prove(&registered, &EXPECTED), Ok(2));
    }

    #[test]
    fn answers_for_another_page_hub_or_attempt_are_refused() {
        let authenticator = Authenticator::new();
        let registered = Registered {
            counter: 0,
            ..authenticator.register(&EXPECTED).unwrap()
        };
        for foreign in [
            Expected {
                rp_id: "evil.example",
                ..EXPECTED
            },
            Expected {
                origin: "https://evil.example",
                ..EXPECTED
            },
            Expected {
                origin: "http://hub.example:7400",
                ..EXPECTED
            },
            Expected {
                challenge: b"another",
                ..EXPECTED
            },
        ] {
            assert_eq!(authenticator.register(&foreign), Err(PasskeyError::Foreign));
            assert_eq!(authenticator.prove(&registered, &foreign), Err(PasskeyError::Foreign));
        }
    }

    #[test]
    fn a_copied_unasked_or_foreign_key_is_refused() {
        let mut authenticator = Authenticator::new();
        let registered = authenticator.register(&EXPECTED).unwrap();
        assert_eq!(authenticator.prove(&registered, &EXPECTED), Err(PasskeyError::Copied));
        authenticator.counter = 2;
        authenticator.flags = PRESENT;
        assert_eq!(authenticator.prove(&registered, &EXPECTED), Err(PasskeyError::NotVerified));
        authenticator.flags = PRESENT | VERIFIED;
        authenticator.key = Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap();
        assert_eq!(authenticator.prove(&registered, &EXPECTED), Err(PasskeyError::Signature));
        // One that does not count, as synchronised passkeys are.
        let still = Authenticator {
            counter: 0,
            ..Authenticator::new()
        };
        let registered = still.register(&EXPECTED).unwrap();
        assert_eq!(still.prove(&registered, &EXPECTED), Ok(0));
    }

    #[test]
    fn what_is_cut_short_is_refused() {
        let data = Authenticator::client_data("webauthn.create", &EXPECTED);
        for object in [
            &[][..],
            &[0xa0],
            &[0xa1, 0x68, b'a', b'u', b't', b'h', b'D', b'a', b't', b'a', 0x41, 0],
        ] {
            assert_eq!(register(&data, object, &EXPECTED), Err(PasskeyError::Malformed));
        }
        assert_eq!(register(b"{}", &[0xa0], &EXPECTED), Err(PasskeyError::Malformed));
    }
}
