//! Standard Webhooks, version 1.0.0: <https://github.com/standard-webhooks/standard-webhooks>.
//!
//! `webhook-signature` holds one or more signatures, separated by spaces, each with its scheme before a
//! comma, in Base64: `v1` is HMAC-SHA256 over `{webhook-id}.{webhook-timestamp}.{body}`, `v1a` Ed25519 over the
//! same. Which of them counts is the key's affair: each knows one scheme, and one match is enough.

use std::fmt;

use http::HeaderMap;

use super::asymmetric::AsymmetricKey;
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

/// How many `v1a` signatures of a request are looked at. Each costs a hash of the whole body for each key, and
/// whoever sends the request chooses how many there are; an honest sender has one, and two while a key takes the
/// place of another.
const MAX_ASYMMETRIC: usize = 8;

/// The signatures of a request, by their schemes.
#[derive(Debug, Default)]
pub(in crate::sources) struct Signatures {
    shared: Vec<Vec<u8>>,
    asymmetric: Vec<Vec<u8>>,
}

impl Signatures {
    /// Reads the header; what is of another scheme, or is not Base64, is left out.
    fn read(header: &[u8]) -> Self {
        let mut signatures = Self::default();
        for entry in header.split(|byte| *byte == b' ') {
            let (list, most, text) = if let Some(text) = entry.strip_prefix(b"v1,") {
                (&mut signatures.shared, usize::MAX, text)
            } else if let Some(text) = entry.strip_prefix(b"v1a,") {
                (&mut signatures.asymmetric, MAX_ASYMMETRIC, text)
            } else {
                continue;
            };
            if let Some(signature) = Encoding::Base64.decode(text)
                && list.len() < most
            {
                list.push(signature);
            }
        }
        signatures
    }
}

/// A key that can tell its own signatures.
pub(in crate::sources) trait Verify {
    /// Whether it made one of the signatures of these parts, one after another.
    fn made_one_of(&self, signatures: &Signatures, signed: &[&[u8]]) -> bool;
}

impl Verify for SigningKey {
    fn made_one_of(&self, signatures: &Signatures, signed: &[&[u8]]) -> bool {
        let mac = mac(Algorithm::Sha256, &self.0, signed);
        signatures
            .shared
            .iter()
            .fold(false, |found, signature| found | same(&mac, signature))
    }
}

/// A key of either scheme.
#[derive(Debug)]
pub(in crate::sources) enum Key {
    /// Of `v1`: both sides have it.
    Shared(SigningKey),
    /// Of `v1a`.
    Asymmetric(AsymmetricKey),
}

impl Key {
    /// Reads a key; what does not say that it is asymmetric is shared. The error is a sentence for the operator.
    pub(in crate::sources) fn parse(text: &str) -> Result<Self, &'static str> {
        if AsymmetricKey::is_named_by(text) {
            return AsymmetricKey::parse(text).map(Self::Asymmetric);
        }
        SigningKey::parse(text).map(Self::Shared).ok_or(
            "is not a key: write `whsec_` (or `whpk_`, for the public key of a sender that signs with a private one) \
             and the key's bytes in Base64, as the sender shows it",
        )
    }

    /// The headers of a signed request; none where only the public half of the key is known.
    pub(in crate::sources) fn sign(
        &self,
        outgoing: &Outgoing<'_>,
    ) -> Option<Vec<(String, String)>> {
        match self {
            Self::Shared(key) => Some(key.sign(outgoing)),
            Self::Asymmetric(key) => {
                let timestamp = seconds(outgoing);
                let parts = signed(outgoing.id.as_bytes(), timestamp.as_bytes(), outgoing.body);
                let signature = Encoding::Base64.encode(&key.sign(&parts.concat())?);
                Some(headers(outgoing, timestamp, format!("v1a,{signature}")))
            }
        }
    }
}

impl Verify for Key {
    fn made_one_of(&self, signatures: &Signatures, signed: &[&[u8]]) -> bool {
        match self {
            Self::Shared(key) => key.made_one_of(signatures, signed),
            Self::Asymmetric(_) if signatures.asymmetric.is_empty() => false,
            // Nothing secret is compared, so the first match may end it.
            Self::Asymmetric(key) => {
                let signed = signed.concat();
                let mut signatures = signatures.asymmetric.iter();
                signatures.any(|signature| key.made(signature, &signed))
            }
        }
    }
}

/// What is signed.
fn signed<'a>(id: &'a [u8], timestamp: &'a [u8], body: &'a [u8]) -> [&'a [u8]; 5] {
    [id, b".", timestamp, b".", body]
}

/// The time of a request to be sent.
fn seconds(outgoing: &Outgoing<'_>) -> String {
    outgoing.now.0.div_euclid(1_000).to_string()
}

/// The three headers.
fn headers(outgoing: &Outgoing<'_>, timestamp: String, signature: String) -> Vec<(String, String)> {
    vec![
        (ID.to_owned(), outgoing.id.to_owned()),
        (TIMESTAMP.to_owned(), timestamp),
        (SIGNATURE.to_owned(), signature),
    ]
}

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

    /// The headers of a signed request.
    pub(in crate::sources) fn sign(&self, outgoing: &Outgoing<'_>) -> Vec<(String, String)> {
        let timestamp = seconds(outgoing);
        let parts = signed(outgoing.id.as_bytes(), timestamp.as_bytes(), outgoing.body);
        let mac = mac(Algorithm::Sha256, &self.0, &parts);
        let signature = format!("v1,{}", Encoding::Base64.encode(&mac));
        headers(outgoing, timestamp, signature)
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
pub(in crate::sources) fn verify<K: Verify>(
    keys: &[(String, K)],
    request: &Request<'_>,
    tolerance: Span,
) -> Result<String, Rejection> {
    let id = required(request.headers, ID, HINT)?;
    if id.contains(&b'.') {
        // It ends at the first `.` of the signed text: with another in it, one signature would fit several requests.
        return Err(Rejection::bad_signature(
            "the header `webhook-id` has a `.`, which is what ends it in the text that is signed",
        ));
    }
    let timestamp = required(request.headers, TIMESTAMP, HINT)?;
    let signatures = Signatures::read(required(request.headers, SIGNATURE, HINT)?);
    let sent_at = whole_number(timestamp).ok_or_else(|| Rejection::bad_timestamp(TIMESTAMP))?;
    let parts = signed(id, timestamp, request.body);
    let mut matched = None;
    for (name, key) in keys {
        if key.made_one_of(&signatures, &parts) && matched.is_none() {
            matched = Some(name.clone());
        }
    }
    let Some(matched) = matched else {
        return Err(Rejection::bad_signature(
            "no signature in `webhook-signature` matches a key of this source: check that the key is the sender's, and \
             that nothing between them changes the body",
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
