//! `hookbox channels`: the list, and the test of one.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{Desk, config, entry};
use crate::support::eventually;
use crate::support::receiver::{Receiver, Reserved};
use crate::support::server::Site;

#[tokio::test]
async fn channels_are_listed_with_their_place_and_quota_and_what_waits() {
    let receiver = Receiver::start().await;
    let desk = Desk::open(receiver.address, "quota = '20/1m'").await;

    let listed = desk.json(&["channels", "list"]).await;
    let table = desk.says(&["channels", "list"]).await;

    let dev = entry(&listed["channels"], "dev");
    assert_eq!(dev["kind"], "http");
    assert_eq!(dev["quotas"], json!(["20/1m"]));
    assert_eq!((&dev["state"], &dev["waiting"]), (&json!("ok"), &json!(0)));
    let place = dev["place"].as_str().expect("it has a place");
    assert!(
        place.starts_with("http://127.0.0.1") && !place.contains("/dev"),
        "{place}"
    );
    assert!(table.contains("20/1m") && table.contains(place), "{table}");
}

#[tokio::test]
async fn a_channel_that_fails_says_since_when_and_why() {
    let closed = Reserved::new();
    let desk = Desk::open(closed.address, "").await;

    desk.evaluated().await;
    let dev = eventually("it fails", || async {
        let listed = desk.server.get("/api/v1/channels").await;
        let dev = entry(&listed["channels"], "dev").clone();
        (dev["state"] == "failing")
            .then_some(dev)
            .ok_or(listed.to_string())
    })
    .await;
    let table = desk.says(&["channels", "list"]).await;

    let error = dev["failing"]["error"].as_str().expect("an error");
    assert!(error.contains("cannot be reached"), "{error}");
    assert!(dev["waiting"].as_u64() > Some(0), "{dev}");
    assert!(table.contains("failing since 20"), "{table}");
}

#[tokio::test]
async fn a_test_message_reaches_the_service_beside_those_that_wait() {
    let receiver = Receiver::start().await;
    let desk = Desk::open(receiver.address, "").await;
    desk.says(&["channels", "pause", "dev"]).await;
    desk.evaluated().await;

    let plain = desk.says(&["channels", "test", "dev"]).await;
    let full = ["channels", "test", "dev", "--full", "--mention", "all"];
    let answer = desk.json(&full).await;

    assert!(plain.contains("took it: 200 ok"), "{plain}");
    assert_eq!(answer["detail"], "200 ok");
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    let texts = received.iter().map(|request| request.json().to_string());
    let texts: Vec<String> = texts.collect();
    assert!(
        texts[0].contains("A test of the channel `dev`"),
        "{texts:?}"
    );
    assert!(
        texts[1].contains("\"all\"") && texts[1].contains("footer"),
        "{texts:?}"
    );
    assert!(received[0].key() != received[1].key());
    assert_eq!(desk.actions("state=waiting", 2).await.len(), 2);
}

#[tokio::test]
async fn a_test_message_that_is_not_taken_exits_with_7_and_what_to_look_at() {
    let receiver = Receiver::start().await;
    let desk = Desk::open(receiver.address, "").await;
    receiver.answer(StatusCode::FORBIDDEN);

    let error = desk.fails(7, &["channels", "test", "dev"]).await;
    let answer = desk
        .refused(Method::POST, "/api/v1/channels/dev/test", "")
        .await;

    assert!(
        error.starts_with("error: channel `dev` (http, http://127.0.0.1"),
        "{error}"
    );
    assert!(error.contains("answered 403 forbidden"), "{error}");
    assert!(
        error.contains("\nhint: ") && error.contains("`[channels.dev]`"),
        "{error}"
    );
    assert_eq!(
        answer,
        (StatusCode::BAD_GATEWAY, "api/channel-failed".to_owned())
    );
}

#[tokio::test]
async fn a_misspelt_channel_is_named_with_its_neighbour() {
    let receiver = Receiver::start().await;
    let desk = Desk::open(receiver.address, "").await;

    for name in ["deb", "DEV", "a/b", "dev?full=true"] {
        let error = desk.fails(6, &["channels", "test", name]).await;
        assert!(
            error.contains(&format!("there is no channel `{name}`")),
            "{error}"
        );
    }
    let error = desk.fails(6, &["channels", "test", "deb"]).await;
    assert!(error.contains("is it `dev`?"), "{error}");
    for name in ["", ".."] {
        let error = desk.fails(2, &["channels", "test", name]).await;
        assert!(error.contains("is no name"), "{error}");
    }
    let unknown = desk
        .refused(Method::POST, "/api/v1/channels/dev/test?loud=true", "")
        .await;
    assert_eq!(
        unknown,
        (StatusCode::BAD_REQUEST, "api/bad-request".to_owned())
    );
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn a_server_that_only_shadows_sends_no_test_and_runs_no_command() {
    let receiver = Receiver::start().await;
    let command = "[commands.true]\nargv = ['true']";
    let site = Site::new(&config(receiver.address, command));
    let server = site.serve_with(&["--shadow"]).await;
    let desk = Desk { site, server };

    let test = desk
        .refused(Method::POST, "/api/v1/channels/dev/test", "")
        .await;
    let run = desk
        .refused(Method::POST, "/api/v1/commands/true/run", "")
        .await;
    let error = desk.fails(6, &["commands", "run", "true"]).await;

    assert_eq!(test, (StatusCode::CONFLICT, "api/shadow".to_owned()));
    assert_eq!(run, test);
    assert!(error.contains("`--shadow`"), "{error}");
    assert!(receiver.received().is_empty());
    assert_eq!(desk.server.events().await, [""; 0]);
}
