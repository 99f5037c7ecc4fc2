//! The web UI's packages and bundle, made only when their inputs changed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use serde::Deserialize;

use crate::shell;
use crate::stamp::{self, Stamp};

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
    let wanted = oldest_node()?;
    let remedy = format!("Node.js {wanted} or newer is needed for the web UI; install it and run this again");
    let version = shell::output(shell::program("node").arg("--version")).with_context(|| remedy.clone())?;
    if numbers(&version) < numbers(&wanted) {
        bail!("node is version {}: {remedy}", version.trim());
    }
    Ok(())
}

/// The oldest Node.js that the web tools run on, as web/package.json says it.
fn oldest_node() -> Result<String> {
    let manifest: serde_json::Value = serde_json::from_str(&shell::read(folder().join("package.json"))?)
        .context("web/package.json is not understood")?;
    let engines = manifest["engines"]["node"].as_str();
    let oldest = engines.and_then(|it| it.strip_prefix(">=")).context("web/package.json names no oldest Node.js")?;
    Ok(oldest.to_owned())
}

/// Major and minor version: of "v20.19.4" 20 and 19.
fn numbers(version: &str) -> (u32, u32) {
    let mut parts = version.trim().trim_start_matches('v').split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_node_is_compared_by_its_numbers() {
        assert_eq!(numbers("v20.19.4\n"), (20, 19));
        assert!(numbers("v20.9.0") < numbers("20.19") && numbers("v22.0.0") > numbers("20.19"));
        assert!(numbers("20") < numbers("20.19") && numbers("") < numbers("20.19"));
    }

    #[test]
    fn the_documents_ask_for_the_node_that_the_web_tools_need() {
        let oldest = oldest_node().unwrap();
        for page in ["README.md", "CONTRIBUTING.md"] {
            let text = shell::read(shell::root().join(page)).unwrap().replace('(', "");
            assert!(text.contains(&format!("Node.js {oldest} or newer")), "{page} does not name {oldest}");
        }
    }

    #[test]
    fn packages_are_installed_when_all_but_optional_ones_have_the_locked_version() {
        let lock = r#"{"packages": {"": {}, "node_modules/a": {"version": "1"}, "node_modules/b": {"version": "2", "optional": true}}}"#;
        assert!(is_installed(lock, r#"{"packages": {"node_modules/a": {"version": "1"}}}"#));
        assert!(!is_installed(lock, r#"{"packages": {"node_modules/a": {"version": "0"}}}"#));
        assert!(!is_installed(lock, r#"{"packages": {}}"#));
        assert!(!is_installed(lock, ""));
    }
}
