//! What a stopped thread does for the client: shows itself, evaluates, goes on. Each is a closure that answers exactly once, also if the
//! thread goes on before it comes to it.

use std::time::{Duration, Instant};

use ikpdb_proto::StopPolicy;
use ikpdb_proto::ikpdb::{Event, Exception, Reply};
use pyo3::prelude::*;
use serde_json::{Value, json};

use super::bounded::Bounded;
use super::commands::Asked;
use super::{Door, GO_ON_PATIENCE, Halt, Status, log, threads};
use crate::door::mailbox::Errand;
use crate::engine::control::one_line;
use crate::engine::evaluation::{self, Evaluation, UNASKED};
use crate::engine::go_on::{GoOn, Landing, Step, Who};
use crate::engine::step::Kind;
use crate::engine::stop::{self, Stop};
use crate::engine::watchdog::Limit;
use crate::engine::{codes, library, stack};
use crate::inspect::original::{Asked as Shown, Foreign, Variables};
use crate::requests::evaluate;
use crate::{capi, inspect};

/// How long the program's own code may take to show one value of a stop, and all of them.
const VALUE_TIME: Limit = Limit { processor: Duration::from_millis(5), clock: Duration::from_millis(50) };
const STOP_TIME: Limit = Limit { processor: Duration::from_millis(50), clock: Duration::from_millis(500) };
/// How long it may take for a value that was asked for.
const ASKED_TIME: Limit = Limit { processor: Duration::from_secs(1), clock: Duration::from_secs(2) };
/// What a stop that holds the program answers while a thread that stands still for it is in the middle of an evaluation.
const BUSY: &str = "IKPdb error: another thread is in the middle of an evaluation; let the program go on first.";
/// So many frames of a stack are shown.
pub(crate) const FRAMES: usize = 500;
/// The id of what stands for a script that cannot be compiled. It is no object's: there is no frame, but clients want one to show the line.
const NO_FRAME: u64 = 1;

/// The event of a stop.
pub(super) fn program_break(door: &'static Door, client: u32, halt: Halt) -> Errand {
    Box::new(move |stop| {
        let (py, stop) = stop?;
        let begun = Instant::now();
        let mut event = Event::new("programBreak", json!({"executionStatus": Status::Stopped.name()}));
        let has_more;
        (event.frames, has_more) = frames(py, door, stop);
        if has_more {
            event.messages.warning.push(format!("The innermost {FRAMES} frames are shown; there are more."));
        }
        event.exception = exception(py, door, stop);
        let known = threads::look(py);
        event.threads = Some(threads::describe(&known, door.selected()));
        if halt.at_entry {
            let why = "IKPdb stopped so that you can setup some breakpoints before 'Resuming' execution.";
            event.messages.warning.push(why.to_owned());
        }
        log::say!(Frames, Debug, "{} frames in {:?}", event.frames.len(), begun.elapsed());
        door.warn(&mut event.messages);
        door.sender.send_latest(client, &event.message());
        None
    })
}

/// The exception that the program stopped for, with its text: that of `str`, also where a class of the program's writes it.
fn exception(py: Python<'_>, door: &Door, stop: &mut Stop) -> Option<Exception> {
    let value = stop.exception.as_ref()?.value.bind(py);
    let mut foreign = Bounded::new(py, stop, VALUE_TIME, None, door.start.safe_values);
    let own = inspect::original::own_text(&mut foreign, &value);
    let info = own.unwrap_or_else(|| inspect::exception(&value).message);
    Some(Exception { kind: inspect::original::type_name(&value), info })
}

/// The frames of the thread that stopped, the innermost first, and whether there are more.
fn frames(py: Python<'_>, door: &Door, stop: &mut Stop) -> (Vec<Value>, bool) {
    let mut rows = stop.stacks.frames(&stop.thread.clone(), FRAMES + 1);
    let has_more = rows.len() > FRAMES;
    rows.truncate(FRAMES);
    let found = threads::look(py).into_iter().find(|it| it.id == stop.thread.id);
    let Some(thread) = found else { return (Vec::new(), false) };
    let not_compiled = stop.stacks.not_compiled().map(|place| {
        json!({
            "id": NO_FRAME,
            "name": format!("<module>() [{}]", thread.name),
            "line_number": place.line,
            "file_path": door.name_of(&place.path),
            "f_locals": [],
            "thread": thread.ident,
            "thread_name": thread.name,
        })
    });
    let mut addresses = std::mem::take(&mut stop.addresses);
    let mut foreign = Bounded::new(py, stop, VALUE_TIME, Some(STOP_TIME), door.start.safe_values);
    let mut variables = Variables::new(&mut addresses, &mut foreign);
    // What imports stands between a module and who needs it, and is nobody's business.
    let imports = |frame: &Bound<'_, PyAny>| inspect::place_of(frame).is_some_and(|it| library::is_machinery(&it.file));
    let bound = rows.iter().map(|(frame, line)| (frame.bind(py).clone(), *line)).filter(|it| !imports(&it.0));
    let (stack, lines): (Vec<_>, Vec<_>) = bound.unzip();
    let of_frames = variables.of_frames(&stack);
    let mut frames: Vec<Value> = not_compiled.into_iter().collect();
    for ((frame, line), names) in stack.iter().zip(lines).zip(of_frames) {
        let id = variables.addresses.add(frame);
        let described = describe_frame(py, door, frame, id, line, names, &thread);
        log::say!(Frames, Debug, "{} at {}:{line}", described["name"], described["file_path"]);
        frames.push(described);
    }
    drop(foreign);
    stop.addresses = addresses;
    (frames, has_more)
}

