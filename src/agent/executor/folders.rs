//! The folders of runs. One that is released is emptied and serves the next run: to make and to remove eight files and folders
//! costs the kernel more than a short command and everything around it.
//!
//! *Invariants*: a spare folder holds nothing but folders and files of zeros, so it says no more than a new one. What somebody
//! still has open is removed, never blanked: a process left in the background may go on reading the script. So is the output,
//! which may be long. One folder is emptied at a time: whoever came second would empty what is the next run's already. Every record
//! is sealed for its run, so that not even a power cut between all this makes one run's record another's; output is not, so no spare
//! folder outlives the agent, and none serves a run that shall outlive a power cut. Nor does one on a full disk: it has room for the
//! run, but there is none for what the run says, so that the run is refused as it is without a spare folder.

use std::io;
use std::sync::{Mutex, PoisonError};

use super::RUN;
use crate::agent::step_host::record::{EXIT, HOST, ORDER, SCRIPT};
use crate::base::id::CommandId;
use crate::platform::files::{Directory, Durability};

/// As many as runs that usually follow each other closely; a fan-out gives each node one run.
const MAX_SPARES: usize = 4;
const FIRST_STEP: &str = "0";
/// A disk with less room than this counts as full.
const ROOM_BYTES: u64 = 64 * 1024;
/// A longer file is quicker made anew.
const MAX_BLANKED_BYTES: u64 = 64 * 1024;

static REMOVING: Mutex<()> = Mutex::new(());

/// Before the first run: what an agent before this one left.
pub fn clear(runs: &Directory) -> io::Result<()> {
    spares().try_for_each(|spare| runs.remove(&spare))
}

/// The run's folder: as it is, or a spare one under its new name, or a new one.
pub fn make(runs: &Directory, run: &CommandId, durability: Durability) -> io::Result<Directory> {
    // Where the room cannot be told, a new folder will show.
    let may_be_spare = durability == Durability::Cached && runs.free_bytes().is_ok_and(|free| free >= ROOM_BYTES);
    for spare in spares().filter(|_| may_be_spare) {
        match runs.rename(&spare, run.as_str()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // Taken; or the run has its folder already.
            _ => break,
        }
    }
    runs.create_directory(run.as_str())
}

/// The run's files are of no use any more.
pub fn release(runs: &Directory, run: &CommandId) -> io::Result<()> {
    let _alone = REMOVING.lock().unwrap_or_else(PoisonError::into_inner);
    if runs.directory(run.as_str()).and_then(|folder| empty(&folder)).unwrap_or(false) {
        for spare in spares() {
            // It fails where a spare one lies already, because that is not without files.
            if runs.rename(run.as_str(), &spare).is_ok() {
                return Ok(());
            }
        }
    }
    runs.remove(run.as_str())
}

/// Nobody knows the run any more.
pub fn remove(runs: &Directory, run: &CommandId) -> io::Result<()> {
    let _alone = REMOVING.lock().unwrap_or_else(PoisonError::into_inner);
    runs.remove(run.as_str())
}

fn spares() -> impl Iterator<Item = String> {
    (0..MAX_SPARES).map(|number| format!("spare-{number}"))
}

