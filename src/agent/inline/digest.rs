//! HTTP's Digest login: a server asks, and is told a hash that nobody makes without the password.
//!
//! *Source*: RFC 7616; servers that name no `qop` are answered as RFC 2069 has it.

use std::collections::BTreeMap;

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;
use md5::Md5;
use md5::digest::Digest;

pub struct Account {
    pub user: String,
    pub password: String,
}

/// The `Authorization` with which `GET target` is asked again.
///
/// *Errors*: why none can be given, as the end of a sentence that begins with the server.
pub fn answer(headers: &HeaderMap, account: &Account, target: &str, client_nonce: &str) -> Result<String, String> {
    let offers = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let offers: Vec<Offer> = offers
        .flat_map(offers_in)
        .filter(|offer| offer.scheme.eq_ignore_ascii_case("Digest"))
        .collect();
    if offers.is_empty() {
        return Err("does not ask for a login by Digest".into());
    }
    // A server begins with what it likes best.
    let chosen = offers.iter().find_map(|offer| Some((offer, Algorithm::of(offer)?)));
    let (offer, algorithm) = chosen.ok_or("asks for a Digest of another kind than MD5 and SHA-256")?;
    let qop = offer
        .get("qop")
        .map(|all| all.split(',').any(|one| one.trim().eq_ignore_ascii_case("auth")));
    if qop == Some(false) {
        return Err("asks for a Digest of the body, which a download has not".into());
    }
    Ok(header(
        offer,
        algorithm,
        account,
        &Request {
            target,
            client_nonce,
            has_qop: qop.is_some(),
        },
    ))
}

struct Request<'a> {
    target: &'a str,
    client_nonce: &'a str,
    has_qop: bool,
}

/// Each nonce is used once.
const COUNT: &str = "00000001";

fn header(offer: &Offer, algorithm: Algorithm, account: &Account, request: &Request<'_>) -> String {
    let hash = |parts: &[&str]| algorithm.hash(&parts.join(":"));
    let (realm, nonce) = (offer.get("realm").unwrap_or_default(), offer.get("nonce").unwrap_or_default());
    let mut secret = hash(&[&account.user, realm, &account.password]);
    if algorithm.is_session {
        secret = hash(&[&secret, nonce, request.client_nonce]);
    }
    let asked = hash(&["GET", request.target]);
    let response = match request.has_qop {
        true => hash(&[&secret, nonce, COUNT, request.client_nonce, "auth", &asked]),
        false => hash(&[&secret, nonce, &asked]),
    };
    let mut header = format!(
        "Digest username={}, realm={}, nonce={}, uri={}, response=\"{response}\"",
        quoted(&account.user),
        quoted(realm),
        quoted(nonce),
        quoted(request.target)
    );
    if let Some(name) = offer.get("algorithm") {
        header.push_str(&format!(", algorithm={name}"));
    }
    if let Some(opaque) = offer.get("opaque") {
        header.push_str(&format!(", opaque={}", quoted(opaque)));
    }
    if request.has_qop || algorithm.is_session {
        header.push_str(&format!(", cnonce={}", quoted(request.client_nonce)));
    }
    if request.has_qop {
        header.push_str(&format!(", qop=auth, nc={COUNT}"));
    }
    header
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[derive(Clone, Copy)]
struct Algorithm {
    is_sha256: bool,
    /// The hash of the password is bound to this exchange.
    is_session: bool,
}

impl Algorithm {
    fn of(offer: &Offer) -> Option<Self> {
        let name = offer.get("algorithm").unwrap_or("MD5").to_ascii_uppercase();
        let (name, is_session) = name.strip_suffix("-SESS").map_or((name.as_str(), false), |name| (name, true));
        let is_sha256 = match name {
            "MD5" => false,
            "SHA-256" => true,
            _ => return None,
        };
        Some(Self { is_sha256, is_session })
    }

    fn hash(self, text: &str) -> String {
        let hex = data_encoding::HEXLOWER;
        match self.is_sha256 {
            true => hex.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()).as_ref()),
            // Weak, and what most servers offer.
            false => hex.encode(&Md5::digest(text)),
        }
    }
}

