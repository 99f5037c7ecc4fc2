//! A program under the door for clients of the original IKPdb: it has no runner and no hub. The process that is asked for it
//! opens the door and becomes the program, so that whoever started it has the program itself: its process id, its streams,
//! its signals, its exit code.

use std::ffi::OsString;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use ikpdb_proto::agent::IkpdbStart;

use crate::error::Error;
use crate::image::{Image, Plan};
use crate::injected::Injected;
use crate::program::{Program, own_environment};
use crate::signals::Mask;
use crate::streams::Found;
use crate::sys;

/// A socket that listens for the clients.
#[derive(Debug)]
pub struct Door {
    listener: OwnedFd,
    address: SocketAddr,
}

impl Door {
    /// Listens at this address, a number or a name, IPv4 first. Port 0 takes a free one. The socket's address may be in use by
    /// connections of a program that has ended.
    pub fn open(address: &str, port: u16) -> Result<Self, Error> {
        let candidates: Vec<SocketAddr> =
            (address, port).to_socket_addrs().map_err(|error| unknown(address, &error))?.collect();
        let wanted = candidates.iter().find(|it| it.is_ipv4()).or_else(|| candidates.first());
        let wanted = *wanted.ok_or_else(|| unknown(address, &io::ErrorKind::NotFound.into()))?;
        // The standard library sets SO_REUSEADDR.
        let opened = TcpListener::bind(wanted).and_then(|listener| {
            let address = listener.local_addr()?;
            Ok(Self { listener: sys::out_of_the_way(listener.into()), address })
        });
        opened.map_err(|error| Error::Listen(complaint(wanted, &error)))
    }

    /// Where it listens, with the port that it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its descriptor, also in the program.
    pub fn descriptor(&self) -> i32 {
        self.listener.as_raw_fd()
    }

    /// What the agent is told of a door that is opened beside a hub: nothing of it shows in the program's streams.
    pub(crate) fn beside_a_hub(&self, program: &Program) -> IkpdbStart {
        IkpdbStart {
            listener: self.descriptor(),
            address: self.address.to_string(),
            welcome: true,
            stop_at_entry: program.stop_on_entry,
            working_directory: program.folder.to_string_lossy().into_owned(),
            client_working_directory: String::new(),
            log: None,
            safe_values: false,
            allow_any_user: false,
        }
    }

    pub(crate) fn into_descriptor(self) -> OwnedFd {
        self.listener
    }

    /// What the user has to know about the address before anybody comes; nothing if only this machine reaches it.
    pub fn warning(&self) -> Option<String> {
        let (address, port) = (self.address, self.address.port());
        (!address.ip().is_loopback()).then(|| {
            format!(
                "WARNING: {address} may be reached from other machines, and the IKPdb protocol has no secret: whoever reaches \
                 it runs any code as you. Leave --ikpdb-address out, and on the client's machine use `ssh -L \
                 {port}:127.0.0.1:{port} THIS-MACHINE`; or debug in the browser, with `ikpdb run`"
            )
        })
    }
}

fn unknown(address: &str, error: &io::Error) -> Error {
    Error::Listen(format!(
        "{address:?} is no address to listen at: {error}; name one of this machine with --ikpdb-address, such as 127.0.0.1"
    ))
}

/// Why the address cannot be had, and what to do.
fn complaint(address: SocketAddr, error: &io::Error) -> String {
    let place = format!("cannot listen at {address}");
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "{place}: another program has that port, perhaps one that waits for its debugger; end it, or choose another port \
             with --ikpdb-port"
        ),
        io::ErrorKind::PermissionDenied => {
            format!("{place}: you may not use that port; choose one from 1024 on with --ikpdb-port")
        }
        io::ErrorKind::AddrNotAvailable => format!(
            "{place}: this machine does not have that address; name one that it has with --ikpdb-address, such as 127.0.0.1"
        ),
        _ => format!("{place}: {error}; choose another place with --ikpdb-address and --ikpdb-port"),
    }
}

/// A program and what goes into it.
#[derive(Debug)]
pub struct InPlace {
    /// The interpreter.
    pub executable: PathBuf,
    /// Its arguments; the first is the name that it is called by.
    pub arguments: Vec<OsString>,
    /// The libraries.
    pub libraries: Injected,
    /// What the agent is told; the descriptor in it is the door's.
    pub start: IkpdbStart,
}

impl InPlace {
    /// Becomes the program, with all that this process was given. Comes back only if that fails; then this process has to end.
    pub fn become_program(self, door: Door) -> Error {
        let executable = self.executable.clone();
        let reason = match self.image(door) {
            // SAFETY: the process ends if this comes back, by what is said of this function; nothing runs beside it.
            Ok(image) => io::Error::from_raw_os_error(unsafe { image.become_program() }),
            Err(error) => error,
        };
        let folder = std::env::current_dir().unwrap_or_else(|_| Path::new(".").to_path_buf());
        Error::Start { executable, folder, reason }
    }

    fn image(self, door: Door) -> io::Result<Image> {
        let start = self.libraries.start(None, Some(self.start))?;
        let found = Found::look();
        Image::new(Plan {
            executable: self.executable.as_os_str(),
            folder: None,
            arguments: &self.arguments,
            environment: &self.libraries.environment(&own_environment(), start.as_raw_fd()),
            streams: [0, 1, 2].map(|stream| found.as_inherited(stream)),
            kept: vec![start, door.listener],
            mask: Mask::now(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_zero_takes_a_free_one_out_of_the_programs_way() {
        let door = Door::open("127.0.0.1", 0).unwrap();
        assert_ne!(door.address().port(), 0);
        assert!(door.descriptor() >= 512);
        assert!(door.warning().is_none());
        std::net::TcpStream::connect(door.address()).unwrap();
    }

    #[test]
    fn names_are_looked_up_and_ipv4_is_preferred() {
        assert_eq!(Door::open("localhost", 0).unwrap().address().ip().to_string(), "127.0.0.1");
    }

    #[test]
    fn an_address_that_cannot_be_had_is_named_with_the_remedy() {
        let taken = Door::open("127.0.0.1", 0).unwrap();
        let port = taken.address().port();
        let cases: [(&str, u16, &[&str]); 3] = [
            ("127.0.0.1", port, &["127.0.0.1", "another program", "--ikpdb-port"]),
            // Kept for documentation: no machine has it.
            ("203.0.113.1", 0, &["203.0.113.1:0", "does not have", "--ikpdb-address"]),
            ("no address", 0, &["\"no address\"", "--ikpdb-address"]),
        ];
        for (address, port, words) in cases {
            let message = Door::open(address, port).unwrap_err().to_string();
            assert!(words.iter().all(|word| message.contains(word)), "{message}");
        }
    }

    #[test]
    fn what_other_machines_may_reach_is_warned_of_with_what_to_use_instead() {
        let door = Door::open("0.0.0.0", 0).unwrap();
        let warning = door.warning().unwrap();
        let tunnel = format!("ssh -L {0}:127.0.0.1:{0} ", door.address().port());
        assert!(["WARNING", &tunnel, "ikpdb run"].iter().all(|word| warning.contains(word)), "{warning}");
    }
}
