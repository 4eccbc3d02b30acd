//! Requests written byte by byte, where a client would not send what a test needs.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends bytes over a new connection to `http://…`, and returns what is answered until its end.
pub(crate) async fn exchange(base: &str, request: &[u8]) -> String {
    let address = base.strip_prefix("http://").expect("an HTTP address");
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the server listens");
    // A server that refuses may close before it has read everything.
    let _refused_early = stream.write_all(request).await;
    let mut answer = Vec::new();
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut bytes).await {
        answer.extend_from_slice(&bytes[..count]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}
