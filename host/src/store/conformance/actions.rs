//! Actions: claims, attempts and their ends, interruptions, and what follows.

use std::time::Duration;

use super::bench::{Bench, START, WORKER, deploy, ended, event_id, notify, rule};
use crate::domain::clock::Timestamp;
use crate::store::{
    ActionId, ActionKind, ActionState, AttemptEnd, AttemptRecord, AttemptResult, InterruptDecision,
    NewAction, StoreError,
};

const MINUTE: Duration = Duration::from_mins(1);

async fn next_due(bench: &Bench, kind: ActionKind) -> Option<Timestamp> {
    bench
        .store()
        .next_due(kind, bench.now())
        .await
        .expect("a time")
}

pub(super) async fn an_action_is_claimed_once_with_its_attempt_on_record(bench: Bench) {
    let sequence = bench.event_held_by(WORKER, "d").await.sequence;
    let id = bench.commit("d", vec![notify("d", 0)]).await[0];
    bench.advance(MINUTE);

    let first = bench.claim("one", ActionKind::Notify).await;
    let second = bench.claim("two", ActionKind::Notify).await;

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
        (&notify("d", 0).key, &notify("d", 0).action)
    );
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

pub(super) async fn an_action_is_claimed_for_its_kind_alone(bench: Bench) {
    let ids = bench
        .with_actions("d", vec![notify("d", 0), deploy("d", 1)])
        .await;

    let messages = bench.claim(WORKER, ActionKind::Notify).await;
    let commands = bench.claim(WORKER, ActionKind::Deploy).await;

    assert_eq!(
        messages.iter().map(|action| action.id).collect::<Vec<_>>(),
        ids[..1]
    );
    assert_eq!(
        commands.iter().map(|action| action.id).collect::<Vec<_>>(),
        ids[1..]
    );
}

pub(super) async fn actions_are_claimed_in_the_order_of_events_up_to_the_limit(bench: Bench) {
    bench.event_held_by(WORKER, "a").await;
    let later = bench.message("b").await;
    let earlier = bench
        .commit("a", vec![notify("a", 0), notify("a", 1)])
        .await;
    let store = bench.store();

    let none = store
        .claim_actions(WORKER, ActionKind::Notify, START, 0)
        .await;
    let two = store
        .claim_actions(WORKER, ActionKind::Notify, START, 2)
        .await;
    let rest = store
        .claim_actions(WORKER, ActionKind::Notify, START, 2)
        .await;

    assert!(none.expect("a claim").is_empty());
    let ids: Vec<_> = two
        .expect("a claim")
        .iter()
        .map(|action| action.id)
        .collect();
    assert_eq!(ids, earlier);
    assert_eq!(rest.expect("a claim")[0].id, later);
}

pub(super) async fn an_action_is_not_claimed_before_it_is_due(bench: Bench) {
    let later = NewAction {
        due_at: START.after(MINUTE),
        ..notify("d", 0)
    };
    bench.with_actions("d", vec![later]).await;

    let too_early = bench.claim(WORKER, ActionKind::Notify).await;
    bench.advance(MINUTE);
    let in_time = bench.claim(WORKER, ActionKind::Notify).await;

    assert!(too_early.is_empty());
    assert_eq!(in_time.len(), 1);
}

pub(super) async fn a_settled_action_is_done_with_its_attempt_ended(bench: Bench) {
    let id = bench.with_actions("d", vec![deploy("d", 0)]).await[0];
    bench.claim(WORKER, ActionKind::Deploy).await;
    let end = AttemptEnd {
        at: START.after(MINUTE),
        result: AttemptResult::Done,
        detail: Some("exit code 0".to_owned()),
        exit_code: Some(0),
        output: Some("built".to_owned()),
    };

    let settled = bench
        .store()
        .settle_action(WORKER, id, end.clone(), Vec::new())
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
    assert!(bench.claim(WORKER, ActionKind::Deploy).await.is_empty());
}

