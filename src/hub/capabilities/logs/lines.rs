//! Stored bytes as events: a line each, found from either side of any offset.

use crate::hub::capabilities::commands::stored_lines::{self, Line};

/// A line, and where it begins and the next one may.
#[derive(Debug, PartialEq, Eq)]
pub struct Event {
    pub from: u64,
    pub until: u64,
    pub message: String,
}

/// Whole lines from the beginning of `bytes`, which lie at `at`; a last one without an end only when nothing follows.
pub fn forward(bytes: &[u8], at: u64, is_end: bool, most: usize) -> Vec<Event> {
    stored_lines::split(bytes, at, is_end).take(most).map(event).collect()
}

/// The last lines of `bytes`, which lie at `at` and end where a line does; the first of them may be the rest of one.
pub fn backward(bytes: &[u8], at: u64, most: usize) -> Vec<Event> {
    // Without a beginning it is told from a whole line by what stands before it.
    let from = match at {
        0 => 0,
        _ => bytes.iter().position(|b| *b == b'\n').map_or(0, |end| end + 1),
    };
    let from = if from == bytes.len() { 0 } else { from };
    let mut events = forward(&bytes[from..], at + from as u64, true, usize::MAX);
    let surplus = events.len().saturating_sub(most);
    events.drain(..surplus);
    events
}

fn event(line: Line<'_>) -> Event {
    let message = String::from_utf8_lossy(line.text).into_owned();
    Event {
        from: line.from,
        until: line.until,
        // An event is never empty.
        message: if message.is_empty() { " ".into() } else { message },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn messages(events: &[Event]) -> Vec<&str> {
        events.iter().map(|event| event.message.as_str()).collect()
    }

    #[test]
    fn lines_become_events_and_an_unfinished_one_waits() {
        assert_eq!(messages(&forward(b"a\r\n\nb\nc", 0, false, 9)), ["a", " ", "b"]);
        assert_eq!(messages(&forward(b"a\nc", 0, true, 9)), ["a", "c"]);
        assert_eq!(messages(&forward(b"a\nb\nc\n", 10, true, 2)), ["a", "b"]);
        assert_eq!(
            forward(b"a\nb\n", 10, true, 9)[1],
            Event {
                from: 12,
                until: 14,
                message: "b".into()
            }
        );
    }

    proptest! {
        /// Page by page from either end, every line is met once.
        #[test]
        fn both_ways_meet_every_line_once(text in "[ab\n]{0,60}", window in 8usize..40, most in 1usize..5) {
            let bytes = text.as_bytes();
            let whole = forward(bytes, 0, true, usize::MAX);
            let (mut there, mut at) = (Vec::new(), 0);
            while at < bytes.len() {
                let end = (at + window).min(bytes.len());
                let page = forward(&bytes[at..end], at as u64, end == bytes.len(), most);
                let Some(last) = page.last() else { break };
                at = last.until as usize;
                there.extend(page);
            }
            if whole.iter().all(|event| (event.until - event.from) as usize <= window) {
                prop_assert_eq!(&there, &whole);
            }
            let (mut back, mut end) = (Vec::new(), bytes.len());
            while end > 0 {
                let start = end.saturating_sub(window);
                let page = backward(&bytes[start..end], start as u64, most);
                end = page[0].from as usize;
                back.splice(0..0, page);
            }
            // A line that is longer than the window is met in pieces; all others are whole.
            if whole.iter().all(|event| ((event.until - event.from) as usize) < window) {
                prop_assert_eq!(&back, &whole);
            }
        }
    }
}
