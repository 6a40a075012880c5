//! What a value means beyond being a text, and whether a value can be that.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use data_encoding::BASE64;
use serde_json::{Map, Value};

use crate::base::{ApiError, ApiResult};
use crate::hub::capabilities::parameters::kinds::Kind;

/// *Source*: `PutParameterRequest.DataType` of the service model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    Text,
    Integer,
    Float,
    Boolean,
    Binary,
    Hostname,
    Email,
    Ipv4Address,
    Ipv6Address,
    Url,
    Json,
    Jsonc,
    Region,
    AccountId,
    Ec2Image,
    Integration,
}

impl DataType {
    pub const ALL: &[Self] = &[
        Self::Text,
        Self::Integer,
        Self::Float,
        Self::Boolean,
        Self::Binary,
        Self::Hostname,
        Self::Email,
        Self::Ipv4Address,
        Self::Ipv6Address,
        Self::Url,
        Self::Json,
        Self::Jsonc,
        Self::Region,
        Self::AccountId,
        Self::Ec2Image,
        Self::Integration,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Boolean => "boolean",
            Self::Binary => "binary",
            Self::Hostname => "hostname",
            Self::Email => "email",
            Self::Ipv4Address => "ipv4-address",
            Self::Ipv6Address => "ipv6-address",
            Self::Url => "url",
            Self::Json => "json",
            Self::Jsonc => "jsonc",
            Self::Region => "aws:region",
            Self::AccountId => "aws:account:id",
            Self::Ec2Image => "aws:ec2:image",
            Self::Integration => "aws:ssm:integration",
        }
    }

    /// Of a `StringList`, each item is of the type.
    ///
    /// Differs: upstream looks an image up in the account, later, and then drops the value without a word; there are no
    /// images here, so any value is kept.
    ///
    /// *Errors*: `ValidationException` when a value of this type cannot be that; it does not repeat the value, which may be secret.
    pub fn check(self, kind: Kind, value: &str) -> ApiResult<()> {
        let name = self.as_str();
        let only_for = |kind: &str| {
            let words = format!("The data type {name} is supported for parameters of type {kind} only.");
            Err(ApiError::validation(words))
        };
        match self {
            Self::Ec2Image if kind != Kind::String => return only_for("String"),
            Self::Integration if kind != Kind::SecureString => return only_for("SecureString"),
            _ => {}
        }
        let is_right = match kind {
            Kind::StringList => value.split(',').all(|item| self.fits(item)),
            Kind::String | Kind::SecureString => self.fits(value),
        };
        match is_right {
            true => Ok(()),
            false => Err(ApiError::validation(format!(
                "The parameter value is not valid for the data type {name}: it must be {}.",
                self.wanted()
            ))),
        }
    }

    fn fits(self, value: &str) -> bool {
        match self {
            Self::Text | Self::Ec2Image => true,
            Self::Integer => value.parse::<i64>().is_ok(),
            Self::Float => value.bytes().any(|b| b.is_ascii_digit()) && value.parse::<f64>().is_ok_and(f64::is_finite),
            Self::Boolean => matches!(value, "true" | "false"),
            Self::Binary => BASE64.decode(value.as_bytes()).is_ok(),
            Self::Hostname => is_hostname(value),
            Self::Email => is_email(value),
            Self::Ipv4Address => value.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6Address => value.parse::<Ipv6Addr>().is_ok(),
            Self::Url => value
                .parse::<http::Uri>()
                .is_ok_and(|uri| uri.scheme().is_some() && uri.host().is_some_and(|host| !host.is_empty())),
            Self::Json => serde_json::from_str::<Value>(value).is_ok(),
            Self::Jsonc => serde_json::from_str::<Value>(&without_comments(value)).is_ok(),
            Self::Region => value
                .split('-')
                .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())),
            Self::AccountId => value.len() == 12 && value.bytes().all(|b| b.is_ascii_digit()),
            Self::Integration => serde_json::from_str::<Map<String, Value>>(value).is_ok(),
        }
    }

    fn wanted(self) -> &'static str {
        match self {
            Self::Text | Self::Ec2Image => "a text",
            Self::Integer => "a whole number of at most 64 bits, such as -42",
            Self::Float => "a number, such as 2.5 or 1e-3",
            Self::Boolean => "true or false",
            Self::Binary => "Base64",
            Self::Hostname => "a host name, such as db-1.example.com",
            Self::Email => "an e-mail address, such as ann@example.com",
            Self::Ipv4Address => "an IPv4 address, such as 192.0.2.1",
            Self::Ipv6Address => "an IPv6 address, such as 2001:db8::1",
            Self::Url => "a URL with a scheme and a host, such as https://example.com/a",
            Self::Json => "JSON",
            Self::Jsonc => "JSON, with comments where wished",
            Self::Region => "the name of a region, such as eu-west-1",
            Self::AccountId => "an account ID of 12 digits",
            Self::Integration => "a JSON object",
        }
    }
}

