//! Reads interpreter frames in place: the fast locals of the running frame, without a frame object.
//!
//! The layout of frames is private to each minor version. 3.13 and later publish it in `_PyRuntime.debug_offsets`; for 3.11
//! and 3.12 it is written down here. Every use compares the code object found with the one that the event named: at the
//! first difference the layout is given up for good and the callers fall back to the public functions.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::ffi::{PyCodeObject, PyObject};

use super::{Version, capi, current_thread, data_symbol};

/// Byte offsets into the interpreter's structures.
#[derive(Clone, Copy, Debug)]
struct Layout {
    /// In the thread state: the pointer that leads to the current frame.
    current_frame: usize,
    /// 3.11 and 3.12: the pointer leads to a C frame, in which the current frame stands here.
    via_c_frame: Option<usize>,
    /// In a frame: its code.
    code: usize,
    /// In a frame: the first local.
    locals: usize,
    /// Bits of a reference that are not part of the address (3.14+).
    tag: usize,
}

static LAYOUT: OnceLock<Option<Layout>> = OnceLock::new();
static BROKEN: AtomicBool = AtomicBool::new(false);

fn layout() -> Option<Layout> {
    if BROKEN.load(Ordering::Relaxed) {
        return None;
    }
    *LAYOUT.get_or_init(|| find_layout(capi().version))
}

fn find_layout(version: Version) -> Option<Layout> {
    match version {
        (3, 11) => Some(Layout { current_frame: 56, via_c_frame: Some(8), code: 32, locals: 72, tag: 0 }),
        (3, 12) => Some(Layout { current_frame: 56, via_c_frame: Some(0), code: 0, locals: 72, tag: 0 }),
        // Indices of 8-byte words in `debug_offsets`; its own layout differs by minor version.
        (3, 13) => published(version, 23, 30, 32, 0),
        (3, 14) => published(version, 26, 33, 35, 3),
        (3, 15) => published(version, 26, 41, 43, 3),
        _ => None,
    }
}

fn published(version: Version, current_frame: usize, code: usize, locals: usize, tag: usize) -> Option<Layout> {
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
        code: offset(code)?,
        locals: offset(locals)?,
        tag,
    })
}

/// The interpreter frame that the current thread runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawFrame {
    address: *const u8,
    layout: Layout,
}

impl RawFrame {
    /// The current thread's frame, if its layout is known and it runs `code`. Needs the GIL.
    pub(crate) fn current(code: *mut PyCodeObject) -> Option<Self> {
        let layout = layout()?;
        // SAFETY: the GIL is held, so the thread state is ours and stays; the offsets are those of this version, and the
        // comparison below gives up if they are not.
        let address = unsafe {
            let mut frame = read(current_thread().cast(), layout.current_frame);
            if let Some(offset) = layout.via_c_frame {
                frame = read(frame, offset);
            }
            frame
        };
        if address.is_null() {
            return None;
        }
        // SAFETY: a frame that is being executed; see above.
        let found = unsafe { read(address, layout.code) };
        if found.addr() & !layout.tag != code.addr() {
            BROKEN.store(true, Ordering::Relaxed);
            return None;
        }
        Some(Self { address, layout })
    }

    /// The fast local at `index`, borrowed; `None` if it is unbound or not an ordinary object.
    pub(crate) fn local(self, index: usize) -> Option<*mut PyObject> {
        // SAFETY: the frame is running and `index` is below its code's number of locals, cells and free variables.
        let value = unsafe { read(self.address, self.layout.locals + index * size_of::<usize>()) };
        if self.layout.tag != 0 && value.addr() & self.layout.tag == self.layout.tag {
            return None;
        }
        let object = value.map_addr(|address| address & !self.layout.tag);
        (!object.is_null()).then(|| object.cast_mut().cast())
    }
}

/// # Safety
/// A pointer-sized value lies at `base + offset`.
unsafe fn read(base: *const u8, offset: usize) -> *const u8 {
    // SAFETY: by the caller.
    unsafe { base.add(offset).cast::<*const u8>().read() }
}
