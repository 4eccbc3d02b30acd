//! Commands of a queue and events that are evaluated late: the later command waits.

use super::bench::{
    Bench, START, WORKER, delivery, delivery_id, deploy, event, event_id, keyed, turned,
};
use crate::domain::turn::WhenBusy;
use crate::store::{
    ActionId, ActionState, AttemptResult, EventState, Pausable, Pause, Replay, Survivors,
};

async fn pause_the_source(bench: &Bench) {
    let pause = Pause {
        what: Pausable::Source,
        name: "gitlab".to_owned(),
        since: START,
        reason: None,
    };
    bench.store().pause(pause).await.expect("it is paused");
}

async fn resume_the_source(bench: &Bench) {
    let resumed = bench.store().resume(Pausable::Source, "gitlab").await;
    resumed.expect("it goes on");
}

async fn release(bench: &Bench, name: &str) {
    let released = bench.store().release_event(WORKER, &event_id(name)).await;
    released.expect("it is released");
}

/// The events `early`, which a worker has in hand, and `late`, which is done with a command.
async fn one_evaluated_late(bench: &Bench) -> ActionId {
    bench.event_held_by(WORKER, "early").await;
    bench.command("late", "web").await
}

pub(super) async fn a_command_of_an_event_evaluated_late_runs_before_later_ones(bench: Bench) {
    let late = one_evaluated_late(&bench).await;

    let meanwhile = bench.claim_commands(WORKER).await;
    let early = keyed(deploy("early", 0), "web");
    let early = bench.commit("early", vec![early]).await[0];
    let first = bench.claim_commands(WORKER).await;
    bench.settle(WORKER, early, AttemptResult::Done).await;
    let unfinished = bench.claim_commands(WORKER).await;
    bench.finish("early").await;
    let second = bench.claim_commands(WORKER).await;

    assert!(meanwhile.is_empty() && unfinished.is_empty());
    assert_eq!((first, second), (vec![early], vec![late]));
}

pub(super) async fn a_queue_waits_for_an_event_that_is_to_be_claimed(bench: Bench) {
    let late = one_evaluated_late(&bench).await;
    release(&bench, "early").await;

    let meanwhile = bench.claim_commands(WORKER).await;
    bench
        .store()
        .claim_events(WORKER, 1)
        .await
        .expect("a claim");
    bench.finish("early").await;

    assert!(meanwhile.is_empty());
    assert_eq!(bench.claim_commands(WORKER).await, [late]);
}

pub(super) async fn a_queue_waits_for_a_delivery_that_is_not_split(bench: Bench) {
    let store = bench.store();
    for name in ["early", "late"] {
        let accepted = store.accept(delivery(name)).await;
        accepted.expect("it is accepted");
    }
    store.claim_deliveries(WORKER, 2).await.expect("a claim");
    let split = store
        .split(WORKER, &delivery_id("late"), vec![event("late")])
        .await;
    split.expect("it is split");
    let late = keyed(deploy("late", 0), "web");
    let late = bench.commit("late", vec![late]).await[0];

    let claimed = bench.claim_commands(WORKER).await;
    store.release_all(WORKER).await.expect("it is released");
    let waiting = bench.claim_commands(WORKER).await;
    store.claim_deliveries(WORKER, 1).await.expect("a claim");
    let split = store.split(WORKER, &delivery_id("early"), Vec::new()).await;
    split.expect("it is split");

    assert!(claimed.is_empty() && waiting.is_empty());
    assert_eq!(bench.claim_commands(WORKER).await, [late]);
}

pub(super) async fn a_queue_waits_for_no_later_event(bench: Bench) {
    let first = bench.command("first", "web").await;
    bench.event_held_by(WORKER, "later").await;
    let accepted = bench.store().accept(delivery("last")).await;
    accepted.expect("it is accepted");

    assert_eq!(bench.claim_commands(WORKER).await, [first]);
}

pub(super) async fn a_queue_waits_for_nothing_of_a_paused_source(bench: Bench) {
    let accepted = bench.store().accept(delivery("unread")).await;
    accepted.expect("it is accepted");
    pause_the_source(&bench).await;
    let asked = asked(&bench).await;

    resume_the_source(&bench).await;
    let meanwhile = bench.claim_commands(WORKER).await;
    pause_the_source(&bench).await;

    assert!(meanwhile.is_empty());
    assert_eq!(bench.claim_commands(WORKER).await, [asked]);
}

pub(super) async fn a_queue_waits_for_no_event_of_a_paused_source(bench: Bench) {
    bench.event_held_by(WORKER, "waits").await;
    release(&bench, "waits").await;
    let accepted = bench.store().accept(delivery("unread")).await;
    accepted.expect("it is accepted");
    let claimed = bench.store().claim_deliveries(WORKER, 1).await;
    assert_eq!(claimed.expect("a claim").len(), 1);
    let late = one_evaluated_late(&bench).await;
    pause_the_source(&bench).await;

    assert_eq!(bench.claim_commands(WORKER).await, [late]);
}

pub(super) async fn a_queue_waits_for_no_event_that_was_set_aside(bench: Bench) {
    let store = bench.store();
    store.accept(delivery("early")).await.expect("accepted");
    store.claim_deliveries("x", 1).await.expect("a claim");
    let events = vec![event("early")];
    let split = store.split("x", &delivery_id("early"), events).await;
    split.expect("it is split");
    let late = bench.command("late", "web").await;
    for _ in 0..3 {
        assert!(bench.claim_commands(WORKER).await.is_empty());
        let recovered = store.recover(WORKER, Survivors::None).await;
        recovered.expect("it is recovered");
        store.claim_events("x", 1).await.expect("a claim");
    }

    let early = store.event(Some(&event_id("early"))).await.expect("early");
    assert_eq!(early.state, EventState::Stuck);
    assert_eq!(bench.claim_commands(WORKER).await, [late]);
}

pub(super) async fn a_queue_waits_for_no_replay(bench: Bench) {
    bench.with_actions("early", Vec::new()).await;
    let late = bench.command("late", "web").await;
    let replay = Replay {
        event: Some(event_id("early")),
        ..Replay::default()
    };
    let replayed = bench.store().replay(replay).await;
    assert_eq!(replayed.expect("an answer").events, 1);

    assert_eq!(bench.claim_commands(WORKER).await, [late]);
}

pub(super) async fn only_a_queue_waits_for_earlier_events(bench: Bench) {
    bench.event_held_by(WORKER, "early").await;
    let mut ids = bench
        .with_actions("without", vec![deploy("without", 0)])
        .await;
    for mode in [WhenBusy::Latest, WhenBusy::Cancel, WhenBusy::Reject] {
        let name = mode.as_str();
        let action = turned(deploy(name, 0), name, mode);
        ids.extend(bench.with_actions(name, vec![action]).await);
    }

    assert_eq!(bench.claim_commands(WORKER).await, ids);
}

pub(super) async fn a_command_that_a_person_asks_for_waits_for_earlier_events(bench: Bench) {
    bench.event_held_by(WORKER, "early").await;
    let asked = asked(&bench).await;

    let meanwhile = bench.claim_commands(WORKER).await;
    bench.finish("early").await;

    assert!(meanwhile.is_empty());
    assert_eq!(bench.state(asked).await, ActionState::Waiting);
    assert_eq!(bench.claim_commands(WORKER).await, [asked]);
}

async fn asked(bench: &Bench) -> ActionId {
    let action = keyed(deploy("asked", 0), "web");
    let asked = bench
        .store()
        .ask(delivery("asked"), event("asked"), vec![action])
        .await;
    asked.expect("it is kept")[0]
}
