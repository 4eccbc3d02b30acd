//! The connection to a mail server, encrypted before anything of a message is said.
//!
//! [`Reach::connect`] resolves the server's name through the guard, connects to what it checked, and gives a
//! [`Wire`] for the mail library to speak over. What comes before encryption is spoken here and not by the
//! library, byte by byte: what a stranger slips in behind the answer to `STARTTLS` is then a part of the TLS
//! handshake, which fails, and never an answer that seems to have come encrypted (RFC 3207, section 6).
//!
//! Invariants:
//! - Where the settings ask for encryption, a wire is encrypted, and its certificate is for the configured name.
//! - Nothing is sent to an address that the guard forbids.
//! - No more than 64 KiB of answers is ever taken from one connection.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::str::FromStr as _;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use lettre::transport::smtp::client::AsyncTokioStream;
use lettre::transport::smtp::commands::{Ehlo, Starttls};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::super::client::Masks;
use super::super::error::Problem;
use super::super::guard::{ForbiddenAddress, Guard, Unencrypted, check_unencrypted};
use super::conversation::{Step, broken, refused};

/// A server answers a message with a few hundred bytes.
const MAX_ANSWERS: usize = 64 << 10;

/// How a connection is encrypted.
pub(super) enum Encryption {
    /// Not at all; and so, where it leads to and what is sent is limited.
    None(Unencrypted),
    /// By `STARTTLS`, which the server must offer.
    Starttls(TlsConnector),
    /// From the beginning.
    Tls(TlsConnector),
}

/// How a server is reached.
pub(super) struct Reach {
    pub(super) host: String,
    pub(super) port: u16,
    /// The host, as certificates have it.
    pub(super) name: ServerName<'static>,
    pub(super) encryption: Encryption,
    pub(super) guard: Guard,
    /// How long a connection may take to stand.
    pub(super) within: Duration,
}

/// A client for TLS, which trusts the authorities of the system and these.
pub(super) fn connector(authorities: Vec<Vec<u8>>) -> Result<TlsConnector, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let authorities = authorities.into_iter().map(CertificateDer::from);
    let verifier = Verifier::new_with_extra_roots(authorities, Arc::clone(&provider))?;
    // The library calls every verifier that is given to it dangerous; this one checks all that its own does.
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

impl Reach {
    /// Host and port, as URLs have them.
    pub(super) fn authority(&self) -> String {
        match self.host.parse() {
            Ok(IpAddr::V6(ip)) => format!("[{ip}]:{}", self.port),
            _ => format!("{}:{}", self.host, self.port),
        }
    }

    /// Checks the address that stands in the settings itself, for which no name is resolved.
    pub(super) fn check_literal(&self) -> Result<(), ForbiddenAddress> {
        match self.host.parse::<IpAddr>() {
            Ok(ip) => {
                let address = SocketAddr::new(ip, self.port);
                self.guard.check(address)?;
                self.check_encryption(address)
            }
            Err(_) => Ok(()),
        }
    }

    fn check_encryption(&self, address: SocketAddr) -> Result<(), ForbiddenAddress> {
        match self.encryption {
            Encryption::None(what) => check_unencrypted(address, what),
            Encryption::Starttls(_) | Encryption::Tls(_) => Ok(()),
        }
    }

    /// Connects, encrypts, and hears the server's greeting.
    pub(super) async fn connect(&self, hello: &ClientId) -> Result<Wire, Problem> {
        let mut stream = self.dial().await?;
        let stream = match &self.encryption {
            Encryption::None(_) => {
                greeting(&mut stream).await?;
                Stream::Clear(stream)
            }
            Encryption::Starttls(connector) => {
                greeting(&mut stream).await?;
                starttls(&mut stream, hello).await?;
                Stream::Encrypted(Box::new(self.encrypt(connector, stream).await?))
            }
            Encryption::Tls(connector) => {
                let mut stream = self.encrypt(connector, stream).await?;
                greeting(&mut stream).await?;
                Stream::Encrypted(Box::new(stream))
            }
        };
        Ok(Wire {
            stream,
            greeting: GREETING,
            room: MAX_ANSWERS,
        })
    }

    async fn dial(&self) -> Result<TcpStream, Problem> {
        let addresses = self.guard.resolve(&self.host, self.port).await;
        let addresses = addresses.map_err(|error| match error.downcast_ref() {
            Some(forbidden) => Problem::Forbidden(*forbidden),
            None => no_connection(&error),
        })?;
        for address in &addresses {
            self.check_encryption(*address)
                .map_err(Problem::Forbidden)?;
        }
        // Each has its share of the time: one that is silent must not keep from the next.
        let count = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        let share = self.within / count.max(1);
        let mut refusal = None;
        for address in addresses {
            match tokio::time::timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => refusal = Some(no_connection(&error)),
                Err(_) => {}
            }
        }
        Err(refusal.unwrap_or(Problem::TimedOut {
            within: self.within,
        }))
    }

    async fn encrypt(
        &self,
        connector: &TlsConnector,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Problem> {
        let encrypted = connector.connect(self.name.clone(), stream).await;
        encrypted.map_err(|error| Problem::Unreachable {
            reason: untrusted(&error),
        })
    }
}

fn no_connection(error: &impl ToString) -> Problem {
    Problem::Unreachable {
        reason: error.to_string(),
    }
}

