//! Reads integers in place: those of one digit, which most are. A call costs more than the rest of a callback.
//!
//! The layout is private to the interpreter; it is used only if it gives the right numbers when the agent starts.

use std::sync::atomic::{AtomicU8, Ordering};

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

use super::capi;

const UNKNOWN: u8 = 0;
/// 3.11: the number of digits, which is negative for a negative number, then the digits.
const SIGNED_SIZE: u8 = 1;
/// 3.12 and later: the number of digits from the third bit on, below which 0, 1 and 2 stand for positive, zero and negative; then the
/// digits.
const TAG: u8 = 2;
static LAYOUT: AtomicU8 = AtomicU8::new(UNKNOWN);

/// Finds out whether integers lie as they are read here.
pub(crate) fn learn(_py: Python<'_>) {
    const ONE_DIGIT: [i64; 9] = [0, 1, -1, 255, 1000, -1000, (1 << 29) + 5, (1 << 30) - 1, -((1 << 30) - 1)];
    const MORE_DIGITS: [i64; 4] = [1 << 30, -(1 << 30), 1 << 40, i64::MIN];
    let layout = if capi().version < (3, 12) { SIGNED_SIZE } else { TAG };
    let read = |number: i64| {
        // SAFETY: the GIL is held; a new integer, or null without memory.
        unsafe {
            let object = super::Ref::steal(ffi::PyLong_FromLongLong(number))?;
            read_digit(layout, object.as_ptr())
        }
    };
    let good = ONE_DIGIT.iter().all(|it| read(*it) == Some(*it)) && MORE_DIGITS.iter().all(|it| read(*it).is_none());
    LAYOUT.store(if good { layout } else { UNKNOWN }, Ordering::Relaxed);
}

/// An integer's value; `None` beyond 64 bits.
///
/// # Safety
/// A live object of the exact type `int`, under the GIL.
#[inline]
pub(crate) unsafe fn value(integer: *mut PyObject) -> Option<i64> {
    // SAFETY: by the caller.
    let in_place = unsafe { read_digit(LAYOUT.load(Ordering::Relaxed), integer) };
    in_place.or_else(|| {
        let mut overflow = 0;
        // SAFETY: by the caller: exact integers convert without running code.
        let number = unsafe { ffi::PyLong_AsLongLongAndOverflow(integer, &raw mut overflow) };
        (overflow == 0).then_some(number)
    })
}

/// # Safety
/// A live object of the exact type `int`.
#[inline]
unsafe fn read_digit(layout: u8, integer: *mut PyObject) -> Option<i64> {
    // SAFETY: every integer has these words behind the two that objects begin with, and room for a digit.
    let (word, digit) = unsafe {
        let words = integer.cast::<usize>().add(2);
        (words.read(), i64::from(words.add(1).cast::<u32>().read()))
    };
    match layout {
        TAG => (word < 2 << 3).then(|| (1 - (word & 3).cast_signed() as i64) * digit),
        SIGNED_SIZE => {
            let size = word.cast_signed() as i64;
            (-1..=1).contains(&size).then_some(size * digit)
        }
        _ => None,
    }
}
