//! Bodies that are too large, too deep, compressed, or something else than they should be.

use super::{Hooks, PUSH, accepted, refused};
use crate::support::server::{SECRET, Site};
use crate::support::wire::exchange;

fn limited() -> String {
    Site::CONFIG.replace("provider =", "body_limit = '16KiB'\nprovider =")
}

/// A body of so many bytes that is JSON.
fn body_of(bytes: usize) -> String {
    let frame = r#"{"object_kind":"push","pad":""}"#.len();
    let pad = "x".repeat(bytes - frame);
    format!(r#"{{"object_kind":"push","pad":"{pad}"}}"#)
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_with_and_without_a_length() {
    let hooks = Hooks::start(&limited()).await;
    let large = body_of((16 << 10) + 1);

    let message = refused(
        hooks.server.hook(PUSH.1, large.clone()),
        413,
        "hook/too-large",
    )
    .await;
    let larger = hooks.server.hook(PUSH.1, body_of(512 << 10));
    refused(larger, 413, "hook/too-large").await;
    // So much is not read to its end, so that the sender may be cut off before it looks for an answer.
    let _cut_off = hooks.server.hook(PUSH.1, body_of(4 << 20)).send().await;
    let head = format!(
        "POST /hooks/gitlab HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Gitlab-Event: Push Hook\r\n\
         X-Gitlab-Token: {SECRET}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let chunks: String = large
        .as_bytes()
        .chunks(5_000)
        .map(|chunk| {
            format!(
                "{:x}\r\n{}\r\n",
                chunk.len(),
                String::from_utf8_lossy(chunk)
            )
        })
        .collect();
    let chunked = exchange(
        &hooks.server.public,
        format!("{head}{chunks}0\r\n\r\n").as_bytes(),
    )
    .await;

    assert!(message.contains("`body_limit`"), "{message}");
    assert!(chunked.starts_with("HTTP/1.1 413 "), "{chunked}");
    assert!(chunked.contains("hook/too-large"), "{chunked}");
    let good = hooks.server.hook(PUSH.1, body_of(16 << 10));
    hooks
        .left_only("gitlab", &[("hook/too-large", 4)], good)
        .await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_event() {
    let hooks = Hooks::start(&limited()).await;
    let head = format!(
        "POST /hooks/gitlab HTTP/1.1\r\nHost: localhost\r\nX-Gitlab-Event: Push Hook\r\n\
         X-Gitlab-Token: {SECRET}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{{\"a\":\r\nnot a length\r\n"
    );

    let answer = exchange(&hooks.server.public, head.as_bytes()).await;

    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let good = hooks.server.hook(PUSH.1, PUSH.0);
    hooks
        .left_only("gitlab", &[("hook/broken-body", 1)], good)
        .await;
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let hooks = Hooks::start(Site::CONFIG).await;

    for body in ["", "<push/>", "{", "{} {}", "{\"a\": 01}", "payload=%7B%7D"] {
        refused(hooks.server.hook(PUSH.1, body), 400, "hook/not-json").await;
    }
    let not_text = hooks.server.hook(PUSH.1, vec![b'"', 0xff, b'"']);
    refused(not_text, 400, "hook/not-json").await;

    let good = hooks.server.hook(PUSH.1, PUSH.0);
    hooks
        .left_only("gitlab", &[("hook/not-json", 7)], good)
        .await;
}

#[tokio::test]
async fn a_body_is_at_most_128_levels_deep() {
    let hooks = Hooks::start(Site::CONFIG).await;
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));

    for depth in [129, 100_000] {
        let deep = hooks.server.hook("Push Hook", nested(depth));
        refused(deep, 400, "hook/too-deep").await;
    }

    let good = hooks.server.hook("Push Hook", nested(128));
    hooks
        .left_only("gitlab", &[("hook/too-deep", 2)], good)
        .await;
    let event = hooks.server.get("/api/v1/events/last").await;
    assert_eq!(event["record"]["event"]["subject"], "other");
    assert!(event["record"]["event"]["note"].is_string(), "{event}");
}

#[tokio::test]
async fn a_header_that_contradicts_the_body_is_refused() {
    let hooks = Hooks::start(Site::CONFIG).await;

    let message = refused(
        hooks.server.hook("Merge Request Hook", PUSH.0),
        400,
        "hook/contradiction",
    )
    .await;

    assert!(message.contains("`Merge Request Hook`"), "{message}");
    let good = hooks.server.hook(PUSH.1, PUSH.0);
    hooks
        .left_only("gitlab", &[("hook/contradiction", 1)], good)
        .await;
}

#[tokio::test]
async fn a_compressed_body_is_refused_before_it_is_looked_at() {
    let hooks = Hooks::start(Site::CONFIG).await;

    for encoding in ["gzip", "br", "identity, gzip"] {
        let request = hooks.server.hook(PUSH.1, PUSH.0);
        let request = request.header("content-encoding", encoding);
        refused(request, 415, "hook/encoding").await;
    }

    let good = hooks.server.hook(PUSH.1, PUSH.0);
    let good = good.header("content-encoding", "identity");
    hooks
        .left_only("gitlab", &[("hook/encoding", 3)], good)
        .await;
}

#[tokio::test]
async fn what_nobody_has_words_for_is_accepted_as_other() {
    let hooks = Hooks::start(Site::CONFIG).await;

    for body in [
        r#"{"object_kind":"eclipse"}"#,
        "[]",
        "7",
        r#"{"object_kind":"push"}"#,
    ] {
        let id = accepted(hooks.server.hook("System Hook", body)).await;

        let record = hooks.server.settled(&id).await;
        let event = &record["record"]["event"];
        assert_eq!(event["subject"], "other", "{body}");
        assert!(event["note"].is_string(), "{event}");
    }
}
