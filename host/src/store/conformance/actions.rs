//! Actions: claims, attempts and their ends, interruptions, and what follows.

use std::time::Duration;

use super::bench::{Bench, START, WORKER, command, deploy, ended, event_id, notify, rule};
use crate::domain::clock::Timestamp;
use crate::store::{
    ActionId, ActionState, AttemptEnd, AttemptRecord, AttemptResult, Consequences,
    InterruptDecision, NewAction, StoreError,
};

const MINUTE: Duration = Duration::from_mins(1);

async fn next_command(bench: &Bench) -> Option<Timestamp> {
    let next = bench.store().next_command(bench.now()).await;
    next.expect("a time")
}

/// A command that was cut off.
async fn cut_off(bench: &Bench, name: &str) -> ActionId {
    let id = bench.with_actions(name, vec![deploy(name, 0)]).await[0];
    bench.claim_commands(WORKER).await;
    bench.settle(WORKER, id, AttemptResult::Interrupted).await;
    id
}

async fn rerun(bench: &Bench, id: ActionId) {
    let decision = InterruptDecision::Rerun;
    let decided = bench
        .store()
        .decide_interrupted(id, decision, None, Vec::new())
        .await;
    decided.expect("it is decided");
}

fn with_follow_ups(follow_ups: Vec<NewAction>) -> Consequences {
    Consequences {
        follow_ups,
        merged: Vec::new(),
    }
}

pub(super) async fn an_action_is_claimed_once_with_its_attempt_on_record(bench: Bench) {
    let sequence = bench.event_held_by(WORKER, "d").await.sequence;
    let id = bench.commit("d", vec![deploy("d", 0)]).await[0];
    bench.advance(MINUTE);

    let first = bench.claim_all("one").await;
    let second = bench.claim_all("two").await;

    assert_eq!(first.len(), 1);
    assert_eq!(
        (first[0].id, first[0].sequence, first[0].attempt),
        (id, sequence, 1)
    );
    assert_eq!(
        (&first[0].event, &first[0].rule),
        (&event_id("d"), &rule("route"))
    );
    assert_eq!(
        (&first[0].key, &first[0].action),
        (&deploy("d", 0).key, &deploy("d", 0).action)
    );
    assert_eq!((first[0].run, first[0].forgiven), (0, 0));
    assert_eq!(first[0].created_at, START);
    assert!(second.is_empty());
    let record = bench.action(id).await;
    assert_eq!(
        (record.state, record.ended_at),
        (ActionState::Running, None)
    );
    let begun = AttemptRecord {
        number: 1,
        began_at: bench.now(),
        ended_at: None,
        result: None,
        detail: None,
        exit_code: None,
        output: None,
    };
    assert_eq!(record.attempts, [begun]);
}

pub(super) async fn an_action_keeps_the_run_it_was_asked_for_in(bench: Bench) {
    let of_run = |action: NewAction| NewAction { run: 3, ..action };
    let ids = bench
        .with_actions("d", vec![of_run(deploy("d", 0)), of_run(notify("d", 1))])
        .await;

    let command = bench.claim_all(WORKER).await.remove(0);
    let message = bench.claim_message(WORKER).await.expect("a message");
    bench
        .settle(WORKER, ids[0], AttemptResult::Interrupted)
        .await;

    assert_eq!((command.run, message.run), (3, 3));
    assert_eq!(bench.action(ids[0]).await.run, 3);
    let undecided = bench.store().interrupted().await.expect("the interrupted");
    assert_eq!(undecided[0].run, 3);
}

pub(super) async fn an_action_is_claimed_for_its_kind_alone(bench: Bench) {
    let ids = bench
        .with_actions("d", vec![notify("d", 0), deploy("d", 1)])
        .await;

    let message = bench.claim_lane(WORKER, "team").await.expect("a message");
    let none = bench.claim_lane(WORKER, "web").await;
    let commands = bench.claim_commands(WORKER).await;

    assert_eq!(message.action.id, ids[0]);
    assert!(message.others.is_empty());
    assert!(none.is_none());
    assert_eq!(commands, ids[1..]);
}

