//! The requests that a stopped program answers, one file each where there is more to it than a line.

pub(crate) mod evaluate;
mod exception_info;
mod goto;

use ikpdb_proto::{Failure, Request, Response, StopPolicy, ThreadId, dap};
use pyo3::prelude::*;
use serde::Serialize;
use serde_json::Value;

use crate::capi::Ref;
use crate::engine::control::one_line;
use crate::engine::evaluation::Evaluation;
use crate::engine::go_on::{GoOn, Landing, Step, Who};
use crate::engine::step::Kind;
use crate::engine::stop::Stop;
use crate::engine::{breakpoints, calls, evaluation, run_to, source, threads};
use crate::inspect;

/// What a request led to.
pub(crate) enum Outcome {
    /// An answer.
    Body(Value),
    /// An answer, and the program goes on.
    GoOn(GoOn, Value),
    /// Nothing yet: it needs an evaluation, and another thread is in the middle of one.
    PutOff,
}

fn body(body: &impl Serialize) -> Result<Outcome, Failure> {
    serde_json::to_value(body).map(Outcome::Body).map_err(|error| Failure::internal(error.to_string()))
}

/// Answers a request that waited for the stopped thread when that went on. A source can be had all the same.
pub(crate) fn answer_late(py: Python<'_>, request: &Request) -> Response {
    let fetched = match request.command.as_str() {
        "source" => request.arguments().and_then(|arguments| source::fetch(py, &arguments)),
        _ => Err(Failure::running()),
    };
    fetched.map_or_else(|failure| request.refuse(&failure), |body| request.answer(&body))
}

/// Carries out a request on the stopped thread.
pub(crate) fn carry_out(py: Python<'_>, stop: &mut Stop, request: &Request) -> Result<Outcome, Failure> {
    if evaluation::running().is_some() && evaluates(stop, request) {
        return Ok(Outcome::PutOff);
    }
    match request.command.as_str() {
        "threads" => {
            let threads = threads::list(py).into_iter().map(|it| dap::Thread { id: it.id, name: it.name }).collect();
            body(&dap::ThreadsBody { threads })
        }
        "stackTrace" => body(&stop.stacks.trace(py, &threads::list(py), &request.arguments()?)?),
        "scopes" => {
            let arguments: dap::ScopesArguments = request.arguments()?;
            let frame = stop.stacks.frame(arguments.frame_id)?.bind(py);
            body(&dap::ScopesBody { scopes: inspect::scopes(py, &mut stop.handles, &frame)? })
        }
        "variables" => {
            let arguments: dap::VariablesArguments = request.arguments()?;
            let variables = if inspect::runs_code(&stop.handles, arguments.variables_reference) {
                let evaluation = Evaluation::begin(py, stop, request.seq, None);
                let variables = inspect::variables(py, &mut stop.handles, &arguments);
                evaluation.end(py, stop);
                variables
            } else {
                inspect::variables(py, &mut stop.handles, &arguments)
            };
            body(&dap::VariablesBody { variables: variables? })
        }
        "setVariable" => {
            let arguments: dap::SetVariableArguments = request.arguments()?;
            let mut evaluate = |py: Python<'_>, text: &str, frame: Option<&Bound<'_, PyAny>>| {
                evaluate::expression(py, text, frame).map(Bound::unbind)
            };
            let evaluation = Evaluation::begin(py, stop, request.seq, None);
            let outcome = inspect::set_variable(py, &mut stop.handles, &arguments, &mut evaluate);
            evaluation.end(py, stop);
            body(&outcome?)
        }
        "evaluate" => body(&evaluate::evaluate(py, stop, request)?),
        "breakpointLocations" => body(&breakpoints::locations(py, &request.arguments()?)?),
        "exceptionInfo" => {
            let arguments: dap::ExceptionInfoArguments = request.arguments()?;
            let thread = known_thread(py, arguments.thread_id)?;
            body(&exception_info::describe(py, stop, &thread)?)
        }
        "source" => body(&source::fetch(py, &request.arguments()?)?),
        "continue" => {
            let who = who(py, stop, &request.arguments()?)?;
            let answer = dap::ContinueBody { all_threads_continued: Some(matches!(who, Who::All)) };
            Ok(Outcome::GoOn(GoOn::Run(who), serde_json::to_value(answer).unwrap_or(Value::Null)))
        }
        "next" => step(py, stop, request, Kind::Next),
        "stepIn" => step(py, stop, request, Kind::In),
        "stepInTargets" => {
            let arguments: dap::StepInTargetsArguments = request.arguments()?;
            let frame = stop.stacks.frame(arguments.frame_id)?;
            let calls = calls_of(py, stop, frame).map_err(|error| Failure::internal(one_line(py, &error)))?;
            let file = inspect::place_of(&frame.bind(py)).map(|place| place.file).unwrap_or_default();
            body(&dap::StepInTargetsBody { targets: calls::describe(py, &file, &calls) })
        }
        "gotoTargets" => body(&goto::targets(py, stop, &request.arguments()?)?),
        "goto" => goto::goto(py, stop, &request.arguments()?),
        "stepOut" => step(py, stop, request, Kind::Out),
        run_to::COMMAND => {
            let who = who(py, stop, &request.arguments()?)?;
            let only = if let Who::Only(thread) = &who { Some(thread.state) } else { None };
            run_to::begin(py, &request.arguments()?, only)?;
            Ok(Outcome::GoOn(GoOn::Run(who), Value::Null))
        }
        other => Err(Failure::unsupported(other)),
    }
}

