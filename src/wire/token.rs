//! The join token: one word that lets an agent find a hub, recognise it and be let in.
//!
//! *Shape*: `rs1_` and the base64url (no padding) of compact JSON. The word survives a shell, a URL and a chat message
//! unquoted. It holds the hub's key fingerprint, so that the agent trusts nothing it has not checked, and the activation's
//! code, so it is a secret: its `Debug` leaves the code out.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use crate::base::id::ActivationId;

const PREFIX: &str = "rs1_";
/// A token is typed or pasted by people and read before anything is known of its maker.
const MAX_TEXT: usize = 8 * 1024;
const MAX_ADDRESSES: usize = 16;
const MAX_CODE: usize = 256;

/// What an agent needs to join.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinToken {
    /// `host:port` each, best first; an IPv6 literal stands in brackets.
    pub addresses: Vec<String>,
    /// SHA-256 of the hub's public key (the 44 bytes of its SPKI), lower-case hexadecimal.
    pub hub_key: String,
    pub activation_id: ActivationId,
    pub activation_code: String,
}

/// What is wrong with a text that should be a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    #[error("a join token starts with `{PREFIX}`; this text does not, so something else was pasted")]
    Prefix,
    #[error("the join token is cut short or has characters that do not belong to it; copy the whole word again")]
    Damaged,
    #[error("the join token is longer than {MAX_TEXT} characters, so it is not one of ours")]
    TooLong,
    #[error("the join token names no hub address, or more than {MAX_ADDRESSES}; make a new one")]
    Addresses,
    #[error("the join token names the hub address `{0}`, which is not of the form `host:port`; make a new one")]
    Address(String),
    #[error("the join token's hub key is not a SHA-256 fingerprint of 64 hexadecimal digits; make a new one")]
    HubKey,
    #[error("the join token has no activation code; make a new one")]
    Code,
}

impl JoinToken {
    fn check(self) -> Result<Self, InvalidToken> {
        if self.addresses.is_empty() || self.addresses.len() > MAX_ADDRESSES {
            return Err(InvalidToken::Addresses);
        }
        if let Some(wrong) = self.addresses.iter().find(|a| split_address(a).is_none()) {
            return Err(InvalidToken::Address(wrong.chars().filter(|c| !c.is_control()).take(80).collect()));
        }
        if !is_fingerprint(&self.hub_key) {
            return Err(InvalidToken::HubKey);
        }
        if self.activation_code.is_empty() || self.activation_code.len() > MAX_CODE {
            return Err(InvalidToken::Code);
        }
        Ok(self)
    }
}

impl fmt::Display for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_vec(self).map_err(|_| fmt::Error)?;
        write!(f, "{PREFIX}{}", BASE64URL_NOPAD.encode(&json))
    }
}

impl FromStr for JoinToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let text = text.trim();
        if text.len() > MAX_TEXT {
            return Err(InvalidToken::TooLong);
        }
        let word = text.strip_prefix(PREFIX).ok_or(InvalidToken::Prefix)?;
        let json = BASE64URL_NOPAD.decode(word.as_bytes()).map_err(|_| InvalidToken::Damaged)?;
        let token: Self = serde_json::from_slice(&json).map_err(|_| InvalidToken::Damaged)?;
        token.check()
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinToken")
            .field("addresses", &self.addresses)
            .field("hub_key", &self.hub_key)
            .field("activation_id", &self.activation_id)
            .finish_non_exhaustive()
    }
}

/// `host:port` taken apart; the brackets of an IPv6 literal are gone from the host. `None` when it is not of that form.
pub fn split_address(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let port = port.parse().ok().filter(|p| *p != 0)?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').filter(|h| h.parse::<std::net::Ipv6Addr>().is_ok())?,
        None => host,
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let named = !host.is_empty() && host.len() <= 253 && host.chars().all(is_name);
    (named || host.contains(':') && address.starts_with('[')).then_some((host, port))
}

/// Whether a text is a SHA-256 in lower-case hexadecimal.
pub fn is_fingerprint(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token() -> JoinToken {
        JoinToken {
            addresses: vec!["hub.example:7400".into(), "192.0.2.1:7400".into(), "[2001:db8::1]:7400".into()],
            hub_key: "0f".repeat(32),
            activation_id: ActivationId::random(),
            activation_code: "code".into(),
        }
    }

    fn refusal(change: impl FnOnce(&mut JoinToken)) -> InvalidToken {
        let mut token = token();
        change(&mut token);
        token.to_string().parse::<JoinToken>().unwrap_err()
    }

    #[test]
    fn a_token_survives_its_text_form() {
        let text = token();
        let word = text.to_string();
        assert!(word.starts_with("rs1_") && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')));
        assert_eq!(format!(" {word}\n").parse::<JoinToken>().unwrap(), text);
    }

    #[test]
    fn each_fault_is_named() {
        assert_eq!("rsx_abc".parse::<JoinToken>().unwrap_err(), InvalidToken::Prefix);
        let word = token().to_string();
        assert_eq!(word[..word.len() - 7].parse::<JoinToken>().unwrap_err(), InvalidToken::Damaged);
        assert_eq!("rs1_@@".parse::<JoinToken>().unwrap_err(), InvalidToken::Damaged);
        assert_eq!(
            format!("rs1_{}", "a".repeat(9000)).parse::<JoinToken>().unwrap_err(),
            InvalidToken::TooLong
        );
        assert_eq!(refusal(|t| t.addresses.clear()), InvalidToken::Addresses);
        assert_eq!(refusal(|t| t.addresses = vec!["hub".into()]), InvalidToken::Address("hub".into()));
        assert_eq!(refusal(|t| t.hub_key = "ab".into()), InvalidToken::HubKey);
        assert_eq!(refusal(|t| t.activation_code.clear()), InvalidToken::Code);
    }

    #[test]
    fn an_address_is_a_host_and_a_port() {
        assert_eq!(split_address("[::1]:7400"), Some(("::1", 7400)));
        assert_eq!(split_address("hub-1.example:1"), Some(("hub-1.example", 1)));
        for wrong in ["::1:7400", "hub", "hub:0", "hub:70000", ":7400", "[hub]:1", "a b:1", "h;reboot:1"] {
            assert_eq!(split_address(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn debug_does_not_show_the_code() {
        let mut token = token();
        token.activation_code = "hunter2".into();
        assert!(!format!("{token:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in ".{0,200}") {
            let _ = text.parse::<JoinToken>();
            let _ = format!("rs1_{text}").parse::<JoinToken>();
            let _ = split_address(&text);
        }
    }
}
