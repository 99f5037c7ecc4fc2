//! The folder that the binary's build script embeds: the optimised libraries and a hash that names them.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::commands::run::LIBRARIES;
use crate::shell;

/// Fills `target/embed`. Files that did not change are left alone, so that cargo does not build again.
pub(crate) fn prepare() -> Result<PathBuf> {
    let folder = shell::folder(shell::target().join("embed"))?;
    let mut sums = shell::program("sha256sum");
    for name in LIBRARIES {
        let built = shell::target().join("release").join(name);
        let bytes = std::fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;
        put(&folder.join(name), &bytes)?;
        sums.arg(folder.join(name));
    }
    let sums = shell::output(&mut sums)?;
    let digests: Vec<&str> = sums.lines().filter_map(|line| line.split(' ').next()).collect();
    // Both names the folder in the user's cache: any change of either library makes another one.
    let hash: String = digests.iter().map(|digest| &digest[..digest.len().min(8)]).collect();
    put(&folder.join("hash"), hash.as_bytes())?;
    Ok(folder)
}

fn put(path: &std::path::Path, bytes: &[u8]) -> Result<()> {
    if std::fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    shell::write(path, bytes)
}
