//! What Microsoft Teams is sent: mentions with their entities, colours as styles, and cards of a size it takes.

use serde_json::{Value, json};

use super::super::contract::{long, plain};
use super::receiver::{Receiver, Request};
use super::slack::huge;
use super::{open_kind, send_to};
use crate::domain::decision::{Notification, Severity};

/// Whether a body is no larger than Teams takes, in UTF-8 and in UTF-16.
pub(in crate::actions::notify) fn fits(body: &[u8]) -> bool {
    let text = std::str::from_utf8(body).expect("a body of text");
    body.len() <= 28_000 && 2 * text.encode_utf16().count() <= 28_000
}

async fn request(message: &Notification, person: &str) -> Request {
    let mut receiver = Receiver::with("202 Accepted", "", "").await;
    let settings = json!({ "url": receiver.url("/workflows/x?sig=y") });
    let channels = open_kind("teams", settings, person);
    let sent = send_to(&channels, message).await.expect("a message taken");
    assert_eq!(sent.detail, "202 accepted");
    receiver.request()
}

async fn card(message: &Notification) -> Value {
    let body = request(message, "ada@example.org").await.json();
    body["attachments"][0]["content"].clone()
}

#[tokio::test]
async fn a_message_with_more_of_everything_than_teams_takes_fits() {
    let request = request(&huge(), "ada@example.org").await;
    assert!(fits(&request.body), "{} bytes", request.body.len());
    let body = &request.json()["attachments"][0]["content"]["body"];
    let text = body.to_string();
    assert!(text.contains("Two **jobs** failed on _main_"), "{body:#}");
    assert!(text.contains("more"), "{body:#}");
}

#[tokio::test]
async fn a_cut_text_keeps_its_mentions() {
    let mut message = long();
    message.mentions = vec!["ada".to_owned()];
    let card = card(&message).await;
    assert_eq!(card["body"][0]["text"], "<at>ada</at>");
    assert!(
        card["body"][1]["text"]
            .as_str()
            .expect("a text")
            .ends_with('…')
    );
}

#[tokio::test]
async fn each_mention_has_an_entity_and_who_has_no_address_is_a_name() {
    let mut message = plain("<at>ada</at>");
    message.mentions = vec!["bob".to_owned(), "all".to_owned(), "ada".to_owned()];
    let card = card(&message).await;
    assert_eq!(card["body"][0]["text"], "everybody, <at>ada</at>, bob");
    assert_eq!(
        card["msteams"]["entities"],
        json!([{
            "type": "mention",
            "text": "<at>ada</at>",
            "mentioned": { "id": "ada@example.org", "name": "ada" },
        }])
    );
    assert!(
        !card["body"][1]["text"]
            .as_str()
            .expect("a text")
            .contains("<at>")
    );

    let body = request(&message, "").await.json();
    let card = &body["attachments"][0]["content"];
    assert_eq!(card["body"][0]["text"], "everybody, bob, ada");
    assert_eq!(card["msteams"], json!({ "width": "Full" }));
}

#[tokio::test]
async fn a_color_is_the_nearest_style_of_what_comes_first() {
    let mut message = plain("x");
    for (severity, style) in [
        (Severity::Info, "accent"),
        (Severity::Success, "good"),
        (Severity::Warning, "warning"),
        (Severity::Error, "attention"),
    ] {
        message.severity = Some(severity);
        assert_eq!(card(&message).await["body"][0]["style"], style);
    }
    message.color = Some(0x00_8000);
    let card = card(&message).await;
    assert_eq!(card["body"][0]["style"], "good");
    assert_eq!(card["body"][0]["items"][0]["text"], "x");
}

#[tokio::test]
async fn code_quotations_and_tables_are_elements_of_their_own() {
    let message = plain("> a\n\n```\nb\n  c\n```\n\n|d|e|\n|-|-|\n|f|g|");
    let card = card(&message).await;
    assert_eq!(card["body"][0]["items"][0]["text"], "a");
    assert_eq!(card["body"][1]["items"][1]["text"], "\u{a0}\u{a0}c");
    assert_eq!(card["body"][1]["items"][1]["fontType"], "Monospace");
    assert_eq!(card["body"][2]["columns"][1]["items"][0]["text"], "e");
    assert_eq!(card["body"][3]["columns"][1]["items"][0]["text"], "g");
}
