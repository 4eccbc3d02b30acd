//! A receiver of messages on loopback, in place of a chat service.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::Value;

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Received {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the message is JSON")
    }

    /// The idempotency key of a message to a channel of kind `http`.
    pub(crate) fn key(&self) -> String {
        self.headers["idempotency-key"]
            .to_str()
            .expect("the key is text")
            .to_owned()
    }
}

#[derive(Default)]
struct Shelf {
    received: Vec<Received>,
    next: VecDeque<StatusCode>,
    status: Option<StatusCode>,
}

/// An address of this machine that is nobody else's, and at which nobody listens yet.
pub(crate) struct Reserved {
    pub(crate) address: SocketAddr,
    socket: tokio::net::TcpSocket,
}

impl Reserved {
    pub(crate) fn new() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket can be made");
        socket
            .bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .expect("a port is free");
        let address = socket.local_addr().expect("it has an address");
        Self { address, socket }
    }

    /// Starts the receiver there.
    pub(crate) fn open(self) -> Receiver {
        let shelf = Arc::new(Mutex::new(Shelf::default()));
        let listener = self.socket.listen(128).expect("the port is ours");
        let router = Router::new().fallback(take).with_state(Arc::clone(&shelf));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Receiver {
            address: self.address,
            shelf,
        }
    }
}

/// A running receiver; it ends with the runtime.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    shelf: Arc<Mutex<Shelf>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        Reserved::new().open()
    }

    /// Everything that arrived so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.shelf.lock().expect("nobody panicked").received.clone()
    }

    /// Answers with this status from now on, in place of `200 ok`.
    pub(crate) fn answer(&self, status: StatusCode) {
        self.shelf.lock().expect("nobody panicked").status = Some(status);
    }

    /// Answers the next requests with these, one each, and then as before.
    pub(crate) fn answer_in_turn(&self, statuses: impl IntoIterator<Item = StatusCode>) {
        let mut shelf = self.shelf.lock().expect("nobody panicked");
        shelf.next.extend(statuses);
    }
}

async fn take(
    State(shelf): State<Arc<Mutex<Shelf>>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    let mut shelf = shelf.lock().expect("nobody panicked");
    shelf.received.push(Received {
        path: uri.path().to_owned(),
        headers,
        body,
    });
    let status = shelf.next.pop_front().or(shelf.status);
    (status.unwrap_or(StatusCode::OK), "ok")
}
