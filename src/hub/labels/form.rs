//! What the model asks of tags: their length, and which characters they are made of.
//!
//! Said in upstream's words ([`Violations`]), under the name that the caller's request has for the tags.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::base::violations::Violations;
use crate::base::{ApiError, ApiResult};
use crate::hub::labels::Tag;

const KEY: RangeInclusive<usize> = 1..=128;
const VALUE: RangeInclusive<usize> = 0..=256;
/// As upstream's model writes it.
const PATTERN: &str = r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$";
/// Tags of one request, so that what is wrong with them can be said in one answer.
const MOST: usize = 1000;

/// Judges the tags of a list that the request calls `member`.
pub fn judge(broken: &mut Violations, member: &str, tags: &[Tag]) {
    if tags.len() > MOST {
        return broken.add_hidden(member, &format!("have length less than or equal to {MOST}"));
    }
    for (number, tag) in (1..).zip(tags) {
        judge_key(broken, &format!("{member}.{number}.member.key"), &tag.key);
        judge_value(broken, &format!("{member}.{number}.member.value"), &tag.value);
    }
}

/// The same for a list of keys alone.
pub fn judge_keys(broken: &mut Violations, member: &str, keys: &[String]) {
    if keys.len() > MOST {
        return broken.add_hidden(member, &format!("have length less than or equal to {MOST}"));
    }
    for (number, key) in (1..).zip(keys) {
        judge_key(broken, &format!("{member}.{number}.member"), key);
    }
}

pub fn judge_key(broken: &mut Violations, member: &str, key: &String) {
    judge_text(broken, member, key, KEY);
}

pub fn judge_value(broken: &mut Violations, member: &str, value: &String) {
    judge_text(broken, member, value, VALUE);
}

fn judge_text(broken: &mut Violations, member: &str, text: &String, length: RangeInclusive<usize>) {
    broken.length(Some(text), member, length);
    if !has_form(text) {
        broken.add(text, member, &format!("satisfy regular expression pattern: {PATTERN}"));
    }
}

/// *Errors*: `ValidationException` naming all ill-formed tags of `tags`, or the first whose key is reserved.
pub fn check(tags: &[Tag]) -> ApiResult<()> {
    let mut broken = Violations::default();
    judge(&mut broken, "tags", tags);
    broken.check()?;
    tags.iter().try_for_each(|tag| check_free(&tag.key))
}

/// *Errors*: `ValidationException` for a key that upstream keeps for itself.
pub fn check_free(key: &str) -> ApiResult<()> {
    match key.to_ascii_lowercase().starts_with("aws:") {
        true => Err(ApiError::validation(format!("tag key `{key}` must not begin with `aws:`"))),
        false => Ok(()),
    }
}

/// The tags of a request that writes them as a map, which it calls `tags`.
///
/// *Errors*: `ValidationException`.
pub fn of_map(map: &BTreeMap<String, String>) -> ApiResult<Vec<Tag>> {
    let mut broken = Violations::default();
    judge_entries(&mut broken, map, "Map keys", map.keys(), KEY);
    judge_entries(&mut broken, map, "Map value", map.values(), VALUE);
    broken.check()?;
    map.keys().try_for_each(|key| check_free(key))?;
    let tag = |(key, value): (&String, &String)| Tag {
        key: key.clone(),
        value: value.clone(),
    };
    Ok(map.iter().map(tag).collect())
}

/// Upstream names no entry of a map, but shows the map and says what each of its keys or values must be.
fn judge_entries<'m>(
    broken: &mut Violations,
    map: &BTreeMap<String, String>,
    of: &str,
    mut texts: impl Iterator<Item = &'m String>,
    length: RangeInclusive<usize>,
) {
    if texts.all(|text| length.contains(&text.chars().count()) && has_form(text)) {
        return;
    }
    let entries: Vec<String> = map.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let musts = [
        format!("have length less than or equal to {}", length.end()),
        format!("have length greater than or equal to {}", length.start()),
        format!("satisfy regular expression pattern: {PATTERN}"),
    ];
    broken.add_entries(&format!("{{{}}}", entries.join(", ")), "tags", of, &musts);
}

/// Letters, separators and numbers of any script, and a few signs. Letters are those of Unicode's alphabets: with them come the
/// marks that the pattern forgets and without which some scripts write no word.
pub fn has_form(text: &str) -> bool {
    let is_separator = |c: char| c.is_whitespace() && !c.is_control();
    text.chars()
        .all(|c| c.is_alphanumeric() || is_separator(c) || "_.:/=+-@".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> Tag {
        Tag {
            key: key.into(),
            value: value.into(),
        }
    }

    fn said(tags: &[Tag]) -> String {
        check(tags).unwrap_err().message
    }

    #[test]
    fn tags_of_any_script_pass_and_control_characters_do_not() {
        assert!(check(&[tag("環境", "本番 1"), tag("team", "")]).is_ok());
        assert!(check(&[tag("a\u{a0}b", "x\u{2028}\u{3000}y")]).is_ok());
        for sign in ["\n", "\t", "\u{85}", "*", "\u{200b}"] {
            assert!(check(&[tag(&format!("a{sign}b"), "x")]).is_err(), "{sign:?}");
        }
        assert!(said(&[tag("AWS:x", "x")]).contains("must not begin with `aws:`"));
    }

    #[test]
    fn everything_that_breaks_the_model_is_said_with_its_place() {
        assert_eq!(
            said(&[tag("", "x"), tag("a", "b*")]),
            "2 validation errors detected: Value '' at 'tags.1.member.key' failed to satisfy constraint: Member must have length greater \
             than or equal to 1; Value 'b*' at 'tags.2.member.value' failed to satisfy constraint: Member must satisfy regular expression \
             pattern: ^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$"
        );
        assert!(check(&[tag(&"é".repeat(128), &"é".repeat(256))]).is_ok());
        assert!(
            said(&[tag(&"k".repeat(129), "")])
                .ends_with("at 'tags.1.member.key' failed to satisfy constraint: Member must have length less than or equal to 128")
        );
        assert!(
            said(&[tag("k", &"v".repeat(257))])
                .ends_with("at 'tags.1.member.value' failed to satisfy constraint: Member must have length less than or equal to 256")
        );
        assert!(
            said(&std::iter::repeat_n(tag("", ""), 1001).collect::<Vec<_>>())
                .ends_with("Member must have length less than or equal to 1000")
        );
    }

    #[test]
    fn of_a_map_upstream_says_what_its_entries_must_be() {
        let map = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        assert_eq!(of_map(&map("a", "b")).unwrap(), [tag("a", "b")]);
        assert_eq!(
            of_map(&map("", "b")).unwrap_err().message,
            "1 validation error detected: Value '{=b}' at 'tags' failed to satisfy constraint: Map keys must satisfy constraint: [Member \
             must have length less than or equal to 128, Member must have length greater than or equal to 1, Member must satisfy regular \
             expression pattern: ^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$]"
        );
        let refused = of_map(&map("a", &"b".repeat(257))).unwrap_err().message;
        assert!(refused.contains("Map value must satisfy constraint: [Member must have length less than or equal to 256"));
        assert!(of_map(&map("aws:a", "b")).is_err());
    }
}
