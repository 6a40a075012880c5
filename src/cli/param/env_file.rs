//! An environment file: a `NAME=value` a line, as `param export` writes it and a shell reads it.
//!
//! ```text
//! entry  = ["export "] NAME "=" value
//! value  = plain | quoted+ [blanks "#" comment]
//! plain  = the rest of the line, without the blanks around it
//! quoted = "'" … "'" | '"' … '"' | "\'"              may hold line breaks
//! ```
//!
//! Nothing is expanded. Shells, Docker and the libraries for such files disagree about a quote or a backslash in a plain value,
//! about ` #` behind it and about `\n` in double quotes. What they disagree about is refused: to guess wrong would change a
//! value without a word.

use super::entries::{Entry, Found};
use super::tree::Content;
use crate::model::document::text::Position;

const BLANKS: [char; 3] = [' ', '\t', '\r'];

const UNCLOSED: &str = "the value's quote is never closed: a quote inside single quotes is written `'\\''`";
const AFTER_QUOTE: &str =
    "behind a closing quote only a comment may follow, with a blank in front of its `#`: put the whole value in quotes";
const COMMENT: &str = "` #` begins a comment for some programs and is part of the value for others: put the value in single quotes";
const PLAIN_QUOTE: &str =
    "a quote or backslash in a value without quotes means different things to different programs: put the whole value in single quotes";
const BACKSLASH: &str =
    "in double quotes a backslash stands before `\"`, `\\`, `$` or a backquote only: write `\\\\`, or a line break as such";

pub fn read(text: &str) -> Found {
    let mut reader = Reader {
        rest: text.strip_prefix('\u{feff}').unwrap_or(text),
        line: 1,
    };
    let mut found = Found::default();
    while !reader.rest.is_empty() {
        reader.entry(&mut found);
    }
    found
}

struct Reader<'t> {
    rest: &'t str,
    line: u32,
}

impl<'t> Reader<'t> {
    /// One entry, or a line that holds none.
    fn entry(&mut self, found: &mut Found) {
        let at = Position {
            line: self.line,
            column: 1,
        };
        let line = self.rest.split('\n').next().unwrap_or_default();
        let bare = line.trim_matches(BLANKS);
        if bare.is_empty() || bare.starts_with('#') {
            self.take_line();
            return;
        }
        let Some((name, value)) = line.split_once('=') else {
            self.take_line();
            return found.refuse(at, "", "write NAME=value");
        };
        let name = without_export(name.trim_matches(BLANKS));
        self.take(line.len() - value.trim_start_matches(BLANKS).len());
        let value = match self.rest.starts_with(['\'', '"']) {
            true => self.quoted(),
            false => self.plain(),
        };
        match value {
            Ok(text) => found.entries.push(Entry {
                at,
                name: name.to_owned(),
                content: Content { text, is_list: false },
            }),
            Err(why) => found.refuse(at, name, why),
        }
    }

    fn plain(&mut self) -> Result<String, &'static str> {
        let text = self.take_line().trim_matches(BLANKS);
        if text.starts_with('#') || text.contains(" #") || text.contains("\t#") {
            return Err(COMMENT);
        }
        match text.contains(['\'', '"', '\\']) {
            true => Err(PLAIN_QUOTE),
            false => Ok(text.to_owned()),
        }
    }

    /// Takes the whole line also when something is wrong, so that the next entry begins where its author meant it to.
    fn quoted(&mut self) -> Result<String, &'static str> {
        let text = self.pieces();
        let behind = self.take_line();
        let bare = behind.trim_matches(BLANKS);
        let is_comment = bare.starts_with('#') && behind.starts_with([' ', '\t']);
        let text = text?;
        match bare.is_empty() || is_comment {
            true => Ok(text),
            false => Err(AFTER_QUOTE),
        }
    }

    fn pieces(&mut self) -> Result<String, &'static str> {
        let mut out = String::new();
        loop {
            if let Some(inner) = self.rest.strip_prefix('\'') {
                let end = inner.find('\'').ok_or_else(|| self.unclosed())?;
                out.push_str(&inner[..end]);
                self.take(end + 2);
            } else if self.rest.starts_with('"') {
                self.double(&mut out)?;
            } else if self.rest.starts_with("\\'") {
                out.push('\'');
                self.take(2);
            } else {
                return Ok(out);
            }
        }
    }

    fn double(&mut self, out: &mut String) -> Result<(), &'static str> {
        let mut is_clear = true;
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.take(at + 1);
                    return if is_clear { Ok(()) } else { Err(BACKSLASH) };
                }
                '\\' => match chars.next() {
                    Some((_, escaped @ ('"' | '\\' | '$' | '`'))) => out.push(escaped),
                    _ => is_clear = false,
                },
                c => out.push(c),
            }
        }
        Err(self.unclosed())
    }

    /// Where the quote should have ended nobody knows, so nothing behind it is read.
    fn unclosed(&mut self) -> &'static str {
        self.take(self.rest.len());
        UNCLOSED
    }

    fn take_line(&mut self) -> &'t str {
        let end = self.rest.find('\n').map_or(self.rest.len(), |at| at + 1);
        self.take(end).trim_end_matches('\n')
    }

    fn take(&mut self, bytes: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.line += taken.matches('\n').count() as u32;
        self.rest = rest;
        taken
    }
}

fn without_export(name: &str) -> &str {
    let rest = name.strip_prefix("export").filter(|rest| rest.starts_with(BLANKS));
    rest.map_or(name, |rest| rest.trim_matches(BLANKS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_shells_and_docker_agree() {
        let text = "\u{feff}# comment\n\nA=1\r\n export B = two words \nC='a\n b'\\''c' # why\nD=\"\\\"\\\\\\$x $y\"\nE=\nF=0x1F=$HOME\nG=''\"q\"\n";
        let found = read(text);
        assert!(found.problems.is_empty(), "{:?}", found.problems);
        let entries: Vec<(u32, &str, &str)> = found
            .entries
            .iter()
            .map(|e| (e.at.line, e.name.as_str(), e.content.text.as_str()))
            .collect();
        let expected = [
            (3, "A", "1"),
            (4, "B", "two words"),
            (5, "C", "a\n b'c"),
            (7, "D", "\"\\$x $y"),
            (8, "E", ""),
            (9, "F", "0x1F=$HOME"),
            (10, "G", "q"),
        ];
        assert_eq!(entries, expected);
    }

    #[test]
    fn what_readers_disagree_about_is_refused_line_by_line() {
        let text = "A=it's\nB=C:\\temp\nC=x # y\nD= #y\nE=\"a\\nb\nc\"\nF='a'b\nG='a'#b\nH={\"a\": 1}\nnonsense\nI=ok\nX=\"unclosed\nY=1\n";
        let found = read(text);
        let problems: Vec<(u32, &str, &str)> = found
            .problems
            .iter()
            .map(|p| (p.at.line, p.path.as_str(), p.message.as_str()))
            .collect();
        let expected = [
            (1, "A", PLAIN_QUOTE),
            (2, "B", PLAIN_QUOTE),
            (3, "C", COMMENT),
            (4, "D", COMMENT),
            (5, "E", BACKSLASH),
            (7, "F", AFTER_QUOTE),
            (8, "G", AFTER_QUOTE),
            (9, "H", PLAIN_QUOTE),
            (10, "", "write NAME=value"),
            (12, "X", UNCLOSED),
        ];
        assert_eq!(problems, expected);
        assert_eq!(found.entries.iter().map(|e| e.name.as_str()).collect::<Vec<_>>(), ["I"]);
    }
}
