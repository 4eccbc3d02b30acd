//! Methods, paths, addresses, and headers: what is refused before a body is read.

use super::{Hooks, PUSH, accepted, refused};
use crate::support::server::{SECRET, Site};
use crate::support::wire::exchange;

#[tokio::test]
async fn every_method_but_post_is_refused_with_a_sentence() {
    let hooks = Hooks::start(Site::CONFIG).await;
    let address = format!("{}/hooks/gitlab", hooks.server.public);

    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        let method = method.parse().expect("a method");
        let request = hooks.server.http.request(method, &address);
        let answer = request
            .header("x-gitlab-token", SECRET)
            .body(PUSH.0)
            .send()
            .await
            .expect("the server answers");
        assert_eq!(answer.status(), 405);
        assert_eq!(answer.headers()["allow"], "POST");
        let body = answer.text().await.expect("it has a body");
        assert!(body.contains("sent with POST"), "{body}");
    }

    let good = hooks.server.hook(PUSH.1, PUSH.0);
    hooks.left_only("gitlab", &[("hook/method", 4)], good).await;
}

#[tokio::test]
async fn a_source_that_there_is_not_is_404_and_recorded_as_one() {
    let hooks = Hooks::start(Site::CONFIG).await;

    for name in ["gitlub", "GITLAB", "..%2Fgitlab", "%00", "%ff"] {
        let request = hooks.push(name).header("x-gitlab-token", SECRET);
        refused(request, 404, "hook/unknown-source").await;
    }
    for path in [
        "",
        "/",
        "/hooks",
        "/hooks/",
        "/hooks/gitlab/",
        "/api/v1/events",
    ] {
        let request = hooks
            .server
            .http
            .post(format!("{}{path}", hooks.server.public));
        refused(request.body(PUSH.0), 404, "hook/not-found").await;
    }

    let good = hooks.server.hook(PUSH.1, PUSH.0);
    let expected = [("hook/unknown-source", 5)];
    hooks.left_only("unknown-source", &expected, good).await;
}

#[tokio::test]
async fn an_address_outside_the_list_is_forbidden_whatever_it_says_of_itself() {
    let config = Site::CONFIG.replace("provider =", "addresses = ['10.0.0.0/8']\nprovider =");
    let hooks = Hooks::start(&config).await;
    let from = |address: &str| {
        let request = hooks.server.hook(PUSH.1, PUSH.0);
        request.header("x-forwarded-for", address)
    };

    let plain = hooks.server.hook(PUSH.1, PUSH.0);
    refused(plain, 403, "hook/forbidden-address").await;
    refused(from("10.1.2.3"), 403, "hook/forbidden-address").await;

    let refusals = hooks.refusals("gitlab").await;
    assert_eq!(refusals, [("hook/forbidden-address".to_owned(), 2)]);
    let listing = hooks.server.get("/api/v1/events").await;
    assert_eq!(listing["events"], serde_json::json!([]));
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_nearest_stranger_is_the_sender() {
    let config = Site::CONFIG.replace("provider =", "addresses = ['10.0.0.0/8']\nprovider =");
    let config = format!("trusted_proxies = ['127.0.0.0/8', '192.0.2.1']\n{config}");
    let hooks = Hooks::start(&config).await;
    let from = |addresses: &str| {
        let request = hooks.server.hook(PUSH.1, PUSH.0);
        request.header("x-forwarded-for", addresses)
    };

    refused(from("203.0.113.9"), 403, "hook/forbidden-address").await;
    refused(from("10.1.2.3, 203.0.113.9"), 403, "hook/forbidden-address").await;
    let id = accepted(from("203.0.113.9, 10.1.2.3, 192.0.2.1")).await;

    let record = hooks.server.settled(&id).await;
    assert_eq!(record["record"]["remote-address"], "10.1.2.3");
}

#[tokio::test]
async fn too_many_and_too_large_headers_are_refused_and_the_server_goes_on() {
    let hooks = Hooks::start(Site::CONFIG).await;
    let head = format!(
        "POST /hooks/gitlab HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Gitlab-Event: Push Hook\r\n\
         X-Gitlab-Token: {SECRET}\r\nContent-Length: 2\r\n"
    );
    let many: String = (0..100).map(|n| format!("X-Pad-{n}: x\r\n")).collect();
    let padded = |bytes: usize| format!("X-Pad: {}\r\n", "x".repeat(bytes));

    for more in [many, padded(32 << 10), padded(36_000), padded(1 << 20)] {
        let request = format!("{head}{more}\r\n{{}}");
        let answer = exchange(&hooks.server.public, request.as_bytes()).await;
        assert!(
            answer.starts_with("HTTP/1.1 431 "),
            "{}: {answer}",
            more.len()
        );
    }
    let garbage = exchange(
        &hooks.server.public,
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    )
    .await;

    assert!(garbage.starts_with("HTTP/1.1 400 "), "{garbage}");
    let some: String = (0..80).map(|n| format!("X-Pad-{n}: x\r\n")).collect();
    for more in [some, padded(32_000)] {
        let id = uuid::Uuid::now_v7();
        let request = format!("{head}Idempotency-Key: {id}\r\n{more}\r\n{{}}");
        let answer = exchange(&hooks.server.public, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    }
}

#[tokio::test]
async fn healthz_answers_and_says_nothing() {
    let hooks = Hooks::start(Site::CONFIG).await;

    let answer = hooks
        .server
        .http
        .get(format!("{}/healthz", hooks.server.public))
        .send()
        .await
        .expect("the server answers");

    assert_eq!(answer.status(), 200);
    assert_eq!(answer.text().await.expect("it has a body"), "ok\n");
}
