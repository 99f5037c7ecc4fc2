//! The wheel's platform tag, from what the binaries really need of the C library.

use std::path::Path;

use anyhow::{Result, bail};

use crate::shell;

/// Libraries that every Linux with glibc has.
const ALLOWED: [&str; 7] =
    ["libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libgcc_s.so.1", "ld-linux"];

/// `manylinux_2_34_x86_64` for files that need glibc 2.34 at most.
pub(crate) fn tag(files: &[&Path]) -> Result<String> {
    let mut newest = 17;
    for file in files {
        let private = shell::output(shell::program("objdump").args(["-p"]).arg(file))?;
        if let Some(library) = foreign_library(&private) {
            bail!("{} needs {library}, which is not on every Linux", file.display());
        }
        newest = newest.max(newest_glibc(&private));
    }
    Ok(format!("manylinux_2_{newest}_{}", std::env::consts::ARCH))
}

fn foreign_library(private: &str) -> Option<&str> {
    let needed = private.lines().filter_map(|line| line.trim().strip_prefix("NEEDED")).map(str::trim);
    needed.into_iter().find(|library| !ALLOWED.iter().any(|allowed| library.starts_with(allowed)))
}

/// The newest `GLIBC_2.N` among the version references.
fn newest_glibc(private: &str) -> u32 {
    let versions = private.split_whitespace().filter_map(|word| word.strip_prefix("GLIBC_2."));
    versions.filter_map(|rest| rest.split('.').next()?.parse().ok()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJDUMP: &str = "Dynamic Section:\n  NEEDED               libgcc_s.so.1\n  NEEDED               libc.so.6\n\
        Version References:\n  required from libc.so.6:\n    0x069691b4 0x00 06 GLIBC_2.34\n    0x06969189 0x00 04 GLIBC_2.2.5\n";

    #[test]
    fn the_newest_needed_glibc_counts() {
        assert_eq!(newest_glibc(OBJDUMP), 34);
    }

    #[test]
    fn a_library_beyond_the_c_library_is_named() {
        assert_eq!(foreign_library(OBJDUMP), None);
        assert_eq!(foreign_library("  NEEDED               libssl.so.3\n"), Some("libssl.so.3"));
    }
}
