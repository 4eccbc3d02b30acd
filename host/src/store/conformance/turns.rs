//! Turns: what a command does that finds others of its key, when it is kept and when it would be claimed.

use std::time::Duration;

use super::bench::{Bench, START, WORKER, command, deploy, event_id, keyed, notify, turned};
use crate::domain::turn::WhenBusy;
use crate::store::{
    ActionFilter, ActionId, ActionState, AttemptResult, Cancellation, InterruptDecision, NewAction,
    Survivors,
};

const MINUTE: Duration = Duration::from_mins(1);

async fn assert_superseded(bench: &Bench, id: ActionId, by: ActionId) {
    let record = bench.action(id).await;
    assert_eq!(record.state, ActionState::Superseded, "{}", record.key);
    assert_eq!(record.caused_by, Some(bench.action(by).await.key));
    assert!(record.ended_at.is_some());
}

async fn assert_refused(bench: &Bench, id: ActionId, by: ActionId, detail: &str) {
    let record = bench.action(id).await;
    assert_eq!(record.state, ActionState::Refused);
    assert_eq!(record.caused_by, Some(bench.action(by).await.key));
    assert_eq!(record.detail.as_deref(), Some(detail));
    assert_eq!(record.ended_at, Some(bench.now()));
}

async fn to_end(bench: &Bench, owner: &str) -> Vec<Cancellation> {
    let to_end = bench.store().cancellations(owner).await;
    to_end.expect("the cancellations")
}

async fn retry(bench: &Bench, id: ActionId) {
    let filter = ActionFilter {
        id: Some(id),
        ..ActionFilter::default()
    };
    let retried = bench.store().retry_actions(filter, bench.now()).await;
    assert_eq!(retried.expect("an answer"), 1);
}

/// A command of the event `a` that runs, and one of the event `b` that asks for its end.
async fn one_to_end(bench: &Bench) -> (ActionId, ActionId) {
    let first = bench.turned("a", "web", WhenBusy::Cancel).await;
    assert_eq!(bench.claim_commands(WORKER).await, [first]);
    let second = bench.turned("b", "web", WhenBusy::Cancel).await;
    (first, second)
}

pub(super) async fn one_that_rejects_is_refused_while_another_of_its_key_is_open(bench: Bench) {
    let first = bench.command("a", "web").await;
    let waits = bench.turned("b", "web", WhenBusy::Reject).await;
    bench.claim_commands(WORKER).await;
    let runs = bench.turned("c", "web", WhenBusy::Reject).await;
    let due_at = START.after(MINUTE);
    bench
        .settle(WORKER, first, AttemptResult::Retry { due_at })
        .await;
    let retries = bench.turned("d", "web", WhenBusy::Reject).await;
    let elsewhere = bench.turned("e", "shop", WhenBusy::Reject).await;

    let waiting = "`when_busy = \"reject\"`: `web` waits for event `a`";
    let running = "`when_busy = \"reject\"`: `web` is at work for event `a`";
    assert_refused(&bench, waits, first, waiting).await;
    assert_refused(&bench, runs, first, running).await;
    assert_refused(&bench, retries, first, waiting).await;
    assert_eq!(bench.claim_commands(WORKER).await, [elsewhere]);
}

pub(super) async fn one_that_rejects_is_refused_for_any_event_and_command(bench: Bench) {
    bench.event_held_by(WORKER, "early").await;
    let docs = keyed(command("late", 0, "docs"), "group/web");
    let rejecting = |event, index| turned(deploy(event, index), "group/web", WhenBusy::Reject);
    let late = bench
        .with_actions("late", vec![docs, rejecting("late", 1)])
        .await;
    let early = bench.commit("early", vec![rejecting("early", 0)]).await[0];

    let detail = "`when_busy = \"reject\"`: `docs` waits for event `late`";
    assert_refused(&bench, late[1], late[0], detail).await;
    assert_refused(&bench, early, late[0], detail).await;
}

pub(super) async fn one_that_rejects_waits_once_the_others_have_ended(bench: Bench) {
    let first = bench.turned("a", "web", WhenBusy::Reject).await;
    bench.claim_commands(WORKER).await;
    bench.settle(WORKER, first, AttemptResult::Done).await;

    let second = bench.turned("b", "web", WhenBusy::Reject).await;

    assert_eq!(bench.claim_commands(WORKER).await, [second]);
}

