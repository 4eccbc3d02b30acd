//! A tiny mail server that keeps what it was told and answers as it is bid.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::super::certificates::certified;
use super::super::{open_kind, send_to};
use super::letters::Letter;
use crate::domain::decision::Notification;

/// What stands between what is sent in the clear and what is not.
const ENCRYPTED: &str = "-- encrypted from here --";

/// What a server does when it is its turn.
#[derive(Clone, Copy)]
pub(super) enum Turn {
    /// It says this, in one packet; the end of the last line is added.
    Says(&'static str),
    /// It closes the connection.
    Closes,
    /// It says nothing more.
    Waits,
}

/// How the connection is encrypted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    None,
    Starttls,
    Tls,
}

/// What a server does.
pub(super) struct Script {
    pub(super) security: Security,
    /// The names in its certificate.
    pub(super) names: Vec<&'static str>,
    /// The year in which its certificate ends.
    pub(super) until: i32,
    /// What it does differently, by the beginning of what it was told; a line with a dot is the end of a letter, and
    /// the empty text the beginning of all.
    pub(super) turns: Vec<(&'static str, Turn)>,
}

impl Script {
    /// Takes every letter.
    pub(super) fn new(security: Security) -> Self {
        Self {
            security,
            names: vec!["127.0.0.1", "localhost"],
            until: 2999,
            turns: Vec::new(),
        }
    }

    /// The same, but for one turn.
    pub(super) fn with(mut self, told: &'static str, turn: Turn) -> Self {
        self.turns.push((told, turn));
        self
    }

    fn turn(&self, told: &str, is_encrypted: bool) -> Turn {
        let is_meant = |turn: &&(&'static str, Turn)| {
            let (beginning, _) = turn;
            beginning.is_empty() == told.is_empty() && told.starts_with(beginning)
        };
        if let Some((_, turn)) = self.turns.iter().find(is_meant) {
            return *turn;
        }
        let offers_starttls = self.security == Security::Starttls && !is_encrypted;
        Turn::Says(match told.split([' ', ':']).next().unwrap_or_default() {
            "" => "220 mail.example.org ESMTP",
            "EHLO" if offers_starttls => "250-mail.example.org\r\n250-8BITMIME\r\n250 STARTTLS",
            "EHLO" => "250-mail.example.org\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN",
            "STARTTLS" => "220 2.0.0 begin",
            "AUTH" => "235 2.7.0 welcome",
            "MAIL" => "250 2.1.0 sender taken",
            "RCPT" => "250 2.1.5 recipient taken",
            "DATA" => "354 end with a dot",
            "." => "250 2.0.0 taken as 1",
            "QUIT" => "221 2.0.0 bye",
            _ => "500 5.5.2 what is that",
        })
    }
}

/// What was said in one connection.
#[derive(Debug, Default)]
pub(super) struct Dialog {
    /// What was said, line by line; a letter has none of its own.
    pub(super) lines: Vec<String>,
    /// The letter as it was sent, but for the dots that lines began with.
    pub(super) letter: Option<String>,
}

impl Dialog {
    /// The lines of the client.
    pub(super) fn told(&self) -> Vec<&str> {
        let told = self.lines.iter();
        told.filter_map(|line| line.strip_prefix("C: ")).collect()
    }

