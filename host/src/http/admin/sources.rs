//! The sources for the command line: how they are configured, what came last, and what was refused.

use std::sync::{Arc, PoisonError};

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Admin, bad};
use crate::domain::names::SourceName;
use crate::http::error::ApiError;
use crate::sources::{InsideSummary, Source};
use crate::store::RefusalRecord;
use crate::worker::Live;

/// Every source, and all that was refused.
pub(super) async fn list(State(state): State<Arc<Admin>>) -> Result<Json<Value>, ApiError> {
    let refusals = state.store.refusals(None).await?;
    let live = live(&state);
    let mut sources = Vec::new();
    for source in live.sources.values() {
        let mut shown = of_source(&live, source);
        shown["last"] = last(&state, source.name(), None).await?;
        shown["refusals"] = count(&refusals, source.name()).into();
        sources.push(shown);
    }
    for summary in state.inside.summaries() {
        let mut shown = of_inside(&summary);
        shown["last"] = last(&state, &summary.name, None).await?;
        shown["refusals"] = 0.into();
        sources.push(shown);
    }
    Ok(Json(json!({ "sources": sources, "refusals": refusals })))
}

/// One source, with what it refused.
pub(super) async fn show(
    State(state): State<Arc<Admin>>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, ApiError> {
    let Path(name) = name.map_err(|error| bad(error.body_text()))?;
    let unknown = || {
        let message = format!(
            "there is no source `{}`: `hookbox sources list` lists them",
            name.escape_debug()
        );
        ApiError::new(StatusCode::NOT_FOUND, "api/not-found", message)
    };
    let name = SourceName::parse(name.as_str()).map_err(|_| unknown())?;
    let live = live(&state);
    let source = live.sources.get(&name);
    let mut shown = match source {
        Some(source) => of_source(&live, source),
        None => {
            let inside = state.inside.summaries();
            let summary = inside.iter().find(|summary| summary.name == name);
            of_inside(summary.ok_or_else(unknown)?)
        }
    };
    let last_due = state.store.last_due(&name).await?;
    let next = state.inside.next(&name, last_due, state.clock.now());
    shown["next-local"] = json!(next.map(|next| next.rfc3339(&state.timezone)));
    shown["last"] = last(&state, &name, source).await?;
    let refusals = state.store.refusals(Some(&name)).await?;
    let refusals: Vec<Value> = refusals
        .iter()
        .map(|refusal| {
            let mut shown = json!(refusal);
            shown["last-local"] = refusal.last_at.rfc3339(&state.timezone).into();
            shown
        })
        .collect();
    shown["refusals"] = refusals.into();
    Ok(Json(shown))
}

fn live(state: &Admin) -> Arc<Live> {
    Arc::clone(&state.live.read().unwrap_or_else(PoisonError::into_inner))
}

fn of_source(live: &Live, source: &Source) -> Value {
    let mut shown = json!(source.summary());
    shown["url"] = format!("{}/hooks/{}", live.public_url, source.name()).into();
    shown
}

fn of_inside(summary: &InsideSummary) -> Value {
    let mut shown = json!(summary);
    shown["verification"] = "inside".into();
    shown["url"] = json!(summary.path);
    shown
}

fn count(refusals: &[RefusalRecord], source: &SourceName) -> u64 {
    let of_source = refusals.iter().filter(|record| record.source == *source);
    of_source.map(|record| record.count).sum()
}

/// The delivery that was accepted last, with what it says of itself where its source is given.
async fn last(
    state: &Admin,
    name: &SourceName,
    source: Option<&Arc<Source>>,
) -> Result<Value, ApiError> {
    let Some(summary) = state.store.last_delivery(name).await? else {
        return Ok(Value::Null);
    };
    let mut shown = json!(summary);
    shown["received-local"] = summary.received_at.rfc3339(&state.timezone).into();
    if let Some(source) = source {
        let delivery = state.store.delivery(&summary.id).await?;
        let facts = source.facts(&delivery.provider, &delivery.headers, &delivery.body);
        shown["facts"] = json!(facts);
    }
    Ok(shown)
}
