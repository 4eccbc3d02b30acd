//! Replays: what is evaluated again and by whom, what rules have missed, and what a person asks for.

use std::time::Duration;

use super::bench::{
    Bench, START, WORKER, decided, delivery, deploy, event_id, notify, rule, source, unit,
};
use crate::domain::names::RuleName;
use crate::store::{
    ClaimedEvent, EventFilter, EventState, NewAction, Replay, Replayed, Rest, Skipped, StoreError,
    Survivors, UnitCommit, UnitEvaluation, Which,
};

async fn replay(bench: &Bench, replay: Replay) -> (u64, u64) {
    let replayed = bench.store().replay(replay).await.expect("an answer");
    let Replayed { events, busy } = replayed;
    (events, busy)
}

/// A replay of one event by some rule, or by all.
fn of(event: &str, by: Option<&str>) -> Replay {
    Replay {
        event: Some(event_id(event)),
        rule: by.map(rule),
        ..Replay::default()
    }
}

fn missed(by: Option<&str>) -> Replay {
    Replay {
        rule: by.map(rule),
        which: Which::Skipped,
        ..Replay::default()
    }
}

async fn finish(bench: &Bench, name: &str, run: u32) {
    let snapshot = bench.snapshot().await;
    let finished = bench
        .store()
        .finish_event(WORKER, &event_id(name), run, snapshot)
        .await;
    finished.expect("it is finished");
}

/// An event that is done, and that some rules have missed.
async fn done(bench: &Bench, name: &str, missed_by: &[&str]) {
    bench.event_held_by(WORKER, name).await;
    let evaluations = vec![decided("route", vec![notify(name, 0)])];
    commit(bench, name, 0, evaluations, missed_by).await;
    finish(bench, name, 0).await;
}

async fn commit(
    bench: &Bench,
    name: &str,
    run: u32,
    evaluations: Vec<UnitEvaluation>,
    missed_by: &[&str],
) {
    let unit = UnitCommit {
        run,
        skipped: missed_by.iter().copied().map(rule).collect(),
        rest: Rest::None,
        ..unit(name, bench.snapshot().await, evaluations)
    };
    let committed = bench.store().commit_unit(WORKER, unit).await;
    committed.expect("it is committed");
}

async fn claim(bench: &Bench) -> Vec<ClaimedEvent> {
    let claimed = bench.store().claim_events(WORKER, 10).await;
    claimed.expect("a claim")
}

async fn skipped(bench: &Bench) -> Vec<(String, u64)> {
    let skipped = bench.store().skipped().await.expect("the skipped");
    skipped
        .into_iter()
        .map(|Skipped { rule, events }| (rule.to_string(), events))
        .collect()
}

fn rules(names: &[&str]) -> Vec<RuleName> {
    names.iter().copied().map(rule).collect()
}

fn names(claimed: &[ClaimedEvent]) -> Vec<&str> {
    claimed
        .iter()
        .map(|event| event.event.id.0.as_str())
        .collect()
}

pub(super) async fn an_event_is_evaluated_again_as_its_next_run(bench: Bench) {
    done(&bench, "d", &[]).await;

    let replayed = replay(&bench, of("d", None)).await;
    let waiting = bench.store().event(None).await.expect("the event");
    let claimed = claim(&bench).await;
    let again = NewAction {
        key: "d/1/route/0".to_owned(),
        run: 1,
        ..notify("d", 0)
    };
    commit(&bench, "d", 1, vec![decided("route", vec![again])], &[]).await;
    finish(&bench, "d", 1).await;

    assert_eq!(replayed, (1, 0));
    assert_eq!(
        (waiting.state, waiting.run, waiting.snapshot),
        (EventState::Waiting, 1, None)
    );
    assert_eq!((claimed[0].run, claimed[0].units.len()), (1, 0));
    assert!(claimed[0].only.is_empty());
    let record = bench.store().event(None).await.expect("the event");
    assert_eq!((record.state, record.run), (EventState::Done, 1));
    assert!(record.snapshot.is_some());
    let runs: Vec<_> = record.evaluations.iter().map(|kept| kept.run).collect();
    assert_eq!(runs, [0, 1]);
    let runs: Vec<_> = record.actions.iter().map(|kept| kept.run).collect();
    assert_eq!(runs, [0, 1]);
    let summaries = bench.store().events(EventFilter::default()).await;
    let summary = summaries.expect("the events").remove(0);
    assert_eq!((summary.run, summary.evaluations), (1, 1));
}

pub(super) async fn a_replay_may_be_for_one_rule(bench: Bench) {
    done(&bench, "d", &[]).await;

    replay(&bench, of("d", Some("route"))).await;
    let first = claim(&bench).await.remove(0);
    let released = bench.store().release_event(WORKER, &event_id("d")).await;
    released.expect("it is released");
    let again = claim(&bench).await.remove(0);
    finish(&bench, "d", 1).await;
    replay(&bench, of("d", None)).await;
    let by_all = claim(&bench).await.remove(0);

    assert_eq!(first.only, rules(&["route"]));
    assert_eq!(again.only, rules(&["route"]));
    assert_eq!((by_all.run, by_all.only), (2, Vec::new()));
}

