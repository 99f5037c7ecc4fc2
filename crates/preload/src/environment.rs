//! Takes what the runner added out of the environment: the start's descriptor, and this library's entry of `LD_PRELOAD`.
//! The user's own entries stay, in their place. Strings are wiped too, as `/proc/PID/environ` shows the memory itself.

use core::ffi::{CStr, c_char, c_int};
use core::ptr;

unsafe extern "C" {
    static mut environ: *mut *mut c_char;
}

/// Names the descriptor with the start.
const START: &CStr = c"IKPDB_START=";
const PRELOAD: &CStr = c"LD_PRELOAD=";

/// Removes both variables of ours and answers the descriptor; nothing is touched if there is none.
///
/// # Safety
/// To be called while the process has one thread.
pub(crate) unsafe fn take_start() -> Option<c_int> {
    // SAFETY: nobody else reads or changes the environment now.
    unsafe {
        let start = find(START)?;
        let value = (*start).add(START.count_bytes());
        let descriptor = number(value)?;
        // A stranger's variable of this name: ours always names an open descriptor.
        if libc::fcntl(descriptor, libc::F_GETFD) < 0 {
            return None;
        }
        remove(start);
        if let Some(entry) = find(PRELOAD) {
            take_own_entry(entry);
        }
        Some(descriptor)
    }
}

/// The variable that begins with `name`.
unsafe fn find(name: &CStr) -> Option<*mut *mut c_char> {
    // SAFETY: `environ` is an array of strings that ends in a null pointer.
    unsafe {
        let mut entry = environ;
        while !entry.is_null() && !(*entry).is_null() {
            if libc::strncmp(*entry, name.as_ptr(), name.count_bytes()) == 0 {
                return Some(entry);
            }
            entry = entry.add(1);
        }
        None
    }
}

/// Wipes a variable and closes the gap.
unsafe fn remove(entry: *mut *mut c_char) {
    // SAFETY: as in `find`.
    unsafe {
        wipe(*entry);
        let mut to = entry;
        while !(*to).is_null() {
            *to = *to.add(1);
            to = to.add(1);
        }
    }
}

unsafe fn wipe(text: *mut c_char) {
    // SAFETY: a string of the environment lies in writable memory.
    unsafe { libc::explicit_bzero(text.cast(), libc::strlen(text)) };
}

/// Takes this library out of the value. The runner puts it first: `<ours>` if there was no such variable, else
/// `<ours>:<the user's>`, which may be empty.
unsafe fn take_own_entry(entry: *mut *mut c_char) {
    // SAFETY: as in `find`; the value only gets shorter.
    unsafe {
        let value = (*entry).add(PRELOAD.count_bytes());
        let own = own_path();
        if own.is_null() {
            return;
        }
        let length = libc::strlen(own);
        if libc::strncmp(value, own, length) != 0 {
            return;
        }
        match *value.add(length) as u8 {
            0 => remove(entry),
            b':' => {
                let rest = value.add(length + 1);
                let rest_length = libc::strlen(rest);
                ptr::copy(rest, value, rest_length);
                libc::explicit_bzero(value.add(rest_length).cast(), length + 1);
            }
            _ => {}
        }
    }
}

/// The path under which this library was loaded.
unsafe fn own_path() -> *const c_char {
    static HERE: u8 = 0;
    // SAFETY: an all-zero record is a valid value, and the linker fills it.
    unsafe {
        let mut about: libc::Dl_info = core::mem::zeroed();
        if libc::dladdr((&raw const HERE).cast(), &mut about) == 0 { ptr::null() } else { about.dli_fname }
    }
}

/// A decimal number of at most nine digits, and nothing else.
unsafe fn number(text: *const c_char) -> Option<c_int> {
    let mut value: c_int = 0;
    for index in 0..10 {
        // SAFETY: the string ends in a zero byte, where this stops.
        let digit = unsafe { *text.add(index) } as u8;
        match digit {
            b'0'..=b'9' if index < 9 => value = value * 10 + c_int::from(digit - b'0'),
            0 if index > 0 => return Some(value),
            _ => return None,
        }
    }
    None
}
