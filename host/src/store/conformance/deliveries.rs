//! Deliveries: keys, duplicates, claims, and their split into events.

use std::time::Duration;

use super::bench::{
    Bench, START, WEEK, WORKER, delivery, delivery_id, delivery_with_keys, event, event_id, notify,
    source,
};
use crate::store::{Accepted, Delivery, EventState, StoreError};

fn duplicate_of(name: &str) -> Accepted {
    Accepted::Duplicate {
        first: delivery_id(name),
    }
}

async fn claimed_names(bench: &Bench, owner: &str, limit: usize) -> Vec<String> {
    let claimed = bench.store().claim_deliveries(owner, limit).await;
    let claimed = claimed.expect("a claim");
    claimed
        .into_iter()
        .map(|claimed| claimed.delivery.id.0)
        .collect()
}

pub(super) async fn a_delivery_is_read_back_as_it_was_accepted(bench: Bench) {
    let given = Delivery {
        query: Some("a=b".to_owned()),
        body: vec![0, 159, 146, 150].into(),
        ..delivery_with_keys("d", &["id:1"])
    };

    let accepted = bench
        .store()
        .accept(given.clone())
        .await
        .expect("it is accepted");

    let expected = Delivery {
        keys: Vec::new(),
        ..given
    };
    assert_eq!(accepted, Accepted::New);
    let read = bench.store().delivery(&delivery_id("d")).await;
    assert_eq!(read.expect("the delivery"), expected);
    let claimed = bench
        .store()
        .claim_deliveries(WORKER, 1)
        .await
        .expect("a claim");
    assert_eq!(claimed[0].delivery, expected);
    let missing = bench.store().delivery(&delivery_id("other")).await;
    let error = missing.expect_err("it was never accepted").to_string();
    assert_eq!(error, "there is no delivery `other`");
}

pub(super) async fn a_delivery_is_a_duplicate_by_any_of_its_keys(bench: Bench) {
    let store = bench.store();
    let first = delivery_with_keys("first", &["id:1", "body:x"]);
    store.accept(first).await.expect("it is accepted");

    let same_id = store
        .accept(delivery_with_keys("b", &["id:1", "body:y"]))
        .await;
    let same_body = store
        .accept(delivery_with_keys("c", &["id:2", "body:x"]))
        .await;
    let neither = store
        .accept(delivery_with_keys("d", &["id:2", "body:y"]))
        .await;

    assert_eq!(same_id.expect("an answer"), duplicate_of("first"));
    assert_eq!(same_body.expect("an answer"), duplicate_of("first"));
    assert_eq!(neither.expect("an answer"), Accepted::New);
    assert_eq!(claimed_names(&bench, WORKER, 10).await, ["first", "d"]);
}

pub(super) async fn a_delivery_accepted_again_is_its_own_duplicate(bench: Bench) {
    bench
        .store()
        .accept(delivery("d"))
        .await
        .expect("it is accepted");

    let again = bench.store().accept(delivery("d")).await;

    assert_eq!(again.expect("an answer"), duplicate_of("d"));
    assert_eq!(claimed_names(&bench, WORKER, 10).await, ["d"]);
}

pub(super) async fn a_key_counts_for_its_source_alone(bench: Bench) {
    let store = bench.store();
    store
        .accept(delivery_with_keys("a", &["id:1"]))
        .await
        .expect("it is accepted");
    let elsewhere = Delivery {
        source: source("github"),
        ..delivery_with_keys("b", &["id:1"])
    };

    let accepted = store.accept(elsewhere).await;

    assert_eq!(accepted.expect("an answer"), Accepted::New);
}

pub(super) async fn a_key_no_longer_counts_after_it_expired(bench: Bench) {
    let store = bench.store();
    store
        .accept(delivery_with_keys("a", &["id:1"]))
        .await
        .expect("it is accepted");

    bench.advance(WEEK - Duration::from_millis(1));
    let before = store.accept(delivery_with_keys("b", &["id:1"])).await;
    bench.advance(Duration::from_millis(1));
    store
        .heartbeat(WORKER, Duration::from_secs(30))
        .await
        .expect("a heartbeat");
    let after = store.accept(delivery_with_keys("c", &["id:1"])).await;

    assert_eq!(before.expect("an answer"), duplicate_of("a"));
    assert_eq!(after.expect("an answer"), Accepted::New);
}

pub(super) async fn an_expired_key_counts_for_the_delivery_that_took_it_over(bench: Bench) {
    let store = bench.store();
    store
        .accept(delivery_with_keys("old", &["id:1"]))
        .await
        .expect("it is accepted");
    bench.advance(WEEK);
    let mut new = delivery_with_keys("new", &["id:1"]);
    new.keys[0].expires_at = START.after(WEEK * 2);
    store.accept(new).await.expect("it is accepted");

    let again = store.accept(delivery_with_keys("again", &["id:1"])).await;

    assert_eq!(again.expect("an answer"), duplicate_of("new"));
}

