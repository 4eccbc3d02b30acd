//! Messages: the lanes of channels, what is merged and held, and channels that fail.

use std::time::Duration;

use super::bench::{Bench, START, WORKER, deploy, ended, message, notify};
use crate::domain::clock::Timestamp;
use crate::store::{
    ActionId, ActionState, AttemptResult, Channel, Consequences, Failing, Lane, NewAction,
};

const MINUTE: Duration = Duration::from_mins(1);

fn later(action: NewAction) -> NewAction {
    NewAction {
        due_at: START.after(MINUTE),
        ..action
    }
}

async fn lanes(bench: &Bench) -> Vec<Lane> {
    bench.store().lanes(bench.now()).await.expect("the lanes")
}

fn lane(channel: &str, due: u64, next_due_at: Option<Timestamp>) -> Lane {
    Lane {
        channel: channel.to_owned(),
        due,
        next_due_at,
    }
}

/// Ends the attempt at a message that carried others.
async fn settle_with(bench: &Bench, carrier: ActionId, result: AttemptResult, merged: &[ActionId]) {
    let consequences = Consequences {
        merged: merged.to_vec(),
        ..Consequences::default()
    };
    let end = ended(bench.now(), result);
    let settled = bench
        .store()
        .settle_action(WORKER, carrier, end, consequences)
        .await;
    settled.expect("it is settled");
}

pub(super) async fn messages_of_a_channel_are_claimed_one_at_a_time_in_the_order_of_their_events(
    bench: Bench,
) {
    bench.event_held_by(WORKER, "a").await;
    let late = bench.message("b").await;
    let early = bench
        .commit("a", vec![notify("a", 0), notify("a", 1)])
        .await;

    for id in [early[0], early[1], late] {
        let claimed = bench.claim_message("one").await.expect("a message");
        let meanwhile = bench.claim_message("two").await;
        bench.settle("one", id, AttemptResult::Done).await;

        assert_eq!(claimed.id, id);
        assert!(meanwhile.is_none());
    }
    assert!(bench.claim_message("one").await.is_none());
}

pub(super) async fn channels_do_not_wait_for_each_other(bench: Bench) {
    let actions = vec![notify("d", 0), message("d", 1, "ops")];
    let ids = bench.with_actions("d", actions).await;

    let team = bench.claim_lane("one", "team").await.expect("a message");
    let ops = bench.claim_lane("two", "ops").await.expect("a message");

    assert_eq!((team.action.id, ops.action.id), (ids[0], ids[1]));
    assert!(team.others.is_empty() && ops.others.is_empty());
}

pub(super) async fn a_message_that_is_not_due_holds_up_none_that_is(bench: Bench) {
    let actions = vec![later(notify("d", 0)), notify("d", 1), notify("d", 2)];
    let ids = bench.with_actions("d", actions).await;

    let claimed = bench.claim_lane(WORKER, "team").await.expect("a message");
    bench.advance(MINUTE);
    bench.settle(WORKER, ids[1], AttemptResult::Done).await;
    let next = bench.claim_message(WORKER).await.expect("a message");

    assert_eq!(claimed.action.id, ids[1]);
    assert_eq!(claimed.others[0].id, ids[2]);
    assert_eq!(next.id, ids[0], "the order is that of the events");
}

pub(super) async fn those_due_after_a_message_are_shown_and_claimed_by_nobody(bench: Bench) {
    let mut actions: Vec<_> = (0..5).map(|index| notify("d", index)).collect();
    actions[2] = later(notify("d", 2));
    actions[3] = deploy("d", 3);
    let ids = bench.with_actions("d", actions).await;
    let claim = async |others| {
        let store = bench.store();
        let claimed = store.claim_message(WORKER, "team", START, None, others);
        let claimed = claimed.await.expect("a claim").expect("a message");
        bench
            .settle(WORKER, ids[0], AttemptResult::Interrupted)
            .await;
        claimed
    };

    let none = claim(0).await;
    let one = claim(1).await;
    let all = claim(usize::MAX).await;

    assert!(none.others.is_empty());
    assert_eq!(one.others.len(), 1);
    assert_eq!(
        (one.others[0].id, &one.others[0].key),
        (ids[1], &notify("d", 1).key)
    );
    assert_eq!(one.others[0].action, notify("d", 1).action);
    assert_eq!(one.others[0].rule, notify("d", 1).rule);
    let shown: Vec<_> = all.others.iter().map(|other| other.id).collect();
    assert_eq!(shown, [ids[1], ids[4]]);
    let record = bench.action(ids[1]).await;
    assert_eq!(record.state, ActionState::Waiting);
    assert!(record.attempts.is_empty());
}

