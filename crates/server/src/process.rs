//! Starts runners for a restart.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use ikpdb_hub::{JobId, Spawned};
use ikpdb_proto::Failure;
use ikpdb_proto::runner::RunSpec;
use serde_json::value::RawValue;

use crate::shell::{Processes, Shell};

/// The hub's own executable, as a runner without a terminal.
pub(crate) struct Runners {
    pub(crate) executable: PathBuf,
    pub(crate) socket: PathBuf,
}

impl Processes for Runners {
    fn spawn(&mut self, run: &RunSpec) -> Result<Spawned, Failure> {
        let failed = |error: std::io::Error| {
            Failure::internal(format!("{} cannot be started: {error}", self.executable.display()))
        };
        let spec = serde_json::to_vec(run).map_err(|error| Failure::internal(error.to_string()))?;
        let mut runner = Command::new(&self.executable)
            .arg0("ikpdb")
            .args(["runner", "--headless", "--socket"])
            .arg(&self.socket)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let pid = runner.id();
        let stdin = runner.stdin.take();
        // Writes the environment, which may be more than a pipe takes at once, and waits: no zombie is left.
        let wait = move || {
            if let Some(mut stdin) = stdin {
                let _ = stdin.write_all(&spec);
            }
            let _ = runner.wait();
        };
        std::thread::Builder::new().name("restarted".to_owned()).spawn(wait).map_err(failed)?;
        Ok(Spawned { pid, workspace: None })
    }

    fn launch(&mut self, shell: &Arc<Shell>, job: JobId, _arguments: Box<RawValue>) {
        let refused = ikpdb_hub::Input::Spawned {
            job,
            result: Err(Failure::user("this hub starts no programs for editors: use 'ikpdb dap'")),
        };
        // Not from within the step that asked.
        let shell = shell.clone();
        shell.runtime().clone().spawn(async move { shell.feed(refused) });
    }
}
