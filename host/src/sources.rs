//! Where deliveries come from: who may send them, and what they say.
//!
//! The HTTP layer builds one [`Source`] for each table under `[sources]`, asks it about every request
//! before and after the body is read, and stores what it gives back. The worker later hands the stored
//! headers and body to [`Source::parse`]. What is special about a provider lies in one file each, in
//! `sources/provider/`.
//!
//! Invariants:
//! - Nothing is accepted without a matching secret, unless `verify = "none"` is written out.
//! - A secret is compared in constant time, on the bytes as received, before anything is parsed.
//! - No message to a sender holds a secret or an expected value.
//! - Parsing never fails: what cannot be read is one event about `other`, with a note.

mod address;
mod auto;
mod body;
mod config;
#[cfg(test)]
mod corpus;
mod expect;
pub mod folder;
mod headers;
mod inside;
mod json;
#[cfg(test)]
mod mutations;
mod provider;
mod redact;
mod rejection;
pub mod samples;
pub mod schedule;
mod sending;
mod signature;
mod summary;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

pub use address::AddressRange;
pub use config::{
    ExpectConfig, ProjectRef, SignatureConfig, SourceConfig, SourceConfigError, TimestampUnit,
    VerifyMode,
};
use http::HeaderMap;
pub use inside::{Inside, InsideSummary};
pub use rejection::Rejection;
pub use sending::{ToSign, signed_headers};
use serde_json::Value;
pub use signature::{Algorithm, Encoding};
pub use summary::{SourceSummary, Verification};

use self::auto::Takers;
use self::body::Forms;
use self::expect::Expect;
use self::headers::Headers;
use self::provider::{Draft, Request};
pub use self::provider::{Facts, Outgoing};
use crate::domain::clock::Timestamp;
use crate::domain::event::Event;
use crate::domain::names::{DeliveryId, SourceName};
use crate::domain::quantity::Bytes;
use crate::domain::secret::ReadSecret;

/// How many events one delivery may hold; the rest is counted.
const MAX_EVENTS: usize = 1_000;

/// How long a text of a refusal may be: enough for a name, too little to fill the record.
const MAX_GLANCE: usize = 200;

/// How large a body may be that is read for the record of a refusal alone: its sender is not known, and
/// reading takes many times its size in memory.
const MAX_GLANCE_BODY: usize = 256 << 10;

/// Whether the requests of a source are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    /// Every request needs a matching secret.
    Checked,
    /// The operator wrote `verify = "none"`.
    Open,
    /// No secret is configured: every request is refused.
    Closed,
}

/// One configured source.
#[derive(Debug)]
pub struct Source {
    name: SourceName,
    gate: Gate,
    /// The names of its secrets.
    secrets: Vec<String>,
    takers: Takers,
    expect: Expect,
    addresses: Vec<AddressRange>,
    address_texts: Vec<String>,
    body_limit: Bytes,
}

/// What becomes of a request whose sender is known.
#[derive(Debug)]
pub enum Verdict<'a> {
    /// It is stored.
    Accept(Verified<'a>),
    /// It asks whether somebody is there, and is answered with this text; it is not stored.
    Answer(String),
    /// It is answered `200 {"ignored": reason}` and recorded as a refusal.
    Ignore {
        /// `unexpected-project`, `unexpected-event` or `unexpected-instance`.
        reason: &'static str,
        /// What was not expected, for the operator.
        message: String,
    },
}

/// A verified request, as it may be stored.
#[derive(Clone)]
pub struct Verified<'a> {
    /// The provider that took it.
    pub provider: &'static str,
    /// Whether the answer is to be `200` and nothing.
    pub plain_answer: bool,
    /// The name of the secret that matched; none where nothing is verified.
    pub secret: Option<String>,
    /// The texts that name the delivery, beginning with `id:` or `body:`, and for how long each counts.
    pub keys: Vec<(String, Duration)>,
    /// The headers with lower-case names, without those that carry credentials.
    pub headers: Vec<(String, String)>,
    /// The JSON of the body: byte for byte as received, except that it was inflated, taken out of a form, and
    /// that the values of secrets in it are replaced.
    pub body: Cow<'a, [u8]>,
}

impl fmt::Debug for Verified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("secret", &self.secret)
            .field("keys", &self.keys)
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// What the record of a refusal can say about a request. None of it is verified.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Glance {
    /// The provider's event header.
    pub event: Option<String>,
    /// The provider's name for the delivery.
    pub delivery: Option<String>,
    /// The project, where the body was read.
    pub project: Option<String>,
}