pub(super) async fn deliveries_are_claimed_oldest_first_up_to_the_limit(bench: Bench) {
    for name in ["c", "a", "b"] {
        bench
            .store()
            .accept(delivery(name))
            .await
            .expect("it is accepted");
    }

    let none = claimed_names(&bench, WORKER, 0).await;
    let two = claimed_names(&bench, WORKER, 2).await;
    let rest = claimed_names(&bench, WORKER, 2).await;

    assert!(none.is_empty());
    assert_eq!(two, ["c", "a"]);
    assert_eq!(rest, ["b"]);
}

pub(super) async fn a_second_worker_never_claims_a_claimed_delivery(bench: Bench) {
    bench
        .store()
        .accept(delivery("d"))
        .await
        .expect("it is accepted");

    let first = claimed_names(&bench, "one", 10).await;
    let second = claimed_names(&bench, "two", 10).await;

    assert_eq!(first, ["d"]);
    assert!(second.is_empty());
}

pub(super) async fn a_split_delivery_is_not_claimed_again(bench: Bench) {
    bench.event_held_by(WORKER, "d").await;

    let claimed = claimed_names(&bench, WORKER, 10).await;
    let again = bench
        .store()
        .split(WORKER, &delivery_id("d"), vec![event("d.2")])
        .await;

    assert!(claimed.is_empty());
    assert!(matches!(again, Err(StoreError::ClaimLost { .. })));
}

pub(super) async fn a_delivery_may_hold_no_event(bench: Bench) {
    bench
        .store()
        .accept(delivery("d"))
        .await
        .expect("it is accepted");
    claimed_names(&bench, WORKER, 1).await;

    let events = bench
        .store()
        .split(WORKER, &delivery_id("d"), Vec::new())
        .await;

    assert!(events.expect("it is split").is_empty());
    let backlog = bench.store().backlog().await.expect("the backlog");
    assert_eq!((backlog.deliveries, backlog.events), (0, 0));
}

pub(super) async fn a_delivery_claimed_by_another_cannot_be_split(bench: Bench) {
    bench
        .store()
        .accept(delivery("d"))
        .await
        .expect("it is accepted");

    let unclaimed = bench
        .store()
        .split("two", &delivery_id("d"), vec![event("d")])
        .await;
    claimed_names(&bench, "one", 1).await;
    let anothers = bench
        .store()
        .split("two", &delivery_id("d"), vec![event("d")])
        .await;
    let unknown = bench
        .store()
        .split("two", &delivery_id("e"), vec![event("e")])
        .await;

    assert!(matches!(unclaimed, Err(StoreError::ClaimLost { .. })));
    let error = anothers.expect_err("another has it").to_string();
    assert_eq!(error, "the claim on delivery `d` is no longer held");
    assert!(matches!(unknown, Err(StoreError::NotFound { .. })));
}

pub(super) async fn a_split_that_fails_leaves_the_delivery_claimed(bench: Bench) {
    let store = bench.store();
    bench.event_held_by(WORKER, "earlier").await;
    store.accept(delivery("d")).await.expect("it is accepted");
    claimed_names(&bench, WORKER, 1).await;

    let clashing = vec![event("d"), event("earlier")];
    let failed = store.split(WORKER, &delivery_id("d"), clashing).await;
    let events = store
        .split(WORKER, &delivery_id("d"), vec![event("d")])
        .await;

    assert!(matches!(failed, Err(StoreError::Database { .. })));
    assert_eq!(events.expect("it is split").len(), 1);
}

pub(super) async fn what_was_answered_survives_reopening(mut bench: Bench) {
    bench
        .store()
        .accept(delivery_with_keys("a", &["id:1"]))
        .await
        .expect("it is accepted");
    claimed_names(&bench, "another", 1).await;
    let action = bench.unfinished("b", vec![notify("b", 0)]).await[0];

    bench.reopen();

    let store = bench.store();
    let again = store.accept(delivery_with_keys("c", &["id:1"])).await;
    assert_eq!(again.expect("an answer"), duplicate_of("a"));
    let record = store.event(Some(&event_id("b"))).await.expect("the event");
    assert_eq!(record.state, EventState::Running);
    assert_eq!(record.evaluations.len(), 1);
    assert_eq!(record.actions[0].id, action);
}

pub(super) async fn events_are_numbered_in_the_order_of_their_deliveries(bench: Bench) {
    for name in ["a", "b", "c"] {
        bench
            .store()
            .accept(delivery(name))
            .await
            .expect("it is accepted");
    }
    claimed_names(&bench, WORKER, 9).await;

    let mut sequences = Vec::new();
    for (name, events) in [("c", vec!["c"]), ("a", vec!["a", "a.2"]), ("b", vec!["b"])] {
        let events = events.into_iter().map(event).collect();
        let split = bench
            .store()
            .split(WORKER, &delivery_id(name), events)
            .await;
        for claimed in split.expect("it is split") {
            sequences.push((claimed.sequence, claimed.event.id.0));
        }
    }

    sequences.sort();
    let order: Vec<&str> = sequences.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(order, ["a", "a.2", "b", "c"]);
}