pub(super) async fn a_replay_that_waits_takes_up_further_rules(bench: Bench) {
    done(&bench, "a", &["first"]).await;
    done(&bench, "b", &[]).await;

    for by in ["second", "first", "second"] {
        let replayed = replay(&bench, of("a", Some(by))).await;
        assert_eq!(replayed, (1, 0));
    }
    replay(&bench, of("b", Some("second"))).await;
    replay(&bench, of("b", None)).await;
    replay(&bench, of("b", Some("first"))).await;
    let claimed = claim(&bench).await;

    assert_eq!((claimed[0].run, claimed[1].run), (1, 1));
    assert_eq!(claimed[0].only, rules(&["first", "second"]));
    assert!(claimed[1].only.is_empty(), "all is more than one");
}

pub(super) async fn a_replay_that_has_begun_takes_up_no_further_rule(bench: Bench) {
    done(&bench, "d", &[]).await;
    replay(&bench, of("d", Some("route"))).await;
    claim(&bench).await;
    let running = replay(&bench, of("d", Some("other"))).await;
    let evaluations = vec![decided("route", Vec::new())];
    commit(&bench, "d", 1, evaluations, &[]).await;
    let released = bench.store().release_event(WORKER, &event_id("d")).await;
    released.expect("it is released");

    let begun = replay(&bench, of("d", Some("other"))).await;

    assert_eq!((running, begun), ((0, 1), (0, 1)));
    assert_eq!(claim(&bench).await[0].only, rules(&["route"]));
}

pub(super) async fn an_event_is_not_evaluated_again_before_its_first_run(bench: Bench) {
    bench.event_held_by(WORKER, "d").await;

    let running = replay(&bench, Replay::default()).await;
    let released = bench.store().release_event(WORKER, &event_id("d")).await;
    released.expect("it is released");
    let waiting = replay(&bench, Replay::default()).await;

    assert_eq!((running, waiting), ((0, 1), (0, 1)));
    assert_eq!(claim(&bench).await[0].run, 0);
}

pub(super) async fn a_stuck_event_is_evaluated_again_with_its_crashes_forgotten(bench: Bench) {
    bench.event_held_by(WORKER, "d").await;
    let crash = async || {
        let recovered = bench.store().recover("next", Survivors::None).await;
        recovered.expect("it is recovered");
    };
    crash().await;
    for _ in 0..2 {
        claim(&bench).await;
        crash().await;
    }
    let stuck = bench.store().event(None).await.expect("the event").state;

    let replayed = replay(&bench, of("d", None)).await;
    for _ in 0..2 {
        assert_eq!(claim(&bench).await[0].run, 1);
        crash().await;
    }

    assert_eq!(stuck, EventState::Stuck);
    assert_eq!(replayed, (1, 0));
    assert_eq!(claim(&bench).await.len(), 1);
}

pub(super) async fn a_delivery_that_was_set_aside_unread_is_read_at_a_replay(bench: Bench) {
    let accepted = bench.store().accept(delivery("d")).await;
    accepted.expect("it is accepted");
    for _ in 0..3 {
        let claimed = bench.store().claim_deliveries(WORKER, 9).await;
        assert_eq!(claimed.expect("a claim").len(), 1);
        let recovered = bench.store().recover("next", Survivors::None).await;
        recovered.expect("it is recovered");
    }
    let stuck = bench.store().claim_deliveries("next", 9).await;
    assert!(stuck.expect("a claim").is_empty());

    let replayed = replay(&bench, of("d", None)).await;

    assert_eq!(replayed, (1, 0));
    let claimed = bench.store().claim_deliveries("next", 9).await;
    assert_eq!(claimed.expect("a claim")[0].crashes, 0);
}

pub(super) async fn what_matches_is_evaluated_again_in_the_order_of_the_events(bench: Bench) {
    for name in ["a", "b", "c"] {
        done(&bench, name, &[]).await;
    }
    let since = |millis| EventFilter {
        since: Some(START.after(Duration::from_millis(millis))),
        limit: 1,
        before: Some(0),
        ..EventFilter::default()
    };
    let matching = |filter| Replay {
        filter,
        ..Replay::default()
    };
    let of_source = |name| EventFilter {
        source: Some(source(name)),
        ..EventFilter::default()
    };

    let later = replay(&bench, matching(since(1))).await;
    let elsewhere = replay(&bench, matching(of_source("github"))).await;
    let neither = Replay {
        event: Some(event_id("b")),
        ..matching(of_source("github"))
    };
    let neither = replay(&bench, neither).await;
    let all = replay(&bench, matching(since(0))).await;

    assert_eq!((later, elsewhere, neither), ((0, 0), (0, 0), (0, 0)));
    assert_eq!(all, (3, 0), "the page of a listing does not count");
    assert_eq!(names(&claim(&bench).await), ["a", "b", "c"]);
}

