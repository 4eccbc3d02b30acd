//! Events: their order, their claims, and their ends.

use super::bench::{Bench, WORKER, delivery, delivery_id, event, event_id};
use crate::domain::names::RuleName;
use crate::store::{EventState, SnapshotId, StoreError};

async fn claimed_names(bench: &Bench, owner: &str, limit: usize) -> Vec<String> {
    let claimed = bench.store().claim_events(owner, limit).await;
    let claimed = claimed.expect("a claim");
    claimed
        .into_iter()
        .map(|claimed| claimed.event.id.0)
        .collect()
}

async fn release(bench: &Bench, name: &str) {
    let released = bench.store().release_event(WORKER, &event_id(name)).await;
    released.expect("it is released");
}

pub(super) async fn events_get_sequence_numbers_in_their_order(bench: Bench) {
    let store = bench.store();
    store.accept(delivery("d")).await.expect("it is accepted");
    store.claim_deliveries(WORKER, 1).await.expect("a claim");

    let given = vec![event("d"), event("d.2"), event("d.3")];
    let events = store.split(WORKER, &delivery_id("d"), given.clone()).await;
    let later = bench.event_held_by(WORKER, "e").await;

    let events = events.expect("it is split");
    let read: Vec<_> = events.iter().map(|claimed| claimed.event.clone()).collect();
    assert_eq!(read, given);
    assert!(events.is_sorted_by(|one, next| one.sequence < next.sequence));
    assert!(events[2].sequence < later.sequence);
    assert_eq!(events[1].delivery, delivery_id("d"));
    assert_eq!((events[1].run, events[1].units.len()), (0, 0));
}

pub(super) async fn split_events_are_claimed_by_the_same_owner(bench: Bench) {
    bench.event_held_by(WORKER, "d").await;

    let claimed = claimed_names(&bench, "another", 10).await;

    assert!(claimed.is_empty());
    release(&bench, "d").await;
}

pub(super) async fn events_are_claimed_in_the_order_of_their_sequence_numbers(bench: Bench) {
    for name in ["b", "c", "a"] {
        bench.event_held_by(WORKER, name).await;
    }
    for name in ["a", "b", "c"] {
        release(&bench, name).await;
    }

    let two = claimed_names(&bench, "one", 2).await;
    let rest = claimed_names(&bench, "two", 10).await;

    assert_eq!(two, ["b", "c"]);
    assert_eq!(rest, ["a"]);
}

pub(super) async fn a_finished_event_is_done_with_its_snapshot(bench: Bench) {
    bench.event_held_by(WORKER, "d").await;
    let snapshot = bench.snapshot().await;

    let finished = bench
        .store()
        .finish_event(WORKER, &event_id("d"), 0, snapshot)
        .await;

    finished.expect("it is finished");
    let record = bench
        .store()
        .event(Some(&event_id("d")))
        .await
        .expect("the event");
    assert_eq!(record.state, EventState::Done);
    assert_eq!(record.snapshot, Some(snapshot));
    assert!(claimed_names(&bench, WORKER, 10).await.is_empty());
    let again = bench
        .store()
        .finish_event(WORKER, &event_id("d"), 0, snapshot)
        .await;
    assert!(matches!(again, Err(StoreError::ClaimLost { .. })));
}

pub(super) async fn a_released_event_is_claimed_again(bench: Bench) {
    let first = bench.event_held_by(WORKER, "d").await;

    release(&bench, "d").await;
    let claimed = bench.store().claim_events("another", 10).await;

    assert_eq!(claimed.expect("a claim"), [first]);
}

pub(super) async fn an_event_claimed_by_another_is_neither_finished_nor_released(bench: Bench) {
    bench.event_held_by("one", "d").await;
    let snapshot = bench.snapshot().await;

    let finished = bench
        .store()
        .finish_event("two", &event_id("d"), 0, snapshot)
        .await;
    let released = bench.store().release_event("two", &event_id("d")).await;

    assert!(matches!(finished, Err(StoreError::ClaimLost { .. })));
    assert!(matches!(released, Err(StoreError::ClaimLost { .. })));
}

