//! Listings: order, conditions, pages, and sums.

use std::sync::Arc;
use std::time::Duration;

use super::bench::{
    Bench, START, WORKER, command, decided, delivery, delivery_id, delivery_with_keys, deploy,
    ended, evaluated, event, event_id, message, notify, rule, source, unit,
};
use crate::domain::evaluation::Outcome;
use crate::domain::event::Subject;
use crate::domain::fault::Fault;
use crate::domain::names::TeamName;
use crate::store::{
    ActionFilter, ActionKind, ActionState, AttemptResult, Consequences, EventFilter, EventState,
    Look, Looked, Meant, NewAction,
};

async fn events(bench: &Bench, filter: EventFilter) -> Vec<String> {
    let summaries = bench.store().events(filter).await.expect("the events");
    summaries.into_iter().map(|summary| summary.id.0).collect()
}

async fn actions(bench: &Bench, filter: ActionFilter) -> Vec<String> {
    let records = bench.store().actions(filter).await.expect("the actions");
    records.into_iter().map(|record| record.key).collect()
}

pub(super) async fn events_are_listed_newest_first(bench: Bench) {
    for name in ["b", "c", "a"] {
        bench.event_held_by(WORKER, name).await;
    }

    let listed = events(&bench, EventFilter::default()).await;

    assert_eq!(listed, ["a", "c", "b"]);
}

pub(super) async fn events_are_listed_by_each_condition(bench: Bench) {
    let store = bench.store();
    store.accept(delivery("d")).await.expect("it is accepted");
    store.claim_deliveries(WORKER, 1).await.expect("a claim");
    let mut from_github = event("github");
    from_github.source = source("github");
    let mut other = event("other");
    other.subject = Subject::Other;
    let mut homeless = event("homeless");
    homeless.repository = None;
    let given = vec![from_github, other, homeless, event("done")];
    store
        .split(WORKER, &delivery_id("d"), given)
        .await
        .expect("it is split");
    let snapshot = bench.snapshot().await;
    let finished = store
        .finish_event(WORKER, &event_id("done"), 0, snapshot)
        .await;
    finished.expect("it is finished");

    let by_source = EventFilter {
        source: Some(source("github")),
        ..EventFilter::default()
    };
    let by_subject = EventFilter {
        subject: Some("other".to_owned()),
        ..EventFilter::default()
    };
    let by_project = EventFilter {
        project: Some("group/shop".to_owned()),
        ..EventFilter::default()
    };
    let done = EventFilter {
        state: Some(EventState::Done),
        ..EventFilter::default()
    };
    let running = EventFilter {
        state: Some(EventState::Running),
        ..EventFilter::default()
    };
    let both = EventFilter {
        state: Some(EventState::Running),
        ..by_project.clone()
    };

    assert_eq!(events(&bench, by_source).await, ["github"]);
    assert_eq!(events(&bench, by_subject).await, ["other"]);
    assert_eq!(
        events(&bench, by_project).await,
        ["done", "other", "github"]
    );
    assert_eq!(events(&bench, done).await, ["done"]);
    assert_eq!(
        events(&bench, running).await,
        ["homeless", "other", "github"]
    );
    assert_eq!(events(&bench, both).await, ["other", "github"]);
}

pub(super) async fn events_are_listed_page_by_page(bench: Bench) {
    for name in ["a", "b", "c"] {
        bench.event_held_by(WORKER, name).await;
    }
    let page = EventFilter {
        limit: 2,
        ..EventFilter::default()
    };

    let first = bench
        .store()
        .events(page.clone())
        .await
        .expect("the events");
    let before = first.last().map(|summary| summary.sequence);
    let second = events(&bench, EventFilter { before, ..page }).await;

    assert_eq!(first.len(), 2);
    assert_eq!(second, ["a"]);
}

