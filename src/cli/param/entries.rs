//! The entries of a file that `param import` reads, and what is wrong with the file.
//!
//! *Invariant*: a scalar without quotes is the text that was written. Whoever writes `0755`, `1.10` or `no` means these
//! characters, for a parameter has no other type than text.
//!
//! Objects are levels of the tree, lists are lists. Faults are collected, so that one reading names them all.

use super::FileFormat;
use super::env_file;
use super::tree::Content;
use crate::model::document::problem::Problem;
use crate::model::document::text::{self, Format, Member, Node, Part, Position};

/// One parameter of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub at: Position,
    /// Relative: `db/host`.
    pub name: String,
    pub content: Content,
}

/// What a file holds.
#[derive(Debug, Default)]
pub struct Found {
    pub entries: Vec<Entry>,
    pub problems: Vec<Problem>,
}

/// The entries in the order of the file.
pub fn read(text: &str, format: FileFormat) -> Found {
    let root = match format {
        FileFormat::Env => return env_file::read(text),
        FileFormat::Json => text::parse_as_written(text, Format::Json),
        FileFormat::Yaml => text::parse_as_written(text, Format::Yaml),
    };
    let mut found = Found::default();
    match root.map(|root| (root.at, root.kind(), root.part)) {
        Ok((_, _, Part::Map(members))) => found.take_level("", members),
        Ok((at, kind, _)) => found.refuse(at, "", format!("the file must hold one map of names and values, not {kind}")),
        Err(problem) => found.problems.push(problem),
    }
    found
}

impl Found {
    pub fn refuse(&mut self, at: Position, name: &str, message: impl Into<String>) {
        self.problems.push(Problem {
            path: name.to_owned(),
            ..Problem::error(at, message)
        });
    }

    fn take_level(&mut self, above: &str, members: Vec<Member>) {
        for Member { at, key, node } in members {
            let name = if above.is_empty() { key } else { format!("{above}/{key}") };
            match node.part {
                Part::Map(members) if members.is_empty() => self.refuse(at, &name, "has no entries: give it some, or leave it out"),
                Part::Map(members) => self.take_level(&name, members),
                Part::List(items) => self.take_list(at, name, &items),
                _ => match node.scalar() {
                    Some(text) => self.take(at, name, text, false),
                    None => self.refuse(
                        at,
                        &name,
                        "has no value: give it one, or leave the entry out; the word itself is written in quotes",
                    ),
                },
            }
        }
    }

