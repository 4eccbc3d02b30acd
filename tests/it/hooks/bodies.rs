//! Bodies: compressed, in a form, too large, too deep, or something else than they should be.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::RequestBuilder;

use super::{Hooks, PUSH, accepted, refused};
use crate::support::server::{SECRET, Site};
use crate::support::signature::{KEY, hexadecimal, seconds_from_now, standard};
use crate::support::wire::exchange;

fn limited() -> String {
    Site::CONFIG.replace("provider =", "body_limit = '16KiB'\nprovider =")
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

/// A folder whose sources take signed requests.
fn signed() -> Site {
    let github = "[sources.github]\nprovider = 'github'\nsecret = { file = 'secret' }";
    let site = Site::new(&format!("{}\n{github}", Site::CONFIG));
    site.put("secret", KEY.as_bytes());
    site
}

/// A push with a body, under the signature of these bytes.
fn signed_push(hooks: &Hooks, bytes: &[u8], body: Vec<u8>) -> RequestBuilder {
    let (id, time) = (
        uuid::Uuid::now_v7().to_string(),
        seconds_from_now(0).to_string(),
    );
    let signature = standard(KEY, &id, &time, bytes);
    let address = format!("{}/hooks/gitlab", hooks.server.public);
    let request = hooks.server.http.post(address).body(body);
    request
        .header("x-gitlab-event", PUSH.1)
        .header("webhook-id", id)
        .header("webhook-timestamp", time)
        .header("webhook-signature", signature)
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
async fn a_body_that_is_compressed_otherwise_than_it_says_or_too_large_is_refused() {
    let hooks = Hooks::start(&limited()).await;
    let encoded = |encoding: &str, body: Vec<u8>| {
        let request = hooks.server.hook(PUSH.1, body);
        request.header("content-encoding", encoding)
    };

    for encoding in ["br", "identity, gzip"] {
        refused(encoded(encoding, PUSH.0.into()), 415, "hook/encoding").await;
    }
    refused(encoded("gzip", PUSH.0.into()), 400, "hook/not-gzip").await;
    let bomb = gzip(&vec![b' '; 16 << 20]);
    assert!(bomb.len() < 16 << 10);
    refused(encoded("gzip", bomb), 413, "hook/too-large").await;

    let refusals = [
        ("hook/encoding", 2),
        ("hook/not-gzip", 1),
        ("hook/too-large", 1),
    ];
    let good = encoded("gzip", gzip(PUSH.0.as_bytes()));
    hooks.left_only("gitlab", &refusals, good).await;
}

#[tokio::test]
async fn the_signature_of_a_compressed_body_or_a_form_is_that_of_the_bytes_as_received() {
    let hooks = Hooks::start_in(signed()).await;
    let github = include_str!("../../../guest-sdk/samples/github/push.json");
    let form: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", github)
        .finish();
    let address = format!("{}/hooks/github", hooks.server.public);
    let signature = format!("sha256={}", hexadecimal(KEY, form.as_bytes()));
    let form = hooks.server.http.post(address).body(form);
    let form = form
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-github-event", "push")
        .header("x-github-delivery", "delivery-1")
        .header("x-hub-signature-256", signature);

    let zipped = gzip(PUSH.0.as_bytes());
    let inner = signed_push(&hooks, PUSH.0.as_bytes(), zipped.clone());
    let inner = inner.header("content-encoding", "gzip");
    refused(inner, 401, "hook/bad-signature").await;
    let whole = signed_push(&hooks, &zipped, zipped.clone());
    let whole = whole.header("content-encoding", "gzip");
    let ids = [accepted(whole).await, accepted(form).await];

    for id in ids {
        let record = hooks.server.settled(&id).await;
        let push = &record["record"]["event"]["subject"]["push"];
        assert_eq!(push["branch"], "main", "{record}");
        assert_eq!(push["commits"].as_array().map(Vec::len), Some(3));
    }
}

#[tokio::test]
async fn an_address_that_fails_too_often_is_told_to_stop_and_a_right_request_of_it_is_taken() {
    let hooks = Hooks::start(Site::CONFIG).await;
    let guess = |number: usize| {
        let guess = format!("guess-{number}");
        hooks.push("gitlab").header("x-gitlab-token", guess)
    };

    for number in 0..30 {
        refused(guess(number), 401, "hook/bad-signature").await;
    }
    let answer = guess(30).send().await.expect("the server answers");
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "60");
    refused(guess(31), 429, "hook/too-many-failures").await;

    let good = hooks.server.hook(PUSH.1, PUSH.0);
    hooks
        .left_only("gitlab", &[("hook/bad-signature", 30)], good)
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