pub(super) async fn commands_are_claimed_in_the_order_of_events_up_to_the_limit(bench: Bench) {
    bench.event_held_by(WORKER, "a").await;
    let later = bench.with_actions("b", vec![deploy("b", 0)]).await[0];
    let earlier = bench
        .commit("a", vec![deploy("a", 0), deploy("a", 1)])
        .await;
    let store = bench.store();

    let none = store.claim_commands(WORKER, START, 0).await;
    let two = store.claim_commands(WORKER, START, 2).await;
    let rest = store.claim_commands(WORKER, START, 2).await;

    assert!(none.expect("a claim").is_empty());
    let ids: Vec<_> = two
        .expect("a claim")
        .iter()
        .map(|action| action.id)
        .collect();
    assert_eq!(ids, earlier);
    assert_eq!(rest.expect("a claim")[0].id, later);
}

pub(super) async fn commands_that_fell_due_first_are_claimed_first(bench: Bench) {
    let late = NewAction {
        due_at: START.after(MINUTE),
        ..command("a", 0, "shop")
    };
    let ids = bench
        .with_actions("a", vec![late, command("a", 1, "web")])
        .await;
    bench.advance(MINUTE);
    let store = bench.store();

    let first = store.claim_commands(WORKER, bench.now(), 1).await;
    let second = store.claim_commands(WORKER, bench.now(), 1).await;

    assert_eq!(first.expect("a claim")[0].id, ids[1]);
    assert_eq!(second.expect("a claim")[0].id, ids[0]);
}

pub(super) async fn an_action_is_not_claimed_before_it_is_due(bench: Bench) {
    let later = |action: NewAction| NewAction {
        due_at: START.after(MINUTE),
        ..action
    };
    let actions = vec![later(notify("d", 0)), later(deploy("d", 1))];
    bench.with_actions("d", actions).await;

    let message = bench.claim_message(WORKER).await;
    let command = bench.claim_commands(WORKER).await;
    bench.advance(MINUTE);

    assert!(message.is_none() && command.is_empty());
    assert!(bench.claim_message(WORKER).await.is_some());
    assert_eq!(bench.claim_commands(WORKER).await.len(), 1);
}

pub(super) async fn a_settled_action_is_done_with_its_attempt_ended(bench: Bench) {
    let id = bench.with_actions("d", vec![deploy("d", 0)]).await[0];
    bench.claim_commands(WORKER).await;
    let end = AttemptEnd {
        at: START.after(MINUTE),
        result: AttemptResult::Done,
        detail: Some("exit code 0".to_owned()),
        exit_code: Some(0),
        output: Some("built".to_owned()),
    };

    let settled = bench
        .store()
        .settle_action(WORKER, id, end.clone(), Consequences::default())
        .await;

    settled.expect("it is settled");
    let record = bench.action(id).await;
    assert_eq!(
        (record.state, record.ended_at),
        (ActionState::Done, Some(end.at))
    );
    assert_eq!(record.detail, end.detail);
    let attempt = AttemptRecord {
        number: 1,
        began_at: START,
        ended_at: Some(end.at),
        result: Some("done".to_owned()),
        detail: end.detail,
        exit_code: end.exit_code,
        output: end.output,
    };
    assert_eq!(record.attempts, [attempt]);
    assert!(bench.claim_commands(WORKER).await.is_empty());
}

pub(super) async fn a_retry_waits_for_its_time_and_counts_attempts(bench: Bench) {
    let id = bench.with_actions("d", vec![deploy("d", 0)]).await[0];
    bench.claim_commands(WORKER).await;
    let due_at = START.after(MINUTE);

    bench
        .settle(WORKER, id, AttemptResult::Retry { due_at })
        .await;
    let too_early = bench.claim_commands(WORKER).await;
    let due = next_command(&bench).await;
    let state = bench.state(id).await;
    bench.advance(MINUTE);
    let again = bench.claim_all("another").await;

    assert!(too_early.is_empty());
    assert_eq!(due, Some(due_at));
    assert_eq!(state, ActionState::Retrying);
    assert_eq!((again[0].id, again[0].attempt), (id, 2));
    assert_eq!(again[0].forgiven, 0);
    let attempts = bench.action(id).await.attempts;
    assert_eq!(attempts.len(), 2);
    assert_eq!(attempts[0].result.as_deref(), Some("retry"));
    assert_eq!(attempts[1].result, None);
}

