//! `ikpdb dap`: the Debug Adapter Protocol on standard input and output.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use ikpdb_proto::Failure;
use ikpdb_proto::client::Workspace;
use ikpdb_proto::dap::{LaunchArguments, OneOrMany};
use ikpdb_runner::target::{Resolved, Target, Wish, resolve};
use ikpdb_runner::workspace::HubPlace;
use ikpdb_runner::{Agent, Place, Runner};
use ikpdb_server::private::{self, Starting};

use crate::embedded::libraries;

const ABOUT: &str = "\
For editors: they start this command, speak on its standard input and output, and `launch` a program with 'program', \
'module' or 'code', and 'args', 'cwd', 'env', 'python', 'stopOnEntry', 'justMyCode', 'rules' (what is your own code, as \
[{\"module\": \"flask\", \"include\": true}] or by \"path\"), 'stopPolicy' ('all', or 'thread' for the one that comes to \
a breakpoint). What the program prints comes as `output` events; it has nothing to read.";

/// Options of `ikpdb dap`.
#[derive(Args)]
#[command(after_help = ABOUT)]
pub(crate) struct Options {}

pub(crate) fn main(_options: Options) -> anyhow::Result<ExitCode> {
    let here = std::env::current_dir().context("the current folder is gone")?;
    // Beside the sockets of other hubs, in a folder of its own that goes when we do.
    let place = HubPlace::prepare(&here)?;
    let parent = place.socket.parent().unwrap_or(&here);
    let folder = tempfile::Builder::new().prefix("dap-").tempdir_in(parent);
    let folder = folder.with_context(|| format!("no folder for the agent's socket in {}", parent.display()))?;
    let socket = folder.path().join("hub.sock");
    let options = private::Options {
        socket: socket.clone(),
        build: ikpdb_runner::BUILD.to_owned(),
        promised: ikpdb_proto::agent::capabilities(),
    };
    private::serve(options, Box::new(move |arguments, starting| run(arguments, &starting, socket)))?;
    Ok(ExitCode::SUCCESS)
}

/// Runs the editor's program to its end.
fn run(arguments: LaunchArguments, starting: &Starting, socket: PathBuf) {
    if let Err(error) = try_run(arguments, starting, socket) {
        starting.refuse(Failure::user(format!("{error:#}")));
    }
}

fn try_run(arguments: LaunchArguments, starting: &Starting, socket: PathBuf) -> anyhow::Result<()> {
    let removed: Vec<String> =
        arguments.env.iter().flatten().filter(|(_, it)| it.is_none()).map(|it| it.0.clone()).collect();
    let Resolved { mut program, workspace } = resolve(&wish(arguments)?)?;
    program.environment.retain(|variable| {
        let bytes = variable.as_bytes();
        !removed.iter().any(|name| bytes.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"=")))
    });
    let libraries = libraries()?;
    let agent = Agent::new(libraries.agent, &libraries.preload, socket)
        .with_context(|| format!("{} cannot be preloaded", libraries.preload.display()))?;
    let name = workspace.file_name().map_or("/".into(), |name| name.to_string_lossy()).into_owned();
    let stream = starting.accept(Workspace { path: workspace.to_string_lossy().into_owned(), name })?;
    let (runner, _) = Runner::greet(stream, None, program, agent, Place::Captured)?;
    runner.run()?;
    Ok(())
}

fn wish(arguments: LaunchArguments) -> anyhow::Result<Wish> {
    let mut words: Vec<OsString> = arguments.args.into_iter().flatten().map(OsString::from).collect();
    let mut target = |first: String| {
        words.insert(0, first.into());
        std::mem::take(&mut words)
    };
    let target = match (arguments.program, arguments.module, arguments.code) {
        (Some(program), _, _) => Target::Words(target(program)),
        (_, Some(module), _) => Target::Module(target(module)),
        (_, _, Some(code)) => Target::Code(target(code)),
        _ => anyhow::bail!("the launch configuration needs one of 'program', 'module' and 'code'"),
    };
    let mut python = match arguments.python {
        None => Vec::new(),
        Some(OneOrMany::One(python)) => vec![python],
        Some(OneOrMany::Many(words)) => words,
    }
    .into_iter()
    .map(OsString::from);
    let variables = arguments.env.into_iter().flatten().filter_map(|(name, value)| Some((name.into(), value?.into())));
    Ok(Wish {
        target,
        python: python.next(),
        python_arguments: python.collect(),
        folder: arguments.cwd.map(PathBuf::from),
        variables: variables.collect(),
        stop_on_entry: arguments.stop_on_entry.unwrap_or(false),
        ikpdb_port: None,
        options: ikpdb_proto::Options {
            just_my_code: arguments.just_my_code.unwrap_or(true),
            stop_policy: arguments.stop_policy.unwrap_or_default(),
            rules: arguments.rules.unwrap_or_default(),
        },
    })
}
