//! The hub of a workspace.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ikpdb_hub::{Config, Hub, Mode};
use ikpdb_proto::client::Workspace;
use ikpdb_proto::dap::Capabilities;
use ikpdb_proto::proof::hex;

use crate::files::Files;
use crate::process::Runners;
use crate::shell::Shell;
use crate::state::{self, State, random};
use crate::{Error, log, unix_door, web};

/// What our runners run.
pub(crate) const KIND: &str = "python";

/// What a hub is told when it is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder that is worked on, canonical.
    pub workspace: PathBuf,
    /// The folder of its state: secret, breakpoints.
    pub state: PathBuf,
    /// Where it listens for agents, runners and commands; in a folder that is the user's alone.
    pub socket: PathBuf,
    /// What it holds as long as it lives, so that there is one hub.
    pub lock: PathBuf,
    /// A fixed port for pages; the first free one of a range otherwise.
    pub port: Option<u16>,
    /// How long it stays when nobody needs it any more.
    pub linger: Duration,
    /// Our build, for refusals.
    pub build: String,
    /// Our executable, for runners.
    pub executable: PathBuf,
    /// What agents of this build can do.
    pub promised: Capabilities,
}

/// Serves until nobody needs the hub any more; at once over if another hub serves this workspace. `ready` is called once
/// both doors are open.
pub fn serve(options: Options, ready: impl FnOnce()) -> Result<(), Error> {
    log::start();
    let Some(_lock) = state::lock(&options.lock)? else { return Ok(()) };
    let (state, saved, complaints) = State::open(&options.state);
    let secret = state::secret(&options.state)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::System("the hub cannot start its tasks", error))?;
    let result = runtime.block_on(async {
        let http = web::listen(options.port).await?;
        let unix = unix_door::listen(&options.socket)?;
        let address = http.local_addr().map_err(|error| Error::System("the port is not known", error))?;
        let config = Config {
            mode: Mode::Shared { linger_ms: u64::try_from(options.linger.as_millis()).unwrap_or(u64::MAX) },
            build: options.build.clone(),
            epoch: hex(&random()?[..16]),
            seed: random()?,
            secret,
            workspace: workspace(&options.workspace),
            started_at: since_1970(),
            url: format!("http://{address}/"),
            port: address.port(),
            kind: KIND.to_owned(),
            promised: options.promised.clone(),
            saved,
        };
        let files = Files::new(options.workspace.clone());
        let runners = Runners { executable: options.executable.clone(), socket: options.socket.clone() };
        let shell = Shell::new(Hub::new(config), Some(state), Some(files), Box::new(runners), None);
        tokio::spawn(unix_door::accept(shell.clone(), unix));
        tokio::spawn(web::accept(shell.clone(), http));
        // Counts the time until the first client comes.
        shell.feed(ikpdb_hub::Input::Tick);
        let (build, path) = (&options.build, options.workspace.display());
        tracing::info!(%build, pid = std::process::id(), port = address.port(), workspace = %path, "started");
        for complaint in complaints {
            tracing::warn!("{complaint}");
            shell.feed(ikpdb_hub::Input::SaveFailed { message: complaint });
        }
        ready();
        shell.over().await;
        tracing::info!("ended: nobody needs this hub any more");
        // Before the lock is let go of: whoever gets it next makes a socket of its own.
        let _ = std::fs::remove_file(&options.socket);
        Ok(())
    });
    // A file job on a dead disk must not hold up the end.
    runtime.shutdown_background();
    result
}

fn workspace(path: &Path) -> Workspace {
    let name = path.file_name().map_or("/".into(), |name| name.to_string_lossy());
    Workspace { path: path.to_string_lossy().into_owned(), name: name.into_owned() }
}

/// Milliseconds.
pub(crate) fn since_1970() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_millis() as f64)
}
