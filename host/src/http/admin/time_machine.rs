//! The time machine: a module that is not installed, uploaded with its settings, on stored events.
//!
//! The answer is one JSON object a line, as it comes: `began`, then `progress` and `event`, and at last `summary`, or
//! `error` where it ends early. Who closes the connection ends it, and so does who does not read.
//!
//! Invariants:
//! - Nothing is read of an upload that there is no seat for.
//! - What is uploaded is read up to the limit of the rule's team, and never installed.
//! - An answer without its last line is not complete.
//! - A team learns nothing of events that it does not see, not even how many there are.

use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use self::answer::{Teller, Unread, failed, told_by};
use super::access::Caller;
use super::events::Restrictions;
use super::{bad, known, understood};
use crate::domain::names::RuleName;
use crate::http::connections::Place;
use crate::http::error::ApiError;
use crate::store::{Pausable, StoreError};
use crate::worker::{Proposal, Step, Trial, TrialError, Verdict};

mod answer;
mod upload;

/// How often it is said how far it is, where there is nothing else to say.
const PROGRESS: Duration = Duration::from_millis(250);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TrialQuery {
    /// The rule that the module would be.
    rule: String,
    source: Option<String>,
    subject: Option<String>,
    project: Option<String>,
    since: Option<String>,
    until: Option<String>,
    /// The newest so many.
    limit: Option<usize>,
    /// The events that are the same are written as well.
    #[serde(default)]
    all: bool,
}

/// Tries a module on the past; a team as one of its own rules.
pub(super) async fn replay(
    Caller { state, access }: Caller,
    Extension(place): Extension<Place>,
    query: Result<Query<TrialQuery>, QueryRejection>,
    body: Body,
) -> Result<Response, ApiError> {
    let query = understood(query)?;
    let rule = RuleName::parse(&query.rule).map_err(|error| bad(error.to_string()))?;
    if !access.knows(Pausable::Rule, &query.rule) {
        return Err(known::none(&state, &access, Pausable::Rule, &query.rule));
    }
    if query.limit.is_some() {
        access.only_operators("`limit` counts the events of others as well")?;
    }
    let restrictions = Restrictions {
        source: query.source,
        subject: query.subject,
        project: query.project,
        state: None,
        since: query.since,
        until: query.until,
    };
    let mut filter = restrictions.filter(state.clock.now())?;
    filter.limit = query.limit.unwrap_or(0);
    // Before anything is read: what waits to be tried takes as much memory as what is.
    let seat = match state.time_machine.seat(access.audience()) {
        Ok(seat) => seat,
        Err(error) => {
            upload::throw_away(body).await;
            return Err(error.into());
        }
    };
    let upload = upload::read(&state, &rule, (&place, body)).await?;
    // Whoever needs its place waits now: what costs most is still to come.
    place.complete();
    let module = STANDARD
        .decode(upload.module)
        .map_err(|error| bad(format!("`module` is not Base64: {error}")))?;
    let proposal = Proposal {
        rule,
        module: module.into(),
        settings: upload.settings.map(|text| text.into_bytes().into()),
        filter,
    };
    let trial = state.time_machine.begin(seat, proposal).await;
    let trial = trial.map_err(refused)?;
    let shows = if query.all {
        Shows::All
    } else {
        Shows::Differences
    };
    Ok(lines(trial, shows))
}

fn refused(error: TrialError) -> ApiError {
    let message = error.to_string();
    match error {
        TrialError::Load(error) => {
            ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, error.code(), message)
        }
        TrialError::Disabled => {
            ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "rule/disabled", message)
        }
        TrialError::Store(error) => error.into(),
    }
}

/// Which events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    Differences,
    All,
}

fn lines(trial: Trial, shows: Shows) -> Response {
    let body = told_by(|teller| drive(trial, shows, teller));
    let mut response = body.into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-ndjson"),
    );
    response
}

/// Has a trial go on to its end, and returns what it came to.
async fn drive(mut trial: Trial, shows: Shows, teller: Teller) -> Result<Value, Unread> {
    teller.say(&json!({ "began": trial.beginning() })).await?;
    let mut told_at = Instant::now();
    loop {
        if told_at.elapsed() >= PROGRESS {
            told_at = Instant::now();
            let looked_at = trial.summary().looked_at;
            let progress = json!({ "progress": { "looked-at": looked_at } });
            teller.say(&progress).await?;
        }
        match trial.step().await {
            Ok(Some(Step::Compared(compared)))
                if shows == Shows::All || compared.verdict != Verdict::Same =>
            {
                teller.say(&json!({ "event": compared })).await?;
            }
            Ok(Some(_)) => {}
            Ok(None) => return Ok(json!({ "summary": trial.summary() })),
            Err(error) => return Ok(failed(&ended(error))),
        }
    }
}

/// Why a trial ended early.
fn ended(error: StoreError) -> ApiError {
    match error {
        StoreError::Closed => ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "store/unavailable",
            "the server ends",
        ),
        error => error.into(),
    }
}
