//! Words for a POSIX shell.

/// The text as one word, quoted only where it must be.
pub fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A command as its arguments were given: one argument is a line for the shell, several are words.
pub fn command_line(arguments: &[String]) -> String {
    match arguments {
        [line] => line.clone(),
        words => words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_words() {
        assert_eq!(quote("a b"), "'a b'");
        assert_eq!(quote("it's"), "'it'\\''s'");
        assert_eq!(quote(""), "''");
        let words = |list: &[&str]| command_line(&list.iter().map(|w| w.to_string()).collect::<Vec<_>>());
        assert_eq!(words(&["uptime; df -h"]), "uptime; df -h");
        assert_eq!(words(&["ls", "-l", "my dir"]), "ls -l 'my dir'");
    }
}
