//! The hub inside `ikpdb dap`: one editor on standard input and output, one program.
//!
//! Beside the async thread there are three: `editor in` blocks on what the editor says, `editor out` on what it is told,
//! `runner` owns the program. The first ends with the process, the others are waited for.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use ikpdb_hub::{Config, ConnectionId, Door, Hub, Input, JobId, Mode, Saved, Spawned};
use ikpdb_proto::client::Workspace;
use ikpdb_proto::dap::{Capabilities, LaunchArguments};
use ikpdb_proto::framing::Decoder;
use ikpdb_proto::proof::hex;
use ikpdb_proto::runner::RunSpec;
use ikpdb_proto::{Failure, MAX_MESSAGE};
use serde_json::value::RawValue;
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};

use crate::outbox::{Next, Outbox};
use crate::serve::{KIND, since_1970};
use crate::shell::{Peer, Processes, Shell};
use crate::state::random;
use crate::{Error, unix_door};

/// What the hub of one editor is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where agents connect; in a folder that is the user's alone.
    pub socket: PathBuf,
    /// Our build.
    pub build: String,
    /// What agents of this build can do.
    pub promised: Capabilities,
}

/// Runs an editor's program: called on a thread of its own, returns when the program has ended.
pub type Run = Box<dyn FnOnce(LaunchArguments, Starting) + Send>;

/// A program that an editor wants.
pub struct Starting {
    shell: Arc<Shell>,
    job: JobId,
}

impl Starting {
    /// It will be started, for this workspace: the answer is the runner's connection to the hub.
    pub fn accept(&self, workspace: Workspace) -> std::io::Result<std::os::unix::net::UnixStream> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let spawned = Spawned { pid: std::process::id(), workspace: Some(workspace) };
        self.shell.feed(Input::Spawned { job: self.job, result: Ok(spawned) });
        let _runtime = self.shell.runtime().enter();
        tokio::spawn(unix_door::serve(self.shell.clone(), UnixStream::from_std(ours)?));
        Ok(theirs)
    }

    /// It cannot be started, or not be run to its end.
    pub fn refuse(&self, failure: Failure) {
        self.shell.feed(Input::Spawned { job: self.job, result: Err(failure) });
    }
}

/// Serves the editor on standard input and output until it and its program are gone.
pub fn serve(options: Options, run: Run) -> Result<(), Error> {
    let failed = |error| Error::System("the debug adapter cannot start its tasks", error);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let runner = Arc::new(Mutex::new(None));
    let result = runtime.block_on(async {
        let unix = unix_door::listen(&options.socket)?;
        let config = Config {
            mode: Mode::Private,
            build: options.build,
            epoch: hex(&random()?[..16]),
            seed: random()?,
            secret: random()?,
            workspace: Workspace { path: "/".to_owned(), name: "/".to_owned() },
            started_at: since_1970(),
            url: String::new(),
            port: 0,
            kind: KIND.to_owned(),
            promised: options.promised,
            saved: Saved::default(),
        };
        let outbox = Arc::new(Outbox::default());
        let processes = One { run: Some(run), thread: runner.clone() };
        let shell = Shell::new(Hub::new(config), None, None, Box::new(processes), Some(outbox.clone()));
        tokio::spawn(unix_door::accept(shell.clone(), unix));
        let editor = shell.open(Door::Dap, Peer { outbox: outbox.clone(), stream: None });
        let signals = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
        for kind in signals {
            let mut received = signal(kind).map_err(failed)?;
            let shell = shell.clone();
            tokio::spawn(async move {
                received.recv().await;
                shell.close(editor);
            });
        }
        let reader = shell.clone();
        thread::Builder::new().name("editor in".to_owned()).spawn(move || read(&reader, editor)).map_err(failed)?;
        let (queue, handle) = (outbox.clone(), shell.runtime().clone());
        let closing = shell.clone();
        let writer = thread::Builder::new()
            .name("editor out".to_owned())
            .spawn(move || handle.block_on(write(&queue, &closing, editor)))
            .map_err(failed)?;
        shell.over().await;
        outbox.close("everything is over".to_owned());
        // What was said last is still to be written.
        let _ = tokio::task::spawn_blocking(move || writer.join()).await;
        let _ = std::fs::remove_file(&options.socket);
        Ok(())
    });
    runtime.shutdown_background();
    let runner = runner.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(runner) = runner {
        let _ = thread::JoinHandle::join(runner);
    }
    result
}

/// What the editor says, until it says no more.
fn read(shell: &Shell, editor: ConnectionId) {
    let mut decoder = Decoder::new(MAX_MESSAGE);
    let mut chunk = vec![0; 64 << 10];
    'reading: loop {
        match rustix::io::read(rustix::stdio::stdin(), &mut chunk[..]) {
            Ok(0) => break,
            Ok(count) => decoder.push(&chunk[..count]),
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => break,
        }
        loop {
            match decoder.next_frame() {
                Ok(Some(text)) => shell.feed(Input::Received { connection: editor, bytes: text.into() }),
                Ok(None) => break,
                Err(error) => {
                    eprintln!("ikpdb: standard input: {error}");
                    break 'reading;
                }
            }
        }
    }
    shell.close(editor);
}

/// What the editor is told: each message with one write.
async fn write(outbox: &Outbox, shell: &Shell, editor: ConnectionId) {
    let mut stdout = std::fs::File::from(match rustix::io::dup(rustix::stdio::stdout()) {
        Ok(stdout) => stdout,
        Err(_) => return shell.close(editor),
    });
    while let Next::Send(bytes) = outbox.next().await {
        if stdout.write_all(&bytes).is_err() {
            outbox.abort("the editor does not listen any more".to_owned());
            return shell.close(editor);
        }
    }
}

/// One program, in this process.
struct One {
    run: Option<Run>,
    thread: Arc<Mutex<Option<thread::JoinHandle<()>>>>,
}

impl Processes for One {
    fn spawn(&mut self, _run: &RunSpec) -> Result<Spawned, Failure> {
        Err(Failure::unsupported("restart"))
    }

    fn launch(&mut self, shell: &Arc<Shell>, job: JobId, arguments: Box<RawValue>) {
        let starting = Starting { shell: shell.clone(), job };
        let run = self.run.take();
        // Not from within the step that asked: the thread waits for its end.
        let begin = move || match (run, serde_json::from_str(arguments.get())) {
            (Some(run), Ok(arguments)) => run(arguments, starting),
            (None, _) => starting.refuse(Failure::client("a program was launched already")),
            (_, Err(error)) => starting.refuse(Failure::client(error.to_string())),
        };
        match thread::Builder::new().name("runner".to_owned()).spawn(begin) {
            Ok(handle) => *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(handle),
            Err(error) => {
                let shell = shell.clone();
                let failure = Failure::internal(format!("the runner cannot be started: {error}"));
                let result = Err(failure);
                shell.runtime().clone().spawn(async move { shell.feed(Input::Spawned { job, result }) });
            }
        }
    }
}
