//! What the package `ikpdb` may ask of the agent inside its own process: the views that its classes are, and stops.
//!
//! The package finds the agent by an audit event of its own (`ikpdb.agent`, with a list to put the module into): nothing of it stands in
//! `sys.modules`, and a program that does not import the package sees nothing. All of it is called by the program's threads, with the GIL.

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyModule, PyTuple};
use serde_json::json;

use crate::capi::{self, Ref};
use crate::door::mailbox::MAILBOX;
use crate::door::original::breakpoints::{self, Breakpoint};
use crate::door::original::{self, Door, log, threads};
use crate::engine::gil_cell::GilCell;
use crate::engine::go_on::{Landing, Step};
use crate::engine::step::{self, Kind};
use crate::engine::stop::{self, Came};
use crate::engine::what::{BreakMode, Exception, Reason, What};
use crate::engine::{exceptions, pause, signals};
use crate::inspect::original::{Addresses, Asked, Foreign, Variables};
use crate::requests::evaluate;
use crate::{inspect, lifetime};

/// What the package was told of by address. Held, as the original's clients may name them at any time; a new list of frames begins anew.
static TOLD: GilCell<Option<Addresses>> = GilCell::new(None);

/// Gives the package what it asks for.
pub(crate) fn give(py: Python<'_>, place: &Bound<'_, PyAny>) -> PyResult<()> {
    let module = PyModule::new(py, "ikpdb._agent")?;
    for function in [
        wrap_pyfunction!(set_trace, py)?,
        wrap_pyfunction!(post_mortem, py)?,
        wrap_pyfunction!(state, py)?,
        wrap_pyfunction!(path_in, py)?,
        wrap_pyfunction!(path_out, py)?,
        wrap_pyfunction!(canonic, py)?,
        wrap_pyfunction!(set_breakpoint, py)?,
        wrap_pyfunction!(change_breakpoint, py)?,
        wrap_pyfunction!(clear_breakpoint, py)?,
        wrap_pyfunction!(all_breakpoints, py)?,
        wrap_pyfunction!(next_breakpoint_number, py)?,
        wrap_pyfunction!(frames, py)?,
        wrap_pyfunction!(properties, py)?,
        wrap_pyfunction!(describe, py)?,
        wrap_pyfunction!(count, py)?,
        wrap_pyfunction!(type_text, py)?,
        wrap_pyfunction!(object, py)?,
        wrap_pyfunction!(evaluate_in, py)?,
        wrap_pyfunction!(assign_in, py)?,
        wrap_pyfunction!(all_threads, py)?,
        wrap_pyfunction!(select_thread, py)?,
        wrap_pyfunction!(begin_step, py)?,
        wrap_pyfunction!(suspend, py)?,
        wrap_pyfunction!(end_step, py)?,
        wrap_pyfunction!(escape_html, py)?,
        wrap_pyfunction!(set_up_log, py)?,
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
    if !inspect::original::is_frame(&frame) {
        return Err(PyValueError::new_err("a frame is needed"));
    }
    stop_here(py, || What {
        frame: Some(Ref::from(frame.clone())),
        description: Some("Stopped on set_trace() in the program".to_owned()),
        ..What::new(Reason::Breakpoint)
    })
}

/// Shows an exception that has left frames, those of its traceback above those that are running.
#[pyfunction]
fn post_mortem(py: Python<'_>, exception: Bound<'_, PyAny>) -> PyResult<()> {
    stop_here(py, || What {
        exception: Some(Exception {
            value: exception.clone().into(),
            frames: Some(exceptions::frames(&exception)),
            text: inspect::exception_line(&exception),
            not_compiled: None,
            mode: BreakMode::Unhandled,
        }),
        ..What::new(Reason::Exception)
    })
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

#[pyfunction]
fn path_in(py: Python<'_>, name: &str) -> PyResult<Option<String>> {
    let door = door()?;
    Ok(door.file_of(py, name).map(|it| it.to_string_lossy().into_owned()))
}

#[pyfunction]
fn path_out(file: &str) -> PyResult<String> {
    Ok(door()?.name_of(file))
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

/// A frame and its callers, as the protocol tells of them, as JSON.
#[pyfunction]
fn frames(py: Python<'_>, frame: Bound<'_, PyAny>) -> PyResult<String> {
    if !inspect::original::is_frame(&frame) {
        return Err(PyValueError::new_err("a frame is needed"));
    }
    let door = door()?;
    let thread = threads::this(py);
    let mut told = Addresses::default();
    let mut frames = Vec::new();
    let mut next = Some(Ref::from(frame));
    while let Some(frame) = next {
        let address: *mut ffi::PyFrameObject = frame.as_ptr().cast();
        // SAFETY: a live frame; a new reference or null.
        let (line, back) = unsafe { (ffi::PyFrame_GetLineNumber(address), (capi::py().frame_get_back)(address)) };
        let bound = frame.bind(py);
        let names = Variables::new(&mut told, &mut Direct).of_frame(&bound);
        let id = told.add(&bound);
        frames.push(original::describe_frame(py, door, &bound, id, u32::try_from(line).unwrap_or(1), names, &thread));
        // SAFETY: as above.
        next = unsafe { Ref::steal(back.cast()) };
    }
    drop(TOLD.with(py, |it| it.replace(told)));
    Ok(serde_json::Value::from(frames).to_string())
}

/// What is inside of an object, as JSON.
#[pyfunction]
fn properties(py: Python<'_>, object: Bound<'_, PyAny>) -> String {
    let mut told = TOLD.with(py, Option::take).unwrap_or_default();
    let inside = Variables::new(&mut told, &mut Direct).inside(&object);
    drop(TOLD.with(py, |it| it.replace(told)));
    serde_json::Value::from(inside).to_string()
}

/// Value and type of an object, and whether it was cut.
#[pyfunction]
fn describe(py: Python<'_>, object: Bound<'_, PyAny>) -> (String, String, bool) {
    let mut told = Addresses::default();
    let (value, is_marked) = Variables::new(&mut told, &mut Direct).value(&object);
    let _ = py;
    (value, inspect::original::plain_type_text(&object), is_marked)
}

#[pyfunction]
fn count(object: Bound<'_, PyAny>) -> usize {
    inspect::original::children_count(&object)
}

#[pyfunction]
fn type_text(object: Bound<'_, PyAny>) -> String {
    inspect::original::type_name(&object)
}

/// The object with an address that was told of by [`frames`] or [`properties`].
#[pyfunction]
fn object<'py>(py: Python<'py>, address: u64) -> Option<Bound<'py, PyAny>> {
    TOLD.with(py, |it| it.as_ref().and_then(|it| it.get(py, address)))
}

/// Runs an expression or statements in a frame, or in `__main__`: whether it was an expression, and its value.
#[pyfunction]
fn evaluate_in<'py>(
    py: Python<'py>,
    expression: &str,
    frame: Option<Bound<'py, PyAny>>,
    is_global: bool,
) -> PyResult<Bound<'py, PyTuple>> {
    let value = evaluate::expression_or_statements(py, expression, "<string>", frame.as_ref(), is_global)?;
    match value {
        Some(value) => (true, value).into_pyobject(py),
        None => (false, py.None()).into_pyobject(py),
    }
}

