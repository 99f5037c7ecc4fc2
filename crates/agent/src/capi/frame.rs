//! Reads interpreter frames in place: the fast locals of the running frame, without a frame object.
//!
//! The layout of frames is private to each minor version. 3.13 and later publish it in `_PyRuntime.debug_offsets`; for 3.11
//! and 3.12 it is written down here. Every use compares the code object found with the one that the event named: at the
//! first difference the layout is given up for good and the callers fall back to the public functions.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use pyo3::ffi::{PyCodeObject, PyFrameObject, PyObject, PyThreadState};

use super::{Version, capi, current_thread, data_symbol, is_code};

/// Byte offsets into the interpreter's structures.
#[derive(Clone, Copy, Debug)]
struct Layout {
    /// In the thread state: the pointer that leads to the current frame.
    current_frame: usize,
    /// 3.11 and 3.12: the pointer leads to a C frame, in which the current frame stands here.
    via_c_frame: Option<usize>,
    /// In a frame: its code.
    code: usize,
    /// In a frame: the one that called it.
    previous: usize,
    /// In a frame: the instruction that it executes.
    instruction: usize,
    /// In a frame: who owns it.
    owner: usize,
    /// In a frame: the first local.
    locals: usize,
    /// 3.11 and 3.12: in a frame, its dict of locals.
    namespace: Option<usize>,
    /// The bits of a reference that are its address: from 3.14 on not all.
    address: usize,
}

/// 3.12's.
const LAYOUT_312: Layout = Layout {
    current_frame: 56,
    via_c_frame: Some(0),
    code: 0,
    previous: 8,
    instruction: 56,
    owner: 70,
    locals: 72,
    namespace: Some(40),
    address: usize::MAX,
};

/// 3.11: in a frame, its code.
const CODE_311: usize = 32;
/// 3.11 and 3.12: in a frame object, the frame.
const FRAME: usize = 24;

/// The code of a frame object, borrowed. Quicker than to ask for it, which takes a reference.
///
/// # Safety
/// A live frame object of CPython 3.11, under the GIL.
pub(crate) unsafe fn code_in_place(frame: *mut PyFrameObject) -> *mut PyObject {
    // SAFETY: by the caller; the offsets are those of every 3.11 release.
    unsafe { read(read(frame.cast(), FRAME), CODE_311) }.cast_mut().cast()
}

/// 3.11 and 3.12: where the frame of a frame object keeps its dict of locals, which it owns, or null.
///
/// # Safety
/// A live frame object and its code, under the GIL. The place moves when the code of the frame ends.
pub(crate) unsafe fn namespace_of(frame: *mut PyFrameObject, code: *mut PyObject) -> Option<*mut *mut PyObject> {
    let layout = layout()?;
    let offset = layout.namespace?;
    // SAFETY: by the caller; a frame object points to a frame as long as it lives, and what is found there is looked at.
    unsafe {
        let frame = read(frame.cast(), FRAME);
        (read(frame, layout.code).addr() == code.addr()).then(|| frame.add(offset).cast_mut().cast())
    }
}

/// Null while it is not known, and once it was given up. What it points to lives for ever.
static LAYOUT: AtomicPtr<Layout> = AtomicPtr::new(null_mut());

/// In a code object: its first instruction. Not published by all versions, so it is learned from what the public interface says of
/// frames; 0 until then.
static INSTRUCTIONS: AtomicUsize = AtomicUsize::new(0);
/// It is not the same in all code objects.
const NOWHERE: usize = usize::MAX;

fn layout() -> Option<&'static Layout> {
    // SAFETY: null, or what `find_layout` has leaked.
    unsafe { LAYOUT.load(Ordering::Acquire).as_ref() }
}

/// Finds the layout of this interpreter's frames; to be called once, before any of them is read.
pub(crate) fn find_layout() {
    if let Some(layout) = layout_of(capi().version) {
        LAYOUT.store(Box::leak(Box::new(layout)), Ordering::Release);
    }
}