/// A stored delivery on its way to become events.
#[derive(Debug, Clone, Copy)]
pub struct ParseInput<'a> {
    /// The delivery's identifier, from which those of the events are made.
    pub delivery: &'a DeliveryId,
    /// The source that received it.
    pub source: &'a SourceName,
    /// The provider that took it.
    pub provider: &'a str,
    /// When it was accepted.
    pub received_at: Timestamp,
    /// The same instant as RFC 3339 text in the operator's time zone.
    pub received_local: &'a str,
    /// The stored headers, with lower-case names.
    pub headers: &'a [(String, String)],
    /// The stored body.
    pub body: &'a [u8],
}

/// What a delivery says.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// Its events; never empty.
    pub events: Vec<Event>,
    /// How many more it held than one delivery may.
    pub left_out: u64,
}

impl Source {
    /// Builds a source from its table under `[sources]`.
    ///
    /// A source without a secret is built as well: it refuses every request and says why, so that one
    /// missing secret does not take the other sources down.
    ///
    /// # Errors
    /// When a value is not allowed or a secret cannot be read; the error names the key and what to write.
    pub fn build(
        name: SourceName,
        config: &SourceConfig,
        secrets: &dyn ReadSecret,
    ) -> Result<Self, SourceConfigError> {
        let at = |key: &str| format!("sources.{name}.{key}");
        let secrets = config
            .read_secrets(secrets)
            .map_err(|problem| problem.under(&name))?;
        let gate = match (config.verify, secrets.is_empty()) {
            (Some(VerifyMode::None), true) => Gate::Open,
            (Some(VerifyMode::None), false) => {
                let what = "\"none\" and a secret contradict each other: remove one of them";
                return Err(SourceConfigError::new(at("verify"), what));
            }
            (None, true) => Gate::Closed,
            (None, false) => Gate::Checked,
        };
        let names = secrets.iter().map(|secret| secret.name.clone()).collect();
        let takers = Takers::build(config, secrets).map_err(|problem| problem.under(&name))?;
        let addresses = address::read(&config.addresses).map_err(|problem| problem.under(&name))?;
        let expect = Expect::build(&config.expect).map_err(|problem| problem.under(&name))?;
        let body_limit = config
            .body_limit()
            .map_err(|problem| problem.under(&name))?;
        Ok(Self {
            name,
            gate,
            secrets: names,
            takers,
            expect,
            addresses,
            address_texts: config.addresses.clone(),
            body_limit,
        })
    }

    /// The name that stands in `/hooks/<source>`.
    #[must_use]
    pub fn name(&self) -> &SourceName {
        &self.name
    }

