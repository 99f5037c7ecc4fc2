//! Runs the hub: numbers connections, feeds inputs, carries out outputs.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use ikpdb_hub::{ConnectionId, Door, Hub, Input, JobId, Output, Spawned};
use ikpdb_proto::Failure;
use ikpdb_proto::runner::RunSpec;
use serde_json::value::RawValue;
use tokio::net::UnixStream;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use crate::files::Files;
use crate::outbox::Outbox;
use crate::state::State;

/// Starts processes for the hub.
pub(crate) trait Processes: Send {
    /// Starts a runner without a terminal of its own.
    fn spawn(&mut self, run: &RunSpec) -> Result<Spawned, Failure>;
    /// Starts a program for an editor, and says so by [`Input::Spawned`] later.
    fn launch(&mut self, shell: &Arc<Shell>, job: JobId, arguments: Box<RawValue>);
}

/// The running hub.
pub(crate) struct Shell {
    inner: Mutex<Inner>,
    started: Instant,
    runtime: Handle,
    wake: watch::Sender<Option<u64>>,
    over: Notify,
    itself: std::sync::Weak<Self>,
    /// The one client that programs are made to wait for, by not reading what they print.
    patient: Option<Arc<Outbox>>,
}

struct Inner {
    hub: Hub,
    peers: HashMap<ConnectionId, Peer>,
    last: u64,
    state: Option<State>,
    files: Option<Files>,
    processes: Box<dyn Processes>,
}

/// How a connection is written to.
#[derive(Clone)]
pub(crate) struct Peer {
    /// What waits.
    pub(crate) outbox: Arc<Outbox>,
    /// The stream, where a message may be written at once.
    pub(crate) stream: Option<Arc<UnixStream>>,
}

impl Shell {
    /// A hub with nobody connected. To be called inside the runtime that will carry its tasks.
    pub(crate) fn new(
        hub: Hub,
        state: Option<State>,
        files: Option<Files>,
        processes: Box<dyn Processes>,
        patient: Option<Arc<Outbox>>,
    ) -> Arc<Self> {
        let (wake, wakes) = watch::channel(None);
        let inner = Inner { hub, peers: HashMap::new(), last: 0, state, files, processes };
        let shell = Arc::new_cyclic(|itself| Self {
            inner: Mutex::new(inner),
            started: Instant::now(),
            runtime: Handle::current(),
            wake,
            over: Notify::new(),
            itself: itself.clone(),
            patient,
        });
        tokio::spawn(timer(shell.clone(), wakes));
        shell
    }

    /// A connection came.
    pub(crate) fn open(&self, door: Door, peer: Peer) -> ConnectionId {
        let mut inner = self.lock();
        inner.last += 1;
        let connection = ConnectionId(inner.last);
        inner.peers.insert(connection, peer);
        tracing::debug!(connection = connection.0, ?door, "opened");
        self.run(&mut inner, Input::Opened { connection, door });
        connection
    }

    /// Something happened.
    pub(crate) fn feed(&self, input: Input) {
        self.run(&mut self.lock(), input);
    }

    /// A connection is gone.
    pub(crate) fn close(&self, connection: ConnectionId) {
        let mut inner = self.lock();
        inner.peers.remove(&connection);
        self.run(&mut inner, Input::Closed { connection });
    }

    /// Waits until the hub says that everything is over.
    pub(crate) async fn over(&self) {
        self.over.notified().await;
    }

    /// Waits until the client that is waited for has read most of what it was sent.
    pub(crate) async fn patience(&self) {
        if let Some(outbox) = &self.patient {
            outbox.roomy().await;
        }
    }

    /// The runtime that carries the tasks.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn run(&self, inner: &mut Inner, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for output in inner.hub.step(self.now(), input) {
                self.carry_out(inner, output, &mut inputs);
            }
        }
    }

    fn carry_out(&self, inner: &mut Inner, output: Output, inputs: &mut VecDeque<Input>) {
        match output {
            Output::Send { to, bytes } => {
                let Some(peer) = inner.peers.get(&to) else { return };
                if peer.send(bytes).is_err() {
                    // Cut off rather than waited for; a page comes back and asks for what it missed.
                    peer.outbox.abort("it does not read what it is sent".to_owned());
                    inner.peers.remove(&to);
                    tracing::warn!(connection = to.0, "cut off: it does not read what it is sent");
                    inputs.push_back(Input::Closed { connection: to });
                }
            }
            Output::Close { connection, reason } => {
                tracing::info!(connection = connection.0, %reason, "closed");
                if let Some(peer) = inner.peers.remove(&connection) {
                    peer.outbox.close(reason);
                }
            }
            Output::Files { job, work } => match (&inner.files, self.itself.upgrade()) {
                (Some(files), Some(shell)) => {
                    let files = files.clone();
                    self.runtime.spawn_blocking(move || shell.feed(Input::Files { job, result: files.work(work) }));
                }
                _ => inputs.push_back(Input::Files { job, result: Err(Failure::unsupported("ikpdb/files")) }),
            },
            Output::Save(saved) => {
                if let Some(Err(message)) = inner.state.as_mut().map(|state| state.save(&saved)) {
                    tracing::error!("{message}");
                    inputs.push_back(Input::SaveFailed { message });
                }
            }
            Output::Spawn { job, run } => {
                // At once, so that the answer comes before anything that the new process says.
                let result = inner.processes.spawn(&run);
                inputs.push_back(Input::Spawned { job, result });
            }
            Output::Launch { job, arguments } => {
                if let Some(shell) = self.itself.upgrade() {
                    inner.processes.launch(&shell, job, arguments);
                }
            }
            Output::Wake { at } => {
                let _ = self.wake.send(Some(at));
            }
            Output::Exit => self.over.notify_one(),
        }
    }
}

impl Peer {
    fn send(&self, bytes: Bytes) -> Result<(), crate::outbox::Full> {
        let Some(stream) = self.stream.as_ref().filter(|_| self.outbox.is_empty()) else {
            return self.outbox.push(bytes);
        };
        // Written here and now where the peer has room, which it nearly always has: no task has to be woken.
        match stream.try_write(&bytes) {
            Ok(written) if written == bytes.len() => Ok(()),
            Ok(written) => self.outbox.push(bytes.slice(written..)),
            // What is wrong with the stream, its reader finds out.
            Err(_) => self.outbox.push(bytes),
        }
    }
}

/// Ticks when the hub asked for it. Ends with the process.
async fn timer(shell: Arc<Shell>, mut wakes: watch::Receiver<Option<u64>>) {
    loop {
        let at = *wakes.borrow_and_update();
        let wait = async {
            match at {
                Some(at) => {
                    tokio::time::sleep_until((shell.started + std::time::Duration::from_millis(at)).into()).await
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = wait => {
                shell.wake.send_if_modified(|it| {
                    if *it == at {
                        *it = None;
                    }
                    false
                });
                shell.feed(Input::Tick);
            }
            changed = wakes.changed() => if changed.is_err() { return },
        }
    }
}
