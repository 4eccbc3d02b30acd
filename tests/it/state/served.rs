//! What rules keep, with the real server: in order, over ends of all kinds, seen and cleared.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::events::{evaluations, push_of_its_own, send_push, text};
use crate::support::server::{Server, Site};
use crate::support::{guest, hookbox_with, stderr, stdout};

/// A folder with the guest `counter`, which may keep 64 KiB.
fn site() -> Site {
    let granted =
        Site::CONFIG.replace("commands = [\"*\"]", "commands = [\"*\"]\nstate = '256KiB'");
    let site = Site::new(&granted);
    site.put("rules/counter.wasm", &guest("counter"));
    site
}

/// Sends so many pushes from several tasks at once, and returns how many were accepted.
async fn send(server: &Server, number: usize) -> usize {
    const TASKS: usize = 8;
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (http, public) = (server.http.clone(), server.public.clone());
        tasks.spawn(async move {
            let mut accepted = 0;
            for _ in (task..number).step_by(TASKS) {
                let key = uuid::Uuid::now_v7().to_string();
                let sent = send_push(&http, &public, &key, push_of_its_own()).await;
                accepted += usize::from(sent.is_ok_and(|(status, _)| status.is_success()));
            }
            accepted
        });
    }
    tasks.join_all().await.into_iter().sum()
}

/// The reasons of the rule's decisions about all events, the first event first; each has been asked once.
async fn counted(server: &Server) -> Vec<(String, String)> {
    let mut events = server.events().await;
    events.reverse();
    let mut counted = Vec::new();
    for event in events {
        let record = server.record(&event).await;
        let evaluations = evaluations(&record);
        assert_eq!(evaluations.len(), 1, "{record}");
        let reason = text(&evaluations[0]["outcome"]["decided"]["reason"]);
        counted.push((event, reason));
    }
    counted
}

/// That the rule saw the events in their order, and what it kept of each when it saw the next.
fn assert_in_order(counted: &[(String, String)]) {
    let mut before = "nothing".to_owned();
    for (number, (event, reason)) in (1..).zip(counted) {
        assert_eq!(reason, &format!("{number} after {before}"));
        before.clone_from(event);
    }
}

async fn state(server: &Server) -> Value {
    server.get("/api/v1/rules/counter/state").await
}

