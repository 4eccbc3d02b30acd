//! Owners: crashes, leases, orderly ends, and the backlog.

use std::time::Duration;

use super::bench::{Bench, START, WORKER, delivery, deploy, event_id, notify};
use crate::store::{
    ActionId, ActionState, AttemptResult, Backlog, EventState, InterruptDecision, Survivors,
};

const LEASE: Duration = Duration::from_secs(30);

/// As after a crash of the whole server: a new owner takes over all there is.
async fn crash(bench: &Bench, successor: &str) {
    let recovered = bench.store().recover(successor, Survivors::None).await;
    recovered.expect("it is recovered");
}

async fn recover_leased(bench: &Bench) {
    let recovered = bench.store().recover("rescuer", Survivors::Leased).await;
    recovered.expect("it is recovered");
}

async fn heartbeat(bench: &Bench, owner: &str) {
    let beaten = bench.store().heartbeat(owner, LEASE).await;
    beaten.expect("a heartbeat");
}

async fn claimed_events(bench: &Bench, owner: &str) -> usize {
    bench
        .store()
        .claim_events(owner, 10)
        .await
        .expect("a claim")
        .len()
}

async fn claimed_deliveries(bench: &Bench, owner: &str) -> usize {
    bench
        .store()
        .claim_deliveries(owner, 10)
        .await
        .expect("a claim")
        .len()
}

async fn backlog(bench: &Bench) -> Backlog {
    bench.store().backlog().await.expect("the backlog")
}

pub(super) async fn what_a_crashed_owner_had_in_hand_is_handed_out_again(mut bench: Bench) {
    let action = bench.unfinished("a", vec![notify("a", 0)]).await[0];
    bench.claim_message(WORKER).await;
    bench
        .store()
        .accept(delivery("b"))
        .await
        .expect("it is accepted");
    assert_eq!(claimed_deliveries(&bench, WORKER).await, 1);

    bench.reopen();
    crash(&bench, "next").await;

    let deliveries = bench.store().claim_deliveries("next", 9).await;
    let deliveries = deliveries.expect("a claim");
    assert_eq!(
        deliveries.iter().map(|one| one.crashes).collect::<Vec<_>>(),
        [1]
    );
    let events = bench
        .store()
        .claim_events("next", 9)
        .await
        .expect("a claim");
    assert_eq!(
        events.iter().map(|one| one.crashes).collect::<Vec<_>>(),
        [1]
    );
    let record = bench.action(action).await;
    assert_eq!(record.state, ActionState::Waiting);
    assert_eq!(record.attempts[0].result.as_deref(), Some("interrupted"));
    assert_eq!(record.attempts[0].ended_at, Some(START));
    let again = bench.claim_message("next").await;
    assert_eq!(again.map(|message| message.attempt), Some(2));
}

pub(super) async fn an_owner_whose_lease_runs_keeps_its_claims(bench: Bench) {
    bench.event_held_by(WORKER, "d").await;
    heartbeat(&bench, WORKER).await;

    bench.advance(LEASE - Duration::from_millis(1));
    recover_leased(&bench).await;
    heartbeat(&bench, WORKER).await;
    bench.advance(LEASE - Duration::from_millis(1));
    recover_leased(&bench).await;

    assert_eq!(claimed_events(&bench, "rescuer").await, 0);
    let snapshot = bench.snapshot().await;
    let finished = bench
        .store()
        .finish_event(WORKER, &event_id("d"), 0, snapshot)
        .await;
    finished.expect("it is still the owner's");
}

pub(super) async fn an_owner_whose_lease_ran_out_loses_its_claims(bench: Bench) {
    bench.event_held_by(WORKER, "a").await;
    heartbeat(&bench, WORKER).await;
    bench.event_held_by("silent", "b").await;

    recover_leased(&bench).await;
    let of_the_silent = claimed_events(&bench, "rescuer").await;
    bench.advance(LEASE);
    recover_leased(&bench).await;
    let of_the_late = claimed_events(&bench, "rescuer").await;

    assert_eq!((of_the_silent, of_the_late), (1, 1));
    let released = bench.store().release_event(WORKER, &event_id("a")).await;
    released.expect_err("it was taken away");
}

pub(super) async fn a_sole_owner_takes_over_claims_whose_lease_runs(bench: Bench) {
    bench.event_held_by(WORKER, "d").await;
    heartbeat(&bench, WORKER).await;

    crash(&bench, "next").await;

    assert_eq!(claimed_events(&bench, "next").await, 1);
}

pub(super) async fn recovering_leaves_the_own_claims_alone(bench: Bench) {
    bench.event_held_by(WORKER, "d").await;

    crash(&bench, WORKER).await;
    let recovered = bench.store().recover(WORKER, Survivors::Leased).await;

    recovered.expect("it is recovered");
    assert_eq!(claimed_events(&bench, WORKER).await, 0);
}

pub(super) async fn a_delivery_in_flight_at_three_crashes_is_set_aside(bench: Bench) {
    bench
        .store()
        .accept(delivery("d"))
        .await
        .expect("it is accepted");

    for _ in 0..3 {
        assert_eq!(claimed_deliveries(&bench, WORKER).await, 1);
        crash(&bench, "next").await;
    }

    assert_eq!(claimed_deliveries(&bench, WORKER).await, 0);
    assert_eq!(backlog(&bench).await.stuck, 1);
}

