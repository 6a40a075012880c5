//! What agent and step host leave each other in a step's directory.
//!
//! ```text
//! runs/<run>/<step>/order    agent → host   what to run
//!                   script                  the script itself, 0700
//!                   host     host → agent   who hosts it: pid, start time, boot
//!                   stdout stderr           the spools
//!                   exit     host → agent   what came of it; zeros until then
//! ```

use std::collections::BTreeSet;
use std::hash::Hasher;
use std::io;
use std::path::PathBuf;

use fnv::FnvHasher;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::agent::spool::Tally;
use crate::platform::files::Directory;
use crate::wire::run::Outcome;

pub const ORDER: &str = "order";
pub const SCRIPT: &str = "script";
pub const HOST: &str = "host";
pub const EXIT: &str = "exit";

/// A generous bound: the order holds the script, which came in a frame and had its parameters filled in.
const MAX_ORDER_BYTES: u64 = 64 * 1024 * 1024;
const MAX_RECORD_BYTES: u64 = 64 * 1024;
const CHECKSUM_DIGITS: usize = 16;

/// A command to run under a step host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepOrder {
    pub script: String,
    /// What runs the script; `None`: the script names its interpreter itself.
    pub interpreter: Option<PathBuf>,
    /// The whole environment.
    pub environment: Vec<(String, String)>,
    pub working_directory: PathBuf,
    pub timeout_ms: u64,
    /// Between the polite signal and the last one when it is cancelled.
    pub kill_grace_ms: u64,
    /// How much of each stream is kept.
    pub cap_bytes: u64,
    /// Another user than the agent's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceilings: Option<Ceilings>,
    /// What the environment names and must be filled in; the values come to the host in memory, never in this file.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub secrets: BTreeSet<String>,
    /// Its command is told on standard input what the hub lets it fetch from object stores; that comes in memory, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wants_objects: bool,
    /// Files are among it that the hub sends to this node first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wants_files: bool,
    /// Its command has steps of its own, and ends by SIGALRM to say that the time of one of them was over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tells_time_out: bool,
}

/// Whom a command runs as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub uid: u32,
    pub gid: u32,
    pub groups: Vec<u32>,
}

/// What a command may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceilings {
    pub nice: Option<u8>,
    pub memory_bytes: Option<u64>,
    /// 100 is one whole processor.
    pub cpu_percent: Option<u32>,
}

/// Which process hosts the step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostMark {
    pub pid: i32,
    /// Field 22 of `/proc/<pid>/stat`: with the pid it names one process of a boot.
    pub start_ticks: u64,
    pub boot_id: String,
    pub cap_bytes: u64,
}

/// What came of the step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExitRecord {
    pub outcome: Outcome,
    pub exit_code: Option<i32>,
    pub message: String,
    pub started_at_ms: i64,
    pub ended_at_ms: i64,
    pub stdout: Tally,
    pub stderr: Tally,
    pub cap_bytes: u64,
}

pub fn read_order(directory: &Directory, run: &str) -> io::Result<StepOrder> {
    unseal(run, &directory.read(ORDER, MAX_ORDER_BYTES)?)
}

/// `None` when there is no readable mark.
pub fn read_host(directory: &Directory, run: &str) -> Option<HostMark> {
    unseal(run, &directory.read(HOST, MAX_RECORD_BYTES).ok()?).ok()
}

/// `None` when there is no whole record.
pub fn read_exit(directory: &Directory, run: &str) -> Option<ExitRecord> {
    unseal(run, &directory.read(EXIT, MAX_RECORD_BYTES).ok()?).ok()
}

/// JSON behind its checksum: a file that was only half on disk when the power went is told from a whole one, and one of another
/// run, whose folder this was before, from this run's own.
pub fn seal<T: Serialize>(run: &str, value: &T) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(value)?;
    let mut bytes = checksum(run, &json).into_bytes();
    bytes.push(b'\n');
    bytes.extend_from_slice(&json);
    Ok(bytes)
}

pub fn unseal<T: DeserializeOwned>(run: &str, bytes: &[u8]) -> io::Result<T> {
    let torn = || io::Error::new(io::ErrorKind::InvalidData, "the file is not whole");
    let (sum, rest) = bytes.split_at_checked(CHECKSUM_DIGITS).ok_or_else(torn)?;
    let json = rest.strip_prefix(b"\n").ok_or_else(torn)?;
    if checksum(run, json).as_bytes() != sum {
        return Err(torn());
    }
    Ok(serde_json::from_slice(json)?)
}

/// It tells what was torn, not what was forged. A cryptographic one would have each step host touch a dozen more pages of the
/// program, which costs a short command more than the sum itself.
fn checksum(run: &str, json: &[u8]) -> String {
    let mut hasher = FnvHasher::default();
    hasher.write(run.as_bytes());
    hasher.write(json);
    format!("{:0CHECKSUM_DIGITS$x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_is_read_back_and_a_torn_one_or_another_runs_is_not() {
        let sealed = seal("run", &vec!["a", "b"]).unwrap();
        assert_eq!(unseal::<Vec<String>>("run", &sealed).unwrap(), ["a", "b"]);
        assert!(unseal::<Vec<String>>("other", &sealed).is_err());
        for length in 0..sealed.len() {
            assert!(unseal::<Vec<String>>("run", &sealed[..length]).is_err());
        }
    }
}