fn layout_of(version: Version) -> Option<Layout> {
    match version {
        (3, 11) => Some(Layout {
            current_frame: 56,
            via_c_frame: Some(8),
            code: CODE_311,
            previous: 48,
            instruction: 56,
            owner: 69,
            locals: 72,
            namespace: Some(24),
            address: usize::MAX,
        }),
        (3, 12) => Some(LAYOUT_312),
        // Indices of 8-byte words in `debug_offsets`; its own layout differs by minor version.
        (3, 13) => published(version, 23, 29, 0),
        (3, 14) => published(version, 26, 32, 3),
        (3, 15) => published(version, 26, 40, 3),
        _ => None,
    }
}

/// `frame` is the index of the first of five words: previous, executable, instruction, locals, owner.
fn published(version: Version, current_frame: usize, frame: usize, tag: usize) -> Option<Layout> {
    let runtime = data_symbol(c"_PyRuntime")?.cast::<u64>();
    // SAFETY: from 3.13 on `_PyRuntime` begins with `debug_offsets`, which is longer than the words read here; the
    // cookie and the version are checked before anything else is believed.
    let word = |index: usize| unsafe { runtime.add(index).read() };
    let cookie = u64::from_le_bytes(*b"xdebugpy");
    let hex = (u64::from(version.0) << 8) | u64::from(version.1);
    if word(0) != cookie || word(1) >> 16 != hex || word(2) != 0 {
        return None;
    }
    let offset = |index| usize::try_from(word(index)).ok().filter(|it| *it < 4096);
    Some(Layout {
        current_frame: offset(current_frame)?,
        via_c_frame: None,
        previous: offset(frame)?,
        code: offset(frame + 1)?,
        instruction: offset(frame + 2)?,
        locals: offset(frame + 3)?,
        namespace: None,
        owner: offset(frame + 4)?,
        address: !tag,
    })
}

/// The interpreter frame that the current thread runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawFrame {
    address: *const u8,
    layout: &'static Layout,
}

impl RawFrame {
    /// The current thread's frame, if its layout is known and it runs `code`. Needs the GIL.
    #[inline(always)]
    pub(crate) fn current(code: *mut PyCodeObject) -> Option<Self> {
        let thread = current_thread();
        Self::innermost(thread, layout()?, code)
    }

    /// The same on 3.12, whose layout is a constant: what need not be read to know it is a percent and a half of a hot loop.
    #[inline(always)]
    pub(crate) fn current_312(code: *mut PyCodeObject) -> Option<Self> {
        let thread = current_thread();
        layout()?;
        Self::innermost(thread, &LAYOUT_312, code)
    }

    #[inline(always)]
    fn innermost(thread: *mut PyThreadState, layout: &'static Layout, code: *mut PyCodeObject) -> Option<Self> {
        // SAFETY: a thread state begins so, and leads to the frame that is being executed.
        let address = unsafe {
            let frame = read(thread.cast(), layout.current_frame);
            match layout.via_c_frame {
                Some(offset) => read(frame, offset),
                None => frame,
            }
        };
        if address.is_null() {
            return None;
        }
        // SAFETY: as above.
        let found = unsafe { read(address, layout.code) };
        if found.addr() & layout.address != code.addr() {
            LAYOUT.store(null_mut(), Ordering::Relaxed);
            return None;
        }
        Some(Self { address, layout })
    }

    fn previous(self) -> Option<Self> {
        // SAFETY: a frame of a stack whose thread has the GIL; each leads to the next.
        let address = unsafe { read(self.address, self.layout.previous) };
        (!address.is_null()).then_some(Self { address, layout: self.layout })
    }

    /// The next frame of Python code below, and whether native code stands between them.
    pub(crate) fn python_caller(self) -> Option<(Self, bool)> {
        /// 3.11: whether the interpreter's loop was entered with this frame.
        const IS_ENTRY: usize = 68;
        // SAFETY: as above.
        let mut native = capi().version < (3, 12) && unsafe { self.address.add(IS_ENTRY).read() } != 0;
        let mut frame = self.previous()?;
        // From 3.12 on a frame of its own stands for the native code that called one of Python's.
        while frame.stands_for_native_code() {
            native = true;
            frame = frame.previous()?;
        }
        Some((frame, native))
    }

