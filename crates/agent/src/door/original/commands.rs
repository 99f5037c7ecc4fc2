//! The commands of the protocol: those that need no stop are answered here, the others become errands of the stop that is shown.

use std::path::PathBuf;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use ikpdb_proto::StopPolicy;
use ikpdb_proto::ikpdb::{Command, Reply};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};
use serde_json::{Value, json};

use super::breakpoints::{self, Breakpoint, Missing};
use super::paths::Paths;
use super::{Door, GO_ON_PATIENCE, Status, at_stop, log, threads};
use crate::door::CONFIGURED;
use crate::door::immediate::within_patience;
use crate::door::mailbox::{Errand, Letter, MAILBOX, To};
use crate::engine::{evaluation, pause, step, stop, watchdog};

/// A command and whom it came from.
pub(crate) struct Asked {
    pub(crate) door: &'static Door,
    pub(crate) client: u32,
    pub(crate) command: Command,
}

impl Asked {
    /// Answers it.
    pub(crate) fn answer(&self, mut reply: Reply) {
        self.door.warn(&mut reply.messages);
        self.door.sender.send(self.client, &reply.to(&self.command));
    }

    fn answer_status(&self, status: Status) {
        self.answer(Reply::ok(json!({"executionStatus": status.name()})));
    }
}

/// Carries a command out. It is answered once, now or by the thread that is stopped.
pub(crate) fn carry_out(door: &'static Door, client: u32, command: Command) {
    let asked = Asked { door, client, command };
    match asked.command.command.as_str() {
        "runScript" => run_script(&asked),
        "resume" => go_on(asked, None),
        "stepOver" => go_on(asked, Some(step::Kind::Next)),
        "stepInto" => go_on(asked, Some(step::Kind::In)),
        "stepOut" => go_on(asked, Some(step::Kind::Out)),
        "suspend" => suspend(&asked),
        "setBreakpoint" => asked.answer(set_breakpoint(&asked)),
        "changeBreakpointState" => asked.answer(change_breakpoint(&asked.command)),
        "clearBreakpoint" => asked.answer(clear_breakpoint(&asked.command)),
        "getBreakpoints" => asked.answer(Reply::ok(breakpoints::describe())),
        "evaluate" => ask_stop(asked, at_stop::evaluate),
        "getProperties" => ask_stop(asked, at_stop::properties),
        "setVariable" => ask_stop(asked, at_stop::set_variable),
        "reconnect" => {
            asked.answer_status(door.status());
            door.tell_break_once(client);
        }
        "getStatus" => {
            match door.status() {
                // Clients know three states; while nothing runs yet there is none to set.
                Status::Pending => asked.answer(Reply::ok(Value::Null)),
                status => asked.answer_status(status),
            }
            // Who asks may have been reloaded, behind a connection that stays.
            door.tell_break();
        }
        "getThreads" => {
            asked.answer(Reply::ok(threads::describe(&threads::list(), door.selected()).into()));
        }
        "setDebuggedThread" => asked.answer(select(&asked)),
        other => {
            log::say!(General, Critical, "Unknown command received: {other}");
            asked.answer(Reply::error(format!("IKPdb error: Unknown command '{other}'.")));
        }
    }
}

/// Releases the main thread. Once: later it does nothing.
fn run_script(asked: &Asked) {
    super::begins();
    log::say!(Execution, Debug, "The program begins");
    // The answer goes first: a short program may be over, by `os._exit` too, before the next line here.
    asked.answer_status(Status::Running);
    asked.door.sender.flush(GO_ON_PATIENCE);
    // Beside a hub the program may have begun, and be stopped, long before a client came.
    asked.door.tell_break_once(asked.client);
    CONFIGURED.store(true, Ordering::Release);
    MAILBOX.nudge();
}

