//! What people do with actions: trying again, and canceling.

use std::time::Duration;

use super::bench::{Bench, START, WORKER, command, deploy, message, notify, turned};
use crate::domain::turn::WhenBusy;
use crate::store::{
    ActionFilter, ActionId, ActionKind, ActionState, AttemptResult, Cancellation, NewAction,
    Survivors,
};

const MINUTE: Duration = Duration::from_mins(1);

async fn retry(bench: &Bench, filter: ActionFilter) -> u64 {
    let retried = bench.store().retry_actions(filter, bench.now()).await;
    retried.expect("an answer")
}

async fn cancel(bench: &Bench, filter: ActionFilter) -> u64 {
    let canceled = bench.store().cancel_actions(filter, bench.now()).await;
    canceled.expect("an answer")
}

fn one(id: ActionId) -> ActionFilter {
    ActionFilter {
        id: Some(id),
        ..ActionFilter::default()
    }
}

async fn crash(bench: &Bench) {
    let recovered = bench.store().recover("next", Survivors::None).await;
    recovered.expect("it is recovered");
}

/// A command in each state that one can be in. None has others of its key.
async fn in_every_state(bench: &Bench) -> Vec<(ActionState, ActionId)> {
    let mut made = Vec::new();
    let stuck = bench.with_actions("stuck", vec![deploy("stuck", 0)]).await[0];
    for _ in 0..3 {
        assert_eq!(bench.claim_commands(WORKER).await, [stuck]);
        crash(bench).await;
        retry_if_interrupted(bench, stuck).await;
    }
    made.push((ActionState::Stuck, stuck));
    let due_at = START.after(MINUTE * 10);
    for (result, state) in [
        (AttemptResult::Done, ActionState::Done),
        (AttemptResult::Retry { due_at }, ActionState::Retrying),
        (AttemptResult::Dead, ActionState::Dead),
        (AttemptResult::Refused, ActionState::Refused),
        (AttemptResult::Interrupted, ActionState::Interrupted),
        (AttemptResult::Canceled, ActionState::Canceled),
        (AttemptResult::Superseded, ActionState::Superseded),
    ] {
        let name = state.as_str();
        let action = match state {
            // Without a turn it would never be tried again.
            ActionState::Refused => turned(deploy(name, 0), name, WhenBusy::Queue),
            _ => deploy(name, 0),
        };
        let id = bench.with_actions(name, vec![action]).await[0];
        bench.claim_commands(WORKER).await;
        bench.settle(WORKER, id, result).await;
        made.push((state, id));
    }
    let running = bench
        .with_actions("running", vec![deploy("running", 0)])
        .await[0];
    bench.claim_commands(WORKER).await;
    made.push((ActionState::Running, running));
    let shadowed = NewAction {
        state: ActionState::Shadowed,
        ..deploy("others", 0)
    };
    let others = bench
        .with_actions("others", vec![shadowed, deploy("others", 1)])
        .await;
    made.push((ActionState::Shadowed, others[0]));
    made.push((ActionState::Waiting, others[1]));
    for (state, id) in &made {
        assert_eq!(bench.state(*id).await, *state);
    }
    made
}

async fn retry_if_interrupted(bench: &Bench, id: ActionId) {
    if bench.state(id).await == ActionState::Interrupted {
        let decision = crate::store::InterruptDecision::Rerun;
        let decided = bench
            .store()
            .decide_interrupted(id, decision, None, Vec::new())
            .await;
        decided.expect("it is decided");
    }
}

pub(super) async fn what_did_not_come_about_is_tried_again_at_once(bench: Bench) {
    let made = in_every_state(&bench).await;
    bench.advance(MINUTE);

    let retried = retry(&bench, ActionFilter::default()).await;

    assert_eq!(retried, 6);
    for (state, id) in made {
        let record = bench.action(id).await;
        match state {
            ActionState::Dead
            | ActionState::Interrupted
            | ActionState::Stuck
            | ActionState::Refused
            | ActionState::Canceled
            | ActionState::Retrying => {
                assert_eq!(record.state, ActionState::Waiting, "{}", state.as_str());
                assert_eq!((record.due_at, record.ended_at), (bench.now(), None));
                assert_eq!((record.detail, record.caused_by), (None, None));
            }
            _ => assert_eq!(record.state, state),
        }
    }
    let undecided = bench.store().interrupted().await.expect("none");
    assert!(undecided.is_empty());
}

