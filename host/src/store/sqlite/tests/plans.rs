//! How SQLite carries out the queries: by an index wherever many rows may be done or be another's.

use rusqlite::Connection;

use super::super::*;
use super::store;
use crate::store::{ActionState, EventState};

/// The plan of a query, a step a line.
fn plan(db: &Connection, query: &str) -> Result<String, StoreError> {
    let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {query}"))?;
    let unbound = std::iter::repeat_n(rusqlite::types::Null, statement.parameter_count());
    let steps = statement
        .query_map(rusqlite::params_from_iter(unbound), |row| row.get("detail"))?
        .collect::<Result<Vec<String>, _>>()?;
    Ok(steps.join("\n"))
}

#[tokio::test]
async fn no_claim_reads_what_is_done() {
    let (_folder, store) = store();
    let queries = [
        (deliveries::WAITING, "deliveries_open"),
        (events::WAITING, "events_open"),
        (claims::DUE, "actions_due"),
        (claims::NEXT_DUE, "actions_due"),
        (claims::HEAD, "actions_queued"),
        (claims::RUNNING, "actions_running"),
        (claims::BEGUN_LATER, "actions_begun"),
        (settlement::UNDECIDED, "actions_open"),
    ];

    for (query, index) in queries {
        let plan = store
            .writer
            .run(move |db| plan(db, query))
            .await
            .expect("a plan");

        assert!(plan.contains(index), "{query}\n{plan}");
        assert!(!plan.contains("SCAN"), "{query}\n{plan}");
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
    let rule = crate::domain::names::RuleName::parse("x").ok();
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
    ];

    for (query, index) in queries {
        let asked = query.clone();
        let plan = store
            .writer
            .run(move |db| plan(db, &asked))
            .await
            .expect("a plan");

        assert!(plan.contains(index), "{query}\n{plan}");
        assert!(!plan.contains("SCAN"), "{query}\n{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{query}\n{plan}");
    }
}
