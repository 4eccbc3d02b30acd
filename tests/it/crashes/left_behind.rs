//! What an earlier server left behind: events that nobody evaluated, events that crashed every server
//! that touched them, and what an orderly end had in hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use hookbox::domain::clock::{Clock as _, SystemClock};
use hookbox::domain::event::Event;
use hookbox::domain::names::{DeliveryId, SourceName};
use hookbox::store::sqlite::Sqlite;
use hookbox::store::{Accepted, Delivery, Store, Survivors};
use tokio::task::JoinSet;

use super::GITLAB;
use crate::support::events::{Refused, Stream, evaluated_by, push_of_its_own, sample};
use crate::support::modules::{echo_settings, marked};
use crate::support::receiver::Receiver;
use crate::support::server::Site;
use crate::support::{eventually, guest};

/// The store of a site whose server does not run.
fn store(site: &Site) -> Arc<dyn Store> {
    let data = site.path().join("data");
    Arc::new(Sqlite::open(&data, Arc::new(SystemClock)).expect("the store opens"))
}

/// Commits a push as the server does before it answers `202`.
async fn accept(store: &Arc<dyn Store>) -> DeliveryId {
    let now = SystemClock.now();
    let id = DeliveryId::generate();
    let headers = [
        ("content-type", "application/json"),
        ("x-gitlab-event", sample("push").event_header),
    ];
    let accepted = store.accept(Delivery {
        id: id.clone(),
        source: SourceName::parse("gitlab").expect("a name"),
        provider: "gitlab".to_owned(),
        received_at: now,
        received_local: now.to_string(),
        remote_address: None,
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        query: None,
        body: Bytes::from(push_of_its_own()),
        secret: None,
        keys: Vec::new(),
    });
    assert_eq!(accepted.await.expect("it is kept"), Accepted::New);
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_events_wait_for_twenty_rules_and_an_empty_cache() {
    const EVENTS: usize = 1_000;
    const RULES: usize = 20;
    let site = Site::new(Site::CONFIG);
    let store = store(&site);
    let mut tasks = JoinSet::new();
    for _ in 0..EVENTS {
        let store = Arc::clone(&store);
        tasks.spawn(async move { accept(&store).await });
    }
    let accepted = tasks.join_all().await;
    drop(store);
    let names: Vec<String> = (0..RULES)
        .map(|number| format!("echo-{number:02}"))
        .collect();
    for name in &names {
        site.put(
            &format!("rules/{name}.toml"),
            echo_settings(name).as_bytes(),
        );
        let module = marked(&guest("echo"), name);
        site.put(&format!("rules/{name}.wasm"), &module);
    }
    assert!(!site.path().join("data/cache").exists());

    let server = site.serve_with(&["--shadow"]).await;
    server.idle().await;

    let mut modules = BTreeMap::new();
    for id in &accepted {
        let record = server.record(&id.0).await;
        assert_eq!(record["record"]["state"], "done", "{record}");
        assert_eq!(evaluated_by(&record), names);
        for evaluation in record["record"]["evaluations"].as_array().expect("a list") {
            let module = evaluation["evaluation"]["module"].to_string();
            *modules.entry(module).or_insert(0) += 1;
        }
    }
    assert_eq!(modules.len(), RULES);
    assert!(
        modules.values().all(|number| *number == EVENTS),
        "{modules:?}"
    );
    assert_eq!(server.events().await.len(), EVENTS);
}

#[tokio::test]
async fn an_event_in_flight_at_three_crashes_is_set_aside_and_the_rest_goes_on() {
    let site = Site::new(Site::CONFIG);
    site.put("rules/echo.toml", echo_settings("echo").as_bytes());
    site.put("rules/echo.wasm", &guest("echo"));
    let before = store(&site);
    let bad = accept(&before).await;
    let claimed = before.claim_deliveries("first", 1).await;
    assert_eq!(claimed.expect("a claim").len(), 1);
    let mut event: Event = serde_json::from_str(sample("push").event).expect("an event");
    event.id = bad.event(0);
    let split = before.split("first", &bad, vec![event]).await;
    assert_eq!(split.expect("it is split").len(), 1);
    for owner in ["second", "third"] {
        let recovered = before.recover(owner, Survivors::None).await;
        recovered.expect("what a crash left is taken over");
        let claimed = before.claim_events(owner, 1).await.expect("a claim");
        assert_eq!(claimed.len(), 1);
    }
    let good = accept(&before).await;
    drop(before);

    let server = site.serve().await;
    let rest = server.settled(&good.0).await;
    let stuck = server.record(&bad.0).await;
    let status = server.get("/api/v1/status").await;
    assert_eq!(server.terminate().await, Some(0));
    let again = site.serve().await;
    again.rule_in_state("echo", "active").await;
    let still = again.record(&bad.0).await;

    assert_eq!(evaluated_by(&rest), ["echo"]);
    assert_eq!(stuck["record"]["state"], "stuck", "{stuck}");
    assert!(evaluated_by(&stuck).is_empty(), "{stuck}");
    assert_eq!(status["backlog"]["stuck"], 1, "{status}");
    assert_eq!(still["record"]["state"], "stuck", "{still}");
}

#[tokio::test]
async fn a_delivery_in_flight_at_three_crashes_is_set_aside_and_the_rest_goes_on() {
    let site = Site::new(Site::CONFIG);
    let before = store(&site);
    let bad = accept(&before).await;
    for owner in ["first", "second", "third"] {
        let recovered = before.recover(owner, Survivors::None).await;
        recovered.expect("what a crash left is taken over");
        let claimed = before.claim_deliveries(owner, 1).await.expect("a claim");
        assert_eq!(claimed.len(), 1);
    }
    let good = accept(&before).await;
    drop(before);

    let server = site.serve().await;
    server.settled(&good.0).await;
    let stuck = server.record(&bad.0).await;
    let status = server.get("/api/v1/status").await;

    assert_eq!(stuck["pending"], true, "{stuck}");
    assert_eq!(status["backlog"]["stuck"], 1, "{status}");
    assert_eq!(server.events().await, [good.0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_under_load_ends_in_order_and_what_was_accepted_is_there_at_the_next_start() {
    let receiver = Receiver::start().await;
    let channel = format!(
        "[channels.console]\nkind = 'http'\nurl = 'http://{}/'",
        receiver.address
    );
    let site = Site::new(&format!("{GITLAB}\n{channel}"));
    site.put("rules/echo.toml", echo_settings("echo").as_bytes());
    site.put("rules/echo.wasm", &guest("echo"));
    let server = site.serve().await;
    let stream = Stream::start(&server, 4, Refused::Ends);
    eventually("messages arrive", || async {
        match receiver.received().len() {
            100.. => Ok(()),
            few => Err(format!("{few} messages")),
        }
    })
    .await;

    let code = server.terminate().await;
    let accepted = stream.end().await;
    let server = site.serve().await;
    server.idle().await;

    assert_eq!(code, Some(0));
    assert!(accepted.len() >= 100, "{} events", accepted.len());
    let mut messages = BTreeMap::new();
    for message in receiver.received() {
        *messages.entry(message.key()).or_insert(0) += 1;
    }
    for event in &accepted {
        let record = server.record(event).await;
        assert_eq!(record["record"]["state"], "done", "{record}");
        assert_eq!(evaluated_by(&record), ["echo"]);
        assert_eq!(
            messages.get(&format!("{event}/0/echo/0")),
            Some(&1),
            "{record}"
        );
    }
    let status = server.get("/api/v1/status").await;
    assert_eq!(status["backlog"]["stuck"], 0, "{status}");
}
