//! Variables.
use ikpdb_proto::{Failure, dap};
use pyo3::prelude::*;
pub(crate) struct Handles(i32);
impl Handles {
    pub(crate) fn new(first: i32) -> Self {
        Self(first)
    }
    pub(crate) fn next_reference(&self) -> i32 {
        self.0
    }
}
pub(crate) fn scopes(_py: Python<'_>, _h: &mut Handles, _f: &Bound<'_, PyAny>) -> Result<Vec<dap::Scope>, Failure> {
    Ok(vec![])
}
pub(crate) fn variables(
    _py: Python<'_>,
    _h: &mut Handles,
    _a: &dap::VariablesArguments,
) -> Result<Vec<dap::Variable>, Failure> {
    Ok(vec![])
}
pub(crate) fn set_variable(
    _py: Python<'_>,
    _h: &mut Handles,
    _a: &dap::SetVariableArguments,
    _e: &mut dyn FnMut(Python<'_>, &str, Option<&Bound<'_, PyAny>>) -> Result<Py<PyAny>, Failure>,
) -> Result<dap::SetVariableBody, Failure> {
    Err(Failure::unsupported("x"))
}
pub(crate) fn result(_py: Python<'_>, _h: &mut Handles, v: &Bound<'_, PyAny>, _n: Option<&str>) -> dap::EvaluateBody {
    dap::EvaluateBody { result: v.to_string(), ..Default::default() }
}
