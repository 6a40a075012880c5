//! Variables in a script where references to secrets stood.
//!
//! A shell replaces a variable only outside of single quotes, and splits it unless it stands in double ones. So the text is read
//! as a shell reads it, as far as quotes go, and each variable gets the quotes that make it exactly one value there.

use std::collections::BTreeSet;

use serde_json::Value;

use super::actions;
use super::secrets::variable;
use super::substitute::{self, Found};

/// A script's lines as one text, unless one of them is a list or a map. In YAML `- true` is a truth value and `-` is null, and both
/// are meant as lines.
pub fn text_of(script: &Value) -> Option<String> {
    let line = |item: &Value| match item {
        Value::Array(_) | Value::Object(_) => None,
        Value::Null => Some(String::new()),
        other => Some(substitute::as_text(other)),
    };
    match script {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => items.iter().map(line).collect::<Option<Vec<_>>>().map(|lines| lines.join("\n")),
        _ => None,
    }
}

/// Shells that know `${NAME}` and these quotes.
const SHELLS: &[&str] = &["sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "busybox"];

/// *Errors*: why the script could not read a variable there, as the end of a sentence.
pub fn with_variables(action: &str, script: &str, known: &BTreeSet<String>) -> Result<String, String> {
    if action == actions::POWERSHELL {
        let named = |name: &str| known.contains(name).then(|| format!("${{env:{}}}", variable(name)));
        return Ok(substitute::replaced_in(script, &named));
    }
    if let Some(program) = interpreter(script).filter(|program| !SHELLS.contains(program)) {
        return Err(format!(
            "in a script for `{program}`, which reads variables in its own way: give the document a parameter with `interpolationType: ENV_VAR` and read that variable"
        ));
    }
    Reader::new(script, known).read()
}

/// The references to variables that a shell leaves as they are, because they stand in single quotes. Not those behind `-c`: that is a
/// script for the next shell, which does replace them, as is many a here-document.
pub fn unexpanded<'s>(script: &'s str, known: &BTreeSet<String>) -> Vec<Found<'s>> {
    if interpreter(script).is_some_and(|program| !SHELLS.contains(&program)) {
        return Vec::new();
    }
    let is_for_another = |start: usize| {
        let opened = script[..start].rfind('\'').unwrap_or(0);
        script[..opened].trim_end().ends_with("-c")
    };
    let found = Reader::new(script, known).read_all().unexpanded;
    found.into_iter().filter(|found| !is_for_another(found.start)).collect()
}

/// The program that the first line names.
fn interpreter(script: &str) -> Option<&str> {
    let line = script.strip_prefix("#!")?.lines().next()?;
    let mut words = line.split_whitespace().map(|word| word.rsplit('/').next().unwrap_or(word));
    match words.next()? {
        "env" => words.find(|word| !word.starts_with('-') && !word.contains('=')),
        program => Some(program),
    }
}

/// What surrounds a place in a script.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    /// The script itself.
    Top,
    /// `( … )`, `$( … )`
    Parentheses,
    /// `` ` … ` ``
    Backticks,
    /// `" … "`
    Double,
    /// `' … '`
    Single,
    /// `$' … '`
    Escaped,
}

/// A here-document that begins with the next line.
struct Here<'s> {
    end: &'s str,
    is_literal: bool,
    may_be_indented: bool,
}

struct Reader<'s> {
    script: &'s str,
    at: usize,
    references: Vec<Found<'s>>,
    within: Vec<Within>,
    awaited: Vec<Here<'s>>,
    out: String,
    /// Those in quotes that let no variable through.
    unexpanded: Vec<Found<'s>>,
    /// Why there is one that no quotes can help.
    refusal: Option<String>,
}

impl<'s> Reader<'s> {
    fn new(script: &'s str, known: &BTreeSet<String>) -> Self {
        let mut references: Vec<Found<'s>> = substitute::found(script).filter(|found| known.contains(found.name)).collect();
        references.reverse();
        Self {
            script,
            at: 0,
            references,
            within: vec![Within::Top],
            awaited: Vec::new(),
            out: String::with_capacity(script.len() + 64),
            unexpanded: Vec::new(),
            refusal: None,
        }
    }

    fn read(self) -> Result<String, String> {
        let read = self.read_all();
        read.refusal.map_or(Ok(read.out), Err)
    }

    fn read_all(mut self) -> Self {
        while self.at < self.script.len() {
            match self.reference() {
                Some(found) => self.put(found),
                None => self.step(),
            }
        }
        self
    }