pub(super) async fn an_unknown_event_is_not_evaluated_again(bench: Bench) {
    let replayed = bench.store().replay(of("unknown", None)).await;

    assert!(matches!(replayed, Err(StoreError::NotFound { .. })));
}

pub(super) async fn what_rules_have_missed_is_known_until_they_were_asked(bench: Bench) {
    done(&bench, "a", &["first", "second"]).await;
    done(&bench, "b", &["second"]).await;
    done(&bench, "c", &[]).await;
    let before = skipped(&bench).await;

    let replayed = replay(&bench, missed(Some("second"))).await;
    let meanwhile = skipped(&bench).await;
    let claimed = claim(&bench).await;
    let by = |name| vec![decided(name, Vec::new())];
    commit(&bench, "a", 1, by("second"), &[]).await;
    commit(&bench, "b", 1, Vec::new(), &["second"]).await;

    assert_eq!(before, [("first".to_owned(), 1), ("second".to_owned(), 2)]);
    assert_eq!(replayed, (2, 0));
    assert_eq!(meanwhile, before);
    assert_eq!(names(&claimed), ["a", "b"]);
    assert_eq!(claimed[0].only, rules(&["second"]));
    let left = [("first".to_owned(), 1), ("second".to_owned(), 1)];
    assert_eq!(skipped(&bench).await, left, "it is paused again");
}

pub(super) async fn each_rule_is_asked_about_what_it_has_missed(bench: Bench) {
    done(&bench, "a", &["second", "first"]).await;
    done(&bench, "b", &["second"]).await;
    done(&bench, "c", &[]).await;
    replay(&bench, of("b", Some("route"))).await;

    let replayed = replay(&bench, missed(None)).await;
    let claimed = claim(&bench).await;

    assert_eq!(replayed, (2, 0));
    assert_eq!(names(&claimed), ["a", "b"]);
    assert_eq!(claimed[0].only, rules(&["first", "second"]));
    assert_eq!(claimed[1].only, rules(&["route", "second"]));
}

pub(super) async fn a_unit_committed_again_changes_nothing_of_what_was_missed(bench: Bench) {
    bench.event_held_by(WORKER, "d").await;
    for missed_by in [["first"], ["second"]] {
        commit(&bench, "d", 0, Vec::new(), &missed_by).await;
    }

    assert_eq!(skipped(&bench).await, [("first".to_owned(), 1)]);
}

async fn ask(bench: &Bench) -> Vec<crate::store::ActionId> {
    let (delivery, event) = (delivery("asked"), super::bench::event("asked"));
    let actions = vec![deploy("asked", 0), notify("asked", 1)];
    let asked = bench.store().ask(delivery, event, actions).await;
    asked.expect("it is kept")
}

pub(super) async fn what_a_person_asks_for_is_done_without_a_rule(mut bench: Bench) {
    bench.event_held_by(WORKER, "before").await;
    let ids = ask(&bench).await;
    bench.reopen();
    let after = bench.event_held_by(WORKER, "after").await;

    let record = bench.store().event(Some(&event_id("asked"))).await;
    let record = record.expect("the event");
    assert_eq!((record.state, record.run), (EventState::Done, 0));
    assert!(record.sequence < after.sequence);
    assert_eq!(record.event, super::bench::event("asked"));
    let kept: Vec<_> = record.actions.iter().map(|action| action.id).collect();
    assert_eq!(kept, ids);
    let kept = bench.store().delivery(&record.delivery).await;
    assert_eq!(kept.expect("the delivery"), delivery("asked"));
    assert!(claim(&bench).await.is_empty());
    assert_eq!(bench.claim_commands(WORKER).await, ids[..1]);
    let message = bench.claim_message(WORKER).await.expect("a message");
    assert_eq!(message.id, ids[1]);
}

pub(super) async fn what_a_person_asks_for_is_kept_once(bench: Bench) {
    let first = ask(&bench).await;

    let second = ask(&bench).await;

    assert_eq!(first, second);
    let events = bench.store().events(EventFilter::default()).await;
    assert_eq!(events.expect("the events").len(), 1);
}

pub(super) async fn what_a_person_asks_for_is_kept_whole_or_not_at_all(bench: Bench) {
    let actions = vec![deploy("asked", 0), notify("unknown", 1)];
    let (delivery, event) = (delivery("asked"), super::bench::event("asked"));

    let failed = bench.store().ask(delivery, event, actions).await;

    assert!(matches!(failed, Err(StoreError::NotFound { .. })));
    bench.store().event(None).await.expect_err("none is there");
    assert!(bench.claim_commands(WORKER).await.is_empty());
}

pub(super) async fn what_a_person_asked_for_is_never_evaluated(bench: Bench) {
    ask(&bench).await;

    let all = replay(&bench, Replay::default()).await;
    let one = replay(&bench, of("asked", None)).await;

    assert_eq!((all, one), ((0, 0), (0, 0)));
    assert!(claim(&bench).await.is_empty());
}
