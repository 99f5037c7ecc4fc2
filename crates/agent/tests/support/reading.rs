//! Reads what the agent sends, in the place of the hub, unless it is kept from it.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ikpdb_proto::framing::Decoder;
use ikpdb_proto::{MAX_MESSAGE, Message};

/// Keeps the hub's side from reading.
#[derive(Clone, Default)]
pub struct Gate(Arc<Mutex<()>>);

impl Gate {
    /// Closes it until the guard is dropped; what is being read at this moment still is.
    pub fn close(&self) -> MutexGuard<'_, ()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread of its own reads what the agent sends, as fast as it comes.
pub fn read_messages(mut socket: UnixStream, gate: Gate) -> Receiver<Message> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut decoder = Decoder::new(MAX_MESSAGE);
        let mut buffer = vec![0; 64 << 10];
        while let Ok(count) = socket.read(&mut buffer) {
            if count == 0 {
                break;
            }
            drop(gate.close());
            decoder.push(&buffer[..count]);
            while let Some(text) = decoder.next_frame().unwrap() {
                if sender.send(Message::parse(&text).unwrap()).is_err() {
                    return;
                }
            }
        }
    });
    receiver
}