    /// The reference that begins here; the place after it is the next.
    fn reference(&mut self) -> Option<Found<'s>> {
        let found = self.references.pop_if(|found| found.start == self.at)?;
        self.at = found.end;
        Some(found)
    }

    fn put(&mut self, found: Found<'s>) {
        let name = variable(found.name);
        let text = match self.now() {
            Within::Double => format!("${{{name}}}"),
            Within::Single => format!("'\"${{{name}}}\"'"),
            Within::Escaped => format!("'\"${{{name}}}\"$'"),
            Within::Top | Within::Parentheses | Within::Backticks => format!("\"${{{name}}}\""),
        };
        self.out.push_str(&text);
        if matches!(self.now(), Within::Single | Within::Escaped) {
            self.unexpanded.push(found);
        }
    }

    fn now(&self) -> Within {
        self.within.last().copied().unwrap_or(Within::Top)
    }

    fn rest(&self) -> &'s str {
        &self.script[self.at..]
    }

    /// Copies so many bytes, or fewer where a reference or the end comes first; always at least one character.
    fn copy(&mut self, bytes: usize) {
        let next = self.references.last().map_or(self.script.len(), |found| found.start);
        let mut until = (self.at + bytes).min(next).max(self.at + 1);
        while !self.script.is_char_boundary(until) {
            until += 1;
        }
        self.out.push_str(&self.script[self.at..until]);
        self.at = until;
    }

    fn enter(&mut self, within: Within, bytes: usize) {
        self.within.push(within);
        self.copy(bytes);
    }

    fn leave(&mut self) {
        self.within.pop();
        self.copy(1);
    }

    fn step(&mut self) {
        let rest = self.rest();
        let first = rest.as_bytes()[0];
        match (self.now(), first) {
            (Within::Single | Within::Escaped, b'\'') | (Within::Double, b'"') => self.leave(),
            (Within::Single, _) => self.copy(1),
            (_, b'\\') => self.copy(2),
            (Within::Escaped, _) => self.copy(1),
            (_, b'$') if rest.starts_with("$(") => self.enter(Within::Parentheses, 2),
            (Within::Backticks, b'`') => self.leave(),
            (_, b'`') => self.enter(Within::Backticks, 1),
            (Within::Double, _) => self.copy(1),
            (_, b'"') => self.enter(Within::Double, 1),
            (_, b'$') if rest.starts_with("$'") => self.enter(Within::Escaped, 2),
            (_, b'\'') => self.enter(Within::Single, 1),
            (_, b'(') => self.enter(Within::Parentheses, 1),
            (Within::Parentheses, b')') => self.leave(),
            (_, b'#') if self.begins_a_word() => self.comment(),
            (_, b'<') if rest.starts_with("<<") => self.here(),
            (_, b'\n') => self.here_documents(),
            _ => self.copy(1),
        }
    }

    fn begins_a_word(&self) -> bool {
        let before = self.script.as_bytes()[..self.at].last();
        before.is_none_or(|b| b.is_ascii_whitespace() || matches!(b, b';' | b'&' | b'|' | b'(' | b')'))
    }

    /// Nobody reads it, so quotes in it mean nothing.
    fn comment(&mut self) {
        while self.at < self.script.len() && !self.rest().starts_with('\n') {
            match self.reference() {
                Some(found) => self.out.push_str(&variable(found.name)),
                None => self.copy(1),
            }
        }
    }

    /// `<<END`, `<<-'END'`; `<<<` is a text, and `1 << 2` a sum.
    fn here(&mut self) {
        let rest = self.rest();
        if rest.starts_with("<<<") {
            return self.copy(3);
        }
        let after = &rest[2..];
        let word = after.strip_prefix('-').unwrap_or(after).trim_start_matches([' ', '\t']);
        let quote = word.bytes().next().filter(|b| matches!(b, b'\'' | b'"'));
        let bare = word.trim_start_matches(['\'', '"', '\\']);
        let length = match quote {
            Some(quote) => bare.find(char::from(quote)).unwrap_or(0),
            None => bare.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count(),
        };
        let is_word = bare.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_') && length > 0;
        if !is_word {
            return self.copy(2);
        }
        self.awaited.push(Here {
            end: &bare[..length],
            is_literal: bare.len() < word.len(),
            may_be_indented: after.starts_with('-'),
        });
        let used = rest.len() - bare.len() + length + usize::from(quote.is_some());
        self.copy(used);
    }

    /// The bodies that begin after this line's end.
    fn here_documents(&mut self) {
        self.copy(1);
        for here in std::mem::take(&mut self.awaited) {
            while self.at < self.script.len() {
                let line = self.rest().split_inclusive('\n').next().unwrap_or_default();
                let until = self.at + line.len();
                let shown = if here.may_be_indented {
                    line.trim_start_matches('\t')
                } else {
                    line
                };
                let is_over = shown.trim_end_matches('\n') == here.end;
                while self.at < until {
                    match self.reference() {
                        Some(_) if here.is_literal => {
                            let why = "in a here-document in which the shell replaces nothing";
                            self.refusal = Some(format!("{why}: write `<<{}` without quotes", here.end));
                        }
                        Some(found) => self.out.push_str(&format!("${{{}}}", variable(found.name))),
                        None => self.copy(until - self.at),
                    }
                }
                if is_over {
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    fn known() -> BTreeSet<String> {
        BTreeSet::from(["ssm-secure:/a".to_owned()])
    }

    fn sh(script: &str) -> Result<String, String> {
        with_variables(actions::SHELL, script, &known())
    }

    /// What `sh` prints when the secret is this.
    fn said(script: &str, secret: &str) -> String {
        let script = sh(script).unwrap();
        let output = Command::new("/bin/sh")
            .arg("-c")
            .arg(&script)
            .env("SSM_SECURE_a", secret)
            .output()
            .unwrap();
        assert!(output.status.success(), "{script}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn a_shell_sees_exactly_the_value_wherever_it_stands() {
        const SECRET: &str = "it's $(touch x) `id` \"q\"  two\\";
        for (script, expected) in [
            ("printf '%s' {{ssm-secure:/a}}", "S"),
            ("printf '%s' \"{{ ssm-secure:/a }}\"", "S"),
            ("printf '%s' '{{ssm-secure:/a}}'", "S"),
            ("printf '%s' '<{{ssm-secure:/a}}>' # don't", "<S>"),
            ("# don't\nprintf '%s' {{ssm-secure:/a}}", "S"),
            ("printf '%s' \"$(printf '%s' '{{ssm-secure:/a}}')\"", "S"),
            ("x=$(printf '%s' \"it's {{ssm-secure:/a}}\"); printf '%s' \"$x\"", "it's S"),
            (
                "cat <<EOF\ndon't {{ssm-secure:/a}}\nEOF\nprintf '%s' '{{ssm-secure:/a}}'",
                "don't S\nS",
            ),
            ("cat <<-'EOF'\n\tdon't\n\tEOF\nprintf '%s' '{{ssm-secure:/a}}'", "don't\nS"),
            ("case a in a) printf '%s' '{{ssm-secure:/a}}';; esac", "S"),
            ("printf '%s' \\'{{ssm-secure:/a}}\\'", "'S'"),
            ("x=ab; printf '%s' ${x#a}'{{ssm-secure:/a}}'", "bS"),
            ("printf '%s' \"$((1 << 2))\"'{{ssm-secure:/a}}'", "4S"),
        ] {
            assert_eq!(said(script, SECRET), expected.replace('S', SECRET), "{script}");
        }
    }

    #[test]
    fn bash_quotes_with_escapes_are_left_and_entered_again() {
        assert_eq!(
            sh("printf $'a\\'{{ssm-secure:/a}}'").unwrap(),
            "printf $'a\\''\"${SSM_SECURE_a}\"$''"
        );
    }

    #[test]
    fn where_no_variable_is_read_the_script_is_refused() {
        let refused = sh("cat <<'EOF'\n{{ssm-secure:/a}}\nEOF").unwrap_err();
        assert!(refused.contains("`<<EOF`"), "{refused}");
        for first in ["#!/usr/bin/python3", "#!/usr/bin/env -S python3 -u"] {
            assert!(
                sh(&format!("{first}\nprint('{{{{ssm-secure:/a}}}}')"))
                    .unwrap_err()
                    .contains("`python3`")
            );
        }
        assert!(sh("#!/usr/bin/env bash\necho {{ssm-secure:/a}}").is_ok());
    }

    #[test]
    fn it_is_known_where_a_shell_replaces_nothing() {
        for (script, lets_through) in [
            ("echo {{ssm-secure:/a}} \"{{ssm-secure:/a}}\"", true),
            ("echo '{{ssm-secure:/a}}'", false),
            ("echo it\\'s {{ssm-secure:/a}}", true),
            ("echo $'{{ssm-secure:/a}}'", false),
            ("sh -c 'echo {{ssm-secure:/a}}'", true),
            ("sh <<'EOF'\n{{ssm-secure:/a}}\nEOF", true),
            ("cat <<EOF\n'{{ssm-secure:/a}}'\nEOF", true),
            ("#!/usr/bin/python3\nprint('{{ssm-secure:/a}}')", true),
        ] {
            assert_eq!(unexpanded(script, &known()).is_empty(), lets_through, "{script}");
        }
    }

    #[test]
    fn powershell_reads_the_environment_by_its_own_name() {
        let script = with_variables(
            actions::POWERSHELL,
            "Write-Output \"{{ssm-secure:/a}} {{ssm-secure:/b}}\"",
            &known(),
        );
        assert_eq!(script.unwrap(), "Write-Output \"${env:SSM_SECURE_a} {{ssm-secure:/b}}\"");
    }

    proptest! {
        #[test]
        fn a_script_without_a_known_name_is_unchanged(script in r#"[a-z '"\\$()`#<\nE{}é-]{0,40}"#) {
            prop_assert_eq!(sh(&script).unwrap(), script);
        }

        #[test]
        fn every_reference_becomes_the_variable(parts in proptest::collection::vec(r#"[a-z '"\\$()`#\né]{0,8}"#, 1..5)) {
            let text = sh(&parts.join("{{ssm-secure:/a}}")).unwrap();
            prop_assert_eq!(text.matches("SSM_SECURE_a").count(), parts.len() - 1);
            prop_assert!(!text.contains("{{"));
        }
    }
}
