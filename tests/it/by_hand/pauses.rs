//! Pauses: nothing is lost, and everybody sees that something is paused.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{Desk, config, entry, id};
use crate::support::events::{Refused, Stream, evaluated_by};
use crate::support::eventually;
use crate::support::receiver::Receiver;
use crate::support::server::Site;

#[tokio::test]
async fn a_paused_source_accepts_and_its_deliveries_are_evaluated_afterwards() {
    let receiver = Receiver::start().await;
    let desk = Desk::open(receiver.address, "").await;

    let paused = desk
        .says(&["sources", "pause", "gitlab", "--reason", "the rules move"])
        .await;
    let event = desk.server.send_sample("push").await;
    let listed = desk.says(&["sources", "list"]).await;
    let shown = desk.says(&["events", "show", &event]).await;
    assert!(receiver.received().is_empty());
    desk.says(&["sources", "resume", "gitlab"]).await;
    let record = desk.server.settled(&event).await;

    assert!(paused.contains(": the rules move\n"), "{paused}");
    assert!(
        listed.contains("paused since") && listed.contains("the rules move"),
        "{listed}"
    );
    assert!(shown.contains("its source is paused since"), "{shown}");
    assert_eq!(evaluated_by(&record), ["echo", "other"]);
    assert_eq!(receiver.received().len(), 2);
    let source = desk.json(&["sources", "show", "gitlab"]).await;
    assert_eq!(source["paused"], json!(null));
}

#[tokio::test]
async fn a_paused_rule_is_passed_over_and_asked_afterwards_about_all_it_missed() {
    let receiver = Receiver::start().await;
    let desk = Desk::open(receiver.address, "").await;

    desk.says(&["rules", "pause", "echo", "--reason", "too loud"])
        .await;
    let events = [desk.evaluated().await, desk.evaluated().await];
    let listed = desk.json(&["rules", "list"]).await;
    let table = desk.says(&["rules", "list"]).await;
    let source = desk.says(&["sources", "show", "gitlab"]).await;
    let shown = desk.says(&["events", "show", &events[0]]).await;
    let resumed = desk.json(&["rules", "resume", "echo"]).await;

    let echo = entry(&listed["rules"], "echo");
    assert_eq!(
        (&echo["missed"], &echo["paused"]["reason"]),
        (&json!(2), &json!("too loud"))
    );
    assert_eq!(entry(&listed["rules"], "other")["paused"], json!(null));
    assert!(table.contains("active, paused"), "{table}");
    assert!(table.contains("it has missed 2 events"), "{table}");
    assert!(source.contains("its rule echo is paused since"), "{source}");
    assert!(
        shown.contains("echo was not asked: it is paused since"),
        "{shown}"
    );
    assert_eq!(resumed["replayed"]["events"], 2);
    for event in &events {
        let record = eventually("echo was asked", || async {
            let record = desk.server.settled(event).await;
            let by = evaluated_by(&record);
            (by == ["other", "echo"])
                .then_some(record)
                .ok_or(format!("{by:?}"))
        })
        .await;
        assert_eq!(record["record"]["run"], 1);
        let actions = record["record"]["actions"].as_array().expect("a list");
        assert_eq!(actions.len(), 2, "{record}");
    }
    let listed = desk.json(&["rules", "list"]).await;
    assert_eq!(entry(&listed["rules"], "echo")["missed"], 0);
    assert_eq!(receiver.received().len(), 4);
}

#[tokio::test]
async fn a_pause_that_ends_amid_events_leaves_none_of_them_out() {
    let receiver = Receiver::start().await;
    let desk = Desk::open(receiver.address, "").await;
    desk.says(&["channels", "pause", "dev"]).await;
    desk.says(&["rules", "pause", "echo"]).await;

    let stream = Stream::start(&desk.server, 4, Refused::Fails);
    desk.server
        .rule_where("echo", |rule| rule["missed"].as_u64() > Some(50))
        .await;
    desk.says(&["rules", "resume", "echo"]).await;
    let events = stream.end().await;

    desk.server
        .rule_where("echo", |rule| rule["missed"] == 0)
        .await;
    for event in events {
        let by = eventually("both rules were asked", || async {
            let by = evaluated_by(&desk.server.record(&event).await);
            (by.len() >= 2)
                .then_some(by.clone())
                .ok_or(format!("{event}: {by:?}"))
        })
        .await;
        assert_eq!(
            by.iter().filter(|rule| *rule == "echo").count(),
            1,
            "{by:?}"
        );
        assert_eq!(by.len(), 2, "{by:?}");
    }
}

