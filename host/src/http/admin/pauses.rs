//! Pauses: a person holds up a source, a rule, a channel or a command for a time.
//!
//! What is held up waits; a rule alone is passed over, and what it misses is on record. The end of its pause has it
//! asked about all of that.
//!
//! Invariants:
//! - What does not exist cannot be paused; a pause of what is gone can be ended.
//! - The worker hears of each pause and of its end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::{Access, Caller};
use super::{bad, known, understood};
use crate::domain::names::{EventId, RuleName};
use crate::http::Admin;
use crate::http::error::ApiError;
use crate::store::{
    EventFilter, EventState, Pausable, Pause, Replay, Replayed, Resumed, StoreError, Which,
};

/// How long a reason may be, in characters: a sentence or two, which stand in tables.
const REASON: usize = 500;

/// How often, and with which pauses, it is looked whether the events have ended that were at work when a rule's
/// pause did: for longer than an event takes.
const LOOKS: u32 = 240;
const LOOK_PAUSE: Duration = Duration::from_millis(250);

/// What is paused at the moment.
pub(super) struct Pauses {
    pauses: Vec<Pause>,
    timezone: jiff::tz::TimeZone,
}

impl Pauses {
    pub(super) async fn read(state: &Admin) -> Result<Self, ApiError> {
        Ok(Self {
            pauses: state.store.pauses().await?,
            timezone: state.timezone.clone(),
        })
    }

    /// The pause of something as JSON; null where it is not paused.
    pub(super) fn of(&self, what: Pausable, name: &str) -> Value {
        let mut all = self.all(what);
        all.find(|pause| pause.name == name)
            .map_or(Value::Null, |pause| self.shown(pause))
    }

    /// Everything of a kind that is paused.
    pub(super) fn all(&self, what: Pausable) -> impl Iterator<Item = &Pause> {
        self.pauses.iter().filter(move |pause| pause.what == what)
    }

    fn shown(&self, pause: &Pause) -> Value {
        let mut shown = json!(pause);
        shown["since-local"] = pause.since.rfc3339(&self.timezone).into();
        shown
    }
}

