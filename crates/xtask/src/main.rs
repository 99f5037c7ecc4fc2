//! The automation of this repository: `cargo xtask <command>`, one file per command.
//!
//! Every command writes under `target/` only (and what npm keeps in `web/`), shows what it is doing on standard error, and
//! says in an error what to do about it.

mod api_reference;
mod bench;
mod commands;
mod dist;
mod ikpdb_differences;
mod setup;
mod shell;
mod stamp;
mod suites;
mod support_table;
mod tidy;
mod web;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, runs, tests, measures and packs IKPdb", max_term_width = 120)]
struct Arguments {
    #[command(subcommand)]
    command: XtaskCommand,
}

#[derive(Subcommand)]
enum XtaskCommand {
    Run(commands::run::Arguments),
    Test(commands::test::Arguments),
    Codegen(commands::codegen::Arguments),
    Dist(commands::dist::Arguments),
    Bench(commands::bench::Arguments),
    Tidy(commands::tidy::Arguments),
    Fuzz(commands::fuzz::Arguments),
    Web(commands::web::Arguments),
}

fn main() -> ExitCode {
    if let Some(error) = bench::stand_in() {
        eprintln!("xtask: the interpreter cannot be started: {error}");
        return ExitCode::FAILURE;
    }
    let done = match Arguments::parse().command {
        XtaskCommand::Run(arguments) => commands::run::run(arguments),
        XtaskCommand::Test(arguments) => commands::test::run(arguments),
        XtaskCommand::Codegen(arguments) => commands::codegen::run(arguments),
        XtaskCommand::Dist(arguments) => commands::dist::run(arguments),
        XtaskCommand::Bench(arguments) => commands::bench::run(arguments),
        XtaskCommand::Tidy(arguments) => commands::tidy::run(arguments),
        XtaskCommand::Fuzz(arguments) => commands::fuzz::run(arguments),
        XtaskCommand::Web(arguments) => commands::web::run(arguments),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
