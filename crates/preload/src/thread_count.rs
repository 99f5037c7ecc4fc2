//! Keeps the agent's threads out of the number that CPython 3.12+ reads from `/proc/self/stat`: it warns of a `fork` in a
//! process with threads, and must not warn because of ours.
//!
//! CPython reads that file with `fopen`. The dynamic linker finds this one first; every other file, and every file before
//! the agent has threads, goes to the C library's own.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::transmute;
use core::ptr;
use core::sync::atomic::{AtomicI32, AtomicPtr, Ordering};

/// How many threads of this process are the agent's. It finds this by name; a forked child has none.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals, reason = "a symbol for `dlsym`")]
pub(crate) static ikpdb_agent_threads: AtomicI32 = AtomicI32::new(0);

type Open = unsafe extern "C" fn(*const c_char, *const c_char) -> *mut libc::FILE;

static NEXT_FOPEN: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
static NEXT_FOPEN64: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// The C library's `fopen`, but for one file.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn fopen(path: *const c_char, mode: *const c_char) -> *mut libc::FILE {
    // SAFETY: by the caller.
    unsafe { open(&NEXT_FOPEN, c"fopen", path, mode) }
}

/// The C library's `fopen64`, but for one file.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn fopen64(path: *const c_char, mode: *const c_char) -> *mut libc::FILE {
    // SAFETY: by the caller.
    unsafe { open(&NEXT_FOPEN64, c"fopen64", path, mode) }
}

unsafe fn open(cache: &AtomicPtr<c_void>, name: &CStr, path: *const c_char, mode: *const c_char) -> *mut libc::FILE {
    let hidden = ikpdb_agent_threads.load(Ordering::Relaxed);
    // SAFETY: the caller gives C strings; the function found is the C library's of that name.
    unsafe {
        if hidden > 0 && libc::strcmp(path, c"/proc/self/stat".as_ptr()) == 0 {
            let file = without(hidden);
            if !file.is_null() {
                return file;
            }
        }
        let mut next = cache.load(Ordering::Relaxed);
        if next.is_null() {
            next = libc::dlsym(libc::RTLD_NEXT, name.as_ptr());
            if next.is_null() {
                *libc::__errno_location() = libc::ENOSYS;
                return ptr::null_mut();
            }
            cache.store(next, Ordering::Relaxed);
        }
        transmute::<*mut c_void, Open>(next)(path, mode)
    }
}

/// `/proc/self/stat` with so many threads less; null if that fails.
fn without(hidden: c_int) -> *mut libc::FILE {
    let mut text = [0u8; 2048];
    let Some(length) = read_status(&mut text) else { return ptr::null_mut() };
    let Some((start, end)) = thread_field(&text[..length]) else { return ptr::null_mut() };
    let count = text[start..end].iter().fold(0i32, |count, digit| count * 10 + i32::from(digit - b'0'));
    let mut digits = [0u8; 10];
    let rest = decimal((count - hidden).max(1), &mut digits);
    // SAFETY: a memory file of its own buffer; what is written to it lies in `text` and `digits`.
    unsafe {
        let file = libc::fmemopen(ptr::null_mut(), length + rest.len(), c"w+".as_ptr());
        if !file.is_null() {
            for part in [&text[..start], rest, &text[end..length]] {
                libc::fwrite(part.as_ptr().cast(), 1, part.len(), file);
            }
            libc::rewind(file);
        }
        file
    }
}

fn read_status(buffer: &mut [u8]) -> Option<usize> {
    // SAFETY: reads a file of the kernel's into our buffer.
    unsafe {
        let descriptor = libc::open(c"/proc/self/stat".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        if descriptor < 0 {
            return None;
        }
        let count = libc::read(descriptor, buffer.as_mut_ptr().cast(), buffer.len());
        libc::close(descriptor);
        usize::try_from(count).ok().filter(|count| *count > 0)
    }
}

/// Where field 20, the number of threads, stands. Field 2 is a name in parentheses that may hold anything.
fn thread_field(text: &[u8]) -> Option<(usize, usize)> {
    const FIELDS_FROM_NAME: usize = 18;
    let mut at = text.iter().rposition(|byte| *byte == b')')?;
    for _ in 0..FIELDS_FROM_NAME {
        at += 1 + text.get(at + 1..)?.iter().position(|byte| *byte == b' ')?;
    }
    let start = at + 1;
    let length = text.get(start..)?.iter().position(|byte| !byte.is_ascii_digit())?;
    (length > 0 && length < 9).then_some((start, start + length))
}

fn decimal(mut number: i32, digits: &mut [u8; 10]) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 || at == 0 {
            return &digits[at..];
        }
    }
}
