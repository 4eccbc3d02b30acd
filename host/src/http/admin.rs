//! The admin interface: JSON for the command line, behind a token.
//!
//! One file for each kind of thing that is asked about; what they share is here. Times are milliseconds since
//! 1970, and beside those that people read stands the same as text in the operator's time zone, under the same
//! name with `-local`.
//!
//! Invariants:
//! - There is no answer without a token, but for `/readyz`.
//! - With a team's token nothing is answered but by the routes [`for_teams`], whose handlers are given no more than
//!   [`Caller`](access::Caller), and with it who asks.
//! - A key of a query that is not known is an error.
//! - A name that does not exist is an error that names its nearest neighbour.

mod access;
mod actions;
mod channels;
mod commands;
mod events;
mod known;
mod moment;
mod outputs;
mod pages;
mod pauses;
mod replay;
mod rules;
mod seen;
mod sources;
mod states;
mod time_machine;

use std::sync::{Arc, PoisonError};

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use self::access::Guarded;
pub use self::pages::Pages;
use super::Admin;
use super::error::ApiError;
use crate::worker::{Live, Performs};

/// How many records a page holds where the request does not say, and at most.
const PAGE: usize = 50;
const PAGE_LIMIT: usize = 1_000;

/// The paths that a team may ask for as well, each for what it may know of.
fn for_teams() -> Router<Guarded> {
    Router::new()
        .route("/api/v1/events", get(events::list))
        .route("/api/v1/events/replay", post(replay::replay))
        .route("/api/v1/events/{id}", get(events::show))
        .route("/api/v1/rules", get(rules::list))
        .route("/api/v1/rules/{name}", get(rules::show))
        .route("/api/v1/rules/wish", post(rules::wish))
        .route("/api/v1/rules/replay", post(time_machine::replay))
        .route(
            "/api/v1/rules/{name}/state",
            get(states::show).delete(states::clear),
        )
        .route("/api/v1/actions", get(actions::list))
        .route("/api/v1/actions/{id}", get(actions::show))
        .route("/api/v1/actions/{id}/output", get(outputs::show))
        .route("/api/v1/channels", get(channels::list))
        .route("/api/v1/commands", get(commands::list))
        .route("/api/v1/sources", get(sources::list))
        .route("/api/v1/pauses", get(pauses::list))
        .route("/api/v1/pause", post(pauses::pause))
        .route("/api/v1/resume", post(pauses::resume))
}

/// The paths that are the operators' alone.
fn for_operators() -> Router<Arc<Admin>> {
    Router::new()
        .route("/api/v1/rules/reload", post(rules::reload))
        .route("/api/v1/actions/retry", post(actions::retry))
        .route("/api/v1/actions/cancel", post(actions::cancel))
        .route("/api/v1/channels/{name}/test", post(channels::test))
        .route("/api/v1/commands/{name}/run", post(commands::run))
        .route("/api/v1/sources/{name}", get(sources::show))
        .route("/api/v1/status", get(status))
        .route_layer(middleware::from_fn(access::operators_alone))
}

pub(super) fn router(state: Arc<Admin>) -> Router {
    let guarded = for_teams().with_state(Guarded::new(&state));
    let api = for_operators()
        .with_state(Arc::clone(&state))
        .merge(guarded)
        .layer(middleware::from_fn_with_state(
            Arc::clone(&state),
            access::authenticate,
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
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

fn live(state: &Admin) -> Arc<Live> {
    Arc::clone(&state.live.read().unwrap_or_else(PoisonError::into_inner))
}

/// The parts of a query.
///
/// # Errors
/// What is wrong with it, in few words.
fn understood<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, ApiError> {
    let Query(query) = query.map_err(|error| {
        let text = error.body_text();
        let reason = text
            .rsplit_once("query string: ")
            .map_or(text.as_str(), |(_, reason)| reason);
        bad(format!("the query is not understood: {reason}"))
    })?;
    Ok(query)
}

/// The name or number in a path.
fn named<T>(path: Result<Path<T>, PathRejection>) -> Result<T, ApiError> {
    let Path(name) = path.map_err(|error| bad(error.body_text()))?;
    Ok(name)
}

/// How many records a page holds.
fn page(limit: Option<usize>) -> usize {
    limit.unwrap_or(PAGE).clamp(1, PAGE_LIMIT)
}

fn bad(message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "api/bad-request", message)
}

/// Refuses to do something while the whole server performs nothing.
fn performing(state: &Admin) -> Result<(), ApiError> {
    match state.performs {
        Performs::Yes => Ok(()),
        Performs::OnlyRecords => Err(ApiError::new(
            StatusCode::CONFLICT,
            "api/shadow",
            "the server was started with `--shadow` and performs nothing: start it without",
        )),
    }
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
