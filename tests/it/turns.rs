//! Ten deploys of one key, for each value of `when_busy`.

use std::path::Path;

use serde_json::Value;

use crate::support::events::{push_of_its_own, send_push, text};
use crate::support::server::{Server, Site};
use crate::support::{eventually, rule};

/// How many events come while the first command runs, and itself.
const EVENTS: usize = 10;

/// A command that writes down when it begins and ends, and ends when it may. What holds the lock is seen by
/// another that begins.
const SCRIPT: &str = "
    exec 9>lock
    flock -n 9 || echo overlap >>runs
    echo begin $2 >>runs
    echo $$ >>pids
    while ! test -e go; do sleep 0.02; done
    echo end $2 >>runs
";

fn site(when_busy: &str) -> Site {
    Site::new(&format!(
        r#"
        [sources.gitlab]
        provider = "gitlab"
        secret = {{ file = "secret" }}

        [shared]
        sources = ["*"]
        commands = ["*"]

        [commands.deploy-site]
        argv = ["/bin/sh", "-c", '''{SCRIPT}''', "deploy", "{{branch}}", "{{commit}}"]
        parameters.branch = {{ pattern = "main" }}
        parameters.commit = {{ pattern = "[0-9a-f]{{40}}" }}
        concurrency = {{ key = "{{branch}}", when_busy = "{when_busy}" }}
        cwd = "."
        grace = "1s"
        "#
    ))
}

fn put_rule(site: &Site) {
    let settings = b"[settings]\ncommand = 'deploy-site'";
    site.put("rules/deploy-on-main.toml", settings);
    site.put("rules/deploy-on-main.wasm", &rule("deploy-on-main"));
}

fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// What the commands wrote down: each begin or end with the number of its event.
fn runs(site: &Site, commits: &[String]) -> Vec<String> {
    let number = |line: &str| {
        let (word, commit) = line.split_once(' ').unwrap_or((line, ""));
        let place = commits.iter().position(|known| known == commit);
        place.map_or_else(|| line.to_owned(), |place| format!("{word} {place}"))
    };
    lines(&site.path().join("runs"))
        .iter()
        .map(|line| number(line))
        .collect()
}

async fn send(server: &Server) -> (String, String) {
    let body = push_of_its_own();
    let value: Value = serde_json::from_str(&body).expect("JSON");
    let commit = text(&value["after"]);
    let key = uuid::Uuid::now_v7().to_string();
    let sent = send_push(&server.http, &server.public, &key, body).await;
    let (status, event) = sent.expect("the server answers");
    assert_eq!(status, 202);
    (event, commit)
}

async fn run_of(site: &Site, commits: &[String], number: usize) {
    let begin = format!("begin {number}");
    eventually(&format!("the run of event {number} has begun"), || async {
        let runs = runs(site, commits);
        match runs.contains(&begin) {
            true => Ok(()),
            false => Err(format!("{runs:?}")),
        }
    })
    .await;
}

/// Sends ten events for one key: the first, and, once its command runs, the others. Returns when all of them
/// have been evaluated.
async fn ten(site: &Site, server: &Server) -> (Vec<String>, Vec<String>) {
    server.rule_in_state("deploy-on-main", "active").await;
    let (event, commit) = send(server).await;
    let (mut events, mut commits) = (vec![event], vec![commit]);
    run_of(site, &commits, 0).await;
    for _ in 1..EVENTS {
        let (event, commit) = send(server).await;
        events.push(event);
        commits.push(commit);
    }
    for event in &events {
        eventually("the event is evaluated", || async {
            let record = server.get(&format!("/api/v1/events/{event}")).await;
            match record["record"]["state"] == "done" {
                true => Ok(()),
                false => Err(record.to_string()),
            }
        })
        .await;
    }
    (events, commits)
}

/// The action of each event, once all have ended.
async fn actions(server: &Server, events: &[String]) -> Vec<Value> {
    let mut actions = Vec::new();
    for event in events {
        let record = server.settled(event).await;
        actions.push(record["record"]["actions"][0].clone());
    }
    actions
}

fn states(actions: &[Value]) -> Vec<String> {
    actions
        .iter()
        .map(|action| text(&action["state"]))
        .collect()
}

fn begins_and_ends(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    let lines = |number| [format!("begin {number}"), format!("end {number}")];
    numbers.into_iter().flat_map(lines).collect()
}

