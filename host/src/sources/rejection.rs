//! What a refused sender is told.
//!
//! Every refusal of the `sources` module is made here, so that its code, its status, and its words
//! are seen in one place. The HTTP layer sends all three and records the code.
//!
//! Invariants:
//! - A code never changes its meaning.
//! - A message says what was wrong and what to do, and never holds a secret or an expected value.

use crate::domain::names::SourceName;
use crate::domain::quantity::Bytes;

/// A request that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    /// The HTTP status: 401 for verification, 400 for the body, 403 for the address.
    pub status: u16,
    /// A stable code, such as `hook/bad-signature`.
    pub code: &'static str,
    /// A sentence that is safe to send.
    pub message: String,
}

impl Rejection {
    fn unauthorized(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: 401,
            code,
            message: message.into(),
        }
    }

    fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            code,
            message: message.into(),
        }
    }

    /// The source has no secret.
    pub(super) fn no_secret(source: &SourceName) -> Self {
        let message = format!(
            "the source `{source}` has no secret: set `secret` under `[sources.{source}]` in `hookbox.toml`"
        );
        Self::unauthorized("hook/no-secret", message)
    }

    /// The request is signed, and the source has only tokens.
    pub(super) fn no_signing_key() -> Self {
        Self::unauthorized(
            "hook/no-signing-key",
            "the request is signed, and this source has no signing key: configure the webhook's signing \
             token (`whsec_…`) as a secret of the source",
        )
    }

    /// A header that the verification needs is not there.
    pub(super) fn missing(header: &str, hint: &str) -> Self {
        let message = format!("the header `{header}` is missing: {hint}");
        Self::unauthorized("hook/missing-signature", message)
    }

    /// A header that the verification needs is empty.
    pub(super) fn empty(header: &str, hint: &str) -> Self {
        Self::unauthorized(
            "hook/empty-signature",
            format!("the header `{header}` is empty: {hint}"),
        )
    }

    /// A header that the verification needs is there more than once.
    pub(super) fn repeated(header: &str) -> Self {
        let message = format!("the header `{header}` was sent more than once: send it once");
        Self::unauthorized("hook/repeated-signature", message)
    }

    /// No secret of the source matches.
    pub(super) fn bad_signature(message: &str) -> Self {
        Self::unauthorized("hook/bad-signature", message)
    }

    /// The time of the request is not a number.
    pub(super) fn bad_timestamp(header: &str) -> Self {
        let message = format!(
            "the header `{header}` is not a time in whole seconds or milliseconds since 1970"
        );
        Self::unauthorized("hook/bad-timestamp", message)
    }

    /// The time of the request is too far from the present.
    pub(super) fn stale(header: &str) -> Self {
        let message = format!(
            "the time in the header `{header}` is too far from the present: send the request again, and check \
             the clocks of both machines"
        );
        Self::unauthorized("hook/stale-timestamp", message)
    }

    /// The body is not JSON.
    pub(super) fn not_json(line: usize, column: usize) -> Self {
        let message = format!(
            "the body is not JSON (line {line}, column {column}): send it as `application/json`"
        );
        Self::bad_request("hook/not-json", message)
    }

    /// The body is compressed in a way that is not known.
    pub(super) fn unknown_coding() -> Self {
        Self {
            status: 415,
            code: "hook/encoding",
            message: "the body is compressed in a way that is not known here: send it as it is, or with gzip alone"
                .to_owned(),
        }
    }

    /// The body is not compressed as it says.
    pub(super) fn not_gzip() -> Self {
        let message = "the header `Content-Encoding` says gzip, and the body is not that";
        Self::bad_request("hook/not-gzip", message)
    }

    /// The body is too large once inflated.
    pub(super) fn inflated_too_large(limit: Bytes) -> Self {
        Self {
            status: 413,
            code: "hook/too-large",
            message: format!(
                "the body inflates to more than the {limit} that this source takes; raise its `body_limit`"
            ),
        }
    }

    /// None of the providers that the source takes sends such headers.
    pub(super) fn unknown_provider() -> Self {
        Self::unauthorized(
            "hook/unknown-provider",
            "the headers are of no provider that is known here: name the provider of the source, in place of \
             `provider = \"auto\"`",
        )
    }

    /// The source has no secret for the provider whose headers these are.
    pub(super) fn no_secret_for(provider: &str) -> Self {
        let message = format!(
            "the headers are those of {provider}, and this source has no secret for it: add `{provider}` to its \
             `secrets`"
        );
        Self::unauthorized("hook/no-secret", message)
    }

    /// The body is nested too deeply.
    pub(super) fn too_deep(limit: usize) -> Self {
        let message = format!("the body is nested more than {limit} levels deep");
        Self::bad_request("hook/too-deep", message)
    }

    /// Header and body name different kinds of events.
    pub(super) fn contradiction(message: String) -> Self {
        Self::bad_request("hook/contradiction", message)
    }

    /// The address is not in the list.
    pub(super) fn forbidden_address() -> Self {
        Self {
            status: 403,
            code: "hook/forbidden-address",
            message:
                "requests from this address are not accepted: add it to `addresses` of the source"
                    .to_owned(),
        }
    }
}
