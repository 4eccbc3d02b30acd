//! Any sender that signs its requests with an HMAC, described in `[sources.<name>.signature]`, or that sends its
//! secret as it is, as `auth` says.
//!
//! What such a sender tells is its own affair, so every event is `other`, and rules read the payload.
//!
//! Invariant: a source with a secret has exactly one way of showing it.

mod pointers;
mod scheme;
mod template;
#[cfg(test)]
mod tests;

use std::time::Duration;

use http::{HeaderMap, HeaderName};
use serde_json::Value;

use self::pointers::Pointers;
use self::scheme::Scheme;
use super::{
    BODY_COUNTS, Draft, Facts, Kind, Outgoing, Provider, Request, Setup, body_key, id_key,
    request_key, unsigned_id_keys,
};
use crate::domain::event::Subject;
use crate::domain::secret::Secret;
use crate::sources::config::ConfigProblem;
use crate::sources::headers::Headers;
use crate::sources::json::{Cut, Node};
use crate::sources::rejection::Rejection;
use crate::sources::samples::sample;
use crate::sources::signature::credential::Credential;

/// The generic source's line in the list of providers.
pub(super) const KIND: Kind = Kind {
    name: NAME,
    build,
    // Its requests have no header that is theirs alone.
    detect: |_| false,
    samples: &[sample!("generic", "event", "backup.finished")],
};

const NAME: &str = "generic";
const HINT: &str = "send it as the description of the source says";

#[derive(Debug)]
struct Generic {
    proof: Proof,
    pointers: Pointers,
    credentials: Vec<String>,
}

/// How a sender shows who it is.
#[derive(Debug)]
enum Proof {
    /// By a signature of the body.
    Signature {
        scheme: Box<Scheme>,
        secrets: Vec<(String, Secret)>,
    },
    /// By the secret itself.
    Credential(Credential),
    /// Not at all: nothing is verified, or everything is refused.
    Nothing,
}

fn build(setup: Setup<'_>) -> Result<Box<dyn Provider>, ConfigProblem> {
    let config = setup.config;
    let pointers = Pointers::build(config)?;
    let proof = match (&config.signature, &config.auth) {
        (Some(_), Some(_)) => {
            let what = "is given beside `signature`: a sender signs its requests, or it sends the secret with them, so \
                        remove one; a signature is stronger, because it covers the body";
            return Err(ConfigProblem::new("auth", what));
        }
        (Some(signature), None) => Proof::Signature {
            scheme: Box::new(Scheme::build(signature, config.tolerance()?)?),
            secrets: setup
                .secrets
                .into_iter()
                .map(|secret| (secret.name, secret.value))
                .collect(),
        },
        (None, Some(auth)) => Proof::Credential(Credential::build(auth, setup.secrets)?),
        (None, None) if setup.secrets.is_empty() => Proof::Nothing,
        (None, None) => {
            let what = "is missing: say how the requests are signed, such as `[sources.<name>.signature]` with \
                        `header = \"X-Hub-Signature-256\"`, `prefix = \"sha256=\"` and `algorithm = \"sha256\"`; or, \
                        for a sender that signs nothing, how it sends the secret, such as `auth = \"bearer\"`";
            return Err(ConfigProblem::new("signature", what));
        }
    };
    let credentials = match &proof {
        Proof::Signature { scheme, .. } => vec![scheme.header().to_owned()],
        Proof::Credential(credential) => vec![credential.header().to_owned()],
        Proof::Nothing => Vec::new(),
    };
    Ok(Box::new(Generic {
        proof,
        pointers,
        credentials,
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

impl Generic {
    fn scheme(&self) -> Option<&Scheme> {
        match &self.proof {
            Proof::Signature { scheme, .. } => Some(scheme),
            Proof::Credential(_) | Proof::Nothing => None,
        }
    }

    /// The name of the delivery, where a header has it.
    fn id_in_header<'a>(&self, headers: Headers<'a>) -> Option<&'a str> {
        headers.text(self.scheme()?.id_header()?)
    }

    /// The name of the delivery, where the body has it.
    fn id_in_body(&self, body: Option<&Value>) -> Option<String> {
        let cut = Cut::default();
        self.pointers.id(Node::root(body?, &cut))
    }
}

impl Provider for Generic {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Rejection> {
        match &self.proof {
            Proof::Signature { scheme, .. } => scheme.check_headers(headers),
            Proof::Credential(credential) => credential.check_headers(headers),
            Proof::Nothing => Ok(()),
        }
    }

    fn authenticate(&self, request: &Request<'_>) -> Result<String, Rejection> {
        match &self.proof {
            Proof::Signature { scheme, secrets } => scheme.authenticate(secrets, request),
            Proof::Credential(credential) => credential.authenticate(request.headers),
            Proof::Nothing => Err(Rejection::bad_signature(
                "the source does not say how a sender shows who it is: describe it with `signature` or `auth`",
            )),
        }
    }

    fn facts(&self, headers: Headers<'_>, body: Option<&Value>) -> Facts {
        let cut = Cut::default();
        let node = body.map(|body| Node::root(body, &cut));
        Facts {
            event: self.pointers.event(headers, node),
            delivery: self
                .id_in_header(headers)
                .map(str::to_owned)
                .or_else(|| self.id_in_body(body)),
            project: node.and_then(|node| self.pointers.project(node)),
            ..Facts::default()
        }
    }

    fn keys(
        &self,
        headers: Headers<'_>,
        json: Option<&Value>,
        body: &[u8],
    ) -> Vec<(String, Duration)> {
        // What the body says is signed with it; and who sends the secret itself can send any body.
        if let Some(id) = self.id_in_body(json) {
            return vec![id_key(&id)];
        }
        let id = self.id_in_header(headers);
        let covers_id = self.scheme().is_some_and(Scheme::covers_id);
        let time = self.scheme().and_then(|scheme| scheme.signed_time(headers));
        // Where the signature does not cover the identifier, whoever has seen a request can send it again under a
        // new one: then the request is known for as long as it is recent, or its body for as long as the identifier.
        match (id, time) {
            (Some(id), _) if covers_id => vec![id_key(id)],
            (Some(id), Some((time, tolerance))) => {
                vec![id_key(id), request_key(time, body, tolerance)]
            }
            (None, Some((time, tolerance))) => {
                let request = request_key(time, body, tolerance);
                vec![body_key(body, BODY_COUNTS), request]
            }
            (id, None) => unsigned_id_keys(id, body),
        }
    }

    fn credential_headers(&self) -> &[String] {
        &self.credentials
    }

    fn sends_forms(&self) -> bool {
        true
    }

    fn parse(&self, headers: Headers<'_>, body: &Value) -> Vec<Draft> {
        let cut = Cut::default();
        let node = Node::root(body, &cut);
        let event = self.pointers.event(headers, Some(node));
        vec![Draft {
            provider_event: event.unwrap_or_default(),
            happened_at: self.pointers.time(node),
            repository: self.pointers.repository(node),
            truncated: cut.happened(),
            ..Draft::about(Subject::Other)
        }]
    }

    fn sign(&self, outgoing: &Outgoing<'_>) -> Vec<(String, String)> {
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        if let Some(name) = self.pointers.event_header() {
            headers.push((name.to_owned(), outgoing.event.to_owned()));
        }
        match &self.proof {
            Proof::Signature { scheme, secrets } => {
                let secret = secrets.first().map(|(_, secret)| secret);
                scheme.sign(secret, outgoing, &mut headers);
            }
            Proof::Credential(credential) => headers.extend(credential.sign()),
            Proof::Nothing => {}
        }
        headers
    }
}
