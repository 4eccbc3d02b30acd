//! Messages on their way to a chat service: rendered, signed, tried again, and refused.

use std::net::SocketAddr;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::receiver::{Receiver, Reserved};
use crate::support::server::{SECRET, Server, Site};
use crate::support::signature::{KEY, standard};
use crate::support::{eventually, guest, rule};

/// A source, a chat of one kind, a team that may use it, and another channel that the team may not.
fn config(kind: &str, address: SocketAddr, more: &str) -> String {
    format!(
        r#"
        [sources.gitlab]
        provider = "gitlab"
        secret = {{ file = "secret" }}

        [channels.dev]
        kind = "{kind}"
        url = "http://{address}/hooks/the-key-of-the-channel"
        {more}

        [channels.ops]
        kind = "http"
        url = "http://{address}/ops"

        [shared]
        sources = ["*"]
        channels = ["dev"]

        [teams.payments]
        sources = ["gitlab"]
        channels = ["dev"]
        "#
    )
}

/// A folder with the rule that tells `dev` of merge requests.
fn site(kind: &str, address: SocketAddr, more: &str) -> Site {
    let site = Site::new(&config(kind, address, more));
    let name = "rules/notify-merge-requests";
    site.put(&format!("{name}.toml"), b"[settings]\nchannel = 'dev'");
    site.put(&format!("{name}.wasm"), &rule("notify-merge-requests"));
    site
}

/// The only action of an event.
fn action(record: &Value) -> &Value {
    let actions = record["record"]["actions"].as_array().expect("a list");
    assert_eq!(actions.len(), 1, "{record}");
    &actions[0]
}

/// How each attempt at an action ended.
fn results(action: &Value) -> Vec<&str> {
    let attempts = action["attempts"].as_array().expect("a list");
    let results = attempts.iter().map(|attempt| attempt["result"].as_str());
    results.map(|result| result.unwrap_or("runs")).collect()
}

/// Waits until the only action of an event has failed once.
async fn failed_once(server: &Server, event: &str) -> Value {
    eventually("an attempt fails", || async {
        let record = server.get(&format!("/api/v1/events/{event}")).await;
        let action = record["record"]["actions"][0].clone();
        if action.is_object() && results(&action).contains(&"held") {
            Ok(action)
        } else {
            Err(record.to_string())
        }
    })
    .await
}

#[tokio::test]
async fn an_opened_merge_request_reaches_mattermost_with_colour_link_and_fields() {
    let receiver = Receiver::start().await;
    let site = site("mattermost", receiver.address, "username = 'GitLab'");
    let server = site.serve().await;

    let event = server.send_sample("merge-request-opened").await;
    let record = server.settled(&event).await;

    assert_eq!(action(&record)["state"], "done");
    let received = receiver.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].path, "/hooks/the-key-of-the-channel");
    assert_eq!(received[0].headers["content-type"], "application/json");
    let field = |title: &str, value: &str| json!({ "title": title, "value": value, "short": true });
    let expected = json!({
        "username": "GitLab",
        "attachments": [{
            "fallback": "!128 opened: Compute refunds in cents",
            "color": "#108548",
            "title": "!128 opened: Compute refunds in cents",
            "title_link": "https://gitlab.example.org/payments/storefront/-/merge_requests/128",
            "text": "opened by Ada Martin",
            "fields": [
                field("Project", "payments/storefront"),
                field("Status", "open"),
                field("Source", "fix/refund-rounding"),
                field("Target", "main"),
            ],
        }],
    });
    assert_eq!(received[0].json(), expected);
}

#[tokio::test]
async fn a_message_over_http_has_its_key_and_a_signature_that_can_be_checked() {
    let receiver = Receiver::start().await;
    let more = "sign_key = { file = 'key' }\nheaders.Authorization = 'Bearer of-the-receiver'";
    let site = site("http", receiver.address, more);
    site.put("key", KEY.as_bytes());
    let server = site.serve().await;

    let event = server.send_sample("merge-request-opened").await;
    server.settled(&event).await;

    let received = receiver.received();
    assert_eq!(received.len(), 1);
    let header = |name: &str| received[0].headers[name].to_str().expect("it is text");
    let key = format!("{event}/0/notify-merge-requests/0");
    assert_eq!(received[0].key(), key);
    assert_eq!(header("webhook-id"), key);
    assert_eq!(header("authorization"), "Bearer of-the-receiver");
    let time = header("webhook-timestamp");
    let signature = standard(KEY, &key, time, &received[0].body);
    assert_eq!(header("webhook-signature"), signature);
    let message = received[0].json();
    assert_eq!(message["channel"], "dev");
    assert_eq!(message["fields"][3]["value"], "main");
}

