//! How the requests of a generic source are signed: an HMAC of a text, in a header.
//!
//! Invariants:
//! - What is not signed proves nothing: the body always is, and a time only counts where it is.
//! - The time is looked at after the signature.

use http::HeaderMap;

use super::template::{Part, Template};
use super::{HINT, header};
use crate::domain::clock::Timestamp;
use crate::domain::quantity::Span;
use crate::domain::secret::Secret;
use crate::sources::config::{ConfigProblem, SignatureConfig, TimestampUnit};
use crate::sources::headers::{Headers, required};
use crate::sources::provider::{Outgoing, Request};
use crate::sources::rejection::Rejection;
use crate::sources::signature::{Algorithm, Encoding, is_recent, mac, same, whole_number};

/// How requests are signed.
#[derive(Debug)]
pub(super) struct Scheme {
    header: String,
    prefix: String,
    algorithm: Algorithm,
    encoding: Encoding,
    signed: Template,
    time: Option<Time>,
    unit: TimestampUnit,
    id: Option<String>,
    separator: Option<String>,
    tolerance: Span,
}

/// Where the time of a request stands.
#[derive(Debug)]
enum Time {
    /// In a header of its own.
    Header(String),
    /// In the header of the signature, after this prefix.
    Beside(String),
}

impl Scheme {
    /// Reads a description.
    pub(super) fn build(config: &SignatureConfig, tolerance: Span) -> Result<Self, ConfigProblem> {
        if config.algorithm == Algorithm::Sha1 && !config.allow_sha1 {
            let what = "SHA-1 is weak: write \"sha256\" where the sender can, else add `allow_sha1 = true`";
            return Err(ConfigProblem::new("signature.algorithm", what));
        }
        if config.separator.as_deref() == Some("") {
            let what =
                "is empty: write what stands between two signatures, such as \",\", or remove it";
            return Err(ConfigProblem::new("signature.separator", what));
        }
        let signed = Template::parse(&config.signed)
            .map_err(|what| ConfigProblem::new("signature.signed", what))?;
        let time = Time::build(config)?;
        if signed.has_timestamp() != time.is_some() {
            let what = "belongs to `{timestamp}` in `signed`: give both or neither, because a time that is not \
                        signed proves nothing";
            let key = match time {
                Some(Time::Beside(_)) => "signature.timestamp_prefix",
                Some(Time::Header(_)) | None => "signature.timestamp_header",
            };
            return Err(ConfigProblem::new(key, what));
        }
        let id = optional("signature.id_header", config.id_header.as_deref())?;
        if signed.has_id() && id.is_none() {
            let what = "is missing: `signed` has `{id}`, so name the header that carries it";
            return Err(ConfigProblem::new("signature.id_header", what));
        }
        Ok(Self {
            header: header("signature.header", &config.header)?,
            prefix: config.prefix.clone().unwrap_or_default(),
            algorithm: config.algorithm,
            encoding: config.encoding,
            signed,
            time,
            unit: config.timestamp_unit,
            id,
            separator: config.separator.clone(),
            tolerance,
        })
    }

    /// The lower-case name of the header that carries the signature.
    pub(super) fn header(&self) -> &str {
        &self.header
    }

    /// The lower-case name of the header that names the delivery.
    pub(super) fn id_header(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether the signature covers the header that names the delivery.
    pub(super) fn covers_id(&self) -> bool {
        self.signed.has_id()
    }

    /// The time that the signature covers, as it was sent, and how far it may be from the present.
    pub(super) fn signed_time<'a>(&self, headers: Headers<'a>) -> Option<(&'a str, Span)> {
        let time = match self.time.as_ref()? {
            Time::Header(name) => headers.text(name),
            Time::Beside(prefix) => self.only(headers.text(&self.header)?, prefix),
        };
        Some((time?, self.tolerance))
    }

    /// Whether the headers that the verification needs are there, each once and not empty.
    pub(super) fn check_headers(&self, headers: &HeaderMap) -> Result<(), Rejection> {
        let time = self.time.iter().filter_map(|time| match time {
            Time::Header(name) => Some(name.as_str()),
            Time::Beside(_) => None,
        });
        let id = self.id_header().filter(|_| self.signed.has_id());
        let needed = [self.header.as_str()]
            .into_iter()
            .chain(time)
            .chain(id)
            .chain(self.signed.headers());
        for name in needed {
            required(headers, name, HINT)?;
        }
        Ok(())
    }

    /// The name of the secret that signed a request.
    pub(super) fn authenticate(
        &self,
        secrets: &[(String, Secret)],
        request: &Request<'_>,
    ) -> Result<String, Rejection> {
        let bad = || {
            Rejection::bad_signature(
                "the signature matches no secret of this source: check that both have the same secret, and that \
                 nothing between them changes the body",
            )
        };
        let sent = required(request.headers, &self.header, HINT)?;
        let sent = std::str::from_utf8(sent).map_err(|_| bad())?;
        let time = self.time_sent(sent, request.headers)?;
        let signatures = self.signatures(sent);
        let value = |name: &str| {
            let value = request.headers.get(name);
            value.map(http::HeaderValue::as_bytes).unwrap_or_default()
        };
        if let Some(name) = self.signed.ambiguous(self.id.as_deref(), &value) {
            return Err(Rejection::bad_signature(&format!(
                "the header `{name}` holds what ends it in the text that is signed, so that the signature would fit \
                 several requests"
            )));
        }
        let mut matched = None;
        for (name, secret) in secrets {
            let mac = self.mac(secret, time, &value, request.body);
            let matches = signatures
                .iter()
                .fold(false, |found, signature| found | same(&mac, signature));
            if matches && matched.is_none() {
                matched = Some(name.clone());
            }
        }
        let matched = matched.ok_or_else(bad)?;
        if self.time.is_some() {
            self.check_time(time, request.now)?;
        }
        Ok(matched)
    }

