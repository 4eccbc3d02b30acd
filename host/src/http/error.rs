//! Answers that say no: a status, a stable code, and a sentence that is safe to send.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::failures;
use crate::sources::Rejection;
use crate::store::StoreError;
use crate::worker::NoSeat;

/// How long a sender should wait after `503`, in seconds: time for a queue to drain.
const RETRY_AFTER: &str = "5";

/// An answer that says no.
#[derive(Debug)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        Self {
            status: StatusCode::from_u16(rejection.status).unwrap_or(StatusCode::BAD_REQUEST),
            code: rejection.code,
            message: rejection.message,
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { .. } => {
                Self::new(StatusCode::NOT_FOUND, "api/not-found", error.to_string())
            }
            StoreError::Full => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "store/full",
                "nothing was kept: the server's disk is full",
            ),
            _ => {
                // The one place where it is logged; the sender learns no more than that it was not kept.
                tracing::error!("the store failed: {error}");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "store/unavailable",
                    "nothing was kept: the server's store does not answer",
                )
            }
        }
    }
}

impl From<NoSeat> for ApiError {
    fn from(error: NoSeat) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "api/busy",
            error.to_string(),
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "code": self.code, "message": self.message } });
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        }
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            headers.insert(
                header::RETRY_AFTER,
                HeaderValue::from(failures::WINDOW.as_secs()),
            );
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        if self.status == StatusCode::UNAUTHORIZED && self.code == "api/unauthorized" {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
