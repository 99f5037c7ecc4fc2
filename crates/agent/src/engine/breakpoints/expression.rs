//! Expressions of breakpoints: compiled once, and evaluated in as little as they allow.
//!
//! An expression over fast locals and globals becomes a function of the locals it names, called with them. Names that live in
//! cells, in a class body or in a module need the frame's whole namespace.

use std::ffi::c_int;
use std::sync::Mutex;

use pyo3::exceptions::PyNameError;
use pyo3::ffi::{self, PyCodeObject, PyObject};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::capi::frame::RawFrame;
use crate::capi::{self, Ref};
use crate::engine::codes;
use crate::inspect::Namespace;

/// An expression compiled for one code object.
#[derive(Debug)]
pub(super) struct Expression {
    function: Option<Function>,
    /// As it is, for the frame's namespace.
    plain: Ref,
}

#[derive(Debug)]
struct Function {
    /// Code that makes the function, in the globals of the frame.
    maker: Ref,
    /// Names and places of its parameters.
    parameters: Vec<(String, usize)>,
    /// The function for the globals of the last use: nearly always the same.
    made: Mutex<Option<(usize, Ref)>>,
}

impl Expression {
    /// Whether the text is an expression; if not, why.
    pub(super) fn check(py: Python<'_>, text: &str) -> Result<(), String> {
        compile(py, text).map(drop).map_err(|error| {
            let value = error.value(py);
            // The text of a syntax error also names a file and a line: a condition has neither.
            let message = value.getattr("msg").and_then(|it| it.extract());
            message.unwrap_or_else(|_| value.to_string())
        })
    }

    /// Compiles the text for a code object.
    pub(super) fn compile(py: Python<'_>, text: &str, code: *mut PyObject) -> PyResult<Self> {
        let plain = compile(py, text)?;
        // SAFETY: a live code object, by the caller.
        let code = unsafe { Bound::from_borrowed_ptr(py, code) };
        let list = |name: &str| -> PyResult<Vec<String>> { code.getattr(name)?.extract() };
        let locals = list("co_varnames")?;
        let (cells, free) = (list("co_cellvars")?, list("co_freevars")?);
        let optimized = code.getattr("co_flags")?.extract::<c_int>()? & 1 != 0;
        let mut names = Vec::new();
        names_of(&plain, &mut names)?;
        let in_cells = names.iter().any(|name| cells.contains(name) || free.contains(name));
        let function = if optimized && !in_cells {
            let parameters: Vec<(String, usize)> = locals
                .iter()
                .cloned()
                .enumerate()
                .map(|(i, name)| (name, i))
                .filter(|it| names.contains(&it.0))
                .collect();
            let list: Vec<&str> = parameters.iter().map(|it| it.0.as_str()).collect();
            let maker = compile(py, &format!("lambda {}: (\n{text}\n)", list.join(", ")))?;
            Some(Function { maker: maker.into(), parameters, made: Mutex::new(None) })
        } else {
            None
        };
        Ok(Self { function, plain: plain.into() })
    }

    /// The place of a fast local that it names.
    pub(super) fn local(&self, name: &str) -> Option<usize> {
        self.function.as_ref()?.parameters.iter().find(|it| it.0 == name).map(|it| it.1)
    }

    /// Its value in the frame that the current thread runs, whose code is `code`.
    pub(super) fn value<'py>(&self, py: Python<'py>, code: *mut PyCodeObject) -> PyResult<Bound<'py, PyAny>> {
        if let (Some(function), Some(frame)) = (&self.function, RawFrame::current(code)) {
            return function.value(py, frame);
        }
        let frame = capi::current_frame();
        let locals = Namespace::of(py, frame)?;
        // SAFETY: the current frame of this thread; both functions return new references.
        unsafe {
            let globals = Ref::steal((capi::py().frame_get_globals)(frame)).ok_or_else(|| PyErr::fetch(py))?;
            let value = ffi::PyEval_EvalCode(self.plain.as_ptr(), globals.as_ptr(), locals.mapping().as_ptr());
            Bound::from_owned_ptr_or_err(py, value)
        }
    }
}

impl Function {
    fn value<'py>(&self, py: Python<'py>, frame: RawFrame) -> PyResult<Bound<'py, PyAny>> {
        // SAFETY: the globals of the running frame, borrowed from it.
        let globals = unsafe { ffi::PyEval_GetGlobals() };
        let function = {
            let mut made = self.made.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            match &*made {
                // SAFETY: we hold a reference in `made`.
                Some((address, function)) if *address == globals.addr() => unsafe { Ref::borrow(function.as_ptr()) },
                _ => {
                    // SAFETY: compiled code and a dict; a lambda expression runs nothing but its own making.
                    let function = unsafe {
                        let function = ffi::PyEval_EvalCode(self.maker.as_ptr(), globals, globals);
                        Ref::steal(function).ok_or_else(|| PyErr::fetch(py))?
                    };
                    // SAFETY: we hold a reference.
                    let again = unsafe { Ref::borrow(function.as_ptr()) };
                    *made = Some((globals.addr(), function));
                    again
                }
            }
        };
        let (mut few, mut many) = ([std::ptr::null_mut(); FEW], Vec::new());
        let arguments: &mut [*mut PyObject] = if self.parameters.len() <= FEW {
            &mut few[..self.parameters.len()]
        } else {
            many.resize(self.parameters.len(), std::ptr::null_mut());
            &mut many
        };
        for ((name, index), argument) in self.parameters.iter().zip(&mut *arguments) {
            *argument = frame
                .local(*index)
                .ok_or_else(|| PyNameError::new_err(format!("name '{name}' is not assigned yet")))?;
        }
        // SAFETY: live locals of the running frame, borrowed from it: the references taken here keep them while the
        // expression runs, and are given back behind it, whatever it answers.
        unsafe {
            for argument in &*arguments {
                ffi::Py_INCREF(*argument);
            }
            let answer =
                (capi::py().vectorcall)(function.as_ptr(), arguments.as_ptr(), arguments.len(), std::ptr::null_mut());
            for argument in &*arguments {
                ffi::Py_DECREF(*argument);
            }
            Bound::from_owned_ptr_or_err(py, answer)
        }
    }
}

/// So many values are handed over without asking for memory.
const FEW: usize = 8;

/// Evaluates a text once.
pub(crate) fn evaluate<'py>(
    py: Python<'py>,
    text: &str,
    globals: &Bound<'_, PyAny>,
    locals: &Bound<'_, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let code = compile(py, text)?;
    // SAFETY: live objects; a new reference or an error.
    unsafe {
        let value = ffi::PyEval_EvalCode(code.as_ptr(), globals.as_ptr(), locals.as_ptr());
        Bound::from_owned_ptr_or_err(py, value)
    }
}

fn compile<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    let builtins = py.import("builtins")?;
    builtins.getattr("compile")?.call(
        (text.trim(), codes::EXPRESSION_FILE, "eval"),
        Some(&{
            let options = PyDict::new(py);
            options.set_item("dont_inherit", true)?;
            options
        }),
    )
}

/// The global and local names that an expression reads, those of lambdas and comprehensions in it included.
fn names_of(code: &Bound<'_, PyAny>, names: &mut Vec<String>) -> PyResult<()> {
    names.extend(code.getattr("co_names")?.extract::<Vec<String>>()?);
    for constant in code.getattr("co_consts")?.cast::<PyTuple>()?.iter() {
        if codes::is_code(&constant) {
            names_of(&constant, names)?;
        }
    }
    Ok(())
}