pub(super) async fn a_command_refused_without_a_turn_is_not_tried_again(bench: Bench) {
    let refused = |action| NewAction {
        state: ActionState::Refused,
        ..action
    };
    let actions = vec![
        refused(deploy("d", 0)),
        refused(turned(deploy("d", 1), "web", WhenBusy::Queue)),
        refused(notify("d", 2)),
    ];
    let ids = bench.with_actions("d", actions).await;

    let none = retry(&bench, one(ids[0])).await;
    let others = retry(&bench, ActionFilter::default()).await;

    assert_eq!((none, others), (0, 2));
    assert_eq!(bench.state(ids[0]).await, ActionState::Refused);
    assert_eq!(bench.claim_commands(WORKER).await, ids[1..2]);
    assert!(bench.claim_message(WORKER).await.is_some());
}

pub(super) async fn attempts_from_before_no_longer_count(bench: Bench) {
    let id = bench.with_actions("d", vec![deploy("d", 0)]).await[0];
    let due_at = START;
    for _ in 0..2 {
        bench.claim_commands(WORKER).await;
        bench
            .settle(WORKER, id, AttemptResult::Retry { due_at })
            .await;
    }

    retry(&bench, one(id)).await;
    let claimed = bench.claim_all(WORKER).await;

    assert_eq!((claimed[0].attempt, claimed[0].forgiven), (3, 2));
    assert_eq!(bench.action(id).await.attempts.len(), 3);
}

pub(super) async fn crashes_from_before_no_longer_count(bench: Bench) {
    let id = bench.message("d").await;
    for _ in 0..3 {
        bench.claim_message(WORKER).await;
        crash(&bench).await;
    }

    let stuck = bench.state(id).await;
    retry(&bench, one(id)).await;
    for _ in 0..2 {
        assert!(bench.claim_message(WORKER).await.is_some());
        crash(&bench).await;
    }

    assert_eq!(stuck, ActionState::Stuck);
    assert_eq!(bench.state(id).await, ActionState::Waiting);
}

pub(super) async fn an_interrupted_command_tried_again_waits_for_a_decision_anew(bench: Bench) {
    let id = bench.with_actions("d", vec![deploy("d", 0)]).await[0];
    bench.claim_commands(WORKER).await;
    bench.settle(WORKER, id, AttemptResult::Interrupted).await;
    let decision = crate::store::InterruptDecision::Keep;
    let decided = bench
        .store()
        .decide_interrupted(id, decision, None, Vec::new())
        .await;
    decided.expect("it is decided");

    retry(&bench, one(id)).await;
    bench.claim_commands(WORKER).await;
    bench.settle(WORKER, id, AttemptResult::Interrupted).await;

    let undecided = bench.store().interrupted().await.expect("the interrupted");
    assert_eq!((undecided.len(), undecided[0].attempt), (1, 2));
}

pub(super) async fn only_what_matches_is_tried_again_or_canceled(bench: Bench) {
    let actions = vec![
        notify("d", 0),
        message("d", 1, "ops"),
        command("d", 2, "ops"),
        deploy("d", 3),
    ];
    let ids = bench.with_actions("d", actions).await;
    let to_ops = ActionFilter {
        kind: Some(ActionKind::Notify),
        target: Some("ops".to_owned()),
        ..ActionFilter::default()
    };
    let canceled = ActionFilter {
        state: Some(ActionState::Canceled),
        ..ActionFilter::default()
    };

    let one = cancel(&bench, to_ops.clone()).await;
    let others = bench.claim_commands(WORKER).await;
    let none = retry(&bench, one_of_none()).await;
    let again = retry(&bench, canceled).await;

    assert_eq!((one, none, again), (1, 0, 1));
    assert_eq!(others, ids[2..]);
    assert_eq!(bench.state(ids[0]).await, ActionState::Waiting);
    assert_eq!(bench.state(ids[1]).await, ActionState::Waiting);
}

fn one_of_none() -> ActionFilter {
    one(ActionId(99))
}

pub(super) async fn all_that_match_are_changed_whatever_the_page(bench: Bench) {
    let actions = (0..5).map(|index| notify("d", index)).collect();
    let ids = bench.with_actions("d", actions).await;
    let page = ActionFilter {
        limit: 1,
        before: Some(ids[2]),
        ..ActionFilter::default()
    };

    let canceled = cancel(&bench, page.clone()).await;
    let retried = retry(&bench, page).await;

    assert_eq!((canceled, retried), (5, 5));
}

