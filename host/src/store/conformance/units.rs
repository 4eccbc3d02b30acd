//! Units: all or nothing, and once.

use super::bench::{
    Bench, START, WORKER, action, decided, deploy, evaluated, event_id, notify, rule, unit,
};
use crate::domain::decision::Action;
use crate::domain::evaluation::Outcome;
use crate::domain::fault::Fault;
use crate::domain::names::TeamName;
use crate::store::{
    ActionState, DropRecord, EventRecord, NewAction, Rest, SnapshotId, StoreError, UnitCommit,
};

fn team(name: &str) -> TeamName {
    TeamName::parse(name).expect("a team's name")
}

fn dropped() -> DropRecord {
    DropRecord {
        rule: rule("drop-noise"),
        reason: "a draft".to_owned(),
    }
}

async fn record(bench: &Bench, name: &str) -> EventRecord {
    let record = bench.store().event(Some(&event_id(name))).await;
    record.expect("the event")
}

pub(super) async fn a_unit_is_committed_with_all_that_belongs_to_it(bench: Bench) {
    bench.event_held_by(WORKER, "d").await;
    let fault = Outcome::Faulted(Fault::OutOfFuel { limit: 10 });
    let evaluations = vec![
        decided("route", vec![notify("d", 0), deploy("d", 1)]),
        evaluated("broken", fault, Vec::new()),
    ];
    let given = UnitCommit {
        dropped: Some(dropped()),
        ..unit("d", bench.snapshot().await, evaluations.clone())
    };

    let ids = bench
        .store()
        .commit_unit(WORKER, given)
        .await
        .expect("it is committed");

    let record = record(&bench, "d").await;
    let read: Vec<_> = record
        .evaluations
        .iter()
        .map(|kept| &kept.evaluation)
        .collect();
    assert_eq!(
        read,
        [&evaluations[0].evaluation, &evaluations[1].evaluation]
    );
    assert_eq!(
        (record.evaluations[0].run, record.evaluations[0].at),
        (0, START)
    );
    assert_eq!(record.drops, [dropped()]);
    let read: Vec<_> = record.actions.iter().map(|kept| kept.id).collect();
    assert_eq!(read, ids);
    assert_eq!(record.actions[1].action, deploy("d", 1).action);
    assert_eq!(record.actions[1].key, "d/0/route/1");
    assert_eq!(record.actions[1].created_at, START);
}

pub(super) async fn a_unit_committed_twice_has_its_evaluations_once(bench: Bench) {
    bench.event_held_by(WORKER, "d").await;
    let snapshot = bench.snapshot().await;
    let given = unit(
        "d",
        snapshot,
        vec![decided("route", vec![notify("d", 0), notify("d", 1)])],
    );

    let first = bench
        .store()
        .commit_unit(WORKER, given)
        .await
        .expect("it is committed");
    let other = unit("d", snapshot, vec![decided("other", vec![notify("d", 7)])]);
    let second = bench
        .store()
        .commit_unit(WORKER, other)
        .await
        .expect("it was committed");

    assert_eq!(first.len(), 2);
    assert_eq!(first, second);
    let record = record(&bench, "d").await;
    assert_eq!((record.evaluations.len(), record.actions.len()), (1, 2));
}

pub(super) async fn a_unit_that_fails_leaves_nothing_behind(bench: Bench) {
    bench.event_held_by(WORKER, "d").await;
    let snapshot = bench.snapshot().await;
    let twice = vec![
        decided("route", vec![notify("d", 0)]),
        decided("route", Vec::new()),
    ];

    let failed = bench
        .store()
        .commit_unit(WORKER, unit("d", snapshot, twice))
        .await;

    assert!(matches!(failed, Err(StoreError::Database { .. })));
    let found = record(&bench, "d").await;
    assert_eq!((found.evaluations.len(), found.actions.len()), (0, 0));
    assert_eq!(bench.commit("d", vec![notify("d", 0)]).await.len(), 1);
}

pub(super) async fn a_unit_of_an_event_claimed_by_another_is_not_committed(bench: Bench) {
    bench.event_held_by("one", "d").await;
    let snapshot = bench.snapshot().await;

    let anothers = bench
        .store()
        .commit_unit("two", unit("d", snapshot, Vec::new()))
        .await;
    let unknown = bench
        .store()
        .commit_unit("two", unit("e", snapshot, Vec::new()))
        .await;
    let rerun = UnitCommit {
        run: 1,
        ..unit("d", snapshot, Vec::new())
    };
    let another_run = bench.store().commit_unit("one", rerun).await;

    assert!(matches!(anothers, Err(StoreError::ClaimLost { .. })));
    assert!(matches!(unknown, Err(StoreError::NotFound { .. })));
    assert!(matches!(another_run, Err(StoreError::ClaimLost { .. })));
}

