//! The tables, and how a data folder of an older version gets them.
//!
//! [`super::Sqlite::open`] calls [`migrate`] before anything else. `PRAGMA user_version` counts the
//! migrations that a file has seen.
//!
//! Invariants:
//! - A migration happens whole or not at all.
//! - A file of a newer version is left untouched.
//! - No claim, and no listing by one condition, reads rows that are done: each has its index, partial
//!   where most rows are of no interest.

use rusqlite::{Connection, TransactionBehavior};

use crate::store::StoreError;

/// What leads from each version to the next. A released entry is never changed.
const MIGRATIONS: [&str; 1] = [FIRST];

/// Brings the file to the newest version.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for (version, migration) in (1_i64..).zip(MIGRATIONS) {
        if version > found {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "user_version", version)?;
            transaction.commit()?;
        }
    }
    Ok(())
}

// Bodies stand apart from deliveries: a change of state would otherwise write a large row again. They are
// packed (`bodies.rs`).
// Keys name their delivery by its identifier, without a reference, because they outlive it.
// What waits is indexed by its source, channel or command: those that are paused are skipped, not read.
// `only_rules` is JSON, and empty for all. `cancel_by` is none where nobody asks for the end of a command, and
// empty where a person does. An attempt at a message names its channel, by which the channel's rate is known.
// A folder is known by its own row, because one that is empty has no files. The numbers of the file
// system and of batches have no sign, and are kept bit by bit (`sources.rs`).
const FIRST: &str = "
CREATE TABLE deliveries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    provider TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    received_local TEXT NOT NULL,
    remote_address TEXT,
    headers TEXT NOT NULL,
    query TEXT,
    secret TEXT,
    state TEXT NOT NULL DEFAULT 'waiting',
    claimed_by TEXT,
    crashes INTEGER NOT NULL DEFAULT 0,
    duplicates INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX deliveries_open ON deliveries (state, source, number) WHERE state <> 'done';
CREATE INDEX deliveries_held ON deliveries (claimed_by) WHERE claimed_by IS NOT NULL;
CREATE INDEX deliveries_by_source ON deliveries (source, number);

