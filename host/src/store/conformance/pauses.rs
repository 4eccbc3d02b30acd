//! Pauses: what they hold up, and what they do not.

use std::time::Duration;

use super::bench::{
    Bench, START, WORKER, command, delivery, delivery_id, deploy, event, event_id, keyed, message,
    notify, source, turned,
};
use crate::domain::turn::WhenBusy;
use crate::store::{ActionState, AttemptResult, Delivery, NewAction, Pausable, Pause, Resumed};

const MINUTE: Duration = Duration::from_mins(1);

async fn pause(bench: &Bench, what: Pausable, name: &str) {
    pause_for(bench, what, name, None).await;
}

async fn pause_for(bench: &Bench, what: Pausable, name: &str, reason: Option<&str>) {
    let pause = Pause {
        what,
        name: name.to_owned(),
        since: bench.now(),
        reason: reason.map(str::to_owned),
    };
    bench.store().pause(pause).await.expect("it is paused");
}

async fn resume(bench: &Bench, what: Pausable, name: &str) -> Resumed {
    let resumed = bench.store().resume(what, name).await;
    resumed.expect("an answer")
}

async fn accept(bench: &Bench, name: &str, from: &str) {
    let delivery = Delivery {
        source: source(from),
        ..delivery(name)
    };
    bench
        .store()
        .accept(delivery)
        .await
        .expect("it is accepted");
}

async fn claimed_deliveries(bench: &Bench, limit: usize) -> Vec<String> {
    let claimed = bench.store().claim_deliveries(WORKER, limit).await;
    let claimed = claimed.expect("a claim").into_iter();
    claimed.map(|claimed| claimed.delivery.id.0).collect()
}

async fn claimed_events(bench: &Bench, limit: usize) -> Vec<String> {
    let claimed = bench.store().claim_events(WORKER, limit).await;
    let claimed = claimed.expect("a claim").into_iter();
    claimed.map(|claimed| claimed.event.id.0).collect()
}

pub(super) async fn deliveries_of_a_paused_source_are_accepted_and_wait(bench: Bench) {
    pause(&bench, Pausable::Source, "github").await;
    for (name, from) in [
        ("a", "github"),
        ("b", "gitlab"),
        ("c", "jira"),
        ("d", "github"),
    ] {
        accept(&bench, name, from).await;
    }

    let meanwhile = claimed_deliveries(&bench, 10).await;
    let backlog = bench.store().backlog().await.expect("the backlog");
    let resumed = resume(&bench, Pausable::Source, "github").await;
    let afterwards = claimed_deliveries(&bench, 10).await;

    assert_eq!(meanwhile, ["b", "c"]);
    assert_eq!(backlog.deliveries, 4);
    assert_eq!(resumed, Resumed::Yes);
    assert_eq!(afterwards, ["a", "d"]);
}

pub(super) async fn deliveries_of_several_sources_are_claimed_in_their_order(bench: Bench) {
    for (name, from) in [("a", "z"), ("b", "y"), ("c", "z"), ("d", "x"), ("e", "z")] {
        accept(&bench, name, from).await;
    }
    pause(&bench, Pausable::Source, "x").await;

    assert!(claimed_deliveries(&bench, 0).await.is_empty());
    assert_eq!(claimed_deliveries(&bench, 3).await, ["a", "b", "c"]);
    assert_eq!(claimed_deliveries(&bench, 3).await, ["e"]);
}

pub(super) async fn events_of_a_paused_source_wait(bench: Bench) {
    let store = bench.store();
    store.accept(delivery("d")).await.expect("it is accepted");
    store.claim_deliveries(WORKER, 1).await.expect("a claim");
    let given = [
        ("a", "github"),
        ("b", "jira"),
        ("c", "github"),
        ("d", "gitlab"),
    ];
    let events = given.map(|(name, from)| {
        let mut event = event(name);
        event.source = source(from);
        event
    });
    store
        .split(WORKER, &delivery_id("d"), events.into())
        .await
        .expect("it is split");
    for (name, _) in given {
        let released = store.release_event(WORKER, &event_id(name)).await;
        released.expect("it is released");
    }
    pause(&bench, Pausable::Source, "github").await;

    let none = claimed_events(&bench, 0).await;
    let one = claimed_events(&bench, 1).await;
    let rest = claimed_events(&bench, 10).await;
    resume(&bench, Pausable::Source, "github").await;
    let afterwards = claimed_events(&bench, 10).await;

    assert!(none.is_empty());
    assert_eq!((one, rest), (vec!["b".to_owned()], vec!["d".to_owned()]));
    assert_eq!(afterwards, ["a", "c"]);
}

pub(super) async fn messages_of_a_paused_channel_wait(bench: Bench) {
    let actions = vec![
        notify("d", 0),
        message("d", 1, "ops"),
        command("d", 2, "team"),
    ];
    let ids = bench.with_actions("d", actions).await;
    pause(&bench, Pausable::Channel, "team").await;

    let paused = bench.claim_message(WORKER).await;
    let lanes = bench.store().lanes(START).await.expect("the lanes");
    let other = bench.claim_lane(WORKER, "ops").await.expect("a message");
    let command = bench.claim_commands(WORKER).await;
    resume(&bench, Pausable::Channel, "team").await;
    let resumed = bench.claim_message(WORKER).await.expect("a message");

    assert!(paused.is_none());
    assert_eq!((lanes.len(), lanes[0].channel.as_str()), (1, "ops"));
    assert_eq!(other.action.id, ids[1]);
    assert_eq!(
        command,
        ids[2..],
        "a command of the same name is no channel"
    );
    assert_eq!(resumed.id, ids[0]);
}