/// One way to log in that a server offers.
struct Offer {
    scheme: String,
    members: BTreeMap<String, String>,
}

impl Offer {
    fn get(&self, name: &str) -> Option<&str> {
        self.members.get(name).map(String::as_str)
    }
}

/// `Basic realm="x", Digest realm="y", nonce=z`: a word that no `=` follows begins the next one.
fn offers_in(header: &str) -> Vec<Offer> {
    let mut offers: Vec<Offer> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find([' ', '\t', ',', '=']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        match (after.trim_start().strip_prefix('='), offers.last_mut()) {
            (Some(value), Some(offer)) => {
                let (value, after) = value_of(value.trim_start());
                offer.members.insert(word.to_ascii_lowercase(), value);
                rest = after;
            }
            // What belongs to no offer is passed over.
            (Some(value), None) => rest = value,
            (None, _) if word.is_empty() => return offers,
            (None, _) => {
                offers.push(Offer {
                    scheme: word.to_owned(),
                    members: BTreeMap::new(),
                });
                rest = after;
            }
        }
    }
}

/// A word or a text in quotes, and what follows it.
fn value_of(text: &str) -> (String, &str) {
    let Some(inside) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut characters = inside.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &inside[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn answered(offers: &[&str]) -> Result<String, String> {
        let mut headers = HeaderMap::new();
        for offer in offers {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_str(offer).unwrap());
        }
        let account = Account {
            user: "Mufasa".into(),
            password: "Circle of Life".into(),
        };
        answer(
            &headers,
            &account,
            "/dir/index.html",
            "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        )
    }

    const REST: &str = r#"realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#;

    /// The example of RFC 7616, section 3.9.1.
    #[test]
    fn the_answers_are_those_of_the_standard() {
        let md5 = answered(&[&format!("Digest {REST}, algorithm=MD5")]).unwrap();
        assert!(md5.contains("response=\"8ca523f5e9506fed4657c9700eebdbec\""), "{md5}");
        assert!(md5.ends_with("qop=auth, nc=00000001") && md5.contains("opaque=\"FQhe/"), "{md5}");
        let sha256 = answered(&[&format!("Basic realm=\"a, b=c\", Digest algorithm=SHA-256, {REST}")]).unwrap();
        assert!(
            sha256.contains("response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\""),
            "{sha256}"
        );
    }

    #[test]
    fn the_first_kind_that_is_known_is_taken() {
        let offers = [
            "Negotiate",
            &format!("Digest algorithm=SHA-512-256, {REST}"),
            &format!("Digest algorithm=SHA-256-sess, {REST}"),
            &format!("Digest {REST}"),
        ];
        let sha256 = answered(&offers).unwrap();
        assert!(sha256.contains("algorithm=SHA-256-sess") && sha256.contains("cnonce="), "{sha256}");
        let old = answered(&["Digest realm=\"it's \\\"x\\\"\", nonce=abc"]).unwrap();
        assert!(old.contains("realm=\"it's \\\"x\\\"\"") && !old.contains("qop"), "{old}");
    }

    #[test]
    fn what_cannot_be_answered_says_why() {
        for (offer, expected) in [
            ("Basic realm=\"x\"", "does not ask for a login by Digest"),
            ("Digest algorithm=SHA-512-256, nonce=a", "another kind than MD5 and SHA-256"),
            ("Digest qop=\"auth-int\", nonce=a", "a Digest of the body"),
        ] {
            assert!(answered(&[offer]).unwrap_err().contains(expected), "{offer}");
        }
    }

    proptest! {
        #[test]
        fn no_offer_makes_it_panic(offer in r#"[Digest realm=",\\a-c]{0,40}"#) {
            let _ = answered(&[&offer]);
        }
    }
}
