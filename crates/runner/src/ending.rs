//! How a program ended, and ending the same way.

use ikpdb_proto::runner::RunnerExited;
use std::time::Duration;

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl Ending {
    /// Reads `si_code` and `si_status` of a child that has ended.
    pub(crate) fn from_wait(code: i32, status: i32) -> Self {
        if code == libc::CLD_EXITED { Self::Code(status) } else { Self::Signal(status) }
    }

    pub(crate) fn event(self, duration: Duration) -> RunnerExited {
        let (exit_code, signal) = match self {
            Self::Code(code) => (Some(code), None),
            Self::Signal(signal) => (None, Some(signal)),
        };
        RunnerExited {
            exit_code,
            signal: signal.map(signal_name),
            signal_number: signal,
            duration_ms: duration.as_secs_f64() * 1000.0,
            error: None,
        }
    }

    /// Ends this process as the program ended. A core file would be of the wrong process, so none is written.
    pub fn repeat(self) -> ! {
        let code = match self {
            Self::Code(code) => code,
            Self::Signal(signal) => {
                die_by(signal);
                // What ends a process by default did not: the shell's convention says the same.
                128 + signal
            }
        };
        std::process::exit(code)
    }
}

fn die_by(signal: i32) {
    // SAFETY: plain calls with values that live long enough.
    unsafe {
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        libc::setrlimit(libc::RLIMIT_CORE, &none);
        libc::prctl(libc::PR_SET_DUMPABLE, 0);
        libc::signal(signal, libc::SIG_DFL);
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, signal);
        libc::raise(signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut());
    }
}

const NAMES: &[(i32, &str)] = &[
    (libc::SIGHUP, "SIGHUP"),
    (libc::SIGINT, "SIGINT"),
    (libc::SIGQUIT, "SIGQUIT"),
    (libc::SIGILL, "SIGILL"),
    (libc::SIGTRAP, "SIGTRAP"),
    (libc::SIGABRT, "SIGABRT"),
    (libc::SIGBUS, "SIGBUS"),
    (libc::SIGFPE, "SIGFPE"),
    (libc::SIGKILL, "SIGKILL"),
    (libc::SIGUSR1, "SIGUSR1"),
    (libc::SIGSEGV, "SIGSEGV"),
    (libc::SIGUSR2, "SIGUSR2"),
    (libc::SIGPIPE, "SIGPIPE"),
    (libc::SIGALRM, "SIGALRM"),
    (libc::SIGTERM, "SIGTERM"),
    (libc::SIGSTKFLT, "SIGSTKFLT"),
    (libc::SIGCHLD, "SIGCHLD"),
    (libc::SIGCONT, "SIGCONT"),
    (libc::SIGSTOP, "SIGSTOP"),
    (libc::SIGTSTP, "SIGTSTP"),
    (libc::SIGTTIN, "SIGTTIN"),
    (libc::SIGTTOU, "SIGTTOU"),
    (libc::SIGURG, "SIGURG"),
    (libc::SIGXCPU, "SIGXCPU"),
    (libc::SIGXFSZ, "SIGXFSZ"),
    (libc::SIGVTALRM, "SIGVTALRM"),
    (libc::SIGPROF, "SIGPROF"),
    (libc::SIGWINCH, "SIGWINCH"),
    (libc::SIGIO, "SIGIO"),
    (libc::SIGPWR, "SIGPWR"),
    (libc::SIGSYS, "SIGSYS"),
];

/// "SIGTERM"; "signal 40" for one without a name.
pub(crate) fn signal_name(signal: i32) -> String {
    let found = NAMES.iter().find(|(number, _)| *number == signal);
    found.map_or_else(|| format!("signal {signal}"), |(_, name)| (*name).to_owned())
}

/// The signal of this name.
pub(crate) fn signal_number(name: &str) -> Option<i32> {
    NAMES.iter().find(|(_, known)| *known == name).map(|(number, _)| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_is_told_with_its_code_or_its_signal() {
        let exited = Ending::Code(7).event(Duration::from_millis(1500));
        assert_eq!((exited.exit_code, exited.signal, exited.duration_ms), (Some(7), None, 1500.0));
        let exited = Ending::from_wait(libc::CLD_KILLED, libc::SIGSEGV).event(Duration::ZERO);
        assert_eq!(
            (exited.exit_code, exited.signal.as_deref(), exited.signal_number),
            (None, Some("SIGSEGV"), Some(11))
        );
    }

    #[test]
    fn every_name_of_a_signal_leads_back_to_its_number() {
        for (number, name) in NAMES {
            assert_eq!(signal_number(name), Some(*number));
            assert_eq!(signal_name(*number), *name);
        }
        assert_eq!(signal_number("SIGNONE"), None);
        assert_eq!(signal_name(40), "signal 40");
    }
}
