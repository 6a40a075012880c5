//! The escape keys of a session: `~` at the beginning of a line, as ssh has them. Pure, so that they work however frozen
//! the session is.

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// For the shell.
    Typed(Vec<u8>),
    /// `~.`
    Leave,
    /// `~?`
    Help,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    LineStart,
    /// A tilde at the beginning of a line is held back until the next key.
    Tilde,
    Within,
}

pub struct Escapes {
    at: At,
}

impl Escapes {
    pub fn new() -> Self {
        Self { at: At::LineStart }
    }

    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Key> {
        let mut keys = Vec::new();
        let mut typed = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            let special = match (self.at, byte) {
                (At::LineStart, b'~') => {
                    self.at = At::Tilde;
                    continue;
                }
                (At::Tilde, b'.') => Some(Key::Leave),
                (At::Tilde, b'?') => Some(Key::Help),
                _ => None,
            };
            if let Some(key) = special {
                flush(&mut typed, &mut keys);
                keys.push(key);
                self.at = At::LineStart;
                continue;
            }
            if self.at == At::Tilde && byte != b'~' {
                typed.push(b'~');
            }
            typed.push(byte);
            self.at = match byte {
                b'\r' | b'\n' => At::LineStart,
                _ => At::Within,
            };
        }
        flush(&mut typed, &mut keys);
        keys
    }
}

fn flush(typed: &mut Vec<u8>, keys: &mut Vec<Key>) {
    if !typed.is_empty() {
        keys.push(Key::Typed(std::mem::take(typed)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn typed(text: &str) -> Key {
        Key::Typed(text.as_bytes().to_vec())
    }

    #[test]
    fn a_tilde_counts_only_at_the_beginning_of_a_line() {
        let feed = |text: &str| Escapes::new().feed(text.as_bytes());
        assert_eq!(feed("~."), [Key::Leave]);
        assert_eq!(feed("ls\r~."), [typed("ls\r"), Key::Leave]);
        assert_eq!(feed("a~."), [typed("a~.")]);
        assert_eq!(feed("~~."), [typed("~.")]);
        assert_eq!(feed("~x"), [typed("~x")]);
        assert_eq!(feed("~?ls"), [Key::Help, typed("ls")]);
        assert_eq!(feed("~\r~."), [typed("~\r"), Key::Leave]);
    }

    #[test]
    fn keys_may_come_one_at_a_time() {
        let mut escapes = Escapes::new();
        assert_eq!(escapes.feed(b"~"), []);
        assert_eq!(escapes.feed(b"."), [Key::Leave]);
    }

    proptest! {
        #[test]
        fn without_tildes_everything_goes_through(bytes in proptest::collection::vec(any::<u8>().prop_filter("~", |b| *b != b'~'), 0..64), cut in 1usize..9) {
            let mut escapes = Escapes::new();
            let mut sent = Vec::new();
            for piece in bytes.chunks(cut) {
                for key in escapes.feed(piece) {
                    match key {
                        Key::Typed(typed) => sent.extend(typed),
                        other => prop_assert!(false, "{:?}", other),
                    }
                }
            }
            prop_assert_eq!(sent, bytes);
        }
    }
}