pub(super) async fn the_latest_takes_the_place_of_those_that_wait(bench: Bench) {
    for when_busy in [WhenBusy::Latest, WhenBusy::Cancel] {
        let name = |event: &str| format!("{event}-{when_busy}");
        let key = when_busy.as_str();
        let retries = bench.turned(&name("a"), key, WhenBusy::Queue).await;
        bench.claim_commands(WORKER).await;
        let due_at = bench.now().after(MINUTE);
        bench
            .settle(WORKER, retries, AttemptResult::Retry { due_at })
            .await;
        let waits = bench.turned(&name("b"), key, WhenBusy::Queue).await;

        let latest = bench.turned(&name("c"), key, when_busy).await;

        assert_superseded(&bench, retries, latest).await;
        assert_superseded(&bench, waits, latest).await;
        assert_eq!(bench.action(retries).await.detail, None);
        assert_eq!(bench.claim_commands(WORKER).await, [latest]);
    }
}

pub(super) async fn the_latest_waits_for_the_one_that_runs(bench: Bench) {
    let first = bench.turned("a", "web", WhenBusy::Latest).await;
    bench.claim_commands(WORKER).await;
    let second = bench.turned("b", "web", WhenBusy::Latest).await;

    let meanwhile = bench.claim_commands(WORKER).await;
    let to_end = to_end(&bench, WORKER).await;
    bench.settle(WORKER, first, AttemptResult::Done).await;

    assert!(meanwhile.is_empty() && to_end.is_empty());
    assert_eq!(bench.claim_commands(WORKER).await, [second]);
}

pub(super) async fn the_latest_of_an_earlier_event_gives_way(bench: Bench) {
    for when_busy in [WhenBusy::Latest, WhenBusy::Cancel] {
        let early: Vec<_> = ["waits", "runs", "begun"]
            .map(|name| format!("{name}-{when_busy}"))
            .into();
        for name in &early {
            bench.event_held_by(WORKER, name).await;
        }
        let key = when_busy.as_str();
        let give_way = async |name: &String| {
            let action = turned(deploy(name, 0), key, when_busy);
            bench.commit(name, vec![action]).await[0]
        };
        let name = format!("late-{when_busy}");
        let late = bench.turned(&name, key, WhenBusy::Latest).await;

        let first = give_way(&early[0]).await;
        bench.claim_commands(WORKER).await;
        let second = give_way(&early[1]).await;
        let asked = to_end(&bench, WORKER).await;
        bench.settle(WORKER, late, AttemptResult::Dead).await;
        let third = give_way(&early[2]).await;

        for id in [first, second, third] {
            assert_superseded(&bench, id, late).await;
        }
        assert!(asked.is_empty());
    }
}

pub(super) async fn actions_of_one_event_never_take_each_others_place(bench: Bench) {
    let latest = |index, mode| turned(deploy("d", index), "web", mode);
    let actions = vec![
        latest(0, WhenBusy::Queue),
        latest(1, WhenBusy::Latest),
        latest(2, WhenBusy::Cancel),
    ];
    let ids = bench.with_actions("d", actions).await;

    for id in ids {
        assert_eq!(bench.claim_commands(WORKER).await, [id]);
        assert!(to_end(&bench, WORKER).await.is_empty());
        bench.settle(WORKER, id, AttemptResult::Done).await;
    }
}

pub(super) async fn commands_of_a_group_wait_for_each_other_and_supersede_their_own(bench: Bench) {
    let of_group = |event, index, name| turned(command(event, index, name), "g", WhenBusy::Cancel);
    let first = bench
        .with_actions(
            "a",
            vec![of_group("a", 0, "site"), of_group("a", 1, "docs")],
        )
        .await;
    let second = bench
        .with_actions("b", vec![of_group("b", 0, "site")])
        .await[0];

    let claimed = bench.claim_commands(WORKER).await;
    let meanwhile = bench.claim_commands(WORKER).await;
    let asked = to_end(&bench, WORKER).await;
    bench.settle(WORKER, first[1], AttemptResult::Done).await;

    assert_superseded(&bench, first[0], second).await;
    assert_eq!(claimed, first[1..]);
    assert!(meanwhile.is_empty());
    assert!(
        asked.is_empty(),
        "another command of the group is not ended"
    );
    assert_eq!(bench.claim_commands(WORKER).await, [second]);
}

pub(super) async fn an_earlier_command_of_a_group_runs_after_another_of_a_later_event(
    bench: Bench,
) {
    bench.event_held_by(WORKER, "early").await;
    let docs = turned(command("late", 0, "docs"), "g", WhenBusy::Latest);
    let docs = bench.with_actions("late", vec![docs]).await[0];
    bench.claim_commands(WORKER).await;
    let site = keyed(command("early", 0, "site"), "g");
    let site = bench.commit("early", vec![site]).await[0];

    let meanwhile = bench.claim_commands(WORKER).await;
    bench.settle(WORKER, docs, AttemptResult::Done).await;

    assert!(meanwhile.is_empty());
    assert_eq!(bench.claim_commands(WORKER).await, [site]);
}

