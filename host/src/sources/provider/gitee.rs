//! Gitee: <https://help.gitee.com/webhook/gitee-webhook-push-data-format>.
//!
//! `X-Gitee-Token` holds the webhook's password as it is, or a signature of `X-Gitee-Timestamp` with the
//! webhook's key; which of them, is chosen in the webhook's settings. Neither says anything about the body:
//! whoever has seen one request can send any body with it, with a signature as long as its time counts, and
//! with a password for ever. So a key is to be preferred, and both want HTTPS.
//!
//! Invariants:
//! - A signature counts only within the tolerance of its time.
//! - A password counts only as a whole, and what is neither is refused.
//! - The password and the signature that the body holds once more are not stored.

mod code;
mod common;
#[cfg(test)]
pub(super) mod corpus;
mod kind;
mod merge_request;
#[cfg(test)]
mod tests;
mod tracker;

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use super::{
    BODY_COUNTS, Draft, Facts, ID_COUNTS, Kind, Outgoing, Provider, Request, Setup, body_key,
};
use crate::domain::clock::Timestamp;
use crate::domain::event::Subject;
use crate::domain::quantity::Span;
use crate::domain::secret::Secret;
use crate::sources::config::ConfigProblem;
use crate::sources::headers::{Headers, required};
use crate::sources::json::{Cut, Node};
use crate::sources::redact::Hidden;
use crate::sources::rejection::Rejection;
use crate::sources::samples::sample;
use crate::sources::signature::{
    Algorithm, Encoding, is_recent, mac, same, same_token, whole_number,
};

/// Gitee's line in the list of providers.
pub(super) const KIND: Kind = Kind {
    name: NAME,
    build,
    detect: |headers| headers.text(EVENT).is_some(),
    samples: &[
        sample!("gitee", "push", "Push Hook"),
        sample!("gitee", "tag", "Tag Push Hook"),
        sample!("gitee", "merge-request-opened", "Merge Request Hook"),
        sample!("gitee", "merge-request-updated", "Merge Request Hook"),
        sample!("gitee", "merge-request-merged", "Merge Request Hook"),
        sample!("gitee", "merge-request-closed", "Merge Request Hook"),
        sample!("gitee", "issue-opened", "Issue Hook"),
        sample!("gitee", "note-on-merge-request", "Note Hook"),
    ],
};

const NAME: &str = "gitee";
const EVENT: &str = "x-gitee-event";
const TOKEN: &str = "x-gitee-token";
/// When the webhook was triggered, in milliseconds since 1970.
const TIMESTAMP: &str = "x-gitee-timestamp";
/// `true` where somebody tries the webhook in its settings.
const PING: &str = "x-gitee-ping";

const HINT: &str = "set the password or the signing key in the webhook's settings in Gitee";

/// The body repeats what `X-Gitee-Token` holds.
const HIDDEN: Hidden = Hidden {
    keys: &[],
    paths: &[&["password"], &["sign"]],
};

#[derive(Debug)]
struct Gitee {
    secrets: Vec<(String, Secret)>,
    tolerance: Span,
    credentials: [String; 1],
}

fn build(setup: Setup<'_>) -> Result<Box<dyn Provider>, ConfigProblem> {
    setup.refuse_descriptions()?;
    let secrets = setup
        .secrets
        .into_iter()
        .map(|secret| (secret.name, secret.value));
    Ok(Box::new(Gitee {
        secrets: secrets.collect(),
        tolerance: setup.config.tolerance()?,
        credentials: [TOKEN.to_owned()],
    }))
}

/// The signature of a time: <https://help.gitee.com/webhook/how-to-verify-webhook-keys>. What is described
/// there as encoded for an address is sent as it is.
fn signature(key: &[u8], timestamp: &[u8]) -> Vec<u8> {
    mac(Algorithm::Sha256, key, &[timestamp, b"\n", key])
}

impl Gitee {
    /// The name of the first secret for which this is so; all are tried, so that the time says nothing.
    fn matched(&self, is_match: impl Fn(&[u8]) -> bool) -> Option<String> {
        let mut matched = None;
        for (name, secret) in &self.secrets {
            if is_match(secret.expose().as_bytes()) && matched.is_none() {
                matched = Some(name.clone());
            }
        }
        matched
    }
}

impl Provider for Gitee {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Rejection> {
        required(headers, TOKEN, HINT)?;
        if headers.contains_key(TIMESTAMP) {
            required(
                headers,
                TIMESTAMP,
                "send the time with which the signature was made",
            )?;
        }
        Ok(())
    }

