//! Steps: from the line where a thread stopped to the next place that the user calls the next one.
//!
//! A step watches one thread. While it is *in a frame* it waits for a line event in that very frame, or for the frame to
//! be left. Left towards a visible frame it stops there at once, on the line that called; left towards the library (just my
//! code) it waits for any line of the user's own. Only the code of the frame has events armed: what it calls runs at full
//! speed.
//!
//! A coroutine that waits is not left: the step waits with it, and what other tasks do meanwhile is not its business. At the end
//! of a task there is nobody to step to but who runs the loop.

use std::sync::atomic::{AtomicBool, Ordering};

use ikpdb_proto::StopPolicy;
use pyo3::ffi::{self, PyFrameObject, PyObject, PyThreadState};
use pyo3::prelude::*;

use super::breakpoints::Spot;
use super::codes::{self, CodeInfo, Held};
use super::each_line::Cause;
use super::events::{self, Watch};
use super::freeze;
use super::gil_cell::GilCell;
use super::go_on::{self, Landing};
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

/// Frame, line and offset.
type Place = (*mut PyFrameObject, i32, i32);

#[derive(Debug)]
struct Step {
    kind: Kind,
    thread: *mut PyThreadState,
    /// The frame that is watched; null while any visible frame will do.
    frame: *mut PyFrameObject,
    /// While any will do: the nearest visible frame, else the first of the thread.
    below: *mut PyFrameObject,
    /// The watched frame, or that below, is a coroutine that waits: what begins now is another task's.
    suspended: bool,
    /// Where the step began, or came back to: a line that goes on is not the next one.
    begun: Place,
    just_my_code: bool,
    /// The code that it watches.
    armed: Vec<(Held, Watch)>,
    /// Whether it wants to know of functions that begin.
    enters: bool,
    /// Whom it stops.
    policy: StopPolicy,
    landing: Landing,
    /// The call that is gone into, past all others of the line: its frame and its instructions.
    call: Option<(*mut PyFrameObject, Vec<u32>)>,
}

// SAFETY: used under the GIL only.
unsafe impl Send for Step {}

/// The steps under way, at most one of a thread.
static STEPS: GilCell<Vec<Step>> = GilCell::new(Vec::new());
static ENTERS: AtomicBool = AtomicBool::new(false);

/// Whether a step is under way.
pub(crate) fn active() -> bool {
    Cause::Step.is_there()
}

/// Whether a step wants to know of functions that begin.
pub(crate) fn watches_starts() -> bool {
    ENTERS.load(Ordering::Relaxed)
}

/// Begins a step.
pub(crate) fn begin(py: Python<'_>, wanted: go_on::Step, policy: StopPolicy) {
    let just_my_code = options().now.just_my_code && !wanted.anyway;
    let (kind, thread) = (wanted.kind, wanted.thread);
    let nowhere = std::ptr::null_mut();
    let from: *mut PyFrameObject = wanted.frame.as_ref().map_or(nowhere, |it| it.as_ptr().cast());
    let call = wanted.call.map(|offsets| (from, offsets));
    let begun = place_of(from);
    end(py, Some(thread));
    let step = Step {
        kind,
        thread,
        frame: nowhere,
        below: nowhere,
        suspended: false,
        begun,
        just_my_code,
        armed: Vec::new(),
        policy,
        landing: wanted.landing,
        enters: kind == Kind::In || kind == Kind::Entry,
        call,
    };
    STEPS.with(py, |steps| {
        steps.push(step);
        publish(steps);
    });
    watch_frame(py, thread, from);
    events::update(py);
}

/// Ends the step of one thread, or all. True if there was one.
pub(crate) fn end(py: Python<'_>, only: Option<*mut PyThreadState>) -> bool {
    let ended = STEPS.with(py, |steps| {
        let is_ended = |step: &Step| only.is_none_or(|it| it == step.thread);
        let (ended, left): (Vec<Step>, Vec<Step>) = std::mem::take(steps).into_iter().partition(is_ended);
        *steps = left;
        publish(steps);
        ended
    });
    if ended.is_empty() {
        return false;
    }
    for (held, _) in ended.into_iter().flat_map(|step| step.armed) {
        watch_anew(py, held.info);
    }
    events::update(py);
    true
}

fn publish(steps: &[Step]) {
    Cause::Step.set(!steps.is_empty());
    ENTERS.store(steps.iter().any(|step| step.enters), Ordering::Relaxed);
}

