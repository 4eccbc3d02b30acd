//! Events and actions as whoever asks may know of them: all for operators, for a team those it is granted, with its
//! own rules' part of them.
//!
//! Invariants:
//! - A page of a team's is made of what it may know of alone, and has no numbers of the server's: neither its length
//!   nor its cursor says what lies between.
//! - Of other rules a team sees that a shared one dropped an event, and why, and nothing more.

use serde::Serialize;
use serde_json::{Value, json};

use super::access::{Access, Team};
use super::pages;
use crate::domain::evaluation::Outcome;
use crate::http::Admin;
use crate::http::why::{Verdict, VerdictKind};
use crate::store::{ActionRecord, ActionState, EventFilter, EventRecord, EventSummary, StoreError};

/// How many events are looked at in one read, for those that a team sees: some milliseconds.
const PART: usize = 1_000;

/// How many are looked at for one page of a team's. Where it sees few of them the page ends early.
const LOOKED_AT: usize = 10_000;

/// How many pages of a team's are looked through where it asks for more than a page: a hundred thousand events.
pub(super) const PAGES: usize = 10;

/// Some of the events that match, newest first.
pub(super) struct Page {
    /// At most as many as the filter says.
    pub(super) events: Vec<EventSummary>,
    /// The sequence number below which there may be more.
    pub(super) rest: Option<i64>,
}

/// The events that match, newest first, at most as many as the filter says.
pub(super) async fn events(
    state: &Admin,
    access: &Access,
    filter: EventFilter,
) -> Result<Page, StoreError> {
    let Access::Team(team) = access else {
        let limit = filter.limit;
        let events = state.store.events(filter).await?;
        let last = events.last().map(|event| event.sequence);
        let rest = last.filter(|_| events.len() == limit);
        return Ok(Page { events, rest });
    };
    let _only = state.pages.only(&team.name).await?;
    let mut page = Page {
        events: Vec::new(),
        rest: filter.before,
    };
    for _ in 0..LOOKED_AT / PART {
        let part = EventFilter {
            before: page.rest,
            limit: filter.limit - page.events.len(),
            ..filter.clone()
        };
        let looked = pages::look(state, team, (part, PART)).await?;
        page.rest = looked.rest;
        for summary in looked.events {
            page.events.extend(summarized(state, team, summary).await?);
        }
        if page.events.len() == filter.limit || page.rest.is_none() {
            break;
        }
    }
    Ok(page)
}

/// The summary of an event with the counts of a team's own rules; none where the event is hidden from it.
async fn summarized(
    state: &Admin,
    team: &Team,
    mut summary: EventSummary,
) -> Result<Option<EventSummary>, StoreError> {
    let mut record = match state.store.event(Some(&summary.id)).await {
        // It was cleared away since.
        Err(StoreError::NotFound { .. }) => return Ok(None),
        record => record?,
    };
    if !team.sees(&record.event) {
        return Ok(None);
    }
    cut(&mut record, team);
    let of_run = record.evaluations.iter();
    let of_run: Vec<_> = of_run
        .filter(|evaluation| evaluation.run == record.run)
        .collect();
    let faulted = of_run
        .iter()
        .filter(|one| matches!(one.evaluation.outcome, Outcome::Faulted(_)));
    summary.faults = u64::try_from(faulted.count()).unwrap_or(u64::MAX);
    summary.evaluations = u64::try_from(of_run.len()).unwrap_or(u64::MAX);
    summary.actions = by_state(&record.actions);
    Ok(Some(summary))
}

fn by_state(actions: &[ActionRecord]) -> Vec<(ActionState, u64)> {
    let counts = ActionState::ALL.into_iter().map(|state| {
        let number = actions.iter().filter(|action| action.state == state);
        (state, u64::try_from(number.count()).unwrap_or(u64::MAX))
    });
    counts.filter(|(_, number)| *number > 0).collect()
}

/// Whether somebody may know of an event.
pub(super) fn sees(access: &Access, record: &EventRecord) -> bool {
    access.team().is_none_or(|team| team.sees(&record.event))
}

/// Leaves of an event's record what somebody may know of.
pub(super) fn record(access: &Access, record: &mut EventRecord) {
    if let Some(team) = access.team() {
        cut(record, team);
    }
}

fn cut(record: &mut EventRecord, team: &Team) {
    record.snapshot = None;
    record.secret = None;
    record.remote_address = None;
    record
        .evaluations
        .retain(|one| team.owns(&one.evaluation.rule));
    record
        .drops
        .retain(|drop| drop.rule.team().is_none() || team.owns(&drop.rule));
    let own = |action: &ActionRecord| team.owns(&action.rule) && team.owns_key(&action.key);
    record.actions.retain(own);
    for action in &mut record.actions {
        cut_action(action, team);
    }
}

/// An event, or what is told of one, without its number where that is not for whoever asks: the gaps between them say
/// how much goes on elsewhere.
pub(super) fn numbered(access: &Access, event: &impl Serialize) -> Value {
    let mut shown = json!(event);
    if let (Access::Team(_), Some(fields)) = (access, shown.as_object_mut()) {
        fields.remove("sequence");
    }
    shown
}

/// Leaves of an action what somebody may know of.
pub(super) fn action(access: &Access, action: &mut ActionRecord) {
    if let Some(team) = access.team() {
        cut_action(action, team);
    }
}

/// The action that took its place, or took it along, may be another team's.
fn cut_action(action: &mut ActionRecord, team: &Team) {
    if let Some(key) = &action.caused_by
        && !team.owns_key(key)
    {
        action.caused_by = None;
    }
}

/// Leaves the verdicts that somebody may know of: a shared rule is named where it dropped the event.
pub(super) fn verdicts(access: &Access, verdicts: &mut Vec<Verdict>) {
    let Some(team) = access.team() else {
        return;
    };
    verdicts.retain(|verdict| {
        let dropped = verdict.kind == VerdictKind::Dropped && verdict.rule.team().is_none();
        dropped || team.owns(&verdict.rule)
    });
}
