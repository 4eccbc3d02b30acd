//! Requests that are signed, and sources with several secrets.

use reqwest::RequestBuilder;

use super::{Hooks, PUSH, accepted, refused};
use crate::support::server::{SECRET, Site};
use crate::support::signature::{KEY, hexadecimal, seconds_from_now, standard};

/// A source that has both a token and a signing key.
const BOTH: &str = r#"
    [sources.gitlab]
    provider = "gitlab"
    secrets = { token = { file = "secret" }, key = { file = "key" } }

    [channels.console]
    kind = "console"

    [shared]
    sources = ["*"]
    channels = ["*"]
"#;

async fn start(config: &str) -> Hooks {
    let site = Site::new(config);
    site.put("key", KEY.as_bytes());
    Hooks::start_in(site).await
}

/// A push that was signed at a time, over one body, and sent with another.
fn signed_at(hooks: &Hooks, seconds: i64, over: &str) -> RequestBuilder {
    let (id, time) = (uuid::Uuid::now_v7().to_string(), seconds.to_string());
    let signature = standard(KEY, &id, &time, over.as_bytes());
    hooks
        .push("gitlab")
        .header("webhook-id", id)
        .header("webhook-timestamp", time)
        .header("webhook-signature", signature)
}

#[tokio::test]
async fn a_signature_that_is_present_decides_alone() {
    let hooks = start(BOTH).await;
    let now = seconds_from_now(0);

    let forged = signed_at(&hooks, now, "another body").header("x-gitlab-token", SECRET);
    refused(forged, 401, "hook/bad-signature").await;
    let empty = hooks.push("gitlab").header("webhook-signature", "");
    let empty = empty.header("x-gitlab-token", SECRET);
    refused(empty, 401, "hook/empty-signature").await;
    let key_as_token = hooks.push("gitlab").header("x-gitlab-token", KEY);
    refused(key_as_token, 401, "hook/bad-signature").await;

    let expected = [("hook/bad-signature", 2), ("hook/empty-signature", 1)];
    let good = signed_at(&hooks, now, PUSH.0).header("x-gitlab-token", "not looked at");
    hooks.left_only("gitlab", &expected, good).await;
}

#[tokio::test]
async fn a_signed_request_is_refused_where_no_signing_key_is_configured() {
    let hooks = start(Site::CONFIG).await;

    let signed = signed_at(&hooks, seconds_from_now(0), PUSH.0).header("x-gitlab-token", SECRET);
    let message = refused(signed, 401, "hook/no-signing-key").await;

    assert!(message.contains("`whsec_…`"), "{message}");
    let good = hooks.push("gitlab").header("x-gitlab-token", SECRET);
    hooks
        .left_only("gitlab", &[("hook/no-signing-key", 1)], good)
        .await;
}

#[tokio::test]
async fn a_signed_time_counts_on_both_sides_of_the_present_only_within_five_minutes() {
    let hooks = start(BOTH).await;

    for seconds in [-3_600, -310, 310, 3_600] {
        let stale = signed_at(&hooks, seconds_from_now(seconds), PUSH.0);
        refused(stale, 401, "hook/stale-timestamp").await;
    }

    let good = signed_at(&hooks, seconds_from_now(-240), PUSH.0);
    hooks
        .left_only("gitlab", &[("hook/stale-timestamp", 4)], good)
        .await;
    accepted(signed_at(&hooks, seconds_from_now(240), PUSH.0)).await;
}

#[tokio::test]
async fn the_name_of_the_secret_that_matched_is_recorded() {
    let config = BOTH.replace(
        "secrets = {",
        "secrets = { old = { file = 'old' }, new = { file = 'new' },",
    );
    let site = Site::new(&config);
    site.put("key", KEY.as_bytes());
    site.put("old", b"the-old-token\n");
    site.put("new", b"the-new-token");
    let hooks = Hooks::start_in(site).await;
    let with = |token: &str| hooks.push("gitlab").header("x-gitlab-token", token);

    for (request, name) in [
        (with("the-old-token"), "old"),
        (with("the-new-token"), "new"),
        (with(SECRET), "token"),
        (signed_at(&hooks, seconds_from_now(0), PUSH.0), "key"),
    ] {
        let id = accepted(request).await;

        let record = hooks.server.settled(&id).await;
        assert_eq!(record["record"]["secret"], name);
    }
}

#[tokio::test]
async fn a_generic_source_verifies_what_its_description_says() {
    let config = format!(
        "{}\n{}",
        Site::CONFIG,
        r#"
        [sources.builds]
        provider = "generic"
        secret = { file = "secret" }
        event_header = "X-Build-Event"

        [sources.builds.signature]
        header = "X-Build-Signature"
        prefix = "sha256="
        algorithm = "sha256"
        signed = "{timestamp}:{body}"
        timestamp_header = "X-Build-Time"
    "#
    );
    let hooks = Hooks::start(&config).await;
    let now = seconds_from_now(0);
    let build = |secret: &str, time: i64| {
        let body = r#"{"build": 7}"#;
        let mac = hexadecimal(secret, format!("{time}:{body}").as_bytes());
        hooks
            .post("builds", body)
            .header("x-build-event", "finished")
            .header("x-build-time", time)
            .header("x-build-signature", format!("sha256={mac}"))
    };

    refused(build("a guess", now), 401, "hook/bad-signature").await;
    refused(build(SECRET, now - 600), 401, "hook/stale-timestamp").await;
    let unsigned = hooks.post("builds", "{}").header("x-build-time", now);
    refused(unsigned, 401, "hook/missing-signature").await;

    let expected = [
        ("hook/bad-signature", 1),
        ("hook/missing-signature", 1),
        ("hook/stale-timestamp", 1),
    ];
    hooks
        .left_only("builds", &expected, build(SECRET, now))
        .await;
    let event = hooks.server.get("/api/v1/events/last").await;
    assert_eq!(event["record"]["event"]["provider-event"], "finished");
    assert_eq!(event["record"]["event"]["subject"], "other");
}
