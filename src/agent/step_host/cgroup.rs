//! A cgroup for one step, where systemd has delegated the agent's to it and put the agent into a leaf of it
//! (`Delegate=yes`, `DelegateSubgroup=agent`).
//!
//! ```text
//! …/roadstead-agent.service/          delegated; processes only in leaves, as the kernel wants it
//!         ├─ agent/                   the agent, its zygote and the step hosts
//!         └─ step-<pid of the host>/  one step: memory.max, cpu.max
//! ```
//!
//! The agent never moves itself into a leaf: while a step is left in its group, a systemd that knows nothing of leaves could not
//! start the unit again.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use super::record::Ceilings;

const MOUNT: &str = "/sys/fs/cgroup";
const LEAF: &str = "agent";
const STEP: &str = "step-";
/// What the kernel reckons the processor's share in.
const PERIOD_US: u64 = 100_000;

/// One step's group.
pub struct StepGroup {
    path: PathBuf,
    /// Its open `cgroup.procs`: whoever writes 0 there becomes a member.
    pub members: OwnedFd,
}

impl StepGroup {
    /// *Errors*: why there is none, for a person.
    pub fn make(ceilings: &Ceilings) -> Result<Self, String> {
        let own = fs::read_to_string("/proc/self/cgroup").map_err(|error| format!("/proc/self/cgroup: {error}"))?;
        let base = own_group(&own).map(|base| Path::new(MOUNT).join(base));
        let Some(base) = base.filter(|base| is_delegated(base)) else {
            return Err("no cgroup is delegated to the agent".into());
        };
        Self::below(&base, ceilings).map_err(|error| format!("the agent's cgroup could not be used: {error}"))
    }

    fn below(base: &Path, ceilings: &Ceilings) -> io::Result<Self> {
        fs::write(base.join("cgroup.subtree_control"), "+cpu +memory")?;
        sweep(base)?;
        let path = base.join(format!("{STEP}{}", std::process::id()));
        create(&path)?;
        let made = Self::limited(path.clone(), ceilings);
        if made.is_err() {
            let _it_is_empty = fs::remove_dir(&path);
        }
        made
    }

    fn limited(path: PathBuf, ceilings: &Ceilings) -> io::Result<Self> {
        if let Some(bytes) = ceilings.memory_bytes {
            fs::write(path.join("memory.max"), bytes.to_string())?;
            // Absent where the kernel counts no swap.
            let _may_be_absent = fs::write(path.join("memory.swap.max"), "0");
        }
        if let Some(percent) = ceilings.cpu_percent {
            let quota = u64::from(percent) * PERIOD_US / 100;
            fs::write(path.join("cpu.max"), format!("{quota} {PERIOD_US}"))?;
        }
        let members = fs::OpenOptions::new().write(true).open(path.join("cgroup.procs"))?;
        Ok(Self {
            members: members.into(),
            path,
        })
    }
}

impl StepGroup {
    /// How many of its processes the kernel killed because they wanted more memory than there may be.
    pub fn killed(&self) -> u64 {
        let events = fs::read_to_string(self.path.join("memory.events")).unwrap_or_default();
        let count = events.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok());
        count.unwrap_or(0)
    }
}

impl Drop for StepGroup {
    /// One that still has members, left in the background, stays until another step finds it empty.
    fn drop(&mut self) {
        let _may_have_members = fs::remove_dir(&self.path);
    }
}

/// The group that is ours to divide, relative to the mount: the one above the leaf that this process is in.
fn own_group(listing: &str) -> Option<&str> {
    let own = listing.lines().find_map(|line| line.strip_prefix("0::/"))?;
    own.strip_suffix(LEAF)?.strip_suffix('/')
}

/// systemd marks what it delegates; a session's or a container's group is not ours, though root could write there.
fn is_delegated(base: &Path) -> bool {
    let marked = |name: &str| {
        let mut value = [0; 8];
        rustix::fs::getxattr(base, name, &mut value[..]).is_ok_and(|length| value[..length].first() == Some(&b'1'))
    };
    marked("user.delegate") || marked("trusted.delegate")
}

/// What earlier steps left empty goes.
fn sweep(base: &Path) -> io::Result<()> {
    for entry in fs::read_dir(base)?.flatten() {
        let name = entry.file_name();
        let host = name
            .to_str()
            .and_then(|name| name.strip_prefix(STEP))
            .and_then(|pid| pid.parse().ok());
        if host.is_some_and(|pid: i32| crate::platform::processes::process(pid).is_none()) {
            let _may_have_members = fs::remove_dir(entry.path());
        }
    }
    Ok(())
}

fn create(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_that_is_divided_is_found() {
        assert_eq!(
            own_group("1:cpu:/x\n0::/system.slice/a.service/agent\n"),
            Some("system.slice/a.service")
        );
        for other in ["0::/\n", "0::/agent\n", "0::/system.slice/a.service\n", "0::/a.service/my-agent\n"] {
            assert_eq!(own_group(other), None, "{other}");
        }
        assert_eq!(own_group("3:memory:/x\n"), None);
    }

    #[test]
    fn what_is_not_marked_is_not_divided() {
        assert!(!is_delegated(tempfile::tempdir().unwrap().path()));
    }

    /// Files stand for the kernel's: what is written where.
    #[test]
    fn a_step_gets_a_group_with_its_ceilings() {
        let base = tempfile::tempdir().unwrap();
        let step = base.path().join(format!("{STEP}{}", std::process::id()));
        fs::create_dir(&step).unwrap();
        fs::write(step.join("cgroup.procs"), "").unwrap();
        let ceilings = Ceilings {
            nice: None,
            memory_bytes: Some(1 << 20),
            cpu_percent: Some(150),
        };
        let group = StepGroup::below(base.path(), &ceilings).unwrap();
        let read = |path: PathBuf| fs::read_to_string(path).unwrap();
        assert_eq!(read(step.join("memory.max")), "1048576");
        assert_eq!(read(step.join("cpu.max")), "150000 100000");
        assert_eq!(read(base.path().join("cgroup.subtree_control")), "+cpu +memory");
        assert_eq!(group.killed(), 0);
        fs::write(step.join("memory.events"), "low 0\nmax 12\noom 1\noom_kill 3\noom_group_kill 0\n").unwrap();
        assert_eq!(group.killed(), 3);
    }
}
