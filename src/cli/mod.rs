//! The face of the program: parse, run one verb, end with a documented exit code.
//!
//! `serve` and `up` start the two processes; every other verb is a client of the hub's API ([`client`]) under the
//! credentials that [`context`] finds. One file per verb or noun; [`output`] prints all of them. Only this module uses
//! `anyhow` and writes to stdout. The program starts on one thread: the agent's helper must be forked before any other
//! thread exists, and a client needs no more.

mod client;
mod config;
mod connection;
mod context;
mod data;
mod failure;
mod output;
mod text;
mod trust;
mod url;

mod api;
mod completions;
mod serve;
mod version;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::cli::output::Show;

/// AWS Systems Manager, self-hosted: hub, agent and operator's command line in one binary
#[derive(Parser)]
#[command(name = "roadstead", version, propagate_version = true, max_term_width = 110, after_help = EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    show: Show,
    #[command(subcommand)]
    verb: Verb,
}

const EXIT_CODES: &str = "Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 denied, 5 conflict, 6 partly failed, 7 time-out, \
8 unreachable, 130 interrupted";

#[derive(Subcommand)]
enum Verb {
    /// Run the hub, or with --agent the agent, in the foreground
    Serve(serve::ServeArgs),
    /// Call one operation of the API and print its answer
    Api(api::ApiArgs),
    /// Print the version
    Version,
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
}

/// Parses the arguments, runs the verb, says what went wrong.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let (code, text) = failure::explain(&error);
            if let Some(text) = text {
                output::say(&text);
            }
            ExitCode::from(code)
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    let show = cli.show;
    match cli.verb {
        Verb::Serve(args) => serve::run(args),
        Verb::Version => version::run(&show),
        Verb::Completions(args) => completions::run(args),
        Verb::Api(args) => client_verb(api::run(args, &show)),
    }
}

/// Runs a verb that talks to the hub. What still waits when it is done (a read of stdin, say) is left behind.
fn client_verb(verb: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(verb);
    runtime.shutdown_background();
    result
}