#[tokio::test]
async fn a_paused_channel_keeps_its_messages() {
    let receiver = Receiver::start().await;
    let desk = Desk::open(receiver.address, "").await;

    desk.says(&["channels", "pause", "dev"]).await;
    desk.evaluated().await;
    let waiting = desk.actions("state=waiting", 2).await;
    let listed = desk.json(&["channels", "list"]).await;
    let table = desk.says(&["channels", "list"]).await;
    assert!(receiver.received().is_empty());
    desk.says(&["channels", "resume", "dev"]).await;
    let done = desk.actions("state=done", 2).await;

    let dev = entry(&listed["channels"], "dev");
    assert_eq!(
        (&dev["state"], &dev["waiting"]),
        (&json!("paused"), &json!(2))
    );
    assert!(table.contains("paused since"), "{table}");
    assert_eq!(
        [id(&waiting[0]), id(&waiting[1])],
        [id(&done[0]), id(&done[1])]
    );
    assert_eq!(receiver.received().len(), 2);
}

#[tokio::test]
async fn a_paused_command_waits_and_a_restart_does_not_end_the_pause() {
    let receiver = Receiver::start().await;
    let site = Site::new(&config(receiver.address, "[commands.now]\nargv = ['true']"));
    let desk = Desk::serving(site).await;

    desk.says(&["commands", "pause", "now", "--reason", "frozen"])
        .await;
    desk.says(&["commands", "run", "now", "--detach"]).await;
    let Desk { site, server } = desk;
    server.terminate().await;
    let desk = Desk::serving(site).await;
    let listed = desk.json(&["commands", "list"]).await;
    let text = desk.says(&["commands", "list"]).await;
    let pauses = desk.server.get("/api/v1/pauses").await;
    desk.says(&["commands", "resume", "now"]).await;

    let now = entry(&listed["commands"], "now");
    assert_eq!(
        (&now["waiting"], &now["paused"]["reason"]),
        (&json!(1), &json!("frozen"))
    );
    assert!(
        text.contains("  paused since") && text.contains(": frozen\n"),
        "{text}"
    );
    let pause = entry(&pauses["pauses"], "now");
    assert_eq!(
        (&pause["what"], &pause["exists"]),
        (&json!("command"), &json!(true))
    );
    desk.actions("state=done", 1).await;
}

#[tokio::test]
async fn what_is_not_there_is_not_paused_and_its_neighbour_is_named() {
    let receiver = Receiver::start().await;
    let desk = Desk::open(receiver.address, "[commands.now]\nargv = ['true']").await;

    for (group, name, near) in [
        ("sources", "gitlap", "gitlab"),
        ("rules", "ecco", "echo"),
        ("channels", "def", "dev"),
        ("commands", "noww", "now"),
    ] {
        for verb in ["pause", "resume"] {
            let error = desk.fails(6, &[group, verb, name]).await;
            assert!(error.contains(&format!("is it `{near}`?")), "{error}");
        }
        let error = desk.fails(6, &[group, "resume", near]).await;
        assert!(
            error.contains(&format!("`{near}` is not paused")),
            "{error}"
        );
    }
    let error = desk
        .fails(6, &["rules", "pause", "payments/10-route"])
        .await;
    assert!(error.contains("`hookbox rules list` lists them"), "{error}");
    for (path, status, code) in [
        (
            "pause?what=rule&name=nobody",
            StatusCode::NOT_FOUND,
            "api/not-found",
        ),
        (
            "resume?what=rule&name=echo",
            StatusCode::CONFLICT,
            "api/not-paused",
        ),
        (
            "pause?what=team&name=echo",
            StatusCode::BAD_REQUEST,
            "api/bad-request",
        ),
        (
            "pause?what=rule",
            StatusCode::BAD_REQUEST,
            "api/bad-request",
        ),
        (
            "pause?what=rule&name=echo&for=1h",
            StatusCode::BAD_REQUEST,
            "api/bad-request",
        ),
    ] {
        let found = desk
            .refused(Method::POST, &format!("/api/v1/{path}"), "")
            .await;
        assert_eq!(found, (status, code.to_owned()), "{path}");
    }
    let pauses = desk.server.get("/api/v1/pauses").await;
    assert_eq!(pauses, json!({ "pauses": [] }));
}

#[tokio::test]
async fn the_pause_of_what_is_gone_can_be_ended() {
    let receiver = Receiver::start().await;
    let desk = Desk::open(receiver.address, "").await;
    desk.says(&["rules", "pause", "other"]).await;

    for file in ["rules/other.wasm", "rules/other.toml"] {
        std::fs::remove_file(desk.site.path().join(file)).expect("it is there");
    }
    eventually("it is gone", || async {
        let rule = desk.server.rule("other").await;
        rule.is_none().then_some(()).ok_or(format!("{rule:?}"))
    })
    .await;
    let listed = desk.says(&["rules", "list"]).await;
    let pauses = desk.server.get("/api/v1/pauses").await;
    let resumed = desk.json(&["rules", "resume", "other"]).await;

    assert!(
        listed.contains("other is gone, and paused since"),
        "{listed}"
    );
    assert_eq!(pauses["pauses"][0]["exists"], false);
    assert_eq!(resumed["replayed"]["events"], 0);
    assert_eq!(
        desk.server.get("/api/v1/pauses").await,
        json!({ "pauses": [] })
    );
}