pub(super) async fn one_that_cancels_ends_the_one_that_runs_and_waits_for_its_end(bench: Bench) {
    let (first, second) = one_to_end(&bench).await;

    let asked = to_end(&bench, WORKER).await;
    let of_another = to_end(&bench, "another").await;
    let meanwhile = bench.claim_commands(WORKER).await;
    bench.advance(MINUTE);
    bench.settle(WORKER, first, AttemptResult::Canceled).await;

    let by = bench.action(second).await.key;
    let cancellation = Cancellation {
        id: first,
        by: Some(by.clone()),
    };
    assert_eq!(asked, [cancellation]);
    assert!(of_another.is_empty() && meanwhile.is_empty());
    let record = bench.action(first).await;
    assert_eq!(
        (record.state, record.ended_at),
        (ActionState::Canceled, Some(bench.now()))
    );
    assert_eq!(record.caused_by, Some(by));
    assert_eq!(record.attempts[0].result.as_deref(), Some("canceled"));
    assert!(to_end(&bench, WORKER).await.is_empty());
    assert_eq!(bench.claim_commands(WORKER).await, [second]);
}

pub(super) async fn the_newest_that_cancels_is_the_one_that_takes_the_place(bench: Bench) {
    let (first, second) = one_to_end(&bench).await;
    let third = bench.turned("c", "web", WhenBusy::Cancel).await;

    let asked = to_end(&bench, WORKER).await;

    assert_superseded(&bench, second, third).await;
    assert_eq!(asked[0].id, first);
    assert_eq!(asked[0].by, Some(bench.action(third).await.key));
}

pub(super) async fn one_that_ended_before_it_could_be_ended_keeps_its_end(bench: Bench) {
    for (index, (result, state)) in [
        (AttemptResult::Done, ActionState::Done),
        (AttemptResult::Dead, ActionState::Dead),
    ]
    .into_iter()
    .enumerate()
    {
        let first = bench
            .turned(&format!("a{index}"), "web", WhenBusy::Cancel)
            .await;
        bench.claim_commands(WORKER).await;
        let second = bench
            .turned(&format!("b{index}"), "web", WhenBusy::Cancel)
            .await;

        bench.settle(WORKER, first, result).await;

        let record = bench.action(first).await;
        assert_eq!((record.state, record.caused_by), (state, None));
        assert_eq!(bench.claim_commands(WORKER).await, [second]);
        bench.settle(WORKER, second, AttemptResult::Done).await;
    }
}

pub(super) async fn one_whose_end_was_asked_for_is_not_run_again(bench: Bench) {
    let due_at = START;
    for (index, result) in [AttemptResult::Retry { due_at }, AttemptResult::Interrupted]
        .into_iter()
        .enumerate()
    {
        let first = bench
            .turned(&format!("a{index}"), "web", WhenBusy::Cancel)
            .await;
        bench.claim_commands(WORKER).await;
        let second = bench
            .turned(&format!("b{index}"), "web", WhenBusy::Cancel)
            .await;

        bench.settle(WORKER, first, result).await;

        let record = bench.action(first).await;
        assert_eq!(record.state, ActionState::Canceled);
        assert_eq!(record.caused_by, Some(bench.action(second).await.key));
        assert_eq!(record.ended_at, Some(START));
        assert_eq!(bench.claim_commands(WORKER).await, [second]);
        bench.settle(WORKER, second, AttemptResult::Done).await;
    }
}

pub(super) async fn one_that_is_cut_off_while_it_is_to_end_is_canceled(bench: Bench) {
    let (first, second) = one_to_end(&bench).await;

    let recovered = bench.store().recover("next", Survivors::None).await;

    recovered.expect("it is recovered");
    let record = bench.action(first).await;
    assert_eq!(record.state, ActionState::Canceled);
    assert_eq!(record.caused_by, Some(bench.action(second).await.key));
    assert_eq!(record.attempts[0].result.as_deref(), Some("interrupted"));
    assert!(bench.store().interrupted().await.expect("none").is_empty());
    assert_eq!(bench.claim_commands("next").await, [second]);
    assert!(to_end(&bench, "next").await.is_empty());
}

pub(super) async fn one_that_is_to_end_is_canceled_at_its_last_crash_too(bench: Bench) {
    let first = bench.turned("a", "web", WhenBusy::Cancel).await;
    for crash in 1..=3 {
        assert_eq!(bench.claim_commands(WORKER).await, [first]);
        if crash == 3 {
            bench.turned("b", "web", WhenBusy::Cancel).await;
        }
        let recovered = bench.store().recover("next", Survivors::None).await;
        recovered.expect("it is recovered");
        for interrupted in bench.store().interrupted().await.expect("the interrupted") {
            let decision = InterruptDecision::Rerun;
            let decided = bench
                .store()
                .decide_interrupted(interrupted.id, decision, None, Vec::new())
                .await;
            decided.expect("it is decided");
        }
    }

    assert_eq!(bench.state(first).await, ActionState::Canceled);
}

