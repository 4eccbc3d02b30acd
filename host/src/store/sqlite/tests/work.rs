//! How much the claims read: as much however many wait, where those are paused, not due, or others' turn.

use rusqlite::{Connection, StatementStatus, params};

use super::super::*;
use super::{NOW, store};

/// How many wait.
const MANY: i64 = 20_000;

/// How many steps of the database's machine a claim may take: some hundreds of rows.
const FEW: i32 = 10_000;

/// Makes rows of a number `n` each, from 1 on.
fn fill(db: &Connection, insert: &str) -> Result<(), StoreError> {
    db.execute(
        &format!(
            "WITH RECURSIVE numbers (n) AS \
             (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1) {insert} FROM numbers"
        ),
        [MANY],
    )?;
    Ok(())
}

/// A delivery with an event, of the source `gitlab`, on which actions can stand.
fn event(db: &Connection) -> Result<(), StoreError> {
    db.execute_batch(
        "INSERT INTO deliveries (number, id, source, provider, received_at, received_local, headers, state) \
         VALUES (1, 'd', 'gitlab', 'gitlab', 0, '', '[]', 'done'); \
         INSERT INTO events (sequence, id, delivery_number, source, provider_event, subject, \
         received_at, received_local, state, event) \
         VALUES (1, 'e', 1, 'gitlab', '', '', 0, '', 'done', '{}');",
    )?;
    Ok(())
}

/// Many actions of a target, and one of the target `other` after them.
fn actions(db: &Connection, kind: &str, due_at: i64, key: Option<&str>) -> Result<(), StoreError> {
    event(db)?;
    let action = match kind {
        "notify" => r#"{"notify":{"channel":"team"}}"#,
        _ => r#"{"deploy":{"name":"team"}}"#,
    };
    let columns = "INSERT INTO actions (key, event_sequence, run, rule, kind, target, state, \
        concurrency_key, when_busy, due_at, created_at, action)";
    let key = key.map_or("NULL, NULL".to_owned(), |key| format!("'{key}', 'queue'"));
    fill(
        db,
        &format!(
            "{columns} SELECT 'k' || n, 1, 0, 'route', '{kind}', 'team', 'waiting', {key}, \
             {due_at}, 0, '{action}'"
        ),
    )?;
    db.execute(
        &format!(
            "{columns} VALUES ('last', 1, 0, 'route', '{kind}', 'other', 'waiting', {key}, \
             {}, 0, '{action}')",
            NOW.0
        ),
        [],
    )?;
    Ok(())
}

fn pause(db: &Connection, what: Pausable, name: &str) -> Result<(), StoreError> {
    pauses::pause(
        db,
        &Pause {
            what,
            name: name.to_owned(),
            since: NOW,
            reason: None,
        },
    )
}

/// How many steps a statement has taken so far.
fn steps(db: &Connection, statement: &str) -> Result<i32, StoreError> {
    Ok(db
        .prepare_cached(statement)?
        .get_status(StatementStatus::VmStep))
}

/// Runs a claim, and asserts that it and the statements it names took few steps, and some.
async fn assert_little_work<F>(statements: Vec<String>, claim: F)
where
    F: FnOnce(&Connection) -> Result<(), StoreError> + Send + 'static,
{
    let (_folder, store) = store();
    let worked = store.writer.run(move |db| {
        claim(db)?;
        for statement in statements {
            let steps = steps(db, &statement)?;
            assert!((1..FEW).contains(&steps), "{steps} steps: {statement}");
        }
        Ok(())
    });
    worked.await.expect("little work");
}