CREATE TABLE bodies (
    delivery_number INTEGER PRIMARY KEY REFERENCES deliveries (number) ON DELETE CASCADE,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE delivery_keys (
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    delivery_id TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (source, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE refusals (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    remote_address TEXT,
    provider_event TEXT,
    delivery_key TEXT,
    project TEXT,
    count INTEGER NOT NULL DEFAULT 1,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL
) STRICT;
CREATE INDEX refusals_alike ON refusals (source, code, remote_address, provider_event, project);
CREATE INDEX refusals_by_time ON refusals (source, last_at, id);

CREATE TABLE folders (
    source TEXT PRIMARY KEY,
    batch INTEGER NOT NULL,
    root_path TEXT,
    root_inode INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE files (
    source TEXT NOT NULL REFERENCES folders (source),
    path TEXT NOT NULL,
    size INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (source, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE schedules (
    source TEXT PRIMARY KEY,
    due_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE snapshots (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL
) STRICT;

CREATE TABLE events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    delivery_number INTEGER NOT NULL REFERENCES deliveries (number),
    run INTEGER NOT NULL DEFAULT 0,
    source TEXT NOT NULL,
    provider_event TEXT NOT NULL,
    subject TEXT NOT NULL,
    project TEXT,
    received_at INTEGER NOT NULL,
    received_local TEXT NOT NULL,
    state TEXT NOT NULL,
    claimed_by TEXT,
    crashes INTEGER NOT NULL DEFAULT 0,
    snapshot_id INTEGER REFERENCES snapshots (id),
    only_rules TEXT NOT NULL DEFAULT '[]',
    event TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_delivery ON events (delivery_number);
CREATE INDEX events_by_source ON events (source, sequence);
CREATE INDEX events_by_subject ON events (subject, sequence);
CREATE INDEX events_by_project ON events (project, sequence) WHERE project IS NOT NULL;
CREATE INDEX events_by_time ON events (received_at);
CREATE INDEX events_open ON events (state, sequence) WHERE state <> 'done';
CREATE INDEX events_waiting ON events (source, sequence) WHERE state = 'waiting';
CREATE INDEX events_held ON events (claimed_by) WHERE claimed_by IS NOT NULL;

CREATE TABLE units (
    event_sequence INTEGER NOT NULL REFERENCES events (sequence),
    run INTEGER NOT NULL,
    unit TEXT NOT NULL,
    snapshot_id INTEGER NOT NULL REFERENCES snapshots (id),
    committed_at INTEGER NOT NULL,
    action_ids TEXT NOT NULL,
    PRIMARY KEY (event_sequence, run, unit)
) STRICT, WITHOUT ROWID;

CREATE TABLE drops (
    event_sequence INTEGER NOT NULL REFERENCES events (sequence),
    run INTEGER NOT NULL,
    unit TEXT NOT NULL,
    rule TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (event_sequence, run, unit)
) STRICT, WITHOUT ROWID;

CREATE TABLE evaluations (
    id INTEGER PRIMARY KEY,
    event_sequence INTEGER NOT NULL REFERENCES events (sequence),
    run INTEGER NOT NULL,
    rule TEXT NOT NULL,
    outcome TEXT NOT NULL,
    fuel INTEGER NOT NULL,
    committed_at INTEGER NOT NULL,
    evaluation TEXT NOT NULL,
    UNIQUE (event_sequence, run, rule)
) STRICT;

CREATE TABLE skipped (
    rule TEXT NOT NULL,
    event_sequence INTEGER NOT NULL REFERENCES events (sequence),
    PRIMARY KEY (rule, event_sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX skipped_by_event ON skipped (event_sequence, rule);

CREATE TABLE actions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    event_sequence INTEGER NOT NULL REFERENCES events (sequence),
    run INTEGER NOT NULL,
    rule TEXT NOT NULL,
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    state TEXT NOT NULL,
    detail TEXT,
    caused_by TEXT,
    once_key TEXT,
    concurrency_key TEXT,
    when_busy TEXT,
    cancel_by TEXT,
    due_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at INTEGER,
    claimed_by TEXT,
    crashes INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    forgiven INTEGER NOT NULL DEFAULT 0,
    decided INTEGER NOT NULL DEFAULT 0,
    action TEXT NOT NULL
) STRICT;
CREATE INDEX actions_by_event ON actions (event_sequence, id);
CREATE INDEX actions_by_rule ON actions (rule, id);
CREATE INDEX actions_by_target ON actions (target, id);
CREATE INDEX actions_by_time ON actions (created_at);
CREATE INDEX actions_commands ON actions (id) WHERE kind = 'deploy';
CREATE INDEX actions_open ON actions (state, id) WHERE state <> 'done';
CREATE INDEX actions_held ON actions (claimed_by) WHERE claimed_by IS NOT NULL;
CREATE INDEX actions_due ON actions (kind, target, due_at, event_sequence, id)
    WHERE state IN ('waiting', 'retrying');
CREATE INDEX actions_lanes ON actions (target, event_sequence, id, due_at)
    WHERE kind = 'notify' AND state IN ('waiting', 'retrying');
CREATE INDEX actions_sending ON actions (target) WHERE kind = 'notify' AND state = 'running';
CREATE INDEX actions_once ON actions (rule, target, once_key, created_at)
    WHERE once_key IS NOT NULL AND state NOT IN
    ('dead', 'refused', 'shadowed', 'canceled', 'deduplicated', 'stuck');
CREATE INDEX actions_queued ON actions (concurrency_key, target, event_sequence, id)
    WHERE state IN ('waiting', 'retrying') AND concurrency_key IS NOT NULL;
CREATE INDEX actions_queued_by_mode ON actions (concurrency_key, target, when_busy, event_sequence)
    WHERE state IN ('waiting', 'retrying') AND concurrency_key IS NOT NULL;
CREATE INDEX actions_running ON actions (concurrency_key)
    WHERE state = 'running' AND concurrency_key IS NOT NULL;
CREATE INDEX actions_begun ON actions (concurrency_key, target, event_sequence)
    WHERE attempts > 0 AND concurrency_key IS NOT NULL;

CREATE TABLE attempts (
    action_id INTEGER NOT NULL REFERENCES actions (id),
    number INTEGER NOT NULL,
    channel TEXT,
    began_at INTEGER NOT NULL,
    ended_at INTEGER,
    result TEXT,
    detail TEXT,
    exit_code INTEGER,
    output TEXT,
    UNIQUE (action_id, number)
) STRICT;
CREATE INDEX attempts_by_channel ON attempts (channel, began_at) WHERE channel IS NOT NULL;

CREATE TABLE channels (
    name TEXT PRIMARY KEY,
    since_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    error TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE pauses (
    what TEXT NOT NULL,
    name TEXT NOT NULL,
    since_at INTEGER NOT NULL,
    reason TEXT,
    PRIMARY KEY (what, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE rules (
    rule TEXT PRIMARY KEY,
    record TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE states (
    rule TEXT PRIMARY KEY,
    revision INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE state_entries (
    rule TEXT NOT NULL REFERENCES states (rule),
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (rule, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE owners (
    owner TEXT PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE probes (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    probed_at INTEGER NOT NULL,
    filler BLOB NOT NULL
) STRICT;
";
