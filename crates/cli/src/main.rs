//! The `ikpdb` command: one module per subcommand, no logic of its own.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod browser;
mod compatible;
mod dap;
mod embedded;
mod hub;
mod open;
mod run;
mod runner;
mod say;

/// Exit code for what the user or the machine has to change: usage, a missing file, an unfit interpreter.
const EXIT_USAGE: u8 = 2;

/// The CPython debugger made for the Web.
#[derive(Parser)]
#[command(name = "ikpdb", version, about, disable_help_subcommand = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// A subcommand is one module with its `Options` and its `main`.
#[derive(Subcommand)]
enum Command {
    /// Debug a program in the browser.
    Run(run::Options),
    /// Open the page of the hub that serves this workspace.
    Open(open::Options),
    /// Speak the Debug Adapter Protocol on standard input and output.
    Dap(dap::Options),
    /// Run a program for clients of the original IKPdb; `python -m ikpdb` becomes this.
    #[command(hide = true)]
    Compatible(compatible::Options),
    /// The process that joins programs and pages; started by `ikpdb run` when there is none.
    #[command(hide = true)]
    Hub(hub::Options),
    /// Run one program without a terminal of its own; started by the hub for a restart.
    #[command(hide = true)]
    Runner(runner::Options),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(options) => run::main(options),
        Command::Open(options) => open::main(options),
        Command::Dap(options) => dap::main(options),
        Command::Compatible(options) => compatible::main(options),
        Command::Hub(options) => hub::main(options),
        Command::Runner(options) => runner::main(options),
    };
    result.unwrap_or_else(|error| {
        say::say(format_args!("{error:#}"));
        ExitCode::from(EXIT_USAGE)
    })
}
