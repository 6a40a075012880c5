//! Giving back memory that only the start needed.
//!
//! The kernel maps sixteen pages of the program around each one that is touched, so that after parsing arguments, relocating
//! and a handshake most of the binary counts as resident, of which an idle process uses little.

use std::ffi::c_void;
use std::time::Duration;

/// Resident memory below which there is nothing to give back.
const SMALL_BYTES: usize = 4 * 1024 * 1024;
/// Who used more processor time since the last look is at work, and would have back at once what was given away.
const IDLE_CPU: Duration = Duration::from_millis(5);

/// The parts of this process that can be had again from the program's file.
#[derive(Debug)]
pub struct Trimmer {
    ranges: Vec<(usize, usize)>,
    cpu: Duration,
}

impl Default for Trimmer {
    /// Looks at the process's mappings, which do not change after its start. Blocks for about a millisecond.
    fn default() -> Self {
        let program = std::fs::read_link("/proc/self/exe").unwrap_or_default();
        let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap_or_default();
        Self {
            ranges: droppable(&smaps, &program.to_string_lossy()),
            cpu: Duration::ZERO,
        }
    }
}

impl Trimmer {
    /// As [`Trimmer::trim`], unless the process did more since the last call than to idle.
    pub fn trim_idle(&mut self) {
        let cpu = processor_time();
        let used = cpu.saturating_sub(std::mem::replace(&mut self.cpu, cpu));
        if used <= IDLE_CPU {
            self.trim();
        }
    }

    /// Lets go of the program's clean pages and of the heap's free ones, unless the process is small already. What is used
    /// again comes back from the page cache. Costs some tenths of a millisecond, so it may be called every few seconds.
    pub fn trim(&self) {
        if resident_bytes().is_some_and(|bytes| bytes < SMALL_BYTES) {
            return;
        }
        for (start, length) in &self.ranges {
            // SAFETY: the range is a read-only private mapping of a file without a single page of its own, so what the file
            // holds is all that can ever be read there; a running program's file is never written to.
            unsafe { libc::madvise(*start as *mut c_void, *length, libc::MADV_DONTNEED) };
        }
        release_free();
    }
}

/// Gives the heap's free pages back to the kernel. Takes about a millisecond for each 10 MB of heap.
pub fn release_free() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it only returns memory that the allocator knows to be free.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Keeps what this process knows in this process: no core is written of it, and no other process of the same user may read
/// its memory. What it executes later is as any other process again.
pub fn keep_private() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};
    let limit = Rlimit {
        current: Some(0),
        ..getrlimit(Resource::Core)
    };
    if let Err(error) = setrlimit(Resource::Core, limit).and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable)) {
        tracing::warn!(%error, "this process may leave a core file, with secrets in it");
    }
}

/// Of all threads of this process.
fn processor_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(now).unwrap_or_default()
}

fn resident_bytes() -> Option<usize> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    // SAFETY: it asks the kernel's constant and has no other effect.
    let page_bytes = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).ok()?;
    Some(pages * page_bytes)
}

/// Read-only mappings of `program` that hold no copied page. The relocated part of the program is read-only too, but copied:
/// to drop it would be to lose the relocations.
fn droppable(smaps: &str, program: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut current = None;
    for line in smaps.lines() {
        if let Some(range) = header(line, program) {
            current = range;
        } else if let (Some(range), Some(size)) = (current, line.strip_prefix("Anonymous:"))
            && size.trim() == "0 kB"
        {
            found.push(range);
        }
    }
    found
}

/// `None`: the line is no header. `Some(None)`: it is one of a mapping that is not meant.
fn header(line: &str, program: &str) -> Option<Option<(usize, usize)>> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let start = usize::from_str_radix(start, 16).ok()?;
    let end = usize::from_str_radix(end, 16).ok()?;
    let permissions = fields.next()?;
    let path = fields.nth(3).unwrap_or_default();
    let is_meant = matches!(permissions, "r--p" | "r-xp") && !program.is_empty() && path == program;
    Some(is_meant.then_some((start, end.checked_sub(start)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMAPS: &str = "\
1000-2000 r--p 00000000 fe:00 7 /bin/p
Rss:                   4 kB
Anonymous:             0 kB
2000-4000 r-xp 00001000 fe:00 7 /bin/p
Anonymous:             0 kB
VmFlags: rd ex mr mw me
4000-5000 r--p 00003000 fe:00 7 /bin/p
Anonymous:             4 kB
5000-6000 rw-p 00004000 fe:00 7 /bin/p
Anonymous:             0 kB
6000-7000 r--p 00000000 fe:00 8 /lib/other
Anonymous:             0 kB
7000-8000 rw-p 00000000 00:00 0 [heap]
Anonymous:             0 kB
";

    #[test]
    fn only_uncopied_read_only_pages_of_the_program_are_dropped() {
        assert_eq!(droppable(SMAPS, "/bin/p"), [(0x1000, 0x1000), (0x2000, 0x2000)]);
        assert!(droppable(SMAPS, "").is_empty());
    }

    #[test]
    fn the_program_goes_on_after_it() {
        Trimmer::default().trim();
        assert_eq!(format!("{:?}", "still\there"), "\"still\\there\"");
    }
}
