//! Text for people: hostile characters shown as escapes, widths in terminal cells, times and durations in words.

use std::time::Duration;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::base::Timestamp;
pub use crate::base::count;

/// A single-line value from a node: every control character becomes visible, line breaks too.
pub fn escape_line(text: &str) -> String {
    escape(text, |_| false)
}

/// Output of a command: line breaks and tabs stay, every other control character becomes visible.
pub fn escape_output(text: &str) -> String {
    escape(&text.replace("\r\n", "\n"), |c| matches!(c, '\n' | '\t'))
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> String {
    let hidden = |c: char| is_hostile(c) && !keep(c);
    if !text.contains(hidden) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            c if !hidden(c) => out.push(c),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x100 => out.push_str(&format!("\\x{:02x}", c as u32)),
            c => out.push_str(&format!("\\u{{{:x}}}", c as u32)),
        }
    }
    out
}

/// C0, DEL, C1, and the marks that turn the direction of text: they can make a terminal act or lie.
pub fn is_hostile(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Cells that the text takes on a terminal.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text and blanks up to `cells`.
pub fn pad(text: &str, cells: usize) -> String {
    let blanks = cells.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(blanks))
}

/// As much of the text as `cells` hold, with `…` for what is left out.
pub fn clip(text: &str, cells: usize) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    let mut room = cells.saturating_sub(1);
    let fits = text.chars().take_while(|c| match room.checked_sub(c.width().unwrap_or(0)) {
        Some(left) => {
            room = left;
            true
        }
        None => false,
    });
    fits.chain(['…']).collect()
}

/// `5m`, `2h`, `90` (seconds), `1d12h`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no duration: write `30s`, `10m`, `24h`, `7d` or seconds");
    if let Ok(seconds) = text.parse::<u32>() {
        return Ok(Duration::from_secs(seconds.into()));
    }
    let mut total: u64 = 0;
    let mut digits = String::new();
    for c in text.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let unit = match c {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return Err(wrong()),
        };
        let count: u32 = digits.parse().map_err(|_| wrong())?;
        total += u64::from(count) * unit;
        digits.clear();
    }
    if !digits.is_empty() || text.is_empty() {
        return Err(wrong());
    }
    Ok(Duration::from_secs(total))
}

/// The two largest units: `45 s`, `3 min`, `2 h 5 min`, `4 d 1 h`.
pub fn duration_words(duration: Duration) -> String {
    let s = duration.as_secs();
    let two = |a: u64, unit: &str, b: u64, small: &str| match b {
        0 => format!("{a} {unit}"),
        b => format!("{a} {unit} {b} {small}"),
    };
    match s {
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min", s / 60),
        3600..86_400 => two(s / 3600, "h", s % 3600 / 60, "min"),
        _ => two(s / 86_400, "d", s % 86_400 / 3600, "h"),
    }
}

/// How long ago, or how far ahead: `3 min ago`, `now`, `in 2 h`.
pub fn relative(at: Timestamp, now: Timestamp) -> String {
    let (ahead, behind) = (at.since(now), now.since(at));
    match ahead.max(behind) {
        apart if apart < Duration::from_secs(1) => "now".to_owned(),
        _ if at > now => format!("in {}", duration_words(ahead)),
        _ => format!("{} ago", duration_words(behind)),
    }
}

/// A moment for people, in UTC and saying so: `2026-01-31 09:05:00Z`.
pub fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    match text.split_once('.') {
        Some((second, _)) => format!("{}Z", second.replace('T', " ")),
        None => text,
    }
}

/// Binary units with one digit: `1.5 MiB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// What `typed` was most likely meant as: the nearest candidates, none when all are far.
pub fn suggestions<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let limit = (typed.chars().count() / 3).max(1);
    let mut close: Vec<(usize, &str)> = candidates
        .into_iter()
        .map(|candidate| (distance(&typed.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    close.sort();
    close.dedup();
    let best = close.first().map_or(0, |(distance, _)| *distance);
    let best = close.into_iter().take_while(|(distance, _)| *distance == best);
    best.take(3).map(|(_, candidate)| candidate.to_owned()).collect()
}

/// Edit distance; two swapped neighbours count as one.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_of_both_ranges_become_visible() {
        assert_eq!(escape_line("a\u{1b}[31mb\u{9b}c\u{7f}\n"), "a\\x1b[31mb\\x9bc\\x7f\\n");
        assert_eq!(escape_output("a\tb\r\nc\r\u{202e}d"), "a\tb\nc\\r\\u{202e}d");
        assert_eq!(escape_line("東京 ok"), "東京 ok");
    }

    #[test]
    fn wide_characters_count_two_cells() {
        assert_eq!(width("東京"), 4);
        assert_eq!(pad("東京", 6), "東京  ");
        assert_eq!(
            [clip("東京都", 6), clip("東京都", 5), clip("東京都", 4)],
            ["東京都", "東京…", "東…"]
        );
    }

    #[test]
    fn durations_are_read_and_said() {
        let seconds = |text| parse_duration(text).map(|d| d.as_secs());
        assert_eq!(seconds("90"), Ok(90));
        assert_eq!(seconds("24h"), Ok(86_400));
        assert_eq!(seconds("1d12h"), Ok(129_600));
        for bad in ["", "h", "5x", "5m3", "-1s"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
        let words = |s| duration_words(Duration::from_secs(s));
        assert_eq!(
            [words(5), words(180), words(7500), words(86_400)],
            ["5 s", "3 min", "2 h 5 min", "1 d"]
        );
    }

    #[test]
    fn what_is_less_than_a_second_away_is_now() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let words = |ms: i64| relative(Timestamp::from_millis(now.millis() + ms), now);
        assert_eq!(
            [words(-1000), words(-999), words(0), words(999), words(1000)],
            ["1 s ago", "now", "now", "now", "in 1 s"]
        );
    }

    #[test]
    fn a_moment_names_its_zone() {
        assert_eq!(moment(Timestamp::from_millis(1_700_000_000_250)), "2023-11-14 22:13:20Z");
    }

    #[test]
    fn a_typing_error_finds_what_was_meant() {
        assert_eq!(suggestions("wbe-01", ["web-01", "db-01", "web-02"]), ["web-01"]);
        assert!(suggestions("x", ["web-01"]).is_empty());
    }

    #[test]
    fn sizes_have_one_digit() {
        assert_eq!([bytes(12), bytes(1536), bytes(268_435_456)], ["12 B", "1.5 KiB", "256.0 MiB"]);
    }
}
