//! The stacks of a stopped program, walked as far as somebody looks.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI32, Ordering};

use ikpdb_proto::{Failure, ThreadId, dap};
use pyo3::ffi::{self, PyFrameObject};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::codes;
use super::position::Lines;
use super::source;
use super::stop::Exception;
use super::threads::Thread;
use crate::capi::{self, Ref};

/// A frame that was shown.
#[derive(Debug)]
struct Shown {
    id: i32,
    what: Row,
}

/// A row of a stack.
#[derive(Debug)]
enum Row {
    /// A frame, with its line if it is not the one that it executes: where an exception left it.
    Frame(Ref, Option<u32>),
    /// A place in a file that could not be compiled: there is no frame.
    NotCompiled(dap::Place),
}

#[derive(Debug, Default)]
struct Stack {
    shown: Vec<Shown>,
    /// The next frame to show.
    next: Option<Ref>,
}

/// The stacks of one stop.
#[derive(Debug)]
pub(crate) struct Stacks {
    stacks: HashMap<ThreadId, Stack>,
    /// Where each id is.
    places: BTreeMap<i32, (ThreadId, usize)>,
    first_id: i32,
    lines: Lines,
}

/// Frame ids are counted through all stops: one of an earlier stop is refused, never taken for another.
static NEXT_ID: AtomicI32 = AtomicI32::new(1);

impl Stacks {
    /// The stacks of a stop: that of its thread begins at the given frame, or is the one that an exception left.
    pub(crate) fn new(thread: &Thread, top: Option<Ref>, exception: Option<&Exception>) -> Self {
        let mut stacks = Self {
            stacks: HashMap::new(),
            places: BTreeMap::new(),
            first_id: NEXT_ID.load(Ordering::Relaxed),
            lines: Lines::default(),
        };
        let mut stack = Stack { shown: Vec::new(), next: top.or_else(|| thread.frame()) };
        if let Some(exception) = exception {
            stack.next = None;
            let frames = exception.frames.iter().map(|(frame, line)| {
                // SAFETY: the exception holds the frame; the GIL is held.
                Row::Frame(unsafe { Ref::borrow(frame.as_ptr()) }, Some(*line))
            });
            for what in exception.not_compiled.clone().map(Row::NotCompiled).into_iter().chain(frames) {
                stack.shown.push(Shown { what, id: NEXT_ID.fetch_add(1, Ordering::Relaxed) });
            }
            for (index, shown) in stack.shown.iter().enumerate() {
                stacks.places.insert(shown.id, (thread.id, index));
            }
        }
        stacks.stacks.insert(thread.id, stack);
        stacks
    }

    /// `stackTrace`.
    pub(crate) fn trace(
        &mut self,
        py: Python<'_>,
        threads: &[Thread],
        arguments: &dap::StackTraceArguments,
    ) -> Result<dap::StackTraceBody, Failure> {
        let id = arguments.thread_id;
        let Some(thread) = threads.iter().find(|it| it.id == id) else {
            return Err(Failure::client(format!("there is no thread {id}")));
        };
        let stack = self.stacks.entry(id).or_insert_with(|| Stack { shown: Vec::new(), next: thread.frame() });
        let start = arguments.start_frame.unwrap_or(0) as usize;
        let end = match arguments.levels {
            None | Some(0) => usize::MAX,
            Some(levels) => start.saturating_add(levels as usize),
        };
        while stack.shown.len() < end {
            let Some(frame) = stack.next.take() else { break };
            // SAFETY: we hold the frame.
            stack.next = unsafe { Ref::steal((capi::py().frame_get_back)(frame.as_ptr().cast()).cast()) };
            let shown = Shown { what: Row::Frame(frame, None), id: NEXT_ID.fetch_add(1, Ordering::Relaxed) };
            self.places.insert(shown.id, (id, stack.shown.len()));
            stack.shown.push(shown);
        }
        let total = stack.shown.len() + usize::from(stack.next.is_some());
        let wanted = stack.shown.get(start.min(stack.shown.len())..end.min(stack.shown.len())).unwrap_or_default();
        Ok(dap::StackTraceBody {
            stack_frames: wanted.iter().map(|shown| shown.describe(py, &mut self.lines)).collect(),
            // One more than known says that there are more: a deep stack is not walked for its length.
            total_frames: u32::try_from(total).ok(),
        })
    }

