//! Who is at the other end of a TCP connection on this machine.

use std::net::{IpAddr, SocketAddr};

/// The kernel's tables of TCP connections, in the network that this thread was started in: the program may go into another one.
const TABLES: [&str; 2] = ["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"];
/// The state of a connection that is open, in the kernel's tables.
const ESTABLISHED: &str = "01";

/// Whose the process at the other end of a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// This user's of this machine.
    Users(u32),
    /// It is on another machine.
    AnotherMachines,
    /// It is on this machine, but in none of the tables: in another network namespace, say.
    Unknown,
}

/// Whose clients may come: whoever the program was started by, and whoever it has become.
#[derive(Clone, Copy, Debug)]
pub(crate) struct User(u32);

impl User {
    pub(crate) fn of_this_process() -> Self {
        // SAFETY: always allowed.
        Self(unsafe { libc::geteuid() })
    }

    pub(crate) fn is(self, user: u32) -> bool {
        self.0 == user || Self::of_this_process().0 == user
    }
}

/// Whose the other end of a connection is. If it is on this machine the kernel knows, whatever address it has.
pub(crate) fn whose(peer: SocketAddr, own: SocketAddr) -> Whose {
    let (peer, own) = (plain(peer), plain(own));
    let table = |path: &&str| std::fs::read_to_string(path).ok();
    // What is ours here is the other end there.
    let is_it = |it: &Entry<'_>| it.state == ESTABLISHED && it.local == peer && it.remote == own;
    let of_table = |table: String| table.lines().skip(1).filter_map(Entry::read).find(is_it).map(|it| it.uid);
    match TABLES.iter().filter_map(table).find_map(of_table) {
        Some(user) => Whose::Users(user),
        None if peer.ip().is_loopback() || own.ip().is_loopback() || peer.ip() == own.ip() => Whose::Unknown,
        None => Whose::AnotherMachines,
    }
}

/// An IPv4 address that came by IPv6 is an IPv4 address.
fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

struct Entry<'a> {
    local: SocketAddr,
    remote: SocketAddr,
    state: &'a str,
    uid: u32,
}

impl<'a> Entry<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [_, local, remote, state, _, _, _, uid, ..] = fields[..] else { return None };
        Some(Self { local: address(local)?, remote: address(remote)?, state, uid: uid.parse().ok()? })
    }
}

/// `0100007F:3C6E`: words of the machine's own byte order, in hex.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let mut bytes = Vec::new();
    for index in (0..ip.len()).step_by(8) {
        bytes.extend(u32::from_str_radix(ip.get(index..index + 8)?, 16).ok()?.to_ne_bytes());
    }
    let ip = match bytes.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        16 => IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?),
        _ => return None,
    };
    Some(plain(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?)))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn the_other_end_of_a_connection_of_ours_is_ours_by_either_protocol() {
        for at in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(at) else { continue };
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (server, peer) = listener.accept().unwrap();
            let Whose::Users(user) = whose(peer, server.local_addr().unwrap()) else { panic!("{at}") };
            assert!(User::of_this_process().is(user) && !User(user + 1).is(user + 2), "{at}");
            drop(client);
        }
    }

    #[test]
    fn a_connection_that_is_not_there_is_nobodys() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap();
        let none: SocketAddr = "127.0.0.1:1".parse().unwrap();
        assert_eq!((whose(none, own), whose(own, none)), (Whose::Unknown, Whose::Unknown));
        let far: SocketAddr = "203.0.113.1:1".parse().unwrap();
        assert_eq!(whose(far, "203.0.113.2:1".parse().unwrap()), Whose::AnotherMachines);
    }

    #[test]
    fn addresses_of_the_kernels_tables_are_read() {
        let local: SocketAddr = "127.0.0.1:15470".parse().unwrap();
        assert_eq!(address("0100007F:3C6E"), Some(local));
        assert_eq!(address("0000000000000000FFFF00000100007F:3C6E"), Some(local));
        assert_eq!(address("00000000000000000000000001000000:0016"), "[::1]:22".parse().ok());
        for text in ["", "0100007F", "0100007:1", "0100007F:99999", "zz:1"] {
            assert_eq!(address(text), None, "{text}");
        }
    }
}
