//! Who is at the other end of a TCP connection on this machine.

use std::net::{IpAddr, SocketAddr};

/// The kernel's tables of TCP connections.
const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];
/// The state of a connection that is open, in the kernel's tables.
const ESTABLISHED: &str = "01";

/// Whether the process at the other end is one of this user's. From another machine nobody is.
pub(crate) fn is_ours(peer: SocketAddr, own: SocketAddr) -> bool {
    // SAFETY: always allowed.
    let user = unsafe { libc::geteuid() };
    let (peer, own) = (plain(peer), plain(own));
    TABLES.iter().filter_map(|table| std::fs::read_to_string(table).ok()).any(|table| {
        // What is ours here is the other end there.
        table
            .lines()
            .skip(1)
            .filter_map(Entry::read)
            .any(|it| it.state == ESTABLISHED && it.uid == user && it.local == peer && it.remote == own)
    })
}

/// Whether an address is one of this machine's own loop.
pub(crate) fn is_local(address: SocketAddr) -> bool {
    plain(address).ip().is_loopback()
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
            assert!(is_local(peer) && is_ours(peer, server.local_addr().unwrap()), "{at}");
            drop(client);
        }
    }

    #[test]
    fn a_connection_that_is_not_there_is_nobodys() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap();
        assert!(!is_ours("127.0.0.1:1".parse().unwrap(), own));
        assert!(!is_ours(own, "127.0.0.1:1".parse().unwrap()));
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
