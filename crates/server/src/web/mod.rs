//! HTTP on the loopback address: the page's own files and `/ws`. Nothing here has an effect or returns data.

mod assets;
mod guard;
mod socket;

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::get;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use crate::Error;
use crate::shell::Shell;

/// The ports that are tried when none is given.
const FIRST_PORT: u16 = 15480;
const LAST_PORT: u16 = 15499;

/// Listens on the loopback address: on the given port, or on the first one that is free.
pub(crate) async fn listen(port: Option<u16>) -> Result<TcpListener, Error> {
    match port {
        Some(port) => first_free(port..=port).await?.ok_or(Error::PortInUse(port)),
        None => first_free(FIRST_PORT..=LAST_PORT).await?.ok_or(Error::NoPort(FIRST_PORT, LAST_PORT)),
    }
}

async fn first_free(ports: RangeInclusive<u16>) -> Result<Option<TcpListener>, Error> {
    for candidate in ports {
        match TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, candidate))).await {
            Ok(listener) => return Ok(Some(listener)),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(Error::Port(candidate, error)),
        }
    }
    Ok(None)
}

/// Serves pages until the process ends.
pub(crate) async fn accept(shell: Arc<Shell>, listener: TcpListener) {
    let router = Router::new()
        .route("/ws", get(socket::upgrade))
        .fallback(get(assets::serve))
        .layer(DefaultBodyLimit::max(0))
        .layer(middleware::from_fn(guard::guard))
        .with_state(socket::Door::new(shell));
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::warn!("a connection keeps its delay: {error}");
        }
    });
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!("pages are not served any more: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a row of ports that are free together, outside of those that the kernel gives away.
    fn row(length: u16) -> Vec<std::net::TcpListener> {
        let take = |first: u16| {
            let ports = first..first + length;
            ports.map(|port| std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()).collect()
        };
        (20_000..30_000).step_by(10).find_map(take).unwrap()
    }

    #[test]
    fn the_first_free_port_of_a_row_is_taken_and_none_of_a_full_one() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let mut taken = row(4);
        let port = |listener: &std::net::TcpListener| listener.local_addr().unwrap().port();
        let all = port(&taken[0])..=port(&taken[3]);
        let found = || runtime.block_on(first_free(all.clone())).unwrap().map(|it| it.local_addr().unwrap().port());
        assert_eq!(found(), None);
        let third = port(&taken.remove(2));
        assert_eq!(found(), Some(third));
        let first = port(&taken.remove(0));
        assert_eq!(found(), Some(first), "the lowest one");
        assert!(
            matches!(runtime.block_on(listen(Some(*all.end()))), Err(Error::PortInUse(port)) if port == *all.end())
        );
    }
}