    /// The provider's name as it is configured, such as `gitlab`, or `auto`.
    #[must_use]
    pub fn provider(&self) -> &'static str {
        self.takers.name()
    }

    /// How large a body may be.
    #[must_use]
    pub fn body_limit(&self) -> Bytes {
        self.body_limit
    }

    /// Whether a request from this address may be sent at all.
    ///
    /// # Errors
    /// With status 403 when the source has a list of addresses and this one is not in it.
    pub fn check_address(&self, address: IpAddr) -> Result<(), Rejection> {
        if self.addresses.is_empty() || self.addresses.iter().any(|range| range.contains(address)) {
            Ok(())
        } else {
            Err(Rejection::forbidden_address())
        }
    }

    /// What can be said before the body is read.
    ///
    /// # Errors
    /// With status 401 when no secret is configured, or when a header that the verification needs is
    /// missing, empty, or there more than once.
    pub fn check_headers(&self, headers: &HeaderMap) -> Result<(), Rejection> {
        match self.gate {
            Gate::Open => Ok(()),
            Gate::Closed => Err(Rejection::no_secret(&self.name)),
            Gate::Checked => {
                let provider = self.takers.of(Headers::Request(headers))?;
                provider.check_headers(headers)
            }
        }
    }

    /// Verifies a request: its signature on the bytes as received, that what it holds is JSON within the depth,
    /// that header and body do not contradict each other, and that the source expects it.
    ///
    /// # Errors
    /// With status 401 for the first; 400, 413 or 415 for the second; 400 for the third.
    pub fn verify<'a>(
        &self,
        headers: &HeaderMap,
        body: &'a [u8],
        now: Timestamp,
    ) -> Result<Verdict<'a>, Rejection> {
        self.check_headers(headers)?;
        let read = Headers::Request(headers);
        let provider = self.takers.of(read)?;
        let secret = match self.gate {
            Gate::Checked => Some(provider.authenticate(&Request { headers, body, now })?),
            Gate::Open | Gate::Closed => None,
        };
        let keys = |json: Option<&Value>| provider.keys(read, json, body);
        let forms = if provider.sends_forms() {
            Forms::Taken
        } else {
            Forms::LeftAlone
        };
        let body = body::json(headers, body, self.body_limit, forms)?;
        let value = json::outline(&body, provider.outline_depth())?;
        if let Some(value) = &value {
            if let Some(message) = provider.contradiction(read, value) {
                return Err(Rejection::contradiction(message));
            }
            if let Some(answer) = provider.challenge(value) {
                return Ok(Verdict::Answer(answer));
            }
        }
        let facts = provider.facts(read, value.as_ref());
        if let Some((reason, message)) = self.expect.mismatch(&facts) {
            return Ok(Verdict::Ignore { reason, message });
        }
        Ok(Verdict::Accept(Verified {
            provider: provider.name(),
            plain_answer: provider.is_answered_plainly(),
            secret,
            keys: keys(value.as_ref()),
            headers: read.without_credentials(provider.credential_headers()),
            body: match body {
                Cow::Borrowed(body) => redact::hide(body, provider.hidden()),
                Cow::Owned(body) => Cow::Owned(redact::hide(&body, provider.hidden()).into_owned()),
            },
        }))
    }

    /// What a refusal's record can say: the headers, and the project where the body was read.
    #[must_use]
    pub fn glance(&self, headers: &HeaderMap, body: Option<&[u8]>) -> Glance {
        let read = Headers::Request(headers);
        let Ok(provider) = self.takers.of(read) else {
            return Glance::default();
        };
        let small = body.filter(|body| body.len() <= MAX_GLANCE_BODY);
        let value = small.and_then(|body| json::read(body).ok().flatten());
        let facts = provider.facts(read, value.as_ref());
        let short = |text: String| {
            text.chars()
                .filter(|c| !c.is_control())
                .take(MAX_GLANCE)
                .collect()
        };
        Glance {
            event: facts.event.map(short),
            delivery: facts.delivery.map(short),
            project: facts.project.or(facts.project_id).map(short),
        }
    }

    /// Turns a stored delivery into its events.
    #[must_use]
    pub fn parse(&self, input: &ParseInput<'_>) -> Parsed {
        let headers = Headers::Stored(input.headers);
        // The configuration may have changed since.
        let provider = self.takers.named(input.provider);
        let other = |note: &str| {
            let event = provider.and_then(|provider| provider.facts(headers, None).event);
            vec![Draft::other(event.unwrap_or_default(), note)]
        };
        let mut not_made = 0;
        let mut drafts = match (provider, json::read(input.body)) {
            (None, _) => other("the source no longer takes requests of this provider"),
            (Some(provider), Ok(Some(value))) => {
                not_made = provider.left_out(headers, &value);
                provider.parse(headers, &value)
            }
            (Some(_), Ok(None) | Err(_)) => {
                other("the body cannot be read: a number or a text in it is out of range")
            }
        };
        if drafts.is_empty() {
            drafts = other("the body holds no event");
        }
        let left_out = drafts.len().saturating_sub(MAX_EVENTS);
        drafts.truncate(MAX_EVENTS);
        let events = drafts.into_iter().enumerate();
        Parsed {
            events: events
                .map(|(index, draft)| event(input, index, draft))
                .collect(),
            left_out: u64::try_from(left_out)
                .unwrap_or(u64::MAX)
                .saturating_add(not_made),
        }
    }

    /// The headers with which a provider would send this body, signed with its first secret here: what
    /// `hookbox send` uses. None where the source does not take this provider's requests; a source that verifies
    /// nothing signs nothing.
    #[must_use]
    pub fn signed_headers(
        &self,
        provider: &str,
        outgoing: &Outgoing<'_>,
    ) -> Option<Vec<(String, String)>> {
        Some(self.takers.named(provider)?.sign(outgoing))
    }
}

fn event(input: &ParseInput<'_>, index: usize, draft: Draft) -> Event {
    Event {
        id: input.delivery.event(index),
        source: input.source.clone(),
        provider: input.provider.to_owned(),
        provider_event: draft.provider_event,
        received_at: input.received_at,
        received_local: input.received_local.to_owned(),
        happened_at: draft.happened_at,
        provider_action: draft.provider_action,
        replay: false,
        truncated: draft.truncated,
        actor: draft.actor,
        repository: draft.repository,
        url: draft.url,
        note: draft.note,
        confidential: draft.confidential,
        subject: draft.subject,
    }
}

/// The names of the providers, in the order of the documentation.
pub fn providers() -> impl Iterator<Item = &'static str> {
    provider::PROVIDERS.iter().map(|kind| kind.name)
}
