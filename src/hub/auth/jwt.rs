//! Identity tokens of a single sign-on provider: signature and claims.
//!
//! Pure: no clock, no network. Only signatures by a key pair count, and the key decides the algorithm, never the token
//! alone: a token that says `none`, or that is signed with a public key as if it were a secret, is refused.
//! *Source*: RFC 7515, 7517, 7519; OpenID Connect Core 1.0, section 3.1.3.7.

use std::time::Duration;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::base::Timestamp;

/// How far the provider's clock may be off.
const SKEW: Duration = Duration::from_secs(120);
const MAX_TOKEN_BYTES: usize = 64 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the identity token is malformed")]
    Malformed,
    /// The provider may have changed its keys since they were fetched.
    #[error("the identity token is signed with a key that the provider does not publish")]
    UnknownKey,
    #[error("the signature of the identity token is wrong")]
    Signature,
    #[error("the identity token is not meant for this login: {0}")]
    Claim(&'static str),
}

/// A provider's published keys.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct KeySet {
    #[serde(default)]
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Key {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

/// What a token must say.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'e> {
    pub issuer: &'e str,
    pub client_id: &'e str,
    pub nonce: &'e str,
    pub now: Timestamp,
}

pub type Claims = Map<String, Value>;

/// The claims of a token that is genuine and meant for this login.
pub fn verify(token: &str, keys: &KeySet, expected: &Expected<'_>) -> Result<Claims, TokenError> {
    let claims = verify_signature(token, keys)?;
    check_claims(&claims, expected)?;
    Ok(claims)
}

fn verify_signature(token: &str, keys: &KeySet) -> Result<Claims, TokenError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TokenError::Malformed);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(TokenError::Malformed)?;
    let header: Header = parsed(header)?;
    let claims = parsed(claims)?;
    let signature = decoded(signature)?;
    let mut is_known = false;
    for key in keys.keys.iter().filter_map(|key| serde_json::from_value::<Key>(key.clone()).ok()) {
        let is_meant = header.kid.is_none() || key.kid == header.kid;
        let may_sign =
            key.purpose.as_deref().is_none_or(|purpose| purpose == "sig") && key.alg.as_ref().is_none_or(|alg| *alg == header.alg);
        if !is_meant || !may_sign {
            continue;
        }
        is_known = true;
        if is_signed(&key, &header.alg, signed.as_bytes(), &signature) {
            return Ok(claims);
        }
    }
    Err(if is_known { TokenError::Signature } else { TokenError::UnknownKey })
}

fn is_signed(key: &Key, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
    let part = |text: &Option<String>| text.as_ref().and_then(|text| decoded(text).ok());
    match (key.kty.as_str(), key.crv.as_deref(), algorithm) {
        ("RSA", _, "RS256" | "PS256") => {
            let (Some(n), Some(e)) = (part(&key.n), part(&key.e)) else {
                return false;
            };
            let scheme = if algorithm == "RS256" {
                &RSA_PKCS1_2048_8192_SHA256
            } else {
                &RSA_PSS_2048_8192_SHA256
            };
            RsaPublicKeyComponents { n: &n, e: &e }.verify(scheme, message, signature).is_ok()
        }
        ("EC", Some("P-256"), "ES256") => {
            let (Some(x), Some(y)) = (part(&key.x), part(&key.y)) else {
                return false;
            };
            let point = [&[4], x.as_slice(), y.as_slice()].concat();
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(message, signature)
                .is_ok()
        }
        ("OKP", Some("Ed25519"), "EdDSA" | "Ed25519") => {
            let Some(x) = part(&key.x) else { return false };
            UnparsedPublicKey::new(&ED25519, x).verify(message, signature).is_ok()
        }
        _ => false,
    }
}

fn check_claims(claims: &Claims, expected: &Expected<'_>) -> Result<(), TokenError> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let time = |name: &str| claims.get(name).and_then(Value::as_f64).and_then(Timestamp::from_seconds);
    let wrong = |why| Err(TokenError::Claim(why));
    if text("iss") != Some(expected.issuer) {
        return wrong("another issuer");
    }
    let audience: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !audience.contains(&expected.client_id) {
        return wrong("another audience");
    }
    let party = text("azp");
    if party.is_some_and(|party| party != expected.client_id) || (audience.len() > 1 && party.is_none()) {
        return wrong("another authorised party");
    }
    match time("exp") {
        Some(at) if expected.now < at + SKEW => {}
        _ => return wrong("it has expired"),
    }
    if time("nbf").or(time("iat")).is_some_and(|at| at > expected.now + SKEW) {
        return wrong("it is not valid yet");
    }
    if text("nonce") != Some(expected.nonce) {
        return wrong("another nonce");
    }
    match text("sub") {
        Some(subject) if !subject.is_empty() && subject.len() <= 255 => Ok(()),
        _ => wrong("no subject"),
    }
}

fn decoded(text: &str) -> Result<Vec<u8>, TokenError> {
    BASE64URL_NOPAD
        .decode(text.trim_end_matches('=').as_bytes())
        .map_err(|_| TokenError::Malformed)
}

fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, TokenError> {
    serde_json::from_slice(&decoded(text)?).map_err(|_| TokenError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::{KeySize, PublicKeyComponents};
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair,
    };
    use serde_json::json;

    const ISSUER: &str = "https://id.example";

    enum Pair {
        Ed25519(Ed25519KeyPair),
        Ecdsa(EcdsaKeyPair),
        Rsa(RsaKeyPair),
    }

    /// A provider with one key.
    struct Provider(Pair);

    impl Provider {
        fn new(seed: u8) -> Self {
            Self(Pair::Ed25519(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()))
        }

        fn ecdsa() -> Self {
            Self(Pair::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()))
        }

        fn rsa() -> Self {
            Self(Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()))
        }

        fn key(&self) -> Value {
            let text = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
            match &self.0 {
                Pair::Ed25519(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref())}),
                Pair::Ecdsa(pair) => {
                    let point = pair.public_key().as_ref();
                    json!({"kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..])})
                }
                Pair::Rsa(pair) => {
                    let parts = PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                    json!({"kty": "RSA", "n": text(&parts.n), "e": text(&parts.e)})
                }
            }
        }

        fn keys(&self) -> KeySet {
            let mut key = self.key();
            key["kid"] = json!("k1");
            key["use"] = json!("sig");
            serde_json::from_value(json!({"keys": [{"kty": "weird"}, key]})).unwrap()
        }

        fn signature(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
            match &self.0 {
                Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
                Pair::Ecdsa(pair) => pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
                Pair::Rsa(pair) => {
                    let scheme = if algorithm == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                    let mut signature = vec![0; pair.public_modulus_len()];
                    pair.sign(scheme, &SystemRandom::new(), message, &mut signature).unwrap();
                    signature
                }
            }
        }

        fn token(&self, header: &Value, claims: &Value) -> String {
            let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
            let signed = format!("{}.{}", part(header), part(claims));
            let signature = self.signature(header["alg"].as_str().unwrap(), signed.as_bytes());
            format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
        }
    }

    fn good() -> Value {
        json!({"iss": ISSUER, "aud": "roadstead", "sub": "42", "nonce": "n", "exp": 1300, "iat": 1000})
    }

    const EXPECTED: Expected<'static> = Expected {
        issuer: ISSUER,
        client_id: "roadstead",
        nonce: "n",
        now: Timestamp::from_millis(1_000_000),
    };

    fn judge(provider: &Provider, header: Value, claims: &Value) -> Result<Claims, TokenError> {
        verify(&provider.token(&header, claims), &Provider::new(1).keys(), &EXPECTED)
    }

    #[test]
    fn a_genuine_token_is_taken() {
        let header = json!({"alg": "EdDSA", "kid": "k1"});
        assert_eq!(judge(&Provider::new(1), header, &good()).unwrap()["sub"], "42");
        assert!(
            judge(&Provider::new(1), json!({"alg": "EdDSA"}), &good()).is_ok(),
            "without a key id all keys are tried"
        );
    }

    #[test]
    fn every_kind_of_key_verifies_its_own_algorithm_and_no_other() {
        let algorithms = ["RS256", "PS256", "ES256", "EdDSA"];
        for (provider, own) in [
            (Provider::rsa(), &["RS256", "PS256"][..]),
            (Provider::ecdsa(), &["ES256"]),
            (Provider::new(1), &["EdDSA"]),
        ] {
            for algorithm in algorithms {
                let token = provider.token(&json!({"alg": algorithm, "kid": "k1"}), &good());
                let verdict = verify(&token, &provider.keys(), &EXPECTED);
                assert_eq!(verdict.is_ok(), own.contains(&algorithm), "{algorithm}: {verdict:?}");
                let (head, tail) = token.split_once('.').unwrap();
                let other = BASE64URL_NOPAD.encode(json!({"sub": "43"}).to_string().as_bytes());
                let forged = format!("{head}.{other}.{}", tail.split_once('.').unwrap().1);
                assert_eq!(verify(&forged, &provider.keys(), &EXPECTED), Err(TokenError::Signature));
            }
        }
    }

    #[test]
    fn a_forged_token_is_refused() {
        let header = json!({"alg": "EdDSA", "kid": "k1"});
        assert_eq!(judge(&Provider::new(2), header, &good()), Err(TokenError::Signature));
        assert_eq!(
            judge(&Provider::new(1), json!({"alg": "EdDSA", "kid": "k2"}), &good()),
            Err(TokenError::UnknownKey)
        );
        for algorithm in ["none", "HS256", "RS256", "ES256", ""] {
            assert!(
                judge(&Provider::new(1), json!({"alg": algorithm, "kid": "k1"}), &good()).is_err(),
                "{algorithm}"
            );
        }
        for text in ["", ".", "..", "a.b.c", "e30.e30.", "e30.e30.AA"] {
            assert!(verify(text, &Provider::new(1).keys(), &EXPECTED).is_err(), "{text}");
        }
    }

    #[test]
    fn a_token_for_somebody_else_or_another_time_is_refused() {
        for (name, value) in [
            ("iss", json!("https://evil.example")),
            ("aud", json!("another")),
            ("aud", json!(["roadstead", "another"])),
            ("azp", json!("another")),
            ("nonce", json!("m")),
            ("nonce", Value::Null),
            ("sub", json!("")),
            ("exp", json!(870)),
            ("exp", Value::Null),
            ("iat", json!(1200)),
            ("nbf", json!(1200)),
        ] {
            let mut claims = good();
            claims[name] = value.clone();
            let verdict = judge(&Provider::new(1), json!({"alg": "EdDSA"}), &claims);
            assert!(matches!(verdict, Err(TokenError::Claim(_))), "{name} {value}: {verdict:?}");
        }
        let mut late = good();
        late["exp"] = json!(900);
        assert!(judge(&Provider::new(1), json!({"alg": "EdDSA"}), &late).is_ok(), "within the skew");
    }
}
