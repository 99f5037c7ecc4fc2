//! Steps: from the line where a thread stopped to the next place that the user calls the next one.
//!
//! A step watches one thread. While it is *in a frame* it waits for a line event in that very frame, or for the frame to
//! be left. Left towards a visible frame it stops there at once, on the line that called; left towards the library (just my
//! code) it waits for any line of the user's own. Only the code of the frame has events armed: what it calls runs at full
//! speed.

use std::sync::atomic::{AtomicBool, Ordering};

use ikpdb_proto::StopPolicy;
use pyo3::Python;
use pyo3::ffi::{PyFrameObject, PyObject, PyThreadState};

use super::codes::{self, CodeInfo, Held};
use super::events::{self, Watch};
use super::gil_cell::GilCell;
use super::go_on;
use crate::capi::{self, Ref};
use crate::door::options;

/// The kinds of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// To the next line, over calls.
    Next,
    /// Into the first visible function that is called.
    In,
    /// Out of the frame.
    Out,
    /// To the first line of the program.
    Entry,
}

/// What a step says to an event.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Not its business.
    Ignore,
    /// Stop in the current frame.
    Stop(Kind),
    /// Stop, and show the caller: the current frame is being left.
    StopInCaller(Ref),
}

#[derive(Debug)]
struct Step {
    kind: Kind,
    thread: *mut PyThreadState,
    /// The frame that is watched; null while any visible frame will do.
    frame: *mut PyFrameObject,
    just_my_code: bool,
    armed: Vec<Held>,
    /// Whom it stops.
    policy: StopPolicy,
    /// The call that is gone into, past all others of the line: its frame and its instructions.
    call: Option<(*mut PyFrameObject, Vec<u32>)>,
}

// SAFETY: used under the GIL only.
unsafe impl Send for Step {}

/// The steps under way, at most one of a thread.
static STEPS: GilCell<Vec<Step>> = GilCell::new(Vec::new());
static ACTIVE: AtomicBool = AtomicBool::new(false);
static ENTERS: AtomicBool = AtomicBool::new(false);

/// Whether a step is under way.
pub(crate) fn active() -> bool {
    ACTIVE.load(Ordering::Relaxed)
}

/// Whether a step wants to know of functions that begin.
pub(crate) fn watches_starts() -> bool {
    ENTERS.load(Ordering::Relaxed)
}

/// Begins a step.
pub(crate) fn begin(py: Python<'_>, begun: go_on::Step, policy: StopPolicy) {
    let just_my_code = options().now.just_my_code && !begun.anyway;
    let (kind, thread) = (begun.kind, begun.thread);
    let from: *mut PyFrameObject = begun.frame.as_ref().map_or(std::ptr::null_mut(), |it| it.as_ptr().cast());
    let call = begun.call.map(|offsets| (from, offsets));
    end(py, Some(thread));
    let step = Step { kind, thread, frame: std::ptr::null_mut(), just_my_code, armed: Vec::new(), policy, call };
    STEPS.with(py, |steps| steps.push(step));
    ACTIVE.store(true, Ordering::Relaxed);
    watch_frame(py, thread, from);
    if kind == Kind::In || kind == Kind::Entry {
        ENTERS.store(true, Ordering::Relaxed);
    }
    events::update(py);
}

/// Ends the step of one thread, or all.
pub(crate) fn end(py: Python<'_>, only: Option<*mut PyThreadState>) {
    let (ended, left) = STEPS.with(py, |steps| {
        let (ended, left): (Vec<Step>, Vec<Step>) =
            std::mem::take(steps).into_iter().partition(|step| only.is_none_or(|it| it == step.thread));
        *steps = left;
        (ended, !steps.is_empty())
    });
    if ended.is_empty() {
        return;
    }
    ACTIVE.store(left, Ordering::Relaxed);
    if !left {
        ENTERS.store(false, Ordering::Relaxed);
    }
    for held in ended.into_iter().flat_map(|step| step.armed) {
        // Another step may watch the same code.
        let watch = watched(py, held.info);
        events::watch(py, held.info, watch);
    }
    events::update(py);
}

/// What the steps that go on want of a code object.
fn watched(py: Python<'_>, info: *mut CodeInfo) -> Watch {
    STEPS.with(py, |steps| {
        let mut of = steps.iter().filter(|step| step.armed.iter().any(|held| held.info == info));
        match of.clone().all(|step| step.kind == Kind::Out) {
            _ if of.next().is_none() => Watch::Nothing,
            true => Watch::End,
            false => Watch::LinesAndEnd,
        }
    })
}

