//! Reading what is uploaded: the module and its settings file, as far as they may be large.
//!
//! Invariants:
//! - What is kept of a body is counted as held by its connection, and never more than its limit.
//! - What is refused is read to its end and thrown away, within bounds: a client that is cut off while it writes may
//!   never see the answer.

use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use serde::Deserialize;
use tokio::time::timeout;

use crate::domain::names::RuleName;
use crate::http::Admin;
use crate::http::admin::{bad, live};
use crate::http::connections::{NoRoom, Place};
use crate::http::error::ApiError;

/// How long an upload may take.
const TIME: Duration = Duration::from_secs(60);

/// What a settings file may have, in bytes, as in the rules folder.
const SETTINGS: usize = 64 << 10;

/// What is read of an upload, in bytes, where it is thrown away.
const READ: usize = 128 << 20;

/// What is uploaded.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Upload {
    /// The module, in Base64.
    pub(super) module: String,
    /// The settings file; none for that of the rule at work.
    pub(super) settings: Option<String>,
}

/// Reads what is uploaded, as far as a module of the rule's team may be large.
pub(super) async fn read(
    state: &Admin,
    rule: &RuleName,
    (place, body): (&Place, Body),
) -> Result<Upload, ApiError> {
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
    let reading = timeout(TIME, within(limit, (place, body))).await;
    let reading = reading.map_err(|_| {
        ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "api/too-slow",
            format!("the module was not complete after {} s", TIME.as_secs()),
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
async fn within(
    limit: usize,
    (place, mut body): (&Place, Body),
) -> Result<Option<Vec<u8>>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| bad("the body ended before it was complete"))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > limit {
            drop(bytes);
            throw_away(body).await;
            return Ok(None);
        }
        place.hold(data.len()).map_err(|NoRoom| no_room())?;
        bytes.extend_from_slice(&data);
    }
    Ok(Some(bytes))
}

fn no_room() -> ApiError {
    ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "api/busy",
        "too much is being uploaded at once: wait and send it again",
    )
}

/// Reads the rest of a body that is refused, and keeps nothing of it.
pub(super) async fn throw_away(mut body: Body) {
    let reading = async {
        let mut left = READ;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                return;
            }
        }
    };
    // What is not read in time is cut off.
    let _late = timeout(TIME, reading).await;
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::http::connections::Connections;

    const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn what_is_read_counts_as_held_until_there_is_no_room() {
        let connections = Connections::new();
        let (others, own) = (connections.take(PEER).await, connections.take(PEER).await);
        let while_there_is_room = within(4, (&own, Body::from("abcd"))).await;
        own.answered();
        // What is complete does not give way.
        others.complete();
        while others.hold(1 << 20).is_ok() {}
        while others.hold(1).is_ok() {}

        let full = within(4, (&own, Body::from("abcd"))).await;

        let read = while_there_is_room.expect("there is room");
        assert_eq!(read.as_deref(), Some(&b"abcd"[..]));
        let refused = full.err().map(|error| (error.status, error.code));
        let busy = (StatusCode::SERVICE_UNAVAILABLE, "api/busy");
        assert_eq!(refused, Some(busy));
    }

    #[tokio::test]
    async fn of_what_is_too_large_nothing_is_kept() {
        let connections = Connections::new();
        let place = connections.take(PEER).await;

        let read = within(4, (&place, Body::from("abcde"))).await;

        assert_eq!(read.expect("there is room"), None);
    }
}
