//! `POST /hooks/<source>`: checks in the order of what they cost, then the commit, then the answer.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use bytes::Bytes;
use serde_json::json;

use super::connections::Place;
use super::error::ApiError;
use super::{Peer, Public, body, proxies};
use crate::domain::clock::Timestamp;
use crate::domain::names::{DeliveryId, SourceName};
use crate::sources::{Glance, Source, Verdict, Verified};
use crate::store::{Accepted, Delivery, DeliveryKey, Refusal};

pub(super) fn router(state: Arc<Public>) -> Router {
    Router::new()
        .route("/hooks/{source}", any(hook))
        .route("/healthz", get(|| async { "ok\n" }))
        .fallback(|| async {
            ApiError::new(
                StatusCode::NOT_FOUND,
                "hook/not-found",
                "there is nothing here: webhooks go to `/hooks/<source>`",
            )
        })
        .with_state(state)
}

async fn hook(
    State(state): State<Arc<Public>>,
    Extension(Peer(peer)): Extension<Peer>,
    Extension(place): Extension<Place>,
    name: Result<Path<String>, PathRejection>,
    request: axum::extract::Request,
) -> Response {
    let (head, body) = request.into_parts();
    let remote = proxies::sender(&state.trusted_proxies, peer.ip(), &head.headers);
    let live = state.live();
    // A name that is not UTF-8 is no source's.
    let name = name.map_or_else(|_| String::new(), |Path(name)| name);
    let source = SourceName::parse(name.as_str())
        .ok()
        .and_then(|name| live.sources.get(&name).cloned());
    let Some(source) = source else {
        body::drain(body).await;
        let short: String = name.chars().take(SHOWN_NAME).collect();
        let error = ApiError::new(
            StatusCode::NOT_FOUND,
            "hook/unknown-source",
            format!(
                "there is no source `{}`: check the address in the provider's settings",
                short.escape_debug()
            ),
        );
        return refuse(&state, None, remote, Glance::default(), error).await;
    };
    let request = Request {
        state: &state,
        source: &source,
        remote,
        place,
        query: head.uri.query().map(redacted),
        headers: &head.headers,
    };
    match request.take(&head.method, body).await {
        Ok(response) => response,
        Err((error, glance)) => refuse(&state, Some(&source), remote, glance, error).await,
    }
}

/// How much of a name that is no source's is repeated.
const SHOWN_NAME: usize = 64;

/// Parameters of a query that carry secrets, as senders that cannot sign have them.
const SECRET_PARAMETERS: [&str; 8] = [
    "access_token",
    "api_key",
    "apikey",
    "key",
    "password",
    "secret",
    "sign",
    "token",
];

/// A query without the values of secrets.
fn redacted(query: &str) -> String {
    let is_secret = |name: &str| {
        SECRET_PARAMETERS
            .iter()
            .any(|secret| name.eq_ignore_ascii_case(secret))
    };
    if !form_urlencoded::parse(query.as_bytes()).any(|(name, _)| is_secret(&name)) {
        return query.to_owned();
    }
    let mut kept = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let value = if is_secret(&name) {
            "[hidden]".into()
        } else {
            value
        };
        kept.append_pair(&name, &value);
    }
    kept.finish()
}

struct Request<'a> {
    state: &'a Arc<Public>,
    source: &'a Arc<Source>,
    remote: IpAddr,
    place: Place,
    query: Option<String>,
    headers: &'a HeaderMap,
}

