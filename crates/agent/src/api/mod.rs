//! What the package `ikpdb` may ask of the agent inside its own process: the views that its classes are, and stops.
//!
//! The package finds the agent by an audit event of its own (`ikpdb.agent`, with a list to put the module into): nothing of it stands in
//! `sys.modules`, and a program that does not import the package sees nothing. All of it is called by the program's threads, with the GIL.

mod values;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyModule};
use serde_json::json;

use crate::capi;
use crate::door::mailbox::MAILBOX;
use crate::door::original::breakpoints::{self, Breakpoint};
use crate::door::original::{self, Door, log, threads};
use crate::engine::go_on::{Landing, Step};
use crate::engine::step::{self, Kind};
use crate::engine::stop::{self, Came};
use crate::engine::what::{BreakMode, Exception, Reason, What};
use crate::engine::{exceptions, pause, signals};
use crate::{inspect, lifetime};
pub(crate) use values::forget;
use values::frame_of;

/// Gives the package what it asks for.
pub(crate) fn give(py: Python<'_>, place: &Bound<'_, PyAny>) -> PyResult<()> {
    let module = PyModule::new(py, "ikpdb._agent")?;
    for function in [
        wrap_pyfunction!(set_trace, py)?,
        wrap_pyfunction!(post_mortem, py)?,
        wrap_pyfunction!(has_door, py)?,
        wrap_pyfunction!(state, py)?,
        wrap_pyfunction!(path_in, py)?,
        wrap_pyfunction!(path_out, py)?,
        wrap_pyfunction!(canonic, py)?,
        wrap_pyfunction!(set_breakpoint, py)?,
        wrap_pyfunction!(change_breakpoint, py)?,
        wrap_pyfunction!(clear_breakpoint, py)?,
        wrap_pyfunction!(has_line, py)?,
        wrap_pyfunction!(all_breakpoints, py)?,
        wrap_pyfunction!(next_breakpoint_number, py)?,
        wrap_pyfunction!(values::frames, py)?,
        wrap_pyfunction!(values::frame_at, py)?,
        wrap_pyfunction!(values::forget, py)?,
        wrap_pyfunction!(values::properties, py)?,
        wrap_pyfunction!(values::describe, py)?,
        wrap_pyfunction!(values::count, py)?,
        wrap_pyfunction!(values::type_name, py)?,
        wrap_pyfunction!(values::evaluate_in, py)?,
        wrap_pyfunction!(values::assign_in, py)?,
        wrap_pyfunction!(all_threads, py)?,
        wrap_pyfunction!(select_thread, py)?,
        wrap_pyfunction!(begin_step, py)?,
        wrap_pyfunction!(suspend, py)?,
        wrap_pyfunction!(end_step, py)?,
        wrap_pyfunction!(stops_in, py)?,
        wrap_pyfunction!(escape_html, py)?,
        wrap_pyfunction!(set_up_log, py)?,
        wrap_pyfunction!(logs, py)?,
        wrap_pyfunction!(log_line, py)?,
    ] {
        module.add_function(function)?;
    }
    place.cast::<PyList>()?.append(module)
}

/// The door; an error without one.
fn door() -> PyResult<&'static Door> {
    original::door().ok_or_else(|| PyRuntimeError::new_err("the program was not started by `python -m ikpdb`"))
}

/// Stops the calling thread, and comes back when it goes on.
fn stop_here(py: Python<'_>, what: impl Fn() -> What) -> PyResult<()> {
    let usable = lifetime::debugging() && !lifetime::forked() && !stop::is_stopper();
    if usable {
        lifetime::callback(py, "a call of the package", || while stop::stop(py, what()) == Came::Waited {});
    }
    if signals::handler_raises(py) { Err(PyErr::fetch(py)) } else { Ok(()) }
}

