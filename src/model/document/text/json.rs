//! JSON with places: RFC 8259, nothing more lenient, each key once in a map.

use serde::de::IgnoredAny;
use serde_json::Number;

use super::{MAX_DEPTH, MAX_NODES, Member, Node, Part, Position, Scalars};
use crate::model::document::problem::Problem;

/// *Errors*: the place and what was expected there.
pub fn parse(text: &str) -> Result<Node, Problem> {
    read(text, Scalars::Resolved)
}

/// *Errors*: as of [`parse`].
pub fn read(text: &str, scalars: Scalars) -> Result<Node, Problem> {
    let mut reader = Reader {
        text,
        scalars,
        at: text.len() - text.strip_prefix('\u{feff}').unwrap_or(text).len(),
        line: 1,
        line_start: 0,
        inner_bytes: 0,
        nodes: 0,
    };
    reader.line_start = reader.at;
    let node = reader.value(0)?;
    reader.space();
    match reader.peek() {
        None => Ok(node),
        Some(_) => Err(reader.wrong("nothing more may follow the document")),
    }
}

struct Reader<'t> {
    text: &'t str,
    scalars: Scalars,
    at: usize,
    line: u32,
    line_start: usize,
    /// Bytes of this line so far that do not begin a character.
    inner_bytes: usize,
    nodes: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn place(&self) -> Position {
        Position {
            line: self.line,
            column: (self.at - self.line_start - self.inner_bytes + 1) as u32,
        }
    }

    fn wrong(&self, what: &str) -> Problem {
        let found = match self.text[self.at..].chars().next() {
            None => "the end of the text".to_owned(),
            Some(c) if c.is_control() => format!("the character U+{:04X}", u32::from(c)),
            Some(c) => format!("`{c}`"),
        };
        Problem::error(self.place(), format!("this is not JSON: {what}, but here is {found}"))
    }

    fn space(&mut self) {
        while let Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) = self.peek() {
            self.at += 1;
            if byte == b'\n' {
                self.line += 1;
                self.line_start = self.at;
                self.inner_bytes = 0;
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, Problem> {
        self.space();
        let at = self.place();
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            return Err(Problem::error(
                at,
                format!("the document is nested deeper than {MAX_DEPTH} or too large"),
            ));
        }
        let part = match self.peek() {
            Some(b'{') => self.map(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Part::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Ok(Node {
            at,
            part,
            first_line: None,
        })
    }

    fn word(&mut self) -> Result<Part, Problem> {
        for (word, part) in [("true", Part::Bool(true)), ("false", Part::Bool(false)), ("null", Part::Null)] {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(match part {
                    Part::Bool(_) if self.scalars == Scalars::AsWritten => Part::Text(word.to_owned()),
                    part => part,
                });
            }
        }
        Err(self.wrong("a value is expected"))
    }

    fn number(&mut self) -> Result<Part, Problem> {
        let rest = &self.text[self.at..];
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '-' | '.'))
            .unwrap_or(rest.len());
        let written = &rest[..end];
        let part = match self.scalars {
            Scalars::Resolved => written.parse().ok().and_then(|number| exact(number, written)).map(Part::Number),
            // By the grammar alone: no number is too large to be a text.
            Scalars::AsWritten => serde_json::from_str(written).ok().map(|IgnoredAny| Part::Text(written.to_owned())),
        };
        let part = part.ok_or_else(|| self.wrong("a number is expected"))?;
        self.at += end;
        Ok(part)
    }

    fn list(&mut self, depth: usize) -> Result<Part, Problem> {
        let mut items = Vec::new();
        self.at += 1;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Part::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Part::List(items));
                }
                _ => return Err(self.wrong("`,` or `]` is expected")),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Part, Problem> {
        let mut members: Vec<Member> = Vec::new();
        self.at += 1;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Part::Map(members));
        }
        loop {
            members.push(self.member(depth)?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return super::yaml::without_twins(members).map(Part::Map);
                }
                _ => return Err(self.wrong("`,` or `}` is expected")),
            }
        }
    }

    fn member(&mut self, depth: usize) -> Result<Member, Problem> {
        self.space();
        let at = self.place();
        if self.peek() != Some(b'"') {
            return Err(self.wrong("a key in double quotes is expected"));
        }
        let key = self.string()?;
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.wrong("`:` is expected"));
        }
        self.at += 1;
        let node = self.value(depth + 1)?;
        Ok(Member { at, key, node })
    }

    fn string(&mut self) -> Result<String, Problem> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let plain = rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len());
            let piece = &self.text[self.at..self.at + plain];
            self.inner_bytes += piece.len() - piece.chars().count();
            out.push_str(piece);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return Err(self.wrong("a line break or control character in a text is written as `\\n`, `\\t` or `\\u…`")),
                None => return Err(self.wrong("the text's closing `\"` is expected")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Problem> {
        let short = match self.text.as_bytes().get(self.at + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.wrong("one of `\\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u0000` is expected")),
        };
        self.at += 2;
        Ok(short)
    }

    fn unicode(&mut self) -> Result<char, Problem> {
        let unit = |at: usize| -> Option<u32> {
            let digits = self.text.get(at..at + 6)?.strip_prefix("\\u")?;
            digits
                .bytes()
                .all(|b| b.is_ascii_hexdigit())
                .then(|| u32::from_str_radix(digits, 16).ok())?
        };
        let first = unit(self.at);
        let (code, length) = match (first, unit(self.at + 6)) {
            (Some(high @ 0xd800..=0xdbff), Some(low @ 0xdc00..=0xdfff)) => (Some(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)), 12),
            (first, _) => (first, 6),
        };
        match code.and_then(char::from_u32) {
            Some(c) => {
                self.at += length;
                Ok(c)
            }
            None => Err(self.wrong("`\\u` and four hexadecimal digits of a character are expected")),
        }
    }
}