pub(super) async fn a_paused_command_waits(bench: Bench) {
    let late = |action| NewAction {
        due_at: START.after(MINUTE),
        ..action
    };
    let actions = vec![
        deploy("d", 0),
        command("d", 1, "docs"),
        keyed(deploy("d", 2), "web"),
        late(deploy("d", 3)),
        message("d", 4, "web"),
    ];
    let ids = bench.with_actions("d", actions).await;
    pause(&bench, Pausable::Command, "web").await;

    let paused = bench.claim_commands(WORKER).await;
    let next = bench.store().next_command(START).await.expect("a time");
    let message = bench.claim_lane(WORKER, "web").await;
    resume(&bench, Pausable::Command, "web").await;
    let resumed = bench.claim_commands(WORKER).await;
    let next_afterwards = bench.store().next_command(START).await.expect("a time");

    assert_eq!(paused, ids[1..2]);
    assert_eq!(next, None);
    assert!(
        message.is_some(),
        "a channel of the same name is no command"
    );
    assert_eq!(resumed, [ids[0], ids[2]]);
    assert_eq!(next_afterwards, Some(START.after(MINUTE)));
}

pub(super) async fn a_paused_command_holds_up_no_other_of_its_key(bench: Bench) {
    let first = keyed(command("a", 0, "docs"), "group/web");
    let first = bench.with_actions("a", vec![first]).await[0];
    let second = bench.command("b", "group/web").await;
    pause(&bench, Pausable::Command, "docs").await;

    let claimed = bench.claim_commands(WORKER).await;
    resume(&bench, Pausable::Command, "docs").await;
    let meanwhile = bench.claim_commands(WORKER).await;
    bench.settle(WORKER, second, AttemptResult::Done).await;

    assert_eq!(claimed, [second]);
    assert!(meanwhile.is_empty());
    assert_eq!(bench.claim_commands(WORKER).await, [first]);
}

pub(super) async fn a_paused_command_that_waits_has_no_other_refused(bench: Bench) {
    let of_group = |event, name, mode| turned(command(event, 0, name), "g", mode);
    let waits = of_group("a", "docs", WhenBusy::Queue);
    bench.with_actions("a", vec![waits]).await;
    pause(&bench, Pausable::Command, "docs").await;

    let first = of_group("b", "site", WhenBusy::Reject);
    let first = bench.with_actions("b", vec![first]).await[0];
    let second = of_group("c", "site", WhenBusy::Reject);
    let second = bench.with_actions("c", vec![second]).await[0];

    let refused = bench.action(second).await;
    assert_eq!(refused.state, ActionState::Refused);
    assert_eq!(refused.caused_by, Some(bench.action(first).await.key));
    assert_eq!(bench.claim_commands(WORKER).await, [first]);
}

pub(super) async fn a_paused_command_that_runs_has_others_refused(bench: Bench) {
    let runs = bench.command("a", "web").await;
    bench.claim_commands(WORKER).await;
    pause(&bench, Pausable::Command, "web").await;

    let second = bench.turned("b", "web", WhenBusy::Reject).await;

    let refused = bench.action(second).await;
    assert_eq!(refused.state, ActionState::Refused);
    assert_eq!(refused.caused_by, Some(bench.action(runs).await.key));
}

pub(super) async fn a_pause_does_not_end_what_runs(bench: Bench) {
    let ids = bench
        .with_actions("d", vec![notify("d", 0), deploy("d", 1)])
        .await;
    bench.claim_message(WORKER).await;
    bench.claim_commands(WORKER).await;

    pause(&bench, Pausable::Channel, "team").await;
    pause(&bench, Pausable::Command, "web").await;

    assert!(
        bench
            .store()
            .cancellations(WORKER)
            .await
            .expect("none")
            .is_empty()
    );
    for id in ids {
        bench.settle(WORKER, id, AttemptResult::Done).await;
    }
}

pub(super) async fn pauses_are_listed_with_their_first_moment_and_last_reason(mut bench: Bench) {
    pause_for(&bench, Pausable::Command, "web", Some("the disk is full")).await;
    pause(&bench, Pausable::Source, "gitlab").await;
    pause(&bench, Pausable::Rule, "shop/announce").await;
    pause(&bench, Pausable::Channel, "team").await;
    bench.advance(MINUTE);
    pause(&bench, Pausable::Command, "web").await;
    pause_for(&bench, Pausable::Channel, "team", Some("a holiday")).await;
    pause(&bench, Pausable::Channel, "ops").await;

    bench.reopen();
    let pauses = bench.store().pauses().await.expect("the pauses");

    let paused = |what, name: &str, since, reason: Option<&str>| Pause {
        what,
        name: name.to_owned(),
        since,
        reason: reason.map(str::to_owned),
    };
    let expected = [
        paused(Pausable::Source, "gitlab", START, None),
        paused(Pausable::Rule, "shop/announce", START, None),
        paused(Pausable::Channel, "ops", bench.now(), None),
        paused(Pausable::Channel, "team", START, Some("a holiday")),
        paused(Pausable::Command, "web", START, Some("the disk is full")),
    ];
    assert_eq!(pauses, expected);
}

pub(super) async fn a_pause_is_ended_once_and_for_its_kind_alone(bench: Bench) {
    pause(&bench, Pausable::Channel, "web").await;

    let of_a_command = resume(&bench, Pausable::Command, "web").await;
    let first = resume(&bench, Pausable::Channel, "web").await;
    let second = resume(&bench, Pausable::Channel, "web").await;

    assert_eq!(of_a_command, Resumed::WasNotPaused);
    assert_eq!((first, second), (Resumed::Yes, Resumed::WasNotPaused));
    assert!(bench.store().pauses().await.expect("none").is_empty());
}