/// What is kept for ever.
fn kept(state: &Value) -> BTreeMap<String, String> {
    let entries = state["entries"].as_array().expect("a list").iter();
    let for_ever = entries.filter(|entry| entry["expires-at"].is_null());
    for_ever
        .map(|entry| (text(&entry["key"]), text(&entry["value"])))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_counter_raised_by_a_thousand_events_is_a_thousand_and_saw_them_in_order() {
    let site = site();
    let server = site.serve().await;
    server.rule_in_state("counter", "active").await;

    assert_eq!(send(&server, 1_000).await, 1_000);
    server.idle().await;

    let counted = counted(&server).await;
    assert_eq!(counted.len(), 1_000);
    assert_in_order(&counted);
    let state = state(&server).await;
    assert_eq!(kept(&state)["seen"], "1000");
    assert_eq!(kept(&state)["last"], counted[999].0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_and_the_order_outlast_kills_at_any_moment() {
    let site = site();
    let server = site.serve().await;
    server.rule_in_state("counter", "active").await;
    server.kill();

    // What is in hand at a third crash is set aside.
    for _ in 0..2 {
        let server = site.serve().await;
        // What is sent is not all evaluated when the server is killed.
        send(&server, 100).await;
        server.kill();
    }
    let server = site.serve().await;
    server.idle().await;

    let counted = counted(&server).await;
    assert!(counted.len() >= 200, "{}", counted.len());
    assert_in_order(&counted);
    assert_eq!(
        kept(&state(&server).await)["seen"],
        counted.len().to_string()
    );
}

#[tokio::test]
async fn a_shadow_sees_what_is_kept_and_keeps_nothing() {
    let site = site();
    let server = site.serve().await;
    server.rule_in_state("counter", "active").await;
    let first = server.send_sample("push").await;
    server.settled(&first).await;

    server
        .post("/api/v1/rules/wish?rule=counter&wish=shadow")
        .await;
    let shadowed = server.send_sample("push").await;
    server.settled(&shadowed).await;
    assert_eq!(server.terminate().await, Some(0));
    let server = site.serve_with(&["--shadow"]).await;
    // Nothing can be wanted of a rule before the folder was looked at.
    server.rule_in_state("counter", "shadow").await;
    server
        .post("/api/v1/rules/wish?rule=counter&wish=enable")
        .await;
    server.rule_in_state("counter", "active").await;
    let serve_shadow = server.send_sample("push").await;
    server.settled(&serve_shadow).await;

    let counted: Vec<String> = counted(&server)
        .await
        .into_iter()
        .map(|one| one.1)
        .collect();
    let second = format!("2 after {first}");
    assert_eq!(counted, ["1 after nothing", &second, &second]);
    assert_eq!(kept(&state(&server).await)["seen"], "1");
}

#[tokio::test]
async fn a_dry_run_sees_what_is_kept_and_a_replay_goes_on_from_it() {
    let site = site();
    let server = site.serve().await;
    server.rule_in_state("counter", "active").await;
    let event = server.send_sample("push").await;
    server.settled(&event).await;
    let replay = format!("/api/v1/events/replay?id={event}");

    let dry = server.post(&format!("{replay}&dry_run=true")).await;
    let before = kept(&state(&server).await);
    server.post(&replay).await;
    server.idle().await;
    let record = server.settled(&event).await;

    let again = format!("2 after {event}");
    assert!(dry.to_string().contains(&again), "{dry}");
    assert_eq!(before["seen"], "1");
    let outcome = &evaluations(&record)[1]["outcome"];
    assert_eq!(outcome["decided"]["reason"], json!(again));
    assert_eq!(kept(&state(&server).await)["seen"], "2");
}

#[tokio::test]
async fn what_a_rule_keeps_is_shown_and_cleared_and_stays_with_its_name() {
    let site = site();
    let server = site.serve().await;
    server.rule_in_state("counter", "active").await;
    let event = server.send_sample("push").await;
    server.settled(&event).await;
    let token = [("HOOKBOX_TOKEN", server.token.as_str())];
    let run = |arguments: &[&str]| {
        let server = ["--server", server.admin.as_str()];
        let arguments = [&["rules", "state", "counter"], arguments, &server].concat();
        hookbox_with(site.path(), &arguments, &token)
    };

    let table = stdout(&run(&[]));
    let shown: Value = serde_json::from_slice(&run(&["--json"]).stdout).expect("JSON");
    site.put("rules/counter.toml", b"[settings]\n");
    let unknown = run(&["--clear", "nothing"]);
    let one = stdout(&run(&["--clear", "seen"]));
    let second = server.send_sample("push").await;
    let record = server.settled(&second).await;
    let all = stdout(&run(&["--clear"]));
    let empty = stdout(&run(&[]));

    assert!(
        table.contains("seen") && table.contains("of 256KiB"),
        "{table}"
    );
    assert_eq!(shown["quota"], json!(256 << 10));
    assert_eq!(kept(&shown)["last"], event);
    assert_eq!(unknown.status.code(), Some(6), "{}", stderr(&unknown));
    assert!(stderr(&unknown).contains("`counter` keeps nothing under `nothing`"));
    assert!(one.contains("cleared `seen`"), "{one}");
    let reason = text(&evaluations(&record)[0]["outcome"]["decided"]["reason"]);
    assert_eq!(reason, format!("1 after {event}"));
    assert!(all.contains("cleared `last`"), "{all}");
    assert!(empty.contains("`counter` keeps nothing"), "{empty}");
}

#[tokio::test]
async fn units_with_and_without_a_state_are_each_evaluated_once() {
    let site = Site::new(
        "[sources.gitlab]\nprovider = 'gitlab'\nsecret = { file = 'secret' }\n\
         [channels.console]\nkind = 'console'\n\
         [teams.ada]\nsources = ['*']\nstate = '64KiB'\n\
         [teams.bob]\nsources = ['*']\nchannels = ['*']\n",
    );
    site.put("rules/ada/counter.wasm", &guest("counter"));
    site.put("rules/bob/echo.toml", b"[settings]\nchannel = 'console'");
    site.put("rules/bob/echo.wasm", &guest("echo"));
    let server = site.serve().await;
    for rule in ["ada/counter", "bob/echo"] {
        server.rule_in_state(rule, "active").await;
    }

    assert_eq!(send(&server, 50).await, 50);
    server.idle().await;
    let events = server.events().await;
    let mut counts = Vec::new();
    for event in events {
        let record = server.settled(&event).await;
        let evaluations = evaluations(&record);
        let of = |rule: &str| {
            let mut found = evaluations.iter().filter(|one| one["rule"] == rule);
            let one = found.next().expect("it was asked").to_owned();
            assert!(found.next().is_none(), "{record}");
            text(&one["outcome"]["decided"]["reason"])
        };
        assert_eq!(of("bob/echo"), "untagged");
        counts.push(of("ada/counter"));
    }

    let numbers: Vec<&str> = counts
        .iter()
        .rev()
        .filter_map(|reason| reason.split(' ').next())
        .collect();
    let expected: Vec<String> = (1..=50).map(|number: u32| number.to_string()).collect();
    assert_eq!(numbers, expected);
}
