//! Any sender that signs its requests with an HMAC, described in `[sources.<name>.signature]`.
//!
//! What such a sender tells is its own affair, so every event is `other`, and rules read the payload.

mod template;
#[cfg(test)]
mod tests;

use std::time::Duration;

use http::{HeaderMap, HeaderName};
use serde_json::Value;

use self::template::{Part, Template};
use super::{
    BODY_COUNTS, Draft, Facts, ID_COUNTS, Kind, Outgoing, Provider, Request, Setup, body_key,
    id_key,
};
use crate::domain::clock::Timestamp;
use crate::domain::event::Subject;
use crate::domain::quantity::Span;
use crate::domain::secret::Secret;
use crate::sources::config::{ConfigProblem, SignatureConfig, TimestampUnit};
use crate::sources::headers::{Headers, required};
use crate::sources::rejection::Rejection;
use crate::sources::signature::{Algorithm, Encoding, is_recent, mac, same, whole_number};

/// The generic source's line in the list of providers.
pub(super) const KIND: Kind = Kind {
    name: NAME,
    build,
    // Its requests have no header that is theirs alone.
    detect: |_| false,
    samples: &[],
};

const NAME: &str = "generic";
const HINT: &str = "send it as the description of the source says";

#[derive(Debug)]
struct Generic {
    event_header: Option<String>,
    scheme: Option<Scheme>,
    secrets: Vec<(String, Secret)>,
    credentials: Vec<String>,
}

/// How requests are signed.
#[derive(Debug)]
struct Scheme {
    header: String,
    prefix: String,
    algorithm: Algorithm,
    encoding: Encoding,
    signed: Template,
    time: Option<(String, TimestampUnit)>,
    id: Option<String>,
    separator: Option<String>,
    tolerance: Span,
}

fn build(setup: Setup<'_>) -> Result<Box<dyn Provider>, ConfigProblem> {
    let scheme = match &setup.config.signature {
        Some(config) => Some(Scheme::build(config, setup.config.tolerance()?)?),
        None if setup.secrets.is_empty() => None,
        None => {
            let what = "is missing: say how the requests are signed, such as `[sources.<name>.signature]` with \
                        `header = \"X-Hub-Signature-256\"`, `prefix = \"sha256=\"` and `algorithm = \"sha256\"`";
            return Err(ConfigProblem::new("signature", what));
        }
    };
    let event_header = setup
        .config
        .event_header
        .as_deref()
        .map(|name| header("event_header", name))
        .transpose()?;
    let secrets = setup
        .secrets
        .into_iter()
        .map(|secret| (secret.name, secret.value));
    Ok(Box::new(Generic {
        event_header,
        credentials: scheme.iter().map(|scheme| scheme.header.clone()).collect(),
        scheme,
        secrets: secrets.collect(),
    }))
}

/// The name of a header in lower case.
fn header(key: &str, name: &str) -> Result<String, ConfigProblem> {
    match HeaderName::try_from(name) {
        Ok(name) => Ok(name.as_str().to_owned()),
        Err(_) => {
            let what = format!("`{}` is not the name of a header", name.escape_debug());
            Err(ConfigProblem::new(key, what))
        }
    }
}

