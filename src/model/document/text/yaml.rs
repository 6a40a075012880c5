//! YAML with places: the core schema of YAML 1.2, one document, anchors and merge keys.
//!
//! Differs: upstream's parser takes `yes`, `on` and `0755` for what YAML 1.1 says they are; here they stay the texts that were
//! written, as a mode or an answer in a script's parameters is meant.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, Tag};
use serde_json::Number;

use super::{MAX_DEPTH, MAX_NODES, Member, Node, Part, Position, Scalars};
use crate::model::document::problem::Problem;

/// So many lines of quoted texts may stand further left than they should.
const MAX_SHALLOW_LINES: usize = 32;
const PUSHED_IN: &str = "                                                                ";
/// A long text counts as so many parts more, for an alias repeats all of it.
const TEXT_BYTES_PER_NODE: usize = 64;

/// *Errors*: the place and what is wrong there.
pub fn parse(text: &str) -> Result<Node, Problem> {
    read(text, Scalars::Resolved)
}

/// A quoted text goes on at any column, as it does for upstream's parser.
///
/// *Errors*: as of [`parse`].
pub fn read(text: &str, scalars: Scalars) -> Result<Node, Problem> {
    let mut text = Cow::Borrowed(text);
    // Whoever forgot a closing quote is helped by the first place at which it is missed.
    let mut first = None;
    for _ in 0..=MAX_SHALLOW_LINES {
        match read_indented(&text, scalars) {
            Ok(node) => return Ok(node),
            Err(Fault::Shallow(problem)) => {
                text = Cow::Owned(pushed_in(&text, problem.at.line));
                first.get_or_insert(problem);
            }
            Err(Fault::Other(problem)) => return Err(first.unwrap_or(problem)),
        }
    }
    Err(first.expect("every try before this has left a problem"))
}

/// The blanks before a quoted text's next line mean nothing, so there may as well be more of them.
fn pushed_in(text: &str, line: u32) -> String {
    let start = text.split_inclusive('\n').take(line as usize - 1).map(str::len).sum();
    let mut text = text.to_owned();
    text.insert_str(start, PUSHED_IN);
    text
}

enum Fault {
    /// A line of a quoted text stands too far left.
    Shallow(Problem),
    Other(Problem),
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self::Other(problem)
    }
}

fn read_indented(text: &str, scalars: Scalars) -> Result<Node, Fault> {
    let options = granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut builder = Builder {
        scalars,
        ..Builder::default()
    };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| malformed(&error))?;
        builder.take(event, position(&span))?;
    }
    builder
        .root
        .ok_or_else(|| Problem::error(Position { line: 1, column: 1 }, "the document is empty").into())
}

fn malformed(error: &ScanError) -> Fault {
    let mark = error.marker();
    let at = Position {
        line: mark.line() as u32,
        column: mark.col() as u32 + 1,
    };
    let problem = Problem::error(at, format!("this is not YAML: {}", error.info()));
    match error.kind() {
        ErrorKind::InvalidQuotedScalarIndent => Fault::Shallow(problem),
        _ => Fault::Other(problem),
    }
}

fn position(span: &Span) -> Position {
    Position {
        line: span.start.line() as u32,
        column: span.start.col() as u32 + 1,
    }
}

/// Puts events together; open collections stand on a stack.
#[derive(Default)]
struct Builder {
    scalars: Scalars,
    root: Option<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    documents: usize,
}

struct Open {
    at: Position,
    anchor: usize,
    nodes_before: usize,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Node>),
    Map(Vec<Member>, Option<(Position, String)>),
}