impl FromStr for DataType {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|d| d.as_str() == text).ok_or(())
    }
}

/// *Source*: RFC 1123, 2.1.
fn is_hostname(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.strip_suffix('.').unwrap_or(text).split('.').all(is_label)
}

/// What mail servers take in practice: no comments, no quoted names.
fn is_email(text: &str) -> bool {
    let is_sign = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    text.rsplit_once('@').is_some_and(|(name, host)| {
        (1..=64).contains(&name.len()) && name.chars().all(is_sign) && name.split('.').all(|part| !part.is_empty()) && is_hostname(host)
    })
}

/// JSON with a space for each comment, and without a comma before a closing bracket, as editors write it.
fn without_comments(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(sign) = rest.chars().next() {
        let taken = match sign {
            '"' => string_bytes(rest),
            '/' if rest.starts_with("//") => comment(&mut plain, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => comment(&mut plain, rest.find("*/").map_or(1, |at| at + 2)),
            '}' | ']' => {
                let kept = plain.trim_end();
                plain.truncate(kept.strip_suffix(',').unwrap_or(kept).len());
                1
            }
            other => other.len_utf8(),
        };
        let is_comment = sign == '/' && taken > 1;
        if !is_comment {
            plain.push_str(&rest[..taken]);
        }
        rest = &rest[taken..];
    }
    plain
}

fn comment(plain: &mut String, bytes: usize) -> usize {
    plain.push(' ');
    bytes
}

/// The length of the string in quotation marks that `text` begins with, or of all of it where it has no end.
fn string_bytes(text: &str) -> usize {
    let mut is_escaped = true;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    });
    end.map_or(text.len(), |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_judged_by_their_type() {
        let table: &[(&str, &[&str], &[&str])] = &[
            ("text", &["", "anything"], &[]),
            ("integer", &["443", "-1", "0"], &["", "1.0", "a", "1 ", "99999999999999999999"]),
            ("float", &["1", "-2.5", "1e-3"], &["", ".", "inf", "NaN", "1e999", "1,5"]),
            ("boolean", &["true", "false"], &["True", "yes", "1", ""]),
            ("binary", &["", "aGVsbG8="], &["aGVsbG8", "%"]),
            (
                "hostname",
                &["db-1.example.com", "localhost", "a."],
                &["", "-a", "a-", "a..b", "a_b", "a b"],
            ),
            ("email", &["ann@example.com", "a.b+c@x"], &["ann", "@x", "a@", "a..b@x", "a b@x"]),
            ("ipv4-address", &["192.0.2.1"], &["192.0.2", "192.0.2.256", "::1"]),
            ("ipv6-address", &["2001:db8::1", "::"], &["192.0.2.1", "2001:db8:::1"]),
            (
                "url",
                &["https://example.com/a?b#c", "s3://bucket/key"],
                &["example.com", "/a", "https://", "a b"],
            ),
            ("json", &["{}", "[1]", "null"], &["", "{", "{a:1}", "{} // x"]),
            (
                "jsonc",
                &["{} // x", "/* a */ {\"a\": 1, // b\n }", "[1,]", r#"{"a": "// \" no /* comment"}"#],
                &["", "{", "/* a", "{a:1}", "/ {}"],
            ),
            ("aws:region", &["eu-west-1", "local"], &["", "EU", "a--b", "a b"]),
            ("aws:account:id", &["123456789012"], &["12345678901", "12345678901a"]),
        ];
        for (name, good, bad) in table {
            let data_type: DataType = name.parse().unwrap();
            for value in *good {
                assert!(data_type.check(Kind::String, value).is_ok(), "{name}: {value}");
            }
            for value in *bad {
                let refused = data_type.check(Kind::String, value).unwrap_err();
                assert_eq!(refused.code, "ValidationException", "{name}: {value}");
                assert!(refused.message.contains(name), "{}", refused.message);
            }
        }
    }

    #[test]
    fn each_item_of_a_list_is_of_the_type() {
        assert!(DataType::Integer.check(Kind::StringList, "1,2").is_ok());
        assert!(DataType::Integer.check(Kind::StringList, "1,b").is_err());
    }

    #[test]
    fn some_types_are_for_one_kind_of_parameter() {
        assert!(DataType::Ec2Image.check(Kind::SecureString, "ami-1").is_err());
        assert!(DataType::Integration.check(Kind::String, "{}").is_err());
        assert!(DataType::Integration.check(Kind::SecureString, "{}").is_ok());
        assert!(DataType::Integration.check(Kind::SecureString, "[]").is_err());
    }

    #[test]
    fn every_word_reads_back() {
        for data_type in DataType::ALL {
            assert_eq!(data_type.as_str().parse(), Ok(*data_type));
        }
    }
}
