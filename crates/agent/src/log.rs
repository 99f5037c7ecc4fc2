//! What the agent has to say to the user when there is no hub to say it: one line on standard error.

use std::io::Write;

/// Writes one line. Never blocks on a lock of the standard library, never fails.
pub(crate) fn line(text: &str) {
    let text = format!("ikpdb: {text}\n");
    let stderr = std::mem::ManuallyDrop::new({
        use std::os::fd::FromRawFd;
        // SAFETY: descriptor 2 belongs to the program; `ManuallyDrop` leaves it open.
        unsafe { std::fs::File::from_raw_fd(2) }
    });
    // If the program closed its standard error there is nobody to tell.
    let _ = (&*stderr).write_all(text.as_bytes());
}
