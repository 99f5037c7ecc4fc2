//! `ikpdb compatible`: becomes a program that clients of the original IKPdb debug. `python -m ikpdb` reads the user's options
//! and becomes this, with all that it knows of the interpreter, as that is the one that runs it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use ikpdb_proto::agent::{IkpdbStart, PythonInfo};
use ikpdb_runner::in_place::{Door, InPlace};
use ikpdb_runner::{Error, Injected, python, workspace};

use crate::embedded::libraries;
use crate::say::say;

/// Exit code if the door cannot be opened, as the original's.
const EXIT_NO_DOOR: u8 = 1;

/// Options of `ikpdb compatible`.
#[derive(Args)]
pub(crate) struct Options {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1")]
    address: String,

    /// The TCP port; 0 takes a free one
    #[arg(long, default_value_t = 15470)]
    port: u16,

    /// Do not greet the client
    #[arg(long)]
    no_welcome: bool,

    /// Stop before the first line
    #[arg(long)]
    stop_at_entry: bool,

    /// The folder that the program's paths begin with [default: the current one]
    #[arg(long, value_name = "FOLDER")]
    working_directory: Option<OsString>,

    /// The folder that the client's paths begin with
    #[arg(long, value_name = "FOLDER", default_value = "")]
    client_working_directory: OsString,

    /// Letters of what is logged
    #[arg(long, default_value = "")]
    log: String,

    /// Show values without running code of the program's
    #[arg(long)]
    safe_values: bool,

    /// Let in clients of other users of this machine
    #[arg(long)]
    allow_any_user: bool,

    /// The interpreter's file
    #[arg(long, value_name = "PATH")]
    python: PathBuf,

    /// Its version
    #[arg(long, value_name = "VERSION")]
    python_version: String,

    /// What it is, CPython for example
    #[arg(long, value_name = "NAME")]
    implementation: String,

    /// It is built without the GIL
    #[arg(long)]
    free_threaded: bool,

    /// The interpreter's whole command line, beginning with the name that it is called by
    #[arg(last = true, required = true, num_args = 1..)]
    arguments: Vec<OsString>,
}

pub(crate) fn main(options: Options) -> anyhow::Result<ExitCode> {
    let text = |text: OsString| text.to_string_lossy().into_owned();
    let info = PythonInfo {
        version: options.python_version,
        implementation: options.implementation,
        executable: options.python.to_string_lossy().into_owned(),
        free_threaded: options.free_threaded,
    };
    python::examine_own(&options.python, &info)?;
    let libraries = libraries()?;
    let folder = || workspace::preload_folder().map_err(std::io::Error::other);
    let injected = Injected::new(libraries.agent, &libraries.preload, folder)
        .with_context(|| format!("{} cannot be preloaded", libraries.preload.display()))?;
    let door = match Door::open(&options.address, options.port) {
        Err(error @ Error::Listen(_)) => {
            say(error);
            return Ok(ExitCode::from(EXIT_NO_DOOR));
        }
        opened => opened?,
    };
    if let Some(warning) = door.warning() {
        say(warning);
    }
    let absolute = |folder: OsString| std::path::absolute(&folder).map_or(folder, OsString::from);
    // Of a folder that is gone no path begins with anything.
    let here = || std::env::current_dir().unwrap_or_default().into_os_string();
    let start = IkpdbStart {
        listener: door.descriptor(),
        address: door.address().to_string(),
        welcome: !options.no_welcome,
        stop_at_entry: options.stop_at_entry,
        working_directory: text(options.working_directory.map_or_else(here, absolute)),
        client_working_directory: text(options.client_working_directory),
        log: Some(options.log),
        safe_values: options.safe_values,
        allow_any_user: options.allow_any_user,
    };
    let program = InPlace { executable: options.python, arguments: options.arguments, libraries: injected, start };
    Err(program.become_program(door).into())
}