pub(super) async fn a_message_that_is_passed_by_waits_and_is_not_shown(bench: Bench) {
    let actions = (0..3).map(|index| notify("d", index)).collect();
    let ids = bench.with_actions("d", actions).await;
    let store = bench.store();

    let first = store
        .claim_message(WORKER, "team", START, Some(ids[0]), 10)
        .await;
    let first = first.expect("a claim").expect("a message");
    bench.settle(WORKER, ids[1], AttemptResult::Held).await;
    let second = store
        .claim_message(WORKER, "team", START, Some(ids[2]), 10)
        .await;
    let second = second.expect("a claim").expect("a message");

    assert_eq!(first.action.id, ids[1]);
    assert_eq!((first.others.len(), first.others[0].id), (1, ids[2]));
    assert_eq!(second.action.id, ids[0]);
    assert_eq!((second.others.len(), second.others[0].id), (1, ids[1]));
    assert_eq!(bench.state(ids[2]).await, ActionState::Waiting);
}

pub(super) async fn merged_messages_end_with_the_one_that_carried_them(bench: Bench) {
    let actions = (0..3).map(|index| notify("d", index)).collect();
    let ids = bench.with_actions("d", actions).await;
    let carrier = bench.claim_message(WORKER).await.expect("a message");
    bench.advance(MINUTE);

    settle_with(&bench, carrier.id, AttemptResult::Done, &ids[1..2]).await;

    let merged = bench.action(ids[1]).await;
    assert_eq!(merged.state, ActionState::Merged);
    assert_eq!(merged.caused_by, Some(carrier.key));
    assert_eq!(merged.ended_at, Some(bench.now()));
    assert!(merged.attempts.is_empty());
    assert_eq!(bench.state(carrier.id).await, ActionState::Done);
    let next = bench.claim_message(WORKER).await.expect("a message");
    assert_eq!(next.id, ids[2]);
}

pub(super) async fn messages_are_merged_only_where_their_carrier_was_sent(bench: Bench) {
    let ids = bench
        .with_actions("d", vec![notify("d", 0), notify("d", 1)])
        .await;
    let due_at = START;

    for result in [
        AttemptResult::Retry { due_at },
        AttemptResult::Held,
        AttemptResult::Interrupted,
        AttemptResult::Dead,
    ] {
        bench.claim_message(WORKER).await;
        settle_with(&bench, ids[0], result, &ids[1..]).await;

        assert_eq!(bench.state(ids[1]).await, ActionState::Waiting);
    }
}

pub(super) async fn only_those_of_the_channel_that_still_wait_are_merged(bench: Bench) {
    let actions = vec![
        notify("d", 0),
        notify("d", 1),
        notify("d", 2),
        message("d", 3, "ops"),
        deploy("d", 4),
    ];
    let ids = bench.with_actions("d", actions).await;
    bench.claim_message(WORKER).await;
    bench.settle(WORKER, ids[0], AttemptResult::Dead).await;
    bench.claim_message(WORKER).await;
    let retried = AttemptResult::Retry {
        due_at: START.after(MINUTE),
    };
    bench.settle(WORKER, ids[1], retried).await;
    let carrier = bench.claim_message(WORKER).await.expect("a message");

    settle_with(&bench, carrier.id, AttemptResult::Done, &ids).await;

    let mut states = Vec::new();
    for id in ids {
        states.push(bench.state(id).await);
    }
    assert_eq!(
        states,
        [
            ActionState::Dead,
            ActionState::Merged,
            ActionState::Done,
            ActionState::Waiting,
            ActionState::Waiting
        ]
    );
}

pub(super) async fn a_held_message_waits_again_as_if_the_attempt_had_not_been(bench: Bench) {
    let id = bench.message("d").await;
    bench.advance(MINUTE);

    for attempt in 1..3 {
        let claimed = bench.claim_message(WORKER).await.expect("a message");
        bench.settle(WORKER, id, AttemptResult::Held).await;

        assert_eq!((claimed.attempt, claimed.forgiven), (attempt, attempt - 1));
        let record = bench.action(id).await;
        assert_eq!(
            (record.state, record.due_at, record.ended_at),
            (ActionState::Waiting, START, None)
        );
        let last = record.attempts.last().expect("the attempt");
        assert_eq!(last.result.as_deref(), Some("held"));
        assert_eq!(last.ended_at, Some(bench.now()));
    }
}

pub(super) async fn a_retry_of_a_message_counts_and_waits_for_its_time(bench: Bench) {
    let id = bench.message("d").await;
    bench.claim_message(WORKER).await;
    let due_at = START.after(MINUTE);

    bench
        .settle(WORKER, id, AttemptResult::Retry { due_at })
        .await;
    let state = bench.state(id).await;
    let too_early = bench.claim_message(WORKER).await;
    bench.advance(MINUTE);
    let again = bench.claim_message(WORKER).await.expect("a message");

    assert_eq!(state, ActionState::Retrying);
    assert!(too_early.is_none());
    assert_eq!((again.attempt, again.forgiven), (2, 0));
}

