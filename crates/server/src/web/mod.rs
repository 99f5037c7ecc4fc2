//! HTTP on the loopback address: the page's own files and `/ws`. Nothing here has an effect or returns data.

mod assets;
mod guard;
mod socket;

use std::net::{Ipv4Addr, SocketAddr};
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
    let ports = port.map_or(FIRST_PORT..=LAST_PORT, |port| port..=port);
    for candidate in ports {
        match TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, candidate))).await {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(Error::Port(candidate, error)),
        }
    }
    Err(port.map_or(Error::NoPort(FIRST_PORT, LAST_PORT), Error::PortInUse))
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
