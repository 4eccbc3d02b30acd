//! What rules keep between events: with the commit of an evaluation that saw it, or not at all.

use std::collections::BTreeMap;

use super::bench::{Bench, START, WORKER, decided, delivery, event_id, notify, rule, unit};
use crate::domain::state::{Changes, Entry, State};
use crate::store::{ActionId, SnapshotId, StoreError, UnitCommit, UnitEvaluation};

fn kept_for_ever(value: &str) -> Option<Entry> {
    Some(Entry {
        value: value.to_owned(),
        expires_at: None,
    })
}

/// Changes to the state that a rule has now.
async fn changes(bench: &Bench, name: &str, entries: &[(&str, Option<&str>)]) -> Changes {
    Changes {
        since: state(bench, name).await.revision(),
        entries: entries
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.and_then(kept_for_ever)))
            .collect(),
    }
}

async fn state(bench: &Bench, name: &str) -> State {
    let state = bench.store().state(&rule(name)).await;
    state.expect("a state")
}

fn values(state: &State) -> Vec<(&str, &str)> {
    state
        .entries()
        .map(|(key, entry)| (key, entry.value.as_str()))
        .collect()
}

/// The unit of an event in which one rule changed its state.
fn changing(event: &str, snapshot: SnapshotId, name: &str, state: Changes) -> UnitCommit {
    let evaluated = UnitEvaluation {
        state,
        ..decided(name, vec![notify(event, 0)])
    };
    unit(event, snapshot, vec![evaluated])
}

async fn commit(
    bench: &Bench,
    event: &str,
    name: &str,
    state: Changes,
) -> Result<Vec<ActionId>, StoreError> {
    let unit = changing(event, bench.snapshot().await, name, state);
    bench.store().commit_unit(WORKER, unit).await
}

/// Has a rule keep values, in the commit of an event of this name.
async fn keep(bench: &Bench, event: &str, name: &str, entries: &[(&str, Option<&str>)]) {
    bench.event_held_by(WORKER, event).await;
    let state = changes(bench, name, entries).await;
    let kept = commit(bench, event, name, state).await;
    kept.expect("it is committed");
}

pub(super) async fn what_a_rule_keeps_is_committed_with_its_evaluation(bench: Bench) {
    bench.event_held_by(WORKER, "d").await;
    let expiring = Entry {
        value: "main".to_owned(),
        expires_at: Some(START),
    };
    let mut first = changes(&bench, "route", &[("seen", Some("1"))]).await;
    first.entries.insert("last".to_owned(), Some(expiring));
    assert_eq!(state(&bench, "route").await, State::default());

    let given = commit(&bench, "d", "route", first.clone()).await;

    given.expect("it is committed");
    let kept = state(&bench, "route").await;
    assert_eq!(kept, State::default().with(&first));

    let second = [("seen", Some("2")), ("last", None), ("unknown", None)];
    keep(&bench, "e", "route", &second).await;

    let kept = state(&bench, "route").await;
    assert_eq!(values(&kept), [("seen", "2")]);
    assert_eq!(kept.revision(), 2);
}

pub(super) async fn changes_that_saw_another_state_commit_nothing_of_their_unit(bench: Bench) {
    keep(&bench, "d", "route", &[("seen", Some("1"))]).await;
    bench.event_held_by(WORKER, "e").await;
    let stale = Changes {
        since: 0,
        entries: BTreeMap::from([("seen".to_owned(), kept_for_ever("1"))]),
    };

    let refused = commit(&bench, "e", "route", stale).await;

    let Err(StoreError::StateChanged { rule: named }) = refused else {
        panic!("it was not refused: {refused:?}");
    };
    assert_eq!(named, rule("route"));
    let record = bench.store().event(Some(&event_id("e"))).await;
    let record = record.expect("the event");
    assert!(record.evaluations.is_empty() && record.actions.is_empty());

    let fresh = changes(&bench, "route", &[("seen", Some("2"))]).await;
    let given = commit(&bench, "e", "route", fresh).await;

    assert_eq!(given.expect("it is committed").len(), 1);
    assert_eq!(values(&state(&bench, "route").await), [("seen", "2")]);
}

