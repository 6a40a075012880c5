//! Asking the person at the terminal.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::Result;

use crate::base::Secret;
use crate::cli::failure::Failure;

/// Whether somebody is there to be asked.
pub fn is_possible() -> bool {
    io::stdin().is_terminal()
}

pub fn ask(prompt: &str) -> Result<String> {
    let mut err = io::stderr().lock();
    let _ = write!(err, "{prompt}");
    let _ = err.flush();
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let line = line.trim();
    if line.is_empty() {
        return Err(Failure::usage("nothing was given")
            .hint("begin again and answer the question")
            .into());
    }
    Ok(line.to_owned())
}

pub fn first_line_of_stdin() -> Result<Secret<String>> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let line = Secret::new(line);
    let trimmed = Secret::new(line.expose().trim_end_matches(['\r', '\n']).to_owned());
    if trimmed.expose().is_empty() {
        return Err(Failure::usage("stdin holds no secret").into());
    }
    Ok(trimmed)
}

/// From the terminal itself, without echo; the echo is back on every way out but kill -9.
pub fn ask_hidden(prompt: &str) -> Result<Secret<String>> {
    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
    struct Echo<'a>(&'a std::fs::File, Termios);
    impl Drop for Echo<'_> {
        fn drop(&mut self) {
            let _ = tcsetattr(self.0, OptionalActions::Flush, &self.1);
        }
    }
    let no_terminal = |_| Failure::usage("there is no terminal to ask for the secret on").hint("run it on a terminal");
    let terminal = std::fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .map_err(no_terminal)?;
    let before = tcgetattr(&terminal)?;
    let mut quiet = before.clone();
    quiet.local_modes.remove(LocalModes::ECHO);
    quiet.local_modes.insert(LocalModes::ECHONL);
    let echo = Echo(&terminal, before);
    tcsetattr(&terminal, OptionalActions::Flush, &quiet)?;
    // Only now: what is typed at the sight of the prompt must neither be shown nor flushed.
    (&terminal).write_all(prompt.as_bytes())?;
    let mut line = String::new();
    io::BufReader::new(&terminal).read_line(&mut line)?;
    drop(echo);
    let line = Secret::new(line);
    Ok(Secret::new(line.expose().trim_end_matches(['\r', '\n']).to_owned()))
}
