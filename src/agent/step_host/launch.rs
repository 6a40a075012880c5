//! Starting a program as `posix_spawn` does: the child borrows the host's memory until its `exec`, so that nothing is copied.
//!
//! The standard library does the same, but not in a static program, where it cannot ask which C library it has: there it forks,
//! which costs the host a copy of its page tables and then a fault for each page that it touches again.

use std::ffi::{CString, OsStr};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use zeroize::Zeroizing;

use super::confined::{self, Confinement, Program};

/// What is to run, and with what.
pub struct Launch<'a> {
    /// A bare name is looked for where the agent's own `PATH` says.
    pub program: &'a Path,
    /// The first is what the program sees as its own name.
    pub arguments: Vec<&'a OsStr>,
    pub environment: &'a [(String, String)],
    pub directory: &'a Path,
    /// Nothing to read when there is none.
    pub stdin: Option<BorrowedFd<'a>>,
    pub stdout: BorrowedFd<'a>,
    pub stderr: BorrowedFd<'a>,
    pub confinement: Confinement<'a>,
}

impl Launch<'_> {
    /// Starts it in a process group of its own, with every signal as a fresh process has it.
    ///
    /// *Errors*: also what kept the program from being executed.
    pub fn start(&self) -> io::Result<i32> {
        let program = text(self.program.as_os_str().as_bytes())?;
        let directory = text(self.directory.as_os_str().as_bytes())?;
        let arguments: Vec<CString> = self.arguments.iter().map(|a| text(a.as_bytes())).collect::<io::Result<_>>()?;
        // There may be secrets among them: no copy of them stays in memory.
        let variables = self.environment.iter().map(|(name, value)| variable(name, value));
        let variables: Vec<Zeroizing<Vec<u8>>> = variables.collect::<io::Result<_>>()?;
        let arguments = pointers(arguments.iter().map(|text| text.as_ptr()));
        let variables = pointers(variables.iter().map(|text| text.as_ptr().cast()));
        if !self.confinement.is_none() {
            let program = Program {
                program: &program,
                arguments: &arguments,
                variables: &variables,
                directory: &directory,
                stdin: self.stdin,
                stdout: self.stdout,
                stderr: self.stderr,
            };
            return confined::start(&program, &self.confinement);
        }
        let actions = Actions::new()?;
        // SAFETY: every pointer is to a C string, or to a list of such that ends with a null, that lives until the end of this
        // function; actions and attributes were initialised, and their destructors run after the call.
        unsafe {
            actions.add(|all| match self.stdin {
                Some(stdin) => libc::posix_spawn_file_actions_adddup2(all, stdin.as_raw_fd(), 0),
                None => libc::posix_spawn_file_actions_addopen(all, 0, c"/dev/null".as_ptr(), libc::O_RDONLY, 0),
            })?;
            actions.add(|all| libc::posix_spawn_file_actions_adddup2(all, self.stdout.as_raw_fd(), 1))?;
            actions.add(|all| libc::posix_spawn_file_actions_adddup2(all, self.stderr.as_raw_fd(), 2))?;
            actions.add(|all| libc::posix_spawn_file_actions_addchdir_np(all, directory.as_ptr()))?;
            let attributes = Attributes::fresh()?;
            let mut pid = 0;
            let (actions, attributes) = (actions.0.get(), attributes.0.get());
            check(libc::posix_spawnp(
                &mut pid,
                program.as_ptr(),
                actions,
                attributes,
                arguments.as_ptr(),
                variables.as_ptr(),
            ))?;
            Ok(pid)
        }
    }
}

fn text(bytes: &[u8]) -> io::Result<CString> {
    CString::new(bytes).map_err(|_| holds_null())
}

/// `NAME=value` as a C string, made in one piece.
fn variable(name: &str, value: &str) -> io::Result<Zeroizing<Vec<u8>>> {
    if name.contains('\0') || value.contains('\0') {
        return Err(holds_null());
    }
    let mut bytes = Vec::with_capacity(name.len() + value.len() + 2);
    bytes.extend_from_slice(name.as_bytes());
    bytes.push(b'=');
    bytes.extend_from_slice(value.as_bytes());
    bytes.push(0);
    Ok(Zeroizing::new(bytes))
}