pub(super) async fn a_retry_waits_for_its_time_and_counts_attempts(bench: Bench) {
    let id = bench.message("d").await;
    bench.claim(WORKER, ActionKind::Notify).await;
    let due_at = START.after(MINUTE);

    bench
        .settle(WORKER, id, AttemptResult::Retry { due_at })
        .await;
    let too_early = bench.claim(WORKER, ActionKind::Notify).await;
    let due = next_due(&bench, ActionKind::Notify).await;
    let state = bench.state(id).await;
    bench.advance(MINUTE);
    let again = bench.claim("another", ActionKind::Notify).await;

    assert!(too_early.is_empty());
    assert_eq!(due, Some(due_at));
    assert_eq!(state, ActionState::Retrying);
    assert_eq!((again[0].id, again[0].attempt), (id, 2));
    let attempts = bench.action(id).await.attempts;
    assert_eq!(attempts.len(), 2);
    assert_eq!(attempts[0].result.as_deref(), Some("retry"));
    assert_eq!(attempts[1].result, None);
}

pub(super) async fn an_action_given_up_is_dead_and_one_refused_is_refused(bench: Bench) {
    let ids = bench
        .with_actions("d", vec![notify("d", 0), notify("d", 1)])
        .await;
    bench.claim(WORKER, ActionKind::Notify).await;

    bench.settle(WORKER, ids[0], AttemptResult::Dead).await;
    bench.settle(WORKER, ids[1], AttemptResult::Refused).await;

    let (dead, refused) = (bench.action(ids[0]).await, bench.action(ids[1]).await);
    assert_eq!(
        (dead.state, refused.state),
        (ActionState::Dead, ActionState::Refused)
    );
    assert_eq!(
        (dead.ended_at, refused.ended_at),
        (Some(START), Some(START))
    );
    assert_eq!(dead.attempts[0].result.as_deref(), Some("dead"));
    assert_eq!(refused.attempts[0].result.as_deref(), Some("refused"));
    assert_eq!(bench.store().backlog().await.expect("the backlog").dead, 1);
}

pub(super) async fn an_action_claimed_by_another_is_not_settled(bench: Bench) {
    let id = bench.message("d").await;
    let store = bench.store();
    let end = ended(START, AttemptResult::Done);

    let unclaimed = store
        .settle_action("two", id, end.clone(), Vec::new())
        .await;
    bench.claim("one", ActionKind::Notify).await;
    let anothers = store
        .settle_action("two", id, end.clone(), vec![notify("d", 1)])
        .await;
    let unknown = store
        .settle_action("two", ActionId(99), end, Vec::new())
        .await;

    assert!(matches!(unclaimed, Err(StoreError::ClaimLost { .. })));
    assert!(matches!(anothers, Err(StoreError::ClaimLost { .. })));
    assert!(matches!(unknown, Err(StoreError::NotFound { .. })));
    assert_eq!(bench.state(id).await, ActionState::Running);
    assert!(bench.claim(WORKER, ActionKind::Notify).await.is_empty());
}

pub(super) async fn an_action_is_not_settled_twice(bench: Bench) {
    let id = bench.message("d").await;
    bench.claim(WORKER, ActionKind::Notify).await;
    bench.settle(WORKER, id, AttemptResult::Done).await;

    let end = ended(START, AttemptResult::Dead);
    let again = bench
        .store()
        .settle_action(WORKER, id, end, Vec::new())
        .await;

    assert!(matches!(again, Err(StoreError::ClaimLost { .. })));
    assert_eq!(bench.state(id).await, ActionState::Done);
}

pub(super) async fn follow_ups_are_committed_with_the_end_and_once(bench: Bench) {
    let id = bench.with_actions("d", vec![deploy("d", 0)]).await[0];
    bench.claim(WORKER, ActionKind::Deploy).await;
    let report = notify("d", 1);
    let end = ended(START, AttemptResult::Done);

    let twice = vec![report.clone(), report];
    let settled = bench.store().settle_action(WORKER, id, end, twice).await;

    settled.expect("it is settled");
    let reports = bench.claim(WORKER, ActionKind::Notify).await;
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].key, "d/0/route/1");
}

pub(super) async fn a_follow_up_of_an_unknown_event_leaves_the_action_running(bench: Bench) {
    let id = bench.with_actions("d", vec![deploy("d", 0)]).await[0];
    bench.claim(WORKER, ActionKind::Deploy).await;
    let end = ended(START, AttemptResult::Done);

    let failed = bench
        .store()
        .settle_action(WORKER, id, end, vec![notify("e", 0)])
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
    bench.claim(WORKER, ActionKind::Notify).await;

    bench.settle(WORKER, id, AttemptResult::Interrupted).await;
    let again = bench.claim(WORKER, ActionKind::Notify).await;

    assert_eq!((again[0].id, again[0].attempt), (id, 2));
    let attempts = bench.action(id).await.attempts;
    assert_eq!(attempts[0].result.as_deref(), Some("interrupted"));
}

