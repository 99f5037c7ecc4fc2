//! The unix socket: agents, runners and commands of the same user, in DAP's framing.

use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Buf;
use ikpdb_hub::{Door, Input};
use ikpdb_proto::MAX_MESSAGE;
use ikpdb_proto::framing::Decoder;
use tokio::net::{UnixListener, UnixStream};

use crate::Error;
use crate::outbox::{Next, Outbox};
use crate::shell::{Peer, Shell};

/// How many peers there may be at once; more are turned away.
const MANY: usize = 512;

/// How much is read at once.
const CHUNK: usize = 64 << 10;

/// Listens. The lock is ours by now, so a socket that is there is a dead hub's.
pub(crate) fn listen(path: &Path) -> Result<UnixListener, Error> {
    let failed = |error: io::Error| Error::Socket(path.to_owned(), error);
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).map_err(failed)?;
    Ok(listener)
}

/// Accepts until the process ends.
pub(crate) async fn accept(shell: Arc<Shell>, listener: UnixListener) {
    let places = Arc::new(tokio::sync::Semaphore::new(MANY));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::error!("the socket does not accept: {error}");
                // Out of descriptors: some will be closed. Without a pause this would spin.
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            tracing::warn!("turned away: too many connections");
            continue;
        };
        if let Err(why) = check_peer(&stream) {
            tracing::warn!("turned away: {why}");
            continue;
        }
        let shell = shell.clone();
        tokio::spawn(async move {
            serve(shell, stream).await;
            drop(place);
        });
    }
}

fn check_peer(stream: &UnixStream) -> Result<(), String> {
    let peer = stream.peer_cred().map_err(|error| error.to_string())?.uid();
    let ours = rustix::process::geteuid().as_raw();
    if peer == ours || peer == 0 { Ok(()) } else { Err(format!("user {peer} is not ours")) }
}

/// One peer, from its first byte to its last.
pub(crate) async fn serve(shell: Arc<Shell>, stream: UnixStream) {
    let stream = Arc::new(stream);
    let outbox = Arc::new(Outbox::default());
    let connection = shell.open(Door::Unix, Peer { outbox: outbox.clone(), stream: Some(stream.clone()) });
    let reader = async {
        let mut decoder = Decoder::new(MAX_MESSAGE);
        let mut chunk = vec![0; CHUNK];
        loop {
            if stream.readable().await.is_err() {
                return;
            }
            match stream.try_read(&mut chunk) {
                Ok(0) => return,
                Ok(count) => decoder.push(&chunk[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(_) => return,
            }
            loop {
                match decoder.next_frame() {
                    Ok(Some(text)) => {
                        shell.feed(Input::Received { connection, bytes: text.into() });
                        shell.patience().await;
                    }
                    Ok(None) => break,
                    Err(error) => {
                        tracing::warn!(connection = connection.0, "closed: {error}");
                        return;
                    }
                }
            }
        }
    };
    let writer = async {
        loop {
            let Next::Send(mut bytes) = outbox.next().await else { return };
            while bytes.has_remaining() {
                if stream.writable().await.is_err() {
                    return;
                }
                match stream.try_write(&bytes) {
                    Ok(count) => bytes.advance(count),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return,
                }
            }
        }
    };
    tokio::select! {
        () = reader => {}
        () = writer => {}
    }
    shell.close(connection);
}
