//! Messages that no rule should send, and that strangers bring about: each is still one that the service takes.

use super::super::kinds::CONTRACTS;
use super::super::tests::receiver::{Receiver, Request};
use super::super::tests::{open_kind, send_to};
use super::{Contract, HttpContract, Texts, full, plain};
use crate::domain::decision::{Field, Notification};

fn odd() -> Vec<(&'static str, Notification)> {
    let titled = |title: &str| Notification {
        title: Some(title.to_owned()),
        ..Notification::to("dev")
    };
    let field = |name: &str, value: &str| Field {
        name: name.to_owned(),
        value: value.to_owned(),
        short: true,
    };
    let with = |change: fn(&mut Notification)| {
        let mut message = full();
        change(&mut message);
        message
    };
    let mut fields = titled("fields");
    fields.fields = vec![
        field("", ""),
        field(" ", "\n"),
        field("name", ""),
        field("", "value"),
    ];
    let mut many = titled("many");
    many.fields = (0..1_000)
        .map(|number| field(&format!("name {number}"), "value"))
        .collect();
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
        ("a title without an end", titled(&"好".repeat(20_000))),
        ("empty fields", fields),
        ("many fields", many),
        ("mentions alone", mentions),
        ("an empty block of code", plain("```\n```")),
        ("a word without an end", plain(&"a".repeat(100_000))),
        (
            "a block of code without an end",
            plain(&format!("```\n{}\n```", "x = 1;\n".repeat(10_000))),
        ),
        (
            "lists in lists",
            plain(
                &(0..60)
                    .map(|depth| format!("{}- x\n", "  ".repeat(depth)))
                    .collect::<String>(),
            ),
        ),
        (
            "quotations in quotations",
            plain(&format!("{} x", ">".repeat(60))),
        ),
        (
            "a table without an end",
            plain(&format!("|a|b|\n|-|-|\n{}", "|c|d|\n".repeat(5_000))),
        ),
        ("marks without an end", plain("**_~~`[x](")),
        (
            "many links",
            plain(&"[x](https://example.org/a?b=c&d=\"e\") ".repeat(3_000)),
        ),
        (
            "an address without an end",
            with(|one| one.url = Some(format!("https://example.org/{}", "a".repeat(10_000)))),
        ),
        (
            "an address with quotes",
            with(|one| one.url = Some("https://example.org/\"><b>')|]".to_owned())),
        ),
        (
            "a footer without an end",
            with(|one| one.footer = Some("f".repeat(50_000))),
        ),
        (
            "everything without an end",
            with(|one| {
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
            }),
        ),
    ]
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
        for (what, message) in odd() {
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
        for text in ["", " \n\t ", "```\n```"] {
            let request = request(kind, contract, &plain(text)).await;
            let body = String::from_utf8_lossy(&request.body).into_owned();
            assert!(body.contains("(no text)"), "{kind}: {body}");
        }
    }
}
