//! What holds for every input, whoever made it: the fuzz targets and the suite (`tests/it/fuzz.rs`) call the same functions. A
//! panic is a find. How long one input may take, its caller watches.

use roadstead::model::document::text::{self, Format, Node, Part};
use roadstead::model::document::{Document, GivenParameters, Problem, References, Severity, substitute, wanted_references};
use serde_json::Value;

const FORMATS: [Format; 2] = [Format::Json, Format::Yaml];

/// A text is read and judged as a document: no panic, and every finding has a place inside the text. The node, which gets
/// the document as a value, finds it usable when the hub does.
pub fn read(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    for format in FORMATS {
        let _ = text::parse_as_written(text, format).inspect_err(|problem| inside(text, format, problem));
        let root = match text::parse(text, format) {
            Ok(root) => root,
            Err(problem) => {
                inside(text, format, &problem);
                continue;
            }
        };
        let reading = Document::read(&root);
        reading.problems.iter().for_each(|problem| inside(text, format, problem));
        let has_errors = reading.problems.iter().any(|problem| problem.severity == Severity::Error);
        assert_eq!(reading.document.is_none(), has_errors, "{:?}", reading.problems);
        let on_the_node = Document::parse(&root.to_value());
        assert_eq!(on_the_node.is_ok(), reading.document.is_some(), "{on_the_node:?}");
        reading.document.iter().for_each(bind);
    }
}

/// Bound to some values or refused, never a panic.
fn bind(document: &Document) {
    let _ = document.platforms();
    let value = |name: &str| vec![format!("{name} {{{{ ssm:{name} }}}} '\"$(x)`")];
    let given: GivenParameters = document.parameters.names().map(|name| (name.to_owned(), value(name))).collect();
    for given in [GivenParameters::new(), given] {
        let wanted = wanted_references(document, &given);
        let references: References = wanted.into_iter().map(|name| (name, "'; looked up".to_owned())).collect();
        let _ = document.resolve(&given, &references);
    }
}

fn inside(text: &str, format: Format, problem: &Problem) {
    let at = problem.at;
    let mut lines = match format {
        // A line of YAML may also end with a carriage return alone.
        Format::Yaml => text.replace("\r\n", "\n").replace('\r', "\n"),
        _ => text.to_owned(),
    };
    lines.push(' ');
    let line = lines.split('\n').nth((at.line as usize).wrapping_sub(1));
    let is_inside = line.is_some_and(|line| (1..=line.chars().count() + 1).contains(&(at.column as usize)));
    assert!(is_inside, "{at} is no place in {text:?}: {}", problem.message);
}

/// References are replaced where they stand, and nothing else: what is put in is never read again, what is not known stays.
pub fn substitute(input: &[u8]) {
    const IN: &str = "\u{1}{{ a }}{{\u{1}";
    let Ok(text) = std::str::from_utf8(input) else { return };
    let is_known = |name: &str| name.len() % 2 == 1;
    let replaced = substitute::replaced_in(text, &|name| is_known(name).then(|| IN.to_owned()));
    let mut expected = String::new();
    let mut from = 0;
    for found in substitute::found(text) {
        assert!(text[found.start..found.end].starts_with("{{") && text[found.start..found.end].ends_with("}}"));
        assert_eq!(substitute::sole_reference(&text[found.start..found.end]), Some(found.name));
        expected.push_str(&text[from..found.start]);
        expected.push_str(if is_known(found.name) { IN } else { &text[found.start..found.end] });
        from = found.end;
    }
    expected.push_str(&text[from..]);
    assert_eq!(replaced, expected);
    assert_eq!(substitute::filled(text, &|name| is_known(name).then_some(IN)), expected);
    let value = substitute::replace(&Value::from(text), &|name| is_known(name).then(|| Value::from(IN)));
    let is_sole = substitute::sole_reference(text).is_some_and(is_known);
    assert_eq!(value, Value::from(if is_sole { IN } else { &expected }));
    assert_eq!(substitute::replaced_in(text, &|_| None), text);
}

/// A document that is asked for in the other format, and in the first one again, still says the same in the same order.
pub fn convert(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    for format in FORMATS {
        let Ok(root) = text::parse(text, format) else { continue };
        for other in [Format::Json, Format::Yaml, Format::Json] {
            let written = root.written(other).expect("every tree can be written in both formats");
            let again = text::parse(&written, other).unwrap_or_else(|problem| panic!("{problem} in {written:?}"));
            assert!(is_same(&root, &again), "{root:?} became {written:?}");
        }
    }
}

/// Places aside.
fn is_same(one: &Node, other: &Node) -> bool {
    match (&one.part, &other.part) {
        (Part::List(one), Part::List(other)) => one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other)),
        (Part::Map(one), Part::Map(other)) => {
            let is_same = |(one, other): (&text::Member, &text::Member)| one.key == other.key && is_same(&one.node, &other.node);
            one.len() == other.len() && one.iter().zip(other).all(is_same)
        }
        (one, other) => one == other,
    }
}
