//! What a command wrote, while it runs and afterwards.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::Caller;
use super::{actions, bad, live, named, understood};
use crate::domain::quantity::Bytes;
use crate::http::Admin;
use crate::http::error::ApiError;
use crate::store::{ActionId, ActionKind, ActionRecord, AttemptRecord};

/// How much of an output is answered where the request does not say, and at most: as much as is ever kept.
const SHOWN: Bytes = Bytes::mib(1);
const SHOWN_LIMIT: Bytes = Bytes::mib(64);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutputQuery {
    attempt: Option<u32>,
    /// In bytes: half of the beginning, and half of the end.
    limit: Option<u64>,
}

/// The output of an attempt at a command; of the newest where none is named.
pub(super) async fn show(
    Caller { state, access }: Caller,
    id: Result<Path<i64>, PathRejection>,
    query: Result<Query<OutputQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let (id, query) = (named(id)?, understood(query)?);
    let action = actions::one(&state, &access, ActionId(id)).await?;
    if ActionKind::of(&action.action) != Some(ActionKind::Deploy) {
        return Err(bad(format!(
            "action `{id}` is a message, and only commands have output"
        )));
    }
    let attempt = match query.attempt {
        None => action.attempts.last(),
        Some(number) => {
            let attempt = action
                .attempts
                .iter()
                .find(|attempt| attempt.number == number);
            Some(attempt.ok_or_else(|| no_such_attempt(&action, number))?)
        }
    };
    let limit = Bytes(query.limit.unwrap_or(SHOWN.0)).min(SHOWN_LIMIT);
    let text = match attempt {
        Some(attempt) => text(&state, &action, attempt, limit).await,
        None => None,
    };
    Ok(Json(json!({
        "action": action.id,
        "state": action.state,
        "detail": action.detail,
        "attempts": action.attempts.len(),
        "attempt": attempt.map(|attempt| json!({
            "number": attempt.number,
            "began-at": attempt.began_at,
            "ended-at": attempt.ended_at,
            "result": attempt.result,
            "detail": attempt.detail,
            "exit-code": attempt.exit_code,
        })),
        "text": text.unwrap_or_default(),
    })))
}

fn no_such_attempt(action: &ActionRecord, number: u32) -> ApiError {
    let message = format!(
        "action `{}` has no attempt {number}: it has {} so far",
        action.id.0,
        action.attempts.len()
    );
    ApiError::new(StatusCode::NOT_FOUND, "api/not-found", message)
}

/// What is kept of an attempt's output, or what there is of it so far. The file holds more than the record, and may
/// be gone.
async fn text(
    state: &Admin,
    action: &ActionRecord,
    attempt: &AttemptRecord,
    limit: Bytes,
) -> Option<String> {
    let live = live(state);
    match live.outputs.read(&action.key, attempt.number, limit).await {
        Ok(Some(stored)) => return Some(stored.output.text()),
        Ok(None) => {}
        Err(error) => {
            tracing::warn!(action.key = %action.key, "its output cannot be read: {error}");
        }
    }
    attempt.output.clone()
}
