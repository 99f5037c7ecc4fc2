//! Makes any program it is preloaded into look like a Python before 3.11: it takes audit hooks and does not name its
//! version.

#![allow(non_snake_case, reason = "the name is Python's")]

use std::ffi::{c_int, c_void};

/// Takes no hook: nobody is to come that far.
#[unsafe(no_mangle)]
pub extern "C" fn PySys_AddAuditHook(_hook: *const c_void, _user_data: *mut c_void) -> c_int {
    -1
}