pub(super) async fn a_unit_committed_twice_changes_a_state_once(bench: Bench) {
    bench.event_held_by(WORKER, "d").await;
    let once = changes(&bench, "route", &[("seen", Some("1"))]).await;

    let first = commit(&bench, "d", "route", once.clone()).await;
    let second = commit(&bench, "d", "route", once).await;

    assert_eq!(first.expect("committed"), second.expect("known"));
    assert_eq!(state(&bench, "route").await.revision(), 1);
}

pub(super) async fn a_unit_that_fails_leaves_the_state_as_it_was(bench: Bench) {
    bench.event_held_by(WORKER, "d").await;
    let one = changes(&bench, "route", &[("seen", Some("1"))]).await;
    let unknown = SnapshotId(99);

    let failed = changing("d", unknown, "route", one);
    let failed = bench.store().commit_unit(WORKER, failed).await;

    failed.expect_err("there is no such snapshot");
    assert_eq!(state(&bench, "route").await, State::default());
}

pub(super) async fn what_a_rule_keeps_is_its_names_own_and_survives_reopening(mut bench: Bench) {
    keep(&bench, "d", "route", &[("seen", Some("1"))]).await;
    keep(&bench, "e", "payments/route", &[("seen", Some("7"))]).await;

    bench.reopen();

    assert_eq!(values(&state(&bench, "route").await), [("seen", "1")]);
    let other = state(&bench, "payments/route").await;
    assert_eq!(values(&other), [("seen", "7")]);
    assert_eq!(state(&bench, "another").await, State::default());
}

pub(super) async fn what_is_cleared_is_gone_and_told(bench: Bench) {
    let all = [("a", Some("1")), ("b", Some("2")), ("c", Some("3"))];
    keep(&bench, "d", "route", &all).await;
    keep(&bench, "e", "other", &[("a", Some("1"))]).await;
    let (store, route) = (bench.store(), rule("route"));

    let one = store.clear_state(&route, Some("b")).await.expect("cleared");
    let none = store.clear_state(&route, Some("b")).await.expect("cleared");
    let left = state(&bench, "route").await;
    let rest = store.clear_state(&route, None).await.expect("cleared");

    assert_eq!((one.as_slice(), none.len()), (&["b".to_owned()][..], 0));
    assert_eq!(values(&left), [("a", "1"), ("c", "3")]);
    assert_eq!(rest, ["a", "c"]);
    assert_eq!(values(&state(&bench, "route").await), []);
    assert_eq!(values(&state(&bench, "other").await), [("a", "1")]);
}

pub(super) async fn an_evaluation_that_saw_what_was_cleared_brings_nothing_back(bench: Bench) {
    keep(&bench, "d", "route", &[("seen", Some("5"))]).await;
    bench.event_held_by(WORKER, "e").await;
    let saw = changes(&bench, "route", &[("seen", Some("6"))]).await;
    let cleared = bench.store().clear_state(&rule("route"), None).await;
    assert_eq!(cleared.expect("it is cleared"), ["seen"]);

    let refused = commit(&bench, "e", "route", saw.clone()).await;

    assert!(matches!(refused, Err(StoreError::StateChanged { .. })));
    keep(&bench, "f", "route", &[("seen", Some("1"))]).await;
    let refused = commit(&bench, "e", "route", saw).await;
    assert!(matches!(refused, Err(StoreError::StateChanged { .. })));
    assert_eq!(values(&state(&bench, "route").await), [("seen", "1")]);
}

pub(super) async fn a_delivery_is_claimed_with_the_number_of_its_first_event(bench: Bench) {
    let store = bench.store();
    for name in ["a", "b"] {
        store.accept(delivery(name)).await.expect("it is accepted");
    }
    let claimed = store.claim_deliveries(WORKER, 2).await.expect("a claim");

    let mut numbers = Vec::new();
    for claimed in &claimed {
        let event = super::bench::event(&claimed.delivery.id.0);
        let id = &claimed.delivery.id;
        let split = store.split(WORKER, id, vec![event]).await.expect("a split");
        numbers.push(split[0].sequence);
    }

    let expected: Vec<i64> = claimed.iter().map(|claimed| claimed.sequence).collect();
    assert_eq!(numbers, expected);
}
