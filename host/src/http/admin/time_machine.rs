//! The time machine: a module that is not installed, uploaded with its settings, on stored events.
//!
//! The answer is one JSON object a line, as it comes: `began`, then `progress` and `event`, and at last `summary`, or
//! `error` where it ends early. Who closes the connection ends it.
//!
//! Invariants:
//! - What is uploaded is read up to the limit of the rule's team, and never installed.
//! - An answer without its last line is not complete.
//! - A team learns nothing of events that it does not see, not even how many there are.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream::unfold;
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::access::{Access, Caller};
use super::events::Restrictions;
use super::{bad, known, live, understood};
use crate::domain::names::RuleName;
use crate::http::Admin;
use crate::http::error::ApiError;
use crate::store::{Pausable, StoreError};
use crate::worker::{Audience, Proposal, Step, Trial, TrialError, Verdict};

/// How long an upload may take.
const UPLOAD: Duration = Duration::from_secs(60);

/// What a settings file may have, in bytes, as in the rules folder.
const SETTINGS: usize = 64 << 10;

/// What is read of an upload, in bytes, and thrown away as far as it is too large: a client that is cut off while it
/// writes may never see the answer.
const READ: usize = 128 << 20;

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

/// What is uploaded.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Upload {
    /// The module, in Base64.
    module: String,
    /// The settings file; none for that of the rule at work.
    settings: Option<String>,
}

/// Tries a module on the past; a team as one of its own rules.
pub(super) async fn replay(
    Caller { state, access }: Caller,
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
    let upload = read(&state, &rule, body).await?;
    let module = STANDARD
        .decode(upload.module)
        .map_err(|error| bad(format!("`module` is not Base64: {error}")))?;
    let proposal = Proposal {
        rule,
        module: module.into(),
        settings: upload.settings.map(|text| text.into_bytes().into()),
        filter,
        audience: match access {
            Access::Operator => Audience::Operators,
            Access::Team(_) => Audience::Team,
        },
    };
    let trial = state.time_machine.begin(proposal).await.map_err(refused)?;
    let shows = if query.all {
        Shows::All
    } else {
        Shows::Differences
    };
    Ok(lines(trial, shows))
}

/// Reads what is uploaded, as far as a module of the rule's team may be large.
async fn read(state: &Admin, rule: &RuleName, body: Body) -> Result<Upload, ApiError> {
    let live = live(state);
    let team = live.catalog.team(rule.team());
    let limits = &live.catalog.limits;
    let module = team.map_or(limits.module, |team| {
        limits.replaced_by(&team.limits).module
    });
    // Four characters stand for three bytes, and at most six for a character of the settings file.
    let limit = module
        .as_usize()
        .saturating_mul(4)
        .div_ceil(3)
        .saturating_add(SETTINGS * 6 + 1_024);
    let reading = timeout(UPLOAD, read_within(body, limit)).await;
    let reading = reading.map_err(|_| {
        ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "api/too-slow",
            format!("the module was not complete after {} s", UPLOAD.as_secs()),
        )
    })?;
    let bytes = reading?.ok_or_else(|| {
        ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "api/too-large",
            format!("a module of `{rule}` may have {module}, and its settings file 64KiB"),
        )
    })?;
    let upload: Upload = serde_json::from_slice(&bytes).map_err(|error| {
        bad(format!(
            "the body is not understood: {error}; send `{{\"module\": \"…in Base64…\", \"settings\": \"…\"}}`"
        ))
    })?;
    match &upload.settings {
        Some(settings) if settings.len() > SETTINGS => Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "api/too-large",
            "the settings file has more than 64KiB",
        )),
        _ => Ok(upload),
    }
}

/// Reads a body; none where it is too large.
async fn read_within(mut body: Body, limit: usize) -> Result<Option<Vec<u8>>, ApiError> {
    let (mut bytes, mut size) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| bad("the body ended before it was complete"))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        size = size.saturating_add(data.len());
        if size > READ {
            break;
        }
        if size <= limit {
            bytes.extend_from_slice(&data);
        } else {
            bytes = Vec::new();
        }
    }
    Ok((size <= limit).then_some(bytes))
}

fn refused(error: TrialError) -> ApiError {
    let message = error.to_string();
    match error {
        TrialError::Busy => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "api/busy", message),
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

/// Where the answer is.
enum Answer {
    Begins(Box<Trial>),
    Goes(Going),
    Ended,
}

/// An answer on its way.
struct Going {
    trial: Box<Trial>,
    /// When it was last said how far it is.
    told_at: Instant,
}

fn lines(trial: Trial, shows: Shows) -> Response {
    let lines = unfold(Answer::Begins(Box::new(trial)), move |answer| async move {
        let (line, next) = match answer {
            Answer::Begins(trial) => {
                let line = json!({ "began": trial.beginning() });
                let told_at = Instant::now();
                (line, Answer::Goes(Going { trial, told_at }))
            }
            Answer::Goes(going) => next(going, shows).await,
            Answer::Ended => return None,
        };
        let line = Bytes::from(format!("{line}\n"));
        Some((Ok::<_, std::convert::Infallible>(line), next))
    });
    let mut response = Body::from_stream(lines).into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-ndjson"),
    );
    response
}

/// Goes on until there is something to say.
async fn next(mut going: Going, shows: Shows) -> (Value, Answer) {
    loop {
        if going.told_at.elapsed() >= PROGRESS {
            going.told_at = Instant::now();
            let looked_at = going.trial.summary().looked_at;
            let progress = json!({ "progress": { "looked-at": looked_at } });
            return (progress, Answer::Goes(going));
        }
        match going.trial.step().await {
            Ok(Some(Step::Compared(compared)))
                if shows == Shows::All || compared.verdict != Verdict::Same =>
            {
                return (json!({ "event": compared }), Answer::Goes(going));
            }
            Ok(Some(_)) => {}
            Ok(None) => {
                return (json!({ "summary": going.trial.summary() }), Answer::Ended);
            }
            Err(error) => return (failed(error), Answer::Ended),
        }
    }
}

fn failed(error: StoreError) -> Value {
    let error = match error {
        StoreError::Closed => ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "store/unavailable",
            "the server ends",
        ),
        error => error.into(),
    };
    json!({ "error": { "code": error.code, "message": error.message } })
}