/// Whom the step of the current thread stops.
pub(crate) fn policy(py: Python<'_>) -> Option<StopPolicy> {
    with(py, |step| step.policy)
}

/// Works on the step of the current thread.
fn with<R>(py: Python<'_>, work: impl FnOnce(&mut Step) -> R) -> Option<R> {
    with_thread(py, capi::current_thread(), work)
}

fn with_thread<R>(py: Python<'_>, thread: *mut PyThreadState, work: impl FnOnce(&mut Step) -> R) -> Option<R> {
    STEPS.with(py, |steps| steps.iter_mut().find(|step| step.thread == thread).map(work))
}

/// A line event in the current thread.
pub(crate) fn on_line(py: Python<'_>, info: *const CodeInfo) -> Verdict {
    let frame = capi::current_frame();
    let stop = with(py, |step| {
        let here = if step.frame.is_null() {
            // Before `__main__` begins, the package around it may run lines of its own.
            step.kind != Kind::Entry && enters(py, info, frame, step.just_my_code)
        } else {
            step.frame == frame && step.kind != Kind::Out
        };
        here.then_some(step.kind)
    });
    stop.flatten().map_or(Verdict::Ignore, Verdict::Stop)
}

/// A function of the current thread begins or is resumed.
pub(crate) fn on_start(py: Python<'_>, info: *mut CodeInfo) -> Verdict {
    let frame = capi::current_frame();
    // SAFETY: the record of running code.
    let one_line = unsafe { (*info).lines.iter().all(|line| *line == (*info).first_line) };
    let wanted = with(py, |step| {
        let entered = step.frame != frame
            && step.kind != Kind::Entry
            && match step.call.take_if(|call| is_called_by(frame, call)) {
                // The user has picked it: the library, too.
                // SAFETY: the record of running code.
                Some(_) => !unsafe { (*info).machinery },
                None => step.call.is_none() && enters(py, info, frame, step.just_my_code),
            };
        let main = step.kind == Kind::Entry && super::entry::is_main(py, frame);
        (entered || main).then_some(step.kind)
    });
    let Some(kind) = wanted.flatten() else { return Verdict::Ignore };
    if kind == Kind::Entry {
        super::entry::reached(py, info);
    }
    watch_frame(py, capi::current_thread(), frame);
    // Without a line of its own behind the `def` there may be no line event (3.13+).
    if one_line && capi::capi().version >= (3, 13) { Verdict::Stop(kind) } else { Verdict::Ignore }
}

/// Whether a frame was called by these instructions of a frame.
fn is_called_by(frame: *mut PyFrameObject, call: &(*mut PyFrameObject, Vec<u32>)) -> bool {
    // SAFETY: the current frame; a new reference or null.
    let caller = unsafe { Ref::steal((capi::py().frame_get_back)(frame).cast()) };
    caller.is_some_and(|caller| {
        // SAFETY: a live frame.
        let at = unsafe { (capi::py().frame_get_lasti)(caller.as_ptr().cast()) };
        caller.as_ptr().cast() == call.0 && u32::try_from(at).is_ok_and(|at| call.1.contains(&at))
    })
}

/// The current frame returns.
pub(crate) fn on_return(py: Python<'_>) -> Verdict {
    leave(py, true)
}

/// The current frame yields: a generator's `yield`, or a coroutine that waits.
pub(crate) fn on_yield(py: Python<'_>, in_coroutine: bool) -> Verdict {
    // `next` stays in the generator, as users of pdb know it; who waits for a coroutine to go on means the coroutine.
    let leaves = with(py, |step| step.kind != Kind::Next && !in_coroutine).unwrap_or(false);
    if leaves { leave(py, true) } else { Verdict::Ignore }
}

/// An exception leaves the current frame.
pub(crate) fn on_unwind(py: Python<'_>) {
    let _ = leave(py, false);
}