    fn authenticate(&self, request: &Request<'_>) -> Result<String, Rejection> {
        let sent = required(request.headers, TOKEN, HINT)?.trim_ascii();
        let timestamp = request.headers.get(TIMESTAMP).map(|time| time.as_bytes());
        let decoded = Encoding::Base64.decode(sent);
        let signed = decoded.zip(timestamp).and_then(|(decoded, timestamp)| {
            let name = self.matched(|key| same(&signature(key, timestamp), &decoded))?;
            Some((name, timestamp))
        });
        if let Some((name, timestamp)) = signed {
            let moment = whole_number(timestamp)
                .map(Timestamp)
                .ok_or_else(|| Rejection::bad_timestamp(TIMESTAMP))?;
            return if is_recent(moment, request.now, self.tolerance) {
                Ok(name)
            } else {
                Err(Rejection::stale(TIMESTAMP))
            };
        }
        self.matched(|password| same_token(sent, password))
            .ok_or_else(|| {
                Rejection::bad_signature(
                    "`X-Gitee-Token` is neither a signature with a secret of this source nor the secret itself: \
                     check that the webhook's settings in Gitee have the same secret",
                )
            })
    }

    fn contradiction(&self, headers: Headers<'_>, body: &Value) -> Option<String> {
        let header = headers.text(EVENT)?;
        let name = kind::of_body(body)?;
        kind::contradict(header, name).then(|| {
            let (header, name) = (header.escape_debug(), name.escape_debug());
            format!(
                "the header `X-Gitee-Event` says `{header}`, and the body is of the hook `{name}`"
            )
        })
    }

    fn facts(&self, headers: Headers<'_>, body: Option<&Value>) -> Facts {
        let kind = body.and_then(kind::of_body);
        let event = headers
            .text(EVENT)
            .or_else(|| kind.and_then(kind::header_of))
            .or(kind);
        let cut = Cut::default();
        let place = body.map(|body| common::Place::of(Node::root(body, &cut)));
        let place = place.unwrap_or_default();
        Facts {
            event: event.map(str::to_owned),
            kind: kind.map(str::to_owned),
            // It names no delivery.
            delivery: None,
            project_id: place.id,
            project: place.full_name,
            instance: place.instance,
        }
    }

    fn keys(&self, _: Headers<'_>, json: Option<&Value>, body: &[u8]) -> Vec<(String, Duration)> {
        // A body that says when it was sent is never sent a second time by anybody honest.
        let is_timed = json.is_some_and(|body| {
            let moment = body.get("timestamp");
            moment.is_some_and(|moment| moment.is_string() || moment.is_u64())
        });
        vec![body_key(
            body,
            if is_timed { ID_COUNTS } else { BODY_COUNTS },
        )]
    }

    fn credential_headers(&self) -> &[String] {
        &self.credentials
    }

    fn hidden(&self) -> Hidden {
        HIDDEN
    }

    fn sends_forms(&self) -> bool {
        true
    }

    fn parse(&self, headers: Headers<'_>, body: &Value) -> Vec<Draft> {
        let kind = kind::of_body(body);
        let header = headers.text(EVENT);
        let event = header
            .or_else(|| kind.and_then(kind::header_of))
            .or(kind)
            .unwrap_or_default();
        let cut = Cut::default();
        let node = Node::root(body, &cut);
        let read = if headers.text(PING) == Some("true") {
            Ok(Draft {
                actor: common::actor(node),
                ..Draft::about(Subject::Ping)
            })
        } else {
            match kind.or_else(|| kind::of_header(event)) {
                Some("push_hooks" | "tag_push_hooks") => code::push(node),
                Some("merge_request_hooks") => merge_request::read(node),
                Some("issue_hooks") => tracker::issue(node),
                Some("note_hooks") => tracker::note(node),
                Some(name) => Err(format!("the hook `{}` is not known", cut.text(name))),
                None => Err("the body names no hook, as `hook_name`".to_owned()),
            }
        };
        let mut draft = read.unwrap_or_else(|note| Draft {
            provider_action: node.text("action"),
            actor: common::actor(node),
            url: node.link("url"),
            ..Draft::other("", note)
        });
        draft.repository = draft.repository.or_else(|| common::repository(node));
        draft.provider_event = cut.text(event);
        draft.truncated = cut.happened();
        vec![draft]
    }

    fn sign(&self, outgoing: &Outgoing<'_>) -> Vec<(String, String)> {
        let timestamp = outgoing.now.0.to_string();
        let token = self.secrets.first().map(|(_, secret)| {
            let signature = signature(secret.expose().as_bytes(), timestamp.as_bytes());
            Encoding::Base64.encode(&signature)
        });
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            (EVENT.to_owned(), outgoing.event.to_owned()),
            (PING.to_owned(), "false".to_owned()),
            (TIMESTAMP.to_owned(), timestamp),
        ];
        headers.extend(token.map(|token| (TOKEN.to_owned(), token)));
        headers
    }
}
