//! What ntfy is sent, and which settings it is given.

use serde_json::{Value, json};

use super::super::contract::{full, plain};
use super::receiver::{Receiver, Request};
use super::{context, open, open_kind, send_to};
use crate::domain::decision::{Field, Notification, Severity};

const TAKEN: &str = r#"{"id":"xE73Iyuabi","event":"message"}"#;

async fn request(own: Value, message: &Notification) -> Request {
    let mut receiver = Receiver::with("200 OK", "", TAKEN).await;
    let mut settings = json!({ "url": receiver.url("/"), "topic": "builds" });
    let fields = settings.as_object_mut().expect("a table");
    fields.extend(own.as_object().expect("a table").clone());
    let channels = open_kind("ntfy", settings, "Ada");
    send_to(&channels, message).await.expect("a message taken");
    receiver.request()
}

fn refused(own: Value) -> String {
    let mut settings = json!({ "kind": "ntfy", "topic": "builds" });
    let fields = settings.as_object_mut().expect("a table");
    fields.extend(own.as_object().expect("a table").clone());
    let error = open(settings, &context()).expect_err("a mistake");
    error.to_string()
}

#[tokio::test]
async fn a_severity_is_a_priority_and_an_emoji() {
    for (severity, priority, tag) in [
        (Severity::Info, 3, "information_source"),
        (Severity::Success, 3, "white_check_mark"),
        (Severity::Warning, 4, "warning"),
        (Severity::Error, 5, "x"),
    ] {
        let mut message = plain("x");
        message.severity = Some(severity);
        let body = request(json!({}), &message).await.json();
        assert_eq!(
            (&body["priority"], &body["tags"]),
            (&json!(priority), &json!([tag]))
        );
    }
    let own = json!({ "priority": 2, "tags": ["ci"] });
    let body = request(own, &full()).await.json();
    assert_eq!(
        (&body["priority"], &body["tags"]),
        (&json!(2), &json!(["x", "ci"]))
    );
}

#[tokio::test]
async fn a_token_or_a_user_with_a_password_go_with_each_message() {
    let own = json!({ "token": " tk_s3cr3t " });
    let sent = request(own, &plain("x")).await;
    assert_eq!(sent.headers["authorization"], "Bearer tk_s3cr3t");
    let own = json!({ "user": "phil", "password": "mypass" });
    let sent = request(own, &plain("x")).await;
    assert_eq!(sent.headers["authorization"], "Basic cGhpbDpteXBhc3M=");
    let sent = request(json!({}), &plain("x")).await;
    assert_eq!(sent.headers.get("authorization"), None);
}

#[tokio::test]
async fn a_retry_has_the_same_sequence() {
    let first = request(json!({}), &plain("x")).await.json();
    let second = request(json!({}), &plain("x")).await.json();
    assert_eq!(first["sequence_id"], second["sequence_id"]);
    let id = first["sequence_id"].as_str().expect("a text");
    assert!(id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
}

#[tokio::test]
async fn markdown_is_sent_where_it_is_asked_for() {
    let message = plain("a **b**\nc");
    let body = request(json!({}), &message).await.json();
    assert_eq!(
        (&body["message"], &body["markdown"]),
        (&json!("a b\nc"), &Value::Null)
    );
    let body = request(json!({ "markdown": true }), &message).await.json();
    assert_eq!(
        (&body["message"], &body["markdown"]),
        (&json!("a **b**  \nc"), &json!(true))
    );
}

#[tokio::test]
async fn a_title_or_a_link_alone_is_the_text() {
    let mut message = plain("");
    message.url = Some("https://example.org/7".to_owned());
    let body = request(json!({}), &message).await.json();
    assert_eq!(
        (&body["message"], &body["click"]),
        (
            &json!("https://example.org/7"),
            &json!("https://example.org/7")
        )
    );
    message.title = Some("done".to_owned());
    let body = request(json!({}), &message).await.json();
    assert_eq!(
        (&body["message"], &body["title"]),
        (&json!("done"), &Value::Null)
    );
}

#[tokio::test]
async fn whatever_is_long_the_whole_fits() {
    for unit in ["\"\\\n", "@", "部署👩\u{200d}💻"] {
        let long = unit.repeat(4_000);
        let field = |number: usize| Field {
            name: format!("{number} {long}"),
            value: long.clone(),
            short: true,
        };
        let message = Notification {
            title: Some(long.clone()),
            severity: Some(Severity::Error),
            url: Some(format!("https://example.org/{}", "\"".repeat(700))),
            footer: Some(long.clone()),
            fields: (0..50).map(field).collect(),
            mentions: (0..500).map(|number| format!("{number} {long}")).collect(),
            ..plain(&long)
        };
        for markdown in [true, false] {
            let sent = request(
                json!({ "markdown": markdown, "tags": ["t".repeat(390)] }),
                &message,
            )
            .await;
            let body = sent.json();
            let length = |key: &str| body[key].as_str().expect("a text").len();
            assert!(
                length("message") < 4_096 && length("title") <= 1_024,
                "{unit}"
            );
            assert!(sent.body.len() < 8_192, "{unit}: {}", sent.body.len());
        }
    }
}

#[test]
fn mistakes_in_the_settings_are_found_when_the_channel_is_opened() {
    for (own, expected) in [
        (
            json!({ "topic": "https://ntfy.sh/s3cr3t" }),
            "`topic` is not usable: a topic has 1 to 64 letters",
        ),
        (json!({ "topic": "" }), "`topic` is not usable"),
        (
            json!({ "topic": "s3cr3t", "url": "https://ntfy.sh/s3cr3t/" }),
            "`url` is not usable: write the server's",
        ),
        (
            json!({ "url": "https://x.org/?s3cr3t" }),
            "`url` is not usable: write the server's address alone",
        ),
        (
            json!({ "priority": 6 }),
            "`priority` is not usable: a priority is a number from 1 to 5",
        ),
        (json!({ "tags": ["a,b"] }), "`tags` is not usable"),
        (
            json!({ "token": "s3cr3t", "user": "x" }),
            "write either `token`, or both `user` and `password`",
        ),
        (json!({ "user": "x" }), "write either `token`, or both"),
        (
            json!({ "token": "s3cr\n3t" }),
            "`token` is not usable: it has control characters",
        ),
    ] {
        let error = refused(own);
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("s3cr3t"), "{error}");
    }
}
