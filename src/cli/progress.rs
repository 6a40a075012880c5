//! How far a command is, in one line of the terminal that is written over.

use std::io::{IsTerminal, Write, stderr};

use crate::cli::follow::CommandState;

/// How many of a known number are done, on such a line.
pub struct Counted {
    total: usize,
    is_shown: bool,
}

impl Counted {
    pub fn new(total: usize) -> Self {
        Self { total, is_shown: false }
    }

    pub fn show(&mut self, done: usize) {
        if stderr().is_terminal() {
            let _ = write!(stderr().lock(), "\r\u{1b}[K{done} of {} done", self.total);
            self.is_shown = true;
        }
    }

    pub fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            let _ = write!(stderr().lock(), "\r\u{1b}[K");
        }
    }
}

/// One line on a terminal that is written over.
#[derive(Default)]
pub struct Progress {
    shown: Option<String>,
}

impl Progress {
    pub fn show(&mut self, state: &CommandState) {
        if state.command.target_count < 2 || !stderr().is_terminal() {
            return;
        }
        let waiting: u64 = state
            .states
            .iter()
            .filter(|s| matches!(s.status_details.as_str(), "Pending" | "Delayed"))
            .map(|s| s.count)
            .sum();
        let command = &state.command;
        let mut line = format!("{} of {} done", command.completed_count, command.target_count);
        if command.error_count > 0 {
            line.push_str(&format!(", {} failed", command.error_count));
        }
        if waiting > 0 {
            line.push_str(&format!(", {waiting} waiting"));
        }
        if self.shown.as_ref() != Some(&line) {
            let _ = write!(stderr().lock(), "\r\u{1b}[K{line}");
            self.shown = Some(line);
        }
    }

    pub fn clear(&mut self) {
        if self.shown.take().is_some() {
            let _ = write!(stderr().lock(), "\r\u{1b}[K");
        }
    }
}
