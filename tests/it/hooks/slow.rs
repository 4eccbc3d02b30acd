//! Senders that begin and never end: they keep no whole request out, and fill no memory.

use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Hooks, PUSH, accepted};
use crate::support::server::{SECRET, Server, Site};

/// How many connections send half a request.
const SENDERS: usize = 1_000;

/// What the server may have in memory, in KiB.
const MEMORY: u64 = 400 << 10;

/// Lets this process open that many connections, where it may.
fn allow_connections() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("the limit may be raised to its bound");
}

async fn connect(server: &Server) -> TcpStream {
    let address = server.public.trim_start_matches("http://");
    TcpStream::connect(address)
        .await
        .expect("the server accepts")
}

/// Sends what the server takes of some bytes; it may have cut the connection off meanwhile.
async fn send(server: &Server, bytes: &[u8]) -> TcpStream {
    let mut stream = connect(server).await;
    let _cut_off = tokio::time::timeout(Duration::from_secs(5), stream.write_all(bytes)).await;
    stream
}

fn resident(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid()))
        .expect("the server's process is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .expect("a number")
}

#[tokio::test]
async fn a_thousand_half_heads_keep_no_signed_request_from_its_202() {
    allow_connections();
    let hooks = Hooks::start(Site::CONFIG).await;
    let mut open = Vec::new();
    for _ in 0..SENDERS {
        open.push(send(&hooks.server, b"POST /hooks/gitlab HTTP/1.1\r\nHost: loc").await);
    }

    accepted(hooks.server.hook(PUSH.1, PUSH.0)).await;

    // Only as many as were needed gave way.
    let mut rest = [0; 1];
    let mut ended = 0;
    for stream in &mut open {
        let read = tokio::time::timeout(Duration::ZERO, stream.read(&mut rest)).await;
        ended += usize::from(matches!(read, Ok(Ok(0) | Err(_))));
    }
    assert!(ended < 100, "{ended} of {SENDERS} gave way");
    assert!(
        resident(&hooks.server) < MEMORY,
        "{} KiB",
        resident(&hooks.server)
    );
}

#[tokio::test]
async fn a_thousand_half_bodies_keep_no_signed_request_from_its_202() {
    allow_connections();
    let hooks = Hooks::start(Site::CONFIG).await;
    let head = format!(
        "POST /hooks/gitlab HTTP/1.1\r\nHost: localhost\r\nX-Gitlab-Event: Push Hook\r\nX-Gitlab-Token: {SECRET}\r\n\
         Content-Length: 1048576\r\n\r\n"
    );
    let mut half = head.into_bytes();
    half.resize(half.len() + (512 << 10), b' ');
    let mut open = Vec::new();
    for _ in 0..SENDERS {
        open.push(send(&hooks.server, &half).await);
    }

    accepted(hooks.server.hook(PUSH.1, PUSH.0)).await;

    println!("{} KiB resident", resident(&hooks.server));
    assert!(
        resident(&hooks.server) < MEMORY,
        "{} KiB",
        resident(&hooks.server)
    );
}