impl Scheme {
    fn build(config: &SignatureConfig, tolerance: Span) -> Result<Self, ConfigProblem> {
        if config.algorithm == Algorithm::Sha1 && !config.allow_sha1 {
            let what = "SHA-1 is weak: write \"sha256\" where the sender can, else add `allow_sha1 = true`";
            return Err(ConfigProblem::new("signature.algorithm", what));
        }
        let signed = Template::parse(&config.signed)
            .map_err(|what| ConfigProblem::new("signature.signed", what))?;
        let optional = |key: &str, name: &Option<String>| {
            name.as_deref()
                .map(|name| header(&format!("signature.{key}"), name))
                .transpose()
        };
        let time = optional("timestamp_header", &config.timestamp_header)?;
        let id = optional("id_header", &config.id_header)?;
        if signed.has_timestamp() != time.is_some() {
            let what = "belongs to `{timestamp}` in `signed`: give both or neither, because a time that is not \
                        signed proves nothing";
            return Err(ConfigProblem::new("signature.timestamp_header", what));
        }
        if signed.has_id() && id.is_none() {
            let what = "is missing: `signed` has `{id}`, so name the header that carries it";
            return Err(ConfigProblem::new("signature.id_header", what));
        }
        if config.separator.as_deref() == Some("") {
            let what =
                "is empty: write what stands between two signatures, such as \",\", or remove it";
            return Err(ConfigProblem::new("signature.separator", what));
        }
        Ok(Self {
            header: header("signature.header", &config.header)?,
            prefix: config.prefix.clone().unwrap_or_default(),
            algorithm: config.algorithm,
            encoding: config.encoding,
            signed,
            time: time.map(|time| (time, config.timestamp_unit)),
            id,
            separator: config.separator.clone(),
            tolerance,
        })
    }

    /// The headers that the verification needs, the signature's first.
    fn needed(&self) -> impl Iterator<Item = &str> {
        let time = self.time.iter().map(|(name, _)| name.as_str());
        let id = self.id.as_deref().filter(|_| self.signed.has_id());
        [self.header.as_str()]
            .into_iter()
            .chain(time)
            .chain(id)
            .chain(self.signed.headers())
    }

    /// The bytes of the signatures in the header.
    fn signatures(&self, sent: &str) -> Vec<Vec<u8>> {
        let parts = match &self.separator {
            Some(separator) => sent.split(separator.as_str()).collect(),
            None => vec![sent],
        };
        parts
            .into_iter()
            .map(str::trim)
            .map(|part| part.strip_prefix(&self.prefix).unwrap_or(part))
            .filter_map(|part| self.encoding.decode(part.as_bytes()))
            .collect()
    }

    /// Whether the time of a request is within the tolerance.
    fn check_time(&self, request: &Request<'_>) -> Result<(), Rejection> {
        let Some((name, unit)) = &self.time else {
            return Ok(());
        };
        let sent = required(request.headers, name, HINT)?;
        let number =
            whole_number(sent.trim_ascii()).ok_or_else(|| Rejection::bad_timestamp(name))?;
        let millis = match unit {
            TimestampUnit::Seconds => number.saturating_mul(1_000),
            TimestampUnit::Milliseconds => number,
        };
        if is_recent(Timestamp(millis), request.now, self.tolerance) {
            Ok(())
        } else {
            Err(Rejection::stale(name))
        }
    }

    /// The HMAC of a request whose headers `value` gives by name.
    fn mac<'a>(
        &'a self,
        secret: &Secret,
        value: &dyn Fn(&str) -> &'a [u8],
        body: &'a [u8],
    ) -> Vec<u8> {
        let header = |name: Option<&str>| name.map(value).unwrap_or_default();
        let parts: Vec<&[u8]> = self
            .signed
            .parts()
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.as_bytes(),
                Part::Body => body,
                Part::Timestamp => header(self.time.as_ref().map(|(name, _)| name.as_str())),
                Part::Id => header(self.id.as_deref()),
                Part::Header(name) => value(name),
            })
            .collect();
        mac(self.algorithm, secret.expose().as_bytes(), &parts)
    }
}

impl Provider for Generic {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Rejection> {
        for name in self.scheme.iter().flat_map(Scheme::needed) {
            required(headers, name, HINT)?;
        }
        Ok(())
    }

