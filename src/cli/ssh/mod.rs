//! `roadstead ssh NODE`: a shell on a node through the hub.
//!
//! The shell lives on the node and outlasts the line: a dropped connection is opened again and the output goes on where it
//! stopped. `~.` leaves at once, however frozen the session is, because keys are read here and nothing waits for the hub.
//!
//! ```text
//! keyboard ──► Escapes ──► pending ──► writer task ──► WebSocket ──► hub ──► node
//! screen  ◄── fresh bytes by offset ◄───────────────── WebSocket ◄── hub ◄── node
//! ```

mod attachment;
mod escape;
mod terminal;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use crate::base::id::SessionId;
use crate::cli::client::{CallError, Client};
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::say;
use crate::cli::ssh::attachment::{Outcome, Shell};
use crate::cli::ssh::terminal::{RawMode, tidy_screen};
use crate::cli::{context, node, sign, text};
use crate::model::approval::Approved;
use crate::wire::session::{DETACH_LIMIT, EndReason, Ended};

#[derive(clap::Args)]
#[command(
    after_help = "In the session, at the beginning of a line:\n  ~.  leave at once (the shell lives on for 10 minutes)\n  \
    ~?  help\n  ~~  a tilde"
)]
pub struct SshArgs {
    /// The node, by id or name
    #[arg(required_unless_present = "resume")]
    node: Option<String>,
    /// Sign as an operator with this SSH key, for a node whose owner asks for it
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    sign_with: Option<PathBuf>,
    /// Go back to a session that was left
    #[arg(long, value_name = "SESSION", conflicts_with = "node")]
    resume: Option<SessionId>,
    /// With --resume: although somebody else is attached
    #[arg(long, requires = "resume")]
    take_over: bool,
}

/// A signature is used at once.
const SIGNED_FOR: Duration = Duration::from_secs(300);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Opened {
    session_id: SessionId,
    token_value: String,
}

pub async fn run(args: SshArgs) -> Result<()> {
    let client = context::connect().await?;
    let opened: Opened = match (&args.resume, &args.node) {
        (Some(session), _) => client.ssm("ResumeSession", json!({"SessionId": session})).await?,
        (None, given) => {
            let node = node::resolve(&client, given.as_deref().unwrap_or_default()).await?;
            let mut request = json!({"Target": node.id});
            if let Some(key) = &args.sign_with {
                let approval = sign::sign(Approved::Shell, vec![node.id], key, SIGNED_FOR)?;
                request["OperatorApproval"] = serde_json::to_value(approval)?;
            }
            client.ssm("StartSession", request).await?
        }
    };
    let session = opened.session_id.clone();
    let raw = RawMode::enter()?;
    let mut shell = Shell::new(session.clone(), raw.is_some())?;
    let outcome = attended(&client, &mut shell, opened.token_value, args.take_over).await;
    let was_left = !matches!(outcome, Ok(Outcome::Ended(_)));
    let is_drawn = shell.has_shown();
    shell
        .close(if was_left {
            Duration::from_millis(200)
        } else {
            Duration::from_secs(5)
        })
        .await;
    if was_left && is_drawn && raw.is_some() {
        tidy_screen();
    }
    if is_drawn && raw.is_some() && !matches!(&outcome, Ok(Outcome::Ended(ended)) if ended.reason == EndReason::Exited) {
        say("\r");
    }
    drop(raw);
    conclude(outcome?, &session)
}

/// Attaches, and again after each drop, until the shell ends, the caller leaves, or the node has given the shell up.
async fn attended(client: &Client, shell: &mut Shell, token: String, take_over: bool) -> Result<Outcome> {
    let mut outcome = shell.attach(client, token, take_over).await?;
    if let Outcome::Dropped(why) = &outcome
        && !shell.was_attached()
    {
        return Err(Failure::new(Exit::Unreachable, format!("the shell did not open: {why}"))
            .hint("why: roadstead node show NODE")
            .into());
    }
    loop {
        let Outcome::Dropped(why) = outcome else {
            return Ok(outcome);
        };
        shell.tell(&format!("the line was cut ({why}); trying to get back, ~. leaves"));
        outcome = reattach(client, shell).await?;
    }
}

