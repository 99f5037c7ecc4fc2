//! Numbers as Python's `repr` shows them, in bounded time for every size of int.

use std::ffi::CStr;

use pyo3::ffi;

use super::data::text;
use super::line::{SHORT, grouped};
use super::native::{Any, native_call, small_int, take};

/// The largest power of ten in a limb.
const CHUNK: u64 = 1_000_000_000_000_000_000;

/// An int or a subclass of it.
pub(super) fn int(value: &Any<'_>) -> String {
    int_within(value, SHORT.bits)
}

/// As [`int`], written out if it has at most so many bits.
pub(super) fn int_within(value: &Any<'_>, most: i64) -> String {
    if let Some(number) = small_int(value) {
        return number.to_string();
    }
    let py = value.py();
    // SAFETY: a type that lives for ever.
    let class = unsafe { pyo3::Bound::from_borrowed_ptr(py, (&raw mut ffi::PyLong_Type).cast()) };
    let Some(bits) = native_call(value, &class, "bit_length", None).and_then(|it| small_int(&it)) else {
        return "int".to_owned();
    };
    if bits > most {
        return format!("int, {} bits", grouped(usize::try_from(bits).unwrap_or(usize::MAX)));
    }
    // In base 16, because Python's limit on digits, which the program can set, is for other bases only.
    // SAFETY: an int, so nothing of its class is called.
    let hex = unsafe { take(py, ffi::PyNumber_ToBase(value.as_ptr(), 16)) };
    hex.and_then(|it| decimal(&text(&it, usize::MAX))).unwrap_or_else(|| "int".to_owned())
}

/// `-0x1f` as `-31`.
fn decimal(hex: &str) -> Option<String> {
    let (sign, digits) = match hex.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", hex),
    };
    let digits = digits.strip_prefix("0x")?.as_bytes();
    // Most significant limb first.
    let mut limbs = Vec::new();
    let (head, rest) = digits.split_at(digits.len() % 16);
    for part in std::iter::once(head).chain(rest.chunks(16)).filter(|it| !it.is_empty()) {
        limbs.push(u64::from_str_radix(std::str::from_utf8(part).ok()?, 16).ok()?);
    }
    let mut chunks = Vec::new();
    while limbs.iter().any(|it| *it != 0) {
        let mut remainder = 0;
        for limb in &mut limbs {
            let dividend = (u128::from(remainder) << 64) | u128::from(*limb);
            *limb = u64::try_from(dividend / u128::from(CHUNK)).ok()?;
            remainder = u64::try_from(dividend % u128::from(CHUNK)).ok()?;
        }
        chunks.push(remainder);
    }
    let mut shown = format!("{sign}{}", chunks.pop().unwrap_or(0));
    for chunk in chunks.into_iter().rev() {
        shown.push_str(&format!("{chunk:018}"));
    }
    Some(shown)
}

/// A float or a subclass of it.
pub(super) fn float(value: &Any<'_>) -> String {
    // SAFETY: a float, so its field is read and nothing called.
    format_double(unsafe { ffi::PyFloat_AsDouble(value.as_ptr()) }, ffi::Py_DTSF_ADD_DOT_0)
}

/// A complex number or a subclass of it.
pub(super) fn complex(value: &Any<'_>) -> String {
    // SAFETY: a complex number, so its fields are read and nothing called.
    let (real, imaginary) =
        unsafe { (ffi::PyComplex_RealAsDouble(value.as_ptr()), ffi::PyComplex_ImagAsDouble(value.as_ptr())) };
    if real == 0.0 && real.is_sign_positive() {
        return format!("{}j", format_double(imaginary, 0));
    }
    format!("({}{}j)", format_double(real, 0), format_double(imaginary, ffi::Py_DTSF_SIGN))
}

fn format_double(number: f64, flags: std::ffi::c_int) -> String {
    // SAFETY: the function answers an allocated string, which is freed after it was copied.
    unsafe {
        let format = std::ffi::c_char::try_from(b'r').expect("ASCII");
        let shown = ffi::PyOS_double_to_string(number, format, 0, flags, std::ptr::null_mut());
        if shown.is_null() {
            ffi::PyErr_Clear();
            return number.to_string();
        }
        let text = CStr::from_ptr(shown).to_string_lossy().into_owned();
        ffi::PyMem_Free(shown.cast());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn large_numbers_are_converted_exactly() {
        assert_eq!(decimal("0xff").as_deref(), Some("255"));
        assert_eq!(decimal("-0x10000000000000000").as_deref(), Some("-18446744073709551616"));
        assert_eq!(decimal("0xde0b6b3a7640000").as_deref(), Some("1000000000000000000"));
        assert_eq!(decimal("0x0").as_deref(), Some("0"));
        assert_eq!(decimal("nonsense"), None);
    }
}
