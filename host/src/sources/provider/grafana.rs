//! Grafana: the webhooks of a contact point, and those that dashboards sent before Grafana 11.
//!
//! With `auth` the secret comes as the contact point's authorization says: Basic, `Authorization: Bearer …`, or
//! in a header of its own; another scheme is `{ header = "Authorization" }` with the scheme in the secret. Without
//! it a request has the contact point's HMAC signature (Grafana 11.6 and later): in hexadecimal digits, of the body, or
//! of the time, `:` and the body where the contact point names a header for the time.
//! <https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/#hmac-signature>
//!
//! A contact point may give both headers any name. The usual names are known here; a source whose headers have
//! others is a `generic` one.
//!
//! Invariants:
//! - A time that is sent is part of what is signed, and is not far from the present.
//! - Each alert of a request is one event, firing or cleared.

#[cfg(test)]
pub(super) mod corpus;
mod legacy;
#[cfg(test)]
mod tests;

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use super::monitor::Pairs;
use super::{
    BODY_COUNTS, Draft, Facts, Kind, Outgoing, Provider, Request, Setup, body_key, digest, id_key,
    monitor,
};
use crate::domain::clock::Timestamp;
use crate::domain::quantity::Span;
use crate::sources::config::ConfigProblem;
use crate::sources::headers::{Headers, required};
use crate::sources::json::{Cut, Node};
use crate::sources::rejection::Rejection;
use crate::sources::samples::sample;
use crate::sources::signature::body::BodySignature;
use crate::sources::signature::credential::Credential;
use crate::sources::signature::{is_recent, whole_number};

/// Grafana's line in the list of providers.
pub(super) const KIND: Kind = Kind {
    name: NAME,
    build,
    detect: |headers| {
        let agent = headers.text(USER_AGENT).unwrap_or_default();
        let is_own = agent == AGENT || agent.starts_with("Grafana/");
        is_own || SIGNATURES.iter().any(|name| headers.text(name).is_some())
    },
    samples: &[
        sample!("grafana", "alert-firing", "firing"),
        sample!("grafana", "alert-resolved", "resolved"),
    ],
};

const NAME: &str = "grafana";
const USER_AGENT: &str = "user-agent";
/// <https://github.com/grafana/alerting/blob/main/http/client.go>
const AGENT: &str = "Grafana";
/// Where the signature stands: the name that the documentation gives as the default, and the one that is used
/// where the field is left empty, <https://github.com/grafana/alerting/blob/main/http/hmac.go>.
const SIGNATURES: [&str; 2] = ["x-grafana-alerting-signature", "x-grafana-alert-signature"];
/// Where the time stands, in seconds since 1970. There is no default: the first is the name that most receivers
/// ask for, the second that of Grafana's own examples,
/// <https://github.com/grafana/terraform-provider-grafana/blob/main/examples/resources/grafana_contact_point/_acc_receiver_types_11_6.tf>.
const TIMES: [&str; 2] = [
    "x-grafana-alerting-signature-timestamp",
    "x-grafana-alerting-timestamp",
];

const HINT: &str = "set the secret of the HMAC signature in the contact point, and leave the name of its header as \
                    it is; or set `auth` of the source where the contact point sends an authorization instead";
const TIME_HINT: &str = "the contact point sends it beside the signature";

/// How a request shows who sent it.
#[derive(Debug)]
enum Proof {
    Credential(Credential),
    /// One for each name of the header.
    Signature([BodySignature; 2], Span),
}

#[derive(Debug)]
struct Grafana {
    proof: Proof,
    credentials: Vec<String>,
}

fn build(setup: Setup<'_>) -> Result<Box<dyn Provider>, ConfigProblem> {
    setup.refuse_signature()?;
    let tolerance = setup.config.tolerance()?;
    let mut credentials: Vec<String> = SIGNATURES.into_iter().map(str::to_owned).collect();
    let proof = if let Some(auth) = &setup.config.auth {
        let credential = Credential::build(auth, setup.secrets)?;
        credentials.push(credential.header().to_owned());
        Proof::Credential(credential)
    } else {
        let signatures =
            SIGNATURES.map(|name| BodySignature::new(name, "", HINT, setup.secrets.clone()));
        Proof::Signature(signatures, tolerance)
    };
    Ok(Box::new(Grafana { proof, credentials }))
}

/// The signature that a request has; the documented one where it has none.
fn signature<'a>(
    signatures: &'a [BodySignature; 2],
    headers: &HeaderMap,
) -> Result<&'a BodySignature, Rejection> {
    let [documented, fallback] = signatures;
    match SIGNATURES.map(|name| headers.contains_key(name)) {
        [true, true] => Err(Rejection::repeated(SIGNATURES[0])),
        [false, true] => Ok(fallback),
        [_, false] => Ok(documented),
    }
}

