//! Makes any program it is preloaded into look like a Python that is built without the GIL.

#![allow(non_snake_case, non_upper_case_globals, reason = "the names are Python's")]

use std::ffi::{c_int, c_ulong, c_void};

/// 3.13.0.
#[unsafe(no_mangle)]
pub static Py_Version: c_ulong = 0x030d_00f0;

/// Takes no hook: nobody is to come that far.
#[unsafe(no_mangle)]
pub extern "C" fn PySys_AddAuditHook(_hook: *const c_void, _user_data: *mut c_void) -> c_int {
    -1
}

/// Such builds alone have it.
#[unsafe(no_mangle)]
pub extern "C" fn _Py_MergeZeroLocalRefcount(_object: *mut c_void) {}