pub(super) async fn a_look_ends_at_its_bounds_and_says_where_to_go_on(bench: Bench) {
    let mut sequences = Vec::new();
    for name in ["a", "b", "c", "d"] {
        sequences.push(bench.event_held_by(WORKER, name).await.sequence);
    }
    let look = async |limit, rows, meant: Arc<Meant>| {
        let filter = EventFilter {
            limit,
            ..EventFilter::default()
        };
        let looked = bench.store().look_for_events(filter, Look { rows, meant });
        let Looked { events, rest } = looked.await.expect("the events");
        let found: Vec<String> = events.into_iter().map(|summary| summary.id.0).collect();
        (found, rest)
    };
    let all: Arc<Meant> =
        Arc::new(|source, project| source.as_str() == "gitlab" && project == Some("group/shop"));
    let none: Arc<Meant> = Arc::new(|_, _| false);

    let enough = look(2, 10, Arc::clone(&all)).await;
    let of_rows = look(10, 3, Arc::clone(&none)).await;
    let every = look(10, 10, all).await;
    let nothing = look(10, 10, none).await;

    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    assert_eq!(enough, (names(&["d", "c"]), Some(sequences[2])));
    assert_eq!(of_rows, (Vec::new(), Some(sequences[1])));
    assert_eq!(every, (names(&["d", "c", "b", "a"]), None));
    assert_eq!(nothing, (Vec::new(), None));
}

pub(super) async fn an_event_is_summed_up(bench: Bench) {
    let sequence = bench.event_held_by(WORKER, "d").await.sequence;
    let fault = Outcome::Faulted(Fault::OutOfFuel { limit: 10 });
    let refused = NewAction {
        state: ActionState::Refused,
        ..notify("d", 2)
    };
    let evaluations = vec![
        decided("route", vec![notify("d", 0), deploy("d", 1), refused]),
        evaluated("broken", fault, Vec::new()),
    ];
    let given = unit("d", bench.snapshot().await, evaluations);
    bench
        .store()
        .commit_unit(WORKER, given)
        .await
        .expect("it is committed");

    let summaries = bench.store().events(EventFilter::default()).await;

    let summary = summaries.expect("the events").remove(0);
    assert_eq!((summary.sequence, summary.id), (sequence, event_id("d")));
    assert_eq!((summary.evaluations, summary.faults), (2, 1));
    assert_eq!(
        summary.actions,
        [(ActionState::Refused, 1), (ActionState::Waiting, 2)]
    );
    assert_eq!(summary.run, 0);
    assert_eq!(
        (summary.source, summary.provider_event),
        (source("gitlab"), "Push Hook".to_owned())
    );
    assert_eq!(
        (summary.subject, summary.state),
        ("ping".to_owned(), EventState::Running)
    );
    assert_eq!(
        (summary.received_at, summary.project),
        (START, Some("group/shop".to_owned()))
    );
}

pub(super) async fn events_are_listed_by_when_they_were_received(bench: Bench) {
    let store = bench.store();
    store.accept(delivery("d")).await.expect("it is accepted");
    store.claim_deliveries(WORKER, 1).await.expect("a claim");
    let given = ["a", "b", "c"].into_iter().zip(0..).map(|(name, millis)| {
        let mut event = event(name);
        event.received_at = START.after(Duration::from_millis(millis));
        event
    });
    store
        .split(WORKER, &delivery_id("d"), given.collect())
        .await
        .expect("it is split");
    let second = Some(START.after(Duration::from_millis(1)));

    let since = EventFilter {
        since: second,
        ..EventFilter::default()
    };
    let until = EventFilter {
        until: second,
        ..EventFilter::default()
    };
    let between = EventFilter {
        since: second,
        until: second.map(|second| second.after(Duration::from_millis(1))),
        ..EventFilter::default()
    };

    assert_eq!(events(&bench, since).await, ["c", "b"]);
    assert_eq!(events(&bench, until).await, ["a"]);
    assert_eq!(events(&bench, between).await, ["b"]);
}

