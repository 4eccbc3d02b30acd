//! `hookbox actions`: filters, trying again, and canceling.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Desk, config, id};
use crate::support::receiver::Receiver;
use crate::support::server::Site;
use crate::support::{eventually, script, stderr, stdout};

#[tokio::test]
async fn dead_letters_are_tried_again_all_at_once() {
    let receiver = Receiver::start().await;
    let desk = Desk::open(receiver.address, "").await;
    receiver.answer(StatusCode::BAD_REQUEST);
    desk.evaluated().await;
    desk.evaluated().await;
    desk.actions("state=dead&channel=dev", 4).await;

    receiver.answer(StatusCode::OK);
    let other = desk
        .json(&["actions", "retry", "--state", "dead", "--channel", "ops"])
        .await;
    let answer = desk
        .json(&["actions", "retry", "--state", "dead", "--channel", "dev"])
        .await;
    let done = desk.actions("state=done&channel=dev", 4).await;

    assert_eq!(other["changed"], 0);
    assert_eq!(answer, json!({ "changed": 4, "unchanged": [] }));
    let attempts = done
        .iter()
        .map(|action| action["attempts"].as_array().map(Vec::len));
    assert_eq!(attempts.collect::<Vec<_>>(), [Some(2); 4]);
    assert_eq!(receiver.received().len(), 8);
}

#[tokio::test]
async fn actions_are_listed_by_what_they_are_with_a_line_on_each() {
    let receiver = Receiver::start().await;
    let desk = Desk::open(receiver.address, "").await;
    let first = desk.evaluated().await;
    desk.actions("state=done", 2).await;
    receiver.answer(StatusCode::BAD_REQUEST);
    let second = desk.evaluated().await;
    let dead = desk.actions("state=dead", 2).await;

    for (filters, number) in [
        (vec![], 4),
        (vec!["--state", "done"], 2),
        (vec!["--rule", "echo"], 2),
        (vec!["--rule", "echo", "--state", "dead"], 1),
        (vec!["--channel", "dev"], 4),
        (vec!["--channel", "ops"], 0),
        (vec!["--command", "dev"], 0),
        (vec!["--event", &first], 2),
        (vec!["--since", "1h"], 4),
        (vec!["--until", "1h"], 0),
        (
            vec!["--since", "2020-01-01T00:00:00+02:00", "--until", "0s"],
            4,
        ),
        (vec!["--limit", "3"], 3),
    ] {
        let listed = desk
            .json(&[&["actions", "list"], filters.as_slice()].concat())
            .await;
        let found = listed["actions"].as_array().map(Vec::len);
        assert_eq!(found, Some(number), "{filters:?}");
    }
    let table = desk.says(&["actions", "list", "--event", &second]).await;
    let row = table.lines().nth(1).expect("a row");
    for part in ["dead", "notify", "dev", &second, "400 bad request"] {
        assert!(row.contains(part), "`{part}` is missing: {table}");
    }
    let shown = desk.says(&["actions", "show", &id(&dead[0])]).await;
    assert!(shown.contains("attempt 1 dead: "), "{shown}");
    let error = desk
        .fails(6, &["actions", "list", "--since", "yesterday"])
        .await;
    assert!(error.contains("such as `2h` or `7d`"), "{error}");
    let error = desk
        .fails(6, &["actions", "list", "--state", "asleep"])
        .await;
    assert!(error.contains("it is one of waiting, running"), "{error}");
    desk.fails(
        2,
        &["actions", "list", "--channel", "dev", "--command", "x"],
    )
    .await;
}

#[tokio::test]
async fn nothing_is_changed_in_bulk_without_a_filter() {
    let receiver = Receiver::start().await;
    let desk = Desk::open(receiver.address, "").await;
    desk.says(&["channels", "pause", "dev"]).await;
    desk.evaluated().await;
    let bad = (StatusCode::BAD_REQUEST, "api/bad-request".to_owned());

    for verb in ["retry", "cancel"] {
        let error = desk.fails(2, &["actions", verb]).await;
        assert!(error.contains("at least one of `--state`"), "{error}");
        desk.fails(2, &["actions", verb, "1", "--all"]).await;
        desk.fails(2, &["actions", verb, "1", "--state", "dead"])
            .await;
        for query in [
            "",
            "?all=false",
            "?ids=one",
            "?ids=1&state=dead",
            "?all=true&rule=echo",
            "?id=1",
        ] {
            let path = format!("/api/v1/actions/{verb}{query}");
            assert_eq!(desk.refused(Method::POST, &path, "").await, bad, "{path}");
        }
    }

    desk.actions("state=waiting", 2).await;
    let all = desk.says(&["actions", "cancel", "--all"]).await;
    assert_eq!(all, "2 actions are canceled\n");
}

#[tokio::test]
async fn what_waits_is_canceled_and_of_the_rest_it_is_said_why_not() {
    let receiver = Receiver::start().await;
    let desk = Desk::open(receiver.address, "").await;
    desk.evaluated().await;
    let done = desk.actions("state=done", 2).await;
    desk.says(&["channels", "pause", "dev"]).await;
    desk.evaluated().await;
    let waiting = desk.actions("state=waiting", 2).await;

    let named = [id(&waiting[0]), id(&done[0]), "4711".to_owned()];
    let cancel = ["actions", "cancel", &named[0], &named[1], &named[2]];
    let output = desk.ask(&cancel).await;
    let retry = desk.ask(&["actions", "retry", &named[0], &named[1]]).await;

    assert_eq!(output.status.code(), Some(6));
    assert_eq!(stdout(&output), "1 actions are canceled\n");
    let why = stderr(&output);
    assert!(
        why.contains(&format!("action {}: it is done; ", named[1])),
        "{why}"
    );
    assert!(why.contains("action 4711: there is no action"), "{why}");
    assert_eq!(retry.status.code(), Some(6));
    assert_eq!(stdout(&retry), "1 actions wait to be tried again\n");
    desk.says(&["channels", "resume", "dev"]).await;
    desk.actions("state=done", 4).await;
    assert_eq!(receiver.received().len(), 4);
}

#[tokio::test]
async fn a_command_that_runs_is_ended_when_it_is_canceled() {
    let receiver = Receiver::start().await;
    let site = Site::new(&config(
        receiver.address,
        "[commands.endless]\nargv = ['./endless']",
    ));
    script(&site.path().join("endless"), "echo begun; exec sleep 3600");
    let desk = Desk::serving(site).await;
    let asked = desk.json(&["commands", "run", "endless", "--detach"]).await;
    let action = id(&asked);
    eventually("it runs", || async {
        let text = desk.says(&["commands", "output", &action]).await;
        (text == "begun\n").then_some(()).ok_or(text)
    })
    .await;

    let retried = desk.ask(&["actions", "retry", &action]).await;
    desk.says(&["actions", "cancel", &action]).await;
    let canceled = desk.actions("state=canceled", 1).await;

    assert_eq!(retried.status.code(), Some(6));
    assert!(
        stderr(&retried).contains("cancel it first"),
        "{}",
        stderr(&retried)
    );
    let attempts: &Value = &canceled[0]["attempts"];
    assert_eq!(attempts[0]["result"], "canceled");
    let again = desk.ask(&["actions", "cancel", &action]).await;
    assert_eq!(again.status.code(), Some(6));
}
