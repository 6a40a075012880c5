//! What is looked for in outputs, and how far the search of one has come: rules without rows.
//!
//! *Invariant*: a [`Progress`] that is interrupted anywhere and taken up again finds what one that is not interrupted finds.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use regex_lite::{Regex, RegexBuilder};
use serde::Serialize;

use crate::hub::capabilities::commands::stored_lines::Line;
use crate::hub::store::blobs::{self, Hash};

/// Matching lines of a node that are shown.
pub const FIRST_LINES: usize = 5;
/// What is shown of a line in front of its match, when the match lies further behind.
const LEAD_BYTES: usize = 80;
/// The time of a match grows with the compiled size: the longest line against the worst pattern of this size took 0.6 s, and a search
/// does not stop within a line. `.{1,100}` fits in.
const MAX_COMPILED_BYTES: usize = 16 * 1024;
/// Bytes between two looks at the clock.
const BREATH_BYTES: u64 = 16 * 1024;
/// Outputs of which it is remembered what was found, over all searches.
const REMEMBERED: usize = 4096;

/// What is looked for.
#[derive(Clone, Debug, Serialize)]
pub struct Wanted {
    pub text: String,
    pub is_regex: bool,
    pub ignores_case: bool,
}

impl Wanted {
    /// *Errors*: a sentence for who wrote the expression.
    pub fn compiled(&self) -> Result<Matcher, String> {
        if self.is_regex {
            let mut builder = RegexBuilder::new(&self.text);
            builder.case_insensitive(self.ignores_case).size_limit(MAX_COMPILED_BYTES);
            return builder.build().map(Matcher::Regex).map_err(|e| e.to_string());
        }
        Ok(match self.ignores_case {
            true => Matcher::Folded(self.text.to_lowercase()),
            false => Matcher::Exact(self.text.clone()),
        })
    }

    /// The same for all who look for the same.
    pub fn key(&self) -> Hash {
        blobs::hash(&serde_json::to_vec(self).expect("plain members serialise"))
    }
}

/// Looks for one thing in lines.
#[derive(Debug)]
pub enum Matcher {
    Exact(String),
    /// In small letters, as the line is made before it is looked at.
    Folded(String),
    Regex(Regex),
}

impl Matcher {
    /// Where in the line it is found first; about there, where small letters take another room.
    fn find(&self, line: &str) -> Option<usize> {
        match self {
            Self::Exact(text) => line.find(text.as_str()),
            Self::Folded(text) => line.to_lowercase().find(text.as_str()),
            Self::Regex(regex) => regex.find(line).map(|found| found.start()),
        }
    }
}

/// A line that matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Of the line, from 1.
    pub number: u64,
    /// Where what is shown of it begins.
    pub at: u64,
    /// That is not the line's beginning.
    pub is_begun: bool,
}

/// How far the search of one output is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// All before it has been looked at.
    pub offset: u64,
    /// Lines that match.
    pub matching: u64,
    pub first: Vec<Mark>,
    /// Lines that have ended before the offset.
    lines: u64,
    /// The number of the last line that matched: the pieces of a very long line count once.
    last: u64,
}

impl Progress {
    /// Looks at lines from the offset on, until there are no more or it is late; at one at least.
    pub fn take<'b>(&mut self, matcher: &Matcher, lines: impl Iterator<Item = Line<'b>>, late: Option<Instant>) {
        let mut breath = self.offset + BREATH_BYTES;
        for line in lines {
            self.look_at(matcher, &line);
            self.offset = line.until;
            if self.offset >= breath {
                if late.is_some_and(|late| Instant::now() >= late) {
                    return;
                }
                breath = self.offset + BREATH_BYTES;
            }
        }
    }

    fn look_at(&mut self, matcher: &Matcher, line: &Line<'_>) {
        let number = self.lines + 1;
        self.lines += u64::from(line.is_ended);
        let text = String::from_utf8_lossy(line.text);
        let Some(found) = matcher.find(&text).filter(|_| self.last != number) else {
            return;
        };
        self.last = number;
        self.matching += 1;
        if self.first.len() < FIRST_LINES {
            let skipped = match &text {
                Cow::Borrowed(text) => lead(text, found),
                // Text that stands for other bytes does not tell where those are.
                Cow::Owned(_) => 0,
            };
            self.first.push(Mark {
                number,
                at: line.from + skipped as u64,
                is_begun: skipped > 0,
            });
        }
    }
}

/// How much of a line is left out in front of what was found in it.
fn lead(text: &str, found: usize) -> usize {
    match found > 2 * LEAD_BYTES {
        true => text.floor_char_boundary(found - LEAD_BYTES),
        false => 0,
    }
}

/// What was found in longer outputs, and how far: a search that has to stop within one goes on there, and whoever asks the same of
/// the same content, another node's or the next page's, finds it done. What is forgotten is looked for again.
#[derive(Default)]
pub struct Memory(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    progress: HashMap<(Hash, Hash), Progress>,
    order: VecDeque<(Hash, Hash)>,
}

impl Memory {
    /// Of a content and what is wanted of it.
    pub fn progress(&self, of: &(Hash, Hash)) -> Progress {
        let remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.progress.get(of).cloned().unwrap_or_default()
    }

