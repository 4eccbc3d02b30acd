//! Sentry: the webhooks of an internal integration or of an app.
//!
//! A request is signed with the integration's client secret: an HMAC-SHA256 of the body, in hexadecimal digits.
//! <https://docs.sentry.io/organization/integrations/integration-platform/webhooks/>
//!
//! What Sentry calls an issue is here an alert, raised while it is unresolved, with the issue's identifier as its
//! fingerprint; so are the single errors, the alerts about issues, and those about metrics.
//!
//! Invariants:
//! - What an event is about is taken from the body, which is verified, never from the header that names it.
//! - The time in the headers is not signed, and proves nothing.

mod read;
#[cfg(test)]
mod tests;

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use super::{Draft, Facts, Kind, Outgoing, Provider, Request, Setup, unsigned_id_keys};
use crate::domain::clock::Timestamp;
use crate::sources::config::ConfigProblem;
use crate::sources::headers::Headers;
use crate::sources::json::{Cut, Node};
use crate::sources::redact::Hidden;
use crate::sources::rejection::Rejection;
use crate::sources::samples::sample;
use crate::sources::signature::body::BodySignature;
use crate::sources::signature::whole_number;

/// Sentry's line in the list of providers.
pub(super) const KIND: Kind = Kind {
    name: NAME,
    build,
    detect: |headers| headers.text(RESOURCE).is_some(),
    samples: &[
        sample!("sentry", "alert-firing", "issue"),
        sample!("sentry", "alert-resolved", "issue"),
        sample!("sentry", "metric-alert-firing", "metric_alert"),
        sample!("sentry", "note-on-issue", "comment"),
    ],
};

const NAME: &str = "sentry";
const RESOURCE: &str = "sentry-hook-resource";
const SIGNATURE: &str = "sentry-hook-signature";
/// In seconds since 1970.
const TIMESTAMP: &str = "sentry-hook-timestamp";
/// A new one for each attempt:
/// <https://github.com/getsentry/sentry/blob/master/src/sentry/sentry_apps/api/serializers/app_platform_event.py>.
const ID: &str = "request-id";
const HINT: &str = "name Sentry's address for this source in an integration of Sentry's, under Settings, Developer \
                    Settings, whose client secret is the secret here";

/// The code that a new installation exchanges for a token, and the cookies of those whose requests failed.
const HIDDEN: Hidden = Hidden {
    keys: &[],
    paths: &[
        &["data", "installation", "code"],
        &["data", "event", "request", "cookies"],
        &["data", "error", "request", "cookies"],
    ],
};

/// The kinds, as the header names them, with the key of `data` that each body has. A body is of the first kind
/// whose key it has.
const KINDS: [(&str, &str); 8] = [
    ("issue", "issue"),
    ("error", "error"),
    ("event_alert", "event"),
    ("metric_alert", "metric_alert"),
    ("comment", "comment_id"),
    ("installation", "installation"),
    ("seer", "run_id"),
    ("preprod_artifact", "buildId"),
];

/// The kind of a body.
fn kind_of(body: &Value) -> Option<&'static str> {
    let data = body.get("data")?.as_object()?;
    let found = KINDS.iter().find(|(_, key)| data.contains_key(*key));
    found.map(|(kind, _)| *kind)
}

#[derive(Debug)]
struct Sentry {
    signature: BodySignature,
    credentials: [String; 1],
}

fn build(setup: Setup<'_>) -> Result<Box<dyn Provider>, ConfigProblem> {
    setup.refuse_descriptions()?;
    Ok(Box::new(Sentry {
        signature: BodySignature::new(SIGNATURE, "", HINT, setup.secrets),
        credentials: [SIGNATURE.to_owned()],
    }))
}

impl Provider for Sentry {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Rejection> {
        self.signature.check_headers(headers)
    }

    fn authenticate(&self, request: &Request<'_>) -> Result<String, Rejection> {
        self.signature
            .authenticate(request.headers, &[request.body])
    }

    fn contradiction(&self, headers: Headers<'_>, body: &Value) -> Option<String> {
        let header = headers.text(RESOURCE)?;
        let kind = kind_of(body)?;
        let is_known = KINDS.iter().any(|(known, _)| *known == header);
        (is_known && kind != header)
            .then(|| format!("the header `Sentry-Hook-Resource` says `{header}`, and the body is of the kind `{kind}`"))
    }

    fn facts(&self, headers: Headers<'_>, body: Option<&Value>) -> Facts {
        let cut = Cut::default();
        let kind = body.and_then(kind_of);
        let node = body.map(|body| Node::root(body, &cut));
        let action = node.and_then(|node| node.text("action"));
        let project = node.and_then(|node| read::project(node.get("data")));
        Facts {
            event: headers.text(RESOURCE).or(kind).map(str::to_owned),
            kind: kind.map(|kind| match action {
                Some(action) => format!("{kind}.{action}"),
                None => kind.to_owned(),
            }),
            delivery: headers.text(ID).map(str::to_owned),
            project_id: project.as_ref().and_then(|project| project.id.clone()),
            project: project.and_then(|project| project.slug),
            instance: None,
        }
    }

    fn keys(
        &self,
        headers: Headers<'_>,
        _: Option<&Value>,
        body: &[u8],
    ) -> Vec<(String, Duration)> {
        unsigned_id_keys(headers.text(ID), body)
    }

    fn credential_headers(&self) -> &[String] {
        &self.credentials
    }

    fn hidden(&self) -> Hidden {
        HIDDEN
    }

    fn outline_depth(&self) -> usize {
        read::DEPTH
    }

    fn parse(&self, headers: Headers<'_>, body: &Value) -> Vec<Draft> {
        let cut = Cut::default();
        let node = Node::root(body, &cut);
        let kind = kind_of(body);
        let header = headers.text(RESOURCE);
        let action = node.text("action");
        let data = node.get("data");
        let found = match kind {
            Some("issue") => read::issue(data, action.as_deref()),
            Some("error") => read::error(data),
            Some("event_alert") => read::event_alert(data),
            Some("metric_alert") => read::metric_alert(data, action.as_deref()),
            Some("comment") => read::comment(data, action.as_deref()),
            Some(kind) => Err(format!("there is no word for the kind `{kind}`")),
            None => Err("the body is of no known kind: `data` has none of their keys".to_owned()),
        };
        let sent_at = headers
            .text(TIMESTAMP)
            .and_then(|time| whole_number(time.as_bytes()))
            .and_then(|seconds| seconds.checked_mul(1_000));
        let draft = found.unwrap_or_else(|note| Draft::other("", note));
        vec![Draft {
            provider_event: cut.text(header.or(kind).unwrap_or_default()),
            happened_at: draft.happened_at.or(sent_at.map(Timestamp)),
            actor: read::actor(node.get("actor")),
            repository: read::project(data).and_then(read::Project::into_repository),
            provider_action: action,
            truncated: cut.happened(),
            ..draft
        }]
    }

    fn sign(&self, outgoing: &Outgoing<'_>) -> Vec<(String, String)> {
        let time = outgoing.now.0.div_euclid(1_000).to_string();
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            (RESOURCE.to_owned(), outgoing.event.to_owned()),
            (TIMESTAMP.to_owned(), time),
            (ID.to_owned(), outgoing.id.to_owned()),
        ];
        headers.extend(self.signature.sign(&[outgoing.body]));
        headers
    }
}
