//! Messages that no rule should send, and that strangers bring about: each is still one that the service takes.

use super::super::kinds::CONTRACTS;
use super::super::tests::receiver::{Receiver, Request};
use super::super::tests::{open_kind, send_to};
use super::{Contract, HttpContract, Texts, full, plain};
use crate::domain::decision::{Field, Notification};

fn titled(title: &str) -> Notification {
    Notification {
        title: Some(title.to_owned()),
        ..Notification::to("dev")
    }
}

fn field(name: &str, value: &str) -> Field {
    Field {
        name: name.to_owned(),
        value: value.to_owned(),
        short: true,
    }
}

/// A message with every part, changed.
fn with(change: impl FnOnce(&mut Notification)) -> Notification {
    let mut message = full();
    change(&mut message);
    message
}

/// Messages of which a part is empty, or is what nobody would write.
fn empty_and_strange() -> Vec<(&'static str, Notification)> {
    let mut fields = titled("fields");
    fields.fields = vec![
        field("", ""),
        field(" ", "\n"),
        field("name", ""),
        field("", "value"),
    ];
    let mut mentions = plain("");
    mentions.mentions = vec!["ada".to_owned()];
    vec![
        ("nothing at all", plain("")),
        ("blanks", plain(" \n\t ")),
        ("a comment of HTML", plain("<!-- -->")),
        ("a title of blanks", titled("  ")),
        ("a title alone", titled("deployed")),
        (
            "a title of control characters",
            titled("\u{0}\u{1b}[2J\u{202e}x"),
        ),
        ("empty fields", fields),
        ("mentions alone", mentions),
        ("an empty block of code", plain("```\n```")),
        ("empty quotations", plain(">\n>>\n>")),
        ("marks without an end", plain("**_~~`[x](")),
        (
            "an address with quotes",
            with(|one| one.url = Some("https://example.org/\"><b>')|]".to_owned())),
        ),
    ]
}

/// Messages of which a part is longer than any service takes.
fn endless() -> Vec<(&'static str, Notification)> {
    let mut many = titled("many");
    many.fields = (0..1_000)
        .map(|number| field(&format!("name {number}"), "value"))
        .collect();
    let nested = |depth: usize| format!("{}- x\n", "  ".repeat(depth));
    vec![
        ("a title", titled(&"好".repeat(20_000))),
        ("fields", many),
        ("a word", plain(&"a".repeat(100_000))),
        ("accents", plain(&format!("a{}", "\u{301}".repeat(30_000)))),
        (
            "a block of code",
            plain(&format!("```\n{}\n```", "x = 1;\n".repeat(10_000))),
        ),
        (
            "lists in lists",
            plain(&(0..60).map(nested).collect::<String>()),
        ),
        ("quotations", plain(&format!("{} x", ">".repeat(60)))),
        (
            "a table",
            plain(&format!("|a|b|\n|-|-|\n{}", "|c|d|\n".repeat(5_000))),
        ),
        (
            "links",
            plain(&"[x](https://example.org/a?b=c&d=\"e\") ".repeat(3_000)),
        ),
        (
            "an address",
            with(|one| one.url = Some(format!("https://example.org/{}", "a".repeat(10_000)))),
        ),
        (
            "a footer",
            with(|one| one.footer = Some("f".repeat(50_000))),
        ),
        ("everything", with(stretch)),
    ]
}

fn stretch(one: &mut Notification) {
    one.title = Some("t".repeat(50_000));
    one.text = "text ".repeat(50_000);
    one.footer = Some("f".repeat(50_000));
    for field in &mut one.fields {
        field.name = "n".repeat(10_000);
        field.value = "v ".repeat(10_000);
    }
    one.mentions = (0..500)
        .map(|number| format!("somebody-{number}"))
        .collect();
}

async fn request(kind: &str, contract: &HttpContract, message: &Notification) -> Request {
    let reply = contract.taken;
    let mut receiver = Receiver::with(reply.status, reply.headers, reply.body).await;
    let channels = open_kind(
        kind,
        (contract.settings)(&receiver.url("")),
        contract.person,
    );
    let sent = send_to(&channels, message).await;
    sent.unwrap_or_else(|error| panic!("{kind}: {error}"));
    receiver.request()
}

#[tokio::test]
async fn every_kind_keeps_its_limits_with_the_oddest_message() {
    for (kind, contract) in CONTRACTS {
        let Contract::Http(contract) = contract else {
            continue;
        };
        for (what, message) in empty_and_strange().into_iter().chain(endless()) {
            let request = request(kind, contract, &message).await;
            let body = String::from_utf8_lossy(&request.body).into_owned();
            let shown: String = body.chars().take(300).collect();
            assert!(
                (contract.fits)(&request),
                "{kind} sends more than it says for {what}: {shown}"
            );
            assert!(
                !body.contains('\u{fffd}'),
                "{kind} cut a character in two for {what}"
            );
        }
    }
}

#[tokio::test]
async fn a_message_that_says_nothing_says_so_on_every_kind() {
    for (kind, contract) in CONTRACTS {
        let Contract::Http(contract) = contract else {
            continue;
        };
        if contract.texts == Texts::AsWritten {
            continue;
        }
        let texts = ["", " \n\t ", "```\n```", ">", "- ", "\u{200b}\u{2060}"];
        let mut messages = texts.map(plain).to_vec();
        for name in ["", "@", " @ "] {
            let mut mentioning = plain("");
            mentioning.mentions = vec![name.to_owned()];
            messages.push(mentioning);
        }
        for message in messages {
            let request = request(kind, contract, &message).await;
            let body = String::from_utf8_lossy(&request.body).into_owned();
            assert!(body.contains("(no text)"), "{kind}: {message:?}: {body}");
        }
    }
}

#[tokio::test]
async fn an_address_alone_is_shown_by_its_beginning_where_it_is_too_long() {
    for (kind, contract) in CONTRACTS {
        let Contract::Http(contract) = contract else {
            continue;
        };
        for length in [600, 1_200, 10_000] {
            let mut message = plain("");
            message.url = Some(format!("https://example.org/{}", "a".repeat(length)));
            let request = request(kind, contract, &message).await;
            let body = String::from_utf8_lossy(&request.body).into_owned();
            assert!(body.contains("example.org/aaaa"), "{kind}: {body}");
        }
    }
}

#[tokio::test]
async fn what_is_cut_between_two_pieces_ends_with_a_mark_of_it_on_every_kind() {
    for (kind, contract) in CONTRACTS {
        let Contract::Http(contract) = contract else {
            continue;
        };
        if contract.texts == Texts::AsWritten {
            continue;
        }
        for text in ["**a**`b`", "a\n\n", "- a\n", "---\n\n"] {
            let request = request(kind, contract, &plain(&text.repeat(30_000))).await;
            let body = String::from_utf8_lossy(&request.body).into_owned();
            assert!(body.contains('…'), "{kind} leaves out a part of {text:?}");
        }
    }
}
