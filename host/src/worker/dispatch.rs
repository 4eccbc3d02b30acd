//! Takes deliveries and events from the store and sees each through to its last commit.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Shared;
use super::evaluate::{Payloads, Way, evaluate};
use super::order::Position;
use super::place::Place;
use crate::domain::event::{Event, Subject};
use crate::domain::names::EventId;
use crate::engine::Payload;
use crate::sources::{ParseInput, Parsed, folder, schedule};
use crate::store::{ClaimedEvent, Delivery, Refusal, StoreError};

/// The deliveries in hand at once: enough that their commits are shared, few enough that a restart
/// finds little in flight.
const IN_HAND: usize = 64;

/// How often the store is asked without having been woken.
const POLL: Duration = Duration::from_secs(5);

/// The pause after the store failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Runs until the worker ends.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut ending = shared.ending.subscribe();
    tokio::select! {
        () = shared.catalog.ready() => {}
        _ = ending.wait_for(|ending| *ending) => return,
    }
    while !*ending.borrow() {
        match take_alone(&shared).await {
            Ok(()) => break,
            Err(error) => {
                tracing::error!("events could not be taken from the store: {error}");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
    let room = Arc::new(Semaphore::new(IN_HAND));
    let mut tasks = JoinSet::new();
    loop {
        let taken = take(&shared, &room, &mut tasks).await;
        while tasks.try_join_next().is_some() {}
        let pause = match taken {
            Ok(0) => POLL,
            Ok(_) => Duration::ZERO,
            Err(error) => {
                tracing::error!("events could not be taken from the store: {error}");
                AFTER_FAILURE
            }
        };
        if *ending.borrow() {
            break;
        }
        if pause.is_zero() {
            continue;
        }
        tokio::select! {
            () = shared.events.notified() => {}
            () = tokio::time::sleep(pause) => {}
            _ = ending.wait_for(|ending| *ending) => break,
        }
    }
    while tasks.join_next().await.is_some() {}
}

/// Sees through what was in hand at a crash, one by one: should one of it crash the process again, the others are
/// not in hand, and do not count it. The deliveries are read first, since the events are seen through in their order.
async fn take_alone(shared: &Arc<Shared>) -> Result<(), StoreError> {
    let mut read = BTreeSet::new();
    while !is_ending(shared) {
        let claimed = shared.store.claim_deliveries(&shared.owner, 1).await?.pop();
        let Some(claimed) = claimed else { break };
        let delivery = Arc::new(claimed.delivery);
        let is_suspect = claimed.crashes > 0;
        for event in split(shared, &delivery).await.unwrap_or_default() {
            give_back(shared, &event.event.id).await;
            if is_suspect {
                read.insert(event.event.id);
            }
        }
        if !is_suspect {
            break;
        }
    }
    while !is_ending(shared) {
        let claimed = shared.store.claim_events(&shared.owner, 1).await?.pop();
        let Some(event) = claimed else { break };
        let is_suspect = event.crashes > 0 || read.remove(&event.event.id);
        let mut way = Way {
            place: &mut Place::alone(),
            position: shared.order.take(event.sequence),
        };
        see_through(shared, event, &Payloads::default(), &mut way).await;
        if !is_suspect && read.is_empty() {
            break;
        }
    }
    Ok(())
}

/// Gives an event back to the store; one that fails is asked again, or else nobody would take the event.
async fn give_back(shared: &Shared, event: &EventId) {
    loop {
        match shared.store.release_event(&shared.owner, event).await {
            Ok(()) | Err(StoreError::ClaimLost { .. } | StoreError::Closed) => return,
            Err(error) => {
                tracing::error!(event.id = %event, "an event could not be given back: {error}");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}

fn is_ending(shared: &Shared) -> bool {
    *shared.ending.borrow()
}

/// Takes what there is room for, and says how much that was.
async fn take(
    shared: &Arc<Shared>,
    room: &Arc<Semaphore>,
    tasks: &mut JoinSet<()>,
) -> Result<usize, StoreError> {
    // Waits until there is room for at least one.
    if let Ok(permit) = room.acquire().await {
        drop(permit);
    }
    let free = room.available_permits();
    let events = shared.store.claim_events(&shared.owner, free).await?;
    let free = free.saturating_sub(events.len());
    let deliveries = shared.store.claim_deliveries(&shared.owner, free).await;
    let (deliveries, failed) = match deliveries {
        Ok(deliveries) => (deliveries, Ok(())),
        Err(error) => (Vec::new(), Err(error)),
    };
    let taken = events.len() + deliveries.len();
    let mut places = Vec::new();
    for _ in 0..taken {
        places.push(Place::take(room).await);
    }
    // All have their positions before the first is evaluated.
    let order = &shared.order;
    let sequences = events.iter().map(|event| event.sequence);
    let sequences = sequences.chain(deliveries.iter().map(|claimed| claimed.sequence));
    let positions: Vec<Position> = sequences.map(|sequence| order.take(sequence)).collect();
    let mut ways = places.into_iter().zip(positions);
    for (event, (mut place, position)) in events.into_iter().zip(&mut ways) {
        let shared = Arc::clone(shared);
        tasks.spawn(async move {
            let place = &mut place;
            let mut way = Way { place, position };
            see_through(&shared, event, &Payloads::default(), &mut way).await;
        });
    }
    for (claimed, (place, position)) in deliveries.into_iter().zip(ways) {
        let shared = Arc::clone(shared);
        tasks.spawn(async move { take_delivery(&shared, claimed.delivery, place, position).await });
    }
    failed.map(|()| taken)
}

/// Parses a delivery, commits its events, and sees each through.
async fn take_delivery(
    shared: &Arc<Shared>,
    delivery: Delivery,
    mut place: Place,
    position: Position,
) {
    let delivery = Arc::new(delivery);
    let Some(events) = split(shared, &delivery).await else {
        return;
    };
    let events: Vec<_> = events
        .into_iter()
        .map(|event| (shared.order.take(event.sequence), event))
        .collect();
    drop(position);
    let payloads = Payloads::of(payload(&delivery));
    for (position, event) in events {
        let place = &mut place;
        see_through(shared, event, &payloads, &mut Way { place, position }).await;
    }
}

/// Parses a delivery and commits its events; none where it is no longer in hand.
async fn split(shared: &Arc<Shared>, delivery: &Arc<Delivery>) -> Option<Vec<ClaimedEvent>> {
    let parsed = parse(shared, delivery).await;
    if parsed.left_out > 0 {
        record_left_out(shared, delivery, parsed.left_out).await;
    }
    loop {
        match shared
            .store
            .split(&shared.owner, &delivery.id, parsed.events.clone())
            .await
        {
            Ok(events) => return Some(events),
            Err(StoreError::ClaimLost { .. } | StoreError::Closed) => return None,
            Err(error) => {
                tracing::error!(delivery.id = %delivery.id, "its events could not be kept: {error}");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}

/// Evaluates an event until all of it is committed; a store that fails is asked again.
async fn see_through(
    shared: &Arc<Shared>,
    mut claimed: ClaimedEvent,
    payloads: &Payloads,
    way: &mut Way<'_>,
) {
    loop {
        match evaluate(shared, &mut claimed, payloads, way).await {
            Ok(()) | Err(StoreError::ClaimLost { .. } | StoreError::Closed) => return,
            Err(error) => {
                tracing::error!(event.id = %claimed.event.id, "an evaluation could not be kept: {error}");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}

pub(super) fn payload(delivery: &Delivery) -> Payload {
    let mut payload = Payload::new(delivery.body.clone(), delivery.headers.clone().into());
    payload.query.clone_from(&delivery.query);
    payload.remote_address.clone_from(&delivery.remote_address);
    payload
}

/// Parses on a thread for it. A source that is gone, or a parser that panics, gives an `other` with a
/// note, so that nothing accepted is lost.
async fn parse(shared: &Arc<Shared>, delivery: &Arc<Delivery>) -> Parsed {
    let inside = match delivery.provider.as_str() {
        folder::PROVIDER => Some(folder::parse_delivery as fn(&ParseInput<'_>) -> Parsed),
        schedule::PROVIDER => Some(schedule::parse_delivery as fn(&ParseInput<'_>) -> Parsed),
        _ => None,
    };
    if let Some(parse) = inside {
        return parse(&input(delivery));
    }
    let live = shared.live();
    let Some(source) = live.sources.get(&delivery.source).cloned() else {
        return unread(delivery, "its source is no longer configured");
    };
    let job = Arc::clone(delivery);
    let parsed = shared.pool.parse(move || source.parse(&input(&job))).await;
    parsed.unwrap_or_else(|| {
        unread(
            delivery,
            "its parser failed; please report the payload's shape",
        )
    })
}

fn input(delivery: &Delivery) -> ParseInput<'_> {
    ParseInput {
        delivery: &delivery.id,
        source: &delivery.source,
        provider: &delivery.provider,
        received_at: delivery.received_at,
        received_local: &delivery.received_local,
        headers: &delivery.headers,
        body: &delivery.body,
    }
}

/// Records that a delivery holds more events than are taken from one. The events come first: where the store
/// does not take the record, the log has it.
async fn record_left_out(shared: &Shared, delivery: &Delivery, left_out: u64) {
    let message = format!(
        "the delivery `{}` holds {left_out} more events than are taken from one: only the first 1,000 became events",
        delivery.id
    );
    tracing::error!(delivery.id = %delivery.id, left_out, "{message}");
    let refusal = Refusal {
        source: delivery.source.clone(),
        code: "delivery/too-many-events".to_owned(),
        message,
        remote_address: delivery.remote_address.clone(),
        provider_event: None,
        delivery_key: Some(delivery.id.0.clone()),
        project: None,
        at: shared.clock.now(),
    };
    if let Err(error) = shared.store.refuse(refusal).await {
        tracing::error!(delivery.id = %delivery.id, "the record of it could not be kept: {error}");
    }
}

fn unread(delivery: &Delivery, note: &str) -> Parsed {
    Parsed {
        events: vec![Event {
            id: delivery.id.event(0),
            source: delivery.source.clone(),
            provider: delivery.provider.clone(),
            provider_event: String::new(),
            received_at: delivery.received_at,
            received_local: delivery.received_local.clone(),
            happened_at: None,
            provider_action: None,
            replay: false,
            truncated: false,
            actor: None,
            repository: None,
            url: None,
            note: Some(note.to_owned()),
            // What could not be read may be anything.
            confidential: true,
            subject: Subject::Other,
        }],
        left_out: 0,
    }
}
