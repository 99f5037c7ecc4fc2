//! `exceptionInfo`: the exception of a stop, with its causes.

use ikpdb_proto::{Failure, dap};
use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;

use crate::engine::stop::Stop;
use crate::inspect;

/// So many causes are followed; a chain may be a ring.
const LONGEST_CHAIN: usize = 20;

/// Describes the exception.
pub(crate) fn describe(py: Python<'_>, stop: &Stop) -> Result<dap::ExceptionInfoBody, Failure> {
    let exception = stop.exception.as_ref().ok_or_else(|| Failure::user("the program did not stop on an exception"))?;
    let exception = exception.bind(py);
    let details = details(&exception, 0);
    Ok(dap::ExceptionInfoBody {
        exception_id: details.full_type_name.clone().unwrap_or_default(),
        description: details.message.clone(),
        break_mode: "unhandled".to_owned(),
        details: Some(dap::ExceptionDetails { stack_trace: formatted(py, &exception), ..details }),
    })
}

fn details(exception: &Bound<'_, PyAny>, depth: usize) -> dap::ExceptionDetails {
    let kind = exception.get_type();
    let name = kind.qualname().map(|it| it.to_string()).unwrap_or_default();
    let module = kind.module().map(|it| it.to_string()).unwrap_or_default();
    let full = if module == "builtins" { name.clone() } else { format!("{module}.{name}") };
    // Not by `str`: that may be the program's own code.
    let line = inspect::exception_line(exception);
    let message = line.split_once(": ").map(|it| it.1.to_owned()).unwrap_or_default();
    let link = |name: &str| exception.getattr(name).ok().filter(|it| it.is_instance_of::<PyBaseException>());
    let suppressed = exception.getattr("__suppress_context__").is_ok_and(|it| it.is_truthy().unwrap_or(false));
    let inner = match link("__cause__") {
        Some(cause) => Some((cause, "cause")),
        None if suppressed => None,
        None => link("__context__").map(|context| (context, "context")),
    };
    let raised_at = exception.getattr("__traceback__").ok().and_then(|traceback| last_place(&traceback));
    dap::ExceptionDetails {
        message: Some(message),
        type_name: Some(name),
        full_type_name: Some(full),
        stack_trace: None,
        inner_exception: inner.as_ref().filter(|_| depth < LONGEST_CHAIN).map(|it| vec![details(&it.0, depth + 1)]),
        ikpdb_relation: inner.map(|it| it.1.to_owned()),
        ikpdb_raised_at: raised_at,
    }
}

/// Where a traceback ends: the line that raised.
fn last_place(traceback: &Bound<'_, PyAny>) -> Option<dap::Place> {
    let mut last = traceback.clone();
    if last.is_none() {
        return None;
    }
    loop {
        let next = last.getattr("tb_next").ok()?;
        if next.is_none() {
            break;
        }
        last = next;
    }
    let code = last.getattr("tb_frame").ok()?.getattr("f_code").ok()?;
    Some(dap::Place {
        path: code.getattr("co_filename").ok()?.extract().ok()?,
        line: last.getattr("tb_lineno").ok()?.extract().ok()?,
        function: code.getattr("co_qualname").ok()?.extract().ok(),
    })
}

/// The traceback as Python prints it.
fn formatted(py: Python<'_>, exception: &Bound<'_, PyAny>) -> Option<String> {
    let lines: Vec<String> =
        py.import("traceback").ok()?.call_method1("format_exception", (exception,)).ok()?.extract().ok()?;
    Some(lines.concat())
}