pub(super) async fn an_attempt_that_fails_for_good_says_how_the_action_ended(bench: Bench) {
    let ends = [
        (AttemptResult::Dead, ActionState::Dead),
        (AttemptResult::Refused, ActionState::Refused),
        (AttemptResult::Canceled, ActionState::Canceled),
        (AttemptResult::Superseded, ActionState::Superseded),
    ];
    let actions = (0..ends.len()).map(|index| deploy("d", index)).collect();
    let ids = bench.with_actions("d", actions).await;
    bench.claim_commands(WORKER).await;

    for (id, (result, state)) in ids.into_iter().zip(ends) {
        bench.settle(WORKER, id, result).await;

        let record = bench.action(id).await;
        assert_eq!((record.state, record.ended_at), (state, Some(START)));
        assert_eq!(record.detail.as_deref(), Some("as the channel says"));
        assert_eq!(record.caused_by, None);
        assert_eq!(record.attempts[0].result.as_deref(), Some(state.as_str()));
    }
    assert!(bench.claim_commands(WORKER).await.is_empty());
    assert_eq!(bench.store().backlog().await.expect("the backlog").dead, 1);
}

pub(super) async fn an_action_claimed_by_another_is_not_settled(bench: Bench) {
    let id = bench.message("d").await;
    let store = bench.store();
    let end = ended(START, AttemptResult::Done);

    let unclaimed = store
        .settle_action("two", id, end.clone(), Consequences::default())
        .await;
    bench.claim_message("one").await;
    let anothers = store
        .settle_action(
            "two",
            id,
            end.clone(),
            with_follow_ups(vec![notify("d", 1)]),
        )
        .await;
    let unknown = store
        .settle_action("two", ActionId(99), end, Consequences::default())
        .await;

    assert!(matches!(unclaimed, Err(StoreError::ClaimLost { .. })));
    assert!(matches!(anothers, Err(StoreError::ClaimLost { .. })));
    assert!(matches!(unknown, Err(StoreError::NotFound { .. })));
    assert_eq!(bench.state(id).await, ActionState::Running);
    assert!(bench.claim_message(WORKER).await.is_none());
}

pub(super) async fn an_action_is_not_settled_twice(bench: Bench) {
    let id = bench.message("d").await;
    bench.claim_message(WORKER).await;
    bench.settle(WORKER, id, AttemptResult::Done).await;

    let end = ended(START, AttemptResult::Dead);
    let again = bench
        .store()
        .settle_action(WORKER, id, end, Consequences::default())
        .await;

    assert!(matches!(again, Err(StoreError::ClaimLost { .. })));
    assert_eq!(bench.state(id).await, ActionState::Done);
}

pub(super) async fn follow_ups_are_committed_with_the_end_and_once(bench: Bench) {
    let id = bench.with_actions("d", vec![deploy("d", 0)]).await[0];
    bench.claim_commands(WORKER).await;
    let report = notify("d", 1);
    let end = ended(START, AttemptResult::Done);

    let twice = vec![report.clone(), report];
    let settled = bench
        .store()
        .settle_action(WORKER, id, end, with_follow_ups(twice))
        .await;

    settled.expect("it is settled");
    let reports = bench.claim_lane(WORKER, "team").await.expect("a report");
    assert_eq!(reports.action.key, "d/0/route/1");
    assert!(reports.others.is_empty());
}

pub(super) async fn a_follow_up_of_an_unknown_event_leaves_the_action_running(bench: Bench) {
    let id = bench.with_actions("d", vec![deploy("d", 0)]).await[0];
    bench.claim_commands(WORKER).await;
    let end = ended(START, AttemptResult::Done);

    let failed = bench
        .store()
        .settle_action(WORKER, id, end, with_follow_ups(vec![notify("e", 0)]))
        .await;

    assert!(matches!(failed, Err(StoreError::NotFound { .. })));
    let record = bench.action(id).await;
    assert_eq!(
        (record.state, record.attempts[0].ended_at),
        (ActionState::Running, None)
    );
}

pub(super) async fn an_interrupted_notification_waits_again(bench: Bench) {
    let id = bench.message("d").await;
    bench.claim_message(WORKER).await;

    bench.settle(WORKER, id, AttemptResult::Interrupted).await;
    let again = bench.claim_message(WORKER).await.expect("the message");

    assert_eq!((again.id, again.attempt), (id, 2));
    let attempts = bench.action(id).await.attempts;
    assert_eq!(attempts[0].result.as_deref(), Some("interrupted"));
}

