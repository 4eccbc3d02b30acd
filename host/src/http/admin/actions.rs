//! Actions for the command line: the list, one with its attempts, and what people do with them.
//!
//! Invariants:
//! - Nothing is changed in bulk without a filter, unless `all` is said.
//! - Of each action that is named and was not changed it is said why.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::{Access, Caller};
use super::{bad, moment, named, page, seen, understood};
use crate::domain::clock::Timestamp;
use crate::domain::names::{EventId, RuleName};
use crate::http::Admin;
use crate::http::error::ApiError;
use crate::store::{ActionFilter, ActionId, ActionKind, ActionRecord, ActionState, StoreError};
use crate::worker::OPERATORS;

/// How many actions may be named at once; for more there are filters.
const NAMED: usize = 1_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ActionQuery {
    state: Option<String>,
    rule: Option<String>,
    channel: Option<String>,
    command: Option<String>,
    event: Option<String>,
    since: Option<String>,
    until: Option<String>,
    before: Option<i64>,
    limit: Option<usize>,
}

/// What restricts which actions are meant.
#[derive(Debug, Default, PartialEq, Eq)]
struct Restrictions {
    state: Option<String>,
    rule: Option<String>,
    channel: Option<String>,
    command: Option<String>,
    event: Option<String>,
    since: Option<String>,
    until: Option<String>,
}

impl Restrictions {
    fn filter(self, now: Timestamp) -> Result<ActionFilter, ApiError> {
        let state = self
            .state
            .map(|name| ActionState::from_name(&name).ok_or_else(|| bad(no_such_state(&name))));
        let (kind, target) = match (self.channel, self.command) {
            (Some(_), Some(_)) => {
                return Err(bad(
                    "an action has a `channel` or a `command`: give one of them",
                ));
            }
            (Some(channel), None) => (Some(ActionKind::Notify), Some(channel)),
            (None, Some(command)) => (Some(ActionKind::Deploy), Some(command)),
            (None, None) => (None, None),
        };
        let rule = self.rule.as_deref().map(RuleName::parse).transpose();
        Ok(ActionFilter {
            id: None,
            team: None,
            state: state.transpose()?,
            kind,
            target,
            rule: rule.map_err(|error| bad(error.to_string()))?,
            since: moment::read("since", self.since.as_deref(), now)?,
            until: moment::read("until", self.until.as_deref(), now)?,
            event: self.event.map(EventId),
            before: None,
            limit: 0,
        })
    }
}

fn no_such_state(name: &str) -> String {
    let states = ActionState::ALL.map(ActionState::as_str).join(", ");
    format!(
        "there is no state `{}`: it is one of {states}",
        name.escape_debug()
    )
}

/// The actions that match, newest first, without the output of commands.
pub(super) async fn list(
    Caller { state, access }: Caller,
    query: Result<Query<ActionQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let query = understood(query)?;
    let restrictions = Restrictions {
        state: query.state,
        rule: query.rule,
        channel: query.channel,
        command: query.command,
        event: query.event,
        since: query.since,
        until: query.until,
    };
    let (now, limit) = (state.clock.now(), page(query.limit));
    let filter = ActionFilter {
        team: access.team().map(|team| team.name.clone()),
        before: query.before.map(ActionId),
        limit,
        ..restrictions.filter(now)?
    };
    let mut actions = state.store.actions(filter).await?;
    let next = (actions.len() == limit).then(|| actions.last().map(|action| action.id));
    actions.retain(|action| access.knows_action(action));
    for action in &mut actions {
        seen::action(&access, action);
    }
    // A page of a thousand would be 64 MiB.
    for attempt in actions.iter_mut().flat_map(|action| &mut action.attempts) {
        attempt.output = None;
    }
    Ok(Json(
        json!({ "actions": actions, "next": next.flatten(), "now": now }),
    ))
}

/// The action of this number, as far as somebody may know of it.
pub(super) async fn one(
    state: &Admin,
    access: &Access,
    id: ActionId,
) -> Result<ActionRecord, StoreError> {
    let mut action = state.store.action(id).await?;
    if !access.knows_action(&action) {
        return Err(StoreError::NotFound {
            what: format!("action `{}`", id.0),
        });
    }
    seen::action(access, &mut action);
    Ok(action)
}

