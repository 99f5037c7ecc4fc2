//! Variables: shows any value in bounded time and space without running a line of the program's code.
//!
//! [`native`] and [`data`] read objects by C functions alone; [`types`] knows what to expect of a type; `render*` write one
//! line; [`attributes`] and [`items`] list children, [`children`] makes DAP variables of them; [`locals`] knows frames, [`namespace`] leaves them as they were;
//! [`lookup`] finds what an expression names; [`exceptions`] reads exceptions and tracebacks; [`handles`] holds what
//! references refer to until the program goes on; [`original`] shows values as the original IKPdb did. Only two things run the program's code, because the user asks for it:
//! opening a lazy variable, and [`set_variable`].

mod attributes;
mod children;
mod data;
mod exceptions;
mod expression;
mod handles;
mod items;
mod line;
mod locals;
mod lookup;
mod namespace;
mod native;
pub(crate) mod original;
mod paths;
mod render;
mod render_container;
mod render_library;
mod render_number;
mod render_object;
mod render_text;
mod scopes;
mod set;
mod types;

use ikpdb_proto::{Failure, dap};
use pyo3::prelude::*;

use children::Describe;
pub(crate) use exceptions::{Exception, FramePlace, Relation, SyntaxError};
pub(crate) use handles::Handles;
pub(crate) use namespace::Namespace;
use native::NoCollection;
pub(crate) use set::Evaluate;
use types::Types;

/// The scopes of a frame object.
pub(crate) fn scopes(
    py: Python<'_>,
    handles: &mut Handles,
    frame: &Bound<'_, PyAny>,
) -> Result<Vec<dap::Scope>, Failure> {
    let _quiet = NoCollection::new(py);
    Ok(scopes::scopes(py, handles, frame))
}

/// The children of a reference. Runs the program's code if that is a lazy variable's, and then only.
pub(crate) fn variables(
    py: Python<'_>,
    handles: &mut Handles,
    arguments: &dap::VariablesArguments,
) -> Result<Vec<dap::Variable>, Failure> {
    children::variables(py, handles, arguments)
}

/// Gives a variable the value of an expression, which `evaluate` evaluates.
pub(crate) fn set_variable(
    py: Python<'_>,
    handles: &mut Handles,
    arguments: &dap::SetVariableArguments,
    evaluate: &mut Evaluate<'_>,
) -> Result<dap::SetVariableBody, Failure> {
    set::set_variable(py, handles, arguments, evaluate)
}

/// A value as the answer of `evaluate`: `evaluate_name` is the expression that it came from, and what is typed for its
/// children may use the names of `frame`.
pub(crate) fn result<'py>(
    py: Python<'py>,
    handles: &mut Handles,
    value: &Bound<'py, PyAny>,
    evaluate_name: Option<&str>,
    frame: Option<&Bound<'py, PyAny>>,
) -> dap::EvaluateBody {
    let _quiet = NoCollection::new(py);
    let mut describe = Describe { handles, types: Types::default(), frame: frame.cloned() };
    let path = evaluate_name.map(paths::operand);
    let variable = describe.variable(String::new(), value, path);
    dap::EvaluateBody {
        result: variable.value,
        type_: variable.type_,
        presentation_hint: variable.presentation_hint,
        variables_reference: variable.variables_reference,
        named_variables: variable.named_variables,
        indexed_variables: variable.indexed_variables,
        ikpdb_others_ran: None,
    }
}

/// The value of an expression that needs no code of the program: a name, an attribute, an item. Any other is refused.
pub(crate) fn look_up<'py>(
    py: Python<'py>,
    expression: &str,
    frame: Option<&Bound<'py, PyAny>>,
) -> Result<Bound<'py, PyAny>, Failure> {
    let _quiet = NoCollection::new(py);
    lookup::look_up(py, expression, frame)
}

/// A value in full, for the clipboard.
pub(crate) fn whole(value: &Bound<'_, PyAny>) -> String {
    let _quiet = NoCollection::new(value.py());
    render::whole(&mut Types::default(), value)
}

/// Whether the children of a reference are told by code of the program.
pub(crate) fn runs_code(handles: &Handles, reference: i32) -> bool {
    handles.place(reference).is_ok_and(|place| matches!(place.what, handles::What::Lazy { .. }))
}

/// An exception as the last line of a traceback, `ValueError: the message`, without asking its `__str__`.
pub(crate) fn exception_line(exception: &Bound<'_, PyAny>) -> String {
    let _quiet = NoCollection::new(exception.py());
    exceptions::line(&mut Types::default(), exception)
}

/// The names of an exception's type and of its bases, each alone and with its module.
pub(crate) fn exception_types(exception: &Bound<'_, PyAny>) -> Vec<(String, String)> {
    let _quiet = NoCollection::new(exception.py());
    exceptions::type_names(exception)
}

/// What a `SystemExit` says of the exit code; none if it says nothing.
pub(crate) fn exit_code(exception: &Bound<'_, PyAny>) -> Option<i64> {
    let _quiet = NoCollection::new(exception.py());
    exceptions::exit_code(exception)
}

/// What there is to say of an exception, without asking it.
pub(crate) fn exception(exception: &Bound<'_, PyAny>) -> Exception {
    let _quiet = NoCollection::new(exception.py());
    exceptions::describe(&mut Types::default(), exception)
}

/// The exception that an exception was raised from, or while it was handled.
pub(crate) fn inner_exception<'py>(exception: &Bound<'py, PyAny>) -> Option<(Bound<'py, PyAny>, Relation)> {
    let _quiet = NoCollection::new(exception.py());
    exceptions::inner(exception)
}

/// The exceptions that a group is made of.
pub(crate) fn grouped_exceptions<'py>(exception: &Bound<'py, PyAny>) -> Vec<Bound<'py, PyAny>> {
    let _quiet = NoCollection::new(exception.py());
    exceptions::members(exception)
}

/// The frames that an exception left, outermost first, with the lines at which it did.
pub(crate) fn traceback<'py>(exception: &Bound<'py, PyAny>) -> Vec<(Bound<'py, PyAny>, u32)> {
    let _quiet = NoCollection::new(exception.py());
    exceptions::traceback(exception)
}

/// The same of a traceback itself; none if it is something else.
pub(crate) fn traceback_from(first: Bound<'_, PyAny>) -> Vec<(Bound<'_, PyAny>, u32)> {
    let _quiet = NoCollection::new(first.py());
    exceptions::traceback_from(first)
}

/// Where a file could not be compiled, if that is what the exception says.
pub(crate) fn syntax_error(exception: &Bound<'_, PyAny>) -> Option<SyntaxError> {
    let _quiet = NoCollection::new(exception.py());
    exceptions::syntax_error(exception)
}

/// The name of the module whose globals a frame has.
pub(crate) fn module_of(frame: &Bound<'_, PyAny>) -> Option<String> {
    let _quiet = NoCollection::new(frame.py());
    locals::module_name(frame)
}

/// File and function of a code object that a frame runs.
pub(crate) fn place_of(frame: &Bound<'_, PyAny>) -> Option<FramePlace> {
    let _quiet = NoCollection::new(frame.py());
    exceptions::place(frame)
}
