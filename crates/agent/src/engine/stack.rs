//! The stacks of a stopped program, walked as far as somebody looks.

use std::collections::HashMap;
use std::ops::Range;

use ikpdb_proto::{Failure, ThreadId, dap};
use pyo3::ffi::{self, PyFrameObject, PyObject};
use pyo3::prelude::*;

use super::codes;
use super::ids::{self, Owner};
use super::position::Lines;
use super::source;
use super::threads::{self, Thread};
use super::what::Exception;
use crate::capi::{self, Ref};
use crate::door::mailbox::StopId;
use crate::inspect;

/// A row of a stack.
#[derive(Debug)]
enum Row {
    /// A frame, with its line if it is not the one that it executes: where an exception left it.
    Frame(Ref, Option<u32>),
    /// A place in a file that could not be compiled: there is no frame.
    NotCompiled(dap::Place),
}

/// What was walked of a stack.
#[derive(Debug, Default)]
struct Stack {
    /// Ids of its rows, innermost first.
    rows: Vec<i32>,
    /// The next frame to show.
    next: Option<Ref>,
}

/// The stacks of one stop.
#[derive(Debug)]
pub(crate) struct Stacks {
    stacks: HashMap<ThreadId, Stack>,
    rows: HashMap<i32, Row>,
    stop: StopId,
    lines: Lines,
}

/// What frames look like that execute the same instruction with the same globals: a deep stack is one function, mostly.
type Alike = HashMap<(*mut PyObject, *mut PyObject, i32), dap::StackFrame>;

/// Whether the columns of the expressions that frames execute are told: for that their files have to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Columns {
    Told,
    LeftOut,
}

