//! The past: which events there were, and what one rule answered first.

use std::time::Duration;

use super::bench::{
    Bench, START, WORKER, decided, delivery, evaluated, event_id, notify, rule, source, unit,
};
use crate::domain::evaluation::Outcome;
use crate::domain::event::Subject;
use crate::domain::fault::Fault;
use crate::domain::names::RuleName;
use crate::store::{
    DropRecord, EventFilter, Past, PastEvent, PastPage, Replay, UnitCommit, UnitEvaluation,
};

async fn past(bench: &Bench, filter: EventFilter) -> Past {
    bench.store().past(filter).await.expect("the past")
}

/// All events that match, two at a time, beside the answers of a rule.
async fn read(bench: &Bench, filter: EventFilter, by: &str) -> Vec<PastEvent> {
    let extent = past(bench, filter.clone()).await;
    let (mut found, mut first) = (Vec::new(), extent.first);
    loop {
        let page = PastPage {
            filter: filter.clone(),
            rule: rule(by),
            first,
            last: extent.last,
            limit: 2,
        };
        let page = bench.store().past_events(page).await.expect("a page");
        let Some(last) = page.last() else {
            return found;
        };
        first = last.sequence + 1;
        found.extend(page);
    }
}

fn names(events: &[PastEvent]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event.event.id.0.as_str())
        .collect()
}

/// Commits one unit of a run of an event that is in hand.
async fn commit(bench: &Bench, name: &str, run: u32, evaluations: Vec<UnitEvaluation>) {
    let unit = UnitCommit {
        run,
        ..unit(name, bench.snapshot().await, evaluations)
    };
    let committed = bench.store().commit_unit(WORKER, unit).await;
    committed.expect("it is committed");
}

async fn finish(bench: &Bench, name: &str, run: u32) {
    let snapshot = bench.snapshot().await;
    let finished = bench
        .store()
        .finish_event(WORKER, &event_id(name), run, snapshot)
        .await;
    finished.expect("it is finished");
}

/// Evaluates an event once more, by these rules.
async fn again(bench: &Bench, name: &str, evaluations: Vec<UnitEvaluation>) {
    let replay = Replay {
        event: Some(event_id(name)),
        ..Replay::default()
    };
    bench.store().replay(replay).await.expect("a replay");
    let claimed = bench.store().claim_events(WORKER, 1).await;
    assert_eq!(claimed.expect("a claim").len(), 1);
    commit(bench, name, 1, evaluations).await;
    finish(bench, name, 1).await;
}

pub(super) async fn the_past_is_read_page_by_page_in_the_order_of_the_events(bench: Bench) {
    for name in ["c", "a", "e", "b", "d"] {
        bench.with_actions(name, Vec::new()).await;
    }

    let all = past(&bench, EventFilter::default()).await;
    let newest = EventFilter {
        limit: 2,
        ..EventFilter::default()
    };

    assert_eq!(all.events, 5);
    let read_all = read(&bench, EventFilter::default(), "route").await;
    assert_eq!(names(&read_all), ["c", "a", "e", "b", "d"]);
    assert_eq!(read_all[0].delivery.0, "c");
    assert_eq!(
        (all.first, all.last),
        (read_all[0].sequence, read_all[4].sequence)
    );
    assert_eq!(past(&bench, newest.clone()).await.events, 2);
    assert_eq!(names(&read(&bench, newest, "route").await), ["b", "d"]);
}

pub(super) async fn the_past_holds_what_matches_and_no_other(bench: Bench) {
    let store = bench.store();
    for (name, late) in [("early", 0), ("middle", 1), ("late", 2)] {
        store.accept(delivery(name)).await.expect("it is accepted");
        store.claim_deliveries(WORKER, 1).await.expect("a claim");
        let mut event = super::bench::event(name);
        event.received_at = START.after(Duration::from_secs(late));
        if name == "late" {
            event.source = source("github");
            event.subject = Subject::Other;
        }
        let id = super::bench::delivery_id(name);
        store
            .split(WORKER, &id, vec![event])
            .await
            .expect("it is split");
        finish(&bench, name, 0).await;
    }

    for (filter, expected) in [
        (
            EventFilter {
                source: Some(source("github")),
                ..EventFilter::default()
            },
            &["late"][..],
        ),
        (
            EventFilter {
                subject: Some("ping".to_owned()),
                ..EventFilter::default()
            },
            &["early", "middle"],
        ),
        (
            EventFilter {
                project: Some("group/other".to_owned()),
                ..EventFilter::default()
            },
            &[],
        ),
        (
            EventFilter {
                since: Some(START.after(Duration::from_secs(1))),
                ..EventFilter::default()
            },
            &["middle", "late"],
        ),
        (
            EventFilter {
                until: Some(START.after(Duration::from_secs(1))),
                ..EventFilter::default()
            },
            &["early"],
        ),
    ] {
        let events = read(&bench, filter.clone(), "route").await;
        assert_eq!(names(&events), expected, "{filter:?}");
        let counted = past(&bench, filter).await.events;
        assert_eq!(usize::try_from(counted).expect("a few"), expected.len());
    }
}