/// Gives a variable the value of an expression.
#[pyfunction]
fn assign_in(py: Python<'_>, name: &str, value: &str, frame: Option<Bound<'_, PyAny>>) -> PyResult<()> {
    if frame.as_ref().is_some_and(|it| inspect::original::is_global_only(it, name)) {
        return evaluate::assign_global(py, name, value, frame.as_ref());
    }
    let text = format!("{name}={value}");
    evaluate::expression_or_statements(py, &text, "<string>", frame.as_ref(), false).map(drop)
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

/// Lets the calling thread stop after a step from a frame: `over`, `into` or `out`.
#[pyfunction]
fn begin_step(py: Python<'_>, kind: &str, frame: Bound<'_, PyAny>) -> PyResult<()> {
    let kind = match kind {
        "over" => Kind::Next,
        "into" => Kind::In,
        "out" => Kind::Out,
        other => return Err(PyValueError::new_err(format!("there is no step '{other}'"))),
    };
    if !inspect::original::is_frame(&frame) {
        return Err(PyValueError::new_err("a frame is needed"));
    }
    if lifetime::debugging() && !lifetime::forked() {
        let step = Step {
            kind,
            thread: capi::current_thread(),
            frame: Some(Ref::from(frame)),
            call: None,
            anyway: true,
            landing: Landing::NextLine,
        };
        step::begin(py, step, stop::policy());
    }
    Ok(())
}

/// Stops the thread that is selected at its next line, or any.
#[pyfunction]
fn suspend() -> PyResult<()> {
    pause::request_patiently(door()?.selected().unwrap_or(pause::ANY));
    Ok(())
}

/// Takes back what the calling thread was to stop for.
#[pyfunction]
fn end_step(py: Python<'_>) {
    step::end(py, Some(capi::current_thread()));
    pause::fulfilled(py, None);
}

/// Whether values that are evaluated for a client are escaped for HTML.
#[pyfunction]
fn escape_html(escapes: bool) -> PyResult<()> {
    door()?.escape_html(escapes);
    Ok(())
}

#[pyfunction]
fn set_up_log(letters: &str) {
    log::set_up(letters);
}

/// Writes a line of a domain, by its letter, and a level, by its name.
#[pyfunction]
fn log_line(domain: char, level: &str, text: &str) {
    if let (Some(domain), Some(level)) = (log::Domain::of(domain), log::Level::of(level)) {
        log::log(domain, level, format_args!("{text}"));
    }
}

/// The program asks itself: its code runs as long as it does.
struct Direct;

impl<'py> Foreign<'py> for Direct {
    fn repr(&mut self, value: &Bound<'py, PyAny>) -> Asked<'py> {
        match value.repr() {
            Ok(text) => Asked::Shown(text.into_any()),
            Err(error) => {
                stop::forget_error(value.py(), error);
                Asked::Raised
            }
        }
    }
}