/// The header with the time that a request has, and its value.
fn sent_time(headers: &HeaderMap) -> Result<Option<(&'static str, &[u8])>, Rejection> {
    match TIMES.map(|name| headers.contains_key(name)) {
        [true, true] => Err(Rejection::repeated(TIMES[0])),
        [false, false] => Ok(None),
        [first, _] => {
            let name = TIMES[usize::from(!first)];
            required(headers, name, TIME_HINT).map(|value| Some((name, value)))
        }
    }
}

/// Whether the request was signed, and when, if it says so.
fn verify(
    signature: &BodySignature,
    request: &Request<'_>,
    tolerance: Span,
) -> Result<String, Rejection> {
    signature.check_headers(request.headers)?;
    let Some((name, time)) = sent_time(request.headers)? else {
        let verified = signature.authenticate(request.headers, &[request.body]);
        return verified.map_err(|rejection| {
            Rejection::bad_signature(&format!(
                "{rejection}; a header for the time must be called `{}`, because it is part of what is signed",
                TIMES[0]
            ))
        });
    };
    let matched = signature.authenticate(request.headers, &[time, b":", request.body])?;
    let seconds = whole_number(time).ok_or_else(|| Rejection::bad_timestamp(name))?;
    let moment = Timestamp(seconds.saturating_mul(1_000));
    if is_recent(moment, request.now, tolerance) {
        Ok(matched)
    } else {
        Err(Rejection::stale(name))
    }
}

impl Provider for Grafana {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Rejection> {
        match &self.proof {
            Proof::Credential(credential) => credential.check_headers(headers),
            Proof::Signature(signatures, _) => {
                signature(signatures, headers)?.check_headers(headers)?;
                sent_time(headers).map(|_| ())
            }
        }
    }

    fn authenticate(&self, request: &Request<'_>) -> Result<String, Rejection> {
        match &self.proof {
            Proof::Credential(credential) => credential.authenticate(request.headers),
            Proof::Signature(signatures, tolerance) => {
                verify(signature(signatures, request.headers)?, request, *tolerance)
            }
        }
    }

    fn facts(&self, _: Headers<'_>, body: Option<&Value>) -> Facts {
        let cut = Cut::default();
        let group = body.map(|body| Node::root(body, &cut));
        let text = |key: &str| group.and_then(|group| group.text(key));
        Facts {
            event: text("status").or_else(|| text("state")),
            instance: text("externalURL"),
            ..Facts::default()
        }
    }

    fn keys(
        &self,
        headers: Headers<'_>,
        _: Option<&Value>,
        body: &[u8],
    ) -> Vec<(String, Duration)> {
        // A group that goes on firing is sent again with the same body. A signed time tells that from a request
        // that somebody else sends again.
        let again = body_key(body, BODY_COUNTS);
        let time = TIMES.into_iter().find_map(|name| headers.text(name));
        match (&self.proof, time) {
            (Proof::Signature(..), Some(time)) => {
                vec![id_key(&format!("{time}/{}", digest(body))), again]
            }
            _ => vec![again],
        }
    }

    fn credential_headers(&self) -> &[String] {
        &self.credentials
    }

    fn parse(&self, _: Headers<'_>, body: &Value) -> Vec<Draft> {
        if legacy::is_legacy(body) {
            vec![legacy::read(body)]
        } else {
            monitor::alerts(body, more)
        }
    }

    fn left_out(&self, _: Headers<'_>, body: &Value) -> u64 {
        monitor::left_out(body)
    }

    fn sign(&self, outgoing: &Outgoing<'_>) -> Vec<(String, String)> {
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            (USER_AGENT.to_owned(), AGENT.to_owned()),
        ];
        match &self.proof {
            Proof::Credential(credential) => headers.extend(credential.sign()),
            Proof::Signature([signature, _], _) => {
                let time = outgoing.now.0.div_euclid(1_000).to_string();
                headers.extend(signature.sign(&[time.as_bytes(), b":", outgoing.body]));
                headers.push((TIMES[0].to_owned(), time));
            }
        }
        headers
    }
}

/// What Grafana says of an alert beside its annotations: where to see and where to silence it, and the values
/// that raised it, by the names that it gives them.
fn more(alert: Node<'_>) -> Pairs {
    let links = ["silenceURL", "dashboardURL", "panelURL", "imageURL"];
    let links = links
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), alert.link(name)?)));
    let values = monitor::pairs(alert.get("values"))
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"));
    let values = values.collect::<Vec<_>>().join(", ");
    let values = (!values.is_empty()).then(|| ("values".to_owned(), alert.cut().text(&values)));
    links.chain(values).collect()
}
