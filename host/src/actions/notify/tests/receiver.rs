//! A tiny HTTP server that keeps what it got and answers with the bytes it was given.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What a receiver does with a request.
enum Reply {
    Bytes(Vec<u8>),
    Silence,
}

/// A request as it arrived.
#[derive(Debug, Default)]
pub(in crate::actions::notify) struct Request {
    pub(in crate::actions::notify) line: String,
    /// All headers, with names in lower case.
    pub(in crate::actions::notify) headers: BTreeMap<String, String>,
    pub(in crate::actions::notify) body: Vec<u8>,
}

impl Request {
    /// The body as JSON.
    pub(in crate::actions::notify) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a body of JSON")
    }
}

/// A server on a port of its own, until it is dropped.
pub(in crate::actions::notify) struct Receiver {
    pub(in crate::actions::notify) address: SocketAddr,
    requests: mpsc::UnboundedReceiver<Request>,
    server: tokio::task::JoinHandle<()>,
}

impl Receiver {
    /// Answers each request with these bytes, and closes the connection.
    pub(in crate::actions::notify) async fn answering(reply: impl Into<Vec<u8>>) -> Self {
        Self::start(Reply::Bytes(reply.into())).await
    }

    /// Answers with a status line, headers, each ended by `\r\n`, and a body.
    pub(in crate::actions::notify) async fn with(status: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n");
        Self::answering(format!("{head}Connection: close\r\n\r\n{body}")).await
    }

    /// Reads requests and never answers.
    pub(in crate::actions::notify) async fn silent() -> Self {
        Self::start(Reply::Silence).await
    }

    async fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (sender, requests) = mpsc::unbounded_channel();
        let server = tokio::spawn(async move {
            let mut silent = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                // A client that speaks TLS, or hangs up, sends no request.
                let Some(request) = read(&mut stream).await else {
                    continue;
                };
                sender.send(request).expect("the test is not over");
                match &reply {
                    Reply::Bytes(bytes) => {
                        // A client that has read enough hangs up.
                        drop(stream.write_all(bytes).await);
                    }
                    Reply::Silence => silent.push(stream),
                }
            }
        });
        Self {
            address,
            requests,
            server,
        }
    }

    /// A URL of the server.
    pub(in crate::actions::notify) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The only request so far.
    pub(in crate::actions::notify) fn request(&mut self) -> Request {
        let request = self.requests.try_recv().expect("a request");
        assert!(
            self.requests.try_recv().is_err(),
            "there is a second request"
        );
        request
    }

    /// Whether no request has come.
    pub(in crate::actions::notify) fn is_untouched(&self) -> bool {
        self.requests.is_empty()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
        let is_http = head.first() == Some(&b'P');
        if !is_http {
            return None;
        }
    }
    let head = String::from_utf8(head).ok()?;
    let mut lines = head.trim_end().split("\r\n").map(str::to_owned);
    let mut request = Request {
        line: lines.next()?,
        ..Request::default()
    };
    for line in lines {
        let (name, value) = line.split_once(": ").expect("a header");
        let former = request
            .headers
            .insert(name.to_lowercase(), value.to_owned());
        assert_eq!(former, None, "the header {name} came twice");
    }
    let length = request.headers.get("content-length")?.parse().ok()?;
    request.body = vec![0; length];
    stream.read_exact(&mut request.body).await.ok()?;
    Some(request)
}
