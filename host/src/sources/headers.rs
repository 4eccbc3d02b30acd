//! Reading headers: of a request, and of a stored delivery.
//!
//! Providers read both through [`Headers`]; what verifies a request goes through [`required`], which
//! refuses a header that is there twice, so that no two readers of a request can take different ones.

use http::HeaderMap;

use super::rejection::Rejection;

/// Headers that carry credentials whoever the provider is: never stored, shown, or given to a rule. Those of every
/// provider are here, because a source may be sent the requests of another, and one provider the headers of several.
const CREDENTIALS: [&str; 19] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "sentry-hook-signature",
    "set-cookie",
    "webhook-signature",
    "x-api-key",
    "x-auth-token",
    "x-forgejo-signature",
    "x-gitea-signature",
    "x-gitee-token",
    "x-gitlab-token",
    "x-gogs-signature",
    "x-grafana-alert-signature",
    "x-grafana-alerting-signature",
    "x-hub-signature",
    "x-hub-signature-256",
    "x-nextcloud-talk-signature",
    "x-slack-signature",
];

/// The headers of a request or of a stored delivery.
#[derive(Debug, Clone, Copy)]
pub(super) enum Headers<'a> {
    /// Of a request, with names in any case.
    Request(&'a HeaderMap),
    /// Of a stored delivery, with lower-case names.
    Stored(&'a [(String, String)]),
}

impl<'a> Headers<'a> {
    /// The first value of a header, given by its lower-case name; none when it is empty or no text.
    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        let value = match self {
            Headers::Request(headers) => std::str::from_utf8(headers.get(name)?.as_bytes()).ok()?,
            Headers::Stored(headers) => headers.iter().find(|(key, _)| key == name)?.1.as_str(),
        };
        let value = value.trim();
        (!value.is_empty()).then_some(value)
    }

    /// All headers but those that carry credentials.
    pub(super) fn without_credentials(self, more: &[String]) -> Vec<(String, String)> {
        let is_credential = |name: &str| {
            CREDENTIALS.contains(&name)
                || more
                    .iter()
                    .any(|credential| credential.eq_ignore_ascii_case(name))
        };
        match self {
            Headers::Request(headers) => headers
                .iter()
                .filter(|(name, _)| !is_credential(name.as_str()))
                .map(|(name, value)| {
                    let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                    (name.as_str().to_owned(), value)
                })
                .collect(),
            Headers::Stored(headers) => headers
                .iter()
                .filter(|(name, _)| !is_credential(name))
                .cloned()
                .collect(),
        }
    }
}

/// The value of a header that the verification needs.
///
/// # Errors
/// With status 401 when it is missing, empty, or there more than once; the hint says what to do.
pub(super) fn required<'a>(
    headers: &'a HeaderMap,
    name: &str,
    hint: &str,
) -> Result<&'a [u8], Rejection> {
    let mut values = headers.get_all(name).iter();
    let value = values
        .next()
        .ok_or_else(|| Rejection::missing(name, hint))?
        .as_bytes();
    if values.next().is_some() {
        return Err(Rejection::repeated(name));
    }
    if value.trim_ascii().is_empty() {
        return Err(Rejection::empty(name, hint));
    }
    Ok(value)
}