#[tokio::test]
async fn a_receiver_that_fails_twice_gets_the_same_message_a_third_time() {
    let receiver = Receiver::start().await;
    receiver.answer_in_turn([StatusCode::INTERNAL_SERVER_ERROR; 2]);
    let site = site("http", receiver.address, "");
    let server = site.serve().await;

    let event = server.send_sample("merge-request-opened").await;
    let record = server.settled(&event).await;

    let action = action(&record);
    assert_eq!(action["state"], "done");
    assert_eq!(results(action), ["held", "held", "done"]);
    let received = receiver.received();
    assert_eq!(received.len(), 3);
    assert!(received.iter().all(|one| one.key() == received[0].key()));
    assert!(received.iter().all(|one| one.body == received[0].body));
}

#[tokio::test]
async fn a_message_that_is_not_taken_is_a_dead_letter_with_the_reason() {
    let receiver = Receiver::start().await;
    receiver.answer(StatusCode::BAD_REQUEST);
    let site = site("http", receiver.address, "");
    let server = site.serve().await;

    let event = server.send_sample("merge-request-opened").await;
    let record = server.settled(&event).await;

    let action = action(&record);
    assert_eq!(action["state"], "dead");
    assert_eq!(results(action), ["dead"]);
    let reason = action["attempts"][0]["detail"].as_str().expect("a reason");
    assert!(reason.contains("answered 400 bad request: ok"), "{reason}");
    assert!(!reason.contains("the-key-of-the-channel"), "{reason}");
    assert_eq!(server.get("/api/v1/status").await["backlog"]["dead"], 1);
    let dead = server.get("/api/v1/actions?state=dead").await;
    assert_eq!(dead["actions"][0]["event"], event);
}

