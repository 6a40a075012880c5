//! A document's text as a tree in which every part knows where it stands.
//!
//! Two readers, [`json`] and [`yaml`], make the same [`Node`]s; everything above them is blind to the format. Members keep the
//! order in which they were written, so that a document converted from one format to the other reads as its author meant it.
//!
//! *Invariant*: depth and number of nodes are bounded before anything is allocated for them, aliases of YAML included.

pub mod json;
pub mod yaml;

use std::fmt;
use std::str::FromStr;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::{Map, Number, Value};

use super::problem::Problem;

/// Deeper than any document that a person writes.
pub const MAX_DEPTH: usize = 64;
/// More parts than 512 KB of text can have without aliases.
pub const MAX_NODES: usize = 200_000;

/// The formats a document may be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Yaml,
    /// Not parsed: calendars, configurations.
    Text,
}

impl Format {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Yaml => "YAML",
            Self::Text => "TEXT",
        }
    }
}

impl FromStr for Format {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "JSON" => Ok(Self::Json),
            "YAML" => Ok(Self::Yaml),
            "TEXT" => Ok(Self::Text),
            _ => Err(()),
        }
    }
}

/// What a scalar without quotes becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scalars {
    /// A number, a truth value or a text, as its format says.
    #[default]
    Resolved,
    /// The text that was written: `1.10`, `0x1F` and `no` stay these. Only null is no text.
    AsWritten,
}

/// Where a part begins: line and column, both from 1. Zero when it never had a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub at: Position,
    pub part: Part,
    /// The line of the source in which the text's first line stands, when its lines are the source's, from the column of `at` on: a
    /// literal block of YAML.
    pub first_line: Option<u32>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Member>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    pub at: Position,
    pub key: String,
    pub node: Node,
}

/// Reads a text of a parsed format.
///
/// *Errors*: the first place at which it is not of that format.
pub fn parse(text: &str, format: Format) -> Result<Node, Problem> {
    match format {
        Format::Json => json::parse(text),
        Format::Yaml => yaml::parse(text),
        Format::Text => Ok(Node {
            at: Position { line: 1, column: 1 },
            part: Part::Text(text.to_owned()),
            first_line: Some(1),
        }),
    }
}

/// Reads a text whose scalars are wanted as they were written.
///
/// *Errors*: as of [`parse`].
pub fn parse_as_written(text: &str, format: Format) -> Result<Node, Problem> {
    match format {
        Format::Json => json::read(text, Scalars::AsWritten),
        Format::Yaml => yaml::read(text, Scalars::AsWritten),
        Format::Text => parse(text, format),
    }
}

/// JSON when it begins like JSON, else YAML: for a file whose format nobody has named.
pub fn guess(text: &str) -> Format {
    match text.trim_start_matches('\u{feff}').trim_start().starts_with('{') {
        true => Format::Json,
        false => Format::Yaml,
    }
}

impl Node {
    /// The value without its places; members come sorted, as `serde_json` keeps them.
    pub fn to_value(&self) -> Value {
        match &self.part {
            Part::Null => Value::Null,
            Part::Bool(flag) => Value::Bool(*flag),
            Part::Number(number) => Value::Number(number.clone()),
            Part::Text(text) => Value::String(text.clone()),
            Part::List(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Part::Map(members) => Value::Object(to_map(members)),
        }
    }

    /// A tree without places, for a document that came as a value.
    pub fn from_value(value: &Value) -> Self {
        let part = match value {
            Value::Null => Part::Null,
            Value::Bool(flag) => Part::Bool(*flag),
            Value::Number(number) => Part::Number(number.clone()),
            Value::String(text) => Part::Text(text.clone()),
            Value::Array(items) => Part::List(items.iter().map(Self::from_value).collect()),
            Value::Object(members) => Part::Map(members.iter().map(|(key, value)| Member::plain(key, value)).collect()),
        };
        Self {
            at: Position::default(),
            part,
            first_line: None,
        }
    }

    /// Where in the source this byte of the node's text stands, as nearly as is known.
    pub fn place_of(&self, offset: usize) -> Position {
        let before = self.as_text().and_then(|text| text.get(..offset));
        match (self.first_line, before) {
            (Some(first), Some(before)) => Position {
                line: first + before.matches('\n').count() as u32,
                column: self.at.column + before.rsplit('\n').next().unwrap_or_default().chars().count() as u32,
            },
            _ => self.at,
        }
    }

    /// As a text of that format, members in their order.
    ///
    /// *Errors*: what cannot be written so: only a text has the format TEXT.
    pub fn written(&self, format: Format) -> Result<String, String> {
        match format {
            Format::Json => serde_json::to_string_pretty(self).map_err(|error| error.to_string()),
            Format::Yaml => serde_saphyr::to_string(self).map_err(|error| error.to_string()),
            Format::Text => self
                .as_text()
                .map(str::to_owned)
                .ok_or_else(|| format!("{} is no text", self.kind())),
        }
    }

    pub fn member(&self, key: &str) -> Option<&Node> {
        let Part::Map(members) = &self.part else { return None };
        members.iter().find(|member| member.key == key).map(|member| &member.node)
    }

    pub fn as_text(&self) -> Option<&str> {
        match &self.part {
            Part::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A scalar as it was written, more or less: real documents write `schemaVersion: 2.2` without quotes.
    pub fn scalar(&self) -> Option<String> {
        match &self.part {
            Part::Text(text) => Some(text.clone()),
            Part::Number(number) => Some(number.to_string()),
            Part::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }

    /// For messages: "a list", "a text" …
    pub fn kind(&self) -> &'static str {
        match self.part {
            Part::Null => "nothing",
            Part::Bool(_) => "a boolean",
            Part::Number(_) => "a number",
            Part::Text(_) => "a text",
            Part::List(_) => "a list",
            Part::Map(_) => "a map",
        }
    }
}

impl Member {
    fn plain(key: &str, value: &Value) -> Self {
        Self {
            at: Position::default(),
            key: key.to_owned(),
            node: Node::from_value(value),
        }
    }
}

pub fn to_map(members: &[Member]) -> Map<String, Value> {
    members.iter().map(|member| (member.key.clone(), member.node.to_value())).collect()
}

/// In the order of the text.
impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.part {
            Part::Null => serializer.serialize_unit(),
            Part::Bool(flag) => serializer.serialize_bool(*flag),
            Part::Number(number) => number.serialize(serializer),
            Part::Text(text) => serializer.serialize_str(text),
            Part::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(item))?;
                list.end()
            }
            Part::Map(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                members
                    .iter()
                    .try_for_each(|member| map.serialize_entry(&member.key, &member.node))?;
                map.end()
            }
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}
