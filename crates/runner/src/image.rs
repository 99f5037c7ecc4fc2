//! What a new process turns into: everything is laid out before the fork, so that the child calls the system only.
//! The program gets the arguments, variables, descriptors, signal mask and dispositions that it would have natively.

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::ptr;

use libc::{c_char, c_int};

use crate::inherited;
use crate::signals::Mask;
use crate::sys;

/// Where one standard stream of the program comes from.
#[derive(Debug)]
pub(crate) enum Stream {
    /// The same as ours.
    Inherited,
    /// None.
    Closed,
    /// This descriptor.
    Given(OwnedFd),
}

/// The program before it starts.
pub(crate) struct Image {
    executable: CString,
    /// Where it runs, if that is not where we are.
    folder: Option<CString>,
    arguments: StringTable,
    environment: StringTable,
    streams: [Stream; 3],
    /// Left open in the program, for the agent.
    kept: Vec<OwnedFd>,
    mask: Mask,
    /// Signals to be ignored by the program that this process does not ignore.
    ignored: [bool; 2],
}

/// Strings that end in a zero byte, and the array of pointers that the kernel wants.
struct StringTable {
    /// The pointers lead into these.
    _strings: Vec<CString>,
    pointers: Vec<*const c_char>,
}

impl StringTable {
    fn new<'a>(strings: impl Iterator<Item = &'a OsStr>) -> io::Result<Self> {
        let strings = strings.map(terminated).collect::<io::Result<Vec<_>>>()?;
        let pointers = strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect();
        Ok(Self { _strings: strings, pointers })
    }
}

fn terminated(text: &OsStr) -> io::Result<CString> {
    CString::new(text.as_bytes()).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a zero byte in an argument"))
}

/// What [`Image::new`] takes.
pub(crate) struct Plan<'a> {
    pub(crate) executable: &'a OsStr,
    pub(crate) folder: Option<&'a OsStr>,
    pub(crate) arguments: &'a [std::ffi::OsString],
    /// `NAME=value` each.
    pub(crate) environment: &'a [std::ffi::OsString],
    pub(crate) streams: [Stream; 3],
    pub(crate) kept: Vec<OwnedFd>,
    pub(crate) mask: Mask,
}

impl Image {
    pub(crate) fn new(plan: Plan<'_>) -> io::Result<Self> {
        Ok(Self {
            executable: terminated(plan.executable)?,
            folder: plan.folder.map(terminated).transpose()?,
            arguments: StringTable::new(plan.arguments.iter().map(|argument| argument.as_os_str()))?,
            environment: StringTable::new(plan.environment.iter().map(|variable| variable.as_os_str()))?,
            streams: plan.streams,
            kept: plan.kept,
            mask: plan.mask,
            ignored: [inherited::ignored_broken_pipes(), plan.mask.children_were_ignored()],
        })
    }

    /// Becomes the program; comes back only if it cannot, with `errno`.
    ///
    /// # Safety
    /// To be called in a child after `fork`, or by a process that ends if this comes back: streams, signals and the folder
    /// are the program's by then. Calls nothing that is not safe in a child, and allocates nothing.
    pub(crate) unsafe fn become_program(&self) -> c_int {
        // SAFETY: system calls on what was laid out before the fork.
        unsafe {
            for (target, stream) in (0..).zip(&self.streams) {
                let done = match stream {
                    Stream::Inherited => 0,
                    Stream::Closed => libc::close(target),
                    // The copy lacks close-on-exec. The source is never 0-2: those are open in this process.
                    Stream::Given(source) => libc::dup2(source.as_raw_fd(), target),
                };
                if done < 0 {
                    return *libc::__errno_location();
                }
            }
            for kept in &self.kept {
                libc::fcntl(kept.as_raw_fd(), libc::F_SETFD, 0);
            }
            for (signal, ignored) in [libc::SIGPIPE, libc::SIGCHLD].into_iter().zip(self.ignored) {
                libc::signal(signal, if ignored { libc::SIG_IGN } else { libc::SIG_DFL });
            }
            if let Some(folder) = &self.folder
                && libc::chdir(folder.as_ptr()) < 0
            {
                return *libc::__errno_location();
            }
            self.mask.restore();
            libc::execve(
                self.executable.as_ptr(),
                self.arguments.pointers.as_ptr(),
                self.environment.pointers.as_ptr(),
            );
            *libc::__errno_location()
        }
    }

    /// Starts the program as a child in our process group. It ends when the calling thread does.
    pub(crate) fn spawn(&self) -> io::Result<Child> {
        let (reader, writer) = sys::pipe()?;
        // SAFETY: the child calls `become_program` and `_exit` only.
        let pid = unsafe {
            let parent = libc::getpid();
            let pid = sys::check(libc::fork())?;
            if pid == 0 {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                if libc::getppid() == parent {
                    let error = self.become_program();
                    libc::write(writer.as_raw_fd(), (&raw const error).cast(), size_of::<c_int>());
                }
                libc::_exit(127);
            }
            pid
        };
        drop(writer);
        let child = Child { pid, process: sys::process_descriptor(pid)? };
        match start_error(reader.as_raw_fd())? {
            None => Ok(child),
            Some(error) => {
                child.wait();
                Err(error)
            }
        }
    }
}

/// Reads what a child writes if it could not become the program. The end of the pipe, closed on exec, means it could.
pub(crate) fn start_error(reader: RawFd) -> io::Result<Option<io::Error>> {
    let mut bytes = [0; size_of::<c_int>()];
    let count = sys::read(reader, &mut bytes)?;
    Ok((count == bytes.len()).then(|| io::Error::from_raw_os_error(c_int::from_ne_bytes(bytes))))
}

/// A program that is a child of ours.
pub(crate) struct Child {
    pub(crate) pid: libc::pid_t,
    process: OwnedFd,
}

impl Child {
    /// Becomes readable when the program ends.
    pub(crate) fn process(&self) -> BorrowedFd<'_> {
        self.process.as_fd()
    }

    /// How it ended; waits for that.
    pub(crate) fn wait(&self) -> Option<(i32, i32)> {
        // SAFETY: an all-zero record is a valid value, and the kernel fills it.
        unsafe {
            let mut about: libc::siginfo_t = std::mem::zeroed();
            while libc::waitid(libc::P_PID, self.pid as libc::id_t, &mut about, libc::WEXITED) < 0 {
                if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                    return None;
                }
            }
            Some((about.si_code, about.si_status()))
        }
    }
}