/// `resume` and the steps. While nothing is stopped they are answered and forgotten.
fn go_on(asked: Asked, kind: Option<step::Kind>) {
    let Some(shown) = asked.door.shown() else {
        asked.answer_status(Status::Running);
        return;
    };
    let work = at_stop::go_on(asked, kind);
    if let Err(Letter::Errand { work, .. }) = MAILBOX.put(To::Stop(shown), Letter::Errand { work, evaluates: false }) {
        too_late(work);
    }
}

/// Has the stop that is shown carry something out.
fn ask_stop(asked: Asked, work: fn(Asked) -> Errand) {
    let shown = asked.door.shown();
    let work = work(asked);
    let Some(shown) = shown else { return too_late(work) };
    if let Err(Letter::Errand { work, .. }) = MAILBOX.put(To::Stop(shown), Letter::Errand { work, evaluates: true }) {
        too_late(work);
    }
}

/// Nothing is stopped: answers so, which takes no Python.
fn too_late(work: Errand) {
    drop(work(None));
}

/// Stops the thread that is selected, or any. In a program that is stopped it gives up what the client has asked for.
fn suspend(asked: &Asked) {
    match asked.door.status() {
        Status::Running => {
            asked.answer_status(Status::Running);
            let known = threads::list();
            let selected = asked.door.live_selection(|id| known.iter().any(|it| it.id == id));
            log::say!(Execution, Debug, "Suspends {selected:?}");
            let any = if stop::policy() == StopPolicy::All { crate::engine::threads::MAIN } else { pause::ANY };
            pause::request_patiently(selected.unwrap_or(any));
        }
        Status::Pending => asked.answer_status(Status::Running),
        Status::Stopped => {
            asked.answer_status(Status::Stopped);
            if evaluation::running() == Some(evaluation::UNASKED) {
                watchdog::interrupt(evaluation::UNASKED);
            }
        }
        Status::Terminated => asked.answer_status(Status::Terminated),
    }
}

fn select(asked: &Asked) -> Reply {
    let ident = match asked.command.args.get("ident") {
        None => return Reply::error("setDebuggedThread() error: missing required ident parameter."),
        Some(Value::Null) => None,
        Some(ident) => match ident.as_u64().or_else(|| ident.as_str()?.parse().ok()) {
            Some(ident) => Some(ident),
            None => return Reply::error(format!("No thread with ident:{ident}.")),
        },
    };
    let known = threads::list();
    match asked.door.select(ident, &known) {
        Ok(()) => Reply::ok(threads::describe(&known, asked.door.selected()).into()),
        Err(why) => Reply::error(why),
    }
}

fn set_breakpoint(asked: &Asked) -> Reply {
    let command = &asked.command;
    let (Some(name), Some(line)) = (command.text("file_name"), command.number("line_number")) else {
        return Reply::error("setBreakpoint() error: missing required file_name or line_number parameter.");
    };
    let condition = command.text("condition").map(str::to_owned);
    let enabled = command.flag("enabled").unwrap_or(true);
    match asked.door.set_breakpoint(name, line, condition, enabled) {
        Ok(number) => Reply::ok(json!({"breakpoint_number": number})),
        Err(why) => Reply::error(format!("IKPdb error: Failed to set a breakpoint at {name}:{line} ({why}).")),
    }
}

fn change_breakpoint(command: &Command) -> Reply {
    let Some(number) = command.number("breakpoint_number") else {
        return Reply::error("changeBreakpointState() error: missing required breakpointNumber parameter.");
    };
    let enabled = command.flag("enabled").unwrap_or(false);
    let condition = command.text("condition");
    log::say!(Breakpoints, Debug, "Breakpoint {number} becomes enabled={enabled}, condition={condition:?}");
    match breakpoints::change(None, number, enabled, condition.map(str::to_owned)) {
        Ok(()) => Reply::ok(Value::Null),
        Err(missing) => {
            let colon = if missing == Missing::Never { ":" } else { "" };
            Reply::error(format!("changeBreakpointState() error: \"Found no breakpoint numbered{colon} {number}\""))
        }
    }
}

