//! `evaluate`: expressions and statements in a frame, on the stopped thread.

use ikpdb_proto::{Failure, Request, dap};
use pyo3::ffi::{self, PyFrameObject};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::capi;
use crate::engine::codes;
use crate::engine::control::one_line;
use crate::engine::evaluation::Evaluation;
use crate::engine::stop::Stop;
use crate::inspect;

/// The longest `repr` that is sent, in characters.
const LONGEST_RESULT: usize = 100_000;

/// Answers `evaluate`.
pub(crate) fn evaluate(py: Python<'_>, stop: &mut Stop, request: &Request) -> Result<dap::EvaluateBody, Failure> {
    let arguments: dap::EvaluateArguments = request.arguments()?;
    let frame = match arguments.frame_id {
        Some(id) => Some(stop.stacks.frame(id)?.bind(py)),
        None => None,
    };
    let context = arguments.context.as_deref();
    let expression = arguments.expression.trim();
    if context == Some("hover") {
        // The user only points at something: no code of the program runs for it.
        let value = inspect::look_up(py, expression, frame.as_ref())?;
        return Ok(inspect::result(py, &mut stop.handles, &value, Some(expression), frame.as_ref()));
    }
    let repl = context == Some("repl");
    let evaluation = Evaluation::begin(py, stop, request.seq, None);
    let outcome = run(py, expression, frame.as_ref(), repl).and_then(|value| {
        let Some(value) = value else { return Ok(dap::EvaluateBody::default()) };
        let mut body = inspect::result(py, &mut stop.handles, &value, Some(expression), frame.as_ref());
        match context {
            // In the console the user asks for what Python's own prompt shows, and so for the object's `__repr__`.
            Some("repl") => body.result = if value.is_none() { String::new() } else { shown(py, &value)? },
            Some("clipboard") => body.result = inspect::whole(&value),
            _ => {}
        }
        Ok(body)
    });
    let others_ran = evaluation.end(py, stop).others_ran;
    outcome.map(|body| dap::EvaluateBody { ikpdb_others_ran: others_ran.then_some(true), ..body })
}

/// Evaluates an expression with the names of a frame.
pub(crate) fn expression<'py>(
    py: Python<'py>,
    text: &str,
    frame: Option<&Bound<'_, PyAny>>,
) -> Result<Bound<'py, PyAny>, Failure> {
    run(py, text, frame, false)?.ok_or_else(|| Failure::user("a value is needed, not a statement"))
}

/// Runs an expression, or statements where they are allowed; `None` for statements.
fn run<'py>(
    py: Python<'py>,
    text: &str,
    frame: Option<&Bound<'_, PyAny>>,
    statements: bool,
) -> Result<Option<Bound<'py, PyAny>>, Failure> {
    const FILE: &str = "<console>";
    let outcome = if statements {
        expression_or_statements(py, text, FILE, frame, false)
    } else {
        compile(py, text.trim(), FILE, "eval").and_then(|code| in_frame(py, &code, frame)).map(Some)
    };
    outcome.map_err(|error| Failure::user(one_line(py, &error)))
}

/// Runs an expression, or else statements: `None` for those. `file` is where errors say they are; `is_global` leaves the locals of the
/// frame out.
pub(crate) fn expression_or_statements<'py>(
    py: Python<'py>,
    text: &str,
    file: &str,
    frame: Option<&Bound<'_, PyAny>>,
    is_global: bool,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let text = text.trim();
    let (code, is_expression) = match compile(py, text, file, "eval") {
        Ok(code) => (code, true),
        // Of two errors the one of what it looks like, as it is no expression.
        Err(_) => (compile(py, text, file, "exec")?, false),
    };
    let value = match frame.filter(|_| is_global) {
        Some(frame) => {
            let globals = globals_of(py, frame)?;
            evaluate_code(py, &code, &globals, &globals)?
        }
        None => in_frame(py, &code, frame)?,
    };
    Ok(is_expression.then_some(value))
}

/// Gives a global name the value of an expression, which may use the locals of the frame.
pub(crate) fn assign_global(py: Python<'_>, name: &str, value: &str, frame: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    let code = compile(py, value.trim(), "<string>", "eval")?;
    let value = in_frame(py, &code, frame)?;
    match frame {
        Some(frame) => globals_of(py, frame)?.set_item(name, value),
        None => py.import("__main__")?.setattr(name, value),
    }
}

fn globals_of<'py>(py: Python<'py>, frame: &Bound<'_, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: a live frame; a new reference.
    unsafe { Bound::from_owned_ptr_or_err(py, (capi::py().frame_get_globals)(frame.as_ptr().cast())) }
}

fn compile<'py>(py: Python<'py>, text: &str, file: &str, mode: &str) -> PyResult<Bound<'py, PyAny>> {
    let options = PyDict::new(py);
    options.set_item("dont_inherit", true)?;
    py.import("builtins")?.getattr("compile")?.call((text, file, mode), Some(&options))
}

fn in_frame<'py>(
    py: Python<'py>,
    code: &Bound<'py, PyAny>,
    frame: Option<&Bound<'_, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let Some(frame) = frame else {
        // SAFETY: `PyImport_AddModule` borrows from `sys.modules`, and a module's dict lives with it.
        unsafe {
            let main = ffi::PyImport_AddModule(c"__main__".as_ptr());
            if main.is_null() {
                return Err(PyErr::fetch(py));
            }
            let globals = Bound::from_borrowed_ptr(py, ffi::PyModule_GetDict(main));
            return evaluate_code(py, code, &globals, &globals);
        }
    };
    let address: *mut PyFrameObject = frame.as_ptr().cast();
    let globals = globals_of(py, frame)?;
    let mut namespace = inspect::Namespace::of(py, address)?;
    let locals = namespace.mapping();
    // A lambda or comprehension sees globals only: it gets the locals among them.
    let value = if !globals.is(locals) && has_inner_code(code)? {
        let merged = globals.cast::<PyDict>()?.copy()?;
        merged.call_method1("update", (locals,))?;
        evaluate_code(py, code, merged.as_any(), locals)
    } else {
        evaluate_code(py, code, &globals, locals)
    };
    if !globals.is(namespace.mapping()) {
        namespace.write_back();
    }
    value
}

fn evaluate_code<'py>(
    py: Python<'py>,
    code: &Bound<'py, PyAny>,
    globals: &Bound<'_, PyAny>,
    locals: &Bound<'_, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: live objects; a new reference or an error.
    unsafe {
        let value = ffi::PyEval_EvalCode(code.as_ptr(), globals.as_ptr(), locals.as_ptr());
        Bound::from_owned_ptr_or_err(py, value)
    }
}

fn has_inner_code(code: &Bound<'_, PyAny>) -> PyResult<bool> {
    let constants = code.getattr("co_consts")?.cast_into::<PyTuple>()?;
    Ok(constants.iter().any(|constant| codes::is_code(&constant)))
}

fn shown(py: Python<'_>, value: &Bound<'_, PyAny>) -> Result<String, Failure> {
    let text = value.repr().map_err(|error| Failure::user(one_line(py, &error)))?;
    let text = text.to_string_lossy();
    match text.char_indices().nth(LONGEST_RESULT) {
        None => Ok(text.into_owned()),
        Some((end, _)) => Ok(format!("{}… ({} characters)", &text[..end], text.chars().count())),
    }
}
