//! What the answers of a mail server mean, and what it means when there are none.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;

use super::super::super::{Blame, Disposition};
use super::super::{SendError, open_kind, plain, send_to};
use super::smtp::{MailServer, Script, Security, Turn};
use super::{deliver, with_password};

/// Sends a letter to a server that does one thing differently.
async fn answered(told: &'static str, turn: Turn) -> SendError {
    let script = Script::new(Security::None).with(told, turn);
    let server = MailServer::start(script).await;
    let error = deliver(with_password(server.settings())).await;
    let error = error.expect_err("not taken");
    for text in [error.to_string(), format!("{error:?}")] {
        for secret in ["s3cr3t", "czNjcjN0azN5", "AGhvb2tib3gAczNjcjN0azN5"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    error
}

fn held(error: &SendError) -> Option<(Option<Duration>, Blame)> {
    match error.disposition() {
        Disposition::Hold { after, blame } => Some((after, blame)),
        Disposition::GiveUp => None,
    }
}

#[tokio::test]
async fn every_answer_that_passes_is_held_and_may_be_the_messages_own_once_it_is_about_the_message()
{
    for (told, answer, blame) in [
        ("", "421 4.3.2 shutting down", Blame::Channel),
        ("", "450 4.7.1 too many connections", Blame::Channel),
        ("EHLO", "421 4.4.5 too busy", Blame::Channel),
        ("EHLO", "451 4.3.0 local error", Blame::Channel),
        ("AUTH", "454 4.7.0 no way to check that now", Blame::Channel),
        ("MAIL", "421 4.7.0 too many letters", Blame::Channel),
        ("MAIL", "452 4.3.1 no space", Blame::Either),
        ("RCPT", "450 4.2.0 come back later", Blame::Either),
        ("RCPT", "452 4.2.2 mailbox full", Blame::Either),
        ("RCPT", "421 4.3.2 shutting down", Blame::Channel),
        ("DATA", "451 4.3.0 local error", Blame::Either),
        (".", "451 4.7.1 come back later", Blame::Either),
        (".", "452 4.3.1 no space", Blame::Either),
        (".", "421 4.3.2 shutting down", Blame::Channel),
    ] {
        let error = answered(told, Turn::Says(answer)).await;
        assert_eq!(held(&error), Some((None, blame)), "{told}: {error}");
        let (code, text) = answer.split_once(' ').expect("a code");
        let expected = format!("answered with the error {code}: {text}");
        assert!(error.to_string().contains(&expected), "{told}: {error}");
    }
}

#[tokio::test]
async fn every_answer_that_stays_is_given_up_with_what_to_do() {
    let password = "check `username` and `password`";
    for (told, answer, advice) in [
        ("", "554 5.7.1 not from your address", ""),
        ("EHLO", "502 5.5.1 not implemented", ""),
        ("EHLO", "550 5.7.1 who is that", ""),
        ("AUTH", "535 5.7.8 bad credentials", password),
        ("AUTH", "534 5.7.9 another mechanism", password),
        (
            "MAIL",
            "530 5.7.0 log in first",
            "set `username` and `password`",
        ),
        ("MAIL", "550 5.7.60 not yours to send as", "check `from`"),
        ("MAIL", "553 5.1.8 no such sender", "check `from`"),
        ("RCPT", "550 5.1.1 no such user", "check `to`"),
        ("RCPT", "554 5.7.1 relay access denied", "check `to`"),
        ("DATA", "554 5.5.1 no valid recipients", ""),
        (".", "552 5.3.4 too big", ""),
        (".", "554 5.7.1 spam", ""),
    ] {
        let error = answered(told, Turn::Says(answer)).await;
        assert_eq!(held(&error), None, "{told}: {error}");
        let (code, text) = answer.split_once(' ').expect("a code");
        let expected = format!("answered with the error {code}: {text}");
        assert!(error.to_string().contains(&expected), "{told}: {error}");
        assert!(error.to_string().contains(advice), "{told}: {error}");
    }
}

#[tokio::test]
async fn an_answer_of_several_lines_is_shown_as_one_and_without_the_password() {
    let lines = "535-5.7.8 who is czNjcjN0azN5 or s3cr3tk3y?\r\n535 5.7.8 see https://example.org";
    let error = answered("AUTH", Turn::Says(lines)).await;
    let expected = "the error 535: 5.7.8 who is … or …? see https://example.org: check `username` and `password`";
    assert!(error.to_string().ends_with(expected), "{error}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_is_no_smtp_holds_the_channel() {
    let no_answer = "is no answer to what it was told";
    for (told, turn, said) in [
        ("", Turn::Closes, "the server closed the connection"),
        (
            "",
            Turn::Says("HTTP/1.1 400 Bad Request"),
            "`HTTP/1.1 400 Bad Request` is no answer of a mail server",
        ),
        (
            "",
            Turn::Says("SSH-2.0-OpenSSH_9.2"),
            "is no answer of a mail server",
        ),
        ("", Turn::Says("2é0 mail"), "is no answer of a mail server"),
        ("EHLO", Turn::Closes, "the server closed the connection"),
        (
            "EHLO",
            Turn::Says("250-mail\r\n550 what"),
            "is no answer of a mail server",
        ),
        ("AUTH", Turn::Closes, "the server closed the connection"),
        ("MAIL", Turn::Says("hello"), "is no answer of a mail server"),
        ("MAIL", Turn::Says("354 go on"), no_answer),
        ("RCPT", Turn::Says("354 go on"), no_answer),
        ("RCPT", Turn::Closes, "the server closed the connection"),
        ("DATA", Turn::Says("250 2.0.0 already taken"), no_answer),
        ("DATA", Turn::Closes, "the server closed the connection"),
        (".", Turn::Says("354 go on"), no_answer),
        (".", Turn::Closes, "the server closed the connection"),
    ] {
        let error = answered(told, turn).await;
        assert_eq!(held(&error), Some((None, Blame::Either)), "{told}: {error}");
        assert!(
            error.to_string().contains("broke off its answer: "),
            "{error}"
        );
        assert!(error.to_string().contains(said), "{told}: {error}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_read_to_its_bound_only() {
    let endless: &'static str = "2".repeat(80 << 10).leak();
    let lines: &'static str = "250-x\r\n".repeat(20_000).leak();
    for (told, said) in [
        ("", endless),
        ("", lines),
        ("EHLO", endless),
        (".", endless),
        (".", lines),
    ] {
        let error = answered(told, Turn::Says(said)).await;
        assert_eq!(held(&error), Some((None, Blame::Either)), "{error}");
        assert!(
            error
                .to_string()
                .contains("the server sent more than 64 KiB"),
            "{told}: {error}"
        );
    }
}

#[tokio::test]
async fn a_server_that_never_answers_or_is_not_there_holds_the_channel() {
    for (security, told) in [
        (Security::None, ""),
        (Security::Starttls, "STARTTLS"),
        (Security::Tls, ""),
        (Security::Tls, "RCPT"),
        (Security::None, "."),
    ] {
        let server = MailServer::start(Script::new(security).with(told, Turn::Waits)).await;
        let mut settings = server.settings();
        settings["timeout"] = "100ms".into();
        let error = deliver(settings).await.expect_err("not taken");
        assert_eq!(held(&error), Some((None, Blame::Channel)), "{error}");
        assert!(
            error.to_string().contains("gave no answer within 0.1 s"),
            "{error}"
        );
    }

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    for security in ["starttls", "tls", "none"] {
        let settings = json!({
            "host": "127.0.0.1", "port": port, "security": security,
            "from": "hookbox@example.org", "to": ["dev@example.org"],
        });
        let error = deliver(settings).await.expect_err("not taken");
        assert_eq!(held(&error), Some((None, Blame::Channel)), "{error}");
        assert!(error.to_string().contains("cannot be reached: "), "{error}");
    }
}

#[tokio::test]
async fn recipients_who_are_taken_get_the_letter_and_the_others_are_named_in_the_record() {
    for refusal in ["550 5.1.1 no such user", "452 4.2.2 mailbox full"] {
        let script = Script::new(Security::None)
            .with("RCPT TO:<bob@", Turn::Says(refusal))
            .with("RCPT TO:<ada@", Turn::Says("550 5.7.1 not here"));
        let mut server = MailServer::start(script).await;
        let mut settings = server.settings();
        settings["to"] = json!(["bob@example.org", "dev@example.org"]);
        let channels = open_kind("email", settings, "ada@example.org");
        let mut message = plain("x");
        message.mentions = vec!["ada".to_owned()];
        let sent = send_to(&channels, &message).await.expect("a letter taken");

        assert_eq!(
            sent.detail,
            format!(
                "250 2.0.0 taken as 1; not taken for `bob@example.org`: {refusal}; \
                 not taken for `ada@example.org`: 550 5.7.1 not here"
            )
        );
        assert!(server.dialog().await.letter.is_some());
    }
}

#[tokio::test]
async fn a_letter_is_sent_to_nobody_where_none_of_the_channels_recipients_is_taken() {
    for (bob, dev, disposition) in [
        ("550 5.1.1 no bob", "550 5.1.1 no dev", None),
        (
            "550 5.1.1 no bob",
            "450 4.2.0 later",
            Some((None, Blame::Either)),
        ),
    ] {
        let script = Script::new(Security::None)
            .with("RCPT TO:<bob@", Turn::Says(bob))
            .with("RCPT TO:<dev@", Turn::Says(dev));
        let mut server = MailServer::start(script).await;
        let mut settings = server.settings();
        settings["to"] = json!(["bob@example.org", "dev@example.org"]);
        let channels = open_kind("email", settings, "ada@example.org");
        let mut message = plain("x");
        message.mentions = vec!["ada".to_owned()];
        let error = send_to(&channels, &message).await.expect_err("not taken");

        assert_eq!(held(&error), disposition, "{error}");
        assert!(error.to_string().contains("and 1 more"), "{error}");
        let dialog = server.dialog().await;
        assert_eq!(dialog.told().last(), Some(&"QUIT"));
        assert!(!dialog.told().contains(&"DATA"));
        assert!(!dialog.told().contains(&"RCPT TO:<ada@example.org>"));
    }
}

#[tokio::test]
async fn a_server_that_takes_no_password_is_given_none() {
    let offers = Turn::Says("250-mail.example.org\r\n250 AUTH CRAM-MD5 GSSAPI");
    for (told, turn) in [
        ("EHLO", offers),
        ("EHLO", Turn::Says("250 mail.example.org")),
    ] {
        let error = answered(told, turn).await;
        assert_eq!(held(&error), Some((None, Blame::Channel)), "{error}");
        assert!(
            error
                .to_string()
                .contains("offers no AUTH by PLAIN or LOGIN: "),
            "{error}"
        );
    }
}
