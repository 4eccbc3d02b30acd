//! How SQLite carries out the queries: by an index wherever many rows may be done or be another's.

use rusqlite::Connection;

use super::super::*;
use super::{NOW, store};
use crate::store::{ActionKind, ActionState, EventState};

/// The plan of a query, a step a line.
fn plan(db: &Connection, query: &str) -> Result<String, StoreError> {
    let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {query}"))?;
    let unbound = std::iter::repeat_n(rusqlite::types::Null, statement.parameter_count());
    let steps = statement
        .query_map(rusqlite::params_from_iter(unbound), |row| row.get("detail"))?
        .collect::<Result<Vec<String>, _>>()?;
    Ok(steps.join("\n"))
}

/// Asserts that a query reads by this index, and nothing from end to end, and returns its plan.
async fn assert_reads_by(store: &Sqlite, query: &str, index: &str) -> String {
    let asked = query.to_owned();
    let plan = store.writer.run(move |db| plan(db, &asked)).await;
    let plan = plan.expect("a plan");

    assert!(plan.contains(index), "{query}\n{plan}");
    // The names that are found one by one are no table, nor is what a subquery counts. The first name stands
    // first in its index.
    let first = format!("INDEX {}", index.split(' ').next().unwrap_or(index));
    for line in plan.lines().filter(|line| line.starts_with("SCAN")) {
        let is_made = ["SCAN found", "SCAN (subquery-", "SCAN CONSTANT"]
            .into_iter()
            .any(|start| line.starts_with(start));
        assert!(is_made || line.ends_with(&first), "{query}\n{plan}");
    }
    plan
}

/// Asserts that a query also finds its rows in their order.
async fn assert_reads_in_order_by(store: &Sqlite, query: &str, index: &str) {
    let plan = assert_reads_by(store, query, index).await;
    assert!(!plan.contains("TEMP B-TREE"), "{query}\n{plan}");
}

#[tokio::test]
async fn no_claim_reads_what_is_done() {
    let (_folder, store) = store();
    let queries = [
        (
            deliveries::WAITING,
            "deliveries_open (state=? AND source=? AND number<?)",
        ),
        (events::WAITING, "events_waiting (source=? AND sequence<?)"),
        (commands::DUE, "actions_due (kind=? AND target=? AND"),
        (
            commands::NEXT,
            "actions_due (kind=? AND target=? AND due_at>?)",
        ),
        (
            commands::HEAD,
            "actions_queued (concurrency_key=? AND target=?)",
        ),
        (turns::RUNNING, "actions_running (concurrency_key=?)"),
        (
            turns::WAITING,
            "actions_queued (concurrency_key=? AND target=?)",
        ),
        (
            turns::BEGUN_LATER,
            "actions_begun (concurrency_key=? AND target=? AND event_sequence>?)",
        ),
        (
            turns::WAITING_LATER,
            "actions_queued_by_mode (concurrency_key=? AND target=? AND when_busy=? AND event_sequence>?)",
        ),
        (
            turns::SUPERSEDE,
            "actions_queued (concurrency_key=? AND target=? AND event_sequence<?)",
        ),
        (turns::ASK_FOR_END, "actions_running (concurrency_key=?)"),
        (
            messages::DUE,
            "actions_due (kind=? AND target=? AND due_at<?)",
        ),
        (
            messages::NEXT,
            "actions_due (kind=? AND target=? AND due_at>?)",
        ),
        (messages::FIRST, "actions_lanes (target=?)"),
        (messages::RUNNING, "actions_sending (target=?)"),
        (
            messages::SENT,
            "attempts_by_channel (channel=? AND began_at>?)",
        ),
        (messages::GIVE_UP, "actions_due (kind=? AND target=?)"),
        (
            actions::FIRST_OF_KEY,
            "actions_once (rule=? AND target=? AND once_key=? AND created_at>?)",
        ),
        (replays::FORGET, "(rule=? AND event_sequence=?)"),
        (pauses::ONE, "(what=? AND name=?)"),
    ];

    for (query, index) in queries {
        assert_reads_in_order_by(&store, query, index).await;
    }
}

#[tokio::test]
async fn earlier_events_are_found_without_what_is_done() {
    let (_folder, store) = store();
    let queries = [
        (
            earlier::EVENT_IN_HAND,
            "events_open (state=? AND sequence<?)",
        ),
        (earlier::DELIVERY_IN_HAND, "deliveries_open (state=?"),
        (
            earlier::EVENT_WAITING,
            "events_waiting (source=? AND sequence<?)",
        ),
        (
            earlier::DELIVERY_WAITING,
            "deliveries_open (state=? AND source=? AND number<?)",
        ),
    ];

    for (query, index) in queries {
        assert_reads_in_order_by(&store, query, index).await;
    }
}

#[tokio::test]
async fn what_is_in_hand_or_undecided_is_found_without_the_others() {
    let (_folder, store) = store();
    let queries = [
        (commands::TO_END, "actions_held (claimed_by=?)"),
        (settlement::UNDECIDED, "actions_open (state=?)"),
    ];

    for (query, index) in queries {
        assert_reads_by(&store, query, index).await;
    }
}

#[tokio::test]
async fn a_claim_skips_from_name_to_name() {
    let (_folder, store) = store();
    let queries = [
        (
            deliveries::waiting_sources(),
            "deliveries_open (state=? AND source>?)",
        ),
        (events::waiting_sources(), "events_waiting (source>?)"),
        (messages::channels(), "actions_due (kind=? AND target>?)"),
        (commands::waiting(), "actions_due (kind=? AND target>?)"),
        (
            turns::waiting_of_key(),
            "actions_queued (concurrency_key=? AND target>?)",
        ),
    ];

    for (query, index) in queries {
        assert_reads_in_order_by(&store, &query, index).await;
    }
}