async fn reattach(client: &Client, shell: &mut Shell) -> Result<Outcome> {
    let since = Instant::now();
    let mut pause = Duration::from_millis(200);
    loop {
        let request = client.ssm("ResumeSession", json!({"SessionId": shell.session()}));
        let resumed: Result<Opened, CallError> = tokio::select! {
            resumed = request => resumed,
            outcome = shell.watch_keys() => return Ok(outcome),
        };
        let error = match resumed {
            Ok(opened) => match shell.attach(client, opened.token_value, true).await? {
                Outcome::Dropped(why) if !shell.was_attached() => {
                    Failure::new(Exit::Unreachable, format!("the line did not come back: {why}"))
                }
                outcome => return Ok(outcome),
            },
            Err(error) if is_gone(&error) => return Ok(Outcome::Ended(gone())),
            Err(error) if error.is_passing() || error.code() == Some("TargetNotConnected") => error.to_failure(),
            Err(error) => return Err(error.into()),
        };
        if since.elapsed() > DETACH_LIMIT {
            return Err(error.into());
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            outcome = shell.watch_keys() => return Ok(outcome),
        }
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}

fn is_gone(error: &CallError) -> bool {
    error.code().is_some_and(|code| Exit::of_api_code(code) == Exit::NotFound)
}

fn gone() -> Ended {
    Ended {
        reason: EndReason::Unknown,
        exit_code: None,
        message: String::new(),
    }
}

/// The shell's own exit code, or why there is none.
fn conclude(outcome: Outcome, session: &SessionId) -> Result<()> {
    let ended = match outcome {
        Outcome::Ended(ended) => ended,
        Outcome::Left | Outcome::Dropped(_) => {
            say(&format!("Left; the shell lives on for {}.", text::duration_words(DETACH_LIMIT)));
            say(&format!(
                "  go back:  roadstead ssh --resume {session}\n  end it:   roadstead session end {session}"
            ));
            return Err(Failure::silent(Exit::Interrupted).into());
        }
    };
    let message = text::escape_line(&ended.message);
    let failure = match ended.reason {
        EndReason::Exited => return exit_code(&ended),
        EndReason::Terminated => Failure::new(Exit::Failed, "the session was ended by an operator"),
        EndReason::IdleTimeout => Failure::new(Exit::TimedOut, "the session was ended: nothing was typed for too long"),
        EndReason::MaxDuration => Failure::new(Exit::TimedOut, "the session was ended: its longest duration was reached"),
        EndReason::Abandoned => Failure::new(Exit::TimedOut, "the session was ended: nobody came back in time"),
        EndReason::TakenOver => Failure::new(Exit::Conflict, "the session was taken over by another window")
            .hint(format!("take it back: roadstead ssh --resume {session} --take-over")),
        EndReason::Unknown => Failure::new(
            Exit::NotFound,
            "the session is gone: the node or its agent was restarted, or it was ended",
        ),
        EndReason::Refused => Failure::new(Exit::Denied, format!("the node refused: {message}")),
        EndReason::StartFailed => Failure::new(Exit::Failed, format!("the shell could not be started: {message}")),
    };
    Err(failure.into())
}

fn exit_code(ended: &Ended) -> Result<()> {
    match ended.exit_code {
        Some(0) => Ok(()),
        Some(code) => Err(Failure::silent(Exit::Remote(u8::try_from(code).unwrap_or(1))).into()),
        None => Err(Failure::silent(Exit::Failed).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(reason: EndReason, exit_code: Option<i32>) -> u8 {
        let ended = Ended {
            reason,
            exit_code,
            message: String::new(),
        };
        let session: SessionId = "admin-00000000000000001".parse().unwrap();
        match conclude(Outcome::Ended(ended), &session) {
            Ok(()) => 0,
            Err(error) => crate::cli::failure::explain(&error).0,
        }
    }

    #[test]
    fn a_shell_passes_its_exit_code_on() {
        assert_eq!(code(EndReason::Exited, Some(0)), 0);
        assert_eq!(code(EndReason::Exited, Some(42)), 42);
        assert_eq!(code(EndReason::TakenOver, None), 5);
        assert_eq!(code(EndReason::IdleTimeout, None), 7);
        assert_eq!(code(EndReason::Unknown, None), 3);
    }
}
