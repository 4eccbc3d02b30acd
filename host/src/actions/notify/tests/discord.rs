//! What Discord is sent: whom a message may mention, and what becomes of long texts and many fields.

use serde_json::{Value, json};

use super::super::contract::{full, long, mentioning, plain};
use super::super::room::units;
use super::receiver::{Receiver, Request};
use super::slack::huge;
use super::{open, open_kind, send, send_to};
use crate::domain::decision::Notification;

/// Whether a body keeps the limits of Discord.
pub(in crate::actions::notify) fn fits(body: &Value) -> bool {
    let none = Vec::new();
    let length = |text: &Value| text.as_str().map_or(0, units);
    let embed = &body["embeds"][0];
    let fields = embed["fields"].as_array().unwrap_or(&none);
    let of_fields: usize = fields
        .iter()
        .map(|field| length(&field["name"]) + length(&field["value"]))
        .sum();
    let parts = [
        &embed["title"],
        &embed["description"],
        &embed["footer"]["text"],
    ];
    let total = parts.into_iter().map(length).sum::<usize>() + of_fields;
    length(&body["content"]) <= 2_000
        && body["embeds"]
            .as_array()
            .is_none_or(|embeds| embeds.len() == 1)
        && length(&embed["title"]) <= 256
        && length(&embed["description"]) <= 4_096
        && length(&embed["footer"]["text"]) <= 2_048
        && length(&embed["url"]) <= 2_048
        && fields.len() <= 25
        && fields.iter().all(|field| {
            (1..=256).contains(&length(&field["name"]))
                && (1..=1_024).contains(&length(&field["value"]))
        })
        && total <= 6_000
}

const TAKEN: &str = r#"{"id":"1"}"#;

async fn request(message: &Notification, person: &str) -> Request {
    let mut receiver = Receiver::with("200 OK", "", TAKEN).await;
    let settings = json!({ "url": receiver.url("/api/webhooks/1/x?thread_id=7") });
    let channels = open_kind("discord", settings, person);
    send_to(&channels, message).await.expect("a message taken");
    receiver.request()
}

async fn body(message: &Notification) -> Value {
    request(message, "80351110224678912").await.json()
}

#[tokio::test]
async fn a_message_with_more_of_everything_than_discord_takes_fits() {
    let body = body(&huge()).await;
    assert!(fits(&body), "{body:#}");
    let embed = &body["embeds"][0];
    assert!(units(embed["description"].as_str().expect("a text")) > 2_000);
    let fields = embed["fields"].as_array().expect("fields");
    let last = fields.last().expect("a field")["value"].as_str();
    assert!(last.expect("a value").ends_with("more"), "{fields:?}");
}

#[tokio::test]
async fn a_text_too_long_for_a_message_is_an_embed_and_keeps_its_mentions() {
    let mut message = long();
    message.mentions = vec!["all".to_owned()];
    let body = body(&message).await;
    assert_eq!(body["content"], "@everyone");
    let description = body["embeds"][0]["description"].as_str().expect("a text");
    assert!(description.starts_with("构建成功") && description.ends_with('…'));
    assert!(units(description) > 4_080);
}

#[tokio::test]
async fn exactly_those_who_are_mentioned_may_be_mentioned() {
    for (mentions, person, content, allowed) in [
        (vec![], "", json!("x"), json!({ "parse": [] })),
        (vec!["bob"], "", json!("bob\nx"), json!({ "parse": [] })),
        (
            vec!["ada"],
            "80351110224678912",
            json!("<@80351110224678912>\nx"),
            json!({ "parse": [], "users": ["80351110224678912"] }),
        ),
        (
            vec!["ada"],
            "&80351110224678912",
            json!("<@&80351110224678912>\nx"),
            json!({ "parse": [], "roles": ["80351110224678912"] }),
        ),
        (
            vec!["bob", "all", "ada"],
            "80351110224678912",
            json!("@everyone, <@80351110224678912>, bob\nx"),
            json!({ "parse": ["everyone"], "users": ["80351110224678912"] }),
        ),
    ] {
        let mut message = plain("x");
        message.mentions = mentions.into_iter().map(str::to_owned).collect();
        let body = request(&message, person).await.json();
        assert_eq!(body["content"], content);
        assert_eq!(body["allowed_mentions"], allowed);
    }
    assert_eq!(
        body(&mentioning()).await["allowed_mentions"],
        json!({ "parse": [] })
    );
}

#[tokio::test]
async fn discord_is_asked_to_wait_in_the_thread_of_the_url() {
    let line = request(&plain("x"), "").await.line;
    assert_eq!(
        line,
        "POST /api/webhooks/1/x?thread_id=7&wait=true HTTP/1.1"
    );
}

#[tokio::test]
async fn a_link_that_is_none_of_the_web_is_left_out() {
    let mut message = full();
    message.url = Some("mailto:ada@example.org".to_owned());
    assert_eq!(body(&message).await["embeds"][0]["url"], Value::Null);
}

#[tokio::test]
async fn the_name_and_the_picture_go_with_each_message() {
    let mut receiver = Receiver::with("200 OK", "", TAKEN).await;
    let settings = json!({
        "kind": "discord", "url": receiver.url("/x"),
        "username": "GitLab", "avatar_url": "https://example.org/i.png",
    });
    send(settings, &plain("x")).await.expect("a message taken");
    let body = receiver.request().json();
    assert_eq!(body["username"], "GitLab");
    assert_eq!(body["avatar_url"], "https://example.org/i.png");
}

#[test]
fn a_name_or_a_picture_that_discord_refuses_is_refused_at_once() {
    for (key, value, expected) in [
        ("username", "", "1 to 80 characters"),
        ("username", "x".repeat(81).as_str(), "1 to 80 characters"),
        ("username", "My DisCord bot", "`discord` or `clyde`"),
        ("avatar_url", "icon.png", "the whole URL of a picture"),
        ("avatar_url", "mailto:a@b", "the whole URL of a picture"),
    ] {
        let mut settings =
            json!({ "kind": "discord", "url": "https://discord.com/api/webhooks/1/x" });
        settings[key] = json!(value);
        let error = open(settings, &super::context())
            .expect_err(value)
            .to_string();
        assert!(error.contains(&format!("`{key}` is not usable")), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}
