//! What this process was given and Rust's runtime changes before `main`: closed standard streams are opened on
//! `/dev/null`, and SIGPIPE is ignored. The program gets both as natively.

use std::sync::atomic::{AtomicU8, Ordering};

/// Bits 0-2: the stream was closed. Bit 3: SIGPIPE was ignored.
static FOUND: AtomicU8 = AtomicU8::new(0);

/// Run by the dynamic linker, before Rust's runtime starts.
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;

extern "C" fn look() {
    let mut found = 0;
    for stream in 0..3 {
        // SAFETY: a plain call.
        if unsafe { libc::fcntl(stream, libc::F_GETFD) } < 0 {
            found |= 1 << stream;
        }
    }
    // SAFETY: an all-zero action is a valid value, and only the present one is asked for.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(libc::SIGPIPE, std::ptr::null(), &mut action) == 0 && action.sa_sigaction == libc::SIG_IGN {
            found |= 1 << 3;
        }
    }
    FOUND.store(found, Ordering::Relaxed);
}

/// Whether the standard stream was closed when this process started.
pub(crate) fn was_closed(stream: u8) -> bool {
    // The static is named here so that the linker keeps it.
    std::hint::black_box(LOOK);
    FOUND.load(Ordering::Relaxed) & (1 << stream) != 0
}

/// Whether SIGPIPE was ignored when this process started.
pub(crate) fn ignored_broken_pipes() -> bool {
    FOUND.load(Ordering::Relaxed) & (1 << 3) != 0
}
