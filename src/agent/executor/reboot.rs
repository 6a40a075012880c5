//! Exit code 194: the node restarts, and the very same step runs again.
//!
//! What is on disk decides, so that a power cut at any moment leads to one of two ends: the step runs again after the restart it
//! asked for, or the run is told to be interrupted. A mark in the run's directory says which step asked, in which boot; before
//! anything is begun in the next boot, the mark says so too. A third boot finds a mark that is not its own and trusts nothing.
//! A restart that does not happen is given up on the mark before the run goes on, so that no later one is taken for it.
//!
//! *Source*: AWS docs, "Rebooting managed nodes from scripts".

use std::io;
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{NodeExecutor, blocking};
use crate::agent::step_host::record::{self, ExitRecord};
use crate::base::id::CommandId;
use crate::platform::files::{Directory, Durability};
use crate::wire::run::Outcome;

/// What a script ends with to have the node restarted.
pub const EXIT_CODE: i32 = 194;
/// A script that always asks would never end.
const MAX_REBOOTS: u32 = 20;
const MARK: &str = "reboot";
const MAX_MARK_BYTES: u64 = 4096;
/// A node that is told to restart and is still there after this long does not restart.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    step: usize,
    count: u32,
    /// The boot in which the step asked.
    from_boot: String,
    /// The boot in which it runs again; the same as `from_boot` when the restart was given up.
    into_boot: Option<String>,
}

/// What the mark says to a run that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resumed {
    /// No restart was asked for.
    No,
    /// This is the boot after the one in which it was asked: traces from here on can be trusted.
    Here,
    /// It was asked for in this very boot and has not happened yet.
    Waiting,
    /// It was asked for in this very boot by this step, and did not happen.
    GivenUp(usize),
    /// The node was restarted once more than it was asked to.
    Elsewhere,
}

impl NodeExecutor {
    /// To be asked once, before the steps of a kept run.
    pub(super) async fn resumed(&self, run: &CommandId) -> Resumed {
        let (name, boot) = (run.clone(), self.boot.clone());
        let resumed = blocking(self.runs.clone(), move |runs| {
            resumed(&runs.directory(name.as_str())?, name.as_str(), &boot)
        });
        resumed.await.unwrap_or(Resumed::No)
    }

    /// Restarts the node for a step that asked for it, and waits for the end. Returns only when it does not come: with the reason.
    pub(super) async fn reboot(&self, run: &CommandId, step: usize, noted: Resumed, cancel: &CancellationToken) -> (Outcome, String) {
        let (outcome, message) = match noted {
            Resumed::GivenUp(before) if before == step => return (Outcome::Failed, DID_NOT_HAPPEN.into()),
            Resumed::Waiting => self.restart_node(cancel).await,
            _ => self.mark_and_restart(run, step, cancel).await,
        };
        // A cancelled run goes no further, and is told to be cancelled again if the agent dies now.
        if outcome != Outcome::Cancelled {
            let (name, boot) = (run.clone(), self.boot.clone());
            let given_up = blocking(self.runs.clone(), move |runs| {
                give_up(&runs.directory(name.as_str())?, name.as_str(), &boot)
            });
            if let Err(error) = given_up.await {
                return (
                    Outcome::Interrupted,
                    format!("{message}; and the node cannot note that it goes on without: {error}"),
                );
            }
        }
        (outcome, message)
    }

    async fn mark_and_restart(&self, run: &CommandId, step: usize, cancel: &CancellationToken) -> (Outcome, String) {
        let (name, boot) = (run.clone(), self.boot.clone());
        let marked = blocking(self.runs.clone(), move |runs| {
            let run = runs.directory(name.as_str())?;
            // The next boot trusts the absence of traces. Those of the steps before are only cached so far, and a restart may be
            // as abrupt as a power cut.
            rustix::fs::syncfs(&run)?;
            mark(&run, name.as_str(), step, &boot)
        });
        match marked.await {
            Ok(true) => {}
            Ok(false) => {
                return (
                    Outcome::Failed,
                    format!("it asked for a restart of the node {MAX_REBOOTS} times; that is enough"),
                );
            }
            Err(error) => return (Outcome::Failed, format!("the node cannot note that it is to be restarted: {error}")),
        }
        self.restart_node(cancel).await
    }

    async fn restart_node(&self, cancel: &CancellationToken) -> (Outcome, String) {
        let (program, arguments) = self
            .limits
            .reboot
            .split_first()
            .map_or(("reboot", &[][..]), |(p, a)| (p.as_str(), a));
        tracing::warn!(command = program, "a step asked for a restart of the node");
        let mut command = tokio::process::Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        match command.status().await {
            Ok(status) if status.success() => {}
            Ok(status) => {
                return (
                    Outcome::Failed,
                    format!("it asked for a restart of the node, but `{program}` ended with {status}"),
                );
            }
            Err(error) => {
                return (
                    Outcome::Failed,
                    format!("it asked for a restart of the node, but `{program}` cannot be run: {error}"),
                );
            }
        }
        match cancel.run_until_cancelled(tokio::time::sleep(PATIENCE)).await {
            Some(()) => (Outcome::Failed, DID_NOT_HAPPEN.into()),
            None => (Outcome::Cancelled, "cancelled while it waited for the node's restart".into()),
        }
    }
}