    fn take_list(&mut self, at: Position, name: String, items: &[Node]) {
        let faults_before = self.problems.len();
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let refused = match item.scalar() {
                Some(text) if text.contains(',') => {
                    "has a comma, which would part it in two: a StringList has commas between its items only".to_owned()
                }
                Some(text) => {
                    texts.push(text);
                    continue;
                }
                None => format!("must be a text, not {}: an empty item is written `\"\"`", item.kind()),
            };
            self.refuse(item.at, &format!("{name}[{index}]"), refused);
        }
        if self.problems.len() == faults_before {
            self.take(at, name, texts.join(","), true);
        }
    }

    fn take(&mut self, at: Position, name: String, text: String, is_list: bool) {
        let content = Content { text, is_list };
        self.entries.push(Entry { at, name, content });
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::{Values, print};
    use super::*;
    use proptest::prelude::*;

    fn entries(text: &str, format: FileFormat) -> Vec<(String, String, bool)> {
        let found = read(text, format);
        assert!(found.problems.is_empty(), "{text}: {:?}", found.problems);
        let entries = found.entries.into_iter();
        entries.map(|e| (e.name, e.content.text, e.content.is_list)).collect()
    }

    fn problems(text: &str, format: FileFormat) -> Vec<String> {
        read(text, format).problems.iter().map(Problem::to_string).collect()
    }

    #[test]
    fn objects_are_levels_lists_are_lists_and_scalars_are_as_written() {
        let expected = [("a/b", "1.50", false), ("a/c", "x,,1e3", true), ("d", "true", false)].map(|(n, v, l)| (n.into(), v.into(), l));
        let json = r#"{"a": {"b": 1.50, "c": ["x", "", 1e3]}, "d": true}"#;
        assert_eq!(entries(json, FileFormat::Json), expected);
        assert_eq!(entries("a: {b: 1.50, c: [x, '', 1e3]}\nd: true", FileFormat::Yaml), expected);
        let odd = entries("port: 0755\nyes: no\nhex: 0x1F", FileFormat::Yaml);
        assert_eq!(
            odd,
            [("port", "0755"), ("yes", "no"), ("hex", "0x1F")].map(|(n, v)| (n.into(), v.into(), false))
        );
    }

    #[test]
    fn every_fault_is_named_with_its_place() {
        let json = "{\"a\": null,\n \"b\": [\"x,y\", null, \"z\"],\n \"c\": {}}";
        let found = problems(json, FileFormat::Json);
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(found[0].starts_with("line 1, column 2, at `a`: has no value"), "{found:?}");
        assert!(found[1].starts_with("line 2, column 8, at `b[0]`: has a comma"), "{found:?}");
        assert!(
            found[2].starts_with("line 2, column 15, at `b[1]`: must be a text, not nothing"),
            "{found:?}"
        );
        assert!(found[3].starts_with("line 3, column 2, at `c`: has no entries"), "{found:?}");
        assert!(problems("a:\n", FileFormat::Yaml)[0].starts_with("line 1, column 1, at `a`: has no value"));
        assert!(problems("[1]", FileFormat::Json)[0].contains("must hold one map"));
        assert!(problems("a: 1\na: 2", FileFormat::Yaml)[0].contains("`a` stands here a second time"));
    }

    fn nasty() -> impl Strategy<Value = String> {
        const PIECES: &[&str] = &[
            "'", "\"", "\\", "$", "`", "\n", "\r\n", "\t", " ", "#", " #", "=", ":", "- ", "%", "!", "&", "*", "|", ">", "{", "}", "[",
            "]", ",", "\\n", "A=1\n", "---\n", "no", "null", "~", "0755", "1.10", "日本", "é", "😀", "\u{1b}", "\u{85}", "\u{202e}",
            "\u{2028}", "\u{feff}", "\u{0}", "\u{7f}", "x",
        ];
        let pieces = prop::collection::vec(prop::sample::select(PIECES), 1..12);
        prop_oneof![pieces.prop_map(|pieces| pieces.concat()), "(?s).{1,20}"]
    }

    fn content() -> impl Strategy<Value = Content> {
        let item = prop_oneof![Just(String::new()), nasty().prop_map(|text| text.replace(',', ""))];
        let list = prop::collection::vec(item, 1..4).prop_map(|items| Content {
            text: items.join(","),
            is_list: true,
        });
        prop_oneof![nasty().prop_map(|text| Content { text, is_list: false }), list]
    }

    proptest! {
        #[test]
        fn what_is_exported_is_imported_again(first in content(), second in content()) {
            let values: Values = [("A".to_owned(), first), ("B/null".to_owned(), second)].into();
            for format in [FileFormat::Json, FileFormat::Yaml] {
                let file = print(&values, format).unwrap();
                let found = read(&file, format);
                prop_assert!(found.problems.is_empty(), "{file} {:?}", found.problems);
                let back: Values = found.entries.into_iter().map(|e| (e.name, e.content)).collect();
                prop_assert_eq!(&back, &values, "{}", file);
            }
            let file = print(&values, FileFormat::Env).unwrap();
            let found = read(&file, FileFormat::Env);
            prop_assert!(found.problems.is_empty(), "{file} {:?}", found.problems);
            let back: Vec<(&str, &str)> = found.entries.iter().map(|e| (e.name.as_str(), e.content.text.as_str())).collect();
            // An environment knows no lists and has names of its own.
            prop_assert_eq!(back, [("A", values["A"].text.as_str()), ("B_NULL", values["B/null"].text.as_str())], "{}", file);
        }

        #[test]
        fn no_file_makes_it_panic(text in "(?s)([A-Z'\"\\\\ =#\n]|.){0,60}") {
            for format in [FileFormat::Env, FileFormat::Json, FileFormat::Yaml] {
                let _ = read(&text, format);
            }
        }
    }
}
