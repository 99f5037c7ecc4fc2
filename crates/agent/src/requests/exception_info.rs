//! `exceptionInfo`: the exception of a stop, with its causes. It is read and written down natively: none of the program's
//! code runs, so nothing here can fail or hang.

use std::collections::HashMap;

use ikpdb_proto::{Failure, dap};
use pyo3::ffi;
use pyo3::prelude::*;

use crate::capi::{self, Ref};
use crate::engine::stop::Stop;
use crate::engine::threads::Thread;
use crate::engine::{codes, python2};
use crate::inspect::{self, Relation};

/// So many causes are followed; a chain may be a ring.
const LONGEST_CHAIN: usize = 20;
/// So many frames of one traceback are written, the outermost and the innermost.
const FRAMES: usize = 1000;
/// How often in a row a line of a recursion is written.
const REPEATED: usize = 3;
/// The largest file that is read for its lines.
const LARGEST_FILE: u64 = 8 << 20;
/// How deep groups of exceptions are written, and how many of each.
const DEEPEST_GROUP: usize = 10;
const LARGEST_GROUP: usize = 15;

/// Describes the exception.
pub(crate) fn describe(py: Python<'_>, stop: &Stop, thread: &Thread) -> Result<dap::ExceptionInfoBody, Failure> {
    let exception = stop.exception.as_ref().ok_or_else(|| Failure::user("the program did not stop on an exception"))?;
    if thread.id != stop.thread.id {
        return Err(Failure::user(format!("{} did not stop on an exception", thread.name)));
    }
    let (break_mode, unwound) = (exception.mode.name().to_owned(), exception.unwound);
    let exception = exception.value.bind(py);
    let details = details(&exception, 0);
    let is_python_2 = inspect::syntax_error(&exception).is_some_and(|it| python2::looks_like_it(&it));
    let description = match &details.message {
        Some(message) if is_python_2 => Some(format!("{message} ({})", python2::HINT)),
        message => message.clone(),
    };
    // Where it is raised it has come through no frame yet: what Python would print are those that are running.
    let running = if unwound { None } else { stop.stacks.top(&stop.thread).map(|top| running(py, &top)) };
    let stack_trace = Traceback { py, files: HashMap::new(), running }.chain(&exception);
    Ok(dap::ExceptionInfoBody {
        exception_id: details.full_type_name.clone().unwrap_or_default(),
        description,
        break_mode,
        details: Some(dap::ExceptionDetails { stack_trace: Some(stack_trace), ..details }),
    })
}

fn details(exception: &Bound<'_, PyAny>, depth: usize) -> dap::ExceptionDetails {
    let facts = inspect::exception(exception);
    let inner = inspect::inner_exception(exception);
    dap::ExceptionDetails {
        message: Some(facts.message),
        type_name: Some(facts.name),
        full_type_name: Some(facts.full_name),
        stack_trace: None,
        inner_exception: inner.as_ref().filter(|_| depth < LONGEST_CHAIN).map(|it| vec![details(&it.0, depth + 1)]),
        ikpdb_relation: inner.map(|it| it.1).map(|relation| {
            match relation {
                Relation::Cause => "cause",
                Relation::Context => "context",
            }
            .to_owned()
        }),
        ikpdb_raised_at: raised_at(exception),
    }
}

/// Where a traceback ends: the line that raised.
fn raised_at(exception: &Bound<'_, PyAny>) -> Option<dap::Place> {
    let (frame, line) = inspect::traceback(exception).pop()?;
    let place = inspect::place_of(&frame)?;
    Some(dap::Place { path: place.file, line, function: Some(place.qualified) })
}

/// Writes tracebacks as Python prints them.
struct Traceback<'py> {
    py: Python<'py>,
    files: HashMap<String, Option<Vec<String>>>,
    /// The frames of the exception itself, if it has not left them, outermost first.
    running: Option<Vec<(Bound<'py, PyAny>, u32)>>,
}

/// The frames of a thread, outermost first.
fn running<'py>(py: Python<'py>, top: &Ref) -> Vec<(Bound<'py, PyAny>, u32)> {
    let mut frames = Vec::new();
    // SAFETY: live frames, each held by the one above it; a new reference or null.
    let mut next = Some(unsafe { Ref::borrow(top.as_ptr()) });
    while let Some(frame) = next {
        let address: *mut ffi::PyFrameObject = frame.as_ptr().cast();
        // SAFETY: as above.
        let (line, back) = unsafe { (ffi::PyFrame_GetLineNumber(address), (capi::py().frame_get_back)(address)) };
        // Python leaves the import machinery out, too.
        if !codes::is_machinery(address) {
            frames.push((frame.bind(py), u32::try_from(line).unwrap_or(1)));
        }
        // SAFETY: as above.
        next = unsafe { Ref::steal(back.cast()) };
    }
    frames.reverse();
    frames
}

