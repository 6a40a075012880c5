//! Any text, and those that are met in the field.

use proptest::prelude::*;

use super::*;

/// Documents as they are met in the field, and inputs that once were trouble: all are read without a panic, and the good ones
/// without an error.
#[test]
fn the_corpus_is_read() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/documents");
    let mut count = 0;
    for folder in ["good", "bad"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            let reading = parse(&text, text::guess(&text)).map(|node| Document::read(&node));
            match folder {
                "good" => {
                    let reading = reading.unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
                    assert!(reading.document.is_some(), "{}: {:?}", path.display(), reading.problems);
                }
                _ => assert!(reading.is_err() || reading.unwrap().document.is_none(), "{}", path.display()),
            }
            count += 1;
        }
    }
    assert!(count >= 12, "the corpus has only {count} files");
}

fn any_step() -> impl Strategy<Value = Value> {
    let action = prop_oneof![Just("aws:runShellScript"), Just("aws:runDocument"), Just("aws:none")];
    (
        action,
        "[a-z]{1,6}",
        proptest::collection::btree_map("[a-zA-Z]{1,12}", any_input(), 0..5),
    )
        .prop_map(|(action, name, inputs)| json!({"action": action, "name": name, "inputs": inputs}))
}

fn any_input() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i32>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        r"[a-z{} $]{0,20}".prop_map(Value::from),
        proptest::collection::vec(r"\{\{ ?[a-c] ?\}\}|[a-z ]{0,9}", 0..4).prop_map(Value::from),
    ]
}

proptest! {
    /// A document means the same in JSON, in YAML and as a value.
    #[test]
    fn a_document_means_the_same_in_every_format(steps in proptest::collection::vec(any_step(), 1..4), text in "[ -~é日]{0,30}") {
        let content = json!({"schemaVersion": "2.2", "description": text, "mainSteps": steps});
        let plain = Document::read(&Node::from_value(&content));
        let json = Document::read(&parse(&content.to_string(), Format::Json).unwrap());
        let yaml = Document::read(&parse(&serde_saphyr::to_string(&content).unwrap(), Format::Yaml).unwrap());
        prop_assert_eq!(&plain.document, &json.document);
        prop_assert_eq!(&plain.document, &yaml.document);
        let messages = |reading: &Reading| {
            let mut all: Vec<String> = reading.problems.iter().map(|p| p.message.clone()).collect();
            all.sort();
            all
        };
        prop_assert_eq!(messages(&plain), messages(&json));
    }

    /// Whatever the caller gives, no environment parameter's value ever stands in a script.
    #[test]
    fn an_environment_value_never_stands_in_a_script(value in r"[a-z$`;]{6,20}") {
        let content = document(
            json!({"a": {"type": "String", "interpolationType": "ENV_VAR"}}),
            json!({"runCommand": ["echo {{a}} and {{ a }}", "{{ a }}"]}),
        );
        let resolved = bound(&content, &[("a", &[&value])]).unwrap();
        prop_assert!(!resolved.steps[0].inputs["runCommand"].to_string().contains(&value));
        prop_assert_eq!(&resolved.environment["SSM_a"], &value);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in r"(schemaVersion: '(2.2|1.2|0.3|1.0)'\n)?((mainSteps|parameters|runtimeConfig|inputs|properties|a):( \[a\]| \{a: \{\}\}| x|\n( )*- name: a\n| *)\n){0,8}") {
        if let Ok(node) = parse(&text, Format::Yaml) {
            let _ = Document::read(&node);
        }
    }
}