/// Everything that is paused; for a team, as far as it may know of it.
pub(super) async fn list(Caller { state, access }: Caller) -> Result<Json<Value>, ApiError> {
    let pauses = Pauses::read(&state).await?;
    let shown: Vec<Value> = pauses
        .pauses
        .iter()
        .filter(|pause| access.knows(pause.what, &pause.name))
        .map(|pause| {
            let mut shown = pauses.shown(pause);
            shown["exists"] = known::exists(&state, &access, pause.what, &pause.name).into();
            shown
        })
        .collect();
    Ok(Json(json!({ "pauses": shown })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PauseQuery {
    what: String,
    name: String,
    reason: Option<String>,
}

/// Pauses something; a team one of its rules.
pub(super) async fn pause(
    Caller { state, access }: Caller,
    query: Result<Query<PauseQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let PauseQuery { what, name, reason } = understood(query)?;
    let what = allowed(&access, &what)?;
    if !known::exists(&state, &access, what, &name) {
        return Err(known::none(&state, &access, what, &name));
    }
    let reason = reason.map(|reason| reason.trim().to_owned());
    let reason = reason.filter(|reason| !reason.is_empty());
    if reason
        .as_ref()
        .is_some_and(|reason| reason.chars().count() > REASON)
    {
        return Err(bad(format!("`reason` has more than {REASON} characters")));
    }
    let pause = Pause {
        what,
        name: name.clone(),
        since: state.clock.now(),
        reason,
    };
    state.store.pause(pause).await?;
    told(&state).await?;
    let pauses = Pauses::read(&state).await?;
    Ok(Json(json!({ "paused": pauses.of(what, &name) })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResumeQuery {
    what: String,
    name: String,
}

/// Ends a pause. A rule is asked about what it has missed.
pub(super) async fn resume(
    Caller { state, access }: Caller,
    query: Result<Query<ResumeQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let ResumeQuery { what, name } = understood(query)?;
    let what = allowed(&access, &what)?;
    if !access.knows(what, &name) {
        return Err(known::none(&state, &access, what, &name));
    }
    let resumed = state.store.resume(what, &name).await?;
    told(&state).await?;
    if resumed == Resumed::WasNotPaused {
        return Err(if known::exists(&state, &access, what, &name) {
            let message = format!("the {} `{name}` is not paused", what.as_str());
            ApiError::new(StatusCode::CONFLICT, "api/not-paused", message)
        } else {
            known::none(&state, &access, what, &name)
        });
    }
    let replayed = match (what, RuleName::parse(name.as_str())) {
        (Pausable::Rule, Ok(rule)) => Some(catch_up(&state, rule).await?),
        _ => None,
    };
    Ok(Json(json!({
        "resumed": { "what": what, "name": name },
        "replayed": replayed,
    })))
}

/// What is to be paused, or to go on: all but rules is the operators'.
fn allowed(access: &Access, what: &str) -> Result<Pausable, ApiError> {
    let what = pausable(what)?;
    if what != Pausable::Rule {
        access.only_operators("a team pauses its rules alone")?;
    }
    Ok(what)
}

fn pausable(what: &str) -> Result<Pausable, ApiError> {
    Pausable::from_name(what).ok_or_else(|| {
        bad(format!(
            "`what` is `{}`: it is one of {}",
            what.escape_debug(),
            Pausable::ALL.map(Pausable::as_str).join(", ")
        ))
    })
}

/// Tells the worker that something was paused, or goes on.
async fn told(state: &Admin) -> Result<(), ApiError> {
    state.paused_rules.read(&*state.store).await?;
    state.waker.wake_all();
    Ok(())
}

/// Has a rule asked about what it has missed. One that is not at work goes on missing it, on record.
async fn catch_up(state: &Arc<Admin>, rule: RuleName) -> Result<Replayed, ApiError> {
    let snapshot = state.catalog.snapshot();
    if !snapshot.rules().any(|one| *one.name() == rule) {
        return Ok(Replayed::default());
    }
    let at_work = running(state).await?;
    let replayed = replay(state, &rule).await?;
    if !at_work.is_empty() {
        let state = Arc::clone(state);
        tokio::spawn(async move {
            if let Err(error) = catch_up_later(&state, &rule, at_work).await {
                tracing::error!(rule.name = %rule, "it may have missed an event that was at work: {error}");
            }
        });
    }
    Ok(replayed)
}

/// The events that are at work, each in its run.
async fn running(state: &Admin) -> Result<BTreeSet<(EventId, u32)>, StoreError> {
    let filter = EventFilter {
        state: Some(EventState::Running),
        ..EventFilter::default()
    };
    let events = state.store.events(filter).await?;
    Ok(events
        .into_iter()
        .map(|event| (event.id, event.run))
        .collect())
}

/// Waits for the events that were at work when the pause ended: they may have passed the rule over all the same, and
/// can be evaluated again only when they have ended.
async fn catch_up_later(
    state: &Admin,
    rule: &RuleName,
    at_work: BTreeSet<(EventId, u32)>,
) -> Result<(), StoreError> {
    for _ in 0..LOOKS {
        tokio::time::sleep(LOOK_PAUSE).await;
        if running(state).await?.is_disjoint(&at_work) {
            break;
        }
    }
    let skipped = state.store.skipped().await?;
    if skipped.iter().any(|skipped| skipped.rule == *rule) {
        replay(state, rule).await?;
    }
    Ok(())
}

async fn replay(state: &Admin, rule: &RuleName) -> Result<Replayed, StoreError> {
    let replay = Replay {
        rule: Some(rule.clone()),
        which: Which::Skipped,
        ..Replay::default()
    };
    let replayed = state.store.replay(replay).await?;
    state.waker.wake_all();
    Ok(replayed)
}
