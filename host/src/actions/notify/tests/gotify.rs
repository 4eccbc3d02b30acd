//! What Gotify is sent, and which settings it is given.

use serde_json::{Value, json};

use super::super::contract::{full, plain};
use super::receiver::{Receiver, Request};
use super::{context, open, open_kind, send_to};
use crate::domain::decision::{Notification, Severity};

async fn request(own: Value, message: &Notification) -> Request {
    let mut receiver = Receiver::with("200 OK", "", r#"{"id":1,"appid":2}"#).await;
    let mut settings = json!({ "url": receiver.url("/push/"), "token": "AbCdEf" });
    let fields = settings.as_object_mut().expect("a table");
    fields.extend(own.as_object().expect("a table").clone());
    let channels = open_kind("gotify", settings, "Ada");
    send_to(&channels, message).await.expect("a message taken");
    receiver.request()
}

#[tokio::test]
async fn a_server_may_stand_below_a_path() {
    let request = request(json!({}), &plain("x")).await;
    assert_eq!(request.line, "POST /push/message HTTP/1.1");
    assert_eq!(request.headers["x-gotify-key"], "AbCdEf");
    assert_eq!(
        request.json(),
        json!({ "message": "x", "extras": { "client::display": { "contentType": "text/markdown" } } })
    );
}

#[tokio::test]
async fn a_severity_is_a_priority_and_a_sign() {
    for (severity, priority, sign) in [
        (Severity::Info, 4, "ℹ️"),
        (Severity::Success, 4, "✅"),
        (Severity::Warning, 5, "⚠️"),
        (Severity::Error, 8, "❌"),
    ] {
        let mut message = plain("x");
        message.severity = Some(severity);
        let body = request(json!({}), &message).await.json();
        assert_eq!(body["priority"], priority);
        assert_eq!(body["message"], format!("{sign}\n\nx"));
        message.title = Some("t".to_owned());
        let body = request(json!({}), &message).await.json();
        assert_eq!(
            (&body["title"], &body["message"]),
            (&json!(format!("{sign} t")), &json!("x"))
        );
    }
    let body = request(json!({ "priority": 0 }), &full()).await.json();
    assert_eq!(body["priority"], 0);
}

#[tokio::test]
async fn the_end_of_a_line_stays_one() {
    let mut message = plain("a\nb\n\n- c\n  d\n\nTitle\nof two\n===");
    message.footer = Some("small".to_owned());
    let body = request(json!({}), &message).await.json();
    assert_eq!(
        body["message"],
        "a  \nb\n\n- c  \n  d\n\n# Title of two\n\n_small_"
    );
}

#[tokio::test]
async fn no_text_makes_a_client_load_a_picture() {
    let message = plain(
        "![a](https://example.org/a.png) \\![b](https://example.org/b.png) <img src=\"https://c\">",
    );
    let body = request(json!({}), &message).await.json();
    assert_eq!(
        body["message"],
        "[a](https://example.org/a.png) \\![b](https://example.org/b.png) \\<img src=\"https://c\"\\>"
    );
}

#[tokio::test]
async fn a_title_alone_is_the_text() {
    let mut message = plain("");
    message.title = Some("*done*".to_owned());
    let body = request(json!({}), &message).await.json();
    assert_eq!(
        (&body["message"], &body["title"]),
        (&json!("\\*done\\*"), &Value::Null)
    );
}

#[test]
fn mistakes_in_the_settings_are_found_when_the_channel_is_opened() {
    for (own, expected) in [
        (
            json!({ "priority": 11 }),
            "`priority` is not usable: a priority is a number from 0 to 10",
        ),
        (
            json!({ "url": "https://x.org/message?token=s3cr3t" }),
            "`url` is not usable: write the server's address",
        ),
        (
            json!({ "token": "s3cr\n3t" }),
            "`token` is not usable: it has control characters",
        ),
    ] {
        let mut settings = json!({ "kind": "gotify", "url": "https://x.org", "token": "AbCdEf" });
        let fields = settings.as_object_mut().expect("a table");
        fields.extend(own.as_object().expect("a table").clone());
        let error = open(settings, &context())
            .expect_err("a mistake")
            .to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("s3cr3t"), "{error}");
    }
}
