//! One supervised child: this very program in another role.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::cli::failure::Exit;
use crate::cli::output::say;
use crate::cli::serve::HubArgs;
use crate::wire::token::JoinToken;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Hub,
    Agent,
}

/// How an agent finds its hub.
#[derive(Default)]
pub struct Way {
    /// To be let in first.
    pub join: Option<JoinToken>,
    /// `host:port` each, instead of what the agent has noted.
    pub addresses: Vec<String>,
}

pub struct Child {
    role: Role,
    folder: PathBuf,
    hub: HubArgs,
    running: Option<tokio::process::Child>,
    started: Instant,
    pause: Duration,
    /// Not before: set while it is down.
    due: Option<Instant>,
    /// It has said that starting it again cannot help.
    is_over: bool,
}

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Having run so long, the next end counts as the first again.
const STEADY: Duration = Duration::from_secs(60);

impl Child {
    pub fn new(role: Role, folder: &Path, hub: &HubArgs) -> Self {
        Self {
            role,
            folder: folder.to_owned(),
            hub: hub.clone(),
            running: None,
            started: Instant::now(),
            pause: FIRST_PAUSE,
            due: None,
            is_over: false,
        }
    }

    pub fn role(&self) -> Role {
        self.role
    }

    fn name(&self) -> &'static str {
        match self.role {
            Role::Hub => "hub",
            Role::Agent => "agent",
        }
    }

    pub fn spawn(&mut self, way: &Way) -> Result<()> {
        let child = self
            .command(way)
            .spawn()
            .with_context(|| format!("could not start the {}", self.name()))?;
        self.running = Some(child);
        self.started = Instant::now();
        self.due = None;
        Ok(())
    }

    fn command(&self, way: &Way) -> Command {
        // The very file that runs now, also when the one on disk has been replaced meanwhile.
        let mut command = Command::new("/proc/self/exe");
        command.arg0("roadstead").arg("serve").arg("--data").arg(&self.folder);
        match self.role {
            Role::Agent => {
                command.arg("--agent");
                for address in &way.addresses {
                    command.arg("--hub").arg(address);
                }
            }
            Role::Hub => {
                command.arg("--announce");
                for address in &self.hub.listen {
                    command.arg("--listen").arg(address.to_string());
                }
                for address in &self.hub.advertise {
                    command.arg("--advertise").arg(address);
                }
                command.stdout(Stdio::piped());
            }
        }
        // Not in argv, which every user of the host can read.
        match &way.join {
            Some(token) => drop(command.env("ROADSTEAD_JOIN", token.to_string())),
            None => drop(command.env_remove("ROADSTEAD_JOIN")),
        }
        if std::env::var_os("ROADSTEAD_LOG").is_none() {
            command.env("ROADSTEAD_LOG", "warn");
        }
        command.env("ROADSTEAD_SUPERVISED", "1").stdin(Stdio::null()).process_group(0);
        command
    }

    /// The first line of its stdout; `None` when it ended without one.
    pub async fn first_line(&mut self) -> Result<Option<String>> {
        let stdout = self.running.as_mut().and_then(|child| child.stdout.take());
        let stdout = stdout.context("the child has no stdout to read")?;
        Ok(BufReader::new(stdout).lines().next_line().await?)
    }

    /// Waits for its end, says so, and then until it may start again: for ever when it was refused for good.
    pub async fn ended_and_due(&mut self) {
        if let Some(child) = &mut self.running {
            let ended = child.wait().await;
            self.running = None;
            self.note_end(ended);
        }
        if self.is_over {
            return std::future::pending().await;
        }
        let due = self.due.unwrap_or_else(Instant::now);
        tokio::time::sleep_until(due.into()).await;
    }

    fn note_end(&mut self, ended: io::Result<ExitStatus>) {
        let name = self.name();
        self.is_over = ended.as_ref().is_ok_and(|status| status.code() == Some(Exit::Denied.code().into()));
        if self.is_over {
            return say(&format!(
                "The {name} has ended for good; what it said stands above. Start `up` again to let it try anew."
            ));
        }
        let how = ended.map_or_else(|e| e.to_string(), |status| status.to_string());
        if self.started.elapsed() > STEADY {
            self.pause = FIRST_PAUSE;
        }
        say(&format!(
            "The {name} ended ({how}); it is started again in {} s.",
            self.pause.as_secs()
        ));
        self.postpone();
    }

    /// The next start is a pause away, the one after it a longer one.
    pub fn postpone(&mut self) {
        self.due = Some(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// Asks it to end and waits for that.
    pub async fn stop(&mut self, limit: Duration) {
        let Some(child) = &mut self.running else {
            return;
        };
        if let Some(pid) = child.id().and_then(|id| Pid::from_raw(id as i32)) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = tokio::time::timeout(limit, child.wait()).await;
    }

    /// Ends it if it has not.
    pub async fn kill(&mut self) {
        if let Some(child) = &mut self.running {
            let _ = child.kill().await;
        }
    }
}