impl<'py> Traceback<'py> {
    /// The exception with those that led to it, the first one first.
    fn chain(&mut self, exception: &Bound<'py, PyAny>) -> String {
        let mut chain = vec![(exception.clone(), None)];
        while chain.len() <= LONGEST_CHAIN
            && let Some((inner, relation)) = chain.last().and_then(|it| inspect::inner_exception(&it.0))
            && !chain.iter().any(|it| it.0.is(&inner))
        {
            chain.push((inner, Some(relation)));
        }
        let mut text = String::new();
        for (exception, relation) in chain.into_iter().rev() {
            self.exception(&exception, 0, relation.is_none(), &mut text);
            text.push_str(match relation {
                Some(Relation::Cause) => "\nThe above exception was the direct cause of the following exception:\n\n",
                Some(Relation::Context) => "\nDuring handling of the above exception, another exception occurred:\n\n",
                None => "",
            });
        }
        text
    }

    fn exception(&mut self, exception: &Bound<'py, PyAny>, depth: usize, is_last: bool, text: &mut String) {
        // Of the chain the exception itself comes last; what is in a group has left its frames.
        let frames = match &mut self.running {
            Some(frames) if is_last => std::mem::take(frames),
            _ => inspect::traceback(exception),
        };
        if !frames.is_empty() {
            text.push_str("Traceback (most recent call last):\n");
            self.frames(&frames, text);
        }
        if let Some(error) = inspect::syntax_error(exception) {
            if let Some(path) = &error.path {
                text.push_str(&format!("  File \"{path}\", line {}\n", error.line));
            }
            if let Some(line) = &error.text {
                let shown = line.trim();
                let indent = line.chars().take_while(|it| it.is_whitespace()).count();
                text.push_str(&format!("    {shown}\n"));
                if let Some(column) = error.column.checked_sub(indent + 1).filter(|it| *it <= shown.chars().count()) {
                    text.push_str(&format!("    {}^\n", " ".repeat(column)));
                }
            }
        }
        let facts = inspect::exception(exception);
        text.push_str(&facts.line);
        text.push('\n');
        for note in &facts.notes {
            text.push_str(note);
            text.push('\n');
        }
        if depth < DEEPEST_GROUP {
            self.members(exception, depth, text);
        }
    }

    /// The exceptions of a group, each in a block of its own.
    fn members(&mut self, exception: &Bound<'py, PyAny>, depth: usize, text: &mut String) {
        let members = inspect::grouped_exceptions(exception);
        for (index, member) in members.iter().take(LARGEST_GROUP).enumerate() {
            text.push_str(&format!("  +---------------- {} ----------------\n", index + 1));
            let mut block = String::new();
            self.exception(member, depth + 1, false, &mut block);
            for line in block.lines() {
                text.push_str(&format!("  | {line}\n"));
            }
        }
        if members.len() > LARGEST_GROUP {
            text.push_str(&format!("  +---------------- … {} more\n", members.len() - LARGEST_GROUP));
        }
        if !members.is_empty() {
            text.push_str("  +------------------------------------\n");
        }
    }

    fn frames(&mut self, frames: &[(Bound<'py, PyAny>, u32)], text: &mut String) {
        let mut last = None;
        let mut repeated = 0;
        let omitted = frames.len().saturating_sub(FRAMES);
        for (index, (frame, line)) in frames.iter().enumerate() {
            if omitted > 0 && (FRAMES / 2..FRAMES / 2 + omitted).contains(&index) {
                if index == FRAMES / 2 {
                    say_repeated(repeated, text);
                    (last, repeated) = (None, 0);
                    text.push_str(&format!("  [… {omitted} more frames]\n"));
                }
                continue;
            }
            let Some(place) = inspect::place_of(frame) else { continue };
            let here = Some((place.file.clone(), place.name.clone(), *line));
            if here == last {
                repeated += 1;
                if repeated >= REPEATED {
                    continue;
                }
            } else {
                say_repeated(repeated, text);
                (last, repeated) = (here, 0);
            }
            text.push_str(&format!("  File \"{}\", line {line}, in {}\n", place.file, place.name));
            if let Some(source) = self.line(&place.file, *line) {
                text.push_str(&format!("    {source}\n"));
            }
        }
        say_repeated(repeated, text);
    }

    /// A line of a file as it was loaded, if it is the user's and was kept, else as it is on disk.
    fn line(&mut self, file: &str, line: u32) -> Option<String> {
        let py = self.py;
        let lines = self.files.entry(file.to_owned()).or_insert_with(|| {
            let path = std::fs::canonicalize(file).ok()?;
            let bytes = match codes::loaded_contents(py, &path) {
                Some(bytes) => bytes.into_vec(),
                None if std::fs::metadata(&path).ok()?.len() <= LARGEST_FILE => std::fs::read(&path).ok()?,
                None => return None,
            };
            Some(String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect())
        });
        let line = lines.as_ref()?.get(usize::try_from(line).ok()?.checked_sub(1)?)?.trim();
        (!line.is_empty()).then(|| line.to_owned())
    }
}

fn say_repeated(repeated: usize, text: &mut String) {
    let Some(more) = repeated.checked_sub(REPEATED - 1).filter(|it| *it > 0) else { return };
    let times = if more == 1 { "time" } else { "times" };
    text.push_str(&format!("  [Previous line repeated {more} more {times}]\n"));
}
