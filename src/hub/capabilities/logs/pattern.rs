//! `filterPattern`: terms that an event must have, of which it must have one, or must not have.
//!
//! *Source*: AWS docs, "Filter pattern syntax", unstructured log events.
//!
//! Differs: patterns over JSON, over columns and by regular expression are refused: output of commands has no such form.

/// Which events are meant.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pattern {
    all: Vec<String>,
    any: Vec<String>,
    none: Vec<String>,
}

impl Pattern {
    /// *Errors*: what is not known here, for a person.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pattern = Self::default();
        let mut rest = text.trim();
        if rest.starts_with(['{', '[', '%']) {
            return Err("patterns over JSON, columns and regular expressions are not known here; give terms or a \"quoted text\"".into());
        }
        while !rest.is_empty() {
            let (list, term) = match rest.as_bytes()[0] {
                b'-' => (&mut pattern.none, &rest[1..]),
                b'?' => (&mut pattern.any, &rest[1..]),
                _ => (&mut pattern.all, rest),
            };
            let (term, after) = match term.strip_prefix('"') {
                Some(quoted) => take_quoted(quoted)?,
                None => {
                    let end = term.find(char::is_whitespace).unwrap_or(term.len());
                    (term[..end].to_owned(), &term[end..])
                }
            };
            if !term.is_empty() {
                list.push(term);
            }
            rest = after.trim_start();
        }
        Ok(pattern)
    }

    /// Letters compare with their case. Optional terms count only when nothing is demanded, as upstream has it.
    pub fn matches(&self, message: &str) -> bool {
        let has = |term: &String| message.contains(term.as_str());
        let is_any = self.any.is_empty() || !self.all.is_empty() || self.any.iter().any(has);
        self.all.iter().all(has) && is_any && !self.none.iter().any(has)
    }
}

fn take_quoted(text: &str) -> Result<(String, &str), String> {
    let mut term = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((term, &text[at + 1..])),
            '\\' => term.extend(chars.next().map(|(_, escaped)| escaped)),
            c => term.push(c),
        }
    }
    Err("a quotation mark is not closed".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_demanded_offered_and_excluded() {
        for (pattern, message, expected) in [
            ("", "anything", true),
            ("ERROR", "an ERROR", true),
            ("ERROR", "an error", false),
            ("ERROR disk", "disk ERROR", true),
            ("ERROR -disk", "disk ERROR", false),
            ("?one ?two", "has two", true),
            ("?one ?two", "has three", false),
            ("\"no space left\"", "E: no space left on it", true),
            ("\"say \\\"hi\\\"\"", "they say \"hi\"", true),
        ] {
            assert_eq!(
                Pattern::parse(pattern).unwrap().matches(message),
                expected,
                "{pattern} on {message}"
            );
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for pattern in ["{ $.a = 1 }", "[ip, user]", "%a.*b%", "\"open"] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }
}