pub(super) async fn a_command_tried_again_too_late_is_superseded(bench: Bench) {
    let first = bench.command("a", "web").await;
    bench.claim_commands(WORKER).await;
    bench.settle(WORKER, first, AttemptResult::Dead).await;
    let second = bench.command("b", "web").await;
    bench.claim_commands(WORKER).await;
    bench.settle(WORKER, second, AttemptResult::Done).await;

    let retried = retry(&bench, one(first)).await;
    let claimed = bench.claim_commands(WORKER).await;

    assert_eq!(retried, 1);
    assert!(claimed.is_empty());
    let record = bench.action(first).await;
    assert_eq!(record.state, ActionState::Superseded);
    assert_eq!(record.caused_by, Some(bench.action(second).await.key));
}

pub(super) async fn what_has_not_ended_is_canceled_by_hand(bench: Bench) {
    let made = in_every_state(&bench).await;
    bench.advance(MINUTE);

    let canceled = cancel(&bench, ActionFilter::default()).await;

    assert_eq!(canceled, 5, "the one that runs is one of them");
    for (state, id) in made {
        let record = bench.action(id).await;
        match state {
            ActionState::Waiting
            | ActionState::Retrying
            | ActionState::Interrupted
            | ActionState::Stuck => {
                assert_eq!(record.state, ActionState::Canceled, "{}", state.as_str());
                assert_eq!(record.ended_at, Some(bench.now()));
                assert_eq!(record.detail.as_deref(), Some("canceled by hand"));
                assert_eq!(record.caused_by, None);
            }
            _ => assert_eq!(record.state, state),
        }
    }
    assert!(bench.claim_commands(WORKER).await.is_empty());
}

pub(super) async fn a_command_that_runs_is_ended_by_who_runs_it(bench: Bench) {
    let id = bench.with_actions("d", vec![deploy("d", 0)]).await[0];
    bench.claim_commands(WORKER).await;

    let canceled = cancel(&bench, one(id)).await;
    let to_end = bench.store().cancellations(WORKER).await;
    let of_another = bench.store().cancellations("another").await;
    bench.settle(WORKER, id, AttemptResult::Canceled).await;

    assert_eq!(canceled, 1);
    assert_eq!(
        to_end.expect("the cancellations"),
        [Cancellation { id, by: None }]
    );
    assert!(of_another.expect("none").is_empty());
    let record = bench.action(id).await;
    assert_eq!(
        (record.state, record.caused_by),
        (ActionState::Canceled, None)
    );
}

pub(super) async fn a_command_canceled_by_hand_and_cut_off_stays_canceled(bench: Bench) {
    let id = bench.with_actions("d", vec![deploy("d", 0)]).await[0];
    bench.claim_commands(WORKER).await;
    cancel(&bench, one(id)).await;

    let released = bench.store().release_all(WORKER).await;

    released.expect("it is released");
    let record = bench.action(id).await;
    assert_eq!(record.state, ActionState::Canceled);
    assert_eq!(record.detail.as_deref(), Some("canceled by hand"));
    assert!(bench.store().interrupted().await.expect("none").is_empty());
}

pub(super) async fn a_person_has_the_last_word_about_a_command_that_is_to_end(bench: Bench) {
    let first = bench.turned("a", "web", WhenBusy::Cancel).await;
    bench.claim_commands(WORKER).await;
    bench.turned("b", "web", WhenBusy::Cancel).await;

    cancel(&bench, one(first)).await;
    let later = turned(deploy("c", 0), "web", WhenBusy::Cancel);
    bench.with_actions("c", vec![later]).await;

    let to_end = bench.store().cancellations(WORKER).await;
    let by_hand = Cancellation {
        id: first,
        by: None,
    };
    assert_eq!(to_end.expect("the cancellations"), [by_hand]);
}

pub(super) async fn a_message_on_its_way_is_left_alone(bench: Bench) {
    let id = bench.message("d").await;
    bench.claim_message(WORKER).await;

    let canceled = cancel(&bench, one(id)).await;

    assert_eq!(canceled, 0);
    assert_eq!(bench.state(id).await, ActionState::Running);
    let to_end = bench.store().cancellations(WORKER).await;
    assert!(to_end.expect("none").is_empty());
}

pub(super) async fn a_command_that_was_ended_can_be_tried_again(bench: Bench) {
    let id = bench.with_actions("d", vec![deploy("d", 0)]).await[0];
    bench.claim_commands(WORKER).await;
    cancel(&bench, one(id)).await;
    bench.settle(WORKER, id, AttemptResult::Canceled).await;

    retry(&bench, one(id)).await;

    assert_eq!(bench.claim_commands(WORKER).await, [id]);
    let to_end = bench.store().cancellations(WORKER).await;
    assert!(to_end.expect("none").is_empty());
}