pub(super) async fn a_unit_of_an_unknown_snapshot_is_not_committed(bench: Bench) {
    bench.event_held_by(WORKER, "d").await;

    let given = unit("d", SnapshotId(99), vec![decided("route", Vec::new())]);
    let failed = bench.store().commit_unit(WORKER, given).await;

    assert!(matches!(failed, Err(StoreError::NotFound { .. })));
    assert!(record(&bench, "d").await.evaluations.is_empty());
}

pub(super) async fn an_action_whose_key_is_known_is_kept_once(bench: Bench) {
    let first = bench.message("a").await;
    bench.event_held_by(WORKER, "b").await;
    let same_key = NewAction {
        key: notify("a", 0).key,
        ..notify("b", 0)
    };

    let ids = bench.commit("b", vec![same_key, notify("b", 1)]).await;

    assert_eq!(ids[0], first);
    let record = record(&bench, "b").await;
    assert_eq!(record.actions.len(), 1);
    assert_eq!(record.actions[0].id, ids[1]);
}

pub(super) async fn a_drop_is_never_kept_as_an_action(bench: Bench) {
    bench.event_held_by(WORKER, "d").await;
    let dropping = action("d", 0, Action::Drop("a draft".to_owned()));
    let given = unit(
        "d",
        bench.snapshot().await,
        vec![decided("route", vec![dropping])],
    );

    let failed = bench.store().commit_unit(WORKER, given).await;

    assert!(matches!(failed, Err(StoreError::Database { .. })));
    assert!(record(&bench, "d").await.evaluations.is_empty());
}

pub(super) async fn an_event_claimed_again_knows_its_committed_units(bench: Bench) {
    bench.event_held_by(WORKER, "d").await;
    let shared = UnitCommit {
        dropped: Some(dropped()),
        ..unit(
            "d",
            bench.snapshot().await,
            vec![decided("route", Vec::new())],
        )
    };
    let own = UnitCommit {
        unit: Some(team("shop")),
        dropped: None,
        evaluations: vec![decided("shop/route", Vec::new())],
        ..shared.clone()
    };
    for unit in [own, shared] {
        bench
            .store()
            .commit_unit(WORKER, unit)
            .await
            .expect("it is committed");
    }

    bench
        .store()
        .release_event(WORKER, &event_id("d"))
        .await
        .expect("it is released");
    let claimed = bench
        .store()
        .claim_events(WORKER, 1)
        .await
        .expect("a claim");

    assert_eq!(claimed[0].units, [None, Some(team("shop"))]);
    assert_eq!(claimed[0].dropped, Some(dropped()));
}

pub(super) async fn an_action_that_ended_at_once_is_never_claimed(bench: Bench) {
    let refused = NewAction {
        state: ActionState::Refused,
        detail: Some("add \"team\" to `channels`".to_owned()),
        ..notify("d", 0)
    };

    let ids = bench.with_actions("d", vec![refused]).await;

    assert!(bench.claim_message(WORKER).await.is_none());
    let record = bench.action(ids[0]).await;
    assert_eq!(record.state, ActionState::Refused);
    assert_eq!(record.detail.as_deref(), Some("add \"team\" to `channels`"));
    assert_eq!(record.ended_at, Some(START));
}

pub(super) async fn a_unit_committed_in_parts_counts_with_the_last(bench: Bench) {
    bench.event_held_by(WORKER, "d").await;
    let snapshot = bench.snapshot().await;
    let part = |name: &str, rest| UnitCommit {
        rest,
        ..unit("d", snapshot, vec![decided(name, Vec::new())])
    };
    let commit = async |part| {
        let committed = bench.store().commit_unit(WORKER, part).await;
        committed.expect("it is committed");
    };
    let again = async || {
        let released = bench.store().release_event(WORKER, &event_id("d")).await;
        released.expect("it is released");
        let claimed = bench
            .store()
            .claim_events(WORKER, 1)
            .await
            .expect("a claim");
        let claimed = claimed.into_iter().next().expect("the event");
        (claimed.units, claimed.evaluated)
    };

    commit(part("one", Rest::Follows)).await;
    commit(part("one", Rest::Follows)).await;
    commit(part("two", Rest::Follows)).await;
    let half = again().await;
    commit(part("three", Rest::None)).await;
    let whole = again().await;

    assert_eq!(half, (vec![], vec![rule("one"), rule("two")]));
    assert_eq!(whole.0, [None]);
    assert_eq!(record(&bench, "d").await.evaluations.len(), 3);
}
