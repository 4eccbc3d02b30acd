//! Accepting connections, with the limits that hold before anything of a request is looked at.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

use super::Peer;
use super::connections::{Connections, Place};
use super::error::ApiError;

/// How long a sender may take for its headers, and a connection may stay idle.
const HEADER_TIME: Duration = Duration::from_secs(10);

/// The headers a request may have; a provider sends some twenty.
const HEADERS: usize = 100;

/// What they may have in all, in bytes.
const HEADER_BYTES: usize = 32 << 10;

/// How long open requests may go on when the server ends.
const END: Duration = Duration::from_secs(5);

/// A listener that could not be opened.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot listen on {address}: is another server running there? choose another address with `{key}`"
)]
pub struct ListenError {
    address: SocketAddr,
    key: &'static str,
    source: std::io::Error,
}

/// An open listener.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Opens a listener; `key` names the setting with its address, for the error.
    ///
    /// # Errors
    /// When the address is in use or not this machine's.
    pub async fn open(address: SocketAddr, key: &'static str) -> Result<Self, ListenError> {
        let failed = |source| ListenError {
            address,
            key,
            source,
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// The address, with the port that was chosen where 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `ending` becomes true, and then lets open requests end.
    pub fn serve(self, router: Router, ending: watch::Receiver<bool>) -> JoinHandle<()> {
        tokio::spawn(serve(self.listener, router, ending))
    }
}

async fn serve(listener: TcpListener, router: Router, mut ending: watch::Receiver<bool>) {
    let connections = Connections::new();
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &connections) => accepted,
            _ = ending.wait_for(|ending| *ending) => break,
        };
        let (stream, peer, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, as a rule: it passes when connections end.
                tracing::error!("a connection could not be accepted: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let router = router.clone();
        let of_requests = place.clone();
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Peer(peer));
            let place = of_requests.clone();
            request.extensions_mut().insert(place.clone());
            let router = router.clone();
            async move {
                let answer = match check_size(request.headers()) {
                    Ok(()) => router.oneshot(request).await,
                    Err(error) => Ok(error.into_response()),
                };
                place.answered();
                answer
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIME)
            .max_headers(HEADERS)
            .max_buf_size(HEADER_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => {
                    if let Err(error) = ended {
                        tracing::debug!(remote = %peer, "a connection broke: {error}");
                    }
                }
                () = place.cut_off() => {}
            }
        });
    }
    // What does not end in time is cut off.
    let _late = tokio::time::timeout(END, graceful.shutdown()).await;
}

/// Refuses headers that are too large in all: the buffer alone lets some more through, because its bound is
/// looked at between two reads.
fn check_size(headers: &HeaderMap) -> Result<(), ApiError> {
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
        .sum();
    if bytes <= HEADER_BYTES {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "hook/headers-too-large",
        format!("the headers have more than the {HEADER_BYTES} bytes that are taken"),
    ))
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Connections>,
) -> std::io::Result<(TcpStream, SocketAddr, Place)> {
    let (stream, peer) = listener.accept().await?;
    let place = connections.take(peer.ip()).await;
    // Answers are small and whole: nothing is gained by waiting for more.
    stream.set_nodelay(true)?;
    Ok((stream, peer, place))
}
