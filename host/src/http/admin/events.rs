//! Events for the command line: the list, and one with what became of it.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query};
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::{Access, Caller};
use super::pauses::Pauses;
use super::{bad, commands, moment, named, page, seen, understood};
use crate::catalog::RuleDescription;
use crate::domain::clock::Timestamp;
use crate::domain::names::{DeliveryId, EventId, SourceName};
use crate::http::Admin;
use crate::http::error::ApiError;
use crate::http::why::{VerdictKind, verdicts};
use crate::store::{EventFilter, EventRecord, EventState, Pausable, StoreError};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventQuery {
    source: Option<String>,
    subject: Option<String>,
    project: Option<String>,
    state: Option<EventState>,
    since: Option<String>,
    until: Option<String>,
    before: Option<String>,
    limit: Option<usize>,
}

/// What restricts which events are meant.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Restrictions {
    pub(super) source: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) project: Option<String>,
    pub(super) state: Option<EventState>,
    pub(super) since: Option<String>,
    pub(super) until: Option<String>,
}

impl Restrictions {
    pub(super) fn filter(self, now: Timestamp) -> Result<EventFilter, ApiError> {
        let source = self.source.map(SourceName::parse).transpose();
        Ok(EventFilter {
            source: source.map_err(|error| bad(error.to_string()))?,
            subject: self.subject,
            project: self.project,
            state: self.state,
            since: moment::read("since", self.since.as_deref(), now)?,
            until: moment::read("until", self.until.as_deref(), now)?,
            before: None,
            limit: 0,
        })
    }
}

/// The events that match, newest first.
pub(super) async fn list(
    Caller { state, access }: Caller,
    query: Result<Query<EventQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let query = understood(query)?;
    let restrictions = Restrictions {
        source: query.source,
        subject: query.subject,
        project: query.project,
        state: query.state,
        since: query.since,
        until: query.until,
    };
    let filter = EventFilter {
        before: before(&state, &access, query.before)?,
        limit: page(query.limit),
        ..restrictions.filter(state.clock.now())?
    };
    let page = seen::events(&state, &access, filter).await?;
    let events = page.events.iter();
    let events: Vec<Value> = events.map(|event| seen::numbered(&access, event)).collect();
    let next = page.rest.map(|rest| match access.team() {
        None => json!(rest),
        Some(team) => json!(state.pages.cursor(&team.name, rest)),
    });
    Ok(Json(json!({ "events": events, "next": next })))
}

/// Below which sequence number a page begins.
fn before(state: &Admin, access: &Access, cursor: Option<String>) -> Result<Option<i64>, ApiError> {
    let Some(cursor) = cursor else {
        return Ok(None);
    };
    let end = match access.team() {
        None => cursor.parse().ok(),
        Some(team) => state.pages.end(&team.name, &cursor),
    };
    end.map(Some).ok_or_else(|| {
        bad("`before` is no page's `next`, or of one that was asked for long ago: begin with the first page")
    })
}

/// One event, or the newest, with what became of it with every rule.
pub(super) async fn show(
    Caller { state, access }: Caller,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, ApiError> {
    let id = named(id)?;
    let id = match (id.as_str(), access.team()) {
        ("last", None) => None,
        ("last", Some(_)) => Some(last(&state, &access).await?),
        _ => Some(EventId(id)),
    };
    let mut record = match (state.store.event(id.as_ref()).await, &id) {
        (Ok(hidden), Some(id)) if !seen::sees(&access, &hidden) => return Err(none(id).into()),
        (Err(StoreError::NotFound { .. }), Some(id)) if access.team().is_some() => {
            // Whether it is one of the team's is known when it is parsed.
            return Err(none(id).into());
        }
        (Err(StoreError::NotFound { .. }), Some(id)) => {
            // Accepted, and not parsed yet: it is known by its delivery.
            let delivery = state.store.delivery(&DeliveryId(id.0.clone())).await;
            let accepted = delivery.map_err(|_| none(id))?;
            let pauses = Pauses::read(&state).await?;
            let paused = pauses.of(Pausable::Source, accepted.source.as_str());
            return Ok(Json(
                json!({ "id": accepted.id, "pending": true, "paused": paused }),
            ));
        }
        (record, _) => record?,
    };
    let descriptions = descriptions(&state, &record).await?;
    let pauses = Pauses::read(&state).await?;
    let mut verdicts = verdicts(&record, &descriptions);
    seen::verdicts(&access, &mut verdicts);
    seen::record(&access, &mut record);
    for verdict in &mut verdicts {
        let paused = pauses.of(Pausable::Rule, &verdict.rule.to_string());
        let was_wanted = descriptions
            .iter()
            .any(|rule| rule.name == verdict.rule && rule.asks_about(&record.event).is_ok());
        let is_asked = !matches!(verdict.kind, VerdictKind::NotAsked | VerdictKind::Pending);
        if let (Some(since), true, false) = (paused["since-local"].as_str(), was_wanted, is_asked) {
            let reason = paused["reason"].as_str();
            let reason = reason
                .map(|reason| format!(": {reason}"))
                .unwrap_or_default();
            verdict.reason = Some(format!("it is paused since {since}{reason}"));
        }
    }
    let record = seen::numbered(&access, &record);
    Ok(Json(json!({ "record": record, "rules": verdicts })))
}

fn none(id: &EventId) -> StoreError {
    StoreError::NotFound {
        what: format!("event `{}`", id.0.escape_debug()),
    }
}

/// The event that is named, or the newest with `last`, where somebody may know of it.
pub(super) async fn one(state: &Admin, access: &Access, id: &str) -> Result<EventId, ApiError> {
    if id == "last" {
        return last(state, access).await;
    }
    let id = EventId(id.to_owned());
    if access.team().is_some() {
        let record = state.store.event(Some(&id)).await;
        let record = record.map_err(|error| match error {
            StoreError::NotFound { .. } => none(&id),
            other => other,
        })?;
        if !seen::sees(access, &record) {
            return Err(none(&id).into());
        }
    }
    Ok(id)
}

/// The newest event that somebody may know of.
async fn last(state: &Admin, access: &Access) -> Result<EventId, ApiError> {
    let mut before = None;
    for _ in 0..seen::PAGES {
        let one = EventFilter {
            before,
            limit: 1,
            ..EventFilter::default()
        };
        let mut page = seen::events(state, access, one).await?;
        if let Some(newest) = page.events.pop() {
            return Ok(newest.id);
        }
        before = page.rest;
        if before.is_none() {
            break;
        }
    }
    let none = StoreError::NotFound {
        what: "event".to_owned(),
    };
    Err(none.into())
}

/// The rules of the snapshot that an event saw, or of the present one. What a person asked for goes to no rule.
async fn descriptions(
    state: &Admin,
    record: &EventRecord,
) -> Result<Vec<RuleDescription>, ApiError> {
    if commands::is_by_hand(&record.event.source) {
        return Ok(Vec::new());
    }
    let Some(snapshot) = record.snapshot else {
        let snapshot = state.catalog.snapshot();
        return Ok(snapshot.description().into_iter().cloned().collect());
    };
    let description = state.store.snapshot(snapshot).await?;
    let description = serde_json::from_str(&description).map_err(|error| StoreError::Database {
        message: error.to_string(),
    })?;
    Ok(description)
}
