//! Keys of commands: one at a time, in the order of the events.

use std::time::Duration;

use super::bench::{Bench, START, WORKER, deploy, keyed};
use crate::domain::turn::WhenBusy;
use crate::store::{ActionState, AttemptResult, InterruptDecision};

const MINUTE: Duration = Duration::from_mins(1);

pub(super) async fn commands_without_a_turn_are_claimed_together(bench: Bench) {
    let ids = bench
        .with_actions("d", vec![deploy("d", 0), deploy("d", 1)])
        .await;

    let claimed = bench.claim_commands(WORKER).await;

    assert_eq!(claimed, ids);
}

pub(super) async fn one_action_of_a_key_runs_at_a_time(bench: Bench) {
    let first = bench.command("a", "web").await;
    let second = bench.command("b", "web").await;

    let claimed = bench.claim_commands("one").await;
    let meanwhile = bench.claim_commands("two").await;
    bench.settle("one", first, AttemptResult::Done).await;
    let afterwards = bench.claim_commands("two").await;

    assert_eq!(claimed, [first]);
    assert!(meanwhile.is_empty());
    assert_eq!(afterwards, [second]);
}

pub(super) async fn one_claim_takes_one_action_of_each_key(bench: Bench) {
    let web = bench.command("a", "web").await;
    bench.command("b", "web").await;
    let shop = bench.command("c", "shop").await;

    let claimed = bench.claim_commands(WORKER).await;

    assert_eq!(claimed, [web, shop]);
}

pub(super) async fn a_key_waits_while_its_first_action_is_not_due(bench: Bench) {
    let first = bench.command("a", "web").await;
    bench.claim_commands(WORKER).await;
    let due_at = START.after(MINUTE);
    bench
        .settle(WORKER, first, AttemptResult::Retry { due_at })
        .await;
    let second = bench.command("b", "web").await;

    let before = bench.claim_commands(WORKER).await;
    bench.advance(MINUTE);
    let after = bench.claim_commands(WORKER).await;

    assert!(before.is_empty());
    assert_eq!(after, [first]);
    assert_eq!(bench.state(second).await, ActionState::Waiting);
}

pub(super) async fn a_command_never_runs_after_the_same_one_of_a_later_event_of_its_key(
    bench: Bench,
) {
    bench.event_held_by(WORKER, "early").await;
    let late = bench.turned("late", "web", WhenBusy::Latest).await;
    bench.claim_commands(WORKER).await;
    let early = bench
        .commit("early", vec![keyed(deploy("early", 0), "web")])
        .await[0];
    bench.advance(MINUTE);

    let claimed = bench.claim_commands(WORKER).await;

    assert!(claimed.is_empty());
    let record = bench.action(early).await;
    assert_eq!(record.state, ActionState::Superseded);
    assert_eq!(record.caused_by, Some(bench.action(late).await.key));
    assert_eq!(record.ended_at, Some(bench.now()));
    assert!(record.attempts.is_empty());
    assert_eq!(bench.state(late).await, ActionState::Running);
}

pub(super) async fn a_command_rerun_too_late_is_superseded(bench: Bench) {
    let first = bench.command("a", "web").await;
    let second = bench.command("b", "web").await;
    bench.claim_commands(WORKER).await;
    bench
        .settle(WORKER, first, AttemptResult::Interrupted)
        .await;
    assert_eq!(bench.claim_commands(WORKER).await, [second]);
    bench.settle(WORKER, second, AttemptResult::Dead).await;

    let decision = InterruptDecision::Rerun;
    let decided = bench
        .store()
        .decide_interrupted(first, decision, None, Vec::new())
        .await;
    let claimed = bench.claim_commands(WORKER).await;

    decided.expect("it is decided");
    assert!(claimed.is_empty());
    assert_eq!(bench.state(first).await, ActionState::Superseded);
}

pub(super) async fn the_action_behind_a_superseded_one_is_claimed_at_once(bench: Bench) {
    bench.event_held_by(WORKER, "a").await;
    let second = bench.turned("b", "web", WhenBusy::Latest).await;
    bench.claim_commands(WORKER).await;
    bench.settle(WORKER, second, AttemptResult::Done).await;
    let third = bench.command("c", "web").await;
    let first = bench.commit("a", vec![keyed(deploy("a", 0), "web")]).await[0];
    bench.finish("a").await;

    let claimed = bench.claim_commands(WORKER).await;

    assert_eq!(claimed, [third]);
    assert_eq!(bench.state(first).await, ActionState::Superseded);
}

pub(super) async fn actions_of_one_event_and_key_run_in_the_order_of_their_commit(bench: Bench) {
    let actions = vec![
        keyed(deploy("d", 0), "web"),
        keyed(deploy("d", 1), "web"),
        keyed(deploy("d", 2), "web"),
    ];
    let ids = bench.with_actions("d", actions).await;

    let first = bench.claim_commands(WORKER).await;
    bench.settle(WORKER, ids[0], AttemptResult::Done).await;
    let second = bench.claim_commands(WORKER).await;
    bench.settle(WORKER, ids[1], AttemptResult::Done).await;
    let third = bench.claim_commands(WORKER).await;

    assert_eq!(first, ids[..1]);
    assert_eq!(second, ids[1..2]);
    assert_eq!(third, ids[2..]);
}

pub(super) async fn a_key_with_many_waiting_does_not_hide_the_others(bench: Bench) {
    let many = (0..200)
        .map(|index| keyed(deploy("a", index), "web"))
        .collect();
    let first = bench.with_actions("a", many).await[0];
    let other = bench.command("b", "shop").await;

    let claimed = bench.claim_commands(WORKER).await;

    assert_eq!(claimed, [first, other]);
}
