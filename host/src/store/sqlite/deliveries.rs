//! Deliveries: accepting, claiming, and splitting into events.

use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Row, params};

use super::{actions, bodies, groups, rows};
use crate::domain::clock::Timestamp;
use crate::domain::event::Event;
use crate::domain::names::{DeliveryId, SourceName};
use crate::store::{
    Accepted, ActionId, ClaimedDelivery, ClaimedEvent, Delivery, DeliverySummary, NewAction,
    Pausable, StoreError,
};

/// A delivery as it is read back, without a condition.
const SELECT: &str = "SELECT number, id, source, provider, received_at, received_local, \
    remote_address, headers, query, secret, body \
    FROM deliveries JOIN bodies ON delivery_number = number";

/// What [`claim`] looks for, of one source.
pub(super) const WAITING: &str = "SELECT number FROM deliveries \
    WHERE state = 'waiting' AND state <> 'done' AND source = ?1 AND number < ?2 \
    ORDER BY number LIMIT ?3";

/// The sources whose deliveries wait.
pub(super) fn waiting_sources() -> String {
    groups::unpaused(
        "source",
        "deliveries WHERE state = 'waiting' AND state <> 'done'",
        Pausable::Source,
    )
}

/// What [`last`] reads.
pub(super) const LAST: &str = "SELECT id, received_at, provider, remote_address, secret, duplicates \
    FROM deliveries WHERE source = ?1 ORDER BY number DESC LIMIT 1";

/// A delivery as it goes to the writer.
pub(super) struct Packed {
    delivery: Delivery,
    /// Its headers, as JSON.
    headers: String,
    body: Vec<u8>,
}

impl Packed {
    /// Packs a delivery. This is done before it is the writer's turn: there is one writer, and many that call.
    pub(super) fn new(delivery: Delivery) -> Result<Self, StoreError> {
        Ok(Self {
            headers: rows::to_json(&delivery.headers)?,
            body: bodies::pack(&delivery.body),
            delivery,
        })
    }
}

/// Commits a delivery, unless one of its keys or its identifier is known.
pub(super) fn accept(
    db: &Connection,
    packed: &Packed,
    now: Timestamp,
) -> Result<Accepted, StoreError> {
    let delivery = &packed.delivery;
    if let Some(first) = known(db, delivery, now)? {
        db.prepare_cached("UPDATE deliveries SET duplicates = duplicates + 1 WHERE id = ?1")?
            .execute([&first.0])?;
        return Ok(Accepted::Duplicate { first });
    }
    insert(db, packed, "waiting")?;
    // An expired key of an older delivery gives way.
    let mut insert = db.prepare_cached(
        "INSERT OR REPLACE INTO delivery_keys (source, key, delivery_id, expires_at) \
         VALUES (?1, ?2, ?3, ?4)",
    )?;
    for key in &delivery.keys {
        insert.execute(params![
            delivery.source.as_str(),
            key.key,
            delivery.id.0,
            key.expires_at.0
        ])?;
    }
    Ok(Accepted::New)
}

/// Puts a delivery with its body into the file, in a state, and returns its number.
fn insert(db: &Connection, packed: &Packed, state: &str) -> Result<i64, StoreError> {
    let delivery = &packed.delivery;
    let number = db
        .prepare_cached(
            "INSERT INTO deliveries (id, source, provider, received_at, received_local, \
             remote_address, headers, query, secret, state) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .insert(params![
            delivery.id.0,
            delivery.source.as_str(),
            delivery.provider,
            delivery.received_at.0,
            delivery.received_local,
            delivery.remote_address,
            packed.headers,
            delivery.query,
            delivery.secret,
            state,
        ])?;
    db.prepare_cached("INSERT INTO bodies (delivery_number, body) VALUES (?1, ?2)")?
        .execute(params![number, packed.body])?;
    Ok(number)
}