    pub fn keep(&self, of: (Hash, Hash), progress: Progress) {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.progress.insert(of, progress).is_some() {
            return;
        }
        remembered.order.push_back(of);
        if remembered.order.len() > REMEMBERED
            && let Some(oldest) = remembered.order.pop_front()
        {
            remembered.progress.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::capabilities::commands::stored_lines::{MAX_LINE_BYTES, split};
    use proptest::prelude::*;

    fn wanted(text: &str) -> Wanted {
        Wanted {
            text: text.into(),
            is_regex: false,
            ignores_case: false,
        }
    }

    fn regex(text: &str) -> Wanted {
        Wanted {
            is_regex: true,
            ..wanted(text)
        }
    }

    fn ignoring_case(wanted: Wanted) -> Wanted {
        Wanted {
            ignores_case: true,
            ..wanted
        }
    }

    fn search(wanted: &Wanted, bytes: &[u8]) -> Progress {
        let mut progress = Progress::default();
        progress.take(&wanted.compiled().unwrap(), split(bytes, 0, true), None);
        progress
    }

    fn numbers(progress: &Progress) -> Vec<u64> {
        progress.first.iter().map(|mark| mark.number).collect()
    }

    #[test]
    fn lines_are_found_by_text_and_by_expression_with_and_without_case() {
        let output = "disk OK\r\nÄrger: no space [left]\n\nok 7%\n".as_bytes();
        for (wanted, lines) in [
            (wanted("OK"), vec![1]),
            (ignoring_case(wanted("ok")), vec![1, 4]),
            (ignoring_case(wanted("äRGER")), vec![2]),
            (wanted("[left]"), vec![2]),
            (wanted("nowhere"), vec![]),
            (regex("^disk OK$"), vec![1]),
            (regex("[0-9]+%"), vec![4]),
            (regex("^$"), vec![3]),
            (ignoring_case(regex("^ok")), vec![4]),
        ] {
            assert_eq!(numbers(&search(&wanted, output)), lines, "{wanted:?}");
        }
    }

    #[test]
    fn an_expression_that_is_none_or_too_large_is_refused() {
        assert!(regex("(").compiled().is_err());
        assert!(regex(".{1,400}x").compiled().is_err());
        assert!(
            regex("error|warn(ing)?|fail(ed|ure)?|no space left|[0-9]{1,3}%.{0,50}x")
                .compiled()
                .is_ok()
        );
        assert!(wanted("(").compiled().is_ok());
    }

    #[test]
    fn all_matching_lines_are_counted_and_the_first_are_kept() {
        let found = search(&wanted("a"), "a\n".repeat(12).as_bytes());
        assert_eq!((found.matching, numbers(&found)), (12, vec![1, 2, 3, 4, 5]));
    }

    #[test]
    fn of_a_long_line_the_part_around_its_match_is_shown() {
        let output = format!("{}é{}needle\nneedle\n", "x".repeat(200), "y".repeat(79));
        let found = search(&wanted("needle"), output.as_bytes());
        let mark = &found.first[0];
        assert!(mark.is_begun && output[mark.at as usize..].starts_with("éyyy"), "{mark:?}");
        assert_eq!((found.first[1].is_begun, found.first[1].number), (false, 2));
    }

    #[test]
    fn the_pieces_of_a_very_long_line_are_one_line() {
        let output = format!("{}\nneedle\n", "needle ".repeat(2 * MAX_LINE_BYTES / 7));
        let found = search(&wanted("needle"), output.as_bytes());
        assert_eq!((found.matching, numbers(&found)), (2, vec![1, 2]));
    }

    #[test]
    fn bytes_that_are_no_text_are_searched_too() {
        let found = search(&wanted("needle"), b"\xFF\xFEneedle\n");
        assert_eq!((found.matching, found.first[0].at), (1, 0));
    }

    #[test]
    fn what_was_found_is_remembered_until_there_is_too_much_of_it() {
        let memory = Memory::default();
        let key = |number: usize| (blobs::hash(&number.to_le_bytes()), [0; 32]);
        let progress = Progress {
            offset: 7,
            ..Progress::default()
        };
        for number in 0..=REMEMBERED {
            memory.keep(key(number), progress.clone());
        }
        assert_eq!(memory.progress(&key(REMEMBERED)), progress);
        assert_eq!(memory.progress(&key(0)), Progress::default());
    }

    proptest! {
        #[test]
        fn a_search_that_is_interrupted_finds_the_same(text in "[ab\n]{0,80}", each in 1usize..4) {
            let bytes = text.as_bytes();
            let matcher = wanted("a").compiled().unwrap();
            let mut progress = Progress::default();
            while progress.offset < bytes.len() as u64 {
                let rest = &bytes[progress.offset as usize..];
                let offset = progress.offset;
                progress.take(&matcher, split(rest, offset, true).take(each), None);
            }
            prop_assert_eq!(&progress, &search(&wanted("a"), bytes));
            prop_assert_eq!(progress.matching as usize, text.lines().filter(|line| line.contains('a')).count());
        }
    }
}
