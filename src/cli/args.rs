//! Arguments that several verbs share.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::{Value, json};

use crate::cli::failure::{Exit, Failure};
use crate::cli::output;
use crate::model::filter::Filter;

/// Which rows of a list.
#[derive(Clone, Debug, clap::Args)]
pub struct ListArgs {
    /// Only rows that match, e.g. 'status=online tag:env=prod web'
    #[arg(long, value_name = "FILTER")]
    pub filter: Option<Filter>,
    /// At most so many rows; 0 for all
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pub limit: usize,
}

impl ListArgs {
    pub fn limit(&self) -> usize {
        match self.limit {
            0 => usize::MAX,
            limit => limit,
        }
    }
}

/// One tag as `key=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

impl std::str::FromStr for Tag {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is no tag: write key=value"))?;
        if key.is_empty() {
            return Err(format!("`{text}` has no key before the `=`"));
        }
        Ok(Self {
            key: key.to_owned(),
            value: value.to_owned(),
        })
    }
}

/// One of a closed set of the API's words, as the API spells it; with `ignore_case` it may be written in any case.
pub fn word_of(words: &'static [&'static str]) -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new(words).map(|typed| {
        let word = words.iter().find(|word| word.eq_ignore_ascii_case(&typed));
        word.map_or(typed, |word| (*word).to_owned())
    })
}

/// As the API takes them.
pub fn tags_to_api(tags: &[Tag]) -> Value {
    tags.iter().map(|tag| json!({"Key": tag.key, "Value": tag.value})).collect()
}

/// A dangerous act goes on with `--yes`, or when the caller types the word; never silently.
pub fn confirm_by_word(yes: bool, warning: &str, word: &str) -> anyhow::Result<()> {
    use std::io::{IsTerminal, Write};
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(format!("{warning}; say --yes to do it")).into());
    }
    let mut err = std::io::stderr().lock();
    let _ = write!(err, "{warning}.\nType `{word}` to go on: ");
    let _ = err.flush();
    let mut typed = String::new();
    std::io::stdin().read_line(&mut typed)?;
    if typed.trim() == word {
        return Ok(());
    }
    Err(Failure::new(Exit::Failed, "nothing was done").into())
}

/// The end of a list that was longer than shown.
pub fn say_more(shown: usize, total: u64) {
    if (shown as u64) < total {
        output::say(&format!("{shown} of {total} shown; --limit 0 shows all, --filter finds some"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_key_and_value() {
        let tag: Tag = "env=a=b".parse().unwrap();
        assert_eq!((tag.key.as_str(), tag.value.as_str()), ("env", "a=b"));
        assert!("env".parse::<Tag>().is_err() && "=x".parse::<Tag>().is_err());
    }
}
