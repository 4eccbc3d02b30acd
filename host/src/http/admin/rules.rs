//! The rules for the command line: how they stand, which are paused, and what those have missed.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::pauses::Pauses;
use super::{bad, known, understood};
use crate::catalog::{Empty, Said, Wish, WishError};
use crate::http::Admin;
use crate::http::error::ApiError;
use crate::store::Pausable;

/// How long the name of who asks may be, in characters.
const NAME: usize = 100;

/// Every rule with its status.
pub(super) async fn list(State(state): State<Arc<Admin>>) -> Result<Json<Value>, ApiError> {
    Ok(Json(listing(&state).await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReloadQuery {
    #[serde(default)]
    allow_empty: bool,
}

/// Looks at the folder now.
pub(super) async fn reload(
    State(state): State<Arc<Admin>>,
    query: Result<Query<ReloadQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let query = understood(query)?;
    let empty = if query.allow_empty {
        Empty::Accept
    } else {
        Empty::Suspect
    };
    state.catalog.reload(empty).await;
    Ok(Json(listing(&state).await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WishQuery {
    rule: String,
    wish: String,
    to: Option<String>,
    by: Option<String>,
}

/// Takes a rule out of work or into it, has it perform nothing, or has an earlier version serve.
pub(super) async fn wish(
    State(state): State<Arc<Admin>>,
    query: Result<Query<WishQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let query = understood(query)?;
    let rule = known::rule(&state, &query.rule)?;
    let wish = match query.wish.as_str() {
        "enable" => Wish::Enable,
        "disable" => Wish::Disable,
        "shadow" => Wish::Shadow,
        "rollback" => Wish::RollBack {
            to: query.to.clone(),
        },
        other => {
            return Err(bad(format!(
                "`wish` is `{}`, and must be `enable`, `disable`, `shadow` or `rollback`",
                other.escape_debug()
            )));
        }
    };
    if query.to.is_some() && query.wish != "rollback" {
        return Err(bad("`to` goes with `wish=rollback` alone"));
    }
    let by = query.by.map(|by| by.trim().chars().take(NAME).collect());
    let said = Said {
        by: by
            .filter(|by: &String| !by.is_empty())
            .unwrap_or_else(|| "an operator".to_owned()),
        at: state.clock.now(),
    };
    state
        .catalog
        .wish(rule.clone(), wish, said)
        .await
        .map_err(refused)?;
    let listing = listing(&state).await?;
    let name = Value::from(rule.to_string());
    let shown = listing["rules"]
        .as_array()
        .and_then(|rules| rules.iter().find(|shown| shown["name"] == name).cloned());
    Ok(Json(json!({ "rule": shown })))
}

fn refused(error: WishError) -> ApiError {
    let (status, code) = match error {
        WishError::NoRule(_) => (StatusCode::NOT_FOUND, "api/not-found"),
        WishError::Memory(_) | WishError::Ending => {
            (StatusCode::SERVICE_UNAVAILABLE, "api/unavailable")
        }
        _ => (StatusCode::CONFLICT, "api/conflict"),
    };
    ApiError::new(status, code, error.to_string())
}

async fn listing(state: &Admin) -> Result<Value, ApiError> {
    let (pauses, skipped) = (Pauses::read(state).await?, state.store.skipped().await?);
    let listing = state.catalog.listing();
    let mut shown = json!(*listing);
    for (rule, shown) in listing.rules.iter().zip(entries(&mut shown["rules"])) {
        let missed = skipped.iter().find(|skipped| skipped.rule == rule.name);
        shown["since-local"] = rule.since.rfc3339(&state.timezone).into();
        if let Some(until) = rule.until {
            shown["until-local"] = until.rfc3339(&state.timezone).into();
        }
        shown["paused"] = pauses.of(Pausable::Rule, &rule.name.to_string());
        shown["missed"] = missed.map_or(0, |missed| missed.events).into();
    }
    let gone: Vec<Value> = pauses
        .all(Pausable::Rule)
        .filter(|pause| {
            !listing
                .rules
                .iter()
                .any(|rule| rule.name.to_string() == pause.name)
        })
        .map(
            |pause| json!({ "name": pause.name, "paused": pauses.of(Pausable::Rule, &pause.name) }),
        )
        .collect();
    shown["paused-and-gone"] = gone.into();
    Ok(shown)
}

fn entries(list: &mut Value) -> impl Iterator<Item = &mut Value> {
    list.as_array_mut().into_iter().flatten()
}
