//! The signature that most providers send: an HMAC-SHA256 in hexadecimal digits, in one header.
//!
//! Most sign the body alone; some put a time or a word before it, which they hand over as parts.

use http::HeaderMap;

use super::{Algorithm, Encoding, mac, same};
use crate::domain::secret::Secret;
use crate::sources::config::NamedSecret;
use crate::sources::headers::required;
use crate::sources::rejection::Rejection;

/// Where a provider's signature stands, and the secrets it is made with.
#[derive(Debug)]
pub(in crate::sources) struct BodySignature {
    header: &'static str,
    prefix: &'static str,
    hint: &'static str,
    secrets: Vec<(String, Secret)>,
}

impl BodySignature {
    /// A signature in a header, given by its lower-case name, after a prefix such as `sha256=`. The hint
    /// tells the sender what to do where it is missing.
    pub(in crate::sources) fn new(
        header: &'static str,
        prefix: &'static str,
        hint: &'static str,
        secrets: Vec<NamedSecret>,
    ) -> Self {
        let secrets = secrets
            .into_iter()
            .map(|secret| (secret.name, secret.value))
            .collect();
        Self {
            header,
            prefix,
            hint,
            secrets,
        }
    }

    /// Whether the header is there, once and not empty.
    pub(in crate::sources) fn check_headers(&self, headers: &HeaderMap) -> Result<(), Rejection> {
        required(headers, self.header, self.hint).map(|_| ())
    }

    /// The name of the secret that signed these parts, one after another.
    pub(in crate::sources) fn authenticate(
        &self,
        headers: &HeaderMap,
        signed: &[&[u8]],
    ) -> Result<String, Rejection> {
        let sent = required(headers, self.header, self.hint)?.trim_ascii();
        let signature = sent
            .strip_prefix(self.prefix.as_bytes())
            .and_then(|digits| Encoding::Hex.decode(digits));
        let mut matched = None;
        for (name, secret) in &self.secrets {
            let expected = mac(Algorithm::Sha256, secret.expose().as_bytes(), signed);
            let is_same = signature
                .as_deref()
                .is_some_and(|signature| same(&expected, signature));
            if is_same && matched.is_none() {
                matched = Some(name.clone());
            }
        }
        matched.ok_or_else(|| {
            Rejection::bad_signature(&format!(
                "the signature in `{}` matches no secret of this source: check that both have the same secret, and \
                 that nothing between them changes the body",
                self.header
            ))
        })
    }

    /// The header with the signature of these parts, by the first secret; none without one.
    pub(in crate::sources) fn sign(&self, signed: &[&[u8]]) -> Option<(String, String)> {
        let (_, secret) = self.secrets.first()?;
        let mac = mac(Algorithm::Sha256, secret.expose().as_bytes(), signed);
        let value = format!("{}{}", self.prefix, Encoding::Hex.encode(&mac));
        Some((self.header.to_owned(), value))
    }
}