impl Request<'_> {
    async fn take(self, method: &Method, body: Body) -> Result<Response, (ApiError, Glance)> {
        if let Err(error) = self.check_head(method) {
            body::drain(body).await;
            return Err((error, self.source.glance(self.headers, None)));
        }
        let before = |error| (error, self.source.glance(self.headers, None));
        let limit = self.source.body_limit();
        let body = body::read(body, limit, &self.place).await.map_err(before)?;
        self.place.complete();
        let now = self.state.clock.now();
        let after = |error| (error, self.source.glance(self.headers, Some(&body)));
        let verified = match self.source.verify(self.headers, &body, now) {
            Err(rejection) => return Err(after(rejection.into())),
            Ok(Verdict::Ignore { reason, message }) => {
                return Ok(self.ignore(reason, message, &body, now).await);
            }
            Ok(Verdict::Answer(answer)) => {
                tracing::info!(source = %self.source.name(), "a challenge was answered");
                return Ok(answer.into_response());
            }
            Ok(Verdict::Accept(verified)) => verified,
        };
        let plain = verified.plain_answer;
        let delivery = self.delivery(verified, &body, now);
        let (id, source) = (delivery.id.clone(), delivery.source.clone());
        let accepted = self.commit(delivery).await.map_err(after)?;
        Ok(match accepted {
            Accepted::New | Accepted::Duplicate { .. } if plain => {
                tracing::info!(delivery.id = %id, source = %source, "a delivery was accepted");
                StatusCode::OK.into_response()
            }
            Accepted::New => {
                tracing::info!(delivery.id = %id, source = %source, "a delivery was accepted");
                (StatusCode::ACCEPTED, Json(json!({ "id": id }))).into_response()
            }
            Accepted::Duplicate { first } => {
                tracing::info!(delivery.id = %first, source = %source, "a delivery came again");
                Json(json!({ "id": first, "duplicate": true })).into_response()
            }
        })
    }

    /// Everything that needs no body.
    fn check_head(&self, method: &Method) -> Result<(), ApiError> {
        if method != Method::POST {
            return Err(ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "hook/method",
                "this is where a webhook is sent with POST; there is nothing to see",
            ));
        }
        self.source.check_address(self.remote)?;
        self.source.check_headers(self.headers)?;
        Ok(())
    }

    fn delivery(&self, verified: Verified<'_>, received: &Bytes, now: Timestamp) -> Delivery {
        Delivery {
            id: DeliveryId::generate(),
            source: self.source.name().clone(),
            provider: verified.provider.to_owned(),
            received_at: now,
            received_local: now.rfc3339(&self.state.timezone),
            remote_address: Some(self.remote.to_string()),
            headers: verified.headers,
            query: self.query.clone(),
            body: match verified.body {
                Cow::Borrowed(_) => received.clone(),
                Cow::Owned(changed) => changed.into(),
            },
            secret: verified.secret,
            keys: verified
                .keys
                .into_iter()
                .map(|(key, counts_for)| DeliveryKey {
                    key,
                    expires_at: now.after(counts_for),
                })
                .collect(),
        }
    }

    async fn commit(&self, delivery: Delivery) -> Result<Accepted, ApiError> {
        let _turn = self.state.commits.try_acquire().map_err(|_| {
            ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "hook/busy",
                "nothing was kept: the store cannot keep up",
            )
        })?;
        let accepted = self.state.store.accept(delivery).await?;
        self.state.waker.wake();
        Ok(accepted)
    }

    /// A verified request that the source does not expect: no fault of the sender.
    async fn ignore(
        &self,
        reason: &'static str,
        message: String,
        body: &[u8],
        now: Timestamp,
    ) -> Response {
        let glance = self.source.glance(self.headers, Some(body));
        let code = format!("hook/{reason}");
        record(
            self.state,
            refusal(Some(self.source), self.remote, glance, (code, message), now),
        )
        .await;
        Json(json!({ "ignored": reason })).into_response()
    }
}

/// Records a refusal, and answers with it. Of an address that is refused too often, neither the store nor the log
/// gets any more.
async fn refuse(
    state: &Arc<Public>,
    source: Option<&Source>,
    remote: IpAddr,
    glance: Glance,
    error: ApiError,
) -> Response {
    let now = state.clock.now();
    let name = source.map_or(UNKNOWN_SOURCE, |source| source.name().as_str());
    // What is not the sender's doing does not count against it.
    let counts = error.status != StatusCode::SERVICE_UNAVAILABLE;
    if counts && state.failures.is_too_many(name, remote, now) {
        tracing::debug!(source = name, remote = %remote, "a request was refused, as many before it");
        return if error.status == StatusCode::UNAUTHORIZED {
            too_many_failures().into_response()
        } else {
            error.into_response()
        };
    }
    tracing::warn!(
        source = name,
        code = error.code, remote = %remote, "a request was refused: {}", error.message
    );
    let said = (error.code.to_owned(), error.message.clone());
    record(state, refusal(source, remote, glance, said, now)).await;
    error.into_response()
}

fn too_many_failures() -> ApiError {
    ApiError::new(
        StatusCode::TOO_MANY_REQUESTS,
        "hook/too-many-failures",
        "too many requests of this address could not be verified: mend the secret, and wait a minute",
    )
}

/// Under which requests for sources that there are not are recorded.
const UNKNOWN_SOURCE: &str = "unknown-source";

fn refusal(
    source: Option<&Source>,
    remote: IpAddr,
    glance: Glance,
    (code, message): (String, String),
    at: Timestamp,
) -> Option<Refusal> {
    let source = match source {
        Some(source) => source.name().clone(),
        None => SourceName::parse(UNKNOWN_SOURCE).ok()?,
    };
    Some(Refusal {
        source,
        code,
        message,
        remote_address: Some(remote.to_string()),
        provider_event: glance.event,
        delivery_key: glance.delivery,
        project: glance.project,
        at,
    })
}

async fn record(state: &Arc<Public>, refusal: Option<Refusal>) {
    let (Some(refusal), Ok(_turn)) = (refusal, state.refusals.try_acquire()) else {
        return;
    };
    if let Err(error) = state.store.refuse(refusal).await {
        tracing::error!("a refusal could not be kept: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_a_query_are_hidden_and_the_rest_is_kept_as_it_was() {
        for (query, kept) in [
            ("a=1&b=%20+", "a=1&b=%20+"),
            ("token=s3&issue=PAY-1", "token=%5Bhidden%5D&issue=PAY-1"),
            ("Secret=s3", "Secret=%5Bhidden%5D"),
            ("se%63ret=s3", "secret=%5Bhidden%5D"),
            ("tokens=1", "tokens=1"),
        ] {
            assert_eq!(redacted(query), kept);
        }
    }
}
