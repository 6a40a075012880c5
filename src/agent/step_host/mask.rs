//! What a step must not show: its secrets, replaced by `****` before a byte of output is stored.
//!
//! The result depends on the bytes alone, not on the pieces in which they come: where a secret, or a longer one, may still go
//! on, the rest is held back until it is decided. Of several that fit at one place the longest counts.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::base::Secret;

const MASK: &[u8] = b"****";
/// A shorter value would be found everywhere: it would ruin the output, and the gaps would tell what it is.
const MIN_BYTES: usize = 3;
/// The same for single lines of a longer value, which more often are no secret (`}`, `---`).
const MIN_LINE_BYTES: usize = 6;

/// What is looked for: whole values, values without the white space around them, and each line of several. By their first
/// byte, the longest first.
pub struct Patterns(Vec<Vec<Secret<Vec<u8>>>>);

impl Patterns {
    pub fn new<'v>(values: impl Iterator<Item = &'v str>) -> Self {
        let mut by_first: Vec<Vec<Secret<Vec<u8>>>> = (0..256).map(|_| Vec::new()).collect();
        let mut add = |text: &str, least: usize| {
            let bytes = text.as_bytes();
            let Some(first) = bytes.first().filter(|_| bytes.len() >= least) else {
                return;
            };
            let bucket = &mut by_first[usize::from(*first)];
            if !bucket.iter().any(|known| known.expose() == bytes) {
                bucket.push(Secret::new(bytes.to_vec()));
            }
        };
        for value in values {
            add(value, MIN_BYTES);
            add(value.trim(), MIN_BYTES);
            if value.trim().contains('\n') {
                value.lines().for_each(|line| add(line.trim(), MIN_LINE_BYTES));
            }
        }
        by_first
            .iter_mut()
            .for_each(|bucket| bucket.sort_by_key(|known| std::cmp::Reverse(known.expose().len())));
        Self(by_first)
    }

    /// A whole text of ours, such as a message.
    pub fn mask_text(&self, text: &str) -> String {
        let mut out = Vec::with_capacity(text.len());
        let masked = self.mask(text.as_bytes(), true, &mut out);
        debug_assert_eq!(masked, text.len());
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Writes what is decided; answers how many bytes that took.
    fn mask(&self, bytes: &[u8], is_end: bool, out: &mut Vec<u8>) -> usize {
        let (mut at, mut plain_from) = (0, 0);
        while at < bytes.len() {
            let bucket = &self.0[usize::from(bytes[at])];
            if bucket.is_empty() {
                at += 1;
                continue;
            }
            match find(bucket, &bytes[at..], is_end) {
                Found::Nothing => at += 1,
                Found::Undecided => break,
                Found::Secret(length) => {
                    out.extend_from_slice(&bytes[plain_from..at]);
                    out.extend_from_slice(MASK);
                    at += length;
                    plain_from = at;
                }
            }
        }
        out.extend_from_slice(&bytes[plain_from..at]);
        at
    }
}

enum Found {
    Nothing,
    /// What comes next decides.
    Undecided,
    Secret(usize),
}

/// The first of these, longest first, that the bytes begin with.
fn find(bucket: &[Secret<Vec<u8>>], bytes: &[u8], is_end: bool) -> Found {
    for known in bucket {
        let known = known.expose();
        if bytes.starts_with(known) {
            return Found::Secret(known.len());
        }
        if !is_end && known.starts_with(bytes) {
            return Found::Undecided;
        }
    }
    Found::Nothing
}

/// One stream on its way.
pub struct Masker {
    patterns: Arc<Patterns>,
    /// What is not decided yet.
    held: Zeroizing<Vec<u8>>,
    out: Vec<u8>,
}

impl Masker {
    pub fn new(patterns: Arc<Patterns>) -> Self {
        Self {
            patterns,
            held: Zeroizing::default(),
            out: Vec::new(),
        }
    }