impl Builder {
    fn take(&mut self, event: Event<'_>, at: Position) -> Result<(), Problem> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                match self.documents {
                    1 => Ok(()),
                    _ => Err(Problem::error(at, "here begins a second YAML document; one file holds one")),
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let part = match scalar(&text, style, tag.as_deref(), at)? {
                    part if self.scalars == Scalars::Resolved => part,
                    Part::Null if !self.awaits_key() => Part::Null,
                    _ => Part::Text(text.to_string()),
                };
                // A literal block is said to begin with its first line that is not empty.
                let empty_lines = (text.len() - text.trim_start_matches('\n').len()) as u32;
                let first_line = (style == ScalarStyle::Literal).then(|| at.line.saturating_sub(empty_lines).max(1));
                self.add(Node { at, part, first_line }, anchor, 1 + text.len() / TEXT_BYTES_PER_NODE)
            }
            Event::SequenceStart(_, anchor, tag) => self.begin(at, anchor, tag.as_deref(), OpenKind::List(Vec::new())),
            Event::MappingStart(_, anchor, tag) => self.begin(at, anchor, tag.as_deref(), OpenKind::Map(Vec::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let Some((node, nodes)) = self.anchors.get(&anchor).cloned() else {
                    return Err(Problem::error(at, "this alias stands inside the very part it names"));
                };
                self.add(node, 0, nodes)
            }
            _ => Ok(()),
        }
    }

    fn awaits_key(&self) -> bool {
        self.open.last().is_some_and(|open| matches!(open.kind, OpenKind::Map(_, None)))
    }

    fn begin(&mut self, at: Position, anchor: usize, tag: Option<&Tag>, kind: OpenKind) -> Result<(), Problem> {
        if tag.is_some_and(|tag| !matches!(tag.core_suffix(), Some("map" | "seq"))) {
            return Err(foreign_tag(tag, at));
        }
        self.open.push(Open {
            at,
            anchor,
            nodes_before: self.nodes,
            kind,
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Problem> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let part = match open.kind {
            OpenKind::List(items) => Part::List(items),
            OpenKind::Map(members, _) => Part::Map(without_twins(merged(members)?)?),
        };
        let nodes = self.nodes - open.nodes_before + 1;
        // Those inside are counted already.
        self.nodes = open.nodes_before;
        let node = Node {
            at: open.at,
            part,
            first_line: None,
        };
        self.add(node, open.anchor, nodes)
    }

    fn add(&mut self, node: Node, anchor: usize, nodes: usize) -> Result<(), Problem> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            return Err(Problem::error(
                node.at,
                format!("with its aliases the document has more than {MAX_NODES} parts"),
            ));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), nodes));
        }
        let around = self.open.last().map(|open| open.at);
        match self.open.last_mut().map(|open| &mut open.kind) {
            None => self.root = Some(node),
            Some(OpenKind::List(items)) => items.push(node),
            Some(OpenKind::Map(members, key)) => match key.take() {
                Some((at, key)) => members.push(Member { at, key, node }),
                None => match node.scalar().or_else(|| (node.part == Part::Null).then(|| "null".to_owned())) {
                    Some(text) => *key = Some((node.at, text)),
                    None => return Err(no_key(&node, around)),
                },
            },
        }
        Ok(())
    }
}

/// The usual way to such a key is a reference without quotes: `{{ name }}` begins a map, and in it another.
fn no_key(node: &Node, around: Option<Position>) -> Problem {
    let Position { line, column } = node.at;
    let is_behind_brace = around
        == Some(Position {
            line,
            column: column.saturating_sub(1),
        });
    match &node.part {
        Part::Map(members) if is_behind_brace && members.len() == 1 && members[0].node.part == Part::Null => Problem::error(
            around.unwrap_or_default(),
            format!("a reference needs quotes in YAML: write `\"{{{{ {} }}}}\"`", members[0].key),
        ),
        _ => Problem::error(node.at, format!("a key must be a text, not {}", node.kind())),
    }
}

/// `<<: *base` brings the members of another map; a map's own come first.
fn merged(members: Vec<Member>) -> Result<Vec<Member>, Problem> {
    if members.iter().all(|member| member.key != "<<") {
        return Ok(members);
    }
    let (bases, mut own): (Vec<Member>, Vec<Member>) = members.into_iter().partition(|member| member.key == "<<");
    let mut taken: HashSet<String> = own.iter().map(|member| member.key.clone()).collect();
    for base in bases {
        let maps = match base.node.part {
            Part::List(items) => items,
            _ => vec![base.node],
        };
        for map in maps {
            let Part::Map(inherited) = map.part else {
                return Err(Problem::error(base.at, "`<<` takes a map or a list of maps"));
            };
            for member in inherited {
                if taken.insert(member.key.clone()) {
                    own.push(member);
                }
            }
        }
    }
    Ok(own)
}