    /// The frame with an id.
    pub(crate) fn frame(&self, id: i32) -> Result<&Ref, Failure> {
        if id < self.first_id {
            return Err(Failure::stale("this frame"));
        }
        let place = self.places.get(&id).ok_or_else(|| Failure::client(format!("there is no frame {id}")))?;
        match &self.stacks[&place.0].shown[place.1].what {
            Row::Frame(frame, _) => Ok(frame),
            Row::NotCompiled(_) => Err(Failure::user("nothing of this file ran: it could not be compiled")),
        }
    }

    /// The innermost frame of a thread that is shown or would be.
    pub(crate) fn top(&self, thread: &Thread) -> Option<Ref> {
        match self.stacks.get(&thread.id) {
            Some(stack) => {
                let top = match stack.shown.first().map(|it| &it.what) {
                    Some(Row::Frame(frame, _)) => frame,
                    Some(Row::NotCompiled(_)) => return None,
                    None => stack.next.as_ref()?,
                };
                // SAFETY: we hold the frame.
                Some(unsafe { Ref::borrow(top.as_ptr()) })
            }
            None => thread.frame(),
        }
    }
}

impl Shown {
    fn describe(&self, py: Python<'_>, lines: &mut Lines) -> dap::StackFrame {
        match &self.what {
            Row::Frame(frame, line) => describe(py, lines, self.id, frame, *line),
            Row::NotCompiled(place) => dap::StackFrame {
                id: self.id,
                name: "not compiled".to_owned(),
                source: Some(source::describe(py, &place.path, None)),
                line: place.line,
                column: 1,
                ..dap::StackFrame::default()
            },
        }
    }
}

fn describe(py: Python<'_>, lines: &mut Lines, id: i32, object: &Ref, left_at: Option<u32>) -> dap::StackFrame {
    let frame: *mut PyFrameObject = object.as_ptr().cast();
    let code = capi::frame_code(frame);
    // SAFETY: live objects that the frame holds.
    let (bound, executed) = unsafe { (Bound::from_borrowed_ptr(py, code.cast()), ffi::PyFrame_GetLineNumber(frame)) };
    let text = |name: &str| bound.getattr(name).ok().and_then(|it| it.extract::<String>().ok());
    let (file, user) = match codes::info_of(py, code.cast()) {
        Ok(info) if !info.is_null() => codes::file_of(py, info),
        _ => (text("co_filename").unwrap_or_default(), false),
    };
    let line = left_at.unwrap_or_else(|| u32::try_from(executed).unwrap_or(0)).max(1);
    let module = module(py, object);
    // Where an exception left a frame, the frame's own instruction is a later one.
    let span = match left_at {
        // SAFETY: a live frame.
        None => lines.span(&bound, &file, unsafe { (capi::py().frame_get_lasti)(frame) }),
        Some(_) => None,
    };
    let mut source = source::describe(py, &file, module.as_deref());
    if !user {
        source.presentation_hint = Some("deemphasize".to_owned());
        source.origin = Some("library".to_owned());
    }
    dap::StackFrame {
        id,
        name: text("co_qualname").or_else(|| text("co_name")).unwrap_or_default(),
        source: Some(source),
        line,
        column: span.map_or(1, |it| it.column),
        end_line: span.map(|it| it.end_line),
        end_column: span.map(|it| it.end_column),
        module_id: module,
        presentation_hint: (!user).then(|| "subtle".to_owned()),
    }
}

fn module(py: Python<'_>, frame: &Ref) -> Option<String> {
    // SAFETY: we hold the frame; a new reference.
    let globals = unsafe { Ref::steal((capi::py().frame_get_globals)(frame.as_ptr().cast())) }?;
    let globals = globals.bind(py);
    globals.cast::<PyDict>().ok()?.get_item("__name__").ok()??.extract().ok()
}
