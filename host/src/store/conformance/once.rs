//! Messages that are to be sent once within a time.

use std::time::Duration;

use super::bench::{Bench, START, WORKER, event_id, rule};
use crate::domain::decision::{Action, Notification, Once};
use crate::store::{ActionId, ActionState, AttemptResult, NewAction};

const HOUR: Duration = Duration::from_hours(1);

/// A message for an event that is sent once an hour.
fn once(event: &str, index: usize, channel: &str, key: &str) -> NewAction {
    let notification = Notification {
        once: Some(Once {
            key: key.to_owned(),
            seconds: 3_600,
        }),
        ..Notification::to(channel)
    };
    super::bench::action(event, index, Action::Notify(notification))
}

/// An event with one message that is sent once an hour, committed now.
async fn committed(bench: &Bench, name: &str) -> ActionId {
    bench.event_held_by(WORKER, name).await;
    let actions = vec![once(name, 0, "team", "disk")];
    bench.commit_now(name, actions).await[0]
}

pub(super) async fn a_message_is_not_sent_again_within_its_time(bench: Bench) {
    let first = committed(&bench, "a").await;
    bench.advance(HOUR - Duration::from_millis(1));

    let second = committed(&bench, "b").await;
    bench.advance(Duration::from_millis(1));
    let third = committed(&bench, "c").await;

    let record = bench.action(second).await;
    assert_eq!(record.state, ActionState::Deduplicated);
    assert_eq!(record.caused_by, Some(bench.action(first).await.key));
    assert_eq!(record.ended_at, Some(record.created_at));
    assert_eq!(bench.state(third).await, ActionState::Waiting);
    let claimed = bench.claim_lane(WORKER, "team").await.expect("a message");
    assert_eq!(claimed.action.id, first);
    assert_eq!(claimed.others.len(), 1, "that of the second is not sent");
}

pub(super) async fn a_message_is_the_same_for_one_rule_channel_and_key(bench: Bench) {
    committed(&bench, "a").await;
    let of_another_rule = NewAction {
        rule: rule("other"),
        ..once("b", 0, "team", "disk")
    };
    let actions = vec![
        of_another_rule,
        once("b", 1, "ops", "disk"),
        once("b", 2, "team", "memory"),
        once("b", 3, "team", "disk"),
    ];

    let ids = bench.with_actions("b", actions).await;

    for id in &ids[..3] {
        assert_eq!(bench.state(*id).await, ActionState::Waiting);
    }
    assert_eq!(bench.state(ids[3]).await, ActionState::Deduplicated);
}

pub(super) async fn the_second_of_one_commit_is_not_sent(bench: Bench) {
    let actions = vec![once("d", 0, "team", "disk"), once("d", 1, "team", "disk")];

    let ids = bench.with_actions("d", actions).await;

    assert_eq!(bench.state(ids[0]).await, ActionState::Waiting);
    assert_eq!(bench.state(ids[1]).await, ActionState::Deduplicated);
}

pub(super) async fn a_message_that_was_sent_counts(bench: Bench) {
    let first = committed(&bench, "a").await;
    bench.claim_message(WORKER).await;
    let running = committed(&bench, "b").await;
    bench.settle(WORKER, first, AttemptResult::Done).await;
    let done = committed(&bench, "c").await;

    assert_eq!(bench.state(running).await, ActionState::Deduplicated);
    assert_eq!(bench.state(done).await, ActionState::Deduplicated);
}

pub(super) async fn a_message_that_came_to_nothing_does_not_count(bench: Bench) {
    for (name, result) in [
        ("a", AttemptResult::Dead),
        ("b", AttemptResult::Refused),
        ("c", AttemptResult::Canceled),
    ] {
        let id = committed(&bench, name).await;
        assert_eq!(bench.state(id).await, ActionState::Waiting);
        bench.claim_message(WORKER).await;
        bench.settle(WORKER, id, result).await;
    }
    let at_once = |index, state| NewAction {
        state,
        ..once("d", index, "team", "disk")
    };
    let actions = vec![
        at_once(0, ActionState::Refused),
        at_once(1, ActionState::Shadowed),
    ];
    bench.with_actions("d", actions).await;

    let last = committed(&bench, "e").await;

    assert_eq!(bench.state(last).await, ActionState::Waiting);
}

pub(super) async fn what_ends_at_once_is_not_deduplicated(bench: Bench) {
    committed(&bench, "a").await;
    let refused = NewAction {
        state: ActionState::Refused,
        ..once("b", 0, "team", "disk")
    };

    let id = bench.with_actions("b", vec![refused]).await[0];

    assert_eq!(bench.state(id).await, ActionState::Refused);
}

pub(super) async fn a_message_committed_again_is_no_repetition_of_itself(bench: Bench) {
    let first = committed(&bench, "a").await;
    let again = NewAction {
        event: event_id("b"),
        ..once("a", 0, "team", "disk")
    };

    let ids = bench.with_actions("b", vec![again]).await;

    assert_eq!(ids, [first]);
    assert_eq!(bench.state(first).await, ActionState::Waiting);
    assert_eq!(bench.action(first).await.created_at, START);
}