fn holds_null() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "a name or value holds a null byte")
}

fn pointers(all: impl Iterator<Item = *const libc::c_char>) -> Vec<*mut libc::c_char> {
    all.map(<*const libc::c_char>::cast_mut).chain([ptr::null_mut()]).collect()
}

/// These calls answer the error instead of leaving it in `errno`.
fn check(error: i32) -> io::Result<()> {
    match error {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

struct Actions(std::cell::UnsafeCell<libc::posix_spawn_file_actions_t>);

impl Actions {
    fn new() -> io::Result<Self> {
        let mut actions = MaybeUninit::uninit();
        // SAFETY: it initialises what it is given.
        check(unsafe { libc::posix_spawn_file_actions_init(actions.as_mut_ptr()) })?;
        // SAFETY: it is initialised now.
        Ok(Self(unsafe { actions.assume_init() }.into()))
    }

    fn add(&self, add: impl FnOnce(*mut libc::posix_spawn_file_actions_t) -> i32) -> io::Result<()> {
        check(add(self.0.get()))
    }
}

impl Drop for Actions {
    fn drop(&mut self) {
        // SAFETY: it was initialised and is not used again.
        unsafe { libc::posix_spawn_file_actions_destroy(self.0.get()) };
    }
}

struct Attributes(std::cell::UnsafeCell<libc::posix_spawnattr_t>);

impl Attributes {
    /// A group of its own, no signal blocked, none handled or ignored.
    fn fresh() -> io::Result<Self> {
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: each call is given what the one before it initialised.
        unsafe {
            check(libc::posix_spawnattr_init(attributes.as_mut_ptr()))?;
            let attributes = Self(attributes.assume_init().into());
            let all = attributes.0.get();
            let mut signals: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&mut signals);
            check(libc::posix_spawnattr_setsigmask(all, &signals))?;
            // All bits: `sigfillset` leaves out the two signals of the C library, which would then be ignored for ever.
            ptr::write_bytes(&mut signals, 0xff, 1);
            check(libc::posix_spawnattr_setsigdefault(all, &signals))?;
            check(libc::posix_spawnattr_setpgroup(all, 0))?;
            let flags = libc::POSIX_SPAWN_SETPGROUP | libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF;
            check(libc::posix_spawnattr_setflags(all, flags as libc::c_short))?;
            Ok(attributes)
        }
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: it was initialised and is not used again.
        unsafe { libc::posix_spawnattr_destroy(self.0.get()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::AsFd;

    fn run(arguments: &[&str], environment: &[(String, String)]) -> io::Result<String> {
        let (mut ours, theirs) = io::pipe()?;
        let launch = Launch {
            program: Path::new(arguments[0]),
            arguments: arguments.iter().map(OsStr::new).collect(),
            environment,
            directory: Path::new("/usr"),
            stdin: None,
            stdout: theirs.as_fd(),
            stderr: theirs.as_fd(),
            confinement: Confinement::default(),
        };
        let pid = launch.start()?;
        drop(theirs);
        let mut said = String::new();
        ours.read_to_string(&mut said)?;
        // SAFETY: it waits for the child that was just started, whose status nobody wants.
        unsafe { libc::waitpid(pid, ptr::null_mut(), 0) };
        Ok(said.replace(&pid.to_string(), "PID"))
    }

    #[test]
    fn a_program_gets_what_it_is_given_and_nothing_else() {
        let environment = [("A".to_owned(), "b c".to_owned())];
        let script = "pwd; echo $A $HOME $0; cut -d' ' -f5 /proc/$$/stat; grep Sig[BI] /proc/self/status; cat; echo err >&2";
        let said = run(&["/bin/sh", "-c", script, "name"], &environment).unwrap();
        let expected = "/usr\nb c name\nPID\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nerr\n";
        assert_eq!(said, expected);
    }

    #[test]
    fn what_cannot_be_executed_is_an_error() {
        assert_eq!(run(&["/no/such"], &[]).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(run(&["/etc/passwd"], &[]).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        let broken = [("A".to_owned(), "b\0c".to_owned())];
        assert_eq!(run(&["/bin/sh"], &broken).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
