//! What stands before a body: `length=<N>LLADpcdtbdpac`.

use super::extent::{Starts, starts};
use super::{LENGTH, MAGIC};

/// The longest text that is taken for a length, if a wrong one.
const LONGEST: usize = 20;

/// The most bytes that it takes to tell what a header is.
pub(super) const HEADER: usize = LENGTH.len() + LONGEST + MAGIC.len();

/// What bytes that begin with [`LENGTH`] are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// It takes more bytes to tell.
    Perhaps,
    /// A body of so many characters begins behind so many bytes.
    Length(u64, usize),
    /// A body begins behind so many bytes, but this says nothing about its length.
    Bad(String, usize),
    /// No header: these letters only.
    No,
}

/// Reads a header. Of more than 4 G characters nobody could skip the body, so such a number is none.
pub(super) fn header(bytes: &[u8]) -> Header {
    let rest = bytes.get(LENGTH.len()..).unwrap_or_default();
    let window = &rest[..rest.len().min(HEADER - LENGTH.len())];
    let digits = window.iter().take_while(|it| it.is_ascii_digit()).count();
    if digits > 0 && starts(&window[digits..], MAGIC.as_bytes()) == Starts::Yes {
        let number = std::str::from_utf8(&window[..digits]).ok().and_then(|it| it.parse::<u32>().ok());
        if let Some(number) = number {
            return Header::Length(number.into(), LENGTH.len() + digits + MAGIC.len());
        }
    }
    match (find(window, MAGIC.as_bytes()), find(window, LENGTH.as_bytes())) {
        (Some(magic), other) if other.is_none_or(|it| magic < it) => {
            let said = String::from_utf8_lossy(&window[..magic]).into_owned();
            Header::Bad(said, LENGTH.len() + magic + MAGIC.len())
        }
        (None, None) if window.len() < HEADER - LENGTH.len() => Header::Perhaps,
        _ => Header::No,
    }
}

/// Where a text begins in another.
pub(super) fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|it| it == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_number_between_length_and_magic() {
        for (text, read) in [
            ("length=53LLADpcdtbdpac{", Header::Length(53, 22)),
            ("length=0000000000053LLADpcdtbdpac", Header::Length(53, 33)),
            ("length=4294967295LLADpcdtbdpac", Header::Length(u32::MAX.into(), 30)),
            ("length=4294967296LLADpcdtbdpac", Header::Bad("4294967296".into(), 30)),
            ("length=abcLLADpcdtbdpac{}", Header::Bad("abc".into(), 23)),
            ("length=-1LLADpcdtbdpac", Header::Bad("-1".into(), 22)),
            ("length=LLADpcdtbdpac", Header::Bad("".into(), 20)),
            ("length=5", Header::Perhaps),
            ("length=5LLADpcdtbdpa", Header::Perhaps),
            ("length=f(x) + 1", Header::Perhaps),
            ("length=123456789012345678901234567890123", Header::No),
            ("length=12345678901234567890LLADpcdtbdpac", Header::Bad("12345678901234567890".into(), 40)),
            ("length=123456789012345678901LLADpcdtbdpac", Header::No),
            ("length=length=5LLADpcdtbdpac", Header::No),
        ] {
            assert_eq!(header(text.as_bytes()), read, "{text}");
        }
    }
}
