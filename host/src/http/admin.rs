//! The admin interface: JSON for the command line, behind a token.

mod sources;

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

use super::Admin;
use super::error::ApiError;
use super::why::verdicts;
use crate::catalog::{Empty, RuleDescription};
use crate::domain::names::{DeliveryId, EventId, RuleName, SourceName};
use crate::store::{ActionFilter, ActionId, ActionState, EventFilter, EventState, StoreError};

/// How many records a page holds where the request does not say, and at most.
const PAGE: usize = 50;
const PAGE_LIMIT: usize = 1_000;

pub(super) fn router(state: Arc<Admin>) -> Router {
    let api = Router::new()
        .route("/api/v1/events", get(events))
        .route("/api/v1/events/{id}", get(event))
        .route("/api/v1/rules", get(rules))
        .route("/api/v1/rules/reload", post(reload))
        .route("/api/v1/actions", get(actions))
        .route("/api/v1/actions/{id}", get(action))
        .route("/api/v1/sources", get(sources::list))
        .route("/api/v1/sources/{name}", get(sources::show))
        .route("/api/v1/status", get(status))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&state),
            authorize,
        ));
    Router::new()
        .route("/readyz", get(readyz))
        .merge(api)
        .fallback(|| async {
            ApiError::new(
                StatusCode::NOT_FOUND,
                "api/not-found",
                "there is nothing here",
            )
        })
        .layer(middleware::from_fn_with_state(
            Arc::clone(&state),
            not_from_a_page,
        ))
        .with_state(state)
}

/// Refuses what a browser sends for a page of somebody else's: the token would be no protection if a
/// page could make the operator's browser ask.
async fn not_from_a_page(
    State(state): State<Arc<Admin>>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    if headers.contains_key(header::ORIGIN) || !is_own_host(&state, headers) {
        let error = ApiError::new(
            StatusCode::FORBIDDEN,
            "api/foreign-origin",
            format!(
                "this listener answers the command line at `{}`: no `Origin`, and no other `Host`",
                state.address
            ),
        );
        return error.into_response();
    }
    next.run(request).await
}

fn is_own_host(state: &Admin, headers: &HeaderMap) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let port = state.address.port();
    host.is_some_and(|host| {
        host == state.address.to_string()
            || [
                format!("localhost:{port}"),
                format!("127.0.0.1:{port}"),
                format!("[::1]:{port}"),
            ]
            .iter()
            .any(|own| own == host)
    })
}

async fn authorize(State(state): State<Arc<Admin>>, request: Request, next: Next) -> Response {
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let right = given
        .is_some_and(|given| bool::from(given.as_bytes().ct_eq(state.token.expose().as_bytes())));
    if right {
        return next.run(request).await;
    }
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        "api/unauthorized",
        "send the admin token as `Authorization: Bearer …`; `hookbox` reads it from `data/admin-token` or \
         `HOOKBOX_TOKEN`",
    )
    .into_response()
}

async fn readyz(State(state): State<Arc<Admin>>) -> Response {
    let store = state.store.probe().await;
    let rules = state.catalog.is_ready();
    let problem = state.catalog.listing().folder.problem.clone();
    let config = config_problem(&state);
    let ready = store.is_ok() && rules && problem.is_none() && config.is_none();
    let body = json!({
        "ready": ready,
        "store": store.map_or_else(|error| error.to_string(), |()| "ok".to_owned()),
        "configuration": config.unwrap_or_else(|| "ok".to_owned()),
        "rules": match (rules, problem) {
            (false, _) => "loading".to_owned(),
            (true, Some(problem)) => problem,
            (true, None) => "ok".to_owned(),
        },
    });
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(body)).into_response()
}

fn config_problem(state: &Admin) -> Option<String> {
    state
        .config_problem
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .clone()
}

/// What is wrong with a query, in few words.
fn query_text(error: &QueryRejection) -> String {
    let text = error.body_text();
    let reason = text
        .rsplit_once("query string: ")
        .map_or(text.as_str(), |(_, reason)| reason);
    format!("the query is not understood: {reason}")
}

fn bad(message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "api/bad-request", message)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventQuery {
    source: Option<String>,
    subject: Option<String>,
    project: Option<String>,
    state: Option<EventState>,
    before: Option<i64>,
    limit: Option<usize>,
}