/// Stops at the line that a frame executes; the package gives its caller's.
#[pyfunction]
fn set_trace(py: Python<'_>, frame: Bound<'_, PyAny>) -> PyResult<()> {
    let frame = frame_of(frame)?;
    stop_here(py, || What {
        frame: Some(frame.clone().into()),
        description: Some("Stopped on set_trace() in the program".to_owned()),
        ..What::new(Reason::Breakpoint)
    })
}

/// Shows an exception with the frames that it has left above those that are running: those of a traceback if one is given, else of its own.
/// Of a traceback alone the innermost frame is shown as it is now. What has left none is shown where `caller` is.
#[pyfunction]
fn post_mortem(
    py: Python<'_>,
    exception: Option<Bound<'_, PyAny>>,
    traceback: Option<Bound<'_, PyAny>>,
    caller: Bound<'_, PyAny>,
) -> PyResult<()> {
    let caller = frame_of(caller)?;
    let left = match (&traceback, &exception) {
        (Some(traceback), _) => inspect::traceback_from(traceback.clone()),
        (None, Some(exception)) => inspect::traceback(exception),
        (None, None) => return Err(PyValueError::new_err("an exception or a traceback is needed")),
    };
    let innermost = left.last().map_or(&caller, |it| &it.0);
    stop_here(py, || {
        let Some(exception) = &exception else {
            return What {
                frame: Some(innermost.clone().into()),
                description: Some("Stopped on post_mortem() in the program".to_owned()),
                ..What::new(Reason::Breakpoint)
            };
        };
        let is_left = !left.is_empty();
        What {
            frame: (!is_left).then(|| caller.clone().into()),
            exception: Some(Exception {
                value: exception.clone().into(),
                frames: is_left.then(|| exceptions::frames_of(left.clone())),
                text: inspect::exception_line(exception),
                not_compiled: None,
                mode: BreakMode::Unhandled,
            }),
            ..What::new(Reason::Exception)
        }
    })
}

/// Whether there is a door: without one the package can only stop.
#[pyfunction]
fn has_door() -> bool {
    original::door().is_some()
}

/// What the program does, and what is armed, as JSON.
#[pyfunction]
fn state() -> PyResult<String> {
    let door = door()?;
    Ok(json!({
        "status": door.status().name(),
        "steps": step::active(),
        "suspends": pause::wanted(),
        "stopped": MAILBOX.is_open(),
        "debugging": lifetime::debugging(),
        "clientIsConnected": door.sender.client().is_some(),
        "escapesHtml": door.escapes(),
    })
    .to_string())
}

/// The file that a client means; `working` and `client` are folders in the place of the door's.
#[pyfunction]
fn path_in(py: Python<'_>, name: &str, working: Option<&str>, client: Option<&str>) -> PyResult<Option<String>> {
    let file = door()?.file_of(py, name, working, client);
    Ok(file.map(|it| it.to_string_lossy().into_owned()))
}

/// What a client calls a file.
#[pyfunction]
fn path_out(file: &str, working: Option<&str>, client: Option<&str>) -> PyResult<String> {
    Ok(door()?.paths_with(working, client).outward(file))
}

#[pyfunction]
fn canonic(name: &str) -> PyResult<String> {
    Ok(door()?.canonic(name).to_string_lossy().into_owned())
}

/// Sets a breakpoint at a line of a file; its number.
#[pyfunction]
fn set_breakpoint(py: Python<'_>, file: &str, line: u32, condition: Option<String>, enabled: bool) -> PyResult<u32> {
    let file = door()?.canonic(file);
    Ok(breakpoints::set(Some(py), Breakpoint { file, line, condition, enabled }))
}

/// Changes both; false if there is no such breakpoint.
#[pyfunction]
fn change_breakpoint(py: Python<'_>, number: i64, enabled: bool, condition: Option<String>) -> bool {
    breakpoints::change(Some(py), number, enabled, condition).is_ok()
}

#[pyfunction]
fn clear_breakpoint(py: Python<'_>, number: i64) -> bool {
    breakpoints::clear(Some(py), number).is_ok()
}