pub(super) async fn what_ends_at_once_takes_nobodys_place(bench: Bench) {
    let first = bench.command("a", "web").await;
    let refused = NewAction {
        state: ActionState::Refused,
        ..turned(deploy("b", 0), "web", WhenBusy::Cancel)
    };

    let second = bench.with_actions("b", vec![refused]).await[0];

    assert_eq!(bench.state(second).await, ActionState::Refused);
    let turn = bench.action(second).await.turn.expect("it has a turn");
    assert_eq!(
        (turn.key.as_str(), turn.when_busy),
        ("web", WhenBusy::Cancel)
    );
    assert_eq!(bench.claim_commands(WORKER).await, [first]);
}

pub(super) async fn an_action_committed_again_takes_nobodys_place(bench: Bench) {
    bench.event_held_by(WORKER, "a").await;
    let latest = |event| turned(deploy(event, 0), "web", WhenBusy::Latest);
    let second = bench.with_actions("b", vec![latest("b")]).await[0];
    bench.claim_commands(WORKER).await;
    bench.settle(WORKER, second, AttemptResult::Done).await;
    let other = keyed(deploy("a", 1), "web");
    bench.event_held_by(WORKER, "c").await;

    let again = NewAction {
        key: latest("b").key,
        ..latest("c")
    };
    let queued = bench.commit("a", vec![other]).await[0];
    let ids = bench.commit("c", vec![again]).await;

    assert_eq!(ids, [second]);
    assert_eq!(bench.state(queued).await, ActionState::Waiting);
}

pub(super) async fn a_rerun_gives_way_to_the_latest_that_waits(bench: Bench) {
    let decision = InterruptDecision::Rerun;
    let first = bench.command("a", "web").await;
    bench.claim_commands(WORKER).await;
    bench
        .settle(WORKER, first, AttemptResult::Interrupted)
        .await;
    let second = bench.turned("b", "web", WhenBusy::Latest).await;

    let decided = bench
        .store()
        .decide_interrupted(first, decision, None, Vec::new())
        .await;

    decided.expect("it is decided");
    assert_eq!(bench.claim_commands(WORKER).await, [second]);
    assert_superseded(&bench, first, second).await;
}

pub(super) async fn one_tried_again_gives_way_to_any_that_waits_where_it_is_the_latest(
    bench: Bench,
) {
    let first = bench.turned("a", "web", WhenBusy::Latest).await;
    bench.claim_commands(WORKER).await;
    bench.settle(WORKER, first, AttemptResult::Dead).await;
    let second = bench.command("b", "web").await;

    retry(&bench, first).await;

    assert_eq!(bench.claim_commands(WORKER).await, [second]);
    assert_superseded(&bench, first, second).await;
}

pub(super) async fn one_that_rejects_and_is_tried_again_is_refused_beside_one_at_work(
    bench: Bench,
) {
    let first = bench.turned("a", "web", WhenBusy::Reject).await;
    bench.claim_commands(WORKER).await;
    bench.settle(WORKER, first, AttemptResult::Dead).await;
    let second = bench
        .with_actions("b", vec![keyed(command("b", 0, "docs"), "web")])
        .await[0];
    bench.claim_commands(WORKER).await;

    retry(&bench, first).await;
    let claimed = bench.claim_commands(WORKER).await;

    assert!(claimed.is_empty());
    let detail = "`when_busy = \"reject\"`: `docs` is at work for event `b`";
    assert_refused(&bench, first, second, detail).await;
}

pub(super) async fn one_that_cancels_and_is_tried_again_ends_the_one_that_runs(bench: Bench) {
    let first = bench.command("a", "web").await;
    bench.claim_commands(WORKER).await;
    let refused = NewAction {
        state: ActionState::Refused,
        ..turned(deploy("b", 0), "web", WhenBusy::Cancel)
    };
    let second = bench.with_actions("b", vec![refused]).await[0];

    let before = to_end(&bench, WORKER).await;
    retry(&bench, second).await;
    let claimed = bench.claim_commands(WORKER).await;
    let after = to_end(&bench, WORKER).await;

    assert!(before.is_empty() && claimed.is_empty());
    assert_eq!((after.len(), after[0].id), (1, first));
}

pub(super) async fn a_message_has_no_turn(bench: Bench) {
    let actions = vec![
        keyed(deploy("d", 0), "web"),
        turned(notify("d", 1), "web", WhenBusy::Reject),
    ];
    let ids = bench.with_actions("d", actions).await;

    let message = bench.claim_message(WORKER).await;
    let command = bench.claim_commands(WORKER).await;

    assert_eq!(message.map(|message| message.id), Some(ids[1]));
    assert_eq!(bench.action(ids[1]).await.turn, None);
    assert_eq!(command, ids[..1]);
    assert_eq!(bench.action(ids[0]).await.event, event_id("d"));
}