pub(super) async fn an_interrupted_command_waits_for_a_decision(bench: Bench) {
    let store = bench.store();
    let id = bench.with_actions("d", vec![deploy("d", 0)]).await[0];
    bench.claim_commands(WORKER).await;

    bench.settle(WORKER, id, AttemptResult::Interrupted).await;
    let undecided = store.interrupted().await.expect("the interrupted");
    let open = store.backlog().await.expect("the backlog").actions;
    let decision = InterruptDecision::Keep;
    let decided = store
        .decide_interrupted(id, decision, None, Vec::new())
        .await;
    let closed = store.backlog().await.expect("the backlog").actions;
    let rest = store.interrupted().await.expect("the interrupted");

    decided.expect("it is decided");
    assert_eq!((open, closed), (1, 0), "what waits for a decision is open");
    assert_eq!(undecided.len(), 1);
    assert_eq!((undecided[0].id, &undecided[0].event), (id, &event_id("d")));
    assert_eq!(undecided[0].action, deploy("d", 0).action);
    assert!(rest.is_empty());
    assert_eq!(bench.state(id).await, ActionState::Interrupted);
    assert!(bench.claim_commands(WORKER).await.is_empty());
}

pub(super) async fn what_follows_from_a_decision_is_kept_with_it(bench: Bench) {
    let id = bench.with_actions("d", vec![deploy("d", 0)]).await[0];
    bench.claim_commands(WORKER).await;
    bench.settle(WORKER, id, AttemptResult::Interrupted).await;

    let report = vec![notify("d", 1)];
    let decided = bench
        .store()
        .decide_interrupted(id, InterruptDecision::Keep, None, report)
        .await;

    decided.expect("it is decided");
    assert!(bench.claim_message(WORKER).await.is_some());
}

pub(super) async fn a_command_to_be_rerun_is_claimed_again(bench: Bench) {
    let id = bench.with_actions("d", vec![deploy("d", 0)]).await[0];
    bench.claim_commands(WORKER).await;
    bench.settle(WORKER, id, AttemptResult::Interrupted).await;

    rerun(&bench, id).await;
    let waiting = bench.action(id).await;
    let again = bench.claim_all(WORKER).await;
    bench.settle(WORKER, id, AttemptResult::Interrupted).await;

    assert_eq!(
        (waiting.state, waiting.ended_at),
        (ActionState::Waiting, None)
    );
    assert_eq!((again[0].id, again[0].attempt), (id, 2));
    assert_eq!(
        bench
            .store()
            .interrupted()
            .await
            .expect("the interrupted")
            .len(),
        1
    );
}

pub(super) async fn only_an_interrupted_command_can_be_decided_about(bench: Bench) {
    let id = bench.with_actions("d", vec![deploy("d", 0)]).await[0];
    let decision = InterruptDecision::Rerun;

    let waiting = bench
        .store()
        .decide_interrupted(id, decision, None, vec![notify("d", 1)])
        .await;
    let unknown = bench
        .store()
        .decide_interrupted(ActionId(99), decision, None, Vec::new())
        .await;

    assert!(matches!(waiting, Err(StoreError::NotFound { .. })));
    assert!(matches!(unknown, Err(StoreError::NotFound { .. })));
    assert!(bench.claim_message(WORKER).await.is_none());
}

pub(super) async fn what_was_found_of_an_output_is_put_into_the_record_of_the_last_attempt(
    bench: Bench,
) {
    let id = cut_off(&bench, "d").await;
    rerun(&bench, id).await;
    bench.claim_commands(WORKER).await;
    bench.settle(WORKER, id, AttemptResult::Interrupted).await;
    let undecided = bench.store().interrupted().await.expect("the interrupted");

    let output = Some("half of it".to_owned());
    let decision = InterruptDecision::Keep;
    let decided = bench
        .store()
        .decide_interrupted(id, decision, output.clone(), Vec::new())
        .await;

    decided.expect("it is decided");
    assert_eq!(undecided[0].attempt, 2);
    let attempts = bench.action(id).await.attempts;
    assert_eq!((&attempts[0].output, &attempts[1].output), (&None, &output));
}

pub(super) async fn the_next_command_is_the_first_that_is_not_due(bench: Bench) {
    let due = |action: NewAction, minutes: u32| NewAction {
        due_at: START.after(MINUTE * minutes),
        ..action
    };
    let none = next_command(&bench).await;
    let actions = vec![
        deploy("d", 0),
        due(deploy("d", 1), 3),
        due(command("d", 2, "shop"), 2),
        due(notify("d", 3), 1),
    ];
    bench.with_actions("d", actions).await;

    let first = next_command(&bench).await;
    bench.advance(MINUTE * 2);
    let second = next_command(&bench).await;
    bench.advance(MINUTE);
    let last = next_command(&bench).await;

    assert_eq!((none, last), (None, None));
    assert_eq!(first, Some(START.after(MINUTE * 2)));
    assert_eq!(second, Some(START.after(MINUTE * 3)));
}
