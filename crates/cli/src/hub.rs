//! `ikpdb hub`: the process that joins programs and pages. Started by `ikpdb run`, in a session of its own.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use ikpdb_runner::workspace::HubPlace;
use ikpdb_server::serve::{Options as Serve, serve};

/// Options of `ikpdb hub`.
#[derive(Args)]
pub(crate) struct Options {
    /// The folder that is worked on
    #[arg(long, value_name = "FOLDER")]
    workspace: PathBuf,

    /// Port of the page [default: 15480, or the next free one up to 15499]
    #[arg(long)]
    port: Option<u16>,

    /// Seconds to stay when there is no program and no client any more
    #[arg(long, default_value_t = 10)]
    linger: u64,
}

pub(crate) fn main(options: Options) -> anyhow::Result<ExitCode> {
    let place = HubPlace::prepare(&options.workspace)?;
    let serve_options = Serve {
        lock: place.lock(),
        workspace: place.workspace,
        state: place.state,
        socket: place.socket,
        port: options.port,
        linger: Duration::from_secs(options.linger),
        build: ikpdb_runner::BUILD.to_owned(),
        // The file itself, also after a newer build took its place.
        executable: PathBuf::from("/proc/self/exe"),
        promised: ikpdb_proto::agent::capabilities(),
    };
    serve(serve_options, || {
        // Whoever started us waits for a line. If nobody does, that is no failure.
        let _ = writeln!(std::io::stdout(), "ready");
    })?;
    Ok(ExitCode::SUCCESS)
}