    /// The frame of the code that called it, which the public interface names, and whether native code stands between them.
    /// `None` if it is not found.
    pub(crate) fn caller(self, code: *mut PyCodeObject) -> Option<(Self, bool)> {
        /// The frames that the interpreter puts between two of the program's.
        const MOST_BETWEEN: usize = 8;
        let (mut frame, mut native) = self.python_caller()?;
        for _ in 0..MOST_BETWEEN {
            if frame.code_address() == code.addr() {
                return Some((frame, native));
            }
            let (next, further) = frame.python_caller()?;
            (frame, native) = (next, native || further);
        }
        None
    }

    fn stands_for_native_code(self) -> bool {
        /// Up to here owners are threads, generators and frame objects.
        const LAST_OF_PYTHON: u8 = 2;
        // SAFETY: as above.
        capi().version >= (3, 12) && unsafe { self.address.add(self.layout.owner).read() > LAST_OF_PYTHON }
    }

    /// Its code's address.
    fn code_address(self) -> usize {
        // SAFETY: as above.
        unsafe { read(self.address, self.layout.code) }.addr() & self.layout.address
    }

    /// Its code, borrowed: the frame keeps it.
    pub(crate) fn code(self) -> Option<*mut PyCodeObject> {
        // SAFETY: as above; what is executed is an object, whose type is looked at.
        let executed = unsafe { read(self.address, self.layout.code) };
        let executed = executed.map_addr(|address| address & self.layout.address).cast_mut().cast::<PyObject>();
        // SAFETY: a live object or null.
        (!executed.is_null() && unsafe { is_code(executed) }).then_some(executed.cast())
    }

    /// The offset of the instruction that it executes, once it was [learned](Self::learn) where instructions are.
    pub(crate) fn offset(self) -> Option<u32> {
        let start = INSTRUCTIONS.load(Ordering::Relaxed);
        if start == 0 || start == NOWHERE {
            return None;
        }
        u32::try_from(self.behind_code()?.checked_sub(start)?).ok()
    }

    /// Takes note of what the public interface says that the offset is.
    pub(crate) fn learn(self, offset: u32) {
        let start = self.behind_code().and_then(|it| it.checked_sub(offset as usize)).unwrap_or(NOWHERE);
        let known = INSTRUCTIONS.load(Ordering::Relaxed);
        if known != start {
            INSTRUCTIONS.store(if known == 0 { start } else { NOWHERE }, Ordering::Relaxed);
        }
    }

    /// How far its instruction lies behind the begin of its code object.
    fn behind_code(self) -> Option<usize> {
        // SAFETY: as above.
        unsafe { read(self.address, self.layout.instruction) }.addr().checked_sub(self.code_address())
    }

    /// What lies at a place of its stack of values, which begins behind so many locals; borrowed.
    pub(crate) fn stacked(self, locals: usize, index: usize) -> Option<*mut PyObject> {
        self.local(locals + index)
    }

    /// The fast local at `index`, borrowed; `None` if it is unbound or not an ordinary object.
    #[inline(always)]
    pub(crate) fn local(self, index: usize) -> Option<*mut PyObject> {
        /// Of what is no object, but the number itself (3.14+). No object's address has it.
        const NUMBER: usize = 2;
        // SAFETY: the frame is running and `index` is below its code's number of locals, cells and free variables.
        let value = unsafe { read(self.address, self.layout.locals + index * size_of::<usize>()) };
        if value.addr() & NUMBER != 0 {
            return None;
        }
        let object = value.map_addr(|address| address & self.layout.address);
        (!object.is_null()).then(|| object.cast_mut().cast())
    }
}

/// # Safety
/// A pointer-sized value lies at `base + offset`.
unsafe fn read(base: *const u8, offset: usize) -> *const u8 {
    // SAFETY: by the caller.
    unsafe { base.add(offset).cast::<*const u8>().read() }
}
