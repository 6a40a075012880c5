//! Places in a store: a bucket, and what keys in it begin with.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const MAX_BUCKET: usize = 63;
const MAX_PREFIX: usize = 500;

/// Buckets that a store is used for. *Shape*: `BUCKET[/PREFIX]`, the bucket's name perhaps ending in `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Without the `*`.
    bucket: String,
    is_open: bool,
    /// Without slashes at its ends; empty for the whole bucket.
    prefix: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no bucket: write `BUCKET`, `BUCKET/PREFIX`, or `BEGINNING*`")]
pub struct InvalidPlace(String);

impl Place {
    /// Whether an object, or all below a prefix, lies in it.
    pub fn takes(&self, bucket: &str, key: &str) -> bool {
        let rest = key.strip_prefix(self.prefix.as_str());
        let is_below = self.prefix.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.is_of(bucket) && is_bucket_name(bucket) && is_below
    }

    /// Whether the bucket is one that it was made for; `*` was made for none in particular.
    pub fn names(&self, bucket: &str) -> bool {
        self.is_of(bucket) && !self.bucket.is_empty()
    }

    fn is_of(&self, bucket: &str) -> bool {
        match self.is_open {
            true => bucket.starts_with(&self.bucket),
            false => bucket == self.bucket,
        }
    }

    /// The bucket and the prefix, where it is one bucket.
    pub fn only(&self) -> Option<(&str, &str)> {
        (!self.is_open).then_some((self.bucket.as_str(), self.prefix.as_str()))
    }
}

/// What can stand in a path and in a host's name.
pub fn is_bucket_name(name: &str) -> bool {
    (1..=MAX_BUCKET).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        && name.bytes().any(|b| b != b'.')
}

/// A key or prefix as upstream's agent joins it: no empty part, no `.`, and `..` leads up, never out.
pub fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

impl FromStr for Place {
    type Err = InvalidPlace;
    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let invalid = || InvalidPlace(text.chars().filter(|c| !c.is_control()).take(100).collect());
        let (bucket, prefix) = text.split_once('/').unwrap_or((text, ""));
        let (bucket, is_open) = bucket.strip_suffix('*').map_or((bucket, false), |bucket| (bucket, true));
        let is_name = is_bucket_name(bucket) || (is_open && bucket.is_empty());
        let is_prefix = prefix.len() <= MAX_PREFIX && !prefix.chars().any(char::is_control);
        match is_name && is_prefix {
            true => Ok(Self {
                bucket: bucket.to_owned(),
                is_open,
                prefix: clean(prefix),
            }),
            false => Err(invalid()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = if self.is_open { "*" } else { "" };
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        write!(f, "{}{star}{slash}{}", self.bucket, self.prefix)
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Place {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Place".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }

    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_place_takes_its_bucket_and_what_lies_below_its_prefix() {
        for (place, bucket, key, is_taken) in [
            ("logs", "logs", "a/b", true),
            ("logs", "logs2", "a", false),
            ("logs-*", "logs-eu", "a", true),
            ("logs-*", "logs", "a", false),
            ("*", "anything", "", true),
            ("logs/runs", "logs", "runs/a", true),
            ("logs/runs/", "logs", "runs", true),
            ("logs/runs", "logs", "runs-of-others/a", false),
            ("logs/runs", "logs", "", false),
            ("*", "evil.example/x", "a", false),
            ("*", "..", "a", false),
        ] {
            assert_eq!(
                place.parse::<Place>().unwrap().takes(bucket, key),
                is_taken,
                "{place} {bucket} {key}"
            );
        }
        for wrong in ["", "/a", "a b", "a*b", "**", "bücket", "..", "a/\n"] {
            assert!(wrong.parse::<Place>().is_err(), "{wrong}");
        }
        assert_eq!("logs-*//runs/".parse::<Place>().unwrap().to_string(), "logs-*/runs");
    }

    proptest! {
        #[test]
        fn no_prefix_leads_out_of_a_place(prefix in "[a./]{0,20}") {
            let place: Place = "logs/runs".parse().unwrap();
            let key = clean(&format!("{}/x", clean(&prefix)));
            prop_assert!(!key.split('/').any(|part| matches!(part, "" | "." | "..")));
            prop_assert_eq!(place.takes("logs", &key), key == "runs" || key.starts_with("runs/"));
        }
    }
}