pub(super) async fn an_interrupted_command_waits_for_a_decision(bench: Bench) {
    let store = bench.store();
    let id = bench.with_actions("d", vec![deploy("d", 0)]).await[0];
    bench.claim(WORKER, ActionKind::Deploy).await;

    bench.settle(WORKER, id, AttemptResult::Interrupted).await;
    let undecided = store.interrupted().await.expect("the interrupted");
    let open = store.backlog().await.expect("the backlog").actions;
    let decision = InterruptDecision::Keep;
    let decided = store.decide_interrupted(id, decision, Vec::new()).await;
    let closed = store.backlog().await.expect("the backlog").actions;
    let rest = store.interrupted().await.expect("the interrupted");

    decided.expect("it is decided");
    assert_eq!((open, closed), (1, 0), "what waits for a decision is open");
    assert_eq!(undecided.len(), 1);
    assert_eq!((undecided[0].id, &undecided[0].event), (id, &event_id("d")));
    assert_eq!(undecided[0].action, deploy("d", 0).action);
    assert!(rest.is_empty());
    assert_eq!(bench.state(id).await, ActionState::Interrupted);
    assert!(bench.claim(WORKER, ActionKind::Deploy).await.is_empty());
}

pub(super) async fn what_follows_from_a_decision_is_kept_with_it(bench: Bench) {
    let id = bench.with_actions("d", vec![deploy("d", 0)]).await[0];
    bench.claim(WORKER, ActionKind::Deploy).await;
    bench.settle(WORKER, id, AttemptResult::Interrupted).await;

    let report = vec![notify("d", 1)];
    let decided = bench
        .store()
        .decide_interrupted(id, InterruptDecision::Keep, report)
        .await;

    decided.expect("it is decided");
    assert_eq!(bench.claim(WORKER, ActionKind::Notify).await.len(), 1);
}

pub(super) async fn a_command_to_be_rerun_is_claimed_again(bench: Bench) {
    let id = bench.with_actions("d", vec![deploy("d", 0)]).await[0];
    bench.claim(WORKER, ActionKind::Deploy).await;
    bench.settle(WORKER, id, AttemptResult::Interrupted).await;

    let decision = InterruptDecision::Rerun;
    let decided = bench
        .store()
        .decide_interrupted(id, decision, Vec::new())
        .await;
    let waiting = bench.action(id).await;
    let again = bench.claim(WORKER, ActionKind::Deploy).await;
    bench.settle(WORKER, id, AttemptResult::Interrupted).await;

    decided.expect("it is decided");
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
        .decide_interrupted(id, decision, vec![notify("d", 1)])
        .await;
    let unknown = bench
        .store()
        .decide_interrupted(ActionId(99), decision, Vec::new())
        .await;

    assert!(matches!(waiting, Err(StoreError::NotFound { .. })));
    assert!(matches!(unknown, Err(StoreError::NotFound { .. })));
    assert!(bench.claim(WORKER, ActionKind::Notify).await.is_empty());
}

pub(super) async fn the_next_due_time_is_that_of_the_kind(bench: Bench) {
    let due = |action: NewAction, minutes: u32| NewAction {
        due_at: START.after(MINUTE * minutes),
        ..action
    };
    let none = next_due(&bench, ActionKind::Notify).await;
    let actions = vec![
        notify("d", 0),
        due(notify("d", 1), 3),
        due(notify("d", 2), 2),
        due(deploy("d", 3), 1),
    ];
    bench.with_actions("d", actions).await;

    let message = next_due(&bench, ActionKind::Notify).await;
    let command = next_due(&bench, ActionKind::Deploy).await;
    bench.advance(MINUTE * 2);
    let later = next_due(&bench, ActionKind::Notify).await;

    assert_eq!(none, None);
    assert_eq!(message, Some(START.after(MINUTE * 2)));
    assert_eq!(command, Some(START.after(MINUTE)));
    assert_eq!(later, Some(START.after(MINUTE * 3)));
}
