//! `/ws`: a page's WebSocket. One task reads it, one writes it; the hub decides who it is.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::{SinkExt, StreamExt};
use ikpdb_hub::{Door as HubDoor, Input};
use tokio::sync::Semaphore;

use crate::outbox::{Next, Outbox};
use crate::shell::{Peer, Shell};

/// How many pages there may be at once, those that have not proved themselves included.
const MANY: usize = 128;

/// The longest message of a page: text that somebody typed.
const LONGEST: usize = 4 << 20;

/// The longest reason that a close frame can carry.
const REASON: usize = 120;

/// Where pages come in.
#[derive(Clone)]
pub(super) struct Door {
    shell: Arc<Shell>,
    places: Arc<Semaphore>,
}

impl Door {
    pub(super) fn new(shell: Arc<Shell>) -> Self {
        Self { shell, places: Arc::new(Semaphore::new(MANY)) }
    }
}

pub(super) async fn upgrade(State(door): State<Door>, upgrade: WebSocketUpgrade) -> Response {
    let Ok(place) = door.places.try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many pages are open\n").into_response();
    };
    upgrade.max_message_size(LONGEST).max_frame_size(LONGEST).on_upgrade(async move |socket| {
        serve(door.shell, socket).await;
        drop(place);
    })
}

async fn serve(shell: Arc<Shell>, socket: WebSocket) {
    let outbox = Arc::new(Outbox::default());
    let connection = shell.open(HubDoor::Web, Peer { outbox: outbox.clone(), stream: None });
    let (mut sink, mut stream) = socket.split();
    let reader = async {
        while let Some(Ok(message)) = stream.next().await {
            match message {
                Message::Text(text) => shell.feed(Input::Received { connection, bytes: text.into() }),
                // Answered by the library.
                Message::Ping(_) | Message::Pong(_) => {}
                Message::Binary(_) | Message::Close(_) => return,
            }
        }
    };
    let writer = async {
        loop {
            match outbox.next().await {
                Next::Send(bytes) => {
                    let Ok(text) = Utf8Bytes::try_from(bytes) else { continue };
                    if sink.send(Message::Text(text)).await.is_err() {
                        return;
                    }
                }
                Next::Close(reason) => {
                    let end = (0..=REASON.min(reason.len())).rev().find(|&at| reason.is_char_boundary(at)).unwrap_or(0);
                    let reason = Utf8Bytes::from(&reason[..end]);
                    let _ = sink.send(Message::Close(Some(CloseFrame { code: close_code::POLICY, reason }))).await;
                    return;
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