    /// The letter, read.
    pub(super) fn letter(&self) -> Letter {
        Letter::read(self.letter.as_deref().expect("a letter"))
    }
}

/// A server on a port of its own, until it is dropped.
pub(super) struct MailServer {
    pub(super) address: SocketAddr,
    dialogs: mpsc::UnboundedReceiver<Dialog>,
    server: JoinHandle<()>,
    folder: TempDir,
    security: Security,
}

impl MailServer {
    pub(super) async fn start(script: Script) -> Self {
        let folder = TempDir::new().expect("a folder");
        let (authority, acceptor) = certified(&script.names, script.until);
        std::fs::write(folder.path().join("ca.pem"), authority).expect("a file");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let security = script.security;
        let (sender, dialogs) = mpsc::unbounded_channel();
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut dialog = Dialog::default();
                // A client that hangs up ends the dialog as well.
                drop(attend(stream, &script, &acceptor, &mut dialog).await);
                sender.send(dialog).expect("the test is not over");
            }
        });
        Self {
            address,
            dialogs,
            server,
            folder,
            security,
        }
    }

    /// The certificate of the authority behind the server's own.
    pub(super) fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The settings of a channel that leads here, without `kind`.
    pub(super) fn settings(&self) -> Value {
        let security = match self.security {
            Security::None => "none",
            Security::Starttls => "starttls",
            Security::Tls => "tls",
        };
        json!({
            "host": self.address.ip(),
            "port": self.address.port(),
            "security": security,
            "ca": self.authority(),
            "from": "Hookbox <hookbox@example.org>",
            "to": ["dev@example.org"],
        })
    }

    /// The only dialog so far, or the one that there will be.
    pub(super) async fn dialog(&mut self) -> Dialog {
        let dialog = self.dialogs.recv().await.expect("a dialog");
        assert!(self.dialogs.is_empty(), "there is a second dialog");
        dialog
    }

    /// Whether nobody has come and gone.
    pub(super) fn is_untouched(&self) -> bool {
        self.dialogs.is_empty()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn attend(
    stream: TcpStream,
    script: &Script,
    acceptor: &TlsAcceptor,
    dialog: &mut Dialog,
) -> std::io::Result<()> {
    if script.security == Security::Tls {
        let stream = acceptor.accept(stream).await?;
        dialog.lines.push(ENCRYPTED.to_owned());
        let mut speaker = Speaker::new(stream, script, dialog, Encrypted::Yes);
        speaker.take_turn("").await?;
        return speaker.speak().await.map(drop);
    }
    let mut speaker = Speaker::new(stream, script, dialog, Encrypted::No);
    speaker.take_turn("").await?;
    if speaker.speak().await? == End::Starttls {
        let stream = speaker.stream.into_inner();
        let stream = acceptor.accept(stream).await?;
        dialog.lines.push(ENCRYPTED.to_owned());
        Speaker::new(stream, script, dialog, Encrypted::Yes)
            .speak()
            .await?;
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encrypted {
    Yes,
    No,
}

/// How a part of a dialog ended.
#[derive(PartialEq, Eq)]
enum End {
    Closed,
    Starttls,
}

struct Speaker<'a, S> {
    stream: BufReader<S>,
    script: &'a Script,
    dialog: &'a mut Dialog,
    encrypted: Encrypted,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Speaker<'a, S> {
    fn new(stream: S, script: &'a Script, dialog: &'a mut Dialog, encrypted: Encrypted) -> Self {
        Self {
            stream: BufReader::new(stream),
            script,
            dialog,
            encrypted,
        }
    }

    async fn speak(&mut self) -> std::io::Result<End> {
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).await? == 0 {
                return Ok(End::Closed);
            }
            let line = line.strip_suffix("\r\n").expect("a whole line").to_owned();
            self.dialog.lines.push(format!("C: {line}"));
            let said = self.take_turn(&line).await?;
            match line.as_str() {
                "STARTTLS" if said.starts_with('2') => return Ok(End::Starttls),
                "DATA" if said.starts_with('3') => self.read_letter().await?,
                _ => {}
            }
        }
    }

    async fn read_letter(&mut self) -> std::io::Result<()> {
        let mut letter = String::new();
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            if line == ".\r\n" {
                break;
            }
            letter.push_str(line.strip_prefix('.').unwrap_or(&line));
        }
        self.dialog.letter = Some(letter);
        self.take_turn(".").await.map(drop)
    }

    /// Does what the script says, and gives what was said.
    async fn take_turn(&mut self, told: &str) -> std::io::Result<&'static str> {
        let said = match self.script.turn(told, self.encrypted == Encrypted::Yes) {
            Turn::Says(said) => said,
            Turn::Closes => {
                self.stream.get_mut().shutdown().await?;
                return Err(std::io::ErrorKind::ConnectionAborted.into());
            }
            Turn::Waits => {
                // Until the client hangs up.
                self.stream.read_to_end(&mut Vec::new()).await?;
                return Err(std::io::ErrorKind::ConnectionAborted.into());
            }
        };
        let lines = said.split("\r\n").map(|line| format!("S: {line}"));
        self.dialog.lines.extend(lines);
        let stream = self.stream.get_mut();
        stream.write_all(format!("{said}\r\n").as_bytes()).await?;
        stream.flush().await?;
        Ok(said)
    }
}

/// Sends a message, and shows all that was said, and the letter as a mail program shows it.
pub(in crate::actions::notify) async fn transcript(message: Notification) -> String {
    let mut server = MailServer::start(Script::new(Security::Starttls)).await;
    let mut settings = server.settings();
    settings["username"] = "hookbox".into();
    settings["password"] = "s3cr3tk3y".into();
    settings["subject_prefix"] = "[hookbox]".into();
    let channels = open_kind("email", settings, "ada@example.org");
    let sent = send_to(&channels, &message).await;
    assert_eq!(sent.expect("a letter taken").detail, "250 2.0.0 taken as 1");
    let dialog = server.dialog().await;
    let data = dialog.lines.iter().position(|line| line == "C: DATA");
    // Behind the answer to it comes the letter.
    let (before, after) = dialog.lines.split_at(data.expect("a letter") + 2);
    let lines = [before.join("\n"), dialog.letter().shown(), after.join("\n")];
    lines.join("\n") + "\n"
}
