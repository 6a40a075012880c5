//! `roadstead`: hub, agent and operator's CLI in one binary. Everything is in the library; see `roadstead::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    roadstead::cli::main()
}
