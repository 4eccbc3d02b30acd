//! Standard Webhooks, version 1.0.0: <https://github.com/standard-webhooks/standard-webhooks>.
//!
//! `webhook-signature` holds one or more signatures, separated by spaces, each with its scheme before a
//! comma. Only `v1` is known here: HMAC-SHA256 over `{webhook-id}.{webhook-timestamp}.{body}`, in Base64.

use std::fmt;

use http::HeaderMap;

use super::{Algorithm, Encoding, is_recent, mac, same, whole_number};
use crate::domain::clock::Timestamp;
use crate::domain::quantity::Span;
use crate::sources::headers::required;
use crate::sources::provider::{Outgoing, Request};
use crate::sources::rejection::Rejection;

/// The header that names the delivery, the same on every attempt.
pub(in crate::sources) const ID: &str = "webhook-id";
/// The header with the time of the attempt, in seconds since 1970.
pub(in crate::sources) const TIMESTAMP: &str = "webhook-timestamp";
/// The header with the signatures.
pub(in crate::sources) const SIGNATURE: &str = "webhook-signature";
/// What a signing key begins with.
pub(in crate::sources) const KEY_PREFIX: &str = "whsec_";

/// A signing key.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::sources) struct SigningKey(Vec<u8>);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

impl SigningKey {
    /// Reads a key, with or without `whsec_`; none when the rest is not Base64 or empty.
    pub(in crate::sources) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let bytes =
            Encoding::Base64.decode(text.strip_prefix(KEY_PREFIX).unwrap_or(text).as_bytes())?;
        (!bytes.is_empty()).then_some(Self(bytes))
    }

    fn mac(&self, id: &[u8], timestamp: &[u8], body: &[u8]) -> Vec<u8> {
        mac(
            Algorithm::Sha256,
            &self.0,
            &[id, b".", timestamp, b".", body],
        )
    }

    /// The headers of a signed request.
    pub(in crate::sources) fn sign(&self, outgoing: &Outgoing<'_>) -> Vec<(String, String)> {
        let timestamp = outgoing.now.0.div_euclid(1_000).to_string();
        let mac = self.mac(outgoing.id.as_bytes(), timestamp.as_bytes(), outgoing.body);
        let signature = format!("v1,{}", Encoding::Base64.encode(&mac));
        vec![
            (ID.to_owned(), outgoing.id.to_owned()),
            (TIMESTAMP.to_owned(), timestamp),
            (SIGNATURE.to_owned(), signature),
        ]
    }
}

const HINT: &str =
    "send the three headers `webhook-id`, `webhook-timestamp` and `webhook-signature`";

/// Whether the three headers are there, each once and not empty.
pub(in crate::sources) fn check_headers(headers: &HeaderMap) -> Result<(), Rejection> {
    for name in [SIGNATURE, ID, TIMESTAMP] {
        required(headers, name, HINT)?;
    }
    Ok(())
}

/// The name of the key that made one of the signatures.
pub(in crate::sources) fn verify(
    keys: &[(String, SigningKey)],
    request: &Request<'_>,
    tolerance: Span,
) -> Result<String, Rejection> {
    let id = required(request.headers, ID, HINT)?;
    let timestamp = required(request.headers, TIMESTAMP, HINT)?;
    let signatures: Vec<Vec<u8>> = required(request.headers, SIGNATURE, HINT)?
        .split(|byte| *byte == b' ')
        .filter_map(|signature| signature.strip_prefix(b"v1,"))
        .filter_map(|signature| Encoding::Base64.decode(signature))
        .collect();
    let sent_at = whole_number(timestamp).ok_or_else(|| Rejection::bad_timestamp(TIMESTAMP))?;
    let mut matched = None;
    for (name, key) in keys {
        let mac = key.mac(id, timestamp, request.body);
        let matches = signatures
            .iter()
            .fold(false, |found, signature| found | same(&mac, signature));
        if matches && matched.is_none() {
            matched = Some(name.clone());
        }
    }
    let Some(matched) = matched else {
        return Err(Rejection::bad_signature(
            "no `v1` signature in `webhook-signature` matches a signing key of this source: check that both have \
             the same key, and that nothing between them changes the body",
        ));
    };
    if is_recent(
        Timestamp(sent_at.saturating_mul(1_000)),
        request.now,
        tolerance,
    ) {
        Ok(matched)
    } else {
        Err(Rejection::stale(TIMESTAMP))
    }
}