/// Why a connection could not be encrypted, and what to do about it.
fn untrusted(error: &io::Error) -> String {
    use CertificateError::{NotValidForName, NotValidForNameContext, UnknownIssuer};
    let of_tls = error.get_ref().and_then(|error| error.downcast_ref());
    let advice = match of_tls {
        Some(rustls::Error::InvalidCertificate(UnknownIssuer)) => {
            ": if its authority is your own, name a file with that authority's certificate in `ca`"
        }
        Some(rustls::Error::InvalidCertificate(
            NotValidForName | NotValidForNameContext { .. },
        )) => ": write the name that its certificate has into `host`",
        Some(rustls::Error::InvalidCertificate(_)) => {
            ": renew it, or name a file with its authority's certificate in `ca`"
        }
        Some(rustls::Error::InvalidMessage(_)) => {
            ": it may expect another `security` at this `port`"
        }
        _ => "",
    };
    format!("{error}{advice}")
}

/// Reads the greeting.
async fn greeting(stream: &mut (impl AsyncRead + Unpin)) -> Result<(), Problem> {
    let answer = answer(stream).await?;
    expect(Step::Greeting, &answer)
}

/// Asks for encryption, which begins with the next byte.
async fn starttls(stream: &mut TcpStream, hello: &ClientId) -> Result<(), Problem> {
    let offered = ask(stream, &Ehlo::new(hello.clone()).to_string()).await?;
    expect(Step::Hello, &offered)?;
    let is_starttls = |line: &str| {
        let word = line.split_whitespace().next();
        word.is_some_and(|word| word.eq_ignore_ascii_case("STARTTLS"))
    };
    // The first line is the server's name.
    if !offered.message().skip(1).any(is_starttls) {
        return Err(Problem::Lacking {
            what: "STARTTLS",
            advice: "nothing is sent to it unencrypted; if it speaks TLS from the beginning, set `security` to `tls`",
        });
    }
    let begins = ask(stream, &Starttls.to_string()).await?;
    expect(Step::Starttls, &begins)
}

async fn ask(stream: &mut TcpStream, command: &str) -> Result<Response, Problem> {
    let said = stream.write_all(command.as_bytes()).await;
    said.map_err(|error| broken(&error))?;
    answer(stream).await
}

fn expect(step: Step, answer: &Response) -> Result<(), Problem> {
    let code = u16::from(answer.code());
    if (200..300).contains(&code) {
        return Ok(());
    }
    let text: Vec<&str> = answer.message().collect();
    // Nothing secret has been sent yet that an answer could repeat.
    Err(refused(
        step,
        code,
        &Masks::new(Vec::new()).excerpt(&text.join(" ")),
    ))
}

/// Reads an answer, and not a byte more.
async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> Result<Response, Problem> {
    let mut text = Vec::new();
    loop {
        let begins = text.len();
        while !text[begins..].ends_with(b"\n") {
            if text.len() >= MAX_ANSWERS {
                return Err(broken(&TOO_MUCH));
            }
            match stream.read_u8().await {
                Ok(byte) => text.push(byte),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(broken(&CLOSED));
                }
                Err(error) => return Err(broken(&error)),
            }
        }
        // A line with a hyphen behind the code is not the last; one without a code is no answer.
        let is_continued = match text[begins..] {
            [a, b, c, b'-', ..] => [a, b, c].iter().all(u8::is_ascii_digit),
            _ => false,
        };
        if !is_continued {
            break;
        }
    }
    let text = String::from_utf8_lossy(&text);
    Response::from_str(&text).map_err(|_| {
        let shown = Masks::new(Vec::new()).excerpt(&text);
        broken(&format!("`{shown}` is no answer of a mail server"))
    })
}

const CLOSED: &str = "the server closed the connection";
const TOO_MUCH: &str = "the server sent more than 64 KiB";

/// The library begins by reading a greeting. The real one has been read; this stands for it.
const GREETING: &[u8] = b"220 \r\n";

/// A connection over which a mail server is spoken to.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Stream,
    /// What is left of the greeting that the library reads.
    greeting: &'static [u8],
    /// How many bytes of answers are taken yet.
    room: usize,
}

#[derive(Debug)]
enum Stream {
    Clear(TcpStream),
    Encrypted(Box<TlsStream<TcpStream>>),
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        match &self.stream {
            Stream::Clear(stream) => stream.peer_addr(),
            Stream::Encrypted(stream) => stream.get_ref().0.peer_addr(),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        if !wire.greeting.is_empty() {
            let (now, later) = wire
                .greeting
                .split_at(wire.greeting.len().min(buffer.remaining()));
            buffer.put_slice(now);
            wire.greeting = later;
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(match &mut wire.stream {
            Stream::Clear(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Encrypted(stream) => Pin::new(stream).poll_read(context, buffer),
        })?;
        let read = buffer.filled().len() - before;
        // The library takes the end of a connection for an answer of another form.
        if read == 0 && buffer.remaining() > 0 {
            let closed = io::Error::new(io::ErrorKind::UnexpectedEof, CLOSED);
            return Poll::Ready(Err(closed));
        }
        match wire.room.checked_sub(read) {
            Some(room) => wire.room = room,
            None => return Poll::Ready(Err(io::Error::other(TOO_MUCH))),
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Clear(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Encrypted(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(
        self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Clear(stream) => Pin::new(stream).poll_flush(context),
            Stream::Encrypted(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(
        self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Clear(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Encrypted(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
