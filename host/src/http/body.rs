//! Reading bodies: within their limit, within their time, and not more at once than memory allows.

use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::http::StatusCode;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;

use super::connections::{NoRoom, Place};
use super::error::ApiError;
use crate::domain::quantity;

/// How long a sender may take for its body in all.
const TIME: Duration = Duration::from_secs(30);

/// What is still read, and thrown away, of a body that is refused: a sender that is cut off while it
/// writes may never see the answer.
const DRAINED: usize = 1 << 20;

/// How long that may take.
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// Reads a body to its end; what has arrived is counted as held by the connection.
pub(super) async fn read(
    body: Body,
    limit: quantity::Bytes,
    place: &Place,
) -> Result<Bytes, ApiError> {
    let too_large = || {
        ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "hook/too-large",
            format!(
                "the body has more than the {limit} that this source takes; raise its `body_limit`"
            ),
        )
    };
    if body.size_hint().lower() > limit.0 {
        drain(body).await;
        return Err(too_large());
    }
    let announced = body.size_hint().exact().unwrap_or(0).min(limit.0);
    let announced = usize::try_from(announced).unwrap_or(0);
    let reading = async {
        let mut body = body;
        // Most bodies come in one piece, which is then not copied.
        let mut first = Bytes::new();
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| {
                ApiError::new(
                    StatusCode::BAD_REQUEST,
                    "hook/broken-body",
                    "the body ended before it was complete",
                )
            })?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if first.len() + bytes.len() + data.len() > limit.as_usize() {
                drain(body).await;
                return Err(too_large());
            }
            place.hold(data.len()).map_err(|NoRoom| busy())?;
            if first.is_empty() && bytes.is_empty() {
                first = data;
                continue;
            }
            if bytes.is_empty() {
                // In one go where the sender says how much: growing would leave holes behind.
                bytes.reserve(announced);
                bytes.extend_from_slice(&std::mem::take(&mut first));
            }
            bytes.extend_from_slice(&data);
        }
        Ok(if bytes.is_empty() {
            first
        } else {
            bytes.freeze()
        })
    };
    tokio::time::timeout(TIME, reading)
        .await
        .unwrap_or_else(|_| {
            Err(ApiError::new(
                StatusCode::REQUEST_TIMEOUT,
                "hook/too-slow",
                format!("the body was not complete after {} seconds", TIME.as_secs()),
            ))
        })
}

fn busy() -> ApiError {
    ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "hook/busy",
        "nothing was kept: too many requests are in flight",
    )
}

/// Reads some of a refused body and throws it away.
pub(super) async fn drain(mut body: Body) {
    let draining = async {
        let mut left = DRAINED;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                return;
            }
        }
    };
    // What is not drained in time is cut off.
    let _late = tokio::time::timeout(DRAIN_TIME, draining).await;
}