impl Stacks {
    /// The stacks of a stop: that of its thread begins at the given frame, or is the one that an exception left.
    pub(crate) fn new(stop: StopId, thread: &Thread, top: Option<Ref>, exception: Option<&Exception>) -> Self {
        let mut stacks = Self { stacks: HashMap::new(), rows: HashMap::new(), stop, lines: Lines::default() };
        let mut stack = Stack { rows: Vec::new(), next: shown(top.or_else(|| thread.frame())) };
        if let Some((exception, frames)) = exception.and_then(|it| Some((it, it.frames.as_ref()?))) {
            stack.next = None;
            let frames = frames.iter().map(|(frame, line)| {
                // SAFETY: the exception holds the frame; the GIL is held.
                Row::Frame(unsafe { Ref::borrow(frame.as_ptr()) }, Some(*line))
            });
            for row in exception.not_compiled.clone().map(Row::NotCompiled).into_iter().chain(frames) {
                stack.rows.push(add(stop, &mut stacks.rows, row));
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
            return Err(threads::no_such(id));
        };
        let start = arguments.start_frame.unwrap_or(0) as usize;
        let end = match arguments.levels {
            None | Some(0) => usize::MAX,
            Some(levels) => start.saturating_add(levels as usize),
        };
        Ok(self.part(py, thread, start..end, Columns::Told))
    }

    /// The stacks of all threads, at most so many frames, those of `first` before the others'.
    pub(crate) fn all(
        &mut self,
        py: Python<'_>,
        threads: &[Thread],
        first: ThreadId,
        mut most: usize,
    ) -> Vec<(ThreadId, dap::StackTraceBody)> {
        let (first, others): (Vec<_>, Vec<_>) = threads.iter().partition(|it| it.id == first);
        let mut all = Vec::new();
        for thread in first.into_iter().chain(others) {
            if most == 0 {
                break;
            }
            // What nobody has looked at is not worth reading its files.
            let columns = if self.stacks.contains_key(&thread.id) { Columns::Told } else { Columns::LeftOut };
            let stack = self.part(py, thread, 0..most, columns);
            most -= stack.stack_frames.len();
            all.push((thread.id, stack));
        }
        all
    }

    /// Forgets how the stacks of all threads but one were walked; ids that were given out stay good.
    pub(crate) fn forget_others(&mut self, thread: ThreadId) {
        self.stacks.retain(|id, _| *id == thread);
    }

    /// The innermost frames of a thread with their lines, at most so many.
    pub(crate) fn frames(&mut self, thread: &Thread, most: usize) -> Vec<(Ref, u32)> {
        self.walk(thread, most);
        let rows = self.stacks.get(&thread.id).map(|it| it.rows.as_slice()).unwrap_or_default();
        let rows = rows.iter().take(most).filter_map(|id| match self.rows.get(id)? {
            Row::Frame(frame, line) => {
                // SAFETY: we hold the frame; the GIL is held.
                let (held, executed) =
                    unsafe { (Ref::borrow(frame.as_ptr()), ffi::PyFrame_GetLineNumber(frame.as_ptr().cast())) };
                Some((held, line.unwrap_or_else(|| u32::try_from(executed).unwrap_or(0)).max(1)))
            }
            Row::NotCompiled(_) => None,
        });
        rows.collect()
    }

    /// The place in a file that could not be compiled, if that is what the stop shows.
    pub(crate) fn not_compiled(&self) -> Option<&dap::Place> {
        self.rows.values().find_map(|row| match row {
            Row::NotCompiled(place) => Some(place),
            Row::Frame(..) => None,
        })
    }

    /// Walks a stack to so many rows.
    fn walk(&mut self, thread: &Thread, end: usize) {
        let stack =
            self.stacks.entry(thread.id).or_insert_with(|| Stack { rows: Vec::new(), next: shown(thread.frame()) });
        while stack.rows.len() < end {
            let Some(frame) = stack.next.take() else { break };
            stack.next = shown(back(&frame));
            stack.rows.push(add(self.stop, &mut self.rows, Row::Frame(frame, None)));
        }
    }

    fn part(&mut self, py: Python<'_>, thread: &Thread, part: Range<usize>, columns: Columns) -> dap::StackTraceBody {
        self.walk(thread, part.end);
        let stack = self.stacks.entry(thread.id).or_default();
        let total = stack.rows.len() + usize::from(stack.next.is_some());
        let end = part.end.min(stack.rows.len());
        let wanted = stack.rows.get(part.start.min(end)..end).unwrap_or_default();
        let described = wanted.iter().filter_map(|id| Some((*id, self.rows.get(id)?)));
        let mut alike = Alike::new();
        let mut describe = |(id, row): (i32, &Row)| row.describe(py, id, &mut self.lines, columns, &mut alike);
        dap::StackTraceBody {
            stack_frames: described.map(&mut describe).collect(),
            // One more than known says that there are more: a deep stack is not walked for its length.
            total_frames: u32::try_from(total).ok(),
        }
    }

    /// The frame with an id.
    pub(crate) fn frame(&self, id: i32) -> Result<&Ref, Failure> {
        match self.rows.get(&id) {
            Some(Row::Frame(frame, _)) => Ok(frame),
            Some(Row::NotCompiled(_)) => Err(Failure::user("nothing of this file ran: it could not be compiled")),
            None if ids::owner(id) == Owner::Earlier => Err(Failure::stale("this frame")),
            None => Err(Failure::client(format!("there is no frame {id}"))),
        }
    }

    /// The innermost frame of a thread that is shown or would be.
    pub(crate) fn top(&self, thread: &Thread) -> Option<Ref> {
        let Some(stack) = self.stacks.get(&thread.id) else { return shown(thread.frame()) };
        let top = match stack.rows.first().and_then(|id| self.rows.get(id)) {
            Some(Row::Frame(frame, _)) => frame,
            Some(Row::NotCompiled(_)) => return None,
            None => stack.next.as_ref()?,
        };
        // SAFETY: we hold the frame.
        Some(unsafe { Ref::borrow(top.as_ptr()) })
    }
}

/// The innermost frame that the calling thread runs, of those that are shown.
pub(crate) fn innermost() -> Option<Ref> {
    let frame = capi::current_frame();
    // SAFETY: null, or the frame that runs, to which this makes a new reference.
    shown((!frame.is_null()).then(|| unsafe { Ref::borrow(frame.cast()) }))
}

/// The caller of a frame.
pub(crate) fn back(frame: &Ref) -> Option<Ref> {
    // SAFETY: a live frame; a new reference or null.
    unsafe { Ref::steal((capi::py().frame_get_back)(frame.as_ptr().cast()).cast()) }
}

/// The frame, or the next one outside of it that is not the package's: what a program calls to stop itself, say, is not shown.
pub(crate) fn shown(mut frame: Option<Ref>) -> Option<Ref> {
    while let Some(it) = frame.take_if(|it| codes::is_own(it.as_ptr().cast())) {
        frame = back(&it);
    }
    frame
}

fn add(stop: StopId, rows: &mut HashMap<i32, Row>, row: Row) -> i32 {
    let id = ids::take(stop).unwrap_or(0);
    rows.insert(id, row);
    id
}

impl Row {
    fn describe(
        &self,
        py: Python<'_>,
        id: i32,
        lines: &mut Lines,
        columns: Columns,
        alike: &mut Alike,
    ) -> dap::StackFrame {
        let lines = (columns == Columns::Told).then_some(lines);
        match self {
            Row::Frame(frame, None) => {
                let address: *mut PyFrameObject = frame.as_ptr().cast();
                // SAFETY: a live frame; what keeps its code and globals alive while they are compared by address.
                let (globals, at) = unsafe {
                    (Ref::steal((capi::py().frame_get_globals)(address)), (capi::py().frame_get_lasti)(address))
                };
                let globals = globals.map_or(std::ptr::null_mut(), |it| it.as_ptr());
                let key = (capi::frame_code(address).cast(), globals, at);
                let described = alike.entry(key).or_insert_with(|| describe(py, lines, id, frame, None));
                dap::StackFrame { id, ..described.clone() }
            }
            Row::Frame(frame, line) => describe(py, lines, id, frame, *line),
            Row::NotCompiled(place) => dap::StackFrame {
                id,
                name: "not compiled".to_owned(),
                source: Some(source::describe(&place.path, None)),
                line: place.line,
                column: 1,
                ..dap::StackFrame::default()
            },
        }
    }
}

fn describe(py: Python<'_>, lines: Option<&mut Lines>, id: i32, object: &Ref, left_at: Option<u32>) -> dap::StackFrame {
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
    let module = inspect::module_of(&object.bind(py));
    // Where an exception left a frame, the frame's own instruction is a later one.
    let span = match (left_at, lines) {
        // SAFETY: a live frame.
        (None, Some(lines)) => lines.span(&bound, &file, unsafe { (capi::py().frame_get_lasti)(frame) }),
        _ => None,
    };
    let mut source = source::describe(&file, module.as_deref());
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