pub(super) async fn an_event_is_no_past_before_its_first_run_is_over(bench: Bench) {
    bench.event_held_by(WORKER, "held").await;
    let of_one = past(&bench, EventFilter::default()).await;

    commit(
        &bench,
        "held",
        0,
        vec![decided("route", vec![notify("held", 0)])],
    )
    .await;
    let unfinished = past(&bench, EventFilter::default()).await;
    finish(&bench, "held", 0).await;
    let finished = past(&bench, EventFilter::default()).await;
    let replay = Replay {
        event: Some(event_id("held")),
        ..Replay::default()
    };
    bench.store().replay(replay).await.expect("a replay");

    assert_eq!(of_one, Past::default());
    assert_eq!(unfinished, Past::default());
    assert_eq!(finished.events, 1);
    // It waits for its second run, and its first is over.
    assert_eq!(past(&bench, EventFilter::default()).await, finished);
}

pub(super) async fn what_a_person_asked_for_is_no_past_of_rules(bench: Bench) {
    let asked = bench
        .store()
        .ask(delivery("asked"), super::bench::event("asked"), Vec::new());
    asked.await.expect("it is kept");

    assert_eq!(past(&bench, EventFilter::default()).await, Past::default());
}

pub(super) async fn the_first_answer_of_a_rule_is_the_one_that_counts(bench: Bench) {
    let by = |name: &str, actions| vec![decided(name, actions)];
    bench.event_held_by(WORKER, "twice").await;
    commit(
        &bench,
        "twice",
        0,
        by("route", vec![notify("twice", 0), notify("twice", 1)]),
    )
    .await;
    finish(&bench, "twice", 0).await;
    again(&bench, "twice", by("route", Vec::new())).await;
    bench.event_held_by(WORKER, "later").await;
    finish(&bench, "later", 0).await;
    again(&bench, "later", by("route", Vec::new())).await;
    bench.event_held_by(WORKER, "other").await;
    commit(&bench, "other", 0, by("greet", Vec::new())).await;
    finish(&bench, "other", 0).await;

    let events = read(&bench, EventFilter::default(), "route").await;

    let runs: Vec<Option<u32>> = events
        .iter()
        .map(|event| event.answer.as_ref().map(|answer| answer.run))
        .collect();
    assert_eq!(runs, [Some(0), Some(1), None]);
    let first = events[0].answer.as_ref().expect("an answer");
    let expected = by("route", vec![notify("twice", 0), notify("twice", 1)]).remove(0);
    assert_eq!(first.evaluation, expected.evaluation);
}

pub(super) async fn a_drop_of_its_unit_or_of_the_shared_rules_is_known(bench: Bench) {
    let named = |name: &str| RuleName::parse(name).expect("a name");
    for (event, unit_of, by) in [
        ("shared", None, "drop-bots"),
        ("payments", Some("payments"), "payments/first"),
        ("docs", Some("docs"), "docs/first"),
    ] {
        bench.event_held_by(WORKER, event).await;
        let commit = UnitCommit {
            unit: unit_of.map(|team| {
                crate::domain::names::TeamName::parse(team).expect("the name of a team")
            }),
            dropped: Some(DropRecord {
                rule: named(by),
                reason: "noise".to_owned(),
            }),
            ..unit(event, bench.snapshot().await, Vec::new())
        };
        let committed = bench.store().commit_unit(WORKER, commit).await;
        committed.expect("it is committed");
        finish(&bench, event, 0).await;
    }

    let events = read(&bench, EventFilter::default(), "payments/second").await;

    let dropped: Vec<Option<String>> = events
        .iter()
        .map(|event| event.dropped.as_ref().map(|drop| drop.rule.to_string()))
        .collect();
    assert_eq!(
        dropped,
        [
            Some("drop-bots".to_owned()),
            Some("payments/first".to_owned()),
            None
        ]
    );
}

pub(super) async fn the_newest_evaluations_are_found_however_they_went(bench: Bench) {
    let fault = Fault::OutOfFuel { limit: 7 };
    let faulted = || evaluated("greet", Outcome::Faulted(fault.clone()), Vec::new());
    for name in ["first", "second"] {
        bench.event_held_by(WORKER, name).await;
        let answers = vec![
            decided("route", vec![notify(name, 0)]),
            decided("route-more", Vec::new()),
            faulted(),
        ];
        commit(&bench, name, 0, answers).await;
        finish(&bench, name, 0).await;
    }
    again(&bench, "first", vec![decided("route", Vec::new())]).await;

    let latest = bench.store().latest(5).await.expect("the newest");

    let told: Vec<(String, &str, Option<&Fault>)> = latest
        .iter()
        .map(|one| {
            (
                one.rule.to_string(),
                one.event.0.as_str(),
                one.fault.as_ref(),
            )
        })
        .collect();
    let expected = [
        ("greet", "first", Some(&fault)),
        ("route", "second", None),
        ("route-more", "second", None),
        ("greet", "second", Some(&fault)),
        ("route", "first", None),
    ];
    assert_eq!(
        told,
        expected.map(|(rule, event, fault)| (rule.to_owned(), event, fault))
    );
    let route = decided("route", Vec::new()).evaluation;
    assert_eq!(
        (&latest[4].module, &latest[4].settings),
        (&route.module, &route.settings)
    );
    assert_eq!(latest[4].at, START);
}
