//! Two texts line by line: what went, what came, with a little of what stayed.

/// Lines of context around a change.
const CONTEXT: usize = 3;
/// More lines than this on either side are compared only after what both begin and end with is taken away.
const MAX_CELLS: usize = 16_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line<'t> {
    Same(&'t str),
    Gone(&'t str),
    New(&'t str),
}

/// As `diff -u` prints it, without the positions; empty when nothing differs.
pub fn unified(before: &str, after: &str, from: &str, to: &str) -> String {
    let lines = compare(&before.lines().collect::<Vec<_>>(), &after.lines().collect::<Vec<_>>());
    if lines.iter().all(|line| matches!(line, Line::Same(_))) {
        return String::new();
    }
    let is_near = |at: usize| {
        let near = at.saturating_sub(CONTEXT)..lines.len().min(at + CONTEXT + 1);
        lines[near].iter().any(|line| !matches!(line, Line::Same(_)))
    };
    let mut out = format!("--- {from}\n+++ {to}\n");
    let mut is_cut = false;
    for (at, line) in lines.iter().enumerate() {
        if !is_near(at) {
            is_cut = true;
            continue;
        }
        if std::mem::take(&mut is_cut) {
            out.push_str("…\n");
        }
        let (sign, text) = match line {
            Line::Same(text) => (' ', text),
            Line::Gone(text) => ('-', text),
            Line::New(text) => ('+', text),
        };
        out.push(sign);
        out.push_str(text);
        out.push('\n');
    }
    out
}

/// By the longest common subsequence.
fn compare<'t>(before: &[&'t str], after: &[&'t str]) -> Vec<Line<'t>> {
    let head = before.iter().zip(after).take_while(|(a, b)| a == b).count();
    let (before, after, same) = (&before[head..], &after[head..], &before[..head]);
    let mut lines: Vec<Line<'t>> = same.iter().map(|text| Line::Same(text)).collect();
    let width = after.len() + 1;
    if (before.len() + 1).saturating_mul(width) > MAX_CELLS {
        lines.extend(before.iter().map(|text| Line::Gone(text)));
        lines.extend(after.iter().map(|text| Line::New(text)));
        return lines;
    }
    let mut longest = vec![0u32; (before.len() + 1) * width];
    for i in (0..before.len()).rev() {
        for j in (0..after.len()).rev() {
            longest[i * width + j] = match before[i] == after[j] {
                true => longest[(i + 1) * width + j + 1] + 1,
                false => longest[(i + 1) * width + j].max(longest[i * width + j + 1]),
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < before.len() || j < after.len() {
        if i < before.len() && j < after.len() && before[i] == after[j] {
            lines.push(Line::Same(before[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == after.len() || (i < before.len() && longest[(i + 1) * width + j] >= longest[i * width + j + 1]) {
            lines.push(Line::Gone(before[i]));
            i += 1;
        } else {
            lines.push(Line::New(after[j]));
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn changes_are_shown_with_a_little_context() {
        let before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let after = "1\n2\n3\n4\n5\nsix\n7\n8\n9\n10\n";
        assert_eq!(
            unified(before, after, "1", "2"),
            "--- 1\n+++ 2\n…\n 3\n 4\n 5\n-6\n+six\n 7\n 8\n 9\n+10\n"
        );
        assert_eq!(unified("a", "a\n", "1", "2"), "");
    }

    proptest! {
        /// Taking the lines apart again gives both texts back.
        #[test]
        fn nothing_is_lost(before in proptest::collection::vec("[ab]{0,2}", 0..12), after in proptest::collection::vec("[ab]{0,2}", 0..12)) {
            let (a, b): (Vec<&str>, Vec<&str>) = (before.iter().map(String::as_str).collect(), after.iter().map(String::as_str).collect());
            let lines = compare(&a, &b);
            let old: Vec<&str> = lines.iter().filter_map(|l| match l { Line::Same(t) | Line::Gone(t) => Some(*t), Line::New(_) => None }).collect();
            let new: Vec<&str> = lines.iter().filter_map(|l| match l { Line::Same(t) | Line::New(t) => Some(*t), Line::Gone(_) => None }).collect();
            prop_assert_eq!((old, new), (a, b));
        }
    }
}
