//! Reads integers in place: positive ones of one digit, which most are. A call costs more than the rest of a callback.
//!
//! The layout is private to the interpreter; it is used only if it gives the right numbers when the agent starts.

use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

/// The word before the digits, if the integer is positive and has one of them: their number from the third bit on, 0 for positive below.
/// (3.12 and later.)
static POSITIVE_DIGIT: AtomicUsize = AtomicUsize::new(UNKNOWN);
const UNKNOWN: usize = usize::MAX;
/// Set in that word if the integer is one of those that the interpreter has for ever (3.14 and later).
const FOR_EVER: usize = 1 << 2;

/// Finds out whether integers lie as they are read here.
pub(crate) fn learn(_py: Python<'_>) {
    const DIGITS: [i64; 5] = [1, 255, 1000, (1 << 29) + 5, (1 << 30) - 1];
    const OTHERS: [i64; 8] = [0, -1, -1000, -(1 << 30) + 1, 1 << 30, -(1 << 30), 1 << 40, i64::MIN];
    let read = |number: i64| {
        // SAFETY: the GIL is held; a new integer, or null without memory.
        unsafe { in_place(super::Ref::steal(ffi::PyLong_FromLongLong(number))?.as_ptr()) }
    };
    POSITIVE_DIGIT.store(1 << 3, Ordering::Relaxed);
    let right =
        DIGITS.iter().all(|it| read(*it).map(i64::from) == Some(*it)) && OTHERS.iter().all(|it| read(*it).is_none());
    if !right {
        POSITIVE_DIGIT.store(UNKNOWN, Ordering::Relaxed);
    }
}

/// An integer's value, if it is positive and has one digit.
///
/// # Safety
/// A live object of the exact type `int`, under the GIL.
#[inline(always)]
pub(crate) unsafe fn in_place(integer: *mut PyObject) -> Option<u32> {
    // SAFETY: by the caller; every integer has these words behind the two that objects begin with, and room for a digit.
    let (word, digit) = unsafe {
        let words = integer.cast::<usize>().add(2);
        (words.read(), words.add(1).cast::<u32>().read())
    };
    (word & !FOR_EVER == POSITIVE_DIGIT.load(Ordering::Relaxed)).then_some(digit)
}

/// An integer's value; `None` beyond 64 bits.
///
/// # Safety
/// As of [`in_place`].
pub(crate) unsafe fn value(integer: *mut PyObject) -> Option<i64> {
    // SAFETY: by the caller.
    if let Some(number) = unsafe { in_place(integer) } {
        return Some(i64::from(number));
    }
    let mut overflow = 0;
    // SAFETY: by the caller: exact integers convert without running code.
    let number = unsafe { ffi::PyLong_AsLongLongAndOverflow(integer, &raw mut overflow) };
    (overflow == 0).then_some(number)
}