    fn authenticate(&self, request: &Request<'_>) -> Result<String, Rejection> {
        let bad = || {
            Rejection::bad_signature(
                "the signature matches no secret of this source: check that both have the same secret, and that \
                 nothing between them changes the body",
            )
        };
        let scheme = self.scheme.as_ref().ok_or_else(bad)?;
        let sent = required(request.headers, &scheme.header, HINT)?;
        let signatures = scheme.signatures(std::str::from_utf8(sent).map_err(|_| bad())?);
        let value = |name: &str| {
            request
                .headers
                .get(name)
                .map(http::HeaderValue::as_bytes)
                .unwrap_or_default()
        };
        let mut matched = None;
        for (name, secret) in &self.secrets {
            let mac = scheme.mac(secret, &value, request.body);
            let matches = signatures
                .iter()
                .fold(false, |found, signature| found | same(&mac, signature));
            if matches && matched.is_none() {
                matched = Some(name.clone());
            }
        }
        let matched = matched.ok_or_else(bad)?;
        scheme.check_time(request)?;
        Ok(matched)
    }

    fn contradiction(&self, _: Headers<'_>, _: &Value) -> Option<String> {
        None
    }

    fn facts(&self, headers: Headers<'_>, _: Option<&Value>) -> Facts {
        let text = |name: &String| headers.text(name).map(str::to_owned);
        Facts {
            event: self.event_header.as_ref().and_then(text),
            delivery: self
                .scheme
                .as_ref()
                .and_then(|scheme| scheme.id.as_ref())
                .and_then(text),
            ..Facts::default()
        }
    }

    fn keys(
        &self,
        headers: Headers<'_>,
        _: Option<&Value>,
        body: &[u8],
    ) -> Vec<(String, Duration)> {
        let scheme = self.scheme.as_ref();
        let id = scheme.and_then(|scheme| headers.text(scheme.id.as_deref()?));
        // Where the signature covers neither, whoever has seen a request can send it again under a new
        // identifier: then the body is known for as long as the identifier is.
        let is_covered =
            scheme.is_some_and(|scheme| scheme.signed.has_id() || scheme.signed.has_timestamp());
        match id {
            Some(id) if is_covered => vec![id_key(id)],
            Some(id) => vec![id_key(id), body_key(body, ID_COUNTS)],
            None => vec![body_key(body, BODY_COUNTS)],
        }
    }

    fn credential_headers(&self) -> &[String] {
        &self.credentials
    }

    fn parse(&self, headers: Headers<'_>, _: &Value) -> Vec<Draft> {
        let event = self
            .event_header
            .as_ref()
            .and_then(|name| headers.text(name));
        vec![Draft {
            provider_event: event.unwrap_or_default().to_owned(),
            ..Draft::about(Subject::Other)
        }]
    }

    fn sign(&self, outgoing: &Outgoing<'_>) -> Vec<(String, String)> {
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        headers.extend(
            self.event_header
                .clone()
                .map(|name| (name, outgoing.event.to_owned())),
        );
        let Some(scheme) = &self.scheme else {
            return headers;
        };
        headers.extend(scheme.id.clone().map(|name| (name, outgoing.id.to_owned())));
        if let Some((name, unit)) = &scheme.time {
            let time = match unit {
                TimestampUnit::Seconds => outgoing.now.0.div_euclid(1_000),
                TimestampUnit::Milliseconds => outgoing.now.0,
            };
            headers.push((name.clone(), time.to_string()));
        }
        // A header that is signed and of which nothing is known is sent with a text that is not empty.
        for name in scheme.signed.headers() {
            if !headers.iter().any(|(known, _)| known == name) {
                headers.push((name.to_owned(), outgoing.id.to_owned()));
            }
        }
        if let Some((_, secret)) = self.secrets.first() {
            let value = |name: &str| {
                let header = headers.iter().find(|(known, _)| known == name);
                header
                    .map(|(_, value)| value.as_bytes())
                    .unwrap_or_default()
            };
            let mac = scheme.mac(secret, &value, outgoing.body);
            let signature = format!("{}{}", scheme.prefix, scheme.encoding.encode(&mac));
            headers.push((scheme.header.clone(), signature));
        }
        headers
    }
}