pub(super) async fn lanes_show_what_is_due_and_when_the_next_falls_due(bench: Bench) {
    let none = lanes(&bench).await;
    let actions = vec![
        notify("d", 0),
        notify("d", 1),
        later(notify("d", 2)),
        later(message("d", 3, "ops")),
        message("d", 4, "sent"),
        deploy("d", 5),
    ];
    bench.with_actions("d", actions).await;
    bench.claim_lane(WORKER, "sent").await;
    bench.claim_lane(WORKER, "team").await;

    let now = lanes(&bench).await;
    bench.advance(MINUTE);
    let later = lanes(&bench).await;

    assert!(none.is_empty());
    let next = Some(START.after(MINUTE));
    assert_eq!(now, [lane("ops", 0, next), lane("team", 1, next)]);
    assert_eq!(later, [lane("ops", 1, None), lane("team", 2, None)]);
}

pub(super) async fn a_lane_counts_a_thousand_and_one_at_most(bench: Bench) {
    let actions = (0..1_010).map(|index| notify("d", index)).collect();
    bench.with_actions("d", actions).await;

    let lanes = lanes(&bench).await;

    assert_eq!(lanes, [lane("team", 1_001, None)]);
}

pub(super) async fn every_attempt_at_a_message_of_a_channel_counts_as_sent(bench: Bench) {
    let actions = vec![notify("d", 0), message("d", 1, "ops"), deploy("d", 2)];
    let ids = bench.with_actions("d", actions).await;
    bench.claim_lane(WORKER, "ops").await;
    bench.claim_commands(WORKER).await;
    let due_at = START;
    let mut began = Vec::new();
    for result in [
        AttemptResult::Held,
        AttemptResult::Retry { due_at },
        AttemptResult::Done,
    ] {
        began.push(bench.now());
        bench.claim_message(WORKER).await;
        bench.settle(WORKER, ids[0], result).await;
        bench.advance(MINUTE);
    }
    let since = async |moment| {
        let sent = bench.store().sent_since("team", moment).await;
        sent.expect("the moments")
    };

    assert_eq!(since(START).await, began);
    assert_eq!(since(began[1]).await, began[1..]);
    assert!(since(bench.now()).await.is_empty());
    let of_a_command = bench.store().sent_since("web", START).await;
    assert!(of_a_command.expect("the moments").is_empty());
}

pub(super) async fn messages_committed_before_a_moment_are_given_up_with_the_reason(bench: Bench) {
    let actions = vec![
        notify("a", 0),
        notify("a", 1),
        notify("a", 2),
        message("a", 3, "ops"),
        deploy("a", 4),
    ];
    let old = bench.with_actions("a", actions).await;
    bench.claim_message(WORKER).await;
    let due_at = START.after(MINUTE);
    bench
        .settle(WORKER, old[0], AttemptResult::Retry { due_at })
        .await;
    bench.claim_message(WORKER).await;
    bench.advance(MINUTE);
    bench.event_held_by(WORKER, "b").await;
    let new = bench.commit_now("b", vec![notify("b", 0)]).await[0];

    let given_up = bench
        .store()
        .give_up("team", bench.now(), "it failed for a day".to_owned())
        .await;

    assert_eq!(given_up.expect("an answer"), 2);
    for id in [old[0], old[2]] {
        let record = bench.action(id).await;
        assert_eq!(
            (record.state, record.ended_at),
            (ActionState::Dead, Some(bench.now()))
        );
        assert_eq!(record.detail.as_deref(), Some("it failed for a day"));
    }
    assert_eq!(bench.state(old[1]).await, ActionState::Running);
    for id in [old[3], old[4], new] {
        assert_eq!(bench.state(id).await, ActionState::Waiting);
    }
}

pub(super) async fn a_failing_channel_is_known_until_it_works_again(mut bench: Bench) {
    let failing = |failures| Failing {
        since: START,
        until: START.after(MINUTE * failures),
        failures,
        error: "`chat.example.org` does not answer".to_owned(),
    };
    for (channel, failures) in [("team", 1), ("ops", 2), ("team", 3)] {
        let kept = bench
            .store()
            .keep_channel(channel, Some(failing(failures)))
            .await;
        kept.expect("it is kept");
    }

    bench.reopen();
    let both = bench.store().failing().await.expect("the channels");
    let kept = bench.store().keep_channel("ops", None).await;
    kept.expect("it is forgotten");
    let kept = bench.store().keep_channel("never", None).await;
    kept.expect("there is nothing to forget");
    let one = bench.store().failing().await.expect("the channels");

    let channel = |name: &str, failures| Channel {
        name: name.to_owned(),
        failing: Some(failing(failures)),
    };
    assert_eq!(both, [channel("ops", 2), channel("team", 3)]);
    assert_eq!(one, [channel("team", 3)]);
}
