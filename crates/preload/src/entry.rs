//! The memory of our audit hook's entry. Python allocates it before it knows its own options; with `-X dev` or
//! `PYTHONMALLOC=debug` it has another allocator when it frees it at its end, and would abort over the missing guard
//! bytes. So the entry's address is noted when it is made, and at the event that announces the end of all hooks an
//! allocator is set that leaves it alone and passes everything else on.

use core::cell::UnsafeCell;
use core::ffi::{CStr, c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::symbol;

/// `PyMemAllocatorEx`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Allocator {
    context: *mut c_void,
    malloc: unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void,
    calloc: unsafe extern "C" fn(*mut c_void, usize, usize) -> *mut c_void,
    realloc: unsafe extern "C" fn(*mut c_void, *mut c_void, usize) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void, *mut c_void),
}

type Exchange = unsafe extern "C" fn(domain: c_int, allocator: *mut Allocator);

/// `PYMEM_DOMAIN_RAW`.
const RAW: c_int = 0;
/// What Python announces just before it frees the entries of all hooks.
const END_OF_HOOKS: &CStr = c"cpython._PySys_ClearAuditHooks";

/// The allocator behind ours.
struct Behind(UnsafeCell<Option<Allocator>>);

// SAFETY: written before `main` and once at Python's end, both times before our functions are set as the allocator.
unsafe impl Sync for Behind {}

static BEHIND: Behind = Behind(UnsafeCell::new(None));
/// The last block that was allocated while we watched: the entry.
static ENTRY: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Python's functions to get and set an allocator.
fn exchange() -> Option<(Exchange, Exchange)> {
    let (get, set) = (symbol(c"PyMem_GetAllocator")?, symbol(c"PyMem_SetAllocator")?);
    // SAFETY: the functions of these names have had this type since Python 3.4.
    unsafe {
        Some((core::mem::transmute::<*mut c_void, Exchange>(get), core::mem::transmute::<*mut c_void, Exchange>(set)))
    }
}

/// Notes where Python puts what it allocates during `make`.
///
/// # Safety
/// To be called while the process has one thread.
pub(crate) unsafe fn watched<T>(make: impl FnOnce() -> T) -> T {
    let Some((get, set)) = exchange() else { return make() };
    // SAFETY: the allocator behind is written before ours is set; nobody else allocates meanwhile.
    unsafe {
        let mut before = ours(pass_free);
        get(RAW, &mut before);
        *BEHIND.0.get() = Some(before);
        set(RAW, &mut ours(pass_free));
        let made = make();
        set(RAW, &mut before);
        made
    }
}

/// Looks for the event after which the entry would be freed, and protects it.
///
/// # Safety
/// `event` is Python's name of the present event; the GIL is held.
pub(crate) unsafe fn protect_at_end(event: *const core::ffi::c_char) {
    // SAFETY: the name ends in a zero byte; Python is ending, and only this thread allocates.
    unsafe {
        if libc::strcmp(event, END_OF_HOOKS.as_ptr()) != 0 || ENTRY.load(Ordering::Acquire).is_null() {
            return;
        }
        let Some((get, set)) = exchange() else { return };
        let mut before = ours(pass_free);
        get(RAW, &mut before);
        // Python ends a second time in this process: ours is there already.
        if before.free as *const () != keep_entry as *const () {
            *BEHIND.0.get() = Some(before);
            set(RAW, &mut ours(keep_entry));
        }
    }
}

fn ours(free: unsafe extern "C" fn(*mut c_void, *mut c_void)) -> Allocator {
    Allocator { context: ptr::null_mut(), malloc: note_malloc, calloc: pass_calloc, realloc: pass_realloc, free }
}

fn behind() -> Option<Allocator> {
    // SAFETY: see `Behind`.
    unsafe { *BEHIND.0.get() }
}

unsafe extern "C" fn note_malloc(_context: *mut c_void, size: usize) -> *mut c_void {
    let Some(behind) = behind() else { return ptr::null_mut() };
    // SAFETY: passed on as it came.
    let block = unsafe { (behind.malloc)(behind.context, size) };
    // Only while `watched`: later blocks are none of ours.
    let _ = ENTRY.compare_exchange(ptr::null_mut(), block, Ordering::AcqRel, Ordering::Acquire);
    block
}

unsafe extern "C" fn pass_calloc(_context: *mut c_void, count: usize, size: usize) -> *mut c_void {
    let Some(behind) = behind() else { return ptr::null_mut() };
    // SAFETY: passed on as it came.
    unsafe { (behind.calloc)(behind.context, count, size) }
}

unsafe extern "C" fn pass_realloc(_context: *mut c_void, block: *mut c_void, size: usize) -> *mut c_void {
    let Some(behind) = behind() else { return ptr::null_mut() };
    // SAFETY: passed on as it came.
    unsafe { (behind.realloc)(behind.context, block, size) }
}

unsafe extern "C" fn pass_free(_context: *mut c_void, block: *mut c_void) {
    if let Some(behind) = behind() {
        // SAFETY: passed on as it came.
        unsafe { (behind.free)(behind.context, block) };
    }
}

/// Frees everything but the entry, whose 24 bytes go with the process.
unsafe extern "C" fn keep_entry(context: *mut c_void, block: *mut c_void) {
    if block.is_null() || block != ENTRY.load(Ordering::Acquire) {
        // SAFETY: passed on as it came.
        unsafe { pass_free(context, block) };
    }
}
