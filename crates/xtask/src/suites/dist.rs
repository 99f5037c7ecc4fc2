//! The release as a user gets it: installed without an index into fresh environments, and by the lines of the README.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use ikpdb_testkit::Python;

use super::{Outcome, page, session};
use crate::commands::run::LIBRARIES;
use crate::dist::{self, Release};
use crate::{setup, shell};

/// Builds the release and checks it.
pub(crate) fn run(pythons: &[Python], filter: Option<&str>) -> Outcome {
    let release = match dist::build() {
        Ok(release) => release,
        Err(error) => return Outcome::broken(format!("the release did not build: {error:#}")),
    };
    let mut outcome = Outcome::default();
    let mut check = |name: String, work: &dyn Fn() -> Result<()>| {
        if filter.is_some_and(|filter| !name.contains(filter)) {
            return;
        }
        match work() {
            Ok(()) => {
                eprintln!("test {name} ... ok");
                outcome.passed += 1;
            }
            Err(error) => {
                eprintln!("test {name} ... FAILED\n{error:#}");
                outcome.failed.push(name);
            }
        }
    };
    check("the_binary_runs_alone_in_an_empty_home".into(), &|| binary_alone(&release, pythons));
    for python in pythons {
        let name = format!("the_binary_stops_a_program_of_{}", Environment::name(python));
        check(name, &|| binary_debugs(&release, python));
    }
    check("the_web_ui_is_inside_the_binary_and_served_by_it".into(), &|| web_inside(&release, pythons));
    check("the_wheel_requires_nothing_and_is_not_bound_to_one_python".into(), &|| wheel_metadata(&release));
    check("the_install_lines_of_the_readme_work".into(), &|| readme_lines(&release, pythons));
    for python in pythons {
        let name = format!("the_wheel_installs_without_an_index_and_stops_a_program_of_{}", Environment::name(python));
        check(name, &|| wheel_installs(&release, python));
    }
    check("a_second_run_from_the_sources_builds_nothing".into(), &run_twice);
    outcome
}

/// A fresh virtual environment and a fresh home.
struct Environment {
    folder: PathBuf,
}

impl Environment {
    fn name(python: &Python) -> String {
        format!("{}{}", python.version, if python.system { "_system" } else { "" })
    }

    fn new(name: &str, python: &Python) -> Result<Self> {
        let folder = shell::target().join("dist-check").join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        shell::folder(folder.join("home"))?;
        let mut venv = shell::program(&python.executable);
        shell::output(venv.args(["-m", "venv", "--without-pip"]).arg(folder.join("venv")))?;
        Ok(Self { folder })
    }

    fn python(&self) -> PathBuf {
        self.folder.join("venv/bin/python")
    }

    /// A command that sees this home and this environment only.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = shell::program(program);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.folder.join("venv/bin")).chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(folders).unwrap_or(path)).env("HOME", self.folder.join("home"));
        for name in ["XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "IKPDB_HUB", "VIRTUAL_ENV", "DISPLAY"] {
            command.env_remove(name);
        }
        command.env("XDG_RUNTIME_DIR", self.folder.join("home")).current_dir(&self.folder);
        command
    }

    /// Runs a program under the debugger, without stops, to its end.
    fn debug(&self, mut command: Command) -> Result<()> {
        let script = self.folder.join("program.py");
        shell::write(&script, "import sys\nprint('ran with', *sys.argv[1:])\nsys.exit(7)\n")?;
        command.args(["run", "--no-browser", "--no-stop"]).arg(&script).args(["one", "two words"]);
        let output = command.output().context("cannot start the command")?;
        let said = String::from_utf8_lossy(&output.stdout);
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.code() == Some(7), "{}: {said}{complaint}", output.status);
        ensure!(said == "ran with one two words\n", "standard output is {said:?}; {complaint}");
        Ok(())
    }
}

fn binary_alone(release: &Release, pythons: &[Python]) -> Result<()> {
    let environment = Environment::new("binary", pythons.first().context("no Python is set up")?)?;
    let binary = environment.folder.join("ikpdb");
    std::fs::copy(&release.binary, &binary)?;
    let version = shell::output(environment.command(&binary).arg("--version"))?;
    ensure!(version.trim() == format!("ikpdb {}", env!("CARGO_PKG_VERSION")), "it says {version:?}");
    environment.debug(environment.command(&binary))?;
    let cache = environment.folder.join("home/.cache/ikpdb");
    ensure!(cache.is_dir(), "the agent was not unpacked into {}", cache.display());
    Ok(())
}

/// Every interpreter takes the agent that is inside the binary.
fn binary_debugs(release: &Release, python: &Python) -> Result<()> {
    let environment = Environment::new(&format!("binary-{}", Environment::name(python)), python)?;
    let mut command = environment.command(&release.binary);
    session::debug(command.arg("dap"), &environment.folder, Some(&python.executable), &python.version)
}

/// The files of the bundle have hashes in their names, so a name says which build it is of.
fn web_inside(release: &Release, pythons: &[Python]) -> Result<()> {
    let binary = std::fs::read(&release.binary)?;
    let assets = shell::root().join("web/dist/assets");
    for entry in std::fs::read_dir(&assets).with_context(|| format!("cannot list {}", assets.display()))? {
        let name = entry?.file_name();
        let bytes = name.as_encoded_bytes();
        let inside = binary.windows(bytes.len()).any(|window| window == bytes);
        ensure!(inside, "{} is not in the binary", name.display());
    }
    let python = pythons.last().context("no Python is set up")?;
    let environment = Environment::new("page", python)?;
    page::check(environment.command(&release.binary), &python.executable, &shell::root().join("web/dist"))
}