#[tokio::test]
async fn many_deliveries_of_a_paused_source_do_not_slow_a_claim() {
    let statements = vec![
        deliveries::waiting_sources(),
        deliveries::WAITING.to_owned(),
    ];
    assert_little_work(statements, |db| {
        let columns =
            "INSERT INTO deliveries (id, source, provider, received_at, received_local, headers)";
        fill(
            db,
            &format!("{columns} SELECT n, 'gitlab', '', 0, '', '[]'"),
        )?;
        db.execute(
            &format!("{columns} VALUES ('x', 'jira', '', 0, '', '[]')"),
            [],
        )?;
        db.execute(
            "INSERT INTO bodies SELECT number, ?1 FROM deliveries",
            [bodies::pack(b"")],
        )?;
        pause(db, Pausable::Source, "gitlab")?;

        assert_eq!(deliveries::claim(db, "worker", 64)?.len(), 1);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn many_events_of_a_paused_source_do_not_slow_a_claim() {
    let statements = vec![events::waiting_sources()];
    assert_little_work(statements, |db| {
        event(db)?;
        fill(
            db,
            "INSERT INTO events (sequence, id, delivery_number, source, provider_event, subject, \
             received_at, received_local, state, event) \
             SELECT n + 1, n, 1, 'gitlab', '', '', 0, '', 'waiting', '{}'",
        )?;
        pause(db, Pausable::Source, "gitlab")?;

        assert!(events::claim(db, "worker", 64)?.is_empty());
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn many_messages_of_a_channel_do_not_slow_a_claim_or_the_lanes() {
    let statements = [
        messages::channels(),
        messages::DUE.to_owned(),
        messages::NEXT.to_owned(),
        messages::FIRST.to_owned(),
    ];
    assert_little_work(statements.into(), |db| {
        actions(db, "notify", NOW.0, None)?;

        let lanes = messages::lanes(db, NOW)?;
        assert_eq!((lanes[0].due, lanes[1].due), (1, 1_001));
        let claimed = messages::claim(db, "worker", "team", NOW, (None, 10))?;
        assert_eq!(claimed.map(|message| message.others.len()), Some(10));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn many_runs_of_a_paused_command_do_not_slow_a_claim() {
    let statements = [
        commands::waiting(),
        turns::waiting_of_key(),
        commands::DUE.to_owned(),
        commands::HEAD.to_owned(),
    ];
    assert_little_work(statements.into(), |db| {
        actions(db, "deploy", NOW.0, Some("group/all"))?;
        pause(db, Pausable::Command, "team")?;

        let claimed = commands::claim(db, "worker", NOW, 4)?;
        assert_eq!(claimed.len(), 1);
        assert_eq!(claimed[0].key, "last");
        Ok(())
    })
    .await;
}

/// Many events of a source that wait, in a run.
fn waiting_events(db: &Connection, source: &str, run: u32) -> Result<(), StoreError> {
    fill(
        db,
        &format!(
            "INSERT INTO events (sequence, id, delivery_number, run, source, provider_event, \
             subject, received_at, received_local, state, event) \
             SELECT n + 1, n, 1, {run}, '{source}', '', '', 0, '', 'waiting', '{{}}'"
        ),
    )
}

const OPEN: [&str; 4] = [
    earlier::EVENT_IN_HAND,
    earlier::DELIVERY_IN_HAND,
    earlier::EVENT_WAITING,
    earlier::DELIVERY_WAITING,
];

#[tokio::test]
async fn earlier_events_are_not_looked_for_where_no_command_of_a_queue_is_due() {
    let (_folder, store) = store();
    let worked = store.writer.run(|db| {
        actions(db, "deploy", NOW.0 + 1, None)?;
        db.execute(
            "UPDATE actions SET due_at = ?1, concurrency_key = 'web', when_busy = 'queue' \
            WHERE key = 'last'",
            [NOW.0 + 1],
        )?;

        assert!(commands::claim(db, "worker", NOW, 4)?.is_empty());
        for statement in OPEN {
            assert_eq!(steps(db, statement)?, 0, "{statement}");
        }
        Ok(())
    });
    worked.await.expect("no work");
}

#[tokio::test]
async fn many_events_of_a_paused_source_do_not_slow_the_look_at_earlier_ones() {
    let statements = vec![
        earlier::EVENT_IN_HAND.to_owned(),
        events::waiting_sources(),
        deliveries::waiting_sources(),
    ];
    assert_little_work(statements, |db| {
        event(db)?;
        waiting_events(db, "gitlab", 0)?;
        pause(db, Pausable::Source, "gitlab")?;

        assert!(!earlier::is_open(db, i64::MAX)?);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn many_replays_do_not_hide_an_event_that_waits_for_its_first_run() {
    assert_little_work(vec![earlier::EVENT_WAITING.to_owned()], |db| {
        event(db)?;
        waiting_events(db, "gitlab", 1)?;
        assert!(!earlier::is_open(db, i64::MAX)?);
        db.execute("UPDATE events SET run = 0 WHERE sequence = ?1", [MANY])?;
        // The steps so far are those of a look that found nothing.
        let statement = db.prepare_cached(earlier::EVENT_WAITING)?;
        statement.reset_status(StatementStatus::VmStep);
        drop(statement);

        assert!(earlier::is_open(db, i64::MAX)?);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn many_old_attempts_do_not_slow_the_look_at_the_newest() {
    assert_little_work(vec![messages::SENT.to_owned()], |db| {
        actions(db, "notify", NOW.0, None)?;
        fill(
            db,
            "INSERT INTO attempts (action_id, number, channel, began_at) SELECT n, 1, 'team', n",
        )?;
        db.execute(
            "INSERT INTO attempts (action_id, number, channel, began_at) VALUES (1, 2, 'team', ?1)",
            params![NOW.0],
        )?;

        assert_eq!(messages::sent_since(db, "team", NOW)?, [NOW]);
        Ok(())
    })
    .await;
}