fn leave(py: Python<'_>, by_return: bool) -> Verdict {
    let frame = capi::current_frame();
    let watched = with(py, |step| (step.frame == frame).then_some((step.just_my_code, step.kind))).flatten();
    let Some((just_my_code, kind)) = watched else { return Verdict::Ignore };
    // SAFETY: the current frame.
    let caller = unsafe { Ref::steal((capi::py().frame_get_back)(frame).cast()) };
    let Some(caller) = caller else {
        // The thread's last Python frame. With just my code the thread may come back to the user's code; else it ends.
        if kind == Kind::Entry {
            end(py, Some(capi::current_thread()))
        } else {
            wait_for_visible(py, None)
        }
        return Verdict::Ignore;
    };
    if shows(py, caller.as_ptr().cast(), just_my_code) {
        if by_return {
            return Verdict::StopInCaller(caller);
        }
        // The exception may be handled there: the handler's first line is the next one.
        let _ = with(py, |step| step.kind = Kind::Next);
        watch_frame(py, capi::current_thread(), caller.as_ptr().cast());
    } else {
        wait_for_visible(py, Some(caller));
    }
    Verdict::Ignore
}

/// Lets the step of a thread watch one frame: its lines and its end.
fn watch_frame(py: Python<'_>, thread: *mut PyThreadState, frame: *mut PyFrameObject) {
    let Some(held) = held_code(py, frame) else { return };
    let info = held.info;
    let _ = with_thread(py, thread, |step| {
        step.frame = frame;
        step.armed.push(held);
    });
    let watch = watched(py, info);
    events::watch(py, info, watch);
}

/// Waits for any visible line: those of the nearest visible frame below, and those of functions that begin.
fn wait_for_visible(py: Python<'_>, from: Option<Ref>) {
    let just_my_code = with(py, |step| {
        step.frame = std::ptr::null_mut();
        step.kind = Kind::Next;
        step.just_my_code
    });
    ENTERS.store(true, Ordering::Relaxed);
    let mut frame = from;
    while let Some(it) = frame {
        if shows(py, it.as_ptr().cast(), just_my_code.unwrap_or(true)) {
            if let Some(held) = held_code(py, it.as_ptr().cast()) {
                let info = held.info;
                let _ = with(py, |step| step.armed.push(held));
                let watch = watched(py, info);
                events::watch(py, info, watch);
            }
            break;
        }
        // SAFETY: we hold the frame.
        frame = unsafe { Ref::steal((capi::py().frame_get_back)(it.as_ptr().cast()).cast()) };
    }
    events::update(py);
}

fn held_code(py: Python<'_>, frame: *mut PyFrameObject) -> Option<Held> {
    if frame.is_null() {
        return None;
    }
    let code: *mut PyObject = capi::frame_code(frame).cast();
    codes::info_of(py, code).ok().filter(|info| !info.is_null()).map(Held::new)
}

/// Whether code is shown to the user as a place to stop: his own, or all but the import machinery and ours.
fn visible(info: *const CodeInfo, just_my_code: bool) -> bool {
    // SAFETY: a living record under the GIL, by the callers.
    let info = unsafe { &*info };
    info.user || (!just_my_code && !info.machinery)
}

/// Whether a step goes into a frame: [`visible`], and no finder or loader that an import asks. (The module that is imported is
/// entered, and what that calls.)
fn enters(py: Python<'_>, info: *const CodeInfo, frame: *mut PyFrameObject, just_my_code: bool) -> bool {
    // SAFETY: as above.
    visible(info, just_my_code) && (unsafe { (*info).user } || !serves_import(py, info, frame))
}

/// Whether the import machinery waits for a library's frame, before any module or user does.
fn serves_import(py: Python<'_>, info: *const CodeInfo, frame: *mut PyFrameObject) -> bool {
    let mut info = info;
    // SAFETY: live frames, each held by the one above it; a new reference or null.
    let back = |frame: *mut PyFrameObject| unsafe { Ref::steal((capi::py().frame_get_back)(frame).cast()) };
    let mut caller = back(frame);
    loop {
        // SAFETY: the record of code that a live frame runs.
        let code = unsafe { &*info };
        if code.machinery || code.user || code.is_module {
            return code.machinery;
        }
        let Some(next) = caller else { return false };
        let Some(held) = held_code(py, next.as_ptr().cast()) else { return false };
        info = held.info;
        caller = back(next.as_ptr().cast());
    }
}

/// As [`visible`], of a frame's code.
fn shows(py: Python<'_>, frame: *mut PyFrameObject, just_my_code: bool) -> bool {
    held_code(py, frame).is_some_and(|held| visible(held.info, just_my_code))
}
