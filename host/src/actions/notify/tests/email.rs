//! E-mail, against a real mail server: what the tests of its parts share, and the way of a letter.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use self::smtp::{MailServer, Script, Security, Turn};
use super::{
    Context, KEY, NOW, SendError, Sent, context, dev, open, open_kind, plain, send, send_to,
};
use crate::domain::clock::ManualClock;

mod answers;
mod connections;
mod forms;
mod letters;
mod settings;
pub(in crate::actions::notify) mod smtp;

/// Settings with a password.
fn with_password(mut settings: Value) -> Value {
    settings["username"] = "hookbox".into();
    settings["password"] = "s3cr3tk3y".into();
    settings
}

fn channel(mut settings: Value) -> Value {
    settings["kind"] = "email".into();
    settings
}

/// Sends a message to a server, from settings without `kind`.
async fn deliver(settings: Value) -> Result<Sent, SendError> {
    send(channel(settings), &plain("x")).await
}

#[tokio::test]
async fn a_letter_goes_over_every_kind_of_connection_and_a_password_with_it() {
    for security in [Security::Starttls, Security::Tls, Security::None] {
        let mut server = MailServer::start(Script::new(security)).await;
        let sent = deliver(with_password(server.settings())).await;

        assert_eq!(sent.expect("a letter taken").detail, "250 2.0.0 taken as 1");
        let dialog = server.dialog().await;
        let encrypted = dialog.lines.iter().position(|line| line.starts_with("--"));
        let password = dialog
            .lines
            .iter()
            .position(|line| line.contains("AUTH PLAIN A"));
        assert!(password.is_some());
        assert_eq!(encrypted.is_some(), security != Security::None);
        assert!(encrypted <= password, "{:?}", dialog.lines);
        assert_eq!(dialog.told().last(), Some(&"QUIT"));
    }
}

#[tokio::test]
async fn a_server_that_takes_passwords_by_login_alone_gets_it_so() {
    let script = Script::new(Security::None)
        .with(
            "EHLO",
            Turn::Says("250-mail.example.org\r\n250 AUTH LOGIN CRAM-MD5"),
        )
        .with("AUTH", Turn::Says("334 VXNlcm5hbWU6"))
        .with("aG9va2JveA==", Turn::Says("334 UGFzc3dvcmQ6"))
        .with("czNjcjN0azN5", Turn::Says("235 2.7.0 welcome"));
    let mut server = MailServer::start(script).await;
    deliver(with_password(server.settings()))
        .await
        .expect("a letter taken");

    let dialog = server.dialog().await;
    assert_eq!(
        dialog.told()[1..4],
        ["AUTH LOGIN", "aG9va2JveA==", "czNjcjN0azN5"]
    );
}

#[tokio::test]
async fn nobody_logs_in_without_a_name() {
    let mut server = MailServer::start(Script::new(Security::Tls)).await;
    deliver(server.settings()).await.expect("a letter taken");
    let dialog = server.dialog().await;
    assert!(!dialog.told().iter().any(|line| line.starts_with("AUTH")));
}

#[tokio::test]
async fn a_letter_that_is_taken_is_sent_whatever_becomes_of_the_good_bye() {
    for turn in [
        Turn::Waits,
        Turn::Closes,
        Turn::Says("421 4.3.2 bye"),
        Turn::Says("nonsense"),
    ] {
        let server = MailServer::start(Script::new(Security::None).with("QUIT", turn)).await;
        assert!(deliver(server.settings()).await.is_ok());
    }
}

#[tokio::test]
async fn a_letter_sent_again_is_known_by_its_id_and_bears_the_time_of_its_sending() {
    let clock = ManualClock::at(NOW);
    let context = Context {
        clock: Arc::new(clock.clone()),
        ..context()
    };
    let mut server = MailServer::start(Script::new(Security::None)).await;
    let channels = open(channel(server.settings()), &context).expect("a channel");
    let mut letters = Vec::new();
    for (key, later) in [(KEY, 0), (KEY, 0), (KEY, 60), ("another", 0)] {
        clock.advance(Duration::from_secs(later));
        channels
            .send(&dev(), &plain("x"), key)
            .await
            .expect("a letter taken");
        letters.push(server.dialog().await);
    }

    assert_eq!(letters[0].letter, letters[1].letter);
    let header = |number: usize, name| letters[number].letter().headers[name].clone();
    assert_eq!(header(0, "Message-ID"), header(2, "Message-ID"));
    assert_eq!(header(0, "Date"), "Sun, 22 Nov 2026 13:29:05 +0000");
    assert_eq!(header(2, "Date"), "Sun, 22 Nov 2026 13:30:05 +0000");
    assert_ne!(header(0, "Message-ID"), header(3, "Message-ID"));
}

#[tokio::test]
async fn people_who_are_mentioned_get_a_copy_each_once() {
    for (address, to, copies) in [
        (
            "ada@example.org",
            "dev@example.org",
            Some("ada <ada@example.org>"),
        ),
        (
            "\"Lovelace, Ada\" <ada@example.org>",
            "dev@example.org",
            Some("=?utf-8?b?TG92ZWxhY2UsIEFkYQ==?= <ada@example.org>"),
        ),
        ("ada@example.org", "ADA@example.org", None),
    ] {
        let mut server = MailServer::start(Script::new(Security::None)).await;
        let mut settings = server.settings();
        settings["to"] = json!([to]);
        let channels = open_kind("email", settings, address);
        let mut message = plain("x");
        message.mentions = ["ada", "@Ada", "all", "eve"].map(str::to_owned).to_vec();
        send_to(&channels, &message).await.expect("a letter taken");

        let dialog = server.dialog().await;
        let letter = dialog.letter();
        assert_eq!(letter.headers.get("Cc").map(String::as_str), copies);
        assert_eq!(letter.plain(), "x\n\nFor ada, all, eve\n\n");
        let recipients = dialog
            .told()
            .iter()
            .filter(|line| line.starts_with("RCPT"))
            .count();
        assert_eq!(recipients, 1 + usize::from(copies.is_some()));
    }
}