async fn events(
    State(state): State<Arc<Admin>>,
    query: Result<Query<EventQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let Query(query) = query.map_err(|error| bad(query_text(&error)))?;
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE_LIMIT);
    let source = query.source.map(SourceName::parse).transpose();
    let events = state
        .store
        .events(EventFilter {
            source: source.map_err(|error| bad(error.to_string()))?,
            subject: query.subject,
            project: query.project,
            state: query.state,
            before: query.before,
            limit,
            ..EventFilter::default()
        })
        .await?;
    let next = (events.len() == limit).then(|| events.last().map(|event| event.sequence));
    Ok(Json(json!({ "events": events, "next": next.flatten() })))
}

async fn event(
    State(state): State<Arc<Admin>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, ApiError> {
    let Path(id) = id.map_err(|error| bad(error.body_text()))?;
    let id = (id != "last").then_some(EventId(id));
    let record = match (state.store.event(id.as_ref()).await, &id) {
        (Err(StoreError::NotFound { .. }), Some(id)) => {
            // Accepted, and not parsed yet: it is known by its delivery.
            let delivery = state.store.delivery(&DeliveryId(id.0.clone())).await;
            let accepted = delivery.map_err(|_| StoreError::NotFound {
                what: format!("event `{}`", id.0.escape_debug()),
            })?;
            return Ok(Json(json!({ "id": accepted.id, "pending": true })));
        }
        (record, _) => record?,
    };
    let descriptions: Vec<RuleDescription> = match record.snapshot {
        Some(snapshot) => {
            let description = state.store.snapshot(snapshot).await?;
            serde_json::from_str(&description).map_err(|error| StoreError::Database {
                message: error.to_string(),
            })?
        }
        None => state
            .catalog
            .snapshot()
            .description()
            .into_iter()
            .cloned()
            .collect(),
    };
    let rules = verdicts(&record, &descriptions);
    Ok(Json(json!({ "record": record, "rules": rules })))
}

async fn rules(State(state): State<Arc<Admin>>) -> Json<Value> {
    Json(json!(*state.catalog.listing()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReloadQuery {
    #[serde(default)]
    allow_empty: bool,
}

async fn reload(
    State(state): State<Arc<Admin>>,
    query: Result<Query<ReloadQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let Query(query) = query.map_err(|error| bad(query_text(&error)))?;
    let empty = if query.allow_empty {
        Empty::Accept
    } else {
        Empty::Suspect
    };
    state.catalog.reload(empty).await;
    Ok(Json(json!(*state.catalog.listing())))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ActionQuery {
    state: Option<String>,
    rule: Option<String>,
    event: Option<String>,
    before: Option<i64>,
    limit: Option<usize>,
}

async fn actions(
    State(state): State<Arc<Admin>>,
    query: Result<Query<ActionQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let Query(query) = query.map_err(|error| bad(query_text(&error)))?;
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE_LIMIT);
    let wanted = query
        .state
        .map(|name| ActionState::from_name(&name).ok_or_else(|| bad(no_such_state(&name))))
        .transpose()?;
    let rule = query.rule.as_deref().map(RuleName::parse).transpose();
    let actions = state
        .store
        .actions(ActionFilter {
            state: wanted,
            rule: rule.map_err(|error| bad(error.to_string()))?,
            event: query.event.map(EventId),
            before: query.before.map(ActionId),
            limit,
            ..ActionFilter::default()
        })
        .await?;
    let next = (actions.len() == limit).then(|| actions.last().map(|action| action.id));
    Ok(Json(json!({ "actions": actions, "next": next.flatten() })))
}

fn no_such_state(name: &str) -> String {
    let states: Vec<&str> = ActionState::ALL
        .iter()
        .map(|state| state.as_str())
        .collect();
    format!(
        "there is no state `{}`: it is one of {}",
        name.escape_debug(),
        states.join(", ")
    )
}

async fn action(
    State(state): State<Arc<Admin>>,
    id: Result<Path<i64>, PathRejection>,
) -> Result<Json<Value>, ApiError> {
    let Path(id) = id.map_err(|error| bad(error.body_text()))?;
    Ok(Json(json!(state.store.action(ActionId(id)).await?)))
}

async fn status(State(state): State<Arc<Admin>>) -> Result<Json<Value>, ApiError> {
    let backlog = state.store.backlog().await?;
    let listing = state.catalog.listing();
    Ok(Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "backlog": backlog,
        "folder": listing.folder,
        "configuration-problem": config_problem(&state),
    })))
}