pub(super) async fn an_event_is_not_finished_for_another_run(bench: Bench) {
    bench.event_held_by(WORKER, "d").await;
    let snapshot = bench.snapshot().await;

    let finished = bench
        .store()
        .finish_event(WORKER, &event_id("d"), 1, snapshot)
        .await;

    assert!(matches!(finished, Err(StoreError::ClaimLost { .. })));
}

pub(super) async fn an_event_is_not_finished_with_an_unknown_snapshot(bench: Bench) {
    bench.event_held_by(WORKER, "d").await;

    let finished = bench
        .store()
        .finish_event(WORKER, &event_id("d"), 0, SnapshotId(99))
        .await;

    let error = finished.expect_err("no such snapshot").to_string();
    assert_eq!(error, "there is no snapshot `99`");
    let record = bench.store().event(None).await.expect("the event");
    assert_eq!(record.state, EventState::Running);
}

pub(super) async fn the_newest_event_is_found_without_an_identifier(bench: Bench) {
    let empty = bench.store().event(None).await;
    bench.event_held_by(WORKER, "b").await;
    bench.event_held_by(WORKER, "a").await;

    let newest = bench.store().event(None).await.expect("the event");

    assert_eq!(
        empty.expect_err("none is there").to_string(),
        "there is no event"
    );
    assert_eq!(newest.event, event("a"));
    assert_eq!(newest.delivery, delivery_id("a"));
    assert_eq!(newest.secret.as_deref(), Some("current"));
    assert_eq!(newest.remote_address.as_deref(), Some("192.0.2.7"));
}

pub(super) async fn an_unknown_event_is_not_found(bench: Bench) {
    let store = bench.store();
    let unknown = event_id("unknown");
    let snapshot = bench.snapshot().await;

    let read = store.event(Some(&unknown)).await.map(drop);
    let finished = store.finish_event(WORKER, &unknown, 0, snapshot).await;
    let released = store.release_event(WORKER, &unknown).await;

    for answer in [read, finished, released] {
        let error = answer.expect_err("no such event").to_string();
        assert_eq!(error, "there is no event `unknown`");
    }
}

pub(super) async fn snapshots_are_kept_once(bench: Bench) {
    let store = bench.store();

    let one = store
        .keep_snapshot("{\"rules\":1}".to_owned())
        .await
        .expect("it is kept");
    let other = store
        .keep_snapshot("{\"rules\":2}".to_owned())
        .await
        .expect("it is kept");
    let again = store
        .keep_snapshot("{\"rules\":1}".to_owned())
        .await
        .expect("it is kept");

    assert_eq!(one, again);
    assert_ne!(one, other);
    assert_eq!(
        store.snapshot(other).await.expect("the snapshot"),
        "{\"rules\":2}"
    );
    let missing = store.snapshot(SnapshotId(99)).await;
    assert!(matches!(missing, Err(StoreError::NotFound { .. })));
}

pub(super) async fn what_is_known_of_rules_is_kept_until_it_is_forgotten(mut bench: Bench) {
    let rule = |name: &str| RuleName::parse(name).expect("a rule's name");
    let known = |name: &str, record: &str| (rule(name), Some(record.to_owned()));
    let store = bench.store();
    assert_eq!(store.rules().await.expect("nothing yet"), []);

    let kept = vec![
        known("b/two", "{}"),
        known("a/one", "{}"),
        known("three", "{}"),
    ];
    store.keep_rules(kept).await.expect("it is kept");
    let changed = vec![
        known("b/two", "[2]"),
        (rule("a/one"), None),
        (rule("nobody"), None),
    ];
    store.keep_rules(changed).await.expect("it is kept");
    bench.reopen();

    assert_eq!(
        bench.store().rules().await.expect("it is there"),
        [
            (rule("b/two"), "[2]".to_owned()),
            (rule("three"), "{}".to_owned())
        ]
    );
}