/// Asks for what all steps together want of a code object.
fn watch_anew(py: Python<'_>, info: *mut CodeInfo) {
    let watch = STEPS.with(py, |steps| {
        let of = steps.iter().flat_map(|step| &step.armed).filter(|it| it.0.info == info);
        of.map(|it| it.1).max().unwrap_or(Watch::Nothing)
    });
    events::watch(py, info, watch);
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

impl Step {
    /// Whether it ends at a line of the frame that it is in.
    fn stops_at_lines(&self) -> bool {
        self.kind != Kind::Out && self.landing != Landing::Nowhere
    }
}

/// Whether the step of the current thread ends at the next line of a frame, if that comes to one.
pub(crate) fn ends_in(py: Python<'_>, frame: *mut PyFrameObject) -> bool {
    let Some((kind, of_step, stops_at_lines, waits)) = with(py, |step| {
        let waits = step.frame.is_null() && (step.below == frame || step.enters);
        (step.kind, step.frame, step.stops_at_lines(), waits)
    }) else {
        return false;
    };
    // The frame of the step may be gone: only those that run are looked at.
    let (mut called, mut is_outside, mut is_called) = (None, false, false);
    let current: *mut PyObject = capi::current_frame().cast();
    // SAFETY: the running frame.
    let mut next = (!current.is_null()).then(|| unsafe { Ref::borrow(current) });
    while let Some(it) = next {
        let address: *mut PyFrameObject = it.as_ptr().cast();
        is_outside |= address == frame && called == Some(of_step);
        is_called |= address == of_step && called == Some(frame);
        called = Some(address);
        // SAFETY: a live frame, which is held; a new reference or null.
        next = unsafe { Ref::steal((capi::py().frame_get_back)(address).cast()) };
    }
    let is_its = of_step == frame;
    match kind {
        _ if waits => true,
        _ if of_step.is_null() => false,
        Kind::In => (is_its && stops_at_lines) || is_called,
        Kind::Next => is_its || is_outside,
        Kind::Out => is_outside,
        Kind::Entry => false,
    }
}

/// A line event in the current thread.
pub(crate) fn on_line(py: Python<'_>, info: *const CodeInfo) -> Verdict {
    let frame = capi::current_frame();
    let stop = with(py, |step| {
        let here = if step.frame.is_null() {
            // Before `__main__` begins, the package around it may run lines of its own.
            step.kind != Kind::Entry
                && step.below == frame
                && !goes_on(frame, step.begun)
                && enters(py, info, frame, step.just_my_code)
        } else {
            step.frame == frame && step.stops_at_lines() && !goes_on(frame, step.begun)
        };
        here.then_some(step.kind)
    });
    stop.flatten().map_or(Verdict::Ignore, Verdict::Stop)
}

/// Whether the line of a place goes on, further behind. (3.12 tells of it again behind an `and`, 3.13 when an `await` is given up.)
fn goes_on(frame: *mut PyFrameObject, begun: Place) -> bool {
    let (_, line, offset) = place_of(frame);
    frame == begun.0 && line == begun.1 && offset > begun.2
}

fn place_of(frame: *mut PyFrameObject) -> Place {
    if frame.is_null() {
        return (frame, 0, 0);
    }
    // SAFETY: a live frame, by the callers.
    unsafe { (frame, ffi::PyFrame_GetLineNumber(frame), (capi::py().frame_get_lasti)(frame)) }
}

/// A function of the current thread begins or is resumed.
pub(crate) fn on_start(py: Python<'_>, info: *mut CodeInfo) -> Verdict {
    let frame = capi::current_frame();
    // SAFETY: the record of running code.
    let (one_line, has_breakpoint) = unsafe {
        let first_line = (*info).first_line;
        let has_breakpoint = (*info).armed.iter().any(|it| it.spot == Spot::Line(first_line));
        ((*info).lines.iter().all(|line| *line == first_line), has_breakpoint)
    };
    let wanted = with(py, |step| {
        if frame == step.frame || frame == step.below {
            step.suspended = false;
        }
        let entered = step.frame != frame
            && !step.suspended
            && step.kind != Kind::Entry
            && match step.call.take_if(|call| is_called_by(frame, call)) {
                // The user has picked it: the library, too.
                // SAFETY: the record of running code.
                Some(_) => !unsafe { (*info).machinery },
                None => step.call.is_none() && enters(py, info, frame, step.just_my_code),
            };
        if entered && step.landing == Landing::Nowhere {
            // From here on it is a step as any other.
            step.landing = Landing::NextLine;
        }
        let main = step.kind == Kind::Entry && super::entry::is_main(py, frame);
        (entered || main).then_some(step.kind)
    });
    let Some(kind) = wanted.flatten() else { return Verdict::Ignore };
    if kind == Kind::Entry {
        super::entry::reached(py, info);
    }
    watch_frame(py, capi::current_thread(), frame);
    // Without a line of its own behind the `def` there may be no line event (3.13+), unless a breakpoint has asked for it before.
    let silent = one_line && !has_breakpoint && capi::capi().version >= (3, 13);
    if silent { Verdict::Stop(kind) } else { Verdict::Ignore }
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

/// The current frame yields a value: a generator's `yield`, or a coroutine that waits.
pub(crate) fn on_yield(py: Python<'_>, info: *const CodeInfo, value: *mut PyObject) -> Verdict {
    let frame = capi::current_frame();
    // `next` stays in the generator, as users of pdb know it; who waits for a coroutine to go on means the coroutine.
    let waits = !info.is_null() && is_coroutine(info) && !is_asynchronous_value(py, value);
    let leaves = with(py, |step| {
        step.suspended |= waits && (frame == step.frame || frame == step.below);
        (step.kind != Kind::Next || step.landing == Landing::NextLine) && !waits
    });
    if leaves == Some(true) { leave(py, true) } else { Verdict::Ignore }
}

/// Whether a value comes from the `yield` of an asynchronous generator, as opposed to its waiting for something.
fn is_asynchronous_value(py: Python<'_>, value: *mut PyObject) -> bool {
    // SAFETY: a live object, by the callers.
    let value = unsafe { Bound::from_borrowed_ptr(py, value) };
    value.get_type().name().is_ok_and(|name| name.to_string_lossy() == "async_generator_wrapped_value")
}

/// An exception leaves the current frame.
pub(crate) fn on_unwind(py: Python<'_>) {
    let _ = leave(py, false);
}

fn leave(py: Python<'_>, by_return: bool) -> Verdict {
    let frame = capi::current_frame();
    let watched = with(py, |step| {
        let waited_for = step.frame.is_null() && step.below == frame;
        (step.frame == frame || waited_for).then_some((step.just_my_code, step.kind, step.landing))
    });
    let Some((just_my_code, kind, landing)) = watched.flatten() else { return Verdict::Ignore };
    if landing == Landing::Nowhere {
        end(py, Some(capi::current_thread()));
        return Verdict::Ignore;
    }
    // SAFETY: the current frame.
    let caller = unsafe { Ref::steal((capi::py().frame_get_back)(frame).cast()) };
    let Some(caller) = caller else {
        // The thread's last Python frame. Native code may call the user's code again; a library's frame was the thread itself.
        // SAFETY: the record of running code, kept alive by `held`.
        let is_library = held_code(py, frame).is_some_and(|held| !unsafe { (*held.info).user });
        if kind == Kind::Entry || is_library || landing == Landing::NextLine {
            end(py, Some(capi::current_thread()));
            freeze::end_step(py);
        } else {
            wait_for_visible(py, frame, None);
        }
        return Verdict::Ignore;
    };
    if shows(py, caller.as_ptr().cast(), just_my_code) {
        if by_return && landing == Landing::Caller {
            return Verdict::StopInCaller(caller);
        }
        // The exception may be handled there: the handler's first line is the next one.
        let begun = place_of(caller.as_ptr().cast());
        let _ = with(py, |step| (step.kind, step.begun) = (Kind::Next, begun));
        watch_frame(py, capi::current_thread(), caller.as_ptr().cast());
    } else {
        wait_for_visible(py, frame, Some(caller));
    }
    Verdict::Ignore
}

/// Lets the step of a thread watch one frame: its lines and its end.
fn watch_frame(py: Python<'_>, thread: *mut PyThreadState, frame: *mut PyFrameObject) {
    let Some(held) = held_code(py, frame) else { return };
    let info = held.info;
    let _ = with_thread(py, thread, |step| {
        step.frame = frame;
        step.suspended = false;
        step.armed.push((held, if step.stops_at_lines() { Watch::LinesAndEnd } else { Watch::End }));
    });
    watch_anew(py, info);
}

/// Waits for any visible line: those of the nearest visible frame below, and those of functions that begin. When a task is over what
/// begins is none of its business.
fn wait_for_visible(py: Python<'_>, left: *mut PyFrameObject, caller: Option<Ref>) {
    let just_my_code = with(py, |step| {
        step.frame = std::ptr::null_mut();
        step.below = std::ptr::null_mut();
        step.suspended = false;
        step.kind = Kind::Next;
        step.just_my_code
    });
    let just_my_code = just_my_code.unwrap_or(true);
    let mut in_task = held_code(py, left).is_some_and(|held| is_coroutine(held.info));
    let mut task_is_over = false;
    let mut frame = caller;
    while let Some(it) = frame {
        let address: *mut PyFrameObject = it.as_ptr().cast();
        let Some(held) = held_code(py, address) else { break };
        // SAFETY: a live frame's code.
        task_is_over |= in_task && !unsafe { (*held.info).awaits };
        in_task |= is_coroutine(held.info);
        let found = visible(held.info, just_my_code);
        // SAFETY: we hold the frame.
        frame = unsafe { Ref::steal((capi::py().frame_get_back)(address).cast()) };
        if !found && frame.is_none() && task_is_over {
            // Only the end of the loop's thread would be waited for.
            end(py, Some(capi::current_thread()));
            freeze::end_step(py);
            return;
        }
        if found || frame.is_none() {
            let info = held.info;
            let _ = with(py, |step| {
                (step.below, step.begun) = (address, place_of(address));
                step.armed.push((held, if found { Watch::LinesAndEnd } else { Watch::End }));
            });
            watch_anew(py, info);
            break;
        }
    }
    let _ = with(py, |step| step.enters = !task_is_over);
    STEPS.with(py, |steps| publish(steps));
    events::update(py);
}

fn is_coroutine(info: *const CodeInfo) -> bool {
    // SAFETY: a living record under the GIL, by the callers.
    unsafe { (*info).is_coroutine }
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
