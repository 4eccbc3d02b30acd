//! What a rule keeps between events: seen, and cleared.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::{Access, Caller};
use super::{known, named, understood};
use crate::domain::names::RuleName;
use crate::http::Admin;
use crate::http::error::ApiError;

/// All that a rule keeps, with how large it may be.
pub(super) async fn show(
    Caller { state, access }: Caller,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, ApiError> {
    let rule = keeper(&state, &access, &named(name)?).await?;
    let kept = state.store.state(&rule).await?;
    let now = state.clock.now();
    let entries: Vec<Value> = kept
        .entries()
        .map(|(key, entry)| {
            json!({
                "key": key,
                "value": entry.value,
                "expires-at": entry.expires_at,
                "expires-local": entry.expires_at.map(|at| at.rfc3339(&state.timezone)),
                "expired": entry.has_expired(now),
            })
        })
        .collect();
    let snapshot = state.catalog.snapshot();
    let mut rules = snapshot.rules();
    let serving = rules.find(|serving| *serving.name() == rule);
    let quota = serving.and_then(|serving| serving.state_quota());
    Ok(Json(json!({
        "rule": rule,
        "size": kept.size().0,
        "quota": quota.map(|quota| quota.0),
        "revision": kept.revision(),
        "entries": entries,
    })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClearQuery {
    key: Option<String>,
}

/// Forgets one key that a rule keeps, or all.
pub(super) async fn clear(
    Caller { state, access }: Caller,
    name: Result<Path<String>, PathRejection>,
    query: Result<Query<ClearQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let query = understood(query)?;
    let rule = keeper(&state, &access, &named(name)?).await?;
    let cleared = state.store.clear_state(&rule, query.key.as_deref()).await?;
    match query.key {
        Some(key) if cleared.is_empty() => {
            let message = format!("`{rule}` keeps nothing under `{}`", key.escape_debug());
            let status = StatusCode::NOT_FOUND;
            Err(ApiError::new(status, "api/not-found", message))
        }
        _ => Ok(Json(json!({ "rule": rule, "cleared": cleared }))),
    }
}

/// The rule of this name; for operators also one that is gone, where something of it is still kept.
async fn keeper(state: &Admin, access: &Access, name: &str) -> Result<RuleName, ApiError> {
    if matches!(access, Access::Operator)
        && let Ok(rule) = RuleName::parse(name)
        && state.store.state(&rule).await?.entries().next().is_some()
    {
        return Ok(rule);
    }
    known::rule(state, access, name)
}
