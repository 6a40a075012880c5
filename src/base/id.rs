//! Every id is a type of its own with a checked constructor; no bare string crosses a function boundary.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {kind}: {expected}")]
pub struct InvalidId {
    /// With its article.
    pub kind: &'static str,
    pub text: String,
    pub expected: &'static str,
}

/// One id type: a checked text that serialises as itself.
macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $expected:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
        #[serde(transparent)]
        #[schemars(inline)]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    return Ok(Self(text.to_owned()));
                }
                let text = text.chars().take(80).collect();
                Err(InvalidId { kind: $kind, text, expected: $expected })
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id_type!(
    /// A managed node: `mi-` and 17 hexadecimal digits, as in the field.
    NodeId, "a node id", "`mi-` and 17 hexadecimal digits", is_node_id
);
id_type!(
    /// A command sent to nodes: a lower-case UUID. On a node it is also the id of the run.
    CommandId, "a command id", "a UUID of 36 characters", is_uuid
);
id_type!(
    /// A permission to join: a lower-case UUID.
    ActivationId, "an activation id", "a UUID of 36 characters", is_uuid
);
id_type!(
    /// A shell session: the owner's name, a hyphen and 17 hexadecimal digits, at most 96 characters.
    SessionId, "a session id", "1 to 96 letters, digits, `.`, `_`, `@` and `-`", is_session_id
);

impl NodeId {
    pub fn random() -> Self {
        Self(format!("mi-{}", random_hex(17)))
    }
}

impl CommandId {
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().to_string())
    }
}

impl ActivationId {
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().to_string())
    }
}

impl SessionId {
    /// A fresh id that starts with its owner's name, as upstream's do.
    pub fn random(owner: &str) -> Self {
        let owner: String = owner.chars().filter(|c| is_session_char(*c)).take(60).collect();
        Self(format!("{owner}-{}", random_hex(17)))
    }
}

/// Lower-case hexadecimal digits from the system's random source.
pub fn random_hex(digits: usize) -> String {
    let mut bytes = vec![0u8; digits.div_ceil(2)];
    aws_lc_rs::rand::fill(&mut bytes).expect("the kernel's random source does not fail once seeded");
    let mut text = data_encoding::HEXLOWER.encode(&bytes);
    text.truncate(digits);
    text
}

fn is_node_id(text: &str) -> bool {
    text.strip_prefix("mi-")
        .is_some_and(|rest| rest.len() == 17 && rest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
        })
}

fn is_session_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '@' | '-')
}

fn is_session_id(text: &str) -> bool {
    (1..=96).contains(&text.len()) && text.chars().all(is_session_char)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_ids_pass_their_own_check() {
        assert!(NodeId::random().as_str().parse::<NodeId>().is_ok());
        assert!(CommandId::random().as_str().parse::<CommandId>().is_ok());
        assert!(SessionId::random("山田 taro").as_str().parse::<SessionId>().is_ok());
    }

    #[test]
    fn a_wrong_id_is_refused_with_what_would_be_right() {
        let refused = "i-123".parse::<NodeId>().unwrap_err().to_string();
        assert_eq!(refused, "`i-123` is not a node id: `mi-` and 17 hexadecimal digits");
        let refused = "x".parse::<ActivationId>().unwrap_err().to_string();
        assert_eq!(refused, "`x` is not an activation id: a UUID of 36 characters");
        assert!("MI-0123456789abcdef0".parse::<NodeId>().is_err());
        assert!("../../etc/passwd".parse::<CommandId>().is_err());
    }
}