pub(super) async fn an_event_in_flight_at_three_crashes_is_set_aside(bench: Bench) {
    bench.event_held_by(WORKER, "d").await;
    crash(&bench, "next").await;

    for _ in 0..2 {
        assert_eq!(claimed_events(&bench, WORKER).await, 1);
        crash(&bench, "next").await;
    }

    assert_eq!(claimed_events(&bench, WORKER).await, 0);
    let record = bench.store().event(None).await.expect("the event");
    assert_eq!(record.state, EventState::Stuck);
    assert_eq!(backlog(&bench).await.stuck, 1);
}

pub(super) async fn a_notification_in_flight_at_three_crashes_is_set_aside(bench: Bench) {
    let id = bench.message("d").await;

    for _ in 0..3 {
        assert!(bench.claim_message(WORKER).await.is_some());
        crash(&bench, "next").await;
    }

    assert!(bench.claim_message(WORKER).await.is_none());
    let record = bench.action(id).await;
    assert_eq!(
        (record.state, record.ended_at),
        (ActionState::Stuck, Some(START))
    );
    assert_eq!(record.detail.as_deref(), Some("in flight at 3 crashes"));
    assert_eq!(record.attempts.len(), 3);
}

pub(super) async fn a_command_in_flight_at_a_crash_is_interrupted(bench: Bench) {
    let id = bench.with_actions("d", vec![deploy("d", 0)]).await[0];
    bench.claim_commands(WORKER).await;

    crash(&bench, "next").await;

    let record = bench.action(id).await;
    assert_eq!(
        (record.state, record.ended_at),
        (ActionState::Interrupted, Some(START))
    );
    assert_eq!(record.attempts[0].result.as_deref(), Some("interrupted"));
    assert!(bench.claim_commands("next").await.is_empty());
    let undecided = bench.store().interrupted().await.expect("the interrupted");
    assert_eq!(undecided[0].id, id);
}

pub(super) async fn a_command_rerun_into_three_crashes_is_set_aside(bench: Bench) {
    let id = bench.with_actions("d", vec![deploy("d", 0)]).await[0];
    let rerun = async |id: ActionId| {
        let decision = InterruptDecision::Rerun;
        bench
            .store()
            .decide_interrupted(id, decision, None, Vec::new())
            .await
    };

    for _ in 0..2 {
        bench.claim_commands(WORKER).await;
        crash(&bench, "next").await;
        rerun(id).await.expect("it is decided");
    }
    bench.claim_commands(WORKER).await;
    crash(&bench, "next").await;

    assert_eq!(bench.state(id).await, ActionState::Stuck);
    rerun(id).await.expect_err("it is set aside");
}

pub(super) async fn an_orderly_end_counts_no_crash(bench: Bench) {
    bench
        .store()
        .accept(delivery("b"))
        .await
        .expect("it is accepted");
    assert_eq!(claimed_deliveries(&bench, WORKER).await, 1);
    let ids = bench
        .unfinished("a", vec![notify("a", 0), deploy("a", 1)])
        .await;
    bench.claim_message(WORKER).await;
    bench.claim_commands(WORKER).await;

    for _ in 0..4 {
        bench
            .store()
            .release_all(WORKER)
            .await
            .expect("it is released");
        assert_eq!(claimed_deliveries(&bench, WORKER).await, 1);
        assert_eq!(claimed_events(&bench, WORKER).await, 1);
        let again = bench.claim_message(WORKER).await;
        assert_eq!(again.map(|message| message.id), Some(ids[0]));
    }

    let command = bench.action(ids[1]).await;
    assert_eq!(command.state, ActionState::Interrupted);
    assert_eq!(command.attempts[0].result.as_deref(), Some("interrupted"));
    assert_eq!(
        bench
            .store()
            .interrupted()
            .await
            .expect("the interrupted")
            .len(),
        1
    );
    assert_eq!(backlog(&bench).await.stuck, 0);
}

pub(super) async fn the_backlog_counts_what_is_not_finished(bench: Bench) {
    let snapshot = bench.snapshot().await;
    let actions = vec![
        notify("a", 0),
        notify("a", 1),
        notify("a", 2),
        deploy("a", 3),
    ];
    let ids = bench.unfinished("a", actions).await;
    bench.event_held_by(WORKER, "b").await;
    bench
        .store()
        .accept(delivery("c"))
        .await
        .expect("it is accepted");
    bench.claim_message(WORKER).await;

    let busy = backlog(&bench).await;
    bench.settle(WORKER, ids[0], AttemptResult::Done).await;
    bench.claim_message(WORKER).await;
    bench.settle(WORKER, ids[1], AttemptResult::Dead).await;
    bench.claim_message(WORKER).await;
    let due_at = START.after(LEASE);
    bench
        .settle(WORKER, ids[2], AttemptResult::Retry { due_at })
        .await;
    let finished = bench
        .store()
        .finish_event(WORKER, &event_id("a"), 0, snapshot)
        .await;
    finished.expect("it is finished");
    let calmer = backlog(&bench).await;

    let expected = Backlog {
        deliveries: 1,
        events: 2,
        actions: 4,
        stuck: 0,
        dead: 0,
    };
    assert_eq!(busy, expected);
    let expected = Backlog {
        deliveries: 1,
        events: 1,
        actions: 2,
        stuck: 0,
        dead: 1,
    };
    assert_eq!(calmer, expected);
}

pub(super) async fn a_store_that_can_be_written_answers_a_probe(bench: Bench) {
    bench.store().probe().await.expect("it can be written");
    bench
        .store()
        .probe()
        .await
        .expect("it can be written again");

    assert_eq!(backlog(&bench).await, Backlog::default());
}
