//! The rules for the command line: how they stand, which are paused, and what those have missed; and one as a whole.
//!
//! A team gets its own, and what is no rule in its own folder.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::{Access, Caller};
use super::pauses::Pauses;
use super::{bad, known, named, understood};
use crate::catalog::{Empty, Listing, Rule, RuleStatus, Said, Wish, WishError};
use crate::domain::manifest::Setting;
use crate::http::Admin;
use crate::http::error::ApiError;
use crate::store::{Pausable, Skipped};

/// How long the name of who asks may be, in characters.
const NAME: usize = 100;

/// Every rule with its status.
pub(super) async fn list(Caller { state, access }: Caller) -> Result<Json<Value>, ApiError> {
    Ok(Json(listing(&state, &access).await?))
}

/// One rule: how it stands, and what the version at work is, with its settings, conditions, and limits.
pub(super) async fn show(
    Caller { state, access }: Caller,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, ApiError> {
    let name = known::rule(&state, &access, &named(name)?)?;
    let (pauses, skipped) = (Pauses::read(&state).await?, state.store.skipped().await?);
    let listing = state.catalog.listing();
    let status = listing.rules.iter().find(|rule| rule.name == name);
    let unknown = || known::none(&state, &access, Pausable::Rule, &name.to_string());
    let status = status.ok_or_else(unknown)?;
    let mut shown = of_status(&state.timezone, status, (&pauses, &skipped));
    let snapshot = state.catalog.snapshot();
    let rule = snapshot.rules().find(|rule| *rule.name() == name);
    shown["rule"] = rule.map_or(Value::Null, |rule| of_rule(rule));
    Ok(Json(shown))
}

fn of_rule(rule: &Rule) -> Value {
    let (manifest, description) = (&rule.manifest, &rule.description);
    let inspection = rule.module.inspection();
    let values: Value = serde_json::from_str(&rule.settings).unwrap_or_default();
    let settings = manifest.settings.iter();
    let settings: Vec<Value> = settings
        .map(|setting| of_setting(setting, &values[&setting.name]))
        .collect();
    json!({
        "name": manifest.name,
        "version": manifest.version,
        "summary": manifest.summary,
        "authors": manifest.authors,
        "license": manifest.license,
        "homepage": manifest.homepage,
        "module": description.module,
        "interface": inspection.interface.as_str(),
        "imports": inspection.imports,
        "subjects": manifest.subjects,
        "settings": settings,
        "conditions": description.conditions,
        "limits": rule.limits,
        "order": rule.order,
        "on-fault": rule.on_fault,
        "shadow": description.shadow,
    })
}

fn of_setting(setting: &Setting, value: &Value) -> Value {
    let default = setting.default.as_deref();
    let default: Option<Value> = default.and_then(|text| serde_json::from_str(text).ok());
    json!({
        "name": setting.name,
        "summary": setting.summary,
        "kind": setting.kind,
        "required": setting.required,
        "default": default,
        "value": value,
    })
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
    Ok(Json(listing(&state, &Access::Operator).await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WishQuery {
    rule: String,
    wish: String,
    to: Option<String>,
    by: Option<String>,
}

/// Takes a rule out of work or into it, has it perform nothing, or has an earlier version serve; a team one of its
/// own.
pub(super) async fn wish(
    Caller { state, access }: Caller,
    query: Result<Query<WishQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let query = understood(query)?;
    let rule = known::rule(&state, &access, &query.rule)?;
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
    let said = Said {
        by: who(&access, query.by.as_deref()),
        at: state.clock.now(),
    };
    state
        .catalog
        .wish(rule.clone(), wish, said)
        .await
        .map_err(refused)?;
    let listing = listing(&state, &access).await?;
    let name = Value::from(rule.to_string());
    let shown = listing["rules"]
        .as_array()
        .and_then(|rules| rules.iter().find(|shown| shown["name"] == name).cloned());
    Ok(Json(json!({ "rule": shown })))
}

/// Who asks, in their own words; of a team it is said in any case.
fn who(access: &Access, by: Option<&str>) -> String {
    let by: String = by.unwrap_or_default().trim().chars().take(NAME).collect();
    match (access.team(), by.is_empty()) {
        (None, true) => "an operator".to_owned(),
        (None, false) => by,
        (Some(team), true) => format!("the team `{}`", team.name),
        (Some(team), false) => format!("{by} of the team `{}`", team.name),
    }
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

async fn listing(state: &Admin, access: &Access) -> Result<Value, ApiError> {
    let (pauses, skipped) = (Pauses::read(state).await?, state.store.skipped().await?);
    let listing = state.catalog.listing();
    let is_known = |name: &str| access.knows(Pausable::Rule, name);
    let rules = listing
        .rules
        .iter()
        .filter(|rule| is_known(&rule.name.to_string()));
    let rules: Vec<Value> = rules
        .map(|rule| of_status(&state.timezone, rule, (&pauses, &skipped)))
        .collect();
    let gone = pauses.all(Pausable::Rule).filter(|pause| {
        let mut rules = listing.rules.iter();
        is_known(&pause.name) && !rules.any(|rule| rule.name.to_string() == pause.name)
    });
    let gone: Vec<Value> = gone
        .map(
            |pause| json!({ "name": pause.name, "paused": pauses.of(Pausable::Rule, &pause.name) }),
        )
        .collect();
    let (folder, ignored) = folder(&listing, access);
    Ok(json!({
        "folder": folder, "rules": rules, "ignored": ignored, "paused-and-gone": gone,
    }))
}

/// The folder with the rules that somebody may know of, and what is no rule in it.
fn folder(listing: &Listing, access: &Access) -> (Value, Vec<Value>) {
    let Some(team) = access.team() else {
        let ignored = listing.ignored.iter().map(|ignored| json!(ignored));
        return (json!(listing.folder), ignored.collect());
    };
    let path = std::path::Path::new(&listing.folder.path).join(team.name.as_str());
    let own = |path_of: &str| std::path::Path::new(path_of).parent() == Some(&*path);
    let ignored = listing.ignored.iter();
    let ignored = ignored.filter(|ignored| own(&ignored.path));
    let mut folder = json!(listing.folder);
    folder["path"] = path.display().to_string().into();
    (folder, ignored.map(|ignored| json!(ignored)).collect())
}

fn of_status(
    timezone: &jiff::tz::TimeZone,
    rule: &RuleStatus,
    (pauses, skipped): (&Pauses, &[Skipped]),
) -> Value {
    let missed = skipped.iter().find(|skipped| skipped.rule == rule.name);
    let mut shown = json!(rule);
    shown["since-local"] = rule.since.rfc3339(timezone).into();
    if let Some(until) = rule.until {
        shown["until-local"] = until.rfc3339(timezone).into();
    }
    shown["paused"] = pauses.of(Pausable::Rule, &rule.name.to_string());
    shown["missed"] = missed.map_or(0, |missed| missed.events).into();
    shown
}