/// One action with its attempts.
pub(super) async fn show(
    Caller { state, access }: Caller,
    id: Result<Path<i64>, PathRejection>,
) -> Result<Json<Value>, ApiError> {
    let action = one(&state, &access, ActionId(named(id)?)).await?;
    let mut shown = json!(action);
    shown["created-local"] = action.created_at.rfc3339(&state.timezone).into();
    shown["due-local"] = action.due_at.rfc3339(&state.timezone).into();
    Ok(Json(shown))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeQuery {
    /// The actions' identifiers, with commas between them.
    ids: Option<String>,
    /// Every action that can be changed is meant.
    #[serde(default)]
    all: bool,
    state: Option<String>,
    rule: Option<String>,
    channel: Option<String>,
    command: Option<String>,
    event: Option<String>,
    since: Option<String>,
    until: Option<String>,
}

/// Which actions are to be changed.
enum Meant {
    Named(Vec<ActionId>),
    Filtered(ActionFilter),
}

impl ChangeQuery {
    fn meant(self, now: Timestamp) -> Result<Meant, ApiError> {
        let restrictions = Restrictions {
            state: self.state,
            rule: self.rule,
            channel: self.channel,
            command: self.command,
            event: self.event,
            since: self.since,
            until: self.until,
        };
        let is_restricted = restrictions != Restrictions::default();
        match (self.ids, is_restricted, self.all) {
            (Some(ids), false, false) => numbers(&ids).map(Meant::Named),
            (None, true, false) | (None, false, true) => {
                restrictions.filter(now).map(Meant::Filtered)
            }
            (None, false, false) => Err(bad(
                "say which actions: `ids`, at least one of `state`, `rule`, `channel`, `command`, `event`, `since` and \
                 `until`, or `all`",
            )),
            _ => Err(bad("give only one of `ids`, filters, and `all`")),
        }
    }
}

fn numbers(ids: &str) -> Result<Vec<ActionId>, ApiError> {
    let ids = ids.split(',').map(|id| {
        let number = id.trim().parse().map(ActionId);
        number.map_err(|_| bad(format!("`{}` is no number of an action", id.escape_debug())))
    });
    let ids: Vec<ActionId> = ids.collect::<Result<_, _>>()?;
    if ids.len() > NAMED {
        return Err(bad(format!(
            "more than {NAMED} actions are named: use filters"
        )));
    }
    Ok(ids)
}

/// What people do with actions.
#[derive(Debug, Clone, Copy)]
enum Change {
    Retry,
    Cancel,
}

impl Change {
    async fn make(self, state: &Admin, filter: ActionFilter) -> Result<u64, StoreError> {
        let now = state.clock.now();
        match self {
            Self::Retry => state.store.retry_actions(filter, now).await,
            Self::Cancel => state.store.cancel_actions(filter, now).await,
        }
    }

    /// Why an action is left as it is.
    fn refuses(self, action: &ActionRecord) -> String {
        let is = match &action.caused_by {
            Some(by) => format!("it is {} by `{by}`", action.state.as_str()),
            None => format!("it is {}", action.state.as_str()),
        };
        match (self, action.state) {
            (Self::Retry, ActionState::Running) => format!("{is}: cancel it first"),
            (Self::Retry, ActionState::Waiting) => format!("{is} for its turn already"),
            // What a person asked for has no rule to ask.
            (Self::Retry, _) if action.key.contains(OPERATORS) => format!(
                "{is}; what is dead, interrupted, stuck, refused, canceled or retrying can be tried again"
            ),
            (Self::Retry, ActionState::Refused) => format!(
                "{is}, and its command was not known or did not take its arguments when it was asked for: \
                 `hookbox events replay {}` asks its rule anew",
                action.event
            ),
            (Self::Retry, _) => format!(
                "{is}; what is dead, interrupted, stuck, refused, canceled or retrying can be tried again, and \
                 `hookbox events replay {}` asks its rule anew",
                action.event
            ),
            (Self::Cancel, ActionState::Running) => {
                format!("{is}, and a message on its way is left alone")
            }
            (Self::Cancel, _) => format!(
                "{is}; what is waiting, retrying, interrupted or stuck can be canceled, and commands that run"
            ),
        }
    }
}

/// Has actions tried again.
pub(super) async fn retry(
    State(state): State<Arc<Admin>>,
    query: Result<Query<ChangeQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    change(&state, Change::Retry, understood(query)?).await
}

/// Cancels actions.
pub(super) async fn cancel(
    State(state): State<Arc<Admin>>,
    query: Result<Query<ChangeQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    change(&state, Change::Cancel, understood(query)?).await
}

async fn change(
    state: &Admin,
    change: Change,
    query: ChangeQuery,
) -> Result<Json<Value>, ApiError> {
    let (mut changed, mut unchanged) = (0, Vec::new());
    match query.meant(state.clock.now())? {
        Meant::Filtered(filter) => changed = change.make(state, filter).await?,
        Meant::Named(ids) => {
            for id in ids {
                let only = ActionFilter {
                    id: Some(id),
                    ..ActionFilter::default()
                };
                match change.make(state, only).await? {
                    0 => unchanged.push(why(state, change, id).await?),
                    number => changed += number,
                }
            }
        }
    }
    state.waker.wake_all();
    Ok(Json(json!({ "changed": changed, "unchanged": unchanged })))
}

async fn why(state: &Admin, change: Change, id: ActionId) -> Result<Value, ApiError> {
    match state.store.action(id).await {
        Ok(action) => Ok(json!({
            "id": id, "state": action.state, "reason": change.refuses(&action),
        })),
        Err(error @ StoreError::NotFound { .. }) => Ok(json!({
            "id": id, "state": null, "reason": error.to_string(),
        })),
        Err(error) => Err(error.into()),
    }
}