/// The earlier delivery that this one repeats.
fn known(
    db: &Connection,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<Option<DeliveryId>, StoreError> {
    let mut by_key = db.prepare_cached(
        "SELECT delivery_id FROM delivery_keys WHERE source = ?1 AND key = ?2 AND expires_at > ?3",
    )?;
    for key in &delivery.keys {
        let first: Option<String> = by_key
            .query_row(params![delivery.source.as_str(), key.key, now.0], |row| {
                row.get(0)
            })
            .optional()?;
        if let Some(first) = first {
            return Ok(Some(DeliveryId(first)));
        }
    }
    let is_same = db
        .prepare_cached("SELECT 1 FROM deliveries WHERE id = ?1")?
        .exists([&delivery.id.0])?;
    Ok(is_same.then(|| delivery.id.clone()))
}

/// Claims the oldest that wait.
pub(super) fn claim(
    db: &Connection,
    owner: &str,
    limit: usize,
) -> Result<Vec<ClaimedDelivery>, StoreError> {
    let numbers = groups::lowest(db, &waiting_sources(), WAITING, limit)?;
    let mut update = db.prepare_cached(
        "UPDATE deliveries SET state = 'claimed', claimed_by = ?2 WHERE number = ?1 \
         RETURNING crashes",
    )?;
    let mut select = statement(db, "number")?;
    numbers
        .into_iter()
        .map(|number| {
            let crashes = update.query_row(params![number, owner], |row| row.get(0))?;
            let delivery = select.query_row([number], read)?;
            Ok(ClaimedDelivery {
                delivery,
                sequence: first_sequence(number),
                crashes,
            })
        })
        .collect()
}

/// How far the sequence numbers of two deliveries' first events lie apart: more than one may hold.
pub(super) const EVENTS_OF_A_DELIVERY: i64 = 1_024;

/// The sequence number of a delivery's first event.
fn first_sequence(number: i64) -> i64 {
    number.saturating_mul(EVENTS_OF_A_DELIVERY)
}

/// Commits the events of a claimed delivery, each with its JSON.
pub(super) fn split(
    db: &Connection,
    owner: &str,
    delivery: &DeliveryId,
    events: Vec<(Event, String)>,
) -> Result<Vec<ClaimedEvent>, StoreError> {
    let number: Option<i64> = db
        .prepare_cached(
            "UPDATE deliveries SET state = 'done', claimed_by = NULL \
             WHERE id = ?1 AND state = 'claimed' AND claimed_by = ?2 RETURNING number",
        )?
        .query_row(params![delivery.0, owner], |row| row.get(0))
        .optional()?;
    let Some(number) = number else {
        return Err(unclaimed(db, delivery)?);
    };
    // Deliveries are parsed side by side and may be split in another order than they came in: the number of an
    // event follows from that of its delivery.
    (first_sequence(number)..)
        .zip(events)
        .map(|(sequence, (event, text))| {
            insert_event(db, (number, sequence), (&event, &text), Some(owner))?;
            Ok(ClaimedEvent {
                event,
                delivery: delivery.clone(),
                sequence,
                run: 0,
                crashes: 0,
                units: Vec::new(),
                evaluated: Vec::new(),
                dropped: None,
                only: Vec::new(),
            })
        })
        .collect()
}

/// Puts an event with its JSON into the file: in the hands of an owner, or else done.
fn insert_event(
    db: &Connection,
    (number, sequence): (i64, i64),
    (event, text): (&Event, &str),
    owner: Option<&str>,
) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO events (sequence, id, delivery_number, source, provider_event, subject, project, \
         received_at, received_local, state, claimed_by, event) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?
    .execute(params![
        sequence,
        event.id.0,
        number,
        event.source.as_str(),
        event.provider_event,
        event.subject.name(),
        event.project(),
        event.received_at.0,
        event.received_local,
        if owner.is_some() { "running" } else { "done" },
        owner,
        text,
    ])?;
    Ok(())
}

/// Keeps a delivery and its event that a person made, both done, with the actions.
pub(super) fn ask(
    db: &Connection,
    packed: &Packed,
    event: (&Event, &str),
    actions: &[NewAction],
    now: Timestamp,
) -> Result<Vec<ActionId>, StoreError> {
    let is_kept = db
        .prepare_cached("SELECT 1 FROM deliveries WHERE id = ?1")?
        .exists([&packed.delivery.id.0])?;
    if !is_kept {
        let number = insert(db, packed, "done")?;
        insert_event(db, (number, first_sequence(number)), event, None)?;
    }
    actions
        .iter()
        .map(|action| actions::insert(db, action, now))
        .collect()
}

/// Reads one back.
pub(super) fn get(db: &Connection, id: &DeliveryId) -> Result<Delivery, StoreError> {
    statement(db, "id")?
        .query_row([&id.0], read)
        .optional()?
        .ok_or_else(|| not_found(id))
}

/// The newest of a source.
pub(super) fn last(
    db: &Connection,
    source: &SourceName,
) -> Result<Option<DeliverySummary>, StoreError> {
    let last = db
        .prepare_cached(LAST)?
        .query_row([source.as_str()], |row| {
            Ok(DeliverySummary {
                id: DeliveryId(row.get("id")?),
                received_at: rows::moment(row, "received_at")?,
                provider: row.get("provider")?,
                remote_address: row.get("remote_address")?,
                secret: row.get("secret")?,
                duplicates: rows::count(row, "duplicates")?,
            })
        })
        .optional()?;
    Ok(last)
}

fn statement<'db>(
    db: &'db Connection,
    column: &'static str,
) -> Result<CachedStatement<'db>, StoreError> {
    Ok(db.prepare_cached(&format!("{SELECT} WHERE {column} = ?1"))?)
}

fn not_found(id: &DeliveryId) -> StoreError {
    StoreError::NotFound {
        what: format!("delivery `{id}`"),
    }
}

fn unclaimed(db: &Connection, id: &DeliveryId) -> Result<StoreError, StoreError> {
    let exists = db
        .prepare_cached("SELECT 1 FROM deliveries WHERE id = ?1")?
        .exists([&id.0])?;
    Ok(if exists {
        StoreError::ClaimLost {
            what: format!("delivery `{id}`"),
        }
    } else {
        not_found(id)
    })
}

fn read(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    Ok(Delivery {
        id: DeliveryId(row.get("id")?),
        source: rows::source(row, "source")?,
        provider: row.get("provider")?,
        received_at: rows::moment(row, "received_at")?,
        received_local: row.get("received_local")?,
        remote_address: row.get("remote_address")?,
        headers: rows::json(row, "headers")?,
        query: row.get("query")?,
        body: bodies::read(row, "body")?.into(),
        secret: row.get("secret")?,
        keys: Vec::new(),
    })
}