/// `false`: not the folder of a run of one step, or a run of a very long order; that is rare, and not worth the care.
fn empty(folder: &Directory) -> io::Result<bool> {
    let mut names = folder.names()?;
    names.sort_unstable();
    if names != [FIRST_STEP, RUN] {
        return Ok(false);
    }
    let step = folder.directory(FIRST_STEP)?;
    for name in step.names()? {
        let is_wanted_again = matches!(name.as_str(), ORDER | HOST | EXIT | SCRIPT);
        if !is_wanted_again || !step.blank(&name, MAX_BLANKED_BYTES) {
            step.remove(&name)?;
        }
    }
    Ok(folder.blank(RUN, MAX_BLANKED_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(runs: &Directory, run: &CommandId, step: &str) {
        let folder = make(runs, run, Durability::Cached).unwrap();
        folder.write(RUN, b"secret", 0o600).unwrap();
        let step = folder.create_directory(step).unwrap();
        for name in [ORDER, HOST, EXIT, SCRIPT, "stdout"] {
            step.write(name, b"secret", 0o600).unwrap();
        }
    }

    #[test]
    fn a_released_folder_serves_the_next_run_and_says_nothing_of_the_last() {
        let temporary = tempfile::tempdir().unwrap();
        let runs = Directory::open(temporary.path()).unwrap();
        let (first, second) = (CommandId::random(), CommandId::random());
        used(&runs, &first, "0");
        release(&runs, &first).unwrap();
        assert_eq!(runs.names().unwrap(), ["spare-0"]);
        let folder = make(&runs, &second, Durability::Cached).unwrap();
        assert_eq!(runs.names().unwrap(), [second.as_str()]);
        assert_eq!(folder.read(RUN, 6).unwrap(), [0; 6]);
        let step = folder.directory("0").unwrap();
        let mut left = step.names().unwrap();
        left.sort_unstable();
        assert_eq!(left, [EXIT, HOST, ORDER, SCRIPT]);
        assert!(left.iter().all(|name| step.read(name, 6).unwrap() == [0; 6]));
    }

    #[test]
    fn what_somebody_has_open_or_under_another_name_is_removed_and_not_written_over() {
        let temporary = tempfile::tempdir().unwrap();
        let runs = Directory::open(temporary.path()).unwrap();
        let run = CommandId::random();
        used(&runs, &run, "0");
        let path = temporary.path().join(run.as_str()).join("0");
        let mut reader = std::fs::File::open(path.join(SCRIPT)).unwrap();
        std::fs::hard_link(path.join(ORDER), temporary.path().join("linked")).unwrap();
        std::fs::remove_file(path.join(HOST)).unwrap();
        std::fs::create_dir(path.join(HOST)).unwrap();
        release(&runs, &run).unwrap();
        let step = runs.directory("spare-0/0").unwrap();
        let mut left = step.names().unwrap();
        left.sort_unstable();
        assert_eq!(left, [EXIT]);
        let mut said = String::new();
        io::Read::read_to_string(&mut reader, &mut said).unwrap();
        assert_eq!(said, "secret");
        assert_eq!(std::fs::read(temporary.path().join("linked")).unwrap(), b"secret");
    }

    #[test]
    fn spares_are_few_and_only_simple_folders_become_one() {
        let temporary = tempfile::tempdir().unwrap();
        let runs = Directory::open(temporary.path()).unwrap();
        let several: Vec<CommandId> = (0..MAX_SPARES + 2).map(|_| CommandId::random()).collect();
        several.iter().for_each(|run| used(&runs, run, "0"));
        several.iter().for_each(|run| release(&runs, run).unwrap());
        assert_eq!(runs.names().unwrap().len(), MAX_SPARES);
        let other = CommandId::random();
        used(&runs, &other, "1");
        assert_eq!(runs.names().unwrap().len(), MAX_SPARES, "one of them is in use now");
        release(&runs, &other).unwrap();
        release(&runs, &other).unwrap();
        assert_eq!(runs.names().unwrap().len(), MAX_SPARES - 1);
    }

    #[test]
    fn a_run_that_shall_outlive_a_power_cut_gets_a_folder_of_its_own() {
        let temporary = tempfile::tempdir().unwrap();
        let runs = Directory::open(temporary.path()).unwrap();
        let (first, second) = (CommandId::random(), CommandId::random());
        used(&runs, &first, "0");
        release(&runs, &first).unwrap();
        assert!(make(&runs, &second, Durability::Synced).unwrap().names().unwrap().is_empty());
        clear(&runs).unwrap();
        assert_eq!(runs.names().unwrap(), [second.as_str()]);
    }

    #[test]
    fn a_folder_made_twice_keeps_what_is_in_it() {
        let temporary = tempfile::tempdir().unwrap();
        let runs = Directory::open(temporary.path()).unwrap();
        let (run, other) = (CommandId::random(), CommandId::random());
        used(&runs, &other, "0");
        used(&runs, &run, "0");
        release(&runs, &other).unwrap();
        assert_eq!(make(&runs, &run, Durability::Cached).unwrap().read(RUN, 6).unwrap(), b"secret");
    }
}