/// The nearest fraction to what was written: the other parser's may be the one beside it.
fn exact(number: Number, written: &str) -> Option<Number> {
    match number.is_f64() {
        true => written.parse().ok().and_then(Number::from_f64),
        false => Some(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn refused(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn places_count_lines_and_characters() {
        let node = parse("{\n  \"日本\": \"語\", \"b\": [1,\n 2]}").unwrap();
        let Part::Map(members) = &node.part else { panic!() };
        assert_eq!((members[0].at.line, members[0].at.column), (2, 3));
        assert_eq!((members[1].at.line, members[1].at.column), (2, 14));
        let Part::List(items) = &members[1].node.part else { panic!() };
        assert_eq!((items[1].at.line, items[1].at.column), (3, 2));
    }

    #[test]
    fn the_first_fault_is_named_with_its_place() {
        assert_eq!(
            refused("{\"a\": 1,\n \"b\" 2}"),
            "line 2, column 6: this is not JSON: `:` is expected, but here is `2`"
        );
        assert!(refused("").contains("a value is expected, but here is the end of the text"));
        assert!(refused("{\"a\": 1} x").contains("nothing more may follow"));
        assert!(refused("schemaVersion: '2.2'").contains("a value is expected, but here is `s`"));
        assert!(refused("{\"a\":1,\"a\":2}").contains("`a` stands here a second time"));
        assert!(refused("[01]").contains("a number is expected"));
        assert!(refused("\"\n\"").contains("U+000A"));
        assert!(refused(&"[".repeat(10_000)).contains("nested deeper than"));
    }

    #[test]
    fn scalars_as_written_are_the_texts_of_the_source() {
        let text = r#"{"a": [1.50, 1e3, -0.0, 12345678901234567890123, 1e999, true, false, "x", null]}"#;
        let read = read(text, Scalars::AsWritten).unwrap().to_value();
        let texts = ["1.50", "1e3", "-0.0", "12345678901234567890123", "1e999", "true", "false", "x"];
        let expected: Vec<Value> = texts.into_iter().map(Value::from).chain([Value::Null]).collect();
        assert_eq!(read, json!({ "a": expected }));
        for bad in ["[01]", "[1.]", "[.5]", "[-]", "[1x]", "[tru]"] {
            assert!(super::read(bad, Scalars::AsWritten).is_err(), "{bad}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<i32>().prop_map(|n| Value::from(f64::from(n) / 8.0)),
            ".{0,20}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map(".{0,8}", inner, 0..6).prop_map(|m| json!(m)),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_reads_what_serde_json_writes(value in any_json()) {
            prop_assert_eq!(parse(&value.to_string()).unwrap().to_value(), value.clone());
            prop_assert_eq!(parse(&serde_json::to_string_pretty(&value).unwrap()).unwrap().to_value(), value);
        }

        #[test]
        fn it_accepts_exactly_what_serde_json_accepts(text in r#"[\[\]{}",:\\ 0-9eE.+\-tfn\nu]{0,24}"#) {
            let ours = parse(&text);
            let theirs = serde_json::from_str::<Value>(&text);
            // Ours refuses a key that occurs twice.
            let is_twin = ours.as_ref().is_err_and(|problem| problem.message.contains("a second time"));
            prop_assert!(is_twin || ours.is_ok() == theirs.is_ok(), "{:?} {:?}", ours, theirs);
        }
    }
}
