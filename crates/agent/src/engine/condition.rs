//! Conditions of breakpoints: compiled once, and evaluated in as little as the expression allows.
//!
//! Three tiers. `name op integer` and `name is [not] None` on a fast local are compared natively. Any other expression over
//! fast locals and globals becomes a function of the locals it names, called with them. Names that live in cells, in a
//! class body or in a module need the frame's whole namespace.

use std::ffi::c_int;
use std::sync::Mutex;

use pyo3::exceptions::PyNameError;
use pyo3::ffi::{self, PyCodeObject, PyObject};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::codes;
use super::native_condition::NativeCondition;
use crate::capi::frame::RawFrame;
use crate::capi::{self, Ref};

/// A compiled condition for one code object.
#[derive(Debug)]
pub(crate) struct Condition {
    native: Option<(usize, NativeCondition)>,
    function: Option<Function>,
    /// The plain expression, for the slowest tier.
    expression: Ref,
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

impl Condition {
    /// Whether the text is an expression; if not, why.
    pub(crate) fn check(py: Python<'_>, text: &str) -> Result<(), String> {
        compile(py, text).map(drop).map_err(|error| error.value(py).to_string())
    }

    /// Compiles the text for a code object.
    pub(crate) fn compile(py: Python<'_>, text: &str, code: *mut PyObject) -> PyResult<Self> {
        let expression = compile(py, text)?;
        // SAFETY: a live code object, by the caller.
        let code = unsafe { Bound::from_borrowed_ptr(py, code) };
        let list = |name: &str| -> PyResult<Vec<String>> { code.getattr(name)?.extract() };
        let locals = list("co_varnames")?;
        let (cells, free) = (list("co_cellvars")?, list("co_freevars")?);
        let optimized = code.getattr("co_flags")?.extract::<c_int>()? & 1 != 0;
        let mut names = Vec::new();
        names_of(&expression, &mut names)?;
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
        let native = function.as_ref().and_then(|function| {
            let (name, condition) = NativeCondition::parse(text)?;
            let index = function.parameters.iter().find(|it| it.0 == name)?.1;
            Some((index, condition))
        });
        Ok(Self { native, function, expression: expression.into() })
    }

    /// Whether it is true in the frame that the current thread runs, whose code is `code`.
    pub(crate) fn holds(&self, py: Python<'_>, code: *mut PyCodeObject) -> PyResult<bool> {
        if let Some(frame) = RawFrame::current(code) {
            if let Some((index, condition)) = &self.native
                && let Some(answer) = frame.local(*index).and_then(|value| condition.holds(value))
            {
                return Ok(answer);
            }
            if let Some(function) = &self.function {
                return function.holds(py, frame);
            }
        }
        self.holds_in_namespace(py)
    }

    fn holds_in_namespace(&self, py: Python<'_>) -> PyResult<bool> {
        let frame = capi::current_frame();
        // SAFETY: the current frame of this thread; both functions return new references.
        let value = unsafe {
            let globals = Ref::steal((capi::py().frame_get_globals)(frame)).ok_or_else(|| PyErr::fetch(py))?;
            let locals = Ref::steal((capi::py().frame_get_locals)(frame)).ok_or_else(|| PyErr::fetch(py))?;
            let value = ffi::PyEval_EvalCode(self.expression.as_ptr(), globals.as_ptr(), locals.as_ptr());
            Bound::from_owned_ptr_or_err(py, value)?
        };
        value.is_truthy()
    }
}

impl Function {
    fn holds(&self, py: Python<'_>, frame: RawFrame) -> PyResult<bool> {
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
        // The values are borrowed from the frame: the references held here keep them while the expression runs.
        let mut values: Vec<Ref> = Vec::with_capacity(self.parameters.len());
        for (name, index) in &self.parameters {
            let Some(value) = frame.local(*index) else {
                return Err(PyNameError::new_err(format!("name '{name}' is not assigned yet")));
            };
            // SAFETY: a live local of the running frame.
            values.push(unsafe { Ref::borrow(value) });
        }
        let arguments: Vec<*mut PyObject> = values.iter().map(Ref::as_ptr).collect();
        // SAFETY: live objects, as many as said.
        let answer = unsafe {
            let answer =
                (capi::py().vectorcall)(function.as_ptr(), arguments.as_ptr(), arguments.len(), std::ptr::null_mut());
            Bound::from_owned_ptr_or_err(py, answer)?
        };
        answer.is_truthy()
    }
}

fn compile<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    let builtins = py.import("builtins")?;
    builtins.getattr("compile")?.call(
        (text.trim(), "<condition>", "eval"),
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