/// A frame as the protocol tells of it.
pub(crate) fn describe_frame(
    py: Python<'_>,
    door: &Door,
    frame: &Bound<'_, PyAny>,
    id: u64,
    line: u32,
    names: Vec<Value>,
    thread: &threads::Known,
) -> Value {
    let function = inspect::place_of(frame).map(|it| it.name).unwrap_or_default();
    json!({
        "id": id,
        "name": format!("{function}() [{}]", thread.name),
        "line_number": line,
        "file_path": door.name_of(&file_of(py, frame)),
        "f_locals": names,
        "thread": thread.ident,
        "thread_name": thread.name,
    })
}

/// The file of a frame's code.
fn file_of(py: Python<'_>, frame: &Bound<'_, PyAny>) -> String {
    let code = capi::frame_code(frame.as_ptr().cast());
    let file = match codes::info_of(py, code.cast()) {
        Ok(info) if !info.is_null() => codes::file_of(py, info).0,
        _ => inspect::place_of(frame).map(|it| it.file).unwrap_or_default(),
    };
    // Frozen modules of the library have files, too.
    library::file_of_frozen(&file).unwrap_or(file)
}

/// `resume` without a kind, else a step.
pub(super) fn go_on(asked: Asked, kind: Option<Kind>) -> Errand {
    Box::new(move |stop| {
        if let Some((_, stop)) = &stop {
            asked.door.leave(stop.id);
        }
        // The answer goes first: what follows may be the next stop, or the end of the process without any more ado.
        asked.answer(Reply::ok(json!({"executionStatus": Status::Running.name()})));
        asked.door.sender.flush(GO_ON_PATIENCE);
        let (_, stop) = stop?;
        let thread = stop.thread.clone();
        log::say!(Execution, Debug, "{} goes on: {}", thread.name, asked.command.command);
        let state = thread.state;
        let who = if stop.policy == StopPolicy::Thread { Who::Only(thread) } else { Who::All };
        let is_over = stop.exception.as_ref().is_some_and(|it| it.unwound);
        // An exception has left the frames that are shown. Behind `post_mortem` the program goes on, behind an uncaught one it does not.
        let frame = if is_over { stack::innermost() } else { stop.stacks.top(&stop.thread) };
        Some(match (kind, frame) {
            (Some(kind), Some(frame)) => GoOn::Step(
                Step { kind, thread: state, frame: Some(frame), call: None, anyway: true, landing: Landing::NextLine },
                who,
            ),
            _ => GoOn::Run(who),
        })
    })
}

/// What is answered to a question about variables while nothing is stopped.
fn nothing() -> Reply {
    Reply::ok(json!({"value": null, "type": null}))
}

/// `evaluate`.
pub(super) fn evaluate(asked: Asked) -> Errand {
    Box::new(move |stop| {
        let Some((py, stop)) = stop else {
            asked.answer(nothing());
            return None;
        };
        let reply = match (asked.command.text("expression"), frame_of(py, stop, &asked)) {
            (None, _) => Reply::error("evaluate() error: missing required expression parameter."),
            (_, Err(why)) => why,
            _ if evaluation::running().is_some() => Reply::error(BUSY),
            (Some(expression), Ok(frame)) => {
                let is_global = asked.command.flag("global") == Some(true);
                let (value, kind) = evaluated(py, asked.door, stop, expression, frame.as_ref(), is_global);
                let value = if asked.door.escapes() { escaped(&value) } else { value };
                Reply::ok(json!({"value": value, "type": kind}))
            }
        };
        asked.answer(reply);
        None
    })
}

