//! What any HTTP server is sent, and how its answers are read.

use serde_json::{Value, json};

use super::receiver::{Receiver, Request};
use super::{Disposition, KEY, full, long, mentioning, plain, retry, retry_after, send};
use crate::domain::decision::Notification;

fn settings(receiver: &Receiver) -> Value {
    json!({ "kind": "http", "url": receiver.url("/in/s3cr3tk3y?token=t0k3nt0k3n") })
}

async fn request(message: &Notification) -> Request {
    let mut receiver = Receiver::with("204 No Content", "", "").await;
    let sent = send(settings(&receiver), message)
        .await
        .expect("a message taken");
    assert_eq!(sent.detail, "204 no content");
    receiver.request()
}

#[tokio::test]
async fn a_text_alone_is_posted_with_the_lists_empty() {
    let mut receiver = Receiver::with("200 OK", "", "").await;
    send(settings(&receiver), &plain("deployed"))
        .await
        .expect("a message taken");
    let request = receiver.request();

    assert_eq!(request.line, "POST /in/s3cr3tk3y?token=t0k3nt0k3n HTTP/1.1");
    let body = br#"{"channel":"dev","text":"deployed","fields":[],"mentions":[]}"#;
    assert_eq!(request.body, body);
    let expected = [
        ("accept", "*/*"),
        ("content-length", &body.len().to_string()),
        ("content-type", "application/json"),
        ("host", &receiver.address.to_string()),
        ("idempotency-key", KEY),
        ("user-agent", concat!("hookbox/", env!("CARGO_PKG_VERSION"))),
        ("webhook-id", KEY),
        ("webhook-timestamp", "1795354145"),
    ];
    let headers: Vec<_> = request
        .headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    assert_eq!(headers, expected);
}

#[tokio::test]
async fn a_message_with_every_part_is_posted_whole() {
    let request = request(&full()).await;

    let expected = json!({
        "channel": "dev",
        "title": "Pipeline #7 failed",
        "text": "two jobs failed:\n- build",
        "severity": "error",
        "color": "#ef4444",
        "url": "https://gitlab.example.org/p/7",
        "fields": [
            { "name": "Branch", "value": "main", "short": true },
            { "name": "分支", "value": "主", "short": false },
        ],
        "footer": "GitLab",
        "mentions": ["ada", "all"],
    });
    assert_eq!(request.json(), expected);
}

#[tokio::test]
async fn a_program_gets_texts_as_they_are() {
    assert_eq!(request(&long()).await.json()["text"], long().text);

    let shown = request(&mentioning()).await.json();
    assert_eq!(shown["title"], r#"@all <!channel> <at user_id="all"></at>"#);
    assert_eq!(shown["text"], "@here ada@example.org");
}

#[tokio::test]
async fn a_key_signs_the_id_the_time_and_the_body() {
    let mut receiver = Receiver::with("200 OK", "", "").await;
    let mut settings = settings(&receiver);
    settings["sign_key"] = json!({ "env": "SIGN_KEY" });
    send(settings, &plain("deployed"))
        .await
        .expect("a message taken");

    // Computed with another implementation, of `{KEY}.1795354145.{body}`.
    let expected = "v1,PCjPLRwPERVB3r51Pi2FPnPxeq6cZ9cWsRHe02ZJZ5M=";
    assert_eq!(receiver.request().headers["webhook-signature"], expected);
}

#[tokio::test]
async fn configured_headers_are_sent_and_never_shown() {
    let mut receiver = Receiver::with(
        "403 Forbidden",
        "",
        "t0k3n-t0k3n is not known, nor is t0k3nt0k3n",
    )
    .await;
    let mut settings = settings(&receiver);
    settings["headers"] = json!({ "Authorization": { "env": "TOKEN" }, "X-Team": "payments" });
    let error = send(settings, &plain("x")).await.expect_err("refused");

    let headers = receiver.request().headers;
    assert_eq!(headers["authorization"], "Bearer t0k3n-t0k3n");
    assert_eq!(headers["x-team"], "payments");
    let text = error.to_string();
    assert!(
        text.ends_with("answered 403 forbidden: … is not known, nor is …"),
        "{text}"
    );
}

#[tokio::test]
async fn the_status_alone_says_what_a_server_did() {
    for (status, headers, disposition) in [
        ("400 Bad Request", "", Disposition::GiveUp),
        ("410 Gone", "", Disposition::GiveUp),
        ("429 Too Many Requests", "", retry()),
        (
            "429 Too Many Requests",
            "Retry-After: 7\r\n",
            retry_after(7),
        ),
        (
            "503 Service Unavailable",
            "Retry-After: Sun, 22 Nov 2026 13:30:05 GMT\r\n",
            retry_after(60),
        ),
        (
            "500 Internal Server Error",
            "Retry-After: later\r\n",
            retry(),
        ),
    ] {
        let receiver = Receiver::with(status, headers, "no\n\u{1b}[31msuch /in/s3cr3tk3y").await;
        let error = send(settings(&receiver), &plain("x"))
            .await
            .expect_err("refused");

        assert_eq!(error.disposition(), disposition, "{status} {headers}");
        let origin = receiver.url("");
        let status = status.to_lowercase();
        assert_eq!(
            error.to_string(),
            format!("channel `dev` (http, {origin}) answered {status}: no \\u{{1b}}[31msuch …")
        );
    }
}

#[tokio::test]
async fn a_key_that_fits_no_header_is_given_up() {
    let receiver = Receiver::with("200 OK", "", "").await;
    let channels = super::open(settings(&receiver), &super::context()).expect("a channel");
    let error = channels
        .send(&super::dev(), &plain("x"), "a\nb")
        .await
        .expect_err("no header");

    assert_eq!(error.disposition(), Disposition::GiveUp);
    assert!(receiver.is_untouched());
}