    /// The time as it was sent; empty where none is signed.
    fn time_sent<'a>(&self, sent: &'a str, headers: &'a HeaderMap) -> Result<&'a [u8], Rejection> {
        match &self.time {
            None => Ok(&[]),
            Some(Time::Header(name)) => required(headers, name, HINT),
            Some(Time::Beside(prefix)) => {
                self.only(sent, prefix).map(str::as_bytes).ok_or_else(|| {
                    Rejection::bad_signature(&format!(
                        "the header `{}` has no time, or more than one: {HINT}",
                        self.header
                    ))
                })
            }
        }
    }

    /// Whether the time of a request is within the tolerance.
    fn check_time(&self, sent: &[u8], now: Timestamp) -> Result<(), Rejection> {
        let name = match &self.time {
            Some(Time::Header(name)) => name,
            Some(Time::Beside(_)) | None => &self.header,
        };
        let number =
            whole_number(sent.trim_ascii()).ok_or_else(|| Rejection::bad_timestamp(name))?;
        let millis = match self.unit {
            TimestampUnit::Seconds => number.saturating_mul(1_000),
            TimestampUnit::Milliseconds => number,
        };
        if is_recent(Timestamp(millis), now, self.tolerance) {
            Ok(())
        } else {
            Err(Rejection::stale(name))
        }
    }

    /// What stands between the separators of the signature's header.
    fn entries<'a>(&self, sent: &'a str) -> impl Iterator<Item = &'a str> {
        let parts: Vec<&str> = match &self.separator {
            Some(separator) => sent.split(separator.as_str()).collect(),
            None => vec![sent],
        };
        parts.into_iter().map(str::trim)
    }

    /// The one entry with this prefix.
    fn only<'a>(&self, sent: &'a str, prefix: &str) -> Option<&'a str> {
        let mut found = self
            .entries(sent)
            .filter_map(|entry| entry.strip_prefix(prefix));
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    /// The bytes of the signatures in the header.
    fn signatures(&self, sent: &str) -> Vec<Vec<u8>> {
        self.entries(sent)
            .map(|entry| entry.strip_prefix(&self.prefix).unwrap_or(entry))
            .filter_map(|entry| self.encoding.decode(entry.as_bytes()))
            .collect()
    }

    /// The HMAC of a request whose headers `value` gives by name.
    fn mac<'a>(
        &'a self,
        secret: &Secret,
        time: &'a [u8],
        value: &dyn Fn(&str) -> &'a [u8],
        body: &'a [u8],
    ) -> Vec<u8> {
        let parts: Vec<&[u8]> = self
            .signed
            .parts()
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.as_bytes(),
                Part::Body => body,
                Part::Timestamp => time,
                Part::Id => self.id.as_deref().map(value).unwrap_or_default(),
                Part::Header(name) => value(name),
            })
            .collect();
        mac(self.algorithm, secret.expose().as_bytes(), &parts)
    }

    /// Adds the headers with which a request is signed; a signature only where there is a secret.
    pub(super) fn sign(
        &self,
        secret: Option<&Secret>,
        outgoing: &Outgoing<'_>,
        headers: &mut Vec<(String, String)>,
    ) {
        headers.extend(self.id.clone().map(|name| (name, outgoing.id.to_owned())));
        let time = match self.unit {
            TimestampUnit::Seconds => outgoing.now.0.div_euclid(1_000),
            TimestampUnit::Milliseconds => outgoing.now.0,
        };
        let time = time.to_string();
        if let Some(Time::Header(name)) = &self.time {
            headers.push((name.clone(), time.clone()));
        }
        // A header that is signed and of which nothing is known is sent with a text that is not empty.
        for name in self.signed.headers() {
            if !headers.iter().any(|(known, _)| known == name) {
                headers.push((name.to_owned(), outgoing.id.to_owned()));
            }
        }
        let Some(secret) = secret else {
            return;
        };
        let value = |name: &str| {
            let header = headers.iter().find(|(known, _)| known == name);
            header
                .map(|(_, value)| value.as_bytes())
                .unwrap_or_default()
        };
        let mac = self.mac(secret, time.as_bytes(), &value, outgoing.body);
        let mut signature = format!("{}{}", self.prefix, self.encoding.encode(&mac));
        if let Some(Time::Beside(prefix)) = &self.time {
            let separator = self.separator.as_deref().unwrap_or_default();
            signature = format!("{prefix}{time}{separator}{signature}");
        }
        headers.push((self.header.clone(), signature));
    }
}

impl Time {
    fn build(config: &SignatureConfig) -> Result<Option<Self>, ConfigProblem> {
        let own = optional(
            "signature.timestamp_header",
            config.timestamp_header.as_deref(),
        )?;
        let Some(prefix) = config.timestamp_prefix.as_deref() else {
            return Ok(own.map(Self::Header));
        };
        let problem = |what: &str| Err(ConfigProblem::new("signature.timestamp_prefix", what));
        if own.is_some() {
            return problem(
                "is given beside `timestamp_header`: the time stands in one place, so remove one",
            );
        }
        if prefix.is_empty() {
            return problem("is empty: write what stands before the time, such as \"t=\"");
        }
        if config.prefix.as_deref() == Some(prefix) {
            return problem("is the same as `prefix`, which stands before the signature");
        }
        if config.separator.is_none() {
            return problem(
                "needs `separator`: say what stands between the time and the signature, such as \",\"",
            );
        }
        Ok(Some(Self::Beside(prefix.to_owned())))
    }
}

fn optional(key: &str, name: Option<&str>) -> Result<Option<String>, ConfigProblem> {
    name.map(|name| header(key, name)).transpose()
}