#[tokio::test]
async fn a_receiver_that_is_down_at_first_gets_the_message_when_it_is_up() {
    let down = Reserved::new();
    let site = site("mattermost", down.address, "");
    let server = site.serve().await;

    let event = server.send_sample("merge-request-opened").await;
    let failed = failed_once(&server, &event).await;
    let receiver = down.open();
    let record = server.settled(&event).await;

    let reason = failed["attempts"][0]["detail"].as_str().expect("a reason");
    assert!(reason.contains("cannot be reached"), "{reason}");
    assert_eq!(action(&record)["state"], "done");
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn a_message_that_waits_when_the_server_is_killed_is_sent_by_the_next_one() {
    let down = Reserved::new();
    let site = site("http", down.address, "");
    let server = site.serve().await;
    let event = server.send_sample("merge-request-opened").await;
    failed_once(&server, &event).await;

    server.kill();
    let receiver = down.open();
    let server = site.serve().await;
    let record = server.settled(&event).await;

    assert_eq!(action(&record)["state"], "done");
    let received = receiver.received();
    assert_eq!(received.len(), 1);
    assert_eq!(
        received[0].key(),
        format!("{event}/0/notify-merge-requests/0")
    );
}

#[tokio::test]
async fn a_grant_that_is_taken_away_ends_a_message_that_waits() {
    let down = Reserved::new();
    let site = site("http", down.address, "");
    let server = site.serve().await;
    let event = server.send_sample("merge-request-opened").await;
    failed_once(&server, &event).await;

    let without = config("http", down.address, "").replace("channels = [\"dev\"]", "channels = []");
    site.configure(&without);
    let record = server.settled(&event).await;

    let action = action(&record);
    assert_eq!(action["state"], "refused");
    let line = "add \"dev\" to `channels` under `[shared]` in `hookbox.toml`";
    let attempts = action["attempts"].as_array().expect("a list");
    let reason = attempts.last().expect("an attempt")["detail"].as_str();
    assert!(
        reason.is_some_and(|reason| reason.ends_with(line)),
        "{action}"
    );
}

#[tokio::test]
async fn a_misspelt_channel_rejects_the_rule_and_says_which_is_meant() {
    let down = Reserved::new();
    let site = site("http", down.address, "");
    let settings = b"[settings]\nchannel = 'dve'";
    site.put("rules/notify-merge-requests.toml", settings);
    let server = site.serve().await;

    let rejected = server
        .rule_in_state("notify-merge-requests", "rejected")
        .await;
    let event = server.send_sample("merge-request-opened").await;
    let record = server.settled(&event).await;

    let reason = rejected["reason"].as_str().expect("a reason");
    assert!(reason.contains("`dve`"), "{reason}");
    assert!(reason.contains("is it `dev`?"), "{reason}");
    assert_eq!(record["record"]["evaluations"], json!([]));
}

#[tokio::test]
async fn an_action_outside_of_the_grants_is_refused_with_the_line_that_would_allow_it() {
    let receiver = Receiver::start().await;
    let site = Site::new(&config("http", receiver.address, ""));
    let settings = b"[settings]\nnotify = 'ops'";
    site.put("rules/payments/reach.toml", settings);
    site.put("rules/payments/reach.wasm", &guest("wants-everything"));
    let server = site.serve().await;

    let event = server.send_sample("push").await;
    let record = server.settled(&event).await;

    let action = action(&record);
    assert_eq!(action["state"], "refused");
    assert_eq!(results(action), [""; 0]);
    let detail = action["detail"].as_str().expect("a reason");
    let line = "add \"ops\" to `channels` under `[teams.payments]` in `hookbox.toml`";
    assert!(detail.ends_with(line), "{detail}");
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn a_shared_rule_that_drops_keeps_the_event_from_every_team() {
    let receiver = Receiver::start().await;
    let site = Site::new(&config("http", receiver.address, ""));
    site.put("rules/drop-bot-noise.wasm", &rule("drop-bot-noise"));
    let name = "rules/payments/notify-merge-requests";
    site.put(&format!("{name}.toml"), b"[settings]\nchannel = 'dev'");
    site.put(&format!("{name}.wasm"), &rule("notify-merge-requests"));
    let server = site.serve().await;
    let push = include_str!("../../guest-sdk/samples/gitlab/push.json");
    let of_a_bot = push.replace("\"robin.reviewer\"", "\"renovate-bot\"");

    let request = server.hook("Push Hook", of_a_bot);
    let answer = request.send().await.expect("the server answers");
    let answer: Value = answer.json().await.expect("the answer is JSON");
    let event = answer["id"].as_str().expect("it has an id");
    let dropped = server.settled(event).await;
    let event = server.send_sample("push").await;
    let told = server.settled(&event).await;

    let kinds = |record: &Value| {
        [
            record["rules"][0]["kind"].clone(),
            record["rules"][1]["kind"].clone(),
        ]
    };
    assert_eq!(kinds(&dropped), ["dropped", "dropped-before"]);
    let reason = dropped["rules"][1]["reason"].as_str().expect("a reason");
    assert!(
        reason.starts_with("by `drop-bot-noise`: `renovate-bot`"),
        "{reason}"
    );
    assert_eq!(kinds(&told), ["nothing", "acted"]);
    let received = receiver.received();
    assert_eq!(received.len(), 1);
    assert!(received[0].key().starts_with(&event));
}

#[tokio::test]
async fn what_is_to_be_sent_once_is_sent_once_and_names_the_first() {
    let receiver = Receiver::start().await;
    let site = Site::new(&format!(
        r#"
        [sources.cloud]
        provider = "nextcloud"
        secret = {{ file = "secret" }}

        [channels.files]
        kind = "http"
        url = "http://{}/"

        [shared]
        sources = ["*"]
        channels = ["*"]
        confidential = true
        "#,
        receiver.address
    ));
    site.put(
        "rules/announce-files.toml",
        b"[settings]\nchannel = 'files'",
    );
    site.put("rules/announce-files.wasm", &rule("announce-files"));
    let server = site.serve().await;
    server.rule_in_state("announce-files", "active").await;
    let upload = |class: &str, path: &str, time: u32| {
        json!({
            "event": {
                "node": { "id": 4471, "path": format!("/ada/files/{path}") },
                "class": format!("OCP\\Files\\Events\\Node\\{class}"),
            },
            "user": { "uid": "ada", "displayName": "Ada" },
            "time": time,
        })
    };
    let mut actions = Vec::new();
    for body in [
        upload("NodeCreatedEvent", "HR/a.pdf", 1_767_204_840),
        upload("NodeWrittenEvent", "HR/a.pdf", 1_767_204_841),
        upload("NodeCreatedEvent", "HR/b.pdf", 1_767_204_841),
    ] {
        let sent = server
            .http
            .post(format!("{}/hooks/cloud", server.public))
            .bearer_auth(SECRET)
            .json(&body)
            .send()
            .await
            .expect("the server answers");
        assert_eq!(sent.status(), StatusCode::ACCEPTED);
        let answer: Value = sent.json().await.expect("JSON");
        let record = server.settled(answer["id"].as_str().expect("an id")).await;
        actions.push(action(&record).clone());
    }

    let states: Vec<_> = actions.iter().map(|one| one["state"].as_str()).collect();
    assert_eq!(states, [Some("done"), Some("deduplicated"), Some("done")]);
    assert_eq!(actions[1]["caused-by"], actions[0]["key"]);
    assert_eq!(receiver.received().len(), 2);
}