const DID_NOT_HAPPEN: &str = "it asked for a restart of the node, which did not happen";

/// Whether the end of a step asks for a restart.
pub fn is_asked(action: &str, end: &ExitRecord) -> bool {
    let is_script = matches!(action, "aws:runShellScript" | "aws:runPowerShellScript" | "aws:runDocument");
    is_script && end.outcome == Outcome::Failed && end.exit_code == Some(EXIT_CODE)
}

fn read(run: &Directory, id: &str) -> Option<Mark> {
    record::unseal(id, &run.read(MARK, MAX_MARK_BYTES).ok()?).ok()
}

fn write(run: &Directory, id: &str, mark: &Mark) -> io::Result<()> {
    run.replace(MARK, &record::seal(id, mark)?, 0o600, Durability::Synced)
}

fn resumed(run: &Directory, id: &str, boot: &str) -> io::Result<Resumed> {
    let Some(mark) = read(run, id) else { return Ok(Resumed::No) };
    match &mark.into_boot {
        Some(into) if into == boot && mark.from_boot == boot => return Ok(Resumed::GivenUp(mark.step)),
        Some(into) if into == boot => return Ok(Resumed::Here),
        Some(_) => return Ok(Resumed::Elsewhere),
        None if mark.from_boot == boot => return Ok(Resumed::Waiting),
        None => {}
    }
    // What the step left before the restart makes room for what it leaves now.
    set_aside(run, mark.step, &format!("r{}", mark.count))?;
    let into_boot = Some(boot.to_owned());
    write(run, id, &Mark { into_boot, ..mark })?;
    Ok(Resumed::Here)
}

/// `false` when it was asked too often.
fn mark(run: &Directory, id: &str, step: usize, boot: &str) -> io::Result<bool> {
    let count = read(run, id).filter(|mark| mark.step == step).map_or(0, |mark| mark.count) + 1;
    if count > MAX_REBOOTS {
        return Ok(false);
    }
    let mark = Mark {
        step,
        count,
        from_boot: boot.to_owned(),
        into_boot: None,
    };
    write(run, id, &mark)?;
    Ok(true)
}

/// From here on the run goes on in this boot.
fn give_up(run: &Directory, id: &str, boot: &str) -> io::Result<()> {
    let Some(mark) = read(run, id).filter(|mark| mark.into_boot.is_none() && mark.from_boot == boot) else {
        return Ok(());
    };
    let into_boot = Some(boot.to_owned());
    write(run, id, &Mark { into_boot, ..mark })
}

/// Moves a step's directory out of the way, once: it may have been moved already.
pub fn set_aside(run: &Directory, step: usize, suffix: &str) -> io::Result<()> {
    let (name, aside) = (step.to_string(), format!("{step}.{suffix}"));
    if run.directory(&aside).is_ok() {
        return Ok(());
    }
    match run.rename(&name, &aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }?;
    run.sync()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_followed_in_the_next_boot_only() {
        let temporary = tempfile::tempdir().unwrap();
        let run = Directory::open(temporary.path()).unwrap();
        assert_eq!(resumed(&run, "r", "one").unwrap(), Resumed::No);
        run.create_directory("2").unwrap();
        assert!(mark(&run, "r", 2, "one").unwrap());
        assert_eq!(resumed(&run, "r", "one").unwrap(), Resumed::Waiting);
        assert_eq!(resumed(&run, "r", "two").unwrap(), Resumed::Here);
        assert!(run.directory("2").is_err() && run.directory("2.r1").is_ok());
        assert_eq!(
            resumed(&run, "r", "two").unwrap(),
            Resumed::Here,
            "the agent was restarted, not the node"
        );
        assert_eq!(resumed(&run, "r", "three").unwrap(), Resumed::Elsewhere);
    }

    #[test]
    fn a_restart_that_was_given_up_is_no_later_one() {
        let temporary = tempfile::tempdir().unwrap();
        let run = Directory::open(temporary.path()).unwrap();
        give_up(&run, "r", "one").unwrap();
        assert_eq!(resumed(&run, "r", "one").unwrap(), Resumed::No);
        run.create_directory("2").unwrap();
        assert!(mark(&run, "r", 2, "one").unwrap());
        give_up(&run, "r", "one").unwrap();
        assert_eq!(resumed(&run, "r", "one").unwrap(), Resumed::GivenUp(2));
        assert_eq!(resumed(&run, "r", "two").unwrap(), Resumed::Elsewhere);
        assert!(run.directory("2").is_ok(), "it is not run again");
    }

    #[test]
    fn a_step_that_always_asks_is_refused_in_the_end() {
        let temporary = tempfile::tempdir().unwrap();
        let run = Directory::open(temporary.path()).unwrap();
        for _ in 0..MAX_REBOOTS {
            assert!(mark(&run, "r", 0, "one").unwrap());
        }
        assert!(!mark(&run, "r", 0, "one").unwrap());
    }
}