/// *Errors*: the place of a key that occurs a second time.
pub(super) fn without_twins(members: Vec<Member>) -> Result<Vec<Member>, Problem> {
    let mut seen = HashSet::with_capacity(members.len());
    match members.iter().find(|member| !seen.insert(member.key.as_str())) {
        None => Ok(members),
        Some(twin) => Err(Problem::error(
            twin.at,
            format!("`{}` stands here a second time; a map has each key once", twin.key),
        )),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, at: Position) -> Result<Part, Problem> {
    match tag.map(|tag| tag.core_suffix()) {
        None if style == ScalarStyle::Plain => Ok(resolve(text)),
        None | Some(Some("str")) => Ok(Part::Text(text.to_owned())),
        Some(Some("int" | "float" | "bool" | "null")) => Ok(resolve(text)),
        _ => Err(foreign_tag(tag, at)),
    }
}

fn foreign_tag(tag: Option<&Tag>, at: Position) -> Problem {
    let shown = tag.map(Tag::original).unwrap_or_default();
    Problem::error(
        at,
        format!("the tag `{shown}` means nothing here; templates of other tools must be expanded first"),
    )
}

/// What a scalar without quotes means.
fn resolve(text: &str) -> Part {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Part::Null,
        "true" | "True" | "TRUE" => return Part::Bool(true),
        "false" | "False" | "FALSE" => return Part::Bool(false),
        _ => {}
    }
    let first = text.as_bytes()[0];
    let is_numeric = first.is_ascii_digit() || (matches!(first, b'-' | b'+' | b'.') && text.len() > 1);
    match is_numeric.then(|| number(text)).flatten() {
        Some(number) => Part::Number(number),
        None => Part::Text(text.to_owned()),
    }
}

fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if let Some(hex) = text.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).ok().map(Number::from);
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        if digits.len() > 1 && digits.starts_with('0') {
            return None;
        }
        let signed = text.parse::<i64>().map(Number::from);
        return signed.or_else(|_| text.parse::<u64>().map(Number::from)).ok();
    }
    // As in YAML 1.1, for upstream's parser knows no other: `12e7` may be the beginning of a hash.
    if !digits.contains('.') {
        return None;
    }
    let is_decimal = digits
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    let has_digit = digits.bytes().any(|b| b.is_ascii_digit());
    (is_decimal && has_digit)
        .then(|| text.parse::<f64>().ok())?
        .and_then(Number::from_f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn value(text: &str) -> Value {
        parse(text).unwrap().to_value()
    }

    fn refused(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn scalars_mean_what_the_core_schema_says_and_modes_stay_texts() {
        assert_eq!(
            value("a: 1\nb: 2.2\nc: true\nd: yes\ne: 0644\nf: '1'\ng:\nh: 1.2.3\ni: -5\nj: 2020-01-01\nl: 0x10\nm: +18446744073709551615"),
            json!({"a": 1, "b": 2.2, "c": true, "d": "yes", "e": "0644", "f": "1", "g": null, "h": "1.2.3", "i": -5,
                   "j": "2020-01-01", "l": 16, "m": u64::MAX})
        );
    }

    #[test]
    fn an_exponent_makes_no_number_of_what_has_no_point() {
        assert_eq!(value("[12e7, 1e3, 1.0e+3, -2.5e-1]"), json!(["12e7", "1e3", 1000.0, -0.25]));
    }

    #[test]
    fn a_quoted_text_goes_on_at_any_column() {
        assert_eq!(
            value("a:\n    b: \"one\n  two\n\n three\"\n    c: 'four\n five'\nd: 1"),
            json!({"a": {"b": "one two\nthree", "c": "four five"}, "d": 1})
        );
        let many = |lines: usize| format!("a:\n  b: \"x\n{}\"", " y\n".repeat(lines));
        assert!(parse(&many(MAX_SHALLOW_LINES)).is_ok());
        assert!(refused(&many(MAX_SHALLOW_LINES + 1)).starts_with("line 3, column 2: this is not YAML: invalid indentation"));
        assert!(refused("a:\n  b: 'x\n  c: y\n  d: 'z'\n").starts_with("line 3, column 3: "));
    }

    #[test]
    fn a_reference_without_quotes_is_told_from_a_map() {
        let expected = "line 2, column 6: a reference needs quotes in YAML: write `\"{{ dir }}\"`";
        assert_eq!(refused("a:\n  b: {{ dir }}/x\n"), expected);
        assert_eq!(refused("a:\n   - {{dir}}\n"), expected);
        assert!(refused("{ {a: 1}: b}").contains("a key must be a text, not a map"));
    }

    #[test]
    fn scalars_as_written_are_the_texts_of_the_source() {
        let text =
            "port: 0755\nver: 1.10\nyes: no\nhex: 0x1F\nint: !!int 007\ntrue: True\n~: +.inf\nlist: [1e3, '1.0', ~]\nnone:\nempty: ''";
        assert_eq!(
            read(text, Scalars::AsWritten).unwrap().to_value(),
            json!({"port": "0755", "ver": "1.10", "yes": "no", "hex": "0x1F", "int": "007", "true": "True", "~": "+.inf",
                   "list": ["1e3", "1.0", null], "none": null, "empty": ""})
        );
    }

    #[test]
    fn places_are_those_of_the_text() {
        let node = parse("# x\nmainSteps:\n  - name: 語\n    action: b\n").unwrap();
        let Part::Map(members) = &node.part else { panic!() };
        let Part::List(steps) = &members[0].node.part else { panic!() };
        let Part::Map(step) = &steps[0].part else { panic!() };
        assert_eq!((step[1].at.line, step[1].at.column), (4, 5));
        assert_eq!((step[1].node.at.line, step[1].node.at.column), (4, 13));
    }

    #[test]
    fn anchors_and_merge_keys_are_followed() {
        assert_eq!(
            value("base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\nsame: *b"),
            json!({"base": {"x": 1, "y": 2}, "use": {"x": 1, "y": 3}, "same": {"x": 1, "y": 2}})
        );
    }

    #[test]
    fn a_bomb_of_aliases_is_refused() {
        let mut text = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n".to_owned();
        for n in 1..12 {
            let refs = vec![format!("*a{}", n - 1); 10].join(",");
            text.push_str(&format!("a{n}: &a{n} [{refs}]\n"));
        }
        assert!(refused(&text).contains("more than"));
        let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), "*a,".repeat(1000));
        assert!(refused(&long).contains("more than"));
    }

    #[test]
    fn what_is_no_document_is_refused_with_its_place() {
        assert!(refused("a: [1").starts_with("line "));
        assert!(refused("").contains("the document is empty"));
        assert!(refused("a: 1\na: 2").starts_with("line 2, column 1: `a` stands here a second time"));
        assert!(refused("a: 1\n---\nb: 2").contains("a second YAML document"));
        assert!(refused("a: !Ref b").contains("the tag `!Ref` means nothing"));
        assert!(refused("? [a]\n: b").contains("a key must be a text"));
        assert!(parse(&"[".repeat(5000)).is_err());
        assert!(parse(&"- ".repeat(5000)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[\\PC\n]{0,120}") {
            let _ = parse(&text);
        }

        #[test]
        fn no_yaml_like_text_makes_it_panic(text in r#"([ ]{0,4}(- |\? )?[a-z&*!<'"{\[|>%#]{0,5}(: ?|,|\]|\}|\n|\t)){0,20}"#) {
            let _ = parse(&text);
        }

        #[test]
        fn it_reads_what_the_writer_writes(texts in proptest::collection::btree_map("[a-z]{1,6}", "[ -~é日]{0,30}", 0..6)) {
            let written = serde_saphyr::to_string(&json!(texts)).unwrap();
            prop_assert_eq!(value(&written), json!(texts), "{}", written);
        }
    }
}
