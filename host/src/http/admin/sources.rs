//! The sources for the command line: how they are configured, what came last, and what was refused.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::access::{Access, Caller};
use super::pauses::Pauses;
use super::{Admin, known, live, named};
use crate::catalog::RuleDescription;
use crate::domain::names::SourceName;
use crate::domain::pattern::Pattern;
use crate::http::error::ApiError;
use crate::sources::{InsideSummary, Source};
use crate::store::{Pausable, RefusalRecord};
use crate::worker::Live;

/// Every source, and all that was refused. A team gets the names and the providers of those that it is granted.
pub(super) async fn list(Caller { state, access }: Caller) -> Result<Json<Value>, ApiError> {
    let pauses = Pauses::read(&state).await?;
    let live = live(&state);
    if access.team().is_some() {
        return Ok(Json(of_team(&state, &access, &pauses)));
    }
    let refusals = state.store.refusals(None).await?;
    let mut sources = Vec::new();
    for source in live.sources.values() {
        let mut shown = of_source(&live, source);
        shown["last"] = last(&state, source.name(), None).await?;
        shown["refusals"] = count(&refusals, source.name()).into();
        shown["paused"] = pauses.of(Pausable::Source, source.name().as_str());
        sources.push(shown);
    }
    for summary in state.inside.summaries() {
        let mut shown = of_inside(&summary);
        shown["last"] = last(&state, &summary.name, None).await?;
        shown["refusals"] = 0.into();
        shown["paused"] = pauses.of(Pausable::Source, summary.name.as_str());
        sources.push(shown);
    }
    let gone: Vec<Value> = pauses
        .all(Pausable::Source)
        .filter(|pause| !known::exists(&state, &access, Pausable::Source, &pause.name))
        .map(|pause| {
            json!({ "name": pause.name, "paused": pauses.of(Pausable::Source, &pause.name) })
        })
        .collect();
    Ok(Json(json!({
        "sources": sources, "refusals": refusals, "paused-and-gone": gone,
    })))
}

fn of_team(state: &Admin, access: &Access, pauses: &Pauses) -> Value {
    let (live, inside) = (live(state), state.inside.summaries());
    let sources = known::names(state, access, Pausable::Source).into_iter();
    let sources = sources.map(|name| {
        let sent = live.sources.values();
        let sent = sent.map(|source| source.summary());
        let sent = sent.map(|summary| (summary.name, summary.provider));
        let inside = inside.iter();
        let inside = inside.map(|summary| (summary.name.clone(), summary.provider));
        let of_name = sent.chain(inside).find(|(one, _)| one.as_str() == name);
        json!({
            "name": name,
            "provider": of_name.map(|(_, provider)| provider),
            "paused": pauses.of(Pausable::Source, &name),
        })
    });
    json!({ "sources": sources.collect::<Vec<Value>>() })
}

/// One source, with what it refused.
pub(super) async fn show(
    State(state): State<Arc<Admin>>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, ApiError> {
    let name = named(name)?;
    let unknown = || known::none(&state, &Access::Operator, Pausable::Source, &name);
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
    let pauses = Pauses::read(&state).await?;
    shown["paused"] = pauses.of(Pausable::Source, name.as_str());
    shown["paused-rules"] = paused_rules(&state, &pauses, &name).await?.into();
    Ok(Json(shown))
}

/// The rules that are paused and may see events of a source, with how many events of all sources each has missed.
async fn paused_rules(
    state: &Admin,
    pauses: &Pauses,
    source: &SourceName,
) -> Result<Vec<Value>, ApiError> {
    let skipped = state.store.skipped().await?;
    let snapshot = state.catalog.snapshot();
    let rules = snapshot.description();
    let shown = pauses.all(Pausable::Rule).filter(|pause| {
        let mut rules = rules.iter();
        rules.any(|rule| rule.name.to_string() == pause.name && may_see(rule, source))
    });
    let shown = shown.map(|pause| {
        let missed = skipped
            .iter()
            .find(|skipped| skipped.rule.to_string() == pause.name);
        json!({
            "name": pause.name,
            "paused": pauses.of(Pausable::Rule, &pause.name),
            "missed": missed.map_or(0, |missed| missed.events),
        })
    });
    Ok(shown.collect())
}

fn may_see(rule: &RuleDescription, source: &SourceName) -> bool {
    let has = |patterns: &[Pattern]| {
        patterns
            .iter()
            .any(|pattern| pattern.matches(source.as_str()))
    };
    has(&rule.grants.sources) && rule.conditions.sources.as_deref().is_none_or(has)
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
