//! Wildcard patterns: `*` is any text, `?` one character, `${user}` the caller's name. Case counts.

use crate::model::access::USER_VARIABLE;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(char),
    /// `?`
    One,
    /// `*`
    Any,
}

/// A pattern with the caller's name filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Piece>);

/// The first `${…}` in a text that is no variable of ours.
pub fn unknown_variable(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let end = rest[at..].find('}').map_or(rest.len(), |n| at + n + 1);
        if &rest[at..end] != USER_VARIABLE {
            return Some(&rest[at..end]);
        }
        rest = &rest[end..];
    }
    None
}

impl Pattern {
    /// `user` stands for `${user}`, its characters taken literally.
    pub fn new(text: &str, user: &str) -> Self {
        let mut pieces = Vec::with_capacity(text.len());
        for (at, part) in text.split(USER_VARIABLE).enumerate() {
            if at > 0 {
                pieces.extend(user.chars().map(Piece::Text));
            }
            for c in part.chars() {
                match c {
                    // Several stars mean what one does.
                    '*' if pieces.last() == Some(&Piece::Any) => {}
                    '*' => pieces.push(Piece::Any),
                    '?' => pieces.push(Piece::One),
                    other => pieces.push(Piece::Text(other)),
                }
            }
        }
        Self(pieces)
    }

    /// A text without wildcards.
    pub fn exactly(text: &str, user: &str) -> Self {
        let mut pieces = Vec::with_capacity(text.len());
        for (at, part) in text.split(USER_VARIABLE).enumerate() {
            if at > 0 {
                pieces.extend(user.chars().map(Piece::Text));
            }
            pieces.extend(part.chars().map(Piece::Text));
        }
        Self(pieces)
    }

    pub fn is_everything(&self) -> bool {
        self.0 == [Piece::Any]
    }

    /// The text, when there is no wildcard in it.
    pub fn literal(&self) -> Option<String> {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Text(c) => Some(*c),
                Piece::One | Piece::Any => None,
            })
            .collect()
    }

    /// Time grows with the product of the lengths at worst, never faster.
    pub fn matches(&self, text: &str) -> bool {
        let pieces = &self.0;
        let (mut at, mut rest) = (0, text);
        // Where the last star stood, and the text from which it was last tried.
        let mut star: Option<(usize, &str)> = None;
        loop {
            let next = rest.chars().next();
            match (pieces.get(at), next) {
                (Some(Piece::Any), _) => {
                    at += 1;
                    star = Some((at, rest));
                }
                (Some(Piece::One), Some(c)) => {
                    at += 1;
                    rest = &rest[c.len_utf8()..];
                }
                (Some(Piece::Text(wanted)), Some(c)) if *wanted == c => {
                    at += 1;
                    rest = &rest[c.len_utf8()..];
                }
                (None, None) => return true,
                _ => {
                    // The star takes one more character.
                    let Some((after, from)) = star else { return false };
                    let Some(c) = from.chars().next() else { return false };
                    rest = &from[c.len_utf8()..];
                    at = after;
                    star = Some((after, rest));
                }
            }
        }
    }

    /// The pattern in the database's own spelling, in which `[…]` is a set too.
    pub fn glob(&self) -> String {
        let mut glob = String::with_capacity(self.0.len() + 4);
        for piece in &self.0 {
            match piece {
                Piece::Any => glob.push('*'),
                Piece::One => glob.push('?'),
                Piece::Text(c @ ('*' | '?' | '[')) => {
                    glob.push('[');
                    glob.push(*c);
                    glob.push(']');
                }
                Piece::Text(c) => glob.push(*c),
            }
        }
        glob
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern, "a.b").matches(text)
    }

    #[test]
    fn stars_questions_and_the_callers_name() {
        assert!(matches("ssm:Get*", "ssm:GetParameter") && !matches("ssm:Get*", "ssm:PutParameter"));
        assert!(matches("*", "") && matches("*a*b*", "xxaxxbxx") && !matches("*a*b", "ba"));
        assert!(matches("mi-?", "mi-é") && !matches("mi-?", "mi-"));
        assert!(matches("${user}-*", "a.b-0") && !matches("${user}-*", "axb-0"));
        assert!(!matches("/app/*", "/App/x"), "case counts");
        assert!(Pattern::exactly("a*", "").matches("a*") && !Pattern::exactly("a*", "").matches("ab"));
        assert!(
            Pattern::new("${user}", "*").matches("*") && !Pattern::new("${user}", "*").matches("x"),
            "a name is no pattern"
        );
    }

    #[test]
    fn a_hostile_pattern_does_not_take_forever() {
        assert!(!matches(&"*a".repeat(200), &"a".repeat(199)));
    }

    #[test]
    fn unknown_variables_are_found() {
        assert_eq!(unknown_variable("x${user}y${aws:x}z"), Some("${aws:x}"));
        assert_eq!(unknown_variable("${user}"), None);
        assert_eq!(unknown_variable("${open"), Some("${open"));
    }

    proptest! {
        #[test]
        fn a_pattern_matches_like_its_plain_definition(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            fn slow(p: &[u8], t: &[u8]) -> bool {
                match (p.first(), t.first()) {
                    (None, None) => true,
                    (Some(b'*'), _) => slow(&p[1..], t) || (!t.is_empty() && slow(p, &t[1..])),
                    (Some(b'?'), Some(_)) => slow(&p[1..], &t[1..]),
                    (Some(a), Some(b)) if a == b => slow(&p[1..], &t[1..]),
                    _ => false,
                }
            }
            prop_assert_eq!(Pattern::new(&pattern, "").matches(&text), slow(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
