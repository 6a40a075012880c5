//! Starting a program as another user or below ceilings: what `posix_spawn` has no words for.
//!
//! A plain fork: the host is small and single-threaded, so that its child may do anything before its `exec`. What goes wrong in
//! the child is told to the host through a pipe that the `exec` closes.

use std::ffi::CString;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::ptr;

use super::record::Identity;

/// What is different from a plain start.
#[derive(Default)]
pub struct Confinement<'a> {
    pub identity: Option<&'a Identity>,
    pub nice: Option<u8>,
    /// Bytes of memory that each process may map.
    pub address_space: Option<u64>,
    /// The open `cgroup.procs` of the group that it becomes a member of.
    pub group: Option<BorrowedFd<'a>>,
    /// Stays open in the program, which is told of it as `/proc/self/fd/N`.
    pub script: Option<BorrowedFd<'a>>,
}

impl Confinement<'_> {
    pub fn is_none(&self) -> bool {
        self.identity.is_none() && self.nice.is_none() && self.address_space.is_none() && self.group.is_none()
    }
}

/// A program with everything that the child needs, made before the fork.
pub struct Program<'a> {
    pub program: &'a CString,
    /// Ends with a null.
    pub arguments: &'a [*mut libc::c_char],
    pub variables: &'a [*mut libc::c_char],
    pub directory: &'a CString,
    pub stdin: Option<BorrowedFd<'a>>,
    pub stdout: BorrowedFd<'a>,
    pub stderr: BorrowedFd<'a>,
}

/// What the child was at when it failed.
#[derive(Clone, Copy)]
#[repr(u8)]
enum At {
    Streams,
    Group,
    Ceilings,
    User,
    Directory,
    Exec,
}

impl At {
    const ALL: [Self; 6] = [Self::Streams, Self::Group, Self::Ceilings, Self::User, Self::Directory, Self::Exec];

    fn words(self) -> &'static str {
        match self {
            Self::Streams => "its streams could not be set up",
            Self::Group => "its cgroup could not be joined",
            Self::Ceilings => "its ceilings could not be set",
            Self::User => "its user could not be taken on",
            Self::Directory => "its user may not enter the working directory",
            Self::Exec => "its user may not execute it",
        }
    }
}

/// *Errors*: what kept the program from being executed.
pub fn start(program: &Program<'_>, confinement: &Confinement<'_>) -> io::Result<i32> {
    let (mut heard, told) = io::pipe()?;
    // SAFETY: this process has one thread, so that the child's memory is whole; the child ends in `exec` or `_exit`.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            let (at, error) = child(program, confinement);
            let mut word = [0; 5];
            word[0] = at as u8;
            word[1..].copy_from_slice(&error.to_ne_bytes());
            let _nobody_else_to_tell = rustix::io::write(&told, &word);
            unsafe { libc::_exit(127) }
        }
        pid => {
            drop(told);
            let mut word = Vec::new();
            heard.read_to_end(&mut word)?;
            let Some((at, error)) = word.split_first() else {
                return Ok(pid);
            };
            // SAFETY: it waits for the child that was just started and has ended.
            unsafe { libc::waitpid(pid, ptr::null_mut(), 0) };
            let error = io::Error::from_raw_os_error(i32::from_ne_bytes(error.try_into().unwrap_or_default()));
            let at = At::ALL.into_iter().find(|known| *known as u8 == *at).unwrap_or(At::Exec);
            Err(io::Error::new(error.kind(), format!("{}: {error}", at.words())))
        }
    }
}

/// Returns only what went wrong, and where.
fn child(program: &Program<'_>, confinement: &Confinement<'_>) -> (At, i32) {
    let failed = |at| (at, io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO));
    // SAFETY: plain system calls on descriptors and C strings that live until the `exec`.
    unsafe {
        fresh_signals();
        libc::setpgid(0, 0);
        let stdin = match program.stdin {
            Some(stdin) => stdin.as_raw_fd(),
            None => libc::open(c"/dev/null".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC),
        };
        if stdin < 0 || !onto(stdin, 0) || !onto(program.stdout.as_raw_fd(), 1) || !onto(program.stderr.as_raw_fd(), 2) {
            return failed(At::Streams);
        }
        if let Some(script) = confinement.script
            && libc::fcntl(script.as_raw_fd(), libc::F_SETFD, 0) < 0
        {
            return failed(At::Streams);
        }
        if let Some(group) = confinement.group
            && libc::write(group.as_raw_fd(), c"0".as_ptr().cast(), 1) != 1
        {
            return failed(At::Group);
        }
        if !set_ceilings(confinement) {
            return failed(At::Ceilings);
        }
        if let Some(identity) = confinement.identity
            && !become_user(identity)
        {
            return failed(At::User);
        }
        if libc::chdir(program.directory.as_ptr()) < 0 {
            return failed(At::Directory);
        }
        libc::execvpe(
            program.program.as_ptr(),
            program.arguments.as_ptr().cast(),
            program.variables.as_ptr().cast(),
        );
        failed(At::Exec)
    }
}

/// No signal blocked, none handled or ignored.
unsafe fn fresh_signals() {
    unsafe {
        // The kernel's own structure, all of it zero: default action, no flags, nothing blocked. The C library would leave out two
        // signals that it keeps for itself, which would then be ignored for ever.
        let default = [0u64; 4];
        for signal in 1..=64 {
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), ptr::null::<u64>(), 8usize);
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &none, ptr::null_mut());
    }
}

/// The copy survives the `exec`, the original does not.
unsafe fn onto(from: RawFd, to: RawFd) -> bool {
    unsafe { libc::dup2(from, to) == to }
}

unsafe fn set_ceilings(confinement: &Confinement<'_>) -> bool {
    unsafe {
        if let Some(nice) = confinement.nice
            && libc::setpriority(libc::PRIO_PROCESS as libc::__priority_which_t, 0, i32::from(nice)) < 0
        {
            return false;
        }
        match confinement.address_space {
            Some(bytes) => {
                let limit = libc::rlimit {
                    rlim_cur: bytes,
                    rlim_max: bytes,
                };
                libc::setrlimit(libc::RLIMIT_AS, &limit) == 0
            }
            None => true,
        }
    }
}

/// For good: real, effective and saved, and no group of the agent's.
unsafe fn become_user(identity: &Identity) -> bool {
    let Identity { uid, gid, groups } = identity;
    unsafe {
        libc::setgroups(groups.len(), groups.as_ptr()) == 0
            && libc::setresgid(*gid, *gid, *gid) == 0
            && libc::setresuid(*uid, *uid, *uid) == 0
    }
}

/// The path by which a program finds a descriptor that it was left.
pub fn path_of(script: &impl AsFd) -> String {
    format!("/proc/self/fd/{}", script.as_fd().as_raw_fd())
}
