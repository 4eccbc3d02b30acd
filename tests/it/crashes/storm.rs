//! Two hundred crashes at random moments, under load, in one data folder.
//!
//! The next server starts at once, while what the last one ran may still be about to end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::{DEPLOY_SETTINGS, GITLAB, lines};
use crate::support::events::{evaluated_by, push_of_its_own, send_push, text};
use crate::support::receiver::Receiver;
use crate::support::server::{Server, Site};
use crate::support::{eventually, guest, rule};

const KILLS: usize = 200;

const TASKS: usize = 4;

/// The most that a round lasts, from the moment when the server listens.
const ROUND_MS: u64 = 500;

/// Numbers that follow from a seed.
struct Random(u64);

impl Random {
    /// A number below a bound (`SplitMix64`).
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// What the senders and the test share.
struct Load {
    /// Where the server listens, while one does.
    address: watch::Sender<Option<String>>,
    /// How many more events may be sent.
    allowed: Semaphore,
    /// How many were answered.
    answered: watch::Sender<usize>,
    /// How many servers were killed.
    kills: watch::Sender<usize>,
}

/// An event that was answered, and how many kills there had been then.
type Answered = (String, usize);

/// Sends events, each under its own key and again and again until it is answered.
async fn send(load: Arc<Load>, http: reqwest::Client) -> Vec<Answered> {
    let mut answered = Vec::new();
    while let Ok(turn) = load.allowed.acquire().await {
        turn.forget();
        let (key, body) = (uuid::Uuid::now_v7().to_string(), push_of_its_own());
        let id = eventually("the event is answered", || async {
            let address = load.address.borrow().clone();
            let public = address.ok_or("no server runs")?;
            match send_push(&http, &public, &key, body.clone()).await {
                Ok((status, id)) if status.is_success() => Ok(id),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        answered.push((id, *load.kills.borrow()));
        load.answered.send_modify(|answered| *answered += 1);
    }
    answered
}

fn site(receiver: &Receiver) -> Site {
    let site = Site::new(&format!(
        r#"{GITLAB}
        [channels.hook]
        kind = "http"
        url = "http://{}/"

        [commands.deploy-site]
        argv = ["/bin/sh", "-c", '''
            exec 9>lock
            flock -n 9 || echo "overlap $HOOKBOX_IDEMPOTENCY_KEY" >>runs
            echo "begin $HOOKBOX_IDEMPOTENCY_KEY" >>runs
            sleep 0.03
            echo "end $HOOKBOX_IDEMPOTENCY_KEY" >>runs
        ''', "deploy", "{{branch}}", "{{commit}}"]
        parameters.branch = {{ pattern = "main" }}
        parameters.commit = {{ pattern = "[0-9a-f]{{40}}" }}
        concurrency.key = "{{branch}}"
        cwd = "."
        grace = "1s"
        report_channel = "hook"
        "#,
        receiver.address
    ));
    site.put("rules/echo.toml", b"[settings]\nchannel = 'hook'");
    site.put("rules/echo.wasm", &guest("echo"));
    site.put("rules/deploy-on-main.toml", DEPLOY_SETTINGS);
    site.put("rules/deploy-on-main.wasm", &rule("deploy-on-main"));
    site
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_crashes_lose_nothing_and_let_no_two_commands_of_a_key_meet() {
    let mut random = Random(uuid::Uuid::now_v7().as_u64_pair().1);
    eprintln!("the seed of the random moments: {}", random.0);
    let receiver = Receiver::start().await;
    let site = site(&receiver);
    let load = Arc::new(Load {
        address: watch::Sender::new(None),
        allowed: Semaphore::new(0),
        answered: watch::Sender::new(0),
        kills: watch::Sender::new(0),
    });
    let first = site.serve().await;
    for rule in ["deploy-on-main", "echo"] {
        first.rule_in_state(rule, "active").await;
    }
    let mut senders = JoinSet::new();
    for _ in 0..TASKS {
        senders.spawn(send(Arc::clone(&load), first.http.clone()));
    }
    assert_eq!(first.terminate().await, Some(0));

    for _ in 0..KILLS {
        let server = site.serve().await;
        load.address.send_replace(Some(server.public.clone()));
        let events = 5 + random.below(6);
        load.allowed
            .add_permits(usize::try_from(events).expect("it is small"));
        let moment = Duration::from_millis(random.below(ROUND_MS));
        // Nothing else ends a round: at its random moment it is over.
        let pending = std::future::pending::<()>();
        let _moment = tokio::time::timeout(moment, pending).await;
        load.address.send_replace(None);
        server.kill();
        load.kills.send_modify(|kills| *kills += 1);
    }
    load.allowed.close();
    let server = site.serve().await;
    load.address.send_replace(Some(server.public.clone()));
    let answered: Vec<Answered> = senders.join_all().await.into_iter().flatten().collect();
    server.idle().await;
    // What was in hand at three crashes was set aside, and a person has it evaluated again.
    server.post("/api/v1/events/replay?state=stuck").await;
    server.idle().await;

    check(&site, &server, &receiver, &answered).await;
}

/// What reached the outside, by idempotency key.
struct Outside {
    messages: BTreeMap<String, usize>,
    begun: BTreeMap<String, usize>,
    ended: BTreeMap<String, usize>,
}

fn counted(keys: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for key in keys {
        *counts.entry(key).or_default() += 1;
    }
    counts
}

async fn check(site: &Site, server: &Server, receiver: &Receiver, answered: &[Answered]) {
    let runs = lines(&site.path().join("runs"));
    let with = |word: &str| {
        let keys = runs.iter().filter_map(|line| line.strip_prefix(word));
        counted(keys.map(str::to_owned))
    };
    let outside = Outside {
        messages: counted(receiver.received().iter().map(|message| message.key())),
        begun: with("begin "),
        ended: with("end "),
    };
    let overlaps = with("overlap ");
    assert!(
        overlaps.is_empty(),
        "two ran at the same time: {overlaps:?}"
    );
    let (mut keys, mut tally) = (BTreeSet::new(), BTreeMap::new());
    let mut count = |what: &str| *tally.entry(what.to_owned()).or_insert(0) += 1;
    for (event, kills) in answered {
        let record = server.record(event).await;
        let state = text(&record["record"]["state"]);
        count(&format!("event {state}"));
        assert_eq!(state, "done", "after {kills} kills: {record}");
        let run = record["record"]["run"].as_u64().expect("a number");
        let actions = record["record"]["actions"].as_array().expect("a list");
        for action in actions {
            count(&check_action(action, &outside));
            keys.insert(text(&action["key"]));
        }
        count(&format!("event at run {run}"));
        if run == 0 {
            assert_eq!(evaluated_by(&record), ["deploy-on-main", "echo"]);
        }
        for rule in ["deploy-on-main", "echo"] {
            let key = format!("{event}/{run}/{rule}/0");
            let found = actions.iter().filter(|action| action["key"] == *key);
            assert_eq!(found.count(), 1, "{record}");
        }
    }
    let interrupted = tally.get("command interrupted").copied();
    assert!(interrupted > Some(0), "no crash hit a command: {tally:?}");
    let stored: BTreeSet<String> = server.events().await.into_iter().collect();
    let known: BTreeSet<String> = answered.iter().map(|(event, _)| event.clone()).collect();
    assert_eq!(known.len(), answered.len(), "an event was answered twice");
    assert!(stored.is_subset(&known), "more was stored than answered");
    let reached = outside.messages.keys().chain(outside.begun.keys());
    for key in reached {
        assert!(keys.contains(key), "`{key}` is on no record: {tally:?}");
    }
}

/// Checks that what reached the outside of an action is what its record says; returns how it ended.
fn check_action(action: &Value, outside: &Outside) -> String {
    let (key, state) = (text(&action["key"]), text(&action["state"]));
    let attempts = action["attempts"].as_array().expect("a list");
    let times = |counts: &BTreeMap<String, usize>| counts.get(&key).copied().unwrap_or(0);
    if action["action"]["notify"].is_object() {
        let messages = times(&outside.messages);
        assert!(messages <= attempts.len(), "{messages} times: {action}");
        assert!(messages >= 1, "it is missing: {action}");
        assert_eq!(state, "done", "{action}");
        return format!("message {state} after {}", attempts.len());
    }
    let (begun, ended) = (times(&outside.begun), times(&outside.ended));
    match state.as_str() {
        // A replay of an event that was set aside comes after those of later events.
        "superseded" => {
            assert!(
                attempts.is_empty() && action["caused-by"].is_string(),
                "{action}"
            );
            return "command superseded".to_owned();
        }
        _ => assert_eq!(attempts.len(), 1, "{action}"),
    }
    match state.as_str() {
        "done" => assert_eq!((begun, ended), (1, 1), "{action}"),
        "interrupted" => assert!(begun <= 1 && ended <= begun, "{action}"),
        _ => panic!("a command that is neither done nor interrupted: {action}"),
    }
    format!("command {state}")
}
