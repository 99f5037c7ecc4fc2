//! An agent for tests: writes the audit events it sees to the file that `IKPDB_FIXTURE_LOG` names, and does nothing else.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::fs::OpenOptions;
use std::io::Write;

type AuditHook = extern "C" fn(event: *const c_char, arguments: *mut c_void) -> c_int;

/// What the preload library calls.
///
/// # Safety
/// `config` holds `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ikpdb_agent_start(config: *const u8, length: usize) -> Option<AuditHook> {
    // SAFETY: the preload library passes its buffer with its length.
    let config = unsafe { std::slice::from_raw_parts(config, length) };
    note(&format!("start {}", String::from_utf8_lossy(config)));
    Some(on_event)
}

extern "C" fn on_event(event: *const c_char, _arguments: *mut c_void) -> c_int {
    // SAFETY: Python passes a string.
    note(&unsafe { CStr::from_ptr(event) }.to_string_lossy());
    0
}

fn note(line: &str) {
    let Some(path) = std::env::var_os("IKPDB_FIXTURE_LOG") else { return };
    if let Ok(mut log) = OpenOptions::new().create(true).append(true).open(path) {
        let _ = writeln!(log, "{line}");
    }
}