    /// Takes a piece; answers what may be shown by now.
    pub fn push(&mut self, piece: &[u8]) -> &[u8] {
        self.out.clear();
        if self.held.is_empty() {
            let used = self.patterns.mask(piece, false, &mut self.out);
            self.hold(&piece[used..]);
            return &self.out;
        }
        let mut all = Zeroizing::new(Vec::with_capacity(self.held.len() + piece.len()));
        all.extend_from_slice(&self.held);
        all.extend_from_slice(piece);
        let used = self.patterns.mask(&all, false, &mut self.out);
        self.hold(&all[used..]);
        &self.out
    }

    /// Nothing more comes.
    pub fn finish(&mut self) -> &[u8] {
        self.out.clear();
        let held = std::mem::take(&mut self.held);
        self.patterns.mask(&held, true, &mut self.out);
        &self.out
    }

    /// In memory of its own, so that growing leaves no copy behind.
    fn hold(&mut self, rest: &[u8]) {
        self.held = Zeroizing::new(rest.to_vec());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn masked(values: &[&str], pieces: &[&[u8]]) -> String {
        let mut masker = Masker::new(Arc::new(Patterns::new(values.iter().copied())));
        let mut all = Vec::new();
        pieces.iter().for_each(|piece| all.extend_from_slice(masker.push(piece)));
        all.extend_from_slice(masker.finish());
        String::from_utf8_lossy(&all).into_owned()
    }

    #[test]
    fn a_secret_is_masked_wherever_it_is_cut() {
        let output = b"user=x pass=hunter2! hunter2hunter2 hunter";
        for cut in 0..output.len() {
            let (first, rest) = output.split_at(cut);
            assert_eq!(masked(&["hunter2"], &[first, rest]), "user=x pass=****! ******** hunter");
        }
        let single: Vec<&[u8]> = output.chunks(1).collect();
        assert_eq!(masked(&["hunter2"], &single), "user=x pass=****! ******** hunter");
    }

    #[test]
    fn of_several_that_fit_the_longest_is_masked() {
        assert_eq!(masked(&["abc", "abcdef"], &[b"abcdex abcdef abc"]), "****dex **** ****");
        assert_eq!(masked(&["abc", "abcdef"], &[b"abcd", b"e"]), "****de");
    }

    #[test]
    fn the_lines_of_a_long_secret_are_masked_one_by_one_and_together() {
        let key = "-----BEGIN KEY-----\n  AAAABBBBCCCC\n}\n-----END KEY-----\n";
        assert_eq!(masked(&[key], &[key.as_bytes()]), "****");
        assert_eq!(masked(&[key], &[b"2: AAAABBBBCCCC\r\n}\r\n"]), "2: ****\r\n}\r\n");
    }

    #[test]
    fn what_is_too_short_is_left_and_messages_are_masked_too() {
        assert_eq!(masked(&["a", "ab"], &[b"abab"]), "abab");
        assert_eq!(Patterns::new(["päss"].into_iter()).mask_text("no päss, no pä"), "no ****, no pä");
    }

    /// The same by the plainest means: at each place the longest that fits.
    fn plainly(values: &[String], output: &[u8]) -> Vec<u8> {
        let (mut all, mut at) = (Vec::new(), 0);
        while at < output.len() {
            let fits = |value: &&String| value.len() >= MIN_BYTES && output[at..].starts_with(value.as_bytes());
            match values.iter().filter(fits).map(String::len).max() {
                Some(length) => {
                    all.extend_from_slice(MASK);
                    at += length;
                }
                None => {
                    all.push(output[at]);
                    at += 1;
                }
            }
        }
        all
    }

    proptest! {
        #[test]
        fn the_pieces_do_not_matter_and_no_secret_gets_through(
            values in proptest::collection::vec("[ab]{3,6}", 1..4),
            output in "[abc\n]{0,60}",
            cuts in proptest::collection::vec(0usize..8, 0..30),
        ) {
            let (mut pieces, mut rest): (Vec<&[u8]>, &[u8]) = (Vec::new(), output.as_bytes());
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            pieces.push(rest);
            let borrowed: Vec<&str> = values.iter().map(String::as_str).collect();
            let shown = masked(&borrowed, &pieces);
            prop_assert_eq!(shown.as_bytes(), plainly(&values, output.as_bytes()));
            for value in &values {
                prop_assert!(!shown.contains(value.as_str()));
            }
        }
    }
}
