//! `cargo xtask fuzz`: looks for bytes that a parser of strangers' messages cannot stand, guided by what they reach in it.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::shell;

/// What the compiler is told so that the fuzzer sees what is reached. No sanitizer: these need another toolchain.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Ccodegen-units=1";

/// The targets, and the bytes that each begins with.
const TARGETS: [(&str, &str); 2] =
    [("ikpdb_framing", "crates/proto/corpus/ikpdb"), ("dap_framing", "crates/proto/corpus/dap")];

/// Look for bytes that a parser cannot stand (needs a C++ compiler)
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only these targets
    #[arg(value_parser = TARGETS.map(|it| it.0))]
    targets: Vec<String>,

    /// How long for each target
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let root = shell::root();
    let built = shell::folder(shell::target().join("fuzz"))?;
    shell::step("fuzz targets", || {
        let manifest = root.join("fuzz/Cargo.toml");
        // The flags go with a target, so that build scripts do without them.
        let host = host()?;
        let mut command = shell::cargo(["build", "--release", "--locked", "--target", &host, "--manifest-path"]);
        command.arg(manifest).env("CARGO_TARGET_DIR", &built).env("RUSTFLAGS", COVERAGE);
        shell::run(&mut command)
    })?;
    let wanted = |name: &str| arguments.targets.is_empty() || arguments.targets.iter().any(|it| it == name);
    for (name, seeds) in TARGETS.into_iter().filter(|(name, _)| wanted(name)) {
        let corpus = shell::folder(built.join("corpus").join(name))?;
        let found = shell::folder(built.join("found"))?;
        let mut command = shell::program(built.join(host()?).join("release").join(name));
        command.arg(corpus).arg(root.join(seeds));
        command.arg(format!("-max_total_time={}", arguments.seconds)).arg("-max_len=4096").arg("-timeout=10");
        command.arg(format!("-artifact_prefix={}/{name}-", found.display()));
        shell::step(name, || {
            shell::run(&mut command).with_context(|| format!("what {name} does not stand lies in {}", found.display()))
        })?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The triple of this machine.
fn host() -> Result<String> {
    let about = shell::output(shell::program("rustc").arg("-vV"))?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not tell its host")?.to_owned())
}
