//! Finds the hub of a workspace, or starts one.
//!
//! The started process is `ikpdb hub --workspace <folder> [--port <n>]`, in a session of its own, without our streams.
//! It takes the place's lock (another hub that has it wins: then it just ends), removes the socket of a dead hub,
//! listens, and writes anything to standard output, which is a pipe to us, or closes it. A hub that cannot serve says why
//! in one line on standard error, its log, and ends with a code other than zero.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ikpdb_proto::framing::{Decoder, encode};
use ikpdb_proto::{MAX_MESSAGE, Message, Request};
use serde::de::DeserializeOwned;

use crate::detached;
use crate::error::Error;
use crate::sys;
use crate::workspace::HubPlace;

/// How long a hub may take to listen: a busy machine, never a working one.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a hub may take to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// How often the socket is tried while nothing is heard from the started process.
const RETRY: Duration = Duration::from_millis(50);

/// Connects to the hub of this place; starts one with `executable` if there is none.
pub fn find_or_start(place: &HubPlace, executable: &Path, port: Option<u16>) -> Result<UnixStream, Error> {
    match place.connect() {
        Ok(stream) => return Ok(stream),
        // No socket, or one of a dead hub.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {}
        Err(error) => return Err(Error::Hub(format!("{} cannot be used: {error}", place.socket.display()))),
    }
    let mut log = Log::open(place);
    let mut child = start(place, executable, port, &log)
        .map_err(|error| Error::Hub(format!("the hub cannot be started: {error}")))?;
    let deadline = Instant::now() + PATIENCE;
    let mut silent = false;
    loop {
        if let Ok(stream) = place.connect() {
            return Ok(stream);
        }
        if let Ok(Some(status)) = child.try_wait()
            && !status.success()
        {
            // Killed: it had no say in it, and the next one may do better.
            if status.signal().is_some() {
                return Err(Error::HungUp(io::Error::other(format!("it ended at once ({status})"))));
            }
            return Err(Error::Hub(log.last_line().unwrap_or_else(|| format!("the hub ended at once ({status})"))));
        }
        if Instant::now() >= deadline {
            return Err(Error::Hub(format!(
                "the hub does not listen on {}; its log: {}",
                place.socket.display(),
                log.name
            )));
        }
        silent = silent || heard(&mut child).unwrap_or(true);
        if silent {
            // It has spoken: what is missing comes from another process, or is a matter of the next moment.
            let _ = sys::poll(&mut [], Some(RETRY));
        }
    }
}

/// Asks the hub one thing on a connection of its own.
pub fn ask<T: DeserializeOwned>(place: &HubPlace, request: Request) -> Result<T, Error> {
    let failed = |error: io::Error| Error::Hub(format!("the hub of this workspace does not answer: {error}"));
    let mut stream = place.connect().map_err(failed)?;
    stream.set_read_timeout(Some(ANSWER)).map_err(failed)?;
    let command = request.command.clone();
    stream.write_all(&encode(&Message::from(request).with_seq(1))).map_err(failed)?;
    let mut decoder = Decoder::new(MAX_MESSAGE);
    let mut buffer = [0; 4096];
    loop {
        while let Some(text) = decoder.next_frame().map_err(|error| failed(io::Error::other(error)))? {
            match Message::parse(&text) {
                Ok(Message::Response(response)) if response.command == command => {
                    return response.body().map_err(|failure| Error::Refused { reason: failure.message, hub: None });
                }
                Ok(_) => {}
                Err(error) => return Err(failed(io::Error::other(error))),
            }
        }
        match stream.read(&mut buffer).map_err(failed)? {
            0 => return Err(failed(io::ErrorKind::UnexpectedEof.into())),
            count => decoder.push(&buffer[..count]),
        }
    }
}

/// Waits a moment for the started process to write or close; whether it did.
fn heard(child: &mut Child) -> io::Result<bool> {
    let Some(stdout) = &mut child.stdout else { return Ok(true) };
    let mut fds = [libc::pollfd { fd: stdout.as_raw_fd(), events: libc::POLLIN, revents: 0 }];
    sys::poll(&mut fds, Some(RETRY))?;
    Ok(fds[0].revents != 0)
}

fn start(place: &HubPlace, executable: &Path, port: Option<u16>, log: &Log) -> io::Result<Child> {
    let mut command = Command::new(executable);
    command.arg0("ikpdb").arg("hub").arg("--workspace").arg(&place.workspace);
    if let Some(port) = port {
        command.arg("--port").arg(port.to_string());
    }
    let stderr = match &log.file {
        Some(file) => Stdio::from(file.try_clone()?),
        None => Stdio::null(),
    };
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
    detached::spawn(&mut command)
}

/// The hub's log, from where it was when we started.
struct Log {
    file: Option<File>,
    from: u64,
    name: String,
}

impl Log {
    /// Without a place for it, what the hub says is lost.
    fn open(place: &HubPlace) -> Self {
        let path = place.log();
        let options = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(&path);
        let file = options.ok();
        let from = file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |about| about.len());
        Self { file, from, name: path.display().to_string() }
    }

    /// The last line that was written since.
    fn last_line(&mut self) -> Option<String> {
        let file = self.file.as_mut()?;
        file.seek(SeekFrom::Start(self.from)).ok()?;
        let mut text = Vec::new();
        file.take(64 << 10).read_to_end(&mut text).ok()?;
        let text = String::from_utf8_lossy(&text);
        let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
        Some(line.trim_start_matches("ikpdb: ").to_owned())
    }
}
