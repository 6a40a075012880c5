//! The promises of `tests/fuzz/properties.rs`, tried on every run of the suite: over the corpus, and over some thousand changes of it,
//! always the same ones. `scripts/fuzz` searches further.

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rustix::time::{ClockId, clock_gettime};

#[path = "../fuzz/properties.rs"]
mod properties;

const CASES: u32 = 1500;
/// Of the processor, in a debug build; most inputs take less than a thousandth.
const LONGEST: Duration = Duration::from_secs(2);
const LARGEST: usize = 16 * 1024;

#[test]
fn no_text_of_a_document_breaks_the_reader() {
    try_out(properties::read);
}

#[test]
fn no_text_breaks_substitution() {
    try_out(properties::substitute);
}

#[test]
fn no_document_changes_its_meaning_with_its_format() {
    try_out(properties::convert);
}

fn try_out(promise: fn(&[u8])) {
    let seeds = seeds();
    for (name, seed) in &seeds {
        timely(name, seed, promise);
    }
    let words = words();
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let seed = proptest::sample::select(seeds).prop_map(|(_, seed)| seed);
    let changed = (seed, proptest::collection::vec(any_change(words), 1..6));
    let tried = runner.run(&changed, |(seed, changes)| {
        timely("a change of the corpus", &changes.iter().fold(seed, apply), promise);
        Ok(())
    });
    tried.unwrap();
}

/// What was found stays in the corpus; what is met in the field is the best beginning of a search.
fn seeds() -> Vec<(String, Vec<u8>)> {
    let mut seeds = Vec::new();
    for folder in [
        "tests/corpus/fuzz",
        "tests/corpus/documents/good",
        "tests/corpus/documents/bad",
        "src/hub/capabilities/documents/library",
    ] {
        let entries = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        seeds.extend(paths.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())));
    }
    assert!(seeds.len() > 80, "the corpus has only {} files", seeds.len());
    seeds.sort();
    seeds
}

/// The dictionary of the search.
fn words() -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/dictionary");
    let text = std::fs::read_to_string(path).unwrap();
    let quoted = text.lines().filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
    quoted.map(|word| word.replace("\\\"", "\"").into_bytes()).collect()
}

fn timely(name: &str, input: &[u8], promise: fn(&[u8])) {
    let spent = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
    let before = spent();
    promise(input);
    let took = spent() - before;
    assert!(took < LONGEST, "{name} took {took:?}: {:?}", String::from_utf8_lossy(input));
}

/// One change; places are taken modulo the length of what there is.
#[derive(Clone, Debug)]
enum Change {
    Cut { at: usize, bytes: usize },
    Repeat { at: usize, bytes: usize, times: usize },
    Put { at: usize, word: Vec<u8> },
    Swap { at: usize, byte: u8 },
}

fn any_change(words: Vec<Vec<u8>>) -> impl Strategy<Value = Change> {
    let at = || any::<usize>();
    prop_oneof![
        (at(), 1..40_usize).prop_map(|(at, bytes)| Change::Cut { at, bytes }),
        (at(), 1..40_usize, 1..80_usize).prop_map(|(at, bytes, times)| Change::Repeat { at, bytes, times }),
        (at(), proptest::sample::select(words)).prop_map(|(at, word)| Change::Put { at, word }),
        (at(), proptest::sample::select(b"\n\r\t :-{}[]\"'&*!|>#,\\0e.<\x00".to_vec())).prop_map(|(at, byte)| Change::Swap { at, byte }),
    ]
}

fn apply(mut text: Vec<u8>, change: &Change) -> Vec<u8> {
    let length = text.len().max(1);
    let end = |at: usize, bytes: usize| (at + bytes).min(text.len());
    match change {
        Change::Cut { at, bytes } => {
            let at = at % length;
            let end = end(at, *bytes);
            text.drain(at.min(end)..end);
        }
        Change::Repeat { at, bytes, times } => {
            let at = (at % length).min(text.len());
            let piece = text[at..end(at, *bytes)].repeat(*times);
            text.splice(at..at, piece);
        }
        Change::Put { at, word } => {
            let at = (at % length).min(text.len());
            text.splice(at..at, word.iter().copied());
        }
        Change::Swap { at, byte } => {
            let at = at % length;
            if let Some(place) = text.get_mut(at) {
                *place = *byte;
            }
        }
    }
    text.truncate(LARGEST);
    text
}
