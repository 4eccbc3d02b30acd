//! Any sender that follows Standard Webhooks, version 1.0.0.
//!
//! The signature covers the delivery's identifier and its time. What such a sender tells is its own
//! affair, so every event is `other`; by convention the body has a `type` and a `timestamp`.
//!
//! A key is `whsec_…` for the scheme `v1`, or for `v1a` the sender's public key, `whpk_…`, or a private one, `whsk_…`.
//! What a public key alone should sign is sent without a signature, and the source refuses it: nobody but the sender
//! can sign.

#[cfg(test)]
mod tests;

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use super::{
    BODY_COUNTS, Draft, Facts, Kind, Outgoing, Provider, Request, Setup, body_key, id_key,
};
use crate::domain::clock::Timestamp;
use crate::domain::event::Subject;
use crate::domain::quantity::Span;
use crate::sources::config::ConfigProblem;
use crate::sources::headers::Headers;
use crate::sources::json::{Cut, Node};
use crate::sources::rejection::Rejection;
use crate::sources::samples::sample;
use crate::sources::signature::standard::{self, Key};

/// The line of Standard Webhooks in the list of providers.
pub(super) const KIND: Kind = Kind {
    name: NAME,
    build,
    detect: |headers| headers.text(standard::ID).is_some(),
    samples: &[sample!("standard-webhooks", "event", "invoice.paid")],
};

const NAME: &str = "standard-webhooks";

#[derive(Debug)]
struct StandardWebhooks {
    keys: Vec<(String, Key)>,
    tolerance: Span,
}

fn build(setup: Setup<'_>) -> Result<Box<dyn Provider>, ConfigProblem> {
    setup.refuse_descriptions()?;
    let tolerance = setup.config.tolerance()?;
    let mut keys = Vec::new();
    for secret in setup.secrets {
        let key = Key::parse(secret.value.expose())
            .map_err(|what| ConfigProblem::new(secret.key, what))?;
        keys.push((secret.name, key));
    }
    Ok(Box::new(StandardWebhooks { keys, tolerance }))
}

impl Provider for StandardWebhooks {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Rejection> {
        standard::check_headers(headers)
    }

    fn authenticate(&self, request: &Request<'_>) -> Result<String, Rejection> {
        standard::verify(&self.keys, request, self.tolerance)
    }

    fn facts(&self, headers: Headers<'_>, body: Option<&Value>) -> Facts {
        Facts {
            event: body
                .and_then(|body| body.get("type")?.as_str())
                .map(str::to_owned),
            delivery: headers.text(standard::ID).map(str::to_owned),
            ..Facts::default()
        }
    }

    fn keys(
        &self,
        headers: Headers<'_>,
        _: Option<&Value>,
        body: &[u8],
    ) -> Vec<(String, Duration)> {
        vec![
            headers
                .text(standard::ID)
                .map_or_else(|| body_key(body, BODY_COUNTS), id_key),
        ]
    }

    fn parse(&self, _: Headers<'_>, body: &Value) -> Vec<Draft> {
        let cut = Cut::default();
        let node = Node::root(body, &cut);
        let happened_at = node
            .raw("timestamp")
            .and_then(|text| text.parse().ok())
            .map(|instant: jiff::Timestamp| Timestamp(instant.as_millisecond()));
        let event = node.text("type").unwrap_or_default();
        vec![Draft {
            provider_event: event,
            happened_at,
            truncated: cut.happened(),
            ..Draft::about(Subject::Other)
        }]
    }

    fn sign(&self, outgoing: &Outgoing<'_>) -> Vec<(String, String)> {
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let signed = self.keys.iter().find_map(|(_, key)| key.sign(outgoing));
        match signed {
            Some(signed) => headers.extend(signed),
            None => headers.push((standard::ID.to_owned(), outgoing.id.to_owned())),
        }
        headers
    }
}
