//! The one line on standard error when the program runs undebugged, without allocation or formatting.

use core::ffi::{CStr, c_void};

/// Writes `ikpdb: <parts>; the program runs undebugged` with one system call, so that no other output gets in between.
pub(crate) fn complain(parts: &[&CStr]) {
    const BEFORE: &[u8] = b"ikpdb: ";
    const AFTER: &[u8] = b"; the program runs undebugged\n";
    const MOST: usize = 8;
    let piece =
        |bytes: &[u8]| libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast::<c_void>(), iov_len: bytes.len() };
    let mut pieces = [piece(b""); MOST];
    let mut count = 0;
    let all = core::iter::once(BEFORE).chain(parts.iter().map(|part| part.to_bytes())).take(MOST - 1);
    for (slot, bytes) in pieces.iter_mut().zip(all) {
        *slot = piece(bytes);
        count += 1;
    }
    if let Some(slot) = pieces.get_mut(count) {
        *slot = piece(AFTER);
        count += 1;
    }
    // SAFETY: `count` pieces are filled, each with bytes that live until the end of this function.
    unsafe { libc::writev(libc::STDERR_FILENO, pieces.as_ptr(), count as libc::c_int) };
}