pub(super) async fn actions_are_listed_by_each_condition(bench: Bench) {
    let of_other_rule = NewAction {
        rule: rule("shop/announce"),
        ..notify("a", 1)
    };
    let ids = bench
        .with_actions("a", vec![notify("a", 0), of_other_rule])
        .await;
    let others = vec![
        notify("b", 0),
        message("b", 1, "ops"),
        command("b", 2, "ops"),
    ];
    let others = bench.with_actions("b", others).await;
    bench.claim_message(WORKER).await;
    bench.settle(WORKER, ids[0], AttemptResult::Done).await;
    bench.claim_message(WORKER).await;

    let all = ActionFilter::default;
    let of_rule = ActionFilter {
        rule: Some(rule("shop/announce")),
        ..all()
    };
    let of_team = |name: &str| ActionFilter {
        team: Some(TeamName::parse(name).expect("a team's name")),
        ..all()
    };
    let of_event = |name| ActionFilter {
        event: Some(event_id(name)),
        ..all()
    };
    let in_state = |state| ActionFilter {
        state: Some(state),
        ..all()
    };
    let of_kind = |kind| ActionFilter {
        kind: Some(kind),
        ..all()
    };
    let of_target = ActionFilter {
        target: Some("ops".to_owned()),
        ..all()
    };
    let both = ActionFilter {
        kind: Some(ActionKind::Deploy),
        ..of_target.clone()
    };
    let one = ActionFilter {
        id: Some(others[1]),
        ..all()
    };

    let [a0, a1] = ["a/0/route/0", "a/0/route/1"];
    let [b0, b1, b2] = ["b/0/route/0", "b/0/route/1", "b/0/route/2"];
    let listed = async |filter| actions(&bench, filter).await;
    assert_eq!(listed(all()).await, [b2, b1, b0, a1, a0]);
    assert_eq!(listed(of_rule).await, [a1]);
    assert_eq!(listed(of_team("shop")).await, [a1]);
    for other in ["sho", "shop-old", "shop.b", "route"] {
        assert!(listed(of_team(other)).await.is_empty(), "{other}");
    }
    assert_eq!(listed(of_event("a")).await, [a1, a0]);
    assert!(listed(of_event("unknown")).await.is_empty());
    assert_eq!(listed(in_state(ActionState::Done)).await, [a0]);
    assert_eq!(listed(in_state(ActionState::Running)).await, [a1]);
    assert_eq!(listed(of_kind(ActionKind::Deploy)).await, [b2]);
    assert_eq!(listed(of_kind(ActionKind::Notify)).await, [b1, b0, a1, a0]);
    assert_eq!(listed(of_target).await, [b2, b1]);
    assert_eq!(listed(both).await, [b2]);
    assert_eq!(listed(one).await, [b1]);
}

pub(super) async fn actions_are_listed_by_when_they_were_committed(bench: Bench) {
    let due_at = START;
    for name in ["a", "b", "c"] {
        let id = bench.with_actions(name, vec![deploy(name, 0)]).await[0];
        bench.claim_commands(WORKER).await;
        // What follows from an end is committed when that was.
        let consequences = Consequences {
            follow_ups: vec![NewAction {
                due_at,
                ..notify(name, 1)
            }],
            ..Consequences::default()
        };
        let end = ended(bench.now(), AttemptResult::Done);
        let settled = bench
            .store()
            .settle_action(WORKER, id, end, consequences)
            .await;
        settled.expect("it is settled");
        bench.advance(Duration::from_millis(1));
    }
    let messages = ActionFilter {
        kind: Some(ActionKind::Notify),
        ..ActionFilter::default()
    };
    let second = Some(START.after(Duration::from_millis(1)));

    let since = ActionFilter {
        since: second,
        ..messages.clone()
    };
    let until = ActionFilter {
        until: second,
        ..messages
    };

    assert_eq!(actions(&bench, since).await, ["c/0/route/1", "b/0/route/1"]);
    assert_eq!(actions(&bench, until).await, ["a/0/route/1"]);
}

pub(super) async fn actions_are_listed_page_by_page(bench: Bench) {
    bench
        .with_actions("a", vec![notify("a", 0), notify("a", 1), notify("a", 2)])
        .await;
    let page = ActionFilter {
        limit: 2,
        ..ActionFilter::default()
    };

    let first = bench
        .store()
        .actions(page.clone())
        .await
        .expect("the actions");
    let before = first.last().map(|record| record.id);
    let second = actions(&bench, ActionFilter { before, ..page }).await;

    assert_eq!(first.len(), 2);
    assert_eq!(second, ["a/0/route/0"]);
}

pub(super) async fn an_event_shows_how_often_its_delivery_came_again(bench: Bench) {
    let store = bench.store();
    store
        .accept(delivery_with_keys("d", &["id:1"]))
        .await
        .expect("it is accepted");
    store.claim_deliveries(WORKER, 1).await.expect("a claim");
    store
        .split(WORKER, &delivery_id("d"), vec![event("d")])
        .await
        .expect("it is split");

    for name in ["e", "f"] {
        store
            .accept(delivery_with_keys(name, &["id:1"]))
            .await
            .expect("an answer");
    }

    let record = store.event(None).await.expect("the event");
    assert_eq!(record.duplicates, 2);
}