#[tokio::test]
async fn queued_runs_follow_one_another_in_the_order_of_the_events() {
    let site = site("queue");
    put_rule(&site);
    let server = site.serve().await;
    let (events, commits) = ten(&site, &server).await;
    site.put("go", b"");

    assert_eq!(states(&actions(&server, &events).await), ["done"; EVENTS]);
    assert_eq!(runs(&site, &commits), begins_and_ends(0..EVENTS));
}

#[tokio::test]
async fn of_the_latest_the_first_and_the_last_run() {
    let site = site("latest");
    put_rule(&site);
    let server = site.serve().await;
    let (events, commits) = ten(&site, &server).await;
    site.put("go", b"");

    let actions = actions(&server, &events).await;
    assert_eq!(runs(&site, &commits), begins_and_ends([0, EVENTS - 1]));
    let mut expected = vec!["superseded"; EVENTS];
    (expected[0], expected[EVENTS - 1]) = ("done", "done");
    assert_eq!(states(&actions), expected);
    for action in &actions[1..EVENTS - 1] {
        assert!(action["caused-by"].is_string(), "{action}");
    }
}

#[tokio::test]
async fn a_run_that_is_canceled_leaves_nothing_behind_and_the_last_stands() {
    let site = site("cancel");
    put_rule(&site);
    let server = site.serve().await;
    let (events, commits) = ten(&site, &server).await;
    run_of(&site, &commits, EVENTS - 1).await;

    let pids = lines(&site.path().join("pids"));
    let (last, others) = pids.split_last().expect("commands ran");
    for pid in others {
        assert!(!Path::new("/proc").join(pid).exists(), "{pid} is alive");
    }
    assert!(Path::new("/proc").join(last).exists());
    site.put("go", b"");

    let actions = actions(&server, &events).await;
    assert_eq!(actions[EVENTS - 1]["state"], "done");
    assert_eq!(actions[0]["state"], "canceled", "{}", actions[0]);
    for action in &actions[..EVENTS - 1] {
        let state = text(&action["state"]);
        assert!(state == "canceled" || state == "superseded", "{action}");
        assert!(action["caused-by"].is_string(), "{action}");
    }
    let runs = runs(&site, &commits);
    let ended: Vec<_> = runs.iter().filter(|line| line.starts_with("end")).collect();
    assert_eq!(ended, [&format!("end {}", EVENTS - 1)]);
    assert!(!runs.contains(&"overlap".to_owned()), "{runs:?}");
}

#[tokio::test]
async fn what_is_rejected_is_on_record_with_the_reason() {
    let site = site("reject");
    put_rule(&site);
    let server = site.serve().await;
    let (events, commits) = ten(&site, &server).await;
    site.put("go", b"");

    let actions = actions(&server, &events).await;
    assert_eq!(runs(&site, &commits), begins_and_ends([0]));
    assert_eq!(actions[0]["state"], "done");
    for action in &actions[1..] {
        assert_eq!(action["state"], "refused", "{action}");
        let detail = text(&action["detail"]);
        assert!(detail.contains("when_busy = \"reject\""), "{detail}");
        assert_eq!(action["caused-by"], actions[0]["key"]);
    }
}

#[tokio::test]
async fn evaluated_in_reverse_order_the_newest_commit_is_what_is_deployed() {
    for when_busy in ["queue", "latest", "cancel"] {
        let site = site(when_busy);
        site.put("go", b"");
        let server = site.serve().await;
        let (mut events, mut commits) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let (event, commit) = send(&server).await;
            server.settled(&event).await;
            events.push(event);
            commits.push(commit);
        }
        put_rule(&site);
        server.rule_in_state("deploy-on-main", "active").await;

        for event in events.iter().rev() {
            server
                .post(&format!("/api/v1/events/replay?id={event}"))
                .await;
            eventually("it is evaluated again", || async {
                let record = server.settled(event).await;
                match record["record"]["actions"].as_array().map(Vec::len) {
                    Some(1) => Ok(()),
                    _ => Err(record.to_string()),
                }
            })
            .await;
        }

        assert_eq!(runs(&site, &commits), begins_and_ends([2]), "{when_busy}");
        let states = states(&actions(&server, &events).await);
        assert_eq!(states, ["superseded", "superseded", "done"], "{when_busy}");
    }
}
