//! What goes wrong on the way with any kind that speaks HTTP: redirects, proxies, and forbidden addresses.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::receiver::Receiver;
use super::{Context, KEY, SendError, context, dev, held, open, plain, send};

const SECRET_PATH: &str = "/hooks/s3cr3tk3y?token=t0k3nt0k3n";
const KINDS: [&str; 2] = ["http", "mattermost"];

fn settings(kind: &str, url: &str) -> Value {
    json!({ "kind": kind, "url": url })
}

async fn failure(kind: &str, url: &str) -> SendError {
    send(settings(kind, url), &plain("x"))
        .await
        .expect_err("a failure")
}

fn assert_discreet(error: &SendError) {
    for text in [error.to_string(), format!("{error:?}")] {
        for secret in ["s3cr3t", "t0k3n", "hooks"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[tokio::test]
async fn a_broken_explanation_leaves_the_status() {
    for kind in KINDS {
        let answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 10\r\n\r\nno";
        let receiver = Receiver::answering(answer).await;
        let error = failure(kind, &receiver.url(SECRET_PATH)).await;

        assert!(
            error.to_string().ends_with("answered 403 forbidden"),
            "{error}"
        );
        assert_eq!(held(&error), None);
    }
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_worth_a_retry() {
    for kind in KINDS {
        let receiver = Receiver::answering("").await;
        let error = failure(kind, &format!("https://{}{SECRET_PATH}", receiver.address)).await;

        assert!(error.to_string().contains("cannot be reached: "), "{error}");
        assert_eq!(held(&error), Some(None));
        assert_discreet(&error);
    }
}

#[tokio::test]
async fn an_endless_answer_is_read_to_its_bound_only() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n";
    let receiver = Receiver::answering(format!("{head}{}", "o".repeat(65 << 10))).await;
    let sent = send(settings("http", &receiver.url(SECRET_PATH)), &plain("x")).await;
    assert_eq!(sent.expect("a success").detail, "200 ok");

    let receiver = Receiver::answering(format!("{head}ok{}", " ".repeat(65 << 10))).await;
    let sent = send(
        settings("mattermost", &receiver.url(SECRET_PATH)),
        &plain("x"),
    )
    .await;
    assert!(sent.is_ok(), "{sent:?}");
}

#[tokio::test]
async fn a_redirect_is_an_error_and_not_followed() {
    for kind in KINDS {
        let elsewhere = Receiver::with("200 OK", "", "ok").await;
        let location = format!(
            "Location: {}\r\n",
            elsewhere.url("/login?next=/hooks/s3cr3tk3y")
        );
        let receiver = Receiver::with("302 Found", &location, "").await;
        let error = failure(kind, &receiver.url(SECRET_PATH)).await;

        let expected = format!(
            "answered 302 found to {}, and a redirect is never followed: put the final address into `url`",
            elsewhere.url("")
        );
        assert!(error.to_string().ends_with(&expected), "{error}");
        assert_eq!(held(&error), Some(None));
        assert!(elsewhere.is_untouched());
        assert_discreet(&error);
    }
}

#[tokio::test]
async fn a_metadata_address_is_refused_when_the_channel_is_opened() {
    for host in [
        "169.254.169.254",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "2852039166",
        "0xa9fea9fe",
    ] {
        for kind in KINDS {
            let url = format!("http://{host}{SECRET_PATH}");
            let error = open(settings(kind, &url), &context()).expect_err("a forbidden address");

            let text = error.to_string();
            assert!(text.starts_with("channel `dev`: `url` leads to "), "{text}");
            assert!(text.contains("no channel may lead there"), "{text}");
            assert!(!text.contains("s3cr3t"), "{text}");
        }
    }
}

fn with_listener(listener: SocketAddr) -> Context<'static> {
    Context {
        forbidden: vec![listener],
        ..context()
    }
}

#[tokio::test]
async fn an_own_listener_is_refused_by_its_address() {
    for kind in KINDS {
        let receiver = Receiver::with("200 OK", "", "ok").await;
        let port = receiver.address.port();
        for listener in [receiver.address, SocketAddr::from(([0, 0, 0, 0], port))] {
            let opened = open(settings(kind, &receiver.url("/")), &with_listener(listener));
            assert!(
                opened
                    .expect_err("a forbidden address")
                    .to_string()
                    .contains("own listeners")
            );
        }
    }
}

#[tokio::test]
async fn an_own_listener_is_refused_by_a_name() {
    for kind in KINDS {
        let receiver = Receiver::with("200 OK", "", "ok").await;
        let url = format!("http://localhost:{}{SECRET_PATH}", receiver.address.port());
        let channels =
            open(settings(kind, &url), &with_listener(receiver.address)).expect("a name");
        let error = channels
            .send(&dev(), &plain("x"), KEY)
            .await
            .expect_err("a forbidden address");

        assert!(
            error.to_string().contains("one of Hookbox's own listeners"),
            "{error}"
        );
        assert_eq!(held(&error), None);
        assert!(receiver.is_untouched());
        assert_discreet(&error);
    }
}

#[tokio::test]
async fn another_port_of_the_same_name_is_allowed() {
    for kind in KINDS {
        let receiver = Receiver::with("200 OK", "", "ok").await;
        let listener = SocketAddr::from(([127, 0, 0, 1], 1));
        let url = format!("http://localhost:{}/", receiver.address.port());
        let channels = open(settings(kind, &url), &with_listener(listener)).expect("a name");

        assert!(channels.send(&dev(), &plain("x"), KEY).await.is_ok());
    }
}

#[tokio::test]
async fn a_proxy_is_used_where_the_settings_name_one() {
    for kind in KINDS {
        let mut proxy = Receiver::with("200 OK", "", "ok").await;
        let mut settings = settings(kind, "http://chat.invalid/hooks/x");
        settings["proxy"] = json!(proxy.url(""));
        send(settings, &plain("x")).await.expect("a message taken");

        assert_eq!(
            proxy.request().line,
            "POST http://chat.invalid/hooks/x HTTP/1.1"
        );
    }
}

#[tokio::test]
async fn a_proxy_may_not_be_forbidden_either() {
    let receiver = Receiver::with("200 OK", "", "ok").await;
    let mut settings = settings("http", "http://chat.invalid/hooks/x");
    settings["proxy"] = json!(receiver.url(""));
    let error = open(settings, &with_listener(receiver.address)).expect_err("a forbidden proxy");

    assert!(
        error
            .to_string()
            .starts_with("channel `dev`: `proxy` leads to "),
        "{error}"
    );
}
