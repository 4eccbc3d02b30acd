//! What any HTTP server is sent, and how its answers are read.

use serde_json::{Value, json};

use super::receiver::Receiver;
use super::{held, plain, send};

mod template;

fn settings(receiver: &Receiver) -> Value {
    json!({ "kind": "http", "url": receiver.url("/in/s3cr3tk3y?token=t0k3nt0k3n") })
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
        ("400 Bad Request", "", None),
        ("410 Gone", "", None),
        ("429 Too Many Requests", "", Some(None)),
        ("429 Too Many Requests", "Retry-After: 7\r\n", Some(Some(7))),
        (
            "503 Service Unavailable",
            "Retry-After: Sun, 22 Nov 2026 13:30:05 GMT\r\n",
            Some(Some(60)),
        ),
        (
            "500 Internal Server Error",
            "Retry-After: later\r\n",
            Some(None),
        ),
    ] {
        let receiver = Receiver::with(status, headers, "no\n\u{1b}[31msuch /in/s3cr3tk3y").await;
        let error = send(settings(&receiver), &plain("x"))
            .await
            .expect_err("refused");

        assert_eq!(held(&error), disposition, "{status} {headers}");
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

    assert_eq!(held(&error), None);
    assert!(receiver.is_untouched());
}
