//! The rules for the command line: how they stand, which are paused, and what those have missed.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::pauses::Pauses;
use super::understood;
use crate::catalog::Empty;
use crate::http::Admin;
use crate::http::error::ApiError;
use crate::store::Pausable;

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

async fn listing(state: &Admin) -> Result<Value, ApiError> {
    let (pauses, skipped) = (Pauses::read(state).await?, state.store.skipped().await?);
    let listing = state.catalog.listing();
    let mut shown = json!(*listing);
    for (rule, shown) in listing.rules.iter().zip(entries(&mut shown["rules"])) {
        let missed = skipped.iter().find(|skipped| skipped.rule == rule.name);
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
