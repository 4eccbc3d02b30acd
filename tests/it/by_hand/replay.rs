//! `hookbox events replay`: by all rules or one, what was missed, and what would come of it.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Desk;
use crate::support::events::evaluated_by;
use crate::support::eventually;
use crate::support::receiver::Receiver;

/// An event once its replay of this number is done, with every action of it.
async fn replayed(desk: &Desk, event: &str, run: u64) -> Value {
    eventually("it was evaluated again", || async {
        let record = desk.server.settled(event).await;
        (record["record"]["run"] == run)
            .then_some(record.clone())
            .ok_or(record.to_string())
    })
    .await
}

/// The runs of the actions of an event, in their order.
fn runs(record: &Value) -> Vec<u64> {
    let actions = record["record"]["actions"].as_array().into_iter().flatten();
    actions
        .map(|action| action["run"].as_u64().expect("a run"))
        .collect()
}

#[tokio::test]
async fn an_event_is_evaluated_again_by_all_rules_or_by_one_and_each_run_is_told_apart() {
    let receiver = Receiver::start().await;
    let desk = Desk::open(receiver.address, "").await;
    let event = desk.evaluated().await;
    desk.server.settled(&event).await;

    let one = desk
        .json(&["events", "replay", &event, "--rule", "echo"])
        .await;
    let of_one = replayed(&desk, &event, 1).await;
    let all = desk.says(&["events", "replay", "last"]).await;
    let of_all = replayed(&desk, &event, 2).await;

    assert_eq!(one["replayed"], json!({ "events": 1, "busy": 0 }));
    assert_eq!(all, "1 events are evaluated again\n");
    assert_eq!(evaluated_by(&of_one), ["echo", "other", "echo"]);
    assert_eq!(runs(&of_one), [0, 0, 1]);
    assert_eq!(runs(&of_all), [0, 0, 1, 2, 2]);
    assert_eq!(receiver.received().len(), 5);
    let listed = desk.says(&["events", "list"]).await;
    assert!(listed.contains("done, replay 2"), "{listed}");
    let shown = desk.says(&["events", "show", &event]).await;
    let places = ["first run\n", "\nreplay 1\n", "\nreplay 2\n"].map(|part| shown.find(part));
    assert!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{shown}"
    );
    let first = &shown[..places[1].expect("it is there")];
    assert!(
        first.contains("echo acted: echo was asked") && first.contains("other acted"),
        "{shown}"
    );
    let second = &shown[places[1].expect("it is there")..places[2].expect("it is there")];
    assert!(
        second.contains("echo acted") && !second.contains("other acted"),
        "{shown}"
    );
    let actions = desk.says(&["actions", "list", "--event", &event]).await;
    let marks = actions
        .lines()
        .skip(1)
        .map(|row| row.split_whitespace().nth(6));
    let marks: Vec<_> = marks.flatten().collect();
    assert_eq!(marks, ["2", "2", "1", "-", "-"], "{actions}");
}

#[tokio::test]
async fn a_replay_in_bulk_takes_what_matches_and_needs_a_filter() {
    let receiver = Receiver::start().await;
    let desk = Desk::open(receiver.address, "").await;
    let push = desk.evaluated().await;
    let tag = desk.server.send_sample("tag").await;
    desk.server.settled(&tag).await;

    let pushes = desk
        .json(&["events", "replay", "--subject", "push", "--since", "1h"])
        .await;
    replayed(&desk, &push, 1).await;
    let none = desk
        .json(&["events", "replay", "--project", "no/such"])
        .await;
    let before = desk.json(&["events", "replay", "--until", "1h"]).await;
    let all = desk
        .json(&["events", "replay", "--all", "--rule", "other"])
        .await;
    replayed(&desk, &push, 2).await;
    let of_tag = replayed(&desk, &tag, 1).await;

    assert_eq!(pushes["replayed"]["events"], 1);
    assert_eq!(none["replayed"]["events"], 0);
    assert_eq!(before["replayed"]["events"], 0);
    assert_eq!(all["replayed"]["events"], 2);
    assert_eq!(evaluated_by(&of_tag), ["echo", "other", "other"]);
    let error = desk.fails(2, &["events", "replay"]).await;
    assert!(error.contains("at least one of `--source`"), "{error}");
    desk.fails(2, &["events", "replay", &push, "--all"]).await;
    desk.fails(2, &["events", "replay", &push, "--subject", "push"])
        .await;
    let error = desk
        .fails(6, &["events", "replay", &push, "--rule", "othre"])
        .await;
    assert!(error.contains("is it `other`?"), "{error}");
    let error = desk.fails(6, &["events", "replay", "no-such-event"]).await;
    assert!(
        error.contains("there is no event `no-such-event`"),
        "{error}"
    );
    let bad = (StatusCode::BAD_REQUEST, "api/bad-request".to_owned());
    for query in [
        "",
        "?rule=echo",
        "?id=x&all=true",
        "?subject=push&colour=red",
        "?state=asleep",
    ] {
        let path = format!("/api/v1/events/replay{query}");
        assert_eq!(desk.refused(Method::POST, &path, "").await, bad, "{path}");
    }
}

