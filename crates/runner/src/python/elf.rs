//! What an executable file says about the machine and the C library that it is made for.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use object::elf::{FileHeader64, PT_INTERP};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, FileKind, ReadCache};

use super::Unfit;

/// What matters of an executable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// For 32 bits.
    Narrow,
    /// It loads nothing, so nothing can be loaded into it.
    Static,
    /// Loaded by the dynamic linker at this path.
    Dynamic(String),
}

impl About {
    /// Why the agent cannot be loaded.
    pub(super) fn unfit(&self) -> Option<Unfit> {
        let (reason, instead) = match self {
            Self::Narrow => ("this is a 32-bit Python, and ikpdb is a 64-bit program", "a 64-bit one"),
            Self::Static => {
                ("this Python is linked statically, so that nothing can be loaded into it", "a dynamically linked one")
            }
            Self::Dynamic(linker) if linker.contains("ld-musl") => {
                ("this Python is built for musl, and ikpdb for glibc", "one built for glibc")
            }
            Self::Dynamic(_) => return None,
        };
        Some(Unfit { reason: reason.to_owned(), instead })
    }
}

/// Whether the file is a compiled program; a shim is a script.
pub(super) fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && &magic == b"\x7fELF"
}

/// Reads the file's headers.
pub(super) fn about(path: &Path) -> io::Result<About> {
    let data = ReadCache::new(File::open(path)?);
    let broken = |error: object::Error| io::Error::new(io::ErrorKind::InvalidData, error.to_string());
    match FileKind::parse(&data).map_err(broken)? {
        FileKind::Elf64 => {}
        FileKind::Elf32 => return Ok(About::Narrow),
        other => {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("it is not an ELF program but {other:?}")));
        }
    }
    let header = FileHeader64::<Endianness>::parse(&data).map_err(broken)?;
    let endian = header.endian().map_err(broken)?;
    for program_header in header.program_headers(endian, &data).map_err(broken)? {
        if program_header.p_type(endian) == PT_INTERP {
            let linker = program_header.interpreter(endian, &data).map_err(broken)?.unwrap_or_default();
            return Ok(About::Dynamic(String::from_utf8_lossy(linker).into_owned()));
        }
    }
    Ok(About::Static)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 64-bit header with one program header of this type, whose content follows.
    fn file(class: u8, kind: u32, content: &[u8]) -> tempfile::NamedTempFile {
        let mut bytes = b"\x7fELF".to_vec();
        bytes.extend([class, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(2_u16.to_le_bytes());
        bytes.extend(62_u16.to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
        for offset in [0_u64, 64, 0] {
            bytes.extend(offset.to_le_bytes());
        }
        bytes.extend(0_u32.to_le_bytes());
        for size in [64_u16, 56, 1, 64, 0, 0] {
            bytes.extend(size.to_le_bytes());
        }
        bytes.extend(kind.to_le_bytes());
        bytes.extend(4_u32.to_le_bytes());
        let length = content.len() as u64;
        for number in [120, 0, 0, length, length, 1] {
            bytes.extend(u64::to_le_bytes(number));
        }
        bytes.extend(content);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    #[test]
    fn a_program_tells_its_width_and_its_c_library() {
        let glibc = file(2, PT_INTERP, b"/lib64/ld-linux-x86-64.so.2\0");
        assert_eq!(about(glibc.path()).unwrap(), About::Dynamic("/lib64/ld-linux-x86-64.so.2".into()));
        assert_eq!(about(glibc.path()).unwrap().unfit(), None);
        let musl = about(file(2, PT_INTERP, b"/lib/ld-musl-x86_64.so.1\0").path()).unwrap();
        assert!(musl.unfit().unwrap().reason.contains("musl"));
        let fixed = about(file(2, 1, b"").path()).unwrap();
        assert!(fixed.unfit().unwrap().reason.contains("statically"));
        let narrow = about(file(1, 1, b"").path()).unwrap();
        assert!(narrow.unfit().unwrap().reason.contains("32-bit"));
    }

    #[test]
    fn what_is_no_program_is_an_error() {
        for bytes in [&b""[..], b"#!/bin/sh\n", b"\x7fELF\x02"] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), bytes).unwrap();
            assert!(about(file.path()).is_err());
        }
    }
}