/// Whether a file has a line.
#[pyfunction]
fn has_line(file: &str, line: i64) -> bool {
    breakpoints::has_line(file.as_ref(), line)
}

/// Number, file, line, condition, whether it is enabled.
type Row = (u32, String, u32, Option<String>, bool);

#[pyfunction]
fn all_breakpoints() -> Vec<Row> {
    let row = |(number, it): (u32, Breakpoint)| {
        (number, it.file.to_string_lossy().into_owned(), it.line, it.condition, it.enabled)
    };
    breakpoints::all().into_iter().map(row).collect()
}

#[pyfunction]
fn next_breakpoint_number() -> u32 {
    breakpoints::next_number()
}

/// The threads, as the protocol tells of them, as JSON.
#[pyfunction]
fn all_threads(py: Python<'_>) -> PyResult<String> {
    let selected = door()?.selected();
    Ok(serde_json::Value::from(threads::describe(&threads::look(py), selected)).to_string())
}

/// Selects a thread by its identifier; why not, if it cannot be.
#[pyfunction]
fn select_thread(py: Python<'_>, ident: Option<u64>) -> PyResult<Option<String>> {
    Ok(door()?.select(ident, &threads::look(py)).err())
}

/// Lets the calling thread stop after a step from a frame: `over`, `into`, `out`, or `call`, which stops only in what the frame calls.
#[pyfunction]
fn begin_step(py: Python<'_>, kind: &str, frame: Bound<'_, PyAny>) -> PyResult<()> {
    let (kind, landing) = match kind {
        "over" => (Kind::Next, Landing::NextLine),
        "into" => (Kind::In, Landing::NextLine),
        "call" => (Kind::In, Landing::Nowhere),
        "out" => (Kind::Out, Landing::NextLine),
        other => return Err(PyValueError::new_err(format!("there is no step '{other}'"))),
    };
    let frame = Some(frame_of(frame)?.into());
    if lifetime::debugging() && !lifetime::forked() {
        let step = Step { kind, thread: capi::current_thread(), frame, call: None, anyway: true, landing };
        step::begin(py, step, stop::policy());
    }
    Ok(())
}

/// Stops the thread that is selected at its next line, or any.
#[pyfunction]
fn suspend() -> PyResult<()> {
    pause::request_patiently(door()?.live_selection(crate::engine::threads::lives).unwrap_or(pause::ANY));
    Ok(())
}

/// Takes back what the calling thread was to stop for. True if there was something.
#[pyfunction]
fn end_step(py: Python<'_>) -> bool {
    let this = Some(capi::current_thread());
    let (had_step, was_wanted) = (step::end(py, this), pause::fulfilled(py, this));
    had_step || was_wanted
}

/// Whether the calling thread stops at the next line of a frame because of a step or a pause.
#[pyfunction]
fn stops_in(py: Python<'_>, frame: Bound<'_, PyAny>) -> PyResult<bool> {
    let frame = frame_of(frame)?;
    Ok(pause::stops_here() || step::ends_in(py, frame.as_ptr().cast()))
}

/// Whether values that are evaluated for a client are escaped for HTML.
#[pyfunction]
fn escape_html(escapes: bool) -> PyResult<()> {
    door()?.escape_html(escapes);
    Ok(())
}

#[pyfunction]
fn set_up_log(letters: &str) {
    log::set_up(Some(letters));
}

/// Whether lines of a domain, by its letter, and a level, by its name, are written.
#[pyfunction]
fn logs(domain: char, level: &str) -> bool {
    log::Domain::of(domain).zip(log::Level::of(level)).is_some_and(|(domain, level)| log::is_on(domain, level))
}

/// Writes a line of a domain, by its letter, and a level, by its name.
#[pyfunction]
fn log_line(domain: char, level: &str, text: &str) {
    if let (Some(domain), Some(level)) = (log::Domain::of(domain), log::Level::of(level)) {
        log::log(domain, level, format_args!("{text}"));
    }
}