/// A value and its type as text, or an exception's.
pub(crate) fn evaluated(
    py: Python<'_>,
    door: &Door,
    stop: &mut Stop,
    expression: &str,
    frame: Option<&Bound<'_, PyAny>>,
    is_global: bool,
) -> (String, String) {
    log::say!(Evaluation, Debug, "Evaluating {expression:?}");
    let evaluation = Evaluation::begin(py, stop, UNASKED, None);
    let outcome = evaluate::expression_or_statements(py, expression, "<string>", frame, is_global);
    let ended = evaluation.end(py, stop);
    let shown = match outcome {
        Ok(Some(value)) => {
            let kind = inspect::original::type_name(&value);
            let is_safe = door.start.safe_values;
            let mut foreign = Bounded::new(py, stop, ASKED_TIME, None, is_safe);
            if is_safe {
                (inspect::original::known_repr(&mut foreign, &value), kind)
            } else {
                let text = match foreign.repr(&value) {
                    Shown::Shown(text) => text.extract::<String>().unwrap_or_else(|_| text.to_string()),
                    Shown::Raised => "Error while extracting value".to_owned(),
                    Shown::NotRun => inspect::original::address(&value),
                };
                (text, kind)
            }
        }
        Ok(None) => ("None".to_owned(), "NoneType".to_owned()),
        Err(error) => {
            let kind = error.get_type(py).name().map(|it| it.to_string()).unwrap_or_default();
            let text = if ended.given_up { format!("{kind}: given up") } else { one_line(py, &error) };
            let text = if text.contains(": ") { text } else { format!("{text}: ") };
            stop::forget_error(py, error);
            (text, kind)
        }
    };
    log::say!(Evaluation, Debug, "It is of type {}: {}", shown.1, log::shortened(shown.0.as_bytes()));
    shown
}

/// The frame that a command names; none if it names none.
fn frame_of<'py>(py: Python<'py>, stop: &Stop, asked: &Asked) -> Result<Option<Bound<'py, PyAny>>, Reply> {
    let id = match asked.command.args.get("frame") {
        None | Some(Value::Null) => return Ok(None),
        Some(id) => id.as_u64().filter(|it| *it != 0),
    };
    match id.and_then(|id| stop.addresses.get(py, id)).filter(inspect::original::is_frame) {
        Some(frame) => Ok(Some(frame)),
        None => {
            let frame = asked.command.args.get("frame").unwrap_or(&Value::Null);
            Err(Reply::error(format!("IKPdb error: there is no frame {frame} where the program is stopped.")))
        }
    }
}

/// `getProperties`.
pub(super) fn properties(asked: Asked) -> Errand {
    Box::new(move |stop| {
        let Some((py, stop)) = stop else {
            asked.answer(nothing());
            return None;
        };
        let mut reply = Reply::ok(json!({"properties": []}));
        let id = match asked.command.args.get("id") {
            None | Some(Value::Null) => 0,
            Some(id) => id.as_u64().unwrap_or(u64::MAX),
        };
        if id != 0 {
            match stop.addresses.get(py, id) {
                Some(object) => reply = Reply::ok(json!({"properties": inside(py, asked.door, stop, &object)})),
                None => {
                    let named = asked.command.args.get("id").unwrap_or(&Value::Null);
                    reply =
                        Reply::error(format!("IKPdb error: there is no object {named} where the program is stopped."))
                            .with_result(json!({"properties": []}));
                }
            }
        }
        asked.answer(reply);
        None
    })
}

/// What is inside of an object.
pub(crate) fn inside<'py>(py: Python<'py>, door: &Door, stop: &mut Stop, object: &Bound<'py, PyAny>) -> Vec<Value> {
    let mut addresses = std::mem::take(&mut stop.addresses);
    let mut foreign = Bounded::new(py, stop, ASKED_TIME, None, door.start.safe_values);
    let inside = Variables::new(&mut addresses, &mut foreign).inside(object);
    drop(foreign);
    stop.addresses = addresses;
    inside
}

/// `setVariable`.
pub(super) fn set_variable(asked: Asked) -> Errand {
    Box::new(move |stop| {
        let Some((py, stop)) = stop else {
            asked.answer(nothing());
            return None;
        };
        let command = &asked.command;
        let reply = match (command.text("name"), command.text("value"), frame_of(py, stop, &asked)) {
            (_, _, Err(why)) => why,
            _ if evaluation::running().is_some() => Reply::error(BUSY),
            (Some(name), Some(value), Ok(frame)) => {
                // A name that was cut or is a stand-in carries a mark.
                let name = name.strip_suffix('*').unwrap_or(name);
                log::say!(Evaluation, Debug, "Sets {name:?} to {value:?}");
                match assign(py, stop, name, value, frame.as_ref()) {
                    Ok(()) => Reply::ok(Value::Null),
                    Err(why) => Reply::error(format!("setVariable({name}={value}) failed with error: {why}")),
                }
            }
            _ => Reply::error("setVariable() error: missing required name or value parameter."),
        };
        asked.answer(reply);
        None
    })
}

/// Gives a variable of a frame, or of the main module, the value of an expression.
pub(crate) fn assign(
    py: Python<'_>,
    stop: &mut Stop,
    name: &str,
    value: &str,
    frame: Option<&Bound<'_, PyAny>>,
) -> Result<(), String> {
    let is_global = frame.is_some_and(|it| inspect::original::is_global_only(it, name));
    let evaluation = Evaluation::begin(py, stop, UNASKED, None);
    let outcome = if is_global {
        evaluate::assign_global(py, name, value, frame)
    } else {
        evaluate::expression_or_statements(py, &format!("{name}={value}"), "<string>", frame, false).map(drop)
    };
    let _ = evaluation.end(py, stop);
    outcome.map_err(|error| {
        let text = one_line(py, &error);
        stop::forget_error(py, error);
        text
    })
}

/// `&`, `<` and `>` as HTML has them.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
