//! The web UI's packages and bundle, made only when their inputs changed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use serde::Deserialize;

use crate::shell;
use crate::stamp::{self, Stamp};

/// The oldest Node.js that the web tools run on.
const NODE: u32 = 20;

pub(crate) fn folder() -> PathBuf {
    shell::root().join("web")
}

/// npm in the web folder, with its cache under `target`.
pub(crate) fn npm(arguments: &[&str]) -> Command {
    let mut command = shell::test_program("npm");
    command.args(arguments).current_dir(folder()).env("npm_config_cache", shell::target().join("cache/npm"));
    command.env("npm_config_fund", "false").env("npm_config_audit", "false").env("npm_config_update_notifier", "false");
    command
}

/// Installs exactly what `package-lock.json` says, unless it is there.
pub(crate) fn install() -> Result<()> {
    let lock = shell::read(folder().join("package-lock.json")).context("`npm install` in web/ makes it")?;
    let present = std::fs::read_to_string(folder().join("node_modules/.package-lock.json")).unwrap_or_default();
    if is_installed(&lock, &present) {
        return Ok(());
    }
    check_node()?;
    let remedy = "npm could not install the web UI's packages; if package-lock.json does not fit package.json, \
                  `npm install` in web/ brings it up to date";
    shell::step("npm ci", || shell::run(&mut npm(&["ci", "--no-progress"])).context(remedy))
}

/// Compares the lock file with the one that npm leaves in `node_modules`: what is optional may be missing.
fn is_installed(lock: &str, present: &str) -> bool {
    #[derive(Deserialize)]
    struct Lock {
        packages: BTreeMap<String, Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        version: Option<String>,
        #[serde(default)]
        optional: bool,
    }
    let parse = |text: &str| serde_json::from_str::<Lock>(text).map(|lock| lock.packages);
    let (Ok(wanted), Ok(present)) = (parse(lock), parse(present)) else { return false };
    let is_there = |(name, package): (&String, &Package)| match present.get(name) {
        Some(found) => found.version == package.version,
        None => package.optional || name.is_empty(),
    };
    wanted.iter().all(is_there)
}

/// Makes `web/dist`.
pub(crate) fn build() -> Result<()> {
    install()?;
    let folder = folder();
    let mut stamp = Stamp::default();
    for name in ["src", "public", "index.html", "package-lock.json", "package.json", "tsconfig.json", "vite.config.ts"]
    {
        stamp = stamp.path(&folder.join(name));
    }
    let done = shell::target().join("stamps/web");
    if !folder.join("dist/index.html").is_file() {
        stamp::forget(&done)?;
    }
    stamp.unless_done(&done, || {
        shell::step("npm run build (web UI)", || shell::run(&mut npm(&["run", "--silent", "build"])))
    })
}

fn check_node() -> Result<()> {
    let remedy = format!("Node.js {NODE} or newer is needed for the web UI; install it and run this again");
    let version = shell::output(shell::program("node").arg("--version")).with_context(|| remedy.clone())?;
    let major: u32 = version.trim().trim_start_matches('v').split('.').next().unwrap_or("0").parse().unwrap_or(0);
    if major < NODE {
        bail!("node is version {}: {remedy}", version.trim());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_installed_when_all_but_optional_ones_have_the_locked_version() {
        let lock = r#"{"packages": {"": {}, "node_modules/a": {"version": "1"}, "node_modules/b": {"version": "2", "optional": true}}}"#;
        assert!(is_installed(lock, r#"{"packages": {"node_modules/a": {"version": "1"}}}"#));
        assert!(!is_installed(lock, r#"{"packages": {"node_modules/a": {"version": "0"}}}"#));
        assert!(!is_installed(lock, r#"{"packages": {}}"#));
        assert!(!is_installed(lock, ""));
    }
}