fn clear_breakpoint(command: &Command) -> Reply {
    let Some(number) = command.number("breakpoint_number") else {
        return Reply::error("IKPdb error: Failed to delete breakpoint (Missing required breakpointNumber parameter).");
    };
    log::say!(Breakpoints, Debug, "Breakpoint {number} is cleared");
    match breakpoints::clear(None, number) {
        Ok(()) => Reply::ok(Value::Null),
        Err(missing) => {
            let colon = if missing == Missing::Cleared { ":" } else { "" };
            Reply::error(format!(
                "IKPdb error: Failed to delete breakpoint (Found no breakpoint numbered{colon} {number})."
            ))
        }
    }
}

impl Door {
    /// Sets a breakpoint by the client's name of a file; its number, or why there is none.
    fn set_breakpoint(
        &'static self,
        name: &str,
        line: i64,
        condition: Option<String>,
        enabled: bool,
    ) -> Result<u32, String> {
        let file = self.file_without_gil(name).ok_or_else(|| format!("Failed to find file '{name}'"))?;
        let missing = || format!("Line {}:{line} does not exist.", file.display());
        let at = u32::try_from(line).ok().filter(|_| breakpoints::has_line(&file, line)).ok_or_else(missing)?;
        let wanted = Breakpoint { file, line: at, condition, enabled };
        let place = format!("{}:{line}", wanted.file.display());
        let number = breakpoints::set(None, wanted);
        log::say!(Breakpoints, Debug, "Breakpoint {number} at {place}");
        Ok(number)
    }

    /// The file that a client means. Needs no GIL.
    fn file_without_gil(&'static self, name: &str) -> Option<PathBuf> {
        let found = self.paths.inward(name, &[]).or_else(|| {
            within_patience(move |py| self.look_for_search(py));
            self.paths.inward(name, &self.search())
        });
        match &found {
            Some(file) => log::say!(Paths, Debug, "'{name}' of the client is '{}'", file.display()),
            None => log::say!(Paths, Debug, "'{name}' of the client is not found"),
        }
        found
    }

    /// The same with the GIL, and with folders in the place of the door's.
    pub(crate) fn file_of(
        &self,
        py: Python<'_>,
        name: &str,
        working: Option<&str>,
        client: Option<&str>,
    ) -> Option<PathBuf> {
        self.look_for_search(py);
        self.paths_with(working, client).inward(name, &self.search())
    }

    /// How names are mapped, with folders in the place of the door's.
    pub(crate) fn paths_with(&self, working: Option<&str>, client: Option<&str>) -> Paths {
        let (own, own_client) = (&self.start.working_directory, &self.start.client_working_directory);
        Paths::new(working.unwrap_or(own), client.unwrap_or(own_client))
    }

    /// What a client calls a file.
    pub(crate) fn name_of(&self, file: &str) -> String {
        let name = self.paths.outward(file);
        if name != file {
            log::say!(Paths, Debug, "'{file}' is '{name}' for the client");
        }
        name
    }

    /// A path without `.` and `..`.
    pub(crate) fn canonic(&self, name: &str) -> PathBuf {
        self.paths.canonic(name.as_ref())
    }

    /// The folders that imports look into, as last seen.
    fn search(&self) -> Vec<PathBuf> {
        self.search.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks at them.
    fn look_for_search(&self, py: Python<'_>) {
        let look = |py: Python<'_>| -> PyResult<Vec<PathBuf>> {
            let path = py.import("sys")?.getattr("path")?.cast_into::<PyList>()?;
            let text = |entry: Bound<'_, PyAny>| Some(PathBuf::from(entry.cast::<PyString>().ok()?.to_str().ok()?));
            Ok(path.iter().filter_map(text).collect())
        };
        match Python::attach(look) {
            Ok(path) => *self.search.lock().unwrap_or_else(PoisonError::into_inner) = path,
            Err(error) => stop::forget_error(py, error),
        }
    }
}
