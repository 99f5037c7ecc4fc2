//! Variables: shows any value in bounded time and space without running a line of the program's code.
//!
//! [`native`] and [`data`] read objects by C functions alone; [`types`] knows what to expect of a type; `render*` write one
//! line; [`attributes`] and [`items`] list children, [`children`] makes DAP variables of them; [`locals`] knows frames;
//! [`handles`] holds what references refer to until the program goes on. Only two things run the program's code, because
//! the user asks for it: opening a lazy variable, and [`set_variable`].

mod attributes;
mod children;
mod data;
mod handles;
mod items;
mod line;
mod locals;
mod native;
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
pub(crate) use handles::Handles;
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

/// An exception as the last line of a traceback, `ValueError: the message`, without asking its `__str__`.
pub(crate) fn exception_line(exception: &Bound<'_, PyAny>) -> String {
    let _quiet = NoCollection::new(exception.py());
    render_object::exception_line(&mut Types::default(), exception)
}
