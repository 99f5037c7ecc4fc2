//! Packs the wheel: the Python package with the agent, and the binary as the script `ikpdb`.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::platform;
use crate::commands::run::LIBRARIES;
use crate::{setup, shell};

/// Writes `ikpdb-<version>-cp311-abi3-<platform>.whl` into `dist`; older wheels there are removed.
pub(crate) fn pack(binary: &Path, dist: &Path) -> Result<PathBuf> {
    let version = env!("CARGO_PKG_VERSION");
    let stage = shell::target().join("wheel");
    if stage.exists() {
        std::fs::remove_dir_all(&stage).with_context(|| format!("cannot remove {}", stage.display()))?;
    }
    let package = shell::folder(stage.join("ikpdb"))?;
    for entry in std::fs::read_dir(shell::root().join("python/ikpdb")).context("cannot list python/ikpdb")? {
        let path = entry?.path();
        if path.is_file() {
            install(&path, &package.join(path.file_name().unwrap_or_default()), 0o644)?;
        }
    }
    let agent = shell::target().join("release").join(LIBRARIES[0]);
    install(&agent, &package.join("_agent.abi3.so"), 0o755)?;
    let scripts = shell::folder(stage.join(format!("ikpdb-{version}.data/scripts")))?;
    install(binary, &scripts.join("ikpdb"), 0o755)?;

    let info = shell::folder(stage.join(format!("ikpdb-{version}.dist-info/licenses")))?;
    install(&shell::root().join("LICENSE"), &info.join("LICENSE"), 0o644)?;
    let info = stage.join(format!("ikpdb-{version}.dist-info"));
    let platform = platform::tag(&[&agent, binary])?;
    shell::write(info.join("WHEEL"), wheel_text(&platform))?;
    shell::write(info.join("METADATA"), metadata_text(version, &shell::read(shell::root().join("README.md"))?))?;

    for old in wheels(dist)? {
        std::fs::remove_file(&old).with_context(|| format!("cannot remove {}", old.display()))?;
    }
    let mut wheel = shell::program(setup::tools_folder()?.join("wheel"));
    // A fixed time for all entries: the same inputs give the same wheel.
    wheel.arg("pack").arg(&stage).arg("--dest-dir").arg(dist).env("SOURCE_DATE_EPOCH", "1735689600");
    shell::output(&mut wheel)?;
    wheels(dist)?.pop().context("`wheel pack` left no wheel")
}

fn install(from: &Path, to: &Path, mode: u32) -> Result<()> {
    std::fs::copy(from, to)
        .and_then(|_| std::fs::set_permissions(to, Permissions::from_mode(mode)))
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

fn wheels(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    Ok(paths.filter(|path| path.extension().is_some_and(|extension| extension == "whl")).collect())
}

fn wheel_text(platform: &str) -> String {
    format!("Wheel-Version: 1.0\nGenerator: ikpdb-xtask\nRoot-Is-Purelib: false\nTag: cp311-abi3-{platform}\n")
}

fn metadata_text(version: &str, readme: &str) -> String {
    format!(
        "Metadata-Version: 2.4\nName: ikpdb\nVersion: {version}\n\
         Summary: The CPython debugger made for the Web: one command runs a program and opens a full debugger in the browser\n\
         License-Expression: MIT\nLicense-File: LICENSE\nRequires-Python: >=3.11\n\
         Keywords: debugger,dap,web,python\n\
         Classifier: Development Status :: 3 - Alpha\nClassifier: Environment :: Web Environment\n\
         Classifier: Intended Audience :: Developers\nClassifier: Operating System :: POSIX :: Linux\n\
         Classifier: Programming Language :: Python :: Implementation :: CPython\n\
         Classifier: Programming Language :: Rust\nClassifier: Topic :: Software Development :: Debuggers\n\
         Description-Content-Type: text/markdown\n\n{readme}"
    )
}