#[tokio::test]
async fn what_rules_missed_is_evaluated_by_those_that_missed_it() {
    let receiver = Receiver::start().await;
    let desk = Desk::open(receiver.address, "").await;
    let told = desk.evaluated().await;
    desk.says(&["rules", "pause", "echo"]).await;
    let missed = desk.evaluated().await;
    let would = desk
        .json(&["events", "replay", "--skipped", "--dry-run"])
        .await;
    let still_paused = desk.json(&["events", "replay", "--skipped"]).await;
    replayed(&desk, &missed, 1).await;
    let still = desk
        .json(&[
            "events",
            "replay",
            "--skipped",
            "--rule",
            "echo",
            "--dry-run",
        ])
        .await;

    assert_eq!(would["missed"], json!([{ "rule": "echo", "events": 1 }]));
    assert_eq!(still_paused["replayed"]["events"], 1);
    assert_eq!(still["missed"], would["missed"]);
    desk.says(&["rules", "resume", "echo"]).await;
    let record = replayed(&desk, &missed, 2).await;
    assert_eq!(evaluated_by(&record), ["other", "echo"]);
    let untouched = desk.server.record(&told).await;
    assert_eq!(untouched["record"]["run"], 0);
    let nothing = desk.json(&["events", "replay", "--skipped"]).await;
    assert_eq!(nothing["replayed"]["events"], 0);
}

#[tokio::test]
async fn a_dry_run_prints_what_would_be_asked_for_and_changes_nothing() {
    let receiver = Receiver::start().await;
    let desk = Desk::open(receiver.address, "").await;
    let event = desk.evaluated().await;
    desk.server.settled(&event).await;
    let listings = || async {
        let mut all = Vec::new();
        for path in [
            "events".to_owned(),
            format!("events/{event}"),
            "actions".to_owned(),
            "status".to_owned(),
            "pauses".to_owned(),
        ] {
            all.push(desk.server.get(&format!("/api/v1/{path}")).await);
        }
        // The one thing in them that moves by itself.
        all[2]["now"] = Value::Null;
        all
    };
    let before = listings().await;

    let of_one = desk
        .says(&["events", "replay", &event, "--rule", "other", "--dry-run"])
        .await;
    let in_bulk = desk
        .json(&["events", "replay", "--source", "gitlab", "--dry-run"])
        .await;
    let none = desk
        .says(&["events", "replay", "--subject", "page", "--dry-run"])
        .await;

    assert_eq!(listings().await, before);
    assert_eq!(receiver.received().len(), 2);
    assert!(
        of_one.contains(&format!("event {event}\n  other acts: other was asked\n")),
        "{of_one}"
    );
    assert!(
        of_one.contains("→ notify dev") && !of_one.contains("echo"),
        "{of_one}"
    );
    assert_eq!(in_bulk["more"], false);
    let evaluations = in_bulk["rehearsed"][0]["evaluations"]
        .as_array()
        .expect("a list");
    assert_eq!(evaluations.len(), 2);
    let target = &evaluations[0]["actions"][0]["action"]["notify"]["channel"];
    assert_eq!(target, "dev");
    assert_eq!(none, "there is nothing to evaluate again\n");
}

#[tokio::test]
async fn a_dry_run_in_bulk_asks_about_the_newest_hundred_and_says_so() {
    let receiver = Receiver::start().await;
    let desk = Desk::open(receiver.address, "").await;
    desk.says(&["channels", "pause", "dev"]).await;
    let mut last = String::new();
    for _ in 0..101 {
        last = desk.server.send_sample("push").await;
    }
    eventually("all are evaluated", || async {
        let status = desk.server.get("/api/v1/status").await;
        let left = ["deliveries", "events"].map(|queue| status["backlog"][queue].as_u64());
        (left == [Some(0); 2])
            .then_some(())
            .ok_or(status.to_string())
    })
    .await;

    let rehearsal = ["events", "replay", "--all", "--rule", "echo", "--dry-run"];
    let answer = desk.json(&rehearsal).await;
    let output = desk.ask(&rehearsal).await;

    assert_eq!(answer["more"], true);
    assert_eq!(answer["rehearsed"].as_array().map(Vec::len), Some(100));
    assert_eq!(answer["rehearsed"][0]["event"], last.as_str());
    let note = crate::support::stderr(&output);
    assert!(note.contains("more than 100 events"), "{note}");
}

#[tokio::test]
async fn what_a_person_asked_for_is_not_evaluated_again() {
    let receiver = Receiver::start().await;
    let desk = Desk::open(receiver.address, "[commands.now]\nargv = ['true']").await;
    desk.says(&["commands", "run", "now"]).await;

    let error = desk.fails(6, &["events", "replay", "last"]).await;
    let dry = desk.says(&["events", "replay", "last", "--dry-run"]).await;

    assert!(error.contains("asked for by hand"), "{error}");
    assert_eq!(dry, "there is nothing to evaluate again\n");
    desk.actions("state=done", 1).await;
    assert!(receiver.received().is_empty());
}