fn wheel_metadata(release: &Release) -> Result<()> {
    let name = release.wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
    ensure!(name.contains("-cp311-abi3-manylinux_2_"), "the wheel is called {name}");
    let code = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); n = z.namelist(); print(*n, sep='\\n'); \
                print(z.read(next(x for x in n if x.endswith('METADATA'))).decode())";
    let text = shell::output(shell::program("python3").args(["-c", code]).arg(&release.wheel))?;
    ensure!(!text.contains("Requires-Dist"), "the wheel has requirements");
    for file in ["ikpdb/__init__.py", "ikpdb/cli.py", "ikpdb/py.typed", "ikpdb/_agent.abi3.so", "data/scripts/ikpdb"] {
        ensure!(text.contains(file), "the wheel lacks {file}");
    }
    Ok(())
}

fn wheel_installs(release: &Release, python: &Python) -> Result<()> {
    let environment = Environment::new(&Environment::name(python), python)?;
    let mut pip = setup::pip(&environment.python())?;
    shell::output(pip.args(["install", "-q", "--no-index"]).arg(&release.wheel))?;
    let expected = format!("ikpdb {}", env!("CARGO_PKG_VERSION"));
    let command = environment.folder.join("venv/bin/ikpdb");
    let version = shell::output(environment.command(&command).arg("--version"))?;
    ensure!(version.trim() == expected, "the command says {version:?}");
    let module = shell::output(environment.command(environment.python()).args(["-m", "ikpdb.cli", "--version"]))?;
    ensure!(module.trim() == expected, "`python -m ikpdb.cli` says {module:?}");
    let compatible = shell::output(environment.command(environment.python()).args(["-m", "ikpdb", "-ik_v"]))?;
    ensure!(compatible == format!("1.3\n{expected}\n"), "`python -m ikpdb -ik_v` says {compatible:?}");
    shell::output(environment.command(environment.python()).args(["-W", "error", "-c", "import ikpdb"]))?;
    environment.debug(environment.command(&command))?;
    // No interpreter is named: the environment's own is found.
    session::debug(environment.command(&command).arg("dap"), &environment.folder, None, &python.version)
}

/// `cargo xtask run` twice: nothing that the second one starts was made anew.
fn run_twice() -> Result<()> {
    let folder = shell::folder(shell::target().join("dist-check/twice"))?;
    let run = || {
        let mut command = shell::cargo(["xtask", "run", "--no-browser", "--no-stop", "-c", "pass"]);
        for (name, place) in [("XDG_RUNTIME_DIR", "run"), ("XDG_STATE_HOME", "state"), ("XDG_CACHE_HOME", "cache")] {
            command.env(name, shell::folder(folder.join(place))?);
        }
        let start = Instant::now();
        let (status, said) = shell::tee(&mut command, HANGS)?;
        ensure!(status.success(), "{status}: {said}");
        Ok((start.elapsed(), said))
    };
    run()?;
    let before = made()?;
    let (took, said) = run()?;
    let after = made()?;
    ensure!(before == after, "the second start made something anew: {before:#?} became {after:#?}");
    ensure!(!said.contains("==>"), "the second start says that it builds:\n{said}");
    eprintln!("    the second start and the program took {:.2} s", took.as_secs_f64());
    Ok(())
}

/// How long a run from the sources may take on a busy machine when all has to be built.
const HANGS: Duration = Duration::from_secs(15 * 60);

/// What a run from the sources starts and loads, and when each was made.
fn made() -> Result<Vec<(PathBuf, SystemTime, u64)>> {
    let target = shell::target();
    let mut files =
        vec![target.join("debug/ikpdb"), target.join("run/ikpdb"), shell::root().join("web/dist/index.html")];
    files.extend(LIBRARIES.iter().flat_map(|name| ["release", "run"].map(|place| target.join(place).join(name))));
    let about = |path: PathBuf| {
        let found = std::fs::metadata(&path).with_context(|| format!("cannot look at {}", path.display()))?;
        Ok((path, found.modified()?, found.ino()))
    };
    files.into_iter().map(about).collect()
}

/// Runs the block of README.md that follows the marker, in a shell, where `target/dist` is.
fn readme_lines(release: &Release, pythons: &[Python]) -> Result<()> {
    let readme = shell::read(shell::root().join("README.md"))?;
    let block = block_after(&readme, "<!-- tested: install -->").context("README.md has no tested install lines")?;
    let python = pythons.iter().rev().find(|python| python.minor() == (3, 12)).context("no Python 3.12 is set up")?;
    let environment = Environment::new("readme", python)?;
    let mut pip = setup::pip(&environment.python())?;
    // The user's own environment has a pip; ours was made without one.
    shell::output(pip.args(["install", "-q", "pip"]))?;
    let dist = shell::folder(environment.folder.join("target/dist"))?;
    for file in [&release.binary, &release.wheel] {
        std::os::unix::fs::symlink(file, dist.join(file.file_name().unwrap_or(Path::new("").as_os_str())))?;
    }
    shell::output(environment.command("bash").args(["-euo", "pipefail", "-c", block])).map(drop)
}

fn block_after<'a>(text: &'a str, marker: &str) -> Option<&'a str> {
    let (_, after) = text.split_once(marker)?;
    let (_, block) = after.split_once("```sh\n")?;
    block.split_once("```").map(|(block, _)| block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_after_a_marker_is_cut_out_of_the_text() {
        let text = "```sh\nnot this\n```\n<!-- m -->\n```sh\nthis\nand this\n```\n";
        assert_eq!(block_after(text, "<!-- m -->"), Some("this\nand this\n"));
        assert_eq!(block_after(text, "<!-- n -->"), None);
    }
}
