//! Replays: events are evaluated again, by one rule or by all; or it is said what would come of it.
//!
//! Invariants:
//! - Nothing is evaluated again in bulk without a filter, unless `all` is said.
//! - A dry run changes nothing. As many go on at once as there are seats, and of a team one.
//! - A team has the events that it sees evaluated again, by one of its rules, and no others.

use std::sync::Arc;

use axum::Json;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::{Access, Caller};
use super::events::Restrictions;
use super::{bad, commands, events, known, seen, understood};
use crate::domain::names::{EventId, RuleName};
use crate::http::Admin;
use crate::http::error::ApiError;
use crate::store::{
    EventFilter, EventState, EventSummary, Replay, Replayed, StoreError, UnitEvaluation, Which,
};
use crate::worker::Seat;

/// How many events a dry run asks the rules about: with the slowest rules that are allowed, a minute's work.
const REHEARSED: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplayQuery {
    /// One event, or `last`.
    id: Option<String>,
    rule: Option<String>,
    /// Only what the rule has missed, or without a rule what each has.
    #[serde(default)]
    skipped: bool,
    /// Every event is meant.
    #[serde(default)]
    all: bool,
    #[serde(default)]
    dry_run: bool,
    source: Option<String>,
    subject: Option<String>,
    project: Option<String>,
    state: Option<EventState>,
    since: Option<String>,
    until: Option<String>,
}

/// How many events a team has evaluated again at once: each is a commit of its own.
const TEAM: usize = 1_000;

/// Has events evaluated again.
pub(super) async fn replay(
    Caller { state, access }: Caller,
    query: Result<Query<ReplayQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let query = understood(query)?;
    let dry_run = query.dry_run;
    let replay = query.meant(&state, &access).await?;
    if !dry_run {
        let (replayed, more) = again(&state, &access, replay).await?;
        state.waker.wake_all();
        return Ok(Json(json!({ "replayed": replayed, "more": more })));
    }
    if replay.which == Which::Skipped {
        return missed(&state, &replay).await.map(Json);
    }
    let seat = Arc::new(state.rehearsal.seat(access.audience())?);
    rehearse(&state, &access, (&seat, replay)).await.map(Json)
}

/// Has events evaluated again, and says whether there are more than a team may have at once. What a rule has missed
/// it was granted.
async fn again(
    state: &Admin,
    access: &Access,
    replay: Replay,
) -> Result<(Replayed, bool), StoreError> {
    let is_bulk = replay.event.is_none() && replay.which == Which::All;
    if access.team().is_none() || !is_bulk {
        return Ok((state.store.replay(replay).await?, false));
    }
    let (events, more) = matching(state, access, (replay.filter, TEAM)).await?;
    let mut all = Replayed::default();
    for event in events {
        let one = Replay {
            event: Some(event.id),
            rule: replay.rule.clone(),
            ..Replay::default()
        };
        match state.store.replay(one).await {
            // It was cleared away since.
            Err(StoreError::NotFound { .. }) => {}
            replayed => {
                let replayed = replayed?;
                all.events += replayed.events;
                all.busy += replayed.busy;
            }
        }
    }
    Ok((all, more))
}

impl ReplayQuery {
    async fn meant(self, state: &Admin, access: &Access) -> Result<Replay, ApiError> {
        if self.rule.is_none() {
            access.only_operators("a team says which of its rules is asked again, with `rule`")?;
        }
        let restrictions = Restrictions {
            source: self.source,
            subject: self.subject,
            project: self.project,
            state: self.state,
            since: self.since,
            until: self.until,
        };
        let is_restricted = restrictions != Restrictions::default();
        match (&self.id, is_restricted || self.skipped, self.all) {
            (Some(_), false, false) | (None, true, false) | (None, false, true) => {}
            (None, false, false) => {
                return Err(bad(
                    "say which events: `id`, at least one of `source`, `subject`, `project`, `state`, `since`, `until` \
                     and `skipped`, or `all`",
                ));
            }
            _ => {
                return Err(bad(
                    "give only one of `id`, filters with `skipped`, and `all`",
                ));
            }
        }
        let rule = self
            .rule
            .map(|rule| known::rule(state, access, &rule))
            .transpose()?;
        let event = match self.id.as_deref() {
            Some(id) => Some(events::one(state, access, id).await?),
            None => None,
        };
        Ok(Replay {
            event,
            filter: restrictions.filter(state.clock.now())?,
            rule,
            which: if self.skipped {
                Which::Skipped
            } else {
                Which::All
            },
        })
    }
}

/// How many events the rules would be asked about that they have missed.
async fn missed(state: &Admin, replay: &Replay) -> Result<Value, ApiError> {
    if replay.filter != EventFilter::default() {
        return Err(bad(
            "what rules have missed is counted as a whole: give `dry_run` with `skipped` no other filter than `rule`",
        ));
    }
    let mut skipped = state.store.skipped().await?;
    skipped.retain(|skipped| {
        replay
            .rule
            .as_ref()
            .is_none_or(|rule| skipped.rule == *rule)
    });
    Ok(json!({ "missed": skipped }))
}

/// What the rules would answer now.
async fn rehearse(
    state: &Admin,
    access: &Access,
    (seat, replay): (&Arc<Seat>, Replay),
) -> Result<Value, ApiError> {
    let rule = replay.rule;
    if let Some(id) = replay.event {
        let record = state.store.event(Some(&id)).await?;
        let mut rehearsed = Vec::new();
        if !commands::is_by_hand(&record.event.source) {
            rehearsed.push(of_event(state, seat, (&id, rule.as_ref())).await?);
        }
        return Ok(json!({ "rehearsed": rehearsed, "more": false }));
    }
    let (events, more) = matching(state, access, (replay.filter, REHEARSED)).await?;
    let mut rehearsed = Vec::new();
    for event in events {
        rehearsed.push(of_event(state, seat, (&event.id, rule.as_ref())).await?);
    }
    Ok(json!({ "rehearsed": rehearsed, "more": more }))
}

/// The newest events that would be evaluated again, at most so many, and whether there are more.
async fn matching(
    state: &Admin,
    access: &Access,
    (filter, most): (EventFilter, usize),
) -> Result<(Vec<EventSummary>, bool), StoreError> {
    let (mut found, mut before, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = EventFilter {
            before,
            limit: most,
            ..filter.clone()
        };
        let page = seen::events(state, access, page).await?;
        pages += 1;
        for event in page.events {
            let has_ended = matches!(event.state, EventState::Done | EventState::Stuck);
            if !has_ended || commands::is_by_hand(&event.source) {
                continue;
            }
            if found.len() == most {
                return Ok((found, true));
            }
            found.push(event);
        }
        before = page.rest;
        if before.is_none() {
            return Ok((found, false));
        }
        if access.team().is_some() && pages == seen::PAGES {
            return Ok((found, true));
        }
    }
}

async fn of_event(
    state: &Admin,
    seat: &Arc<Seat>,
    (event, rule): (&EventId, Option<&RuleName>),
) -> Result<Value, ApiError> {
    let evaluations = state.rehearsal.of(seat, event, rule).await?;
    let evaluations: Vec<Value> = evaluations.iter().map(shown).collect();
    Ok(json!({ "event": event, "evaluations": evaluations }))
}

fn shown(unit: &UnitEvaluation) -> Value {
    let actions = unit.actions.iter().map(|action| {
        json!({
            "action": action.action,
            "state": action.state,
            "detail": action.detail,
        })
    });
    let actions: Vec<Value> = actions.collect();
    json!({ "evaluation": unit.evaluation, "actions": actions })
}
