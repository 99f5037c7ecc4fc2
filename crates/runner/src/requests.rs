//! The hub's requests to the runner.

use ikpdb_proto::runner::{
    RUNNER_RESIZE, RUNNER_RESTART, RUNNER_SIGNAL, RUNNER_TYPE, RunnerRestart, RunnerSignal, RunnerType, TerminalSize,
};
use ikpdb_proto::{Failure, Request};

use crate::ending::signal_number;
use crate::run::Runner;
use crate::running::{Running, Setting};
use crate::sys;

impl Runner {
    /// Carries out a request and answers it; a restart is answered when the old program has ended.
    pub(crate) fn serve(&mut self, running: &mut Running, request: &Request) {
        let result = match request.command.as_str() {
            RUNNER_TYPE => type_into(running, request),
            RUNNER_RESIZE => self.resize(running, request),
            RUNNER_SIGNAL => signal(running, request),
            RUNNER_RESTART => match self.restart(running, request) {
                Ok(()) => return,
                Err(failure) => Err(failure),
            },
            other => Err(Failure::unsupported(other)),
        };
        let response = match result {
            Ok(()) => request.done(),
            Err(failure) => request.refuse(&failure),
        };
        self.link.outbox().push(response);
    }

    /// A real terminal has the size that it has.
    fn resize(&self, running: &Running, request: &Request) -> Result<(), Failure> {
        let size: TerminalSize = request.arguments()?;
        if let (Setting::Headless(_), Some(console)) = (&self.setting, &running.console) {
            sys::set_window_size(console.fd(), size).map_err(|error| Failure::internal(error.to_string()))?;
        }
        Ok(())
    }

    fn restart(&mut self, running: &Running, request: &Request) -> Result<(), Failure> {
        let RunnerRestart { session, secret } = request.arguments()?;
        self.begin_restart(running, request, session, secret)
    }
}

fn type_into(running: &mut Running, request: &Request) -> Result<(), Failure> {
    let RunnerType { data } = request.arguments()?;
    let Some(console) = &mut running.console else {
        return Err(Failure::user("the program has no terminal to type into"));
    };
    if console.type_bytes(data.as_bytes()) {
        Ok(())
    } else {
        Err(Failure::user("the program does not read what was typed before"))
    }
}

fn signal(running: &Running, request: &Request) -> Result<(), Failure> {
    let RunnerSignal { signal } = request.arguments()?;
    let number = signal_number(&signal).ok_or_else(|| Failure::client(format!("'{signal}' is no signal")))?;
    running.signal(number);
    // A program that was stopped with Ctrl-Z would not notice.
    if matches!(number, libc::SIGTERM | libc::SIGHUP | libc::SIGINT) {
        running.resume();
    }
    Ok(())
}