#[tokio::test]
async fn what_is_asked_of_a_source_reads_its_own_rows_alone() {
    let (_folder, store) = store();
    let own = "(source=?)";
    let queries = [
        (deliveries::LAST, "deliveries_by_source (source=?)"),
        (sources::ROOT, own),
        (sources::BATCH, own),
        (sources::FILES, own),
        (sources::FORGET, "(source=? AND path=?)"),
        (sources::LAST_DUE, own),
    ];

    for (query, search) in queries {
        let plan = store
            .writer
            .run(move |db| plan(db, query))
            .await
            .expect("a plan");

        assert!(plan.contains("SEARCH"), "{query}\n{plan}");
        assert!(plan.contains(search), "{query}\n{plan}");
        assert!(!plan.contains("SCAN"), "{query}\n{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{query}\n{plan}");
    }
}

#[tokio::test]
async fn a_listing_by_one_condition_reads_its_index_in_order() {
    let (_folder, store) = store();
    let text = || Some("x".to_owned());
    let event = EventFilter::default;
    let action = ActionFilter::default;
    let source = SourceName::parse("x").ok();
    let rule = RuleName::parse("x").ok();
    let stuck = Some(EventState::Stuck);
    let dead = Some(ActionState::Dead);
    let listed = |filter: EventFilter| events::listing(&events::conditions(&filter));
    let acted = |filter: ActionFilter| actions::listing(&actions::conditions(&filter));
    let queries = [
        (
            listed(EventFilter { source, ..event() }),
            "events_by_source",
        ),
        (
            listed(EventFilter {
                subject: text(),
                ..event()
            }),
            "events_by_subject",
        ),
        (
            listed(EventFilter {
                project: text(),
                ..event()
            }),
            "events_by_project",
        ),
        (
            listed(EventFilter {
                state: stuck,
                ..event()
            }),
            "events_open",
        ),
        (acted(ActionFilter { rule, ..action() }), "actions_by_rule"),
        (
            acted(ActionFilter {
                state: dead,
                ..action()
            }),
            "actions_open",
        ),
        (
            acted(ActionFilter {
                event: text().map(EventId),
                ..action()
            }),
            "actions_by_event",
        ),
        (
            acted(ActionFilter {
                target: text(),
                ..action()
            }),
            "actions_by_target",
        ),
        (
            acted(ActionFilter {
                kind: Some(ActionKind::Deploy),
                ..action()
            }),
            "actions_commands",
        ),
    ];

    for (query, index) in queries {
        assert_reads_in_order_by(&store, &query, index).await;
    }
}

#[tokio::test]
async fn a_listing_by_time_reads_from_its_first_row_to_its_last() {
    let (_folder, store) = store();
    let since = EventFilter {
        since: Some(NOW),
        ..EventFilter::default()
    };
    let until = ActionFilter {
        until: Some(NOW),
        ..ActionFilter::default()
    };
    let queries = [
        (
            events::listing(&events::conditions(&since)),
            "events_by_time (received_at>? AND received_at<?)",
        ),
        (
            actions::listing(&actions::conditions(&until)),
            "actions_by_time (created_at>? AND created_at<?)",
        ),
    ];

    for (query, index) in queries {
        assert_reads_in_order_by(&store, &query, index).await;
        assert_reads_by(&store, &query, "PRIMARY KEY (rowid>? AND rowid<?)").await;
    }
}

#[tokio::test]
async fn what_a_person_changes_is_found_without_what_is_done() {
    let (_folder, store) = store();
    let all = ActionFilter::default();
    let one = ActionFilter {
        id: Some(ActionId(1)),
        ..all.clone()
    };
    let missed = Replay {
        rule: RuleName::parse("x").ok(),
        which: crate::store::Which::Skipped,
        ..Replay::default()
    };
    let retry = |filter| by_hand::statement("decided = 0", &by_hand::to_retry(&filter));
    let replay = replays::statement("run = run + 1", &replays::matching(&missed, replays::ENDED));
    let queries = [
        (retry(all), "actions_open (state=?)"),
        (retry(one), "PRIMARY KEY (rowid=?)"),
        (replay, "PRIMARY KEY (rule=?)"),
    ];

    for (query, index) in queries {
        assert_reads_by(&store, &query, index).await;
    }
}

#[tokio::test]
async fn the_past_is_read_in_its_order_and_between_its_bounds() {
    let (_folder, store) = store();
    let by_time = EventFilter {
        since: Some(NOW),
        ..EventFilter::default()
    };
    let by_source = EventFilter {
        source: SourceName::parse("x").ok(),
        ..by_time.clone()
    };
    let page = |filter: &EventFilter| {
        past::listing(&past::conditions(&PastPage {
            filter: filter.clone(),
            rule: RuleName::parse("x").expect("a name"),
            first: 1,
            last: 2,
            limit: 3,
        }))
    };
    for (query, index) in [
        (page(&by_time), "PRIMARY KEY (rowid>? AND rowid<?)"),
        (page(&by_source), "events_by_source (source=? AND"),
        (
            past::ANSWER.to_owned(),
            "sqlite_autoindex_evaluations_1 (event_sequence=?)",
        ),
    ] {
        assert_reads_in_order_by(&store, &query, index).await;
    }
    let extent = past::newest(&events::conditions(&by_time));
    assert_reads_by(
        &store,
        &extent,
        "events_by_time (received_at>? AND received_at<?)",
    )
    .await;
}