/// Whether a request runs code of the program's for the user.
fn evaluates(stop: &Stop, request: &Request) -> bool {
    match request.command.as_str() {
        "evaluate" => {
            request.arguments::<dap::EvaluateArguments>().is_ok_and(|it| it.context.as_deref() != Some("hover"))
        }
        "setVariable" => true,
        "variables" => request
            .arguments::<dap::VariablesArguments>()
            .is_ok_and(|it| inspect::runs_code(&stop.handles, it.variables_reference)),
        _ => false,
    }
}

/// Who goes on. What was stopped by itself goes on by itself.
fn who(py: Python<'_>, stop: &Stop, arguments: &dap::ThreadArguments) -> Result<Who, Failure> {
    let only = stop.policy == StopPolicy::Thread || arguments.single_thread == Some(true);
    if !only && arguments.thread_id == stop.thread.id {
        // If it is shown where it waits it may have ended since: an evaluation may let others run.
        return Ok(Who::All);
    }
    // Of all that go on, too, one that is not there is a mistake.
    let thread = known_thread(py, arguments.thread_id)?;
    Ok(if only { Who::Only(thread) } else { Who::All })
}

/// The thread with this id.
fn known_thread(py: Python<'_>, id: ThreadId) -> Result<threads::Thread, Failure> {
    let found = threads::list(py).into_iter().find(|it| it.id == id);
    found.ok_or_else(|| threads::no_such(id))
}

/// The calls that a frame has still to make on its line.
fn calls_of(py: Python<'_>, stop: &Stop, frame: &Ref) -> PyResult<Vec<calls::Call>> {
    let is_top = stop.stacks.top(&stop.thread).is_some_and(|top| top.as_ptr() == frame.as_ptr());
    calls::of(py, frame, is_top && stop.before_a_line)
}

fn step(py: Python<'_>, stop: &Stop, request: &Request, kind: Kind) -> Result<Outcome, Failure> {
    let arguments: dap::ThreadArguments = request.arguments()?;
    let into: dap::StepInArguments = request.arguments()?;
    let wanted = into.target_id.filter(|_| kind == Kind::In);
    let thread = known_thread(py, arguments.thread_id)?;
    if stop.exception.as_ref().is_some_and(|it| it.unwound) && thread.id == stop.thread.id {
        // The exception has left its frames: there is no next line, only the end.
        return Ok(Outcome::GoOn(GoOn::Run(who(py, stop, &arguments)?), Value::Null));
    }
    let Some(frame) = stop.stacks.top(&thread) else {
        return Err(Failure::user(format!("{} runs no Python code", thread.name)));
    };
    let call = match wanted {
        None => None,
        Some(target) => {
            let calls = calls_of(py, stop, &frame).map_err(|error| Failure::internal(one_line(py, &error)))?;
            let call = calls.into_iter().find(|call| call.id == target);
            Some(call.ok_or_else(|| Failure::client(format!("there is no call {target} on this line")))?.offsets)
        }
    };
    let step = Step {
        kind,
        thread: thread.state,
        frame: Some(frame),
        call,
        anyway: into.ikpdb_anyway == Some(true),
        landing: Landing::Caller,
    };
    Ok(Outcome::GoOn(GoOn::Step(step, who(py, stop, &arguments)?), Value::Null))
}
